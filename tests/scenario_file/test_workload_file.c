/* Workload files: what is read, and what is said about mistakes.
 *
 * Goal: every operation arrives with its numbers, each mistake names the workload's file and line and what is allowed; a scenario
 * finds the file beside it. Method: texts, and files in a scratch directory. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/workload_file.h"
#include "scratch_directory.h"

static enum kaya_status parse(const char *text, struct kaya_operation **operations, size_t *count,
                              struct kaya_scenario_mistake *mistake)
{
    return kaya_workload_parse("it.workload", text, operations, count, mistake);
}

Test(workload_file, every_operation_arrives)
{
    static const struct {
        const char *line;
        struct kaya_operation operation;
    } rows[] = {
        { "append 0 strict", { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 0 } } },
        { "append 16777216 relaxed",
          { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 16777216 } } },
        { "batch 1 strict", { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 1, .lengths = { 1 } } },
        { "batch 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 relaxed",
          { .kind = KAYA_OPERATION_BATCH_RELAXED,
            .record_count = 16,
            .lengths = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } } },
        { "echo 77", { .kind = KAYA_OPERATION_ECHO, .record_count = 1, .lengths = { 77 } } },
        { "trim", { .kind = KAYA_OPERATION_TRIM } },
        { "\ttrim  5 # of them", { .kind = KAYA_OPERATION_TRIM, .keep_records = 5 } },
        { "cut_back 6\r", { .kind = KAYA_OPERATION_CUT_BACK, .keep_records = 6 } },
        { "sync", { .kind = KAYA_OPERATION_SYNC } },
        { "rotate", { .kind = KAYA_OPERATION_ROTATE } },
        { "tend", { .kind = KAYA_OPERATION_TEND } },
        { "read", { .kind = KAYA_OPERATION_READ } },
        { "verify", { .kind = KAYA_OPERATION_VERIFY } },
        { "inspect", { .kind = KAYA_OPERATION_INSPECT } },
        { "ask", { .kind = KAYA_OPERATION_ASK } },
        { "second_writer", { .kind = KAYA_OPERATION_SECOND_WRITER } },
        { "reopen", { .kind = KAYA_OPERATION_REOPEN } },
    };
    struct kaya_scenario_mistake mistake;
    struct kaya_operation *operations;
    char text[4096] = "# all of them\n\n";
    size_t count;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", rows[i].line);
    cr_assert(eq(int, parse(text, &operations, &count, &mistake), KAYA_OK), "%s", mistake.text);
    cr_assert(eq(sz, count, sizeof rows / sizeof rows[0]));
    for (size_t i = 0; i < count; i++)
        cr_expect(eq(int, memcmp(&operations[i], &rows[i].operation, sizeof operations[i]), 0), "%s",
                  rows[i].line);
    free(operations);
}

Test(workload_file, every_mistake_names_its_file_its_line_and_what_is_allowed)
{
    static const struct {
        const char *line;
        const char *said;
    } rows[] = {
        { "append",
          "it.workload:3: append: this is not how it is written; allowed: append SIZE strict|relaxed|buffered" },
        { "append 5", "append SIZE strict|relaxed|buffered" },
        { "append 5 6 strict", "append SIZE strict|relaxed|buffered" },
        { "append 5 sync", "the mode comes last; allowed: strict, relaxed, buffered" },
        { "append -5 strict", "this is no size; allowed: bytes, 0 to 16777216" },
        { "append 5x strict", "this is no size" },
        { "append 16777217 strict", "this is no size" },
        { "append 99999999999999999999999 strict", "this is no size" },
        { "append 0x10 strict", "this is no size" },
        { "batch strict", "batch SIZE... strict|relaxed|buffered, 1 to 16 sizes" },
        { "batch 1 2", "the mode comes last" },
        { "batch 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 strict", "at most 16 sizes" },
        { "echo", "echo SIZE" },
        { "trim all", "trim, trim RECORDS" },
        { "trim 1000001", "trim, trim RECORDS" },
        { "trim 1 2", "trim, trim RECORDS" },
        { "cut_back", "cut_back RECORDS" },
        { "sync now", "it takes nothing" },
        { "append_strict",
          "there is no such operation; allowed: append, batch, echo, trim, cut_back, sync, rotate" },
        { "put_strict", "there is no such operation" }, /* of another subject */
    };
    struct kaya_scenario_mistake mistake;
    struct kaya_operation *operations;
    char text[256];
    size_t count;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "sync\n# so\n%s\nsync\n", rows[i].line);
        cr_expect(eq(int, parse(text, &operations, &count, &mistake), KAYA_INVALID), "%s", rows[i].line);
        cr_expect(eq(ptr, operations, NULL));
        cr_expect(eq(u32, mistake.line, 3), "%s: %s", rows[i].line, mistake.text);
        cr_expect(eq(int, strncmp(mistake.text, "it.workload:3: ", 15), 0), "%s", mistake.text);
        cr_expect(ne(ptr, strstr(mistake.text, rows[i].said), NULL), "%s: %s", rows[i].line, mistake.text);
    }
    cr_expect(eq(int, parse("# nothing\n", &operations, &count, &mistake), KAYA_INVALID));
    cr_expect(ne(ptr, strstr(mistake.text, "it.workload:1: there is no operation"), NULL), "%s", mistake.text);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[SCRATCH_PATH_BYTES + 10];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "w");
    cr_assert(ne(ptr, file, NULL));
    fputs(text, file);
    fclose(file);
}

#define STORY "story: x\nname: y\ncrash: {endings: {close: 1}}\n"

Test(workload_file, stands_beside_the_scenario_that_names_it)
{
    char folder[SCRATCH_PATH_BYTES];
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;
    char path[SCRATCH_PATH_BYTES + 10];
    char expected[SCRATCH_PATH_BYTES + 20];

    cr_assert(kaya_tests_scratch_make(folder));
    snprintf(path, sizeof path, "%s/y.yaml", folder);
    write_file(folder, "y.yaml", STORY "workload_file: w\n");
    cr_expect(eq(int, kaya_scenario_load(path, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(u32, mistake.line, 4));
    cr_expect(eq(str, mistake.key, "workload_file"));

    write_file(folder, "w", "append 7 strict\nsync\n");
    cr_assert(eq(int, kaya_scenario_load(path, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
    cr_expect(eq(sz, scenario.script_length, 2));
    cr_expect(eq(u32, scenario.script[0].lengths[0], 7));
    kaya_scenario_release(&scenario);
    cr_expect(eq(ptr, (void *)(uintptr_t)scenario.script, NULL));

    write_file(folder, "w", "append 7 strict\nsink\n");
    cr_expect(eq(int, kaya_scenario_load(path, &scenario, &mistake), KAYA_INVALID));
    snprintf(expected, sizeof expected, "%s/w:2: sink: ", folder);
    cr_expect(eq(int, strncmp(mistake.text, expected, strlen(expected)), 0), "%s", mistake.text);

    write_file(folder, "w", "sync\n");
    write_file(folder, "y.yaml", STORY "workload_file: w\nworkload: {sync: 1}\n");
    cr_expect(eq(int, kaya_scenario_load(path, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(u32, mistake.line, 5));
    cr_expect(ne(ptr, strstr(mistake.text, "none where there is a workload_file"), NULL), "%s", mistake.text);
    kaya_tests_scratch_remove(folder);
}

/* A text that is no file knows those that come with the program, and no other. */
Test(workload_file, of_scenarios_that_come_along_comes_along)
{
    static const char known[] = STORY "workload_file: recorded-sqlite.workload\n";
    static const char unknown[] = STORY "workload_file: other.workload\n";
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;

    cr_assert(eq(int, kaya_scenario_parse("y.yaml", known, strlen(known), &scenario, &mistake), KAYA_OK),
              "%s", mistake.text);
    cr_expect(lt(sz, 1000, scenario.script_length));
    kaya_scenario_release(&scenario);
    cr_expect(eq(int, kaya_scenario_parse("y.yaml", unknown, strlen(unknown), &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(u32, mistake.line, 4));
}
