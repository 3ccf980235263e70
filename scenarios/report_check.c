/* A report in itself.
 *
 * Whether its numbers are the log's is asked by the oracle and, from the bytes, by the census. Here nothing is known but what kaya/wal.h says of the
 * fields: which of them a verdict brings along, which it leaves empty, and what only somebody who has written can have done. It costs nothing, and
 * is asked of every report in every story. */
#include "kaya/scenarios/report_check.h"

#include <inttypes.h>
#include <string.h>

#include "kaya/scenarios/promise.h"

#define BREAK(violation, promise, ...)                                                                       \
    kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_##promise), __VA_ARGS__)

/* The rows of FORMAT.md's table, by what they say of the log. A row without a name: no log, or a writer told. */
static bool is_row_of(const struct kaya_wal_recovery_report *report, enum kaya_report_by by)
{
    static const struct {
        const char *name;
        enum kaya_wal_verdict verdict;
        bool closed_cleanly;
    } rows[] = {
        { "damaged", KAYA_VERDICT_DAMAGED, false }, { "torn", KAYA_VERDICT_TORN, false },
        { "closed", KAYA_VERDICT_CLEAN, true },     { "closed, then soiled", KAYA_VERDICT_CLEAN, false },
        { "open", KAYA_VERDICT_CLEAN, false },
    };

    if (report->verdict_row[0] == '\0')
        return report->verdict == KAYA_VERDICT_EMPTY ||
               (report->verdict == KAYA_VERDICT_CLEAN && by == KAYA_REPORT_BY_LOOK);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i].name, report->verdict_row) == 0)
            return rows[i].verdict == report->verdict && rows[i].closed_cleanly == report->closed_cleanly;
    return false;
}

static void check_verdict(enum kaya_report_by by, const struct kaya_wal_recovery_report *report,
                          struct kaya_violation *violation)
{
    if (!is_row_of(report, by))
        BREAK(violation, P4, "a log that is %s%s is not of the row \"%s\"",
              kaya_wal_verdict_name(report->verdict), report->closed_cleanly ? " and was closed" : "",
              report->verdict_row);
    if (report->verdict != KAYA_VERDICT_DAMAGED &&
        (report->verdict == KAYA_VERDICT_TORN) != (report->discarded_bytes > 0))
        BREAK(violation, P4,
              "a log is torn where bytes behind its end are given up; it is called %s, with %" PRIu64,
              kaya_wal_verdict_name(report->verdict), report->discarded_bytes);
}

static void check_damage(enum kaya_status status, const struct kaya_wal_recovery_report *report,
                         struct kaya_violation *violation)
{
    bool names_lost = report->lost_first_lsn != 0 || report->lost_last_lsn != 0;
    bool names_place = report->damage_segment != 0 || report->damage_offset != 0 ||
                       report->damage_end_offset != 0 || report->damage_reason[0] != '\0';

    if (report->verdict != KAYA_VERDICT_DAMAGED && (names_lost || names_place))
        BREAK(violation, P5,
              "a log that is %s names damage in segment %" PRIu64 " at 0x%" PRIx64 ", records %" PRIu64
              "..%" PRIu64 ": %s",
              kaya_wal_verdict_name(report->verdict), report->damage_segment, report->damage_offset,
              report->lost_first_lsn, report->lost_last_lsn, report->damage_reason);
    if (report->verdict != KAYA_VERDICT_DAMAGED)
        return;
    if (report->damage_reason[0] == '\0')
        BREAK(violation, P5, "a log is damaged for no reason (%s)", kaya_status_name(status));
    if (report->damage_end_offset != 0 && report->damage_end_offset < report->damage_offset)
        BREAK(violation, P5, "damage from 0x%" PRIx64 " on, of what is durable up to 0x%" PRIx64,
              report->damage_offset, report->damage_end_offset);
    if (names_lost && (report->lost_first_lsn == 0 || report->lost_last_lsn < report->lost_first_lsn))
        BREAK(violation, P5, "records %" PRIu64 "..%" PRIu64 " are said to be lost", report->lost_first_lsn,
              report->lost_last_lsn);
}

/* A log that was begun just now. */
static void check_new(const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (report->epoch != 1 || report->last_lsn + 1 != report->first_lsn || report->segment != 1 ||
        report->segment_count != 1 || report->end_offset == 0 || report->carried_records != 0 ||
        report->lsns_may_return || report->closed_cleanly || report->claim_segment != 0 ||
        report->claim_offset != 0 || report->unvouched_bytes != 0 || report->mended_count != 0)
        BREAK(violation, P3,
              "a new log begins with its first segment, without records; it is said to be in epoch %" PRIu64
              ", records %" PRIu64 "..%" PRIu64 ", segment %" PRIu64 " of %" PRIu64,
              report->epoch, report->first_lsn, report->last_lsn, report->segment, report->segment_count);
}

static void check_places(const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (report->segment == 0 || report->segment_count == 0 || report->end_offset == 0 || report->epoch == 0)
        BREAK(violation, P3,
              "a log ends in a segment, in some epoch; it is said to end at 0x%" PRIx64 " of segment %" PRIu64
              ", %" PRIu64 " in use, in epoch %" PRIu64,
              report->end_offset, report->segment, report->segment_count, report->epoch);
    if (report->claim_segment > report->segment ||
        (report->claim_segment == report->segment && report->claim_offset > report->end_offset))
        BREAK(violation, P5,
              "the log ends at 0x%" PRIx64 " of segment %" PRIu64
              ", and its furthest claim lies at 0x%" PRIx64 " of segment %" PRIu64,
              report->end_offset, report->segment, report->claim_offset, report->claim_segment);
}

/* Who found no clean close, or cuts, goes on in a successor, with what no claim covers. Who refuses, or only looks, does nothing. */
static void check_deeds(enum kaya_report_by by, enum kaya_status status,
                        const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    bool recovers = by != KAYA_REPORT_BY_LOOK && status == KAYA_OK;
    uint64_t records = report->last_lsn + 1 - report->first_lsn;

    if ((by != KAYA_REPORT_BY_CUT_BACK || status != KAYA_OK) &&
        report->lsns_may_return != (recovers && !report->closed_cleanly))
        BREAK(violation, F9, "numbers may return behind a recovery that found no clean close; %s, and they %s",
              !recovers                ? "nothing was recovered"
              : report->closed_cleanly ? "the log was closed"
                                       : "there was none",
              report->lsns_may_return ? "may" : "may not");
    if (report->carried_records > (recovers && report->lsns_may_return ? records : 0))
        BREAK(violation, P3, "of %" PRIu64 " records %" PRIu64 " are said to have been carried", records,
              report->carried_records);
    if (recovers && by == KAYA_REPORT_BY_RECOVERY && report->unvouched_bytes > 0 && report->lsns_may_return &&
        report->carried_records == 0)
        BREAK(violation, P3, "no claim covers the last %" PRIu64 " bytes of records, and none was carried",
              report->unvouched_bytes);
}

void kaya_report_check(enum kaya_report_by by, enum kaya_status status,
                       const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (status != KAYA_OK && status != KAYA_DAMAGED)
        return;
    if (status == KAYA_OK ? by != KAYA_REPORT_BY_LOOK && report->verdict == KAYA_VERDICT_DAMAGED
                          : report->verdict != KAYA_VERDICT_DAMAGED)
        BREAK(violation, P5, "the answer is %s, and the log is called %s: %s", kaya_status_name(status),
              kaya_wal_verdict_name(report->verdict), report->damage_reason);
    check_verdict(by, report, violation);
    check_damage(status, report, violation);
    if (report->verdict == KAYA_VERDICT_EMPTY)
        check_new(report, violation);
    if (report->verdict == KAYA_VERDICT_CLEAN || report->verdict == KAYA_VERDICT_TORN)
        check_places(report, violation);
    if (report->verdict != KAYA_VERDICT_EMPTY)
        check_deeds(by, status, report, violation);
}
