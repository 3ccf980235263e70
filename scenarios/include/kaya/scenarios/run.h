/* One run: a scenario and a seed (or a tape) make a machine, a workload and its crashes, and every promise is checked. */
#ifndef KAYA_SCENARIOS_RUN_H
#define KAYA_SCENARIOS_RUN_H

#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/promise.h"
#include "kaya/scenarios/scenario.h"
#include "kaya/sim/subject.h"

struct kaya_run_result {
    uint64_t digest; /* over all events */
    uint64_t events;
    uint64_t crashes, recoveries, appended, acknowledged, recovered;
    struct kaya_fault_counts faults;
    struct kaya_promise_counts promises;
    uint64_t marks; /* set: 1 << enum kaya_mark */
    struct kaya_violation violation;
};

/* The stage on which runs are played: disk, memory, runtime, choices, subject, kept from run to run. */
struct kaya_stage;
struct kaya_stage *kaya_stage_create(size_t keep_events); /* keeps the last events of each run; NULL: no memory */
void kaya_stage_destroy(struct kaya_stage *stage);        /* takes NULL */

/* Add what runs reach to `coverage` (borrowed; NULL: nobody counts) from now on. */
void kaya_stage_cover(struct kaya_stage *stage, struct kaya_coverage *coverage);

/* Watch the calls of every boot from now on, and leave out those that are muted (borrowed; NULL: nobody does). The mute must hear the
 * trace as well. */
struct kaya_mute;
void kaya_stage_mute(struct kaya_stage *stage, struct kaya_mute *mute);

/* Play one run. KAYA_OK: it was played, `result` says how it went. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_stage_play(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                                 uint64_t seed, struct kaya_run_result *result);

/* The same with answers from elsewhere (a tape, a fuzzer's bytes); borrowed. `seed` still makes payloads and the
 * machine's random bytes. */
KAYA_MUST_CHECK enum kaya_status kaya_stage_play_choices(struct kaya_stage *stage,
                                                         const struct kaya_scenario *scenario, uint64_t seed,
                                                         struct kaya_choices *choices,
                                                         struct kaya_run_result *result);

struct kaya_trace *kaya_stage_trace(struct kaya_stage *stage);     /* of the last run; to listen or print */
struct kaya_choices *kaya_stage_choices(struct kaya_stage *stage); /* the seed driver; to record a tape */

#endif
