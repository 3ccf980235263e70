/* The two passes of salvage. The first one looks what there is: runs, gaps, sizes. The second one writes each run as a log.
 *
 * A log has no gaps and its records keep their numbers, so each run of records without a gap becomes a log of its own, which begins
 * with the run's first LSN and opens with every tool there is. Batches are appended as batches. Members of a batch that is not whole
 * go into logs with another name, so that nobody takes them for what a recovery would have returned.
 *
 * Two passes, because a log's segments are made to measure: three of the default size for each of a hundred short runs would fill a
 * disk. What is asked of the disk is at most the records and some segments of a quarter of that. */
#define _GNU_SOURCE
#include "finds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"

enum { MEMBER_BYTES = 4 }; /* what each member adds to a batch (kaya_wal_writer_append_batch) */

void kaya_finds_release(struct kaya_finds *finds)
{
    free(finds->finds);
    *finds = KAYA_FINDS_NONE;
}

void kaya_find_name(const struct kaya_find *run, char name[KAYA_RUN_NAME_BYTES])
{
    snprintf(name, KAYA_RUN_NAME_BYTES, "%s-%" PRIu64, run->incomplete ? "incomplete" : "from", run->first_lsn);
}

/* --- looking -------------------------------------------------------------------------------------------------------- */

static struct kaya_find *add(struct kaya_finds *finds, enum kaya_find_kind kind)
{
    size_t capacity = finds->capacity ? 2 * finds->capacity : 16;
    struct kaya_find *grown = finds->finds;

    if (finds->count == finds->capacity) {
        grown = realloc(finds->finds, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        finds->finds = grown;
        finds->capacity = capacity;
    }
    grown[finds->count] = (struct kaya_find){ .kind = kind };
    return &grown[finds->count++];
}

static bool add_gap(struct kaya_finds *finds, const struct kaya_wal_salvaged *gap)
{
    struct kaya_find *find = add(finds, KAYA_FIND_GAP);

    if (!find)
        return false;
    find->first_lsn = gap->first_lsn;
    find->last_lsn = gap->last_lsn;
    find->gap = *gap;
    finds->gap_count++;
    if (gap->first_lsn == 0)
        return true;
    finds->lost_is_least = finds->lost_is_least || gap->last_lsn == 0;
    finds->lost_count += gap->last_lsn == 0 ? 0 : gap->last_lsn - gap->first_lsn + 1;
    return true;
}

/* The run that this record goes on; NULL: it begins one. A gap in which no record was lost does not end a run. */
static struct kaya_find *run_before(const struct kaya_finds *finds, const struct kaya_wal_salvaged *salvaged)
{
    for (size_t i = finds->count; i-- > 0;) {
        struct kaya_find *find = &finds->finds[i];

        if (find->kind == KAYA_FIND_GAP && find->first_lsn == 0)
            continue;
        if (find->kind == KAYA_FIND_RUN && find->incomplete == salvaged->incomplete &&
            find->last_lsn + 1 == salvaged->record.lsn)
            return find;
        break;
    }
    return NULL;
}

static bool add_record(struct kaya_finds *finds, const struct kaya_wal_salvaged *salvaged, uint64_t *batch_bytes)
{
    const struct kaya_wal_record *record = &salvaged->record;
    struct kaya_find *run = run_before(finds, salvaged);

    if (!run) {
        run = add(finds, KAYA_FIND_RUN);
        if (!run)
            return false;
        run->first_lsn = record->lsn;
        run->incomplete = salvaged->incomplete;
    }
    *batch_bytes = record->in_batch ? *batch_bytes + MEMBER_BYTES + record->length : record->length;
    if (*batch_bytes > run->largest_bytes)
        run->largest_bytes = *batch_bytes;
    if (!record->in_batch || record->ends_batch || salvaged->incomplete)
        *batch_bytes = 0;
    run->last_lsn = record->lsn;
    run->record_count++;
    run->mended_count += record->mended;
    run->unvouched_count += !record->durable;
    run->byte_count += record->length;
    finds->record_count++;
    return true;
}

enum kaya_status kaya_finds_look(struct kaya_finds *finds, const struct kaya_place *place,
                                 const struct kaya_wal_anchor *anchor, kaya_progress_listener *on_progress,
                                 void *user)
{
    const struct kaya_wal_salvage_options options = { .anchor = anchor };
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_salvaged salvaged;
    uint64_t batch_bytes = 0;
    bool fits = true;

    enum kaya_status status = kaya_wal_salvage_open(&place->environment, &options, &salvage, &finds->report);
    while (status == KAYA_OK && fits) {
        status = kaya_wal_salvage_next(salvage, &salvaged);
        if (status != KAYA_OK)
            break;
        if (salvaged.kind == KAYA_SALVAGED_GAP)
            fits = add_gap(finds, &salvaged);
        else
            fits = add_record(finds, &salvaged, &batch_bytes);
        if (on_progress)
            on_progress(user, finds->record_count);
    }
    kaya_wal_salvage_close(salvage);
    if (!fits)
        return KAYA_NO_MEMORY;
    return status == KAYA_END ? KAYA_OK : status;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

struct writing {
    const struct kaya_finds *finds;
    const char *directory;
    size_t index; /* of the run being written, or the next one */
    char *path;   /* of its log */
    struct kaya_disk *disk;
    struct kaya_wal_writer *writer; /* NULL: no run is open */
    uint64_t next_lsn;

    /* A batch is appended when it is whole. */
    struct kaya_wal_payload *members;
    size_t member_count, member_capacity;
    unsigned char *bytes;
    size_t byte_count, byte_capacity;
};

static enum kaya_status say_failed(const struct writing *writing, enum kaya_status status)
{
    kaya_complain("%s: cannot write the log: %s (%s)", writing->path, kaya_status_text(status),
                  kaya_status_name(status));
    return status;
}

static uint64_t power_of_two_from(uint64_t bytes)
{
    uint64_t power = 1;

    while (power < bytes)
        power *= 2;
    return power;
}

/* Segments made to measure: a record takes at most half of one, and few segments hold a short run. */
static struct kaya_wal_config config_for(const struct kaya_find *run)
{
    static const uint64_t bytes_min = 64 * 1024, bytes_usual = 16 * 1024 * 1024, bytes_max = 1024 * 1024 * 1024;
    static const uint32_t record_bytes_default = 4 * 1024 * 1024;
    uint64_t bytes = power_of_two_from(run->byte_count / 4);
    uint64_t wanted = power_of_two_from(4 * run->largest_bytes);

    bytes = bytes < bytes_min ? bytes_min : bytes > bytes_usual ? bytes_usual : bytes;
    bytes = wanted > bytes ? wanted : bytes;
    return (struct kaya_wal_config){
        .segment_bytes = bytes < bytes_max ? bytes : bytes_max,
        .record_bytes_max = run->largest_bytes > record_bytes_default ? (uint32_t)run->largest_bytes : 0,
        .first_lsn = run->first_lsn,
    };
}

static enum kaya_status begin_run(struct writing *writing)
{
    const struct kaya_find *run = &writing->finds->finds[writing->index];
    struct kaya_wal_config config = config_for(run);
    struct kaya_wal_environment environment = { .runtime = kaya_posix_runtime(),
                                                .allocator = kaya_posix_allocator() };
    char name[KAYA_RUN_NAME_BYTES];

    kaya_find_name(run, name);
    if (asprintf(&writing->path, "%s/%s", writing->directory, name) < 0) {
        writing->path = NULL;
        kaya_complain("no memory");
        return KAYA_NO_MEMORY;
    }
    enum kaya_status status = kaya_posix_disk_create(writing->path, true, &writing->disk);
    environment.disk = writing->disk;
    if (status == KAYA_OK)
        status = kaya_wal_writer_open(&environment, &config, &writing->writer, NULL);
    return status == KAYA_OK ? KAYA_OK : say_failed(writing, status);
}

static enum kaya_status end_run(struct writing *writing)
{
    enum kaya_status status = KAYA_OK;

    if (writing->writer) {
        status = kaya_wal_writer_close(writing->writer);
        if (status != KAYA_OK)
            say_failed(writing, status);
    }
    kaya_posix_disk_destroy(writing->disk);
    free(writing->path);
    writing->writer = NULL;
    writing->disk = NULL;
    writing->path = NULL;
    return status;
}

/* Stand in the run that holds `lsn`. */
static enum kaya_status find_run(struct writing *writing, const struct kaya_wal_salvaged *salvaged)
{
    const struct kaya_finds *finds = writing->finds;
    uint64_t lsn = salvaged->record.lsn;
    enum kaya_status status = KAYA_OK;

    if (writing->writer && lsn > finds->finds[writing->index].last_lsn) {
        status = end_run(writing);
        writing->index++;
    }
    if (status != KAYA_OK || writing->writer)
        return status;
    while (writing->index < finds->count && finds->finds[writing->index].kind != KAYA_FIND_RUN)
        writing->index++;
    if (writing->index == finds->count || finds->finds[writing->index].first_lsn != lsn ||
        finds->finds[writing->index].incomplete != salvaged->incomplete)
        return KAYA_DAMAGED;
    writing->next_lsn = lsn;
    return begin_run(writing);
}

static bool reserve(void **memory, size_t *capacity, size_t wanted, size_t size)
{
    size_t grown = *capacity ? *capacity : 64;

    while (grown < wanted)
        grown *= 2;
    if (grown == *capacity)
        return true;
    void *more = realloc(*memory, grown * size);
    if (!more)
        return false;
    *memory = more;
    *capacity = grown;
    return true;
}

static enum kaya_status keep_member(struct writing *writing, const struct kaya_wal_record *record)
{
    void *members = writing->members, *bytes = writing->bytes;
    bool fits =
        reserve(&members, &writing->member_capacity, writing->member_count + 1, sizeof(*writing->members));

    fits = reserve(&bytes, &writing->byte_capacity, writing->byte_count + record->length, 1) && fits;
    writing->members = members;
    writing->bytes = bytes;
    if (!fits)
        return KAYA_NO_MEMORY;
    if (record->length > 0)
        memcpy(writing->bytes + writing->byte_count, record->bytes, record->length);
    writing->byte_count += record->length;
    writing->members[writing->member_count++] =
        (struct kaya_wal_payload){ .type = record->type, .length = record->length };
    return KAYA_OK;
}

static enum kaya_status append_members(struct writing *writing)
{
    size_t at = 0;

    for (size_t i = 0; i < writing->member_count; i++) {
        writing->members[i].bytes = writing->bytes + at;
        at += writing->members[i].length;
    }
    enum kaya_status status = kaya_wal_writer_append_batch(writing->writer, writing->members,
                                                           writing->member_count, KAYA_RELAXED, NULL, NULL);
    writing->member_count = 0;
    writing->byte_count = 0;
    return status;
}

static enum kaya_status write_record(struct writing *writing, const struct kaya_wal_salvaged *salvaged)
{
    const struct kaya_wal_record *record = &salvaged->record;
    struct kaya_wal_payload payload = { .type = record->type, .bytes = record->bytes, .length = record->length };

    enum kaya_status status = find_run(writing, salvaged);
    if (status != KAYA_OK)
        return status;
    if (record->lsn != writing->next_lsn++)
        return KAYA_DAMAGED;
    if (!record->in_batch || salvaged->incomplete)
        status = kaya_wal_writer_append(writing->writer, &payload, KAYA_RELAXED, NULL);
    else
        status = keep_member(writing, record);
    if (status == KAYA_OK && record->ends_batch)
        status = append_members(writing);
    return status == KAYA_OK ? KAYA_OK : say_failed(writing, status);
}

enum kaya_status kaya_finds_write(const struct kaya_finds *finds, const struct kaya_place *place,
                                  const struct kaya_wal_anchor *anchor, const char *directory,
                                  kaya_progress_listener *on_progress, void *user)
{
    struct writing writing = { .finds = finds, .directory = directory };
    const struct kaya_wal_salvage_options options = { .anchor = anchor };
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_salvaged salvaged;
    uint64_t count = 0;

    enum kaya_status status = kaya_wal_salvage_open(&place->environment, &options, &salvage, NULL);
    while (status == KAYA_OK) {
        status = kaya_wal_salvage_next(salvage, &salvaged);
        if (status != KAYA_OK || salvaged.kind == KAYA_SALVAGED_GAP)
            continue;
        status = write_record(&writing, &salvaged);
        count++;
        if (on_progress)
            on_progress(user, count);
    }
    kaya_wal_salvage_close(salvage);
    if (status == KAYA_END && count != finds->record_count)
        status = KAYA_DAMAGED;
    enum kaya_status ended = end_run(&writing);
    free(writing.members);
    free(writing.bytes);
    if (status != KAYA_END)
        return status;
    return ended;
}
