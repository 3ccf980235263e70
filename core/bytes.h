/* Little-endian loads and stores: the only way numbers get into and out of the log's bytes.
 *
 * Where the machine's own order is that, a number is copied as it stands: compilers put single bytes together only where they see all of
 * them at once. Provers know bytes. */
#ifndef KAYA_BYTES_H
#define KAYA_BYTES_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && !defined(__FRAMAC__)

#define KAYA_LOAD_AND_STORE(bits)                                                                            \
    static inline uint##bits##_t load##bits(const uint8_t *bytes)                                            \
    {                                                                                                        \
        uint##bits##_t value;                                                                                \
                                                                                                             \
        memcpy(&value, bytes, sizeof value);                                                                 \
        return value;                                                                                        \
    }                                                                                                        \
                                                                                                             \
    static inline void store##bits(uint8_t *bytes, uint##bits##_t value)                                     \
    {                                                                                                        \
        memcpy(bytes, &value, sizeof value);                                                                 \
    }

KAYA_LOAD_AND_STORE(16)
KAYA_LOAD_AND_STORE(32)
KAYA_LOAD_AND_STORE(64)
#undef KAYA_LOAD_AND_STORE

#else

static inline uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t load32(const uint8_t *bytes)
{
    return load16(bytes) | (uint32_t)load16(bytes + 2) << 16;
}

static inline uint64_t load64(const uint8_t *bytes)
{
    return (uint64_t)load32(bytes) | (uint64_t)load32(bytes + 4) << 32;
}

static inline void store16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void store32(uint8_t *bytes, uint32_t value)
{
    store16(bytes, (uint16_t)value);
    store16(bytes + 2, (uint16_t)(value >> 16));
}

static inline void store64(uint8_t *bytes, uint64_t value)
{
    store32(bytes, (uint32_t)value);
    store32(bytes + 4, (uint32_t)(value >> 32));
}

#endif

#endif
