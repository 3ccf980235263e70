/* What any boot may be answered by a disk, from here on, as a hash. */
#ifndef KAYA_SIM_FINGERPRINT_H
#define KAYA_SIM_FINGERPRINT_H

#include "state.h"

/* Two disks of one profile with one fingerprint are the same to all code: the same calls are answered the same, the same questions are
 * asked of what crashes left, and the same answers lead to the same. Not part of it: what was counted, what was traced, who listens. */
struct kaya_hash kaya_disk_fingerprint(struct kaya_sim_disk *disk);

#endif
