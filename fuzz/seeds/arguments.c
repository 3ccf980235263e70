/* Command lines that people write, and values, as inputs of ../arguments.c. */
#include <stdio.h>
#include <string.h>

#include "support/target.h"

static const char *const lines[] = {
    "wappend\njournal\n--relaxed\n--segment-bytes\n64K\n--record-bytes-max=4096\n--padded\n-v\n-0",
    "wcat\njournal\n--from\n4000\n--durable\n-0",
    "winspect\njournal\n--json",
    "wverify\n--anchor=00112233445566778899aabbccddeeff:12\njournal\n-v",
    "wsalvage\njournal\n--to\nrescued",
    "wtrim\njournal\n4000",
    "wbench\nplace\n--time\n60\n--records\n100,1K\n--threads\n1,16\n--methods\nfdatasync,dsync\n--svg\nlatency.svg",
    "w--help",
    "wnothing",
    "slist\n--json",
    "srun\npower-loss\n--seeds\n1000\n--first-seed=0x10\n--jobs\n2\n--time\n60\n--json",
    "scoverage\nfailed-sync\neverything",
    "sreplay\npower-loss\nseed=7\n--trace\n--save\nseven.tape",
    "sshrink\npower-loss\nseed=7\n--time\n9\n--runs\n100\n--save\nshort.tape",
    "sexplore\nsmall\n--depth\n2\n--states\n1000\n--outcomes=20\n--steps\n9\n--path\ncall 41 power_loss 3",
    "v64K",
    "v18446744073709551615",
    "v00112233445566778899aabbccddeeff:12",
    "v0x10",
};

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "line-%zu", i);
        fuzz_write_seed(argv[1], name, (const uint8_t *)lines[i], strlen(lines[i]));
    }
    return 0;
}
