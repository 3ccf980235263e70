/* The write-ahead log: open (which recovers), append, sync, trim, close.
 *
 * A log is a directory of segment files behind a `kaya_disk`. Everything the log needs from the world comes through
 * `kaya_wal_environment`; for real files see kaya/posix.h, for the simulated disk kaya/sim/.
 *
 * Promises P1 to P12 are listed in core/README.md. Threads: any thread may call any function on a writer, any number at a time. Strict
 * appends of several threads share writes and syncs: one thread does them for all that wait (core/line.c). A thread's records have rising
 * numbers. No lock is held during I/O. Events are told by the thread that meets them, so a listener may be called by several at a time. */
#ifndef KAYA_WAL_H
#define KAYA_WAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/event.h"
#include "kaya/record.h"
#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"
#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The world. Not copied: all three outlive every handle made with them. */
struct kaya_wal_environment {
    struct kaya_disk *disk;
    struct kaya_runtime *runtime;
    struct kaya_allocator *allocator;
};

/* Names one log, whatever directory it stands in. All zeros is no log's id. */
struct kaya_wal_log_id {
    uint8_t bytes[16];
};

/* What a caller's checkpoint depends on: store it with the checkpoint, hand it back at open. A log that ends before
 * `lsn` is then damaged, and a log with another id is refused, even where the log's own bytes no longer show it. */
struct kaya_wal_anchor {
    struct kaya_wal_log_id log_id;
    uint64_t lsn; /* the durable LSN when it was stored; 0: nothing, but the id still counts */
};

/* The log's options. All zeros is a good configuration. */
struct kaya_wal_config {
    uint64_t segment_bytes; /* multiple of block_bytes, and of the unit in padding mode; 8 of them to 1 GiB; 0 means 16 MiB */
    uint32_t block_bytes; /* power of two, 512 to 65536; 0 means 32 KiB, or less where the segment is small. In padding mode
                                  at most the unit: a larger one is lowered to it */
    uint32_t record_bytes_max; /* longest payload of a record, and of a batch with 4 bytes for each member; its frames
                                  must fit half a segment; 0 means 4 MiB, or less where the segment is small */
    uint32_t stride_bytes; /* a segment is written through in strides ahead of use; 0 means 256 KiB */
    uint32_t spare_count;  /* spares that tend keeps behind the segment in use, 2 to 16; 0 means 2; with 3
                                  a rotation finds one to spare and prepares nothing itself. A trim may leave one more */
    uint32_t buffer_bytes; /* what is gathered before it is written: at least a block, at most a segment, or it is made so. A second one of
                              the same size takes records while the first is on its way. 0 means 256 KiB */
    uint32_t submitted_records_max; /* so many may have been appended since the last durable one when another is submitted; 0: any number */
    uint64_t submitted_bytes_max; /* the same in bytes, with 39 for each record; 0: any number */
    uint64_t commit_delay_ns; /* who is about to sync waits so long for others to come along, nanoseconds; 0: only for as many as the last
                                  sync answered, where they come back within a quarter of the time that it took */
    uint64_t first_lsn; /* where a log that is begun counts from, up to 2^62, for records that were numbered elsewhere; 0 means 1.
                                  Nothing to a log that is there */
    const struct kaya_wal_anchor *anchor; /* NULL: none. Read during open only */
    bool must_exist;                      /* KAYA_NOT_FOUND rather than a new log */
    bool cut_is_error; /* KAYA_DAMAGED rather than cut or mend a tail that nothing vouches for */
    bool full_is_busy; /* a submit above its limits, or any buffered record or submit that finds both buffers full, answers KAYA_BUSY.
                          False: it waits, and does itself what it waits for where nobody else does */
    kaya_event_listener *on_event; /* NULL: silent */
    void *user;                    /* handed to on_event */
};

/* How a log was found. The rows of the table in core/FORMAT.md. */
enum kaya_wal_verdict {
    KAYA_VERDICT_EMPTY,   /* no log here yet */
    KAYA_VERDICT_CLEAN,   /* closed, or nothing beyond the last whole frame */
    KAYA_VERDICT_TORN,    /* bytes behind the last whole record that nothing vouches for */
    KAYA_VERDICT_DAMAGED, /* bytes that a claim vouches for are missing or wrong */
};

/* What recovery saw and did. */
struct kaya_wal_recovery_report {
    enum kaya_wal_verdict verdict;
    const char *verdict_row; /* of the table in core/tail.c: "open", "torn", ...; "" where there is no log, or a
                                 writer of this process told. Static memory */
    struct kaya_wal_log_id log_id;
    uint64_t epoch;           /* raised by each recovery that found no clean close */
    uint64_t first_lsn;       /* low-water mark: the first record that is there, or would be */
    uint64_t last_lsn;        /* the last record that is there; first_lsn - 1: none */
    uint64_t segment_count;   /* segments in use */
    uint64_t segment;         /* the segment in which the log ended ... */
    uint64_t end_offset;      /* ... at this offset (V) */
    uint64_t claim_segment;   /* the furthest surviving claim lies in this segment ... */
    uint64_t claim_offset;    /* ... and vouches for all before this offset (W) */
    uint64_t unvouched_bytes; /* bytes of returned records that no claim covers */
    uint64_t discarded_bytes; /* bytes behind the end that were neither zero nor an older generation's */
    uint64_t mended_count;    /* frames with one flipped bit */
    uint64_t carried_records; /* records copied to the successor */
    bool closed_cleanly;      /* a CLOSE frame ends the log, and nothing was tried since */
    bool lsns_may_return; /* no clean close: lost numbers above last_lsn may be given again, under the new epoch */
    /* KAYA_VERDICT_DAMAGED only: the first bad place, and what is lost */
    uint64_t damage_segment;
    uint64_t damage_offset;
    uint64_t damage_end_offset; /* durable up to here, at least */
    uint64_t lost_first_lsn;    /* 0: no record is known to be lost */
    uint64_t lost_last_lsn;     /* at least up to here */
    const char *damage_reason;  /* static memory; "" if none */
};

struct kaya_wal_writer;

/* Open the log in the environment's directory for writing: take the lock, recover, or begin a new log.
 *
 * `config` may be NULL: all defaults. `report` may be NULL; it is filled in whenever recovery came to a verdict, also
 * with KAYA_DAMAGED. On KAYA_OK *writer is the caller's, to be closed. On failure *writer is NULL, and but for KAYA_IO,
 * KAYA_FULL, KAYA_NO_MEMORY, KAYA_LIMIT and KAYA_DENIED nothing on the disk was changed; with those, opening again goes on as if
 * this call had crashed.
 *
 *   KAYA_INVALID      an option is out of range; the event names the field. Or what stands in the place of the log's directory is
 *                     none, or in that of its lock no file
 *   KAYA_LOCKED       another writer holds the log
 *   KAYA_NOT_FOUND    must_exist and there is no log; or the parent directory does not exist
 *   KAYA_DAMAGED      durable records are missing or wrong (P5); the report says which. kaya/salvage.h gets out what is whole
 *   KAYA_UNSUPPORTED  a newer format or an unknown feature
 *   KAYA_WRONG_LOG    the anchor names another log
 *   KAYA_FULL         no room for what recovery must write; try again when there is (P9)
 *   KAYA_EXISTS       a directory or a link bears a name of the first segment, which has no record yet; the event says which. Under the
 *                     names of others it is gone round
 *   KAYA_IO           a read, write or sync failed, or somebody else puts files into the log's place or takes them away
 *   KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED  as the allocator and the disk say */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_open(const struct kaya_wal_environment *environment,
                                                      const struct kaya_wal_config *config,
                                                      struct kaya_wal_writer **writer,
                                                      struct kaya_wal_recovery_report *report);

/* Recover and close again: kaya_wal_writer_open, then kaya_wal_writer_close, with must_exist. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_recover(const struct kaya_wal_environment *environment,
                                                  const struct kaya_wal_config *config,
                                                  struct kaya_wal_recovery_report *report);

/* Give up every record behind `last_lsn` for good, on a closed log. The same operation as recovery, with an earlier end;
 * crash-safe: after a crash either the old or the new end holds, and stays.
 *
 *   KAYA_INVALID  last_lsn is below the low-water mark - 1 or below the caller's own anchor, beyond the end, or inside a
 *                 batch; nothing was changed
 *   and the statuses of kaya_wal_writer_open */
KAYA_MUST_CHECK enum kaya_status kaya_wal_cut_back(const struct kaya_wal_environment *environment,
                                                   const struct kaya_wal_config *config, uint64_t last_lsn,
                                                   struct kaya_wal_recovery_report *report);

/* Append one record. STRICT returns once it is durable, and with it every earlier record; RELAXED once the operating
 * system has it; BUFFERED at once: it does I/O only where the buffer is full or the segment ends. What is buffered nobody reads, and a crash of
 * the process takes it; what such a crash leaves is still a prefix of what was appended.
 *
 * `payload` is copied before return. On KAYA_OK *lsn is the record's number, one above the last. `lsn` may be NULL.
 *
 *   KAYA_INVALID    too long, or no such type or mode; nothing was written
 *   KAYA_FULL       no spare segment could be prepared; nothing was written, no LSN spent: try again when there is room
 *   KAYA_NO_MEMORY, KAYA_LIMIT  nothing was written
 *   KAYA_BUSY       full_is_busy, BUFFERED, and both buffers are full; nothing was appended
 *   KAYA_IO         a write or sync failed: the next recovery decides whether the record is there (P6). This handle takes
 *                   nothing more; close it and open the log again
 *   KAYA_ENDED      an earlier call failed so */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_append(struct kaya_wal_writer *writer,
                                                        const struct kaya_wal_payload *payload,
                                                        enum kaya_durability_mode mode, uint64_t *lsn);

/* Append `count` >= 1 records as one: recovery returns all of them or none (P11). LSNs run from *first_lsn to *last_lsn.
 * Statuses as for append; KAYA_INVALID also where the payloads and 4 bytes for each exceed record_bytes_max. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_append_batch(struct kaya_wal_writer *writer,
                                                              const struct kaya_wal_payload *payloads,
                                                              size_t count, enum kaya_durability_mode mode,
                                                              uint64_t *first_lsn, uint64_t *last_lsn);

/* Hand every record appended so far to the operating system: as RELAXED for all of them. KAYA_IO, KAYA_ENDED as for append. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_flush(struct kaya_wal_writer *writer);

/* Make every record appended so far durable. KAYA_IO, KAYA_ENDED as for append. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_sync(struct kaya_wal_writer *writer);

/* --- many records in flight ----------------------------------------------------------------------------------------- */

/* A record or batch that was submitted, and what was asked for. A value: copy it, keep it or drop it, nothing is to be released. */
struct kaya_wal_ticket {
    uint64_t first_lsn, last_lsn; /* the same for one record */
    enum kaya_durability_mode mode;
};

/* Whom to tell that a ticket is complete. The memory is the caller's, and the log's from a submit that returned KAYA_OK until `completed` is
 * called, which may be before submit has returned; from that call on it is the caller's again, who may release it there or submit with it.
 *
 * Each is called exactly once, never under the log's lock: within kaya_wal_writer_tend, _wait, _wait_durable, _poll and _stop, whoever calls
 * these. In the order of the records; where several threads make such calls, those of later records may run at the same time. It may call
 * anything of the writer but stop and close. */
struct kaya_wal_completion {
    void (*completed)(struct kaya_wal_completion *completion);
    void *user;
    struct kaya_wal_ticket ticket;    /* set by submit */
    enum kaya_status status;          /* set before `completed` is called: as kaya_wal_writer_wait answers */
    struct kaya_wal_completion *next; /* the log's */
};

/* Append one record and do not wait: STRICT asks that it becomes durable, RELAXED that it is handed to the operating system; BUFFERED is
 * complete at once. kaya_wal_writer_wait or _poll, or `completion`, tells when that is so.
 *
 * It is done by whoever waits, appends as strict, syncs or tends; who only polls needs somebody who does. KAYA_OK: the record has its number, and
 * stands in the log's order. Any later strict append or sync covers it, whatever its mode. `completion` and `ticket` may be NULL. Does I/O of its
 * own only where the buffer is full, the segment ends, or a limit is reached.
 *
 *   KAYA_BUSY  full_is_busy, and a limit is reached or both buffers are full: nothing was appended; wait, tend or sync, and try again
 *   and the statuses of kaya_wal_writer_append; with all of them no ticket was given and `completion` is not called */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_submit(struct kaya_wal_writer *writer,
                                                        const struct kaya_wal_payload *payload,
                                                        enum kaya_durability_mode mode,
                                                        struct kaya_wal_completion *completion,
                                                        struct kaya_wal_ticket *ticket);

/* The same for `count` >= 1 records as one, as kaya_wal_writer_append_batch. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_submit_batch(struct kaya_wal_writer *writer,
                                                              const struct kaya_wal_payload *payloads,
                                                              size_t count, enum kaya_durability_mode mode,
                                                              struct kaya_wal_completion *completion,
                                                              struct kaya_wal_ticket *ticket);

/* Wait until a ticket is complete. Where nobody writes or syncs, the caller does, for all that was appended so far. Also after stop, until close.
 * `timeout_ns` nanoseconds: 0 only looks, as poll; KAYA_WAIT_FOREVER waits for an end. A write or sync of the caller's own is not cut short by
 * it.
 *
 *   KAYA_OK       what the ticket's mode promises holds now
 *   KAYA_BUSY     not within the time: nothing is decided, wait again
 *   KAYA_IO       a write or sync failed: the next recovery decides whether the record is there (P6)
 *   KAYA_INVALID  no such record was submitted
 *   KAYA_GONE     simulated disks only */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_wait(struct kaya_wal_writer *writer,
                                                      const struct kaya_wal_ticket *ticket, uint64_t timeout_ns);

/* Is a ticket complete? Never waits and does no I/O, but calls completions that are due. `ticket` may be NULL: only that. Statuses as for wait. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_poll(struct kaya_wal_writer *writer,
                                                      const struct kaya_wal_ticket *ticket);

/* Wait until all records up to `lsn` are durable, however they were appended. As kaya_wal_writer_wait; KAYA_INVALID: no such record yet. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_wait_durable(struct kaya_wal_writer *writer, uint64_t lsn,
                                                              uint64_t timeout_ns);

/* --- segments ------------------------------------------------------------------------------------------------------- */

/* Go on in the next segment now, so that the records so far stand in segments that will not change. Makes them durable.
 * A no-op if the segment in use holds no record. Statuses as for append. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_rotate(struct kaya_wal_writer *writer);

/* Let go of records below `lsn`. Whole segments are freed: *low_water_lsn (may be NULL) becomes the first record that is
 * still there, at most `lsn` unless it was above that before; what lies below it will never be returned again. A segment that a reader of this writer
 * still needs is kept. Nothing is written where no segment can be freed.
 *
 *   KAYA_INVALID  lsn is above the last durable LSN + 1
 *   KAYA_FULL     the mark did not fit the segment in use and no spare could be prepared; nothing was changed. Behind its records each segment keeps
 *                 room for one mark, so a full disk refuses none but a further one with no record in between
 *   KAYA_NO_MEMORY, KAYA_LIMIT  the same for want of these
 *   KAYA_IO, KAYA_ENDED as for append. If only the deletion of a freed file failed, the mark holds and the next
 *                   recovery deletes it. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_truncate_before(struct kaya_wal_writer *writer, uint64_t lsn,
                                                                 uint64_t *low_water_lsn);

/* Do one bounded piece of background work: write and sync what was submitted and call completions that are due; make durable what was written, where that is
 * much; and prepare or recycle a spare, or write ahead. *more tells whether there is more to do. Where no spare could be prepared, the event tells, and it costs nothing: appenders try again themselves.
 *   KAYA_IO  a write or sync failed; as for append. KAYA_ENDED: completions were called all the same */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_tend(struct kaya_wal_writer *writer, bool *more);

/* Sleep until kaya_wal_writer_tend has something to do. For one thread at a time, which does that again and again (kaya_posix_tender_start has one
 * ready). A preparation that failed counts as something to do again after `retry_ns` nanoseconds.
 *   KAYA_OK         there is something
 *   KAYA_BUSY       kaya_wal_writer_dismiss was called
 *   KAYA_ENDED      the handle takes nothing more, or is being closed: tend once more, for completions, and never again
 *   KAYA_NO_MEMORY  at the first call only */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_await_work(struct kaya_wal_writer *writer, uint64_t retry_ns);
/* End the call of kaya_wal_writer_await_work that is under way; where there is none, the next one. */
void kaya_wal_writer_dismiss(struct kaya_wal_writer *writer);

/* Facts of an open writer. */
uint64_t kaya_wal_writer_first_lsn(struct kaya_wal_writer *writer);   /* the low-water mark */
uint64_t kaya_wal_writer_last_lsn(struct kaya_wal_writer *writer);    /* the last appended; first - 1: none */
uint64_t kaya_wal_writer_durable_lsn(struct kaya_wal_writer *writer); /* all up to it are durable */
struct kaya_wal_anchor kaya_wal_writer_anchor(struct kaya_wal_writer *writer);

/* Make everything durable, write CLOSE if anything was written since the last one, and take no more: calls under way are answered and every
 * completion was called before this returns, later ones answer KAYA_ENDED. For a program that closes while other threads may still append; the writer stays until
 * kaya_wal_writer_close. KAYA_IO: a write or sync failed, as for append. A handle that has ended writes nothing and answers KAYA_ENDED, as does a
 * second stop. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_stop(struct kaya_wal_writer *writer);

/* Stop, unless that was done, let go of the lock and release the writer, whatever the status. Calls under way are answered first; none may
 * begin once this was called. `writer` may be NULL. Status as for stop; KAYA_OK where a stop answered that. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_writer_close(struct kaya_wal_writer *writer);

/* "empty", "clean", "torn", "damaged". Static memory; any thread. */
const char *kaya_wal_verdict_name(enum kaya_wal_verdict verdict);

#ifdef __cplusplus
}
#endif

#endif
