/* The outcomes of one crash point, one after the other: all of them, or a structured sample. */
#ifndef KAYA_SIM_OUTCOMES_H
#define KAYA_SIM_OUTCOMES_H

#include "kaya/seam/status.h"
#include "kaya/sim/choices.h"

enum kaya_outcome_plan {
    KAYA_PLAN_FIRST,     /* the outcome of all zeros, which shows how many there are */
    KAYA_PLAN_ALL,       /* in odometer order */
    KAYA_PLAN_ALL_LOST,  /* a sample: every answer says that something was lost */
    KAYA_PLAN_MISSING,   /* ... each answer alone says something else, all others lose nothing */
    KAYA_PLAN_SURVIVING, /* ... each answer alone loses nothing */
    KAYA_PLAN_PREFIXES,  /* ... the first so many lose nothing, the rest is lost */
    KAYA_PLAN_SUFFIXES,  /* ... the first so many are lost, the rest is not */
    KAYA_PLAN_PAIRS,     /* ... any two are lost */
    KAYA_PLAN_DICE,      /* ... dice with a seed */
};

struct kaya_outcomes {
    struct kaya_choices *odometer;
    enum kaya_outcome_plan plan;
    uint64_t index;     /* of the outcome under way */
    uint64_t index_max; /* a sample has so many */
    uint64_t seed;      /* of the dice */
    size_t one, two;    /* where a phase of the sample stands */
    uint64_t answer;
    /* What the first outcome was asked: of how many answers each was one, and which of them says that all was lost. */
    size_t count;
    size_t capacity;
    uint64_t *counts, *lost, *answers;
};

KAYA_MUST_CHECK enum kaya_status kaya_outcomes_create(struct kaya_outcomes *outcomes);
void kaya_outcomes_release(struct kaya_outcomes *outcomes);

/* The first outcome is next. */
void kaya_outcomes_begin(struct kaya_outcomes *outcomes, uint64_t index_max, uint64_t seed);

/* Behind the first outcome: how many would there be if all were asked the same, and at most `errors_max` calls failed? Saturates. Fixes
 * the plan: all if there are at most `index_max`, else a sample. */
uint64_t kaya_outcomes_plan(struct kaya_outcomes *outcomes, uint32_t errors_max);

/* Set the odometer to the next one; false: that was the last. */
bool kaya_outcomes_next(struct kaya_outcomes *outcomes);

static inline bool kaya_outcomes_are_sampled(const struct kaya_outcomes *outcomes)
{
    return outcomes->plan > KAYA_PLAN_ALL;
}

#endif
