/* Any bytes at all where a frame is expected (P12): the decoder's verdict, and what must follow from it.
 *
 *   input:   1 byte: the shape; 2: how many 4-byte steps behind the first frame's place; then the bytes from there to the
 *            block's end, or to where the file ends
 *
 * What is asked of each input, beyond what the sanitizers ask:
 *   1. A frame that is taken lies inside its bytes and its block, and encoded anew gives the same bytes; so do the members of a batch.
 *   2. The header alone and the whole frame never tell different fields.
 *   3. What mending gives is a frame in all its checks, and one bit away.
 *   4. A whole frame with one bit flipped is no frame, and is mended back to what it was (F4).
 *   5. Whether it is a frame, whether its header alone holds and whether it is one bit off is what FORMAT.md says (support/page.h).
 *
 * Three checksums stand between random bytes and the code behind them. So the mutator puts them right in most of
 * its inputs: without that, a fuzzer sees little but failed checks. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "frame.h"
#include "scan.h"
#include "support/mutate.h"
#include "support/page.h"
#include "support/target.h"
#include "tests/core/golden.h"

enum { FILE_BYTES_MAX = 1 << 19 };
enum { PREFIX_BYTES = 3, PCRC = 0, HCRC = 4, CHECK = 8, OFFSET = 16 };

static const struct shape shapes[] = {
    { .block_bytes = GOLDEN_BLOCK_BYTES, .unit_bytes = 0, .segment_bytes = 16 * GOLDEN_BLOCK_BYTES },
    { .block_bytes = 512, .unit_bytes = 4096, .segment_bytes = 32768 },
    { .block_bytes = 4096, .unit_bytes = 512, .segment_bytes = 65536 },
    { .block_bytes = 32768, .unit_bytes = 0, .segment_bytes = 16777216 },
    { .block_bytes = 65536, .unit_bytes = 4096, .segment_bytes = 1048576 },
};

/* Those of the golden vectors, so that these are frames here as well. */
static const struct frame_seeds seeds = { .segment = GOLDEN_SEGMENT_SEED, .base = GOLDEN_BASE_SEED };

struct place {
    const struct shape *shape;
    uint64_t offset;
    const uint8_t *bytes;
    size_t available;
};

static struct place place_of(const uint8_t *data, size_t size)
{
    const struct shape *shape = &shapes[data[0] % (sizeof shapes / sizeof shapes[0])];

    return (struct place){
        .shape = shape,
        .offset = kaya_shape_first_frame(shape) + (uint64_t)load16(data + 1) * 4,
        .bytes = data + PREFIX_BYTES,
        .available = size - PREFIX_BYTES,
    };
}

static void must(bool condition)
{
    if (!condition)
        abort();
}

static bool same_fields(const struct frame *a, const struct frame *b)
{
    return a->type == b->type && a->flags == b->flags && a->length == b->length &&
           a->offset_bytes == b->offset_bytes && a->durable_bytes == b->durable_bytes &&
           a->sequence == b->sequence && a->extent_bytes == b->extent_bytes;
}

static bool padding_is_zero(const uint8_t *bytes, const struct frame *frame)
{
    for (uint32_t i = KAYA_FRAME_HEADER_BYTES + frame->length; i < frame->extent_bytes; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* Whether the encoder could have written these bytes. */
static bool is_canonical(const struct place *place, const struct frame *frame)
{
    return kaya_frame_header_check_holds(place->bytes, seeds.segment, place->offset) &&
           kaya_frame_second_check_holds(place->bytes, &seeds, frame) && padding_is_zero(place->bytes, frame);
}

static void check_bounds(const struct place *place, const struct frame *frame)
{
    must(frame->offset_bytes == place->offset);
    must(frame->payload == place->bytes + KAYA_FRAME_HEADER_BYTES);
    must(frame->extent_bytes >= KAYA_FRAME_HEADER_BYTES + (uint32_t)frame->length);
    must(frame->extent_bytes <= place->available);
    must(place->offset + frame->extent_bytes <= kaya_shape_block_end(place->shape, place->offset));
}

static unsigned differing_bits(const uint8_t *a, const uint8_t *b, size_t length)
{
    unsigned count = 0;

    for (size_t i = 0; i < length; i++)
        count += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return count;
}

static void check_encoding(const struct place *place, const struct frame *frame)
{
    static uint8_t encoded[KAYA_BLOCK_BYTES_MAX];

    must(kaya_frame_encode(encoded, place->shape, &seeds, frame) == frame->extent_bytes);
    must(memcmp(encoded, place->bytes, frame->extent_bytes) == 0);
}

/* The members of a batch lie one behind the other in its payload; if they use all of it, writing their words down again gives it. */
static void check_batch(const struct frame *frame)
{
    struct batch_member member;
    size_t at = 0;

    if (frame->type != FRAME_FULL || frame->flags != FRAME_FLAG_BATCH)
        return;
    for (size_t begin = 0; kaya_batch_next(frame->payload, frame->length, &at, &member); begin = at) {
        uint8_t word[KAYA_MEMBER_BYTES];

        must(member.bytes == frame->payload + begin + KAYA_MEMBER_BYTES);
        must(at == begin + KAYA_MEMBER_BYTES + member.length && at <= frame->length);
        must(member.type >= KAYA_RECORD_PUT && member.type <= KAYA_RECORD_OPAQUE);
        store32(word, (uint32_t)member.length * 8 + (uint32_t)member.type);
        must(memcmp(word, frame->payload + begin, sizeof word) == 0);
    }
    must(at <= frame->length);
}

/* Mending walks over every bit, with a comparison each that the engine watches: one input in eight, told by its last byte and its length. */
static bool wants_mending(const struct place *place)
{
    enum { ONE_IN = 8 };

    return place->available > 0 && place->bytes[place->available - 1] % ONE_IN == place->available % ONE_IN;
}

/* The place by the page, which looks at whole files: NULL: none ends there. The segment and its file are static. */
static const struct kaya_format_segment *format_segment(const struct place *place)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    static struct kaya_image_file file = { .bytes = bytes };
    static struct kaya_format_segment segment = { .file = &file, .state = KAYA_FORMAT_LINKED };
    const struct shape *shape = place->shape;

    if (place->offset >= shape->segment_bytes || place->offset + place->available > sizeof bytes)
        return NULL;
    file.size_bytes = place->offset + place->available;
    memcpy(bytes + place->offset, place->bytes, place->available);
    segment.block_bytes = shape->block_bytes;
    segment.unit_bytes = shape->unit_bytes;
    segment.segment_bytes = shape->segment_bytes;
    segment.header_bytes = shape->block_bytes > shape->unit_bytes ? shape->block_bytes : shape->unit_bytes;
    segment.first_frame = kaya_shape_first_frame(shape);
    segment.segment_seed = seeds.segment;
    segment.base_seed = seeds.base;
    return &segment;
}

static bool is_same_by_page(const struct frame *frame, const struct kaya_format_frame *page)
{
    return page->type == frame->type && page->flags == frame->flags && page->length == frame->length &&
           page->watermark == frame->durable_bytes && page->sequence == frame->sequence &&
           page->end - page->offset == frame->extent_bytes;
}

/* `frame`, `header`: what core takes it for; NULL: for none. */
static void check_by_page(const struct place *place, const struct frame *frame, const struct frame *header)
{
    const struct kaya_format_segment *segment = format_segment(place);
    struct kaya_format_frame page;

    if (segment == NULL)
        return;
    must(kaya_format_frame(segment, place->offset, &page) == (frame != NULL));
    must(frame == NULL || is_same_by_page(frame, &page));
    must(kaya_format_stray(segment, place->offset, &page) == (header != NULL));
    must(header == NULL || is_same_by_page(header, &page));
}

/* One input in four, told as wants_mending tells. */
static bool wants_page(const struct place *place)
{
    enum { ONE_IN = 4 };

    return place->available > 0 && place->bytes[place->available - 1] % ONE_IN == place->available % ONE_IN;
}

/* Flip a bit that the input itself picks, and have it mended. */
static void check_flip(const struct place *place, const struct frame *frame, uint8_t *scratch)
{
    uint64_t flipped = load32(place->bytes + PCRC) % ((uint64_t)frame->extent_bytes * 8);
    uint64_t mended_bit = 0;
    struct frame mended;
    uint8_t *bytes = malloc(place->available);

    must(bytes != NULL);
    memcpy(bytes, place->bytes, place->available);
    bytes[flipped / 8] ^= (uint8_t)(1U << flipped % 8);
    must(kaya_frame_decode(bytes, place->available, place->shape, &seeds, place->offset, &mended) !=
         FRAME_FAULT_NONE);
    must(kaya_frame_mend(bytes, place->available, place->shape, &seeds, place->offset, scratch, &mended,
                         &mended_bit));
    must(mended_bit == flipped);
    must(same_fields(&mended, frame));
    must(memcmp(scratch, place->bytes, frame->extent_bytes) == 0);
    free(bytes);
}

static bool is_mended_by_page(const struct place *place)
{
    const struct kaya_format_segment *segment = format_segment(place);

    return segment != NULL && fuzz_page_mend(segment, segment->file->bytes, place->offset);
}

static void check_mending(const struct place *place, uint8_t *scratch)
{
    struct frame mended;
    struct frame decoded;
    uint64_t bit = 0;

    if (!kaya_frame_mend(place->bytes, place->available, place->shape, &seeds, place->offset, scratch,
                         &mended, &bit)) {
        must(!is_mended_by_page(place));
        return;
    }
    must(is_mended_by_page(place));
    must(kaya_frame_decode(scratch, place->available, place->shape, &seeds, place->offset, &decoded) ==
         FRAME_FAULT_NONE);
    must(same_fields(&mended, &decoded));
    must(kaya_frame_header_check_holds(scratch, seeds.segment, place->offset));
    must(kaya_frame_second_check_holds(scratch, &seeds, &decoded));
    must(bit / 8 < decoded.extent_bytes);
    must(padding_is_zero(scratch, &decoded));
    must(differing_bits(scratch, place->bytes, decoded.extent_bytes) == 1);
    must((scratch[bit / 8] ^ place->bytes[bit / 8]) == 1 << bit % 8);
}

/* `frame`: what the bytes are; NULL: none. */
static void try_mending(const struct place *place, const struct frame *frame)
{
    uint8_t *scratch = malloc(place->available);

    must(scratch != NULL);
    if (frame == NULL)
        check_mending(place, scratch);
    else if (is_canonical(place, frame))
        check_flip(place, frame, scratch);
    free(scratch);
}

/* The short way says nothing else than the long one, where it may be gone: behind the first frame of a segment. */
static void check_short_way(const struct place *place, enum frame_fault fault, const struct frame *frame)
{
    struct frame inside;
    bool is_place = place->offset < place->shape->segment_bytes &&
                    place->offset > kaya_shape_first_frame(place->shape) &&
                    place->available <= kaya_frame_rest(place->shape, place->offset);

    if (is_place && kaya_frame_decode_inside(place->bytes, place->available, &seeds, place->offset, &inside))
        must(fault == FRAME_FAULT_NONE && same_fields(frame, &inside) && inside.payload == frame->payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct place place;
    struct frame frame;
    struct frame header;
    enum frame_fault fault;
    bool header_holds;

    if (size < PREFIX_BYTES)
        return 0;
    place = place_of(data, size);
    fault = kaya_frame_decode(place.bytes, place.available, place.shape, &seeds, place.offset, &frame);
    must(kaya_frame_fault_text(fault)[0] != '\0');
    check_short_way(&place, fault, &frame);
    header_holds =
        kaya_frame_header(place.bytes, place.available, place.shape, seeds.segment, place.offset, &header);
    if (fault == FRAME_FAULT_NONE) {
        check_bounds(&place, &frame);
        must(!header_holds || same_fields(&frame, &header));
    }

    if (fault == FRAME_FAULT_NONE && is_canonical(&place, &frame)) {
        must(header_holds);
        check_batch(&frame);
        check_encoding(&place, &frame);
    }
    if (wants_page(&place))
        check_by_page(&place, fault == FRAME_FAULT_NONE ? &frame : NULL, header_holds ? &header : NULL);
    if (wants_mending(&place))
        try_mending(&place, fault == FRAME_FAULT_NONE ? &frame : NULL);
    return 0;
}

/* Put right what the mutation broke: the place, the header check, and, where the header then says a frame, the zeros,
 * the payload check and the second one. */
static void mend(uint8_t *data, size_t size, unsigned parts)
{
    uint8_t *bytes = data + PREFIX_BYTES;
    struct place place;
    struct frame frame;

    if (size < PREFIX_BYTES + KAYA_FRAME_HEADER_BYTES)
        return;
    place = place_of(data, size);
    if (parts & FUZZ_MEND_FIELDS)
        store32(bytes + OFFSET, (uint32_t)(place.offset / 4));
    store32(bytes + HCRC, kaya_frame_header_check(bytes, seeds.segment, place.offset));
    if (!kaya_frame_header(bytes, place.available, place.shape, seeds.segment, place.offset, &frame) ||
        frame.payload == NULL)
        return;
    if (parts & FUZZ_MEND_PADDING)
        memset(bytes + KAYA_FRAME_HEADER_BYTES + frame.length, 0,
               frame.extent_bytes - KAYA_FRAME_HEADER_BYTES - frame.length);
    store32(bytes + CHECK, kaya_frame_second_check(bytes, &seeds, &frame));
    store32(bytes + HCRC, kaya_frame_header_check(bytes, seeds.segment, place.offset));
    store32(bytes + PCRC, kaya_frame_payload_check(bytes, &seeds, &frame));
}

const struct fuzz_target fuzz_target = { .mend = mend };
