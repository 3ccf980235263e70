/* What the medium loses by itself.
 *
 * Damage at rest strikes between boots, in kaya_sim_disk_decay: one chance for each family, in a file that has a name, in a sector
 * that is drawn from all of the file or, in half of the cases, from those that hold something. A sector of which the cache holds something
 * newer is left alone: it would be written over. What a power loss left undecided is decided first, as by a reader.
 *
 * Each time damage takes effect there is a trace event KAYA_TRACE_FAULT: the family's name, a = inode, b = offset, c = length in
 * bytes. Of a bit flip c is 1, and `content` is one byte with that bit set. */
#include <string.h>

#include "state.h"

struct place {
    uint32_t file;
    uint64_t sector;
    size_t visible; /* so many bytes of it are in the file */
};

static void trace_fault(struct kaya_sim_disk *disk, enum kaya_fault fault, const struct place *place,
                        size_t offset, size_t length, const uint8_t *content, size_t content_length)
{
    if (disk->trace != NULL)
        kaya_trace_add(disk->trace,
                       &(struct kaya_trace_event){ .kind = KAYA_TRACE_FAULT,
                                                   .a = disk->files[place->file].inode->number,
                                                   .b = (place->sector << disk->store.sector_shift) + offset,
                                                   .c = length,
                                                   .text = kaya_fault_name(fault),
                                                   .content = content,
                                                   .content_length = content_length });
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

/* False: there is nothing that could be damaged. */
static bool choose_place(struct kaya_sim_disk *disk, struct place *place)
{
    const struct kaya_entries *entries = &disk->directory.now;
    uint64_t size_bytes;
    uint64_t left;

    kaya_crash_decide_names(disk);
    if (entries->count == 0)
        return false;
    place->file =
        entries->entries[kaya_choose(disk->choices, KAYA_STREAM_FAULTS, entries->count, "decay_file")].file;
    kaya_crash_decide_size(disk, place->file);
    size_bytes = disk->files[place->file].inode->size_bytes;
    if (size_bytes == 0)
        return false;
    place->sector = choose_sector(disk, disk->files[place->file].inode,
                                  (size_bytes + disk->store.sector_bytes - 1) >> disk->store.sector_shift);
    left = size_bytes - (place->sector << disk->store.sector_shift);
    place->visible = left < disk->store.sector_bytes ? (size_t)left : disk->store.sector_bytes;
    kaya_crash_decide_bytes(disk, place->file, place->sector << disk->store.sector_shift, place->visible);
    return true;
}

/* The sector as it reads now, made so that it can be changed and damaged. NULL: the cache holds something newer. */
static struct kaya_block *copy_of(struct kaya_sim_disk *disk, const struct place *place)
{
    struct kaya_inode *inode = kaya_disk_own(disk, place->file);
    const struct kaya_sector *sector = kaya_inode_sector(&disk->store, inode, place->sector);
    struct kaya_block *block;

    if (kaya_sector_is_dirty(sector))
        return NULL;
    block = kaya_pool_block(disk->store.pool);
    if (sector->newest != NULL)
        memcpy(block->bytes, sector->newest->bytes, disk->store.sector_bytes);
    else
        memset(block->bytes, 0, disk->store.sector_bytes);
    return block;
}

/* ---- at rest ---- */

static void flip_bit(struct kaya_sim_disk *disk, const struct place *place, struct kaya_block *block)
{
    uint64_t bit = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, place->visible * 8, "flipped_bit");
    uint8_t mask = (uint8_t)(1u << bit % 8);

    block->bytes[bit / 8] ^= mask;
    (void)kaya_inode_damage(&disk->store, disk->files[place->file].inode, place->sector, block);
    kaya_fault_strike(disk, KAYA_FAULT_BIT_FLIP);
    trace_fault(disk, KAYA_FAULT_BIT_FLIP, place, (size_t)(bit / 8), 1, &mask, 1);
}

void kaya_sim_disk_decay(struct kaya_sim_disk *disk)
{
    struct place place;
    struct kaya_block *block;

    KAYA_ASSERT(!disk->is_running);
    if (!kaya_fault_has_chance(disk, KAYA_FAULT_BIT_FLIP) || !choose_place(disk, &place))
        return;
    block = copy_of(disk, &place);
    if (block != NULL)
        flip_bit(disk, &place, block);
}

/* ---- healing ---- */

void kaya_sim_disk_heal(struct kaya_sim_disk *disk)
{
    memset(disk->odds, 0, sizeof disk->odds);
    disk->has_errors = false;
    disk->broken = KAYA_BROKEN_NOT;
    disk->capacity_bytes = 0;
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && disk->files[file].inode->has_damage)
            kaya_inode_heal(&disk->store, kaya_disk_own(disk, file));
}
