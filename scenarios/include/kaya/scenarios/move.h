/* A log that goes to another disk between two boots: somebody copies its directory there and syncs the copy. */
#ifndef KAYA_SCENARIOS_MOVE_H
#define KAYA_SCENARIOS_MOVE_H

#include "kaya/scenarios/image.h"
#include "kaya/sim/disk.h"

/* Between boots. Everything that the next one would see is durable behind it, on a disk of that profile, whose sectors are as long. `image` is room to
 * read it into. No fault but crashes may strike. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_move(struct kaya_sim_disk *disk, const struct kaya_sim_profile *profile,
                                           struct kaya_image *image);

#endif
