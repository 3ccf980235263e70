/* What an explorer goes through: a small log, or a scenario with so few operations that every crash of them can be tried. */
#ifndef KAYA_SCENARIOS_EXPLORATION_H
#define KAYA_SCENARIOS_EXPLORATION_H

#include "kaya/scenarios/small_log.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/explore.h"

enum { KAYA_EXPLORED_OPERATIONS_MAX = 64 };

struct kaya_exploration {
    struct kaya_plan plan; /* whose script may be the one below */
    struct kaya_operation script[KAYA_EXPLORED_OPERATIONS_MAX];
    uint64_t seed;
};

void kaya_exploration_of_log(struct kaya_exploration *exploration, const struct kaya_small_log *log);

/* The scenario's plan as `seed` draws it, with the first `count` operations drawn or recorded; count <= KAYA_EXPLORED_OPERATIONS_MAX.
 * KAYA_INVALID: this scenario does what no explorer can, and *why (static) says what. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_exploration_of_scenario(struct kaya_exploration *exploration,
                                                              const struct kaya_scenario *scenario,
                                                              uint64_t seed, uint32_t count, const char **why);

/* All sequences of `count` operations of the scenario's kinds, with the lengths that the seed draws for each place: how many there are
 * (UINT64_MAX: more than can be counted), and the plan with number `number` of them. The exploration is one that of_scenario made. */
uint64_t kaya_exploration_script_count(const struct kaya_exploration *exploration, uint32_t count);
void kaya_exploration_take_script(struct kaya_exploration *exploration, uint32_t count, uint64_t number);

/* Of the operations do only those of `kept`: bit n for number n. False: they are no list of so few that a set can name them. */
bool kaya_exploration_keep(struct kaya_exploration *exploration, uint64_t kept);

/* What hangs on the plan: profile, subject, room, families that never strike. The exploration is borrowed. */
void kaya_exploration_set(const struct kaya_exploration *exploration, struct kaya_explore_options *options);

/* The families of errors that an explorer can enumerate, of those that the plan has; all of them where it has none. */
uint64_t kaya_exploration_errors(const struct kaya_exploration *exploration);

#endif
