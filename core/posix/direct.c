/* Writing past the page cache (O_DIRECT), in whole blocks from aligned memory, behind a seam that knows of neither.
 *
 * Each file that is open for writing has a window: memory that holds what the file holds, around the last write. A write goes into the window, and
 * from there to the file, with what stands before and behind it in its first and last block. So these bytes are written again with the
 * values they have: the write-back unit of the geometry is a block, as it is a page through the cache, and a disk without power-safe
 * overwrite is padded to it.
 *
 *   file      ...|--------|--------|--------|--------|--------|--------|...     blocks
 *   window                [===========================================]         read or written before
 *   write                        :::::::::::::                                  what was asked for
 *   device                |~~~~~~::::|:::::::::~~~~~~|                          what is written
 *
 * Where the window does not reach it is moved, and what is missing is read: READ_BYTES at once, so that a log that grows by little records
 * reads as many bytes as it writes, in few calls, and in a segment that was just written through ahead of use none.
 *
 * The last block of a file whose size is no multiple of blocks, and what makes a file longer, goes through the cache: a direct
 * write would make it longer than asked. The kernel keeps cache and device together: a direct write writes back what is dirty in its range before, and drops
 * what is cached of it behind. It asks that no program maps the file. Readers go through the cache.
 *
 * Invariants:
 *   1. what the window holds, the file holds: handles of one file share one window, whatever else changes the file empties it, and so does a
 *      write that failed
 *   2. one write at a time for each file */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system.h"

enum {
    BLOCK_BYTES = 4096, /* what every device takes, in memory and file: the largest logical block in use, and no less than a page of flash */
    READ_BYTES = 64 * 1024,
    WINDOW_BYTES = 256 * 1024 + 2 * BLOCK_BYTES, /* a whole buffer of the log's, wherever it begins, is one write */
};

struct posix_window {
    dev_t device;
    ino_t inode;
    unsigned user_count;       /* open handles of the file; guarded by the disk's mutex, as is ... */
    struct posix_window *next; /* ... the disk's list */
    pthread_mutex_t mutex;     /* guards what follows, and is held during a write */
    unsigned char *bytes;      /* WINDOW_BYTES, aligned */
    uint64_t offset;           /* bytes[0, length) are the file's at `offset`; both whole blocks */
    size_t length;
};

static uint64_t rounded_down(uint64_t bytes)
{
    return bytes & ~(uint64_t)(BLOCK_BYTES - 1);
}

static uint64_t rounded_up(uint64_t bytes)
{
    return rounded_down(bytes + BLOCK_BYTES - 1);
}

/* ---- can it be done here? ---- */

static bool is_alignment_enough(int descriptor)
{
    void *block = NULL;
    ssize_t taken;
#ifdef STATX_DIOALIGN
    struct statx information;

    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_DIOALIGN, &information) == 0 &&
        (information.stx_mask & STATX_DIOALIGN) != 0)
        return information.stx_dio_offset_align > 0 && information.stx_dio_offset_align <= BLOCK_BYTES &&
               information.stx_dio_mem_align <= BLOCK_BYTES;
#endif
    if (posix_memalign(&block, BLOCK_BYTES, BLOCK_BYTES) != 0)
        return true; /* the first write will tell */
    memset(block, 0, BLOCK_BYTES);
    taken = pwrite(descriptor, block, BLOCK_BYTES, 0);
    free(block);
    return taken >= 0 || errno != EINVAL;
}

/* A file without a name, in the log's directory or where that will be. */
enum kaya_status kaya_posix_probe_direct(struct posix_disk *disk)
{
    int directory = disk->parent;
    enum kaya_status status = kaya_posix_directory(disk, &directory);
    unsigned tries = 0;
    bool is_enough;
    int descriptor;

    if (status == KAYA_NOT_FOUND)
        directory = disk->parent;
    else if (status != KAYA_OK)
        return status;
    do
        descriptor = openat(directory, ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    while (descriptor < 0 && kaya_posix_try_again(&tries));
    if (descriptor < 0 && (errno == EINVAL || errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT))
        return KAYA_UNSUPPORTED;
    if (descriptor < 0) {
        status = kaya_posix_name_status(errno);
        return status == KAYA_FULL ? KAYA_OK : status; /* no room to ask; a log can be opened on a full disk */
    }
    is_enough = is_alignment_enough(descriptor);
    (void)close(descriptor);
    return is_enough ? KAYA_OK : KAYA_UNSUPPORTED;
}

/* ---- windows ---- */

static struct posix_window *find_window(const struct posix_disk *disk, const struct stat *information)
{
    struct posix_window *window = disk->windows;

    while (window != NULL && (window->device != information->st_dev || window->inode != information->st_ino))
        window = window->next;
    return window;
}

static struct posix_window *make_window(struct posix_disk *disk, const struct stat *information)
{
    struct posix_window *window = calloc(1, sizeof *window);
    void *bytes = NULL;

    if (window == NULL)
        return NULL;
    if (posix_memalign(&bytes, BLOCK_BYTES, WINDOW_BYTES) != 0 || pthread_mutex_init(&window->mutex, NULL) != 0) {
        free(bytes);
        free(window);
        return NULL;
    }
    window->bytes = bytes;
    window->device = information->st_dev;
    window->inode = information->st_ino;
    window->next = disk->windows;
    disk->windows = window;
    return window;
}

/* The window of the file behind `descriptor`, shared by all its handles. */
static enum kaya_status take_window(struct posix_disk *disk, struct posix_file *file)
{
    struct stat information;
    struct posix_window *window;

    if (fstat(file->descriptor, &information) != 0)
        return KAYA_IO;
    (void)pthread_mutex_lock(&disk->mutex);
    window = find_window(disk, &information);
    if (window == NULL)
        window = make_window(disk, &information);
    if (window != NULL)
        window->user_count++;
    (void)pthread_mutex_unlock(&disk->mutex);
    file->window = window;
    return window != NULL ? KAYA_OK : KAYA_NO_MEMORY;
}

static void give_window(struct posix_disk *disk, struct posix_window *window)
{
    struct posix_window **link = &disk->windows;
    bool is_last;

    (void)pthread_mutex_lock(&disk->mutex);
    is_last = --window->user_count == 0;
    if (is_last) {
        while (*link != window)
            link = &(*link)->next;
        *link = window->next;
    }
    (void)pthread_mutex_unlock(&disk->mutex);
    if (!is_last)
        return;
    (void)pthread_mutex_destroy(&window->mutex);
    free(window->bytes);
    free(window);
}

/* Nobody may have put another file under the name meanwhile. */
static bool is_same_file(int one, int other)
{
    struct stat first, second;

    return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

enum kaya_status kaya_posix_open_direct(struct posix_disk *disk, int directory, const char *name,
                                        struct posix_file *file)
{
    enum kaya_status status = kaya_posix_open_regular(directory, name, O_RDWR | O_DIRECT, &file->direct);

    if (status != KAYA_OK) {
        file->direct = DESCRIPTOR_NONE;
        return status;
    }
    status = is_same_file(file->descriptor, file->direct) ? take_window(disk, file) : KAYA_IO;
    if (status != KAYA_OK) {
        (void)close(file->direct);
        file->direct = DESCRIPTOR_NONE;
    }
    return status;
}

void kaya_posix_close_direct(struct posix_disk *disk, struct posix_file *file)
{
    if (file->direct == DESCRIPTOR_NONE)
        return;
    (void)close(file->direct);
    give_window(disk, file->window);
}

void kaya_posix_forget_window(struct posix_file *file)
{
    if (file->window == NULL)
        return;
    (void)pthread_mutex_lock(&file->window->mutex);
    file->window->length = 0;
    (void)pthread_mutex_unlock(&file->window->mutex);
}

/* ---- a write ---- */

/* What one call writes: [begin, end) is asked for, [first, last) are its blocks. */
struct stretch {
    uint64_t begin, end;
    uint64_t first, last;
};

static uint64_t window_end(const struct posix_window *window)
{
    return window->offset + window->length;
}

/* Let the window begin at or before the stretch, and have room for all of it. */
static void move_window(struct posix_window *window, const struct stretch *stretch)
{
    size_t dropped;

    if (window->length == 0 || stretch->first < window->offset || stretch->first > window_end(window)) {
        window->offset = stretch->first;
        window->length = 0;
    }
    if (stretch->last - window->offset <= WINDOW_BYTES)
        return;
    dropped = (size_t)(stretch->first - window->offset);
    window->length -= dropped;
    memmove(window->bytes, window->bytes + dropped, window->length);
    window->offset = stretch->first;
}

/* Read on behind the window's end, up to `needed` at least, in a file of `whole` bytes of whole blocks. */
static enum kaya_status read_on(struct posix_window *window, int descriptor, uint64_t needed, uint64_t whole)
{
    uint64_t end = window_end(window) + READ_BYTES;
    unsigned tries = 0;

    if (end < needed)
        end = needed;
    if (end > window->offset + WINDOW_BYTES)
        end = window->offset + WINDOW_BYTES;
    if (end > whole)
        end = whole;
    while (window_end(window) < end) {
        ssize_t got = pread(descriptor, window->bytes + window->length, (size_t)(end - window_end(window)),
                            (off_t)window_end(window));

        if (got < 0 && kaya_posix_try_again(&tries))
            continue;
        if (got <= 0 || got % BLOCK_BYTES != 0)
            return window_end(window) >= needed ? KAYA_OK : KAYA_IO;
        window->length += (size_t)got;
    }
    return KAYA_OK;
}

/* Only the first and the last block can have bytes that are not the stretch's. */
static enum kaya_status know_blocks(struct posix_window *window, int descriptor,
                                    const struct stretch *stretch, uint64_t whole)
{
    uint64_t known = window_end(window);
    bool is_first_missing = known == stretch->first && stretch->begin > stretch->first;
    bool is_last_missing = known < stretch->last && stretch->end < stretch->last;

    return is_first_missing || is_last_missing ? read_on(window, descriptor, stretch->last, whole) : KAYA_OK;
}

static void copy_in(struct posix_window *window, const struct stretch *stretch, const struct kaya_span *spans)
{
    unsigned char *to = window->bytes + (stretch->begin - window->offset);
    size_t left = (size_t)(stretch->end - stretch->begin);

    for (; left > 0; spans++) {
        size_t length = spans->length < left ? spans->length : left;

        if (length > 0)
            memcpy(to, spans->bytes, length);
        to += length;
        left -= length;
    }
    if (window_end(window) < stretch->last)
        window->length = (size_t)(stretch->last - window->offset);
}

/* Whole blocks only: fewer than all of them are taken for none. */
static enum kaya_status put_blocks(const struct posix_window *window, const struct posix_file *file,
                                   const struct stretch *stretch, bool is_durable)
{
    struct iovec vector = { window->bytes + (stretch->first - window->offset),
                            (size_t)(stretch->last - stretch->first) };
    ssize_t taken = kaya_posix_transfer(file->direct, &vector, 1, stretch->first, is_durable);

    if (taken < 0)
        return errno == EINTR ? KAYA_INTERRUPTED : kaya_posix_file_status(errno);
    return (size_t)taken == vector.iov_len ? KAYA_OK : KAYA_IO;
}

static enum kaya_status put_stretch(struct posix_window *window, const struct posix_file *file,
                                    const struct stretch *stretch, const struct kaya_span *spans,
                                    uint64_t whole, bool is_durable)
{
    enum kaya_status status;

    move_window(window, stretch);
    status = know_blocks(window, file->direct, stretch, whole);
    if (status == KAYA_OK) {
        copy_in(window, stretch, spans);
        status = put_blocks(window, file, stretch, is_durable);
    }
    if (status != KAYA_OK)
        window->length = 0;
    return status;
}

static uint64_t length_of(const struct kaya_span *spans, size_t span_count)
{
    uint64_t length = 0;

    for (size_t index = 0; index < span_count; index++)
        length += spans[index].length;
    return length;
}

enum kaya_status kaya_posix_write_direct(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                                         size_t span_count, bool is_durable, size_t *done)
{
    struct posix_window *window = file->window;
    struct stretch stretch = { .begin = offset, .first = rounded_down(offset) };
    enum kaya_status status;
    uint64_t size_bytes, whole;

    KAYA_ASSERT(window != NULL);
    (void)pthread_mutex_lock(&window->mutex);
    status = kaya_posix_size(file->file.disk, &file->file, &size_bytes);
    if (status != KAYA_OK)
        goto done;
    whole = rounded_down(size_bytes);
    if (offset >= whole) {
        window->length = 0;
        status = kaya_posix_write_cached(file, offset, spans, span_count, is_durable, done);
        goto done;
    }
    stretch.end = offset + length_of(spans, span_count);
    if (stretch.end > whole)
        stretch.end = whole;
    if (stretch.end > stretch.first + WINDOW_BYTES)
        stretch.end = stretch.first + WINDOW_BYTES;
    stretch.last = rounded_up(stretch.end);
    status = put_stretch(window, file, &stretch, spans, whole, is_durable);
    if (status == KAYA_OK)
        *done = (size_t)(stretch.end - stretch.begin);
done:
    (void)pthread_mutex_unlock(&window->mutex);
    return status;
}
