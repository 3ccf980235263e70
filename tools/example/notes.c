/* Notes that survive: `notes DIR [NOTE]...` keeps each note and prints all there are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/reader.h"
#include "kaya/wal.h"

/* Everything the log holds, oldest first: how a program gets its state back after a restart. */
static enum kaya_status replay(const struct kaya_wal_environment *environment)
{
    struct kaya_wal_recovery_report report;
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    enum kaya_status status = kaya_wal_reader_open(environment, NULL, &reader, &report);

    while (status == KAYA_OK && (status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        printf("%" PRIu64 ": %.*s\n", record.lsn, (int)record.length, (const char *)record.bytes);
    kaya_wal_reader_close(reader);
    return status == KAYA_END ? KAYA_OK : status;
}

static enum kaya_status keep(const struct kaya_wal_environment *environment, int count, char **notes)
{
    struct kaya_wal_writer *log = NULL;
    enum kaya_status status = kaya_wal_writer_open(environment, NULL, &log, NULL); /* recovers, or begins */

    for (int i = 0; status == KAYA_OK && i < count; i++) {
        struct kaya_wal_payload note = { KAYA_RECORD_PUT, notes[i], strlen(notes[i]) };
        status = kaya_wal_writer_append(log, &note, KAYA_STRICT, NULL); /* KAYA_OK: it is durable */
    }
    enum kaya_status closed = kaya_wal_writer_close(log); /* takes NULL */
    return status == KAYA_OK ? closed : status;
}

int main(int argc, char **argv)
{
    struct kaya_wal_environment environment = { .runtime = kaya_posix_runtime(),
                                                .allocator = kaya_posix_allocator() };
    enum kaya_status status = KAYA_INVALID;

    if (argc >= 2)
        status = kaya_posix_disk_create(argv[1], true, &environment.disk);
    if (status == KAYA_OK)
        status = keep(&environment, argc - 2, argv + 2);
    if (status == KAYA_OK)
        status = replay(&environment);
    kaya_posix_disk_destroy(environment.disk);
    if (status != KAYA_OK)
        fprintf(stderr, "notes: %s\n", kaya_status_text(status));
    return status != KAYA_OK;
}
