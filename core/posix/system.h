/* Private to core/posix: what its files share. */
#ifndef KAYA_POSIX_SYSTEM_H
#define KAYA_POSIX_SYSTEM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "kaya/posix.h"

/* No descriptor. */
enum { DESCRIPTOR_NONE = -1 };

struct posix_file {
    struct kaya_file file; /* first: the seam's handle is this one */
    int descriptor;
    int direct; /* a second one, past the cache, where the method writes so; else DESCRIPTOR_NONE ... */
    struct posix_window *window; /* ... and NULL */
    struct posix_file *next;
    struct posix_file **link;  /* what points to this file in its disk's list */
    _Atomic uint64_t last_end; /* of the last write */
    _Atomic uint64_t asked;    /* up to here the kernel was asked for the pages of writes to come */
};

static inline struct posix_file *posix_of(struct kaya_file *file)
{
    return (struct posix_file *)file;
}

struct posix_disk {
    struct kaya_disk disk;        /* first: the seam's disk is this one */
    int parent;                   /* the directory that holds the log's */
    char *name;                   /* the log's directory in `parent` */
    pthread_mutex_t mutex;        /* guards all below */
    int directory;                /* the log's; DESCRIPTOR_NONE until it was seen to exist */
    int lock;                     /* the lock file while this disk holds the lock */
    struct posix_file *open;      /* every file not yet closed */
    struct posix_window *windows; /* of the files that are open for writing past the cache */
    struct posix_ring *ring;      /* NULL: the method needs none. Not guarded: it does not change */
    bool is_direct;
};

/* ---- errors: error.c ---- */

/* What errno says after a call that touched a name or a directory. */
enum kaya_status kaya_posix_name_status(int error);

/* What errno says after a call on an open file. */
enum kaya_status kaya_posix_file_status(int error);

/* After a failed call: true if it was interrupted and should be tried again; `tries` starts at 0 and bounds it. */
bool kaya_posix_try_again(unsigned *tries);

/* ---- sync methods: method.c ---- */

/* Give `disk`, which is located, what the method asks for: geometry and slots. KAYA_UNSUPPORTED: it cannot be had here. */
enum kaya_status kaya_posix_choose_method(struct posix_disk *disk, enum kaya_posix_sync_method method);

/* ---- the log's directory: directory.c ---- */

/* A descriptor of the log's directory, owned by `disk`. */
enum kaya_status kaya_posix_directory(struct posix_disk *disk, int *directory);

/* Open (or with O_CREAT | O_EXCL make, 0600) the regular file `name` in `directory`. */
enum kaya_status kaya_posix_open_regular(int directory, const char *name, int flags, int *descriptor);

enum kaya_status kaya_posix_sync_directory(struct kaya_disk *, enum kaya_directory);
enum kaya_status kaya_posix_rename(struct kaya_disk *, const char *from, const char *to);
enum kaya_status kaya_posix_unlink(struct kaya_disk *, const char *name);
enum kaya_status kaya_posix_create_directory(struct kaya_disk *);
enum kaya_status kaya_posix_list(struct kaya_disk *, kaya_list_visitor *visit, void *user);

/* ---- the lock: lock.c ---- */

enum kaya_status kaya_posix_lock(struct kaya_disk *);
void kaya_posix_unlock(struct kaya_disk *);
enum kaya_status kaya_posix_probe_lock(struct kaya_disk *, bool *held);

/* ---- open files: file.c ---- */

enum kaya_status kaya_posix_open(struct kaya_disk *, const char *name, unsigned flags, struct kaya_file **);
void kaya_posix_close(struct kaya_disk *, struct kaya_file *);
enum kaya_status kaya_posix_write(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                  const struct kaya_span *, size_t span_count, size_t *done);
enum kaya_status kaya_posix_write_durable(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                          const struct kaya_span *, size_t span_count, size_t *done);
enum kaya_status kaya_posix_truncate(struct kaya_disk *, struct kaya_file *, uint64_t bytes);
enum kaya_status kaya_posix_allocate(struct kaya_disk *, struct kaya_file *, uint64_t bytes);

/* ---- transfers: transfer.c ---- */

enum kaya_status kaya_posix_size(struct kaya_disk *, struct kaya_file *, uint64_t *bytes);
enum kaya_status kaya_posix_read(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                 const struct kaya_span *, size_t span_count, unsigned flags, size_t *done);
enum kaya_status kaya_posix_sync(struct kaya_disk *, struct kaya_file *);

/* Write; with `is_durable` until these bytes are. As pwritev: what was taken, or -1 and errno. */
ssize_t kaya_posix_transfer(int descriptor, const struct iovec *vector, int count, uint64_t offset,
                            bool is_durable);

/* Through the cache, whatever the method. */
enum kaya_status kaya_posix_write_cached(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                                         size_t span_count, bool is_durable, size_t *done);

/* Through the cache and durable, in one submission where the ring can be had. */
enum kaya_status kaya_posix_write_linked(struct posix_ring *ring, struct posix_file *file, uint64_t offset,
                                         const struct kaya_span *spans, size_t span_count, size_t *done);

/* ---- the pages of writes to come: ahead.c ---- */

/* Such a write through the cache is about to be done. Any thread. */
void kaya_posix_prepare_pages(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                              size_t span_count);

/* ---- writing past the cache: direct.c ---- */

/* KAYA_UNSUPPORTED: this file system does not. */
enum kaya_status kaya_posix_probe_direct(struct posix_disk *disk);
/* The second descriptor and the window of a file that was opened for writing. On failure it has neither. */
enum kaya_status kaya_posix_open_direct(struct posix_disk *disk, int directory, const char *name,
                                        struct posix_file *file);
void kaya_posix_close_direct(struct posix_disk *disk, struct posix_file *file); /* takes a file without them */
/* The file changed by other ways than these. Takes a file without a window. */
void kaya_posix_forget_window(struct posix_file *file);
enum kaya_status kaya_posix_write_direct(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                                         size_t span_count, bool is_durable, size_t *done);

/* ---- io_uring: ring.c ---- */

/* KAYA_UNSUPPORTED: the kernel has none, or forbids it; or this library was built without it. */
enum kaya_status kaya_posix_ring_create(struct posix_ring **ring);
void kaya_posix_ring_destroy(struct posix_ring *ring); /* takes NULL */
/* A write and the fdatasync behind it. True: *taken is what was taken or a negative error, *sync_error the sync's, 0 none, ECANCELED where it
 * was not done. False: the ring is taken or cannot be entered; nothing was done. */
bool kaya_posix_ring_write(struct posix_ring *ring, int descriptor, const struct iovec *vector, int count,
                           uint64_t offset, ssize_t *taken, int *sync_error);

#endif
