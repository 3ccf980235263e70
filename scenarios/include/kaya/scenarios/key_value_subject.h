/* The key-value engine as a subject: what runs on the machine is scenarios/kv over core, what judges it is the model of a map. */
#ifndef KAYA_SCENARIOS_KEY_VALUE_SUBJECT_H
#define KAYA_SCENARIOS_KEY_VALUE_SUBJECT_H

#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

/* As kaya_log_subject_create and its siblings (log_subject.h). */
KAYA_MUST_CHECK enum kaya_status kaya_key_value_subject_create(const struct kaya_plan *plan, uint64_t seed,
                                                               struct kaya_subject **base);
void kaya_key_value_subject_reset(struct kaya_subject *base, const struct kaya_plan *plan, uint64_t seed);
struct kaya_oracle_counts kaya_key_value_subject_counts(const struct kaya_subject *base);
uint64_t kaya_key_value_subject_recoveries(const struct kaya_subject *base);
struct kaya_watch *kaya_key_value_subject_watch(struct kaya_subject *base);

#endif
