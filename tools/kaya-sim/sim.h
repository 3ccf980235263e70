/* Shared by the commands of kaya-sim. */
#ifndef KAYA_TOOLS_SIM_H
#define KAYA_TOOLS_SIM_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "kaya/scenarios/runner.h"
#include "kaya/scenarios/scenario.h"
#include "kaya/scenarios/shorten.h"

enum kaya_sim_exit {
    KAYA_SIM_HELD = 0,
    KAYA_SIM_BROKEN = 1, /* a promise was broken */
    KAYA_SIM_USAGE = 2,  /* the command line or a file is wrong, or the machine gave no memory or process */
    KAYA_SIM_NOT_DETERMINISTIC = 3, /* two runs of one seed differ */
    KAYA_SIM_NOT_STRUCK = 4, /* a declared fault did not strike, or a declared mark was not hit, in time */
};

int kaya_sim_list(int argc, char **argv);
int kaya_sim_run(int argc, char **argv);
int kaya_sim_coverage(int argc, char **argv);
int kaya_sim_replay(int argc, char **argv);
int kaya_sim_shrink(int argc, char **argv);
int kaya_sim_necessity(int argc, char **argv);
int kaya_sim_explore(int argc, char **argv);

/* To standard error, behind "kaya-sim: ". Returns KAYA_SIM_USAGE. */
int kaya_sim_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* False: standard output did not take everything; it was complained about. */
bool kaya_sim_flush(void);

/* A whole number of an option, decimal or 0x...; 0, or EINVAL (complained) if it is none or outside: what a parser of argp answers. */
int kaya_sim_number(const char *text, const char *option, uint64_t from, uint64_t to, uint64_t *number);

/* The scenarios that come with the program, in the order of their names; NULL (complained) if one does not parse. */
const struct kaya_scenario *kaya_sim_scenarios(size_t *count);

/* By name, or from a file if `name` has a '/' or ends in ".yaml". False: complained. What *scenario points to stays until
 * the program ends. */
bool kaya_sim_find(const char *name, struct kaya_scenario *scenario);
bool kaya_sim_is_file_name(const char *name); /* as a scenario's is */

/* --- One run: from a line that a failing run printed, a tape, or an input of the fuzzer's target `run`. --- */

struct kaya_sim_source {
    struct kaya_replay_line line;
    struct kaya_scenario scenario;
    struct kaya_choices *choices; /* NULL: answers come from the line's seed */
    bool is_short;                /* a tape that was shrunk: the scenario may be shorter than it says */
    unsigned char *bytes;         /* of an input */
};
bool kaya_sim_source_open(const char *text, struct kaya_sim_source *source); /* false: complained; nothing to close */
void kaya_sim_source_close(struct kaya_sim_source *source);

/* What the commands that take a LINE or FILE have in common: its words, put together again, and --json. */
enum { KAYA_SIM_TEXT_MAX = 4096 };
struct kaya_sim_source_arguments {
    char text[KAYA_SIM_TEXT_MAX];
    bool json;
};
/* For a command's argp parser: handles those; ARGP_ERR_UNKNOWN for all other keys. */
error_t kaya_sim_source_parse(int key, const char *argument, struct argp_state *state,
                              struct kaya_sim_source_arguments *arguments);

/* 1234567 as "1,234,567", in `text`, which is returned. */
enum { KAYA_SIM_GROUPED_BYTES = 32 };
const char *kaya_sim_grouped(uint64_t number, char text[KAYA_SIM_GROUPED_BYTES]);

/* Can a tape be written to that file? It can where nothing is, or an older tape, or what is no file (a pipe); anything else is somebody's. To be asked
 * before the work is done whose result goes there: nothing is changed. False: complained, with the option that named it. */
bool kaya_sim_can_save(const char *name, const char *option);

/* Write a tape of `line`'s run; is_short: of the scenario as kaya_shorten_relax leaves it. */
bool kaya_sim_write_tape(const struct kaya_replay_line *line, const struct kaya_tape *tape, bool is_short,
                         FILE *file);
/* Set the digest, events and marks of the source's line to those of the tape's run. False: no memory. */
bool kaya_sim_measure_tape(struct kaya_sim_source *source, const struct kaya_tape *tape);

struct kaya_sim_outcome {
    const struct kaya_scenario *scenario;
    const char *name;
    const struct kaya_runner_report *report;
};

/* --- Campaigns: scenarios over many seeds. --- */

enum { KAYA_SIM_NAMES_MAX = 256 };
struct kaya_sim_campaign {
    const char *names[KAYA_SIM_NAMES_MAX];
    size_t name_count;   /* 0: all that come with the program */
    uint64_t seed_count; /* 0: the scenario's */
    uint64_t first_seed;
    uint64_t jobs;
    uint64_t seconds; /* 0: no limit */
    uint64_t without; /* families that do not strike, whatever the scenario says: bit 1 << family; and these: */
    bool without_tampering, without_recovery_crashes;
    bool json;
    bool has_heading; /* of a table, once all scenarios are found */
};

/* Read the command line. False: it is wrong, and was complained about. `doc` is the command's own. */
bool kaya_sim_campaign_parse(struct kaya_sim_campaign *campaign, const char *doc, int argc, char **argv);

/* Called with each scenario's outcome; everything in it is valid during the call only. */
typedef void kaya_sim_visit(void *user, const struct kaya_sim_outcome *outcome);

/* Returns the worst exit code of all. Shows a bar where standard error is a terminal. */
int kaya_sim_campaign_run(const struct kaya_sim_campaign *campaign, kaya_sim_visit *visit, void *user);

/* --- Reports --- */

int kaya_sim_exit_of(const struct kaya_sim_outcome *outcome);
void kaya_sim_print_heading(FILE *file);
void kaya_sim_print_row(const struct kaya_sim_outcome *outcome, FILE *file);   /* the table's line for it */
void kaya_sim_print_notes(const struct kaya_sim_outcome *outcome, FILE *file); /* what went wrong, at length */
void kaya_sim_print_json(const struct kaya_sim_outcome *outcome, FILE *file);

/* What shrinking makes of a run that breaks no promise: a line, or an object whose `promise` is "". */
void kaya_sim_print_unbroken(bool json);

/* Escape sequences, or "" where the file is no terminal or NO_COLOR is set. */
const char *kaya_sim_red(FILE *file);
const char *kaya_sim_green(FILE *file);
const char *kaya_sim_plain(FILE *file);

#endif
