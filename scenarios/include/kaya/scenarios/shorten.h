/* Making a run that breaks a promise short: the same promise, the same finding, and as little around it as there can be. */
#ifndef KAYA_SCENARIOS_SHORTEN_H
#define KAYA_SCENARIOS_SHORTEN_H

#include "kaya/scenarios/run.h"
#include "kaya/sim/shrink.h"

struct kaya_shorten_options {
    const struct kaya_scenario *scenario;
    uint64_t seed;      /* of payloads and random bytes, as in kaya_stage_play_choices */
    uint64_t runs_max;  /* 0: no limit */
    double seconds_max; /* 0: no limit; with one, the result may hang on the machine */
    void (*on_progress)(void *user, uint64_t runs); /* now and then; NULL: nobody listens */
    void *user;
};

/* Play a run once with `choices` (any driver) and keep what was decided. Runs that kill the process are played in a child: then the
 * violation's promise is "assert". KAYA_NO_MEMORY; KAYA_LIMIT: no process. */
KAYA_MUST_CHECK enum kaya_status kaya_shorten_record(const struct kaya_shorten_options *options,
                                                     struct kaya_choices *choices, struct kaya_tape *tape,
                                                     struct kaya_violation *violation);

/* A scenario asks for so many boots and operations at least; a short story wants fewer. Let them go down to one and none, and make a tape (or
 * NULL) of the scenario as it was mean the same in it as it is then. */
KAYA_MUST_CHECK enum kaya_status kaya_shorten_relax(struct kaya_scenario *scenario, struct kaya_tape *tape);

/* Make `tape` (of a run that broke `violation`) short: its run breaks the same promise, in the same words but for numbers and what stands in
 * brackets. KAYA_INVALID: the run of this tape breaks nothing like it. KAYA_NO_MEMORY, KAYA_LIMIT. */
KAYA_MUST_CHECK enum kaya_status kaya_shorten(const struct kaya_shorten_options *options,
                                              struct kaya_tape *tape, const struct kaya_violation *violation,
                                              struct kaya_shrink_report *report);

/* Play a tape; `listener` hears every event. A run that dies ends this call, not the program: promise "assert". */
KAYA_MUST_CHECK enum kaya_status kaya_shorten_play(const struct kaya_shorten_options *options,
                                                   const struct kaya_tape *tape, kaya_trace_listener *listener,
                                                   void *user, struct kaya_run_result *result);

/* Are these the same finding? */
bool kaya_violation_is_like(const struct kaya_violation *one, const struct kaya_violation *other);

#endif
