/* Bytes -> facts: the only walker over a segment. Recovery, reader, inspect and verify all use it, so that their verdicts
 * cannot differ. */
#ifndef KAYA_SCAN_H
#define KAYA_SCAN_H

#include "segment.h"

/* Memory for scans, kept from one to the next. SCAN_MEMORY_NONE is safe to release. */
struct scan_memory {
    struct buffer window; /* what was read last */
    struct buffer again;  /* the same range, read once more */
    struct buffer mended; /* a frame with one bit put right */
    struct buffer record; /* a record put together from fragments */
};
#define SCAN_MEMORY_NONE ((struct scan_memory){ BUFFER_NONE, BUFFER_NONE, BUFFER_NONE, BUFFER_NONE })

/* What a scan read last, kept for a later scan of the same segment. SCAN_WINDOW_NONE holds nothing. */
struct scan_window {
    struct buffer buffer;
    uint64_t offset;
    size_t length;
};
#define SCAN_WINDOW_NONE ((struct scan_window){ .buffer = BUFFER_NONE })
void kaya_scan_memory_release(struct scan_memory *memory, const struct context *context);

/* A place between two entries. */
struct scan_place {
    uint64_t offset_bytes;
    uint32_t sequence; /* index of the next record */
};

/* A scan over one segment that has a link, from its first frame on. */
struct scan {
    const struct context *context;
    const struct segment *segment;
    struct scan_memory *memory;
    uint64_t limit;  /* nothing at or behind it is looked at: an end that a link names, or the file's size */
    bool reads_rest; /* what stands behind the end is looked at next: where the end is read again, so is all of the window behind it */
    bool is_tolerant; /* salvage: sectors that cannot be read are zeros, unknown frames are bad ones; neither is a failure */
    uint64_t window_offset;
    size_t window_length;
    uint64_t hole_offset, hole_end; /* tolerant: the sectors given up last lie between; 0: none */

    /* What stands behind the last whole entry. */
    uint64_t end;      /* V so far: the next entry would start here */
    uint32_t sequence; /* its index */
    bool has_vanished; /* a reading past the cache no longer had what was taken before it from the same block */
    uint64_t watermark; /* the furthest that a valid frame before `end` says */
    uint64_t mended_count;
    uint64_t agreed_offset,
        agreed_end; /* a stretch of the window of which all readings were the same: not read again; 0: none */
    struct scan_place claimed; /* a place between two entries that `watermark` is known to cover; often the furthest */

    /* Why the scan stopped; valid once kaya_scan_next has said that there is no more. */
    enum frame_fault fault;
    bool is_partial;    /* a record begins at `end` and is not whole: the entry tells what there is of it */
    bool looks_written; /* the bytes there are neither zero nor an older generation's */
    uint64_t fault_offset; /* of the frame that failed, which may be a later fragment */

    /* Of every frame that was looked at and whose header check holds, whatever its payload. */
    uint64_t furthest;      /* the furthest watermark */
    uint32_t seen_sequence; /* so many records there were at least */
    bool wants_base_seed;   /* the segment's LINK is lost: work its base seed out from the frames */
    bool has_base_seed;
    uint32_t base_seed;
};

/* What kaya_scan_next found: a whole record or batch, or one frame of another kind. */
struct scan_entry {
    uint8_t type;  /* of its first frame; FRAME_FULL for a whole record whatever its fragments */
    uint8_t flags; /* of its first frame: record type or batch */
    bool is_record;
    uint64_t offset_bytes;
    uint64_t end_bytes;
    uint32_t sequence;        /* index of its first record */
    uint32_t count;           /* records in it */
    uint64_t watermark_bytes; /* of its last frame */
    bool mended;
    const uint8_t *payload; /* valid until the next call */
    size_t length;
};

/* Stand before the first frame (LINK) of `segment`. `context`, `segment` and `memory` are borrowed. */
void kaya_scan_init(struct scan *scan, const struct context *context, const struct segment *segment,
                    struct scan_memory *memory, uint64_t limit);

/* Go on from a place that an earlier scan of the segment passed. */
void kaya_scan_from(struct scan *scan, const struct scan_place *place);

/* Take what the scan read last out of its memory; and show it to another one, which does not read it again. What stands in *kept before goes
 * to the memory in its place, and the other way round. */
void kaya_scan_keep_window(struct scan *scan, struct scan_window *kept);
void kaya_scan_show_window(struct scan *scan, struct scan_window *kept);

/* The next whole entry. *found false: there is none; the facts in `scan` say why. KAYA_IO: bytes could not be read.
 * KAYA_NO_MEMORY. KAYA_UNSUPPORTED: a valid frame of an unknown type that may not be skipped. */
KAYA_MUST_CHECK enum kaya_status kaya_scan_next(struct scan *scan, struct scan_entry *entry, bool *found);

/* Salvage: kaya_scan_next has stopped; find the next frame behind the bad place with which an entry may begin, and stand before it.
 * Good frames in between that belong to a broken record are passed over. *found false: there is none up to the limit. */
KAYA_MUST_CHECK enum kaya_status kaya_scan_skip(struct scan *scan, bool *found);

/* One frame, wherever it stands: valid as it is, in another reading, or mended; else what is wrong with it. */
struct scan_frame {
    struct frame frame; /* valid until the next call, if `fault` is FRAME_FAULT_NONE */
    enum frame_fault fault;
    bool mended;
    uint64_t mended_bit; /* counted from the frame's start */
};
KAYA_MUST_CHECK enum kaya_status kaya_scan_frame(struct scan *scan, uint64_t offset, struct scan_frame *found);

/* One member of a batch. *at starts at 0; false when there are no more. The batch is one that kaya_scan_next gave. */
struct batch_member {
    enum kaya_wal_record_type type;
    const uint8_t *bytes;
    size_t length;
};
bool kaya_batch_next(const uint8_t *payload, size_t length, size_t *at, struct batch_member *member);

/* A frame behind the end whose header check holds: what nothing leads to any more. */
struct stray {
    struct frame frame; /* header fields; payload may be anything */
    bool past_cache;    /* seen only in a reading past the cache */
};
typedef bool stray_visitor(void *user, const struct stray *stray);

struct claims {
    uint64_t furthest;     /* W: the furthest watermark that a stray says, 0 none */
    uint64_t claim_offset; /* of the frame that says it */
    uint64_t stray_count;
    uint64_t stray_end; /* end of the last stray's header */
    bool almost;        /* a header that is one flipped bit from valid stands there */
    bool is_partial;    /* some sector could not be read */
};

/* How often a place is read. One that cannot be read is KAYA_IO, unless what can be read is enough. */
enum claims_reading {
    CLAIMS_ONCE,             /* through the cache; past it only where that fails */
    CLAIMS_AGAIN,            /* and twice more past it: what stands in any reading counts */
    CLAIMS_WHAT_CAN_BE_READ, /* once, and sector by sector where that fails */
};

/* Look at every place from `from` to the file's end for frames whose header check holds and whose fields are plausible
 * behind `sequence` records. `visit` may be NULL. */
KAYA_MUST_CHECK enum kaya_status kaya_scan_claims(const struct context *context, const struct segment *segment,
                                                  struct scan_memory *memory, uint64_t from,
                                                  uint32_t sequence, enum claims_reading reading,
                                                  stray_visitor *visit, void *user, struct claims *claims);

/* The same behind the end that a scan has come to, with CLAIMS_AGAIN; what that has read so often with one result is not read again. */
KAYA_MUST_CHECK enum kaya_status kaya_scan_claims_behind(struct scan *scan, struct claims *claims);

#endif
