/* Goal: trimming frees whole segments and only those, the mark stays, what it frees never comes back, and a log that is
 * trimmed does not grow (P8, F10). Method: logs of small segments in memory, trimmed at every record. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

enum { SEGMENT_BYTES = 8192, RECORDS = 60 };
static const struct kaya_wal_config SMALL = { .segment_bytes = SEGMENT_BYTES, .block_bytes = 512 };

static struct log_fixture *make_log(void)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    MUST(log_open(log));
    for (unsigned i = 0; i < RECORDS; i++)
        MUST(log_append(log, 700, KAYA_STRICT));
    return log;
}

/* The first record of each record's segment: asked of the reader, which says where records stand. */
static void find_segments(struct log_fixture *log, uint64_t segment_of[RECORDS + 2])
{
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;

    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK)
        segment_of[record.lsn] = record.segment;
    kaya_wal_reader_close(reader);
}

static void expect_range(struct log_fixture *log, uint64_t first_lsn, uint64_t last_lsn)
{
    struct kaya_wal_reader_options below = { .from_lsn = first_lsn - 1 };
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s %s", kaya_status_name(look.status),
              look.trouble);
    cr_expect(eq(u64, look.first_lsn, first_lsn));
    cr_expect(eq(u64, look.last_lsn, last_lsn));
    if (first_lsn > 1) {
        log_look(log, &below, &look);
        cr_expect_eq(look.status, KAYA_TRIMMED);
    }
}

Test(trim, the_mark_is_the_first_record_of_the_first_segment_that_stays)
{
    for (uint64_t lsn = 0; lsn <= RECORDS + 1; lsn++) {
        struct log_fixture *log = make_log();
        uint64_t segment_of[RECORDS + 2] = { 0 };
        uint64_t expected = lsn < 1 ? 1 : lsn > RECORDS ? RECORDS : lsn;
        uint64_t low = 0;

        find_segments(log, segment_of);
        cr_assert_gt(segment_of[RECORDS], 4);
        while (expected > 1 && segment_of[expected - 1] == segment_of[expected])
            expected--;
        MUST(kaya_wal_writer_truncate_before(log->writer, lsn, &low));
        cr_expect_eq(low, expected, "before %" PRIu64 ": low water %" PRIu64 ", not %" PRIu64, lsn, low,
                     expected);
        cr_expect_eq(kaya_wal_writer_first_lsn(log->writer), expected);
        expect_range(log, expected, RECORDS);
        log_kill(log);
        MUST(log_open(log));
        cr_expect_eq(log->report.first_lsn, expected, "the mark stays");
        expect_range(log, expected, RECORDS);
        MUST(log_close(log));
        expect_range(log, expected, RECORDS);
        log_fixture_destroy(log);
    }
}

Test(trim, what_is_not_durable_cannot_be_let_go)
{
    struct log_fixture *log = make_log();
    uint64_t low = 77;

    MUST(log_append(log, 10, KAYA_RELAXED));
    cr_expect_eq(kaya_wal_writer_truncate_before(log->writer, RECORDS + 2, &low), KAYA_INVALID);
    cr_expect_eq(kaya_wal_writer_truncate_before(log->writer, UINT64_MAX, &low), KAYA_INVALID);
    cr_expect_eq(kaya_wal_writer_first_lsn(log->writer), 1);
    MUST(kaya_wal_writer_truncate_before(log->writer, RECORDS + 1, &low));
    MUST(log_sync(log));
    cr_expect_eq(kaya_wal_writer_truncate_before(log->writer, RECORDS + 3, &low), KAYA_INVALID);
    MUST(kaya_wal_writer_truncate_before(log->writer, RECORDS + 2, &low));
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, nothing_is_written_where_no_segment_can_go)
{
    struct log_fixture *log = make_log();
    uint64_t segment_of[RECORDS + 2] = { 0 };
    uint64_t changes;

    find_segments(log, segment_of);
    changes = log->image.change_count;
    for (uint64_t lsn = 0; segment_of[lsn] <= segment_of[1]; lsn++)
        MUST(log_trim(log, lsn));
    cr_expect(eq(u64, log->image.change_count, changes));
    MUST(log_trim(log, 40));
    changes = log->image.change_count;
    for (uint64_t lsn = 0; lsn <= 40; lsn++)
        MUST(log_trim(log, lsn));
    cr_expect(eq(u64, log->image.change_count, changes), "a second time");
    cr_expect_gt(kaya_wal_writer_first_lsn(log->writer), 1);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, the_mark_is_durable_before_a_file_goes)
{
    struct log_fixture *log = make_log();
    uint64_t syncs = log->image.counts[IMAGE_SYNC];

    MUST(log_trim(log, RECORDS));
    cr_expect_gt(log->image.counts[IMAGE_SYNC], syncs);
    cr_expect_not_null(log_event(log, KAYA_EVENT_TRIMMED, 0));
    cr_expect_eq(log_event(log, KAYA_EVENT_TRIMMED, 0)->lsn, log->first_lsn);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, a_log_that_is_trimmed_keeps_to_a_constant)
{
    struct log_fixture *log = make_log();
    uint64_t most = 0;

    for (unsigned round = 0; round < 400; round++) {
        if (log->last_lsn > LOG_RECORDS_MAX - 10)
            break;
        MUST(log_append(log, 100 + round * 13 % 900, round % 3 ? KAYA_STRICT : KAYA_RELAXED));
        if (round % 7 == 0)
            MUST(log_trim(log, log->durable_lsn > 5 ? log->durable_lsn - 5 : 0));
        if (round % 31 == 0) {
            log_kill(log);
            MUST(log_open(log));
        }
        if (round > 20 && image_disk_bytes_stored(&log->image) > most)
            most = image_disk_bytes_stored(&log->image);
    }
    /* Live: the last 12 records at most, in three segments; two spares and one being freed. */
    cr_expect_leq(most, 7 * SEGMENT_BYTES);
    expect_range(log, log->first_lsn, log->last_lsn);
    cr_expect_not_null(log_event(log, KAYA_EVENT_SEGMENT_RECYCLED, 0));
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* As with a tending thread: the spares are there again before the trim comes. What it frees is written over all the same. */
Test(trim, where_spares_are_prepared_ahead_files_are_still_recycled)
{
    struct log_fixture *log = make_log();
    uint64_t allocations = 0;

    for (unsigned round = 0; round < 20; round++) {
        bool more = true;

        MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_rotate(log));
        while (more)
            MUST(kaya_wal_writer_tend(log->writer, &more));
        MUST(log_trim(log, log->durable_lsn));
        if (round == 2)
            allocations = log->image.counts[IMAGE_ALLOCATE];
    }
    cr_expect_eq(log->image.counts[IMAGE_ALLOCATE], allocations);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, everything_may_go_and_numbers_count_on)
{
    struct log_fixture *log = make_log();

    MUST(log_rotate(log));
    MUST(log_trim(log, RECORDS + 1));
    cr_expect_geq(log->first_lsn, RECORDS - 10);
    MUST(log_close(log));
    MUST(log_open(log));
    cr_expect_eq(log->last_lsn, RECORDS);
    MUST(log_append(log, 1, KAYA_STRICT));
    MUST(log_trim(log, RECORDS + 2));
    log_kill(log);
    MUST(log_open(log));
    cr_expect_eq(log->last_lsn, RECORDS + 1);
    expect_range(log, log->first_lsn, RECORDS + 1);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, readers_of_the_writer_pin_what_they_need)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_reader_options options = { .from_lsn = 15, .writer = log->writer };
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    uint64_t low = 0;
    uint64_t lsn = 15;

    MUST(kaya_wal_reader_open(&log->environment, &options, &reader, NULL));
    MUST(kaya_wal_writer_truncate_before(log->writer, RECORDS, &low));
    cr_expect_leq(low, 15);
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK) {
        cr_expect_eq(record.lsn, lsn);
        if (lsn == 40) { /* what lies behind the reader may go meanwhile */
            MUST(kaya_wal_writer_truncate_before(log->writer, RECORDS, &low));
            cr_expect_leq(low, 41);
            cr_expect_gt(low, 15);
        }
        lsn++;
    }
    cr_expect_eq(lsn, RECORDS + 1);
    kaya_wal_reader_close(reader);
    MUST(kaya_wal_writer_truncate_before(log->writer, RECORDS, &low));
    cr_expect_gt(low, 40);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(trim, a_reader_that_pins_nothing_is_told_that_its_place_is_gone)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    enum kaya_status status;
    uint64_t lsn = 1;

    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    MUST(kaya_wal_reader_next(reader, &record));
    MUST(log_trim(log, RECORDS));
    for (unsigned i = 0; i < 80; i++) /* the freed files are used again */
        MUST(log_append(log, 700, KAYA_STRICT));
    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        cr_expect_eq(record.lsn, ++lsn);
    cr_expect_eq(status, KAYA_TRIMMED, "%s", kaya_status_name(status));
    status = kaya_wal_reader_next(reader, &record);
    cr_expect_eq(status, KAYA_TRIMMED, "it has ended: %s", kaya_status_name(status));
    kaya_wal_reader_close(reader);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* A dead file that cannot be made a spare goes, and the listener hears of it, however far that had got. */
Test(trim, a_file_that_could_not_be_recycled_is_deleted)
{
    for (uint64_t call = 3; call < 12; call++) {
        struct log_fixture *log = make_log();
        uint64_t files;

        log->config.spare_count = 6;
        MUST(log_close(log));
        MUST(log_open(log));
        files = image_disk_file_count(&log->image);
        log_forget_events(log);
        log->image.fail_at = log->image.call_count + call; /* behind the mark's write and sync */
        if (log_trim(log, 20) != KAYA_OK)
            continue;
        log->image.fail_at = 0;
        for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
            cr_expect(strstr(log->image.files[i].name, ".new") == NULL, "call %" PRIu64 ": %s is left", call,
                      log->image.files[i].name);
        for (size_t i = 0; i < log->event_count && i < LOG_EVENTS_MAX; i++)
            files -= log->events[i].kind == KAYA_EVENT_SEGMENT_REMOVED;
        cr_expect_eq(image_disk_file_count(&log->image), files, "call %" PRIu64, call);
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}

Test(trim, a_file_that_could_not_be_deleted_is_cleared_away_later)
{
    for (uint64_t call = 1; call < 60; call++) {
        struct log_fixture *log = make_log();
        uint64_t low = 0;
        enum kaya_status status;

        log->image.fail_at = log->image.call_count + call;
        status = kaya_wal_writer_truncate_before(log->writer, RECORDS, &low);
        cr_expect(status == KAYA_OK || status == KAYA_IO, "call %" PRIu64 ": %s", call, kaya_status_name(status));
        log->image.fail_at = 0;
        log_kill(log);
        MUST(log_open(log));
        if (status == KAYA_OK)
            cr_expect_eq(log->report.first_lsn, low, "call %" PRIu64, call);
        for (unsigned i = 0; i < 30; i++) {
            MUST(log_append(log, 700, KAYA_STRICT));
            MUST(log_trim(log, log->durable_lsn));
        }
        cr_expect_leq(image_disk_file_count(&log->image), 6, "call %" PRIu64, call);
        expect_range(log, log->first_lsn, log->last_lsn);
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}
