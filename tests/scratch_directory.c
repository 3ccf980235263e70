#define _GNU_SOURCE 1
#include "scratch_directory.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static int remove_entry(const char *path, const struct stat *information, int kind, struct FTW *walk)
{
    (void)information;
    (void)kind;
    (void)walk;
    return remove(path);
}

bool kaya_tests_scratch_make(char *path)
{
    const char *directory = getenv("TMPDIR");

    (void)snprintf(path, SCRATCH_PATH_BYTES, "%s/kaya-XXXXXX", directory != NULL ? directory : "/tmp");
    if (mkdtemp(path) != NULL)
        return true;
    path[0] = '\0';
    return false;
}

void kaya_tests_scratch_remove(char *path)
{
    if (path[0] != '\0')
        (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    path[0] = '\0';
}
