/* Payloads out of keys.
 *
 * The first 8 bytes are a mix of the key, each 8 that follow those before them times an odd number, stored little-endian. Each step is a bijection,
 * so two payloads agree in no word, and a step costs less than a nanosecond, which is why the oracle keeps keys and no bytes. The mixing is shifts
 * and multiplications, as in splitmix64: no cryptography, but no structure that a frame's checks could share either. One key in sixteen
 * makes zeros, which is what every step makes of zero. */
#include "kaya/scenarios/payload.h"

#include <string.h>
#include <xxhash.h>

enum { WORD_BYTES = 8, PAIR_BYTES = 2 * WORD_BYTES, ZERO_KEYS_MASK = 15 };

static const uint64_t STEP = 0x9fb21c651e98df25u; /* from one word to the next */

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

/* The last eight bytes of a payload that ends `count` bytes into `word`, 1 to 7. */
static inline uint64_t last_word(uint64_t before, uint64_t word, unsigned count)
{
    return before >> 8 * count | word << 8 * (WORD_BYTES - count);
}

static inline void put(unsigned char *at, uint64_t word)
{
    word = little_endian(word);
    memcpy(at, &word, WORD_BYTES);
}

/* 0: the word stands there. */
static inline uint64_t difference(const unsigned char *at, uint64_t word)
{
    uint64_t found;

    memcpy(&found, at, WORD_BYTES);
    return found ^ little_endian(word);
}

/* Two words at a time, each from the one two before it: a processor does not wait for one product to begin the next. */
void kaya_payload_fill(uint64_t key, void *bytes, size_t length)
{
    unsigned char *at = bytes;
    unsigned char *pairs = at + length / PAIR_BYTES * PAIR_BYTES;
    unsigned char *end = at + length;
    uint64_t before = 0;
    uint64_t word = first_word(key);
    uint64_t next = word * STEP;

    for (; at != pairs; at += PAIR_BYTES) {
        put(at, word);
        put(at + WORD_BYTES, next);
        before = next;
        word *= STEP * STEP;
        next *= STEP * STEP;
    }
    if (end - at >= WORD_BYTES) {
        put(at, word);
        before = word;
        word = next;
        at += WORD_BYTES;
    }
    if (length >= WORD_BYTES && at < end) { /* the last word of all, which covers part of the one before */
        put(end - WORD_BYTES, last_word(before, word, (unsigned)(end - at)));
        return;
    }
    for (; at < end; at++, word >>= 8)
        *at = (unsigned char)word;
}

bool kaya_payload_equals(uint64_t key, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    const unsigned char *pairs = at + length / PAIR_BYTES * PAIR_BYTES;
    const unsigned char *end = at + length;
    uint64_t before = 0;
    uint64_t word = first_word(key);
    uint64_t next = word * STEP;
    uint64_t differs = 0;

    for (; at != pairs; at += PAIR_BYTES) {
        differs |= difference(at, word) | difference(at + WORD_BYTES, next);
        before = next;
        word *= STEP * STEP;
        next *= STEP * STEP;
    }
    if (end - at >= WORD_BYTES) {
        differs |= difference(at, word);
        before = word;
        word = next;
        at += WORD_BYTES;
    }
    if (length >= WORD_BYTES && at < end)
        return (differs | difference(end - WORD_BYTES, last_word(before, word, (unsigned)(end - at)))) == 0;
    for (; at < end; at++, word >>= 8)
        differs |= *at ^ (word & 0xff);
    return differs == 0;
}

uint64_t kaya_payload_hash(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}
