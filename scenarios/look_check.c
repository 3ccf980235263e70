/* Items, one by one, against the bytes; sums against the items, the names and the census.
 *
 * Inspect shows each segment file from its headers over its valid prefix to the place where that ends, and then whatever looks like a frame behind
 * it. Here every item is looked up in the file itself, and none may be left out up to where the segment ends. What dead files and spares hold
 * behind their headers is nobody's, but what is said of it must be true. */
#include "kaya/scenarios/look_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/layout.h"

struct kaya_look_check {
    struct kaya_census census;
    struct kaya_image image;
    struct kaya_violation *violation;
    uint64_t file_count, foreign_count, leftover_count, spare_count; /* by their names */
    uint64_t obstacle_count; /* of the foreign ones: no file, with a name of the log's */

    /* items so far */
    uint64_t shown_files, frames, damages, notices;
    struct kaya_format_segment segment; /* whose items come */
    uint64_t end;                       /* of what it holds for the log; 0: it is not in use */
    uint64_t due;                       /* where its next frame stands */
    bool is_guessed;       /* a frame of it was mended, and nobody knows whether to what was written */
    uint64_t shown_number; /* of the last file; files come in order */
    uint64_t shown_obstacles;

    uint64_t damage_events, notice_events;
};

#define BREAK(check, ...)                                                                                    \
    kaya_violation_set((check)->violation, kaya_promise_name(KAYA_PROMISE_P10), __VA_ARGS__)

struct kaya_look_check *kaya_look_check_create(void)
{
    return calloc(1, sizeof(struct kaya_look_check));
}

void kaya_look_check_destroy(struct kaya_look_check *check)
{
    if (check == NULL)
        return;
    kaya_image_release(&check->image);
    free(check);
}

const struct kaya_census *kaya_look_check_census(const struct kaya_look_check *check)
{
    return &check->census;
}

/* --- Roles --- */

static const struct kaya_census_segment *find_in_use(const struct kaya_look_check *check, const char *name)
{
    for (size_t i = 0; i < check->census.chain_count; i++)
        if (strcmp(check->census.chain[i].segment.file->name, name) == 0)
            return &check->census.chain[i];
    return NULL;
}

static enum kaya_wal_segment_role role_of(const struct kaya_look_check *check, const char *name)
{
    uint64_t number = kaya_census_number(name, false);

    if (find_in_use(check, name) != NULL)
        return KAYA_ROLE_IN_USE;
    return number == 0 || number < check->census.chain[0].segment.number ? KAYA_ROLE_LEFTOVER : KAYA_ROLE_SPARE;
}

/* Its roles are the page's where the log is whole. */
static bool is_whole(const struct kaya_look_check *check)
{
    return !check->census.is_unsure && check->census.has_head && check->census.damage_count == 0;
}

static bool count_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kaya_look_check *check = user;

    if (kind == KAYA_ENTRY_FILE && kaya_census_number(name, true) != 0) {
        check->file_count++;
        check->leftover_count += is_whole(check) && role_of(check, name) == KAYA_ROLE_LEFTOVER;
        check->spare_count += is_whole(check) && role_of(check, name) == KAYA_ROLE_SPARE;
    } else if (strcmp(name, KAYA_LOCK_NAME) != 0) {
        check->foreign_count++;
        check->obstacle_count += kaya_census_number(name, true) != 0;
    }
    return true;
}

enum kaya_status kaya_look_check_begin(struct kaya_look_check *check, struct kaya_sim_disk *disk,
                                       const struct kaya_image *now, const struct kaya_image *truth,
                                       struct kaya_violation *violation)
{
    enum kaya_status status = now == NULL ? kaya_image_read(&check->image, disk) : KAYA_OK;

    check->violation = violation;
    check->file_count = check->foreign_count = check->leftover_count = check->spare_count = 0;
    check->obstacle_count = check->shown_obstacles = check->shown_number = 0;
    check->shown_files = check->frames = check->damages = check->notices = 0;
    check->damage_events = check->notice_events = 0;
    check->segment.file = NULL;
    if (status != KAYA_OK)
        return status;
    kaya_census_take(&check->census, now == NULL ? &check->image : now, truth);
    kaya_sim_disk_names(disk, count_name, check);
    return KAYA_OK;
}

/* --- Items --- */

static const char *name_of(const struct kaya_look_check *check)
{
    return check->segment.file->name;
}

/* All of the segment's frames were shown, up to where it ends. */
static void end_file(struct kaya_look_check *check)
{
    if (check->segment.file != NULL && is_whole(check) && check->end != 0 && check->due < check->end)
        BREAK(check, "%s holds frames of the log up to 0x%" PRIx64 "; inspect shows them up to 0x%" PRIx64,
              name_of(check), check->end, check->due);
}

/* False: no such file stands there. */
static bool begin_file(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_census *census = &check->census;
    const struct kaya_image_file *file = kaya_image_find(census->image, item->file_name);
    const struct kaya_census_segment *used = find_in_use(check, item->file_name);

    end_file(check);
    check->shown_files++;
    check->segment.file = file;
    if (file == NULL) {
        BREAK(check, "inspect shows %s, and there is no such file", item->file_name);
        return false;
    }
    kaya_format_open(&check->segment, file,
                     census->truth == NULL ? NULL : kaya_image_find(census->truth, file->name),
                     kaya_census_number(file->name, true));
    check->end = used == NULL ? 0 : used->end;
    check->due = check->segment.first_frame;
    check->is_guessed = false;
    if (check->segment.number < check->shown_number)
        BREAK(check, "%s is shown behind segment %" PRIu64, file->name, check->shown_number);
    check->shown_number = check->segment.number;
    if (item->segment != check->segment.number)
        BREAK(check, "%s is called segment %" PRIu64, file->name, item->segment);
    return true;
}

static void visit_header(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_format_segment *segment = &check->segment;
    bool is_good = kaya_format_is_header(segment->file, item->offset_bytes);

    check->notices += !item->header_check_good;
    if (item->offset_bytes != 0 && item->offset_bytes != segment->second_header)
        BREAK(check, "%s has a header at 0x%" PRIx64 ", not at 0x%" PRIx64, name_of(check),
              segment->second_header, item->offset_bytes);
    else if (item->header_check_good != is_good)
        BREAK(check, "the header of %s at 0x%" PRIx64 " is %s; inspect says the other", name_of(check),
              item->offset_bytes, is_good ? "good" : "bad");
    else if (is_good &&
             (item->format_version != 1 || item->block_bytes != segment->block_bytes ||
              item->segment_bytes != segment->segment_bytes || item->size_bytes != KAYA_FORMAT_HEADER_BYTES ||
              memcmp(item->log_id.bytes, segment->file->bytes + item->offset_bytes + 48,
                     KAYA_FORMAT_ID_BYTES) != 0))
        BREAK(check, "the header of %s at 0x%" PRIx64 " holds other fields than inspect shows",
              name_of(check), item->offset_bytes);
}

static enum kaya_wal_item_kind kind_of(const struct kaya_format_frame *frame)
{
    static const enum kaya_wal_item_kind kinds[KAYA_FORMAT_TYPES_END] = {
        [KAYA_FORMAT_FULL] = KAYA_ITEM_RECORD,   [KAYA_FORMAT_FIRST] = KAYA_ITEM_FIRST,
        [KAYA_FORMAT_MIDDLE] = KAYA_ITEM_MIDDLE, [KAYA_FORMAT_LAST] = KAYA_ITEM_LAST,
        [KAYA_FORMAT_PAD] = KAYA_ITEM_PAD,       [KAYA_FORMAT_WATERMARK] = KAYA_ITEM_WATERMARK,
        [KAYA_FORMAT_CLOSE] = KAYA_ITEM_CLOSE,   [KAYA_FORMAT_LINK] = KAYA_ITEM_LINK,
        [KAYA_FORMAT_TRIM] = KAYA_ITEM_TRIM,
    };

    return frame->type < KAYA_FORMAT_TYPES_END ? kinds[frame->type] : KAYA_ITEM_UNKNOWN;
}

static bool has_fields(const struct kaya_look_check *check, const struct kaya_wal_item *item,
                       const struct kaya_format_frame *frame)
{
    bool holds_record = frame->type == KAYA_FORMAT_FULL || frame->type == KAYA_FORMAT_FIRST;
    enum kaya_wal_record_type record_type =
        holds_record && frame->flags != KAYA_FORMAT_BATCH ? (enum kaya_wal_record_type)frame->flags : 0;

    return item->type_code == frame->type && item->flags == frame->flags &&
           item->lsn == check->segment.link.base_lsn + frame->sequence &&
           item->watermark_bytes == frame->watermark && item->size_bytes == frame->end - frame->offset &&
           item->length == frame->length && memcmp(item->bytes, frame->payload, frame->length) == 0 &&
           item->record_type == record_type;
}

/* Where one bit of the file is not the undamaged one's: that one. */
static bool has_mended_bit(const struct kaya_format_segment *segment, const struct kaya_wal_item *item)
{
    uint64_t place = item->offset_bytes + item->mended_bit / 8;

    if (!item->mended)
        return item->mended_bit == 0;
    return place < segment->file->size_bytes && place < segment->truth->size_bytes &&
           (segment->file->bytes[place] ^ segment->truth->bytes[place]) == 1 << item->mended_bit % 8;
}

static bool has_marks(const struct kaya_wal_item *item, const struct kaya_format_frame *frame)
{
    struct kaya_format_link link = { .base_lsn = 0 };

    if (frame->type == KAYA_FORMAT_LINK)
        kaya_format_link(frame->payload, &link);
    if (frame->type == KAYA_FORMAT_TRIM)
        link.low_water_lsn = kaya_format_load(frame->payload, 8);
    return item->base_lsn == link.base_lsn && item->predecessor == link.predecessor &&
           item->predecessor_end == link.predecessor_end && item->carried_end == link.carried_end &&
           item->low_water_lsn == link.low_water_lsn && item->epoch == link.epoch;
}

static void visit_frame(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_format_segment *segment = &check->segment;
    struct kaya_format_frame frame;

    check->frames++;
    check->notices += (!item->header_check_good || !item->second_check_good) + (uint64_t)item->mended;
    if (item->offset_bytes != check->due)
        BREAK(check, "the next frame of %s stands at 0x%" PRIx64 "; inspect shows one at 0x%" PRIx64,
              name_of(check), check->due, item->offset_bytes);
    else if (item->mended && segment->truth == NULL) { /* torn, and one bit from whole */
        check->due = kaya_format_behind(segment, item->offset_bytes + item->size_bytes);
        check->is_guessed = true;
    } else if (!kaya_format_frame(segment, item->offset_bytes, &frame) || item->kind != kind_of(&frame))
        BREAK(check, "no frame of the kind %s stands at 0x%" PRIx64 " of %s", kaya_wal_item_name(item->kind),
              item->offset_bytes, name_of(check));
    else if (!has_fields(check, item, &frame) || item->lsn_count != kaya_format_members(&frame) ||
             !has_marks(item, &frame))
        BREAK(check, "the frame (%s) at 0x%" PRIx64 " of %s holds other fields than inspect shows",
              kaya_wal_item_name(item->kind), item->offset_bytes, name_of(check));
    else if (!item->payload_check_good ||
             item->header_check_good != kaya_format_header_check_holds(segment, &frame) ||
             item->second_check_good != kaya_format_second_check_holds(segment, &frame) ||
             item->mended != frame.is_mended || !has_mended_bit(segment, item))
        BREAK(check, "the checks of the frame at 0x%" PRIx64 " of %s are others than inspect says",
              item->offset_bytes, name_of(check));
    else
        check->due = kaya_format_behind(segment, frame.end);
}

static bool has_stray_fields(const struct kaya_look_check *check, const struct kaya_wal_item *item,
                             const struct kaya_format_frame *frame)
{
    struct kaya_format_frame valid;
    bool is_whole = kaya_format_frame(&check->segment, frame->offset, &valid) && !valid.is_mended;

    if (item->payload_check_good != is_whole || item->mended || item->size_bytes != frame->end - frame->offset ||
        item->second_check_good != (is_whole && kaya_format_second_check_holds(&check->segment, frame)))
        return false;
    return !is_whole || (has_fields(check, item, frame) && has_marks(item, frame) &&
                         item->lsn_count == kaya_format_members(frame));
}

static void visit_stray(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    struct kaya_format_frame frame;

    check->frames++;
    if (!kaya_format_stray(&check->segment, item->offset_bytes, &frame) || !item->header_check_good ||
        item->type_code != frame.type || item->flags != frame.flags || item->watermark_bytes != frame.watermark ||
        item->lsn != check->segment.link.base_lsn + frame.sequence || item->reason[0] == '\0')
        BREAK(check, "inspect shows a stray frame at 0x%" PRIx64 " of %s, which does not stand there",
              item->offset_bytes, name_of(check));
    else if (!has_stray_fields(check, item, &frame))
        BREAK(check, "the stray frame at 0x%" PRIx64 " of %s holds other fields than inspect shows",
              item->offset_bytes, name_of(check));
}

/* Behind the last whole record, and, of a segment that is not the head, up to where its successor says that it was durable. */
static bool has_end_fields(const struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    struct kaya_format_walk walk = { .segment = &check->segment, .limit = UINT64_MAX };
    struct kaya_format_entry entry;
    const struct kaya_census_segment *used = find_in_use(check, name_of(check));
    uint64_t named_end = used == NULL || used == &check->census.chain[0] ? 0 : used->end;

    while (kaya_format_next(&walk, &entry))
        continue;
    return item->lsn == check->segment.link.base_lsn + walk.sequence &&
           (!is_whole(check) || item->watermark_bytes == named_end);
}

/* The place where the valid prefix ends: an end, unless the segment is in use beyond it. */
static void visit_end(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    struct kaya_format_frame frame;
    bool is_headerless = check->segment.state < KAYA_FORMAT_LINKLESS;

    check->damages += item->kind == KAYA_ITEM_DAMAGE && (!is_headerless || item->role == KAYA_ROLE_IN_USE);
    if (item->kind == KAYA_ITEM_DAMAGE && item->reason[0] == '\0')
        BREAK(check, "inspect shows damage in %s without a reason", name_of(check));
    if (is_headerless)
        return;
    if (item->offset_bytes != check->due || kaya_format_frame(&check->segment, check->due, &frame))
        BREAK(check, "the frames of %s end at 0x%" PRIx64 " or behind it; inspect says at 0x%" PRIx64,
              name_of(check), check->due, item->offset_bytes);
    else if (!check->is_guessed && !has_end_fields(check, item))
        BREAK(check, "the frames of %s end at 0x%" PRIx64 ", and inspect shows another record or claim there",
              name_of(check), check->due);
    if (item->kind == KAYA_ITEM_DAMAGE && is_whole(check))
        BREAK(check, "the log is whole, and inspect shows damage in %s", name_of(check));
}

/* Behind all files. */
static void visit_obstacle(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    check->shown_obstacles++;
    if (kaya_image_find(check->census.image, item->file_name) != NULL ||
        kaya_census_number(item->file_name, true) != item->segment || item->role != KAYA_ROLE_LEFTOVER ||
        item->reason[0] == '\0')
        BREAK(check, "inspect says that %s, of segment %" PRIu64 ", is no file", item->file_name, item->segment);
}

bool kaya_look_check_visit(void *user, const struct kaya_wal_item *item)
{
    struct kaya_look_check *check = user;

    if (kaya_violation_is_set(check->violation))
        return false;
    if (item->kind == KAYA_ITEM_NO_FILE) {
        visit_obstacle(check, item);
        return true;
    }
    if ((check->segment.file == NULL || strcmp(name_of(check), item->file_name) != 0) && !begin_file(check, item))
        return false;
    if (is_whole(check) && item->role != role_of(check, item->file_name))
        BREAK(check, "%s is %s; inspect calls it %s", name_of(check),
              kaya_wal_segment_role_name(role_of(check, item->file_name)),
              kaya_wal_segment_role_name(item->role));
    switch (item->kind) {
    case KAYA_ITEM_HEADER:
        visit_header(check, item);
        break;
    case KAYA_ITEM_STRAY:
        visit_stray(check, item);
        break;
    case KAYA_ITEM_DAMAGE:
    case KAYA_ITEM_END:
        visit_end(check, item);
        break;
    default:
        visit_frame(check, item);
    }
    return true;
}

void kaya_look_check_hear(void *user, const struct kaya_event *event)
{
    struct kaya_look_check *check = user;

    if (event->kind == KAYA_EVENT_DAMAGE)
        check->damage_events++;
    else if (event->kind != KAYA_EVENT_FOREIGN_FILE && event->kind != KAYA_EVENT_NAME_TAKEN)
        check->notice_events++;
}

/* --- Sums --- */

static void expect(struct kaya_look_check *check, const char *what, uint64_t counted, uint64_t said)
{
    if (counted != said)
        BREAK(check, "%s: %" PRIu64 " are there; the look says %" PRIu64, what, counted, said);
}

/* Second header copies that are bad are told of: so many segments in use have one, or a bad first one. */
static uint64_t count_bad_headers(const struct kaya_look_check *check)
{
    uint64_t count = 0;

    for (size_t i = 0; i < check->census.chain_count; i++) {
        const struct kaya_format_segment *segment = &check->census.chain[i].segment;

        count += !kaya_format_is_header(segment->file, 0);
        count += !kaya_format_is_header(segment->file, segment->second_header);
    }
    return count;
}

void kaya_look_check_end(struct kaya_look_check *check, const struct kaya_wal_inspection *inspection,
                         bool every_item, bool writer_is_live)
{
    const struct kaya_census *census = &check->census;
    uint64_t records = 0;

    for (size_t i = 0; i < census->chain_count; i++)
        records += census->chain[i].record_count;
    if (every_item) {
        end_file(check);
        expect(check, "files of the log", check->file_count, check->shown_files);
        expect(check, "names of the log's that are no file's", check->obstacle_count, check->shown_obstacles);
        expect(check, "frames", check->frames, inspection->frame_count);
        expect(check, "damaged places", check->damages, inspection->damage_count);
        expect(check, "notices", check->notices, inspection->notice_count);
    } else {
        expect(check, "damaged places", check->damage_events, inspection->damage_count);
        expect(check, "notices", check->notice_events, inspection->notice_count);
        if (is_whole(check) && check->notice_events < count_bad_headers(check))
            BREAK(check,
                  "%" PRIu64 " header copies of segments in use are bad; verify tells of %" PRIu64 " notices",
                  count_bad_headers(check), check->notice_events);
    }
    expect(check, "foreign names", check->foreign_count, inspection->foreign_count);
    if (census->is_unsure)
        return;
    if (inspection->segment_count + inspection->spare_count + inspection->leftover_count != check->file_count)
        BREAK(check,
              "%" PRIu64 " files bear names of the log's; the look says %" PRIu64 " in use, %" PRIu64
              " spare, %" PRIu64 " left over",
              check->file_count, inspection->segment_count, inspection->spare_count, inspection->leftover_count);
    if (inspection->writer_is_live != writer_is_live)
        BREAK(check, "a writer %s the log; the look says the other", writer_is_live ? "has" : "does not have");
    if (!is_whole(check) || inspection->report.mended_count != census->mended_count)
        return;
    expect(check, "segments in use", census->chain_count, inspection->segment_count);
    expect(check, "segments of the log's report", census->chain_count, inspection->report.segment_count);
    expect(check, "spares", check->spare_count, inspection->spare_count);
    expect(check, "leftovers", check->leftover_count, inspection->leftover_count);
    expect(check, "records", records, inspection->record_count);
}
