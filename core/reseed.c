/* Seeds, from the checks that were taken under them.
 *
 * A CRC is linear: two seeds that differ by d give, over the same n bytes, checks that differ by d moved n bytes on in the shift register.
 * The register can be turned back. So where a header check must hold, it tells the one segment seed under which it does:
 *
 *   hcrc xor crc(0, bytes)   turned back over what it covers   = segment seed
 *   check xor X(..) xor X(..)                                  = frame seed, and that turned back over off4 = base seed
 *
 * A seed found so proves nothing by itself: there is always one. The other checks of the frame do: once a seed is worked out from one of
 * them, 32 bits of another hash (LINK: two times 32) must agree. */
#include "reseed.h"

#include "bytes.h"
#include "checksum.h"

enum {
    PAYLOAD_CHECK = 0,
    HEADER_CHECK = 4,
    SECOND_CHECK = 8,
    OFFSET_WORD_BITS = 32,
    HEADER_CHECKED_BITS = OFFSET_WORD_BITS + 8 * (KAYA_FRAME_HEADER_BYTES - SECOND_CHECK),
};

static uint32_t turn_back(uint32_t value, unsigned bits)
{
    while (bits-- > 0) {
        uint32_t last = value >> 31; /* the polynomial's lowest power stands there after each step that took it */

        value = (value ^ (KAYA_CRC32C_POLYNOMIAL & (0 - last))) << 1 | last;
    }
    return value;
}

bool kaya_reseed_base(const uint8_t *bytes, const struct frame *frame, uint32_t segment_seed, uint32_t *base_seed)
{
    struct frame_seeds seeds = { .segment = segment_seed };

    if (frame->type == FRAME_LINK)
        return false;
    seeds.base = turn_back(load32(bytes + SECOND_CHECK) ^ kaya_frame_second_check(bytes, &seeds, frame),
                           OFFSET_WORD_BITS);
    *base_seed = seeds.base;
    return kaya_frame_payload_check(bytes, &seeds, frame) == load32(bytes + PAYLOAD_CHECK);
}

bool kaya_reseed_link(const uint8_t *bytes, size_t available, const struct shape *shape,
                      struct frame_seeds *seeds, struct link *link)
{
    uint64_t offset = kaya_shape_first_frame(shape);
    struct frame frame;

    if (available < KAYA_FRAME_HEADER_BYTES)
        return false;
    seeds->segment = turn_back(load32(bytes + HEADER_CHECK) ^ kaya_frame_header_check(bytes, 0, offset),
                               HEADER_CHECKED_BITS);
    seeds->base = seeds->segment;
    if (kaya_frame_decode(bytes, available, shape, seeds, offset, &frame) != FRAME_FAULT_NONE ||
        frame.type != FRAME_LINK || !kaya_frame_second_check_holds(bytes, seeds, &frame))
        return false;
    kaya_link_decode(frame.payload, link);
    seeds->base = kaya_base_seed(seeds->segment, link->nonce);
    return true;
}
