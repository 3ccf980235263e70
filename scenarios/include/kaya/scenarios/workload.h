/* What one run does: sizes and odds drawn from a scenario, and the operations drawn from those. */
#ifndef KAYA_SCENARIOS_WORKLOAD_H
#define KAYA_SCENARIOS_WORKLOAD_H

#include "kaya/scenarios/scenario.h"
#include "kaya/sim/choices.h"

/* What a log is opened with. */
struct kaya_log_sizes {
    uint32_t segment_bytes;
    uint32_t block_bytes;
    uint32_t spare_count;
    uint32_t record_bytes_max;
};

struct kaya_plan {
    enum kaya_subject_kind subject;
    const struct kaya_sim_profile *profile;
    uint64_t capacity_bytes;
    bool families[KAYA_FAULTS];
    bool calm;
    bool full_is_busy;
    bool cannot_allocate;
    bool tampers; /* somebody changes the directory between two boots, or copies it */
    enum kaya_budget budget;
    uint32_t odds[KAYA_FAULTS];
    uint32_t read_fault_repeats;
    uint32_t segment_bytes;
    uint32_t block_bytes;
    uint32_t spare_count;
    uint32_t buffer_bytes; /* of the writer; 0: its default; and so are ... */
    uint32_t submitted_records_max, submitted_bytes_max, commit_delay_ns; /* ... these */
    struct kaya_latency latencies[KAYA_LATENCIES];
    uint32_t record_bytes_max;
    uint32_t worst_record_bytes_max; /* kaya_plan_worst_sizes */
    uint32_t key_count;
    struct kaya_range threads;
    uint32_t tender_percent;
    uint32_t operation_weights[KAYA_OPERATIONS];
    uint32_t operation_weight_sum;
    uint32_t ending_weights[KAYA_ENDINGS];
    uint32_t ending_weight_sum;
    uint64_t boot_count;
    struct kaya_range operations, crash_within, record_bytes, batch_records, keep_records;
    uint32_t recovery_crash_percent, recovery_crash_depth;
    uint32_t look_percent, recover_only_percent, anchor_percent, beside_percent, trim_percent;
    uint32_t other_config_percent;
    uint32_t moves_percent;
    uint32_t profile_set; /* bit set, by index in kaya_sim_profiles(): where it may move to */
    uint32_t tampering_percent, live_copy_percent;
    uint32_t tampering_weights[KAYA_TAMPERINGS];
    uint32_t tampering_weight_sum;
    struct kaya_numbers segment_choices, block_choices, spare_choices; /* what another configuration is drawn from */

    const struct kaya_operation *script; /* NULL: operations are drawn. Else these, in order ... */
    size_t script_length;
    size_t script_first; /* ... from here ... */
    bool script_repeats; /* ... and over again from the first one, with payloads cut to what the log takes; false: then it is over */
};

/* Draw a run's plan. */
void kaya_plan_draw(struct kaya_plan *plan, const struct kaya_scenario *scenario, struct kaya_choices *choices);

/* What a sync pads to where the disk's overwrites are not power-safe; 0 where they are. */
uint32_t kaya_plan_padding_bytes(const struct kaya_geometry *geometry);

/* The same of any disk that this plan's log may come to stand on. */
uint32_t kaya_plan_worst_padding_bytes(const struct kaya_plan *plan);
/* The disk that it moves to. */
const struct kaya_sim_profile *kaya_plan_profile_draw(const struct kaya_plan *plan, struct kaya_choices *choices);

/* The longest payload of which the frames surely fit half a segment. */
uint32_t kaya_plan_record_bytes_max(uint32_t segment_bytes, uint32_t block_bytes, uint32_t padding_bytes);

/* What a log is opened with by this plan; and another configuration that would do as well: sizes from the scenario's lists, and any
 * limit on records. */
struct kaya_log_sizes kaya_plan_sizes(const struct kaya_plan *plan);
struct kaya_log_sizes kaya_other_sizes_draw(const struct kaya_plan *plan, struct kaya_choices *choices);
/* The worst that any configuration of this plan asks for: most bytes and spares, the smallest blocks. */
struct kaya_log_sizes kaya_plan_worst_sizes(const struct kaya_plan *plan);

/* Cut an operation's records to what such a limit allows. */
void kaya_operation_fit(struct kaya_operation *operation, uint32_t record_bytes_max);

/* Draw the next operation. */
void kaya_operation_draw(struct kaya_operation *operation, const struct kaya_plan *plan,
                         struct kaya_choices *choices);

uint64_t kaya_range_draw(struct kaya_range range, struct kaya_choices *choices, enum kaya_stream stream,
                         const char *label);
bool kaya_percent_draw(uint32_t percent, struct kaya_choices *choices, enum kaya_stream stream,
                       const char *label);
/* An index, with odds by weight; `sum` > 0. */
uint32_t kaya_weight_draw(const uint32_t *weights, uint32_t count, uint32_t sum, struct kaya_choices *choices,
                          enum kaya_stream stream, const char *label);

#endif
