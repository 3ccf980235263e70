/* Scenarios by name (they come with the program) or from a file. Who names one waits for no other to be parsed: that takes as long as
 * some hundred simulated power losses. */
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/scenario_file.h"
#include "sim.h"

#define SUFFIX ".yaml"

static int compare_names(const void *one, const void *other)
{
    return strcmp(((const struct kaya_scenario *)one)->name, ((const struct kaya_scenario *)other)->name);
}

const struct kaya_scenario *kaya_sim_scenarios(size_t *count)
{
    static struct kaya_scenario *scenarios;
    const struct kaya_scenario_text *texts = kaya_scenario_texts(count);
    struct kaya_scenario_mistake mistake;

    if (scenarios != NULL)
        return scenarios;
    scenarios = calloc(*count, sizeof *scenarios);
    if (scenarios == NULL) {
        kaya_sim_complain("no memory");
        return NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        if (kaya_scenario_parse(texts[i].file_name, texts[i].text, texts[i].length, &scenarios[i], &mistake) ==
            KAYA_OK)
            continue;
        kaya_sim_complain("%s", mistake.text);
        while (i-- > 0)
            kaya_scenario_release(&scenarios[i]);
        free(scenarios);
        scenarios = NULL;
        return NULL;
    }
    qsort(scenarios, *count, sizeof *scenarios, compare_names);
    return scenarios;
}

bool kaya_sim_is_file_name(const char *name)
{
    size_t length = strlen(name);

    return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static bool is_path(const char *name)
{
    return strchr(name, '/') != NULL || kaya_sim_is_file_name(name);
}

/* Scripts of scenarios stay until the program ends: scenarios are copied about. */
struct kept {
    struct kept *next;
    struct kaya_scenario scenario;
};

static bool keep_script(struct kaya_scenario *scenario)
{
    static struct kept *all;
    struct kept *one = scenario->script == NULL ? NULL : calloc(1, sizeof *one);

    if (scenario->script == NULL)
        return true;
    if (one == NULL) {
        kaya_scenario_release(scenario);
        kaya_sim_complain("no memory");
        return false;
    }
    one->scenario = *scenario;
    one->next = all;
    all = one;
    return true;
}

/* Its text is the file of that name. */
static const struct kaya_scenario_text *find_text(const char *name)
{
    size_t count, length = strlen(name);
    const struct kaya_scenario_text *texts = kaya_scenario_texts(&count);

    for (size_t i = 0; i < count; i++)
        if (strncmp(texts[i].file_name, name, length) == 0 && strcmp(texts[i].file_name + length, SUFFIX) == 0)
            return &texts[i];
    return NULL;
}

bool kaya_sim_find(const char *name, struct kaya_scenario *scenario)
{
    const struct kaya_scenario_text *text = NULL;
    struct kaya_scenario_mistake mistake;
    enum kaya_status status;

    if (is_path(name)) {
        status = kaya_scenario_load(name, scenario, &mistake);
    } else {
        text = find_text(name);
        if (text == NULL) {
            kaya_sim_complain(
                "there is no scenario '%s'; `kaya-sim list` shows them, and a file's name ends in .yaml", name);
            return false;
        }
        status = kaya_scenario_parse(text->file_name, text->text, text->length, scenario, &mistake);
    }
    if (status == KAYA_OK)
        return keep_script(scenario);
    kaya_sim_complain("%s", mistake.text[0] != '\0' ? mistake.text : "no memory");
    return false;
}
