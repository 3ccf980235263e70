/* Salvage: what is left of a log that recovery refuses. Every undamaged record with the number it had, and the gaps between them.
 *
 * Reads only: takes no lock, writes nothing, runs over any directory (P10, P12). Where recovery would not refuse, salvage hands out
 * exactly what a reader does. */
#ifndef KAYA_SALVAGE_H
#define KAYA_SALVAGE_H

#include "kaya/wal.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kaya_wal_salvage;

struct kaya_wal_salvage_options {
    const struct kaya_wal_anchor *anchor; /* as in kaya_wal_config; NULL: none. Read during open only. Records up to it are claimed */
    kaya_event_listener *on_event; /* hears of every damaged place (KAYA_EVENT_DAMAGE) and more; NULL: silent */
    void *user;
};

enum kaya_wal_salvaged_kind {
    KAYA_SALVAGED_RECORD,
    KAYA_SALVAGED_GAP, /* a damaged place, and the records that were lost there */
};

/* One thing salvaged. Fields that do not apply are 0, false or "". */
struct kaya_wal_salvaged {
    enum kaya_wal_salvaged_kind kind;

    /* RECORD. `record.bytes` is valid until the next call. `record.durable`: a surviving claim covers it. Otherwise it may never have
     * been acknowledged, and where a later segment is lost a recovery or cut-back may have given it up. */
    struct kaya_wal_record record;
    bool incomplete; /* a member of a batch of which not all is there: recovery would have returned none of it (P11) */

    /* GAP */
    uint64_t first_lsn; /* the first record lost; 0: none is */
    uint64_t last_lsn;  /* the last; 0: it is not known, the log ends in this gap */
    bool claimed;       /* a claim covers the lost bytes; false: torn or damaged, nothing vouches for them */
    uint64_t segment;   /* the first damaged place: in this segment ... */
    uint64_t offset_bytes;     /* ... at this offset; 0 also where the whole segment is lost */
    uint64_t end_offset_bytes; /* where the log goes on, or how far it was durable; 0: not known */
    const char *reason;        /* static memory */
    uint64_t place_count;      /* damaged places in the gap: 1, unless all between some of them is lost */
};

/* Stand before the first record that can be had. `options` and `report` may be NULL. `report` tells what recovery would find; where
 * even that cannot be said, because a file cannot be read, it says damaged and why.
 *
 *   KAYA_OK         *salvage is the caller's, to be closed
 *   KAYA_NOT_FOUND  there is no log     KAYA_BUSY  a healthy live log kept changing; try again
 *   KAYA_WRONG_LOG  the log is not the anchor's, and is not damaged
 *   KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED; KAYA_IO: the directory cannot be listed */
KAYA_MUST_CHECK enum kaya_status kaya_wal_salvage_open(const struct kaya_wal_environment *environment,
                                                       const struct kaya_wal_salvage_options *options,
                                                       struct kaya_wal_salvage **salvage,
                                                       struct kaya_wal_recovery_report *report);

/* The next record or gap, in the order of LSNs, each record once. KAYA_END behind the last. Statuses of open, and where the log
 * is healthy those of kaya_wal_reader_next; after any but KAYA_OK the salvage has ended and answers the same again. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_salvage_next(struct kaya_wal_salvage *salvage,
                                                       struct kaya_wal_salvaged *salvaged);

void kaya_wal_salvage_close(struct kaya_wal_salvage *salvage); /* takes NULL */

#ifdef __cplusplus
}
#endif

#endif
