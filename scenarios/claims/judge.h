/* What each damaged write asks for. */
#ifndef KAYA_SCENARIOS_CLAIMS_JUDGE_H
#define KAYA_SCENARIOS_CLAIMS_JUDGE_H

#include "history.h"

struct judgement {
    const struct kaya_claims *claims;
    struct kaya_outlook *outlook;
    uint64_t low_lsn, low_may_lsn;
    uint64_t reach_lsn; /* so far reach the claims that stand */
    uint64_t mendable_dead; /* bits in what was trimmed or given up, which may come back where a mark is damaged */
};
/* Write into the outlook what is asked for. */
void kaya_claims_judge_damage(struct judgement *judgement);

#endif
