/* What is the POSIX disk's own: modes, links and other strange things in the directory, locks between processes,
 * descriptors, limits, full file systems, signals. The contract itself is tested by the conformance test. */
#define _GNU_SOURCE 1
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/posix.h"
#include "scratch_directory.h"

/* The test's own directory is the working directory: each test is a process of its own. */
static char scratch[SCRATCH_PATH_BYTES];

static void begin(void)
{
    cr_assert(kaya_tests_scratch_make(scratch));
    cr_assert(chdir(scratch) == 0);
    alarm(120); /* nothing here may wait for ever */
}

static void end(void)
{
    (void)!chdir("/");
    kaya_tests_scratch_remove(scratch);
}

TestSuite(posix_disk, .init = begin, .fini = end);

static struct kaya_disk *disk_on(const char *path)
{
    struct kaya_disk *disk = NULL;

    cr_assert(kaya_posix_disk_create(path, true, &disk) == KAYA_OK, "no disk on %s", path);
    return disk;
}

static struct kaya_disk *disk_with_directory(const char *path)
{
    struct kaya_disk *disk = disk_on(path);

    cr_assert(kaya_disk_create_directory(disk) == KAYA_OK);
    return disk;
}

static struct kaya_file *file_on(struct kaya_disk *disk, const char *name)
{
    struct kaya_file *file = NULL;

    cr_assert(kaya_disk_open(disk, name, KAYA_OPEN_CREATE, &file) == KAYA_OK);
    return file;
}

static enum kaya_status open_status(struct kaya_disk *disk, const char *name, unsigned flags)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = kaya_disk_open(disk, name, flags, &file);

    kaya_disk_close(disk, file);
    return status;
}

static enum kaya_status write_bytes(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset, size_t length)
{
    static unsigned char bytes[1 << 20];
    struct kaya_span span = { .bytes = bytes, .length = length };

    memset(bytes, 'x', sizeof bytes);
    cr_assert(length <= sizeof bytes);
    return kaya_disk_write(disk, file, offset, &span, 1);
}

static uint64_t size_of(struct kaya_disk *disk, struct kaya_file *file)
{
    uint64_t bytes = 0;

    cr_assert(kaya_disk_size(disk, file, &bytes) == KAYA_OK);
    return bytes;
}

static unsigned mode_of(const char *path)
{
    struct stat information;

    cr_assert(lstat(path, &information) == 0, "%s", path);
    return information.st_mode & 07777;
}

static enum kaya_status create_status(const char *path)
{
    struct kaya_disk *disk = NULL;
    enum kaya_status status = kaya_posix_disk_create(path, true, &disk);

    cr_expect((status == KAYA_OK) == (disk != NULL));
    kaya_posix_disk_destroy(disk);
    return status;
}

/* ---- the path ---- */

Test(posix_disk, paths_end_in_a_name_whose_parent_exists)
{
    static const struct {
        const char *path;
        enum kaya_status status;
    } cases[] = {
        { "log", KAYA_OK },
        { "log/", KAYA_OK },
        { "log//", KAYA_OK },
        { "./log", KAYA_OK },
        { "log/.", KAYA_OK },
        { "log/./", KAYA_OK },
        { "directory", KAYA_OK },
        { "directory/log", KAYA_OK },
        { "directory/../log", KAYA_OK },
        { ".", KAYA_OK },
        { "./", KAYA_OK },
        { "...", KAYA_OK },
        { "link/log", KAYA_OK }, /* only the last part may not be a link */
        { "", KAYA_INVALID },
        { "/", KAYA_INVALID },
        { "//", KAYA_INVALID },
        { "/.", KAYA_INVALID },
        { "..", KAYA_INVALID },
        { "../", KAYA_INVALID },
        { "directory/..", KAYA_INVALID },
        { "directory/../.", KAYA_INVALID },
        { "file", KAYA_INVALID },
        { "link", KAYA_INVALID },
        { "link/", KAYA_INVALID },
        { "dangling", KAYA_INVALID },
        { "missing/log", KAYA_NOT_FOUND },
        { "file/log", KAYA_NOT_FOUND },
        { "dangling/log", KAYA_NOT_FOUND },
    };

    cr_assert(mkdir("directory", 0700) == 0);
    cr_assert(close(creat("file", 0600)) == 0);
    cr_assert(symlink("directory", "link") == 0);
    cr_assert(symlink("nowhere", "dangling") == 0);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++)
        cr_expect(create_status(cases[index].path) == cases[index].status, "'%s': %s", cases[index].path,
                  kaya_status_name(create_status(cases[index].path)));
}

Test(posix_disk, the_working_directory_may_be_the_log)
{
    struct kaya_disk *disk = disk_on(".");

    cr_expect(kaya_disk_create_directory(disk) == KAYA_EXISTS);
    cr_expect(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_OK);
    cr_expect(access("a", F_OK) == 0);
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) == KAYA_OK);
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT) == KAYA_OK);
    kaya_posix_disk_destroy(disk);
}

Test(posix_disk, stays_on_its_directory_when_that_is_renamed)
{
    struct kaya_disk *disk = disk_with_directory("log");

    cr_assert(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_OK);
    cr_assert(rename("log", "moved") == 0);
    cr_assert(mkdir("log", 0700) == 0);
    cr_expect(open_status(disk, "a", KAYA_OPEN_READ) == KAYA_OK);
    cr_expect(open_status(disk, "b", KAYA_OPEN_CREATE) == KAYA_OK);
    cr_expect(access("moved/b", F_OK) == 0);
    cr_expect(access("log/b", F_OK) != 0);
    kaya_posix_disk_destroy(disk);
}

Test(posix_disk, geometry_says_what_the_caller_said)
{
    for (int safe = 0; safe <= 1; safe++) {
        struct kaya_disk *disk = NULL;

        cr_assert(kaya_posix_disk_create("log", safe, &disk) == KAYA_OK);
        cr_expect(disk->geometry.power_safe_overwrite == (bool)safe);
        cr_expect(disk->geometry.sector_bytes == 512);
        cr_expect(disk->geometry.writeback_bytes == 4096);
        cr_expect(disk->geometry.buffer_alignment == 1);
        cr_expect(kaya_geometry_is_valid(&disk->geometry));
        kaya_posix_disk_destroy(disk);
    }
}

/* With these a durable write costs no more than a write and a sync, and the log is told so. */
Test(posix_disk, methods_of_durable_writes_prefer_them)
{
    static const bool prefers[KAYA_POSIX_SYNC_METHOD_COUNT] = {
        [KAYA_POSIX_DSYNC] = true, [KAYA_POSIX_DIRECT_DSYNC] = true, [KAYA_POSIX_IO_URING] = true
    };

    for (int method = 0; method < KAYA_POSIX_SYNC_METHOD_COUNT; method++) {
        struct kaya_disk *disk = NULL;
        enum kaya_status status =
            kaya_posix_disk_create_by((enum kaya_posix_sync_method)method, "log", true, &disk);

        cr_assert(status == KAYA_OK || status == KAYA_UNSUPPORTED);
        if (status == KAYA_OK)
            cr_expect(disk->geometry.prefers_write_durable == prefers[method], "method %d", method);
        kaya_posix_disk_destroy(disk);
    }
}

/* ---- modes ---- */

Test(posix_disk, modes_are_0600_and_0700_whatever_the_umask)
{
    static const mode_t umasks[] = { 0, 022, 077, 0277, 0777 };

    for (size_t index = 0; index < sizeof umasks / sizeof *umasks; index++) {
        struct kaya_disk *disk;
        char path[32];

        umask(umasks[index]);
        (void)snprintf(path, sizeof path, "log-%zu", index);
        disk = disk_with_directory(path);
        cr_expect(mode_of(path) == 0700, "directory %o under umask %o", mode_of(path), umasks[index]);
        cr_assert(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_OK);
        (void)snprintf(path, sizeof path, "log-%zu/a", index);
        cr_expect(mode_of(path) == 0600, "file %o under umask %o", mode_of(path), umasks[index]);
        cr_assert(kaya_disk_lock(disk) == KAYA_OK);
        (void)snprintf(path, sizeof path, "log-%zu/" KAYA_LOCK_NAME, index);
        cr_expect(mode_of(path) == 0600, "lock %o under umask %o", mode_of(path), umasks[index]);
        kaya_posix_disk_destroy(disk);
        umask(0);
    }
}

/* ---- what is no regular file ---- */

static void make_strange_things(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "log/socket" };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    cr_assert(symlink("../secret", "log/link") == 0);
    cr_assert(symlink("nowhere", "log/dangling") == 0);
    cr_assert(symlink("regular", "log/inner") == 0);
    cr_assert(mkdir("log/directory", 0700) == 0);
    cr_assert(mkfifo("log/fifo", 0600) == 0);
    cr_assert(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    close(listener);
}

static const char *const strange[] = { "link", "dangling", "inner", "directory", "fifo", "socket" };
enum { STRANGE = sizeof strange / sizeof *strange };

Test(posix_disk, links_and_other_strange_things_are_refused_without_waiting)
{
    struct kaya_disk *disk = disk_with_directory("log");
    struct stat information;

    cr_assert(close(creat("secret", 0640)) == 0);
    cr_assert(open_status(disk, "regular", KAYA_OPEN_CREATE) == KAYA_OK);
    make_strange_things();
    for (size_t index = 0; index < STRANGE; index++) {
        const char *name = strange[index];
        char path[64];

        cr_expect(open_status(disk, name, KAYA_OPEN_READ) == KAYA_INVALID, "%s", name);
        cr_expect(open_status(disk, name, KAYA_OPEN_WRITE) == KAYA_INVALID, "%s", name);
        cr_expect(open_status(disk, name, KAYA_OPEN_CREATE) == KAYA_EXISTS, "%s", name);
        cr_expect(kaya_disk_rename(disk, name, "free") == KAYA_INVALID, "%s", name);
        cr_expect(kaya_disk_rename(disk, "regular", name) == KAYA_INVALID, "%s", name);
        cr_expect(kaya_disk_unlink(disk, name) == KAYA_INVALID, "%s", name);
        (void)snprintf(path, sizeof path, "log/%s", name);
        cr_expect(lstat(path, &information) == 0 && !S_ISREG(information.st_mode), "%s was touched", name);
    }
    cr_expect(mode_of("secret") == 0640);
    kaya_posix_disk_destroy(disk);
}

struct kinds {
    unsigned files;
    unsigned others;
};

static bool count_kind(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kinds *kinds = user;

    cr_expect((strcmp(name, "regular") == 0) == (kind == KAYA_ENTRY_FILE), "%s", name);
    if (kind == KAYA_ENTRY_FILE)
        kinds->files++;
    else
        kinds->others++;
    return true;
}

Test(posix_disk, strange_things_are_listed_as_other)
{
    struct kaya_disk *disk = disk_with_directory("log");
    struct kinds kinds = { 0, 0 };

    cr_assert(open_status(disk, "regular", KAYA_OPEN_CREATE) == KAYA_OK);
    make_strange_things();
    cr_expect(kaya_disk_list(disk, count_kind, &kinds) == KAYA_OK);
    cr_expect(kinds.files == 1);
    cr_expect(kinds.others == STRANGE);
    kaya_posix_disk_destroy(disk);
}

/* A link that takes the place of the log's directory between two calls. */
Test(posix_disk, a_link_in_place_of_the_directory_is_refused)
{
    struct kinds kinds = { 0, 0 };
    struct kaya_disk *disk = disk_on("log");
    bool held = true;

    cr_assert(mkdir("elsewhere", 0700) == 0);
    cr_assert(symlink("elsewhere", "log") == 0);
    cr_expect(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_INVALID);
    cr_expect(kaya_disk_list(disk, count_kind, &kinds) == KAYA_INVALID);
    cr_expect(kaya_disk_lock(disk) == KAYA_INVALID);
    cr_expect(kaya_disk_probe_lock(disk, &held) == KAYA_INVALID);
    cr_expect(kaya_disk_create_directory(disk) == KAYA_EXISTS);
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) == KAYA_INVALID);
    cr_expect(rmdir("elsewhere") == 0, "something was put there");
    kaya_posix_disk_destroy(disk);
}

/* The wrappers refuse such names; the slots must too, for those who call them by other ways. */
Test(posix_disk, slots_refuse_names_that_reach_elsewhere)
{
    static const char *const names[] = { "", ".", "..", "/", "../secret", "a/b", "directory/a", "/etc/passwd" };
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_file *file = NULL;

    cr_assert(close(creat("secret", 0600)) == 0);
    cr_assert(mkdir("log/directory", 0700) == 0);
    cr_assert(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_OK);
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        const struct kaya_disk_operations *slots = disk->operations;

        for (unsigned flags = 0; flags < 4; flags++)
            cr_expect(slots->open(disk, names[index], flags, &file) == KAYA_INVALID, "%s", names[index]);
        cr_expect(slots->rename(disk, "a", names[index]) == KAYA_INVALID, "%s", names[index]);
        cr_expect(slots->rename(disk, names[index], "b") == KAYA_INVALID, "%s", names[index]);
        cr_expect(slots->unlink(disk, names[index]) == KAYA_INVALID, "%s", names[index]);
    }
    cr_expect(access("secret", F_OK) == 0);
    kaya_posix_disk_destroy(disk);
}

/* ---- the lock ---- */

/* A child that takes the lock, says so, and waits to be killed. */
static pid_t start_holder(const char *path)
{
    char answer = 0;
    int ends[2];
    pid_t child;

    cr_assert(pipe(ends) == 0);
    child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        struct kaya_disk *disk = NULL;

        if (kaya_posix_disk_create(path, true, &disk) != KAYA_OK || kaya_disk_lock(disk) != KAYA_OK)
            _exit(1);
        (void)!write(ends[1], "+", 1);
        for (;;)
            pause();
    }
    close(ends[1]);
    cr_assert(read(ends[0], &answer, 1) == 1, "the child did not get the lock");
    close(ends[0]);
    return child;
}

static bool probe(struct kaya_disk *disk)
{
    bool held = false;

    cr_assert(kaya_disk_probe_lock(disk, &held) == KAYA_OK);
    return held;
}

Test(posix_disk, a_lock_of_another_process_holds_until_that_is_killed)
{
    struct kaya_disk *disk = disk_with_directory("log");

    for (int round = 0; round < 3; round++) {
        pid_t holder = start_holder("log");

        cr_expect(kaya_disk_lock(disk) == KAYA_LOCKED);
        cr_expect(probe(disk));
        cr_expect(kaya_disk_lock(disk) == KAYA_LOCKED, "probing or trying let go of it");
        cr_assert(kill(holder, SIGKILL) == 0);
        cr_assert(waitpid(holder, NULL, 0) == holder);
        cr_expect(!probe(disk));
        cr_expect(kaya_disk_lock(disk) == KAYA_OK);
        kaya_disk_unlock(disk);
    }
    kaya_posix_disk_destroy(disk);
}

Test(posix_disk, another_descriptor_of_the_lock_file_can_be_closed)
{
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_disk *other = disk_on("log");
    struct kaya_file *file = NULL;

    cr_assert(kaya_disk_lock(disk) == KAYA_OK);
    cr_assert(kaya_disk_open(disk, KAYA_LOCK_NAME, KAYA_OPEN_WRITE, &file) == KAYA_OK);
    kaya_disk_close(disk, file); /* with a lock of the process, this would end it */
    cr_expect(kaya_disk_lock(other) == KAYA_LOCKED);
    kaya_posix_disk_destroy(disk);
    cr_expect(kaya_disk_lock(other) == KAYA_OK, "a disk that is destroyed holds no lock");
    kaya_posix_disk_destroy(other);
}

Test(posix_disk, a_lock_file_that_is_none_is_refused)
{
    struct kaya_disk *disk = disk_with_directory("log");
    bool held = true;

    cr_assert(close(creat("elsewhere", 0600)) == 0);
    cr_assert(symlink("../elsewhere", "log/" KAYA_LOCK_NAME) == 0);
    cr_expect(kaya_disk_lock(disk) == KAYA_INVALID);
    cr_expect(kaya_disk_probe_lock(disk, &held) == KAYA_INVALID);
    cr_expect(!held);
    cr_assert(unlink("log/" KAYA_LOCK_NAME) == 0);
    cr_assert(mkdir("log/" KAYA_LOCK_NAME, 0700) == 0);
    cr_expect(kaya_disk_lock(disk) == KAYA_INVALID);
    cr_expect(kaya_disk_probe_lock(disk, &held) == KAYA_INVALID);
    kaya_posix_disk_destroy(disk);
}

/* ---- descriptors ---- */

static unsigned open_descriptors(void)
{
    DIR *stream = opendir("/proc/self/fd");
    unsigned count = 0;

    cr_assert(stream != NULL);
    while (readdir(stream) != NULL)
        count++;
    closedir(stream);
    return count;
}

static bool stop_at_once(void *user, const char *name, enum kaya_entry_kind kind)
{
    (void)user;
    (void)name;
    (void)kind;
    return false;
}

Test(posix_disk, destroying_closes_every_descriptor)
{
    unsigned before = open_descriptors();
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_file *files[5];
    char name[] = "a";

    for (unsigned index = 0; index < 5; index++, name[0]++)
        files[index] = file_on(disk, name);
    kaya_disk_close(disk, files[2]); /* from the middle, the ends of the list */
    kaya_disk_close(disk, files[0]);
    kaya_disk_close(disk, files[4]);
    cr_expect(open_status(disk, "missing", KAYA_OPEN_READ) == KAYA_NOT_FOUND);
    cr_expect(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_EXISTS);
    cr_expect(kaya_disk_list(disk, stop_at_once, NULL) == KAYA_OK);
    cr_assert(kaya_disk_lock(disk) == KAYA_OK);
    cr_assert(kaya_disk_lock(disk) == KAYA_LOCKED);
    cr_expect(open_descriptors() > before);
    kaya_posix_disk_destroy(disk);
    cr_expect(open_descriptors() == before);
    kaya_posix_disk_destroy(NULL);
}

/* A program that is started sees none of the log's descriptors, and would see one that is not closed on exec. */
static bool shell_sees(const char *what)
{
    char command[SCRATCH_PATH_BYTES + 64];

    (void)snprintf(command, sizeof command, "ls -l /proc/self/fd | grep -q '%s'", what);
    return system(command) == 0;
}

Test(posix_disk, no_descriptor_is_left_open_across_exec)
{
    struct kaya_disk *disk = disk_with_directory("log");
    int seen;

    (void)file_on(disk, "a");
    cr_assert(kaya_disk_lock(disk) == KAYA_OK);
    cr_expect(!shell_sees(scratch));
    seen = open("log", O_RDONLY);
    cr_assert(seen >= 0);
    cr_expect(shell_sees(scratch), "this test sees nothing");
    close(seen);
    kaya_posix_disk_destroy(disk);
}

/* ---- limits ---- */

Test(posix_disk, want_of_descriptors_is_a_limit)
{
    struct kaya_disk *disk = disk_with_directory("log");
    struct rlimit few = { .rlim_cur = open_descriptors() - 3, .rlim_max = 256 };
    bool held;

    (void)file_on(disk, "a"); /* the directory's own descriptor is there */
    cr_assert(kaya_disk_lock(disk) == KAYA_OK);
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    cr_expect(open_status(disk, "a", KAYA_OPEN_READ) == KAYA_LIMIT);
    cr_expect(open_status(disk, "b", KAYA_OPEN_CREATE) == KAYA_LIMIT);
    cr_expect(kaya_disk_list(disk, stop_at_once, NULL) == KAYA_LIMIT);
    cr_expect(kaya_disk_probe_lock(disk, &held) == KAYA_LIMIT);
    cr_expect(create_status("other") == KAYA_LIMIT);
    few.rlim_cur = 256;
    cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
    cr_expect(open_status(disk, "a", KAYA_OPEN_READ) == KAYA_OK);
    cr_expect(open_status(disk, "b", KAYA_OPEN_READ) == KAYA_NOT_FOUND, "made and not given");
    kaya_posix_disk_destroy(disk);
}

Test(posix_disk, the_longest_file_that_is_allowed_is_full)
{
    enum { LIMIT_BYTES = 100000 };
    struct rlimit limit = { .rlim_cur = LIMIT_BYTES, .rlim_max = RLIM_INFINITY };
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_file *file = file_on(disk, "a");

    signal(SIGXFSZ, SIG_IGN);
    cr_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    cr_expect(write_bytes(disk, file, 0, LIMIT_BYTES) == KAYA_OK);
    cr_expect(write_bytes(disk, file, LIMIT_BYTES, 1) == KAYA_FULL);
    cr_expect(write_bytes(disk, file, LIMIT_BYTES - 10, 20) == KAYA_FULL,
              "the wrapper went on behind a short write");
    cr_expect(kaya_disk_truncate(disk, file, LIMIT_BYTES + 1) == KAYA_FULL);
    cr_expect(kaya_disk_allocate(disk, file, LIMIT_BYTES + 1) == KAYA_FULL);
    cr_expect(size_of(disk, file) == LIMIT_BYTES);
    kaya_posix_disk_destroy(disk);
}

/* A file system of our own, where we may mount one. */
static bool mount_small(const char *path, const char *options)
{
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0)
        return false;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    return mkdir(path, 0755) == 0 && mount("tmpfs", path, "tmpfs", 0, options) == 0;
}

Test(posix_disk, a_full_file_system_says_so_and_goes_on_when_there_is_room)
{
    enum { ROOM = 256 * 1024 };
    struct kaya_disk *disk;
    struct kaya_file *file;
    uint64_t end = 0;

    if (!mount_small("small", "size=256k,nr_inodes=8"))
        cr_skip_test("may not mount");
    disk = disk_with_directory("small/log");
    file = file_on(disk, "a");
    cr_expect(kaya_disk_allocate(disk, file, 2 * ROOM) == KAYA_FULL);
    cr_expect(size_of(disk, file) == 0, "allocate grew the file and failed");
    cr_expect(write_bytes(disk, file, 0, ROOM / 2) == KAYA_OK, "allocate kept the room that it got");
    cr_expect(write_bytes(disk, file, ROOM / 2, ROOM) == KAYA_FULL);
    end = size_of(disk, file);
    cr_expect(end >= ROOM / 2 && end <= ROOM);
    cr_expect(kaya_disk_allocate(disk, file, 2 * ROOM) == KAYA_FULL);
    cr_expect(size_of(disk, file) == end);
    cr_expect(kaya_disk_truncate(disk, file, 0) == KAYA_OK);
    cr_expect(write_bytes(disk, file, 0, ROOM / 2) == KAYA_OK);
    cr_expect(kaya_disk_sync(disk, file) == KAYA_OK);
    for (char name[] = "b"; open_status(disk, name, KAYA_OPEN_CREATE) == KAYA_OK; name[0]++)
        cr_assert(name[0] < 'z', "the inodes do not end");
    cr_expect(open_status(disk, "zz", KAYA_OPEN_CREATE) == KAYA_FULL);
    kaya_posix_disk_destroy(disk);
    umount("small");
}

Test(posix_disk, a_file_system_that_is_read_only_denies)
{
    struct kaya_disk *disk;
    bool held = true;

    if (!mount_small("small", "size=256k"))
        cr_skip_test("may not mount");
    disk = disk_with_directory("small/log");
    cr_assert(open_status(disk, "a", KAYA_OPEN_CREATE) == KAYA_OK);
    cr_assert(mount("tmpfs", "small", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL) == 0);
    cr_expect(open_status(disk, "a", KAYA_OPEN_READ) == KAYA_OK);
    cr_expect(open_status(disk, "a", KAYA_OPEN_WRITE) == KAYA_DENIED);
    cr_expect(open_status(disk, "b", KAYA_OPEN_CREATE) == KAYA_DENIED);
    cr_expect(kaya_disk_unlink(disk, "a") == KAYA_DENIED);
    cr_expect(kaya_disk_rename(disk, "a", "b") == KAYA_DENIED);
    cr_expect(kaya_disk_lock(disk) == KAYA_DENIED);
    cr_expect(kaya_disk_probe_lock(disk, &held) == KAYA_OK);
    cr_expect(!held);
    kaya_posix_disk_destroy(disk);
    umount("small");
}

/* As somebody who is not root: a parent that may be searched but neither read nor written. */
Test(posix_disk, missing_permission_is_denied)
{
    struct kaya_disk *disk;
    struct kinds kinds = { 0, 0 };

    cr_assert(mkdir("shared", 0755) == 0);
    cr_assert(mkdir("shared/log", 0755) == 0);
    cr_assert(close(creat("shared/log/regular", 0600)) == 0);
    cr_assert(chmod(scratch, 0755) == 0);
    if (geteuid() == 0)
        cr_assert(seteuid(65534) == 0);
    else
        cr_assert(chmod("shared/log/regular", 0) == 0 && chmod("shared/log", 0555) == 0);
    disk = disk_on("shared/log");
    cr_expect(kaya_disk_list(disk, count_kind, &kinds) == KAYA_OK);
    cr_expect(kinds.files == 1);
    cr_expect(open_status(disk, "regular", KAYA_OPEN_READ) == KAYA_DENIED);
    cr_expect(open_status(disk, "new", KAYA_OPEN_CREATE) == KAYA_DENIED);
    cr_expect(kaya_disk_unlink(disk, "regular") == KAYA_DENIED);
    cr_expect(kaya_disk_lock(disk) == KAYA_DENIED);
    kaya_posix_disk_destroy(disk);

    (void)!seteuid(0);
    cr_assert(chmod("shared/log", 0755) == 0 && chmod("shared", 0711) == 0);
    if (geteuid() == 0)
        cr_assert(seteuid(65534) == 0);
    else
        cr_assert(chmod("shared", 0100) == 0);
    disk = disk_on("shared/log");
    cr_expect(kaya_disk_list(disk, count_kind, &kinds) == KAYA_OK,
              "reading needs no more than search of the parent");
    cr_expect(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT) == KAYA_DENIED);
    kaya_posix_disk_destroy(disk);
    (void)!seteuid(0);
    cr_assert(chmod("shared", 0755) == 0);
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals++;
}

Test(posix_disk, signals_do_not_disturb)
{
    enum { ROUNDS = 300, LENGTH = 100001 };
    struct sigaction action = { .sa_handler = count_signal }; /* no SA_RESTART */
    struct itimerval often = { .it_interval = { .tv_usec = 200 }, .it_value = { .tv_usec = 200 } };
    struct itimerval never = { 0 };
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_file *file = file_on(disk, "a");
    static unsigned char bytes[LENGTH];

    cr_assert(sigaction(SIGALRM, &action, NULL) == 0);
    cr_assert(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (unsigned round = 0; round < ROUNDS || signals < 20; round++) {
        size_t done = 0;

        cr_assert(write_bytes(disk, file, round, LENGTH) == KAYA_OK);
        cr_assert(kaya_disk_read(disk, file, round, bytes, LENGTH, KAYA_READ_PAST_CACHE, &done) == KAYA_OK);
        cr_assert(done == LENGTH);
        cr_assert(kaya_disk_sync(disk, file) == KAYA_OK);
        cr_assert(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) == KAYA_OK);
        cr_assert(kaya_disk_allocate(disk, file, round + LENGTH + 1) == KAYA_OK);
        cr_assert(kaya_disk_truncate(disk, file, round + LENGTH) == KAYA_OK);
        cr_assert(open_status(disk, "a", KAYA_OPEN_WRITE) == KAYA_OK);
        cr_assert(kaya_random(kaya_posix_runtime(), bytes, LENGTH) == KAYA_OK);
    }
    cr_assert(setitimer(ITIMER_REAL, &never, NULL) == 0);
    kaya_posix_disk_destroy(disk);
}

/* ---- bytes ---- */

Test(posix_disk, durable_writes_and_past_cache_reads_at_every_alignment)
{
    enum { SIZE = 3 * 4096 };
    struct kaya_disk *disk = disk_with_directory("log");
    struct kaya_file *file = file_on(disk, "a");
    static unsigned char model[SIZE], bytes[SIZE];
    static const size_t offsets[] = { 0, 1, 511, 512, 513, 4095, 4096, 4097, 8191 };
    static const size_t lengths[] = { 1, 2, 511, 512, 4095, 4096 };

    memset(model, 'x', SIZE);
    cr_assert(write_bytes(disk, file, 0, SIZE) == KAYA_OK);
    for (size_t first = 0; first < sizeof offsets / sizeof *offsets; first++) {
        for (size_t second = 0; second < sizeof lengths / sizeof *lengths; second++) {
            struct kaya_span span = { .bytes = model + offsets[first], .length = lengths[second] };
            size_t done;

            memset(span.bytes, (int)(1 + first * 16 + second), span.length);
            cr_assert(kaya_disk_write_durable(disk, file, offsets[first], &span, 1) == KAYA_OK);
            memset(bytes, 0, sizeof bytes);
            cr_assert(kaya_disk_read(disk, file, offsets[first], bytes, lengths[second], KAYA_READ_PAST_CACHE,
                                     &done) == KAYA_OK);
            cr_assert(done == lengths[second]);
            cr_assert(memcmp(bytes, span.bytes, done) == 0);
            cr_assert(kaya_disk_read(disk, file, 0, bytes, SIZE, KAYA_READ_CACHED, &done) == KAYA_OK);
            cr_assert(done == SIZE && memcmp(bytes, model, SIZE) == 0);
        }
    }
    kaya_posix_disk_destroy(disk);
}
