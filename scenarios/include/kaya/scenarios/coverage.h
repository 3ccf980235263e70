/* What a campaign has reached: fault family x row of the verdict table x event.
 *
 * A run is cut into periods. Each ends with a recovery that came to a verdict and begins with the one before; to it belong the
 * faults that struck in it, the events that the log told, and the row that the recovery met. Marks are the same without the cross:
 * single things that a scenario may say happen sometimes. Nothing here enters a run's digest or decides anything. */
#ifndef KAYA_SCENARIOS_COVERAGE_H
#define KAYA_SCENARIOS_COVERAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/event.h"
#include "kaya/sim/disk.h"
#include "kaya/wal.h"

/* The rows of the table in core/tail.c, and that there is no log. X(NAME, name, the row's own name) */
#define KAYA_VERDICT_ROW_LIST(X)                                                                             \
    X(EMPTY, empty, "")                                                                                      \
    X(CLOSED, closed, "closed")                                                                              \
    X(SOILED, soiled, "closed, then soiled")                                                                 \
    X(OPEN, open, "open")                                                                                    \
    X(TORN, torn, "torn")                                                                                    \
    X(DAMAGED, damaged, "damaged")

enum kaya_verdict_row {
#define KAYA_VERDICT_ROW_ENUM(NAME, name, row) KAYA_VERDICT_ROW_##NAME,
    KAYA_VERDICT_ROW_LIST(KAYA_VERDICT_ROW_ENUM)
#undef KAYA_VERDICT_ROW_ENUM
        KAYA_VERDICT_ROWS
};
const char *kaya_verdict_row_name(enum kaya_verdict_row row); /* "empty", "closed", ...; "?" for a value that is none */
enum kaya_verdict_row kaya_verdict_row_of(const struct kaya_wal_recovery_report *report);

/* What may happen beside the events and the rows. X(NAME, name, text) */
#define KAYA_OWN_MARK_LIST(X)                                                                                \
    X(FAILED_OPEN, failed_open, "an open failed because a call of the disk did, and was tried again")        \
    X(OTHER_CONFIG, other_config, "a log was opened with sizes or limits drawn anew")                        \
    X(TAMPERING_IGNORED, tampering_ignored, "something was done to the directory that must not matter")      \
    X(TAMPERING_REFUSED, tampering_refused, "something was done to the directory, and the log was refused")  \
    X(TAMPERING_CUT, tampering_cut, "something was done to the directory, and the log opened with less")     \
    X(BACKUP_RESTORED, backup_restored, "the run went back to an older backup")                              \
    X(BACKUP_REFUSED, backup_refused, "an older backup was refused because of the anchor")                   \
    X(WRONG_LOG, wrong_log, "another log was refused because of the anchor")                                 \
    X(COPY_REFUSED, copy_refused, "a copy of the live log was refused")                                      \
    X(COPY_CUT, copy_cut, "a copy of the live log opened with less than the log had when it was done")       \
    X(COPY_WHOLE, copy_whole, "a copy of the live log opened with all of it")                                \
    X(SHARED_SYNC, shared_sync, "threads were answered twice as many strict appends as syncs were made")

/* What a scenario may say happens sometimes: an event by its name, a row as found_<its name>, or one of the above. */
enum kaya_mark {
#define KAYA_MARK_OF_EVENT(NAME, name, text) KAYA_MARK_##NAME,
    KAYA_EVENT_LIST(KAYA_MARK_OF_EVENT)
#undef KAYA_MARK_OF_EVENT
#define KAYA_MARK_OF_ROW(NAME, name, row) KAYA_MARK_FOUND_##NAME,
        KAYA_VERDICT_ROW_LIST(KAYA_MARK_OF_ROW)
#undef KAYA_MARK_OF_ROW
#define KAYA_MARK_OF_OWN(NAME, name, text) KAYA_MARK_##NAME,
            KAYA_OWN_MARK_LIST(KAYA_MARK_OF_OWN)
#undef KAYA_MARK_OF_OWN
                KAYA_MARKS
};
const char *kaya_mark_name(enum kaya_mark mark); /* as in a scenario file; "?" for a value that is none */

/* The last family stands for periods in which no fault struck, the last event for all periods. */
enum { KAYA_NO_FAULT = KAYA_FAULTS, KAYA_ANY_EVENT = KAYA_EVENT_KINDS };
struct kaya_coverage {
    uint64_t periods[KAYA_FAULTS + 1][KAYA_VERDICT_ROWS][KAYA_EVENT_KINDS + 1];
};
void kaya_coverage_add(struct kaya_coverage *sum, const struct kaya_coverage *coverage);

/* Follows one run. All zeros but for `coverage` is a run's beginning. */
struct kaya_watch {
    struct kaya_coverage *coverage; /* borrowed: counted there; NULL: marks only */
    uint64_t marks;                 /* set: 1 << enum kaya_mark */
    uint64_t events;                /* of the period under way: 1 << enum kaya_event_kind */
    uint64_t struck[KAYA_FAULTS];   /* before it */
};
void kaya_watch_mark(struct kaya_watch *watch, enum kaya_mark mark);
void kaya_watch_event(struct kaya_watch *watch, enum kaya_event_kind kind);
/* A recovery came to a verdict; `counts`: the disk's by then. */
void kaya_watch_verdict(struct kaya_watch *watch, const struct kaya_wal_recovery_report *report,
                        const struct kaya_fault_counts *counts);

#endif
