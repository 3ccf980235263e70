/* Where ../canary.c begins: far from its bug. */
#include <stdio.h>

#include "support/target.h"

int main(int argc, char **argv)
{
    static const uint8_t guess[] = "?";

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    fuzz_write_seed(argv[1], "guess", guess, 1);
    return 0;
}
