/* The key-value engine as the second subject.
 *
 * It plays by the rules of log_subject.c: the model hears of an operation before the engine does, an answer after the crash is no
 * answer, and a status that is not OK needs a fault that struck in the operation for an excuse. Keys are drawn from so few that most are put, deleted
 * and put again; values follow from the run's seed, each made anew.
 *
 * After a failure the program goes on for a while, or closes and opens the engine again in the same process. */
#include <stdio.h>
#include <string.h>

#include "kaya/scenarios/key_value_model.h"
#include "kaya/scenarios/kv.h"
#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/player.h"
#include "kaya/scenarios/report_check.h"
#include "kaya/scenarios/role.h"

enum { KEY_TEXT_MAX = 40, KEY_COST_BYTES = KEY_TEXT_MAX + 2, FILLER_STEP = 7, FILLER_MAX = 34 };

/* P8: the segment in use, spares, what one that cannot be freed yet holds, and each pair twice (a snapshot and an unfinished one). */
enum { SEGMENTS_BESIDE_SPARES = 4, SNAPSHOT_FIXED_BYTES = 128, ITEM_COST_BYTES = KEY_COST_BYTES + 4 };

struct key_value_subject {
    struct kaya_player player;
    struct kaya_key_value_model *model;
    struct kaya_kv *kv; /* of the running boot */
};

static struct key_value_subject *subject_of(struct kaya_subject *subject)
{
    return (struct key_value_subject *)subject;
}

static const struct key_value_subject *subject_of_const(const struct kaya_subject *subject)
{
    return (const struct key_value_subject *)subject;
}

static enum kaya_status heard(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                              enum kaya_status status)
{
    return kaya_player_heard(&subject->player, machine, status, NULL);
}

static void trace(struct key_value_subject *subject, enum kaya_trace_kind kind, const char *text,
                  enum kaya_status status, uint64_t a, uint64_t b, uint64_t c)
{
    kaya_player_trace(&subject->player, kind, text, status, a, b, c);
}

/* Keys of many lengths, short ones included. */
static struct kaya_kv_key key_text(uint32_t number, char text[KEY_TEXT_MAX])
{
    int filler = (int)(number * FILLER_STEP % FILLER_MAX);
    int length = snprintf(text, KEY_TEXT_MAX, "k%u%.*s", number, filler, "..................................");

    return (struct kaya_kv_key){ text, (size_t)length };
}

/* --- What the engine shows --- */

struct look {
    struct kaya_key_value_view view;
    bool stranger;
};

static bool visit(void *user, struct kaya_kv_key key, struct kaya_kv_value value)
{
    struct look *look = user;
    char text[KEY_TEXT_MAX];
    uint32_t number = 0;

    for (size_t i = 1;
         i < key.length && ((const char *)key.bytes)[i] >= '0' && ((const char *)key.bytes)[i] <= '9'; i++)
        number = (number * 10 + (uint32_t)(((const char *)key.bytes)[i] - '0')) % (KAYA_KEYS_MAX + 1);
    if (number >= KAYA_KEYS_MAX || key_text(number, text).length != key.length ||
        memcmp(text, key.bytes, key.length) != 0)
        look->stranger = true;
    else if (look->view.values[number].bytes != NULL)
        look->stranger = true; /* twice */
    else {
        look->view.values[number].bytes = value.bytes;
        look->view.values[number].length = value.length;
    }
    return true;
}

static void look_at(struct key_value_subject *subject, struct look *look, struct kaya_violation *violation)
{
    memset(look, 0, sizeof *look);
    kaya_kv_visit(subject->kv, visit, look);
    if (look->stranger)
        kaya_key_value_stranger(subject->model, violation);
}

static enum kaya_status check_all(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation)
{
    struct look look;

    look_at(subject, &look, violation);
    if (heard(subject, machine, KAYA_OK) == KAYA_GONE)
        return KAYA_GONE;
    kaya_key_value_looked(subject->model, &look.view, violation);
    return KAYA_OK;
}

/* --- Open --- */

static enum kaya_status try_to_open(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    struct kaya_wal_config config = { .segment_bytes = subject->player.plan->segment_bytes,
                                      .block_bytes = subject->player.plan->block_bytes,
                                      .record_bytes_max = subject->player.plan->record_bytes_max,
                                      .spare_count = subject->player.plan->spare_count,
                                      .must_exist = kaya_key_value_exists(subject->model),
                                      .on_event = kaya_player_on_event,
                                      .user = &subject->player };
    struct kaya_wal_recovery_report report = { 0 };
    struct look look;
    enum kaya_status status;

    trace(subject, KAYA_TRACE_OPERATION, "open", KAYA_OK, config.segment_bytes, config.block_bytes,
          config.record_bytes_max);
    kaya_event_check_forget(&subject->player.events); /* what the writer before it told */
    status = heard(subject, machine, kaya_kv_open(&subject->player.environment, &config, &subject->kv, &report));
    kaya_player_recovered(&subject->player, machine, status, &report);
    if (status == KAYA_OK) /* else the snapshot may be what is damaged */
        kaya_report_check(KAYA_REPORT_BY_RECOVERY, status, &report, violation);
    trace(subject, KAYA_TRACE_ANSWER, "open", status, report.first_lsn, report.last_lsn, report.epoch);
    kaya_key_value_opened(subject->model, status, subject->player.struck, violation);
    if (status != KAYA_OK)
        return status;
    subject->player.recoveries++;
    look_at(subject, &look, violation);
    kaya_key_value_recovered(subject->model, &look.view, violation);
    return KAYA_OK;
}

static enum kaya_status open_engine(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    enum kaya_status status = KAYA_IO;

    for (unsigned tries = 0;
         tries < KAYA_OPENS_MAX && !kaya_violation_is_set(violation) && kaya_is_failure(status); tries++)
        status = try_to_open(subject, machine, violation);
    if (kaya_is_failure(status))
        kaya_violation_set(violation, "P7", "the engine was opened %u times, and did not open", KAYA_OPENS_MAX);
    return status;
}

static enum kaya_status subject_recover(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct key_value_subject *subject = subject_of(base);

    kaya_player_boot(&subject->player, machine);
    subject->kv = NULL;
    return kaya_status_for_runner(open_engine(subject, machine, violation));
}

static void subject_check(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    (void)check_all(subject_of(base), machine, violation);
}

/* --- Operations --- */

struct changes {
    struct kaya_kv_change asked[KAYA_BATCH_RECORDS_MAX];
    struct kaya_kv_value values[KAYA_BATCH_RECORDS_MAX];
    char keys[KAYA_BATCH_RECORDS_MAX][KEY_TEXT_MAX];
    struct kaya_key_value_change told[KAYA_BATCH_RECORDS_MAX];
};

/* Key and value, and the key's length, and 4 bytes for each in a batch must fit a record. */
static uint32_t value_length(const struct key_value_subject *subject, const struct kaya_operation *operation,
                             uint32_t i)
{
    uint32_t part = subject->player.plan->record_bytes_max / operation->record_count;
    uint32_t most = part > KEY_COST_BYTES + 4 ? part - KEY_COST_BYTES - 4 : 0;

    return operation->lengths[i] < most ? operation->lengths[i] : most;
}

static bool make_changes(struct key_value_subject *subject, const struct kaya_operation *operation,
                         struct changes *changes)
{
    size_t at = 0;

    if (!kaya_player_reserve(&subject->player, subject->player.plan->record_bytes_max + 1))
        return false;
    for (uint32_t i = 0; i < operation->record_count; i++) {
        uint32_t length = operation->is_deletion[i] ? 0 : value_length(subject, operation, i);
        uint64_t payload = kaya_player_payload(&subject->player);
        kaya_payload_fill(payload, subject->player.bytes + at, length);
        changes->values[i] = (struct kaya_kv_value){ subject->player.bytes + at, length };
        changes->asked[i].key = key_text(operation->keys[i], changes->keys[i]);
        changes->asked[i].value = operation->is_deletion[i] ? NULL : &changes->values[i];
        changes->told[i] = (struct kaya_key_value_change){ .key = operation->keys[i],
                                                           .is_deletion = operation->is_deletion[i],
                                                           .payload_key = payload,
                                                           .length = length };
        at += length;
    }
    return true;
}

static enum kaya_status change(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                               const struct kaya_operation *operation, struct kaya_violation *violation)
{
    bool strict = operation->kind == KAYA_OPERATION_PUT_STRICT ||
                  operation->kind == KAYA_OPERATION_DELETE_STRICT ||
                  operation->kind == KAYA_OPERATION_BATCH_STRICT;
    enum kaya_durability_mode mode = strict ? KAYA_STRICT : KAYA_RELAXED;
    struct changes changes;
    enum kaya_status status;

    if (!make_changes(subject, operation, &changes) ||
        kaya_key_value_change_begin(subject->model, changes.told, operation->record_count) != KAYA_OK)
        return KAYA_NO_MEMORY;
    status = heard(subject, machine, kaya_kv_change(subject->kv, changes.asked, operation->record_count, mode));
    kaya_key_value_change_end(subject->model, mode, status, subject->player.struck, violation);
    trace(subject, KAYA_TRACE_ANSWER, "change", status, operation->keys[0], operation->record_count, 0);
    return kaya_status_for_runner(status);
}

static void check_disk_use(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                           struct kaya_violation *violation)
{
    const struct kaya_plan *plan = subject->player.plan;
    uint64_t snapshot = SNAPSHOT_FIXED_BYTES + (uint64_t)KAYA_KEYS_MAX * ITEM_COST_BYTES +
                        kaya_key_value_live_bytes(subject->model);
    uint64_t most = 2 * snapshot + (uint64_t)(plan->spare_count + SEGMENTS_BESIDE_SPARES) * plan->segment_bytes;

    kaya_key_value_disk_use(subject->model, kaya_sim_disk_bytes_stored(machine->sim_disk), most, violation);
}

static enum kaya_status barrier(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                enum kaya_key_value_barrier barrier, struct kaya_violation *violation)
{
    static const char *const names[] = { "sync", "snapshot", "close" };
    enum kaya_status status;

    if (barrier == KAYA_KEY_VALUE_SYNC)
        status = kaya_kv_sync(subject->kv);
    else if (barrier == KAYA_KEY_VALUE_SNAPSHOT)
        status = kaya_kv_snapshot(subject->kv);
    else
        status = kaya_kv_close(subject->kv);
    if (barrier == KAYA_KEY_VALUE_CLOSE)
        subject->kv = NULL;
    status = heard(subject, machine, status);
    kaya_key_value_barrier_end(subject->model, barrier, status, subject->player.struck, violation);
    if (barrier == KAYA_KEY_VALUE_SNAPSHOT && status == KAYA_OK)
        check_disk_use(subject, machine, violation);
    trace(subject, KAYA_TRACE_ANSWER, names[barrier], status, 0, 0, 0);
    return kaya_status_for_runner(status);
}

static enum kaya_status get(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                            uint32_t key, struct kaya_violation *violation)
{
    struct kaya_kv_value value = { NULL, 0 };
    char text[KEY_TEXT_MAX];
    enum kaya_status status = kaya_kv_get(subject->kv, key_text(key, text), &value);

    if (heard(subject, machine, KAYA_OK) == KAYA_GONE)
        return KAYA_GONE;
    kaya_key_value_got(subject->model, key, status == KAYA_OK ? value.bytes : NULL, value.length, violation);
    return KAYA_OK;
}

static enum kaya_status second_engine(struct key_value_subject *subject,
                                      const struct kaya_sim_machine *machine, struct kaya_violation *violation)
{
    struct kaya_kv *second = NULL;
    enum kaya_status status =
        heard(subject, machine, kaya_kv_open(&subject->player.environment, NULL, &second, NULL));

    kaya_key_value_second(subject->model, status, subject->player.struck, violation);
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* Close, whatever that says, and open: what was in doubt is decided now. */
static enum kaya_status start_again(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    enum kaya_status status = barrier(subject, machine, KAYA_KEY_VALUE_CLOSE, violation);

    if (status == KAYA_GONE || kaya_violation_is_set(violation))
        return status;
    return kaya_status_for_runner(open_engine(subject, machine, violation));
}

static enum kaya_status perform(struct key_value_subject *subject, const struct kaya_sim_machine *machine,
                                const struct kaya_operation *operation, struct kaya_violation *violation)
{
    switch (operation->kind) {
    case KAYA_OPERATION_PUT_STRICT:
    case KAYA_OPERATION_PUT_RELAXED:
    case KAYA_OPERATION_DELETE_STRICT:
    case KAYA_OPERATION_DELETE_RELAXED:
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
        return change(subject, machine, operation, violation);
    case KAYA_OPERATION_SYNC:
        return barrier(subject, machine, KAYA_KEY_VALUE_SYNC, violation);
    case KAYA_OPERATION_SNAPSHOT:
        return barrier(subject, machine, KAYA_KEY_VALUE_SNAPSHOT, violation);
    case KAYA_OPERATION_GET:
        return get(subject, machine, operation->keys[0], violation);
    case KAYA_OPERATION_READ:
        return check_all(subject, machine, violation);
    case KAYA_OPERATION_SECOND_WRITER:
        return second_engine(subject, machine, violation);
    case KAYA_OPERATION_REOPEN:
        return start_again(subject, machine, violation);
    default:
        return KAYA_INVALID;
    }
}

static enum kaya_status subject_step(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct key_value_subject *subject = subject_of(base);
    struct kaya_operation operation;

    *done = !kaya_player_next(&subject->player, machine->choices, &operation);
    if (*done)
        return KAYA_OK;
    trace(subject, KAYA_TRACE_OPERATION, kaya_operation_name(operation.kind), KAYA_OK,
          subject->player.payload_count, operation.record_count, operation.lengths[0]);
    if (kaya_key_value_has_ended(subject->model) &&
        kaya_percent_draw(KAYA_GIVE_UP_PERCENT, machine->choices, KAYA_STREAM_WORKLOAD, "give_up"))
        return start_again(subject, machine, violation);
    return perform(subject, machine, &operation, violation);
}

static enum kaya_status subject_close(struct kaya_subject *base, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    return barrier(subject_of(base), machine, KAYA_KEY_VALUE_CLOSE, violation);
}

/* --- Life --- */

static void subject_crash(struct kaya_subject *base, enum kaya_crash kind)
{
    struct key_value_subject *subject = subject_of(base);

    subject->kv = NULL; /* its memory was the machine's */
    kaya_key_value_crash(subject->model, kind);
}

static enum kaya_status subject_copy_model(const struct kaya_subject *from_base, struct kaya_subject *to_base)
{
    const struct key_value_subject *from = subject_of_const(from_base);
    struct key_value_subject *to = subject_of(to_base);

    kaya_player_copy(&from->player, &to->player);
    to->kv = NULL;
    return kaya_key_value_model_copy(from->model, to->model);
}

static enum kaya_status subject_copy_in_recovery(const struct kaya_subject *from_base, struct kaya_subject *to_base)
{
    enum kaya_status status = subject_copy_model(from_base, to_base);

    if (status != KAYA_OK)
        return status;
    kaya_player_copy_boot(&subject_of_const(from_base)->player, &subject_of(to_base)->player);
    subject_of(to_base)->kv = subject_of_const(from_base)->kv;
    return KAYA_OK;
}

static void subject_hash_model(const struct kaya_subject *base, uint64_t hash[2])
{
    const struct key_value_subject *subject = subject_of_const(base);
    struct kaya_words words;
    uint64_t model[2];

    kaya_key_value_model_hash(subject->model, model);
    kaya_words_begin(&words);
    kaya_words_add(&words, model[0]);
    kaya_words_add(&words, model[1]);
    kaya_player_add_words(&subject->player, &words);
    kaya_words_end(&words, hash);
}

static bool subject_make(struct kaya_subject *base)
{
    struct kaya_key_value_model *model = kaya_key_value_model_create();

    subject_of(base)->model = model;
    return model != NULL;
}

static void subject_unmake(struct kaya_subject *base)
{
    kaya_key_value_model_destroy(subject_of(base)->model);
}

static void subject_reset(struct kaya_subject *base)
{
    struct key_value_subject *subject = subject_of(base);

    subject->kv = NULL;
    kaya_key_value_model_reset(subject->model);
}

static struct kaya_oracle_counts subject_counts(const struct kaya_subject *base)
{
    return kaya_key_value_counts(subject_of_const(base)->model);
}

const struct kaya_role kaya_key_value_role = { .operations = { .name = "key-value",
                                                               .recover = subject_recover,
                                                               .step = subject_step,
                                                               .check = subject_check,
                                                               .close = subject_close,
                                                               .crash = subject_crash,
                                                               .copy_model = subject_copy_model,
                                                               .copy_in_recovery = subject_copy_in_recovery,
                                                               .hash_model = subject_hash_model,
                                                               .destroy = kaya_subject_destroy },
                                               .bytes = sizeof(struct key_value_subject),
                                               .make = subject_make,
                                               .unmake = subject_unmake,
                                               .reset = subject_reset,
                                               .counts = subject_counts };
