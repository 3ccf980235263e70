/* What media damage excuses, and which older ends it may bring back. */
#ifndef KAYA_SCENARIOS_ORACLE_DAMAGE_H
#define KAYA_SCENARIOS_ORACLE_DAMAGE_H

#include "state.h"

/* Somebody who looked or opened says that the log is damaged. True: it may be, and nothing else is to be judged. */
bool kaya_oracle_judge_refusal(struct kaya_oracle *oracle, enum kaya_status status,
                               const struct kaya_wal_recovery_report *report, struct kaya_violation *violation);
/* It opened, or was found good. */
void kaya_oracle_judge_acceptance(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                                  struct kaya_violation *violation);
/* F4: as many frames are called mended as have one bit flipped. */
void kaya_oracle_judge_mended(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                              struct kaya_violation *violation);
/* The highest end that the log may have: where a link is damaged that nothing vouches for, an older one may be found again. */
uint64_t kaya_oracle_highest_last_lsn(const struct kaya_oracle *oracle);
/* What stands behind `last_lsn` is given up, but may come back. */
void kaya_oracle_give_up_end(struct kaya_oracle *oracle, uint64_t last_lsn);
/* A recovery that was allowed to lose records, and did not come to an end, may have made that final. */
void kaya_oracle_give_up_lost(struct kaya_oracle *oracle);
/* The log is again what it was while it had that end, up to `last_lsn`. */
void kaya_oracle_go_back(struct kaya_oracle *oracle, size_t end, uint64_t last_lsn);
/* The log ends with `last_lsn`, behind the end that it had: it has gone back, to which end only reading will tell for certain. */
void kaya_oracle_go_back_to(struct kaya_oracle *oracle, uint64_t last_lsn);
/* A recovery goes on in spite of damage that it might have refused. */
void kaya_oracle_note_parting(struct kaya_oracle *oracle);

#endif
