/* Trimming: which segments nobody needs any more, the mark that says so, and what readers of this process still need.
 *
 * The mark is a claim: it is logged and made durable, and only then do files go (F10). They go one by one with only the spares taken, while others
 * append; until then they stand at the beginning of the chain and count no more. */
#include "bytes.h"
#include "line.h"
#include "rotation.h"

/* The first segment that is still needed: the others hold only records below `lsn`. Never beyond the one in use. */
static size_t first_needed(const struct opened_log *log, uint64_t lsn)
{
    size_t index = 0;

    while (index + 1 < log->chain_count && log->chain[index + 1].base_lsn <= lsn)
        index++;
    return index;
}

static uint64_t lowest_pin(const struct kaya_wal_writer *writer, uint64_t lsn)
{
    for (const struct pin *pin = writer->pins; pin != NULL; pin = pin->next)
        if (pin->lsn < lsn)
            lsn = pin->lsn;
    return lsn;
}

/* Log the mark and make it durable: it is a claim, and only then may files go (F10). */
static enum kaya_status log_mark(struct kaya_wal_writer *writer, uint64_t low_water_lsn)
{
    struct appender *appender = &writer->log.appender;
    const struct shape *shape = &appender->segment.header.shape;
    uint64_t end = kaya_control_end(shape, appender->end, KAYA_TRIM_BYTES);
    uint8_t bytes[KAYA_TRIM_BYTES];
    enum kaya_status status = KAYA_OK;

    /* On a full disk one spare behind it is enough: no record follows until there are more, and what is freed here makes some. Where nothing
     * was appended, the room for the trace stays, unless that would keep the mark from being written. */
    if (end > (writer->log.has_appended ? kaya_trim_limit(shape) : kaya_record_limit(shape))) {
        status = kaya_rotate(writer, 0, POOL_SPARES_MIN - 1);
        if (status == KAYA_FULL && end <= kaya_trim_limit(shape))
            status = KAYA_OK;
    }
    if (status != KAYA_OK)
        return status;
    store64(bytes, low_water_lsn);
    status = kaya_appender_put_control(appender, FRAME_TRIM, bytes, sizeof bytes);
    if (status != KAYA_OK)
        return kaya_line_end(writer, status);
    status = kaya_rotation_sync(writer);
    if (status == KAYA_OK)
        writer->log.low_water_lsn = low_water_lsn;
    return status;
}

/* Without the mutex, the spares taken: nobody rotates meanwhile, so the chain stands. */
static enum kaya_status free_segments(struct kaya_wal_writer *writer, size_t count)
{
    struct opened_log *log = &writer->log;
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < count && status == KAYA_OK; i++)
        status = kaya_pool_retire(&log->pool, &log->chain[i]);
    return status;
}

static enum kaya_status mark(struct kaya_wal_writer *writer, uint64_t lsn, size_t *dead)
{
    struct opened_log *log = &writer->log;
    enum kaya_status status;

    if (writer->ending != KAYA_OK)
        return KAYA_ENDED;
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    *dead = first_needed(log, lowest_pin(writer, lsn));
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    if (*dead == 0)
        return KAYA_OK;
    status = log_mark(writer, log->chain[*dead].base_lsn);
    if (status == KAYA_OK)
        kaya_notify(
            &writer->context,
            &(struct kaya_event){ .kind = KAYA_EVENT_TRIMMED, .lsn = log->low_water_lsn, .detail = *dead });
    return status;
}

/* With the mutex, before and after. */
static enum kaya_status truncate_before(struct kaya_wal_writer *writer, uint64_t lsn)
{
    struct opened_log *log = &writer->log;
    size_t dead = 0;
    enum kaya_status status;

    if (lsn > writer->durable_lsn + 1)
        return KAYA_INVALID;
    kaya_line_take(writer);
    status = mark(writer, lsn, &dead);
    if (status != KAYA_OK || dead == 0) {
        kaya_line_give(writer);
        return status;
    }
    kaya_line_keep_pool(writer);
    status = free_segments(writer, dead);
    kaya_line_give_pool(writer);
    memmove(log->chain, log->chain + dead, (log->chain_count - dead) * sizeof *log->chain);
    log->chain_count -= dead;
    return status == KAYA_OK ? KAYA_OK : kaya_line_fail(writer, status);
}

enum kaya_status kaya_wal_writer_truncate_before(struct kaya_wal_writer *writer, uint64_t lsn,
                                                 uint64_t *low_water_lsn)
{
    enum kaya_status status = kaya_line_enter(writer);

    if (status != KAYA_OK)
        return status;
    status = truncate_before(writer, lsn);
    if (status == KAYA_OK && low_water_lsn != NULL)
        *low_water_lsn = writer->log.low_water_lsn;
    kaya_line_leave(writer);
    return status;
}

/* --- readers of this process ---------------------------------------------------------------------------------------- */

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
    size_t first = first_needed(log, log->low_water_lsn);
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
