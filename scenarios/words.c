/* Rows of words, hashed by XXH3-128 over their little-endian bytes. Rows that are longer than what is kept go in in pieces, each headed by
 * the hash of those before it. */
#include "kaya/scenarios/words.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

void kaya_words_begin(struct kaya_words *words)
{
    words->hash[0] = words->hash[1] = 0;
    words->words[0] = words->words[1] = 0;
    words->count = 2; /* room for the hash of the rows before */
}

void kaya_words_fold(struct kaya_words *words)
{
    XXH128_hash_t hash;

    words->words[0] = words->hash[0];
    words->words[1] = words->hash[1];
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t index = 0; index < words->count; index++)
        words->words[index] = __builtin_bswap64(words->words[index]);
#endif
    hash = XXH3_128bits(words->words, words->count * sizeof words->words[0]);
    words->hash[0] = hash.low64;
    words->hash[1] = hash.high64;
    words->count = 2;
}

void kaya_words_end(struct kaya_words *words, uint64_t hash[2])
{
    kaya_words_fold(words);
    memcpy(hash, words->hash, sizeof words->hash);
}
