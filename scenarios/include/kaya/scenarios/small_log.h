/* The standard small logs: workloads so short that every crash of them can be tried. */
#ifndef KAYA_SCENARIOS_SMALL_LOG_H
#define KAYA_SCENARIOS_SMALL_LOG_H

#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

struct kaya_small_log {
    const char *name;
    const char *story;
    struct kaya_plan plan; /* scripted, with its profile */
};

/* "small", "padded", their shorter versions "short" and "short-padded", for nested crashes, and "key-value", the engine over one.
 * Static memory. */
const struct kaya_small_log *kaya_small_logs(size_t *count);
const struct kaya_small_log *kaya_small_log_find(const char *name); /* NULL: none of that name */

/* For kaya_explore: `user` is a const struct kaya_small_log. */
KAYA_MUST_CHECK enum kaya_status kaya_small_log_subject(void *user, struct kaya_subject **subject);

#endif
