/* Names. A listing shows `now`; a power loss can take back any of `changes`, which lead from `durable` to `now`.
 *
 *     durable   a -> 1
 *     changes   create t -> 2,  rename t -> a (2)
 *     now       a -> 2
 *
 * An outcome is a subset of the changes, applied in their order. What each change says, standing alone:
 *
 *   create n f   n names f. Whatever file n named before has no name.
 *   rename n f   the same, and f has no other name. It needs no trace of the create before it: the entry is whole.
 *   unlink n f   f has no name.
 *
 * So a file never has two names, a rename leaves the old name or the new one, and a name that was replaced names the old
 * file or the new one: what POSIX promises for rename, and nothing about order.
 *
 * `durable` is only there while there are changes: most of the time both are the same. */
#include "directory.h"

#include <string.h>

/* ---- changes ---- */

static void apply(struct kaya_pool *pool, struct kaya_entries **entries, const struct kaya_change *change)
{
    kaya_entries_remove_file(pool, entries, change->file);
    if (change->kind != KAYA_CHANGE_UNLINK)
        kaya_entries_set(pool, entries, change->name, change->file);
}

/* Takes over the reference to `entries`. */
static void show(struct kaya_pool *pool, struct kaya_entries **shown, struct kaya_entries *entries)
{
    kaya_entries_release(pool, *shown);
    *shown = entries;
}

static void has_changed(struct kaya_pool *pool, struct kaya_names *directory)
{
    directory->stamp = ++pool->name_stamp;
}

/* Forget the first change: it is part of `durable` from now on. */
static void settle_first(struct kaya_pool *pool, struct kaya_names *directory)
{
    apply(pool, &directory->durable, &directory->changes[0]);
    kaya_pool_name_release(pool, directory->changes[0].name);
    directory->change_count--;
    memmove(directory->changes, directory->changes + 1, directory->change_count * sizeof directory->changes[0]);
}

/* The caller changes what is shown, behind this; takes over the reference to `name`. More changes than fit: the oldest becomes durable, which is a
 * tamer disk. */
static void note_change(struct kaya_pool *pool, struct kaya_names *directory, enum kaya_change_kind kind,
                        uint32_t file, struct kaya_name *name)
{
    if (directory->change_count == 0)
        show(pool, &directory->durable, kaya_entries_retain(directory->now));
    if (directory->change_count == KAYA_CHANGES_MAX)
        settle_first(pool, directory);
    directory->changes[directory->change_count++] =
        (struct kaya_change){ .kind = kind, .file = file, .name = name };
    has_changed(pool, directory);
}

void kaya_names_create(struct kaya_pool *pool, struct kaya_names *directory, const char *text, uint32_t file)
{
    struct kaya_name *name = kaya_pool_name(pool, text);

    note_change(pool, directory, KAYA_CHANGE_CREATE, file, name);
    kaya_entries_set(pool, &directory->now, name, file);
}

static uint32_t file_at(const struct kaya_names *directory, uint32_t position)
{
    KAYA_ASSERT(position < kaya_entries_count(directory->now));
    return directory->now->entries[position].file;
}

void kaya_names_rename(struct kaya_pool *pool, struct kaya_names *directory, uint32_t position, const char *to)
{
    struct kaya_name *name = kaya_pool_name(pool, to);

    note_change(pool, directory, KAYA_CHANGE_RENAME, file_at(directory, position), name);
    kaya_entries_rename_at(pool, &directory->now, position, name);
}

void kaya_names_unlink(struct kaya_pool *pool, struct kaya_names *directory, uint32_t position)
{
    uint32_t file = file_at(directory, position);
    struct kaya_name *name = kaya_name_retain(directory->now->entries[position].name);

    note_change(pool, directory, KAYA_CHANGE_UNLINK, file, name);
    kaya_entries_remove_at(pool, &directory->now, position);
}

static void forget_changes(struct kaya_pool *pool, struct kaya_names *directory)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        kaya_pool_name_release(pool, directory->changes[index].name);
    directory->change_count = 0;
    show(pool, &directory->durable, NULL);
    has_changed(pool, directory);
}

static void settle_durable(struct kaya_pool *pool, struct kaya_names *directory)
{
    has_changed(pool, directory);
    while (directory->change_count > 0 && directory->changes[0].is_durable)
        settle_first(pool, directory);
    if (directory->change_count == 0)
        show(pool, &directory->durable, NULL);
}

/* The file was given a name, or lost it, in a later change that is durable. */
static bool is_superseded(const struct kaya_names *directory, uint32_t index)
{
    for (uint32_t later = index + 1; later < directory->change_count; later++)
        if (directory->changes[later].file == directory->changes[index].file &&
            directory->changes[later].is_durable)
            return true;
    return false;
}

static bool has_forgotten(const struct kaya_names *directory)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        if (directory->changes[index].is_forgotten)
            return true;
    return false;
}

void kaya_names_sync(struct kaya_pool *pool, struct kaya_names *directory)
{
    if (!has_forgotten(directory)) {
        forget_changes(pool, directory); /* what is shown is durable */
        return;
    }
    for (uint32_t index = directory->change_count; index-- > 0;) {
        struct kaya_change *change = &directory->changes[index];

        change->is_durable = change->is_durable || !change->is_forgotten || is_superseded(directory, index);
    }
    settle_durable(pool, directory);
}

void kaya_names_forget(struct kaya_names *directory)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        directory->changes[index].is_forgotten = true;
}

void kaya_names_sync_file(struct kaya_pool *pool, struct kaya_names *directory, uint32_t file, bool in_order)
{
    uint32_t last = directory->change_count;

    while (last > 0 && directory->changes[last - 1].file != file)
        last--;
    for (uint32_t index = 0; index < last; index++)
        if (in_order || directory->changes[index].file == file)
            directory->changes[index].is_durable = true;
    settle_durable(pool, directory);
}

/* ---- outcomes ---- */

struct kaya_entries *kaya_names_outcome(struct kaya_pool *pool, const struct kaya_names *directory, uint64_t mask)
{
    struct kaya_entries *outcome;

    if (mask == kaya_names_all(directory))
        return kaya_entries_retain(directory->now);
    outcome = kaya_entries_retain(directory->durable);
    for (uint32_t index = 0; index < directory->change_count; index++)
        if ((mask >> index & 1) != 0)
            apply(pool, &outcome, &directory->changes[index]);
    return outcome;
}

void kaya_names_take_outcome(struct kaya_pool *pool, struct kaya_names *directory, struct kaya_entries *outcome)
{
    show(pool, &directory->now, kaya_entries_retain(outcome));
    forget_changes(pool, directory);
}

/* ---- the whole ---- */

uint32_t kaya_names_find(const struct kaya_names *directory, const char *name)
{
    uint32_t position = kaya_entries_find(directory->now, name);

    return position < kaya_entries_count(directory->now) ? file_at(directory, position) : KAYA_NO_FILE;
}

bool kaya_names_refers(const struct kaya_names *directory, uint32_t file)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        if (directory->changes[index].file == file)
            return true;
    return kaya_entries_refer(directory->now, file) || kaya_entries_refer(directory->durable, file);
}

void kaya_names_clear(struct kaya_pool *pool, struct kaya_names *directory)
{
    forget_changes(pool, directory);
    show(pool, &directory->now, NULL);
    directory->exists = false;
    directory->is_durable = false;
    directory->is_undecided = false;
    directory->has_lock_file = false;
    has_changed(pool, directory);
}

void kaya_names_copy(struct kaya_pool *pool, const struct kaya_names *from, struct kaya_names *to)
{
    kaya_names_clear(pool, to);
    to->exists = from->exists;
    to->is_durable = from->is_durable;
    to->is_undecided = from->is_undecided;
    to->has_lock_file = from->has_lock_file;
    to->now = kaya_entries_retain(from->now);
    to->durable = kaya_entries_retain(from->durable);
    for (; to->change_count < from->change_count; to->change_count++) {
        to->changes[to->change_count] = from->changes[to->change_count];
        (void)kaya_name_retain(to->changes[to->change_count].name);
    }
    to->stamp = from->stamp;
}
