/* The real world behind the seams: files, threads, the C library's heap. Linux and other POSIX systems. */
#ifndef KAYA_POSIX_H
#define KAYA_POSIX_H

#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A disk on the directory `path`, which need not exist yet (its parent must): pwritev and fdatasync through the page
 * cache. Files are made 0600, the directory 0700, every descriptor is O_CLOEXEC, links are refused, the lock is one of
 * the open file description. Geometry: 512 B sectors, 4096 B write-back, power-safe overwrite as `power_safe_overwrite`
 * says (see the README on what disks promise). On KAYA_OK *disk is the caller's.
 *   KAYA_NOT_FOUND  the parent does not exist     KAYA_INVALID  the path is empty, "/" or ends in "..", or it
 *                   names something that is no directory (a link to one included)
 *   KAYA_DENIED, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_IO */
KAYA_MUST_CHECK enum kaya_status kaya_posix_disk_create(const char *path, bool power_safe_overwrite,
                                                        struct kaya_disk **disk);
void kaya_posix_disk_destroy(struct kaya_disk *disk); /* takes NULL; every file of it is closed */

/* One for the process each. Static; any thread. */
struct kaya_runtime *kaya_posix_runtime(void);
struct kaya_allocator *kaya_posix_allocator(void);

#ifdef __cplusplus
}
#endif

#endif
