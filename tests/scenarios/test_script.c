/* Scripts: recorded operations in place of drawn ones.
 *
 * Goal: they come in their order, from a place that is drawn, across crashes, over again behind the end, and never longer than the log
 * allows. Method: listen to the operations of whole runs. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/run.h"
#include "short_story.h"

enum { STEPS = 7, RUNS = 40, LIVENESS_LENGTH = 20 };

/* Lengths tell them apart, and from the operations of the liveness phase at the end. */
static const struct kaya_operation script[STEPS] = {
    { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 10 } },
    { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 11 } },
    { .kind = KAYA_OPERATION_BATCH_RELAXED, .record_count = 3, .lengths = { 12, 1, 2 } },
    { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 13 } },
    { .kind = KAYA_OPERATION_SYNC },
    { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 14 } },
    { .kind = KAYA_OPERATION_TRIM, .keep_records = 2 },
};

struct heard {
    size_t first; /* STEPS: nothing heard yet */
    size_t next;
    unsigned count, wrong;
    bool is_over;
};

static void hear(void *user, const struct kaya_trace_event *event)
{
    struct heard *heard = user;

    if (event->kind != KAYA_TRACE_OPERATION || strcmp(event->text, "open") == 0)
        return;
    heard->is_over = heard->is_over || event->c == LIVENESS_LENGTH;
    if (heard->is_over)
        return;
    if (heard->first == STEPS) {
        for (heard->first = 0; heard->first < STEPS; heard->first++)
            if (strcmp(kaya_operation_name(script[heard->first].kind), event->text) == 0 &&
                script[heard->first].lengths[0] == event->c)
                break;
        heard->next = heard->first;
    }
    heard->wrong += heard->first == STEPS ||
                    strcmp(kaya_operation_name(script[heard->next].kind), event->text) != 0 ||
                    script[heard->next].record_count != event->b || script[heard->next].lengths[0] != event->c;
    heard->next = (heard->next + 1) % STEPS;
    heard->count++;
}

static struct kaya_scenario recorded(const struct kaya_operation *operations, size_t count)
{
    struct kaya_scenario scenario = short_story();

    memset(scenario.operation_weights, 0, sizeof scenario.operation_weights);
    scenario.script = operations;
    scenario.script_length = count;
    return scenario;
}

Test(script, operations_come_in_order_from_anywhere_and_over_again)
{
    struct kaya_scenario scenario = recorded(script, STEPS);
    struct kaya_stage *stage = kaya_stage_create(0);
    const char *key;
    const char *allowed;
    unsigned begun[STEPS] = { 0 };

    cr_assert(kaya_scenario_is_valid(&scenario, &key, &allowed), "%s: %s", key, allowed);
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct heard heard = { .first = STEPS };
        struct kaya_run_result result;

        kaya_trace_listen(kaya_stage_trace(stage), hear, &heard);
        cr_assert(eq(int, kaya_stage_play(stage, &scenario, seed, &result), KAYA_OK));
        cr_expect(eq(str, result.violation.promise, ""), "%s", result.violation.what);
        cr_assert(lt(sz, heard.first, STEPS));
        cr_expect(eq(uint, heard.wrong, 0), "seed %u", (unsigned)seed);
        cr_expect(all(heard.is_over, lt(uint, STEPS, heard.count)), "seed %u", (unsigned)seed);
        begun[heard.first]++;
    }
    for (size_t i = 0; i < STEPS; i++)
        cr_expect(lt(uint, 0, begun[i]), "no run begins at %zu", i);
    kaya_stage_destroy(stage);
}

static void hear_longest(void *user, const struct kaya_trace_event *event)
{
    uint64_t *longest = user;

    if (event->kind == KAYA_TRACE_OPERATION && strcmp(event->text, "open") != 0 && event->c > *longest)
        *longest = event->c;
}

Test(script, payloads_are_cut_to_what_the_log_takes)
{
    static const struct kaya_operation long_ones[] = {
        { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 16 << 20 } },
        { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 3, .lengths = { 100000, 100000, 100000 } },
        { .kind = KAYA_OPERATION_ECHO, .record_count = 1, .lengths = { 16 << 20 } },
    };
    struct kaya_scenario scenario = recorded(long_ones, 3);
    struct kaya_stage *stage = kaya_stage_create(0);
    uint64_t longest = 0;
    uint64_t appended = 0;

    kaya_trace_listen(kaya_stage_trace(stage), hear_longest, &longest);
    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct kaya_run_result result;

        cr_assert(eq(int, kaya_stage_play(stage, &scenario, seed, &result), KAYA_OK));
        cr_expect(eq(str, result.violation.promise, ""), "%s", result.violation.what);
        appended += result.appended;
    }
    cr_expect(lt(u64, RUNS, appended));
    cr_expect(all(lt(u64, 512, longest), lt(u64, longest, 2048)), "half a segment of 4096 B");
    kaya_stage_destroy(stage);
}

Test(script, stands_in_place_of_weights)
{
    struct kaya_scenario scenario = recorded(script, STEPS);
    const char *key;
    const char *allowed;

    scenario.operation_weights[KAYA_OPERATION_SYNC] = 1;
    cr_expect(not(kaya_scenario_is_valid(&scenario, &key, &allowed)));
    cr_expect(eq(str, (char *)key, "workload"));
    scenario.operation_weights[KAYA_OPERATION_SYNC] = 2000;
    cr_expect(not(kaya_scenario_is_valid(&scenario, &key, &allowed)));
    scenario = recorded(script, 0);
    cr_expect(not(kaya_scenario_is_valid(&scenario, &key, &allowed)));
    scenario = recorded(script, STEPS);
    scenario.subject = KAYA_SUBJECT_KEY_VALUE;
    cr_expect(not(kaya_scenario_is_valid(&scenario, &key, &allowed)));
    cr_expect(eq(str, (char *)key, "workload_file"));
}
