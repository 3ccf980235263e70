/* Counting faults. Drawn is what the dice said; struck is what it did (S2): a sector that "lost" bytes which were equal
 * anyway was not struck, and an outcome of which nobody ever read a byte was not even drawn. */
#include "state.h"

static const char *const fault_names[KAYA_FAULTS] = {
#define FAULT_NAME(NAME, name) [KAYA_FAULT_##NAME] = #name,
    KAYA_FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
};

const char *kaya_fault_name(enum kaya_fault fault)
{
    return (unsigned)fault < KAYA_FAULTS ? fault_names[fault] : "?";
}

void kaya_fault_draw(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    disk->counts.drawn[fault]++;
}

void kaya_fault_strike(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    disk->counts.struck[fault]++;
}
