/* The head: the highest segment whose link counts. */
#ifndef KAYA_HEAD_H
#define KAYA_HEAD_H

#include "look.h"

/* Fill in `head` with its claim and facts, and what the files above it are; `above` is the segment right above it. SURVEY_NONE's
 * head where none counts. KAYA_UNSUPPORTED, KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED. */
KAYA_MUST_CHECK enum kaya_status kaya_head_find(struct look *look);

#endif
