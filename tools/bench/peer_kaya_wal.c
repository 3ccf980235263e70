/* kaya-wal, in the row of the peers. */
#include "bench/peer.h"

const struct kaya_engine *const kaya_peer = &kaya_engine_log;
