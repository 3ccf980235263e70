/* What the log tells (scenarios/event_check.c).
 *
 * Goal: what kaya/event.h has told of a directory, and of an open, passes; an event that lacks a field or has one too many, that is not so with the
 * files that it names, or that is not what was answered, is caught. Method: a directory of segments, of which 2 is in use, and rows of events; stories
 * of an open, in which every event is left out once and every field of every event is one too high. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/event_check.h"
#include "scenarios/one_field.h"
#include "sim/machine.h"

enum { HEAD = 2, CUT_BYTES = 700, AWAY_BYTES = 800 };

static struct machine machine;
static struct kaya_event_check check;

static void begin(void)
{
    memset(&check, 0, sizeof check);
    check.disk = machine.sim;
    check.head = HEAD;
    check.in_use = 1;
}

/* Segment 1 was removed, 2 is in use, 3 and 8 are spares; 5 is out of the way, 6 is not finished. */
static void set(void)
{
    static const struct {
        const char *name;
        size_t bytes;
    } files[] = { { "0000000000000002.wal", CUT_BYTES },
                  { "0000000000000003.wal", IMAGE_BYTES },
                  { "0000000000000005.away", AWAY_BYTES },
                  { "0000000000000006.new", IMAGE_BYTES },
                  { "0000000000000008.wal", IMAGE_BYTES } };

    machine_start(&machine, &(struct kaya_sim_disk_options){ .choices = kaya_choices_from_seed(1) });
    make_directory(&machine);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        make_file(&machine, files[i].name, 'x', files[i].bytes);
    begin();
}

static void end(void)
{
    machine_end(&machine);
    kaya_choices_destroy(machine.choices);
}

TestSuite(event_check, .init = set, .fini = end);

/* What the judge says of it; "": nothing. */
static const char *told(const struct kaya_event *event)
{
    kaya_event_check_hear(&check, event);
    return check.found.what;
}

/* --- Fields --- */

enum { STATUS = 1, SEGMENT = 2, OFFSET = 4, LSN = 8, DETAIL = 16, TEXT = 32, ALL = 63 };

static struct kaya_event event_with(enum kaya_event_kind kind, unsigned fields)
{
    return (struct kaya_event){ .kind = kind,
                                .status = (fields & STATUS) != 0 ? KAYA_IO : KAYA_OK,
                                .segment = (fields & SEGMENT) != 0 ? 1 : 0,
                                .offset_bytes = (fields & OFFSET) != 0 ? 1 : 0,
                                .lsn = (fields & LSN) != 0 ? 1 : 0,
                                .detail = (fields & DETAIL) != 0 ? 1 : 0,
                                .text = (fields & TEXT) != 0 ? "x" : "" };
}

/* By the place of the thing: a record's number and an offset may be those of an empty log, and so 0. */
Test(event_check, each_kind_has_its_fields_and_no_others)
{
    static const struct {
        enum kaya_event_kind kind;
        unsigned always, also;
    } rows[] = {
        { KAYA_EVENT_LOG_CREATED, SEGMENT, 0 },
        { KAYA_EVENT_LOG_OPENED, SEGMENT | DETAIL, LSN },
        { KAYA_EVENT_SEGMENT_PREPARED, SEGMENT, 0 },
        { KAYA_EVENT_SEGMENT_RECYCLED, SEGMENT | DETAIL, 0 },
        { KAYA_EVENT_SEGMENT_REMOVED, SEGMENT | TEXT, 0 },
        { KAYA_EVENT_SEGMENT_ROTATED, SEGMENT | LSN, 0 },
        { KAYA_EVENT_PREPARATION_FAILED, STATUS | SEGMENT | TEXT, 0 },
        { KAYA_EVENT_TRIMMED, LSN | DETAIL, 0 },
        { KAYA_EVENT_CLAIM_SECURED, SEGMENT | OFFSET, LSN },
        { KAYA_EVENT_TORN_TAIL, SEGMENT | OFFSET | TEXT, LSN },
        { KAYA_EVENT_MENDED, SEGMENT | OFFSET, LSN | DETAIL },
        { KAYA_EVENT_DAMAGE, STATUS | TEXT, SEGMENT | OFFSET | LSN },
        { KAYA_EVENT_CARRIED, SEGMENT | LSN | DETAIL, 0 },
        { KAYA_EVENT_CUT, SEGMENT | OFFSET, 0 },
        { KAYA_EVENT_HEADER_COPY_BAD, SEGMENT, OFFSET },
        { KAYA_EVENT_FOREIGN_FILE, TEXT, 0 },
        { KAYA_EVENT_NAME_TAKEN, SEGMENT | TEXT, STATUS },
        { KAYA_EVENT_LEFTOVER, SEGMENT, TEXT },
        { KAYA_EVENT_READ_AGAIN, SEGMENT | OFFSET, 0 },
        { KAYA_EVENT_HANDLE_ENDED, STATUS | SEGMENT, OFFSET | LSN },
        { KAYA_EVENT_CLOSED, SEGMENT | OFFSET, LSN },
        { KAYA_EVENT_CONFIG_REFUSED, ALL, 0 }, /* no story asks for it */
    };

    cr_assert(eq(sz, sizeof rows / sizeof rows[0], KAYA_EVENT_KINDS));
    for (unsigned i = 0; i < KAYA_EVENT_KINDS * (ALL + 1); i++) {
        unsigned kind = i / (ALL + 1), has = i % (ALL + 1), always = rows[kind].always;
        struct kaya_event event = event_with(rows[kind].kind, has);
        bool is_right = always != ALL && (has & always) == always && (has & ~(always | rows[kind].also)) == 0;

        begin();
        cr_expect(eq(int, strstr(told(&event), "it lacks a field") == NULL, is_right), "%s with 0x%x",
                  kaya_event_name(event.kind), has);
        cr_expect(is_right || strncmp(check.found.what, kaya_event_name(event.kind),
                                      strlen(kaya_event_name(event.kind))) == 0);
    }
}

/* --- Files --- */

struct row {
    bool is_so;
    struct kaya_event event;
};

static void expect_each(const struct row *rows, size_t count, bool has_copies)
{
    for (size_t i = 0; i < count; i++) {
        struct kaya_event event = rows[i].event;

        if (event.text == NULL)
            event.text = "";
        begin();
        check.has_copies = has_copies;
        cr_expect(eq(int, strstr(told(&event), "and it is not so") == NULL, rows[i].is_so), "row %zu: %s", i,
                  check.found.what);
        cr_expect(eq(str, check.found.promise, rows[i].is_so ? "" : "P10"), "row %zu: %s", i, check.found.what);
    }
}

#define EXPECT_EACH(rows) expect_each(rows, sizeof(rows) / sizeof(rows)[0], false)

Test(event_check, what_was_made_stands_there)
{
    static const struct row rows[] = {
        { false, { KAYA_EVENT_LOG_CREATED, .segment = 1 } }, /* it does not stand there */
        { false, { KAYA_EVENT_LOG_CREATED, .segment = 2 } },
        { true, { KAYA_EVENT_SEGMENT_PREPARED, .segment = 3 } },
        { false, { KAYA_EVENT_SEGMENT_PREPARED, .segment = 4 } },
        { false, { KAYA_EVENT_SEGMENT_PREPARED, .segment = 5 } }, /* .away */
        { false, { KAYA_EVENT_SEGMENT_PREPARED, .segment = 6 } }, /* .new */
        { false, { KAYA_EVENT_SEGMENT_PREPARED, .segment = HEAD } },
        { true, { KAYA_EVENT_SEGMENT_ROTATED, .segment = 3, .lsn = 1 } },
        { false, { KAYA_EVENT_SEGMENT_ROTATED, .segment = 4, .lsn = 1 } },
        { false, { KAYA_EVENT_SEGMENT_ROTATED, .segment = HEAD, .lsn = 1 } },
        { true, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 1 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 4, .detail = 1 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 2 } }, /* 2 stands as well */
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 8, .detail = 5 } }, /* 5, out of the way */
        { true, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 8, .detail = 6 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 3 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 4 } },
    };

    EXPECT_EACH(rows);
    make_file(&machine, "0000000000000001.wal", 'x', IMAGE_BYTES);
    begin();
    cr_expect(eq(str, (char *)told(&(struct kaya_event){ KAYA_EVENT_LOG_CREATED, .segment = 1, .text = "" }), ""));
    begin();
    cr_expect(ne(str, (char *)told(&(struct kaya_event){ KAYA_EVENT_LOG_CREATED, .segment = 2, .text = "" }), ""));
}

Test(event_check, what_was_copied_may_stand_twice)
{
    static const struct row rows[] = {
        { true, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 2 } },
        { true, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 8, .detail = 5 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 4, .detail = 2 } },
        { false, { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 3 } },
    };

    expect_each(rows, sizeof rows / sizeof rows[0], true);
}

Test(event_check, what_was_removed_does_not)
{
    static const struct row rows[] = {
        { true, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = "0000000000000001.wal" } },
        { true, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = "0000000000000001.away" } },
        { true, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = "0000000000000009.new" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 4, .text = "0000000000000001.wal" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 4, .text = "0000000000000001.away" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = "salvage.json" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 3, .text = "0000000000000003.wal" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 5, .text = "0000000000000005.away" } },
        { false, { KAYA_EVENT_SEGMENT_REMOVED, .segment = 6, .text = "0000000000000006.new" } },
    };

    EXPECT_EACH(rows);
}

Test(event_check, what_was_cut_ends_there)
{
    static const struct row rows[] = {
        { true, { KAYA_EVENT_CUT, .segment = 2, .offset_bytes = CUT_BYTES } },
        { false, { KAYA_EVENT_CUT, .segment = 2, .offset_bytes = CUT_BYTES + 1 } },
        { false, { KAYA_EVENT_CUT, .segment = 2, .offset_bytes = CUT_BYTES - 1 } },
        { true, { KAYA_EVENT_CUT, .segment = 5, .offset_bytes = AWAY_BYTES } },
        { false, { KAYA_EVENT_CUT, .segment = 5, .offset_bytes = CUT_BYTES } },
        { false, { KAYA_EVENT_CUT, .segment = 6, .offset_bytes = IMAGE_BYTES } }, /* .new */
        { false, { KAYA_EVENT_CUT, .segment = 1, .offset_bytes = CUT_BYTES } },
    };

    EXPECT_EACH(rows);
}

Test(event_check, what_happens_to_a_writer_happens_in_its_segment)
{
    static const struct {
        enum kaya_event_kind kind;
        enum kaya_status status;
    } kinds[] = { { KAYA_EVENT_CLAIM_SECURED, KAYA_OK },
                  { KAYA_EVENT_CLOSED, KAYA_OK },
                  { KAYA_EVENT_HANDLE_ENDED, KAYA_IO } };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        enum kaya_event_kind kind = kinds[i].kind;
        enum kaya_status status = kinds[i].status;
        const struct row rows[] = {
            { true, { kind, status, .segment = HEAD, .offset_bytes = 600 } },
            { false, { kind, status, .segment = HEAD + 1, .offset_bytes = 600 } },
            { false, { kind, status, .segment = HEAD - 1, .offset_bytes = 600 } },
            { false, { kind, status, .segment = HEAD, .offset_bytes = 601 } },
            { false, { kind, status, .segment = HEAD, .offset_bytes = 602 } },
        };

        EXPECT_EACH(rows);
    }
}

Test(event_check, frames_stand_at_words_of_files_that_are_there)
{
    static const enum kaya_event_kind kinds[] = { KAYA_EVENT_MENDED, KAYA_EVENT_READ_AGAIN };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct row rows[] = {
            { true, { kinds[i], .segment = 2, .offset_bytes = 512 } },
            { true, { kinds[i], .segment = 5, .offset_bytes = 512 } },
            { true, { kinds[i], .segment = 6, .offset_bytes = 512 } },
            { false, { kinds[i], .segment = 1, .offset_bytes = 512 } },
            { false, { kinds[i], .segment = 2, .offset_bytes = 513 } },
            { false, { kinds[i], .segment = 2, .offset_bytes = 514 } },
        };

        EXPECT_EACH(rows);
    }
}

Test(event_check, what_is_found_in_a_segment_names_one_that_is_there)
{
    static const struct row rows[] = {
        { true, { KAYA_EVENT_HEADER_COPY_BAD, .segment = 2 } },
        { true, { KAYA_EVENT_HEADER_COPY_BAD, .segment = 5, .offset_bytes = 8192 } },
        { true, { KAYA_EVENT_HEADER_COPY_BAD, .segment = 6 } },
        { false, { KAYA_EVENT_HEADER_COPY_BAD, .segment = 77 } },
        { true, { KAYA_EVENT_TORN_TAIL, .segment = 2, .offset_bytes = 600, .text = "torn" } },
        { true, { KAYA_EVENT_TORN_TAIL, .segment = 5, .offset_bytes = 600, .text = "torn" } },
        { false, { KAYA_EVENT_TORN_TAIL, .segment = 77, .offset_bytes = 600, .text = "torn" } },
        { false, { KAYA_EVENT_TORN_TAIL, .segment = 2, .offset_bytes = 601, .text = "torn" } },
        { true, { KAYA_EVENT_CARRIED, .segment = 3, .lsn = 1, .detail = 1 } },
        { false, { KAYA_EVENT_CARRIED, .segment = 5, .lsn = 1, .detail = 1 } }, /* .away */
        { false, { KAYA_EVENT_CARRIED, .segment = 77, .lsn = 1, .detail = 1 } },
        { true, { KAYA_EVENT_LOG_OPENED, .segment = 8, .detail = 1 } },
        { true, { KAYA_EVENT_LOG_OPENED, .segment = 5, .detail = 1 } }, /* .away: it was closed, and is left there */
        { false, { KAYA_EVENT_LOG_OPENED, .segment = 6, .detail = 1 } }, /* .new */
        { false, { KAYA_EVENT_LOG_OPENED, .segment = 77, .detail = 1 } },
        { true, { KAYA_EVENT_DAMAGE, KAYA_DAMAGED, .segment = 77, .text = "a segment is missing" } },
    };

    EXPECT_EACH(rows);
}

Test(event_check, names_are_those_of_their_segments)
{
    static const struct row rows[] = {
        { true, { KAYA_EVENT_LEFTOVER, .segment = 2 } },
        { true, { KAYA_EVENT_LEFTOVER, .segment = 5 } },
        { true, { KAYA_EVENT_LEFTOVER, .segment = 6 } },
        { false, { KAYA_EVENT_LEFTOVER, .segment = 1 } },
        { true, { KAYA_EVENT_LEFTOVER, .segment = 1, .text = "0000000000000001.new" } },
        { false, { KAYA_EVENT_LEFTOVER, .segment = 2, .text = "0000000000000001.new" } },
        { false, { KAYA_EVENT_LEFTOVER, .segment = 1, .text = "0000000000000001.wal" } },
        { true, { KAYA_EVENT_FOREIGN_FILE, .text = "salvage.json" } },
        { true, { KAYA_EVENT_FOREIGN_FILE, .text = "0000000000000001.WAL" } },
        { false, { KAYA_EVENT_FOREIGN_FILE, .text = "0000000000000001.wal" } },
        { false, { KAYA_EVENT_FOREIGN_FILE, .text = "0000000000000001.away" } },
        { false, { KAYA_EVENT_FOREIGN_FILE, .text = "0000000000000001.new" } },
        { true, { KAYA_EVENT_NAME_TAKEN, .segment = 1, .text = "0000000000000001.wal" } },
        { true, { KAYA_EVENT_NAME_TAKEN, .segment = 1, .text = "0000000000000001.away" } },
        { true, { KAYA_EVENT_NAME_TAKEN, .segment = 1, .text = "0000000000000001.new" } },
        { false, { KAYA_EVENT_NAME_TAKEN, .segment = 2, .text = "0000000000000001.wal" } },
        { false, { KAYA_EVENT_NAME_TAKEN, .segment = 1, .text = "salvage.json" } },
    };

    EXPECT_EACH(rows);
}

Test(event_check, a_preparation_fails_of_a_spare_for_the_reason_that_it_names)
{
    const struct row rows[] = {
        { true, { KAYA_EVENT_PREPARATION_FAILED, KAYA_IO, .segment = 9, .text = kaya_status_text(KAYA_IO) } },
        { false, { KAYA_EVENT_PREPARATION_FAILED, KAYA_FULL, .segment = 9, .text = kaya_status_text(KAYA_IO) } },
        { false, { KAYA_EVENT_PREPARATION_FAILED, KAYA_IO, .segment = 9, .text = "for no reason" } },
        { false, { KAYA_EVENT_PREPARATION_FAILED, KAYA_IO, .segment = HEAD, .text = kaya_status_text(KAYA_IO) } },
    };

    EXPECT_EACH(rows);
}

Test(event_check, what_is_left_over_may_have_been_used_before_it_is_told)
{
    static const struct kaya_event used[] = {
        { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 3, .detail = 1, .text = "" },
        { KAYA_EVENT_SEGMENT_PREPARED, .segment = 3, .text = "" },
        { KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = "0000000000000001.wal" },
    };
    const struct kaya_event failed = { KAYA_EVENT_PREPARATION_FAILED, KAYA_IO, .segment = 9,
                                       .text = kaya_status_text(KAYA_IO) };
    const struct kaya_event left = { KAYA_EVENT_LEFTOVER, .segment = 1, .text = "" };

    for (size_t i = 0; i < 4; i++) {
        begin();
        (void)told(i < 3 ? &used[i] : &failed);
        cr_expect(eq(str, (char *)told(&left), ""), "row %zu", i);
        kaya_event_check_forget(&check);
        cr_expect(ne(str, (char *)told(&left), ""), "row %zu, forgotten", i);
    }
}

/* --- What is kept --- */

static const struct kaya_event rotated = { KAYA_EVENT_SEGMENT_ROTATED, .segment = 3, .lsn = 7, .text = "" };
static const struct kaya_event opened = { KAYA_EVENT_LOG_OPENED, .segment = 8, .lsn = 9, .detail = 2, .text = "" };

Test(event_check, the_segment_in_use_is_the_one_that_was_told)
{
    (void)told(&rotated);
    cr_expect(all(eq(u64, check.head, 3), eq(u64, check.in_use, 2)));
    (void)told(&(struct kaya_event){ KAYA_EVENT_TRIMMED, .lsn = 8, .detail = 1, .text = "" });
    cr_expect(all(eq(u64, check.head, 3), eq(u64, check.in_use, 1)));
    (void)told(&opened);
    cr_expect(all(eq(u64, check.head, 8), eq(u64, check.in_use, 1)));
    cr_expect(eq(u64, check.last[KAYA_EVENT_SEGMENT_ROTATED].segment, 0), "another writer's");
    cr_expect(eq(str, check.found.what, ""));
}

Test(event_check, what_was_told_is_taken_once)
{
    const struct kaya_event *taken;
    char text[] = "0000000000000001.wal";

    cr_expect(zero(ptr, (void *)kaya_event_check_take(&check, KAYA_EVENT_SEGMENT_ROTATED)));
    (void)told(&rotated);
    (void)told(&(struct kaya_event){ KAYA_EVENT_SEGMENT_REMOVED, .segment = 1, .text = text });
    taken = kaya_event_check_take(&check, KAYA_EVENT_SEGMENT_ROTATED);
    cr_assert(ne(ptr, (void *)taken, NULL));
    cr_expect(all(eq(u64, taken->segment, 3), eq(u64, taken->lsn, 7)));
    cr_expect(zero(ptr, (void *)kaya_event_check_take(&check, KAYA_EVENT_SEGMENT_ROTATED)), "taken twice");
    taken = kaya_event_check_take(&check, KAYA_EVENT_SEGMENT_REMOVED);
    cr_assert(ne(ptr, (void *)taken, NULL));
    cr_expect(eq(str, (char *)taken->text, ""), "its text is gone by then");
    (void)told(&rotated);
    kaya_event_check_forget(&check);
    cr_expect(zero(ptr, (void *)kaya_event_check_take(&check, KAYA_EVENT_SEGMENT_ROTATED)), "forgotten");
}

Test(event_check, nothing_is_heard_of_a_machine_that_crashed)
{
    const struct kaya_event lie = { KAYA_EVENT_SEGMENT_PREPARED, .segment = 4, .text = "" };
    const struct kaya_wal_recovery_report report = { .segment = 9, .damage_reason = "" };
    struct kaya_violation violation = { .promise = "" };

    check.disk = NULL;
    cr_expect(eq(str, (char *)told(&lie), ""), "nobody asks");
    kaya_event_check_recovered(&check, KAYA_OK, &report);
    cr_expect(eq(str, check.found.what, ""), "nobody asks");
    check.disk = machine.sim;
    kaya_sim_disk_process_crash(machine.sim);
    cr_expect(eq(str, (char *)told(&lie), ""));
    kaya_event_check_recovered(&check, KAYA_OK, &report);
    cr_expect(eq(str, check.found.what, ""));
    kaya_event_check_tell(&check, &violation);
    cr_expect(not(kaya_violation_is_set(&violation)), "nothing was found");
}

Test(event_check, the_first_that_was_found_is_told_behind_nothing_else)
{
    struct kaya_violation violation = { .promise = "" }, earlier = { "P1", "another" };

    (void)told(&(struct kaya_event){ KAYA_EVENT_SEGMENT_PREPARED, .segment = 4, .text = "" });
    (void)told(&(struct kaya_event){ KAYA_EVENT_CUT, .segment = 3, .offset_bytes = 4, .text = "" });
    kaya_event_check_tell(&check, &violation);
    cr_expect(eq(str, violation.promise, "P10"));
    cr_expect(ne(ptr, strstr(violation.what, "segment_prepared is told of segment 4"), NULL));
    kaya_event_check_tell(&check, &earlier);
    cr_expect(all(eq(str, earlier.promise, "P1"), eq(str, earlier.what, "another")));
}

/* --- Answers --- */

enum { EVENTS_MAX = 5 };

enum { NEW, CLOSED, TORN, GOES_ON_BARE, REFUSED, STORIES };

/* An open: what it told, and what it answered. */
static const struct story {
    const char *name;
    struct kaya_event events[EVENTS_MAX];
    size_t event_count;
    enum kaya_status status;
    struct kaya_wal_recovery_report report;
} stories[STORIES] = {
    [NEW] = { "new",
              { { KAYA_EVENT_LOG_CREATED, .segment = 1, .text = "" },
                { KAYA_EVENT_LOG_OPENED, .segment = 1, .detail = 1, .text = "" } },
              2,
              KAYA_OK,
              { .verdict = KAYA_VERDICT_EMPTY, .epoch = 1, .first_lsn = 1, .segment = 1, .segment_count = 1 } },
    [CLOSED] = { "closed",
                 { { KAYA_EVENT_LOG_OPENED, .segment = 2, .lsn = 9, .detail = 3, .text = "" } },
                 1,
                 KAYA_OK,
                 { .verdict = KAYA_VERDICT_CLEAN,
                   .epoch = 3,
                   .first_lsn = 1,
                   .last_lsn = 9,
                   .segment = 2,
                   .segment_count = 2,
                   .closed_cleanly = true } },
    [TORN] = { "torn",
               { { KAYA_EVENT_TORN_TAIL, .segment = 2, .offset_bytes = 700, .lsn = 9, .text = "torn" },
                 { KAYA_EVENT_CARRIED, .segment = 3, .lsn = 8, .detail = 2, .text = "" },
                 { KAYA_EVENT_LOG_OPENED, .segment = 3, .lsn = 9, .detail = 3, .text = "" } },
               3,
               KAYA_OK,
               { .verdict = KAYA_VERDICT_TORN,
                 .epoch = 3,
                 .first_lsn = 1,
                 .last_lsn = 9,
                 .segment = 2,
                 .segment_count = 3,
                 .end_offset = 700,
                 .carried_records = 2 } },
    [GOES_ON_BARE] = { "nothing was carried",
                       { { KAYA_EVENT_LOG_OPENED, .segment = 3, .lsn = 9, .detail = 3, .text = "" } },
                       1,
                       KAYA_OK,
                       { .verdict = KAYA_VERDICT_CLEAN,
                         .epoch = 3,
                         .first_lsn = 1,
                         .last_lsn = 9,
                         .segment = 2,
                         .segment_count = 3,
                         .end_offset = 700 } },
    [REFUSED] = { "refused",
                  { { KAYA_EVENT_DAMAGE, KAYA_DAMAGED, 2, 600, 5, .text = "a frame" } },
                  1,
                  KAYA_DAMAGED,
                  { .verdict = KAYA_VERDICT_DAMAGED,
                    .damage_segment = 2,
                    .damage_offset = 600,
                    .damage_end_offset = 700,
                    .lost_first_lsn = 5,
                    .lost_last_lsn = 9 } },
};

/* What is found in it. */
static const char *played(const struct story *story)
{
    if (kaya_sim_disk_inode(machine.sim, "0000000000000001.wal") == 0)
        make_file(&machine, "0000000000000001.wal", 'x', IMAGE_BYTES);
    begin();
    for (size_t i = 0; i < story->event_count; i++)
        kaya_event_check_hear(&check, &story->events[i]);
    kaya_event_check_recovered(&check, story->status, &story->report);
    return check.found.what;
}

static void expect_found(const struct story *story, const char *what, const char *words)
{
    cr_expect(strstr(played(story), words) != NULL, "%s, %s: \"%s\"", story->name, what, check.found.what);
    cr_expect(eq(str, check.found.promise, words[0] == '\0' ? "" : "P10"), "%s, %s: \"%s\"", story->name,
              what, check.found.what);
}

Test(event_check, an_open_tells_of_what_it_answers)
{
    for (size_t i = 0; i < STORIES; i++) {
        expect_found(&stories[i], "as it was", "");
        cr_expect(eq(u64, check.in_use, stories[i].report.segment_count), "%s", stories[i].name);
        for (unsigned kind = 0; kind < KAYA_EVENT_KINDS; kind++)
            cr_expect(zero(ptr, (void *)kaya_event_check_take(&check, kind)), "%s", stories[i].name);
    }
}

static const char *words_for(enum kaya_event_kind kind)
{
    switch (kind) {
    case KAYA_EVENT_LOG_CREATED:
        return "is told to be new, or a new one not";
    case KAYA_EVENT_TORN_TAIL:
        return "the log is torn at 0x2bc of segment 2; something else is told";
    case KAYA_EVENT_CARRIED:
        return "records were carried to segment 3; something else is told";
    case KAYA_EVENT_DAMAGE:
        return "the log is damaged in segment 2 at 0x258; something else is told";
    default:
        return "the log was opened up to record";
    }
}

Test(event_check, an_open_that_leaves_an_event_out_is_caught)
{
    for (size_t i = 0; i < STORIES; i++)
        for (size_t left_out = 0; left_out < stories[i].event_count; left_out++) {
            struct story story = stories[i];

            story.event_count--;
            memmove(&story.events[left_out], &story.events[left_out + 1],
                    (story.event_count - left_out) * sizeof story.events[0]);
            expect_found(&story, kaya_event_name(stories[i].events[left_out].kind),
                         words_for(stories[i].events[left_out].kind));
        }
}

/* Each field, one too high and one too low. */
static void expect_no_other(const struct story *told, size_t event)
{
    static const struct one_field fields[] = { ONE_FIELD(struct kaya_event, segment),
                                               ONE_FIELD(struct kaya_event, offset_bytes),
                                               ONE_FIELD(struct kaya_event, lsn),
                                               ONE_FIELD(struct kaya_event, detail) };

    for (unsigned i = 0; i < 2 * sizeof fields / sizeof fields[0]; i++) {
        struct story story = *told;
        uint64_t value = one_field_get(&story.events[event], &fields[i / 2]);

        one_field_set(&story.events[event], &fields[i / 2], i % 2 != 0 ? value + 1 : value - 1);
        cr_expect(ne(str, (char *)played(&story), ""), "%s: %s, %s", story.name,
                  kaya_event_name(story.events[event].kind), fields[i / 2].name);
    }
}

Test(event_check, an_open_that_tells_something_else_is_caught)
{
    for (size_t i = 0; i < STORIES; i++)
        for (size_t event = 0; event < stories[i].event_count; event++)
            expect_no_other(&stories[i], event);
}

Test(event_check, an_open_that_answers_something_else_is_caught)
{
#define FIELD(field) ONE_FIELD(struct kaya_wal_recovery_report, field)
    static const struct {
        size_t story;
        struct one_field field;
        uint64_t value;
        const char *words;
    } rows[] = {
        { NEW, FIELD(verdict), KAYA_VERDICT_CLEAN, "the log was opened up to" }, /* in a segment behind the last */
        { NEW, FIELD(epoch), 2, "the log was opened up to record 0, in epoch 2" },
        { NEW, FIELD(last_lsn), 1, "the log was opened up to record 1" },
        { NEW, FIELD(segment), 2, "found in segment 2; told of it is something else, segment 1" },
        { CLOSED, FIELD(epoch), 4, "in epoch 4" },
        { CLOSED, FIELD(last_lsn), 8, "up to record 8" },
        { CLOSED, FIELD(segment), 1, "found in segment 1; told of it is something else, segment 2" },
        { CLOSED, FIELD(segment), 3, "found in segment 3; told of it is something else, segment 2" },
        { CLOSED, FIELD(closed_cleanly), 0, "told of it is something else, segment 2" },
        { CLOSED, FIELD(verdict), KAYA_VERDICT_EMPTY, "is told to be new, or a new one not" },
        { CLOSED, FIELD(carried_records), 1, "the last 1 records were carried" },
        { TORN, FIELD(segment), 1, "the log is torn at 0x2bc of segment 1" },
        { TORN, FIELD(segment), 3, "found in segment 3; told of it is something else, segment 3" },
        { TORN, FIELD(end_offset), 704, "the log is torn at 0x2c0 of segment 2" },
        { TORN, FIELD(carried_records), 0, "the last 0 records were carried" },
        { TORN, FIELD(carried_records), 1, "the last 1 records were carried" },
        { TORN, FIELD(carried_records), 3, "the last 3 records were carried" },
        { TORN, FIELD(last_lsn), 10, "up to record 10" },
        { TORN, FIELD(verdict), KAYA_VERDICT_CLEAN, "" }, /* what was torn may be gone */
        { TORN, FIELD(end_offset), 700, "" },
        { GOES_ON_BARE, FIELD(verdict), KAYA_VERDICT_TORN, "the log is torn at" },
        { GOES_ON_BARE, FIELD(segment), 3, "found in segment 3; told of it is something else, segment 3" },
        { GOES_ON_BARE, FIELD(carried_records), 1, "the last 1 records were carried to segment 3" },
        { REFUSED, FIELD(damage_segment), 1, "the log is damaged in segment 1" },
        { REFUSED, FIELD(damage_offset), 604, "the log is damaged in segment 2 at 0x25c" },
        { REFUSED, FIELD(lost_first_lsn), 6, "the log is damaged in segment 2" },
        { REFUSED, FIELD(lost_first_lsn), 0, "the log is damaged in segment 2" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story story = stories[rows[i].story];

        one_field_set(&story.report, &rows[i].field, rows[i].value);
        expect_found(&story, rows[i].field.name, rows[i].words);
    }
}

Test(event_check, an_open_that_tells_too_much_is_caught)
{
    static const struct {
        size_t story;
        struct kaya_event event;
        const char *words;
    } rows[] = {
        { CLOSED, { KAYA_EVENT_LOG_CREATED, .segment = 1, .text = "" }, "is told to be new, or a new one not" },
        { GOES_ON_BARE, { KAYA_EVENT_LOG_CREATED, .segment = 1, .text = "" }, "is told to be new, or a new one not" },
        { CLOSED, { KAYA_EVENT_CARRIED, .segment = 2, .lsn = 9, .detail = 1, .text = "" }, "the last 0 records" },
        { GOES_ON_BARE, { KAYA_EVENT_CARRIED, .segment = 3, .lsn = 9, .detail = 1, .text = "" }, "the last 0 records" },
        { NEW, { KAYA_EVENT_CARRIED, .segment = 1, .lsn = 1, .detail = 1, .text = "" }, "the last 0 records" },
        { CLOSED, { KAYA_EVENT_TORN_TAIL, .segment = 2, .offset_bytes = 700, .lsn = 9, .text = "torn" }, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story story = stories[rows[i].story];

        story.events[story.event_count++] = rows[i].event;
        expect_found(&story, kaya_event_name(rows[i].event.kind), rows[i].words);
    }
}

#define CREATED_1                                                                                            \
    {                                                                                                        \
        KAYA_EVENT_LOG_CREATED, .segment = 1, .text = ""                                                     \
    }
#define OPENED_3                                                                                             \
    {                                                                                                        \
        KAYA_EVENT_LOG_OPENED, .segment = 3, .lsn = 9, .detail = 3, .text = ""                               \
    }
#define CARRIED_8                                                                                            \
    {                                                                                                        \
        KAYA_EVENT_CARRIED, .segment = 8, .lsn = 1, .detail = 1, .text = ""                                  \
    }
#define DAMAGED_3                                                                                            \
    {                                                                                                        \
        KAYA_EVENT_DAMAGE, KAYA_DAMAGED, 3, 600, 5, .text = "a frame"                                        \
    }

/* In front of what it told, so that the last of each kind is right. */
Test(event_check, an_open_that_tells_a_thing_twice_is_caught)
{
    static const struct {
        size_t story;
        struct kaya_event event;
        const char *words;
    } rows[] = {
        { NEW, CREATED_1, "log_created is told of segment 1, and was told in the same open of segment 1" },
        { NEW, OPENED_3, "log_opened is told of segment 1, and was told in the same open of segment 3" },
        { TORN, OPENED_3, "log_opened is told of segment 3, and was told in the same open of segment 3" },
        { TORN, CARRIED_8, "carried is told of segment 3, and was told in the same open of segment 8" },
        { REFUSED, DAMAGED_3, "damage is told of segment 2, and was told in the same open of segment 3" },
        { REFUSED, { KAYA_EVENT_DAMAGE, KAYA_IO, 3, 600, .text = "unreadable" }, "" }, /* a place, not the verdict */
        { TORN, { KAYA_EVENT_TORN_TAIL, .segment = 2, .offset_bytes = 696, .text = "torn" }, "" }, /* of the cache */
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story story = stories[rows[i].story];

        memmove(&story.events[1], &story.events[0], story.event_count++ * sizeof story.events[0]);
        story.events[0] = rows[i].event;
        expect_found(&story, kaya_event_name(rows[i].event.kind), rows[i].words);
    }
}

/* But it may of a place that could not be read, until it could. */
Test(event_check, a_log_that_opens_has_no_damage_to_tell_of)
{
    for (size_t i = 0; i < REFUSED; i++) {
        struct story story = stories[i];
        struct kaya_event *damage = &story.events[story.event_count++];

        *damage = (struct kaya_event){ KAYA_EVENT_DAMAGE, KAYA_DAMAGED, 2, 600, .text = "a frame" };
        expect_found(&story, "damage", "told is damage in segment 2 at 0x258");
        damage->status = KAYA_IO;
        expect_found(&story, "a place that could not be read", "");
    }
}

/* A cut is refused where the caller says so: that is no damage. */
Test(event_check, a_cut_that_is_refused_is_none_to_tell_of)
{
    struct story story = { "a cut is refused",
                           { { KAYA_EVENT_DAMAGE, KAYA_DAMAGED, 2, 600, 5, .text = "a frame" } },
                           .status = KAYA_DAMAGED,
                           .report = { .verdict = KAYA_VERDICT_TORN } };

    expect_found(&story, "nothing told", "");
    story.event_count = 1;
    expect_found(&story, "damage", "the log is torn; told is damage in segment 2 at 0x258");
}

Test(event_check, of_a_refusal_nothing_was_done)
{
    static const struct kaya_event deeds[] = {
        CREATED_1,
        CARRIED_8,
        { KAYA_EVENT_SEGMENT_PREPARED, .segment = 3, .text = "" },
        { KAYA_EVENT_SEGMENT_RECYCLED, .segment = 8, .detail = 6, .text = "" },
        { KAYA_EVENT_SEGMENT_REMOVED, .segment = 4, .text = "0000000000000004.wal" },
        { KAYA_EVENT_CUT, .segment = 2, .offset_bytes = CUT_BYTES, .text = "" },
    };
    static const struct {
        enum kaya_status status;
        const char *words;
    } rows[] = {
        { KAYA_DAMAGED, "the log was refused (KAYA_DAMAGED) and left as it was; " },
        { KAYA_LOCKED, "the log was refused (KAYA_LOCKED) and left as it was; " },
        { KAYA_WRONG_LOG, "the log was refused (KAYA_WRONG_LOG) and left as it was; " },
        { KAYA_UNSUPPORTED, "the log was refused" },
        { KAYA_NOT_FOUND, "the log was refused" },
        { KAYA_EXISTS, "the log was refused" },
        { KAYA_INVALID, "the log was refused" },
        { KAYA_IO, "" }, /* in the middle of it */
        { KAYA_FULL, "" },
        { KAYA_NO_MEMORY, "" },
        { KAYA_LIMIT, "" },
        { KAYA_DENIED, "" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t j = 0; j < sizeof deeds / sizeof deeds[0]; j++) {
            struct story story = stories[REFUSED];

            story.status = rows[i].status;
            story.events[story.event_count++] = deeds[j];
            expect_found(&story, kaya_event_name(deeds[j].kind), rows[i].words);
        }
}

Test(event_check, a_log_that_did_not_open_is_not_told_to_have)
{
    static const struct kaya_event closed = { KAYA_EVENT_CLOSED, .segment = 3, .offset_bytes = 700, .text = "" };
    static const struct kaya_event ended = { KAYA_EVENT_HANDLE_ENDED, KAYA_IO, .segment = HEAD, .text = "" };
    static const enum kaya_status statuses[] = { KAYA_DAMAGED, KAYA_LOCKED, KAYA_IO, KAYA_FULL, KAYA_NO_MEMORY };

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct story story = stories[REFUSED];

        story.status = statuses[i];
        story.events[story.event_count++] = (struct kaya_event)OPENED_3;
        expect_found(&story, "opened", "it is told that it was");
        story.events[story.event_count++] = closed;
        expect_found(&story, "opened and closed", "it is told that it was"); /* the report says damaged */
        story = stories[REFUSED];
        story.status = statuses[i];
        story.events[story.event_count++] = ended;
        expect_found(&story, "ended", "it is told that it was closed, or a writer of it ended");
    }
}

/* kaya_wal_recover closes it again, which may fail; so does an engine of which another file does not load. */
Test(event_check, a_log_that_was_opened_and_closed_again_has_told_of_its_report)
{
    static const struct kaya_event ends[] = {
        { KAYA_EVENT_CLOSED, .segment = 3, .offset_bytes = 700, .text = "" },
        { KAYA_EVENT_HANDLE_ENDED, KAYA_IO, .segment = 3, .text = "" },
    };
    static const enum kaya_status statuses[] = { KAYA_DAMAGED, KAYA_IO };

    for (size_t i = 0; i < 4; i++) {
        struct story story = stories[TORN];

        story.status = statuses[i / 2];
        story.events[story.event_count++] = ends[i % 2];
        expect_found(&story, "ended", "");
        story.events[story.event_count++] =
            (struct kaya_event){ KAYA_EVENT_DAMAGE, KAYA_DAMAGED, 2, 600, 5, .text = "a frame" };
        expect_found(&story, "ended by what a reader met", "");
        story.event_count--;
        cr_expect(eq(u64, check.in_use, 0));
        story.report.last_lsn++;
        expect_found(&story, "ended", "the log was opened up to record 10");
    }
}
