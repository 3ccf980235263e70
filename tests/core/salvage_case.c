#include "salvage_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kaya/salvage.h"

/* --- what is owed --- */

static uint64_t entry_end(const struct log_fixture *log, uint64_t lsn)
{
    while (log->records[lsn - 1].in_batch && !log->records[lsn - 1].ends_batch)
        lsn++;
    return lsn;
}

/* Owed: records whose frames all stand, in a segment whose link does. */
static void find_owed(const struct damage_case *damage, bool owed[LOG_RECORDS_MAX + 1])
{
    bool linked = false;

    memset(owed, 0, sizeof(bool) * (LOG_RECORDS_MAX + 1));
    for (size_t i = 0; i < damage->live_count; i++) {
        const struct live_frame *frame = &damage->live[i];
        bool stands = damage_case_stands(damage, frame);

        if (frame->is_link)
            linked = stands;
        if (frame->type < 1 || frame->type > 4)
            continue;
        for (uint64_t lsn = frame->lsn; lsn <= entry_end(damage->log, frame->lsn); lsn++)
            owed[lsn] = stands && linked && (frame->offset == frame->record_offset || owed[lsn]);
    }
    for (uint64_t lsn = 0; lsn < damage->log->first_lsn; lsn++)
        owed[lsn] = false;
}

/* Is the low-water mark sure to be found? */
static bool marks_stand(const struct damage_case *damage)
{
    for (size_t i = 0; i < damage->live_count; i++)
        if ((damage->live[i].is_link || damage->live[i].type == 9) &&
            !damage_case_stands(damage, &damage->live[i]))
            return false;
    return true;
}

/* --- what came --- */

static bool is_true(struct damage_case *damage, const struct kaya_wal_salvaged *salvaged, char *trouble)
{
    static uint8_t expected[1 << 20];
    const struct kaya_wal_record *record = &salvaged->record;
    const struct log_fixture *log = damage->log;
    const struct log_record *truth;

    if (record->lsn == 0 || record->lsn > log->last_lsn)
        return damage_case_fail(trouble, "record %" PRIu64 " was never appended", record->lsn);
    if (record->lsn < log->first_lsn && marks_stand(damage))
        return damage_case_fail(trouble, "record %" PRIu64 " was trimmed", record->lsn);
    truth = &log->records[record->lsn - 1];
    if (record->length != truth->length || record->type != truth->type)
        return damage_case_fail(trouble, "record %" PRIu64 " has another length or type", record->lsn);
    log_fill(truth, expected);
    if (truth->length > 0 && memcmp(expected, record->bytes, truth->length) != 0)
        return damage_case_fail(trouble, "record %" PRIu64 " has other bytes", record->lsn);
    if (record->in_batch != truth->in_batch || (!salvaged->incomplete && record->ends_batch != truth->ends_batch))
        return damage_case_fail(trouble, "record %" PRIu64 ": batch marks differ", record->lsn);
    if (salvaged->incomplete && (!truth->in_batch || record->ends_batch))
        return damage_case_fail(trouble, "record %" PRIu64 " is said to be of a broken batch", record->lsn);
    if (record->durable && record->lsn > log->durable_lsn)
        return damage_case_fail(trouble, "record %" PRIu64 " is said to be durable", record->lsn);
    return true;
}

struct progress {
    uint64_t next_lsn; /* 0: nothing came yet */
    bool in_gap;       /* the last thing that came lost records ... */
    uint64_t gap_end;  /* ... up to here */
};

static bool is_hit(struct damage_case *damage, uint64_t segment, uint64_t offset)
{
    const struct image_file *is = image_disk_segment(&damage->log->image, segment);
    const struct image_file *was = image_disk_segment(&damage->pristine, segment);

    if (is == NULL || was == NULL || is->size != was->size)
        return true;
    return offset < is->size && memcmp(is->bytes + offset, was->bytes + offset, is->size - (size_t)offset) != 0;
}

/* Is anything wrong in this segment, at this place or behind it? At its end: or in one that should go on from there. */
static bool is_damage(struct damage_case *damage, uint64_t segment, uint64_t offset)
{
    const struct live_frame *last = NULL;
    bool above = false;

    for (size_t i = 0; i < damage->live_count; i++) {
        if (damage->live[i].segment == segment)
            last = &damage->live[i];
        above |= damage->live[i].segment > segment && is_hit(damage, damage->live[i].segment, 0);
    }
    return is_hit(damage, segment, offset) || (last != NULL && offset >= last->end && above);
}

static bool gap_is_right(struct damage_case *damage, struct progress *progress,
                         const struct kaya_wal_salvaged *gap, struct salvage_look *look, char *trouble)
{
    if (gap->reason == NULL || gap->reason[0] == '\0' || gap->place_count == 0)
        return damage_case_fail(trouble, "a gap without a reason");
    if (!is_damage(damage, gap->segment, gap->offset_bytes))
        return damage_case_fail(trouble, "a gap at %" PRIu64 " of segment %" PRIu64 ", where all stands",
                                gap->offset_bytes, gap->segment);
    if (progress->in_gap)
        return damage_case_fail(trouble, "two gaps in a row that lost records");
    if (look->gap_count++ == 0) {
        look->damage_segment = gap->segment;
        look->damage_offset = gap->offset_bytes;
        (void)snprintf(look->reason, sizeof look->reason, "%s", gap->reason);
    }
    if (gap->first_lsn == 0)
        return gap->last_lsn == 0 || damage_case_fail(trouble, "a gap without a first record has a last one");
    if (progress->next_lsn != 0 && gap->first_lsn != progress->next_lsn)
        return damage_case_fail(trouble, "a gap from %" PRIu64 " behind record %" PRIu64, gap->first_lsn,
                                progress->next_lsn - 1);
    if (gap->last_lsn != 0 && gap->last_lsn < gap->first_lsn)
        return damage_case_fail(trouble, "a gap %" PRIu64 "..%" PRIu64, gap->first_lsn, gap->last_lsn);
    look->lost_first_lsn = look->lost_first_lsn == 0 ? gap->first_lsn : look->lost_first_lsn;
    look->lost_last_lsn = gap->last_lsn;
    progress->in_gap = true;
    progress->gap_end = gap->last_lsn;
    progress->next_lsn = gap->last_lsn + 1;
    return true;
}

static bool record_is_right(struct damage_case *damage, struct progress *progress,
                            const struct kaya_wal_salvaged *salvaged, struct salvage_look *look, char *trouble)
{
    uint64_t lsn = salvaged->record.lsn;

    if (!is_true(damage, salvaged, trouble))
        return false;
    if (progress->in_gap && progress->gap_end == 0)
        return damage_case_fail(trouble, "record %" PRIu64 " behind a gap that ends the log", lsn);
    if (progress->next_lsn != 0 && lsn != progress->next_lsn)
        return damage_case_fail(trouble, "record %" PRIu64 " where %" PRIu64 " was due, and no gap", lsn,
                                progress->next_lsn);
    if (progress->next_lsn == 0 && lsn > damage->log->first_lsn && marks_stand(damage))
        return damage_case_fail(trouble, "begins at %" PRIu64 ", and no gap", lsn);
    progress->next_lsn = lsn + 1;
    progress->in_gap = false;
    look->record_count++;
    look->incomplete_count += salvaged->incomplete;
    look->mended_count += salvaged->record.mended;
    look->came[lsn] = true;
    return true;
}

/* Where recovery does not refuse, salvage ends where recovery does. */
static uint64_t end_lsn(const struct log_fixture *log, const struct kaya_wal_recovery_report *report)
{
    return report->verdict == KAYA_VERDICT_DAMAGED ? log->last_lsn : report->last_lsn;
}

static bool all_came(const struct damage_case *damage, struct salvage_look *look, uint64_t last_lsn, char *trouble)
{
    static bool owed[LOG_RECORDS_MAX + 1];

    find_owed(damage, owed);
    for (uint64_t lsn = 1; lsn <= last_lsn; lsn++) {
        look->owed_count += owed[lsn];
        if (owed[lsn] && !look->came[lsn])
            return damage_case_fail(trouble, "record %" PRIu64 " stands whole and did not come", lsn);
    }
    return true;
}

static bool run(struct damage_case *damage, struct salvage_look *look,
                struct kaya_wal_recovery_report *report, char *trouble)
{
    struct progress progress = { 0 };
    struct kaya_wal_salvaged salvaged;
    struct kaya_wal_salvage *salvage = NULL;
    enum kaya_status status;
    bool good = true;

    status = kaya_wal_salvage_open(&damage->log->environment, NULL, &salvage, report);
    if (status == KAYA_NOT_FOUND)
        return true;
    if (status != KAYA_OK)
        return damage_case_fail(trouble, "salvage does not begin: %s", kaya_status_name(status));
    while (good && (status = kaya_wal_salvage_next(salvage, &salvaged)) == KAYA_OK) {
        if (salvaged.kind == KAYA_SALVAGED_GAP)
            good = gap_is_right(damage, &progress, &salvaged, look, trouble);
        else
            good = record_is_right(damage, &progress, &salvaged, look, trouble);
    }
    kaya_wal_salvage_close(salvage);
    return good &&
           (status == KAYA_END || damage_case_fail(trouble, "salvage ends with %s", kaya_status_name(status)));
}

bool salvage_case_try(struct damage_case *damage, struct salvage_look *look, char trouble[LOG_TEXT_BYTES])
{
    struct log_fixture *log = damage->log;
    uint64_t change_count = log->image.change_count;
    uint64_t lock_count = log->image.counts[IMAGE_LOCK];
    struct kaya_wal_recovery_report report = { .verdict = KAYA_VERDICT_EMPTY };

    *look = (struct salvage_look){ .record_count = 0 };
    trouble[0] = '\0';
    if (!run(damage, look, &report, trouble) || !all_came(damage, look, end_lsn(log, &report), trouble))
        return false;
    if (log->image.change_count != change_count || log->image.counts[IMAGE_LOCK] != lock_count)
        return damage_case_fail(trouble, "salvage wrote or locked");
    if (log->writer == NULL && kaya_sim_memory_in_use(log->memory) != 0)
        return damage_case_fail(trouble, "memory leaked");
    return true;
}
