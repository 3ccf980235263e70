/* The disk calls of a short life of the log, as a trace for compare.c: made on
 * the simulated disk and printed as they are made.
 *
 * A new log in the smallest segments, records strict and relaxed, a rotation, a
 * trim, a clean end. Each write gets a value of its own in place of its bytes,
 * so that every version of a sector can be told from every other. The directory
 * itself is no call of the trace: it is there before. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/sim/disk.h"
#include "kaya/wal.h"

enum { HANDLES_MAX = 64 };

static const struct kaya_disk_operations *true_operations;

/* The name behind each handle, by now. */
static struct {
    const struct kaya_file *file;
    char name[KAYA_NAME_BYTES_MAX + 1];
} handles[HANDLES_MAX];

static void must(enum kaya_status status)
{
    if (status != KAYA_OK) {
        fprintf(stderr, "record: %s\n", kaya_status_text(status));
        exit(2);
    }
}

static const char *name_of(const struct kaya_file *file)
{
    for (unsigned i = 0; i < HANDLES_MAX; i++)
        if (handles[i].file == file)
            return handles[i].name;
    abort();
}

static enum kaya_status open_file(struct kaya_disk *disk, const char *name, unsigned flags,
                                  struct kaya_file **file)
{
    enum kaya_status status = true_operations->open(disk, name, flags, file);
    unsigned i = 0;

    if (status != KAYA_OK)
        return status;
    while (i < HANDLES_MAX - 1 && handles[i].file != NULL)
        i++;
    handles[i].file = *file;
    strcpy(handles[i].name, name);
    if (flags & KAYA_OPEN_CREATE)
        printf("create %s\n", name);
    return KAYA_OK;
}

static void close_file(struct kaya_disk *disk, struct kaya_file *file)
{
    for (unsigned i = 0; i < HANDLES_MAX; i++)
        if (handles[i].file == file)
            handles[i].file = NULL;
    true_operations->close(disk, file);
}

static enum kaya_status write_file(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                   const struct kaya_span *spans, size_t count, size_t *done)
{
    static unsigned value;
    enum kaya_status status = true_operations->write(disk, file, offset, spans, count, done);

    printf("write %s %" PRIu64 " %zu %u\n", name_of(file), offset, *done, ++value);
    return status;
}

static enum kaya_status write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                      const struct kaya_span *spans, size_t count, size_t *done)
{
    (void)disk, (void)file, (void)offset, (void)spans, (void)count, (void)done;
    fprintf(stderr, "record: the log makes a durable write, and traces have no "
                    "word for it\n");
    exit(2);
}

static enum kaya_status sync_file(struct kaya_disk *disk, struct kaya_file *file)
{
    printf("sync %s\n", name_of(file));
    return true_operations->sync(disk, file);
}

static enum kaya_status sync_directory(struct kaya_disk *disk, enum kaya_directory directory)
{
    if (directory == KAYA_DIRECTORY_LOG)
        printf("sync_directory\n");
    return true_operations->sync_directory(disk, directory);
}

static enum kaya_status set_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    printf("truncate %s %" PRIu64 "\n", name_of(file), bytes);
    return true_operations->truncate(disk, file, bytes);
}

static enum kaya_status rename_file(struct kaya_disk *disk, const char *from, const char *to)
{
    enum kaya_status status = true_operations->rename(disk, from, to);

    if (status != KAYA_OK)
        return status;
    printf("rename %s %s\n", from, to);
    for (unsigned i = 0; i < HANDLES_MAX; i++)
        if (handles[i].file != NULL && strcmp(handles[i].name, from) == 0)
            strcpy(handles[i].name, to);
    return KAYA_OK;
}

static enum kaya_status unlink_file(struct kaya_disk *disk, const char *name)
{
    enum kaya_status status = true_operations->unlink(disk, name);

    if (status == KAYA_OK)
        printf("unlink %s\n", name);
    return status;
}

static struct kaya_disk *make_disk(void)
{
    static struct kaya_disk_operations operations;
    struct kaya_sim_disk_options options = { .choices = kaya_choices_from_bytes(NULL, 0),
                                             .cannot_allocate = true };
    struct kaya_sim_disk *sim;
    struct kaya_disk *disk;

    must(kaya_sim_disk_create(&options, &sim));
    disk = kaya_sim_disk_boot(sim);
    true_operations = disk->operations;
    operations = *true_operations;
    operations.open = open_file;
    operations.close = close_file;
    operations.write = write_file;
    operations.write_durable = write_durable;
    operations.sync = sync_file;
    operations.sync_directory = sync_directory;
    operations.truncate = set_size;
    operations.rename = rename_file;
    operations.unlink = unlink_file;
    disk->operations = &operations;
    return disk;
}

static uint64_t append(struct kaya_wal_writer *log, size_t length, enum kaya_durability_mode mode)
{
    static const char bytes[512];
    struct kaya_wal_payload payload = { KAYA_RECORD_PUT, bytes, length };
    uint64_t lsn;

    must(kaya_wal_writer_append(log, &payload, mode, &lsn));
    return lsn;
}

int main(void)
{
    struct kaya_wal_environment environment = { .disk = make_disk(),
                                                .runtime = kaya_posix_runtime(),
                                                .allocator = kaya_posix_allocator() };
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512, .stride_bytes = 512 };
    struct kaya_wal_writer *log = NULL;
    uint64_t lsn;

    printf("# The disk calls of a short life of the log, by record.c\n");
    must(kaya_wal_writer_open(&environment, &config, &log, NULL));
    append(log, 100, KAYA_STRICT);
    append(log, 40, KAYA_RELAXED);
    append(log, 200, KAYA_STRICT);
    must(kaya_wal_writer_rotate(log));
    lsn = append(log, 300, KAYA_STRICT);
    must(kaya_wal_writer_truncate_before(log, lsn, NULL));
    append(log, 150, KAYA_RELAXED);
    must(kaya_wal_writer_close(log));
    return 0;
}
