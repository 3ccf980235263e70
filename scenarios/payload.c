/* Payloads out of keys.
 *
 * The first 8 bytes are a mix of the key, each 8 that follow a mix of those before them, stored little-endian. Each step is a bijection, so
 * two payloads agree in no word, and a step costs about a nanosecond, which is why the oracle keeps keys and no bytes. The mixing is shifts
 * and multiplications, as in splitmix64: no cryptography, but no structure that a frame's checks could share either. One key in sixteen
 * makes zeros, which is what every step makes of zero. */
#include "kaya/scenarios/payload.h"

#include <string.h>
#include <xxhash.h>

enum { WORD_BYTES = 8, ZERO_KEYS_MASK = 15 };

static inline uint64_t mix(uint64_t x)
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

static inline uint64_t first_word(uint64_t key)
{
    return (key & ZERO_KEYS_MASK) == 0 ? 0 : mix(key);
}

static inline uint64_t next_word(uint64_t word)
{
    return (word ^ word >> 29) * 0x9fb21c651e98df25u;
}

/* The last eight bytes of a payload that ends `count` bytes into `word`, 1 to 7. */
static inline uint64_t last_word(uint64_t before, uint64_t word, unsigned count)
{
    return before >> 8 * count | word << 8 * (WORD_BYTES - count);
}

void kaya_payload_fill(uint64_t key, void *bytes, size_t length)
{
    unsigned char *at = bytes;
    unsigned char *whole = at + length / WORD_BYTES * WORD_BYTES;
    unsigned char *end = at + length;
    uint64_t before = 0;
    uint64_t word = first_word(key);
    uint64_t stored;

    for (; at != whole; at += WORD_BYTES) {
        stored = little_endian(word);
        memcpy(at, &stored, WORD_BYTES);
        before = word;
        word = next_word(word);
    }
    if (length >= WORD_BYTES && at < end) { /* the last word of all, which covers part of the one before */
        stored = little_endian(last_word(before, word, (unsigned)(end - at)));
        memcpy(end - WORD_BYTES, &stored, WORD_BYTES);
        return;
    }
    for (; at < end; at++, word >>= 8)
        *at = (unsigned char)word;
}

bool kaya_payload_equals(uint64_t key, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    const unsigned char *whole = at + length / WORD_BYTES * WORD_BYTES;
    const unsigned char *end = at + length;
    uint64_t before = 0;
    uint64_t word = first_word(key);
    uint64_t differs = 0;
    uint64_t found;

    for (; at != whole; at += WORD_BYTES) {
        memcpy(&found, at, WORD_BYTES);
        differs |= found ^ little_endian(word);
        before = word;
        word = next_word(word);
    }
    if (length >= WORD_BYTES && at < end) {
        memcpy(&found, end - WORD_BYTES, WORD_BYTES);
        return (differs | (found ^ little_endian(last_word(before, word, (unsigned)(end - at))))) == 0;
    }
    for (; at < end; at++, word >>= 8)
        differs |= *at ^ (word & 0xff);
    return differs == 0;
}

uint64_t kaya_payload_hash(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}
