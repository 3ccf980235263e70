/* The POSIX disk under a system that fails as told. The calls that it makes are taken over by this program (whoever
 * links against them finds these first), counted, and passed on to the true ones unless a fault is due. So the answers
 * to what no file system here does on command are tested: EINTR anywhere, short transfers, EIO, and missing features. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kaya/posix.h"
#include "kaya/wal.h"
#include "real_calls.h"
#include "scratch_directory.h"

/* ---- the system ---- */

enum call {
    CALL_PREADV,
    CALL_PWRITEV,
    CALL_PWRITEV2,
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_FTRUNCATE,
    CALL_FALLOCATE,
    CALL_SYNC_FILE_RANGE,
    CALL_FADVISE,
    CALL_OPENAT,
    CALL_READDIR,
    CALL_FCHMOD,
    CALLS
};

struct fault {
    int error;      /* what the call answers; 0: none */
    unsigned times; /* how often */
};

static struct fault faults[CALLS];
static unsigned calls[CALLS];
static size_t transfer_max;    /* a transfer does no more; 0: no limit */
static bool kind_is_unknown;   /* readdir leaves it out, as some file systems do */
static bool fallocate_grows;   /* and then fails */
static ino_t synced_directory; /* the last one that fsync was asked for */
static bool swaps_files;       /* before a direct open `a` becomes another file */
static char order[64];         /* of calls on the way of a read: w(rite back), d(rop), r(ead) */
static off_t dropped_first, dropped_end, written_first, written_end;
static off_t asked_first, asked_end; /* the last range that the kernel was asked for, however many calls it took */
static unsigned asked_count;

static bool fails(enum call call)
{
    calls[call]++;
    if (faults[call].times == 0)
        return false;
    faults[call].times--;
    errno = faults[call].error;
    return true;
}

/* The true call behind this program's own of the same name. */
static void note(char letter)
{
    size_t length = strlen(order);

    if (length + 1 < sizeof order)
        order[length] = letter;
}

static int shortened(const struct iovec *vector, int count, struct iovec *cut)
{
    size_t room = transfer_max == 0 ? SIZE_MAX : transfer_max;

    for (int index = 0; index < count; index++) {
        cut[index] = vector[index];
        if (cut[index].iov_len > room)
            cut[index].iov_len = room;
        room -= cut[index].iov_len;
    }
    return count;
}

ssize_t preadv(int descriptor, const struct iovec *vector, int count, off_t offset)
{
    struct iovec cut[KAYA_SPANS_MAX];

    note('r');
    if (fails(CALL_PREADV))
        return -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("preadv64"))(
        descriptor, cut, shortened(vector, count, cut), offset);
}

ssize_t pwritev(int descriptor, const struct iovec *vector, int count, off_t offset)
{
    struct iovec cut[KAYA_SPANS_MAX];

    if (fails(CALL_PWRITEV))
        return faults[CALL_PWRITEV].error == 0 ? 0 : -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t))next("pwritev64"))(
        descriptor, cut, shortened(vector, count, cut), offset);
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
    struct iovec cut[KAYA_SPANS_MAX];

    cr_expect(flags == RWF_DSYNC);
    if (fails(CALL_PWRITEV2))
        return -1;
    return ((ssize_t(*)(int, const struct iovec *, int, off_t, int))next("pwritev64v2"))(
        descriptor, cut, shortened(vector, count, cut), offset, flags);
}

int fdatasync(int descriptor)
{
    return fails(CALL_FDATASYNC) ? -1 : ((int (*)(int))next("fdatasync"))(descriptor);
}

int fsync(int descriptor)
{
    struct stat information;

    if (fstat(descriptor, &information) == 0)
        synced_directory = information.st_ino;
    return fails(CALL_FSYNC) ? -1 : ((int (*)(int))next("fsync"))(descriptor);
}

int ftruncate(int descriptor, off_t length)
{
    return fails(CALL_FTRUNCATE) ? -1 : ((int (*)(int, off_t))next("ftruncate64"))(descriptor, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length)
{
    int (*true_call)(int, int, off_t, off_t) = (int (*)(int, int, off_t, off_t))next("fallocate64");
    int error;

    if (!fails(CALL_FALLOCATE))
        return true_call(descriptor, mode, offset, length);
    error = errno;
    if (fallocate_grows)
        (void)true_call(descriptor, mode, offset, length / 2);
    errno = error;
    return -1;
}

int sync_file_range(int descriptor, off_t offset, off_t length, unsigned flags)
{
    note('w');
    written_first = offset;
    written_end = offset + length;
    cr_expect(flags == (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
    if (fails(CALL_SYNC_FILE_RANGE))
        return -1;
    return ((int (*)(int, off_t, off_t, unsigned))next("sync_file_range"))(descriptor, offset, length, flags);
}

int posix_fadvise(int descriptor, off_t offset, off_t length, int advice)
{
    if (advice == POSIX_FADV_WILLNEED) {
        cr_expect(length <= 128 * 1024, "more than one call reads by default");
        asked_first = offset == asked_end ? asked_first : offset;
        asked_end = offset + length;
        asked_count++;
    } else {
        cr_expect(advice == POSIX_FADV_DONTNEED);
        note('d');
        dropped_first = offset;
        dropped_end = offset + length;
    }
    if (fails(CALL_FADVISE))
        return faults[CALL_FADVISE].error;
    return ((int (*)(int, off_t, off_t, int))next("posix_fadvise64"))(descriptor, offset, length, advice);
}

static bool openat_fails(int flags)
{
    if (swaps_files && (flags & O_DIRECT) != 0)
        cr_assert(rename("log/other", "log/a") == 0);
    return fails(CALL_OPENAT);
}

REPLACE_OPENAT(openat_fails(flags))

struct dirent *readdir(DIR *stream)
{
    struct dirent *entry;

    if (fails(CALL_READDIR))
        return NULL;
    entry = ((struct dirent * (*)(DIR *)) next("readdir64"))(stream);
    if (entry != NULL && kind_is_unknown)
        entry->d_type = DT_UNKNOWN;
    return entry;
}

int fchmod(int descriptor, mode_t mode)
{
    return fails(CALL_FCHMOD) ? -1 : ((int (*)(int, mode_t))next("fchmod"))(descriptor, mode);
}

/* ---- the disk on it ---- */

enum { LENGTH = 10000 };

static char scratch[SCRATCH_PATH_BYTES];
static struct kaya_disk *disk;
static struct kaya_file *file;
static unsigned char bytes[LENGTH], found[LENGTH];

static void begin(void)
{
    cr_assert(kaya_tests_scratch_make(scratch));
    cr_assert(chdir(scratch) == 0);
    cr_assert(kaya_posix_disk_create("log", true, &disk) == KAYA_OK);
    cr_assert(kaya_disk_create_directory(disk) == KAYA_OK);
    cr_assert(kaya_disk_open(disk, "a", KAYA_OPEN_CREATE, &file) == KAYA_OK);
    for (size_t index = 0; index < LENGTH; index++)
        bytes[index] = (unsigned char)(index * 7 + index / 251 + 1);
    memset(calls, 0, sizeof calls);
}

static void end(void)
{
    kaya_posix_disk_destroy(disk);
    (void)!chdir("/");
    kaya_tests_scratch_remove(scratch);
}

TestSuite(posix_faults, .init = begin, .fini = end);

static void fail(enum call call, int error, unsigned times)
{
    faults[call] = (struct fault){ .error = error, .times = times };
    calls[call] = 0;
}

static enum kaya_status write_all(void)
{
    struct kaya_span spans[3] = { { bytes, 1 }, { bytes + 1, 5000 }, { bytes + 5001, LENGTH - 5001 } };

    return kaya_disk_write(disk, file, 0, spans, 3);
}

static enum kaya_status write_all_durably(void)
{
    struct kaya_span span = { bytes, LENGTH };

    return kaya_disk_write_durable(disk, file, 0, &span, 1);
}

static enum kaya_status read_by(unsigned flags)
{
    size_t done = 0;
    enum kaya_status status;

    memset(found, 0, LENGTH);
    status = kaya_disk_read(disk, file, 0, found, LENGTH, flags, &done);
    if (status == KAYA_OK)
        cr_expect(done == LENGTH && memcmp(bytes, found, LENGTH) == 0, "other bytes than were written");
    return status;
}

static enum kaya_status read_cached(void)
{
    return read_by(KAYA_READ_CACHED);
}

static enum kaya_status read_past_cache(void)
{
    return read_by(KAYA_READ_PAST_CACHE);
}

static enum kaya_status sync_it(void)
{
    return kaya_disk_sync(disk, file);
}

static enum kaya_status sync_names(void)
{
    return kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
}

static enum kaya_status truncate_it(void)
{
    return kaya_disk_truncate(disk, file, LENGTH);
}

static enum kaya_status allocate_it(void)
{
    return kaya_disk_allocate(disk, file, LENGTH);
}

static enum kaya_status open_again(void)
{
    struct kaya_file *again = NULL;
    enum kaya_status status = kaya_disk_open(disk, "a", KAYA_OPEN_READ, &again);

    kaya_disk_close(disk, again);
    return status;
}

/* Everything that may be interrupted is done all the same, and given up when it never ends. */
Test(posix_faults, interruptions_are_borne_and_bounded)
{
    static const struct {
        enum call call;
        enum kaya_status (*run)(void);
    } cases[] = {
        { CALL_PWRITEV, write_all },          { CALL_PREADV, read_cached },
        { CALL_PREADV, read_past_cache },     { CALL_SYNC_FILE_RANGE, read_past_cache },
        { CALL_PWRITEV2, write_all_durably }, { CALL_FDATASYNC, sync_it },
        { CALL_FSYNC, sync_names },           { CALL_FTRUNCATE, truncate_it },
        { CALL_FALLOCATE, allocate_it },      { CALL_OPENAT, open_again },
    };

    cr_assert(write_all() == KAYA_OK);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        fail(cases[index].call, EINTR, KAYA_INTERRUPTIONS_MAX - 1);
        cr_expect(cases[index].run() == KAYA_OK, "case %zu", index);
        cr_expect(faults[cases[index].call].times == 0);
        fail(cases[index].call, EINTR, UINT32_MAX);
        cr_expect(cases[index].run() == KAYA_IO, "case %zu", index);
        cr_expect(calls[cases[index].call] <= 2 * KAYA_INTERRUPTIONS_MAX, "%u calls", calls[cases[index].call]);
        fail(cases[index].call, 0, 0);
    }
    cr_expect(read_cached() == KAYA_OK);
}

/* One error once, and the status it must give; never a second try. */
Test(posix_faults, errors_are_answered_at_once)
{
    static const struct {
        enum call call;
        enum kaya_status (*run)(void);
        int error;
        enum kaya_status status;
    } cases[] = {
        { CALL_PWRITEV, write_all, EIO, KAYA_IO },
        { CALL_PWRITEV, write_all, ENOSPC, KAYA_FULL },
        { CALL_PWRITEV, write_all, EDQUOT, KAYA_FULL },
        { CALL_PWRITEV, write_all, EPERM, KAYA_IO },
        { CALL_PWRITEV2, write_all_durably, EIO, KAYA_IO },
        { CALL_PWRITEV2, write_all_durably, ENOSPC, KAYA_FULL },
        { CALL_PREADV, read_cached, EIO, KAYA_IO },
        { CALL_PREADV, read_cached, ENOMEM, KAYA_IO },
        { CALL_SYNC_FILE_RANGE, read_past_cache, EIO, KAYA_IO },
        { CALL_SYNC_FILE_RANGE, read_past_cache, ENOSPC, KAYA_IO },
        { CALL_FDATASYNC, sync_it, EIO, KAYA_IO },
        { CALL_FDATASYNC, sync_it, ENOSPC, KAYA_FULL },
        { CALL_FDATASYNC, sync_it, EDQUOT, KAYA_FULL },
        { CALL_FDATASYNC, sync_it, EROFS, KAYA_IO },
        { CALL_FSYNC, sync_names, EIO, KAYA_IO },
        { CALL_FSYNC, sync_names, EINVAL, KAYA_IO },
        { CALL_FTRUNCATE, truncate_it, EIO, KAYA_IO },
        { CALL_FTRUNCATE, truncate_it, ENOSPC, KAYA_FULL },
        { CALL_FALLOCATE, allocate_it, EIO, KAYA_IO },
        { CALL_FALLOCATE, allocate_it, ENOSPC, KAYA_FULL },
        { CALL_FALLOCATE, allocate_it, EOPNOTSUPP, KAYA_UNSUPPORTED },
        { CALL_FALLOCATE, allocate_it, ENOSYS, KAYA_UNSUPPORTED },
        { CALL_OPENAT, open_again, ENFILE, KAYA_LIMIT },
        { CALL_OPENAT, open_again, ENOMEM, KAYA_NO_MEMORY },
        { CALL_OPENAT, open_again, EIO, KAYA_IO },
    };

    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        fail(cases[index].call, 0, 0);
        cr_assert(write_all() == KAYA_OK);
        fail(cases[index].call, cases[index].error, 1);
        cr_expect(cases[index].run() == cases[index].status, "case %zu", index);
        cr_expect(calls[cases[index].call] == 1, "case %zu was tried %u times", index, calls[cases[index].call]);
    }
}

Test(posix_faults, short_transfers_are_finished)
{
    static const size_t steps[] = { 97, 4096, 9999 };

    for (size_t index = 0; index < sizeof steps / sizeof *steps; index++) {
        cr_assert(kaya_disk_truncate(disk, file, 0) == KAYA_OK);
        transfer_max = steps[index];
        cr_expect(write_all() == KAYA_OK);
        cr_expect(read_cached() == KAYA_OK);
        cr_expect(read_past_cache() == KAYA_OK);
        memset(found, 0, LENGTH);
        cr_expect(write_all_durably() == KAYA_OK);
        cr_expect(read_cached() == KAYA_OK);
        transfer_max = 0;
    }
}

Test(posix_faults, a_write_that_takes_nothing_is_an_error)
{
    struct kaya_span span = { bytes, LENGTH };
    size_t done;

    fail(CALL_PWRITEV, 0, 1); /* the call answers 0 */
    cr_expect(disk->operations->write(disk, file, 0, &span, 1, &done) == KAYA_IO);
    cr_expect(calls[CALL_PWRITEV] == 1);
}

/* Older kernels and some file systems know no durable write: write and sync, and an error of either counts. */
Test(posix_faults, durable_writes_have_a_substitute)
{
    static const int missing[] = { EOPNOTSUPP, ENOSYS, EINVAL };

    for (size_t index = 0; index < sizeof missing / sizeof *missing; index++) {
        cr_assert(kaya_disk_truncate(disk, file, 0) == KAYA_OK);
        fail(CALL_PWRITEV2, missing[index], UINT32_MAX);
        fail(CALL_FDATASYNC, 0, 0);
        cr_expect(write_all_durably() == KAYA_OK);
        cr_expect(calls[CALL_FDATASYNC] == 1);
        cr_expect(read_cached() == KAYA_OK);
        fail(CALL_FDATASYNC, EIO, 1);
        cr_expect(write_all_durably() == KAYA_IO);
        fail(CALL_PWRITEV, ENOSPC, 1);
        fail(CALL_FDATASYNC, 0, 0);
        cr_expect(write_all_durably() == KAYA_FULL);
        cr_expect(calls[CALL_FDATASYNC] == 0, "nothing was written, nothing is synced");
    }
}

Test(posix_faults, a_durable_write_syncs_nothing_else)
{
    cr_assert(write_all() == KAYA_OK);
    cr_expect(write_all_durably() == KAYA_OK);
    cr_expect(calls[CALL_PWRITEV2] == 1);
    cr_expect(calls[CALL_FDATASYNC] == 0);
    cr_expect(calls[CALL_FSYNC] == 0);
}

/* Write back, drop, read, in this order, whole pages that cover the range; never a sync. */
Test(posix_faults, reading_past_the_cache_goes_past_the_cache)
{
    long page = sysconf(_SC_PAGESIZE);
    size_t done;

    cr_assert(write_all() == KAYA_OK);
    cr_expect(kaya_disk_read(disk, file, 4097, found, 10, KAYA_READ_PAST_CACHE, &done) == KAYA_OK);
    cr_expect(strcmp(order, "wdr") == 0, "%s", order);
    cr_expect(written_first <= 4097 && written_end >= 4107);
    cr_expect(dropped_first <= 4097 && dropped_end >= 4107);
    cr_expect(dropped_first % page == 0 && dropped_end % page == 0);
    cr_expect(calls[CALL_FDATASYNC] + calls[CALL_FSYNC] == 0, "a reader's sync would eat the writer's error");
    memset(order, 0, sizeof order);
    cr_expect(read_cached() == KAYA_OK);
    cr_expect(strcmp(order, "r") == 0, "%s", order);
    fail(CALL_SYNC_FILE_RANGE, ENOSYS, 1); /* a kernel that cannot, or advice that is not taken, is no error */
    fail(CALL_FADVISE, EINVAL, 1);
    cr_expect(read_past_cache() == KAYA_OK);
    cr_expect(kaya_disk_read(disk, file, (uint64_t)INT64_MAX - 10, found, 10, KAYA_READ_PAST_CACHE, &done) ==
              KAYA_OK);
    cr_expect(done == 0);
}

/* ext4 keeps what it had got when the disk got full. */
Test(posix_faults, a_failed_allocate_gives_back_what_it_got)
{
    static const int errors[] = { ENOSPC, EIO, EFBIG };
    struct stat information;

    fallocate_grows = true;
    for (size_t index = 0; index < sizeof errors / sizeof *errors; index++) {
        uint64_t size = 0;

        cr_assert(kaya_disk_truncate(disk, file, 100) == KAYA_OK);
        fail(CALL_FALLOCATE, errors[index], 1);
        cr_expect(kaya_disk_allocate(disk, file, 1 << 20) == (errors[index] == EIO ? KAYA_IO : KAYA_FULL));
        cr_expect(kaya_disk_size(disk, file, &size) == KAYA_OK);
        cr_expect(size == 100);
        cr_expect(stat("log/a", &information) == 0 && information.st_blocks <= 128);
    }
    fail(CALL_FALLOCATE, ENOSPC, 1);
    fail(CALL_FTRUNCATE, EIO, 1);
    cr_expect(kaya_disk_allocate(disk, file, 1 << 20) == KAYA_IO, "what it got could not be given back");
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int descriptor = 0; descriptor < 256; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

struct entries {
    unsigned files;
    unsigned others;
};

static bool count_entry(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct entries *entries = user;

    (void)name;
    *(kind == KAYA_ENTRY_FILE ? &entries->files : &entries->others) += 1;
    return true;
}

Test(posix_faults, kinds_are_found_where_the_directory_does_not_say)
{
    struct entries entries = { 0, 0 };

    cr_assert(symlink("a", "log/link") == 0);
    cr_assert(mkdir("log/directory", 0700) == 0);
    kind_is_unknown = true;
    cr_expect(kaya_disk_list(disk, count_entry, &entries) == KAYA_OK);
    cr_expect(entries.files == 1);
    cr_expect(entries.others == 2);
}

Test(posix_faults, a_directory_that_cannot_be_read_is_no_empty_one)
{
    struct entries entries = { 0, 0 };
    unsigned descriptors = count_descriptors();

    fail(CALL_READDIR, EIO, 1);
    cr_expect(kaya_disk_list(disk, count_entry, &entries) == KAYA_IO);
    fail(CALL_OPENAT, EMFILE, 1);
    cr_expect(kaya_disk_list(disk, count_entry, &entries) == KAYA_LIMIT);
    cr_expect(count_descriptors() == descriptors, "a listing that failed left its descriptor open");
}

Test(posix_faults, each_directory_is_synced_by_itself)
{
    struct stat log, parent;

    cr_assert(stat("log", &log) == 0 && stat(".", &parent) == 0);
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) == KAYA_OK);
    cr_expect(calls[CALL_FSYNC] == 1 && synced_directory == log.st_ino);
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT) == KAYA_OK);
    cr_expect(calls[CALL_FSYNC] == 2 && synced_directory == parent.st_ino);
}

Test(posix_faults, a_file_whose_mode_cannot_be_set_is_not_made)
{
    struct kaya_file *made = NULL;

    umask(0700);
    fail(CALL_FCHMOD, EPERM, 1);
    cr_expect(kaya_disk_open(disk, "b", KAYA_OPEN_CREATE, &made) == KAYA_DENIED);
    cr_expect(access("log/b", F_OK) != 0 && errno == ENOENT);
    umask(0);
}

static void write_at(uint64_t offset, size_t length)
{
    static unsigned char much[1 << 16];
    struct kaya_span span = { much, length };

    cr_assert(kaya_disk_write(disk, file, offset, &span, 1) == KAYA_OK);
}

/* A page that has left the cache and is written in part must be read first, and the write would wait for that. */
Test(posix_faults, pages_are_asked_for_ahead_of_the_writes_that_come_to_them)
{
    enum { STEP = 1000, BEGIN = 5000, AHEAD_MIN = 1 << 20, AHEAD_MAX = 1 << 21, LONG = 1 << 16 };
    off_t end = BEGIN + STEP;

    for (uint64_t at = 0; at < 6 * AHEAD_MAX; at += LONG)
        write_at(at, LONG);
    cr_expect(asked_count == 0, "each ends with a page");
    write_at(BEGIN, STEP);
    cr_expect(asked_count == 0, "nobody knows yet where the next one goes");
    for (; end < 4 * AHEAD_MAX; end += STEP) {
        write_at((uint64_t)end, STEP);
        cr_assert(asked_end >= end + STEP + AHEAD_MIN && asked_end <= end + STEP + AHEAD_MAX, "%ld at %ld",
                  (long)asked_end, (long)end);
        cr_assert(asked_first == BEGIN + 2 * STEP, "no page is left out, and none is asked for twice");
    }
    cr_expect(asked_count <= 6 * AHEAD_MAX / (128 * 1024), "%u calls", asked_count);
    asked_count = 0;
    write_at(0, STEP);
    write_at(1 << 20, STEP);
    cr_expect(asked_count == 0, "these do not follow each other");
    write_at((1 << 20) + STEP, STEP);
    cr_expect(asked_first == (1 << 20) + 2 * STEP, "what was asked for elsewhere does not count here");
    write_at((1 << 20) + 2 * STEP, LONG);
    cr_expect(asked_first == (1 << 20) + 2 * STEP + 2 * LONG && asked_end == asked_first + 1,
              "a long one needs the page where it ends, and no other");
}

static uint64_t write_after_each_other(uint64_t from, uint64_t to)
{
    enum { STEP = 4096 };

    for (; from < to; from += STEP)
        write_at(from, STEP);
    return from;
}

/* They would be made one by one, before larger ones are by what is written there first. */
Test(posix_faults, pages_that_were_never_written_are_not_asked_for)
{
    enum { ROOM = 8 << 20, WRITTEN = 3 << 20, PLACE = 1 << 16 };

    cr_assert(kaya_disk_allocate(disk, file, ROOM) == KAYA_OK);
    (void)write_after_each_other(PLACE, ROOM / 2);
    cr_expect(asked_count == 0, "from %ld to %ld", (long)asked_first, (long)asked_end);

    cr_assert(kaya_disk_truncate(disk, file, 0) == KAYA_OK);
    cr_assert(kaya_disk_allocate(disk, file, ROOM) == KAYA_OK);
    (void)write_after_each_other(0, WRITTEN);
    asked_count = 0;
    (void)write_after_each_other(PLACE, WRITTEN);
    cr_expect(asked_count > 0 && asked_end == WRITTEN, "to %ld, and there is data to the other end",
              (long)asked_end);
}

/* A large page makes each small write into it slower. */
Test(posix_faults, many_spans_are_written_in_pieces_of_16_kib)
{
    enum { SPAN = 4096, PIECE = 4 * SPAN };
    static unsigned char zeros[SPAN];
    struct kaya_span spans[KAYA_SPANS_MAX];
    size_t done;

    for (size_t i = 0; i < KAYA_SPANS_MAX; i++)
        spans[i] = (struct kaya_span){ zeros, SPAN };
    for (size_t count = 2; count <= KAYA_SPANS_MAX; count++)
        for (uint64_t offset = 0; offset < 2 * PIECE; offset += 1000) {
            uint64_t room = PIECE - offset % PIECE, total = count * SPAN;

            done = 0;
            cr_assert(disk->operations->write(disk, file, offset, spans, count, &done) == KAYA_OK);
            cr_assert(done == total || (done >= room && done < room + SPAN), "%zu of %zu spans at %ld", done,
                      count, (long)offset);
            cr_assert(offset % SPAN != 0 || done == (total < room ? total : room));
            cr_assert(kaya_disk_write(disk, file, offset, spans, count) == KAYA_OK);
        }
}

/* ---- past the cache ---- */

enum { BLOCK = 4096 };

/* NULL: this file system has no such way. */
static struct kaya_disk *direct_disk(void)
{
    struct kaya_disk *direct = NULL;
    enum kaya_status status = kaya_posix_disk_create_by(KAYA_POSIX_DIRECT_FDATASYNC, "log", true, &direct);

    cr_assert(status == KAYA_OK || status == KAYA_UNSUPPORTED);
    return direct;
}

static enum kaya_status write_letters(struct kaya_disk *to, struct kaya_file *where, uint64_t offset, int letter)
{
    unsigned char letters[100];
    struct kaya_span span = { letters, sizeof letters };

    memset(letters, letter, sizeof letters);
    return kaya_disk_write(to, where, offset, &span, 1);
}

/* What was to be written and was not stays out of what is written next to it. */
Test(posix_faults, a_direct_write_that_failed_leaves_nothing_behind)
{
    static const unsigned char zeros[100];
    struct kaya_disk *direct = direct_disk();
    struct kaya_file *handle;
    size_t done;

    if (direct == NULL)
        cr_skip_test("no O_DIRECT here");
    cr_assert(kaya_disk_open(direct, "a", KAYA_OPEN_WRITE, &handle) == KAYA_OK);
    cr_assert(kaya_disk_truncate(direct, handle, 3 * BLOCK) == KAYA_OK);
    cr_assert(write_letters(direct, handle, BLOCK + 300, 'a') == KAYA_OK);
    fail(CALL_PWRITEV, EIO, 1);
    cr_expect(write_letters(direct, handle, BLOCK + 900, 'b') == KAYA_IO);
    cr_expect(write_letters(direct, handle, BLOCK + 1500, 'c') == KAYA_OK);
    cr_assert(kaya_disk_read(disk, file, BLOCK + 900, found, 100, KAYA_READ_CACHED, &done) == KAYA_OK &&
              done == 100);
    cr_expect(memcmp(found, zeros, 100) == 0, "a later write took the failed one along");
    kaya_posix_disk_destroy(direct);
}

/* Somebody renames another file to the name between the two opens. */
Test(posix_faults, both_descriptors_of_a_file_are_of_one_file)
{
    struct kaya_disk *direct = direct_disk();
    struct kaya_file *handle = NULL;
    unsigned descriptors = count_descriptors();

    if (direct == NULL)
        cr_skip_test("no O_DIRECT here");
    cr_assert(kaya_disk_open(disk, "other", KAYA_OPEN_CREATE, &handle) == KAYA_OK);
    kaya_disk_close(disk, handle);
    cr_assert(kaya_disk_open(direct, "a", KAYA_OPEN_WRITE, &handle) == KAYA_OK);
    kaya_disk_close(direct, handle);
    descriptors = count_descriptors();
    handle = NULL;
    swaps_files = true;
    cr_expect(kaya_disk_open(direct, "a", KAYA_OPEN_WRITE, &handle) == KAYA_IO);
    swaps_files = false;
    cr_expect(count_descriptors() == descriptors);
    kaya_posix_disk_destroy(direct);
}

/* ---- the whole log ---- */

Test(posix_faults, a_log_that_cannot_be_closed_says_so)
{
    struct kaya_posix_log_options options = { .without_tender = true };
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, "abc", 3 };
    unsigned descriptors = count_descriptors();
    struct kaya_posix_log log;

    cr_assert(kaya_posix_log_open("whole", &options, NULL, &log, NULL) == KAYA_OK);
    cr_assert(kaya_wal_writer_append(log.writer, &payload, KAYA_RELAXED, NULL) == KAYA_OK);
    fail(CALL_FDATASYNC, EIO, UINT32_MAX);
    cr_expect(kaya_posix_log_close(&log) == KAYA_IO);
    cr_expect(count_descriptors() == descriptors);
}

Test(posix_faults, a_log_has_the_padding_that_was_asked_for)
{
    for (int is_padded = 0; is_padded <= 1; is_padded++) {
        struct kaya_posix_log_options options = { .is_padded = is_padded, .without_tender = true };
        struct kaya_posix_log log;

        cr_assert(kaya_posix_log_open(is_padded ? "padded" : "dense", &options, NULL, &log, NULL) == KAYA_OK);
        cr_expect(log.environment.disk->geometry.power_safe_overwrite == !is_padded);
        cr_expect(kaya_posix_log_close(&log) == KAYA_OK);
    }
}
