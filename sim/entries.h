/* The names of a directory at one moment, each with its file. Disks and their forks share them, until one changes a name. */
#ifndef KAYA_SIM_ENTRIES_H
#define KAYA_SIM_ENTRIES_H

#include "pool.h"

enum { KAYA_NO_FILE = UINT32_MAX };

struct kaya_entry {
    struct kaya_name *name;
    uint64_t ending; /* the name's, so that most others need not be looked at */
    uint32_t file;   /* a slot of the disk's file table */
};

/* In order of their names. NULL stands for none at all, wherever entries may be. */
struct kaya_entries {
    uint32_t references;
    uint32_t count, capacity;
    bool has_hash;
    struct kaya_hash hash; /* of names and files, once somebody asked */
    struct kaya_entries *next_free;
    struct kaya_entry entries[];
};

static inline uint32_t kaya_entries_count(const struct kaya_entries *entries)
{
    return entries != NULL ? entries->count : 0;
}

static inline struct kaya_entries *kaya_entries_retain(struct kaya_entries *entries)
{
    if (entries != NULL)
        entries->references++;
    return entries;
}

void kaya_entries_release(struct kaya_pool *pool, struct kaya_entries *entries);

/* Two with one hash have the same names for the same files. */
struct kaya_hash kaya_entries_hash(struct kaya_entries *entries);
static inline bool kaya_entries_are_equal(struct kaya_entries *left, struct kaya_entries *right)
{
    struct kaya_hash one = kaya_entries_hash(left), other = kaya_entries_hash(right);

    return one.low == other.low && one.high == other.high;
}

/* Where the name stands; the count: nowhere. */
uint32_t kaya_entries_find(const struct kaya_entries *entries, const char *text);
uint32_t kaya_entries_find_name(const struct kaya_entries *entries, const struct kaya_name *name);

/* True if some name names the file. */
bool kaya_entries_refer(const struct kaya_entries *entries, uint32_t file);

/* Change *entries, which becomes the caller's own. `set`: the name names the file, whatever it named before; retains the name. `rename_at`: the file
 * that stands there is called by that name and no other, likewise. `remove_file`: no name names the file (at most one did); `remove_at`: the one
 * that stands there. */
void kaya_entries_set(struct kaya_pool *pool, struct kaya_entries **entries, struct kaya_name *name,
                      uint32_t file);
void kaya_entries_rename_at(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t position,
                            struct kaya_name *name);
void kaya_entries_remove_file(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t file);
void kaya_entries_remove_at(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t position);

#endif
