/* What the parts of a look share: damage and losses on record, files opened. */
#include "look.h"

void kaya_look_pronounce(struct look *look, uint64_t segment, uint64_t offset, uint64_t end, const char *reason)
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

void kaya_look_name_lost(struct look *look, uint64_t first, uint64_t last)
{
    struct kaya_wal_recovery_report *report = &look->survey->report;

    if (report->lost_first_lsn == 0 && last >= first) {
        report->lost_first_lsn = first;
        report->lost_last_lsn = last;
    }
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

enum kaya_status kaya_look_name_lost_records(struct look *look, const struct segment *segment,
                                             uint64_t base_lsn, uint64_t from, uint32_t sequence,
                                             uint64_t end, enum claims_reading reading)
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
        kaya_look_name_lost(look, base_lsn + sequence, base_lsn + lost.count - 1);
    return KAYA_OK;
}

enum kaya_status kaya_look_open(struct look *look, const struct listed *file, struct segment *segment, bool any)
{
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, file->number, file->kind);
    if (any)
        status = kaya_segment_open_any(segment, look->context, name, file->number, KAYA_OPEN_READ);
    else
        status = kaya_segment_open(segment, look->context, name, file->number, KAYA_OPEN_READ, true);
    if (status == KAYA_INVALID) /* it was a file when it was listed */
        status = KAYA_NOT_FOUND;
    if (status == KAYA_NOT_FOUND && !look->options->is_live)
        status = KAYA_IO;
    if (status == KAYA_OK && segment->first_copy_bad && segment->state >= SEGMENT_LINKLESS)
        kaya_notify(look->context,
                    &(struct kaya_event){ .kind = KAYA_EVENT_HEADER_COPY_BAD, .segment = file->number });
    return status;
}

enum kaya_status kaya_look_check_copies(struct look *look, const struct segment *segment)
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
