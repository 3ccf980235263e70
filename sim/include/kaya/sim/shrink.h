/* Making a failing run small: what it decided is cut and lowered as long as it fails in the same way. */
#ifndef KAYA_SIM_SHRINK_H
#define KAYA_SIM_SHRINK_H

#include "kaya/sim/choices.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Decisions in memory, as kaya_choices_recorded gives them; labels are borrowed. */
struct kaya_tape {
    struct kaya_decision *decisions;
    size_t count, capacity;
};

/* Copy; KAYA_NO_MEMORY leaves `tape` as it was. */
KAYA_MUST_CHECK enum kaya_status kaya_tape_set(struct kaya_tape *tape, const struct kaya_decision *decisions,
                                               size_t count);
void kaya_tape_release(struct kaya_tape *tape); /* to all zeros, which is an empty tape */

/* Play a run that bends `count` decisions to what it asks (kaya_choices_from_decisions). True: it failed in the way that is looked for;
 * then `played` must be set to what was really asked and answered. Must be a function of the decisions. */
typedef bool kaya_shrink_fails(void *user, const struct kaya_decision *decisions, size_t count,
                               struct kaya_tape *played);

struct kaya_shrink_options {
    kaya_shrink_fails *fails;
    bool (*is_time_over)(void *user); /* asked before each run; NULL: never */
    void *user;
    uint64_t runs_max; /* 0: no limit */
};

struct kaya_shrink_report {
    uint64_t runs;           /* that were played */
    uint64_t steps;          /* that made it smaller */
    uint64_t parts, decided; /* what is left: parts, and answers that are not 0 */
    uint64_t parts_before, decided_before;
    bool is_complete; /* nothing that is tried makes it smaller; false: time or runs were over */
};

/* `tape` holds a failing run, as recorded; afterwards the smallest that was found. The same tape, the same runs: only where the time
 * ends hangs on the machine. KAYA_INVALID: it does not fail. KAYA_NO_MEMORY: `tape` is the smallest so far. */
KAYA_MUST_CHECK enum kaya_status kaya_shrink(const struct kaya_shrink_options *options,
                                             struct kaya_tape *tape, struct kaya_shrink_report *report);

#ifdef __cplusplus
}
#endif

#endif
