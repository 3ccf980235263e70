/* The truth is a fork of the disk that heals; where nothing is damaged, it is what is there. It is made again at each look: what a crash
 * left open is decided on the disk itself first, so that the fork has no choices of its own. */
#include "kaya/scenarios/damage.h"

#include <stdlib.h>

struct kaya_damage_watch {
    struct kaya_claims *claims;
    struct kaya_choices *no_choices; /* whatever the fork would ask */
    struct kaya_sim_disk *disk;      /* of the last look */
    struct kaya_sim_disk *fork;      /* NULL until one is wanted */
    struct kaya_image now, truth, later;
    bool is_damaged; /* else the truth is what is now */
};

struct kaya_damage_watch *kaya_damage_watch_create(void)
{
    struct kaya_damage_watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->claims = kaya_claims_create();
    watch->no_choices = kaya_choices_from_seed(0);
    if (watch->claims == NULL || watch->no_choices == NULL) {
        kaya_damage_watch_destroy(watch);
        return NULL;
    }
    return watch;
}

void kaya_damage_watch_destroy(struct kaya_damage_watch *watch)
{
    if (watch == NULL)
        return;
    kaya_image_release(&watch->now);
    kaya_image_release(&watch->truth);
    kaya_image_release(&watch->later);
    kaya_sim_disk_destroy(watch->fork);
    kaya_choices_destroy(watch->no_choices);
    kaya_claims_destroy(watch->claims);
    free(watch);
}

void kaya_damage_watch_reset(struct kaya_damage_watch *watch)
{
    kaya_claims_reset(watch->claims);
}

struct kaya_claims *kaya_damage_watch_claims(struct kaya_damage_watch *watch)
{
    return watch->claims;
}

enum kaya_status kaya_damage_heal(struct kaya_damage_watch *watch, struct kaya_sim_disk **healed)
{
    enum kaya_status status = watch->fork == NULL
                                  ? kaya_sim_disk_fork(watch->disk, watch->no_choices, NULL, &watch->fork)
                                  : kaya_sim_disk_copy(watch->disk, watch->no_choices, NULL, watch->fork);

    if (status == KAYA_OK)
        kaya_sim_disk_heal(watch->fork);
    *healed = watch->fork;
    return status;
}

static enum kaya_status read_truth(struct kaya_damage_watch *watch)
{
    struct kaya_sim_disk *healed;
    enum kaya_status status = kaya_damage_heal(watch, &healed);

    return status == KAYA_OK ? kaya_image_read(&watch->truth, healed) : status;
}

enum kaya_status kaya_damage_look(struct kaya_damage_watch *watch, struct kaya_sim_disk *disk,
                                  uint64_t low_lsn, uint64_t low_may_lsn, struct kaya_outlook *outlook)
{
    enum kaya_status status = kaya_image_read(&watch->now, disk);

    watch->disk = disk;
    watch->is_damaged = kaya_sim_disk_is_damaged(disk);
    if (status == KAYA_OK && watch->is_damaged)
        status = read_truth(watch);
    return status == KAYA_OK ? kaya_claims_judge(watch->claims, &watch->now, kaya_damage_truth(watch),
                                                 low_lsn, low_may_lsn, outlook)
                             : status;
}

enum kaya_status kaya_damage_is_untouched(struct kaya_damage_watch *watch, struct kaya_sim_disk *disk,
                                          bool *untouched)
{
    enum kaya_status status = kaya_image_read(&watch->later, disk);

    *untouched = status == KAYA_OK && kaya_image_equals(&watch->now, &watch->later);
    return status;
}

const struct kaya_image *kaya_damage_now(const struct kaya_damage_watch *watch)
{
    return &watch->now;
}

const struct kaya_image *kaya_damage_truth(const struct kaya_damage_watch *watch)
{
    return watch->is_damaged ? &watch->truth : &watch->now;
}
