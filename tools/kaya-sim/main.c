/* kaya-sim: the log on the simulated disk, from the shell.
 *
 * The program decides nothing about logs or disks: it finds scenarios, hands them to the runner, and says in words or JSON
 * what came of it. */
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim.h"
#include "version.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    { "list", kaya_sim_list, "the scenarios that there are, and their stories" },
    { "run", kaya_sim_run, "run scenarios over many seeds and check every promise" },
    { "replay", kaya_sim_replay, "one run again, from the line that a failing run printed, or from a tape" },
    { "shrink", kaya_sim_shrink, "a failing run made as short as it can be, and told as a story" },
    { "coverage", kaya_sim_coverage, "which fault met which verdict and which event, and what was never reached" },
    { "necessity", kaya_sim_necessity, "each call that orders something left out: which promise breaks?" },
    { "explore", kaya_sim_explore, "every crash of a small log, one after another" },
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]), ARGV0_BYTES = 32 };

static void print_help(FILE *stream)
{
    fprintf(stream, "Usage: kaya-sim COMMAND [OPTION...]\n"
                    "The write-ahead log on a simulated disk that loses power.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-11s%s\n", commands[i].name, commands[i].summary);
    fprintf(stream,
            "\nExample:\n"
            "  kaya-sim run                                    # every scenario, with a modest number of seeds\n"
            "  kaya-sim run power-loss --seeds 100000 --jobs 4 # one of them, at length\n"
            "  kaya-sim replay 'power-loss seed=0x4d2'         # one run of it, with what it found\n"
            "\nExit codes: 0 all promises held; 1 one was broken; 2 usage; 3 two runs of one seed differed;\n"
            "4 a fault that a scenario declares never struck, or what it says happens sometimes never did.\n"
            "`kaya-sim COMMAND --help` tells more about each, `kaya-sim --version` which version this is.\n");
}

int kaya_sim_complain(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("kaya-sim: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return KAYA_SIM_USAGE;
}

bool kaya_sim_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    kaya_sim_complain("standard output: %s", strerror(errno));
    return false;
}

int kaya_sim_number(const char *text, const char *option, uint64_t from, uint64_t to, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *number >= from && *number <= to)
        return 0;
    kaya_sim_complain("--%s is a whole number from %llu to %llu, not '%s'", option, (unsigned long long)from,
                      (unsigned long long)to, text);
    return EINVAL;
}

static const char *escape(FILE *file, const char *sequence)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(fileno(file)) && (no_color == NULL || no_color[0] == '\0') ? sequence : "";
}

const char *kaya_sim_red(FILE *file)
{
    return escape(file, "\033[31m");
}

const char *kaya_sim_green(FILE *file)
{
    return escape(file, "\033[32m");
}

const char *kaya_sim_plain(FILE *file)
{
    return escape(file, "\033[0m");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct command *command;
    char name[ARGV0_BYTES];

    argp_err_exit_status = KAYA_SIM_USAGE;
    (void)setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* no --help need end with a sentence on short options */
    if (argc >= 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        print_help(stdout);
        return kaya_sim_flush() ? KAYA_SIM_HELD : KAYA_SIM_USAGE;
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        puts("kaya-sim " KAYA_VERSION);
        return kaya_sim_flush() ? KAYA_SIM_HELD : KAYA_SIM_USAGE;
    }
    if (argc < 2) {
        print_help(stderr);
        return KAYA_SIM_USAGE;
    }
    command = find(argv[1]);
    if (command == NULL)
        return kaya_sim_complain("there is no command '%s'; `kaya-sim --help` lists them", argv[1]);
    snprintf(name, sizeof(name), "kaya-sim %s", command->name);
    argv[1] = name;
    return command->run(argc - 1, argv + 1);
}
