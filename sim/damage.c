/* Bytes that are no longer what was written, and the truth behind them.
 *
 * A damaged block shows what the medium gives and holds on to its truth: the bytes that would stand there if nothing had struck. So
 * reads, crashes and forks go on as ever, over what is shown, and the truth is carried along:
 *
 *     newest = A'(A)              a bit of A flipped
 *     newest = B'(B)              then a part of the sector was written: the kernel read A', changed that part, wrote it all back
 *     newest = C                  then all of it: C is what it should be
 *     healed: B'(B) is B          in every version of every file, at once
 *
 * A block whose bytes are what they should be has no truth, so "damaged" and "differs" are one thing (S2). One that may not be read
 * has a truth always.
 *
 * Hidden damage is on the medium while the cache still shows what was written: a lost write.
 *
 *     synced, and lost:           newest = B   older = A'(B)      hiding: clean, and A' is what the medium holds
 *     the cache drops it:         newest = A'(B)                  unseen, until somebody is told
 *     or it is written anew:      newest = C   older = A'(B)      dirty, as any other; a power loss may show A'
 *     and synced:                 newest = C */
#include <string.h>

#include "inode.h"

static const uint8_t zeros[KAYA_SECTOR_BYTES_MAX];

static const uint8_t *bytes_of(const struct kaya_block *block)
{
    return block ? block->bytes : zeros;
}

/* ---- blocks ---- */

struct kaya_block *kaya_block_truth(const struct kaya_block *block)
{
    return block != NULL && block->flags != 0 ? block->truth : (struct kaya_block *)block;
}

void kaya_block_set_truth(struct kaya_store *store, struct kaya_block *block, struct kaya_block *truth,
                          uint32_t flags)
{
    if ((flags & KAYA_BLOCK_UNREADABLE) == 0 && memcmp(block->bytes, bytes_of(truth), store->sector_bytes) == 0) {
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

    memcpy(truth->bytes, bytes_of(old->truth), store->sector_bytes);
    memcpy(truth->bytes + from, bytes, length);
    kaya_block_set_truth(store, made, truth, old->flags);
}

void kaya_block_carry_front(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                            size_t visible)
{
    kaya_block_carry_overlay(store, made, old, visible, zeros, store->sector_bytes - visible);
}

/* ---- damage that shows ---- */

bool kaya_inode_damage(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                       struct kaya_block *shown, uint32_t flags)
{
    struct kaya_sector *sector = kaya_inode_sector(store, inode, index);

    KAYA_ASSERT((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) == 0);
    KAYA_ASSERT(!kaya_sector_is_dirty(sector));
    if (flags == 0 && memcmp(shown->bytes, bytes_of(sector->newest), store->sector_bytes) == 0) {
        kaya_block_release(store->pool, shown);
        return false;
    }
    kaya_block_set_truth(store, shown, kaya_block_retain(kaya_block_truth(sector->newest)), flags);
    kaya_block_release(store->pool, sector->newest);
    sector->newest = shown;
    inode->has_damage = true;
    return shown->flags != 0; /* damage over damage may show the truth */
}

static bool is_unreadable(const struct kaya_block *block)
{
    return block != NULL && (block->flags & KAYA_BLOCK_UNREADABLE) != 0;
}

bool kaya_inode_is_unreadable(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                              uint64_t length)
{
    uint64_t index = offset >> store->sector_shift;
    uint64_t end = (offset + length + store->sector_bytes - 1) >> store->sector_shift;

    for (; index < end && index < inode->sector_count; index++)
        if (is_unreadable(inode->sectors[index].newest))
            return true;
    return false;
}

/* ---- damage that the cache hides ---- */

bool kaya_inode_damage_hidden(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                              struct kaya_block *shown, uint32_t family)
{
    struct kaya_sector *sector = kaya_inode_sector(store, inode, index);

    KAYA_ASSERT((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) == 0);
    KAYA_ASSERT(!kaya_sector_is_dirty(sector));
    kaya_block_set_truth(store, shown, kaya_block_retain(kaya_block_truth(sector->newest)),
                         KAYA_BLOCK_UNSEEN | family << KAYA_BLOCK_FAMILY_SHIFT);
    if (shown->flags == 0) {
        kaya_block_release(store->pool, shown);
        return false;
    }
    kaya_inode_list(store, inode, index);
    sector->older = kaya_pool_version(store->pool, shown, sector->stamp, false, NULL);
    sector->flags |= KAYA_SECTOR_HIDING;
    inode->has_damage = true;
    return true;
}

void kaya_inode_unhide(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length)
{
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        struct kaya_sector *sector = &inode->sectors[inode->listed[index]];
        uint64_t start = (uint64_t)inode->listed[index] << store->sector_shift;

        if ((sector->flags & KAYA_SECTOR_HIDING) == 0 || start >= offset + length ||
            start + store->sector_bytes <= offset)
            continue;
        sector->flags &= ~(uint32_t)KAYA_SECTOR_HIDING;
        kaya_block_release(store->pool, sector->newest);
        sector->newest = kaya_block_retain(sector->older->block);
        kaya_version_release(store->pool, sector->older);
        sector->older = NULL;
    }
}

bool kaya_inode_next_unseen(struct kaya_store *store, struct kaya_inode *inode, uint64_t *index,
                            uint64_t last, uint32_t *family)
{
    for (; *index <= last && *index < inode->sector_count; ++*index) {
        struct kaya_sector *sector = &inode->sectors[*index];
        const struct kaya_block *block = sector->newest;
        struct kaya_block *seen;

        if (block == NULL || (block->flags & KAYA_BLOCK_UNSEEN) == 0)
            continue;
        *family = block->flags >> KAYA_BLOCK_FAMILY_SHIFT;
        seen = kaya_pool_block(store->pool);
        memcpy(seen->bytes, block->bytes, store->sector_bytes);
        kaya_block_set_truth(store, seen, kaya_block_retain(block->truth), 0);
        kaya_block_release(store->pool, sector->newest);
        sector->newest = seen;
        return true;
    }
    return false;
}

/* ---- healing ---- */

static struct kaya_version *healed_versions(struct kaya_store *store, const struct kaya_version *older)
{
    struct kaya_version *first = NULL;
    struct kaya_version **link = &first;

    for (; older != NULL; older = older->older) {
        struct kaya_block *block = kaya_block_retain(kaya_block_truth(older->block));

        *link = kaya_pool_version(store->pool, block, older->stamp, older->is_cut, NULL);
        link = &(*link)->older;
    }
    return first;
}

void kaya_inode_heal(struct kaya_store *store, struct kaya_inode *inode)
{
    for (uint32_t index = 0; index < inode->sector_count; index++) {
        struct kaya_sector *sector = &inode->sectors[index];
        bool is_hiding = (sector->flags & KAYA_SECTOR_HIDING) != 0;
        struct kaya_block *newest = kaya_block_retain(kaya_block_truth(sector->newest));
        struct kaya_version *older = is_hiding ? NULL : healed_versions(store, sector->older);

        kaya_block_release(store->pool, sector->newest);
        kaya_version_release(store->pool, sector->older);
        sector->newest = newest;
        sector->older = older;
        sector->flags &= ~(uint32_t)KAYA_SECTOR_HIDING;
    }
    inode->has_damage = false;
}

/* ---- what stood there before ---- */

void kaya_history_add(struct kaya_store *store, const struct kaya_inode *inode, uint64_t sector,
                      struct kaya_block *block)
{
    struct kaya_history *history = &store->history;
    uint32_t place = 0;

    if (!history->is_kept)
        return;
    while (place < history->count &&
           (history->entries[place].inode != inode->number || history->entries[place].sector != sector))
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
    history->entries[place].inode = inode->number;
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
