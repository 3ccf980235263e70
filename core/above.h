/* What stands above the head. */
#ifndef KAYA_ABOVE_H
#define KAYA_ABOVE_H

#include "look.h"

enum {
    /* Behind a segment that takes records. A recovery on a full disk takes one; the next finds a head with nothing but carried records,
     * takes the other, and gives that head back as a spare: so however often the log is recovered, there is one to take. */
    SPARES_BEHIND_MIN = 2,
};

/* It must be a spare of this log, or damage tells that the head is not the head. KAYA_IO: some file cannot be read, and may have been in use. KAYA_NO_MEMORY,
 * KAYA_LIMIT. */
KAYA_MUST_CHECK enum kaya_status kaya_above_check(struct look *look);

#endif
