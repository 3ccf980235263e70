/* What every architecture must agree on, as text to be compared.
 *
 *   witness run SEEDS      each scenario over so many seeds: its digest
 *   witness each SCENARIO SEEDS, witness trace SCENARIO SEED
 *                          where digests differ: in which seed, and at which event
 *   witness explore N      each small log, crashed at every call with up to N outcomes: its digest
 *   witness write DIR      a log on real files: every kind of record, several segments, a trim, left without a close
 *   witness read DIR       how the log is found, and each of its records
 *   witness continue DIR   recover the log, append, close
 *
 * Logs are written with numbers in place of random bytes, so that they are equal byte for byte as well. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/inspect.h"
#include "kaya/posix.h"
#include "kaya/reader.h"
#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/run.h"
#include "kaya/scenarios/runner.h"
#include "kaya/scenarios/small_log.h"
#include "kaya/sim/explore.h"
#include "kaya/wal.h"
#include "witness.h"

enum { SEGMENT_BYTES = 8192, BLOCK_BYTES = 512, PAYLOAD_BYTES_MAX = 3000, MEMBERS = 3 };

static void check(enum kaya_status status, const char *what)
{
    if (status == KAYA_OK)
        return;
    fprintf(stderr, "witness: %s: %s\n", what, kaya_status_text(status));
    exit(1);
}

/* --- The simulator --- */

static int run(uint64_t seed_count)
{
    static struct kaya_runner_report report;
    int code = 0;

    for (size_t i = 0; i < kaya_witness_scenario_count; i++) {
        const struct kaya_scenario *scenario = &kaya_witness_scenarios[i];
        struct kaya_runner_options options = { .scenario = scenario, .first_seed = 1, .seed_count = seed_count };

        fflush(stdout);
        check(kaya_runner_run(&options, &report), scenario->name);
        printf("%s 0x%016" PRIx64 "\n", scenario->name, report.digest);
        for (size_t kept = 0; kept < report.violations_kept; kept++)
            fprintf(stderr, "witness: %s seed %" PRIu64 ": %s %s\n", scenario->name, report.violations[kept].seed,
                    report.violations[kept].violation.promise, report.violations[kept].violation.what);
        code |= report.violation_count > 0 || !report.is_deterministic;
    }
    return code;
}

static void print_event(void *user, const struct kaya_trace_event *event)
{
    kaya_trace_print_event(event, user);
}

/* Seeds one after another, each with its digest; all events of each where `traced`. */
static int play(const char *name, uint64_t first, uint64_t last, bool traced)
{
    struct kaya_stage *stage = kaya_stage_create(0);
    const struct kaya_scenario *scenario = kaya_witness_scenarios;
    const struct kaya_scenario *end = scenario + kaya_witness_scenario_count;
    struct kaya_run_result result;

    while (scenario < end && strcmp(scenario->name, name) != 0)
        scenario++;
    if (stage == NULL || scenario == end) {
        fprintf(stderr, "witness: no scenario %s, or no memory\n", name);
        return 2;
    }
    if (traced)
        kaya_trace_listen(kaya_stage_trace(stage), print_event, stdout);
    for (; first <= last; first++) {
        check(kaya_stage_play(stage, scenario, first, &result), name);
        printf("%" PRIu64 " 0x%016" PRIx64 " %s\n", first, result.digest, result.violation.promise);
    }
    kaya_stage_destroy(stage);
    return 0;
}

static int explore(uint64_t outcome_count)
{
    size_t count;
    const struct kaya_small_log *logs = kaya_small_logs(&count);
    int code = 0;

    for (size_t i = 0; i < count; i++) {
        struct kaya_explore_options options = { .profile = logs[i].plan.profile,
                                                .create_subject = kaya_small_log_subject,
                                                .user = (void *)(uintptr_t)&logs[i],
                                                .crash_depth = 1,
                                                .process_crashes = true,
                                                .outcomes_per_point_max = outcome_count };
        struct kaya_explore_result result;
        const struct kaya_explore_report *report = &result.report;

        check(kaya_explore(&options, &result), logs[i].name);
        printf("%s 0x%016" PRIx64 " states %" PRIu64 " distinct %" PRIu64 "\n", logs[i].name, report->digest,
               report->states, report->distinct);
        code |= report->violations > 0;
    }
    return code;
}

/* --- A log on real files --- */

static enum kaya_status count_up(struct kaya_runtime *runtime, void *bytes, size_t length)
{
    static unsigned char next;

    (void)runtime;
    for (size_t i = 0; i < length; i++)
        ((unsigned char *)bytes)[i] = ++next;
    return KAYA_OK;
}

static struct kaya_wal_environment environment_of(const char *directory)
{
    static struct kaya_runtime_operations operations;
    static struct kaya_runtime runtime = { &operations };
    struct kaya_wal_environment environment = { .runtime = &runtime, .allocator = kaya_posix_allocator() };

    operations = *kaya_posix_runtime()->operations;
    operations.random = count_up;
    check(kaya_posix_disk_create(directory, true, &environment.disk), directory);
    return environment;
}

static struct kaya_wal_writer *open_log(const struct kaya_wal_environment *environment)
{
    struct kaya_wal_config config = { .segment_bytes = SEGMENT_BYTES, .block_bytes = BLOCK_BYTES };
    struct kaya_wal_writer *log;

    check(kaya_wal_writer_open(environment, &config, &log, NULL), "open");
    return log;
}

/* The `number`th payload: from nothing to several blocks, of all types. */
static struct kaya_wal_payload payload_of(uint64_t number, unsigned char *bytes)
{
    struct kaya_wal_payload payload = { .type = (enum kaya_wal_record_type)(KAYA_RECORD_PUT + number % 4),
                                        .bytes = bytes,
                                        .length = number % 8 == 7 ? (number * 617) % PAYLOAD_BYTES_MAX
                                                                  : (number * 37) % 300 };

    kaya_payload_fill(kaya_payload_key(1, number), bytes, payload.length);
    return payload;
}

static void append(struct kaya_wal_writer *log, uint64_t number)
{
    static unsigned char bytes[MEMBERS][PAYLOAD_BYTES_MAX];
    enum kaya_durability_mode mode = number % 3 == 0 ? KAYA_STRICT : KAYA_RELAXED;
    struct kaya_wal_payload payloads[MEMBERS] = { payload_of(number, bytes[0]) };

    if (number % 5 != 4) {
        check(kaya_wal_writer_append(log, &payloads[0], mode, NULL), "append");
        return;
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        payloads[i] = payload_of(number + i, bytes[i]);
        payloads[i].length %= 200;
    }
    check(kaya_wal_writer_append_batch(log, payloads, MEMBERS, mode, NULL, NULL), "append a batch");
}

static void append_many(struct kaya_wal_writer *log, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        append(log, from);
}

static int write_log(const char *directory)
{
    struct kaya_wal_environment environment = environment_of(directory);
    struct kaya_wal_writer *log = open_log(&environment);

    append_many(log, 0, 70);
    check(kaya_wal_writer_sync(log), "sync");
    check(kaya_wal_writer_truncate_before(log, 40, NULL), "trim");
    append_many(log, 70, 110);
    check(kaya_wal_writer_close(log), "close");
    log = open_log(&environment);
    append_many(log, 110, 122); /* the last ones are relaxed */
    fflush(stdout);
    _Exit(0); /* as if killed */
}

static int continue_log(const char *directory)
{
    struct kaya_wal_environment environment = environment_of(directory);
    struct kaya_wal_writer *log = open_log(&environment);

    append_many(log, 1000, 1030);
    check(kaya_wal_writer_truncate_before(log, kaya_wal_writer_durable_lsn(log) - 10, NULL), "trim");
    check(kaya_wal_writer_close(log), "close");
    kaya_posix_disk_destroy(environment.disk);
    return 0;
}

static uint64_t hash_of(const struct kaya_wal_record *record)
{
    return kaya_payload_hash(record->bytes, record->length);
}

static void print_report(const struct kaya_wal_recovery_report *report)
{
    printf("%s, epoch %" PRIu64 ", records %" PRIu64 "..%" PRIu64 " in %" PRIu64 " segments, end %" PRIu64
           ":%" PRIu64 ", claim %" PRIu64 ":%" PRIu64 ", unvouched %" PRIu64 ", closed %d, log",
           kaya_wal_verdict_name(report->verdict), report->epoch, report->first_lsn, report->last_lsn,
           report->segment_count, report->segment, report->end_offset, report->claim_segment,
           report->claim_offset, report->unvouched_bytes, report->closed_cleanly);
    for (size_t i = 0; i < sizeof report->log_id.bytes; i++)
        printf(" %02x", report->log_id.bytes[i]);
    printf("\n");
}

static int read_log(const char *directory)
{
    struct kaya_wal_environment environment = environment_of(directory);
    struct kaya_wal_recovery_report report;
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    enum kaya_status status;

    check(kaya_wal_reader_open(&environment, NULL, &reader, &report), directory);
    print_report(&report);
    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        printf("%" PRIu64 " %s %zu 0x%016" PRIx64 "%s%s%s at %" PRIu64 ":%" PRIu64 "\n", record.lsn,
               kaya_wal_record_type_name(record.type), record.length, hash_of(&record),
               record.in_batch ? " batch" : "", record.ends_batch ? " end" : "",
               record.durable ? " durable" : "", record.segment, record.offset_bytes);
    kaya_wal_reader_close(reader);
    check(status == KAYA_END ? KAYA_OK : status, "read");
    kaya_posix_disk_destroy(environment.disk);
    return 0;
}

int main(int argc, char **argv)
{
    const char *command = argc == 3 ? argv[1] : "";

    if (argc == 4 && strcmp(argv[1], "each") == 0)
        return play(argv[2], 1, strtoull(argv[3], NULL, 10), false);
    if (argc == 4 && strcmp(argv[1], "trace") == 0)
        return play(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[3], NULL, 10), true);
    if (strcmp(command, "run") == 0)
        return run(strtoull(argv[2], NULL, 10));
    if (strcmp(command, "explore") == 0)
        return explore(strtoull(argv[2], NULL, 10));
    if (strcmp(command, "write") == 0)
        return write_log(argv[2]);
    if (strcmp(command, "read") == 0)
        return read_log(argv[2]);
    if (strcmp(command, "continue") == 0)
        return continue_log(argv[2]);
    fprintf(stderr,
            "usage: witness run SEEDS | each SCENARIO SEEDS | trace SCENARIO SEED | explore N | write DIR | read DIR | continue DIR\n");
    return 2;
}
