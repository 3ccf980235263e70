/* Slabs behind the free lists. A slab is a stretch of memory from the C library, kept until the pool goes. */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    BLOCKS_A_SLAB = 64,
    VERSIONS_A_SLAB = 256,
    NAME_BYTES_COMMON = 48, /* names up to this come from the free list, longer ones from the C library */
};

struct kaya_slab {
    struct kaya_slab *next;
    _Alignas(16) uint8_t memory[];
};

struct kaya_pool *kaya_pool_create(uint32_t block_bytes)
{
    struct kaya_pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL)
        return NULL;
    pool->references = 1;
    pool->block_bytes = block_bytes;
    return pool;
}

void kaya_pool_retain(struct kaya_pool *pool)
{
    pool->references++;
}

void kaya_pool_release(struct kaya_pool *pool)
{
    if (pool == NULL || --pool->references > 0)
        return;
    for (size_t place = 0; place < KAYA_NAMES_KEPT; place++)
        kaya_pool_name_release(pool, pool->names[place]);
    while (pool->slabs != NULL) {
        struct kaya_slab *slab = pool->slabs;

        pool->slabs = slab->next;
        free(slab);
    }
    free(pool);
}

void *kaya_pool_memory(struct kaya_pool *pool, size_t size)
{
    struct kaya_slab *slab = malloc(sizeof *slab + size);

    KAYA_ASSERT(slab != NULL);
    slab->next = pool->slabs;
    pool->slabs = slab;
    return slab->memory;
}

void kaya_pool_refill_blocks(struct kaya_pool *pool)
{
    size_t stride = (sizeof(struct kaya_block) + pool->block_bytes + 15) / 16 * 16;
    uint8_t *memory = kaya_pool_memory(pool, stride * BLOCKS_A_SLAB);

    for (size_t index = BLOCKS_A_SLAB; index-- > 0;) {
        struct kaya_block *block = (struct kaya_block *)(void *)(memory + index * stride);

        block->next_free = pool->free_blocks;
        pool->free_blocks = block;
    }
}

void kaya_pool_release_truth(struct kaya_pool *pool, const struct kaya_block *block)
{
    struct kaya_block *truth = block->truth;

    if (truth == NULL || --truth->references > 0)
        return;
    truth->next_free = pool->free_blocks;
    pool->free_blocks = truth;
}

void kaya_pool_refill_versions(struct kaya_pool *pool)
{
    struct kaya_version *versions = kaya_pool_memory(pool, sizeof *versions * VERSIONS_A_SLAB);

    for (size_t index = VERSIONS_A_SLAB; index-- > 0;) {
        versions[index].older = pool->free_versions;
        pool->free_versions = &versions[index];
    }
}

static struct kaya_name *make_name(struct kaya_pool *pool, const char *text, size_t length, uint64_t ending)
{
    struct kaya_name *name = pool->free_names;

    if (length >= NAME_BYTES_COMMON) {
        name = malloc(sizeof *name + length + 1);
        KAYA_ASSERT(name != NULL);
    } else if (name != NULL) {
        pool->free_names = name->next_free;
    } else {
        name = kaya_pool_memory(pool, sizeof *name + NAME_BYTES_COMMON);
    }
    name->references = 1;
    name->length = (uint32_t)length;
    name->hash = (struct kaya_hash){ 0 };
    name->ending = ending;
    memcpy(name->text, text, length + 1);
    return name;
}

struct kaya_name *kaya_pool_name(struct kaya_pool *pool, const char *text)
{
    size_t length = strlen(text);
    uint64_t ending = kaya_text_ending(text, length);
    struct kaya_name **place = &pool->names[ending * 0x9fb21c651e98df25 >> 58];
    struct kaya_name *name = *place;

    _Static_assert(KAYA_NAMES_KEPT == 1 << (64 - 58), "as many places as the shift leaves");
    if (name == NULL || name->ending != ending || name->length != length ||
        memcmp(name->text, text, length) != 0) {
        name = make_name(pool, text, length, ending);
        kaya_pool_name_release(pool, *place);
        *place = name;
    }
    return kaya_name_retain(name);
}

struct kaya_hash kaya_text_hash(const char *text, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(text, length);

    return (struct kaya_hash){ hash.low64, hash.high64 };
}

void kaya_pool_name_release(struct kaya_pool *pool, struct kaya_name *name)
{
    if (name == NULL || --name->references > 0)
        return;
    if (name->length >= NAME_BYTES_COMMON) {
        free(name);
        return;
    }
    name->next_free = pool->free_names;
    pool->free_names = name;
}
