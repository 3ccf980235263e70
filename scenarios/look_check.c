/* Items, one by one, against the bytes; sums against the items, the names and the census.
 *
 * Inspect shows each segment file from its headers over its valid prefix to the place where that ends, and then whatever looks like a frame behind
 * it. Here every item is looked up in the file itself, each comes once and in its place, and none may be left out, of dead files and spares either;
 * only of a segment without a link nobody asks for its end. A field that is another kind's is 0.
 *
 * Which segments are in use, and so roles and the sums of segments, spares, leftovers and records, is not judged where the log is damaged: how much of
 * it counts behind a place where the chain breaks is nothing that the page says. What stands where the frames of each file end is. */
#include "kaya/scenarios/look_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/layout.h"

/* Names come in order of their numbers; of one number each suffix comes once. */
struct kaya_look_name {
    uint64_t number;
    unsigned suffixes;
};

struct kaya_look_end {
    bool is_shown, is_damage;
    uint64_t offset, durable_end;
};

struct kaya_look_check {
    struct kaya_census census;
    struct kaya_image image;
    struct kaya_sim_disk *disk;
    struct kaya_violation *violation;
    struct kaya_violation left_out; /* what was not shown, told at the end of the look */
    uint64_t file_count, foreign_count, leftover_count, spare_count; /* by their names */
    uint64_t obstacle_count; /* of the foreign ones: no file, with a name of the log's */

    /* items so far */
    uint64_t shown_files, frames, damages, notices;
    struct kaya_format_segment segment; /* whose items come */
    uint64_t end;                       /* of what it holds for the log; 0: it is not in use */
    uint64_t due;                       /* where its next frame stands */
    unsigned headers;                   /* copies shown */
    bool has_end;                       /* where its frames end was shown */
    uint64_t behind;                    /* from here on strays are due */
    uint32_t sequence;                  /* records in front of its end */
    uint64_t whole_end;                 /* behind the last of these, and what stands behind them whole */
    struct kaya_image_file mended; /* it with the bits put right that inspect says it has mended; bytes NULL: none */
    const struct kaya_image_file *doubted; /* the last one of which a header copy was shown with other bytes; NULL: none */
    struct kaya_look_name last, last_obstacle;
    uint64_t shown_obstacles;
    struct kaya_look_end ends[KAYA_CENSUS_DAMAGES_MAX]; /* of the segments that the census calls damaged */

    uint64_t damage_events, notice_events;
};

#define BREAK(check, ...)                                                                                    \
    kaya_violation_set((check)->violation, kaya_promise_name(KAYA_PROMISE_P10), __VA_ARGS__)

/* A reading that was struck may hide what stands there. Who looks knows of that when the look is over, and asks for the sums of no such look. */
#define LEFT_OUT(check, ...)                                                                                 \
    kaya_violation_set(&(check)->left_out, kaya_promise_name(KAYA_PROMISE_P10), __VA_ARGS__)

struct kaya_look_check *kaya_look_check_create(void)
{
    return calloc(1, sizeof(struct kaya_look_check));
}

void kaya_look_check_destroy(struct kaya_look_check *check)
{
    if (check == NULL)
        return;
    kaya_image_release(&check->image);
    free(check->mended.bytes);
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
    check->obstacle_count = check->shown_obstacles = 0;
    check->last = check->last_obstacle = (struct kaya_look_name){ .number = 0 };
    memset(check->ends, 0, sizeof check->ends);
    check->doubted = NULL;
    check->left_out.promise[0] = '\0';
    check->disk = disk;
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

/* False: it does not come behind the last one. */
static bool is_next_name(struct kaya_look_name *last, const char *name)
{
    static const char *const suffixes[] = { ".wal", ".away", ".new" };
    uint64_t number = kaya_census_number(name, true);
    unsigned suffix = 0;

    for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        suffix |= kaya_layout_number(name, suffixes[i]) != 0 ? 1u << i : 0;
    if (number == 0 || number < last->number || (number == last->number && (last->suffixes & suffix) != 0))
        return false;
    last->suffixes = number == last->number ? last->suffixes | suffix : suffix;
    last->number = number;
    return true;
}

/* Everything was shown of the segment. */
static void end_file(struct kaya_look_check *check)
{
    struct kaya_format_frame stray;

    if (check->segment.file == NULL)
        return;
    if (check->segment.state >= KAYA_FORMAT_LINKLESS && check->headers < 2)
        LEFT_OUT(check, "%s has two header copies; inspect shows %u", name_of(check), check->headers);
    if (is_whole(check) && check->end != 0 && check->due < check->end)
        BREAK(check, "%s holds frames of the log up to 0x%" PRIx64 "; inspect shows them up to 0x%" PRIx64,
              name_of(check), check->end, check->due);
    if (!check->has_end && check->segment.state != KAYA_FORMAT_LINKLESS)
        LEFT_OUT(check, "inspect does not show where %s ends", name_of(check));
    else if (check->segment.state == KAYA_FORMAT_LINKED &&
             kaya_format_next_stray(&check->segment, check->due, check->sequence, check->behind, &stray))
        LEFT_OUT(check, "a stray frame stands at 0x%" PRIx64 " of %s; inspect does not show it", stray.offset,
                 name_of(check));
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
    check->headers = 0;
    check->has_end = false;
    free(check->mended.bytes);
    check->mended.bytes = NULL;
    if (!is_next_name(&check->last, file->name) || check->shown_obstacles > 0)
        BREAK(check, "%s is shown behind segment %" PRIu64 ", for a second time, or behind what is no file",
              file->name, check->last.number);
    return true;
}

static bool is_zero(const void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (((const uint8_t *)bytes)[i] != 0)
            return false;
    return true;
}

/* --- Fields that do not apply --- */

static bool has_header_fields(const struct kaya_wal_item *item)
{
    return item->format_version != 0 || item->block_bytes != 0 || item->segment_bytes != 0 ||
           !is_zero(item->log_id.bytes, sizeof item->log_id.bytes);
}

static bool says(const struct kaya_wal_item *item, const struct kaya_format_link *link)
{
    return item->base_lsn == link->base_lsn && item->predecessor == link->predecessor &&
           item->predecessor_end == link->predecessor_end && item->carried_end == link->carried_end &&
           item->low_water_lsn == link->low_water_lsn && item->epoch == link->epoch;
}

/* But for those that others have as well. */
static bool has_frame_fields(const struct kaya_wal_item *item)
{
    return item->lsn_count != 0 || item->type_code != 0 || item->flags != 0 || item->record_type != 0 ||
           item->payload_check_good || item->second_check_good || item->mended || item->mended_bit != 0 ||
           !says(item, &(struct kaya_format_link){ .base_lsn = 0 });
}

/* Of what is no header and no frame. */
static bool has_bytes(const struct kaya_wal_item *item)
{
    return item->size_bytes != 0 || item->length != 0 || item->header_check_good;
}

/* --- Headers and frames --- */

/* Its bytes, and, where it is good, what they say. What a file that was cut lacks of it reads as zeros. Readings may have shown other bytes, among
 * them an older header that is as good: whether a fault struck is known at the end. */
static bool is_copy(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_format_segment *segment = &check->segment;
    uint8_t bytes[KAYA_FORMAT_HEADER_BYTES] = { 0 };
    uint64_t left =
        item->offset_bytes < segment->file->size_bytes ? segment->file->size_bytes - item->offset_bytes : 0;

    if (left > 0)
        memcpy(bytes, segment->file->bytes + item->offset_bytes,
               left < sizeof bytes ? (size_t)left : sizeof bytes);
    if (item->size_bytes != sizeof bytes || item->length != sizeof bytes)
        return false;
    if (memcmp(item->bytes, bytes, sizeof bytes) != 0)
        check->doubted = segment->file;
    if (!item->header_check_good)
        return !has_header_fields(item);
    return item->format_version == kaya_format_load(bytes + 12, 2) &&
           item->block_bytes == kaya_format_load(bytes + 28, 4) &&
           item->segment_bytes == kaya_format_load(bytes + 40, 8) &&
           memcmp(item->log_id.bytes, bytes + 48, KAYA_FORMAT_ID_BYTES) == 0;
}

static void visit_header(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_format_segment *segment = &check->segment;
    bool is_good = kaya_format_is_header(segment->file, item->offset_bytes);
    uint64_t due = check->headers == 0 ? 0 : segment->second_header;

    check->notices += !item->header_check_good;
    if (segment->state < KAYA_FORMAT_LINKLESS || check->headers == 2 || check->has_end ||
        check->due != segment->first_frame)
        BREAK(check, "%s has %s; inspect shows one at 0x%" PRIx64 " behind them", name_of(check),
              segment->state < KAYA_FORMAT_LINKLESS ? "no good header copy" : "two header copies",
              item->offset_bytes);
    else if (item->offset_bytes != due)
        BREAK(check, "%s has a header at 0x%" PRIx64 ", not at 0x%" PRIx64, name_of(check), due,
              item->offset_bytes);
    else if (item->header_check_good != is_good)
        BREAK(check, "the header of %s at 0x%" PRIx64 " is %s; inspect says the other", name_of(check),
              item->offset_bytes, is_good ? "good" : "bad");
    else if (!is_copy(check, item) || has_frame_fields(item) || item->lsn != 0 ||
             item->watermark_bytes != 0 || (item->reason[0] == '\0') != is_good)
        BREAK(check, "the header of %s at 0x%" PRIx64 " holds other fields than inspect shows",
              name_of(check), item->offset_bytes);
    check->headers++;
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
           item->record_type == record_type && !has_header_fields(item);
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
    return says(item, &link);
}

/* Nobody knows what was written there, but one bit makes a whole frame of what stands there, or it does not: in a copy of the file. A link that was
 * mended says what the segment is. */
static void mend(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_image_file *file = check->segment.file;
    uint64_t place = item->offset_bytes + item->mended_bit / 8;

    if (check->mended.bytes == NULL) {
        check->mended = *file;
        check->mended.bytes = malloc(file->size_bytes);
        if (check->mended.bytes == NULL) {
            BREAK(check, "no memory for a copy of %s", file->name);
            return;
        }
        memcpy(check->mended.bytes, file->bytes, file->size_bytes);
    }
    if (place < file->size_bytes)
        check->mended.bytes[place] ^= (uint8_t)(1u << item->mended_bit % 8);
    check->segment.truth = &check->mended;
    if (check->segment.state == KAYA_FORMAT_LINKLESS)
        kaya_format_open(&check->segment, file, &check->mended, check->segment.number);
}

static void visit_frame(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    const struct kaya_format_segment *segment = &check->segment;
    struct kaya_format_frame frame;

    check->frames++;
    check->notices += (!item->header_check_good || !item->second_check_good) + (uint64_t)item->mended;
    if (item->mended && check->census.truth == NULL && item->offset_bytes == check->due && !check->has_end)
        mend(check, item);
    if (item->offset_bytes != check->due || check->has_end)
        BREAK(check, "the next frame of %s stands at 0x%" PRIx64 "; inspect shows one at 0x%" PRIx64,
              name_of(check), check->due, item->offset_bytes);
    else if (!kaya_format_frame(segment, item->offset_bytes, &frame) || item->kind != kind_of(&frame))
        BREAK(check, "no frame of the kind %s stands at 0x%" PRIx64 " of %s", kaya_wal_item_name(item->kind),
              item->offset_bytes, name_of(check));
    else if (!has_fields(check, item, &frame) || item->lsn_count != kaya_format_members(&frame) ||
             !has_marks(item, &frame) || item->reason[0] != '\0')
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

    if (item->payload_check_good != is_whole || item->mended ||
        item->size_bytes != frame->end - frame->offset || item->mended_bit != 0 ||
        item->second_check_good != (is_whole && kaya_format_second_check_holds(&check->segment, frame)))
        return false;
    if (!is_whole) /* its header is all that there is of it, and no record */
        return item->length == 0 && item->lsn_count == 0 && item->record_type == 0 &&
               !has_header_fields(item) && says(item, &(struct kaya_format_link){ .base_lsn = 0 });
    return has_fields(check, item, frame) && has_marks(item, frame) &&
           item->lsn_count == kaya_format_members(frame);
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
    else if (!check->has_end ||
             !kaya_format_next_stray(&check->segment, check->due, check->sequence, check->behind, &frame) ||
             frame.offset != item->offset_bytes)
        LEFT_OUT(check, "the stray frame at 0x%" PRIx64 " of %s is not the next one that inspect has to show",
                 item->offset_bytes, name_of(check));
    check->behind = item->offset_bytes + 4;
}

/* Its successor says that it was durable up to here; 0: none does. */
static uint64_t named_end(const struct kaya_look_check *check)
{
    const struct kaya_census_segment *used = find_in_use(check, name_of(check));

    return used == NULL || used == &check->census.chain[0] ? 0 : used->end;
}

/* Does any segment's link name the one that is shown, up to there? */
static bool is_named_by_link(const struct kaya_look_check *check, uint64_t end)
{
    const struct kaya_image *image = check->census.image;

    for (size_t i = 0; i < image->file_count; i++) {
        struct kaya_format_segment segment;

        kaya_format_open(&segment, &image->files[i], NULL, kaya_census_number(image->files[i].name, true));
        if (segment.state == KAYA_FORMAT_LINKED && segment.link.predecessor == check->segment.number &&
            segment.link.predecessor_end == end && segment.link.chain == kaya_format_chain(&check->segment, end))
            return true;
    }
    return false;
}

/* Of a damaged log inspect may know no more of a segment than that it is damaged, or nothing of it; or follow links behind the damage, where the
 * census does not: from a segment whose successor is lost, which is taken as it stands. */
static bool is_durable_end(const struct kaya_look_check *check, uint64_t end)
{
    const struct kaya_census *census = &check->census;

    if (end == named_end(check) || census->is_unsure)
        return true;
    for (size_t i = 0; i < census->damage_count; i++)
        if (end == 0 || (census->damages[i].segment == check->segment.number && census->damages[i].end == end))
            return true;
    return census->damage_count > 0 && (end == check->whole_end || is_named_by_link(check, end));
}

/* Behind the last whole record. */
static bool has_end_fields(const struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    return item->lsn == check->segment.link.base_lsn + check->sequence && !has_frame_fields(item) &&
           !has_header_fields(item) && !has_bytes(item) && is_durable_end(check, item->watermark_bytes);
}

/* Records, and the place behind the last entry that is whole: fragments of a record that breaks off may stand behind it. */
static void count_records(struct kaya_look_check *check)
{
    struct kaya_format_walk walk = { .segment = &check->segment, .limit = UINT64_MAX };
    struct kaya_format_entry entry;

    while (check->segment.state == KAYA_FORMAT_LINKED && kaya_format_next(&walk, &entry))
        continue;
    check->sequence = walk.sequence;
    check->whole_end = walk.end;
}

/* What the report says of it is known at the end of the look. */
static void note_end(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    for (size_t i = 0; i < check->census.damage_count; i++)
        if (check->census.damages[i].segment == check->segment.number &&
            check->segment.file == kaya_census_find(check->census.image, check->segment.number))
            check->ends[i] = (struct kaya_look_end){ true, item->kind == KAYA_ITEM_DAMAGE, item->offset_bytes,
                                                     item->watermark_bytes };
}

/* All that is said of a file without a good header copy: it is damage, of the log only where the file is in use. */
static void visit_headerless(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    check->damages += item->kind == KAYA_ITEM_DAMAGE && item->role == KAYA_ROLE_IN_USE;
    if (item->kind != KAYA_ITEM_DAMAGE || check->has_end || item->offset_bytes != 0 || item->lsn != 0 ||
        item->watermark_bytes != 0 || has_frame_fields(item) || has_header_fields(item) || has_bytes(item))
        BREAK(check, "%s has no good header copy, which is one damaged place; inspect shows something else",
              name_of(check));
}

/* The place where the valid prefix ends: damage where more than that was durable, else an end. */
static void visit_end(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    struct kaya_format_frame frame;
    bool is_damage = item->kind == KAYA_ITEM_DAMAGE;

    if (item->reason[0] == '\0')
        BREAK(check, "inspect shows %s in %s without a reason", is_damage ? "damage" : "an end", name_of(check));
    if (check->segment.state < KAYA_FORMAT_LINKLESS) {
        visit_headerless(check, item);
        check->has_end = true;
        return;
    }
    check->damages += is_damage;
    count_records(check);
    if (item->offset_bytes != check->due || kaya_format_frame(&check->segment, check->due, &frame))
        BREAK(check, "the frames of %s end at 0x%" PRIx64 " or behind it; inspect says at 0x%" PRIx64,
              name_of(check), check->due, item->offset_bytes);
    else if (check->has_end)
        BREAK(check, "inspect shows twice where %s ends", name_of(check));
    else if (!has_end_fields(check, item))
        BREAK(check, "the frames of %s end at 0x%" PRIx64 ", and inspect shows another record or claim there",
              name_of(check), check->due);
    if (is_damage && is_whole(check))
        BREAK(check, "the log is whole, and inspect shows damage in %s", name_of(check));
    if (is_damage != (check->due < item->watermark_bytes))
        BREAK(check,
              "the frames of %s end at 0x%" PRIx64 ", were durable up to 0x%" PRIx64
              ", and inspect calls that %s",
              name_of(check), check->due, item->watermark_bytes, kaya_wal_item_name(item->kind));
    note_end(check, item);
    check->has_end = true;
    check->behind = check->due;
}

struct obstacle {
    const char *name;
    bool stands;
};

static bool find_obstacle(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct obstacle *obstacle = user;

    obstacle->stands = obstacle->stands || (kind != KAYA_ENTRY_FILE && strcmp(name, obstacle->name) == 0);
    return true;
}

/* Behind all files. */
static void visit_obstacle(struct kaya_look_check *check, const struct kaya_wal_item *item)
{
    struct obstacle obstacle = { item->file_name, false };

    check->shown_obstacles++;
    kaya_sim_disk_names(check->disk, find_obstacle, &obstacle);
    if (!obstacle.stands || kaya_census_number(item->file_name, true) != item->segment ||
        item->role != KAYA_ROLE_LEFTOVER || item->reason[0] == '\0' || item->offset_bytes != 0 || item->lsn != 0 ||
        item->watermark_bytes != 0 || has_frame_fields(item) || has_header_fields(item) || has_bytes(item))
        BREAK(check, "inspect says that %s, of segment %" PRIu64 ", is no file", item->file_name, item->segment);
    if (!is_next_name(&check->last_obstacle, item->file_name))
        BREAK(check, "%s, which is no file, is shown behind segment %" PRIu64 ", or for a second time",
              item->file_name, check->last_obstacle.number);
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
    if (item->segment != check->segment.number)
        BREAK(check, "%s is called segment %" PRIu64, name_of(check), item->segment);
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

/* The report's damage, where it lies in a file that was shown, is shown there as well. */
static void check_reported(struct kaya_look_check *check, const struct kaya_wal_recovery_report *report)
{
    const struct kaya_census *census = &check->census;

    if (report->verdict != KAYA_VERDICT_DAMAGED || census->is_unsure)
        return;
    for (size_t i = 0; i < census->damage_count; i++) {
        const struct kaya_look_end *end = &check->ends[i];

        if (census->damages[i].segment == report->damage_segment && end->is_shown &&
            (end->durable_end != report->damage_end_offset ||
             end->is_damage != (end->offset < report->damage_end_offset)))
            BREAK(check,
                  "segment %" PRIu64 " is damaged, of what is durable up to 0x%" PRIx64
                  "; inspect says that its frames end at 0x%" PRIx64 " of 0x%" PRIx64 "%s",
                  report->damage_segment, report->damage_end_offset, end->offset, end->durable_end,
                  end->is_damage ? "" : ", without damage");
    }
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
        check_reported(check, &inspection->report);
        if (kaya_violation_is_set(&check->left_out))
            BREAK(check, "%s", check->left_out.what);
        if (check->doubted != NULL)
            BREAK(check, "a header copy of %s holds other bytes than inspect shows", check->doubted->name);
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
