/* The writer: appends, syncs, rotates, trims and closes an opened log.
 *
 * Every call takes the writer's lock, so any thread may call. What fails before a byte of a record was written costs nothing; a write
 * or sync that was issued and failed ends the handle (P6): what is on the disk is in doubt, and only the next recovery decides it.
 *
 * Before a record is encoded, in this order, all of it preparation:
 *   - the spares behind this segment are durable under their numbers before the segment takes a record
 *   - what no claim covers, with this record, fits what any successor can carry; else a frame that claims it is written first
 *   - the record fits the segment, with room left for one TRIM and one CLOSE; else the log rotates
 *   - the segment is written through ahead of the record
 *
 * Rotation syncs the old segment, whatever the mode of its records, before the new one's link is encoded: a link is a claim. */
#include "writer.h"

#include "bytes.h"
#include "recover.h"

struct kaya_wal_writer {
    struct context context;
    struct settings settings;
    struct kaya_mutex *mutex;
    struct opened_log log;
    struct kaya_wal_log_id log_id;
    uint64_t epoch;
    uint64_t durable_lsn;
    bool has_ended;
    struct buffer batch;
    struct pin *pins;
};

static uint64_t next_lsn(const struct kaya_wal_writer *writer)
{
    return writer->log.appender.segment.link.base_lsn + writer->log.appender.sequence;
}

/* --- open ----------------------------------------------------------------------------------------------------------- */

static void destroy(struct kaya_wal_writer *writer)
{
    struct context context = writer->context;

    kaya_mutex_destroy(context.runtime, writer->mutex);
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
    *writer = (struct kaya_wal_writer){ .batch = BUFFER_NONE };
    writer->context = kaya_context_make(environment, config != NULL ? config->on_event : NULL,
                                        config != NULL ? config->user : NULL);
    status = kaya_settings_make(&writer->settings, &writer->context, config);
    if (status == KAYA_OK)
        status = kaya_mutex_create(environment->runtime, &writer->mutex);
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
    writer->durable_lsn = next_lsn(writer) - 1;
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

/* --- failing -------------------------------------------------------------------------------------------------------- */

/* A write or sync was issued and failed: the handle takes nothing more. */
static enum kaya_status end_handle(struct kaya_wal_writer *writer, enum kaya_status status)
{
    writer->has_ended = true;
    kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_HANDLE_ENDED,
                                                        .status = status,
                                                        .segment = writer->log.appender.segment.number,
                                                        .offset_bytes = writer->log.appender.durable,
                                                        .lsn = writer->durable_lsn });
    return status == KAYA_GONE ? KAYA_GONE : KAYA_IO;
}

/* A preparation failed: nothing was written that matters. */
static enum kaya_status refuse(enum kaya_status status)
{
    return status == KAYA_OK || status == KAYA_GONE || status == KAYA_NO_MEMORY || status == KAYA_LIMIT
               ? status
               : KAYA_FULL;
}

/* --- syncing and rotating ------------------------------------------------------------------------------------------- */

static enum kaya_status sync_all(struct kaya_wal_writer *writer)
{
    enum kaya_status status = kaya_appender_sync(&writer->log.appender);

    if (status != KAYA_OK)
        return end_handle(writer, status);
    kaya_publish(writer->context.runtime, &writer->durable_lsn, next_lsn(writer) - 1);
    return KAYA_OK;
}

static enum kaya_status secure(struct kaya_wal_writer *writer)
{
    enum kaya_status status = kaya_appender_secure(&writer->log.appender);

    if (status != KAYA_OK)
        return end_handle(writer, status);
    kaya_publish(writer->context.runtime, &writer->durable_lsn, next_lsn(writer) - 1);
    kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_CLAIM_SECURED,
                                                        .segment = writer->log.appender.segment.number,
                                                        .offset_bytes = writer->log.appender.durable,
                                                        .lsn = writer->durable_lsn });
    return KAYA_OK;
}

/* A spare that can take over with a record that costs `cost`, and POOL_SPARES_MIN behind it, all under durable names; where there is no
 * room for these, `behind_min` will do. */
static enum kaya_status prepare_successor(struct kaya_wal_writer *writer, uint64_t cost, unsigned behind_min,
                                          unsigned *index)
{
    struct pool *pool = &writer->log.pool;
    enum kaya_status status = KAYA_OK;

    *index = kaya_pool_pick(pool, cost);
    while (status == KAYA_OK && pool->spare_count < *index + 1 + POOL_SPARES_MIN) {
        status = kaya_pool_prepare(pool, cost);
        *index = kaya_pool_pick(pool, cost);
    }
    if (status == KAYA_FULL && pool->spare_count >= *index + 1 + behind_min)
        status = KAYA_OK;
    return status == KAYA_OK ? kaya_pool_settle_names(pool) : status;
}

/* A spare that turns out to be none is forgotten, and the next one taken. */
static enum kaya_status take_successor(struct kaya_wal_writer *writer, uint64_t cost, unsigned behind_min,
                                       struct segment *segment)
{
    struct pool *pool = &writer->log.pool;
    unsigned known;
    unsigned index = 0;
    enum kaya_status status;

    do {
        status = prepare_successor(writer, cost, behind_min, &index);
        known = pool->spare_count;
        if (status == KAYA_OK)
            status = kaya_appender_reserve(&writer->log.appender, &pool->spares[index].shape);
        if (status == KAYA_OK)
            status = kaya_pool_take(pool, index, segment);
    } while (status == KAYA_IO && pool->spare_count < known);
    return status;
}

static struct link make_link(const struct kaya_wal_writer *writer, uint32_t nonce)
{
    const struct segment *old = &writer->log.appender.segment;

    return (struct link){ .base_lsn = next_lsn(writer),
                          .predecessor = old->number,
                          .predecessor_end = writer->log.appender.durable,
                          .low_water_lsn = writer->log.low_water_lsn,
                          .epoch = writer->epoch,
                          .nonce = nonce,
                          .chain =
                              kaya_link_chain(old->link.chain, old->seeds.base, writer->log.appender.durable) };
}

/* A head to which nothing was appended may be the last segment of a log; one that was rotated away from may not, and must show it. */
static enum kaya_status leave_trace(struct kaya_wal_writer *writer)
{
    struct appender *appender = &writer->log.appender;
    const struct shape *shape = &appender->segment.header.shape;
    enum kaya_status status;

    if (writer->log.has_appended || !writer->log.pool.is_head_followed)
        return KAYA_OK;
    if (kaya_control_end(shape, appender->end, 0) > shape->segment_bytes) /* a full disk: log_mark took the room */
        return KAYA_OK;
    status = kaya_appender_put_control(appender, FRAME_WATERMARK, NULL, 0);
    return status == KAYA_OK ? KAYA_OK : end_handle(writer, status);
}

/* Let the next segment, one that fits a record of `cost`, take over. Its link is encoded, to be written with what follows. */
static enum kaya_status rotate_to(struct kaya_wal_writer *writer, uint64_t cost, unsigned behind_min)
{
    struct appender *appender = &writer->log.appender;
    struct segment segment = SEGMENT_NONE;
    struct link link;
    uint32_t nonce;
    enum kaya_status status;

    status = kaya_log_reserve_chain(&writer->log, &writer->context);
    if (status == KAYA_OK)
        status = kaya_draw32(&writer->context, &nonce);
    if (status == KAYA_OK)
        status = take_successor(writer, cost, behind_min, &segment);
    if (status != KAYA_OK)
        return refuse(status);
    status = leave_trace(writer);
    if (status == KAYA_OK)
        status = sync_all(writer);
    if (status == KAYA_OK) {
        link = make_link(writer, nonce);
        status = kaya_appender_begin(appender, &writer->context, &segment, &link, writer->settings.stride_bytes);
        if (status != KAYA_OK)
            status = end_handle(writer, status);
    }
    if (status == KAYA_OK) {
        writer->log.has_appended = false;
        writer->log.pool.is_head_followed = true;
        writer->log.chain[writer->log.chain_count - 1].end = link.predecessor_end;
        kaya_log_push_chain(&writer->log);
        kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_SEGMENT_ROTATED,
                                                            .segment = appender->segment.number,
                                                            .lsn = link.base_lsn });
    }
    kaya_segment_close(&segment, &writer->context);
    return status;
}

static enum kaya_status rotate(struct kaya_wal_writer *writer, uint64_t cost)
{
    return rotate_to(writer, cost, POOL_SPARES_MIN);
}

/* --- appending ------------------------------------------------------------------------------------------------------ */

/* The segment takes records only while the ones behind it stand under durable names. */
static enum kaya_status guard_segment(struct kaya_wal_writer *writer)
{
    struct pool *pool = &writer->log.pool;
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && pool->spare_count < POOL_SPARES_MIN)
        status = kaya_pool_prepare(pool, 0);
    if (status == KAYA_OK)
        status = kaya_pool_settle_names(pool);
    return refuse(status);
}

/* The first append after a clean close: make durable that the log was opened again. Else a crash that loses what follows would leave a log
 * that looks closed, and numbers that were given would be given again under the same epoch (F9). */
static enum kaya_status leave_close_behind(struct kaya_wal_writer *writer)
{
    struct appender *appender = &writer->log.appender;
    const struct shape *shape = &appender->segment.header.shape;
    enum kaya_status status;

    if (appender->last_type != FRAME_CLOSE)
        return KAYA_OK;
    /* CLOSE must fit again behind it; and a segment that nothing follows must not take what asks for a next one. */
    if (kaya_control_end(shape, appender->end, 0) <= kaya_trim_limit(shape) &&
        (writer->log.has_appended || writer->log.pool.is_head_followed)) {
        status = kaya_appender_put_control(appender, FRAME_WATERMARK, NULL, 0);
        if (status != KAYA_OK)
            status = end_handle(writer, status);
    } else {
        status = rotate(writer, 0);
    }
    return status == KAYA_OK ? sync_all(writer) : status;
}

/* Would the record, put next, fit? *end is where it would end. */
static bool fits(const struct appender *appender, size_t length, uint64_t *end)
{
    const struct shape *shape = &appender->segment.header.shape;

    *end = kaya_record_end(shape, appender->end, length);
    return *end <= kaya_record_limit(shape);
}

/* Would the records that no claim covers, with one more of that cost, be more than any successor can carry? */
static bool must_claim(const struct kaya_wal_writer *writer, uint64_t cost)
{
    const struct appender *appender = &writer->log.appender;

    return kaya_appender_unclaimed_cost(appender) + cost > kaya_pool_carry_capacity(&writer->log.pool);
}

/* Does a watermark fit behind the end of a sync, and leave room for one TRIM and one CLOSE? */
static bool may_claim(const struct appender *appender)
{
    const struct shape *shape = &appender->segment.header.shape;

    return kaya_control_end(shape, kaya_appender_padded_end(appender), 0) <= kaya_record_limit(shape);
}

/* All that must be so before a record of `length` bytes is encoded. */
static enum kaya_status make_ready(struct kaya_wal_writer *writer, size_t length)
{
    struct appender *appender = &writer->log.appender;
    uint64_t cost = kaya_carry_cost(length);
    uint64_t end;
    bool rotates, claims;
    enum kaya_status status;

    status = guard_segment(writer);
    if (status == KAYA_OK)
        status = leave_close_behind(writer);
    if (status != KAYA_OK)
        return status;
    claims = must_claim(writer, cost);
    rotates = !fits(appender, length, &end) || (claims && !may_claim(appender));
    if (!rotates && claims) {
        status = secure(writer);
        rotates = !fits(appender, length, &end);
    }
    if (status == KAYA_OK && rotates) {
        status = rotate(writer, cost);
        (void)fits(appender, length, &end);
    }
    if (status == KAYA_OK) {
        status = kaya_appender_write_ahead(appender, end);
        if (status == KAYA_IO)
            status = end_handle(writer, status);
    }
    return status;
}

static enum kaya_status append(struct kaya_wal_writer *writer, uint8_t flags, const void *bytes, size_t length,
                               size_t count, enum kaya_durability_mode mode, uint64_t *first_lsn)
{
    struct appender *appender = &writer->log.appender;
    enum kaya_status status;

    status = make_ready(writer, length);
    if (status != KAYA_OK)
        return status;
    *first_lsn = next_lsn(writer);
    writer->log.has_appended = true;
    status = kaya_appender_put_record(appender, flags, bytes, length, (uint32_t)count);
    if (status == KAYA_OK && mode == KAYA_RELAXED)
        status = kaya_appender_flush(appender);
    if (status != KAYA_OK)
        return end_handle(writer, status);
    return mode == KAYA_STRICT ? sync_all(writer) : KAYA_OK;
}

static bool is_payload(const struct kaya_wal_payload *payload)
{
    return payload->type >= KAYA_RECORD_PUT && payload->type <= KAYA_RECORD_OPAQUE &&
           (payload->bytes != NULL || payload->length == 0);
}

static enum kaya_status may_append(const struct kaya_wal_writer *writer, enum kaya_durability_mode mode)
{
    if (writer->has_ended)
        return KAYA_ENDED;
    return mode == KAYA_STRICT || mode == KAYA_RELAXED ? KAYA_OK : KAYA_INVALID;
}

static enum kaya_status append_one(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payload,
                                   enum kaya_durability_mode mode, uint64_t *lsn)
{
    enum kaya_status status = may_append(writer, mode);

    if (status == KAYA_OK && (!is_payload(payload) || payload->length > writer->settings.record_bytes_max))
        status = KAYA_INVALID;
    if (status == KAYA_OK)
        status = append(writer, (uint8_t)payload->type, payload->bytes, payload->length, 1, mode, lsn);
    return status;
}

enum kaya_status kaya_wal_writer_append(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payload,
                                        enum kaya_durability_mode mode, uint64_t *lsn)
{
    uint64_t unseen;
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = append_one(writer, payload, mode, lsn != NULL ? lsn : &unseen);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

/* The members behind each other, each behind its type and length. */
static enum kaya_status gather_batch(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payloads,
                                     size_t count, size_t *length)
{
    uint64_t total = 0;
    uint8_t *at;
    enum kaya_status status;

    for (size_t i = 0; i < count; i++) {
        if (!is_payload(&payloads[i]) || payloads[i].length > writer->settings.record_bytes_max)
            return KAYA_INVALID;
        total += KAYA_MEMBER_BYTES + payloads[i].length;
        if (total > writer->settings.record_bytes_max)
            return KAYA_INVALID;
    }
    *length = (size_t)total;
    status = kaya_buffer_reserve(writer->context.allocator, &writer->batch, *length, 0);
    if (status != KAYA_OK)
        return status;
    at = writer->batch.bytes;
    for (size_t i = 0; i < count; i++) {
        store32(at, (uint32_t)payloads[i].length << 3 | (uint32_t)payloads[i].type);
        if (payloads[i].length > 0)
            memcpy(at + KAYA_MEMBER_BYTES, payloads[i].bytes, payloads[i].length);
        at += KAYA_MEMBER_BYTES + payloads[i].length;
    }
    return KAYA_OK;
}

static enum kaya_status append_many(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payloads,
                                    size_t count, enum kaya_durability_mode mode, uint64_t *first_lsn)
{
    size_t length = 0;
    enum kaya_status status = may_append(writer, mode);

    if (status == KAYA_OK && count == 0)
        status = KAYA_INVALID;
    if (status == KAYA_OK && count == 1)
        return append_one(writer, payloads, mode, first_lsn);
    if (status == KAYA_OK)
        status = gather_batch(writer, payloads, count, &length);
    if (status == KAYA_OK)
        status = append(writer, FRAME_FLAG_BATCH, writer->batch.bytes, length, count, mode, first_lsn);
    return status;
}

enum kaya_status kaya_wal_writer_append_batch(struct kaya_wal_writer *writer,
                                              const struct kaya_wal_payload *payloads, size_t count,
                                              enum kaya_durability_mode mode, uint64_t *first_lsn,
                                              uint64_t *last_lsn)
{
    uint64_t first = 0;
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = append_many(writer, payloads, count, mode, &first);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    if (status == KAYA_OK && first_lsn != NULL)
        *first_lsn = first;
    if (status == KAYA_OK && last_lsn != NULL)
        *last_lsn = first + count - 1;
    return status;
}

enum kaya_status kaya_wal_writer_sync(struct kaya_wal_writer *writer)
{
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = writer->has_ended ? KAYA_ENDED : sync_all(writer);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

/* Behind a CLOSE the link is made durable at once, for the reason of leave_close_behind. */
static enum kaya_status rotate_now(struct kaya_wal_writer *writer)
{
    bool was_closed = writer->log.appender.last_type == FRAME_CLOSE && writer->log.appender.sequence > 0;
    enum kaya_status status = KAYA_OK;

    if (writer->has_ended)
        return KAYA_ENDED;
    if (writer->log.appender.sequence > 0)
        status = rotate(writer, 0);
    if (status == KAYA_OK && was_closed)
        return sync_all(writer);
    if (status == KAYA_OK) {
        status = kaya_appender_flush(&writer->log.appender);
        if (status != KAYA_OK)
            status = end_handle(writer, status);
    }
    return status;
}

enum kaya_status kaya_wal_writer_rotate(struct kaya_wal_writer *writer)
{
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = rotate_now(writer);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

/* --- trimming ------------------------------------------------------------------------------------------------------- */

/* How many segments hold only records below `lsn` that no reader needs. Never the one in use. */
static size_t count_dead(const struct kaya_wal_writer *writer, uint64_t lsn)
{
    size_t dead = 0;

    for (const struct pin *pin = writer->pins; pin != NULL; pin = pin->next)
        if (pin->lsn < lsn)
            lsn = pin->lsn;
    while (dead + 1 < writer->log.chain_count && writer->log.chain[dead + 1].base_lsn <= lsn)
        dead++;
    return dead;
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
        status = rotate_to(writer, 0, POOL_SPARES_MIN - 1);
        if (status == KAYA_FULL && end <= kaya_trim_limit(shape))
            status = KAYA_OK;
    }
    if (status != KAYA_OK)
        return status;
    store64(bytes, low_water_lsn);
    status = kaya_appender_put_control(appender, FRAME_TRIM, bytes, sizeof bytes);
    if (status != KAYA_OK)
        return end_handle(writer, status);
    status = sync_all(writer);
    if (status == KAYA_OK)
        writer->log.low_water_lsn = low_water_lsn;
    return status;
}

static enum kaya_status free_segments(struct kaya_wal_writer *writer, size_t count)
{
    struct opened_log *log = &writer->log;
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < count && status == KAYA_OK; i++)
        status = kaya_pool_retire(&log->pool, &log->chain[i]);
    memmove(log->chain, log->chain + count, (log->chain_count - count) * sizeof *log->chain);
    log->chain_count -= count;
    return status == KAYA_OK ? KAYA_OK : end_handle(writer, status);
}

static enum kaya_status truncate_before(struct kaya_wal_writer *writer, uint64_t lsn, uint64_t *low_water_lsn)
{
    size_t dead;
    enum kaya_status status = KAYA_OK;

    if (writer->has_ended)
        return KAYA_ENDED;
    if (lsn > writer->durable_lsn + 1)
        return KAYA_INVALID;
    dead = count_dead(writer, lsn);
    if (dead > 0)
        status = log_mark(writer, writer->log.chain[dead].base_lsn);
    if (status == KAYA_OK && dead > 0) {
        kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_TRIMMED,
                                                            .lsn = writer->log.low_water_lsn,
                                                            .detail = dead });
        status = free_segments(writer, dead);
    }
    if (status == KAYA_OK)
        *low_water_lsn = writer->log.low_water_lsn;
    return status;
}

enum kaya_status kaya_wal_writer_truncate_before(struct kaya_wal_writer *writer, uint64_t lsn,
                                                 uint64_t *low_water_lsn)
{
    uint64_t unseen;
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = truncate_before(writer, lsn, low_water_lsn != NULL ? low_water_lsn : &unseen);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

enum kaya_status kaya_writer_pin(struct kaya_wal_writer *writer, struct pin *pin)
{
    enum kaya_status status = KAYA_OK;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    if (pin->lsn == 0)
        pin->lsn = writer->log.low_water_lsn;
    if (pin->lsn < writer->log.low_water_lsn)
        status = KAYA_TRIMMED;
    if (status == KAYA_OK) {
        pin->next = writer->pins;
        writer->pins = pin;
    }
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
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

static enum kaya_status copy_chain(const struct kaya_wal_writer *writer, struct kaya_allocator *allocator,
                                   struct survey *survey)
{
    const struct opened_log *log = &writer->log;
    size_t count = log->chain_count;

    *survey = (struct survey){ .head = SEGMENT_NONE, .memory = SCAN_MEMORY_NONE };
    survey->chain = kaya_allocate(allocator, count * sizeof *survey->chain);
    if (survey->chain == NULL)
        return KAYA_NO_MEMORY;
    survey->chain_capacity = count;
    survey->chain_count = count;
    memcpy(survey->chain, log->chain, count * sizeof *survey->chain);
    survey->chain[count - 1].end = log->appender.end - log->appender.used;
    survey->claim = log->appender.durable;
    survey->report = (struct kaya_wal_recovery_report){ .verdict = KAYA_VERDICT_CLEAN,
                                                        .log_id = writer->log_id,
                                                        .epoch = writer->epoch,
                                                        .first_lsn = log->low_water_lsn,
                                                        .last_lsn = next_lsn(writer) - 1,
                                                        .segment_count = count,
                                                        .segment = log->appender.segment.number,
                                                        .end_offset = survey->chain[count - 1].end,
                                                        .claim_segment = log->appender.segment.number,
                                                        .claim_offset = log->appender.durable,
                                                        .closed_cleanly = log->appender.last_type == FRAME_CLOSE,
                                                        .verdict_row = "",
                                                        .damage_reason = "" };
    return KAYA_OK;
}

enum kaya_status kaya_writer_survey(struct kaya_wal_writer *writer, struct kaya_allocator *allocator,
                                    struct survey *survey)
{
    enum kaya_status status = KAYA_ENDED;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    if (!writer->has_ended)
        status = copy_chain(writer, allocator, survey);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

/* --- tending, facts, closing ---------------------------------------------------------------------------------------- */

static enum kaya_status tend(struct kaya_wal_writer *writer, bool *more)
{
    struct appender *appender = &writer->log.appender;
    struct pool *pool = &writer->log.pool;
    uint64_t ahead = appender->end + writer->settings.stride_bytes / 2;
    enum kaya_status status = KAYA_OK;

    if (writer->has_ended)
        return KAYA_ENDED;
    if (pool->spare_count < pool->wanted) {
        status = kaya_pool_prepare(pool, 0);
        *more = status == KAYA_OK;
    } else if (appender->prewritten < ahead &&
               appender->prewritten < appender->segment.header.shape.segment_bytes) {
        status = kaya_appender_write_ahead(appender, ahead);
        if (status == KAYA_IO)
            return end_handle(writer, status);
    }
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

enum kaya_status kaya_wal_writer_tend(struct kaya_wal_writer *writer, bool *more)
{
    bool unseen;
    enum kaya_status status;

    if (more == NULL)
        more = &unseen;
    *more = false;
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = tend(writer, more);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return status;
}

uint64_t kaya_wal_writer_first_lsn(struct kaya_wal_writer *writer)
{
    uint64_t lsn;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    lsn = writer->log.low_water_lsn;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    return lsn;
}

uint64_t kaya_wal_writer_last_lsn(struct kaya_wal_writer *writer)
{
    uint64_t lsn;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    lsn = next_lsn(writer) - 1;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
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

    if (writer->has_ended)
        return KAYA_ENDED;
    is_closed = appender->last_type == FRAME_CLOSE;
    status = kaya_appender_sync(appender); /* a CLOSE found at open may stand in the cache only */
    if (status == KAYA_OK && !is_closed)
        status = kaya_appender_put_control(appender, FRAME_CLOSE, NULL, 0);
    if (status == KAYA_OK && !is_closed)
        status = kaya_appender_sync(appender);
    if (status != KAYA_OK)
        return end_handle(writer, status);
    kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_CLOSED,
                                                        .segment = appender->segment.number,
                                                        .offset_bytes = appender->end,
                                                        .lsn = next_lsn(writer) - 1 });
    return KAYA_OK;
}

enum kaya_status kaya_wal_writer_close(struct kaya_wal_writer *writer)
{
    enum kaya_status status;

    if (writer == NULL)
        return KAYA_OK;
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    status = close_log(writer);
    kaya_log_release(&writer->log, &writer->context);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    destroy(writer);
    return status;
}
