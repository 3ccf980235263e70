/* What `kaya-wal bench` measured, for those who print it. */
#ifndef KAYA_TOOL_BENCH_FIGURES_H
#define KAYA_TOOL_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya-wal/tool.h"
#include "measure/engine.h"
#include "measure/histogram.h"
#include "measure/spread.h"

enum {
    BENCH_ROUNDS_MAX = 101,
    BENCH_SIZES_MAX = 8,
    BENCH_THREADS_MAX = 8, /* numbers of threads, not threads */
    BENCH_METHODS_MAX = 8,
    BENCH_SOURCES_MAX = 2 * BENCH_METHODS_MAX + 5,
    BENCH_ARMS_MAX = 256,
};

struct bench_options {
    struct kaya_common common;
    double seconds;
    const char *svg_path; /* NULL: no picture */
    size_t sizes[BENCH_SIZES_MAX];
    size_t size_count;
    unsigned threads[BENCH_THREADS_MAX]; /* rising */
    size_t threads_count;
    const char *methods[BENCH_METHODS_MAX];
    size_t method_count; /* 0: every one */
};

/* An open engine with a directory of its own. */
struct bench_source {
    const struct kaya_engine *engine;
    const char *method;
    enum kaya_engine_mode mode;
    unsigned threads;
    void *handle;      /* NULL: it could not be opened, and ... */
    const char *error; /* ... why */
};

/* One kind of work. */
struct bench_arm {
    const struct bench_source *source;
    size_t record_bytes;
    unsigned threads;
    const struct bench_arm *reference;  /* what its figures are a part of; NULL: it is one itself */
    double rates[BENCH_ROUNDS_MAX];     /* records a second, a figure a round */
    bool is_aside[BENCH_ROUNDS_MAX];    /* ... that does not count */
    uint64_t records[2];                /* of the rounds that count, and of those that do not */
    struct kaya_histogram latencies[2]; /* likewise, ns; empty where none are noted */
};

/* Reading a log back, next to reading a file with as many bytes. */
struct bench_scan {
    size_t record_bytes;
    uint64_t records, bytes; /* of payload */
    size_t pair_count;
    double log_seconds[BENCH_ROUNDS_MAX], bare_seconds[BENCH_ROUNDS_MAX];
};

struct bench {
    const struct bench_options *options;
    struct bench_source sources[BENCH_SOURCES_MAX];
    size_t source_count;
    struct bench_arm *arms; /* BENCH_ARMS_MAX */
    size_t arm_count;
    size_t round_count;
    size_t durable_count; /* slices of durable records, and how many of these were ... */
    size_t left_out;      /* ... left out; 0 where ... */
    bool is_ticking;      /* ... most would be, so that all count */
    struct bench_scan scans[BENCH_SIZES_MAX];
    size_t scan_count;
    FILE *svg;      /* the picture that was asked for; NULL: none */
    double seconds; /* that it took */
    bool was_stopped;
};

/* Is each of its records made durable? */
bool kaya_bench_is_durable(const struct bench_arm *arm);
/* Is the median a scheduler's tick? */
bool kaya_bench_is_tick(const struct kaya_histogram *latencies);
/* All rounds are over: which slices count? */
void kaya_bench_settle(struct bench *bench);

/* Of the rounds that count: records a second, and the ratio to the arm's reference. */
struct kaya_spread kaya_bench_rate(const struct bench *bench, const struct bench_arm *arm);
struct kaya_spread kaya_bench_ratio(const struct bench *bench, const struct bench_arm *arm);
/* Of the pairs: bytes of payload a second, and the ratio to read(). */
struct kaya_spread kaya_bench_scan_rate(const struct bench_scan *scan);
struct kaya_spread kaya_bench_scan_ratio(const struct bench_scan *scan);

const char *kaya_bench_method_text(const struct bench_source *source);

void kaya_bench_print(const struct bench *bench);
void kaya_bench_print_json(const struct bench *bench);
/* Latency against threads, as a picture into the file that was asked for, which is opened before anything is measured. False: it was said
 * what failed. */
bool kaya_bench_plot_open(struct bench *bench); /* sources are open; sets `svg` where a picture is wanted */
bool kaya_bench_plot(struct bench *bench);      /* writes to `svg`, where there is one, and closes it */

/* "812 ns", "129 us", "4.0 ms"; "100 B", "1 KiB"; "7.71 k". `text` is BENCH_TEXT_BYTES. */
enum { BENCH_TEXT_BYTES = 32 };
const char *kaya_bench_time_text(uint64_t nanoseconds, char *text);
const char *kaya_bench_size_text(size_t bytes, char *text);
const char *kaya_bench_rate_text(double rate, char *text);

#endif
