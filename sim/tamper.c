/* What people do to directories: a file put there, taken away, renamed, swapped, copied, cut; a directory made in
 * the place of one.
 *
 * Done between boots and for good: what is touched is durable afterwards, as after `cp` and `sync`, and so is every pending change of
 * a name. Nothing is drawn here and nothing counts as a fault of the disk: the disk does as it was told. Each call adds one note to the
 * trace, "copy 0000000000000001.wal", with the file's inode and size. */
#include <stdio.h>
#include <string.h>

#include "fate.h"

enum { NOTE_BYTES = KAYA_NAME_BYTES_MAX + 32, PIECE_BYTES = 4096 };

#define SWAP_NAME ".kaya-sim-swap"

static void note(struct kaya_sim_disk *disk, const char *deed, const char *name)
{
    uint32_t file = kaya_names_find(&disk->directory, name);
    const struct kaya_inode *inode = file == KAYA_NO_FILE ? NULL : disk->files[file].inode;
    char text[NOTE_BYTES];

    snprintf(text, sizeof text, "%s %s", deed, name);
    kaya_disk_trace(disk, KAYA_TRACE_NOTE, KAYA_OK, inode == NULL ? 0 : inode->number,
                    inode == NULL ? 0 : inode->size_bytes, 0, text);
}

static bool may_be_named(const char *name)
{
    return kaya_name_is_valid(name) && strcmp(name, KAYA_LOCK_NAME) != 0;
}

/* The file of that name, its size decided. */
static enum kaya_status find(struct kaya_sim_disk *disk, const char *name, uint32_t *file)
{
    KAYA_ASSERT(!disk->is_running);
    kaya_fate_decide_names(disk);
    *file = kaya_names_find(&disk->directory, name);
    if (*file == KAYA_NO_FILE || disk->files[*file].inode->is_directory)
        return KAYA_NOT_FOUND;
    kaya_fate_decide_size(disk, *file);
    return KAYA_OK;
}

static void settle_names(struct kaya_sim_disk *disk)
{
    kaya_names_sync(disk->store.pool, &disk->directory);
    for (uint32_t file = 0; file < disk->file_count; file++)
        kaya_disk_drop_file(disk, file);
}

static void settle_file(struct kaya_sim_disk *disk, uint32_t file)
{
    kaya_fate_decide_bytes(disk, file, 0, disk->files[file].inode->size_bytes);
    kaya_inode_sync(&disk->store, kaya_disk_own(disk, file));
}

/* Nothing stands there but something new under that name. */
static enum kaya_status put(struct kaya_sim_disk *disk, const char *name, uint32_t *file)
{
    uint32_t position;

    KAYA_ASSERT(!disk->is_running);
    kaya_fate_decide_names(disk);
    if (!disk->directory.exists)
        return KAYA_NOT_FOUND;
    position = kaya_entries_find(disk->directory.now, name);
    if (position < kaya_entries_count(disk->directory.now))
        kaya_names_unlink(disk->store.pool, &disk->directory, position);
    *file = kaya_disk_add_file(disk);
    kaya_names_create(disk->store.pool, &disk->directory, name, *file);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_put_file(struct kaya_sim_disk *disk, const char *name, const void *bytes,
                                        size_t length)
{
    uint32_t file;
    enum kaya_status status;

    if (!may_be_named(name))
        return KAYA_INVALID;
    if (length > (uint64_t)KAYA_INODE_SECTORS_MAX << disk->store.sector_shift)
        return KAYA_FULL;
    status = put(disk, name, &file);
    if (status != KAYA_OK)
        return status;
    if (length > 0)
        kaya_inode_write(&disk->store, disk->files[file].inode, 0, bytes, length);
    settle_file(disk, file);
    settle_names(disk);
    note(disk, "put", name);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_put_directory(struct kaya_sim_disk *disk, const char *name)
{
    uint32_t file;
    enum kaya_status status = may_be_named(name) ? put(disk, name, &file) : KAYA_INVALID;

    if (status != KAYA_OK)
        return status;
    disk->files[file].inode->is_directory = true;
    disk->has_directories = true;
    settle_names(disk);
    note(disk, "directory", name);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_copy_file(struct kaya_sim_disk *disk, const char *from, const char *to)
{
    uint32_t file;
    uint32_t made;
    uint8_t piece[PIECE_BYTES];
    size_t done;
    enum kaya_status status = find(disk, from, &file);

    if (status != KAYA_OK || strcmp(from, to) == 0)
        return status;
    status = kaya_sim_disk_put_file(disk, to, NULL, 0);
    if (status != KAYA_OK)
        return status;
    for (uint64_t at = 0; at < disk->files[file].inode->size_bytes; at += done) {
        status = kaya_sim_disk_peek(disk, from, at, piece, sizeof piece, &done);
        if (status != KAYA_OK)
            return status;
        made = kaya_names_find(&disk->directory, to);
        kaya_inode_write(&disk->store, kaya_disk_own(disk, made), at, piece, done);
    }
    settle_file(disk, kaya_names_find(&disk->directory, to));
    note(disk, "copy to", to);
    return KAYA_OK;
}

static void rename_name(struct kaya_sim_disk *disk, const char *from, const char *to)
{
    kaya_names_rename(disk->store.pool, &disk->directory, kaya_entries_find(disk->directory.now, from), to);
}

enum kaya_status kaya_sim_disk_rename_file(struct kaya_sim_disk *disk, const char *from, const char *to)
{
    uint32_t file;
    enum kaya_status status = find(disk, from, &file);

    if (status != KAYA_OK || strcmp(from, to) == 0)
        return status;
    if (!may_be_named(to))
        return KAYA_INVALID;
    rename_name(disk, from, to);
    settle_names(disk);
    note(disk, "rename to", to);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_swap_files(struct kaya_sim_disk *disk, const char *one, const char *other)
{
    uint32_t file;
    enum kaya_status status = find(disk, one, &file);

    if (status == KAYA_OK)
        status = find(disk, other, &file);
    if (status != KAYA_OK || strcmp(one, other) == 0)
        return status;
    rename_name(disk, one, SWAP_NAME);
    rename_name(disk, other, one);
    rename_name(disk, SWAP_NAME, other);
    settle_names(disk);
    note(disk, "swap", one);
    note(disk, "swap", other);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_remove_file(struct kaya_sim_disk *disk, const char *name)
{
    uint32_t position;

    KAYA_ASSERT(!disk->is_running);
    kaya_fate_decide_names(disk);
    position = kaya_entries_find(disk->directory.now, name);
    if (position == kaya_entries_count(disk->directory.now))
        return KAYA_NOT_FOUND;
    note(disk, "remove", name);
    kaya_names_unlink(disk->store.pool, &disk->directory, position);
    settle_names(disk);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_cut_file(struct kaya_sim_disk *disk, const char *name, uint64_t bytes)
{
    uint32_t file;
    enum kaya_status status = find(disk, name, &file);

    if (status != KAYA_OK)
        return status;
    if (bytes > disk->files[file].inode->size_bytes)
        return KAYA_INVALID;
    kaya_fate_decide_bytes(disk, file, 0, disk->files[file].inode->size_bytes);
    kaya_inode_resize(&disk->store, kaya_disk_own(disk, file), bytes);
    settle_file(disk, file);
    note(disk, "cut", name);
    return KAYA_OK;
}
