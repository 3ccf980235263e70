/* Goal: a ticket is complete when what its mode promises holds, or the handle has ended, never before and always then; each completion is called
 * once, without the lock; limits hold; nothing is left at stop. Method: logs on a disk in memory that counts calls, fails the one that a test names,
 * and calls back in the middle of a write or sync as another thread would. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "log_fixture.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 32768, .block_bytes = 512 };
static const struct kaya_geometry *const GEOMETRIES[] = { &LOG_DENSE, &LOG_PADDED_512, &LOG_PADDED_4096 };

enum { GEOMETRIES_COUNT = sizeof GEOMETRIES / sizeof *GEOMETRIES, SOON_NS = 1000000 };

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)
#define ANSWERS(call, status) cr_expect_eq((call), (status), "%s", #call)

static struct log_fixture *begin(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(geometry, config);

    MUST(log_open(log));
    return log;
}

static void end(struct log_fixture *log)
{
    if (log->writer != NULL)
        MUST(kaya_wal_writer_close(log->writer));
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "memory is given back");
    log_fixture_destroy(log);
}

static const struct kaya_wal_payload PAYLOAD = { .type = KAYA_RECORD_PUT, .bytes = "0123456789", .length = 10 };

static struct kaya_wal_ticket submit(struct log_fixture *log, enum kaya_durability_mode mode)
{
    struct kaya_wal_ticket ticket = { 0 };

    MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, mode, NULL, &ticket));
    cr_expect(eq(u64, ticket.first_lsn, ticket.last_lsn));
    cr_expect(eq(u64, ticket.last_lsn, kaya_wal_writer_last_lsn(log->writer)));
    return ticket;
}

/* What the process leaves when it dies now. */
static uint64_t survivors(struct log_fixture *log)
{
    log_kill(log);
    MUST(log_open(log));
    return log->report.last_lsn;
}

Test(submit, a_ticket_is_complete_when_its_mode_holds)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        struct log_fixture *log = begin(GEOMETRIES[g], &SMALL);
        struct kaya_wal_ticket strict, relaxed, buffered;
        uint64_t calls, syncs;

        MUST(log_append(log, 40, KAYA_STRICT));
        calls = log->image.call_count;
        relaxed = submit(log, KAYA_RELAXED);
        strict = submit(log, KAYA_STRICT);
        buffered = submit(log, KAYA_BUFFERED);
        cr_expect(eq(u64, log->image.call_count, calls), "a submit leaves the disk alone");
        ANSWERS(kaya_wal_writer_poll(log->writer, &relaxed), KAYA_BUSY);
        ANSWERS(kaya_wal_writer_poll(log->writer, &strict), KAYA_BUSY);
        ANSWERS(kaya_wal_writer_poll(log->writer, &buffered), KAYA_OK);
        ANSWERS(kaya_wal_writer_wait(log->writer, &strict, 0), KAYA_BUSY);
        cr_expect(eq(u64, log->image.call_count, calls), "and so does a look");

        syncs = log->image.counts[IMAGE_SYNC];
        MUST(kaya_wal_writer_wait(log->writer, &relaxed, KAYA_WAIT_FOREVER));
        cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs), "relaxed waits for no sync");
        MUST(kaya_wal_writer_poll(log->writer, &relaxed));
        ANSWERS(kaya_wal_writer_poll(log->writer, &strict), KAYA_BUSY);
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 1));

        MUST(kaya_wal_writer_wait(log->writer, &strict, SOON_NS));
        cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs + 1), "one sync for all");
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 4));
        calls = log->image.call_count;
        MUST(kaya_wal_writer_wait(log->writer, &strict, KAYA_WAIT_FOREVER));
        MUST(kaya_wal_writer_wait_durable(log->writer, 4, KAYA_WAIT_FOREVER));
        MUST(kaya_wal_writer_wait_durable(log->writer, 0, KAYA_WAIT_FOREVER));
        cr_expect(eq(u64, log->image.call_count, calls), "what is there already costs nothing");
        cr_expect(eq(u64, survivors(log), 4));
        end(log);
    }
}

Test(submit, what_was_never_submitted_is_invalid)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct kaya_wal_payload wrong = { .type = (enum kaya_wal_record_type)9 };
    struct kaya_wal_ticket ticket = { 1, 1, KAYA_STRICT };
    uint64_t calls = log->image.call_count;

    ANSWERS(kaya_wal_writer_wait(log->writer, &ticket, KAYA_WAIT_FOREVER), KAYA_INVALID);
    ANSWERS(kaya_wal_writer_poll(log->writer, &ticket), KAYA_INVALID);
    ANSWERS(kaya_wal_writer_wait_durable(log->writer, 1, KAYA_WAIT_FOREVER), KAYA_INVALID);
    ANSWERS(kaya_wal_writer_submit(log->writer, &wrong, KAYA_STRICT, NULL, &ticket), KAYA_INVALID);
    ANSWERS(kaya_wal_writer_submit_batch(log->writer, &wrong, 0, KAYA_STRICT, NULL, &ticket), KAYA_INVALID);
    for (int mode = 0; mode <= 4; mode += 4) {
        ticket = (struct kaya_wal_ticket){ .mode = (enum kaya_durability_mode)mode };
        ANSWERS(kaya_wal_writer_submit(log->writer, &PAYLOAD, ticket.mode, NULL, NULL), KAYA_INVALID);
        ANSWERS(kaya_wal_writer_append(log->writer, &PAYLOAD, ticket.mode, NULL), KAYA_INVALID);
        ANSWERS(kaya_wal_writer_wait(log->writer, &ticket, SOON_NS), KAYA_INVALID);
        ANSWERS(kaya_wal_writer_poll(log->writer, &ticket), KAYA_INVALID);
    }
    cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), 0));
    cr_expect(eq(u64, log->image.call_count, calls));
    MUST(kaya_wal_writer_poll(log->writer, NULL));
    end(log);
}

/* --- completions ---------------------------------------------------------------------------------------------------- */

enum { COMPLETIONS_MAX = 64 };

/* What completions were told, in order. */
struct told {
    struct log_fixture *log;
    unsigned count;
    uint64_t lsns[COMPLETIONS_MAX];
    enum kaya_status statuses[COMPLETIONS_MAX];
    unsigned again; /* so many are submitted from within */
};

static void hear(struct kaya_wal_completion *completion)
{
    struct told *told = completion->user;

    cr_assert(lt(uint, told->count, COMPLETIONS_MAX));
    told->lsns[told->count] = completion->ticket.last_lsn;
    told->statuses[told->count++] = completion->status;
    if (told->again > 0) {
        told->again--;
        MUST(kaya_wal_writer_submit(told->log->writer, &PAYLOAD, KAYA_STRICT, completion, NULL));
        ANSWERS(kaya_wal_writer_poll(told->log->writer, &completion->ticket), KAYA_BUSY);
    }
}

static void expect_told(const struct told *told, unsigned from, unsigned to, enum kaya_status status)
{
    cr_expect(eq(uint, told->count, to));
    for (unsigned i = from; i < to; i++) {
        cr_expect(eq(u64, told->lsns[i], i + 1), "in order, each once");
        cr_expect(eq(int, told->statuses[i], status));
    }
}

Test(submit, completions_are_called_once_in_order_when_they_are_due)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct told told = { .log = log };
    struct kaya_wal_completion completions[12];

    for (unsigned i = 0; i < 12; i++)
        completions[i] = (struct kaya_wal_completion){ .completed = hear, .user = &told };
    for (unsigned i = 0; i < 4; i++)
        MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completions[i], NULL));
    MUST(kaya_wal_writer_poll(log->writer, NULL));
    cr_expect(eq(uint, told.count, 0));
    MUST(kaya_wal_writer_sync(log->writer));
    cr_expect(eq(uint, told.count, 0), "a sync makes them due, and calls none");
    MUST(kaya_wal_writer_poll(log->writer, NULL));
    expect_told(&told, 0, 4, KAYA_OK);

    for (unsigned i = 4; i < 8; i++)
        MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, i % 2 ? KAYA_STRICT : KAYA_RELAXED,
                                    &completions[i], NULL));
    MUST(kaya_wal_writer_flush(log->writer));
    MUST(kaya_wal_writer_poll(log->writer, NULL));
    expect_told(&told, 4, 5, KAYA_OK); /* the relaxed one behind the strict one has to wait for it */
    MUST(kaya_wal_writer_wait(log->writer, &completions[7].ticket, KAYA_WAIT_FOREVER));
    expect_told(&told, 5, 8, KAYA_OK);
    for (unsigned i = 8; i < 12; i++)
        MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_BUFFERED, &completions[i], NULL));
    cr_expect(eq(uint, told.count, 8), "never within a submit");
    MUST(kaya_wal_writer_close(log->writer));
    log->writer = NULL;
    expect_told(&told, 8, 12, KAYA_OK);
    end(log);
}

Test(submit, a_completion_may_submit_again)
{
    struct kaya_wal_config config = SMALL;
    struct told told = { .again = 10 };
    struct kaya_wal_completion completion = { .completed = hear, .user = &told };
    struct log_fixture *log;

    config.submitted_records_max = 1;
    log = begin(&LOG_DENSE, &config);
    told.log = log;
    MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completion, NULL));
    for (unsigned round = 1; round <= 11; round++) {
        MUST(kaya_wal_writer_wait_durable(log->writer, round, KAYA_WAIT_FOREVER));
        expect_told(&told, 0, round, KAYA_OK);
    }
    MUST(kaya_wal_writer_stop(log->writer));
    expect_told(&told, 0, 11, KAYA_OK);
    end(log);
}

Test(submit, tend_does_it_for_those_who_only_poll)
{
    for (size_t g = 0; g < GEOMETRIES_COUNT; g++) {
        struct log_fixture *log = begin(GEOMETRIES[g], &SMALL);
        struct told told = { .log = log };
        struct kaya_wal_completion completion = { .completed = hear, .user = &told };
        struct kaya_wal_ticket relaxed, strict;
        uint64_t syncs;
        bool more = true;

        while (more)
            MUST(kaya_wal_writer_tend(log->writer, &more));
        MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completion, &strict));
        syncs = log->image.counts[IMAGE_SYNC];
        MUST(kaya_wal_writer_tend(log->writer, &more));
        expect_told(&told, 0, 1, KAYA_OK);
        cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs + 1));
        relaxed = submit(log, KAYA_RELAXED);
        MUST(kaya_wal_writer_tend(log->writer, &more));
        MUST(kaya_wal_writer_poll(log->writer, &relaxed));
        cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs + 1), "none for a relaxed one");
        (void)submit(log, KAYA_BUFFERED);
        MUST(kaya_wal_writer_tend(log->writer, &more));
        cr_expect(eq(u64, survivors(log), 2), "nor anything for a buffered one");
        end(log);
    }
}

/* --- failures and ends ---------------------------------------------------------------------------------------------- */

enum failing { FAIL_WAIT, FAIL_TEND, FAIL_APPEND, FAIL_SYNC, FAIL_FLUSH, FAIL_STOP, FAIL_WAYS };

static enum kaya_status fail_by(struct log_fixture *log, enum failing by, const struct kaya_wal_ticket *ticket)
{
    switch (by) {
    case FAIL_WAIT:
        return kaya_wal_writer_wait(log->writer, ticket, KAYA_WAIT_FOREVER);
    case FAIL_TEND:
        return kaya_wal_writer_tend(log->writer, NULL);
    case FAIL_APPEND:
        return kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_STRICT, NULL);
    case FAIL_SYNC:
        return kaya_wal_writer_sync(log->writer);
    case FAIL_FLUSH:
        return kaya_wal_writer_flush(log->writer);
    default:
        return kaya_wal_writer_stop(log->writer);
    }
}

Test(submit, a_failure_completes_every_ticket)
{
    for (int by = 0; by < FAIL_WAYS; by++) {
        for (uint64_t call = 1; call <= (by == FAIL_FLUSH ? 1 : 2); call++) { /* the write, and the sync */
            struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
            struct told told = { .log = log };
            struct kaya_wal_completion completions[6];
            struct kaya_wal_ticket tickets[6];
            bool more = true;

            while (more)
                MUST(kaya_wal_writer_tend(log->writer, &more));
            for (unsigned i = 0; i < 6; i++) {
                completions[i] = (struct kaya_wal_completion){ .completed = hear, .user = &told };
                MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completions[i], &tickets[i]));
                if (i == 1) {
                    MUST(kaya_wal_writer_sync(log->writer));
                }
            }
            log->image.fail_at = log->image.call_count + call;
            log->image.failure = KAYA_IO;
            cr_expect_eq(fail_by(log, (enum failing)by, &tickets[5]), KAYA_IO, "way %d call %" PRIu64, by, call);
            log->image.fail_at = 0;
            for (unsigned i = 0; i < 6; i++) {
                enum kaya_status want = i < 2 ? KAYA_OK : KAYA_IO;

                ANSWERS(kaya_wal_writer_poll(log->writer, &tickets[i]), want);
                ANSWERS(kaya_wal_writer_wait(log->writer, &tickets[i], KAYA_WAIT_FOREVER), want);
                cr_expect(eq(u64, told.lsns[i], i + 1));
                cr_expect_eq(told.statuses[i], want, "way %d, call %" PRIu64, by, call);
            }
            cr_expect(eq(uint, told.count, 6));
            ANSWERS(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completions[0], NULL),
                    KAYA_ENDED);
            ANSWERS(kaya_wal_writer_tend(log->writer, NULL), KAYA_ENDED);
            ANSWERS(kaya_wal_writer_close(log->writer), KAYA_ENDED);
            log->writer = NULL;
            cr_expect(eq(uint, told.count, 6), "none twice, and none of a refused submit");
            end(log);
        }
    }
}

Test(submit, stop_makes_all_durable_and_its_tickets_are_good_until_close)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct told told = { .log = log };
    struct kaya_wal_completion completion = { .completed = hear, .user = &told };
    struct kaya_wal_ticket ticket;

    MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completion, &ticket));
    MUST(kaya_wal_writer_stop(log->writer));
    expect_told(&told, 0, 1, KAYA_OK);
    MUST(kaya_wal_writer_wait(log->writer, &ticket, KAYA_WAIT_FOREVER));
    MUST(kaya_wal_writer_poll(log->writer, &ticket));
    ANSWERS(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, &completion, &ticket), KAYA_ENDED);
    ANSWERS(kaya_wal_writer_flush(log->writer), KAYA_ENDED);
    MUST(kaya_wal_writer_close(log->writer));
    log->writer = NULL;
    expect_told(&told, 0, 1, KAYA_OK);
    MUST(log_open(log));
    cr_expect(log->report.closed_cleanly);
    cr_expect(eq(u64, log->report.last_lsn, 1));
    end(log);
}

/* --- limits --------------------------------------------------------------------------------------------------------- */

/* Submits until refused; how many were taken. */
static unsigned submit_all(struct log_fixture *log, enum kaya_status *refusal)
{
    unsigned count = 0;

    while ((*refusal = kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, NULL, NULL)) == KAYA_OK)
        cr_assert(lt(uint, count++, 3000));
    return count;
}

Test(submit, beyond_a_limit_it_is_busy_where_that_was_asked_for)
{
    static const struct {
        struct kaya_wal_config config;
        unsigned count;
    } CASES[] = {
        { { .submitted_records_max = 1 }, 1 },
        { { .submitted_records_max = 1000 }, 1000 },
        { { .submitted_bytes_max = 10 * (39 + 10) }, 10 },
        { { .submitted_bytes_max = 10 * (39 + 10) - 1 }, 9 },
        { { .submitted_bytes_max = 1 }, 1 },
        { { .submitted_records_max = 7, .submitted_bytes_max = 1000 }, 7 },
    };

    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct kaya_wal_config config = CASES[i].config;
        enum kaya_status refusal;
        struct log_fixture *log;
        uint64_t syncs;

        config.full_is_busy = true;
        log = begin(&LOG_DENSE, &config);
        MUST(kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_STRICT, NULL));
        for (unsigned round = 0; round < 3; round++) {
            syncs = log->image.counts[IMAGE_SYNC];
            cr_expect(eq(uint, submit_all(log, &refusal), CASES[i].count), "case %zu", i);
            cr_expect(eq(int, refusal, KAYA_BUSY));
            cr_expect(eq(u64, log->image.counts[IMAGE_SYNC], syncs));
            MUST(kaya_wal_writer_wait_durable(log->writer, kaya_wal_writer_last_lsn(log->writer), SOON_NS));
        }
        end(log);
    }
}

Test(submit, beyond_a_limit_it_syncs_by_itself_otherwise)
{
    struct kaya_wal_config config = { .submitted_records_max = 50 };
    struct log_fixture *log = begin(&LOG_DENSE, &config);
    uint64_t syncs = log->image.counts[IMAGE_SYNC];

    for (uint64_t lsn = 1; lsn <= 1000; lsn++) {
        MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, NULL, NULL));
        cr_assert(le(u64, lsn - kaya_wal_writer_durable_lsn(log->writer), 50));
    }
    cr_expect(le(u64, 19, log->image.counts[IMAGE_SYNC] - syncs));
    cr_expect(le(u64, log->image.counts[IMAGE_SYNC] - syncs, 21), "one sync for each fifty");
    end(log);
}

Test(submit, batches_are_one_ticket)
{
    struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
    struct kaya_wal_payload payloads[3] = { PAYLOAD, PAYLOAD, PAYLOAD };
    struct kaya_wal_ticket ticket;

    (void)submit(log, KAYA_STRICT);
    MUST(kaya_wal_writer_submit_batch(log->writer, payloads, 3, KAYA_STRICT, NULL, &ticket));
    cr_expect(eq(u64, ticket.first_lsn, 2));
    cr_expect(eq(u64, ticket.last_lsn, 4));
    cr_expect(eq(int, ticket.mode, KAYA_STRICT));
    MUST(kaya_wal_writer_wait(log->writer, &ticket, KAYA_WAIT_FOREVER));
    cr_expect(eq(u64, survivors(log), 4));
    end(log);
}

Test(submit, tickets_outlive_rotations_and_trims)
{
    struct log_fixture *log = begin(&LOG_PADDED_512, &SMALL);
    struct kaya_wal_ticket relaxed = submit(log, KAYA_RELAXED), strict = submit(log, KAYA_STRICT), last;

    MUST(kaya_wal_writer_rotate(log->writer));
    MUST(kaya_wal_writer_poll(log->writer, &relaxed));
    MUST(kaya_wal_writer_poll(log->writer, &strict));
    last = submit(log, KAYA_RELAXED);
    ANSWERS(kaya_wal_writer_poll(log->writer, &last), KAYA_BUSY);
    MUST(kaya_wal_writer_truncate_before(log->writer, 3, NULL));
    MUST(kaya_wal_writer_poll(log->writer, &strict));
    MUST(kaya_wal_writer_poll(log->writer, &last));
    end(log);
}

/* --- while others are on their way ---------------------------------------------------------------------------------- */

struct passer {
    struct log_fixture *log;
    enum image_call at;
    unsigned calls; /* so many are left */
    struct kaya_wal_ticket ticket;
    enum kaya_status seen;
};

/* In the middle of somebody's write or sync: submit and look. */
static void pass_by(void *user, struct image_disk *image, enum image_call call)
{
    struct passer *passer = user;

    (void)image;
    if (call != passer->at || passer->calls == 0)
        return;
    passer->calls--;
    MUST(kaya_wal_writer_submit(passer->log->writer, &PAYLOAD, KAYA_STRICT, NULL, &passer->ticket));
    passer->seen = kaya_wal_writer_poll(passer->log->writer, &passer->ticket);
}

Test(submit, a_record_that_came_while_a_sync_was_under_way_is_not_in_it)
{
    static const enum image_call MOMENTS[] = { IMAGE_WRITE, IMAGE_SYNC };

    for (size_t i = 0; i < 2; i++) {
        struct log_fixture *log = begin(&LOG_DENSE, &SMALL);
        struct passer passer = { .log = log, .at = MOMENTS[i], .calls = 1 };

        MUST(kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_STRICT, NULL));
        log->image.before_call = pass_by;
        log->image.user = &passer;
        MUST(kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_STRICT, NULL));
        log->image.before_call = NULL;
        cr_expect(eq(int, passer.seen, KAYA_BUSY));
        ANSWERS(kaya_wal_writer_poll(log->writer, &passer.ticket), KAYA_BUSY);
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 2));
        MUST(kaya_wal_writer_wait(log->writer, &passer.ticket, KAYA_WAIT_FOREVER));
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 3));
        end(log);
    }
}

/* --- the commit delay ----------------------------------------------------------------------------------------------- */

Test(submit, a_commit_delay_passes_before_a_sync_and_only_there)
{
    struct kaya_wal_config config = SMALL;
    struct log_fixture *log;
    uint64_t before;

    config.commit_delay_ns = 5000000;
    log = begin(&LOG_DENSE, &config);
    before = kaya_now_ns(log->environment.runtime);
    MUST(kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_RELAXED, NULL));
    cr_expect(lt(u64, kaya_now_ns(log->environment.runtime) - before, 5000000));
    before = kaya_now_ns(log->environment.runtime);
    MUST(kaya_wal_writer_append(log->writer, &PAYLOAD, KAYA_STRICT, NULL));
    cr_expect(le(u64, 5000000, kaya_now_ns(log->environment.runtime) - before));
    cr_expect(eq(u64, survivors(log), 2));
    end(log);
}

/* Who leads with little time of his own does not spend more of it on others. */
Test(submit, a_wait_gathers_no_longer_than_its_time)
{
    struct kaya_wal_config config = SMALL;
    struct kaya_wal_ticket ticket;
    struct log_fixture *log;
    uint64_t before;

    config.commit_delay_ns = 5000000;
    log = begin(&LOG_DENSE, &config);
    MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, NULL, &ticket));
    before = kaya_now_ns(log->environment.runtime);
    MUST(kaya_wal_writer_wait(log->writer, &ticket, 1000));
    cr_expect(le(u64, kaya_now_ns(log->environment.runtime) - before, 1000));
    MUST(kaya_wal_writer_submit(log->writer, &PAYLOAD, KAYA_STRICT, NULL, &ticket));
    before = kaya_now_ns(log->environment.runtime);
    MUST(kaya_wal_writer_wait(log->writer, &ticket, KAYA_WAIT_FOREVER));
    cr_expect(le(u64, 5000000, kaya_now_ns(log->environment.runtime) - before));
    end(log);
}
