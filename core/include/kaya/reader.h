/* Reading records, from any LSN, in order. Readers never write, never sync and take no lock (P10): they run beside a
 * live writer, in its process or another. */
#ifndef KAYA_READER_H
#define KAYA_READER_H

#include "kaya/wal.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kaya_wal_reader;

struct kaya_wal_reader_options {
    uint64_t from_lsn; /* the first record wanted; 0 means the first there is */
    bool durable_only; /* leave out what no claim covers: it may still vanish in a power loss */
    /* A writer of this process, NULL: none. It knows where the log ends, so nothing is looked for, and its segments stay while the
     * reader needs them (trim waits). Close the reader first. */
    struct kaya_wal_writer *writer;
    const struct kaya_wal_anchor *anchor; /* as in kaya_wal_config; NULL: none. Not asked where `writer` is given */
    kaya_event_listener *on_event;        /* NULL: silent */
    void *user;
};

/* Find the log's end as recovery would, changing nothing, and stand before `from_lsn`. `options` may be NULL.
 *
 *   KAYA_NOT_FOUND  there is no log            KAYA_TRIMMED  from_lsn is below the low-water mark
 *   KAYA_DAMAGED    recovery would refuse      KAYA_BUSY     a live log kept changing; try again
 *   KAYA_INVALID    from_lsn is above the last LSN + 1
 *   KAYA_ENDED      `writer` has failed or was stopped; open without it
 *   KAYA_UNSUPPORTED, KAYA_WRONG_LOG, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED, KAYA_IO */
KAYA_MUST_CHECK enum kaya_status kaya_wal_reader_open(const struct kaya_wal_environment *environment,
                                                      const struct kaya_wal_reader_options *options,
                                                      struct kaya_wal_reader **reader,
                                                      struct kaya_wal_recovery_report *report);

/* The next record; its bytes are valid until the next call on this reader. KAYA_END behind the last one that was there
 * at open. KAYA_TRIMMED: a live writer trimmed past this place. KAYA_DAMAGED: it no longer reads, past the cache either. KAYA_IO: or
 * a sync of `writer` is failing, and has taken along what was not durable. Otherwise as kaya_wal_reader_open. After any failure the reader has ended and answers the same again. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_reader_next(struct kaya_wal_reader *reader,
                                                      struct kaya_wal_record *record);

void kaya_wal_reader_close(struct kaya_wal_reader *reader); /* takes NULL */

#ifdef __cplusplus
}
#endif

#endif
