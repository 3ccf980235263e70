/* Drawing a run.
 *
 * First the plan: which faults and operations there are at all, which profile and sizes (swarm: a run that has everything
 * at once finds less than many that each have a part). One run in ten is calm: nothing strikes, so that a fault-free
 * path that is broken does not hide behind faults. Then, one at a time, the operations.
 *
 * Answer 0 is always the tamest: the first of a list, the smallest of a range, the first operation that has a weight. */
#include "kaya/scenarios/workload.h"

#include <string.h>

enum {
    SWARM_KEEP_IN = 2,
    SWARM_KEEP_OF = 3,
    CALM_IN = 1,
    CALM_OF = 10,
    PERCENT = 100,
    BATCH_DELETIONS_PERCENT = 25
};

uint64_t kaya_range_draw(struct kaya_range range, struct kaya_choices *choices, enum kaya_stream stream,
                         const char *label)
{
    if (range.from == range.to)
        return range.from;
    return range.from + kaya_choose(choices, stream, range.to - range.from + 1, label);
}

bool kaya_percent_draw(uint32_t percent, struct kaya_choices *choices, enum kaya_stream stream, const char *label)
{
    return percent > 0 && kaya_chance(choices, stream, percent, PERCENT, label);
}

uint32_t kaya_weight_draw(const uint32_t *weights, uint32_t count, uint32_t sum, struct kaya_choices *choices,
                          enum kaya_stream stream, const char *label)
{
    uint64_t at = kaya_choose(choices, stream, sum, label);
    uint32_t i = 0;

    while (i + 1 < count && at >= weights[i])
        at -= weights[i++];
    return i;
}

static uint32_t number_draw(const struct kaya_numbers *numbers, struct kaya_choices *choices,
                            enum kaya_stream stream, const char *label)
{
    if (numbers->count == 1)
        return numbers->values[0];
    return numbers->values[kaya_choose(choices, stream, numbers->count, label)];
}

/* --- The plan --- */

static const struct kaya_sim_profile *profile_draw(uint32_t set, struct kaya_choices *choices)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);
    uint64_t left = (uint64_t)__builtin_popcount(set);
    size_t i = 0;

    left = left > 1 ? kaya_choose(choices, KAYA_STREAM_CONFIG, left, "profile") : 0;
    for (; i + 1 < count; i++)
        if ((set >> i & 1) != 0 && left-- == 0)
            break;
    return &profiles[i];
}

static void faults_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices)
{
    plan->calm = scenario->swarm && kaya_chance(choices, KAYA_STREAM_CONFIG, CALM_IN, CALM_OF, "calm");
    for (int i = 0; i < KAYA_FAULTS; i++) {
        plan->families[i] = (scenario->faults >> i & 1) != 0;
        if (plan->families[i] && scenario->swarm)
            plan->families[i] =
                kaya_chance(choices, KAYA_STREAM_CONFIG, SWARM_KEEP_IN, SWARM_KEEP_OF, "fault") && !plan->calm;
    }
}

static uint32_t sum_of(const uint32_t *weights, uint32_t count)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    return sum;
}

static void leave_out(struct kaya_plan *plan, enum kaya_operation_kind kind)
{
    if (plan->operation_weights[kind] == plan->operation_weight_sum) /* there is nothing else to do */
        return;
    plan->operation_weight_sum -= plan->operation_weights[kind];
    plan->operation_weights[kind] = 0;
}

static void operations_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario,
                            struct kaya_choices *choices)
{
    memcpy(plan->operation_weights, scenario->operation_weights, sizeof plan->operation_weights);
    for (int i = 0; i < KAYA_OPERATIONS && scenario->swarm; i++)
        if (plan->operation_weights[i] > 0 &&
            !kaya_chance(choices, KAYA_STREAM_CONFIG, SWARM_KEEP_IN, SWARM_KEEP_OF, "operation"))
            plan->operation_weights[i] = 0;
    plan->operation_weight_sum = sum_of(plan->operation_weights, KAYA_OPERATIONS);
    if (plan->operation_weight_sum == 0) {
        memcpy(plan->operation_weights, scenario->operation_weights, sizeof plan->operation_weights);
        plan->operation_weight_sum = sum_of(plan->operation_weights, KAYA_OPERATIONS);
    }
    if (plan->tampers) /* somebody may take away the link that says of a cut-back, and nothing else tells which end is meant */
        leave_out(plan, KAYA_OPERATION_CUT_BACK);
    memcpy(plan->tampering_weights, scenario->tampering_weights, sizeof plan->tampering_weights);
    plan->tampering_weight_sum = sum_of(plan->tampering_weights, KAYA_TAMPERINGS);
    plan->tampering_percent = plan->tampers ? scenario->tampering_percent : 0;
    plan->live_copy_percent = plan->tampers ? scenario->live_copy_percent : 0;
    memcpy(plan->ending_weights, scenario->endings, sizeof plan->ending_weights);
    plan->ending_weight_sum = sum_of(plan->ending_weights, KAYA_ENDINGS);
}

enum { FRAME_BYTES_MAX = 40, BLOCKS_IN_SEGMENT_MIN = 8, HEADER_SLACK_BYTES = 64, LIMIT_MIN = 16 };

uint32_t kaya_plan_padding_bytes(const struct kaya_geometry *geometry)
{
    if (geometry->power_safe_overwrite)
        return 0;
    return geometry->writeback_bytes > geometry->sector_bytes ? geometry->writeback_bytes
                                                              : geometry->sector_bytes;
}

uint32_t kaya_plan_worst_padding_bytes(const struct kaya_plan *plan)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);
    uint32_t worst = kaya_plan_padding_bytes(&plan->profile->geometry);

    for (size_t i = 0; plan->moves_percent > 0 && i < count; i++)
        if ((plan->profile_set >> i & 1) != 0 && kaya_plan_padding_bytes(&profiles[i].geometry) > worst)
            worst = kaya_plan_padding_bytes(&profiles[i].geometry);
    return worst;
}

const struct kaya_sim_profile *kaya_plan_profile_draw(const struct kaya_plan *plan, struct kaya_choices *choices)
{
    return profile_draw(plan->profile_set, choices);
}

uint32_t kaya_plan_record_bytes_max(uint32_t segment_bytes, uint32_t block_bytes, uint32_t padding_bytes)
{
    uint32_t blocks = segment_bytes / 2 / block_bytes;

    if (padding_bytes > 0) /* much of a short segment is for padding and for what recovery must be able to add */
        return segment_bytes / 8;
    return blocks * (block_bytes - FRAME_BYTES_MAX) - block_bytes - HEADER_SLACK_BYTES;
}

/* Eight blocks at least, and eight paddings, make a segment. */
static void make_fit(struct kaya_log_sizes *sizes, uint32_t padding_bytes)
{
    while (sizes->segment_bytes / BLOCKS_IN_SEGMENT_MIN < padding_bytes)
        sizes->segment_bytes *= 2;
    while (sizes->block_bytes > sizes->segment_bytes / BLOCKS_IN_SEGMENT_MIN)
        sizes->block_bytes /= 2;
    sizes->record_bytes_max =
        kaya_plan_record_bytes_max(sizes->segment_bytes, sizes->block_bytes, padding_bytes);
}

/* 0, the writer's default, where the scenario has none. */
static uint32_t default_draw(const struct kaya_numbers *numbers, struct kaya_choices *choices, const char *label)
{
    return numbers->count == 0 ? 0 : number_draw(numbers, choices, KAYA_STREAM_CONFIG, label);
}

static void sizes_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices)
{
    struct kaya_log_sizes sizes;

    sizes.segment_bytes = number_draw(&scenario->segment_bytes, choices, KAYA_STREAM_CONFIG, "segment_bytes");
    sizes.block_bytes = number_draw(&scenario->block_bytes, choices, KAYA_STREAM_CONFIG, "block_bytes");
    sizes.spare_count = number_draw(&scenario->spares, choices, KAYA_STREAM_CONFIG, "spares");
    make_fit(&sizes, kaya_plan_worst_padding_bytes(plan));
    plan->segment_bytes = sizes.segment_bytes;
    plan->block_bytes = sizes.block_bytes;
    plan->spare_count = sizes.spare_count;
    plan->record_bytes_max = sizes.record_bytes_max;
    plan->other_config_percent = scenario->other_config_percent;
    plan->segment_choices = scenario->segment_bytes;
    plan->block_choices = scenario->block_bytes;
    plan->spare_choices = scenario->spares;
    plan->buffer_bytes = default_draw(&scenario->buffer_bytes, choices, "buffer_bytes");
    plan->submitted_records_max =
        default_draw(&scenario->submitted_records_max, choices, "submitted_records_max");
    plan->submitted_bytes_max = default_draw(&scenario->submitted_bytes_max, choices, "submitted_bytes_max");
    plan->commit_delay_ns = default_draw(&scenario->commit_delay_ns, choices, "commit_delay_ns");
    plan->full_is_busy =
        kaya_percent_draw(scenario->full_is_busy_percent, choices, KAYA_STREAM_CONFIG, "full_is_busy");
}

struct kaya_log_sizes kaya_plan_sizes(const struct kaya_plan *plan)
{
    return (struct kaya_log_sizes){ plan->segment_bytes, plan->block_bytes, plan->spare_count,
                                    plan->record_bytes_max };
}

struct kaya_log_sizes kaya_other_sizes_draw(const struct kaya_plan *plan, struct kaya_choices *choices)
{
    struct kaya_log_sizes sizes;

    sizes.segment_bytes = number_draw(&plan->segment_choices, choices, KAYA_STREAM_WORKLOAD, "segment_bytes");
    sizes.block_bytes = number_draw(&plan->block_choices, choices, KAYA_STREAM_WORKLOAD, "block_bytes");
    sizes.spare_count = number_draw(&plan->spare_choices, choices, KAYA_STREAM_WORKLOAD, "spares");
    make_fit(&sizes, kaya_plan_worst_padding_bytes(plan));
    if (kaya_chance(choices, KAYA_STREAM_WORKLOAD, 1, 2, "smaller_limit"))
        sizes.record_bytes_max -=
            (uint32_t)kaya_choose(choices, KAYA_STREAM_WORKLOAD, sizes.record_bytes_max - LIMIT_MIN, "limit");
    return sizes;
}

static uint32_t most_of(const struct kaya_numbers *numbers, uint32_t value)
{
    for (uint32_t i = 0; i < numbers->count; i++)
        value = numbers->values[i] > value ? numbers->values[i] : value;
    return value;
}

static uint32_t least_of(const struct kaya_numbers *numbers, uint32_t value)
{
    for (uint32_t i = 0; i < numbers->count; i++)
        value = numbers->values[i] < value ? numbers->values[i] : value;
    return value;
}

struct kaya_log_sizes kaya_plan_worst_sizes(const struct kaya_plan *plan)
{
    struct kaya_log_sizes sizes = kaya_plan_sizes(plan);

    if (plan->other_config_percent == 0)
        return sizes;
    sizes.segment_bytes = most_of(&plan->segment_choices, sizes.segment_bytes);
    sizes.block_bytes = least_of(&plan->block_choices, sizes.block_bytes);
    sizes.spare_count = most_of(&plan->spare_choices, sizes.spare_count);
    make_fit(&sizes, kaya_plan_worst_padding_bytes(plan));
    return sizes;
}

static void room_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices)
{
    plan->capacity_bytes = kaya_range_draw(scenario->capacity_segments, choices, KAYA_STREAM_CONFIG, "capacity") *
                           kaya_plan_worst_sizes(plan).segment_bytes;
    if (!plan->families[KAYA_FAULT_NO_SPACE])
        plan->capacity_bytes = 0;
    plan->cannot_allocate =
        kaya_percent_draw(scenario->cannot_allocate_percent, choices, KAYA_STREAM_CONFIG, "cannot_allocate");
}

static void script_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices)
{
    if (scenario->script == NULL)
        return;
    plan->script = scenario->script;
    plan->script_length = scenario->script_length;
    plan->script_repeats = true;
    plan->script_first =
        (size_t)kaya_choose(choices, KAYA_STREAM_CONFIG, scenario->script_length, "script_first");
}

static struct kaya_range cut_to(struct kaya_range range, uint64_t most)
{
    range.from = range.from < most ? range.from : most;
    range.to = range.to < most ? range.to : most;
    return range;
}

void kaya_plan_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices)
{
    memset(plan, 0, sizeof *plan);
    plan->profile = profile_draw(scenario->profiles, choices);
    plan->profile_set = scenario->profiles;
    plan->moves_percent = scenario->moves_percent;
    faults_draw(plan, scenario, choices);
    memcpy(plan->odds, scenario->odds, sizeof plan->odds);
    plan->read_fault_repeats = scenario->read_fault_repeats;
    plan->budget = scenario->budget;
    plan->tampers = (scenario->tampering_percent > 0 || scenario->live_copy_percent > 0) &&
                    kaya_budget_admit_tampering(plan->budget, plan->families, plan->odds, choices);
    kaya_budget_keep(plan->budget, plan->families, plan->odds, choices);
    sizes_draw(plan, scenario, choices);
    room_draw(plan, scenario, choices);
    operations_draw(plan, scenario, choices);
    plan->subject = scenario->subject;
    if (plan->subject == KAYA_SUBJECT_KEY_VALUE)
        plan->key_count = (uint32_t)kaya_range_draw(scenario->keys, choices, KAYA_STREAM_CONFIG, "keys");
    script_draw(plan, scenario, choices);
    memcpy(plan->latencies, scenario->latencies, sizeof plan->latencies);
    plan->boot_count = kaya_range_draw(scenario->boots, choices, KAYA_STREAM_CONFIG, "boots");
    plan->operations = scenario->operations;
    plan->crash_within = scenario->crash_within;
    plan->worst_record_bytes_max = kaya_plan_worst_sizes(plan).record_bytes_max;
    plan->record_bytes = cut_to(scenario->record_bytes, plan->worst_record_bytes_max);
    plan->batch_records = scenario->batch_records;
    plan->keep_records = scenario->keep_records;
    plan->threads = scenario->threads;
    plan->tender_percent = scenario->tender_percent;
    plan->recovery_crash_percent = scenario->recovery_crash_percent;
    plan->recovery_crash_depth = scenario->recovery_crash_depth;
    plan->look_percent = scenario->look_percent;
    plan->recover_only_percent = scenario->recover_only_percent;
    plan->anchor_percent = scenario->anchor_percent;
    plan->beside_percent = scenario->beside_percent;
    plan->trim_percent = scenario->trim_percent;
}

/* --- Operations --- */

/* Long ranges are drawn in three shapes: anywhere, short, and close to a power of two, where blocks end. */
static uint32_t length_draw(struct kaya_range range, struct kaya_choices *choices)
{
    uint64_t width = range.to - range.from + 1;
    uint64_t shape;
    uint64_t length;

    if (width <= 256)
        return (uint32_t)kaya_range_draw(range, choices, KAYA_STREAM_WORKLOAD, "length");
    shape = kaya_choose(choices, KAYA_STREAM_WORKLOAD, 4, "length_shape");
    if (shape == 0)
        return (uint32_t)(range.from + kaya_choose(choices, KAYA_STREAM_WORKLOAD, 256, "length"));
    if (shape == 1) {
        length = (uint64_t)512 << kaya_choose(choices, KAYA_STREAM_WORKLOAD, 8, "length_power");
        length -= kaya_choose(choices, KAYA_STREAM_WORKLOAD, 80, "length_below");
        return (uint32_t)(length < range.from ? range.from : length > range.to ? range.to : length);
    }
    if (shape == 2)
        return (uint32_t)(range.to - kaya_choose(choices, KAYA_STREAM_WORKLOAD, 64, "length_below_max"));
    return (uint32_t)kaya_range_draw(range, choices, KAYA_STREAM_WORKLOAD, "length");
}

/* A batch as a whole is bounded as a record is, with 4 bytes for each member. */
static void lengths_draw(struct kaya_operation *operation, const struct kaya_plan *plan,
                         struct kaya_choices *choices)
{
    uint32_t left = plan->worst_record_bytes_max - 4 * operation->record_count;
    struct kaya_range range = plan->record_bytes;

    if (operation->record_count > 1)
        range = cut_to(range, left / operation->record_count);
    else
        range = cut_to(range, left);
    for (uint32_t i = 0; i < operation->record_count; i++)
        operation->lengths[i] = length_draw(range, choices);
}

static void keys_draw(struct kaya_operation *operation, const struct kaya_plan *plan, struct kaya_choices *choices)
{
    bool deletes =
        operation->kind == KAYA_OPERATION_DELETE_STRICT || operation->kind == KAYA_OPERATION_DELETE_RELAXED;

    for (uint32_t i = 0; i < operation->record_count; i++) {
        operation->keys[i] = (uint32_t)kaya_choose(choices, KAYA_STREAM_WORKLOAD, plan->key_count, "key");
        operation->is_deletion[i] =
            deletes || (operation->record_count > 1 &&
                        kaya_percent_draw(BATCH_DELETIONS_PERCENT, choices, KAYA_STREAM_WORKLOAD, "deletion"));
    }
}

void kaya_operation_fit(struct kaya_operation *operation, uint32_t record_bytes_max)
{
    uint32_t most = record_bytes_max;

    if (operation->record_count > 1 || kaya_operation_is_batch(operation->kind)) {
        if (operation->record_count > record_bytes_max / 4)
            operation->record_count = record_bytes_max / 4;
        most = record_bytes_max / operation->record_count - 4;
    }
    for (uint32_t i = 0; i < operation->record_count; i++)
        if (operation->lengths[i] > most)
            operation->lengths[i] = most;
}

void kaya_operation_draw(struct kaya_operation *operation, const struct kaya_plan *plan,
                         struct kaya_choices *choices)
{
    operation->kind = (enum kaya_operation_kind)kaya_weight_draw(plan->operation_weights, KAYA_OPERATIONS,
                                                                 plan->operation_weight_sum, choices,
                                                                 KAYA_STREAM_WORKLOAD, "operation");
    operation->record_count = 0;
    operation->lengths[0] = 0; /* it is traced, whatever the kind */
    operation->keep_records = 0;
    switch (operation->kind) {
    case KAYA_OPERATION_BATCH_STRICT:
    case KAYA_OPERATION_BATCH_RELAXED:
    case KAYA_OPERATION_BATCH_BUFFERED:
    case KAYA_OPERATION_SUBMIT_BATCH:
        operation->record_count =
            (uint32_t)kaya_range_draw(plan->batch_records, choices, KAYA_STREAM_WORKLOAD, "batch_records");
        lengths_draw(operation, plan, choices);
        break;
    case KAYA_OPERATION_APPEND_STRICT:
    case KAYA_OPERATION_APPEND_RELAXED:
    case KAYA_OPERATION_APPEND_BUFFERED:
    case KAYA_OPERATION_SUBMIT_STRICT:
    case KAYA_OPERATION_SUBMIT_RELAXED:
    case KAYA_OPERATION_ECHO:
    case KAYA_OPERATION_PUT_STRICT:
    case KAYA_OPERATION_PUT_RELAXED:
        operation->record_count = 1;
        lengths_draw(operation, plan, choices);
        break;
    case KAYA_OPERATION_DELETE_STRICT:
    case KAYA_OPERATION_DELETE_RELAXED:
    case KAYA_OPERATION_GET:
        operation->record_count = 1;
        break;
    case KAYA_OPERATION_TRIM:
    case KAYA_OPERATION_CUT_BACK:
        operation->keep_records =
            kaya_range_draw(plan->keep_records, choices, KAYA_STREAM_WORKLOAD, "keep_records");
        break;
    default:
        break;
    }
    if (plan->subject == KAYA_SUBJECT_KEY_VALUE)
        keys_draw(operation, plan, choices);
}
