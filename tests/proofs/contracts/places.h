/* core/shape.h and the sizes of core/frame.h: where frames may stand. Offsets are those of a segment, at most 2^30 (KAYA_SEGMENT_BYTES_MAX). */
#ifndef PROOFS_PLACES_H
#define PROOFS_PLACES_H
#include "arithmetic.h"

#include "core/frame.h"

/*@ logic integer header_bytes(struct shape *s) = s->unit_bytes > s->block_bytes ? s->unit_bytes : s->block_bytes;
    predicate is_shape(struct shape *s) =
      \valid_read(s) && is_block(s->block_bytes) && (s->unit_bytes == 0 || is_block(s->unit_bytes)) &&
      8 * header_bytes(s) <= s->segment_bytes <= 0x40000000;
    logic integer block_start(struct shape *s, integer x) = start(x, s->block_bytes);
    logic integer block_end(struct shape *s, integer x) = start(x, s->block_bytes) + s->block_bytes; */

/*@ requires is_shape(shape);
    assigns \nothing;
    ensures \result == header_bytes(shape) && is_block(\result); */
static inline uint32_t kaya_shape_header_bytes(const struct shape *shape);

/* Both copies lie in the first half. */
/*@ requires is_shape(shape);
    assigns \nothing;
    ensures header_bytes(shape) <= \result <= 65536;
    ensures 2 * \result <= shape->segment_bytes;
    ensures start(\result, header_bytes(shape)) == \result; */
static inline uint64_t kaya_shape_second_header(const struct shape *shape);

/* Never back, never far, never onto the first copy. */
/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures offset <= \result <= \max(offset, 2 * 65536);
    ensures header_bytes(shape) <= \result; */
static inline uint64_t kaya_shape_skip_header(const struct shape *shape, uint64_t offset);

/*@ requires is_shape(shape);
    assigns \nothing;
    ensures header_bytes(shape) <= \result <= 2 * 65536; */
static inline uint64_t kaya_shape_first_frame(const struct shape *shape);

/*@ requires is_shape(shape) && end <= 0x40000000;
    assigns \nothing;
    ensures end <= \result <= \max(end, 2 * 65536); */
static inline uint64_t kaya_shape_behind(const struct shape *shape, uint64_t end);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures \result != 0 ==> header_bytes(shape) <= offset <= 2 * 65536; */
static inline bool kaya_shape_is_first_frame(const struct shape *shape, uint64_t offset);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures \result == block_start(shape, offset); */
static inline uint64_t kaya_shape_block_start(const struct shape *shape, uint64_t offset);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures \result == block_end(shape, offset);
    ensures offset < \result <= offset + shape->block_bytes; */
static inline uint64_t kaya_shape_block_end(const struct shape *shape, uint64_t offset);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures \result == block_end(shape, offset) - offset;
    ensures 1 <= \result <= shape->block_bytes; */
static inline uint32_t kaya_frame_rest(const struct shape *shape, uint64_t offset);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \nothing;
    ensures \result == (block_end(shape, offset) - offset < 40 ? 0 : block_end(shape, offset) - offset - 28); */
static inline uint32_t kaya_frame_room(const struct shape *shape, uint64_t offset);

/*@ requires length <= 0x40000000;
    assigns \nothing;
    ensures 28 + length <= \result < 28 + length + 4;
    ensures \result % 4 == 0; */
static inline uint32_t kaya_frame_extent_inside(uint32_t length);

/* A frame holds its header and payload, is whole words long, ends inside its block, and leaves room for another one or none. */
/*@ requires is_shape(shape) && offset <= 0x40000000 && offset % 4 == 0;
    requires offset + 28 + length <= block_end(shape, offset);
    assigns \nothing;
    ensures 28 + length <= \result <= shape->block_bytes;
    ensures \result % 4 == 0;
    ensures offset + \result == block_end(shape, offset) || offset + \result + 40 <= block_end(shape, offset);
    ensures \result < 28 + length + 4 || offset + \result == block_end(shape, offset); */
static inline uint32_t kaya_frame_extent(const struct shape *shape, uint64_t offset, uint32_t length);

#endif
