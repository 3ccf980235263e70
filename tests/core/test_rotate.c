/* Goal: rotation, asked for or not, links segments as section 2 of the format says, loses no durability and costs one sync.
 * Method: the files taken apart by dissect.c after each rotation. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "dissect.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static const struct kaya_wal_config SMALL = { .segment_bytes = 8192, .block_bytes = 512 };
static struct dissection segments[16];

/* Take apart segments 1 to `count`. */
static void take_apart(struct log_fixture *log, uint64_t count)
{
    for (uint64_t number = 1; number <= count; number++) {
        const struct image_file *file = image_disk_segment(&log->image, number);

        cr_assert_not_null(file, "segment %" PRIu64, number);
        dissect(&segments[number], file->bytes, file->size);
        cr_expect(segments[number].first_copy_good && segments[number].second_copy_good, "segment %" PRIu64,
                  number);
        cr_expect(eq(u64, segments[number].number, number));
    }
}

static uint64_t record_count(const struct dissection *segment)
{
    const struct dissected_frame *last = &segment->frames[segment->frame_count - 1];
    bool is_record = last->type >= DISSECT_FULL && last->type <= DISSECT_LAST;

    return last->sequence + is_record; /* no batches here */
}

static void expect_linked(uint64_t count)
{
    for (uint64_t number = 2; number <= count; number++) {
        const struct dissection *before = &segments[number - 1];
        const struct dissection *segment = &segments[number];

        cr_expect(segment->linked, "segment %" PRIu64, number);
        cr_expect(eq(u64, segment->predecessor, number - 1));
        cr_expect(eq(u64, segment->predecessor_end, before->end));
        cr_expect(eq(u64, segment->carried_end, 0));
        cr_expect(eq(u64, segment->base_lsn, before->base_lsn + record_count(before)));
        cr_expect(eq(u64, segment->epoch, before->epoch));
        cr_expect(ne(u32, segment->nonce, before->nonce));
        cr_expect(ne(u32, segment->segment_seed, before->segment_seed));
    }
}

Test(rotate, full_segments_are_linked_to_their_successors)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    MUST(log_open(log));
    while (log_event(log, KAYA_EVENT_SEGMENT_ROTATED, 0) == NULL || log->last_lsn < 60)
        MUST(log_append(log, 300 + log->last_lsn % 5 * 100, log->last_lsn % 2 ? KAYA_STRICT : KAYA_RELAXED));
    MUST(log_sync(log));
    take_apart(log, 4);
    expect_linked(4);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(rotate, asked_for_it_makes_all_durable_and_the_next_record_opens_the_next_segment)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct log_look look;

    MUST(log_open(log));
    for (uint64_t number = 1; number <= 5; number++) {
        MUST(log_append(log, 200, KAYA_RELAXED));
        MUST(log_append(log, 90, KAYA_RELAXED));
        MUST(log_rotate(log));
        cr_expect(eq(u64, kaya_wal_writer_durable_lsn(log->writer), log->last_lsn));
    }
    MUST(log_append(log, 1, KAYA_STRICT));
    take_apart(log, 6);
    expect_linked(6);
    log_kill(log);
    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s", look.trouble);
    cr_expect(eq(u64, look.last_lsn, 11));
    log_fixture_destroy(log);
}

static void note_second_segment(void *user, struct image_disk *image, struct image_file *file)
{
    bool *noted = user;

    *noted = *noted || file == image_disk_segment(image, 2);
}

/* A log that was closed, opened and rotated must not look closed where a power loss takes the new segment away: numbers that were given in it
 * would be given again under the same epoch (F9). */
Test(rotate, behind_a_close_the_new_segment_is_durable_at_once)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    bool is_synced = false;

    MUST(log_open(log));
    MUST(log_append(log, 200, KAYA_RELAXED));
    MUST(log_close(log));
    MUST(log_open(log));
    log->image.user = &is_synced;
    log->image.after_sync = note_second_segment;
    MUST(log_rotate(log));
    cr_expect(is_synced);
    take_apart(log, 2);
    expect_linked(2);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(rotate, with_no_record_in_the_segment_it_does_nothing)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    uint64_t changes;

    MUST(log_open(log));
    changes = log->image.change_count;
    MUST(log_rotate(log));
    MUST(log_rotate(log));
    cr_expect(eq(u64, log->image.change_count, changes));
    MUST(log_append(log, 1, KAYA_STRICT));
    MUST(log_rotate(log));
    changes = log->image.change_count;
    for (unsigned i = 0; i < 5; i++)
        MUST(log_rotate(log));
    cr_expect(eq(u64, log->image.change_count, changes));
    MUST(log_append(log, 1, KAYA_STRICT));
    cr_expect(eq(u64, log->last_lsn, 2));
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(rotate, it_costs_one_sync_where_a_spare_stands_ready)
{
    struct kaya_wal_config config = { .segment_bytes = 1 << 16, .block_bytes = 4096, .spare_count = 4 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    bool more = true;
    uint64_t syncs;

    MUST(log_open(log));
    while (more)
        MUST(kaya_wal_writer_tend(log->writer, &more));
    MUST(log_append(log, 100, KAYA_RELAXED));
    syncs = log->image.counts[IMAGE_SYNC] + log->image.counts[IMAGE_SYNC_DIRECTORY];
    MUST(log_rotate(log));
    MUST(log_append(log, 100, KAYA_RELAXED));
    cr_expect_leq(log->image.counts[IMAGE_SYNC] + log->image.counts[IMAGE_SYNC_DIRECTORY] - syncs, 1);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(rotate, a_batch_never_spans_segments)
{
    static const uint32_t lengths[] = { 500, 0, 700, 300 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    uint64_t segment = 0;
    unsigned member = 0;

    MUST(log_open(log));
    for (unsigned i = 0; i < 30; i++) {
        MUST(log_append(log, i * 131 % 600, KAYA_RELAXED));
        MUST(log_append_batch(log, lengths, 4, KAYA_RELAXED));
    }
    MUST(kaya_wal_reader_open(&log->environment, NULL, &reader, NULL));
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK) {
        if (record.in_batch && member++ % 4 != 0)
            cr_expect(eq(u64, record.segment, segment));
        segment = record.segment;
    }
    cr_expect_eq(member, 120);
    kaya_wal_reader_close(reader);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(rotate, no_segment_number_is_used_for_two_lives)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    uint64_t salts[256] = { 0 };
    uint64_t highest = 0;

    MUST(log_open(log));
    for (unsigned round = 0; round < 150; round++) {
        MUST(log_append(log, 900, round % 2 ? KAYA_STRICT : KAYA_RELAXED));
        if (round % 5 == 4)
            MUST(log_trim(log, log->durable_lsn));
        if (round % 11 == 10) {
            log_kill(log);
            MUST(log_open(log));
        }
        for (uint64_t number = 1; number < 256; number++) {
            const struct image_file *file = image_disk_segment(&log->image, number);
            static struct dissection now;
            uint64_t salt;

            if (file == NULL)
                continue;
            dissect(&now, file->bytes, file->size);
            if (!now.linked) /* a spare: it gets a new salt when a recovery takes it */
                continue;
            salt = dissect_load64(file->bytes + 72);
            cr_expect(salts[number] == 0 || salts[number] == salt, "segment %" PRIu64 " lives twice", number);
            salts[number] = salt;
            if (number > highest)
                highest = number;
        }
    }
    cr_expect_gt(highest, 20);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* A head that holds nothing but what recovery carried into it, and the marks of `trims`: full to the last byte for some number. */
static struct log_fixture *make_carried(const struct kaya_geometry *geometry,
                                        const struct kaya_wal_config *config, unsigned trims)
{
    struct log_fixture *log = log_fixture_create(geometry, config);

    MUST(log_open(log));
    for (unsigned i = 0; i < 36; i++) {
        MUST(log_append(log, 1, KAYA_STRICT));
        MUST(log_rotate(log));
    }
    for (unsigned i = 0; i < 3; i++)
        MUST(log_append(log, 500, KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
    for (unsigned i = 0; i < trims; i++)
        MUST(log_trim(log, i + 2));
    return log;
}

static uint64_t segment_in_use(struct log_fixture *log)
{
    struct kaya_wal_inspection inspection;

    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    return inspection.report.segment;
}

/* Whatever the last segment took over from, its loss is seen once it held an acknowledged record. */
static void lose_last_segment(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    for (unsigned trims = 0; trims < 32; trims++) {
        struct log_fixture *log = make_carried(geometry, config, trims);
        char name[32];

        MUST(log_close(log));
        MUST(log_open(log));
        MUST(log_append(log, 10, KAYA_STRICT));
        MUST(log_append(log, 10, KAYA_STRICT));
        log_kill(log);
        (void)snprintf(name, sizeof name, "%016" PRIx64 ".wal", segment_in_use(log));
        image_disk_remove(&log->image, name);
        cr_expect_eq(log_open(log), KAYA_DAMAGED, "%u trims, %s removed: %s", trims, name,
                     kaya_wal_verdict_name(log->report.verdict));
        log_fixture_destroy(log);
    }
}

Test(rotate, the_loss_of_the_last_segment_is_seen_whatever_stands_before_it)
{
    lose_last_segment(&LOG_DENSE, &(struct kaya_wal_config){ .segment_bytes = 4096, .block_bytes = 512 });
    lose_last_segment(&LOG_PADDED_512, &(struct kaya_wal_config){ .segment_bytes = 8192, .block_bytes = 512 });
}
