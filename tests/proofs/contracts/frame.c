/* core/frame.c: kaya_frame_decode, kaya_frame_decode_inside and kaya_frame_header, for inputs of any length, any shape and any place.
 *
 * Proved: no byte outside [bytes, bytes + available) is read (its contract is all that the decoder may rely on), and what is taken for a
 * frame lies inside its bytes and inside its block. */
#include "bytes.h"
#include "checksums.h"
#include "places.h"

#include "core/frame.c"

/*@ predicate is_whole(struct frame *frame, struct shape *shape, integer offset) =
      frame->offset_bytes == offset && frame->durable_bytes <= offset &&
      28 + frame->length <= frame->extent_bytes && offset + frame->extent_bytes <= block_end(shape, offset); */

/*@ assigns \nothing;
    ensures offset < 0x400000000 ==> \result == offset / 4; */
static uint32_t offset_word(uint64_t offset);

/*@ requires \valid_read(bytes + (0 .. 27));
    assigns \result \from bytes[0 .. 27], segment_seed, offset; */
uint32_t kaya_frame_header_check(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset);

/*@ requires \valid_read(bytes + (0 .. 27));
    assigns \result \from bytes[0 .. 27], segment_seed, offset; */
bool kaya_frame_header_check_holds(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset);

/*@ requires \valid_read(seeds) && \valid_read(frame);
    assigns \result \from *seeds, *frame; */
static uint32_t frame_seed(const struct frame_seeds *seeds, const struct frame *frame);

/*@ requires \valid_read(seeds) && \valid_read(frame) && 28 <= frame->extent_bytes;
    requires \valid_read(bytes + (0 .. frame->extent_bytes - 1));
    assigns \result \from *seeds, *frame, bytes[0 .. frame->extent_bytes - 1]; */
uint32_t kaya_frame_payload_check(const uint8_t *bytes, const struct frame_seeds *seeds,
                                  const struct frame *frame);

/*@ assigns \result \from type; */
static bool type_is_known(uint8_t type);

/*@ requires is_shape(shape) && \valid_read(frame) && offset <= 0x40000000 && offset % 4 == 0;
    requires block_end(shape, offset) - offset >= 40;
    assigns \result \from *shape, *frame, offset;
    ensures \result != 0 ==> frame->offset_bytes == offset && frame->durable_bytes <= offset &&
                             offset + 28 + frame->length <= block_end(shape, offset); */
static inline bool fields_are_plausible(const struct shape *shape, const struct frame *frame, uint64_t offset);

/*@ requires \valid_read(bytes + (0 .. 27)) && \valid(frame) && \separated(bytes + (0 .. 27), frame);
    assigns *frame;
    ensures frame->payload == \null && frame->extent_bytes == 0; */
static inline void load_fields(const uint8_t *bytes, struct frame *frame);

/*@ requires is_shape(shape) && offset <= 0x40000000;
    assigns \result \from *shape, offset, available;
    ensures \result != 0 <==> offset % 4 == 0 && offset < shape->segment_bytes &&
                              block_end(shape, offset) - offset >= 40 && available >= 28; */
static bool has_room(size_t available, const struct shape *shape, uint64_t offset);

/*@ requires \valid_read(bytes + (0 .. length - 1));
    assigns \result \from bytes[0 .. length - 1]; */
static bool is_zero(const uint8_t *bytes, size_t length);

/*@ requires is_shape(shape) && \valid_read(frame) && offset <= 0x40000000 && offset % 4 == 0;
    requires block_end(shape, offset) - offset >= 40;
    requires 28 <= available && \valid_read(bytes + (0 .. available - 1));
    assigns \result \from bytes[0 .. 27], available, *shape, segment_seed, offset, *frame;
    ensures never_none: \result != FRAME_FAULT_NONE; */
static enum frame_fault find_fault(const uint8_t *bytes, size_t available, const struct shape *shape,
                                   uint32_t segment_seed, uint64_t offset, const struct frame *frame);

/*@ requires is_shape(shape) && \valid_read(seeds) && \valid(frame) && offset <= 0x40000000;
    requires available == 0 || \valid_read(bytes + (0 .. available - 1));
    requires \separated(frame, bytes + (0 .. available - 1)) && \separated(frame, shape) && \separated(frame, seeds);
    assigns *frame;
    ensures is_whole: \result == FRAME_FAULT_NONE ==> is_whole(frame, shape, offset);
    ensures is_inside: \result == FRAME_FAULT_NONE ==> frame->extent_bytes <= available && frame->payload == bytes + 28; */
enum frame_fault kaya_frame_decode(const uint8_t *bytes, size_t available, const struct shape *shape,
                                   const struct frame_seeds *seeds, uint64_t offset, struct frame *frame);

/*@ requires \valid_read(seeds) && \valid(frame) && offset <= 0x40000000;
    requires rest == 0 || \valid_read(bytes + (0 .. rest - 1));
    requires \separated(frame, bytes + (0 .. rest - 1)) && \separated(frame, seeds);
    assigns *frame;
    ensures is_inside: \result != 0 ==> frame->offset_bytes == offset && frame->durable_bytes <= offset &&
                                        28 + frame->length <= frame->extent_bytes && frame->extent_bytes + 40 <= rest &&
                                        frame->payload == bytes + 28; */
bool kaya_frame_decode_inside(const uint8_t *bytes, size_t rest, const struct frame_seeds *seeds,
                              uint64_t offset, struct frame *frame);

/*@ requires is_shape(shape) && \valid(frame) && offset <= 0x40000000;
    requires available == 0 || \valid_read(bytes + (0 .. available - 1));
    requires \separated(frame, bytes + (0 .. available - 1)) && \separated(frame, shape);
    assigns *frame;
    ensures \result != 0 ==> is_whole(frame, shape, offset) &&
                             (frame->extent_bytes <= available ==> frame->payload == bytes + 28); */
bool kaya_frame_header(const uint8_t *bytes, size_t available, const struct shape *shape,
                       uint32_t segment_seed, uint64_t offset, struct frame *frame);
