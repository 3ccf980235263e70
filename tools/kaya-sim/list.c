/* kaya-sim list. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "sim.h"

enum { LINE_BYTES = 120 };

struct arguments {
    bool json;
    char **names; /* NULL: all of them */
    size_t name_count;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct arguments *arguments = state->input;

    (void)argument;
    switch (key) {
    case 'j':
        arguments->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        arguments->names = state->argv + state->next;
        arguments->name_count = (size_t)(state->argc - state->next);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static bool declares(const struct kaya_scenario *scenario, int fault)
{
    return (scenario->faults >> fault & 1) != 0;
}

static void print_json(const struct kaya_scenario *scenario)
{
    json_t *faults = json_array();
    json_t *object;

    for (int i = 0; i < KAYA_FAULTS; i++)
        if (declares(scenario, i))
            json_array_append_new(faults, json_string(kaya_fault_name((enum kaya_fault)i)));
    object = json_pack("{s:s, s:s, s:I, s:I, s:o}", "scenario", scenario->name, "story", scenario->story,
                       "seeds", (json_int_t)scenario->seeds, "expect_struck_within",
                       (json_int_t)scenario->expect_struck_within, "faults", faults);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* As wide as stories are. */
static void print_faults(const struct kaya_scenario *scenario)
{
    static const char head[] = "    Faults:", indent[] = "           ";
    size_t width = strlen(head);

    fputs(head, stdout);
    for (int i = 0; i < KAYA_FAULTS; i++) {
        const char *name = kaya_fault_name((enum kaya_fault)i);

        if (!declares(scenario, i))
            continue;
        if (width + 1 + strlen(name) > LINE_BYTES) {
            printf("\n%s", indent);
            width = strlen(indent);
        }
        width += (size_t)printf(" %s", name);
    }
    putchar('\n');
}

static void print_text(const struct kaya_scenario *scenario)
{
    const char *at = scenario->story;

    printf("%s\n", scenario->name);
    while (*at != '\0') {
        size_t length = strcspn(at, "\n");
        printf("    %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
    print_faults(scenario);
    putchar('\n');
}

static bool print_named(const struct arguments *arguments)
{
    struct kaya_scenario scenario;

    for (size_t i = 0; i < arguments->name_count; i++) {
        if (!kaya_sim_find(arguments->names[i], &scenario))
            return false;
        (arguments->json ? print_json : print_text)(&scenario);
    }
    return true;
}

static bool print_all(const struct arguments *arguments)
{
    size_t count;
    const struct kaya_scenario *scenarios = kaya_sim_scenarios(&count);

    for (size_t i = 0; scenarios != NULL && i < count; i++)
        (arguments->json ? print_json : print_text)(&scenarios[i]);
    return scenarios != NULL;
}

int kaya_sim_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "json", 'j', NULL, 0, "One JSON object a scenario, one a line", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .args_doc = "[NAME or FILE ...]",
        .doc =
            "The scenarios that come with the program, or those that are named, with the story and the faults of each."
            "\vA scenario is a file of a few lines: `kaya-sim run my-own.yaml` runs yours. Start from one in scenarios/.",
    };
    struct arguments arguments = { .names = NULL };
    bool good;

    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return KAYA_SIM_USAGE;
    good = arguments.name_count > 0 ? print_named(&arguments) : print_all(&arguments);
    return kaya_sim_flush() && good ? KAYA_SIM_HELD : KAYA_SIM_USAGE;
}
