/* The real world behind the seams: files, threads, the C library's heap. Linux and other POSIX systems. */
#ifndef KAYA_POSIX_H
#define KAYA_POSIX_H

#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"

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

#ifdef __cplusplus
}
#endif

#endif
