/* Threads that append for a while.
 *
 * They wait at a gate until all of them are there, and each looks at the clock once a record: the end of one is the begin of the next, so that
 * nothing lies between two latencies. Each counts into a histogram of its own; sums are made when all have ended. Where a record takes no longer
 * than a look at the clock, a slice looks once a stride, and tells no latencies. */
#define _GNU_SOURCE
#include "measure/slice.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum {
    FRAME_BYTES_AT_MOST = 40, /* what an engine may add to a record */
    BUFFERED_STRIDE = 64,
};

struct stage {
    const struct kaya_engine *engine;
    void *handle;
    const struct kaya_slice *slice;
    pthread_mutex_t gate; /* whoever gets through it may begin, unless ... */
    bool gives_up;        /* ... one of them could not be started */
};

struct worker {
    struct stage *stage;
    pthread_t thread;
    unsigned number;
    uint64_t began_ns, ended_ns, records;
    const char *error;
    struct kaya_histogram latencies;
};

uint64_t kaya_clock_ns(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

uint64_t kaya_slice_records_max(size_t record_bytes)
{
    return KAYA_ENGINE_FILE_BYTES / 8 * 7 / (record_bytes + FRAME_BYTES_AT_MOST);
}

unsigned kaya_slice_stride(enum kaya_engine_mode mode)
{
    return mode == KAYA_ENGINE_BUFFERED || mode == KAYA_ENGINE_SUSTAINED ? BUFFERED_STRIDE : 1;
}

static void append_for_a_while(struct worker *worker)
{
    static const unsigned char payload[KAYA_ENGINE_RECORD_BYTES_MAX] = { 1, 2, 3 };
    const struct stage *stage = worker->stage;
    const struct kaya_slice *slice = stage->slice;
    uint64_t share = slice->records_max == 0 ? UINT64_MAX : slice->records_max / slice->threads;
    uint64_t stride = slice->stride > 1 ? slice->stride : 1;
    uint64_t now_ns = kaya_clock_ns();
    uint64_t until_ns = now_ns + slice->nanoseconds;

    worker->began_ns = now_ns;
    while (worker->records < share && now_ns < until_ns && worker->error == NULL) {
        uint64_t before_ns = now_ns;
        uint64_t count = share - worker->records < stride ? share - worker->records : stride;

        for (uint64_t i = 0; i < count && worker->error == NULL; i++)
            worker->error = stage->engine->append(stage->handle, worker->number, payload, slice->record_bytes);
        worker->records += count;
        now_ns = kaya_clock_ns();
        if (stride == 1)
            kaya_histogram_note(&worker->latencies, now_ns - before_ns);
    }
    worker->ended_ns = now_ns;
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    (void)pthread_mutex_lock(&worker->stage->gate);
    (void)pthread_mutex_unlock(&worker->stage->gate);
    if (!worker->stage->gives_up)
        append_for_a_while(worker);
    return NULL;
}

static const char *run_threads(struct stage *stage, struct worker *workers)
{
    unsigned started = 0;

    (void)pthread_mutex_lock(&stage->gate);
    while (started < stage->slice->threads &&
           pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    stage->gives_up = started < stage->slice->threads;
    (void)pthread_mutex_unlock(&stage->gate);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(workers[i].thread, NULL);
    return stage->gives_up ? "no thread could be started" : NULL;
}

static struct kaya_slice_asked asked_so_far(const struct kaya_engine_counts *counts)
{
    if (counts == NULL)
        return (struct kaya_slice_asked){ 0 };
    return (struct kaya_slice_asked){ counts->writes, counts->written_bytes, counts->syncs };
}

static const char *sum_up(const struct worker *workers, unsigned threads, uint64_t ended_ns,
                          struct kaya_slice_result *result, struct kaya_histogram *latencies)
{
    uint64_t began_ns = UINT64_MAX;

    for (unsigned i = 0; i < threads; i++) {
        const struct worker *worker = &workers[i];

        if (worker->error != NULL)
            return worker->error;
        began_ns = worker->began_ns < began_ns ? worker->began_ns : began_ns;
        ended_ns = worker->ended_ns > ended_ns ? worker->ended_ns : ended_ns;
        result->records += worker->records;
        if (latencies != NULL)
            kaya_histogram_add(latencies, &worker->latencies);
    }
    result->seconds = (double)(ended_ns - began_ns) / 1e9;
    return NULL;
}

/* All that is measured. */
static const char *perform(struct stage *stage, struct worker *workers, struct kaya_slice_result *result,
                           struct kaya_histogram *latencies)
{
    const struct kaya_slice *slice = stage->slice;
    struct kaya_slice_asked before = asked_so_far(slice->counts);
    const char *error = NULL;
    uint64_t finished_ns = 0;

    *result = (struct kaya_slice_result){ 0 };
    if (slice->threads > 1)
        error = run_threads(stage, workers);
    else
        append_for_a_while(&workers[0]);
    if (error == NULL && stage->engine->finish != NULL) {
        error = stage->engine->finish(stage->handle);
        finished_ns = kaya_clock_ns();
    }
    result->asked = asked_so_far(slice->counts);
    result->asked.writes -= before.writes;
    result->asked.written_bytes -= before.written_bytes;
    result->asked.syncs -= before.syncs;
    return error == NULL ? sum_up(workers, slice->threads, finished_ns, result, latencies) : error;
}

const char *kaya_slice_run(const struct kaya_engine *engine, void *handle, const struct kaya_slice *slice,
                           struct kaya_slice_result *result, struct kaya_histogram *latencies)
{
    struct stage stage = { .engine = engine, .handle = handle, .slice = slice, .gate = PTHREAD_MUTEX_INITIALIZER };
    struct worker *workers = calloc(slice->threads, sizeof *workers);
    const char *error;

    if (workers == NULL)
        return "no memory";
    for (unsigned i = 0; i < slice->threads; i++) {
        workers[i].stage = &stage;
        workers[i].number = i;
    }
    error = perform(&stage, workers, result, latencies);
    free(workers);
    return error == NULL && engine->rest != NULL ? engine->rest(handle) : error;
}
