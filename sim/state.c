/* The table of files, and what all parts of the disk do to it. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum { SCRATCH_ITEMS_MIN = 64 };

void *kaya_disk_scratch(void *array, size_t *capacity, size_t needed, size_t item_bytes)
{
    size_t next = *capacity ? *capacity : SCRATCH_ITEMS_MIN;

    if (needed <= *capacity)
        return array;
    while (next < needed)
        next *= 2;
    array = realloc(array, next * item_bytes);
    KAYA_ASSERT(array != NULL);
    *capacity = next;
    return array;
}

const uint8_t *kaya_disk_gather(struct kaya_sim_disk *disk, const struct kaya_span *spans, size_t span_count,
                                size_t length)
{
    size_t used = 0;

    if (span_count == 1)
        return spans[0].bytes;
    disk->gathered = kaya_disk_scratch(disk->gathered, &disk->gathered_capacity, length, 1);
    for (size_t index = 0; index < span_count; index++) {
        if (spans[index].length > 0)
            memcpy(disk->gathered + used, spans[index].bytes, spans[index].length);
        used += spans[index].length;
    }
    return disk->gathered;
}

/* ---- files ---- */

struct kaya_inode *kaya_disk_part(struct kaya_sim_disk *disk, uint32_t file)
{
    struct kaya_inode *shared = disk->files[file].inode;

    disk->files[file].inode = kaya_inode_clone(&disk->store, shared);
    kaya_inode_release(&disk->store, shared);
    return disk->files[file].inode;
}

void kaya_disk_reserve_files(struct kaya_sim_disk *disk, uint32_t needed)
{
    size_t capacity = disk->file_capacity;

    disk->files = kaya_disk_scratch(disk->files, &capacity, needed, sizeof *disk->files);
    disk->file_capacity = (uint32_t)capacity;
}

uint32_t kaya_disk_add_file(struct kaya_sim_disk *disk)
{
    uint32_t file = disk->files_taken;

    while (file < disk->file_count && disk->files[file].inode != NULL)
        file++;
    disk->files_taken = file + 1;
    if (file == disk->file_count) {
        kaya_disk_reserve_files(disk, file + 1);
        disk->file_count++;
    }
    disk->files[file] = (struct kaya_sim_file){ .inode = kaya_inode_create(&disk->store, ++disk->inode_number) };
    return file;
}

static void drop(struct kaya_sim_disk *disk, struct kaya_sim_file *entry)
{
    uint32_t file = (uint32_t)(entry - disk->files);

    disk->files_taken = disk->files_taken < file ? disk->files_taken : file;
    kaya_stale_add(&disk->store, entry->inode, 0);
    kaya_inode_release(&disk->store, entry->inode);
    entry->inode = NULL;
}

/* Mostly its name still stands where it stood when somebody opened it. */
static bool is_named(const struct kaya_sim_disk *disk, uint32_t file)
{
    const struct kaya_entries *shown = disk->directory.now;
    uint32_t position = disk->files[file].position;

    return (position < kaya_entries_count(shown) && shown->entries[position].file == file) ||
           kaya_names_refers(&disk->directory, file);
}

void kaya_disk_drop_file(struct kaya_sim_disk *disk, uint32_t file)
{
    struct kaya_sim_file *entry = &disk->files[file];

    if (entry->inode != NULL && entry->open_count == 0 && !is_named(disk, file))
        drop(disk, entry);
}

static void mark_named(struct kaya_sim_disk *disk, const struct kaya_entries *entries)
{
    for (uint32_t index = 0; index < kaya_entries_count(entries); index++)
        disk->files[entries->entries[index].file].is_named = true;
}

void kaya_disk_drop_unnamed_files(struct kaya_sim_disk *disk)
{
    const struct kaya_names *names = &disk->directory;

    for (uint32_t file = 0; file < disk->file_count; file++)
        disk->files[file].is_named = false;
    mark_named(disk, names->now);
    mark_named(disk, names->durable);
    for (uint32_t index = 0; index < names->change_count; index++)
        disk->files[names->changes[index].file].is_named = true;
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && disk->files[file].open_count == 0 && !disk->files[file].is_named)
            drop(disk, &disk->files[file]);
}

/* Keeps the list sorted, each file once. */
static uint32_t add_file_to(uint32_t *files, uint32_t count, uint32_t file)
{
    uint32_t at = count;

    while (at > 0 && files[at - 1] > file)
        at--;
    if (at > 0 && files[at - 1] == file)
        return count;
    memmove(files + at + 1, files + at, (count - at) * sizeof files[0]);
    files[at] = file;
    return count + 1;
}

/* Only files that the changes are about, or whose name they took, can be without one afterwards. */
void kaya_disk_sync_names(struct kaya_sim_disk *disk)
{
    struct kaya_names *names = &disk->directory;
    uint32_t files[2 * KAYA_CHANGES_MAX];
    uint32_t count = 0;

    for (uint32_t index = 0; index < names->change_count; index++) {
        uint32_t position = kaya_entries_find_name(names->durable, names->changes[index].name);

        count = add_file_to(files, count, names->changes[index].file);
        if (position < kaya_entries_count(names->durable))
            count = add_file_to(files, count, names->durable->entries[position].file);
    }
    kaya_names_sync(disk->store.pool, names);
    for (uint32_t index = 0; index < count; index++)
        kaya_disk_drop_file(disk, files[index]);
}

/* ---- boots ---- */

void kaya_disk_end_boot(struct kaya_sim_disk *disk)
{
    struct kaya_sim_handle *handle;

    while ((handle = disk->handles) != NULL) {
        disk->files[handle->file].open_count--;
        disk->handles = handle->next;
        handle->next = disk->free_handles;
        disk->free_handles = handle;
    }
    disk->is_running = false;
    disk->is_locked = false;
    disk->crash_at = 0;
}
