/* The ring under a device that fails.
 *
 * Goal: what either of the two linked operations answers is heard, whatever the other says; what the kernel let fall is done by hand. Method: the call that
 * submits and waits is taken over by this program (whoever links against it finds it first): it looks at what is submitted, lets the true one do it, and
 * changes the answers before the disk reads them. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <criterion/criterion.h>

#if __has_include(<liburing.h>)

#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kaya/posix.h"
#include "real_calls.h"
#include "scratch_directory.h"

enum { LENGTH = 5000, SAME = 1 }; /* no answer is 1 */

static int write_answer, sync_answer; /* SAME: as it is */
static unsigned submissions, syncs;

int fdatasync(int descriptor)
{
    syncs++;
    return ((int (*)(int))next("fdatasync"))(descriptor);
}

/* A write, and linked to it a sync of the data alone. */
static void look_at_submission(const struct io_uring *ring)
{
    const struct io_uring_sqe *write = &ring->sq.sqes[(ring->sq.sqe_tail - 2) & *ring->sq.kring_mask];
    const struct io_uring_sqe *sync = &ring->sq.sqes[(ring->sq.sqe_tail - 1) & *ring->sq.kring_mask];

    cr_expect(write->opcode == IORING_OP_WRITEV && (write->flags & IOSQE_IO_LINK) != 0);
    cr_expect(sync->opcode == IORING_OP_FSYNC && sync->fsync_flags == IORING_FSYNC_DATASYNC);
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned count)
{
    struct io_uring_cqe *completion;
    unsigned head;
    int submitted;

    submissions++;
    look_at_submission(ring);
    submitted = ((int (*)(struct io_uring *, unsigned))next("io_uring_submit_and_wait"))(ring, count);
    io_uring_for_each_cqe(ring, head, completion)
    {
        if (completion->res > 0 && write_answer != SAME)
            completion->res = write_answer;
        else if (completion->res == 0 && sync_answer != SAME)
            completion->res = sync_answer;
    }
    write_answer = SAME; /* once */
    sync_answer = SAME;
    return submitted;
}

static enum kaya_status write_durably(struct kaya_disk *disk, struct kaya_file *file, int letter)
{
    unsigned char bytes[LENGTH];
    struct kaya_span span = { bytes, sizeof bytes };

    memset(bytes, letter, sizeof bytes);
    return kaya_disk_write_durable(disk, file, 0, &span, 1);
}

static void expect_letters(struct kaya_disk *disk, struct kaya_file *file, int letter)
{
    unsigned char bytes[LENGTH];
    size_t done = 0;

    cr_assert(kaya_disk_read(disk, file, 0, bytes, sizeof bytes, KAYA_READ_CACHED, &done) == KAYA_OK);
    cr_expect(done == LENGTH && bytes[0] == letter && memcmp(bytes, bytes + 1, LENGTH - 1) == 0);
}

static void play(void)
{
    static const struct {
        int write, sync;
        enum kaya_status status;
        unsigned submissions, syncs;
    } cases[] = {
        { SAME, SAME, KAYA_OK, 1, 0 },
        { SAME, -EIO, KAYA_IO, 1, 0 },
        { SAME, -ENOSPC, KAYA_FULL, 1, 0 },
        { SAME, -EDQUOT, KAYA_FULL, 1, 0 },
        { SAME, -ENODEV, KAYA_IO, 1, 0 },
        { SAME, -ECANCELED, KAYA_OK, 1, 1 },
        { SAME, -EINTR, KAYA_OK, 1, 1 },
        { -EIO, -ECANCELED, KAYA_IO, 1, 0 },
        { -ENOSPC, -ECANCELED, KAYA_FULL, 1, 0 },
        { -EINTR, -ECANCELED, KAYA_OK, 2, 0 },
        { 700, -ECANCELED, KAYA_OK, 2, 1 },
        { 0, -ECANCELED, KAYA_IO, 1, 0 },
        { SAME, SAME, KAYA_OK, 1, 0 },
    };
    char scratch[SCRATCH_PATH_BYTES];
    struct kaya_disk *disk;
    struct kaya_file *file;
    enum kaya_status status;

    cr_assert(kaya_tests_scratch_make(scratch));
    cr_assert(chdir(scratch) == 0);
    status = kaya_posix_disk_create_by(KAYA_POSIX_IO_URING, "log", true, &disk);
    if (status == KAYA_UNSUPPORTED)
        cr_skip_test("no io_uring here");
    cr_assert(status == KAYA_OK);
    cr_assert(kaya_disk_create_directory(disk) == KAYA_OK);
    cr_assert(kaya_disk_open(disk, "a", KAYA_OPEN_CREATE, &file) == KAYA_OK);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        write_answer = cases[index].write;
        sync_answer = cases[index].sync;
        submissions = syncs = 0;
        status = write_durably(disk, file, 'a' + (int)index);
        cr_expect(status == cases[index].status, "case %zu: %s", index, kaya_status_name(status));
        cr_expect(submissions == cases[index].submissions, "case %zu went by the ring %u times", index,
                  submissions);
        cr_expect(syncs == cases[index].syncs, "case %zu was synced by hand %u times", index, syncs);
        if (status == KAYA_OK)
            expect_letters(disk, file, 'a' + (int)index);
    }
    kaya_posix_disk_destroy(disk);
    (void)!chdir("/");
    kaya_tests_scratch_remove(scratch);
}

#else

static void play(void)
{
    cr_skip_test("built without liburing");
}

#endif

Test(ring, every_answer_is_heard)
{
    play();
}
