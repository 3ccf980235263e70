/* The outcomes of one crash point.
 *
 * The first outcome is the one that lost nothing. What it was asked says how many outcomes there are, about: the product of its counts
 * (other answers may lead to other questions). If these are few enough the odometer goes through all. If not, a sample is taken, the
 * simple ones first, since bugs are mostly simple; bit n stands for question n, 1 for lost:
 *
 *     none     000000      (the first outcome)
 *     all      111111
 *     missing  100000 010000 ...      with each of its answers
 *     surviving 011111 101111 ...
 *     prefixes 011111 001111 ...      what came first survived
 *     suffixes 100000 110000 ...
 *     pairs    110000 101000 ...
 *     dice     with a seed that hangs on the point, in the moods of choices.c
 *
 * Three quarters of the sample at most are taken by the first kinds, the rest is dice. "Lost" is the last answer of a question about
 * names and sizes, and the second one of a question about a sector: there the last ones are tears. */
#include "outcomes.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUESTIONS_MAX = 512,  /* of a sample; further ones are answered with 0 but for the dice */
    ANSWERS_TRIED_MAX = 8 /* of one question alone, from both ends */
};

enum kaya_status kaya_outcomes_create(struct kaya_outcomes *outcomes)
{
    *outcomes = (struct kaya_outcomes){ .capacity = QUESTIONS_MAX };
    outcomes->odometer = kaya_choices_odometer();
    outcomes->counts = calloc(3 * (size_t)QUESTIONS_MAX, sizeof *outcomes->counts);
    if (outcomes->odometer == NULL || outcomes->counts == NULL)
        return KAYA_NO_MEMORY;
    outcomes->lost = outcomes->counts + QUESTIONS_MAX;
    outcomes->answers = outcomes->lost + QUESTIONS_MAX;
    return KAYA_OK;
}

void kaya_outcomes_release(struct kaya_outcomes *outcomes)
{
    kaya_choices_destroy(outcomes->odometer);
    free(outcomes->counts);
}

void kaya_outcomes_begin(struct kaya_outcomes *outcomes, uint64_t index_max, uint64_t seed)
{
    kaya_choices_restart(outcomes->odometer);
    outcomes->plan = KAYA_PLAN_FIRST;
    outcomes->index = 0;
    outcomes->index_max = index_max;
    outcomes->seed = seed;
}

static uint64_t lost_answer(const struct kaya_choices *odometer, size_t index)
{
    return strcmp(kaya_choices_label_at(odometer, index), "sector") == 0
               ? 1
               : kaya_choices_count_at(odometer, index) - 1;
}

static uint64_t saturating_product(uint64_t left, uint64_t right)
{
    uint64_t product;

    return __builtin_mul_overflow(left, right, &product) ? UINT64_MAX : product;
}

/* What a crash left may be lost in any mixture; of the chances to fail only a few are taken. */
uint64_t kaya_outcomes_plan(struct kaya_outcomes *outcomes, uint32_t errors_max)
{
    size_t given = kaya_choices_given(outcomes->odometer);
    uint64_t product = 1, chances = 0;

    outcomes->count = given < outcomes->capacity ? given : outcomes->capacity;
    for (size_t index = 0; index < given; index++) {
        uint64_t count = kaya_choices_count_at(outcomes->odometer, index);

        if (index < outcomes->count) {
            outcomes->counts[index] = count;
            outcomes->lost[index] = lost_answer(outcomes->odometer, index);
        }
        if (kaya_choices_stream_at(outcomes->odometer, index) == KAYA_STREAM_FAULTS)
            chances++;
        else
            product = saturating_product(product, count);
    }
    for (uint32_t error = 0; error < errors_max && chances > 0; error++)
        product = saturating_product(product, 1 + chances);
    outcomes->plan = product <= outcomes->index_max ? KAYA_PLAN_ALL : KAYA_PLAN_ALL_LOST;
    outcomes->one = outcomes->two = 0;
    outcomes->answer = 0;
    return product;
}

/* ---- the phases of a sample: each returns false when it is over ---- */

static void set_lost(struct kaya_outcomes *outcomes, size_t from, size_t to)
{
    for (size_t index = 0; index < outcomes->count; index++)
        outcomes->answers[index] = index >= from && index < to ? outcomes->lost[index] : 0;
}

static bool all_lost(struct kaya_outcomes *outcomes)
{
    set_lost(outcomes, 0, outcomes->count);
    return outcomes->one++ == 0;
}

/* Of many answers those at both ends. */
static bool missing(struct kaya_outcomes *outcomes)
{
    uint64_t count;

    for (; outcomes->one < outcomes->count; outcomes->one++, outcomes->answer = 0) {
        count = outcomes->counts[outcomes->one];
        if (++outcomes->answer == ANSWERS_TRIED_MAX / 2 && count > ANSWERS_TRIED_MAX)
            outcomes->answer = count - ANSWERS_TRIED_MAX / 2;
        if (outcomes->answer < count)
            break;
    }
    if (outcomes->one == outcomes->count)
        return false;
    set_lost(outcomes, 0, 0);
    outcomes->answers[outcomes->one] = outcomes->answer;
    return true;
}

static bool surviving(struct kaya_outcomes *outcomes)
{
    if (outcomes->one == outcomes->count)
        return false;
    set_lost(outcomes, 0, outcomes->count);
    outcomes->answers[outcomes->one++] = 0;
    return true;
}

static bool prefixes(struct kaya_outcomes *outcomes)
{
    if (outcomes->one + 1 >= outcomes->count)
        return false;
    set_lost(outcomes, ++outcomes->one, outcomes->count);
    return true;
}

static bool suffixes(struct kaya_outcomes *outcomes)
{
    if (outcomes->one + 1 >= outcomes->count)
        return false;
    set_lost(outcomes, 0, ++outcomes->one);
    return true;
}

static bool pairs(struct kaya_outcomes *outcomes)
{
    if (++outcomes->two >= outcomes->count) {
        outcomes->one++;
        outcomes->two = outcomes->one + 1;
    }
    if (outcomes->two >= outcomes->count)
        return false;
    set_lost(outcomes, 0, 0);
    outcomes->answers[outcomes->one] = outcomes->lost[outcomes->one];
    outcomes->answers[outcomes->two] = outcomes->lost[outcomes->two];
    return true;
}

static bool next_in_order(struct kaya_outcomes *outcomes)
{
    static bool (*const phases[])(struct kaya_outcomes *) = {
        [KAYA_PLAN_ALL_LOST] = all_lost, [KAYA_PLAN_MISSING] = missing,   [KAYA_PLAN_SURVIVING] = surviving,
        [KAYA_PLAN_PREFIXES] = prefixes, [KAYA_PLAN_SUFFIXES] = suffixes, [KAYA_PLAN_PAIRS] = pairs,
    };

    for (; outcomes->plan < KAYA_PLAN_DICE; outcomes->plan++) {
        if (phases[outcomes->plan](outcomes))
            return true;
        outcomes->one = outcomes->two = 0;
        outcomes->answer = 0;
    }
    return false;
}

static uint64_t mixed(uint64_t seed, uint64_t index)
{
    uint64_t value = (seed ^ index) * 0x9fb21c651e98df25;

    return value ^ value >> 32;
}

bool kaya_outcomes_next(struct kaya_outcomes *outcomes)
{
    KAYA_ASSERT(outcomes->plan != KAYA_PLAN_FIRST);
    outcomes->index++;
    if (outcomes->plan == KAYA_PLAN_ALL)
        return kaya_choices_advance(outcomes->odometer);
    if (outcomes->index >= outcomes->index_max)
        return false;
    if (outcomes->index > outcomes->index_max - outcomes->index_max / 4)
        outcomes->plan = KAYA_PLAN_DICE;
    if (outcomes->plan < KAYA_PLAN_DICE && next_in_order(outcomes))
        kaya_choices_restart_with(outcomes->odometer, outcomes->answers, outcomes->count);
    else
        kaya_choices_restart_dice(outcomes->odometer, mixed(outcomes->seed, outcomes->index));
    return true;
}
