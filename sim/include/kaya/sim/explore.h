/* The explorer: for a bounded workload, fork the disk at every I/O boundary, try every crash outcome, recover, check, and
 * go on from there to further crashes, also inside recovery. */
#ifndef KAYA_SIM_EXPLORE_H
#define KAYA_SIM_EXPLORE_H

#include <stdio.h>

#include "kaya/sim/subject.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KAYA_EXPLORE_DEPTH_MAX = 6, KAYA_EXPLORE_PATH_MAX = 512 };

/* What need not be visited, because it was. X(NAME, name, text) */
#define KAYA_EXPLORE_RULE_LIST(X)                                                                              \
    X(UNCHANGED, unchanged, "a crash where neither disk nor model changed since the last one")                 \
    X(SAME_ANSWERS, same_answers, "a crash inside a recovery that came this far with the same answers before") \
    X(SAME_CRASH, same_crash, "a crash that leaves a disk and a model which another crash left")               \
    X(SAME_STATE, same_state, "the rest of a recovery that stands where another one stood")                    \
    X(SAME_BEGINNING, same_beginning,                                                                          \
      "the beginning of a recovery, up to where it is told something else than the one before")

enum kaya_explore_rule {
#define KAYA_EXPLORE_RULE_ENUM(NAME, name, text) KAYA_EXPLORE_RULE_##NAME,
    KAYA_EXPLORE_RULE_LIST(KAYA_EXPLORE_RULE_ENUM)
#undef KAYA_EXPLORE_RULE_ENUM
        KAYA_EXPLORE_RULES
};
const char *kaya_explore_rule_name(enum kaya_explore_rule rule); /* "unchanged", ...; "?" for a value that is none */
const char *kaya_explore_rule_text(enum kaya_explore_rule rule);

/* All zeros is an empty one. */
struct kaya_explore_report {
    uint64_t runs;     /* of the workload: one for each schedule and way of failing */
    uint64_t points;   /* crashes at I/O boundaries, all depths, that left what none before them did */
    uint64_t states;   /* crash outcomes recovered from, each once */
    uint64_t distinct; /* ... that differed in what recovery was answered, or in what the model expected */
    uint64_t bound; /* how many outcomes those points have; of sampled ones as many as the one that lost nothing makes believe.
                          UINT64_MAX: more than can be counted */
    uint64_t skipped[KAYA_EXPLORE_RULES]; /* how often each rule said that there is nothing new */
    uint64_t sampled_points;              /* points with too many outcomes */
    uint64_t forgotten; /* visits that there was no memory to remember: they may have been made again */
    uint64_t violations;
    uint64_t digest; /* over all states, in no order: at which depth, what recovery was answered, what was found */
    bool is_incomplete; /* something within the bound was not visited: sampled, stopped, or too much for a budget */
};
void kaya_explore_report_add(struct kaya_explore_report *sum, const struct kaya_explore_report *part);

/* The set of what was visited, in memory of the caller's, which may be shared by processes, and kept in a file between them. */
struct kaya_visited;
size_t kaya_visited_size_min(void);
struct kaya_visited *kaya_visited_init(void *memory,
                                       size_t size_bytes); /* all zeros before, size_bytes >= the minimum */
/* Between explorations: drop what units (below) visited for which is_kept says false. KAYA_NO_MEMORY: nothing was changed. */
KAYA_MUST_CHECK enum kaya_status kaya_visited_keep(struct kaya_visited *visited,
                                                   bool (*is_kept)(void *user, uint32_t unit), void *user);

/* Where several explorers share the work: each runs the same workload, and takes those units that no other has. A unit is all that
 * hangs on one crash of the first level; they are numbered in the order in which the workload comes to them. */
enum { KAYA_EXPLORE_UNITS_MAX = 1 << 18 };
struct kaya_explorer;
struct kaya_explore_crew {
    void (*begin)(void *user, const struct kaya_explorer *explorer); /* which lives until kaya_explore returns */
    bool (*claim)(void *user, uint32_t unit);                        /* true: it is this explorer's */
    /* `is_whole`: false if the explorer was stopped in the middle of it. */
    void (*finished)(void *user, uint32_t unit, const struct kaya_explore_report *part, bool is_whole);
    /* Called for each violation: `path` leads to it. Valid during the call. */
    void (*found)(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path);
    bool (*go_on)(void *user, const struct kaya_explore_report *part); /* asked before each state; false: stop */
    void *user;
};

struct kaya_explore_options {
    const struct kaya_sim_profile *profile; /* NULL: the default */
    /* Makes a new subject with its whole workload fixed (two calls give equal ones). */
    enum kaya_status (*create_subject)(void *user, struct kaya_subject **subject);
    void *user;
    unsigned crash_depth; /* crashes in a row: 1 = one crash anywhere in the workload; 3 = two more inside recovery */
    uint64_t outcomes_per_point_max; /* above it a point is sampled, and the report says so; 0 means 1,000,000 */
    uint32_t torn_sectors_max; /* of one crash at most so many sectors are torn inside, in every way; 0 means 1 */
    bool process_crashes;      /* also crash the process (cache survives) at each point */
    uint64_t states_max;       /* stop after so many and those under way, and say so; 0: none */
    uint64_t calls_per_boot_max; /* a boot that makes more seam calls breaks P8; 0 means 1,000,000 */
    bool stop_at_first;          /* stop at the first violation */
    unsigned steps_after_recovery; /* after each recovery and check, up to so many steps of the subject's workload go on,
                                       with crash points of their own while crash_depth allows; 0: none */
    bool has_threads;              /* the workload gathers fibers: it is run once for each schedule ... */
    uint32_t preemptions_max; /* ... that takes the word from one of them, or wakes it for no reason, at most so many times */
    uint64_t errors; /* a set (1 << enum kaya_fault) of families of errors; each call fails in each way, too; 0: none does */
    uint32_t errors_max;     /* so many errors at most on the way to a state; 0 means 1 */
    uint64_t kept;           /* a set of families of the group crash that do not strike */
    uint64_t capacity_bytes; /* the disk's, 0: without end; and whether it can reserve */
    bool cannot_allocate;
    uint64_t rules_off; /* a set (1 << enum kaya_explore_rule): visit again what these would leave out */
    struct kaya_visited *visited;         /* borrowed; NULL: one of its own, of 64 MiB */
    const struct kaya_explore_crew *crew; /* borrowed; NULL: alone */
};

struct kaya_explore_result {
    struct kaya_explore_report report;
    bool exhaustive;                        /* every outcome within the bound was visited */
    struct kaya_violation first;            /* the first violation ... */
    char first_path[KAYA_EXPLORE_PATH_MAX]; /* ... and how it was reached (see kaya_explore_replay) */
};

/* The path to where the explorer is, for a crew that catches the signal by which the code under test dies. */
void kaya_explorer_path(const struct kaya_explorer *explorer, char path[KAYA_EXPLORE_PATH_MAX]);

/* Explore. KAYA_OK says that it was done; whether a promise broke stands in the result. With a crew: what was done here.
 *
 *   KAYA_INVALID    crash_depth is 0 or above KAYA_EXPLORE_DEPTH_MAX
 *   KAYA_NO_MEMORY  the explorer itself ran out of memory; and whatever create_subject and copy_model fail with */
KAYA_MUST_CHECK enum kaya_status kaya_explore(const struct kaya_explore_options *options,
                                              struct kaya_explore_result *result);

/* Walk one path again, with the same options. A path names for each crash the call before which it struck, and the questions that were
 * answered with anything but 0 by what it left and, if errors are on, by what failed behind it:
 *
 *     call 41 power_loss 0=3 7=1; call 7 process_crash           questions 0 and 7; nothing was lost by the second crash
 *     error 12=1; call 41 power_loss                             the workload's own errors come first
 *     schedule 12=1 19=2; call 41 power_loss                     likewise, where schedules are enumerated
 *     no crash                                                   the workload alone, with the schedule that never takes the word from anybody
 *
 * Events of the walk are printed to `file`, one a line, in order: the workload up to the first crash, each crash and what ran after it.
 * `file` may be NULL: silent. *violation is what was found at the end of the path; `promise` is "" if nothing was.
 *
 *   KAYA_INVALID    `path` is no path
 *   KAYA_NOT_FOUND  this workload has no such call or outcome */
KAYA_MUST_CHECK enum kaya_status kaya_explore_replay(const struct kaya_explore_options *options, const char *path,
                                                     FILE *file, struct kaya_violation *violation);

/* The same, with every event told to `listener` (may be NULL). */
KAYA_MUST_CHECK enum kaya_status kaya_explore_walk(const struct kaya_explore_options *options,
                                                   const char *path, kaya_trace_listener *listener,
                                                   void *user, struct kaya_violation *violation);

/* Is this what is looked for? `path` leads to it. */
typedef bool kaya_explore_is_same(void *user, const char *path);

/* Make a path smaller for which `is_same` says true, as long as it does: fewer crashes, fewer questions answered with anything but 0, lower
 * answers. Asks for one path after the other, always for the same ones. *asked is how many.
 *
 *   KAYA_INVALID    `path` is no path
 *   KAYA_NO_MEMORY  `path` is as it was */
KAYA_MUST_CHECK enum kaya_status kaya_explore_shorten(char path[KAYA_EXPLORE_PATH_MAX],
                                                      kaya_explore_is_same *is_same, void *user,
                                                      uint64_t *asked);

#ifdef __cplusplus
}
#endif

#endif
