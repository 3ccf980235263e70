/* Events, one by one.
 *
 *   fields   each kind has some, and no others (kaya/event.h: those that do not apply are 0 or "")
 *   files    what was prepared stands there, what was removed does not, what was cut ends there
 *   answers  an open tells of what its report says, no more, no less and no more than once; of a refusal nothing was done. Who appends, trims or
 *            closes asks for what was told meanwhile
 *
 * Files are looked up by name alone, which decides nothing that a crash left open: names that the log tells of were listed or made in this boot. */
#include "kaya/scenarios/event_check.h"

#include <inttypes.h>
#include <string.h>

#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/promise.h"

#define BREAK(check, ...)                                                                                    \
    kaya_violation_set(&(check)->found, kaya_promise_name(KAYA_PROMISE_P10), __VA_ARGS__)

enum { STATUS = 1, SEGMENT = 2, OFFSET = 4, LSN = 8, DETAIL = 16, TEXT = 32 };

/* Fields that are there, and those that may be. Where none must be, such a thing is not told of in a story. */
static const struct {
    uint8_t must, may;
} fields[KAYA_EVENT_KINDS] = {
    [KAYA_EVENT_LOG_CREATED] = { SEGMENT, 0 },
    [KAYA_EVENT_LOG_OPENED] = { SEGMENT | DETAIL, LSN },
    [KAYA_EVENT_SEGMENT_PREPARED] = { SEGMENT, 0 },
    [KAYA_EVENT_SEGMENT_RECYCLED] = { SEGMENT | DETAIL, 0 },
    [KAYA_EVENT_SEGMENT_REMOVED] = { SEGMENT | TEXT, 0 },
    [KAYA_EVENT_SEGMENT_ROTATED] = { SEGMENT | LSN, 0 },
    [KAYA_EVENT_PREPARATION_FAILED] = { STATUS | SEGMENT | TEXT, 0 },
    [KAYA_EVENT_TRIMMED] = { LSN | DETAIL, 0 },
    [KAYA_EVENT_CLAIM_SECURED] = { SEGMENT | OFFSET, LSN },
    [KAYA_EVENT_TORN_TAIL] = { SEGMENT | OFFSET | TEXT, LSN },
    [KAYA_EVENT_MENDED] = { SEGMENT | OFFSET, LSN | DETAIL },
    [KAYA_EVENT_DAMAGE] = { STATUS | TEXT, SEGMENT | OFFSET | LSN },
    [KAYA_EVENT_CARRIED] = { SEGMENT | LSN | DETAIL, 0 },
    [KAYA_EVENT_CUT] = { SEGMENT | OFFSET, 0 },
    [KAYA_EVENT_HEADER_COPY_BAD] = { SEGMENT, OFFSET },
    [KAYA_EVENT_FOREIGN_FILE] = { TEXT, 0 },
    [KAYA_EVENT_NAME_TAKEN] = { SEGMENT | TEXT, STATUS },
    [KAYA_EVENT_LEFTOVER] = { SEGMENT, TEXT },
    [KAYA_EVENT_READ_AGAIN] = { SEGMENT | OFFSET, 0 },
    [KAYA_EVENT_HANDLE_ENDED] = { STATUS | SEGMENT, OFFSET | LSN },
    [KAYA_EVENT_CLOSED] = { SEGMENT | OFFSET, LSN },
};

static void check_fields(struct kaya_event_check *check, const struct kaya_event *event)
{
    unsigned has = (event->status != KAYA_OK ? STATUS : 0u) | (event->segment != 0 ? SEGMENT : 0u) |
                   (event->offset_bytes != 0 ? OFFSET : 0u) | (event->lsn != 0 ? LSN : 0u) |
                   (event->detail != 0 ? DETAIL : 0u) | (event->text[0] != '\0' ? TEXT : 0u);
    unsigned must = fields[event->kind].must, may = fields[event->kind].may;

    if (must == 0 || (has & must) != must || (has & ~(must | may)) != 0)
        BREAK(check,
              "%s is told with status %s, segment %" PRIu64 ", offset 0x%" PRIx64 ", record %" PRIu64
              ", detail %" PRIu64 ", \"%s\": it lacks a field, or has one that it should not",
              kaya_event_name(event->kind), kaya_status_name(event->status), event->segment,
              event->offset_bytes, event->lsn, event->detail, event->text);
}

static bool stands(const struct kaya_event_check *check, uint64_t number, const char *suffix)
{
    char name[KAYA_LAYOUT_NAME_BYTES];

    kaya_layout_name(number, suffix, name);
    return kaya_sim_disk_inode(check->disk, name) != 0;
}

static bool stands_at_all(const struct kaya_event_check *check, uint64_t number)
{
    return stands(check, number, ".wal") || stands(check, number, ".away") || stands(check, number, ".new");
}

static uint64_t number_of(const char *name)
{
    uint64_t number = kaya_layout_number(name, ".wal");

    if (number == 0)
        number = kaya_layout_number(name, ".away");
    return number != 0 ? number : kaya_layout_number(name, ".new");
}

static bool ends_at(const struct kaya_event_check *check, const struct kaya_event *event, const char *suffix)
{
    char name[KAYA_LAYOUT_NAME_BYTES];
    uint64_t bytes = 0;

    kaya_layout_name(event->segment, suffix, name);
    return kaya_sim_disk_file_size(check->disk, name, &bytes) == KAYA_OK && bytes == event->offset_bytes;
}

/* Where a recovery finds no spare it makes one of what is left over, before it tells of that. */
static bool has_reclaimed(const struct kaya_event_check *check)
{
    return check->counts[KAYA_EVENT_SEGMENT_RECYCLED] + check->counts[KAYA_EVENT_SEGMENT_PREPARED] +
               check->counts[KAYA_EVENT_SEGMENT_REMOVED] + check->counts[KAYA_EVENT_PREPARATION_FAILED] >
           0;
}

/* Is it so with the files that the event names? */
static bool is_true(const struct kaya_event_check *check, const struct kaya_event *event)
{
    switch (event->kind) {
    case KAYA_EVENT_LOG_CREATED:
        return event->segment == 1 && stands(check, 1, ".wal");
    case KAYA_EVENT_LOG_OPENED: /* a closed one where it was found */
        return stands(check, event->segment, ".wal") || stands(check, event->segment, ".away");
    case KAYA_EVENT_CARRIED:
        return stands(check, event->segment, ".wal");
    case KAYA_EVENT_SEGMENT_PREPARED:
    case KAYA_EVENT_SEGMENT_ROTATED:
        return event->segment > check->head && stands(check, event->segment, ".wal");
    case KAYA_EVENT_SEGMENT_RECYCLED:
        return event->detail < event->segment && stands(check, event->segment, ".wal") &&
               (check->has_copies ||
                !(stands(check, event->detail, ".wal") || stands(check, event->detail, ".away")));
    case KAYA_EVENT_SEGMENT_REMOVED:
        return (number_of(event->text) == event->segment || kaya_layout_number(event->text, ".new") != 0) &&
               kaya_sim_disk_inode(check->disk, event->text) == 0; /* .new: on its way to be a spare */
    case KAYA_EVENT_PREPARATION_FAILED:
        return event->segment > check->head && strcmp(event->text, kaya_status_text(event->status)) == 0;
    case KAYA_EVENT_CLAIM_SECURED:
    case KAYA_EVENT_CLOSED:
    case KAYA_EVENT_HANDLE_ENDED:
        return event->segment == check->head && event->offset_bytes % 4 == 0;
    case KAYA_EVENT_CUT:
        return ends_at(check, event, ".wal") ||
               ends_at(check, event, ".away"); /* which it could not be renamed from */
    case KAYA_EVENT_TORN_TAIL:
    case KAYA_EVENT_MENDED:
    case KAYA_EVENT_HEADER_COPY_BAD:
    case KAYA_EVENT_READ_AGAIN:
        return event->offset_bytes % 4 == 0 && stands_at_all(check, event->segment);
    case KAYA_EVENT_LEFTOVER:
        if (event->text[0] != '\0')
            return kaya_layout_number(event->text, ".new") == event->segment;
        return stands_at_all(check, event->segment) || has_reclaimed(check);
    case KAYA_EVENT_FOREIGN_FILE:
        return number_of(event->text) == 0;
    case KAYA_EVENT_NAME_TAKEN:
        return number_of(event->text) == event->segment;
    default: /* a trim names no file, and damage may be of one that is missing */
        return true;
    }
}

/* An open does it once. A tail may be found torn again, where the first reading was of a cache. */
static bool is_once(const struct kaya_event *event)
{
    return event->kind == KAYA_EVENT_LOG_CREATED || event->kind == KAYA_EVENT_LOG_OPENED ||
           event->kind == KAYA_EVENT_CARRIED ||
           (event->kind == KAYA_EVENT_DAMAGE && event->status == KAYA_DAMAGED); /* the verdict */
}

void kaya_event_check_hear(void *user, const struct kaya_event *event)
{
    struct kaya_event_check *check = user;

    if (check->disk == NULL || kaya_sim_disk_is_crashed(check->disk))
        return;
    check_fields(check, event);
    if (!is_true(check, event))
        BREAK(check,
              "%s is told of segment %" PRIu64 ", offset 0x%" PRIx64 ", detail %" PRIu64
              ", \"%s\", and it is not so: the log stands in segment %" PRIu64,
              kaya_event_name(event->kind), event->segment, event->offset_bytes, event->detail, event->text,
              check->head);
    if (is_once(event) && check->counts[event->kind] > 0 && check->last[event->kind].status == event->status)
        BREAK(check, "%s is told of segment %" PRIu64 ", and was told in the same open of segment %" PRIu64,
              kaya_event_name(event->kind), event->segment, check->last[event->kind].segment);
    if (event->kind == KAYA_EVENT_LOG_OPENED || event->kind == KAYA_EVENT_SEGMENT_ROTATED)
        check->head = event->segment;
    if (event->kind == KAYA_EVENT_LOG_OPENED)
        check->last[KAYA_EVENT_SEGMENT_ROTATED] = (struct kaya_event){ .segment = 0 };
    check->in_use += event->kind == KAYA_EVENT_SEGMENT_ROTATED;
    check->in_use -= event->kind == KAYA_EVENT_TRIMMED ? event->detail : 0;
    check->counts[event->kind]++;
    check->last[event->kind] = *event;
    check->last[event->kind].text = "";
}

const struct kaya_event *kaya_event_check_take(struct kaya_event_check *check, enum kaya_event_kind kind)
{
    bool was_told = check->counts[kind] > 0;

    check->counts[kind] = 0;
    return was_told ? &check->last[kind] : NULL;
}

void kaya_event_check_forget(struct kaya_event_check *check)
{
    memset(check->counts, 0, sizeof check->counts);
}

static bool tells(const struct kaya_event *event, bool is_due, uint64_t segment, uint64_t offset,
                  uint64_t lsn, uint64_t detail)
{
    if (event == NULL || !is_due)
        return (event != NULL) == is_due;
    return event->segment == segment && event->offset_bytes == offset && event->lsn == lsn &&
           event->detail == detail;
}

static void check_opened(struct kaya_event_check *check, const struct kaya_wal_recovery_report *report)
{
    bool is_empty = report->verdict == KAYA_VERDICT_EMPTY;
    bool stays = is_empty || report->closed_cleanly;

    if (!tells(kaya_event_check_take(check, KAYA_EVENT_LOG_OPENED), true, check->head, 0, report->last_lsn,
               report->epoch) ||
        (stays ? check->head != report->segment : check->head <= report->segment))
        BREAK(check,
              "the log was opened up to record %" PRIu64 ", in epoch %" PRIu64 ", found in segment %" PRIu64
              "; told of it is something else, segment %" PRIu64,
              report->last_lsn, report->epoch, report->segment, check->head);
    if (!tells(kaya_event_check_take(check, KAYA_EVENT_LOG_CREATED), is_empty, 1, 0, 0, 0))
        BREAK(check, "a log that is %s is told to be new, or a new one not",
              kaya_wal_verdict_name(report->verdict));
    if (report->verdict == KAYA_VERDICT_TORN && /* else it may have been, until what was torn was gone from the cache */
        !tells(kaya_event_check_take(check, KAYA_EVENT_TORN_TAIL), true, report->segment, report->end_offset,
               report->last_lsn, 0))
        BREAK(check, "the log is torn at 0x%" PRIx64 " of segment %" PRIu64 "; something else is told",
              report->end_offset, report->segment);
    if (!tells(kaya_event_check_take(check, KAYA_EVENT_CARRIED), report->carried_records > 0, check->head, 0,
               report->last_lsn + 1 - report->carried_records, report->carried_records))
        BREAK(check, "the last %" PRIu64 " records were carried to segment %" PRIu64 "; something else is told",
              report->carried_records, check->head);
}

/* Answers that leave the disk as it was; with others, opening again goes on as if this had crashed. */
static bool is_refusal(enum kaya_status status)
{
    return status != KAYA_OK && status != KAYA_IO && status != KAYA_FULL && status != KAYA_NO_MEMORY &&
           status != KAYA_LIMIT && status != KAYA_DENIED;
}

/* What is told of something that was done to the log, or by its writer. */
static enum kaya_event_kind find_deed(const struct kaya_event_check *check)
{
    static const enum kaya_event_kind deeds[] = {
        KAYA_EVENT_LOG_CREATED,
        KAYA_EVENT_SEGMENT_PREPARED,
        KAYA_EVENT_SEGMENT_RECYCLED,
        KAYA_EVENT_SEGMENT_REMOVED,
        KAYA_EVENT_PREPARATION_FAILED,
        KAYA_EVENT_CARRIED,
        KAYA_EVENT_CUT,
    };

    for (size_t i = 0; i < sizeof deeds / sizeof deeds[0]; i++)
        if (check->counts[deeds[i]] > 0)
            return deeds[i];
    return KAYA_EVENT_KINDS;
}

/* A log that opened may have been closed again, since that was all that was asked for or something else, which stands on it, does not open. Its report
 * is there all the same. */
static void check_failed(struct kaya_event_check *check, enum kaya_status status,
                         const struct kaya_wal_recovery_report *report)
{
    bool was_opened = check->counts[KAYA_EVENT_LOG_OPENED] > 0;
    bool has_ended = check->counts[KAYA_EVENT_CLOSED] + check->counts[KAYA_EVENT_HANDLE_ENDED] > 0;
    enum kaya_event_kind deed = find_deed(check);

    if (was_opened != has_ended || (was_opened && report->verdict == KAYA_VERDICT_DAMAGED))
        BREAK(check, "the log was not opened (%s, %s); it is told that it was%s", kaya_status_name(status),
              kaya_wal_verdict_name(report->verdict), was_opened ? "" : " closed, or a writer of it ended");
    else if (was_opened)
        check_opened(check, report);
    else if (is_refusal(status) && deed != KAYA_EVENT_KINDS)
        BREAK(check, "the log was refused (%s) and left as it was; %s is told", kaya_status_name(status),
              kaya_event_name(deed));
}

/* Of a place that could not be read it is told with another status. */
static bool is_verdict(const struct kaya_event *damage)
{
    return damage != NULL && damage->status == KAYA_DAMAGED;
}

/* Whoever opened a log and then reads it may meet damage that recovery did not. */
static void check_damage(struct kaya_event_check *check, enum kaya_status status,
                         const struct kaya_wal_recovery_report *report)
{
    const struct kaya_event *damage = kaya_event_check_take(check, KAYA_EVENT_DAMAGE);
    bool is_damaged = report->verdict == KAYA_VERDICT_DAMAGED;
    bool is_readers = status == KAYA_DAMAGED && check->counts[KAYA_EVENT_LOG_OPENED] > 0;

    if (status == KAYA_DAMAGED && is_damaged &&
        !tells(damage, true, report->damage_segment, report->damage_offset, report->lost_first_lsn, 0))
        BREAK(check, "the log is damaged in segment %" PRIu64 " at 0x%" PRIx64 "; something else is told",
              report->damage_segment, report->damage_offset);
    if ((status == KAYA_OK || status == KAYA_DAMAGED) && !is_damaged && is_verdict(damage) && !is_readers)
        BREAK(check, "the log is %s; told is damage in segment %" PRIu64 " at 0x%" PRIx64,
              kaya_wal_verdict_name(report->verdict), damage->segment, damage->offset_bytes);
}

void kaya_event_check_recovered(struct kaya_event_check *check, enum kaya_status status,
                                const struct kaya_wal_recovery_report *report)
{
    if (check->disk == NULL || kaya_sim_disk_is_crashed(check->disk))
        return;
    check_damage(check, status, report);
    if (status == KAYA_OK)
        check_opened(check, report);
    else
        check_failed(check, status, report);
    check->in_use = status == KAYA_OK ? report->segment_count : 0;
    kaya_event_check_forget(check);
}

void kaya_event_check_tell(const struct kaya_event_check *check, struct kaya_violation *violation)
{
    if (kaya_violation_is_set(&check->found) && !kaya_violation_is_set(violation))
        *violation = check->found;
}
