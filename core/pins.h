/* What a reader of the same process asks of its writer: to keep the segments that it still needs. */
#ifndef KAYA_PINS_H
#define KAYA_PINS_H

#include "survey.h"

/* Records from `lsn` on stay while the pin does. Owned by the reader; one list a writer. */
struct pin {
    uint64_t lsn;
    struct pin *next;
};

/* KAYA_TRIMMED: `lsn` is below the low-water mark. An `lsn` of 0 means the low-water mark, and is set to it. */
KAYA_MUST_CHECK enum kaya_status kaya_writer_pin(struct kaya_wal_writer *writer, struct pin *pin);
void kaya_writer_move_pin(struct kaya_wal_writer *writer, struct pin *pin, uint64_t lsn);
/* What a survey of the log would find, without looking: chain, report and claim of a released or fresh survey are filled in. */
KAYA_MUST_CHECK enum kaya_status kaya_writer_survey(struct kaya_wal_writer *writer,
                                                    struct kaya_allocator *allocator, struct survey *survey);
void kaya_writer_unpin(struct kaya_wal_writer *writer, struct pin *pin);

#endif
