/* The oracle: says of each record whether it must, may or must not come back, and judges what did.
 *
 * It is told what was asked of the log and what the log answered, and knows nothing else: no segment, no frame, no
 * watermark. It lives outside the machine and survives its crashes. */
#ifndef KAYA_SCENARIOS_ORACLE_H
#define KAYA_SCENARIOS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/salvage.h"
#include "kaya/scenarios/claims.h"
#include "kaya/scenarios/promise.h"
#include "kaya/sim/subject.h"
#include "kaya/wal.h"

enum kaya_expectation { KAYA_MUST_NOT, KAYA_MAY, KAYA_MUST };

/* What was appended. */
struct kaya_content {
    uint64_t key; /* kaya_payload_fill(key), or kaya_payload_hash of the bytes */
    uint32_t length;
    uint8_t type; /* enum kaya_wal_record_type */
    bool is_hash;
};

/* What bounds hang on (P7, P8). */
struct kaya_oracle_shape {
    uint64_t segment_bytes;
    uint32_t block_bytes;
    uint32_t spare_count;
    uint32_t padding_bytes; /* what one sync may pad to; 0 in dense mode */
};

struct kaya_oracle;

struct kaya_oracle *kaya_oracle_create(void);         /* NULL: no memory */
void kaya_oracle_destroy(struct kaya_oracle *oracle); /* takes NULL */
void kaya_oracle_reset(struct kaya_oracle *oracle, const struct kaya_oracle_shape *shape); /* as new; keeps memory */
KAYA_MUST_CHECK enum kaya_status kaya_oracle_copy(const struct kaya_oracle *from, struct kaya_oracle *to);

/* Anything may happen to the disk from now on (budget "none"): all that is asked is that what is read was appended under that number at
 * some time, in order and without gaps (P1), and that memory is bounded whatever the bytes say (P12). Until the next reset. */
void kaya_oracle_unrestrict(struct kaya_oracle *oracle);
bool kaya_oracle_is_unrestricted(const struct kaya_oracle *oracle);

/* 128 bits over all that decides what is asked for from now on; between boots. */
void kaya_oracle_hash(const struct kaya_oracle *oracle, uint64_t hash[2]);

/* What a recovery now would have to return. */
enum kaya_expectation kaya_oracle_expect(const struct kaya_oracle *oracle, uint64_t lsn);

/* --- What was asked and answered. Between `begin` and `end` the operation is in doubt; a crash may come instead of the
 * end. The status is what the log said, or KAYA_GONE where the machine had crashed by then: an acknowledgement after the
 * crash does not count. --- */

/* KAYA_NO_MEMORY: the oracle itself has none. */
KAYA_MUST_CHECK enum kaya_status kaya_oracle_append_begin(struct kaya_oracle *oracle,
                                                          const struct kaya_content *contents, size_t count,
                                                          bool batch);
void kaya_oracle_append_end(struct kaya_oracle *oracle, enum kaya_durability_mode mode, enum kaya_status status,
                            uint64_t first_lsn, uint64_t last_lsn, struct kaya_violation *violation);
/* sync, rotate and close make everything durable; `close` also ends the log cleanly. Flush hands it to the operating system. */
enum kaya_oracle_barrier { KAYA_BARRIER_SYNC, KAYA_BARRIER_ROTATE, KAYA_BARRIER_CLOSE, KAYA_BARRIER_FLUSH };
void kaya_oracle_barrier_begin(struct kaya_oracle *oracle, enum kaya_oracle_barrier barrier);
void kaya_oracle_barrier_end(struct kaya_oracle *oracle, enum kaya_oracle_barrier barrier,
                             enum kaya_status status, struct kaya_violation *violation);
void kaya_oracle_trim_begin(struct kaya_oracle *oracle, uint64_t lsn);
void kaya_oracle_trim_end(struct kaya_oracle *oracle, enum kaya_status status, uint64_t low_water_lsn,
                          struct kaya_violation *violation);
void kaya_oracle_cut_begin(struct kaya_oracle *oracle, uint64_t last_lsn);
void kaya_oracle_cut_end(struct kaya_oracle *oracle, enum kaya_status status,
                         const struct kaya_wal_recovery_report *report, struct kaya_violation *violation);
/* Between boots the log went to another disk: if that promises less, one that was closed does not go on behind its end, and is not taken for closed. */
void kaya_oracle_moved(struct kaya_oracle *oracle);

/* A closed log was to be cut back to a place that is no end of it. */
void kaya_oracle_cut_nowhere(struct kaya_oracle *oracle, uint64_t last_lsn, enum kaya_status status,
                             struct kaya_violation *violation);
/* Before the end of an operation is told: did a sync fail in it? Then KAYA_IO and KAYA_FULL are answers to it, and what only the
 * cache held may be gone. */
void kaya_oracle_sync_failed(struct kaya_oracle *oracle, bool failed);
/* Likewise: which families of faults struck in it (a bit set of enum kaya_fault). They say which errors it may answer. */
void kaya_oracle_struck(struct kaya_oracle *oracle, uint64_t families);
/* A piece of background work answered. It acknowledges nothing, but may end the handle. */
void kaya_oracle_tend_end(struct kaya_oracle *oracle, enum kaya_status status, struct kaya_violation *violation);
/* An operation answered KAYA_IO since the last recovery: all the handle may say is KAYA_ENDED (P6). */
bool kaya_oracle_has_ended(const struct kaya_oracle *oracle);
/* A running writer said that all up to `lsn` are durable: that is an acknowledgement. */
void kaya_oracle_durable(struct kaya_oracle *oracle, uint64_t lsn, struct kaya_violation *violation);

void kaya_oracle_crash(struct kaya_oracle *oracle, enum kaya_crash crash);

/* --- What came back. --- */

/* What may be found from now on: damage to media, and what it asks for. Borrowed until the next call. `anchor_lsn`: of the anchor that the log is opened with; 0:
 * none. Without a call, and with NULL: nothing is damaged. */
void kaya_oracle_outlook(struct kaya_oracle *oracle, const struct kaya_outlook *outlook, uint64_t anchor_lsn);
/* Would such an answer of a look or an open be a refusal that the damage excuses? */
bool kaya_oracle_is_refusal(const struct kaya_oracle *oracle, enum kaya_status status);

/* A writer's open or kaya_wal_recover answered. On KAYA_OK the report is judged and what was in doubt is fixed. */
void kaya_oracle_recovered(struct kaya_oracle *oracle, enum kaya_status status,
                           const struct kaya_wal_recovery_report *report, struct kaya_violation *violation);

/* A reader, verify or inspect looked (beside a running writer or after a crash) and reported. Judged, and what it showed
 * must be what the next recovery returns if nothing crashes in between. */
void kaya_oracle_looked(struct kaya_oracle *oracle, enum kaya_status status,
                        const struct kaya_wal_recovery_report *report, struct kaya_violation *violation);

/* Records as a reader hands them out: from `first_lsn` on, which of them all to `last_lsn`. */
void kaya_oracle_read_begin(struct kaya_oracle *oracle, uint64_t first_lsn, uint64_t last_lsn);
void kaya_oracle_read(struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                      struct kaya_violation *violation);
void kaya_oracle_read_end(struct kaya_oracle *oracle, struct kaya_violation *violation);

/* A reader that stays open while the log goes on, one at most: it was opened before record `from_lsn`, when `last_lsn` was the last.
 * `is_pinned`: the writer knows of it, so what it has not read yet must stay. `outlook` is as for a look. */
void kaya_oracle_follow_begin(struct kaya_oracle *oracle, uint64_t from_lsn, uint64_t last_lsn, bool is_pinned);
/* It was asked for the next record. `record` is looked at only where the status is OK. */
void kaya_oracle_followed(struct kaya_oracle *oracle, enum kaya_status status,
                          const struct kaya_wal_record *record, struct kaya_violation *violation);
void kaya_oracle_follow_end(struct kaya_oracle *oracle); /* also where there is none; a crash ends it, too */

/* Salvage handed out a record of a log that is refused: it must be one that was appended, as it was. `marks_in_doubt`: a link or mark is
 * damaged, so nobody can say any more what was trimmed, cut back or given up. */
void kaya_oracle_salvaged(struct kaya_oracle *oracle, const struct kaya_wal_salvaged *salvaged,
                          bool marks_in_doubt, struct kaya_violation *violation);

/* What a recovery that returned OK took, and what stood there when it began. */
struct kaya_recovery_cost {
    uint64_t bytes_stored, file_count;
    uint64_t calls, looks; /* each look begins with a listing */
    uint64_t bytes_read;
    uint64_t memory_bytes;  /* at most, at a time */
    bool was_tampered_with; /* somebody may have changed the directory */
};
/* P8: nothing is read, or tried again, without end. */
void kaya_oracle_recovery_cost(struct kaya_oracle *oracle, const struct kaya_recovery_cost *cost,
                               struct kaya_violation *violation);
/* With all faults lifted an operation answered, after `calls` seam calls, beside `file_count` files (P7). */
void kaya_oracle_live(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                      uint64_t calls, uint64_t file_count, struct kaya_violation *violation);
/* Right after a trim or recovery: what all files hold together (P8). `headless_count`: so many of them are spares whose header faults have
 * destroyed. */
void kaya_oracle_disk_use(struct kaya_oracle *oracle, uint64_t bytes_stored, uint64_t headless_count,
                          struct kaya_violation *violation);
/* Does it need no headless ones to be allowed? Pure. */
bool kaya_oracle_disk_use_is_small(const struct kaya_oracle *oracle, uint64_t bytes_stored);
/* Right after a recovery: so many files stand of which the preparation was once cut short (P8: there is nothing to keep in them). */
void kaya_oracle_unfinished(struct kaya_oracle *oracle, uint64_t count_of_files,
                            struct kaya_violation *violation);
/* The first append or sync after a recovery took `calls` seam calls (P7). */
void kaya_oracle_progress(struct kaya_oracle *oracle, uint64_t calls, struct kaya_violation *violation);
/* A second writer tried (P10). */
void kaya_oracle_second_writer(struct kaya_oracle *oracle, enum kaya_status status,
                               struct kaya_violation *violation);
/* An operation that nothing stood in the way of answered `status` (P7). */
void kaya_oracle_status(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                        struct kaya_violation *violation);

/* --- Facts. --- */
uint64_t kaya_oracle_first_lsn(const struct kaya_oracle *oracle);         /* the lowest that may come back */
uint64_t kaya_oracle_first_lsn_at_most(const struct kaya_oracle *oracle); /* likewise, if the trim in doubt holds */
uint64_t kaya_oracle_last_lsn(const struct kaya_oracle *oracle); /* the last appended, in doubt or not */
uint64_t kaya_oracle_handed_lsn(const struct kaya_oracle *oracle); /* handed to the operating system up to here, at least */
uint64_t kaya_oracle_durable_lsn(const struct kaya_oracle *oracle); /* acknowledged as durable up to here */
bool kaya_oracle_exists(const struct kaya_oracle *oracle);          /* a writer was opened once */
/* Some recovery went on although damage might have been refused: the bytes that were lost tell another history from then on. */
bool kaya_oracle_has_parted(const struct kaya_oracle *oracle);
/* ... and a link was among what was damaged: what it says may contradict the segments written since. */
bool kaya_oracle_has_passed_link(const struct kaya_oracle *oracle);
/* Was the record appended in a batch of several, of which these are the first and the last? */
bool kaya_oracle_batch_of(const struct kaya_oracle *oracle, uint64_t lsn, uint64_t *first_lsn,
                          uint64_t *last_lsn);
/* Is it the one that stands under its number now? */
bool kaya_oracle_holds(const struct kaya_oracle *oracle, const struct kaya_wal_record *record);
bool kaya_oracle_ends_batch(const struct kaya_oracle *oracle, uint64_t lsn); /* a cut behind lsn is inside no batch */
/* Since the last power loss a sync failed, or did less than it said: reads may show what the device has not. */
bool kaya_oracle_shows_cache(const struct kaya_oracle *oracle);
struct kaya_wal_anchor kaya_oracle_anchor(const struct kaya_oracle *oracle);
struct kaya_oracle_counts {
    uint64_t appended, acknowledged, recovered;
    struct kaya_promise_counts promises;
};
struct kaya_oracle_counts kaya_oracle_counts(const struct kaya_oracle *oracle);

#endif
