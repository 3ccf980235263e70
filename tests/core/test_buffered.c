/* Goal: what a buffered append promises, which is order and nothing else, and who writes it when. Method: logs on a disk in memory that counts
 * calls and can be killed, in every geometry; the crash of a process takes what nobody wrote. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "log_fixture.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 32768, .block_bytes = 512 };
static const struct kaya_geometry *const GEOMETRIES[] = { &LOG_DENSE, &LOG_PADDED_512, &LOG_PADDED_4096 };

enum { GEOMETRIES_COUNT = sizeof GEOMETRIES / sizeof *GEOMETRIES, BUFFERED = 9 };

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static struct log_fixture *begin(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(geometry, config);

    MUST(log_open(log));
    return log;
}

static void end(struct log_fixture *log)
{
    if (log->writer != NULL)
        MUST(log_close(log));
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "memory is given back");
    log_fixture_destroy(log);
}

static void buffer(struct log_fixture *log, unsigned count)
{
    static const uint32_t LENGTHS[] = { 30, 0, 700, 64 };

    for (unsigned i = 0; i < count; i++)
        MUST(log_append(log, LENGTHS[i % 4], KAYA_BUFFERED));
}

/* What a reader of this process, or with `beside` of another, is given. */
static uint64_t last_seen(struct log_fixture *log, bool beside, const char *when)
{
    struct kaya_wal_reader_options options = { .writer = beside ? NULL : log->writer };
    struct log_look look;

    log_look(log, &options, &look);
    cr_expect_eq(look.status, KAYA_OK, "%s: %s", when, kaya_status_name(look.status));
    cr_expect(look.trouble[0] == '\0', "%s: %s", when, look.trouble);
    return look.last_lsn;
}

Test(buffered, nothing_reaches_the_disk_until_somebody_writes_it)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        struct log_fixture *log = begin(GEOMETRIES[g], &SMALL);
        uint64_t calls, syncs;

        MUST(log_append(log, 40, KAYA_STRICT));
        calls = log->image.call_count;
        buffer(log, BUFFERED);
        cr_expect(eq(u64, log->image.call_count, calls), "no call of the disk");
        cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), 1 + BUFFERED));
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 1));
        cr_expect(eq(u64, last_seen(log, false, "buffered"), 1));
        cr_expect(eq(u64, last_seen(log, true, "buffered, beside"), 1));

        syncs = log->image.counts[IMAGE_SYNC];
        calls = log->image.counts[IMAGE_WRITE];
        MUST(kaya_wal_writer_flush(log->writer));
        cr_expect(eq(u64, log->image.counts[IMAGE_WRITE], calls + 1), "one write for all of them");
        cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs), "and no sync");
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 1));
        cr_expect(eq(u64, last_seen(log, false, "flushed"), 1 + BUFFERED));
        cr_expect(eq(u64, last_seen(log, true, "flushed, beside"), 1 + BUFFERED));

        calls = log->image.call_count;
        MUST(kaya_wal_writer_flush(log->writer));
        cr_expect(le(u64, log->image.counts[IMAGE_SYNC], syncs), "a flush of nothing syncs nothing");
        MUST(log_sync(log));
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 1 + BUFFERED));
        end(log);
    }
}

enum writer_of_all {
    BY_FLUSH,
    BY_SYNC,
    BY_RELAXED,
    BY_STRICT,
    BY_BATCH,
    BY_ROTATE,
    BY_TRIM,
    BY_CLOSE,
    WRITERS
};

static void write_all(struct log_fixture *log, enum writer_of_all by)
{
    static const uint32_t LENGTHS[] = { 10, 20 };

    switch (by) {
    case BY_FLUSH:
        MUST(kaya_wal_writer_flush(log->writer));
        break;
    case BY_SYNC:
        MUST(log_sync(log));
        break;
    case BY_RELAXED:
        MUST(log_append(log, 50, KAYA_RELAXED));
        break;
    case BY_STRICT:
        MUST(log_append(log, 50, KAYA_STRICT));
        break;
    case BY_BATCH:
        MUST(log_append_batch(log, LENGTHS, 2, KAYA_RELAXED));
        break;
    case BY_ROTATE:
        MUST(log_rotate(log));
        break;
    case BY_TRIM: /* its mark makes durable what stands before it */
        MUST(log_trim(log, 2));
        break;
    default:
        MUST(log_close(log));
    }
}

/* The process dies, and the next one recovers. */
static void expect_recovered(struct log_fixture *log, uint64_t last_lsn, const char *what)
{
    log_kill(log);
    MUST(log_open(log));
    cr_expect(eq(u64, log->report.last_lsn, last_lsn), "%s", what);
    cr_expect(eq(u64, last_seen(log, true, what), last_lsn), "%s", what);
    cr_expect(ne(int, log->report.verdict, KAYA_VERDICT_DAMAGED), "%s", what);
}

Test(buffered, what_comes_behind_it_writes_it_too)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        for (int by = 0; by < WRITERS; by++) {
            struct log_fixture *log = begin(GEOMETRIES[g], &SMALL);
            static const uint32_t LENGTHS[] = { 90, 10 };
            char what[40];
            uint64_t last;

            (void)snprintf(what, sizeof what, "geometry %zu, by %d", g, by);
            MUST(log_append(log, 40, KAYA_STRICT));
            MUST(log_rotate(log)); /* so that a trim has something to free */
            buffer(log, BUFFERED);
            MUST(log_append_batch(log, LENGTHS, 2, KAYA_BUFFERED));
            write_all(log, (enum writer_of_all)by);
            last = log->last_lsn;
            if (log->writer != NULL) {
                buffer(log, 3); /* and these go with the process */
                log->last_lsn = last;
            }
            expect_recovered(log, last, what);
            end(log);
        }
    }
}

Test(buffered, a_full_buffer_is_written_and_the_rest_is_a_prefix)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        struct kaya_wal_config config = { .segment_bytes = 1 << 20, .block_bytes = 4096, .buffer_bytes = 8192 };
        struct log_fixture *log = begin(GEOMETRIES[g], &config);
        uint64_t syncs = log->image.counts[IMAGE_SYNC];
        uint64_t writes = log->image.counts[IMAGE_WRITE], written;

        for (unsigned i = 0; i < 1000; i++) {
            MUST(log_append(log, 100, KAYA_BUFFERED));
            written = last_seen(log, false, "filling");
            cr_assert(le(u64, written, log->last_lsn));
            cr_assert(le(u64, (log->last_lsn - written) * 128, 2 * 8192), "what waits fits the buffer");
        }
        cr_expect(lt(u64, 10, log->image.counts[IMAGE_WRITE] - writes));
        cr_expect(lt(u64, log->image.counts[IMAGE_WRITE] - writes, 40), "not one a record");
        cr_expect(le(u64, log->image.counts[IMAGE_SYNC] - syncs, 2));
        written = last_seen(log, false, "at last");
        log->last_lsn = written;
        expect_recovered(log, written, "died");
        end(log);
    }
}

Test(buffered, a_buffer_of_any_size_takes_records_of_any_size)
{
    static const uint32_t BUFFERS[] = { 1, 512, 600, 4096, 40000, 1 << 30 };

    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        for (size_t i = 0; i < sizeof BUFFERS / sizeof *BUFFERS; i++) {
            struct kaya_wal_config config = SMALL;
            struct log_fixture *log;
            uint32_t lengths[] = { 3000, 0, 600 };

            config.segment_bytes = 131072;
            config.buffer_bytes = BUFFERS[i];
            log = begin(GEOMETRIES[g], &config);
            for (uint32_t length = 0; length < 7000; length += 333) {
                enum kaya_status status =
                    log_append(log, length, length % 2 == 0 ? KAYA_BUFFERED : KAYA_RELAXED);

                cr_assert_eq(status, KAYA_OK, "geometry %zu, buffer %u, length %u: %s", g, BUFFERS[i], length,
                             kaya_status_name(status));
                MUST(log_append_batch(log, lengths, 3, KAYA_BUFFERED));
            }
            MUST(kaya_wal_writer_flush(log->writer));
            cr_expect(eq(u64, last_seen(log, false, "all sizes"), log->last_lsn));
            expect_recovered(log, log->last_lsn, "all sizes");
            end(log);
        }
    }
}

/* What no claim covers stays small enough for every spare, however long nobody syncs. */
Test(buffered, a_log_that_nobody_syncs_can_be_recovered)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        struct log_fixture *log = begin(GEOMETRIES[g], &SMALL);

        for (unsigned i = 0; i < 400; i++) {
            MUST(log_append(log, 200 + i % 900, KAYA_BUFFERED));
            if (i % 57 == 0) {
                MUST(kaya_wal_writer_flush(log->writer));
                expect_recovered(log, log->last_lsn, "flushed and died");
            }
        }
        cr_expect_not_null(log_event(log, KAYA_EVENT_SEGMENT_ROTATED, 0));
        end(log);
    }
}

Test(buffered, a_failed_flush_ends_the_handle_and_promises_nothing)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);

    MUST(log_append(log, 40, KAYA_STRICT));
    buffer(log, BUFFERED);
    log->image.fail_at = log->image.call_count + 1;
    log->image.failure = KAYA_IO;
    cr_expect(eq(int, kaya_wal_writer_flush(log->writer), KAYA_IO));
    log->image.fail_at = 0;
    cr_expect(eq(int, log_append(log, 1, KAYA_BUFFERED), KAYA_ENDED));
    cr_expect(eq(int, kaya_wal_writer_flush(log->writer), KAYA_ENDED));
    cr_expect(eq(int, log_sync(log), KAYA_ENDED));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 1));
    cr_expect(eq(int, log_close(log), KAYA_ENDED));
    log->last_lsn = 1;
    expect_recovered(log, 1, "none was written");
    end(log);
}

Test(buffered, a_failed_write_of_a_full_buffer_is_told_to_who_filled_it)
{
    struct kaya_wal_config config = { .segment_bytes = 1 << 20, .block_bytes = 4096, .buffer_bytes = 4096 };
    struct log_fixture *log = begin(&LOG_DENSE, &config);
    enum kaya_status status = KAYA_OK;
    unsigned count;

    MUST(log_append(log, 40, KAYA_STRICT));
    log->image.fail_at = log->image.call_count + 1;
    log->image.failure = KAYA_IO;
    for (count = 0; status == KAYA_OK && count < 100; count++)
        status = log_append(log, 100, KAYA_BUFFERED);
    cr_expect(eq(int, status, KAYA_IO));
    cr_expect(lt(uint, 20, count));
    cr_expect(lt(uint, count, 40), "a buffer holds 30 of them");
    cr_expect(eq(int, log_append(log, 1, KAYA_BUFFERED), KAYA_ENDED));
    log->image.fail_at = 0;
    cr_expect(eq(int, log_close(log), KAYA_ENDED));
    end(log);
}

/* Calls that come in while a write is on its way: the disk makes them, from within. */
struct crowd {
    struct log_fixture *log;
    bool is_inside;
    unsigned accepted;
    enum kaya_status refusal;
};

static void crowd_in(void *user, struct image_disk *image, enum image_call call)
{
    struct crowd *crowd = user;

    (void)image;
    if (call != IMAGE_WRITE || crowd->is_inside)
        return;
    crowd->is_inside = true;
    do {
        crowd->refusal = log_append(crowd->log, 100, KAYA_BUFFERED);
        crowd->accepted += crowd->refusal == KAYA_OK;
    } while (crowd->refusal == KAYA_OK);
}

Test(buffered, two_full_buffers_are_busy_where_that_was_asked_for)
{
    struct kaya_wal_config config = {
        .segment_bytes = 1 << 20, .block_bytes = 4096, .buffer_bytes = 8192, .full_is_busy = true
    };
    struct log_fixture *log = begin(&LOG_DENSE, &config);
    struct crowd crowd = { .log = log };

    MUST(log_append(log, 40, KAYA_STRICT));
    buffer(log, BUFFERED);
    log->image.before_call = crowd_in;
    log->image.user = &crowd;
    MUST(kaya_wal_writer_flush(log->writer));
    log->image.before_call = NULL;
    cr_expect(eq(int, crowd.refusal, KAYA_BUSY));
    cr_expect(lt(uint, 50, crowd.accepted));
    cr_expect(lt(uint, crowd.accepted, 70), "8192 / 128");
    MUST(log_append(log, 100, KAYA_BUFFERED));
    MUST(log_append(log, 100, KAYA_RELAXED));
    cr_expect(eq(u64, last_seen(log, false, "all but the refused one"), log->last_lsn));
    end(log);
}
