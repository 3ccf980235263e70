/* io_uring: a durable write as two linked operations in one submission, a write through the page cache and the fdatasync behind it. One call
 * enters the kernel instead of two, and the sync begins without this thread.
 *
 *   submission   WRITEV --link--> FSYNC (data only)
 *   completions  bytes taken      0, or the device's error; cancelled where the write failed or was cut short
 *
 * A disk has one ring. The log has one sync under way, so nobody waits for it; who finds it taken all the same writes and syncs by two calls, as
 * does everybody once the ring could not be entered. Both operations are always waited for, whatever happens: the kernel holds the caller's memory until then. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include "system.h"

#ifdef KAYA_HAVE_LIBURING

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

enum { ENTRIES = 2, WRITE = 1, SYNC = 2 };

struct posix_ring {
    pthread_mutex_t mutex;
    struct io_uring ring;
    bool is_broken; /* it could not be entered: no more is tried */
};

/* What a kernel without io_uring, one that forbids it, and a sandbox that filters it answer. */
static enum kaya_status status_of(int error)
{
    switch (error) {
    case ENOMEM:
        return KAYA_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return KAYA_LIMIT;
    default:
        return KAYA_UNSUPPORTED;
    }
}

static bool has_operations(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool has = probe != NULL && io_uring_opcode_supported(probe, IORING_OP_WRITEV) &&
               io_uring_opcode_supported(probe, IORING_OP_FSYNC);

    if (probe != NULL)
        io_uring_free_probe(probe);
    return has;
}

enum kaya_status kaya_posix_ring_create(struct posix_ring **ring)
{
    struct posix_ring *made = calloc(1, sizeof *made);
    enum kaya_status status = KAYA_NO_MEMORY;
    int error;

    if (made == NULL || pthread_mutex_init(&made->mutex, NULL) != 0)
        goto done;
    error = io_uring_queue_init(ENTRIES, &made->ring, 0);
    status = error == 0 ? KAYA_OK : status_of(-error);
    if (status == KAYA_OK && !has_operations(&made->ring)) {
        io_uring_queue_exit(&made->ring);
        status = KAYA_UNSUPPORTED;
    }
    if (status != KAYA_OK) {
        (void)pthread_mutex_destroy(&made->mutex);
        goto done;
    }
    *ring = made;
    made = NULL;
done:
    free(made);
    return status;
}

void kaya_posix_ring_destroy(struct posix_ring *ring)
{
    if (ring == NULL)
        return;
    io_uring_queue_exit(&ring->ring);
    (void)pthread_mutex_destroy(&ring->mutex);
    free(ring);
}

static void prepare(struct posix_ring *ring, int descriptor, const struct iovec *vector, int count, uint64_t offset)
{
    struct io_uring_sqe *write = io_uring_get_sqe(&ring->ring);
    struct io_uring_sqe *sync = io_uring_get_sqe(&ring->ring);

    KAYA_ASSERT(write != NULL);
    KAYA_ASSERT(sync != NULL);
    io_uring_prep_writev(write, descriptor, vector, (unsigned)count, offset);
    io_uring_sqe_set_flags(write, IOSQE_IO_LINK);
    io_uring_sqe_set_data64(write, WRITE);
    io_uring_prep_fsync(sync, descriptor, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sync, SYNC);
}

/* How many of the two are under way. One alone is no pair: a kernel without memory for the second lets the first go. */
static unsigned submit(struct posix_ring *ring)
{
    unsigned tries = 0;
    int submitted;

    do {
        submitted = io_uring_submit_and_wait(&ring->ring, ENTRIES);
        errno = submitted < 0 ? -submitted : 0;
    } while (submitted < 0 && io_uring_sq_ready(&ring->ring) == ENTRIES && kaya_posix_try_again(&tries));
    ring->is_broken = io_uring_sq_ready(&ring->ring) > 0;
    return ENTRIES - io_uring_sq_ready(&ring->ring);
}

/* A signal may cut a wait short; the operations go on. */
static void collect(struct posix_ring *ring, unsigned count, int *write_result, int *sync_result)
{
    for (; count > 0; count--) {
        struct io_uring_cqe *completion;
        int error;

        do
            error = io_uring_wait_cqe(&ring->ring, &completion);
        while (error == -EINTR || error == -EAGAIN);
        KAYA_ASSERT(error == 0);
        if (io_uring_cqe_get_data64(completion) == WRITE)
            *write_result = completion->res;
        else
            *sync_result = completion->res;
        io_uring_cqe_seen(&ring->ring, completion);
    }
}

bool kaya_posix_ring_write(struct posix_ring *ring, int descriptor, const struct iovec *vector, int count,
                           uint64_t offset, ssize_t *taken, int *sync_error)
{
    int write_result = 0;
    int sync_result = -ECANCELED;
    unsigned submitted = 0;

    if (pthread_mutex_trylock(&ring->mutex) != 0)
        return false;
    if (!ring->is_broken) {
        prepare(ring, descriptor, vector, count, offset);
        submitted = submit(ring);
        collect(ring, submitted, &write_result, &sync_result);
    }
    (void)pthread_mutex_unlock(&ring->mutex);
    *taken = write_result;
    *sync_error = -sync_result;
    return submitted > 0;
}

#else /* built without the library: the constructor says so, and no disk ever has a ring */

enum kaya_status kaya_posix_ring_create(struct posix_ring **ring)
{
    (void)ring;
    return KAYA_UNSUPPORTED;
}

void kaya_posix_ring_destroy(struct posix_ring *ring)
{
    KAYA_ASSERT(ring == NULL);
}

bool kaya_posix_ring_write(struct posix_ring *ring, int descriptor, const struct iovec *vector, int count,
                           uint64_t offset, ssize_t *taken, int *sync_error)
{
    (void)ring, (void)descriptor, (void)vector, (void)count, (void)offset, (void)taken, (void)sync_error;
    return false;
}

#endif
