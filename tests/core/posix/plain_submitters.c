/* Many threads that keep many records in flight, on real files.
 *
 * Goal: every record that was taken comes back once and in the order of its thread; every ticket is complete in the end, every completion was called
 * once; nothing deadlocks, at no limit and under no delay, and ThreadSanitizer has nothing to say. Method: submitters that wait, that only poll and
 * that are called back, beside appenders that buffer and flush, one thread that tends and one that rotates and trims nothing; then a
 * stop under load. Again for each way to be limited. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"
#include "kaya/reader.h"
#include "many_threads.h"
#include "scratch_directory.h"

enum { RECORDS = 400, IN_FLIGHT = 32, BYTES_MAX = 300, BATCH = 3 };

enum kind { WAITER, POLLER, CALLED, BUFFERER, KINDS };
enum { THREADS = 2 * KINDS };

struct worker {
    pthread_t thread;
    unsigned number;
    enum kind kind;
    unsigned count; /* records that were taken */
    struct kaya_wal_ticket tickets[IN_FLIGHT];
    struct kaya_wal_completion completions[IN_FLIGHT];
};

static struct kaya_wal_environment environment;
static struct kaya_wal_writer *writer;
static struct worker workers[THREADS];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards the rest */
static bool is_over;
static bool is_called[THREADS][IN_FLIGHT]; /* or has no record in flight */
static unsigned submitted, called;

static bool over(void)
{
    return is_set(&mutex, &is_over);
}

/* One record or a batch. KAYA_OK: *count of them were taken. */
static enum kaya_status submit(struct worker *worker, enum kaya_durability_mode mode,
                               struct kaya_wal_completion *completion, struct kaya_wal_ticket *ticket,
                               unsigned *count)
{
    char bytes[BATCH][BYTES_MAX];
    struct kaya_wal_payload payloads[BATCH];

    *count = worker->count % 7 == 3 ? BATCH : 1;
    for (unsigned i = 0; i < *count; i++)
        payloads[i] =
            (struct kaya_wal_payload){ KAYA_RECORD_PUT, bytes[i],
                                       make_record(bytes[i], BYTES_MAX, worker->number, worker->count + i) };
    if (worker->kind == BUFFERER)
        return kaya_wal_writer_append_batch(writer, payloads, *count, mode, &ticket->first_lsn,
                                            &ticket->last_lsn);
    return *count == 1 ? kaya_wal_writer_submit(writer, payloads, mode, completion, ticket)
                       : kaya_wal_writer_submit_batch(writer, payloads, *count, mode, completion, ticket);
}

static void complete(struct kaya_wal_completion *completion)
{
    struct worker *worker = completion->user;

    MUST(completion->status == KAYA_OK);
    if (completion->ticket.mode == KAYA_STRICT)
        MUST(kaya_wal_writer_durable_lsn(writer) >= completion->ticket.last_lsn);
    (void)pthread_mutex_lock(&mutex);
    called++;
    MUST(!is_called[worker->number][completion - worker->completions]);
    is_called[worker->number][completion - worker->completions] = true;
    (void)pthread_mutex_unlock(&mutex);
}

/* The place in the flight is free, or becomes so. */
static bool is_free(struct worker *worker, unsigned place)
{
    struct kaya_wal_ticket *ticket = &worker->tickets[place];
    enum kaya_status status = KAYA_OK;
    bool free = true;

    switch (worker->kind) {
    case WAITER:
        while (ticket->last_lsn != 0 &&
               (status = kaya_wal_writer_wait(writer, ticket, place % 2 ? KAYA_WAIT_FOREVER : 50000)) == KAYA_BUSY)
            ;
        break;
    case POLLER:
        status = ticket->last_lsn != 0 ? kaya_wal_writer_poll(writer, ticket) : KAYA_OK;
        free = status != KAYA_BUSY;
        break;
    case CALLED:
        (void)pthread_mutex_lock(&mutex);
        free = is_called[worker->number][place];
        (void)pthread_mutex_unlock(&mutex);
        if (!free)
            MUST(kaya_wal_writer_poll(writer, NULL) == KAYA_OK);
        return free;
    default:
        if (place == 0)
            status = kaya_wal_writer_flush(writer);
        break;
    }
    MUST(status == KAYA_OK || status == KAYA_BUSY || status == KAYA_ENDED);
    return free;
}

static void note_submitted(struct worker *worker, unsigned place, int by)
{
    (void)pthread_mutex_lock(&mutex);
    submitted += by;
    is_called[worker->number][place] = by < 0;
    (void)pthread_mutex_unlock(&mutex);
}

static void *work(void *argument)
{
    static const enum kaya_durability_mode MODES[] = { KAYA_STRICT, KAYA_STRICT, KAYA_RELAXED, KAYA_BUFFERED };
    struct worker *worker = argument;
    unsigned place = 0;

    while (worker->count < RECORDS) {
        struct kaya_wal_completion *completion = &worker->completions[place];
        enum kaya_durability_mode mode = worker->kind == BUFFERER ? KAYA_BUFFERED : MODES[worker->count % 4];
        enum kaya_status status;
        unsigned count;

        if (!is_free(worker, place))
            continue;
        *completion = (struct kaya_wal_completion){ .completed = complete, .user = worker };
        if (worker->kind == CALLED)
            note_submitted(worker, place, 1);
        status =
            submit(worker, mode, worker->kind == CALLED ? completion : NULL, &worker->tickets[place], &count);
        if (worker->kind == CALLED && status != KAYA_OK)
            note_submitted(worker, place, -1);
        if (status == KAYA_ENDED) /* stopped */
            return NULL;
        MUST(status == KAYA_OK || status == KAYA_BUSY);
        if (status == KAYA_BUSY) {
            status = worker->kind == WAITER ? kaya_wal_writer_sync(writer) : KAYA_OK;
            MUST(status == KAYA_OK || status == KAYA_ENDED); /* stopped meanwhile */
            continue;
        }
        worker->count += count;
        place = (place + 1) % IN_FLIGHT;
    }
    return NULL;
}

static void *tend(void *argument)
{
    enum kaya_status status = KAYA_OK;

    (void)argument;
    while (!over() && status == KAYA_OK)
        status = kaya_wal_writer_tend(writer, NULL);
    MUST(status == KAYA_OK || status == KAYA_ENDED);
    return NULL;
}

static void *rotate(void *argument)
{
    enum kaya_status status = KAYA_OK;

    (void)argument;
    while (!over() && status == KAYA_OK) {
        uint64_t lsn = kaya_wal_writer_last_lsn(writer);

        status = kaya_wal_writer_wait_durable(writer, lsn / 2, 1000);
        if (status == KAYA_OK || status == KAYA_BUSY)
            status = kaya_wal_writer_rotate(writer);
    }
    MUST(status == KAYA_OK || status == KAYA_ENDED);
    return NULL;
}

/* What stands in the log from `first` on is what was taken. */
static void check_log(uint64_t first)
{
    struct kaya_wal_reader *reader;
    struct kaya_wal_recovery_report report;
    struct kaya_wal_record record;
    unsigned found[THREADS] = { 0 };

    MUST(kaya_wal_reader_open(&environment, &(struct kaya_wal_reader_options){ .from_lsn = first }, &reader,
                              &report) == KAYA_OK);
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK)
        (void)find_record(&record, BYTES_MAX, found, THREADS);
    kaya_wal_reader_close(reader);
    for (unsigned i = 0; i < THREADS; i++)
        MUST(found[i] == workers[i].count);
}

static void run(const struct kaya_wal_config *config, bool stops)
{
    pthread_t tender, rotator;
    uint64_t first;

    is_over = false;
    submitted = called = 0;
    MUST(kaya_wal_writer_open(&environment, config, &writer, NULL) == KAYA_OK);
    first = kaya_wal_writer_last_lsn(writer) + 1;
    MUST(pthread_create(&tender, NULL, tend, NULL) == 0);
    MUST(pthread_create(&rotator, NULL, rotate, NULL) == 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .number = i, .kind = (enum kind)(i % KINDS) };
        for (unsigned place = 0; place < IN_FLIGHT; place++)
            is_called[i][place] = true;
        MUST(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    if (stops) {
        while (kaya_wal_writer_durable_lsn(writer) < first + RECORDS / 2)
            MUST(kaya_wal_writer_wait_durable(writer, kaya_wal_writer_last_lsn(writer), 1000) != KAYA_IO);
        MUST(kaya_wal_writer_stop(writer) == KAYA_OK);
    }
    for (unsigned i = 0; i < THREADS; i++)
        MUST(pthread_join(workers[i].thread, NULL) == 0);
    (void)pthread_mutex_lock(&mutex);
    is_over = true;
    (void)pthread_mutex_unlock(&mutex);
    MUST(pthread_join(tender, NULL) == 0);
    MUST(pthread_join(rotator, NULL) == 0);
    if (!stops)
        MUST(kaya_wal_writer_stop(writer) == KAYA_OK);
    MUST(submitted == called);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned place = 0;
             place < IN_FLIGHT && workers[i].kind != BUFFERER && workers[i].kind != CALLED; place++)
            if (workers[i].tickets[place].last_lsn != 0)
                MUST(kaya_wal_writer_wait(writer, &workers[i].tickets[place], KAYA_WAIT_FOREVER) == KAYA_OK);
    MUST(kaya_wal_writer_close(writer) == KAYA_OK);
    check_log(first);
}

int main(void)
{
    static const struct kaya_wal_config CONFIGS[] = {
        { .segment_bytes = 32768, .spare_count = 3 },
        { .segment_bytes = 65536, .buffer_bytes = 4096, .submitted_records_max = 40 },
        { .segment_bytes = 65536, .buffer_bytes = 4096, .submitted_bytes_max = 5000, .full_is_busy = true },
        { .segment_bytes = 65536, .commit_delay_ns = 200000, .submitted_records_max = 25 },
    };
    char path[SCRATCH_PATH_BYTES];

    MUST(kaya_tests_scratch_make(path));
    environment.runtime = kaya_posix_runtime();
    environment.allocator = kaya_posix_allocator();
    MUST(kaya_posix_disk_create(path, true, &environment.disk) == KAYA_OK);
    for (size_t i = 0; i < sizeof CONFIGS / sizeof *CONFIGS; i++) {
        run(&CONFIGS[i], false);
        run(&CONFIGS[i], true);
    }
    kaya_posix_disk_destroy(environment.disk);
    kaya_tests_scratch_remove(path);
    return EXIT_SUCCESS;
}
