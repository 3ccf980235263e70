/* Goal: seeds are worked out from frames that are whole, and from nothing else.
 *
 * Method: frames encoded under drawn seeds, then taken apart without them; every flipped bit must be noticed. */
#include <criterion/criterion.h>
#include <string.h>

#include "reseed.h"

static const struct shape SHAPE = { .block_bytes = 512, .segment_bytes = 8192 };
enum { LENGTH = 101 };

static uint32_t encode(uint8_t *bytes, struct frame *frame, const struct frame_seeds *seeds, uint64_t offset)
{
    static uint8_t payload[LENGTH];

    for (unsigned i = 0; i < LENGTH; i++)
        payload[i] = (uint8_t)(i * 7 + offset);
    *frame = (struct frame){ .type = FRAME_FULL,
                             .flags = KAYA_RECORD_PUT,
                             .length = LENGTH,
                             .offset_bytes = offset,
                             .durable_bytes = offset / 8 * 4,
                             .sequence = (uint32_t)offset / 3,
                             .payload = payload };
    return kaya_frame_encode(bytes, &SHAPE, seeds, frame);
}

Test(reseed, a_whole_frame_tells_the_base_seed)
{
    for (uint32_t i = 1; i < 200; i++) {
        struct frame_seeds seeds = { .segment = i * 0x9e3779b9, .base = i * 0x85ebca6b };
        uint64_t offset = 1024 + (i * 36 % 300 & ~3u);
        uint8_t bytes[512];
        struct frame frame;
        uint32_t extent = encode(bytes, &frame, &seeds, offset);
        uint32_t base = 0;

        cr_assert(kaya_frame_header(bytes, extent, &SHAPE, seeds.segment, offset, &frame));
        cr_expect(kaya_reseed_base(bytes, &frame, seeds.segment, &base));
        cr_expect_eq(base, seeds.base);
        for (unsigned bit = 0; bit < extent * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (kaya_frame_header(bytes, extent, &SHAPE, seeds.segment, offset, &frame))
                cr_expect_not(kaya_reseed_base(bytes, &frame, seeds.segment, &base), "bit %u", bit);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

Test(reseed, a_whole_link_tells_all)
{
    struct link link = { .base_lsn = 77, .predecessor = 3, .predecessor_end = 4096, .low_water_lsn = 5, .epoch = 9 };

    for (uint32_t i = 1; i < 100; i++) {
        uint64_t offset = kaya_shape_first_frame(&SHAPE);
        struct frame_seeds seeds = { .segment = i * 0x9e3779b9 }, found;
        uint8_t payload[KAYA_LINK_BYTES], bytes[512];
        struct frame frame = {
            .type = FRAME_LINK, .length = KAYA_LINK_BYTES, .offset_bytes = offset, .payload = payload
        };
        struct link decoded;
        uint32_t extent;

        link.nonce = i * 31;
        kaya_link_encode(payload, &link);
        extent = kaya_frame_encode(bytes, &SHAPE, &seeds, &frame);
        cr_expect(kaya_reseed_link(bytes, extent, &SHAPE, &found, &decoded));
        cr_expect_eq(found.segment, seeds.segment);
        cr_expect_eq(found.base, kaya_base_seed(seeds.segment, link.nonce));
        cr_expect_eq(decoded.base_lsn, 77);
        for (unsigned bit = 0; bit < extent * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_expect_not(kaya_reseed_link(bytes, extent, &SHAPE, &found, &decoded), "bit %u", bit);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        cr_expect_not(kaya_reseed_link(bytes, 27, &SHAPE, &found, &decoded));
    }
}
