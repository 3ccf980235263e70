/* The disk seam: one directory of files, and all that the log asks of it.
 *
 * A `kaya_disk` stands for one log's directory. Names are plain file names in it: one to KAYA_NAME_BYTES_MAX
 * bytes, no '/', not "." or "..". No call reaches outside the directory, and none follows a symbolic link.
 *
 * Two sides implement the table (real files, the simulated disk) and others may: each slot's contract stands
 * beside it, the wrappers below check it from both ends, and one conformance test runs on every side.
 *
 * What survives what:
 *   - a write survives the process as soon as it returns, and a power loss once a later `sync` of the same file
 *     returned OK. What was not synced may survive in any part and order.
 *   - a file's size belongs to its data: `sync` makes both durable. Its name does not: `sync_directory` makes
 *     names (create, rename, unlink) durable, `sync` promises nothing about them.
 *   - close makes nothing durable.
 *
 * A file may be open several times at once: what one handle wrote the others read. The directory need not exist when a disk is made: until
 * create_directory whatever looks for it, the lock included, answers KAYA_NOT_FOUND; a probe may also say that nobody holds it.
 *
 * Any slot may answer KAYA_IO. One that touches a name or a directory (open, rename, unlink, list, the lock, ...) may
 * also answer what the world says to that: KAYA_INVALID (something of the wrong kind stands there, a directory or a
 * link where a file is meant, or a file where the log's directory is), KAYA_NOT_FOUND, KAYA_DENIED, KAYA_LIMIT,
 * KAYA_NO_MEMORY, KAYA_FULL. Unless a slot says otherwise nothing was done then.
 * Any slot may also answer KAYA_GONE on a simulated disk: the machine behind the handle has crashed. Nothing was
 * done; unwind. Handles are used by one thread at a time, but that one may sync what another writes through the same handle: the sync is for what
 * was written before it began. Different handles of a disk are used by different threads. */
#ifndef KAYA_SEAM_DISK_H
#define KAYA_SEAM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KAYA_NAME_BYTES_MAX = 255 };

/* What the log must know about how this disk writes. All sizes are powers of two. */
struct kaya_geometry {
    uint32_t sector_bytes; /* a power loss tears between sectors; 512 at least */
    uint32_t atomic_bytes; /* aligned writes of this size are old or new, never mixed; 0: nothing is atomic */
    uint32_t writeback_bytes;  /* what a cached write drags along to the device: 4096 through a page cache */
    uint32_t buffer_alignment; /* memory and offsets of I/O must be multiples of it; 1: none */
    bool power_safe_overwrite; /* a byte whose old and new values are equal keeps its value, whatever the tear */
    bool prefers_write_durable; /* write_durable costs less than write and sync: taken wherever it does as much */
};

/* A stretch of memory for a vectored read or write. */
struct kaya_span {
    void *bytes;
    size_t length;
};

enum kaya_open_flags {
    KAYA_OPEN_READ = 0,
    KAYA_OPEN_WRITE = 1,  /* reading and writing */
    KAYA_OPEN_CREATE = 2, /* make a new, empty file; the name must be free; implies KAYA_OPEN_WRITE */
};

enum kaya_read_flags {
    KAYA_READ_CACHED = 0,
    /* Write the range's dirty bytes back, drop them from the cache, read what the device holds. */
    KAYA_READ_PAST_CACHE = 1,
};

enum kaya_directory {
    KAYA_DIRECTORY_LOG,    /* the log's directory: the names of its files */
    KAYA_DIRECTORY_PARENT, /* the directory that holds the log's directory: that one's own name */
};

enum kaya_entry_kind { KAYA_ENTRY_FILE, KAYA_ENTRY_OTHER };

struct kaya_disk;

/* An implementation's file embeds this as its first member. */
struct kaya_file {
    struct kaya_disk *disk;
};

/* Called for each name, in no order. Return false to stop. `name` is valid during the call only. */
typedef bool kaya_list_visitor(void *user, const char *name, enum kaya_entry_kind kind);

struct kaya_disk_operations {
    /* Open a file of the directory.
     *   KAYA_NOT_FOUND  no such file, or no directory yet     KAYA_EXISTS  KAYA_OPEN_CREATE and the name is taken
     *   KAYA_INVALID    the name is not a regular file        KAYA_DENIED, KAYA_LIMIT, KAYA_NO_MEMORY, KAYA_FULL, KAYA_IO */
    enum kaya_status (*open)(struct kaya_disk *, const char *name, unsigned flags, struct kaya_file **file);

    /* Release the handle, in any state. Nothing is synced. An error here is of no consequence to callers that
     * synced first, so there is none. */
    void (*close)(struct kaya_disk *, struct kaya_file *file);

    /* The size in bytes now. */
    enum kaya_status (*size)(struct kaya_disk *, struct kaya_file *file, uint64_t *bytes);

    /* Read up to the spans' total length from `offset`. *done may be less; 0 only at or behind the end of file.
     *   KAYA_IO           some sector could not be read; the spans' contents are unspecified
     *   KAYA_INTERRUPTED  nothing was read */
    enum kaya_status (*read)(struct kaya_disk *, struct kaya_file *file, uint64_t offset,
                             const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done);

    /* Write at `offset`, growing the file where it ends before; what lies between reads as zeros. *done may be less than asked, at least 1.
     * With any failure but KAYA_INTERRUPTED some, all or none of the bytes may have been written.
     *   KAYA_FULL         no room     KAYA_IO     KAYA_INTERRUPTED  nothing was written */
    enum kaya_status (*write)(struct kaya_disk *, struct kaya_file *file, uint64_t offset,
                              const struct kaya_span *spans, size_t span_count, size_t *done);

    /* As `write`, and on KAYA_OK the *done bytes, and nothing else, are durable. The size must not grow by it. */
    enum kaya_status (*write_durable)(struct kaya_disk *, struct kaya_file *file, uint64_t offset,
                                      const struct kaya_span *spans, size_t span_count, size_t *done);

    /* Make every earlier write to `file` and its size survive a power loss. After KAYA_IO nothing written since
     * the last KAYA_OK may be relied on, and a second try proves nothing. KAYA_FULL: as KAYA_IO (delayed
     * allocation). */
    enum kaya_status (*sync)(struct kaya_disk *, struct kaya_file *file);

    /* Make every earlier create, rename and unlink in that directory survive a power loss. KAYA_DIRECTORY_PARENT:
     * the log's directory itself. After KAYA_IO as for `sync`. */
    enum kaya_status (*sync_directory)(struct kaya_disk *, enum kaya_directory directory);

    /* Set the size; new bytes read as zeros. Durable with the next `sync`. KAYA_FULL, KAYA_IO. */
    enum kaya_status (*truncate)(struct kaya_disk *, struct kaya_file *file, uint64_t bytes);

    /* Reserve room for [0, bytes) and set the size to at least that, never less than it was; new bytes read as zeros.
     *   KAYA_FULL         no room: nothing was reserved
     *   KAYA_UNSUPPORTED  this disk cannot reserve: go on without */
    enum kaya_status (*allocate)(struct kaya_disk *, struct kaya_file *file, uint64_t bytes);

    /* Rename a file, replacing a file of the new name, whose open handles go on working. Atomic: after a crash either name, never both or
     * none. KAYA_NOT_FOUND. */
    enum kaya_status (*rename)(struct kaya_disk *, const char *from, const char *to);

    /* Remove a name. Open handles go on working. KAYA_NOT_FOUND. */
    enum kaya_status (*unlink)(struct kaya_disk *, const char *name);

    /* Make the log's directory itself, in a parent that exists. KAYA_EXISTS: it is there; KAYA_NOT_FOUND: the
     * parent is not. */
    enum kaya_status (*create_directory)(struct kaya_disk *);

    /* Visit every entry of the log's directory but "." and "..". KAYA_NOT_FOUND: the directory does not exist. */
    enum kaya_status (*list)(struct kaya_disk *, kaya_list_visitor *visit, void *user);

    /* Take the one writer's lock of this directory, or KAYA_LOCKED at once. It ends with `unlock`, with the
     * process, and with the machine. May create a lock file (KAYA_LOCK_NAME), which needs no durability. */
    enum kaya_status (*lock)(struct kaya_disk *);
    void (*unlock)(struct kaya_disk *);

    /* Does somebody hold the lock? Takes nothing, creates nothing, stops nobody. */
    enum kaya_status (*probe_lock)(struct kaya_disk *, bool *held);
};

/* The lock file's name; never a log file, and never a foreign one. */
#define KAYA_LOCK_NAME "LOCK"

/* A disk embeds this as its first member. */
struct kaya_disk {
    const struct kaya_disk_operations *operations;
    struct kaya_geometry geometry;
};

/* True if sizes are powers of two in their bounds and fit together. */
bool kaya_geometry_is_valid(const struct kaya_geometry *geometry);

/* True for a name that the seam accepts. */
bool kaya_name_is_valid(const char *name);

/* Checked wrappers: one a slot, same contract, but that the transfer calls finish short and interrupted I/O:
 *
 *   kaya_disk_read           *done < length only at the end of file
 *   kaya_disk_write,         KAYA_OK only when every byte was taken; a slot that makes no progress, or that is
 *   kaya_disk_write_durable  interrupted KAYA_INTERRUPTIONS_MAX times in a row, is KAYA_IO
 */
enum { KAYA_INTERRUPTIONS_MAX = 100, KAYA_SPANS_MAX = 16 };

KAYA_MUST_CHECK enum kaya_status kaya_disk_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                                struct kaya_file **file);
void kaya_disk_close(struct kaya_disk *disk, struct kaya_file *file); /* takes NULL */
KAYA_MUST_CHECK enum kaya_status kaya_disk_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes);
KAYA_MUST_CHECK enum kaya_status kaya_disk_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                                void *bytes, size_t length, unsigned flags, size_t *done);
KAYA_MUST_CHECK enum kaya_status kaya_disk_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                                 const struct kaya_span *spans, size_t span_count);
KAYA_MUST_CHECK enum kaya_status kaya_disk_write_durable(struct kaya_disk *disk, struct kaya_file *file,
                                                         uint64_t offset, const struct kaya_span *spans,
                                                         size_t span_count);
KAYA_MUST_CHECK enum kaya_status kaya_disk_sync(struct kaya_disk *disk, struct kaya_file *file);
KAYA_MUST_CHECK enum kaya_status kaya_disk_sync_directory(struct kaya_disk *disk, enum kaya_directory directory);
KAYA_MUST_CHECK enum kaya_status kaya_disk_truncate(struct kaya_disk *disk, struct kaya_file *file,
                                                    uint64_t bytes);
KAYA_MUST_CHECK enum kaya_status kaya_disk_allocate(struct kaya_disk *disk, struct kaya_file *file,
                                                    uint64_t bytes);
KAYA_MUST_CHECK enum kaya_status kaya_disk_rename(struct kaya_disk *disk, const char *from, const char *to);
KAYA_MUST_CHECK enum kaya_status kaya_disk_unlink(struct kaya_disk *disk, const char *name);
KAYA_MUST_CHECK enum kaya_status kaya_disk_create_directory(struct kaya_disk *disk);
KAYA_MUST_CHECK enum kaya_status kaya_disk_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user);
KAYA_MUST_CHECK enum kaya_status kaya_disk_lock(struct kaya_disk *disk);
void kaya_disk_unlock(struct kaya_disk *disk);
KAYA_MUST_CHECK enum kaya_status kaya_disk_probe_lock(struct kaya_disk *disk, bool *held);

#ifdef __cplusplus
}
#endif

#endif
