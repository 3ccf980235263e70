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
 * again: whoever skipped something because of it would be right again once it is done. So a session may be stopped in any way. A file
 * that is there already is looked at before anything is written, and a byte that no session of this exploration would have left there ends
 * it all; one that is not there gets its room at once, so that a full disk is told before there is anything to lose. Two sessions do not share one.
 *
 * Workers are processes, for a failed assertion in the code under test ends one of them, not all. It leaves the path to where it was; its unit
 * is not tried again, and another worker goes on with the others. */
#include "kaya/scenarios/explorer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
    FILE_VERSION = 2,
};

static const uint64_t MEMORY_BYTES_DEFAULT = 256 << 20;
static const char FILE_MARK[8] = { 'k', 'a', 'y', 'a', 'e', 'x', 'p', 'l' };

enum unit_state { UNIT_FREE, UNIT_TAKEN, UNIT_DONE, UNIT_DEAD };

/* What a file begins with. */
struct head {
    char mark[sizeof FILE_MARK];
    uint64_t version, identity, memory_bytes;
};

struct shared {
    struct head head;
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
    int file;      /* -1: none. Locked for as long as this process or a worker has it open */
    char *refusal; /* the report's */
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

/* The file stays as it is. */
__attribute__((format(printf, 2, 3))) static enum kaya_status refuse(const struct session *session,
                                                                     const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(session->refusal, KAYA_EXPLORER_REFUSAL_BYTES, format, list);
    va_end(list);
    return KAYA_INVALID;
}

static enum kaya_status refuse_mark(const struct session *session, const char *found, size_t length)
{
    char text[2 * sizeof FILE_MARK + 1] = "nothing";

    for (size_t index = 0; index < length; index++)
        snprintf(text + 2 * index, 3, "%02x", (unsigned char)found[index]);
    return refuse(session, "byte 0: %s%s, where a file of an exploration has the mark \"%.*s\"",
                  length > 0 ? "0x" : "", text, (int)sizeof FILE_MARK, FILE_MARK);
}

/* Whether a session of this exploration left the file: the mark is asked first, since without it nothing else means anything. */
static enum kaya_status examine(const struct session *session, const struct head *expected)
{
    struct head head = { { 0 }, 0, 0, 0 };
    struct stat facts;
    ssize_t length;

    if (fstat(session->file, &facts) != 0)
        return KAYA_IO;
    if (!S_ISREG(facts.st_mode))
        return refuse(session, "it is no file of bytes that stay");
    length = pread(session->file, &head, sizeof head, 0);
    if (length < 0)
        return KAYA_IO;
    if ((size_t)length < sizeof head.mark || memcmp(head.mark, FILE_MARK, sizeof head.mark) != 0)
        return refuse_mark(session, head.mark,
                           (size_t)length < sizeof head.mark ? (size_t)length : sizeof head.mark);
    if (head.version != expected->version)
        return refuse(session, "byte %zu: version %" PRIu64 ", expected %" PRIu64,
                      offsetof(struct head, version), head.version, expected->version);
    if (head.identity != expected->identity)
        return refuse(session,
                      "byte %zu: it was left by another exploration or another program: 0x%016" PRIx64
                      ", expected 0x%016" PRIx64,
                      offsetof(struct head, identity), head.identity, expected->identity);
    if (head.memory_bytes != expected->memory_bytes)
        return refuse(session, "byte %zu: --memory was %" PRIu64 " bytes, expected %" PRIu64,
                      offsetof(struct head, memory_bytes), head.memory_bytes, expected->memory_bytes);
    if ((uint64_t)facts.st_size != session->shared_bytes)
        return refuse(session, "byte %" PRIu64 ": it ends there, expected at %zu", (uint64_t)facts.st_size,
                      session->shared_bytes);
    return KAYA_OK;
}

static enum kaya_status make_room(const struct session *session)
{
    errno = posix_fallocate(session->file, 0, (off_t)session->shared_bytes);
    return errno == 0 ? KAYA_OK : KAYA_IO;
}

static enum kaya_status map(struct session *session)
{
    int flags = session->file >= 0 ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, session->shared_bytes, PROT_READ | PROT_WRITE, flags, session->file, 0);

    session->shared = memory == MAP_FAILED ? NULL : memory;
    return memory == MAP_FAILED ? KAYA_NO_MEMORY : KAYA_OK;
}

/* Memory of a session that nobody stopped is all zero but for what init writes, and the head comes last. */
static enum kaya_status begin_anew(struct session *session, const struct head *head)
{
    enum kaya_status status = session->file >= 0 ? make_room(session) : KAYA_OK;

    if (status == KAYA_OK)
        status = map(session);
    if (status == KAYA_OK) {
        session->visited = kaya_visited_init((char *)session->shared + visited_offset(), head->memory_bytes);
        session->shared->head = *head;
    } else if (session->file >= 0) {
        int why = errno;

        (void)unlink(session->options->resume_path); /* our own, as it was just made */
        errno = why;
    }
    return status;
}

static enum kaya_status go_on_from(struct session *session, const struct head *head)
{
    enum kaya_status status = examine(session, head);

    if (status == KAYA_OK)
        status = map(session);
    if (status != KAYA_OK)
        return status;
    if (atomic_load(&session->shared->unit_count) > KAYA_EXPLORE_UNITS_MAX)
        return refuse(session, "byte %zu: %u units, expected at most %d", offsetof(struct shared, unit_count),
                      (unsigned)atomic_load(&session->shared->unit_count), (int)KAYA_EXPLORE_UNITS_MAX);
    session->visited = kaya_visited_init((char *)session->shared + visited_offset(), head->memory_bytes);
    return tidy(session);
}

/* *was_there: the file was, and this exploration left it. */
static enum kaya_status open_file(struct session *session, bool *was_there)
{
    const char *path = session->options->resume_path;

    session->file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *was_there = session->file < 0 && errno == EEXIST;
    if (*was_there)
        session->file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (session->file < 0)
        return KAYA_IO;
    if (flock(session->file, LOCK_EX | LOCK_NB) == 0)
        return KAYA_OK;
    return errno == EWOULDBLOCK ? refuse(session, "another session has it in use") : KAYA_IO;
}

static enum kaya_status share(struct session *session, bool *was_there)
{
    const struct kaya_explorer_options *options = session->options;
    struct head head = { .version = FILE_VERSION, .identity = options->identity };
    enum kaya_status status = KAYA_OK;

    memcpy(head.mark, FILE_MARK, sizeof head.mark);
    head.memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : MEMORY_BYTES_DEFAULT;
    if (head.memory_bytes < kaya_visited_size_min())
        head.memory_bytes = kaya_visited_size_min();
    session->shared_bytes = visited_offset() + head.memory_bytes;
    if (options->resume_path != NULL)
        status = open_file(session, was_there);
    if (status != KAYA_OK)
        return status;
    return *was_there ? go_on_from(session, &head) : begin_anew(session, &head);
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
    struct session session = {
        .options = options, .start_seconds = kaya_clock_seconds(), .file = -1, .refusal = report->refusal
    };
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
    if (session.file >= 0)
        close(session.file);
    return status;
}
