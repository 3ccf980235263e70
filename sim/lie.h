/* Syncs that lie. */
#ifndef KAYA_SIM_LIE_H
#define KAYA_SIM_LIE_H

#include "state.h"

bool kaya_lies_are_possible(const struct kaya_sim_disk *disk);

/* The family by which this sync lies; KAYA_FAULTS: it is true. */
enum kaya_fault kaya_lie_draw(struct kaya_sim_disk *disk);

/* Sync the handle's file so. */
void kaya_lie_tell(struct kaya_sim_disk *disk, const struct kaya_sim_handle *handle, enum kaya_fault family);

/* A boot begins behind a power loss. */
void kaya_lies_come_due(struct kaya_sim_disk *disk);

/* An honest sync empties the device's cache: all were true after all. */
void kaya_lies_drop(struct kaya_sim_disk *disk);

void kaya_lies_copy(const struct kaya_sim_disk *disk,
                    struct kaya_sim_disk *copy); /* to a disk without any, of the same pool */

#endif
