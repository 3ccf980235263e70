/* Paths made smaller. A path is a list of numbers already, so there is nothing to bend: a candidate fits or it does not, and one that does
 * not leads nowhere.
 *
 * In this order, until nothing changes: without a crash; without an answer; with a lower one (1, half of it, one less). A path that got
 * too long to be printed as a whole is none, so no candidate is longer than the path before it. */
#include <string.h>

#include "path.h"

enum { ROUNDS_MAX = 64 };

struct shortening {
    struct kaya_path path; /* the smallest so far */
    kaya_explore_is_same *is_same;
    void *user;
    uint64_t *asked;
};

static bool still_leads_there(struct shortening *shortening)
{
    char text[KAYA_EXPLORE_PATH_MAX];

    kaya_path_print(&shortening->path, text);
    ++*shortening->asked;
    return shortening->is_same(shortening->user, text);
}

static bool drop_crash(struct shortening *shortening, unsigned crash)
{
    struct kaya_path *path = &shortening->path;
    struct kaya_path whole = *path;

    path->crash_count--;
    memmove(&path->legs[crash], &path->legs[crash + 1], (path->crash_count + 1 - crash) * sizeof path->legs[0]);
    path->legs[whole.crash_count] = whole.legs[crash]; /* behind the end, to be released with the others */
    if (still_leads_there(shortening))
        return true;
    *path = whole;
    return false;
}

static bool drop_crashes(struct shortening *shortening)
{
    bool changed = false;

    for (unsigned crash = shortening->path.crash_count; crash > 0; crash--)
        changed = drop_crash(shortening, crash) || changed;
    return changed;
}

static bool set_answer(struct shortening *shortening, uint64_t *answer, uint64_t lower)
{
    uint64_t was = *answer;

    if (lower >= was)
        return false;
    *answer = lower;
    if (still_leads_there(shortening))
        return true;
    *answer = was;
    return false;
}

static bool lower_answer(struct shortening *shortening, uint64_t *answer)
{
    bool changed = set_answer(shortening, answer, 0);

    for (unsigned round = 0; round<ROUNDS_MAX && * answer> 1; round++) {
        if (!set_answer(shortening, answer, 1) && !set_answer(shortening, answer, *answer / 2) &&
            !set_answer(shortening, answer, *answer - 1))
            break;
        changed = true;
    }
    return changed;
}

static bool lower_answers(struct shortening *shortening)
{
    bool changed = false;

    for (unsigned leg = 0; leg <= shortening->path.crash_count; leg++)
        for (size_t index = 0; index < shortening->path.legs[leg].answer_count; index++)
            changed = lower_answer(shortening, &shortening->path.legs[leg].answers[index]) || changed;
    return changed;
}

enum kaya_status kaya_explore_shorten(char path[KAYA_EXPLORE_PATH_MAX], kaya_explore_is_same *is_same,
                                      void *user, uint64_t *asked)
{
    struct shortening shortening = { .is_same = is_same, .user = user, .asked = asked };
    enum kaya_status status = kaya_path_parse(path, &shortening.path);
    unsigned crash_count;
    bool changed = true;

    *asked = 0;
    if (status != KAYA_OK)
        return status;
    crash_count = shortening.path.crash_count;
    for (unsigned round = 0; round < ROUNDS_MAX && changed; round++) {
        changed = drop_crashes(&shortening);
        changed = lower_answers(&shortening) || changed;
    }
    kaya_path_print(&shortening.path, path);
    shortening.path.crash_count = crash_count;
    kaya_path_release(&shortening.path);
    return KAYA_OK;
}
