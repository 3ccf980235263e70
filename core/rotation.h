/* The next segment takes over: spares behind the head, syncs and claims before the link. For who has the log to himself (kaya_line_take). */
#ifndef KAYA_ROTATION_H
#define KAYA_ROTATION_H

#include "line.h"

/* What a preparation that failed costs: nothing was written that matters. KAYA_FULL, unless the status says more. */
enum kaya_status kaya_refuse(enum kaya_status status);

/* Make everything appended durable. A failure ends the handle. */
KAYA_MUST_CHECK enum kaya_status kaya_rotation_sync(struct kaya_wal_writer *writer);
/* ... and write a frame that claims it. */
KAYA_MUST_CHECK enum kaya_status kaya_rotation_secure(struct kaya_wal_writer *writer);

/* Let the next segment, one that can carry a record of `cost`, take over, with POOL_SPARES_MIN spares behind it, or where there is no room for
 * these, `behind_min`. Its link is encoded, to be written with what follows. KAYA_FULL, KAYA_NO_MEMORY, KAYA_LIMIT: nothing changed. */
KAYA_MUST_CHECK enum kaya_status kaya_rotate(struct kaya_wal_writer *writer, uint64_t cost, unsigned behind_min);

#endif
