/* Counting faults. Drawn is what the dice said; struck is what it did (S2): a sector that "lost" bytes which were equal
 * anyway was not struck, and an outcome of which nobody ever read a byte was not even drawn. */
#include "fault.h"

#include "seen.h"

_Static_assert(KAYA_FAULTS <= 64, "a set of families fits 64 bits");

static const char *const fault_names[KAYA_FAULTS] = {
#define FAULT_NAME(NAME, name, GROUP) [KAYA_FAULT_##NAME] = #name,
    KAYA_FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
};

const char *kaya_fault_name(enum kaya_fault fault)
{
    return (unsigned)fault < KAYA_FAULTS ? fault_names[fault] : "?";
}

static const char *const group_names[KAYA_FAULT_GROUPS] = {
#define GROUP_NAME(NAME, name) [KAYA_FAULT_GROUP_##NAME] = #name,
    KAYA_FAULT_GROUP_LIST(GROUP_NAME)
#undef GROUP_NAME
};

const char *kaya_fault_group_name(enum kaya_fault_group group)
{
    return (unsigned)group < KAYA_FAULT_GROUPS ? group_names[group] : "?";
}

enum kaya_fault_group kaya_fault_group(enum kaya_fault fault)
{
    static const enum kaya_fault_group groups[KAYA_FAULTS] = {
#define FAULT_GROUP(NAME, name, GROUP) [KAYA_FAULT_##NAME] = KAYA_FAULT_GROUP_##GROUP,
        KAYA_FAULT_LIST(FAULT_GROUP)
#undef FAULT_GROUP
    };

    return (unsigned)fault < KAYA_FAULTS ? groups[fault] : KAYA_FAULT_GROUP_CRASH;
}

bool kaya_fault_has_chance_by_odds(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    if (!disk->families[fault])
        return false;
    if (disk->strikes_max != 0 && disk->strikes >= disk->strikes_max)
        return false;
    if (!kaya_chance(disk->choices, KAYA_STREAM_FAULTS, 1, disk->odds[fault], fault_names[fault]))
        return false;
    disk->strikes++;
    if (disk->seen != NULL)
        kaya_hash_add(disk->seen, disk->calls << 8 | (uint64_t)fault);
    kaya_fault_draw(disk, fault);
    return true;
}

void kaya_fault_draw(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    disk->counts.drawn[fault]++;
}

void kaya_fault_strike(struct kaya_sim_disk *disk, enum kaya_fault fault)
{
    disk->counts.struck[fault]++;
    disk->struck_families |= UINT64_C(1) << fault;
}
