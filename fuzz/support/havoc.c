/* Mutation for those who have no engine with one of its own: a few changes of single bytes and bits. The same on every machine. */
#include "havoc.h"

#include <string.h>

#include "mutate.h"

enum { CHANGES_MAX = 4 };

static uint64_t state = 1;

void fuzz_havoc_seed(uint64_t seed)
{
    state = seed;
}

uint32_t fuzz_havoc_draw(uint32_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % count;
}

static size_t change_once(uint8_t *data, size_t size, size_t size_max)
{
    size_t at = size > 0 ? fuzz_havoc_draw((uint32_t)size) : 0;

    switch (fuzz_havoc_draw(5)) {
    case 0:
        if (size < size_max) {
            memmove(data + at + 1, data + at, size - at);
            data[at] = (uint8_t)fuzz_havoc_draw(256);
            return size + 1;
        }
        return size;
    case 1:
        if (size > 1) {
            memmove(data + at, data + at + 1, size - at - 1);
            return size - 1;
        }
        return size;
    case 2:
        if (size > 0)
            data[at] ^= (uint8_t)(1U << fuzz_havoc_draw(8));
        return size;
    default:
        if (size > 0)
            data[at] = (uint8_t)fuzz_havoc_draw(256);
        return size;
    }
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max)
{
    for (uint32_t count = 1 + fuzz_havoc_draw(CHANGES_MAX); count > 0; count--)
        size = change_once(data, size, size_max);
    return size;
}
