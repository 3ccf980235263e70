/* 128 bits of hash, which stand for what they were made of. */
#ifndef KAYA_SIM_HASH_H
#define KAYA_SIM_HASH_H

#include <stdint.h>

struct kaya_hash {
    uint64_t low, high;
};

/* One step of an order-dependent hash; odd constants with well mixed bits, from XXH3. */
static inline void kaya_hash_add(struct kaya_hash *hash, uint64_t value)
{
    hash->low = (hash->low ^ value) * 0x9fb21c651e98df25;
    hash->low ^= hash->low >> 32;
    hash->high = (hash->high + value) * 0xc2b2ae3d27d4eb4f;
    hash->high ^= hash->high >> 29;
}

static inline void kaya_hash_add_hash(struct kaya_hash *hash, struct kaya_hash other)
{
    kaya_hash_add(hash, other.low);
    kaya_hash_add(hash, other.high);
}

#endif
