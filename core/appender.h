/* Putting frames behind the end of a segment: encode, gather, write, pad, sync. Knows what is durable and what is claimed in its
 * segment, and nothing of LSNs, other segments, promises or threads.
 *
 * Encoding and I/O are apart, so that the next group of records can be encoded while one is on its way: what was encoded departs as a flight,
 * flies (the I/O, which touches nothing of the appender), and arrives. One flight at a time. */
#ifndef KAYA_APPENDER_H
#define KAYA_APPENDER_H

#include "segment.h"

/* How far what was handed to the disk goes: behind a whole record or control frame, so that a claim may say it. */
struct reach {
    uint64_t end;
    uint64_t cost, cost_watermark; /* the appender's when this departed */
    uint32_t sequence;             /* likewise */
};

struct appender {
    const struct context *context;
    struct segment segment; /* open for writing */
    uint64_t end;           /* behind the last frame encoded */
    uint64_t written;       /* all before it was handed to the disk ... */
    uint64_t durable;       /* the watermark: `end` when the last sync that returned OK began; 0 none */
    uint64_t prewritten;    /* written through up to here, so that a sync touches no metadata */
    uint32_t stride_bytes;
    uint32_t buffer_bytes;     /* what a buffer holds, if the segment's shape allows it */
    uint32_t sequence;         /* index of the next record */
    uint32_t written_sequence; /* ... and all records before this one */
    uint8_t last_type;         /* of the last frame encoded or found */
    bool is_settled;           /* nothing that was written to the file since it was opened waits for a sync */
    bool is_inside_record;     /* a part of a record was encoded, and the rest was not */
    struct reach reach;        /* what a sync that begins now makes durable */

    /* What the records of this segment cost a carry (kaya_carry_cost), summed up to the end and to what ... */
    uint64_t cost;
    uint64_t cost_durable;   /* ... is durable */
    uint64_t cost_watermark; /* ... the last frame encoded says is durable */
    uint64_t cost_claimed;   /* ... a durable frame says is durable */

    /* A record in one frame that ends at or before `clear_end`, with the costs then at most `clear_cost`, may be encoded without another look. */
    uint64_t clear_end, clear_cost;

    struct buffer buffer; /* encoded, not departed: [end - used, end) */
    size_t used;
    struct buffer idle; /* takes the next group while `buffer` flies; made when it is first needed */
};
#define APPENDER_NONE ((struct appender){ .segment = { .file = NULL } })

/* Encoded bytes on their way to the disk. */
struct flight {
    struct buffer buffer;
    size_t used;
    uint64_t offset;
    uint64_t end;                  /* behind them */
    uint32_t sequence;             /* the appender's when it departed, as are ... */
    uint64_t cost, cost_watermark; /* ... these */
    bool syncs;
    bool is_alone;   /* nothing else waits for its sync: kaya_disk_write_durable will do */
    bool breaks_off; /* a record goes on behind it */
};

/* Begin `segment`, which is taken over, with LINK: encoded, not written. `is_recycled`: its file is written through. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_begin(struct appender *appender, const struct context *context,
                                                     struct segment *segment, const struct link *link,
                                                     uint32_t stride_bytes);
/* Go on behind `end` of `segment`, which is taken over. It is durable up to `durable`: a CLOSE that stands between may not be. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_resume(struct appender *appender, const struct context *context,
                                                      struct segment *segment, uint64_t durable, uint64_t end,
                                                      uint32_t sequence, uint32_t stride_bytes);
/* Memory for a segment of this shape, so that kaya_appender_begin needs none. KAYA_NO_MEMORY: nothing changed. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_reserve(struct appender *appender, const struct shape *shape);
void kaya_appender_release(struct appender *appender); /* writes nothing; takes APPENDER_NONE */

/* Where a record of `length` bytes would end that is put at `end`; and the same for a control frame. Pure. */
uint64_t kaya_record_end(const struct shape *shape, uint64_t end, uint64_t length);
uint64_t kaya_control_end(const struct shape *shape, uint64_t end, uint32_t length);

/* The last offset at which a record may end (room for one TRIM and one CLOSE stays), and at which a TRIM may. */
uint64_t kaya_record_limit(const struct shape *shape);
uint64_t kaya_trim_limit(const struct shape *shape);

/* What a record of `length` bytes costs a carry at most, and what a segment of this shape can carry. */
uint64_t kaya_carry_cost(uint64_t length);
uint64_t kaya_carry_capacity(const struct shape *shape);

/* Where the next sync will end. */
uint64_t kaya_appender_padded_end(const struct appender *appender);

/* Write zeros to [from, to). As kaya_disk_write. */
KAYA_MUST_CHECK enum kaya_status kaya_write_zeros(const struct context *context, struct kaya_file *file,
                                                  uint64_t from, uint64_t to);

/* As long as the end is not behind this place, nobody need write ahead. Pure. */
uint64_t kaya_appender_calm_end(const struct appender *appender);
/* Write through ahead of `end`. Preparation: a failure harms nothing. KAYA_FULL, KAYA_IO. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_write_ahead(struct appender *appender, uint64_t end);
/* The same in two steps: what is to be written, [from, to), none where they are equal; and the I/O, which touches nothing of the appender.
 * `is_settled` is the caller's to make false before, and on KAYA_OK `prewritten` to set to `to`. */
void kaya_appender_plan_ahead(const struct appender *appender, uint64_t end, uint64_t *from, uint64_t *to);
KAYA_MUST_CHECK enum kaya_status kaya_appender_fill_ahead(const struct appender *appender, uint64_t from,
                                                          uint64_t to);

/* Encode a record (or batch: flags FRAME_FLAG_BATCH, `count` members), or a control frame. Parts may be written when the buffer
 * fills. It must fit; KAYA_IO and the other statuses of a write otherwise. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_put_record(struct appender *appender, uint8_t flags,
                                                          const void *bytes, size_t length, uint32_t count);
KAYA_MUST_CHECK enum kaya_status kaya_appender_put_control(struct appender *appender, enum frame_type type,
                                                           const void *bytes, uint16_t length);

/* All that a record asks for is so at the end: note how far that goes in this block, and before who tends is to be told to write ahead, where
 * `carry_capacity` is what every successor can carry. What is noted holds until a control frame is put, another segment is begun, or kaya_appender_doubt. */
void kaya_appender_clear(struct appender *appender, uint64_t carry_capacity);
static inline void kaya_appender_doubt(struct appender *appender)
{
    appender->clear_end = 0;
}
/* Encode a record where that was noted, and the buffer has room for it and the padding of a sync. False: not so; nothing was done. */
bool kaya_appender_put_clear(struct appender *appender, uint8_t flags, const void *bytes, size_t length);

/* Would a record that ends at `end` (kaya_record_end), and the padding of a sync behind it, go into the buffer without any I/O? Pure. */
bool kaya_appender_fits_buffer(const struct appender *appender, uint64_t end);
/* Would it, once what was encoded so far has been written? Pure. */
bool kaya_appender_fits_next_buffer(const struct appender *appender, uint64_t end);
/* Memory for the next group while one flies. KAYA_NO_MEMORY: there is none, wait for the arrival. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_reserve_group(struct appender *appender);

/* What was encoded departs; with `syncs`, padded where the segment asks for it. Does I/O only where padding does not fit the buffer
 * (kaya_appender_fits_buffer was not asked). */
KAYA_MUST_CHECK enum kaya_status kaya_appender_depart(struct appender *appender, bool syncs,
                                                      struct flight *flight);
/* Write, and sync. Of the appender only the context and the file are read: others may encode meanwhile. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_fly(const struct appender *appender, const struct flight *flight);
/* `status`: of the flight. What it made durable counts from now on. */
void kaya_appender_arrive(struct appender *appender, struct flight *flight, enum kaya_status status);

/* Is so much written and not durable that it shall be synced ahead of who will ask for it? Not where each sync is padded. Pure. */
bool kaya_appender_must_sync_ahead(const struct appender *appender);
/* A sync of the file that began when `reach` was the appender's, while nobody else synced it, returned OK. Others may have written meanwhile. */
void kaya_appender_note_sync(struct appender *appender, const struct reach *reach);

/* What no durable frame claims yet. */
uint64_t kaya_appender_unclaimed_cost(const struct appender *appender);

/* Hand everything encoded to the disk. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_flush(struct appender *appender);

/* Pad where the segment asks for it, flush, sync. Nothing is done where nothing was put since the last one. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_sync(struct appender *appender);

/* Write a frame that claims everything durable so far, and make it durable: two syncs at most. */
KAYA_MUST_CHECK enum kaya_status kaya_appender_secure(struct appender *appender);

#endif
