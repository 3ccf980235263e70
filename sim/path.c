/* Paths as text: "error 12=1; call 41 power_loss 0=3 7=1; call 7 process_crash", or "schedule 12=1; ...". Questions are counted from 0 behind each crash; those
 * that are not named were answered with 0. "no crash" is the workload alone. */
#include "path.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { QUESTIONS_MAX = 1 << 16 };

static const char NO_CRASH[] = "no crash";

static const char *const crash_names[] = {
    [KAYA_CRASH_POWER_LOSS] = "power_loss",
    [KAYA_CRASH_PROCESS] = "process_crash",
};

static const char *const first_words[] = { "error", "schedule" };

/* ---- writing ---- */

static size_t append(char text[KAYA_EXPLORE_PATH_MAX], size_t used, int length)
{
    if ((size_t)length < KAYA_EXPLORE_PATH_MAX - used)
        return used + (size_t)length;
    memcpy(text + KAYA_EXPLORE_PATH_MAX - 4, "...", 4);
    return KAYA_EXPLORE_PATH_MAX;
}

static size_t append_answers(char text[KAYA_EXPLORE_PATH_MAX], size_t used, const struct kaya_choices *odometer)
{
    for (size_t index = 0; index < kaya_choices_given(odometer) && used < KAYA_EXPLORE_PATH_MAX; index++) {
        uint64_t answer = kaya_choices_answer_at(odometer, index);

        if (answer != 0)
            used = append(text, used,
                          snprintf(text + used, KAYA_EXPLORE_PATH_MAX - used, " %zu=%" PRIu64, index, answer));
    }
    return used;
}

static bool is_all_zero(const struct kaya_choices *odometer)
{
    for (size_t index = 0; index < kaya_choices_given(odometer); index++)
        if (kaya_choices_answer_at(odometer, index) != 0)
            return false;
    return true;
}

/* What the workload's own answers are about, by the first of them. */
static const char *first_word(const struct kaya_choices *odometer)
{
    size_t index = 0;

    while (kaya_choices_answer_at(odometer, index) == 0)
        index++;
    return first_words[kaya_choices_stream_at(odometer, index) == KAYA_STREAM_SCHEDULE];
}

size_t kaya_path_format(char text[KAYA_EXPLORE_PATH_MAX], size_t used, unsigned leg, uint64_t call,
                        enum kaya_crash kind, const struct kaya_choices *odometer)
{
    const char *between;

    if (leg == 0 && is_all_zero(odometer))
        return append(text, 0, snprintf(text, KAYA_EXPLORE_PATH_MAX, "%s", NO_CRASH));
    if (leg == 0)
        return append_answers(
            text, append(text, 0, snprintf(text, KAYA_EXPLORE_PATH_MAX, "%s", first_word(odometer))), odometer);
    if (leg == 1 && strcmp(text, NO_CRASH) == 0)
        used = 0;
    if (used == KAYA_EXPLORE_PATH_MAX)
        return used;
    between = used > 0 ? "; " : "";
    used = append(text, used,
                  snprintf(text + used, KAYA_EXPLORE_PATH_MAX - used, "%scall %" PRIu64 " %s", between, call,
                           crash_names[kind]));
    return append_answers(text, used, odometer);
}

static size_t print_answers(char text[KAYA_EXPLORE_PATH_MAX], size_t used, const struct kaya_path_leg *leg)
{
    for (size_t index = 0; index < leg->answer_count && used < KAYA_EXPLORE_PATH_MAX; index++)
        if (leg->answers[index] != 0)
            used = append(text, used,
                          snprintf(text + used, KAYA_EXPLORE_PATH_MAX - used, " %zu=%" PRIu64, index,
                                   leg->answers[index]));
    return used;
}

void kaya_path_print(const struct kaya_path *path, char text[KAYA_EXPLORE_PATH_MAX])
{
    size_t used = 0;
    bool has_first = false;

    for (size_t index = 0; index < path->legs[0].answer_count; index++)
        has_first = has_first || path->legs[0].answers[index] != 0;
    if (has_first)
        used = print_answers(text,
                             append(text, 0, snprintf(text, KAYA_EXPLORE_PATH_MAX, "%s", path->first_word)),
                             &path->legs[0]);
    else if (path->crash_count == 0)
        used = append(text, 0, snprintf(text, KAYA_EXPLORE_PATH_MAX, "%s", NO_CRASH));
    for (unsigned crash = 1; crash <= path->crash_count && used < KAYA_EXPLORE_PATH_MAX; crash++) {
        const struct kaya_path_leg *leg = &path->legs[crash];

        used = append(text, used,
                      snprintf(text + used, KAYA_EXPLORE_PATH_MAX - used, "%scall %" PRIu64 " %s",
                               used > 0 ? "; " : "", leg->call, crash_names[leg->kind]));
        if (used < KAYA_EXPLORE_PATH_MAX)
            used = print_answers(text, used, leg);
    }
}

/* ---- reading ---- */

/* Reads " INDEX=ANSWER" as often as it is there; indices ascend. */
static enum kaya_status parse_answers(const char **text, struct kaya_path_leg *leg)
{
    uint64_t index, answer;
    int length = 0;

    while (**text == ' ') {
        uint64_t *answers;

        if (sscanf(*text, " %" SCNu64 "=%" SCNu64 "%n", &index, &answer, &length) != 2)
            return KAYA_INVALID;
        if (index < leg->answer_count || index >= QUESTIONS_MAX || answer == 0)
            return KAYA_INVALID;
        answers = realloc(leg->answers, (index + 1) * sizeof *answers);
        if (answers == NULL)
            return KAYA_NO_MEMORY;
        memset(answers + leg->answer_count, 0, (index - leg->answer_count) * sizeof *answers);
        answers[index] = answer;
        leg->answers = answers;
        leg->answer_count = index + 1;
        *text += length;
    }
    return KAYA_OK;
}

static bool parse_crash(const char **text, struct kaya_path_leg *leg)
{
    char name[16];
    int length = 0;

    if (sscanf(*text, "call %" SCNu64 " %15[a-z_]%n", &leg->call, name, &length) != 2)
        return false;
    leg->kind = strcmp(name, crash_names[KAYA_CRASH_PROCESS]) == 0 ? KAYA_CRASH_PROCESS : KAYA_CRASH_POWER_LOSS;
    *text += length;
    return strcmp(name, crash_names[leg->kind]) == 0;
}

static bool skip_between(const char **text)
{
    bool is_there = strncmp(*text, "; ", 2) == 0;

    *text += is_there ? 2 : 0;
    return is_there;
}

/* *is_there: the workload was given answers. */
static enum kaya_status parse_first(const char **text, struct kaya_path *path, bool *is_there)
{
    *is_there = false;
    for (size_t index = 0; index < sizeof first_words / sizeof first_words[0] && !*is_there; index++) {
        size_t length = strlen(first_words[index]);

        *is_there = strncmp(*text, first_words[index], length) == 0;
        *text += *is_there ? length : 0;
        path->first_word = first_words[index];
    }
    if (!*is_there)
        return KAYA_OK;
    return **text == ' ' ? parse_answers(text, &path->legs[0]) : KAYA_INVALID;
}

static enum kaya_status parse(const char *text, struct kaya_path *path)
{
    bool has_first;
    enum kaya_status status = parse_first(&text, path, &has_first);

    if (status != KAYA_OK || (has_first && *text == '\0'))
        return status;
    if (has_first && !skip_between(&text))
        return KAYA_INVALID;
    do {
        struct kaya_path_leg *leg;

        if (path->crash_count == KAYA_EXPLORE_DEPTH_MAX)
            return KAYA_INVALID;
        leg = &path->legs[++path->crash_count];
        if (!parse_crash(&text, leg))
            return KAYA_INVALID;
        status = parse_answers(&text, leg);
    } while (status == KAYA_OK && skip_between(&text));
    return status == KAYA_OK && *text != '\0' ? KAYA_INVALID : status;
}

enum kaya_status kaya_path_parse(const char *text, struct kaya_path *path)
{
    enum kaya_status status;

    *path = (struct kaya_path){ 0 };
    if (strcmp(text, NO_CRASH) == 0)
        return KAYA_OK;
    status = parse(text, path);
    if (status != KAYA_OK)
        kaya_path_release(path);
    return status;
}

void kaya_path_release(struct kaya_path *path)
{
    for (unsigned leg = 0; leg <= path->crash_count; leg++)
        free(path->legs[leg].answers);
    *path = (struct kaya_path){ 0 };
}
