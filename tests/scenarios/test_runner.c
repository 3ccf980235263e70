/* Many runs.
 *
 * Goal: what is reported does not hang on how many processes made it, nor on when; declared faults strike; limits hold.
 * Method: the same seeds with different numbers of jobs, in one piece and in two. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/runner.h"
#include "short_story.h"

enum { SEEDS = 60 };

static struct kaya_runner_report *run(uint64_t first, uint64_t count, unsigned jobs)
{
    static struct kaya_scenario scenario;
    struct kaya_runner_options options = {
        .scenario = &scenario, .first_seed = first, .seed_count = count, .job_count = jobs
    };
    struct kaya_runner_report *report = calloc(1, sizeof *report);

    scenario = short_story();
    cr_assert(eq(int, kaya_runner_run(&options, report), KAYA_OK));
    return report;
}

static void expect_same(const struct kaya_runner_report *one, const struct kaya_runner_report *other)
{
    cr_expect(eq(u64, one->digest, other->digest));
    cr_expect(eq(u64, one->runs, other->runs));
    cr_expect(eq(u64, one->crashes, other->crashes));
    cr_expect(eq(u64, one->recoveries, other->recoveries));
    cr_expect(eq(u64, one->appended, other->appended));
    cr_expect(eq(u64, one->acknowledged, other->acknowledged));
    cr_expect(eq(u64, one->recovered, other->recovered));
    cr_expect(eq(u64, one->violation_count, other->violation_count));
    cr_expect(eq(int, memcmp(&one->faults, &other->faults, sizeof one->faults), 0));
    cr_expect(eq(int, memcmp(one->first_struck, other->first_struck, sizeof one->first_struck), 0));
    cr_expect(eq(int, memcmp(one->first_marked, other->first_marked, sizeof one->first_marked), 0));
    cr_expect(eq(int, memcmp(&one->coverage, &other->coverage, sizeof one->coverage), 0));
    cr_expect(eq(int, memcmp(&one->promises, &other->promises, sizeof one->promises), 0));
}

Test(runner, reports_the_same_for_any_number_of_jobs_and_each_time)
{
    struct kaya_runner_report *first = run(1, SEEDS, 1);
    static const unsigned jobs[] = { 1, 2, 3, 7 };

    cr_expect(eq(u64, first->runs, SEEDS));
    cr_expect(eq(u64, first->violation_count, 0), "%s", first->violations[0].violation.what);
    cr_expect(first->is_deterministic);
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct kaya_runner_report *again = run(1, SEEDS, jobs[i]);
        expect_same(first, again);
        free(again);
    }
    free(first);
}

Test(runner, other_seeds_are_other_runs)
{
    struct kaya_runner_report *one = run(1, SEEDS, 1);
    struct kaya_runner_report *other = run(1 + SEEDS, SEEDS, 1);

    cr_expect(ne(u64, one->digest, other->digest));
    free(one);
    free(other);
}

Test(runner, every_declared_fault_strikes_and_every_promise_is_put_to_the_test)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_runner_report *report = run(1, SEEDS, 2);
    static const enum kaya_promise promises[] = { KAYA_PROMISE_P1,  KAYA_PROMISE_P2,  KAYA_PROMISE_P3,
                                                  KAYA_PROMISE_P4,  KAYA_PROMISE_P7,  KAYA_PROMISE_P8,
                                                  KAYA_PROMISE_P10, KAYA_PROMISE_P11, KAYA_PROMISE_F9,
                                                  KAYA_PROMISE_F10 };
    bool too_few;

    cr_expect(eq(u64, kaya_runner_missing(&scenario, report, &too_few), 0));
    cr_expect(too_few);
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++)
        cr_expect(lt(u64, 0, report->promises.checked[promises[i]]), "%s", kaya_promise_name(promises[i]));
    free(report);
}

Test(runner, names_the_faults_that_did_not_strike_in_time)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_runner_report report = { .runs = 50 };
    bool too_few;

    scenario.expect_struck_within = 40;
    report.first_struck[KAYA_FAULT_LOST_SECTOR] = 40;
    report.first_struck[KAYA_FAULT_TORN_SECTOR] = 41;
    cr_expect(eq(u64, kaya_runner_missing(&scenario, &report, &too_few),
                 1u << KAYA_FAULT_TORN_SECTOR | 1u << KAYA_FAULT_PROCESS_CRASH));
    cr_expect(not(too_few));
    report.runs = 39;
    cr_expect(ne(u64, kaya_runner_missing(&scenario, &report, &too_few), 0));
    cr_expect(too_few);
}

Test(runner, names_what_should_happen_sometimes_and_never_did)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_runner_report *report = run(1, SEEDS, 2);
    uint64_t periods = 0;
    bool too_few;

    scenario.sometimes = (uint64_t)1 << KAYA_MARK_CARRIED | (uint64_t)1 << KAYA_MARK_FOUND_DAMAGED;
    scenario.expect_struck_within = SEEDS;
    cr_expect(eq(u64, kaya_runner_never(&scenario, report, &too_few), (uint64_t)1 << KAYA_MARK_FOUND_DAMAGED));
    cr_expect(not(too_few));
    scenario.expect_struck_within = report->first_marked[KAYA_MARK_CARRIED] - 1;
    cr_expect(eq(u64, kaya_runner_never(&scenario, report, &too_few), scenario.sometimes));
    scenario.expect_struck_within = SEEDS + 1;
    (void)kaya_runner_never(&scenario, report, &too_few);
    cr_expect(too_few);

    for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
        for (int family = 0; family <= KAYA_FAULTS; family++)
            periods += report->coverage.periods[family][row][KAYA_ANY_EVENT];
    cr_expect(ge(u64, periods, report->recoveries), "each recovery ends a period");
    free(report);
}

Test(runner, refuses_a_scenario_that_is_none)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_runner_options options = { .scenario = &scenario, .first_seed = 1, .seed_count = 1 };
    struct kaya_runner_report report;

    scenario.endings[KAYA_ENDING_POWER_LOSS] = 1001;
    cr_expect(eq(int, kaya_runner_run(&options, &report), KAYA_INVALID));
}

Test(runner, stops_when_the_time_is_over)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_runner_options options = {
        .scenario = &scenario, .first_seed = 1, .seed_count = UINT64_MAX / 2, .job_count = 2, .seconds_max = 0.2
    };
    struct kaya_runner_report report;

    cr_assert(eq(int, kaya_runner_run(&options, &report), KAYA_OK));
    cr_expect(lt(u64, 0, report.runs));
    cr_expect(lt(dbl, report.seconds, 10.0));
}
