/* The checks, whose values no proof here knows: any number may come back. What is asked of callers is that the bytes may be read.
 * That a flipped bit is one of the bytes' own is asked by tests/core/test_checksum.c. */
#ifndef PROOFS_CHECKSUMS_H
#define PROOFS_CHECKSUMS_H
#include "core/checksum.h"

/*@ requires readable: length == 0 || \valid_read((const uint8_t *)bytes + (0 .. length - 1));
    assigns \result \from seed, ((const uint8_t *)bytes)[0 .. length - 1]; */
uint32_t kaya_crc32c(uint32_t seed, const void *bytes, size_t length);

/*@ requires readable: length == 0 || \valid_read((const uint8_t *)bytes + (0 .. length - 1));
    assigns \result \from seed, ((const uint8_t *)bytes)[0 .. length - 1]; */
uint32_t kaya_crc32c_portable(uint32_t seed, const void *bytes, size_t length);

/*@ requires readable: count == 0 || \valid_read(words + (0 .. count - 1));
    assigns \result \from seed, words[0 .. count - 1]; */
uint32_t kaya_crc32c_words(uint32_t seed, const uint32_t *words, size_t count);

/*@ requires readable: length == 0 || \valid_read((const uint8_t *)bytes + (0 .. length - 1));
    assigns \result \from seed, word, ((const uint8_t *)bytes)[0 .. length - 1]; */
uint32_t kaya_crc32c_behind(uint32_t seed, uint32_t word, const void *bytes, size_t length);

/*@ assigns \result \from difference, length;
    ensures inside_or_none: \result < 8 * length || \result == KAYA_NO_BIT; */
uint64_t kaya_crc32c_flipped_bit(uint32_t difference, uint32_t length);

/*@ requires readable: length == 0 || \valid_read((const uint8_t *)bytes + (0 .. length - 1));
    assigns \result \from ((const uint8_t *)bytes)[0 .. length - 1]; */
uint32_t kaya_check32(const void *bytes, size_t length);

/*@ requires seeds: \valid_read(seeds);
    requires header: \valid(out + (0 .. 27));
    requires readable: length == 0 || \valid_read((const uint8_t *)payload + (0 .. length - 1));
    assigns out[0 .. 27] \from *seeds, low, high, ((const uint8_t *)payload)[0 .. length - 1], padding; */
void kaya_seal(uint8_t *out, const struct kaya_seal_seeds *seeds, uint64_t low, uint64_t high,
               const void *payload, size_t length, size_t padding);

#endif
