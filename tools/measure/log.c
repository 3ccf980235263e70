/* kaya-wal as an engine: a log in the directory, tended by a thread as in a program that embeds it.
 *
 * Between slices what is durable is trimmed away, so that its files come back as spares; where a slice goes on through many files, a thread of its own
 * does so beside it, as the one would that writes a program's checkpoints. Strict records go through files of the usual
 * size and whatever a change of files costs is in the figures; slices of relaxed ones begin with a fresh file and end before it is full. */
#include <pthread.h>
#include <stdlib.h>

#include "kaya/posix.h"
#include "kaya/reader.h"
#include "kaya/wal.h"
#include "measure/engine.h"

enum {
    FILES_AGED = 6,
    AGED_FRAMES_BYTES = 256, /* of the longest record, at most: none is left over for a file of its own */
};

/* Who trims while others append. */
struct trimmer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t change;
    bool is_started, is_wanted, is_busy, shall_end;
    enum kaya_status status; /* of all trims so far */
};

struct log {
    struct kaya_wal_environment environment;
    struct kaya_wal_writer *writer;
    enum kaya_engine_mode mode;
    struct kaya_wal_ticket tickets[KAYA_ENGINE_IN_FLIGHT]; /* submitted: a ring */
    size_t submitted;
    size_t kept_bytes; /* submitted, sustained: appended since the last trim */
    struct kaya_posix_tender *tender;
    struct trimmer trimmer;
};

/* --- counting --------------------------------------------------------------------------------------------------------- */

/* The disk's own table but for three slots. One for the process: see kaya_engine_plan. */
static const struct kaya_disk_operations *plain;
static struct kaya_disk_operations counting;
static struct kaya_engine_counts *counts;

static void note_write(size_t length)
{
    counts->writes++;
    counts->written_bytes += length;
}

static enum kaya_status count_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                    const struct kaya_span *spans, size_t span_count, size_t *done)
{
    enum kaya_status status = plain->write(disk, file, offset, spans, span_count, done);

    if (status == KAYA_OK)
        note_write(*done);
    return status;
}

static enum kaya_status count_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                            const struct kaya_span *spans, size_t span_count, size_t *done)
{
    enum kaya_status status = plain->write_durable(disk, file, offset, spans, span_count, done);

    if (status == KAYA_OK)
        note_write(*done);
    return status;
}

static enum kaya_status count_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    counts->syncs++;
    return plain->sync(disk, file);
}

static void count_on(struct kaya_disk *disk, struct kaya_engine_counts *into)
{
    counts = into;
    plain = disk->operations;
    counting = *plain;
    counting.write = count_write;
    counting.write_durable = count_write_durable;
    counting.sync = count_sync;
    disk->operations = &counting;
}

/* --- appending -------------------------------------------------------------------------------------------------------- */

static const char *said(enum kaya_status status)
{
    return status == KAYA_OK ? NULL : kaya_status_text(status);
}

/* Slices go on through many files. */
static bool goes_on(const struct log *log)
{
    return log->mode == KAYA_ENGINE_SUBMITTED || log->mode == KAYA_ENGINE_SUSTAINED;
}

/* Nobody waits for a sync. */
static bool is_loose(const struct log *log)
{
    return log->mode == KAYA_ENGINE_RELAXED || log->mode == KAYA_ENGINE_BUFFERED;
}

/* Of all that is durable: so that its files come back. */
static enum kaya_status let_go(struct kaya_wal_writer *writer)
{
    return kaya_wal_writer_truncate_before(writer, kaya_wal_writer_durable_lsn(writer) + 1, NULL);
}

static void *trim_when_wanted(void *argument)
{
    struct log *log = argument;
    struct trimmer *trimmer = &log->trimmer;
    enum kaya_status status;

    (void)pthread_mutex_lock(&trimmer->mutex);
    while (!trimmer->shall_end) {
        if (!trimmer->is_wanted) {
            (void)pthread_cond_wait(&trimmer->change, &trimmer->mutex);
            continue;
        }
        trimmer->is_wanted = false;
        trimmer->is_busy = true;
        (void)pthread_mutex_unlock(&trimmer->mutex);
        status = let_go(log->writer);
        (void)pthread_mutex_lock(&trimmer->mutex);
        trimmer->is_busy = false;
        if (trimmer->status == KAYA_OK)
            trimmer->status = status;
        (void)pthread_cond_broadcast(&trimmer->change);
    }
    (void)pthread_mutex_unlock(&trimmer->mutex);
    return NULL;
}

static const char *start_trimmer(struct log *log)
{
    (void)pthread_mutex_init(&log->trimmer.mutex, NULL);
    (void)pthread_cond_init(&log->trimmer.change, NULL);
    log->trimmer.is_started = pthread_create(&log->trimmer.thread, NULL, trim_when_wanted, log) == 0;
    return log->trimmer.is_started ? NULL : "no thread could be started";
}

static void stop_trimmer(struct trimmer *trimmer)
{
    if (!trimmer->is_started)
        return;
    (void)pthread_mutex_lock(&trimmer->mutex);
    trimmer->shall_end = true;
    (void)pthread_cond_broadcast(&trimmer->change);
    (void)pthread_mutex_unlock(&trimmer->mutex);
    (void)pthread_join(trimmer->thread, NULL);
}

static enum kaya_status want_trim(struct trimmer *trimmer)
{
    enum kaya_status status;

    (void)pthread_mutex_lock(&trimmer->mutex);
    trimmer->is_wanted = true;
    (void)pthread_cond_broadcast(&trimmer->change);
    status = trimmer->status;
    (void)pthread_mutex_unlock(&trimmer->mutex);
    return status;
}

/* What was wanted is a part of what is measured. */
static enum kaya_status await_trims(struct trimmer *trimmer)
{
    enum kaya_status status;

    (void)pthread_mutex_lock(&trimmer->mutex);
    while (trimmer->is_wanted || trimmer->is_busy)
        (void)pthread_cond_wait(&trimmer->change, &trimmer->mutex);
    status = trimmer->status;
    (void)pthread_mutex_unlock(&trimmer->mutex);
    return status;
}

static void log_close(void *handle)
{
    struct log *log = handle;

    if (log == NULL)
        return;
    stop_trimmer(&log->trimmer);
    kaya_posix_tender_stop(log->tender);
    (void)!kaya_wal_writer_close(log->writer);
    kaya_posix_disk_destroy(log->environment.disk);
    free(log);
}

/* Write some files full, and let go of them. */
static enum kaya_status age(struct log *log)
{
    static const unsigned char payload[KAYA_ENGINE_RECORD_BYTES_MAX];
    struct kaya_wal_payload record = { .type = KAYA_RECORD_OPAQUE, .bytes = payload, .length = sizeof payload };
    size_t records = (is_loose(log) ? KAYA_ENGINE_FILE_BYTES : KAYA_ENGINE_SYNCED_BYTES) /
                     (sizeof payload + AGED_FRAMES_BYTES);
    enum kaya_status status = KAYA_OK;

    for (unsigned file = 0; file < FILES_AGED && status == KAYA_OK; file++) {
        for (size_t i = 0; i < records && status == KAYA_OK; i++)
            status = kaya_wal_writer_append(log->writer, &record, KAYA_RELAXED, NULL);
        if (status == KAYA_OK)
            status = kaya_wal_writer_rotate(log->writer);
        if (status == KAYA_OK)
            status = let_go(log->writer);
    }
    return status;
}

static const char *start(struct log *log, const struct kaya_engine_plan *plan)
{
    struct kaya_wal_config config = { .spare_count = 3 };
    enum kaya_posix_sync_method method = KAYA_POSIX_FDATASYNC;
    enum kaya_status status;

    if (plan->method != NULL && !kaya_posix_sync_method_find(plan->method, &method))
        return "there is no such method";
    log->environment.runtime = kaya_posix_runtime();
    log->environment.allocator = kaya_posix_allocator();
    log->mode = plan->mode;
    config.segment_bytes = is_loose(log) ? KAYA_ENGINE_FILE_BYTES : KAYA_ENGINE_SYNCED_BYTES;
    status = kaya_posix_disk_create_by(method, plan->directory, true, &log->environment.disk);
    if (status == KAYA_UNSUPPORTED)
        return "this system, or this file system, does not have it";
    if (status == KAYA_OK && plan->counts != NULL)
        count_on(log->environment.disk, plan->counts);
    if (status == KAYA_OK)
        status = kaya_wal_writer_open(&log->environment, &config, &log->writer, NULL);
    if (status != KAYA_OK)
        return said(status);
    if (plan->is_aged)
        status = age(log);
    if (status != KAYA_OK)
        return said(status);
    status = kaya_posix_tender_start(log->writer, &log->tender);
    return status == KAYA_OK && goes_on(log) ? start_trimmer(log) : said(status);
}

static const char *log_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct log *log = calloc(1, sizeof *log);
    const char *error;

    *handle = NULL;
    if (log == NULL)
        return "no memory";
    error = start(log, plan);
    if (error == NULL)
        *handle = log;
    else
        log_close(log);
    return error;
}

/* Who appends more than a few files trims as well: here a file's worth each time. */
static enum kaya_status trim_now_and_then(struct log *log, size_t length)
{
    log->kept_bytes += length + KAYA_ENGINE_FRAME_BYTES;
    if (log->kept_bytes < KAYA_ENGINE_SYNCED_BYTES)
        return KAYA_OK;
    log->kept_bytes = 0;
    return want_trim(&log->trimmer);
}

/* The ticket whose place this one takes is waited for. */
static enum kaya_status submit(struct log *log, const struct kaya_wal_payload *payload)
{
    struct kaya_wal_ticket *ticket = &log->tickets[log->submitted % KAYA_ENGINE_IN_FLIGHT];
    enum kaya_status status = trim_now_and_then(log, payload->length);

    if (status == KAYA_OK && log->submitted >= KAYA_ENGINE_IN_FLIGHT)
        status = kaya_wal_writer_wait(log->writer, ticket, KAYA_WAIT_FOREVER);
    if (status == KAYA_OK)
        status = kaya_wal_writer_submit(log->writer, payload, KAYA_STRICT, NULL, ticket);
    log->submitted++;
    return status;
}

static enum kaya_status sustain(struct log *log, const struct kaya_wal_payload *payload)
{
    enum kaya_status status = trim_now_and_then(log, payload->length);

    return status == KAYA_OK ? kaya_wal_writer_append(log->writer, payload, KAYA_BUFFERED, NULL) : status;
}

static const char *log_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct log *log = handle;
    struct kaya_wal_payload payload = { .type = KAYA_RECORD_OPAQUE, .bytes = bytes, .length = length };

    static const enum kaya_durability_mode modes[] = {
        [KAYA_ENGINE_STRICT] = KAYA_STRICT, [KAYA_ENGINE_RELAXED] = KAYA_RELAXED, [KAYA_ENGINE_BUFFERED] = KAYA_BUFFERED
    };

    (void)thread;
    if (log->mode == KAYA_ENGINE_SUBMITTED)
        return said(submit(log, &payload));
    if (log->mode == KAYA_ENGINE_SUSTAINED)
        return said(sustain(log, &payload));
    return said(kaya_wal_writer_append(log->writer, &payload, modes[log->mode], NULL));
}

static const char *log_finish(void *handle)
{
    struct log *log = handle;
    enum kaya_status status = KAYA_OK;

    if (goes_on(log)) {
        status = kaya_wal_writer_sync(log->writer);
        if (status == KAYA_OK)
            status = await_trims(&log->trimmer);
    }
    return said(status);
}

static const char *log_rest(void *handle)
{
    struct log *log = handle;
    bool more = true;
    enum kaya_status status;

    status = is_loose(log) ? kaya_wal_writer_rotate(log->writer) : kaya_wal_writer_sync(log->writer);
    if (status == KAYA_OK)
        status = let_go(log->writer);
    while (status == KAYA_OK && more)
        status = kaya_wal_writer_tend(log->writer, &more);
    return said(status);
}

/* --- reading back ----------------------------------------------------------------------------------------------------- */

static const char *open_disk(struct kaya_wal_environment *environment, const char *directory)
{
    *environment =
        (struct kaya_wal_environment){ .runtime = kaya_posix_runtime(), .allocator = kaya_posix_allocator() };
    return said(kaya_posix_disk_create(directory, true, &environment->disk));
}

static const char *log_fill(const char *directory, size_t record_bytes, uint64_t bytes)
{
    static const unsigned char payload[KAYA_ENGINE_RECORD_BYTES_MAX] = { 1, 2, 3 };
    struct kaya_wal_payload record = { .type = KAYA_RECORD_OPAQUE, .bytes = payload, .length = record_bytes };
    struct kaya_wal_environment environment;
    struct kaya_wal_writer *writer = NULL;
    const char *error = open_disk(&environment, directory);
    enum kaya_status status, closed;

    if (error != NULL)
        return error;
    status = kaya_wal_writer_open(&environment, NULL, &writer, NULL);
    for (uint64_t i = 0; i < bytes / record_bytes && status == KAYA_OK; i++)
        status = kaya_wal_writer_append(writer, &record, KAYA_RELAXED, NULL);
    closed = kaya_wal_writer_close(writer);
    kaya_posix_disk_destroy(environment.disk);
    return said(status == KAYA_OK ? closed : status);
}

/* Opening a reader looks for the log's end as recovery does, and changes nothing. */
static const char *log_scan(const char *directory, uint64_t *records)
{
    struct kaya_wal_recovery_report report = { .first_lsn = 1 };
    struct kaya_wal_environment environment;
    struct kaya_wal_reader *reader = NULL;
    const char *error = open_disk(&environment, directory);
    enum kaya_status status;

    if (error != NULL)
        return error;
    status = kaya_wal_reader_open(&environment, NULL, &reader, &report);
    *records = report.last_lsn + 1 - report.first_lsn;
    kaya_wal_reader_close(reader);
    kaya_posix_disk_destroy(environment.disk);
    return said(status);
}

const struct kaya_engine kaya_engine_log = {
    .name = "kaya-wal",
    .open = log_open,
    .append = log_append,
    .finish = log_finish,
    .rest = log_rest,
    .close = log_close,
    .fill = log_fill,
    .scan = log_scan,
};
