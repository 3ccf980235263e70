/* Syncs that say OK and are no truth.
 *
 *   family               after the OK                                          lost when
 *   lying_sync           the device keeps the bytes in a cache of its own      the power fails, any of them
 *   reorder_across_sync  likewise                                              the power fails, where something written later survives
 *   late_sync_error      the kernel could not write them, and tells the next   at once, or when its cache lets go of them, as with a
 *                        sync of the file (KAYA_IO, once), whoever asks, or    lost write
 *                        only the handle that was lied to
 *
 * For everything else the sync is true: so what is lost is damage (damage.c), with the true bytes behind it, and can be healed. Noted is,
 * for each sector that the sync settled, what stood there before; it is lost only while the sector still holds what the sync
 * promised: whoever writes to it again makes it dirty again, all of it. An honest sync of any file or directory empties the
 * device's cache, and with it the lies of the first two. Sizes and names are always synced as the sync says.
 *
 * The power loss takes its toll when the next boot begins, so that fates which are open then are decided for the sectors in question. */
#include "lie.h"

#include <string.h>

#include "damage.h"
#include "fate.h"
#include "fault.h"
#include "media.h"

static bool may_lie(const struct kaya_sim_disk *disk, enum kaya_fault family)
{
    return disk->odds[family] != 0 && disk->families[family];
}

bool kaya_lies_are_possible(const struct kaya_sim_disk *disk)
{
    return may_lie(disk, KAYA_FAULT_LATE_SYNC_ERROR) || may_lie(disk, KAYA_FAULT_LYING_SYNC) ||
           may_lie(disk, KAYA_FAULT_REORDER_ACROSS_SYNC);
}

enum kaya_fault kaya_lie_draw(struct kaya_sim_disk *disk)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_LATE_SYNC_ERROR, KAYA_FAULT_LYING_SYNC,
                                                KAYA_FAULT_REORDER_ACROSS_SYNC };

    for (unsigned index = 0; disk->may_lie && index < sizeof families / sizeof families[0]; index++)
        if (kaya_fault_has_chance(disk, families[index]))
            return families[index];
    return KAYA_FAULTS;
}

/* ---- what was promised ---- */

/* What the medium held before anything of this life of the sector was written. */
static struct kaya_block *durable_block(const struct kaya_sector *sector)
{
    const struct kaya_version *version = sector->older;

    if ((sector->flags & KAYA_SECTOR_GROWN) != 0 || version == NULL)
        return NULL;
    while (version->older != NULL && !version->older->is_cut)
        version = version->older;
    return version->block;
}

static void note_sector(struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint32_t index,
                        enum kaya_fault family)
{
    const struct kaya_sector *sector = &inode->sectors[index];

    for (size_t lie = 0; lie < disk->lie_count; lie++)
        if (disk->lies[lie].inode == inode->number && disk->lies[lie].sector == index) {
            kaya_block_release(disk->store.pool, disk->lies[lie].promised);
            disk->lies[lie].promised = kaya_block_retain(sector->newest);
            disk->lies[lie].stamp = sector->stamp; /* and what was before both */
            return;
        }
    disk->lies = kaya_disk_scratch(disk->lies, &disk->lie_capacity, disk->lie_count + 1, sizeof *disk->lies);
    disk->lies[disk->lie_count++] = (struct kaya_lie){ .inode = inode->number,
                                                       .sector = index,
                                                       .family = family,
                                                       .stamp = sector->stamp,
                                                       .promised = kaya_block_retain(sector->newest),
                                                       .before = kaya_block_retain(durable_block(sector)) };
}

static void note_all(struct kaya_sim_disk *disk, const struct kaya_inode *inode, enum kaya_fault family)
{
    for (uint32_t at = 0; at < inode->listed_count; at++) {
        const struct kaya_sector *sector = &inode->sectors[inode->listed[at]];

        if ((sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_FORGOTTEN | KAYA_SECTOR_BARE)) == 0 &&
            kaya_sector_is_dirty(sector))
            note_sector(disk, inode, inode->listed[at], family);
    }
}

static void drop_lie(struct kaya_sim_disk *disk, size_t lie)
{
    kaya_block_release(disk->store.pool, disk->lies[lie].promised);
    kaya_block_release(disk->store.pool, disk->lies[lie].before);
    disk->lies[lie] = disk->lies[--disk->lie_count];
}

void kaya_lies_drop(struct kaya_sim_disk *disk)
{
    while (disk->lie_count > 0)
        drop_lie(disk, disk->lie_count - 1);
}

void kaya_lies_copy(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    copy->lies = kaya_disk_scratch(copy->lies, &copy->lie_capacity, disk->lie_count, sizeof *copy->lies);
    for (size_t lie = 0; lie < disk->lie_count; lie++) {
        copy->lies[lie] = disk->lies[lie];
        (void)kaya_block_retain(copy->lies[lie].promised);
        (void)kaya_block_retain(copy->lies[lie].before);
    }
    copy->lie_count = disk->lie_count;
    copy->are_lies_due = disk->are_lies_due;
}

/* ---- what is lost ---- */

static uint32_t file_of(const struct kaya_sim_disk *disk, uint64_t inode)
{
    uint32_t file = 0;

    while (file < disk->file_count &&
           (disk->files[file].inode == NULL || disk->files[file].inode->number != inode))
        file++;
    return file;
}

/* What the sector holds as it was before, as far as the file reaches. NULL: the sector no longer holds what was promised. */
static struct kaya_block *block_before(struct kaya_sim_disk *disk, uint32_t file, const struct kaya_lie *lie)
{
    uint64_t start = (uint64_t)lie->sector << disk->store.sector_shift;
    uint64_t size_bytes = disk->files[file].inode->size_bytes;
    size_t visible = size_bytes - start < disk->store.sector_bytes ? (size_t)(size_bytes - start)
                                                                   : disk->store.sector_bytes;
    const struct kaya_sector *sector;
    struct kaya_block *block;

    if (start >= size_bytes)
        return NULL;
    kaya_fate_decide_bytes(disk, file, start, visible);
    sector = kaya_inode_sector(&disk->store, kaya_disk_own(disk, file), lie->sector);
    if (kaya_sector_is_dirty(sector) || (sector->flags & (KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_HIDING)) != 0 ||
        !kaya_blocks_are_equal(sector->newest, lie->promised, visible))
        return NULL;
    block = kaya_pool_block(disk->store.pool);
    memset(block->bytes, 0, disk->store.sector_bytes);
    if (lie->before != NULL)
        memcpy(block->bytes, lie->before->bytes, visible);
    return block;
}

static void lose(struct kaya_sim_disk *disk, const struct kaya_lie *lie)
{
    uint32_t file = file_of(disk, lie->inode);
    struct kaya_block *shown;

    if (file == disk->file_count)
        return;
    kaya_fate_decide_size(disk, file);
    shown = block_before(disk, file, lie);
    if (shown == NULL)
        return;
    kaya_fault_draw(disk, lie->family);
    if (!kaya_inode_damage(&disk->store, disk->files[file].inode, lie->sector, shown, 0))
        return;
    kaya_fault_strike(disk, lie->family);
    kaya_disk_trace(disk, KAYA_TRACE_FAULT, KAYA_OK, lie->inode,
                    (uint64_t)lie->sector << disk->store.sector_shift, disk->store.sector_bytes,
                    kaya_fault_name(lie->family));
}

/* The kernel's pages count as written and are not: hidden damage, as of a lost write, until the cache lets go of them. */
static void hide_losses(struct kaya_sim_disk *disk, uint32_t file)
{
    for (size_t lie = disk->lie_count; lie-- > 0;) {
        struct kaya_block *shown;

        if (disk->lies[lie].family != KAYA_FAULT_LATE_SYNC_ERROR)
            continue;
        shown = block_before(disk, file, &disk->lies[lie]);
        if (shown != NULL)
            (void)kaya_inode_damage_hidden(&disk->store, disk->files[file].inode, disk->lies[lie].sector,
                                           shown, KAYA_FAULT_LATE_SYNC_ERROR);
        drop_lie(disk, lie);
    }
}

void kaya_lie_tell(struct kaya_sim_disk *disk, const struct kaya_sim_handle *handle, enum kaya_fault family)
{
    uint32_t file = handle->file;
    struct kaya_inode *inode = kaya_disk_own(disk, file);

    note_all(disk, inode, family);
    kaya_inode_sync(&disk->store, inode);
    if (family != KAYA_FAULT_LATE_SYNC_ERROR)
        return;
    inode->owes_error_to =
        kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "late_told") == 0 ? KAYA_ANY_HANDLE : handle->number;
    hide_losses(disk, file);
    if (kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "late_loss") == 1) {
        kaya_inode_unhide(&disk->store, inode, 0, inode->size_bytes);
        kaya_media_show(disk, file, 0, inode->size_bytes);
    }
}

/* Did anything that was written behind the lie survive? */
static bool is_overtaken(const struct kaya_sim_disk *disk, const struct kaya_lie *lie)
{
    return disk->survived_stamp > lie->stamp;
}

static void decide_all(struct kaya_sim_disk *disk)
{
    kaya_fate_decide_names(disk);
    for (uint32_t file = 0; file < disk->file_count; file++) {
        if (disk->files[file].inode == NULL)
            continue;
        kaya_fate_decide_size(disk, file);
        kaya_fate_decide_bytes(disk, file, 0, disk->files[file].inode->size_bytes);
    }
}

void kaya_lies_come_due(struct kaya_sim_disk *disk)
{
    disk->are_lies_due = false;
    if (disk->lie_count == 0)
        return;
    decide_all(disk);
    for (size_t lie = disk->lie_count; lie-- > 0;) {
        if ((disk->lies[lie].family == KAYA_FAULT_LYING_SYNC || is_overtaken(disk, &disk->lies[lie])) &&
            kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "lie") == 1)
            lose(disk, &disk->lies[lie]);
        drop_lie(disk, lie);
    }
}
