/* Many threads and one writer, on real files.
 *
 * Goal: every record acknowledged comes back once, in the order of its thread and with the number that its append answered; strict ones were
 * durable when they were; nothing deadlocks, and ThreadSanitizer has nothing to say. Method: appenders of all kinds beside one thread that
 * tends, one that rotates and trims, one that reads; then a stop under load, after which every call is answered; and a disk that counts its slow
 * syncs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kaya/posix.h"
#include "kaya/reader.h"
#include "many_threads.h"
#include "scratch_directory.h"

enum { APPENDERS = 6, RECORDS = 120, RECORDS_AFTER_TRIM = 30, BYTES_MAX = 700, BATCH = 3 };

struct appender {
    pthread_t thread;
    unsigned number;
    uint64_t lsns[RECORDS]; /* of what was acknowledged */
    unsigned count;
};

static struct kaya_wal_environment environment;
static struct kaya_wal_writer *writer;
static struct appender appenders[APPENDERS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool is_over;

static bool over(void)
{
    return is_set(&mutex, &is_over);
}

static enum kaya_status append_one(unsigned thread, unsigned record, uint64_t *lsn)
{
    char bytes[BYTES_MAX];
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, bytes,
                                        make_record(bytes, BYTES_MAX, thread, record) };
    enum kaya_durability_mode mode = record % 3 == 0 ? KAYA_RELAXED : KAYA_STRICT;
    enum kaya_status status = kaya_wal_writer_append(writer, &payload, mode, lsn);

    if (status == KAYA_OK && mode == KAYA_STRICT)
        MUST(kaya_wal_writer_durable_lsn(writer) >= *lsn);
    return status;
}

static enum kaya_status append_batch(unsigned thread, unsigned record, uint64_t *first)
{
    char bytes[BATCH][BYTES_MAX];
    struct kaya_wal_payload payloads[BATCH];
    uint64_t last = 0;
    enum kaya_status status;

    for (unsigned i = 0; i < BATCH; i++)
        payloads[i] = (struct kaya_wal_payload){ KAYA_RECORD_PUT, bytes[i],
                                                 make_record(bytes[i], BYTES_MAX, thread, record + i) };
    status = kaya_wal_writer_append_batch(writer, payloads, BATCH, KAYA_STRICT, first, &last);
    if (status == KAYA_OK)
        MUST(last == *first + BATCH - 1);
    return status;
}

static void *append_all(void *argument)
{
    struct appender *appender = argument;

    while (appender->count < RECORDS) {
        bool is_batch = appender->count % 10 == 5;
        uint64_t lsn = 0;
        enum kaya_status status = is_batch ? append_batch(appender->number, appender->count, &lsn)
                                           : append_one(appender->number, appender->count, &lsn);

        if (status == KAYA_ENDED) /* stopped */
            return NULL;
        MUST(status == KAYA_OK);
        MUST(appender->count == 0 || lsn > appender->lsns[appender->count - 1]);
        for (unsigned i = 0; i < (is_batch ? BATCH : 1); i++)
            appender->lsns[appender->count++] = lsn + i;
    }
    return NULL;
}

static void *tend(void *argument)
{
    (void)argument;
    while (!over())
        MUST(kaya_wal_writer_tend(writer, NULL) == KAYA_OK);
    return NULL;
}

static void *sync_and_rotate(void *argument)
{
    (void)argument;
    while (!over()) {
        MUST(kaya_wal_writer_sync(writer) == KAYA_OK);
        MUST(kaya_wal_writer_rotate(writer) == KAYA_OK);
        MUST(kaya_wal_writer_last_lsn(writer) + 1 >= kaya_wal_writer_first_lsn(writer));
    }
    return NULL;
}

static void *read_again_and_again(void *argument)
{
    struct kaya_wal_reader_options options = { .writer = writer };

    (void)argument;
    while (!over()) {
        struct kaya_wal_recovery_report report;
        struct kaya_wal_reader *reader;
        struct kaya_wal_record record;
        uint64_t next;

        MUST(kaya_wal_reader_open(&environment, &options, &reader, &report) == KAYA_OK);
        for (next = report.first_lsn; next <= report.last_lsn; next++) {
            MUST(kaya_wal_reader_next(reader, &record) == KAYA_OK);
            MUST(record.lsn == next);
        }
        MUST(kaya_wal_reader_next(reader, &record) == KAYA_END);
        kaya_wal_reader_close(reader);
    }
    return NULL;
}

static void open_writer(void)
{
    struct kaya_wal_config config = { .segment_bytes = 32768, .spare_count = 3 };

    MUST(kaya_wal_writer_open(&environment, &config, &writer, NULL) == KAYA_OK);
}

static void start(struct appender *appender)
{
    appender->count = 0;
    MUST(pthread_create(&appender->thread, NULL, append_all, appender) == 0);
}

/* What stands in the log from `first` on is what the appenders were told, each record under its number. */
static void check_log(uint64_t first)
{
    struct kaya_wal_reader *reader;
    struct kaya_wal_recovery_report report;
    struct kaya_wal_record record;
    unsigned found[APPENDERS] = { 0 };

    MUST(kaya_wal_reader_open(&environment, &(struct kaya_wal_reader_options){ .from_lsn = first }, &reader,
                              &report) == KAYA_OK);
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK) {
        unsigned thread = find_record(&record, BYTES_MAX, found, APPENDERS);

        MUST(appenders[thread].lsns[found[thread] - 1] == record.lsn);
    }
    kaya_wal_reader_close(reader);
    for (unsigned i = 0; i < APPENDERS; i++)
        MUST(found[i] == appenders[i].count);
}

static void append_beside_everything(void)
{
    static void *(*const beside[])(void *) = { tend, sync_and_rotate, read_again_and_again };
    enum { BESIDE = sizeof beside / sizeof beside[0] };
    pthread_t threads[BESIDE];

    is_over = false;
    open_writer();
    for (unsigned i = 0; i < BESIDE; i++)
        MUST(pthread_create(&threads[i], NULL, beside[i], NULL) == 0);
    for (unsigned i = 0; i < APPENDERS; i++)
        start(&appenders[i]);
    for (unsigned i = 0; i < APPENDERS; i++)
        MUST(pthread_join(appenders[i].thread, NULL) == 0);
    (void)pthread_mutex_lock(&mutex);
    is_over = true;
    (void)pthread_mutex_unlock(&mutex);
    for (unsigned i = 0; i < BESIDE; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    MUST(kaya_wal_writer_close(writer) == KAYA_OK);
    check_log(1);
}

/* Trims beside appenders; then the log is stopped under them: every call is answered, and what was acknowledged is there. */
static void stop_under_load(void)
{
    uint64_t first, low_water = 0;

    open_writer();
    first = kaya_wal_writer_last_lsn(writer) + 1;
    for (unsigned i = 0; i < APPENDERS; i++)
        start(&appenders[i]);
    while (kaya_wal_writer_last_lsn(writer) < first + APPENDERS * RECORDS_AFTER_TRIM)
        MUST(kaya_wal_writer_truncate_before(writer, first, &low_water) == KAYA_OK);
    MUST(low_water > 1);
    MUST(kaya_wal_writer_stop(writer) == KAYA_OK);
    for (unsigned i = 0; i < APPENDERS; i++)
        MUST(pthread_join(appenders[i].thread, NULL) == 0);
    MUST(kaya_wal_writer_stop(writer) == KAYA_ENDED);
    MUST(kaya_wal_writer_close(writer) == KAYA_OK);
    check_log(first);
}

/* ---- a disk whose syncs take a while ---- */

enum { COMPANIONS = 8, ROUNDS = 20, SYNC_MS = 60 };

static const struct kaya_disk_operations *real;
static unsigned sync_count; /* one at a time: a writer has one flight under way */

static enum kaya_status sync_slowly(struct kaya_disk *disk, struct kaya_file *file)
{
    struct timespec time = { 0, SYNC_MS * 1000000L };

    sync_count++;
    (void)nanosleep(&time, NULL);
    return real->sync(disk, file);
}

static void *append_strictly(void *argument)
{
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, "company", 7 };

    (void)argument;
    for (unsigned i = 0; i < ROUNDS; i++)
        MUST(kaya_wal_writer_append(writer, &payload, KAYA_STRICT, NULL) == KAYA_OK);
    return NULL;
}

/* Threads that always come back share all their syncs. In two halves that take turns they would need twice as many. */
static void share_their_syncs(void)
{
    struct kaya_disk_operations slow = *environment.disk->operations;
    pthread_t threads[COMPANIONS];

    open_writer();
    real = environment.disk->operations;
    slow.sync = sync_slowly;
    environment.disk->operations = &slow;
    for (unsigned i = 0; i < COMPANIONS; i++)
        MUST(pthread_create(&threads[i], NULL, append_strictly, NULL) == 0);
    for (unsigned i = 0; i < COMPANIONS; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    environment.disk->operations = real;
    MUST(sync_count >= ROUNDS);
    MUST(sync_count < 2 * ROUNDS - ROUNDS / 4);
    MUST(kaya_wal_writer_close(writer) == KAYA_OK);
}

int main(void)
{
    char path[SCRATCH_PATH_BYTES];

    MUST(kaya_tests_scratch_make(path));
    environment.runtime = kaya_posix_runtime();
    environment.allocator = kaya_posix_allocator();
    MUST(kaya_posix_disk_create(path, true, &environment.disk) == KAYA_OK);
    for (unsigned i = 0; i < APPENDERS; i++)
        appenders[i].number = i;
    append_beside_everything();
    stop_under_load();
    share_their_syncs();
    kaya_posix_disk_destroy(environment.disk);
    kaya_tests_scratch_remove(path);
    return EXIT_SUCCESS;
}
