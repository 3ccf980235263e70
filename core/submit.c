/* Records that are appended by one call and awaited by another, or by none.
 *
 * A submit is a buffered append and a mark: `submitted_strict_lsn` or `submitted_relaxed_lsn` says how far somebody wants the log on the disk. Whoever
 * comes next with time for it (a waiter, a strict append, a sync, tend) takes all of it there in one flight. So a ticket is two numbers and a mode, and
 * whether it is complete is a comparison: nothing is allocated, and nothing is kept for a ticket that nobody asks for again.
 *
 * Who wants to be called instead brings the memory for it. Completions hang in a list in the order of their records, so those that are due stand in
 * front. They are taken off with the mutex and called without it: what they call may lock, wait and submit, and no limit hangs on whether they have run.
 * Once the handle has ended, all are due.
 *
 * The limits count what was appended and is not durable, which two subtractions tell. */
#include "submit.h"

#include "append.h"

/* --- completions ---------------------------------------------------------------------------------------------------- */

static void add_completion(struct kaya_wal_writer *writer, struct kaya_wal_completion *completion)
{
    completion->next = NULL;
    if (writer->completions == NULL)
        writer->completions = completion;
    else
        writer->last_completion->next = completion;
    writer->last_completion = completion;
}

/* The list of those that are due, taken off. NULL: none. */
static struct kaya_wal_completion *take_due(struct kaya_wal_writer *writer)
{
    struct kaya_wal_completion *first = writer->completions;
    struct kaya_wal_completion **end = &writer->completions;

    for (; *end != NULL; end = &(*end)->next) {
        (*end)->status = kaya_line_ask_ticket(writer, &(*end)->ticket);
        if ((*end)->status == KAYA_BUSY)
            break;
    }
    if (end == &writer->completions)
        return NULL;
    writer->completions = *end;
    *end = NULL;
    return first;
}

void kaya_submit_leave(struct kaya_wal_writer *writer)
{
    struct kaya_wal_completion *due = take_due(writer);
    struct kaya_wal_completion *next;

    if (due != NULL) {
        kaya_mutex_unlock(writer->context.runtime, writer->mutex);
        for (; due != NULL; due = next) {
            next = due->next;
            due->completed(due);
        }
        kaya_mutex_lock(writer->context.runtime, writer->mutex);
    }
    kaya_line_leave(writer);
}

/* --- submitting ----------------------------------------------------------------------------------------------------- */

/* Would `content` go beyond a limit? Never where nothing is in flight. */
static bool is_beyond(const struct kaya_wal_writer *writer, const struct content *content)
{
    const struct appender *appender = &writer->log.appender;
    const struct settings *settings = &writer->settings;
    uint64_t records = kaya_line_next_lsn(writer) - 1 - writer->durable_lsn;
    uint64_t bytes = appender->cost - appender->cost_durable;

    if (records == 0)
        return false;
    return (settings->submitted_records_max != 0 && records + content->count > settings->submitted_records_max) ||
           (settings->submitted_bytes_max != 0 &&
            bytes + kaya_carry_cost(content->length) > settings->submitted_bytes_max);
}

/* Below the limits, by a sync where it takes one. */
static enum kaya_status await_room(struct kaya_wal_writer *writer, const struct content *content)
{
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && is_beyond(writer, content)) {
        if (writer->settings.full_is_busy)
            return KAYA_BUSY;
        status = kaya_line_await(
            writer, &(struct goal){ .lsn = kaya_line_next_lsn(writer) - 1, .is_durable = true, .hurries = true },
            KAYA_WAIT_FOREVER);
        if (status == KAYA_OK && writer->ending != KAYA_OK)
            status = KAYA_ENDED;
    }
    return status;
}

static void mark(struct kaya_wal_writer *writer, const struct kaya_wal_ticket *ticket)
{
    if (ticket->mode == KAYA_STRICT)
        writer->submitted_strict_lsn = ticket->last_lsn;
    else if (ticket->mode == KAYA_RELAXED)
        writer->submitted_relaxed_lsn = ticket->last_lsn;
}

static enum kaya_status submit(struct kaya_wal_writer *writer, struct content *content,
                               struct kaya_wal_completion *completion, struct kaya_wal_ticket *ticket)
{
    enum kaya_status status = kaya_content_measure(writer, content);

    if (ticket->mode < KAYA_STRICT || ticket->mode > KAYA_BUFFERED)
        status = KAYA_INVALID;
    if (status == KAYA_OK)
        status = await_room(writer, content);
    if (status == KAYA_OK)
        status = kaya_content_put(writer, content, &ticket->first_lsn);
    if (status != KAYA_OK)
        return status;
    ticket->last_lsn = ticket->first_lsn + content->count - 1;
    mark(writer, ticket);
    if (completion != NULL) {
        completion->ticket = *ticket;
        add_completion(writer, completion);
    }
    return KAYA_OK;
}

enum kaya_status kaya_wal_writer_submit_batch(struct kaya_wal_writer *writer,
                                              const struct kaya_wal_payload *payloads, size_t count,
                                              enum kaya_durability_mode mode,
                                              struct kaya_wal_completion *completion,
                                              struct kaya_wal_ticket *ticket)
{
    struct content content = { .payloads = payloads,
                               .count = count,
                               .refuses_to_wait = writer->settings.full_is_busy };
    struct kaya_wal_ticket made = { .mode = mode };
    enum kaya_status status = kaya_line_enter(writer);

    if (status != KAYA_OK)
        return status;
    status = submit(writer, &content, completion, &made);
    if (status == KAYA_OK && ticket != NULL)
        *ticket = made;
    kaya_line_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_submit(struct kaya_wal_writer *writer,
                                        const struct kaya_wal_payload *payload, enum kaya_durability_mode mode,
                                        struct kaya_wal_completion *completion, struct kaya_wal_ticket *ticket)
{
    return kaya_wal_writer_submit_batch(writer, payload, 1, mode, completion, ticket);
}

/* --- completing ----------------------------------------------------------------------------------------------------- */

enum kaya_status kaya_submit_tend(struct kaya_wal_writer *writer)
{
    struct goal goal = { .lsn = writer->submitted_strict_lsn, .is_durable = true };

    if (goal.lsn <= writer->durable_lsn)
        goal = (struct goal){ .lsn = writer->submitted_relaxed_lsn };
    return kaya_line_await(writer, &goal, KAYA_WAIT_FOREVER);
}

static uint64_t deadline(struct kaya_wal_writer *writer, uint64_t timeout_ns)
{
    uint64_t now_ns;

    if (timeout_ns == KAYA_WAIT_FOREVER)
        return KAYA_WAIT_FOREVER;
    now_ns = kaya_now_ns(writer->context.runtime);
    return timeout_ns < KAYA_WAIT_FOREVER - now_ns ? now_ns + timeout_ns : KAYA_WAIT_FOREVER;
}

static bool is_ticket(const struct kaya_wal_ticket *ticket)
{
    return ticket->mode >= KAYA_STRICT && ticket->mode <= KAYA_BUFFERED;
}

/* With the mutex, before and after. Who is exclusive may be so for longer than there is time. */
static enum kaya_status await(struct kaya_wal_writer *writer, const struct kaya_wal_ticket *ticket,
                              uint64_t until_ns)
{
    bool is_quiet = kaya_line_await_quiet_until(writer, until_ns);
    enum kaya_status status = kaya_line_ask_ticket(writer, ticket);

    if (is_quiet && ticket->last_lsn >= kaya_line_next_lsn(writer))
        return KAYA_INVALID;
    if (status != KAYA_BUSY || !is_quiet)
        return status;
    return kaya_line_await(
        writer, &(struct goal){ .lsn = ticket->last_lsn, .is_durable = ticket->mode == KAYA_STRICT }, until_ns);
}

enum kaya_status kaya_wal_writer_wait(struct kaya_wal_writer *writer, const struct kaya_wal_ticket *ticket,
                                      uint64_t timeout_ns)
{
    enum kaya_status status;

    if (timeout_ns == 0)
        return kaya_wal_writer_poll(writer, ticket);
    kaya_line_peek(writer);
    status = is_ticket(ticket) ? await(writer, ticket, deadline(writer, timeout_ns)) : KAYA_INVALID;
    kaya_submit_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_poll(struct kaya_wal_writer *writer, const struct kaya_wal_ticket *ticket)
{
    enum kaya_status status = KAYA_OK;

    kaya_line_peek(writer);
    if (ticket != NULL)
        status = is_ticket(ticket) ? kaya_line_ask_ticket(writer, ticket) : KAYA_INVALID;
    if (status == KAYA_BUSY && !writer->is_exclusive && ticket->last_lsn >= kaya_line_next_lsn(writer))
        status = KAYA_INVALID;
    kaya_submit_leave(writer);
    return status;
}

enum kaya_status kaya_wal_writer_wait_durable(struct kaya_wal_writer *writer, uint64_t lsn, uint64_t timeout_ns)
{
    return kaya_wal_writer_wait(
        writer, &(struct kaya_wal_ticket){ .first_lsn = lsn, .last_lsn = lsn, .mode = KAYA_STRICT }, timeout_ns);
}
