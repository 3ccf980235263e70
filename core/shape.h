/* The shape of a segment: where headers stand, where frames may stand, and what fits. Pure arithmetic. */
#ifndef KAYA_SHAPE_H
#define KAYA_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/seam/disk.h"

enum {
    KAYA_BLOCK_BYTES_MIN = 512,
    KAYA_BLOCK_BYTES_MAX = 65536,
    KAYA_SEGMENT_BLOCKS_MIN = 8,
    KAYA_HEADER_DISTANCE = 65536, /* between the header copies, or half a segment if that is less */
};
#define KAYA_SEGMENT_BYTES_MAX (UINT64_C(1) << 30)

struct shape {
    uint32_t block_bytes;   /* no frame crosses a multiple of it */
    uint32_t unit_bytes;    /* padding mode: what a sync ends at; 0: dense mode */
    uint64_t segment_bytes; /* the file's size while it takes records */
};

bool kaya_shape_is_valid(const struct shape *shape);
bool kaya_shape_equals(const struct shape *one, const struct shape *other);

/* The unit that a disk asks for; 0: dense mode will do. */
uint32_t kaya_shape_unit_for(const struct kaya_geometry *geometry);

/* The rest runs for every frame: no call, and no division, since blocks and units are powers of two. */

/* Bytes that each header copy has to itself: a block, or a unit where that is more. */
static inline uint32_t kaya_shape_header_bytes(const struct shape *shape)
{
    return shape->unit_bytes > shape->block_bytes ? shape->unit_bytes : shape->block_bytes;
}

/* Offset of the second header copy (the first stands at 0). Never 0: a header is at most KAYA_HEADER_DISTANCE long and at most an
 * eighth of the segment. */
static inline uint64_t kaya_shape_second_header(const struct shape *shape)
{
    uint64_t half = shape->segment_bytes / 2;
    uint64_t distance = half < KAYA_HEADER_DISTANCE ? half : KAYA_HEADER_DISTANCE;

    return distance & ~((uint64_t)kaya_shape_header_bytes(shape) - 1);
}

/* The first offset at or behind `offset` where a frame may stand: steps over the header copies. */
static inline uint64_t kaya_shape_skip_header(const struct shape *shape, uint64_t offset)
{
    uint64_t header_bytes = kaya_shape_header_bytes(shape);
    uint64_t second = kaya_shape_second_header(shape);

    if (offset < header_bytes)
        offset = header_bytes;
    if (offset >= second && offset < second + header_bytes)
        offset = second + header_bytes;
    return offset;
}

/* The same for the end of a frame. That lies inside no header, so only one that begins there is in the way. */
static inline uint64_t kaya_shape_behind(const struct shape *shape, uint64_t end)
{
    return (end & (kaya_shape_header_bytes(shape) - 1)) != 0 ? end : kaya_shape_skip_header(shape, end);
}

/* Where a sync behind a frame that ends at `end` would end. */
static inline uint64_t kaya_shape_padded(const struct shape *shape, uint64_t end)
{
    return shape->unit_bytes == 0 ? end : (end + shape->unit_bytes - 1) & ~((uint64_t)shape->unit_bytes - 1);
}

/* Where the first frame (LINK) stands. */
static inline uint64_t kaya_shape_first_frame(const struct shape *shape)
{
    return kaya_shape_skip_header(shape, 0);
}

static inline bool kaya_shape_is_first_frame(const struct shape *shape, uint64_t offset)
{
    return (offset & (kaya_shape_header_bytes(shape) - 1)) == 0 && offset == kaya_shape_first_frame(shape);
}

/* Start and end of the block in which `offset` lies. */
static inline uint64_t kaya_shape_block_start(const struct shape *shape, uint64_t offset)
{
    return offset & ~((uint64_t)shape->block_bytes - 1);
}

static inline uint64_t kaya_shape_block_end(const struct shape *shape, uint64_t offset)
{
    return kaya_shape_block_start(shape, offset) + shape->block_bytes;
}

#endif
