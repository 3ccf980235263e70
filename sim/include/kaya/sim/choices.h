/* The one source of decisions. Everything that a run decides comes from kaya_choose; who answers (a seed, a saved tape, a
 * fuzzer's bytes, an odometer that tries every answer) cannot be told from above. */
#ifndef KAYA_SIM_CHOICES_H
#define KAYA_SIM_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Streams are counted apart: a new decision in one does not shift the others. X(NAME, name) */
#define KAYA_STREAM_LIST(X)                                                                                  \
    X(CONFIG, config)     /* swarm: which families and kinds a run has at all, sizes, limits */              \
    X(WORKLOAD, workload) /* operations, payloads, crash points */                                           \
    X(SCHEDULE, schedule) /* which thread goes on */                                                         \
    X(FAULTS, faults)     /* errors, damage */                                                               \
    X(CRASH, crash)       /* which version of a sector, which name survives */

enum kaya_stream {
#define KAYA_STREAM_ENUM(NAME, name) KAYA_STREAM_##NAME,
    KAYA_STREAM_LIST(KAYA_STREAM_ENUM)
#undef KAYA_STREAM_ENUM
        KAYA_STREAMS
};
const char *kaya_stream_name(enum kaya_stream stream);

struct kaya_choices;

/* An answer in [0, count), count >= 1. 0 is always the tamest: no fault, smallest size, nothing lost. `label` is static
 * text, the same at each call of one place: it makes tapes readable and tells where one stops to fit. */
uint64_t kaya_choose(struct kaya_choices *choices, enum kaya_stream stream, uint64_t count, const char *label);

/* True with odds of `in` to `of` (in <= of): kaya_choose(of) >= of - in, so that 0 means false. */
bool kaya_chance(struct kaya_choices *choices, enum kaya_stream stream, uint64_t in, uint64_t of,
                 const char *label);

/* Say that a new turn begins in `stream`: a crash, a boot. Drivers that draw at random then draw a mood for it, so that some
 * turns are calm (every answer 0), some mild and some wild; for all others it is nothing. No decision, on no tape. */
void kaya_choices_begin_turn(struct kaya_choices *choices, enum kaya_stream stream);

/* A part of a run begins, ends: a boot, an operation. Parts nest, eight deep at most. Who shortens a run drops whole parts; `counted_by` is
 * the label of the question, asked before, that said how many parts like this one there are, or any other name where nobody
 * asked. No decision: only recordings keep it. */
void kaya_choices_begin_part(struct kaya_choices *choices, const char *counted_by);
void kaya_choices_end_part(struct kaya_choices *choices);

/* Whether the run should end as soon as it may: true where a fuzzer's bytes are used up, since all that could follow is tame. A tape or a
 * list of what such a run was asked ends it at the same place. Recorded as a decision of this label, which took no byte; other
 * drivers never end a run, and record nothing. */
#define KAYA_END_LABEL "end"
bool kaya_choices_ends(struct kaya_choices *choices);

/* Drivers. Each object is the caller's; kaya_choices_destroy takes NULL. NULL: no memory. */
struct kaya_choices *kaya_choices_from_seed(uint64_t seed);
struct kaya_choices *kaya_choices_from_bytes(const uint8_t *bytes, size_t length); /* borrowed; past the end: 0 */
struct kaya_choices *kaya_choices_odometer(void);                                  /* first pass: all 0 */
void kaya_choices_destroy(struct kaya_choices *choices);

/* What was recorded, in the order in which it was asked, whatever the stream. `count` is 2 or more; or it is one of the two below, and
 * `label` what the part is counted by. */
enum { KAYA_PART_BEGINS = 0, KAYA_PART_ENDS = 1 };
struct kaya_decision {
    enum kaya_stream stream;
    const char *label;
    uint64_t count;
    uint64_t answer;
};
const struct kaya_decision *kaya_choices_recorded(const struct kaya_choices *choices,
                                                  size_t *count); /* until asked next */

/* A driver that bends such a list to whatever is asked: in the part that stands at the same place, the next decision of the same
 * stream and label, and no more than the count allows; 0 where there is none. So a list of which some was cut out, or changed, still
 * steers a run. Borrowed, labels too. `redirect`: another list, keeping memory; what was recorded is dropped. */
struct kaya_choices *kaya_choices_from_decisions(const struct kaya_decision *decisions, size_t count);
void kaya_choices_redirect(struct kaya_choices *choices, const struct kaya_decision *decisions, size_t count);

/* Start over with another seed, keeping memory (runs in a loop). Seed drivers only. */
void kaya_choices_reseed(struct kaya_choices *choices, uint64_t seed);

/* Odometer: go to the next combination of answers; false when all were tried. After it, ask from the start again. */
bool kaya_choices_advance(struct kaya_choices *choices);

/* Odometer: start over: as new (all 0); with these answers first, each cut to what is asked there, and 0 behind them; or with answers
 * that are drawn from a seed, in a mood of its own. */
void kaya_choices_restart(struct kaya_choices *choices);
void kaya_choices_restart_with(struct kaya_choices *choices, const uint64_t *answers, size_t count);
void kaya_choices_restart_dice(struct kaya_choices *choices, uint64_t seed);

/* Odometer: what is asked from here on in this pass decides nothing: every answer is 0, and no pass will give another one. */
void kaya_choices_stop(struct kaya_choices *choices);

/* Odometer: as if this pass had been stopped before answer number `given`. */
void kaya_choices_forget(struct kaya_choices *choices, size_t given);

/* Odometer: true if the next question was asked in no pass with the same answers before it, and will be asked in others. */
bool kaya_choices_is_new(const struct kaya_choices *choices);

/* Odometer: how many answers this pass has given so far; the answer number `index` (below given), of how many it was one, and the label and stream
 * of its question; and how many leading answers kaya_choices_advance left as they were in the pass before (0 in a first pass). */
size_t kaya_choices_given(const struct kaya_choices *choices);
uint64_t kaya_choices_answer_at(const struct kaya_choices *choices, size_t index);
uint64_t kaya_choices_count_at(const struct kaya_choices *choices, size_t index);
const char *kaya_choices_label_at(const struct kaya_choices *choices, size_t index);
enum kaya_stream kaya_choices_stream_at(const struct kaya_choices *choices, size_t index);
size_t kaya_choices_kept(const struct kaya_choices *choices);

/* Odometer: each question notes what `clock` shows (borrowed) when it is first asked. */
void kaya_choices_watch(struct kaya_choices *choices, const uint64_t *clock);

/* Odometer, behind kaya_choices_advance: when was the question first asked whose answer is another one now, and how many answers has it left,
 * this one included? */
uint64_t kaya_choices_changed(const struct kaya_choices *choices, uint64_t *left);

/* Odometer: this pass begins behind its first `given` answers, which must be kept ones: whoever asks stands there already. */
void kaya_choices_go_on(struct kaya_choices *choices, size_t given);

/* Keep every answer from now on, as a tape. */
void kaya_choices_record(struct kaya_choices *choices, bool on);

/* A tape is text, one decision a line: "STREAM LABEL COUNT ANSWER", behind a line "kaya tape 1" and any number of
 * "# key value" lines, which are the caller's. Further lines with a # in front say where parts begin and end. Write what was recorded (the first line included; the caller's may follow); read one back
 * as a driver.
 * Reading: KAYA_INVALID with *line and *expected set (static text) where the file is no tape. */
KAYA_MUST_CHECK enum kaya_status kaya_choices_save(const struct kaya_choices *choices, FILE *file);
KAYA_MUST_CHECK enum kaya_status kaya_decisions_save(const struct kaya_decision *decisions, size_t count,
                                                     FILE *file);
KAYA_MUST_CHECK enum kaya_status kaya_choices_load(FILE *file, struct kaya_choices **choices, size_t *line,
                                                   const char **expected);

/* Tape: the first decision that no longer fits (another label or count was asked, or the tape had ended), as text in
 * static storage of `choices`; NULL while all fit. From there on every answer is 0. */
const char *kaya_choices_misfit(const struct kaya_choices *choices);

/* How many answers were given, over all streams. */
uint64_t kaya_choices_count(const struct kaya_choices *choices);

#ifdef __cplusplus
}
#endif

#endif
