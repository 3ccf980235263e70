/* The crashes: what they mark, and how a boot ends by them. What the marks become: fate.c.
 *
 * Process crash: the cache is the operating system's and stays. Each write that was under way (of each thread one at most) may have
 * been copied in part, page by page. Eviction: a dirty page is written to the medium and dropped; reads give the same bytes, and no later power
 * loss takes them back. That is what it changes, and what its count counts. A page that a failed sync forgot counts as clean: it
 * is dropped without being written, and reads show what is durable.
 *
 * A `write_durable` that is under way when the power goes counts as an ordinary write: any part of it. An ordinary write or a
 * sync under way needs no rule of its own: it is one of the outcomes of the crash right behind it, or right before it. */
#include "damage.h"
#include "fate.h"
#include "fault.h"
#include "media.h"

enum { COPY_UNIT_BYTES = 4096 }; /* what the kernel copies into the cache at a time */

/* ---- marking ---- */

static void mark(struct kaya_inode *inode, struct kaya_sector *sector)
{
    if ((sector->flags & KAYA_SECTOR_UNDECIDED) == 0) {
        sector->flags |= KAYA_SECTOR_UNDECIDED;
        inode->undecided_count++;
    }
}

static uint64_t largest_size(const struct kaya_inode *inode)
{
    uint64_t largest = inode->durable_size_bytes;

    for (uint32_t index = 0; index < inode->size_count; index++)
        largest = inode->sizes[index].bytes > largest ? inode->sizes[index].bytes : largest;
    return largest;
}

static uint64_t sectors_of(const struct kaya_store *store, uint64_t bytes)
{
    return (bytes + store->sector_bytes - 1) >> store->sector_shift;
}

/* Sectors that the file grew over and nobody wrote. */
static void mark_growth(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t end)
{
    for (uint64_t index = sectors_of(&disk->store, inode->durable_size_bytes); index < end; index++) {
        struct kaya_sector *sector = kaya_inode_sector(&disk->store, inode, index);

        if ((sector->flags & KAYA_SECTOR_LISTED) != 0)
            continue;
        kaya_inode_list(&disk->store, inode, index);
        sector->flags |= KAYA_SECTOR_BARE;
        mark(inode, sector);
    }
}

/* A write-back unit that was dirty in part was written as a whole, and could be torn as a whole. */
static void mark_unit(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t index, uint64_t end)
{
    uint64_t unit_sectors = disk->profile->geometry.writeback_bytes >> disk->store.sector_shift;
    uint64_t first = index - index % unit_sectors;

    for (index = first; index < first + unit_sectors && index < end; index++) {
        struct kaya_sector *sector;

        kaya_inode_list(&disk->store, inode, index);
        sector = &inode->sectors[index];
        sector->flags |= KAYA_SECTOR_GARBLED;
        mark(inode, sector);
    }
}

static void mark_inode(struct kaya_sim_disk *disk, struct kaya_inode *inode)
{
    uint64_t end = sectors_of(&disk->store, largest_size(inode));
    uint32_t written_count = inode->listed_count;

    inode->is_size_undecided = inode->is_size_undecided || inode->size_count > 0 || disk->profile->data_in_order;
    for (uint32_t index = 0; index < written_count; index++) {
        struct kaya_sector *sector = &inode->sectors[inode->listed[index]];

        if (kaya_sector_is_dirty(sector))
            mark(inode, sector);
    }
    if (disk->profile->growth != KAYA_GROWTH_ZEROS)
        mark_growth(disk, inode, end);
    if (disk->profile->geometry.power_safe_overwrite)
        return;
    for (uint32_t index = 0; index < written_count; index++)
        if (kaya_sector_is_dirty(&inode->sectors[inode->listed[index]]))
            mark_unit(disk, inode, inode->listed[index], end);
}

/* ---- the crashes ---- */

static void apply_inflight(struct kaya_sim_disk *disk, const struct kaya_sim_inflight *inflight, uint64_t length)
{
    const uint8_t *bytes = kaya_disk_gather(disk, inflight->spans, inflight->span_count, inflight->length);
    struct kaya_inode *inode = kaya_disk_own(disk, inflight->file);

    if (length > 0)
        kaya_inode_write(&disk->store, inode, inflight->offset, bytes, (size_t)length);
}

static void lose_power(struct kaya_sim_disk *disk)
{
    kaya_choices_begin_turn(disk->choices, KAYA_STREAM_CRASH);
    for (const struct kaya_sim_inflight *inflight = disk->inflights; inflight != NULL; inflight = inflight->next)
        if (inflight->is_durable)
            apply_inflight(disk, inflight, inflight->length);
    disk->inflights = NULL;
    disk->crash_number++;
    disk->survived_stamp = 0;
    disk->lost_stamp = UINT64_MAX;
    disk->is_reordered = false;
    disk->torn_sectors = 0;
    disk->directory.is_undecided =
        disk->directory.is_undecided ||
        (disk->directory.exists && (!disk->directory.is_durable || disk->directory.change_count > 0));
    kaya_media_drop_caches(disk);
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && kaya_inode_is_dirty(disk->files[file].inode))
            mark_inode(disk, kaya_disk_own(disk, file));
    kaya_media_damage_neighbours(disk);
}

/* How many bytes of a write under way had reached the cache: whole pages, from the front. */
static uint64_t copied_bytes(struct kaya_sim_disk *disk, const struct kaya_sim_inflight *inflight)
{
    uint64_t first = inflight->offset / COPY_UNIT_BYTES;
    uint64_t last = (inflight->offset + inflight->length - 1) / COPY_UNIT_BYTES;
    uint64_t answer = kaya_choose(disk->choices, KAYA_STREAM_CRASH, last - first + 1, "copied");

    return answer == 0 ? 0 : (first + answer) * COPY_UNIT_BYTES - inflight->offset;
}

static bool has_unsynced(const struct kaya_sim_disk *disk)
{
    if (disk->directory.exists && (!disk->directory.is_durable || disk->directory.change_count > 0))
        return true;
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && kaya_inode_is_dirty(disk->files[file].inode))
            return true;
    return false;
}

static void crash_process(struct kaya_sim_disk *disk)
{
    kaya_choices_begin_turn(disk->choices, KAYA_STREAM_CRASH);
    for (const struct kaya_sim_inflight *inflight = disk->inflights; inflight != NULL; inflight = inflight->next)
        apply_inflight(disk, inflight, copied_bytes(disk, inflight));
    disk->inflights = NULL;
    kaya_fault_draw(disk, KAYA_FAULT_PROCESS_CRASH);
    if (has_unsynced(disk))
        kaya_fault_strike(disk, KAYA_FAULT_PROCESS_CRASH);
}

void kaya_sim_disk_process_crash(struct kaya_sim_disk *disk)
{
    kaya_disk_trace(disk, KAYA_TRACE_PROCESS_CRASH, KAYA_OK, disk->calls, 0, 0, NULL);
    crash_process(disk);
    kaya_disk_end_boot(disk);
    disk->is_crashed = true;
}

void kaya_sim_disk_power_loss(struct kaya_sim_disk *disk)
{
    kaya_disk_trace(disk, KAYA_TRACE_POWER_LOSS, KAYA_OK, disk->calls, 0, 0, NULL);
    lose_power(disk);
    disk->are_lies_due = true;
    kaya_disk_end_boot(disk);
    disk->is_crashed = true;
}

/* ---- eviction ---- */

/* What the cache does with the page, if it drops it. */
static const char *let_go(struct kaya_sim_disk *disk, uint32_t file, uint64_t index)
{
    struct kaya_inode *inode = kaya_disk_own(disk, file);
    struct kaya_sector *sector = &inode->sectors[index];
    uint64_t offset = index << disk->store.sector_shift;

    if ((sector->flags & KAYA_SECTOR_HIDING) != 0)
        kaya_inode_unhide(&disk->store, inode, offset, 1);
    else if ((sector->flags & KAYA_SECTOR_FORGOTTEN) != 0)
        kaya_inode_drop_forgotten(&disk->store, inode, offset, 1);
    else {
        if (disk->store.history.is_kept)
            kaya_history_add(&disk->store, inode->number, index, kaya_sector_durable_block(sector));
        kaya_inode_settle_sector(&disk->store, inode, sector);
        return "evicted";
    }
    return "dropped";
}

static void evict_sector(struct kaya_sim_disk *disk, uint32_t file, uint64_t index)
{
    const struct kaya_sector *sector = &disk->files[file].inode->sectors[index];
    bool is_forgotten = (sector->flags & KAYA_SECTOR_FORGOTTEN) != 0;
    bool is_hiding = (sector->flags & KAYA_SECTOR_HIDING) != 0;
    const char *what;

    if ((sector->flags & KAYA_SECTOR_UNDECIDED) != 0 || (sector->older == NULL && !is_forgotten))
        return;
    if (!kaya_chance(disk->choices, KAYA_STREAM_CRASH, 1, 2, "evict"))
        return;
    kaya_fault_draw(disk, KAYA_FAULT_EVICTION);
    if (!is_hiding &&
        !kaya_blocks_are_equal(sector->newest, kaya_sector_durable_block(sector), disk->store.sector_bytes))
        kaya_fault_strike(disk, KAYA_FAULT_EVICTION);
    what = let_go(disk, file, index);
    kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, disk->files[file].inode->number,
                    index << disk->store.sector_shift, 1, what);
    kaya_media_show(disk, file, index << disk->store.sector_shift, 1);
}

static void evict(struct kaya_sim_disk *disk)
{
    kaya_choices_begin_turn(disk->choices, KAYA_STREAM_CRASH);
    for (uint32_t file = 0; file < disk->file_count; file++)
        for (uint32_t index = 0; disk->files[file].inode && index < disk->files[file].inode->listed_count; index++)
            evict_sector(disk, file, disk->files[file].inode->listed[index]);
}

void kaya_sim_disk_evict(struct kaya_sim_disk *disk)
{
    KAYA_ASSERT(!disk->is_running);
    kaya_disk_trace(disk, KAYA_TRACE_EVICT, KAYA_OK, 0, 0, 0, NULL);
    evict(disk);
}
