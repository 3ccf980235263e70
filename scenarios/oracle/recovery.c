/* What recoveries answered, and who only looked: is it what must and may be there? Then it is fixed for good (P3). */
#include "recovery.h"

#include <inttypes.h>
#include <string.h>

#include "damage.h"
#include "unrestricted.h"

static void judge_low_water(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                            struct kaya_violation *violation)
{
    count(oracle, KAYA_PROMISE_F10);
    if (report->first_lsn < oracle->low_lsn &&
        !(is_low_water_in_doubt(oracle) && report->first_lsn >= oracle->floor_lsn))
        BREAK(violation, KAYA_PROMISE_F10,
              "records below %" PRIu64 " were trimmed for good; the log begins with record %" PRIu64 " again",
              oracle->low_lsn, report->first_lsn);
    if (report->first_lsn > oracle->low_may_lsn)
        BREAK(violation, KAYA_PROMISE_P1,
              "the log must begin with record %" PRIu64
              " or earlier, nothing asked for more to be trimmed; it begins with %" PRIu64,
              oracle->low_may_lsn, report->first_lsn);
}

static void judge_end(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                      struct kaya_violation *violation)
{
    uint64_t kept = oracle->kept_lsn < oracle->outlook_kept_lsn ? oracle->kept_lsn : oracle->outlook_kept_lsn;
    char text[KAYA_RECORD_NAME_BYTES];
    bool known;

    count(oracle, KAYA_PROMISE_P1);
    count(oracle, KAYA_PROMISE_P2);
    if (report->last_lsn > kaya_oracle_highest_last_lsn(oracle))
        BREAK(violation, KAYA_PROMISE_P1,
              "the last record appended is %" PRIu64 "; the log is said to end with %" PRIu64,
              oracle->last_lsn, report->last_lsn);
    if (report->last_lsn < kept) {
        known = fact_of(oracle, report->last_lsn + 1)->flags & FACT_RETURNED;
        BREAK(violation,
              oracle->outlook->is_damaged ? KAYA_PROMISE_P5
              : known                     ? KAYA_PROMISE_P3
                                          : KAYA_PROMISE_P2,
              "%s must be there, and all up to %" PRIu64 "; the log ends with %" PRIu64,
              kaya_oracle_describe(oracle, report->last_lsn + 1, text), kept, report->last_lsn);
    }
    if (report->last_lsn + 1 < report->first_lsn)
        BREAK(violation, KAYA_PROMISE_P1, "the log begins with %" PRIu64 " and ends with %" PRIu64,
              report->first_lsn, report->last_lsn);
    if (oracle->cut_pending && oracle->outlook->refusal == KAYA_REFUSAL_FORBIDDEN) {
        count(oracle, KAYA_PROMISE_P3);
        if (report->last_lsn != oracle->cut_lsn && report->last_lsn != oracle->last_lsn)
            BREAK(violation, KAYA_PROMISE_P3,
                  "a cut-back to %" PRIu64 " leaves that end or the old one, %" PRIu64
                  "; the log ends with %" PRIu64,
                  oracle->cut_lsn, oracle->last_lsn, report->last_lsn);
    }
}

void kaya_oracle_judge_last_batch(struct kaya_oracle *oracle, uint64_t last_lsn, struct kaya_violation *violation)
{
    count(oracle, KAYA_PROMISE_P11);
    if (last_lsn >= oracle->low_lsn && !kaya_oracle_ends_batch(oracle, last_lsn))
        BREAK(violation, KAYA_PROMISE_P11,
              "record %" PRIu64 " stands inside a batch, and the log ends with it", last_lsn);
}

static void judge_batches(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                          struct kaya_violation *violation)
{
    if (!may_be_past(oracle)) /* else it is known when it was read */
        kaya_oracle_judge_last_batch(oracle, report->last_lsn, violation);
    if (report->first_lsn > oracle->low_lsn && !kaya_oracle_ends_batch(oracle, report->first_lsn - 1))
        BREAK(violation, KAYA_PROMISE_P11,
              "record %" PRIu64 " stands inside a batch, and the log begins with it", report->first_lsn);
}

static void judge_close(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                        struct kaya_violation *violation)
{
    if (oracle->outlook->is_damaged) /* CLOSE may be hit, or what stood behind an older one */
        return;
    if (oracle->close_certain) {
        count(oracle, KAYA_PROMISE_P4);
        if (!report->closed_cleanly || report->verdict != KAYA_VERDICT_CLEAN)
            BREAK(violation, KAYA_PROMISE_P4,
                  "the log was closed and nothing happened to it since; it is found %s and %s closed cleanly",
                  kaya_wal_verdict_name(report->verdict), report->closed_cleanly ? "is" : "is not");
    } else if (report->closed_cleanly && !oracle->close_possible) {
        BREAK(violation, KAYA_PROMISE_P1,
              "the log was not closed since record %" PRIu64 " was made durable, but is said to have been",
              oracle->durable_lsn);
    }
}

static void judge_identity(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                           struct kaya_violation *violation)
{
    if (!oracle->exists)
        return;
    count(oracle, KAYA_PROMISE_P3);
    if (report->verdict == KAYA_VERDICT_EMPTY)
        BREAK(violation, KAYA_PROMISE_P3, "a log was opened here before; now there is said to be none");
    else if (memcmp(&report->log_id, &oracle->log_id, sizeof report->log_id) != 0)
        BREAK(violation, KAYA_PROMISE_P3, "the log has another id than when it was opened before");
}

static const char *what_happened(const struct kaya_oracle *oracle)
{
    return oracle->outlook->is_damaged ? "nothing but single bits, spares, dead bytes or spare copies was damaged"
                                       : "nothing but crashes happened";
}

static void judge(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                  struct kaya_violation *violation)
{
    count(oracle, KAYA_PROMISE_P4);
    if (report->verdict == KAYA_VERDICT_DAMAGED)
        BREAK(violation, KAYA_PROMISE_P4, "%s, but the log is called damaged: %s", what_happened(oracle),
              report->damage_reason != NULL ? report->damage_reason : "");
    kaya_oracle_judge_acceptance(oracle, report, violation);
    judge_identity(oracle, report, violation);
    judge_low_water(oracle, report, violation);
    judge_end(oracle, report, violation);
    judge_batches(oracle, report, violation);
    judge_close(oracle, report, violation);
}

static void judge_epoch(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                        struct kaya_violation *violation)
{
    if (!oracle->exists || oracle->outlook->is_mark_damaged) /* the link that said so may be lost */
        return;
    count(oracle, KAYA_PROMISE_F9);
    if (report->epoch < oracle->epoch || (report->epoch == oracle->epoch && !report->closed_cleanly))
        BREAK(violation, KAYA_PROMISE_F9,
              "a recovery that finds no clean close raises the epoch; it was %" PRIu64 " and is %" PRIu64,
              oracle->epoch, report->epoch);
    if (oracle->outlook->is_damaged || oracle->cut_pending || report->last_lsn >= oracle->last_lsn)
        return;
    if (report->epoch == oracle->epoch && (fact_of(oracle, report->last_lsn + 1)->flags & FACT_ACKNOWLEDGED) != 0)
        BREAK(violation, KAYA_PROMISE_F9,
              "number %" PRIu64
              " was given to a record that is lost, and is free again under the same epoch, %" PRIu64,
              report->last_lsn + 1, report->epoch);
}

/* What was in doubt is fixed: the log is what this recovery returned. */
static void adopt(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report)
{
    kaya_oracle_note_parting(oracle);
    if (report->last_lsn > oracle->last_lsn)
        kaya_oracle_go_back_to(oracle, report->last_lsn);
    else
        kaya_oracle_give_up_end(oracle, report->last_lsn);
    oracle->is_past_in_doubt = oracle->is_past_in_doubt || oracle->outlook->is_mark_damaged;
    for (uint64_t lsn = report->last_lsn; lsn >= report->first_lsn; lsn--) {
        if (fact_of(oracle, lsn)->flags & FACT_RETURNED)
            break;
        fact_of(oracle, lsn)->flags |= FACT_RETURNED;
        oracle->counts.recovered++;
    }
    move_low_water(oracle, report->first_lsn);
    if (!report->closed_cleanly) /* else it goes on in place, and the mark stands where it stood */
        oracle->floor_lsn = report->first_lsn;
    oracle->last_lsn = report->last_lsn;
    oracle->durable_lsn = report->last_lsn;
    oracle->kept_lsn = report->last_lsn;
    oracle->cut_pending = false;
    oracle->cache_in_doubt = false;
    oracle->mark_room_spent = oracle->mark_room_spent && report->closed_cleanly;
    if (!oracle->close_certain) /* else it goes on in place */
        oracle->cost_bytes += oracle->shape.segment_bytes;
    oracle->close_certain = oracle->close_certain && report->closed_cleanly;
    oracle->close_possible = report->closed_cleanly || report->last_lsn == 0;
    oracle->close_lsn = report->last_lsn;
    oracle->log_id = report->log_id;
    oracle->epoch = report->epoch;
    oracle->exists = true;
}

/* Recovery does without room (P9), but to begin a log, and where errors came before: an append only succeeds where two spares stand
 * behind its segment. */
static bool is_full_for_recovery(const struct kaya_oracle *oracle, enum kaya_status status)
{
    return is_full(oracle, status) && (!oracle->exists || oracle->spares_in_doubt);
}

void kaya_oracle_moved(struct kaya_oracle *oracle)
{
    oracle->close_certain = false;
}

void kaya_oracle_recovered(struct kaya_oracle *oracle, enum kaya_status status,
                           const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted) {
        count(oracle, KAYA_PROMISE_P12);
        if (status == KAYA_OK)
            kaya_oracle_adopt_unrestricted(oracle, report);
        return;
    }
    if (status == KAYA_GONE)
        return;
    if (is_excused(oracle, status) || is_full_for_recovery(oracle, status)) {
        kaya_oracle_give_up_lost(oracle);
        return;
    }
    count(oracle, KAYA_PROMISE_P4);
    if (kaya_oracle_judge_refusal(oracle, status, report, violation))
        return;
    if (status != KAYA_OK) {
        BREAK(violation, KAYA_PROMISE_P4, "%s, but the log does not open: %s%s%s", what_happened(oracle),
              kaya_status_name(status), status == KAYA_DAMAGED && report->damage_reason != NULL ? ", " : "",
              status == KAYA_DAMAGED && report->damage_reason != NULL ? report->damage_reason : "");
        return;
    }
    judge(oracle, report, violation);
    kaya_oracle_judge_mended(oracle, report, violation);
    judge_epoch(oracle, report, violation);
    if (oracle->looked) {
        count(oracle, KAYA_PROMISE_P10);
        if (report->first_lsn != oracle->looked_first_lsn || report->last_lsn != oracle->looked_last_lsn)
            BREAK(violation, KAYA_PROMISE_P10,
                  "a reader showed records %" PRIu64 "..%" PRIu64
                  "; the recovery right after it returned %" PRIu64 "..%" PRIu64,
                  oracle->looked_first_lsn, oracle->looked_last_lsn, report->first_lsn, report->last_lsn);
    }
    if (kaya_violation_is_set(violation))
        return;
    adopt(oracle, report);
    oracle->leftovers = oracle->struck != 0;
    oracle->running = true;
    oracle->ended = false;
    oracle->looked = false;
}

void kaya_oracle_cut_end(struct kaya_oracle *oracle, enum kaya_status status,
                         const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted) {
        if (status == KAYA_OK)
            kaya_oracle_adopt_unrestricted(oracle, report);
        return;
    }
    if (status == KAYA_GONE || is_excused(oracle, status) || is_full_for_recovery(oracle, status))
        return;
    if (kaya_oracle_judge_refusal(oracle, status, report, violation))
        return;
    count(oracle, KAYA_PROMISE_P3);
    if (status == KAYA_INVALID && oracle->outlook->is_damaged && report->last_lsn < oracle->cut_lsn &&
        report->last_lsn >= oracle->outlook_kept_lsn) {
        oracle->cut_pending =
            false; /* damage has taken what was to stay, so there is no such end; nothing was changed */
        return;
    }
    if (status != KAYA_OK || report->last_lsn != oracle->cut_lsn) {
        BREAK(violation, KAYA_PROMISE_P3, "a cut-back to %" PRIu64 " answered %s with the end at %" PRIu64,
              oracle->cut_lsn, kaya_status_name(status), report->last_lsn);
        return;
    }
    adopt(oracle, report);
    oracle->close_certain = false;
    oracle->close_possible = true;
}

void kaya_oracle_cut_nowhere(struct kaya_oracle *oracle, uint64_t last_lsn, enum kaya_status status,
                             struct kaya_violation *violation)
{
    if (status == KAYA_GONE || is_excused(oracle, status))
        return;
    count(oracle, KAYA_PROMISE_P3);
    if (status != KAYA_INVALID)
        BREAK(violation, KAYA_PROMISE_P3,
              "the log is not to be cut back to %" PRIu64 ", of %" PRIu64 "..%" PRIu64
              "; a cut-back to it answered %s",
              last_lsn, oracle->low_lsn, oracle->last_lsn, kaya_status_name(status));
}

void kaya_oracle_looked(struct kaya_oracle *oracle, enum kaya_status status,
                        const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    if (status == KAYA_GONE)
        return;
    count(oracle, KAYA_PROMISE_P10);
    if ((status == KAYA_NOT_FOUND && !oracle->exists) || is_excused(oracle, status))
        return;
    if (kaya_oracle_judge_refusal(
            oracle, status == KAYA_OK && report->verdict == KAYA_VERDICT_DAMAGED ? KAYA_DAMAGED : status,
            report, violation))
        return;
    if (status != KAYA_OK) {
        BREAK(violation, KAYA_PROMISE_P10, "a reader of a healthy log answered %s", kaya_status_name(status));
        return;
    }
    judge(oracle, report, violation);
    if (oracle->running && !oracle->ended && !oracle->outlook->is_damaged &&
        (report->first_lsn != oracle->low_lsn || report->last_lsn < oracle->kept_lsn ||
         report->last_lsn > oracle->last_lsn))
        BREAK(violation, KAYA_PROMISE_P10,
              "the running writer holds records %" PRIu64 "..%" PRIu64
              "; a reader beside it was told of %" PRIu64 "..%" PRIu64,
              oracle->low_lsn, oracle->kept_lsn, report->first_lsn, report->last_lsn);
    oracle->looked = !oracle->running && !oracle->cache_in_doubt && !oracle->outlook->is_hidden &&
                     report->verdict != KAYA_VERDICT_EMPTY;
    oracle->looked_first_lsn = report->first_lsn;
    oracle->looked_last_lsn = report->last_lsn;
}
