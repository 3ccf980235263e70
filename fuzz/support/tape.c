/* Changes to a run that bytes cannot say. In an input the decisions of all streams stand one behind the other, so that a byte more or
 * less, or another answer that asks another question, shifts everything behind it into nonsense. What was recorded of a run is a tree of
 * boots and operations with labelled decisions; here such a list is changed, and the run bends it to what it asks (sim/bend.c):
 *
 *      redraw    all answers of one stream (workload, faults, crash outcome, ...), from some place to the end of its part or of the run
 *      strike    a few answers of one stream, mostly to their last value: the fault strikes, the longest way is taken
 *      repeat    a part (a boot, an operation), a few times over
 *      drop      a part
 *      put       a part of another run, or of elsewhere in this one, in front of one of its kind or in its place
 *      follow    from one boot on, the boots of another run, or its own once more
 *
 * What counts parts is raised and lowered with them. Answers that are drawn are drawn in moods, as those of a crash are (sim/choices.c):
 * bugs look like a crash that spares most of what it could take. */
#include "tape.h"

#include <stdlib.h>
#include <string.h>

#include "target.h"

enum { PARTS_DEEP_MAX = 16, DECISIONS_MAX = 1 << 15 };

/* Items [from, to); the same twice: there is none. */
struct span {
    size_t from, to;
};

/* --- Bytes --- */

static bool is_question(const struct kaya_decision *decision)
{
    return decision->count > KAYA_PART_ENDS;
}

static bool is_end(const struct kaya_decision *decision)
{
    return is_question(decision) && strcmp(decision->label, KAYA_END_LABEL) == 0;
}

/* The last of its answers: here it was. */
static bool is_end_here(const struct kaya_decision *decision)
{
    return is_end(decision) && decision->answer + 1 == decision->count;
}

size_t fuzz_width_of(const struct kaya_decision *decision)
{
    size_t width = 0;

    if (!is_question(decision) || is_end(decision))
        return 0;
    for (uint64_t rest = decision->count - 1; rest != 0; rest >>= 8)
        width++;
    return width;
}

size_t fuzz_put_decisions(const struct kaya_decision *decisions, size_t count, uint8_t *bytes, size_t size_max)
{
    size_t size = 0;

    for (size_t i = 0; i < count && !is_end_here(&decisions[i]); i++) {
        size_t width = fuzz_width_of(&decisions[i]);
        uint64_t answer = decisions[i].answer;

        if (width > size_max - size)
            break;
        for (size_t at = width; at > 0; at--, answer >>= 8) /* the big end comes first */
            bytes[size + at - 1] = (uint8_t)answer;
        size += width;
    }
    return size;
}

/* --- Lists --- */

static void set(struct kaya_tape *tape, const struct kaya_decision *decisions, size_t count)
{
    fuzz_must(kaya_tape_set(tape, decisions, count) == KAYA_OK, "there is memory for a tape");
}

bool fuzz_tape_take(struct kaya_tape *tape, const struct kaya_decision *decisions, size_t count)
{
    bool has_ended = false;
    size_t kept = 0;

    set(tape, decisions, count);
    for (size_t i = 0; i < count; i++) {
        has_ended |= is_end_here(&decisions[i]);
        if (!is_end(&decisions[i]))
            tape->decisions[kept++] = decisions[i];
    }
    tape->count = kept;
    return has_ended;
}

/* Items of `from` in place of those in `gone`; `from` may be the same tape. */
static void replace(struct kaya_tape *tape, struct span gone, const struct kaya_tape *from, struct span put)
{
    size_t length = put.to - put.from;
    size_t behind = tape->count - gone.to;
    size_t count = gone.from + length + behind;
    struct kaya_decision *made;

    if (count > DECISIONS_MAX)
        return;
    made = malloc((count + 1) * sizeof *made);
    fuzz_must(made != NULL, "there is memory for a tape");
    memcpy(made, tape->decisions, gone.from * sizeof *made);
    memcpy(made + gone.from, from->decisions + put.from, length * sizeof *made);
    memcpy(made + gone.from + length, tape->decisions + gone.to, behind * sizeof *made);
    set(tape, made, count);
    free(made);
}

static struct span part_at(const struct kaya_tape *tape, size_t begin)
{
    size_t depth = 0;

    for (size_t i = begin; i < tape->count; i++) {
        depth += tape->decisions[i].count == KAYA_PART_BEGINS;
        depth -= tape->decisions[i].count == KAYA_PART_ENDS;
        if (depth == 0)
            return (struct span){ begin, i + 1 };
    }
    return (struct span){ begin, tape->count }; /* the run ended within */
}

/* Of the parts around a place that is drawn, the outermost or any; where there is none, the next one. */
static struct span draw_part(const struct kaya_tape *tape, struct fuzz_draws *draws)
{
    size_t begins[PARTS_DEEP_MAX];
    size_t depth = 0;
    size_t at = (size_t)fuzz_draw(draws, tape->count);

    for (size_t i = 0; i <= at; i++) {
        if (tape->decisions[i].count == KAYA_PART_BEGINS && depth < PARTS_DEEP_MAX)
            begins[depth++] = i;
        else if (tape->decisions[i].count == KAYA_PART_ENDS && depth > 0)
            depth--;
    }
    if (depth > 0)
        return part_at(tape, begins[fuzz_draw(draws, 2) == 0 ? 0 : fuzz_draw(draws, depth)]);
    while (at < tape->count && tape->decisions[at].count != KAYA_PART_BEGINS)
        at++;
    return at < tape->count ? part_at(tape, at) : (struct span){ 0, 0 };
}

/* A part that is counted by `label`; or one that comes behind it, where there is none behind the place that is drawn. */
static struct span draw_part_named(const struct kaya_tape *tape, const char *label, struct fuzz_draws *draws)
{
    size_t from = (size_t)fuzz_draw(draws, tape->count);

    for (size_t i = 0; i < tape->count; i++) {
        size_t at = (from + i) % tape->count;

        if (tape->decisions[at].count == KAYA_PART_BEGINS && strcmp(tape->decisions[at].label, label) == 0)
            return part_at(tape, at);
    }
    return (struct span){ 0, 0 };
}

/* So many parts like the one that begins at `begin` come in front of it, or go. */
static void count_on(struct kaya_tape *tape, size_t begin, int64_t more)
{
    for (size_t i = begin; i-- > 0;) {
        struct kaya_decision *decision = &tape->decisions[i];
        int64_t answer = (int64_t)decision->answer + more;

        if (!is_question(decision) || strcmp(decision->label, tape->decisions[begin].label) != 0)
            continue;
        answer = answer < 0 ? 0 : answer;
        decision->answer = (uint64_t)answer < decision->count ? (uint64_t)answer : decision->count - 1;
        return;
    }
}

/* --- Changes --- */

static void redraw(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    enum { TAME_SCALE = 16 };
    static const uint8_t moods[] = { 0, 0, 2, 4, 8, 12, 14, TAME_SCALE };
    uint64_t tame = moods[fuzz_draw(draws, sizeof moods)];
    enum kaya_stream stream = (enum kaya_stream)fuzz_draw(draws, KAYA_STREAMS);
    struct span part = draw_part(tape, draws);
    size_t from = (size_t)fuzz_draw(draws, tape->count);
    size_t to = tape->count;

    (void)other;
    if (fuzz_draw(draws, 2) == 0) {
        from = part.from;
        to = part.to;
    }
    for (size_t i = from; i < to; i++) {
        struct kaya_decision *decision = &tape->decisions[i];

        if (is_question(decision) && decision->stream == stream)
            decision->answer = fuzz_draw(draws, TAME_SCALE) < tame ? 0 : fuzz_draw(draws, decision->count);
    }
}

static void strike(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    enum { DOUBLINGS = 5 };
    enum kaya_stream stream = (enum kaya_stream)fuzz_draw(draws, KAYA_STREAMS);

    (void)other;
    for (uint64_t count = UINT64_C(1) << fuzz_draw(draws, DOUBLINGS); count > 0; count--) {
        size_t i = (size_t)fuzz_draw(draws, tape->count);
        struct kaya_decision *decision;

        while (i < tape->count && (!is_question(&tape->decisions[i]) || tape->decisions[i].stream != stream))
            i++;
        if (i == tape->count)
            continue;
        decision = &tape->decisions[i];
        decision->answer = fuzz_draw(draws, 3) == 0 ? fuzz_draw(draws, decision->count) : decision->count - 1;
    }
}

static void repeat(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    enum { TIMES_MAX = 4 };
    struct span part = draw_part(tape, draws);

    (void)other;
    if (part.from == part.to)
        return;
    for (uint64_t count = 1 + fuzz_draw(draws, TIMES_MAX); count > 0; count--) {
        count_on(tape, part.from, 1);
        replace(tape, (struct span){ part.from, part.from }, tape, part);
    }
}

static void drop(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    struct span part = draw_part(tape, draws);

    (void)other;
    if (part.from == part.to)
        return;
    count_on(tape, part.from, -1);
    replace(tape, part, tape, (struct span){ 0, 0 });
}

static void put(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    struct span part = draw_part(tape, draws);
    struct span taken;

    if (part.from == part.to)
        return;
    taken = draw_part_named(other, tape->decisions[part.from].label, draws);
    if (fuzz_draw(draws, 2) == 0) {
        count_on(tape, part.from, 1);
        part.to = part.from;
    }
    if (taken.from < taken.to)
        replace(tape, part, other, taken);
}

static void follow(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    static const char boots[] = "boots";
    struct span here = draw_part_named(tape, boots, draws);
    struct span there = draw_part_named(other, boots, draws);

    if (here.from == here.to || there.from == there.to)
        return;
    here.to = tape->count;
    there.to = other->count;
    count_on(tape, here.from, INT32_MAX); /* as many as there may be: those that are on no list are tame */
    replace(tape, here, other, there);
}

static void change_once(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    static void (*const changes[])(struct kaya_tape *, const struct kaya_tape *,
                                   struct fuzz_draws *) = { redraw, strike, repeat, drop, put, follow };

    if (tape->count > 0 && other->count > 0)
        changes[fuzz_draw(draws, sizeof changes / sizeof changes[0])](tape, other, draws);
}

void fuzz_tape_change(struct kaya_tape *tape, struct fuzz_draws *draws)
{
    enum { CHANGES_MAX = 3 };

    for (uint64_t count = 1 + fuzz_draw(draws, CHANGES_MAX); count > 0; count--)
        change_once(tape, tape, draws);
}

void fuzz_tape_join(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws)
{
    if (tape->count == 0 || other->count == 0)
        return;
    if (fuzz_draw(draws, 2) == 0)
        put(tape, other, draws);
    else
        follow(tape, other, draws);
    if (fuzz_draw(draws, 2) == 0)
        change_once(tape, tape, draws);
}
