/* Any command line for kaya-wal and kaya-sim: each command reads its options, takes them or refuses them, and comes back.
 *
 *   input:   1 letter: w, s: the arguments of kaya-wal, of kaya-sim, a line each
 *                      v: a text for the readers of sizes, numbers and anchors
 *
 * The programs are linked in as they are, their mains under other names. The linker hands each call of argp_parse to this file (--wrap): it
 * reads the options with the command's own parser, without leaving the process, and then tells the command that they were wrong. So no
 * command goes on to do what it was told, and every one must come back with the code for wrong usage.
 *
 * Readers of values are asked against a plain reading of the same digits. */
#define _GNU_SOURCE /* program_invocation_name */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kaya-sim/sim.h"
#include "kaya-wal/tool.h"
#include "support/mutate.h"
#include "support/target.h"
#include "support/text.h"

enum { ARGUMENTS_MAX = 40, UNIT_STEP_BITS = 10, TEXT_BYTES_MAX = 1 << 13 };

int kaya_wal_main(int argc, char **argv);
int kaya_sim_main(int argc, char **argv);
error_t __real_argp_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int *index,
                          void *input);
error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int *index,
                          void *input);

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    nowhere = fopen("/dev/null", "w");
    fuzz_must(nowhere != NULL, "there is a place for what the programs say");
    return 0;
}

error_t __wrap_argp_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int *index, void *input)
{
    (void)__real_argp_parse(argp, argc, argv, flags | ARGP_SILENT, index, input);
    return EINVAL;
}

/* --- Command lines --- */

static int count_arguments(char *text, char **argv)
{
    int argc = 1;

    for (char *line = text; line != NULL && argc < ARGUMENTS_MAX;) {
        char *end = strchr(line, '\n');

        argv[argc++] = line;
        if (end != NULL)
            *end = '\0';
        line = end == NULL ? NULL : end + 1;
    }
    argv[argc] = NULL;
    return argc;
}

/* What the programs say goes nowhere; what this target says does not. */
static void run(int (*program)(int, char **), const char *name, int usage, char *text)
{
    static char program_name[16];
    char *argv[ARGUMENTS_MAX + 1];
    FILE *out = stdout;
    FILE *error = stderr;
    int argc;
    int code;

    (void)snprintf(program_name, sizeof program_name, "%s", name);
    argv[0] = program_name;
    argc = count_arguments(text, argv);
    stdout = nowhere;
    stderr = nowhere;
    code = program(argc, argv);
    stdout = out;
    stderr = error;
    program_invocation_name = program_name; /* argp keeps a command's own, which has gone out of scope */
    program_invocation_short_name = program_name;
    if (code != usage && code != 0)
        fuzz_fail("%s ended with exit code %d", name, code);
}

/* --- Values --- */

static bool read_plainly(const char *text, size_t length, uint64_t *value)
{
    unsigned __int128 sum = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (unsigned)(text[i] - '0');
        if (sum > UINT64_MAX)
            return false;
    }
    *value = (uint64_t)sum;
    return length > 0;
}

static void try_number(const char *text)
{
    uint64_t value = 0;
    uint64_t plain = 0;
    bool taken = kaya_parse_number(text, &value);

    fuzz_must(taken == read_plainly(text, strlen(text), &plain),
              "a number is taken exactly if it is digits that fit");
    fuzz_must(!taken || value == plain, "a number is what its digits say");
}

static void try_size(const char *text)
{
    static const char units[] = "KMGkmg";
    size_t length = strlen(text);
    const char *unit = length > 0 ? strchr(units, text[length - 1]) : NULL;
    unsigned shift = unit == NULL || *unit == '\0' ? 0 : UNIT_STEP_BITS * (1 + (unsigned)(unit - units) % 3);
    uint64_t value = 0;
    uint64_t plain = 0;
    bool good = read_plainly(text, length - (shift > 0), &plain) && plain <= UINT64_MAX >> shift;

    if (!kaya_parse_size(text, &value))
        fuzz_must(!good || length >= 32, "a size that fits is taken");
    else
        fuzz_must(good && value == plain << shift, "a size is what its digits and its unit say");
}

static void try_anchor(const char *text)
{
    struct kaya_wal_anchor anchor;
    char hex[2 * sizeof anchor.log_id.bytes + 1];
    uint64_t lsn = 0;

    if (!kaya_parse_anchor(text, &anchor))
        return;
    kaya_hex(anchor.log_id.bytes, sizeof anchor.log_id.bytes, hex);
    fuzz_must(strncasecmp(text, hex, sizeof hex - 1) == 0 && text[sizeof hex - 1] == ':',
              "an anchor's id is what stands there");
    fuzz_must(read_plainly(text + sizeof hex, strlen(text + sizeof hex), &lsn) && anchor.lsn == lsn,
              "an anchor's LSN is what stands there");
}

static void try_values(const char *text)
{
    enum { FROM = 1, TO = 1000 };
    FILE *error = stderr;
    uint64_t number = 0;
    bool taken;

    try_number(text);
    try_size(text);
    try_anchor(text);
    stderr = nowhere;
    taken = kaya_sim_number(text, "seeds", FROM, TO, &number) == 0;
    stderr = error;
    fuzz_must(!taken || (number >= FROM && number <= TO), "a number that is taken is in its range");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size < FUZZ_LETTER_BYTES || size > TEXT_BYTES_MAX)
        return 0;
    text = fuzz_text_copy(data, size);
    if (data[0] == 'w')
        run(kaya_wal_main, "kaya-wal", KAYA_EXIT_OTHER, text);
    else if (data[0] == 's')
        run(kaya_sim_main, "kaya-sim", KAYA_SIM_USAGE, text);
    else if (data[0] == 'v')
        try_values(text);
    free(text);
    return 0;
}

const struct fuzz_target fuzz_target = { .pieces = fuzz_text_pieces };
