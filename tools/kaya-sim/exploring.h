/* What is explored, as the command line and a replay line name it. */
#ifndef KAYA_TOOLS_EXPLORING_H
#define KAYA_TOOLS_EXPLORING_H

#include "kaya/scenarios/exploration.h"
#include "kaya/scenarios/explorer.h"
#include "sim.h"

enum { KAYA_SIM_LINE_MAX = 1024 };

/* All numbers: 0 is the default. */
struct kaya_sim_exploring {
    char name[128];      /* of a small log or a scenario, or a scenario's file */
    uint64_t seed;       /* these three are a scenario's: what it draws, ... */
    uint64_t operations; /* ... how many operations, ... */
    uint64_t script; /* ... and 1 above the number among all sequences of them; 0: those that the seed draws */
    uint64_t kept;   /* a set of the operations, a bit each; 0: all */
    uint64_t steps;  /* behind each recovery */
    uint64_t errors;      /* at most so many on one way */
    uint64_t torn;        /* sectors torn by one crash, at most */
    uint64_t preemptions; /* of threads, at most */
};

/* Find it and set the options that hang on it. False: complained. */
bool kaya_sim_exploring_open(const struct kaya_sim_exploring *exploring, struct kaya_exploration *exploration,
                             struct kaya_explore_options *options);

/* "explore power-loss seed=7 operations=4: call 12 power_loss 0=1". */
void kaya_sim_exploring_format(const struct kaya_sim_exploring *exploring, const char *path,
                               char line[KAYA_SIM_LINE_MAX]);
/* False: it is no such line. *path is a part of it. */
bool kaya_sim_exploring_parse(const char *line, struct kaya_sim_exploring *exploring, const char **path);

/* What kaya-sim replay does with such a line; an exit code. */
int kaya_sim_exploring_replay(const char *line, bool prints_events, bool json);

/* What kaya-sim shrink does with such a line; an exit code. */
int kaya_sim_exploring_shrink(const char *line, uint64_t seconds, bool json);

#endif
