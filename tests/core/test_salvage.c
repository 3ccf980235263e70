/* Goal: P5's second half. Of a log that recovery refuses, salvage hands out every record that stands undamaged, with its number, its
 * bytes and its batch, each once and in order; it says what is missing between them, and never hands out anything else (P1).
 *
 * Method: small logs in memory, made by every kind of call, and damaged in every way and in several places at once. What is owed is
 * worked out in salvage_case.c from what was appended and from which bytes still stand. (test_damage.c does the same for every single
 * damage that makes recovery refuse.) */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dissect.h"
#include "kaya/salvage.h"
#include "salvage_case.h"
#include "stingy.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static const uint32_t SHORT_LENGTHS[] = { 40, 0, 7, 64 };
static const uint32_t LONG_LENGTHS[] = { 300, 20, 400, 500, 10 };

static void append_some(struct log_fixture *log, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        MUST(log_append(log, (i * 71 + 30) % 900, i % 3 == 0 ? KAYA_RELAXED : KAYA_STRICT));
        if (i % 4 == 1)
            MUST(log_append_batch(log, SHORT_LENGTHS, 4, KAYA_STRICT));
        if (i % 5 == 2)
            MUST(log_append_batch(log, LONG_LENGTHS, 5, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
    }
}

static void play_closed(struct log_fixture *log)
{
    MUST(log_open(log));
    append_some(log, 9);
    MUST(log_close(log));
}

static void play_killed(struct log_fixture *log)
{
    MUST(log_open(log));
    append_some(log, 10);
    MUST(log_append(log, 600, KAYA_RELAXED));
    MUST(log_append(log, 50, KAYA_RELAXED));
}

/* Recoveries that carry, trims that recycle, rotations away from little. */
static void play_long(struct log_fixture *log)
{
    play_killed(log);
    log_kill(log);
    MUST(log_open(log));
    append_some(log, 6);
    MUST(log_rotate(log));
    MUST(log_trim(log, 20));
    append_some(log, 3);
    MUST(log_append(log, 33, KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
    MUST(log_append(log, 44, KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
    append_some(log, 5);
    MUST(log_trim(log, log->durable_lsn - 30));
    append_some(log, 2);
    MUST(log_append(log, 45, KAYA_RELAXED));
}

/* The last thing that happened is a recovery: one frame says that its copies are durable, and the tail that they come from was cut. */
static void play_carried(struct log_fixture *log)
{
    MUST(log_open(log));
    append_some(log, 5);
    MUST(log_rotate(log));
    for (unsigned i = 0; i < 7; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
    MUST(log_append(log, 200, KAYA_RELAXED));
    MUST(log_append(log, 50, KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
}

static const struct story STORIES[] = {
    { "closed", play_closed, &LOG_DENSE, 4096, 512 },
    { "killed", play_killed, &LOG_DENSE, 4096, 512 },
    { "carried", play_carried, &LOG_DENSE, 4096, 512 },
    { "long", play_long, &LOG_DENSE, 8192, 512 },
    { "padded", play_long, &LOG_PADDED_512, 8192, 512 },
    { "larger blocks", play_long, &LOG_DENSE, 16384, 2048 },
};
enum { STORY_COUNT = sizeof STORIES / sizeof STORIES[0] };

static void in_each_story(void (*damage_all)(struct damage_case *damage))
{
    for (size_t i = 0; i < STORY_COUNT; i++) {
        struct damage_case *damage = tell(&STORIES[i]);

        damage_all(damage);
        damage_case_destroy(damage);
    }
}

static size_t complaint_count;

static struct salvage_look look; /* of the last try */

static void try_salvage(struct damage_case *damage, const char *what)
{
    char trouble[LOG_TEXT_BYTES];

    if (!salvage_case_try(damage, &look, trouble) && complaint_count++ < 12)
        cr_expect(false, "%s, %s: %s", damage->name, what, trouble);
    damage_case_restore(damage);
}

/* The image's file with this index, if it is a segment. */
static struct image_file *segment_file(struct damage_case *damage, size_t index)
{
    struct image_file *file = &damage->log->image.files[index];

    return strstr(file->name, ".wal") != NULL ? file : NULL;
}

/* --- the healthy --- */

static void compare_with_reader(struct damage_case *damage)
{
    struct kaya_wal_environment *environment = &damage->log->environment;
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_recovery_report report, seen;
    struct kaya_wal_salvaged salvaged;
    struct kaya_wal_record record;
    uint64_t count = 0;

    MUST(kaya_wal_salvage_open(environment, NULL, &salvage, &report));
    MUST(kaya_wal_reader_open(environment, NULL, &reader, &seen));
    cr_expect_eq(report.last_lsn, seen.last_lsn);
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK) {
        MUST(kaya_wal_salvage_next(salvage, &salvaged));
        cr_assert_eq(salvaged.kind, KAYA_SALVAGED_RECORD);
        cr_expect(!salvaged.incomplete);
        cr_expect_eq(salvaged.record.lsn, record.lsn);
        cr_expect_eq(salvaged.record.durable, record.durable);
        cr_expect_eq(salvaged.record.ends_batch, record.ends_batch);
        cr_expect_eq(salvaged.record.length, record.length);
        cr_expect_eq(memcmp(salvaged.record.bytes, record.bytes, record.length), 0);
        count++;
    }
    cr_expect_gt(count, 10);
    for (unsigned i = 0; i < 2; i++)
        cr_expect_eq(kaya_wal_salvage_next(salvage, &salvaged), KAYA_END);
    kaya_wal_reader_close(reader);
    kaya_wal_salvage_close(salvage);
    try_salvage(damage, "undamaged");
    cr_expect_eq(look.gap_count, 0);
}

Test(salvage, a_healthy_log_gives_what_a_reader_gives)
{
    in_each_story(compare_with_reader);
}

/* Bytes behind the end that nothing vouches for: a torn record is no gap, since recovery would not refuse. */
Test(salvage, a_torn_log_gives_what_recovery_would_return)
{
    struct damage_case *damage = tell(&STORIES[1]);
    const struct live_frame *last = &damage->live[damage->live_count - 1];
    struct image_file *file = image_disk_find(&damage->log->image, damage->pristine.files[last->file].name);

    memset(file->bytes + last->offset, 0xee, 30);
    try_salvage(damage, "torn");
    cr_expect_eq(look.gap_count, 0);
    cr_expect_eq(look.record_count, damage->log->last_lsn - 1);
    damage_case_destroy(damage);
}

Test(salvage, where_no_log_is_there_is_nothing_to_salvage)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, NULL);
    struct kaya_wal_salvage *salvage;

    cr_expect_eq(kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL), KAYA_NOT_FOUND);
    cr_expect_null(salvage);
    MUST(log_open(log));
    MUST(log_close(log));
    MUST(kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL));
    cr_expect_eq(kaya_wal_salvage_next(salvage, &(struct kaya_wal_salvaged){ .kind = 0 }), KAYA_END);
    kaya_wal_salvage_close(salvage);
    log_fixture_destroy(log);
}

/* --- the damaged --- */

/* The same numbers on every machine. */
static uint64_t draw(uint64_t *state, uint64_t count)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*state >> 33) % count;
}

static void wreck_sector(struct damage_case *damage, uint64_t *state)
{
    struct image_file *file;
    uint64_t at;
    unsigned how = (unsigned)draw(state, 4);

    do
        file = segment_file(damage, (size_t)draw(state, IMAGE_FILES_MAX));
    while (file == NULL || file->size < IMAGE_SECTOR_BYTES);
    at = draw(state, file->size / IMAGE_SECTOR_BYTES) * IMAGE_SECTOR_BYTES;
    if (how == 0)
        memset(file->bytes + at, 0, IMAGE_SECTOR_BYTES);
    else if (how == 1)
        for (unsigned i = 0; i < 2 + draw(state, 20); i++)
            file->bytes[at + draw(state, IMAGE_SECTOR_BYTES)] ^= (uint8_t)(1 + draw(state, 255));
    else if (how == 2)
        image_file_resize(file, at);
    else
        memcpy(file->bytes + at, file->bytes + draw(state, file->size / IMAGE_SECTOR_BYTES) * IMAGE_SECTOR_BYTES,
               IMAGE_SECTOR_BYTES);
}

static uint64_t incomplete_total, gap_total, owed_total;

static void wreck_at_random(struct damage_case *damage)
{
    uint64_t state = 7;

    for (unsigned trial = 0; trial < 1500; trial++) {
        unsigned count = 1 + (unsigned)draw(&state, 6);
        char what[LOG_TEXT_BYTES];

        for (unsigned i = 0; i < count; i++)
            wreck_sector(damage, &state);
        (void)snprintf(what, sizeof what, "trial %u, %u sectors", trial, count);
        try_salvage(damage, what);
        incomplete_total += look.incomplete_count;
        gap_total += look.gap_count;
        owed_total += look.owed_count;
    }
}

Test(salvage, whatever_stands_comes_whatever_is_wrecked)
{
    in_each_story(wreck_at_random);
    cr_expect_gt(incomplete_total, 100);
    cr_expect_gt(gap_total, 1000);
    cr_expect_gt(owed_total, 10000);
}

struct bad_sector {
    char name[IMAGE_NAME_BYTES];
    uint64_t offset;
};

static enum kaya_status fail_at_sector(void *user, struct image_disk *image, struct image_file *file,
                                       uint64_t offset, uint8_t *bytes, size_t length, bool past_cache)
{
    const struct bad_sector *bad = user;

    (void)image;
    (void)bytes;
    (void)past_cache;
    return strcmp(file->name, bad->name) == 0 && offset < bad->offset + IMAGE_SECTOR_BYTES &&
                   bad->offset < offset + length
               ? KAYA_IO
               : KAYA_OK;
}

/* Every sector that cannot be read, by itself; the bytes under it are spoilt as well, so that what is owed is known. */
static void spoil_sectors(struct damage_case *damage)
{
    struct image_disk *image = &damage->log->image;
    struct bad_sector bad;

    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        for (uint64_t at = 0; segment_file(damage, index) != NULL && at < segment_file(damage, index)->size;
             at += IMAGE_SECTOR_BYTES) {
            struct image_file *file = segment_file(damage, index);
            char what[LOG_TEXT_BYTES];

            memset(file->bytes + at, 0x55, IMAGE_SECTOR_BYTES);
            memcpy(bad.name, file->name, sizeof bad.name);
            bad.offset = at;
            image->during_read = fail_at_sector;
            image->user = &bad;
            (void)snprintf(what, sizeof what, "%s unreadable at 0x%" PRIx64, file->name, at);
            try_salvage(damage, what);
            image->during_read = NULL;
        }
    }
}

Test(salvage, around_every_unreadable_sector_all_the_rest_comes)
{
    in_each_story(spoil_sectors);
}

/* Whole files gone, one or two of them. */
static void remove_pairs(struct damage_case *damage)
{
    for (size_t one = 0; one < IMAGE_FILES_MAX; one++)
        for (size_t other = one; other < IMAGE_FILES_MAX && segment_file(damage, one) != NULL; other++) {
            char what[LOG_TEXT_BYTES];

            if (segment_file(damage, other) == NULL)
                continue;
            (void)snprintf(what, sizeof what, "%s and %s removed", segment_file(damage, one)->name,
                           segment_file(damage, other)->name);
            image_disk_remove(&damage->log->image, segment_file(damage, one)->name);
            if (other != one)
                image_disk_remove(&damage->log->image, segment_file(damage, other)->name);
            try_salvage(damage, what);
        }
}

Test(salvage, what_the_missing_segments_did_not_hold_comes)
{
    in_each_story(remove_pairs);
}

/* --- single cases, to the number --- */

/* The live frame of record `lsn`, or its first one. */
static const struct live_frame *frame_of(const struct damage_case *damage, uint64_t lsn)
{
    for (size_t i = 0; i < damage->live_count; i++)
        if (damage->live[i].lsn == lsn && damage->live[i].type >= 1 && damage->live[i].type <= 2)
            return &damage->live[i];
    cr_assert_fail("no record %" PRIu64, lsn);
    return NULL;
}

static uint8_t *byte_of(struct damage_case *damage, const struct live_frame *frame, uint64_t offset)
{
    return image_disk_find(&damage->log->image, damage->pristine.files[frame->file].name)->bytes +
           frame->offset + offset;
}

static const struct live_frame *link_of(const struct damage_case *damage, uint64_t segment)
{
    for (size_t i = 0; i < damage->live_count; i++)
        if (damage->live[i].segment == segment && damage->live[i].is_link)
            return &damage->live[i];
    return NULL;
}

/* Spoil the link of a segment: all of it, or two bits in one field, which leaves the others. */
static void spoil_link(struct damage_case *damage, const struct live_frame *link, int field)
{
    if (field < 0)
        memset(byte_of(damage, link, 0), 0x33, 84);
    else
        *byte_of(damage, link, 28 + (uint64_t)field) ^= 0x11;
}

Test(salvage, one_record_with_two_flipped_bits_is_the_one_gap)
{
    struct damage_case *damage = tell(&STORIES[0]);
    const struct live_frame *frame = frame_of(damage, 2);

    *byte_of(damage, frame, 30) ^= 3;
    try_salvage(damage, "two bits");
    cr_expect_eq(look.gap_count, 1);
    cr_expect_eq(look.lost_first_lsn, 2);
    cr_expect_eq(look.lost_last_lsn, 2);
    cr_expect_eq(look.damage_segment, frame->segment);
    cr_expect_eq(look.damage_offset, frame->offset);
    cr_expect_str_eq(look.reason, "the payload check fails");
    cr_expect_eq(look.record_count, damage->log->last_lsn - 1);
    damage_case_destroy(damage);
}

/* A batch over several blocks whose third member is hit: the first two stand before it. */
Test(salvage, members_before_the_break_of_a_batch_come_marked)
{
    struct log_fixture *log =
        log_fixture_create(&LOG_DENSE, &(struct kaya_wal_config){ .segment_bytes = 8192, .block_bytes = 512 });
    struct damage_case *damage;
    const struct live_frame *frame;

    MUST(log_open(log));
    MUST(log_append(log, 10, KAYA_STRICT));
    MUST(log_append_batch(log, LONG_LENGTHS, 5, KAYA_STRICT)); /* 2..6 */
    MUST(log_append(log, 20, KAYA_STRICT));
    MUST(log_append(log, 21, KAYA_STRICT));
    damage = damage_case_create("batch", log);
    frame = frame_of(damage, 2);
    cr_assert_eq(frame->type, 2);
    memset(byte_of(damage, frame + 1, 40), 0xaa, 16);
    try_salvage(damage, "a fragment");
    cr_expect_eq(look.incomplete_count, 2);
    cr_expect(look.came[2] && look.came[3] && !look.came[4] && look.came[7] && look.came[8]);
    cr_expect_eq(look.lost_first_lsn, 4);
    cr_expect_eq(look.lost_last_lsn, 6);
    damage_case_destroy(damage);
}

/* Of a segment whose neighbours stand, the bounds of what it held are known. */
Test(salvage, a_missing_segment_is_a_gap_with_both_ends)
{
    struct damage_case *damage = tell(&STORIES[0]);
    uint64_t first = 0, last = 0;

    for (size_t i = 0; i < damage->live_count; i++) {
        if (damage->live[i].segment == 2 && damage->live[i].is_link)
            first = damage->live[i].lsn;
        if (damage->live[i].segment == 3 && damage->live[i].is_link)
            last = damage->live[i].lsn - 1;
    }
    cr_assert_gt(last, first);
    image_disk_remove(&damage->log->image, "0000000000000002.wal");
    try_salvage(damage, "segment 2 removed");
    cr_expect_eq(look.gap_count, 1);
    cr_expect_eq(look.lost_first_lsn, first);
    cr_expect_eq(look.lost_last_lsn, last);
    cr_expect_eq(look.damage_segment, 2);
    cr_expect_str_eq(look.reason, "the segment is missing");
    cr_expect_eq(look.record_count, damage->log->last_lsn - (last - first + 1));
    damage_case_destroy(damage);
}

/* The same, and the segment that it went on from has lost its link: each tells what the other lacks. */
Test(salvage, copies_of_a_recovery_tell_where_a_lost_link_began)
{
    struct damage_case *damage = tell(&STORIES[2]);
    const struct live_frame *last = &damage->live[damage->live_count - 1];

    memset(byte_of(damage, last, 0), 0x5a, 28);
    spoil_link(damage, link_of(damage, damage->head - 1), -1);
    try_salvage(damage, "the claim of the copies and the link below");
    cr_expect_eq(look.record_count, damage->log->last_lsn);
    damage_case_destroy(damage);
}

/* A segment of another log among ours, higher than all of them: it is not taken for the log, and nothing of it comes. */
Test(salvage, a_segment_of_another_log_does_not_lead_astray)
{
    struct damage_case *damage = tell(&STORIES[0]);
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &damage->log->config);
    const struct image_file *file;

    kaya_sim_runtime_reset(other->runtime, 4711); /* other random numbers, so another id */
    MUST(log_open(other));
    while (other->last_lsn <= damage->head + 3) {
        MUST(log_append(other, 40, KAYA_STRICT));
        MUST(log_rotate(other));
    }
    file = image_disk_segment(&other->image, damage->head + 4);
    cr_assert_not_null(file);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    image_disk_add(&damage->log->image, file->name, file->bytes, file->size);
    try_salvage(damage, "a stranger");
    cr_expect_eq(look.record_count, damage->log->last_lsn - 1);
    log_kill(other);
    log_fixture_destroy(other);
    damage_case_destroy(damage);
}

/* A recovery that crashed while it copied has left a link and a part of the copies in a spare: it does not count, and the tail that it copied
 * from comes. */
Test(salvage, an_unfinished_recovery_takes_nothing_away)
{
    struct damage_case *damage = tell(&STORIES[1]);
    struct log_fixture *log = damage->log;
    uint64_t last_lsn = log->last_lsn, successor = damage->head + 1;
    static struct dissection segment;
    struct image_file *file;
    uint8_t *bytes;

    MUST(log_open(log));
    log_kill(log);
    file = image_disk_segment(&log->image, successor);
    dissect(&segment, file->bytes, file->size);
    cr_assert(segment.linked && segment.predecessor == damage->head && segment.frame_count >= 4);
    bytes = malloc(file->size);
    memcpy(bytes, file->bytes, file->size);
    memset(bytes + segment.frames[segment.frame_count - 2].offset, 0, 512); /* the last copy, and the claim */
    damage_case_restore(damage);
    file = image_disk_segment(&log->image, successor);
    memcpy(file->bytes, bytes, file->size);
    free(bytes);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    try_salvage(damage, "an unfinished recovery");
    cr_expect_eq(look.record_count, last_lsn - 1);
    damage_case_destroy(damage);
}

/* The one frame by which a recovery's copies count is hit, and so is a record far before: the copies are the only ones there are. */
Test(salvage, copies_of_a_recovery_come_though_nothing_says_any_more_that_they_count)
{
    struct damage_case *damage = tell(&STORIES[2]);
    const struct live_frame *last = &damage->live[damage->live_count - 1];

    cr_assert_eq(last->type, 6);
    memset(byte_of(damage, last, 0), 0x5a, 28);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    try_salvage(damage, "the claim of the copies");
    cr_expect_eq(look.gap_count, 1);
    cr_expect_eq(look.record_count, damage->log->last_lsn - 1);
    damage_case_destroy(damage);
}

/* As above, and the last copy is lost as well: what it was copied from was cut away, so the others are the only ones. */
Test(salvage, copies_of_a_recovery_come_also_where_not_all_of_them_stand)
{
    struct damage_case *damage = tell(&STORIES[2]);
    const struct live_frame *last = &damage->live[damage->live_count - 1];

    memset(byte_of(damage, last, 0), 0x5a, 28);
    memset(byte_of(damage, frame_of(damage, damage->log->last_lsn), 0), 0x5a, 28);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    try_salvage(damage, "the claim of the copies, and one of them");
    cr_expect(look.came[damage->log->last_lsn - 1]);
    cr_expect_eq(look.record_count, damage->log->last_lsn - 2);
    damage_case_destroy(damage);
}

static void play_carried_twice(struct log_fixture *log)
{
    play_carried(log);
    log_kill(log);
    MUST(log_open(log));
}

/* The first of two recoveries took the place behind the old head, and the second one gave it another number. With its claim the second one's segment
 * does not count, and the old head seems to have lost its successor: that is why the log is refused, and salvage says so. */
Test(salvage, a_recoverys_segment_without_its_claim_ends_in_a_gap)
{
    static const struct story story = { "carried twice", play_carried_twice, &LOG_DENSE, 4096, 512 };
    struct damage_case *damage = tell(&story);
    const struct live_frame *last = &damage->live[damage->live_count - 1];

    cr_assert_eq(last->type, 6);
    memset(byte_of(damage, last, 0), 0x5a, 28);
    try_salvage(damage, "the claim of the second recovery");
    cr_expect_eq(look.gap_count, 1);
    cr_expect_eq(look.damage_segment, damage->head - 1);
    cr_expect_eq(look.record_count, damage->log->last_lsn);
    damage_case_destroy(damage);
}

/* A recovery took the place of the first segment, which is gone by now: its copies are all that there is of the log. */
static void append_and_recover(struct log_fixture *log, unsigned count, uint32_t length)
{
    MUST(log_open(log));
    for (unsigned i = 0; i < count; i++)
        MUST(log_append(log, length, KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
}

static void play_replaced(struct log_fixture *log)
{
    append_and_recover(log, 4, 300);
}

/* What a recovery of the log as it stands would leave behind, but for its claim. */
static uint8_t attempt[4096];

static void try_to_recover(const struct log_fixture *log)
{
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &log->config);
    static struct dissection segment;
    struct image_file *file;

    image_disk_copy(&other->image, &log->image);
    other->image.exists = true;
    MUST(log_open(other));
    file = image_disk_segment(&other->image, 3);
    cr_assert_eq(file->size, sizeof attempt);
    dissect(&segment, file->bytes, file->size);
    cr_assert(segment.linked && segment.frames[segment.frame_count - 1].type == 6);
    memcpy(attempt, file->bytes, sizeof attempt);
    memset(attempt + segment.frames[segment.frame_count - 1].offset, 0, 28);
    log_kill(other);
    log_fixture_destroy(other);
}

static void play_attempt_and_go_on(struct log_fixture *log)
{
    play_replaced(log);
    try_to_recover(log);
    MUST(log_close(log));
    MUST(log_open(log));
    MUST(log_append(log, 40, KAYA_STRICT));
}

/* An attempt to replace a segment that held nothing but copies then was cut short, and the segment has gone on since. */
Test(salvage, what_would_have_been_replaced_and_went_on_comes)
{
    static const struct story story = { "attempt", play_attempt_and_go_on, &LOG_DENSE, 4096, 512 };
    struct damage_case *damage = tell(&story);

    cr_assert_eq(damage->head, 2);
    memcpy(image_disk_segment(&damage->log->image, 3)->bytes, attempt, sizeof attempt);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    try_salvage(damage, "an older attempt");
    cr_expect(look.came[5]);
    cr_expect_eq(look.record_count, 4);
    damage_case_destroy(damage);
}

Test(salvage, copies_that_are_all_there_is_come_without_their_claim)
{
    static const struct story story = { "replaced", play_replaced, &LOG_DENSE, 4096, 512 };
    struct damage_case *damage = tell(&story);
    const struct live_frame *last = &damage->live[damage->live_count - 1];

    cr_assert_eq(last->type, 6);
    memset(byte_of(damage, last, 0), 0x5a, 28);
    image_disk_remove(&damage->log->image, "0000000000000001.wal");
    try_salvage(damage, "the claim of all copies");
    cr_expect_eq(look.record_count, damage->log->last_lsn);
    damage_case_destroy(damage);
}

/* The log went on behind a recovery's segment. All that says that its copies count is lost, and so is the link of the segment that names it. */
static void play_carried_and_went_on(struct log_fixture *log)
{
    append_and_recover(log, 2, 900);
    for (unsigned i = 0; i < 3; i++) {
        MUST(log_append(log, 40, KAYA_STRICT));
        if (i != 1)
            MUST(log_rotate(log));
    }
    MUST(log_append(log, 40, KAYA_STRICT));
}

Test(salvage, copies_in_the_middle_come_though_nothing_says_any_more_that_they_count)
{
    static const struct story story = { "carried and went on", play_carried_and_went_on, &LOG_DENSE, 4096, 512 };

    /* 2: the link behind that as well, so that they stand below what has no numbers. 3: and that has no whole frame, and the old end is gone */
    for (unsigned lost = 1; lost <= 3; lost++) {
        struct damage_case *damage = tell(&story);

        cr_assert_eq(damage->head, 4);
        for (size_t i = 0; i < damage->live_count; i++)
            if (damage->live[i].segment == 2 && damage->live[i].type == 6)
                memset(byte_of(damage, &damage->live[i], 0), 0, 28);
        memset(byte_of(damage, frame_of(damage, 3), 0), 0, 28 + 40);
        memset(byte_of(damage, link_of(damage, 3), 0), 0, 84 + 28 + 40);
        if (lost >= 2)
            memset(byte_of(damage, link_of(damage, 4), 0), 0, 84 + 28 + 40);
        if (lost == 3) {
            *byte_of(damage, frame_of(damage, 5), 30) ^= 3;
            image_disk_remove(&damage->log->image, "0000000000000001.wal");
        }
        try_salvage(damage, "all claims of a recovery's segment and the link behind it");
        cr_expect(look.came[1] && look.came[2]);
        cr_expect_eq(look.record_count, lost == 1 ? 4 : 2);
        damage_case_destroy(damage);
    }
}

/* A cut-back into a recovery's segment cuts off the claim of its copies; then the link of the segment that names it is lost. */
static void play_cut_into_copies(struct log_fixture *log)
{
    struct kaya_wal_recovery_report report;

    append_and_recover(log, 2, 900);
    MUST(log_append(log, 40, KAYA_STRICT));
    MUST(log_close(log));
    MUST(kaya_wal_cut_back(&log->environment, &log->config, 1, &report));
    log->last_lsn = 1;
    MUST(log_open(log));
    MUST(log_append(log, 40, KAYA_STRICT));
    MUST(log_append(log, 40, KAYA_STRICT));
}

Test(salvage, copies_whose_claim_was_cut_off_come_without_the_link_that_names_them)
{
    static const struct story story = { "cut into copies", play_cut_into_copies, &LOG_DENSE, 4096, 512 };
    struct damage_case *damage = tell(&story);
    const struct live_frame *link = link_of(damage, damage->head);

    memset(byte_of(damage, link, 0), 0, 84);
    try_salvage(damage, "the link behind a cut-back");
    cr_expect(look.came[1]);
    damage_case_destroy(damage);
}

/* A cut-back of the log as it stands got no further than its link, and the log goes on in its old segment. */
static void try_to_cut_back(const struct log_fixture *log)
{
    struct log_fixture *other = log_fixture_create(&LOG_DENSE, &log->config);
    static struct dissection segment;
    struct kaya_wal_recovery_report report;
    struct image_file *file;

    image_disk_copy(&other->image, &log->image);
    other->image.exists = true;
    MUST(kaya_wal_cut_back(&other->environment, &other->config, 2, &report));
    file = image_disk_segment(&other->image, 2);
    cr_assert_eq(file->size, sizeof attempt);
    dissect(&segment, file->bytes, file->size);
    cr_assert(segment.linked && segment.frame_count > 1);
    memcpy(attempt, file->bytes, sizeof attempt);
    memset(attempt + segment.frames[1].offset, 0, 512 - segment.frames[1].offset % 512);
    log_fixture_destroy(other);
}

static void play_cut_back_in_vain(struct log_fixture *log)
{
    MUST(log_open(log));
    for (unsigned i = 0; i < 4; i++)
        MUST(log_append(log, 40, KAYA_STRICT));
    MUST(log_close(log));
    try_to_cut_back(log);
    MUST(log_open(log));
    MUST(log_append(log, 40, KAYA_STRICT));
    MUST(log_append(log, 40, KAYA_STRICT));
}

Test(salvage, a_cut_back_that_failed_takes_nothing)
{
    static const struct story story = { "cut back in vain", play_cut_back_in_vain, &LOG_DENSE, 4096, 512 };
    struct damage_case *damage = tell(&story);

    cr_assert_eq(damage->head, 1);
    memcpy(image_disk_segment(&damage->log->image, 2)->bytes, attempt, sizeof attempt);
    *byte_of(damage, frame_of(damage, 5), 30) ^= 3;
    try_salvage(damage, "a record behind the end that a failed cut-back named");
    cr_expect(look.came[3] && look.came[4] && look.came[6]);
    cr_expect_eq(look.record_count, 5);
    damage_case_destroy(damage);
}

/* The end is damaged beyond every claim of its own, so only an anchor lets recovery refuse. Then what stands behind the end comes as well,
 * and the anchor says up to where records were durable. */
Test(salvage, with_an_anchor_what_stands_behind_the_end_comes)
{
    struct damage_case *damage = tell(&STORIES[1]);
    uint64_t last_lsn = damage->log->last_lsn;
    struct kaya_wal_anchor anchor = { .lsn = last_lsn };
    struct kaya_wal_salvage_options options = { .anchor = &anchor };
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_recovery_report report;
    struct kaya_wal_salvaged salvaged;
    uint64_t count = 0;

    memset(byte_of(damage, frame_of(damage, last_lsn - 1), 0), 0xee, 30);
    MUST(kaya_wal_salvage_open(&damage->log->environment, NULL, &salvage, &report));
    cr_expect_eq(report.verdict, KAYA_VERDICT_TORN);
    kaya_wal_salvage_close(salvage);

    cr_expect_eq(kaya_wal_salvage_open(&damage->log->environment, &options, &salvage, NULL), KAYA_WRONG_LOG);
    cr_expect_null(salvage);
    anchor.log_id = report.log_id;
    for (unsigned beyond = 0; beyond < 2; beyond++) {
        anchor.lsn = last_lsn + beyond;
        MUST(kaya_wal_salvage_open(&damage->log->environment, &options, &salvage, &report));
        cr_expect_eq(report.verdict, KAYA_VERDICT_DAMAGED);
        for (count = 1; count < last_lsn - 1; count++)
            MUST(kaya_wal_salvage_next(salvage, &salvaged));
        MUST(kaya_wal_salvage_next(salvage, &salvaged));
        cr_expect_eq(salvaged.kind, KAYA_SALVAGED_GAP);
        cr_expect_eq(salvaged.first_lsn, last_lsn - 1);
        cr_expect_eq(salvaged.last_lsn, last_lsn - 1);
        MUST(kaya_wal_salvage_next(salvage, &salvaged));
        cr_expect_eq(salvaged.kind, KAYA_SALVAGED_RECORD);
        cr_expect_eq(salvaged.record.lsn, last_lsn);
        cr_expect(salvaged.record.durable);
        if (beyond) {
            MUST(kaya_wal_salvage_next(salvage, &salvaged));
            cr_expect_eq(salvaged.kind, KAYA_SALVAGED_GAP);
            cr_expect_eq(salvaged.first_lsn, anchor.lsn);
            cr_expect_eq(salvaged.last_lsn, anchor.lsn);
            cr_expect_str_eq(salvaged.reason, "the log ends before its anchor");
        }
        cr_expect_eq(kaya_wal_salvage_next(salvage, &salvaged), KAYA_END);
        kaya_wal_salvage_close(salvage);
    }
    damage_case_destroy(damage);
}

/* What looks like a spare may be a segment of which the link was cut off, or the header is lost: then a recovery may have given up what stands
 * behind the end, and its number went to another record. */
Test(salvage, an_anchor_vouches_for_nothing_below_a_file_that_may_have_been_in_use)
{
    struct damage_case *damage = tell(&STORIES[1]);
    uint64_t last_lsn = damage->log->last_lsn;
    struct image_file *above = image_disk_segment(&damage->log->image, damage->head + 1);
    size_t sizes[] = { above->size, STORIES[1].block_bytes, 0 };
    struct kaya_wal_anchor anchor = { .lsn = last_lsn };
    struct kaya_wal_salvage_options options = { .anchor = &anchor };
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_recovery_report report;
    struct kaya_wal_salvaged salvaged;

    memset(byte_of(damage, frame_of(damage, last_lsn - 1), 0), 0xee, 30);
    MUST(kaya_wal_salvage_open(&damage->log->environment, NULL, &salvage, &report));
    kaya_wal_salvage_close(salvage);
    anchor.log_id = report.log_id;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        above->size = sizes[i];
        MUST(kaya_wal_salvage_open(&damage->log->environment, &options, &salvage, NULL));
        do
            MUST(kaya_wal_salvage_next(salvage, &salvaged));
        while (salvaged.kind == KAYA_SALVAGED_GAP || salvaged.record.lsn < last_lsn);
        cr_expect_eq(salvaged.record.durable, i == 0, "cut to %zu bytes", sizes[i]);
        kaya_wal_salvage_close(salvage);
    }
    damage_case_destroy(damage);
}

/* --- lost links and headers --- */

/* A link holds what the checks of its segment's frames are seeded with, and the first number. Both are worked out: from the frames, and from
 * the neighbours. */
static void spoil_links(struct damage_case *damage)
{
    for (uint64_t segment = damage->live[0].segment; segment <= damage->head; segment++) {
        const struct live_frame *link = link_of(damage, segment);
        bool has_successor = segment < damage->head;

        for (int field = -1; link != NULL && field < 56; field += 4) {
            char what[LOG_TEXT_BYTES];

            if (field == 3)
                field = 0;
            spoil_link(damage, link, field);
            (void)snprintf(what, sizeof what, "the link of %" PRIu64 ", field %d", segment, field);
            try_salvage(damage, what);
            if (has_successor)
                cr_expect_eq(look.record_count, damage->log->last_lsn - damage->log->first_lsn + 1,
                             "%s, %s: %" PRIu64, damage->name, what, look.record_count);
        }
    }
}

Test(salvage, a_lost_link_between_others_loses_no_record)
{
    in_each_story(spoil_links);
}

/* The last segment's link, with nobody above to say what it was. Where the bytes that name the predecessor's end are left, every record comes;
 * else no number is sure, and none is given. */
Test(salvage, the_last_link_is_told_by_its_predecessor)
{
    struct damage_case *damage = tell(&STORIES[0]);
    const struct live_frame *link = link_of(damage, damage->head);
    uint64_t all = damage->log->last_lsn;

    spoil_link(damage, link, -1);
    try_salvage(damage, "all of the last link");
    cr_expect_lt(look.record_count, all);
    cr_expect_eq(look.gap_count, 1);
    cr_expect_eq(look.lost_first_lsn, link->lsn);
    spoil_link(damage, link, 0);
    try_salvage(damage, "the base LSN of the last link");
    cr_expect_eq(look.record_count, all);
    damage_case_destroy(damage);

    damage = tell(&STORIES[2]); /* begun by a recovery */
    link = link_of(damage, damage->head);
    all = damage->log->last_lsn;
    spoil_link(damage, link, 0);
    try_salvage(damage, "the base LSN of a recovery's link");
    cr_expect_eq(look.record_count, all);
    spoil_link(damage, link, -1);
    try_salvage(damage, "all of a recovery's link");
    cr_expect_lt(look.record_count, all, "nobody can say where its records begin");
    cr_expect_eq(look.gap_count, 1);
    damage_case_destroy(damage);
}

static void zero_headers(struct image_file *file)
{
    for (size_t at = 0; at + DISSECT_HEADER_BYTES < file->size; at += 512)
        if (memcmp(file->bytes + at, "kaya-wal", 8) == 0)
            memset(file->bytes + at, 0, DISSECT_HEADER_BYTES);
}

static void spoil_headers(struct damage_case *damage)
{
    for (uint64_t segment = damage->live[0].segment; segment <= damage->head + 2; segment++) {
        struct image_file *file = image_disk_segment(&damage->log->image, segment);
        bool is_named = link_of(damage, segment) != NULL;
        char what[LOG_TEXT_BYTES];

        if (file == NULL)
            continue;
        zero_headers(file);
        (void)snprintf(what, sizeof what, "both headers of %" PRIu64, segment);
        try_salvage(damage, what);
        if (is_named || segment > damage->head)
            cr_expect_eq(look.record_count, damage->log->last_lsn - damage->log->first_lsn + 1,
                         "%s, %s: %" PRIu64, damage->name, what, look.record_count);
    }
}

/* The last link is lost, and so is the end of the segment before it: nothing shows that a record is missing there. The records behind it must not
 * come under its number. */
Test(salvage, no_number_is_given_where_the_predecessor_may_have_lost_its_end)
{
    struct damage_case *damage = tell(&STORIES[0]);
    const struct live_frame *link = link_of(damage, damage->head);
    const struct live_frame *before = frame_of(damage, link->lsn - 1);
    struct image_file *file;

    cr_assert_eq(before->segment, damage->head - 1);
    file = image_disk_find(&damage->log->image, damage->pristine.files[before->file].name);
    memset(file->bytes + before->offset, 0, file->size - before->offset);
    spoil_link(damage, link, -1);
    try_salvage(damage, "the last link, and what stood in front of it");
    cr_expect(!look.came[link->lsn - 1]);
    damage_case_destroy(damage);
}

Test(salvage, both_headers_of_a_segment_lost_lose_no_record)
{
    in_each_story(spoil_headers);
}

/* The claim of a recovery's copies is lost, and so are headers and link of what they go on from: only the copies' own link tells that it was one. */
Test(salvage, copies_of_a_recovery_come_though_what_they_go_on_from_is_lost)
{
    struct damage_case *damage = tell(&STORIES[2]);
    const struct live_frame *last = &damage->live[damage->live_count - 1];
    const struct live_frame *link = link_of(damage, last->segment - 1);
    uint64_t first_lost = link[1].lsn, first_copy = link_of(damage, last->segment)[1].lsn;

    cr_assert(link->segment == 2 && first_lost > 2 && first_copy > first_lost);
    memset(byte_of(damage, last, 0), 0x5a, 28);
    zero_headers(image_disk_segment(&damage->log->image, link->segment));
    memset(byte_of(damage, link, 0), 0, link->end - link->offset);
    *byte_of(damage, frame_of(damage, 2), 30) ^= 3;
    try_salvage(damage, "the claim of the copies, and the segment before them");
    cr_expect_eq(look.gap_count, 2);
    cr_expect_eq(look.lost_last_lsn, first_copy - 1);
    for (uint64_t lsn = 1; lsn <= damage->log->last_lsn; lsn++)
        cr_expect_eq(look.came[lsn], lsn != 2 && (lsn < first_lost || lsn >= first_copy), "record %" PRIu64, lsn);
    damage_case_destroy(damage);
}

/* --- failures --- */

static bool was_appended(const struct log_fixture *log, const struct kaya_wal_record *record)
{
    static uint8_t bytes[4096];

    if (record->lsn < 1 || record->lsn > log->last_lsn || log->records[record->lsn - 1].length != record->length)
        return false;
    log_fill(&log->records[record->lsn - 1], bytes);
    return memcmp(bytes, record->bytes, record->length) == 0;
}

/* To the end, or to the failure: which of both is returned. */
static enum kaya_status salvage_all(struct log_fixture *log, const char *what, uint64_t *count)
{
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_salvaged salvaged;
    uint64_t before = kaya_sim_memory_in_use(log->memory), lsn = 0;
    enum kaya_status status = kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL);

    *count = 0;
    cr_expect_eq(status == KAYA_OK, salvage != NULL, "%s", what);
    while (status == KAYA_OK) {
        status = kaya_wal_salvage_next(salvage, &salvaged);
        if (status != KAYA_OK || salvaged.kind != KAYA_SALVAGED_RECORD)
            continue;
        cr_expect(was_appended(log, &salvaged.record), "%s: record %" PRIu64, what, salvaged.record.lsn);
        cr_expect_gt(salvaged.record.lsn, lsn, "%s: in order", what);
        lsn = salvaged.record.lsn;
        ++*count;
    }
    if (salvage != NULL)
        cr_expect_eq(kaya_wal_salvage_next(salvage, &salvaged), status, "%s: it has ended", what);
    kaya_wal_salvage_close(salvage);
    cr_expect_eq(kaya_sim_memory_in_use(log->memory), before, "%s: memory is given back", what);
    return status;
}

/* Each call in turn: a disk that is gone ends the salvage, a read that fails once ends it or loses nothing that is told wrongly. */
static void fail_calls(struct log_fixture *log, const char *name, enum kaya_status failure)
{
    bool is_past = false;
    uint64_t count;

    for (uint64_t call = 1; !is_past; call++) {
        enum kaya_status status;
        char what[LOG_TEXT_BYTES];

        (void)snprintf(what, sizeof what, "%s, %s at call %" PRIu64, name, kaya_status_name(failure), call);
        log->image.failure = failure;
        log->image.fail_on = failure == KAYA_GONE;
        log->image.fail_at = log->image.call_count + call;
        status = salvage_all(log, what, &count);
        is_past = log->image.call_count < log->image.fail_at;
        log->image.fail_at = 0;
        cr_expect(status == failure || (status == KAYA_END && (is_past || failure != KAYA_GONE)), "%s: %s",
                  what, kaya_status_name(status));
    }
}

/* Each allocation in turn: it ends the salvage, or was not needed, and all comes that comes without. */
static void fail_allocations(struct log_fixture *log, const char *name)
{
    uint64_t all, count;
    struct stingy stingy = stingy_over(log->environment.allocator);

    cr_expect_eq(salvage_all(log, name, &all), KAYA_END);
    log->environment.allocator = &stingy.allocator;
    do {
        enum kaya_status status;
        char what[LOG_TEXT_BYTES];

        stingy.fail_at++;
        stingy.count = 0;
        (void)snprintf(what, sizeof what, "%s, allocation %" PRIu64, name, stingy.fail_at);
        status = salvage_all(log, what, &count);
        cr_expect(status == KAYA_NO_MEMORY ? stingy.count >= stingy.fail_at : status == KAYA_END && count == all,
                  "%s: %s", what, kaya_status_name(status));
    } while (stingy.count >= stingy.fail_at);
    log->environment.allocator = stingy.from;
}

static void fail_everything(struct damage_case *damage, const char *what)
{
    fail_calls(damage->log, what, KAYA_GONE);
    fail_calls(damage->log, what, KAYA_IO);
    fail_allocations(damage->log, what);
    damage_case_restore(damage);
}

static void wreck_and_fail(struct damage_case *damage)
{
    uint64_t middle = damage->live[0].segment + (damage->head - damage->live[0].segment) / 2;

    fail_everything(damage, "undamaged");
    image_disk_remove(&damage->log->image, damage->pristine.files[link_of(damage, middle)->file].name);
    fail_everything(damage, "a segment removed");
    spoil_link(damage, link_of(damage, middle), -1);
    fail_everything(damage, "a link between others");
    spoil_link(damage, link_of(damage, damage->head), -1);
    fail_everything(damage, "the last link");
    spoil_link(damage, link_of(damage, damage->head - 1), -1);
    memset(byte_of(damage, &damage->live[damage->live_count - 1], 0), 0x5a, 28);
    fail_everything(damage, "the last frame, and the link below");
    zero_headers(image_disk_segment(&damage->log->image, middle));
    fail_everything(damage, "both headers");
}

Test(salvage, any_call_may_fail_and_memory_run_out_and_nothing_is_invented)
{
    for (size_t i = 0; i < 4; i++) {
        struct damage_case *damage = tell(&STORIES[i]);

        wreck_and_fail(damage);
        damage_case_destroy(damage);
    }
}

/* --- hostile bytes --- */

static const uint64_t EXTREMES[] = { 0, 1, 2, 7, 4096, 1 << 20, UINT64_C(1) << 40, UINT64_MAX - 1, UINT64_MAX };
enum { EXTREME_COUNT = sizeof EXTREMES / sizeof EXTREMES[0] };

/* Change something in a whole frame of the file and make its checks hold again: who wrote this wants to lead astray. */
static void forge(struct image_file *file, uint64_t *state)
{
    static struct dissection segment;
    const struct dissected_frame *frame;
    uint8_t *bytes;

    dissect(&segment, file->bytes, file->size);
    if (segment.frame_count == 0)
        return;
    frame = &segment.frames[draw(state, 3) == 0 ? 0 : draw(state, segment.frame_count)];
    bytes = file->bytes + frame->offset;
    switch (draw(state, 4)) {
    case 0: /* the index, the watermark, the type */
        dissect_store32(bytes + 24, (uint32_t)EXTREMES[draw(state, EXTREME_COUNT)]);
        break;
    case 1:
        dissect_store32(bytes + 20, (uint32_t)draw(state, frame->offset / 4 + 1));
        break;
    case 2:
        bytes[14] = (uint8_t)(1 + draw(state, 9));
        bytes[15] = (uint8_t)draw(state, 6);
        break;
    default: /* eight bytes of payload: lengths of records and members, numbers in links */
        if (frame->length >= 8)
            dissect_store64(bytes + 28 + draw(state, frame->length / 8) * 8,
                            EXTREMES[draw(state, EXTREME_COUNT)]);
        break;
    }
    dissect_seal_frame(&segment, file->bytes, frame->offset);
}

/* Swap the contents of two files, or give one another number with headers that say so. */
static void misplace(struct damage_case *damage, struct image_file *file, uint64_t *state)
{
    static struct dissection segment;
    struct image_file *other = segment_file(damage, (size_t)draw(state, IMAGE_FILES_MAX));

    if (draw(state, 2) == 0 && other != NULL && other->size == file->size) {
        memcpy(file->bytes, other->bytes, file->size);
        return;
    }
    if (!dissect_header(&segment, file->bytes, file->size))
        return;
    for (unsigned copy = 0; copy < 2; copy++) {
        uint64_t at = copy * segment.second_copy;

        if (draw(state, 2) == 0)
            dissect_store64(file->bytes + at + 64, EXTREMES[draw(state, EXTREME_COUNT)]);
        else
            dissect_store64(file->bytes + at + 72, draw(state, 3));
        dissect_seal_header(file->bytes, at);
    }
}

/* Salvage ends, hands out ascending numbers, and takes no more memory or reading than the files ask for. */
static void expect_bounded(struct damage_case *damage, unsigned trial)
{
    struct log_fixture *log = damage->log;
    uint64_t stored = image_disk_bytes_stored(&log->image);
    uint64_t read = log->image.bytes_read, last_lsn = 0;
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_salvaged salvaged;
    enum kaya_status status = kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL);

    while (status == KAYA_OK && (status = kaya_wal_salvage_next(salvage, &salvaged)) == KAYA_OK) {
        if (salvaged.kind == KAYA_SALVAGED_GAP)
            continue;
        cr_expect(salvaged.record.lsn > last_lsn, "%s, trial %u: %" PRIu64 " behind %" PRIu64, damage->name,
                  trial, salvaged.record.lsn, last_lsn);
        last_lsn = salvaged.record.lsn;
    }
    cr_expect(status == KAYA_END || status == KAYA_NOT_FOUND, "%s, trial %u: %s", damage->name, trial,
              kaya_status_name(status));
    kaya_wal_salvage_close(salvage);
    cr_expect(log->image.bytes_read - read < 200 * stored + (1 << 20),
              "%s, trial %u: read %" PRIu64 " of %" PRIu64, damage->name, trial, log->image.bytes_read - read,
              stored);
    cr_expect(kaya_sim_memory_peak(log->memory) < 4 * stored + (4 << 20), "%s, trial %u", damage->name, trial);
    cr_expect(kaya_sim_memory_in_use(log->memory) == 0, "%s, trial %u: memory leaked", damage->name, trial);
}

static void forge_at_random(struct damage_case *damage)
{
    uint64_t state = 11;

    for (unsigned trial = 0; trial < 1500; trial++) {
        for (unsigned count = 1 + (unsigned)draw(&state, 6); count > 0; count--) {
            struct image_file *file;

            do
                file = segment_file(damage, (size_t)draw(&state, IMAGE_FILES_MAX));
            while (file == NULL);
            if (draw(&state, 5) == 0)
                misplace(damage, file, &state);
            else if (draw(&state, 5) == 0)
                wreck_sector(damage, &state);
            else
                forge(file, &state);
        }
        expect_bounded(damage, trial);
        damage_case_restore(damage);
    }
}

Test(salvage, forged_bytes_lead_to_an_end)
{
    in_each_story(forge_at_random);
}

/* A link may say anything under checks that hold. A base LSN that no log reaches gives no records: they would have no number. */
Test(salvage, a_made_up_base_lsn_numbers_no_record)
{
    static const uint64_t made_up[] = { 0, UINT64_MAX / 4 + 1, UINT64_MAX };

    for (unsigned i = 0; i < 3; i++) {
        static struct dissection segment;
        struct kaya_wal_salvage *salvage = NULL;
        struct kaya_wal_salvaged salvaged;
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, NULL);
        uint8_t *bytes;

        MUST(log_open(log));
        MUST(log_append(log, 40, KAYA_STRICT));
        log_kill(log);
        bytes = image_disk_segment(&log->image, 1)->bytes;
        dissect(&segment, bytes, image_disk_segment(&log->image, 1)->size);
        dissect_store64(bytes + segment.frames[0].offset + DISSECT_FRAME_BYTES, made_up[i]);
        dissect_seal_frame(&segment, bytes, segment.frames[0].offset);
        MUST(kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL));
        MUST(kaya_wal_salvage_next(salvage, &salvaged));
        cr_expect(salvaged.kind == KAYA_SALVAGED_GAP);
        cr_expect(kaya_wal_salvage_next(salvage, &salvaged) == KAYA_END);
        kaya_wal_salvage_close(salvage);
        log_fixture_destroy(log);
    }
}

/* --- beside a writer --- */

struct busy_writer {
    struct log_fixture *log;
    uint64_t calls, steps, every;
    bool is_working;
};

static void work(void *user, struct image_disk *image, enum image_call call)
{
    struct busy_writer *busy = user;
    struct log_fixture *log = busy->log;

    (void)image;
    (void)call;
    if (busy->is_working || ++busy->calls % busy->every != 0 || log->last_lsn > LOG_RECORDS_MAX - 20)
        return;
    busy->is_working = true;
    if (++busy->steps % 7 == 0)
        MUST(log_trim(log, log->durable_lsn > 9 ? log->durable_lsn - 9 : 1));
    else if (busy->steps % 11 == 0)
        MUST(log_append_batch(log, SHORT_LENGTHS, 4, KAYA_STRICT));
    else
        MUST(log_append(log, (uint32_t)busy->steps * 71 % 700, busy->steps % 3 ? KAYA_STRICT : KAYA_RELAXED));
    busy->is_working = false;
}

/* P10: a healthy log that changes underneath has no gaps. */
Test(salvage, a_live_log_has_no_gaps)
{
    for (uint64_t every = 2; every <= 40; every += 3) {
        struct kaya_wal_config config = { .segment_bytes = 8192, .block_bytes = 512 };
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
        struct log_fixture *other = log_fixture_create(&LOG_DENSE, &config);
        struct busy_writer busy = { .log = log, .every = every };
        uint64_t end_count = 0;

        MUST(log_open(log));
        append_some(log, 6);
        other->environment.disk = &log->image.disk;
        log->image.before_call = work;
        log->image.user = &busy;
        for (unsigned round = 0; round < 30; round++) {
            struct kaya_wal_salvage *salvage = NULL;
            struct kaya_wal_salvaged salvaged;
            enum kaya_status status = kaya_wal_salvage_open(&other->environment, NULL, &salvage, NULL);

            while (status == KAYA_OK && (status = kaya_wal_salvage_next(salvage, &salvaged)) == KAYA_OK)
                cr_expect_eq(salvaged.kind, KAYA_SALVAGED_RECORD, "every %" PRIu64 ": %s", every,
                             salvaged.reason);
            cr_expect(status == KAYA_END || status == KAYA_BUSY || status == KAYA_TRIMMED,
                      "every %" PRIu64 ": %s", every, kaya_status_name(status));
            end_count += status == KAYA_END;
            kaya_wal_salvage_close(salvage);
        }
        cr_expect(every < 20 || end_count > 0, "every %" PRIu64, every);
        log->image.before_call = NULL;
        log_kill(log);
        log_fixture_destroy(other);
        log_fixture_destroy(log);
    }
}
