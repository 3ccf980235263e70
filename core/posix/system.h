/* Private to core/posix: what its files share. */
#ifndef KAYA_POSIX_SYSTEM_H
#define KAYA_POSIX_SYSTEM_H

#include <pthread.h>
#include <stdbool.h>

#include "kaya/posix.h"

/* No descriptor. */
enum { DESCRIPTOR_NONE = -1 };

struct posix_file {
    struct kaya_file file; /* first: the seam's handle is this one */
    int descriptor;
    struct posix_file *next;
    struct posix_file **link; /* what points to this file in its disk's list */
};

struct posix_disk {
    struct kaya_disk disk;   /* first: the seam's disk is this one */
    int parent;              /* the directory that holds the log's */
    char *name;              /* the log's directory in `parent` */
    pthread_mutex_t mutex;   /* guards all below */
    int directory;           /* the log's; DESCRIPTOR_NONE until it was seen to exist */
    int lock;                /* the lock file while this disk holds the lock */
    struct posix_file *open; /* every file not yet closed */
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
enum kaya_status kaya_posix_size(struct kaya_disk *, struct kaya_file *, uint64_t *bytes);
enum kaya_status kaya_posix_read(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                 const struct kaya_span *, size_t span_count, unsigned flags, size_t *done);
enum kaya_status kaya_posix_write(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                  const struct kaya_span *, size_t span_count, size_t *done);
enum kaya_status kaya_posix_write_durable(struct kaya_disk *, struct kaya_file *, uint64_t offset,
                                          const struct kaya_span *, size_t span_count, size_t *done);
enum kaya_status kaya_posix_sync(struct kaya_disk *, struct kaya_file *);
enum kaya_status kaya_posix_truncate(struct kaya_disk *, struct kaya_file *, uint64_t bytes);
enum kaya_status kaya_posix_allocate(struct kaya_disk *, struct kaya_file *, uint64_t bytes);

#endif
