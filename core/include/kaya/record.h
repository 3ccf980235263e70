/* Records: what goes into the log and what comes back. */
#ifndef KAYA_RECORD_H
#define KAYA_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a payload means to its owner. The log keeps the type and the bytes and looks into neither. */
enum kaya_wal_record_type {
    KAYA_RECORD_PUT = 1,
    KAYA_RECORD_DELETE = 2,
    KAYA_RECORD_NOOP = 3,
    KAYA_RECORD_OPAQUE = 4, /* data with no meaning to the log's tools */
};

/* How much an append promises when it returns KAYA_OK. Modes mix freely; order is always LSN order. */
enum kaya_durability_mode {
    KAYA_STRICT = 1,  /* durable: it survives a power loss */
    KAYA_RELAXED = 2, /* handed to the operating system: it survives the process */
    KAYA_BUFFERED =
        3, /* in the log's memory: nothing survives of it until it is written, which the next flush, sync, or stronger
                          append does, and a buffer that is full */
};

/* One record to append. `bytes` may be NULL if `length` is 0; an empty record is a record. */
struct kaya_wal_payload {
    enum kaya_wal_record_type type;
    const void *bytes;
    size_t length;
};

/* One record that was read. `bytes` is valid until the next call on the reader that gave it. */
struct kaya_wal_record {
    uint64_t lsn; /* records are counted from 1, without gaps */
    enum kaya_wal_record_type type;
    bool mended;     /* one flipped bit was put right; the file still holds the flipped one */
    bool in_batch;   /* it came in a batch ... */
    bool ends_batch; /* ... and is its last */
    bool durable;    /* a surviving claim covers it; false: it may still vanish in a power loss */
    const void *bytes;
    size_t length;
    uint64_t segment;      /* where it starts: segment number ... */
    uint64_t offset_bytes; /* ... and offset of its first frame */
};

/* "put", "delete", "noop", "opaque"; "?" for a value that is none. Static memory; any thread. */
const char *kaya_wal_record_type_name(enum kaya_wal_record_type type);

#ifdef __cplusplus
}
#endif

#endif
