/* A simulated disk with its driver, and short words for what tests do to it. Every word traps where the disk says no. */
#ifndef KAYA_TESTS_MACHINE_H
#define KAYA_TESTS_MACHINE_H

#include "kaya/sim/disk.h"

enum { SECTOR_BYTES = 512, IMAGE_BYTES = 1024 };

struct machine {
    struct kaya_sim_disk *sim;
    struct kaya_disk *disk; /* the running boot */
    struct kaya_choices *choices;
    struct kaya_trace *trace; /* NULL: silent */
    const struct kaya_sim_profile *profile;
};

/* A disk without a directory, its first boot running. */
void machine_start(struct machine *machine, const struct kaya_sim_disk_options *options);
void machine_restart(struct machine *machine, const struct kaya_sim_disk_options *options); /* keeping memory */
void machine_end(struct machine *machine);

/* The log's directory, durable. */
void make_directory(struct machine *machine);
/* A file of `length` bytes `byte`; all of it durable, its name too. */
void make_file(struct machine *machine, const char *name, char byte, size_t length);

/* One call of the seam each, between an open and a close. */
void create(struct machine *machine, const char *name);
void put(struct machine *machine, const char *name, uint64_t offset, const char *text);
void fill(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length);
void fill_durable(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length);
void sync_file(struct machine *machine, const char *name);
void resize(struct machine *machine, const char *name, uint64_t bytes);
void sync_names(struct machine *machine);
void move(struct machine *machine, const char *from, const char *to);
void erase(struct machine *machine, const char *name);

/* As their namesakes, but allowed to fail (KAYA_FAULT_SYNC_FAILURE may strike in them). */
void try_fill_durable(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length);
void try_sync_file(struct machine *machine, const char *name);
void try_sync_names(struct machine *machine);

/* What a read of `from` shows now, for good: `length` bytes of it become durable in `to`, which is at least as long. */
void note(struct machine *machine, const char *from, const char *to, size_t length);
/* Read all of a file past the cache. */
void read_past_cache(struct machine *machine, const char *name, size_t length);

/* Crash and boot again. */
void lose_power(struct machine *machine);
void kill_process(struct machine *machine);

/* What a boot sees, read through the seam: "a:512A512. b:" for a file of 512 A and 512 zeros and an empty one, "none" for a
 * missing directory, "a:garbage" where a sector has bytes that nobody wrote. */
void read_image(struct machine *machine, unsigned read_flags, char image[IMAGE_BYTES]);

#endif
