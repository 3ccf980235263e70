/* Goal: the histogram says of every value what it is, within 1/64 and never too little, and shares as sorting all values would.
 * Method: against exact answers: each value alone, at and round every power of two; many values against their sorted list. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "measure/histogram.h"
#include "measure/spread.h"

static struct kaya_histogram histogram;

static void expect_within(uint64_t value, uint64_t told)
{
    cr_expect(told >= value, "%llu is told as %llu", (unsigned long long)value, (unsigned long long)told);
    cr_expect(told - value <= value / 64, "%llu is told as %llu", (unsigned long long)value,
              (unsigned long long)told);
}

/* A larger value beside it, so that the largest, which is exact, does not hide the part. */
static void expect_told(uint64_t value)
{
    memset(&histogram, 0, sizeof histogram);
    kaya_histogram_note(&histogram, value);
    cr_expect(eq(u64, kaya_histogram_at(&histogram, 1), value));
    kaya_histogram_note(&histogram, UINT64_MAX);
    expect_within(value, kaya_histogram_at(&histogram, 0.5));
    cr_expect(eq(u64, kaya_histogram_at(&histogram, 1), UINT64_MAX));
}

Test(histogram, every_value_is_told_within_a_64th_and_never_too_small)
{
    for (uint64_t value = 0; value < 5000; value++)
        expect_told(value);
    for (unsigned bit = 6; bit < 64; bit++)
        for (int off = -2; off <= 2; off++)
            expect_told((UINT64_C(1) << bit) + (uint64_t)(int64_t)off);
    expect_told(UINT64_MAX - 1);
}

Test(histogram, small_values_are_exact)
{
    for (uint64_t value = 0; value < 128; value++) {
        memset(&histogram, 0, sizeof histogram);
        kaya_histogram_note(&histogram, value);
        kaya_histogram_note(&histogram, UINT64_MAX);
        cr_expect(eq(u64, kaya_histogram_at(&histogram, 0.5), value));
    }
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

Test(histogram, shares_are_those_of_the_sorted_values)
{
    enum { COUNT = 20000 };
    static const double shares[] = { 0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1 };
    static uint64_t values[COUNT];
    uint64_t dice = 88172645463325252U;

    for (size_t i = 0; i < COUNT; i++) {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        values[i] = dice >> (20 + dice % 40);
        kaya_histogram_note(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof *values, compare);
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        size_t rank = (size_t)(shares[i] * COUNT + 0.5);

        expect_within(values[rank == 0 ? 0 : rank - 1], kaya_histogram_at(&histogram, shares[i]));
    }
    cr_expect(eq(u64, histogram.count, COUNT));
    cr_expect(eq(u64, histogram.largest, values[COUNT - 1]));
}

Test(histogram, two_added_are_as_one_that_heard_both)
{
    static struct kaya_histogram other, both;

    for (uint64_t i = 0; i < 1000; i++) {
        kaya_histogram_note(i % 3 == 0 ? &histogram : &other, i * i);
        kaya_histogram_note(&both, i * i);
    }
    kaya_histogram_add(&histogram, &other);
    cr_expect(memcmp(&histogram, &both, sizeof both) == 0);
}

Test(histogram, an_empty_one_says_nothing)
{
    cr_expect(eq(u64, kaya_histogram_at(&histogram, 0.5), 0));
}

Test(spread, is_the_median_and_the_quartiles)
{
    double five[] = { 5, 1, 4, 2, 3 };
    double four[] = { 40, 10, 30, 20 };
    double one[] = { 7 };
    struct kaya_spread spread = kaya_spread_of(five, 5);

    cr_expect(spread.low == 2 && spread.median == 3 && spread.high == 4);
    spread = kaya_spread_of(four, 4);
    cr_expect(spread.low == 17.5 && spread.median == 25 && spread.high == 32.5);
    spread = kaya_spread_of(one, 1);
    cr_expect(spread.low == 7 && spread.median == 7 && spread.high == 7);
    spread = kaya_spread_of(one, 0);
    cr_expect(spread.low == 0 && spread.median == 0 && spread.high == 0);
}
