/* Watches a log on a disk that damages it: before the log looks, what may it find? After it refused, did it change anything? */
#ifndef KAYA_SCENARIOS_DAMAGE_H
#define KAYA_SCENARIOS_DAMAGE_H

#include "kaya/scenarios/claims.h"

struct kaya_damage_watch;

struct kaya_damage_watch *kaya_damage_watch_create(void);        /* NULL: no memory */
void kaya_damage_watch_destroy(struct kaya_damage_watch *watch); /* takes NULL */
void kaya_damage_watch_reset(struct kaya_damage_watch *watch);   /* as new, for another run; keeps memory */

/* Told of every operation, and hears the trace (kaya_claims_hear). Owned by the watch. */
struct kaya_claims *kaya_damage_watch_claims(struct kaya_damage_watch *watch);

/* Compare the disk with what it would be without damage, and judge. Decides what crashes left open, everywhere. Records below
 * `low_lsn` were trimmed, those below `low_may_lsn` perhaps. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_damage_look(struct kaya_damage_watch *watch, struct kaya_sim_disk *disk,
                                                  uint64_t low_lsn, uint64_t low_may_lsn,
                                                  struct kaya_outlook *outlook);

/* Of the last look: the image as it is, and the image without damage. Owned by the watch. */
const struct kaya_image *kaya_damage_now(const struct kaya_damage_watch *watch);
const struct kaya_image *kaya_damage_truth(const struct kaya_damage_watch *watch);

/* A copy of the disk that was looked at last, and still stands, without damage. Owned by the watch; made anew each time, so it may be
 * booted and crashed. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_damage_heal(struct kaya_damage_watch *watch, struct kaya_sim_disk **healed);

/* Does the disk hold what it held at the last look, names, sizes and bytes? KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_damage_is_untouched(struct kaya_damage_watch *watch,
                                                          struct kaya_sim_disk *disk, bool *untouched);

#endif
