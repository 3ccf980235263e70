/* Damage, as the oracle sees it: what it excuses, and what it may bring back.
 *
 * The outlook says whether a refusal is required, allowed or forbidden, and up to where nothing may be lost (claims.c). Where nothing
 * vouches for what was hit, recovery may end the log earlier; where that was a link, also at an end that it had before: what is given up is
 * kept (past.c). */
#include "damage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool kaya_oracle_is_refusal(const struct kaya_oracle *oracle, enum kaya_status status)
{
    return oracle->outlook->refusal != KAYA_REFUSAL_FORBIDDEN &&
           (status == KAYA_DAMAGED || (status == KAYA_IO && oracle->outlook->is_unreadable));
}

static bool lies_in(const struct kaya_damaged_place *place, const struct kaya_wal_recovery_report *report)
{
    char name[32], away[32];

    snprintf(name, sizeof name, "%016" PRIx64 ".wal", report->damage_segment);
    snprintf(away, sizeof away, "%016" PRIx64 ".away", report->damage_segment); /* a spare, when the crash came */
    return (strcmp(place->file_name, name) == 0 || strcmp(place->file_name, away) == 0) &&
           (place->begins_segment ||
            (report->damage_offset >= place->write_offset && report->damage_offset < place->write_end));
}

/* A refusal names segment, offset and records: some damaged place must be what it names. With one place, it must be that one. */
static void judge_names(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                        struct kaya_violation *violation)
{
    const struct kaya_outlook *outlook = oracle->outlook;
    const struct kaya_damaged_place *place = outlook->places;
    const struct kaya_damaged_place *end = place + outlook->place_count;

    if (outlook->place_count == 0 || outlook->place_count > KAYA_PLACES_MAX || outlook->is_mark_damaged)
        return;
    for (; place < end; place++) /* where a low-water mark is behind the damage, trimmed segments seem to be missing */
        if (place->first_lsn == 0 || strtoull(place->file_name, NULL, 16) > report->damage_segment)
            return;
    place = outlook->places;
    count(oracle, KAYA_PROMISE_P5);
    if (report->lost_last_lsn != 0 && report->lost_last_lsn < oracle->low_may_lsn)
        return; /* the mark was hit, and the segments that it had let go of are missed */
    while (place < end && !lies_in(place, report))
        place++;
    if (place == end) {
        BREAK(violation, KAYA_PROMISE_P5,
              "a refusal names the damaged place; %s was damaged from 0x%" PRIx64
              " on, in a write at 0x%" PRIx64 ", and segment %" PRIu64 " offset 0x%" PRIx64 " is named: %s",
              outlook->places[0].file_name, outlook->places[0].offset_bytes, outlook->places[0].write_offset,
              report->damage_segment, report->damage_offset, report->damage_reason);
        return;
    }
    if (place->first_lsn == 0 || place->begins_segment || place->refusal != KAYA_REFUSAL_REQUIRED ||
        oracle->shape.padding_bytes != 0) /* it may be the padding behind the records that is hit */
        return;
    if (report->lost_first_lsn == 0 || report->lost_first_lsn > place->last_lsn ||
        report->lost_last_lsn < place->first_lsn || report->lost_last_lsn > oracle->last_lsn)
        BREAK(violation, KAYA_PROMISE_P5,
              "a refusal names the records that are lost, which are %" PRIu64 "..%" PRIu64
              " at least; records %" PRIu64 "..%" PRIu64 " are named: %s",
              place->first_lsn, place->last_lsn, report->lost_first_lsn, report->lost_last_lsn,
              report->damage_reason);
}

bool kaya_oracle_judge_refusal(struct kaya_oracle *oracle, enum kaya_status status,
                               const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (!kaya_oracle_is_refusal(oracle, status))
        return false;
    count(oracle, KAYA_PROMISE_P5);
    oracle->looked = false; /* what is found next is another disk */
    if (status == KAYA_DAMAGED)
        judge_names(oracle, report, violation);
    return true;
}

void kaya_oracle_judge_acceptance(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                                  struct kaya_violation *violation)
{
    const struct kaya_outlook *outlook = oracle->outlook;
    const struct kaya_damaged_place *place = outlook->places;

    if (!outlook->is_damaged)
        return;
    count(oracle, KAYA_PROMISE_P5);
    while (place->refusal != outlook->refusal && place < outlook->places + KAYA_PLACES_MAX - 1)
        place++;
    if (outlook->refusal == KAYA_REFUSAL_REQUIRED)
        BREAK(violation, KAYA_PROMISE_P5,
              "records %" PRIu64 "..%" PRIu64
              " were durable, others were written behind them, and %s is damaged from 0x%" PRIx64
              " on; the log must be refused, and was not: verdict %s, it ends with record %" PRIu64,
              place->first_lsn, place->last_lsn, place->file_name, place->offset_bytes,
              kaya_wal_verdict_name(report->verdict), report->last_lsn);
}

void kaya_oracle_judge_mended(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
                              struct kaya_violation *violation)
{
    const struct kaya_outlook *outlook = oracle->outlook;

    if (outlook->mended_max == UINT64_MAX)
        return;
    count(oracle, KAYA_PROMISE_P5);
    if (report->mended_count < outlook->mended_min || report->mended_count > outlook->mended_max)
        BREAK(violation, KAYA_PROMISE_P5,
              "a frame is called mended exactly if one of its bits has flipped: %" PRIu64 " to %" PRIu64
              " frames; %" PRIu64 " were called so",
              outlook->mended_min, outlook->mended_max, report->mended_count);
}

/* --- Older ends --- */

uint64_t kaya_oracle_highest_last_lsn(const struct kaya_oracle *oracle)
{
    uint64_t past_lsn = oracle->outlook->is_mark_damaged ? kaya_past_last_lsn(&oracle->past) : 0;

    return past_lsn > oracle->last_lsn ? past_lsn : oracle->last_lsn;
}

void kaya_oracle_give_up_end(struct kaya_oracle *oracle, uint64_t last_lsn)
{
    struct kaya_fact *facts;

    if (!oracle->watches_damage || oracle->last_lsn <= last_lsn)
        return;
    facts = kaya_past_push(&oracle->past, last_lsn + 1, oracle->last_lsn);
    for (uint64_t lsn = last_lsn + 1; facts != NULL && lsn <= oracle->last_lsn; lsn++)
        *facts++ = *fact_of(oracle, lsn);
}

void kaya_oracle_go_back(struct kaya_oracle *oracle, size_t end, uint64_t last_lsn)
{
    uint64_t first_lsn = kaya_past_first_lsn(&oracle->past, end);

    kaya_oracle_give_up_end(oracle, first_lsn - 1);
    for (uint64_t lsn = first_lsn; lsn <= last_lsn; lsn++) {
        const struct kaya_fact *fact = kaya_past_find(&oracle->past, end, lsn);
        if (fact != NULL)
            *fact_of(oracle, lsn) = *fact;
    }
    oracle->last_lsn = last_lsn;
}

void kaya_oracle_go_back_to(struct kaya_oracle *oracle, uint64_t last_lsn)
{
    for (size_t i = oracle->past.end_count; i-- > 0;)
        if (oracle->past.ends[i].last_lsn >= last_lsn && oracle->past.ends[i].first_lsn <= last_lsn) {
            kaya_oracle_go_back(oracle, i, last_lsn);
            break;
        }
    oracle->is_past_in_doubt = true;
}

/* The log may end as far as `last_lsn`: what stands behind its own end is taken from older ones, and reading will tell as well. */
static void go_on_to(struct kaya_oracle *oracle, uint64_t last_lsn)
{
    while (oracle->last_lsn < last_lsn) {
        const struct kaya_fact *fact = NULL;
        for (size_t i = oracle->past.end_count; i-- > 0 && fact == NULL;)
            fact = kaya_past_find(&oracle->past, i, oracle->last_lsn + 1);
        if (fact == NULL)
            break;
        *fact_of(oracle, ++oracle->last_lsn) = *fact;
        oracle->is_past_in_doubt = true;
    }
}

void kaya_oracle_note_parting(struct kaya_oracle *oracle)
{
    if (!oracle->outlook->is_damaged || oracle->outlook->refusal != KAYA_REFUSAL_ALLOWED)
        return;
    oracle->has_parted = true;
    oracle->has_passed_link = oracle->has_passed_link || oracle->outlook->is_mark_damaged;
}

void kaya_oracle_give_up_lost(struct kaya_oracle *oracle)
{
    if (oracle->running || !oracle->outlook->is_damaged)
        return;
    oracle->close_certain = false; /* it may have been CLOSE that was lost, or all behind an older one */
    oracle->close_possible = true;
    kaya_oracle_note_parting(oracle);
    if (oracle->outlook->is_mark_damaged)
        oracle->epoch = 0; /* it may have counted on from an older one */
    go_on_to(oracle, kaya_oracle_highest_last_lsn(oracle));
    if (oracle->outlook_kept_lsn < oracle->last_lsn)
        oracle->cut_pending = false; /* it may have ended the log between the cut and the old end */
    if (oracle->durable_lsn > oracle->outlook_kept_lsn)
        oracle->durable_lsn = oracle->outlook_kept_lsn;
    if (oracle->kept_lsn > oracle->outlook_kept_lsn)
        oracle->kept_lsn = oracle->outlook_kept_lsn;
}
