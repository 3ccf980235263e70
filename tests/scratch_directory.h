/* A fresh directory for a test, under TMPDIR or /tmp. */
#ifndef KAYA_TESTS_SCRATCH_DIRECTORY_H
#define KAYA_TESTS_SCRATCH_DIRECTORY_H

#include <stdbool.h>

enum { SCRATCH_PATH_BYTES = 512 };

/* Make one and put its path into `path` (of SCRATCH_PATH_BYTES). False: it could not be made, `path` is empty. */
bool kaya_tests_scratch_make(char *path);

/* Remove it and all that is in it. Nothing is done for an empty `path`; it is empty afterwards. */
void kaya_tests_scratch_remove(char *path);

#endif
