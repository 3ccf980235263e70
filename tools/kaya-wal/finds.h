/* What salvage finds, in order: runs of records without a gap between them, and gaps. */
#ifndef KAYA_FINDS_H
#define KAYA_FINDS_H

#include "kaya/salvage.h"
#include "tool.h"

enum kaya_find_kind { KAYA_FIND_RUN, KAYA_FIND_GAP };

struct kaya_find {
    enum kaya_find_kind kind;
    uint64_t first_lsn; /* GAP: 0: no record was lost */
    uint64_t last_lsn;  /* GAP: 0: not known */
    /* RUN */
    bool incomplete; /* members of batches that are not whole */
    uint64_t record_count;
    uint64_t mended_count;
    uint64_t unvouched_count; /* records that no claim covers */
    uint64_t byte_count;      /* of payloads */
    uint64_t largest_bytes;   /* the longest record or batch, as the log counts it */
    /* GAP */
    struct kaya_wal_salvaged gap;
};

struct kaya_finds {
    struct kaya_find *finds;
    size_t count, capacity;
    struct kaya_wal_recovery_report report;
    uint64_t record_count, lost_count, gap_count;
    bool lost_is_least; /* more may have been lost: how far the log went is not known */
};
#define KAYA_FINDS_NONE ((struct kaya_finds){ .finds = NULL })

/* Look through a whole damaged log. `anchor` may be NULL. The status of the salvage; KAYA_NO_MEMORY. `on_progress` (may be NULL) hears of every record. */
typedef void kaya_progress_listener(void *user, uint64_t record_count);
KAYA_MUST_CHECK enum kaya_status kaya_finds_look(struct kaya_finds *finds, const struct kaya_place *place,
                                                 const struct kaya_wal_anchor *anchor,
                                                 kaya_progress_listener *on_progress, void *user);
void kaya_finds_release(struct kaya_finds *finds);

/* "from-12", "incomplete-40": the log that holds the run. */
enum { KAYA_RUN_NAME_BYTES = 40 };
void kaya_find_name(const struct kaya_find *run, char name[KAYA_RUN_NAME_BYTES]);

/* Go through the log once more and write each run as a log of its own under `directory`, which exists. KAYA_DAMAGED: the log is
 * not what it was when it was looked through. Other failures were said; then the status is that of the run's log, or KAYA_IO. */
KAYA_MUST_CHECK enum kaya_status kaya_finds_write(const struct kaya_finds *finds, const struct kaya_place *place,
                                                  const struct kaya_wal_anchor *anchor, const char *directory,
                                                  kaya_progress_listener *on_progress, void *user);

#endif
