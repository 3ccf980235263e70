/* Calls that overlap, and what must follow from their answers.
 *
 *     numbers   1 ..... low ......... durable ......... written ........ last answered
 *               trimmed | must come back, always | must, if only the   | in doubt: what was begun and never
 *                       |                        | process died        | answered, in any order of threads
 *
 * A number is answered to one call only (F9). A thread's numbers rise (P1). A record is durable for good once a strict append, a sync that
 * began after its answer, a strict ticket that is complete, or the writer's own word for its durable number says so (P2); it survives the process
 * once a relaxed append, a flush, or a relaxed ticket says so. What was submitted or buffered has a number and no promise. After a failure was answered, no call that begins later
 * may succeed (P6).
 *
 * At a recovery each number that was answered and is still there must hold that call's record. One that nobody was told must hold a member of a
 * call that was in doubt: each call once, whole (P11), in the order of its thread. What it returned is durable from then on (P3). */
#include "kaya/scenarios/concurrent_model.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/promise.h"

enum call_state { UNDER_WAY, ANSWERED, IN_DOUBT, DROPPED };

struct call {
    size_t thread;
    enum call_state state;
    bool begun_after_failure;
    size_t count;
    uint64_t first_lsn; /* ANSWERED */
    struct kaya_content contents[KAYA_BATCH_RECORDS_MAX];
};

/* Who has which number: calls[calls_of[lsn - 1]], if it is not NOBODY. */
enum { NOBODY = 0 };

/* What a record costs beside its payload: a member of a batch, any record by the words of kaya/wal.h, and in a buffer. */
enum { MEMBER_BYTES = 4, COUNTED_BYTES = 39, ENCODED_BYTES_MAX = 200 };

struct kaya_concurrent_model {
    struct call *calls; /* index 0 is nobody's */
    size_t call_count, call_capacity;
    uint32_t *call_of; /* by number */
    uint64_t number_capacity;
    uint64_t last;                          /* the highest number that somebody has */
    uint64_t low, low_may;                  /* the low-water mark is at least, at most this */
    uint64_t durable;                       /* must come back after any crash */
    uint64_t written;                       /* must come back after a process crash; at least `durable` */
    uint64_t durable_asked;                 /* the highest answer of this boot */
    uint64_t thread_last[KAYA_THREADS_MAX]; /* the highest number answered to each, in this boot */
    uint64_t struck;
    bool exists, has_failed, is_stopping;
    uint64_t next_read, read_last;
    struct kaya_oracle_counts counts;
};

struct kaya_concurrent_model *kaya_concurrent_model_create(void)
{
    struct kaya_concurrent_model *model = calloc(1, sizeof *model);

    if (model != NULL)
        kaya_concurrent_model_reset(model);
    return model;
}

void kaya_concurrent_model_destroy(struct kaya_concurrent_model *model)
{
    if (model == NULL)
        return;
    free(model->calls);
    free(model->call_of);
    free(model);
}

void kaya_concurrent_model_reset(struct kaya_concurrent_model *model)
{
    struct kaya_concurrent_model fresh = { .calls = model->calls,
                                           .call_capacity = model->call_capacity,
                                           .call_of = model->call_of,
                                           .number_capacity = model->number_capacity,
                                           .call_count = 1,
                                           .low = 1,
                                           .low_may = 1 };

    *model = fresh;
}

static void check(struct kaya_concurrent_model *model, enum kaya_promise promise)
{
    model->counts.promises.checked[promise]++;
}

#define BROKEN(violation, promise, ...)                                                                      \
    kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_##promise), __VA_ARGS__)

static unsigned long long number(uint64_t value)
{
    return (unsigned long long)value;
}

/* --- who has which number ------------------------------------------------------------------------------------------- */

static bool reserve_calls(struct kaya_concurrent_model *model)
{
    size_t capacity = model->call_capacity == 0 ? 64 : model->call_capacity * 2;
    struct call *calls;

    if (model->call_count < model->call_capacity)
        return true;
    calls = realloc(model->calls, capacity * sizeof *calls);
    if (calls == NULL)
        return false;
    model->calls = calls;
    model->call_capacity = capacity;
    return true;
}

/* Room for so many more numbers than anybody has. */
static bool reserve_numbers(struct kaya_concurrent_model *model, uint64_t count)
{
    uint64_t capacity = model->number_capacity == 0 ? 256 : model->number_capacity;
    uint32_t *call_of;

    while (capacity < model->last + count)
        capacity *= 2;
    if (capacity == model->number_capacity)
        return true;
    call_of = realloc(model->call_of, (size_t)capacity * sizeof *call_of);
    if (call_of == NULL)
        return false;
    model->call_of = call_of;
    model->number_capacity = capacity;
    return true;
}

static uint32_t call_of(const struct kaya_concurrent_model *model, uint64_t lsn)
{
    return lsn >= 1 && lsn <= model->last ? model->call_of[lsn - 1] : NOBODY;
}

static void give(struct kaya_concurrent_model *model, uint64_t lsn, uint32_t call)
{
    while (model->last < lsn)
        model->call_of[model->last++] = NOBODY;
    model->call_of[lsn - 1] = call;
}

/* --- calls ---------------------------------------------------------------------------------------------------------- */

/* All numbers that calls under way may yet be answered. */
static uint64_t numbers_under_way(const struct kaya_concurrent_model *model)
{
    uint64_t count = 0;

    for (size_t i = 1; i < model->call_count; i++)
        if (model->calls[i].state == UNDER_WAY || model->calls[i].state == IN_DOUBT)
            count += model->calls[i].count;
    return count;
}

enum kaya_status kaya_concurrent_append_begin(struct kaya_concurrent_model *model, size_t thread,
                                              const struct kaya_content *contents, size_t count,
                                              size_t *call_index)
{
    struct call *next;

    if (!reserve_calls(model))
        return KAYA_NO_MEMORY;
    next = &model->calls[model->call_count];
    *next = (struct call){
        .thread = thread, .state = UNDER_WAY, .begun_after_failure = model->has_failed, .count = count
    };
    memcpy(next->contents, contents, count * sizeof *contents);
    *call_index = model->call_count++;
    model->counts.appended += count;
    return reserve_numbers(model, numbers_under_way(model)) ? KAYA_OK : KAYA_NO_MEMORY;
}

/* What faults of these families may make a call answer. */
static bool is_excused(const struct kaya_concurrent_model *model, enum kaya_status status)
{
    if (status == KAYA_ENDED) /* the thread whose call failed may hear of it last */
        return model->has_failed || model->is_stopping || model->struck != 0;
    if (status == KAYA_IO)
        return model->struck != 0;
    if (status == KAYA_FULL)
        return (model->struck & ~((uint64_t)1 << KAYA_FAULT_SHORT_TRANSFER)) != 0;
    return false;
}

void kaya_concurrent_looked(struct kaya_concurrent_model *model, const char *what, enum kaya_status status,
                            struct kaya_violation *violation)
{
    if (status != KAYA_OK && status != KAYA_GONE && !is_excused(model, status))
        BROKEN(violation, P7, "%s answered %s, and nothing had failed", what, kaya_status_name(status));
    model->has_failed = model->has_failed || (status == KAYA_ENDED && !model->is_stopping);
}

void kaya_concurrent_answered(struct kaya_concurrent_model *model, const char *what, enum kaya_status status,
                              struct kaya_violation *violation)
{
    kaya_concurrent_looked(model, what, status, violation);
    model->has_failed = model->has_failed || status == KAYA_IO;
}

static void check_numbers(struct kaya_concurrent_model *model, const struct call *call, uint64_t first_lsn,
                          uint64_t last_lsn, struct kaya_violation *violation)
{
    check(model, KAYA_PROMISE_F9);
    check(model, KAYA_PROMISE_P1);
    if (last_lsn != first_lsn + call->count - 1)
        BROKEN(violation, F9, "%zu records were given the numbers %llu to %llu", call->count,
               number(first_lsn), number(last_lsn));
    if (first_lsn <= model->thread_last[call->thread])
        BROKEN(violation, P1, "a thread was answered record %llu after record %llu", number(first_lsn),
               number(model->thread_last[call->thread]));
    if (last_lsn > model->last + numbers_under_way(model))
        BROKEN(violation, F9, "record %llu was answered, but so many were not appended", number(last_lsn));
    for (uint64_t lsn = first_lsn; lsn <= last_lsn && !kaya_violation_is_set(violation); lsn++)
        if (call_of(model, lsn) != NOBODY)
            BROKEN(violation, F9, "record %llu was answered to two appends", number(lsn));
}

static void note_durable(struct kaya_concurrent_model *model, uint64_t lsn)
{
    if (lsn > model->durable)
        model->durable = lsn;
    if (lsn > model->written)
        model->written = lsn;
}

static void note_written(struct kaya_concurrent_model *model, uint64_t lsn)
{
    if (lsn > model->written)
        model->written = lsn;
}

/* What is only buffered nobody need find again. */
static void note_promised(struct kaya_concurrent_model *model, enum kaya_durability_mode mode, uint64_t lsn)
{
    if (mode == KAYA_STRICT)
        note_durable(model, lsn);
    else if (mode == KAYA_RELAXED)
        note_written(model, lsn);
}

void kaya_concurrent_append_end(struct kaya_concurrent_model *model, size_t call_index,
                                enum kaya_durability_mode mode, enum kaya_status status, uint64_t first_lsn,
                                uint64_t last_lsn, struct kaya_violation *violation)
{
    struct call *call = &model->calls[call_index];

    kaya_concurrent_answered(model, "an append", status, violation);
    if (status != KAYA_OK) { /* IO and GONE: the next recovery decides; the others: nothing was done */
        call->state = status == KAYA_IO || status == KAYA_GONE ? IN_DOUBT : DROPPED;
        return;
    }
    check(model, KAYA_PROMISE_P6);
    if (call->begun_after_failure)
        BROKEN(violation, P6, "record %llu was acknowledged; the append began after a failure had been answered",
               number(first_lsn));
    check_numbers(model, call, first_lsn, last_lsn, violation);
    if (kaya_violation_is_set(violation))
        return;
    call->state = ANSWERED;
    call->first_lsn = first_lsn;
    for (uint64_t lsn = first_lsn; lsn <= last_lsn; lsn++)
        give(model, lsn, (uint32_t)call_index);
    model->thread_last[call->thread] = last_lsn;
    model->counts.acknowledged += call->count;
    note_promised(model, mode, last_lsn);
}

void kaya_concurrent_append_refused(struct kaya_concurrent_model *model, size_t call_index)
{
    model->calls[call_index].state = DROPPED;
}

struct kaya_in_flight kaya_concurrent_in_flight(const struct kaya_concurrent_model *model, uint64_t durable_lsn)
{
    struct kaya_in_flight sum = { 0 };

    for (size_t i = 1; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        uint64_t bytes = 0;

        if (call->state == DROPPED ||
            (call->state == ANSWERED && call->first_lsn + call->count - 1 <= durable_lsn))
            continue;
        for (size_t member = 0; member < call->count; member++)
            bytes += MEMBER_BYTES + call->contents[member].length;
        sum.record_count += call->count;
        sum.counted_bytes += COUNTED_BYTES + bytes;
        sum.encoded_bytes += ENCODED_BYTES_MAX +
                             2 * bytes; /* in fragments, each with a header, and not to the end of its block */
    }
    return sum;
}

void kaya_concurrent_completed(struct kaya_concurrent_model *model, enum kaya_durability_mode mode,
                               enum kaya_status status, uint64_t last_lsn, struct kaya_violation *violation)
{
    kaya_concurrent_answered(model, "a ticket", status, violation);
    if (status == KAYA_OK)
        note_promised(model, mode, last_lsn);
}

uint64_t kaya_concurrent_sync_begin(struct kaya_concurrent_model *model)
{
    return model->last;
}

void kaya_concurrent_flush_end(struct kaya_concurrent_model *model, uint64_t covered_lsn,
                               enum kaya_status status, struct kaya_violation *violation)
{
    kaya_concurrent_answered(model, "a flush", status, violation);
    if (status == KAYA_OK)
        note_written(model, covered_lsn);
}

void kaya_concurrent_sync_end(struct kaya_concurrent_model *model, uint64_t covered_lsn,
                              enum kaya_status status, struct kaya_violation *violation)
{
    kaya_concurrent_answered(model, "a sync", status, violation);
    if (status == KAYA_OK)
        note_durable(model, covered_lsn);
}

void kaya_concurrent_trim_begin(struct kaya_concurrent_model *model, uint64_t lsn)
{
    if (lsn > model->low_may)
        model->low_may = lsn;
}

void kaya_concurrent_trim_end(struct kaya_concurrent_model *model, enum kaya_status status,
                              uint64_t low_water_lsn, struct kaya_violation *violation)
{
    kaya_concurrent_answered(model, "a trim", status, violation);
    if (status != KAYA_OK)
        return;
    check(model, KAYA_PROMISE_F10);
    if (low_water_lsn > model->low_may)
        BROKEN(violation, F10, "a trim let go of records below %llu; it was told %llu", number(low_water_lsn),
               number(model->low_may));
    if (low_water_lsn > model->low)
        model->low = low_water_lsn;
}

void kaya_concurrent_durable(struct kaya_concurrent_model *model, uint64_t lsn, struct kaya_violation *violation)
{
    check(model, KAYA_PROMISE_P2);
    if (lsn < model->durable_asked)
        BROKEN(violation, P2, "the log was durable up to %llu, and now up to %llu",
               number(model->durable_asked), number(lsn));
    if (lsn > model->last + numbers_under_way(model))
        BROKEN(violation, P2, "the log says that it is durable up to %llu; so many were not appended",
               number(lsn));
    model->durable_asked = lsn;
    note_durable(model, lsn);
}

void kaya_concurrent_struck(struct kaya_concurrent_model *model, uint64_t families)
{
    model->struck |= families;
}

void kaya_concurrent_stopping(struct kaya_concurrent_model *model)
{
    model->is_stopping = true;
}

bool kaya_concurrent_has_ended(const struct kaya_concurrent_model *model)
{
    return model->has_failed || model->is_stopping;
}

void kaya_concurrent_quiet(struct kaya_concurrent_model *model, uint64_t last_lsn, struct kaya_violation *violation)
{
    check(model, KAYA_PROMISE_F9);
    if (last_lsn != model->last)
        BROKEN(violation, F9,
               "all threads are done, the last record answered is %llu, and the log ends with %llu",
               number(model->last), number(last_lsn));
    for (uint64_t lsn = model->low_may; lsn <= model->last; lsn++)
        if (call_of(model, lsn) == NOBODY)
            BROKEN(violation, F9, "all threads are done, and record %llu was answered to nobody", number(lsn));
}

void kaya_concurrent_closed(struct kaya_concurrent_model *model, enum kaya_status status,
                            struct kaya_violation *violation)
{
    kaya_concurrent_answered(model, "a close", status, violation);
    if (status == KAYA_OK)
        note_durable(model, model->last);
}

void kaya_concurrent_crash(struct kaya_concurrent_model *model, enum kaya_crash kind)
{
    for (size_t i = 1; i < model->call_count; i++)
        if (model->calls[i].state == UNDER_WAY)
            model->calls[i].state = IN_DOUBT;
    if (kind == KAYA_CRASH_POWER_LOSS || (model->struck & (uint64_t)1 << KAYA_FAULT_SYNC_FAILURE) != 0)
        model->written = model->durable; /* a sync that failed may have dropped what only the cache held */
    model->is_stopping = false;
}

/* --- recovery ------------------------------------------------------------------------------------------------------- */

void kaya_concurrent_opened(struct kaya_concurrent_model *model, enum kaya_status status, uint64_t first_lsn,
                            uint64_t last_lsn, struct kaya_violation *violation)
{
    if (status != KAYA_OK) {
        check(model, KAYA_PROMISE_P4);
        if (status != KAYA_GONE && (status == KAYA_DAMAGED || !is_excused(model, status)))
            BROKEN(violation, P4, "the log does not open: %s", kaya_status_name(status));
        if (status == KAYA_IO) /* likewise, where a sync failed here */
            model->written = model->durable;
        return;
    }
    if (model->has_failed) /* likewise */
        model->written = model->durable;
    check(model, KAYA_PROMISE_P2);
    if (last_lsn + 1 < model->low || last_lsn < model->written)
        BROKEN(violation, P2, "record %llu must be there; the log ends with %llu", number(model->written),
               number(last_lsn));
    check(model, KAYA_PROMISE_F10);
    if (first_lsn < model->low || first_lsn > model->low_may)
        BROKEN(violation, F10, "the log begins with %llu; it must with %llu to %llu", number(first_lsn),
               number(model->low), number(model->low_may));
    if (!reserve_numbers(model, numbers_under_way(model) + 1))
        BROKEN(violation, P8, "no memory for the model");
    if (last_lsn > model->last + numbers_under_way(model))
        BROKEN(violation, P1, "the log ends with %llu; so many were not appended", number(last_lsn));
    model->exists = true;
    model->low = first_lsn;
    model->low_may = first_lsn;
    model->next_read = first_lsn;
    model->read_last = last_lsn;
}

static bool is_content(const struct kaya_content *content, const struct kaya_wal_record *record)
{
    return record->type == (enum kaya_wal_record_type)content->type && record->length == content->length &&
           kaya_payload_equals(content->key, record->bytes, record->length);
}

/* The call in doubt whose first record this is; NOBODY: none. */
static uint32_t find_in_doubt(const struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                              bool under_way)
{
    for (size_t i = 1; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];

        if ((call->state == IN_DOUBT || (under_way && call->state == UNDER_WAY)) &&
            is_content(call->contents, record))
            return (uint32_t)i;
    }
    return NOBODY;
}

/* A record that nobody was told of came back: whose is it? */
static void adopt(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                  struct kaya_violation *violation)
{
    uint32_t index = find_in_doubt(model, record, false);
    struct call *call = &model->calls[index];

    if (index == NOBODY) {
        BROKEN(violation, P1, "record %llu is none that could be there", number(record->lsn));
        return;
    }
    check(model, KAYA_PROMISE_P11);
    if (record->lsn + call->count - 1 > model->read_last)
        BROKEN(violation, P11, "record %llu begins a batch of %zu, and the log ends with %llu",
               number(record->lsn), call->count, number(model->read_last));
    if (record->lsn < model->thread_last[call->thread])
        BROKEN(violation, P1, "record %llu of a thread came back in front of its record %llu",
               number(record->lsn), number(model->thread_last[call->thread]));
    call->state = ANSWERED;
    call->first_lsn = record->lsn;
    model->thread_last[call->thread] = record->lsn + call->count - 1;
    for (uint64_t lsn = record->lsn; lsn < record->lsn + call->count && lsn <= model->read_last; lsn++)
        give(model, lsn, index);
}

static void compare(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                    struct kaya_violation *violation)
{
    const struct call *call = &model->calls[call_of(model, record->lsn)];

    check(model, KAYA_PROMISE_P1);
    if (!is_content(&call->contents[record->lsn - call->first_lsn], record))
        BROKEN(violation, P1, "record %llu is not what was appended under that number", number(record->lsn));
}

void kaya_concurrent_read(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                          struct kaya_violation *violation)
{
    if (record->lsn != model->next_read) {
        BROKEN(violation, P1, "record %llu was due, and %llu came", number(model->next_read),
               number(record->lsn));
        return;
    }
    if (call_of(model, record->lsn) == NOBODY)
        adopt(model, record, violation);
    if (!kaya_violation_is_set(violation))
        compare(model, record, violation);
    model->next_read++;
    model->counts.recovered++;
}

/* What came back stays; what did not is gone, and its numbers are free. */
void kaya_concurrent_read_end(struct kaya_concurrent_model *model, struct kaya_violation *violation)
{
    if (model->next_read != model->read_last + 1)
        BROKEN(violation, P1, "the log ends with %llu, and reading ended before %llu",
               number(model->read_last), number(model->next_read));
    check(model, KAYA_PROMISE_P3);
    for (size_t i = 1; i < model->call_count; i++)
        if (model->calls[i].state != ANSWERED)
            model->calls[i].state = DROPPED;
    model->last = model->read_last < model->last ? model->read_last : model->last;
    model->durable = model->read_last;
    model->written = model->read_last;
    model->durable_asked = 0;
    memset(model->thread_last, 0, sizeof model->thread_last);
    model->has_failed = false;
    model->is_stopping = false;
    model->struck = 0;
}

void kaya_concurrent_seen(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                          struct kaya_violation *violation)
{
    if (call_of(model, record->lsn) != NOBODY)
        compare(model, record, violation);
    else if (record->lsn > model->last + numbers_under_way(model))
        BROKEN(violation, P10, "a reader was given record %llu; so many were not appended", number(record->lsn));
}

void kaya_concurrent_seen_all(struct kaya_concurrent_model *model, uint64_t due_lsn, uint64_t written_lsn,
                              struct kaya_violation *violation)
{
    check(model, KAYA_PROMISE_P10);
    if (due_lsn <= written_lsn && model->struck == 0) /* a sync that failed may have dropped what was read */
        BROKEN(violation, P10,
               "a reader came to the end before record %llu, and %llu was there when it was opened",
               number(due_lsn), number(written_lsn));
}

/* --- facts ---------------------------------------------------------------------------------------------------------- */

bool kaya_concurrent_exists(const struct kaya_concurrent_model *model)
{
    return model->exists;
}

uint64_t kaya_concurrent_first_lsn(const struct kaya_concurrent_model *model)
{
    return model->low;
}

uint64_t kaya_concurrent_written_lsn(const struct kaya_concurrent_model *model)
{
    return model->written;
}

uint64_t kaya_concurrent_durable_lsn(const struct kaya_concurrent_model *model)
{
    return model->durable;
}

struct kaya_oracle_counts kaya_concurrent_counts(const struct kaya_concurrent_model *model)
{
    return model->counts;
}

static void add_content(const struct kaya_content *content, struct kaya_words *words)
{
    kaya_words_add(words, content->key);
    kaya_words_add(words, (uint64_t)content->length << 8 | content->type);
}

/* What a thread waits for, or was never answered. */
static void add_thread(const struct kaya_concurrent_model *model, size_t thread, struct kaya_words *words)
{
    kaya_words_add(words, model->thread_last[thread]);
    for (size_t i = 1; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];

        if (call->thread != thread || (call->state != UNDER_WAY && call->state != IN_DOUBT))
            continue;
        kaya_words_add(words, call->count << 2 | (uint64_t)call->begun_after_failure << 1 |
                                  (call->state == IN_DOUBT));
        for (size_t member = 0; member < call->count; member++)
            add_content(&call->contents[member], words);
    }
}

void kaya_concurrent_model_add_words(const struct kaya_concurrent_model *model, struct kaya_words *words)
{
    kaya_words_add(words, model->low);
    kaya_words_add(words, model->low_may);
    kaya_words_add(words, model->durable);
    kaya_words_add(words, model->written);
    kaya_words_add(words, model->durable_asked);
    kaya_words_add(words, model->struck);
    kaya_words_add(words, (uint64_t)model->exists << 2 | (uint64_t)model->has_failed << 1 | model->is_stopping);
    for (size_t thread = 0; thread < KAYA_THREADS_MAX; thread++)
        add_thread(model, thread, words);
    kaya_words_add(words, model->last);
    for (uint64_t lsn = model->low; lsn <= model->last; lsn++) {
        const struct call *call = &model->calls[call_of(model, lsn)];

        if (call_of(model, lsn) != NOBODY)
            add_content(&call->contents[lsn - call->first_lsn], words);
        else
            kaya_words_add(words, 0);
    }
}

static bool make_room_for_copy(const struct kaya_concurrent_model *from, struct kaya_concurrent_model *to)
{
    if (to->call_capacity < from->call_capacity) {
        struct call *calls = realloc(to->calls, from->call_capacity * sizeof *calls);

        if (calls == NULL)
            return false;
        to->calls = calls;
        to->call_capacity = from->call_capacity;
    }
    if (to->number_capacity < from->number_capacity) {
        uint32_t *call_of = realloc(to->call_of, (size_t)from->number_capacity * sizeof *call_of);

        if (call_of == NULL)
            return false;
        to->call_of = call_of;
        to->number_capacity = from->number_capacity;
    }
    return true;
}

enum kaya_status kaya_concurrent_model_copy(const struct kaya_concurrent_model *from,
                                            struct kaya_concurrent_model *to)
{
    struct kaya_concurrent_model copy = *from;

    if (!make_room_for_copy(from, to))
        return KAYA_NO_MEMORY;
    copy.calls = to->calls;
    copy.call_capacity = to->call_capacity;
    copy.call_of = to->call_of;
    copy.number_capacity = to->number_capacity;
    if (from->call_capacity > 0) /* else there is not even nobody's */
        memcpy(copy.calls, from->calls, from->call_count * sizeof *copy.calls);
    if (from->number_capacity > 0)
        memcpy(copy.call_of, from->call_of, (size_t)from->last * sizeof *copy.call_of);
    *to = copy;
    return KAYA_OK;
}
