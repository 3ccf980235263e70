/* A report in itself (scenarios/report_check.c).
 *
 * Goal: reports that kaya/wal.h allows pass, and whoever says otherwise in one field is caught, under the promise and in the words of the rule that he
 * breaks. Method: a true report of each kind, and rows that change one field of one of them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/report_check.h"
#include "scenarios/one_field.h"

/* Records 3 to 9 in segments 4 and 5, of which the last ends at 700. */
#define LOG                                                                                                  \
    .epoch = 2, .first_lsn = 3, .last_lsn = 9, .segment_count = 2, .segment = 5, .end_offset = 700,          \
    .claim_segment = 5
#define UNCLOSED .claim_offset = 640, .unvouched_bytes = 60, .damage_reason = ""

enum told { LOOKED, RECOVERED, CLAIMED, CLOSED, TORN, CUT_BACK, BEHIND, NEW, REFUSED, SEEN, TOLD };

static const struct {
    const char *name;
    enum kaya_report_by by;
    enum kaya_status status;
    struct kaya_wal_recovery_report report;
} truths[TOLD] = {
    [LOOKED] = { "looked",
                 KAYA_REPORT_BY_LOOK,
                 KAYA_OK,
                 { LOG, UNCLOSED, .verdict = KAYA_VERDICT_CLEAN, .verdict_row = "open" } },
    [RECOVERED] = { "recovered",
                    KAYA_REPORT_BY_RECOVERY,
                    KAYA_OK,
                    { LOG, UNCLOSED, .verdict = KAYA_VERDICT_CLEAN, .verdict_row = "open",
                      .lsns_may_return = true, .carried_records = 7 } },
    [CLAIMED] = { "recovered, and a claim reaches to its end",
                  KAYA_REPORT_BY_RECOVERY,
                  KAYA_OK,
                  { LOG, .verdict = KAYA_VERDICT_CLEAN, .verdict_row = "open", .claim_offset = 700,
                    .lsns_may_return = true, .damage_reason = "" } },
    [CLOSED] = { "closed",
                 KAYA_REPORT_BY_RECOVERY,
                 KAYA_OK,
                 { LOG, .verdict = KAYA_VERDICT_CLEAN, .verdict_row = "closed", .closed_cleanly = true,
                   .claim_offset = 700, .damage_reason = "" } },
    [TORN] = { "torn",
               KAYA_REPORT_BY_RECOVERY,
               KAYA_OK,
               { LOG, UNCLOSED, .verdict = KAYA_VERDICT_TORN, .verdict_row = "torn", .discarded_bytes = 1,
                 .lsns_may_return = true, .carried_records = 1 } },
    [CUT_BACK] = { "cut back",
                   KAYA_REPORT_BY_CUT_BACK,
                   KAYA_OK,
                   { LOG, UNCLOSED, .verdict = KAYA_VERDICT_CLEAN, .verdict_row = "closed, then soiled" } },
    [BEHIND] = { "its claim lies in the segment before",
                 KAYA_REPORT_BY_LOOK,
                 KAYA_OK,
                 { .epoch = 1,
                   .first_lsn = 3,
                   .last_lsn = 2,
                   .segment_count = 2,
                   .segment = 5,
                   .end_offset = 700,
                   .claim_segment = 4,
                   .claim_offset = 9000,
                   .verdict = KAYA_VERDICT_CLEAN,
                   .verdict_row = "",
                   .damage_reason = "" } },
    [NEW] = { "new",
              KAYA_REPORT_BY_RECOVERY,
              KAYA_OK,
              { .verdict = KAYA_VERDICT_EMPTY,
                .verdict_row = "",
                .epoch = 1,
                .first_lsn = 1,
                .segment_count = 1,
                .segment = 1,
                .end_offset = 596,
                .damage_reason = "" } },
    [REFUSED] = { "refused",
                  KAYA_REPORT_BY_RECOVERY,
                  KAYA_DAMAGED,
                  { LOG, .verdict = KAYA_VERDICT_DAMAGED, .verdict_row = "damaged", .damage_segment = 4,
                    .damage_offset = 600, .damage_end_offset = 600, .lost_first_lsn = 5, .lost_last_lsn = 5,
                    .damage_reason = "a frame" } },
    [SEEN] = { "seen by who looked",
               KAYA_REPORT_BY_LOOK,
               KAYA_OK,
               { .verdict = KAYA_VERDICT_DAMAGED,
                 .verdict_row = "damaged",
                 .damage_offset = 600,
                 .damage_reason = "no link" } },
};

static const struct kaya_violation *judged(enum told told, enum kaya_status status,
                                           const struct kaya_wal_recovery_report *report)
{
    static struct kaya_violation violation;

    memset(&violation, 0, sizeof violation);
    kaya_report_check(truths[told].by, status, report, &violation);
    return &violation;
}

static void expect(const char *what, const struct kaya_violation *found, const char *promise, const char *words)
{
    cr_expect(eq(str, (char *)found->promise, (char *)promise), "%s: %s", what, found->what);
    cr_expect(strstr(found->what, words) != NULL, "%s: \"%s\", not \"%s\"", what, found->what, words);
}

Test(report_check, what_kaya_wal_h_allows_passes)
{
    for (unsigned i = 0; i < TOLD; i++)
        expect(truths[i].name, judged(i, truths[i].status, &truths[i].report), "", "");
}

#define FIELD(field) ONE_FIELD(struct kaya_wal_recovery_report, field)

struct change {
    enum told told;
    struct one_field field;
    uint64_t value;
    const char *promise, *words;
};

static void expect_each(const struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct change *change = &changes[i];
        struct kaya_wal_recovery_report report = truths[change->told].report;
        char what[128];

        snprintf(what, sizeof what, "%s, %s %llu", truths[change->told].name, change->field.name,
                 (unsigned long long)change->value);
        one_field_set(&report, &change->field, change->value);
        expect(what, judged(change->told, truths[change->told].status, &report), change->promise, change->words);
        expect(what, judged(change->told, KAYA_IO, &report), "", "");
    }
}

#define EXPECT_EACH(changes) expect_each(changes, sizeof(changes) / sizeof(changes)[0])

Test(report_check, no_report_may_lie_behind_any_other_answer)
{
#define ONE_STATUS(name, text) KAYA_##name,
    static const enum kaya_status statuses[] = { KAYA_STATUS_LIST(ONE_STATUS) };
    struct kaya_wal_recovery_report nothing = { .verdict_row = "?", .damage_reason = "" };

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        cr_expect(eq(int, kaya_violation_is_set(judged(RECOVERED, statuses[i], &nothing)),
                     statuses[i] == KAYA_OK || statuses[i] == KAYA_DAMAGED),
                  "%s", kaya_status_name(statuses[i]));
}

Test(report_check, an_answer_suits_its_verdict)
{
    for (unsigned i = 0; i < TOLD; i++) {
        bool is_damaged = truths[i].report.verdict == KAYA_VERDICT_DAMAGED;
        bool only_looks = truths[i].by == KAYA_REPORT_BY_LOOK;

        if (is_damaged && only_looks) /* whose call it is to see damage, or to answer with it */
            expect(truths[i].name, judged(i, KAYA_DAMAGED, &truths[i].report), "", "");
        else
            expect(truths[i].name, judged(i, is_damaged ? KAYA_OK : KAYA_DAMAGED, &truths[i].report), "P5",
                   "the answer is");
    }
}

/* --- Rows of FORMAT.md's table --- */

/* Does the table know a log like that? */
static bool is_in_table(const char *row, enum kaya_wal_verdict verdict, bool is_closed, bool only_looks)
{
    if (row[0] == '\0') /* no log, or a writer of this process told */
        return verdict == KAYA_VERDICT_EMPTY || (verdict == KAYA_VERDICT_CLEAN && only_looks);
    if (strcmp(row, "closed") == 0)
        return verdict == KAYA_VERDICT_CLEAN && is_closed;
    if (is_closed)
        return false;
    if (strcmp(row, "open") == 0 || strcmp(row, "closed, then soiled") == 0)
        return verdict == KAYA_VERDICT_CLEAN;
    return strcmp(row, kaya_wal_verdict_name(verdict)) == 0 && verdict >= KAYA_VERDICT_TORN;
}

Test(report_check, a_row_is_of_its_verdict)
{
    static const char *const rows[] = { "",     "damaged", "torn",  "closed", "closed, then soiled",
                                        "open", "clean",   "empty", "close",  "?" };
    static const enum told tellers[] = { LOOKED, RECOVERED, CUT_BACK };

    for (unsigned i = 0; i < 10 * 4 * 2 * 3; i++) {
        enum told told = tellers[i % 3];
        struct kaya_wal_recovery_report report = truths[NEW].report;
        bool is_right;

        report.closed_cleanly = i / 3 % 2 != 0;
        report.verdict = (enum kaya_wal_verdict)(i / 6 % 4);
        report.verdict_row = rows[i / 24];
        is_right = is_in_table(report.verdict_row, report.verdict, report.closed_cleanly, told == LOOKED);
        cr_expect(
            eq(int,
               strstr(judged(told, report.verdict == KAYA_VERDICT_DAMAGED ? KAYA_DAMAGED : KAYA_OK, &report)->what,
                      "is not of the row") == NULL,
               is_right),
            "\"%s\", %s%s, told by %s", report.verdict_row, kaya_wal_verdict_name(report.verdict),
            report.closed_cleanly ? ", closed" : "", truths[told].name);
    }
}

Test(report_check, a_log_is_torn_where_bytes_are_given_up)
{
    static const struct change changes[] = {
        { TORN, FIELD(discarded_bytes), 0, "P4", "torn where bytes" },
        { TORN, FIELD(discarded_bytes), 4096, "", "" },
        { LOOKED, FIELD(discarded_bytes), 1, "P4", "torn where bytes" },
        { CLOSED, FIELD(discarded_bytes), 1, "P4", "torn where bytes" },
        { NEW, FIELD(discarded_bytes), 1, "P4", "torn where bytes" },
        { REFUSED, FIELD(discarded_bytes), 1, "", "" },
    };

    EXPECT_EACH(changes);
}

/* --- Damage --- */

Test(report_check, only_a_damaged_log_names_damage)
{
    static const struct one_field fields[] = { FIELD(damage_segment), FIELD(damage_offset),
                                               FIELD(damage_end_offset), FIELD(lost_first_lsn),
                                               FIELD(lost_last_lsn) };
    static const enum told whole[] = { LOOKED, RECOVERED, CLOSED, TORN, CUT_BACK, NEW };
    struct kaya_wal_recovery_report report;

    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) {
            report = truths[whole[i]].report;
            one_field_set(&report, &fields[j], 1);
            expect(fields[j].name, judged(whole[i], KAYA_OK, &report), "P5", "names damage");
        }
        report = truths[whole[i]].report;
        report.damage_reason = "a frame";
        expect(truths[whole[i]].name, judged(whole[i], KAYA_OK, &report), "P5", "names damage");
    }
}

Test(report_check, damage_has_a_reason_and_an_order)
{
    static const struct change changes[] = {
        { REFUSED, FIELD(damage_end_offset), 599, "P5", "damage from 0x258 on, of what is durable up to 0x257" },
        { REFUSED, FIELD(damage_end_offset), 601, "", "" },
        { REFUSED, FIELD(damage_end_offset), 0, "", "" }, /* nobody says how far */
        { REFUSED, FIELD(damage_offset), 601, "P5", "damage from" },
        { REFUSED, FIELD(lost_first_lsn), 0, "P5", "records 0..5 are said to be lost" },
        { REFUSED, FIELD(lost_first_lsn), 6, "P5", "records 6..5 are said to be lost" },
        { REFUSED, FIELD(lost_last_lsn), 4, "P5", "records 5..4 are said to be lost" },
        { REFUSED, FIELD(lost_last_lsn), 0, "P5", "records 5..0 are said to be lost" },
        { REFUSED, FIELD(lost_last_lsn), UINT64_MAX, "", "" },
        { SEEN, FIELD(lost_last_lsn), 5, "P5", "records 0..5 are said to be lost" },
    };
    struct kaya_wal_recovery_report report = truths[REFUSED].report;

    EXPECT_EACH(changes);
    report.damage_reason = "";
    expect("no reason", judged(REFUSED, KAYA_DAMAGED, &report), "P5", "for no reason");
    report = truths[SEEN].report;
    report.damage_reason = "";
    expect("no reason", judged(SEEN, KAYA_OK, &report), "P5", "for no reason");
}

/* --- Places and numbers --- */

Test(report_check, a_new_log_begins_with_its_first_segment)
{
    static const struct change changes[] = {
        { NEW, FIELD(epoch), 0, "P3", "epoch 0" },
        { NEW, FIELD(epoch), 2, "P3", "epoch 2" },
        { NEW, FIELD(first_lsn), 2, "P3", "records 2..0" },
        { NEW, FIELD(last_lsn), 1, "P3", "records 1..1" },
        { NEW, FIELD(segment), 0, "P3", "segment 0 of 1" },
        { NEW, FIELD(segment), 2, "P3", "segment 2 of 1" },
        { NEW, FIELD(segment_count), 0, "P3", "segment 1 of 0" },
        { NEW, FIELD(segment_count), 2, "P3", "segment 1 of 2" },
        { NEW, FIELD(end_offset), 0, "P3", "a new log begins" },
        { NEW, FIELD(carried_records), 1, "P3", "a new log begins" },
        { NEW, FIELD(lsns_may_return), 1, "P3", "a new log begins" },
        { NEW, FIELD(closed_cleanly), 1, "P3", "a new log begins" },
        { NEW, FIELD(claim_segment), 1, "P3", "a new log begins" },
        { NEW, FIELD(claim_offset), 1, "P3", "a new log begins" },
        { NEW, FIELD(unvouched_bytes), 1, "P3", "a new log begins" },
        { NEW, FIELD(mended_count), 1, "P3", "a new log begins" },
    };

    EXPECT_EACH(changes);
}

Test(report_check, a_log_ends_in_a_place_that_no_claim_passes)
{
    static const struct change changes[] = {
        { LOOKED, FIELD(segment), 0, "P3", "of segment 0, 2 in use, in epoch 2" },
        { LOOKED, FIELD(segment_count), 0, "P3", "of segment 5, 0 in use, in epoch 2" },
        { LOOKED, FIELD(end_offset), 0, "P3", "said to end at 0x0" },
        { TORN, FIELD(epoch), 0, "P3", "in epoch 0" },
        { LOOKED, FIELD(claim_segment), 6, "P5", "claim lies at 0x280 of segment 6" },
        { LOOKED, FIELD(segment), 4, "P5", "ends at 0x2bc of segment 4" },
        { CLOSED, FIELD(claim_offset), 701, "P5", "claim lies at 0x2bd of segment 5" },
        { CLOSED, FIELD(end_offset), 699, "P5", "ends at 0x2bb of segment 5" },
        { TORN, FIELD(claim_offset), 701, "P5", "claim lies at 0x2bd of segment 5" },
        { BEHIND, FIELD(claim_segment), 5, "P5", "claim lies at 0x2328 of segment 5" },
        { LOOKED, FIELD(claim_offset), 700, "", "" },
        { LOOKED, FIELD(claim_offset), 0, "", "" },
        { BEHIND, FIELD(claim_segment), 0, "", "" },
        { REFUSED, FIELD(claim_segment), 6, "", "" }, /* which is why it is refused */
    };

    EXPECT_EACH(changes);
}

/* --- Deeds --- */

Test(report_check, numbers_return_behind_a_recovery_that_found_no_clean_close)
{
    static const struct change changes[] = {
        { LOOKED, FIELD(lsns_may_return), 1, "F9", "nothing was recovered, and they may" },
        { RECOVERED, FIELD(lsns_may_return), 0, "F9", "there was none, and they may not" },
        { TORN, FIELD(lsns_may_return), 0, "F9", "there was none, and they may not" },
        { CLOSED, FIELD(lsns_may_return), 1, "F9", "the log was closed, and they may" },
        { CUT_BACK, FIELD(lsns_may_return), 1, "", "" },
    };

    EXPECT_EACH(changes);
}

Test(report_check, who_refuses_or_sees_damage_has_done_nothing)
{
    static const struct change changes[] = {
        { REFUSED, FIELD(lsns_may_return), 1, "F9", "nothing was recovered, and they may" },
        { SEEN, FIELD(lsns_may_return), 1, "F9", "nothing was recovered, and they may" },
        { REFUSED, FIELD(carried_records), 3, "P3", "of 7 records 3 are said to have been carried" },
        { SEEN, FIELD(carried_records), 1, "P3", "1 are said to have been carried" },
    };
    struct kaya_wal_recovery_report report = truths[REFUSED].report;
    struct kaya_violation violation = { .promise = "" };

    EXPECT_EACH(changes);
    report.lsns_may_return = true;
    kaya_report_check(KAYA_REPORT_BY_CUT_BACK, KAYA_DAMAGED, &report, &violation);
    expect("a cut-back that is refused", &violation, "F9", "nothing was recovered, and they may");
}

Test(report_check, what_no_claim_covers_is_carried_by_who_recovers)
{
    static const struct change changes[] = {
        { LOOKED, FIELD(carried_records), 1, "P3", "of 7 records 1 are said" },
        { CLOSED, FIELD(carried_records), 1, "P3", "of 7 records 1 are said" },
        { CUT_BACK, FIELD(carried_records), 1, "P3", "of 7 records 1 are said" }, /* it cut nothing */
        { RECOVERED, FIELD(carried_records), 8, "P3", "of 7 records 8 are said" },
        { RECOVERED, FIELD(last_lsn), 8, "P3", "of 6 records 7 are said" },
        { RECOVERED, FIELD(first_lsn), 4, "P3", "of 6 records 7 are said" },
        { RECOVERED, FIELD(carried_records), 0, "P3", "the last 60 bytes of records, and none was carried" },
        { TORN, FIELD(carried_records), 0, "P3", "the last 60 bytes of records, and none was carried" },
        { RECOVERED, FIELD(carried_records), 1, "", "" },
        { RECOVERED, FIELD(unvouched_bytes), 0, "", "" },
        { CUT_BACK, FIELD(unvouched_bytes), 0, "", "" },
    };
    struct kaya_wal_recovery_report report = truths[CUT_BACK].report;

    EXPECT_EACH(changes);
    report.lsns_may_return = true;
    report.carried_records = 7;
    expect("cut inside the head", judged(CUT_BACK, KAYA_OK, &report), "", "");
    report.carried_records = 8;
    expect("carried too much", judged(CUT_BACK, KAYA_OK, &report), "P3", "of 7 records 8 are said");
}
