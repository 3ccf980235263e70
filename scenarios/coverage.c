/* Marks and coverage: what happened, counted beside the run. A row is known by the name that the report gives it. */
#include "kaya/scenarios/coverage.h"

#include <string.h>

_Static_assert(KAYA_MARKS <= 63, "a set of marks is a number, in scenario files a signed one");

static const struct {
    const char *name, *row;
} rows[KAYA_VERDICT_ROWS] = {
#define ROW(NAME, name, row) { #name, row },
    KAYA_VERDICT_ROW_LIST(ROW)
#undef ROW
};

static const char *const mark_names[KAYA_MARKS] = {
#define NAME(NAME, name, text) #name,
    KAYA_EVENT_LIST(NAME)
#undef NAME
#define NAME(NAME, name, row) ("found_" #name),
        KAYA_VERDICT_ROW_LIST(NAME)
#undef NAME
#define NAME(NAME, name, text) #name,
            KAYA_OWN_MARK_LIST(NAME)
#undef NAME
};

const char *kaya_verdict_row_name(enum kaya_verdict_row row)
{
    return (unsigned)row < KAYA_VERDICT_ROWS ? rows[row].name : "?";
}

enum kaya_verdict_row kaya_verdict_row_of(const struct kaya_wal_recovery_report *report)
{
    for (int i = 0; i < KAYA_VERDICT_ROWS && report->verdict_row != NULL; i++)
        if (strcmp(rows[i].row, report->verdict_row) == 0)
            return (enum kaya_verdict_row)i;
    return KAYA_VERDICT_ROW_EMPTY;
}

const char *kaya_mark_name(enum kaya_mark mark)
{
    return (unsigned)mark < KAYA_MARKS ? mark_names[mark] : "?";
}

void kaya_coverage_add(struct kaya_coverage *sum, const struct kaya_coverage *coverage)
{
    for (int family = 0; family <= KAYA_FAULTS; family++)
        for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
            for (int event = 0; event <= KAYA_EVENT_KINDS; event++)
                sum->periods[family][row][event] += coverage->periods[family][row][event];
}

void kaya_watch_mark(struct kaya_watch *watch, enum kaya_mark mark)
{
    watch->marks |= (uint64_t)1 << mark;
}

void kaya_watch_event(struct kaya_watch *watch, enum kaya_event_kind kind)
{
    if ((unsigned)kind >= KAYA_EVENT_KINDS)
        return;
    watch->events |= (uint64_t)1 << kind;
    kaya_watch_mark(watch, (enum kaya_mark)kind); /* events come first among the marks */
}

static void count_family(struct kaya_watch *watch, int family, enum kaya_verdict_row row)
{
    uint64_t *periods = watch->coverage->periods[family][row];

    periods[KAYA_ANY_EVENT]++;
    for (uint64_t left = watch->events; left != 0; left &= left - 1)
        periods[__builtin_ctzll(left)]++;
}

void kaya_watch_verdict(struct kaya_watch *watch, const struct kaya_wal_recovery_report *report,
                        const struct kaya_fault_counts *counts)
{
    enum kaya_verdict_row row = kaya_verdict_row_of(report);
    bool any = false;

    kaya_watch_mark(watch, (enum kaya_mark)((int)KAYA_MARK_FOUND_EMPTY + (int)row));
    if (watch->coverage != NULL) {
        for (int family = 0; family < KAYA_FAULTS; family++)
            if (counts->struck[family] != watch->struck[family]) {
                count_family(watch, family, row);
                any = true;
            }
        if (!any)
            count_family(watch, KAYA_NO_FAULT, row);
    }
    memcpy(watch->struck, counts->struck, sizeof watch->struck);
    watch->events = 0;
}
