/* Opening a log: lock, survey, verdict, and then a new log, going on in place, or the successor. */
#ifndef KAYA_RECOVER_H
#define KAYA_RECOVER_H

#include "appender.h"
#include "pool.h"
#include "settings.h"
#include "survey.h"

/* An open log, as recovery hands it to the writer. The lock is held. */
struct opened_log {
    struct appender appender;
    struct chain_segment *chain; /* segments in use, ascending; the last one is the appender's, which knows its end */
    size_t chain_count, chain_capacity;
    uint64_t low_water_lsn;
    bool has_appended;    /* the segment in use holds more than what a recovery carried into it */
    bool has_passed_over; /* a rotation left files behind between two segments of the chain */
    struct pool pool;     /* last: its room for spares is long, and nobody need clear it */
};

/* `cut_back_lsn`: NULL, or the last record to keep. Statuses as for kaya_wal_writer_open. On failure the lock is free. */
KAYA_MUST_CHECK enum kaya_status kaya_log_open(struct opened_log *log, const struct context *context,
                                               const struct settings *settings, const uint64_t *cut_back_lsn,
                                               struct kaya_wal_recovery_report *report);
/* Release everything and the lock; writes nothing. */
void kaya_log_release(struct opened_log *log, const struct context *context);

/* Index of the first segment of the chain that holds a record from `lsn` on; never beyond the one in use. Pure. */
size_t kaya_log_first_needed(const struct opened_log *log, uint64_t lsn);

/* Add a segment to the chain's end. */
KAYA_MUST_CHECK enum kaya_status kaya_log_reserve_chain(struct opened_log *log, const struct context *context);
void kaya_log_push_chain(struct opened_log *log);

#endif
