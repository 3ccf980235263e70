/* What the medium does to bytes that were durable.
 *
 * At rest. Damage strikes between boots, in kaya_sim_disk_decay: one chance for each family, in a file that has a name, in a sector
 * that is drawn from all of the file or, in half of the cases, from those that hold something. A sector of which the cache holds something
 * newer is left alone: it would be written over. What a power loss left undecided is decided first, as by a reader.
 *
 *     bit_flip            one bit of it
 *     zeroed_sector       all of it zeros
 *     stale_sector        what it held durably before it was last written
 *     unreadable_sector   reading it, and writing a part of it, answers KAYA_IO until all of it is written
 *
 * In writing. Each file sync that has something to write, and each durable write, is a chance. The call says OK, and the cache shows what was
 * written, until it drops the page: by eviction, by a read past it, by a power loss. Writing the sector anew mends it.
 *
 *     lost_write          up to LOST_SECTORS_MAX sectors of it never came to the medium, which holds what it held before
 *     misdirected_write   one sector came to another place, in the same file or in another one: two places are damaged
 *
 * At a power loss, which is one chance.
 *
 *     neighbour_damage    a sector was under way, and bytes of its write-back unit that nobody wrote become zeros or garbage: another
 *                         sector that was clean, or in the sector itself those in front of or behind all that was written. So a disk
 *                         behaves that promised power-safe overwrite and does not keep it
 *
 * Each time damage shows there is a trace event KAYA_TRACE_FAULT, once: the family's name, a = inode, b = offset, c = length in bytes, from
 * the first byte that differs from the truth to the last; of an unreadable sector all of it. Of a bit flip c is 1, and `content` is
 * one byte with that bit set. Struck is counted at the same moment, but for unreadable sectors: there each call that fails counts. */
#include "media.h"

#include <string.h>

#include "damage.h"
#include "fate.h"
#include "fault.h"

static uint64_t offset_of(const struct kaya_sim_disk *disk, uint64_t sector)
{
    return sector << disk->store.sector_shift;
}

static uint64_t sector_count(const struct kaya_sim_disk *disk, uint32_t file)
{
    return (disk->files[file].inode->size_bytes + disk->store.sector_bytes - 1) >> disk->store.sector_shift;
}

/* How many bytes of the sector are in the file. */
static size_t visible_bytes(const struct kaya_sim_disk *disk, const struct kaya_place *place)
{
    uint64_t size_bytes = disk->files[place->file].inode->size_bytes;
    uint64_t start = offset_of(disk, place->sector);
    uint64_t left = size_bytes > start ? size_bytes - start : 0;

    return left < disk->store.sector_bytes ? (size_t)left : disk->store.sector_bytes;
}

/* ---- telling ---- */

static void tell(struct kaya_sim_disk *disk, enum kaya_fault fault, const struct kaya_place *place,
                 size_t from, size_t length)
{
    kaya_disk_trace(disk, KAYA_TRACE_FAULT, KAYA_OK, disk->files[place->file].inode->number,
                    offset_of(disk, place->sector) + from, length, kaya_fault_name(fault));
}

static void tell_of_bit(struct kaya_sim_disk *disk, const struct kaya_place *place, uint64_t bit)
{
    const uint8_t mask = (uint8_t)(1u << bit % 8);

    if (disk->trace != NULL)
        kaya_trace_add(disk->trace, &(struct kaya_trace_event){ .kind = KAYA_TRACE_FAULT,
                                                                .a = disk->files[place->file].inode->number,
                                                                .b = offset_of(disk, place->sector) + bit / 8,
                                                                .c = 1,
                                                                .text = kaya_fault_name(KAYA_FAULT_BIT_FLIP),
                                                                .content = &mask,
                                                                .content_length = 1 });
}

static uint8_t true_byte(const struct kaya_block *block, size_t index)
{
    return block->truth ? block->truth->bytes[index] : 0;
}

/* The damage of this sector shows from now on, and differs from the truth. */
static void strike(struct kaya_sim_disk *disk, enum kaya_fault fault, const struct kaya_place *place)
{
    const struct kaya_block *block = disk->files[place->file].inode->sectors[place->sector].newest;
    size_t first = 0;
    size_t last = disk->store.sector_bytes;

    kaya_fault_strike(disk, fault);
    while (block->bytes[first] == true_byte(block, first))
        first++;
    while (block->bytes[last - 1] == true_byte(block, last - 1))
        last--;
    tell(disk, fault, place, first, last - first);
}

void kaya_media_show_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    struct kaya_inode *inode = kaya_disk_own(disk, file);
    struct kaya_place place = { file, offset >> disk->store.sector_shift };
    uint64_t last = (offset + length - 1) >> disk->store.sector_shift;
    uint32_t family;

    while (kaya_inode_next_unseen(&disk->store, inode, &place.sector, last, &family))
        strike(disk, (enum kaya_fault)family, &place);
}

void kaya_media_drop_caches(struct kaya_sim_disk *disk)
{
    for (uint32_t file = 0; file < disk->file_count; file++) {
        if (disk->files[file].inode == NULL || !disk->files[file].inode->has_damage)
            continue;
        kaya_inode_unhide(&disk->store, kaya_disk_own(disk, file), 0, UINT64_MAX);
        kaya_media_show(disk, file, 0, UINT64_MAX);
    }
}

bool kaya_media_is_unreadable_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    if (!kaya_inode_is_unreadable(&disk->store, disk->files[file].inode, offset, length))
        return false;
    kaya_fault_strike(disk, KAYA_FAULT_UNREADABLE_SECTOR);
    return true;
}

/* ---- where ---- */

static bool holds_something(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t index)
{
    const struct kaya_block *block = index < inode->sector_count ? inode->sectors[index].newest : NULL;

    return block != NULL &&
           (block->bytes[0] != 0 || memcmp(block->bytes, block->bytes + 1, store->sector_bytes - 1) != 0);
}

/* Number `wanted`, from 0, of the sectors that hold something; or, where there are no more, how many there are. */
static uint64_t find_holding(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t count,
                             uint64_t wanted, uint64_t *found)
{
    uint64_t holding = 0;

    for (uint64_t index = 0; index < count; index++) {
        if (!holds_something(store, inode, index))
            continue;
        if (holding == wanted)
            *found = index;
        holding++;
    }
    return holding;
}

static uint64_t choose_sector(struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint64_t count)
{
    uint64_t found = 0;
    uint64_t holding;

    if (kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "decay_anywhere") == 1)
        return kaya_choose(disk->choices, KAYA_STREAM_FAULTS, count, "decay_sector");
    holding = find_holding(&disk->store, inode, count, UINT64_MAX, &found);
    if (holding == 0)
        return kaya_choose(disk->choices, KAYA_STREAM_FAULTS, count, "decay_sector");
    (void)find_holding(&disk->store, inode, count,
                       kaya_choose(disk->choices, KAYA_STREAM_FAULTS, holding, "decay_holding"), &found);
    return found;
}

static bool is_readable(const struct kaya_block *block)
{
    return block == NULL || (block->flags & KAYA_BLOCK_UNREADABLE) == 0;
}

/* The sector is in the file, durably so, decided, not beyond damage, and the cache holds nothing newer or other. */
static bool may_be_damaged(struct kaya_sim_disk *disk, const struct kaya_place *place)
{
    const struct kaya_sector *sector;

    if (visible_bytes(disk, place) == 0 ||
        offset_of(disk, place->sector) >= disk->files[place->file].inode->durable_size_bytes)
        return false;
    kaya_fate_decide_bytes(disk, place->file, offset_of(disk, place->sector), 1);
    sector = kaya_inode_sector(&disk->store, kaya_disk_own(disk, place->file), place->sector);
    return !kaya_sector_is_dirty(sector) && (sector->flags & KAYA_SECTOR_HIDING) == 0 &&
           is_readable(sector->newest);
}

/* Somewhere in the files that have names. */
static bool choose_place(struct kaya_sim_disk *disk, struct kaya_place *place)
{
    const struct kaya_entries *entries;
    uint64_t count;

    kaya_fate_decide_names(disk);
    entries = disk->directory.now;
    if (kaya_entries_count(entries) == 0)
        return false;
    place->file =
        entries->entries[kaya_choose(disk->choices, KAYA_STREAM_FAULTS, entries->count, "decay_file")].file;
    kaya_fate_decide_size(disk, place->file);
    count = sector_count(disk, place->file);
    if (count == 0)
        return false;
    place->sector = choose_sector(disk, disk->files[place->file].inode, count);
    return may_be_damaged(disk, place);
}

/* A block of the caller's, as far as the sector is in the file like `block`, and zeros behind. */
static struct kaya_block *copy_of(struct kaya_sim_disk *disk, const struct kaya_place *place,
                                  const struct kaya_block *block)
{
    struct kaya_block *copy = kaya_pool_block(disk->store.pool);
    size_t visible = visible_bytes(disk, place);

    memset(copy->bytes, 0, disk->store.sector_bytes);
    if (block != NULL)
        memcpy(copy->bytes, block->bytes, visible);
    return copy;
}

static struct kaya_block *newest_of(const struct kaya_sim_disk *disk, const struct kaya_place *place)
{
    const struct kaya_inode *inode = disk->files[place->file].inode;

    return place->sector < inode->sector_count ? inode->sectors[place->sector].newest : NULL;
}

/* Takes over `shown`. */
static void damage(struct kaya_sim_disk *disk, enum kaya_fault fault, const struct kaya_place *place,
                   struct kaya_block *shown)
{
    if (kaya_inode_damage(&disk->store, kaya_disk_own(disk, place->file), place->sector, shown, 0))
        strike(disk, fault, place);
}

/* ---- at rest ---- */

static void flip_bit(struct kaya_sim_disk *disk)
{
    struct kaya_place place;
    struct kaya_block *shown;
    uint64_t bit;

    if (!choose_place(disk, &place))
        return;
    bit = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, visible_bytes(disk, &place) * 8, "flipped_bit");
    shown = copy_of(disk, &place, newest_of(disk, &place));
    shown->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    if (!kaya_inode_damage(&disk->store, disk->files[place.file].inode, place.sector, shown, 0))
        return;
    kaya_fault_strike(disk, KAYA_FAULT_BIT_FLIP);
    tell_of_bit(disk, &place, bit);
}

static void zero_sector(struct kaya_sim_disk *disk)
{
    struct kaya_place place;

    if (choose_place(disk, &place))
        damage(disk, KAYA_FAULT_ZEROED_SECTOR, &place, copy_of(disk, &place, NULL));
}

static bool find_inode(const struct kaya_sim_disk *disk, uint64_t number, uint32_t *file)
{
    for (*file = 0; *file < disk->file_count; ++*file)
        if (disk->files[*file].inode != NULL && disk->files[*file].inode->number == number)
            return true;
    return false;
}

static void make_stale(struct kaya_sim_disk *disk)
{
    const struct kaya_history *history = &disk->store.history;
    struct kaya_place place;
    uint64_t entry;

    if (history->count == 0)
        return;
    entry = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, history->count, "stale_sector_of");
    if (!find_inode(disk, history->entries[entry].inode, &place.file))
        return;
    place.sector = history->entries[entry].sector;
    kaya_fate_decide_size(disk, place.file);
    if (may_be_damaged(disk, &place))
        damage(disk, KAYA_FAULT_STALE_SECTOR, &place, copy_of(disk, &place, history->entries[entry].block));
}

static void make_unreadable(struct kaya_sim_disk *disk)
{
    struct kaya_place place;
    struct kaya_block *shown;

    if (!choose_place(disk, &place))
        return;
    shown = copy_of(disk, &place, NULL);
    (void)kaya_inode_damage(&disk->store, disk->files[place.file].inode, place.sector, shown,
                            KAYA_BLOCK_UNREADABLE);
    tell(disk, KAYA_FAULT_UNREADABLE_SECTOR, &place, 0, visible_bytes(disk, &place));
}

void kaya_sim_disk_decay(struct kaya_sim_disk *disk)
{
    KAYA_ASSERT(!disk->is_running);
    if (kaya_fault_has_chance(disk, KAYA_FAULT_BIT_FLIP))
        flip_bit(disk);
    if (kaya_fault_has_chance(disk, KAYA_FAULT_ZEROED_SECTOR))
        zero_sector(disk);
    if (kaya_fault_has_chance(disk, KAYA_FAULT_STALE_SECTOR))
        make_stale(disk);
    if (kaya_fault_has_chance(disk, KAYA_FAULT_UNREADABLE_SECTOR))
        make_unreadable(disk);
}

/* ---- in writing ---- */

static bool is_cut_inside(const struct kaya_sector *sector)
{
    for (const struct kaya_version *older = sector->older; older != NULL; older = older->older)
        if (older->is_cut)
            return true;
    return false;
}

/* The call will make the sector durable, and what the medium holds until then is known. */
static bool may_be_lost(const struct kaya_sector *sector, bool is_durable_write)
{
    const uint32_t others = KAYA_SECTOR_UNDECIDED | KAYA_SECTOR_FORGOTTEN | KAYA_SECTOR_HIDING |
                            KAYA_SECTOR_BARE | KAYA_SECTOR_CUT;

    if ((sector->flags & others) != 0)
        return false;
    if (is_durable_write)
        return !kaya_sector_is_dirty(sector) && is_readable(sector->newest);
    return kaya_sector_is_dirty(sector) && !is_cut_inside(sector) &&
           is_readable(kaya_sector_durable_block(sector));
}

struct stretch {
    uint64_t first, last; /* sectors */
    bool is_durable_write;
};

static uint64_t count_losable(const struct kaya_inode *inode, const struct stretch *stretch)
{
    uint64_t count = 0;

    for (uint64_t index = stretch->first; index <= stretch->last && index < inode->sector_count; index++)
        count += may_be_lost(&inode->sectors[index], stretch->is_durable_write);
    return count;
}

/* What the medium holds of the sector before the call. */
static const struct kaya_block *held_block(const struct kaya_sim_disk *disk, const struct kaya_sector *sector,
                                           uint64_t index)
{
    if (!kaya_sector_is_dirty(sector))
        return sector->newest;
    if ((sector->flags & KAYA_SECTOR_GROWN) == 0)
        return kaya_sector_durable_block(sector);
    return disk->profile->growth == KAYA_GROWTH_ZEROS ? NULL : kaya_stale_find(&disk->store, index);
}

/* Keep what the medium holds of so many losable sectors, from number `skip` on. */
static void hold(struct kaya_sim_disk *disk, uint32_t file, const struct stretch *stretch, uint64_t skip,
                 uint64_t count, struct kaya_loss *loss)
{
    const struct kaya_inode *inode = disk->files[file].inode;

    for (uint64_t index = stretch->first; loss->count < count; index++) {
        const struct kaya_place place = { file, index };
        const struct kaya_sector *sector = &inode->sectors[index];

        if (!may_be_lost(sector, stretch->is_durable_write))
            continue;
        if (skip > 0) {
            skip--;
            continue;
        }
        loss->sectors[loss->count] = index;
        loss->held[loss->count++] = copy_of(disk, &place, held_block(disk, sector, index));
    }
}

void kaya_media_draw_loss(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length,
                          bool is_durable_write, struct kaya_loss *loss)
{
    const struct stretch stretch = { offset >> disk->store.sector_shift,
                                     (offset + length - 1) >> disk->store.sector_shift, is_durable_write };
    uint64_t losable;
    uint64_t first;
    uint64_t count = 1;

    if (is_durable_write && offset + length > disk->files[file].inode->durable_size_bytes)
        return; /* growth whose size is open: what the medium holds there is open, too */
    loss->family = KAYA_FAULT_LOST_WRITE;
    if (!kaya_fault_has_chance(disk, KAYA_FAULT_LOST_WRITE)) {
        loss->family = KAYA_FAULT_MISDIRECTED_WRITE;
        if (!kaya_fault_has_chance(disk, KAYA_FAULT_MISDIRECTED_WRITE))
            return;
    }
    if (is_durable_write) /* sectors that nobody wrote yet may have no place in the table */
        (void)kaya_inode_sector(&disk->store, kaya_disk_own(disk, file), stretch.last);
    losable = count_losable(disk->files[file].inode, &stretch);
    if (losable == 0)
        return;
    first = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, losable, "lost_sector_first");
    if (loss->family == KAYA_FAULT_LOST_WRITE && losable - first > 1)
        count += kaya_choose(disk->choices, KAYA_STREAM_FAULTS,
                             losable - first < KAYA_LOST_SECTORS_MAX ? losable - first : KAYA_LOST_SECTORS_MAX,
                             "lost_sector_count");
    hold(disk, file, &stretch, first, count, loss);
}

bool kaya_media_choose_anywhere(struct kaya_sim_disk *disk, struct kaya_place *place)
{
    uint64_t count;

    if (kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "misdirected_to_another_file") == 1)
        place->file =
            (uint32_t)kaya_choose(disk->choices, KAYA_STREAM_FAULTS, disk->file_count, "misdirected_file");
    if (disk->files[place->file].inode == NULL)
        return false;
    kaya_fate_decide_size(disk, place->file);
    count = sector_count(disk, place->file);
    if (count == 0)
        return false;
    place->sector = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, count, "misdirected_sector");
    return true;
}

/* Where a write came to that was meant for `meant`. False: nowhere that matters. */
static bool choose_target(struct kaya_sim_disk *disk, const struct kaya_place *meant, struct kaya_place *target)
{
    *target = *meant;
    return kaya_media_choose_anywhere(disk, target) &&
           (target->file != meant->file || target->sector != meant->sector) && may_be_damaged(disk, target);
}

static void hide(struct kaya_sim_disk *disk, enum kaya_fault family, const struct kaya_place *place,
                 struct kaya_block *shown)
{
    (void)kaya_inode_damage_hidden(&disk->store, kaya_disk_own(disk, place->file), place->sector, shown,
                                   (uint32_t)family);
}

void kaya_media_lose(struct kaya_sim_disk *disk, uint32_t file, const struct kaya_loss *loss)
{
    for (uint32_t index = 0; index < loss->count; index++) {
        const struct kaya_place meant = { file, loss->sectors[index] };
        struct kaya_place target;

        if (loss->family == KAYA_FAULT_MISDIRECTED_WRITE && choose_target(disk, &meant, &target))
            hide(disk, loss->family, &target, copy_of(disk, &target, newest_of(disk, &meant)));
        hide(disk, loss->family, &meant, loss->held[index]);
    }
}

/* ---- at a power loss ---- */

static uint64_t count_written(const struct kaya_inode *inode)
{
    uint64_t count = 0;

    for (uint32_t index = 0; index < inode->listed_count; index++)
        count += kaya_sector_is_dirty(&inode->sectors[inode->listed[index]]);
    return count;
}

/* One of all sectors that were not durable. */
static bool choose_written(struct kaya_sim_disk *disk, struct kaya_place *place)
{
    uint64_t count = 0;
    uint64_t wanted;

    for (uint32_t file = 0; file < disk->file_count; file++)
        count += disk->files[file].inode != NULL ? count_written(disk->files[file].inode) : 0;
    if (count == 0)
        return false;
    wanted = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, count, "neighbour_of");
    for (place->file = 0;; place->file++) {
        const struct kaya_inode *inode = disk->files[place->file].inode;

        for (uint32_t index = 0; inode != NULL && index < inode->listed_count; index++) {
            place->sector = inode->listed[index];
            if (kaya_sector_is_dirty(&inode->sectors[place->sector]) && wanted-- == 0)
                return true;
        }
    }
}

static void choose_in_unit(struct kaya_sim_disk *disk, struct kaya_place *place)
{
    uint64_t unit_sectors = disk->profile->geometry.writeback_bytes >> disk->store.sector_shift;

    if (unit_sectors < 2)
        return;
    place->sector -= place->sector % unit_sectors;
    place->sector += kaya_choose(disk->choices, KAYA_STREAM_FAULTS, unit_sectors, "neighbour_sector");
}

struct bytes_range {
    size_t from, to;
};

/* Bytes that differ between versions, from the first to the last. */
static struct bytes_range written_bytes(const struct kaya_sim_disk *disk, const struct kaya_sector *sector)
{
    struct bytes_range range = { disk->store.sector_bytes, 0 };
    const struct kaya_block *newest = sector->newest;

    for (const struct kaya_version *older = sector->older; older != NULL; older = older->older)
        for (size_t at = 0; at < disk->store.sector_bytes; at++) {
            if ((newest ? newest->bytes[at] : 0) == (older->block ? older->block->bytes[at] : 0))
                continue;
            range.from = at < range.from ? at : range.from;
            range.to = at + 1 > range.to ? at + 1 : range.to;
        }
    return range;
}

/* The bytes of the sector that were durable and that nobody wrote: an empty range if there are none. */
static struct bytes_range choose_neighbours(struct kaya_sim_disk *disk, const struct kaya_place *place)
{
    const struct bytes_range none = { 0, 0 };
    const struct kaya_inode *inode = disk->files[place->file].inode;
    const struct kaya_sector *sector;
    struct bytes_range written;

    if (offset_of(disk, place->sector) >= inode->durable_size_bytes)
        return none;
    if (place->sector >= inode->sector_count)
        return (struct bytes_range){ 0, disk->store.sector_bytes };
    sector = &inode->sectors[place->sector];
    if (!kaya_sector_is_dirty(sector))
        return (struct bytes_range){ 0, disk->store.sector_bytes };
    if (sector->older == NULL || (sector->flags & (KAYA_SECTOR_GROWN | KAYA_SECTOR_BARE)) != 0 ||
        is_cut_inside(sector))
        return none;
    written = written_bytes(disk, sector);
    if (written.from == 0 || kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "neighbour_behind") == 1)
        return (struct bytes_range){ written.to, disk->store.sector_bytes };
    return (struct bytes_range){ 0, written.from };
}

void kaya_media_damage_neighbours(struct kaya_sim_disk *disk)
{
    struct kaya_place place;
    struct bytes_range range;
    struct kaya_block *shown;
    bool is_garbage;

    if (!kaya_fault_has_chance(disk, KAYA_FAULT_NEIGHBOUR_DAMAGE) || !choose_written(disk, &place))
        return;
    choose_in_unit(disk, &place);
    range = choose_neighbours(disk, &place);
    is_garbage = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "neighbour_garbage") == 1;
    kaya_fate_decide_size(disk, place.file);
    if (range.to > visible_bytes(disk, &place)) /* the size may have gone back */
        range.to = visible_bytes(disk, &place);
    if (range.from >= range.to || !may_be_damaged(disk, &place))
        return;
    shown = copy_of(disk, &place, newest_of(disk, &place));
    if (is_garbage)
        kaya_fate_fill_garbage(disk, disk->files[place.file].inode, place.sector, shown->bytes, range.from,
                               range.to);
    else
        memset(shown->bytes + range.from, 0, range.to - range.from);
    damage(disk, KAYA_FAULT_NEIGHBOUR_DAMAGE, &place, shown);
}

/* ---- the image ---- */

void kaya_media_peek(const struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint8_t *bytes,
                     size_t length, bool is_true)
{
    const struct kaya_store *store = &disk->store;
    const struct kaya_inode *inode = disk->files[file].inode;

    while (length > 0) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        size_t part = store->sector_bytes - from < length ? store->sector_bytes - from : length;
        const struct kaya_sector *sector = index < inode->sector_count ? &inode->sectors[index] : NULL;
        const struct kaya_block *block = sector ? sector->newest : NULL;

        if (is_true)
            block = kaya_block_truth(block);
        else if (sector != NULL && (sector->flags & KAYA_SECTOR_HIDING) != 0)
            block = sector->older->block;
        if (block != NULL)
            memcpy(bytes, block->bytes + from, part);
        else
            memset(bytes, 0, part);
        offset += part;
        bytes += part;
        length -= part;
    }
}
