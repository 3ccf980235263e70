/* The seam: one function a slot, over the files and names of a disk.
 *
 * Every call goes through `enter`, in this order: a boot that is over answers KAYA_GONE; the call is counted; whoever
 * listens at the boundary may fork; a crash that is due strikes, and the call never happened. Then what an earlier crash
 * left open is decided, as far as this call looks at it, and only then the call takes effect.
 *
 * The lock file. `lock` makes KAYA_LOCK_NAME, which stays and is listed, as with real files. It holds nothing and needs no
 * durability, so no crash asks what became of it: it stays as long as its directory does. It is no file of this table: opening,
 * renaming and removing it answer KAYA_INVALID.
 *
 * Listings come in any order, by choice (stream SCHEDULE); 0 is sorted.
 *
 * Handles and spans are the log's own: a wrong one is a bug and traps, here as in the checked wrappers. */
#include "handle.h"

#include <stdlib.h>
#include <string.h>

#include "damage.h"
#include "error.h"
#include "fate.h"
#include "fault.h"
#include "lie.h"
#include "media.h"
#include "reads.h"
#include "seen.h"

/* ---- before each call ---- */

static struct kaya_sim_boot *boot_of(struct kaya_disk *seam)
{
    return (struct kaya_sim_boot *)seam;
}

static void crash(struct kaya_sim_disk *disk, enum kaya_crash kind)
{
    if (kind == KAYA_CRASH_POWER_LOSS)
        kaya_sim_disk_power_loss(disk);
    else
        kaya_sim_disk_process_crash(disk);
}

static bool is_over(const struct kaya_sim_boot *boot)
{
    return !boot->disk->is_running || boot->number != boot->disk->boot_number;
}

/* Somebody listens, or something may strike. At the boundary other threads may go on, and make calls. */
static __attribute__((noinline)) enum kaya_status come_to_pass(struct kaya_sim_disk *disk, uint64_t call,
                                                               enum kaya_trace_kind kind)
{
    if (disk->boundary != NULL)
        disk->boundary(disk->boundary_user, disk, call, kind);
    if (call == disk->crash_at && disk->is_running)
        crash(disk, disk->crash_at_kind);
    if (disk->calls > disk->calls_per_boot_max && disk->is_running) {
        disk->is_runaway = true;
        kaya_sim_disk_process_crash(disk);
    }
    if (!disk->is_running)
        return KAYA_GONE;
    return disk->has_errors ? kaya_error_of(disk, kind) : KAYA_OK;
}

/* KAYA_OK: go on with the call. KAYA_GONE: the boot is over. Else the call answers just that. Most calls meet nothing. */
static inline enum kaya_status enter(struct kaya_disk *seam, enum kaya_trace_kind kind)
{
    struct kaya_sim_boot *boot = boot_of(seam);
    struct kaya_sim_disk *disk = boot->disk;
    uint64_t call;

    if (is_over(boot))
        return KAYA_GONE;
    call = ++disk->calls;
    disk->usage.calls++;
    disk->usage.changing_calls +=
        (kind >= KAYA_TRACE_WRITE && kind <= KAYA_TRACE_CREATE_DIRECTORY) || kind == KAYA_TRACE_LOCK;
    disk->usage.lists += kind == KAYA_TRACE_LIST;
    if (disk->boundary == NULL && call != disk->crash_at && call <= disk->calls_per_boot_max && !disk->has_errors)
        return KAYA_OK;
    return come_to_pass(disk, call, kind);
}

/* As `enter`, for calls that touch names. KAYA_NOT_FOUND: there is no directory (which no error answers). */
static enum kaya_status enter_directory(struct kaya_disk *seam, enum kaya_trace_kind kind)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter(seam, kind);

    if (status != KAYA_OK)
        return status;
    kaya_fate_decide_names(disk);
    return disk->directory.exists ? KAYA_OK : KAYA_NOT_FOUND;
}

/* As `enter`, for calls on a file. */
static enum kaya_status enter_file(struct kaya_disk *seam, enum kaya_trace_kind kind, uint32_t file)
{
    enum kaya_status status = enter(seam, kind);

    if (status != KAYA_GONE)
        kaya_fate_decide_size(boot_of(seam)->disk, file);
    return status;
}

static const struct kaya_inode *inode_of_name(const struct kaya_sim_disk *disk, const char *name)
{
    uint32_t file = kaya_names_find(&disk->directory, name);

    return file == KAYA_NO_FILE ? NULL : disk->files[file].inode;
}

static bool is_directory(const struct kaya_sim_disk *disk, const char *name)
{
    const struct kaya_inode *inode = disk->has_directories ? inode_of_name(disk, name) : NULL;

    return inode != NULL && inode->is_directory;
}

/* Where the file of that name stands among those shown, to be renamed or removed. KAYA_NOT_FOUND: nothing has it; KAYA_INVALID: no file has. */
static enum kaya_status find_file(const struct kaya_sim_disk *disk, const char *name, uint32_t *position,
                                  uint64_t *inode_number)
{
    const struct kaya_entries *shown = disk->directory.now;
    const struct kaya_inode *inode;

    *position = kaya_entries_find(shown, name);
    if (*position == kaya_entries_count(shown))
        return KAYA_NOT_FOUND;
    inode = disk->files[shown->entries[*position].file].inode;
    *inode_number = inode->number;
    return inode->is_directory ? KAYA_INVALID : KAYA_OK;
}

/* ---- handles ---- */

static const struct kaya_sim_handle *handle_of(const struct kaya_file *file)
{
    return (const struct kaya_sim_handle *)file;
}

static struct kaya_file *add_handle(struct kaya_disk *seam, uint32_t file, bool is_writable)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    struct kaya_sim_handle *handle = disk->free_handles;

    if (handle != NULL)
        disk->free_handles = handle->next;
    else
        handle = malloc(sizeof *handle);
    KAYA_ASSERT(handle != NULL);
    *handle = (struct kaya_sim_handle){ .base = { .disk = seam },
                                        .next = disk->handles,
                                        .file = file,
                                        .is_writable = is_writable,
                                        .number = ++disk->handle_number };
    disk->handles = handle;
    disk->files[file].open_count++;
    return &handle->base;
}

/* Whether a name is one at all the checked wrapper asked. */
static bool is_reserved(const char *name)
{
    return name[0] == KAYA_LOCK_NAME[0] && strcmp(name, KAYA_LOCK_NAME) == 0;
}

static enum kaya_status open_file(struct kaya_disk *seam, const char *name, unsigned flags,
                                  struct kaya_file **file)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    bool create = (flags & KAYA_OPEN_CREATE) != 0;
    uint32_t position, found;
    bool exists;

    if (is_reserved(name))
        return KAYA_INVALID;
    position = kaya_entries_find(disk->directory.now, name);
    exists = position < kaya_entries_count(disk->directory.now);
    if (exists && create)
        return KAYA_EXISTS;
    if (!exists && !create)
        return KAYA_NOT_FOUND;
    if (create) {
        found = kaya_disk_add_file(disk);
        kaya_names_create(disk->store.pool, &disk->directory, name, found);
    } else {
        found = disk->directory.now->entries[position].file;
        if (disk->has_directories && disk->files[found].inode->is_directory)
            return KAYA_INVALID;
        disk->files[found].position = position;
    }
    *file = add_handle(seam, found, create || (flags & KAYA_OPEN_WRITE) != 0);
    return KAYA_OK;
}

/* The name of `file`, if there is one: then it keeps its hash. */
static void note_name(struct kaya_sim_disk *disk, const char *text, uint32_t file)
{
    const struct kaya_entries *shown = disk->directory.now;
    uint32_t position = file == KAYA_NO_FILE ? UINT32_MAX : disk->files[file].position;

    if (position < kaya_entries_count(shown) && shown->entries[position].file == file)
        kaya_hash_add_hash(disk->seen, kaya_name_hash(shown->entries[position].name));
    else
        kaya_seen_note_text(disk->seen, text);
}

static enum kaya_status sim_open(struct kaya_disk *seam, const char *name, unsigned flags, struct kaya_file **file)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status;

    disk->open_flags = flags;
    status = enter_directory(seam, KAYA_TRACE_OPEN);
    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK)
        status = open_file(seam, name, flags, file);
    if (disk->seen != NULL) {
        note_name(disk, name, status == KAYA_OK ? handle_of(*file)->file : KAYA_NO_FILE);
        kaya_hash_add(disk->seen, status);
    }
    kaya_disk_trace(disk, KAYA_TRACE_OPEN, status,
                    status == KAYA_OK ? disk->files[handle_of(*file)->file].inode->number : 0, flags, 0, name);
    return status;
}

static void sim_close(struct kaya_disk *seam, struct kaya_file *file)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    struct kaya_sim_handle *handle = (struct kaya_sim_handle *)file;
    struct kaya_sim_handle **link = &disk->handles;

    if (enter(seam, KAYA_TRACE_CLOSE) != KAYA_OK)
        return;
    kaya_disk_trace(disk, KAYA_TRACE_CLOSE, KAYA_OK, disk->files[handle->file].inode->number, 0, 0, NULL);
    while (*link != handle)
        link = &(*link)->next; /* a handle that is not in the list is none of ours: this traps */
    *link = handle->next;
    handle->next = disk->free_handles;
    disk->free_handles = handle;
    disk->files[handle->file].open_count--;
    kaya_disk_drop_file(disk, handle->file);
}

static enum kaya_status sim_size(struct kaya_disk *seam, struct kaya_file *file, uint64_t *bytes)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    uint32_t number = handle_of(file)->file;
    enum kaya_status status = enter_file(seam, KAYA_TRACE_SIZE, number);

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK)
        *bytes = disk->files[number].inode->size_bytes;
    if (disk->seen != NULL)
        kaya_hash_add(disk->seen, status == KAYA_OK ? *bytes : UINT64_MAX);
    kaya_disk_trace(disk, KAYA_TRACE_SIZE, status, disk->files[number].inode->number,
                    status == KAYA_OK ? *bytes : 0, 0, NULL);
    return status;
}

/* ---- reading ---- */

static size_t spans_length(const struct kaya_span *spans, size_t span_count)
{
    size_t length = spans[0].length;

    for (size_t index = 1; index < span_count; index++)
        length += spans[index].length;
    return length;
}

static void read_spans(struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint64_t offset,
                       const struct kaya_span *spans, size_t length)
{
    while (length > 0) {
        size_t part = spans->length < length ? spans->length : length;

        if (part > 0)
            kaya_inode_read(&disk->store, inode, offset, spans->bytes, part);
        offset += part;
        length -= part;
        spans++;
    }
}

/* The medium is asked, perhaps. */
static bool can_read(struct kaya_sim_disk *disk, uint32_t number, uint64_t offset, uint64_t length, unsigned flags)
{
    if ((flags & KAYA_READ_PAST_CACHE) != 0)
        kaya_inode_unhide(&disk->store, kaya_disk_own(disk, number), offset, length);
    kaya_media_show(disk, number, offset, length);
    return !kaya_media_is_unreadable(disk, number, offset, length);
}

/* Past the cache: the range's dirty bytes go to the device first. That is no durability: its own cache loses power, too. So
 * both ways read the same, as long as the disk fails in no other way than by crashing. What a failed sync forgot counts as clean: it
 * is not written back, and dropped. */
static enum kaya_status sim_read(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                 const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    uint32_t number = handle_of(file)->file;
    uint64_t length = spans_length(spans, span_count);
    enum kaya_status status = enter_file(seam, KAYA_TRACE_READ, number);
    uint64_t size_bytes;

    if (status == KAYA_GONE)
        return status;
    if (status != KAYA_OK) {
        kaya_disk_trace(disk, KAYA_TRACE_READ, status, disk->files[number].inode->number, offset, length, NULL);
        return status;
    }
    size_bytes = disk->files[number].inode->size_bytes;
    length = offset >= size_bytes ? 0 : size_bytes - offset < length ? size_bytes - offset : length;
    length = kaya_error_shorten(disk, (size_t)length);
    kaya_fate_decide_bytes(disk, number, offset, length);
    if ((flags & KAYA_READ_PAST_CACHE) != 0 && disk->files[number].inode->has_forgotten)
        kaya_inode_drop_forgotten(&disk->store, kaya_disk_own(disk, number), offset, length);
    if (disk->files[number].inode->has_damage && !can_read(disk, number, offset, length, flags)) {
        kaya_disk_trace(disk, KAYA_TRACE_READ, KAYA_IO, disk->files[number].inode->number, offset, length, NULL);
        return KAYA_IO;
    }
    read_spans(disk, disk->files[number].inode, offset, spans, (size_t)length);
    if (disk->reads.are_struck)
        status = kaya_reads_strike(disk, number, offset, spans, length);
    if (status != KAYA_OK) {
        kaya_disk_trace(disk, KAYA_TRACE_READ, status, disk->files[number].inode->number, offset, length, NULL);
        return status;
    }
    *done = (size_t)length;
    disk->usage.bytes_read += length;
    if (disk->seen != NULL)
        kaya_seen_note_read(disk->seen, &disk->store, disk->files[number].inode, offset, length);
    kaya_disk_trace(disk, KAYA_TRACE_READ, KAYA_OK, disk->files[number].inode->number, offset, length,
                    (flags & KAYA_READ_PAST_CACHE) != 0 ? "past cache" : NULL);
    return KAYA_OK;
}

/* ---- writing ---- */

/* A sector that is only written in part must be known. False: it cannot be read. */
static bool know_sector(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset)
{
    kaya_fate_decide_bytes(disk, file, offset, 1);
    kaya_media_show(disk, file, offset, 1);
    return !kaya_media_is_unreadable(disk, file, offset, 1);
}

/* A range that is only written in part at its ends needs to know what stands there. */
static bool know_ends(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    const struct kaya_inode *inode = disk->files[file].inode;
    uint64_t within = disk->store.sector_bytes - 1;
    uint64_t end = offset + length;

    if (inode->undecided_count == 0 && !inode->has_damage) /* all is known */
        return true;
    if ((offset & within) != 0 && !know_sector(disk, file, offset))
        return false;
    return (end & within) == 0 || length == 0 || know_sector(disk, file, end - 1);
}

static bool fits(const struct kaya_sim_disk *disk, uint64_t end)
{
    return end <= (uint64_t)KAYA_INODE_SECTORS_MAX << disk->store.sector_shift;
}

static void trace_write(struct kaya_sim_disk *disk, enum kaya_trace_kind kind, enum kaya_status status,
                        uint64_t inode, uint64_t offset, const uint8_t *bytes, size_t length)
{
    if (disk->trace != NULL)
        kaya_trace_add_write(disk->trace, &(struct kaya_trace_event){ .kind = kind,
                                                                      .status = status,
                                                                      .a = inode,
                                                                      .b = offset,
                                                                      .c = length,
                                                                      .content = bytes,
                                                                      .content_length = length });
}

/* Does this sync or durable write fail? */
static bool is_sync_failing(struct kaya_sim_disk *disk, bool is_anything_unsynced)
{
    if (!kaya_fault_has_chance(disk, KAYA_FAULT_SYNC_FAILURE))
        return false;
    if (is_anything_unsynced)
        kaya_fault_strike(disk, KAYA_FAULT_SYNC_FAILURE);
    return true;
}

static void fail_file(struct kaya_sim_disk *disk, uint32_t number, uint64_t offset, uint64_t length)
{
    static const char *const names[KAYA_FAILURES] = { "kept", "dropped", "forgotten" };
    struct kaya_inode *inode = kaya_disk_own(disk, number);
    uint64_t failure = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, KAYA_FAILURES, "sync_failure_leaves");

    disk->failed_syncs++;
    kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_IO, inode->number, offset, failure, names[failure]);
    kaya_inode_fail(&disk->store, inode, offset, length, (enum kaya_failure)failure);
    kaya_media_show(disk, number, offset, length);
}

static enum kaya_status write_durable(struct kaya_sim_disk *disk, uint32_t number, uint64_t offset,
                                      const uint8_t *bytes, size_t length, enum kaya_status status)
{
    struct kaya_loss loss;

    if (status == KAYA_OK && !is_sync_failing(disk, true)) {
        kaya_media_begin_loss(disk, number, offset, length, true, &loss);
        kaya_inode_patch(&disk->store, kaya_disk_own(disk, number), offset, bytes, length);
        kaya_media_end_loss(disk, number, &loss);
        return KAYA_OK;
    }
    kaya_inode_write(&disk->store, kaya_disk_own(disk, number), offset, bytes, length);
    fail_file(disk, number, offset, length);
    return status == KAYA_OK ? KAYA_IO : status;
}

/* What can be written comes into the cache, at least. A sector that cannot be read takes no part of a write: *length is 0 then. */
static enum kaya_status put(struct kaya_sim_disk *disk, enum kaya_trace_kind kind, uint32_t number,
                            uint64_t offset, const uint8_t *bytes, size_t *length, enum kaya_status status)
{
    if (kind == KAYA_TRACE_WRITE_DURABLE)
        kaya_fate_decide_bytes(disk, number, offset, *length);
    if (!know_ends(disk, number, offset, *length)) {
        *length = 0;
        return KAYA_IO;
    }
    if (kind == KAYA_TRACE_WRITE_DURABLE)
        return write_durable(disk, number, offset, bytes, *length, status);
    kaya_inode_write(&disk->store, kaya_disk_own(disk, number), offset, bytes, *length);
    return status;
}

/* How much of a write is done: as far as there is room and, where it fails or is cut short, by choice. */
static size_t length_done(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t offset,
                          size_t length, enum kaya_status *status)
{
    uint64_t room_end;

    if (*status != KAYA_OK && length > 0)
        length = kaya_error_part_done(disk, length);
    room_end = kaya_room_reserve(disk, inode, offset, offset + length);
    if (room_end < offset + length)
        length = room_end > offset ? (size_t)(room_end - offset) : 0;
    if (length == 0 && *status == KAYA_OK)
        *status = KAYA_FULL;
    return *status == KAYA_OK ? kaya_error_shorten(disk, length) : length;
}

void kaya_write_under_way(struct kaya_sim_disk *disk, struct kaya_sim_inflight *inflight,
                          const struct kaya_file *file, bool is_durable, uint64_t offset,
                          const struct kaya_span *spans, size_t span_count)
{
    *inflight = (struct kaya_sim_inflight){ .spans = spans,
                                            .span_count = span_count,
                                            .length = spans_length(spans, span_count),
                                            .offset = offset,
                                            .file = handle_of(file)->file,
                                            .is_durable = is_durable };
    if (fits(disk, offset + inflight->length))
        kaya_inflight_begin(disk, inflight);
}

/* May the machine crash at the boundary of the next call, as far as anybody knows? */
static inline bool may_crash_next(const struct kaya_sim_disk *disk)
{
    return disk->boundary != NULL || disk->calls + 1 == disk->crash_at || disk->calls >= disk->calls_per_boot_max;
}

static enum kaya_status enter_write(struct kaya_disk *seam, enum kaya_trace_kind kind,
                                    const struct kaya_file *file, uint64_t offset,
                                    const struct kaya_span *spans, size_t span_count)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    struct kaya_sim_inflight inflight;
    enum kaya_status status;

    if (!may_crash_next(disk))
        return enter_file(seam, kind, handle_of(file)->file);
    kaya_write_under_way(disk, &inflight, file, kind == KAYA_TRACE_WRITE_DURABLE, offset, spans, span_count);
    status = enter_file(seam, kind, handle_of(file)->file);
    kaya_inflight_end(disk, &inflight);
    return status;
}

static enum kaya_status write_file(struct kaya_disk *seam, enum kaya_trace_kind kind, struct kaya_file *file,
                                   uint64_t offset, const struct kaya_span *spans, size_t span_count,
                                   size_t *done)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    uint32_t number = handle_of(file)->file;
    size_t length = spans_length(spans, span_count);
    enum kaya_status status;
    struct kaya_inode *inode;
    const uint8_t *bytes;

    KAYA_ASSERT(length > 0);
    if (is_over(boot_of(seam)))
        return KAYA_GONE;
    KAYA_ASSERT(handle_of(file)->is_writable);
    status = enter_write(seam, kind, file, offset, spans, span_count);
    if (status == KAYA_GONE || status == KAYA_INTERRUPTED)
        return status;
    if (!fits(disk, offset + length))
        return KAYA_FULL;
    bytes = kaya_disk_gather(disk, spans, span_count, length); /* others may have used the scratch meanwhile */
    inode = kaya_disk_own(disk, number);
    length = length_done(disk, inode, offset, length, &status);
    KAYA_ASSERT(kind == KAYA_TRACE_WRITE || offset + length <= inode->size_bytes);
    if (length > 0)
        status = put(disk, kind, number, offset, bytes, &length, status);
    *done = length;
    disk->usage.bytes_written += length;
    trace_write(disk, kind, status, inode->number, offset, bytes, length);
    return status;
}

static enum kaya_status sim_write(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                  const struct kaya_span *spans, size_t span_count, size_t *done)
{
    return write_file(seam, KAYA_TRACE_WRITE, file, offset, spans, span_count, done);
}

static enum kaya_status sim_write_durable(struct kaya_disk *seam, struct kaya_file *file, uint64_t offset,
                                          const struct kaya_span *spans, size_t span_count, size_t *done)
{
    return write_file(seam, KAYA_TRACE_WRITE_DURABLE, file, offset, spans, span_count, done);
}

/* ---- sizes and durability ---- */

/* One journal carries names, the directory's own too, along with the file that was synced. */
static void sync_names_of(struct kaya_sim_disk *disk, uint32_t file)
{
    bool in_order = disk->profile->names_in_order;

    kaya_fate_decide_names(disk);
    if (in_order)
        disk->directory.is_durable = disk->directory.exists;
    if (disk->directory.change_count == 0)
        return;
    kaya_names_sync_file(disk->store.pool, &disk->directory, file, in_order);
    if (disk->directory.change_count == 0)
        kaya_disk_drop_unnamed_files(disk);
}

static void make_durable(struct kaya_sim_disk *disk, uint32_t number)
{
    struct kaya_loss loss;

    kaya_media_begin_loss(disk, number, 0, UINT64_MAX, false, &loss);
    kaya_inode_sync(&disk->store, kaya_disk_own(disk, number));
    kaya_media_end_loss(disk, number, &loss);
}

/* The sync says OK. */
static void settle_file(struct kaya_sim_disk *disk, const struct kaya_sim_handle *handle)
{
    const struct kaya_inode *inode = disk->files[handle->file].inode;
    enum kaya_fault family = kaya_lie_draw(disk);

    if (family != KAYA_FAULTS) {
        kaya_lie_tell(disk, handle, family);
        return;
    }
    kaya_lies_drop(disk);
    if (inode->listed_count > 0 || inode->size_count > 0)
        make_durable(disk, handle->file);
}

static bool owes_error(const struct kaya_inode *inode, const struct kaya_sim_handle *handle)
{
    return inode->owes_error_to == KAYA_ANY_HANDLE || inode->owes_error_to == handle->number;
}

/* What it is asked for is written; what an earlier one lost is told. */
static enum kaya_status tell_late(struct kaya_sim_disk *disk, uint32_t file)
{
    struct kaya_inode *inode = kaya_disk_own(disk, file);

    inode->owes_error_to = 0;
    disk->failed_syncs++;
    kaya_inode_sync(&disk->store, inode);
    kaya_disk_trace(disk, KAYA_TRACE_SYNC, KAYA_IO, inode->number, 0, 0, "late");
    return KAYA_IO;
}

static enum kaya_status sim_sync(struct kaya_disk *seam, struct kaya_file *file)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    uint32_t number = handle_of(file)->file;
    enum kaya_status status = enter_file(seam, KAYA_TRACE_SYNC, number);
    bool commits; /* the size is in the journal, and so the journal is written */

    if (status == KAYA_GONE)
        return status;
    disk->usage.syncs++;
    if (status == KAYA_OK && is_sync_failing(disk, kaya_inode_is_dirty(disk->files[number].inode)))
        status = KAYA_IO;
    if (status == KAYA_OK && owes_error(disk->files[number].inode, handle_of(file)))
        return tell_late(disk, number);
    if (status != KAYA_OK) {
        fail_file(disk, number, 0, UINT64_MAX);
        kaya_disk_trace(disk, KAYA_TRACE_SYNC, status, disk->files[number].inode->number, 0, 0, NULL);
        return status;
    }
    commits = disk->files[number].inode->size_count > 0;
    settle_file(disk, handle_of(file));
    if (commits && disk->profile->sync_covers_names)
        sync_names_of(disk, number);
    kaya_disk_trace(disk, KAYA_TRACE_SYNC, KAYA_OK, disk->files[number].inode->number, 0, 0, NULL);
    return KAYA_OK;
}

static bool has_room(struct kaya_sim_disk *disk, enum kaya_trace_kind kind, struct kaya_inode *inode,
                     uint64_t bytes)
{
    if (kind == KAYA_TRACE_TRUNCATE && disk->cannot_allocate)
        return true;
    return kaya_room_reserve(disk, inode, 0, bytes) >= bytes;
}

static enum kaya_status resize(struct kaya_disk *seam, enum kaya_trace_kind kind, struct kaya_file *file,
                               uint64_t bytes)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    uint32_t number = handle_of(file)->file;
    enum kaya_status status = enter_file(seam, kind, number);
    struct kaya_inode *inode;

    if (status == KAYA_GONE)
        return status;
    KAYA_ASSERT(handle_of(file)->is_writable);
    inode = kaya_disk_own(disk, number);
    if (status == KAYA_OK && kind == KAYA_TRACE_ALLOCATE && disk->cannot_allocate)
        status = KAYA_UNSUPPORTED;
    if (status == KAYA_OK && (!fits(disk, bytes) || !has_room(disk, kind, inode, bytes)))
        status = KAYA_FULL;
    if (status == KAYA_OK && (kind == KAYA_TRACE_TRUNCATE || bytes > inode->size_bytes)) {
        if (know_ends(disk, number, bytes, 0)) {
            kaya_inode_resize(&disk->store, kaya_disk_own(disk, number), bytes);
            kaya_room_give_back(inode);
        } else {
            status = KAYA_IO;
        }
    }
    kaya_disk_trace(disk, kind, status, inode->number, bytes, 0, NULL);
    return status;
}

static enum kaya_status sim_truncate(struct kaya_disk *seam, struct kaya_file *file, uint64_t bytes)
{
    return resize(seam, KAYA_TRACE_TRUNCATE, file, bytes);
}

static enum kaya_status sim_allocate(struct kaya_disk *seam, struct kaya_file *file, uint64_t bytes)
{
    return resize(seam, KAYA_TRACE_ALLOCATE, file, bytes);
}

/* ---- names ---- */

/* Names stay as a listing shows them, and are tried again by the next sync, or forgotten. */
static void fail_directory(struct kaya_sim_disk *disk, enum kaya_directory which)
{
    disk->failed_syncs++;
    if (which == KAYA_DIRECTORY_LOG && kaya_choose(disk->choices, KAYA_STREAM_FAULTS, 2, "names_forgotten") == 1) {
        kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_IO, 0, 0, disk->directory.change_count, "forgotten");
        kaya_names_forget(&disk->directory);
    }
}

static bool is_directory_unsynced(const struct kaya_sim_disk *disk, enum kaya_directory which)
{
    return which == KAYA_DIRECTORY_PARENT ? disk->directory.exists && !disk->directory.is_durable
                                          : disk->directory.change_count > 0;
}

static enum kaya_status sim_sync_directory(struct kaya_disk *seam, enum kaya_directory which)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_SYNC_DIRECTORY);

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_NOT_FOUND && which == KAYA_DIRECTORY_PARENT)
        status = KAYA_OK; /* the parent is always there */
    if (status == KAYA_OK && is_sync_failing(disk, is_directory_unsynced(disk, which)))
        status = KAYA_IO;
    if (status == KAYA_OK)
        kaya_lies_drop(disk);
    if (status == KAYA_IO || status == KAYA_FULL) {
        fail_directory(disk, which);
    } else if (status == KAYA_OK && which == KAYA_DIRECTORY_PARENT) {
        disk->directory.is_durable = disk->directory.exists;
    } else if (status == KAYA_OK && disk->directory.change_count > 0) {
        kaya_disk_sync_names(disk);
    }
    disk->usage.directory_syncs++;
    kaya_disk_trace(disk, KAYA_TRACE_SYNC_DIRECTORY, status, 0, (uint64_t)which, 0, NULL);
    return status;
}

static enum kaya_status sim_rename(struct kaya_disk *seam, const char *from, const char *to)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_RENAME);
    uint64_t inode = 0;
    uint32_t position;

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK && (is_reserved(from) || is_reserved(to)))
        status = KAYA_INVALID;
    if (status == KAYA_OK)
        status = find_file(disk, from, &position, &inode);
    if (status == KAYA_OK && is_directory(disk, to))
        status = KAYA_INVALID;
    if (status == KAYA_OK && strcmp(from, to) != 0)
        kaya_names_rename(disk->store.pool, &disk->directory, position, to);
    kaya_disk_trace(disk, KAYA_TRACE_RENAME, status, inode, 0, 0, from);
    kaya_disk_trace(disk, KAYA_TRACE_RENAME, status, inode, 1, 0, to);
    return status;
}

static enum kaya_status sim_unlink(struct kaya_disk *seam, const char *name)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_UNLINK);
    uint64_t inode = 0;
    uint32_t position;

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK && is_reserved(name))
        status = KAYA_INVALID;
    if (status == KAYA_OK)
        status = find_file(disk, name, &position, &inode);
    if (status == KAYA_OK)
        kaya_names_unlink(disk->store.pool, &disk->directory, position);
    kaya_disk_trace(disk, KAYA_TRACE_UNLINK, status, inode, 0, 0, name);
    return status;
}

static enum kaya_status sim_create_directory(struct kaya_disk *seam)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_CREATE_DIRECTORY);

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK)
        status = KAYA_EXISTS;
    if (status == KAYA_NOT_FOUND) {
        status = KAYA_OK;
        disk->directory.exists = true;
    }
    kaya_disk_trace(disk, KAYA_TRACE_CREATE_DIRECTORY, status, 0, 0, 0, NULL);
    return status;
}

/* ---- listings ---- */

/* The names in the order of the listing; the array is good until the next call. */
static const char **ordered_names(struct kaya_sim_disk *disk, size_t *count)
{
    const struct kaya_entries *entries = disk->directory.now;
    uint32_t entry_count = kaya_entries_count(entries);
    const char **names;

    disk->listing = kaya_disk_scratch(disk->listing, &disk->listing_capacity, (size_t)entry_count + 1,
                                      sizeof *disk->listing);
    names = disk->listing;
    for (*count = 0; *count < entry_count; ++*count)
        names[*count] = entries->entries[*count].name->text;
    if (disk->directory.has_lock_file)
        names[(*count)++] = KAYA_LOCK_NAME;
    for (size_t index = 0; index + 1 < *count && !disk->list_sorted; index++) {
        size_t other =
            index + (size_t)kaya_choose(disk->choices, KAYA_STREAM_SCHEDULE, *count - index, "listing");
        const char *name = names[other];

        names[other] = names[index];
        names[index] = name;
    }
    return names;
}

/* In order, nothing needs to be hashed again: names keep their hashes. */
static void note_listing(struct kaya_sim_disk *disk, const char *const *names, size_t count)
{
    size_t index = 0;

    if (disk->list_sorted)
        for (; index < kaya_entries_count(disk->directory.now); index++)
            kaya_hash_add_hash(disk->seen, kaya_name_hash(disk->directory.now->entries[index].name));
    for (; index < count; index++)
        kaya_seen_note_text(disk->seen, names[index]);
}

static enum kaya_status sim_list(struct kaya_disk *seam, kaya_list_visitor *visit, void *user)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_LIST);
    const char **names;
    size_t count = 0;

    if (status == KAYA_GONE)
        return status;
    names = status == KAYA_OK ? ordered_names(disk, &count) : NULL;
    if (disk->seen != NULL && status == KAYA_OK)
        note_listing(disk, names, count);
    kaya_disk_trace(disk, KAYA_TRACE_LIST, status, 0, 0, count, count > 0 ? names[0] : NULL);
    for (size_t index = 0; index < count; index++)
        if (!visit(user, names[index], is_directory(disk, names[index]) ? KAYA_ENTRY_OTHER : KAYA_ENTRY_FILE))
            break;
    return status;
}

/* ---- the lock ---- */

static enum kaya_status sim_lock(struct kaya_disk *seam)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_LOCK);

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_OK && disk->is_locked)
        status = KAYA_LOCKED;
    if (status == KAYA_OK) {
        disk->is_locked = true;
        disk->directory.has_lock_file = true;
    }
    kaya_disk_trace(disk, KAYA_TRACE_LOCK, status, 0, 0, 0, NULL);
    return status;
}

static void sim_unlock(struct kaya_disk *seam)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;

    if (enter(seam, KAYA_TRACE_UNLOCK) != KAYA_OK)
        return;
    disk->is_locked = false;
    kaya_disk_trace(disk, KAYA_TRACE_UNLOCK, KAYA_OK, 0, 0, 0, NULL);
}

static enum kaya_status sim_probe_lock(struct kaya_disk *seam, bool *held)
{
    struct kaya_sim_disk *disk = boot_of(seam)->disk;
    enum kaya_status status = enter_directory(seam, KAYA_TRACE_PROBE_LOCK);

    if (status == KAYA_GONE)
        return status;
    if (status == KAYA_NOT_FOUND)
        status = KAYA_OK; /* no directory, no lock */
    if (status == KAYA_OK)
        *held = disk->is_locked;
    kaya_disk_trace(disk, KAYA_TRACE_PROBE_LOCK, status, 0, *held, 0, NULL);
    return status;
}

const struct kaya_disk_operations kaya_sim_disk_operations = {
    .open = sim_open,
    .close = sim_close,
    .size = sim_size,
    .read = sim_read,
    .write = sim_write,
    .write_durable = sim_write_durable,
    .sync = sim_sync,
    .sync_directory = sim_sync_directory,
    .truncate = sim_truncate,
    .allocate = sim_allocate,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .create_directory = sim_create_directory,
    .list = sim_list,
    .lock = sim_lock,
    .unlock = sim_unlock,
    .probe_lock = sim_probe_lock,
};
