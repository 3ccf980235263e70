/* Bytes <-> frame, link and segment header (FORMAT.md, sections 2 and 3).
 *
 *   pcrc hcrc check len type flags off4 dur4 seq | payload | zeros
 *   0    4    8     12  14   15    16   20   24  | 28      |       extent
 *
 * Decides whether the bytes at one place are a frame of this segment, and if not, which check says so first. Nothing is
 * remembered and nothing is read but the bytes handed in.
 *
 * Invariants:
 *   1. A length is used for nothing before it is known to end inside the block and inside the bytes at hand.
 *   2. Valid means: pcrc holds and the fields are plausible. hcrc and check have no say in it, so that every reader agrees.
 *   3. What the encoder writes the decoder takes, and its bytes are the only ones that say it: padding is zero.
 *   4. The good path goes over the bytes once: pcrc covers all that the other two checks cover.
 *
 * A crash can leave any mixture of this frame and older bytes here. An intact frame of another place, life, segment or log
 * never validates: its CRC was taken under another seed, and a CRC is a bijection of its seed. Mixtures pass with the odds
 * worked out in FORMAT.md, "Odds". One flipped bit is left to mend.c, claims and verdicts to the scan. */
#include "frame.h"

#include "bytes.h"
#include "checksum.h"

/* Places of the fields. */
enum {
    PCRC = 0,
    HCRC = 4,
    CHECK = 8,
    LENGTH = 12,
    TYPE = 14,
    FLAGS = 15,
    OFFSET = 16,
    DURABLE = 20,
    SEQUENCE = 24,
};

/* --- Seeds ---------------------------------------------------------------------------------------------------------- */

uint32_t kaya_segment_seed(const struct kaya_wal_log_id *log_id, uint64_t number, uint64_t salt)
{
    uint8_t bytes[sizeof log_id->bytes + 16];

    memcpy(bytes, log_id->bytes, sizeof log_id->bytes);
    store64(bytes + sizeof log_id->bytes, number);
    store64(bytes + sizeof log_id->bytes + 8, salt);
    return kaya_crc32c(0, bytes, sizeof bytes);
}

uint32_t kaya_base_seed(uint32_t segment_seed, uint32_t nonce)
{
    return kaya_crc32c_words(segment_seed, &nonce, 1);
}

static uint32_t offset_word(uint64_t offset)
{
    return (uint32_t)(offset / 4);
}

uint32_t kaya_frame_header_check(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset)
{
    uint32_t words[] = { offset_word(offset),    load32(bytes + CHECK),   load32(bytes + LENGTH),
                         load32(bytes + OFFSET), load32(bytes + DURABLE), load32(bytes + SEQUENCE) };

    return kaya_crc32c_words(segment_seed, words, sizeof words / sizeof words[0]);
}

static uint32_t frame_seed(const struct frame_seeds *seeds, const struct frame *frame)
{
    uint32_t word = offset_word(frame->offset_bytes);

    return kaya_crc32c_words(frame->type == FRAME_LINK ? seeds->segment : seeds->base, &word, 1);
}

uint32_t kaya_frame_payload_check(const uint8_t *bytes, const struct frame_seeds *seeds, const struct frame *frame)
{
    return kaya_crc32c_behind(frame->type == FRAME_LINK ? seeds->segment : seeds->base,
                              offset_word(frame->offset_bytes), bytes + HCRC, frame->extent_bytes - HCRC);
}

/* Over all that a reader uses of a frame, and bound to its seed, by another hash than the CRCs:
 *   - damage to the header that hcrc misses, pcrc misses as well, since both are remainders by one polynomial;
 *   - a stale frame of the segment's earlier nonce, good in all but pcrc, could pass as one whose pcrc has a bit flipped. */
static uint32_t second_check(const uint8_t fields[KAYA_FRAME_HEADER_BYTES - LENGTH], const uint8_t *payload,
                             uint32_t length, uint32_t seed)
{
    return kaya_check32(payload, length) ^ kaya_check32(fields, KAYA_FRAME_HEADER_BYTES - LENGTH) ^ seed;
}

uint32_t kaya_frame_second_check(const uint8_t *bytes, const struct frame_seeds *seeds, const struct frame *frame)
{
    return second_check(bytes + LENGTH, bytes + KAYA_FRAME_HEADER_BYTES, frame->length, frame_seed(seeds, frame));
}

/* --- Fields --------------------------------------------------------------------------------------------------------- */

static bool type_is_known(uint8_t type)
{
    return (type > 0 && type < FRAME_TYPES_END) || (type & FRAME_SKIPPABLE) != 0;
}

/* What the fields of each type may be. Of a type that is not known nothing is known but that its flags are zero. */
struct limits {
    uint16_t length_min, length_max;
    uint8_t flags_min, flags_max;
};
static const struct limits LIMITS[FRAME_TYPES_END + 1] = {
    [FRAME_FULL] = { 0, UINT16_MAX, KAYA_RECORD_PUT, FRAME_FLAG_BATCH },
    [FRAME_FIRST] = { KAYA_FIRST_PREFIX_BYTES + 1, UINT16_MAX, KAYA_RECORD_PUT, FRAME_FLAG_BATCH },
    [FRAME_MIDDLE] = { 1, UINT16_MAX, 0, 0 },
    [FRAME_LAST] = { 1, UINT16_MAX, 0, 0 },
    [FRAME_PAD] = { 0, UINT16_MAX, 0, 0 },
    [FRAME_WATERMARK] = { 0, 0, 0, 0 },
    [FRAME_CLOSE] = { 0, 0, 0, 0 },
    [FRAME_LINK] = { KAYA_LINK_BYTES, KAYA_LINK_BYTES, 0, 0 },
    [FRAME_TRIM] = { KAYA_TRIM_BYTES, KAYA_TRIM_BYTES, 0, 0 },
    [FRAME_TYPES_END] = { 0, UINT16_MAX, 0, 0 },
};

/* Fields that some version of a writer could have meant, but for the type's being known. */
static inline bool fields_are_plausible(const struct shape *shape, const struct frame *frame, uint64_t offset)
{
    const struct limits *limits = &LIMITS[frame->type < FRAME_TYPES_END ? frame->type : FRAME_TYPES_END];

    return frame->type != 0 && frame->flags >= limits->flags_min && frame->flags <= limits->flags_max &&
           frame->length >= limits->length_min && frame->length <= limits->length_max &&
           frame->length <= kaya_frame_room(shape, offset) && frame->offset_bytes == offset &&
           frame->durable_bytes <= offset &&
           (frame->type == FRAME_LINK) == kaya_shape_is_first_frame(shape, offset);
}

static inline void load_fields(const uint8_t *bytes, struct frame *frame)
{
    frame->type = bytes[TYPE];
    frame->flags = bytes[FLAGS];
    frame->length = load16(bytes + LENGTH);
    frame->offset_bytes = (uint64_t)load32(bytes + OFFSET) * 4;
    frame->durable_bytes = (uint64_t)load32(bytes + DURABLE) * 4;
    frame->sequence = load32(bytes + SEQUENCE);
    frame->payload = NULL;
    frame->extent_bytes = 0;
}

/* --- Frames --------------------------------------------------------------------------------------------------------- */

uint32_t kaya_frame_encode(uint8_t *out, const struct shape *shape, const struct frame_seeds *seeds,
                           const struct frame *frame)
{
    uint32_t extent = kaya_frame_extent(shape, frame->offset_bytes, frame->length);

    KAYA_ASSERT(frame->offset_bytes % 4 == 0);
    KAYA_ASSERT(frame->durable_bytes % 4 == 0);
    KAYA_ASSERT(fields_are_plausible(shape, frame, frame->offset_bytes));
    kaya_frame_put(out, seeds, frame, extent - KAYA_FRAME_HEADER_BYTES - frame->length);
    return extent;
}

/* Whether a frame may begin at `offset`, and a header is at hand. */
static bool has_room(size_t available, const struct shape *shape, uint64_t offset)
{
    return offset % 4 == 0 && offset < shape->segment_bytes &&
           kaya_frame_rest(shape, offset) >= KAYA_FRAME_ROOM_MIN && available >= KAYA_FRAME_HEADER_BYTES;
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    uint8_t all = 0;

    for (size_t i = 0; i < length; i++)
        all |= bytes[i];
    return all == 0;
}

/* Why is this no frame? Apart from the good path, which is what a scan does all day. */
static __attribute__((noinline)) enum frame_fault find_fault(const uint8_t *bytes, size_t available,
                                                             const struct shape *shape, uint32_t segment_seed,
                                                             uint64_t offset, const struct frame *frame)
{
    if (is_zero(bytes, KAYA_FRAME_HEADER_BYTES))
        return FRAME_FAULT_ZERO;
    if (!kaya_frame_header_check_holds(bytes, segment_seed, offset))
        return FRAME_FAULT_HEADER;
    if (!fields_are_plausible(shape, frame, offset) || !type_is_known(frame->type))
        return FRAME_FAULT_FIELDS;
    return kaya_frame_extent(shape, offset, frame->length) <= available ? FRAME_FAULT_PAYLOAD : FRAME_FAULT_ROOM;
}

enum frame_fault kaya_frame_decode(const uint8_t *bytes, size_t available, const struct shape *shape,
                                   const struct frame_seeds *seeds, uint64_t offset, struct frame *frame)
{
    if (!has_room(available, shape, offset))
        return FRAME_FAULT_ROOM;
    load_fields(bytes, frame);
    if (fields_are_plausible(shape, frame, offset)) {
        frame->extent_bytes = kaya_frame_extent(shape, offset, frame->length);
        if (frame->extent_bytes <= available) {
            frame->payload = bytes + KAYA_FRAME_HEADER_BYTES;
            if (kaya_frame_payload_check(bytes, seeds, frame) == load32(bytes + PCRC))
                return type_is_known(frame->type) ? FRAME_FAULT_NONE : FRAME_FAULT_UNKNOWN;
        }
    }
    return find_fault(bytes, available, shape, seeds->segment, offset, frame);
}

/* Where another frame has room behind it, a record ends where its bytes end, and no other shape has a say in it. */
bool kaya_frame_decode_inside(const uint8_t *bytes, size_t rest, const struct frame_seeds *seeds,
                              uint64_t offset, struct frame *frame)
{
    if (rest < KAYA_FRAME_HEADER_BYTES)
        return false;
    load_fields(bytes, frame);
    frame->extent_bytes = kaya_frame_extent_inside(frame->length);
    if (frame->type != FRAME_FULL || frame->flags < KAYA_RECORD_PUT || frame->flags > FRAME_FLAG_BATCH ||
        frame->offset_bytes != offset || frame->durable_bytes > offset ||
        frame->extent_bytes + (size_t)KAYA_FRAME_ROOM_MIN > rest)
        return false;
    frame->payload = bytes + KAYA_FRAME_HEADER_BYTES;
    return kaya_frame_payload_check(bytes, seeds, frame) == load32(bytes + PCRC);
}

bool kaya_frame_header(const uint8_t *bytes, size_t available, const struct shape *shape,
                       uint32_t segment_seed, uint64_t offset, struct frame *frame)
{
    if (!has_room(available, shape, offset))
        return false;
    load_fields(bytes, frame);
    if (!type_is_known(frame->type) || !fields_are_plausible(shape, frame, offset))
        return false;
    frame->extent_bytes = kaya_frame_extent(shape, offset, frame->length);
    if (frame->extent_bytes <= available)
        frame->payload = bytes + KAYA_FRAME_HEADER_BYTES;
    return kaya_frame_header_check_holds(bytes, segment_seed, offset);
}

bool kaya_frame_header_check_holds(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset)
{
    return kaya_frame_header_check(bytes, segment_seed, offset) == load32(bytes + HCRC);
}

bool kaya_frame_second_check_holds(const uint8_t *bytes, const struct frame_seeds *seeds, const struct frame *frame)
{
    return kaya_frame_second_check(bytes, seeds, frame) == load32(bytes + CHECK);
}

const char *kaya_frame_fault_text(enum frame_fault fault)
{
    switch (fault) {
#define CASE(NAME, text)                                                                                     \
    case FRAME_FAULT_##NAME:                                                                                 \
        return text;
        KAYA_FRAME_FAULT_LIST(CASE)
#undef CASE
    }
    return "?";
}

/* --- LINK ----------------------------------------------------------------------------------------------------------- */

/* One list for both directions. X(bits, place, field) */
#define LINK_FIELDS(X)                                                                                       \
    X(64, 0, base_lsn)                                                                                       \
    X(64, 8, predecessor)                                                                                    \
    X(64, 16, predecessor_end)                                                                               \
    X(64, 24, carried_end)                                                                                   \
    X(64, 32, low_water_lsn)                                                                                 \
    X(64, 40, epoch)                                                                                         \
    X(32, 48, nonce)                                                                                         \
    X(32, 52, chain)

void kaya_link_encode(uint8_t out[KAYA_LINK_BYTES], const struct link *link)
{
#define STORE(bits, place, field) store##bits(out + (place), link->field);
    LINK_FIELDS(STORE)
#undef STORE
}

void kaya_link_decode(const uint8_t bytes[KAYA_LINK_BYTES], struct link *link)
{
#define LOAD(bits, place, field) link->field = load##bits(bytes + (place));
    LINK_FIELDS(LOAD)
#undef LOAD
}

bool kaya_number_is_plausible(uint64_t number)
{
    return number >= 1 && number <= UINT64_MAX / 4;
}

uint32_t kaya_link_chain(uint32_t predecessor_chain, uint32_t predecessor_base_seed, uint64_t end)
{
    uint8_t bytes[16];

    store32(bytes, predecessor_chain);
    store32(bytes + 4, predecessor_base_seed);
    store64(bytes + 8, end);
    return kaya_crc32c(0, bytes, sizeof bytes);
}

/* --- Segment header ------------------------------------------------------------------------------------------------- */

static const uint8_t MAGIC[8] = { 'k', 'a', 'y', 'a', '-', 'w', 'a', 'l' };

/* Places of what is no field of the list below, and of the zeros between the fields. */
enum {
    HEADER_CHECK = 8,
    HEADER_CHECKED = 12,
    HEADER_ZERO = 14,
    HEADER_ZERO_BYTES = 2,
    HEADER_LOG_ID = 48,
    HEADER_END_ZERO = 80,
    HEADER_END_ZERO_BYTES = 16,
};

/* X(bits, place, field) */
#define SEGMENT_HEADER_FIELDS(X)                                                                             \
    X(16, 12, version)                                                                                       \
    X(32, 16, incompatible)                                                                                  \
    X(32, 20, read_compatible)                                                                               \
    X(32, 24, compatible)                                                                                    \
    X(32, 28, shape.block_bytes)                                                                             \
    X(32, 32, shape.unit_bytes)                                                                              \
    X(32, 36, previous_seed)                                                                                 \
    X(64, 40, shape.segment_bytes)                                                                           \
    X(64, 64, number)                                                                                        \
    X(64, 72, salt)

void kaya_segment_header_encode(uint8_t out[KAYA_SEGMENT_HEADER_BYTES], const struct segment_header *header)
{
    memset(out, 0, KAYA_SEGMENT_HEADER_BYTES);
    memcpy(out, MAGIC, sizeof MAGIC);
#define STORE(bits, place, field) store##bits(out + (place), header->field);
    SEGMENT_HEADER_FIELDS(STORE)
#undef STORE
    memcpy(out + HEADER_LOG_ID, header->log_id.bytes, sizeof header->log_id.bytes);
    store32(out + HEADER_CHECK, kaya_crc32c(0, out + HEADER_CHECKED, KAYA_SEGMENT_HEADER_BYTES - HEADER_CHECKED));
}

static bool segment_header_is_plausible(const uint8_t *bytes, const struct segment_header *header)
{
    return header->version != 0 && header->number != 0 && kaya_shape_is_valid(&header->shape) &&
           !is_zero(header->log_id.bytes, sizeof header->log_id.bytes) &&
           is_zero(bytes + HEADER_ZERO, HEADER_ZERO_BYTES) &&
           is_zero(bytes + HEADER_END_ZERO, HEADER_END_ZERO_BYTES);
}

enum header_fault kaya_segment_header_decode(const uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES],
                                             struct segment_header *header)
{
    memset(header, 0, sizeof *header);
    if (memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return HEADER_FAULT_MAGIC;
    if (load32(bytes + HEADER_CHECK) !=
        kaya_crc32c(0, bytes + HEADER_CHECKED, KAYA_SEGMENT_HEADER_BYTES - HEADER_CHECKED))
        return HEADER_FAULT_CHECK;
#define LOAD(bits, place, field) header->field = load##bits(bytes + (place));
    SEGMENT_HEADER_FIELDS(LOAD)
#undef LOAD
    memcpy(header->log_id.bytes, bytes + HEADER_LOG_ID, sizeof header->log_id.bytes);
    if (header->version > KAYA_FORMAT_VERSION || header->incompatible != 0)
        return HEADER_FAULT_VERSION;
    return segment_header_is_plausible(bytes, header) ? HEADER_FAULT_NONE : HEADER_FAULT_FIELDS;
}
