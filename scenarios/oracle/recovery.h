/* What recoveries found. */
#ifndef KAYA_SCENARIOS_ORACLE_RECOVERY_H
#define KAYA_SCENARIOS_ORACLE_RECOVERY_H

#include "state.h"

void kaya_oracle_judge_last_batch(struct kaya_oracle *oracle, uint64_t last_lsn,
                                  struct kaya_violation *violation);

#endif
