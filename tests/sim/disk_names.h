/* The names that kaya_sim_disk_names tells, kept; and what stands under all of them. */
#ifndef TESTS_SIM_DISK_NAMES_H
#define TESTS_SIM_DISK_NAMES_H

#include "kaya/sim/disk.h"

enum { DISK_NAMES_MAX = 16 };
struct disk_names {
    char names[DISK_NAMES_MAX][64];
    unsigned count;
};

/* `user` is a struct disk_names, all zeros at first. More than fit end the program. */
bool add_disk_name(void *user, const char *name, enum kaya_entry_kind kind);

/* A hash over names, sizes and bytes, in the order of the names. */
uint64_t disk_image_hash(struct kaya_sim_disk *disk);

#endif
