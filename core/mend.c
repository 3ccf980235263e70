/* Mend one flipped bit of a frame, anywhere in it (F4).
 *
 * Decides whether bytes that are no frame are one but for a single bit, and which bit. It need not know whether the disk
 * flipped it or a tear left a byte that differs so: either way the frame is the one that was written.
 *
 * A CRC is linear: a flipped bit changes it by a number, the bit's syndrome, that depends on how far the bit is from the
 * end of what the CRC covers, and on nothing else. No two places within 2^31 - 1 bits share one, nor one with a flip in the
 * stored check, so a check that fails names at most one bit, and walking to it is cheap (checksum.c):
 *
 *   pcrc | hcrc   check len type flags off4 dur4 seq | payload | zeros
 *          ^--- hcrc fails: the bit is here ------ ^
 *   ^ it holds: the bit is here ...                   ^-- or here ---- ^
 *
 * The header comes first, because the length is used for nothing before it is right. What the walk proposes is then judged
 * as a whole: every check must hold, the padding must be zero, the fields must be plausible. The second check is another hash
 * over the header's fields and the payload, so no byte that a reader uses is taken on the word of 32 bits alone (FORMAT.md,
 * "Odds").
 *
 * Costs: nothing to speak of unless the header's check holds or one flip makes it hold; then one walk over the frame's
 * bytes, below a tenth of a millisecond for 64 KiB. */
#include "bytes.h"
#include "checksum.h"
#include "frame.h"

/* What the two CRCs of a frame cover, and where they are kept. */
enum {
    PAYLOAD_CHECK = 0,
    HEADER_CHECK = 4,
    HEADER_CHECKED = 8,
};

/* The bit whose flip changes the CRC over bytes first..end by `syndrome`: one of the stored check's at `check`, or of the
 * covered bytes. */
static uint64_t find_bit(uint32_t syndrome, uint32_t check, uint32_t first, uint32_t end)
{
    uint64_t bit;

    if (syndrome != 0 && (syndrome & (syndrome - 1)) == 0)
        return (uint64_t)check * 8 + (uint64_t)__builtin_ctz(syndrome);
    bit = kaya_crc32c_flipped_bit(syndrome, end - first);
    return bit == KAYA_NO_BIT ? bit : bit + (uint64_t)first * 8;
}

static void flip(uint8_t *bytes, uint64_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
}

static uint64_t find_header_bit(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset)
{
    uint32_t syndrome = kaya_frame_header_check(bytes, segment_seed, offset) ^ load32(bytes + HEADER_CHECK);

    return find_bit(syndrome, HEADER_CHECK, HEADER_CHECKED, KAYA_FRAME_HEADER_BYTES);
}

/* The header is right: what is wrong lies behind it, or in the payload check before it. */
static uint64_t find_payload_bit(const uint8_t *bytes, const struct frame_seeds *seeds, const struct frame *frame)
{
    uint32_t syndrome = kaya_frame_payload_check(bytes, seeds, frame) ^ load32(bytes + PAYLOAD_CHECK);

    return find_bit(syndrome, PAYLOAD_CHECK, KAYA_FRAME_HEADER_BYTES, frame->extent_bytes);
}

/* The payload is under two checks, the padding only under one: but what it must be is known. */
static bool padding_is_zero(const uint8_t *bytes, const struct frame *frame)
{
    uint8_t all = 0;

    for (uint32_t i = KAYA_FRAME_HEADER_BYTES + frame->length; i < frame->extent_bytes; i++)
        all |= bytes[i];
    return all == 0;
}

/* Good in every check, the header's having been seen before. */
static bool is_good(const uint8_t *bytes, const struct shape *shape, const struct frame_seeds *seeds,
                    uint64_t offset, struct frame *frame)
{
    return kaya_frame_decode(bytes, frame->extent_bytes, shape, seeds, offset, frame) == FRAME_FAULT_NONE &&
           kaya_frame_second_check_holds(bytes, seeds, frame) && padding_is_zero(bytes, frame);
}

bool kaya_frame_header_is_almost(const uint8_t *bytes, size_t available, const struct shape *shape,
                                 uint32_t segment_seed, uint64_t offset)
{
    uint8_t header[KAYA_FRAME_HEADER_BYTES];
    struct frame frame;
    uint64_t bit;

    if (available < sizeof header)
        return false;
    bit = find_header_bit(bytes, segment_seed, offset);
    if (bit == KAYA_NO_BIT)
        return false;
    memcpy(header, bytes, sizeof header);
    flip(header, bit);
    return kaya_frame_header(header, available, shape, segment_seed, offset, &frame);
}

bool kaya_frame_mend(const uint8_t *bytes, size_t available, const struct shape *shape,
                     const struct frame_seeds *seeds, uint64_t offset, uint8_t *scratch, struct frame *frame,
                     uint64_t *bit)
{
    static const uint8_t zeros[KAYA_FRAME_HEADER_BYTES];
    uint64_t found = KAYA_NO_BIT;

    if (available < KAYA_FRAME_HEADER_BYTES || memcmp(bytes, zeros, sizeof zeros) == 0)
        return false;
    memcpy(scratch, bytes, KAYA_FRAME_HEADER_BYTES);
    if (!kaya_frame_header_check_holds(scratch, seeds->segment, offset)) {
        found = find_header_bit(scratch, seeds->segment, offset);
        if (found == KAYA_NO_BIT)
            return false;
        flip(scratch, found);
    }
    if (!kaya_frame_header(scratch, available, shape, seeds->segment, offset, frame) ||
        frame->extent_bytes > available)
        return false;

    memcpy(scratch + KAYA_FRAME_HEADER_BYTES, bytes + KAYA_FRAME_HEADER_BYTES,
           frame->extent_bytes - KAYA_FRAME_HEADER_BYTES);
    if (found == KAYA_NO_BIT) {
        found = find_payload_bit(scratch, seeds, frame);
        if (found == KAYA_NO_BIT)
            return false;
        flip(scratch, found);
    }
    if (!is_good(scratch, shape, seeds, offset, frame))
        return false;
    *bit = found;
    return true;
}
