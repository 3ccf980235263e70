/* The decoders of core under every input up to a bound: no alarm means that no path reads or writes outside its objects, uses what was never
 * set, or trips an assertion. The bounds stand beside each proof; what is not bounded there is any value at all.
 *
 * Bytes lie at the very end of their array, so that a read one too far is outside it. */
#include "__fc_builtin.h"

#include "contracts/checksums.h"
#include "core/frame.h"

enum { ANY_LENGTH_MAX = 72 };

static struct shape any_shape(uint32_t block_bytes)
{
    struct shape shape;

    shape.block_bytes = block_bytes;
    shape.unit_bytes = Frama_C_unsigned_int_interval(0, KAYA_BLOCK_BYTES_MAX);
    shape.segment_bytes = Frama_C_unsigned_int_interval(0, KAYA_SEGMENT_BYTES_MAX);
    return shape;
}

static void decode_any(const struct shape *shape, size_t available, uint64_t offset)
{
    uint8_t bytes[ANY_LENGTH_MAX];
    const uint8_t *given = bytes + (sizeof bytes - available);
    struct frame_seeds seeds;
    struct frame frame, header, inside;

    Frama_C_make_unknown((char *)bytes, sizeof bytes);
    Frama_C_make_unknown((char *)&seeds, sizeof seeds);
    if (kaya_frame_header(given, available, shape, seeds.segment, offset, &header))
        //@ check header_is_bounded: header.payload == \null || header.extent_bytes <= available;
        ;
    if (kaya_frame_decode(given, available, shape, &seeds, offset, &frame) == FRAME_FAULT_NONE)
        //@ check frame_is_inside: frame.extent_bytes <= available && frame.payload == given + KAYA_FRAME_HEADER_BYTES;
        ;
    if (kaya_frame_decode_inside(given, available, &seeds, offset, &inside))
        //@ check another_has_room: inside.extent_bytes + KAYA_FRAME_ROOM_MIN <= available;
        ;
}

/* Bounds: 0 to ANY_LENGTH_MAX bytes at hand; the smallest block and the largest. Any bytes, any unit and segment size that makes a valid
 * shape, any offset, any seeds. */
void prove_frames(void)
{
    for (size_t available = 0; available <= ANY_LENGTH_MAX; available++) {
        struct shape small = any_shape(KAYA_BLOCK_BYTES_MIN), large = any_shape(KAYA_BLOCK_BYTES_MAX);

        if (kaya_shape_is_valid(&small))
            decode_any(&small, available, Frama_C_unsigned_long_interval(0, UINT64_MAX));
        if (kaya_shape_is_valid(&large))
            decode_any(&large, available, Frama_C_unsigned_long_interval(0, UINT64_MAX));
    }
}

/* Bounds: 0 to ANY_LENGTH_MAX bytes at hand; the rest as above. */
void prove_almost_headers(void)
{
    struct shape shape = any_shape(KAYA_BLOCK_BYTES_MIN);

    if (!kaya_shape_is_valid(&shape))
        return;
    for (size_t available = 0; available <= ANY_LENGTH_MAX; available++) {
        uint8_t bytes[ANY_LENGTH_MAX];

        Frama_C_make_unknown((char *)bytes, sizeof bytes);
        kaya_frame_header_is_almost(bytes + (sizeof bytes - available), available, &shape,
                                    Frama_C_unsigned_int_interval(0, UINT32_MAX),
                                    Frama_C_unsigned_long_interval(0, UINT64_MAX));
    }
}

/* No bound: a header has its one length, and so has a link. */
void prove_headers_and_links(void)
{
    uint8_t header_bytes[KAYA_SEGMENT_HEADER_BYTES], link_bytes[KAYA_LINK_BYTES];
    struct segment_header header;
    struct link link;

    Frama_C_make_unknown((char *)header_bytes, sizeof header_bytes);
    Frama_C_make_unknown((char *)link_bytes, sizeof link_bytes);
    if (kaya_segment_header_decode(header_bytes, &header) == HEADER_FAULT_NONE) {
        //@ check shape_is_valid: 512 <= header.shape.block_bytes <= 65536 && header.shape.segment_bytes <= 0x40000000;
        kaya_segment_header_encode(header_bytes, &header);
    }
    kaya_link_decode(link_bytes, &link);
    kaya_link_encode(link_bytes, &link);
    kaya_link_chain(link.chain, link.nonce, link.carried_end);
}
