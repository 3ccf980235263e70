/* Scenarios as files: YAML, by a schema. scenarios/README.md lists the keys. */
#ifndef KAYA_SCENARIOS_SCENARIO_FILE_H
#define KAYA_SCENARIOS_SCENARIO_FILE_H

#include "kaya/scenarios/scenario.h"

enum { KAYA_MISTAKE_TEXT_MAX = 2048 };

/* What is wrong with a file, and what would be right. */
struct kaya_scenario_mistake {
    unsigned line;                    /* counted from 1 */
    char key[256];                    /* "crash.endings"; "" if none is meant */
    char text[KAYA_MISTAKE_TEXT_MAX]; /* "FILE:LINE: KEY: what is wrong; allowed: ..." */
};

/* `file_name` is for messages only. A workload file that the scenario names is one of those that come with the program. On KAYA_OK
 * the scenario is to be released. KAYA_INVALID: *mistake says why. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_scenario_parse(const char *file_name, const char *text, size_t length,
                                                     struct kaya_scenario *scenario,
                                                     struct kaya_scenario_mistake *mistake);

/* Read a file, and the workload file beside it that it names. KAYA_NOT_FOUND, KAYA_IO: *mistake says which file. */
KAYA_MUST_CHECK enum kaya_status kaya_scenario_load(const char *path, struct kaya_scenario *scenario,
                                                    struct kaya_scenario_mistake *mistake);

/* Free the script of a scenario that was parsed or loaded. No copy of it may be used any more. */
void kaya_scenario_release(struct kaya_scenario *scenario);

/* The scenarios that come with the program: their files' texts, by name. Static memory. */
struct kaya_scenario_text {
    const char *file_name; /* "power-loss.yaml" */
    const char *text;
    size_t length;
};
const struct kaya_scenario_text *kaya_scenario_texts(size_t *count);

/* Likewise the workload files that these name. */
const struct kaya_scenario_text *kaya_workload_texts(size_t *count);

#endif
