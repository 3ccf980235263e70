/* The log as the first subject.
 *
 * It does what the plan says on the running boot, and tells the oracle before and after each call. Three rules keep it
 * honest:
 *
 *   - The oracle hears of an operation before the log does, so that a crash in the middle finds it in doubt.
 *   - An answer given after the machine crashed is turned into KAYA_GONE: nobody could have heard it.
 *   - Every status that is not OK breaks a promise, except where the operation asks for it (a second writer), or a fault does that
 *     struck inside the operation. The disk says which did, and whether a sync failed.
 *
 * After a failed write or sync some operations may still be tried on the handle, which has ended; then the log is closed and opened
 * again in the same process.
 *
 * The code under test dies with its boot: a crash only forgets the handle, memory was the machine's. */
#include "kaya/scenarios/log_subject.h"

#include "kaya/scenarios/role.h"
#include "log/log.h"

static struct kaya_log *log_of(struct kaya_subject *subject)
{
    return (struct kaya_log *)subject;
}

static const struct kaya_log *log_of_const(const struct kaya_subject *subject)
{
    return (const struct kaya_log *)subject;
}

static enum kaya_status subject_recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct kaya_log *log = log_of(subject);
    enum kaya_status status = kaya_log_recover(log, machine, violation);

    /* without a budget any answer will do, but not on this boot */
    if (kaya_oracle_is_unrestricted(log->oracle) && log->writer == NULL && status != KAYA_GONE)
        return KAYA_BUSY;
    return status;
}

static void subject_check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    (void)kaya_log_read_all(log_of(subject), machine, false, violation);
}

/* What an ended handle has an answer for. */
static bool may_be_tried(enum kaya_operation_kind kind)
{
    switch (kind) {
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_APPEND_BUFFERED:
    case KAYA_OPERATION_BATCH_BUFFERED:
    case KAYA_OPERATION_ECHO:
    case KAYA_OPERATION_FLUSH:
    case KAYA_OPERATION_SYNC:
    case KAYA_OPERATION_ROTATE:
    case KAYA_OPERATION_TRIM:
    case KAYA_OPERATION_TEND:
    case KAYA_OPERATION_SECOND_WRITER: /* the lock is still held */
        return true;
    default:
        return false;
    }
}

static enum kaya_status perform(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                const struct kaya_operation *operation, struct kaya_violation *violation)
{
    switch (operation->kind) {
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_APPEND_BUFFERED:
    case KAYA_OPERATION_BATCH_BUFFERED:
    case KAYA_OPERATION_ECHO:
        return kaya_log_append(log, machine, operation, violation);
    case KAYA_OPERATION_SYNC:
        return kaya_log_barrier(log, machine, KAYA_BARRIER_SYNC, violation);
    case KAYA_OPERATION_FLUSH:
        return kaya_log_barrier(log, machine, KAYA_BARRIER_FLUSH, violation);
    case KAYA_OPERATION_ROTATE:
        return kaya_log_barrier(log, machine, KAYA_BARRIER_ROTATE, violation);
    case KAYA_OPERATION_TRIM:
        return kaya_log_trim(log, machine, operation->keep_records, violation);
    case KAYA_OPERATION_TEND:
        return kaya_log_tend(log, machine, violation);
    case KAYA_OPERATION_READ:
        return kaya_log_read_all(
            log, machine, kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "beside"), violation);
    case KAYA_OPERATION_VERIFY:
        return kaya_log_verify(log, machine, violation);
    case KAYA_OPERATION_INSPECT:
        return kaya_log_inspect(log, machine, violation);
    case KAYA_OPERATION_FOLLOW:
        return kaya_log_follow(log, machine, violation);
    case KAYA_OPERATION_ASK:
        return kaya_log_ask(log, machine, violation);
    case KAYA_OPERATION_SECOND_WRITER:
        return kaya_log_second_writer(log, machine, violation);
    case KAYA_OPERATION_REOPEN:
        return kaya_log_reopen(log, machine, violation);
    case KAYA_OPERATION_CUT_BACK:
        return kaya_log_cut_back(log, machine, operation->keep_records, violation);
    case KAYA_OPERATION_FILL_DISK:
        kaya_sim_disk_leave_room(machine->sim_disk,
                                 kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 2, "room") *
                                     log->player.plan->segment_bytes);
        return KAYA_OK;
    case KAYA_OPERATION_FREE_DISK:
        kaya_sim_disk_leave_room(machine->sim_disk, UINT64_MAX);
        return KAYA_OK;
    default:
        return KAYA_INVALID;
    }
}

static enum kaya_status subject_step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct kaya_log *log = log_of(subject);
    const struct kaya_plan *plan = log->player.plan;
    struct kaya_operation operation;
    enum kaya_status status;

    *done = !kaya_player_next(&log->player, machine->choices, &operation);
    if (*done)
        return KAYA_OK;
    if (plan->script_repeats || plan->other_config_percent > 0)
        kaya_operation_fit(&operation, log->sizes.record_bytes_max);
    kaya_log_trace(log, KAYA_TRACE_OPERATION, kaya_operation_name(operation.kind), KAYA_OK,
                   kaya_oracle_last_lsn(log->oracle) + 1, operation.record_count, operation.lengths[0]);
    if (kaya_oracle_has_ended(log->oracle) &&
        (!may_be_tried(operation.kind) ||
         kaya_percent_draw(KAYA_GIVE_UP_PERCENT, machine->choices, KAYA_STREAM_WORKLOAD, "give_up")))
        return kaya_log_start_again(log, machine, violation);
    status = perform(log, machine, &operation, violation);
    if (log->writer == NULL && status != KAYA_GONE && status != KAYA_BUSY && !kaya_violation_is_set(violation))
        status = kaya_log_start_again(log, machine, violation);
    return status;
}

/* --- Liveness --- */

/* With so many spares, kaya/wal.h says, a rotation finds one to spare. */
enum { SPARES_TO_SPARE = 3 };

/* Who tended until there was no more to do has left all the spares that were asked for. */
static void expect_spares(const struct kaya_log *log, uint64_t files_before, uint64_t files_after,
                          struct kaya_violation *violation)
{
    if (log->sizes.spare_count >= SPARES_TO_SPARE && !log->player.plan->tampers && files_after > files_before)
        kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_P7),
                           "of %u spares one is for a rotation, all was tended, and the rotation made one itself",
                           log->sizes.spare_count);
}

/* Those that are buffered only where the workload knows them. */
static const struct kaya_operation live_operations[] = {
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 20 } },
    { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 60 } },
    { .kind = KAYA_OPERATION_BATCH_RELAXED, .record_count = 2, .lengths = { 10, 30 } },
    { .kind = KAYA_OPERATION_SYNC },
    { .kind = KAYA_OPERATION_APPEND_BUFFERED, .record_count = 1, .lengths = { 50 } },
    { .kind = KAYA_OPERATION_FLUSH },
    { .kind = KAYA_OPERATION_BATCH_BUFFERED, .record_count = 2, .lengths = { 25, 35 } },
    { .kind = KAYA_OPERATION_ROTATE },
    { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 3, .lengths = { 0, 40, 5 } },
    { .kind = KAYA_OPERATION_TEND },
    { .kind = KAYA_OPERATION_ROTATE },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 1 } },
    { .kind = KAYA_OPERATION_TRIM, .keep_records = 4 },
    { .kind = KAYA_OPERATION_TEND },
    { .kind = KAYA_OPERATION_SYNC },
    { .kind = KAYA_OPERATION_VERIFY },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 33 } },
};

static bool is_known(const struct kaya_log *log, enum kaya_operation_kind kind)
{
    bool buffers = kind == KAYA_OPERATION_APPEND_BUFFERED || kind == KAYA_OPERATION_BATCH_BUFFERED ||
                   kind == KAYA_OPERATION_FLUSH;

    return !buffers || log->player.plan->operation_weights[KAYA_OPERATION_APPEND_BUFFERED] > 0;
}

static const struct kaya_operation brief_operations[] = {
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 20 } },
    { .kind = KAYA_OPERATION_ROTATE },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 1 } },
};

static enum kaya_status subject_live(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                     bool briefly, struct kaya_violation *violation)
{
    struct kaya_log *log = log_of(subject);
    const struct kaya_operation *next = briefly ? brief_operations : live_operations;
    const struct kaya_operation *end = next + (briefly ? sizeof brief_operations / sizeof brief_operations[0]
                                                       : sizeof live_operations / sizeof live_operations[0]);
    bool is_tended = false;
    enum kaya_status status = KAYA_OK;

    kaya_log_end_follower(log);
    (void)kaya_log_heard(log, machine, KAYA_OK); /* what struck so far is no excuse any more */
    if (log->writer == NULL || kaya_oracle_has_ended(log->oracle))
        status = kaya_log_start_again(log, machine, violation);
    for (; next < end && status == KAYA_OK && !kaya_violation_is_set(violation); next++) {
        struct kaya_sim_disk_usage before = kaya_sim_disk_usage(machine->sim_disk);
        struct kaya_operation one = *next;

        if (!is_known(log, one.kind))
            continue;
        kaya_operation_fit(&one, log->sizes.record_bytes_max);
        kaya_log_trace(log, KAYA_TRACE_OPERATION, kaya_operation_name(one.kind), KAYA_OK,
                       kaya_oracle_last_lsn(log->oracle) + 1, one.record_count, one.lengths[0]);
        status = perform(log, machine, &one, violation);
        kaya_oracle_live(log->oracle, kaya_operation_name(one.kind), status,
                         kaya_sim_disk_usage(machine->sim_disk).calls - before.calls, before.file_count,
                         violation);
        if (is_tended && one.kind == KAYA_OPERATION_ROTATE && status == KAYA_OK)
            expect_spares(log, before.file_count, kaya_sim_disk_usage(machine->sim_disk).file_count, violation);
        is_tended = one.kind == KAYA_OPERATION_TEND;
        if (is_tended && status == KAYA_OK)
            status = kaya_log_tend_out(log, machine, violation);
    }
    return status;
}

static enum kaya_status subject_close(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    return kaya_log_barrier(log_of(subject), machine, KAYA_BARRIER_CLOSE, violation);
}

/* --- Life --- */

static void subject_crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    struct kaya_log *log = log_of(subject);

    log->writer = NULL; /* its memory was the machine's */
    log->follower = NULL;
    kaya_oracle_crash(log->oracle, kind);
}

static enum kaya_status subject_copy_model(const struct kaya_subject *from_subject, struct kaya_subject *to_subject)
{
    const struct kaya_log *from = log_of_const(from_subject);
    struct kaya_log *to = log_of(to_subject);

    kaya_player_copy(&from->player, &to->player);
    to->sizes = from->sizes;
    to->foreign_bytes = from->foreign_bytes;
    to->writer = NULL;
    to->follower = NULL;
    return kaya_oracle_copy(from->oracle, to->oracle);
}

static enum kaya_status subject_copy_in_recovery(const struct kaya_subject *from_subject,
                                                 struct kaya_subject *to_subject)
{
    const struct kaya_log *from = log_of_const(from_subject);
    struct kaya_log *to = log_of(to_subject);
    enum kaya_status status = from->follower == NULL ? subject_copy_model(from_subject, to_subject) : KAYA_BUSY;

    if (status != KAYA_OK)
        return status;
    kaya_player_copy_boot(&from->player, &to->player);
    to->writer = from->writer;
    to->claims = from->claims;
    to->damage = from->damage;
    kaya_outlook_copy(&from->outlook, &to->outlook);
    to->anchor = from->anchor;
    to->has_anchor = from->has_anchor;
    to->is_over = from->is_over;
    to->fresh = from->fresh;
    to->refusals = from->refusals;
    return KAYA_OK;
}

static void subject_hash_model(const struct kaya_subject *subject, uint64_t hash[2])
{
    const struct kaya_log *log = log_of_const(subject);
    struct kaya_words words;
    uint64_t oracle[2];

    kaya_oracle_hash(log->oracle, oracle);
    kaya_words_begin(&words);
    kaya_words_add(&words, oracle[0]);
    kaya_words_add(&words, oracle[1]);
    kaya_words_add(&words, log->foreign_bytes);
    kaya_words_add(&words, log->sizes.segment_bytes);
    kaya_words_add(&words, (uint64_t)log->sizes.block_bytes | (uint64_t)log->sizes.spare_count << 32);
    kaya_words_add(&words, log->sizes.record_bytes_max);
    kaya_player_add_words(&log->player, &words);
    kaya_words_end(&words, hash);
}

static bool subject_make(struct kaya_subject *subject)
{
    struct kaya_oracle *oracle = kaya_oracle_create();

    log_of(subject)->oracle = oracle;
    return oracle != NULL;
}

static void subject_unmake(struct kaya_subject *subject)
{
    kaya_look_check_destroy(log_of(subject)->look_check);
    kaya_oracle_destroy(log_of(subject)->oracle);
}

static void subject_reset(struct kaya_subject *subject)
{
    struct kaya_log *log = log_of(subject);
    const struct kaya_plan *plan = log->player.plan;
    struct kaya_log_sizes worst = kaya_plan_worst_sizes(plan);
    struct kaya_oracle_shape shape = { .segment_bytes = worst.segment_bytes,
                                       .block_bytes = worst.block_bytes,
                                       .spare_count = worst.spare_count };

    if (plan->profile != NULL)
        shape.padding_bytes = kaya_plan_worst_padding_bytes(plan);
    log->sizes = kaya_plan_sizes(plan);
    log->writer = NULL;
    log->follower = NULL;
    log->foreign_bytes = 0;
    log->refusals = 0;
    log->is_over = false;
    log->outlook = (struct kaya_outlook)KAYA_OUTLOOK_OF_NO_DAMAGE;
    kaya_oracle_reset(log->oracle, &shape);
    if (plan->budget == KAYA_BUDGET_NONE)
        kaya_oracle_unrestrict(log->oracle);
}

static struct kaya_oracle_counts subject_counts(const struct kaya_subject *subject)
{
    return kaya_oracle_counts(log_of_const(subject)->oracle);
}

const struct kaya_role kaya_log_role = { .operations = { .name = "log",
                                                         .recover = subject_recover,
                                                         .step = subject_step,
                                                         .check = subject_check,
                                                         .close = subject_close,
                                                         .crash = subject_crash,
                                                         .copy_model = subject_copy_model,
                                                         .copy_in_recovery = subject_copy_in_recovery,
                                                         .hash_model = subject_hash_model,
                                                         .destroy = kaya_subject_destroy,
                                                         .recover_checks = true },
                                         .bytes = sizeof(struct kaya_log),
                                         .make = subject_make,
                                         .unmake = subject_unmake,
                                         .reset = subject_reset,
                                         .counts = subject_counts,
                                         .live = subject_live };

/* --- What only this subject is asked --- */

void kaya_log_subject_tell(struct kaya_subject *subject, struct kaya_claims *claims)
{
    log_of(subject)->claims = claims;
}

const struct kaya_oracle *kaya_log_subject_oracle(const struct kaya_subject *subject)
{
    return log_of_const(subject)->oracle;
}

void kaya_log_subject_tolerate(struct kaya_subject *subject, uint64_t foreign_bytes)
{
    log_of(subject)->foreign_bytes += foreign_bytes;
}

void kaya_log_subject_moved(struct kaya_subject *subject)
{
    kaya_oracle_moved(log_of(subject)->oracle);
}

struct kaya_wal_config kaya_log_subject_config(const struct kaya_subject *subject)
{
    const struct kaya_log *log = log_of_const(subject);

    return (struct kaya_wal_config){ .segment_bytes = log->sizes.segment_bytes,
                                     .block_bytes = log->sizes.block_bytes,
                                     .record_bytes_max = log->sizes.record_bytes_max,
                                     .spare_count = log->sizes.spare_count };
}

void kaya_log_subject_watch_damage(struct kaya_subject *subject, struct kaya_damage_watch *watch)
{
    log_of(subject)->damage = watch;
    log_of(subject)->claims = watch == NULL ? NULL : kaya_damage_watch_claims(watch);
}

bool kaya_log_subject_is_over(const struct kaya_subject *subject)
{
    return log_of_const(subject)->is_over;
}

bool kaya_log_subject_may_heal(const struct kaya_subject *subject)
{
    return kaya_log_may_heal(log_of_const(subject));
}

uint64_t kaya_log_subject_refusals(const struct kaya_subject *subject)
{
    return log_of_const(subject)->refusals;
}

uint64_t kaya_log_subject_first_lsn(const struct kaya_subject *subject)
{
    return kaya_oracle_first_lsn(log_of_const(subject)->oracle);
}
