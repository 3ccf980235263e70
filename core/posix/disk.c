/* The POSIX disk: one directory of real files behind the disk seam, written and made durable by one of several methods (method.c). Linux.
 *
 * Everything hangs on two descriptors, the log's directory and its parent, so that no call resolves a path again: a
 * directory that is renamed while the log is open goes on being the log's. The log's directory need not exist at first;
 * its descriptor is taken when it is first seen.
 *
 *   path given      /var/lib/app/log/           the last part may not be a symbolic link, those before it may
 *   parent          /var/lib/app
 *   name                         log
 *
 * Invariants:
 *   1. no call follows a symbolic link, nor leaves the directory (directory.c, O_NOFOLLOW and names without '/');
 *   2. only regular files are ever opened, and none is opened in a way that could wait (a FIFO would);
 *   3. every descriptor is O_CLOEXEC;
 *   4. what is made is 0600 or 0700, whatever the umask and whatever it takes away or leaves.
 *
 * What a crash can do: the operating system's answer to that is what the seam's contract says, no more. See transfer.c for
 * what each call does to the cache and the device. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system.h"

static const struct kaya_disk_operations operations = {
    .open = kaya_posix_open,
    .close = kaya_posix_close,
    .size = kaya_posix_size,
    .read = kaya_posix_read,
    .write = kaya_posix_write,
    .write_durable = kaya_posix_write_durable,
    .sync = kaya_posix_sync,
    .sync_directory = kaya_posix_sync_directory,
    .truncate = kaya_posix_truncate,
    .allocate = kaya_posix_allocate,
    .rename = kaya_posix_rename,
    .unlink = kaya_posix_unlink,
    .create_directory = kaya_posix_create_directory,
    .list = kaya_posix_list,
    .lock = kaya_posix_lock,
    .unlock = kaya_posix_unlock,
    .probe_lock = kaya_posix_probe_lock,
};

/* The length of `path` without what changes nothing at its end: '/' and "/.". */
static size_t meaningful_length(const char *path)
{
    size_t length = strlen(path);

    for (;;) {
        if (length > 1 && path[length - 1] == '/')
            length -= 1;
        else if (length > 1 && path[length - 1] == '.' && path[length - 2] == '/')
            length -= 1;
        else
            return length;
    }
}

/* Cut `path` into the parent's path and the last part, both the caller's to free. */
static enum kaya_status split(const char *path, char **parent, char **name)
{
    size_t length = meaningful_length(path);
    size_t start = length;
    enum kaya_status status = KAYA_INVALID;

    while (start > 0 && path[start - 1] != '/')
        start--;
    *name = strndup(path + start, length - start);
    *parent = start == 0 ? strdup(".") : strndup(path, start);
    if (*name == NULL || *parent == NULL)
        status = KAYA_NO_MEMORY;
    else if (kaya_name_is_valid(*name))
        status = KAYA_OK;
    return status;
}

/* A directory that may be searched but not read has no descriptor that could be synced; the log needs that one only to
 * make its own directory. */
static enum kaya_status open_parent(const char *path, int *parent)
{
    unsigned tries = 0;

    do {
        *parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*parent < 0 && errno == EACCES)
            *parent = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    } while (*parent < 0 && kaya_posix_try_again(&tries));
    if (*parent >= 0)
        return KAYA_OK;
    return errno == ENOTDIR ? KAYA_NOT_FOUND : kaya_posix_name_status(errno);
}

/* Nothing, or a directory, stands at the last part of the path. */
static enum kaya_status check_kind(int parent, const char *name)
{
    struct stat information;

    if (fstatat(parent, name, &information, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? KAYA_OK : kaya_posix_name_status(errno);
    return S_ISDIR(information.st_mode) ? KAYA_OK : KAYA_INVALID;
}

/* `path` may be ".", whose parent is its own "..". */
static enum kaya_status locate(struct posix_disk *disk, const char *path)
{
    char *parent = NULL;
    enum kaya_status status;

    if (meaningful_length(path) == 1 && path[0] == '.') {
        disk->name = strdup(".");
        if (disk->name == NULL)
            return KAYA_NO_MEMORY;
        status = open_parent(".", &disk->directory);
        return status == KAYA_OK ? open_parent("..", &disk->parent) : status;
    }
    status = split(path, &parent, &disk->name);
    if (status == KAYA_OK)
        status = open_parent(parent, &disk->parent);
    if (status == KAYA_OK)
        status = check_kind(disk->parent, disk->name);
    free(parent);
    return status;
}

enum kaya_status kaya_posix_disk_create(const char *path, bool power_safe_overwrite, struct kaya_disk **disk)
{
    return kaya_posix_disk_create_by(KAYA_POSIX_FDATASYNC, path, power_safe_overwrite, disk);
}

enum kaya_status kaya_posix_disk_create_by(enum kaya_posix_sync_method method, const char *path,
                                           bool power_safe_overwrite, struct kaya_disk **disk)
{
    struct posix_disk *made = calloc(1, sizeof *made);
    enum kaya_status status;

    KAYA_ASSERT(path != NULL);
    KAYA_ASSERT(disk != NULL);
    *disk = NULL;
    if (made == NULL)
        return KAYA_NO_MEMORY;
    if (pthread_mutex_init(&made->mutex, NULL) != 0) {
        free(made);
        return KAYA_NO_MEMORY;
    }
    made->disk.operations = &operations;
    made->disk.geometry = (struct kaya_geometry){
        .sector_bytes = 512,
        .atomic_bytes = 0,
        .writeback_bytes = 4096,
        .buffer_alignment = 1,
        .power_safe_overwrite = power_safe_overwrite,
    };
    made->parent = DESCRIPTOR_NONE;
    made->directory = DESCRIPTOR_NONE;
    made->lock = DESCRIPTOR_NONE;
    status = locate(made, path);
    if (status == KAYA_OK)
        status = kaya_posix_choose_method(made, method);
    if (status != KAYA_OK)
        goto done;

    *disk = &made->disk;
    made = NULL;
done:
    if (made != NULL)
        kaya_posix_disk_destroy(&made->disk);
    return status;
}

static void close_descriptor(int descriptor)
{
    if (descriptor != DESCRIPTOR_NONE)
        (void)close(descriptor);
}

void kaya_posix_disk_destroy(struct kaya_disk *disk)
{
    struct posix_disk *posix = (struct posix_disk *)disk;

    if (posix == NULL)
        return;
    while (posix->open != NULL)
        kaya_posix_close(disk, &posix->open->file);
    close_descriptor(posix->lock);
    close_descriptor(posix->directory);
    close_descriptor(posix->parent);
    kaya_posix_ring_destroy(posix->ring);
    (void)pthread_mutex_destroy(&posix->mutex);
    free(posix->name);
    free(posix);
}
