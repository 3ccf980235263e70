#include "crash_machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NESTED_CALLS = 120,    /* a recovery that is to crash does so within so many calls */
    READ_TIMES_MAX = 6,    /* P8: how often recovery may read what is stored ... */
    READ_FILE_MAX = 65536, /* ... and what it may read besides for each file */
    PROGRESS_CALLS = 400,  /* P7: an append after a recovery */
};

static bool fail(struct machine *machine, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (machine->trouble[0] == '\0')
        (void)vsnprintf(machine->trouble, sizeof machine->trouble, format, arguments);
    va_end(arguments);
    return false;
}

struct machine *machine_create(const struct kaya_sim_profile *profile, const struct kaya_wal_config *config)
{
    struct machine *machine = calloc(1, sizeof *machine);

    if (machine == NULL)
        abort();
    machine->profile = profile;
    machine->log = log_fixture_create(&profile->geometry, config);
    machine->choices = kaya_choices_from_seed(1);
    machine->options = (struct kaya_sim_disk_options){ .profile = profile, .choices = machine->choices };
    if (machine->choices == NULL || kaya_sim_disk_create(&machine->options, &machine->disk) != KAYA_OK)
        abort();
    return machine;
}

void machine_destroy(struct machine *machine)
{
    log_fixture_destroy(machine->log);
    kaya_sim_disk_destroy(machine->disk);
    kaya_choices_destroy(machine->choices);
    free(machine);
}

void machine_reset(struct machine *machine, uint64_t seed)
{
    struct log_fixture *log = machine->log;

    log_kill(log);
    log->boot_count = seed;
    log->first_lsn = 1;
    log->last_lsn = log->durable_lsn = log->next_key = 0;
    log->operation = 0;
    kaya_choices_reseed(machine->choices, seed);
    kaya_sim_disk_reset(machine->disk, &machine->options);
    *machine = (struct machine){ .log = log,
                                 .disk = machine->disk,
                                 .choices = machine->choices,
                                 .profile = machine->profile,
                                 .options = machine->options,
                                 .low_wanted = 1 };
}

void machine_crash_at(struct machine *machine, uint64_t call, enum kaya_crash crash)
{
    machine->calls_left = call;
    machine->crash = crash;
}

/* Boots. */

static void boot(struct machine *machine)
{
    struct log_fixture *log = machine->log;

    log_kill(log);
    log_forget_events(log);
    log->operation = 0;
    log->environment.disk = kaya_sim_disk_boot(machine->disk);
    kaya_sim_disk_crash_at(machine->disk, machine->calls_left, machine->crash);
    machine->is_up = true;
}

static void note_calls(struct machine *machine)
{
    uint64_t calls = kaya_sim_disk_calls(machine->disk);

    machine->is_up = false;
    if (machine->calls_left > 0)
        machine->calls_left = calls < machine->calls_left ? machine->calls_left - calls : 0;
}

static void lose_power(struct machine *machine)
{
    note_calls(machine);
    kaya_sim_disk_power_loss(machine->disk);
    machine->lost_power = true;
}

static bool is_gone(const struct machine *machine)
{
    return kaya_sim_disk_is_crashed(machine->disk);
}

static void shut_down(struct machine *machine)
{
    note_calls(machine);
    kaya_sim_disk_shut_down(machine->disk);
}

/* What may have come back. */

static bool open_is_right(struct machine *machine, enum kaya_status status, uint64_t appended_lsn)
{
    struct log_fixture *log = machine->log;
    const struct kaya_wal_recovery_report *report = &log->report;
    bool is_new = report->verdict == KAYA_VERDICT_EMPTY;
    uint64_t acknowledged_lsn = machine->lost_power ? machine->durable_lsn : machine->process_lsn;

    if (status != KAYA_OK)
        return fail(machine, "P4: open answers %s, %s at %" PRIu64 " 0x%" PRIx64, kaya_status_name(status),
                    report->damage_reason != NULL ? report->damage_reason : "", report->damage_segment,
                    report->damage_offset);
    if (is_new && machine->was_created)
        return fail(machine, "P2: the log is gone");
    if (machine->was_created && memcmp(&machine->log_id, &report->log_id, sizeof report->log_id) != 0)
        return fail(machine, "another log's id");
    if (machine->is_cutting && report->last_lsn != machine->cut_lsn && report->last_lsn != appended_lsn)
        return fail(machine, "cut from %" PRIu64 " to %" PRIu64 ", and ends at %" PRIu64, appended_lsn,
                    machine->cut_lsn, report->last_lsn);
    if (!machine->is_cutting && report->last_lsn < acknowledged_lsn)
        return fail(machine, "P2: ends at %" PRIu64 ", acknowledged is %" PRIu64, report->last_lsn,
                    acknowledged_lsn);
    if (report->last_lsn > appended_lsn)
        return fail(machine, "P1: ends at %" PRIu64 ", appended is %" PRIu64, report->last_lsn, appended_lsn);
    if (report->first_lsn < log->first_lsn && !is_new)
        return fail(machine, "trimmed below %" PRIu64 ", and begins at %" PRIu64, log->first_lsn,
                    report->first_lsn);
    if (report->first_lsn > machine->low_wanted)
        return fail(machine, "asked to trim below %" PRIu64 ", and begins at %" PRIu64, machine->low_wanted,
                    report->first_lsn);
    if (report->epoch < machine->epoch ||
        (report->epoch == machine->epoch && (!report->closed_cleanly || report->last_lsn < machine->process_lsn)))
        return fail(machine, "F9: epoch %" PRIu64 " after %" PRIu64, report->epoch, machine->epoch);
    if (report->verdict == KAYA_VERDICT_DAMAGED)
        return fail(machine, "P4: damaged, and open answers OK");
    return true;
}

static bool records_are_right(struct machine *machine, const char *who)
{
    struct log_fixture *log = machine->log;
    struct log_look look;

    log_look(log, NULL, &look);
    if (is_gone(machine))
        return true;
    if (look.status != KAYA_OK)
        return fail(machine, "%s: %s, %s", who, kaya_status_name(look.status), look.report.damage_reason);
    if (look.trouble[0] != '\0')
        return fail(machine, "P1: %s: %.180s", who, look.trouble);
    if (look.first_lsn != log->first_lsn || look.last_lsn != log->last_lsn)
        return fail(machine, "P1: %s: %" PRIu64 " to %" PRIu64 ", not %" PRIu64 " to %" PRIu64, who,
                    look.first_lsn, look.last_lsn, log->first_lsn, log->last_lsn);
    return true;
}

/* Open the log in a boot that runs, and adopt what it says. */
static enum kaya_status open_log(struct machine *machine)
{
    struct log_fixture *log = machine->log;
    uint64_t appended_lsn = log->last_lsn;
    enum kaya_status status;

    status = kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &log->report);
    if (is_gone(machine))
        return KAYA_GONE;
    if (!open_is_right(machine, status, appended_lsn))
        return KAYA_DAMAGED;
    machine->was_created = true;
    machine->lost_power = false;
    machine->is_cutting = false;
    machine->log_id = log->report.log_id;
    machine->epoch = log->report.epoch;
    log->first_lsn = log->report.first_lsn;
    log->last_lsn = log->durable_lsn = log->report.last_lsn;
    machine->durable_lsn = machine->process_lsn = log->last_lsn;
    return KAYA_OK;
}

/* The script. */

static uint64_t cut_end(const struct log_fixture *log, uint32_t amount)
{
    uint64_t end = log->last_lsn > amount ? log->last_lsn - amount : 0;

    if (end < log->first_lsn - 1)
        end = log->first_lsn - 1;
    while (end >= log->first_lsn && log->records[end - 1].in_batch && !log->records[end - 1].ends_batch)
        end--;
    return end >= log->first_lsn - 1 ? end : log->first_lsn - 1;
}

static enum kaya_status cut(struct machine *machine, uint32_t amount)
{
    struct log_fixture *log = machine->log;
    uint64_t end = cut_end(log, amount);
    enum kaya_status status;

    machine->is_cutting = true;
    machine->cut_lsn = end;
    status = kaya_wal_cut_back(&log->environment, &log->config, end, &log->report);
    if (status == KAYA_OK && !is_gone(machine)) {
        if (log->report.last_lsn != end)
            (void)fail(machine, "cut back to %" PRIu64 ", and ends at %" PRIu64, end, log->report.last_lsn);
        log->last_lsn = log->durable_lsn = end;
        machine->epoch = log->report.epoch;
        machine->is_cutting = false;
    }
    return status;
}

static enum kaya_status trim(struct machine *machine, uint32_t keep)
{
    struct log_fixture *log = machine->log;
    uint64_t lsn = log->durable_lsn + 1 > keep ? log->durable_lsn + 1 - keep : 0;

    if (lsn > machine->low_wanted)
        machine->low_wanted = lsn;
    return log_trim(log, lsn);
}

static enum kaya_status take_step(struct machine *machine, const struct step *step)
{
    struct log_fixture *log = machine->log;
    const uint32_t lengths[] = { step->amount, 0, step->amount / 2 };
    bool more;

    switch (step->kind) {
    case STEP_OPEN:
        return open_log(machine);
    case STEP_STRICT:
        return log_append(log, step->amount, KAYA_STRICT);
    case STEP_RELAXED:
        return log_append(log, step->amount, KAYA_RELAXED);
    case STEP_BATCH_STRICT:
        return log_append_batch(log, lengths, 3, KAYA_STRICT);
    case STEP_BATCH_RELAXED:
        return log_append_batch(log, lengths, 3, KAYA_RELAXED);
    case STEP_SYNC:
        return log_sync(log);
    case STEP_ROTATE:
        return log_rotate(log);
    case STEP_TRIM:
        return trim(machine, step->amount);
    case STEP_TEND:
        return kaya_wal_writer_tend(log->writer, &more);
    case STEP_CLOSE:
        return log_close(log);
    case STEP_CUT:
        return cut(machine, step->amount);
    default:
        return KAYA_OK;
    }
}

/* What an answer means, if it came before the crash. */
static void note_answer(struct machine *machine, enum step_kind kind, enum kaya_status status)
{
    if (status != KAYA_OK) {
        (void)fail(machine, "step of kind %d answers %s", kind, kaya_status_name(status));
        return;
    }
    machine->process_lsn = machine->log->last_lsn;
    machine->durable_lsn = machine->log->durable_lsn;
}

/* The trim's answer came too late: forget it. */
static bool step_on(struct machine *machine, const struct step *step)
{
    uint64_t first_lsn = machine->log->first_lsn;
    enum kaya_status status;

    if (!machine->is_up)
        boot(machine);
    status = take_step(machine, step);
    if (is_gone(machine)) {
        machine->log->first_lsn = first_lsn;
        machine->log->durable_lsn = machine->durable_lsn;
        machine->lost_power = machine->lost_power || machine->crash == KAYA_CRASH_POWER_LOSS;
        return false;
    }
    note_answer(machine, step->kind, status);
    if (step->kind == STEP_CLOSE || step->kind == STEP_CUT) {
        shut_down(machine);
    } else if (step->kind == STEP_KILL) {
        note_calls(machine);
        kaya_sim_disk_process_crash(machine->disk);
    } else if (step->kind == STEP_LOSE_POWER) {
        lose_power(machine);
    }
    return machine->trouble[0] == '\0';
}

bool machine_play(struct machine *machine, const struct step *script, uint64_t *call_count)
{
    uint64_t before = kaya_sim_disk_usage(machine->disk).calls;
    bool good = true;

    for (; good && script->kind != STEP_END; script++)
        good = step_on(machine, script);
    if (call_count != NULL)
        *call_count = kaya_sim_disk_usage(machine->disk).calls - before;
    if (machine->is_up && good)
        shut_down(machine);
    machine->is_up = false;
    return good;
}

/* Recovery. */

/* A recovery that is to crash at a call which is drawn. */
static bool crash_in_recovery(struct machine *machine)
{
    uint64_t call = 1 + kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, NESTED_CALLS, "nested");
    bool process = kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 3, "process");

    machine_crash_at(machine, call, process ? KAYA_CRASH_PROCESS : KAYA_CRASH_POWER_LOSS);
    boot(machine);
    if (open_log(machine) == KAYA_OK && !is_gone(machine)) {
        if (!records_are_right(machine, "nested"))
            return false;
    }
    if (is_gone(machine))
        machine->lost_power = machine->lost_power || !process;
    else if (machine->trouble[0] == '\0')
        lose_power(machine);
    machine->is_up = false;
    machine->calls_left = 0;
    machine->crash = KAYA_CRASH_POWER_LOSS;
    return machine->trouble[0] == '\0';
}

static bool cost_is_bounded(struct machine *machine, const struct kaya_sim_disk_usage *before,
                            uint64_t stored_before)
{
    struct kaya_sim_disk_usage after = kaya_sim_disk_usage(machine->disk);
    uint64_t stored_after = kaya_sim_disk_bytes_stored(machine->disk);
    uint64_t stored = stored_before > stored_after ? stored_before : stored_after;
    uint64_t bound = READ_TIMES_MAX * stored + READ_FILE_MAX * after.file_count;

    if (after.bytes_read - before->bytes_read > bound)
        return fail(machine, "P8: recovery read %" PRIu64 " bytes of %" PRIu64,
                    after.bytes_read - before->bytes_read, stored);
    return true;
}

/* The log takes records, and keeps them through a close. */
static bool goes_on(struct machine *machine)
{
    static const struct step more[] = { { STEP_STRICT, 70 }, { STEP_RELAXED, 10 }, { STEP_STRICT, 600 },
                                        { STEP_CLOSE, 0 },   { STEP_OPEN, 0 },     { STEP_END, 0 } };
    uint64_t calls = kaya_sim_disk_calls(machine->disk);

    if (!step_on(machine, &more[0]))
        return fail(machine, "P7: the log takes no record");
    if (kaya_sim_disk_calls(machine->disk) - calls > PROGRESS_CALLS)
        return fail(machine, "P7: an append took too many calls");
    for (const struct step *step = more + 1; step->kind != STEP_END; step++)
        if (!step_on(machine, step))
            return fail(machine, "P7: the log does not go on");
    return records_are_right(machine, "after the close");
}

bool machine_recover(struct machine *machine, unsigned nested)
{
    struct kaya_sim_disk_usage before;
    uint64_t stored_before;

    if (machine->trouble[0] != '\0')
        return false;
    if (!machine->lost_power && kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "evict"))
        kaya_sim_disk_evict(machine->disk);
    for (unsigned i = 0; i < nested; i++)
        if (!crash_in_recovery(machine))
            return false;
    machine_crash_at(machine, 0, KAYA_CRASH_POWER_LOSS);
    before = kaya_sim_disk_usage(machine->disk);
    stored_before = kaya_sim_disk_bytes_stored(machine->disk);
    boot(machine);
    if (open_log(machine) != KAYA_OK)
        return fail(machine, "open does not return OK");
    if (!cost_is_bounded(machine, &before, stored_before) || !records_are_right(machine, "after recovery"))
        return false;
    /* What was returned stays: once more through a power loss. */
    lose_power(machine);
    boot(machine);
    if (open_log(machine) != KAYA_OK || !records_are_right(machine, "after a second power loss"))
        return fail(machine, "P3: the second recovery fails");
    if (kaya_sim_disk_is_runaway(machine->disk))
        return fail(machine, "P8: too many calls");
    return goes_on(machine);
}
