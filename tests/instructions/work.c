/* The work whose instructions are counted: RECORDS appends, or one recovery of so many records, on real files of which none is synced.
 *
 *     work DIRECTORY strict|submitted|relaxed|buffered BYTES     appends; the directory is not there before
 *     work DIRECTORY recover                                     what an append left there
 *
 * Counted is what runs within kaya_wal_writer_append, _submit and _wait, and kaya_wal_recover, by callgrind's toggle: see check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/wal.h"

enum { RECORDS = 4000, BYTES_MAX = 65536, IN_FLIGHT = 16 };

static void must(enum kaya_status status)
{
    if (status == KAYA_OK)
        return;
    fprintf(stderr, "work: %s\n", kaya_status_text(status));
    exit(1);
}

static enum kaya_status no_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    (void)disk;
    (void)file;
    return KAYA_OK;
}

static enum kaya_status no_directory_sync(struct kaya_disk *disk, enum kaya_directory directory)
{
    (void)disk;
    (void)directory;
    return KAYA_OK;
}

static void append_all(struct kaya_wal_writer *writer, enum kaya_durability_mode mode, size_t length)
{
    static unsigned char bytes[BYTES_MAX];
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, bytes, length };

    for (unsigned i = 0; i < RECORDS; i++) {
        memset(bytes, (int)(i & 0xff), length);
        must(kaya_wal_writer_append(writer, &payload, mode, NULL));
    }
}

static void submit_all(struct kaya_wal_writer *writer, size_t length)
{
    static unsigned char bytes[BYTES_MAX];
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, bytes, length };
    struct kaya_wal_ticket ticket;

    for (unsigned i = 0; i < RECORDS; i++) {
        must(kaya_wal_writer_submit(writer, &payload, KAYA_STRICT, NULL, &ticket));
        if (i % IN_FLIGHT == IN_FLIGHT - 1)
            must(kaya_wal_writer_wait(writer, &ticket, KAYA_WAIT_FOREVER));
    }
}

int main(int argc, char **argv)
{
    struct kaya_wal_environment environment = { .runtime = kaya_posix_runtime(),
                                                .allocator = kaya_posix_allocator() };
    struct kaya_disk_operations operations;
    struct kaya_wal_writer *writer;
    const char *work = argc > 2 ? argv[2] : "";
    size_t length = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

    if (argc < 3 || length > BYTES_MAX)
        return 2;
    must(kaya_posix_disk_create(argv[1], true, &environment.disk));
    operations = *environment.disk->operations;
    operations.sync = no_sync;
    operations.sync_directory = no_directory_sync;
    environment.disk->operations = &operations;
    if (strcmp(work, "recover") == 0) {
        struct kaya_wal_recovery_report report;

        must(kaya_wal_recover(&environment, NULL, &report));
        printf("%llu\n", (unsigned long long)report.last_lsn);
        return 0;
    }
    must(kaya_wal_writer_open(&environment, NULL, &writer, NULL));
    if (strcmp(work, "submitted") == 0)
        submit_all(writer, length);
    else
        append_all(writer,
                   strcmp(work, "strict") == 0    ? KAYA_STRICT
                   : strcmp(work, "relaxed") == 0 ? KAYA_RELAXED
                                                  : KAYA_BUFFERED,
                   length);
    printf("%llu\n", (unsigned long long)kaya_wal_writer_last_lsn(writer));
    must(kaya_wal_writer_close(writer));
    kaya_posix_disk_destroy(environment.disk);
    return 0;
}
