/* What came of a scenario: a table for people, JSON lines for programs.
 *
 * Seeds and digests are hex strings in JSON, since a reader may keep numbers in 53 bits; all else are integers, but for the
 * two that are measured. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "sim.h"

int kaya_sim_exit_of(const struct kaya_sim_outcome *outcome)
{
    bool too_few;

    if (outcome->report->violation_count > 0)
        return KAYA_SIM_BROKEN;
    if (!outcome->report->is_deterministic)
        return KAYA_SIM_NOT_DETERMINISTIC;
    if ((kaya_runner_missing(outcome->scenario, outcome->report, &too_few) != 0 && !too_few) ||
        (kaya_runner_never(outcome->scenario, outcome->report, &too_few) != 0 && !too_few))
        return KAYA_SIM_NOT_STRUCK;
    return KAYA_SIM_HELD;
}

/* --- For people --- */

const char *kaya_sim_grouped(uint64_t number, char text[KAYA_SIM_GROUPED_BYTES])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, number);
    int at = 0;

    for (int i = 0; i < length; i++) {
        text[at++] = digits[i];
        if ((length - i) % 3 == 1 && i + 1 < length)
            text[at++] = ',';
    }
    text[at] = '\0';
    return text;
}

static uint64_t cycles_per_second(const struct kaya_runner_report *report)
{
    return report->seconds > 0 ? (uint64_t)((double)report->crashes / report->seconds) : 0;
}

void kaya_sim_print_heading(FILE *file)
{
    fprintf(file, "%-38s %9s %11s %12s %8s %10s  %s\n", "scenario", "runs", "crashes", "records", "faults",
            "crashes/s", "result");
}

static void count_faults(const struct kaya_sim_outcome *outcome, unsigned *declared, unsigned *struck)
{
    *declared = 0;
    *struck = 0;
    for (int i = 0; i < KAYA_FAULTS; i++) {
        if ((outcome->scenario->faults >> i & 1) == 0)
            continue;
        ++*declared;
        *struck += outcome->report->faults.struck[i] > 0;
    }
}

void kaya_sim_print_row(const struct kaya_sim_outcome *outcome, FILE *file)
{
    static const char *const results[] = {
        [KAYA_SIM_HELD] = "all held", [KAYA_SIM_BROKEN] = "BROKEN", [KAYA_SIM_USAGE] = "", [KAYA_SIM_NOT_DETERMINISTIC] = "NOT DETERMINISTIC", [KAYA_SIM_NOT_STRUCK] = "SOMETHING NEVER HAPPENED"
    };
    const struct kaya_runner_report *report = outcome->report;
    char numbers[4][KAYA_SIM_GROUPED_BYTES];
    char faults[24];
    unsigned declared;
    unsigned struck;
    int code = kaya_sim_exit_of(outcome);

    count_faults(outcome, &declared, &struck);
    snprintf(faults, sizeof faults, "%u of %u", struck, declared);
    fprintf(file, "%-38s %9s %11s %12s %8s %10s  %s%s%s\n", outcome->name,
            kaya_sim_grouped(report->runs, numbers[0]), kaya_sim_grouped(report->crashes, numbers[1]),
            kaya_sim_grouped(report->appended, numbers[2]), faults,
            kaya_sim_grouped(cycles_per_second(report), numbers[3]),
            code == KAYA_SIM_HELD ? kaya_sim_green(file) : kaya_sim_red(file), results[code],
            kaya_sim_plain(file));
}

static void print_violation(const struct kaya_violation_report *violation, FILE *file)
{
    char line[KAYA_REPLAY_LINE_MAX];
    const char *text = "";

    for (int i = 0; i < KAYA_PROMISES; i++)
        if (strcmp(kaya_promise_name((enum kaya_promise)i), violation->violation.promise) == 0)
            text = kaya_promise_text((enum kaya_promise)i);
    kaya_replay_format(&violation->line, line);
    fprintf(file, "\n%sBroken: %s%s %s\n", kaya_sim_red(file), violation->violation.promise,
            kaya_sim_plain(file), text);
    fprintf(file, "  found: %s\n", violation->violation.what);
    if (violation->events[0] != '\0')
        fprintf(file, "  the last events:\n%s", violation->events);
    fprintf(file, "  replay: kaya-sim replay '%s'\n", line);
}

static void print_missing(const struct kaya_sim_outcome *outcome, FILE *file)
{
    bool too_few;
    uint64_t missing = kaya_runner_missing(outcome->scenario, outcome->report, &too_few);

    if (missing == 0)
        return;
    fprintf(file, "%s: did not strike within %" PRIu64 " runs:", outcome->name,
            too_few ? outcome->report->runs : outcome->scenario->expect_struck_within);
    for (int i = 0; i < KAYA_FAULTS; i++)
        if ((missing >> i & 1) != 0)
            fprintf(file, " %s", kaya_fault_name((enum kaya_fault)i));
    if (too_few)
        fprintf(file, " (a note only: up to %" PRIu64 " runs are allowed)",
                outcome->scenario->expect_struck_within);
    fputc('\n', file);
}

static void print_never(const struct kaya_sim_outcome *outcome, FILE *file)
{
    bool too_few;
    uint64_t never = kaya_runner_never(outcome->scenario, outcome->report, &too_few);
    uint64_t within = outcome->scenario->expect_struck_within;

    if (never == 0)
        return;
    fprintf(file, "%s: sometimes, but not within %" PRIu64 " runs:", outcome->name,
            too_few ? outcome->report->runs : within);
    for (int i = 0; i < KAYA_MARKS; i++)
        if ((never >> i & 1) != 0)
            fprintf(file, " %s", kaya_mark_name((enum kaya_mark)i));
    if (too_few)
        fprintf(file, " (a note only: up to %" PRIu64 " runs are allowed)", within);
    fputc('\n', file);
}

void kaya_sim_print_notes(const struct kaya_sim_outcome *outcome, FILE *file)
{
    const struct kaya_runner_report *report = outcome->report;

    for (size_t i = 0; i < report->violations_kept; i++)
        print_violation(&report->violations[i], file);
    if (report->violation_count > report->violations_kept)
        fprintf(file, "\n%s: %" PRIu64 " runs broke a promise; those with the lowest seeds are shown\n",
                outcome->name, report->violation_count);
    if (!report->is_deterministic)
        fprintf(file,
                "%s: two runs of one seed differ; `kaya-sim replay '%s seed=0x%016" PRIx64 "'` shows where\n",
                outcome->name, outcome->name, report->differing_seed);
    print_missing(outcome, file);
    print_never(outcome, file);
}

/* --- For programs --- */

static json_t *hex(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "0x%016" PRIx64, number);
    return json_string(text);
}

static json_t *integer(uint64_t number)
{
    return json_integer((json_int_t)number);
}

static json_t *faults_json(const struct kaya_sim_outcome *outcome)
{
    json_t *object = json_object();
    const struct kaya_fault_counts *faults = &outcome->report->faults;

    for (int i = 0; i < KAYA_FAULTS; i++)
        if ((outcome->scenario->faults >> i & 1) != 0 || faults->drawn[i] > 0)
            json_object_set_new(object, kaya_fault_name((enum kaya_fault)i),
                                json_pack("{s:o, s:o}", "drawn", integer(faults->drawn[i]), "struck",
                                          integer(faults->struck[i])));
    return object;
}

static json_t *promises_json(const struct kaya_runner_report *report)
{
    json_t *object = json_object();

    for (int i = 0; i < KAYA_PROMISES; i++)
        if (report->promises.checked[i] > 0)
            json_object_set_new(object, kaya_promise_name((enum kaya_promise)i),
                                integer(report->promises.checked[i]));
    return object;
}

static json_t *violations_json(const struct kaya_runner_report *report)
{
    json_t *array = json_array();
    char line[KAYA_REPLAY_LINE_MAX];

    for (size_t i = 0; i < report->violations_kept; i++) {
        kaya_replay_format(&report->violations[i].line, line);
        json_array_append_new(array, json_pack("{s:s, s:s%, s:s}", "promise",
                                               report->violations[i].violation.promise, "what",
                                               report->violations[i].violation.what,
                                               strlen(report->violations[i].violation.what), "replay", line));
    }
    return array;
}

static json_t *missing_json(const struct kaya_sim_outcome *outcome)
{
    bool too_few;
    uint64_t missing = kaya_runner_missing(outcome->scenario, outcome->report, &too_few);
    json_t *array = json_array();

    for (int i = 0; i < KAYA_FAULTS; i++)
        if ((missing >> i & 1) != 0)
            json_array_append_new(array, json_string(kaya_fault_name((enum kaya_fault)i)));
    return array;
}

static json_t *never_json(const struct kaya_sim_outcome *outcome)
{
    bool too_few;
    uint64_t never = kaya_runner_never(outcome->scenario, outcome->report, &too_few);
    json_t *array = json_array();

    for (int i = 0; i < KAYA_MARKS; i++)
        if ((never >> i & 1) != 0)
            json_array_append_new(array, json_string(kaya_mark_name((enum kaya_mark)i)));
    return array;
}

void kaya_sim_print_json(const struct kaya_sim_outcome *outcome, FILE *file)
{
    const struct kaya_runner_report *report = outcome->report;
    json_t *object = json_object();

    json_object_set_new(object, "scenario", json_string(outcome->name));
    json_object_set_new(object, "runs", integer(report->runs));
    json_object_set_new(object, "crashes", integer(report->crashes));
    json_object_set_new(object, "recoveries", integer(report->recoveries));
    json_object_set_new(object, "appended", integer(report->appended));
    json_object_set_new(object, "acknowledged", integer(report->acknowledged));
    json_object_set_new(object, "recovered", integer(report->recovered));
    json_object_set_new(object, "faults", faults_json(outcome));
    json_object_set_new(object, "not_struck", missing_json(outcome));
    json_object_set_new(object, "never", never_json(outcome));
    json_object_set_new(object, "promises", promises_json(report));
    json_object_set_new(object, "violation_count", integer(report->violation_count));
    json_object_set_new(object, "violations", violations_json(report));
    json_object_set_new(object, "deterministic", json_boolean(report->is_deterministic));
    json_object_set_new(object, "digest", hex(report->digest));
    json_object_set_new(object, "seconds", json_real(report->seconds));
    json_object_set_new(object, "crash_cycles_per_second", integer(cycles_per_second(report)));
    json_dumpf(object, file, JSON_COMPACT | JSON_REAL_PRECISION(6));
    fputc('\n', file);
    json_decref(object);
}

void kaya_sim_print_unbroken(bool json)
{
    static const char what[] = "all promises held: there is nothing to shrink";

    if (json)
        printf("{\"promise\":\"\",\"what\":\"%s\"}\n", what);
    else
        puts(what);
}
