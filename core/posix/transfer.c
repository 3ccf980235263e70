/* What passes between memory, the page cache and the device.
 *
 * write          pwritev into the page cache (past it: direct.c). A dirty page goes to the device when the kernel likes, whole: what a
 *                power loss leaves may be older or newer than the last sync in any page, and torn between sectors.
 * sync           fdatasync: data, the size, and what else is needed to read the data back; then the device's own cache.
 *                A page whose write-back failed may be marked clean all the same, and the error is told once to each
 *                description that was open: hence the rule that a second try proves nothing.
 * write_durable  pwritev2 with RWF_DSYNC: these bytes, and not other dirty ones. Where the kernel or the file system does
 *                not know it, pwritev and fdatasync, which makes more durable than was asked, as does a linked pair (ring.c).
 * read past the cache
 *                write the range back and wait, drop its pages, read. On a file system that keeps its pages here
 *                the read then comes from the device (or from the device's own cache, which no program can see past).
 *                Not guaranteed: a page that somebody maps, locks, or dirties again meanwhile stays in the cache; a
 *                stacking or network file system may keep its pages where these calls do not reach. So a past-cache read
 *                may show what the cache holds, never bytes that neither holds. It is no sync: it does not flush
 *                the device, and leaves the error that the writer's own sync must report to that sync.
 *
 * Short transfers and EINTR of read and write go to the wrappers, which finish them (core/seam/disk.c). The others are
 * tried again here, within bounds: an interrupted call has returned no error of the device, and an error is forgotten only
 * by being returned. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system.h"

_Static_assert(sizeof(off_t) == 8, "offsets of the seam fit off_t");

/* Linux takes no more in one call; what lies behind is the next call's. */
static const size_t TRANSFER_BYTES_MAX = (size_t)1 << 30;

/* The spans as the system wants them, up to what one call takes. Returns how many. */
static int vector_of(struct iovec *vector, const struct kaya_span *spans, size_t span_count)
{
    size_t room = TRANSFER_BYTES_MAX;
    size_t count = 0;

    KAYA_ASSERT(span_count <= KAYA_SPANS_MAX);
    while (count < span_count && room > 0) {
        vector[count].iov_base = spans[count].bytes;
        vector[count].iov_len = spans[count].length < room ? spans[count].length : room;
        room -= vector[count].iov_len;
        count++;
    }
    return (int)count;
}

static uint64_t length_of(const struct iovec *vector, int count)
{
    uint64_t length = 0;

    for (int index = 0; index < count; index++)
        length += vector[index].iov_len;
    return length;
}

static enum kaya_status drop_cached(int descriptor, uint64_t offset, uint64_t length)
{
    uint64_t page_mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
    uint64_t first = offset & ~page_mask; /* part of a page is not dropped: take it whole */
    uint64_t end = offset + length;
    unsigned tries = 0;
    int result;

    if (end <= (uint64_t)INT64_MAX - page_mask)
        end = (end + page_mask) & ~page_mask;
    do
        result =
            sync_file_range(descriptor, (off_t)first, (off_t)(end - first),
                            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    while (result != 0 && kaya_posix_try_again(&tries));
    if (result != 0 && errno != ENOSYS && errno != EINVAL)
        return KAYA_IO; /* dirty bytes that did not get there: nobody can say what the device holds */
    (void)posix_fadvise(descriptor, (off_t)first, (off_t)(end - first), POSIX_FADV_DONTNEED); /* only advice */
    return KAYA_OK;
}

enum kaya_status kaya_posix_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                 const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done)
{
    int descriptor = posix_of(file)->descriptor;
    struct iovec vector[KAYA_SPANS_MAX];
    int count = vector_of(vector, spans, span_count);
    ssize_t got;

    (void)disk;
    if ((flags & KAYA_READ_PAST_CACHE) != 0 && length_of(vector, count) > 0) {
        enum kaya_status status = drop_cached(descriptor, offset, length_of(vector, count));

        if (status != KAYA_OK)
            return status;
    }
    if (count == 1)
        got = pread(descriptor, vector[0].iov_base, vector[0].iov_len, (off_t)offset);
    else
        got = preadv(descriptor, vector, count, (off_t)offset);
    if (got < 0)
        return errno == EINTR ? KAYA_INTERRUPTED : KAYA_IO;
    *done = (size_t)got;
    return KAYA_OK;
}

static enum kaya_status written(ssize_t taken, size_t *done)
{
    if (taken < 0)
        return errno == EINTR ? KAYA_INTERRUPTED : kaya_posix_file_status(errno);
    if (taken == 0)
        return KAYA_IO;
    *done = (size_t)taken;
    return KAYA_OK;
}

static int sync_data(int descriptor)
{
    unsigned tries = 0;
    int result;

    do
        result = fdatasync(descriptor);
    while (result != 0 && kaya_posix_try_again(&tries));
    return result;
}

ssize_t kaya_posix_transfer(int descriptor, const struct iovec *vector, int count, uint64_t offset, bool is_durable)
{
    ssize_t taken;

    if (!is_durable && count == 1) /* which takes the kernel a tenth less */
        return pwrite(descriptor, vector->iov_base, vector->iov_len, (off_t)offset);
    if (!is_durable)
        return pwritev(descriptor, vector, count, (off_t)offset);
    taken = pwritev2(descriptor, vector, count, (off_t)offset, RWF_DSYNC);
    if (taken >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
        return taken;
    taken = pwritev(descriptor, vector, count, (off_t)offset);
    if (taken > 0 && sync_data(descriptor) != 0)
        return -1;
    return taken;
}

enum kaya_status kaya_posix_write_cached(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                                         size_t span_count, bool is_durable, size_t *done)
{
    struct iovec vector[KAYA_SPANS_MAX];

    if (!is_durable && span_count == 1 && spans->length <= TRANSFER_BYTES_MAX) /* most are, and need no vector */
        return written(pwrite(file->descriptor, spans->bytes, spans->length, (off_t)offset), done);
    return written(kaya_posix_transfer(file->descriptor, vector, vector_of(vector, spans, span_count), offset,
                                       is_durable),
                   done);
}

enum kaya_status kaya_posix_write_linked(struct posix_ring *ring, struct posix_file *file, uint64_t offset,
                                         const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct iovec vector[KAYA_SPANS_MAX];
    int count = vector_of(vector, spans, span_count);
    enum kaya_status status;
    ssize_t taken;
    int sync_error;

    if (!kaya_posix_ring_write(ring, file->descriptor, vector, count, offset, &taken, &sync_error))
        return kaya_posix_write_cached(file, offset, spans, span_count, true, done);
    errno = taken < 0 ? (int)-taken : 0;
    status = written(taken, done);
    if (status != KAYA_OK || sync_error == 0)
        return status;
    if (sync_error == ECANCELED || sync_error == EINTR) /* the write was done, the sync was not: by hand */
        return kaya_posix_sync(file->file.disk, &file->file);
    return kaya_posix_file_status(sync_error);
}

enum kaya_status kaya_posix_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    (void)disk;
    return sync_data(posix_of(file)->descriptor) == 0 ? KAYA_OK : kaya_posix_file_status(errno);
}

enum kaya_status kaya_posix_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    struct stat information;

    (void)disk;
    if (fstat(posix_of(file)->descriptor, &information) != 0)
        return kaya_posix_file_status(errno) == KAYA_FULL ? KAYA_IO : kaya_posix_file_status(errno);
    *bytes = (uint64_t)information.st_size;
    return KAYA_OK;
}
