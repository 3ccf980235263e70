/* Opening a segment: names, the two header copies, the link.
 *
 * A segment's first copy of the header stands at offset 0. The second one's place hangs on the shape, which the header
 * itself holds, so with a bad first copy it is looked for at every place where it may stand: at a multiple of the smallest
 * block, at most KAYA_HEADER_DISTANCE in. A copy counts only where its own shape puts it. Where a lost write left two good copies
 * that differ, LINK tells which.
 *
 * LINK is the first frame. It is checked under the segment seed alone, so it can be judged before anything else is known; one
 * flipped bit in it is mended here like in any frame (F4). */
#include "segment.h"

#include <string.h>

#include "bytes.h"

enum {
    NUMBER_DIGITS = 16,
    PROBED_BYTES = 4096,
    READINGS = 3, /* one through the cache, two past it */
    LINK_FRAME_BYTES_MAX = KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES + KAYA_FRAME_ROOM_MIN,
};

/* As long as the room for them, so that writing one takes no loop. */
static const char SUFFIXES[][SEGMENT_NAME_BYTES - NUMBER_DIGITS] = {
    [SEGMENT_NAME_WAL] = ".wal",
    [SEGMENT_NAME_AWAY] = ".away",
    [SEGMENT_NAME_NEW] = ".new",
};

/* Eight hexadecimal digits at once: spread the nibbles over bytes, the highest first, and add what makes them letters. */
static inline uint64_t hexadecimal(uint32_t value)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t nibbles = value;
    uint64_t letters;

    nibbles = (nibbles & 0x0000ffff) << 32 | nibbles >> 16;
    nibbles = (nibbles & UINT64_C(0x000000ff000000ff)) << 16 | (nibbles >> 8 & UINT64_C(0x000000ff000000ff));
    nibbles = (nibbles & UINT64_C(0x000f000f000f000f)) << 8 | (nibbles >> 4 & UINT64_C(0x000f000f000f000f));
    letters = (nibbles + 6 * ones) >> 4 & ones; /* 1 where a nibble is above 9 */
    return nibbles + '0' * ones + letters * ('a' - '0' - 10);
}

void kaya_segment_name(char out[SEGMENT_NAME_BYTES], uint64_t number, enum segment_name_kind kind)
{
    uint8_t *digits = (uint8_t *)out;

    store64(digits, number >> 32 == 0 ? hexadecimal(0) : hexadecimal((uint32_t)(number >> 32)));
    store64(digits + NUMBER_DIGITS / 2, hexadecimal((uint32_t)number));
    memcpy(out + NUMBER_DIGITS, SUFFIXES[kind], sizeof SUFFIXES[kind]);
}

static bool parse_digit(char digit, uint64_t *number)
{
    unsigned value;

    if (digit >= '0' && digit <= '9')
        value = (unsigned)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
        value = (unsigned)(digit - 'a') + 10;
    else
        return false;
    *number = *number << 4 | value;
    return true;
}

static bool equal(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

bool kaya_segment_name_parse(const char *name, uint64_t *number, enum segment_name_kind *kind)
{
    *number = 0;
    for (unsigned i = 0; i < NUMBER_DIGITS; i++)
        if (!parse_digit(name[i], number))
            return false;
    for (unsigned i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++)
        if (equal(name + NUMBER_DIGITS, SUFFIXES[i])) {
            *kind = (enum segment_name_kind)i;
            return *number > 0;
        }
    return false;
}

/* Read what there is of [offset, offset + length); the rest is zeroed. Where the first reading fails, which is none, two more. */
static enum kaya_status read_some(const struct segment *segment, const struct context *context,
                                  uint64_t offset, uint8_t *bytes, size_t length, unsigned reading)
{
    unsigned last = reading == 0 ? READINGS - 1 : reading;
    size_t done = 0;
    enum kaya_status status = KAYA_IO;

    for (; reading <= last && status == KAYA_IO; reading++)
        status = kaya_disk_read(context->disk, segment->file, offset, bytes, length,
                                reading == 0 ? KAYA_READ_CACHED : KAYA_READ_PAST_CACHE, &done);
    if (status == KAYA_OK)
        memset(bytes + done, 0, length - done);
    return status;
}

static enum segment_state judge_header(struct segment *segment, const uint8_t *bytes)
{
    switch (kaya_segment_header_decode(bytes, &segment->header)) {
    case HEADER_FAULT_NONE:
        return segment->header.number == segment->number ? SEGMENT_LINKLESS : SEGMENT_STRANGE;
    case HEADER_FAULT_VERSION:
        return SEGMENT_UNSUPPORTED;
    case HEADER_FAULT_MAGIC:
    case HEADER_FAULT_CHECK:
    case HEADER_FAULT_FIELDS:
        break;
    }
    return SEGMENT_HEADERLESS;
}

/* Is this the second copy? An unknown version's shape is unknown too, so its place is taken on trust. One of another number is kept, as what
 * the file is, unless a better one is found. */
static bool is_second_header(struct segment *segment, const uint8_t *bytes, uint64_t at)
{
    struct segment found = *segment;

    found.state = judge_header(&found, bytes);
    if (found.state == SEGMENT_HEADERLESS ||
        (found.state != SEGMENT_UNSUPPORTED && kaya_shape_second_header(&found.header.shape) != at))
        return false;
    *segment = found;
    return found.state != SEGMENT_STRANGE;
}

/* The second copy, wherever it may stand and can be read: a stretch at a time, and place by place where a stretch cannot be read as a whole.
 * KAYA_IO: it was not found, and some place could not be read. */
static enum kaya_status find_second_header(struct segment *segment, const struct context *context, unsigned reading)
{
    uint8_t bytes[PROBED_BYTES];
    enum kaya_status stretch = KAYA_OK, unreadable = KAYA_OK;

    for (uint64_t at = KAYA_BLOCK_BYTES_MIN; at <= KAYA_HEADER_DISTANCE && at < segment->file_bytes;
         at += KAYA_BLOCK_BYTES_MIN) {
        size_t place = (size_t)(at % PROBED_BYTES);
        enum kaya_status status;

        if (place == 0 || at == KAYA_BLOCK_BYTES_MIN)
            stretch = read_some(segment, context, at - place, bytes, sizeof bytes, reading);
        status = stretch;
        if (status == KAYA_IO)
            status = read_some(segment, context, at, bytes + place, KAYA_SEGMENT_HEADER_BYTES, reading);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        if (status == KAYA_IO)
            unreadable = status;
        else if (is_second_header(segment, bytes + place, at))
            return KAYA_OK;
    }
    return unreadable;
}

static bool judge_link(struct segment *segment, const uint8_t *bytes, size_t length)
{
    const struct shape *shape = &segment->header.shape;
    uint64_t offset = kaya_shape_first_frame(shape);
    uint8_t scratch[LINK_FRAME_BYTES_MAX];
    struct frame frame;
    uint64_t bit;
    bool mended = false;

    if (kaya_frame_decode(bytes, length, shape, &segment->seeds, offset, &frame) != FRAME_FAULT_NONE) {
        mended = kaya_frame_mend(bytes, length < sizeof scratch ? length : sizeof scratch, shape,
                                 &segment->seeds, offset, scratch, &frame, &bit);
        if (!mended)
            return false;
    }
    if (frame.type != FRAME_LINK)
        return false;
    kaya_link_decode(frame.payload, &segment->link);
    segment->seeds.base = kaya_base_seed(segment->seeds.segment, segment->link.nonce);
    segment->state = SEGMENT_LINKED;
    segment->link_mended = mended;
    return true;
}

static void seed(struct segment *segment)
{
    segment->seeds.segment =
        kaya_segment_seed(&segment->header.log_id, segment->header.number, segment->header.salt);
    segment->seeds.base = segment->seeds.segment;
}

static bool is_whole(const struct segment *segment)
{
    return segment->state == SEGMENT_LINKED && !segment->link_mended;
}

/* What opening has found so far. */
struct opening {
    const struct context *context;
    struct segment *best;
    unsigned readings; /* of each place */
    bool link_is_blank; /* in every reading of its place there were zeros, which are no LINK under any header */
};

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* No further reading could tell anything else. */
static bool is_decided(const struct opening *opening)
{
    return is_whole(opening->best) || opening->link_is_blank;
}

/* The link under a header that was read: in as many readings as it takes. What validates in any of them counts. */
static enum kaya_status try_header(struct opening *opening, const struct segment *header)
{
    struct segment *best = opening->best;
    struct segment attempt = *header;
    uint64_t place = kaya_shape_first_frame(&header->header.shape);
    unsigned blank = 0;
    bool is_read = false;
    enum kaya_status status = KAYA_OK;

    seed(&attempt);
    if (best->state < SEGMENT_LINKLESS)
        *best = attempt;
    for (unsigned reading = 0; reading < opening->readings && !is_whole(best); reading++) {
        uint8_t bytes[LINK_FRAME_BYTES_MAX];

        status = read_some(&attempt, opening->context, place, bytes, sizeof bytes, reading);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        is_read = is_read || status == KAYA_OK;
        if (status != KAYA_OK)
            continue;
        if (is_zero(bytes, sizeof bytes)) {
            blank++;
        } else if (judge_link(&attempt, bytes, sizeof bytes)) {
            if (!attempt.link_mended || best->state < SEGMENT_LINKED)
                *best = attempt;
            if (is_whole(best))
                break;
            attempt = *header;
            seed(&attempt);
        }
    }
    best->link_is_unreadable = best->state == SEGMENT_LINKLESS && !is_read;
    opening->link_is_blank = blank == opening->readings;
    return KAYA_OK;
}

/* Both copies may be good and differ in their salt, never in their shape, where the write of one was lost; and a reading may show a copy as it was before. The one
 * under which LINK is valid is the segment's; without a LINK the first one is. */
static bool is_worth_trying(const struct segment *best, const struct segment *header)
{
    return header->state == SEGMENT_LINKLESS &&
           (best->state < SEGMENT_LINKLESS || (header->header.salt != best->header.salt &&
                                               kaya_shape_equals(&header->header.shape, &best->header.shape)));
}

static enum kaya_status read_first_header(struct opening *opening, struct segment *header, unsigned reading)
{
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    enum kaya_status status = read_some(header, opening->context, 0, bytes, sizeof bytes, reading);

    header->first_copy_bad = false;
    if (status == KAYA_OK)
        header->state = judge_header(header, bytes);
    return status;
}

static enum kaya_status read_second_header(struct opening *opening, struct segment *header, unsigned reading)
{
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    const struct segment *best = opening->best;
    uint64_t at = kaya_shape_second_header(&best->header.shape);
    enum kaya_status status;

    header->first_copy_bad = true;
    if (best->state < SEGMENT_LINKLESS)
        return find_second_header(header, opening->context, reading);
    status = read_some(header, opening->context, at, bytes, sizeof bytes, reading);
    if (status == KAYA_OK)
        is_second_header(header, bytes, at);
    return status;
}

typedef enum kaya_status header_reader(struct opening *opening, struct segment *header, unsigned reading);

/* One copy, in as many readings as it takes to see the link under it. *is_read: some reading was not an error. */
static enum kaya_status try_copy(struct opening *opening, header_reader *read, bool *is_read)
{
    struct segment *best = opening->best;

    for (unsigned reading = 0; reading < opening->readings && !is_decided(opening); reading++) {
        struct segment header = SEGMENT_NONE;
        enum kaya_status status;

        header.file = best->file;
        header.number = best->number;
        header.file_bytes = best->file_bytes;
        status = read(opening, &header, reading);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        *is_read = *is_read || status == KAYA_OK;
        if (is_worth_trying(best, &header)) {
            status = try_header(opening, &header);
            if (status != KAYA_OK)
                return status;
        } else if (header.state > best->state) { /* strange, or not ours to read */
            *best = header;
        }
    }
    return KAYA_OK;
}

/* No copy of its own number was found. What cannot be read of the two may be one. */
static bool may_have_own_copy(const struct segment *segment)
{
    return segment->state == SEGMENT_HEADERLESS ||
           (segment->state == SEGMENT_STRANGE && segment->first_copy_bad);
}

/* The best of some readings of each place: what validates in any of them counts. A header that was read stays, also where its link was not. */
static enum kaya_status read_best(struct segment *segment, const struct context *context, unsigned readings)
{
    struct opening opening = { .context = context, .best = segment, .readings = readings };
    bool first_is_read = false, second_is_read = false;
    enum kaya_status status = try_copy(&opening, read_first_header, &first_is_read);

    if (status == KAYA_OK && segment->state != SEGMENT_UNSUPPORTED && segment->state != SEGMENT_LINKED &&
        !opening.link_is_blank)
        status = try_copy(&opening, read_second_header, &second_is_read);
    if (status != KAYA_OK)
        return status;
    return may_have_own_copy(segment) && !(first_is_read && second_is_read) ? KAYA_IO : KAYA_OK;
}

static enum kaya_status open_and_read(struct segment *out, const struct context *context, const char *name,
                                      uint64_t number, unsigned open_flags, unsigned readings)
{
    enum kaya_status status;

    *out = SEGMENT_NONE;
    out->number = number;
    status = kaya_disk_open(context->disk, name, open_flags, &out->file);
    if (status == KAYA_FULL) /* nobody asked for room */
        status = KAYA_IO;
    if (status == KAYA_OK)
        status = kaya_disk_size(context->disk, out->file, &out->file_bytes);
    if (status == KAYA_OK)
        status = read_best(out, context, readings);
    if (status != KAYA_OK)
        kaya_segment_close(out, context);
    return status;
}

enum kaya_status kaya_segment_open(struct segment *segment, const struct context *context, const char *name,
                                   uint64_t number, unsigned open_flags, bool read_again)
{
    enum kaya_status status =
        open_and_read(segment, context, name, number, open_flags, read_again ? READINGS : 1);

    if (status != KAYA_OK || !segment->link_is_unreadable)
        return status;
    kaya_segment_close(segment, context);
    return KAYA_IO;
}

enum kaya_status kaya_segment_open_any(struct segment *segment, const struct context *context,
                                       const char *name, uint64_t number, unsigned open_flags)
{
    return open_and_read(segment, context, name, number, open_flags, READINGS);
}

void kaya_segment_close(struct segment *segment, const struct context *context)
{
    kaya_disk_close(context->disk, segment->file);
    *segment = SEGMENT_NONE;
}

enum kaya_status kaya_segment_read(const struct segment *segment, const struct context *context,
                                   uint64_t offset, uint8_t *bytes, size_t length)
{
    return read_some(segment, context, offset, bytes, length, 0);
}

enum kaya_status kaya_segment_read_copy(const struct segment *segment, const struct context *context,
                                        uint64_t offset, uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES],
                                        struct segment_header *header, bool *is_good)
{
    bool is_read = false;

    *is_good = false;
    for (unsigned reading = 0; reading < READINGS && !*is_good; reading++) {
        enum kaya_status status = read_some(segment, context, offset, bytes, KAYA_SEGMENT_HEADER_BYTES, reading);

        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        is_read = is_read || status == KAYA_OK;
        *is_good = status == KAYA_OK && kaya_segment_header_decode(bytes, header) == HEADER_FAULT_NONE;
    }
    return is_read ? KAYA_OK : KAYA_IO;
}
