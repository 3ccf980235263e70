/* Who may touch what of the writer, and who does the I/O for whom.
 *
 *      threads that append            one of them, the leader                the disk
 *        encode into the buffer   ->    depart: takes the whole buffer   ->   write, sync
 *        wait for an arrival            fly: without the mutex                  |
 *        encode the next group          arrive: publish, wake all of it   <----'
 *
 * There is no thread of the log's own. Who waits and finds nobody leading leads: everything encoded so far flies, whoever encoded it, while
 * others encode the next group. On arrival all of the flight's waiters are woken, and one of the next group's, who leads that. The leader's own
 * record is always in its flight, so nobody works for others longer than for himself.
 *
 * What else needs the head's file (rotation, trim, preparing what is missing, a record longer than the buffer) takes everything for itself,
 * runs without the mutex as if there were one thread only, and gives it back. It goes before the next leader. Spares can be taken alone.
 *
 * Who was answered by a sync often comes back at once with the next record. A leader that did not wait for these would fly with half of all threads,
 * and leave the other half to the next one, for ever: two flights in turn, each half full. So who is about to sync waits until as many as the last sync
 * answered have come to wait again, for a quarter of that sync's time at most (patience_ns), and for nobody where it answered the leader alone. Where they
 * do not come in time, because their threads have other things to do, it is tried ever less often.
 *
 * Nobody need wait for his own record. A buffered append encodes and returns; a submit does the same and leaves a mark of how far somebody wants the
 * log on the disk (submit.c), and whoever leads next, tend included, takes all of it there. Where the buffer is full and one is flying, a second one is
 * full as well, and who needs room waits for the arrival; where none flies he leads one himself that writes and does not sync. With a commit delay the
 * leader of a flight that syncs waits before it departs, and others encode into it meanwhile (gather); who waits for anything but company sends it off.
 *
 * Who tends makes durable ahead what was written and not synced (sync_ahead), an eighth of a segment at a time: records that nobody wants synced would else
 * all be by the rotation, with everybody waiting. Meanwhile others encode, and write; but who wants a sync, or the log for himself, waits for this one. Two syncs of one file
 * at a time are never tried: where both meet the same failure the system may tell one of them that all is well. And what a flight wrote beside a sync that
 * failed is not acknowledged.
 *
 * What others do was weighed.
 *   WiredTiger: threads join a slot by one atomic addition, copy side by side, and the last one writes. InnoDB: they copy into a ring side by side, a
 *   table of links tells how far it has no gap, and threads of its own write, sync and notify. Both pay off where copying is what many cores contend
 *   for; here a copy is a record's encoding with a check over its own place, which hangs on the length of everything before it, and is over in the time
 *   of two lock handovers. Core has no atomics but one published number, so that a chosen schedule can show every order that there is.
 *   Pebble: one thread for flushing, and a ring of so many waiters, each with a place for its error. A ticket here is two numbers that are compared with
 *   the durable one: no ring, no limit but what the caller asks for, and a failure completes all tickets by one assignment.
 *   BookKeeper: a journal thread gathers, a force-write thread syncs, a third one calls back, and memory is bounded by bytes in flight. What is
 *   called back here is called by whoever tends, waits or polls, so that nothing runs in a thread that the caller does not know.
 * A commit thread costs two switches for a record that one thread waits for; a mutex held for one encoding costs less than a system call.
 *
 * Invariants:
 *   1. the mutex is not held during I/O (but where padding overflows a buffer, see kaya_appender_depart)
 *   2. one flight at a time, one sync at a time; while a flight is under way nobody else writes the head's file
 *   3. whoever makes the head free wakes one who may lead, if anybody waits: nobody sleeps for good
 *   4. after a failed write or sync `ending` is set before the mutex is free again, and every waiter is woken */
#include "line.h"

enum {
    COMPANY_SHARE = 4,      /* of a sync's time is waited for those who were just answered ... */
    COMPANY_NS_MIN = 10000, /* ... unless to sleep and to be woken takes as long */
    COMPANY_VAIN_MAX = 6,
    RIDERS_MANY = 4,
};

/* --- life ----------------------------------------------------------------------------------------------------------- */

enum kaya_status kaya_line_create(struct kaya_wal_writer *writer)
{
    struct kaya_runtime *runtime = writer->context.runtime;
    enum kaya_status status = kaya_mutex_create(runtime, &writer->mutex);

    if (status == KAYA_OK)
        status = kaya_condition_create(runtime, &writer->turn);
    if (status == KAYA_OK)
        status = kaya_condition_create(runtime, &writer->arrival[0]);
    if (status == KAYA_OK)
        status = kaya_condition_create(runtime, &writer->arrival[1]);
    return status;
}

void kaya_line_destroy(struct kaya_wal_writer *writer)
{
    struct kaya_runtime *runtime = writer->context.runtime;

    kaya_condition_destroy(runtime, writer->work);
    kaya_condition_destroy(runtime, writer->arrival[1]);
    kaya_condition_destroy(runtime, writer->arrival[0]);
    kaya_condition_destroy(runtime, writer->turn);
    kaya_mutex_destroy(runtime, writer->mutex);
}

enum kaya_status kaya_line_end(struct kaya_wal_writer *writer, enum kaya_status status)
{
    if (writer->ending != KAYA_OK) /* by a sync or a write beside this one */
        return writer->ending;
    writer->ending = status == KAYA_GONE ? KAYA_GONE : KAYA_IO;
    kaya_notify(&writer->context, &(struct kaya_event){ .kind = KAYA_EVENT_HANDLE_ENDED,
                                                        .status = status,
                                                        .segment = writer->log.appender.segment.number,
                                                        .offset_bytes = writer->log.appender.durable,
                                                        .lsn = writer->durable_lsn });
    return writer->ending;
}

/* --- waiting and waking --------------------------------------------------------------------------------------------- */

static void await_turn_for(struct kaya_wal_writer *writer, uint64_t timeout_ns)
{
    writer->turn_waiter_count++;
    (void)kaya_condition_wait(writer->context.runtime, writer->turn, writer->mutex, timeout_ns);
    writer->turn_waiter_count--;
}

static void await_turn(struct kaya_wal_writer *writer)
{
    await_turn_for(writer, KAYA_WAIT_FOREVER);
}

/* How long from now; 0: the time is over. */
static uint64_t time_left(struct kaya_wal_writer *writer, uint64_t until_ns)
{
    uint64_t now_ns;

    if (until_ns == KAYA_WAIT_FOREVER)
        return KAYA_WAIT_FOREVER;
    now_ns = kaya_now_ns(writer->context.runtime);
    return now_ns < until_ns ? until_ns - now_ns : 0;
}

static void wake_turn(struct kaya_wal_writer *writer)
{
    if (writer->turn_waiter_count > 0)
        kaya_condition_wake_all(writer->context.runtime, writer->turn);
}

static void wake_arrival(struct kaya_wal_writer *writer, unsigned index)
{
    if (writer->waiter_count[index] > 0)
        kaya_condition_wake_all(writer->context.runtime, writer->arrival[index]);
}

/* All who rode. To wake many takes the system long, and the first of them would find the mutex taken, and sleep again: so it is let go meanwhile. */
static void wake_riders(struct kaya_wal_writer *writer, unsigned index)
{
    if (writer->waiter_count[index] < RIDERS_MANY) {
        wake_arrival(writer, index);
        return;
    }
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    kaya_condition_wake_all(writer->context.runtime, writer->arrival[index]);
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
}

/* Who waits for something else than others to come along: go. */
static void hurry(struct kaya_wal_writer *writer)
{
    if (!writer->is_gathering || writer->must_depart)
        return;
    writer->must_depart = true;
    wake_turn(writer);
}

/* Does somebody exclusive come before the next leader? Not while he waits for more than the head. */
static bool must_yield(const struct kaya_wal_writer *writer)
{
    return writer->exclusive_waiter_count > 0 && !writer->is_pool_taken && !writer->is_syncing_ahead;
}

/* Invariant 3. While somebody syncs ahead, the first of them may be one who wants a sync himself, and leads nobody. */
static void wake_leader(struct kaya_wal_writer *writer)
{
    if (writer->is_head_taken || must_yield(writer) || writer->waiter_count[writer->next_arrival] == 0)
        return;
    if (writer->is_syncing_ahead)
        kaya_condition_wake_all(writer->context.runtime, writer->arrival[writer->next_arrival]);
    else
        kaya_condition_wake_one(writer->context.runtime, writer->arrival[writer->next_arrival]);
}

/* --- who tends ------------------------------------------------------------------------------------------------------ */

uint64_t kaya_line_end_ahead(const struct kaya_wal_writer *writer)
{
    const struct appender *appender = &writer->log.appender;

    return appender->end <= kaya_appender_calm_end(appender) ? 0 : appender->end + appender->stride_bytes / 2;
}

bool kaya_line_is_submission_due(const struct kaya_wal_writer *writer)
{
    return writer->submitted_strict_lsn > writer->durable_lsn ||
           writer->submitted_relaxed_lsn > writer->written_lsn;
}

static bool has_work(struct kaya_wal_writer *writer)
{
    const struct kaya_wal_completion *first = writer->completions;

    if (kaya_line_is_submission_due(writer) || kaya_line_must_sync_ahead(writer) ||
        (first != NULL && kaya_line_ask_ticket(writer, &first->ticket) != KAYA_BUSY))
        return true;
    return !writer->is_in_vain && (writer->wants_spare || kaya_line_end_ahead(writer) != 0);
}

/* Each call that makes work ends by looking whether somebody waits for it. Or whether it was in vain, and who waits does not know that it is to be
 * tried again. */
static void wake_who_tends(struct kaya_wal_writer *writer)
{
    if (writer->work_waiter_count > 0 && !writer->is_exclusive &&
        (!kaya_line_is_alive(writer) || has_work(writer) || (writer->is_in_vain && writer->tender_sleeps_on)))
        kaya_condition_wake_all(writer->context.runtime, writer->work);
}

/* False: the time is over. */
static bool await_wake(struct kaya_wal_writer *writer, uint64_t timeout_ns)
{
    bool woken;

    writer->work_waiter_count++;
    writer->tender_sleeps_on = timeout_ns == KAYA_WAIT_FOREVER;
    woken = kaya_condition_wait(writer->context.runtime, writer->work, writer->mutex, timeout_ns);
    writer->work_waiter_count--;
    kaya_line_await_quiet(writer);
    return woken;
}

enum kaya_status kaya_line_await_work(struct kaya_wal_writer *writer, uint64_t retry_ns)
{
    enum kaya_status status = KAYA_OK;

    if (writer->work == NULL)
        status = kaya_condition_create(writer->context.runtime, &writer->work);
    while (status == KAYA_OK) {
        if (writer->is_dismissed) {
            writer->is_dismissed = false;
            status = KAYA_BUSY;
        } else if (!kaya_line_is_alive(writer)) {
            status = KAYA_ENDED;
        } else if (has_work(writer)) {
            break;
        } else if (!await_wake(writer, writer->is_in_vain ? retry_ns : KAYA_WAIT_FOREVER)) {
            writer->is_in_vain = false;
        }
    }
    return status;
}

void kaya_line_dismiss(struct kaya_wal_writer *writer)
{
    writer->is_dismissed = true;
    if (writer->work_waiter_count > 0)
        kaya_condition_wake_all(writer->context.runtime, writer->work);
}

/* --- calls ---------------------------------------------------------------------------------------------------------- */

void kaya_line_await_quiet(struct kaya_wal_writer *writer)
{
    while (writer->is_exclusive)
        await_turn(writer);
}

bool kaya_line_await_quiet_until(struct kaya_wal_writer *writer, uint64_t until_ns)
{
    uint64_t left_ns;

    while (writer->is_exclusive && (left_ns = time_left(writer, until_ns)) > 0)
        await_turn_for(writer, left_ns);
    return !writer->is_exclusive;
}

void kaya_line_peek(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    writer->caller_count++;
}

void kaya_line_look(struct kaya_wal_writer *writer)
{
    kaya_line_peek(writer);
    kaya_line_await_quiet(writer);
}

void kaya_line_leave(struct kaya_wal_writer *writer)
{
    writer->caller_count--;
    wake_who_tends(writer);
    if (writer->is_closing)
        wake_turn(writer);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

enum kaya_status kaya_line_enter(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    return kaya_line_come_in(writer);
}

enum kaya_status kaya_line_come_in(struct kaya_wal_writer *writer)
{
    writer->caller_count++;
    kaya_line_await_quiet(writer);
    if (kaya_line_is_alive(writer))
        return KAYA_OK;
    kaya_line_leave(writer);
    return KAYA_ENDED;
}

/* --- the head and the pool ------------------------------------------------------------------------------------------ */

void kaya_line_take(struct kaya_wal_writer *writer)
{
    hurry(writer);
    writer->exclusive_waiter_count++;
    while (writer->is_head_taken || writer->is_pool_taken || writer->is_syncing_ahead)
        await_turn(writer);
    writer->exclusive_waiter_count--;
    writer->is_head_taken = true;
    writer->is_exclusive = true;
    writer->had_ended = writer->ending != KAYA_OK;
    writer->is_pool_taken = true;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

/* What appenders must know of the spares, without looking at them: somebody may be changing them. */
static void note_pool(struct kaya_wal_writer *writer)
{
    const struct pool *pool = &writer->log.pool;

    writer->wants_spare = pool->spare_count < pool->wanted;
    writer->is_guarded =
        pool->spare_count >= POOL_SPARES_MIN && kaya_pool_is_settled(pool) && kaya_line_may_fill(writer);
    writer->carry_capacity = kaya_pool_carry_capacity(pool);
    kaya_appender_doubt(&writer->log.appender);
}

static void note_written(struct kaya_wal_writer *writer)
{
    const struct appender *appender = &writer->log.appender;

    writer->written_lsn = appender->segment.link.base_lsn + appender->written_sequence - 1;
}

void kaya_line_open(struct kaya_wal_writer *writer)
{
    note_pool(writer);
    note_written(writer);
}

static void release_pool(struct kaya_wal_writer *writer)
{
    writer->is_pool_taken = false;
    note_pool(writer);
}

/* The owner may have synced what others wait for, or ended the handle. */
static void release_head(struct kaya_wal_writer *writer)
{
    writer->is_head_taken = false;
    writer->is_exclusive = false;
    note_written(writer);
    wake_turn(writer);
    wake_arrival(writer, 0);
    wake_arrival(writer, 1);
}

void kaya_line_give(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    release_pool(writer);
    release_head(writer);
}

void kaya_line_keep_pool(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    release_head(writer);
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

enum kaya_status kaya_line_fail(struct kaya_wal_writer *writer, enum kaya_status status)
{
    status = kaya_line_end(writer, status);
    hurry(writer);
    wake_turn(writer);
    wake_arrival(writer, 0);
    wake_arrival(writer, 1);
    return status;
}

void kaya_line_take_pool(struct kaya_wal_writer *writer)
{
    while (writer->is_pool_taken || writer->exclusive_waiter_count > 0)
        await_turn(writer);
    writer->is_pool_taken = true;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
}

void kaya_line_give_pool(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    release_pool(writer);
    wake_turn(writer);
}

bool kaya_line_begin_closing(struct kaya_wal_writer *writer)
{
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    if (writer->is_closing) {
        kaya_mutex_unlock(writer->context.runtime, writer->mutex);
        return false;
    }
    writer->is_closing = true;
    if (writer->work_waiter_count > 0)
        kaya_condition_wake_all(writer->context.runtime, writer->work);
    kaya_line_take(writer);
    return true;
}

/* Who waits for a record has his answer now; who came to append gets none. */
void kaya_line_end_closing(struct kaya_wal_writer *writer)
{
    if (writer->ending == KAYA_OK)
        writer->ending = KAYA_ENDED;
    kaya_line_give(writer);
    while (writer->caller_count > 0)
        await_turn(writer);
    writer->caller_count++;
}

/* --- flights -------------------------------------------------------------------------------------------------------- */

static bool is_reached(const struct kaya_wal_writer *writer, const struct goal *goal)
{
    const struct appender *appender = &writer->log.appender;

    if (goal->lsn != 0)
        return (goal->is_durable ? writer->durable_lsn : writer->written_lsn) >= goal->lsn;
    if (goal->segment != appender->segment.number) /* the log rotated, and synced it */
        return true;
    return (goal->is_durable ? appender->durable : appender->written) >= goal->end;
}

/* Will the flight under way reach it? */
static bool flies_to(const struct kaya_wal_writer *writer, const struct goal *goal)
{
    if (!writer->is_head_taken || writer->is_exclusive || writer->is_gathering ||
        (goal->is_durable && !writer->flight_syncs))
        return false;
    return goal->lsn != 0 ? writer->flight_lsn >= goal->lsn : writer->flight_end >= goal->end;
}

/* Who is about to sync waits so long for others to come along. */
static uint64_t patience_ns(struct kaya_wal_writer *writer, const struct goal *goal)
{
    uint64_t share_ns = writer->flight_ns / COMPANY_SHARE;

    writer->awaits_company = false;
    if (!goal->is_durable || goal->hurries)
        return 0;
    if (writer->settings.commit_delay_ns > 0)
        return writer->settings.commit_delay_ns;
    if (writer->answered_count == 0 || share_ns < COMPANY_NS_MIN)
        return 0;
    if (writer->spared > 0) {
        writer->spared--;
        return 0;
    }
    writer->awaits_company = true;
    return share_ns;
}

/* Where they did not come in time, that is not waited for again until twice as many flights as the last time have left. */
static void judge_company(struct kaya_wal_writer *writer)
{
    if (writer->answered_count == 0)
        writer->vain_count = 0;
    else if (!writer->must_depart && writer->vain_count < COMPANY_VAIN_MAX)
        writer->vain_count++;
    writer->spared = (1U << writer->vain_count) - 1;
    writer->answered_count = 0;
    writer->awaits_company = false;
}

/* Somebody has come to wait for a sync. */
static void join(struct kaya_wal_writer *writer)
{
    if (writer->answered_count > 0 && --writer->answered_count == 0 && writer->awaits_company)
        hurry(writer);
}

/* Others may encode, and will be in the flight. Who has time until `until_ns` himself waits no longer for them. */
static void gather(struct kaya_wal_writer *writer, uint64_t delay_ns, uint64_t until_ns)
{
    struct kaya_runtime *runtime = writer->context.runtime;
    uint64_t now_ns = kaya_now_ns(runtime);

    if (until_ns > now_ns + delay_ns)
        until_ns = now_ns + delay_ns;
    writer->is_head_taken = true;
    writer->is_gathering = true;
    for (writer->must_depart = false; now_ns < until_ns && !writer->must_depart; now_ns = kaya_now_ns(runtime))
        await_turn_for(writer, until_ns - now_ns);
    writer->is_gathering = false;
    writer->is_head_taken = false;
    if (writer->awaits_company)
        judge_company(writer);
}

/* Without the mutex; how long it took is noted with it. */
static enum kaya_status fly(struct kaya_wal_writer *writer, const struct flight *flight)
{
    uint64_t began_ns = flight->syncs ? kaya_now_ns(writer->context.runtime) : 0;
    enum kaya_status status;

    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    status = kaya_appender_fly(&writer->log.appender, flight);
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    if (flight->syncs)
        writer->flight_ns = kaya_now_ns(writer->context.runtime) - began_ns;
    return status;
}

static void lead(struct kaya_wal_writer *writer, const struct goal *goal, uint64_t until_ns)
{
    struct appender *appender = &writer->log.appender;
    unsigned mine = writer->next_arrival;
    bool syncs = goal->is_durable;
    uint64_t delay_ns = patience_ns(writer, goal);
    struct flight flight;
    enum kaya_status status;

    if (delay_ns > 0)
        gather(writer, delay_ns, until_ns);
    if (writer->ending !=
        KAYA_OK) { /* meanwhile, and who waits for a record was told; but who waits for the head was not */
        wake_turn(writer);
        return;
    }
    status = kaya_appender_depart(appender, syncs, &flight);
    if (status == KAYA_OK) {
        writer->is_head_taken = true;
        writer->flight_syncs = syncs;
        writer->flight_lsn = kaya_line_next_lsn(writer) - 1;
        writer->flight_end = flight.end;
        writer->next_arrival = !mine;
        status = fly(writer, &flight);
        if (status == KAYA_OK) /* but a sync beside it may have failed, and nothing is promised behind that */
            status = writer->ending;
        kaya_appender_arrive(appender, &flight, status);
        note_written(writer);
        writer->is_head_taken = false;
    }
    if (status != KAYA_OK)
        (void)kaya_line_end(writer, status);
    else if (syncs)
        kaya_publish(writer->context.runtime, &writer->durable_lsn, writer->flight_lsn);
    if (syncs)
        writer->answered_count = writer->waiter_count[mine] + 1;
    wake_turn(writer);
    if (status != KAYA_OK)
        wake_arrival(writer, !mine);
    else
        wake_leader(writer);
    wake_riders(writer, mine);
}

enum kaya_status kaya_line_write_ahead(struct kaya_wal_writer *writer, uint64_t end)
{
    struct appender *appender = &writer->log.appender;
    uint64_t from, to;
    enum kaya_status status;

    hurry(writer);
    writer->exclusive_waiter_count++;
    while (writer->is_head_taken)
        await_turn(writer);
    writer->exclusive_waiter_count--;
    if (writer->ending != KAYA_OK) { /* who waits for the spares let us go first */
        wake_turn(writer);
        return KAYA_ENDED;
    }
    kaya_appender_plan_ahead(appender, end, &from, &to);
    appender->is_settled = false;
    writer->is_head_taken = true;
    writer->flight_syncs = false; /* it reaches nothing that anybody waits for */
    writer->flight_lsn = 0;
    writer->flight_end = 0;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    status = kaya_appender_fill_ahead(appender, from, to);
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    writer->is_head_taken = false;
    if (status == KAYA_OK)
        appender->prewritten = to;
    if (status == KAYA_IO)
        return kaya_line_fail(writer, status);
    wake_turn(writer);
    wake_leader(writer);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* --- syncing ahead -------------------------------------------------------------------------------------------------- */

bool kaya_line_must_sync_ahead(const struct kaya_wal_writer *writer)
{
    bool is_synced =
        writer->is_syncing_ahead || (writer->is_head_taken && (writer->flight_syncs || writer->is_gathering));

    return !is_synced && writer->exclusive_waiter_count == 0 && writer->sync_waiter_count == 0 &&
           kaya_appender_must_sync_ahead(&writer->log.appender);
}

enum kaya_status kaya_line_sync_ahead(struct kaya_wal_writer *writer)
{
    struct appender *appender = &writer->log.appender;
    struct kaya_file *file = appender->segment.file;
    struct reach reach = appender->reach;
    enum kaya_status status;

    writer->is_syncing_ahead = true;
    kaya_mutex_unlock(writer->context.runtime, writer->mutex);
    status = kaya_disk_sync(writer->context.disk, file);
    kaya_mutex_lock(writer->context.runtime, writer->mutex);
    writer->is_syncing_ahead = false;
    if (status != KAYA_OK || writer->ending != KAYA_OK)
        return kaya_line_fail(writer, status);
    kaya_appender_note_sync(appender, &reach);
    kaya_publish(writer->context.runtime, &writer->durable_lsn,
                 appender->segment.link.base_lsn + reach.sequence - 1);
    wake_turn(writer);
    wake_arrival(writer, writer->next_arrival);
    return KAYA_OK;
}

/* --- waiting for flights -------------------------------------------------------------------------------------------- */

/* Sleep until the flight that reaches the goal arrives, or the next one, or who is exclusive gives back. False: the time is over. */
static bool await_arrival(struct kaya_wal_writer *writer, const struct goal *goal, uint64_t timeout_ns)
{
    unsigned index = flies_to(writer, goal) ? !writer->next_arrival : writer->next_arrival;
    bool woken;

    writer->waiter_count[index]++;
    writer->sync_waiter_count += goal->is_durable;
    woken = kaya_condition_wait(writer->context.runtime, writer->arrival[index], writer->mutex, timeout_ns);
    writer->sync_waiter_count -= goal->is_durable;
    writer->waiter_count[index]--;
    return woken;
}

/* As await_arrival, but not beyond the time `until`. */
static bool await_arrival_until(struct kaya_wal_writer *writer, const struct goal *goal, uint64_t until_ns)
{
    uint64_t left_ns = time_left(writer, until_ns);

    if (!goal->is_durable || goal->hurries)
        hurry(writer);
    return left_ns > 0 && await_arrival(writer, goal, left_ns);
}

/* One sync at a time: of two that fail together the system may tell only one. */
static bool may_lead(const struct kaya_wal_writer *writer, const struct goal *goal)
{
    return !writer->is_head_taken && !must_yield(writer) && !(goal->is_durable && writer->is_syncing_ahead);
}

enum kaya_status kaya_line_await(struct kaya_wal_writer *writer, const struct goal *goal, uint64_t until_ns)
{
    if (goal->is_durable)
        join(writer);
    for (;;) {
        if (!writer->is_exclusive && is_reached(writer, goal))
            return KAYA_OK;
        if (!writer->is_exclusive && writer->ending != KAYA_OK)
            return writer->ending;
        if (may_lead(writer, goal)) {
            lead(writer, goal, until_ns);
        } else if (!await_arrival_until(writer, goal, until_ns)) {
            wake_leader(writer); /* who sleeps no more may have been the one woken to lead */
            return KAYA_BUSY;
        }
    }
}

enum kaya_status kaya_line_ask(struct kaya_wal_writer *writer, uint64_t lsn, bool is_durable)
{
    if ((is_durable ? kaya_observe(writer->context.runtime, &writer->durable_lsn) : writer->written_lsn) >= lsn)
        return KAYA_OK;
    return (writer->is_exclusive && !writer->had_ended) || writer->ending == KAYA_OK ? KAYA_BUSY : writer->ending;
}

enum kaya_status kaya_line_ask_ticket(struct kaya_wal_writer *writer, const struct kaya_wal_ticket *ticket)
{
    if (ticket->mode == KAYA_BUFFERED)
        return KAYA_OK;
    return kaya_line_ask(writer, ticket->last_lsn, ticket->mode == KAYA_STRICT);
}
