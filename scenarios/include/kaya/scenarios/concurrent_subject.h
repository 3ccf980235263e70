/* One log and many threads as a subject: each step of a boot is a gathering of fibers that append, sync, rotate, trim, tend, read and stop
 * beside each other under a schedule that the run draws. */
#ifndef KAYA_SCENARIOS_CONCURRENT_SUBJECT_H
#define KAYA_SCENARIOS_CONCURRENT_SUBJECT_H

#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

/* As kaya_log_subject_create and its siblings (log_subject.h). */
KAYA_MUST_CHECK enum kaya_status kaya_concurrent_subject_create(const struct kaya_plan *plan, uint64_t seed,
                                                                struct kaya_subject **base);
void kaya_concurrent_subject_reset(struct kaya_subject *base, const struct kaya_plan *plan, uint64_t seed);
struct kaya_oracle_counts kaya_concurrent_subject_counts(const struct kaya_subject *base);
uint64_t kaya_concurrent_subject_recoveries(const struct kaya_subject *base);
struct kaya_watch *kaya_concurrent_subject_watch(struct kaya_subject *base);

#endif
