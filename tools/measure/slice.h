/* A short stretch of time in which some threads append as fast as they can. */
#ifndef KAYA_MEASURE_SLICE_H
#define KAYA_MEASURE_SLICE_H

#include "measure/engine.h"
#include "measure/histogram.h"

struct kaya_slice {
    unsigned threads;     /* 1 to KAYA_ENGINE_THREADS_MAX, and to those that the engine was opened for */
    size_t record_bytes;  /* 1 to KAYA_ENGINE_RECORD_BYTES_MAX */
    uint64_t nanoseconds; /* as long as this, or up to ... */
    uint64_t records_max; /* ... so many records in all; 0: any number */
    unsigned stride; /* records from one look at the clock to the next; 0: 1. Above that no latencies are noted */
    const struct kaya_engine_counts *counts; /* what the engine counts into; NULL: nothing */
};

struct kaya_slice_asked {
    uint64_t writes, written_bytes, syncs;
};

struct kaya_slice_result {
    uint64_t records;
    double seconds; /* from the first append to the end of the last, and of what the engine does to finish */
    struct kaya_slice_asked asked; /* of the disk in that time, by whatever thread */
};

/* The engine's rest comes behind it, outside of the time. `latencies`, in nanoseconds, are added to; may be NULL. NULL, or what went wrong. */
const char *kaya_slice_run(const struct kaya_engine *engine, void *handle, const struct kaya_slice *slice,
                           struct kaya_slice_result *result, struct kaya_histogram *latencies);

/* The stride for a mode: where records only go to a buffer, a look at the clock takes as long as one. */
unsigned kaya_slice_stride(enum kaya_engine_mode mode);

/* Records that a slice of a mode that does not sync may take: see KAYA_ENGINE_FILE_BYTES. */
uint64_t kaya_slice_records_max(size_t record_bytes);

uint64_t kaya_clock_ns(void); /* monotonic */

#endif
