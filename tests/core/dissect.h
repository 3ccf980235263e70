/* A segment taken apart by FORMAT.md alone: nothing here is shared with core, so that a test compares core with the page
 * and not with itself. Meant for healthy segments, and for making unhealthy ones whose checks hold. */
#ifndef TESTS_CORE_DISSECT_H
#define TESTS_CORE_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DISSECT_FRAMES_MAX = 4096,
    DISSECT_HEADER_BYTES = 96,
    DISSECT_FRAME_BYTES = 28,
    /* types */
    DISSECT_FULL = 1,
    DISSECT_FIRST = 2,
    DISSECT_MIDDLE = 3,
    DISSECT_LAST = 4,
    DISSECT_PAD = 5,
    DISSECT_WATERMARK = 6,
    DISSECT_CLOSE = 7,
    DISSECT_LINK = 8,
    DISSECT_TRIM = 9,
};

struct dissected_frame {
    uint64_t offset;
    uint64_t end;
    uint64_t durable; /* in bytes */
    uint32_t sequence;
    uint16_t length;
    uint8_t type;
    uint8_t flags;
};

struct dissection {
    bool first_copy_good, second_copy_good;
    uint64_t second_copy; /* its offset */
    uint32_t block_bytes, unit_bytes;
    uint64_t segment_bytes;
    uint64_t number;
    uint32_t segment_seed, base_seed;
    bool linked; /* LINK is good: what follows is valid */
    uint64_t base_lsn, predecessor, predecessor_end, carried_end, low_water_lsn, epoch;
    uint32_t nonce;
    struct dissected_frame frames[DISSECT_FRAMES_MAX]; /* the contiguous valid ones, LINK first */
    size_t frame_count;
    uint64_t end; /* behind the last of them */
};

/* Zeroed where no header copy is good. */
void dissect(struct dissection *found, const uint8_t *bytes, size_t size);

/* The header alone: false where no copy is good. */
bool dissect_header(struct dissection *found, const uint8_t *bytes, size_t size);

/* Is the frame at `offset` whole and valid? */
bool dissect_frame(const struct dissection *segment, const uint8_t *bytes, size_t size, uint64_t offset,
                   struct dissected_frame *frame);

/* Make the checks hold again: of the header copy at `offset`, of the frame at `offset` (whose length and type stand there). */
void dissect_seal_header(uint8_t *bytes, uint64_t offset);
void dissect_seal_frame(const struct dissection *segment, uint8_t *bytes, uint64_t offset);
/* Encode a frame there and seal it; its end. */
uint64_t dissect_put_frame(const struct dissection *segment, uint8_t *bytes,
                           const struct dissected_frame *frame, const void *payload);

uint32_t dissect_load32(const uint8_t *bytes);
uint64_t dissect_load64(const uint8_t *bytes);
void dissect_store32(uint8_t *bytes, uint32_t value);
void dissect_store64(uint8_t *bytes, uint64_t value);

#endif
