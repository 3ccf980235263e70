/* The explorer: for a bounded workload, fork the disk at every I/O boundary, try every crash outcome, recover, check, and
 * go on from there to further crashes, also inside recovery. */
#ifndef KAYA_SIM_EXPLORE_H
#define KAYA_SIM_EXPLORE_H

#include <stdio.h>

#include "kaya/sim/subject.h"

enum { KAYA_EXPLORE_DEPTH_MAX = 6 };

struct kaya_explore_options {
    const struct kaya_sim_profile *profile; /* NULL: the default */
    /* Makes a new subject with its whole workload fixed (two calls give equal ones). */
    enum kaya_status (*create_subject)(void *user, struct kaya_subject **subject);
    void *user;
    unsigned crash_depth; /* crashes in a row: 1 = one crash anywhere in the workload; 3 = two more inside recovery */
    uint64_t outcomes_per_point_max; /* above it a point is sampled, and the report says so; 0 means 1,000,000 */
    uint32_t torn_sectors_max; /* of one crash at most so many sectors are torn inside, in every way; 0 means 1 */
    bool process_crashes;      /* also crash the process (cache survives) at each point */
    uint64_t states_max;       /* stop after so many, and say so; 0: none */
    uint64_t calls_per_boot_max; /* a boot that makes more seam calls breaks P8; 0 means 1,000,000 */
    bool stop_at_first;          /* stop at the first violation */
    unsigned steps_after_recovery; /* after each recovery and check, up to so many steps of the subject's workload go on,
                                       with crash points of their own while crash_depth allows; 0: none */
};

struct kaya_explore_report {
    uint64_t points;         /* I/O boundaries crashed at, all depths */
    uint64_t states;         /* crash outcomes recovered from */
    uint64_t distinct;       /* images that differed, as far as recovery read them */
    uint64_t sampled_points; /* points with too many outcomes */
    uint64_t violations;
    bool exhaustive;             /* every outcome within the bound was visited */
    struct kaya_violation first; /* the first violation ... */
    char first_path[256]; /* ... and how it was reached: "call 41 power_loss 3; call 7 power_loss 0"; "no crash" if
                                    the workload alone broke a promise */
    uint64_t digest;      /* over all states: where, which outcome, what recovery saw, what was found */
};

/* Explore. KAYA_OK says that it was done; whether a promise broke stands in the report.
 *
 *   KAYA_INVALID    crash_depth is 0 or above KAYA_EXPLORE_DEPTH_MAX
 *   KAYA_NO_MEMORY  the explorer itself ran out of memory; and whatever create_subject and copy_model fail with */
KAYA_MUST_CHECK enum kaya_status kaya_explore(const struct kaya_explore_options *options,
                                              struct kaya_explore_report *report);

/* Walk one path again, with the same options. Events of the walk are printed to `file`, one a line, in order: the workload
 * up to the first crash, each crash and what ran after it. `file` may be NULL: silent. *violation is what was found at the
 * end of the path; `promise` is "" if nothing was.
 *
 *   KAYA_INVALID    `path` is no path
 *   KAYA_NOT_FOUND  this workload has no such call or outcome */
KAYA_MUST_CHECK enum kaya_status kaya_explore_replay(const struct kaya_explore_options *options, const char *path,
                                                     FILE *file, struct kaya_violation *violation);

#endif
