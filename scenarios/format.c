/* The page, in code: sections 2 and 3 of core/FORMAT.md, and nothing that core knows beyond them.
 *
 * It is plain: a file is in memory, and looked at from the front. What is read again, past a cache or in windows, is core's business:
 * here the bytes are what they are. A frame of which one bit differs from the undamaged file is taken from that file. */
#include "kaya/scenarios/format.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    CRC_ROWS = 8,
    PLACES_APART = 512,      /* at a multiple of it a second header may stand ... */
    HEADER_DISTANCE = 65536, /* ... so far in at most */
    ROOM_MIN = 40,
    LINK_ROOM = KAYA_FORMAT_FRAME_BYTES + KAYA_FORMAT_LINK_BYTES +
                ROOM_MIN,   /* with what may pad it to the end of a block */
    FIELDS_BYTES = 80,      /* of a header: zeros behind them */
    SIZE_MAX_BYTES = 65536, /* of a block or a unit */
    SEGMENT_BYTES_MAX = 1 << 30,
    SKIPPABLE_TYPES = 0x80, /* from here on */
    FIRST_PREFIX_BYTES = 8,
    MEMBER_BYTES = 4,
    MEMBER_TYPE_BITS = 3,
    RECORD_TYPES_END = 5,
    /* places in a frame */
    HCRC = 4,
    CHECK = 8,
    LENGTH = 12,
    TYPE = 14,
    FLAGS = 15,
    PLACE = 16,
    DURABLE = 20,
    SEQUENCE = 24,
};

uint64_t kaya_format_load(const uint8_t *bytes, unsigned count)
{
    uint64_t value = 0;

    for (unsigned i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* CRC32C from its polynomial, by what each byte does that stands so many bytes in front of the end. */
struct crc_tables {
    uint32_t rows[CRC_ROWS][256];
};

static void fill_tables(struct crc_tables *tables)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;

        for (unsigned bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
        tables->rows[0][i] = value;
    }
    for (unsigned row = 1; row < CRC_ROWS; row++)
        for (uint32_t i = 0; i < 256; i++)
            tables->rows[row][i] =
                tables->rows[row - 1][i] >> 8 ^ tables->rows[0][tables->rows[row - 1][i] & 255];
}

static uint32_t crc(uint32_t seed, const uint8_t *bytes, size_t length)
{
    static struct crc_tables tables;
    uint32_t sum = ~seed;

    if (tables.rows[0][1] == 0)
        fill_tables(&tables);
    for (; length >= CRC_ROWS; length -= CRC_ROWS, bytes += CRC_ROWS) {
        uint32_t low = sum ^ load32(bytes), high = load32(bytes + 4);

        sum = tables.rows[7][low & 255] ^ tables.rows[6][low >> 8 & 255] ^ tables.rows[5][low >> 16 & 255] ^
              tables.rows[4][low >> 24] ^ tables.rows[3][high & 255] ^ tables.rows[2][high >> 8 & 255] ^
              tables.rows[1][high >> 16 & 255] ^ tables.rows[0][high >> 24];
    }
    for (; length > 0; length--)
        sum = sum >> 8 ^ tables.rows[0][(sum ^ *bytes++) & 255];
    return ~sum;
}

static uint32_t crc_of_number(uint32_t seed, uint64_t number, unsigned count)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < count; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    return crc(seed, bytes, count);
}

static uint64_t lower(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* --- The header --- */

/* A power of two from the smallest block to the largest. */
static bool is_size(uint64_t bytes)
{
    return bytes >= PLACES_APART && bytes <= SIZE_MAX_BYTES && (bytes & (bytes - 1)) == 0;
}

static bool are_zeros(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* Do sizes, numbers and zeros stand in it as they may? */
static bool are_header_fields(const uint8_t bytes[KAYA_FORMAT_HEADER_BYTES])
{
    uint64_t block = load32(bytes + 28), unit = load32(bytes + 32), segment = kaya_format_load(bytes + 40, 8);
    uint64_t header = block > unit ? block : unit;

    return kaya_format_load(bytes + 12, 2) != 0 && are_zeros(bytes + 14, 2) && is_size(block) &&
           (unit == 0 || is_size(unit)) && segment >= 8 * header && segment <= SEGMENT_BYTES_MAX &&
           segment % header == 0 && !are_zeros(bytes + 48, KAYA_FORMAT_ID_BYTES) &&
           kaya_format_load(bytes + 64, 8) != 0 &&
           are_zeros(bytes + FIELDS_BYTES, KAYA_FORMAT_HEADER_BYTES - FIELDS_BYTES);
}

/* What a file that was cut lacks of it reads as zeros, which its last fields are. */
bool kaya_format_is_header(const struct kaya_image_file *file, uint64_t at)
{
    uint8_t bytes[KAYA_FORMAT_HEADER_BYTES] = { 0 };

    if (at + FIELDS_BYTES > file->size_bytes)
        return false;
    memcpy(bytes, file->bytes + at, (size_t)lower(file->size_bytes - at, sizeof bytes));
    return memcmp(bytes, "kaya-wal", 8) == 0 && load32(bytes + 8) == crc(0, bytes + 12, sizeof bytes - 12) &&
           are_header_fields(bytes);
}

/* What the copy at that place says of its segment; false: it is none, or stands where its own shape has none. */
static bool take_header(struct kaya_format_segment *segment, uint64_t at)
{
    const uint8_t *bytes;
    uint64_t distance;

    if (!kaya_format_is_header(segment->file, at))
        return false;
    bytes = segment->file->bytes + at;
    segment->block_bytes = load32(bytes + 28);
    segment->unit_bytes = load32(bytes + 32);
    segment->segment_bytes = kaya_format_load(bytes + 40, 8);
    segment->header_bytes =
        segment->block_bytes > segment->unit_bytes ? segment->block_bytes : segment->unit_bytes;
    distance = lower(segment->segment_bytes / 2, HEADER_DISTANCE);
    segment->second_header = distance - distance % segment->header_bytes;
    segment->first_frame =
        segment->header_bytes == segment->second_header ? 2 * segment->header_bytes : segment->header_bytes;
    segment->log_id = bytes + 48;
    segment->segment_seed = crc(0, bytes + 48, 32); /* log id, number and salt stand side by side */
    segment->base_seed = segment->segment_seed;
    segment->state =
        kaya_format_load(bytes + 64, 8) == segment->number ? KAYA_FORMAT_LINKLESS : KAYA_FORMAT_STRANGE;
    return at == 0 || at == segment->second_header;
}

void kaya_format_link(const uint8_t *payload, struct kaya_format_link *link)
{
    *link = (struct kaya_format_link){ .base_lsn = kaya_format_load(payload, 8),
                                       .predecessor = kaya_format_load(payload + 8, 8),
                                       .predecessor_end = kaya_format_load(payload + 16, 8),
                                       .carried_end = kaya_format_load(payload + 24, 8),
                                       .low_water_lsn = kaya_format_load(payload + 32, 8),
                                       .epoch = kaya_format_load(payload + 40, 8),
                                       .nonce = load32(payload + 48),
                                       .chain = load32(payload + 52) };
}

uint32_t kaya_format_chain(const struct kaya_format_segment *segment, uint64_t end)
{
    uint32_t sum = crc_of_number(0, segment->link.chain, 4);

    return crc_of_number(crc_of_number(sum, segment->base_seed, 4), end, 8);
}

/* --- Frames --- */

uint64_t kaya_format_behind(const struct kaya_format_segment *segment, uint64_t end)
{
    return end == segment->second_header ? end + segment->header_bytes : end;
}

static uint64_t block_end(const struct kaya_format_segment *segment, uint64_t offset)
{
    return (offset / segment->block_bytes + 1) * segment->block_bytes;
}

static bool has_room(const struct kaya_format_segment *segment, uint64_t available, uint64_t offset)
{
    return offset % 4 == 0 && offset < segment->segment_bytes && available >= KAYA_FORMAT_FRAME_BYTES &&
           block_end(segment, offset) - offset >= ROOM_MIN;
}

static bool is_length_of(uint8_t type, uint32_t length)
{
    switch (type) {
    case KAYA_FORMAT_WATERMARK:
    case KAYA_FORMAT_CLOSE:
        return length == 0;
    case KAYA_FORMAT_LINK:
        return length == KAYA_FORMAT_LINK_BYTES;
    case KAYA_FORMAT_TRIM:
        return length == 8;
    case KAYA_FORMAT_FIRST:
        return length > FIRST_PREFIX_BYTES;
    case KAYA_FORMAT_MIDDLE:
    case KAYA_FORMAT_LAST:
        return length > 0;
    default:
        return true;
    }
}

/* The fields of what would be a frame at `offset`, of the bytes from there on; false: no writer meant them. */
static bool take_fields(const struct kaya_format_segment *segment, const uint8_t *bytes, uint64_t available,
                        uint64_t offset, struct kaya_format_frame *frame)
{
    bool holds_record;

    if (!has_room(segment, available, offset))
        return false;
    *frame = (struct kaya_format_frame){ .offset = offset,
                                         .watermark = (uint64_t)load32(bytes + DURABLE) * 4,
                                         .sequence = load32(bytes + SEQUENCE),
                                         .length = (uint32_t)kaya_format_load(bytes + LENGTH, 2),
                                         .type = bytes[TYPE],
                                         .flags = bytes[FLAGS],
                                         .payload = bytes + KAYA_FORMAT_FRAME_BYTES };
    frame->end = (offset + KAYA_FORMAT_FRAME_BYTES + frame->length + 3) / 4 * 4;
    holds_record = frame->type == KAYA_FORMAT_FULL || frame->type == KAYA_FORMAT_FIRST;
    if (frame->type == 0 || (frame->type >= KAYA_FORMAT_TYPES_END && frame->type < SKIPPABLE_TYPES) ||
        frame->end > block_end(segment, offset) || load32(bytes + PLACE) != offset / 4 ||
        frame->watermark > offset || !is_length_of(frame->type, frame->length) ||
        (holds_record ? frame->flags == 0 || frame->flags > KAYA_FORMAT_BATCH : frame->flags != 0) ||
        (frame->type == KAYA_FORMAT_LINK) != (offset == segment->first_frame))
        return false;
    if (block_end(segment, offset) - frame->end < ROOM_MIN)
        frame->end = block_end(segment, offset);
    return true;
}

static uint32_t frame_seed(const struct kaya_format_segment *segment, const struct kaya_format_frame *frame)
{
    return crc_of_number(frame->type == KAYA_FORMAT_LINK ? segment->segment_seed : segment->base_seed,
                         frame->offset / 4, 4);
}

static const uint8_t *start_of(const struct kaya_format_frame *frame)
{
    return frame->payload - KAYA_FORMAT_FRAME_BYTES;
}

static bool is_valid(const struct kaya_format_segment *segment, const uint8_t *bytes, uint64_t available,
                     uint64_t offset, struct kaya_format_frame *frame)
{
    return take_fields(segment, bytes, available, offset, frame) && frame->end - offset <= available &&
           load32(bytes) == crc(frame_seed(segment, frame), bytes + HCRC, (size_t)(frame->end - offset) - HCRC);
}

static uint64_t available_in(const struct kaya_image_file *file, uint64_t offset)
{
    return offset < file->size_bytes ? file->size_bytes - offset : 0;
}

static bool is_valid_in(const struct kaya_format_segment *segment, const struct kaya_image_file *file,
                        uint64_t offset, struct kaya_format_frame *frame)
{
    uint64_t available = available_in(file, offset);

    return available > 0 && is_valid(segment, file->bytes + offset, available, offset, frame);
}

static unsigned count_differing(const struct kaya_image_file *one, const struct kaya_image_file *other,
                                uint64_t from, uint64_t end)
{
    unsigned bits = 0;

    for (uint64_t at = from; at < end && bits < 2; at++)
        bits += (unsigned)__builtin_popcount((unsigned)(one->bytes[at] ^ other->bytes[at]));
    return bits;
}

bool kaya_format_frame(const struct kaya_format_segment *segment, uint64_t offset, struct kaya_format_frame *frame)
{
    const struct kaya_image_file *truth = segment->truth;

    if (is_valid_in(segment, segment->file, offset, frame))
        return true;
    if (truth == NULL || !is_valid_in(segment, truth, offset, frame) || frame->end > segment->file->size_bytes ||
        count_differing(segment->file, truth, offset, frame->end) != 1 ||
        !kaya_format_second_check_holds(segment, frame) || !kaya_format_header_check_holds(segment, frame))
        return false;
    frame->is_mended = true;
    return true;
}

bool kaya_format_header_check_holds(const struct kaya_format_segment *segment,
                                    const struct kaya_format_frame *frame)
{
    uint32_t seed = crc_of_number(segment->segment_seed, frame->offset / 4, 4);

    return load32(start_of(frame) + HCRC) == crc(seed, start_of(frame) + CHECK, KAYA_FORMAT_FRAME_BYTES - CHECK);
}

bool kaya_format_second_check_holds(const struct kaya_format_segment *segment,
                                    const struct kaya_format_frame *frame)
{
    uint64_t sum = XXH3_64bits(frame->payload, frame->length) ^
                   XXH3_64bits(start_of(frame) + LENGTH, KAYA_FORMAT_FRAME_BYTES - LENGTH);

    return load32(start_of(frame) + CHECK) == ((uint32_t)sum ^ frame_seed(segment, frame));
}

bool kaya_format_stray(const struct kaya_format_segment *segment, uint64_t offset, struct kaya_format_frame *frame)
{
    uint64_t available = available_in(segment->file, offset);

    return available > 0 && take_fields(segment, segment->file->bytes + offset, available, offset, frame) &&
           kaya_format_header_check_holds(segment, frame);
}

bool kaya_format_next_stray(const struct kaya_format_segment *segment, uint64_t end, uint32_t sequence,
                            uint64_t from, struct kaya_format_frame *frame)
{
    uint64_t size = lower(segment->file->size_bytes, segment->segment_bytes);

    for (uint64_t at = from; at + KAYA_FORMAT_FRAME_BYTES <= size; at += 4) {
        if (load32(segment->file->bytes + at + PLACE) != at / 4)
            continue;
        if (at < segment->header_bytes ||
            (at >= segment->second_header && at < segment->second_header + segment->header_bytes))
            continue;
        if (kaya_format_stray(segment, at, frame) && frame->sequence >= sequence &&
            frame->sequence - sequence <= (at - end) / 4)
            return true;
    }
    return false;
}

/* --- Opening --- */

/* What lies behind the end of the file is zeros to a link. */
static bool find_link(const struct kaya_format_segment *segment, uint8_t bytes[LINK_ROOM],
                      struct kaya_format_frame *frame)
{
    uint64_t available = available_in(segment->file, segment->first_frame);

    if (available == 0 || available >= LINK_ROOM)
        return kaya_format_frame(segment, segment->first_frame, frame);
    memset(bytes, 0, LINK_ROOM);
    memcpy(bytes, segment->file->bytes + segment->first_frame, (size_t)available);
    return is_valid(segment, bytes, LINK_ROOM, segment->first_frame, frame);
}

static void take_link(struct kaya_format_segment *segment)
{
    struct kaya_format_frame frame;
    uint8_t bytes[LINK_ROOM];

    if (segment->state != KAYA_FORMAT_LINKLESS || !find_link(segment, bytes, &frame))
        return;
    kaya_format_link(frame.payload, &segment->link);
    segment->base_seed = crc_of_number(segment->segment_seed, segment->link.nonce, 4);
    segment->state = KAYA_FORMAT_LINKED;
}

/* Where two good copies differ, the one under which the link is valid counts; without a link the first. */
void kaya_format_open(struct kaya_format_segment *segment, const struct kaya_image_file *file,
                      const struct kaya_image_file *truth, uint64_t number)
{
    const struct kaya_format_segment none = { .file = file, .truth = truth, .number = number };

    *segment = none;
    if (!take_header(segment, 0))
        *segment = none;
    take_link(segment);
    for (uint64_t at = PLACES_APART; at <= HEADER_DISTANCE && segment->state != KAYA_FORMAT_LINKED;
         at += PLACES_APART) {
        struct kaya_format_segment found = none;

        if (segment->state == KAYA_FORMAT_LINKLESS && at != segment->second_header)
            continue;
        if (!take_header(&found, at))
            continue;
        take_link(&found);
        if (found.state > segment->state)
            *segment = found;
    }
}

/* --- Entries --- */

/* So many members fill the bytes exactly; 0: they do not. */
static uint32_t count_members(const uint8_t *bytes, uint64_t length)
{
    uint64_t at = 0;
    uint32_t count = 0;

    while (length - at >= MEMBER_BYTES) {
        uint32_t word = load32(bytes + at);
        uint32_t type = word & ((1u << MEMBER_TYPE_BITS) - 1);

        at += MEMBER_BYTES;
        if (type == 0 || type >= RECORD_TYPES_END || word >> MEMBER_TYPE_BITS > length - at)
            return 0;
        at += word >> MEMBER_TYPE_BITS;
        count++;
    }
    return at == length ? count : 0;
}

/* The fragments behind FIRST, into `record` as well, where that is not NULL. False: they break off. */
static bool follow(struct kaya_format_walk *walk, struct kaya_format_entry *entry, uint8_t *record, uint64_t total)
{
    uint64_t done = entry->first.length - FIRST_PREFIX_BYTES;

    if (record != NULL)
        memcpy(record, entry->first.payload + FIRST_PREFIX_BYTES, done);
    while (done < total) {
        uint64_t place = kaya_format_behind(walk->segment, entry->last.end);
        struct kaya_format_frame part;

        if (place >= walk->limit || !kaya_format_frame(walk->segment, place, &part) ||
            part.sequence != entry->first.sequence || part.length > total - done ||
            part.type != (part.length == total - done ? KAYA_FORMAT_LAST : KAYA_FORMAT_MIDDLE))
            return false;
        if (record != NULL)
            memcpy(record + done, part.payload, part.length);
        done += part.length;
        walk->mended_count += part.is_mended;
        entry->last = part;
    }
    return true;
}

static bool gather(struct kaya_format_walk *walk, struct kaya_format_entry *entry)
{
    uint64_t total = kaya_format_load(entry->first.payload, FIRST_PREFIX_BYTES);
    bool is_batch = entry->first.flags == KAYA_FORMAT_BATCH;
    uint8_t *record;
    bool is_whole;

    if (total > walk->segment->segment_bytes || total <= entry->first.length - FIRST_PREFIX_BYTES)
        return false;
    record = is_batch ? malloc((size_t)total) : NULL;
    is_whole = follow(walk, entry, record, total);
    entry->count = 1;
    if (is_batch && record != NULL && is_whole)
        entry->count = count_members(record, total);
    free(record);
    return is_whole && entry->count > 0;
}

uint32_t kaya_format_members(const struct kaya_format_frame *frame)
{
    return frame->type == KAYA_FORMAT_FULL && frame->flags == KAYA_FORMAT_BATCH
               ? count_members(frame->payload, frame->length)
               : frame->type == KAYA_FORMAT_FULL;
}

bool kaya_format_next(struct kaya_format_walk *walk, struct kaya_format_entry *entry)
{
    uint64_t place = walk->end == 0 ? walk->segment->first_frame : kaya_format_behind(walk->segment, walk->end);
    uint64_t mended_before = walk->mended_count;
    bool is_whole = true;

    walk->end = walk->end == 0 ? place : walk->end;
    walk->is_broken = false;
    if (place >= walk->limit || !kaya_format_frame(walk->segment, place, &entry->first) ||
        entry->first.sequence != walk->sequence || entry->first.type == KAYA_FORMAT_MIDDLE ||
        entry->first.type == KAYA_FORMAT_LAST)
        return false;
    walk->mended_count += entry->first.is_mended;
    entry->last = entry->first;
    entry->is_record = entry->first.type == KAYA_FORMAT_FULL || entry->first.type == KAYA_FORMAT_FIRST;
    entry->count = entry->is_record;
    if (entry->first.type == KAYA_FORMAT_FIRST)
        is_whole = gather(walk, entry);
    else if (entry->is_record && entry->first.flags == KAYA_FORMAT_BATCH)
        is_whole = (entry->count = count_members(entry->first.payload, entry->first.length)) > 0;
    if (!is_whole) {
        walk->mended_count = mended_before;
        walk->is_broken = true;
        return false;
    }
    walk->watermark = entry->last.watermark > walk->watermark ? entry->last.watermark : walk->watermark;
    walk->end = entry->last.end;
    walk->sequence += entry->count;
    return true;
}
