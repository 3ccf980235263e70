/* Payloads out of keys.
 *
 * Word i of a payload is a mix of key and i, stored little-endian, so that any part of it can be made again without the
 * rest, and two payloads agree nowhere. It costs about a nanosecond a word, which is why the oracle keeps keys and no
 * bytes. The mixing is a counter through two multiplications, as in splitmix64: no cryptography, but no structure that
 * a frame's checks could share either. */
#include "kaya/scenarios/payload.h"

#include <string.h>
#include <xxhash.h>

enum { WORD_BYTES = 8, ZERO_KEYS_MASK = 15 };

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t kaya_payload_key(uint64_t seed, uint64_t number)
{
    return mix(mix(seed + 0x9e3779b97f4a7c15u) + number * 0x9e3779b97f4a7c15u);
}

static uint64_t little_endian(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(word);
#else
    return word;
#endif
}

static uint64_t word_at(uint64_t key, uint64_t index)
{
    if ((key & ZERO_KEYS_MASK) == 0)
        return 0;
    return little_endian(mix(key + index * 0x9e3779b97f4a7c15u));
}

void kaya_payload_fill(uint64_t key, void *bytes, size_t length)
{
    unsigned char *at = bytes;
    uint64_t index = 0;
    uint64_t word;

    for (; length >= WORD_BYTES; length -= WORD_BYTES, at += WORD_BYTES) {
        word = word_at(key, index++);
        memcpy(at, &word, WORD_BYTES);
    }
    word = word_at(key, index);
    if (length > 0)
        memcpy(at, &word, length);
}

bool kaya_payload_equals(uint64_t key, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t index = 0;
    uint64_t differs = 0;
    uint64_t word;
    uint64_t found;

    for (; length >= WORD_BYTES; length -= WORD_BYTES, at += WORD_BYTES) {
        memcpy(&found, at, WORD_BYTES);
        differs |= found ^ word_at(key, index++);
    }
    word = word_at(key, index);
    return differs == 0 && (length == 0 || memcmp(at, &word, length) == 0);
}

uint64_t kaya_payload_hash(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}
