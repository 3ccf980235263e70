/* One small world for the tests of frames: a segment of 512-byte blocks with fixed seeds, and bytes that stand alone, so
 * that a sanitizer sees the first one read beyond them. */
#ifndef TESTS_CORE_FRAMES_H
#define TESTS_CORE_FRAMES_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "frame.h"

enum { BLOCK_BYTES = 512, SOME_BLOCK = 4 * BLOCK_BYTES };

static const struct shape SMALL = { .block_bytes = BLOCK_BYTES, .unit_bytes = 0, .segment_bytes = 16 * BLOCK_BYTES };
static const struct shape LARGE = { .block_bytes = 65536, .unit_bytes = 0, .segment_bytes = 16 * 65536 };
static const struct frame_seeds SEEDS = { .segment = 0x1234abcd, .base = 0x9876fedc };

/* A fixed sequence that looks random. */
static inline uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 32);
}

static inline void fill(uint8_t *bytes, size_t length, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)draw(&state);
}

/* A copy in memory of just that size; the caller frees it. */
static inline uint8_t *alone(const uint8_t *bytes, size_t length)
{
    uint8_t *copy = malloc(length);

    cr_assert(copy != NULL);
    memcpy(copy, bytes, length);
    return copy;
}

static inline void flip(uint8_t *bytes, uint64_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

/* Bytes for which some type, of those that any length from 9 suits, stands at `offset`. */
static inline struct frame a_frame(uint8_t type, uint64_t offset, uint16_t length, const uint8_t *payload)
{
    return (struct frame){
        .type = type,
        .flags = type == FRAME_FULL || type == FRAME_FIRST ? KAYA_RECORD_PUT : 0,
        .length = length,
        .offset_bytes = offset,
        .durable_bytes = offset / 8 * 4,
        .sequence = 77,
        .payload = payload,
    };
}

/* Bytes of a golden vector; the caller frees them. */
static inline uint8_t *from_hex(const char *hex, size_t *length)
{
    size_t count = strlen(hex) / 2;
    uint8_t *bytes = malloc(count);

    cr_assert(bytes != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        char digits[] = { hex[2 * i], hex[2 * i + 1], 0 };

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    *length = count;
    return bytes;
}

/* Make the checks of altered bytes good again, as far as a reader who knows the seeds could. */
static inline void sign(uint8_t *bytes, const struct shape *shape, const struct frame_seeds *seeds, uint64_t offset)
{
    struct frame frame = { .type = bytes[14], .offset_bytes = offset, .length = load16(bytes + 12) };

    frame.extent_bytes = kaya_frame_extent(shape, offset, frame.length);
    store32(bytes + 8, kaya_frame_second_check(bytes, seeds, &frame));
    store32(bytes + 4, kaya_frame_header_check(bytes, seeds->segment, offset));
    store32(bytes, kaya_frame_payload_check(bytes, seeds, &frame));
}

static inline bool same_fields(const struct frame *a, const struct frame *b)
{
    return a->type == b->type && a->flags == b->flags && a->length == b->length &&
           a->offset_bytes == b->offset_bytes && a->durable_bytes == b->durable_bytes &&
           a->sequence == b->sequence;
}

#endif
