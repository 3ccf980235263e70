/* kaya-sim shrink with a line of the explorer: fewer operations, a shorter path, told as a story. Nothing is saved, for all of it stands in
 * the line that replays it. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "exploring.h"
#include "kaya/scenarios/shorten_path.h"
#include "kaya/scenarios/story.h"

enum { STORY_WIDTH = 126 };

struct shrinking {
    struct kaya_sim_exploring exploring;
    struct kaya_exploration exploration;
    struct kaya_explore_options explore;
    struct kaya_shorten_path_options options;
    struct kaya_short_path shortened;
    struct kaya_story *story;
    char line[KAYA_SIM_LINE_MAX]; /* the short one */
    bool progress_shown;
};

static void show_progress(void *user, uint64_t walks)
{
    struct shrinking *shrinking = user;

    fprintf(stderr, "\rshrinking: %" PRIu64 " paths", walks);
    shrinking->progress_shown = true;
}

static bool open_line(struct shrinking *shrinking, const char *line, const char **path)
{
    struct kaya_sim_exploring whole;

    if (!kaya_sim_exploring_parse(line, &shrinking->exploring, path)) {
        kaya_sim_complain(
            "'%s' is no line of the explorer; one looks like 'explore small: call 41 power_loss 0=1'", line);
        return false;
    }
    whole = shrinking->exploring;
    whole.kept = 0;
    return kaya_sim_exploring_open(&whole, &shrinking->exploration, &shrinking->explore);
}

static int complain_of(const struct shrinking *shrinking, enum kaya_status status)
{
    if (status == KAYA_INVALID)
        return kaya_sim_complain(
            "'%s' is no path; one looks like 'call 41 power_loss 0=3 7=1; call 7 process_crash'",
            shrinking->shortened.path);
    if (status == KAYA_NOT_FOUND)
        return kaya_sim_complain("%s: there is no such call, or no such outcome of a crash there",
                                 shrinking->exploring.name);
    return kaya_sim_complain("%s", kaya_status_text(status));
}

/* --- Saying it --- */

static void print_text(const struct shrinking *shrinking)
{
    const struct kaya_short_path *shortened = &shrinking->shortened;
    size_t count = kaya_story_line_count(shrinking->story);
    char walks[KAYA_SIM_GROUPED_BYTES];

    for (size_t i = 0; i < count; i++) {
        const char *line = kaya_story_line(shrinking->story, i, STORY_WIDTH);

        printf("%s%2zu  %s%s\n", i + 1 == count ? kaya_sim_red(stdout) : "", i + 1, line == NULL ? "" : line,
               i + 1 == count ? kaya_sim_plain(stdout) : "");
    }
    printf("\n%s paths: from %" PRIu64 " operations to %" PRIu64 "%s\n",
           kaya_sim_grouped(shortened->walks, walks), shortened->operations_before, shortened->operations,
           shortened->is_complete ? "; nothing more can be left out" : "; the time was over");
    printf("replay: kaya-sim replay '%s'\n", shrinking->line);
}

static void print_json(const struct shrinking *shrinking)
{
    const struct kaya_short_path *shortened = &shrinking->shortened;
    json_t *lines = json_array();
    json_t *object;

    for (size_t i = 0; i < kaya_story_line_count(shrinking->story); i++) {
        const char *line = kaya_story_line(shrinking->story, i, STORY_WIDTH);

        json_array_append_new(lines, json_stringn_nocheck(line, line == NULL ? 0 : strlen(line)));
    }
    object = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:b, s:s}", "name", shrinking->exploring.name,
                       "promise", shortened->violation.promise, "what", shortened->violation.what, "story",
                       lines, "paths", (json_int_t)shortened->walks, "operations_before",
                       (json_int_t)shortened->operations_before, "operations", (json_int_t)shortened->operations,
                       "complete", shortened->is_complete, "line", shrinking->line);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static int tell(struct shrinking *shrinking, bool json)
{
    enum kaya_status status;

    shrinking->story = kaya_story_create();
    if (shrinking->story == NULL)
        return complain_of(shrinking, KAYA_NO_MEMORY);
    status =
        kaya_shorten_path_tell(&shrinking->options, &shrinking->shortened, kaya_story_hear, shrinking->story);
    if (status != KAYA_OK)
        return complain_of(shrinking, status);
    kaya_story_end(shrinking->story, &shrinking->shortened.violation);
    shrinking->exploring.kept = shrinking->shortened.operations < shrinking->shortened.operations_before
                                    ? shrinking->shortened.kept
                                    : 0;
    kaya_sim_exploring_format(&shrinking->exploring, shrinking->shortened.path, shrinking->line);
    (json ? print_json : print_text)(shrinking);
    return KAYA_SIM_BROKEN;
}

int kaya_sim_exploring_shrink(const char *line, uint64_t seconds, bool json)
{
    static struct shrinking shrinking; /* large */
    const char *path;
    enum kaya_status status;
    int code;

    if (!open_line(&shrinking, line, &path))
        return KAYA_SIM_USAGE;
    shrinking.options =
        (struct kaya_shorten_path_options){ .exploration = &shrinking.exploration,
                                            .explore = &shrinking.explore,
                                            .seconds_max = (double)seconds,
                                            .on_progress = isatty(STDERR_FILENO) ? show_progress : NULL,
                                            .user = &shrinking };
    shrinking.shortened.kept = shrinking.exploring.kept == 0 ? UINT64_MAX : shrinking.exploring.kept;
    snprintf(shrinking.shortened.path, sizeof shrinking.shortened.path, "%s", path);
    status = kaya_shorten_path(&shrinking.options, &shrinking.shortened);
    if (shrinking.progress_shown)
        fputs("\r\033[K", stderr);
    if (status != KAYA_OK)
        return complain_of(&shrinking, status);
    if (!kaya_violation_is_set(&shrinking.shortened.violation)) {
        kaya_sim_print_unbroken(json);
        return KAYA_SIM_HELD;
    }
    code = tell(&shrinking, json);
    kaya_story_destroy(shrinking.story);
    return code;
}
