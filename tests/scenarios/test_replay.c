/* Replay lines, and replays.
 *
 * Goal: a line says everything and is read back, every mistake in one is named, a replay says truly whether it went the
 * same way and, where it did not, in which events it left. Method: lines by hand; runs of a short scenario; lines that
 * were made wrong in one known place. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/replay.h"
#include "short_story.h"

Test(replay, a_line_is_read_back_as_it_was_written)
{
    struct kaya_replay_line line = { .scenario = "some/path with spaces.yaml",
                                     .seed = 0x4d2,
                                     .has_digest = true,
                                     .digest = 0xfedcba9876543210u,
                                     .events = 12345 };
    struct kaya_replay_line read;
    const char *expected;
    char text[KAYA_REPLAY_LINE_MAX];

    for (unsigned i = 0; i < KAYA_REPLAY_MARKS; i++)
        line.marks[i] = (uint8_t)(i * 37);
    kaya_replay_format(&line, text);
    cr_assert(kaya_replay_parse(text, &read, &expected), "%s: %s", text, expected);
    cr_expect(eq(str, read.scenario, line.scenario));
    cr_expect(eq(u64, read.seed, line.seed));
    cr_expect(eq(u64, read.digest, line.digest));
    cr_expect(eq(u64, read.events, line.events));
    cr_expect(eq(int, memcmp(read.marks, line.marks, sizeof line.marks), 0));
    cr_expect(read.has_digest);
}

Test(replay, a_seed_is_enough)
{
    struct kaya_replay_line line;
    const char *expected;
    char text[KAYA_REPLAY_LINE_MAX];

    cr_assert(kaya_replay_parse("power-loss seed=0010", &line, &expected)); /* ten, in whatever way C counts */
    cr_expect(eq(u64, line.seed, 10));
    cr_assert(kaya_replay_parse("power-loss seed=1234", &line, &expected));
    cr_expect(eq(u64, line.seed, 1234));
    cr_expect(not(line.has_digest));
    kaya_replay_format(&line, text);
    cr_expect(eq(str, text, "power-loss seed=0x00000000000004d2"));
}

Test(replay, what_is_no_line_is_refused_with_what_was_expected)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { "", "name" },
        { "power-loss", "name" },
        { "seed=1", "name" },
        { "power-loss seed=", "seed=0x" },
        { "power-loss seed=x", "seed=0x" },
        { "power-loss seed=-1", "seed=0x" },
        { "power-loss seed=0x", "seed=0x" },
        { "power-loss seed=0x10000000000000000", "seed=0x" },
        { "power-loss seed=18446744073709551616", "seed=0x" },
        { "power-loss seed=1 seed=2", "seed=0x" },
        { "power-loss seed=1 speed=2", "marks=" },
        { "power-loss seed=1 digest=0x1", "together" },
        { "power-loss seed=1 digest=0x1 events=2", "together" },
        { "power-loss seed=1 digest=zz events=2", "digest=0x" },
        { "power-loss seed=1 marks=00", "128" },
    };
    struct kaya_replay_line line;
    const char *expected;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect(not(kaya_replay_parse(rows[i].text, &line, &expected)), "%s", rows[i].text);
        cr_expect(ne(ptr, strstr(expected, rows[i].expected), NULL), "%s: %s", rows[i].text, expected);
    }
}

Test(replay, marks_are_spread_over_all_events_and_end_with_the_last)
{
    for (uint64_t events = 0; events < 1000; events++) {
        cr_assert(eq(u64, kaya_replay_mark_at(events, KAYA_REPLAY_MARKS - 1), events));
        for (unsigned i = 1; i < KAYA_REPLAY_MARKS; i++)
            cr_assert(le(u64, kaya_replay_mark_at(events, i - 1), kaya_replay_mark_at(events, i)));
    }
}

Test(replay, an_honest_line_is_reproduced)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_stage *stage = kaya_stage_create(4);
    struct kaya_replay_line line = { .scenario = "short", .seed = 11 };
    struct kaya_run_result run;
    struct kaya_replay_result result;

    cr_assert(eq(int, kaya_replay_measure(stage, &scenario, &line, &run), KAYA_OK));
    cr_assert(eq(int, kaya_replay(stage, &scenario, &line, NULL, NULL, &result), KAYA_OK));
    cr_expect(eq(int, result.verdict, KAYA_REPLAY_SAME));
    cr_expect(eq(u64, result.run.digest, run.digest));
    cr_expect(lt(u64, 100, run.events));
    kaya_stage_destroy(stage);
}

Test(replay, a_line_of_another_run_differs_within_the_events_that_are_named)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_stage *stage = kaya_stage_create(4);
    struct kaya_replay_line honest = { .scenario = "short", .seed = 12 };
    struct kaya_run_result run;

    cr_assert(eq(int, kaya_replay_measure(stage, &scenario, &honest, &run), KAYA_OK));
    for (unsigned first_wrong = 0; first_wrong < KAYA_REPLAY_MARKS; first_wrong += 9) {
        struct kaya_replay_line line = honest;
        struct kaya_replay_result result;

        line.digest ^= 1;
        for (unsigned i = first_wrong; i < KAYA_REPLAY_MARKS; i++)
            line.marks[i] ^= 0x55;
        cr_assert(eq(int, kaya_replay(stage, &scenario, &line, NULL, NULL, &result), KAYA_OK));
        cr_expect(eq(int, result.verdict, KAYA_REPLAY_DIFFERS));
        cr_expect(eq(u64, result.first_event,
                     (first_wrong == 0 ? 0 : kaya_replay_mark_at(run.events, first_wrong - 1)) + 1));
        cr_expect(eq(u64, result.last_event, kaya_replay_mark_at(run.events, first_wrong)));
    }
    kaya_stage_destroy(stage);
}

Test(replay, a_tape_goes_the_way_of_the_seed_it_was_recorded_from)
{
    struct kaya_scenario scenario = short_story();
    struct kaya_stage *stage = kaya_stage_create(4);
    struct kaya_choices *tape = NULL;
    struct kaya_run_result from_seed;
    struct kaya_run_result from_tape;
    const char *expected;
    size_t line;
    FILE *file = tmpfile();

    kaya_choices_record(kaya_stage_choices(stage), true);
    cr_assert(eq(int, kaya_stage_play(stage, &scenario, 13, &from_seed), KAYA_OK));
    cr_assert(eq(int, kaya_choices_save(kaya_stage_choices(stage), file), KAYA_OK));
    rewind(file);
    cr_assert(eq(int, kaya_choices_load(file, &tape, &line, &expected), KAYA_OK), "line %zu: %s", line, expected);
    cr_assert(eq(int, kaya_stage_play_choices(stage, &scenario, 13, tape, &from_tape), KAYA_OK));
    cr_expect(eq(ptr, (void *)kaya_choices_misfit(tape), NULL));
    cr_expect(eq(u64, from_tape.digest, from_seed.digest));
    fclose(file);
    kaya_choices_destroy(tape);
    kaya_stage_destroy(stage);
}
