/* What damage asks for (P5): must the log refuse, may it, or must it not, and what must still be there if it opens?
 *
 * Answered from the disk's own trace and images, never from the log's watermarks: a watermark that says too little would excuse
 * itself. Record r is claimed if it was durable before some operation began that wrote at least one frame which stands whole
 * and undamaged in the image, with the link of its segment. */
#ifndef KAYA_SCENARIOS_CLAIMS_H
#define KAYA_SCENARIOS_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/scenarios/image.h"
#include "kaya/sim/trace.h"

enum kaya_refusal { KAYA_REFUSAL_FORBIDDEN, KAYA_REFUSAL_ALLOWED, KAYA_REFUSAL_REQUIRED };
const char *kaya_refusal_name(enum kaya_refusal refusal); /* "forbidden", "allowed", "required" */

enum { KAYA_PLACES_MAX = 16 };

/* A write of the log that is part of it, and of which bytes differ from the true ones. */
struct kaya_damaged_place {
    char file_name[KAYA_NAME_BYTES_MAX + 1];
    uint64_t offset_bytes; /* the first byte that differs */
    uint64_t write_offset; /* where the operation that put it there began to write ... */
    uint64_t write_end;    /* ... and where it ended there */
    uint64_t first_lsn;    /* the records appended by it, whole; 0: none */
    uint64_t last_lsn;
    bool begins_segment; /* the header or the link is hit: the segment as a whole is in doubt */
    bool is_unreadable;
    enum kaya_refusal refusal; /* what this place alone asks for */
};

/* What the log may do with the image as it is. */
struct kaya_outlook {
    enum kaya_refusal refusal;
    bool is_damaged;    /* some byte of a segment in use differs, or of one that may be */
    bool is_unreadable; /* some byte, anywhere, cannot be read */
    bool is_mark_damaged; /* a link, mark or CLOSE that nothing vouches for: epoch, low-water mark and clean close may be older ones */
    bool is_hidden; /* in part, perhaps: reads through the cache and past it may differ */
    bool is_trim_lost; /* a trim's mark stands behind damage that nothing vouches for: the low-water mark may be an older one */
    uint64_t claimed_lsn; /* so far reach the claims that stand on the medium */
    uint64_t kept_lsn;    /* if it opens, no record up to here may be lost; UINT64_MAX: none at all */
    uint64_t mended_min;  /* if it opens, so many frames must be reported mended, at least ... */
    uint64_t mended_max;  /* ... and at most */
    size_t place_count;   /* may exceed KAYA_PLACES_MAX: those behind are not kept */
    struct kaya_damaged_place places[KAYA_PLACES_MAX];
};

/* Nothing is damaged, nothing may be refused. */
#define KAYA_OUTLOOK_OF_NO_DAMAGE                                                                            \
    {                                                                                                        \
        .refusal = KAYA_REFUSAL_FORBIDDEN, .kept_lsn = UINT64_MAX, .mended_max = UINT64_MAX                  \
    }

/* Places that were never found are not copied: they are most of it. */
void kaya_outlook_copy(const struct kaya_outlook *from, struct kaya_outlook *to);

struct kaya_claims;
struct kaya_claims *kaya_claims_create(void);         /* NULL: no memory */
void kaya_claims_destroy(struct kaya_claims *claims); /* takes NULL */
void kaya_claims_reset(struct kaya_claims *claims);   /* as new, keeping memory */

/* An operation that may write begins; everything up to `durable_lsn` is durable now. It appends records first_lsn to
 * last_lsn (0 and 0: none); `recovery` where it may move records. */
void kaya_claims_begin(struct kaya_claims *claims, uint64_t durable_lsn, uint64_t first_lsn,
                       uint64_t last_lsn, bool recovery);

/* A recovery or cut-back ended well, with `last_lsn` as the last record. The image was judged right before it. */
void kaya_claims_recovered(struct kaya_claims *claims, uint64_t last_lsn);

/* Hears the disk's trace: a kaya_trace_listener. */
void kaya_claims_hear(void *user, const struct kaya_trace_event *event);

/* Judge: `now` is what the next reader sees, `truth` what it would see if no damage had been done. Records below `low_lsn` were
 * trimmed, those below `low_may_lsn` perhaps. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_claims_judge(struct kaya_claims *claims, const struct kaya_image *now,
                                                   const struct kaya_image *truth, uint64_t low_lsn,
                                                   uint64_t low_may_lsn, struct kaya_outlook *outlook);

#endif
