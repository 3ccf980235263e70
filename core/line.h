/* The writer as its own files see it: its state, and who may touch what of it at which time. */
#ifndef KAYA_LINE_H
#define KAYA_LINE_H

#include "recover.h"

struct pin;

struct kaya_wal_writer {
    struct context context;
    struct settings settings;
    struct kaya_wal_log_id log_id;
    uint64_t epoch;
    uint64_t durable_lsn; /* published: any thread may observe it */

    /* The mutex guards all of the following, and `log` while nobody is exclusive. It is never held during I/O. */
    struct kaya_mutex *mutex;
    struct kaya_condition *turn;       /* the head, the pool, or the right to encode became free */
    struct kaya_condition *arrival[2]; /* a flight arrived: the one under way and the next one take turns */
    unsigned next_arrival;             /* index of the next flight's */
    unsigned waiter_count[2];          /* at `arrival` ... */
    unsigned sync_waiter_count;        /* ... and how many of these ask for a sync */
    unsigned turn_waiter_count, exclusive_waiter_count;
    unsigned caller_count;       /* calls under way; close waits for them */
    unsigned work_waiter_count;  /* at ... */
    struct kaya_condition *work; /* tend has something to do; NULL: nobody ever asked */
    bool is_dismissed;           /* who waits there shall no longer, or the next one not at all */
    bool tender_sleeps_on;       /* who waits there does so without an end */
    bool is_in_vain; /* the last preparation that tend tried failed, and is not asked for again for a while */
    bool is_closing;
    bool is_head_taken; /* a flight, writing ahead, or somebody exclusive */
    bool is_exclusive;  /* ... and nobody may encode or look at `log` */
    bool had_ended;     /* ... the handle, before he came: `ending` is not his */
    bool is_pool_taken;
    bool is_syncing_ahead; /* the head's file is synced beside those who write it; nobody else syncs it meanwhile */
    bool is_gathering;       /* the head is taken by who waits for others to come along ... */
    bool must_depart;        /* ... and shall no longer */
    bool awaits_company;     /* ... and is for those who were just answered */
    unsigned answered_count; /* of the last flight that synced, who have not come back to wait for another */
    unsigned vain_count,
        spared; /* so often in a row they did not come in time; and flights that are not to wait for them */
    uint64_t flight_ns;              /* how long that flight took */
    bool flight_syncs;               /* the flight under way ... */
    uint64_t flight_lsn, flight_end; /* ... and how far it reaches */
    enum kaya_status ending;         /* KAYA_OK while the handle lives; else KAYA_IO, or KAYA_GONE */
    bool is_guarded;                 /* two spares stand behind the head under durable names */
    bool wants_spare;                /* and tend is to prepare another */
    uint64_t carry_capacity;         /* of every segment that may take over */
    struct buffer batch;

    /* What was submitted: numbers of the last records that are to be made durable, and handed to the disk; and whom to tell, in their order. */
    uint64_t submitted_strict_lsn, submitted_relaxed_lsn;
    uint64_t written_lsn; /* all up to it were handed to the disk; behind `log` while somebody is exclusive */
    struct kaya_wal_completion *completions, *last_completion;

    struct pin *pins; /* of readers of this process */
    struct opened_log log;
};

/* What a caller waits for: all up to the record `lsn`, or, where it is 0, everything up to `end` of the segment. */
struct goal {
    uint64_t lsn;
    uint64_t segment, end;
    bool is_durable; /* false: handed to the disk */
    bool hurries;    /* nobody shall wait for others to come along first */
};

KAYA_MUST_CHECK enum kaya_status kaya_line_create(struct kaya_wal_writer *writer);
void kaya_line_open(struct kaya_wal_writer *writer); /* `log` is open: calls may come */
void kaya_line_destroy(struct kaya_wal_writer *writer); /* nobody is in it; takes one that was not created whole */

/* A call begins, and ends, holding the mutex in between. KAYA_ENDED: the handle has ended or is being closed; not entered. */
KAYA_MUST_CHECK enum kaya_status kaya_line_enter(struct kaya_wal_writer *writer);
void kaya_line_leave(struct kaya_wal_writer *writer);
/* The second half of kaya_line_enter: the mutex is held. */
KAYA_MUST_CHECK enum kaya_status kaya_line_come_in(struct kaya_wal_writer *writer);
/* As kaya_line_enter, for those who only look: also on a handle that has ended. */
void kaya_line_look(struct kaya_wal_writer *writer);
/* ... without waiting for who is exclusive: `log` and `ending` may be his. */
void kaya_line_peek(struct kaya_wal_writer *writer);

/* Everything to oneself, for as much I/O as it takes, without the mutex. Called with the mutex, returns without it; give takes it again.
 * Where the handle has ended meanwhile, `ending` says so. */
void kaya_line_take(struct kaya_wal_writer *writer);
void kaya_line_give(struct kaya_wal_writer *writer);
/* Give back all but the pool; returns without the mutex. */
void kaya_line_keep_pool(struct kaya_wal_writer *writer);

/* Close: as take, and nobody else comes in; as give, and all who are in have left. Without the mutex before, and between; end holds it after, to be
 * left as from kaya_line_look. False: somebody closed it before. */
bool kaya_line_begin_closing(struct kaya_wal_writer *writer);
void kaya_line_end_closing(struct kaya_wal_writer *writer);

/* The spares to oneself: likewise without the mutex, while others append. */
void kaya_line_take_pool(struct kaya_wal_writer *writer);
void kaya_line_give_pool(struct kaya_wal_writer *writer);

/* Nobody is exclusive: one may encode, and look. May let go of the mutex and take it again. */
void kaya_line_await_quiet(struct kaya_wal_writer *writer);
/* The same until the time `until_ns`. False: it is over, and somebody still is. */
KAYA_MUST_CHECK bool kaya_line_await_quiet_until(struct kaya_wal_writer *writer, uint64_t until_ns);

/* Until the goal is reached: lead a flight where nobody does, else wait for the one that reaches it. With the mutex. KAYA_BUSY: not before
 * the time `until_ns` (KAYA_WAIT_FOREVER: no end). KAYA_IO, KAYA_GONE: the handle ended first, and the goal is in doubt. */
KAYA_MUST_CHECK enum kaya_status kaya_line_await(struct kaya_wal_writer *writer, const struct goal *goal,
                                                 uint64_t until_ns);

/* Is all up to the record `lsn` durable, or else handed to the disk? KAYA_BUSY: not yet. KAYA_IO, KAYA_GONE, KAYA_ENDED: the handle ended first.
 * With the mutex; never waits. */
KAYA_MUST_CHECK enum kaya_status kaya_line_ask(struct kaya_wal_writer *writer, uint64_t lsn, bool is_durable);

/* Write the segment through ahead of `end`, while others encode. With the mutex, before and after. A failure that is no KAYA_IO costs nothing but
 * where the machine is gone. */
KAYA_MUST_CHECK enum kaya_status kaya_line_write_ahead(struct kaya_wal_writer *writer, uint64_t end);

/* Make durable what was written so far, while others encode and write; who wants a sync of the same file waits for it. With the mutex, and quiet,
 * before and after, and kaya_line_must_sync_ahead says so. As kaya_line_await. */
KAYA_MUST_CHECK enum kaya_status kaya_line_sync_ahead(struct kaya_wal_writer *writer);
/* Has tend to? With the mutex, and quiet. */
bool kaya_line_must_sync_ahead(const struct kaya_wal_writer *writer);

/* Where tend should write ahead to; 0: far enough. With the mutex, and quiet. */
uint64_t kaya_line_end_ahead(const struct kaya_wal_writer *writer);
/* Is there a submitted record that nobody has made durable or handed to the disk? With the mutex, and quiet. */
bool kaya_line_is_submission_due(const struct kaya_wal_writer *writer);
/* Is what the ticket stands for done? As kaya_line_ask. */
KAYA_MUST_CHECK enum kaya_status kaya_line_ask_ticket(struct kaya_wal_writer *writer,
                                                      const struct kaya_wal_ticket *ticket);
/* Sleep until tend has something to do, or the handle takes no more; who was in vain is asked again after `retry_ns`. KAYA_BUSY: dismissed. With
 * the mutex, and quiet, before and after. KAYA_NO_MEMORY: not without it, the first time. */
KAYA_MUST_CHECK enum kaya_status kaya_line_await_work(struct kaya_wal_writer *writer, uint64_t retry_ns);
void kaya_line_dismiss(struct kaya_wal_writer *writer); /* with the mutex */

/* A write or sync was issued and failed: the handle takes nothing more. Exclusive, or with the mutex and waking everybody then. Returns
 * `ending`. */
enum kaya_status kaya_line_end(struct kaya_wal_writer *writer, enum kaya_status status);
/* With the mutex: and wake everybody. */
enum kaya_status kaya_line_fail(struct kaya_wal_writer *writer, enum kaya_status status);

/* May the handle be appended to? With the mutex, and quiet. */
static inline bool kaya_line_is_alive(const struct kaya_wal_writer *writer)
{
    return writer->ending == KAYA_OK && !writer->is_closing;
}

/* May the segment in use take records? One that nothing can follow under the next number may not, or it would look like one that was
 * lost; where it holds some, that is settled. Exclusive, or the pool taken. */
static inline bool kaya_line_may_fill(const struct kaya_wal_writer *writer)
{
    return writer->log.has_appended || writer->log.pool.is_head_followed;
}

/* LSN of the next record to be encoded. With the mutex and nobody exclusive, or exclusive. */
static inline uint64_t kaya_line_next_lsn(const struct kaya_wal_writer *writer)
{
    return writer->log.appender.segment.link.base_lsn + writer->log.appender.sequence;
}

#endif
