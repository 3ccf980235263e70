/* A system that denies what it grants nearly always: memory, mutexes, threads, entropy, a look at an open file.
 *
 * Goal: whoever opens a log meets a status of kaya/posix.h and kaya/wal.h, no descriptor stays open, and once the system grants it again the log
 * is as good as ever. Method: this program takes the calls over (whoever links against them finds these first). A log is opened, written, looked at and
 * closed, once for each of the calls that it makes, with this one denied. A plain program, for Criterion wants all that itself. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kaya/inspect.h"
#include "kaya/posix.h"
#include "many_threads.h"
#include "real_calls.h"
#include "scratch_directory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#define IS_SANITIZED                                                                                         \
    (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer))
#else
#define IS_SANITIZED 0
#endif

/* --- the system ----------------------------------------------------------------------------------------------------- */

enum call {
    CALL_NONE,
    CALL_MALLOC,
    CALL_CALLOC,
    CALL_MUTEX,
    CALL_MUTEX_ATTRIBUTES,
    CALL_CONDITION,
    CALL_CONDITION_ATTRIBUTES,
    CALL_THREAD,
    CALL_SIGNALS,
    CALL_RANDOM,
    CALL_FSTAT,
    CALL_FSTATAT,
    CALL_MKDIRAT,
    CALL_FCHMODAT,
    CALL_FDOPENDIR,
    CALL_FCNTL,
    CALL_OPENAT,
};

static struct {
    enum call call;
    int error;
    unsigned from, until; /* these of the calls are denied, counted from 1 */
    atomic_uint count;    /* whoever tends calls as well */
} denial;

static bool is_denied(enum call call)
{
    unsigned number;

    if (call != denial.call)
        return false;
    number = atomic_fetch_add(&denial.count, 1) + 1;
    if (number < denial.from || number > denial.until)
        return false;
    errno = denial.error;
    return true;
}

#if !IS_SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

void *malloc(size_t size)
{
    return is_denied(CALL_MALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_denied(CALL_CALLOC) ? NULL : __libc_calloc(count, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (is_denied(CALL_THREAD))
        return denial.error;
    return ((int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next("pthread_create"))(
        thread, attributes, start, argument);
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
{
    if (is_denied(CALL_MUTEX))
        return denial.error;
    return ((int (*)(pthread_mutex_t *, const pthread_mutexattr_t *))next("pthread_mutex_init"))(mutex,
                                                                                                 attributes);
}

int pthread_cond_init(pthread_cond_t *condition, const pthread_condattr_t *attributes)
{
    if (is_denied(CALL_CONDITION))
        return denial.error;
    return ((int (*)(pthread_cond_t *, const pthread_condattr_t *))next("pthread_cond_init"))(condition,
                                                                                              attributes);
}
#endif

int pthread_mutexattr_init(pthread_mutexattr_t *attributes)
{
    if (is_denied(CALL_MUTEX_ATTRIBUTES))
        return denial.error;
    return ((int (*)(pthread_mutexattr_t *))next("pthread_mutexattr_init"))(attributes);
}

int pthread_condattr_init(pthread_condattr_t *attributes)
{
    if (is_denied(CALL_CONDITION_ATTRIBUTES))
        return denial.error;
    return ((int (*)(pthread_condattr_t *))next("pthread_condattr_init"))(attributes);
}

int pthread_sigmask(int how, const sigset_t *wanted, sigset_t *before)
{
    if (is_denied(CALL_SIGNALS))
        return denial.error;
    return ((int (*)(int, const sigset_t *, sigset_t *))next("pthread_sigmask"))(how, wanted, before);
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags)
{
    if (is_denied(CALL_RANDOM))
        return -1;
    return ((ssize_t(*)(void *, size_t, unsigned))next("getrandom"))(bytes, length, flags);
}

int fstat(int descriptor, struct stat *information)
{
    if (is_denied(CALL_FSTAT))
        return -1;
    return ((int (*)(int, struct stat *))next("fstat64"))(descriptor, information);
}

int fstatat(int directory, const char *name, struct stat *information, int flags)
{
    if (is_denied(CALL_FSTATAT))
        return -1;
    return ((int (*)(int, const char *, struct stat *, int))next("fstatat64"))(directory, name, information,
                                                                               flags);
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    if (is_denied(CALL_MKDIRAT))
        return -1;
    return ((int (*)(int, const char *, mode_t))next("mkdirat"))(directory, name, mode);
}

int fchmodat(int directory, const char *name, mode_t mode, int flags)
{
    if (is_denied(CALL_FCHMODAT))
        return -1;
    return ((int (*)(int, const char *, mode_t, int))next("fchmodat"))(directory, name, mode, flags);
}

DIR *fdopendir(int descriptor)
{
    if (is_denied(CALL_FDOPENDIR))
        return NULL;
    return ((DIR * (*)(int)) next("fdopendir"))(descriptor);
}

int fcntl(int descriptor, int command, ...)
{
    va_list arguments;
    void *argument;

    va_start(arguments, command);
    argument = va_arg(arguments, void *);
    va_end(arguments);
    if (is_denied(CALL_FCNTL))
        return -1;
    return ((int (*)(int, int, ...))next("fcntl64"))(descriptor, command, argument);
}

REPLACE_OPENAT(is_denied(CALL_OPENAT))

/* --- a life --------------------------------------------------------------------------------------------------------- */

#define BIT(name) (1U << KAYA_##name)

static unsigned descriptor_count(void)
{
    unsigned count = 0;

    for (int descriptor = 0; descriptor < 256; descriptor++)
        count += ((int (*)(int, int, ...))next("fcntl64"))(descriptor, F_GETFD) >= 0;
    return count;
}

static const struct kaya_wal_config SMALL = { .segment_bytes = 65536, .block_bytes = 4096 };

/* The first status that is not KAYA_OK. *durable counts the records that were acknowledged. */
static enum kaya_status live(const char *path, enum kaya_posix_sync_method method, uint64_t *durable)
{
    struct kaya_posix_log_options options = { .sync_method = method };
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, "some bytes", 10 };
    struct kaya_wal_inspection inspection;
    struct kaya_posix_log log;
    enum kaya_status status = kaya_posix_log_open(path, &options, &SMALL, &log, NULL);
    enum kaya_status closed;

    if (status != KAYA_OK) {
        MUST(log.writer == NULL && log.tender == NULL && log.environment.disk == NULL);
        return status;
    }
    status = kaya_wal_writer_append(log.writer, &payload, KAYA_STRICT, NULL);
    if (status == KAYA_OK)
        ++*durable;
    if (status == KAYA_OK)
        status = kaya_wal_verify(&log.environment, NULL, &inspection);
    closed = kaya_posix_log_close(&log);
    return status == KAYA_OK ? closed : status;
}

static uint64_t last_lsn(const char *path)
{
    struct kaya_wal_recovery_report report;
    struct kaya_posix_log log;

    denial.call = CALL_NONE;
    MUST(kaya_posix_log_open(path, NULL, &SMALL, &log, &report) == KAYA_OK);
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
    return report.last_lsn;
}

static const struct {
    const char *name;
    enum call call;
    int error;
    unsigned times;
    unsigned answers; /* but KAYA_OK, which a log without what was denied may give */
    bool is_against_sanitizers;
} CASES[] = {
    { "malloc", CALL_MALLOC, ENOMEM, 1, BIT(NO_MEMORY), true },
    { "calloc", CALL_CALLOC, ENOMEM, 1, BIT(NO_MEMORY), true },
    { "pthread_mutex_init", CALL_MUTEX, EAGAIN, 1, BIT(NO_MEMORY), true },
    { "pthread_mutexattr_init", CALL_MUTEX_ATTRIBUTES, ENOMEM, 1, BIT(NO_MEMORY), false },
    { "pthread_cond_init", CALL_CONDITION, EAGAIN, 1, BIT(NO_MEMORY), true },
    { "pthread_condattr_init", CALL_CONDITION_ATTRIBUTES, ENOMEM, 1, BIT(NO_MEMORY), false },
    { "pthread_create", CALL_THREAD, EAGAIN, 1, BIT(LIMIT), true },
    { "pthread_sigmask", CALL_SIGNALS, EINVAL, 1, BIT(LIMIT), false },
    { "getrandom", CALL_RANDOM, ENOSYS, 1, BIT(IO) | BIT(FULL), false },
    { "getrandom, interrupted", CALL_RANDOM, EINTR, 1, 0, false },
    { "getrandom, interrupted for ever", CALL_RANDOM, EINTR, 1000, BIT(IO) | BIT(FULL), false },
    { "fstat", CALL_FSTAT, EIO, 1, BIT(IO) | BIT(FULL), false },
    { "fstat without memory", CALL_FSTAT, ENOMEM, 1, BIT(IO) | BIT(NO_MEMORY) | BIT(FULL), false },
    { "fstatat", CALL_FSTATAT, EACCES, 1, BIT(DENIED) | BIT(FULL), false },
    { "mkdirat", CALL_MKDIRAT, EACCES, 1, BIT(DENIED), false },
    { "fchmodat", CALL_FCHMODAT, EPERM, 1, BIT(DENIED), false },
    { "fdopendir", CALL_FDOPENDIR, ENOMEM, 1, BIT(NO_MEMORY), false },
    { "fcntl", CALL_FCNTL, ENOLCK, 1, BIT(DENIED), false },
    { "fcntl, held by another", CALL_FCNTL, EACCES, 1, BIT(LOCKED) | BIT(DENIED), false },
    { "openat without descriptors", CALL_OPENAT, EMFILE, 1, BIT(LIMIT), false },
    { "openat, interrupted", CALL_OPENAT, EINTR, 1, 0, false },
    { "openat of what comes and goes", CALL_OPENAT, ENOENT, 1, BIT(NOT_FOUND) | BIT(IO) | BIT(FULL), false },
};

int main(void)
{
    char scratch[SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES + 8];
    unsigned before;

    MUST(kaya_tests_scratch_make(scratch));
    before = descriptor_count();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool is_through = IS_SANITIZED && CASES[i].is_against_sanitizers;
        uint64_t durable = 0;

        (void)snprintf(path, sizeof path, "%s/log", scratch);
        for (unsigned from = 1; !is_through; from++) {
            enum kaya_status status;

            (void)umask(from % 2 ? 0077 : 0777); /* with the second one the mode of what is made is mended */
            denial.call = CASES[i].call;
            denial.error = CASES[i].error;
            denial.from = from;
            denial.until = from + CASES[i].times - 1;
            denial.count = 0;
            status = live(path, KAYA_POSIX_FDATASYNC, &durable);
            is_through = denial.count < from;
            denial.call = CALL_NONE;
            if (status != KAYA_OK && (CASES[i].answers >> status & 1) == 0)
                fprintf(stderr, "%s, %u: %s\n", CASES[i].name, from, kaya_status_name(status));
            MUST(status == KAYA_OK || (CASES[i].answers >> status & 1) != 0);
            MUST(descriptor_count() == before);
        }
        MUST(last_lsn(path) >= durable);
        kaya_tests_scratch_remove(path); /* each case begins with a new log */
    }
    kaya_tests_scratch_remove(scratch);
    return 0;
}
