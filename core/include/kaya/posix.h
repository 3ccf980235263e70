/* The real world behind the seams: files, threads, the C library's heap. Linux and other POSIX systems. */
#ifndef KAYA_POSIX_H
#define KAYA_POSIX_H

#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"
#include "kaya/wal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How bytes become durable. Each makes the same promise; they differ in what a strict append costs, and in what they ask of
 * kernel and file system. core/README.md says which to take when.  X(NAME, "name", "one line for people") */
#define KAYA_POSIX_SYNC_METHOD_LIST(X)                                                                       \
    X(FDATASYNC, "fdatasync", "write through the page cache, then fdatasync")                                \
    X(DSYNC, "dsync", "one write through the page cache that is durable on return (O_DSYNC)")                \
    X(DIRECT_FDATASYNC, "direct-fdatasync", "write past the page cache (O_DIRECT), then fdatasync")          \
    X(DIRECT_DSYNC, "direct-dsync", "one write past the page cache that is durable on return")               \
    X(IO_URING, "io_uring", "write and fdatasync, linked, in one submission to io_uring")

enum kaya_posix_sync_method {
#define KAYA_POSIX_SYNC_METHOD_ENUM(name, word, text) KAYA_POSIX_##name,
    KAYA_POSIX_SYNC_METHOD_LIST(KAYA_POSIX_SYNC_METHOD_ENUM)
#undef KAYA_POSIX_SYNC_METHOD_ENUM
        KAYA_POSIX_SYNC_METHOD_COUNT
};

/* "fdatasync", ...; "?" for a value that is none. And one line about it. Static memory; any thread. */
const char *kaya_posix_sync_method_name(enum kaya_posix_sync_method method);
const char *kaya_posix_sync_method_text(enum kaya_posix_sync_method method);
/* The method of that name. False: there is none, *method is as it was. */
bool kaya_posix_sync_method_find(const char *name, enum kaya_posix_sync_method *method);

struct kaya_posix_tender;

/* A disk on the directory `path`, which need not exist yet (its parent must): pwritev and fdatasync through the page
 * cache. Files are made 0600, the directory 0700, every descriptor is O_CLOEXEC, links are refused, the lock is one of
 * the open file description. Geometry: 512 B sectors, 4096 B write-back, power-safe overwrite as `power_safe_overwrite`
 * says (see the README on what disks promise). On KAYA_OK *disk is the caller's.
 *   KAYA_NOT_FOUND  the parent does not exist     KAYA_INVALID  the path is empty, "/" or ends in "..", or it
 *                   names something that is no directory (a link to one included)
 *   KAYA_DENIED, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_IO */
KAYA_MUST_CHECK enum kaya_status kaya_posix_disk_create(const char *path, bool power_safe_overwrite,
                                                        struct kaya_disk **disk);
/* The same with a sync method of one's choice. Logs are the same bytes whatever the method; another one may be taken at each open.
 *   KAYA_UNSUPPORTED  the kernel, its settings or this file system have it not, or this library was built without it */
KAYA_MUST_CHECK enum kaya_status kaya_posix_disk_create_by(enum kaya_posix_sync_method method, const char *path,
                                                           bool power_safe_overwrite, struct kaya_disk **disk);
void kaya_posix_disk_destroy(struct kaya_disk *disk); /* takes NULL; every file of it is closed */

/* One for the process each. Static; any thread. */
struct kaya_runtime *kaya_posix_runtime(void);
struct kaya_allocator *kaya_posix_allocator(void);

/* A thread that calls kaya_wal_writer_tend whenever it has something to do, and sleeps otherwise: spares and strides are prepared off the path of
 * appenders, what was written is synced beside them before a rotation has to, submitted records become durable without anybody waiting, completions
 * are called in this thread. One for a writer. It takes no signals.
 *   KAYA_NO_MEMORY, KAYA_LIMIT  no thread was made; the log does the work within its other calls */
KAYA_MUST_CHECK enum kaya_status kaya_posix_tender_start(struct kaya_wal_writer *writer,
                                                         struct kaya_posix_tender **tender);
/* Let it finish what it is doing, and end it. Before kaya_wal_writer_close, or, where other threads still append or completions are still to be
 * called, after kaya_wal_writer_stop. Never from a completion. Takes NULL. */
void kaya_posix_tender_stop(struct kaya_posix_tender *tender);

/* A log in a directory of files with all that belongs to it: a disk, a writer, and a thread that tends. */
struct kaya_posix_log_options { /* all zeros are good */
    enum kaya_posix_sync_method sync_method;
    bool is_padded;      /* the disk does not promise power-safe overwrite */
    bool without_tender; /* no thread: the work is done within the log's other calls, or by who calls tend */
};

struct kaya_posix_log {
    struct kaya_wal_environment environment; /* for readers, and whoever looks at the log */
    struct kaya_wal_writer *writer;
    struct kaya_posix_tender *tender;
};
#define KAYA_POSIX_LOG_NONE ((struct kaya_posix_log){ .writer = NULL })

/* `options`, `config` and `report` may be NULL; with a tending thread spare_count 0 means 3, so that no rotation has to prepare one. On KAYA_OK *log is the caller's, to be closed; else it is KAYA_POSIX_LOG_NONE. Statuses as for
 * kaya_posix_disk_create_by, kaya_wal_writer_open and kaya_posix_tender_start. */
KAYA_MUST_CHECK enum kaya_status kaya_posix_log_open(const char *path,
                                                     const struct kaya_posix_log_options *options,
                                                     const struct kaya_wal_config *config,
                                                     struct kaya_posix_log *log,
                                                     struct kaya_wal_recovery_report *report);
/* Status as for kaya_wal_writer_close; everything is released whatever it is. Takes KAYA_POSIX_LOG_NONE, and leaves it. */
KAYA_MUST_CHECK enum kaya_status kaya_posix_log_close(struct kaya_posix_log *log);

#ifdef __cplusplus
}
#endif

#endif
