/* Frames behind the end of one segment.
 *
 *          first frame                          durable            end - used        end          prewritten
 *   header | LINK ...............................|...................|::::::::::::::::|             |
 *            watermark of the next frame --------^   in the cache      in the buffer    zeros or an older life
 *
 * The watermark moves only when a sync returned OK, to where `end` was when that sync began (F3). In padding mode `durable` is always
 * a multiple of the unit, so no later write touches a unit that holds durable bytes (F7).
 *
 * Where the disk prefers it (geometry), a group goes out by one write_durable instead of a write and a sync. That makes these bytes durable and
 * nothing else, so it is only done while nothing else of the file waits for a sync (is_settled): no group that was written without one, nothing that
 * stood in the file when it was opened. A stride written ahead could wait; it is synced first so that its metadata is settled by one sync, and not
 * a part of it by each durable write. So the first sync of a segment, and the first one behind a stride, are true syncs.
 *
 * What a carry must move (FORMAT.md, "Recovery") is bounded here by counting: a record is vouched for once a frame that was encoded
 * after the record's sync is itself durable. So what a flight's last frame says is durable is claimed when that flight has arrived. */
#include "appender.h"

#include <string.h>

#include "bytes.h"

enum {
    ZERO_BYTES = 4096,
    RESERVED_FRAMES = 2, /* one TRIM, one CLOSE */
    AHEAD_SHARE = 8,     /* of a segment is synced ahead at a time */
    DENSE_FRAME_BYTES = KAYA_FRAME_HEADER_BYTES + KAYA_TRIM_BYTES + KAYA_FRAME_ROOM_MIN,
    /* What one block of a carry may lose: a fragment's header and the padding behind the last frame. */
    BLOCK_LOSS_BYTES = KAYA_FRAME_HEADER_BYTES + KAYA_FRAME_ROOM_MIN,
};

/* The start of the block that is `count` blocks behind the one that starts at `start`; no frame stands in the second header copy. */
static uint64_t blocks_on(const struct shape *shape, uint64_t start, uint64_t count)
{
    uint64_t second = kaya_shape_second_header(shape);
    uint64_t at = start + count * shape->block_bytes;

    return start < second && at >= second ? at + kaya_shape_header_bytes(shape) : at;
}

/* By division: who asks for no longest record has this asked for many lengths. */
uint64_t kaya_record_end(const struct shape *shape, uint64_t end, uint64_t length)
{
    uint64_t offset = kaya_shape_behind(shape, end);
    uint32_t room = kaya_frame_room(shape, offset);
    uint64_t full;

    if (length <= room)
        return offset + kaya_frame_extent(shape, offset, (uint32_t)length);
    length = length + KAYA_FIRST_PREFIX_BYTES - room;
    offset = kaya_shape_skip_header(shape, kaya_shape_block_end(shape, offset));
    room = kaya_frame_room(shape, offset);
    KAYA_ASSERT(room > 0);      /* at the front of a block */
    full = (length - 1) / room; /* fragments that fill their blocks, in front of the last one */
    offset = blocks_on(shape, offset, full);
    return offset + kaya_frame_extent(shape, offset, (uint32_t)(length - full * room));
}

uint64_t kaya_control_end(const struct shape *shape, uint64_t end, uint32_t length)
{
    uint64_t offset = kaya_shape_behind(shape, end);

    return offset + kaya_frame_extent(shape, offset, length);
}

static uint64_t reserved_bytes(const struct shape *shape, uint32_t frames)
{
    return frames * (uint64_t)(shape->unit_bytes == 0 ? DENSE_FRAME_BYTES : shape->unit_bytes);
}

uint64_t kaya_record_limit(const struct shape *shape)
{
    return shape->segment_bytes - reserved_bytes(shape, RESERVED_FRAMES);
}

uint64_t kaya_trim_limit(const struct shape *shape)
{
    return shape->segment_bytes - reserved_bytes(shape, RESERVED_FRAMES - 1);
}

uint64_t kaya_carry_cost(uint64_t length)
{
    return length + KAYA_FRAME_HEADER_BYTES + KAYA_FIRST_PREFIX_BYTES + 3;
}

uint64_t kaya_carry_capacity(const struct shape *shape)
{
    uint64_t blocks =
        (kaya_record_limit(shape) - 2 * (uint64_t)kaya_shape_header_bytes(shape)) / shape->block_bytes;
    uint64_t controls = 2 * (KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES) + 2 * (uint64_t)shape->unit_bytes;
    uint64_t bytes = blocks * (shape->block_bytes - BLOCK_LOSS_BYTES);

    return bytes > controls ? bytes - controls : 0;
}

enum kaya_status kaya_appender_reserve(struct appender *appender, const struct shape *shape)
{
    uint64_t bytes = appender->buffer_bytes;

    if (bytes > shape->segment_bytes)
        bytes = shape->segment_bytes;
    if (bytes < shape->block_bytes)
        bytes = shape->block_bytes;
    if (bytes < 2 * (uint64_t)shape->unit_bytes) /* a record, and its padding */
        bytes = 2 * (uint64_t)shape->unit_bytes;
    return kaya_buffer_reserve(appender->context->allocator, &appender->buffer, (size_t)bytes, appender->used);
}

static enum kaya_status take_over(struct appender *appender, const struct context *context,
                                  struct segment *segment, uint32_t stride_bytes)
{
    appender->context = context;
    appender->used = 0;
    appender->cost = 0;
    appender->cost_durable = 0;
    appender->cost_watermark = 0;
    appender->cost_claimed = 0;
    kaya_appender_doubt(appender);
    appender->is_settled = false;
    appender->is_inside_record = false;
    appender->stride_bytes = stride_bytes;
    if (segment->header.previous_seed != 0)
        appender->prewritten = segment->header.shape.segment_bytes;
    return kaya_appender_reserve(appender, &segment->header.shape);
}

static void adopt(struct appender *appender, struct segment *segment)
{
    kaya_segment_close(&appender->segment, appender->context);
    appender->segment = *segment;
    *segment = SEGMENT_NONE;
}

enum kaya_status kaya_appender_begin(struct appender *appender, const struct context *context,
                                     struct segment *segment, const struct link *link, uint32_t stride_bytes)
{
    uint8_t bytes[KAYA_LINK_BYTES];
    enum kaya_status status;

    status = take_over(appender, context, segment, stride_bytes);
    if (status != KAYA_OK)
        return status;
    adopt(appender, segment);
    appender->segment.link = *link;
    appender->segment.state = SEGMENT_LINKED;
    appender->segment.seeds.base = kaya_base_seed(appender->segment.seeds.segment, link->nonce);
    appender->end = kaya_shape_first_frame(&appender->segment.header.shape);
    appender->written = appender->end;
    if (appender->segment.header.previous_seed == 0)
        appender->prewritten = appender->end;
    appender->durable = 0;
    appender->sequence = 0;
    appender->written_sequence = 0;
    appender->reach = (struct reach){ .end = appender->end };
    kaya_link_encode(bytes, link);
    return kaya_appender_put_control(appender, FRAME_LINK, bytes, sizeof bytes);
}

enum kaya_status kaya_appender_resume(struct appender *appender, const struct context *context,
                                      struct segment *segment, uint64_t durable, uint64_t end,
                                      uint32_t sequence, uint32_t stride_bytes)
{
    enum kaya_status status;

    status = take_over(appender, context, segment, stride_bytes);
    if (status != KAYA_OK)
        return status;
    adopt(appender, segment);
    appender->end = end;
    appender->written = end;
    appender->durable = durable;
    appender->sequence = sequence;
    appender->written_sequence = sequence;
    appender->reach = (struct reach){ .end = durable, .sequence = sequence };
    appender->last_type = FRAME_CLOSE;
    if (appender->segment.header.previous_seed == 0)
        appender->prewritten = (end + stride_bytes - 1) / stride_bytes * stride_bytes;
    return KAYA_OK;
}

void kaya_appender_release(struct appender *appender)
{
    if (appender->context == NULL)
        return;
    kaya_segment_close(&appender->segment, appender->context);
    kaya_buffer_release(appender->context->allocator, &appender->buffer);
    kaya_buffer_release(appender->context->allocator, &appender->idle);
    *appender = APPENDER_NONE;
}

/* --- writing ahead -------------------------------------------------------------------------------------------------- */

enum kaya_status kaya_write_zeros(const struct context *context, struct kaya_file *file, uint64_t from,
                                  uint64_t to)
{
    static const uint8_t zeros[ZERO_BYTES];
    struct kaya_span spans[KAYA_SPANS_MAX];
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && from < to) {
        size_t count = 0;
        uint64_t at = from;

        for (; at < to && count < KAYA_SPANS_MAX; count++) {
            spans[count].bytes =
                (void *)(uintptr_t)zeros; /* a write does not change them; spans have no const form */
            spans[count].length = to - at < ZERO_BYTES ? (size_t)(to - at) : ZERO_BYTES;
            at += spans[count].length;
        }
        status = kaya_disk_write(context->disk, file, from, spans, count);
        from = at;
    }
    return status;
}

uint64_t kaya_appender_calm_end(const struct appender *appender)
{
    uint32_t half_bytes = appender->stride_bytes / 2;

    if (appender->prewritten >= appender->segment.header.shape.segment_bytes)
        return UINT64_MAX;
    return appender->prewritten > half_bytes ? appender->prewritten - half_bytes : 0;
}

void kaya_appender_plan_ahead(const struct appender *appender, uint64_t end, uint64_t *from, uint64_t *to)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t written = appender->end - appender->used;

    *from = appender->prewritten > written ? appender->prewritten : written;
    *to = (end + appender->stride_bytes - 1) / appender->stride_bytes * appender->stride_bytes;
    if (*to > shape->segment_bytes)
        *to = shape->segment_bytes;
    if (*to < *from)
        *to = *from;
}

enum kaya_status kaya_appender_fill_ahead(const struct appender *appender, uint64_t from, uint64_t to)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t header = kaya_shape_second_header(shape);
    uint64_t behind_header = header + kaya_shape_header_bytes(shape);
    struct kaya_file *file = appender->segment.file;
    enum kaya_status status = KAYA_OK;

    if (from < header)
        status = kaya_write_zeros(appender->context, file, from, to < header ? to : header);
    if (status == KAYA_OK && to > behind_header)
        status = kaya_write_zeros(appender->context, file, from > behind_header ? from : behind_header, to);
    return status;
}

enum kaya_status kaya_appender_write_ahead(struct appender *appender, uint64_t end)
{
    uint64_t from, to;
    enum kaya_status status;

    if (end <= appender->prewritten)
        return KAYA_OK;
    kaya_appender_plan_ahead(appender, end, &from, &to);
    appender->is_settled = false;
    status = kaya_appender_fill_ahead(appender, from, to);
    if (status == KAYA_OK)
        appender->prewritten = to;
    return status;
}

/* --- frames --------------------------------------------------------------------------------------------------------- */

/* Where the next frame goes: in the buffer, which holds what stands right before it in the file. */
static enum kaya_status make_room(struct appender *appender, uint32_t extent, uint64_t offset)
{
    enum kaya_status status = KAYA_OK;

    if (offset != appender->end || appender->used + extent > appender->buffer.capacity)
        status = kaya_appender_flush(appender);
    if (status == KAYA_OK)
        appender->end = offset;
    return status;
}

static enum kaya_status put_frame(struct appender *appender, struct frame *frame, const void *prefix,
                                  size_t prefix_length, const uint8_t *bytes)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t offset = kaya_shape_behind(shape, appender->end);
    uint32_t extent = kaya_frame_extent(shape, offset, frame->length);
    uint8_t *out;
    enum kaya_status status;

    status = make_room(appender, extent, offset);
    if (status != KAYA_OK)
        return status;
    KAYA_ASSERT(offset + extent <= shape->segment_bytes);
    out = appender->buffer.bytes + appender->used;
    frame->payload = bytes;
    if (prefix_length > 0) {
        memcpy(out + KAYA_FRAME_HEADER_BYTES, prefix, prefix_length);
        memcpy(out + KAYA_FRAME_HEADER_BYTES + prefix_length, bytes, frame->length - prefix_length);
        frame->payload = out + KAYA_FRAME_HEADER_BYTES;
    }
    frame->offset_bytes = offset;
    frame->durable_bytes = appender->durable;
    frame->sequence = appender->sequence;
    kaya_frame_encode(out, shape, &appender->segment.seeds, frame);
    appender->used += extent;
    appender->end = offset + extent;
    appender->last_type = frame->type;
    appender->cost_watermark = appender->cost_durable;
    return KAYA_OK;
}

enum kaya_status kaya_appender_put_control(struct appender *appender, enum frame_type type, const void *bytes,
                                           uint16_t length)
{
    struct frame frame = { .type = (uint8_t)type, .length = length };

    if (type != FRAME_PAD)
        kaya_appender_doubt(appender);
    return put_frame(appender, &frame, NULL, 0, bytes);
}

/* A record that does not fit its block: FIRST with the whole length, MIDDLE ..., LAST. */
static enum kaya_status put_fragments(struct appender *appender, uint8_t flags, const uint8_t *bytes, size_t length)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint8_t prefix[KAYA_FIRST_PREFIX_BYTES];
    size_t prefix_length = sizeof prefix;
    enum kaya_status status = KAYA_OK;

    store64(prefix, length);
    while (status == KAYA_OK && length > 0) {
        size_t room = kaya_frame_room(shape, kaya_shape_behind(shape, appender->end)) - prefix_length;
        size_t part = length < room ? length : room;
        struct frame frame = { .type = prefix_length > 0 ? FRAME_FIRST
                                       : part == length  ? FRAME_LAST
                                                         : FRAME_MIDDLE,
                               .flags = prefix_length > 0 ? flags : 0,
                               .length = (uint16_t)(prefix_length + part) };

        status = put_frame(appender, &frame, prefix, prefix_length, bytes);
        prefix_length = 0;
        bytes += part;
        length -= part;
        appender->is_inside_record = length > 0;
    }
    return status;
}

enum kaya_status kaya_appender_put_record(struct appender *appender, uint8_t flags, const void *bytes,
                                          size_t length, uint32_t count)
{
    const struct shape *shape = &appender->segment.header.shape;
    struct frame frame = { .type = FRAME_FULL, .flags = flags, .length = (uint16_t)length };
    enum kaya_status status;

    if (length <= kaya_frame_room(shape, kaya_shape_behind(shape, appender->end)))
        status = put_frame(appender, &frame, NULL, 0, bytes);
    else
        status = put_fragments(appender, flags, bytes, length);
    if (status == KAYA_OK) {
        appender->sequence += count;
        appender->cost += kaya_carry_cost(length);
    }
    return status;
}

/* --- the short way -------------------------------------------------------------------------------------------------- */

static uint64_t lower(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* A frame that leaves room for another one ends where its bytes end, and no header copy stands inside a block. */
void kaya_appender_clear(struct appender *appender, uint64_t carry_capacity)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t end = kaya_shape_block_end(shape, appender->end) - KAYA_FRAME_ROOM_MIN;
    uint64_t calm_end = kaya_appender_calm_end(appender);

    end = lower(end, kaya_record_limit(shape));
    end = lower(end, appender->prewritten);
    if (appender->end <= calm_end)
        end = lower(end, calm_end);
    appender->clear_end = kaya_shape_skip_header(shape, appender->end) == appender->end ? end : 0;
    appender->clear_cost = appender->cost_claimed + carry_capacity;
}

bool kaya_appender_put_clear(struct appender *appender, uint8_t flags, const void *bytes, size_t length)
{
    uint64_t end = appender->end + kaya_frame_extent_inside((uint32_t)length);
    uint64_t cost = appender->cost + kaya_carry_cost(length);
    uint64_t start = appender->end - appender->used;
    struct frame frame = { .type = FRAME_FULL,
                           .flags = flags,
                           .length = (uint16_t)length,
                           .payload = bytes,
                           .offset_bytes = appender->end,
                           .durable_bytes = appender->durable,
                           .sequence = appender->sequence };

    if (end > appender->clear_end || cost > appender->clear_cost ||
        kaya_shape_padded(&appender->segment.header.shape, end) - start > appender->buffer.capacity)
        return false;
    appender->used +=
        kaya_frame_encode_inside(appender->buffer.bytes + appender->used, &appender->segment.seeds, &frame);
    appender->end = end;
    appender->last_type = FRAME_FULL;
    appender->cost_watermark = appender->cost_durable;
    appender->cost = cost;
    appender->sequence++;
    return true;
}

/* --- flights -------------------------------------------------------------------------------------------------------- */

uint64_t kaya_appender_padded_end(const struct appender *appender)
{
    return kaya_shape_padded(&appender->segment.header.shape, appender->end);
}

/* From the end to behind the padding of a sync behind a record that ends at `end`; UINT64_MAX where the second header stands between. */
static uint64_t buffer_need(const struct appender *appender, uint64_t end)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t header = kaya_shape_second_header(shape);

    end = kaya_shape_padded(shape, end);
    return appender->end > header || end <= header ? end - appender->end : UINT64_MAX;
}

bool kaya_appender_fits_buffer(const struct appender *appender, uint64_t end)
{
    uint64_t room = appender->buffer.capacity - appender->used;

    return buffer_need(appender, end) <= room;
}

bool kaya_appender_fits_next_buffer(const struct appender *appender, uint64_t end)
{
    uint64_t capacity = appender->buffer.capacity;

    if (capacity < appender->idle.capacity)
        capacity = appender->idle.capacity;
    return buffer_need(appender, end) <= capacity;
}

enum kaya_status kaya_appender_reserve_group(struct appender *appender)
{
    if (appender->buffer.capacity > 0)
        return KAYA_OK;
    return kaya_appender_reserve(appender, &appender->segment.header.shape);
}

/* PAD frames up to a multiple of the unit. Blocks divide units, so each ends with its block. They hide no CLOSE. */
static enum kaya_status pad(struct appender *appender)
{
    static const uint8_t zeros[KAYA_BLOCK_BYTES_MAX];
    const struct shape *shape = &appender->segment.header.shape;
    uint8_t last_type = appender->last_type;
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && shape->unit_bytes != 0 && appender->end % shape->unit_bytes != 0)
        status = kaya_appender_put_control(appender, FRAME_PAD, zeros,
                                           (uint16_t)kaya_frame_room(shape, appender->end));
    appender->last_type = last_type;
    return status;
}

/* What is encoded next goes into the idle buffer; into none where that is too small. */
enum kaya_status kaya_appender_depart(struct appender *appender, bool syncs, struct flight *flight)
{
    enum kaya_status status = syncs ? pad(appender) : KAYA_OK;

    if (status != KAYA_OK)
        return status;
    *flight = (struct flight){ .buffer = appender->buffer,
                               .used = appender->used,
                               .offset = appender->end - appender->used,
                               .end = appender->end,
                               .sequence = appender->sequence,
                               .cost = appender->cost,
                               .cost_watermark = appender->cost_watermark,
                               .syncs = syncs,
                               .is_alone = appender->is_settled && appender->used > 0 &&
                                           appender->end <= appender->segment.file_bytes,
                               .breaks_off = appender->is_inside_record };
    if (appender->idle.capacity < flight->buffer.capacity)
        kaya_buffer_release(appender->context->allocator, &appender->idle);
    appender->buffer = appender->idle;
    appender->idle = BUFFER_NONE;
    appender->used = 0;
    return KAYA_OK;
}

enum kaya_status kaya_appender_fly(const struct appender *appender, const struct flight *flight)
{
    struct kaya_disk *disk = appender->context->disk;
    struct kaya_span span = { flight->buffer.bytes, flight->used };
    enum kaya_status status = KAYA_OK;

    if (flight->syncs && flight->is_alone && disk->geometry.prefers_write_durable)
        return kaya_disk_write_durable(disk, appender->segment.file, flight->offset, &span, 1);
    if (flight->used > 0)
        status = kaya_disk_write(disk, appender->segment.file, flight->offset, &span, 1);
    if (status == KAYA_OK && flight->syncs)
        status = kaya_disk_sync(disk, appender->segment.file);
    return status;
}

void kaya_appender_arrive(struct appender *appender, struct flight *flight, enum kaya_status status)
{
    if (appender->buffer.bytes == NULL)
        appender->buffer = flight->buffer;
    else
        appender->idle = flight->buffer;
    flight->buffer = BUFFER_NONE;
    if (flight->used > 0 || flight->syncs)
        appender->is_settled = flight->syncs && status == KAYA_OK;
    if (status != KAYA_OK)
        return;
    appender->written = flight->end;
    appender->written_sequence = flight->sequence;
    if (!flight->breaks_off)
        appender->reach = (struct reach){ flight->end, flight->cost, flight->cost_watermark, flight->sequence };
    if (!flight->syncs)
        return;
    appender->durable = flight->end;
    appender->cost_durable = flight->cost;
    appender->cost_claimed = flight->cost_watermark;
}

bool kaya_appender_must_sync_ahead(const struct appender *appender)
{
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t durable = appender->durable > 0 ? appender->durable : kaya_shape_first_frame(shape);

    return shape->unit_bytes == 0 && appender->reach.end >= durable + shape->segment_bytes / AHEAD_SHARE;
}

void kaya_appender_note_sync(struct appender *appender, const struct reach *reach)
{
    appender->durable = reach->end;
    appender->cost_durable = reach->cost;
    appender->cost_claimed = reach->cost_watermark;
}

uint64_t kaya_appender_unclaimed_cost(const struct appender *appender)
{
    return appender->cost - appender->cost_claimed;
}

static enum kaya_status travel(struct appender *appender, bool syncs)
{
    struct flight flight;
    enum kaya_status status = kaya_appender_depart(appender, syncs, &flight);

    if (status != KAYA_OK)
        return status;
    status = kaya_appender_fly(appender, &flight);
    kaya_appender_arrive(appender, &flight, status);
    return status;
}

enum kaya_status kaya_appender_flush(struct appender *appender)
{
    return appender->used == 0 ? KAYA_OK : travel(appender, false);
}

enum kaya_status kaya_appender_sync(struct appender *appender)
{
    return appender->durable == appender->end ? KAYA_OK : travel(appender, true);
}

enum kaya_status kaya_appender_secure(struct appender *appender)
{
    enum kaya_status status;

    status = kaya_appender_sync(appender);
    if (status == KAYA_OK)
        status = kaya_appender_put_control(appender, FRAME_WATERMARK, NULL, 0);
    if (status == KAYA_OK)
        status = kaya_appender_sync(appender);
    return status;
}
