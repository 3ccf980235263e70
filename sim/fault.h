/* Counting faults, and their chances. */
#ifndef KAYA_SIM_FAULT_H
#define KAYA_SIM_FAULT_H

#include "state.h"

/* A family that strikes by odds has a chance here. True: it takes it, and that is counted as drawn. */
bool kaya_fault_has_chance_by_odds(struct kaya_sim_disk *disk, enum kaya_fault fault);

static inline bool kaya_fault_has_chance(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    return disk->odds[fault] != 0 && kaya_fault_has_chance_by_odds(disk, fault);
}

/* The dice said so; and: bytes or results differ by it. */
void kaya_fault_draw(struct kaya_sim_disk *disk, enum kaya_fault fault);
void kaya_fault_strike(struct kaya_sim_disk *disk, enum kaya_fault fault);

#endif
