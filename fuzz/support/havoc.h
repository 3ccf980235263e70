/* LLVMFuzzerMutate (mutate.h) where the engine brings none. */
#ifndef FUZZ_SUPPORT_HAVOC_H
#define FUZZ_SUPPORT_HAVOC_H

#include <stdint.h>

void fuzz_havoc_seed(uint64_t seed);      /* 1 where nobody says other */
uint32_t fuzz_havoc_draw(uint32_t count); /* below `count` */

#endif
