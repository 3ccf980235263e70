/* kaya-wal: a log in a directory, from the shell.
 *
 * The program decides nothing about logs: every command is a thin face of one public call (append: the writer; cat: the
 * reader; inspect, verify: looking without touching; salvage: what a damaged log still holds; trim: letting go of old records; bench: all of it, for a while), turned into text, JSON and an
 * exit code. What a crash can do here is what it can do to any user of the log: nothing that was printed as an LSN is
 * lost. cat, inspect, verify and salvage write nothing to the log and run beside a live writer (P10). */
#include <argp.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"
#include "version.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    { "append", kaya_command_append, "append standard input, one record a line; print each LSN" },
    { "cat", kaya_command_cat, "print the payloads, one a line" },
    { "inspect", kaya_command_inspect, "show every segment, header and frame where it stands" },
    { "verify", kaya_command_verify, "would recovery find every durable record? and why" },
    { "salvage", kaya_command_salvage, "get every undamaged record out of a log that recovery refuses" },
    { "trim", kaya_command_trim, "let go of the records below an LSN" },
    { "bench", kaya_command_bench, "what this device can do, and what the log makes of it" },
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]), ARGV0_BYTES = 32 };

static void print_help(FILE *stream)
{
    fprintf(stream, "Usage: kaya-wal COMMAND [OPTION...]\n"
                    "A crash-safe write-ahead log in a directory.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-9s%s\n", commands[i].name, commands[i].summary);
    fprintf(stream,
            "\nExample:\n"
            "  printf 'one\\ntwo\\n' | kaya-wal append notes    # prints 1 and 2 once they are durable\n"
            "  kaya-wal cat notes                             # prints one and two\n"
            "  kaya-wal verify notes                          # exit 0: nothing is missing\n"
            "\nExit codes: 0 done; 1 append stopped early, verify found an end that recovery would cut or mend,\n"
            "or salvage left gaps; 2 damaged; 3 anything else: usage, no log, locked, unsupported.\n"
            "`kaya-wal COMMAND --help` tells more about each, `kaya-wal --version` which version this is.\n");
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* A stream that the caller closed would give its number to the next file that is opened: a segment, and what is printed
 * would go into it. So the numbers are taken, by something that fails as a closed stream does. */
static bool take_standard_streams(void)
{
    for (int descriptor = 0; descriptor <= STDERR_FILENO; descriptor++) {
        int flags = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", flags) != descriptor)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!take_standard_streams())
        return KAYA_EXIT_OTHER;
    argp_err_exit_status = KAYA_EXIT_OTHER;
    if (argc >= 2 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        print_help(stdout);
        return kaya_output_flush() == KAYA_OUTPUT_FAILED ? KAYA_EXIT_OTHER : KAYA_EXIT_DONE;
    }
    if (argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        puts("kaya-wal " KAYA_VERSION);
        return kaya_output_flush() == KAYA_OUTPUT_FAILED ? KAYA_EXIT_OTHER : KAYA_EXIT_DONE;
    }
    if (argc < 2) {
        print_help(stderr);
        return KAYA_EXIT_OTHER;
    }
    const struct command *command = find(argv[1]);
    if (!command) {
        char escaped[KAYA_ESCAPED_BYTES];
        kaya_complain("there is no command '%s'; `kaya-wal --help` lists them",
                      kaya_escape(argv[1], escaped, sizeof(escaped)));
        return KAYA_EXIT_OTHER;
    }
    char name[ARGV0_BYTES];
    snprintf(name, sizeof(name), "kaya-wal %s", command->name);
    argv[1] = name;
    return command->run(argc - 1, argv + 1);
}
