/* Explored failures, made small.
 *
 * The explorer comes to a failure by the first way there is, in the whole workload. Most of that workload has nothing to do with it, and a
 * path's numbers hang on all of it: without an operation the crash comes at another call and is asked other things. So an operation is left
 * out by exploring again what is left, as deep as the path is, until the same finding turns up; what is explored first is simple. That is
 * bounded (SEARCH_STATES_MAX), so before it the old path is tried at the calls in front of its own: in long workloads with deep crashes
 * it often fits there. Then the path itself is made smaller (sim/shorten.c).
 *
 * The code under test may die on the way. The signal ends the walk, not the program; memory of that walk is given up. */
#include "kaya/scenarios/shorten_path.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kaya/scenarios/clock.h"
#include "kaya/scenarios/shorten.h"

enum {
    SEARCH_STATES_MAX = 100000,
    CALLS_BEFORE_MAX = 64, /* that an operation makes, where the old path is tried in front of its place */
    ALARM_SECONDS = 10,
    ALARM_STATES = 1024,
};

struct shortening {
    const struct kaya_shorten_path_options *options;
    struct kaya_short_path *best;
    struct kaya_exploration *candidate; /* with fewer operations */
    uint64_t kept;                      /* of it */
    struct kaya_violation wanted, found;
    struct kaya_explore_crew crew;
    char path[KAYA_EXPLORE_PATH_MAX]; /* found by a search */
    bool has_found;
    uint64_t searched; /* states of it */
    kaya_trace_listener *listener;
    void *user;
    double end_seconds;
};

/* --- Guarded walks --- */

static const int deadly[] = { SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM };
enum { DEADLY_COUNT = sizeof deadly / sizeof deadly[0] };

static struct {
    sigjmp_buf way_out;
    const struct kaya_explorer *explorer; /* of a search; NULL: a walk */
    char path[KAYA_EXPLORE_PATH_MAX];     /* where it died */
} guarded;

static void leave(int signal_number)
{
    if (guarded.explorer != NULL)
        kaya_explorer_path(guarded.explorer, guarded.path);
    siglongjmp(guarded.way_out, signal_number);
}

static void guard(void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DEADLY_COUNT; i++)
        (void)sigaction(deadly[i], &action, NULL);
}

static void note_death(struct kaya_violation *violation, int signal_number)
{
    *violation = (struct kaya_violation){ .promise = "" };
    if (signal_number == SIGALRM)
        kaya_violation_set(violation, "P8", "the walk was still going after %d seconds", (int)ALARM_SECONDS);
    else
        kaya_violation_set(violation, "assert", "the process died: %s: an assertion failed, or worse",
                           strsignal(signal_number));
}

static enum kaya_status walk(struct shortening *shortening, const char *path)
{
    struct kaya_explore_options options = *shortening->options->explore;
    enum kaya_status status;
    int signal_number;

    options.user = shortening->candidate;
    guarded.explorer = NULL;
    shortening->best->walks++;
    signal_number = sigsetjmp(guarded.way_out, 1);
    if (signal_number != 0) {
        alarm(0);
        note_death(&shortening->found, signal_number);
        return KAYA_OK;
    }
    alarm(ALARM_SECONDS);
    status = kaya_explore_walk(&options, path, shortening->listener, shortening->user, &shortening->found);
    alarm(0);
    return status;
}

static bool is_wanted(const struct shortening *shortening, const struct kaya_violation *violation)
{
    return kaya_violation_is_set(violation) && kaya_violation_is_like(violation, &shortening->wanted);
}

static bool leads_there(void *user, const char *path)
{
    struct shortening *shortening = user;

    return walk(shortening, path) == KAYA_OK && is_wanted(shortening, &shortening->found);
}

/* --- Searching --- */

static bool is_time_over(const struct shortening *shortening)
{
    return shortening->options->seconds_max > 0 && kaya_clock_seconds() >= shortening->end_seconds;
}

static void begin(void *user, const struct kaya_explorer *explorer)
{
    (void)user;
    guarded.explorer = explorer;
}

static bool claim(void *user, uint32_t unit)
{
    (void)user;
    (void)unit;
    return true;
}

static void finished(void *user, uint32_t unit, const struct kaya_explore_report *part, bool is_whole)
{
    (void)user;
    (void)unit;
    (void)part;
    (void)is_whole;
}

static void take(struct shortening *shortening, const char *path)
{
    shortening->has_found = true;
    snprintf(shortening->path, sizeof shortening->path, "%s", path);
}

static void found(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path)
{
    struct shortening *shortening = user;

    (void)unit;
    if (!shortening->has_found && is_wanted(shortening, violation))
        take(shortening, path);
}

static bool go_on(void *user, const struct kaya_explore_report *part)
{
    struct shortening *shortening = user;

    (void)part;
    if (shortening->searched++ % ALARM_STATES == 0) {
        alarm(ALARM_SECONDS);
        if (is_time_over(shortening))
            return false;
    }
    return !shortening->has_found && shortening->searched < SEARCH_STATES_MAX;
}

static unsigned crashes_of(const char *path)
{
    unsigned count = 0;

    for (const char *at = strstr(path, "call "); at != NULL; at = strstr(at + 1, "call "))
        count++;
    return count;
}

/* The candidate, explored as deep as the path is. */
static bool search(struct shortening *shortening)
{
    struct kaya_explore_options options = *shortening->options->explore;
    struct kaya_violation death;
    static struct kaya_explore_result result; /* large; one call at a time */
    unsigned crashes = crashes_of(shortening->best->path);
    int signal_number;

    options.user = shortening->candidate;
    options.crew = &shortening->crew;
    options.crash_depth = crashes == 0 ? 1 : crashes;
    shortening->has_found = false;
    shortening->searched = 0;
    guarded.explorer = NULL;
    signal_number = sigsetjmp(guarded.way_out, 1);
    if (signal_number != 0) {
        note_death(&death, signal_number);
        if (guarded.explorer != NULL && is_wanted(shortening, &death))
            take(shortening, guarded.path);
    } else if (kaya_explore(&options, &result) != KAYA_OK) {
        shortening->has_found = false;
    }
    alarm(0);
    shortening->best->walks += shortening->searched;
    return shortening->has_found && leads_there(shortening, shortening->path);
}

/* The same path, but for the first crash: it comes a few calls earlier. */
static bool search_near(struct shortening *shortening)
{
    const char *first = strstr(shortening->best->path, "call ");
    unsigned long long call;
    char rest[KAYA_EXPLORE_PATH_MAX];
    int head;

    if (first == NULL || sscanf(first, "call %llu%511[^\n]", &call, rest) != 2)
        return false;
    head = (int)(first - shortening->best->path);
    for (unsigned back = 0; back <= CALLS_BEFORE_MAX && back < call; back++) {
        int length = snprintf(shortening->path, sizeof shortening->path, "%.*scall %llu%s", head,
                              shortening->best->path, call - back, rest);

        if (length < (int)sizeof shortening->path && leads_there(shortening, shortening->path))
            return true;
    }
    return false;
}

/* --- Leaving out --- */

static bool set_candidate(struct shortening *shortening, uint64_t kept)
{
    *shortening->candidate = *shortening->options->exploration;
    shortening->kept = kept;
    return kept == UINT64_MAX || kaya_exploration_keep(shortening->candidate, kept);
}

static bool drop_operation(struct shortening *shortening, uint64_t operation)
{
    uint64_t kept = shortening->best->kept & ~((uint64_t)1 << operation);

    (void)set_candidate(shortening, kept);
    if (!search_near(shortening) && !search(shortening))
        return false;
    shortening->best->kept = kept;
    shortening->best->violation = shortening->found;
    memcpy(shortening->best->path, shortening->path, sizeof shortening->best->path);
    return true;
}

static void tell_progress(const struct shortening *shortening)
{
    if (shortening->options->on_progress != NULL)
        shortening->options->on_progress(shortening->options->user, shortening->best->walks);
}

/* From the last one on: what stands behind the crash goes at once. */
static void drop_operations(struct shortening *shortening)
{
    struct kaya_short_path *best = shortening->best;
    uint64_t count = shortening->options->exploration->plan.script_length;
    bool changed = true;

    best->kept = count < 64 ? best->kept & (((uint64_t)1 << count) - 1) : best->kept;
    while (changed && !is_time_over(shortening)) {
        changed = false;
        for (uint64_t operation = count; operation-- > 0 && !is_time_over(shortening);) {
            tell_progress(shortening);
            if ((best->kept >> operation & 1) != 0 && (best->kept & (best->kept - 1)) != 0) /* one stays */
                changed = drop_operation(shortening, operation) || changed;
        }
    }
    best->operations_before = count;
    best->operations = (uint64_t)__builtin_popcountll(best->kept);
}

static enum kaya_status shorten(struct shortening *shortening)
{
    struct kaya_short_path *best = shortening->best;
    enum kaya_status status;
    uint64_t asked;

    if (!set_candidate(shortening, best->kept))
        return KAYA_INVALID;
    status = walk(shortening, best->path);
    best->violation = shortening->found;
    if (status != KAYA_OK || !kaya_violation_is_set(&best->violation))
        return status;
    shortening->wanted = best->violation;
    if (kaya_exploration_keep(shortening->candidate, UINT64_MAX)) /* a list of operations at all */
        drop_operations(shortening);
    best->is_complete = !is_time_over(shortening);
    (void)set_candidate(shortening, best->kept);
    status = kaya_explore_shorten(best->path, leads_there, shortening, &asked);
    if (status == KAYA_OK && leads_there(shortening, best->path))
        best->violation = shortening->found;
    return status;
}

/* Do `what` with a new candidate, guarded. */
static enum kaya_status begin_and(enum kaya_status (*what)(struct shortening *),
                                  const struct kaya_shorten_path_options *options,
                                  struct kaya_short_path *shortened, kaya_trace_listener *listener, void *user)
{
    struct shortening shortening = { .options = options,
                                     .best = shortened,
                                     .listener = listener,
                                     .user = user,
                                     .end_seconds = kaya_clock_seconds() + options->seconds_max };
    enum kaya_status status;

    shortening.candidate = malloc(sizeof *shortening.candidate);
    if (shortening.candidate == NULL)
        return KAYA_NO_MEMORY;
    shortening.crew = (struct kaya_explore_crew){
        .begin = begin, .claim = claim, .finished = finished, .found = found, .go_on = go_on, .user = &shortening
    };
    guard(leave);
    status = what(&shortening);
    guard(SIG_DFL);
    free(shortening.candidate);
    return status;
}

enum kaya_status kaya_shorten_path(const struct kaya_shorten_path_options *options,
                                   struct kaya_short_path *shortened)
{
    shortened->walks = shortened->operations = shortened->operations_before = 0;
    shortened->is_complete = false;
    return begin_and(shorten, options, shortened, NULL, NULL);
}

static enum kaya_status walk_best(struct shortening *shortening)
{
    enum kaya_status status = KAYA_INVALID;

    if (set_candidate(shortening, shortening->best->kept))
        status = walk(shortening, shortening->best->path);
    shortening->best->violation = shortening->found;
    return status;
}

enum kaya_status kaya_shorten_path_tell(const struct kaya_shorten_path_options *options,
                                        struct kaya_short_path *shortened, kaya_trace_listener *listener,
                                        void *user)
{
    return begin_and(walk_best, options, shortened, listener, user);
}
