/* Memory that a disk and its forks share: blocks of one sector, versions and names, all counted and never changed once
 * they are shared. Nothing is given back to the C library before the pool goes, so that a run in a loop allocates only the
 * first time.
 *
 * One thread at a time for a disk and all that were forked from it or copied from it. */
#ifndef KAYA_SIM_POOL_H
#define KAYA_SIM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hash.h"
#include "kaya/seam/status.h"

/* The bytes of one sector. NULL stands for zeros wherever a block may be. Where media damage struck, a block shows what the medium
 * gives, and holds on to what would stand there without it. */
struct kaya_block {
    uint32_t references;
    uint32_t flags; /* enum kaya_block_flags */
    union {
        struct kaya_block *next_free;
        struct kaya_block *truth; /* of a damaged block; never damaged itself */
    };
    struct kaya_hash hash;           /* of the bytes; all 0: nobody asked yet (store.c) */
    struct kaya_hash part_hash;      /* of those of them ... */
    uint32_t part_from, part_length; /* ... that were asked for last; 0: none */
    _Alignas(16) uint8_t bytes[];
};

enum kaya_block_flags {
    KAYA_BLOCK_DAMAGED = 1,      /* differs from its truth, or may not be read */
    KAYA_BLOCK_UNREADABLE = 2,   /* reading it is an error; its bytes mean nothing */
    KAYA_BLOCK_UNSEEN = 4,       /* nobody was told of the damage yet */
    KAYA_BLOCK_FAMILY_SHIFT = 8, /* which family struck, where it is unseen */
};

/* An older version of a sector, and those before it. Immutable, so that forks share the whole list. */
struct kaya_version {
    uint32_t references;
    bool is_cut; /* a truncation: here a new life of the sector begins, and its content is growth */
    struct kaya_block *block;
    uint64_t stamp;
    struct kaya_version *older; /* or next free */
};

struct kaya_name {
    uint32_t references;
    uint32_t length;
    struct kaya_name *next_free;
    struct kaya_hash hash; /* XXH3-128 of the text; all 0: nobody asked yet */
    uint64_t ending;       /* the last bytes of the text, as they stand in memory (kaya_text_ending) */
    char text[];           /* with a NUL */
};

enum { KAYA_NAMES_KEPT = 64 };

struct kaya_slab;
struct kaya_inode;
struct kaya_stale;
struct kaya_entries;

struct kaya_pool {
    uint32_t references; /* disks */
    uint32_t block_bytes;
    struct kaya_block *free_blocks;
    struct kaya_version *free_versions;
    struct kaya_name *free_names;
    struct kaya_name *names[KAYA_NAMES_KEPT]; /* the last ones of each kind that were asked for */
    struct kaya_inode *free_inodes;           /* these two: see inode.c */
    struct kaya_stale *free_stale;
    struct kaya_entries *free_entries; /* entries.c */
    struct kaya_slab *slabs;
    uint64_t name_stamp; /* counts the states of directories (directory.h) */
};

struct kaya_pool *kaya_pool_create(uint32_t block_bytes); /* NULL: no memory */
void kaya_pool_retain(struct kaya_pool *pool);
void kaya_pool_release(struct kaya_pool *pool); /* takes NULL */

/* Refill an empty free list; traps when there is no memory, since a simulated disk cannot do half a call. */
void kaya_pool_refill_blocks(struct kaya_pool *pool);
void kaya_pool_refill_versions(struct kaya_pool *pool);

/* Memory of the pool's own, freed with it. */
void *kaya_pool_memory(struct kaya_pool *pool, size_t size);

/* One text is mostly one name, which keeps its hash. The caller's. */
struct kaya_name *kaya_pool_name(struct kaya_pool *pool, const char *text);
void kaya_pool_name_release(struct kaya_pool *pool, struct kaya_name *name); /* takes NULL */
struct kaya_hash kaya_text_hash(const char *text, size_t length);

/* Its last 8 bytes; of a shorter text all of it, and zeros. Names of numbered files differ there. */
static inline uint64_t kaya_text_ending(const char *text, size_t length)
{
    uint64_t ending = 0;

    if (length >= sizeof ending)
        memcpy(&ending, text + length - sizeof ending, sizeof ending);
    else
        memcpy(&ending, text, length);
    return ending;
}

static inline struct kaya_hash kaya_name_hash(struct kaya_name *name)
{
    if (name->hash.low == 0 && name->hash.high == 0)
        name->hash = kaya_text_hash(name->text, name->length);
    return name->hash;
}

static inline struct kaya_name *kaya_name_retain(struct kaya_name *name)
{
    if (name != NULL)
        name->references++;
    return name;
}

/* A block of which the caller fills every byte. */
static inline struct kaya_block *kaya_pool_block(struct kaya_pool *pool)
{
    struct kaya_block *block;

    if (__builtin_expect(pool->free_blocks == NULL, 0))
        kaya_pool_refill_blocks(pool);
    block = pool->free_blocks;
    pool->free_blocks = block->next_free;
    block->references = 1;
    block->flags = 0;
    block->hash = (struct kaya_hash){ 0 };
    block->part_length = 0;
    return block;
}

static inline struct kaya_block *kaya_block_retain(struct kaya_block *block)
{
    if (block != NULL)
        block->references++;
    return block;
}

/* The truth of a damaged block that goes. */
void kaya_pool_release_truth(struct kaya_pool *pool, const struct kaya_block *block);

static inline void kaya_block_release(struct kaya_pool *pool, struct kaya_block *block)
{
    if (block == NULL || --block->references > 0)
        return;
    if (__builtin_expect(block->flags != 0, 0))
        kaya_pool_release_truth(pool, block);
    block->next_free = pool->free_blocks;
    pool->free_blocks = block;
}

/* Takes over the caller's references to `block` and `older`. */
static inline struct kaya_version *kaya_pool_version(struct kaya_pool *pool, struct kaya_block *block,
                                                     uint64_t stamp, bool is_cut, struct kaya_version *older)
{
    struct kaya_version *version;

    if (__builtin_expect(pool->free_versions == NULL, 0))
        kaya_pool_refill_versions(pool);
    version = pool->free_versions;
    pool->free_versions = version->older;
    version->references = 1;
    version->block = block;
    version->stamp = stamp;
    version->is_cut = is_cut;
    version->older = older;
    return version;
}

static inline struct kaya_version *kaya_version_retain(struct kaya_version *version)
{
    if (version != NULL)
        version->references++;
    return version;
}

static inline void kaya_version_release(struct kaya_pool *pool, struct kaya_version *version)
{
    while (version != NULL && --version->references == 0) {
        struct kaya_version *older = version->older;

        kaya_block_release(pool, version->block);
        version->older = pool->free_versions;
        pool->free_versions = version;
        version = older;
    }
}

#endif
