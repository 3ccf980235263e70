/* One look at a log: what its parts know of it so far, and the one place where damage is pronounced. */
#ifndef KAYA_LOOK_H
#define KAYA_LOOK_H

#include "listing.h"
#include "scan.h"
#include "tail.h"

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

/* What a look finds, and whoever asked for it keeps. */
struct survey {
    struct listing listing;

    struct chain_segment *chain; /* ascending; the last one is the head */
    size_t chain_count, chain_capacity;
    struct segment head; /* open for reading; SEGMENT_NONE where there is no log */

    uint64_t claim; /* in the head: all before this offset is vouched for; 0: not even its link */
    struct scan_place claimed; /* a place between two entries of the head that is known to be covered by it; often the furthest */
    bool has_vanished; /* what the cache showed of the head was gone when the device was asked */
    bool is_read_only; /* a segment in use has a feature that only readers may pass over */
    bool carried_only; /* the head holds nothing but what recovery carried into it */
    bool has_appended; /* the head holds records that were appended to it */
    struct tail_facts facts;
    const struct tail_row *row; /* NULL where there is no log */
    struct kaya_wal_recovery_report report;
    struct scan_memory memory;
    struct scan_window head_window; /* what was read last of the head, where nobody else writes: what is carried is not read again */
};

struct survey_options {
    bool is_live;    /* a writer may be at work: claims before bytes, damage only if seen twice (P10) */
    bool thorough;   /* tell the listener of second header copies that fail */
    bool past_cache; /* an earlier look saw what only a cache held: judge by what the device holds, at the price of one more reading */
    const struct kaya_wal_anchor *anchor;
};

struct look {
    struct survey *survey;
    const struct context *context;
    const struct survey_options *options;
    struct segment above; /* the segment right behind the head, while the head is looked for */
    uint64_t low_water;
    uint64_t end;          /* V of the head */
    uint64_t close_offset; /* of the last CLOSE before it */
    uint64_t records_end;  /* of the last record before it; 0: none */
    uint32_t sequence;
    uint64_t furthest; /* W of the head */
    struct claims claims;
};

static inline bool is_damaged(const struct survey *survey)
{
    return survey->report.verdict == KAYA_VERDICT_DAMAGED;
}

/* Damage. The first place that saw it stays on record; `reason` is not copied. */
void kaya_look_pronounce(struct look *look, uint64_t segment, uint64_t offset, uint64_t end, const char *reason);
/* Records that are lost; those named first stay on record. */
void kaya_look_name_lost(struct look *look, uint64_t first, uint64_t last);
/* The records of a segment that are lost behind its first `sequence` ones, as far as strays speak of them: at least one, where any stray
 * comes after a record that is not there. KAYA_IO, KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_look_name_lost_records(struct look *look, const struct segment *segment,
                                                             uint64_t base_lsn, uint64_t from, uint32_t sequence,
                                                             uint64_t end, enum claims_reading reading);

/* Open a listed file to read. A link that cannot be read is KAYA_IO, unless `any` state will do. As kaya_segment_open; KAYA_NOT_FOUND on live logs
 * only: of another one nobody takes files away. */
KAYA_MUST_CHECK enum kaya_status kaya_look_open(struct look *look, const struct listed *file,
                                                struct segment *segment, bool any);
/* Tell of a second header copy that is bad in every reading, where the look is thorough. KAYA_GONE and the like. */
KAYA_MUST_CHECK enum kaya_status kaya_look_check_copies(struct look *look, const struct segment *segment);

#endif
