/* One engine, in a process of its own, that does what it is told a line at a time. tools/bench-peers starts one for each engine, and lets
 * them work in turns.
 *
 *     bench-peer-NAME DIRECTORY MODE THREADS [METHOD]       MODE: strict, submitted, relaxed, buffered, sustained, scan
 *
 *     slice THREADS BYTES MILLISECONDS RECORDS   ->   records seconds p50 writes bytes syncs
 *                                                     append for a while; RECORDS 0: any number. p50 is the median latency in nanoseconds (0
 *                                                     where none are noted), the rest what was asked of the disk, as far as the engine counts it (not
 *                                                     relaxed, where counting would be felt)
 *     keep                                       ->   ok                       the last slice's latencies count
 *     latencies                                  ->   count p50 p99 p99.9      nanoseconds, of all slices that were kept
 *     fill BYTES TOTAL                           ->   ok                       (scan)
 *     scan                                       ->   records seconds          (scan)
 *
 * Whatever fails is one line "error ..." and the end. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peer.h"
#include "measure/slice.h"

struct session {
    struct kaya_engine_plan plan;
    bool scans;
    void *handle;
    struct kaya_engine_counts counts;
    struct kaya_histogram latencies, of_last_slice;
};

static int fail(const char *what)
{
    printf("error %s\n", what);
    return EXIT_FAILURE;
}

static const char *do_slice(struct session *session, const char *line)
{
    struct kaya_slice slice = { .threads = 1 };
    struct kaya_slice_result result;
    unsigned long long milliseconds, records_max;
    const char *error;

    if (sscanf(line, "slice %u %zu %llu %llu", &slice.threads, &slice.record_bytes, &milliseconds,
               &records_max) != 4 ||
        slice.threads < 1 || slice.threads > session->plan.threads || slice.record_bytes < 1 ||
        slice.record_bytes > KAYA_ENGINE_RECORD_BYTES_MAX)
        return "that is no slice";
    slice.nanoseconds = milliseconds * 1000000;
    slice.records_max = records_max;
    slice.stride = kaya_slice_stride(session->plan.mode);
    slice.counts = &session->counts;
    session->of_last_slice = (struct kaya_histogram){ 0 };
    error = kaya_slice_run(kaya_peer, session->handle, &slice, &result, &session->of_last_slice);
    if (error == NULL)
        printf("%llu %.9f %llu %llu %llu %llu\n", (unsigned long long)result.records, result.seconds,
               (unsigned long long)kaya_histogram_at(&session->of_last_slice, 0.5),
               (unsigned long long)result.asked.writes, (unsigned long long)result.asked.written_bytes,
               (unsigned long long)result.asked.syncs);
    return error;
}

static const char *do_keep(struct session *session)
{
    kaya_histogram_add(&session->latencies, &session->of_last_slice);
    session->of_last_slice = (struct kaya_histogram){ 0 };
    puts("ok");
    return NULL;
}

static const char *do_latencies(const struct session *session)
{
    const struct kaya_histogram *latencies = &session->latencies;

    printf("%llu %llu %llu %llu\n", (unsigned long long)latencies->count,
           (unsigned long long)kaya_histogram_at(latencies, 0.5),
           (unsigned long long)kaya_histogram_at(latencies, 0.99),
           (unsigned long long)kaya_histogram_at(latencies, 0.999));
    return NULL;
}

static const char *do_fill(const struct session *session, const char *line)
{
    size_t record_bytes;
    unsigned long long bytes;
    const char *error;

    if (sscanf(line, "fill %zu %llu", &record_bytes, &bytes) != 2 || record_bytes < 1 ||
        record_bytes > KAYA_ENGINE_RECORD_BYTES_MAX)
        return "that is nothing to fill with";
    error = kaya_peer->fill(session->plan.directory, record_bytes, bytes);
    if (error == NULL)
        puts("ok");
    return error;
}

static const char *do_scan(const struct session *session)
{
    uint64_t records;
    uint64_t began_ns = kaya_clock_ns();
    const char *error = kaya_peer->scan(session->plan.directory, &records);

    if (error == NULL)
        printf("%llu %.9f\n", (unsigned long long)records, (double)(kaya_clock_ns() - began_ns) / 1e9);
    return error;
}

static bool begins(const char *line, const char *word)
{
    return strncmp(line, word, strlen(word)) == 0;
}

static const char *obey(struct session *session, const char *line)
{
    if (begins(line, "latencies"))
        return do_latencies(session);
    if (begins(line, "keep"))
        return do_keep(session);
    if (!session->scans)
        return begins(line, "slice") ? do_slice(session, line) : "what?";
    return begins(line, "fill") ? do_fill(session, line) : begins(line, "scan") ? do_scan(session) : "what?";
}

static bool understand(struct session *session, int argc, char **argv)
{
    if (argc < 4 || argc > 5)
        return false;
    session->plan =
        (struct kaya_engine_plan){ .directory = argv[1], .threads = (unsigned)strtoul(argv[3], NULL, 10) };
    session->plan.is_aged = true;
    session->plan.method = argc == 5 ? argv[4] : NULL;
    session->scans = strcmp(argv[2], "scan") == 0;
    if (strcmp(argv[2], "relaxed") == 0)
        session->plan.mode = KAYA_ENGINE_RELAXED;
    else if (strcmp(argv[2], "buffered") == 0)
        session->plan.mode = KAYA_ENGINE_BUFFERED;
    else if (strcmp(argv[2], "sustained") == 0)
        session->plan.mode = KAYA_ENGINE_SUSTAINED;
    else if (strcmp(argv[2], "submitted") == 0)
        session->plan.mode = KAYA_ENGINE_SUBMITTED;
    else if (strcmp(argv[2], "strict") != 0 && !session->scans)
        return false;
    if (session->plan.mode != KAYA_ENGINE_RELAXED)
        session->plan.counts = &session->counts;
    return session->plan.threads >= 1 && session->plan.threads <= KAYA_ENGINE_THREADS_MAX;
}

int main(int argc, char **argv)
{
    static struct session session;
    char line[256];
    const char *error = NULL;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (!understand(&session, argc, argv))
        return fail("usage: DIRECTORY strict|submitted|relaxed|buffered|sustained|scan THREADS [METHOD]");
    if (session.scans && kaya_peer->scan == NULL)
        return fail("it has no such mode");
    if (!session.scans)
        error = kaya_peer->open(&session.plan, &session.handle);
    if (error == NULL)
        printf("ready %s\n", kaya_peer->name);
    while (error == NULL && fgets(line, sizeof line, stdin) != NULL)
        error = obey(&session, line);
    kaya_peer->close(session.handle);
    return error == NULL ? EXIT_SUCCESS : fail(error);
}
