/* From a directory to a verdict, changing nothing.
 *
 *   files -> head -> end of the head (V, W) -> chain, backwards to the low-water mark -> what must stand behind the head -> verdict
 *
 * The head is the highest segment whose link counts. A rotation's link counts at once: what it claims was synced before it was
 * written. A recovery's link counts when a claim reaches its carried end; until then its segment is a spare and the old tail
 * lives. What the chain passes over is dead, in whatever subset it survives.
 *
 * What makes damage, each with the place that first showed it:
 *   - the head: a claim behind the end of its valid prefix
 *   - a segment that a link names: missing, not the one named, or not whole up to the end that the link names
 *   - behind the head: a log with appended records always has the next segment durable under its number, so a missing one is a
 *     lost one; and any without a link whose frames say that something in it was durable has lost its link
 *   - the caller's anchor lies beyond the end
 *
 * Live logs (P10). A writer may append, rotate and trim while we look. Claims are read before the bytes they speak of: whatever a
 * claim vouches for was written before it, so it can be seen behind it. And damage is pronounced only if a second look, past the
 * cache, finds the same place for the same reason at or above the low-water mark; else the look starts over. */
#include "survey.h"

#include <string.h>

#include "bytes.h"

enum {
    RESTARTS_MAX = 16, /* of a look at a live log */
    READINGS = 3,      /* one through the cache, two past it */
};

/* --- files ---------------------------------------------------------------------------------------------------------- */

struct listing {
    struct survey *survey;
    const struct context *context;
    enum kaya_status status;
};

static enum kaya_status grow(const struct context *context, void **array, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
    void *grown = kaya_allocate(context->allocator, wanted * size);

    if (grown == NULL)
        return KAYA_NO_MEMORY;
    if (*capacity > 0)
        memcpy(grown, *array, *capacity * size);
    kaya_release(context->allocator, *array, *capacity * size);
    *array = grown;
    *capacity = wanted;
    return KAYA_OK;
}

static bool is_lock(const char *name)
{
    static const char lock[] = KAYA_LOCK_NAME;

    for (unsigned i = 0; i < sizeof lock; i++)
        if (name[i] != lock[i])
            return false;
    return true;
}

static bool note_file(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;
    struct survey *survey = listing->survey;
    struct listed file = { .number = 0 };

    if (kind != KAYA_ENTRY_FILE || !kaya_segment_name_parse(name, &file.number, &file.kind)) {
        if (!is_lock(name)) {
            survey->foreign_count++;
            kaya_notify(listing->context, &(struct kaya_event){ .kind = KAYA_EVENT_FOREIGN_FILE, .text = name });
        }
        return true;
    }
    if (survey->file_count == survey->file_capacity)
        listing->status = grow(listing->context, (void **)&survey->files, &survey->file_capacity, sizeof file);
    if (listing->status != KAYA_OK)
        return false;
    survey->files[survey->file_count++] = file;
    return true;
}

static bool comes_before(const struct listed *one, const struct listed *other)
{
    return one->number != other->number ? one->number < other->number : one->kind < other->kind;
}

static void sift_down(struct listed *files, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        struct listed moved;

        if (child + 1 < count && comes_before(&files[child], &files[child + 1]))
            child++;
        if (!comes_before(&files[root], &files[child]))
            return;
        moved = files[root];
        files[root] = files[child];
        files[child] = moved;
    }
}

/* Heap sort: bounded time whatever stands in the directory, and no memory. */
static void sort_files(struct listed *files, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        sift_down(files, root, count);
    for (size_t last = count; last-- > 1;) {
        struct listed moved = files[0];

        files[0] = files[last];
        files[last] = moved;
        sift_down(files, 0, last);
    }
}

enum kaya_status kaya_survey_list(struct survey *survey, const struct context *context)
{
    struct listing listing = { survey, context, KAYA_OK };
    enum kaya_status status;

    survey->file_count = 0;
    survey->foreign_count = 0;
    status = kaya_disk_list(context->disk, note_file, &listing);
    if (status == KAYA_NOT_FOUND)
        return KAYA_OK;
    if (status == KAYA_OK)
        status = listing.status;
    if (status == KAYA_OK)
        sort_files(survey->files, survey->file_count);
    return status;
}

const struct listed *kaya_survey_find(const struct survey *survey, uint64_t number)
{
    size_t low = 0, high = survey->file_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (survey->files[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == survey->file_count || survey->files[low].number != number ||
        survey->files[low].kind == SEGMENT_NAME_NEW)
        return NULL;
    return &survey->files[low];
}

/* --- one look ------------------------------------------------------------------------------------------------------- */

struct look {
    struct survey *survey;
    const struct context *context;
    const struct survey_options *options;
    struct segment above;  /* the segment right behind the head, while the head is looked for */
    bool is_above_vouched; /* `above` says by itself that it was in use */
    uint64_t low_water;
    uint64_t end;          /* V of the head */
    uint64_t close_offset; /* of the last CLOSE before it */
    uint64_t records_end;  /* of the last record before it; 0: none */
    uint32_t sequence;
    uint64_t furthest; /* W of the head */
    struct claims claims;
};

static bool is_damaged(const struct survey *survey)
{
    return survey->report.verdict == KAYA_VERDICT_DAMAGED;
}

/* The one place where damage is pronounced. The first place that saw it stays on record. */
static void pronounce(struct look *look, uint64_t segment, uint64_t offset, uint64_t end, const char *reason)
{
    struct kaya_wal_recovery_report *report = &look->survey->report;

    if (is_damaged(look->survey))
        return;
    report->verdict = KAYA_VERDICT_DAMAGED;
    report->damage_segment = segment;
    report->damage_offset = offset;
    report->damage_end_offset = end;
    report->damage_reason = reason;
    look->survey->facts.claim_past = true;
}

static void name_lost(struct look *look, uint64_t first, uint64_t last)
{
    struct kaya_wal_recovery_report *report = &look->survey->report;

    if (report->lost_first_lsn == 0 && last >= first) {
        report->lost_first_lsn = first;
        report->lost_last_lsn = last;
    }
}

/* Keep what a file above the head is, for whoever looks for spares, and what its frames say if there are any that no link leads to. */
static enum kaya_status describe(struct look *look, size_t index, const struct segment *segment)
{
    struct listed *file = &look->survey->files[index];
    struct claims claims;
    enum kaya_status status;

    file->is_whole = segment->state >= SEGMENT_LINKLESS && segment->header.read_compatible == 0 &&
                     segment->file_bytes >= segment->header.shape.segment_bytes;
    file->shape = segment->header.shape;
    file->log_id = segment->header.log_id;
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

/* KAYA_IO: also where only the link cannot be read, unless `any`. */
static enum kaya_status open_listed(struct look *look, const struct listed *file, struct segment *segment,
                                    bool any)
{
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, file->number, file->kind);
    if (any)
        status = kaya_segment_open_any(segment, look->context, name, file->number, KAYA_OPEN_READ);
    else
        status = kaya_segment_open(segment, look->context, name, file->number, KAYA_OPEN_READ, true);
    if (status == KAYA_OK && segment->first_copy_bad && segment->state >= SEGMENT_LINKLESS)
        kaya_notify(look->context,
                    &(struct kaya_event){ .kind = KAYA_EVENT_HEADER_COPY_BAD, .segment = file->number });
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
    return status == KAYA_OK ? open_listed(look, file, segment, true) : status;
}

/* Tell of a second header copy that is bad in every reading. */
static enum kaya_status check_copies(struct look *look, const struct segment *segment)
{
    uint64_t offset = kaya_shape_second_header(&segment->header.shape);
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;
    bool is_good;
    enum kaya_status status;

    if (!look->options->thorough)
        return KAYA_OK;
    status = kaya_segment_read_copy(segment, look->context, offset, bytes, &header, &is_good);
    if (is_good || (status != KAYA_OK && status != KAYA_IO))
        return status;
    kaya_notify(look->context, &(struct kaya_event){ .kind = KAYA_EVENT_HEADER_COPY_BAD,
                                                     .segment = segment->number,
                                                     .offset_bytes = offset });
    return KAYA_OK;
}

/* Follow the head to its end and note what stands in it. A stale read looks like an end, so that is always read again. */
static enum kaya_status scan_prefix(struct look *look, const struct segment *segment, struct scan *scan)
{
    struct survey *survey = look->survey;
    unsigned watermarks =
        0; /* behind the copies: recovery writes one, a rotation away from a segment without appended records another */
    struct scan_entry entry;
    bool found;
    enum kaya_status status;

    kaya_scan_init(scan, look->context, segment, &survey->memory, UINT64_MAX, true);
    look->low_water = segment->link.low_water_lsn;
    survey->facts = (struct tail_facts){ .claim_past = false };
    survey->has_appended = false;
    look->records_end = 0;
    for (;;) {
        status = kaya_scan_next(scan, &entry, &found);
        if (status != KAYA_OK || !found)
            break;
        if (entry.type != FRAME_PAD)
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
 * that the records are known, and were there before. */
static enum kaya_status judge_early_claims(struct look *look, const struct segment *segment, struct claims *early)
{
    struct claims now;
    enum kaya_status status;

    if (early->furthest <= look->end)
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
        status = scan_prefix(look, segment, &scan);
    if (status == KAYA_OK && !look->options->is_live)
        status = kaya_scan_claims(look->context, segment, &survey->memory, look->end, look->sequence,
                                  CLAIMS_AGAIN, NULL, NULL, &early);
    if (status == KAYA_OK && look->options->is_live)
        status = judge_early_claims(look, segment, &early);
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

/* Some sector of a recovery's segment cannot be read. It need not be: where its copies end early at a place that can, they were never durable, and
 * no claim says otherwise. KAYA_IO: it may count. */
static enum kaya_status pass_over_unfinished(struct look *look, const struct segment *segment, struct listed *file)
{
    struct claims claims;
    struct scan scan;
    enum kaya_status status;

    status = scan_prefix(look, segment, &scan);
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

static enum kaya_status find_head(struct look *look)
{
    struct survey *survey = look->survey;
    enum kaya_status status = KAYA_OK;

    for (size_t i = survey->file_count; i-- > 0 && status == KAYA_OK;) {
        const struct listed *file = &survey->files[i];
        struct segment segment;

        if (file != kaya_survey_find(survey, file->number))
            continue;
        status = open_listed(look, file, &segment, true);
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
                status = pass_over_unfinished(look, &segment, &survey->files[i]);
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

static enum kaya_status add_to_chain(struct look *look, const struct segment *segment, uint64_t end,
                                     uint32_t record_count, enum segment_name_kind kind)
{
    struct survey *survey = look->survey;
    enum kaya_status status = KAYA_OK;

    survey->is_read_only = survey->is_read_only || segment->header.read_compatible != 0;
    if (survey->chain_count == survey->chain_capacity)
        status = grow(look->context, (void **)&survey->chain, &survey->chain_capacity, sizeof *survey->chain);
    if (status == KAYA_OK)
        survey->chain[survey->chain_count++] = (struct chain_segment){ .number = segment->number,
                                                                       .kind = kind,
                                                                       .base_lsn = segment->link.base_lsn,
                                                                       .end = end,
                                                                       .record_count = record_count,
                                                                       .file_bytes = segment->file_bytes,
                                                                       .shape = segment->header.shape };
    return status;
}

/* Is `segment` the predecessor that `successor` names? NULL: yes; else why not. */
static const char *what_is_wrong(const struct look *look, const struct segment *segment,
                                 const struct link *successor)
{
    switch (segment->state) {
    case SEGMENT_HEADERLESS:
        return "both copies of the segment header are bad";
    case SEGMENT_STRANGE:
        return "the file is another segment";
    case SEGMENT_LINKLESS:
        return "the link, the segment's first frame, is bad";
    case SEGMENT_UNSUPPORTED:
    case SEGMENT_LINKED:
        break;
    }
    if (memcmp(&segment->header.log_id, &look->survey->head.header.log_id, sizeof segment->header.log_id) != 0)
        return "the file belongs to another log";
    if (kaya_link_chain(segment->link.chain, segment->seeds.base, successor->predecessor_end) != successor->chain)
        return "the file is not the segment that its successor names";
    return NULL;
}

/* Every byte of a predecessor, up to the end that its successor names. */
static enum kaya_status scan_predecessor(struct look *look, const struct segment *segment,
                                         const struct link *successor, struct scan *scan)
{
    struct scan_entry entry;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    kaya_scan_init(scan, look->context, segment, &look->survey->memory, successor->predecessor_end, true);
    while (status == KAYA_OK && found)
        status = kaya_scan_next(scan, &entry, &found);
    if (status != KAYA_OK)
        return status;
    look->survey->report.mended_count += scan->mended_count;
    if (scan->end != successor->predecessor_end) {
        pronounce(look, segment->number, scan->fault_offset, successor->predecessor_end,
                  segment->file_bytes < successor->predecessor_end ? "the file is shorter than its successor says"
                                                                   : kaya_frame_fault_text(scan->fault));
        name_lost(look, segment->link.base_lsn + scan->sequence, successor->base_lsn - 1);
    } else if (segment->link.base_lsn + scan->sequence != successor->base_lsn) {
        pronounce(look, segment->number, scan->end, scan->end,
                  "it holds another number of records than its successor says");
    }
    return KAYA_OK;
}

/* Where a segment that is not the one named shows it first. */
static uint64_t bad_place(const struct segment *segment)
{
    return segment->file != NULL && segment->state == SEGMENT_LINKLESS
               ? kaya_shape_first_frame(&segment->header.shape)
               : 0;
}

/* Open the file, if it holds a segment of this log that has its link, and put it into the chain as far as it reads. *segment: NONE if
 * not. */
static enum kaya_status take_lower(struct look *look, const struct listed *file, struct segment *segment)
{
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status;

    status = open_listed(look, file, segment, false);
    if (status == KAYA_OK && segment->state == SEGMENT_LINKED &&
        memcmp(&segment->header.log_id, &look->survey->head.header.log_id, sizeof segment->header.log_id) == 0) {
        kaya_scan_init(&scan, look->context, segment, &look->survey->memory, UINT64_MAX, true);
        while (status == KAYA_OK && found)
            status = kaya_scan_next(&scan, &entry, &found);
        if (status == KAYA_OK)
            return add_to_chain(look, segment, scan.end, scan.sequence, file->kind);
    }
    kaya_segment_close(segment, look->context);
    return status == KAYA_GONE || status == KAYA_NO_MEMORY || status == KAYA_LIMIT ? status : KAYA_OK;
}

/* A predecessor is unreadable from its start, so what it held is bounded by its neighbours: it went up to its successor's first record, and
 * began behind the last one of the nearest lower segment that still reads: *segment, NONE if there is none. */
static enum kaya_status find_lower(struct look *look, const struct link *successor, uint64_t successor_number,
                                   struct segment *segment)
{
    struct survey *survey = look->survey;
    uint64_t bound = successor->predecessor < successor_number ? successor->predecessor : successor_number;
    uint64_t first = look->low_water;
    enum kaya_status status = KAYA_OK;

    *segment = SEGMENT_NONE;
    for (size_t i = survey->file_count; i-- > 0 && segment->file == NULL && status == KAYA_OK;) {
        const struct listed *file = &survey->files[i];

        if (file->number < bound && file == kaya_survey_find(survey, file->number))
            status = take_lower(look, file, segment);
    }
    if (status == KAYA_OK && segment->file != NULL) {
        const struct chain_segment *lower = &survey->chain[survey->chain_count - 1];
        uint64_t behind = lower->base_lsn + lower->record_count;

        if (behind > first && behind < successor->base_lsn)
            first = behind;
    }
    name_lost(look, first, successor->base_lsn - 1);
    return status;
}

/* The next segment of the chain, damaged or not; where the one that the link names cannot be it, damage, and the nearest lower one that
 * reads. *segment: NONE where the chain ends. */
static enum kaya_status check_predecessor(struct look *look, const struct link *successor,
                                          uint64_t successor_number, struct segment *segment)
{
    const struct listed *file = kaya_survey_find(look->survey, successor->predecessor);
    const char *wrong = "the segment is missing";
    struct scan scan;
    enum kaya_status status = KAYA_NOT_FOUND;

    *segment = SEGMENT_NONE;
    if (successor->predecessor >= successor_number)
        wrong = "a link names a later segment as its predecessor";
    else if (file != NULL)
        status = open_listed(look, file, segment, false);
    if (status == KAYA_OK && segment->state == SEGMENT_UNSUPPORTED)
        return KAYA_UNSUPPORTED;
    if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        return status;
    if (status == KAYA_OK)
        wrong = what_is_wrong(look, segment, successor);
    if (wrong != NULL) {
        pronounce(look, successor->predecessor, bad_place(segment), successor->predecessor_end, wrong);
        kaya_segment_close(segment, look->context);
        return find_lower(look, successor, successor_number, segment);
    }
    status = scan_predecessor(look, segment, successor, &scan);
    if (status == KAYA_OK)
        status = check_copies(look, segment);
    if (status == KAYA_OK)
        status = add_to_chain(look, segment, successor->predecessor_end, scan.sequence, file->kind);
    return status;
}

static void reverse_chain(struct survey *survey)
{
    for (size_t low = 0, high = survey->chain_count; low + 1 < high; low++) {
        struct chain_segment moved = survey->chain[low];

        survey->chain[low] = survey->chain[--high];
        survey->chain[high] = moved;
    }
}

/* From the head backwards to the segment that holds the low-water mark. In a damaged log, too: what of it is in use shall be known. */
static enum kaya_status walk_chain(struct look *look)
{
    struct survey *survey = look->survey;
    const struct listed *head = kaya_survey_find(survey, survey->head.number);
    struct link link = survey->head.link;
    uint64_t number = survey->head.number;
    enum kaya_status status;

    status = add_to_chain(look, &survey->head, look->end, look->sequence, head->kind);
    while (status == KAYA_OK && number != 0 && link.predecessor != 0 && link.base_lsn > look->low_water) {
        struct segment segment;

        status = check_predecessor(look, &link, number, &segment);
        number = segment.number;
        link = segment.link;
        kaya_segment_close(&segment, look->context);
    }
    if (is_damaged(survey) && (status == KAYA_IO || status == KAYA_UNSUPPORTED))
        status = KAYA_OK; /* more than one place is bad: the first one stays on record */
    if (status == KAYA_OK && !is_damaged(survey) && link.base_lsn > look->low_water) {
        pronounce(look, number, 0, 0, "the log begins behind its low-water mark");
        name_lost(look, look->low_water, link.base_lsn - 1);
    }
    reverse_chain(survey);
    return status;
}

const struct chain_segment *kaya_chain_find(const struct chain_segment *chain, size_t count, uint64_t number,
                                            enum segment_name_kind kind)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (chain[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && chain[low].number == number && chain[low].kind == kind ? &chain[low] : NULL;
}

/* How many records the frames at or before `end` speak of. */
struct lost_records {
    uint64_t end;
    uint32_t count;
};

static bool count_lost(void *user, const struct stray *stray)
{
    struct lost_records *lost = user;
    const struct frame *frame = &stray->frame;
    uint32_t count = frame->sequence;

    if (frame->offset_bytes < lost->end && (frame->type == FRAME_FULL || frame->type == FRAME_FIRST))
        count++;
    if (frame->offset_bytes <= lost->end && count > lost->count)
        lost->count = count;
    return true;
}

/* Name the records of a segment that are lost behind its first `sequence` ones, as far as strays speak of them: at least one, where any
 * stray comes after a record that is not there. */
static enum kaya_status name_lost_records(struct look *look, const struct segment *segment, uint64_t base_lsn,
                                          uint64_t from, uint32_t sequence, uint64_t end,
                                          enum claims_reading reading)
{
    struct lost_records lost = { .end = end };
    struct lost_records any = { .end = UINT64_MAX };
    struct claims claims;
    enum kaya_status status;

    status = kaya_scan_claims(look->context, segment, &look->survey->memory, from, sequence, reading,
                              count_lost, &lost, &claims);
    if (status == KAYA_OK)
        status = kaya_scan_claims(look->context, segment, &look->survey->memory, from, sequence, reading,
                                  count_lost, &any, &claims);
    if (status != KAYA_OK)
        return status;
    if (any.count > sequence && lost.count <= sequence)
        lost.count = sequence + 1;
    if (lost.count > sequence)
        name_lost(look, base_lsn + sequence, base_lsn + lost.count - 1);
    return KAYA_OK;
}

/* Both header copies of the segment right behind the head are bad. That is nothing in a spare; but where a link stands that names the head,
 * by its chain digest and the next LSN, it was in use. */
static enum kaya_status check_headerless(struct look *look)
{
    const struct segment *head = &look->survey->head;
    uint8_t bytes[KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES];
    struct link link;
    enum kaya_status status;

    for (uint64_t at = KAYA_BLOCK_BYTES_MIN; at <= 2 * KAYA_BLOCK_BYTES_MAX; at *= 2) {
        status = kaya_segment_read(&look->above, look->context, at, bytes, sizeof bytes);
        if (status == KAYA_IO)
            continue;
        if (status != KAYA_OK)
            return status;
        kaya_link_decode(bytes + KAYA_FRAME_HEADER_BYTES, &link);
        if (link.predecessor == head->number && link.base_lsn == look->survey->report.last_lsn + 1 &&
            link.chain == kaya_link_chain(head->link.chain, head->seeds.base, link.predecessor_end))
            pronounce(look, look->above.number, 0, 0,
                      "both copies of the segment header are bad, and it was in use");
    }
    return KAYA_OK;
}

/* A segment above the head has lost its link, and was in use. Which records it held nobody knows but for the one right behind the head; there
 * were so many at least. */
static enum kaya_status tell_lost_link(struct look *look, const struct listed *file)
{
    uint64_t first = kaya_shape_first_frame(&file->shape);
    struct segment segment;
    enum kaya_status status;

    pronounce(look, file->number, first, file->furthest,
              "the link, the segment's first frame, is bad, but later frames say that it was durable");
    status = open_listed(look, file, &segment, true);
    if (status == KAYA_OK && segment.state >= SEGMENT_LINKLESS) /* its header may have gone since */
        status = name_lost_records(look, &segment, look->survey->report.last_lsn + 1, first, 0,
                                   file->furthest, CLAIMS_WHAT_CAN_BE_READ);
    kaya_segment_close(&segment, look->context);
    return status == KAYA_NOT_FOUND ? KAYA_OK : status;
}

/* What stands above the head must not have been in use: recovery may pass over a spare, and several links may be hit. */
static enum kaya_status check_linkless(struct look *look)
{
    const struct survey *survey = look->survey;
    const struct kaya_wal_log_id *ours = &survey->head.header.log_id;

    for (size_t i = 0; i < survey->file_count && !is_damaged(survey); i++) {
        const struct listed *file = &survey->files[i];

        if (file->number > survey->head.number && file->furthest > 0 &&
            memcmp(&file->log_id, ours, sizeof *ours) == 0)
            return tell_lost_link(look, file);
    }
    return KAYA_OK;
}

/* Spares of this log above file `index`, one behind the other. */
static unsigned count_behind(const struct survey *survey, size_t index)
{
    unsigned count = 0;

    for (size_t i = index + 1; i < survey->file_count; i++)
        count += survey->files[i].is_whole && survey->files[i].number == survey->files[index].number + count + 1;
    return count;
}

/* Nobody can read where the link of a file above the head would stand. If it was in use, it may hold records that no claim speaks of, and an end is
 * never cut because of a failed reading. It was not, if no frame stands in it, and
 *
 *   - no recovery took it: that would have cut the segment before it to its end
 *   - no rotation took it: that would have seen two spares behind it first
 *
 * KAYA_IO: it may have been in use. */
static enum kaya_status check_unreadable(const struct look *look)
{
    const struct survey *survey = look->survey;
    const struct segment *head = &survey->head;
    bool is_cut = head->file_bytes < head->header.shape.segment_bytes;

    for (size_t i = 0; i < survey->file_count && !is_damaged(survey); i++) {
        const struct listed *file = &survey->files[i];

        if (file->is_unreadable && file->number > head->number &&
            memcmp(&file->log_id, &head->header.log_id, sizeof file->log_id) == 0 &&
            (file->has_frames || is_cut || count_behind(survey, i) >= SPARES_BEHIND_MIN))
            return KAYA_IO;
    }
    return KAYA_OK;
}

/* The segment right behind the head: it must stand, as a spare of this log. */
static enum kaya_status check_next(struct look *look)
{
    const struct segment *head = &look->survey->head;
    const struct segment *above = &look->above;
    uint64_t wanted = head->number + 1;

    if (above->file == NULL || above->number != wanted) {
        if (look->survey->has_appended && kaya_survey_find(look->survey, wanted) == NULL)
            pronounce(look, wanted, 0, 0,
                      "the segment is missing: a log with records has one more behind the one in use");
        return KAYA_OK;
    }
    if (above->state == SEGMENT_HEADERLESS)
        return check_headerless(look);
    if (above->state == SEGMENT_STRANGE ||
        memcmp(&above->header.log_id, &head->header.log_id, sizeof head->header.log_id) != 0) {
        if (look->survey->has_appended)
            pronounce(look, wanted, 0, 0,
                      above->state == SEGMENT_STRANGE ? "the file is another segment"
                                                      : "the file belongs to another log");
        return KAYA_OK;
    }
    return KAYA_OK;
}

/* What no writer says, though every check holds: bytes that somebody made up, or a bug. NULL: nothing of the kind. */
static const char *what_is_implausible(const struct look *look)
{
    const struct link *link = &look->survey->head.link;

    if (!kaya_number_is_plausible(link->base_lsn) || !kaya_number_is_plausible(link->epoch))
        return "the link holds a number that no log reaches";
    if (look->low_water == 0 || look->low_water > link->base_lsn)
        return "the low-water mark lies behind the segment that says it";
    return NULL;
}

static enum kaya_status report_head(struct look *look)
{
    struct survey *survey = look->survey;
    struct kaya_wal_recovery_report *report = &survey->report;
    const struct segment *head = &survey->head;

    report->log_id = head->header.log_id;
    report->epoch = head->link.epoch;
    report->last_lsn = head->link.base_lsn + look->sequence - 1;
    report->segment = head->number;
    report->end_offset = look->end;
    report->claim_segment = head->number;
    report->claim_offset = look->furthest;
    report->unvouched_bytes = look->records_end > survey->claim ? look->records_end - survey->claim : 0;
    if (survey->claim == 0) {
        report->claim_segment = head->link.predecessor;
        report->claim_offset = head->link.predecessor_end;
        report->unvouched_bytes =
            look->records_end > 0 ? look->records_end - kaya_shape_first_frame(&head->header.shape) : 0;
    }
    if (survey->facts.written)
        report->discarded_bytes = look->claims.stray_end > look->end ? look->claims.stray_end - look->end : 1;
    survey->carried_only = head->link.carried_end > 0 && !survey->has_appended;
    if (what_is_implausible(look) != NULL) {
        pronounce(look, head->number, kaya_shape_first_frame(&head->header.shape), 0, what_is_implausible(look));
        look->low_water = 1;
        report->last_lsn = 0;
        return KAYA_OK;
    }
    if (look->furthest <= look->end)
        return KAYA_OK;
    pronounce(look, head->number, kaya_shape_skip_header(&head->header.shape, look->end), look->furthest,
              "durable bytes do not hold a valid frame");
    return name_lost_records(look, head, head->link.base_lsn, look->end, look->sequence, look->furthest,
                             CLAIMS_AGAIN);
}

static enum kaya_status check_anchor(struct look *look)
{
    const struct kaya_wal_anchor *anchor = look->options->anchor;
    struct survey *survey = look->survey;
    struct kaya_wal_recovery_report *report = &survey->report;

    if (anchor == NULL)
        return KAYA_OK;
    if (survey->head.file == NULL) {
        pronounce(look, 0, 0, 0, "the anchor names a log, and none is here");
        name_lost(look, 1, anchor->lsn);
        return KAYA_OK;
    }
    if (memcmp(&anchor->log_id, &report->log_id, sizeof anchor->log_id) != 0)
        return KAYA_WRONG_LOG;
    if (report->last_lsn < anchor->lsn) {
        pronounce(look, report->segment, kaya_shape_skip_header(&survey->head.header.shape, report->end_offset),
                  0, "the log ends before its anchor");
        name_lost(look, report->last_lsn + 1, anchor->lsn);
    }
    return KAYA_OK;
}

static void forget(struct survey *survey, const struct context *context)
{
    kaya_segment_close(&survey->head, context);
    survey->chain_count = 0;
    survey->row = NULL;
    survey->claim = 0;
    survey->carried_only = false;
    survey->has_vanished = false;
    survey->is_read_only = false;
    survey->facts = (struct tail_facts){ .claim_past = false };
    survey->report = (struct kaya_wal_recovery_report){
        .verdict = KAYA_VERDICT_EMPTY, .verdict_row = "", .first_lsn = 1, .damage_reason = ""
    };
}

/* Does its first header copy name another log? Whatever cannot be read of a dead file harms nobody, and is not worth more reads. */
static enum kaya_status names_other_log(struct look *look, const struct listed *listed, bool *other)
{
    const struct kaya_wal_log_id *ours = &look->survey->head.header.log_id;
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;
    struct kaya_file *file = NULL;
    char name[SEGMENT_NAME_BYTES];
    size_t done = 0;
    enum kaya_status status;

    *other = false;
    kaya_segment_name(name, listed->number, listed->kind);
    status = kaya_disk_open(look->context->disk, name, KAYA_OPEN_READ, &file);
    if (status == KAYA_OK)
        status = kaya_disk_read(look->context->disk, file, 0, bytes, sizeof bytes, KAYA_READ_CACHED, &done);
    kaya_disk_close(look->context->disk, file);
    if (status == KAYA_OK && done == sizeof bytes &&
        kaya_segment_header_decode(bytes, &header) == HEADER_FAULT_NONE)
        *other = memcmp(&header.log_id, ours, sizeof header.log_id) != 0;
    return status == KAYA_GONE || status == KAYA_LIMIT || status == KAYA_NO_MEMORY ? status : KAYA_OK;
}

/* What the chain passes over is dead, but of this log. A segment in use of another one says that the files of two logs were mixed, and the highest
 * number tells nobody which of them is meant. */
static enum kaya_status check_mixture(struct look *look)
{
    struct survey *survey = look->survey;
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < survey->file_count && status == KAYA_OK && !is_damaged(survey); i++) {
        const struct listed *file = &survey->files[i];
        struct segment segment = SEGMENT_NONE;
        bool other;

        if (file->number >= survey->head.number || file != kaya_survey_find(survey, file->number) ||
            kaya_chain_find(survey->chain, survey->chain_count, file->number, file->kind) != NULL)
            continue;
        status = names_other_log(look, file, &other);
        if (status != KAYA_OK || !other)
            continue;
        status = open_listed(look, file, &segment, false);
        if (status == KAYA_OK && segment.state == SEGMENT_LINKED)
            pronounce(look, file->number, 0, 0, "segments of two logs stand here");
        kaya_segment_close(&segment, look->context);
        if (status == KAYA_NOT_FOUND || status == KAYA_IO)
            status = KAYA_OK;
    }
    return status;
}

static enum kaya_status judge_log(struct look *look)
{
    struct survey *survey = look->survey;
    enum kaya_status status;

    status = report_head(look);
    if (status == KAYA_OK)
        status = check_copies(look, &survey->head);
    if (status == KAYA_OK)
        status = check_next(look); /* first: it may tell that the head is not the head */
    if (status == KAYA_OK)
        status = check_linkless(look);
    if (status == KAYA_OK)
        status = check_unreadable(look);
    if (status == KAYA_OK)
        status = walk_chain(look);
    if (status == KAYA_OK)
        status = check_mixture(look);
    survey->report.segment_count = survey->chain_count;
    survey->report.first_lsn = look->low_water;
    return status;
}

/* There are segments, and no head among them. KAYA_IO: it may be one of which the link cannot be read. */
static enum kaya_status refuse_without_head(struct look *look)
{
    for (size_t i = 0; i < look->survey->file_count; i++)
        if (look->survey->files[i].is_unreadable)
            return KAYA_IO;
    pronounce(look, look->above.number, 0, 0, "no segment has a link that counts");
    return KAYA_OK;
}

static enum kaya_status look_once(struct survey *survey, const struct context *context,
                                  const struct survey_options *options)
{
    struct look look = { .survey = survey, .context = context, .options = options };
    enum kaya_status status;

    forget(survey, context);
    status = kaya_survey_list(survey, context);
    if (status == KAYA_OK)
        status = find_head(&look);
    if (status == KAYA_OK && survey->head.file != NULL)
        status = judge_log(&look);
    else if (status == KAYA_OK && look.above.file != NULL)
        status = refuse_without_head(&look);
    if (status == KAYA_OK)
        status = check_anchor(&look);
    if (status == KAYA_OK && (survey->head.file != NULL || is_damaged(survey))) {
        survey->row = kaya_tail_judge(&survey->facts);
        survey->report.verdict = survey->row->verdict;
        survey->report.verdict_row = survey->row->name;
        survey->report.closed_cleanly = survey->row->action == TAIL_GO_ON;
    }
    kaya_segment_close(&look.above, context);
    return status;
}

/* A writer that recovers beside us cuts or recycles the head once its successor counts. What was read of it then may be less than there was. */
static bool head_has_changed(const struct survey *survey, const struct context *context)
{
    const struct segment *head = &survey->head;
    uint8_t wanted[KAYA_SEGMENT_HEADER_BYTES], found[KAYA_SEGMENT_HEADER_BYTES];
    uint64_t bytes, place = head->first_copy_bad ? kaya_shape_second_header(&head->header.shape) : 0;
    struct segment_header header;
    bool is_good;

    if (head->file == NULL)
        return false;
    kaya_segment_header_encode(wanted, &head->header);
    return kaya_disk_size(context->disk, head->file, &bytes) != KAYA_OK || bytes != head->file_bytes ||
           kaya_segment_read_copy(head, context, place, found, &header, &is_good) != KAYA_OK || !is_good ||
           memcmp(wanted, found, sizeof found) != 0;
}

/* W of a segment, as scan_head finds it where nobody writes. */
static enum kaya_status find_furthest(const struct segment *segment, const struct context *context,
                                      struct scan_memory *memory, uint64_t *furthest)
{
    struct scan_entry entry;
    struct claims claims;
    struct scan scan;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    kaya_scan_init(&scan, context, segment, memory, UINT64_MAX, true);
    while (status == KAYA_OK && found)
        status = kaya_scan_next(&scan, &entry, &found);
    if (status == KAYA_OK)
        status = kaya_scan_claims(context, segment, memory, scan.end, scan.sequence, CLAIMS_AGAIN, NULL, NULL,
                                  &claims);
    if (status == KAYA_OK)
        *furthest = claims.furthest > scan.watermark ? claims.furthest : scan.watermark;
    return status;
}

/* Has a recovery's successor come to count since? Then the head that we found is an old one, and may have been cut before we read it. */
static bool successor_counts(const struct survey *survey, const struct context *context)
{
    struct survey now = SURVEY_NONE;
    bool counts = kaya_survey_list(&now, context) != KAYA_OK;

    for (size_t i = 0; i < now.file_count && !counts; i++) {
        const struct listed *file = &now.files[i];
        struct segment segment = SEGMENT_NONE;
        uint64_t furthest;
        char name[SEGMENT_NAME_BYTES];

        if (file->number <= survey->head.number || file->kind == SEGMENT_NAME_NEW)
            continue;
        kaya_segment_name(name, file->number, file->kind);
        if (kaya_segment_open(&segment, context, name, file->number, KAYA_OPEN_READ, true) == KAYA_OK &&
            segment.state == SEGMENT_LINKED && segment.link.carried_end > 0)
            counts = find_furthest(&segment, context, &now.memory, &furthest) != KAYA_OK ||
                     furthest >= segment.link.carried_end;
        kaya_segment_close(&segment, context);
    }
    kaya_survey_release(&now, context);
    return counts;
}

static bool is_same_damage(const struct kaya_wal_recovery_report *one, const struct kaya_wal_recovery_report *other)
{
    return one->verdict == other->verdict && one->damage_segment == other->damage_segment &&
           one->damage_offset == other->damage_offset && one->damage_reason == other->damage_reason;
}

static enum kaya_status look_at_live(struct survey *survey, const struct context *context,
                                     const struct survey_options *options)
{
    struct kaya_wal_recovery_report before = { .damage_reason = NULL };
    struct survey_options asked = *options;
    enum kaya_status status;

    for (unsigned restart = 0; restart < RESTARTS_MAX; restart++) {
        status = look_once(survey, context, &asked);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        asked.past_cache = survey->has_vanished && !asked.past_cache;
        if (asked.past_cache) /* the cache has shown what a failed sync forgot */
            continue;
        if (status == KAYA_OK && (head_has_changed(survey, context) || successor_counts(survey, context)))
            continue;
        if (status == KAYA_OK && !is_damaged(survey))
            return KAYA_OK;
        if (status == KAYA_OK && restart > 0 && is_same_damage(&before, &survey->report))
            return KAYA_OK;
        before = survey->report;
    }
    return status == KAYA_OK ? KAYA_BUSY : status;
}

enum kaya_status kaya_survey(struct survey *survey, const struct context *context,
                             const struct survey_options *options)
{
    enum kaya_status status;

    *survey = SURVEY_NONE;
    if (options->is_live)
        status = look_at_live(survey, context, options);
    else
        status = look_once(survey, context, options);
    if (status == KAYA_OK && is_damaged(survey))
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_DAMAGE,
                                                   .status = KAYA_DAMAGED,
                                                   .segment = survey->report.damage_segment,
                                                   .offset_bytes = survey->report.damage_offset,
                                                   .lsn = survey->report.lost_first_lsn,
                                                   .text = survey->report.damage_reason });
    return status;
}

void kaya_survey_release(struct survey *survey, const struct context *context)
{
    kaya_segment_close(&survey->head, context);
    kaya_release(context->allocator, survey->files, survey->file_capacity * sizeof *survey->files);
    kaya_release(context->allocator, survey->chain, survey->chain_capacity * sizeof *survey->chain);
    kaya_scan_memory_release(&survey->memory, context);
    survey->files = NULL;
    survey->file_count = survey->file_capacity = 0;
    survey->chain = NULL;
    survey->chain_count = survey->chain_capacity = 0;
}
