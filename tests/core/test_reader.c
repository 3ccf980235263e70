/* Goal: a reader hands out, from any record on, what was appended, beside a writer that lives or not, writes nothing, stops
 * nobody, and never calls a healthy log damaged (P10).
 *
 * Method: one log read from every place; then a writer whose every call on the disk lets a reader look in between, and a
 * reader whose every call lets a writer work in between. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static const struct kaya_wal_config SMALL = { .segment_bytes = 8192, .block_bytes = 512 };
static const uint32_t LENGTHS[] = { 30, 0, 700, 64 };

static struct log_fixture *make_log(void)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    MUST(log_open(log));
    for (unsigned i = 0; i < 20; i++) {
        MUST(log_append(log, i * 71 % 900, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
        if (i % 4 == 1)
            MUST(log_append_batch(log, LENGTHS, 4, KAYA_STRICT));
    }
    return log;
}

Test(reader, it_stands_at_any_record_in_batches_too)
{
    struct log_fixture *log = make_log();

    for (unsigned is_open = 2; is_open-- > 0;) {
        for (uint64_t from = 0; from <= log->last_lsn + 1; from++) {
            struct kaya_wal_reader_options options = { .from_lsn = from };
            struct log_look look;

            log_look(log, &options, &look);
            cr_expect_eq(look.status, KAYA_OK, "from %" PRIu64, from);
            cr_expect(look.trouble[0] == '\0', "from %" PRIu64 ": %s", from, look.trouble);
            cr_expect_eq(look.first_lsn, from == 0 ? 1 : from);
            cr_expect_eq(look.last_lsn, log->last_lsn, "from %" PRIu64, from);
        }
        if (is_open)
            MUST(log_close(log));
    }
    log_fixture_destroy(log);
}

/* A record that was durable is missed; one that only the system had may go with a sync that fails, before the writer knows: but not what
 * stands in front of it. */
Test(reader, what_vanishes_beside_its_writer_is_damage_only_where_it_was_durable)
{
    enum {
        LINK = 512,
        FIRST_RECORD = LINK + 84,
        SECOND_RECORD = FIRST_RECORD + 28 + 100
    }; /* behind the header */
    static const struct {
        enum kaya_durability_mode mode; /* of the second record, which is read */
        size_t vanishes_from;
        enum kaya_status expected;
    } cases[] = {
        { KAYA_RELAXED, SECOND_RECORD, KAYA_IO },
        { KAYA_STRICT, SECOND_RECORD, KAYA_DAMAGED },
        { KAYA_RELAXED, FIRST_RECORD, KAYA_DAMAGED },
        { KAYA_RELAXED, LINK, KAYA_DAMAGED },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct kaya_wal_reader_options options = { .from_lsn = 2 };
        struct kaya_wal_reader *reader;
        struct kaya_wal_record record;
        size_t from = cases[i].vanishes_from;

        MUST(log_open(log));
        options.writer = log->writer;
        MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_append(log, 100, cases[i].mode));
        MUST(kaya_wal_reader_open(&log->environment, &options, &reader, NULL));
        memset(image_disk_segment(&log->image, 1)->bytes + from, 0, 4096 - from);
        cr_expect(eq(int, kaya_wal_reader_next(reader, &record), cases[i].expected), "case %zu", i);
        kaya_wal_reader_close(reader);
        log_fixture_destroy(log);
    }
}

Test(reader, what_lies_outside_the_log_is_invalid_or_trimmed)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_reader_options options = { .from_lsn = log->last_lsn + 2 };
    struct log_look look;

    log_look(log, &options, &look);
    cr_expect_eq(look.status, KAYA_INVALID);
    options.from_lsn = UINT64_MAX;
    log_look(log, &options, &look);
    cr_expect_eq(look.status, KAYA_INVALID);
    MUST(log_trim(log, log->durable_lsn));
    cr_assert_gt(log->first_lsn, 1);
    for (uint64_t from = 1; from < log->first_lsn; from++) {
        options.from_lsn = from;
        log_look(log, &options, &look);
        cr_expect_eq(look.status, KAYA_TRIMMED, "from %" PRIu64, from);
    }
    log_look(log, NULL, &look);
    cr_expect_eq(look.first_lsn, log->first_lsn, "0 means the first there is");
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(reader, those_of_the_writers_process_may_come_and_go_in_any_order)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_reader_options options = { .writer = log->writer };
    struct kaya_wal_reader *readers[3];

    for (unsigned first = 0; first < 3; first++) {
        for (unsigned i = 0; i < 3; i++)
            MUST(kaya_wal_reader_open(&log->environment, &options, &readers[i], NULL));
        for (unsigned i = 0; i < 3; i++) {
            unsigned closed = (first + i) % 3;
            struct kaya_wal_record record;

            MUST(kaya_wal_reader_next(readers[closed], &record));
            cr_expect_eq(record.lsn, log->first_lsn);
            kaya_wal_reader_close(readers[closed]);
        }
    }
    MUST(log_trim(log, log->durable_lsn)); /* nobody holds a segment any more */
    cr_assert_gt(log->first_lsn, 1);
    options.from_lsn = 1;
    cr_expect_eq(kaya_wal_reader_open(&log->environment, &options, &readers[0], NULL), KAYA_TRIMMED);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(reader, where_no_log_is_none_is_found)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_NOT_FOUND);
    log->image.exists = true;
    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_NOT_FOUND);
    (void)image_disk_add(&log->image, "0000000000000001.new", NULL, 0);
    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_NOT_FOUND);
    cr_expect(eq(u64, log->image.change_count, 0));
    log_fixture_destroy(log);
}

Test(reader, an_empty_log_ends_at_once)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;

    MUST(log_open(log));
    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    cr_expect_eq(kaya_wal_reader_next(reader, &record), KAYA_END);
    cr_expect_eq(kaya_wal_reader_next(reader, &record), KAYA_END);
    kaya_wal_reader_close(reader);
    kaya_wal_reader_close(NULL);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* The end is that of the moment of opening. */
Test(reader, it_ends_where_the_log_ended_when_it_was_opened)
{
    struct log_fixture *log = make_log();
    uint64_t last_lsn = log->last_lsn;
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    uint64_t lsn = 0;

    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    for (unsigned i = 0; i < 30; i++)
        MUST(log_append(log, 500, KAYA_STRICT));
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK)
        cr_expect_eq(record.lsn, ++lsn);
    cr_expect_eq(lsn, last_lsn);
    kaya_wal_reader_close(reader);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(reader, durable_only_leaves_out_what_no_claim_covers)
{
    struct kaya_wal_reader_options durable = { .durable_only = true };
    struct log_fixture *log = make_log();
    struct log_look look, all;
    uint64_t durable_lsn;

    MUST(log_append(log, 100, KAYA_STRICT));
    durable_lsn = log->last_lsn - 1; /* claimed by the frame of the last append, which itself nothing claims yet */
    for (unsigned i = 0; i < 3; i++)
        MUST(log_append(log, 100, KAYA_RELAXED));
    log_look(log, NULL, &all);
    cr_expect_eq(all.last_lsn, log->last_lsn);
    cr_expect_lt(all.durable_lsn, log->last_lsn, "the last is not said to be durable");
    cr_expect_geq(all.durable_lsn, durable_lsn);
    log_look(log, &durable, &look);
    cr_expect(look.trouble[0] == '\0', "%s", look.trouble);
    cr_expect_geq(look.last_lsn, durable_lsn);
    cr_expect_lt(look.last_lsn, log->last_lsn);
    cr_expect_eq(look.last_lsn, all.durable_lsn);
    MUST(log_close(log));
    log_look(log, &durable, &look);
    cr_expect_eq(look.last_lsn, log->last_lsn, "CLOSE claims all");
    log_fixture_destroy(log);
}

Test(reader, it_reads_on_over_a_log_that_another_process_recovers)
{
    struct log_fixture *log = make_log();
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    uint64_t lsn = 0;

    MUST(log_append(log, 300, KAYA_RELAXED));
    other->environment.disk = &log->image.disk; /* memory of its own, the same files */
    MUST(kaya_wal_reader_open(&other->environment, NULL, &reader, NULL));
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq(kaya_wal_reader_next(reader, &record), KAYA_OK);
    lsn = record.lsn;
    log->writer = NULL; /* the writer dies, its handles with it; the reader's live on */
    log->image.locked = false;
    MUST(log_open(log));
    for (unsigned i = 0; i < 20; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK)
        cr_expect_eq(record.lsn, ++lsn);
    cr_expect_geq(lsn, 36);
    kaya_wal_reader_close(reader);
    cr_expect(eq(u64, kaya_sim_memory_in_use(other->memory), 0));
    log_fixture_destroy(other);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* At every moment. */

struct onlooker {
    struct log_fixture *log;   /* the writer's */
    struct log_fixture *other; /* memory of another process, on the same files; its records are the writer's */
    bool is_looking;
    uint64_t look_count;
    uint64_t acknowledged_lsn;
    uint64_t trimmed_lsn;
    char trouble[LOG_TEXT_BYTES];
};

static void look_on(void *user, struct image_disk *image, enum image_call call)
{
    struct onlooker *onlooker = user;
    struct log_fixture *other = onlooker->other;
    struct kaya_wal_inspection inspection;
    struct log_look look;
    uint64_t changes = image->change_count;
    enum kaya_status status;

    if (onlooker->is_looking || (call != IMAGE_WRITE && call != IMAGE_RENAME && call != IMAGE_UNLINK &&
                                 call != IMAGE_SYNC && call != IMAGE_TRUNCATE && call != IMAGE_ALLOCATE))
        return;
    onlooker->is_looking = true;
    onlooker->look_count++;
    other->last_lsn = onlooker->log->last_lsn; /* what is being appended may be seen already */
    memcpy(other->records, onlooker->log->records, sizeof other->records);
    log_look(other, NULL, &look);
    status = kaya_wal_verify(&other->environment, NULL, &inspection);
    if (onlooker->trouble[0] == '\0') {
        if (look.status != KAYA_OK && (look.status != KAYA_NOT_FOUND || onlooker->acknowledged_lsn > 0))
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble,
                           "the reader answers %s: %s at %" PRIu64 " 0x%" PRIx64, kaya_status_name(look.status),
                           look.report.damage_reason, look.report.damage_segment, look.report.damage_offset);
        else if (look.trouble[0] != '\0')
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble, "the reader: %.200s", look.trouble);
        else if (look.last_lsn < onlooker->acknowledged_lsn)
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble,
                           "the reader ends at %" PRIu64 ", %" PRIu64 " is there", look.last_lsn,
                           onlooker->acknowledged_lsn);
        else if (status != look.status ||
                 (status == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED))
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble, "verify answers %s, %s",
                           kaya_status_name(status), kaya_wal_verdict_name(inspection.report.verdict));
        else if (image->change_count != changes)
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble, "somebody who only reads wrote");
        else if (kaya_sim_memory_in_use(other->memory) != 0)
            (void)snprintf(onlooker->trouble, sizeof onlooker->trouble, "memory leaked");
    }
    onlooker->is_looking = false;
}

/* One step of a life with everything in it. */
static enum kaya_status live(struct log_fixture *log, uint64_t step, bool may_die)
{
    uint64_t roll = step * 2654435761 % 97;

    if (log->writer == NULL)
        return log_open(log);
    if (roll < 45)
        return log_append(log, step * 40503 % 900, roll % 3 ? KAYA_STRICT : KAYA_RELAXED);
    if (roll < 60)
        return log_append_batch(log, LENGTHS, 4, roll % 2 ? KAYA_STRICT : KAYA_RELAXED);
    if (roll < 66)
        return log_sync(log);
    if (roll < 72)
        return log_rotate(log);
    if (roll < 82)
        return log_trim(log, log->durable_lsn > 12 ? log->durable_lsn - 12 : 0);
    if (roll < 88)
        return log_close(log);
    if (roll < 93 && may_die)
        log_kill(log);
    return KAYA_OK;
}

static void look_on_at(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(geometry, config);
    struct log_fixture *other = log_fixture_create(geometry, config);
    struct onlooker *onlooker = calloc(1, sizeof *onlooker);

    *onlooker = (struct onlooker){ .log = log, .other = other };
    other->environment.disk = &log->image.disk;
    log->image.before_call = look_on;
    log->image.user = onlooker;
    for (uint64_t step = 0; step < 250; step++) {
        MUST(live(log, step, true));
        onlooker->acknowledged_lsn = log->last_lsn;
        cr_assert(onlooker->trouble[0] == '\0', "step %" PRIu64 ": %s", step, onlooker->trouble);
    }
    cr_expect_gt(onlooker->look_count, 500);
    free(onlooker);
    log->image.before_call = NULL;
    log_kill(log);
    log_fixture_destroy(other);
    log_fixture_destroy(log);
}

Test(reader, a_live_log_is_healthy_at_every_moment)
{
    look_on_at(&LOG_DENSE, &SMALL);
    look_on_at(&LOG_PADDED_512, &SMALL);
}

/* A writer that works while the reader reads: at each of the reader's calls, a step. */
struct busy_writer {
    struct log_fixture *log;
    bool is_working;
    uint64_t step;
    uint64_t every;
    uint64_t calls;
};

static void work(void *user, struct image_disk *image, enum image_call call)
{
    struct busy_writer *busy = user;

    (void)image;
    (void)call;
    if (busy->is_working || ++busy->calls % busy->every != 0)
        return;
    busy->is_working = true;
    if (busy->log->last_lsn < LOG_RECORDS_MAX - 20)
        (void)live(busy->log, busy->step++, false); /* with the process, the reader's handles would go */
    busy->is_working = false;
}

Test(reader, a_log_that_changes_under_the_reader_is_never_called_damaged)
{
    for (uint64_t every = 1; every <= 40; every += every < 8 ? 1 : 5) {
        struct log_fixture *log = make_log();
        struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);
        struct busy_writer busy = { .log = log, .every = every };
        uint64_t good_count = 0;

        other->environment.disk = &log->image.disk;
        log->image.before_call = work;
        log->image.user = &busy;
        for (unsigned round = 0; round < 40; round++) {
            struct log_look look;

            busy.is_working = true;
            if (log->writer == NULL)
                MUST(log_open(log));
            busy.is_working = false;
            log_look(other, NULL, &look);
            cr_expect(look.status == KAYA_OK || look.status == KAYA_BUSY || look.status == KAYA_TRIMMED,
                      "every %" PRIu64 ", round %u: %s, %s", every, round, kaya_status_name(look.status),
                      look.report.damage_reason);
            good_count += look.status == KAYA_OK;
        }
        cr_expect(every < 8 || good_count > 0, "every %" PRIu64 ": none of 40 got through", every);
        log->image.before_call = NULL;
        log_kill(log);
        log_fixture_destroy(other);
        log_fixture_destroy(log);
    }
}

/* At one of the reader's calls, another process does all this at once. */
struct takeover {
    struct log_fixture *log, *other;
    uint64_t call, at;
    bool is_done;
};

static void take_over(void *user, struct image_disk *image, enum image_call call)
{
    struct takeover *takeover = user;
    struct log_fixture *log = takeover->log;

    (void)call;
    if (takeover->is_done || takeover->call++ != takeover->at)
        return;
    takeover->is_done = true;
    log->writer = NULL; /* the writer died; the reader's handles live on */
    image->locked = false;
    MUST(log_open(log));
    for (unsigned i = 0; i < 12; i++) { /* until each file had another life, and frames of it */
        MUST(log_rotate(log));
        MUST(log_append(log, 300, KAYA_STRICT));
        MUST(log_append(log, 300, KAYA_STRICT));
        MUST(log_trim(log, log->last_lsn));
    }
    memcpy(takeover->other->records, log->records, sizeof log->records);
    takeover->other->last_lsn = log->last_lsn;
}

/* The head is the whole log, so nothing below it tells that it is no longer there. A recovery copies it and deletes it; of a closed log the file goes on,
 * and gets another life once it is trimmed. The reader must not take what is left of it for the log's end. */
static void take_over_at_each_call(bool is_closed)
{
    enum { WRITTEN = 5, CALLS_MAX = 200 };
    bool is_through = false;

    for (uint64_t at = 0; at < CALLS_MAX && !is_through; at++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);
        struct takeover takeover = { .log = log, .other = other, .at = at };
        struct log_look look;

        MUST(log_open(log));
        for (unsigned i = 0; i < WRITTEN; i++)
            MUST(log_append(log, 100, KAYA_RELAXED));
        if (is_closed)
            MUST(log_close(log));
        memcpy(other->records, log->records, sizeof log->records);
        other->last_lsn = log->last_lsn;
        other->environment.disk = &log->image.disk;
        log->image.before_call = take_over;
        log->image.user = &takeover;
        log_look(other, NULL, &look);
        is_through = !takeover.is_done;
        cr_expect(look.status == KAYA_OK || look.status == KAYA_BUSY || look.status == KAYA_TRIMMED,
                  "call %" PRIu64 ": %s", at, kaya_status_name(look.status));
        cr_expect(look.status != KAYA_OK || look.report.last_lsn >= WRITTEN,
                  "call %" PRIu64 ": the log ends with %" PRIu64, at, look.report.last_lsn);
        log->image.before_call = NULL;
        log_kill(log);
        log_fixture_destroy(other);
        log_fixture_destroy(log);
    }
    cr_expect(is_through, "a look takes more calls than %u", CALLS_MAX);
}

Test(reader, a_head_that_gets_another_life_while_it_is_read_is_not_the_end)
{
    take_over_at_each_call(false);
    take_over_at_each_call(true);
}

/* What a writer does between the calls of a reader of another process: two steps, each in front of one of its calls. */
struct interruption {
    struct log_fixture *log, *other;
    void (*steps[2])(struct log_fixture *log);
    uint64_t at[2];
    uint64_t call;
    unsigned done;
    bool is_working;
};

static void interrupt(void *user, struct image_disk *image, enum image_call call)
{
    struct interruption *interruption = user;
    struct log_fixture *log = interruption->log;

    (void)image;
    (void)call;
    if (interruption->is_working)
        return;
    interruption->is_working = true;
    while (interruption->done < 2 && interruption->call >= interruption->at[interruption->done])
        interruption->steps[interruption->done++](log);
    memcpy(interruption->other->records, log->records, log->last_lsn * sizeof *log->records);
    interruption->other->last_lsn = log->last_lsn;
    interruption->call++;
    interruption->is_working = false;
}

static void look_interrupted(struct interruption *interruption, struct log_look *look)
{
    struct log_fixture *log = interruption->log;
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);

    interruption->other = other;
    other->environment.disk = &log->image.disk;
    log->image.user = interruption;
    log->image.before_call = interrupt;
    log_look(other, NULL, look);
    log->image.before_call = NULL;
    cr_expect(look->trouble[0] == '\0', "calls %" PRIu64 ", %" PRIu64 ": %s", interruption->at[0],
              interruption->at[1], look->trouble);
    log_fixture_destroy(other);
}

static void rename_file(struct log_fixture *log, const char *from, const char *to)
{
    struct image_file *file = image_disk_find(&log->image, from);

    cr_assert_not_null(file, "%s", from);
    (void)snprintf(file->name, sizeof file->name, "%s", to);
}

static void rotate_twice(struct log_fixture *log)
{
    for (unsigned i = 0; i < 2; i++) {
        MUST(log_rotate(log));
        MUST(log_append(log, 300, KAYA_STRICT));
    }
}

static void append_and_trim(struct log_fixture *log)
{
    MUST(log_append(log, 300, KAYA_STRICT));
    MUST(log_trim(log, log->last_lsn));
}

/* Until each file had another life, and frames of it. */
static void trim_and_use_again(struct log_fixture *log)
{
    for (unsigned i = 0; i < 6; i++) {
        rotate_twice(log);
        append_and_trim(log);
    }
}

/* Recovery had renamed a spare away. */
static void rename_back_and_rotate(struct log_fixture *log)
{
    rename_file(log, "0000000000000002.away", "0000000000000002.wal");
    rotate_twice(log);
}

/* The first look misses a segment that was listed under another name, the second one misses it because it was trimmed: both have their reason, and both
 * name the same place. */
Test(reader, what_two_looks_miss_for_two_reasons_is_no_damage)
{
    enum { CALLS_MAX = 400 };
    bool is_through = false;

    for (uint64_t first = 0; first < CALLS_MAX && !is_through; first++) {
        bool is_second_through = false;

        for (uint64_t second = first + 1; second < CALLS_MAX && !is_second_through; second++) {
            struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
            struct interruption interruption = { .log = log,
                                                 .steps = { rename_back_and_rotate, append_and_trim },
                                                 .at = { first, second } };
            struct log_look look;

            log->config.spare_count = 3; /* so that nothing else is missed */
            MUST(log_open(log));
            MUST(log_append(log, 300, KAYA_STRICT));
            rename_file(log, "0000000000000002.wal", "0000000000000002.away");
            look_interrupted(&interruption, &look);
            cr_expect(look.status == KAYA_OK || look.status == KAYA_TRIMMED,
                      "calls %" PRIu64 ", %" PRIu64 ": %s, %s", first, second, kaya_status_name(look.status),
                      look.report.damage_reason);
            is_through = interruption.done == 0;
            is_second_through = interruption.done < 2;
            log_kill(log);
            log_fixture_destroy(log);
        }
    }
    cr_expect(is_through, "a look takes more calls than %u", CALLS_MAX);
}

static bool pass_by(void *user, const struct kaya_wal_item *item)
{
    (void)user;
    (void)item;
    return true;
}

/* A file that is shown goes, and has another life before all of it was read. */
Test(reader, inspect_sees_no_damage_in_what_a_trim_takes)
{
    enum { CALLS_MAX = 400 };
    bool is_through = false;

    for (uint64_t call = 0; call < CALLS_MAX && !is_through; call++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);
        struct interruption interruption = {
            .log = log, .other = other, .steps = { trim_and_use_again, append_and_trim }, .at = { call, call }
        };
        struct kaya_wal_inspection inspection;
        enum kaya_status status;

        MUST(log_open(log));
        MUST(log_append(log, 300, KAYA_STRICT));
        rotate_twice(log);
        other->environment.disk = &log->image.disk;
        log->image.user = &interruption;
        log->image.before_call = interrupt;
        status = kaya_wal_inspect_path(&other->environment, NULL, pass_by, NULL, &inspection);
        log->image.before_call = NULL;
        cr_expect(eq(int, status, KAYA_OK), "call %" PRIu64, call);
        cr_expect(eq(u64, inspection.damage_count, 0), "call %" PRIu64, call);
        is_through = interruption.done == 0;
        log_kill(log);
        log_fixture_destroy(other);
        log_fixture_destroy(log);
    }
    cr_expect(is_through, "inspect takes more calls than %u", CALLS_MAX);
}

/* What a trim has freed may be back after a crash, in any subset, and its links counted once. The head goes while it is looked for: then what stands below
 * it is not the log's end. */
Test(reader, a_leftover_below_a_head_that_goes_is_not_the_head)
{
    enum { CALLS_MAX = 400 };
    static const char *const LEFT[] = { "0000000000000001.wal", "0000000000000002.wal" };
    bool is_through = false;

    for (uint64_t call = 0; call < CALLS_MAX && !is_through; call++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct image_disk before = { .exists = false };
        struct interruption interruption = { .log = log,
                                             .steps = { rotate_twice, append_and_trim },
                                             .at = { call, call } };
        struct log_look look;
        uint64_t last_lsn;

        MUST(log_open(log));
        MUST(log_append(log, 300, KAYA_STRICT));
        rotate_twice(log);
        image_disk_init(&before, &LOG_DENSE);
        image_disk_copy(&before, &log->image);
        append_and_trim(log);
        for (size_t i = 0; i < sizeof LEFT / sizeof *LEFT; i++) {
            const struct image_file *file = image_disk_find(&before, LEFT[i]);

            (void)image_disk_add(&log->image, LEFT[i], file->bytes, file->size);
        }
        last_lsn = log->last_lsn;
        look_interrupted(&interruption, &look);
        cr_expect(look.status == KAYA_OK || look.status == KAYA_TRIMMED, "call %" PRIu64 ": %s, %s", call,
                  kaya_status_name(look.status), look.report.damage_reason);
        cr_expect_geq(look.report.last_lsn, last_lsn, "call %" PRIu64 ": the log ends with %" PRIu64, call,
                      look.report.last_lsn);
        is_through = interruption.done == 0;
        image_disk_destroy(&before);
        log_kill(log);
        log_fixture_destroy(log);
    }
    cr_expect(is_through, "a look takes more calls than %u", CALLS_MAX);
}

/* Mended records are marked. */
Test(reader, a_mended_record_says_so_and_its_bytes_are_right)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    struct log_look look;
    uint64_t lsn;

    MUST(log_close(log));
    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    do
        MUST(kaya_wal_reader_next(reader, &record));
    while (record.lsn < 8 || record.in_batch || record.length < 40);
    image_disk_segment(&log->image, record.segment)->bytes[record.offset_bytes + 40] ^= 4;
    lsn = record.lsn;
    kaya_wal_reader_close(reader);
    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s", look.trouble);
    cr_expect_eq(look.mended_count, 1);
    cr_expect_eq(look.mended_lsn, lsn);
    cr_expect_eq(look.report.mended_count, 1);
    log_fixture_destroy(log);
}

/* Of each range that starts at one place two readings in a row are bad: small ones, of headers and links, come back as zeros, the others fail. */
struct bad_reads {
    struct {
        const struct image_file *file;
        uint64_t offset;
        unsigned count;
    } ranges[512];
    size_t range_count;
    unsigned struck;
};

static enum kaya_status strike_twice(void *user, struct image_disk *image, struct image_file *file,
                                     uint64_t offset, uint8_t *bytes, size_t length, bool past_cache)
{
    struct bad_reads *reads = user;
    size_t at = 0;

    (void)image;
    (void)past_cache;
    while (at < reads->range_count && (reads->ranges[at].file != file || reads->ranges[at].offset != offset))
        at++;
    cr_assert_lt(at, sizeof reads->ranges / sizeof *reads->ranges);
    if (at == reads->range_count) {
        reads->range_count++;
        reads->ranges[at].file = file;
        reads->ranges[at].offset = offset;
    }
    if (reads->ranges[at].count++ % 3 == 2)
        return KAYA_OK;
    reads->struck++;
    if (length > 128)
        return KAYA_IO;
    memset(bytes, 0, length);
    return KAYA_OK;
}

Test(reader, readings_that_are_bad_twice_in_a_row_are_not_noticed)
{
    struct log_fixture *log = make_log();
    struct bad_reads reads = { .struck = 0 };
    struct log_look look;

    MUST(log_close(log));
    log->image.user = &reads;
    log->image.during_read = strike_twice;
    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_OK);
    cr_expect_eq(look.first_lsn, 1);
    cr_expect_eq(look.last_lsn, log->last_lsn);
    cr_expect(look.trouble[0] == '\0', "%s", look.trouble);
    cr_expect_gt(reads.struck, 10);
    MUST(log_open(log));
    log->image.during_read = NULL;
    log_look(log, NULL, &look);
    cr_expect_eq(look.last_lsn, log->last_lsn);
    log_fixture_destroy(log);
}

/* Readings of the last block past the cache, be it alone or with what stands behind it, a letter each: `t` shows the truth, `f` and `g` a flip, `x` another block. The one through the
 * cache was true. */
struct words {
    const char *next;
    unsigned count; /* of readings past the cache */
    uint64_t block;
};

static enum kaya_status tell(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                             uint8_t *bytes, size_t length, bool past_cache)
{
    struct words *words = user;

    (void)image;
    (void)file;
    if (length < 512 || !past_cache || (words->count > 0 && offset != words->block))
        return KAYA_OK;
    words->count++;
    words->block = offset;
    if (*words->next == 'f' || *words->next == 'g')
        bytes[(unsigned char)*words->next] ^= 4;
    if (*words->next == 'x')
        memset(bytes, 0x5a, 512);
    words->next += *words->next != '\0';
    return KAYA_OK;
}

/* After two bad readings in a row the next one is good. So what three in a row say is true, and nothing less. */
Test(reader, an_end_is_what_three_readings_in_a_row_say)
{
    static const struct kaya_wal_config small = { .segment_bytes = 4096, .block_bytes = 512 };
    static const char *const readings[] = { "tt",    "ftt",   "fftt",   "ffttt", "fttt",
                                            "tfttt", "xxttt", "tffttt", "fgttt", "tfgttt" };

    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &small);
        struct words words = { .next = readings[i] };

        MUST(log_open(log));
        for (unsigned record = 0; record < 3; record++)
            MUST(log_append(log, 300, KAYA_STRICT));
        MUST(log_close(log));
        log->image.user = &words;
        log->image.during_read = tell;
        MUST(log_open(log));
        cr_expect_eq(log->report.verdict, KAYA_VERDICT_CLEAN, "%s", readings[i]);
        cr_expect(log->report.closed_cleanly, "%s", readings[i]);
        cr_expect_eq(*words.next, 0, "%s: not %s", readings[i], words.next);
        cr_expect_leq(words.count, 16, "%s: %u", readings[i], words.count);
        log->image.during_read = NULL;
        log_fixture_destroy(log);
    }
}

/* What a reader has not read yet goes bad under it, in the middle of the log: it says so, and does not go on with what stands behind. */
Test(reader, a_segment_that_ends_too_early_is_no_end_and_no_gap)
{
    enum { RECORDS = 150, BYTES = 4000 };
    struct kaya_wal_config config = { .segment_bytes = 1 << 20, .block_bytes = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    struct image_file *file;
    enum kaya_status status;
    uint64_t next = 1;

    MUST(log_open(log));
    for (unsigned i = 0; i < RECORDS; i++)
        MUST(log_append(log, BYTES, KAYA_RELAXED));
    MUST(log_rotate(log));
    MUST(log_append(log, BYTES, KAYA_STRICT));
    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    MUST(kaya_wal_reader_next(reader, &record));
    file = image_disk_segment(&log->image, 1);
    memset(file->bytes + file->size / 2, 0, file->size / 2); /* not read yet: it is further than what is read at once */
    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        cr_assert(eq(u64, record.lsn, ++next));
    cr_expect(eq(int, status, KAYA_DAMAGED));
    cr_expect_lt(next, RECORDS);
    kaya_wal_reader_close(reader);
    log_fixture_destroy(log);
}
