/* The two checks of the format. Pure. */
#ifndef KAYA_CHECKSUM_H
#define KAYA_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The polynomial, lowest power in the highest bit: CRC32C shifts to the right. */
#define KAYA_CRC32C_POLYNOMIAL UINT32_C(0x82f63b78)

/* CRC32C (Castagnoli, reflected) of `bytes`, going on from `seed`. The value of the standard CRC is the one with seed 0;
 * a CRC is a bijection of its seed, and crc(crc(s, a), b) = crc(s, a || b). */
uint32_t kaya_crc32c(uint32_t seed, const void *bytes, size_t length);

/* The same from tables alone: what kaya_crc32c is on machines without instruction or library. */
uint32_t kaya_crc32c_portable(uint32_t seed, const void *bytes, size_t length);

/* kaya_crc32c over the bytes of these numbers, each lowest byte first: for what is still in registers. */
uint32_t kaya_crc32c_words(uint32_t seed, const uint32_t *words, size_t count);
uint32_t kaya_crc32c_words_portable(uint32_t seed, const uint32_t *words, size_t count);

/* The same over one number and `bytes` behind it. */
uint32_t kaya_crc32c_behind(uint32_t seed, uint32_t word, const void *bytes, size_t length);

/* Which bit of `length` bytes changes their CRC32C by `difference` when it alone flips? Bit 0 is the lowest of the first byte.
 * KAYA_NO_BIT: none. Within 2^31 - 1 bits there is at most one. */
#define KAYA_NO_BIT UINT64_MAX
uint64_t kaya_crc32c_flipped_bit(uint32_t difference, uint32_t length);

/* The low 32 bits of XXH3-64 with seed 0. */
uint32_t kaya_check32(const void *bytes, size_t length);

/* All checks of a frame (FORMAT.md, "Frames") at once: its header, of which the first check, the second and the third are taken here, is
 * stored at `out`. `low` and `high` are bytes 12..19 and 20..27 of it; `payload` may stand behind it, or not yet; `padding` zeros follow that. */
struct kaya_seal_seeds {
    uint32_t header, frame; /* the latter without the frame's place, which is in `low` */
};
void kaya_seal(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
               const void *payload, size_t length, size_t padding);

/* The same from tables alone. */
void kaya_seal_portable(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
                        const void *payload, size_t length, size_t padding);

#endif
