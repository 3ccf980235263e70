/* Telling the listener, drawing numbers, growing buffers. */
#include "context.h"

#include <string.h>

#include "bytes.h"

struct context kaya_context_make(const struct kaya_wal_environment *environment,
                                 kaya_event_listener *on_event, void *user)
{
    return (struct context){ .disk = environment->disk,
                             .runtime = environment->runtime,
                             .allocator = environment->allocator,
                             .on_event = on_event,
                             .user = user };
}

void kaya_notify(const struct context *context, const struct kaya_event *event)
{
    struct kaya_event told = *event;

    if (context->on_event == NULL)
        return;
    if (told.text == NULL)
        told.text = "";
    context->on_event(context->user, &told);
}

enum kaya_status kaya_draw32(const struct context *context, uint32_t *value)
{
    uint8_t bytes[4] = { 0 };
    enum kaya_status status = kaya_random(context->runtime, bytes, sizeof bytes);

    *value = load32(bytes);
    return status;
}

enum kaya_status kaya_draw64(const struct context *context, uint64_t *value)
{
    uint8_t bytes[8] = { 0 };
    enum kaya_status status = kaya_random(context->runtime, bytes, sizeof bytes);

    *value = load64(bytes);
    return status;
}

enum kaya_status kaya_buffer_reserve(struct kaya_allocator *allocator, struct buffer *buffer, size_t capacity,
                                     size_t keep)
{
    uint8_t *bytes;

    KAYA_ASSERT(keep <= buffer->capacity);
    if (capacity <= buffer->capacity)
        return KAYA_OK;
    bytes = kaya_allocate(allocator, capacity);
    if (bytes == NULL)
        return KAYA_NO_MEMORY;
    if (keep > 0)
        memcpy(bytes, buffer->bytes, keep);
    kaya_release(allocator, buffer->bytes, buffer->capacity);
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return KAYA_OK;
}

void kaya_buffer_release(struct kaya_allocator *allocator, struct buffer *buffer)
{
    kaya_release(allocator, buffer->bytes, buffer->capacity);
    *buffer = BUFFER_NONE;
}

enum kaya_status kaya_array_grow(struct kaya_allocator *allocator, void **array, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = kaya_allocate(allocator, wanted * size);

    if (grown == NULL)
        return KAYA_NO_MEMORY;
    if (*capacity > 0)
        memcpy(grown, *array, *capacity * size);
    kaya_release(allocator, *array, *capacity * size);
    *array = grown;
    *capacity = wanted;
    return KAYA_OK;
}
