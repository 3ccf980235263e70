/* Reading the directory: which names are the log's own, in order.
 *
 * What bears such a name and is no file (somebody made a directory of it, or a link) is in the way of a segment that shall have that number: it is
 * noted apart, so that whoever gives out numbers goes round it. */
#include "listing.h"

struct reading {
    struct listing *listing;
    const struct context *context;
    enum kaya_status status;
};

static bool is_lock(const char *name)
{
    static const char lock[] = KAYA_LOCK_NAME;

    for (unsigned i = 0; i < sizeof lock; i++)
        if (name[i] != lock[i])
            return false;
    return true;
}

static bool add(struct reading *reading, struct listed **files, size_t *count, size_t *capacity,
                const struct listed *file)
{
    if (*count == *capacity)
        reading->status = kaya_array_grow(reading->context->allocator, (void **)files, capacity, sizeof **files);
    if (reading->status != KAYA_OK)
        return false;
    (*files)[(*count)++] = *file;
    return true;
}

static bool note_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct reading *reading = user;
    struct listing *listing = reading->listing;
    struct listed file = { .number = 0 };
    bool is_own = kaya_segment_name_parse(name, &file.number, &file.kind);

    if (is_own && kind == KAYA_ENTRY_FILE)
        return add(reading, &listing->files, &listing->file_count, &listing->file_capacity, &file);
    if (is_lock(name))
        return true;
    listing->foreign_count++;
    kaya_notify(reading->context,
                &(struct kaya_event){ .kind = is_own ? KAYA_EVENT_NAME_TAKEN : KAYA_EVENT_FOREIGN_FILE,
                                      .segment = is_own ? file.number : 0,
                                      .text = name });
    return !is_own ||
           add(reading, &listing->obstacles, &listing->obstacle_count, &listing->obstacle_capacity, &file);
}

static bool comes_before(const struct listed *one, const struct listed *other)
{
    return one->number != other->number ? one->number < other->number : one->kind < other->kind;
}

static void sift_down(struct listed *files, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        struct listed moved;

        if (child + 1 < count && comes_before(&files[child], &files[child + 1]))
            child++;
        if (!comes_before(&files[root], &files[child]))
            return;
        moved = files[root];
        files[root] = files[child];
        files[child] = moved;
    }
}

/* Heap sort: bounded time whatever stands in the directory, and no memory. */
static void sort_files(struct listed *files, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        sift_down(files, root, count);
    for (size_t last = count; last-- > 1;) {
        struct listed moved = files[0];

        files[0] = files[last];
        files[last] = moved;
        sift_down(files, 0, last);
    }
}

enum kaya_status kaya_listing_read(struct listing *listing, const struct context *context)
{
    struct reading reading = { listing, context, KAYA_OK };
    enum kaya_status status;

    listing->file_count = 0;
    listing->obstacle_count = 0;
    listing->foreign_count = 0;
    status = kaya_disk_list(context->disk, note_name, &reading);
    if (status == KAYA_INVALID ||
        status == KAYA_FULL) /* what stands there cannot be listed, and nobody asked for room */
        status = KAYA_IO;
    if (status == KAYA_OK)
        status = reading.status;
    if (status == KAYA_OK) {
        sort_files(listing->files, listing->file_count);
        sort_files(listing->obstacles, listing->obstacle_count);
    }
    return status;
}

/* The first one that does not come before `wanted`; `count`: none. */
static size_t find_place(const struct listed *files, size_t count, const struct listed *wanted)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (comes_before(&files[middle], wanted))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct listed *kaya_listing_find(const struct listing *listing, uint64_t number)
{
    size_t place = find_place(listing->files, listing->file_count,
                              &(struct listed){ .number = number, .kind = SEGMENT_NAME_WAL });

    if (place == listing->file_count || listing->files[place].number != number ||
        listing->files[place].kind == SEGMENT_NAME_NEW)
        return NULL;
    return &listing->files[place];
}

const struct listed *kaya_listing_find_obstacle(const struct listing *listing, uint64_t number,
                                                enum segment_name_kind last)
{
    size_t place = find_place(listing->obstacles, listing->obstacle_count,
                              &(struct listed){ .number = number, .kind = SEGMENT_NAME_WAL });

    if (place == listing->obstacle_count || listing->obstacles[place].number != number ||
        listing->obstacles[place].kind > last)
        return NULL;
    return &listing->obstacles[place];
}

void kaya_listing_release(struct listing *listing, const struct context *context)
{
    kaya_release(context->allocator, listing->files, listing->file_capacity * sizeof *listing->files);
    kaya_release(context->allocator, listing->obstacles, listing->obstacle_capacity * sizeof *listing->obstacles);
    *listing = LISTING_NONE;
}
