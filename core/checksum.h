/* The two checks of the format. */
#ifndef KAYA_CHECKSUM_H
#define KAYA_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* CRC32C (Castagnoli, reflected) of `bytes`, going on from `seed`. The value of the standard CRC is the one with seed 0;
 * a CRC is a bijection of its seed, and crc(crc(s, a), b) = crc(s, a || b). */
uint32_t kaya_crc32c(uint32_t seed, const void *bytes, size_t length);

/* The low 32 bits of XXH3-64 with seed 0. */
uint32_t kaya_check32(const void *bytes, size_t length);

#endif
