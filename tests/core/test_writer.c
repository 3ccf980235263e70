/* Goal: each call of a writer answers what wal.h says, with what state left behind. Method: logs on a disk in memory that
 * counts calls, compares directories byte by byte, and fails the call that a test names. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "log_fixture.h"
#include "stingy.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 8192, .block_bytes = 512 };

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)
#define ANSWERS(call, status) cr_expect_eq((call), (status), "%s", #call)

static struct log_fixture *begin(const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, config);

    MUST(log_open(log));
    return log;
}

/* All that was appended comes back, and nothing else. */
static void expect_all(struct log_fixture *log, const char *when)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_OK, "%s: %s", when, kaya_status_name(look.status));
    cr_expect(look.trouble[0] == '\0', "%s: %s", when, look.trouble);
    cr_expect(eq(u64, look.first_lsn, log->first_lsn), "%s", when);
    cr_expect(eq(u64, look.last_lsn, log->last_lsn), "%s", when);
}

static void end(struct log_fixture *log)
{
    if (log->writer != NULL)
        MUST(log_close(log));
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "memory is given back");
    log_fixture_destroy(log);
}

/* A new log. */

Test(writer, a_new_log_is_empty_and_says_so)
{
    struct log_fixture *log = begin(&SMALL);

    cr_expect(eq(int, log->report.verdict, KAYA_VERDICT_EMPTY));
    cr_expect(eq(u64, log->report.first_lsn, 1));
    cr_expect(eq(u64, log->report.last_lsn, 0));
    cr_expect(eq(u64, kaya_wal_writer_first_lsn(log->writer), 1));
    cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), 0));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), 0));
    cr_expect_not_null(log_event(log, KAYA_EVENT_LOG_CREATED, 0));
    cr_expect_not_null(log_event(log, KAYA_EVENT_LOG_OPENED, 0));
    expect_all(log, "empty");
    end(log);
}

Test(writer, a_log_that_must_exist_is_not_made)
{
    struct kaya_wal_config config = { .must_exist = true };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);

    ANSWERS(log_open(log), KAYA_NOT_FOUND);
    cr_expect_null(log->writer);
    cr_expect(not(log->image.exists), "no directory is made");
    log->image.exists = true;
    ANSWERS(log_open(log), KAYA_NOT_FOUND);
    cr_expect(eq(u64, image_disk_file_count(&log->image), 0), "no file is made");
    cr_expect(not(log->image.locked));
    end(log);
}

Test(writer, a_new_log_has_two_spares_behind_the_segment_in_use)
{
    for (uint32_t spares = 0; spares <= 16; spares += spares == 0 ? 2 : 1) {
        struct kaya_wal_config config = SMALL;
        struct log_fixture *log;
        bool more = true;

        config.spare_count = spares;
        log = begin(&config);
        for (unsigned i = 0; i < 100 && more; i++)
            MUST(kaya_wal_writer_tend(log->writer, &more));
        cr_expect(not(more), "tend comes to an end");
        cr_expect(eq(u64, image_disk_file_count(&log->image), 1 + (spares == 0 ? 2 : spares)));
        end(log);
    }
}

Test(writer, tending_makes_the_spares_that_a_full_disk_held_back)
{
    struct kaya_wal_config config = { .segment_bytes = 8192, .block_bytes = 512, .spare_count = 4 };
    struct log_fixture *log = begin(&config);
    bool more = true;
    uint64_t file_count;

    while (more)
        MUST(kaya_wal_writer_tend(log->writer, &more));
    file_count = image_disk_file_count(&log->image);
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
    MUST(log_append(log, 10, KAYA_STRICT));
    MUST(log_rotate(log)); /* takes one of them */
    MUST(kaya_wal_writer_tend(log->writer, &more));
    cr_expect(not(more), "there is no room");
    cr_expect(eq(u64, image_disk_file_count(&log->image), file_count));

    log->image.capacity_bytes = 0;
    MUST(kaya_wal_writer_tend(log->writer, &more));
    cr_expect(more, "a spare was made");
    cr_expect(eq(u64, image_disk_file_count(&log->image), file_count + 1));
    MUST(kaya_wal_writer_tend(log->writer, NULL)); /* who asks is not told, but tended */
    expect_all(log, "tended");
    end(log);
}

Test(writer, a_handle_that_has_ended_is_not_tended)
{
    struct log_fixture *log = begin(&SMALL);
    bool more = true;

    MUST(log_append(log, 10, KAYA_STRICT));
    log->image.failure = KAYA_IO;
    log->image.fail_at = log->image.call_count + 1;
    ANSWERS(log_append(log, 10, KAYA_STRICT), KAYA_IO);
    ANSWERS(kaya_wal_writer_tend(log->writer, &more), KAYA_ENDED);
    cr_expect(not(more));
    log_kill(log);
    MUST(log_open(log));
    MUST(kaya_wal_writer_tend(log->writer, NULL));
    end(log);
}

/* Appending. */

Test(writer, lsns_are_dense_from_one_in_all_modes_and_batches)
{
    static const uint32_t lengths[] = { 3, 0, 900, 40 };
    struct log_fixture *log = begin(&SMALL);

    for (unsigned i = 0; i < 60; i++) { /* the fixture checks each number */
        MUST(log_append(log, i * 37 % 1000, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
        MUST(log_append_batch(log, lengths, 1 + i % 4, i % 3 ? KAYA_STRICT : KAYA_RELAXED));
    }
    cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), log->last_lsn));
    expect_all(log, "open");
    MUST(log_close(log));
    expect_all(log, "closed");
    end(log);
}

Test(writer, durable_lsn_follows_strict_appends_and_syncs_only)
{
    struct log_fixture *log = begin(&SMALL);

    for (unsigned i = 0; i < 40; i++) {
        MUST(log_append(log, 100, i % 5 == 4 ? KAYA_STRICT : KAYA_RELAXED));
        if (i % 7 == 6)
            MUST(log_sync(log));
        cr_expect_geq(kaya_wal_writer_durable_lsn(log->writer), log->durable_lsn);
        cr_expect_leq(kaya_wal_writer_durable_lsn(log->writer), log->last_lsn);
    }
    MUST(log_append(log, 5, KAYA_RELAXED));
    cr_expect_lt(kaya_wal_writer_durable_lsn(log->writer), log->last_lsn, "relaxed is not durable yet");
    MUST(log_sync(log));
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), log->last_lsn));
    end(log);
}

Test(writer, what_cannot_be_appended_is_invalid_and_spends_no_number)
{
    struct kaya_wal_config config = { .segment_bytes = 8192, .block_bytes = 512, .record_bytes_max = 1000 };
    struct log_fixture *log = begin(&config);
    static const uint32_t just[] = { 496, 496 };
    static const uint32_t over[] = { 496, 497 };
    static const uint32_t many_empty[251];
    struct kaya_wal_payload payload = { .type = KAYA_RECORD_PUT, .bytes = "x", .length = 1 };
    uint64_t writes = log->image.counts[IMAGE_WRITE];
    uint64_t lsn = 77;

    ANSWERS(log_append(log, 1001, KAYA_STRICT), KAYA_INVALID);
    ANSWERS(log_append_batch(log, over, 2, KAYA_STRICT), KAYA_INVALID);
    ANSWERS(log_append_batch(log, many_empty, 251, KAYA_RELAXED), KAYA_INVALID);
    for (int type = -1; type < 300; type += type == 0 ? 5 : 1) {
        payload.type = (enum kaya_wal_record_type)type;
        ANSWERS(kaya_wal_writer_append(log->writer, &payload, KAYA_STRICT, &lsn), KAYA_INVALID);
        ANSWERS(kaya_wal_writer_append_batch(log->writer, &payload, 1, KAYA_STRICT, NULL, NULL), KAYA_INVALID);
    }
    payload.type = KAYA_RECORD_PUT;
    for (int mode = -1; mode < 10; mode += mode == 0 ? 4 : 1)
        ANSWERS(kaya_wal_writer_append(log->writer, &payload, (enum kaya_durability_mode)mode, &lsn),
                KAYA_INVALID);
    ANSWERS(kaya_wal_writer_append_batch(log->writer, &payload, 0, KAYA_STRICT, NULL, NULL), KAYA_INVALID);
    for (unsigned bad = 0; bad < 2; bad++) {
        struct kaya_wal_payload two[2] = { payload, payload };

        two[bad].bytes = NULL;
        ANSWERS(kaya_wal_writer_append_batch(log->writer, two, 2, KAYA_STRICT, NULL, NULL), KAYA_INVALID);
        two[bad] = payload;
        two[bad].length = 1001;
        ANSWERS(kaya_wal_writer_append_batch(log->writer, two, 2, KAYA_STRICT, NULL, NULL), KAYA_INVALID);
    }
    cr_expect(eq(u64, log->image.counts[IMAGE_WRITE], writes), "nothing was written");
    cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), 0));

    MUST(log_append(log, 1000, KAYA_STRICT));
    MUST(log_append_batch(log, just, 2, KAYA_STRICT));
    MUST(log_append_batch(log, many_empty, 250, KAYA_STRICT));
    expect_all(log, "at the limit");
    end(log);
}

Test(writer, numbers_need_not_be_asked_for)
{
    struct kaya_wal_payload payload = { .type = KAYA_RECORD_NOOP };
    struct log_fixture *log = begin(&SMALL);

    MUST(kaya_wal_writer_append(log->writer, &payload, KAYA_STRICT, NULL));
    MUST(kaya_wal_writer_append_batch(log->writer, &payload, 1, KAYA_STRICT, NULL, NULL));
    MUST(kaya_wal_writer_truncate_before(log->writer, 1, NULL));
    cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), 2));
    end(log);
}

Test(writer, the_longest_records_and_batches_come_back)
{
    static const uint32_t sizes[][2] = {
        { 4096, 512 }, { 8192, 512 }, { 8192, 1024 }, { 65536, 4096 }, { 1 << 20, 65536 }
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct kaya_wal_config config = { .segment_bytes = sizes[i][0], .block_bytes = sizes[i][1] };
        struct log_fixture *log;
        uint32_t longest = sizes[i][0] / 2;
        struct kaya_wal_config tried = config;

        /* The longest that is taken: by halving. */
        for (uint32_t step = longest / 2; step > 0; step /= 2) {
            struct log_fixture *trial;

            tried.record_bytes_max = longest - step > 0 ? longest - step : 1;
            trial = log_fixture_create(&LOG_DENSE, &tried);
            if (log_open(trial) != KAYA_OK)
                longest -= step;
            end(trial);
        }
        longest--;
        while (longest > 0) {
            struct log_fixture *trial;
            enum kaya_status status;

            tried.record_bytes_max = longest;
            trial = log_fixture_create(&LOG_DENSE, &tried);
            status = log_open(trial);
            end(trial);
            if (status == KAYA_OK)
                break;
            longest--;
        }
        cr_expect_geq(longest, sizes[i][0] * 3 / 10, "half a segment but for headers: %u of %u", longest,
                      sizes[i][0]);
        config.record_bytes_max = longest;
        log = begin(&config);
        for (unsigned round = 0; round < 5; round++) {
            uint32_t parts[] = { longest / 3, longest - longest / 3 - 12, 0 };

            MUST(log_append(log, longest, round % 2 ? KAYA_STRICT : KAYA_RELAXED));
            MUST(log_append_batch(log, parts, 3, round % 2 ? KAYA_RELAXED : KAYA_STRICT));
            MUST(log_append(log, longest - 1, KAYA_RELAXED));
        }
        expect_all(log, "longest");
        log_kill(log);
        MUST(log_open(log));
        expect_all(log, "longest, after a kill");
        end(log);
    }
}

/* F8. */

struct overhead {
    uint64_t frames, over, largest;
};

static bool measure(void *user, const struct kaya_wal_item *item)
{
    struct overhead *sum = user;

    if (item->kind == KAYA_ITEM_RECORD && (item->offset_bytes + item->size_bytes) % 32768 != 0) {
        uint64_t over = item->size_bytes - item->length;

        sum->frames++;
        sum->over += over;
        if (over > sum->largest)
            sum->largest = over;
    }
    return true;
}

Test(writer, a_record_costs_at_most_32_bytes_and_a_further_member_12)
{
    struct kaya_wal_config config = { .segment_bytes = 1 << 20 };
    struct log_fixture *log = begin(&config);
    struct kaya_wal_inspection inspection;
    struct overhead sum = { 0 };
    uint32_t lengths[100];
    uint64_t before, payload = 0;

    for (unsigned i = 0; i < 1000; i++)
        MUST(log_append(log, i % 300, KAYA_RELAXED));
    MUST(kaya_wal_inspect_path(&log->environment, NULL, measure, &sum, &inspection));
    cr_expect_gt(sum.frames, 900);
    cr_expect_leq(sum.largest, 32);

    before = inspection.report.end_offset;
    for (unsigned i = 0; i < 100; i++)
        payload += lengths[i] = i * 7 % 50;
    MUST(log_append_batch(log, lengths, 100, KAYA_RELAXED));
    MUST(kaya_wal_inspect_path(&log->environment, NULL, measure, &sum, &inspection));
    cr_expect_leq(inspection.report.end_offset - before, payload + 32 + 12 * 99);
    end(log);
}

/* Closing and going on. */

Test(writer, open_and_close_with_nothing_appended_write_nothing)
{
    for (unsigned appended = 0; appended <= 60; appended += 3) {
        struct log_fixture *log = begin(&SMALL);
        struct image_disk before;
        char difference[LOG_TEXT_BYTES];
        uint64_t epoch;

        for (unsigned i = 0; i < appended; i++)
            MUST(log_append(log, 10 + 40 * (i % 9), i % 2 ? KAYA_STRICT : KAYA_RELAXED));
        MUST(log_close(log));
        image_disk_init(&before, &LOG_DENSE);
        image_disk_copy(&before, &log->image);
        MUST(log_open(log));
        epoch = log->report.epoch;
        cr_expect(eq(int, log->report.verdict, KAYA_VERDICT_CLEAN));
        cr_expect(log->report.closed_cleanly);
        for (unsigned round = 0; round < 3; round++) {
            uint64_t writes = log->image.counts[IMAGE_WRITE];

            MUST(log_sync(log));
            MUST(log_close(log));
            MUST(log_open(log));
            cr_expect(eq(u64, log->image.counts[IMAGE_WRITE], writes), "%u appended", appended);
            cr_expect(eq(u64, log->report.epoch, epoch));
        }
        MUST(log_close(log));
        cr_expect(image_disk_same(&before, &log->image, difference, sizeof difference), "%u appended: %s",
                  appended, difference);
        image_disk_destroy(&before);
        end(log);
    }
}

Test(writer, after_a_clean_close_the_log_goes_on_in_the_same_segment)
{
    struct kaya_wal_config config = { .segment_bytes = 1 << 20 };
    struct log_fixture *log = begin(&config);
    uint64_t segment;

    MUST(log_append(log, 50, KAYA_STRICT));
    MUST(log_close(log));
    MUST(log_open(log));
    segment = log->report.segment;
    for (unsigned round = 0; round < 10; round++) {
        MUST(log_append(log, 50, round % 2 ? KAYA_STRICT : KAYA_RELAXED));
        MUST(log_close(log));
        MUST(log_open(log));
        cr_expect(eq(u64, log->report.segment, segment));
        cr_expect(eq(u64, log->report.segment_count, 1));
        cr_expect(log->report.closed_cleanly);
        expect_all(log, "reopened");
    }
    end(log);
}

Test(writer, a_second_writer_is_refused_and_does_no_harm)
{
    struct log_fixture *log = begin(&SMALL);
    struct kaya_wal_writer *second = (struct kaya_wal_writer *)log;
    struct kaya_wal_recovery_report report;
    uint64_t changes;

    MUST(log_append(log, 40, KAYA_STRICT));
    changes = log->image.change_count;
    ANSWERS(kaya_wal_writer_open(&log->environment, &log->config, &second, &report), KAYA_LOCKED);
    cr_expect_null(second);
    ANSWERS(kaya_wal_recover(&log->environment, &log->config, &report), KAYA_LOCKED);
    ANSWERS(kaya_wal_cut_back(&log->environment, &log->config, 0, &report), KAYA_LOCKED);
    cr_expect(eq(u64, log->image.change_count, changes));
    MUST(log_append(log, 40, KAYA_STRICT));
    MUST(log_close(log));
    MUST(kaya_wal_recover(&log->environment, &log->config, &report));
    cr_expect(not(log->image.locked), "recover lets go of the lock");
    cr_expect(eq(u64, report.last_lsn, 2));
    end(log);
}

Test(writer, closing_nothing_is_fine)
{
    cr_expect_eq(kaya_wal_writer_close(NULL), KAYA_OK);
}

/* Anchors. */

Test(writer, an_anchor_guards_identity_and_end)
{
    struct log_fixture *log = begin(&SMALL);
    struct kaya_wal_anchor anchor;
    struct kaya_wal_anchor wrong;
    struct image_disk before;

    for (unsigned i = 0; i < 30; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
    anchor = kaya_wal_writer_anchor(log->writer);
    cr_expect(eq(u64, anchor.lsn, 30));
    MUST(log_append(log, 300, KAYA_RELAXED));
    cr_expect_leq(kaya_wal_writer_anchor(log->writer).lsn, 31);
    MUST(log_trim(log, 25));
    MUST(log_close(log));
    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);

    log->config.anchor = &anchor;
    for (anchor.lsn = 0; anchor.lsn <= 31; anchor.lsn++) { /* below the low-water mark it holds */
        MUST(log_open(log));
        MUST(log_close(log));
    }
    for (anchor.lsn = 32; anchor.lsn <= 40; anchor.lsn += 8) { /* one record is missing, or nine */
        ANSWERS(log_open(log), KAYA_DAMAGED);
        cr_expect(eq(u64, log->report.lost_first_lsn, 32));
        cr_expect(eq(u64, log->report.lost_last_lsn, anchor.lsn));
    }
    wrong = anchor;
    wrong.lsn = 0;
    wrong.log_id.bytes[15] ^= 1;
    log->config.anchor = &wrong;
    ANSWERS(log_open(log), KAYA_WRONG_LOG);
    memset(&wrong, 0, sizeof wrong);
    ANSWERS(log_open(log), KAYA_WRONG_LOG);
    cr_expect(image_disk_same(&before, &log->image, NULL, 0), "nothing was changed");
    image_disk_destroy(&before);
    end(log);
}

Test(writer, an_anchor_makes_an_empty_directory_a_lost_log)
{
    struct kaya_wal_anchor anchor = { .log_id = { { 1 } }, .lsn = 5 };
    struct kaya_wal_config config = { .anchor = &anchor };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);

    ANSWERS(log_open(log), KAYA_DAMAGED);
    cr_expect(eq(u64, image_disk_file_count(&log->image), 0), "no new log is begun");
    log->image.exists = true;
    ANSWERS(log_open(log), KAYA_DAMAGED);
    cr_expect(eq(u64, image_disk_file_count(&log->image), 0));
    end(log);
}

/* A cut is an error to those who say so. */

Test(writer, a_caller_may_forbid_cutting)
{
    struct log_fixture *log = begin(&SMALL);
    struct image_disk before;
    struct image_file *file;

    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 100, KAYA_RELAXED));
    log_kill(log);
    log->config.cut_is_error = true;
    MUST(log_open(log)); /* nothing to cut: whole records that no claim covers are carried */
    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 200, KAYA_RELAXED));
    log_kill(log);
    file = image_disk_segment(&log->image, 2);
    cr_assert_not_null(file);
    for (size_t at = file->size; at-- > 0;)
        if (file->writers[at] == log->operation) { /* the last record loses its last bytes */
            for (size_t i = 0; i <= 20; i++)
                file->bytes[at - i] ^= 0x5a;
            break;
        }
    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    ANSWERS(log_open(log), KAYA_DAMAGED);
    cr_expect(image_disk_same(&before, &log->image, NULL, 0), "nothing was changed");
    cr_expect(eq(u64, log->report.last_lsn, 3));
    log->config.cut_is_error = false;
    MUST(log_open(log));
    cr_expect(eq(int, log->report.verdict, KAYA_VERDICT_TORN));
    cr_expect(log->report.lsns_may_return);
    cr_expect(eq(u64, log->report.last_lsn, 3));
    cr_expect_gt(log->report.discarded_bytes, 0);
    expect_all(log, "cut");
    image_disk_destroy(&before);
    end(log);
}

/* Errors. Every call on the disk fails in turn; a fresh disk each time. */

static enum kaya_status step(struct log_fixture *log, unsigned number)
{
    static const uint32_t lengths[] = { 60, 700, 0 };

    switch (number % 8) {
    case 0:
    case 1:
        return log_append(log, 400, KAYA_STRICT);
    case 2:
        return log_append(log, 900, KAYA_RELAXED);
    case 3:
        return log_append_batch(log, lengths, 3, KAYA_STRICT);
    case 4:
        return log_append(log, 30, KAYA_RELAXED);
    case 5:
        return log_sync(log);
    case 6:
        return number > 20 ? log_trim(log, log->durable_lsn - 4) : KAYA_OK;
    default:
        return number % 16 == 7 ? log_rotate(log) : KAYA_OK;
    }
}

enum { STEPS = 48 };

static void judge_failed_run(struct log_fixture *log, const char *what)
{
    struct log_look look;
    uint64_t durable = log->durable_lsn;
    uint64_t first = log->first_lsn;

    log->image.fail_at = 0;
    log_kill(log);
    cr_assert_eq(log_open(log), KAYA_OK, "%s: opens again", what);
    cr_expect_geq(log->last_lsn, durable, "%s: acknowledged %" PRIu64 ", found %" PRIu64, what, durable,
                  log->last_lsn);
    cr_expect_geq(log->first_lsn, first, "%s", what);
    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s: %s %s", what,
              kaya_status_name(look.status), look.trouble);
    cr_expect(eq(u64, look.last_lsn, log->last_lsn), "%s", what);
    for (unsigned i = 0; i < 6; i++)
        cr_expect_eq(log_append(log, 500, KAYA_STRICT), KAYA_OK, "%s: takes records again", what);
    cr_expect_eq(log_close(log), KAYA_OK, "%s", what);
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "%s: memory", what);
    log_look(log, NULL, &look);
    cr_expect(look.trouble[0] == '\0' && look.last_lsn == log->last_lsn, "%s: %s", what, look.trouble);
}

/* Once a call has failed with KAYA_IO, everything that would write answers KAYA_ENDED, and nothing is written. */
static void expect_ended(struct log_fixture *log, const char *what)
{
    uint64_t changes = log->image.change_count;
    uint64_t durable = kaya_wal_writer_durable_lsn(log->writer);

    cr_expect_eq(log_append(log, 10, KAYA_RELAXED), KAYA_ENDED, "%s", what);
    cr_expect_eq(log_append(log, 10, KAYA_STRICT), KAYA_ENDED, "%s", what);
    cr_expect_eq(log_sync(log), KAYA_ENDED, "%s", what);
    cr_expect_eq(log_rotate(log), KAYA_ENDED, "%s", what);
    cr_expect_eq(log_trim(log, log->first_lsn), KAYA_ENDED, "%s", what);
    cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), durable), "%s", what);
    cr_expect_eq(log_close(log), KAYA_ENDED, "%s", what);
    cr_expect(eq(u64, log->image.change_count, changes), "%s: an ended handle writes nothing", what);
    cr_expect(not(log->image.locked), "%s", what);
}

/* Did a write to the segment in use fail, or a sync of it? */
static bool has_struck_head(const struct log_fixture *log)
{
    uint64_t head = 0;
    char name[IMAGE_NAME_BYTES];

    cr_assert(log->event_count <= LOG_EVENTS_MAX);
    for (size_t i = 0; i < log->event_count; i++)
        if (log->events[i].kind == KAYA_EVENT_LOG_OPENED || log->events[i].kind == KAYA_EVENT_SEGMENT_ROTATED)
            head = log->events[i].segment;
    (void)snprintf(name, sizeof name, "%016" PRIx64 ".wal", head);
    return strcmp(log->image.failed_name, name) == 0;
}

static void fail_each_call(enum kaya_status failure, bool goes_on, size_t arrives)
{
    for (uint64_t call = 1;; call++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        enum kaya_status status;
        char what[64];
        unsigned number = 0;

        (void)snprintf(what, sizeof what, "call %" PRIu64 " fails", call);
        log->image.fail_at = call;
        log->image.fail_on = goes_on;
        log->image.failure = failure;
        log->image.write_before_failure = arrives;
        status = log_open(log);
        if (status == KAYA_OK)
            while (number < STEPS && (status = step(log, number)) == KAYA_OK)
                number++;
        if (log->writer != NULL && has_struck_head(log))
            cr_expect_eq(status, KAYA_IO, "%s: the handle goes on (P6)", what);
        if (number == STEPS) {
            status = log_close(log);
            cr_expect(status == KAYA_OK || status == failure, "%s: close %s", what, kaya_status_name(status));
            cr_expect(not(log->image.locked), "%s", what);
            cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "%s: close leaves memory", what);
        } else if (log->writer == NULL) {
            cr_expect_eq(status, failure, "%s: open answers %s", what, kaya_status_name(status));
            cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "%s: open leaves memory", what);
            cr_expect(not(log->image.locked), "%s", what);
        } else if (status == KAYA_IO) {
            expect_ended(log, what);
        } else {
            cr_expect(status == KAYA_OK || status == KAYA_FULL, "%s: %s", what, kaya_status_name(status));
        }
        if (log->image.call_count < call) { /* the whole run made fewer calls */
            end(log);
            return;
        }
        judge_failed_run(log, what);
        end(log);
    }
}

Test(writer, any_call_may_fail_once_and_nothing_acknowledged_is_lost)
{
    fail_each_call(KAYA_IO, false, 0);
}

Test(writer, a_write_may_fail_halfway)
{
    fail_each_call(KAYA_IO, false, 33);
}

Test(writer, the_disk_may_fail_for_good)
{
    fail_each_call(KAYA_IO, true, 7);
}

/* Memory. */

Test(writer, memory_may_run_out_at_any_time)
{
    for (uint64_t fail_at = 1;; fail_at++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct stingy stingy = stingy_over(log->environment.allocator);
        enum kaya_status status;
        char what[64];

        (void)snprintf(what, sizeof what, "allocation %" PRIu64 " fails", fail_at);
        stingy.fail_at = fail_at;
        log->environment.allocator = &stingy.allocator;
        status = log_open(log);
        cr_expect(status == KAYA_OK || status == KAYA_NO_MEMORY, "%s: open %s", what, kaya_status_name(status));
        if (status != KAYA_OK)
            MUST(log_open(log));
        for (unsigned number = 0; number < STEPS; number++) {
            status = step(log, number);
            if (status == KAYA_NO_MEMORY)
                status = step(log, number); /* nothing was written: again */
            cr_expect(status == KAYA_OK, "%s: step %u %s", what, number, kaya_status_name(status));
        }
        if (stingy.count < fail_at) {
            end(log);
            return;
        }
        judge_failed_run(log, what);
        end(log);
    }
}

/* A longer segment wants a longer buffer: that is asked for before anything is written. */
Test(writer, memory_may_run_out_when_a_longer_segment_takes_over)
{
    bool is_through = false;

    for (uint64_t fail_at = 1; !is_through; fail_at++) {
        struct log_fixture *log = begin(&SMALL);
        struct stingy stingy = stingy_over(log->environment.allocator);

        MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_close(log));
        log->config.segment_bytes = 65536;
        log->environment.allocator = &stingy.allocator;
        MUST(log_open(log));
        stingy.fail_at = stingy.count + fail_at;
        for (unsigned i = 0; i < 60; i++) {
            enum kaya_status status = log_append(log, 700, KAYA_RELAXED);

            if (status == KAYA_NO_MEMORY)
                status = log_append(log, 700, KAYA_RELAXED);
            cr_assert_eq(status, KAYA_OK, "allocation %" PRIu64 ", append %u: %s", fail_at, i,
                         kaya_status_name(status));
        }
        is_through = stingy.count < stingy.fail_at;
        stingy.fail_at = 0;
        expect_all(log, "a longer segment");
        end(log);
    }
}

/* Spares that go bad beside a running writer: it prepares others. */

static void destroy_headers(struct log_fixture *log, struct image_file *file)
{
    (void)log;
    memset(file->bytes, 0x5a, 96);
    memset(file->bytes + 4096, 0x5a, 96);
}

static void remove_file(struct log_fixture *log, struct image_file *file)
{
    image_disk_remove(&log->image, file->name);
}

static void cut_to_nothing(struct log_fixture *log, struct image_file *file)
{
    (void)log;
    image_file_resize(file, 0);
}

Test(writer, a_spare_that_goes_bad_meanwhile_is_passed_over)
{
    static void (*const ruin[])(struct log_fixture *, struct image_file *) = { destroy_headers, remove_file,
                                                                               cut_to_nothing };

    for (size_t i = 0; i < sizeof ruin / sizeof ruin[0]; i++) {
        struct log_fixture *log = begin(&SMALL);
        unsigned full_count = 0;

        ruin[i](log, image_disk_segment(&log->image, 2));
        for (unsigned j = 0; j < 60; j++) {
            enum kaya_status status = log_append(log, 700, KAYA_STRICT);

            full_count += status == KAYA_FULL;
            cr_expect(status == KAYA_OK || status == KAYA_FULL, "ruin %zu: %s", i, kaya_status_name(status));
        }
        cr_expect_leq(full_count, 1, "ruin %zu: %u appends were refused", i, full_count);
        expect_all(log, "a spare is gone");
        log_kill(log);
        MUST(log_open(log));
        expect_all(log, "and after recovery");
        end(log);
    }
}

/* A full disk (P9). */

Test(writer, a_full_disk_harms_nothing_and_the_log_goes_on_when_there_is_room)
{
    struct log_fixture *log = begin(&SMALL);
    bool more = true;
    uint64_t full_count = 0;

    while (more)
        MUST(kaya_wal_writer_tend(log->writer, &more));
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image) + 2 * SMALL.segment_bytes + 100;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t last = kaya_wal_writer_last_lsn(log->writer);
        enum kaya_status status = log_append(log, 500, i % 2 ? KAYA_STRICT : KAYA_RELAXED);

        cr_expect(status == KAYA_OK || status == KAYA_FULL, "append: %s", kaya_status_name(status));
        if (status == KAYA_FULL) {
            full_count++;
            cr_expect(eq(u64, kaya_wal_writer_last_lsn(log->writer), last), "no number is spent");
        }
    }
    cr_expect_gt(full_count, 50);
    MUST(log_sync(log));
    expect_all(log, "full");

    /* Close, recovery, reading and trimming do without room. */
    MUST(log_close(log));
    MUST(log_open(log));
    expect_all(log, "full, reopened");
    log_kill(log);
    MUST(log_open(log));
    expect_all(log, "full, recovered");
    MUST(log_trim(log, log->durable_lsn + 1));
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(log_append(log, 500, KAYA_STRICT), KAYA_OK, "trimming made room");
    log->image.capacity_bytes = 0;
    for (unsigned i = 0; i < 50; i++)
        MUST(log_append(log, 500, KAYA_STRICT));
    expect_all(log, "room again");
    end(log);
}

/* The segment in use is longer than the spares, so that a watermark is written each time that they could not carry more; it may not
 * take the room that the mark needs. `shift` units are in use when the rest begins, so that the watermarks come at every place. */
static void fill_and_trim(unsigned shift, uint32_t length, bool is_killed)
{
    struct kaya_wal_config config = { .segment_bytes = 32768, .block_bytes = 512 };
    struct log_fixture *log = log_fixture_create(&LOG_PADDED_512, &config);
    enum kaya_status status = KAYA_OK;

    MUST(log_open(log));
    MUST(log_append(log, 700, KAYA_STRICT));
    MUST(log_rotate(log));
    MUST(log_close(log));
    log->config.segment_bytes = 8192;
    MUST(log_open(log));
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
    for (unsigned i = 0; i < shift; i++)
        MUST(log_append(log, 20, KAYA_STRICT));
    while (status == KAYA_OK)
        status = log_append(log, length, KAYA_RELAXED);
    cr_expect_eq(status, KAYA_FULL, "shift %u, length %u: %s", shift, length, kaya_status_name(status));
    if (is_killed) {
        log_kill(log);
        MUST(log_open(log)); /* a full disk, and yet there is room to carry */
    }
    MUST(log_sync(log));
    status = log_trim(log, log->durable_lsn);
    cr_expect_eq(status, KAYA_OK, "shift %u, length %u: %s", shift, length, kaya_status_name(status));
    cr_expect_geq(kaya_wal_writer_first_lsn(log->writer), 2);
    end(log);
}

Test(writer, a_full_log_can_be_recovered_and_trimmed_also_where_its_spares_are_short)
{
    for (uint32_t length = 8; length < 100; length += 7)
        for (unsigned shift = 0; shift < 10; shift++)
            for (unsigned is_killed = 0; is_killed < 2; is_killed++)
                fill_and_trim(shift, length, is_killed != 0);
}

Test(writer, a_log_that_is_full_survives_many_recoveries)
{
    struct log_fixture *log = begin(&SMALL);

    log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
    while (log_append(log, 300, KAYA_STRICT) == KAYA_OK)
        ;
    for (unsigned round = 0; round < 20; round++) {
        uint64_t last = log->last_lsn;

        log_kill(log);
        cr_assert_eq(log_open(log), KAYA_OK, "round %u", round);
        cr_expect(eq(u64, log->last_lsn, last));
        (void)log_append(log, 10, KAYA_STRICT);
    }
    expect_all(log, "after 20 recoveries");
    end(log);
}

/* An attempt to begin a log that was cut short left a whole segment, of a log that never came to be. Written over, it would be what a lost write
 * leaves. */
Test(writer, a_new_log_does_not_stand_in_the_file_of_one_that_never_began)
{
    struct log_fixture *log = begin(&SMALL);
    struct image_file *first = image_disk_segment(&log->image, 1);
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &SMALL);

    other->image.exists = true;
    image_disk_add(&other->image, "0000000000000001.new", first->bytes, first->size);
    MUST(log_open(other));
    cr_expect_eq(other->image.counts[IMAGE_UNLINK], 1);
    expect_all(other, "a new log");
    end(other);
    end(log);
}

/* Some other program has taken what was free, and takes what is given up: no file may grow, and no new one hold anything. */

struct names {
    char names[IMAGE_FILES_MAX][IMAGE_NAME_BYTES];
};

static void note_names(const struct log_fixture *log, struct names *names)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        memcpy(names->names[i], log->image.files[i].name, IMAGE_NAME_BYTES);
}

/* The power fails as well: a rename that no sync of the directory followed is undone. */
static void undo_renames(struct log_fixture *log, const struct names *before)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (strstr(log->image.files[i].name, ".new") != NULL && strstr(before->names[i], ".wal") != NULL &&
            image_disk_find(&log->image, before->names[i]) == NULL)
            memcpy(log->image.files[i].name, before->names[i], IMAGE_NAME_BYTES);
}

static void recover_cut_short(struct log_fixture *log, uint64_t calls, bool undo)
{
    struct names before;

    note_names(log, &before);
    log->image.fail_at = log->image.call_count + calls;
    log->image.fail_on = true;
    log->image.failure = KAYA_GONE;
    (void)log_open(log);
    log->image.fail_at = 0;
    log_kill(log);
    if (undo)
        undo_renames(log, &before);
}

Test(writer, recoveries_that_are_cut_short_on_a_full_disk_give_up_no_room)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct log_fixture *log = begin(&SMALL);
        uint64_t draw = seed;

        MUST(log_append(log, 300, KAYA_STRICT));
        MUST(log_append(log, 300, KAYA_RELAXED));
        log_kill(log);
        log->image.capacity_bytes = 1;
        for (unsigned round = 0; round < 12; round++) {
            draw = draw * 6364136223846793005U + 1442695040888963407U;
            recover_cut_short(log, 30 + (draw >> 33) % 70, (draw >> 40) % 2 != 0);
        }
        cr_assert_eq(log_open(log), KAYA_OK, "seed %" PRIu64, seed);
        expect_all(log, "recovered at last");
        end(log);
    }
}

/* Somebody cut the file of a closed log to its last frame. The log goes on in it, and what it appends lies behind the file's end. */
Test(writer, a_durable_write_stays_inside_a_file_that_was_cut)
{
    struct kaya_geometry durable = LOG_DENSE;

    durable.prefers_write_durable = true;
    for (size_t spared = 0; spared <= 1200; spared += 100) {
        struct log_fixture *log = log_fixture_create(&durable, &SMALL);

        MUST(log_open(log));
        for (unsigned i = 0; i < 3; i++)
            MUST(log_append(log, 40, KAYA_STRICT));
        MUST(log_close(log));
        image_file_resize(image_disk_segment(&log->image, 1), (size_t)log->report.end_offset + spared + 512);
        MUST(log_open(log));
        cr_expect(log->report.closed_cleanly);
        for (unsigned i = 0; i < 6; i++)
            MUST(log_append(log, 90, KAYA_STRICT));
        end(log);
    }
}
