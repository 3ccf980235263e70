/* The budget.
 *
 * Goal: what is kept of a set of faults may meet, nothing is thrown out that could have stayed, and each of several rivals has its turn, tampering too.
 * Method: every set of groups, with many seeds. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/budget.h"

enum { SEEDS = 60 };

static unsigned groups_of(const bool families[KAYA_FAULTS])
{
    unsigned groups = 0;

    for (int i = 0; i < KAYA_FAULTS; i++)
        if (families[i])
            groups |= 1u << kaya_fault_group((enum kaya_fault)i);
    return groups;
}

static void set_groups(unsigned groups, bool families[KAYA_FAULTS])
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        families[i] = (groups >> kaya_fault_group((enum kaya_fault)i) & 1) != 0;
}

static bool may_all_meet(unsigned groups)
{
    for (int one = 0; one < KAYA_FAULT_GROUPS; one++)
        for (int other = 0; other < KAYA_FAULT_GROUPS; other++)
            if ((groups >> one & 1) != 0 && (groups >> other & 1) != 0 &&
                !kaya_budget_may_meet((enum kaya_fault_group)one, (enum kaya_fault_group)other))
                return false;
    return true;
}

Test(budget, what_is_kept_may_meet_and_each_rival_has_its_turn)
{
    bool families[KAYA_FAULTS];
    uint32_t odds[KAYA_FAULTS];
    unsigned all = (1u << KAYA_FAULT_GROUPS) - 1;

    for (int i = 0; i < KAYA_FAULTS; i++)
        odds[i] = 1;
    for (unsigned groups = 0; groups <= all; groups++) {
        unsigned wanted, kept_ever = 0;
        set_groups(groups, families);
        wanted = groups_of(families); /* not every group need have families */
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct kaya_choices *choices = kaya_choices_from_seed(seed);
            unsigned kept;
            set_groups(groups, families);
            kaya_budget_keep(KAYA_BUDGET_DEFINED, families, odds, choices);
            kept = groups_of(families);
            cr_expect(may_all_meet(kept), "of 0x%x, 0x%x are kept", wanted, kept);
            cr_expect(eq(u32, kept & ~wanted, 0));
            for (int more = 0; more < KAYA_FAULT_GROUPS; more++)
                if ((wanted & ~kept) >> more & 1)
                    cr_expect(not(may_all_meet(kept | 1u << more)), "of 0x%x, 0x%x are kept", wanted, kept);
            kept_ever |= kept;
            set_groups(groups, families);
            kaya_budget_keep(KAYA_BUDGET_NONE, families, odds, choices);
            cr_expect(eq(u32, groups_of(families), wanted));
            kaya_choices_destroy(choices);
        }
        cr_expect(eq(u32, kept_ever, wanted), "of 0x%x, only 0x%x ever stayed", wanted, kept_ever);
    }
}

Test(budget, the_table_is_symmetric_and_every_group_meets_crashes_and_itself)
{
    for (int i = 0; i < KAYA_FAULT_GROUPS; i++) {
        enum kaya_fault_group one = (enum kaya_fault_group)i;
        cr_expect(kaya_budget_may_meet(one, one));
        cr_expect(kaya_budget_may_meet(one, KAYA_FAULT_GROUP_CRASH));
        for (int j = 0; j < KAYA_FAULT_GROUPS; j++)
            cr_expect(eq(int, kaya_budget_may_meet(one, (enum kaya_fault_group)j),
                         kaya_budget_may_meet((enum kaya_fault_group)j, one)));
    }
}

Test(budget, faults_without_odds_are_nobodys_rivals)
{
    bool families[KAYA_FAULTS];
    uint32_t odds[KAYA_FAULTS] = { 0 };
    struct kaya_choices *choices = kaya_choices_from_seed(1);

    memset(families, true, sizeof families);
    families[KAYA_FAULT_NO_SPACE] = false; /* needs no odds */
    odds[KAYA_FAULT_BIT_FLIP] = 1;
    kaya_budget_keep(KAYA_BUDGET_DEFINED, families, odds, choices);
    cr_expect(families[KAYA_FAULT_BIT_FLIP]);
    cr_expect(families[KAYA_FAULT_LOST_SECTOR]);
    families[KAYA_FAULT_NO_SPACE] = true;
    kaya_budget_keep(KAYA_BUDGET_DEFINED, families, odds, choices);
    cr_expect(ne(int, families[KAYA_FAULT_BIT_FLIP], families[KAYA_FAULT_NO_SPACE]));
    kaya_choices_destroy(choices);
}

/* Who changes the directory has his turn beside each set of groups, and then they are out, but for crashes; and he stays where nobody is his rival. */
Test(budget, tampering_meets_crashes_and_nothing_else)
{
    bool families[KAYA_FAULTS];
    uint32_t odds[KAYA_FAULTS];
    unsigned crash = 1u << KAYA_FAULT_GROUP_CRASH, all = (1u << KAYA_FAULT_GROUPS) - 1;

    for (int i = 0; i < KAYA_FAULTS; i++)
        odds[i] = 1;
    for (unsigned groups = 0; groups <= all; groups++) {
        unsigned wanted, admitted = 0;
        set_groups(groups, families);
        wanted = groups_of(families);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct kaya_choices *choices = kaya_choices_from_seed(seed);
            bool stays;
            set_groups(groups, families);
            stays = kaya_budget_admit_tampering(KAYA_BUDGET_DEFINED, families, odds, choices);
            cr_expect(eq(u32, groups_of(families), stays ? wanted & crash : wanted), "0x%x", groups);
            admitted += stays;
            set_groups(groups, families);
            cr_expect(kaya_budget_admit_tampering(KAYA_BUDGET_NONE, families, odds, choices));
            cr_expect(eq(u32, groups_of(families), wanted));
            kaya_choices_destroy(choices);
        }
        if ((wanted & ~crash) == 0)
            cr_expect(eq(u32, admitted, SEEDS), "0x%x", groups);
        else
            cr_expect(admitted > 0 && admitted < SEEDS, "0x%x: %u", groups, admitted);
    }
}
