/* Little-endian loads and stores: the snapshot and the records mean the same on every machine. */
#ifndef KAYA_KV_BYTES_H
#define KAYA_KV_BYTES_H

#include <stdint.h>

static inline uint64_t kaya_kv_load(const uint8_t *bytes, unsigned length)
{
    uint64_t value = 0;

    while (length-- > 0)
        value = value << 8 | bytes[length];
    return value;
}

static inline void kaya_kv_store(uint8_t *bytes, unsigned length, uint64_t value)
{
    for (unsigned i = 0; i < length; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

#endif
