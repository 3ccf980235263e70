/* The writer's life: open, tend, facts, close. What it appends stands in append.c, what it lets go in trim.c, and who may do what when in
 * line.c. */
#include <stddef.h>
#include <string.h>

#include "line.h"
#include "rotation.h"
#include "submit.h"

/* --- open ----------------------------------------------------------------------------------------------------------- */

static void destroy(struct kaya_wal_writer *writer)
{
    struct context context = writer->context;

    kaya_line_destroy(writer);
    kaya_buffer_release(context.allocator, &writer->batch);
    kaya_release(context.allocator, writer, sizeof *writer);
}

static enum kaya_status create(const struct kaya_wal_environment *environment,
                               const struct kaya_wal_config *config, struct kaya_wal_writer **out)
{
    struct kaya_wal_writer *writer = kaya_allocate(environment->allocator, sizeof *writer);
    enum kaya_status status;

    if (writer == NULL)
        return KAYA_NO_MEMORY;
    memset(writer, 0, offsetof(struct kaya_wal_writer, log)); /* kaya_log_open says what that is */
    writer->context = kaya_context_make(environment, config != NULL ? config->on_event : NULL,
                                        config != NULL ? config->user : NULL);
    status = kaya_settings_make(&writer->settings, &writer->context, config);
    if (status == KAYA_OK)
        status = kaya_line_create(writer);
    if (status == KAYA_OK)
        *out = writer;
    else
        destroy(writer);
    return status;
}

static enum kaya_status open_writer(const struct kaya_wal_environment *environment,
                                    const struct kaya_wal_config *config, const uint64_t *cut_back_lsn,
                                    bool must_exist, struct kaya_wal_writer **out,
                                    struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_recovery_report unseen;
    struct kaya_wal_writer *writer = NULL;
    enum kaya_status status;

    *out = NULL;
    if (report == NULL)
        report = &unseen;
    *report = (struct kaya_wal_recovery_report){ .verdict_row = "", .damage_reason = "" };
    status = create(environment, config, &writer);
    if (status != KAYA_OK)
        return status;
    writer->settings.must_exist = writer->settings.must_exist || must_exist;
    status = kaya_log_open(&writer->log, &writer->context, &writer->settings, cut_back_lsn, report);
    if (status != KAYA_OK) {
        destroy(writer);
        return status;
    }
    writer->log_id = report->log_id;
    writer->epoch = report->epoch;
    writer->durable_lsn = kaya_line_next_lsn(writer) - 1;
    kaya_line_open(writer);
    *out = writer;
    return KAYA_OK;
}

enum kaya_status kaya_wal_writer_open(const struct kaya_wal_environment *environment,
                                      const struct kaya_wal_config *config, struct kaya_wal_writer **writer,
                                      struct kaya_wal_recovery_report *report)
{
    return open_writer(environment, config, NULL, false, writer, report);
}

enum kaya_status kaya_wal_recover(const struct kaya_wal_environment *environment,
                                  const struct kaya_wal_config *config, struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_writer *writer;
    enum kaya_status status = open_writer(environment, config, NULL, true, &writer, report);

    return status == KAYA_OK ? kaya_wal_writer_close(writer) : status;
}

enum kaya_status kaya_wal_cut_back(const struct kaya_wal_environment *environment,
                                   const struct kaya_wal_config *config, uint64_t last_lsn,
                                   struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_writer *writer;
    enum kaya_status status = open_writer(environment, config, &last_lsn, true, &writer, report);

    return status == KAYA_OK ? kaya_wal_writer_close(writer) : status;
}

/* --- tending, facts, closing ---------------------------------------------------------------------------------------- */

/* One more spare, while others append. A failure costs nothing but where the machine is gone: appenders try again themselves. */
static enum kaya_status prepare_spare(struct kaya_wal_writer *writer, bool *more)
{
    enum kaya_status status = KAYA_FULL;

    kaya_line_take_pool(writer);
    if (writer->log.pool.spare_count < writer->log.pool.wanted)
        status = kaya_pool_prepare(&writer->log.pool, 0);
    kaya_line_give_pool(writer);
    *more = status == KAYA_OK;
    writer->is_in_vain = status != KAYA_OK && writer->wants_spare;
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static enum kaya_status write_ahead(struct kaya_wal_writer *writer, uint64_t end)
{
    const struct appender *appender = &writer->log.appender;
    uint64_t before = appender->prewritten;
    enum kaya_status status = kaya_line_write_ahead(writer, end);

    writer->is_in_vain = appender->prewritten == before;
    return status;
}

static enum kaya_status tend(struct kaya_wal_writer *writer, bool *more)
{
    enum kaya_status status = KAYA_OK;
    uint64_t end_ahead;

    if (kaya_line_is_submission_due(writer))
        status = kaya_submit_tend(writer);
    if (status == KAYA_OK && writer->ending == KAYA_OK && kaya_line_must_sync_ahead(writer))
        status = kaya_line_sync_ahead(writer);
    if (status != KAYA_OK || writer->ending != KAYA_OK)
        return status;
    end_ahead = kaya_line_end_ahead(writer);
    if (writer->wants_spare)
        return prepare_spare(writer, more);
    return end_ahead != 0 ? write_ahead(writer, end_ahead) : KAYA_OK;
}

enum kaya_status kaya_wal_writer_tend(struct kaya_wal_writer *writer, bool *more)
{
    bool unseen;
    enum kaya_status status = KAYA_ENDED;

    if (more == NULL)
        more = &unseen;
    *more = false;
    kaya_line_look(writer);
    if (kaya_line_is_alive(writer))
        status = tend(writer, more);
    kaya_submit_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_await_work(struct kaya_wal_writer *writer, uint64_t retry_ns)
{
    enum kaya_status status;

    kaya_line_look(writer);
    status = kaya_line_await_work(writer, retry_ns);
    kaya_line_leave(writer);
    return status;
}

void kaya_wal_writer_dismiss(struct kaya_wal_writer *writer)
{
    kaya_line_peek(writer);
    kaya_line_dismiss(writer);
    kaya_line_leave(writer);
}

uint64_t kaya_wal_writer_first_lsn(struct kaya_wal_writer *writer)
{
    uint64_t lsn;

    kaya_line_look(writer);
    lsn = writer->log.low_water_lsn;
    kaya_line_leave(writer);
    return lsn;
}

uint64_t kaya_wal_writer_last_lsn(struct kaya_wal_writer *writer)
{
    uint64_t lsn;

    kaya_line_look(writer);
    lsn = kaya_line_next_lsn(writer) - 1;
    kaya_line_leave(writer);
    return lsn;
}

uint64_t kaya_wal_writer_durable_lsn(struct kaya_wal_writer *writer)
{
    return kaya_observe(writer->context.runtime, &writer->durable_lsn);
}

struct kaya_wal_anchor kaya_wal_writer_anchor(struct kaya_wal_writer *writer)
{
    return (struct kaya_wal_anchor){ .log_id = writer->log_id, .lsn = kaya_wal_writer_durable_lsn(writer) };
}

/* CLOSE, unless the last one still ends the log. It claims everything before it, so that is synced first. */
static enum kaya_status close_log(struct kaya_wal_writer *writer)
{
    struct appender *appender = &writer->log.appender;
    bool is_closed;
    enum kaya_status status;

    if (writer->ending != KAYA_OK)
        return KAYA_ENDED;
    is_closed = appender->last_type == FRAME_CLOSE;
    status = kaya_appender_sync(appender); /* a CLOSE found at open may stand in the cache only */
    if (status == KAYA_OK)
        kaya_publish(writer->context.runtime, &writer->durable_lsn, kaya_line_next_lsn(writer) - 1);
    if (status == KAYA_OK && !is_closed)
        status = kaya_appender_put_control(appender, FRAME_CLOSE, NULL, 0);
    if (status == KAYA_OK && !is_closed)
        status = kaya_appender_sync(appender);
    if (status != KAYA_OK)
        return kaya_line_end(writer, status);
    kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_CLOSED,
                                                        .segment = appender->segment.number,
                                                        .offset_bytes = appender->end,
                                                        .lsn = kaya_line_next_lsn(writer) - 1 });
    return KAYA_OK;
}

enum kaya_status kaya_wal_writer_stop(struct kaya_wal_writer *writer)
{
    enum kaya_status status;

    if (!kaya_line_begin_closing(writer))
        return KAYA_ENDED;
    status = close_log(writer);
    kaya_line_end_closing(writer);
    kaya_submit_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_close(struct kaya_wal_writer *writer)
{
    enum kaya_status status = KAYA_OK;

    if (writer == NULL)
        return KAYA_OK;
    if (!writer->is_closing)
        status = kaya_wal_writer_stop(writer);
    else if (writer->ending != KAYA_ENDED)
        status = KAYA_ENDED;
    kaya_log_release(&writer->log, &writer->context);
    destroy(writer);
    return status;
}
