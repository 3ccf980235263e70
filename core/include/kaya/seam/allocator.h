/* The allocator seam: where the log gets its memory, so that running out of it can be simulated and a crash
 * can free what a boot had. */
#ifndef KAYA_SEAM_ALLOCATOR_H
#define KAYA_SEAM_ALLOCATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kaya_allocator {
    /* `size` > 0 bytes, aligned for any type and not initialised; NULL when there is no memory. */
    void *(*allocate)(struct kaya_allocator *allocator, size_t size);

    /* Give back what `allocate` gave with the same `size`. `memory` is not NULL. */
    void (*release)(struct kaya_allocator *allocator, void *memory, size_t size);
};

/* Checked wrappers: core calls nothing else. `kaya_release` takes NULL and does nothing then. */
void *kaya_allocate(struct kaya_allocator *allocator, size_t size);
void kaya_release(struct kaya_allocator *allocator, void *memory, size_t size);

#ifdef __cplusplus
}
#endif

#endif
