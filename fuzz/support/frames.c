#include "frames.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "mutate.h"
#include "scan.h"

enum {
    HEADER_CHECK_AT = 8,
    PAYLOAD_CHECK_AT = 0,
    SECOND_CHECK_AT = 8,
    LENGTH_AT = 12,
    TYPE_AT = 14,
    WATERMARK_AT = 20,
    SEQUENCE_AT = 24
};
enum { FRAME_HEADER_CHECK_AT = 4, LINK_PREDECESSOR_END_AT = 16, LINK_CHAIN_AT = 52 };

/* Does a header that is good but for its check stand here? */
static bool decodes(const uint8_t *bytes, size_t size, size_t at, struct segment_header *header)
{
    return at + KAYA_SEGMENT_HEADER_BYTES <= size &&
           kaya_segment_header_decode(bytes + at, header) == HEADER_FAULT_NONE;
}

static size_t available_at(const struct fuzz_segment *segment, uint64_t offset)
{
    uint64_t end = kaya_shape_block_end(&segment->header.shape, offset);

    if (offset >= segment->size)
        return 0;
    return (size_t)((end < segment->size ? end : segment->size) - offset);
}

/* Under one good header copy. */
static void read_under(struct fuzz_segment *segment)
{
    static uint8_t scratch[KAYA_BLOCK_BYTES_MAX];
    uint64_t offset = kaya_shape_first_frame(&segment->header.shape);
    struct frame frame;
    bool mended;

    segment->has_header = true;
    segment->seeds.segment =
        kaya_segment_seed(&segment->header.log_id, segment->header.number, segment->header.salt);
    segment->has_link = fuzz_segment_frame(segment, offset, scratch, &frame, &mended) && frame.type == FRAME_LINK;
    if (!segment->has_link)
        return;
    kaya_link_decode(frame.payload, &segment->link);
    segment->seeds.base = kaya_base_seed(segment->seeds.segment, segment->link.nonce);
}

void fuzz_segment_read(struct fuzz_segment *segment, uint64_t number, const uint8_t *bytes, size_t size)
{
    struct segment_header header;

    *segment = (struct fuzz_segment){ .bytes = bytes, .size = size };
    for (size_t at = 0; !segment->has_link && at < size && at <= KAYA_HEADER_DISTANCE;
         at += KAYA_BLOCK_BYTES_MIN) {
        if (!decodes(bytes, size, at, &header) || (number != 0 && header.number != number))
            continue;
        segment->header = header;
        read_under(segment);
    }
}

bool fuzz_segment_frame(const struct fuzz_segment *segment, uint64_t offset, uint8_t *scratch,
                        struct frame *frame, bool *mended)
{
    size_t available = available_at(segment, offset);
    const struct shape *shape = &segment->header.shape;
    uint64_t bit;

    *mended = false;
    if (kaya_frame_decode(segment->bytes + offset, available, shape, &segment->seeds, offset, frame) ==
        FRAME_FAULT_NONE)
        return true;
    *mended = true;
    return kaya_frame_mend(segment->bytes + offset, available, shape, &segment->seeds, offset, scratch, frame,
                           &bit);
}

/* The extent of what stands at `offset`, by its length alone; 0: it states none that fits. */
static size_t extent_at(const struct fuzz_segment *segment, uint64_t offset)
{
    size_t available = available_at(segment, offset);
    uint32_t length;

    if (available < KAYA_FRAME_HEADER_BYTES || segment->bytes[offset + TYPE_AT] == 0)
        return 0;
    length = load16(segment->bytes + offset + LENGTH_AT);
    if (length > kaya_frame_room(&segment->header.shape, offset))
        return 0;
    length = kaya_frame_extent(&segment->header.shape, offset, length);
    return length <= available ? length : 0;
}

size_t fuzz_segment_ends(const struct fuzz_segment *segment, size_t *ends, size_t max)
{
    uint64_t offset;
    size_t count = 0;
    size_t extent;

    if (!segment->has_header)
        return 0;
    offset = kaya_shape_first_frame(&segment->header.shape);
    while (count < max && offset <= segment->size) {
        ends[count++] = (size_t)offset;
        extent = extent_at(segment, offset);
        if (extent == 0)
            break;
        offset = kaya_shape_skip_header(&segment->header.shape, offset + extent);
    }
    return count;
}

/* Records in a frame that begins one; a batch that does not add up counts what there is. */
static uint32_t records_of(const struct frame *frame)
{
    struct batch_member member;
    uint32_t count = 0;
    size_t at = 0;

    if (frame->type != FRAME_FULL)
        return frame->type == FRAME_LAST ? 1 : 0;
    if (frame->flags != FRAME_FLAG_BATCH)
        return 1;
    while (kaya_batch_next(frame->payload, frame->length, &at, &member))
        count++;
    return count;
}

static void mend_header(uint8_t *bytes, size_t size, size_t at)
{
    if (at + KAYA_SEGMENT_HEADER_BYTES > size || memcmp(bytes + at, "kaya-wal", HEADER_CHECK_AT) != 0)
        return;
    store32(bytes + at + HEADER_CHECK_AT,
            kaya_crc32c(0, bytes + at + HEADER_CHECK_AT + 4, KAYA_SEGMENT_HEADER_BYTES - HEADER_CHECK_AT - 4));
}

static void name_predecessor(uint8_t *bytes, const struct fuzz_segment *predecessor)
{
    uint8_t *link = bytes + KAYA_FRAME_HEADER_BYTES;

    store32(link + LINK_CHAIN_AT, kaya_link_chain(predecessor->link.chain, predecessor->seeds.base,
                                                  load64(link + LINK_PREDECESSOR_END_AT)));
}

/* The checks of one frame, whose length and type stand. False: it is no frame whatever its checks. */
static bool seal(const struct fuzz_segment *segment, uint8_t *bytes, uint64_t offset, unsigned parts,
                 struct frame *frame)
{
    size_t available = available_at(segment, offset);
    uint32_t segment_seed = segment->seeds.segment;

    store32(bytes + FRAME_HEADER_CHECK_AT, kaya_frame_header_check(bytes, segment_seed, offset));
    if (!kaya_frame_header(bytes, available, &segment->header.shape, segment_seed, offset, frame) ||
        frame->extent_bytes > available)
        return false;
    frame->payload = bytes + KAYA_FRAME_HEADER_BYTES;
    if (parts & FUZZ_MEND_PADDING)
        memset(bytes + KAYA_FRAME_HEADER_BYTES + frame->length, 0,
               frame->extent_bytes - KAYA_FRAME_HEADER_BYTES - frame->length);
    store32(bytes + SECOND_CHECK_AT, kaya_frame_second_check(bytes, &segment->seeds, frame));
    store32(bytes + FRAME_HEADER_CHECK_AT, kaya_frame_header_check(bytes, segment_seed, offset));
    store32(bytes + PAYLOAD_CHECK_AT, kaya_frame_payload_check(bytes, &segment->seeds, frame));
    return true;
}

static void mend_fields(uint8_t *bytes, uint64_t offset, uint32_t sequence)
{
    store32(bytes + SEQUENCE_AT, sequence);
    if (load32(bytes + WATERMARK_AT) > offset / 4)
        store32(bytes + WATERMARK_AT, (uint32_t)(offset / 4));
}

void fuzz_segment_mend(uint8_t *bytes, size_t size, unsigned parts, const struct fuzz_segment *predecessor)
{
    static size_t ends[FUZZ_FRAMES_MAX];
    struct fuzz_segment segment;
    bool fields = parts & FUZZ_MEND_FIELDS;
    uint32_t sequence = 0;
    size_t count;

    for (size_t at = 0; at < size; at += KAYA_BLOCK_BYTES_MIN)
        mend_header(bytes, size, at);
    fuzz_segment_read(&segment, 0, bytes, size);
    count = fuzz_segment_ends(&segment, ends, FUZZ_FRAMES_MAX);
    for (size_t i = 0; i + 1 < count; i++) {
        uint8_t *frame_bytes = bytes + ends[i];
        struct frame frame;

        store32(frame_bytes + KAYA_FRAME_OFFSET_AT, (uint32_t)(ends[i] / 4));
        if (fields)
            mend_fields(frame_bytes, ends[i], sequence);
        if (fields && i == 0 && predecessor != NULL)
            name_predecessor(frame_bytes, predecessor);
        if (!seal(&segment, frame_bytes, ends[i], parts, &frame))
            return;
        sequence += records_of(&frame);
        if (i == 0) /* the nonce is known now: the others' seed */
            fuzz_segment_read(&segment, 0, bytes, size);
    }
}

/* --- Bending --- */

struct field {
    uint8_t at, bytes;
};

static const struct field frame_fields[] = { { LENGTH_AT, 2 },    { TYPE_AT, 1 },     { TYPE_AT + 1, 1 },
                                             { WATERMARK_AT, 4 }, { SEQUENCE_AT, 4 }, { SEQUENCE_AT, 4 } };
static const struct field link_fields[] = { { 0, 8 },  { 8, 8 },  { 16, 8 }, { 24, 8 },
                                            { 32, 8 }, { 40, 8 }, { 48, 4 } };
static const struct field header_fields[] = { { 12, 2 }, { 28, 4 }, { 32, 4 }, { 36, 4 },
                                              { 40, 8 }, { 48, 8 }, { 64, 8 }, { 72, 8 } };

static uint64_t load_field(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static void bend_field(uint8_t *bytes, struct field field, uint64_t other, struct fuzz_draws *draws)
{
    uint64_t value = load_field(bytes + field.at, field.bytes);

    switch (fuzz_draw(draws, 6)) {
    case 0:
        value++;
        break;
    case 1:
        value--;
        break;
    case 2:
        value = fuzz_draw(draws, 2) == 0 ? 0 : UINT64_MAX;
        break;
    case 3:
        value = other;
        break;
    case 4:
        value += fuzz_draw(draws, 16);
        break;
    default:
        value ^= UINT64_C(1) << fuzz_draw(draws, 8 * field.bytes);
        break;
    }
    for (unsigned i = 0; i < field.bytes; i++)
        bytes[field.at + i] = (uint8_t)(value >> 8 * i);
}

static void bend_frame(uint8_t *bytes, size_t room, const uint8_t *other, struct fuzz_draws *draws)
{
    struct field field = frame_fields[fuzz_draw(draws, sizeof frame_fields / sizeof *frame_fields)];
    bool has_mark = bytes[TYPE_AT] == FRAME_LINK || bytes[TYPE_AT] == FRAME_TRIM;

    if (has_mark && room >= KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES && fuzz_draw(draws, 4) != 0) {
        field = bytes[TYPE_AT] == FRAME_TRIM
                    ? link_fields[0]
                    : link_fields[fuzz_draw(draws, sizeof link_fields / sizeof *link_fields)];
        field.at += KAYA_FRAME_HEADER_BYTES;
        bend_field(bytes, field, 1, draws);
        return;
    }
    bend_field(bytes, field, load_field(other + field.at, field.bytes), draws);
}

void fuzz_segment_bend(uint8_t *bytes, size_t size, struct fuzz_draws *draws)
{
    static size_t ends[FUZZ_FRAMES_MAX];
    struct fuzz_segment segment;
    size_t count;
    size_t one, other;

    fuzz_segment_read(&segment, 0, bytes, size);
    count = fuzz_segment_ends(&segment, ends, FUZZ_FRAMES_MAX);
    if (count < 2 || fuzz_draw(draws, 8) == 0) {
        if (size >= KAYA_SEGMENT_HEADER_BYTES)
            bend_field(bytes, header_fields[fuzz_draw(draws, sizeof header_fields / sizeof *header_fields)],
                       1, draws);
        return;
    }
    one = fuzz_draw(draws, 4) == 0 ? 0 : (size_t)fuzz_draw(draws, count - 1);
    other = (size_t)fuzz_draw(draws, count - 1);
    bend_frame(bytes + ends[one], size - ends[one], bytes + ends[other], draws);
}
