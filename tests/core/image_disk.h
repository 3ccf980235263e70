/* A directory in memory behind the disk seam: nothing is lost, and everything can be looked at, copied, compared and
 * damaged by hand. Written for these tests alone, so that what they say of core does not hang on the simulated disk.
 *
 * Each byte remembers the operation that wrote it last, and each sector what stood there before: from that a test works
 * out what is claimed, and puts stale content back. */
#ifndef TESTS_CORE_IMAGE_DISK_H
#define TESTS_CORE_IMAGE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/disk.h"

enum { IMAGE_FILES_MAX = 96, IMAGE_HANDLES_MAX = 96, IMAGE_NAME_BYTES = 64, IMAGE_SECTOR_BYTES = 512 };

struct image_file {
    char name[IMAGE_NAME_BYTES]; /* "": no such file */
    uint8_t *bytes;
    uint16_t *writers; /* for each byte: the operation that wrote it last */
    size_t size;
    size_t capacity;
    unsigned handle_count;
    bool is_directory; /* no file at all */
};

struct image_handle {
    struct kaya_file file; /* first: the seam's handle is this object; no disk: it is free */
    size_t index;          /* of the file */
    bool may_write;
};

/* What a sector held before it was written over. */
struct image_version {
    size_t file; /* index */
    uint64_t offset;
    uint8_t bytes[IMAGE_SECTOR_BYTES];
};

/* A slot of the seam, for faults. */
enum image_call {
    IMAGE_OPEN,
    IMAGE_SIZE,
    IMAGE_READ,
    IMAGE_WRITE,
    IMAGE_SYNC,
    IMAGE_SYNC_DIRECTORY,
    IMAGE_TRUNCATE,
    IMAGE_ALLOCATE,
    IMAGE_RENAME,
    IMAGE_UNLINK,
    IMAGE_CREATE_DIRECTORY,
    IMAGE_LIST,
    IMAGE_LOCK,
    IMAGE_PROBE,
    IMAGE_CALLS,
};

struct image_disk {
    struct kaya_disk disk; /* first: the seam's handle is this object */
    struct image_file files[IMAGE_FILES_MAX];
    struct image_handle handles[IMAGE_HANDLES_MAX];
    bool exists; /* the log's directory */
    bool locked;
    uint16_t operation; /* what writes are marked with */

    bool keep_versions;
    struct image_version *versions;
    size_t version_count;
    size_t version_capacity;

    /* Faults. */
    uint64_t capacity_bytes; /* of all files together; 0: no limit */
    uint64_t fail_at;        /* the number of the call, of any kind, that fails; 0: none */
    bool fail_on;            /* and all later ones too */
    enum kaya_status failure;
    size_t write_before_failure;        /* so many bytes of a write that fails arrive */
    char failed_name[IMAGE_NAME_BYTES]; /* of the file to which a write failed so, or a sync of it; "": none did */

    /* Whoever watches; NULL: nobody. */
    void (*before_call)(void *user, struct image_disk *image, enum image_call call);
    void (*before_write)(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                         const uint8_t *bytes, size_t length);
    void (*after_sync)(void *user, struct image_disk *image, struct image_file *file);
    /* The answer to a read, which may put other bytes in. */
    enum kaya_status (*during_read)(void *user, struct image_disk *image, struct image_file *file,
                                    uint64_t offset, uint8_t *bytes, size_t length, bool past_cache);
    void *user;

    uint64_t call_count;
    uint64_t change_count; /* writes, truncates, renames, unlinks, creations */
    uint64_t counts[IMAGE_CALLS];
    uint64_t bytes_read;
    uint64_t bytes_written;
};

/* `image` is zeroed memory or was destroyed; the log's directory does not exist yet. */
void image_disk_init(struct image_disk *image, const struct kaya_geometry *geometry);
void image_disk_destroy(struct image_disk *image);

/* The process died: handles and lock are gone, files stand as they are. */
void image_disk_kill(struct image_disk *image);

/* Make `copy`, an image with init, hold the same files. Its handles are gone. Versions and who wrote what are not
 * copied. */
void image_disk_copy(struct image_disk *copy, const struct image_disk *image);

/* NULL where there is no such file. */
struct image_file *image_disk_find(struct image_disk *image, const char *name);
struct image_file *image_disk_segment(struct image_disk *image, uint64_t number); /* its .wal */
struct image_file *image_disk_add(struct image_disk *image, const char *name, const void *bytes, size_t size);
void image_disk_add_directory(struct image_disk *image, const char *name); /* what is no file, under a file's name */
void image_disk_remove(struct image_disk *image, const char *name);
void image_file_resize(struct image_file *file, size_t size); /* new bytes are zeros */

/* Are names, sizes and bytes the same, the lock file left out? Otherwise `difference` (may be NULL) tells the first. */
bool image_disk_same(const struct image_disk *one, const struct image_disk *other, char *difference,
                     size_t difference_bytes);

uint64_t image_disk_bytes_stored(const struct image_disk *image);
uint64_t image_disk_file_count(const struct image_disk *image); /* the lock file left out */

#endif
