/* Naming what is explored: on the command line of explore, and in the lines that replay takes.
 *
 *     explore NAME [KEY=NUMBER ...]: PATH
 *
 * A line holds what the walk along its path hangs on and nothing else: neither bounds nor rules. */
#include "exploring.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATIONS_DEFAULT = 6, SEED_DEFAULT = 1 };

static const struct key {
    const char *name;
    size_t offset;
    uint64_t from, to;
} keys[] = {
    { "seed", offsetof(struct kaya_sim_exploring, seed), 0, UINT64_MAX },
    { "operations", offsetof(struct kaya_sim_exploring, operations), 1, KAYA_EXPLORED_OPERATIONS_MAX },
    { "script", offsetof(struct kaya_sim_exploring, script), 1, UINT64_MAX },
    { "kept", offsetof(struct kaya_sim_exploring, kept), 1, UINT64_MAX },
    { "steps", offsetof(struct kaya_sim_exploring, steps), 1, 1000 },
    { "errors", offsetof(struct kaya_sim_exploring, errors), 1, 8 },
    { "torn", offsetof(struct kaya_sim_exploring, torn), 1, 64 },
    { "preemptions", offsetof(struct kaya_sim_exploring, preemptions), 1, 64 },
};
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

static uint64_t *value_of(struct kaya_sim_exploring *exploring, const struct key *key)
{
    return (uint64_t *)(void *)((char *)exploring + key->offset);
}

/* --- Opening --- */

static bool open_scenario(const struct kaya_sim_exploring *exploring, struct kaya_exploration *exploration)
{
    uint32_t count = (uint32_t)(exploring->operations != 0 ? exploring->operations : OPERATIONS_DEFAULT);
    uint64_t seed = exploring->seed != 0 ? exploring->seed : SEED_DEFAULT;
    struct kaya_scenario scenario;
    enum kaya_status status;
    const char *why;

    if (!kaya_sim_find(exploring->name, &scenario))
        return false;
    status = kaya_exploration_of_scenario(exploration, &scenario, seed, count, &why);
    if (status != KAYA_OK) {
        kaya_sim_complain("%s: %s", exploring->name, why != NULL ? why : kaya_status_text(status));
        return false;
    }
    if (exploring->script == 0)
        return true;
    if (exploring->script - 1 >= kaya_exploration_script_count(exploration, count)) {
        kaya_sim_complain("%s: there are only %" PRIu64 " sequences of %u operations", exploring->name,
                          kaya_exploration_script_count(exploration, count), count);
        return false;
    }
    kaya_exploration_take_script(exploration, count, exploring->script - 1);
    return true;
}

bool kaya_sim_exploring_open(const struct kaya_sim_exploring *exploring, struct kaya_exploration *exploration,
                             struct kaya_explore_options *options)
{
    const struct kaya_small_log *log = kaya_small_log_find(exploring->name);

    if (log != NULL)
        kaya_exploration_of_log(exploration, log);
    else if (!open_scenario(exploring, exploration))
        return false;
    if (exploring->kept != 0 && !kaya_exploration_keep(exploration, exploring->kept)) {
        kaya_sim_complain("%s: its operations are no list of which some could be kept", exploring->name);
        return false;
    }
    *options = (struct kaya_explore_options){ .process_crashes = true };
    kaya_exploration_set(exploration, options);
    options->steps_after_recovery = (unsigned)exploring->steps;
    options->torn_sectors_max = (uint32_t)exploring->torn;
    options->errors = exploring->errors > 0 ? kaya_exploration_errors(exploration) : 0;
    options->errors_max = (uint32_t)exploring->errors;
    if (exploring->preemptions != 0)
        options->preemptions_max = (uint32_t)exploring->preemptions;
    return true;
}

/* --- Lines --- */

void kaya_sim_exploring_format(const struct kaya_sim_exploring *exploring, const char *path,
                               char line[KAYA_SIM_LINE_MAX])
{
    struct kaya_sim_exploring copy = *exploring;
    int used = snprintf(line, KAYA_SIM_LINE_MAX, "explore %s", exploring->name);

    for (size_t index = 0; index < KEY_COUNT; index++) {
        uint64_t value = *value_of(&copy, &keys[index]);

        if (value != 0)
            used += snprintf(line + used, KAYA_SIM_LINE_MAX - (size_t)used, " %s=%" PRIu64, keys[index].name,
                             value);
    }
    snprintf(line + used, KAYA_SIM_LINE_MAX - (size_t)used, ": %s", path);
}

static bool parse_key(const char *word, size_t length, struct kaya_sim_exploring *exploring)
{
    for (size_t index = 0; index < KEY_COUNT; index++) {
        size_t name_length = strlen(keys[index].name);
        uint64_t value;
        char *end;

        if (length <= name_length + 1 || strncmp(word, keys[index].name, name_length) != 0 ||
            word[name_length] != '=')
            continue;
        if (word[name_length + 1] < '0' || word[name_length + 1] > '9')
            return false;
        value = strtoull(word + name_length + 1, &end, 0);
        if (end != word + length || value < keys[index].from || value > keys[index].to)
            return false;
        *value_of(exploring, &keys[index]) = value;
        return true;
    }
    return false;
}

bool kaya_sim_exploring_parse(const char *line, struct kaya_sim_exploring *exploring, const char **path)
{
    static const char head[] = "explore ";
    const char *end = strstr(line, ": ");
    size_t length;

    *exploring = (struct kaya_sim_exploring){ .seed = 0 };
    if (strncmp(line, head, strlen(head)) != 0 || end == NULL)
        return false;
    *path = end + 2;
    line += strlen(head);
    length = strcspn(line, " :");
    if (length == 0 || length >= sizeof exploring->name)
        return false;
    memcpy(exploring->name, line, length);
    for (line += length; line < end; line += length) {
        line += strspn(line, " ");
        length = strcspn(line, " :");
        if (!parse_key(line, length, exploring))
            return false;
    }
    return true;
}

/* --- Replaying --- */

static void print_json(const char *line, const struct kaya_violation *violation)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s}", "line", line, "promise", violation->promise, "what", violation->what);

    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void print_text(const struct kaya_violation *violation)
{
    if (!kaya_violation_is_set(violation))
        printf("all promises held at the end of this path\n");
    else
        printf("%sbroken: %s%s\nfound:  %s\n", kaya_sim_red(stdout), violation->promise,
               kaya_sim_plain(stdout), violation->what);
}

int kaya_sim_exploring_replay(const char *line, bool prints_events, bool json)
{
    static struct kaya_exploration exploration;
    struct kaya_explore_options options;
    struct kaya_sim_exploring exploring;
    struct kaya_violation violation;
    enum kaya_status status;
    const char *path;

    if (!kaya_sim_exploring_parse(line, &exploring, &path))
        return kaya_sim_complain(
            "'%s' is no line of the explorer; one looks like 'explore small: call 41 power_loss 0=1'", line);
    if (!kaya_sim_exploring_open(&exploring, &exploration, &options))
        return KAYA_SIM_USAGE;
    status = kaya_explore_replay(&options, path, prints_events ? stdout : NULL, &violation);
    if (status == KAYA_INVALID)
        return kaya_sim_complain(
            "'%s' is no path; one looks like 'call 41 power_loss 0=3 7=1; call 7 process_crash'", path);
    if (status == KAYA_NOT_FOUND)
        return kaya_sim_complain("%s: there is no such call, or no such outcome of a crash there",
                                 exploring.name);
    if (status != KAYA_OK)
        return kaya_sim_complain("%s: %s", exploring.name, kaya_status_text(status));
    if (json)
        print_json(line, &violation);
    else
        print_text(&violation);
    return kaya_violation_is_set(&violation) ? KAYA_SIM_BROKEN : KAYA_SIM_HELD;
}
