/* Blocks and their truth, and the last blocks that sectors held before.
 *
 * A block whose bytes are what they should be has no truth; one that may not be read has one always. So "damaged" and "differs" are
 * one thing (S2). How damage comes and goes: damage.c. */
#include "store.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

const uint8_t kaya_zeros[KAYA_SECTOR_BYTES_MAX];

/* ---- blocks ---- */

/* Zeros are hashed as no block at all. */
static struct kaya_hash hash_of(const uint8_t *bytes, size_t length)
{
    XXH128_hash_t hash;

    if (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0)
        return (struct kaya_hash){ 0 };
    hash = XXH3_128bits(bytes, length);
    return (struct kaya_hash){ hash.low64, hash.high64 };
}

struct kaya_hash kaya_block_hash_slowly(const struct kaya_store *store, struct kaya_block *block)
{
    block->hash = hash_of(block->bytes, store->sector_bytes);
    return block->hash;
}

struct kaya_hash kaya_block_part_hash_slowly(struct kaya_block *block, size_t from, size_t length)
{
    block->part_from = (uint32_t)from;
    block->part_length = (uint32_t)length;
    block->part_hash = hash_of(block->bytes + from, length);
    return block->part_hash;
}

struct kaya_block *kaya_block_truth(const struct kaya_block *block)
{
    return block != NULL && block->flags != 0 ? block->truth : (struct kaya_block *)block;
}

void kaya_block_set_truth(struct kaya_store *store, struct kaya_block *block, struct kaya_block *truth,
                          uint32_t flags)
{
    if ((flags & KAYA_BLOCK_UNREADABLE) == 0 &&
        memcmp(block->bytes, kaya_block_bytes(truth), store->sector_bytes) == 0) {
        kaya_block_release(store->pool, truth);
        return;
    }
    block->flags = flags | KAYA_BLOCK_DAMAGED;
    block->truth = truth;
}

void kaya_block_carry_overlay(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                              size_t from, const uint8_t *bytes, size_t length)
{
    struct kaya_block *truth = kaya_pool_block(store->pool);

    memcpy(truth->bytes, kaya_block_bytes(old->truth), store->sector_bytes);
    memcpy(truth->bytes + from, bytes, length);
    kaya_block_set_truth(store, made, truth, old->flags);
}

void kaya_block_carry_front(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                            size_t visible)
{
    kaya_block_carry_overlay(store, made, old, visible, kaya_zeros, store->sector_bytes - visible);
}

/* ---- what stood there before ---- */

void kaya_history_add(struct kaya_store *store, uint64_t inode, uint64_t sector, struct kaya_block *block)
{
    struct kaya_history *history = &store->history;
    uint32_t place = 0;

    if (!history->is_kept)
        return;
    while (place < history->count &&
           (history->entries[place].inode != inode || history->entries[place].sector != sector))
        place++;
    if (place == KAYA_HISTORY_MAX) {
        place = history->next;
        history->next = (history->next + 1) % KAYA_HISTORY_MAX;
    }
    if (place < history->count)
        kaya_block_release(store->pool, history->entries[place].block);
    else
        history->count++;
    history->entries[place].block = kaya_block_retain(kaya_block_truth(block));
    history->entries[place].inode = inode;
    history->entries[place].sector = sector;
}

void kaya_history_copy(const struct kaya_history *history, struct kaya_history *copy)
{
    copy->is_kept = history->is_kept;
    copy->count = history->count;
    copy->next = history->next;
    for (uint32_t index = 0; index < history->count; index++) {
        copy->entries[index] = history->entries[index];
        (void)kaya_block_retain(copy->entries[index].block);
    }
}

void kaya_history_clear(struct kaya_store *store)
{
    for (uint32_t index = 0; index < store->history.count; index++)
        kaya_block_release(store->pool, store->history.entries[index].block);
    store->history.count = 0;
    store->history.next = 0;
}
