/* The log as a subject: what only this one is asked (role.h has the rest). What runs on the machine is core, what judges it is the oracle. */
#ifndef KAYA_SCENARIOS_LOG_SUBJECT_H
#define KAYA_SCENARIOS_LOG_SUBJECT_H

#include "kaya/scenarios/claims.h"
#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/damage.h"
#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

/* Tell `claims` (borrowed; NULL: nobody) of every operation from now on. It must hear the disk's trace as well. */
void kaya_log_subject_tell(struct kaya_subject *subject, struct kaya_claims *claims);

/* Media may be damaged: `watch` (borrowed; NULL: they are not) is asked before each look and each open. It must hear the disk's
 * trace as well. */
void kaya_log_subject_watch_damage(struct kaya_subject *subject, struct kaya_damage_watch *watch);
bool kaya_log_subject_is_over(const struct kaya_subject *subject); /* it was refused, and nobody can help */
bool kaya_log_subject_may_heal(const struct kaya_subject *subject); /* or lost bytes would contradict what was written since */
uint64_t kaya_log_subject_refusals(const struct kaya_subject *subject); /* of the log, because of damage */

/* The model that judges it; and what is added to it from outside: files of so many bytes, of which the log takes no care. */
const struct kaya_oracle *kaya_log_subject_oracle(const struct kaya_subject *subject);
void kaya_log_subject_tolerate(struct kaya_subject *subject, uint64_t foreign_bytes);
/* Between boots: it stands on another disk now. */
void kaya_log_subject_moved(struct kaya_subject *subject);
struct kaya_wal_config kaya_log_subject_config(const struct kaya_subject *subject); /* silent */

uint64_t kaya_log_subject_first_lsn(const struct kaya_subject *subject); /* the lowest that may come back */

#endif
