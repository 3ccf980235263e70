/* Sorted lists of names, counted and copied when changed. Most forks of a disk never change a name, so copying, comparing and hashing a
 * directory costs the same whatever number of files stands in it.
 *
 * A list that nobody holds any more is kept by the pool, and used again for another that it has room for. */
#include "entries.h"

#include <string.h>

enum { ENTRIES_MIN = 16 };

/* ---- objects ---- */

static struct kaya_entries *create(struct kaya_pool *pool, uint32_t needed)
{
    struct kaya_entries *entries;
    uint32_t capacity = ENTRIES_MIN;

    while (capacity < needed)
        capacity *= 2;
    entries = kaya_pool_memory(pool, sizeof *entries + capacity * sizeof entries->entries[0]);
    entries->capacity = capacity;
    return entries;
}

static struct kaya_entries *take(struct kaya_pool *pool, uint32_t needed)
{
    struct kaya_entries **link = &pool->free_entries;
    struct kaya_entries *entries;

    while (*link != NULL && (*link)->capacity < needed)
        link = &(*link)->next_free;
    entries = *link;
    if (entries != NULL)
        *link = entries->next_free;
    else
        entries = create(pool, needed);
    entries->references = 1;
    entries->count = 0;
    entries->has_hash = false;
    return entries;
}

void kaya_entries_release(struct kaya_pool *pool, struct kaya_entries *entries)
{
    if (entries == NULL || --entries->references > 0)
        return;
    for (uint32_t index = 0; index < entries->count; index++)
        kaya_pool_name_release(pool, entries->entries[index].name);
    entries->next_free = pool->free_entries;
    pool->free_entries = entries;
}

/* One of the caller's own, with room for one name more. */
static struct kaya_entries *own(struct kaya_pool *pool, struct kaya_entries **entries)
{
    struct kaya_entries *shared = *entries;
    uint32_t count = kaya_entries_count(shared);
    struct kaya_entries *made;

    if (shared != NULL && shared->references == 1 && shared->count < shared->capacity) {
        shared->has_hash = false;
        return shared;
    }
    made = take(pool, count + 1);
    for (; made->count < count; made->count++) {
        made->entries[made->count] = shared->entries[made->count];
        (void)kaya_name_retain(made->entries[made->count].name);
    }
    kaya_entries_release(pool, shared);
    *entries = made;
    return made;
}

struct kaya_hash kaya_entries_hash(struct kaya_entries *entries)
{
    if (entries == NULL)
        return (struct kaya_hash){ 0 };
    if (!entries->has_hash) {
        entries->hash = (struct kaya_hash){ entries->count, 0 };
        for (uint32_t index = 0; index < entries->count; index++) {
            kaya_hash_add_hash(&entries->hash, kaya_name_hash(entries->entries[index].name));
            kaya_hash_add(&entries->hash, entries->entries[index].file);
        }
        entries->has_hash = true;
    }
    return entries->hash;
}

/* ---- looking ---- */

/* Where `name` is, or where it would be. */
static uint32_t position_of(const struct kaya_entries *entries, const char *name, bool *found)
{
    uint32_t low = 0;
    uint32_t high = kaya_entries_count(entries);

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

static uint32_t find_by_ending(const struct kaya_entries *entries, uint32_t count, const char *text,
                               size_t length, uint64_t ending)
{
    uint32_t position = 0;

    for (; position < count; position++) {
        const struct kaya_entry *entry = &entries->entries[position];

        if (entry->ending == ending && entry->name->length == length &&
            memcmp(entry->name->text, text, length) == 0)
            break;
    }
    return position;
}

enum { FEW = 32 }; /* are looked through faster than a binary search compares texts */

static uint32_t find_among_many(const struct kaya_entries *entries, const char *text)
{
    bool found;
    uint32_t position = position_of(entries, text, &found);

    return found ? position : entries->count;
}

uint32_t kaya_entries_find(const struct kaya_entries *entries, const char *text)
{
    uint32_t count = kaya_entries_count(entries);
    size_t length;

    if (count > FEW)
        return find_among_many(entries, text);
    length = strlen(text);
    return find_by_ending(entries, count, text, length, kaya_text_ending(text, length));
}

uint32_t kaya_entries_find_name(const struct kaya_entries *entries, const struct kaya_name *name)
{
    uint32_t count = kaya_entries_count(entries);

    return count > FEW ? find_among_many(entries, name->text)
                       : find_by_ending(entries, count, name->text, name->length, name->ending);
}

bool kaya_entries_refer(const struct kaya_entries *entries, uint32_t file)
{
    for (uint32_t index = 0; index < kaya_entries_count(entries); index++)
        if (entries->entries[index].file == file)
            return true;
    return false;
}

/* ---- changing ---- */

static struct kaya_entry entry_of(struct kaya_name *name, uint32_t file)
{
    return (struct kaya_entry){ .name = kaya_name_retain(name), .ending = name->ending, .file = file };
}

void kaya_entries_set(struct kaya_pool *pool, struct kaya_entries **entries, struct kaya_name *name, uint32_t file)
{
    struct kaya_entries *changed = own(pool, entries);
    bool found;
    uint32_t position = position_of(changed, name->text, &found);

    if (found) {
        kaya_pool_name_release(pool, changed->entries[position].name);
    } else {
        memmove(changed->entries + position + 1, changed->entries + position,
                (changed->count - position) * sizeof changed->entries[0]);
        changed->count++;
    }
    changed->entries[position] = entry_of(name, file);
}

/* Does the list stay in order, each name once, if the entry there is called so? */
static bool fits(const struct kaya_entries *entries, uint32_t position, const char *text)
{
    return (position == 0 || strcmp(entries->entries[position - 1].name->text, text) < 0) &&
           (position + 1 == entries->count || strcmp(text, entries->entries[position + 1].name->text) < 0);
}

void kaya_entries_rename_at(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t position,
                            struct kaya_name *name)
{
    struct kaya_entry *entry = &own(pool, entries)->entries[position];
    uint32_t file = entry->file;

    if (fits(*entries, position, name->text)) {
        kaya_pool_name_release(pool, entry->name);
        *entry = entry_of(name, file);
        return;
    }
    kaya_entries_remove_at(pool, entries, position);
    kaya_entries_set(pool, entries, name, file);
}

void kaya_entries_remove_file(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t file)
{
    uint32_t count = kaya_entries_count(*entries);
    uint32_t position = 0;

    while (position < count && (*entries)->entries[position].file != file)
        position++;
    if (position < count)
        kaya_entries_remove_at(pool, entries, position);
}

void kaya_entries_remove_at(struct kaya_pool *pool, struct kaya_entries **entries, uint32_t position)
{
    struct kaya_entries *changed = own(pool, entries);

    kaya_pool_name_release(pool, changed->entries[position].name);
    changed->count--;
    memmove(changed->entries + position, changed->entries + position + 1,
            (changed->count - position) * sizeof changed->entries[0]);
}
