/* core/bytes.h: what its loads and stores do, for every value. */
#ifndef PROOFS_BYTES_H
#define PROOFS_BYTES_H
#include "arithmetic.h"

#include "core/bytes.h"

/*@ requires \valid_read(bytes + (0 .. 1));
    assigns \nothing;
    ensures \result == bytes[0] + 0x100 * bytes[1]; */
static inline uint16_t load16(const uint8_t *bytes);

/*@ requires \valid_read(bytes + (0 .. 3));
    assigns \nothing;
    ensures \result == bytes[0] + 0x100 * bytes[1] + 0x10000 * bytes[2] + 0x1000000 * bytes[3]; */
static inline uint32_t load32(const uint8_t *bytes);

/*@ requires \valid_read(bytes + (0 .. 7));
    assigns \nothing;
    ensures \result == bytes[0] + 0x100 * bytes[1] + 0x10000 * bytes[2] + 0x1000000 * bytes[3]
                       + 0x100000000 * (bytes[4] + 0x100 * bytes[5] + 0x10000 * bytes[6] + 0x1000000 * bytes[7]); */
static inline uint64_t load64(const uint8_t *bytes);

/*@ requires \valid(bytes + (0 .. 1));
    assigns bytes[0 .. 1];
    ensures value == bytes[0] + 0x100 * bytes[1]; */
static inline void store16(uint8_t *bytes, uint16_t value);

/*@ requires \valid(bytes + (0 .. 3));
    assigns bytes[0 .. 3];
    ensures value == bytes[0] + 0x100 * bytes[1] + 0x10000 * bytes[2] + 0x1000000 * bytes[3]; */
static inline void store32(uint8_t *bytes, uint32_t value);

/*@ requires \valid(bytes + (0 .. 7));
    assigns bytes[0 .. 7];
    ensures value == bytes[0] + 0x100 * bytes[1] + 0x10000 * bytes[2] + 0x1000000 * bytes[3]
                     + 0x100000000 * (bytes[4] + 0x100 * bytes[5] + 0x10000 * bytes[6] + 0x1000000 * bytes[7]); */
static inline void store64(uint8_t *bytes, uint64_t value);

#endif
