/* Calls that answer an error instead of being done, and room that ends.
 *
 *   family            strikes                 which calls                                      answers
 *   io_error          once                    all but syncs and closes                         KAYA_IO
 *   io_error_lasting  from some call on       all, or all that change anything                 KAYA_IO
 *   limit             once                    those that need one more open file               KAYA_LIMIT
 *   no_room           once                    any that changes the disk, though it may have room: a quota, copy on write,
 *                                             delayed allocation                               KAYA_FULL
 *   no_space          while the disk is full  those that need room                             KAYA_FULL
 *   short_transfer    once                    reads and writes                                 a part, or KAYA_INTERRUPTED
 *   out_of_memory     once                    allocations                                      NULL
 *
 * A call that answers an error did nothing, but for writes and syncs: a write may have been done in part, from the front, and
 * what a failed sync leaves is told in inode.h. The lasting ones last until the machine starts again or the disk is healed. What a sync
 * alone can answer by mistake is the family sync_failure.
 *
 * Room. A file holds the blocks that were reserved for it, by `allocate` or by writing. One hole in it holds nothing, a second one
 * counts as if it were filled; `truncate` reserves what it adds, but on disks that cannot reserve. It gives them back when it gets
 * shorter, or when its last name and handle are gone (no matter whether a power loss could bring the name back: such blocks are not
 * given away before). A write that finds some room is done in part. Names take no room. */
#include "error.h"

#include "fault.h"
#include "seen.h"

enum { BLOCK_BYTES = 512 };

enum slot_flag {
    CHANGES = 1, /* the disk, or asks it to make changes durable */
    OPENS = 2,   /* takes a file descriptor */
    SYNCS = 4,
    MOVES = 8, /* bytes */
};

static const uint8_t slots[KAYA_TRACE_KINDS] = {
    [KAYA_TRACE_OPEN] = OPENS,
    [KAYA_TRACE_READ] = MOVES,
    [KAYA_TRACE_WRITE] = CHANGES | MOVES,
    [KAYA_TRACE_WRITE_DURABLE] = CHANGES | MOVES | SYNCS,
    [KAYA_TRACE_SYNC] = CHANGES | SYNCS,
    [KAYA_TRACE_SYNC_DIRECTORY] = CHANGES | SYNCS | OPENS,
    [KAYA_TRACE_TRUNCATE] = CHANGES,
    [KAYA_TRACE_ALLOCATE] = CHANGES,
    [KAYA_TRACE_RENAME] = CHANGES,
    [KAYA_TRACE_UNLINK] = CHANGES,
    [KAYA_TRACE_CREATE_DIRECTORY] = CHANGES,
    [KAYA_TRACE_LIST] = OPENS,
    [KAYA_TRACE_LOCK] = OPENS,
    [KAYA_TRACE_PROBE_LOCK] = OPENS,
};

static bool has(enum kaya_trace_kind kind, enum slot_flag flag)
{
    return (slots[kind] & flag) != 0;
}

/* The call answers something else than it would have: that is the whole effect. */
static enum kaya_status strike(struct kaya_sim_disk *disk, enum kaya_fault family, enum kaya_status status)
{
    kaya_fault_strike(disk, family);
    kaya_disk_trace(disk, KAYA_TRACE_FAULT, status, 0, disk->calls, 0, kaya_fault_name(family));
    return status;
}

bool kaya_errors_are_possible(const struct kaya_sim_disk *disk)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_IO_ERROR, KAYA_FAULT_IO_ERROR_LASTING,
                                                KAYA_FAULT_LIMIT, KAYA_FAULT_NO_ROOM, KAYA_FAULT_SHORT_TRANSFER };

    for (unsigned index = 0; index < sizeof families / sizeof families[0]; index++)
        if (disk->odds[families[index]] != 0 && disk->families[families[index]])
            return true;
    return disk->broken != KAYA_BROKEN_NOT;
}

/* Does the device fail from here on? Some only refuse to be changed, as a file system that went read-only. */
static bool is_broken_for(struct kaya_sim_disk *disk, enum kaya_trace_kind kind)
{
    if (disk->broken != KAYA_BROKEN_NOT)
        kaya_fault_draw(disk, KAYA_FAULT_IO_ERROR_LASTING);
    else if (kaya_fault_has_chance(disk, KAYA_FAULT_IO_ERROR_LASTING))
        disk->broken = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "broken") == 0 ? KAYA_BROKEN_FOR_CHANGES
                                                                                        : KAYA_BROKEN_FOR_ALL;
    return disk->broken == KAYA_BROKEN_FOR_ALL ||
           (disk->broken == KAYA_BROKEN_FOR_CHANGES && has(kind, CHANGES));
}

enum kaya_status kaya_error_of(struct kaya_sim_disk *disk, enum kaya_trace_kind kind)
{
    if (kind == KAYA_TRACE_CLOSE || kind == KAYA_TRACE_UNLOCK)
        return KAYA_OK;
    if (is_broken_for(disk, kind))
        return strike(disk, KAYA_FAULT_IO_ERROR_LASTING, KAYA_IO);
    if (!has(kind, SYNCS) && kaya_fault_has_chance(disk, KAYA_FAULT_IO_ERROR))
        return strike(disk, KAYA_FAULT_IO_ERROR, KAYA_IO);
    if (has(kind, OPENS) && kaya_fault_has_chance(disk, KAYA_FAULT_LIMIT))
        return strike(disk, KAYA_FAULT_LIMIT, KAYA_LIMIT);
    if (has(kind, CHANGES) && kaya_fault_has_chance(disk, KAYA_FAULT_NO_ROOM))
        return strike(disk, KAYA_FAULT_NO_ROOM, KAYA_FULL);
    if (has(kind, MOVES) && kaya_fault_has_chance(disk, KAYA_FAULT_SHORT_TRANSFER) &&
        kaya_chance(disk->choices, KAYA_STREAM_FAULTS, 1, 4, "interrupted"))
        return strike(disk, KAYA_FAULT_SHORT_TRANSFER, KAYA_INTERRUPTED);
    return KAYA_OK;
}

/* One of `count` places; of only a few of them, where not all are wanted. */
static size_t place_of(struct kaya_sim_disk *disk, size_t count, const char *label)
{
    size_t places = disk->transfer_parts_max;
    size_t place;

    if (places == 0 || places >= count)
        return (size_t)kaya_choose(disk->choices, KAYA_STREAM_FAULTS, count, label);
    place = (size_t)kaya_choose(disk->choices, KAYA_STREAM_FAULTS, places, label);
    return place * (count - 1) / (places > 1 ? places - 1 : 1);
}

/* What the part of a transfer must be a multiple of; a part is at least one of it, and less than all. */
static size_t part_of(struct kaya_sim_disk *disk, size_t length, const char *label)
{
    size_t unit = disk->profile->geometry.buffer_alignment;
    size_t units = length / unit;
    size_t part;

    if (units < 2)
        return length;
    part = unit * (1 + place_of(disk, units - 1, label));
    if (disk->seen != NULL)
        kaya_hash_add(disk->seen, part);
    return part;
}

size_t kaya_error_shorten_by_chance(struct kaya_sim_disk *disk, size_t length)
{
    size_t part;

    if (!kaya_fault_has_chance(disk, KAYA_FAULT_SHORT_TRANSFER))
        return length;
    part = part_of(disk, length, "short");
    if (part < length)
        (void)strike(disk, KAYA_FAULT_SHORT_TRANSFER, KAYA_OK);
    return part;
}

size_t kaya_error_part_done(struct kaya_sim_disk *disk, size_t length)
{
    return place_of(disk, length + 1, "part_done");
}

bool kaya_sim_disk_refuses_memory(void *user)
{
    struct kaya_sim_disk *disk = user;

    if (!kaya_fault_has_chance(disk, KAYA_FAULT_OUT_OF_MEMORY))
        return false;
    (void)strike(disk, KAYA_FAULT_OUT_OF_MEMORY, KAYA_NO_MEMORY);
    return true;
}

/* ---- room ---- */

static uint64_t blocks_end(uint64_t bytes)
{
    return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

static uint64_t bytes_of(const struct kaya_inode *inode)
{
    return inode->reserved_bytes + inode->island_end - inode->island_begin;
}

static bool is_held(const struct kaya_sim_disk *disk, uint32_t file)
{
    return disk->files[file].open_count > 0 || kaya_entries_refer(disk->directory.now, file);
}

static uint64_t bytes_free(const struct kaya_sim_disk *disk)
{
    uint64_t held = disk->bytes_of_others;

    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && is_held(disk, file))
            held += bytes_of(disk->files[file].inode);
    return held < disk->capacity_bytes ? disk->capacity_bytes - held : 0;
}

/* The file holds [begin, end) as well, and what lies between that and what it held, but for one hole. */
static struct kaya_inode with_range(const struct kaya_inode *inode, uint64_t begin, uint64_t end)
{
    struct kaya_inode with = *inode;
    bool has_island = inode->island_begin < inode->island_end;

    if (begin > inode->reserved_bytes && !has_island) {
        with.island_begin = begin;
        with.island_end = end;
    } else if (begin > inode->reserved_bytes && begin <= inode->island_end && end >= inode->island_begin) {
        with.island_begin = begin < inode->island_begin ? begin : inode->island_begin;
        with.island_end = end > inode->island_end ? end : inode->island_end;
    } else if (end > inode->reserved_bytes) {
        with.reserved_bytes = end;
    }
    if (with.island_begin <= with.reserved_bytes) {
        if (with.reserved_bytes < with.island_end)
            with.reserved_bytes = with.island_end;
        with.island_begin = with.island_end = 0;
    }
    return with;
}

uint64_t kaya_room_reserve_slowly(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t offset,
                                  uint64_t end)
{
    uint64_t begin = offset / BLOCK_BYTES * BLOCK_BYTES;
    uint64_t reached = blocks_end(end);
    struct kaya_inode with;
    uint64_t free_bytes;

    with = with_range(inode, begin, reached);
    if (bytes_of(&with) == bytes_of(inode))
        return end;
    free_bytes = bytes_free(disk) / BLOCK_BYTES * BLOCK_BYTES;
    while (reached > begin && bytes_of(&with) > bytes_of(inode) + free_bytes) {
        reached -= BLOCK_BYTES;
        with = with_range(inode, begin, reached);
    }
    if (reached > begin) {
        inode->reserved_bytes = with.reserved_bytes;
        inode->island_begin = with.island_begin;
        inode->island_end = with.island_end;
    }
    if (reached >= end)
        return end;
    kaya_fault_draw(disk, KAYA_FAULT_NO_SPACE);
    (void)strike(disk, KAYA_FAULT_NO_SPACE, KAYA_FULL);
    return reached > offset ? reached : offset;
}

void kaya_room_follow(struct kaya_inode *inode, uint64_t shown_bytes)
{
    kaya_room_give_back(inode);
    if (inode->size_bytes <= shown_bytes)
        return;
    inode->reserved_bytes = blocks_end(inode->size_bytes); /* a cut that is undone never gave them away */
    inode->island_begin = inode->island_end = 0;
}

void kaya_room_give_back(struct kaya_inode *inode)
{
    uint64_t end = blocks_end(inode->size_bytes);

    if (inode->reserved_bytes > end)
        inode->reserved_bytes = end;
    if (inode->island_end > end)
        inode->island_end = end > inode->island_begin ? end : inode->island_begin;
}

void kaya_sim_disk_leave_room(struct kaya_sim_disk *disk, uint64_t bytes)
{
    uint64_t room;

    disk->bytes_of_others = 0;
    room = bytes_free(disk);
    if (disk->capacity_bytes != 0 && bytes < room)
        disk->bytes_of_others = room - bytes;
}
