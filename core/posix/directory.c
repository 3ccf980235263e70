/* Names: the log's directory, what stands in it, and how names become durable. Everything is relative to the two
 * descriptors of disk.c; a name never holds a '/', so nothing here can leave the directory.
 *
 * What a crash can do: a create, rename or unlink is in the directory's cached blocks until fsync of that directory
 * returns, and only then certain. The directory's own name stands in its parent, which has an fsync of its own. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system.h"

enum { FILE_MODE = 0600, DIRECTORY_MODE = 0700, PERMISSION_BITS = 0777 };

/* O_DIRECTORY | O_NOFOLLOW on a symbolic link is ENOTDIR or ELOOP: KAYA_INVALID, both. */
static enum kaya_status open_directory(int parent, const char *name, int *directory)
{
    unsigned tries = 0;

    do
        *directory = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (*directory < 0 && kaya_posix_try_again(&tries));
    return *directory >= 0 ? KAYA_OK : kaya_posix_name_status(errno);
}

enum kaya_status kaya_posix_directory(struct posix_disk *disk, int *directory)
{
    enum kaya_status status = KAYA_OK;

    (void)pthread_mutex_lock(&disk->mutex);
    if (disk->directory == DESCRIPTOR_NONE) {
        status = open_directory(disk->parent, disk->name, &disk->directory);
        if (status != KAYA_OK)
            disk->directory = DESCRIPTOR_NONE;
    }
    *directory = disk->directory;
    (void)pthread_mutex_unlock(&disk->mutex);
    return status;
}

/* A new file gets its mode whatever the umask took away. */
static enum kaya_status check_file(int descriptor, bool created)
{
    struct stat information;

    if (fstat(descriptor, &information) != 0)
        return kaya_posix_name_status(errno);
    if (!S_ISREG(information.st_mode))
        return KAYA_INVALID;
    if (created && (information.st_mode & PERMISSION_BITS) != FILE_MODE && fchmod(descriptor, FILE_MODE) != 0)
        return kaya_posix_name_status(errno);
    return KAYA_OK;
}

enum kaya_status kaya_posix_open_regular(int directory, const char *name, int flags, int *descriptor)
{
    bool created = (flags & O_CREAT) != 0;
    enum kaya_status status;
    unsigned tries = 0;
    int made;

    do /* O_NONBLOCK: a FIFO must not make us wait; it means nothing to a regular file */
        made = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, FILE_MODE);
    while (made < 0 && kaya_posix_try_again(&tries));
    if (made < 0)
        return kaya_posix_name_status(errno);
    status = check_file(made, created);
    if (status != KAYA_OK) {
        (void)close(made);
        if (created)
            (void)unlinkat(directory, name, 0);
        return status;
    }
    *descriptor = made;
    return KAYA_OK;
}

/* KAYA_INTERRUPTED is none of fsync's answers here: an interrupted one has returned no error of the device, and an
 * error is forgotten only by being returned, so that trying again is sound. */
enum kaya_status kaya_posix_sync_directory(struct kaya_disk *disk, enum kaya_directory which)
{
    struct posix_disk *posix = (struct posix_disk *)disk;
    int descriptor = posix->parent;
    enum kaya_status status;
    unsigned tries = 0;
    int result;

    if (which == KAYA_DIRECTORY_LOG) {
        status = kaya_posix_directory(posix, &descriptor);
        if (status != KAYA_OK)
            return status;
    }
    do
        result = fsync(descriptor);
    while (result != 0 && kaya_posix_try_again(&tries));
    if (result == 0)
        return KAYA_OK;
    if (errno == EBADF) /* a parent that may not be read: see open_parent */
        return KAYA_DENIED;
    return kaya_posix_file_status(errno);
}

/* KAYA_OK: a regular file of that name; KAYA_NOT_FOUND: nothing. */
static enum kaya_status check_regular(int directory, const char *name)
{
    struct stat information;

    if (!kaya_name_is_valid(name))
        return KAYA_INVALID;
    if (fstatat(directory, name, &information, AT_SYMLINK_NOFOLLOW) != 0)
        return kaya_posix_name_status(errno);
    return S_ISREG(information.st_mode) ? KAYA_OK : KAYA_INVALID;
}

enum kaya_status kaya_posix_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    enum kaya_status status;
    int directory;

    status = kaya_posix_directory((struct posix_disk *)disk, &directory);
    if (status != KAYA_OK)
        return status;
    status = check_regular(directory, from);
    if (status != KAYA_OK)
        return status;
    status = check_regular(directory, to);
    if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        return status;
    return renameat(directory, from, directory, to) == 0 ? KAYA_OK : kaya_posix_name_status(errno);
}

enum kaya_status kaya_posix_unlink(struct kaya_disk *disk, const char *name)
{
    enum kaya_status status;
    int directory;

    status = kaya_posix_directory((struct posix_disk *)disk, &directory);
    if (status != KAYA_OK)
        return status;
    status = check_regular(directory, name);
    if (status != KAYA_OK)
        return status;
    return unlinkat(directory, name, 0) == 0 ? KAYA_OK : kaya_posix_name_status(errno);
}

enum kaya_status kaya_posix_create_directory(struct kaya_disk *disk)
{
    struct posix_disk *posix = (struct posix_disk *)disk;
    struct stat information;

    if (mkdirat(posix->parent, posix->name, DIRECTORY_MODE) != 0)
        return kaya_posix_name_status(errno);
    if (fstatat(posix->parent, posix->name, &information, AT_SYMLINK_NOFOLLOW) != 0)
        return kaya_posix_name_status(errno);
    if ((information.st_mode & PERMISSION_BITS) != DIRECTORY_MODE &&
        fchmodat(posix->parent, posix->name, DIRECTORY_MODE, 0) != 0)
        return kaya_posix_name_status(errno);
    return KAYA_OK;
}

/* False: the entry is gone meanwhile. Some file systems leave the kind out of the directory. */
static bool kind_of(int directory, const struct dirent *entry, enum kaya_entry_kind *kind)
{
    struct stat information;

    if (entry->d_type == DT_UNKNOWN) {
        if (fstatat(directory, entry->d_name, &information, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        *kind = S_ISREG(information.st_mode) ? KAYA_ENTRY_FILE : KAYA_ENTRY_OTHER;
        return true;
    }
    *kind = entry->d_type == DT_REG ? KAYA_ENTRY_FILE : KAYA_ENTRY_OTHER;
    return true;
}

static enum kaya_status visit_entries(DIR *stream, kaya_list_visitor *visit, void *user)
{
    for (;;) {
        const struct dirent *entry;
        enum kaya_entry_kind kind;

        errno = 0;
        entry = readdir(stream);
        if (entry == NULL)
            return errno == 0 ? KAYA_OK : kaya_posix_name_status(errno);
        if (!kaya_name_is_valid(entry->d_name)) /* "." and ".." */
            continue;
        if (kind_of(dirfd(stream), entry, &kind) && !visit(user, entry->d_name, kind))
            return KAYA_OK;
    }
}

/* A description of its own, since the place in a directory belongs to the description. */
enum kaya_status kaya_posix_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    enum kaya_status status;
    int directory;
    int own;
    DIR *stream;

    status = kaya_posix_directory((struct posix_disk *)disk, &directory);
    if (status != KAYA_OK)
        return status;
    status = open_directory(directory, ".", &own);
    if (status != KAYA_OK)
        return status;
    stream = fdopendir(own);
    if (stream == NULL) {
        status = kaya_posix_name_status(errno);
        (void)close(own);
        return status;
    }
    status = visit_entries(stream, visit, user);
    (void)closedir(stream);
    return status;
}
