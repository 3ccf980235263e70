/* Goal: inspect shows every frame where it stands and what is wrong with it; verify's verdict is recovery's; neither writes.
 * Method: what inspect says of healthy logs against dissect.c, which knows the page only; then damage made by hand. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "dissect.h"
#include "frame.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

enum { ITEMS_MAX = 2000 };

struct items {
    struct kaya_wal_item list[ITEMS_MAX];
    char reasons[ITEMS_MAX][64];
    size_t count;
    size_t stop_at; /* 0: never */
};
static struct items items;
static struct dissection segment;

static bool keep(void *user, const struct kaya_wal_item *item)
{
    struct items *kept = user;

    cr_assert_lt(kept->count, ITEMS_MAX);
    (void)snprintf(kept->reasons[kept->count], sizeof kept->reasons[0], "%s", item->reason);
    kept->list[kept->count++] = *item;
    return kept->count != kept->stop_at;
}

static struct kaya_wal_inspection look_into(struct log_fixture *log, const char *name)
{
    struct kaya_wal_inspection inspection;

    memset(&items, 0, sizeof items);
    MUST(kaya_wal_inspect_path(&log->environment, name, keep, &items, &inspection));
    return inspection;
}

static struct log_fixture *begin(void)
{
    struct log_fixture *log =
        log_fixture_create(&LOG_DENSE, &(struct kaya_wal_config){ .segment_bytes = 8192, .block_bytes = 512 });

    MUST(log_open(log));
    return log;
}

static struct log_fixture *make_log(void)
{
    static const uint32_t lengths[] = { 20, 0, 90 };
    struct log_fixture *log = begin();

    for (unsigned i = 0; i < 24; i++) {
        MUST(log_append(log, i * 97 % 1200, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
        if (i % 5 == 3)
            MUST(log_append_batch(log, lengths, 3, KAYA_RELAXED));
        if (i == 15)
            MUST(log_trim(log, log->durable_lsn));
    }
    MUST(log_close(log));
    return log;
}

static enum kaya_wal_item_kind kind_of(uint8_t type)
{
    static const enum kaya_wal_item_kind kinds[] = {
        [DISSECT_FULL] = KAYA_ITEM_RECORD,   [DISSECT_FIRST] = KAYA_ITEM_FIRST,
        [DISSECT_MIDDLE] = KAYA_ITEM_MIDDLE, [DISSECT_LAST] = KAYA_ITEM_LAST,
        [DISSECT_PAD] = KAYA_ITEM_PAD,       [DISSECT_WATERMARK] = KAYA_ITEM_WATERMARK,
        [DISSECT_CLOSE] = KAYA_ITEM_CLOSE,   [DISSECT_LINK] = KAYA_ITEM_LINK,
        [DISSECT_TRIM] = KAYA_ITEM_TRIM
    };

    return kinds[type];
}

static void expect_frame(const struct kaya_wal_item *item, const struct dissected_frame *frame)
{
    cr_expect_eq(item->kind, kind_of(frame->type), "0x%" PRIx64, frame->offset);
    cr_expect_eq(item->offset_bytes, frame->offset, "0x%" PRIx64, frame->offset);
    cr_expect_eq(item->size_bytes, frame->end - frame->offset, "0x%" PRIx64, frame->offset);
    cr_expect_eq(item->lsn, segment.base_lsn + frame->sequence, "0x%" PRIx64, frame->offset);
    cr_expect_eq(item->watermark_bytes, frame->durable, "0x%" PRIx64, frame->offset);
    cr_expect_eq(item->type_code, frame->type);
    cr_expect_eq(item->flags, frame->flags);
    cr_expect(item->payload_check_good && item->header_check_good && item->second_check_good);
    cr_expect(not(item->mended));
    if (item->kind != KAYA_ITEM_LINK)
        return;
    cr_expect_eq(item->base_lsn, segment.base_lsn);
    cr_expect_eq(item->predecessor, segment.predecessor);
    cr_expect_eq(item->predecessor_end, segment.predecessor_end);
    cr_expect_eq(item->epoch, segment.epoch);
    cr_expect_eq(item->low_water_lsn, segment.low_water_lsn);
}

/* The items of a file that are frames are those that the page says. */
static void expect_frames(const struct image_file *file)
{
    size_t frame_count = 0;

    dissect(&segment, file->bytes, file->size);
    for (size_t i = 0; i < items.count; i++) {
        const struct kaya_wal_item *item = &items.list[i];

        if (item->segment != segment.number || item->kind == KAYA_ITEM_HEADER || item->kind == KAYA_ITEM_END)
            continue;
        cr_assert_lt(frame_count, segment.frame_count, "%s: more items than frames", file->name);
        expect_frame(item, &segment.frames[frame_count++]);
    }
    cr_expect_eq(frame_count, segment.frame_count, "%s", file->name);
}

Test(inspect, a_file_alone_tells_how_many_records_stand_in_it)
{
    static const uint32_t LENGTHS[] = { 10, 20, 30 };
    struct log_fixture *log = begin();
    struct kaya_wal_inspection inspection;
    struct image_file *second;

    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append_batch(log, LENGTHS, 3, KAYA_STRICT));
    MUST(log_append(log, 1500, KAYA_STRICT)); /* in several frames */
    MUST(log_rotate(log));
    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 100, KAYA_STRICT));
    log_kill(log);
    MUST(kaya_wal_inspect_path(&log->environment, "0000000000000001.wal", keep, &items, &inspection));
    cr_expect_eq(inspection.record_count, 5);
    MUST(kaya_wal_inspect_path(&log->environment, "0000000000000002.wal", keep, &items, &inspection));
    cr_expect_eq(inspection.record_count, 2);
    second = image_disk_segment(&log->image, 2);
    dissect(&segment, second->bytes, second->size);
    second->bytes[segment.frames[2].offset] ^= 0xff;
    second->bytes[segment.frames[2].offset + 5] ^= 0xff;
    MUST(kaya_wal_inspect_path(&log->environment, "0000000000000002.wal", keep, &items, &inspection));
    cr_expect_eq(inspection.record_count, 1, "behind its end nothing counts");
    MUST(kaya_wal_inspect_path(&log->environment, "0000000000000003.wal", keep, &items, &inspection));
    cr_expect_eq(inspection.record_count, 0, "a spare");
    log_fixture_destroy(log);
}

Test(inspect, every_frame_is_shown_as_the_page_says)
{
    struct log_fixture *log = make_log();
    unsigned linked_count = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        struct image_file *file = &log->image.files[i];

        if (strstr(file->name, ".wal") == NULL)
            continue;
        dissect(&segment, file->bytes, file->size);
        if (!segment.linked)
            continue;
        linked_count++;
        (void)look_into(log, file->name);
        expect_frames(file);
        (void)look_into(log, NULL);
        expect_frames(file);
    }
    cr_expect_geq(linked_count, 2);
    log_fixture_destroy(log);
}

Test(inspect, sums_and_roles_are_those_of_the_directory)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_inspection inspection;
    uint64_t last_number = 0;

    (void)image_disk_add(&log->image, "foreign", "x", 1);
    inspection = look_into(log, NULL);
    cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_CLEAN);
    cr_expect_eq(inspection.report.first_lsn, log->first_lsn);
    cr_expect_eq(inspection.report.last_lsn, log->last_lsn);
    cr_expect_eq(inspection.foreign_count, 1);
    cr_expect_geq(inspection.spare_count, 2);
    cr_expect_eq(inspection.damage_count, 0);
    cr_expect_geq(inspection.record_count, log->last_lsn + 1 - log->first_lsn);
    cr_expect(not(inspection.writer_is_live));
    for (size_t i = 0; i < items.count; i++) {
        cr_expect_geq(items.list[i].segment, last_number, "segments come in order of their numbers");
        last_number = items.list[i].segment;
        cr_expect_neq(items.list[i].kind, KAYA_ITEM_DAMAGE);
        cr_expect_neq(items.list[i].kind, KAYA_ITEM_STRAY);
    }
    MUST(log_open(log));
    inspection = look_into(log, NULL);
    cr_expect(inspection.writer_is_live);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(inspect, it_stops_when_it_is_told_to)
{
    struct log_fixture *log = make_log();

    for (size_t stop_at = 1; stop_at < 40; stop_at += 6) {
        struct kaya_wal_inspection inspection;

        memset(&items, 0, sizeof items);
        items.stop_at = stop_at;
        MUST(kaya_wal_inspect_path(&log->environment, NULL, keep, &items, &inspection));
        cr_expect_eq(items.count, stop_at);
        cr_expect_eq(kaya_sim_memory_in_use(log->memory), 0);
    }
    log_fixture_destroy(log);
}

Test(inspect, what_is_no_segment_is_invalid_and_what_is_not_there_not_found)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_inspection inspection;

    (void)image_disk_add(&log->image, "garbage.wal", "no header at all", 16);
    cr_expect_eq(kaya_wal_inspect_path(&log->environment, "garbage.wal", keep, &items, &inspection),
                 KAYA_INVALID);
    cr_expect_eq(kaya_wal_inspect_path(&log->environment, "00000000000000ff.wal", keep, &items, &inspection),
                 KAYA_NOT_FOUND);
    log_fixture_destroy(log);

    log = log_fixture_create(&LOG_DENSE, NULL);
    cr_expect_eq(kaya_wal_inspect_path(&log->environment, NULL, keep, &items, &inspection), KAYA_NOT_FOUND);
    cr_expect_eq(kaya_wal_verify(&log->environment, NULL, &inspection), KAYA_NOT_FOUND);
    log_fixture_destroy(log);
}

/* The last segment in use, taken apart. */
static struct image_file *head_of(struct log_fixture *log)
{
    struct image_file *head = NULL;

    for (uint64_t number = 1; number < 40; number++) {
        struct image_file *file = image_disk_segment(&log->image, number);

        if (file == NULL)
            continue;
        dissect(&segment, file->bytes, file->size);
        if (segment.linked)
            head = file;
    }
    cr_assert_not_null(head);
    dissect(&segment, head->bytes, head->size);
    return head;
}

static size_t count_mended(uint64_t offset, uint64_t bit)
{
    size_t count = 0;

    for (size_t i = 0; i < items.count; i++) {
        if (!items.list[i].mended)
            continue;
        count++;
        cr_expect_eq(items.list[i].offset_bytes, offset);
        cr_expect_eq(items.list[i].mended_bit, bit);
    }
    return count;
}

Test(inspect, a_flipped_bit_is_shown_mended_with_its_number)
{
    struct log_fixture *log = make_log();
    struct image_file *head = head_of(log);
    uint64_t offset = segment.frames[2].offset;

    for (uint64_t bit = 0; bit < DISSECT_FRAME_BYTES * 8; bit += 11) {
        head->bytes[offset + bit / 8] ^= (uint8_t)(1U << bit % 8);
        (void)look_into(log, NULL);
        cr_expect_eq(count_mended(offset, bit), 1, "bit %" PRIu64, bit);
        (void)look_into(log, head->name);
        cr_expect_eq(count_mended(offset, bit), 1, "bit %" PRIu64 ", alone", bit);
        head->bytes[offset + bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    log_fixture_destroy(log);
}

static void expect_damage_shown(uint64_t offset, const char *how)
{
    size_t damage_count = 0, stray_count = 0;

    for (size_t i = 0; i < items.count; i++) {
        stray_count += items.list[i].kind == KAYA_ITEM_STRAY;
        if (items.list[i].kind != KAYA_ITEM_DAMAGE)
            continue;
        damage_count++;
        cr_expect_eq(items.list[i].offset_bytes, offset, "%s", how);
        cr_expect(items.reasons[i][0] != '\0', "%s: a reason is given", how);
    }
    cr_expect_eq(damage_count, 1, "%s", how);
    cr_expect_geq(stray_count, 1, "%s", how);
}

Test(inspect, damage_is_shown_where_it_stands_and_strays_behind_it)
{
    struct log_fixture *log = make_log();
    struct image_file *head = head_of(log);
    uint64_t offset = segment.frames[1].offset;
    struct kaya_wal_inspection inspection;

    memset(head->bytes + offset + 4, 0x3c, 24);
    inspection = look_into(log, NULL);
    expect_damage_shown(offset, "the directory");
    cr_expect_geq(inspection.damage_count, 1);
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_DAMAGED);
    cr_expect_eq(inspection.report.damage_offset, offset);
    log_fixture_destroy(log);
}

/* Whatever is damaged, what is in use stays in use: before the damage, behind it, and the damaged one if it is there. */
Test(inspect, segments_in_use_are_called_so_beside_a_damaged_one)
{
    for (unsigned how = 0; how < 3; how++) {
        struct log_fixture *log = begin();
        struct kaya_wal_inspection inspection;
        struct image_file *file;
        uint64_t head;

        for (unsigned i = 0; i < 40; i++)
            MUST(log_append(log, 700, KAYA_STRICT));
        MUST(log_close(log));
        MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
        head = inspection.report.segment;
        cr_assert_geq(head, 4);
        file = image_disk_segment(&log->image, 2);
        if (how == 0)
            memset(file->bytes + 1200, 0x3c, 60); /* a record */
        else if (how == 1)
            memset(file->bytes + 512, 0x3c, 60); /* the link */
        else
            image_disk_remove(&log->image, file->name);
        inspection = look_into(log, NULL);
        cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_DAMAGED);
        cr_expect_eq(inspection.segment_count, how < 2 ? head : head - 1, "damage %u: %" PRIu64 " in use",
                     how, inspection.segment_count);
        for (size_t i = 0; i < items.count; i++) {
            bool is_used = items.list[i].segment <= head && (how < 2 || items.list[i].segment != 2);

            cr_expect_eq(items.list[i].role == KAYA_ROLE_IN_USE, is_used, "damage %u: segment %" PRIu64 " is %s",
                         how, items.list[i].segment, kaya_wal_segment_role_name(items.list[i].role));
        }
        log_fixture_destroy(log);
    }
}

/* What stands at the end is the number that the next record would get, and so behind a batch and a record of many frames. */
Test(inspect, the_end_names_the_next_record)
{
    static const uint32_t lengths[] = { 20, 600, 90 };

    for (unsigned how = 0; how < 3; how++) {
        struct log_fixture *log = begin();

        MUST(log_append(log, how == 1 ? 1500 : 30, KAYA_STRICT));
        if (how == 2)
            MUST(log_append_batch(log, lengths, 3, KAYA_STRICT));
        log_kill(log);
        (void)look_into(log, "0000000000000001.wal");
        cr_assert_eq(items.list[items.count - 1].kind, KAYA_ITEM_END);
        cr_expect_eq(items.list[items.count - 1].lsn, log->last_lsn + 1, "case %u", how);
        log_fixture_destroy(log);
    }
}

Test(inspect, a_frame_whose_other_checks_fail_is_shown_so)
{
    struct log_fixture *log = make_log();
    struct image_file *head = head_of(log);
    const struct dissected_frame *bad = &segment.frames[1];
    struct frame_seeds seeds = { segment.segment_seed, segment.base_seed };
    struct frame frame = { .type = bad->type,
                           .length = bad->length,
                           .offset_bytes = bad->offset,
                           .extent_bytes = (uint32_t)(bad->end - bad->offset) };
    unsigned bad_count = 0;

    head->bytes[bad->offset + 8] ^= 1; /* the second check, under the header's */
    dissect_store32(head->bytes + bad->offset,
                    kaya_frame_payload_check(head->bytes + bad->offset, &seeds, &frame));
    (void)look_into(log, head->name);
    for (size_t i = 0; i < items.count; i++) {
        const struct kaya_wal_item *item = &items.list[i];

        if (item->kind == KAYA_ITEM_HEADER || item->kind == KAYA_ITEM_END || item->kind == KAYA_ITEM_STRAY)
            continue;
        cr_expect(item->payload_check_good);
        bad_count += !item->header_check_good && !item->second_check_good;
        cr_expect_eq(item->second_check_good, item->offset_bytes != bad->offset, "0x%" PRIx64,
                     item->offset_bytes);
    }
    cr_expect_eq(bad_count, 1);
    log_fixture_destroy(log);
}

Test(inspect, verify_says_clean_torn_or_damaged_as_recovery_does)
{
    static const struct {
        bool is_closed, is_torn, is_rotten;
        enum kaya_wal_verdict verdict;
    } cases[] = { { true, false, false, KAYA_VERDICT_CLEAN },
                  { false, false, false, KAYA_VERDICT_CLEAN },
                  { false, true, false, KAYA_VERDICT_TORN },
                  { false, false, true, KAYA_VERDICT_DAMAGED } };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct log_fixture *log = begin();
        struct kaya_wal_inspection inspection;
        struct image_file *file;

        for (unsigned j = 0; j < 4; j++)
            MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_append(log, 100, KAYA_RELAXED));
        if (cases[i].is_closed)
            MUST(log_close(log));
        else
            log_kill(log);
        file = head_of(log);
        if (cases[i].is_torn)
            memset(file->bytes + segment.frames[segment.frame_count - 1].offset + 40, 0, 60);
        if (cases[i].is_rotten)
            memset(file->bytes + segment.frames[1].offset + 40, 0, 60);
        MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
        cr_expect_eq(inspection.report.verdict, cases[i].verdict, "case %zu", i);
        cr_expect_eq(inspection.report.closed_cleanly, cases[i].is_closed, "case %zu", i);
        cr_expect_eq(log_open(log), cases[i].verdict == KAYA_VERDICT_DAMAGED ? KAYA_DAMAGED : KAYA_OK);
        cr_expect_eq(log->report.verdict, cases[i].verdict, "case %zu", i);
        cr_expect_eq(log->report.last_lsn, inspection.report.last_lsn);
        cr_expect_eq(log->report.end_offset, inspection.report.end_offset);
        cr_expect_eq(log->report.claim_offset, inspection.report.claim_offset);
        log_kill(log);
        log_fixture_destroy(log);
    }
}

/* Behind the end stands a frame whose checks hold, and which says that all before it was durable; but by its index its record would come before the
 * last one, so no writer put it there. Who looks at a live log takes claims before he knows the end, and must not believe it either (P10). */
Test(inspect, a_claim_that_no_writer_can_have_made_is_none)
{
    for (uint32_t sequence = 0; sequence < 4; sequence++)
        for (unsigned gap = 0; gap <= 1024; gap += 512) {
            /* right behind the end something seems to have been written; farther off, by its index, it is an older life's */
            enum kaya_wal_verdict wanted = gap == 0 ? KAYA_VERDICT_TORN : KAYA_VERDICT_CLEAN;
            struct log_fixture *log = begin();
            struct dissected_frame frame = { .type = DISSECT_WATERMARK, .sequence = sequence };
            struct kaya_wal_inspection inspection;
            struct image_file *file;

            for (unsigned i = 0; i < 4; i++)
                MUST(log_append(log, 100, KAYA_STRICT));
            log_kill(log);
            file = head_of(log);
            frame.offset = segment.end + 64 + gap;
            frame.durable = frame.offset;
            (void)dissect_put_frame(&segment, file->bytes, &frame, NULL);
            MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
            cr_expect_eq(inspection.report.verdict, wanted, "index %u, %u behind: %s", sequence, gap,
                         inspection.report.damage_reason);
            cr_expect_eq(inspection.report.last_lsn, 4);
            MUST(log_open(log));
            cr_expect_eq(log->report.verdict, wanted, "index %u, %u behind", sequence, gap);
            cr_expect_eq(log->report.claim_offset, inspection.report.claim_offset);
            log_kill(log);
            log_fixture_destroy(log);
        }
}

/* Tend's sync claims what was written; a record encoded since lies in front of the next frame that can say so, and of that one only the first fragment
 * is written. It says it nevertheless. */
Test(inspect, what_a_broken_record_claims_is_vouched_for)
{
    const struct kaya_wal_config config = { .segment_bytes = 8192, .block_bytes = 512, .buffer_bytes = 512 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    struct kaya_wal_inspection inspection;
    bool more = true;

    MUST(log_open(log));
    while (more)
        MUST(kaya_wal_writer_tend(log->writer, &more));
    for (unsigned j = 0; j < 5; j++)
        MUST(log_append(log, 200, KAYA_RELAXED));
    MUST(log_append(log, 4, KAYA_BUFFERED)); /* encoded in front of the sync */
    MUST(kaya_wal_writer_tend(log->writer, NULL));
    MUST(log_append(log, 1000, KAYA_BUFFERED)); /* encoded behind it, and its last block is not written */
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_eq(inspection.report.last_lsn, 6, "the last one is broken off");
    cr_expect_gt(inspection.report.claim_offset, 1024);
    cr_expect_eq(inspection.report.unvouched_bytes, 32, "the short record");
    log_kill(log);
    log_fixture_destroy(log);
}

/* One reading among those to come answers KAYA_IO. */
static void fail_one_read(void *user, struct image_disk *image, enum image_call call)
{
    unsigned *before = user;

    if (call == IMAGE_READ)
        image->fail_at = (*before)-- == 0 ? image->call_count + 1 : 0;
}

/* The items with what they say, but for pointers. */
static void expect_same_items(const struct items *wanted, unsigned reading)
{
    cr_assert_eq(items.count, wanted->count, "reading %u", reading);
    for (size_t i = 0; i < items.count; i++) {
        const struct kaya_wal_item *one = &wanted->list[i], *other = &items.list[i];

        cr_expect(one->kind == other->kind && one->offset_bytes == other->offset_bytes &&
                      one->lsn == other->lsn && one->size_bytes == other->size_bytes &&
                      one->length == other->length && one->payload_check_good == other->payload_check_good &&
                      one->second_check_good == other->second_check_good &&
                      strcmp(wanted->reasons[i], items.reasons[i]) == 0,
                  "reading %u: item %zu at 0x%" PRIx64, reading, i, one->offset_bytes);
    }
}

Test(inspect, a_reading_that_fails_once_changes_nothing)
{
    enum { READINGS_MAX = 500 };
    static struct items wanted;
    struct log_fixture *log = make_log();
    struct image_file *file = head_of(log);
    bool has_stray = false, has_come = true;
    unsigned reading, before;

    file->bytes[segment.frames[segment.frame_count / 2].offset + 10] ^= 0xff; /* what stands behind it is astray */
    look_into(log, NULL);
    wanted = items;
    for (size_t i = 0; i < wanted.count; i++)
        has_stray = has_stray || (wanted.list[i].kind == KAYA_ITEM_STRAY && wanted.list[i].payload_check_good);
    cr_assert(has_stray);
    log->image.before_call = fail_one_read;
    log->image.failure = KAYA_IO;
    log->image.user = &before;
    for (reading = 0; reading < READINGS_MAX && has_come; reading++) {
        before = reading;
        look_into(log, NULL);
        expect_same_items(&wanted, reading);
        has_come = before > reading; /* it was counted below zero */
    }
    cr_expect_gt(reading, 20);
    log->image.before_call = NULL;
    log->image.fail_at = 0;
    log_fixture_destroy(log);
}

/* A closed log, to the last frame: nothing in it is unvouched for, and a bit that flips in the zeros behind it says nothing. */
Test(inspect, a_closed_log_stays_closed_whatever_bit_flips_behind_it)
{
    struct log_fixture *log = begin();
    struct kaya_wal_inspection inspection;
    struct image_file *file;

    for (unsigned j = 0; j < 4; j++)
        MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 100, KAYA_RELAXED));
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_geq(inspection.report.unvouched_bytes, 100, "the relaxed record");
    cr_expect_leq(inspection.report.unvouched_bytes, 140);
    MUST(log_close(log));
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_eq(inspection.report.unvouched_bytes, 0);
    file = head_of(log);
    for (uint64_t bit = segment.end * 8; bit < file->size * 8; bit += 7) {
        file->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
        cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_CLEAN, "bit %" PRIu64, bit);
        cr_expect(inspection.report.closed_cleanly, "bit %" PRIu64, bit);
        file->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    file->bytes[segment.end + 9] = 3; /* two bits are more than that */
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_TORN);
    log_fixture_destroy(log);
}

Test(inspect, verify_heeds_the_anchor)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_inspection inspection;
    struct kaya_wal_anchor anchor = { .lsn = log->last_lsn };
    struct kaya_wal_verify_options options = { .anchor = &anchor };

    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    anchor.log_id = inspection.report.log_id;
    MUST(kaya_wal_verify(&log->environment, &options, &inspection));
    cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_CLEAN);
    anchor.lsn++;
    MUST(kaya_wal_verify(&log->environment, &options, &inspection));
    cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_DAMAGED);
    cr_expect_eq(inspection.report.lost_first_lsn, anchor.lsn);
    anchor.log_id.bytes[0] ^= 1;
    cr_expect_eq(kaya_wal_verify(&log->environment, &options, &inspection), KAYA_WRONG_LOG);
    log_fixture_destroy(log);
}

Test(inspect, nobody_who_looks_writes_syncs_or_locks)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_inspection inspection;
    uint64_t changes = log->image.change_count;
    uint64_t syncs = log->image.counts[IMAGE_SYNC] + log->image.counts[IMAGE_SYNC_DIRECTORY];
    uint64_t locks = log->image.counts[IMAGE_LOCK];

    (void)look_into(log, NULL);
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_eq(log->image.change_count, changes);
    cr_expect_eq(log->image.counts[IMAGE_SYNC] + log->image.counts[IMAGE_SYNC_DIRECTORY], syncs);
    cr_expect_eq(log->image.counts[IMAGE_LOCK], locks);
    log_fixture_destroy(log);
}
