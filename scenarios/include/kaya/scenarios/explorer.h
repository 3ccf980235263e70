/* One exploration by several processes, with a memory that a file may keep. */
#ifndef KAYA_SCENARIOS_EXPLORER_H
#define KAYA_SCENARIOS_EXPLORER_H

#include <signal.h>

#include "kaya/sim/explore.h"

enum { KAYA_EXPLORER_JOBS_MAX = 64, KAYA_EXPLORER_VIOLATIONS_MAX = 32, KAYA_EXPLORER_REFUSAL_BYTES = 160 };

struct kaya_explorer_progress {
    uint64_t states, violations;
    uint32_t units_done, unit_count; /* of a first look at the workload; more with errors */
    double seconds;
};

struct kaya_explorer_options {
    const struct kaya_explore_options *explore; /* without crew and set of its own */
    unsigned job_count;                         /* processes; 0 means 1 */
    uint64_t memory_bytes;                      /* for what was visited; 0 means 256 MiB */
    const char *resume_path; /* a file that keeps what was done: made if it is not there, else gone on from; NULL: none */
    uint64_t identity; /* what is explored, and by which program, as a hash: a file of another one is refused */
    uint64_t states_max;                      /* about so many, all processes together; 0: no end */
    double seconds_max;                       /* 0: no end */
    const volatile sig_atomic_t *interrupted; /* not 0: stop; NULL: nobody can */
    void (*on_progress)(void *user, const struct kaya_explorer_progress *progress);
    void *user;
};

struct kaya_explorer_violation {
    uint32_t unit;
    struct kaya_violation violation;
    char path[KAYA_EXPLORE_PATH_MAX];
};

struct kaya_explorer_report {
    struct kaya_explore_report sum;
    bool exhaustive;
    bool was_resumed;
    uint32_t units_done;
    double seconds;         /* of the clock */
    double cpu_seconds;     /* of all processes together, in this session */
    uint64_t states_here;   /* explored in this session; `sum` has all */
    size_t violations_kept; /* by their units; within one as they were found */
    struct kaya_explorer_violation violations[KAYA_EXPLORER_VIOLATIONS_MAX];
    char refusal[KAYA_EXPLORER_REFUSAL_BYTES]; /* why the file is not taken: where, what stands there, what was expected; "" */
};

/* KAYA_NO_MEMORY; KAYA_INVALID with a refusal: the file is not of this exploration by this program, or is in use; it is as it was (an empty one
 * too is none of ours); KAYA_IO, with errno: it cannot be used, or there is no room for it; KAYA_LIMIT: no process could be made, or there is
 * more than KAYA_EXPLORE_UNITS_MAX to do. */
KAYA_MUST_CHECK enum kaya_status kaya_explorer_run(const struct kaya_explorer_options *options,
                                                   struct kaya_explorer_report *report);

#endif
