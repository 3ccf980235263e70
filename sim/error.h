/* Calls that answer errors, and room on the disk. */
#ifndef KAYA_SIM_ERROR_H
#define KAYA_SIM_ERROR_H

#include "state.h"

/* Can any call answer an error by odds? */
bool kaya_errors_are_possible(const struct kaya_sim_disk *disk);

/* What the call answers instead of being done; KAYA_OK: it is done. */
enum kaya_status kaya_error_of(struct kaya_sim_disk *disk, enum kaya_trace_kind kind);

/* Of a transfer of `length` bytes, how many are moved: at least 1, if there is one. */
size_t kaya_error_shorten_by_chance(struct kaya_sim_disk *disk, size_t length);

static inline size_t kaya_error_shorten(struct kaya_sim_disk *disk, size_t length)
{
    return disk->has_errors && length > 1 ? kaya_error_shorten_by_chance(disk, length) : length;
}

/* Of a write that fails, how many bytes were written. */
size_t kaya_error_part_done(struct kaya_sim_disk *disk, size_t length);

/* Reserve room for [offset, end) of the file. Returns `end`, or less: up to where there is room. */
uint64_t kaya_room_reserve_slowly(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t offset,
                                  uint64_t end);

static inline uint64_t kaya_room_reserve(struct kaya_sim_disk *disk, struct kaya_inode *inode,
                                         uint64_t offset, uint64_t end)
{
    if (disk->capacity_bytes == 0 || end <= inode->reserved_bytes)
        return end;
    return kaya_room_reserve_slowly(disk, inode, offset, end);
}

/* The file got shorter. */
void kaya_room_give_back(struct kaya_inode *inode);

/* A power loss made its size what it is; it was `shown_bytes`. */
void kaya_room_follow(struct kaya_inode *inode, uint64_t shown_bytes);

#endif
