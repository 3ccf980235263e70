/* How fast are simulated power losses, next to the least that they could cost?
 *
 * In turns a child plays the scenario on one thread and another the naive disk (naive_disk.c); of each the processor time counts, as the
 * system says it when the child has ended. Both of a pair meet the same machine, the same neighbours and the same clock rate, so the ratio of
 * a pair is what repeats; absolute figures drift by half and more. What is reported is the median of the pairs, and how far they lie apart. Each
 * plays so many cycles that what the start of a program costs, about 3 ms with its scenarios to be read, is lost among them. */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "naive_disk.h"

enum { NAIVE_CYCLES = 150000, PAIRS_MAX = 1000 };

struct options {
    const char *program; /* kaya-sim */
    const char *scenario;
    const char *seeds;
    long pairs;
    double at_least;
    bool json;
};

struct pair {
    double simulated, naive; /* cycles in a second of processor time */
    double ratio;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* Wait for a child that did what it was asked for; the processor time that it took. */
static double seconds_of(pid_t child)
{
    struct rusage usage;
    int status;

    if (wait4(child, &status, 0, &usage) != child)
        fail("wait4");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "bench-power-loss: a measured program failed\n");
        exit(2);
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double measure_naive(void)
{
    pid_t child = fork();

    if (child < 0)
        fail("fork");
    if (child == 0)
        _exit(naive_cycles(NAIVE_CYCLES) == 0);
    return NAIVE_CYCLES / seconds_of(child);
}

static void become_simulator(const struct options *options, const int ends[2])
{
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    execlp(options->program, options->program, "run", options->scenario, "--seeds", options->seeds, "--jobs",
           "1", "--json", (char *)NULL);
    fail(options->program);
}

static double measure_simulated(const struct options *options)
{
    int ends[2];
    pid_t child;
    FILE *output;
    json_t *report;
    json_int_t crashes;

    if (pipe(ends) != 0)
        fail("pipe");
    child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        become_simulator(options, ends);
    close(ends[1]);
    output = fdopen(ends[0], "r");
    if (output == NULL)
        fail("fdopen");
    report = json_loadf(output, JSON_DISABLE_EOF_CHECK, NULL);
    crashes = json_integer_value(json_object_get(report, "crashes"));
    json_decref(report);
    fclose(output);
    return (double)crashes / seconds_of(child);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

struct spread {
    double low, median, high;
};

static struct spread spread_of(const struct pair *pairs, size_t count, size_t member)
{
    static double values[PAIRS_MAX];

    for (size_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&pairs[i] + member, sizeof values[i]);
    qsort(values, count, sizeof *values, compare);
    return (struct spread){ values[0],
                            count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2,
                            values[count - 1] };
}

static void print_text(const struct options *options, const struct pair *pairs, size_t count)
{
    struct spread ratio = spread_of(pairs, count, offsetof(struct pair, ratio));
    struct spread simulated = spread_of(pairs, count, offsetof(struct pair, simulated));
    struct spread naive = spread_of(pairs, count, offsetof(struct pair, naive));

    printf("%s, cycles in a second of one processor, %zu pairs\n", options->scenario, count);
    printf("               median   lowest  highest\n");
    printf("  simulated  %8.0f %8.0f %8.0f\n", simulated.median, simulated.low, simulated.high);
    printf("  naive disk %8.0f %8.0f %8.0f\n", naive.median, naive.low, naive.high);
    printf("  ratio      %8.4f %8.4f %8.4f\n", ratio.median, ratio.low, ratio.high);
}

static json_t *spread_json(struct spread spread)
{
    return json_pack("{s:f, s:f, s:f}", "median", spread.median, "lowest", spread.low, "highest", spread.high);
}

static void print_json(const struct options *options, const struct pair *pairs, size_t count)
{
    json_t *object = json_pack("{s:s, s:I, s:o, s:o, s:o}", "scenario", options->scenario, "pairs",
                               (json_int_t)count, "simulated_cycles_per_cpu_second",
                               spread_json(spread_of(pairs, count, offsetof(struct pair, simulated))),
                               "naive_cycles_per_cpu_second",
                               spread_json(spread_of(pairs, count, offsetof(struct pair, naive))), "ratio",
                               spread_json(spread_of(pairs, count, offsetof(struct pair, ratio))));

    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(object);
}

static void progress(long done, long of)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, done < of ? "\r  pair %ld of %ld " : "\r                        \r", done + 1, of);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;
    char *end = NULL;

    switch (key) {
    case 'n':
        options->pairs = strtol(argument, &end, 10);
        if (*end != '\0' || options->pairs < 1 || options->pairs > PAIRS_MAX)
            argp_error(state, "--pairs is a number from 1 to %d, not '%s'", PAIRS_MAX, argument);
        return 0;
    case 's':
        options->seeds = argument;
        return 0;
    case 'l':
        options->at_least = strtod(argument, &end);
        if (*end != '\0' || options->at_least <= 0)
            argp_error(state, "--at-least is a ratio, as 0.1, not '%s'", argument);
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case ARGP_KEY_ARG:
        options->program = argument;
        return state->arg_num > 0 ? ARGP_ERR_UNKNOWN : 0;
    case ARGP_KEY_NO_ARGS:
        argp_usage(state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option arguments[] = {
    { "pairs", 'n', "N", 0, "Measure so many pairs (default: 15)", 0 },
    { "seeds", 's', "N", 0, "Play so many seeds for each, 100 cycles a seed (default: 200)", 0 },
    { "at-least", 'l', "RATIO", 0, "Exit with 1 where the median is lower", 0 },
    { "json", 'j', NULL, 0, "Print one JSON object", 0 },
    { 0 },
};

static const struct argp grammar = {
    arguments,
    parse,
    "KAYA-SIM",
    "Measure how many simulated power losses KAYA-SIM plays in a second of one processor, next to a disk in memory that does nothing else."
    "\vA cycle: a log takes 25 records of 100 bytes, every fourth of them strict, the power fails, the log is recovered and every record is "
    "compared. Processor time counts, so that other work on the machine matters little, and the ratio of pairs that were measured right behind "
    "each other: only that repeats from one machine to the next.",
    NULL,
    NULL,
    NULL
};

int main(int argc, char **argv)
{
    static struct pair pairs[PAIRS_MAX];
    struct options options = { .scenario = "power-loss", .seeds = "200", .pairs = 15 };

    argp_parse(&grammar, argc, argv, 0, NULL, &options);
    for (long i = 0; i < options.pairs; i++) {
        progress(i, options.pairs);
        pairs[i].naive = measure_naive();
        pairs[i].simulated = measure_simulated(&options);
        pairs[i].ratio = pairs[i].simulated / pairs[i].naive;
    }
    progress(options.pairs, options.pairs);
    if (options.json)
        print_json(&options, pairs, (size_t)options.pairs);
    else
        print_text(&options, pairs, (size_t)options.pairs);
    return spread_of(pairs, (size_t)options.pairs, offsetof(struct pair, ratio)).median < options.at_least;
}
