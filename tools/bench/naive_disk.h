/* The least that a crash cycle can cost: what simulated power losses are measured against. */
#ifndef BENCH_NAIVE_DISK_H
#define BENCH_NAIVE_DISK_H

#include <stdint.h>

/* So many cycles of: 25 records of 100 bytes, each fourth of them synced, a power loss, a scan, a comparison. Returns how many records came
 * back in all. Aborts where an acknowledged one did not, or is another. */
uint64_t naive_cycles(uint64_t cycles);

#endif
