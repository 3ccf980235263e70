/* Directories and links under names of the log's.
 *
 * Goal: such a thing is in nobody's way, whatever number it bears and whether it was there before the log was opened or came later: the log goes
 * round it, takes all the records that there is room for, leaves it alone, and names it. Where there is no way round, as where the first segment
 * would stand, the log says so and changes nothing. Method: one thing more at each number near the head, under each kind of name, then many
 * rotations with an open after each. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "log_fixture.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 4096, .block_bytes = 512, .spare_count = 3 };
static const char *const SUFFIXES[] = { "wal", "away", "new" };

enum { ROUNDS = 10, NUMBERS = 12, KINDS = 3 };

static const char *name_of(uint64_t number, const char *suffix)
{
    static char name[IMAGE_NAME_BYTES];

    snprintf(name, sizeof name, "%016llx.%s", (unsigned long long)number, suffix);
    return name;
}

static bool is_directory(struct log_fixture *log, const char *name)
{
    const struct image_file *file = image_disk_find(&log->image, name);

    return file != NULL && file->is_directory;
}

/* In two segments, the second one in use. */
static struct log_fixture *make_log(bool cleanly)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    cr_assert(eq(int, log_open(log), KAYA_OK));
    for (unsigned i = 0; i < 2; i++) {
        if (i > 0)
            cr_assert(eq(int, log_rotate(log), KAYA_OK));
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
    }
    if (cleanly)
        cr_assert(eq(int, log_close(log), KAYA_OK));
    log_kill(log);
    return log;
}

static void expect_all(struct log_fixture *log, const char *what)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_assert(eq(int, look.status, KAYA_OK), "%s", what);
    cr_assert(eq(str, look.trouble, ""), "%s", what);
    cr_assert(eq(u64, look.last_lsn, log->last_lsn), "%s", what);
}

/* Fill some segments, and go. */
static void work(struct log_fixture *log, unsigned round, const char *what)
{
    cr_assert(eq(int, log_append(log, 150, KAYA_STRICT), KAYA_OK), "%s, round %u", what, round);
    if (round % 3 > 0)
        cr_assert(eq(int, log_rotate(log), KAYA_OK), "%s, round %u", what, round);
    for (unsigned i = 0; i < 8; i++)
        cr_assert(eq(int, log_append(log, 400, KAYA_STRICT), KAYA_OK), "%s, round %u", what, round);
    cr_expect(eq(ptr, (void *)log_event(log, KAYA_EVENT_PREPARATION_FAILED, 0), NULL), "%s, round %u", what,
              round);
    if (round % 4 == 3)
        cr_assert(eq(int, log_trim(log, log->last_lsn), KAYA_OK), "%s, round %u", what, round);
    if (round % 4 < 2)
        cr_assert(eq(int, log_close(log), KAYA_OK), "%s, round %u", what, round);
    log_kill(log);
}

static void expect_to_go_on(struct log_fixture *log, const char *name, const char *what)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        enum kaya_status status;
        const struct log_event *event;

        log_forget_events(log);
        status = log_open(log);
        cr_assert(eq(int, status, KAYA_OK), "%s, round %u: %s, %s", what, round, kaya_status_name(status),
                  log->report.damage_reason);
        cr_assert(eq(u64, log->report.last_lsn, log->last_lsn), "%s", what);
        event = log_event(log, KAYA_EVENT_NAME_TAKEN, 0);
        cr_assert(ne(ptr, (void *)event, NULL), "%s", what);
        cr_expect(eq(str, (char *)event->text, (char *)name), "%s", what);
        work(log, round, what);
        expect_all(log, what);
        cr_assert(is_directory(log, name), "%s, round %u", what, round);
    }
    log_fixture_destroy(log);
}

Test(obstacles, one_that_stood_there_is_gone_round)
{
    for (uint64_t number = 1; number < 1 + NUMBERS; number++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (int cleanly = 0; cleanly < 2; cleanly++) {
                char name[IMAGE_NAME_BYTES], what[LOG_TEXT_BYTES];
                struct log_fixture *log = make_log(cleanly);

                snprintf(name, sizeof name, "%s", name_of(number, SUFFIXES[kind]));
                snprintf(what, sizeof what, "%s, %s", name, cleanly ? "closed" : "killed");
                if (image_disk_find(&log->image, name) != NULL) {
                    log_fixture_destroy(log);
                    continue;
                }
                image_disk_add_directory(&log->image, name);
                expect_to_go_on(log, name, what);
            }
}

/* Whoever holds the log has listed the directory long ago. */
Test(obstacles, one_that_comes_while_the_log_is_open_is_gone_round)
{
    for (uint64_t number = 3; number < 3 + NUMBERS; number++)
        for (unsigned kind = 0; kind < KINDS; kind++) {
            char name[IMAGE_NAME_BYTES];
            struct log_fixture *log = make_log(true);

            snprintf(name, sizeof name, "%s", name_of(number, SUFFIXES[kind]));
            cr_assert(eq(int, log_open(log), KAYA_OK));
            cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
            if (image_disk_find(&log->image, name) == NULL)
                image_disk_add_directory(&log->image, name);
            for (unsigned i = 0; i < 2 * NUMBERS; i++) {
                cr_assert(eq(int, log_rotate(log), KAYA_OK), "%s", name);
                cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK), "%s", name);
            }
            cr_expect(eq(ptr, (void *)image_disk_find(&log->image, name_of(number, "new")),
                         kind == 2 ? (void *)image_disk_find(&log->image, name) : NULL),
                      "%s: what could not get its name stays", name);
            log_kill(log);
            cr_assert(eq(int, log_open(log), KAYA_OK), "%s: %s", name, log->report.damage_reason);
            cr_assert(eq(int, log_close(log), KAYA_OK), "%s", name);
            expect_all(log, name);
            log_fixture_destroy(log);
        }
}

/* The first segment has records only while the next one stands behind it. */
Test(obstacles, a_new_log_goes_round_those_above_its_first_segment)
{
    for (uint64_t number = 2; number < 2 + NUMBERS; number++)
        for (unsigned kind = 0; kind < KINDS; kind++)
            for (int crashes = 0; crashes < 3; crashes++) {
                char name[IMAGE_NAME_BYTES], what[LOG_TEXT_BYTES];
                struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

                snprintf(name, sizeof name, "%s", name_of(number, SUFFIXES[kind]));
                snprintf(what, sizeof what, "%s, %s", name,
                         crashes == 0   ? "killed at once"
                         : crashes == 1 ? "closed at once"
                                        : "killed with records");
                log->image.exists = true;
                image_disk_add_directory(&log->image, name);
                cr_assert(eq(int, log_open(log), KAYA_OK), "%s", what);
                if (crashes == 1)
                    cr_assert(eq(int, log_close(log), KAYA_OK), "%s", what);
                if (crashes == 2)
                    cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK), "%s", what);
                log_kill(log);
                expect_to_go_on(log, name, what);
            }
}

static void expect_refusal(struct log_fixture *log, const char *name)
{
    static struct image_disk before;
    char difference[LOG_TEXT_BYTES];
    const struct log_event *event = NULL;

    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    log_forget_events(log);
    cr_expect(eq(int, log_open(log), KAYA_EXISTS), "%s", name);
    for (size_t i = 0; i < log->event_count; i++)
        if (log->events[i].kind == KAYA_EVENT_NAME_TAKEN)
            event = &log->events[i];
    cr_assert(ne(ptr, (void *)event, NULL), "%s", name);
    cr_expect(eq(int, event->status, KAYA_EXISTS), "%s", name);
    cr_expect(eq(str, (char *)event->text, (char *)name));
    cr_expect(image_disk_same(&before, &log->image, difference, sizeof difference), "%s: %s", name, difference);
    cr_expect(not(log->image.locked), "%s", name);
    image_disk_destroy(&before);
}

Test(obstacles, a_log_does_not_begin_under_a_name_that_is_taken)
{
    for (unsigned kind = 0; kind < KINDS; kind++) {
        const char *name = name_of(1, SUFFIXES[kind]);
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

        log->image.exists = true;
        image_disk_add_directory(&log->image, name);
        expect_refusal(log, name);
        log->config.must_exist = true;
        cr_expect(eq(int, log_open(log), KAYA_NOT_FOUND), "%s", name);
        log->config.must_exist = false;
        image_disk_remove(&log->image, name);
        cr_expect(eq(int, log_open(log), KAYA_OK), "%s", name);
        log_fixture_destroy(log);
    }
}

/* A first segment without records may not have a durable name yet, and cannot be renamed to get one. */
Test(obstacles, a_first_segment_whose_name_cannot_be_settled_waits)
{
    for (unsigned kind = 0; kind < 2; kind++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        const char *name = name_of(1, SUFFIXES[kind]);

        cr_assert(eq(int, log_open(log), KAYA_OK));
        log_kill(log);
        if (kind == 0) { /* a crash between the two renames, and then somebody came */
            struct image_file *first = image_disk_segment(&log->image, 1);

            snprintf(first->name, sizeof first->name, "%s", name_of(1, "away"));
        }
        name = name_of(1, SUFFIXES[kind]);
        image_disk_add_directory(&log->image, name);
        expect_refusal(log, name);
        image_disk_remove(&log->image, name);
        cr_expect(eq(int, log_open(log), KAYA_OK), "%s", name);
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
        log_kill(log);
        image_disk_add_directory(&log->image, name_of(1, "away")); /* with records it needs no other name */
        cr_expect(eq(int, log_open(log), KAYA_OK));
        cr_expect(eq(u64, log->report.last_lsn, 1));
        log_fixture_destroy(log);
    }
}

Test(obstacles, one_in_the_place_of_a_segment_is_damage)
{
    static const struct {
        uint64_t number;
        const char *reason;
    } cases[] = {
        { 1, "what bears the segment's name is no file" },
        { 3, "what bears the segment's name is no file: a log with records has one more behind the one in use" },
    };

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_fixture *log = make_log(true);
        const char *name = name_of(cases[i].number, "wal");

        image_disk_remove(&log->image, name);
        image_disk_add_directory(&log->image, name);
        cr_expect(eq(int, log_open(log), KAYA_DAMAGED), "%s", name);
        cr_expect(eq(u64, log->report.damage_segment, cases[i].number));
        cr_expect(eq(str, (char *)log->report.damage_reason, (char *)cases[i].reason));
        log_fixture_destroy(log);
    }
}
