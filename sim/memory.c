/* Memory of a boot: an arena that a crash empties at once and that keeps its pages for the next boot.
 *
 * Blocks are cut from the front of chunks. A released block goes to the free list of its size class, so that a boot which
 * runs for long does not grow; the classes waste at most a quarter. No block has a header: `release` is told the size.
 *
 * Resetting costs the same whatever the boot had: the cut goes back to the first chunk and the free lists are forgotten.
 * That is what makes it fit for a loop that boots hundreds of thousands of times a second.
 *
 * Finding bugs: with AddressSanitizer all that is not allocated is poisoned, and a guard stands behind each block. In
 * builds without optimisation new blocks are filled with a pattern and released ones with another, so that code which
 * reads either goes wrong in the same way each time; the others leave that out for speed. */
#include "kaya/sim/boot.h"

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/seam/status.h"
#include "rewind.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define FORBID(bytes, length) __asan_poison_memory_region(bytes, length)
#define PERMIT(bytes, length) __asan_unpoison_memory_region(bytes, length)
#define IS_PERMITTED(bytes) (!__asan_address_is_poisoned(bytes))
#define FILL(bytes, value, length) ((void)0)
enum { GUARD_BYTES = 16 };
#else
#define FORBID(bytes, length) ((void)(bytes), (void)(length))
#define PERMIT(bytes, length) ((void)(bytes), (void)(length))
#define IS_PERMITTED(bytes) true
#ifdef __OPTIMIZE__
#define FILL(bytes, value, length) ((void)0)
#else
#define FILL(bytes, value, length) ((void)memset(bytes, value, length))
#endif
enum { GUARD_BYTES = 0 };
#endif

enum {
    ALIGNMENT_BYTES = 16,
    FINE_BYTES_MAX = 1024, /* up to here a class for each multiple of the alignment ... */
    FINE_CLASSES = FINE_BYTES_MAX / ALIGNMENT_BYTES,
    STEPS_LOG2 = 2,     /* ... above it four classes for each doubling ... */
    SIZE_LOG2_MAX = 30, /* ... up to here: more is no memory */
    COARSE_CLASSES = (SIZE_LOG2_MAX - 10) << STEPS_LOG2,
    CLASSES = FINE_CLASSES + COARSE_CLASSES,
    CHUNK_BYTES_MIN = 64 * 1024,
    FRESH_BYTE = 0xa5,
    STALE_BYTE = 0xdd,
    KEPT_CHUNKS_MAX = 16, /* each is twice as large as the one before */
};
static_assert(alignof(max_align_t) <= ALIGNMENT_BYTES, "blocks are aligned for any type");
static_assert(FINE_BYTES_MAX == 1 << 10, "COARSE_CLASSES counts doublings from here");

struct chunk {
    struct chunk *next; /* NULL: the last */
    size_t size_bytes;  /* behind this header */
    size_t used_bytes;
    alignas(ALIGNMENT_BYTES) unsigned char bytes[];
};

struct block {
    struct block *next;
};

struct kaya_sim_memory {
    struct kaya_allocator allocator; /* first: the seam's handle is this object */
    struct chunk *first;
    struct chunk *current; /* NULL: no chunk yet */
    uint64_t in_use_bytes;
    uint64_t peak_bytes;
    bool (*refuses)(void *user); /* NULL: nobody is asked */
    void *user;
    bool has_released; /* some list below is not empty */
    struct block *released[CLASSES];
};

static void *allocate(struct kaya_allocator *allocator, size_t size);
static void release(struct kaya_allocator *allocator, void *bytes, size_t size);

struct kaya_sim_memory *kaya_sim_memory_create(void)
{
    struct kaya_sim_memory *memory = calloc(1, sizeof *memory);

    if (memory)
        memory->allocator = (struct kaya_allocator){ .allocate = allocate, .release = release };
    return memory;
}

void kaya_sim_memory_destroy(struct kaya_sim_memory *memory)
{
    if (!memory)
        return;
    for (struct chunk *chunk = memory->first, *next; chunk; chunk = next) {
        next = chunk->next;
        PERMIT(chunk->bytes, chunk->size_bytes);
        free(chunk);
    }
    free(memory);
}

void kaya_sim_memory_reset(struct kaya_sim_memory *memory)
{
    for (struct chunk *chunk = memory->first; chunk && chunk->used_bytes > 0; chunk = chunk->next) {
        FILL(chunk->bytes, STALE_BYTE, chunk->used_bytes);
        FORBID(chunk->bytes, chunk->used_bytes);
        chunk->used_bytes = 0;
    }
    memory->current = memory->first;
    memory->in_use_bytes = 0;
    memory->peak_bytes = 0;
    if (memory->has_released)
        memset(memory->released, 0, sizeof memory->released);
    memory->has_released = false;
}

void kaya_sim_memory_on_allocate(struct kaya_sim_memory *memory, bool (*refuses)(void *user), void *user)
{
    memory->refuses = refuses;
    memory->user = user;
}

struct kaya_allocator *kaya_sim_memory_allocator(struct kaya_sim_memory *memory)
{
    return &memory->allocator;
}

uint64_t kaya_sim_memory_in_use(const struct kaya_sim_memory *memory)
{
    return memory->in_use_bytes;
}

uint64_t kaya_sim_memory_peak(const struct kaya_sim_memory *memory)
{
    return memory->peak_bytes;
}

/* The class that holds `size` bytes, and how many bytes its blocks have. `size` is in [1, 2^SIZE_LOG2_MAX]. */
static size_t class_of(size_t size, size_t *class_bytes)
{
    unsigned log2, step_log2;
    size_t steps;

    if (size <= FINE_BYTES_MAX) {
        steps = (size + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES;
        *class_bytes = steps * ALIGNMENT_BYTES;
        return steps - 1;
    }
    log2 = 63 - (unsigned)__builtin_clzll(size - 1); /* size is in (2^log2, 2^(log2+1)] */
    step_log2 = log2 - STEPS_LOG2;
    steps = ((size - 1) >> step_log2) + 1; /* in (2^STEPS_LOG2, 2^(STEPS_LOG2+1)] */
    *class_bytes = steps << step_log2;
    return FINE_CLASSES + ((size_t)(log2 - 10) << STEPS_LOG2) + steps - (1u << STEPS_LOG2) - 1;
}

static void forbid_all(struct chunk *chunk)
{
    FORBID(chunk->bytes, chunk->size_bytes);
}

static struct chunk *chunk_create(size_t size_bytes)
{
    struct chunk *chunk = malloc(sizeof *chunk + size_bytes);

    if (!chunk)
        return NULL;
    *chunk = (struct chunk){ .size_bytes = size_bytes };
    forbid_all(chunk);
    return chunk;
}

/* Make `current` a chunk with room for `size` bytes: the next one that has it, else a new one at the end, twice as large
 * as the last. What is passed over is wasted until the next reset. */
static bool find_room(struct kaya_sim_memory *memory, size_t size)
{
    struct chunk **link = memory->current ? &memory->current : &memory->first;
    size_t wanted = CHUNK_BYTES_MIN;
    struct chunk *last = NULL;

    for (; *link; link = &last->next) {
        last = *link;
        if (last->size_bytes - last->used_bytes >= size) {
            memory->current = last;
            return true;
        }
    }
    if (last)
        wanted = last->size_bytes * 2;
    if (wanted < size)
        wanted = size;
    *link = chunk_create(wanted);
    if (!*link)
        return false;
    memory->current = *link;
    return true;
}

static void *cut(struct kaya_sim_memory *memory, size_t size)
{
    struct chunk *chunk = memory->current;
    void *bytes;

    if (!chunk || chunk->size_bytes - chunk->used_bytes < size) {
        if (!find_room(memory, size))
            return NULL;
        chunk = memory->current;
    }
    bytes = chunk->bytes + chunk->used_bytes;
    chunk->used_bytes += size;
    return bytes;
}

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    struct kaya_sim_memory *memory = (struct kaya_sim_memory *)allocator;
    size_t class_index, class_bytes;
    struct block *block;

    KAYA_ASSERT(size > 0);
    if (size > ((size_t)1 << SIZE_LOG2_MAX) - GUARD_BYTES)
        return NULL;
    if (memory->refuses != NULL && memory->refuses(memory->user))
        return NULL;
    class_index = class_of(size + GUARD_BYTES, &class_bytes);
    block = memory->released[class_index];
    if (block) {
        PERMIT(block, sizeof *block);
        memory->released[class_index] = block->next;
    } else {
        block = cut(memory, class_bytes);
    }
    if (!block)
        return NULL;
    FORBID(block, class_bytes);
    PERMIT(block, size);
    FILL(block, FRESH_BYTE, size);
    memory->in_use_bytes += size;
    if (memory->peak_bytes < memory->in_use_bytes)
        memory->peak_bytes = memory->in_use_bytes;
    return block;
}

static void release(struct kaya_allocator *allocator, void *bytes, size_t size)
{
    struct kaya_sim_memory *memory = (struct kaya_sim_memory *)allocator;
    struct block *block = bytes;
    size_t class_index, class_bytes;

    KAYA_ASSERT(bytes != NULL);
    KAYA_ASSERT(size > 0);
    KAYA_ASSERT(size <= memory->in_use_bytes);
    class_index = class_of(size + GUARD_BYTES, &class_bytes);
    KAYA_ASSERT(IS_PERMITTED(block)); /* else it was released before */
    PERMIT(block, sizeof *block);
    FILL(block, STALE_BYTE, class_bytes);
    block->next = memory->released[class_index];
    memory->released[class_index] = block;
    memory->has_released = true;
    FORBID(block, class_bytes);
    memory->in_use_bytes -= size;
}

/* ---- keeping a boot's memory in its middle ---- */

/* Behind it the used bytes of each chunk, in order; those that have none are left out, and stand behind the others. */
struct kept_head {
    struct kaya_sim_memory memory;
    size_t chunk_count;
    size_t used_bytes[KEPT_CHUNKS_MAX];
};

static size_t count_used(const struct kaya_sim_memory *memory, struct kept_head *head)
{
    size_t size_bytes = sizeof *head;

    head->chunk_count = 0;
    for (const struct chunk *chunk = memory->first; chunk != NULL && chunk->used_bytes > 0; chunk = chunk->next) {
        if (head->chunk_count == KEPT_CHUNKS_MAX)
            return SIZE_MAX;
        head->used_bytes[head->chunk_count++] = chunk->used_bytes;
        size_bytes += chunk->used_bytes;
    }
    return size_bytes;
}

static bool make_room(struct kaya_kept_memory *kept, size_t size_bytes)
{
    unsigned char *bytes;

    if (size_bytes <= kept->capacity_bytes)
        return true;
    bytes = realloc(kept->bytes, size_bytes);
    if (bytes == NULL)
        return false;
    kept->bytes = bytes;
    kept->capacity_bytes = size_bytes;
    return true;
}

enum kaya_status kaya_sim_memory_keep(const struct kaya_sim_memory *memory, struct kaya_kept_memory *kept)
{
    struct kept_head head = { .memory = *memory };
    const struct chunk *chunk = memory->first;
    unsigned char *to;

    kept->size_bytes = count_used(memory, &head);
    if (kept->size_bytes == SIZE_MAX || !make_room(kept, kept->size_bytes))
        return KAYA_NO_MEMORY;
    memcpy(kept->bytes, &head, sizeof head);
    to = kept->bytes + sizeof head;
    for (size_t index = 0; index < head.chunk_count; index++, chunk = chunk->next) {
        memcpy(to, chunk->bytes, chunk->used_bytes);
        to += chunk->used_bytes;
    }
    return KAYA_OK;
}

/* Chunks that were added since stay, and are empty. */
void kaya_sim_memory_bring_back(struct kaya_sim_memory *memory, const struct kaya_kept_memory *kept)
{
    const struct kept_head *head = (const struct kept_head *)(const void *)kept->bytes;
    const unsigned char *from = kept->bytes + sizeof *head;
    struct chunk *first = memory->first;
    size_t index = 0;

    *memory = head->memory;
    memory->first = first;
    for (struct chunk *chunk = first; chunk != NULL; chunk = chunk->next, index++) {
        chunk->used_bytes = index < head->chunk_count ? head->used_bytes[index] : 0;
        memcpy(chunk->bytes, from, chunk->used_bytes);
        from += chunk->used_bytes;
    }
    if (memory->current == NULL)
        memory->current = first;
}

void kaya_kept_memory_release(struct kaya_kept_memory *kept)
{
    free(kept->bytes);
    *kept = (struct kaya_kept_memory){ 0 };
}
