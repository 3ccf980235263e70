/* Goal: cutting back gives up exactly what lies behind the new end, for good, or changes nothing; and a crash in it leaves
 * the old end or the new one, which then stays.
 *
 * Method: one log with every kind of record, cut to each end in turn; and scripts on the simulated disk that crash at every
 * call of a cut. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crash_machine.h"
#include "dissect.h"
#include "kaya/salvage.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static const struct kaya_wal_config SMALL = { .segment_bytes = 4096, .block_bytes = 512 };

/* Three segments and a trim: records from 4 to 22; batches at 8 to 10 and 14 to 16. */
static struct log_fixture *make_log(void)
{
    static const uint32_t lengths[] = { 50, 0, 600 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    MUST(log_open(log));
    for (unsigned i = 0; i < 3; i++)
        MUST(log_append(log, 700, KAYA_STRICT));
    MUST(log_rotate(log));
    for (unsigned i = 0; i < 4; i++)
        MUST(log_append(log, 80, KAYA_RELAXED));
    MUST(log_append_batch(log, lengths, 3, KAYA_STRICT));
    MUST(log_append(log, 900, KAYA_STRICT));
    MUST(log_append(log, 30, KAYA_STRICT));
    MUST(log_trim(log, 4));
    MUST(log_append(log, 30, KAYA_STRICT));
    MUST(log_append_batch(log, lengths, 3, KAYA_RELAXED));
    for (unsigned i = 0; i < 6; i++)
        MUST(log_append(log, 200, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
    cr_assert_eq(log->first_lsn, 4);
    cr_assert_eq(log->last_lsn, 22);
    return log;
}

static enum kaya_status cut(struct log_fixture *log, uint64_t last_lsn)
{
    return kaya_wal_cut_back(&log->environment, &log->config, last_lsn, &log->report);
}

static void expect_records_to(struct log_fixture *log, uint64_t last_lsn, const char *when)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s, cut to %" PRIu64 ": %s", when, last_lsn,
              look.trouble);
    cr_expect_eq(look.first_lsn, 4, "%s, cut to %" PRIu64, when, last_lsn);
    cr_expect_eq(look.last_lsn, last_lsn, "%s, cut to %" PRIu64 ", ends at %" PRIu64, when, last_lsn,
                 look.last_lsn);
}

static bool is_allowed(uint64_t last_lsn)
{
    bool in_batch = last_lsn == 8 || last_lsn == 9 || last_lsn == 14 || last_lsn == 15;

    return last_lsn >= 3 && last_lsn <= 22 && !in_batch;
}

Test(cut_back, every_end_is_reached_exactly_or_nothing_changes)
{
    for (unsigned is_killed = 0; is_killed < 2; is_killed++) {
        for (uint64_t last_lsn = 0; last_lsn <= 25; last_lsn++) {
            struct log_fixture *log = make_log();
            struct image_disk before;
            uint64_t epoch = log->report.epoch;

            if (!is_killed)
                MUST(log_close(log));
            log_kill(log);
            image_disk_init(&before, &LOG_DENSE);
            image_disk_copy(&before, &log->image);
            if (!is_allowed(last_lsn)) {
                cr_expect_eq(cut(log, last_lsn), KAYA_INVALID, "to %" PRIu64, last_lsn);
                cr_expect(image_disk_same(&before, &log->image, NULL, 0), "to %" PRIu64 ": changed", last_lsn);
                expect_records_to(log, 22, "refused");
            } else {
                MUST(cut(log, last_lsn));
                cr_expect_eq(log->report.last_lsn, last_lsn);
                cr_expect_eq(log->report.first_lsn, 4);
                cr_expect(last_lsn == 22 || log->report.epoch > epoch, "numbers return under a higher epoch");
                expect_records_to(log, last_lsn, "cut");
                MUST(log_open(log));
                cr_expect_eq(log->report.last_lsn, last_lsn);
                for (unsigned i = 0; i < 4; i++)
                    MUST(log_append(log, 300, KAYA_STRICT));
                log_kill(log);
                expect_records_to(log, last_lsn + 4, "gone on");
                MUST(log_open(log));
                MUST(log_close(log));
                expect_records_to(log, last_lsn + 4, "recovered");
            }
            cr_expect_eq(kaya_sim_memory_in_use(log->memory), 0);
            cr_expect(not(log->image.locked));
            image_disk_destroy(&before);
            log_fixture_destroy(log);
        }
    }
}

Test(cut_back, cutting_again_and_again_ends_with_an_empty_log_that_goes_on)
{
    struct log_fixture *log = make_log();
    uint64_t files = 0;

    MUST(log_close(log));
    for (uint64_t last_lsn = 23; last_lsn-- > 3;) {
        if (!is_allowed(last_lsn))
            continue;
        MUST(cut(log, last_lsn));
        log->last_lsn = last_lsn;
        expect_records_to(log, last_lsn, "again");
        if (files == 0)
            files = image_disk_file_count(&log->image);
        cr_expect_leq(image_disk_file_count(&log->image), files + 1, "the directory does not grow");
    }
    MUST(log_open(log));
    MUST(log_append(log, 10, KAYA_STRICT));
    cr_expect_eq(log->last_lsn, 4, "the first number that was trimmed is not given again");
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(cut_back, a_log_that_is_not_there_or_damaged_is_not_cut)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct image_disk before;
    struct image_file *file;

    cr_expect_eq(cut(log, 0), KAYA_NOT_FOUND);
    cr_expect(not(log->image.exists));
    log_fixture_destroy(log);

    log = make_log();
    MUST(log_close(log));
    file = image_disk_segment(&log->image, 2);
    cr_assert_not_null(file);
    memset(file->bytes + 1024, 0x11, 64);
    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    for (uint64_t last_lsn = 3; last_lsn <= 22; last_lsn++)
        cr_expect_eq(cut(log, last_lsn), KAYA_DAMAGED);
    cr_expect(image_disk_same(&before, &log->image, NULL, 0));
    image_disk_destroy(&before);
    log_fixture_destroy(log);
}

/* The cache shows a whole log, until somebody reads past it: then of the head nothing is there from `vanish_from` on. */
struct forgetful {
    const struct image_file *head;
    uint64_t vanish_from;
    bool has_vanished;
};

static enum kaya_status forget(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                               uint8_t *bytes, size_t length, bool past_cache)
{
    struct forgetful *forgetful = user;

    (void)image;
    if (file != forgetful->head || offset + length <= forgetful->vanish_from)
        return KAYA_OK;
    forgetful->has_vanished = forgetful->has_vanished || past_cache;
    for (uint64_t at = offset; at < offset + length && forgetful->has_vanished; at++)
        if (at >= forgetful->vanish_from)
            bytes[at - offset] = 0;
    return KAYA_OK;
}

Test(cut_back, what_only_the_cache_showed_is_no_place_to_cut)
{
    struct log_fixture *log = make_log();
    struct forgetful forgetful = { .head = NULL };
    struct log_look look;

    MUST(log_append(log, 30, KAYA_RELAXED));
    MUST(log_append(log, 30, KAYA_RELAXED));
    log_kill(log);
    log_look(log, NULL, &look);
    cr_assert_eq(look.last_lsn, 24);
    forgetful.head = image_disk_segment(&log->image, look.report.segment);
    forgetful.vanish_from = look.report.end_offset - 2 * 60;
    log->image.during_read = forget;
    log->image.user = &forgetful;
    cr_expect_eq(cut(log, 23), KAYA_INVALID);
    cr_expect(forgetful.has_vanished);
    cr_expect_eq(log->report.last_lsn, 22, "the end that was found is %" PRIu64, log->report.last_lsn);
    log->image.during_read = NULL;
    log_fixture_destroy(log);
}

Test(cut_back, what_the_callers_own_checkpoint_depends_on_is_not_cut)
{
    struct log_fixture *log = make_log();
    struct kaya_wal_anchor anchor = kaya_wal_writer_anchor(log->writer);
    uint64_t changes;

    anchor.lsn = 12;
    MUST(log_close(log));
    log->config.anchor = &anchor;
    changes = log->image.change_count;
    for (uint64_t last_lsn = log->first_lsn; last_lsn < anchor.lsn; last_lsn++)
        cr_expect_eq(cut(log, last_lsn), KAYA_INVALID, "to %" PRIu64, last_lsn);
    cr_expect(eq(u64, log->image.change_count, changes));
    cr_expect_eq(cut(log, anchor.lsn), KAYA_OK);
    MUST(log_open(log));
    cr_expect(eq(u64, log->last_lsn, anchor.lsn));
    MUST(log_close(log));
    log_fixture_destroy(log);
}

Test(cut_back, any_call_of_a_cut_may_fail_and_either_end_holds)
{
    for (uint64_t call = 1;; call++) {
        struct log_fixture *log = make_log();
        enum kaya_status status;
        struct log_look look;

        MUST(log_close(log));
        log->image.fail_at = log->image.call_count + call;
        status = cut(log, 11);
        if (log->image.call_count < log->image.fail_at) {
            log_fixture_destroy(log);
            break;
        }
        cr_expect(status == KAYA_IO || status == KAYA_OK, "call %" PRIu64 ": %s", call, kaya_status_name(status));
        log->image.fail_at = 0;
        log_kill(log);
        cr_assert_eq(log_open(log), KAYA_OK, "call %" PRIu64, call);
        cr_expect(log->last_lsn == 11 || (log->last_lsn == 22 && status != KAYA_OK),
                  "call %" PRIu64 ": ends at %" PRIu64, call, log->last_lsn);
        log_look(log, NULL, &look);
        cr_expect(look.trouble[0] == '\0' && look.last_lsn == log->last_lsn, "call %" PRIu64 ": %s", call,
                  look.trouble);
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}

/* Crashes. */

static const struct step CUTTING[] = {
    { STEP_OPEN, 0 },     { STEP_STRICT, 700 }, { STEP_RELAXED, 300 }, { STEP_BATCH_STRICT, 100 },
    { STEP_STRICT, 900 }, { STEP_STRICT, 90 },  { STEP_CLOSE, 0 },     { STEP_CUT, 1 },
    { STEP_CUT, 3 },      { STEP_OPEN, 0 },     { STEP_STRICT, 50 },   { STEP_RELAXED, 60 },
    { STEP_CLOSE, 0 },    { STEP_CUT, 2 },      { STEP_END, 0 },
};

Test(cut_back, a_cut_may_crash_anywhere)
{
    struct kaya_sim_profile profile = *kaya_sim_profile_find("posix");
    uint64_t call_count;
    struct machine *machine;

    profile.geometry = LOG_DENSE;
    machine = machine_create(&profile, &SMALL);
    machine_reset(machine, 0);
    (void)machine_play(machine, CUTTING, &call_count);
    cr_assert(machine->trouble[0] == '\0', "undisturbed: %s", machine->trouble);
    for (uint64_t call = 1; call <= call_count + 1; call++) {
        for (uint64_t seed = 1; seed <= 30; seed++) {
            machine_reset(machine, call * 1000 + seed);
            machine_crash_at(machine, call, seed % 4 == 3 ? KAYA_CRASH_PROCESS : KAYA_CRASH_POWER_LOSS);
            (void)machine_play(machine, CUTTING, NULL);
            cr_assert(machine_recover(machine, seed % 3),
                      "crash at call %" PRIu64 " of %" PRIu64 ", seed %" PRIu64 ": %s", call, call_count,
                      seed, machine->trouble);
        }
    }
    machine_destroy(machine);
}

/* What a cut-back leaves on the disk to tell of it. */
struct remains {
    bool mark, cut, record; /* the record is appended behind the new end */
    bool is_damaged;        /* record 1, so that recovery refuses and salvage goes over it */
    bool is_far; /* the new end lies behind the second header copy, which stays when a file is cut */
};

enum { CUT_TO = 2, APPENDED = 5 };

/* Segment 1 with records 1 to 5 as it stood before the cut comes back, or the mark behind the successor's link goes, in any subset. */
static struct log_fixture *cut_log(const struct remains *remains)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    static struct dissection segment;
    static uint8_t old[4096];
    struct image_file *file;

    MUST(log_open(log));
    for (unsigned i = 0; i < APPENDED; i++)
        MUST(log_append(log, remains->is_far && i < CUT_TO ? 900 : 40, KAYA_STRICT));
    MUST(log_close(log));
    file = image_disk_segment(&log->image, 1);
    cr_assert_eq(file->size, sizeof old);
    memcpy(old, file->bytes, sizeof old);
    MUST(cut(log, CUT_TO));
    log->last_lsn = CUT_TO;
    if (remains->record) {
        MUST(log_open(log));
        MUST(log_append(log, 40, KAYA_STRICT));
    }
    log_kill(log);
    file = image_disk_segment(&log->image, 1);
    cr_assert_lt(file->size, sizeof old);
    if (!remains->cut)
        image_file_resize(file, sizeof old);
    memcpy(file->bytes, old, file->size);
    dissect(&segment, file->bytes, file->size);
    if (remains->is_damaged)
        memset(file->bytes + segment.frames[1].offset, 0x11, 40);
    file = image_disk_segment(&log->image, 2);
    dissect(&segment, file->bytes, file->size);
    cr_assert(segment.linked && segment.frame_count > 1);
    if (!remains->mark) { /* CLOSE says the same */
        uint64_t end = remains->record ? segment.frames[1].end : segment.end;

        memset(file->bytes + segment.frames[1].offset, 0, end - segment.frames[1].offset);
    }
    return log;
}

static void expect_salvaged(struct log_fixture *log, uint64_t next_lsn, uint64_t last_lsn, const char *what)
{
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged;
    enum kaya_status status;

    MUST(kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL));
    while ((status = kaya_wal_salvage_next(salvage, &salvaged)) == KAYA_OK) {
        if (salvaged.kind == KAYA_SALVAGED_GAP)
            continue;
        cr_expect_eq(salvaged.record.lsn, next_lsn, "%s: %" PRIu64 " comes, not %" PRIu64, what,
                     salvaged.record.lsn, next_lsn);
        next_lsn++;
    }
    cr_expect_eq(status, KAYA_END);
    cr_expect_eq(next_lsn, last_lsn + 1, "%s: salvage ends before %" PRIu64, what, next_lsn);
    kaya_wal_salvage_close(salvage);
}

Test(cut_back, the_mark_is_enough_the_cut_is_where_it_reaches_and_without_both_it_has_not_been)
{
    for (unsigned bits = 0; bits < 32; bits++) {
        struct remains remains = {
            .mark = bits & 1, .cut = bits & 2, .record = bits & 4, .is_damaged = bits & 8, .is_far = bits & 16
        };
        /* Salvage takes a file that was cut for a sign; recovery does not, for an unused tail may go in other ways. */
        bool is_told = remains.mark || remains.record || (remains.cut && (remains.is_far || remains.is_damaged));
        uint64_t last_lsn = !is_told ? APPENDED : remains.record ? CUT_TO + 1 : CUT_TO;
        struct log_fixture *log = cut_log(&remains);
        struct log_look look;
        char what[LOG_TEXT_BYTES];

        (void)snprintf(what, sizeof what, "%smark, %scut%s, %s", remains.mark ? "" : "no ",
                       remains.cut ? "" : "no ", remains.is_far ? " far behind" : "",
                       remains.record ? "a record" : "no record");
        if (remains.is_damaged || (remains.record && !remains.mark)) { /* which is missing among durable bytes then */
            expect_salvaged(log, remains.is_damaged ? 2 : 1, last_lsn, what);
        } else {
            log_look(log, NULL, &look);
            cr_expect_eq(look.status, KAYA_OK, "%s: %s", what, kaya_status_name(look.status));
            cr_expect_eq(look.last_lsn, last_lsn, "%s: %" PRIu64 " is the last", what, look.last_lsn);
        }
        log_fixture_destroy(log);
    }
}
