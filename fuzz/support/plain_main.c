/* An engine without coverage, for any compiler: every input that is named, or stands in a folder that is named, and behind each
 * so many mutations of it.
 *
 *   PROGRAM [-mutations=N] FILE|FOLDER...
 *
 * The mutations are the same on every machine. An input that ends the program is named on stderr; a mutated one is written to
 * "crash-plain" in the working directory before it is tried, and removed when all went well. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "havoc.h"
#include "mutate.h"
#include "target.h"

#pragma weak LLVMFuzzerInitialize

enum { INPUT_BYTES_MAX = 1 << 20, PATH_BYTES = 4096 };

static const char CRASH_NAME[] = "crash-plain";
static uint8_t input[INPUT_BYTES_MAX];
static uint8_t mutated[INPUT_BYTES_MAX];
static uint64_t execution_count;

/* On a copy of its own, behind whose end a sanitizer sees. */
static void execute(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size);

    fuzz_must(copy != NULL || size == 0, "there is memory for an input");
    if (size > 0)
        memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    execution_count++;
}

static void mutate_and_try(size_t size)
{
    size_t size_max = size + 64 < sizeof mutated ? size + 64 : sizeof mutated;

    memcpy(mutated, input, size);
    size = fuzz_mutate(mutated, size, size_max, fuzz_havoc_draw(1U << 31));
    fuzz_write_seed(".", CRASH_NAME, mutated, size);
    execute(mutated, size);
}

static void try_file(const char *path, unsigned long mutations)
{
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(input, 1, sizeof input, file) : 0;

    if (file == NULL || ferror(file) != 0) {
        perror(path);
        exit(2);
    }
    (void)fclose(file);
    (void)fprintf(stderr, "%s: %zu bytes\n", path, size);
    execute(input, size);
    while (mutations-- > 0)
        mutate_and_try(size);
}

static void try_path(const char *path, unsigned long mutations)
{
    struct dirent **names;
    struct stat facts;
    int count;

    if (stat(path, &facts) != 0 || !S_ISDIR(facts.st_mode)) {
        try_file(path, mutations);
        return;
    }
    count = scandir(path, &names, NULL, alphasort);
    if (count < 0) {
        perror(path);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char inside[PATH_BYTES];

        (void)snprintf(inside, sizeof inside, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            try_file(inside, mutations);
        free(names[i]);
    }
    free(names);
}

int main(int argc, char **argv)
{
    unsigned long mutations = 0;

    if (LLVMFuzzerInitialize != NULL)
        (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-mutations=", 11) == 0)
            mutations = strtoul(argv[i] + 11, NULL, 10);
        else
            try_path(argv[i], mutations);
    }
    if (execution_count == 0) {
        (void)fprintf(stderr, "usage: %s [-mutations=N] FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    (void)remove(CRASH_NAME);
    printf("%llu inputs, and all held\n", (unsigned long long)execution_count);
    return 0;
}
