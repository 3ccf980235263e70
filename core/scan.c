/* The walker: from LINK, entry by entry, to the first place where no valid frame stands; then over what lies behind.
 *
 * Two passes with different questions:
 *
 *   kaya_scan_next    follows frames from the front. Its end is V, the end of the contiguous valid prefix, always between two
 *                     whole records or control frames. A frame is taken if it is valid in any reading, or one flipped bit from
 *                     valid (F4); lengths are used only after a check that covers them (F2). Most entries are one good frame inside
 *                     the window, and go a short way (next_plain); what is anything else goes the long one (next_with_care).
 *   kaya_scan_claims  looks at every place behind V. A frame there proves nothing by standing (disks persist out of order), but
 *                     its watermark is a claim. The place is in the frame (off4), so a word-by-word filter finds the few
 *                     places worth a check, at memory speed.
 *
 * A read through the cache may be stale or damaged on its way, and what looks like the end of the log may be such a read. So
 * the block at V and everything behind it is read twice more, past the cache. Who asks for the claims next has both done
 * by the same readings (reads_rest, kaya_scan_claims_behind).
 *
 * Salvage goes on behind a bad place (kaya_scan_skip): over a frame whose header holds by the length that it states, else word by word
 * until a frame stands again. Since a frame is valid at one place only, nothing inside a payload can pass for one (F1, F2). */
#include "scan.h"

#include <string.h>

#include "bytes.h"
#include "checksum.h"
#include "reseed.h"

enum {
    WINDOW_BYTES = 256 * 1024,
    READINGS_PAST_CACHE = 2,
    READINGS_AGREEING = READINGS_PAST_CACHE + 1,
    READINGS_DISPUTED = 8, /* in all, where not all of them agree */
    MEMBER_TYPE_BITS = 3,
};

void kaya_scan_memory_release(struct scan_memory *memory, const struct context *context)
{
    kaya_buffer_release(context->allocator, &memory->window);
    kaya_buffer_release(context->allocator, &memory->again);
    kaya_buffer_release(context->allocator, &memory->mended);
    kaya_buffer_release(context->allocator, &memory->record);
}

void kaya_scan_init(struct scan *scan, const struct context *context, const struct segment *segment,
                    struct scan_memory *memory, uint64_t limit)
{
    *scan = (struct scan){ .context = context, .segment = segment, .memory = memory };
    scan->limit = limit < segment->file_bytes ? limit : segment->file_bytes;
    if (scan->limit > segment->header.shape.segment_bytes)
        scan->limit = segment->header.shape.segment_bytes;
    scan->end = kaya_shape_first_frame(&segment->header.shape);
    scan->claimed.offset_bytes = scan->end;
}

static void swap_buffers(struct buffer *one, struct buffer *other)
{
    struct buffer held = *one;

    *one = *other;
    *other = held;
}

void kaya_scan_keep_window(struct scan *scan, struct scan_window *kept)
{
    swap_buffers(&scan->memory->window, &kept->buffer);
    kept->offset = scan->window_offset;
    kept->length = scan->window_length;
    scan->window_length = 0;
}

void kaya_scan_show_window(struct scan *scan, struct scan_window *kept)
{
    swap_buffers(&scan->memory->window, &kept->buffer);
    scan->window_offset = kept->offset;
    scan->window_length = kept->length;
    if (scan->window_offset + scan->window_length > scan->limit)
        scan->window_length =
            scan->window_offset < scan->limit ? (size_t)(scan->limit - scan->window_offset) : 0;
    kept->length = 0;
}

void kaya_scan_from(struct scan *scan, const struct scan_place *place)
{
    scan->end = place->offset_bytes;
    scan->sequence = place->sequence;
}

/* Windows are whole blocks, so that a frame, which never crosses a block, is never cut by one. */
static size_t window_bytes(const struct shape *shape)
{
    uint64_t bytes = shape->segment_bytes < WINDOW_BYTES ? shape->segment_bytes : WINDOW_BYTES;

    return (size_t)(bytes < shape->block_bytes ? shape->block_bytes
                                               : bytes / shape->block_bytes * shape->block_bytes);
}

static enum kaya_status read_range(const struct context *context, const struct segment *segment,
                                   uint64_t offset, uint64_t end, uint8_t *bytes, size_t capacity,
                                   unsigned flags, size_t *length)
{
    uint64_t wanted = end > offset ? end - offset : 0;

    if (wanted > capacity)
        wanted = capacity;
    *length = 0;
    if (wanted == 0)
        return KAYA_OK;
    return kaya_disk_read(context->disk, segment->file, offset, bytes, (size_t)wanted, flags, length);
}

/* Sector by sector, what can be read of the block at `start`; zeros, which are never a frame, for the rest. */
static enum kaya_status load_sectors(struct scan *scan, uint64_t start)
{
    const struct shape *shape = &scan->segment->header.shape;
    uint64_t end =
        kaya_shape_block_end(shape, start) < scan->limit ? kaya_shape_block_end(shape, start) : scan->limit;
    uint32_t sector = scan->context->disk->geometry.sector_bytes;
    enum kaya_status status = KAYA_OK;

    scan->window_length = 0;
    scan->hole_offset = 0;
    scan->hole_end = 0;
    for (uint64_t at = start; at < end && status == KAYA_OK; at += sector) {
        uint8_t *bytes = scan->memory->window.bytes + (at - start);
        size_t wanted = end - at < sector ? (size_t)(end - at) : sector;
        size_t length = 0;

        status = KAYA_IO;
        for (unsigned reading = 0; reading <= READINGS_PAST_CACHE && status == KAYA_IO; reading++)
            status = read_range(scan->context, scan->segment, at, end, bytes, wanted,
                                reading == 0 ? KAYA_READ_CACHED : KAYA_READ_PAST_CACHE, &length);
        if (status == KAYA_IO) {
            memset(bytes, 0, wanted);
            length = wanted;
            scan->hole_offset = scan->hole_end == 0 ? at : scan->hole_offset;
            scan->hole_end = at + wanted;
            status = KAYA_OK;
        }
        scan->window_length += length;
        if (length < wanted)
            break;
    }
    return status;
}

/* Make the window hold the block of `offset`. */
static enum kaya_status load_window(struct scan *scan, uint64_t offset)
{
    const struct shape *shape = &scan->segment->header.shape;
    size_t capacity = window_bytes(shape);
    struct buffer *window = &scan->memory->window;
    uint64_t start = kaya_shape_block_start(shape, offset);
    enum kaya_status status;

    if (offset >= scan->window_offset && offset < scan->window_offset + scan->window_length)
        return KAYA_OK;
    status = kaya_buffer_reserve(scan->context->allocator, window, capacity, 0);
    if (status != KAYA_OK)
        return status;
    scan->window_offset = start;
    scan->window_length = 0;
    scan->agreed_end = 0;
    status = read_range(scan->context, scan->segment, start, scan->limit, window->bytes, capacity,
                        KAYA_READ_CACHED, &scan->window_length);
    if (status != KAYA_IO)
        return status;
    /* Some sector of the window failed: past the cache, and no more than this block, before giving up. */
    for (unsigned reading = 0; reading < READINGS_PAST_CACHE && status == KAYA_IO; reading++)
        status = read_range(scan->context, scan->segment, start, scan->limit, window->bytes,
                            shape->block_bytes, KAYA_READ_PAST_CACHE, &scan->window_length);
    if (status == KAYA_IO)
        kaya_notify(scan->context, &(struct kaya_event){ .kind = KAYA_EVENT_DAMAGE,
                                                         .status = status,
                                                         .segment = scan->segment->number,
                                                         .offset_bytes = start,
                                                         .text = "unreadable" });
    return status == KAYA_IO && scan->is_tolerant ? load_sectors(scan, start) : status;
}

/* What a header says that holds, whether or not its frame is whole. */
static void note_header(struct scan *scan, const struct frame *frame)
{
    uint32_t sequence = frame->sequence + (frame->type == FRAME_FULL || frame->type == FRAME_FIRST);

    if (frame->durable_bytes > scan->furthest)
        scan->furthest = frame->durable_bytes;
    if (sequence > scan->seen_sequence)
        scan->seen_sequence = sequence;
}

static void try_frame(const struct scan *scan, const uint8_t *bytes, size_t available, uint64_t offset,
                      struct scan_frame *found)
{
    found->fault = kaya_frame_decode(bytes, available, &scan->segment->header.shape, &scan->segment->seeds,
                                     offset, &found->frame);
}

/* Into `again`. A reading that fails is no reading: try again, READINGS_PAST_CACHE times more. */
static enum kaya_status read_past_cache(const struct scan *scan, uint64_t offset, size_t *length)
{
    enum kaya_status status = KAYA_IO;

    for (unsigned tried = 0; tried <= READINGS_PAST_CACHE && status == KAYA_IO; tried++)
        status = read_range(scan->context, scan->segment, offset, scan->limit, scan->memory->again.bytes,
                            scan->segment->header.shape.block_bytes, KAYA_READ_PAST_CACHE, length);
    return status;
}

/* Readings of one block that differ, in their order. */
struct dispute {
    uint32_t sums[READINGS_DISPUTED];
    unsigned count;
    unsigned most; /* as many of them say what stands in the window */
};

/* How many say what the last one says. */
static unsigned count_votes(const struct dispute *dispute)
{
    unsigned votes = 0;

    for (unsigned i = 0; i < dispute->count; i++)
        votes += dispute->sums[i] == dispute->sums[dispute->count - 1];
    return votes;
}

/* Fewer than READINGS_AGREEING in a row may all be bad (P5). */
static bool is_settled(const struct dispute *dispute)
{
    unsigned agreeing = 1;

    while (agreeing < dispute->count &&
           dispute->sums[dispute->count - 1 - agreeing] == dispute->sums[dispute->count - 1])
        agreeing++;
    return agreeing >= READINGS_AGREEING;
}

/* The reading in `again` is of the block of `offset`, which the window shows. *found: it has a valid frame there, or the end is settled. */
static void hear(struct scan *scan, struct dispute *dispute, uint64_t offset, size_t length,
                 struct scan_frame *frame, bool *found)
{
    uint64_t start = kaya_shape_block_start(&scan->segment->header.shape, offset);
    size_t front = (size_t)(offset - start);
    uint8_t *block = scan->memory->window.bytes + (start - scan->window_offset);
    const uint8_t *again = scan->memory->again.bytes;
    unsigned votes;

    dispute->sums[dispute->count++] = kaya_crc32c(0, again, length);
    scan->has_vanished = scan->has_vanished || length <= front || memcmp(block, again, front) != 0;
    *found = is_settled(dispute);
    if (length <= front)
        return;
    try_frame(scan, again + front, length - front, offset, frame);
    if (frame->fault == FRAME_FAULT_NONE)
        *found = true;
    votes = count_votes(dispute);
    if (!*found && votes <= dispute->most)
        return;
    dispute->most = votes;
    memcpy(block, again, length);
    try_frame(scan, block + front, length - front, offset, frame);
    if (frame->fault == FRAME_FAULT_NONE)
        kaya_notify(scan->context, &(struct kaya_event){ .kind = KAYA_EVENT_READ_AGAIN,
                                                         .segment = scan->segment->number,
                                                         .offset_bytes = offset });
}

/* `equal` readings said what stands in the window, and one of `length` bytes says something else. */
static enum kaya_status settle(struct scan *scan, uint64_t offset, unsigned equal, size_t length,
                               struct scan_frame *frame)
{
    const struct shape *shape = &scan->segment->header.shape;
    uint64_t start = kaya_shape_block_start(shape, offset);
    uint64_t in_window = scan->window_offset + scan->window_length - start;
    struct dispute dispute = { .most = equal };
    bool found;
    enum kaya_status status = KAYA_OK;

    while (dispute.count < equal)
        dispute.sums[dispute.count++] =
            kaya_crc32c(0, scan->memory->window.bytes + (start - scan->window_offset),
                        in_window < shape->block_bytes ? (size_t)in_window : shape->block_bytes);
    hear(scan, &dispute, offset, length, frame, &found);
    while (!found && dispute.count < READINGS_DISPUTED) {
        status = read_past_cache(scan, start, &length);
        if (status != KAYA_OK)
            break;
        hear(scan, &dispute, offset, length, frame, &found);
    }
    return status;
}

/* One more reading, from `start` on: of the block there, and with *with_rest of all behind it in the window; false where that cannot be read, or
 * is not what the window shows. *length: of what was read of the block. */
static enum kaya_status read_once_more(struct scan *scan, uint64_t start, bool *with_rest, size_t *length)
{
    const struct shape *shape = &scan->segment->header.shape;
    size_t front = (size_t)(start - scan->window_offset);
    enum kaya_status status = KAYA_IO;

    if (*with_rest)
        status = read_range(scan->context, scan->segment, start, scan->limit, scan->memory->again.bytes,
                            window_bytes(shape) - front, KAYA_READ_PAST_CACHE, length);
    *with_rest = status == KAYA_OK && *length == scan->window_length - front &&
                 memcmp(scan->memory->window.bytes + front, scan->memory->again.bytes, *length) == 0;
    if (status == KAYA_IO)
        status = read_past_cache(scan, start, length);
    if (*length > shape->block_bytes)
        *length = shape->block_bytes;
    return status;
}

/* Read the block of `offset` again, past the cache. Where readings differ there are more, until one has a valid frame there, or
 * READINGS_AGREEING in a row say what stands there, or else until most of READINGS_DISPUTED do. */
static enum kaya_status look_again(struct scan *scan, uint64_t offset, struct scan_frame *found)
{
    const struct shape *shape = &scan->segment->header.shape;
    uint64_t start = kaya_shape_block_start(shape, offset);
    uint64_t end = scan->window_offset + scan->window_length;
    size_t shown = end - start < shape->block_bytes ? (size_t)(end - start) : shape->block_bytes;
    const uint8_t *block = scan->memory->window.bytes + (start - scan->window_offset);
    bool all_same = true;
    size_t length;
    enum kaya_status status;

    status = kaya_buffer_reserve(scan->context->allocator, &scan->memory->again, window_bytes(shape), 0);
    for (unsigned reading = 1; status == KAYA_OK && reading < READINGS_AGREEING && all_same; reading++) {
        status = read_once_more(scan, start, &scan->reads_rest, &length);
        if (status != KAYA_OK)
            break;
        all_same = scan->reads_rest || (length > offset - start && length <= shown &&
                                        memcmp(block, scan->memory->again.bytes, length) == 0);
        if (!all_same)
            status = settle(scan, offset, reading, length, found);
    }
    if (status == KAYA_OK && all_same) {
        scan->agreed_offset = start;
        scan->agreed_end = scan->reads_rest ? end : start + shown;
    }
    return status == KAYA_IO && scan->is_tolerant ? KAYA_OK : status;
}

static enum kaya_status try_mending(struct scan *scan, const uint8_t *bytes, size_t available,
                                    uint64_t offset, struct scan_frame *found)
{
    const struct shape *shape = &scan->segment->header.shape;
    enum kaya_status status;

    status = kaya_buffer_reserve(scan->context->allocator, &scan->memory->mended, shape->block_bytes, 0);
    if (status != KAYA_OK)
        return status;
    if (!kaya_frame_mend(bytes, available, shape, &scan->segment->seeds, offset, scan->memory->mended.bytes,
                         &found->frame, &found->mended_bit))
        return KAYA_OK;
    found->fault = FRAME_FAULT_NONE;
    found->mended = true;
    kaya_notify(scan->context, &(struct kaya_event){ .kind = KAYA_EVENT_MENDED,
                                                     .segment = scan->segment->number,
                                                     .offset_bytes = offset,
                                                     .lsn = scan->segment->link.base_lsn + found->frame.sequence,
                                                     .detail = found->mended_bit });
    return KAYA_OK;
}

/* Are these bytes a frame of the life that this file had before it was recycled? */
static bool is_older_generation(const struct segment *segment, const uint8_t *bytes, size_t available,
                                uint64_t offset)
{
    struct frame frame;

    return segment->header.previous_seed != 0 &&
           kaya_frame_header(bytes, available, &segment->header.shape, segment->header.previous_seed, offset,
                             &frame);
}

static bool is_blank(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Zeros, but for one bit at most: a bit that has flipped where nothing was written is no write. */
static bool is_nearly_blank(const uint8_t *bytes, size_t length)
{
    size_t at = 0;

    if (is_blank(bytes, length))
        return true;
    while (bytes[at] == 0)
        at++;
    return (bytes[at] & (bytes[at] - 1)) == 0 && is_blank(bytes + at + 1, length - at - 1);
}

/* A recycled file holds pieces of its older life that start anywhere, so only a whole frame of ours says "written" there; in
 * a fresh file anything but zeros does. */
static bool looks_written(const struct scan *scan, const uint8_t *bytes, size_t available, uint64_t offset)
{
    struct frame frame;

    if (is_older_generation(scan->segment, bytes, available, offset))
        return false;
    if (kaya_frame_header(bytes, available, &scan->segment->header.shape, scan->segment->seeds.segment,
                          offset, &frame))
        return true;
    return scan->segment->header.previous_seed == 0 && !is_nearly_blank(bytes, available);
}

static enum kaya_status find_frame(struct scan *scan, uint64_t offset, struct scan_frame *found)
{
    const uint8_t *bytes;
    size_t available;
    uint64_t block_end = kaya_shape_block_end(&scan->segment->header.shape, offset);
    enum kaya_status status;

    found->fault = FRAME_FAULT_ROOM;
    found->mended = false;
    if (offset >= scan->limit)
        return KAYA_OK;
    if (offset - scan->window_offset >= scan->window_length) { /* in front of it, too */
        status = load_window(scan, offset);
        if (status != KAYA_OK || offset >= scan->window_offset + scan->window_length)
            return status;
    }
    if (block_end > scan->window_offset + scan->window_length)
        block_end = scan->window_offset + scan->window_length;
    bytes = scan->memory->window.bytes + (offset - scan->window_offset);
    available = (size_t)(block_end - offset);
    try_frame(scan, bytes, available, offset, found);
    if (found->fault == FRAME_FAULT_NONE || found->fault == FRAME_FAULT_UNKNOWN)
        return KAYA_OK;
    if (!(offset >= scan->agreed_offset && offset < scan->agreed_end)) {
        status = look_again(scan, offset, found);
        if (status != KAYA_OK || found->fault == FRAME_FAULT_NONE)
            return status;
        try_frame(scan, bytes, available, offset, found);
    }
    status = try_mending(scan, bytes, available, offset, found);
    if (status == KAYA_OK && found->fault != FRAME_FAULT_NONE)
        scan->looks_written = looks_written(scan, bytes, available, offset);
    return status;
}

/* Where a header check holds at `offset`, its frame's end tells where the next one begins. */
static bool find_header(struct scan *scan, uint64_t offset, struct frame *frame)
{
    if (offset < scan->window_offset || offset >= scan->window_offset + scan->window_length)
        return false;
    return kaya_frame_header(scan->memory->window.bytes + (offset - scan->window_offset),
                             (size_t)(scan->window_offset + scan->window_length - offset),
                             &scan->segment->header.shape, scan->segment->seeds.segment, offset, frame);
}

enum kaya_status kaya_scan_frame(struct scan *scan, uint64_t offset, struct scan_frame *found)
{
    enum kaya_status status = find_frame(scan, offset, found);
    struct frame frame;

    if (status != KAYA_OK || !scan->is_tolerant)
        return status;
    if (found->fault == FRAME_FAULT_NONE)
        note_header(scan, &found->frame);
    else if (find_header(scan, offset, &frame))
        note_header(scan, &frame);
    else
        return KAYA_OK;
    if (scan->wants_base_seed && !scan->has_base_seed && found->fault != FRAME_FAULT_NONE && frame.payload != NULL)
        scan->has_base_seed = kaya_reseed_base(frame.payload - KAYA_FRAME_HEADER_BYTES, &frame,
                                               scan->segment->seeds.segment, &scan->base_seed);
    return KAYA_OK;
}

bool kaya_batch_next(const uint8_t *payload, size_t length, size_t *at, struct batch_member *member)
{
    uint32_t word;

    if (length - *at < KAYA_MEMBER_BYTES)
        return false;
    word = load32(payload + *at);
    member->type = (enum kaya_wal_record_type)(word & ((1u << MEMBER_TYPE_BITS) - 1));
    member->length = word >> MEMBER_TYPE_BITS;
    if (member->type < KAYA_RECORD_PUT || member->type > KAYA_RECORD_OPAQUE ||
        member->length > length - *at - KAYA_MEMBER_BYTES)
        return false;
    member->bytes = payload + *at + KAYA_MEMBER_BYTES;
    *at += KAYA_MEMBER_BYTES + member->length;
    return true;
}

/* How many records an entry holds; 0: a batch whose members do not add up. */
static uint32_t count_records(const struct scan_entry *entry)
{
    struct batch_member member;
    size_t at = 0;
    uint32_t count = 0;

    if (entry->flags != FRAME_FLAG_BATCH)
        return 1;
    while (kaya_batch_next(entry->payload, entry->length, &at, &member))
        count++;
    return at == entry->length ? count : 0;
}

/* Gather the fragments that follow FIRST. *found false: the chain is broken. */
static enum kaya_status gather(struct scan *scan, struct scan_frame *part, struct scan_entry *entry, bool *found)
{
    struct buffer *record = &scan->memory->record;
    uint64_t total = load64(part->frame.payload);
    size_t length = part->frame.length - (size_t)KAYA_FIRST_PREFIX_BYTES;
    enum kaya_status status;

    *found = false;
    entry->length = 0;
    if (total > scan->limit || total <= length) {
        scan->fault = FRAME_FAULT_FIELDS;
        return KAYA_OK;
    }
    status = kaya_buffer_reserve(scan->context->allocator, record, (size_t)total, 0);
    if (status != KAYA_OK)
        return status;
    memcpy(record->bytes, part->frame.payload + KAYA_FIRST_PREFIX_BYTES, length);
    entry->payload = record->bytes;
    entry->length = length;
    while (length < total) {
        scan->fault_offset = kaya_shape_skip_header(&scan->segment->header.shape, entry->end_bytes);
        status = kaya_scan_frame(scan, scan->fault_offset, part);
        scan->fault = part->fault;
        if (status != KAYA_OK || part->fault != FRAME_FAULT_NONE)
            return status;
        scan->fault = FRAME_FAULT_FIELDS;
        if (part->frame.length > total - length || part->frame.sequence != entry->sequence ||
            part->frame.type != (part->frame.length == total - length ? FRAME_LAST : FRAME_MIDDLE))
            return KAYA_OK;
        memcpy(record->bytes + length, part->frame.payload, part->frame.length);
        length += part->frame.length;
        entry->length = length;
        entry->mended = entry->mended || part->mended;
        entry->end_bytes = scan->fault_offset + part->frame.extent_bytes;
        entry->watermark_bytes = part->frame.durable_bytes;
        scan->mended_count += part->mended;
    }
    *found = true;
    return KAYA_OK;
}

/* That LINK is the first frame, and only the first, its fields say (frame.c). */
static bool is_in_place(const struct scan *scan, const struct frame *frame)
{
    return frame->sequence == scan->sequence && frame->type != FRAME_MIDDLE && frame->type != FRAME_LAST;
}

/* The scan stands behind the entry. */
static inline void pass(struct scan *scan, const struct scan_entry *entry)
{
    if (entry->watermark_bytes > scan->watermark) {
        scan->watermark = entry->watermark_bytes;
        if (scan->watermark >= scan->end) /* the first frame behind a sync says that all before it is durable */
            scan->claimed = (struct scan_place){ scan->end, scan->sequence };
    }
    scan->end = entry->end_bytes;
    scan->sequence += entry->count;
}

static __attribute__((noinline)) enum kaya_status next_with_care(struct scan *scan, struct scan_entry *entry,
                                                                 bool *found)
{
    uint64_t offset = kaya_shape_behind(&scan->segment->header.shape, scan->end);
    uint64_t mended_before = scan->mended_count;
    struct scan_frame part;
    enum kaya_status status;

    *found = false;
    scan->fault_offset = offset;
    scan->is_partial = false;
    scan->looks_written = false;
    status = kaya_scan_frame(scan, offset, &part);
    scan->fault = part.fault;
    if (part.fault == FRAME_FAULT_UNKNOWN && !scan->is_tolerant)
        return KAYA_UNSUPPORTED;
    if (status != KAYA_OK || part.fault != FRAME_FAULT_NONE)
        return status;
    if (!is_in_place(scan, &part.frame)) {
        scan->looks_written = true;
        scan->fault = FRAME_FAULT_FIELDS;
        return KAYA_OK;
    }
    scan->mended_count += part.mended;
    *entry = (struct scan_entry){ .type = part.frame.type,
                                  .flags = part.frame.flags,
                                  .is_record = part.frame.type == FRAME_FULL || part.frame.type == FRAME_FIRST,
                                  .offset_bytes = offset,
                                  .end_bytes = offset + part.frame.extent_bytes,
                                  .sequence = part.frame.sequence,
                                  .watermark_bytes = part.frame.durable_bytes,
                                  .mended = part.mended,
                                  .payload = part.frame.payload,
                                  .length = part.frame.length };
    *found = true;
    if (part.frame.type == FRAME_FIRST) {
        status = gather(scan, &part, entry, found);
        entry->type = FRAME_FULL;
    }
    if (status == KAYA_OK && *found && entry->is_record) {
        entry->count = count_records(entry);
        if (entry->count == 0) {
            scan->fault = FRAME_FAULT_FIELDS;
            entry->length = 0; /* no member of it can be told from another */
            *found = false;
        }
    }
    if (status != KAYA_OK || !*found) {
        scan->mended_count = mended_before;
        scan->is_partial = true;
        return status == KAYA_OK && scan->fault == FRAME_FAULT_UNKNOWN && !scan->is_tolerant ? KAYA_UNSUPPORTED
                                                                                             : status;
    }
    pass(scan, entry);
    return KAYA_OK;
}

/* What most entries are: one record in one good frame, all of it in the window, and room for another one behind it. Where anything is not so,
 * nothing is done, and the entry is taken with care. */
static inline bool next_plain(struct scan *scan, struct scan_entry *entry)
{
    const struct shape *shape = &scan->segment->header.shape;
    uint64_t offset = scan->end;
    uint64_t at = offset - scan->window_offset;
    uint64_t rest = kaya_frame_rest(shape, offset);
    struct frame frame;

    if (at >= scan->window_length || scan->is_tolerant || kaya_shape_block_start(shape, offset) == offset)
        return false;
    if (rest > scan->window_length - at)
        rest = scan->window_length - at;
    if (!kaya_frame_decode_inside(scan->memory->window.bytes + at, (size_t)rest, &scan->segment->seeds,
                                  offset, &frame) ||
        frame.sequence != scan->sequence || frame.flags == FRAME_FLAG_BATCH)
        return false;
    *entry = (struct scan_entry){ .type = FRAME_FULL,
                                  .flags = frame.flags,
                                  .is_record = true,
                                  .offset_bytes = offset,
                                  .end_bytes = offset + frame.extent_bytes,
                                  .sequence = frame.sequence,
                                  .count = 1,
                                  .watermark_bytes = frame.durable_bytes,
                                  .payload = frame.payload,
                                  .length = frame.length };
    pass(scan, entry);
    return true;
}

enum kaya_status kaya_scan_next(struct scan *scan, struct scan_entry *entry, bool *found)
{
    *found = true;
    return next_plain(scan, entry) ? KAYA_OK : next_with_care(scan, entry, found);
}

/* --- behind a bad place --------------------------------------------------------------------------------------------- */

/* A frame at a place holds that place (off4): give or take a flipped bit. */
static bool may_stand(const struct scan *scan, uint64_t offset)
{
    const uint8_t *bytes = scan->memory->window.bytes + (offset - scan->window_offset);
    uint32_t difference;

    if (scan->window_offset + scan->window_length - offset < KAYA_FRAME_HEADER_BYTES)
        return false;
    difference = load32(bytes + KAYA_FRAME_OFFSET_AT) ^ (uint32_t)(offset / 4);
    return (difference & (difference - 1)) == 0;
}

/* A frame at a place holds that place (off4) in its fourth word. Is there a word in the chunk that holds its own place, give or
 * take one bit? No branches, so that compilers turn it into vector code: a scan runs at memory speed. */
enum { CHUNK_WORDS = 16 };

static bool chunk_has_place(const uint8_t *bytes, uint32_t place)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < CHUNK_WORDS; i++) {
        uint32_t difference = load32(bytes + (size_t)4 * i) ^ (place + i);

        found |= (difference & (difference - 1)) == 0;
    }
    return found != 0;
}

/* From `offset`, where no frame may stand, to the next place that is worth a look. Not beyond its block, behind which a header may stand. */
static uint64_t next_place(const struct scan *scan, uint64_t offset)
{
    uint64_t end = kaya_shape_block_end(&scan->segment->header.shape, offset);
    const uint8_t *bytes = scan->memory->window.bytes + KAYA_FRAME_OFFSET_AT;

    if (end > scan->window_offset + scan->window_length)
        end = scan->window_offset + scan->window_length;
    offset += 4;
    while (offset + KAYA_FRAME_OFFSET_AT + 4 * CHUNK_WORDS <= end &&
           !chunk_has_place(bytes + (offset - scan->window_offset), (uint32_t)(offset / 4)))
        offset += 4 * CHUNK_WORDS;
    return offset;
}

/* May the log go on with this frame behind the place where the scan stopped? */
static bool goes_on(const struct scan *scan, uint64_t offset, const struct frame *frame)
{
    if (frame->type == FRAME_MIDDLE || frame->type == FRAME_LAST || frame->sequence < scan->sequence)
        return false;
    return frame->sequence - scan->sequence <= (offset - scan->end) / KAYA_MEMBER_BYTES;
}

/* Step from `offset` to the next place where a frame may stand, or stop at one with which the log goes on. */
static enum kaya_status step_over(struct scan *scan, uint64_t *offset, bool *found)
{
    struct scan_frame part;
    struct frame header;
    enum kaya_status status;

    status = kaya_scan_frame(scan, *offset, &part);
    if (status != KAYA_OK)
        return status;
    if (part.fault == FRAME_FAULT_NONE && goes_on(scan, *offset, &part.frame))
        *found = true;
    else if (part.fault == FRAME_FAULT_NONE)
        *offset += part.frame.extent_bytes;
    else if (find_header(scan, *offset, &header))
        *offset += header.extent_bytes;
    else
        *offset += 4;
    if (*found)
        scan->sequence = part.frame.sequence;
    return KAYA_OK;
}

static enum kaya_status search(struct scan *scan, bool *found)
{
    const struct shape *shape = &scan->segment->header.shape;
    uint64_t offset = kaya_shape_skip_header(shape, scan->fault_offset);
    struct scan_frame part;
    enum kaya_status status = KAYA_OK;

    if (scan->is_partial && offset == kaya_shape_skip_header(shape, scan->end)) {
        status = kaya_scan_frame(scan, offset, &part); /* a good frame, but no good record */
        offset += part.fault == FRAME_FAULT_NONE ? part.frame.extent_bytes : 4;
    }
    while (status == KAYA_OK && !*found) {
        offset = kaya_shape_skip_header(shape, offset);
        if (offset >= scan->limit)
            break;
        status = load_window(scan, offset);
        if (status != KAYA_OK || offset >= scan->window_offset + scan->window_length)
            break;
        if (may_stand(scan, offset))
            status = step_over(scan, &offset, found);
        else
            offset = next_place(scan, offset);
    }
    if (*found)
        scan->end = offset;
    return status;
}

enum kaya_status kaya_scan_skip(struct scan *scan, bool *found)
{
    const struct context *context = scan->context;
    struct context silent = *context;
    enum kaya_status status;

    silent.on_event = NULL; /* kaya_scan_next looks at what is found once more, and tells */
    scan->context = &silent;
    *found = false;
    status = search(scan, found);
    scan->context = context;
    return status;
}

/* --- behind the end ------------------------------------------------------------------------------------------------ */

struct claim_scan {
    const struct segment *segment;
    uint64_t from;
    uint32_t sequence;
    stray_visitor *visit;
    void *user;
    struct claims *claims;
    bool past_cache;
    bool stopped;
};

/* A header that one flipped bit keeps from being valid here could come back as a mended frame once the bytes before it are
 * written anew: then the tail is not blank. */
static bool is_almost_header(const struct segment *segment, const uint8_t *bytes, size_t available, uint64_t offset)
{
    return !is_older_generation(segment, bytes, available, offset) &&
           kaya_frame_header_is_almost(bytes, available, &segment->header.shape, segment->seeds.segment, offset);
}

static void look_at(struct claim_scan *scan, const uint8_t *bytes, size_t available, uint64_t offset)
{
    struct stray stray = { .past_cache = scan->past_cache };
    struct claims *claims = scan->claims;
    uint64_t records_max = (offset - scan->from) / KAYA_MEMBER_BYTES;

    if (!kaya_frame_header(bytes, available, &scan->segment->header.shape, scan->segment->seeds.segment,
                           offset, &stray.frame)) {
        claims->almost = claims->almost || is_almost_header(scan->segment, bytes, available, offset);
        return;
    }
    if (stray.frame.sequence < scan->sequence || stray.frame.sequence - scan->sequence > records_max)
        return;
    claims->stray_count++;
    claims->stray_end = offset + KAYA_FRAME_HEADER_BYTES;
    if (stray.frame.durable_bytes > claims->furthest) {
        claims->furthest = stray.frame.durable_bytes;
        claims->claim_offset = offset;
    }
    if (scan->visit != NULL && !scan->visit(scan->user, &stray))
        scan->stopped = true;
}

static void look_over_block(struct claim_scan *scan, const uint8_t *block, size_t length, uint64_t block_offset)
{
    uint32_t first = (uint32_t)(block_offset / 4);
    size_t at = 0;

    if (block_offset < scan->from)
        at = (size_t)(scan->from - block_offset);
    if (at >= length || is_blank(block + at, length - at)) /* written ahead, mostly: no frame is all zeros */
        return;
    while (at + KAYA_FRAME_HEADER_BYTES <= length && !scan->stopped) {
        uint32_t place = first + (uint32_t)(at / 4);
        uint32_t difference;

        if (at + KAYA_FRAME_OFFSET_AT + 4 * CHUNK_WORDS <= length &&
            !chunk_has_place(block + at + KAYA_FRAME_OFFSET_AT, place)) {
            at += 4 * CHUNK_WORDS;
            continue;
        }
        for (unsigned i = 0; i < CHUNK_WORDS && at + KAYA_FRAME_HEADER_BYTES <= length && !scan->stopped; i++) {
            difference = load32(block + at + KAYA_FRAME_OFFSET_AT) ^ (place + i);
            if ((difference & (difference - 1)) == 0 && !is_blank(block + at, KAYA_FRAME_HEADER_BYTES))
                look_at(scan, block + at, length - at, block_offset + at);
            at += 4;
        }
    }
}

static void look_over(struct claim_scan *scan, const uint8_t *bytes, size_t length, uint64_t offset)
{
    const struct shape *shape = &scan->segment->header.shape;

    for (size_t at = 0; at < length && !scan->stopped; at += shape->block_bytes) {
        size_t block_length = length - at < shape->block_bytes ? length - at : shape->block_bytes;

        if (offset + at == kaya_shape_skip_header(shape, offset + at))
            look_over_block(scan, bytes + at, block_length, offset + at);
    }
}

/* A window that cannot be read as a whole, sector by sector; zeros, which are never a frame, for those that cannot be read. */
static enum kaya_status look_over_sectors(struct claim_scan *scan, const struct context *context,
                                          struct scan_memory *memory, uint64_t offset, uint64_t end,
                                          size_t *length)
{
    uint64_t capacity = window_bytes(&scan->segment->header.shape);
    uint32_t sector = context->disk->geometry.sector_bytes;
    uint8_t *bytes = memory->window.bytes;
    enum kaya_status status = KAYA_OK;

    end = end - offset < capacity ? end : offset + capacity;
    for (uint64_t at = offset; at < end && status == KAYA_OK; at += sector) {
        size_t wanted = end - at < sector ? (size_t)(end - at) : sector;

        memset(bytes + (at - offset), 0, wanted);
        status = kaya_segment_read(scan->segment, context, at, bytes + (at - offset), wanted);
        if (status == KAYA_IO) {
            scan->claims->is_partial = true;
            memset(bytes + (at - offset), 0, wanted);
            status = KAYA_OK;
        }
    }
    *length = (size_t)(end - offset);
    if (status == KAYA_OK)
        look_over(scan, bytes, *length, offset);
    return status;
}

/* One window, in one reading that gets through or in three. */
static enum kaya_status look_over_window(struct claim_scan *scan, const struct context *context,
                                         struct scan_memory *memory, uint64_t offset, uint64_t end,
                                         enum claims_reading wanted, size_t *length)
{
    size_t capacity = window_bytes(&scan->segment->header.shape);
    bool is_read = false;
    enum kaya_status status = KAYA_OK;

    *length = 0;
    for (unsigned reading = 0; reading <= READINGS_PAST_CACHE && !scan->stopped; reading++) {
        uint8_t *bytes = is_read ? memory->again.bytes : memory->window.bytes;
        size_t done;

        if (is_read && wanted != CLAIMS_AGAIN)
            break;
        status = read_range(context, scan->segment, offset, end, bytes, capacity,
                            reading == 0 ? KAYA_READ_CACHED : KAYA_READ_PAST_CACHE, &done);
        if (status == KAYA_IO)
            continue;
        if (status != KAYA_OK)
            return status;
        if (is_read && done == *length && memcmp(memory->window.bytes, bytes, done) == 0)
            continue;
        scan->past_cache = reading > 0;
        look_over(scan, bytes, done, offset);
        if (!is_read)
            *length = done;
        is_read = true;
    }
    if (is_read || status != KAYA_IO || wanted != CLAIMS_WHAT_CAN_BE_READ)
        return is_read ? KAYA_OK : status;
    return look_over_sectors(scan, context, memory, offset, end, length);
}

/* `known`: NULL, or the scan whose end `from` is, with what it has read in the memory's window. */
static enum kaya_status scan_claims(struct claim_scan *scan, const struct context *context,
                                    struct scan_memory *memory, enum claims_reading reading, struct scan *known)
{
    const struct segment *segment = scan->segment;
    const struct shape *shape = &segment->header.shape;
    size_t capacity = window_bytes(shape);
    uint64_t end = segment->file_bytes < shape->segment_bytes ? segment->file_bytes : shape->segment_bytes;
    uint64_t offset = kaya_shape_block_start(shape, scan->from);
    enum kaya_status status;

    *scan->claims = (struct claims){ .furthest = 0 };
    status = kaya_buffer_reserve(context->allocator, &memory->window, capacity, 0);
    if (status == KAYA_OK)
        status = kaya_buffer_reserve(context->allocator, &memory->again, capacity, 0);
    if (status == KAYA_OK && known != NULL && known->agreed_offset <= kaya_shape_behind(shape, scan->from) &&
        kaya_shape_behind(shape, scan->from) < known->agreed_end) {
        offset = known->agreed_offset;
        look_over(scan, memory->window.bytes + (offset - known->window_offset),
                  (size_t)(known->agreed_end - offset), offset);
        offset = known->agreed_end < end ? kaya_shape_block_start(shape, known->agreed_end) : end;
    }
    if (known != NULL && offset < end) /* the window is used for what follows */
        known->window_length = 0;
    for (size_t length = 0; status == KAYA_OK && offset < end && !scan->stopped; offset += length) {
        status = look_over_window(scan, context, memory, offset, end, reading, &length);
        if (length == 0)
            break;
    }
    return status;
}

enum kaya_status kaya_scan_claims(const struct context *context, const struct segment *segment,
                                  struct scan_memory *memory, uint64_t from, uint32_t sequence,
                                  enum claims_reading reading, stray_visitor *visit, void *user,
                                  struct claims *claims)
{
    struct claim_scan scan = {
        .segment = segment, .from = from, .sequence = sequence, .visit = visit, .user = user, .claims = claims
    };

    return scan_claims(&scan, context, memory, reading, NULL);
}

enum kaya_status kaya_scan_claims_behind(struct scan *scan, struct claims *claims)
{
    struct claim_scan behind = {
        .segment = scan->segment, .from = scan->end, .sequence = scan->sequence, .claims = claims
    };

    return scan_claims(&behind, scan->context, scan->memory, CLAIMS_AGAIN, scan);
}
