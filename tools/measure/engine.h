/* What can be measured: something that takes records. The log, a bare loop over the device, another program's log.
 *
 * Each call answers NULL, or in words why it could not; static memory. */
#ifndef KAYA_MEASURE_ENGINE_H
#define KAYA_MEASURE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kaya_engine_mode {
    KAYA_ENGINE_STRICT,    /* each record is durable before the next */
    KAYA_ENGINE_RELAXED,   /* the operating system has each record */
    KAYA_ENGINE_BUFFERED,  /* it goes when a buffer is full */
    KAYA_ENGINE_SUSTAINED, /* as buffered, but on and on: each KAYA_ENGINE_SYNCED_BYTES are made durable, and so is the rest at the end */
    KAYA_ENGINE_SUBMITTED, /* as strict, but one thread has up to KAYA_ENGINE_IN_FLIGHT in flight */
};

enum {
    KAYA_ENGINE_THREADS_MAX = 64,
    KAYA_ENGINE_RECORD_BYTES_MAX = 64 * 1024,
    KAYA_ENGINE_IN_FLIGHT = 1000,
    /* Of a relaxed or buffered slice: it ends before a file of this size is full, so that nobody's change of files falls into it. */
    KAYA_ENGINE_FILE_BYTES = 64 * 1024 * 1024,
    KAYA_ENGINE_SYNCED_BYTES = 16 * 1024 * 1024, /* the size of a log's file: it is durable before the next one begins */
    KAYA_ENGINE_FRAME_BYTES = 28,                /* that a record takes there besides its own */
};

/* What was asked of the disk. */
struct kaya_engine_counts {
    _Atomic uint64_t writes, written_bytes, syncs;
};

struct kaya_engine_plan {
    const char *directory; /* exists, is empty, and is the engine's own; outlives the handle */
    const char *method;    /* how it syncs, where it has a choice; NULL: its default */
    enum kaya_engine_mode mode;
    unsigned threads; /* at most so many append at a time */
    bool is_aged;     /* begin as after a while: with files that were used and let go of before */
    struct kaya_engine_counts *counts; /* where the engine may count; NULL: nowhere. One engine of a process at a time */
};

struct kaya_engine {
    const char *name;
    const char *(*open)(const struct kaya_engine_plan *plan, void **handle);
    /* One record, until the mode's promise holds. `thread` counts from 0 and is one thread's own. */
    const char *(*append)(void *handle, unsigned thread, const void *bytes, size_t length);
    /* Measured, at the end of a slice, once all threads have ended: see that the mode's promise holds for every record. NULL: it does. */
    const char *(*finish)(void *handle);
    /* Not measured, between slices: make durable what is not, let go of what is old, prepare what comes. */
    const char *(*rest)(void *handle);
    void (*close)(void *handle); /* takes NULL */
    /* NULL where there is nothing to scan. Leave records of `record_bytes`, `bytes` of payload in all, in the directory; and read them back as recovery does, every byte and check: how many there are. */
    const char *(*fill)(const char *directory, size_t record_bytes, uint64_t bytes);
    const char *(*scan)(const char *directory, uint64_t *records);
};

/* kaya-wal itself, and a loop that does nothing but write and sync. Methods: kaya_bare_method() names those of the loop. */
extern const struct kaya_engine kaya_engine_log;
extern const struct kaya_engine kaya_engine_bare;

/* The name of the method, or NULL behind the last. The first is the default. */
const char *kaya_bare_method(size_t index);
/* It in a few words. */
const char *kaya_bare_method_text(size_t index);

#endif
