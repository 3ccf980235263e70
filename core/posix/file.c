/* Open files: handles, which way a write goes, and their size.
 *
 * A write goes through the page cache (transfer.c), past it where the method says so (direct.c), or with its sync in one submission (ring.c).
 * Whatever changes a file by other ways than its window empties that. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "system.h"

enum { PIECE_BYTES = 16 * 1024 };

static void enlist(struct posix_disk *disk, struct posix_file *file)
{
    (void)pthread_mutex_lock(&disk->mutex);
    file->next = disk->open;
    file->link = &disk->open;
    if (file->next != NULL)
        file->next->link = &file->next;
    disk->open = file;
    (void)pthread_mutex_unlock(&disk->mutex);
}

static void delist(struct posix_disk *disk, struct posix_file *file)
{
    (void)pthread_mutex_lock(&disk->mutex);
    *file->link = file->next;
    if (file->next != NULL)
        file->next->link = file->link;
    (void)pthread_mutex_unlock(&disk->mutex);
}

enum kaya_status kaya_posix_open(struct kaya_disk *disk, const char *name, unsigned flags, struct kaya_file **file)
{
    struct posix_disk *posix = (struct posix_disk *)disk;
    struct posix_file *made;
    enum kaya_status status;
    int system_flags = O_RDONLY;
    int directory;

    if (!kaya_name_is_valid(name))
        return KAYA_INVALID;
    if ((flags & (KAYA_OPEN_WRITE | KAYA_OPEN_CREATE)) != 0)
        system_flags = O_RDWR;
    if ((flags & KAYA_OPEN_CREATE) != 0)
        system_flags |= O_CREAT | O_EXCL;

    status = kaya_posix_directory(posix, &directory);
    if (status != KAYA_OK)
        return status;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return KAYA_NO_MEMORY;
    status = kaya_posix_open_regular(directory, name, system_flags, &made->descriptor);
    if (status != KAYA_OK) {
        free(made);
        return status;
    }
    made->file.disk = disk;
    made->direct = DESCRIPTOR_NONE;
    if (posix->is_direct && (system_flags & O_RDWR) != 0)
        status = kaya_posix_open_direct(posix, directory, name, made);
    if (status != KAYA_OK) {
        (void)close(made->descriptor);
        free(made);
        if ((flags & KAYA_OPEN_CREATE) != 0)
            (void)unlinkat(directory, name, 0);
        return status;
    }
    enlist(posix, made);
    *file = &made->file;
    return KAYA_OK;
}

/* Linux lets go of the descriptor whatever close answers. */
void kaya_posix_close(struct kaya_disk *disk, struct kaya_file *file)
{
    struct posix_file *posix = posix_of(file);

    delist((struct posix_disk *)disk, posix);
    kaya_posix_close_direct((struct posix_disk *)disk, posix);
    (void)close(posix->descriptor);
    free(posix);
}

/* ---- contents and size ---- */

/* What comes in many spans is room for records to come (zeros). Linux keeps what is written at once in one large page, if it may and can, and small
 * writes come to that page for good: of 64 KiB it costs them a twentieth more than of 16 KiB, and where pages are of 4 KiB, so many of them come to
 * two pages that it is more again. So this many spans at a time: up to a multiple of 16 KiB. The wrapper comes back with the rest. */
static size_t spans_of_piece(uint64_t offset, const struct kaya_span *spans, size_t span_count)
{
    uint64_t room = PIECE_BYTES - offset % PIECE_BYTES;
    size_t count = 1;

    for (uint64_t length = spans->length; count < span_count && length < room; count++)
        length += spans[count].length;
    return count;
}

enum kaya_status kaya_posix_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                  const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct posix_file *posix = posix_of(file);

    (void)disk;
    if (posix->window != NULL)
        return kaya_posix_write_direct(posix, offset, spans, span_count, false, done);
    if (span_count > 1)
        span_count = spans_of_piece(offset, spans, span_count);
    kaya_posix_prepare_pages(posix, offset, spans, span_count);
    return kaya_posix_write_cached(posix, offset, spans, span_count, false, done);
}

enum kaya_status kaya_posix_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                          const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct posix_ring *ring = ((struct posix_disk *)disk)->ring;
    struct posix_file *posix = posix_of(file);

    if (posix->window != NULL)
        return kaya_posix_write_direct(posix, offset, spans, span_count, true, done);
    kaya_posix_prepare_pages(posix, offset, spans, span_count);
    if (ring != NULL)
        return kaya_posix_write_linked(ring, posix, offset, spans, span_count, done);
    return kaya_posix_write_cached(posix, offset, spans, span_count, true, done);
}

enum kaya_status kaya_posix_truncate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    unsigned tries = 0;
    int result;

    (void)disk;
    do
        result = ftruncate(posix_of(file)->descriptor, (off_t)bytes);
    while (result != 0 && kaya_posix_try_again(&tries));
    kaya_posix_forget_window(posix_of(file));
    return result == 0 ? KAYA_OK : kaya_posix_file_status(errno);
}

/* On a full disk some file systems keep what they had got so far, size included: give that back. Cutting to the old size
 * frees what was reserved behind it. */
enum kaya_status kaya_posix_allocate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    int descriptor = posix_of(file)->descriptor;
    enum kaya_status status;
    uint64_t size_before = 0;
    unsigned tries = 0;
    int result;
    int error;

    status = kaya_posix_size(disk, file, &size_before);
    if (status != KAYA_OK)
        return status;
    do
        result = fallocate(descriptor, 0, 0, (off_t)bytes);
    while (result != 0 && kaya_posix_try_again(&tries));
    error = errno;
    kaya_posix_forget_window(posix_of(file));
    if (result == 0)
        return KAYA_OK;
    if (error == EOPNOTSUPP || error == ENOSYS)
        return KAYA_UNSUPPORTED;
    if (kaya_posix_truncate(disk, file, size_before) != KAYA_OK)
        return KAYA_IO;
    return kaya_posix_file_status(error);
}
