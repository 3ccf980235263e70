/* Files that people put among the log's own, and spares that they took away.
 *
 * Goal: neither harms a log. It goes on, through as many segments as it likes, and never takes a gap in its numbers or a stranger's file for a
 * lost segment; where such a file is part of another log that could pass for this one, the log is refused and nothing is changed. Method: each
 * deed at each number near the head, then many rotations with an open after each. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dissect.h"
#include "log_fixture.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 4096, .block_bytes = 512, .spare_count = 3 };

enum { ROUNDS = 14, NUMBERS = 9 };

static const char *name_of(uint64_t number)
{
    static char name[32];

    snprintf(name, sizeof name, "%016llx.wal", (unsigned long long)number);
    return name;
}

/* `id`: logs of different ids have different random bytes. */
static struct log_fixture *log_of_segments(unsigned count, uint64_t id)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    log->boot_count = id;
    log_kill(log);
    cr_assert(eq(int, log_open(log), KAYA_OK));
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            cr_assert(eq(int, log_rotate(log), KAYA_OK));
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
    }
    return log;
}

/* Work, rotate, end in one way or the other, open: each time all must be there. */
static void expect_to_go_on(struct log_fixture *log, const char *what)
{
    struct log_look look;

    for (unsigned round = 0; round < ROUNDS; round++) {
        enum kaya_status status = log_open(log);
        cr_assert(eq(int, status, KAYA_OK), "%s, round %u: %s, %s", what, round, kaya_status_name(status),
                  log->report.damage_reason);
        cr_assert(eq(u64, log->report.last_lsn, log->last_lsn), "%s", what);
        cr_assert(eq(int, log_append(log, 150, KAYA_STRICT), KAYA_OK), "%s", what);
        if (round % 3 > 0)
            cr_assert(eq(int, log_rotate(log), KAYA_OK), "%s", what);
        cr_assert(eq(int, log_append(log, 50, KAYA_STRICT), KAYA_OK), "%s", what);
        if (round % 4 < 2)
            cr_assert(eq(int, log_close(log), KAYA_OK));
        else
            log_kill(log);
        log_look(log, NULL, &look);
        cr_assert(eq(int, look.status, KAYA_OK), "%s, round %u", what, round);
        cr_assert(eq(str, look.trouble, ""), "%s", what);
    }
    log_fixture_destroy(log);
}

static struct log_fixture *closed_log(bool cleanly)
{
    struct log_fixture *log = log_of_segments(2, 0);

    if (cleanly)
        cr_assert(eq(int, log_close(log), KAYA_OK));
    else
        log_kill(log);
    return log;
}

Test(strangers, a_spare_that_was_removed_is_no_lost_segment)
{
    for (uint64_t number = 4; number <= 6; number++) /* 2 is in use, 3 stands right behind it */
        for (int cleanly = 0; cleanly < 2; cleanly++) {
            struct log_fixture *log = closed_log(cleanly);
            char what[64];
            snprintf(what, sizeof what, "spare %u removed", (unsigned)number);
            if (image_disk_segment(&log->image, number) == NULL) {
                log_fixture_destroy(log);
                continue;
            }
            image_disk_remove(&log->image, name_of(number));
            expect_to_go_on(log, what);
        }
}

Test(strangers, a_file_in_a_spares_way_is_passed_over)
{
    static const char *const kinds[] = { "nothing", "zeros", "a copy of a segment in use", "a copy of a spare" };

    for (unsigned kind = 0; kind < 4; kind++)
        for (uint64_t number = 4; number < 4 + NUMBERS; number++)
            for (int cleanly = 0; cleanly < 2; cleanly++) {
                struct log_fixture *log = closed_log(cleanly);
                static uint8_t bytes[4096];
                const struct image_file *from = image_disk_segment(&log->image, kind == 2 ? 1 : 3);
                char what[64];
                memset(bytes, 0, sizeof bytes);
                if (kind > 1)
                    memcpy(bytes, from->bytes, from->size < sizeof bytes ? from->size : sizeof bytes);
                if (image_disk_segment(&log->image, number) == NULL) { /* else it is a spare damaged, not a stranger */
                    snprintf(what, sizeof what, "%s as %u", kinds[kind], (unsigned)number);
                    image_disk_add(&log->image, name_of(number), bytes, kind == 0 ? 0 : sizeof bytes);
                    expect_to_go_on(log, what);
                } else {
                    log_fixture_destroy(log);
                }
            }
}

/* Recovery passed over a spare that a stranger blocks, and a crash brought that spare back. The segment that it took instead loses its link: the
 * spare right behind the old head is as clean as ever, but the frames further up say that they were durable. */
Test(strangers, a_lost_link_behind_a_spare_that_was_passed_over_is_seen)
{
    struct log_fixture *log = log_of_segments(2, 0);
    static uint8_t passed_over[4096];
    static const uint8_t zeros[512];

    cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK)); /* claims the one before it: recovery keeps segment 2 */
    log_kill(log);
    memcpy(passed_over, image_disk_segment(&log->image, 3)->bytes, sizeof passed_over);
    image_disk_remove(&log->image, name_of(4));
    image_disk_add(&log->image, name_of(4), "", 0);
    cr_assert(eq(int, log_open(log), KAYA_OK));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(int, log_append(log, 300, KAYA_STRICT), KAYA_OK));
    log_kill(log);
    cr_assert(eq(ptr, (void *)image_disk_segment(&log->image, 3), NULL));
    image_disk_add(&log->image, name_of(3), passed_over, sizeof passed_over);
    memcpy(image_disk_segment(&log->image, 5)->bytes + 512, zeros, sizeof zeros);
    cr_expect(eq(int, log_open(log), KAYA_DAMAGED));
    cr_expect(eq(u64, log->report.damage_segment, 5));
    cr_expect(eq(u64, log->report.damage_offset, 512));
    log_fixture_destroy(log);
}

/* A spare of a smaller unit than the disk's cannot take over, and what stands in front of a gap before it cannot either: nothing would stand
 * right behind it. */
Test(strangers, a_spare_in_front_of_a_gap_before_an_unfit_one_is_passed_over)
{
    struct log_fixture *log = log_fixture_create(
        &LOG_PADDED_4096, &(struct kaya_wal_config){ .segment_bytes = 32768, .block_bytes = 512 });
    static uint8_t bytes[32768];
    const struct image_file *spare;

    cr_assert(eq(int, log_open(log), KAYA_OK));
    log_kill(log);
    spare = image_disk_segment(&log->image, 3);
    cr_assert(eq(sz, spare->size, sizeof bytes));
    memcpy(bytes, spare->bytes, sizeof bytes);
    for (uint64_t copy = 0; copy < sizeof bytes; copy += sizeof bytes / 2) {
        dissect_store32(bytes + copy + 32, 512); /* the unit */
        dissect_store64(bytes + copy + 64, 5);   /* the number */
        dissect_seal_header(bytes, copy);
    }
    image_disk_add(&log->image, name_of(5), bytes, sizeof bytes);
    expect_to_go_on(log, "4 is not there, 5 has another unit");
}

/* Whose header is lost, and the spares in front of it, which cannot take over: a trim frees them with the rest, no open is needed (P8). */
Test(strangers, a_trim_frees_what_a_rotation_passed_over)
{
    for (uint64_t lost = 4; lost <= 5; lost++) {
        struct log_fixture *log = closed_log(true);
        struct image_file *spare;

        cr_assert(eq(int, log_open(log), KAYA_OK)); /* 1 and 2 are in use ... */
        for (unsigned i = 0; i < 2; i++)
            cr_assert(eq(int, kaya_wal_writer_tend(log->writer, NULL), KAYA_OK));
        cr_assert(eq(int, log_close(log), KAYA_OK));
        spare = image_disk_segment(&log->image, lost); /* ... and 3 to 5 are spares */
        memset(spare->bytes, 0, spare->size);
        cr_assert(eq(int, log_open(log), KAYA_OK));
        for (unsigned i = 0; i < 3; i++)
            cr_assert(eq(int, kaya_wal_writer_tend(log->writer, NULL), KAYA_OK));
        cr_assert(eq(int, log_rotate(log), KAYA_OK));
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
        cr_expect(ne(ptr, (void *)image_disk_segment(&log->image, lost), NULL));
        log_forget_events(log);
        cr_assert(eq(int, log_trim(log, log->last_lsn), KAYA_OK));
        cr_expect(eq(u64, log->first_lsn, log->last_lsn));
        for (uint64_t number = 1; number <= lost; number++)
            cr_expect(eq(ptr, (void *)image_disk_segment(&log->image, number), NULL), "%u is lost, %u stands",
                      (unsigned)lost, (unsigned)number);
        cr_expect(lt(u64, image_disk_file_count(&log->image), 1 + SMALL.spare_count + 2));
        cr_expect(ne(ptr, (void *)log_event(log, KAYA_EVENT_LEFTOVER, 0), NULL));
        cr_assert(eq(int, log_close(log), KAYA_OK));
        expect_to_go_on(log, "a spare without a header was passed over");
    }
}

/* The next so many files that are opened answer KAYA_IO. */
static void fail_opens(void *user, struct image_disk *image, enum image_call call)
{
    unsigned *left = user;

    image->fail_at = call == IMAGE_OPEN && *left > 0 ? image->call_count + 1 : 0;
    *left -= image->fail_at != 0;
}

/* Where a stranger stands behind the head, each new spare's name is looked at first. */
Test(strangers, a_name_that_cannot_be_looked_at_is_passed_over_but_not_a_thousand)
{
    enum { KNOWN = 5, PASSED_OVER_MAX = 3, TRIES_MAX = 2000 };

    for (unsigned failures = 0; failures <= TRIES_MAX; failures += failures < 8 ? 1 : TRIES_MAX - 8) {
        struct log_fixture *log = closed_log(true);
        unsigned left = 0;
        const struct log_event *prepared, *refused;
        uint64_t opens;
        char what[64];

        snprintf(what, sizeof what, "%u opens fail", failures);
        image_disk_add(&log->image, name_of(64), "", 0);
        cr_assert(eq(int, log_open(log), KAYA_OK));
        cr_assert(eq(int, log_rotate(log), KAYA_OK));
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
        log_forget_events(log);
        log->image.before_call = fail_opens;
        log->image.failure = KAYA_IO;
        log->image.user = &left;
        opens = log->image.counts[IMAGE_OPEN];
        left = failures;
        cr_assert(eq(int, kaya_wal_writer_tend(log->writer, NULL), KAYA_OK)); /* an event tells */
        left = 0;
        opens = log->image.counts[IMAGE_OPEN] - opens;
        prepared = log_event(log, KAYA_EVENT_SEGMENT_PREPARED, 0);
        refused = log_event(log, KAYA_EVENT_PREPARATION_FAILED, 0);
        if (failures <= PASSED_OVER_MAX) {
            cr_expect(prepared != NULL && prepared->segment == KNOWN + 1 + failures, "%s", what);
        } else {
            cr_expect(refused != NULL, "%s", what);
            cr_expect(eq(u64, opens, PASSED_OVER_MAX + 1), "%s", what);
        }
        cr_assert(eq(int, log_close(log), KAYA_OK));
        log_kill(log);
        log->image.before_call = NULL;
        log->image.fail_at = 0;
        expect_to_go_on(log, what);
    }
}

/* One open among those to come answers KAYA_IO. */
static void fail_one_open(void *user, struct image_disk *image, enum image_call call)
{
    unsigned *before = user;

    if (call == IMAGE_OPEN)
        image->fail_at = (*before)-- == 0 ? image->call_count + 1 : 0;
}

/* A spare that a name behind it seemed to block serves again as soon as that name has become a spare's: once all is tended, a rotation makes none. */
Test(strangers, a_name_that_could_not_be_looked_at_once_blocks_no_spare_for_good)
{
    enum { OPENS = 8 }; /* of one preparation: names of its number, the file, names of the next number */

    for (unsigned k = 0; k < OPENS; k++) {
        struct log_fixture *log = closed_log(true);
        unsigned before = k;
        bool more = true;

        image_disk_add(&log->image, name_of(64), "", 0);
        cr_assert(eq(int, log_open(log), KAYA_OK));
        for (unsigned round = 0; round < 3; round++) {
            cr_assert(eq(int, log_rotate(log), KAYA_OK));
            cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
            log->image.before_call = fail_one_open;
            log->image.failure = KAYA_IO;
            log->image.user = &before;
            cr_assert(eq(int, kaya_wal_writer_tend(log->writer, NULL), KAYA_OK)); /* an event tells */
            log->image.before_call = NULL;
            log->image.fail_at = 0;
            for (more = true; more;)
                cr_assert(eq(int, kaya_wal_writer_tend(log->writer, &more), KAYA_OK));
            log_forget_events(log);
            cr_assert(eq(int, log_rotate(log), KAYA_OK));
            cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
            cr_expect(log_event(log, KAYA_EVENT_SEGMENT_PREPARED, 0) == NULL, "open %u failed, round %u", k,
                      round);
            before = k;
        }
        cr_assert(eq(int, log_close(log), KAYA_OK));
        log_kill(log);
        expect_to_go_on(log, "a name could not be looked at");
    }
}

static void expect_two_logs(struct log_fixture *log)
{
    static struct image_disk before;
    char difference[LOG_TEXT_BYTES];

    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    cr_expect(eq(int, log_open(log), KAYA_DAMAGED), "it opened, with records to %llu",
              (unsigned long long)log->report.last_lsn);
    cr_expect(eq(str, (char *)log->report.damage_reason, "segments of two logs stand here"));
    cr_expect(image_disk_same(&before, &log->image, difference, sizeof difference), "%s", difference);
    image_disk_destroy(&before);
}

static void put_segment(struct log_fixture *log, struct log_fixture *other, uint64_t number)
{
    const struct image_file *intruder = image_disk_segment(&other->image, number);

    cr_assert(ne(ptr, (void *)intruder, NULL));
    if (image_disk_segment(&log->image, number) != NULL)
        image_disk_remove(&log->image, name_of(number));
    image_disk_add(&log->image, name_of(number), intruder->bytes, intruder->size);
}

/* The highest number says nothing about which of two logs is meant. */
Test(strangers, segments_of_two_logs_are_refused_and_left_alone)
{
    struct log_fixture *other = log_of_segments(6, 1000);
    struct log_fixture *log = log_of_segments(3, 0);

    cr_assert(eq(int, log_trim(other, other->last_lsn), KAYA_OK)); /* its last segment leads to no other */
    cr_assert(eq(int, log_close(other), KAYA_OK));
    cr_assert(eq(int, log_close(log), KAYA_OK));
    for (uint64_t number = 6; number <= 7; number++)
        put_segment(log, other, number);
    expect_two_logs(log);
    image_disk_remove(&log->image, name_of(6));
    image_disk_remove(&log->image, name_of(7));
    cr_expect(eq(int, log_open(log), KAYA_OK), "%s", log->report.damage_reason);
    cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
    log_fixture_destroy(log);
    log_fixture_destroy(other);
}

/* The stranger's link does not count, so the log above which it stands would go on, come past it, and be refused then. */
Test(strangers, what_a_recovery_of_another_log_left_unfinished_is_refused_before_the_log_comes_past_it)
{
    struct log_fixture *other = log_of_segments(5, 1000);
    struct log_fixture *log = log_of_segments(3, 0);
    const uint64_t number = 6;
    struct image_file *copies;
    struct dissection found;

    log_kill(other);
    cr_assert(eq(int, log_open(other), KAYA_OK));
    cr_assert(eq(int, log_close(log), KAYA_OK));
    put_segment(log, other, number);
    copies = image_disk_segment(&log->image, number);
    dissect(&found, copies->bytes, copies->size);
    cr_assert(found.linked);
    cr_assert(lt(u64, 0, found.carried_end));
    memset(copies->bytes + found.carried_end, 0, copies->size - found.carried_end);
    expect_two_logs(log);
    image_disk_remove(&log->image, name_of(number));
    expect_to_go_on(log, "without the stranger");
    log_fixture_destroy(other);
}

/* Two copies of one log went on apart, with records of the same lengths: same numbers, same salts, same places. Only the link's digest tells
 * whose segment it is. */
Test(strangers, a_segment_of_a_copy_that_went_on_elsewhere_is_refused)
{
    struct log_fixture *logs[] = { closed_log(true), log_of_segments(1, 1000) };
    const struct image_file *intruder;

    log_kill(logs[1]);
    image_disk_copy(&logs[1]->image, &logs[0]->image);
    logs[1]->last_lsn = logs[0]->last_lsn;
    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, log_open(logs[i]), KAYA_OK));
        for (int round = 0; round < 2; round++) {
            cr_assert(eq(int, log_rotate(logs[i]), KAYA_OK));
            cr_assert(eq(int, log_append(logs[i], 100, KAYA_STRICT), KAYA_OK));
        }
        cr_assert(eq(int, log_close(logs[i]), KAYA_OK));
    }
    intruder = image_disk_segment(&logs[1]->image, 3);
    cr_assert(ne(ptr, (void *)intruder, NULL));
    image_disk_remove(&logs[0]->image, name_of(3));
    image_disk_add(&logs[0]->image, name_of(3), intruder->bytes, intruder->size);
    cr_expect(eq(int, log_open(logs[0]), KAYA_DAMAGED));
    cr_expect(eq(str, (char *)logs[0]->report.damage_reason,
                 "the file is not the segment that its successor names"));
    log_fixture_destroy(logs[0]);
    log_fixture_destroy(logs[1]);
}
