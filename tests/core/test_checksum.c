/* Goal: both checks have their published values on every path. Method: vectors of RFC 3720 and of golden.py, a CRC that
 * goes bit by bit, and the library's way against the tables' for every length, alignment and cut. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "bytes.h"
#include "checksum.h"
#include "frames.h"
#include "golden.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t bitwise(uint32_t seed, const uint8_t *bytes, size_t length)
{
    uint32_t crc = ~seed;

    for (size_t bit = 0; bit < length * 8; bit++) {
        uint32_t carry = (crc ^ bytes[bit / 8] >> bit % 8) & 1;

        crc = crc >> 1 ^ (carry ? 0x82f63b78 : 0);
    }
    return ~crc;
}

Test(checksum, has_the_values_of_rfc_3720)
{
    static const uint8_t command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02
    };
    uint8_t bytes[32];

    memset(bytes, 0, 32);
    cr_expect(eq(u32, kaya_crc32c(0, bytes, 32), 0x8a9136aa));
    memset(bytes, 0xff, 32);
    cr_expect(eq(u32, kaya_crc32c(0, bytes, 32), 0x62a8ab43));
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    cr_expect(eq(u32, kaya_crc32c(0, bytes, 32), 0x46dd794e));
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    cr_expect(eq(u32, kaya_crc32c(0, bytes, 32), 0x113fdb5c));
    cr_expect(eq(u32, kaya_crc32c(0, command, sizeof command), 0xd9963a56));
    cr_expect(eq(u32, kaya_crc32c(0, "123456789", 9), 0xe3069283));
}

Test(checksum, has_the_values_worked_out_apart)
{
    static uint8_t bytes[65536];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t i = 0; i < COUNT(GOLDEN_CHECKS); i++) {
        const struct golden_check *golden = &GOLDEN_CHECKS[i];
        uint8_t *copy = alone(bytes, golden->length);

        cr_expect(eq(u32, kaya_crc32c(0, copy, golden->length), golden->crc), "length %u", golden->length);
        cr_expect(eq(u32, kaya_crc32c_portable(0, copy, golden->length), golden->crc), "length %u",
                  golden->length);
        cr_expect(eq(u32, kaya_check32(copy, golden->length), golden->check), "length %u", golden->length);
        free(copy);
    }
}

Test(checksum, instruction_library_and_tables_agree_for_every_length_and_alignment)
{
    uint8_t bytes[600];
    unsigned wrong = 0;

    fill(bytes, sizeof bytes, 1);
    for (size_t start = 0; start < 16; start++) {
        for (size_t length = 0; length + start <= sizeof bytes; length++) {
            uint32_t seed = (uint32_t)(length * 0x9e3779b1 + start);
            uint32_t expected = bitwise(seed, bytes + start, length);

            wrong += kaya_crc32c(seed, bytes + start, length) != expected;
            wrong += kaya_crc32c_portable(seed, bytes + start, length) != expected;
            if (length >= 4)
                wrong +=
                    kaya_crc32c_behind(seed, load32(bytes + start), bytes + start + 4, length - 4) != expected;
        }
    }
    cr_expect(eq(uint, wrong, 0));
}

Test(checksum, the_library_s_hash_is_the_header_s_for_every_length_and_alignment)
{
    enum { LENGTHS = 5000, ALIGNMENTS = 8 };
    static uint8_t bytes[LENGTHS + ALIGNMENTS];
    unsigned wrong = 0;

    fill(bytes, sizeof bytes, 4);
    for (size_t start = 0; start < ALIGNMENTS; start++)
        for (size_t length = 0; length < LENGTHS; length++)
            wrong += kaya_check32(bytes + start, length) != (uint32_t)XXH3_64bits(bytes + start, length);
    cr_expect(eq(uint, wrong, 0));
}

/* The whole frame as FORMAT.md has it, its checks worked out over the bytes as they stand there. */
static void frame_by_hand(uint8_t *frame, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
                          const uint8_t *payload, size_t length, size_t padding)
{
    uint8_t bound[4 + 20]; /* the place, and bytes 8 to 27 */
    uint32_t frame_seed;

    memset(frame, 0, 28 + length + padding);
    store64(frame + 12, low);
    store64(frame + 20, high);
    memcpy(frame + 28, payload, length);
    frame_seed = bitwise(seeds->frame, frame + 16, 4);
    store32(frame + 8,
            (uint32_t)XXH3_64bits(payload, length) ^ (uint32_t)XXH3_64bits(frame + 12, 16) ^ frame_seed);
    memcpy(bound, frame + 16, 4);
    memcpy(bound + 4, frame + 8, 20);
    store32(frame + 4, bitwise(seeds->header, bound, sizeof bound));
    store32(frame, bitwise(frame_seed, frame + 4, 24 + length + padding));
}

Test(checksum, seals_a_frame_with_the_checks_of_its_bytes)
{
    enum { LENGTHS = 400, PADDINGS = 40 };
    static uint8_t payload[LENGTHS + 4], wanted[28 + LENGTHS + PADDINGS];
    struct kaya_seal_seeds seeds = { 0x12345678, 0x9abcdef0 };
    unsigned wrong = 0;

    fill(payload, sizeof payload, 7);
    for (size_t length = 0; length <= LENGTHS; length++) {
        for (size_t padding = 0; padding < PADDINGS; padding += length % 8 == 0 ? 1 : 3) {
            uint64_t low = length * UINT64_C(0x9e3779b97f4a7c15), high = ~low * 5 + padding;
            const uint8_t *bytes = payload + length % 4;
            uint8_t sealed[28] = { 0 }, by_tables[28] = { 0 };

            frame_by_hand(wanted, &seeds, low, high, bytes, length, padding);
            kaya_seal(sealed, &seeds, low, high, bytes, length, padding);
            kaya_seal_portable(by_tables, &seeds, low, high, bytes, length, padding);
            wrong += memcmp(sealed, wanted, sizeof sealed) != 0;
            wrong += memcmp(by_tables, wanted, sizeof by_tables) != 0;
        }
    }
    cr_expect(eq(uint, wrong, 0));
}

Test(checksum, goes_on_from_any_cut)
{
    uint8_t bytes[300];
    unsigned wrong = 0;

    fill(bytes, sizeof bytes, 2);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint32_t whole = kaya_crc32c(5, bytes, sizeof bytes);

        wrong += kaya_crc32c(kaya_crc32c(5, bytes, cut), bytes + cut, sizeof bytes - cut) != whole;
        wrong += kaya_crc32c_portable(kaya_crc32c(5, bytes, cut), bytes + cut, sizeof bytes - cut) != whole;
    }
    cr_expect(eq(uint, wrong, 0));
}

Test(checksum, of_nothing_is_the_seed)
{
    cr_expect(eq(u32, kaya_crc32c(0xabcdef01, NULL, 0), 0xabcdef01));
    cr_expect(eq(u32, kaya_crc32c_portable(0xabcdef01, NULL, 0), 0xabcdef01));
    cr_expect(eq(u32, kaya_crc32c_words(0xabcdef01, NULL, 0), 0xabcdef01));
    cr_expect(eq(u32, kaya_check32(NULL, 0), GOLDEN_CHECKS[0].check));
}

Test(checksum, of_numbers_is_that_of_their_bytes)
{
    uint32_t words[9];
    uint8_t bytes[sizeof words];

    fill(bytes, sizeof bytes, 3);
    for (size_t i = 0; i < COUNT(words); i++)
        words[i] = load32(bytes + 4 * i);
    for (size_t count = 0; count <= COUNT(words); count++) {
        cr_expect(eq(u32, kaya_crc32c_words(9, words, count), bitwise(9, bytes, 4 * count)), "%zu words", count);
        cr_expect(eq(u32, kaya_crc32c_words_portable(9, words, count), bitwise(9, bytes, 4 * count)),
                  "%zu words", count);
    }
}

/* What makes a frame of another place never validate: no two seeds share a value. */
Test(checksum, is_a_bijection_of_its_seed)
{
    uint8_t bytes[64];
    uint32_t images[32];

    fill(bytes, sizeof bytes, 4);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        uint32_t zero = kaya_crc32c(0, bytes, length);
        unsigned rank = 0;

        /* An affine map over bits: one to one exactly if the images of the 32 unit vectors are independent. */
        for (unsigned bit = 0; bit < 32; bit++)
            images[bit] = kaya_crc32c(UINT32_C(1) << bit, bytes, length) ^ zero;
        for (unsigned column = 0; column < 32; column++) {
            unsigned pivot = rank;

            while (pivot < 32 && !(images[pivot] >> column & 1))
                pivot++;
            if (pivot == 32)
                continue;
            uint32_t row = images[pivot];

            images[pivot] = images[rank];
            images[rank++] = row;
            for (unsigned other = rank; other < 32; other++)
                images[other] ^= images[other] >> column & 1 ? row : 0;
        }
        cr_expect(eq(uint, rank, 32), "length %zu", length);
    }
}

#if SIZE_MAX > UINT32_MAX
/* The library counts in int. */
Test(checksum, of_more_than_an_int_counts_is_that_of_its_parts)
{
    size_t length = ((size_t)1 << 31) + 100;
    size_t half = length / 2;
    uint8_t *bytes =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    cr_assert(bytes != MAP_FAILED);
    bytes[0] = bytes[half - 1] = bytes[length - 1] = 1;
    cr_expect(eq(u32, kaya_crc32c(1, bytes, length),
                 kaya_crc32c(kaya_crc32c(1, bytes, half), bytes + half, length - half)));
    munmap(bytes, length);
}
#endif

/* Against the CRC itself: the difference of the CRCs of the same bytes with and without the flip. */
Test(checksum, a_flipped_bit_is_found_by_what_it_does_to_the_crc)
{
    static uint8_t bytes[300];

    for (uint32_t length = 1; length <= sizeof bytes; length += length < 40 ? 1 : 13) {
        uint32_t crc = bitwise(0, bytes, length);

        for (uint64_t bit = 0; bit < (uint64_t)length * 8; bit++) {
            uint32_t difference;

            flip(bytes, bit);
            difference = bitwise(0, bytes, length) ^ crc;
            flip(bytes, bit);
            cr_expect(eq(u64, kaya_crc32c_flipped_bit(difference, length), bit), "%u bytes", length);
            if (bit < 8) /* in front of the bytes that are covered */
                cr_expect(eq(u64, kaya_crc32c_flipped_bit(difference, length - 1), KAYA_NO_BIT), "%u bytes",
                          length);
        }
    }
}

Test(checksum, what_no_single_bit_does_is_found_nowhere)
{
    static uint8_t bytes[24];
    uint32_t crc = bitwise(0, bytes, sizeof bytes);
    enum { BITS = sizeof bytes * 8 };

    cr_expect(eq(u64, kaya_crc32c_flipped_bit(0, sizeof bytes), KAYA_NO_BIT));
    for (uint64_t one = 0; one < BITS; one++) {
        for (uint64_t two = one + 1; two < BITS; two++) {
            uint32_t difference;
            uint64_t three = (two * 7 + one) % BITS;

            flip(bytes, one);
            flip(bytes, two);
            difference = bitwise(0, bytes, sizeof bytes) ^ crc;
            cr_expect(eq(u64, kaya_crc32c_flipped_bit(difference, sizeof bytes), KAYA_NO_BIT));
            if (three != one && three != two) {
                flip(bytes, three);
                difference = bitwise(0, bytes, sizeof bytes) ^ crc;
                cr_expect(eq(u64, kaya_crc32c_flipped_bit(difference, sizeof bytes), KAYA_NO_BIT));
                flip(bytes, three);
            }
            flip(bytes, one);
            flip(bytes, two);
        }
    }
}
