/* Notes that survive: `notes DIR [NOTE]...` keeps each note and prints all there are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/reader.h"

/* Everything the log holds, oldest first: how a program gets its state back after a restart. */
static enum kaya_status replay(const struct kaya_posix_log *log)
{
    struct kaya_wal_reader_options options = { .writer = log->writer };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    enum kaya_status status = kaya_wal_reader_open(&log->environment, &options, &reader, NULL);

    while (status == KAYA_OK && (status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        printf("%" PRIu64 ": %.*s\n", record.lsn, (int)record.length, (const char *)record.bytes);
    kaya_wal_reader_close(reader); /* takes NULL */
    return status == KAYA_END ? KAYA_OK : status;
}

int main(int argc, char **argv)
{
    struct kaya_posix_log log = KAYA_POSIX_LOG_NONE;
    enum kaya_status status = KAYA_INVALID;

    if (argc >= 2)
        status = kaya_posix_log_open(argv[1], NULL, NULL, &log, NULL); /* recovers, or begins */
    for (int i = 2; status == KAYA_OK && i < argc; i++) {
        struct kaya_wal_payload note = { KAYA_RECORD_PUT, argv[i], strlen(argv[i]) };
        status = kaya_wal_writer_append(log.writer, &note, KAYA_STRICT, NULL); /* KAYA_OK: it is durable */
    }
    if (status == KAYA_OK)
        status = replay(&log);
    enum kaya_status closed = kaya_posix_log_close(&log);
    if (status == KAYA_OK)
        status = closed;
    if (status != KAYA_OK)
        fprintf(stderr, "notes: %s\n", kaya_status_text(status));
    return status != KAYA_OK;
}
