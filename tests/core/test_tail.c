/* Goal: the verdict's table says what section 5 of the format says, for every combination of facts. Method: all of them,
 * against the page's rows written down here as conditions. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "tail.h"

enum { COMBINATIONS = 1 << TAIL_FACT_COUNT };

static struct tail_facts facts_from_bits(unsigned bits)
{
    return (
        struct tail_facts){ .claim_past = bits & 1, .written = bits & 2, .closed = bits & 4, .almost = bits & 8 };
}

Test(tail, every_combination_of_facts_meets_exactly_one_row)
{
    for (unsigned bits = 0; bits < COMBINATIONS; bits++) {
        struct tail_facts facts = facts_from_bits(bits);

        cr_expect(eq(uint, kaya_tail_matching_rows(&facts), 1), "facts 0x%x", bits);
        cr_assert_not_null(kaya_tail_judge(&facts));
    }
}

static enum kaya_wal_verdict verdict_of_the_page(const struct tail_facts *facts)
{
    if (facts->claim_past)
        return KAYA_VERDICT_DAMAGED;
    return facts->written ? KAYA_VERDICT_TORN : KAYA_VERDICT_CLEAN;
}

static enum tail_action action_of_the_page(const struct tail_facts *facts)
{
    if (facts->claim_past)
        return TAIL_REFUSE;
    if (facts->closed && !facts->written && !facts->almost)
        return TAIL_GO_ON;
    return TAIL_SUCCEED;
}

Test(tail, verdict_and_action_are_those_of_the_format)
{
    for (unsigned bits = 0; bits < COMBINATIONS; bits++) {
        struct tail_facts facts = facts_from_bits(bits);
        const struct tail_row *row = kaya_tail_judge(&facts);

        cr_expect(eq(int, row->verdict, verdict_of_the_page(&facts)), "facts 0x%x", bits);
        cr_expect(eq(int, row->action, action_of_the_page(&facts)), "facts 0x%x", bits);
    }
}

Test(tail, every_row_has_a_name_and_all_but_the_clean_ones_a_reason)
{
    for (unsigned bits = 0; bits < COMBINATIONS; bits++) {
        struct tail_facts facts = facts_from_bits(bits);
        const struct tail_row *row = kaya_tail_judge(&facts);

        cr_assert_not_null(row->name);
        cr_assert_not_null(row->reason);
        cr_expect(row->name[0] != '\0', "facts 0x%x", bits);
        cr_expect(eq(int, row->reason[0] != '\0', row->verdict != KAYA_VERDICT_CLEAN), "facts 0x%x", bits);
    }
}
