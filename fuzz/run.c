/* A whole simulated run, steered by coverage: its workload, schedule, faults, crashes and their outcomes, over several boots, judged by
 * the oracle (P1 to P12).
 *
 *   input:   2 bytes: the mark of a scenario that comes with kaya-sim; then the decisions, each in as few bytes as its number of
 *            answers needs. Behind the end every answer is the tamest. `kaya-sim replay` and `shrink` take an input as it is
 *
 * A simulator that is driven by seeds strikes everywhere alike. Here a mutation changes one decision, and what leads the
 * log or the simulator to new ground is kept: rare meetings of faults are reached step by step.
 *
 * Only what failed is played once more on a stage that keeps its last events, to tell them.
 *
 * Its pieces are decisions, or the whole boots and operations that ask for them: each run is recorded, since what was played last is
 * mostly what the engine changes next. Any other input the mutator plays, to see where they stand.
 *
 * It also plays what it makes of one: a run of any story that a seed drives, or the decisions of a run, changed (support/tape.c) and bent
 * to what they ask then; what was asked and answered are the bytes of the new input. Such a run may be the one that finds
 * something. A broken promise is left for the engine to see, when it plays these bytes. A run that dies is caught, and its bytes so
 * far are handed out, to die by again: else the engine would keep the input from before. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <xxhash.h>

#include "kaya/scenarios/run.h"
#include "support/mutate.h"
#include "support/scenarios.h"
#include "support/tape.h"
#include "support/target.h"

enum { EVENTS_KEPT = 20, SEED = 1, MARK_BYTES = KAYA_SCENARIO_MARK_BYTES };

static struct kaya_stage *stage;

/* What was played last. */
static struct {
    struct kaya_choices *choices; /* its decisions */
    uint64_t hash;
} last;

static struct kaya_stage *create_stage(size_t keep_events)
{
    struct kaya_stage *created = kaya_stage_create(keep_events);

    fuzz_must(created != NULL, "there is memory for a stage");
    return created;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_scenarios_load();
    stage = create_stage(0);
    return 0;
}

/* The scenario of a mark. Asked for each mark once: a scenario's own is a hash of its name. */
static const struct kaya_scenario *scenario_of(const uint8_t *mark)
{
    static const struct kaya_scenario *known[1 << 8 * MARK_BYTES];
    const struct kaya_scenario **scenario = &known[mark[0] << 8 | mark[1]];

    if (*scenario == NULL)
        *scenario = kaya_scenario_of_mark(fuzz_scenarios(), fuzz_scenario_count(), mark);
    return *scenario;
}

static uint64_t hash_of(const uint8_t *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, size);
}

static void play_on(struct kaya_stage *where, const uint8_t *data, size_t size, struct kaya_run_result *result)
{
    kaya_choices_destroy(last.choices);
    last.choices = kaya_choices_from_bytes(data + MARK_BYTES, size - MARK_BYTES);
    last.hash = hash_of(data, size);
    fuzz_must(last.choices != NULL, "there is memory for choices");
    kaya_choices_record(last.choices, true);
    fuzz_must(kaya_stage_play_choices(where, scenario_of(data), SEED, last.choices, result) == KAYA_OK,
              "there is memory for a run");
}

static void play(const uint8_t *data, size_t size, struct kaya_run_result *result)
{
    play_on(stage, data, size, result);
}

static void print_last_events(const uint8_t *data, size_t size)
{
    struct kaya_stage *kept = create_stage(EVENTS_KEPT);
    struct kaya_run_result result;

    play_on(kept, data, size, &result);
    kaya_trace_print(kaya_stage_trace(kept), stderr);
    kaya_stage_destroy(kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaya_run_result result;

    if (size < MARK_BYTES)
        return 0;
    play(data, size, &result);
    if (!kaya_violation_is_set(&result.violation))
        return 0;
    print_last_events(data, size);
    fuzz_fail("broken: %s: %s\n`kaya-sim shrink INPUT` tells it short", result.violation.promise,
              result.violation.what);
}

/* Ends of decisions; for one input in two only where a boot or an operation begins. */
static size_t pieces(const uint8_t *data, size_t size, size_t *ends)
{
    struct kaya_run_result result;
    const struct kaya_decision *decisions;
    bool only_parts;
    size_t asked;
    size_t count = 0;

    if (size <= MARK_BYTES)
        return 0;
    if (last.choices == NULL || last.hash != hash_of(data, size))
        play(data, size, &result);
    decisions = kaya_choices_recorded(last.choices, &asked);
    only_parts = (data[size - 1] ^ data[size / 2]) & 1;
    for (size_t i = 0, at = MARK_BYTES; i < asked && at <= size && count < FUZZ_PIECES_MAX; i++) {
        bool is_part = decisions[i].count <= KAYA_PART_ENDS;

        if (is_part == only_parts && (count == 0 || ends[count - 1] < at))
            ends[count++] = at;
        at += is_part ? 0 : fuzz_width_of(&decisions[i]);
    }
    if (count > 0 && count < FUZZ_PIECES_MAX && ends[count - 1] < size)
        ends[count++] = size;
    return count;
}

/* Each story as often as any other, whatever parts of all marks are its own. */
static size_t begin(uint8_t *data, size_t size_max, uint64_t seed)
{
    const struct kaya_scenario *scenario = &fuzz_scenarios()[seed % fuzz_scenario_count()];
    uint16_t mark = kaya_scenario_mark(scenario->name);

    if (size_max < MARK_BYTES)
        return 0;
    data[0] = (uint8_t)(mark >> 8);
    data[1] = (uint8_t)mark;
    return MARK_BYTES;
}

/* --- Inputs that are made by playing --- */

/* What is played under guard, and the mark of its scenario. */
static struct {
    const struct kaya_choices *choices;
    const uint8_t *mark;
} guarded;

static size_t put_recorded(const uint8_t *mark, const struct kaya_choices *choices, bool died, uint8_t *bytes,
                           size_t size_max)
{
    size_t count;
    const struct kaya_decision *decisions = kaya_choices_recorded(choices, &count);
    size_t size = MARK_BYTES;

    memmove(bytes, mark, MARK_BYTES);
    size += fuzz_put_decisions(decisions, count, bytes + MARK_BYTES, size_max - MARK_BYTES);
    if (died && size < size_max)
        bytes[size++] = 0; /* where bytes end the run would */
    return size;
}

enum { SECONDS_MAX = 5, DEADLY_COUNT = 7 };
static const int deadly[DEADLY_COUNT] = { SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGVTALRM };
static struct sigaction guarded_before[DEADLY_COUNT];
static sigjmp_buf way_out;

static void leave(int signal_number)
{
    siglongjmp(way_out, signal_number);
}

static void guard(void)
{
    struct sigaction action = { .sa_handler = leave, .sa_flags = SA_ONSTACK };
    struct itimerval limit = { .it_value = { .tv_sec = SECONDS_MAX } };

    sigemptyset(&action.sa_mask);
    for (int i = 0; i < DEADLY_COUNT; i++)
        (void)sigaction(deadly[i], &action, &guarded_before[i]);
    (void)setitimer(ITIMER_VIRTUAL, &limit, NULL);
}

static void unguard(void)
{
    struct itimerval none = { 0 };

    guarded.choices = NULL;
    (void)setitimer(ITIMER_VIRTUAL, &none, NULL);
    for (int i = 0; i < DEADLY_COUNT; i++)
        (void)sigaction(deadly[i], &guarded_before[i], NULL);
}

/* What a sanitizer finds cannot be caught: the bytes are put where the engine runs, beside the input that it blames. */
static void keep_guarded(void)
{
    static uint8_t bytes[1 << 16];
    char name[64];
    size_t size;

    if (guarded.choices == NULL)
        return;
    size = put_recorded(guarded.mark, guarded.choices, true, bytes, sizeof bytes);
    (void)snprintf(name, sizeof name, "crash-made-%016" PRIx64, hash_of(bytes, size));
    fuzz_write_seed(".", name, bytes, size);
    guarded.choices = NULL;
}

/* Called by the sanitizers, where they are. */
void __asan_on_error(void);
void __ubsan_on_report(void);

void __asan_on_error(void)
{
    keep_guarded();
}

void __ubsan_on_report(void)
{
    keep_guarded();
}

/* True: the run broke a promise, or died. Then nobody knows in what state the stage is: it is given up, with all its memory. */
static bool breaks(const uint8_t *mark, struct kaya_choices *choices, bool *died)
{
    struct kaya_run_result result;
    enum kaya_status status;

    *died = true;
    guard();
    guarded.choices = choices;
    guarded.mark = mark;
    if (sigsetjmp(way_out, 1) != 0) {
        unguard();
        stage = create_stage(0);
        return true;
    }
    status = kaya_stage_play_choices(stage, scenario_of(mark), SEED, choices, &result);
    unguard();
    fuzz_must(status == KAYA_OK, "there is memory for a run");
    *died = false;
    return kaya_violation_is_set(&result.violation);
}

/* An input that was made, and whether its run broke something. */
struct made {
    size_t size;
    bool is_broken;
};

/* Play, and put down what was asked and answered behind the mark. */
static struct made write_played(uint8_t *data, size_t size_max, struct kaya_choices *choices)
{
    struct made made;
    bool died;

    made.is_broken = breaks(data, choices, &died);
    made.size = put_recorded(data, choices, died, data, size_max);
    return made;
}

/* A run of any story, as a simulation plays it. */
static struct made write_seeded(uint8_t *data, size_t size_max, struct fuzz_draws *draws)
{
    static struct kaya_choices *seeded;

    if (seeded == NULL)
        seeded = kaya_choices_from_seed(0);
    fuzz_must(seeded != NULL, "there is memory for choices");
    kaya_choices_record(seeded, true);
    (void)begin(data, size_max, fuzz_draw(draws, UINT64_MAX));
    kaya_choices_reseed(seeded, fuzz_draw(draws, UINT64_MAX));
    return write_played(data, size_max, seeded);
}

/* True: its bytes ended before it did. */
static bool take_tape(struct kaya_tape *tape, const uint8_t *data, size_t size)
{
    struct kaya_run_result result;
    const struct kaya_decision *decisions;
    size_t count;

    if (last.choices == NULL || last.hash != hash_of(data, size))
        play(data, size, &result);
    decisions = kaya_choices_recorded(last.choices, &count);
    return fuzz_tape_take(tape, decisions, count);
}

/* What the end of its bytes cut off was tame, so such tails are cut off again. */
static struct made write_bent(uint8_t *data, size_t size_max, const struct kaya_tape *tape, bool is_cut)
{
    static struct kaya_choices *bent;
    struct made made;

    if (bent == NULL)
        bent = kaya_choices_from_decisions(NULL, 0);
    fuzz_must(bent != NULL, "there is memory for choices");
    kaya_choices_record(bent, true);
    kaya_choices_redirect(bent, tape->decisions, tape->count);
    made = write_played(data, size_max, bent);
    while (is_cut && !made.is_broken && made.size > MARK_BYTES && data[made.size - 1] == 0)
        made.size--;
    return made;
}

/* Several are played, since that costs no more than to have the engine play one, and the first that breaks something is handed out, or
 * the last. */
enum { TRIES = 4, SEEDED_TRIES = 8 };

static size_t write_one_of_seeded(uint8_t *data, size_t size_max, struct fuzz_draws *draws)
{
    struct made made = { 0 };

    for (int i = 0; i < SEEDED_TRIES && !made.is_broken; i++)
        made = write_seeded(data, size_max, draws);
    return made.size;
}

/* Changes of one input, or with parts of another. */
static size_t write_one_of_changed(const uint8_t *one, size_t one_size, const uint8_t *other,
                                   size_t other_size, uint8_t *out, size_t out_max, struct fuzz_draws *draws)
{
    static struct kaya_tape first;
    static struct kaya_tape second;
    static struct kaya_tape tape;
    struct made made = { 0 };
    bool is_cut = take_tape(&first, one, one_size);

    if (other != NULL)
        (void)take_tape(&second, other, other_size);
    memmove(out, one, MARK_BYTES);
    for (int i = 0; i < TRIES && !made.is_broken; i++) {
        fuzz_must(kaya_tape_set(&tape, first.decisions, first.count) == KAYA_OK, "there is memory for a tape");
        if (other != NULL)
            fuzz_tape_join(&tape, &second, draws);
        else
            fuzz_tape_change(&tape, draws);
        made = write_bent(out, out_max, &tape, is_cut);
    }
    return made.size;
}

static size_t remake(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws)
{
    if (size <= MARK_BYTES || fuzz_draw(draws, 2) == 0)
        return write_one_of_seeded(data, size_max, draws);
    return write_one_of_changed(data, size, NULL, 0, data, size_max, draws);
}

static size_t join(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
                   size_t out_max, struct fuzz_draws *draws)
{
    if (one_size <= MARK_BYTES || other_size <= MARK_BYTES)
        return write_one_of_seeded(out, out_max, draws);
    return write_one_of_changed(one, one_size, other, other_size, out, out_max, draws);
}

const struct fuzz_target fuzz_target = { .pieces = pieces, .begin = begin, .remake = remake, .join = join };
