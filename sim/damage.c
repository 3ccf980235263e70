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
 * A block whose bytes are what they should be has no truth, so "damaged" and "differs" are one thing (S2). */
#include <string.h>

#include "inode.h"

static const uint8_t zeros[KAYA_SECTOR_BYTES_MAX];

static const uint8_t *bytes_of(const struct kaya_block *block)
{
    return block ? block->bytes : zeros;
}

/* Takes over the reference to `truth`. */
static void set_truth(struct kaya_store *store, struct kaya_block *block, struct kaya_block *truth)
{
    if (memcmp(block->bytes, bytes_of(truth), store->sector_bytes) == 0) {
        kaya_block_release(store->pool, truth);
        return;
    }
    block->flags = KAYA_BLOCK_DAMAGED;
    block->truth = truth;
}

void kaya_block_carry_overlay(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                              size_t from, const uint8_t *bytes, size_t length)
{
    struct kaya_block *truth = kaya_pool_block(store->pool);

    memcpy(truth->bytes, bytes_of(old->truth), store->sector_bytes);
    memcpy(truth->bytes + from, bytes, length);
    set_truth(store, made, truth);
}

void kaya_block_carry_front(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                            size_t visible)
{
    kaya_block_carry_overlay(store, made, old, visible, zeros, store->sector_bytes - visible);
}

struct kaya_block *kaya_block_truth(struct kaya_block *block)
{
    return block != NULL && (block->flags & KAYA_BLOCK_DAMAGED) != 0 ? block->truth : block;
}

bool kaya_inode_damage(struct kaya_store *store, struct kaya_inode *inode, uint64_t index, struct kaya_block *shown)
{
    struct kaya_sector *sector = kaya_inode_sector(store, inode, index);

    KAYA_ASSERT((sector->flags & KAYA_SECTOR_UNDECIDED) == 0 && !kaya_sector_is_dirty(sector));
    if (memcmp(shown->bytes, bytes_of(sector->newest), store->sector_bytes) == 0) {
        kaya_block_release(store->pool, shown);
        return false;
    }
    set_truth(store, shown, kaya_block_retain(kaya_block_truth(sector->newest)));
    kaya_block_release(store->pool, sector->newest);
    sector->newest = shown;
    inode->has_damage = true;
    return true;
}

/* ---- healing ---- */

static struct kaya_version *healed_versions(struct kaya_store *store, const struct kaya_version *older)
{
    struct kaya_version *first = NULL;
    struct kaya_version **link = &first;

    for (; older != NULL; older = older->older) {
        *link = kaya_pool_version(store->pool, kaya_block_retain(kaya_block_truth(older->block)),
                                  older->stamp, older->is_cut, NULL);
        link = &(*link)->older;
    }
    return first;
}

void kaya_inode_heal(struct kaya_store *store, struct kaya_inode *inode)
{
    for (uint32_t index = 0; index < inode->sector_count; index++) {
        struct kaya_sector *sector = &inode->sectors[index];
        struct kaya_block *newest = kaya_block_retain(kaya_block_truth(sector->newest));
        struct kaya_version *older = healed_versions(store, sector->older);

        kaya_block_release(store->pool, sector->newest);
        kaya_version_release(store->pool, sector->older);
        sector->newest = newest;
        sector->older = older;
    }
    inode->has_damage = false;
}
