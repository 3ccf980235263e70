/* bench: what a device can do, and what the log makes of it.
 *
 * Every kind of work is an arm: a method, a record size, a number of threads. All take short slices in turns, round by round, so that they
 * meet the same device and the same neighbours; what an arm is compared with (the bare loop with the same method and record size) is measured in
 * each round too, and the ratio of a round is what repeats. The scan of recovery comes last, in pairs with read().
 *
 * It never touches what it did not make: the directory must be empty or not there, and what is removed at the end are the folders that were
 * made in it. A log that is being measured is a log like any other; a crash leaves files that nobody needs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kaya-wal/bench_figures.h"
#include "kaya/posix.h"
#include "measure/slice.h"

enum {
    ROUNDS_WANTED = 21,
    SLICE_NS_MIN = 4000000,
    SLICE_NS_MAX = 1000000000,
    SCAN_BYTES = 64 * 1024 * 1024,
    SCAN_RECORDS_MAX = 1000000,
    SCAN_PAIRS_MAX = 31,
    PATH_BYTES = 4096,
    REMOVE_DESCRIPTORS = 16,
    LOOK_BYTES = 100,
    LOOK_RECORDS = 4,
    LOOK_NS_MAX = 1000000000,
};
static const double SECONDS_MIN = 1, SECONDS_MAX = 3600, SECONDS_DEFAULT = 30;
static const double SHARE_OF_SCANS = 0.2; /* of the time */

/* --- the plan ------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct bench_options *options, const char *method)
{
    for (size_t i = 0; i < options->method_count; i++)
        if (strcmp(options->methods[i], method) == 0)
            return true;
    return options->method_count == 0;
}

static void add_source(struct bench *bench, const struct kaya_engine *engine, const char *method,
                       enum kaya_engine_mode mode, unsigned threads)
{
    bench->sources[bench->source_count++] =
        (struct bench_source){ .engine = engine, .method = method, .mode = mode, .threads = threads };
}

static void plan_sources(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    unsigned threads = options->threads[options->threads_count - 1];

    for (size_t i = 0; kaya_bare_method(i) != NULL; i++)
        if (is_wanted(options, kaya_bare_method(i)))
            add_source(bench, &kaya_engine_bare, kaya_bare_method(i), KAYA_ENGINE_STRICT, 1);
    add_source(bench, &kaya_engine_bare, NULL, KAYA_ENGINE_RELAXED, 1);
    add_source(bench, &kaya_engine_bare, NULL, KAYA_ENGINE_BUFFERED, 1);
    for (unsigned i = 0; i < KAYA_POSIX_SYNC_METHOD_COUNT; i++)
        if (is_wanted(options, kaya_posix_sync_method_name((enum kaya_posix_sync_method)i)))
            add_source(bench, &kaya_engine_log, kaya_posix_sync_method_name((enum kaya_posix_sync_method)i),
                       KAYA_ENGINE_STRICT, threads);
    add_source(bench, &kaya_engine_log, NULL, KAYA_ENGINE_SUBMITTED, 1);
    add_source(bench, &kaya_engine_log, NULL, KAYA_ENGINE_RELAXED, 1);
    add_source(bench, &kaya_engine_log, NULL, KAYA_ENGINE_BUFFERED, 1);
}

/* The bare loop in the same mode and with the same method; where there is none (a method of the log's own), with the first. */
static const struct bench_arm *reference_of(const struct bench *bench, const struct bench_source *source,
                                            size_t record_bytes)
{
    enum kaya_engine_mode mode = source->mode == KAYA_ENGINE_SUBMITTED ? KAYA_ENGINE_STRICT : source->mode;
    const struct bench_arm *found = NULL;

    for (size_t i = 0; i < bench->arm_count; i++) {
        const struct bench_arm *arm = &bench->arms[i];

        if (arm->source->engine != &kaya_engine_bare || arm->record_bytes != record_bytes ||
            arm->source->mode != mode)
            continue;
        if (found == NULL || (source->method != NULL && arm->source->method != NULL &&
                              strcmp(arm->source->method, source->method) == 0))
            found = arm;
    }
    return found;
}

static void add_arm(struct bench *bench, const struct bench_source *source, size_t record_bytes, unsigned threads)
{
    struct bench_arm *arm = &bench->arms[bench->arm_count];

    if (bench->arm_count == BENCH_ARMS_MAX)
        return;
    arm->source = source;
    arm->record_bytes = record_bytes;
    arm->threads = threads;
    arm->reference = source->engine == &kaya_engine_log ? reference_of(bench, source, record_bytes) : NULL;
    bench->arm_count++;
}

/* Every number of threads with the first method of the log, one thread with the others. */
static void plan_arms(struct bench *bench)
{
    const struct bench_options *options = bench->options;
    const struct bench_source *first = NULL;

    for (size_t i = 0; i < bench->source_count; i++) {
        const struct bench_source *source = &bench->sources[i];
        bool is_log = source->engine == &kaya_engine_log && source->mode == KAYA_ENGINE_STRICT;

        if (source->handle == NULL)
            continue;
        if (is_log && first == NULL)
            first = source;
        for (size_t size = 0; size < options->size_count; size++) {
            if (source != first)
                add_arm(bench, source, options->sizes[size], 1);
            for (size_t threads = 0; source == first && threads < options->threads_count; threads++)
                add_arm(bench, source, options->sizes[size], options->threads[threads]);
        }
    }
}

/* --- the directory -------------------------------------------------------------------------------------------------- */

static void path_of(const struct bench *bench, const char *name, size_t number, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s-%zu", bench->options->common.path, name, number);
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place)
{
    (void)facts;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, REMOVE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    if (directory == NULL)
        return false;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(directory);
    return count == 0;
}

static bool claim_directory(const char *path, bool *made)
{
    *made = mkdir(path, 0700) == 0;
    if (*made)
        return true;
    if (errno != EEXIST) {
        kaya_complain("%s: %s", path[0] == '\0' ? "an empty name names no directory" : path, strerror(errno));
        return false;
    }
    if (!is_empty(path)) {
        kaya_complain(
            "%s: not an empty directory; bench works in one that is empty or not there, and leaves it so", path);
        return false;
    }
    return true;
}

/* --- measuring ------------------------------------------------------------------------------------------------------ */

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = ask_to_stop };

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

static void progress(const char *what, size_t number)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (what != NULL)
        fprintf(stderr, "\r\033[K%s %zu ", what, number);
    else
        fputs("\r\033[K", stderr);
}

/* One that the system or the file system does not have is no mistake: the table says so. */
static void open_sources(struct bench *bench)
{
    for (size_t i = 0; i < bench->source_count && !stop_asked; i++) {
        struct bench_source *source = &bench->sources[i];
        char path[PATH_BYTES];
        struct kaya_engine_plan plan = {
            .directory = path, .method = source->method, .mode = source->mode, .threads = source->threads
        };

        progress("preparing", i + 1);
        path_of(bench, "source", i, path);
        source->error = mkdir(path, 0700) == 0 ? source->engine->open(&plan, &source->handle) : strerror(errno);
    }
}

static void close_sources(struct bench *bench)
{
    for (size_t i = 0; i < bench->source_count; i++) {
        struct bench_source *source = &bench->sources[i];
        char path[PATH_BYTES];

        if (source->handle != NULL)
            source->engine->close(source->handle);
        path_of(bench, "source", i, path);
        remove_tree(path);
    }
}

static bool say_failed(const struct bench_source *source, const char *error)
{
    progress(NULL, 0);
    kaya_complain("%s (%s): %s", source->engine->name, source->method != NULL ? source->method : "relaxed",
                  error);
    return false;
}

/* Is each flush answered at the next tick only? Four bare appends tell, where there is a bare loop. */
static bool finds_ticks(const struct bench *bench)
{
    static const struct kaya_slice look = {
        .threads = 1, .record_bytes = LOOK_BYTES, .nanoseconds = LOOK_NS_MAX, .records_max = LOOK_RECORDS
    };
    struct kaya_histogram latencies = { 0 };
    struct kaya_slice_result result;

    for (size_t i = 0; i < bench->source_count; i++) {
        const struct bench_source *source = &bench->sources[i];

        if (source->engine == &kaya_engine_bare && source->mode == KAYA_ENGINE_STRICT && source->handle != NULL)
            return kaya_slice_run(source->engine, source->handle, &look, &result, &latencies) == NULL &&
                   kaya_bench_is_tick(&latencies);
    }
    return false;
}

static bool run_slice(const struct bench_arm *arm, uint64_t nanoseconds, struct kaya_slice_result *result,
                      struct kaya_histogram *latencies)
{
    struct kaya_slice slice = { .threads = arm->threads,
                                .record_bytes = arm->record_bytes,
                                .nanoseconds = nanoseconds,
                                .stride = kaya_slice_stride(arm->source->mode) };
    const char *error;

    if (arm->source->mode == KAYA_ENGINE_RELAXED || arm->source->mode == KAYA_ENGINE_BUFFERED)
        slice.records_max = kaya_slice_records_max(arm->record_bytes);
    error = kaya_slice_run(arm->source->engine, arm->source->handle, &slice, result, latencies);
    return error == NULL || say_failed(arm->source, error);
}

/* *ticks: were there any before it; and behind it. */
static bool run_counted(const struct bench *bench, struct bench_arm *arm, uint64_t nanoseconds, size_t round,
                        bool *ticks)
{
    struct kaya_histogram latencies = { 0 };
    struct kaya_slice_result result;
    bool were = *ticks;
    bool aside;

    if (!run_slice(arm, nanoseconds, &result, &latencies))
        return false;
    *ticks = finds_ticks(bench);
    aside = kaya_bench_is_durable(arm) &&
            (were || *ticks || (arm->threads == 1 && kaya_bench_is_tick(&latencies)));
    arm->rates[round] = (double)result.records / result.seconds;
    arm->is_aside[round] = aside;
    arm->records[aside] += result.records;
    kaya_histogram_add(&arm->latencies[aside], &latencies);
    return true;
}

/* Another arm begins in each round. What was asked to stop gives no figure: the round does not count. */
static bool run_round(struct bench *bench, uint64_t nanoseconds, size_t round)
{
    bool ticks = finds_ticks(bench);

    for (size_t i = 0; i < bench->arm_count && !stop_asked; i++) {
        struct bench_arm *arm = &bench->arms[(i + round) % bench->arm_count];

        if (!run_counted(bench, arm, nanoseconds, round, &ticks))
            return false;
    }
    return true;
}

/* Nobody's first time counts. */
static bool warm_up(struct bench *bench, uint64_t nanoseconds)
{
    struct kaya_slice_result unseen;

    for (size_t i = 0; i < bench->arm_count && !stop_asked; i++)
        if (!run_slice(&bench->arms[i], nanoseconds, &unseen, NULL))
            return false;
    return true;
}

/* The first round, which is not counted, tells how long the others take; then as many as the time holds. */
static bool run_rounds(struct bench *bench, uint64_t until_ns)
{
    uint64_t began_ns = kaya_clock_ns();
    uint64_t share_ns =
        until_ns > began_ns ? (until_ns - began_ns) / (bench->arm_count * (ROUNDS_WANTED + 1)) : 0;
    uint64_t slice_ns = share_ns < SLICE_NS_MIN   ? SLICE_NS_MIN
                        : share_ns > SLICE_NS_MAX ? SLICE_NS_MAX
                                                  : share_ns;
    uint64_t round_ns;

    if (!warm_up(bench, slice_ns))
        return false;
    round_ns = kaya_clock_ns() - began_ns;
    for (size_t round = 0; round < BENCH_ROUNDS_MAX && !stop_asked; round++) {
        uint64_t before_ns = kaya_clock_ns();

        if (round > 0 && before_ns + round_ns > until_ns)
            break;
        progress("round", round + 1);
        if (!run_round(bench, slice_ns, round))
            return false;
        bench->round_count += !stop_asked;
        round_ns = kaya_clock_ns() - before_ns;
    }
    return true;
}

static const char *timed_scan(const struct kaya_engine *engine, const char *path, uint64_t *records,
                              double *seconds)
{
    uint64_t began_ns = kaya_clock_ns();
    const char *error = engine->scan(path, records);

    *seconds = (double)(kaya_clock_ns() - began_ns) / 1e9;
    return error;
}

static const char *run_pairs(struct bench_scan *scan, const char *log_path, const char *bare_path,
                             uint64_t until_ns)
{
    const char *error = NULL;
    uint64_t nothing;
    double unseen;

    error = timed_scan(&kaya_engine_log, log_path, &scan->records, &unseen); /* nobody's first time counts */
    while (error == NULL && !stop_asked && scan->pair_count < SCAN_PAIRS_MAX &&
           (scan->pair_count < 3 || kaya_clock_ns() < until_ns)) {
        error = timed_scan(&kaya_engine_bare, bare_path, &nothing, &scan->bare_seconds[scan->pair_count]);
        if (error == NULL)
            error = timed_scan(&kaya_engine_log, log_path, &scan->records, &scan->log_seconds[scan->pair_count]);
        scan->pair_count += error == NULL;
    }
    return error;
}

static const char *scan_one(struct bench *bench, size_t number, uint64_t until_ns)
{
    struct bench_scan *scan = &bench->scans[number];
    char log_path[PATH_BYTES], bare_path[PATH_BYTES];
    const char *error = NULL;

    progress("recovery scan", number + 1);
    scan->record_bytes = bench->options->sizes[number];
    scan->bytes = scan->record_bytes * (uint64_t)SCAN_RECORDS_MAX;
    if (scan->bytes > SCAN_BYTES)
        scan->bytes = SCAN_BYTES;
    path_of(bench, "scan-log", number, log_path);
    path_of(bench, "scan-bare", number, bare_path);
    if (mkdir(log_path, 0700) != 0 || mkdir(bare_path, 0700) != 0)
        error = strerror(errno);
    if (error == NULL)
        error = kaya_engine_log.fill(log_path, scan->record_bytes, scan->bytes);
    if (error == NULL)
        error = kaya_engine_bare.fill(bare_path, scan->record_bytes, scan->bytes);
    if (error == NULL)
        error = run_pairs(scan, log_path, bare_path, until_ns);
    remove_tree(log_path);
    remove_tree(bare_path);
    return error;
}

static bool run_scans(struct bench *bench, uint64_t until_ns)
{
    for (size_t i = 0; i < bench->options->size_count && !stop_asked; i++) {
        uint64_t now_ns = kaya_clock_ns();
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        const char *error = scan_one(bench, i, now_ns + left_ns / (bench->options->size_count - i));

        if (error != NULL) {
            progress(NULL, 0);
            kaya_complain("the recovery scan: %s", error);
            return false;
        }
        bench->scan_count += bench->scans[i].pair_count > 0;
    }
    return true;
}

static bool measure(struct bench *bench)
{
    uint64_t began_ns = kaya_clock_ns();
    uint64_t time_ns = (uint64_t)(bench->options->seconds * 1e9);
    uint64_t scans_ns = (uint64_t)(bench->options->seconds * SHARE_OF_SCANS * 1e9);
    bool good;

    plan_sources(bench);
    open_sources(bench);
    plan_arms(bench);
    good = bench->arm_count > 0 && kaya_bench_plot_open(bench) &&
           run_rounds(bench, began_ns + time_ns - scans_ns);
    kaya_bench_settle(bench);
    close_sources(bench);
    good = good && run_scans(bench, began_ns + time_ns);
    progress(NULL, 0);
    bench->seconds = (double)(kaya_clock_ns() - began_ns) / 1e9;
    bench->was_stopped = stop_asked != 0;
    return good;
}

static int tell(struct bench *bench)
{
    int code = bench->was_stopped ? KAYA_EXIT_PARTLY : KAYA_EXIT_DONE;

    if (bench->round_count == 0) {
        kaya_complain("stopped before anything was measured");
        return KAYA_EXIT_OTHER;
    }
    if (bench->options->common.json)
        kaya_bench_print_json(bench);
    else
        kaya_bench_print(bench);
    if (!kaya_bench_plot(bench))
        code = KAYA_EXIT_OTHER;
    if (kaya_output_flush() == KAYA_OUTPUT_FAILED)
        code = KAYA_EXIT_OTHER;
    return code;
}

static int run(const struct bench_options *options)
{
    struct bench *bench = calloc(1, sizeof *bench);
    bool made;
    int code = KAYA_EXIT_OTHER;

    if (bench != NULL)
        bench->arms = calloc(BENCH_ARMS_MAX, sizeof *bench->arms);
    if (bench == NULL || bench->arms == NULL) {
        kaya_complain("no memory");
        goto done;
    }
    bench->options = options;
    if (!claim_directory(options->common.path, &made))
        goto done;
    catch_signals();
    if (measure(bench))
        code = tell(bench);
    if (made)
        (void)rmdir(options->common.path);
done:
    if (bench != NULL) {
        if (bench->svg != NULL)
            (void)fclose(bench->svg);
        free(bench->arms);
    }
    free(bench);
    return code;
}

/* --- options -------------------------------------------------------------------------------------------------------- */

enum { OPTION_TIME = 0x100, OPTION_RECORDS, OPTION_THREADS, OPTION_METHODS, OPTION_SVG };

static const struct argp_option argp_options[] = {
    { "time", OPTION_TIME, "SECONDS", 0, "About how long it takes in all (default 30)", 0 },
    { "records", OPTION_RECORDS, "SIZE,...", 0, "Record sizes; up to 64K (default 100,1K)", 0 },
    { "threads", OPTION_THREADS, "N,...", 0, "Numbers of threads that append; up to 64 (default 1,4,16)", 0 },
    { "methods", OPTION_METHODS, "NAME,...", 0,
      "Ways to make a write durable: fdatasync, fsync, dsync, direct-fdatasync, direct-dsync, io_uring (default: each that "
      "works here)",
      0 },
    { "svg", OPTION_SVG, "FILE", 0,
      "Draw latency against threads into FILE; nothing is written over but an older picture", 0 },
    { "json", KAYA_OPTION_JSON, NULL, 0,
      "One object for each kind of work (item \"device\", \"log\", \"scan\"), then one with what all have in common (item "
      "\"bench\")",
      0 },
    { 0 },
};

static error_t parse_time(struct argp_state *state, const char *text, double *seconds)
{
    char *end;

    *seconds = strtod(text, &end);
    if (end != text && *end == 0 && *seconds >= SECONDS_MIN && *seconds <= SECONDS_MAX)
        return 0;
    argp_error(state, "--time: '%s' is not a number of seconds from %g to %g", text, SECONDS_MIN, SECONDS_MAX);
    return EINVAL;
}

/* Each word between commas; `text` is cut up. */
static error_t parse_records(struct argp_state *state, char *text, struct bench_options *options)
{
    options->size_count = 0;
    for (const char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        uint64_t bytes;

        if (!kaya_parse_size(word, &bytes) || bytes == 0 || bytes > KAYA_ENGINE_RECORD_BYTES_MAX ||
            options->size_count == BENCH_SIZES_MAX) {
            argp_error(state, "--records: '%s' is not one of up to %d sizes from 1 to %d bytes (as 100 or 4K)",
                       word, BENCH_SIZES_MAX, KAYA_ENGINE_RECORD_BYTES_MAX);
            return EINVAL;
        }
        options->sizes[options->size_count++] = (size_t)bytes;
    }
    if (options->size_count == 0)
        argp_error(state, "--records: which sizes?");
    return 0;
}

static error_t parse_threads(struct argp_state *state, char *text, struct bench_options *options)
{
    unsigned last = 0;

    options->threads_count = 0;
    for (const char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        uint64_t count;

        if (!kaya_parse_number(word, &count) || count <= last || count > KAYA_ENGINE_THREADS_MAX ||
            options->threads_count == BENCH_THREADS_MAX) {
            argp_error(state, "--threads: '%s' is not one of up to %d rising numbers from 1 to %d", word,
                       BENCH_THREADS_MAX, KAYA_ENGINE_THREADS_MAX);
            return EINVAL;
        }
        last = (unsigned)count;
        options->threads[options->threads_count++] = last;
    }
    if (options->threads_count == 0)
        argp_error(state, "--threads: how many?");
    return 0;
}

static bool is_method(const char *name)
{
    enum kaya_posix_sync_method unused;

    for (size_t i = 0; kaya_bare_method(i) != NULL; i++)
        if (strcmp(kaya_bare_method(i), name) == 0)
            return true;
    return kaya_posix_sync_method_find(name, &unused);
}

static error_t parse_methods(struct argp_state *state, char *text, struct bench_options *options)
{
    options->method_count = 0;
    for (const char *word = strtok(text, ","); word != NULL; word = strtok(NULL, ",")) {
        if (!is_method(word) || options->method_count == BENCH_METHODS_MAX) {
            argp_error(state, "--methods: there is no '%s'; see --help", word);
            return EINVAL;
        }
        options->methods[options->method_count++] = word;
    }
    if (options->method_count == 0)
        argp_error(state, "--methods: which?");
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct bench_options *options = state->input;

    switch (key) {
    case OPTION_TIME:
        return parse_time(state, argument, &options->seconds);
    case OPTION_RECORDS:
        return parse_records(state, argument, options);
    case OPTION_THREADS:
        return parse_threads(state, argument, options);
    case OPTION_METHODS:
        return parse_methods(state, argument, options);
    case OPTION_SVG:
        options->svg_path = argument;
        return 0;
    default:
        return kaya_parse_common(key, argument, state, &options->common);
    }
}

int kaya_command_bench(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR",
        .doc =
            "Measure how fast the device below DIR makes records durable, and what the log makes of it. DIR must be empty or not "
            "there; it is left as it was, and needs up to 1 GB in between.\n\n"
            "First bare loops: one thread that writes a record behind the last one in a file that was written through before, and makes it "
            "durable, by every method that works here. No log can be faster than that with one thread. Then the log: strict (each record "
            "durable before the call returns) with one thread and with many, who share syncs; submitted (strict, without waiting for each); "
            "relaxed (the operating system has it); buffered (the log's memory has it); and how fast recovery reads a log back. The last column is the log's part of the bare loop with the same method: the median of "
            "interleaved pairs, in brackets the quartiles. That repeats from hour to hour; absolute figures need not. Slices around which the device "
            "answers each flush at the next tick of 4 ms only, as some do for a while, are left out.\v"
            "Example:\n"
            "  kaya-wal bench /var/lib/app/bench --time 60 --svg latency.svg\n"
            "\n"
            "Put DIR where the log will stand: a file system in memory says nothing about a disk. A median far below what one flush of "
            "your device can take means that it does not flush.\n"
            "\n"
            "Exit codes:\n"
            "  0  measured\n"
            "  1  stopped by a signal: the figures are of the rounds before it\n"
            "  3  anything else: usage, DIR is not empty, the disk is full, an I/O error",
    };
    struct bench_options options = {
        .seconds = SECONDS_DEFAULT,
        .sizes = { 100, 1024 },
        .size_count = 2,
        .threads = { 1, 4, 16 },
        .threads_count = 3,
    };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
