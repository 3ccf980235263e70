/* The oracle.
 *
 * Since every acknowledgement covers all earlier records, four numbers say almost everything. Of the records in a log
 *
 *      low      low_may                 kept          durable <= kept
 *       |          |                      |
 *   ----+----------+----------------------+------------------+---->  LSN
 *  must  |   may   |         must         |        may       | must
 *  not   | (a trim in doubt)              |    (in doubt)    | not
 *                                                          last
 *
 * `durable` is what survives a power loss, `kept` what survives the crashes that happened since it was acknowledged: while
 * only processes crashed that includes relaxed records, with the first power loss it falls back to `durable`. A buffered record that
 * was acknowledged stands between kept and last until a flush, or a stronger acknowledgement behind it, moves `kept`. A recovery that
 * answered draws low, low_may together and durable, kept, last together: what it returned is fixed for good (P3), and what
 * it did not return is gone, its numbers free again (F9).
 *
 * An operation that was asked and not answered leaves its records between kept and last, or its mark between low and
 * low_may. So does one that failed; only statuses that say "nothing was written" take them out again. A sync that failed may have
 * dropped what only the cache held: `kept` falls back to `durable`, as with a power loss.
 *
 * Contents are not stored: a record's payload follows from its key (payload.c), and facts take 24 bytes each, in a ring
 * indexed by LSN. Nothing here asks the log's own watermarks: a watermark that is wrong must not excuse itself. */
#include "kaya/scenarios/oracle.h"

#include <inttypes.h>
#include <string.h>

#include "oracle/damage.h"
#include "oracle/state.h"
#include "oracle/unrestricted.h"

/* Something is about to be written: what a look showed is old, and CLOSE will not be the end for certain. */
static void touch(struct kaya_oracle *oracle)
{
    oracle->looked = false;
    oracle->close_certain = false;
}

enum kaya_status kaya_oracle_append_begin(struct kaya_oracle *oracle, const struct kaya_content *contents,
                                          size_t count_of_records, bool batch)
{
    uint8_t flags = !batch ? 0 : count_of_records == 1 ? FACT_BATCH_OF_ONE : FACT_IN_BATCH;
    struct kaya_fact *fact = NULL;

    if (oracle->is_unrestricted)
        return kaya_oracle_remember(oracle, contents, count_of_records);
    touch(oracle);
    if (kaya_oracle_make_room(oracle, oracle->last_lsn - oracle->floor_lsn + 1 + count_of_records) != KAYA_OK)
        return KAYA_NO_MEMORY;
    if (oracle->watches_damage &&
        kaya_past_reserve(&oracle->past, oracle->last_lsn - oracle->floor_lsn + 1 + count_of_records) != KAYA_OK)
        return KAYA_NO_MEMORY;
    for (size_t i = 0; i < count_of_records; i++) {
        oracle->cost_bytes += cost_of(oracle, contents[i].length);
        fact = fact_of(oracle, ++oracle->last_lsn);
        fact->key = contents[i].key;
        fact->cost_bytes = oracle->cost_bytes;
        fact->length = contents[i].length;
        fact->type = contents[i].type;
        fact->flags = (uint8_t)(flags | (contents[i].is_hash ? FACT_HASH : 0));
    }
    if (fact != NULL && batch)
        fact->flags |= FACT_ENDS_BATCH;
    oracle->pending_count = count_of_records;
    oracle->counts.appended += count_of_records;
    return KAYA_OK;
}

static void make_all_durable(struct kaya_oracle *oracle)
{
    oracle->durable_lsn = oracle->last_lsn;
    oracle->kept_lsn = oracle->last_lsn;
    oracle->cost_bytes += oracle->shape.padding_bytes;
}

/* P6. An ended handle may say anything but yes. */
static bool is_lie_of_ended(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                            struct kaya_violation *violation)
{
    if (!oracle->ended)
        return false;
    count(oracle, KAYA_PROMISE_P6);
    if (status != KAYA_OK)
        return false;
    BREAK(violation, KAYA_PROMISE_P6,
          "after a failed write or sync the handle must take nothing more, but %s answered OK", operation);
    return true;
}

void kaya_oracle_sync_failed(struct kaya_oracle *oracle, bool failed)
{
    oracle->sync_failed = failed;
    oracle->cache_in_doubt = oracle->cache_in_doubt || failed;
    oracle->cache_differs = oracle->cache_differs || failed;
}

bool kaya_oracle_has_ended(const struct kaya_oracle *oracle)
{
    return oracle->ended;
}

#define FAILED_CALLS                                                                                         \
    (FAMILY(IO_ERROR) | FAMILY(IO_ERROR_LASTING) | FAMILY(NO_ROOM) | FAMILY(LIMIT) | FAMILY(OUT_OF_MEMORY))
#define UNWRITTEN (FAMILY(LATE_SYNC_ERROR) | FAMILY(LOST_WRITE) | FAMILY(MISDIRECTED_WRITE))

/* What a crash left is no excuse for anything. */
static const uint64_t crash_families =
#define CRASH_FAMILY(NAME, name, GROUP)                                                                      \
    (KAYA_FAULT_GROUP_##GROUP == KAYA_FAULT_GROUP_CRASH ? FAMILY(NAME) : 0) |
    KAYA_FAULT_LIST(CRASH_FAMILY) 0;
#undef CRASH_FAMILY

void kaya_oracle_struck(struct kaya_oracle *oracle, uint64_t families)
{
    oracle->struck = families & ~crash_families;
    oracle->was_struck = oracle->was_struck || oracle->struck != 0;
    oracle->leftovers = oracle->leftovers || (families & (FAILED_CALLS & ~FAMILY(OUT_OF_MEMORY))) != 0;
    oracle->spares_in_doubt = oracle->spares_in_doubt || (families & FAILED_CALLS) != 0 || oracle->sync_failed;
    oracle->cache_differs = oracle->cache_differs || (families & UNWRITTEN) != 0;
}

/* A write or sync of the log failed. */
static void end_handle(struct kaya_oracle *oracle, enum kaya_status status)
{
    oracle->ended = true;
    if (oracle->sync_failed && status != KAYA_GONE)
        oracle->kept_lsn = oracle->durable_lsn;
}

static bool wrote_nothing(enum kaya_status status)
{
    return status == KAYA_INVALID || status == KAYA_FULL || status == KAYA_NO_MEMORY ||
           status == KAYA_LIMIT || status == KAYA_ENDED;
}

void kaya_oracle_append_end(struct kaya_oracle *oracle, enum kaya_durability_mode mode, enum kaya_status status,
                            uint64_t first_lsn, uint64_t last_lsn, struct kaya_violation *violation)
{
    uint64_t pending = oracle->pending_count;
    uint64_t first = oracle->last_lsn - pending + 1;

    if (oracle->is_unrestricted) {
        if (status == KAYA_OK)
            kaya_oracle_number_as_it_says(oracle, first_lsn);
        else
            oracle->last_lsn -= pending;
        oracle->ended = oracle->ended || (status != KAYA_OK && !wrote_nothing(status));
        return;
    }
    oracle->pending_count = 0;
    if (is_lie_of_ended(oracle, "an append", status, violation))
        return;
    if (status != KAYA_OK) {
        if (wrote_nothing(status))
            oracle->last_lsn -= pending;
        else
            end_handle(oracle, status);
        return;
    }
    count(oracle, KAYA_PROMISE_F9);
    if (first_lsn != first || last_lsn != oracle->last_lsn)
        BREAK(violation, KAYA_PROMISE_F9,
              "records are counted without gaps, so this append is %" PRIu64 "..%" PRIu64
              "; the log said %" PRIu64 "..%" PRIu64,
              first, oracle->last_lsn, first_lsn, last_lsn);
    for (uint64_t lsn = first; lsn <= oracle->last_lsn; lsn++)
        fact_of(oracle, lsn)->flags |= (uint8_t)(FACT_ACKNOWLEDGED | (mode == KAYA_STRICT ? FACT_STRICT : 0));
    oracle->counts.acknowledged += pending;
    oracle->spares_in_doubt = (oracle->struck & FAILED_CALLS) != 0;
    oracle->mark_room_spent = false;
    if (mode != KAYA_BUFFERED)
        oracle->kept_lsn = oracle->last_lsn;
    if (mode == KAYA_STRICT) {
        make_all_durable(oracle);
        oracle->close_possible = false;
    }
}

void kaya_oracle_barrier_begin(struct kaya_oracle *oracle, enum kaya_oracle_barrier barrier)
{
    if (barrier != KAYA_BARRIER_CLOSE) {
        touch(oracle);
        return;
    }
    if (!oracle->close_certain)
        oracle->looked = false;
    oracle->close_possible = true;
    oracle->close_lsn = oracle->last_lsn;
}

void kaya_oracle_barrier_end(struct kaya_oracle *oracle, enum kaya_oracle_barrier barrier,
                             enum kaya_status status, struct kaya_violation *violation)
{
    static const char *const names[] = { "sync", "rotate", "close", "flush" };

    if (oracle->is_unrestricted) {
        oracle->running = oracle->running && barrier != KAYA_BARRIER_CLOSE;
        oracle->ended = status != KAYA_OK && !wrote_nothing(status);
        return;
    }
    if (barrier == KAYA_BARRIER_CLOSE)
        oracle->running = false;
    if (is_lie_of_ended(oracle, names[barrier], status, violation))
        return;
    if (status != KAYA_OK) {
        if (!wrote_nothing(status))
            end_handle(oracle, status);
        return;
    }
    if (barrier == KAYA_BARRIER_FLUSH) {
        oracle->kept_lsn = oracle->last_lsn;
        return;
    }
    make_all_durable(oracle);
    if (barrier == KAYA_BARRIER_ROTATE)
        oracle->cost_bytes += oracle->shape.segment_bytes;
    if (barrier == KAYA_BARRIER_CLOSE)
        oracle->close_certain = true;
    else if (oracle->last_lsn > oracle->close_lsn)
        oracle->close_possible = false;
}

void kaya_oracle_tend_end(struct kaya_oracle *oracle, enum kaya_status status, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    if (is_lie_of_ended(oracle, "background work", status, violation))
        return;
    if (status != KAYA_OK && !wrote_nothing(status))
        end_handle(oracle, status);
}

void kaya_oracle_trim_begin(struct kaya_oracle *oracle, uint64_t lsn)
{
    touch(oracle);
    oracle->low_may_before_lsn = oracle->low_may_lsn;
    if (lsn > oracle->low_may_lsn)
        oracle->low_may_lsn = lsn;
}

void kaya_oracle_trim_end(struct kaya_oracle *oracle, enum kaya_status status, uint64_t low_water_lsn,
                          struct kaya_violation *violation)
{
    if (oracle->is_unrestricted) {
        if (status == KAYA_OK)
            move_low_water(oracle, low_water_lsn);
        return;
    }
    if (is_lie_of_ended(oracle, "a trim", status, violation))
        return;
    if (wrote_nothing(status)) {
        oracle->low_may_lsn = oracle->low_may_before_lsn;
        return;
    }
    if (status != KAYA_OK) {
        end_handle(oracle, status);
        return;
    }
    count(oracle, KAYA_PROMISE_F10);
    oracle->mark_room_spent = oracle->mark_room_spent || low_water_lsn > oracle->low_lsn;
    if (low_water_lsn < oracle->low_lsn || low_water_lsn > oracle->low_may_lsn) {
        BREAK(violation, KAYA_PROMISE_F10,
              "a trim before %" PRIu64 " may leave the low-water mark at %" PRIu64 "..%" PRIu64
              "; it is said to be %" PRIu64,
              oracle->low_may_lsn, oracle->low_lsn, oracle->low_may_lsn, low_water_lsn);
        return;
    }
    if (oracle->follower.is_pinned && low_water_lsn > oracle->follower.next_lsn) {
        count(oracle, KAYA_PROMISE_P10);
        BREAK(violation, KAYA_PROMISE_P10,
              "a reader of the running writer has yet to read record %" PRIu64
              ", and a trim let go of all before %" PRIu64,
              oracle->follower.next_lsn, low_water_lsn);
    }
    count(oracle, KAYA_PROMISE_P11);
    if (low_water_lsn > oracle->low_lsn && !kaya_oracle_ends_batch(oracle, low_water_lsn - 1))
        BREAK(violation, KAYA_PROMISE_P11,
              "record %" PRIu64 " stands inside a batch, and is said to be the first left", low_water_lsn);
    move_low_water(oracle, low_water_lsn);
}

void kaya_oracle_cut_begin(struct kaya_oracle *oracle, uint64_t last_lsn)
{
    touch(oracle);
    oracle->cut_pending = true;
    oracle->was_cut = true;
    oracle->cut_lsn = last_lsn;
    oracle->durable_lsn = last_lsn;
    oracle->kept_lsn = last_lsn;
}

void kaya_oracle_durable(struct kaya_oracle *oracle, uint64_t lsn, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    count(oracle, KAYA_PROMISE_P2);
    if (lsn < oracle->durable_lsn || lsn > oracle->last_lsn) {
        BREAK(violation, KAYA_PROMISE_P2,
              "records up to %" PRIu64 " were acknowledged as durable and the last is %" PRIu64
              "; the writer says that it is durable up to %" PRIu64,
              oracle->durable_lsn, oracle->last_lsn, lsn);
        return;
    }
    oracle->durable_lsn = lsn;
    if (lsn > oracle->kept_lsn)
        oracle->kept_lsn = lsn;
}

void kaya_oracle_crash(struct kaya_oracle *oracle, enum kaya_crash crash)
{
    kaya_oracle_give_up_lost(oracle);
    if (crash == KAYA_CRASH_POWER_LOSS || oracle->sync_failed)
        oracle->kept_lsn = oracle->durable_lsn;
    oracle->cache_differs = oracle->cache_differs && crash != KAYA_CRASH_POWER_LOSS;
    oracle->pending_count = 0; /* in doubt, and remembered under the number that they were to have */
    oracle->running = false;
    oracle->ended = false;
    oracle->sync_failed = false;
    oracle->struck = 0;
    oracle->looked = false;
    kaya_oracle_follow_end(oracle);
}

/* --- Answers --- */

void kaya_oracle_second_writer(struct kaya_oracle *oracle, enum kaya_status status,
                               struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    if (status == KAYA_GONE)
        return;
    count(oracle, KAYA_PROMISE_P10);
    if (status != KAYA_LOCKED && !is_excused(oracle, status))
        BREAK(violation, KAYA_PROMISE_P10, "a second writer must be told KAYA_LOCKED; it was told %s",
              kaya_status_name(status));
}

/* What makes the log longer may find no room. A trim only where nothing was appended since the one before it, nor another segment begun by a
 * recovery: behind its records each segment keeps room for one mark, and where other programs took what was freed, the next mark finds none. */
static bool may_be_full(const struct kaya_oracle *oracle, const char *operation)
{
    return strcmp(operation, "append") == 0 || strcmp(operation, "rotate") == 0 ||
           (strcmp(operation, "trim") == 0 && oracle->mark_room_spent);
}

void kaya_oracle_status(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                        struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    if (status == KAYA_GONE || is_excused(oracle, status))
        return;
    if (is_full(oracle, status) && may_be_full(oracle, operation)) {
        count(oracle, KAYA_PROMISE_P9);
        return;
    }
    if (oracle->ended) { /* a yes was judged as an acknowledgement, and readers need no handle */
        count(oracle, KAYA_PROMISE_P6);
        if (status != KAYA_ENDED && status != KAYA_OK)
            BREAK(violation, KAYA_PROMISE_P6,
                  "after a failed write or sync every %s must answer ended; it answered %s", operation,
                  kaya_status_name(status));
        return;
    }
    count(oracle, KAYA_PROMISE_P7);
    if (status != KAYA_OK)
        BREAK(violation, KAYA_PROMISE_P7, "nothing stood in the way of this %s, but it answered %s",
              operation, kaya_status_name(status));
}
