/* The log and many threads, as the subject's own files see it: concurrent_subject.c gathers them, threads.c has what each of them does, with
 * submits.c for records in flight and tender.c for who tends; all stand on concurrent.c. */
#ifndef KAYA_SCENARIOS_CONCURRENT_CONCURRENT_H
#define KAYA_SCENARIOS_CONCURRENT_CONCURRENT_H

#include <string.h>

#include "kaya/reader.h"
#include "kaya/scenarios/concurrent_model.h"
#include "kaya/scenarios/player.h"
#include "kaya/sim/boot.h"

/* Of each thread, in one gathering. */
enum { KAYA_SUBMITS_MAX = 24 };

struct kaya_thread;

/* What a thread submitted in this gathering. */
struct kaya_submit {
    struct kaya_wal_completion completion; /* first: the log knows it by this */
    struct kaya_thread *thread;
    struct kaya_wal_ticket ticket;
    size_t call;      /* the model's */
    bool is_answered; /* the record has its number */
    bool is_called;   /* the log is to call the completion ... */
    unsigned calls;   /* ... which it did so many times */
    bool is_complete; /* somebody was told so */
};

struct kaya_concurrent {
    struct kaya_player player;
    struct kaya_concurrent_model *model;
    struct kaya_wal_writer *writer;            /* of the running boot */
    bool no_memory;                            /* of a fiber */
    uint64_t payload_counts[KAYA_THREADS_MAX]; /* so many had each thread */
    uint64_t strict_count;                     /* strict appends answered in this gathering */
    uint64_t beside_count;                     /* readers of another process opened in it */
    struct kaya_submit submits[KAYA_THREADS_MAX][KAYA_SUBMITS_MAX]; /* of the gathering */
    size_t submit_counts[KAYA_THREADS_MAX];
    struct kaya_thread *threads; /* of the gathering */
    size_t live_count;           /* threads of it that are not done, but for ... */
    bool has_tender;             /* ... one that tends */
    uint64_t called_lsn[KAYA_THREADS_MAX + 1]; /* of the last completion that this thread's call ran; the last one: no thread's */
};

/* A fiber: one of the gathering's threads. */
struct kaya_thread {
    struct kaya_concurrent *subject;
    const struct kaya_sim_machine *machine;
    struct kaya_violation *violation;
    size_t number;
    size_t thread_count;
    unsigned char *bytes; /* its payloads; the player's buffer is for one thread */
};

/* --- concurrent.c: shared by all --- */

/* What a call said, as far as anybody could hear it; the model is told what struck. */
enum kaya_status kaya_concurrent_heard(struct kaya_concurrent *subject,
                                       const struct kaya_sim_machine *machine, enum kaya_status status);

/* Payloads for an operation that appends, in the thread's bytes, and what the model is to expect of them. */
void kaya_thread_fill(struct kaya_thread *thread, const struct kaya_operation *operation,
                      struct kaya_wal_payload payloads[KAYA_BATCH_RECORDS_MAX],
                      struct kaya_content contents[KAYA_BATCH_RECORDS_MAX]);
/* An append or submit that is not to wait answered KAYA_BUSY: was too much in flight, or may a buffer have been full? `before`: what was durable for
 * sure when it began. */
void kaya_thread_judge_busy(struct kaya_thread *thread, uint64_t before, bool is_submit);

/* --- threads.c --- */

/* The operations of a thread, one after the other. `user`: the struct kaya_thread. */
void kaya_thread_live(void *user);

/* --- tender.c --- */

void kaya_thread_tend(struct kaya_thread *thread);
/* Tend whenever there is something to do, until dismissed. `user`: the struct kaya_thread. */
void kaya_tender_live(void *user);
/* A thread is done. The last one looks whether who tends has left nothing, and sends him home. */
void kaya_tender_leave(struct kaya_thread *thread);

/* --- submits.c --- */

/* Forget what the last gathering submitted. */
void kaya_submits_reset(struct kaya_concurrent *subject);
/* A call begins that may run completions: those that it runs come in order. */
void kaya_submits_expect_order(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine);
void kaya_thread_submit(struct kaya_thread *thread, const struct kaya_operation *operation);
void kaya_thread_wait(struct kaya_thread *thread);
void kaya_thread_poll(struct kaya_thread *thread);
/* Its life ends: perhaps it waits for all that it submitted. */
void kaya_thread_wait_for_all(struct kaya_thread *thread);
/* Every ticket is complete, or this thread finds out that it is not, for all that was done: `why`. */
void kaya_submits_expect_complete(struct kaya_concurrent *subject, const char *why,
                                  struct kaya_violation *violation);
/* All threads are done, and the machine stands: every ticket is complete, or becomes so now, and every completion was called once. */
void kaya_submits_settle(struct kaya_concurrent *subject, const struct kaya_sim_machine *machine,
                         struct kaya_violation *violation);
/* The writer was stopped or closed: nobody is called any more. */
void kaya_submits_expect_called(struct kaya_concurrent *subject, struct kaya_violation *violation);

#endif
