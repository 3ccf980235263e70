/* Putting records behind each other, whatever is awaited then. */
#ifndef KAYA_APPEND_H
#define KAYA_APPEND_H

#include "line.h"

/* What is to be appended: one record, or the members of a batch. */
struct content {
    const struct kaya_wal_payload *payloads;
    size_t count;
    size_t length;        /* of the logical record; set by kaya_content_measure */
    bool refuses_to_wait; /* KAYA_BUSY rather than wait for a flight where the buffer is full */
};

/* KAYA_INVALID: too long, none at all, or of no type. */
KAYA_MUST_CHECK enum kaya_status kaya_content_measure(const struct kaya_wal_writer *writer,
                                                      struct content *content);

/* With the mutex, before and after. On KAYA_OK the record is in the buffer or, in parts, on the disk. */
KAYA_MUST_CHECK enum kaya_status kaya_content_put(struct kaya_wal_writer *writer,
                                                  const struct content *content, uint64_t *first_lsn);

#endif
