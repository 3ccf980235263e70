/* Explored failures, made small: which operations of the workload it takes, and the way from there. */
#ifndef KAYA_SCENARIOS_SHORTEN_PATH_H
#define KAYA_SCENARIOS_SHORTEN_PATH_H

#include "kaya/scenarios/exploration.h"

struct kaya_shorten_path_options {
    const struct kaya_exploration *exploration; /* the whole workload */
    const struct kaya_explore_options *explore; /* as kaya_exploration_set and the caller made them; crash_depth does not count */
    double seconds_max;                         /* 0: no limit */
    void (*on_progress)(void *user, uint64_t walks); /* now and then; NULL: nobody */
    void *user;
};

struct kaya_short_path {
    uint64_t kept; /* operations, a bit each; UINT64_MAX: all */
    char path[KAYA_EXPLORE_PATH_MAX];
    struct kaya_violation violation; /* at its end; "" for the promise: none */
    uint64_t walks;                  /* paths that were walked and states that were visited on the way here */
    uint64_t operations, operations_before;
    bool is_complete; /* nothing more can be left out; false: the time was over */
};

/* Shorten the path that `shortened` holds with its `kept`: what is left breaks the same promise with the same finding. Where the code under test
 * dies, that is the finding ("assert"). Signal handlers are taken for the time of the call; one call at a time in a process.
 *
 *   KAYA_INVALID, KAYA_NOT_FOUND  as kaya_explore_replay says it of the path that is there at first
 *   KAYA_NO_MEMORY */
KAYA_MUST_CHECK enum kaya_status kaya_shorten_path(const struct kaya_shorten_path_options *options,
                                                   struct kaya_short_path *shortened);

/* Walk it; `listener` hears every event. Sets the violation. Statuses as above. */
KAYA_MUST_CHECK enum kaya_status kaya_shorten_path_tell(const struct kaya_shorten_path_options *options,
                                                        struct kaya_short_path *shortened,
                                                        kaya_trace_listener *listener, void *user);

#endif
