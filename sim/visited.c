/* The set of what was visited: open addressing in a row of tables, each four times as large as the one before it.
 *
 *     table 0   [bucket][bucket]...      a hash has one bucket in each table; it stands in the first one that had a free slot
 *     table 1   [bucket][bucket][bucket][bucket]...
 *
 * Nothing is moved and nothing grows, so processes need no lock: a slot is taken by one compare-and-swap of its first word, and the
 * second word follows. Who meets a slot that is taken and not filled yet waits for it, where the first words are equal. Small sets stay
 * in the first tables, so they touch little memory. A bucket is one line of the cache.
 *
 * 128 bits of hash, but for the 24 lowest of the second word, which hold the tag. That leaves 104: among a thousand million states the
 * chance that any two meet is 2^-45.
 *
 * A process that dies between the two words leaves a slot without second word: others give up waiting for it and take it for equal; it can
 * only have been a unit that never ended, whose slots are dropped before the set is used again. */
#include "visited.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKET_SLOTS = 4,
    TABLES_MAX = 12,
    FIRST_BUCKETS_LOG2 = 9,
    STEP_LOG2 = 2,
    TAG_BITS = 24,
    PATIENCE = 1 << 20,
};

struct slot {
    _Atomic uint64_t first;  /* 0: free */
    _Atomic uint64_t second; /* 0: being filled */
};

struct bucket {
    struct slot slots[BUCKET_SLOTS];
};

struct kaya_visited {
    uint32_t table_count;
    uint32_t reserved;
    uint64_t bucket_counts[TABLES_MAX];
    uint64_t size_bytes;
    struct bucket buckets[];
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is one line of the cache");
_Static_assert(offsetof(struct kaya_visited, buckets) % 16 == 0, "slots are aligned");

size_t kaya_visited_size_min(void)
{
    return sizeof(struct kaya_visited) + ((size_t)1 << FIRST_BUCKETS_LOG2) * sizeof(struct bucket);
}

/* As many whole tables as there is room for; the last one gets all that is left. */
struct kaya_visited *kaya_visited_init(void *memory, size_t size_bytes)
{
    struct kaya_visited *visited = memory;
    uint64_t left = (size_bytes - sizeof *visited) / sizeof(struct bucket);
    uint64_t wanted = (uint64_t)1 << FIRST_BUCKETS_LOG2;

    KAYA_ASSERT(size_bytes >= kaya_visited_size_min());
    visited->table_count = 0;
    visited->size_bytes = size_bytes;
    while (left >= wanted && visited->table_count < TABLES_MAX) {
        bool is_last = left - wanted < wanted << STEP_LOG2 || visited->table_count + 1 == TABLES_MAX;

        visited->bucket_counts[visited->table_count++] = is_last ? left : wanted;
        left -= is_last ? left : wanted;
        wanted <<= STEP_LOG2;
    }
    return visited;
}

static uint64_t first_word(struct kaya_hash hash)
{
    return hash.low != 0 ? hash.low : 1;
}

static uint64_t second_word(struct kaya_hash hash, uint32_t tag)
{
    uint64_t high = hash.high >> TAG_BITS << TAG_BITS;

    return (high != 0 ? high : (uint64_t)1 << TAG_BITS) | tag;
}

/* True if the slot holds the hash; or may hold it, and whoever fills it died. */
static bool is_same(struct slot *slot, uint64_t second)
{
    uint64_t found = atomic_load_explicit(&slot->second, memory_order_acquire);

    for (unsigned patience = 0; found == 0 && patience < PATIENCE; patience++)
        found = atomic_load_explicit(&slot->second, memory_order_acquire);
    return found == 0 || found >> TAG_BITS == second >> TAG_BITS;
}

enum kaya_visit kaya_visited_add(struct kaya_visited *visited, struct kaya_hash hash, uint32_t tag)
{
    uint64_t first = first_word(hash);
    uint64_t second = second_word(hash, tag);
    struct bucket *table = visited->buckets;

    KAYA_ASSERT(tag >> TAG_BITS == 0);
    for (uint32_t index = 0; index < visited->table_count; index++) {
        struct bucket *bucket = &table[(first >> 8) % visited->bucket_counts[index]];

        for (unsigned place = 0; place < BUCKET_SLOTS; place++) {
            struct slot *slot = &bucket->slots[place];
            uint64_t found = atomic_load_explicit(&slot->first, memory_order_acquire);

            if (found == 0 && atomic_compare_exchange_strong(&slot->first, &found, first)) {
                atomic_store_explicit(&slot->second, second, memory_order_release);
                return KAYA_VISIT_NEW;
            }
            if (found == first && is_same(slot, second))
                return KAYA_VISIT_KNOWN;
        }
        table += visited->bucket_counts[index];
    }
    return KAYA_VISIT_FULL;
}

/* ---- the set between two sessions ---- */

static uint64_t bucket_count_of(const struct kaya_visited *visited)
{
    uint64_t count = 0;

    for (uint32_t index = 0; index < visited->table_count; index++)
        count += visited->bucket_counts[index];
    return count;
}

enum kaya_status kaya_visited_keep(struct kaya_visited *visited, bool (*is_kept)(void *user, uint32_t tag),
                                   void *user)
{
    uint64_t count = bucket_count_of(visited);
    struct bucket *copy;

    if (count == 0)
        return KAYA_OK;
    copy = malloc(count * sizeof *copy);
    if (copy == NULL)
        return KAYA_NO_MEMORY;
    memcpy(copy, visited->buckets, count * sizeof *copy);
    memset(visited->buckets, 0, count * sizeof *copy);
    for (uint64_t index = 0; index < count * BUCKET_SLOTS; index++) {
        struct slot *slot = &copy[index / BUCKET_SLOTS].slots[index % BUCKET_SLOTS];
        uint64_t second = atomic_load(&slot->second);
        uint32_t tag = (uint32_t)(second & (((uint64_t)1 << TAG_BITS) - 1));

        if (second != 0 && is_kept(user, tag))
            (void)kaya_visited_add(visited, (struct kaya_hash){ atomic_load(&slot->first), second }, tag);
    }
    free(copy);
    return KAYA_OK;
}
