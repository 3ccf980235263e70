/* Runs changed as lists of decisions (fuzz/support/tape.c).
 *
 * Goal: what is written as an input is read as it was; whatever is drawn, a changed list is a tree whose answers fit their questions; and
 * each kind of change comes up. Method: a toy run of boots and operations, over many seeds. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "../../fuzz/support/tape.h"

enum { INPUT_BYTES_MAX = 4096, SEEDS = 3000, CRASH_ANSWERS = 3 };

static void run(struct kaya_choices *choices, const char *operation)
{
    (void)kaya_choose(choices, KAYA_STREAM_CONFIG, 600, "capacity");
    for (uint64_t boots = 2 + kaya_choose(choices, KAYA_STREAM_CONFIG, 8, "boots"); boots > 0; boots--) {
        if (kaya_choices_ends(choices))
            return;
        kaya_choices_begin_part(choices, "boots");
        for (uint64_t left = kaya_choose(choices, KAYA_STREAM_WORKLOAD, 6, "operations"); left > 0; left--) {
            kaya_choices_begin_part(choices, "operations");
            (void)kaya_choose(choices, KAYA_STREAM_WORKLOAD, 5, operation);
            (void)kaya_choose(choices, KAYA_STREAM_FAULTS, 20, "fault");
            kaya_choices_end_part(choices);
        }
        (void)kaya_choose(choices, KAYA_STREAM_CRASH, CRASH_ANSWERS, "sector");
        kaya_choices_end_part(choices);
    }
}

static struct kaya_choices *record(struct kaya_choices *choices, const char *operation)
{
    kaya_choices_record(choices, true);
    run(choices, operation);
    return choices;
}

static bool take(struct kaya_tape *tape, struct kaya_choices *choices)
{
    size_t count;
    const struct kaya_decision *decisions = kaya_choices_recorded(choices, &count);
    bool is_cut = fuzz_tape_take(tape, decisions, count);

    kaya_choices_destroy(choices);
    return is_cut;
}

static bool is_same(const struct kaya_decision *one, const struct kaya_decision *other)
{
    return one->count == other->count && one->answer == other->answer && strcmp(one->label, other->label) == 0;
}

Test(tape, what_is_written_is_read_as_it_was)
{
    uint8_t bytes[INPUT_BYTES_MAX];

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct kaya_tape written = { 0 };
        struct kaya_tape read = { 0 };
        size_t size;

        cr_assert(not(take(&written, record(kaya_choices_from_seed(seed), "operation"))));
        size = fuzz_put_decisions(written.decisions, written.count, bytes, sizeof bytes);
        cr_assert(not(take(&read, record(kaya_choices_from_bytes(bytes, size), "operation"))));
        cr_assert(eq(sz, read.count, written.count));
        for (size_t i = 0; i < read.count; i++)
            cr_assert(is_same(&read.decisions[i], &written.decisions[i]), "seed %d, decision %zu", (int)seed, i);
        kaya_tape_release(&written);
        kaya_tape_release(&read);
    }
}

Test(tape, what_follows_the_end_is_not_written)
{
    const uint8_t bytes[] = { 1, 0, 7, 1, 4, 19, 2, 0 }; /* a boot with an operation, and one without, the crash cut off */
    struct kaya_choices *choices = record(kaya_choices_from_bytes(bytes, sizeof bytes), "operation");
    struct kaya_tape tape = { 0 };
    uint8_t written[sizeof bytes + 1];
    size_t count;
    const struct kaya_decision *decisions = kaya_choices_recorded(choices, &count);

    cr_assert(eq(sz, fuzz_put_decisions(decisions, count, written, sizeof written), sizeof bytes + 1));
    cr_assert(eq(int, memcmp(written, bytes, sizeof bytes), 0));
    cr_assert(eq(int, written[sizeof bytes], 0));
    cr_assert(eq(sz, fuzz_put_decisions(decisions, count, written, 1), 0)); /* half an answer is none */
    cr_assert(take(&tape, choices));
    for (size_t i = 0; i < tape.count; i++)
        cr_assert(strcmp(tape.decisions[i].label, KAYA_END_LABEL) != 0);
    kaya_tape_release(&tape);
}

/* Parts within parts, as many as were begun; answers below their counts. */
static void check(const struct kaya_tape *tape, uint64_t seed)
{
    long depth = 0;

    for (size_t i = 0; i < tape->count; i++) {
        const struct kaya_decision *decision = &tape->decisions[i];

        depth += decision->count == KAYA_PART_BEGINS;
        depth -= decision->count == KAYA_PART_ENDS;
        cr_assert(depth >= 0 && depth <= 2, "seed %d: item %zu stands %ld deep", (int)seed, i, depth);
        if (decision->count > KAYA_PART_ENDS)
            cr_assert(lt(u64, decision->answer, decision->count));
    }
    cr_assert(eq(long, depth, 0));
}

static uint64_t boots_of(const struct kaya_tape *tape)
{
    uint64_t count = 0;

    for (size_t i = 0; i < tape->count; i++)
        count += tape->decisions[i].count == KAYA_PART_BEGINS && strcmp(tape->decisions[i].label, "boots") == 0;
    return count;
}

/* Is it the same but for answers of `stream`, of which one differs at least? */
static bool differs_in(enum kaya_stream stream, const struct kaya_tape *one, const struct kaya_tape *other)
{
    bool differs = false;

    if (one->count != other->count)
        return false;
    for (size_t i = 0; i < one->count; i++) {
        if (is_same(&one->decisions[i], &other->decisions[i]))
            continue;
        if (one->decisions[i].stream != stream || one->decisions[i].count != other->decisions[i].count)
            return false;
        differs = true;
    }
    return differs;
}

Test(tape, a_changed_run_is_one_still_and_each_kind_of_change_comes)
{
    int longer = 0;
    int shorter = 0;
    int streams[KAYA_STREAMS] = { 0 };

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fuzz_draws draws = { seed };
        struct kaya_tape before = { 0 };
        struct kaya_tape tape = { 0 };

        (void)take(&before, record(kaya_choices_from_seed(seed % 64), "operation"));
        cr_assert(eq(int, kaya_tape_set(&tape, before.decisions, before.count), KAYA_OK));
        fuzz_tape_change(&tape, &draws);
        check(&tape, seed);
        longer += boots_of(&tape) > boots_of(&before);
        shorter += boots_of(&tape) < boots_of(&before);
        for (int stream = 0; stream < KAYA_STREAMS; stream++)
            streams[stream] += differs_in((enum kaya_stream)stream, &tape, &before);
        kaya_tape_release(&before);
        kaya_tape_release(&tape);
    }
    cr_expect(longer > SEEDS / 20 && shorter > SEEDS / 20, "%d longer, %d shorter", longer, shorter);
    for (int stream = 0; stream < KAYA_STREAMS; stream++)
        if (stream != KAYA_STREAM_SCHEDULE) /* nothing is asked of it here */
            cr_expect(streams[stream] > SEEDS / 100, "%s: %d", kaya_stream_name((enum kaya_stream)stream),
                      streams[stream]);
}

Test(tape, parts_of_another_run_come_in)
{
    int mixed = 0;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct fuzz_draws draws = { seed };
        struct kaya_tape one = { 0 };
        struct kaya_tape other = { 0 };
        bool has_own = false;
        bool has_taken = false;

        (void)take(&one, record(kaya_choices_from_seed(seed % 64), "own"));
        (void)take(&other, record(kaya_choices_from_seed(seed % 61 + 64), "taken"));
        fuzz_tape_join(&one, &other, &draws);
        check(&one, seed);
        for (size_t i = 0; i < one.count; i++) {
            has_own |= strcmp(one.decisions[i].label, "own") == 0;
            has_taken |= strcmp(one.decisions[i].label, "taken") == 0;
        }
        mixed += has_own && has_taken;
        kaya_tape_release(&one);
        kaya_tape_release(&other);
    }
    cr_expect(mixed > SEEDS / 2, "%d of %d", mixed, SEEDS);
}
