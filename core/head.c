/* From the highest file downwards to the head; its end V, and the furthest claim on it W.
 *
 * A rotation's link counts at once: what it claims was synced before it was written. A recovery's link counts when a claim reaches its carried
 * end; until then its segment is a spare and the old tail lives.
 *
 * Live logs (P10): claims are read before the bytes they speak of. Whatever a claim vouches for was written before it, so it can be seen
 * behind it. */
#include "head.h"

#include <string.h>

#include "bytes.h"

enum { READINGS = 3 }; /* one through the cache, two past it */

/* Keep what a file above the head is, for whoever looks for spares, and what its frames say if there are any that no link leads to. */
static enum kaya_status describe(struct look *look, size_t index, const struct segment *segment)
{
    struct listed *file = &look->survey->listing.files[index];
    struct claims claims;
    enum kaya_status status;

    file->is_whole = segment->state >= SEGMENT_LINKLESS && segment->header.read_compatible == 0 &&
                     segment->file_bytes >= segment->header.shape.segment_bytes;
    file->shape = segment->header.shape;
    file->log_id = segment->header.log_id;
    file->is_linked = segment->state == SEGMENT_LINKED;
    if (segment->state != SEGMENT_LINKLESS)
        return KAYA_OK;
    status = kaya_scan_claims(look->context, segment, &look->survey->memory,
                              kaya_shape_first_frame(&segment->header.shape), 0, CLAIMS_WHAT_CAN_BE_READ,
                              NULL, NULL, &claims);
    file->is_clean = status == KAYA_OK && claims.stray_count == 0 && !claims.almost && !claims.is_partial;
    file->has_holes = claims.is_partial;
    file->is_unreadable = segment->link_is_unreadable;
    file->has_frames = claims.stray_count > 0;
    file->furthest = claims.furthest;
    return status;
}

/* Make the cache show what the device holds of the segment, and open it anew by that. */
static enum kaya_status open_past_cache(struct look *look, const struct listed *file, struct segment *segment)
{
    struct buffer *again = &look->survey->memory.again;
    size_t done = 0;
    enum kaya_status status;

    status = kaya_buffer_reserve(look->context->allocator, again, KAYA_BLOCK_BYTES_MAX, 0);
    for (uint64_t at = 0; status == KAYA_OK && at < segment->file_bytes; at += KAYA_BLOCK_BYTES_MAX) {
        status = kaya_disk_read(look->context->disk, segment->file, at, again->bytes, KAYA_BLOCK_BYTES_MAX,
                                KAYA_READ_PAST_CACHE, &done);
        if (status == KAYA_IO) /* the scan will meet it, if it matters */
            status = KAYA_OK;
    }
    kaya_segment_close(segment, look->context);
    return status == KAYA_OK ? kaya_look_open(look, file, segment, true) : status;
}

/* Follow the head to its end and note what stands in it. A stale read looks like an end, so that is always read again. */
static enum kaya_status scan_prefix(struct look *look, const struct segment *segment, bool reads_rest,
                                    struct scan *scan)
{
    struct survey *survey = look->survey;
    unsigned watermarks =
        0; /* behind the copies: recovery writes one, a rotation away from a segment without appended records another */
    struct scan_entry entry;
    bool found;
    enum kaya_status status;

    kaya_scan_init(scan, look->context, segment, &survey->memory, UINT64_MAX);
    scan->reads_rest = reads_rest;
    look->low_water = segment->link.low_water_lsn;
    survey->facts = (struct tail_facts){ .claim_past = false };
    survey->has_appended = false;
    look->records_end = 0;
    for (;;) {
        status = kaya_scan_next(scan, &entry, &found);
        if (status != KAYA_OK || !found)
            break;
        if (entry.type != FRAME_PAD || entry.mended)
            survey->facts.closed = entry.type == FRAME_CLOSE && !entry.mended;
        if (entry.type == FRAME_CLOSE)
            look->close_offset = entry.offset_bytes;
        if (entry.is_record)
            look->records_end = entry.end_bytes;
        if (entry.offset_bytes < segment->link.carried_end)
            continue;
        watermarks += entry.type == FRAME_WATERMARK;
        if (entry.is_record || watermarks > (segment->link.carried_end > 0))
            survey->has_appended = true;
        if (entry.type == FRAME_TRIM && load64(entry.payload) > look->low_water)
            look->low_water = load64(entry.payload);
    }
    look->end = scan->end;
    look->sequence = scan->sequence;
    survey->has_vanished = survey->has_vanished || scan->has_vanished;
    return status;
}

/* Do these bytes hold CLOSE and the padding behind it, frame by frame, up to the log's end? */
static bool holds_close(const struct look *look, const struct segment *segment, const uint8_t *bytes, size_t length)
{
    const struct shape *shape = &segment->header.shape;
    uint64_t offset = look->close_offset;
    struct frame frame;

    while (offset - look->close_offset < length &&
           kaya_frame_decode(bytes + (offset - look->close_offset), length - (size_t)(offset - look->close_offset),
                             shape, &segment->seeds, offset, &frame) == FRAME_FAULT_NONE &&
           frame.type == (offset == look->close_offset ? FRAME_CLOSE : FRAME_PAD))
        offset = kaya_shape_skip_header(shape, offset + frame.extent_bytes);
    return offset >= look->end;
}

/* CLOSE, and the padding behind it, may stand in a cache that no longer owes them to the device; then the log must not go on behind
 * them. So a reading past the cache must show them. */
static enum kaya_status check_close(struct look *look, const struct segment *segment)
{
    struct buffer *again = &look->survey->memory.again;
    size_t length = (size_t)(look->end - look->close_offset);
    bool is_read = false;
    enum kaya_status status;

    status = kaya_buffer_reserve(look->context->allocator, again, length, 0);
    if (status != KAYA_OK)
        return status;
    look->survey->facts.closed = false;
    for (unsigned reading = 0; reading < READINGS && !look->survey->facts.closed; reading++) {
        size_t done;

        status = kaya_disk_read(look->context->disk, segment->file, look->close_offset, again->bytes, length,
                                KAYA_READ_PAST_CACHE, &done);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        is_read = is_read || status == KAYA_OK;
        look->survey->facts.closed = status == KAYA_OK && holds_close(look, segment, again->bytes, done);
    }
    return is_read ? KAYA_OK : KAYA_IO;
}

/* Claims that were read before the bytes may come from frames that no writer wrote behind these records. Those that still count now
 * that the records are known, and were there before. What the records themselves say (`watermark`) needs no second look. */
static enum kaya_status judge_early_claims(struct look *look, const struct segment *segment,
                                           uint64_t watermark, struct claims *early)
{
    struct claims now;
    enum kaya_status status;

    if (early->furthest <= watermark)
        return KAYA_OK;
    status = kaya_scan_claims(look->context, segment, &look->survey->memory, look->end, look->sequence,
                              CLAIMS_AGAIN, NULL, NULL, &now);
    if (status == KAYA_OK && now.furthest < early->furthest)
        early->furthest = now.furthest;
    return status;
}

/* V and W of a segment that may be the head. */
static enum kaya_status scan_head(struct look *look, struct segment *segment)
{
    struct survey *survey = look->survey;
    uint64_t first = kaya_shape_first_frame(&segment->header.shape);
    struct claims early = { .furthest = 0 };
    struct scan scan;
    enum kaya_status status = KAYA_OK;

    if (look->options->is_live)
        status = kaya_scan_claims(look->context, segment, &survey->memory, first, 0, CLAIMS_ONCE, NULL, NULL,
                                  &early);
    if (status == KAYA_OK)
        status = scan_prefix(look, segment, !look->options->is_live, &scan);
    if (status == KAYA_OK && !look->options->is_live)
        status = kaya_scan_claims_behind(&scan, &early);
    if (status == KAYA_OK && !look->options->is_live)
        kaya_scan_keep_window(&scan, &survey->head_window);
    if (status == KAYA_OK && look->options->is_live)
        status = judge_early_claims(look, segment, scan.watermark, &early);
    if (status == KAYA_OK && survey->facts.closed && !look->options->is_live)
        status = check_close(look, segment);
    if (status != KAYA_OK)
        return status;
    look->claims = early;
    look->furthest = early.furthest > scan.watermark ? early.furthest : scan.watermark;
    survey->facts.written =
        scan.is_partial || scan.looks_written || (!look->options->is_live && early.stray_count > 0);
    survey->facts.almost =
        (!look->options->is_live && early.almost) ||
        segment->header.shape.unit_bytes < kaya_shape_unit_for(&look->context->disk->geometry);
    survey->claim = scan.watermark;
    survey->claimed = scan.claimed;
    if (look->furthest == look->end) { /* also where a fragment of a record that is not whole says so */
        survey->claim = look->end;
        survey->claimed = (struct scan_place){ look->end, look->sequence };
    }
    survey->report.mended_count = scan.mended_count;
    return KAYA_OK;
}

/* Does the segment's link count? */
static bool link_counts(const struct look *look, const struct segment *segment)
{
    return segment->link.carried_end == 0 || look->furthest >= segment->link.carried_end;
}

/* The mark that makes a recovery's link count stands behind the copies and their padding. KAYA_IO: whether it does cannot be read. */
static enum kaya_status read_mark(const struct look *look, const struct segment *segment)
{
    const struct shape *shape = &segment->header.shape;
    uint64_t end = segment->link.carried_end;
    uint8_t bytes[KAYA_FRAME_HEADER_BYTES];

    if (end >= shape->segment_bytes)
        return KAYA_OK; /* no writer wrote that, and nothing stands there */
    return kaya_segment_read(segment, look->context, kaya_shape_behind(shape, kaya_shape_padded(shape, end)),
                             bytes, sizeof bytes);
}

/* Some sector of a recovery's segment cannot be read. It need not be: where its copies end early at a place that can, and the mark's place can be
 * read and no claim stands there, they were never durable. The copies' end alone does not tell: a disk that lost a sector of them leaves
 * the same, and what was appended behind them is then in the sectors that nobody can read. KAYA_IO: it may count. */
static enum kaya_status pass_over_unfinished(struct look *look, const struct segment *segment, struct listed *file)
{
    struct claims claims;
    struct scan scan;
    enum kaya_status status;

    status = scan_prefix(look, segment, false, &scan);
    if (status == KAYA_OK)
        status = read_mark(look, segment);
    if (status == KAYA_OK)
        status = kaya_scan_claims(look->context, segment, &look->survey->memory, look->end, look->sequence,
                                  CLAIMS_WHAT_CAN_BE_READ, NULL, NULL, &claims);
    if (status != KAYA_OK)
        return status;
    if (look->end >= segment->link.carried_end || claims.furthest >= segment->link.carried_end)
        return KAYA_IO;
    look->furthest = claims.furthest;
    file->has_holes = true;
    return KAYA_OK;
}

enum kaya_status kaya_head_find(struct look *look)
{
    struct survey *survey = look->survey;
    enum kaya_status status = KAYA_OK;

    for (size_t i = survey->listing.file_count; i-- > 0 && status == KAYA_OK;) {
        const struct listed *file = &survey->listing.files[i];
        struct segment segment;

        if (file != kaya_listing_find(&survey->listing, file->number))
            continue;
        status = kaya_look_open(look, file, &segment, true);
        if (status == KAYA_NOT_FOUND) {
            status = KAYA_OK;
            continue;
        }
        if (status == KAYA_OK && look->options->past_cache && segment.state == SEGMENT_LINKED)
            status = open_past_cache(look, file, &segment);
        if (status == KAYA_OK && segment.state == SEGMENT_UNSUPPORTED)
            status = KAYA_UNSUPPORTED;
        if (status == KAYA_OK && segment.state == SEGMENT_LINKED) {
            status = scan_head(look, &segment);
            if (status == KAYA_IO && segment.link.carried_end > 0)
                status = pass_over_unfinished(look, &segment, &survey->listing.files[i]);
            if (status == KAYA_OK && link_counts(look, &segment)) {
                survey->head = segment;
                return KAYA_OK;
            }
        }
        if (status == KAYA_OK)
            status = describe(look, i, &segment);
        kaya_segment_close(&look->above, look->context);
        look->above = segment;
    }
    return status;
}
