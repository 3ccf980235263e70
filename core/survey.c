/* From a directory to a verdict, changing nothing.
 *
 *   files -> head -> end of the head (V, W) -> what must stand above it -> chain, backwards to the low-water mark -> verdict
 *
 * listing.c, head.c, above.c and chain.c do it, and pronounce damage where they see it (look.h). What is left here: the report, the caller's anchor,
 * and files of two logs in one directory. What the chain passes over is dead, in whatever subset it survives.
 *
 * Live logs (P10). A writer may append, rotate and trim while we look. So damage is pronounced only if a second look, past the cache, finds the
 * same place for the same reason at or above the low-water mark, and no look counts under which the directory changed where it matters: else it
 * starts over. */
#include "survey.h"

#include <string.h>

#include "head.h"

enum { RESTARTS_MAX = 16 }; /* of a look at a live log */

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
    report->unvouched_bytes = look->records_end > look->furthest ? look->records_end - look->furthest : 0;
    if (look->furthest == 0) {
        report->claim_segment = head->link.predecessor;
        report->claim_offset = head->link.predecessor_end;
        report->unvouched_bytes =
            look->records_end > 0 ? look->records_end - kaya_shape_first_frame(&head->header.shape) : 0;
    }
    if (survey->facts.written)
        report->discarded_bytes = look->claims.stray_end > look->end ? look->claims.stray_end - look->end : 1;
    survey->carried_only = head->link.carried_end > 0 && !survey->has_appended;
    if (what_is_implausible(look) != NULL) {
        kaya_look_pronounce(look, head->number, kaya_shape_first_frame(&head->header.shape), 0,
                            what_is_implausible(look));
        look->low_water = 1;
        report->last_lsn = 0;
        return KAYA_OK;
    }
    if (look->furthest <= look->end)
        return KAYA_OK;
    kaya_look_pronounce(look, head->number, kaya_shape_skip_header(&head->header.shape, look->end),
                        look->furthest, "durable bytes do not hold a valid frame");
    return kaya_look_name_lost_records(look, head, head->link.base_lsn, look->end, look->sequence,
                                       look->furthest, CLAIMS_AGAIN);
}

static enum kaya_status check_anchor(struct look *look)
{
    const struct kaya_wal_anchor *anchor = look->options->anchor;
    struct survey *survey = look->survey;
    struct kaya_wal_recovery_report *report = &survey->report;

    if (anchor == NULL)
        return KAYA_OK;
    if (survey->head.file == NULL) {
        kaya_look_pronounce(look, 0, 0, 0, "the anchor names a log, and none is here");
        kaya_look_name_lost(look, 1, anchor->lsn);
        return KAYA_OK;
    }
    if (memcmp(&anchor->log_id, &report->log_id, sizeof anchor->log_id) != 0)
        return KAYA_WRONG_LOG;
    if (report->last_lsn < anchor->lsn) {
        kaya_look_pronounce(look, report->segment,
                            kaya_shape_skip_header(&survey->head.header.shape, report->end_offset), 0,
                            "the log ends before its anchor");
        kaya_look_name_lost(look, report->last_lsn + 1, anchor->lsn);
    }
    return KAYA_OK;
}

static void forget(struct survey *survey, const struct context *context)
{
    kaya_segment_close(&survey->head, context);
    survey->chain_count = 0;
    survey->head_window.length = 0;
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

static void tell_mixture(struct look *look, const struct listed *file)
{
    kaya_look_pronounce(look, file->number, 0, 0, "segments of two logs stand here");
}

/* What the chain passes over is dead, but of this log. A segment of another one that was in use says that the files of two logs were mixed, and the
 * highest number tells nobody which of them is meant. Above the head, too, where its link does not count: the log would come past it. */
static enum kaya_status check_mixture(struct look *look)
{
    struct survey *survey = look->survey;
    const struct kaya_wal_log_id *ours = &survey->head.header.log_id;
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < survey->listing.file_count && status == KAYA_OK && !is_damaged(survey); i++) {
        const struct listed *file = &survey->listing.files[i];
        struct segment segment = SEGMENT_NONE;
        bool other;

        if (file->number > survey->head.number && file->is_linked &&
            memcmp(&file->log_id, ours, sizeof *ours) != 0)
            tell_mixture(look, file);
        if (file->number >= survey->head.number || file != kaya_listing_find(&survey->listing, file->number) ||
            kaya_chain_find(survey->chain, survey->chain_count, file->number, file->kind) != NULL)
            continue;
        status = names_other_log(look, file, &other);
        if (status != KAYA_OK || !other)
            continue;
        status = kaya_look_open(look, file, &segment, false);
        if (status == KAYA_OK && segment.state == SEGMENT_LINKED && /* its link may stand under the second copy */
            memcmp(&segment.header.log_id, ours, sizeof *ours) != 0)
            tell_mixture(look, file);
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
        status = kaya_look_check_copies(look, &survey->head);
    if (status == KAYA_OK)
        status = kaya_above_check(look); /* first: it may tell that the head is not the head */
    if (status == KAYA_OK)
        status = kaya_chain_walk(look);
    if (status == KAYA_OK)
        status = check_mixture(look);
    survey->report.segment_count = survey->chain_count;
    survey->report.first_lsn = look->low_water;
    return status;
}

/* There are segments, and no head among them. KAYA_IO: it may be one of which the link cannot be read. */
static enum kaya_status refuse_without_head(struct look *look)
{
    for (size_t i = 0; i < look->survey->listing.file_count; i++)
        if (look->survey->listing.files[i].is_unreadable)
            return KAYA_IO;
    kaya_look_pronounce(look, look->above.number, 0, 0, "no segment has a link that counts");
    return KAYA_OK;
}

static enum kaya_status look_once(struct survey *survey, const struct context *context,
                                  const struct survey_options *options)
{
    struct look look = { .survey = survey, .context = context, .options = options };
    enum kaya_status status;

    forget(survey, context);
    status = kaya_listing_read(&survey->listing, context);
    if (status == KAYA_NOT_FOUND)
        status = options->is_live ? KAYA_OK : KAYA_IO; /* whoever holds its lock has seen the directory */
    if (status == KAYA_OK)
        status = kaya_head_find(&look);
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

static bool header_differs(const struct segment *head, const struct context *context)
{
    uint8_t wanted[KAYA_SEGMENT_HEADER_BYTES], found[KAYA_SEGMENT_HEADER_BYTES];
    uint64_t bytes, place = head->first_copy_bad ? kaya_shape_second_header(&head->header.shape) : 0;
    struct segment_header header;
    bool is_good;

    kaya_segment_header_encode(wanted, &head->header);
    return kaya_disk_size(context->disk, head->file, &bytes) != KAYA_OK || bytes != head->file_bytes ||
           kaya_segment_read_copy(head, context, place, found, &header, &is_good) != KAYA_OK || !is_good ||
           memcmp(wanted, found, sizeof found) != 0;
}

/* A writer that recovers beside us cuts or recycles the head once its successor counts. What was read of it then may be less than there was. A
 * read may show an older header that is whole: so one that differs is read again. */
static bool head_has_changed(const struct survey *survey, const struct context *context)
{
    enum { READINGS = 3 };
    bool differs = survey->head.file != NULL;

    for (unsigned reading = 0; reading < READINGS && differs; reading++)
        differs = header_differs(&survey->head, context);
    return differs;
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

    kaya_scan_init(&scan, context, segment, memory, UINT64_MAX);
    scan.reads_rest = true;
    while (status == KAYA_OK && found)
        status = kaya_scan_next(&scan, &entry, &found);
    if (status == KAYA_OK)
        status = kaya_scan_claims_behind(&scan, &claims);
    if (status == KAYA_OK)
        *furthest = claims.furthest > scan.watermark ? claims.furthest : scan.watermark;
    return status;
}

/* Has a recovery's successor come to count since? Then the head that we found is an old one, and may have been cut before we read it. Its
 * number; 0: none. */
static uint64_t find_successor(const struct survey *survey, const struct context *context,
                               const struct listing *now)
{
    struct scan_memory memory = SCAN_MEMORY_NONE;
    uint64_t number = 0;

    for (size_t i = 0; i < now->file_count && number == 0; i++) {
        const struct listed *file = &now->files[i];
        struct segment segment = SEGMENT_NONE;
        uint64_t furthest;
        char name[SEGMENT_NAME_BYTES];

        if (file->number <= survey->head.number || file->kind == SEGMENT_NAME_NEW)
            continue;
        kaya_segment_name(name, file->number, file->kind);
        if (kaya_segment_open(&segment, context, name, file->number, KAYA_OPEN_READ, true) == KAYA_OK &&
            segment.state == SEGMENT_LINKED && segment.link.carried_end > 0 &&
            (find_furthest(&segment, context, &memory, &furthest) != KAYA_OK ||
             furthest >= segment.link.carried_end))
            number = file->number;
        kaya_segment_close(&segment, context);
    }
    kaya_scan_memory_release(&memory, context);
    return number;
}

/* What a look found. Who looks again at what is the same, and finds the same, has not looked at a log that was about to change. */
struct finding {
    struct kaya_wal_recovery_report report;
    uint64_t head;
    uint64_t successor; /* that seems to count, and was passed over */
};

static bool is_same_damage(const struct kaya_wal_recovery_report *one, const struct kaya_wal_recovery_report *other)
{
    return one->verdict == other->verdict && one->damage_segment == other->damage_segment &&
           one->damage_offset == other->damage_offset && one->damage_reason == other->damage_reason;
}

/* The same damage. And a successor that stood there before the second look, which found the same head once more, does not count. */
static bool is_same_finding(const struct finding *one, const struct finding *other)
{
    return is_same_damage(&one->report, &other->report) && one->successor == other->successor &&
           (one->successor == 0 || one->head == other->head);
}

/* Nothing above a head goes before the log has gone past it. What was listed above the one that we found, and has gone since, was the head when we
 * looked for it, and what stands below it a leftover, which has links that counted once. */
static bool has_gone_past(const struct survey *survey, const struct listing *now)
{
    bool has_gone = false, has_listed = false;

    for (size_t i = 0; i < survey->listing.file_count; i++) {
        const struct listed *file = &survey->listing.files[i];

        if (file->kind == SEGMENT_NAME_NEW || file->number <= survey->head.number)
            continue;
        has_listed = true;
        has_gone = has_gone || kaya_listing_find(now, file->number) == NULL;
    }
    return has_gone ||
           (has_listed && survey->head.file == NULL && !is_damaged(survey)); /* each of them was missed */
}

/* Is the segment that is called damaged, or missed, named as it was when the look began? Else a trim or a renaming was at work, and each look may have met
 * another one: the first no name, because it was changed just then, the second none any more. What a trim took before the look began, the mark says that
 * was read since. */
static bool has_been_moved(const struct survey *survey, const struct listing *now)
{
    const struct listed *before = kaya_listing_find(&survey->listing, survey->report.damage_segment);
    const struct listed *after = kaya_listing_find(now, survey->report.damage_segment);

    return before == NULL || after == NULL ? before != after : before->kind != after->kind;
}

/* Is what a look has found there for good? Otherwise the log was about to change, or the directory cannot be read. */
static bool stands(const struct survey *survey, const struct context *context, struct finding *found)
{
    struct listing now = LISTING_NONE;
    bool is_good = !head_has_changed(survey, context);
    enum kaya_status listed = is_good ? kaya_listing_read(&now, context) : KAYA_BUSY;

    *found = (struct finding){ .report = survey->report, .head = survey->head.number };
    is_good = (listed == KAYA_OK || listed == KAYA_NOT_FOUND) && !has_gone_past(survey, &now) &&
              !(is_damaged(survey) && has_been_moved(survey, &now));
    if (is_good)
        found->successor = find_successor(survey, context, &now);
    kaya_listing_release(&now, context);
    return is_good;
}

static enum kaya_status look_at_live(struct survey *survey, const struct context *context,
                                     const struct survey_options *options)
{
    struct finding before = { .successor = 0 }; /* neither damage nor a successor: nothing that is found again */
    struct finding found;
    struct survey_options asked = *options;
    enum kaya_status status;

    for (unsigned restart = 0; restart < RESTARTS_MAX; restart++) {
        status = look_once(survey, context, &asked);
        if (status != KAYA_OK && status != KAYA_IO)
            return status;
        asked.past_cache = survey->has_vanished && !asked.past_cache;
        if (asked.past_cache) /* the cache has shown what a failed sync forgot */
            continue;
        if (status == KAYA_OK && stands(survey, context, &found)) {
            if ((found.successor == 0 && !is_damaged(survey)) || is_same_finding(&before, &found))
                return KAYA_OK;
            before = found;
        }
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
    kaya_listing_release(&survey->listing, context);
    kaya_release(context->allocator, survey->chain, survey->chain_capacity * sizeof *survey->chain);
    kaya_scan_memory_release(&survey->memory, context);
    kaya_buffer_release(context->allocator, &survey->head_window.buffer);
    survey->chain = NULL;
    survey->chain_count = survey->chain_capacity = 0;
}
