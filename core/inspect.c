/* Looking without touching: verify says what recovery would find, inspect shows every frame where it stands.
 *
 * Verify is a survey and nothing else, so that it cannot judge otherwise than recovery does. Inspect walks each file by itself, frame by
 * frame: headers, the valid prefix, then, behind the place where it ends, every header that still checks. */
#include "kaya/inspect.h"

#include "bytes.h"
#include "survey.h"

enum {
    DECODED_BYTES_MAX = KAYA_BLOCK_BYTES_MAX,
    STRAY_READINGS = 3, /* one through the cache, two past it */
};

/* --- the whole directory in sums ------------------------------------------------------------------------------------ */

static enum kaya_wal_segment_role role_of(const struct survey *survey, const struct listed *file)
{
    if (kaya_chain_find(survey->chain, survey->chain_count, file->number, file->kind) != NULL ||
        (survey->report.verdict == KAYA_VERDICT_DAMAGED && survey->report.damage_segment == file->number &&
         kaya_listing_find(&survey->listing, file->number) == file))
        return KAYA_ROLE_IN_USE;
    if (file->kind == SEGMENT_NAME_NEW || file->number < survey->head.number)
        return KAYA_ROLE_LEFTOVER;
    return KAYA_ROLE_SPARE;
}

static void sum_up(const struct survey *survey, struct kaya_wal_inspection *inspection)
{
    inspection->report = survey->report;
    inspection->foreign_count = survey->listing.foreign_count;
    for (size_t i = 0; i < survey->listing.file_count; i++) {
        enum kaya_wal_segment_role role = role_of(survey, &survey->listing.files[i]);

        inspection->segment_count += role == KAYA_ROLE_IN_USE;
        inspection->spare_count += role == KAYA_ROLE_SPARE;
        inspection->leftover_count += role == KAYA_ROLE_LEFTOVER;
    }
    for (size_t i = 0; i < survey->chain_count; i++)
        inspection->record_count += survey->chain[i].record_count;
}

/* Counts what the listener would be told of, and passes it on. */
struct counting {
    struct kaya_wal_inspection *inspection;
    kaya_event_listener *on_event;
    void *user;
};

static void count_event(void *user, const struct kaya_event *event)
{
    struct counting *counting = user;

    if (event->kind == KAYA_EVENT_DAMAGE)
        counting->inspection->damage_count++;
    else if (event->kind != KAYA_EVENT_FOREIGN_FILE && event->kind != KAYA_EVENT_NAME_TAKEN)
        counting->inspection->notice_count++;
    if (counting->on_event != NULL)
        counting->on_event(counting->user, event);
}

static enum kaya_status survey_directory(struct survey *survey, const struct context *context,
                                         const struct kaya_wal_anchor *anchor,
                                         struct kaya_wal_inspection *inspection)
{
    struct survey_options options = { .is_live = true, .thorough = true, .anchor = anchor };
    enum kaya_status status;

    status = kaya_survey(survey, context, &options);
    if (status == KAYA_OK)
        sum_up(survey, inspection);
    if (status == KAYA_OK && survey->listing.file_count > 0)
        status = kaya_disk_probe_lock(context->disk, &inspection->writer_is_live);
    return status == KAYA_INVALID || status == KAYA_FULL ? KAYA_IO
                                                         : status; /* the lock file is none: nobody can say */
}

enum kaya_status kaya_wal_verify(const struct kaya_wal_environment *environment,
                                 const struct kaya_wal_verify_options *options,
                                 struct kaya_wal_inspection *inspection)
{
    static const struct kaya_wal_verify_options DEFAULTS = { .anchor = NULL };
    struct counting counting = { .inspection = inspection };
    struct context context = kaya_context_make(environment, count_event, &counting);
    struct survey survey;
    enum kaya_status status;

    if (options == NULL)
        options = &DEFAULTS;
    counting.on_event = options->on_event;
    counting.user = options->user;
    *inspection = (struct kaya_wal_inspection){ .report = { .verdict_row = "", .damage_reason = "" } };
    status = survey_directory(&survey, &context, options->anchor, inspection);
    kaya_survey_release(&survey, &context);
    if (status == KAYA_OK && inspection->report.verdict == KAYA_VERDICT_EMPTY)
        status = KAYA_NOT_FOUND;
    return status;
}

/* --- one file, frame by frame --------------------------------------------------------------------------------------- */

struct visit {
    const struct context *context;
    kaya_wal_item_visitor *visitor;
    void *user;
    struct kaya_wal_inspection *inspection;
    const struct segment *segment;
    const char *file_name;
    enum kaya_wal_segment_role role;
    uint64_t limit; /* frames behind it are dead: the end that the chain knows, or UINT64_MAX */
    struct scan_memory memory;
    struct buffer stray_bytes;
    uint32_t whole_records; /* in front of the end of the segment shown last */
    bool stopped;
};

static struct kaya_wal_item start_item(const struct visit *visit, enum kaya_wal_item_kind kind, uint64_t offset)
{
    return (struct kaya_wal_item){ .kind = kind,
                                   .file_name = visit->file_name,
                                   .segment = visit->segment->number,
                                   .role = visit->role,
                                   .offset_bytes = offset,
                                   .reason = "" };
}

static void show(struct visit *visit, const struct kaya_wal_item *item)
{
    if (!visit->visitor(visit->user, item))
        visit->stopped = true;
}

static enum kaya_status show_header(struct visit *visit, uint64_t offset)
{
    struct kaya_wal_item item = start_item(visit, KAYA_ITEM_HEADER, offset);
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct segment_header header;
    enum kaya_status status;

    status =
        kaya_segment_read_copy(visit->segment, visit->context, offset, bytes, &header, &item.header_check_good);
    if (status != KAYA_OK)
        return status;
    item.size_bytes = sizeof bytes;
    item.bytes = bytes;
    item.length = sizeof bytes;
    if (item.header_check_good) {
        item.format_version = header.version;
        item.block_bytes = header.shape.block_bytes;
        item.segment_bytes = header.shape.segment_bytes;
        item.log_id = header.log_id;
    } else {
        item.reason = "the segment header's check fails";
        visit->inspection->notice_count++;
    }
    show(visit, &item);
    return KAYA_OK;
}

static enum kaya_wal_item_kind kind_of(uint8_t type)
{
    static const enum kaya_wal_item_kind KINDS[FRAME_TYPES_END] = {
        [FRAME_FULL] = KAYA_ITEM_RECORD,   [FRAME_FIRST] = KAYA_ITEM_FIRST,
        [FRAME_MIDDLE] = KAYA_ITEM_MIDDLE, [FRAME_LAST] = KAYA_ITEM_LAST,
        [FRAME_PAD] = KAYA_ITEM_PAD,       [FRAME_WATERMARK] = KAYA_ITEM_WATERMARK,
        [FRAME_CLOSE] = KAYA_ITEM_CLOSE,   [FRAME_LINK] = KAYA_ITEM_LINK,
        [FRAME_TRIM] = KAYA_ITEM_TRIM,
    };

    return type > 0 && type < FRAME_TYPES_END ? KINDS[type] : KAYA_ITEM_UNKNOWN;
}

static uint64_t count_members(const struct frame *frame)
{
    struct batch_member member;
    size_t at = 0;
    uint64_t count = 0;

    if (frame->flags != FRAME_FLAG_BATCH)
        return 1;
    while (kaya_batch_next(frame->payload, frame->length, &at, &member))
        count++;
    return count;
}

static void describe_frame(const struct visit *visit, const struct frame *frame, struct kaya_wal_item *item)
{
    struct link link;

    item->size_bytes = frame->extent_bytes;
    item->lsn = visit->segment->link.base_lsn + frame->sequence;
    item->type_code = frame->type;
    item->flags = frame->flags;
    item->watermark_bytes = frame->durable_bytes;
    if (frame->type == FRAME_FULL)
        item->lsn_count = count_members(frame);
    if ((frame->type == FRAME_FULL || frame->type == FRAME_FIRST) && frame->flags != FRAME_FLAG_BATCH)
        item->record_type = (enum kaya_wal_record_type)frame->flags;
    item->bytes = frame->payload;
    item->length = frame->length;
    if (frame->type == FRAME_TRIM)
        item->low_water_lsn = load64(frame->payload);
    if (frame->type != FRAME_LINK)
        return;
    kaya_link_decode(frame->payload, &link);
    item->base_lsn = link.base_lsn;
    item->predecessor = link.predecessor;
    item->predecessor_end = link.predecessor_end;
    item->carried_end = link.carried_end;
    item->low_water_lsn = link.low_water_lsn;
    item->epoch = link.epoch;
}

static void show_frame(struct visit *visit, const struct scan_frame *found, uint64_t offset)
{
    struct kaya_wal_item item = start_item(visit, kind_of(found->frame.type), offset);
    const struct frame_seeds *seeds = &visit->segment->seeds;
    const uint8_t *bytes = found->frame.payload - KAYA_FRAME_HEADER_BYTES;

    describe_frame(visit, &found->frame, &item);
    item.payload_check_good = true;
    item.header_check_good = kaya_frame_header_check_holds(bytes, seeds->segment, offset);
    item.second_check_good = kaya_frame_second_check_holds(bytes, seeds, &found->frame);
    visit->inspection->notice_count += !item.header_check_good || !item.second_check_good;
    item.mended = found->mended;
    item.mended_bit = found->mended ? found->mended_bit : 0;
    visit->inspection->frame_count++;
    visit->inspection->notice_count += found->mended;
    show(visit, &item);
}

/* The index of the record that would come next, behind all that are whole in front of `end`. */
static enum kaya_status count_records(struct visit *visit, uint64_t end, uint32_t *sequence)
{
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    kaya_scan_init(&scan, visit->context, visit->segment, &visit->memory, end);
    while (status == KAYA_OK && found)
        status = kaya_scan_next(&scan, &entry, &found);
    *sequence = scan.sequence;
    return status == KAYA_UNSUPPORTED ? KAYA_OK : status;
}

/* What fails a check may be another life of the file: a trim takes files away beside us, and names them anew before anything in them changes. */
static bool has_gone(const struct visit *visit)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = kaya_disk_open(visit->context->disk, visit->file_name, KAYA_OPEN_READ, &file);

    kaya_disk_close(visit->context->disk, file);
    return status == KAYA_NOT_FOUND;
}

/* Frames from the front to where they end, and what stands there. *end is where that is, *sequence the next record's index. */
static enum kaya_status show_prefix(struct visit *visit, uint64_t *end, uint32_t *sequence)
{
    const struct shape *shape = &visit->segment->header.shape;
    uint64_t offset = kaya_shape_first_frame(shape);
    struct scan_frame found;
    struct kaya_wal_item item;
    struct scan scan;
    enum kaya_status status;

    kaya_scan_init(&scan, visit->context, visit->segment, &visit->memory, UINT64_MAX);
    for (;;) {
        status = kaya_scan_frame(&scan, offset, &found);
        if (status != KAYA_OK || visit->stopped || found.fault != FRAME_FAULT_NONE)
            break;
        show_frame(visit, &found, offset);
        offset = kaya_shape_skip_header(shape, offset + found.frame.extent_bytes);
    }
    *end = offset;
    if (status == KAYA_OK && !visit->stopped)
        status = count_records(visit, offset, sequence);
    if (status != KAYA_OK || visit->stopped)
        return status;
    visit->whole_records = *sequence;
    item = start_item(
        visit, offset < visit->limit && visit->limit != UINT64_MAX ? KAYA_ITEM_DAMAGE : KAYA_ITEM_END, offset);
    item.reason = found.fault == FRAME_FAULT_ROOM ? "the file ends" : kaya_frame_fault_text(found.fault);
    item.watermark_bytes = visit->limit != UINT64_MAX ? visit->limit : 0;
    item.lsn = visit->segment->link.base_lsn + *sequence;
    if (item.kind == KAYA_ITEM_DAMAGE && has_gone(visit))
        return KAYA_NOT_FOUND;
    visit->inspection->damage_count += item.kind == KAYA_ITEM_DAMAGE;
    show(visit, &item);
    return KAYA_OK;
}

/* The frame at `offset`, if a reading shows it whole: through the cache, then past it. */
static bool read_stray(struct visit *visit, uint64_t offset, struct frame *frame)
{
    const struct shape *shape = &visit->segment->header.shape;
    uint8_t *bytes = visit->stray_bytes.bytes;
    bool is_whole = false;

    for (unsigned reading = 0; reading < STRAY_READINGS && !is_whole; reading++) {
        size_t length;

        is_whole =
            kaya_disk_read(visit->context->disk, visit->segment->file, offset, bytes,
                           (size_t)(kaya_shape_block_end(shape, offset) - offset),
                           reading == 0 ? KAYA_READ_CACHED : KAYA_READ_PAST_CACHE, &length) == KAYA_OK &&
            kaya_frame_decode(bytes, length, shape, &visit->segment->seeds, offset, frame) == FRAME_FAULT_NONE;
    }
    return is_whole;
}

/* A header that checks where nothing leads to: read its frame and say what else of it holds. */
static bool show_stray(void *user, const struct stray *stray)
{
    struct visit *visit = user;
    uint64_t offset = stray->frame.offset_bytes;
    struct kaya_wal_item item = start_item(visit, KAYA_ITEM_STRAY, offset);
    struct frame frame;

    item.header_check_good = true;
    item.payload_check_good = read_stray(visit, offset, &frame);
    if (item.payload_check_good) {
        describe_frame(visit, &frame, &item);
        item.second_check_good =
            kaya_frame_second_check_holds(visit->stray_bytes.bytes, &visit->segment->seeds, &frame);
    } else {
        item.type_code = stray->frame.type;
        item.flags = stray->frame.flags;
        item.size_bytes = stray->frame.extent_bytes;
        item.watermark_bytes = stray->frame.durable_bytes;
        item.lsn = visit->segment->link.base_lsn + stray->frame.sequence;
    }
    item.reason = item.payload_check_good ? "no valid frame leads to it" : "its payload check fails";
    visit->inspection->frame_count++;
    show(visit, &item);
    return !visit->stopped;
}

static enum kaya_status show_segment(struct visit *visit)
{
    uint64_t second = kaya_shape_second_header(&visit->segment->header.shape);
    struct claims claims;
    uint64_t end = 0;
    uint32_t sequence = 0;
    enum kaya_status status;

    status = show_header(visit, 0);
    if (status == KAYA_OK && !visit->stopped)
        status = show_header(visit, second);
    if (status != KAYA_OK || visit->stopped || visit->segment->state != SEGMENT_LINKED)
        return status;
    status = show_prefix(visit, &end, &sequence);
    if (status == KAYA_OK && !visit->stopped)
        status = kaya_buffer_reserve(visit->context->allocator, &visit->stray_bytes, DECODED_BYTES_MAX, 0);
    if (status == KAYA_OK && !visit->stopped)
        status = kaya_scan_claims(visit->context, visit->segment, &visit->memory, end, sequence, CLAIMS_ONCE,
                                  show_stray, visit, &claims);
    return status;
}

/* Neither header is good: all that can be said of the file. */
static enum kaya_status show_headerless(struct visit *visit)
{
    struct kaya_wal_item item = start_item(visit, KAYA_ITEM_DAMAGE, 0);

    if (has_gone(visit))
        return KAYA_NOT_FOUND;
    item.reason = visit->segment->state == SEGMENT_UNSUPPORTED ? "written by a newer version"
                                                               : "no good segment header";
    visit->inspection->damage_count += visit->role == KAYA_ROLE_IN_USE;
    show(visit, &item);
    return KAYA_OK;
}

static enum kaya_status inspect_file(struct visit *visit, const char *name, uint64_t number)
{
    struct segment segment;
    enum kaya_status status;

    status = kaya_segment_open_any(&segment, visit->context, name, number, KAYA_OPEN_READ);
    if (status != KAYA_OK)
        return status;
    visit->segment = &segment;
    visit->file_name = name;
    if (segment.state >= SEGMENT_LINKLESS)
        status = show_segment(visit);
    else
        status = show_headerless(visit);
    visit->segment = NULL;
    visit->file_name = NULL;
    kaya_segment_close(&segment, visit->context);
    return status;
}

static void show_obstacles(struct visit *visit, const struct listing *listing)
{
    char name[SEGMENT_NAME_BYTES];

    for (size_t i = 0; i < listing->obstacle_count && !visit->stopped; i++) {
        const struct listed *obstacle = &listing->obstacles[i];

        kaya_segment_name(name, obstacle->number, obstacle->kind);
        show(visit, &(struct kaya_wal_item){ .kind = KAYA_ITEM_NO_FILE,
                                             .file_name = name,
                                             .segment = obstacle->number,
                                             .role = KAYA_ROLE_LEFTOVER,
                                             .reason = "a directory or a link" });
    }
}

static enum kaya_status inspect_directory(struct visit *visit)
{
    struct survey survey;
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    status = survey_directory(&survey, visit->context, NULL, visit->inspection);
    if (status == KAYA_OK && survey.listing.file_count == 0)
        status = KAYA_NOT_FOUND;
    for (size_t i = 0; i < survey.listing.file_count && status == KAYA_OK && !visit->stopped; i++) {
        const struct listed *file = &survey.listing.files[i];
        const struct chain_segment *used =
            kaya_chain_find(survey.chain, survey.chain_count, file->number, file->kind);

        visit->role = role_of(&survey, file);
        visit->limit = used != NULL && file->number != survey.head.number ? used->end : UINT64_MAX;
        if (survey.report.verdict == KAYA_VERDICT_DAMAGED && survey.report.damage_segment == file->number)
            visit->limit = survey.report.damage_end_offset;
        kaya_segment_name(name, file->number, file->kind);
        status = inspect_file(visit, name, file->number);
        if (status == KAYA_NOT_FOUND || status == KAYA_INVALID) /* a live writer trimmed it meanwhile */
            status = KAYA_OK;
    }
    if (status == KAYA_OK)
        show_obstacles(visit, &survey.listing);
    kaya_survey_release(&survey, visit->context);
    return status;
}

enum kaya_status kaya_wal_inspect_path(const struct kaya_wal_environment *environment, const char *file_name,
                                       kaya_wal_item_visitor *visitor, void *user,
                                       struct kaya_wal_inspection *inspection)
{
    struct context context = kaya_context_make(environment, NULL, NULL);
    struct visit visit = { .context = &context,
                           .visitor = visitor,
                           .user = user,
                           .inspection = inspection,
                           .limit = UINT64_MAX,
                           .memory = SCAN_MEMORY_NONE };
    uint64_t number = 0;
    enum segment_name_kind kind;
    enum kaya_status status = KAYA_INVALID;

    *inspection = (struct kaya_wal_inspection){ .report = { .verdict_row = "", .damage_reason = "" } };
    if (file_name == NULL)
        status = inspect_directory(&visit);
    else if (kaya_segment_name_parse(file_name, &number, &kind)) {
        status = inspect_file(&visit, file_name, number);
        inspection->record_count = visit.whole_records;
    }
    kaya_scan_memory_release(&visit.memory, &context);
    kaya_buffer_release(context.allocator, &visit.stray_bytes);
    return status;
}
