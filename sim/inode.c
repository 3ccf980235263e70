/* Files without names. What a read gives and what a power loss may give are kept apart, sector by sector.
 *
 *     newest   what the cache shows
 *     older    the versions before it, newest first, back to the durable one
 *
 *     synced:           newest = A
 *     written twice:    newest = C   older = B -> A
 *     synced:           newest = C
 *
 * A list of versions and not a list of writes: the device writes sectors, so what it can show is a state that a sector was
 * in, and each sector on its own.
 *
 * Growth. A sector behind the durable size has no durable version: its list ends in "growth", which is whatever the profile
 * lets unwritten blocks show (KAYA_SECTOR_GROWN, or _BARE where nothing was written yet).
 *
 * Lives. A truncation ends the life of the sectors behind it: their blocks go back to the file system. Whether it happened
 * is decided with the size, so the list keeps both lives with a cut between them, and the size that survives says which one
 * counts (crash.c).
 *
 *     newest = E   older = (cut, stamp 7) -> B -> A      size 4096, then 0 (stamp 7), then 512 (stamp 9)
 *     size 4096 survives: B or A          size 512 survives: E or growth
 *
 * The sector that a truncation cuts in two gets zeros behind the end, as one more version: the kernel zeroes that part of
 * the page, as data.
 *
 * Failed syncs. What the sync would have written stays dirty, or is dropped, or is forgotten: marked clean and still cached
 * (KAYA_SECTOR_FORGOTTEN), with its list of versions as before, since a power loss may show any of them. The size stays as it is.
 *
 * Invariants:
 *   1. Bytes behind the size are zeros in every sector's newest version.
 *   2. A sector that is not listed equals its durable version, or is bare and behind the durable size.
 *   3. Blocks and versions are never changed once another holds them; forks share them.
 *   4. Each call costs what it touches: sync costs the sectors that were written since the last one.
 *
 * A crash can do nothing in here: calls are whole. What a power loss does to the lists is crash.c's. */
#include "inode.h"

#include <string.h>

enum { FIRST_SECTORS = 32, FIRST_LISTED = 32, FIRST_SIZES = 8 };

/* ---- tables ---- */

static uint32_t next_capacity(uint32_t capacity, uint64_t needed, uint32_t first)
{
    uint64_t next = capacity ? capacity : first;

    while (next < needed)
        next *= 2;
    return (uint32_t)next;
}

static __attribute__((noinline)) void add_sectors(struct kaya_store *store, struct kaya_inode *inode,
                                                  uint64_t needed)
{
    KAYA_ASSERT(needed <= KAYA_INODE_SECTORS_MAX);
    if (needed > inode->sector_capacity) {
        uint32_t capacity = next_capacity(inode->sector_capacity, needed, FIRST_SECTORS);
        struct kaya_sector *sectors = kaya_pool_memory(store->pool, capacity * sizeof *sectors);

        if (inode->sector_count > 0)
            memcpy(sectors, inode->sectors, inode->sector_count * sizeof *sectors);
        inode->sectors = sectors;
        inode->sector_capacity = capacity;
    }
    memset(inode->sectors + inode->sector_count, 0, (needed - inode->sector_count) * sizeof *inode->sectors);
    inode->sector_count = (uint32_t)needed;
}

static inline void ensure_sectors(struct kaya_store *store, struct kaya_inode *inode, uint64_t needed)
{
    if (needed > inode->sector_count)
        add_sectors(store, inode, needed);
}

static void ensure_listed(struct kaya_store *store, struct kaya_inode *inode, uint32_t needed)
{
    if (needed > inode->listed_capacity) {
        uint32_t capacity = next_capacity(inode->listed_capacity, needed, FIRST_LISTED);
        uint32_t *listed = kaya_pool_memory(store->pool, capacity * sizeof *listed);

        if (inode->listed_count > 0)
            memcpy(listed, inode->listed, inode->listed_count * sizeof *listed);
        inode->listed = listed;
        inode->listed_capacity = capacity;
    }
}

static void ensure_sizes(struct kaya_store *store, struct kaya_inode *inode, uint32_t needed)
{
    if (needed > inode->size_capacity) {
        uint32_t capacity = next_capacity(inode->size_capacity, needed, FIRST_SIZES);
        struct kaya_size *sizes = kaya_pool_memory(store->pool, capacity * sizeof *sizes);

        if (inode->size_count > 0)
            memcpy(sizes, inode->sizes, inode->size_count * sizeof *sizes);
        inode->sizes = sizes;
        inode->size_capacity = capacity;
    }
}

struct kaya_sector *kaya_inode_sector(struct kaya_store *store, struct kaya_inode *inode, uint64_t index)
{
    ensure_sectors(store, inode, index + 1);
    return &inode->sectors[index];
}

void kaya_inode_list(struct kaya_store *store, struct kaya_inode *inode, uint64_t index)
{
    struct kaya_sector *sector = kaya_inode_sector(store, inode, index);

    if ((sector->flags & KAYA_SECTOR_LISTED) != 0)
        return;
    ensure_listed(store, inode, inode->listed_count + 1);
    inode->listed[inode->listed_count++] = (uint32_t)index;
    sector->flags |= KAYA_SECTOR_LISTED;
}

/* ---- objects ---- */

static struct kaya_inode *empty_inode(struct kaya_store *store)
{
    struct kaya_inode *inode = store->pool->free_inodes;

    if (inode != NULL) {
        store->pool->free_inodes = inode->next_free;
    } else {
        inode = kaya_pool_memory(store->pool, sizeof *inode);
        memset(inode, 0, sizeof *inode);
    }
    inode->references = 1;
    inode->size_bytes = 0;
    inode->durable_size_bytes = 0;
    inode->reserved_bytes = 0;
    inode->island_begin = 0;
    inode->island_end = 0;
    inode->size_count = 0;
    inode->is_size_undecided = false;
    inode->has_cut = false;
    inode->has_forgotten = false;
    inode->owes_error_to = 0;
    inode->has_damage = false;
    inode->is_directory = false;
    inode->sector_count = 0;
    inode->listed_count = 0;
    inode->undecided_count = 0;
    inode->has_hash = false;
    inode->read_count = 0;
    return inode;
}

struct kaya_inode *kaya_inode_create(struct kaya_store *store, uint64_t number)
{
    struct kaya_inode *inode = empty_inode(store);

    inode->number = number;
    return inode;
}

struct kaya_inode *kaya_inode_clone(struct kaya_store *store, const struct kaya_inode *inode)
{
    struct kaya_inode *clone = empty_inode(store);

    clone->number = inode->number;
    clone->size_bytes = inode->size_bytes;
    clone->durable_size_bytes = inode->durable_size_bytes;
    clone->reserved_bytes = inode->reserved_bytes;
    clone->island_begin = inode->island_begin;
    clone->island_end = inode->island_end;
    clone->is_size_undecided = inode->is_size_undecided;
    clone->has_cut = inode->has_cut;
    clone->has_forgotten = inode->has_forgotten;
    clone->owes_error_to = inode->owes_error_to;
    clone->has_damage = inode->has_damage;
    clone->is_directory = inode->is_directory;
    clone->undecided_count = inode->undecided_count;
    ensure_sizes(store, clone, inode->size_count);
    for (; clone->size_count < inode->size_count; clone->size_count++)
        clone->sizes[clone->size_count] = inode->sizes[clone->size_count];
    ensure_listed(store, clone, inode->listed_count);
    for (; clone->listed_count < inode->listed_count; clone->listed_count++)
        clone->listed[clone->listed_count] = inode->listed[clone->listed_count];
    ensure_sectors(store, clone, inode->sector_count);
    for (uint32_t index = 0; index < inode->sector_count; index++) {
        clone->sectors[index] = inode->sectors[index];
        (void)kaya_block_retain(clone->sectors[index].newest);
        (void)kaya_version_retain(clone->sectors[index].older);
    }
    return clone;
}

void kaya_inode_release(struct kaya_store *store, struct kaya_inode *inode)
{
    if (inode == NULL || --inode->references > 0)
        return;
    for (uint32_t index = 0; index < inode->sector_count; index++) {
        kaya_version_release(store->pool, inode->sectors[index].older);
        kaya_block_release(store->pool, inode->sectors[index].newest);
    }
    inode->next_free = store->pool->free_inodes;
    store->pool->free_inodes = inode;
}

/* ---- reading ---- */

/* So many bytes behind sector `index` are zeros in whole sectors, up to the one in which byte `end` would stand. */
static size_t zeros_behind(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t index,
                           uint64_t end)
{
    uint64_t last = (end + store->sector_bytes - 1) >> store->sector_shift;
    uint64_t known = last < inode->sector_count ? last : inode->sector_count;
    uint64_t next = index + 1;

    while (next < known && inode->sectors[next].newest == NULL)
        next++;
    if (next >= known)
        next = last;
    return (size_t)((next - index - 1) << store->sector_shift);
}

void kaya_inode_read(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                     uint8_t *bytes, size_t length)
{
    while (length > 0) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        const struct kaya_block *block = index < inode->sector_count ? inode->sectors[index].newest : NULL;
        size_t part = store->sector_bytes - from;

        if (block == NULL)
            part += zeros_behind(store, inode, index, offset + length);
        if (part > length)
            part = length;
        if (block != NULL)
            memcpy(bytes, block->bytes + from, part);
        else
            memset(bytes, 0, part);
        offset += part;
        bytes += part;
        length -= part;
    }
}

/* ---- writing ---- */

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static bool is_equal(const struct kaya_block *block, size_t from, const uint8_t *bytes, size_t length)
{
    if (block == NULL)
        return is_zero(bytes, length);
    return block->flags == 0 && block->bytes[from] == bytes[0] && memcmp(block->bytes + from, bytes, length) == 0;
}

/* `old` with `bytes` at `from`. */
static struct kaya_block *overlaid(struct kaya_store *store, const struct kaya_block *old, size_t from,
                                   const uint8_t *bytes, size_t length)
{
    size_t behind = from + length;
    struct kaya_block *block;

    if (length == store->sector_bytes && is_zero(bytes, length))
        return NULL;
    block = kaya_pool_block(store->pool);
    if (old != NULL && length < store->sector_bytes) /* one long copy costs less than two short ones */
        memcpy(block->bytes, old->bytes, store->sector_bytes);
    if (old == NULL) {
        memset(block->bytes, 0, from);
        memset(block->bytes + behind, 0, store->sector_bytes - behind);
    }
    memcpy(block->bytes + from, bytes, length);
    if (old != NULL && old->flags != 0 && length < store->sector_bytes)
        kaya_block_carry_overlay(store, block, old, from, bytes, length);
    return block;
}

static bool is_growth(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t index)
{
    return index << store->sector_shift >= inode->durable_size_bytes;
}

/* The newest version becomes the first of the older ones. The caller sets a new one. */
static void push_newest(struct kaya_store *store, struct kaya_inode *inode, uint64_t index)
{
    struct kaya_sector *sector = &inode->sectors[index];
    bool is_cut = (sector->flags & KAYA_SECTOR_CUT) != 0;

    if ((sector->flags & KAYA_SECTOR_HIDING) != 0) { /* what the cache showed was never on the medium */
        kaya_block_release(store->pool, sector->newest);
        sector->newest = NULL;
        sector->flags = KAYA_SECTOR_LISTED;
        sector->stamp = ++store->stamp;
        return;
    }
    if ((sector->flags & KAYA_SECTOR_LISTED) == 0) {
        kaya_inode_list(store, inode, index);
        if (is_growth(store, inode, index))
            sector->flags |= KAYA_SECTOR_BARE;
    }
    if ((sector->flags & KAYA_SECTOR_BARE) != 0 && !is_cut)
        sector->flags |= KAYA_SECTOR_GROWN; /* nothing to keep but that */
    else
        sector->older = kaya_pool_version(store->pool, sector->newest, sector->stamp, is_cut, sector->older);
    if ((sector->flags & KAYA_SECTOR_UNDECIDED) != 0)
        inode->undecided_count--;
    sector->flags &= KAYA_SECTOR_LISTED | KAYA_SECTOR_GROWN;
    sector->newest = NULL;
    sector->stamp = ++store->stamp;
}

static void write_sector(struct kaya_store *store, struct kaya_inode *inode, uint64_t index, size_t from,
                         const uint8_t *bytes, size_t length)
{
    struct kaya_sector *sector = &inode->sectors[index];
    bool is_bare = (sector->flags & KAYA_SECTOR_BARE) != 0 ||
                   ((sector->flags & KAYA_SECTOR_LISTED) == 0 && is_growth(store, inode, index));
    struct kaya_block *block;

    KAYA_ASSERT((sector->flags & KAYA_SECTOR_UNDECIDED) == 0 || length == store->sector_bytes);
    if (store->equal_is_nothing && !is_bare &&
        (sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) == 0 &&
        is_equal(sector->newest, from, bytes, length)) {
        sector->flags &= ~(uint32_t)KAYA_SECTOR_FORGOTTEN; /* dirty again, for all that the kernel knows */
        return;
    }
    block = overlaid(store, sector->newest, from, bytes, length);
    push_newest(store, inode, index);
    sector->newest = block;
}

static void add_size(struct kaya_store *store, struct kaya_inode *inode, uint64_t bytes, bool is_cut)
{
    ensure_sizes(store, inode, inode->size_count + 1);
    inode->sizes[inode->size_count++] = (struct kaya_size){ bytes, ++store->stamp, is_cut };
    inode->size_bytes = bytes;
    inode->has_cut = inode->has_cut || is_cut;
}

void kaya_inode_write(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                      const uint8_t *bytes, size_t length)
{
    uint64_t end = offset + length;

    ensure_sectors(store, inode, (end + store->sector_bytes - 1) >> store->sector_shift);
    while (offset < end) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        size_t part =
            store->sector_bytes - from < end - offset ? store->sector_bytes - from : (size_t)(end - offset);

        write_sector(store, inode, index, from, bytes, part);
        offset += part;
        bytes += part;
    }
    if (end > inode->size_bytes)
        add_size(store, inode, end, false); /* behind the data: a size that survives alone is a choice of its own */
}

/* ---- durable writes ---- */

/* The versions of this life, each with the bytes laid over it. */
static struct kaya_version *overlaid_versions(struct kaya_store *store, struct kaya_version *older,
                                              size_t from, const uint8_t *bytes, size_t length, bool is_grown)
{
    struct kaya_version *first = NULL;
    struct kaya_version **link = &first;

    for (; older != NULL && !older->is_cut; older = older->older) {
        struct kaya_block *block = overlaid(store, older->block, from, bytes, length);

        *link = kaya_pool_version(store->pool, block, older->stamp, false, NULL);
        link = &(*link)->older;
    }
    if (older != NULL)
        *link = kaya_version_retain(older);
    else if (is_grown) /* the device writes whole sectors: round the bytes stand the zeros of the cache */
        *link = kaya_pool_version(store->pool, overlaid(store, NULL, from, bytes, length), 0, false, NULL);
    return first;
}

static void patch_sector(struct kaya_store *store, struct kaya_inode *inode, uint64_t index, size_t from,
                         const uint8_t *bytes, size_t length)
{
    struct kaya_sector *sector = &inode->sectors[index];
    struct kaya_block *block = overlaid(store, sector->newest, from, bytes, length);
    struct kaya_version *older = NULL;

    kaya_inode_list(store, inode, index);
    if (store->history.is_kept && !kaya_sector_is_dirty(sector) && (sector->flags & KAYA_SECTOR_UNDECIDED) == 0)
        kaya_history_add(store, inode->number, index, sector->newest);
    if (length < store->sector_bytes && (sector->flags & (KAYA_SECTOR_BARE | KAYA_SECTOR_HIDING)) == 0)
        older = overlaid_versions(store, sector->older, from, bytes, length,
                                  (sector->flags & KAYA_SECTOR_GROWN) != 0);
    kaya_version_release(store->pool, sector->older);
    kaya_block_release(store->pool, sector->newest);
    if ((sector->flags & KAYA_SECTOR_UNDECIDED) != 0)
        inode->undecided_count--;
    sector->flags = KAYA_SECTOR_LISTED;
    sector->older = older;
    sector->newest = block;
}

void kaya_inode_patch(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                      const uint8_t *bytes, size_t length)
{
    uint64_t end = offset + length;

    KAYA_ASSERT(end <= inode->size_bytes);
    ensure_sectors(store, inode, (end + store->sector_bytes - 1) >> store->sector_shift);
    while (offset < end) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        size_t part =
            store->sector_bytes - from < end - offset ? store->sector_bytes - from : (size_t)(end - offset);

        patch_sector(store, inode, index, from, bytes, part);
        offset += part;
        bytes += part;
    }
}

/* ---- sizes ---- */

static void cut_sector(struct kaya_store *store, struct kaya_inode *inode, uint64_t index)
{
    struct kaya_sector *sector = &inode->sectors[index];
    bool is_untouched = (sector->flags & KAYA_SECTOR_LISTED) == 0 && is_growth(store, inode, index);

    if (is_untouched || (sector->flags & KAYA_SECTOR_CUT) != 0)
        return;
    push_newest(store, inode, index);
    sector->flags |= KAYA_SECTOR_BARE | KAYA_SECTOR_CUT;
}

static void zero_behind(struct kaya_store *store, struct kaya_inode *inode, uint64_t bytes)
{
    static const uint8_t zeros[4096];
    uint64_t index = bytes >> store->sector_shift;
    size_t from = (size_t)(bytes & (store->sector_bytes - 1));

    while (from > 0 && from < store->sector_bytes && index < inode->sector_count) {
        size_t part = store->sector_bytes - from < sizeof zeros ? store->sector_bytes - from : sizeof zeros;

        if (!is_equal(inode->sectors[index].newest, from, zeros, part))
            write_sector(store, inode, index, from, zeros, part);
        from += part;
    }
}

void kaya_inode_resize(struct kaya_store *store, struct kaya_inode *inode, uint64_t bytes)
{
    if (bytes == inode->size_bytes)
        return;
    if (bytes < inode->size_bytes) {
        uint64_t first = (bytes + store->sector_bytes - 1) >> store->sector_shift;

        kaya_stale_add(store, inode, first);
        zero_behind(store, inode, bytes);
        for (uint64_t index = first; index < inode->sector_count; index++)
            cut_sector(store, inode, index);
    }
    add_size(store, inode, bytes, bytes < inode->size_bytes);
}

/* ---- durability ---- */

struct kaya_block *kaya_sector_durable_block(const struct kaya_sector *sector)
{
    const struct kaya_version *older = sector->older;

    while (older != NULL && older->older != NULL)
        older = older->older;
    return older && (sector->flags & KAYA_SECTOR_GROWN) == 0 ? older->block : NULL;
}

void kaya_inode_settle_sector(struct kaya_store *store, struct kaya_inode *inode, struct kaya_sector *sector)
{
    kaya_version_release(store->pool, sector->older);
    sector->older = NULL;
    if ((sector->flags & KAYA_SECTOR_UNDECIDED) != 0)
        inode->undecided_count--;
    sector->flags &= KAYA_SECTOR_LISTED;
}

void kaya_inode_sync(struct kaya_store *store, struct kaya_inode *inode)
{
    uint32_t kept = 0;

    KAYA_ASSERT(!inode->is_size_undecided);
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        struct kaya_sector *sector = &inode->sectors[inode->listed[index]];

        if ((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_FORGOTTEN | KAYA_SECTOR_HIDING)) != 0) {
            inode->listed[kept++] = inode->listed[index];
            continue;
        }
        if (store->history.is_kept && kaya_sector_is_dirty(sector))
            kaya_history_add(store, inode->number, inode->listed[index], kaya_sector_durable_block(sector));
        kaya_version_release(store->pool, sector->older);
        sector->older = NULL;
        sector->flags = 0;
    }
    inode->listed_count = kept;
    inode->durable_size_bytes = inode->size_bytes;
    inode->size_count = 0;
    inode->has_cut = false;
}

bool kaya_inode_is_dirty(const struct kaya_inode *inode)
{
    if (inode->size_count > 0)
        return true;
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        const struct kaya_sector *sector = &inode->sectors[inode->listed[index]];

        if ((sector->flags & KAYA_SECTOR_UNDECIDED) == 0 && kaya_sector_is_dirty(sector))
            return true;
    }
    return false;
}

/* ---- failed syncs ---- */

void kaya_sector_pop(struct kaya_store *store, struct kaya_sector *sector)
{
    struct kaya_version *older = sector->older;

    kaya_block_release(store->pool, sector->newest);
    if (older == NULL) {
        KAYA_ASSERT((sector->flags & KAYA_SECTOR_GROWN) != 0);
        sector->newest = NULL;
        sector->stamp = 0;
        sector->flags = (sector->flags & ~(uint32_t)KAYA_SECTOR_GROWN) | KAYA_SECTOR_BARE;
        return;
    }
    sector->newest = kaya_block_retain(older->block);
    sector->stamp = older->stamp;
    sector->flags &= ~(uint32_t)(KAYA_SECTOR_BARE | KAYA_SECTOR_CUT);
    if (older->is_cut)
        sector->flags |= KAYA_SECTOR_BARE | KAYA_SECTOR_CUT;
    sector->older = kaya_version_retain(older->older);
    kaya_version_release(store->pool, older);
}

/* Back to what is durable, in this life of the sector. */
static void drop_sector(struct kaya_store *store, struct kaya_sector *sector)
{
    while ((sector->flags & KAYA_SECTOR_BARE) == 0 &&
           (sector->older != NULL || (sector->flags & KAYA_SECTOR_GROWN) != 0))
        kaya_sector_pop(store, sector);
    sector->flags &= ~(uint32_t)KAYA_SECTOR_FORGOTTEN;
}

/* The listed sectors of the range that are decided and have `flags`, if any are asked for. */
static void fail_sectors(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length,
                         uint32_t flags, enum kaya_failure failure)
{
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        struct kaya_sector *sector = &inode->sectors[inode->listed[index]];
        uint64_t start = (uint64_t)inode->listed[index] << store->sector_shift;

        if (start >= offset + length || start + store->sector_bytes <= offset)
            continue;
        if ((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) != 0 || (sector->flags & flags) != flags)
            continue;
        if (failure == KAYA_FAILURE_DROPPED) {
            drop_sector(store, sector);
            if (start < inode->size_bytes && inode->size_bytes - start < store->sector_bytes)
                zero_behind(store, inode, inode->size_bytes); /* invariant 1 */
        } else if ((sector->flags & KAYA_SECTOR_BARE) == 0 && kaya_sector_is_dirty(sector))
            sector->flags |= KAYA_SECTOR_FORGOTTEN;
    }
    if (failure == KAYA_FAILURE_FORGOTTEN)
        inode->has_forgotten = true;
}

void kaya_inode_fail(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length,
                     enum kaya_failure failure)
{
    if (failure != KAYA_FAILURE_KEPT)
        fail_sectors(store, inode, offset, length, 0, failure);
}

void kaya_inode_drop_forgotten(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length)
{
    if (inode->has_forgotten && length > 0)
        fail_sectors(store, inode, offset, length, KAYA_SECTOR_FORGOTTEN, KAYA_FAILURE_DROPPED);
}

/* ---- stale blocks ---- */

/* A list that this store alone holds. */
static struct kaya_stale *own_stale(struct kaya_store *store)
{
    struct kaya_stale *shared = store->stale;
    struct kaya_stale *own;

    if (shared != NULL && shared->references == 1)
        return shared;
    own = store->pool->free_stale;
    if (own != NULL)
        store->pool->free_stale = own->next_free;
    else
        own = kaya_pool_memory(store->pool, sizeof *own);
    if (shared != NULL) {
        *own = *shared;
        for (uint32_t index = 0; index < own->count; index++)
            (void)kaya_block_retain(own->entries[index].block);
        shared->references--;
    } else {
        memset(own, 0, sizeof *own);
    }
    own->references = 1;
    store->stale = own;
    return own;
}

void kaya_stale_add(struct kaya_store *store, const struct kaya_inode *inode, uint64_t first)
{
    struct kaya_stale *stale;
    unsigned added = 0;

    if (first >= inode->sector_count)
        return;
    stale = own_stale(store);
    for (uint64_t index = first; index < inode->sector_count && added < KAYA_STALE_MAX; index++) {
        struct kaya_block *block = kaya_block_truth(inode->sectors[index].newest);

        if (block == NULL)
            continue;
        if (stale->count == KAYA_STALE_MAX)
            kaya_block_release(store->pool, stale->entries[stale->next].block);
        else
            stale->count++;
        stale->entries[stale->next].block = kaya_block_retain(block);
        stale->entries[stale->next].sector = index;
        stale->next = (stale->next + 1) % KAYA_STALE_MAX;
        added++;
    }
}

struct kaya_stale *kaya_stale_retain(struct kaya_stale *stale)
{
    if (stale != NULL)
        stale->references++;
    return stale;
}

void kaya_stale_release(struct kaya_store *store, struct kaya_stale *stale)
{
    if (stale == NULL || --stale->references > 0)
        return;
    for (uint32_t index = 0; index < stale->count; index++)
        kaya_block_release(store->pool, stale->entries[index].block);
    stale->next_free = store->pool->free_stale;
    store->pool->free_stale = stale;
}

/* The block that a file gave up at the same place is the most dangerous one: it fits there. */
struct kaya_block *kaya_stale_find(const struct kaya_store *store, uint64_t sector)
{
    const struct kaya_stale *stale = store->stale;
    struct kaya_block *found = NULL;

    if (stale == NULL || stale->count == 0)
        return NULL;
    for (uint32_t back = 1; back <= stale->count; back++) {
        uint32_t index = (stale->next + KAYA_STALE_MAX - back) % KAYA_STALE_MAX;

        if (stale->entries[index].sector == sector)
            return stale->entries[index].block;
        if (found == NULL)
            found = stale->entries[index].block;
    }
    return found;
}
