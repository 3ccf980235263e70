/* Goal: the explorer visits every outcome once and finds what is wrong, wherever it hides. Method: numbers of states
 * against those worked out by hand for a subject that is nothing but sectors; a toy log without a bug and with each of some
 * bugs; every path that it names is walked again. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kaya/sim/explore.h"

#include "rewind.h"
#include "sector_subject.h"
#include "toy_log.h"

/* ---- counting ---- */

static struct kaya_explore_result explore_sectors(struct sector_options *sectors,
                                                  struct kaya_explore_options options)
{
    struct kaya_explore_result report;

    if (!options.profile)
        options.profile = &sector_profile;
    options.create_subject = sector_subject_create;
    options.user = sectors;
    cr_assert(eq(int, kaya_explore(&options, &report), KAYA_OK));
    cr_assert(eq(str, report.first.what, ""), "%s", report.first_path);
    return report;
}

/* A workload without the second write has a point before the close and one behind it, an outcome each. The write adds the
 * point before itself, and both of the others have 2^n outcomes then: n sectors that are old or new. */
static uint64_t states_added_by_write(unsigned read_sectors)
{
    return 1 + 2 * ((uint64_t)1 << read_sectors) - 2;
}

Test(explore, unsynced_sectors_make_two_outcomes_each)
{
    for (unsigned count = 1; count <= 8; count++) {
        struct sector_options without = { .sector_count = count, .read_count = count };
        struct sector_options with = { .sector_count = count, .read_count = count, .write_count = count };
        struct kaya_explore_result before =
            explore_sectors(&without, (struct kaya_explore_options){ .crash_depth = 1 });
        struct kaya_explore_result after =
            explore_sectors(&with, (struct kaya_explore_options){ .crash_depth = 1 });

        cr_expect(eq(u64, after.report.states - before.report.states, states_added_by_write(count)),
                  "%u sectors", count);
        cr_expect(eq(u64, after.report.points - before.report.points, 1));
        cr_expect(eq(u64, after.report.distinct - before.report.distinct, ((uint64_t)1 << count) - 1),
                  "%u sectors", count);
        cr_expect(after.exhaustive);
    }
}

Test(explore, sectors_that_recovery_does_not_read_make_no_outcomes)
{
    enum { COUNT = 20 };

    for (unsigned read_count = 0; read_count <= 5; read_count++) {
        struct sector_options without = { .sector_count = COUNT, .read_count = read_count };
        struct sector_options with = { .sector_count = COUNT, .read_count = read_count, .write_count = COUNT };
        struct kaya_explore_result before =
            explore_sectors(&without, (struct kaya_explore_options){ .crash_depth = 1 });
        struct kaya_explore_result after =
            explore_sectors(&with, (struct kaya_explore_options){ .crash_depth = 1 });

        cr_expect(eq(u64, after.report.states - before.report.states, states_added_by_write(read_count)),
                  "%u read", read_count);
    }
}

/* All 512 bytes of a sector change, so a tear has its first 1 to 511 new, or its last: 1022 mixtures. With one torn sector a
 * crash, n sectors have 2^n outcomes with none torn, and for each of them that is, 2^(n-1) of the others. */
Test(explore, one_sector_a_crash_is_torn_in_every_way)
{
    enum { TEARS = 2 * (SECTOR_BYTES - 1) };
    struct kaya_sim_profile tearing = sector_profile;
    struct kaya_explore_options options = { .crash_depth = 1, .profile = &tearing };

    tearing.byte_tears = true;
    tearing.geometry.atomic_bytes = 0;
    for (unsigned count = 1; count <= 3; count++) {
        struct sector_options without = { .sector_count = count, .read_count = count, .may_tear = true };
        struct sector_options with = without;
        struct kaya_explore_result before, after;
        uint64_t outcomes = (1u << count) + (uint64_t)count * TEARS * (1u << (count - 1));

        with.write_count = count;
        before = explore_sectors(&without, options);
        after = explore_sectors(&with, options);
        cr_expect(eq(u64, after.report.states - before.report.states, 1 + 2 * outcomes - 2), "%u sectors", count);
        cr_expect(after.exhaustive);
    }
}

/* What one recovery read is decided, so the crash behind it has one outcome; in front of it nothing changed. */
Test(explore, a_second_crash_behind_a_recovery_that_only_reads_has_one_outcome)
{
    struct sector_options sectors = { .sector_count = 3, .read_count = 3, .write_count = 3 };
    struct kaya_explore_result one =
        explore_sectors(&sectors, (struct kaya_explore_options){ .crash_depth = 1 });
    struct kaya_explore_result two =
        explore_sectors(&sectors, (struct kaya_explore_options){ .crash_depth = 2 });
    struct kaya_explore_result three =
        explore_sectors(&sectors, (struct kaya_explore_options){ .crash_depth = 3 });

    cr_expect(eq(u64, two.report.states, 2 * one.report.states));
    cr_expect(eq(u64, three.report.states, 3 * one.report.states));
    cr_expect(eq(u64, three.report.distinct, one.report.distinct));
}

/* In front of the call, which the crash may interrupt, there are 2^n outcomes; behind it one. */
Test(explore, a_durable_write_is_interrupted_in_every_way)
{
    for (unsigned count = 1; count <= 6; count++) {
        struct sector_options without = { .sector_count = count, .read_count = count, .is_durable = true };
        struct sector_options with = without;
        struct kaya_explore_result before, after;

        with.write_count = count;
        before = explore_sectors(&without, (struct kaya_explore_options){ .crash_depth = 1 });
        after = explore_sectors(&with, (struct kaya_explore_options){ .crash_depth = 1 });
        cr_expect(eq(u64, after.report.states - before.report.states, (uint64_t)1 << count), "%u sectors", count);
    }
}

/* Each point gets one process crash more, and that keeps the cache: one outcome. */
Test(explore, a_process_crash_has_one_outcome)
{
    struct sector_options sectors = { .sector_count = 4, .read_count = 4, .write_count = 4 };
    struct kaya_explore_options options = { .crash_depth = 1 };
    struct kaya_explore_result power_only = explore_sectors(&sectors, options);
    struct kaya_explore_result both;

    options.process_crashes = true;
    both = explore_sectors(&sectors, options);
    cr_expect(eq(u64, both.report.points, 2 * power_only.report.points));
    cr_expect(eq(u64, both.report.states, power_only.report.states + power_only.report.points));
}

/* ---- bounds ---- */

Test(explore, a_point_with_too_many_outcomes_is_sampled_and_counted)
{
    enum { COUNT = 20, BUDGET = 100 };
    struct sector_options without = { .sector_count = COUNT, .read_count = COUNT };
    struct sector_options with = { .sector_count = COUNT, .read_count = COUNT, .write_count = COUNT };
    struct kaya_explore_options options = { .crash_depth = 1, .outcomes_per_point_max = BUDGET };
    struct kaya_explore_result before = explore_sectors(&without, options);
    struct kaya_explore_result after = explore_sectors(&with, options);

    cr_expect(eq(u64, after.report.sampled_points - before.report.sampled_points, 2)); /* before the close and behind it */
    cr_expect(eq(u64, after.report.states - before.report.states, 1 + 2 * BUDGET - 2));
    cr_expect(not(after.exhaustive));
}

static unsigned alone_seen; /* bit n: sector n old, all others new; bit COUNT: nothing lost */

static void note_alone(void *user, const unsigned char *values, unsigned count)
{
    unsigned old_count = 0, last_old = count;

    (void)user;
    for (unsigned index = 0; index < count; index++) {
        if (values[index] == OLD_BYTE) {
            old_count++;
            last_old = index;
        }
    }
    if (old_count <= 1 && count > 0)
        alone_seen |= 1u << last_old;
}

Test(explore, a_sampled_point_loses_each_sector_alone)
{
    enum { COUNT = 20 };
    struct sector_options sectors = {
        .sector_count = COUNT, .read_count = COUNT, .write_count = COUNT, .found = note_alone
    };
    struct kaya_explore_options options = { .crash_depth = 1, .outcomes_per_point_max = 3 * COUNT };

    explore_sectors(&sectors, options);
    cr_expect(eq(u32, alone_seen, (1u << (COUNT + 1)) - 1));
}

Test(explore, the_bound_on_states_ends_it)
{
    struct sector_options sectors = { .sector_count = 8, .read_count = 8, .write_count = 8 };
    struct kaya_explore_options options = { .crash_depth = 3, .states_max = 77, .process_crashes = true };
    struct kaya_explore_result report = explore_sectors(&sectors, options);

    cr_expect(ge(u64, report.report.states, 77));
    cr_expect(lt(u64, report.report.states, 77 + 3)); /* outcomes that were under way are ended */
    cr_expect(not(report.exhaustive));
}

Test(explore, a_depth_out_of_range_is_refused)
{
    struct kaya_explore_result report;
    struct kaya_explore_options options = { .create_subject = toy_log_create };

    cr_expect(eq(int, kaya_explore(&options, &report), KAYA_INVALID));
    options.crash_depth = KAYA_EXPLORE_DEPTH_MAX + 1;
    cr_expect(eq(int, kaya_explore(&options, &report), KAYA_INVALID));
}

/* ---- bugs ---- */

struct bug {
    const char *name;
    enum toy_bug bug;
    unsigned crash_depth;
    bool process_crashes;
    unsigned steps_after_recovery;
    const char *promise;
};

/* The least of crashes and kinds with which each bug shows. */
static const struct bug bugs[] = {
    { "no sync", TOY_NO_SYNC, 1, false, 0, "P2" },
    { "no directory sync", TOY_NO_DIRECTORY_SYNC, 1, false, 0, "P2" },
    { "no parent sync", TOY_NO_PARENT_SYNC, 1, false, 0, "P2" },
    { "append behind a torn tail", TOY_APPEND_BEHIND_TORN, 2, false, 1, "P2" },
    { "acknowledge early", TOY_ACKNOWLEDGE_EARLY, 1, false, 0, "P2" },
    { "serve what is not synced", TOY_SERVE_UNSYNCED, 2, true, 0, "P2" },
    { "put an unsynced copy in place", TOY_REWRITE_UNSYNCED, 2, false, 0, "P2" },
    { "recovery that never ends", TOY_NEVER_ENDS, 1, false, 0, "P8" },
};

static struct kaya_explore_options toy_options(struct toy_options *toy)
{
    return (struct kaya_explore_options){
        .profile = &sector_profile,
        .create_subject = toy_log_create,
        .user = toy,
        .crash_depth = 1,
        .calls_per_boot_max = 1000,
    };
}

static struct kaya_explore_result explore(const struct kaya_explore_options *options)
{
    struct kaya_explore_result report;

    cr_assert(eq(int, kaya_explore(options, &report), KAYA_OK));
    return report;
}

/* A path leads to what was found there, and its walk tells of every crash (stopping a runaway is one more). */
static void expect_replay(const struct kaya_explore_options *options, struct kaya_explore_result *report)
{
    unsigned wanted_crashes = 1, told_crashes = 0;
    struct kaya_violation violation;
    FILE *file = tmpfile();
    char line[1024];

    cr_assert(eq(int, kaya_explore_replay(options, report->first_path, file, &violation), KAYA_OK));
    cr_expect(eq(str, violation.promise, report->first.promise), "%s", report->first_path);
    cr_expect(eq(str, violation.what, report->first.what), "%s", report->first_path);
    for (const char *at = report->first_path; (at = strchr(at, ';')) != NULL; at++)
        wanted_crashes++;
    rewind(file);
    while (fgets(line, sizeof line, file))
        told_crashes += strstr(line, "power_loss") || strstr(line, "process_crash");
    wanted_crashes += strcmp(report->first.promise, "P8") == 0;
    cr_expect(eq(u32, told_crashes, wanted_crashes), "%s", report->first_path);
    fclose(file);
}

Test(explore, each_bug_is_found_with_a_path_that_leads_to_it_again)
{
    for (unsigned index = 0; index < sizeof bugs / sizeof *bugs; index++) {
        const struct bug *bug = &bugs[index];
        struct toy_options toy = { .bug = bug->bug, .record_count = 3, .payload_bytes = 700 };
        struct kaya_explore_options options = toy_options(&toy);
        struct kaya_explore_result report;

        options.crash_depth = bug->crash_depth;
        options.process_crashes = bug->process_crashes;
        options.steps_after_recovery = bug->steps_after_recovery;
        options.stop_at_first = true;
        report = explore(&options);
        cr_expect(eq(u64, report.report.violations, 1), "%s was not found", bug->name);
        cr_expect(eq(str, report.first.promise, (char *)bug->promise), "%s: %s", bug->name, report.first.what);
        cr_expect(not(report.exhaustive));
        if (report.report.violations > 0)
            expect_replay(&options, &report);
    }
}

/* What the table above says of depth and kinds is the least: with less, each of these bugs hides. */
Test(explore, bugs_that_need_a_second_crash_hide_from_one)
{
    static const enum toy_bug deep[] = { TOY_APPEND_BEHIND_TORN, TOY_SERVE_UNSYNCED, TOY_REWRITE_UNSYNCED };

    for (unsigned index = 0; index < sizeof deep / sizeof *deep; index++) {
        struct toy_options toy = { .bug = deep[index], .record_count = 3, .payload_bytes = 700 };
        struct kaya_explore_options options = toy_options(&toy);
        struct kaya_explore_result report;

        options.process_crashes = true;
        report = explore(&options);
        cr_expect(eq(u64, report.report.violations, 0), "bug %u: %s: %s", deep[index], report.first_path,
                  report.first.what);
    }
}

Test(explore, the_correct_log_keeps_its_promises)
{
    for (unsigned depth = 1; depth <= 3; depth++) {
        struct toy_options toy = { .record_count = 3, .payload_bytes = 700 };
        struct kaya_explore_options options = toy_options(&toy);
        struct kaya_explore_result report;

        options.crash_depth = depth;
        options.process_crashes = true;
        options.steps_after_recovery = depth < 3;
        report = explore(&options);
        cr_expect(eq(u64, report.report.violations, 0), "%s: %s", report.first_path, report.first.what);
        cr_expect(report.exhaustive);
        cr_expect(lt(u64, report.report.points, report.report.states));
    }
}

Test(explore, the_same_workload_gives_the_same_report)
{
    struct toy_options toy = { .bug = TOY_NO_SYNC, .record_count = 4, .payload_bytes = 300 };
    struct kaya_explore_options options = toy_options(&toy);
    struct kaya_explore_result one, two;

    options.crash_depth = 2;
    one = explore(&options);
    two = explore(&options);
    cr_expect(eq(u64, one.report.digest, two.report.digest));
    cr_expect(eq(u64, one.report.states, two.report.states));
    cr_expect(eq(u64, one.report.distinct, two.report.distinct));
    cr_expect(eq(u64, one.report.violations, two.report.violations));
    cr_expect(lt(u64, 1, one.report.violations));
    cr_expect(eq(str, one.first_path, two.first_path));
    expect_replay(&options, &one);
}

/* ---- rules ---- */

enum { BREACHES_MAX = 512 };

/* What was found, each once, in order of the hashes. */
struct breaches {
    uint64_t hashes[BREACHES_MAX];
    size_t count;
};

static bool take_unit(void *user, uint32_t unit)
{
    (void)user;
    (void)unit;
    return true;
}

static void ignore_unit(void *user, uint32_t unit, const struct kaya_explore_report *part, bool is_whole)
{
    (void)user;
    (void)unit;
    (void)part;
    (void)is_whole;
}

static bool never_stop(void *user, const struct kaya_explore_report *part)
{
    (void)user;
    (void)part;
    return true;
}

static void note_breach(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path)
{
    struct breaches *breaches = user;
    uint64_t hash = XXH3_64bits(violation->what, strlen(violation->what));
    size_t at = 0;

    (void)unit;
    cr_expect(ne(str, (char *)path, ""));
    while (at < breaches->count && breaches->hashes[at] < hash)
        at++;
    if (at < breaches->count && breaches->hashes[at] == hash)
        return;
    cr_assert(lt(sz, breaches->count, BREACHES_MAX));
    memmove(breaches->hashes + at + 1, breaches->hashes + at, (breaches->count - at) * sizeof hash);
    breaches->hashes[at] = hash;
    breaches->count++;
}

static struct kaya_explore_result explore_for_breaches(struct kaya_explore_options options,
                                                       uint64_t rules_off, struct breaches *breaches)
{
    struct kaya_explore_crew crew = {
        .claim = take_unit, .finished = ignore_unit, .found = note_breach, .go_on = never_stop, .user = breaches
    };

    breaches->count = 0;
    options.crew = &crew;
    options.rules_off = rules_off;
    return explore(&options);
}

/* Whatever the rules leave out: the same recoveries are seen, and the same promises break in the same ways; without a bug, and with
 * each. */
Test(explore, no_rule_loses_a_recovery_or_a_violation)
{
    enum { BUGS = sizeof bugs / sizeof *bugs };

    for (unsigned index = 0; index <= BUGS; index++) {
        struct toy_options toy = { .bug = index < BUGS ? bugs[index].bug : TOY_CORRECT,
                                   .record_count = 3,
                                   .payload_bytes = 700 };
        struct kaya_explore_options options = toy_options(&toy);
        struct breaches all, some;
        struct kaya_explore_result without, with;

        options.crash_depth = 2;
        options.process_crashes = true;
        options.steps_after_recovery = 1;
        without = explore_for_breaches(options, (1u << KAYA_EXPLORE_RULES) - 1, &all);
        for (unsigned rule = 0; rule <= KAYA_EXPLORE_RULES; rule++) {
            uint64_t off = rule < KAYA_EXPLORE_RULES ? 1u << rule : 0;

            with = explore_for_breaches(options, off, &some);
            cr_expect(eq(u64, with.report.distinct, without.report.distinct), "bug %u, rule %u off", index, rule);
            cr_expect(eq(sz, some.count, all.count), "bug %u, rule %u off", index, rule);
            cr_expect(eq(int, memcmp(some.hashes, all.hashes, all.count * sizeof all.hashes[0]), 0));
            cr_expect(lt(u64, with.report.states, without.report.states), "bug %u, rule %u off", index, rule);
        }
        cr_expect(eq(int, all.count > 0, index < BUGS), "bug %u", index);
        for (unsigned rule = 0; rule < KAYA_EXPLORE_RULES && index == BUGS; rule++)
            cr_expect(with.report.skipped[rule] > 0 || rule == KAYA_EXPLORE_RULE_SAME_BEGINNING,
                      "%s never applied", kaya_explore_rule_name((enum kaya_explore_rule)rule));
    }
}

/* Tears make questions with many answers; a recovery goes on with each from the middle of the one before, and ends as if it had begun at
 * its beginning. */
Test(explore, a_recovery_that_goes_on_from_the_middle_of_another_ends_the_same)
{
    enum { BUGS = sizeof bugs / sizeof *bugs };
    struct kaya_sim_profile tearing = sector_profile;
    struct kaya_rewind *rewind = kaya_rewind_create();
    bool can_rewind = rewind != NULL; /* no sanitizer watches the stack */

    kaya_rewind_destroy(rewind);
    tearing.byte_tears = true;
    for (unsigned index = 0; index <= BUGS; index++) {
        struct toy_options toy = { .bug = index < BUGS ? bugs[index].bug : TOY_CORRECT,
                                   .record_count = 2,
                                   .payload_bytes = 40 };
        struct kaya_explore_options options = toy_options(&toy);
        struct breaches all, some;
        struct kaya_explore_result from_the_middle, from_the_beginning;

        options.profile = &tearing;
        options.crash_depth = 2;
        options.process_crashes = true;
        from_the_middle = explore_for_breaches(options, 0, &all);
        from_the_beginning = explore_for_breaches(options, 1u << KAYA_EXPLORE_RULE_SAME_BEGINNING, &some);
        cr_expect(eq(u64, from_the_middle.report.states, from_the_beginning.report.states), "bug %u", index);
        cr_expect(eq(u64, from_the_middle.report.distinct, from_the_beginning.report.distinct), "bug %u", index);
        cr_expect(eq(u64, from_the_middle.report.points, from_the_beginning.report.points), "bug %u", index);
        cr_expect(eq(u64, from_the_middle.report.digest, from_the_beginning.report.digest), "bug %u", index);
        cr_expect(eq(u64, from_the_middle.report.violations, from_the_beginning.report.violations), "bug %u",
                  index);
        cr_expect(eq(sz, some.count, all.count), "bug %u", index);
        cr_expect(eq(int, memcmp(some.hashes, all.hashes, all.count * sizeof all.hashes[0]), 0), "bug %u", index);
        cr_expect(eq(u64, from_the_beginning.report.skipped[KAYA_EXPLORE_RULE_SAME_BEGINNING], 0));
        cr_expect(from_the_middle.report.skipped[KAYA_EXPLORE_RULE_SAME_BEGINNING] > 0 || !can_rewind,
                  "bug %u", index);
    }
}

/* ---- crews ---- */

struct member {
    struct member *other;
    unsigned number, stride;
    uint32_t units;
};

static bool take_every_other(void *user, uint32_t unit)
{
    struct member *member = user;
    bool is_ours = unit % member->stride == member->number;

    member->units += is_ours;
    return is_ours;
}

static void ignore_breach(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path)
{
    (void)user;
    (void)unit;
    (void)violation;
    (void)path;
}

/* One after the other with one set: as if they ran at the same time, and one was slow. */
Test(explore, a_crew_has_the_totals_of_one)
{
    enum { SET_BYTES = 4 << 20 };
    struct toy_options toy = { .bug = TOY_NO_SYNC, .record_count = 3, .payload_bytes = 700 };
    struct kaya_explore_options options = toy_options(&toy);
    struct kaya_explore_result alone;

    options.crash_depth = 2;
    options.process_crashes = true;
    alone = explore(&options);
    cr_expect(lt(u64, 0, alone.report.violations));
    for (unsigned stride = 1; stride <= 3; stride++) {
        void *memory = calloc(1, SET_BYTES);
        struct kaya_explore_report sum = { 0 };

        cr_assert(memory != NULL);
        options.visited = kaya_visited_init(memory, SET_BYTES);
        for (unsigned turn = 0; turn < stride; turn++) {
            struct member member = { .number = stride - 1 - turn, .stride = stride };
            struct kaya_explore_crew crew = { .claim = take_every_other,
                                              .finished = ignore_unit,
                                              .found = ignore_breach,
                                              .go_on = never_stop,
                                              .user = &member };
            struct kaya_explore_result result;

            options.crew = &crew;
            result = explore(&options);
            kaya_explore_report_add(&sum, &result.report);
            cr_expect(lt(u32, 0, member.units));
        }
        cr_expect(eq(u64, sum.states, alone.report.states), "%u explorers", stride);
        cr_expect(eq(u64, sum.distinct, alone.report.distinct), "%u explorers", stride);
        cr_expect(eq(u64, sum.points, alone.report.points), "%u explorers", stride);
        cr_expect(eq(u64, sum.violations, alone.report.violations), "%u explorers", stride);
        cr_expect(eq(u64, sum.digest, alone.report.digest), "%u explorers", stride);
        free(memory);
    }
}

/* ---- errors ---- */

/* The toy log asks nobody's pardon: it fails where a call does. So each call that may fail adds a run of the workload, and what the
 * error left is crashed as well. */
Test(explore, each_call_fails_once)
{
    struct toy_options toy = { .record_count = 2, .payload_bytes = 100 };
    struct kaya_explore_options options = toy_options(&toy);
    struct breaches breaches;
    struct kaya_explore_result without = explore_for_breaches(options, 0, &breaches), with;

    cr_expect(eq(u64, without.report.violations, 0));
    options.errors = UINT64_C(1) << KAYA_FAULT_IO_ERROR;
    with = explore_for_breaches(options, 0, &breaches);
    cr_expect(lt(u64, without.report.states, with.report.states));
    cr_expect(with.exhaustive);
    toy.bug = TOY_NO_SYNC;
    with = explore_for_breaches(options, 0, &breaches);
    cr_expect(lt(u64, 0, with.report.violations));
    expect_replay(&options, &with);
}

/* ---- paths ---- */

Test(explore, a_path_that_leads_nowhere_is_refused)
{
    static const char *const no_paths[] = { "",
                                            "call",
                                            "call 1",
                                            "call 1 fire",
                                            "call 1 power_loss 0",
                                            "call 1 power_loss 3=0",
                                            "call 1 power_loss 3=1 2=1",
                                            "call 1 power_loss;",
                                            "call 1 power_loss; no",
                                            "call x power_loss",
                                            "error",
                                            "error 1=1;",
                                            "call 1 power_loss; error 1=1",
                                            "no crash; call 1 power_loss" };
    static const char *const nowhere[] = { "call 999 power_loss", "call 1 power_loss 999=1",
                                           "call 1 power_loss 0=999",
                                           "call 1 power_loss; call 999 power_loss", "error 0=1" };
    struct toy_options toy = { .record_count = 1, .payload_bytes = 10 };
    struct kaya_explore_options options = toy_options(&toy);
    struct kaya_violation violation;

    for (unsigned index = 0; index < sizeof no_paths / sizeof *no_paths; index++)
        cr_expect(eq(int, kaya_explore_replay(&options, no_paths[index], NULL, &violation), KAYA_INVALID),
                  "%s", no_paths[index]);
    for (unsigned index = 0; index < sizeof nowhere / sizeof *nowhere; index++)
        cr_expect(eq(int, kaya_explore_replay(&options, nowhere[index], NULL, &violation), KAYA_NOT_FOUND),
                  "%s", nowhere[index]);
    cr_expect(eq(int, kaya_explore_replay(&options, "no crash", NULL, &violation), KAYA_OK));
    cr_expect(not(kaya_violation_is_set(&violation)));
}

/* ---- shorter paths ---- */

/* What is looked for: the second question behind a crash at call 5 was answered with 3 or more, whatever else happened. */
static bool loses_enough(void *user, const char *path)
{
    const char *crash = strstr(path, "call 5 power_loss");
    const char *end = crash ? strchr(crash, ';') : NULL;
    const char *answer = crash ? strstr(crash, " 1=") : NULL;

    ++*(uint64_t *)user;
    return answer && (!end || answer < end) && atoi(answer + strlen(" 1=")) >= 3;
}

Test(explore, a_path_is_shortened_to_what_it_takes)
{
    static const char *const paths[][2] = {
        { "call 5 power_loss 1=3", "call 5 power_loss 1=3" },
        { "call 5 power_loss 0=1 1=900 7=2", "call 5 power_loss 1=3" },
        { "error 12=1 13=4; call 5 power_loss 1=17", "call 5 power_loss 1=3" },
        { "schedule 3=1; call 2 process_crash 0=1; call 5 power_loss 1=4; call 9 power_loss 4=1",
          "call 5 power_loss 1=3" },
    };

    for (unsigned index = 0; index < sizeof paths / sizeof *paths; index++) {
        char path[KAYA_EXPLORE_PATH_MAX];
        uint64_t heard = 0, asked;

        strcpy(path, paths[index][0]);
        cr_expect(eq(int, kaya_explore_shorten(path, loses_enough, &heard, &asked), KAYA_OK));
        cr_expect(eq(str, path, (char *)paths[index][1]));
        cr_expect(eq(u64, asked, heard));
    }
}

static bool never(void *user, const char *path)
{
    (void)user;
    (void)path;
    return false;
}

Test(explore, a_path_of_which_nothing_can_go_stays_as_it_is)
{
    static const char *const paths[] = { "no crash",
                                         "error 12=1; call 41 power_loss 0=3 7=1; call 7 process_crash",
                                         "schedule 3=1 4=2", "call 1 process_crash" };
    char path[KAYA_EXPLORE_PATH_MAX];
    uint64_t asked;

    for (unsigned index = 0; index < sizeof paths / sizeof *paths; index++) {
        strcpy(path, paths[index]);
        cr_expect(eq(int, kaya_explore_shorten(path, never, NULL, &asked), KAYA_OK));
        cr_expect(eq(str, path, (char *)paths[index]));
    }
    strcpy(path, "call");
    cr_expect(eq(int, kaya_explore_shorten(path, never, NULL, &asked), KAYA_INVALID));
}
