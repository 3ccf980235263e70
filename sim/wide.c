/* The library looks once what the processor has. A file of its own, because its header and the one that puts hashing of short stretches
 * inline (trace.c) do not go together. */
#include "wide.h"

#if defined(__x86_64__) && !defined(XXH_INLINE_ALL)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

uint64_t kaya_wide_hash(const void *bytes, size_t length, uint64_t seed)
{
    return seed == 0 ? XXH3_64bits(bytes, length) : XXH3_64bits_withSeed(bytes, length, seed);
}
