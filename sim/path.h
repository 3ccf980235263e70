/* The way to a state, as text. */
#ifndef KAYA_SIM_PATH_H
#define KAYA_SIM_PATH_H

#include "kaya/sim/choices.h"
#include "kaya/sim/disk.h"
#include "kaya/sim/explore.h"

/* Number 0 is the workload, with the errors that struck it; then one for each crash. */
struct kaya_path_leg {
    uint64_t call; /* the call of the boot before which it struck; one above the last: behind all of them */
    enum kaya_crash kind;
    uint64_t *answers; /* the questions behind it; allocated */
    size_t answer_count;
};

struct kaya_path {
    struct kaya_path_leg legs[KAYA_EXPLORE_DEPTH_MAX + 1];
    const char *first_word; /* "error" or "schedule": what the workload's own answers are about; static */
    unsigned crash_count;
};

/* Read one (see kaya_explore_replay). KAYA_INVALID, KAYA_NO_MEMORY; then there is nothing to release. */
KAYA_MUST_CHECK enum kaya_status kaya_path_parse(const char *text, struct kaya_path *path);
void kaya_path_release(struct kaya_path *path);

/* The text of a path; what does not fit ends in "...". */
void kaya_path_print(const struct kaya_path *path, char text[KAYA_EXPLORE_PATH_MAX]);

/* Append one leg to the `used` characters of a text; returns how many there are then. What does not fit ends in "...". */
size_t kaya_path_format(char text[KAYA_EXPLORE_PATH_MAX], size_t used, unsigned leg, uint64_t call,
                        enum kaya_crash kind, const struct kaya_choices *odometer);

#endif
