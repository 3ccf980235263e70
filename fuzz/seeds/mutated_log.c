/* Logs of all calls in all geometries, each with one change of one kind, as inputs of ../mutated_log.c. */
#include <stdio.h>
#include <string.h>

#include "support/target.h"

enum { GEOMETRIES = 3, CHANGE_KINDS = 5, CALLS = 18, HEAD_BYTES = 4, CALL_BYTES = 3, CHANGE_BYTES = 6 };

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (unsigned i = 0; i < GEOMETRIES * CHANGE_KINDS; i++) {
        uint8_t input[HEAD_BYTES + CALLS * CALL_BYTES + CHANGE_BYTES];
        uint8_t change[CHANGE_BYTES] = { (uint8_t)(i / GEOMETRIES), (uint8_t)i, (uint8_t)(i % 4),
                                         (uint8_t)(70 * i),         0,          (uint8_t)i };
        char name[32];

        input[0] = (uint8_t)(i % GEOMETRIES);
        input[1] = 0;
        input[2] = (uint8_t)(i % 2);
        input[3] = CALLS - 1;
        for (unsigned j = 0; j < CALLS; j++) {
            uint8_t *call = input + HEAD_BYTES + j * CALL_BYTES;

            call[0] = (uint8_t)(j * 5 % 12);
            call[1] = (uint8_t)(j % 3);
            call[2] = (uint8_t)(37 * j);
        }
        memcpy(input + HEAD_BYTES + CALLS * CALL_BYTES, change, sizeof change);
        (void)snprintf(name, sizeof name, "log-%u", i);
        fuzz_write_seed(argv[1], name, input, sizeof input);
    }
    return 0;
}
