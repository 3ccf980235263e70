/* What every part of the log is handed: the three seams, and who listens. */
#ifndef KAYA_CONTEXT_H
#define KAYA_CONTEXT_H

#include "kaya/wal.h"

struct context {
    struct kaya_disk *disk;
    struct kaya_runtime *runtime;
    struct kaya_allocator *allocator;
    kaya_event_listener *on_event; /* NULL: silent */
    void *user;
};

struct context kaya_context_make(const struct kaya_wal_environment *environment,
                                 kaya_event_listener *on_event, void *user);

/* Tell the listener. `text` may be NULL. */
void kaya_notify(const struct context *context, const struct kaya_event *event);

/* Draw a number from the runtime's random bytes, the same on every byte order. */
KAYA_MUST_CHECK enum kaya_status kaya_draw32(const struct context *context, uint32_t *value);
KAYA_MUST_CHECK enum kaya_status kaya_draw64(const struct context *context, uint64_t *value);

/* A buffer from the allocator seam that grows and never shrinks. BUFFER_NONE is safe to release. */
struct buffer {
    uint8_t *bytes;
    size_t capacity;
};
#define BUFFER_NONE ((struct buffer){ NULL, 0 })

/* Make room for `capacity` bytes, keeping the first `keep`. KAYA_NO_MEMORY: nothing changed. */
KAYA_MUST_CHECK enum kaya_status kaya_buffer_reserve(struct kaya_allocator *allocator, struct buffer *buffer,
                                                     size_t capacity, size_t keep);
void kaya_buffer_release(struct kaya_allocator *allocator, struct buffer *buffer);

/* Make an array of things of `size` bytes twice as long; NULL and 0 are an empty one. KAYA_NO_MEMORY: nothing changed. */
KAYA_MUST_CHECK enum kaya_status kaya_array_grow(struct kaya_allocator *allocator, void **array,
                                                 size_t *capacity, size_t size);

#endif
