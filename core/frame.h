/* Bytes <-> frame. The layout and the seeds are those of FORMAT.md, "Frames" and "Seeds". Pure. */
#ifndef KAYA_FRAME_H
#define KAYA_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "checksum.h"
#include "kaya/wal.h"
#include "shape.h"

enum {
    KAYA_FRAME_HEADER_BYTES = 28,
    KAYA_FRAME_OFFSET_AT = 16,   /* where in the header its own place stands (off4) */
    KAYA_FRAME_ROOM_MIN = 40,    /* less than this before a block's end is padding of the frame before */
    KAYA_FIRST_PREFIX_BYTES = 8, /* FIRST: the record's whole length */
    KAYA_LINK_BYTES = 56,
    KAYA_TRIM_BYTES = 8,
    KAYA_MEMBER_BYTES = 4, /* batch: type and length before each member */
    KAYA_SEGMENT_HEADER_BYTES = 96,
    KAYA_FORMAT_VERSION = 1,
};

enum frame_type {
    FRAME_FULL = 1,
    FRAME_FIRST = 2,
    FRAME_MIDDLE = 3,
    FRAME_LAST = 4,
    FRAME_PAD = 5,
    FRAME_WATERMARK = 6,
    FRAME_CLOSE = 7,
    FRAME_LINK = 8,
    FRAME_TRIM = 9,
    FRAME_TYPES_END,
    FRAME_SKIPPABLE = 0x80, /* a reader that does not know the type may skip the frame */
};

/* flags of FULL and FIRST: the record's type, or this for a batch. Zero in all other frames. */
enum { FRAME_FLAG_BATCH = 5 };

/* What the checks of one segment are seeded with. */
struct frame_seeds {
    uint32_t segment; /* from the segment header: LINK, and every header check */
    uint32_t base;    /* and LINK's nonce: every other frame */
};
uint32_t kaya_segment_seed(const struct kaya_wal_log_id *log_id, uint64_t number, uint64_t salt);
uint32_t kaya_base_seed(uint32_t segment_seed, uint32_t nonce);

/* A frame's fields, as encoded; `payload` points into the bytes it was decoded from. */
struct frame {
    uint8_t type;
    uint8_t flags;
    uint16_t length;        /* payload bytes */
    uint64_t offset_bytes;  /* its place in the segment */
    uint64_t durable_bytes; /* the watermark: an offset in this segment, 0 none */
    uint32_t sequence;      /* index in the segment of its record, or of the next one */
    const uint8_t *payload;
    uint32_t extent_bytes; /* header, payload and padding */
};

/* Sizes, worked out for every frame: no calls. */

/* What is left of the block of `offset`. */
static inline uint32_t kaya_frame_rest(const struct shape *shape, uint64_t offset)
{
    return (uint32_t)(kaya_shape_block_end(shape, offset) - offset);
}

/* Whole size of a frame with `length` payload bytes that leaves room for another one in its block. */
static inline uint32_t kaya_frame_extent_inside(uint32_t length)
{
    return (KAYA_FRAME_HEADER_BYTES + length + 3) & ~UINT32_C(3);
}

/* Whole size of a frame with `length` payload bytes at `offset`: rounded up to 4, and to the block's end where less than
 * KAYA_FRAME_ROOM_MIN would be left. */
static inline uint32_t kaya_frame_extent(const struct shape *shape, uint64_t offset, uint32_t length)
{
    uint32_t rest = kaya_frame_rest(shape, offset);
    uint32_t extent = kaya_frame_extent_inside(length);

    return rest - extent < KAYA_FRAME_ROOM_MIN ? rest : extent;
}

/* The longest payload of a frame at `offset`. */
static inline uint32_t kaya_frame_room(const struct shape *shape, uint64_t offset)
{
    uint32_t rest = kaya_frame_rest(shape, offset);

    return rest < KAYA_FRAME_ROOM_MIN ? 0 : rest - KAYA_FRAME_HEADER_BYTES;
}

/* Write the frame's extent_bytes at `out`; payload bytes come from `frame->payload`: from elsewhere, or they stand at
 * out + KAYA_FRAME_HEADER_BYTES already. The extent is worked out and must fit the block; it is returned. */
uint32_t kaya_frame_encode(uint8_t *out, const struct shape *shape, const struct frame_seeds *seeds,
                           const struct frame *frame);

/* The frame, and zeros behind it. The checks are taken from the caller's payload before it is copied: a processor waits for bytes that were
 * stored a moment ago in other pieces than it now loads. Here, so that what is known of a frame where it is made never goes through memory. */
static inline void kaya_frame_put(uint8_t *out, const struct frame_seeds *seeds, const struct frame *frame,
                                  uint32_t padding_bytes)
{
    struct kaya_seal_seeds bound = { .header = seeds->segment,
                                     .frame = frame->type == FRAME_LINK ? seeds->segment : seeds->base };
    uint64_t low = frame->length | (uint64_t)frame->type << 16 | (uint64_t)frame->flags << 24 |
                   (frame->offset_bytes / 4) << 32;
    uint64_t high = (uint32_t)(frame->durable_bytes / 4) | (uint64_t)frame->sequence << 32;
    uint8_t *payload = out + KAYA_FRAME_HEADER_BYTES;

    kaya_seal(out, &bound, low, high, frame->payload, frame->length, padding_bytes);
    if (frame->length > 0 && frame->payload != payload)
        memcpy(payload, frame->payload, frame->length);
    for (uint8_t *at = payload + frame->length; padding_bytes > 0; padding_bytes--)
        *at++ = 0;
}

/* As kaya_frame_encode for a frame that leaves room for another one in its block, as the caller knows, who also knows that its fields are
 * plausible. */
static inline uint32_t kaya_frame_encode_inside(uint8_t *out, const struct frame_seeds *seeds,
                                                const struct frame *frame)
{
    uint32_t extent = kaya_frame_extent_inside(frame->length);

    kaya_frame_put(out, seeds, frame, extent - KAYA_FRAME_HEADER_BYTES - frame->length);
    return extent;
}

/* What is wrong with a frame, first to last check. X(NAME, text) */
#define KAYA_FRAME_FAULT_LIST(X)                                                                             \
    X(NONE, "good")                                                                                          \
    X(ROOM, "no room for a frame before the bytes end")                                                      \
    X(ZERO, "zeros where a frame was expected")                                                              \
    X(HEADER, "the header check fails")                                                                      \
    X(FIELDS, "the header check holds but a field is out of range")                                          \
    X(PAYLOAD, "the payload check fails")                                                                    \
    X(UNKNOWN, "a type that this version does not know")
enum frame_fault {
#define KAYA_FRAME_FAULT_ENUM(NAME, text) FRAME_FAULT_##NAME,
    KAYA_FRAME_FAULT_LIST(KAYA_FRAME_FAULT_ENUM)
#undef KAYA_FRAME_FAULT_ENUM
};
const char *kaya_frame_fault_text(enum frame_fault fault);

/* Decode and judge the frame at `offset`, whose block's bytes from there to the block's end, or to where the file ends,
 * are `bytes`, `available` long. The frame is valid (FRAME_FAULT_NONE) exactly if its payload check holds (which covers the
 * header) and its fields are plausible. UNKNOWN: valid but for the type, and not skippable. On HEADER, FIELDS and PAYLOAD
 * nothing of *frame but what kaya_frame_header says may be used. Never reads outside the bytes. */
enum frame_fault kaya_frame_decode(const uint8_t *bytes, size_t available, const struct shape *shape,
                                   const struct frame_seeds *seeds, uint64_t offset, struct frame *frame);

/* The short way for what most frames are: a whole record behind the first frame, with room for another frame behind it in its block. `rest`: what
 * is at hand of the block, which must be one of a segment, from `offset` on. True: kaya_frame_decode would say FRAME_FAULT_NONE, and *frame is
 * what it would give. False: that is the one to ask; nothing of *frame may be used. */
bool kaya_frame_decode_inside(const uint8_t *bytes, size_t rest, const struct frame_seeds *seeds,
                              uint64_t offset, struct frame *frame);

/* The header alone: true if its own check holds and its fields are plausible, whatever the payload. What claims and resync
 * rest on. */
bool kaya_frame_header(const uint8_t *bytes, size_t available, const struct shape *shape,
                       uint32_t segment_seed, uint64_t offset, struct frame *frame);

/* What a frame's checks ought to be. All but the header's go by the frame's type, place, length and extent, which must be
 * known to lie inside the bytes. */
uint32_t kaya_frame_header_check(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset);
uint32_t kaya_frame_payload_check(const uint8_t *bytes, const struct frame_seeds *seeds,
                                  const struct frame *frame);
uint32_t kaya_frame_second_check(const uint8_t *bytes, const struct frame_seeds *seeds,
                                 const struct frame *frame);

/* Second thoughts about a valid frame, for notices. */
bool kaya_frame_header_check_holds(const uint8_t *bytes, uint32_t segment_seed, uint64_t offset);
bool kaya_frame_second_check_holds(const uint8_t *bytes, const struct frame_seeds *seeds,
                                   const struct frame *frame);

/* Mend one flipped bit (mend.c). `bytes` as for decode; on true `scratch` (available bytes long, not overlapping) holds the
 * frame with bit `*bit` (counted from the frame's start, lowest bit of a byte first) put right, and *frame points into it.
 * A frame is mendable exactly if one flip makes it valid in ALL its checks (payload, header, second) with plausible,
 * known fields. */
bool kaya_frame_mend(const uint8_t *bytes, size_t available, const struct shape *shape,
                     const struct frame_seeds *seeds, uint64_t offset, uint8_t *scratch, struct frame *frame,
                     uint64_t *bit);

/* Would one flip make the header's own check hold, with plausible fields? (mend.c) */
bool kaya_frame_header_is_almost(const uint8_t *bytes, size_t available, const struct shape *shape,
                                 uint32_t segment_seed, uint64_t offset);

/* LINK's payload. */
struct link {
    uint64_t base_lsn;
    uint64_t predecessor;     /* segment number; 0: none, the log begins here */
    uint64_t predecessor_end; /* its durable end */
    uint64_t carried_end;     /* recovery: the copies end here; 0: a rotation */
    uint64_t low_water_lsn;
    uint64_t epoch;
    uint32_t nonce;
    uint32_t chain; /* digest over the predecessors */
};
void kaya_link_encode(uint8_t out[KAYA_LINK_BYTES], const struct link *link);
void kaya_link_decode(const uint8_t bytes[KAYA_LINK_BYTES], struct link *link);
/* Can a log reach this LSN or epoch? If not somebody made it up, and counting on from it might wrap. */
bool kaya_number_is_plausible(uint64_t number);
/* The chain digest of a successor of that segment, ended at `end`. */
uint32_t kaya_link_chain(uint32_t predecessor_chain, uint32_t predecessor_base_seed, uint64_t end);

/* The segment header. */
struct segment_header {
    uint16_t version;
    uint32_t incompatible;    /* features: unknown bits here: do not even read */
    uint32_t read_compatible; /* unknown bits here: read, do not write */
    uint32_t compatible;      /* unknown bits here: never mind */
    struct shape shape;
    struct kaya_wal_log_id log_id;
    uint64_t number;
    uint64_t salt;
    uint32_t previous_seed; /* the segment seed of the recycled file's life before; 0: none */
};
void kaya_segment_header_encode(uint8_t out[KAYA_SEGMENT_HEADER_BYTES], const struct segment_header *header);

enum header_fault {
    HEADER_FAULT_NONE,
    HEADER_FAULT_MAGIC, /* not a segment header */
    HEADER_FAULT_CHECK, /* the magic stands, the check fails */
    HEADER_FAULT_FIELDS,
    HEADER_FAULT_VERSION, /* a good header of a newer version or with an unknown incompatible feature */
};
/* VERSION is judged after the check and before the other fields: magic, check and version never move. */
enum header_fault kaya_segment_header_decode(const uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES],
                                             struct segment_header *header);

#endif
