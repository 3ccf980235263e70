/* Looking at a whole log without changing it: which files there are, which segments are in use, where the log ends, and what
 * that means. Recovery, cut-back, readers, verify and inspect all begin here. */
#ifndef KAYA_SURVEY_H
#define KAYA_SURVEY_H

#include "scan.h"
#include "tail.h"

enum {
    /* Behind a segment that takes records. A recovery on a full disk takes one; the next finds a head with nothing but carried records,
     * takes the other, and gives that head back as a spare: so however often the log is recovered, there is one to take. */
    SPARES_BEHIND_MIN = 2,
};

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
    struct shape shape;
    struct kaya_wal_log_id log_id;
    uint64_t furthest; /* no link is valid, but frames say that so much of it was durable; 0: none does */
};

/* A segment in use. */
struct chain_segment {
    uint64_t number;
    enum segment_name_kind kind;
    uint64_t base_lsn;
    uint64_t end; /* where it ends: by its successor's link, or V */
    uint32_t record_count;
    uint64_t file_bytes;
    struct shape shape;
};

struct survey {
    struct listed *files; /* ascending by number; for one number .wal before .away before .new */
    size_t file_count, file_capacity;
    uint64_t foreign_count;

    struct chain_segment *chain; /* ascending; the last one is the head */
    size_t chain_count, chain_capacity;
    struct segment head; /* open for reading; SEGMENT_NONE where there is no log */

    uint64_t claim;            /* in the head: all before this offset is vouched for; 0: not even its link */
    struct scan_place claimed; /* the furthest place between two entries of the head that is known to be covered by it */
    bool has_vanished; /* what the cache showed of the head was gone when the device was asked */
    bool is_read_only; /* a segment in use has a feature that only readers may pass over */
    bool carried_only; /* the head holds nothing but what recovery carried into it */
    bool has_appended; /* the head holds records that were appended to it */
    struct tail_facts facts;
    const struct tail_row *row; /* NULL where there is no log */
    struct kaya_wal_recovery_report report;
    struct scan_memory memory;
};

struct survey_options {
    bool is_live;    /* a writer may be at work: claims before bytes, damage only if seen twice (P10) */
    bool thorough;   /* tell the listener of second header copies that fail */
    bool past_cache; /* an earlier look saw what only a cache held: judge by what the device holds, at the price of one more reading */
    const struct kaya_wal_anchor *anchor;
};

/* *survey needs no initialisation and is to be released after any status. What the bytes say is a verdict in `report` and
 * `row`, never a failure.
 *   KAYA_UNSUPPORTED  a segment that may be in use is of another version     KAYA_WRONG_LOG  the anchor's id is another
 *   KAYA_BUSY         live only: it kept changing     KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED */
KAYA_MUST_CHECK enum kaya_status kaya_survey(struct survey *survey, const struct context *context,
                                             const struct survey_options *options);
/* The files alone: `files` and their counts. *survey is SURVEY_NONE or an earlier listing. KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED. */
#define SURVEY_NONE ((struct survey){ .head = { .file = NULL }, .memory = SCAN_MEMORY_NONE })
KAYA_MUST_CHECK enum kaya_status kaya_survey_list(struct survey *survey, const struct context *context);
void kaya_survey_release(struct survey *survey, const struct context *context);

/* The segment of that name in a chain, which ascends by number; NULL: none. */
const struct chain_segment *kaya_chain_find(const struct chain_segment *chain, size_t count, uint64_t number,
                                            enum segment_name_kind kind);

/* The listed file of `number` that stands for the segment (.wal, else .away); NULL: none. */
const struct listed *kaya_survey_find(const struct survey *survey, uint64_t number);

#endif
