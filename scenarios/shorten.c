/* Short runs.
 *
 * sim/shrink.c makes tapes small and asks here whether a tape still fails: the run is played, and must break the same promise with the same
 * finding. Without the second, a shrinker slips from the bug that was found to another one that is easier to reach.
 *
 * A candidate may do worse than break a promise: kill the process, or loop. So runs are guarded: the signal of an assertion, of a wild
 * pointer, or of the alarm ends the run, not the program. What it leaves behind (the stage, with all its memory) is given up; a new one is
 * made. Where dying is what is looked for, every candidate dies, so each is played in a child, which sends what it had decided through a
 * pipe as its last act. */
#include "kaya/scenarios/shorten.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/scenarios/clock.h"

enum { ALARM_SECONDS = 5, PROGRESS_RUNS = 256 };

struct shorten {
    const struct kaya_shorten_options *options;
    struct kaya_stage *stage;
    struct kaya_choices *choices;
    const struct kaya_violation *violation; /* looked for */
    struct kaya_run_result result;          /* of the last run */
    kaya_trace_listener *listener;
    void *user;
    double end_seconds;
    bool is_dying;
    bool no_memory;
    uint64_t runs;
};

/* --- Findings --- */

/* The next character that counts: digits and what stands in brackets do not. */
static const char *next_word(const char *at)
{
    while (*at != '\0') {
        if (*at == '(') {
            size_t length = strcspn(at, ")");
            at += length + (at[length] == ')');
        } else if ((*at >= '0' && *at <= '9') || *at == ' ') {
            at++;
        } else {
            break;
        }
    }
    return at;
}

bool kaya_violation_is_like(const struct kaya_violation *one, const struct kaya_violation *other)
{
    const char *left = next_word(one->what);
    const char *right = next_word(other->what);

    while (*left != '\0' && *left == *right) {
        left = next_word(left + 1);
        right = next_word(right + 1);
    }
    return strcmp(one->promise, other->promise) == 0 && *left == *right;
}

/* --- Guarded runs --- */

static const int deadly[] = { SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGALRM };
enum { DEADLY_COUNT = sizeof deadly / sizeof deadly[0] };

static sigjmp_buf way_out;

static void leave(int signal_number)
{
    siglongjmp(way_out, signal_number);
}

static void guard(bool on, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = on ? handler : SIG_DFL };

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DEADLY_COUNT; i++)
        (void)sigaction(deadly[i], &action, NULL);
}

static void note_death(struct kaya_violation *violation, int signal_number)
{
    *violation = (struct kaya_violation){ .promise = "" };
    if (signal_number == SIGALRM)
        kaya_violation_set(violation, "P8", "the run was still going after %d seconds", (int)ALARM_SECONDS);
    else
        kaya_violation_set(violation, "assert", "the process died: %s: an assertion failed, or worse",
                           strsignal(signal_number));
}

static bool set_stage(struct shorten *shorten)
{
    if (shorten->stage == NULL)
        shorten->stage = kaya_stage_create(0);
    if (shorten->stage != NULL)
        kaya_trace_listen(kaya_stage_trace(shorten->stage), shorten->listener, shorten->user);
    return shorten->stage != NULL;
}

/* False: no memory. */
static bool play(struct shorten *shorten, struct kaya_choices *choices)
{
    enum kaya_status status;
    int signal_number;

    if (!set_stage(shorten))
        return false;
    signal_number = sigsetjmp(way_out, 1);
    if (signal_number != 0) {
        alarm(0);
        shorten->stage = NULL; /* nobody knows in what state it is */
        note_death(&shorten->result.violation, signal_number);
        return true;
    }
    alarm(ALARM_SECONDS);
    status = kaya_stage_play_choices(shorten->stage, shorten->options->scenario, shorten->options->seed,
                                     choices, &shorten->result);
    alarm(0);
    return status == KAYA_OK;
}

/* --- Runs in a child --- */

/* What a child tells; then its decisions. Labels are the same addresses in both. */
struct message {
    struct kaya_violation violation;
    size_t count;
    bool no_memory;
};

static struct {
    struct kaya_choices *choices;
    int fd;
} last_will;

static void write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t done = write(fd, at, length);

        if (done < 0 && errno != EINTR)
            return;
        at += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
}

static void send_message(int fd, struct kaya_choices *choices, struct message *message)
{
    const struct kaya_decision *decisions = kaya_choices_recorded(choices, &message->count);

    write_all(fd, message, sizeof *message);
    write_all(fd, decisions, message->count * sizeof *decisions);
}

static void send_last_will(int signal_number)
{
    struct message message = { .count = 0 };

    note_death(&message.violation, signal_number);
    send_message(last_will.fd, last_will.choices, &message);
    _exit(1);
}

static void play_as_child(struct shorten *shorten, struct kaya_choices *choices, int fd)
{
    struct message message = { .count = 0 };
    struct kaya_run_result result;

    last_will.choices = choices;
    last_will.fd = fd;
    guard(true, send_last_will);
    alarm(ALARM_SECONDS);
    message.no_memory = kaya_stage_play_choices(shorten->stage, shorten->options->scenario,
                                                shorten->options->seed, choices, &result) != KAYA_OK;
    alarm(0);
    message.violation = result.violation;
    send_message(fd, choices, &message);
    _exit(0);
}

static bool read_all(int fd, void *bytes, size_t length)
{
    char *at = bytes;

    while (length > 0) {
        ssize_t done = read(fd, at, length);

        if (done == 0 || (done < 0 && errno != EINTR))
            return false;
        at += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

static enum kaya_status receive(struct shorten *shorten, int fd, struct kaya_tape *played)
{
    struct message message;
    struct kaya_decision *decisions;
    enum kaya_status status = KAYA_OK;

    if (!read_all(fd, &message, sizeof message)) {
        note_death(&shorten->result.violation, SIGKILL);
        return KAYA_OK;
    }
    decisions = calloc(message.count + 1, sizeof *decisions);
    if (decisions == NULL || message.no_memory || !read_all(fd, decisions, message.count * sizeof *decisions) ||
        kaya_tape_set(played, decisions, message.count) != KAYA_OK)
        status = KAYA_NO_MEMORY;
    free(decisions);
    shorten->result.violation = message.violation;
    return status;
}

static enum kaya_status play_in_child(struct shorten *shorten, struct kaya_choices *choices,
                                      struct kaya_tape *played)
{
    enum kaya_status status;
    int ends[2];
    pid_t child;

    if (!set_stage(shorten))
        return KAYA_NO_MEMORY;
    if (pipe(ends) != 0)
        return KAYA_LIMIT;
    child = fork();
    if (child == 0) {
        close(ends[0]);
        play_as_child(shorten, choices, ends[1]);
    }
    close(ends[1]);
    status = child < 0 ? KAYA_LIMIT : receive(shorten, ends[0], played);
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* --- Room for short stories --- */

static enum kaya_status insert(struct kaya_tape *tape, size_t at, struct kaya_decision decision)
{
    if (tape->count == tape->capacity) {
        size_t capacity = 2 * tape->count + 1;
        struct kaya_decision *made = realloc(tape->decisions, capacity * sizeof *made);

        if (made == NULL)
            return KAYA_NO_MEMORY;
        tape->decisions = made;
        tape->capacity = capacity;
    }
    memmove(&tape->decisions[at + 1], &tape->decisions[at], (tape->count - at) * sizeof *tape->decisions);
    tape->decisions[at] = decision;
    tape->count++;
    return KAYA_OK;
}

/* What a range asks under `label` begins at `from` now. Where it was a fixed number nobody asked: a question is put in front of the
 * first of the parts that it counts. */
static enum kaya_status relax(struct kaya_tape *tape, struct kaya_range *range, uint64_t from,
                              enum kaya_stream stream, const char *label)
{
    uint64_t more = range->from > from ? range->from - from : 0;
    uint64_t count = range->to - range->from + 1 + more;
    bool fixed = range->from == range->to;
    bool asked = false;
    enum kaya_status status = KAYA_OK;

    range->from -= more;
    for (size_t i = 0; tape != NULL && more > 0 && i < tape->count && status == KAYA_OK; i++) {
        struct kaya_decision *decision = &tape->decisions[i];
        bool is_part = decision->count == KAYA_PART_BEGINS;

        if (!fixed && decision->count > KAYA_PART_ENDS && decision->stream == stream &&
            strcmp(decision->label, label) == 0) {
            decision->count = count;
            decision->answer += more;
        }
        if (fixed && is_part && !asked && strcmp(decision->label, label) == 0) {
            status = insert(tape, i++, (struct kaya_decision){ stream, label, count, more });
            asked = true;
        } else if (is_part && strcmp(decision->label, "boots") == 0) {
            asked = strcmp(label, "boots") == 0; /* operations are counted in each boot */
        }
    }
    return status;
}

enum kaya_status kaya_shorten_relax(struct kaya_scenario *scenario, struct kaya_tape *tape)
{
    enum kaya_status status = relax(tape, &scenario->boots, 1, KAYA_STREAM_CONFIG, "boots");

    if (status == KAYA_OK)
        status = relax(tape, &scenario->operations, 0, KAYA_STREAM_WORKLOAD, "operations");
    return status;
}

/* --- Shrinking --- */

static bool is_time_over(void *user)
{
    const struct shorten *shorten = user;

    return shorten->no_memory || (shorten->end_seconds > 0 && kaya_clock_seconds() >= shorten->end_seconds);
}

static bool fails(void *user, const struct kaya_decision *decisions, size_t count, struct kaya_tape *played)
{
    struct shorten *shorten = user;
    const struct kaya_decision *recorded;
    size_t recorded_count;

    kaya_choices_redirect(shorten->choices, decisions, count);
    if (shorten->options->on_progress != NULL && shorten->runs++ % PROGRESS_RUNS == 0)
        shorten->options->on_progress(shorten->options->user, shorten->runs);
    if (shorten->is_dying) {
        shorten->no_memory = play_in_child(shorten, shorten->choices, played) != KAYA_OK;
        return !shorten->no_memory && kaya_violation_is_like(&shorten->result.violation, shorten->violation);
    }
    shorten->no_memory = !play(shorten, shorten->choices);
    if (shorten->no_memory || !kaya_violation_is_like(&shorten->result.violation, shorten->violation))
        return false;
    recorded = kaya_choices_recorded(shorten->choices, &recorded_count);
    shorten->no_memory = kaya_tape_set(played, recorded, recorded_count) != KAYA_OK;
    return !shorten->no_memory;
}

static bool begin(struct shorten *shorten)
{
    shorten->choices = kaya_choices_from_decisions(NULL, 0);
    if (shorten->choices == NULL)
        return false;
    kaya_choices_record(shorten->choices, true);
    if (shorten->options->seconds_max > 0)
        shorten->end_seconds = kaya_clock_seconds() + shorten->options->seconds_max;
    return true;
}

enum kaya_status kaya_shorten(const struct kaya_shorten_options *options, struct kaya_tape *tape,
                              const struct kaya_violation *violation, struct kaya_shrink_report *report)
{
    struct shorten shorten = { .options = options, .violation = violation };
    struct kaya_shrink_options shrink = {
        .fails = fails, .is_time_over = is_time_over, .user = &shorten, .runs_max = options->runs_max
    };
    enum kaya_status status;

    if (!begin(&shorten))
        return KAYA_NO_MEMORY;
    shorten.is_dying = strcmp(violation->promise, "assert") == 0;
    guard(true, leave);
    status = kaya_shrink(&shrink, tape, report);
    guard(false, NULL);
    if (shorten.no_memory)
        status = KAYA_NO_MEMORY;
    kaya_stage_destroy(shorten.stage);
    kaya_choices_destroy(shorten.choices);
    return status;
}

enum kaya_status kaya_shorten_play(const struct kaya_shorten_options *options, const struct kaya_tape *tape,
                                   kaya_trace_listener *listener, void *user, struct kaya_run_result *result)
{
    struct shorten shorten = { .options = options, .listener = listener, .user = user };
    enum kaya_status status = KAYA_NO_MEMORY;

    if (begin(&shorten)) {
        kaya_choices_redirect(shorten.choices, tape->decisions, tape->count);
        guard(true, leave);
        status = play(&shorten, shorten.choices) ? KAYA_OK : KAYA_NO_MEMORY;
        guard(false, NULL);
    }
    *result = shorten.result;
    kaya_stage_destroy(shorten.stage);
    kaya_choices_destroy(shorten.choices);
    return status;
}

enum kaya_status kaya_shorten_record(const struct kaya_shorten_options *options, struct kaya_choices *choices,
                                     struct kaya_tape *tape, struct kaya_violation *violation)
{
    struct shorten shorten = { .options = options };
    enum kaya_status status;

    kaya_choices_record(choices, true);
    status = play_in_child(&shorten, choices, tape);
    *violation = shorten.result.violation;
    kaya_stage_destroy(shorten.stage);
    return status;
}
