/* Goal: tend makes durable what was written, before anybody asks for it, and claims no more than that. Method: logs on a disk in memory that counts
 * and fails calls; what frames claim is worked out from FORMAT.md alone. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "dissect.h"
#include "log_fixture.h"

/* An eighth of a segment is synced ahead: 4 KiB. */
static const struct kaya_wal_config SMALL = { .segment_bytes = 32768, .block_bytes = 512 };

enum { LENGTH = 100, FRAME = LENGTH + 28, ENOUGH = 4096 / FRAME + 1 };

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)
#define ANSWERS(call, wanted) cr_expect_eq((call), wanted, "%s", #call)

static struct log_fixture *begin(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(geometry, config);
    bool more = true;

    MUST(log_open(log));
    while (more)
        MUST(kaya_wal_writer_tend(log->writer, &more));
    return log;
}

static void end(struct log_fixture *log)
{
    MUST(log_close(log));
    log_fixture_destroy(log);
}

static void append(struct log_fixture *log, unsigned count, enum kaya_durability_mode mode)
{
    for (unsigned i = 0; i < count; i++)
        MUST(log_append(log, LENGTH, mode));
}

/* How many syncs of files a tend came to. */
static uint64_t tend(struct log_fixture *log)
{
    uint64_t before = log->image.counts[IMAGE_SYNC];

    MUST(kaya_wal_writer_tend(log->writer, NULL));
    return log->image.counts[IMAGE_SYNC] - before;
}

Test(ahead, an_eighth_of_a_segment_is_made_durable_at_a_time)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    uint64_t last;

    append(log, ENOUGH / 2, KAYA_RELAXED);
    cr_expect(eq(u64, tend(log), 0), "that is too little");
    append(log, ENOUGH, KAYA_BUFFERED);
    cr_expect(eq(u64, tend(log), 0), "nobody has written it");
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 0));
    MUST(kaya_wal_writer_flush(log->writer));
    last = kaya_wal_writer_last_lsn(log->writer);
    append(log, 3, KAYA_BUFFERED);
    cr_expect(eq(u64, tend(log), 1));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), last),
              "what was written, and not what was buffered");
    cr_expect(eq(u64, tend(log), 0), "there is nothing more");
    MUST(log_rotate(log));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), last + 3));
    cr_expect(eq(u64, tend(log), 0), "nor in a segment that has just begun");
    end(log);
}

Test(ahead, nothing_is_where_each_sync_is_padded)
{
    struct log_fixture *log = begin(&LOG_PADDED_512, &SMALL);

    append(log, 3 * ENOUGH, KAYA_RELAXED);
    cr_expect(eq(u64, tend(log), 0));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 0));
    end(log);
}

Test(ahead, what_was_made_durable_is_not_synced_again)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    uint64_t syncs;

    append(log, ENOUGH, KAYA_RELAXED);
    cr_expect(eq(u64, tend(log), 1));
    syncs = log->image.counts[IMAGE_SYNC];
    MUST(log_sync(log));
    MUST(log_trim(log, 1));
    cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs));
    end(log);
}

/* Records as long as a segment fills with, no sync in between: what no claim covers would be more than a successor can carry. */
static uint64_t syncs_to_fill(struct log_fixture *log, bool tends)
{
    uint64_t syncs = log->image.counts[IMAGE_SYNC];
    uint64_t segments = log->image.counts[IMAGE_OPEN];

    while (log->image.counts[IMAGE_OPEN] == segments) { /* a rotation opens the next one */
        append(log, 1, KAYA_RELAXED);
        if (tends)
            (void)tend(log);
        if (log->image.counts[IMAGE_SYNC] > syncs + 100)
            break;
    }
    return log->image.counts[IMAGE_SYNC] - syncs;
}

Test(ahead, a_segment_that_is_synced_ahead_needs_no_claim_of_its_own)
{
    struct kaya_wal_config config = SMALL;

    config.spare_count = 4;
    for (unsigned tends = 0; tends < 2; tends++) {
        struct log_fixture *log = begin(&LOG_DENSE, &config);

        (void)syncs_to_fill(log, tends > 0);
        log_forget_events(log);
        (void)syncs_to_fill(log, tends > 0);
        if (tends)
            cr_expect_null(log_event(log, KAYA_EVENT_CLAIM_SECURED, 0));
        else
            cr_expect_not_null(log_event(log, KAYA_EVENT_CLAIM_SECURED, 0));
        end(log);
    }
}

/* The beginning of the long record was written, its end was not. */
Test(ahead, a_record_that_was_written_in_part_is_not_claimed)
{
    static struct dissection segment;
    struct kaya_wal_config config = SMALL;
    struct log_fixture *log;
    const struct image_file *file;
    uint64_t last, whole;

    config.buffer_bytes = 512;
    log = begin(&LOG_DENSE, &config);
    append(log, ENOUGH, KAYA_RELAXED);
    last = kaya_wal_writer_last_lsn(log->writer);
    file = image_disk_segment(&log->image, 1);
    dissect(&segment, file->bytes, file->size);
    whole = segment.end;
    MUST(log_append(log, 3000, KAYA_BUFFERED));
    dissect(&segment, file->bytes, file->size);
    cr_assert(lt(u64, whole, segment.end), "a part of it was written");
    cr_expect(eq(u64, tend(log), 1));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), last));
    append(log, 1, KAYA_RELAXED);
    dissect(&segment, file->bytes, file->size);
    cr_expect(eq(u64, segment.frames[segment.frame_count - 1].durable, whole));
    end(log);
}

Test(ahead, a_failure_ends_the_handle_and_is_told_once)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    const struct log_event *ended;

    append(log, ENOUGH, KAYA_RELAXED);
    log->image.failure = KAYA_IO;
    log->image.fail_at = log->image.call_count + 1;
    log_forget_events(log);
    ANSWERS(kaya_wal_writer_tend(log->writer, NULL), KAYA_IO);
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 0));
    ANSWERS(log_append(log, LENGTH, KAYA_BUFFERED), KAYA_ENDED);
    ANSWERS(kaya_wal_writer_tend(log->writer, NULL), KAYA_ENDED);
    ended = log_event(log, KAYA_EVENT_HANDLE_ENDED, 0);
    cr_assert_not_null(ended);
    cr_expect_null(log_event(log, KAYA_EVENT_HANDLE_ENDED, (size_t)(ended - log->events) + 1));
    log_kill(log);
    MUST(log_open(log));
    cr_expect(eq(u64, log->report.last_lsn, ENOUGH));
    end(log);
}

/* What happens while the disk is at work: as another thread would do it, for no lock is held then. */
struct meanwhile {
    struct log_fixture *log;
    enum image_call call; /* during the next one of these */
    enum kaya_status (*act)(struct log_fixture *log);
    enum kaya_status status; /* what came of it */
};

static void act_once(void *user, struct image_disk *image, enum image_call call)
{
    struct meanwhile *meanwhile = user;

    if (call != meanwhile->call)
        return;
    image->before_call = NULL;
    meanwhile->status = meanwhile->act(meanwhile->log);
}

static void watch(struct meanwhile *meanwhile)
{
    meanwhile->log->image.before_call = act_once;
    meanwhile->log->image.user = meanwhile;
}

static enum kaya_status want_a_sync(struct log_fixture *log)
{
    return kaya_wal_writer_wait_durable(log->writer, ENOUGH, 1000);
}

/* Of two that fail together the system may tell only one. */
Test(ahead, who_wants_a_sync_waits_for_the_one_under_way_instead_of_another)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct meanwhile meanwhile = { .log = log, .call = IMAGE_SYNC, .act = want_a_sync };

    append(log, ENOUGH, KAYA_RELAXED);
    watch(&meanwhile);
    cr_expect(eq(u64, tend(log), 1), "one sync at a time");
    ANSWERS(meanwhile.status, KAYA_BUSY);
    ANSWERS(want_a_sync(log), KAYA_OK);
    end(log);
}

static enum kaya_status tend_in_vain(struct log_fixture *log)
{
    log->image.failure = KAYA_IO;
    log->image.fail_at = log->image.call_count + 1;
    return kaya_wal_writer_tend(log->writer, NULL);
}

/* What a failed sync leaves of it in the cache nobody knows. */
Test(ahead, what_is_written_beside_a_sync_that_fails_is_not_acknowledged)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct meanwhile meanwhile = { .log = log, .call = IMAGE_WRITE, .act = tend_in_vain };

    append(log, ENOUGH, KAYA_RELAXED);
    watch(&meanwhile);
    ANSWERS(log_append(log, LENGTH, KAYA_RELAXED), KAYA_IO);
    ANSWERS(meanwhile.status, KAYA_IO);
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 0));
    log_kill(log);
    MUST(log_open(log));
    end(log);
}

/* Each turn leaves a record behind what its sync makes durable, so no claim is of the place right before the frame that makes it. All that was appended is
 * more than a spare can carry, and the disk has no room for a longer one. */
Test(ahead, a_recovery_carries_nothing_that_was_claimed_from_further_back)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    uint64_t claimed = 0;

    for (unsigned turn = 0; turn < 6; turn++) {
        append(log, ENOUGH, KAYA_RELAXED);
        append(log, 1, KAYA_BUFFERED);
        cr_expect(eq(u64, tend(log), 1));
        claimed = kaya_wal_writer_durable_lsn(log->writer);
    }
    append(log, 1, KAYA_RELAXED);
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
    log_kill(log);
    MUST(log_open(log));
    cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
    cr_expect(eq(u64, log->report.carried_records, log->last_lsn - claimed));
    end(log);
}
