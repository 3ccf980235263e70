/* What the oracle knows: made, copied, told apart, and told to others. Its ring of facts grows with the log; two models are the same where
 * they ask for the same from now on. */
#include "state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/words.h"

enum { CAPACITY_MIN = 256 };

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

enum kaya_status kaya_oracle_make_room(struct kaya_oracle *oracle, uint64_t wanted)
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
    if (kaya_oracle_make_room(to, from->last_lsn - from->floor_lsn + 1) != KAYA_OK)
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
                           oracle->has_passed_link, oracle->looked,        oracle->cache_differs,
                           oracle->mark_room_spent };
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

/* --- Facts --- */

enum kaya_expectation kaya_oracle_expect(const struct kaya_oracle *oracle, uint64_t lsn)
{
    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn)
        return KAYA_MUST_NOT;
    return lsn >= oracle->low_may_lsn && lsn <= oracle->kept_lsn ? KAYA_MUST : KAYA_MAY;
}

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

bool kaya_oracle_ends_batch(const struct kaya_oracle *oracle, uint64_t lsn)
{
    if (lsn < oracle->low_lsn || lsn > oracle->last_lsn)
        return true;
    return (fact_of(oracle, lsn)->flags & (FACT_IN_BATCH | FACT_ENDS_BATCH)) != FACT_IN_BATCH;
}

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

/* --- Told from outside --- */

void kaya_oracle_outlook(struct kaya_oracle *oracle, const struct kaya_outlook *outlook, uint64_t anchor_lsn)
{
    static const struct kaya_outlook none = KAYA_OUTLOOK_OF_NO_DAMAGE;

    oracle->outlook = outlook != NULL ? outlook : &none;
    oracle->watches_damage = oracle->watches_damage || outlook != NULL;
    oracle->outlook_kept_lsn = oracle->outlook->kept_lsn;
    if (oracle->outlook_kept_lsn < anchor_lsn) /* an anchor is a claim that no damage can reach */
        oracle->outlook_kept_lsn = anchor_lsn;
}

void kaya_oracle_follow_end(struct kaya_oracle *oracle)
{
    oracle->follower.is_open = false;
    oracle->follower.is_pinned = false;
}
