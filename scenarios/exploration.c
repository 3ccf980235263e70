/* Workloads for the explorer.
 *
 * An explorer runs a workload many times and crashes it everywhere, so its operations must be fixed: those of a small log; those that a
 * seed draws for a scenario; or, one sequence after the other, all that its kinds allow (an odometer over operations). What else a
 * scenario draws as it goes (looks, endings, boots) is the explorer's own matter, or answered by the tamest. Damage, lies and tampering
 * are not enumerated: where a scenario has them, they do not strike. Nor is time: no call takes any. Threads meet once, and have the operations in
 * turn. */
#include "kaya/scenarios/exploration.h"

#include "kaya/scenarios/role.h"

/* Schedules multiply with threads, so a scenario's are cut to these. */
enum { SMALL_LOG_SEED = 20, THREADS_MAX = 3, PREEMPTIONS_DEFAULT = 2 };

static const enum kaya_fault enumerated_errors[] = {
    KAYA_FAULT_SYNC_FAILURE, KAYA_FAULT_IO_ERROR,       KAYA_FAULT_IO_ERROR_LASTING, KAYA_FAULT_NO_ROOM,
    KAYA_FAULT_LIMIT,        KAYA_FAULT_SHORT_TRANSFER, KAYA_FAULT_OUT_OF_MEMORY,
};

void kaya_exploration_of_log(struct kaya_exploration *exploration, const struct kaya_small_log *log)
{
    exploration->plan = log->plan;
    exploration->seed = SMALL_LOG_SEED;
}

static void draw_script(struct kaya_exploration *exploration, uint32_t count, struct kaya_choices *choices)
{
    struct kaya_plan *plan = &exploration->plan;

    for (uint32_t index = 0; index < count; index++) {
        if (plan->script == NULL) {
            kaya_operation_draw(&exploration->script[index], plan, choices);
            continue;
        }
        exploration->script[index] = plan->script[(plan->script_first + index) % plan->script_length];
        kaya_operation_fit(&exploration->script[index], plan->record_bytes_max);
    }
    plan->script = exploration->script;
    plan->script_length = count;
    plan->script_first = 0;
    plan->script_repeats = false;
}

enum kaya_status kaya_exploration_of_scenario(struct kaya_exploration *exploration,
                                              const struct kaya_scenario *scenario, uint64_t seed,
                                              uint32_t count, const char **why)
{
    struct kaya_choices *choices = kaya_choices_from_seed(seed);

    KAYA_ASSERT(count <= KAYA_EXPLORED_OPERATIONS_MAX);
    *why = NULL;
    if (choices == NULL)
        return KAYA_NO_MEMORY;
    kaya_plan_draw(&exploration->plan, scenario, choices);
    exploration->seed = seed;
    draw_script(exploration, count, choices);
    if (exploration->plan.subject == KAYA_SUBJECT_CONCURRENT) {
        uint64_t threads = kaya_range_draw(exploration->plan.threads, choices, KAYA_STREAM_WORKLOAD, "threads");

        threads = threads < THREADS_MAX ? threads : THREADS_MAX;
        exploration->plan.threads = (struct kaya_range){ threads, threads };
    }
    kaya_choices_destroy(choices);
    if (exploration->plan.budget == KAYA_BUDGET_NONE)
        *why = "without a budget nobody can say what a state owes";
    return *why == NULL ? KAYA_OK : KAYA_INVALID;
}

/* ---- all sequences ---- */

static uint32_t kind_count(const struct kaya_plan *plan)
{
    uint32_t count = 0;

    for (int kind = 0; kind < KAYA_OPERATIONS; kind++)
        count += plan->operation_weights[kind] > 0;
    return count;
}

uint64_t kaya_exploration_script_count(const struct kaya_exploration *exploration, uint32_t count)
{
    uint64_t product = 1;

    for (uint32_t index = 0; index < count; index++)
        if (__builtin_mul_overflow(product, (uint64_t)kind_count(&exploration->plan), &product))
            return UINT64_MAX;
    return product;
}

static enum kaya_operation_kind kind_at(const struct kaya_plan *plan, uint64_t place)
{
    int kind = 0;

    for (;; kind++)
        if (plan->operation_weights[kind] > 0 && place-- == 0)
            return (enum kaya_operation_kind)kind;
}

/* The operation of that kind as the seed would draw it: a plan that has no other. */
static struct kaya_operation operation_of(const struct kaya_plan *plan, enum kaya_operation_kind kind,
                                          uint64_t seed)
{
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_operation operation = { .kind = kind };
    struct kaya_plan only = *plan;

    KAYA_ASSERT(choices != NULL);
    for (int other = 0; other < KAYA_OPERATIONS; other++)
        only.operation_weights[other] = other == (int)kind;
    only.operation_weight_sum = 1;
    kaya_operation_draw(&operation, &only, choices);
    kaya_choices_destroy(choices);
    return operation;
}

void kaya_exploration_take_script(struct kaya_exploration *exploration, uint32_t count, uint64_t number)
{
    uint32_t kinds = kind_count(&exploration->plan);

    KAYA_ASSERT(count <= KAYA_EXPLORED_OPERATIONS_MAX);
    KAYA_ASSERT(kinds > 0);
    for (uint32_t index = 0; index < count; index++, number /= kinds)
        exploration->script[index] = operation_of(
            &exploration->plan, kind_at(&exploration->plan, number % kinds), exploration->seed + index);
    exploration->plan.script_length = count;
}

/* ---- some of them ---- */

bool kaya_exploration_keep(struct kaya_exploration *exploration, uint64_t kept)
{
    struct kaya_plan *plan = &exploration->plan;
    uint64_t count = 0;

    if (plan->script == NULL || plan->script_length > KAYA_EXPLORED_OPERATIONS_MAX)
        return false;
    for (uint64_t index = 0; index < plan->script_length; index++)
        if ((kept >> index & 1) != 0)
            exploration->script[count++] = plan->script[index];
    plan->script = exploration->script;
    plan->script_length = count;
    return true;
}

/* ---- options ---- */

static enum kaya_status create_subject(void *user, struct kaya_subject **subject)
{
    const struct kaya_exploration *exploration = user;

    return kaya_subject_create(exploration->plan.subject, &exploration->plan, exploration->seed, subject);
}

/* Small logs name no families: all crashes strike. */
static bool names_families(const struct kaya_plan *plan)
{
    for (int family = 0; family < KAYA_FAULTS; family++)
        if (plan->families[family])
            return true;
    return false;
}

void kaya_exploration_set(const struct kaya_exploration *exploration, struct kaya_explore_options *options)
{
    const struct kaya_plan *plan = &exploration->plan;

    options->profile = plan->profile;
    options->create_subject = create_subject;
    options->user = (void *)(uintptr_t)exploration;
    options->capacity_bytes = plan->capacity_bytes;
    options->cannot_allocate = plan->cannot_allocate;
    options->has_threads = plan->subject == KAYA_SUBJECT_CONCURRENT;
    options->preemptions_max = PREEMPTIONS_DEFAULT;
    options->kept = 0;
    for (int family = 0; family < KAYA_FAULTS; family++)
        if (names_families(plan) && !plan->families[family])
            options->kept |= (uint64_t)1 << family;
}

uint64_t kaya_exploration_errors(const struct kaya_exploration *exploration)
{
    const struct kaya_plan *plan = &exploration->plan;
    uint64_t had = 0, all = 0;

    for (size_t index = 0; index < sizeof enumerated_errors / sizeof enumerated_errors[0]; index++) {
        enum kaya_fault family = enumerated_errors[index];

        all |= (uint64_t)1 << family;
        if (plan->families[family] && plan->odds[family] > 0)
            had |= (uint64_t)1 << family;
    }
    return had != 0 ? had : all;
}
