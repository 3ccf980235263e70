/* The segments in use, from the head backwards by links. */
#ifndef KAYA_CHAIN_H
#define KAYA_CHAIN_H

#include "look.h"

/* Fill in `chain`, ascending, down to the segment that holds the low-water mark. Each must be the one that its successor names, whole up to the
 * end that it names: else damage. In a damaged log, too: what of it is in use shall be known. KAYA_UNSUPPORTED, KAYA_IO, KAYA_NO_MEMORY,
 * KAYA_LIMIT. */
KAYA_MUST_CHECK enum kaya_status kaya_chain_walk(struct look *look);

/* The segment of that name in a chain, which ascends by number; NULL: none. */
const struct chain_segment *kaya_chain_find(const struct chain_segment *chain, size_t count, uint64_t number,
                                            enum segment_name_kind kind);

#endif
