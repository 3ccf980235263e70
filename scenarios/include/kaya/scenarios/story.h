/* A run as a short story: a line for each operation, with what it was answered and what it did to the disk; for each crash, with what did
 * not reach it; and the broken promise. */
#ifndef KAYA_SCENARIOS_STORY_H
#define KAYA_SCENARIOS_STORY_H

#include <stdio.h>

#include "kaya/sim/subject.h"
#include "kaya/sim/trace.h"

struct kaya_story;
struct kaya_story *kaya_story_create(void);        /* NULL: no memory */
void kaya_story_destroy(struct kaya_story *story); /* takes NULL */

/* Hears a run from its first event on; `user` is the story. One run a story. */
kaya_trace_listener kaya_story_hear;

/* How the run ended: the last line. */
void kaya_story_end(struct kaya_story *story, const struct kaya_violation *violation);

/* The lines, without newlines; I/O that does not fit `width` columns is left out in the middle, and counted. Returned text is good until the
 * next call. NULL: memory ended while it was told. */
size_t kaya_story_line_count(const struct kaya_story *story);
const char *kaya_story_line(struct kaya_story *story, size_t number, size_t width);

#endif
