/* What the medium does to bytes. */
#ifndef KAYA_SIM_MEDIA_H
#define KAYA_SIM_MEDIA_H

#include "state.h"

/* What the medium holds of the sectors that a sync or a durable write will fail to bring there. */
enum { KAYA_LOST_SECTORS_MAX = 4 };
struct kaya_loss {
    enum kaya_fault family;
    uint32_t count; /* 0: nothing is lost */
    uint64_t sectors[KAYA_LOST_SECTORS_MAX];
    struct kaya_block *held[KAYA_LOST_SECTORS_MAX];
};

/* Before and after a sync or durable write of [offset, offset + length) that says OK: what it does not bring to the medium. */
void kaya_media_draw_loss(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length,
                          bool is_durable_write, struct kaya_loss *loss);
void kaya_media_lose(struct kaya_sim_disk *disk, uint32_t file, const struct kaya_loss *loss);

static inline void kaya_media_begin_loss(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                         uint64_t length, bool is_durable_write, struct kaya_loss *loss)
{
    loss->count = 0;
    if (disk->odds[KAYA_FAULT_LOST_WRITE] != 0 || disk->odds[KAYA_FAULT_MISDIRECTED_WRITE] != 0)
        kaya_media_draw_loss(disk, file, offset, length, is_durable_write, loss);
}

static inline void kaya_media_end_loss(struct kaya_sim_disk *disk, uint32_t file, const struct kaya_loss *loss)
{
    if (loss->count > 0)
        kaya_media_lose(disk, file, loss);
}

/* The power failed, and what that leaves is marked. */
void kaya_media_drop_caches(struct kaya_sim_disk *disk);
void kaya_media_damage_neighbours(struct kaya_sim_disk *disk);

/* Somebody looks at the range, or the cache dropped something of it: say what shows that was hidden before. */
void kaya_media_show_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

static inline void kaya_media_show(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    if (length > 0 && disk->files[file].inode->has_damage)
        kaya_media_show_slowly(disk, file, offset, length);
}

/* A call that reads this range fails; counted, if it does. */
bool kaya_media_is_unreadable_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

static inline bool kaya_media_is_unreadable(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                            uint64_t length)
{
    return length > 0 && disk->files[file].inode->has_damage &&
           kaya_media_is_unreadable_slowly(disk, file, offset, length);
}

/* The bytes on the medium; or those that would be there without damage. */
void kaya_media_peek(const struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint8_t *bytes,
                     size_t length, bool is_true);

/* Another sector of the file, or one of another file. False: nowhere. */
bool kaya_media_choose_anywhere(struct kaya_sim_disk *disk, struct kaya_place *place);

#endif
