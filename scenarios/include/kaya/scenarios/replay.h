/* One line that replays a run, and what became of it when it was replayed. */
#ifndef KAYA_SCENARIOS_REPLAY_H
#define KAYA_SCENARIOS_REPLAY_H

#include <stdio.h>

#include "kaya/scenarios/run.h"

/* `marks` are the lowest 8 bits of the run's digest at KAYA_REPLAY_MARKS places, spread evenly over its events: with
 * them a replay that goes another way can tell where it left. */
enum { KAYA_REPLAY_MARKS = 64, KAYA_REPLAY_NAME_MAX = 512, KAYA_REPLAY_LINE_MAX = 1024 };

struct kaya_replay_line {
    char scenario[KAYA_REPLAY_NAME_MAX]; /* name or path */
    uint64_t seed;
    bool has_digest; /* the rest is known */
    uint64_t digest;
    uint64_t events;
    uint8_t marks[KAYA_REPLAY_MARKS];
};

/* "power-loss seed=0x00000000000004d2 digest=0x... events=1234 marks=..." */
void kaya_replay_format(const struct kaya_replay_line *line, char text[KAYA_REPLAY_LINE_MAX]);
/* False: `text` is no such line; *expected (static) says what was expected. Only the seed must be there. */
bool kaya_replay_parse(const char *text, struct kaya_replay_line *line, const char **expected);

/* The event after which mark `i` of a run of `events` events was taken. */
uint64_t kaya_replay_mark_at(uint64_t events, unsigned i);

/* Play `line`'s run and fill in its digest, events and marks. The stage keeps its last events. */
KAYA_MUST_CHECK enum kaya_status kaya_replay_measure(struct kaya_stage *stage,
                                                     const struct kaya_scenario *scenario,
                                                     struct kaya_replay_line *line,
                                                     struct kaya_run_result *result);

/* The same with answers from elsewhere. */
KAYA_MUST_CHECK enum kaya_status kaya_replay_measure_choices(struct kaya_stage *stage,
                                                             const struct kaya_scenario *scenario,
                                                             struct kaya_choices *choices,
                                                             struct kaya_replay_line *line,
                                                             struct kaya_run_result *result);

enum kaya_replay_verdict {
    KAYA_REPLAY_SAME,              /* event for event */
    KAYA_REPLAY_DIFFERS,           /* another way than the line says, but the same each time */
    KAYA_REPLAY_NOT_DETERMINISTIC, /* two replays differ */
};

struct kaya_replay_result {
    enum kaya_replay_verdict verdict;
    struct kaya_run_result run;
    /* DIFFERS: the first event that differs lies within first..last (first = last: it is known).
     * NOT_DETERMINISTIC: it is `first`. */
    uint64_t first_event, last_event;
};

/* Replay, twice, and compare. `print` (may be NULL) hears every event of the first. */
KAYA_MUST_CHECK enum kaya_status kaya_replay(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                             const struct kaya_replay_line *line, kaya_trace_listener *print,
                                             void *user, struct kaya_replay_result *result);

/* Play again and print events first..last. */
KAYA_MUST_CHECK enum kaya_status kaya_replay_print(struct kaya_stage *stage, const struct kaya_scenario *scenario,
                                                   uint64_t seed, uint64_t first, uint64_t last, FILE *file);

#endif
