/* What a boot saw of its disk: each answer that carries information from the image goes into one running hash.
 *
 * Those are reads (place and bytes), sizes, whether a name opens, and the names that a listing shows. Calls that only
 * change the disk tell nothing about what was there before that these have not told. The disk's table is copied, four
 * slots are replaced, and the copy is put in its place: handles and all else stay the disk's own. */
#include "seen.h"

#include <stdlib.h>
#include <string.h>

#include "wide.h"

uint64_t kaya_seen_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25u; /* an odd constant with well mixed bits, from XXH3 */
    return hash ^ (hash >> 32);
}

/* ---- watching ---- */

static struct kaya_seen_disk *of(struct kaya_disk *disk)
{
    return (struct kaya_seen_disk *)disk->operations;
}

static void note(struct kaya_seen_disk *seen, uint64_t value)
{
    seen->hash = kaya_seen_mix(seen->hash, value);
}

static void note_bytes(struct kaya_seen_disk *seen, const void *bytes, size_t length)
{
    note(seen, length);
    note(seen, kaya_wide_hash(bytes, length, 0));
}

static enum kaya_status watched_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                     struct kaya_file **file)
{
    struct kaya_seen_disk *seen = of(disk);
    enum kaya_status status;

    seen->open_flags = flags;
    status = seen->under->open(disk, name, flags, file);
    note_bytes(seen, name, strlen(name));
    note(seen, status);
    return status;
}

static enum kaya_status watched_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    struct kaya_seen_disk *seen = of(disk);
    enum kaya_status status = seen->under->size(disk, file, bytes);

    note(seen, status == KAYA_OK ? *bytes : UINT64_MAX);
    return status;
}

static enum kaya_status watched_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                     const struct kaya_span *spans, size_t span_count, unsigned flags,
                                     size_t *done)
{
    struct kaya_seen_disk *seen = of(disk);
    enum kaya_status status = seen->under->read(disk, file, offset, spans, span_count, flags, done);
    size_t left = status == KAYA_OK ? *done : 0;

    note(seen, status);
    note(seen, offset);
    for (size_t index = 0; index < span_count && left > 0; index++) {
        size_t length = spans[index].length < left ? spans[index].length : left;

        note_bytes(seen, spans[index].bytes, length);
        left -= length;
    }
    return status;
}

struct listing {
    struct kaya_seen_disk *seen;
    kaya_list_visitor *visit;
    void *user;
};

static bool visit_and_note(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;

    note_bytes(listing->seen, name, strlen(name));
    note(listing->seen, kind);
    return listing->visit(listing->user, name, kind);
}

static enum kaya_status watched_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    struct listing listing = { .seen = of(disk), .visit = visit, .user = user };
    enum kaya_status status = listing.seen->under->list(disk, visit_and_note, &listing);

    note(listing.seen, status);
    return status;
}

void kaya_seen_watch(struct kaya_seen_disk *seen, struct kaya_disk *disk, const struct kaya_disk_operations *under)
{
    if (seen->under != under) {
        seen->operations = *under;
        seen->operations.open = watched_open;
        seen->operations.size = watched_size;
        seen->operations.read = watched_read;
        seen->operations.list = watched_list;
        seen->under = under;
    }
    disk->operations = &seen->operations;
    seen->hash = 0;
}

/* ---- the set ---- */

/* Linear probing; at most three quarters full. */
static bool insert(uint64_t *slots, size_t slot_count, uint64_t hash)
{
    size_t index = hash & (slot_count - 1);

    while (slots[index] != 0) {
        if (slots[index] == hash)
            return false;
        index = (index + 1) & (slot_count - 1);
    }
    slots[index] = hash;
    return true;
}

static enum kaya_status grow(struct kaya_seen_set *set)
{
    enum { SLOTS_MIN = 1024 };
    size_t slot_count = set->slot_count ? set->slot_count * 2 : SLOTS_MIN;
    uint64_t *slots = calloc(slot_count, sizeof *slots);

    if (!slots)
        return KAYA_NO_MEMORY;
    for (size_t index = 0; index < set->slot_count; index++)
        if (set->slots[index] != 0)
            insert(slots, slot_count, set->slots[index]);
    free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    return KAYA_OK;
}

enum kaya_status kaya_seen_add(struct kaya_seen_set *set, uint64_t hash, bool *added)
{
    enum kaya_status status;

    if (set->count >= set->slot_count / 4 * 3) {
        status = grow(set);
        if (status != KAYA_OK)
            return status;
    }
    *added = insert(set->slots, set->slot_count, hash ? hash : 1); /* 0 is the free slot */
    set->count += *added;
    return KAYA_OK;
}

void kaya_seen_clear(struct kaya_seen_set *set)
{
    free(set->slots);
    *set = (struct kaya_seen_set){ 0 };
}
