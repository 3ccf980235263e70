/* Each defect is one `if` in the slot that it breaks. Handles wrap handles; what a defect must remember stands in them. */
#include "broken_disk.h"

#include <stdlib.h>
#include <string.h>

enum { SECTOR_BYTES = 512, BUFFERED_MAX = 64 * 1024 };

struct broken_disk {
    struct kaya_disk disk;
    struct kaya_disk *good;
    enum defect defect;
};

struct broken_file {
    struct kaya_file file;
    struct kaya_file *good;
    bool writable;
    bool synced;
    unsigned reads;
    uint64_t largest;    /* size ever seen */
    unsigned char *kept; /* what was cut off, or waits for a sync */
    uint64_t kept_offset;
    size_t kept_length;
};

static struct broken_disk *broken_of(struct kaya_disk *disk)
{
    return (struct broken_disk *)disk;
}

static bool has(struct kaya_disk *disk, enum defect defect)
{
    return broken_of(disk)->defect == defect;
}

static struct kaya_file *good_of(struct kaya_file *file)
{
    return ((struct broken_file *)file)->good;
}

#define GOOD(disk) (broken_of(disk)->good)
#define PASS(disk, slot, ...) (GOOD(disk)->operations->slot(GOOD(disk), __VA_ARGS__))

/* ---- handles ---- */

static enum kaya_status open_good(struct kaya_disk *disk, const char *name, unsigned flags,
                                  struct kaya_file **good)
{
    bool create = (flags & KAYA_OPEN_CREATE) != 0;
    enum kaya_status status = PASS(disk, open, name, flags, good);

    if (status == KAYA_NOT_FOUND && !create && has(disk, DEFECT_OPEN_MAKES_WHAT_IS_MISSING))
        return PASS(disk, open, name, KAYA_OPEN_CREATE, good);
    if (status != KAYA_EXISTS || !create)
        return status;
    if (has(disk, DEFECT_CREATE_TAKES_WHAT_IS_THERE))
        return PASS(disk, open, name, KAYA_OPEN_WRITE, good);
    if (has(disk, DEFECT_CREATE_EMPTIES_WHAT_IS_THERE)) {
        status = PASS(disk, open, name, KAYA_OPEN_WRITE, good);
        return status == KAYA_OK ? PASS(disk, truncate, *good, 0) : status;
    }
    return status;
}

static enum kaya_status broken_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                    struct kaya_file **file)
{
    struct broken_file *made = calloc(1, sizeof *made);
    enum kaya_status status;

    if (made == NULL)
        return KAYA_NO_MEMORY;
    status = open_good(disk, name, flags, &made->good);
    if (status != KAYA_OK) {
        free(made);
        return status;
    }
    if (has(disk, DEFECT_OPEN_GIVES_NO_FILE)) {
        PASS(disk, close, made->good);
        free(made);
        return KAYA_OK;
    }
    made->writable = flags != KAYA_OPEN_READ;
    if (has(disk, DEFECT_CREATE_WITHOUT_WRITING))
        made->writable = (flags & KAYA_OPEN_WRITE) != 0;
    made->file.disk = has(disk, DEFECT_OPEN_NAMES_NO_DISK) ? NULL : disk;
    *file = &made->file;
    return KAYA_OK;
}

static void flush_kept(struct kaya_disk *disk, struct broken_file *file)
{
    struct kaya_span span = { .bytes = file->kept, .length = file->kept_length };
    size_t done;

    if (file->kept_length > 0)
        (void)PASS(disk, write, file->good, file->kept_offset, &span, 1, &done);
    file->kept_length = 0;
}

static void broken_close(struct kaya_disk *disk, struct kaya_file *file)
{
    struct broken_file *broken = (struct broken_file *)file;

    if (has(disk, DEFECT_CLOSE_LOSES_WHAT_WAS_NOT_SYNCED) && broken->writable && !broken->synced)
        (void)PASS(disk, truncate, broken->good, 0);
    if (has(disk, DEFECT_WRITE_WAITS_FOR_SYNC))
        flush_kept(disk, broken);
    if (has(disk, DEFECT_LOCK_ENDS_WITH_A_CLOSE))
        GOOD(disk)->operations->unlock(GOOD(disk));
    if (!has(disk, DEFECT_CLOSE_KEEPS_THE_HANDLE))
        PASS(disk, close, broken->good);
    free(broken->kept);
    free(broken);
}

static enum kaya_status broken_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    enum kaya_status status = PASS(disk, size, good_of(file), bytes);

    if (has(disk, DEFECT_SIZE_IN_WHOLE_SECTORS))
        *bytes = (*bytes + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    if (has(disk, DEFECT_SIZE_IN_32_BITS))
        *bytes = (uint32_t)*bytes;
    if (has(disk, DEFECT_SIZE_IS_NOT_SET))
        *bytes = UINT64_MAX;
    return status;
}

/* ---- reading ---- */

static void zero_spans(const struct kaya_span *spans, size_t span_count, size_t *done)
{
    *done = 0;
    for (size_t index = 0; index < span_count; index++) {
        memset(spans[index].bytes, 0, spans[index].length);
        *done += spans[index].length;
    }
}

static enum kaya_status broken_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                    const struct kaya_span *spans, size_t span_count, unsigned flags,
                                    size_t *done)
{
    struct broken_file *broken = (struct broken_file *)file;
    bool past_cache = (flags & KAYA_READ_PAST_CACHE) != 0;
    struct kaya_span first = spans[0];
    enum kaya_status status;

    if (has(disk, DEFECT_READ_NEVER_GETS_THROUGH))
        return KAYA_INTERRUPTED;
    if (has(disk, DEFECT_READ_SHORT_AND_SHIFTED) && first.length > 5 * SECTOR_BYTES && offset > 0) {
        first.length = SECTOR_BYTES;
        return PASS(disk, read, broken->good, offset - 1, &first, 1, flags, done);
    }
    if (has(disk, DEFECT_READ_STOPS_BEFORE_THE_END) && broken->reads++ % 50 == 49) {
        *done = 0;
        return KAYA_OK;
    }
    if (past_cache && !broken->synced && has(disk, DEFECT_PAST_CACHE_MISSES_WHAT_IS_DIRTY)) {
        zero_spans(spans, span_count, done);
        return KAYA_OK;
    }
    if (has(disk, DEFECT_READ_FORGETS_THE_SECOND_SPAN) && span_count > 1) {
        zero_spans(spans, span_count, done);
        status = PASS(disk, read, broken->good, offset, spans, 2, flags, &(size_t){ 0 });
        return status;
    }
    status = PASS(disk, read, broken->good, offset, spans, span_count, flags, done);
    if (status != KAYA_OK)
        return status;
    if (past_cache && !broken->synced && has(disk, DEFECT_PAST_CACHE_DROPS_WHAT_IS_DIRTY))
        memset(first.bytes, 0, *done < first.length ? *done : first.length);
    if (has(disk, DEFECT_READ_COUNTS_TOO_MUCH) && *done > 0)
        *done += 1;
    if (has(disk, DEFECT_READ_FAILS_AT_THE_END) && *done == 0)
        return KAYA_IO;
    if (has(disk, DEFECT_READ_GIVES_ZEROS_BEHIND_THE_END) && *done == 0)
        zero_spans(spans, span_count, done);
    return status;
}

/* ---- writing ---- */

static void keep(struct broken_file *file, const void *bytes, size_t length, uint64_t offset)
{
    if (file->kept == NULL)
        file->kept = malloc(BUFFERED_MAX);
    if (file->kept == NULL || length > BUFFERED_MAX)
        abort();
    memcpy(file->kept, bytes, length);
    file->kept_offset = offset;
    file->kept_length = length;
}

static enum kaya_status write_whole_sectors(struct kaya_disk *disk, struct broken_file *file, uint64_t offset,
                                            const struct kaya_span *span, size_t *done)
{
    static unsigned char sectors[1 << 20];
    uint64_t start = offset / SECTOR_BYTES * SECTOR_BYTES;
    size_t head = (size_t)(offset - start);
    struct kaya_span whole = { .bytes = sectors, .length = head + span->length };
    enum kaya_status status;

    memset(sectors, 0, head); /* without reading what stands there */
    memcpy(sectors + head, span->bytes, span->length);
    status = PASS(disk, write, file->good, start, &whole, 1, done);
    *done = span->length;
    return status;
}

static enum kaya_status broken_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                     const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct broken_file *broken = (struct broken_file *)file;
    struct kaya_span first = spans[0];
    enum kaya_status status;
    uint64_t size;

    if (!broken->writable)
        return KAYA_IO;
    broken->synced = false;
    if (has(disk, DEFECT_WRITE_TAKES_NOTHING)) {
        *done = 0;
        return KAYA_OK;
    }
    if (has(disk, DEFECT_WRITE_WAITS_FOR_SYNC)) {
        flush_kept(disk, broken);
        keep(broken, first.bytes, first.length, offset);
        *done = first.length;
        return KAYA_OK;
    }
    if (has(disk, DEFECT_WRITE_IN_WHOLE_SECTORS) && span_count == 1)
        return write_whole_sectors(disk, broken, offset, &first, done);
    if (has(disk, DEFECT_WRITE_ALWAYS_APPENDS) && PASS(disk, size, broken->good, &size) == KAYA_OK && offset > size)
        offset = size;
    if (has(disk, DEFECT_WRITE_AT_32_BITS))
        offset = (uint32_t)offset;
    if (has(disk, DEFECT_WRITE_FORGETS_THE_SECOND_SPAN) && span_count > 2) {
        size_t total = 0;

        for (size_t index = 0; index < span_count; index++)
            total += spans[index].length;
        status = PASS(disk, write, broken->good, offset, spans, 2, done);
        *done = total;
        return status;
    }
    if (has(disk, DEFECT_WRITE_COUNTS_ONE_TOO_MANY) && first.length > SECTOR_BYTES) {
        first.length = SECTOR_BYTES;
        status = PASS(disk, write, broken->good, offset, &first, 1, done);
        *done += 1;
        return status;
    }
    return PASS(disk, write, broken->good, offset, spans, span_count, done);
}

static enum kaya_status broken_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                             const struct kaya_span *spans, size_t span_count, size_t *done)
{
    enum kaya_status status;
    uint64_t size;

    if (has(disk, DEFECT_DURABLE_WRITE_IS_DROPPED)) {
        *done = spans[0].length;
        return KAYA_OK;
    }
    status = PASS(disk, write_durable, good_of(file), offset, spans, span_count, done);
    if (has(disk, DEFECT_DURABLE_WRITE_GROWS) && PASS(disk, size, good_of(file), &size) == KAYA_OK)
        (void)PASS(disk, truncate, good_of(file), size + SECTOR_BYTES);
    return status;
}

/* ---- durability and size ---- */

static enum kaya_status broken_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    struct broken_file *broken = (struct broken_file *)file;
    uint64_t size;

    if (has(disk, DEFECT_SYNC_IS_NOT_KNOWN))
        return KAYA_UNSUPPORTED;
    if (has(disk, DEFECT_WRITE_WAITS_FOR_SYNC))
        flush_kept(disk, broken);
    if (has(disk, DEFECT_SYNC_CUTS_TO_SECTORS) && PASS(disk, size, broken->good, &size) == KAYA_OK)
        (void)PASS(disk, truncate, broken->good, size / SECTOR_BYTES * SECTOR_BYTES);
    broken->synced = true;
    return PASS(disk, sync, broken->good);
}

static enum kaya_status broken_sync_directory(struct kaya_disk *disk, enum kaya_directory directory)
{
    if (directory == KAYA_DIRECTORY_LOG && has(disk, DEFECT_SYNC_DIRECTORY_IS_NOT_KNOWN))
        return KAYA_UNSUPPORTED;
    if (directory == KAYA_DIRECTORY_PARENT && has(disk, DEFECT_SYNC_PARENT_IS_NOT_KNOWN))
        return KAYA_INVALID;
    return PASS(disk, sync_directory, directory);
}

/* Keep what is cut off, and put it back where the file grows again. */
static enum kaya_status truncate_keeping(struct kaya_disk *disk, struct broken_file *file, uint64_t size,
                                         uint64_t bytes)
{
    enum kaya_status status;
    unsigned char tail[SECTOR_BYTES];
    struct kaya_span span = { .bytes = tail, .length = sizeof tail };
    size_t done;

    if (bytes < size) {
        status = PASS(disk, read, file->good, bytes, &span, 1, KAYA_READ_CACHED, &done);
        if (status == KAYA_OK)
            keep(file, tail, done, bytes);
    }
    status = PASS(disk, truncate, file->good, bytes);
    if (status == KAYA_OK && bytes > size && file->kept_length > 0 &&
        file->kept_offset + file->kept_length <= bytes)
        flush_kept(disk, file);
    return status;
}

static enum kaya_status broken_truncate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    uint64_t size = 0;

    (void)PASS(disk, size, good_of(file), &size);
    if (has(disk, DEFECT_TRUNCATE_NEVER_GROWS) && bytes > size)
        return KAYA_OK;
    if (has(disk, DEFECT_TRUNCATE_NEVER_CUTS) && bytes < size)
        return KAYA_OK;
    if (has(disk, DEFECT_TRUNCATE_KEEPS_OLD_BYTES))
        return truncate_keeping(disk, (struct broken_file *)file, size, bytes);
    return PASS(disk, truncate, good_of(file), bytes);
}

static enum kaya_status broken_allocate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    unsigned char garbage[] = "left over";
    struct kaya_span span = { .bytes = garbage, .length = sizeof garbage };
    enum kaya_status status;
    uint64_t size = 0;
    size_t done;

    (void)PASS(disk, size, good_of(file), &size);
    status = PASS(disk, allocate, good_of(file), bytes);
    if (has(disk, DEFECT_ALLOCATE_KEEPS_THE_SIZE))
        (void)PASS(disk, truncate, good_of(file), size);
    if (has(disk, DEFECT_ALLOCATE_CUTS))
        (void)PASS(disk, truncate, good_of(file), bytes);
    if (has(disk, DEFECT_ALLOCATE_SHOWS_GARBAGE) && bytes > size + sizeof garbage)
        (void)PASS(disk, write, good_of(file), bytes - sizeof garbage, &span, 1, &done);
    return status;
}

/* ---- names ---- */

static bool exists(struct kaya_disk *disk, const char *name)
{
    struct kaya_file *file;

    if (PASS(disk, open, name, KAYA_OPEN_READ, &file) != KAYA_OK)
        return false;
    PASS(disk, close, file);
    return true;
}

static enum kaya_status broken_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    struct kaya_file *file;
    enum kaya_status status;

    if (has(disk, DEFECT_RENAME_DOES_NOT_REPLACE) && exists(disk, to))
        return KAYA_EXISTS;
    if (has(disk, DEFECT_RENAME_TO_ITSELF_REMOVES) && strcmp(from, to) == 0)
        return PASS(disk, unlink, from);
    if (has(disk, DEFECT_RENAME_OF_NOTHING_REMOVES_THE_TARGET) && !exists(disk, from))
        (void)PASS(disk, unlink, to);
    status = PASS(disk, rename, from, to);
    if (has(disk, DEFECT_RENAME_COPIES) && status == KAYA_OK &&
        PASS(disk, open, from, KAYA_OPEN_CREATE, &file) == KAYA_OK)
        PASS(disk, close, file);
    return status;
}

static enum kaya_status broken_unlink(struct kaya_disk *disk, const char *name)
{
    struct kaya_file *file;
    enum kaya_status status;

    if (has(disk, DEFECT_UNLINK_DOES_NOTHING))
        return exists(disk, name) ? KAYA_OK : KAYA_NOT_FOUND;
    if (has(disk, DEFECT_UNLINK_EMPTIES_THE_FILE) && PASS(disk, open, name, KAYA_OPEN_WRITE, &file) == KAYA_OK) {
        (void)PASS(disk, truncate, file, 0);
        PASS(disk, close, file);
    }
    status = PASS(disk, unlink, name);
    return status == KAYA_NOT_FOUND && has(disk, DEFECT_UNLINK_OF_NOTHING_IS_OK) ? KAYA_OK : status;
}

static enum kaya_status broken_create_directory(struct kaya_disk *disk)
{
    enum kaya_status status;

    if (has(disk, DEFECT_DIRECTORY_IS_NOT_MADE))
        return KAYA_OK;
    status = GOOD(disk)->operations->create_directory(GOOD(disk));
    return status == KAYA_EXISTS && has(disk, DEFECT_DIRECTORY_TWICE_IS_OK) ? KAYA_OK : status;
}

struct listing {
    struct kaya_disk *disk;
    kaya_list_visitor *visit;
    void *user;
    unsigned visits;
};

static bool visit_broken(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;
    bool go_on;

    listing->visits++;
    if (has(listing->disk, DEFECT_LIST_FORGETS_ONE) && listing->visits == 100)
        return true;
    if (has(listing->disk, DEFECT_LIST_SAYS_OTHER) && listing->visits == 100)
        kind = KAYA_ENTRY_OTHER;
    if (has(listing->disk, DEFECT_LIST_SAYS_ONE_TWICE) && listing->visits == 100)
        (void)listing->visit(listing->user, name, kind);
    go_on = listing->visit(listing->user, name, kind);
    return go_on || has(listing->disk, DEFECT_LIST_DOES_NOT_STOP);
}

static enum kaya_status broken_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    struct listing listing = { .disk = disk, .visit = visit, .user = user };
    enum kaya_status status = PASS(disk, list, visit_broken, &listing);

    if (has(disk, DEFECT_LIST_HAS_THE_DOTS) && status == KAYA_OK)
        (void)visit(user, ".", KAYA_ENTRY_OTHER);
    if (has(disk, DEFECT_LIST_OF_NO_DIRECTORY_IS_EMPTY) && status == KAYA_NOT_FOUND)
        return KAYA_OK;
    return status;
}

/* ---- the lock ---- */

static enum kaya_status broken_lock(struct kaya_disk *disk)
{
    enum kaya_status status = GOOD(disk)->operations->lock(GOOD(disk));

    return status == KAYA_LOCKED && has(disk, DEFECT_LOCK_IS_FOR_EVERYONE) ? KAYA_OK : status;
}

static void broken_unlock(struct kaya_disk *disk)
{
    if (!has(disk, DEFECT_LOCK_STAYS))
        GOOD(disk)->operations->unlock(GOOD(disk));
}

static enum kaya_status broken_probe_lock(struct kaya_disk *disk, bool *held)
{
    enum kaya_status status = PASS(disk, probe_lock, held);
    struct kaya_file *file;

    if (has(disk, DEFECT_PROBE_NEVER_SEES))
        *held = false;
    if (has(disk, DEFECT_PROBE_TAKES))
        (void)GOOD(disk)->operations->lock(GOOD(disk));
    if (has(disk, DEFECT_PROBE_LETS_GO))
        GOOD(disk)->operations->unlock(GOOD(disk));
    if (has(disk, DEFECT_PROBE_MAKES_A_FILE) &&
        PASS(disk, open, KAYA_LOCK_NAME, KAYA_OPEN_CREATE, &file) == KAYA_OK)
        PASS(disk, close, file);
    return status;
}

static const struct kaya_disk_operations operations = {
    .open = broken_open,
    .close = broken_close,
    .size = broken_size,
    .read = broken_read,
    .write = broken_write,
    .write_durable = broken_write_durable,
    .sync = broken_sync,
    .sync_directory = broken_sync_directory,
    .truncate = broken_truncate,
    .allocate = broken_allocate,
    .rename = broken_rename,
    .unlink = broken_unlink,
    .create_directory = broken_create_directory,
    .list = broken_list,
    .lock = broken_lock,
    .unlock = broken_unlock,
    .probe_lock = broken_probe_lock,
};

struct kaya_disk *kaya_tests_broken_disk(struct kaya_disk *good, enum defect defect)
{
    struct broken_disk *broken = calloc(1, sizeof *broken);

    if (broken == NULL)
        return NULL;
    broken->disk.operations = &operations;
    broken->disk.geometry = good->geometry;
    if (defect == DEFECT_GEOMETRY_IS_ODD)
        broken->disk.geometry.sector_bytes = 520;
    broken->good = good;
    broken->defect = defect;
    return &broken->disk;
}

struct kaya_disk *kaya_tests_broken_disk_end(struct kaya_disk *broken)
{
    struct kaya_disk *good = GOOD(broken);

    free(broken_of(broken));
    return good;
}
