/* The segments behind the one in use: preparing spares, recycling dead files, taking the next one. */
#ifndef KAYA_POOL_H
#define KAYA_POOL_H

#include "appender.h"
#include "survey.h"

enum { POOL_SPARES_MAX = 24, POOL_SPARES_MIN = SPARES_BEHIND_MIN };

struct spare {
    uint64_t number;
    enum segment_name_kind kind;
    struct shape shape;
    struct segment_header header; /* is_ours: the one that was written */
    uint64_t carry_capacity;      /* what a segment of that shape can carry */
    bool is_clean;                /* no frame of its present life was seen in it */
    bool has_holes;               /* sectors of it cannot be read until they are written anew */
    bool is_ours;                 /* prepared by this process, which saw its header become durable */
    bool is_blocked;   /* something else has a name of the next number: nothing may be appended in it */
    bool is_name_sure; /* this process saw the directory sync that made its name durable */
};

struct pool {
    const struct context *context;
    struct kaya_wal_log_id log_id;
    struct shape shape;      /* of new spares */
    uint64_t carry_capacity; /* what one of them can carry */
    unsigned wanted;         /* spares to keep behind the segment in use */
    unsigned spare_count;
    uint64_t head_number; /* of the segment in use */
    uint64_t number_max;  /* the highest number that a file of this log has */
    bool is_head_followed; /* behind the segment in use stands a spare under the next number, or the next one prepared will */
    bool has_strangers; /* what is none of its segments has names of numbers behind it: these are passed over */
    struct spare spares[POOL_SPARES_MAX]; /* ascending by number; nobody looks behind their count */
};

void kaya_pool_init(struct pool *pool, const struct context *context, const struct kaya_wal_log_id *log_id,
                    const struct shape *shape, unsigned wanted);
/* From what a survey found behind the head. With more files than POOL_SPARES_MAX the first ones count. */
void kaya_pool_adopt(struct pool *pool, const struct listing *listing, uint64_t head_number);
/* The segment that was taken is the one in use now, and a spare under the next number stands behind it, or the next one prepared will. */
void kaya_pool_follow(struct pool *pool, uint64_t head_number);

/* Prepare one more spare that can carry at least `cost_min`: created anew, or out of a leftover under its number. The names of earlier spares are made durable first.
 * On KAYA_OK it is durable under its number.  KAYA_FULL: the disk has no room, or the preparation failed: the event tells why;
 * nothing changed that matters. KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_GONE. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_prepare(struct pool *pool, uint64_t cost_min);

/* A dead file of the log: make it a spare, up to one more than wanted, if it fits, else delete it. `must_last`: where spares are few, or none
 * can carry `cost_min`, and the disk has no room for a new one, keep as much of it as fits. Failures cost nothing: the next recovery finds the
 * file again. Only KAYA_GONE is returned. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_retire(struct pool *pool, const struct chain_segment *dead,
                                                  bool must_last, uint64_t cost_min);

/* Make a dead file of the log a spare, one that can carry `cost_min` if it is long enough, whatever state and shape it is in, without giving up its room on
 * the way: for a recovery that has no such spare, on a disk that may be full. On failure the file may be gone, and nothing else that matters.
 * KAYA_FULL, KAYA_IO: it is no spare.
 * KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_GONE. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_reclaim(struct pool *pool, const struct chain_segment *dead,
                                                   uint64_t cost_min);

/* Is every spare's name durable? Pure. */
bool kaya_pool_is_settled(const struct pool *pool);
/* Make sure that it is. KAYA_IO, KAYA_FULL: it is not, and the event tells why. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_settle_names(struct pool *pool);
/* The first half of it, for recovery, which syncs the directory later: rename each unsure spare away and back. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_refresh_names(struct pool *pool);
/* The second half. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_sync_names(struct pool *pool);

/* Index of the first spare that can carry `cost_min`; spare_count: none. */
unsigned kaya_pool_pick(const struct pool *pool, uint64_t cost_min);

/* How many spares can carry `cost_min` and take over. */
unsigned kaya_pool_count_carriers(const struct pool *pool, uint64_t cost_min);

/* Open spare `index` for writing and take it, and the spares before it, out of the pool. Where an unfinished rotation or recovery left
 * frames in it, it gets a new salt first, so that they are an older life's. On failure nothing changed that matters.
 * KAYA_IO also where the spare has gone bad meanwhile: it is forgotten, and the next call finds another. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_take(struct pool *pool, unsigned index, struct segment *segment);

/* What every segment that may take over can carry. */
uint64_t kaya_pool_carry_capacity(const struct pool *pool);

/* Create a segment file under its `.new` name with header copies, sized; open on return, not synced. For the first segment of a
 * new log, whose link is written before its name. */
KAYA_MUST_CHECK enum kaya_status kaya_pool_create_file(const struct context *context,
                                                       const struct segment_header *header,
                                                       struct segment *segment);

#endif
