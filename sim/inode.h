/* Files without names: a size and sectors, each with the list of its versions since the last durable one. */
#ifndef KAYA_SIM_INODE_H
#define KAYA_SIM_INODE_H

#include "pool.h"

enum {
    KAYA_STALE_MAX = 16,
    KAYA_SECTOR_BYTES_MAX = 1 << 16,
    KAYA_INODE_SECTORS_MAX = 1 << 22, /* larger files are KAYA_FULL */
};

/* Blocks that files of this disk gave up last: what growth may show. Shared by forks until one of them adds. */
struct kaya_stale {
    uint32_t references;
    uint32_t count;
    uint32_t next;
    struct kaya_stale *next_free;
    struct {
        struct kaya_block *block;
        uint64_t sector;
    } entries[KAYA_STALE_MAX];
};

/* What sectors held before they became what they are now, durable both times: what stale reads and sectors show. One entry a sector. */
enum { KAYA_HISTORY_MAX = 64 };
struct kaya_history {
    bool is_kept;
    uint32_t count;
    uint32_t next;
    struct {
        struct kaya_block *block; /* NULL: zeros */
        uint64_t inode;
        uint64_t sector;
    } entries[KAYA_HISTORY_MAX];
};

/* What all files of one disk share. */
struct kaya_store {
    struct kaya_pool *pool;
    struct kaya_stale *stale; /* NULL: nothing was given up yet */
    struct kaya_history history;
    uint64_t stamp; /* counts the versions that were made: a later one has a higher stamp */
    uint32_t sector_bytes;
    unsigned sector_shift;
    bool equal_is_nothing; /* writing what stands there already is no write (power-safe overwrite) */
};

enum kaya_sector_flags {
    KAYA_SECTOR_LISTED = 1,     /* its index stands in `listed` */
    KAYA_SECTOR_GROWN = 2,      /* what it was before its oldest version is growth, not a durable block */
    KAYA_SECTOR_BARE = 4,       /* never written in this life: reads as zeros, is growth on the medium */
    KAYA_SECTOR_CUT = 8,        /* bare since a truncation that is not durable yet */
    KAYA_SECTOR_UNDECIDED = 16, /* a power loss struck; nobody has read it since */
    KAYA_SECTOR_GARBLED = 32,   /* undecided, and a neighbour's torn write-back may have hit it */
    KAYA_SECTOR_FORGOTTEN =
        64, /* its sync failed and it counts as clean: shown until it is evicted, written by no sync */
    KAYA_SECTOR_HIDING = 128, /* clean, and the medium holds something else: `older`, the one version there */
};

struct kaya_sector {
    struct kaya_block *newest; /* what a read gives; NULL: zeros */
    struct kaya_version *older;
    uint64_t stamp; /* of newest */
    uint32_t flags;
};

struct kaya_size {
    uint64_t bytes;
    uint64_t stamp;
    bool is_cut;
};

#define KAYA_ANY_HANDLE UINT64_MAX

struct kaya_inode {
    uint32_t references; /* disks: the one that has it and its forks */
    struct kaya_inode *next_free;
    uint64_t number;
    uint64_t size_bytes;               /* now */
    uint64_t durable_size_bytes;       /* what a power loss cannot take back */
    uint64_t reserved_bytes;           /* room that it holds from its begin on (error.c) ... */
    uint64_t island_begin, island_end; /* ... and behind a hole; both 0: nothing */
    struct kaya_size *sizes;           /* those since, oldest first; the last is size_bytes */
    uint32_t size_count, size_capacity;
    bool is_size_undecided;
    bool has_cut;       /* some of `sizes` is one */
    bool has_forgotten; /* some sector was forgotten */
    uint64_t owes_error_to; /* the handle whose next sync answers for what the last one lost (lie.c); KAYA_ANY_HANDLE; 0: none */
    bool has_damage; /* some block of some version is damaged, or was */
    struct kaya_sector *sectors;
    uint32_t sector_count, sector_capacity; /* sectors behind sector_count are zeros */
    uint32_t *listed;                       /* every sector that may differ from its durable version */
    uint32_t listed_count, listed_capacity;
    uint32_t undecided_count;
};

struct kaya_inode *kaya_inode_create(struct kaya_store *store, uint64_t number);
struct kaya_inode *kaya_inode_clone(struct kaya_store *store, const struct kaya_inode *inode);
void kaya_inode_release(struct kaya_store *store, struct kaya_inode *inode); /* takes NULL */

/* Sector `index`, made if it is not there; and listed. */
struct kaya_sector *kaya_inode_sector(struct kaya_store *store, struct kaya_inode *inode, uint64_t index);
void kaya_inode_list(struct kaya_store *store, struct kaya_inode *inode, uint64_t index);

/* From the cache. [offset, offset + length) is inside the size and decided. */
void kaya_inode_read(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                     uint8_t *bytes, size_t length);

/* One more version of each sector touched, and one more size if it grows. Sectors touched in part are decided. */
void kaya_inode_write(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                      const uint8_t *bytes, size_t length);

/* Change bytes in every version of the sectors touched: those bytes are durable, all others stay as undecided as they
 * were. Inside the size. */
void kaya_inode_patch(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                      const uint8_t *bytes, size_t length);

/* Media damage (damage.c), in a sector that is decided and clean. `shown`, which the caller gives away, is what the medium holds from now
 * on, and what stood there is its truth. `flags` of the block: KAYA_BLOCK_UNREADABLE, or none. False: it makes no difference. */
bool kaya_inode_damage(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                       struct kaya_block *shown, uint32_t flags);

/* As kaya_inode_damage, but hidden: the cache goes on showing what stood there until it drops the sector. Then the damage is unseen until
 * kaya_inode_next_unseen finds it; `family` is kept for that. */
bool kaya_inode_damage_hidden(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                              struct kaya_block *shown, uint32_t family);

/* The cache drops the clean sectors of the range that hide something. */
void kaya_inode_unhide(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length);

/* The first sector from `index` to `last` whose damage shows and is unseen: it is seen now. False: none. */
bool kaya_inode_next_unseen(struct kaya_store *store, struct kaya_inode *inode, uint64_t *index,
                            uint64_t last, uint32_t *family);

/* True if a sector of the range may not be read. */
bool kaya_inode_is_unreadable(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                              uint64_t length);

/* `made` is the damaged block `old` with other bytes at `from`, or with zeros behind its first `visible` bytes: set its truth. */
void kaya_block_carry_overlay(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                              size_t from, const uint8_t *bytes, size_t length);
void kaya_block_carry_front(struct kaya_store *store, struct kaya_block *made, const struct kaya_block *old,
                            size_t visible);

/* Set the truth of a block that only the caller holds, if it makes a difference; takes over the reference. `flags` stay with it. */
void kaya_block_set_truth(struct kaya_store *store, struct kaya_block *block, struct kaya_block *truth,
                          uint32_t flags);

/* What the block would be without damage: borrowed, perhaps itself. */
struct kaya_block *kaya_block_truth(const struct kaya_block *block);

/* No damage any more, in no version. */
void kaya_inode_heal(struct kaya_store *store, struct kaya_inode *inode);

/* Set the size. The sector that holds the new end is decided. */
void kaya_inode_resize(struct kaya_store *store, struct kaya_inode *inode, uint64_t bytes);

/* Make the newest versions and the size durable. What an earlier power loss left undecided stays so. */
void kaya_inode_sync(struct kaya_store *store, struct kaya_inode *inode);

/* What a failed sync leaves of the sectors of [offset, offset + length). KEPT: dirty as they were. DROPPED: reads show what is
 * durable. FORGOTTEN: they count as clean, so reads show what was written until the cache drops it, and a later sync passes over
 * them; whatever writes to one of them makes it dirty again. */
enum kaya_failure { KAYA_FAILURE_KEPT, KAYA_FAILURE_DROPPED, KAYA_FAILURE_FORGOTTEN, KAYA_FAILURES };
void kaya_inode_fail(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length,
                     enum kaya_failure failure);

/* The cache drops what it forgot in the range: reads show what is durable. */
void kaya_inode_drop_forgotten(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                               uint64_t length);

/* The newest version is gone: one step back in the list, or to growth. */
void kaya_sector_pop(struct kaya_store *store, struct kaya_sector *sector);

/* Make one sector's newest version durable, not the size. */
void kaya_inode_settle_sector(struct kaya_store *store, struct kaya_inode *inode, struct kaya_sector *sector);

/* True if the sector has a version that a power loss could show instead of the newest, by choice. */
static inline bool kaya_sector_is_dirty(const struct kaya_sector *sector)
{
    if ((sector->flags & KAYA_SECTOR_HIDING) != 0)
        return false;
    return sector->older != NULL || (sector->flags & (KAYA_SECTOR_GROWN | KAYA_SECTOR_BARE)) != 0;
}

/* Of a dirty sector: what was durable last; borrowed. NULL: zeros, or growth. */
struct kaya_block *kaya_sector_durable_block(const struct kaya_sector *sector);

/* True if a power loss could change anything that a process crash would not. */
bool kaya_inode_is_dirty(const struct kaya_inode *inode);

/* Keep what the sector held (may be NULL, borrowed) before it was made durable anew, if history is kept at all. */
void kaya_history_add(struct kaya_store *store, const struct kaya_inode *inode, uint64_t sector,
                      struct kaya_block *block);
void kaya_history_copy(const struct kaya_history *history, struct kaya_history *copy);
void kaya_history_clear(struct kaya_store *store);

/* Keep up to KAYA_STALE_MAX blocks of the sectors from `first` on for growth to show. */
void kaya_stale_add(struct kaya_store *store, const struct kaya_inode *inode, uint64_t first);
struct kaya_stale *kaya_stale_retain(struct kaya_stale *stale);                      /* takes NULL */
void kaya_stale_release(struct kaya_store *store, struct kaya_stale *stale);         /* takes NULL */
struct kaya_block *kaya_stale_find(const struct kaya_store *store, uint64_t sector); /* NULL: none */

#endif
