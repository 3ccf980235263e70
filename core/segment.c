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

static const char *const SUFFIXES[] = {
    [SEGMENT_NAME_WAL] = ".wal",
    [SEGMENT_NAME_AWAY] = ".away",
    [SEGMENT_NAME_NEW] = ".new",
};

void kaya_segment_name(char out[SEGMENT_NAME_BYTES], uint64_t number, enum segment_name_kind kind)
{
    const char *suffix = SUFFIXES[kind];
    unsigned at = 0;

    for (; at < NUMBER_DIGITS; at++)
        out[at] = "0123456789abcdef"[number >> (4 * (NUMBER_DIGITS - 1 - at)) & 15];
    while (*suffix != '\0')
        out[at++] = *suffix++;
    out[at] = '\0';
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

/* Read what there is of [offset, offset + length); the rest is zeroed. */
static enum kaya_status read_some(const struct segment *segment, const struct context *context,
                                  uint64_t offset, uint8_t *bytes, size_t length, unsigned reading)
{
    unsigned flags = reading == 0 ? KAYA_READ_CACHED : KAYA_READ_PAST_CACHE;
    size_t done = 0;
    enum kaya_status status;

    status = kaya_disk_read(context->disk, segment->file, offset, bytes, length, flags, &done);
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

/* Is this the second copy? One of another number is as bad as none; an unknown version's shape is unknown too, so its place is taken on
 * trust. */
static bool is_second_header(struct segment *segment, const uint8_t *bytes, uint64_t at)
{
    segment->state = judge_header(segment, bytes);
    if (segment->state == SEGMENT_UNSUPPORTED ||
        (segment->state == SEGMENT_LINKLESS && kaya_shape_second_header(&segment->header.shape) == at))
        return true;
    segment->state = SEGMENT_HEADERLESS;
    return false;
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

static enum kaya_status read_header(struct segment *segment, const struct context *context, unsigned reading)
{
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment first;
    enum kaya_status status, unreadable;

    segment->first_copy_bad = false;
    unreadable = read_some(segment, context, 0, bytes, sizeof bytes, reading);
    if (unreadable != KAYA_OK && unreadable != KAYA_IO)
        return unreadable;
    segment->state = unreadable == KAYA_OK ? judge_header(segment, bytes) : SEGMENT_HEADERLESS;
    first = *segment;
    if (first.state != SEGMENT_HEADERLESS && first.state != SEGMENT_STRANGE)
        return KAYA_OK;
    status = find_second_header(segment, context, reading);
    if (segment->state == SEGMENT_HEADERLESS)
        *segment = first;
    segment->first_copy_bad = segment->state != SEGMENT_STRANGE;
    if (segment->state != SEGMENT_HEADERLESS)
        return KAYA_OK;
    return status != KAYA_OK ? status : unreadable;
}

static void seed(struct segment *segment)
{
    segment->seeds.segment =
        kaya_segment_seed(&segment->header.log_id, segment->header.number, segment->header.salt);
    segment->seeds.base = segment->seeds.segment;
}

/* Both copies may be good and differ in their salt, where the write of one was lost. The one under which LINK is valid is the segment's;
 * without a LINK the first one is. */
static void try_second_header(struct segment *segment, const struct context *context, unsigned reading,
                              const uint8_t *link, size_t link_bytes)
{
    struct segment other = *segment;
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];

    if (read_some(segment, context, kaya_shape_second_header(&segment->header.shape), bytes, sizeof bytes,
                  reading) != KAYA_OK)
        return;
    other.state = judge_header(&other, bytes);
    if (other.state != SEGMENT_LINKLESS || other.header.salt == segment->header.salt ||
        !kaya_shape_equals(&other.header.shape, &segment->header.shape))
        return;
    seed(&other);
    other.first_copy_bad = true;
    if (judge_link(&other, link, link_bytes))
        *segment = other;
}

/* One reading of header and link; a header that an earlier reading found good stays. */
static enum kaya_status read_once(struct segment *segment, const struct context *context, unsigned reading)
{
    uint8_t bytes[LINK_FRAME_BYTES_MAX];
    enum kaya_status status = KAYA_OK;

    if (segment->state < SEGMENT_LINKLESS)
        status = read_header(segment, context, reading);
    if (status != KAYA_OK || segment->state < SEGMENT_LINKLESS)
        return status;
    seed(segment);
    status = read_some(segment, context, kaya_shape_first_frame(&segment->header.shape), bytes, sizeof bytes,
                       reading);
    if (status == KAYA_OK && !judge_link(segment, bytes, sizeof bytes) && !segment->first_copy_bad)
        try_second_header(segment, context, reading, bytes, sizeof bytes);
    return status;
}

/* The best of some readings: what validates in any of them counts. A header that was read stays, also where its link was not. Where none
 * got through, there are READINGS. */
static enum kaya_status read_best(struct segment *segment, const struct context *context, unsigned readings)
{
    enum kaya_status status = KAYA_IO;
    bool read = false;

    for (unsigned reading = 0; reading < (read ? readings : READINGS); reading++) {
        struct segment attempt = *segment;

        status = read_once(&attempt, context, reading);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        if (attempt.state > segment->state || (segment->link_mended && !attempt.link_mended))
            *segment = attempt;
        read = read || status == KAYA_OK;
        if (segment->state == SEGMENT_LINKED && !segment->link_mended)
            break;
    }
    return read ? KAYA_OK : status;
}

enum kaya_status kaya_segment_open(struct segment *out, const struct context *context, const char *name,
                                   uint64_t number, unsigned open_flags, bool read_again)
{
    struct segment segment = SEGMENT_NONE;
    enum kaya_status status;

    *out = SEGMENT_NONE;
    segment.number = number;
    status = kaya_disk_open(context->disk, name, open_flags, &segment.file);
    if (status != KAYA_OK)
        goto done;
    status = kaya_disk_size(context->disk, segment.file, &segment.file_bytes);
    if (status != KAYA_OK)
        goto done;
    status = read_best(&segment, context, read_again ? READINGS : 1);
    if (status != KAYA_OK)
        goto done;
    *out = segment;
    segment = SEGMENT_NONE;
done:
    kaya_segment_close(&segment, context);
    return status;
}

void kaya_segment_close(struct segment *segment, const struct context *context)
{
    kaya_disk_close(context->disk, segment->file);
    *segment = SEGMENT_NONE;
}
