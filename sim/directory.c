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
 * `durable` is only filled while there are changes: most of the time both are the same and cost nothing twice. */
#include "directory.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- entries ---- */

static void entries_clear(struct kaya_pool *pool, struct kaya_entries *entries)
{
    for (uint32_t index = 0; index < entries->count; index++)
        kaya_pool_name_release(pool, entries->entries[index].name);
    entries->count = 0;
}

static void entries_reserve(struct kaya_entries *entries, uint32_t needed)
{
    if (needed > entries->capacity) {
        uint32_t capacity = entries->capacity ? entries->capacity * 2 : 16;

        while (capacity < needed)
            capacity *= 2;
        entries->entries = realloc(entries->entries, capacity * sizeof *entries->entries);
        KAYA_ASSERT(entries->entries != NULL);
        entries->capacity = capacity;
    }
}

static void entries_copy(const struct kaya_entries *from, struct kaya_entries *to)
{
    entries_reserve(to, from->count);
    for (uint32_t index = 0; index < from->count; index++) {
        to->entries[index] = from->entries[index];
        (void)kaya_name_retain(to->entries[index].name);
    }
    to->count = from->count;
}

/* Where `name` is, or where it would be. */
static uint32_t entries_position(const struct kaya_entries *entries, const char *name, bool *found)
{
    uint32_t low = 0;
    uint32_t high = entries->count;

    *found = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(entries->entries[middle].name->text, name);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void entries_remove(struct kaya_pool *pool, struct kaya_entries *entries, uint32_t position)
{
    kaya_pool_name_release(pool, entries->entries[position].name);
    entries->count--;
    memmove(entries->entries + position, entries->entries + position + 1,
            (entries->count - position) * sizeof *entries->entries);
}

static void entries_remove_file(struct kaya_pool *pool, struct kaya_entries *entries, uint32_t file)
{
    for (uint32_t position = 0; position < entries->count; position++) {
        if (entries->entries[position].file == file) {
            entries_remove(pool, entries, position);
            return;
        }
    }
}

/* `name` names `file`, whatever it named before. */
static void entries_set(struct kaya_pool *pool, struct kaya_entries *entries, struct kaya_name *name, uint32_t file)
{
    bool found;
    uint32_t position = entries_position(entries, name->text, &found);

    if (found) {
        kaya_pool_name_release(pool, entries->entries[position].name);
    } else {
        entries_reserve(entries, entries->count + 1);
        memmove(entries->entries + position + 1, entries->entries + position,
                (entries->count - position) * sizeof *entries->entries);
        entries->count++;
    }
    entries->entries[position] = (struct kaya_entry){ kaya_name_retain(name), file };
}

static void entries_apply(struct kaya_pool *pool, struct kaya_entries *entries, const struct kaya_change *change)
{
    entries_remove_file(pool, entries, change->file);
    if (change->kind != KAYA_CHANGE_UNLINK)
        entries_set(pool, entries, change->name, change->file);
}

/* ---- changes ---- */

static void has_changed(struct kaya_pool *pool, struct kaya_names *directory)
{
    directory->stamp = ++pool->name_stamp;
}

/* Forget the first change: it is part of `durable` from now on. */
static void settle_first(struct kaya_pool *pool, struct kaya_names *directory)
{
    entries_apply(pool, &directory->durable, &directory->changes[0]);
    kaya_pool_name_release(pool, directory->changes[0].name);
    directory->change_count--;
    memmove(directory->changes, directory->changes + 1, directory->change_count * sizeof directory->changes[0]);
}

/* Takes over the reference to `name`. More changes than fit: the oldest becomes durable, which is a tamer disk. */
static void change(struct kaya_pool *pool, struct kaya_names *directory, enum kaya_change_kind kind,
                   uint32_t file, struct kaya_name *name)
{
    if (directory->change_count == 0) {
        entries_clear(pool, &directory->durable);
        entries_copy(&directory->now, &directory->durable);
    }
    if (directory->change_count == KAYA_CHANGES_MAX)
        settle_first(pool, directory);
    directory->changes[directory->change_count] =
        (struct kaya_change){ .kind = kind, .file = file, .name = name };
    entries_apply(pool, &directory->now, &directory->changes[directory->change_count]);
    directory->change_count++;
    has_changed(pool, directory);
}

void kaya_names_create(struct kaya_pool *pool, struct kaya_names *directory, const char *name, uint32_t file)
{
    change(pool, directory, KAYA_CHANGE_CREATE, file, kaya_pool_name(pool, name));
}

void kaya_names_rename(struct kaya_pool *pool, struct kaya_names *directory, const char *from, const char *to)
{
    uint32_t file = kaya_names_find(directory, from);

    KAYA_ASSERT(file != KAYA_NO_FILE);
    change(pool, directory, KAYA_CHANGE_RENAME, file, kaya_pool_name(pool, to));
}

void kaya_names_unlink(struct kaya_pool *pool, struct kaya_names *directory, const char *name)
{
    uint32_t file = kaya_names_find(directory, name);

    KAYA_ASSERT(file != KAYA_NO_FILE);
    change(pool, directory, KAYA_CHANGE_UNLINK, file, kaya_pool_name(pool, name));
}

static void forget_changes(struct kaya_pool *pool, struct kaya_names *directory)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        kaya_pool_name_release(pool, directory->changes[index].name);
    directory->change_count = 0;
    entries_clear(pool, &directory->durable);
    has_changed(pool, directory);
}

static void settle_durable(struct kaya_pool *pool, struct kaya_names *directory)
{
    has_changed(pool, directory);
    while (directory->change_count > 0 && directory->changes[0].is_durable)
        settle_first(pool, directory);
    if (directory->change_count == 0)
        entries_clear(pool, &directory->durable);
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

static void build_outcome(struct kaya_pool *pool, const struct kaya_names *directory, uint64_t mask,
                          struct kaya_entries *outcome)
{
    entries_clear(pool, outcome);
    entries_copy(&directory->durable, outcome);
    for (uint32_t index = 0; index < directory->change_count; index++)
        if ((mask >> index & 1) != 0)
            entries_apply(pool, outcome, &directory->changes[index]);
}

uint64_t kaya_names_outcome_hash(struct kaya_pool *pool, struct kaya_names *directory, uint64_t mask)
{
    uint64_t hash = 0;

    build_outcome(pool, directory, mask, &directory->now); /* decided next, so what it shows is free to use */
    for (uint32_t index = 0; index < directory->now.count; index++) {
        const struct kaya_entry *entry = &directory->now.entries[index];

        hash = XXH3_64bits_withSeed(entry->name->text, entry->name->length, hash + entry->file + 1);
    }
    return hash;
}

void kaya_names_take_outcome(struct kaya_pool *pool, struct kaya_names *directory, uint64_t mask)
{
    build_outcome(pool, directory, mask, &directory->now);
    forget_changes(pool, directory);
}

/* ---- the whole ---- */

/* Word by word from the end, where names of numbered files differ. */
static bool is_called(const struct kaya_name *name, const char *text, size_t length)
{
    size_t left = length;

    if (name->length != length)
        return false;
    for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t)) {
        uint64_t one, other;

        memcpy(&one, name->text + left - sizeof one, sizeof one);
        memcpy(&other, text + left - sizeof other, sizeof other);
        if (one != other)
            return false;
    }
    while (left > 0 && name->text[left - 1] == text[left - 1])
        left--;
    return left == 0;
}

uint32_t kaya_names_find(const struct kaya_names *directory, const char *name)
{
    enum { FEW = 16 }; /* are looked through faster than a binary search compares texts */
    const struct kaya_entries *entries = &directory->now;
    bool found;
    uint32_t position = 0;

    if (entries->count <= FEW) {
        size_t length = strlen(name);

        while (position < entries->count && !is_called(entries->entries[position].name, name, length))
            position++;
        found = position < entries->count;
    } else {
        position = entries_position(entries, name, &found);
    }
    return found ? entries->entries[position].file : KAYA_NO_FILE;
}

static bool entries_refer(const struct kaya_entries *entries, uint32_t file)
{
    for (uint32_t index = 0; index < entries->count; index++)
        if (entries->entries[index].file == file)
            return true;
    return false;
}

bool kaya_names_refers(const struct kaya_names *directory, uint32_t file)
{
    for (uint32_t index = 0; index < directory->change_count; index++)
        if (directory->changes[index].file == file)
            return true;
    return entries_refer(&directory->now, file) || entries_refer(&directory->durable, file);
}

void kaya_names_clear(struct kaya_pool *pool, struct kaya_names *directory)
{
    forget_changes(pool, directory);
    entries_clear(pool, &directory->now);
    directory->exists = false;
    directory->is_durable = false;
    directory->is_undecided = false;
    directory->has_lock_file = false;
    has_changed(pool, directory);
}

void kaya_names_free(struct kaya_pool *pool, struct kaya_names *directory)
{
    kaya_names_clear(pool, directory);
    free(directory->now.entries);
    free(directory->durable.entries);
    directory->now = (struct kaya_entries){ 0 };
    directory->durable = (struct kaya_entries){ 0 };
}

void kaya_names_copy(struct kaya_pool *pool, const struct kaya_names *from, struct kaya_names *to)
{
    kaya_names_clear(pool, to);
    to->exists = from->exists;
    to->is_durable = from->is_durable;
    to->is_undecided = from->is_undecided;
    to->has_lock_file = from->has_lock_file;
    entries_copy(&from->now, &to->now);
    entries_copy(&from->durable, &to->durable);
    for (; to->change_count < from->change_count; to->change_count++) {
        to->changes[to->change_count] = from->changes[to->change_count];
        (void)kaya_name_retain(to->changes[to->change_count].name);
    }
    to->stamp = from->stamp;
}
