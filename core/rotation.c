/* The next segment takes over.
 *
 * The old segment is synced, whatever the mode of its records, before the new one's link is encoded: a link is a claim. The new one takes a
 * record only while the spares behind it are durable under their numbers. Everything here is done by one thread that has the log to itself. */
#include "rotation.h"

enum kaya_status kaya_refuse(enum kaya_status status)
{
    return status == KAYA_OK || status == KAYA_GONE || status == KAYA_NO_MEMORY || status == KAYA_LIMIT
               ? status
               : KAYA_FULL;
}

enum kaya_status kaya_rotation_sync(struct kaya_wal_writer *writer)
{
    enum kaya_status status = kaya_appender_sync(&writer->log.appender);

    if (status != KAYA_OK)
        return kaya_line_end(writer, status);
    kaya_publish(writer->context.runtime, &writer->durable_lsn, kaya_line_next_lsn(writer) - 1);
    return KAYA_OK;
}

enum kaya_status kaya_rotation_secure(struct kaya_wal_writer *writer)
{
    enum kaya_status status = kaya_appender_secure(&writer->log.appender);

    if (status != KAYA_OK)
        return kaya_line_end(writer, status);
    kaya_publish(writer->context.runtime, &writer->durable_lsn, kaya_line_next_lsn(writer) - 1);
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

    return (struct link){ .base_lsn = kaya_line_next_lsn(writer),
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
    return status == KAYA_OK ? KAYA_OK : kaya_line_end(writer, status);
}

/* Let the next segment, one that fits a record of `cost`, take over. Its link is encoded, to be written with what follows. */
enum kaya_status kaya_rotate(struct kaya_wal_writer *writer, uint64_t cost, unsigned behind_min)
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
        return kaya_refuse(status);
    status = leave_trace(writer);
    if (status == KAYA_OK)
        status = kaya_rotation_sync(writer);
    if (status == KAYA_OK) {
        link = make_link(writer, nonce);
        status = kaya_appender_begin(appender, &writer->context, &segment, &link, writer->settings.stride_bytes);
        if (status != KAYA_OK)
            status = kaya_line_end(writer, status);
    }
    if (status == KAYA_OK) {
        writer->log.has_appended = false;
        writer->log.has_passed_over =
            writer->log.has_passed_over || appender->segment.number != link.predecessor + 1;
        kaya_pool_follow(&writer->log.pool, appender->segment.number);
        writer->log.chain[writer->log.chain_count - 1].end = link.predecessor_end;
        kaya_log_push_chain(&writer->log);
        kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_SEGMENT_ROTATED,
                                                            .segment = appender->segment.number,
                                                            .lsn = link.base_lsn });
    }
    kaya_segment_close(&segment, &writer->context);
    return status;
}
