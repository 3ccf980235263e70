/* Coverage and marks.
 *
 * Goal: a period counts in the cells of the faults that struck in it and of the events that were told in it, once each; marks stay for
 * the whole run. Method: a watch is told a small history. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/coverage.h"
#include "tail.h"

static const struct kaya_wal_recovery_report torn = { .verdict = KAYA_VERDICT_TORN, .verdict_row = "torn" };
static const struct kaya_wal_recovery_report none = { .verdict = KAYA_VERDICT_EMPTY, .verdict_row = "" };

static bool has(const struct kaya_watch *watch, enum kaya_mark mark)
{
    return (watch->marks >> mark & 1) != 0;
}

Test(coverage, counts_a_period_for_what_struck_and_was_told_in_it)
{
    struct kaya_coverage *coverage = calloc(1, sizeof *coverage);
    struct kaya_watch watch = { .coverage = coverage };
    struct kaya_fault_counts counts = { 0 };
    uint64_t cells = 0;

    kaya_watch_verdict(&watch, &none, &counts);
    counts.struck[KAYA_FAULT_LOST_SECTOR] = 3;
    counts.struck[KAYA_FAULT_REORDER] = 1;
    kaya_watch_event(&watch, KAYA_EVENT_CUT);
    kaya_watch_event(&watch, KAYA_EVENT_CUT);
    kaya_watch_verdict(&watch, &torn, &counts);
    counts.struck[KAYA_FAULT_REORDER] = 2;
    kaya_watch_verdict(&watch, &torn, &counts);

    cr_expect(eq(u64, coverage->periods[KAYA_NO_FAULT][KAYA_VERDICT_ROW_EMPTY][KAYA_ANY_EVENT], 1));
    cr_expect(eq(u64, coverage->periods[KAYA_FAULT_LOST_SECTOR][KAYA_VERDICT_ROW_TORN][KAYA_ANY_EVENT], 1));
    cr_expect(eq(u64, coverage->periods[KAYA_FAULT_LOST_SECTOR][KAYA_VERDICT_ROW_TORN][KAYA_EVENT_CUT], 1));
    cr_expect(eq(u64, coverage->periods[KAYA_FAULT_REORDER][KAYA_VERDICT_ROW_TORN][KAYA_ANY_EVENT], 2));
    cr_expect(eq(u64, coverage->periods[KAYA_FAULT_REORDER][KAYA_VERDICT_ROW_TORN][KAYA_EVENT_CUT], 1));
    for (size_t i = 0; i < sizeof coverage->periods / sizeof(uint64_t); i++)
        cells += ((uint64_t *)coverage->periods)[i];
    cr_expect(eq(u64, cells, 6), "and nothing else");
    kaya_coverage_add(coverage, coverage);
    cr_expect(eq(u64, coverage->periods[KAYA_FAULT_REORDER][KAYA_VERDICT_ROW_TORN][KAYA_ANY_EVENT], 4));
    free(coverage);
}

Test(coverage, marks_stay_and_need_nobody_who_counts)
{
    struct kaya_watch watch = { .coverage = NULL };
    struct kaya_fault_counts counts = { 0 };

    kaya_watch_event(&watch, KAYA_EVENT_TRIMMED);
    kaya_watch_verdict(&watch, &torn, &counts);
    kaya_watch_verdict(&watch, &none, &counts);
    kaya_watch_mark(&watch, KAYA_MARK_FAILED_OPEN);
    cr_expect(has(&watch, KAYA_MARK_TRIMMED));
    cr_expect(has(&watch, KAYA_MARK_FOUND_TORN));
    cr_expect(has(&watch, KAYA_MARK_FOUND_EMPTY));
    cr_expect(has(&watch, KAYA_MARK_FAILED_OPEN));
    cr_expect(eq(int, __builtin_popcountll(watch.marks), 4));
}

/* A row that is not known here by its name would count as "empty". */
Test(coverage, knows_every_row_of_the_table)
{
    bool seen[KAYA_VERDICT_ROWS] = { false };

    for (unsigned bits = 0; bits < 1u << TAIL_FACT_COUNT; bits++) {
        struct tail_facts facts = { bits & 1, bits & 2, bits & 4, bits & 8 };
        struct kaya_wal_recovery_report report = { .verdict_row = kaya_tail_judge(&facts)->name };
        enum kaya_verdict_row row = kaya_verdict_row_of(&report);
        cr_expect(ne(int, row, KAYA_VERDICT_ROW_EMPTY), "%s", report.verdict_row);
        seen[row] = true;
    }
    for (int i = 1; i < KAYA_VERDICT_ROWS; i++)
        cr_expect(seen[i], "%s", kaya_verdict_row_name((enum kaya_verdict_row)i));
}

Test(coverage, names_are_unique)
{
    for (int i = 0; i < KAYA_MARKS; i++)
        for (int k = 0; k < i; k++)
            cr_expect(ne(str, (char *)kaya_mark_name((enum kaya_mark)i),
                         (char *)kaya_mark_name((enum kaya_mark)k)));
    cr_expect(eq(str, (char *)kaya_mark_name(KAYA_MARK_SEGMENT_RECYCLED), "segment_recycled"));
    cr_expect(eq(str, (char *)kaya_mark_name(KAYA_MARK_FOUND_SOILED), "found_soiled"));
    cr_expect(eq(str, (char *)kaya_mark_name(KAYA_MARKS), "?"));
}
