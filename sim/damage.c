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
#include "damage.h"

#include <string.h>

/* ---- damage that shows ---- */

bool kaya_inode_damage(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                       struct kaya_block *shown, uint32_t flags)
{
    struct kaya_sector *sector = kaya_inode_sector(store, inode, index);

    KAYA_ASSERT((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) == 0);
    KAYA_ASSERT(!kaya_sector_is_dirty(sector));
    if (flags == 0 && memcmp(shown->bytes, kaya_block_bytes(sector->newest), store->sector_bytes) == 0) {
        kaya_block_release(store->pool, shown);
        return false;
    }
    kaya_block_set_truth(store, shown, kaya_block_retain(kaya_block_truth(sector->newest)), flags);
    kaya_block_release(store->pool, sector->newest);
    sector->newest = shown;
    inode->has_damage = true;
    return shown->flags != 0; /* damage over damage may show the truth */
}

bool kaya_inode_is_unreadable(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                              uint64_t length)
{
    uint64_t index = offset >> store->sector_shift;
    uint64_t end = (offset + length + store->sector_bytes - 1) >> store->sector_shift;

    for (; index < end && index < inode->sector_count; index++)
        if (kaya_block_is_unreadable(inode->sectors[index].newest))
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
