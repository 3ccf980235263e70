/* Files without names: a size and sectors, each with the list of its versions since the last durable one. */
#ifndef KAYA_SIM_INODE_H
#define KAYA_SIM_INODE_H

#include "store.h"

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

/* What a read of it gave, as a hash (seen.c). */
struct kaya_read_hash {
    uint64_t offset, length;
    struct kaya_hash hash;
};

enum { KAYA_READ_HASHES_MAX = 4 };

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
    bool has_damage;   /* some block of some version is damaged, or was */
    bool is_directory; /* no file at all: it only has a name (tamper.c) */
    struct kaya_sector *sectors;
    uint32_t sector_count, sector_capacity; /* sectors behind sector_count are zeros */
    uint32_t *listed;                       /* every sector that may differ from its durable version */
    uint32_t listed_count, listed_capacity;
    uint32_t undecided_count;
    bool has_hash;         /* nothing was changed since ... */
    struct kaya_hash hash; /* ... this was computed (fingerprint.c) */
    uint32_t read_count;   /* likewise the hashes of so many reads; the last ones of them are kept */
    struct kaya_read_hash reads[KAYA_READ_HASHES_MAX];
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

/* Keep up to KAYA_STALE_MAX blocks of the sectors from `first` on for growth to show. */
void kaya_stale_add(struct kaya_store *store, const struct kaya_inode *inode, uint64_t first);
struct kaya_stale *kaya_stale_retain(struct kaya_stale *stale);                      /* takes NULL */
void kaya_stale_release(struct kaya_store *store, struct kaya_stale *stale);         /* takes NULL */
struct kaya_block *kaya_stale_find(const struct kaya_store *store, uint64_t sector); /* NULL: none */

#endif
