/* XXH3-64 of long stretches. */
#ifndef KAYA_SIM_WIDE_H
#define KAYA_SIM_WIDE_H

#include <stddef.h>
#include <stdint.h>

/* The value is XXH3's, with the widest registers that the processor has. */
uint64_t kaya_wide_hash(const void *bytes, size_t length, uint64_t seed);

#endif
