/* Many runs of one scenario, in several processes. */
#ifndef KAYA_SCENARIOS_RUNNER_H
#define KAYA_SCENARIOS_RUNNER_H

#include "kaya/scenarios/replay.h"
#include "kaya/scenarios/run.h"

enum { KAYA_VIOLATIONS_KEPT = 8, KAYA_JOBS_MAX = 256, KAYA_EVENTS_TEXT_MAX = 8192 };

/* A run that broke a promise. */
struct kaya_violation_report {
    uint64_t seed;
    struct kaya_violation violation; /* promise "assert": the process died in this run */
    struct kaya_replay_line line;
    char events[KAYA_EVENTS_TEXT_MAX]; /* the last ones, as text */
};

struct kaya_runner_report {
    uint64_t runs, crashes, recoveries, appended, acknowledged, recovered;
    struct kaya_fault_counts faults;
    uint64_t first_struck[KAYA_FAULTS]; /* the run, counted from 1, in which each fault first struck; 0: none */
    uint64_t first_marked[KAYA_MARKS]; /* likewise, in which each mark was first hit */
    struct kaya_promise_counts promises;
    struct kaya_coverage coverage;
    uint64_t digest; /* over all runs, in whatever order and in however many processes they were made */
    double seconds;
    uint64_t violation_count;
    size_t violations_kept; /* those with the lowest seeds */
    struct kaya_violation_report violations[KAYA_VIOLATIONS_KEPT];
    bool is_deterministic; /* one run in 64 was played twice, and no two differed */
    uint64_t differing_seed;
};

/* Called now and then with what was done so far. */
typedef void kaya_runner_progress(void *user, uint64_t runs, uint64_t crashes, uint64_t violations,
                                  double seconds);

struct kaya_runner_options {
    const struct kaya_scenario *scenario;
    const char *name; /* as the replay line shall call it; NULL: the scenario's */
    uint64_t first_seed;
    uint64_t seed_count; /* 0: the scenario's */
    unsigned job_count;  /* 0: 1 */
    double seconds_max;  /* 0: no limit. With one, how many runs are made depends on the machine */
    kaya_runner_progress *on_progress; /* NULL: nobody listens */
    void *user;
};

/* KAYA_NO_MEMORY, KAYA_LIMIT (no process could be made), KAYA_INVALID (the scenario). The report is filled in on OK.
 * Processes are forked: flush what you buffer. */
KAYA_MUST_CHECK enum kaya_status kaya_runner_run(const struct kaya_runner_options *options,
                                                 struct kaya_runner_report *report);

/* The declared faults (bit set) that did not strike within the runs that the scenario allows; *too_few: there were fewer
 * runs than that, so those that did not strike are no more than a note. */
uint64_t kaya_runner_missing(const struct kaya_scenario *scenario, const struct kaya_runner_report *report,
                             bool *too_few);

/* Likewise the marks that the scenario says happen sometimes (set: 1 << enum kaya_mark). */
uint64_t kaya_runner_never(const struct kaya_scenario *scenario, const struct kaya_runner_report *report,
                           bool *too_few);

#endif
