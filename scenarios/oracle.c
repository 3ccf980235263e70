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
#include "oracle/oracle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/words.h"

enum { CAPACITY_MIN = 256 };

/* --- Life --- */

struct kaya_oracle *kaya_oracle_create(void)
{
    struct kaya_oracle *oracle = calloc(1, sizeof *oracle);
    struct kaya_oracle_shape shape = { 0 };

    if (oracle == NULL)
        return NULL;
    oracle->facts = calloc(CAPACITY_MIN, sizeof *oracle->facts);
    if (oracle->facts == NULL) {
        free(oracle);
        return NULL;
    }
    oracle->capacity = CAPACITY_MIN;
    kaya_oracle_reset(oracle, &shape);
    return oracle;
}

void kaya_oracle_destroy(struct kaya_oracle *oracle)
{
    if (oracle == NULL)
        return;
    free(oracle->facts);
    free(oracle->memories);
    kaya_past_release(&oracle->past);
    free(oracle);
}

void kaya_oracle_reset(struct kaya_oracle *oracle, const struct kaya_oracle_shape *shape)
{
    struct kaya_oracle kept = *oracle;

    memset(oracle, 0, sizeof *oracle);
    oracle->facts = kept.facts;
    oracle->capacity = kept.capacity;
    oracle->memories = kept.memories;
    oracle->memory_capacity = kept.memory_capacity;
    oracle->past = kept.past;
    kaya_past_clear(&oracle->past);
    oracle->shape = *shape;
    oracle->floor_lsn = 1;
    oracle->low_lsn = 1;
    oracle->low_may_lsn = 1;
    kaya_oracle_outlook(oracle, NULL, 0);
    oracle->close_possible = true; /* a log that was only just made may hold anything that stands for "nothing" */
}

static enum kaya_status make_room(struct kaya_oracle *oracle, uint64_t wanted)
{
    uint64_t capacity = oracle->capacity;
    struct kaya_fact *facts;

    if (wanted <= capacity)
        return KAYA_OK;
    while (capacity < wanted)
        capacity *= 2;
    facts = calloc(capacity, sizeof *facts);
    if (facts == NULL)
        return KAYA_NO_MEMORY;
    for (uint64_t lsn = oracle->floor_lsn; lsn <= oracle->last_lsn; lsn++)
        facts[lsn & (capacity - 1)] = *fact_of(oracle, lsn);
    free(oracle->facts);
    oracle->facts = facts;
    oracle->capacity = capacity;
    return KAYA_OK;
}

/* How many facts stand behind one another in the ring, from that record on. */
static uint64_t facts_in_row(const struct kaya_oracle *oracle, uint64_t lsn)
{
    return oracle->capacity - (lsn & (oracle->capacity - 1));
}

static void copy_facts(const struct kaya_oracle *from, struct kaya_oracle *to)
{
    uint64_t count = 0;

    for (uint64_t lsn = from->floor_lsn; lsn <= from->last_lsn; lsn += count) {
        count = from->last_lsn - lsn + 1;
        count = count < facts_in_row(from, lsn) ? count : facts_in_row(from, lsn);
        count = count < facts_in_row(to, lsn) ? count : facts_in_row(to, lsn);
        memcpy(fact_of(to, lsn), fact_of(from, lsn), count * sizeof *from->facts);
    }
}

enum kaya_status kaya_oracle_copy(const struct kaya_oracle *from, struct kaya_oracle *to)
{
    struct kaya_fact *facts;
    struct memory *memories = to->memories;
    size_t memory_capacity = to->memory_capacity;
    struct kaya_past past = to->past;
    uint64_t capacity;

    to->floor_lsn = 1;
    to->last_lsn = 0; /* nothing to keep while it grows */
    if (make_room(to, from->last_lsn - from->floor_lsn + 1) != KAYA_OK)
        return KAYA_NO_MEMORY;
    facts = to->facts;
    capacity = to->capacity;
    *to = *from;
    to->facts = facts;
    to->capacity = capacity;
    kaya_oracle_follow_end(to);
    to->memories = memories; /* who copies an oracle has a budget */
    to->memory_count = 0;
    to->past = past; /* no copy is made where damage may bring anything back */
    kaya_past_clear(&to->past);
    to->memory_capacity = memory_capacity;
    copy_facts(from, to);
    return KAYA_OK;
}

static void add_flags(struct kaya_words *words, const struct kaya_oracle *oracle)
{
    const bool flags[] = { oracle->exists,          oracle->running,       oracle->ended,
                           oracle->sync_failed,     oracle->leftovers,     oracle->spares_in_doubt,
                           oracle->cache_in_doubt,  oracle->close_certain, oracle->close_possible,
                           oracle->cut_pending,     oracle->was_cut,       oracle->has_parted,
                           oracle->has_passed_link, oracle->looked,        oracle->cache_differs };
    uint64_t set = 0;

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        set |= (uint64_t)flags[i] << i;
    kaya_words_add(words, set);
}

/* Costs only matter by their differences, so they count from the record before the first. */
static void add_facts(struct kaya_words *words, const struct kaya_oracle *oracle)
{
    uint64_t before = oracle->cost_bytes;

    for (uint64_t lsn = oracle->floor_lsn; lsn <= oracle->last_lsn; lsn++) {
        const struct kaya_fact *fact = fact_of(oracle, lsn);

        before = lsn == oracle->floor_lsn ? fact->cost_bytes : before;
        kaya_words_add(words, fact->key);
        kaya_words_add(words, fact->cost_bytes - before);
        kaya_words_add(words, (uint64_t)fact->length | (uint64_t)fact->type << 32 | (uint64_t)fact->flags << 40);
    }
    kaya_words_add(words, oracle->cost_bytes - before);
}

/* Not what was counted, and not what is only set while a look or a reader is under way. Damage has no place here: an explorer does none,
 * a model with an outlook of the caller's is told of it anew at the next look, and the past is of no account without it. */
void kaya_oracle_hash(const struct kaya_oracle *oracle, uint64_t hash[2])
{
    const uint64_t numbers[] = { oracle->low_lsn,
                                 oracle->low_may_lsn,
                                 oracle->floor_lsn,
                                 oracle->durable_lsn,
                                 oracle->kept_lsn,
                                 oracle->last_lsn,
                                 oracle->pending_count,
                                 oracle->low_may_before_lsn,
                                 oracle->cut_lsn,
                                 oracle->close_lsn,
                                 oracle->struck,
                                 oracle->epoch,
                                 oracle->looked_first_lsn,
                                 oracle->looked_last_lsn,
                                 oracle->shape.segment_bytes };
    struct kaya_words words;

    kaya_words_begin(&words);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        kaya_words_add(&words, numbers[i]);
    for (size_t i = 0; i < sizeof oracle->log_id.bytes; i++)
        kaya_words_add(&words, oracle->log_id.bytes[i]);
    add_flags(&words, oracle);
    add_facts(&words, oracle);
    kaya_words_end(&words, hash);
}

enum kaya_expectation kaya_oracle_expect(const struct kaya_oracle *oracle, uint64_t lsn)
{
    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn)
        return KAYA_MUST_NOT;
    return lsn >= oracle->low_may_lsn && lsn <= oracle->kept_lsn ? KAYA_MUST : KAYA_MAY;
}

/* --- Words for reports --- */

const char *kaya_oracle_describe(const struct kaya_oracle *oracle, uint64_t lsn,
                                 char text[KAYA_RECORD_NAME_BYTES])
{
    const struct kaya_fact *fact = fact_of(oracle, lsn);

    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn)
        snprintf(text, KAYA_RECORD_NAME_BYTES, "record %" PRIu64, lsn);
    else
        snprintf(text, KAYA_RECORD_NAME_BYTES, "record %" PRIu64 " (%u bytes, %s, %s)", lsn, fact->length,
                 fact->flags & FACT_RETURNED  ? "returned by an earlier recovery"
                 : lsn <= oracle->durable_lsn ? "acknowledged as durable"
                 : fact->flags & FACT_ACKNOWLEDGED
                     ? lsn <= oracle->kept_lsn ? "acknowledged as relaxed" : "acknowledged, not as kept"
                     : "never acknowledged",
                 fact->flags & FACT_IN_BATCH ? "in a batch" : "single");
    return text;
}

/* --- Without a budget --- */

void kaya_oracle_unrestrict(struct kaya_oracle *oracle)
{
    oracle->is_unrestricted = true;
}

bool kaya_oracle_is_unrestricted(const struct kaya_oracle *oracle)
{
    return oracle->is_unrestricted;
}

static enum kaya_status remember(struct kaya_oracle *oracle, const struct kaya_content *contents,
                                 size_t count_of_records)
{
    size_t capacity = oracle->memory_capacity == 0 ? CAPACITY_MIN : oracle->memory_capacity;
    struct memory *memories = oracle->memories;

    while (capacity < oracle->memory_count + count_of_records)
        capacity *= 2;
    if (capacity > oracle->memory_capacity) {
        memories = realloc(oracle->memories, capacity * sizeof *memories);
        if (memories == NULL)
            return KAYA_NO_MEMORY;
        oracle->memories = memories;
        oracle->memory_capacity = capacity;
    }
    for (size_t i = 0; i < count_of_records; i++)
        memories[oracle->memory_count++] =
            (struct memory){ .lsn = ++oracle->last_lsn,
                             .fact = { .key = contents[i].key,
                                       .length = contents[i].length,
                                       .type = contents[i].type,
                                       .flags = contents[i].is_hash ? FACT_HASH : 0 } };
    oracle->pending_count = count_of_records;
    oracle->counts.appended += count_of_records;
    return KAYA_OK;
}

/* The log counts on from whatever it found. */
static void number_as_it_says(struct kaya_oracle *oracle, uint64_t first_lsn)
{
    for (uint64_t i = 0; i < oracle->pending_count; i++)
        oracle->memories[oracle->memory_count - oracle->pending_count + i].lsn = first_lsn + i;
    oracle->last_lsn = first_lsn + oracle->pending_count - 1;
    oracle->counts.acknowledged += oracle->pending_count;
    oracle->pending_count = 0;
}

/* Whatever was found is the log now. */
static void adopt_unrestricted(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report)
{
    oracle->low_lsn = oracle->low_may_lsn = oracle->floor_lsn = report->first_lsn;
    oracle->last_lsn = oracle->durable_lsn = oracle->kept_lsn = report->last_lsn;
    oracle->log_id = report->log_id;
    oracle->exists = oracle->running = true;
    oracle->ended = false;
}

/* --- Operations --- */

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
        return remember(oracle, contents, count_of_records);
    touch(oracle);
    if (make_room(oracle, oracle->last_lsn - oracle->floor_lsn + 1 + count_of_records) != KAYA_OK)
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

/* An operation that makes the log longer: it may find no room. */
static bool is_full(const struct kaya_oracle *oracle, enum kaya_status status)
{
    return status == KAYA_FULL && (oracle->struck & FAMILY(NO_SPACE)) != 0;
}

/* A write or sync of the log failed. */
static void end_handle(struct kaya_oracle *oracle, enum kaya_status status)
{
    oracle->ended = true;
    if (oracle->sync_failed && status != KAYA_GONE)
        oracle->kept_lsn = oracle->durable_lsn;
}

/* Recovery does without room (P9), but to begin a log, and where errors came before: an append only succeeds where two spares stand
 * behind its segment. */
static bool is_full_for_recovery(const struct kaya_oracle *oracle, enum kaya_status status)
{
    return is_full(oracle, status) && (!oracle->exists || oracle->spares_in_doubt);
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
            number_as_it_says(oracle, first_lsn);
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

static void move_low_water(struct kaya_oracle *oracle, uint64_t lsn)
{
    oracle->low_lsn = lsn;
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

/* Where a link is damaged that nothing vouches for, an older end may be found again (past.c). */
static uint64_t highest_last_lsn(const struct kaya_oracle *oracle)
{
    uint64_t past_lsn = oracle->outlook->is_mark_damaged ? kaya_past_last_lsn(&oracle->past) : 0;

    return past_lsn > oracle->last_lsn ? past_lsn : oracle->last_lsn;
}

/* What stands behind `last_lsn` is given up, but may come back. */
static void give_up_end(struct kaya_oracle *oracle, uint64_t last_lsn)
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

    give_up_end(oracle, first_lsn - 1);
    for (uint64_t lsn = first_lsn; lsn <= last_lsn; lsn++) {
        const struct kaya_fact *fact = kaya_past_find(&oracle->past, end, lsn);
        if (fact != NULL)
            *fact_of(oracle, lsn) = *fact;
    }
    oracle->last_lsn = last_lsn;
}

/* The log ends with `last_lsn`, behind the end that it had: it has gone back, to which end only reading will tell for certain. */
static void go_back_to(struct kaya_oracle *oracle, uint64_t last_lsn)
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

/* A recovery goes on in spite of damage that it might have refused. */
static void note_parting(struct kaya_oracle *oracle)
{
    if (!oracle->outlook->is_damaged || oracle->outlook->refusal != KAYA_REFUSAL_ALLOWED)
        return;
    oracle->has_parted = true;
    oracle->has_passed_link = oracle->has_passed_link || oracle->outlook->is_mark_damaged;
}

/* A recovery that was allowed to lose records, and did not come to an end, may have made that final. */
static void give_up_lost(struct kaya_oracle *oracle)
{
    if (oracle->running || !oracle->outlook->is_damaged)
        return;
    oracle->close_certain = false; /* it may have been CLOSE that was lost, or all behind an older one */
    oracle->close_possible = true;
    note_parting(oracle);
    if (oracle->outlook->is_mark_damaged)
        oracle->epoch = 0; /* it may have counted on from an older one */
    go_on_to(oracle, highest_last_lsn(oracle));
    if (oracle->outlook_kept_lsn < oracle->last_lsn)
        oracle->cut_pending = false; /* it may have ended the log between the cut and the old end */
    if (oracle->durable_lsn > oracle->outlook_kept_lsn)
        oracle->durable_lsn = oracle->outlook_kept_lsn;
    if (oracle->kept_lsn > oracle->outlook_kept_lsn)
        oracle->kept_lsn = oracle->outlook_kept_lsn;
}

void kaya_oracle_follow_begin(struct kaya_oracle *oracle, uint64_t from_lsn, uint64_t last_lsn, bool is_pinned)
{
    oracle->follower.is_open = true;
    oracle->follower.is_pinned = is_pinned;
    oracle->follower.next_lsn = from_lsn;
    oracle->follower.last_lsn = last_lsn;
}

void kaya_oracle_follow_end(struct kaya_oracle *oracle)
{
    oracle->follower.is_open = false;
    oracle->follower.is_pinned = false;
}

void kaya_oracle_crash(struct kaya_oracle *oracle, enum kaya_crash crash)
{
    give_up_lost(oracle);
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

/* --- Damage --- */

void kaya_oracle_outlook(struct kaya_oracle *oracle, const struct kaya_outlook *outlook, uint64_t anchor_lsn)
{
    static const struct kaya_outlook none = KAYA_OUTLOOK_OF_NO_DAMAGE;

    oracle->outlook = outlook != NULL ? outlook : &none;
    oracle->watches_damage = oracle->watches_damage || outlook != NULL;
    oracle->outlook_kept_lsn = oracle->outlook->kept_lsn;
    if (oracle->outlook_kept_lsn < anchor_lsn) /* an anchor is a claim that no damage can reach */
        oracle->outlook_kept_lsn = anchor_lsn;
}

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

/* Somebody who looked or opened says that the log is damaged. True: it may be, and nothing else is to be judged. */
static bool judge_refusal(struct kaya_oracle *oracle, enum kaya_status status,
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

/* It opened, or was found good. */
static void judge_acceptance(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
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

/* F4. */
static void judge_mended(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report,
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

/* --- Judging --- */

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
    if (report->last_lsn > highest_last_lsn(oracle))
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

bool kaya_oracle_ends_batch(const struct kaya_oracle *oracle, uint64_t lsn)
{
    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn)
        return true;
    return (fact_of(oracle, lsn)->flags & (FACT_IN_BATCH | FACT_ENDS_BATCH)) != FACT_IN_BATCH;
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
    judge_acceptance(oracle, report, violation);
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
    note_parting(oracle);
    if (report->last_lsn > oracle->last_lsn)
        go_back_to(oracle, report->last_lsn);
    else
        give_up_end(oracle, report->last_lsn);
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
    if (!oracle->close_certain) /* else it goes on in place */
        oracle->cost_bytes += oracle->shape.segment_bytes;
    oracle->close_certain = oracle->close_certain && report->closed_cleanly;
    oracle->close_possible = report->closed_cleanly || report->last_lsn == 0;
    oracle->close_lsn = report->last_lsn;
    oracle->log_id = report->log_id;
    oracle->epoch = report->epoch;
    oracle->exists = true;
}

void kaya_oracle_recovered(struct kaya_oracle *oracle, enum kaya_status status,
                           const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted) {
        count(oracle, KAYA_PROMISE_P12);
        if (status == KAYA_OK)
            adopt_unrestricted(oracle, report);
        return;
    }
    if (status == KAYA_GONE)
        return;
    if (is_excused(oracle, status) || is_full_for_recovery(oracle, status)) {
        give_up_lost(oracle);
        return;
    }
    count(oracle, KAYA_PROMISE_P4);
    if (judge_refusal(oracle, status, report, violation))
        return;
    if (status != KAYA_OK) {
        BREAK(violation, KAYA_PROMISE_P4, "%s, but the log does not open: %s%s%s", what_happened(oracle),
              kaya_status_name(status), status == KAYA_DAMAGED && report->damage_reason != NULL ? ", " : "",
              status == KAYA_DAMAGED && report->damage_reason != NULL ? report->damage_reason : "");
        return;
    }
    judge(oracle, report, violation);
    judge_mended(oracle, report, violation);
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
            adopt_unrestricted(oracle, report);
        return;
    }
    if (status == KAYA_GONE || is_excused(oracle, status) || is_full_for_recovery(oracle, status))
        return;
    if (judge_refusal(oracle, status, report, violation))
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
    if (judge_refusal(oracle, status == KAYA_OK && report->verdict == KAYA_VERDICT_DAMAGED ? KAYA_DAMAGED : status,
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

void kaya_oracle_status(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                        struct kaya_violation *violation)
{
    if (oracle->is_unrestricted)
        return;
    if (status == KAYA_GONE || is_excused(oracle, status))
        return;
    if (is_full(oracle, status) && (strcmp(operation, "append") == 0 || strcmp(operation, "rotate") == 0)) {
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

/* --- Facts --- */

uint64_t kaya_oracle_first_lsn(const struct kaya_oracle *oracle)
{
    return oracle->low_lsn;
}

uint64_t kaya_oracle_first_lsn_at_most(const struct kaya_oracle *oracle)
{
    return oracle->low_may_lsn;
}

uint64_t kaya_oracle_last_lsn(const struct kaya_oracle *oracle)
{
    return oracle->last_lsn;
}

uint64_t kaya_oracle_handed_lsn(const struct kaya_oracle *oracle)
{
    return oracle->kept_lsn;
}

uint64_t kaya_oracle_durable_lsn(const struct kaya_oracle *oracle)
{
    return oracle->durable_lsn;
}

bool kaya_oracle_has_parted(const struct kaya_oracle *oracle)
{
    return oracle->has_parted;
}

bool kaya_oracle_has_passed_link(const struct kaya_oracle *oracle)
{
    return oracle->has_passed_link;
}

bool kaya_oracle_exists(const struct kaya_oracle *oracle)
{
    return oracle->exists;
}

struct kaya_wal_anchor kaya_oracle_anchor(const struct kaya_oracle *oracle)
{
    struct kaya_wal_anchor anchor = { .log_id = oracle->log_id, .lsn = oracle->durable_lsn };

    return anchor;
}

struct kaya_oracle_counts kaya_oracle_counts(const struct kaya_oracle *oracle)
{
    return oracle->counts;
}
