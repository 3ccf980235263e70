/* What all files of one disk share: the pool, what files gave up, what sectors held before; and blocks whose bytes are no longer
 * what was written, with the truth behind them. */
#ifndef KAYA_SIM_STORE_H
#define KAYA_SIM_STORE_H

#include <string.h>

#include "pool.h"

enum {
    KAYA_STALE_MAX = 16,
    KAYA_SECTOR_BYTES_MAX = 1 << 16,
    KAYA_INODE_SECTORS_MAX = 1 << 22, /* larger files are KAYA_FULL */
};

/* Blocks that files of this disk gave up last: what growth may show. Shared by forks until one of them adds. */
struct kaya_stale {
    uint32_t references;
    uint32_t count;
    uint32_t next;
    struct kaya_stale *next_free;
    struct {
        struct kaya_block *block;
        uint64_t sector;
    } entries[KAYA_STALE_MAX];
};

/* What sectors held before they became what they are now, durable both times: what stale reads and sectors show. One entry a sector. */
enum { KAYA_HISTORY_MAX = 64 };
struct kaya_history {
    bool is_kept;
    uint32_t count;
    uint32_t next;
    struct {
        struct kaya_block *block; /* NULL: zeros */
        uint64_t inode;
        uint64_t sector;
    } entries[KAYA_HISTORY_MAX];
};

/* What all files of one disk share. */
struct kaya_store {
    struct kaya_pool *pool;
    struct kaya_stale *stale; /* NULL: nothing was given up yet */
    struct kaya_history history;
    uint64_t stamp; /* counts the versions that were made: a later one has a higher stamp */
    uint32_t sector_bytes;
    unsigned sector_shift;
    bool equal_is_nothing; /* writing what stands there already is no write (power-safe overwrite) */
};

/* ---- blocks ---- */

extern const uint8_t kaya_zeros[KAYA_SECTOR_BYTES_MAX];

static inline const uint8_t *kaya_block_bytes(const struct kaya_block *block)
{
    return block != NULL ? block->bytes : kaya_zeros;
}

/* XXH3-128 of what the block shows; NULL: of zeros. Computed once a block, which nobody changes any more. */
struct kaya_hash kaya_block_hash_slowly(const struct kaya_store *store, struct kaya_block *block);
static inline struct kaya_hash kaya_block_hash(const struct kaya_store *store, struct kaya_block *block)
{
    if (block == NULL)
        return (struct kaya_hash){ 0 };
    return block->hash.low != 0 || block->hash.high != 0 ? block->hash : kaya_block_hash_slowly(store, block);
}

/* The same of some of its bytes. */
struct kaya_hash kaya_block_part_hash_slowly(struct kaya_block *block, size_t from, size_t length);
static inline struct kaya_hash kaya_block_part_hash(struct kaya_block *block, size_t from, size_t length)
{
    if (block == NULL)
        return (struct kaya_hash){ 0 };
    return block->part_from == from && block->part_length == length
               ? block->part_hash
               : kaya_block_part_hash_slowly(block, from, length);
}

static inline bool kaya_block_is_unreadable(const struct kaya_block *block)
{
    return block != NULL && (block->flags & KAYA_BLOCK_UNREADABLE) != 0;
}

/* Would a reader take one for the other, over their first `length` bytes? */
static inline bool kaya_blocks_are_equal(const struct kaya_block *left, const struct kaya_block *right,
                                         size_t length)
{
    if (kaya_block_is_unreadable(left) != kaya_block_is_unreadable(right))
        return false;
    return left == right || memcmp(kaya_block_bytes(left), kaya_block_bytes(right), length) == 0;
}

/* `made` is the damaged block `old` with other bytes at `from`, or with zeros behind its first `visible` bytes: set its truth. */
void kaya_block_carry_overlay(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                              size_t from, const uint8_t *bytes, size_t length);
void kaya_block_carry_front(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                            size_t visible);

/* Set the truth of a block that only the caller holds, if it makes a difference; takes over the reference. `flags` stay with it. */
void kaya_block_set_truth(struct kaya_store *store, struct kaya_block *block, struct kaya_block *truth,
                          uint32_t flags);

/* What the block would be without damage: borrowed, perhaps itself. */
struct kaya_block *kaya_block_truth(const struct kaya_block *block);

/* ---- what stood there before ---- */

/* Keep what the sector of inode number `inode` held (may be NULL, borrowed) before it was made durable anew, if history is kept at all. */
void kaya_history_add(struct kaya_store *store, uint64_t inode, uint64_t sector, struct kaya_block *block);
void kaya_history_copy(const struct kaya_history *history, struct kaya_history *copy);
void kaya_history_clear(struct kaya_store *store);

#endif
