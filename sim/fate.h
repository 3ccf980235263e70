/* What a power loss left open, decided when somebody first looks. */
#ifndef KAYA_SIM_FATE_H
#define KAYA_SIM_FATE_H

#include "state.h"

/* Bytes from..to of a sector as nobody wrote them: a function of where and in which crash. */
void kaya_fate_fill_garbage(const struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint64_t index,
                            uint8_t *bytes, size_t from, size_t to);

/* Decide what is asked for, as far as an earlier power loss left it open: the directory and its names, a file's size, the
 * bytes of [offset, offset + length) of a file whose size is decided. */
void kaya_fate_decide_names_slowly(struct kaya_sim_disk *disk);
void kaya_fate_decide_size_slowly(struct kaya_sim_disk *disk, uint32_t file);
void kaya_fate_decide_bytes_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

/* Drop what is kept for the next outcome of the same crash: the pool goes. */
void kaya_fate_forget(struct kaya_sim_disk *disk);

static inline void kaya_fate_decide_names(struct kaya_sim_disk *disk)
{
    if (disk->directory.is_undecided)
        kaya_fate_decide_names_slowly(disk);
}

static inline void kaya_fate_decide_size(struct kaya_sim_disk *disk, uint32_t file)
{
    if (disk->files[file].inode->is_size_undecided)
        kaya_fate_decide_size_slowly(disk, file);
}

static inline void kaya_fate_decide_bytes(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                          uint64_t length)
{
    if (length > 0 && disk->files[file].inode->undecided_count > 0)
        kaya_fate_decide_bytes_slowly(disk, file, offset, length);
}

#endif
