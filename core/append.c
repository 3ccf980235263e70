/* Appending: one record, a batch, and what must be so before either is encoded.
 *
 * In the common case a record is encoded into the buffer under the mutex, and its thread waits for the flight that makes it durable, or hands
 * it to the disk (line.c). That asks for, and is_ready looks at it without any I/O:
 *   - the spares behind this segment are durable under their numbers before the segment takes a record
 *   - what no claim covers, with this record, fits what any successor can carry; else a frame that claims it is written first
 *   - the record fits the segment, with room left for one TRIM and one CLOSE; else the log rotates
 *   - the segment is written through ahead of the record, and the record fits the buffer
 * Where something is missing, the thread takes the log for itself and does what it takes (make_ready), in this order.
 * Where all is there, how far it goes in this block is noted, so that the records behind this one need three comparisons (kaya_appender_put_clear);
 * where they are buffered, nothing but those, the encoding and the mutex (put_in_passing).
 *
 * What fails before a byte of a record was encoded costs nothing; a write or sync that was issued and failed ends the handle (P6): what is on the
 * disk is in doubt, and only the next recovery decides it. */
#include "append.h"

#include "bytes.h"
#include "rotation.h"

/* --- what must be so ------------------------------------------------------------------------------------------------ */

/* The segment takes records only while the ones behind it stand under durable names. */
static enum kaya_status guard_segment(struct kaya_wal_writer *writer)
{
    struct pool *pool = &writer->log.pool;
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && pool->spare_count < POOL_SPARES_MIN)
        status = kaya_pool_prepare(pool, 0);
    if (status == KAYA_OK)
        status = kaya_pool_settle_names(pool);
    return kaya_refuse(status);
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
    if (kaya_control_end(shape, appender->end, 0) <= kaya_trim_limit(shape) && kaya_line_may_fill(writer)) {
        status = kaya_appender_put_control(appender, FRAME_WATERMARK, NULL, 0);
        if (status != KAYA_OK)
            status = kaya_line_end(writer, status);
    } else {
        status = kaya_rotate(writer, 0, POOL_SPARES_MIN);
    }
    return status == KAYA_OK ? kaya_rotation_sync(writer) : status;
}

/* Would the record, put next, fit? *end is where it would end. */
static bool fits(const struct appender *appender, size_t length, uint64_t *end)
{
    const struct shape *shape = &appender->segment.header.shape;

    *end = kaya_record_end(shape, appender->end, length);
    return *end <= kaya_record_limit(shape);
}

/* Would the records that no claim covers, with one more of that cost, be more than any successor can carry? */
static bool must_claim(const struct kaya_wal_writer *writer, uint64_t cost, uint64_t capacity)
{
    return kaya_appender_unclaimed_cost(&writer->log.appender) + cost > capacity;
}

/* Does a watermark fit behind the end of a sync, and leave room for one TRIM and one CLOSE? */
static bool may_claim(const struct appender *appender)
{
    const struct shape *shape = &appender->segment.header.shape;

    return kaya_control_end(shape, kaya_appender_padded_end(appender), 0) <= kaya_record_limit(shape);
}

/* Make the record one that a successor can carry. A sync may be enough: it makes durable what earlier frames claim. */
static enum kaya_status claim(struct kaya_wal_writer *writer, uint64_t cost)
{
    enum kaya_status status = kaya_rotation_sync(writer);

    if (status == KAYA_OK && must_claim(writer, cost, kaya_pool_carry_capacity(&writer->log.pool)))
        status = kaya_rotation_secure(writer);
    return status;
}

/* A spare may be of a log that was opened with smaller sizes. A record that is too long for one of these needs others behind it that recovery can
 * carry it to, and the next recovery again, and not only where the disk has room. */
static enum kaya_status guard_record(struct kaya_wal_writer *writer, uint64_t cost)
{
    struct pool *pool = &writer->log.pool;
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && kaya_pool_count_carriers(pool, cost) < POOL_SPARES_MIN)
        status = kaya_pool_prepare(pool, cost);
    return kaya_refuse(status);
}

/* All that must be so before a record of `length` bytes is encoded. Exclusive. */
static enum kaya_status make_ready(struct kaya_wal_writer *writer, size_t length)
{
    struct appender *appender = &writer->log.appender;
    uint64_t cost = kaya_carry_cost(length);
    uint64_t end;
    bool claims, rotates;
    enum kaya_status status;

    status = guard_segment(writer);
    if (status == KAYA_OK)
        status = leave_close_behind(writer);
    if (status != KAYA_OK)
        return status;
    claims = must_claim(writer, cost, kaya_pool_carry_capacity(&writer->log.pool));
    rotates = !fits(appender, length, &end) || (claims && !may_claim(appender)) || !kaya_line_may_fill(writer);
    if (!rotates && claims) {
        status = claim(writer, cost);
        rotates = !fits(appender, length, &end);
    }
    if (status == KAYA_OK && rotates) {
        status = kaya_rotate(writer, cost, POOL_SPARES_MIN);
        (void)fits(appender, length, &end);
    }
    if (status == KAYA_OK && cost > kaya_pool_carry_capacity(&writer->log.pool))
        status = guard_record(writer, cost);
    if (status == KAYA_OK) {
        status = kaya_appender_write_ahead(appender, end);
        if (status == KAYA_IO)
            status = kaya_line_end(writer, status);
    }
    return status;
}

/* The same without any I/O, and nobody exclusive; but for the buffer. */
static bool is_prepared(const struct kaya_wal_writer *writer, size_t length, uint64_t *end)
{
    const struct appender *appender = &writer->log.appender;

    return writer->is_guarded && appender->last_type != FRAME_CLOSE && fits(appender, length, end) &&
           *end <= appender->prewritten && !must_claim(writer, kaya_carry_cost(length), writer->carry_capacity);
}

static bool is_ready(struct kaya_wal_writer *writer, size_t length)
{
    struct appender *appender = &writer->log.appender;
    uint64_t end;

    return is_prepared(writer, length, &end) && kaya_appender_reserve_group(appender) == KAYA_OK &&
           kaya_appender_fits_buffer(appender, end);
}

/* Where all that is missing is room in the buffer, what it holds goes to the disk, while others encode into the next one. */
static enum kaya_status make_way(struct kaya_wal_writer *writer, const struct content *content)
{
    const struct appender *appender = &writer->log.appender;
    enum kaya_status status;
    uint64_t end;

    if (!is_prepared(writer, content->length, &end) || !kaya_appender_fits_next_buffer(appender, end))
        return KAYA_OK;
    if (content->refuses_to_wait && writer->is_head_taken)
        return KAYA_BUSY;
    status = kaya_line_await(writer, &(struct goal){ .segment = appender->segment.number, .end = appender->end },
                             KAYA_WAIT_FOREVER);
    return status == KAYA_OK && writer->ending != KAYA_OK ? KAYA_ENDED : status;
}

/* --- encoding ------------------------------------------------------------------------------------------------------- */

static bool is_payload(const struct kaya_wal_payload *payload)
{
    return payload->type >= KAYA_RECORD_PUT && payload->type <= KAYA_RECORD_OPAQUE &&
           (payload->bytes != NULL || payload->length == 0);
}

enum kaya_status kaya_content_measure(const struct kaya_wal_writer *writer, struct content *content)
{
    uint64_t member_bytes = content->count > 1 ? KAYA_MEMBER_BYTES : 0;
    uint64_t total = 0;

    for (size_t i = 0; i < content->count; i++) {
        const struct kaya_wal_payload *payload = &content->payloads[i];

        if (!is_payload(payload) || payload->length > writer->settings.record_bytes_max)
            return KAYA_INVALID;
        total += member_bytes + payload->length;
        if (total > writer->settings.record_bytes_max)
            return KAYA_INVALID;
    }
    content->length = (size_t)total;
    return content->count > 0 ? KAYA_OK : KAYA_INVALID;
}

/* The members behind each other, each behind its type and length. */
static enum kaya_status gather_batch(struct kaya_wal_writer *writer, const struct content *content)
{
    enum kaya_status status = kaya_buffer_reserve(writer->context.allocator, &writer->batch, content->length, 0);
    uint8_t *at = writer->batch.bytes;

    for (size_t i = 0; i < content->count && status == KAYA_OK; i++) {
        const struct kaya_wal_payload *payload = &content->payloads[i];

        store32(at, (uint32_t)payload->length << 3 | (uint32_t)payload->type);
        if (payload->length > 0)
            memcpy(at + KAYA_MEMBER_BYTES, payload->bytes, payload->length);
        at += KAYA_MEMBER_BYTES + payload->length;
    }
    return status;
}

/* The record goes behind the end of the segment. Does I/O, and may fail at that, only where the buffer is too small for it. */
static enum kaya_status encode(struct kaya_wal_writer *writer, const struct content *content, uint64_t *first_lsn)
{
    struct appender *appender = &writer->log.appender;
    bool is_batch = content->count > 1;
    const void *bytes = is_batch ? writer->batch.bytes : content->payloads->bytes;
    uint8_t flags = is_batch ? FRAME_FLAG_BATCH : (uint8_t)content->payloads->type;
    enum kaya_status status;

    *first_lsn = kaya_line_next_lsn(writer);
    writer->log.has_appended = true;
    status = kaya_appender_put_record(appender, flags, bytes, content->length, (uint32_t)content->count);
    return status == KAYA_OK ? KAYA_OK : kaya_line_end(writer, status);
}

/* Exclusive: with whatever I/O it takes. */
static enum kaya_status encode_alone(struct kaya_wal_writer *writer, const struct content *content,
                                     uint64_t *first_lsn)
{
    enum kaya_status status = content->count > 1 ? gather_batch(writer, content) : KAYA_OK;

    if (status == KAYA_OK)
        status = make_ready(writer, content->length);
    if (status == KAYA_OK)
        status = encode(writer, content, first_lsn);
    return status;
}

/* The short way, which most records take. False: not this one; nothing was done. */
static bool put_clear(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payload, uint64_t *lsn)
{
    if (!kaya_appender_put_clear(&writer->log.appender, (uint8_t)payload->type, payload->bytes, payload->length))
        return false;
    *lsn = kaya_line_next_lsn(writer) - 1;
    writer->log.has_appended = true;
    return true;
}

enum kaya_status kaya_content_put(struct kaya_wal_writer *writer, const struct content *content,
                                  uint64_t *first_lsn)
{
    struct appender *appender = &writer->log.appender;
    enum kaya_status status = KAYA_OK;
    bool ready;

    if (content->count == 1 && put_clear(writer, content->payloads, first_lsn))
        return KAYA_OK;
    ready = is_ready(writer, content->length);
    if (!ready) {
        status = make_way(writer, content);
        ready = status == KAYA_OK && is_ready(writer, content->length);
    }
    if (ready && content->count > 1)
        status = gather_batch(writer, content);
    if (status != KAYA_OK)
        return status;
    if (ready) {
        status = encode(writer, content, first_lsn);
        kaya_appender_clear(appender, writer->carry_capacity);
        return status;
    }
    kaya_line_take(writer);
    status = writer->ending == KAYA_OK ? encode_alone(writer, content, first_lsn) : KAYA_ENDED;
    kaya_line_give(writer);
    return status;
}

/* --- calls ---------------------------------------------------------------------------------------------------------- */

static enum kaya_status put_and_await(struct kaya_wal_writer *writer, struct content *content,
                                      enum kaya_durability_mode mode, uint64_t *first_lsn)
{
    const struct appender *appender = &writer->log.appender;
    struct goal goal = { .is_durable = mode == KAYA_STRICT };
    enum kaya_status status;

    if (mode < KAYA_STRICT || mode > KAYA_BUFFERED)
        return KAYA_INVALID;
    content->refuses_to_wait = mode == KAYA_BUFFERED && writer->settings.full_is_busy;
    status = kaya_content_measure(writer, content);
    if (status == KAYA_OK)
        status = kaya_content_put(writer, content, first_lsn);
    if (status != KAYA_OK || mode == KAYA_BUFFERED)
        return status;
    if (mode == KAYA_STRICT)
        goal.lsn = *first_lsn + content->count - 1;
    goal.segment = appender->segment.number;
    goal.end = appender->end;
    return kaya_line_await(writer, &goal, KAYA_WAIT_FOREVER);
}

/* A buffered record that takes the short way: nobody is waited for, and nobody finds work by it. With the mutex, before and after. False: it
 * does not take it; nothing was done. */
static bool put_in_passing(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payload, uint64_t *lsn)
{
    if (writer->is_exclusive || !kaya_line_is_alive(writer) || !is_payload(payload) ||
        payload->length > writer->settings.record_bytes_max)
        return false;
    return put_clear(writer, payload, lsn);
}

static enum kaya_status append(struct kaya_wal_writer *writer, struct content *content,
                               enum kaya_durability_mode mode, uint64_t *first_lsn)
{
    enum kaya_status status;

    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    if (mode == KAYA_BUFFERED && content->count == 1 && put_in_passing(writer, content->payloads, first_lsn)) {
        kaya_mutex_unlock(writer->context.runtime, writer->mutex);
        return KAYA_OK;
    }
    status = kaya_line_come_in(writer);
    if (status != KAYA_OK)
        return status;
    status = put_and_await(writer, content, mode, first_lsn);
    kaya_line_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_append(struct kaya_wal_writer *writer, const struct kaya_wal_payload *payload,
                                        enum kaya_durability_mode mode, uint64_t *lsn)
{
    uint64_t unseen;

    return append(writer, &(struct content){ .payloads = payload, .count = 1 }, mode,
                  lsn != NULL ? lsn : &unseen);
}

enum kaya_status kaya_wal_writer_append_batch(struct kaya_wal_writer *writer,
                                              const struct kaya_wal_payload *payloads, size_t count,
                                              enum kaya_durability_mode mode, uint64_t *first_lsn,
                                              uint64_t *last_lsn)
{
    uint64_t first = 0;
    enum kaya_status status =
        append(writer, &(struct content){ .payloads = payloads, .count = count }, mode, &first);

    if (status == KAYA_OK && first_lsn != NULL)
        *first_lsn = first;
    if (status == KAYA_OK && last_lsn != NULL)
        *last_lsn = first + count - 1;
    return status;
}

static enum kaya_status await_all(struct kaya_wal_writer *writer, bool is_durable)
{
    const struct appender *appender = &writer->log.appender;
    enum kaya_status status = kaya_line_enter(writer);

    if (status != KAYA_OK)
        return status;
    status = kaya_line_await(
        writer,
        &(struct goal){ .segment = appender->segment.number, .end = appender->end, .is_durable = is_durable },
        KAYA_WAIT_FOREVER);
    kaya_line_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_flush(struct kaya_wal_writer *writer)
{
    return await_all(writer, false);
}

enum kaya_status kaya_wal_writer_sync(struct kaya_wal_writer *writer)
{
    return await_all(writer, true);
}

/* Behind a CLOSE the link is made durable at once, for the reason of leave_close_behind. */
static enum kaya_status rotate_now(struct kaya_wal_writer *writer)
{
    bool was_closed = writer->log.appender.last_type == FRAME_CLOSE && writer->log.appender.sequence > 0;
    enum kaya_status status = KAYA_OK;

    if (writer->ending != KAYA_OK)
        return KAYA_ENDED;
    if (writer->log.appender.sequence > 0)
        status = kaya_rotate(writer, 0, POOL_SPARES_MIN);
    if (status == KAYA_OK && was_closed)
        return kaya_rotation_sync(writer);
    if (status == KAYA_OK) {
        status = kaya_appender_flush(&writer->log.appender);
        if (status != KAYA_OK)
            status = kaya_line_end(writer, status);
    }
    return status;
}

enum kaya_status kaya_wal_writer_rotate(struct kaya_wal_writer *writer)
{
    enum kaya_status status = kaya_line_enter(writer);

    if (status != KAYA_OK)
        return status;
    kaya_line_take(writer);
    status = rotate_now(writer);
    kaya_line_give(writer);
    kaya_line_leave(writer);
    return status;
}
