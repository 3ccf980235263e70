/* What a mutation draws: a function of its seed. */
#ifndef FUZZ_SUPPORT_DRAWS_H
#define FUZZ_SUPPORT_DRAWS_H

#include <stdint.h>

struct fuzz_draws {
    uint64_t state; /* at first the seed */
};
uint64_t fuzz_draw(struct fuzz_draws *draws, uint64_t count); /* below `count` */

#endif
