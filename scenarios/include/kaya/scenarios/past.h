/* The ends of the log that recoveries and cut-backs gave up, with what stood there: damage may bring one of them back. */
#ifndef KAYA_SCENARIOS_PAST_H
#define KAYA_SCENARIOS_PAST_H

#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/status.h"

/* What the oracle knows of a record. */
struct kaya_fact {
    uint64_t key;
    uint64_t cost_bytes; /* at most this much of the log lies before and in this record, counted from the run's begin */
    uint32_t length;
    uint8_t type;
    uint8_t flags;
};

/* Records first_lsn to last_lsn, given up at one time. */
struct kaya_past_end {
    uint64_t first_lsn, last_lsn;
    size_t first_fact;
};

struct kaya_past {
    struct kaya_past_end *ends; /* in the order in which they were given up */
    size_t end_count, end_capacity;
    struct kaya_fact *facts;
    size_t fact_count, fact_capacity;
};

void kaya_past_clear(struct kaya_past *past); /* keeps memory */
void kaya_past_release(struct kaya_past *past);

/* Room for one more end of up to `fact_count` records. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_past_reserve(struct kaya_past *past, size_t fact_count);

/* One more end; what it returns is to be filled with the facts of first_lsn to last_lsn. NULL: no room was reserved for it, and it is
 * forgotten. */
struct kaya_fact *kaya_past_push(struct kaya_past *past, uint64_t first_lsn, uint64_t last_lsn);

/* What record `lsn` was while the log had end `index`. NULL: it is the present one. */
const struct kaya_fact *kaya_past_find(const struct kaya_past *past, size_t index, uint64_t lsn);

/* From here on the log differs from what it was while it had end `index`. */
uint64_t kaya_past_first_lsn(const struct kaya_past *past, size_t index);

/* The highest number that any end had; 0: there is none. */
uint64_t kaya_past_last_lsn(const struct kaya_past *past);

#endif
