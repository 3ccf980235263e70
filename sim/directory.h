/* The names of one directory: those that a listing shows, those that are durable, and the changes between the two. */
#ifndef KAYA_SIM_DIRECTORY_H
#define KAYA_SIM_DIRECTORY_H

#include "entries.h"

enum kaya_change_kind { KAYA_CHANGE_CREATE, KAYA_CHANGE_RENAME, KAYA_CHANGE_UNLINK };

enum { KAYA_CHANGES_MAX = 64 };

struct kaya_change {
    enum kaya_change_kind kind;
    uint32_t file;
    struct kaya_name *name; /* the new one; of an unlink the one that goes */
    bool is_durable; /* a sync of the file took it along, or a sync of the directory passed over another change */
    bool is_forgotten; /* a sync of the directory failed, and the next ones pass over it */
};

struct kaya_names {
    bool exists;
    bool is_durable;   /* the directory's own entry in its parent */
    bool is_undecided; /* a power loss struck; nobody has looked since */
    bool has_lock_file;
    struct kaya_entries *now;
    struct kaya_entries *durable; /* before `changes`; NULL while there are none */
    struct kaya_change changes[KAYA_CHANGES_MAX];
    uint32_t change_count;
    uint64_t stamp; /* of names and changes: forks that have the same one have the same of these */
};

/* What a power loss may leave of the changes, without doubles. */
struct kaya_name_outcomes {
    uint64_t stamp;  /* of the directory that they are for; 0: none */
    uint64_t forced; /* the changes that no outcome loses */
    uint32_t count;
    struct {
        uint64_t mask; /* bit n: change n happened */
        struct kaya_entries *entries;
        bool is_judged;
        uint64_t struck; /* the lost changes that make a difference next to what was kept */
    } outcomes[KAYA_CHANGES_MAX + 1];
};

void kaya_names_clear(struct kaya_pool *pool, struct kaya_names *directory);
void kaya_names_copy(struct kaya_pool *pool, const struct kaya_names *from, struct kaya_names *to);

/* The file of that name, or KAYA_NO_FILE. */
uint32_t kaya_names_find(const struct kaya_names *directory, const char *name);

/* True if the file has a name now, or some outcome of a power loss would give it one. */
bool kaya_names_refers(const struct kaya_names *directory, uint32_t file);

/* The name is free. */
void kaya_names_create(struct kaya_pool *pool, struct kaya_names *directory, const char *text, uint32_t file);
/* The name that stands there among those shown. `to` may exist, and then its file has no name any more. */
void kaya_names_rename(struct kaya_pool *pool, struct kaya_names *directory, uint32_t position, const char *to);
void kaya_names_unlink(struct kaya_pool *pool, struct kaya_names *directory, uint32_t position);

/* All changes are durable now, but for forgotten ones. */
void kaya_names_sync(struct kaya_pool *pool, struct kaya_names *directory);

/* A sync of the directory failed, and what it should have written counts as clean. Later changes do not: whoever renames the file
 * again and syncs has a durable name. */
void kaya_names_forget(struct kaya_names *directory);

/* The changes to this file's name are durable now; `in_order`: and all before them. */
void kaya_names_sync_file(struct kaya_pool *pool, struct kaya_names *directory, uint32_t file, bool in_order);

/* The set of all changes. */
static inline uint64_t kaya_names_all(const struct kaya_names *directory)
{
    return directory->change_count >= 64 ? UINT64_MAX : (UINT64_C(1) << directory->change_count) - 1;
}

/* The names if exactly the changes of `mask` (bit n: change n) had happened, in their order; the caller's. And to make them those that
 * are shown, and durable. */
struct kaya_entries *kaya_names_outcome(struct kaya_pool *pool, const struct kaya_names *directory,
                                        uint64_t mask);
void kaya_names_take_outcome(struct kaya_pool *pool, struct kaya_names *directory, struct kaya_entries *outcome);

#endif
