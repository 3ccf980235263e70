/* The life that every subject over the log leads, whatever its role. */
#include "kaya/scenarios/role.h"

#include <stdlib.h>

#include "kaya/scenarios/player.h"

static const struct kaya_role *const roles[KAYA_SUBJECTS] = {
    [KAYA_SUBJECT_LOG] = &kaya_log_role,
    [KAYA_SUBJECT_KEY_VALUE] = &kaya_key_value_role,
    [KAYA_SUBJECT_CONCURRENT] = &kaya_concurrent_role,
};

static struct kaya_player *player_of(struct kaya_subject *subject)
{
    return (struct kaya_player *)subject;
}

const struct kaya_role *kaya_subject_role(const struct kaya_subject *subject)
{
    return (const struct kaya_role *)subject->operations; /* its first member */
}

enum kaya_status kaya_subject_create(enum kaya_subject_kind kind, const struct kaya_plan *plan, uint64_t seed,
                                     struct kaya_subject **subject)
{
    const struct kaya_role *role = roles[kind];
    struct kaya_subject *made = calloc(1, role->bytes);

    *subject = NULL;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    made->operations = &role->operations;
    if (!role->make(made)) {
        kaya_subject_destroy(made);
        return KAYA_NO_MEMORY;
    }
    kaya_subject_reset(made, plan, seed);
    *subject = made;
    return KAYA_OK;
}

void kaya_subject_reset(struct kaya_subject *subject, const struct kaya_plan *plan, uint64_t seed)
{
    kaya_player_reset(player_of(subject), plan, seed);
    kaya_subject_role(subject)->reset(subject);
}

void kaya_subject_destroy(struct kaya_subject *subject)
{
    if (subject == NULL)
        return;
    kaya_subject_role(subject)->unmake(subject);
    kaya_player_release(player_of(subject));
    free(subject);
}

struct kaya_oracle_counts kaya_subject_counts(const struct kaya_subject *subject)
{
    return kaya_subject_role(subject)->counts(subject);
}

uint64_t kaya_subject_recoveries(const struct kaya_subject *subject)
{
    return ((const struct kaya_player *)subject)->recoveries;
}

void kaya_subject_check_events(struct kaya_subject *subject, struct kaya_sim_disk *disk)
{
    struct kaya_event_check *events = &player_of(subject)->events;

    events->disk = disk;
    events->has_copies = player_of(subject)->plan->tampers;
    events->head = events->in_use = 0;
    kaya_event_check_forget(events);
}

void kaya_subject_tell_events(const struct kaya_subject *subject, struct kaya_violation *violation)
{
    kaya_event_check_tell(&((const struct kaya_player *)subject)->events, violation);
}

struct kaya_watch *kaya_subject_watch(struct kaya_subject *subject)
{
    return &player_of(subject)->watch;
}
