/* What readers and salvage hand out: each record must be the one that was due, as it was appended.
 *
 * Where the log may have gone back to an older end, the records tell to which. */
#include "kaya/scenarios/oracle.h"

#include <inttypes.h>

#include "damage.h"
#include "recovery.h"
#include "state.h"
#include "unrestricted.h"

/* --- Reading --- */

void kaya_oracle_read_begin(struct kaya_oracle *oracle, uint64_t first_lsn, uint64_t last_lsn)
{
    oracle->read_first_lsn = oracle->read_next_lsn = first_lsn;
    oracle->read_last_lsn = last_lsn;
    oracle->read_past = SIZE_MAX;
}

/* Is the record, and were all those read before it, what they were while the log had that end? */
static bool is_of_end(const struct kaya_oracle *oracle, size_t end, const struct kaya_wal_record *record)
{
    for (uint64_t lsn = oracle->read_first_lsn; lsn < record->lsn; lsn++) {
        const struct kaya_fact *one = fact_in(oracle, oracle->read_past, lsn);
        const struct kaya_fact *other = fact_in(oracle, end, lsn);
        if (one == NULL || other == NULL || one->key != other->key || one->length != other->length)
            return false;
    }
    return fact_in(oracle, end, record->lsn) != NULL && holds(fact_in(oracle, end, record->lsn), record);
}

/* What the record should be. Where the log may have gone back to an older end, the records tell to which; NULL: to none. */
static const struct kaya_fact *fact_to_read(struct kaya_oracle *oracle, const struct kaya_wal_record *record)
{
    const struct kaya_fact *fact = fact_in(oracle, oracle->read_past, record->lsn);

    if (!may_be_past(oracle) || (fact != NULL && holds(fact, record)))
        return fact;
    for (size_t i = oracle->past.end_count; i-- > 0;)
        if (is_of_end(oracle, i, record)) {
            oracle->read_past = i;
            return fact_in(oracle, i, record->lsn);
        }
    return NULL;
}

/* The record has the wrong bytes. Are they another record's? */
static void report_content(const struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                           struct kaya_violation *violation)
{
    char text[KAYA_RECORD_NAME_BYTES];

    for (uint64_t lsn = oracle->low_lsn; lsn <= oracle->last_lsn; lsn++)
        if (record->length > 0 && holds(fact_of(oracle, lsn), record)) {
            BREAK(violation, KAYA_PROMISE_P1, "%s came back with the bytes of record %" PRIu64,
                  kaya_oracle_describe(oracle, record->lsn, text), lsn);
            return;
        }
    BREAK(violation, KAYA_PROMISE_P1,
          "%s came back with %zu bytes of type %s that were never appended, at segment %" PRIu64
          " offset 0x%" PRIx64,
          kaya_oracle_describe(oracle, record->lsn, text), record->length,
          kaya_wal_record_type_name(record->type), record->segment, record->offset_bytes);
}

static void judge_membership(struct kaya_oracle *oracle, const struct kaya_fact *fact,
                             const struct kaya_wal_record *record, struct kaya_violation *violation)
{
    bool in_batch = fact->flags & FACT_IN_BATCH;
    bool ends_batch = fact->flags & FACT_ENDS_BATCH;

    if (fact->flags & FACT_BATCH_OF_ONE)
        return;
    count(oracle, KAYA_PROMISE_P11);
    if (record->in_batch != in_batch || (in_batch && record->ends_batch != ends_batch))
        BREAK(violation, KAYA_PROMISE_P11, "record %" PRIu64 " was %s a batch%s, and came back as %s one%s",
              record->lsn, in_batch ? "in" : "in no", ends_batch ? ", its last" : "",
              record->in_batch ? "in" : "in no", record->ends_batch ? ", its last" : "");
}

void kaya_oracle_read(struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                      struct kaya_violation *violation)
{
    const struct kaya_fact *fact;

    count(oracle, KAYA_PROMISE_P1);
    if (record->lsn != oracle->read_next_lsn || record->lsn > oracle->read_last_lsn) {
        BREAK(violation, KAYA_PROMISE_P1,
              "record %" PRIu64 " was due, of %" PRIu64 " in all; record %" PRIu64 " was read",
              oracle->read_next_lsn, oracle->read_last_lsn, record->lsn);
        return;
    }
    if (oracle->is_unrestricted) {
        kaya_oracle_read_unrestricted(oracle, record, violation);
        return;
    }
    fact = fact_to_read(oracle, record);
    if (record->lsn < (is_low_water_in_doubt(oracle) ? oracle->floor_lsn : oracle->low_lsn) || fact == NULL ||
        !holds(fact, record)) {
        report_content(oracle, record, violation);
        return;
    }
    if ((fact->flags & (FACT_IN_BATCH | FACT_BATCH_OF_ONE)) || record->in_batch)
        judge_membership(oracle, fact, record, violation);
    if (record->durable && record->lsn > oracle->durable_lsn && record->lsn <= oracle->last_lsn)
        kaya_oracle_durable(oracle, record->lsn, violation);
    oracle->read_next_lsn++;
}

/* --- A reader that stays open --- */

void kaya_oracle_follow_begin(struct kaya_oracle *oracle, uint64_t from_lsn, uint64_t last_lsn, bool is_pinned)
{
    oracle->follower.is_open = true;
    oracle->follower.is_pinned = is_pinned;
    oracle->follower.next_lsn = from_lsn;
    oracle->follower.last_lsn = last_lsn;
}

/* It may still be given what was trimmed since, as it was. */
static void judge_followed(struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                           struct kaya_violation *violation)
{
    const struct kaya_fact *fact = fact_of(oracle, record->lsn);

    count(oracle, KAYA_PROMISE_P1);
    if (record->lsn != oracle->follower.next_lsn || record->lsn > oracle->follower.last_lsn) {
        BREAK(violation, KAYA_PROMISE_P1,
              "record %" PRIu64 " was due to a reader that was kept open, of %" PRIu64
              " in all; record %" PRIu64 " was read",
              oracle->follower.next_lsn, oracle->follower.last_lsn, record->lsn);
        return;
    }
    if (record->lsn < oracle->floor_lsn || record->lsn > oracle->last_lsn || !holds(fact, record)) {
        report_content(oracle, record, violation);
        return;
    }
    if ((fact->flags & (FACT_IN_BATCH | FACT_BATCH_OF_ONE)) || record->in_batch)
        judge_membership(oracle, fact, record, violation);
    oracle->follower.next_lsn++;
}

void kaya_oracle_followed(struct kaya_oracle *oracle, enum kaya_status status,
                          const struct kaya_wal_record *record, struct kaya_violation *violation)
{
    uint64_t next = oracle->follower.next_lsn;

    KAYA_ASSERT(oracle->follower.is_open);
    if (status == KAYA_GONE || oracle->is_unrestricted)
        return;
    if (status == KAYA_OK) {
        judge_followed(oracle, record, violation);
        return;
    }
    count(oracle, KAYA_PROMISE_P10);
    if (status == KAYA_END && next > oracle->follower.last_lsn)
        return;
    if (status == KAYA_TRIMMED && !oracle->follower.is_pinned && next < oracle->low_lsn)
        return;
    if (oracle->outlook->is_damaged || oracle->outlook->is_unreadable || is_excused(oracle, status))
        return;
    BREAK(violation, KAYA_PROMISE_P10,
          "a reader that was kept open%s was to read record %" PRIu64 " of %" PRIu64
          ", where the log begins with %" PRIu64 "; it answered %s",
          oracle->follower.is_pinned ? " by the running writer" : " beside the writer", next,
          oracle->follower.last_lsn, oracle->low_lsn, kaya_status_name(status));
}

/* All that a recovery returned was read: it is known what the log is. */
static void settle_past(struct kaya_oracle *oracle, struct kaya_violation *violation)
{
    if (!oracle->is_past_in_doubt || oracle->read_next_lsn != oracle->last_lsn + 1 || !oracle->running)
        return;
    if (oracle->read_past != SIZE_MAX)
        kaya_oracle_go_back(oracle, oracle->read_past, oracle->last_lsn);
    for (uint64_t lsn = oracle->low_lsn; lsn <= oracle->last_lsn; lsn++)
        fact_of(oracle, lsn)->flags |= FACT_RETURNED;
    oracle->is_past_in_doubt = false;
    oracle->read_past = SIZE_MAX;
    kaya_oracle_judge_last_batch(oracle, oracle->last_lsn, violation);
}

void kaya_oracle_read_end(struct kaya_oracle *oracle, struct kaya_violation *violation)
{
    char text[KAYA_RECORD_NAME_BYTES];

    if (oracle->is_unrestricted)
        return;
    settle_past(oracle, violation);
    if (oracle->outlook->is_damaged && oracle->read_next_lsn > oracle->outlook_kept_lsn)
        return; /* the cache showed them, until somebody looked past it */
    count(oracle, KAYA_PROMISE_P1);
    if (oracle->read_next_lsn != oracle->read_last_lsn + 1)
        BREAK(violation, KAYA_PROMISE_P1,
              "%s was not read: the reader ended before it, %" PRIu64 " was promised as the last",
              kaya_oracle_describe(oracle, oracle->read_next_lsn, text), oracle->read_last_lsn);
}

/* --- Salvage --- */

bool kaya_oracle_holds(const struct kaya_oracle *oracle, const struct kaya_wal_record *record)
{
    return record->lsn >= oracle->low_lsn && record->lsn <= oracle->last_lsn &&
           holds(fact_of(oracle, record->lsn), record);
}

bool kaya_oracle_batch_of(const struct kaya_oracle *oracle, uint64_t lsn, uint64_t *first_lsn, uint64_t *last_lsn)
{
    *first_lsn = *last_lsn = lsn;
    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn || !(fact_of(oracle, lsn)->flags & FACT_IN_BATCH))
        return false;
    while (*first_lsn > oracle->low_lsn && !kaya_oracle_ends_batch(oracle, *first_lsn - 1))
        --*first_lsn;
    while (*last_lsn < oracle->last_lsn && !kaya_oracle_ends_batch(oracle, *last_lsn))
        ++*last_lsn;
    return true;
}

/* Out of `low_lsn` .. `last_lsn` stand only records that were trimmed, cut back or given up. */
static void judge_number(struct kaya_oracle *oracle, uint64_t lsn, struct kaya_violation *violation)
{
    if (lsn > oracle->last_lsn)
        BREAK(violation, KAYA_PROMISE_P1,
              "the last record appended is %" PRIu64 "; salvage hands out record %" PRIu64, oracle->last_lsn,
              lsn);
    else
        BREAK(violation, KAYA_PROMISE_F10,
              "records below %" PRIu64 " were trimmed for good; salvage hands out record %" PRIu64,
              oracle->low_lsn, lsn);
}

void kaya_oracle_salvaged(struct kaya_oracle *oracle, const struct kaya_wal_salvaged *salvaged,
                          bool marks_in_doubt, struct kaya_violation *violation)
{
    const struct kaya_wal_record *record = &salvaged->record;
    const struct kaya_fact *fact = fact_of(oracle, record->lsn);

    count(oracle, KAYA_PROMISE_P5);
    if (record->lsn < oracle->low_lsn || record->lsn > oracle->last_lsn) {
        if (!marks_in_doubt)
            judge_number(oracle, record->lsn, violation);
        return;
    }
    if (!holds(fact, record)) {
        /* An older record of that number: what a recovery gave up is not said to be durable, what was cut back may be. */
        if (!marks_in_doubt || (record->durable && !oracle->was_cut))
            report_content(oracle, record, violation);
        return;
    }
    count(oracle, KAYA_PROMISE_P11);
    if (!salvaged->incomplete)
        judge_membership(oracle, fact, record, violation);
    else if (!(fact->flags & (FACT_IN_BATCH | FACT_BATCH_OF_ONE)))
        BREAK(violation, KAYA_PROMISE_P11,
              "record %" PRIu64 " was in no batch, and salvage hands it out as a member of a broken one",
              record->lsn);
}
