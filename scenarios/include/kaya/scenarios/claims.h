/* What media damage asks for (P5): must recovery refuse, may it, or must it not?
 *
 * Answered from the disk's own trace, never from the log's watermarks: a watermark that says too little would excuse itself.
 * Record r is claimed if it was durable before some operation began that wrote at least one frame which stands whole and
 * undamaged in the image, with the link of its segment. */
#ifndef KAYA_SCENARIOS_CLAIMS_H
#define KAYA_SCENARIOS_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/sim/disk.h"
#include "kaya/sim/trace.h"

enum kaya_refusal { KAYA_REFUSAL_FORBIDDEN, KAYA_REFUSAL_ALLOWED, KAYA_REFUSAL_REQUIRED };
const char *kaya_refusal_name(enum kaya_refusal refusal); /* "forbidden", "allowed", "required" */

struct kaya_claims;
struct kaya_claims *kaya_claims_create(void);         /* NULL: no memory */
void kaya_claims_destroy(struct kaya_claims *claims); /* takes NULL */

/* An operation that may write begins; everything up to `durable_lsn` is durable now. It appends records first_lsn to
 * last_lsn (0 and 0: none); `recovery` where it may move records. */
void kaya_claims_begin(struct kaya_claims *claims, uint64_t durable_lsn, uint64_t first_lsn,
                       uint64_t last_lsn, bool recovery);

/* Hears the disk's trace: a kaya_trace_listener. */
void kaya_claims_hear(void *user, const struct kaya_trace_event *event);

/* Damage that was done to the image, in one place. */
struct kaya_damage {
    const char *file_name;
    uint64_t offset_bytes, length_bytes;
    unsigned flipped_bits; /* 1 is mended, so nothing is refused */
};

/* Judge the image as it is now, damage included. Records below `low_lsn` were trimmed. KAYA_REFUSAL_ALLOWED also where
 * memory ran out. */
enum kaya_refusal kaya_claims_judge(const struct kaya_claims *claims, struct kaya_sim_disk *disk,
                                    uint64_t low_lsn, const struct kaya_damage *damage);

#endif
