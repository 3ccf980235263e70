/* Many runs.
 *
 * Workers are processes: a failed assertion in the code under test ends one run, not all. They take seeds in small chunks
 * from a shared counter and add up on a board of their own in shared memory; the parent watches, and starts another
 * worker where one died, which goes on behind the run that killed it.
 *
 * Everything that is reported is a sum, a minimum, or kept in the order of seeds, so that it does not depend on which worker
 * did what (but for the seconds). The digest over all runs is a sum of mixed digests for the same reason.
 *
 * A worker that sits in one run for ALARM_SECONDS dies of SIGALRM: whatever loops without a disk call is caught, too. */
#include "kaya/scenarios/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/scenarios/clock.h"

enum {
    CHUNK_RUNS = 8,
    CHECK_TWICE_OF = 64,
    PROGRESS_MS = 100,
    ALARM_SECONDS = 60,
    DEATHS_MAX = KAYA_VIOLATIONS_KEPT,
    EVENTS_KEPT = 40
};

/* What one worker shows to the parent. */
struct board {
    struct kaya_runner_report sum;
    atomic_uint_fast64_t runs, crashes, violations; /* for progress */
    uint64_t chunk_next, chunk_end;                 /* runs of its chunk that are not begun */
    uint64_t seed;                                  /* of the run under way */
    bool failed;                                    /* it had no memory */
};

struct shared {
    atomic_uint_fast64_t next; /* the first run that no chunk holds */
    uint64_t run_count;
    struct board boards[];
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
}

/* --- Adding up --- */

static void add_faults(struct kaya_fault_counts *sum, const struct kaya_fault_counts *counts)
{
    for (int i = 0; i < KAYA_FAULTS; i++) {
        sum->drawn[i] += counts->drawn[i];
        sum->struck[i] += counts->struck[i];
    }
}

static void add_promises(struct kaya_promise_counts *sum, const struct kaya_promise_counts *counts)
{
    for (int i = 0; i < KAYA_PROMISES; i++)
        sum->checked[i] += counts->checked[i];
}

static void note_first(uint64_t *first, uint64_t run)
{
    if (*first == 0 || run < *first)
        *first = run;
}

static void add_run(struct kaya_runner_report *sum, uint64_t index, uint64_t seed,
                    const struct kaya_run_result *run)
{
    sum->runs++;
    sum->crashes += run->crashes;
    sum->recoveries += run->recoveries;
    sum->appended += run->appended;
    sum->acknowledged += run->acknowledged;
    sum->recovered += run->recovered;
    sum->digest += mix(run->digest ^ mix(seed));
    add_faults(&sum->faults, &run->faults);
    add_promises(&sum->promises, &run->promises);
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (run->faults.struck[i] > 0)
            note_first(&sum->first_struck[i], index + 1);
    for (uint64_t left = run->marks; left != 0; left &= left - 1)
        note_first(&sum->first_marked[__builtin_ctzll(left)], index + 1);
}

static void keep_violation(struct kaya_runner_report *report, const struct kaya_violation_report *violation)
{
    size_t at = report->violations_kept;

    if (at == KAYA_VIOLATIONS_KEPT && report->violations[at - 1].seed < violation->seed)
        return;
    at -= at == KAYA_VIOLATIONS_KEPT;
    for (; at > 0 && report->violations[at - 1].seed > violation->seed; at--)
        report->violations[at] = report->violations[at - 1];
    report->violations[at] = *violation;
    report->violations_kept += report->violations_kept < KAYA_VIOLATIONS_KEPT;
}

static void add_board(struct kaya_runner_report *report, const struct kaya_runner_report *sum)
{
    report->runs += sum->runs;
    report->crashes += sum->crashes;
    report->recoveries += sum->recoveries;
    report->appended += sum->appended;
    report->acknowledged += sum->acknowledged;
    report->recovered += sum->recovered;
    report->digest += sum->digest;
    report->violation_count += sum->violation_count;
    add_faults(&report->faults, &sum->faults);
    add_promises(&report->promises, &sum->promises);
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (sum->first_struck[i] != 0)
            note_first(&report->first_struck[i], sum->first_struck[i]);
    for (int i = 0; i < KAYA_MARKS; i++)
        if (sum->first_marked[i] != 0)
            note_first(&report->first_marked[i], sum->first_marked[i]);
    kaya_coverage_add(&report->coverage, &sum->coverage);
    for (size_t i = 0; i < sum->violations_kept; i++)
        keep_violation(report, &sum->violations[i]);
    if (!sum->is_deterministic && (report->is_deterministic || sum->differing_seed < report->differing_seed)) {
        report->is_deterministic = false;
        report->differing_seed = sum->differing_seed;
    }
}

/* --- A worker --- */

struct worker {
    const struct kaya_runner_options *options;
    struct shared *shared;
    struct board *board;
    struct kaya_stage *stage;
    struct kaya_stage *slow_stage; /* keeps events; made when first needed */
    double end_seconds;
};

static const char *name_of(const struct kaya_runner_options *options)
{
    return options->name != NULL ? options->name : options->scenario->name;
}

static void print_events(const struct kaya_trace *trace, char text[KAYA_EVENTS_TEXT_MAX])
{
    FILE *file = fmemopen(text, KAYA_EVENTS_TEXT_MAX, "w");

    if (file == NULL)
        return;
    kaya_trace_print(trace, file);
    fclose(file);
}

/* Play it again, slowly, for the report. */
static bool report_violation(struct worker *worker, uint64_t seed)
{
    struct kaya_runner_report *sum = &worker->board->sum;
    struct kaya_violation_report *violation;
    struct kaya_run_result result;
    bool done = false;

    sum->violation_count++;
    atomic_fetch_add(&worker->board->violations, 1);
    if (sum->violations_kept == KAYA_VIOLATIONS_KEPT)
        return true; /* a worker's seeds ascend */
    if (worker->slow_stage == NULL)
        worker->slow_stage = kaya_stage_create(EVENTS_KEPT);
    violation = calloc(1, sizeof *violation);
    if (worker->slow_stage == NULL || violation == NULL)
        goto out;
    violation->seed = seed;
    violation->line.seed = seed;
    strncpy(violation->line.scenario, name_of(worker->options), sizeof violation->line.scenario - 1);
    if (kaya_replay_measure(worker->slow_stage, worker->options->scenario, &violation->line, &result) != KAYA_OK)
        goto out;
    violation->violation = result.violation;
    print_events(kaya_stage_trace(worker->slow_stage), violation->events);
    keep_violation(sum, violation);
    done = true;
out:
    free(violation);
    return done;
}

static bool play(struct worker *worker, uint64_t index)
{
    struct board *board = worker->board;
    uint64_t seed = worker->options->first_seed + index;
    struct kaya_run_result result;
    struct kaya_run_result again;

    board->seed = seed;
    alarm(ALARM_SECONDS);
    kaya_stage_cover(worker->stage, &board->sum.coverage);
    if (kaya_stage_play(worker->stage, worker->options->scenario, seed, &result) != KAYA_OK)
        return false;
    kaya_stage_cover(worker->stage, NULL);
    if (mix(seed) % CHECK_TWICE_OF == 0) {
        if (kaya_stage_play(worker->stage, worker->options->scenario, seed, &again) != KAYA_OK)
            return false;
        if (board->sum.is_deterministic && again.digest != result.digest) {
            board->sum.is_deterministic = false;
            board->sum.differing_seed = seed;
        }
    }
    add_run(&board->sum, index, seed, &result);
    atomic_fetch_add(&board->runs, 1);
    atomic_fetch_add(&board->crashes, result.crashes);
    return !kaya_violation_is_set(&result.violation) || report_violation(worker, seed);
}

static bool take_chunk(struct worker *worker)
{
    struct board *board = worker->board;
    uint64_t first = atomic_fetch_add(&worker->shared->next, CHUNK_RUNS);

    if (first >= worker->shared->run_count)
        return false;
    board->chunk_next = first;
    board->chunk_end = first + CHUNK_RUNS;
    if (board->chunk_end > worker->shared->run_count)
        board->chunk_end = worker->shared->run_count;
    return true;
}

static void work(struct worker *worker)
{
    struct board *board = worker->board;

    worker->stage = kaya_stage_create(0);
    board->failed = worker->stage == NULL;
    while (!board->failed && (board->chunk_next < board->chunk_end || take_chunk(worker))) {
        if (worker->end_seconds > 0 && kaya_clock_seconds() >= worker->end_seconds)
            break;
        board->failed = !play(worker, board->chunk_next++);
    }
    kaya_stage_destroy(worker->stage);
    kaya_stage_destroy(worker->slow_stage);
}

/* --- The parent --- */

struct parent {
    const struct kaya_runner_options *options;
    struct shared *shared;
    size_t shared_bytes;
    unsigned job_count;
    unsigned deaths;
    double start_seconds;
    pid_t pids[KAYA_JOBS_MAX];
    struct pollfd watched[KAYA_JOBS_MAX]; /* a pipe that closes when the worker ends */
};

static enum kaya_status start_worker(struct parent *parent, unsigned job)
{
    struct worker worker = { .options = parent->options,
                             .shared = parent->shared,
                             .board = &parent->shared->boards[job],
                             .end_seconds = parent->options->seconds_max > 0
                                                ? parent->start_seconds + parent->options->seconds_max
                                                : 0 };
    int ends[2];

    parent->watched[job].fd = -1;
    if (pipe(ends) != 0)
        return KAYA_LIMIT;
    parent->pids[job] = fork();
    if (parent->pids[job] == 0) {
        close(ends[0]);
        work(&worker);
        _exit(0);
    }
    close(ends[1]);
    if (parent->pids[job] < 0) {
        close(ends[0]);
        return KAYA_LIMIT;
    }
    parent->watched[job].fd = ends[0];
    parent->watched[job].events = POLLIN;
    return KAYA_OK;
}

static void report_death(struct parent *parent, unsigned job, int signal_number)
{
    struct board *board = &parent->shared->boards[job];
    struct kaya_violation_report *violation = calloc(1, sizeof *violation);

    parent->deaths++;
    board->sum.runs++;
    board->sum.violation_count++;
    atomic_fetch_add(&board->violations, 1);
    if (violation == NULL)
        return;
    violation->seed = board->seed;
    violation->line.seed = board->seed;
    strncpy(violation->line.scenario, name_of(parent->options), sizeof violation->line.scenario - 1);
    if (signal_number == SIGALRM)
        kaya_violation_set(&violation->violation, "P8", "the run was still going after %d seconds",
                           (int)ALARM_SECONDS);
    else
        kaya_violation_set(&violation->violation, "assert",
                           "the process died of signal %d (%s): an assertion failed, or worse", signal_number,
                           strsignal(signal_number));
    keep_violation(&board->sum, violation);
    free(violation);
}

/* A worker's pipe closed. True if its work is done or cannot be. */
static enum kaya_status finish_worker(struct parent *parent, unsigned job)
{
    int how = 0;

    close(parent->watched[job].fd);
    parent->watched[job].fd = -1;
    while (waitpid(parent->pids[job], &how, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0)
        return parent->shared->boards[job].failed ? KAYA_NO_MEMORY : KAYA_OK;
    report_death(parent, job, WIFSIGNALED(how) ? WTERMSIG(how) : SIGABRT);
    return parent->deaths < DEATHS_MAX ? start_worker(parent, job) : KAYA_OK;
}

static void show_progress(const struct parent *parent)
{
    uint64_t runs = 0;
    uint64_t crashes = 0;
    uint64_t violations = 0;

    if (parent->options->on_progress == NULL)
        return;
    for (unsigned i = 0; i < parent->job_count; i++) {
        runs += atomic_load(&parent->shared->boards[i].runs);
        crashes += atomic_load(&parent->shared->boards[i].crashes);
        violations += atomic_load(&parent->shared->boards[i].violations);
    }
    parent->options->on_progress(parent->options->user, runs, crashes, violations,
                                 kaya_clock_seconds() - parent->start_seconds);
}

static enum kaya_status watch(struct parent *parent)
{
    enum kaya_status status = KAYA_OK;
    unsigned running = parent->job_count;

    while (running > 0) {
        int ready = poll(parent->watched, parent->job_count, PROGRESS_MS);
        show_progress(parent);
        running = 0;
        for (unsigned i = 0; i < parent->job_count; i++) {
            if (ready > 0 && parent->watched[i].fd >= 0 && parent->watched[i].revents != 0) {
                enum kaya_status ended = finish_worker(parent, i);
                status = status == KAYA_OK ? ended : status;
            }
            running += parent->watched[i].fd >= 0;
        }
    }
    return status;
}

static enum kaya_status share(struct parent *parent)
{
    parent->shared_bytes = sizeof *parent->shared + parent->job_count * sizeof parent->shared->boards[0];
    parent->shared = mmap(NULL, parent->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (parent->shared == MAP_FAILED)
        return KAYA_NO_MEMORY;
    parent->shared->run_count =
        parent->options->seed_count != 0 ? parent->options->seed_count : parent->options->scenario->seeds;
    for (unsigned i = 0; i < parent->job_count; i++)
        parent->shared->boards[i].sum.is_deterministic = true;
    return KAYA_OK;
}

static enum kaya_status run_workers(struct parent *parent, struct kaya_runner_report *report)
{
    enum kaya_status status = KAYA_OK;
    enum kaya_status ended;

    for (unsigned i = 0; i < parent->job_count; i++) /* the watch expects none or all */
        parent->watched[i].fd = -1;
    for (unsigned i = 0; i < parent->job_count && status == KAYA_OK; i++)
        status = start_worker(parent, i);
    ended = watch(parent);
    if (status == KAYA_OK)
        status = ended;
    for (unsigned i = 0; i < parent->job_count; i++)
        add_board(report, &parent->shared->boards[i].sum);
    report->seconds = kaya_clock_seconds() - parent->start_seconds;
    return status;
}

enum kaya_status kaya_runner_run(const struct kaya_runner_options *options, struct kaya_runner_report *report)
{
    struct parent *parent;
    const char *key;
    const char *allowed;
    enum kaya_status status;

    memset(report, 0, sizeof *report);
    report->is_deterministic = true;
    if (!kaya_scenario_is_valid(options->scenario, &key, &allowed))
        return KAYA_INVALID;
    parent = calloc(1, sizeof *parent);
    if (parent == NULL)
        return KAYA_NO_MEMORY;
    parent->options = options;
    parent->job_count = options->job_count == 0 ? 1 : options->job_count;
    if (parent->job_count > KAYA_JOBS_MAX)
        parent->job_count = KAYA_JOBS_MAX;
    parent->start_seconds = kaya_clock_seconds();
    status = share(parent);
    if (status == KAYA_OK) {
        status = run_workers(parent, report);
        munmap(parent->shared, parent->shared_bytes);
    }
    free(parent);
    return status;
}

uint64_t kaya_runner_missing(const struct kaya_scenario *scenario, const struct kaya_runner_report *report,
                             bool *too_few)
{
    uint64_t missing = 0;

    *too_few = report->runs < scenario->expect_struck_within;
    for (int i = 0; i < KAYA_FAULTS; i++) {
        bool declared = (scenario->faults >> i & 1) != 0;
        bool struck = report->first_struck[i] != 0 && report->first_struck[i] <= scenario->expect_struck_within;
        if (declared && !struck)
            missing |= (uint64_t)1 << i;
    }
    return missing;
}

uint64_t kaya_runner_never(const struct kaya_scenario *scenario, const struct kaya_runner_report *report,
                           bool *too_few)
{
    uint64_t never = scenario->sometimes;

    *too_few = report->runs < scenario->expect_struck_within;
    for (int i = 0; i < KAYA_MARKS; i++)
        if (report->first_marked[i] != 0 && report->first_marked[i] <= scenario->expect_struck_within)
            never &= ~((uint64_t)1 << i);
    return never;
}
