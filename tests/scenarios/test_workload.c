/* Plans and operations.
 *
 * Goal: whatever configuration is drawn, the log takes it, and what is appended fits its limit. Method: many draws against the bounds that
 * kaya/wal.h states. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "kaya/scenarios/workload.h"
#include "short_story.h"

static uint64_t total(const struct kaya_operation *operation)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < operation->record_count; i++)
        bytes += operation->lengths[i];
    return bytes;
}

Test(workload, an_operation_is_cut_to_the_limit)
{
    for (uint32_t limit = 16; limit < 2000; limit += 7)
        for (uint32_t count = 1; count <= KAYA_BATCH_RECORDS_MAX; count++)
            for (int batch = 0; batch < 2; batch++) {
                struct kaya_operation operation = { .kind = batch ? KAYA_OPERATION_BATCH_STRICT
                                                                  : KAYA_OPERATION_APPEND_STRICT,
                                                    .record_count = batch ? count : 1 };
                for (uint32_t i = 0; i < count; i++)
                    operation.lengths[i] = 100 * i;
                uint64_t wanted = total(&operation) + (batch ? 4 * count : 0);
                uint64_t before = total(&operation);
                kaya_operation_fit(&operation, limit);
                cr_assert(ge(u32, operation.record_count, 1));
                cr_assert(le(u64, total(&operation) + (batch ? 4 * operation.record_count : 0), limit));
                if (wanted <= limit / count)
                    cr_assert(eq(u64, total(&operation), before), "what fits stays");
            }
}

Test(workload, every_other_configuration_is_one_that_the_log_takes)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    bool is_limited = false;
    size_t count;

    scenario.segment_bytes = (struct kaya_numbers){ { 4096, 8192, 65536 }, 3 };
    scenario.block_bytes = (struct kaya_numbers){ { 512, 4096, 65536 }, 3 };
    scenario.spares = (struct kaya_numbers){ { 2, 5 }, 2 };
    scenario.other_config_percent = 50;
    (void)kaya_sim_profiles(&count);
    scenario.profiles = (1u << count) - 1;
    for (unsigned i = 0; i < 500; i++) {
        struct kaya_plan plan;
        kaya_plan_draw(&plan, &scenario, choices);
        struct kaya_log_sizes worst = kaya_plan_worst_sizes(&plan);
        struct kaya_log_sizes sizes = kaya_other_sizes_draw(&plan, choices);
        uint32_t padding = kaya_plan_padding_bytes(&plan.profile->geometry);
        uint32_t longest = kaya_plan_record_bytes_max(sizes.segment_bytes, sizes.block_bytes, padding);
        cr_assert(ge(u32, sizes.segment_bytes, 8 * sizes.block_bytes));
        cr_assert(ge(u32, sizes.segment_bytes, 8 * padding));
        cr_assert(all(ge(u32, sizes.record_bytes_max, 16), le(u32, sizes.record_bytes_max, longest)));
        cr_assert(all(le(u32, sizes.segment_bytes, worst.segment_bytes),
                      ge(u32, sizes.block_bytes, worst.block_bytes),
                      le(u32, sizes.spare_count, worst.spare_count)));
        is_limited = is_limited || sizes.record_bytes_max < longest;
    }
    cr_expect(is_limited);
    kaya_choices_destroy(choices);
}
