/* Shrinking. A run is a function of its decisions, so to make a failing run small is to make its tape small: workload, schedule, faults
 * and crash outcome are all on it, and one algorithm serves them all. What a candidate decides is not prescribed but tried: the run bends
 * it to what it asks (bend.c), and what it really asked is the next tape. So no candidate is invalid.
 *
 * Smaller means, in this order: fewer parts (boots, operations); fewer answers that are not 0, the tamest; a smaller sum of
 * answers; fewer questions. Each step is smaller in this order, so it ends. The passes, over and over until none of them helps:
 *
 *   drop     parts, in rows, then each, from the last to the first, since later ones hang on earlier ones; what counted them is
 *            lowered with them
 *   tame     answers to 0: all of a stream, halves, quarters, ... single ones
 *   lower    each answer: 1, then bisected, then, where there are few, every smaller one
 *   move     a part away, and at the same time an answer in front of it down: a crash that was due n calls later has to come
 *            earlier by as many as the part made
 *
 * A candidate that was tried is not tried again: the hashes of all are kept. */
#include "kaya/sim/shrink.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum {
    EVERY_ANSWER_BELOW = 96, /* lower: where an answer is smaller than this, every smaller one is tried */
    MOVE_MAX = 40,           /* move: an answer comes down by at most so much */
    ROW_MAX = 64,            /* drop: so many parts at a time, then a quarter, ... then one */
    FIRST_TRIED_COUNT = 1024,
};

struct size {
    uint64_t parts, decided, sum, questions;
};

struct shrink {
    const struct kaya_shrink_options *options;
    struct kaya_shrink_report *report;
    struct kaya_tape *best;
    struct size best_size;
    struct kaya_tape candidate;
    struct kaya_tape played;
    uint64_t *tried; /* a set; 0: free */
    size_t tried_count, tried_capacity;
    bool is_over;
    bool no_memory;
};

/* ---- tapes ---- */

enum kaya_status kaya_tape_set(struct kaya_tape *tape, const struct kaya_decision *decisions, size_t count)
{
    if (count > tape->capacity) {
        struct kaya_decision *made = realloc(tape->decisions, count * sizeof *made);

        if (made == NULL)
            return KAYA_NO_MEMORY;
        tape->decisions = made;
        tape->capacity = count;
    }
    if (count > 0)
        memcpy(tape->decisions, decisions, count * sizeof *decisions);
    tape->count = count;
    return KAYA_OK;
}

void kaya_tape_release(struct kaya_tape *tape)
{
    free(tape->decisions);
    *tape = (struct kaya_tape){ 0 };
}

static bool is_question(const struct kaya_decision *decision)
{
    return decision->count > KAYA_PART_ENDS;
}

static bool is_decided(const struct kaya_decision *decision)
{
    return is_question(decision) && decision->answer > 0;
}

static struct size size_of(const struct kaya_tape *tape)
{
    struct size size = { 0 };

    for (size_t i = 0; i < tape->count; i++) {
        const struct kaya_decision *decision = &tape->decisions[i];

        size.parts += decision->count == KAYA_PART_BEGINS;
        size.questions += is_question(decision);
        size.decided += is_decided(decision);
        if (is_question(decision)) /* no sum of 2^20 answers overflows */
            size.sum += decision->answer < UINT32_MAX ? decision->answer : UINT32_MAX;
    }
    return size;
}

static bool is_smaller(const struct size *one, const struct size *other)
{
    if (one->parts != other->parts)
        return one->parts < other->parts;
    if (one->decided != other->decided)
        return one->decided < other->decided;
    if (one->sum != other->sum)
        return one->sum < other->sum;
    return one->questions < other->questions;
}

/* The item that ends the part which begins at `begin`. */
static size_t end_of(const struct kaya_tape *tape, size_t begin)
{
    size_t depth = 0;

    for (size_t i = begin; i < tape->count; i++) {
        depth += tape->decisions[i].count == KAYA_PART_BEGINS;
        depth -= tape->decisions[i].count == KAYA_PART_ENDS;
        if (depth == 0)
            return i;
    }
    return tape->count - 1; /* the run ended within */
}

/* ---- trying ---- */

static uint64_t hash_of(const struct kaya_tape *tape)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < tape->count; i++) {
        const struct kaya_decision *decision = &tape->decisions[i];
        uint64_t words[] = { decision->count, decision->answer, (uint64_t)decision->stream };

        hash = XXH3_64bits_withSeed(words, sizeof words, hash);
        hash = XXH3_64bits_withSeed(decision->label, strlen(decision->label), hash);
    }
    return hash == 0 ? 1 : hash;
}

static bool grow_tried(struct shrink *shrink)
{
    size_t capacity = shrink->tried_capacity == 0 ? FIRST_TRIED_COUNT : 2 * shrink->tried_capacity;
    uint64_t *tried = calloc(capacity, sizeof *tried);

    if (tried == NULL)
        return false;
    for (size_t i = 0; i < shrink->tried_capacity; i++) {
        size_t at = (size_t)shrink->tried[i] & (capacity - 1);

        while (shrink->tried[i] != 0 && tried[at] != 0)
            at = (at + 1) & (capacity - 1);
        if (shrink->tried[i] != 0)
            tried[at] = shrink->tried[i];
    }
    free(shrink->tried);
    shrink->tried = tried;
    shrink->tried_capacity = capacity;
    return true;
}

/* False: it was tried before. */
static bool note_tried(struct shrink *shrink, uint64_t hash)
{
    size_t at;

    if (2 * shrink->tried_count >= shrink->tried_capacity && !grow_tried(shrink)) {
        shrink->no_memory = true;
        return false;
    }
    at = (size_t)hash & (shrink->tried_capacity - 1);
    while (shrink->tried[at] != 0 && shrink->tried[at] != hash)
        at = (at + 1) & (shrink->tried_capacity - 1);
    if (shrink->tried[at] == hash)
        return false;
    shrink->tried[at] = hash;
    shrink->tried_count++;
    return true;
}

static bool may_go_on(struct shrink *shrink)
{
    const struct kaya_shrink_options *options = shrink->options;

    if (options->runs_max != 0 && shrink->report->runs >= options->runs_max)
        shrink->is_over = true;
    if (options->is_time_over != NULL && !shrink->is_over && options->is_time_over(options->user))
        shrink->is_over = true;
    return !shrink->is_over && !shrink->no_memory;
}

static bool play(struct shrink *shrink)
{
    shrink->report->runs++;
    return shrink->options->fails(shrink->options->user, shrink->candidate.decisions, shrink->candidate.count,
                                  &shrink->played);
}

/* Does the candidate fail, and is what it came to smaller? Then that is the best. */
static bool try_candidate(struct shrink *shrink)
{
    struct size size;

    if (!may_go_on(shrink) || !note_tried(shrink, hash_of(&shrink->candidate)) || !play(shrink))
        return false;
    size = size_of(&shrink->played);
    if (!is_smaller(&size, &shrink->best_size))
        return false;
    if (kaya_tape_set(shrink->best, shrink->played.decisions, shrink->played.count) != KAYA_OK) {
        shrink->no_memory = true;
        return false;
    }
    shrink->best_size = size;
    shrink->report->steps++;
    return true;
}

/* ---- candidates ---- */

static bool begin_candidate(struct shrink *shrink)
{
    if (kaya_tape_set(&shrink->candidate, shrink->best->decisions, shrink->best->count) != KAYA_OK)
        shrink->no_memory = true;
    return !shrink->no_memory;
}

/* Items first..last of the candidate go. */
static void cut(struct shrink *shrink, size_t first, size_t last)
{
    struct kaya_tape *tape = &shrink->candidate;

    memmove(&tape->decisions[first], &tape->decisions[last + 1],
            (tape->count - last - 1) * sizeof *tape->decisions);
    tape->count -= last + 1 - first;
}

/* The question in front of item `begin` that said how many such parts there are; `begin`: nobody asked, or it said 0. */
static size_t counter_of(const struct kaya_tape *tape, size_t begin)
{
    for (size_t i = begin; i-- > 0;)
        if (is_question(&tape->decisions[i]) &&
            strcmp(tape->decisions[i].label, tape->decisions[begin].label) == 0)
            return tape->decisions[i].answer > 0 ? i : begin;
    return begin;
}

/* ---- the passes ---- */

/* Where the last of `count` parts of one kind in a row ends, of which the first begins at `begin`; 0: there are not so many. */
static size_t end_of_parts(const struct kaya_tape *tape, size_t begin, size_t count)
{
    size_t end = 0;

    for (size_t i = begin; count > 0; i = end + 1) {
        while (i < tape->count && is_question(&tape->decisions[i]))
            i++;
        if (i >= tape->count || tape->decisions[i].count != KAYA_PART_BEGINS ||
            strcmp(tape->decisions[i].label, tape->decisions[begin].label) != 0)
            return 0;
        end = end_of(tape, i);
        count--;
    }
    return end;
}

static bool drop_counted(struct shrink *shrink, size_t begin, size_t end, size_t counter, size_t count)
{
    if (!begin_candidate(shrink))
        return false;
    if (counter < begin)
        shrink->candidate.decisions[counter].answer -= count;
    cut(shrink, begin, end);
    return try_candidate(shrink);
}

/* As many parts as that from item `begin` on. */
static bool drop(struct shrink *shrink, size_t begin, size_t count)
{
    size_t end = end_of_parts(shrink->best, begin, count);
    size_t counter = counter_of(shrink->best, begin);

    if (end == 0)
        return false;
    if (counter < begin && shrink->best->decisions[counter].answer >= count &&
        drop_counted(shrink, begin, end, counter, count))
        return true;
    return drop_counted(shrink, begin, end, begin, count);
}

static void drop_in_rows_of(struct shrink *shrink, size_t count)
{
    size_t passed = 0; /* parts since the last try */

    for (size_t i = shrink->best->count; i-- > 0 && may_go_on(shrink);) {
        if (i >= shrink->best->count) { /* much is gone */
            i = shrink->best->count;
            continue;
        }
        if (shrink->best->decisions[i].count != KAYA_PART_BEGINS || ++passed < count)
            continue;
        passed = 0;
        (void)drop(shrink, i, count);
    }
}

static void drop_parts(struct shrink *shrink)
{
    for (size_t count = ROW_MAX; count > 0; count /= 4)
        drop_in_rows_of(shrink, count);
}

/* Of the decided answers of `stream` (KAYA_STREAMS: of all), number `first` to first + count - 1 become 0. */
static bool tame(struct shrink *shrink, enum kaya_stream stream, size_t first, size_t count)
{
    size_t number = 0;

    if (!begin_candidate(shrink))
        return false;
    for (size_t i = 0; i < shrink->candidate.count; i++) {
        struct kaya_decision *decision = &shrink->candidate.decisions[i];

        if (!is_decided(decision) || (stream != KAYA_STREAMS && decision->stream != stream))
            continue;
        if (number >= first && number - first < count)
            decision->answer = 0;
        number++;
    }
    return try_candidate(shrink);
}

static size_t decided_count(const struct kaya_tape *tape, enum kaya_stream stream)
{
    size_t count = 0;

    for (size_t i = 0; i < tape->count; i++)
        count += is_decided(&tape->decisions[i]) &&
                 (stream == KAYA_STREAMS || tape->decisions[i].stream == stream);
    return count;
}

static void tame_stream(struct shrink *shrink, enum kaya_stream stream)
{
    for (size_t chunk = decided_count(shrink->best, stream); chunk > 0; chunk /= 2) {
        size_t end = decided_count(shrink->best, stream);

        while (end > 0 && may_go_on(shrink)) {
            size_t first = end > chunk ? end - chunk : 0;

            (void)tame(shrink, stream, first, end - first);
            end = first;
        }
    }
}

static bool lower_to(struct shrink *shrink, size_t item, uint64_t answer)
{
    if (item >= shrink->best->count || answer >= shrink->best->decisions[item].answer || !begin_candidate(shrink))
        return false;
    shrink->candidate.decisions[item].answer = answer;
    return try_candidate(shrink);
}

static void lower_answer(struct shrink *shrink, size_t item)
{
    uint64_t low = 1; /* 0 was tried by `tame` */
    uint64_t answer = shrink->best->decisions[item].answer;

    if (lower_to(shrink, item, 1))
        return;
    while (low + 1 < answer && may_go_on(shrink)) {
        uint64_t middle = low + (answer - low) / 2;

        if (lower_to(shrink, item, middle))
            answer = middle;
        else
            low = middle;
    }
    for (uint64_t next = 2; answer <= EVERY_ANSWER_BELOW && next < answer && may_go_on(shrink); next++)
        if (lower_to(shrink, item, next))
            break;
}

static void lower_answers(struct shrink *shrink)
{
    for (size_t i = shrink->best->count; i-- > 0 && may_go_on(shrink);) {
        if (i >= shrink->best->count) {
            i = shrink->best->count;
            continue;
        }
        if (is_question(&shrink->best->decisions[i]) && shrink->best->decisions[i].answer > 1)
            lower_answer(shrink, i);
    }
}

static bool move_part(struct shrink *shrink, size_t begin, size_t item)
{
    uint64_t answer = shrink->best->decisions[item].answer;
    size_t counter = counter_of(shrink->best, begin);
    size_t end = end_of(shrink->best, begin);

    for (uint64_t down = 1; down <= answer && down <= MOVE_MAX && may_go_on(shrink); down++) {
        if (!begin_candidate(shrink))
            return false;
        shrink->candidate.decisions[item].answer -= down;
        if (counter < begin && counter != item)
            shrink->candidate.decisions[counter].answer--;
        cut(shrink, begin, end);
        if (try_candidate(shrink))
            return true;
    }
    return false;
}

/* Against each answer in front of it that stands in the same part. */
static bool move_from(struct shrink *shrink, size_t begin)
{
    size_t depth = 0;

    for (size_t i = begin; i-- > 0;) {
        const struct kaya_decision *decision = &shrink->best->decisions[i];

        if (decision->count == KAYA_PART_BEGINS && depth-- == 0)
            return false;
        depth += decision->count == KAYA_PART_ENDS;
        if (depth == 0 && is_decided(decision) && decision->count > 2 && move_part(shrink, begin, i))
            return true;
    }
    return false;
}

static void move_parts(struct shrink *shrink)
{
    for (size_t i = shrink->best->count; i-- > 0 && may_go_on(shrink);) {
        if (i >= shrink->best->count) {
            i = shrink->best->count;
            continue;
        }
        if (shrink->best->decisions[i].count == KAYA_PART_BEGINS)
            (void)move_from(shrink, i);
    }
}

static void pass(struct shrink *shrink)
{
    drop_parts(shrink);
    for (unsigned stream = KAYA_STREAMS + 1; stream-- > 0;)
        tame_stream(shrink, (enum kaya_stream)stream);
    drop_parts(shrink);
    lower_answers(shrink);
}

/* ---- the whole ---- */

static void shrink_all(struct shrink *shrink)
{
    uint64_t steps;

    do {
        steps = shrink->report->steps;
        pass(shrink);
        if (steps == shrink->report->steps && may_go_on(shrink))
            move_parts(shrink);
    } while (steps != shrink->report->steps && may_go_on(shrink));
}

enum kaya_status kaya_shrink(const struct kaya_shrink_options *options, struct kaya_tape *tape,
                             struct kaya_shrink_report *report)
{
    struct shrink shrink = { .options = options, .report = report, .best = tape };
    enum kaya_status status = KAYA_OK;

    *report = (struct kaya_shrink_report){ 0 };
    shrink.best_size = size_of(tape);
    report->parts_before = shrink.best_size.parts;
    report->decided_before = shrink.best_size.decided;
    if (!begin_candidate(&shrink))
        status = KAYA_NO_MEMORY;
    else if (!play(&shrink))
        status = KAYA_INVALID;
    else
        shrink_all(&shrink);
    if (shrink.no_memory)
        status = KAYA_NO_MEMORY;
    report->parts = shrink.best_size.parts;
    report->decided = shrink.best_size.decided;
    report->is_complete = status == KAYA_OK && !shrink.is_over;
    kaya_tape_release(&shrink.candidate);
    kaya_tape_release(&shrink.played);
    free(shrink.tried);
    return status;
}
