/* One exploration by several processes.
 *
 * Each worker runs the whole workload and takes units (a crash of the first level with all that hangs on it) that no other has. All
 * they share is one stretch of memory:
 *
 *     | head | state of each unit | counts of each unit | violations | set of what was visited |
 *
 * The counts of a unit are written when it is done, and the report is their sum, so it hangs neither on how many workers there are nor on
 * who did what (explore.c tells why the set does not spoil that). What does hang on it, with more than one: by which of several paths a
 * state was reached first, and so which path to a violation is told; and, where the set was too small, what was visited again.
 *
 * With a file, that memory is the file's. What a unit that was never done had visited is taken out of the set when the file is used
 * again: whoever skipped something because of it would be right again once it is done. So a session may be stopped in any way.
 *
 * Workers are processes, for a failed assertion in the code under test ends one of them, not all. It leaves the path to where it was; its unit
 * is not tried again, and another worker goes on with the others. */
#include "kaya/scenarios/explorer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/scenarios/clock.h"

enum {
    PROGRESS_MS = 100,
    ALARM_SECONDS = 60,
    ALARM_STATES = 1024, /* the alarm is put off after so many */
    DEATHS_MAX = KAYA_EXPLORER_VIOLATIONS_MAX,
    SIGNAL_STACK_BYTES = 64 << 10,
    FILE_VERSION = 1,
};

static const uint64_t MEMORY_BYTES_DEFAULT = 256 << 20;
static const uint64_t FILE_MARK = 0x6578656379616b65; /* "ekayaexe" */

enum unit_state { UNIT_FREE, UNIT_TAKEN, UNIT_DONE, UNIT_DEAD };

struct shared {
    uint64_t mark, version, identity, memory_bytes;
    atomic_uint_fast64_t states, violation_count; /* of this session, for progress */
    atomic_uint unit_count;                       /* so many were come by */
    atomic_bool is_stopped;
    atomic_uint violations_kept;
    struct kaya_explorer_violation violations[KAYA_EXPLORER_VIOLATIONS_MAX];
    struct {
        _Atomic uint32_t unit;            /* under way; UINT32_MAX: none */
        char path[KAYA_EXPLORE_PATH_MAX]; /* where it died */
    } workers[KAYA_EXPLORER_JOBS_MAX];
    _Atomic uint8_t states_of_units[KAYA_EXPLORE_UNITS_MAX];
    struct kaya_explore_report parts[KAYA_EXPLORE_UNITS_MAX];
};

struct session {
    const struct kaya_explorer_options *options;
    struct shared *shared;
    size_t shared_bytes;
    struct kaya_visited *visited;
    unsigned job_count;
    unsigned deaths, homeless_deaths; /* of them in no unit: the workload kills whoever runs it */
    double start_seconds;
    pid_t pids[KAYA_EXPLORER_JOBS_MAX];
    struct pollfd watched[KAYA_EXPLORER_JOBS_MAX]; /* a pipe that closes when the worker ends */
};

static size_t visited_offset(void)
{
    return (sizeof(struct shared) + 4095) / 4096 * 4096;
}

/* --- A worker --- */

struct worker {
    struct session *session;
    unsigned job;
    const struct kaya_explorer *explorer;
    uint64_t told_states; /* of the unit under way */
    uint64_t since_alarm;
};

static struct worker *dying; /* for the signal handler: this process has one */

static void on_death(int signal_number)
{
    struct shared *shared = dying->session->shared;

    if (dying->explorer != NULL)
        kaya_explorer_path(dying->explorer, shared->workers[dying->job].path);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void catch_death(struct worker *worker)
{
    static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM, SIGTRAP };
    static _Alignas(16) char stack_bytes[SIGNAL_STACK_BYTES];
    stack_t stack = { .ss_sp = stack_bytes, .ss_size = sizeof stack_bytes };
    struct sigaction action = { .sa_handler = on_death, .sa_flags = SA_ONSTACK };

    dying = worker;
    sigaltstack(&stack, NULL);
    for (size_t index = 0; index < sizeof signals / sizeof signals[0]; index++)
        sigaction(signals[index], &action, NULL);
}

static void begin(void *user, const struct kaya_explorer *explorer)
{
    struct worker *worker = user;

    worker->explorer = explorer;
}

static bool claim(void *user, uint32_t unit)
{
    struct worker *worker = user;
    struct shared *shared = worker->session->shared;
    uint8_t expected = UNIT_FREE;
    unsigned known = atomic_load(&shared->unit_count);

    while (known < unit + 1 && !atomic_compare_exchange_weak(&shared->unit_count, &known, unit + 1))
        ;
    if (!atomic_compare_exchange_strong(&shared->states_of_units[unit], &expected, UNIT_TAKEN))
        return false;
    atomic_store(&shared->workers[worker->job].unit, unit);
    worker->told_states = 0;
    return true;
}

static void tell(struct worker *worker, uint64_t states)
{
    atomic_fetch_add(&worker->session->shared->states, states - worker->told_states);
    worker->told_states = states;
}

/* What was stopped stays taken. */
static void finished(void *user, uint32_t unit, const struct kaya_explore_report *part, bool is_whole)
{
    struct worker *worker = user;
    struct shared *shared = worker->session->shared;

    tell(worker, part->states);
    shared->parts[unit] = *part;
    if (is_whole)
        atomic_store(&shared->states_of_units[unit], UNIT_DONE);
    atomic_store(&shared->workers[worker->job].unit, UINT32_MAX);
}

static void keep_violation(struct shared *shared, uint32_t unit, const struct kaya_violation *violation,
                           const char *path)
{
    unsigned place;

    atomic_fetch_add(&shared->violation_count, 1);
    place = atomic_fetch_add(&shared->violations_kept, 1);
    if (place >= KAYA_EXPLORER_VIOLATIONS_MAX)
        return;
    shared->violations[place].unit = unit;
    shared->violations[place].violation = *violation;
    snprintf(shared->violations[place].path, sizeof shared->violations[place].path, "%s", path);
}

static void found(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path)
{
    struct worker *worker = user;

    keep_violation(worker->session->shared, unit, violation, path);
}

static bool go_on(void *user, const struct kaya_explore_report *part)
{
    struct worker *worker = user;
    struct session *session = worker->session;
    uint64_t states_max = session->options->states_max;

    tell(worker, part->states);
    if (worker->since_alarm++ % ALARM_STATES == 0)
        alarm(ALARM_SECONDS);
    if (states_max != 0 && atomic_load(&session->shared->states) >= states_max)
        atomic_store(&session->shared->is_stopped, true);
    return !atomic_load_explicit(&session->shared->is_stopped, memory_order_relaxed);
}

static int work(struct session *session, unsigned job)
{
    struct worker worker = { .session = session, .job = job };
    struct kaya_explore_crew crew = {
        .begin = begin, .claim = claim, .finished = finished, .found = found, .go_on = go_on, .user = &worker
    };
    struct kaya_explore_options options = *session->options->explore;
    struct kaya_explore_result result;

    signal(SIGINT, SIG_IGN); /* the parent says when to stop */
    catch_death(&worker);
    options.crew = &crew;
    options.visited = session->visited;
    return (int)kaya_explore(&options, &result);
}

/* --- The parent --- */

static enum kaya_status start_worker(struct session *session, unsigned job)
{
    int ends[2];

    session->watched[job].fd = -1;
    atomic_store(&session->shared->workers[job].unit, UINT32_MAX);
    session->shared->workers[job].path[0] = '\0';
    if (pipe(ends) != 0)
        return KAYA_LIMIT;
    session->pids[job] = fork();
    if (session->pids[job] == 0) {
        close(ends[0]);
        _exit(work(session, job));
    }
    close(ends[1]);
    if (session->pids[job] < 0) {
        close(ends[0]);
        return KAYA_LIMIT;
    }
    session->watched[job].fd = ends[0];
    session->watched[job].events = POLLIN;
    return KAYA_OK;
}

static void report_death(struct session *session, unsigned job, int signal_number)
{
    struct shared *shared = session->shared;
    uint32_t unit = atomic_load(&shared->workers[job].unit);
    struct kaya_violation violation = { 0 };

    session->deaths++;
    if (signal_number == SIGALRM)
        kaya_violation_set(&violation, "P8", "one state was not reached in %d seconds", (int)ALARM_SECONDS);
    else
        kaya_violation_set(&violation, "assert",
                           "the process died of signal %d (%s): an assertion failed, or worse", signal_number,
                           strsignal(signal_number));
    if (unit != UINT32_MAX) {
        shared->parts[unit] = (struct kaya_explore_report){ .violations = 1, .is_incomplete = true };
        atomic_store(&shared->states_of_units[unit], UNIT_DEAD);
    } else {
        session->homeless_deaths++;
        atomic_store(&shared->is_stopped, true);
    }
    keep_violation(shared, unit, &violation, shared->workers[job].path);
}

/* A worker's pipe closed. */
static enum kaya_status finish_worker(struct session *session, unsigned job)
{
    int how = 0;

    close(session->watched[job].fd);
    session->watched[job].fd = -1;
    while (waitpid(session->pids[job], &how, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(how))
        return (enum kaya_status)WEXITSTATUS(how);
    report_death(session, job, WTERMSIG(how));
    return session->deaths < DEATHS_MAX && session->homeless_deaths == 0 ? start_worker(session, job) : KAYA_OK;
}

static uint32_t count_units(const struct shared *shared, enum unit_state state)
{
    uint32_t count = 0;
    uint32_t unit_count = atomic_load(&shared->unit_count);

    for (uint32_t unit = 0; unit < unit_count; unit++)
        count += atomic_load(&shared->states_of_units[unit]) == state;
    return count;
}

static void show_progress(const struct session *session)
{
    struct shared *shared = session->shared;
    struct kaya_explorer_progress progress = {
        .states = atomic_load(&shared->states),
        .violations = atomic_load(&shared->violation_count),
        .units_done = count_units(shared, UNIT_DONE) + count_units(shared, UNIT_DEAD),
        .unit_count = atomic_load(&shared->unit_count),
        .seconds = kaya_clock_seconds() - session->start_seconds,
    };

    if (session->options->on_progress != NULL)
        session->options->on_progress(session->options->user, &progress);
}

static void stop_if_asked(struct session *session)
{
    const struct kaya_explorer_options *options = session->options;
    bool is_over =
        options->seconds_max > 0 && kaya_clock_seconds() - session->start_seconds >= options->seconds_max;

    if (is_over || (options->interrupted != NULL && *options->interrupted != 0))
        atomic_store(&session->shared->is_stopped, true);
}

static enum kaya_status watch(struct session *session)
{
    enum kaya_status status = KAYA_OK;
    unsigned running = session->job_count;

    while (running > 0) {
        int ready = poll(session->watched, session->job_count, PROGRESS_MS);

        stop_if_asked(session);
        show_progress(session);
        running = 0;
        for (unsigned job = 0; job < session->job_count; job++) {
            if (ready > 0 && session->watched[job].fd >= 0 && session->watched[job].revents != 0) {
                enum kaya_status ended = finish_worker(session, job);

                status = status == KAYA_OK ? ended : status;
            }
            running += session->watched[job].fd >= 0;
        }
    }
    return status;
}

/* --- What is shared --- */

static bool is_kept(void *user, uint32_t unit)
{
    const struct shared *shared = user;

    return atomic_load(&shared->states_of_units[unit]) == UNIT_DONE;
}

/* The file was left by an earlier session: what was begun and not done is to be done again. */
static enum kaya_status tidy(struct session *session)
{
    struct shared *shared = session->shared;
    unsigned kept = atomic_load(&shared->violations_kept);
    unsigned left = 0;

    for (uint32_t unit = 0; unit < KAYA_EXPLORE_UNITS_MAX; unit++)
        if (atomic_load(&shared->states_of_units[unit]) == UNIT_TAKEN)
            atomic_store(&shared->states_of_units[unit], UNIT_FREE);
    kept = kept < KAYA_EXPLORER_VIOLATIONS_MAX ? kept : KAYA_EXPLORER_VIOLATIONS_MAX;
    for (unsigned place = 0; place < kept; place++) {
        uint32_t unit = shared->violations[place].unit;

        if (unit != UINT32_MAX && atomic_load(&shared->states_of_units[unit]) != UNIT_FREE)
            shared->violations[left++] = shared->violations[place];
    }
    atomic_store(&shared->violations_kept, left);
    atomic_store(&shared->states, 0);
    atomic_store(&shared->violation_count, 0);
    atomic_store(&shared->is_stopped, false);
    return kaya_visited_keep(session->visited, is_kept, shared);
}

static enum kaya_status take_up(struct session *session, uint64_t memory_bytes, bool *was_there)
{
    struct shared *shared = session->shared;

    *was_there = shared->mark != 0;
    if (!*was_there) {
        shared->version = FILE_VERSION;
        shared->identity = session->options->identity;
        shared->memory_bytes = memory_bytes;
        session->visited = kaya_visited_init((char *)shared + visited_offset(), memory_bytes);
        shared->mark = FILE_MARK;
        return KAYA_OK;
    }
    if (shared->mark != FILE_MARK || shared->version != FILE_VERSION ||
        shared->identity != session->options->identity || shared->memory_bytes != memory_bytes)
        return KAYA_INVALID;
    session->visited = (struct kaya_visited *)(void *)((char *)shared + visited_offset());
    return tidy(session);
}

static enum kaya_status map_file(struct session *session)
{
    enum kaya_status status = KAYA_IO;
    struct stat facts;
    int file = open(session->options->resume_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (file < 0)
        return KAYA_IO;
    if (fstat(file, &facts) != 0)
        goto done;
    status = facts.st_size != 0 && (uint64_t)facts.st_size != session->shared_bytes ? KAYA_INVALID : KAYA_IO;
    if (status == KAYA_INVALID || ftruncate(file, (off_t)session->shared_bytes) != 0)
        goto done;
    session->shared = mmap(NULL, session->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    status = session->shared == MAP_FAILED ? KAYA_NO_MEMORY : KAYA_OK;
done:
    close(file);
    return status;
}

static enum kaya_status share(struct session *session, bool *was_there)
{
    const struct kaya_explorer_options *options = session->options;
    uint64_t memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : MEMORY_BYTES_DEFAULT;
    enum kaya_status status = KAYA_OK;

    if (memory_bytes < kaya_visited_size_min())
        memory_bytes = kaya_visited_size_min();
    session->shared_bytes = visited_offset() + memory_bytes;
    if (options->resume_path != NULL) {
        status = map_file(session);
    } else {
        session->shared = mmap(NULL, session->shared_bytes, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        status = session->shared == MAP_FAILED ? KAYA_NO_MEMORY : KAYA_OK;
    }
    if (status != KAYA_OK) {
        session->shared = NULL;
        return status;
    }
    return take_up(session, memory_bytes, was_there);
}

/* --- The report --- */

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int compare_units(const void *left, const void *right)
{
    const struct kaya_explorer_violation *one = left, *other = right;

    return one->unit != other->unit ? (one->unit > other->unit) - (one->unit < other->unit)
                                    : strcmp(one->path, other->path);
}

static void add_up(const struct session *session, struct kaya_explorer_report *report)
{
    struct shared *shared = session->shared;
    uint32_t unit_count = atomic_load(&shared->unit_count);
    unsigned kept = atomic_load(&shared->violations_kept);

    for (uint32_t unit = 0; unit < unit_count; unit++) {
        uint8_t state = atomic_load(&shared->states_of_units[unit]);

        if (state != UNIT_FREE)
            kaya_explore_report_add(&report->sum, &shared->parts[unit]);
        if (state != UNIT_DONE)
            report->sum.is_incomplete = true;
        report->units_done += state == UNIT_DONE;
    }
    report->violations_kept = kept < KAYA_EXPLORER_VIOLATIONS_MAX ? kept : KAYA_EXPLORER_VIOLATIONS_MAX;
    memcpy(report->violations, shared->violations, report->violations_kept * sizeof report->violations[0]);
    qsort(report->violations, report->violations_kept, sizeof report->violations[0], compare_units);
    report->states_here = atomic_load(&shared->states);
    report->sum.violations += session->homeless_deaths;
    report->sum.is_incomplete = report->sum.is_incomplete || atomic_load(&shared->is_stopped);
    report->exhaustive = !report->sum.is_incomplete;
}

static enum kaya_status run_workers(struct session *session)
{
    enum kaya_status status = KAYA_OK;
    enum kaya_status ended;

    for (unsigned job = 0; job < session->job_count; job++) /* the watch expects none or all */
        session->watched[job].fd = -1;
    for (unsigned job = 0; job < session->job_count && status == KAYA_OK; job++)
        status = start_worker(session, job);
    ended = watch(session);
    return status == KAYA_OK ? ended : status;
}

enum kaya_status kaya_explorer_run(const struct kaya_explorer_options *options, struct kaya_explorer_report *report)
{
    struct session session = { .options = options, .start_seconds = kaya_clock_seconds() };
    double cpu_before = cpu_seconds();
    enum kaya_status status;

    memset(report, 0, sizeof *report);
    session.job_count = options->job_count == 0 ? 1 : options->job_count;
    if (session.job_count > KAYA_EXPLORER_JOBS_MAX)
        session.job_count = KAYA_EXPLORER_JOBS_MAX;
    status = share(&session, &report->was_resumed);
    if (status == KAYA_OK)
        status = run_workers(&session);
    if (status == KAYA_OK)
        add_up(&session, report);
    report->seconds = kaya_clock_seconds() - session.start_seconds;
    report->cpu_seconds = cpu_seconds() - cpu_before;
    if (session.shared != NULL)
        munmap(session.shared, session.shared_bytes);
    return status;
}
