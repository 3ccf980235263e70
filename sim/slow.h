/* The seam of a disk whose calls take time. */
#ifndef KAYA_SIM_SLOW_H
#define KAYA_SIM_SLOW_H

#include "state.h"

bool kaya_latencies_are_possible(const struct kaya_sim_disk *disk);

extern const struct kaya_disk_operations kaya_slow_disk_operations;

#endif
