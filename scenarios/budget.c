/* The budget.
 *
 * Each fault asks for an answer (which records must come back, which statuses are excused), and some ask for answers that cannot both be
 * given. The table says which groups leave each other's answers as they are:
 *
 *   errors   say at once that something failed, so what they cost is known from the answers
 *   media    is judged by comparing the disk with its truth; a call that failed in between leaves that comparison as it was, but
 *            a status may then be an answer to either, and nobody can say which
 *   reads    are masked as long as they strike fewer than three times in a row; with damaged media behind them, or calls that fail as
 *            well, three in a row are two
 *   broken   take back what was acknowledged: nothing that hangs on "durable" can be asked for, claims least of all
 *
 * So every group meets the crashes, and no other, and so does whoever changes the directory between two boots: what he did is judged by the bytes that
 * he left alone, which must be those that were written. Within a group all may meet, but for a disk without room, which meets no other error:
 * errors excuse each other by name, damage is judged over all that differs, places and claims alike, however many there are. */
#include "kaya/scenarios/budget.h"

static const char *const names[KAYA_BUDGETS] = {
#define NAME(NAME, name, text) #name,
    KAYA_BUDGET_LIST(NAME)
#undef NAME
};

const char *kaya_budget_name(enum kaya_budget budget)
{
    return (unsigned)budget < KAYA_BUDGETS ? names[budget] : "?";
}

static const bool may_meet[KAYA_FAULT_GROUPS][KAYA_FAULT_GROUPS] = {
    /*                          crash errors media reads broken */
    [KAYA_FAULT_GROUP_CRASH] = { 1, 1, 1, 1, 1 },  [KAYA_FAULT_GROUP_ERRORS] = { 1, 1, 0, 0, 0 },
    [KAYA_FAULT_GROUP_MEDIA] = { 1, 0, 1, 0, 0 },  [KAYA_FAULT_GROUP_READS] = { 1, 0, 0, 1, 0 },
    [KAYA_FAULT_GROUP_BROKEN] = { 1, 0, 0, 0, 1 },
};

bool kaya_budget_may_meet(enum kaya_fault_group one, enum kaya_fault_group other)
{
    return may_meet[one][other];
}

static bool strikes(const bool families[KAYA_FAULTS], const uint32_t odds[KAYA_FAULTS], int fault)
{
    enum kaya_fault_group group = kaya_fault_group((enum kaya_fault)fault);

    /* a disk without room needs no odds */
    return families[fault] &&
           (group == KAYA_FAULT_GROUP_CRASH || fault == KAYA_FAULT_NO_SPACE || odds[fault] > 0);
}

/* Groups with a family that strikes and that may not meet some other one that strikes. */
static unsigned find_rivals(const bool families[KAYA_FAULTS], const uint32_t odds[KAYA_FAULTS],
                            enum kaya_fault_group rivals[KAYA_FAULT_GROUPS])
{
    bool present[KAYA_FAULT_GROUPS] = { false };
    unsigned count = 0;

    for (int i = 0; i < KAYA_FAULTS; i++)
        if (strikes(families, odds, i))
            present[kaya_fault_group((enum kaya_fault)i)] = true;
    for (int one = 0; one < KAYA_FAULT_GROUPS; one++) {
        bool is_rival = false;
        for (int other = 0; other < KAYA_FAULT_GROUPS; other++)
            is_rival = is_rival || (present[one] && present[other] && !may_meet[one][other]);
        if (is_rival)
            rivals[count++] = (enum kaya_fault_group)one;
    }
    return count;
}

/* What must do without room is not excused by the lack of it (P9); with calls that fail for other reasons nobody knows what had to. */
static void keep_room_or_errors(bool families[KAYA_FAULTS], const uint32_t odds[KAYA_FAULTS],
                                struct kaya_choices *choices)
{
    bool others = false;

    for (int i = 0; i < KAYA_FAULTS; i++)
        others = others || (i != KAYA_FAULT_NO_SPACE && strikes(families, odds, i) &&
                            kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_ERRORS);
    if (!others || !families[KAYA_FAULT_NO_SPACE])
        return;
    if (kaya_choose(choices, KAYA_STREAM_CONFIG, 2, "budget_room") == 0) {
        families[KAYA_FAULT_NO_SPACE] = false;
        return;
    }
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (i != KAYA_FAULT_NO_SPACE && kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_ERRORS)
            families[i] = false;
}

void kaya_budget_keep(enum kaya_budget budget, bool families[KAYA_FAULTS], const uint32_t odds[KAYA_FAULTS],
                      struct kaya_choices *choices)
{
    enum kaya_fault_group rivals[KAYA_FAULT_GROUPS];
    enum kaya_fault_group kept;
    unsigned count;

    if (budget == KAYA_BUDGET_NONE)
        return;
    while ((count = find_rivals(families, odds, rivals)) > 0) {
        kept = rivals[kaya_choose(choices, KAYA_STREAM_CONFIG, count, "budget")];
        for (int i = 0; i < KAYA_FAULTS; i++)
            families[i] = families[i] && may_meet[kept][kaya_fault_group((enum kaya_fault)i)];
    }
    keep_room_or_errors(families, odds, choices);
}

bool kaya_budget_admit_tampering(enum kaya_budget budget, bool families[KAYA_FAULTS],
                                 const uint32_t odds[KAYA_FAULTS], struct kaya_choices *choices)
{
    bool present[KAYA_FAULT_GROUPS] = { false };
    uint64_t rivals = 0;

    for (int i = 0; i < KAYA_FAULTS; i++)
        if (strikes(families, odds, i))
            present[kaya_fault_group((enum kaya_fault)i)] = true;
    for (int group = 0; group < KAYA_FAULT_GROUPS; group++)
        rivals += group != KAYA_FAULT_GROUP_CRASH && present[group];
    if (budget == KAYA_BUDGET_NONE || rivals == 0)
        return true;
    if (kaya_choose(choices, KAYA_STREAM_CONFIG, rivals + 1, "budget_tampering") < rivals)
        return false;
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (kaya_fault_group((enum kaya_fault)i) != KAYA_FAULT_GROUP_CRASH)
            families[i] = false;
    return true;
}
