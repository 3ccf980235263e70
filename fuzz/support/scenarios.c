#include "scenarios.h"

#include <stdlib.h>

#include "kaya/scenarios/scenario_file.h"
#include "target.h"

static struct kaya_scenario *scenarios;
static size_t scenario_count;

static void release(void)
{
    for (size_t i = 0; i < scenario_count; i++)
        kaya_scenario_release(&scenarios[i]);
    free(scenarios);
}

void fuzz_scenarios_load(void)
{
    const struct kaya_scenario_text *texts = kaya_scenario_texts(&scenario_count);
    static struct kaya_scenario_mistake mistake;

    scenarios = calloc(scenario_count, sizeof *scenarios);
    fuzz_must(scenarios != NULL, "there is memory for scenarios");
    for (size_t i = 0; i < scenario_count; i++)
        if (kaya_scenario_parse(texts[i].file_name, texts[i].text, texts[i].length, &scenarios[i], &mistake) !=
            KAYA_OK)
            fuzz_fail("%s", mistake.text);
    (void)atexit(release);
}

size_t fuzz_scenario_count(void)
{
    return scenario_count;
}

const struct kaya_scenario *fuzz_scenarios(void)
{
    return scenarios;
}
