/* What a peer's file gives to peer.c. */
#ifndef KAYA_BENCH_PEER_H
#define KAYA_BENCH_PEER_H

#include "measure/engine.h"

extern const struct kaya_engine *const kaya_peer;

#endif
