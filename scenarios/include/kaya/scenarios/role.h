/* The subjects over the log: what each kind brings, and what is done with all of them alike.
 *
 * A subject of this room begins with its player (player.h). Behind that stand the model that judges it and what runs on the boot; how
 * these are made, reset and let go is its role. */
#ifndef KAYA_SCENARIOS_ROLE_H
#define KAYA_SCENARIOS_ROLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/scenarios/coverage.h"
#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

struct kaya_role {
    struct kaya_subject_operations operations; /* destroy: kaya_subject_destroy */
    size_t bytes;                              /* of a subject, its player first */
    bool (*make)(struct kaya_subject *);       /* make its model; the rest is zeros. false: no memory */
    void (*unmake)(struct kaya_subject *);     /* let go of what `make` made, as far as it came */
    void (*reset)(struct kaya_subject *);      /* as new, for the plan that the player was given just now */
    struct kaya_oracle_counts (*counts)(const struct kaya_subject *);

    /* S5: all faults are lifted, and nothing is restarted but what has ended. Everything that the subject is asked for must succeed, in
     * bounded I/O; briefly: what cannot be left out. KAYA_GONE, KAYA_NO_MEMORY: the machine's. NULL: it has no such test, and
     * the faults are lifted before it starts. */
    enum kaya_status (*live)(struct kaya_subject *, const struct kaya_sim_machine *, bool briefly,
                             struct kaya_violation *);
};

extern const struct kaya_role kaya_log_role;
extern const struct kaya_role kaya_key_value_role;
extern const struct kaya_role kaya_concurrent_role;

/* `plan` is borrowed; its own kind does not matter. A subject is over (done) when the plan's script is; without a script it never is. */
KAYA_MUST_CHECK enum kaya_status kaya_subject_create(enum kaya_subject_kind kind, const struct kaya_plan *plan,
                                                     uint64_t seed, struct kaya_subject **subject);
/* As new, for another run, keeping memory. */
void kaya_subject_reset(struct kaya_subject *subject, const struct kaya_plan *plan, uint64_t seed);
void kaya_subject_destroy(struct kaya_subject *subject); /* takes NULL */

const struct kaya_role *kaya_subject_role(const struct kaya_subject *subject);
struct kaya_oracle_counts kaya_subject_counts(const struct kaya_subject *subject);
uint64_t kaya_subject_recoveries(const struct kaya_subject *subject); /* that came to an end */
/* What it reached since the reset. To be told where to count, and of what happens outside. */
struct kaya_watch *kaya_subject_watch(struct kaya_subject *subject);
/* A boot begins: what the log tells in it is held against that disk. Nobody asks where this is not called. */
void kaya_subject_check_events(struct kaya_subject *subject, struct kaya_sim_disk *disk);
/* Was something told that was not so? */
void kaya_subject_tell_events(const struct kaya_subject *subject, struct kaya_violation *violation);

#endif
