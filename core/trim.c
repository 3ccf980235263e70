/* Trimming: which segments nobody needs any more, and the mark that says so.
 *
 * The mark is a claim: it is logged and made durable, and only then do files go (F10). They go one by one with only the spares taken, while others
 * append; until then they stand at the beginning of the chain and count no more. */
#include "bytes.h"
#include "line.h"
#include "pins.h"
#include "rotation.h"

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

/* What rotations passed over goes as well, or a process that runs for long would keep it: a spare whose header was lost, and those in front of it,
 * stand below the head and in no chain. What cannot be listed or deleted the next trim finds, or the next recovery. */
static enum kaya_status free_passed_over(struct opened_log *log, const struct context *context, size_t dead)
{
    const struct chain_segment *chain = log->chain + dead;
    size_t count = log->chain_count - dead;
    struct listing listing = LISTING_NONE;
    enum kaya_status status = kaya_listing_read(&listing, context);

    if (status == KAYA_OK)
        log->has_passed_over = false;
    for (size_t i = 0; i < listing.file_count && status == KAYA_OK; i++) {
        const struct listed *file = &listing.files[i];
        struct chain_segment passed_over = { .number = file->number, .kind = file->kind };

        if (file->number >= chain[count - 1].number || file->kind == SEGMENT_NAME_NEW ||
            kaya_chain_find(chain, count, file->number, file->kind) != NULL)
            continue;
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_LEFTOVER, .segment = file->number });
        status = kaya_pool_retire(&log->pool, &passed_over, true, 0);
    }
    kaya_listing_release(&listing, context);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* Without the mutex, the spares taken: nobody rotates meanwhile, so the chain stands. */
static enum kaya_status free_segments(struct kaya_wal_writer *writer, size_t count)
{
    struct opened_log *log = &writer->log;
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < count && status == KAYA_OK; i++)
        status = kaya_pool_retire(&log->pool, &log->chain[i], true, 0);
    if (status == KAYA_OK && log->has_passed_over)
        status = free_passed_over(log, &writer->context, count);
    return status;
}

static enum kaya_status mark(struct kaya_wal_writer *writer, uint64_t lsn, size_t *dead)
{
    struct opened_log *log = &writer->log;
    enum kaya_status status;

    if (writer->ending != KAYA_OK)
        return KAYA_ENDED;
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    *dead = kaya_log_first_needed(log, lowest_pin(writer, lsn));
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
