/* What a peer's file gives to peer.c. */
#ifndef KAYA_BENCH_PEER_H
#define KAYA_BENCH_PEER_H

#include <stdatomic.h>

#include "measure/engine.h"

extern const struct kaya_engine *const kaya_peer;

/* For those that keep keys: the next one, in rising order as bytes compare. Any thread. */
enum { KAYA_PEER_KEY_BYTES = 8 };

static inline void kaya_peer_next_key(atomic_ullong *next, char key[KAYA_PEER_KEY_BYTES])
{
    unsigned long long number = atomic_fetch_add(next, 1);

    for (unsigned i = 0; i < KAYA_PEER_KEY_BYTES; i++)
        key[i] = (char)(number >> (8 * (KAYA_PEER_KEY_BYTES - 1 - i)));
}

#endif
