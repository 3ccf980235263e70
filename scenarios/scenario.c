/* What a scenario may be.
 *
 * Every key has one line in the tables below; the defaults are in kaya_scenario_init. The file reader has the same keys
 * and asks here what is allowed, so that a scenario built in C and one read from a file meet the same judge. */
#include "kaya/scenarios/scenario.h"

#include <string.h>

#include <xxhash.h>

static const char *const operation_names[KAYA_OPERATIONS] = {
#define NAME(NAME, name, text) #name,
    KAYA_OPERATION_LIST(NAME)
#undef NAME
};

static const char *const ending_names[KAYA_ENDINGS] = {
#define NAME(NAME, name, text) #name,
    KAYA_ENDING_LIST(NAME)
#undef NAME
};

static const char *const tampering_names[KAYA_TAMPERINGS] = {
#define NAME(NAME, name, text) #name,
    KAYA_TAMPERING_LIST(NAME)
#undef NAME
};

const char *kaya_tampering_name(enum kaya_tampering tampering)
{
    return (unsigned)tampering < KAYA_TAMPERINGS ? tampering_names[tampering] : "?";
}

const char *kaya_operation_name(enum kaya_operation_kind kind)
{
    return (unsigned)kind < KAYA_OPERATIONS ? operation_names[kind] : "?";
}

bool kaya_operation_is_batch(enum kaya_operation_kind kind)
{
    return kind == KAYA_OPERATION_BATCH_STRICT || kind == KAYA_OPERATION_BATCH_RELAXED ||
           kind == KAYA_OPERATION_BATCH_BUFFERED || kind == KAYA_OPERATION_SUBMIT_BATCH;
}

enum kaya_durability_mode kaya_operation_mode(enum kaya_operation_kind kind)
{
    switch (kind) {
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_PUT_RELAXED:
    case KAYA_OPERATION_DELETE_RELAXED:
    case KAYA_OPERATION_SUBMIT_RELAXED:
        return KAYA_RELAXED;
    case KAYA_OPERATION_APPEND_BUFFERED:
    case KAYA_OPERATION_BATCH_BUFFERED:
        return KAYA_BUFFERED;
    default:
        return KAYA_STRICT;
    }
}

bool kaya_operation_is_of(enum kaya_operation_kind kind, enum kaya_subject_kind subject)
{
    switch (kind) {
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_SYNC:
    case KAYA_OPERATION_READ:
        return true;
    case KAYA_OPERATION_SECOND_WRITER:
    case KAYA_OPERATION_REOPEN:
        return subject != KAYA_SUBJECT_CONCURRENT;
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_ROTATE:
    case KAYA_OPERATION_TRIM:
    case KAYA_OPERATION_TEND:
    case KAYA_OPERATION_ASK:
    case KAYA_OPERATION_APPEND_BUFFERED:
    case KAYA_OPERATION_BATCH_BUFFERED:
    case KAYA_OPERATION_FLUSH:
        return subject != KAYA_SUBJECT_KEY_VALUE;
    case KAYA_OPERATION_STOP:
    case KAYA_OPERATION_SUBMIT_STRICT:
    case KAYA_OPERATION_SUBMIT_RELAXED:
    case KAYA_OPERATION_SUBMIT_BATCH:
    case KAYA_OPERATION_WAIT:
    case KAYA_OPERATION_POLL:
        return subject == KAYA_SUBJECT_CONCURRENT;
    case KAYA_OPERATION_PUT_STRICT:
    case KAYA_OPERATION_PUT_RELAXED:
    case KAYA_OPERATION_DELETE_STRICT:
    case KAYA_OPERATION_DELETE_RELAXED:
    case KAYA_OPERATION_GET:
    case KAYA_OPERATION_SNAPSHOT:
        return subject == KAYA_SUBJECT_KEY_VALUE;
    default:
        return subject == KAYA_SUBJECT_LOG;
    }
}

const char *kaya_ending_name(enum kaya_ending ending)
{
    return (unsigned)ending < KAYA_ENDINGS ? ending_names[ending] : "?";
}

void kaya_scenario_init(struct kaya_scenario *scenario)
{
    *scenario = (struct kaya_scenario){
        .seeds = 1000,
        .expect_struck_within = 1000,
        .profiles = 1,
        .segment_bytes = { { 4096 }, 1 },
        .block_bytes = { { 512 }, 1 },
        .spares = { { 2 }, 1 },
        .boots = { 4, 8 },
        .operations = { 0, 40 },
        .crash_within = { 0, 6 },
        .record_bytes = { 0, 200 },
        .beside_percent = 50,
        .batch_records = { 1, 8 },
        .keep_records = { 0, 40 },
        .keys = { 8, 24 },
        .threads = { 2, 4 },
    };
}

enum { WEIGHT_MAX = 1000, COUNT_MAX = 1000000, PERCENT_MAX = 100, DEPTH_MAX = 16 };
static const uint32_t DELAY_MAX_NS = 4000000000;
enum { BYTES_MAX = 16 << 20, BLOCK_MIN = 512, BLOCK_MAX = 65536, BLOCKS_MIN = 8 };

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

static bool fits(struct kaya_range range, uint64_t from, uint64_t to)
{
    return range.from <= range.to && range.from >= from && range.to <= to;
}

static bool numbers_fit(const struct kaya_numbers *numbers, uint32_t from, uint32_t to, bool powers)
{
    if (numbers->count == 0 || numbers->count > KAYA_NUMBERS_MAX)
        return false;
    for (uint32_t i = 0; i < numbers->count; i++)
        if (numbers->values[i] < from || numbers->values[i] > to ||
            (powers && !is_power_of_two(numbers->values[i])))
            return false;
    return true;
}

static bool numbers_fit_or_none(const struct kaya_numbers *numbers, uint32_t to)
{
    return numbers->count == 0 || numbers_fit(numbers, 0, to, false);
}

static bool weights_fit(const uint32_t *weights, uint32_t count)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (weights[i] > WEIGHT_MAX)
            return false;
        sum += weights[i];
    }
    return sum > 0;
}

static bool odds_fit(const uint32_t odds[KAYA_FAULTS])
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (odds[i] > COUNT_MAX ||
            (odds[i] > 0 && kaya_fault_group((enum kaya_fault)i) == KAYA_FAULT_GROUP_CRASH))
            return false;
    return true;
}

static bool subject_can(const struct kaya_scenario *scenario)
{
    for (int i = 0; i < KAYA_OPERATIONS; i++)
        if (scenario->operation_weights[i] > 0 &&
            !kaya_operation_is_of((enum kaya_operation_kind)i, scenario->subject))
            return false;
    return true;
}

/* The claims of a damaged disk are told from what each operation wrote: it must have written its own records. */
static bool is_buffering(const struct kaya_scenario *scenario)
{
    bool buffers = scenario->operation_weights[KAYA_OPERATION_APPEND_BUFFERED] > 0 ||
                   scenario->operation_weights[KAYA_OPERATION_BATCH_BUFFERED] > 0;

    for (size_t i = 0; i < scenario->script_length && !buffers; i++)
        buffers = kaya_operation_mode(scenario->script[i].kind) == KAYA_BUFFERED;
    return buffers;
}

static bool has_damage(const struct kaya_scenario *scenario)
{
    for (int i = 0; i < KAYA_FAULTS && scenario->budget != KAYA_BUDGET_NONE; i++) {
        enum kaya_fault_group group = kaya_fault_group((enum kaya_fault)i);

        if (scenario->odds[i] > 0 && (group == KAYA_FAULT_GROUP_MEDIA || group == KAYA_FAULT_GROUP_BROKEN))
            return true;
    }
    return false;
}

static bool workload_fits(const struct kaya_scenario *scenario)
{
    static const uint32_t none[KAYA_OPERATIONS];

    if (scenario->script != NULL)
        return scenario->script_length > 0 && memcmp(scenario->operation_weights, none, sizeof none) == 0;
    return weights_fit(scenario->operation_weights, KAYA_OPERATIONS);
}

static bool name_fits(const char *name)
{
    const char *end = memchr(name, 0, KAYA_SCENARIO_NAME_MAX);
    size_t length = end == NULL ? 0 : (size_t)(end - name);

    return length > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

static bool has_crashes_only(const struct kaya_scenario *scenario)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if ((scenario->faults >> i & 1) != 0 && kaya_fault_group((enum kaya_fault)i) != KAYA_FAULT_GROUP_CRASH)
            return false;
    return true;
}

static bool can_move(const struct kaya_scenario *scenario)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);
    uint32_t sector_bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if ((scenario->profiles >> i & 1) == 0)
            continue;
        if (sector_bytes != 0 && profiles[i].geometry.sector_bytes != sector_bytes)
            return false;
        sector_bytes = profiles[i].geometry.sector_bytes;
    }
    return scenario->subject == KAYA_SUBJECT_LOG && has_crashes_only(scenario);
}

bool kaya_scenario_is_valid(const struct kaya_scenario *scenario, const char **key, const char **allowed)
{
    size_t profile_count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&profile_count);
    uint64_t known_profiles = ((uint64_t)1 << profile_count) - 1;
    const struct {
        const char *key, *allowed;
        bool fits;
    } rules[] = {
        { "name", "1 to 47 of a-z, 0-9 and -", name_fits(scenario->name) },
        { "story", "what happens, in words", scenario->story[0] != '\0' },
        { "seeds", "1 to 1000000", scenario->seeds >= 1 && scenario->seeds <= COUNT_MAX },
        { "expect_struck_within", "1 to 1000000",
          scenario->expect_struck_within >= 1 && scenario->expect_struck_within <= COUNT_MAX },
        { "faults", "a list of fault names", scenario->faults < (uint64_t)1 << KAYA_FAULTS },
        { "odds", "0 to 1000000 for faults of the groups errors, media, reads, broken", odds_fit(scenario->odds) },
        { "read_fault_repeats", "0 to 1000000", scenario->read_fault_repeats <= COUNT_MAX },
        { "sometimes", "a list of event and mark names", scenario->sometimes < (uint64_t)1 << KAYA_MARKS },
        { "profiles", "a list of profile names, one at least",
          profiles != NULL && scenario->profiles != 0 && (scenario->profiles & ~known_profiles) == 0 },
        { "log.segment_bytes", "a list of powers of two from 4096 to 16777216",
          numbers_fit(&scenario->segment_bytes, BLOCK_MIN * BLOCKS_MIN, BYTES_MAX, true) },
        { "log.block_bytes", "a list of powers of two from 512 to 65536",
          numbers_fit(&scenario->block_bytes, BLOCK_MIN, BLOCK_MAX, true) },
        { "log.spares", "a list of numbers from 2 to 16", numbers_fit(&scenario->spares, 2, 16, false) },
        { "log.buffer_bytes", "a list of powers of two to 16777216",
          scenario->buffer_bytes.count == 0 || numbers_fit(&scenario->buffer_bytes, 1, BYTES_MAX, true) },
        { "log.submitted_records_max", "a list of numbers to 1000000; 0: any number",
          numbers_fit_or_none(&scenario->submitted_records_max, COUNT_MAX) },
        { "log.submitted_bytes_max", "a list of numbers to 16777216; 0: any number",
          numbers_fit_or_none(&scenario->submitted_bytes_max, BYTES_MAX) },
        { "log.commit_delay_ns", "a list of numbers to 4000000000",
          numbers_fit_or_none(&scenario->commit_delay_ns, DELAY_MAX_NS) },
        { "log.full_is_busy_percent", "0 to 100", scenario->full_is_busy_percent <= PERCENT_MAX },
        { "disk.capacity_segments", "{from, to}, 0 to 1000000", fits(scenario->capacity_segments, 0, COUNT_MAX) },
        { "disk.cannot_allocate_percent", "0 to 100", scenario->cannot_allocate_percent <= PERCENT_MAX },
        { "disk.moves_percent",
          "0 to 100; above 0 only for the log, profiles of one sector size, and faults of crashes",
          scenario->moves_percent <= PERCENT_MAX && (scenario->moves_percent == 0 || can_move(scenario)) },
#define LATENCY_RULE(NAME, name, text)                                                                       \
    { "latency." #name,                                                                                      \
      "from_ns <= to_ns <= 3600000000000, from_ns above 0 for log_normal; stall_in to 1000000 and stall_ns " \
      "to 3600000000000, both or none",                                                                      \
      kaya_latency_is_valid(&scenario->latencies[KAYA_LATENCY_##NAME]) },
        KAYA_LATENCY_LIST(LATENCY_RULE)
#undef LATENCY_RULE
            { "boots", "{from, to}, 1 to 1000000", fits(scenario->boots, 1, COUNT_MAX) },
        { "operations", "{from, to}, 0 to 1000000", fits(scenario->operations, 0, COUNT_MAX) },
        { "crash.within_calls", "{from, to}, 0 to 1000000", fits(scenario->crash_within, 0, COUNT_MAX) },
        { "crash.endings", "weights from 0 to 1000, one of them above 0",
          weights_fit(scenario->endings, KAYA_ENDINGS) },
        { "crash.in_recovery_percent", "0 to 100", scenario->recovery_crash_percent <= PERCENT_MAX },
        { "crash.in_recovery_depth", "0 to 16", scenario->recovery_crash_depth <= DEPTH_MAX },
        { "open.look_percent", "0 to 100", scenario->look_percent <= PERCENT_MAX },
        { "open.recover_only_percent", "0 to 100", scenario->recover_only_percent <= PERCENT_MAX },
        { "open.beside_percent", "0 to 100", scenario->beside_percent <= PERCENT_MAX },
        { "open.trim_percent", "0 to 100", scenario->trim_percent <= PERCENT_MAX },
        { "open.anchor_percent", "0 to 100", scenario->anchor_percent <= PERCENT_MAX },
        { "tampering.percent", "0 to 100; above 0 only for the log",
          scenario->tampering_percent <= PERCENT_MAX &&
              (scenario->tampering_percent == 0 || scenario->subject == KAYA_SUBJECT_LOG) },
        { "tampering.live_copy_percent", "0 to 100; above 0 only for the log",
          scenario->live_copy_percent <= PERCENT_MAX &&
              (scenario->live_copy_percent == 0 || scenario->subject == KAYA_SUBJECT_LOG) },
        { "tampering.kinds", "weights from 0 to 1000, one of them above 0",
          scenario->tampering_percent == 0 || weights_fit(scenario->tampering_weights, KAYA_TAMPERINGS) },
        { "open.other_config_percent", "0 to 100", scenario->other_config_percent <= PERCENT_MAX },
        { "workload", "weights from 0 to 1000, one of them above 0; none where there is a workload_file",
          workload_fits(scenario) },
        { "workload", "what this subject can do (scenarios/README.md)", subject_can(scenario) },
        { "workload", "nothing that is buffered where media are damaged or syncs lie",
          !is_buffering(scenario) || !has_damage(scenario) },
        { "workload_file", "none for this subject",
          scenario->script == NULL || scenario->subject == KAYA_SUBJECT_LOG },
        { "keys", "{from, to}, 1 to 64", fits(scenario->keys, 1, KAYA_KEYS_MAX) },
        { "threads", "{from, to}, 1 to 12", fits(scenario->threads, 1, KAYA_THREADS_MAX) },
        { "tender_percent", "0 to 100", scenario->tender_percent <= PERCENT_MAX },
        { "record_bytes", "{from, to}, 0 to 16777216", fits(scenario->record_bytes, 0, BYTES_MAX) },
        { "batch_records", "{from, to}, 1 to 16", fits(scenario->batch_records, 1, KAYA_BATCH_RECORDS_MAX) },
        { "keep_records", "{from, to}, 0 to 1000000", fits(scenario->keep_records, 0, COUNT_MAX) },
    };

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].fits)
            continue;
        *key = rules[i].key;
        *allowed = rules[i].allowed;
        return false;
    }
    return true;
}

uint16_t kaya_scenario_mark(const char *name)
{
    return (uint16_t)XXH3_64bits(name, strlen(name));
}

const struct kaya_scenario *kaya_scenario_of_mark(const struct kaya_scenario *scenarios, size_t count,
                                                  const uint8_t mark[KAYA_SCENARIO_MARK_BYTES])
{
    uint16_t wanted = (uint16_t)(mark[0] << 8 | mark[1]);
    const struct kaya_scenario *nearest = &scenarios[0];

    for (size_t i = 1; i < count; i++)
        if ((uint16_t)(kaya_scenario_mark(scenarios[i].name) - wanted) <
            (uint16_t)(kaya_scenario_mark(nearest->name) - wanted))
            nearest = &scenarios[i];
    return nearest;
}
