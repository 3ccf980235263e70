/* A set of hashes that are only added. Processes may share it: it holds no address. */
#ifndef KAYA_SIM_VISITED_H
#define KAYA_SIM_VISITED_H

#include "kaya/sim/explore.h"
#include "pool.h"

/* Add; the first who adds a hash is told KAYA_VISIT_NEW, all others, at any time and in any process, KAYA_VISIT_KNOWN. `tag` is kept
 * with it, so that all of one tag can be taken out again (kaya_visited_keep). */
enum kaya_visit { KAYA_VISIT_NEW, KAYA_VISIT_KNOWN, KAYA_VISIT_FULL };
enum kaya_visit kaya_visited_add(struct kaya_visited *visited, struct kaya_hash hash, uint32_t tag);

#endif
