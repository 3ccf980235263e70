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
};

struct kaya_slice_result {
    uint64_t records;
    double seconds; /* from the first append to the end of the last */
};

/* The engine's rest comes behind it, outside of the time. `latencies`, in nanoseconds, are added to; may be NULL. NULL, or what went wrong. */
const char *kaya_slice_run(const struct kaya_engine *engine, void *handle, const struct kaya_slice *slice,
                           struct kaya_slice_result *result, struct kaya_histogram *latencies);

/* Records that a slice of a mode that does not sync may take: see KAYA_ENGINE_FILE_BYTES. */
uint64_t kaya_slice_records_max(size_t record_bytes);

uint64_t kaya_clock_ns(void); /* monotonic */

#endif
