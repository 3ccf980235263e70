/* The two checks: CRC32C and XXH3.
 *
 * Decides nothing. CRC32C comes from the processor's own instruction where there is one (x86, asked once a call: one load),
 * for long stretches from ISA-L, which runs three of them side by side, where the build found it (KAYA_HAVE_ISAL), and from
 * tables otherwise. XXH3 is compiled here; for long stretches it comes from its library where that can choose among the processor's vectors
 * (KAYA_HAVE_XXHASH_DISPATCH), five times as fast at 1 KiB. All give the same values on every machine, and the tests hold them against each other. Most stretches are
 * short, a header or a record, so what a call costs counts as much as what a byte costs.
 *
 * The tables follow from linearity: a byte's entry is the sum (xor) of the entries of its bits, so that eight numbers make
 * a table of 256. Table k says what a byte does to the CRC with k zero bytes behind it; eight tables take eight bytes in
 * one step. */
#include "checksum.h"

#ifdef KAYA_HAVE_ISAL
#include <isa-l/crc.h>
#include <limits.h>
#endif

/* The hash's states on the heap are not used here, but unoptimized code keeps them, and core has no heap. */
#include <stdlib.h>
#define malloc(size) ((void)(size), NULL)
#define free(memory) ((void)(memory))
#define XXH_INLINE_ALL
#include <xxhash.h>
#undef malloc
#undef free

#ifdef KAYA_HAVE_XXHASH_DISPATCH
/* Of the library, not of its header: <xxh_x86dispatch.h> does not go with code that is compiled here. */
extern XXH64_hash_t XXH3_64bits_dispatch(const void *bytes, size_t length);
#endif

#include "bytes.h"

#if defined(__x86_64__) && !defined(__FRAMAC__) /* provers know no instructions */
#define HAS_INSTRUCTION 1
#include <nmmintrin.h>
#endif

#define BIT(n, bit, value) ((((n) >> (bit)) & 1U) * UINT32_C(value))
/* clang-format off */
#define ENTRY(n, b0, b1, b2, b3, b4, b5, b6, b7)                                                             \
    BIT(n, 0, b0) ^ BIT(n, 1, b1) ^ BIT(n, 2, b2) ^ BIT(n, 3, b3) ^                                          \
    BIT(n, 4, b4) ^ BIT(n, 5, b5) ^ BIT(n, 6, b6) ^ BIT(n, 7, b7)
#define FOUR(n, ...)                                                                                         \
    ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define SIXTEEN(n, ...)                                                                                      \
    FOUR(n, __VA_ARGS__), FOUR((n) + 4, __VA_ARGS__), FOUR((n) + 8, __VA_ARGS__), FOUR((n) + 12, __VA_ARGS__)
#define SIXTY_FOUR(n, ...)                                                                                   \
    SIXTEEN(n, __VA_ARGS__), SIXTEEN((n) + 16, __VA_ARGS__), SIXTEEN((n) + 32, __VA_ARGS__), SIXTEEN((n) + 48, __VA_ARGS__)
#define TABLE(...)                                                                                           \
    { SIXTY_FOUR(0U, __VA_ARGS__), SIXTY_FOUR(64U, __VA_ARGS__), SIXTY_FOUR(128U, __VA_ARGS__), SIXTY_FOUR(192U, __VA_ARGS__) }

/* What bit 0, 1, ... 7 of the byte does: powers of x modulo the polynomial, falling. */
static const uint32_t TABLES[8][256] = {
    TABLE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    TABLE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    TABLE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    TABLE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    TABLE(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    TABLE(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    TABLE(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    TABLE(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};

/* Eight steps of the register backwards: what bit 24, 25, ... 31 leaves. The polynomial's highest bit is set, so the highest bit of
 * a register says whether the step that led to it took the polynomial in. */
static const uint32_t BACKWARDS[256] =
    TABLE(0x05ec76f1, 0x0bd8ede2, 0x17b1dbc4, 0x2f63b788, 0x5ec76f10, 0xbd8ede20, 0x7ef1cab1, 0xfde39562);
/* clang-format on */

/* One step over eight bytes, the first four of which are already mixed with the CRC. */
static inline uint32_t eight_bytes(uint32_t low, uint32_t high)
{
    return TABLES[7][low & 0xff] ^ TABLES[6][low >> 8 & 0xff] ^ TABLES[5][low >> 16 & 0xff] ^
           TABLES[4][low >> 24] ^ TABLES[3][high & 0xff] ^ TABLES[2][high >> 8 & 0xff] ^
           TABLES[1][high >> 16 & 0xff] ^ TABLES[0][high >> 24];
}

uint32_t kaya_crc32c_portable(uint32_t seed, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;
    uint32_t crc = ~seed;

    for (; length >= 8; length -= 8, next += 8)
        crc = eight_bytes(crc ^ load32(next), load32(next + 4));
    for (; length > 0; length--, next++)
        crc = crc >> 8 ^ TABLES[0][(crc ^ *next) & 0xff];
    return ~crc;
}

uint32_t kaya_crc32c_words_portable(uint32_t seed, const uint32_t *words, size_t count)
{
    uint32_t crc = ~seed;

    for (; count >= 2; count -= 2, words += 2)
        crc = eight_bytes(crc ^ words[0], words[1]);
    if (count > 0) {
        crc ^= words[0];
        crc = TABLES[3][crc & 0xff] ^ TABLES[2][crc >> 8 & 0xff] ^ TABLES[1][crc >> 16 & 0xff] ^
              TABLES[0][crc >> 24];
    }
    return ~crc;
}

#ifdef HAS_INSTRUCTION
/* x86 is little-endian: words are loaded as they stand. These end with the last step of the check, so that who asks whether there is an
 * instruction can jump to them. */
#define INSTRUCTION __attribute__((target("sse4.2")))

INSTRUCTION static inline uint32_t by_instruction(uint32_t crc, const uint8_t *next, size_t length)
{
    uint64_t wide = crc, eight;
    uint32_t four;

#define STEP(at) (memcpy(&eight, next + (at) * sizeof eight, sizeof eight), wide = _mm_crc32_u64(wide, eight))
    for (; length >= 4 * sizeof eight; length -= 4 * sizeof eight, next += 4 * sizeof eight) {
        STEP(0);
        STEP(1);
        STEP(2);
        STEP(3);
    }
    for (; length >= sizeof eight; length -= sizeof eight, next += sizeof eight)
        STEP(0);
#undef STEP
    crc = (uint32_t)wide;
    if ((length & sizeof four) != 0) {
        memcpy(&four, next, sizeof four);
        crc = _mm_crc32_u32(crc, four);
        next += sizeof four;
    }
    for (length &= sizeof four - 1; length > 0; length--)
        crc = _mm_crc32_u8(crc, *next++);
    return ~crc;
}

INSTRUCTION static uint32_t bytes_by_instruction(uint32_t seed, const uint8_t *next, size_t length)
{
    return by_instruction(~seed, next, length);
}

INSTRUCTION static uint32_t words_by_instruction(uint32_t seed, const uint32_t *words, size_t count)
{
    uint64_t wide = ~seed, two;
    uint32_t crc;

    for (; count >= 2; count -= 2, words += 2) {
        memcpy(&two, words, sizeof two);
        wide = _mm_crc32_u64(wide, two);
    }
    crc = (uint32_t)wide;
    return count > 0 ? ~_mm_crc32_u32(crc, *words) : ~crc;
}

INSTRUCTION static uint32_t word_by_instruction(uint32_t seed, uint32_t word, const uint8_t *next, size_t length)
{
    return by_instruction(_mm_crc32_u32(~seed, word), next, length);
}
#endif

uint32_t kaya_crc32c_words(uint32_t seed, const uint32_t *words, size_t count)
{
#ifdef HAS_INSTRUCTION
    if (__builtin_cpu_supports("sse4.2"))
        return words_by_instruction(seed, words, count);
#endif
    return kaya_crc32c_words_portable(seed, words, count);
}

enum { LONG_BYTES = 256 }; /* where ISA-L begins to be worth its call */

#ifdef KAYA_HAVE_ISAL
static uint32_t by_library(uint32_t crc, const void *bytes, size_t length)
{
    /* The library takes an int and, without need, a pointer to what may be written. */
    unsigned char *next = (unsigned char *)(uintptr_t)bytes;

    for (; length > INT_MAX; length -= INT_MAX, next += INT_MAX)
        crc = crc32_iscsi(next, INT_MAX, crc);
    return crc32_iscsi(next, (int)length, crc);
}
#endif

uint32_t kaya_crc32c(uint32_t seed, const void *bytes, size_t length)
{
#ifdef KAYA_HAVE_ISAL
    if (length >= LONG_BYTES)
        return ~by_library(~seed, bytes, length);
#endif
#ifdef HAS_INSTRUCTION
    if (__builtin_cpu_supports("sse4.2"))
        return bytes_by_instruction(seed, bytes, length);
#endif
    return kaya_crc32c_portable(seed, bytes, length);
}

uint32_t kaya_crc32c_behind(uint32_t seed, uint32_t word, const void *bytes, size_t length)
{
#ifdef HAS_INSTRUCTION
    if (length < LONG_BYTES && __builtin_cpu_supports("sse4.2"))
        return word_by_instruction(seed, word, bytes, length);
#endif
    return kaya_crc32c(kaya_crc32c_words(seed, &word, 1), bytes, length);
}

/* A CRC is linear, so what a flipped bit does to it hangs only on how many bits stand behind it: the register runs over them from
 * that bit alone. Backwards, byte by byte, it comes to the byte where it is a single bit again.
 *
 * The polynomial is a multiple of x + 1, so every flipped bit changes the CRC by an odd number of bits: half of all differences
 * need no walk. */
uint64_t kaya_crc32c_flipped_bit(uint32_t difference, uint32_t length)
{
    if (__builtin_parity(difference) == 0)
        return KAYA_NO_BIT;
    while (length-- > 0) {
        difference = difference << 8 ^ BACKWARDS[difference >> 24];
        if (difference <= 0x80 && (difference & (difference - 1)) == 0)
            return (uint64_t)length * 8 + (uint64_t)__builtin_ctz(difference);
    }
    return KAYA_NO_BIT;
}

uint32_t kaya_check32(const void *bytes, size_t length)
{
#ifdef KAYA_HAVE_XXHASH_DISPATCH
    if (length > XXH3_MIDSIZE_MAX)
        return (uint32_t)XXH3_64bits_dispatch(bytes, length);
#endif
    return (uint32_t)XXH3_64bits(bytes, length);
}

/* --- all checks of a frame ------------------------------------------------------------------------------------------ */

/* kaya_check32 of two numbers, each lowest byte first. */
static inline uint32_t check_numbers(uint64_t low, uint64_t high)
{
    uint8_t bytes[2 * sizeof low];

    store64(bytes, low);
    store64(bytes + sizeof low, high);
    return (uint32_t)XXH3_64bits(bytes, sizeof bytes);
}

static inline void store_header(uint8_t *out, uint32_t pcrc, uint32_t hcrc, uint32_t check, uint64_t low,
                                uint64_t high)
{
    store32(out, pcrc);
    store32(out + 4, hcrc);
    store32(out + 8, check);
    store64(out + 12, low);
    store64(out + 20, high);
}

void kaya_seal_portable(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
                        const void *payload, size_t length, size_t padding)
{
    static const uint8_t zero[1];
    uint32_t place = (uint32_t)(low >> 32);
    uint32_t seed = kaya_crc32c_words_portable(seeds->frame, &place, 1);
    uint32_t check = kaya_check32(payload, length) ^ check_numbers(low, high) ^ seed;
    uint32_t words[] = { place, check, (uint32_t)low, place, (uint32_t)high, (uint32_t)(high >> 32) };
    uint32_t crc;

    words[0] = kaya_crc32c_words_portable(seeds->header, words, sizeof words / sizeof words[0]);
    crc = kaya_crc32c_words_portable(seed, words, sizeof words / sizeof words[0]);
    crc = kaya_crc32c_portable(crc, payload, length);
    for (; padding > 0; padding--)
        crc = kaya_crc32c_portable(crc, zero, sizeof zero);
    store_header(out, crc, words[0], check, low, high);
}

#ifdef HAS_INSTRUCTION
/* In registers from end to end: a processor waits for bytes that were stored a moment ago in other pieces than it now loads. */
INSTRUCTION static void seal_by_instruction(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low,
                                            uint64_t high, const void *payload, size_t length, size_t padding)
{
    uint64_t place = low >> 32;
    uint32_t seed = _mm_crc32_u32(~seeds->frame, (uint32_t)place);
    uint64_t check = kaya_check32(payload, length) ^ check_numbers(low, high) ^ ~seed;
    uint64_t wide = _mm_crc32_u64(~seeds->header, place | check << 32);
    uint32_t hcrc, crc;

    wide = _mm_crc32_u64(wide, low);
    hcrc = ~(uint32_t)_mm_crc32_u64(wide, high);
    wide = _mm_crc32_u64(seed, hcrc | check << 32);
    wide = _mm_crc32_u64(wide, low);
    crc = (uint32_t)_mm_crc32_u64(wide, high);
    crc = length < LONG_BYTES ? by_instruction(crc, payload, length) : kaya_crc32c(~crc, payload, length);
    for (crc = ~crc; padding > 0; padding--)
        crc = _mm_crc32_u8(crc, 0);
    store_header(out, ~crc, hcrc, (uint32_t)check, low, high);
}
#endif

void kaya_seal(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
               const void *payload, size_t length, size_t padding)
{
#ifdef HAS_INSTRUCTION
    if (__builtin_cpu_supports("sse4.2")) {
        seal_by_instruction(out, seeds, low, high, payload, length, padding);
        return;
    }
#endif
    kaya_seal_portable(out, seeds, low, high, payload, length, padding);
}
