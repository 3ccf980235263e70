#include "damage_case.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect.h"
#include "salvage_case.h"

static struct dissection scratch;

/* What stands. */

static void add_frames(struct damage_case *damage, const struct dissection *segment, size_t file, uint64_t limit)
{
    const struct image_file *from = &damage->log->image.files[file];
    uint64_t record_offset = 0;

    for (size_t i = 0; i < segment->frame_count && segment->frames[i].offset < limit; i++) {
        const struct dissected_frame *frame = &segment->frames[i];

        if (frame->type != DISSECT_MIDDLE && frame->type != DISSECT_LAST)
            record_offset = frame->offset;
        damage->live[damage->live_count++] = (struct live_frame){ .file = file,
                                                                  .segment = segment->number,
                                                                  .offset = frame->offset,
                                                                  .end = frame->end,
                                                                  .record_offset = record_offset,
                                                                  .lsn = segment->base_lsn + frame->sequence,
                                                                  .type = frame->type,
                                                                  .operation = from->writers[frame->offset],
                                                                  .is_link = i == 0 };
    }
}

/* The segment `number` of the pristine image into scratch; its file's index. */
static size_t look_at(struct damage_case *damage, uint64_t number)
{
    struct image_file *file = image_disk_segment(&damage->pristine, number);

    if (file == NULL)
        abort();
    dissect(&scratch, file->bytes, file->size);
    return (size_t)(file - damage->pristine.files);
}

static uint64_t find_head(struct damage_case *damage)
{
    uint64_t head = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        const struct image_file *file = &damage->pristine.files[i];

        if (strstr(file->name, ".wal") == NULL)
            continue;
        dissect(&scratch, file->bytes, file->size);
        if (scratch.linked && scratch.number > head)
            head = scratch.number;
    }
    return head;
}

static void collect(struct damage_case *damage)
{
    uint64_t chain[IMAGE_FILES_MAX];
    uint64_t limits[IMAGE_FILES_MAX];
    size_t count = 0;
    uint64_t limit = UINT64_MAX;

    damage->head = find_head(damage);
    for (uint64_t number = damage->head; number != 0;) {
        (void)look_at(damage, number);
        chain[count] = number;
        limits[count++] = limit;
        limit = scratch.predecessor_end;
        number = scratch.base_lsn <= damage->log->first_lsn ? 0 : scratch.predecessor;
    }
    while (count-- > 0) {
        size_t file = look_at(damage, chain[count]);

        add_frames(damage, &scratch, file, limits[count]);
    }
}

struct damage_case *damage_case_create(const char *name, struct log_fixture *log)
{
    struct damage_case *damage = calloc(1, sizeof *damage);

    if (damage == NULL)
        abort();
    log_kill(log);
    damage->name = name;
    damage->log = log;
    image_disk_init(&damage->pristine, &log->image.disk.geometry);
    image_disk_copy(&damage->pristine, &log->image);
    collect(damage);
    return damage;
}

struct damage_case *tell(const struct story *story)
{
    struct kaya_wal_config config = { .segment_bytes = story->segment_bytes, .block_bytes = story->block_bytes };
    struct log_fixture *log = log_fixture_create(story->geometry, &config);

    log->image.keep_versions = true;
    story->play(log);
    return damage_case_create(story->name, log);
}

void damage_case_destroy(struct damage_case *damage)
{
    image_disk_destroy(&damage->pristine);
    log_fixture_destroy(damage->log);
    free(damage);
}

void damage_case_restore(struct damage_case *damage)
{
    struct log_fixture *log = damage->log;

    log->writer = NULL;
    kaya_sim_memory_reset(log->memory);
    kaya_sim_runtime_reset(log->runtime, 11);
    image_disk_kill(&log->image);
    image_disk_copy(&log->image, &damage->pristine);
    log_forget_events(log);
}

const struct live_frame *damage_case_frame_at(const struct damage_case *damage, size_t file, uint64_t offset)
{
    for (size_t i = 0; i < damage->live_count; i++) {
        const struct live_frame *frame = &damage->live[i];

        if (frame->file == file && offset >= frame->offset && offset < frame->end)
            return frame;
    }
    return NULL;
}

/* What follows. */

static bool has_header(const struct image_file *file)
{
    return dissect_header(&scratch, file->bytes, file->size);
}

bool damage_case_stands(const struct damage_case *damage, const struct live_frame *frame)
{
    const struct image_file *was = &damage->pristine.files[frame->file];
    const struct image_file *is = image_disk_find(&damage->log->image, was->name);

    if (is == NULL || is->size < frame->end)
        return false;
    if (memcmp(is->bytes + frame->offset, was->bytes + frame->offset, (size_t)(frame->end - frame->offset)) != 0)
        return false;
    return !frame->is_link || has_header(is);
}

const struct live_frame *damage_case_first_hit(const struct damage_case *damage)
{
    for (size_t i = 0; i < damage->live_count; i++)
        if (!damage_case_stands(damage, &damage->live[i]))
            return &damage->live[i];
    return NULL;
}

/* A recovery's segment counts once a watermark says that the copies in it are durable. Was that one hit? Then the recovery's own frames claim
 * nothing, its copies need not come, and only what was appended behind them can still vouch for both. */
static bool has_lost_its_watermark(const struct damage_case *damage, const struct live_frame *link)
{
    const struct live_frame *end = damage->live + damage->live_count;

    if (!link->is_link || !damage->log->is_recovery[link->operation])
        return false;
    for (const struct live_frame *frame = link + 1; frame < end && frame->segment == link->segment; frame++)
        if (frame->type == DISSECT_WATERMARK && frame->operation == link->operation &&
            !damage_case_stands(damage, frame))
            return true;
    return false;
}

/* The last record that must come because nothing in front of it is hit. */
static uint64_t reached_lsn(const struct damage_case *damage, const struct live_frame *hit)
{
    uint64_t reached = hit != NULL ? hit->lsn - 1 : damage->log->last_lsn;

    for (size_t i = 0; i < damage->live_count; i++)
        if (has_lost_its_watermark(damage, &damage->live[i]) && damage->live[i].lsn - 1 < reached)
            reached = damage->live[i].lsn - 1;
    return reached;
}

uint64_t damage_case_claimed_lsn(const struct damage_case *damage)
{
    uint64_t claimed = 0;
    uint16_t unclaimed = 0; /* the recovery whose watermark is hit */
    bool linked = false;

    for (size_t i = 0; i < damage->live_count; i++) {
        const struct live_frame *frame = &damage->live[i];
        bool whole = damage_case_stands(damage, frame);

        if (frame->is_link) {
            linked = whole;
            unclaimed = has_lost_its_watermark(damage, frame) ? frame->operation : 0;
        }
        if (linked && whole && frame->operation != unclaimed &&
            damage->log->durable_before[frame->operation] > claimed)
            claimed = damage->log->durable_before[frame->operation];
    }
    return claimed;
}

/* A trial. */

bool damage_case_fail(char trouble[LOG_TEXT_BYTES], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(trouble, LOG_TEXT_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

struct expectation {
    const struct live_frame *hit; /* NULL: nothing that counts */
    const struct damage_flip *flip;
    uint64_t claimed_lsn;
    uint64_t whole_lsn;   /* the last record of the undamaged log */
    uint64_t reached_lsn; /* the last record before the hit */
    uint64_t lost_lsn;    /* the first record lost; 0: none is known to be */
    uint64_t file_bytes;  /* of the segment that is hit */
    bool header_stands;   /* it has a good copy of its header */
    bool trim_lost;       /* a TRIM frame is hit */
    uint64_t first_segment;
    bool is_mixed;
};

/* Between the start of the record that is hit and the bytes that are: or, where the file is short of it, where it ends; or,
 * where both headers are gone, anywhere before the first frame. */
static bool place_is_right(const struct expectation *expected, uint64_t offset)
{
    const struct live_frame *hit = expected->hit;

    if (hit->is_link && !expected->header_stands)
        return offset <= hit->offset;
    if (expected->file_bytes < hit->end && offset == expected->file_bytes)
        return true;
    return offset == hit->record_offset || offset == hit->offset;
}

static bool report_is_exact(const struct expectation *expected, const struct kaya_wal_recovery_report *report,
                            char *trouble)
{
    const struct live_frame *hit = expected->hit;
    uint64_t lost = expected->lost_lsn;

    if (report->verdict != KAYA_VERDICT_DAMAGED)
        return damage_case_fail(trouble, "refused with the verdict %s", kaya_wal_verdict_name(report->verdict));
    if (report->damage_reason == NULL || report->damage_reason[0] == '\0')
        return damage_case_fail(trouble, "no reason is given");
    if (expected->is_mixed)
        return true;
    if (report->damage_segment < expected->first_segment && expected->trim_lost)
        return true; /* what let that segment go is lost as well */
    if (report->damage_segment != hit->segment)
        return damage_case_fail(trouble, "damage in segment %" PRIu64 ", not %" PRIu64,
                                report->damage_segment, hit->segment);
    if (!place_is_right(expected, report->damage_offset))
        return damage_case_fail(trouble, "damage at 0x%" PRIx64 ", not 0x%" PRIx64 " (record at 0x%" PRIx64 ")",
                                report->damage_offset, hit->offset, hit->record_offset);
    if (hit->is_link ? report->lost_first_lsn > lost || report->lost_first_lsn == 0
                     : report->lost_first_lsn != lost)
        return damage_case_fail(trouble, "lost from %" PRIu64 ", not %" PRIu64, report->lost_first_lsn, lost);
    if (lost != 0 && (report->lost_last_lsn < lost || report->lost_last_lsn > expected->whole_lsn))
        return damage_case_fail(trouble, "lost up to %" PRIu64, report->lost_last_lsn);
    return true;
}

static bool end_is_allowed(const struct expectation *expected, uint64_t last_lsn, char *trouble)
{
    if (last_lsn > expected->whole_lsn)
        return damage_case_fail(trouble, "record %" PRIu64 " was never appended", last_lsn);
    if ((expected->hit == NULL || expected->flip != NULL) && last_lsn != expected->whole_lsn)
        return damage_case_fail(trouble, "ends at %" PRIu64 ", not %" PRIu64, last_lsn, expected->whole_lsn);
    if (last_lsn < expected->claimed_lsn)
        return damage_case_fail(trouble, "SILENT LOSS: ends at %" PRIu64 ", claimed is %" PRIu64, last_lsn,
                                expected->claimed_lsn);
    if (last_lsn < expected->reached_lsn)
        return damage_case_fail(trouble, "ends at %" PRIu64 ", the first hit is behind %" PRIu64, last_lsn,
                                expected->reached_lsn);
    return true;
}

static bool refusal_is_allowed(const struct expectation *expected, char *trouble)
{
    if (expected->hit == NULL)
        return damage_case_fail(trouble, "refused, though nothing that counts is hit");
    if (expected->flip != NULL)
        return damage_case_fail(trouble, "refused, though one bit is flipped");
    return true;
}

static bool mended_is_told(struct log_fixture *log, const struct damage_flip *flip, const char *who, char *trouble)
{
    const struct log_event *event = log_event(log, KAYA_EVENT_MENDED, 0);

    if (event == NULL)
        return damage_case_fail(trouble, "%s mended and did not say so", who);
    if (event->segment != flip->frame->segment || event->offset_bytes != flip->frame->offset ||
        event->detail != flip->bit)
        return damage_case_fail(trouble, "%s says mended: segment %" PRIu64 " 0x%" PRIx64 " bit %" PRIu64,
                                who, event->segment, event->offset_bytes, event->detail);
    return true;
}

static bool look_is_right(struct log_fixture *log, const struct expectation *expected, const char *who,
                          struct log_look *look, char *trouble)
{
    log_forget_events(log);
    log_look(log, NULL, look);
    if (look->status == KAYA_DAMAGED)
        return refusal_is_allowed(expected, trouble) && report_is_exact(expected, &look->report, trouble);
    if (look->status != KAYA_OK)
        return damage_case_fail(trouble, "%s: %s", who, kaya_status_name(look->status));
    if (look->trouble[0] != '\0')
        return damage_case_fail(trouble, "%s: %s", who, look->trouble);
    if (look->first_lsn != log->first_lsn)
        return damage_case_fail(trouble, "%s begins at %" PRIu64, who, look->first_lsn);
    if (look->report.last_lsn != look->last_lsn)
        return damage_case_fail(trouble, "%s reported the end %" PRIu64 " and read to %" PRIu64, who,
                                look->report.last_lsn, look->last_lsn);
    return end_is_allowed(expected, look->last_lsn, trouble);
}

static bool verify_agrees(struct log_fixture *log, const struct log_look *look, char *trouble)
{
    struct kaya_wal_inspection inspection;
    enum kaya_status status = kaya_wal_verify(&log->environment, NULL, &inspection);

    if (status != KAYA_OK)
        return damage_case_fail(trouble, "verify: %s", kaya_status_name(status));
    if ((inspection.report.verdict == KAYA_VERDICT_DAMAGED) != (look->status == KAYA_DAMAGED))
        return damage_case_fail(trouble, "verify says %s, the reader %s",
                                kaya_wal_verdict_name(inspection.report.verdict),
                                kaya_status_name(look->status));
    if (look->status == KAYA_OK && inspection.report.last_lsn != look->last_lsn)
        return damage_case_fail(trouble, "verify ends at %" PRIu64 ", the reader at %" PRIu64,
                                inspection.report.last_lsn, look->last_lsn);
    return true;
}

/* Open, refused: nothing changed, the report is the reader's, and salvage has all that stands. */
static bool refusal_changes_nothing(struct damage_case *damage, const struct expectation *expected,
                                    const struct image_disk *before, enum kaya_status status, char *trouble)
{
    static struct salvage_look look;
    char difference[LOG_TEXT_BYTES];

    if (status != KAYA_DAMAGED)
        return damage_case_fail(trouble, "the reader refused, the writer: %s", kaya_status_name(status));
    if (!report_is_exact(expected, &damage->log->report, trouble))
        return false;
    if (!image_disk_same(before, &damage->log->image, difference, sizeof difference))
        return damage_case_fail(trouble, "refused, and changed %.200s", difference);
    if (kaya_sim_memory_in_use(damage->log->memory) != 0)
        return damage_case_fail(trouble, "memory leaked");
    return damage->is_brief || salvage_case_try(damage, &look, trouble);
}

/* Opened: the records are those the reader showed, and stay; the log takes more. */
static bool recovery_is_right(struct damage_case *damage, const struct expectation *expected,
                              uint64_t last_lsn, char *trouble)
{
    struct log_fixture *log = damage->log;
    struct expectation after = { .claimed_lsn = last_lsn, .whole_lsn = last_lsn, .flip = expected->flip };
    struct log_look look;

    if (log->report.last_lsn != last_lsn)
        return damage_case_fail(trouble, "the reader ends at %" PRIu64 ", recovery at %" PRIu64, last_lsn,
                                log->report.last_lsn);
    if (damage->is_brief)
        return true;
    if (!look_is_right(log, &after, "the reader beside the writer", &look, trouble))
        return false;
    if (log_append(log, 33, KAYA_STRICT) != KAYA_OK)
        return damage_case_fail(trouble, "recovered, and takes no record");
    after.claimed_lsn = after.whole_lsn = last_lsn + 1;
    if (log_close(log) != KAYA_OK)
        return damage_case_fail(trouble, "recovered, and does not close");
    if (kaya_sim_memory_in_use(log->memory) != 0)
        return damage_case_fail(trouble, "memory leaked");
    return look_is_right(log, &after, "the reader after the writer", &look, trouble);
}

/* Nothing below a claim changed: the frames that were claimed stand as they stood before recovery, unless they hold what
 * was carried. */
static bool claimed_bytes_stand(struct damage_case *damage, const struct expectation *expected,
                                const struct image_disk *before, char *trouble)
{
    for (size_t i = 0; i < damage->live_count; i++) {
        const struct live_frame *frame = &damage->live[i];
        const struct image_file *was = &before->files[frame->file];
        const struct image_file *is = image_disk_find(&damage->log->image, was->name);

        if (frame->lsn > expected->claimed_lsn ||
            frame->lsn > damage->log->report.last_lsn - damage->log->report.carried_records || is == NULL)
            continue;
        if (is->size < frame->end || memcmp(is->bytes + frame->offset, was->bytes + frame->offset,
                                            (size_t)(frame->end - frame->offset)) != 0)
            return damage_case_fail(trouble, "recovery changed the claimed frame at 0x%" PRIx64 " of %" PRIu64,
                                    frame->offset, frame->segment);
    }
    return true;
}

static bool try_on(struct damage_case *damage, const struct expectation *expected, struct image_disk *before,
                   char *trouble)
{
    struct log_fixture *log = damage->log;
    struct log_look look;
    enum kaya_status status;

    if (!look_is_right(log, expected, "the reader", &look, trouble))
        return false;
    if (expected->flip != NULL && !mended_is_told(log, expected->flip, "the reader", trouble))
        return false;
    if (!damage->is_brief && !verify_agrees(log, &look, trouble))
        return false;
    if (!image_disk_same(before, &log->image, trouble, LOG_TEXT_BYTES))
        return false; /* a reader wrote */
    log_forget_events(log);
    status = log_open(log);
    if (look.status == KAYA_DAMAGED)
        return refusal_changes_nothing(damage, expected, before, status, trouble);
    if (status != KAYA_OK)
        return damage_case_fail(trouble, "open: %s", kaya_status_name(status));
    if (expected->flip != NULL && !mended_is_told(log, expected->flip, "recovery", trouble))
        return false;
    return claimed_bytes_stand(damage, expected, before, trouble) &&
           recovery_is_right(damage, expected, look.last_lsn, trouble);
}

/* The first record that stands behind the hit and below the end of its segment. */
static uint64_t first_lost(const struct damage_case *damage, const struct live_frame *hit)
{
    for (size_t i = 0; i < damage->live_count; i++) {
        const struct live_frame *frame = &damage->live[i];
        bool is_record = frame->type >= DISSECT_FULL && frame->type <= DISSECT_LAST;

        if (frame->segment == hit->segment && frame->offset >= hit->record_offset && is_record)
            return frame->lsn;
    }
    return 0;
}

static void note_file(struct damage_case *damage, struct expectation *expected)
{
    const struct image_file *file;

    expected->first_segment = damage->live[0].segment;
    for (size_t i = 0; i < damage->live_count; i++)
        if (damage->live[i].type == DISSECT_TRIM && !damage_case_stands(damage, &damage->live[i]))
            expected->trim_lost = true;
    if (expected->hit == NULL)
        return;
    file = image_disk_find(&damage->log->image, damage->pristine.files[expected->hit->file].name);
    if (file == NULL)
        return;
    expected->file_bytes = file->size;
    expected->header_stands = has_header(file);
}

bool damage_case_try(struct damage_case *damage, const struct damage_flip *flip, char trouble[LOG_TEXT_BYTES])
{
    static struct image_disk before;
    struct log_fixture *log = damage->log;
    uint64_t first_lsn = log->first_lsn;
    uint64_t last_lsn = log->last_lsn;
    uint64_t durable_lsn = log->durable_lsn;
    uint16_t operation = log->operation;
    static struct log_record records[LOG_RECORDS_MAX];
    struct expectation expected = { .flip = flip, .whole_lsn = last_lsn, .is_mixed = damage->is_mixed };
    bool good;

    expected.hit = flip != NULL ? flip->frame : damage_case_first_hit(damage);
    expected.claimed_lsn = damage_case_claimed_lsn(damage);
    expected.reached_lsn = reached_lsn(damage, expected.hit);
    if (expected.hit != NULL)
        expected.lost_lsn = first_lost(damage, expected.hit);
    note_file(damage, &expected);
    trouble[0] = '\0';
    memcpy(records, log->records, (size_t)last_lsn * sizeof *records);
    image_disk_init(&before, &log->image.disk.geometry);
    image_disk_copy(&before, &log->image);
    good = try_on(damage, &expected, &before, trouble);
    image_disk_destroy(&before);
    memcpy(log->records, records, (size_t)last_lsn * sizeof *records);
    log->first_lsn = first_lsn;
    log->last_lsn = last_lsn;
    log->durable_lsn = durable_lsn;
    log->operation = operation;
    damage_case_restore(damage);
    return good;
}
