/* Which faults may meet in one run, so that it is still known what the log owes. */
#ifndef KAYA_SCENARIOS_BUDGET_H
#define KAYA_SCENARIOS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/sim/choices.h"
#include "kaya/sim/disk.h"

/* X(NAME, name, text) */
#define KAYA_BUDGET_LIST(X)                                                                                  \
    X(DEFINED, defined, "faults meet only where each record's fate is still owed or not")                    \
    X(NONE, none, "everything may meet; only P1 and P12 are checked")

enum kaya_budget {
#define KAYA_BUDGET_ENUM(NAME, name, text) KAYA_BUDGET_##NAME,
    KAYA_BUDGET_LIST(KAYA_BUDGET_ENUM)
#undef KAYA_BUDGET_ENUM
        KAYA_BUDGETS
};
const char *kaya_budget_name(enum kaya_budget budget); /* "defined", "none" */

/* May families of both groups strike in one run? Symmetric; a group may meet itself. */
bool kaya_budget_may_meet(enum kaya_fault_group one, enum kaya_fault_group other);

/* Of `families`, those with odds above 0 (and all of the group crash) strike: take out those that may not meet the others. Where
 * several groups exclude each other, a choice says which one stays. */
void kaya_budget_keep(enum kaya_budget budget, bool families[KAYA_FAULTS], const uint32_t odds[KAYA_FAULTS],
                      struct kaya_choices *choices);

/* Before that, where somebody may change the directory between two boots: he is one more rival of the groups that strike, but for crashes. True: he stays,
 * and the others are taken out. With the budget "none", and without rivals, he stays and nothing is taken out. */
bool kaya_budget_admit_tampering(enum kaya_budget budget, bool families[KAYA_FAULTS],
                                 const uint32_t odds[KAYA_FAULTS], struct kaya_choices *choices);

#endif
