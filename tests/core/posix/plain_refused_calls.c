/* A kernel that refuses what a sync method asks for.
 *
 * Goal: what cannot be had is KAYA_UNSUPPORTED, KAYA_NO_MEMORY or KAYA_LIMIT at once; what fails later has the status of error.c; where there is another
 * way it is gone. In no case is a descriptor or a half-made file left, and another method works in the same process. Method: each case has a process of its
 * own, which walks the steps of a file's life and, before one of them, forbids itself some system calls by a filter (seccomp): the true code
 * meets the true error, also of calls that no library function makes by name. A short write and a short heap come from resource limits, which a filter cannot give. */
#define _GNU_SOURCE 1
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kaya/posix.h"
#include "many_threads.h"
#include "scratch_directory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#define IS_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define IS_SANITIZED false
#endif

enum { BLOCK_BYTES = 4096, FILE_BYTES = 3 * BLOCK_BYTES, REFUSALS_MAX = 3, DESCRIPTORS_MAX = 256 };
enum { EXIT_SKIPPED = 77 };
enum { WRITE_OFFSET = 5000, WRITE_BYTES = 100, DURABLE_OFFSET = 4196, DURABLE_BYTES = 6000 };

/* The life of a file, in this order. */
enum step { DISK, OPEN, GROW, RESERVE, WRITE, DURABLE, AGAIN, SYNC, LOG, NEVER };

static const char *const step_names[] = { "disk",    "open",          "grow", "reserve", "write",
                                          "durable", "durable again", "sync", "log",     "end" };

struct refusal { /* of every such call in whose argument all these flags are set */
    int error;   /* 0: no refusal */
    long call;
    unsigned argument, flags;
};

struct refused_case {
    const char *name;
    enum kaya_posix_sync_method method;
    enum step before; /* from here on they are refused */
    struct refusal refusals[REFUSALS_MAX];
    enum step fails; /* NEVER: there is another way */
    enum kaya_status status;
    int resource;               /* limited for the step that fails ... */
    rlim_t limit;               /* ... to this; 0: it is not */
    bool is_against_sanitizers; /* they need what is refused */
};

/* As the members of a struct refusal, behind its error. */
#define SETUP SYS_io_uring_setup, 0, 0
#define PROBE SYS_io_uring_register, 0, 0
#define ENTER SYS_io_uring_enter, 0, 0
#ifdef SYS_mmap2
#define MAP SYS_mmap2, 3, MAP_POPULATE
#else
#define MAP SYS_mmap, 3, MAP_POPULATE
#endif
#define OPEN_DIRECT SYS_openat, 2, O_DIRECT
#define OPEN_PROBE SYS_openat, 2, O_DIRECT | O_TMPFILE
#define OPEN_DIRECTORY SYS_openat, 2, O_DIRECTORY | O_NOFOLLOW
#define ALIGNMENT SYS_statx, 0, 0
#define PREAD SYS_pread64, 0, 0
#define PWRITE SYS_pwrite64, 0, 0
#define PWRITEV SYS_pwritev, 0, 0
#define PWRITEV2 SYS_pwritev2, 0, 0
#define FDATASYNC SYS_fdatasync, 0, 0
#define CLONE SYS_clone, 0, 0
#ifdef SYS_clone3 /* which of the two makes threads depends on the C library, as does which is fstat */
#define CLONE3 SYS_clone3, 0, 0
#else
#define CLONE3 CLONE
#endif
#ifdef SYS_newfstatat
#define FSTAT SYS_fstat, 0, 0
#define FSTATAT SYS_newfstatat, 3, AT_EMPTY_PATH
#endif

#define RING KAYA_POSIX_IO_URING
#define CACHED KAYA_POSIX_FDATASYNC
#define DSYNC KAYA_POSIX_DSYNC
#define DIRECT KAYA_POSIX_DIRECT_FDATASYNC
#define DIRECT_DSYNC KAYA_POSIX_DIRECT_DSYNC

/* clang-format off */
static const struct refused_case cases[] = {
    /* a ring cannot be made */
    { "no io_uring", RING, DISK, { { ENOSYS, SETUP } }, DISK, .status = KAYA_UNSUPPORTED },
    { "io_uring is forbidden", RING, DISK, { { EPERM, SETUP } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no memory for a ring", RING, DISK, { { ENOMEM, SETUP } }, DISK, .status = KAYA_NO_MEMORY },
    { "no descriptor for a ring", RING, DISK, { { EMFILE, SETUP } }, DISK, .status = KAYA_LIMIT },
    { "no open file for a ring", RING, DISK, { { ENFILE, SETUP } }, DISK, .status = KAYA_LIMIT },
    { "the ring cannot be mapped", RING, DISK, { { ENOMEM, MAP } }, DISK, .status = KAYA_NO_MEMORY },
    { "io_uring without a probe", RING, DISK, { { EINVAL, PROBE } }, DISK, .status = KAYA_UNSUPPORTED },

    /* a ring cannot be entered: by two calls */
    { "the ring is forbidden later", RING, DURABLE, { { EPERM, ENTER } }, NEVER, .status = KAYA_OK },
    { "the ring is interrupted for ever", RING, DURABLE, { { EINTR, ENTER } }, NEVER, .status = KAYA_OK },
    { "the ring has no resources", RING, DURABLE, { { EAGAIN, ENTER } }, NEVER, .status = KAYA_OK },
    { "no ring, then EIO", RING, DURABLE, { { EIO, ENTER }, { EIO, PWRITEV2 } }, DURABLE, .status = KAYA_IO },
    { "no ring, then full", RING, DURABLE, { { EIO, ENTER }, { ENOSPC, PWRITEV2 } }, DURABLE, .status = KAYA_FULL },
    { "no ring, no RWF_DSYNC, no sync", RING, DURABLE, { { EIO, ENTER }, { ENOSYS, PWRITEV2 }, { EIO, FDATASYNC } }, DURABLE, .status = KAYA_IO },

    /* the ring's write is cut short, and the sync behind it dropped */
    { "a short write in the ring", RING, DURABLE, { { 0 } }, DURABLE, .status = KAYA_FULL, .resource = RLIMIT_FSIZE, .limit = 2 * BLOCK_BYTES },
    { "a short write, then no sync", RING, DURABLE, { { EIO, FDATASYNC } }, DURABLE, .status = KAYA_IO, .resource = RLIMIT_FSIZE, .limit = 2 * BLOCK_BYTES },
    { "a sync fails beside a ring", RING, SYNC, { { EIO, FDATASYNC } }, SYNC, .status = KAYA_IO },

    /* O_DIRECT cannot be had */
    { "no O_DIRECT", DIRECT, DISK, { { EINVAL, OPEN_DIRECT } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no O_TMPFILE", DIRECT, DISK, { { EOPNOTSUPP, OPEN_DIRECT } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no O_TMPFILE in an old kernel", DIRECT_DSYNC, DISK, { { EISDIR, OPEN_DIRECT } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no O_TMPFILE in another", DIRECT_DSYNC, DISK, { { ENOENT, OPEN_DIRECT } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no descriptor to ask", DIRECT, DISK, { { EMFILE, OPEN_DIRECT } }, DISK, .status = KAYA_LIMIT },
    { "not allowed to ask", DIRECT, DISK, { { EACCES, OPEN_DIRECT } }, DISK, .status = KAYA_DENIED },
    { "asking fails", DIRECT, DISK, { { EIO, OPEN_DIRECT } }, DISK, .status = KAYA_IO },
    { "asking is interrupted for ever", DIRECT, DISK, { { EINTR, OPEN_DIRECT } }, DISK, .status = KAYA_IO },
    { "no room to ask", DIRECT, DISK, { { ENOSPC, OPEN_PROBE } }, NEVER, .status = KAYA_OK },
    { "no descriptor for the directory", DIRECT, DISK, { { EMFILE, OPEN_DIRECTORY } }, DISK, .status = KAYA_LIMIT },
    { "nobody tells the alignment", DIRECT, DISK, { { ENOSYS, ALIGNMENT } }, NEVER, .status = KAYA_OK },
    { "blocks are too small", DIRECT, DISK, { { ENOSYS, ALIGNMENT }, { EINVAL, PWRITE } }, DISK, .status = KAYA_UNSUPPORTED },
    { "no room to try a block", DIRECT, DISK, { { ENOSYS, ALIGNMENT }, { ENOSPC, PWRITE } }, WRITE, .status = KAYA_FULL },

    /* and is refused later */
    { "no second descriptor", DIRECT, OPEN, { { EMFILE, OPEN_DIRECT } }, OPEN, .status = KAYA_LIMIT },
    { "this file takes no O_DIRECT", DIRECT_DSYNC, OPEN, { { EINVAL, OPEN_DIRECT } }, OPEN, .status = KAYA_INVALID },
    { "no memory for a window", DIRECT, OPEN, { { 0 } }, OPEN, .status = KAYA_NO_MEMORY, .resource = RLIMIT_AS, .limit = 1, .is_against_sanitizers = true },
    { "a direct write is unaligned", DIRECT, WRITE, { { EINVAL, PWRITE } }, WRITE, .status = KAYA_IO },
    { "a direct write fails", DIRECT, WRITE, { { EIO, PWRITE } }, WRITE, .status = KAYA_IO },
    { "a direct write finds no room", DIRECT, WRITE, { { ENOSPC, PWRITE } }, WRITE, .status = KAYA_FULL },
    { "a direct write is interrupted for ever", DIRECT, WRITE, { { EINTR, PWRITE } }, WRITE, .status = KAYA_IO },
    { "a direct write is short", DIRECT, DURABLE, { { 0 } }, DURABLE, .status = KAYA_IO, .resource = RLIMIT_FSIZE, .limit = 2 * BLOCK_BYTES },
    { "the blocks around cannot be read", DIRECT, WRITE, { { EIO, PREAD } }, WRITE, .status = KAYA_IO },
    { "reading them is interrupted for ever", DIRECT, WRITE, { { EINTR, PREAD } }, WRITE, .status = KAYA_IO },
    { "a direct sync fails", DIRECT, SYNC, { { EIO, FDATASYNC } }, SYNC, .status = KAYA_IO },
    { "a durable direct write fails", DIRECT_DSYNC, DURABLE, { { EIO, PWRITEV2 } }, DURABLE, .status = KAYA_IO },
    { "a durable direct write finds no room", DIRECT_DSYNC, DURABLE, { { EDQUOT, PWRITEV2 } }, DURABLE, .status = KAYA_FULL },
    { "no durable direct writes", DIRECT_DSYNC, DURABLE, { { EOPNOTSUPP, PWRITEV2 } }, NEVER, .status = KAYA_OK },
    { "neither they nor others", DIRECT_DSYNC, DURABLE, { { EINVAL, PWRITEV2 }, { EINVAL, PWRITEV } }, DURABLE, .status = KAYA_IO },
    { "a direct write, then no sync", DIRECT_DSYNC, DURABLE, { { EINVAL, PWRITEV2 }, { EIO, FDATASYNC } }, DURABLE, .status = KAYA_IO },

    /* through the cache */
    { "a write fails", CACHED, WRITE, { { EIO, PWRITE } }, WRITE, .status = KAYA_IO },
    { "a write finds no room", CACHED, WRITE, { { ENOSPC, PWRITE } }, WRITE, .status = KAYA_FULL },
    { "a sync fails", CACHED, SYNC, { { EIO, FDATASYNC } }, SYNC, .status = KAYA_IO },
    { "a sync finds no room", CACHED, SYNC, { { ENOSPC, FDATASYNC } }, SYNC, .status = KAYA_FULL },
    { "no RWF_DSYNC", DSYNC, DURABLE, { { ENOSYS, PWRITEV2 } }, NEVER, .status = KAYA_OK },
    { "no RWF_DSYNC, no sync", DSYNC, DURABLE, { { EINVAL, PWRITEV2 }, { EIO, FDATASYNC } }, DURABLE, .status = KAYA_IO },
    { "a durable write fails", DSYNC, DURABLE, { { EIO, PWRITEV2 } }, DURABLE, .status = KAYA_IO },
    { "a durable write is interrupted for ever", DSYNC, DURABLE, { { EINTR, PWRITEV2 } }, DURABLE, .status = KAYA_IO },

/* a look at an open file */
#ifdef FSTATAT
    { "a new file cannot be looked at", CACHED, OPEN, { { EIO, FSTAT }, { EIO, FSTATAT } }, OPEN, .status = KAYA_IO },
    { "nor one to be reserved for", CACHED, RESERVE, { { ENOMEM, FSTAT }, { ENOMEM, FSTATAT } }, RESERVE, .status = KAYA_IO },
    { "nor one to be written to", DIRECT, WRITE, { { EIO, FSTAT }, { EIO, FSTATAT } }, WRITE, .status = KAYA_IO },
#endif

    /* no thread that tends */
    { "no thread", CACHED, LOG, { { EAGAIN, CLONE }, { EAGAIN, CLONE3 } }, LOG, .status = KAYA_LIMIT, .is_against_sanitizers = true },
};
/* clang-format on */

/* ---- refusing ---- */

/* From here on, in this process. False: it cannot be done here. */
static bool refuse(const struct refusal *refusal)
{
    enum { LOW_HALF = __BYTE_ORDER == __BIG_ENDIAN ? 4 : 0 };
    const unsigned argument = offsetof(struct seccomp_data, args) + 8 * refusal->argument + LOW_HALF;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusal->call, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, refusal->flags),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal->flags, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refusal->error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof filter[0], filter };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void refuse_all(const struct refused_case *which)
{
    for (unsigned i = 0; i < REFUSALS_MAX && which->refusals[i].error != 0; i++)
        MUST(refuse(&which->refusals[i]));
}

static void set_limit(int resource, rlim_t limit)
{
    struct rlimit now;

    MUST(getrlimit(resource, &now) == 0);
    now.rlim_cur = limit < now.rlim_max ? limit : now.rlim_max;
    MUST(setrlimit(resource, &now) == 0);
}

/* ---- a file's life ---- */

struct stage {
    enum kaya_posix_sync_method method;
    const char *path;
    struct kaya_disk *disk;
    struct kaya_file *file;
    char bytes[FILE_BYTES]; /* as the file is to be */
};

static enum kaya_status write_at(struct stage *stage, uint64_t offset, size_t length, int value, bool is_durable)
{
    struct kaya_span span = { stage->bytes + offset, length };

    memset(span.bytes, value, length);
    return (is_durable ? kaya_disk_write_durable : kaya_disk_write)(stage->disk, stage->file, offset, &span, 1);
}

static enum kaya_status open_log(const struct stage *stage)
{
    struct kaya_posix_log_options options = { .sync_method = stage->method };
    char path[SCRATCH_PATH_BYTES + sizeof "/log"];
    struct kaya_posix_log log;
    enum kaya_status status;

    (void)snprintf(path, sizeof path, "%s/log", stage->path);
    status = kaya_posix_log_open(path, &options, NULL, &log, NULL);
    return status == KAYA_OK ? kaya_posix_log_close(&log) : status;
}

static enum kaya_status take(struct stage *stage, enum step step)
{
    enum kaya_status status;

    switch (step) {
    case DISK:
        return kaya_posix_disk_create_by(stage->method, stage->path, true, &stage->disk);
    case OPEN:
        return kaya_disk_open(stage->disk, "file", KAYA_OPEN_CREATE, &stage->file);
    case GROW:
        return kaya_disk_truncate(stage->disk, stage->file, FILE_BYTES);
    case RESERVE:
        status = kaya_disk_allocate(stage->disk, stage->file, FILE_BYTES);
        return status == KAYA_UNSUPPORTED ? KAYA_OK : status;
    case WRITE:
        return write_at(stage, WRITE_OFFSET, WRITE_BYTES, 'w', false);
    case DURABLE:
        return write_at(stage, DURABLE_OFFSET, DURABLE_BYTES, 'd', true);
    case AGAIN: /* what was given up stays so */
        return write_at(stage, DURABLE_OFFSET, DURABLE_BYTES, 'a', true);
    case SYNC:
        return kaya_disk_sync(stage->disk, stage->file);
    default:
        return open_log(stage);
    }
}

static enum kaya_status take_limited(struct stage *stage, const struct refused_case *which)
{
    struct rlimit before;
    enum kaya_status status;

    MUST(getrlimit(which->resource, &before) == 0);
    set_limit(which->resource, which->limit);
    status = take(stage, which->fails);
    MUST(setrlimit(which->resource, &before) == 0);
    return status;
}

static unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int descriptor = 0; descriptor < DESCRIPTORS_MAX; descriptor++)
        count += fcntl(descriptor, F_GETFD) >= 0;
    return count;
}

/* The file is whole, or, where it could not be opened, is not there. */
static void check_file(const struct stage *stage, const struct refused_case *which)
{
    char path[SCRATCH_PATH_BYTES + sizeof "/file"], bytes[FILE_BYTES];
    int descriptor;

    (void)snprintf(path, sizeof path, "%s/file", stage->path);
    if (which->fails <= OPEN)
        MUST(access(path, F_OK) != 0 && errno == ENOENT);
    if (which->fails != NEVER)
        return;
    descriptor = open(path, O_RDONLY);
    MUST(descriptor >= 0);
    MUST(read(descriptor, bytes, sizeof bytes) == sizeof bytes);
    MUST(memcmp(bytes, stage->bytes, sizeof bytes) == 0);
    (void)close(descriptor);
}

static int live(const struct refused_case *which, const char *path)
{
    struct stage stage = { .method = which->method, .path = path };
    enum kaya_posix_sync_method other = which->method == CACHED ? DSYNC : CACHED;
    unsigned descriptors = count_descriptors();
    enum kaya_status status = take(&stage, DISK);

    kaya_posix_disk_destroy(stage.disk);
    if (status == KAYA_UNSUPPORTED)
        return EXIT_SKIPPED;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (enum step step = DISK; step <= which->fails && step < NEVER; step++) {
        enum kaya_status expected = step == which->fails ? which->status : KAYA_OK;

        if (step == which->before)
            refuse_all(which);
        status = step == which->fails && which->limit > 0 ? take_limited(&stage, which) : take(&stage, step);
        if (status != expected) {
            fprintf(stderr, "%s: step \"%s\" is %s instead of %s\n", which->name, step_names[step],
                    kaya_status_name(status), kaya_status_name(expected));
            return EXIT_FAILURE;
        }
    }
    check_file(&stage, which);
    kaya_posix_disk_destroy(stage.disk);
    MUST(kaya_posix_disk_create_by(other, path, true, &stage.disk) == KAYA_OK);
    kaya_posix_disk_destroy(stage.disk);
    MUST(count_descriptors() == descriptors);
    return EXIT_SUCCESS;
}

/* ---- processes ---- */

/* In one of its own, which ends as a program does. */
static int run(int (*child)(const struct refused_case *, const char *), const struct refused_case *which)
{
    char path[SCRATCH_PATH_BYTES];
    int status = 0;
    pid_t process;

    MUST(kaya_tests_scratch_make(path));
    (void)fflush(NULL);
    process = fork();
    MUST(process >= 0);
    if (process == 0)
        exit(child(which, path));
    MUST(waitpid(process, &status, 0) == process);
    kaya_tests_scratch_remove(path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* A call that nobody makes. */
static int try_to_refuse(const struct refused_case *which, const char *path)
{
    (void)which, (void)path;
    return refuse(&(struct refusal){ EPERM, SYS_reboot, 0, 0 }) ? EXIT_SUCCESS : EXIT_SKIPPED;
}

static void no_method_has_such_a_value_or_name(void)
{
    enum kaya_posix_sync_method method = DIRECT;
    char path[SCRATCH_PATH_BYTES];
    struct kaya_disk *disk;

    for (int value = -1; value <= KAYA_POSIX_SYNC_METHOD_COUNT; value += KAYA_POSIX_SYNC_METHOD_COUNT + 1) {
        MUST(strcmp(kaya_posix_sync_method_name((enum kaya_posix_sync_method)value), "?") == 0);
        MUST(strcmp(kaya_posix_sync_method_text((enum kaya_posix_sync_method)value), "?") == 0);
        MUST(kaya_tests_scratch_make(path));
        MUST(kaya_posix_disk_create_by((enum kaya_posix_sync_method)value, path, true, &disk) == KAYA_INVALID);
        MUST(disk == NULL);
        kaya_tests_scratch_remove(path);
    }
    MUST(!kaya_posix_sync_method_find("", &method) && method == DIRECT);
    MUST(!kaya_posix_sync_method_find("?", &method) && method == DIRECT);
    MUST(!kaya_posix_sync_method_find("direct", &method) && method == DIRECT);
    for (int value = 0; value < KAYA_POSIX_SYNC_METHOD_COUNT; value++) {
        const char *name = kaya_posix_sync_method_name((enum kaya_posix_sync_method)value);

        MUST(kaya_posix_sync_method_find(name, &method) && (int)method == value);
        MUST(strlen(kaya_posix_sync_method_text(method)) > strlen(name));
    }
}

int main(void)
{
    unsigned failed = 0;

    no_method_has_such_a_value_or_name();
    if (run(try_to_refuse, NULL) != EXIT_SUCCESS) {
        printf("SKIPPED: this kernel does not let a process refuse itself system calls (seccomp)\n");
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int result = EXIT_SKIPPED;

        if (!cases[i].is_against_sanitizers || !IS_SANITIZED)
            result = run(live, &cases[i]);
        if (result == EXIT_SKIPPED)
            printf("SKIPPED: %s: %s\n", cases[i].name,
                   cases[i].is_against_sanitizers && IS_SANITIZED ? "a sanitizer runs" : "no such method here");
        else if (result != EXIT_SUCCESS)
            fprintf(stderr, "FAILED: %s\n", cases[i].name);
        failed += result != EXIT_SUCCESS && result != EXIT_SKIPPED;
    }
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
