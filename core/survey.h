/* Looking at a whole log without changing it: which files there are, which segments are in use, where the log ends, and what
 * that means. Recovery, cut-back, readers, verify and inspect all begin here. */
#ifndef KAYA_SURVEY_H
#define KAYA_SURVEY_H

#include "above.h"
#include "chain.h"

/* *survey needs no initialisation and is to be released after any status. What the bytes say is a verdict in `report` and
 * `row`, never a failure.
 *   KAYA_UNSUPPORTED  a segment that may be in use is of another version     KAYA_WRONG_LOG  the anchor's id is another
 *   KAYA_BUSY         live only: it kept changing     KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED */
KAYA_MUST_CHECK enum kaya_status kaya_survey(struct survey *survey, const struct context *context,
                                             const struct survey_options *options);
#define SURVEY_NONE                                                                                          \
    ((struct survey){ .head = { .file = NULL }, .memory = SCAN_MEMORY_NONE, .head_window = SCAN_WINDOW_NONE })
void kaya_survey_release(struct survey *survey, const struct context *context);

#endif
