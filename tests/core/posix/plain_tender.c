/* The thread that tends.
 *
 * Goal: what it is for happens without anybody calling tend; it sleeps while there is nothing to do, also where a preparation fails for good; and
 * it ends whenever it is told to, whoever closes first. A plain program, so that ThreadSanitizer can look on.
 *
 * Method: a listener and completions note by which thread they were called; the process's time on the processor tells whether anybody
 * spins; a disk whose files cannot be made stands for a full one. */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kaya/posix.h"
#include "many_threads.h"
#include "scratch_directory.h"

enum { RECORDS = 400, BYTES = 300, SEGMENT_BYTES = 32768, WAIT_MS_MAX = 20000 };

static struct {
    pthread_mutex_t mutex;
    pthread_t appender;
    unsigned by_appender, by_tender; /* spares made */
    unsigned failed;                 /* preparations */
    unsigned written_by_tender;
    unsigned completed, completed_by_appender;
} seen = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static unsigned look(const unsigned *count)
{
    unsigned value;

    (void)pthread_mutex_lock(&seen.mutex);
    value = *count;
    (void)pthread_mutex_unlock(&seen.mutex);
    return value;
}

static void forget(void)
{
    (void)pthread_mutex_lock(&seen.mutex);
    seen.appender = pthread_self();
    seen.by_appender = seen.by_tender = seen.failed = seen.completed = seen.completed_by_appender = 0;
    seen.written_by_tender = 0;
    (void)pthread_mutex_unlock(&seen.mutex);
}

static void hear(void *user, const struct kaya_event *event)
{
    (void)user;
    (void)pthread_mutex_lock(&seen.mutex);
    if (event->kind == KAYA_EVENT_PREPARATION_FAILED)
        seen.failed++;
    if (event->kind == KAYA_EVENT_SEGMENT_PREPARED) {
        if (pthread_equal(pthread_self(), seen.appender))
            seen.by_appender++;
        else
            seen.by_tender++;
    }
    (void)pthread_mutex_unlock(&seen.mutex);
}

static void complete(struct kaya_wal_completion *completion)
{
    MUST(completion->status == KAYA_OK);
    (void)pthread_mutex_lock(&seen.mutex);
    seen.completed++;
    if (pthread_equal(pthread_self(), seen.appender))
        seen.completed_by_appender++;
    (void)pthread_mutex_unlock(&seen.mutex);
}

static void sleep_ms(unsigned ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

    (void)nanosleep(&time, NULL);
}

static void await_count(const unsigned *count, unsigned wanted)
{
    for (unsigned ms = 0; look(count) < wanted; ms++) {
        MUST(ms < WAIT_MS_MAX);
        sleep_ms(1);
    }
}

static unsigned processor_ms(void)
{
    struct timespec time;

    MUST(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (unsigned)(time.tv_sec * 1000 + time.tv_nsec / 1000000);
}

static void open_log(struct kaya_posix_log *log, const char *path, bool without_tender)
{
    struct kaya_posix_log_options options = { .without_tender = without_tender };
    struct kaya_wal_config config = {
        .segment_bytes = SEGMENT_BYTES, .stride_bytes = 4096, .spare_count = 4, .on_event = hear
    };

    forget();
    MUST(kaya_posix_log_open(path, &options, &config, log, NULL) == KAYA_OK);
    MUST((log->tender == NULL) == without_tender);
}

static struct kaya_wal_payload payload_of(void)
{
    static char bytes[BYTES];

    return (struct kaya_wal_payload){ KAYA_RECORD_OPAQUE, bytes, sizeof bytes };
}

static void append(struct kaya_posix_log *log, unsigned count)
{
    struct kaya_wal_payload payload = payload_of();

    for (unsigned i = 0; i < count; i++)
        MUST(kaya_wal_writer_append(log->writer, &payload, KAYA_RELAXED, NULL) == KAYA_OK);
}

/* A rotation takes one of four, which is then nobody's task but the tender's. */
static void spares_are_made_without_anybody_asking(const char *path)
{
    struct kaya_posix_log log;

    for (unsigned with = 0; with < 2; with++) {
        open_log(&log, path, with == 0);
        for (unsigned spares = 1; spares < 4; spares++) {
            append(&log, 1);
            MUST(kaya_wal_writer_rotate(log.writer) == KAYA_OK);
            if (with == 1)
                await_count(&seen.by_tender, spares);
        }
        MUST(with == 1 || look(&seen.by_tender) == 0);
        append(&log, RECORDS);
        MUST(kaya_posix_log_close(&log) == KAYA_OK);
    }
}

static void submitted_records_become_durable(const char *path)
{
    static struct kaya_wal_completion completions[RECORDS];
    struct kaya_wal_payload payload = payload_of();
    struct kaya_posix_log log;

    open_log(&log, path, false);
    for (unsigned i = 0; i < RECORDS; i++) {
        completions[i] = (struct kaya_wal_completion){ .completed = complete };
        MUST(kaya_wal_writer_submit(log.writer, &payload, KAYA_STRICT, &completions[i], NULL) == KAYA_OK);
        if (i % 100 == 0)
            await_count(&seen.completed, i + 1); /* the last one as well, with nothing behind it */
    }
    await_count(&seen.completed, RECORDS);
    MUST(seen.completed_by_appender == 0);
    MUST(kaya_wal_writer_durable_lsn(log.writer) == kaya_wal_writer_last_lsn(log.writer));
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

static void it_sleeps_while_nothing_is_to_be_done(const char *path)
{
    struct kaya_posix_log log;
    unsigned before;

    open_log(&log, path, false);
    append(&log, 10);
    sleep_ms(50);
    before = processor_ms();
    sleep_ms(400);
    MUST(processor_ms() - before < 100);
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

/* ---- a disk that counts who writes ---- */

static const struct kaya_disk_operations *real;

static enum kaya_status count_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                    const struct kaya_span *spans, size_t span_count, size_t *done)
{
    (void)pthread_mutex_lock(&seen.mutex);
    if (!pthread_equal(pthread_self(), seen.appender))
        seen.written_by_tender++;
    (void)pthread_mutex_unlock(&seen.mutex);
    return real->write(disk, file, offset, spans, span_count, done);
}

/* Blocks of 32 KiB and strides of 48 KiB: half a stride before the end of the third one lies inside a block. The record that passes that place is
 * buffered, as are those before and behind it in the block, and nothing else happens to the log. */
static void it_writes_ahead_of_buffered_records(const char *path)
{
    enum { BLOCK_BYTES = 32768, STRIDE_BYTES = 3 * BLOCK_BYTES / 2, FRAME_BYTES = BYTES + 28 };
    enum { FIRST_BLOCK_RECORDS = (BLOCK_BYTES - 84) / FRAME_BYTES };
    enum { PASSED_RECORDS = (3 * STRIDE_BYTES - STRIDE_BYTES / 2 - 3 * BLOCK_BYTES) / FRAME_BYTES + 5 };
    struct kaya_posix_log_options options = { .without_tender = true };
    struct kaya_wal_config config = { .block_bytes = BLOCK_BYTES, .stride_bytes = STRIDE_BYTES };
    struct kaya_wal_payload payload = payload_of();
    struct kaya_disk_operations counting;
    struct kaya_posix_log log;

    forget();
    MUST(kaya_posix_log_open(path, &options, &config, &log, NULL) == KAYA_OK);
    real = log.environment.disk->operations;
    counting = *real;
    counting.write = count_write;
    log.environment.disk->operations = &counting;
    MUST(kaya_posix_tender_start(log.writer, &log.tender) == KAYA_OK);
    for (unsigned i = 0; i < FIRST_BLOCK_RECORDS + PASSED_RECORDS; i++) {
        MUST(kaya_wal_writer_append(log.writer, &payload, KAYA_BUFFERED, NULL) == KAYA_OK);
        if (i == 0)
            await_count(&seen.written_by_tender, 1);
    }
    await_count(&seen.written_by_tender, 2);
    kaya_posix_tender_stop(log.tender);
    log.tender = NULL;
    log.environment.disk->operations = real;
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

/* ---- a disk on which nothing new can be made ---- */

static enum kaya_status refuse_new(struct kaya_disk *disk, const char *name, unsigned flags,
                                   struct kaya_file **file)
{
    return (flags & KAYA_OPEN_CREATE) != 0 ? KAYA_FULL : real->open(disk, name, flags, file);
}

static void it_tries_now_and_then_where_it_cannot(const char *path)
{
    struct kaya_posix_log log;
    struct kaya_disk_operations full;
    unsigned before;

    open_log(&log, path, true);
    real = log.environment.disk->operations;
    full = *real;
    full.open = refuse_new;
    log.environment.disk->operations = &full;
    MUST(kaya_posix_tender_start(log.writer, &log.tender) == KAYA_OK);
    append(&log, 1);
    MUST(kaya_wal_writer_rotate(log.writer) == KAYA_OK);
    await_count(&seen.failed, 1);
    before = processor_ms();
    append(&log, 20);
    sleep_ms(400);
    MUST(look(&seen.failed) <= 2);
    MUST(processor_ms() - before < 100);
    await_count(&seen.failed, 2);
    kaya_posix_tender_stop(log.tender);
    log.tender = NULL;
    log.environment.disk->operations = real;
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

/* ---- ending ---- */

static void *stop_log(void *argument)
{
    MUST(kaya_wal_writer_stop(((struct kaya_posix_log *)argument)->writer) == KAYA_OK);
    return NULL;
}

/* At any moment of its life, and beside a stop. */
static void it_ends_when_told(const char *path)
{
    struct kaya_posix_log log;
    struct kaya_posix_tender *tender;
    pthread_t stopper;

    open_log(&log, path, true);
    for (unsigned i = 0; i < 100; i++) {
        MUST(kaya_posix_tender_start(log.writer, &tender) == KAYA_OK);
        if (i % 3 == 0)
            append(&log, 5);
        kaya_posix_tender_stop(tender);
    }
    kaya_posix_tender_stop(NULL);
    MUST(kaya_posix_tender_start(log.writer, &tender) == KAYA_OK);
    MUST(pthread_create(&stopper, NULL, stop_log, &log) == 0);
    kaya_posix_tender_stop(tender);
    MUST(pthread_join(stopper, NULL) == 0);
    MUST(kaya_posix_tender_start(log.writer, &tender) == KAYA_OK); /* nothing to do any more */
    kaya_posix_tender_stop(tender);
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
    for (unsigned i = 0; i < 20; i++) {
        open_log(&log, path, false);
        if (i % 4 == 0)
            sleep_ms(5); /* so that it sleeps */
        if (i % 2 == 0)
            MUST(kaya_wal_writer_stop(log.writer) == KAYA_OK);
        MUST(kaya_posix_log_close(&log) == KAYA_OK);
    }
}

static void a_log_that_does_not_open_leaves_nothing(void)
{
    struct kaya_posix_log log;

    MUST(kaya_posix_log_open("/nowhere/at/all", NULL, NULL, &log, NULL) == KAYA_NOT_FOUND);
    MUST(log.writer == NULL && log.tender == NULL && log.environment.disk == NULL);
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

/* --- an append beside a stride that is written ahead ----------------------------------------------------------------- */

static struct {
    struct kaya_disk_operations operations;
    const struct kaya_disk_operations *true_ones;
    struct kaya_posix_log *log; /* NULL: the appender is under way, or not wanted yet */
    pthread_t thread;
} beside;

static void *append_one(void *argument)
{
    append(argument, 1);
    return NULL;
}

static enum kaya_status write_beside_an_append(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                               const struct kaya_span *spans, size_t span_count, size_t *done)
{
    if (beside.log != NULL) {
        MUST(pthread_create(&beside.thread, NULL, append_one, beside.log) == 0);
        beside.log = NULL;
        sleep_ms(50); /* it has encoded its record by now, and waits */
    }
    return beside.true_ones->write(disk, file, offset, spans, span_count, done);
}

/* Whoever waits for his record while a stride is written is woken when that is over, also where the last flight went further: in the segment before. */
static void an_append_beside_a_stride_is_woken(const char *path)
{
    struct kaya_wal_payload payload = payload_of();
    struct kaya_posix_log log;
    struct timespec until;
    bool more = true;

    open_log(&log, path, true);
    append(&log, 60);
    MUST(kaya_wal_writer_rotate(log.writer) == KAYA_OK);
    while (more)
        MUST(kaya_wal_writer_tend(log.writer, &more) == KAYA_OK);
    beside.true_ones = log.environment.disk->operations;
    beside.operations = *beside.true_ones;
    beside.operations.write = write_beside_an_append;
    log.environment.disk->operations = &beside.operations;
    for (beside.log = &log; beside.log != NULL;) {
        beside.log = NULL;
        MUST(kaya_wal_writer_append(log.writer, &payload, KAYA_BUFFERED, NULL) == KAYA_OK);
        beside.log = &log;
        MUST(kaya_wal_writer_tend(log.writer, NULL) == KAYA_OK);
    }
    MUST(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += WAIT_MS_MAX / 1000;
    MUST(pthread_timedjoin_np(beside.thread, NULL, &until) == 0);
    log.environment.disk->operations = beside.true_ones;
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

/* Of the thread of that name in this process: the signals that it does not take. */
static bool find_blocked_signals(const char *name, unsigned long long *blocked)
{
    DIR *tasks = opendir("/proc/self/task");
    bool found = false;
    struct dirent *task;

    MUST(tasks != NULL);
    while (!found && (task = readdir(tasks)) != NULL) {
        char path[300], line[200];
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", task->d_name);
        file = fopen(path, "r");
        while (file != NULL && fgets(line, sizeof line, file) != NULL) {
            char other[100];

            found = found || (sscanf(line, "Name: %99s", other) == 1 && strcmp(other, name) == 0);
            if (found && sscanf(line, "SigBlk: %llx", blocked) == 1)
                break;
        }
        if (file != NULL)
            (void)fclose(file);
    }
    (void)closedir(tasks);
    return found;
}

/* Signals are the program's. A thread begins with all of them blocked, whatever it will have: so it is looked at more than once. */
static void it_takes_no_signals(const char *path)
{
    enum { LOOKS = 20 };
    static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM };
    struct kaya_posix_log log;
    unsigned looks = 0;

    MUST(kaya_posix_log_open(path, NULL, NULL, &log, NULL) == KAYA_OK);
    for (unsigned waited_ms = 0; looks < LOOKS && waited_ms < WAIT_MS_MAX; waited_ms += 2) {
        unsigned long long blocked = 0;

        (void)usleep(2000);
        if (!find_blocked_signals("kaya-tender", &blocked))
            continue;
        looks++;
        for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
            MUST((blocked >> (signals[i] - 1) & 1) != 0);
    }
    MUST(looks == LOOKS);
    MUST(kaya_posix_log_close(&log) == KAYA_OK);
}

int main(void)
{
    static void (*const tests[])(const char *) = {
        spares_are_made_without_anybody_asking, submitted_records_become_durable,
        it_sleeps_while_nothing_is_to_be_done,  it_writes_ahead_of_buffered_records,
        it_tries_now_and_then_where_it_cannot,  it_ends_when_told,
        an_append_beside_a_stride_is_woken,     it_takes_no_signals,
    };
    char path[SCRATCH_PATH_BYTES];

    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        MUST(kaya_tests_scratch_make(path));
        tests[i](path);
        kaya_tests_scratch_remove(path);
    }
    a_log_that_does_not_open_leaves_nothing();
    return EXIT_SUCCESS;
}
