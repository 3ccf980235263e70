/* splitmix64. */
#include "draws.h"

uint64_t fuzz_draw(struct fuzz_draws *draws, uint64_t count)
{
    uint64_t value = draws->state += UINT64_C(0x9e3779b97f4a7c15);

    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (value ^ (value >> 31)) % count;
}
