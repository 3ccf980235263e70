/* Readers of the writer's own process: what they find without looking at the disk, and what they keep from being trimmed. */
#include "pins.h"

#include "bytes.h"
#include "line.h"

enum kaya_status kaya_writer_pin(struct kaya_wal_writer *writer, struct pin *pin)
{
    enum kaya_status status = KAYA_OK;

    kaya_line_look(writer);
    if (pin->lsn == 0)
        pin->lsn = writer->log.low_water_lsn;
    if (pin->lsn < writer->log.low_water_lsn)
        status = KAYA_TRIMMED;
    if (status == KAYA_OK) {
        pin->next = writer->pins;
        writer->pins = pin;
    }
    kaya_line_leave(writer);
    return status;
}

void kaya_writer_move_pin(struct kaya_wal_writer *writer, struct pin *pin, uint64_t lsn)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    pin->lsn = lsn;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

void kaya_writer_unpin(struct kaya_wal_writer *writer, struct pin *pin)
{
    struct pin **at = &writer->pins;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    while (*at != pin)
        at = &(*at)->next;
    *at = pin->next;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

/* Up to what was handed to the disk: what is only encoded nobody can read. */
static enum kaya_status copy_chain(const struct kaya_wal_writer *writer, struct kaya_allocator *allocator,
                                   struct survey *survey)
{
    const struct opened_log *log = &writer->log;
    const struct appender *appender = &log->appender;
    size_t first = kaya_log_first_needed(log, log->low_water_lsn);
    size_t count = log->chain_count - first;

    *survey = (struct survey){ .head = SEGMENT_NONE, .memory = SCAN_MEMORY_NONE };
    survey->chain = kaya_allocate(allocator, count * sizeof *survey->chain);
    if (survey->chain == NULL)
        return KAYA_NO_MEMORY;
    survey->chain_capacity = count;
    survey->chain_count = count;
    memcpy(survey->chain, log->chain + first, count * sizeof *survey->chain);
    survey->chain[count - 1].end = appender->written;
    survey->claim = appender->durable;
    survey->report = (struct kaya_wal_recovery_report){ .verdict = KAYA_VERDICT_CLEAN,
                                                        .log_id = writer->log_id,
                                                        .epoch = writer->epoch,
                                                        .first_lsn = log->low_water_lsn,
                                                        .last_lsn = appender->segment.link.base_lsn +
                                                                    appender->written_sequence - 1,
                                                        .segment_count = count,
                                                        .segment = appender->segment.number,
                                                        .end_offset = appender->written,
                                                        .claim_segment = appender->segment.number,
                                                        .claim_offset = appender->durable,
                                                        .closed_cleanly = appender->last_type == FRAME_CLOSE,
                                                        .verdict_row = "",
                                                        .damage_reason = "" };
    return KAYA_OK;
}

enum kaya_status kaya_writer_survey(struct kaya_wal_writer *writer, struct kaya_allocator *allocator,
                                    struct survey *survey)
{
    enum kaya_status status = kaya_line_enter(writer);

    if (status != KAYA_OK)
        return status;
    status = copy_chain(writer, allocator, survey);
    kaya_line_leave(writer);
    return status;
}
