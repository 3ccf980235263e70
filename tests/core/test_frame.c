/* Goal: the decoder takes exactly what the format calls a frame, and what the encoder writes; seeds bind a frame to its
 * place. Method: golden vectors of golden.py, exhaustive lengths and places of a small block, each field at each value near
 * its limits with the checks made good again, and bytes that end where a sanitizer sees the first one read beyond. */
#include "frames.h"

#include <criterion/new/assert.h>

#include "checksum.h"
#include "golden.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct shape GOLDEN_SHAPE = { .block_bytes = GOLDEN_BLOCK_BYTES, .segment_bytes = 1 << 30 };
static const struct frame_seeds GOLDEN_SEEDS = { .segment = GOLDEN_SEGMENT_SEED, .base = GOLDEN_BASE_SEED };

static struct kaya_wal_log_id golden_log_id(void)
{
    struct kaya_wal_log_id id;
    size_t length;
    uint8_t *bytes = from_hex(GOLDEN_LOG_ID, &length);

    cr_assert(eq(sz, length, sizeof id.bytes));
    memcpy(id.bytes, bytes, sizeof id.bytes);
    free(bytes);
    return id;
}

static enum frame_fault decode(const uint8_t *bytes, size_t available, uint64_t offset, struct frame *frame)
{
    return kaya_frame_decode(bytes, available, &SMALL, &SEEDS, offset, frame);
}

/* --- Golden vectors ---------------------------------------------------------------------------------------------- */

Test(frame, seeds_are_those_of_the_golden_vectors)
{
    struct kaya_wal_log_id id = golden_log_id();
    uint32_t seed = kaya_segment_seed(&id, GOLDEN_NUMBER, GOLDEN_SALT);

    cr_expect(eq(u32, seed, GOLDEN_SEGMENT_SEED));
    cr_expect(eq(u32, kaya_base_seed(seed, GOLDEN_NONCE), GOLDEN_BASE_SEED));
    cr_expect(eq(u32, kaya_link_chain(0x11223344, 0x55667788, 0x3f00), GOLDEN_CHAIN));
}

Test(frame, encodes_to_the_golden_bytes)
{
    for (size_t i = 0; i < COUNT(GOLDEN_FRAMES); i++) {
        const struct golden_frame *golden = &GOLDEN_FRAMES[i];
        size_t payload_bytes;
        size_t length;
        uint8_t *payload = from_hex(golden->payload, &payload_bytes);
        uint8_t *wanted = from_hex(golden->bytes, &length);
        uint8_t *out = malloc(length);
        struct frame frame = {
            .type = golden->type,
            .flags = golden->flags,
            .length = (uint16_t)payload_bytes,
            .offset_bytes = golden->offset_bytes,
            .durable_bytes = golden->durable_bytes,
            .sequence = golden->sequence,
            .payload = payload,
        };

        memset(out, 0xee, length);
        cr_expect(eq(sz, kaya_frame_extent(&GOLDEN_SHAPE, golden->offset_bytes, (uint32_t)payload_bytes), length),
                  "%s", golden->name);
        cr_expect(eq(sz, kaya_frame_encode(out, &GOLDEN_SHAPE, &GOLDEN_SEEDS, &frame), length), "%s",
                  golden->name);
        cr_expect(memcmp(out, wanted, length) == 0, "%s", golden->name);
        free(payload);
        free(wanted);
        free(out);
    }
}

Test(frame, decodes_from_the_golden_bytes)
{
    for (size_t i = 0; i < COUNT(GOLDEN_FRAMES); i++) {
        const struct golden_frame *golden = &GOLDEN_FRAMES[i];
        size_t payload_bytes;
        size_t length;
        uint8_t *payload = from_hex(golden->payload, &payload_bytes);
        uint8_t *bytes = from_hex(golden->bytes, &length);
        struct frame frame;
        struct frame header;
        struct frame wanted = {
            .type = golden->type,
            .flags = golden->flags,
            .length = (uint16_t)payload_bytes,
            .offset_bytes = golden->offset_bytes,
            .durable_bytes = golden->durable_bytes,
            .sequence = golden->sequence,
        };

        cr_assert(
            eq(int, kaya_frame_decode(bytes, length, &GOLDEN_SHAPE, &GOLDEN_SEEDS, golden->offset_bytes, &frame),
               FRAME_FAULT_NONE),
            "%s", golden->name);
        cr_expect(same_fields(&frame, &wanted), "%s", golden->name);
        cr_expect(eq(sz, frame.extent_bytes, length), "%s", golden->name);
        cr_expect(memcmp(frame.payload, payload, payload_bytes) == 0, "%s", golden->name);
        cr_expect(kaya_frame_header_check_holds(bytes, GOLDEN_SEGMENT_SEED, golden->offset_bytes));
        cr_expect(kaya_frame_second_check_holds(bytes, &GOLDEN_SEEDS, &frame));
        cr_assert(kaya_frame_header(bytes, length, &GOLDEN_SHAPE, GOLDEN_SEGMENT_SEED, golden->offset_bytes,
                                    &header));
        cr_expect(same_fields(&header, &wanted), "%s", golden->name);
        cr_expect(eq(ptr, (void *)header.payload, (void *)frame.payload));
        free(payload);
        free(bytes);
    }
}

Test(frame, links_are_those_of_the_golden_vectors)
{
    const uint64_t fields[] = GOLDEN_LINK_FIELDS;
    struct link link = { fields[0], fields[1], fields[2],           fields[3],
                         fields[4], fields[5], (uint32_t)fields[6], (uint32_t)fields[7] };
    struct link decoded;
    uint8_t out[KAYA_LINK_BYTES];
    size_t length;
    uint8_t *wanted = from_hex(GOLDEN_LINK, &length);

    kaya_link_encode(out, &link);
    cr_expect(eq(sz, length, sizeof out));
    cr_expect(memcmp(out, wanted, sizeof out) == 0);
    kaya_link_decode(wanted, &decoded);
    cr_expect(memcmp(&decoded, &link, sizeof link) == 0);
    free(wanted);
}

/* --- What the encoder writes ------------------------------------------------------------------------------------- */

Test(frame, of_every_length_at_every_place_comes_back)
{
    uint8_t payload[BLOCK_BYTES];

    fill(payload, sizeof payload, 1);
    for (uint64_t offset = SOME_BLOCK; offset + KAYA_FRAME_ROOM_MIN <= SOME_BLOCK + BLOCK_BYTES; offset += 4) {
        uint64_t rest = SOME_BLOCK + BLOCK_BYTES - offset;

        cr_assert(eq(u64, kaya_frame_room(&SMALL, offset), rest - KAYA_FRAME_HEADER_BYTES));
        for (uint32_t length = 0; length + KAYA_FRAME_HEADER_BYTES <= rest; length++) {
            struct frame written = a_frame(FRAME_FULL, offset, (uint16_t)length, payload);
            uint32_t extent = kaya_frame_extent(&SMALL, offset, length);
            uint8_t *bytes = malloc(extent);
            struct frame frame;

            cr_assert(extent >= KAYA_FRAME_HEADER_BYTES + length);
            cr_assert(extent == rest || (extent < KAYA_FRAME_HEADER_BYTES + length + 4 && extent % 4 == 0 &&
                                         rest - extent >= KAYA_FRAME_ROOM_MIN));
            cr_assert(kaya_frame_encode(bytes, &SMALL, &SEEDS, &written) == extent);
            cr_assert(decode(bytes, extent, offset, &frame) == FRAME_FAULT_NONE);
            cr_assert(same_fields(&frame, &written));
            cr_assert(frame.extent_bytes == extent);
            cr_assert(memcmp(frame.payload, payload, length) == 0);
            for (uint32_t i = KAYA_FRAME_HEADER_BYTES + length; i < extent; i++)
                cr_assert(bytes[i] == 0);
            free(bytes);
        }
    }
}

Test(frame, of_every_type_comes_back)
{
    static const uint16_t lengths[] = {
        [FRAME_FULL] = 300, [FRAME_FIRST] = 9, [FRAME_MIDDLE] = 1, [FRAME_LAST] = 480, [FRAME_PAD] = 0,
        [FRAME_TRIM] = 8,   [FRAME_LINK] = 56, [0x80] = 17,        [0xff] = 0
    };
    uint8_t payload[BLOCK_BYTES];

    fill(payload, sizeof payload, 2);
    for (unsigned type = 1; type < COUNT(lengths); type++) {
        uint64_t offset = type == FRAME_LINK ? BLOCK_BYTES : SOME_BLOCK;
        struct frame written = a_frame((uint8_t)type, offset, lengths[type], payload);
        uint8_t bytes[BLOCK_BYTES];
        struct frame frame;

        if (type >= FRAME_TYPES_END && type < FRAME_SKIPPABLE)
            continue;
        kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
        cr_expect(eq(int, decode(bytes, BLOCK_BYTES, offset, &frame), FRAME_FAULT_NONE), "type %u", type);
        cr_expect(same_fields(&frame, &written), "type %u", type);
    }
}

Test(frame, is_the_same_wherever_its_payload_stood)
{
    uint8_t payload[BLOCK_BYTES];
    uint8_t apart[BLOCK_BYTES];
    uint8_t in_place[BLOCK_BYTES];

    fill(payload, sizeof payload, 3);
    for (uint16_t length = 0; length <= kaya_frame_room(&SMALL, SOME_BLOCK); length++) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        uint32_t extent = kaya_frame_encode(apart, &SMALL, &SEEDS, &frame);

        memset(in_place, 0xee, sizeof in_place);
        memcpy(in_place + KAYA_FRAME_HEADER_BYTES, payload, length);
        frame.payload = in_place + KAYA_FRAME_HEADER_BYTES;
        cr_assert(kaya_frame_encode(in_place, &SMALL, &SEEDS, &frame) == extent);
        cr_assert(memcmp(apart, in_place, extent) == 0);
    }
}

Test(frame, inside_its_block_is_the_same_the_short_way)
{
    uint8_t payload[BLOCK_BYTES];
    uint8_t wanted[BLOCK_BYTES];
    uint8_t out[BLOCK_BYTES];
    uint32_t extent;

    fill(payload, sizeof payload, 5);
    for (uint32_t length = 0; length + KAYA_FRAME_ROOM_MIN <= kaya_frame_room(&SMALL, SOME_BLOCK); length++) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, (uint16_t)length, payload);

        memset(out, 0xee, sizeof out);
        extent = kaya_frame_encode(wanted, &SMALL, &SEEDS, &frame);
        cr_assert(eq(u32, kaya_frame_encode_inside(out, &SEEDS, &frame), extent));
        cr_assert(memcmp(out, wanted, extent) == 0);
    }
}

Test(frame, of_the_largest_block_comes_back)
{
    static uint8_t payload[65536];
    static uint8_t bytes[65536];
    uint64_t offset = UINT64_C(5) * 65536;
    struct frame frame;

    fill(payload, sizeof payload, 4);
    for (uint32_t length = 65508; length > 65400; length--) {
        struct frame written = a_frame(FRAME_FULL, offset, (uint16_t)length, payload);

        kaya_frame_encode(bytes, &LARGE, &SEEDS, &written);
        cr_assert(kaya_frame_decode(bytes, sizeof bytes, &LARGE, &SEEDS, offset, &frame) == FRAME_FAULT_NONE);
        cr_assert(same_fields(&frame, &written));
        cr_assert(memcmp(frame.payload, payload, length) == 0);
    }
}

/* --- Where no frame can stand ------------------------------------------------------------------------------------ */

Test(frame, stands_only_where_there_is_room)
{
    uint8_t bytes[BLOCK_BYTES + 4];
    struct frame written = a_frame(FRAME_WATERMARK, SOME_BLOCK + BLOCK_BYTES - KAYA_FRAME_ROOM_MIN, 0, NULL);
    struct frame frame;

    kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    cr_expect(eq(int, decode(bytes, KAYA_FRAME_ROOM_MIN, written.offset_bytes, &frame), FRAME_FAULT_NONE));
    for (uint64_t offset = SOME_BLOCK; offset < SOME_BLOCK + BLOCK_BYTES; offset++) {
        bool stands = offset % 4 == 0 && offset + KAYA_FRAME_ROOM_MIN <= SOME_BLOCK + BLOCK_BYTES;

        fill(bytes, sizeof bytes, offset);
        cr_assert(eq(int, decode(bytes, sizeof bytes, offset, &frame) != FRAME_FAULT_ROOM, stands));
        if (!stands)
            cr_assert(not(kaya_frame_header(bytes, sizeof bytes, &SMALL, SEEDS.segment, offset, &frame)));
    }
    cr_expect(eq(int, decode(bytes, sizeof bytes, SMALL.segment_bytes, &frame), FRAME_FAULT_ROOM));
    cr_expect(eq(int, decode(bytes, sizeof bytes, UINT64_MAX - 3, &frame), FRAME_FAULT_ROOM));
}

/* The first 512 offsets of the 2^32 above one may not pass for it. */
Test(frame, place_is_compared_whole)
{
    uint8_t bytes[BLOCK_BYTES];
    struct frame written = a_frame(FRAME_WATERMARK, SOME_BLOCK, 0, NULL);
    struct shape endless = SMALL;
    struct frame frame;

    endless.segment_bytes = UINT64_MAX & ~UINT64_C(511);
    kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    cr_expect(eq(
        int, kaya_frame_decode(bytes, BLOCK_BYTES, &endless, &SEEDS, SOME_BLOCK + (UINT64_C(1) << 34), &frame),
        FRAME_FAULT_FIELDS));
}

Test(frame, cut_anywhere_is_no_frame_and_nothing_beyond_the_cut_is_read)
{
    uint8_t payload[BLOCK_BYTES];
    uint8_t whole[BLOCK_BYTES];
    struct frame frame;

    fill(payload, sizeof payload, 5);
    for (uint16_t length = 0; length <= kaya_frame_room(&SMALL, SOME_BLOCK); length += 11) {
        struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        uint32_t extent = kaya_frame_encode(whole, &SMALL, &SEEDS, &written);

        for (uint32_t available = 0; available < extent; available++) {
            uint8_t *bytes = alone(whole, available);
            bool headed = kaya_frame_header(bytes, available, &SMALL, SEEDS.segment, SOME_BLOCK, &frame);

            cr_assert(headed == (available >= KAYA_FRAME_HEADER_BYTES));
            if (headed)
                cr_assert(same_fields(&frame, &written) && frame.payload == NULL && frame.extent_bytes == extent);
            cr_assert(decode(bytes, available, SOME_BLOCK, &frame) == FRAME_FAULT_ROOM);
            free(bytes);
        }
    }
}

Test(frame, bytes_behind_its_block_play_no_part)
{
    uint8_t payload[BLOCK_BYTES];
    uint8_t bytes[2 * BLOCK_BYTES];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK + 100, 384, payload);
    struct frame frame;

    fill(payload, sizeof payload, 6);
    fill(bytes, sizeof bytes, 7);
    cr_assert(eq(u32, kaya_frame_encode(bytes, &SMALL, &SEEDS, &written), 412));
    cr_expect(eq(int, decode(bytes, sizeof bytes, SOME_BLOCK + 100, &frame), FRAME_FAULT_NONE));
    cr_expect(eq(u32, frame.extent_bytes, 412));

    store16(bytes + 12, 385); /* one byte across the block's end */
    sign(bytes, &SMALL, &SEEDS, SOME_BLOCK + 100);
    cr_expect(eq(int, decode(bytes, sizeof bytes, SOME_BLOCK + 100, &frame), FRAME_FAULT_FIELDS));
}

/* --- Fields ------------------------------------------------------------------------------------------------------ */

/* The sentence of FORMAT.md on plausible fields, as a person reads it. */
static bool length_suits(unsigned type, unsigned length)
{
    if (type == FRAME_WATERMARK || type == FRAME_CLOSE)
        return length == 0;
    if (type == FRAME_LINK)
        return length == 56;
    if (type == FRAME_TRIM)
        return length == 8;
    if (type == FRAME_FIRST)
        return length >= 9;
    if (type == FRAME_MIDDLE || type == FRAME_LAST)
        return length >= 1;
    return true;
}

static enum frame_fault wanted_fault(unsigned type, unsigned flags, unsigned length, bool at_the_first_place)
{
    bool flags_suit = type == FRAME_FULL || type == FRAME_FIRST ? flags >= 1 && flags <= 5 : flags == 0;

    if (type == 0 || !flags_suit || !length_suits(type, length) || (type == FRAME_LINK) != at_the_first_place)
        return FRAME_FAULT_FIELDS;
    return type > FRAME_TRIM && type < 0x80 ? FRAME_FAULT_UNKNOWN : FRAME_FAULT_NONE;
}

Test(frame, types_flags_and_lengths_are_judged_as_the_format_says)
{
    static const uint16_t lengths[] = { 0, 1, 7, 8, 9, 55, 56, 57, 484 };
    uint8_t bytes[BLOCK_BYTES];
    struct frame frame;
    unsigned wrong = 0;

    for (unsigned i = 0; i < COUNT(lengths) * 2; i++) {
        uint64_t offset = i % 2 == 0 ? SOME_BLOCK : kaya_shape_first_frame(&SMALL);
        uint16_t length = lengths[i / 2];
        struct frame written = a_frame(FRAME_PAD, SOME_BLOCK, length, bytes + KAYA_FRAME_HEADER_BYTES);

        fill(bytes, sizeof bytes, i);
        kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
        store32(bytes + 16, (uint32_t)(offset / 4));
        store32(bytes + 20, 0);
        for (unsigned type = 0; type < 256; type++) {
            for (unsigned flags = 0; flags < 256; flags++) {
                enum frame_fault wanted = wanted_fault(type, flags, length, offset != SOME_BLOCK);

                bytes[14] = (uint8_t)type;
                bytes[15] = (uint8_t)flags;
                sign(bytes, &SMALL, &SEEDS, offset);
                wrong += decode(bytes, BLOCK_BYTES, offset, &frame) != wanted;
                wrong += kaya_frame_header(bytes, BLOCK_BYTES, &SMALL, SEEDS.segment, offset, &frame) !=
                         (wanted == FRAME_FAULT_NONE);
            }
        }
    }
    cr_expect(eq(uint, wrong, 0));
}

Test(frame, of_an_unknown_type_says_what_it_is)
{
    uint8_t bytes[BLOCK_BYTES];
    uint8_t payload[] = { 1, 2, 3 };
    struct frame written = a_frame(FRAME_PAD, SOME_BLOCK, sizeof payload, payload);
    struct frame frame;

    kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    bytes[14] = 0x7f;
    sign(bytes, &SMALL, &SEEDS, SOME_BLOCK);
    cr_expect(eq(int, decode(bytes, BLOCK_BYTES, SOME_BLOCK, &frame), FRAME_FAULT_UNKNOWN));
    cr_expect(eq(u8, frame.type, 0x7f));
    cr_expect(eq(u32, frame.extent_bytes, 32));
    bytes[28] ^= 1; /* damaged, it is no sign of a newer version */
    cr_expect(eq(int, decode(bytes, BLOCK_BYTES, SOME_BLOCK, &frame), FRAME_FAULT_FIELDS));
}

Test(frame, place_watermark_and_length_are_judged_as_the_format_says)
{
    uint64_t offset = SOME_BLOCK + 44;
    uint32_t place = (uint32_t)offset / 4;
    uint8_t original[BLOCK_BYTES];
    uint8_t bytes[BLOCK_BYTES];
    struct frame written = a_frame(FRAME_FULL, offset, 30, original + KAYA_FRAME_HEADER_BYTES);
    struct frame frame;
    const struct {
        unsigned at;
        uint32_t value;
        enum frame_fault wanted;
    } cases[] = {
        { 16, place, FRAME_FAULT_NONE },        { 16, place + 1, FRAME_FAULT_FIELDS },
        { 16, place - 1, FRAME_FAULT_FIELDS },  { 16, place + 0x80000000, FRAME_FAULT_FIELDS },
        { 16, 0, FRAME_FAULT_FIELDS },          { 20, 0, FRAME_FAULT_NONE },
        { 20, place, FRAME_FAULT_NONE },        { 20, place + 1, FRAME_FAULT_FIELDS },
        { 20, UINT32_MAX, FRAME_FAULT_FIELDS }, { 24, 0, FRAME_FAULT_NONE },
        { 24, UINT32_MAX, FRAME_FAULT_NONE },
    };

    fill(original, sizeof original, 8);
    kaya_frame_encode(original, &SMALL, &SEEDS, &written);
    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(bytes, original, sizeof bytes);
        store32(bytes + cases[i].at, cases[i].value);
        sign(bytes, &SMALL, &SEEDS, offset);
        cr_expect(eq(int, decode(bytes, BLOCK_BYTES - 44, offset, &frame), cases[i].wanted), "case %zu", i);
    }
    for (uint32_t length = 0; length <= UINT16_MAX; length++) {
        bool fits = length <= BLOCK_BYTES - 44 - KAYA_FRAME_HEADER_BYTES;

        memcpy(bytes, original, sizeof bytes);
        store16(bytes + 12, (uint16_t)length);
        store32(bytes + 4, kaya_frame_header_check(bytes, SEEDS.segment, offset));
        if (fits)
            sign(bytes, &SMALL, &SEEDS, offset);
        cr_assert(decode(bytes, BLOCK_BYTES - 44, offset, &frame) ==
                  (fits ? FRAME_FAULT_NONE : FRAME_FAULT_FIELDS));
    }
}

/* --- Which check fails ------------------------------------------------------------------------------------------- */

Test(frame, with_one_byte_changed_is_none_and_the_first_failing_check_is_named)
{
    uint8_t payload[100];
    uint8_t bytes[BLOCK_BYTES];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct frame frame;
    uint32_t extent;

    fill(payload, sizeof payload, 9);
    extent = kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    for (uint32_t at = 0; at < extent; at++) {
        bool in_header = at >= 4 && at < KAYA_FRAME_HEADER_BYTES;

        for (unsigned change = 1; change < 256; change++) {
            bytes[at] ^= (uint8_t)change;
            cr_assert(decode(bytes, extent, SOME_BLOCK, &frame) ==
                      (in_header ? FRAME_FAULT_HEADER : FRAME_FAULT_PAYLOAD));
            cr_assert(kaya_frame_header(bytes, extent, &SMALL, SEEDS.segment, SOME_BLOCK, &frame) == !in_header);
            bytes[at] ^= (uint8_t)change;
        }
    }
}

Test(frame, stands_where_only_its_second_thoughts_are_wrong)
{
    uint8_t bytes[BLOCK_BYTES];
    uint8_t payload[50];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct frame frame;

    fill(payload, sizeof payload, 10);
    written.extent_bytes = kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    bytes[4] ^= 1;
    store32(bytes, kaya_frame_payload_check(bytes, &SEEDS, &written));
    cr_expect(eq(int, decode(bytes, BLOCK_BYTES, SOME_BLOCK, &frame), FRAME_FAULT_NONE));
    cr_expect(not(kaya_frame_header_check_holds(bytes, SEEDS.segment, SOME_BLOCK)));
    cr_expect(kaya_frame_second_check_holds(bytes, &SEEDS, &frame));
    cr_expect(not(kaya_frame_header(bytes, BLOCK_BYTES, &SMALL, SEEDS.segment, SOME_BLOCK, &frame)));

    bytes[8] ^= 1;
    store32(bytes + 4, kaya_frame_header_check(bytes, SEEDS.segment, SOME_BLOCK));
    store32(bytes, kaya_frame_payload_check(bytes, &SEEDS, &written));
    cr_expect(eq(int, decode(bytes, BLOCK_BYTES, SOME_BLOCK, &frame), FRAME_FAULT_NONE));
    cr_expect(kaya_frame_header_check_holds(bytes, SEEDS.segment, SOME_BLOCK));
    cr_expect(not(kaya_frame_second_check_holds(bytes, &SEEDS, &frame)));
}

Test(frame, zeros_are_never_one)
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint64_t state = 11;
    struct frame frame;

    for (unsigned round = 0; round < 20000; round++) {
        struct frame_seeds seeds = { .segment = draw(&state), .base = draw(&state) };
        uint64_t offset = SOME_BLOCK + draw(&state) % ((BLOCK_BYTES - KAYA_FRAME_ROOM_MIN) / 4 + 1) * 4;

        cr_assert(kaya_frame_decode(zeros, sizeof zeros, &SMALL, &seeds, offset, &frame) == FRAME_FAULT_ZERO);
        cr_assert(not(kaya_frame_header(zeros, sizeof zeros, &SMALL, seeds.segment, offset, &frame)));
    }
}

Test(frame, hostile_bytes_are_judged_and_never_taken)
{
    uint64_t state = 12;
    struct frame frame;

    for (unsigned round = 0; round < 200000; round++) {
        size_t available = draw(&state) % (BLOCK_BYTES + 1);
        uint64_t offset = SOME_BLOCK + BLOCK_BYTES - available / 4 * 4;
        uint8_t *bytes = malloc(available);

        fill(bytes, available, draw(&state));
        if (available >= KAYA_FRAME_HEADER_BYTES && round % 2 == 0) { /* past the header check, and often the fields */
            bytes[14] = (uint8_t)(round / 2 % 10);
            bytes[15] &= 1;
            bytes[13] &= 1;
            store32(bytes + 16, (uint32_t)(offset / 4));
            bytes[23] = bytes[22] = bytes[21] = 0;
            store32(bytes + 4, kaya_frame_header_check(bytes, SEEDS.segment, offset));
        }
        cr_assert(decode(bytes, available, offset, &frame) != FRAME_FAULT_NONE);
        kaya_frame_header(bytes, available, &SMALL, SEEDS.segment, offset, &frame);
        free(bytes);
    }
}

/* --- One place of one life of one segment of one log -------------------------------------------------------------- */

Test(frame, is_none_at_any_other_place)
{
    uint8_t bytes[BLOCK_BYTES];
    uint8_t moved[BLOCK_BYTES];
    uint8_t payload[20];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct frame frame;

    fill(payload, sizeof payload, 13);
    written.durable_bytes = 0;
    kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    for (uint64_t offset = 0; offset < SMALL.segment_bytes; offset += 4) {
        if (offset == SOME_BLOCK)
            continue;
        cr_assert(decode(bytes, BLOCK_BYTES, offset, &frame) != FRAME_FAULT_NONE);
        cr_assert(not(kaya_frame_header(bytes, BLOCK_BYTES, &SMALL, SEEDS.segment, offset, &frame)));
        memcpy(moved, bytes, sizeof moved); /* nor where it says so itself, under checks taken elsewhere */
        store32(moved + 16, (uint32_t)(offset / 4));
        cr_assert(decode(moved, BLOCK_BYTES, offset, &frame) != FRAME_FAULT_NONE);
        cr_assert(not(kaya_frame_header(moved, BLOCK_BYTES, &SMALL, SEEDS.segment, offset, &frame)));
    }
}

/* Each bit of what the seeds are made of, and many seeds at random: a CRC is a bijection of its seed, so none may pass. */
Test(frame, is_none_in_any_other_log_segment_life_or_generation)
{
    struct kaya_wal_log_id id = golden_log_id();
    size_t length;
    uint8_t *bytes = from_hex(GOLDEN_FRAMES[1].bytes, &length);
    uint64_t offset = GOLDEN_FRAMES[1].offset_bytes;
    uint64_t state = 14;
    struct frame frame;

    for (unsigned bit = 0; bit < 128 + 64 + 64 + 32; bit++) {
        struct kaya_wal_log_id other = id;
        uint64_t number = GOLDEN_NUMBER;
        uint64_t salt = GOLDEN_SALT;
        uint32_t nonce = GOLDEN_NONCE;
        struct frame_seeds seeds;

        if (bit < 128)
            flip(other.bytes, bit);
        else if (bit < 192)
            number ^= UINT64_C(1) << (bit - 128);
        else if (bit < 256)
            salt ^= UINT64_C(1) << (bit - 192);
        else
            nonce ^= UINT32_C(1) << (bit - 256);
        seeds.segment = kaya_segment_seed(&other, number, salt);
        seeds.base = kaya_base_seed(seeds.segment, nonce);
        cr_expect(ne(int, kaya_frame_decode(bytes, length, &GOLDEN_SHAPE, &seeds, offset, &frame),
                     FRAME_FAULT_NONE),
                  "bit %u", bit);
        cr_expect(eq(int, kaya_frame_header(bytes, length, &GOLDEN_SHAPE, seeds.segment, offset, &frame),
                     bit >= 256),
                  "bit %u: the header check needs no nonce", bit);
    }
    for (unsigned round = 0; round < 1000000; round++) {
        struct frame_seeds seeds = { .segment = GOLDEN_SEGMENT_SEED, .base = draw(&state) };

        cr_assert(seeds.base == GOLDEN_BASE_SEED || kaya_frame_decode(bytes, length, &GOLDEN_SHAPE, &seeds,
                                                                      offset, &frame) == FRAME_FAULT_PAYLOAD);
    }
    free(bytes);
}

Test(frame, of_a_link_needs_no_nonce)
{
    size_t length;
    uint8_t *bytes = from_hex(GOLDEN_FRAMES[0].bytes, &length);
    struct frame_seeds seeds = { .segment = GOLDEN_SEGMENT_SEED, .base = 0 };
    struct frame frame;

    cr_expect(eq(int, kaya_frame_decode(bytes, length, &GOLDEN_SHAPE, &seeds, BLOCK_BYTES, &frame),
                 FRAME_FAULT_NONE));
    cr_expect(eq(u8, frame.type, FRAME_LINK));
    free(bytes);
}

Test(frame, faults_have_texts_of_their_own)
{
    for (int a = FRAME_FAULT_NONE; a <= FRAME_FAULT_UNKNOWN; a++) {
        cr_expect(strlen(kaya_frame_fault_text((enum frame_fault)a)) > 3);
        for (int b = FRAME_FAULT_NONE; b < a; b++)
            cr_expect(strcmp(kaya_frame_fault_text((enum frame_fault)a),
                             kaya_frame_fault_text((enum frame_fault)b)) != 0);
    }
    cr_expect(eq(str, (char *)kaya_frame_fault_text((enum frame_fault)99), "?"));
}

/* --- Segment headers --------------------------------------------------------------------------------------------- */

static void sign_header(uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES])
{
    store32(bytes + 8, kaya_crc32c(0, bytes + 12, KAYA_SEGMENT_HEADER_BYTES - 12));
}

static struct segment_header a_header(const struct golden_header *golden)
{
    return (struct segment_header){
        .version = golden->version,
        .incompatible = golden->incompatible,
        .read_compatible = golden->read_compatible,
        .compatible = golden->compatible,
        .shape = { golden->block_bytes, golden->unit_bytes, golden->segment_bytes },
        .log_id = golden_log_id(),
        .number = golden->number,
        .salt = golden->salt,
        .previous_seed = golden->previous_seed,
    };
}

Test(segment_header, is_that_of_the_golden_vectors)
{
    for (size_t i = 0; i < COUNT(GOLDEN_HEADERS); i++) {
        const struct golden_header *golden = &GOLDEN_HEADERS[i];
        struct segment_header header = a_header(golden);
        struct segment_header decoded;
        uint8_t out[KAYA_SEGMENT_HEADER_BYTES];
        uint8_t again[KAYA_SEGMENT_HEADER_BYTES];
        size_t length;
        uint8_t *wanted = from_hex(golden->bytes, &length);

        cr_assert(eq(sz, length, sizeof out));
        kaya_segment_header_encode(out, &header);
        cr_expect(memcmp(out, wanted, sizeof out) == 0, "%s", golden->name);
        cr_expect(eq(int, kaya_segment_header_decode(wanted, &decoded), HEADER_FAULT_NONE), "%s", golden->name);
        cr_expect(eq(u64, decoded.number, golden->number));
        cr_expect(eq(u64, decoded.salt, golden->salt));
        cr_expect(eq(u64, decoded.shape.segment_bytes, golden->segment_bytes));
        cr_expect(eq(u32, decoded.shape.block_bytes, golden->block_bytes));
        cr_expect(eq(u32, decoded.shape.unit_bytes, golden->unit_bytes));
        cr_expect(eq(u32, decoded.previous_seed, golden->previous_seed));
        cr_expect(eq(u32, decoded.read_compatible, golden->read_compatible));
        cr_expect(eq(u32, decoded.compatible, golden->compatible));
        kaya_segment_header_encode(again, &decoded);
        cr_expect(memcmp(again, wanted, sizeof again) == 0, "%s", golden->name);
        free(wanted);
    }
}

Test(segment_header, with_any_bit_flipped_is_none)
{
    size_t length;
    uint8_t *bytes = from_hex(GOLDEN_HEADERS[0].bytes, &length);
    struct segment_header header;

    for (unsigned bit = 0; bit < KAYA_SEGMENT_HEADER_BYTES * 8; bit++) {
        flip(bytes, bit);
        cr_expect(eq(int, kaya_segment_header_decode(bytes, &header),
                     bit < 64 ? HEADER_FAULT_MAGIC : HEADER_FAULT_CHECK),
                  "bit %u", bit);
        flip(bytes, bit);
    }
    free(bytes);
}

Test(segment_header, zeros_are_none)
{
    static const uint8_t zeros[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;

    cr_expect(eq(int, kaya_segment_header_decode(zeros, &header), HEADER_FAULT_MAGIC));
}

Test(segment_header, of_a_newer_version_is_told_from_damage_whatever_else_it_holds)
{
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;

    for (unsigned round = 0; round < 1000; round++) {
        fill(bytes, sizeof bytes, round);
        memcpy(bytes, "kaya-wal", 8);
        store16(bytes + 12, (uint16_t)(round % 2 == 0 ? 2 + round : UINT16_MAX - round));
        sign_header(bytes);
        cr_assert(eq(int, kaya_segment_header_decode(bytes, &header), HEADER_FAULT_VERSION));
        cr_assert(eq(u16, header.version, load16(bytes + 12)));
        bytes[95] ^= 1;
        cr_assert(eq(int, kaya_segment_header_decode(bytes, &header), HEADER_FAULT_CHECK));
    }
}

Test(segment_header, feature_bits_and_fields_are_judged_as_the_format_says)
{
    static const struct {
        unsigned at, size;
        uint64_t value;
        enum header_fault wanted;
    } cases[] = {
        { 12, 2, 0, HEADER_FAULT_FIELDS },
        { 12, 2, 1, HEADER_FAULT_NONE },
        { 12, 2, 2, HEADER_FAULT_VERSION },
        { 14, 2, 1, HEADER_FAULT_FIELDS },
        { 14, 2, 0x8000, HEADER_FAULT_FIELDS },
        { 16, 4, 1, HEADER_FAULT_VERSION },
        { 16, 4, 0x80000000, HEADER_FAULT_VERSION },
        { 20, 4, 1, HEADER_FAULT_NONE },
        { 20, 4, 0x80000000, HEADER_FAULT_NONE },
        { 24, 4, UINT32_MAX, HEADER_FAULT_NONE },
        { 28, 4, 0, HEADER_FAULT_FIELDS },
        { 28, 4, 256, HEADER_FAULT_FIELDS },
        { 28, 4, 513, HEADER_FAULT_FIELDS },
        { 28, 4, 131072, HEADER_FAULT_FIELDS },
        { 32, 4, 4096, HEADER_FAULT_FIELDS },
        { 32, 4, 512, HEADER_FAULT_NONE },
        { 32, 4, 511, HEADER_FAULT_FIELDS },
        { 36, 4, UINT32_MAX, HEADER_FAULT_NONE },
        { 40, 8, 0, HEADER_FAULT_FIELDS },
        { 40, 8, 4608, HEADER_FAULT_NONE },
        { 40, 8, 4097, HEADER_FAULT_FIELDS },
        { 40, 8, UINT64_MAX, HEADER_FAULT_FIELDS },
        { 40, 8, 1 << 30, HEADER_FAULT_NONE },
        { 40, 8, (1 << 30) + 512, HEADER_FAULT_FIELDS },
        { 48, 16, 0, HEADER_FAULT_FIELDS },
        { 48, 8, 0, HEADER_FAULT_NONE },
        { 64, 8, 0, HEADER_FAULT_FIELDS },
        { 64, 8, UINT64_MAX, HEADER_FAULT_NONE },
        { 72, 8, 0, HEADER_FAULT_NONE },
        { 80, 1, 1, HEADER_FAULT_FIELDS },
        { 95, 1, 0x80, HEADER_FAULT_FIELDS },
    };
    size_t length;
    uint8_t *original = from_hex(GOLDEN_HEADERS[0].bytes, &length);
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;

    for (size_t i = 0; i < COUNT(cases); i++) {
        memcpy(bytes, original, sizeof bytes);
        for (unsigned at = 0; at < cases[i].size; at++)
            bytes[cases[i].at + at] = at < 8 ? (uint8_t)(cases[i].value >> 8 * at) : 0;
        sign_header(bytes);
        cr_expect(eq(int, kaya_segment_header_decode(bytes, &header), cases[i].wanted), "case %zu", i);
    }
    free(original);
}
