/* kaya-sim list. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "sim.h"

enum { LINE_BYTES = 120 };

static error_t parse(int key, char *argument, struct argp_state *state)
{
    bool *json = state->input;

    (void)argument;
    if (key == ARGP_KEY_ARG) {
        argp_usage(state);
        return EINVAL;
    }
    if (key != 'j')
        return ARGP_ERR_UNKNOWN;
    *json = true;
    return 0;
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

int kaya_sim_list(int argc, char **argv)
{
    static const struct argp_option options[] = {
        { "json", 'j', NULL, 0, "One JSON object a scenario, one a line", 0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "The scenarios that come with the program, with the story and the faults of each."
               "\vA scenario is a file of a few lines: `kaya-sim run my-own.yaml` runs yours. Start from one in scenarios/.",
    };
    const struct kaya_scenario *scenarios;
    bool json = false;
    size_t count;

    if (argp_parse(&argp, argc, argv, 0, NULL, &json) != 0)
        return KAYA_SIM_USAGE;
    scenarios = kaya_sim_scenarios(&count);
    if (scenarios == NULL)
        return KAYA_SIM_USAGE;
    for (size_t i = 0; i < count; i++)
        (json ? print_json : print_text)(&scenarios[i]);
    return kaya_sim_flush() ? KAYA_SIM_HELD : KAYA_SIM_USAGE;
}
