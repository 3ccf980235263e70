/* Checked calls of the disk seam: the one way from the log to a disk, real or simulated, so that both meet the same
 * assertions.
 *
 * From the caller's end: handles of this disk, spans within bounds, offsets that cannot overflow, memory and offsets
 * aligned as the geometry says. These are numbers that the log computed, so a wrong one is a bug and traps. A name may
 * come from a user's command line, so a wrong one is KAYA_INVALID and the disk is not asked.
 *
 * From the disk's end: only statuses that the slot's contract names, results set exactly when it says so, counts within
 * what was asked. A disk that breaks its contract is a bug as well and traps; what the world does to a disk has a status.
 *
 * Transfers are finished here: a short one goes on where it stopped, an interrupted one is tried again, both within
 * bounds. A disk with a buffer alignment can be continued on that alignment only, so progress is counted in whole
 * units of it; a read that brings less than one unit from an aligned place has met the end of the file.
 *
 *   length      |--------------------------------|
 *   slot's done |-----------------|                a short transfer
 *   progress    |--------------|                   whole units of buffer_alignment
 *   next call                  |-----------------|
 *
 * What a crash can do here: nothing of its own. A slot answers KAYA_GONE and that goes straight up. A write that was cut
 * short by a failure may have left any part of its bytes; callers owe the same caution as for one failed write. */
#include "kaya/seam/disk.h"

#include <string.h>

/* Offsets are off_t on real systems: signed, 64 bits. */
static const uint64_t OFFSET_MAX_BYTES = INT64_MAX;

#define BIT(status) (1u << KAYA_##status)

enum {
    /* What the world may answer any call on an open file, and any that touches a name. */
    ANSWERS_TRANSFER = BIT(OK) | BIT(IO) | BIT(GONE),
    ANSWERS_NAMES = ANSWERS_TRANSFER | BIT(INVALID) | BIT(NOT_FOUND) | BIT(DENIED) | BIT(LIMIT) |
                    BIT(NO_MEMORY) | BIT(FULL),

    ANSWERS_OPEN = ANSWERS_NAMES,
    ANSWERS_OPEN_CREATE = ANSWERS_OPEN | BIT(EXISTS),
    ANSWERS_SIZE = ANSWERS_TRANSFER,
    ANSWERS_READ = ANSWERS_TRANSFER | BIT(INTERRUPTED),
    ANSWERS_WRITE = ANSWERS_TRANSFER | BIT(FULL) | BIT(INTERRUPTED),
    ANSWERS_SYNC = ANSWERS_TRANSFER | BIT(FULL),
    ANSWERS_SYNC_DIRECTORY = ANSWERS_NAMES,
    ANSWERS_TRUNCATE = ANSWERS_TRANSFER | BIT(FULL),
    ANSWERS_ALLOCATE = ANSWERS_TRANSFER | BIT(FULL) | BIT(UNSUPPORTED),
    ANSWERS_RENAME = ANSWERS_NAMES,
    ANSWERS_UNLINK = ANSWERS_NAMES,
    ANSWERS_CREATE_DIRECTORY = ANSWERS_NAMES | BIT(EXISTS),
    ANSWERS_LIST = ANSWERS_NAMES,
    ANSWERS_LOCK = ANSWERS_NAMES | BIT(LOCKED),
    ANSWERS_PROBE_LOCK = ANSWERS_NAMES,
};

static enum kaya_status checked(enum kaya_status status, unsigned answers)
{
    KAYA_ASSERT((unsigned)status < 32);
    KAYA_ASSERT((answers >> status & 1u) != 0);
    return status;
}

static const struct kaya_disk_operations *operations_of(struct kaya_disk *disk)
{
    KAYA_ASSERT(disk != NULL);
    KAYA_ASSERT(disk->operations != NULL);
    return disk->operations;
}

static const struct kaya_disk_operations *file_operations_of(struct kaya_disk *disk, const struct kaya_file *file)
{
    KAYA_ASSERT(file != NULL);
    KAYA_ASSERT(file->disk == disk);
    return operations_of(disk);
}

/* ---- names and geometry ---- */

bool kaya_name_is_valid(const char *name)
{
    const char *end = name != NULL ? memchr(name, '\0', KAYA_NAME_BYTES_MAX + 1) : NULL;
    size_t length_bytes;

    if (end == NULL || end == name)
        return false;
    length_bytes = (size_t)(end - name);
    if (memchr(name, '/', length_bytes) != NULL)
        return false;
    if (name[0] == '.' && length_bytes == 1)
        return false;
    return !(name[0] == '.' && name[1] == '.' && length_bytes == 2);
}

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

bool kaya_geometry_is_valid(const struct kaya_geometry *geometry)
{
    enum { SECTOR_BYTES_MIN = 512, UNIT_BYTES_MAX = 1 << 20 };

    if (!is_power_of_two(geometry->sector_bytes) || geometry->sector_bytes < SECTOR_BYTES_MIN)
        return false;
    if (geometry->atomic_bytes != 0 && !is_power_of_two(geometry->atomic_bytes))
        return false;
    if (!is_power_of_two(geometry->writeback_bytes) || geometry->writeback_bytes < geometry->sector_bytes)
        return false;
    if (!is_power_of_two(geometry->buffer_alignment))
        return false;
    return geometry->sector_bytes <= UNIT_BYTES_MAX && geometry->atomic_bytes <= UNIT_BYTES_MAX &&
           geometry->writeback_bytes <= UNIT_BYTES_MAX && geometry->buffer_alignment <= UNIT_BYTES_MAX;
}

/* ---- handles ---- */

enum kaya_status kaya_disk_open(struct kaya_disk *disk, const char *name, unsigned flags, struct kaya_file **file)
{
    bool create = (flags & KAYA_OPEN_CREATE) != 0;
    enum kaya_status status;

    KAYA_ASSERT((flags & ~(unsigned)(KAYA_OPEN_WRITE | KAYA_OPEN_CREATE)) == 0);
    KAYA_ASSERT(file != NULL);
    *file = NULL;
    if (!kaya_name_is_valid(name))
        return KAYA_INVALID;
    status = checked(operations_of(disk)->open(disk, name, flags, file),
                     create ? ANSWERS_OPEN_CREATE : ANSWERS_OPEN);
    KAYA_ASSERT((status == KAYA_OK) == (*file != NULL));
    KAYA_ASSERT(*file == NULL || (*file)->disk == disk);
    return status;
}

void kaya_disk_close(struct kaya_disk *disk, struct kaya_file *file)
{
    if (file != NULL)
        file_operations_of(disk, file)->close(disk, file);
}

enum kaya_status kaya_disk_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    enum kaya_status status;

    KAYA_ASSERT(bytes != NULL);
    *bytes = UINT64_MAX;
    status = checked(file_operations_of(disk, file)->size(disk, file, bytes), ANSWERS_SIZE);
    KAYA_ASSERT(status != KAYA_OK || *bytes <= OFFSET_MAX_BYTES);
    return status;
}

/* ---- transfers ---- */

static void check_place(const struct kaya_disk *disk, uint64_t offset, size_t length)
{
    KAYA_ASSERT(length <= OFFSET_MAX_BYTES);
    KAYA_ASSERT(offset <= OFFSET_MAX_BYTES - length);
    KAYA_ASSERT((offset & (disk->geometry.buffer_alignment - 1)) == 0);
}

static void check_span(const struct kaya_disk *disk, const struct kaya_span *span)
{
    uintptr_t mask = disk->geometry.buffer_alignment - 1;

    KAYA_ASSERT(span->bytes != NULL || span->length == 0);
    KAYA_ASSERT(((uintptr_t)span->bytes & mask) == 0);
    KAYA_ASSERT((span->length & mask) == 0);
}

static size_t whole_units(const struct kaya_disk *disk, size_t length)
{
    return length & ~((size_t)disk->geometry.buffer_alignment - 1);
}

static enum kaya_status read_once(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                  void *bytes, size_t length, unsigned flags, size_t *got)
{
    struct kaya_span span = { .bytes = bytes, .length = length };
    enum kaya_status status;

    *got = SIZE_MAX;
    status = checked(file->disk->operations->read(disk, file, offset, &span, 1, flags, got), ANSWERS_READ);
    KAYA_ASSERT(status != KAYA_OK || *got <= length);
    return status;
}

/* Behind a first call that did not bring all. Apart from it, since most do. */
static __attribute__((noinline)) enum kaya_status read_on(struct kaya_disk *disk, struct kaya_file *file,
                                                          uint64_t offset, void *bytes, size_t length,
                                                          unsigned flags, enum kaya_status status, size_t got,
                                                          size_t *done)
{
    unsigned interruptions = 0;
    size_t total = 0;

    for (;;) {
        if (status == KAYA_OK) {
            interruptions = 0;
            if (got == length - total || whole_units(disk, got) == 0) {
                *done = total + got;
                return KAYA_OK;
            }
            total += whole_units(disk, got);
        } else if (status != KAYA_INTERRUPTED) {
            return status;
        } else if (++interruptions == KAYA_INTERRUPTIONS_MAX) {
            return KAYA_IO;
        }
        status =
            read_once(disk, file, offset + total, (unsigned char *)bytes + total, length - total, flags, &got);
    }
}

enum kaya_status kaya_disk_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset, void *bytes,
                                size_t length, unsigned flags, size_t *done)
{
    enum kaya_status status;
    size_t got;

    (void)file_operations_of(disk, file);
    KAYA_ASSERT((flags & ~(unsigned)KAYA_READ_PAST_CACHE) == 0);
    KAYA_ASSERT(done != NULL);
    check_place(disk, offset, length);
    check_span(disk, &(struct kaya_span){ .bytes = bytes, .length = length });

    *done = 0;
    if (length == 0)
        return KAYA_OK;
    status = read_once(disk, file, offset, bytes, length, flags, &got);
    if (status != KAYA_OK || got != length)
        return read_on(disk, file, offset, bytes, length, flags, status, got, done);
    *done = length;
    return KAYA_OK;
}

typedef enum kaya_status write_slot(struct kaya_disk *, struct kaya_file *, uint64_t,
                                    const struct kaya_span *, size_t, size_t *);

/* What is left of `spans` behind their first `skipped` bytes. Returns the count of spans put into `rest`. */
static size_t spans_behind(struct kaya_span *rest, const struct kaya_span *spans, size_t span_count, size_t skipped)
{
    size_t count = 0;

    for (size_t index = 0; index < span_count; index++) {
        size_t skip = skipped < spans[index].length ? skipped : spans[index].length;

        skipped -= skip;
        if (skip == spans[index].length)
            continue;
        rest[count].bytes = (unsigned char *)spans[index].bytes + skip;
        rest[count].length = spans[index].length - skip;
        count++;
    }
    KAYA_ASSERT(skipped == 0);
    return count;
}

static size_t total_bytes(const struct kaya_disk *disk, const struct kaya_span *spans, size_t span_count)
{
    size_t total = 0;

    KAYA_ASSERT(spans != NULL);
    KAYA_ASSERT(span_count > 0);
    KAYA_ASSERT(span_count <= KAYA_SPANS_MAX);
    for (size_t index = 0; index < span_count; index++) {
        check_span(disk, &spans[index]);
        KAYA_ASSERT(spans[index].length <= SIZE_MAX - total);
        total += spans[index].length;
    }
    return total;
}

/* Behind a first call that did not take all. Apart from it, since most do. */
static __attribute__((noinline)) enum kaya_status write_on(struct kaya_disk *disk, struct kaya_file *file,
                                                           uint64_t offset, const struct kaya_span *spans,
                                                           size_t span_count, size_t length, write_slot *slot,
                                                           enum kaya_status status, size_t taken)
{
    struct kaya_span rest[KAYA_SPANS_MAX];
    unsigned interruptions = 0;

    for (;;) {
        if (status != KAYA_INTERRUPTED) {
            if (status != KAYA_OK)
                return status;
            KAYA_ASSERT(taken <= length);
            if (taken == length)
                return KAYA_OK;
            interruptions = 0;
            taken = whole_units(disk, taken);
            if (taken == 0)
                return KAYA_IO;
            offset += taken;
            length -= taken;
            span_count = spans_behind(rest, spans, span_count, taken); /* in place from the second time on */
            spans = rest;
        } else if (++interruptions == KAYA_INTERRUPTIONS_MAX) {
            return KAYA_IO;
        }
        taken = SIZE_MAX;
        status = checked(slot(disk, file, offset, spans, span_count, &taken), ANSWERS_WRITE);
    }
}

static enum kaya_status write_all(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                  const struct kaya_span *spans, size_t span_count, write_slot *slot)
{
    size_t length = total_bytes(disk, spans, span_count);
    size_t taken = SIZE_MAX;
    enum kaya_status status;

    check_place(disk, offset, length);
    if (length == 0)
        return KAYA_OK;
    status = checked(slot(disk, file, offset, spans, span_count, &taken), ANSWERS_WRITE);
    if (status == KAYA_OK && taken == length)
        return KAYA_OK;
    return write_on(disk, file, offset, spans, span_count, length, slot, status, taken);
}

enum kaya_status kaya_disk_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                 const struct kaya_span *spans, size_t span_count)
{
    return write_all(disk, file, offset, spans, span_count, file_operations_of(disk, file)->write);
}

enum kaya_status kaya_disk_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                         const struct kaya_span *spans, size_t span_count)
{
    return write_all(disk, file, offset, spans, span_count, file_operations_of(disk, file)->write_durable);
}

/* ---- durability and size ---- */

enum kaya_status kaya_disk_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    return checked(file_operations_of(disk, file)->sync(disk, file), ANSWERS_SYNC);
}

enum kaya_status kaya_disk_sync_directory(struct kaya_disk *disk, enum kaya_directory directory)
{
    KAYA_ASSERT(directory == KAYA_DIRECTORY_LOG || directory == KAYA_DIRECTORY_PARENT);
    return checked(operations_of(disk)->sync_directory(disk, directory), ANSWERS_SYNC_DIRECTORY);
}

enum kaya_status kaya_disk_truncate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    KAYA_ASSERT(bytes <= OFFSET_MAX_BYTES);
    return checked(file_operations_of(disk, file)->truncate(disk, file, bytes), ANSWERS_TRUNCATE);
}

enum kaya_status kaya_disk_allocate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    KAYA_ASSERT(bytes > 0);
    KAYA_ASSERT(bytes <= OFFSET_MAX_BYTES);
    return checked(file_operations_of(disk, file)->allocate(disk, file, bytes), ANSWERS_ALLOCATE);
}

/* ---- names ---- */

enum kaya_status kaya_disk_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    if (!kaya_name_is_valid(from) || !kaya_name_is_valid(to))
        return KAYA_INVALID;
    return checked(operations_of(disk)->rename(disk, from, to), ANSWERS_RENAME);
}

enum kaya_status kaya_disk_unlink(struct kaya_disk *disk, const char *name)
{
    if (!kaya_name_is_valid(name))
        return KAYA_INVALID;
    return checked(operations_of(disk)->unlink(disk, name), ANSWERS_UNLINK);
}

enum kaya_status kaya_disk_create_directory(struct kaya_disk *disk)
{
    return checked(operations_of(disk)->create_directory(disk), ANSWERS_CREATE_DIRECTORY);
}

struct listing {
    kaya_list_visitor *visit;
    void *user;
    bool stopped;
};

static bool visit_checked(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;

    KAYA_ASSERT(!listing->stopped);
    KAYA_ASSERT(kaya_name_is_valid(name));
    KAYA_ASSERT(kind == KAYA_ENTRY_FILE || kind == KAYA_ENTRY_OTHER);
    listing->stopped = !listing->visit(listing->user, name, kind);
    return !listing->stopped;
}

enum kaya_status kaya_disk_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    struct listing listing = { .visit = visit, .user = user, .stopped = false };

    KAYA_ASSERT(visit != NULL);
    return checked(operations_of(disk)->list(disk, visit_checked, &listing), ANSWERS_LIST);
}

/* ---- the lock ---- */

enum kaya_status kaya_disk_lock(struct kaya_disk *disk)
{
    return checked(operations_of(disk)->lock(disk), ANSWERS_LOCK);
}

void kaya_disk_unlock(struct kaya_disk *disk)
{
    operations_of(disk)->unlock(disk);
}

enum kaya_status kaya_disk_probe_lock(struct kaya_disk *disk, bool *held)
{
    enum kaya_status status;

    KAYA_ASSERT(held != NULL);
    *held = false;
    status = checked(operations_of(disk)->probe_lock(disk, held), ANSWERS_PROBE_LOCK);
    KAYA_ASSERT(status == KAYA_OK || !*held);
    return status;
}
