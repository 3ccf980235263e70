/* The explorer: for a bounded workload, fork the disk at every I/O boundary, try every crash outcome, recover, check, and
 * go on from there to further crashes, also inside recovery. */
#ifndef KAYA_SIM_EXPLORE_H
#define KAYA_SIM_EXPLORE_H

#include "kaya/sim/subject.h"

struct kaya_explore_options {
    const struct kaya_sim_profile *profile; /* NULL: the default */
    /* Makes a new subject with its whole workload fixed (two calls give equal ones). */
    enum kaya_status (*create_subject)(void *user, struct kaya_subject **subject);
    void *user;
    unsigned crash_depth;           /* crashes in a row: 1 = one crash anywhere in the workload; 3 = two more inside recovery */
    uint64_t outcomes_per_point_max; /* above it a point is sampled, and the report says so; 0 means 1,000,000 */
    bool process_crashes;           /* also crash the process (cache survives) at each point */
    uint64_t states_max;            /* stop after so many, and say so; 0: none */
    bool stop_at_first;             /* stop at the first violation */
};

struct kaya_explore_report {
    uint64_t points;         /* I/O boundaries crashed at, all depths */
    uint64_t states;         /* crash outcomes recovered from */
    uint64_t distinct;       /* images that differed, as far as recovery read them */
    uint64_t sampled_points; /* points with too many outcomes */
    uint64_t violations;
    bool exhaustive;         /* every outcome within the bound was visited */
    struct kaya_violation first; /* the first violation ... */
    char first_path[256];        /* ... and how it was reached: "call 41 power_loss 3; call 7 power_loss 0; ..." */
    uint64_t digest;
};

KAYA_MUST_CHECK enum kaya_status kaya_explore(const struct kaya_explore_options *options,
                                              struct kaya_explore_report *report);

#endif
