/* Goal: what the proofs beside this file leave open or take for granted. Method: every case of spaces that are small enough, under
 * UBSan, compared with what FORMAT.md says, worked out here in the plainest way. Buffers are as long as their bytes, so that under
 * ASan a read or write one too far is seen. */
#include "tests/core/frames.h"

#include <criterion/new/assert.h>

#include "appender.h"

/* cr_assert costs more than what is asked here, some hundred million times. */
#define MUST(condition) ((condition) ? (void)0 : fail(#condition, __LINE__))
#define EACH_BLOCK(block) (uint32_t block = KAYA_BLOCK_BYTES_MIN; block <= KAYA_BLOCK_BYTES_MAX; block *= 2)

static void fail(const char *condition, int line)
{
    cr_fatal("line %d: %s", line, condition);
}

/* --- what provers were told ---------------------------------------------------------------------------------------- */

static void expect_arithmetic(uint64_t x)
{
    MUST((uint8_t)x == x % 0x100 && (uint16_t)x == x % 0x10000 && (uint32_t)x == x % 0x100000000);
    MUST(x >> 3 == x / 8 && x >> 8 == x / 0x100 && x >> 16 == x / 0x10000 && x >> 32 == x / 0x100000000);
    MUST((uint32_t)x << 8 == (uint32_t)(x % 0x1000000 * 0x100));
    MUST((uint32_t)x << 16 == (uint32_t)(x % 0x10000 * 0x10000));
    MUST((x & 0xffffffff) << 32 == x % 0x100000000 * 0x100000000);
    MUST(((uint32_t)x & 0xFFFFFFFC) == (uint32_t)x - (uint32_t)x % 4);
    MUST(((x & 0xff) | (x / 0x100 % 0x100 << 8)) == x % 0x100 + x / 0x100 % 0x100 * 0x100);
    MUST(((x & 0xffff) | (x / 0x10000 % 0x10000 << 16)) == x % 0x100000000);
    MUST(((x & 0xffffffff) | (x / 0x100000000 << 32)) == x);
    for
        EACH_BLOCK(block)
    MUST((x & ~((uint64_t)block - 1)) == x - x % block);
}

Test(exhaustive, the_machine_counts_as_the_provers_were_told)
{
    uint64_t state = 1;

    for (uint64_t x = 0; x < UINT64_C(1) << 18; x++) {
        expect_arithmetic(x);
        expect_arithmetic(x << 23);
        expect_arithmetic(x << 46 | x);
        expect_arithmetic((uint64_t)draw(&state) << 32 | draw(&state));
    }
}

/* --- numbers -------------------------------------------------------------------------------------------------------- */

Test(exhaustive, every_number_of_two_bytes_is_stored_and_loaded)
{
    uint8_t bytes[8];

    for (uint32_t value = 0; value <= UINT16_MAX; value++) {
        uint32_t wide = value * UINT32_C(0x00010001) ^ UINT32_C(0x5a000000);
        uint64_t widest = (uint64_t)wide << 32 | ~wide;

        store16(bytes, (uint16_t)value);
        MUST(bytes[0] == value % 256 && bytes[1] == value / 256);
        MUST(load16(bytes) == value);
        store32(bytes, wide);
        MUST(load32(bytes) == wide && load16(bytes) == (uint16_t)wide && load16(bytes + 2) == wide >> 16);
        store64(bytes, widest);
        MUST(load64(bytes) == widest && load32(bytes) == (uint32_t)widest && load32(bytes + 4) == widest >> 32);
    }
}

/* --- places --------------------------------------------------------------------------------------------------------- */

static void expect_places(const struct shape *shape)
{
    uint64_t header = shape->unit_bytes > shape->block_bytes ? shape->unit_bytes : shape->block_bytes;
    uint64_t half = shape->segment_bytes / 2;
    uint64_t second = (half < 65536 ? half : 65536) / header * header;

    MUST(kaya_shape_second_header(shape) == second);
    MUST(second >= header && second + header <= shape->segment_bytes && second % shape->block_bytes == 0);
    for (uint64_t block = 0; block < shape->segment_bytes; block += shape->block_bytes) {
        uint64_t at = kaya_shape_skip_header(shape, block + 4);
        bool in_header = block < header || (block >= second && block < second + header);
        uint64_t behind = block < header ? header : second + header;

        if (in_header && behind == second) /* one follows the other */
            behind += header;
        MUST(at == (in_header ? behind : block + 4));
        MUST(kaya_shape_skip_header(shape, at) == at);
    }
}

Test(exhaustive, headers_and_frames_stand_apart_in_every_shape)
{
    for
        EACH_BLOCK(block)
        {
            for (uint32_t unit = 0; unit <= KAYA_BLOCK_BYTES_MAX;
                 unit = unit == 0 ? KAYA_BLOCK_BYTES_MIN : unit * 2) {
                uint32_t header = unit > block ? unit : block;

                for (uint64_t headers = 0; headers <= 300; headers++) {
                    struct shape shape = { block, unit, headers * header };

                    MUST(kaya_shape_is_valid(&shape) == (headers >= 8));
                    if (headers >= 8)
                        expect_places(&shape);
                }
            }
        }
}

/* Where a record ends, frame by frame, as FORMAT.md tells it. */
static uint64_t record_end(const struct shape *shape, uint64_t at, uint64_t left)
{
    bool is_first = true;

    for (;; is_first = false) {
        uint64_t room, extent;

        at = kaya_shape_skip_header(shape, at);
        room = shape->block_bytes - at % shape->block_bytes;
        if (28 + left <= room) { /* the whole of it, or the last part */
            extent = (28 + left + 3) / 4 * 4;
            return at + (room - extent < 40 ? room : extent);
        }
        left -= room - 28 - (is_first ? 8 : 0);
        at += room;
    }
}

Test(exhaustive, records_end_where_their_frames_end)
{
    for (uint32_t unit = 0; unit <= 2048; unit = unit == 0 ? 512 : unit * 2) {
        struct shape shape = { 512, unit, 64 * 1024 };

        for (uint64_t at = kaya_shape_first_frame(&shape); at < 4096; at += 4) {
            if (kaya_shape_block_end(&shape, at) - at < KAYA_FRAME_ROOM_MIN)
                continue; /* padding of the frame before */
            for (uint64_t length = 0; length <= 1600; length++)
                MUST(kaya_record_end(&shape, at, length) == record_end(&shape, at, length));
        }
    }
}

Test(exhaustive, records_end_where_their_frames_end_around_the_second_header)
{
    for (uint32_t unit = 0; unit <= 2048; unit = unit == 0 ? 512 : unit * 2) {
        struct shape shape = { 512, unit, 64 * 1024 };
        uint64_t first = kaya_shape_first_frame(&shape);
        uint64_t second = kaya_shape_second_header(&shape);

        for (uint64_t at = second - 1536; at < second + 4096; at = kaya_shape_skip_header(&shape, at + 4)) {
            if (kaya_shape_block_end(&shape, at) - at < KAYA_FRAME_ROOM_MIN)
                continue;
            for (uint64_t length = 0; length <= 3000; length++)
                MUST(kaya_record_end(&shape, at, length) == record_end(&shape, at, length));
        }
        for (uint64_t length = 0; length <= 56 * 1024; length++)
            MUST(kaya_record_end(&shape, first, length) == record_end(&shape, first, length));
    }
}

/* --- frames --------------------------------------------------------------------------------------------------------- */

static bool may_be(unsigned type, unsigned flags, uint32_t length, bool is_first_place)
{
    bool is_record = type == 1 || type == 2;

    if (type == 0 || (is_record ? flags < 1 || flags > 5 : flags != 0) || (type == 8) != is_first_place)
        return false;
    return type == 2                ? length >= 9
           : type == 3 || type == 4 ? length >= 1
           : type == 6 || type == 7 ? length == 0
           : type == 8              ? length == 56
           : type == 9              ? length == 8
                                    : true;
}

/* The short way takes what the long way takes, where it may be gone, and nothing else. */
static void expect_short_way(const uint8_t *bytes, uint64_t offset, enum frame_fault fault,
                             const struct frame *frame)
{
    uint32_t rest = kaya_frame_rest(&SMALL, offset);
    bool leaves_room = fault == FRAME_FAULT_NONE && frame->type == FRAME_FULL &&
                       frame->extent_bytes + (uint32_t)KAYA_FRAME_ROOM_MIN <= rest;
    struct frame inside = { .type = 0 };

    if (offset == kaya_shape_first_frame(&SMALL))
        return;
    MUST(kaya_frame_decode_inside(bytes, rest, &SEEDS, offset, &inside) == leaves_room);
    if (!leaves_room)
        return;
    MUST(inside.type == frame->type && inside.flags == frame->flags && inside.length == frame->length &&
         inside.offset_bytes == frame->offset_bytes && inside.durable_bytes == frame->durable_bytes &&
         inside.sequence == frame->sequence && inside.payload == frame->payload &&
         inside.extent_bytes == frame->extent_bytes);
    MUST(!kaya_frame_decode_inside(bytes, frame->extent_bytes + KAYA_FRAME_ROOM_MIN - 1, &SEEDS, offset, &inside));
}

/* A header with these three fields and true checks, its payload zeros: what do both decoders say? */
static void expect_verdict(uint8_t *bytes, uint64_t offset, unsigned type, unsigned flags, uint32_t length)
{
    bool known = (type >= 1 && type <= 9) || type >= 0x80;
    bool plausible = length <= kaya_frame_room(&SMALL, offset) &&
                     may_be(type, flags, length, offset == kaya_shape_first_frame(&SMALL));
    enum frame_fault expected = !plausible ? FRAME_FAULT_FIELDS
                                : known    ? FRAME_FAULT_NONE
                                           : FRAME_FAULT_UNKNOWN;
    uint32_t rest = kaya_frame_rest(&SMALL, offset);
    struct frame frame = { .type = (uint8_t)type, .offset_bytes = offset };

    store16(bytes + 12, (uint16_t)length);
    bytes[14] = (uint8_t)type;
    bytes[15] = (uint8_t)flags;
    store32(bytes + 16, (uint32_t)(offset / 4));
    store32(bytes + 4, kaya_frame_header_check(bytes, SEEDS.segment, offset));
    if (plausible) {
        frame.extent_bytes = kaya_frame_extent(&SMALL, offset, length);
        store32(bytes, kaya_frame_payload_check(bytes, &SEEDS, &frame));
    }
    MUST(kaya_frame_decode(bytes, rest, &SMALL, &SEEDS, offset, &frame) == expected);
    expect_short_way(bytes, offset, expected, &frame);
    MUST(kaya_frame_header(bytes, rest, &SMALL, SEEDS.segment, offset, &frame) == (plausible && known));
}

Test(exhaustive, every_type_with_all_flags_and_lengths_is_judged_as_the_format_says)
{
    const uint64_t offsets[] = { kaya_shape_first_frame(&SMALL), SOME_BLOCK, SOME_BLOCK + BLOCK_BYTES - 100 };

    for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        uint32_t rest = kaya_frame_rest(&SMALL, offsets[i]);
        uint8_t *bytes = calloc(1, rest);

        MUST(bytes != NULL);
        for (unsigned type = 0; type < 256; type++) {
            for (unsigned flags = 0; flags < 256; flags = flags == 8     ? 15
                                                          : flags == 16  ? 127
                                                          : flags == 128 ? 255
                                                                         : flags + 1)
                for (uint32_t length = 0; length <= UINT16_MAX; length = length == 700 ? UINT16_MAX : length + 1)
                    expect_verdict(bytes, offsets[i], type, flags, length);
            for (unsigned flags = 0; flags < 256; flags++)
                expect_verdict(bytes, offsets[i], type, flags, KAYA_TRIM_BYTES);
        }
        free(bytes);
    }
}

static void expect_identity(uint64_t offset, uint16_t length, const uint8_t *payload)
{
    struct frame frame = a_frame(FRAME_FULL, offset, length, payload), decoded;
    uint32_t extent = kaya_frame_extent(&SMALL, offset, length);
    uint8_t *bytes = malloc(extent), *again = malloc(extent);

    MUST(bytes != NULL && again != NULL);
    MUST(kaya_frame_encode(bytes, &SMALL, &SEEDS, &frame) == extent);
    MUST(kaya_frame_decode(bytes, extent, &SMALL, &SEEDS, offset, &decoded) == FRAME_FAULT_NONE);
    MUST(decoded.type == frame.type && decoded.flags == frame.flags && decoded.length == length &&
         decoded.offset_bytes == offset && decoded.durable_bytes == frame.durable_bytes &&
         decoded.sequence == frame.sequence && memcmp(decoded.payload, payload, length) == 0);
    kaya_frame_encode(again, &SMALL, &SEEDS, &decoded);
    MUST(memcmp(bytes, again, extent) == 0);
    MUST(kaya_frame_decode(bytes, extent - 1, &SMALL, &SEEDS, offset, &decoded) == FRAME_FAULT_ROOM);
    free(bytes);
    free(again);
}

Test(exhaustive, every_length_at_every_place_of_a_block_comes_back)
{
    uint8_t payload[BLOCK_BYTES];

    fill(payload, sizeof payload, 1);
    for (uint64_t offset = SOME_BLOCK; offset <= SOME_BLOCK + BLOCK_BYTES - KAYA_FRAME_ROOM_MIN; offset += 4)
        for (uint32_t length = 0; length <= kaya_frame_room(&SMALL, offset); length++)
            expect_identity(offset, (uint16_t)length, payload);
}

/* Nor does the short way take a frame of which any bit is wrong. */
static bool takes_the_short_way(const uint8_t *bytes, uint32_t extent)
{
    uint8_t with_room[256] = { 0 };
    struct frame frame;

    MUST(extent + KAYA_FRAME_ROOM_MIN <= sizeof with_room);
    memcpy(with_room, bytes, extent);
    return kaya_frame_decode_inside(with_room, extent + KAYA_FRAME_ROOM_MIN, &SEEDS, SOME_BLOCK, &frame);
}

static void expect_mending(uint8_t *bytes, uint32_t extent, uint64_t bit)
{
    uint8_t *truth = alone(bytes, extent), *scratch = malloc(extent);
    uint64_t mended = UINT64_MAX;
    struct frame frame;

    MUST(scratch != NULL);
    MUST(takes_the_short_way(bytes, extent));
    flip(bytes, bit);
    MUST(!takes_the_short_way(bytes, extent));
    MUST(kaya_frame_mend(bytes, extent, &SMALL, &SEEDS, SOME_BLOCK, scratch, &frame, &mended));
    MUST(mended == bit && memcmp(scratch, truth, extent) == 0);
    flip(bytes, bit);
    free(truth);
    free(scratch);
}

Test(exhaustive, every_bit_of_frames_of_every_small_length_is_mended)
{
    uint8_t payload[72];

    fill(payload, sizeof payload, 2);
    for (uint16_t length = 0; length <= sizeof payload; length++) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        uint32_t extent = kaya_frame_extent(&SMALL, SOME_BLOCK, length);
        uint8_t *bytes = malloc(extent);

        MUST(bytes != NULL);
        kaya_frame_encode(bytes, &SMALL, &SEEDS, &frame);
        for (uint64_t bit = 0; bit < (uint64_t)extent * 8; bit++)
            expect_mending(bytes, extent, bit);
        free(bytes);
    }
}
