/* The real disk conforms on a system that interrupts every other call and moves only a part of what it is asked to. The calls that
 * it makes are taken over by this program (whoever links against them finds these first) and passed on. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kaya/conformance.h"
#include "posix_disks.h"
#include "real_calls.h"

enum {
    PART_BYTES = 30000,
    SPANS_MAX = 64
}; /* so that the largest transfers of the test stay below KAYA_INTERRUPTIONS_MAX */

static bool is_on; /* not before the test framework stands */
static unsigned long interrupted, shortened;

/* Every call is interrupted first, and gets through when it is tried again. */
static bool is_interrupted(void)
{
    static unsigned long calls;

    if (!is_on || ++calls % 2 == 0)
        return false;
    interrupted++;
    errno = EINTR;
    return true;
}

/* At most PART_BYTES of the vector. */
static int part_of(const struct iovec *vector, int count, struct iovec part[SPANS_MAX])
{
    size_t room = PART_BYTES;
    int kept = 0;

    while (kept < count && kept < SPANS_MAX && room > 0) {
        part[kept] = vector[kept];
        if (part[kept].iov_len > room)
            part[kept].iov_len = room;
        room -= part[kept++].iov_len;
    }
    shortened += room == 0;
    return kept;
}

ssize_t preadv(int descriptor, const struct iovec *vector, int count, off_t offset)
{
    struct iovec part[SPANS_MAX];

    if (is_interrupted())
        return -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("preadv64"))(
        descriptor, part, part_of(vector, count, part), offset);
}

ssize_t pwritev(int descriptor, const struct iovec *vector, int count, off_t offset)
{
    struct iovec part[SPANS_MAX];

    if (is_interrupted())
        return -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("pwritev64"))(
        descriptor, part, part_of(vector, count, part), offset);
}

/* One span goes by the call for one, which is counted and disturbed as the other. */
ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset)
{
    struct iovec vector = { bytes, length };

    return preadv(descriptor, &vector, 1, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
    struct iovec vector = { (void *)bytes, length };

    return pwritev(descriptor, &vector, 1, offset);
}

ssize_t pwritev2(int descriptor, const struct iovec *vector, int count, off_t offset, int flags)
{
    struct iovec part[SPANS_MAX];

    if (is_interrupted())
        return -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t, int))next("pwritev64v2"))(
        descriptor, part, part_of(vector, count, part), offset, flags);
}

int fdatasync(int descriptor)
{
    return is_interrupted() ? -1 : ((int (*)(int))next("fdatasync"))(descriptor);
}

int fsync(int descriptor)
{
    return is_interrupted() ? -1 : ((int (*)(int))next("fsync"))(descriptor);
}

int ftruncate(int descriptor, off_t length)
{
    return is_interrupted() ? -1 : ((int (*)(int, off_t))next("ftruncate64"))(descriptor, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length)
{
    return is_interrupted()
               ? -1
               : ((int (*)(int, int, off_t, off_t))next("fallocate64"))(descriptor, mode, offset, length);
}

REPLACE_OPENAT(is_interrupted())

Test(interrupted, disk_conforms)
{
    struct kaya_conformance_disks disks = kaya_tests_posix_disks(KAYA_POSIX_FDATASYNC);
    struct kaya_conformance_result result;

    kaya_tests_limit_descriptors();
    is_on = true;
    kaya_conformance_disk(&disks, &result);
    is_on = false;
    for (size_t index = 0; index < result.failure_count && index < KAYA_CONFORMANCE_FAILURES_MAX; index++)
        cr_expect(false, "%s: %s", result.failures[index].test, result.failures[index].text);
    cr_expect(result.check_count >= 5000);
    cr_expect(interrupted >= 1000, "only %lu calls were interrupted", interrupted);
    cr_expect(shortened >= 1, "no transfer was cut short");
    kaya_tests_posix_disks_end(&disks);
}
