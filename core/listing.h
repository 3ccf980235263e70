/* The files of a directory that are the log's, by number. */
#ifndef KAYA_LISTING_H
#define KAYA_LISTING_H

#include "segment.h"

/* A file of the log's, as listed. */
struct listed {
    uint64_t number;
    enum segment_name_kind kind;
    /* Files above the head only: */
    bool is_whole; /* a good header without features that only readers may pass over, and as long as that says */
    bool is_clean;      /* no frame of its present life was seen in it */
    bool has_holes;     /* sectors that cannot be read */
    bool is_unreadable; /* where its link would stand */
    bool has_frames;    /* of its present life, and no link leads to them */
    bool is_linked;     /* by a link that does not count: copies of a recovery that was not finished */
    struct shape shape;
    struct kaya_wal_log_id log_id;
    uint64_t furthest; /* no link is valid, but frames say that so much of it was durable; 0: none does */
};

struct listing {
    struct listed *files; /* ascending by number; for one number .wal before .away before .new */
    size_t file_count, file_capacity;
    struct listed *obstacles; /* ... and in the same order what bears a name of the log's and is no file: a directory, a link */
    size_t obstacle_count, obstacle_capacity;
    uint64_t foreign_count; /* other names, which the listener was told of, as of the obstacles */
};
#define LISTING_NONE ((struct listing){ .files = NULL })

/* *listing is LISTING_NONE or an earlier listing, and is to be released after any status, also KAYA_NOT_FOUND: there is no directory, and there are no files.
 * KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED. */
KAYA_MUST_CHECK enum kaya_status kaya_listing_read(struct listing *listing, const struct context *context);
void kaya_listing_release(struct listing *listing, const struct context *context);

/* The file of `number` that stands for the segment (.wal, else .away); NULL: none. */
const struct listed *kaya_listing_find(const struct listing *listing, uint64_t number);
/* What is no file and bears a name of segment `number`: the first one of the kinds up to `last`, .wal before .away before .new; NULL: nothing. */
const struct listed *kaya_listing_find_obstacle(const struct listing *listing, uint64_t number,
                                                enum segment_name_kind last);

#endif
