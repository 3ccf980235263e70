/* The one writer's lock: a write lock of the open file description on the file KAYA_LOCK_NAME.
 *
 * It belongs to the description, not to the process: two disks on one directory exclude each other within a process too,
 * and closing some other descriptor of the file does not let go of it, as the older kind of lock would. The kernel
 * drops it with the last descriptor, so it never outlives the process. (A child that was forked and has not called exec
 * shares the description, and with it the lock.) The file stays; removing it would let two writers lock two files. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "system.h"

static struct flock whole_file(void)
{
    return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
}

/* Made at need. Two writers may try to make it at once: who comes second opens it. */
static enum kaya_status open_lock_file(int directory, int *descriptor)
{
    enum kaya_status status = kaya_posix_open_regular(directory, KAYA_LOCK_NAME, O_RDWR, descriptor);

    if (status == KAYA_NOT_FOUND)
        status = kaya_posix_open_regular(directory, KAYA_LOCK_NAME, O_RDWR | O_CREAT | O_EXCL, descriptor);
    if (status == KAYA_EXISTS)
        status = kaya_posix_open_regular(directory, KAYA_LOCK_NAME, O_RDWR, descriptor);
    return status;
}

/* A second attempt of the disk that holds it comes with another description, and is refused like anybody else's. */
enum kaya_status kaya_posix_lock(struct kaya_disk *disk)
{
    struct posix_disk *posix = (struct posix_disk *)disk;
    struct flock range = whole_file();
    enum kaya_status status;
    int directory;
    int descriptor;

    status = kaya_posix_directory(posix, &directory);
    if (status == KAYA_OK)
        status = open_lock_file(directory, &descriptor);
    if (status != KAYA_OK)
        return status;
    if (fcntl(descriptor, F_OFD_SETLK, &range) != 0) {
        status = errno == EAGAIN || errno == EACCES ? KAYA_LOCKED : kaya_posix_name_status(errno);
        (void)close(descriptor);
        return status;
    }
    (void)pthread_mutex_lock(&posix->mutex);
    posix->lock = descriptor;
    (void)pthread_mutex_unlock(&posix->mutex);
    return KAYA_OK;
}

void kaya_posix_unlock(struct kaya_disk *disk)
{
    struct posix_disk *posix = (struct posix_disk *)disk;

    (void)pthread_mutex_lock(&posix->mutex);
    if (posix->lock != DESCRIPTOR_NONE)
        (void)close(posix->lock);
    posix->lock = DESCRIPTOR_NONE;
    (void)pthread_mutex_unlock(&posix->mutex);
}

/* Asks through a description that holds nothing, so the answer is the same for our own lock and another's. */
enum kaya_status kaya_posix_probe_lock(struct kaya_disk *disk, bool *held)
{
    struct flock range = whole_file();
    enum kaya_status status;
    int directory;
    int descriptor;

    *held = false;
    status = kaya_posix_directory((struct posix_disk *)disk, &directory);
    if (status == KAYA_OK)
        status = kaya_posix_open_regular(directory, KAYA_LOCK_NAME, O_RDONLY, &descriptor);
    if (status != KAYA_OK)
        return status == KAYA_NOT_FOUND ? KAYA_OK : status;
    if (fcntl(descriptor, F_OFD_GETLK, &range) != 0)
        status = kaya_posix_name_status(errno);
    else
        *held = range.l_type != F_UNLCK;
    (void)close(descriptor);
    return status;
}
