/* Replaying.
 *
 * A run follows from its scenario and seed, so the line needs no more; the digest says whether what was replayed is what was
 * seen. Where it is not, because the code has changed since, the marks narrow down where the two part: digests roll, so
 * every mark before that event agrees and all but one in 256 after it do not. Every replay runs twice: two runs of one
 * build that differ are a bug of the simulator (or of code that looks at clocks or addresses), and worse than any other. */
#include "kaya/scenarios/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- The line --- */

uint64_t kaya_replay_mark_at(uint64_t events, unsigned i)
{
    return (events * (i + 1) + KAYA_REPLAY_MARKS - 1) / KAYA_REPLAY_MARKS;
}

void kaya_replay_format(const struct kaya_replay_line *line, char text[KAYA_REPLAY_LINE_MAX])
{
    int at = snprintf(text, KAYA_REPLAY_LINE_MAX, "%s seed=0x%016" PRIx64, line->scenario, line->seed);

    if (!line->has_digest)
        return;
    at += snprintf(text + at, (size_t)(KAYA_REPLAY_LINE_MAX - at),
                   " digest=0x%016" PRIx64 " events=%" PRIu64 " marks=", line->digest, line->events);
    for (unsigned i = 0; i < KAYA_REPLAY_MARKS; i++)
        at += snprintf(text + at, (size_t)(KAYA_REPLAY_LINE_MAX - at), "%02x", line->marks[i]);
}

static bool parse_number(const char *text, size_t length, uint64_t *number)
{
    char digits[24];
    char *end;

    if (length == 0 || length >= sizeof digits || text[0] == '-' || text[0] == '+')
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    errno = 0;
    *number = strtoull(digits, &end, strncmp(digits, "0x", 2) == 0 ? 16 : 10);
    return *end == '\0' && errno == 0;
}

static bool parse_marks(const char *text, size_t length, uint8_t marks[KAYA_REPLAY_MARKS])
{
    unsigned value;

    if (length != 2 * (size_t)KAYA_REPLAY_MARKS || strspn(text, "0123456789abcdef") < length)
        return false;
    for (unsigned i = 0; i < KAYA_REPLAY_MARKS; i++) {
        if (sscanf(text + 2 * i, "%2x", &value) != 1)
            return false;
        marks[i] = (uint8_t)value;
    }
    return true;
}

struct found_keys {
    bool seed, digest, events, marks;
};

static bool parse_word(const char *word, size_t length, struct kaya_replay_line *line,
                       struct found_keys *found, const char **expected)
{
    bool *seen;
    bool good;

    if (strncmp(word, "seed=", 5) == 0) {
        *expected = "seed=0x...";
        good = parse_number(word + 5, length - 5, &line->seed);
        seen = &found->seed;
    } else if (strncmp(word, "digest=", 7) == 0) {
        *expected = "digest=0x...";
        good = parse_number(word + 7, length - 7, &line->digest);
        seen = &found->digest;
    } else if (strncmp(word, "events=", 7) == 0) {
        *expected = "events=NUMBER";
        good = parse_number(word + 7, length - 7, &line->events);
        seen = &found->events;
    } else if (strncmp(word, "marks=", 6) == 0) {
        *expected = "marks= and 128 hexadecimal digits";
        good = parse_marks(word + 6, length - 6, line->marks);
        seen = &found->marks;
    } else {
        *expected = "seed=, digest=, events= or marks=";
        return false;
    }
    good = good && !*seen;
    *seen = true;
    return good;
}

bool kaya_replay_parse(const char *text, struct kaya_replay_line *line, const char **expected)
{
    struct found_keys found = { false, false, false, false };
    const char *at = strstr(text, " seed=");

    memset(line, 0, sizeof *line);
    *expected = "a scenario's name or path, then seed=0x...";
    if (at == NULL || at == text || (size_t)(at - text) >= sizeof line->scenario)
        return false;
    memcpy(line->scenario, text, (size_t)(at - text));
    while (*at != '\0') {
        size_t length;
        at += strspn(at, " \n");
        length = strcspn(at, " \n");
        if (length > 0 && !parse_word(at, length, line, &found, expected))
            return false;
        at += length;
    }
    *expected = "digest=, events= and marks= together, or none of them";
    line->has_digest = found.digest;
    return found.seed && found.digest == found.events && found.digest == found.marks;
}

/* --- Measuring --- */

/* The digest's lowest 32 bits after each event. */
struct course {
    uint32_t *digests;
    size_t count, capacity;
    bool no_memory;
    struct kaya_trace *trace;
    kaya_trace_listener *print;
    void *user;
};

static void follow(void *user, const struct kaya_trace_event *event)
{
    struct course *course = user;

    if (course->print != NULL)
        course->print(course->user, event);
    if (course->count == course->capacity) {
        size_t capacity = course->capacity == 0 ? 1024 : course->capacity * 2;
        uint32_t *digests = realloc(course->digests, capacity * sizeof *digests);
        if (digests == NULL) {
            course->no_memory = true;
            return;
        }
        course->digests = digests;
        course->capacity = capacity;
    }
    course->digests[course->count++] = (uint32_t)kaya_trace_digest(course->trace);
}

/* `choices` NULL: answers come from the seed. */
static enum kaya_status play_course(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                    uint64_t seed, struct kaya_choices *choices, struct course *course,
                                    struct kaya_run_result *result)
{
    enum kaya_status status;

    course->trace = kaya_stage_trace(stage);
    kaya_trace_listen(course->trace, follow, course);
    status = choices == NULL ? kaya_stage_play(stage, scenario, seed, result)
                             : kaya_stage_play_choices(stage, scenario, seed, choices, result);
    kaya_trace_listen(course->trace, NULL, NULL);
    return course->no_memory ? KAYA_NO_MEMORY : status;
}

static uint8_t mark_of(const struct course *course, uint64_t event)
{
    return event == 0 || event > course->count ? 0 : (uint8_t)course->digests[event - 1];
}

enum kaya_status kaya_replay_measure(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                     struct kaya_replay_line *line, struct kaya_run_result *result)
{
    return kaya_replay_measure_choices(stage, scenario, NULL, line, result);
}

enum kaya_status kaya_replay_measure_choices(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                             struct kaya_choices *choices, struct kaya_replay_line *line,
                                             struct kaya_run_result *result)
{
    struct course course = { 0 };
    enum kaya_status status = play_course(stage, scenario, line->seed, choices, &course, result);

    if (status == KAYA_OK) {
        line->has_digest = true;
        line->digest = result->digest;
        line->events = result->events;
        for (unsigned i = 0; i < KAYA_REPLAY_MARKS; i++)
            line->marks[i] = mark_of(&course, kaya_replay_mark_at(line->events, i));
    }
    free(course.digests);
    return status;
}

/* --- Comparing --- */

/* Between the last mark that agrees and the first that does not. */
static void narrow(const struct course *course, const struct kaya_replay_line *line,
                   struct kaya_replay_result *result)
{
    unsigned i = 0;

    while (i < KAYA_REPLAY_MARKS && mark_of(course, kaya_replay_mark_at(line->events, i)) == line->marks[i] &&
           kaya_replay_mark_at(line->events, i) <= course->count)
        i++;
    result->first_event = (i == 0 ? 0 : kaya_replay_mark_at(line->events, i - 1)) + 1;
    result->last_event = i == KAYA_REPLAY_MARKS ? course->count : kaya_replay_mark_at(line->events, i);
    if (result->last_event < result->first_event)
        result->last_event = result->first_event;
}

static bool same_course(const struct course *one, const struct course *other, uint64_t *first)
{
    size_t i = 0;

    while (i < one->count && i < other->count && one->digests[i] == other->digests[i])
        i++;
    *first = i + 1;
    return i == one->count && i == other->count;
}

enum kaya_status kaya_replay(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                             const struct kaya_replay_line *line, kaya_trace_listener *print, void *user,
                             struct kaya_replay_result *result)
{
    struct course first = { .print = print, .user = user };
    struct course second = { 0 };
    enum kaya_status status;

    memset(result, 0, sizeof *result);
    status = play_course(stage, scenario, line->seed, NULL, &first, &result->run);
    if (status == KAYA_OK)
        status = play_course(stage, scenario, line->seed, NULL, &second, &result->run);
    if (status != KAYA_OK)
        goto done;
    if (!same_course(&first, &second, &result->first_event)) {
        result->verdict = KAYA_REPLAY_NOT_DETERMINISTIC;
        result->last_event = result->first_event;
    } else if (line->has_digest && (line->digest != result->run.digest || line->events != result->run.events)) {
        result->verdict = KAYA_REPLAY_DIFFERS;
        narrow(&first, line, result);
    }
done:
    free(first.digests);
    free(second.digests);
    return status;
}

struct window {
    uint64_t first, last;
    FILE *file;
};

static void print_window(void *user, const struct kaya_trace_event *event)
{
    const struct window *window = user;

    if (event->index >= window->first && event->index <= window->last)
        kaya_trace_print_event(event, window->file);
}

enum kaya_status kaya_replay_print(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                   uint64_t seed, uint64_t first, uint64_t last, FILE *file)
{
    struct window window = { first, last, file };
    struct kaya_run_result result;
    enum kaya_status status;

    kaya_trace_listen(kaya_stage_trace(stage), print_window, &window);
    status = kaya_stage_play(stage, scenario, seed, &result);
    kaya_trace_listen(kaya_stage_trace(stage), NULL, NULL);
    return status;
}
