/* What stands in a log's directory, counted by core/FORMAT.md alone, and what whoever looks at it must say of it: the verdict table of the page
 * over bytes that can all be read, while nobody writes. */
#ifndef KAYA_SCENARIOS_CENSUS_H
#define KAYA_SCENARIOS_CENSUS_H

#include "kaya/scenarios/format.h"
#include "kaya/scenarios/promise.h"
#include "kaya/sim/subject.h"
#include "kaya/wal.h"

/* A segment in use. */
struct kaya_census_segment {
    struct kaya_format_segment segment;
    uint64_t end; /* as its successor says, or V */
    uint64_t record_count;
};

/* Where the page has the log refused, if it is not because of another of these. */
struct kaya_census_damage {
    uint64_t segment, offset;
    uint64_t end; /* some statement makes it durable up to here; 0: none says how far */
    const char *what;
    uint64_t lost_min,
        lost_max; /* the first record that is lost lies between these; 0 and 0: nobody can tell that any is ... */
    uint64_t lost_last; /* ... and this is the last; 0: of that nothing is known */
};

enum { KAYA_CENSUS_SEGMENTS_MAX = 64, KAYA_CENSUS_DAMAGES_MAX = 16 };

struct kaya_census {
    const struct kaya_image *image, *truth;
    bool is_unsure; /* it holds what nobody has written, or more than is counted here: nothing is judged */
    bool has_segments;
    bool has_head;

    /* of the head */
    uint64_t last_lsn, low_water_lsn, epoch;
    uint64_t end;                     /* V */
    uint64_t furthest;                /* W; 0: no claim lies in it */
    uint64_t records_end;             /* 0: it has none */
    uint64_t stray_count;             /* frames of this life behind V */
    uint64_t stray_offset, stray_end; /* the last of these */
    uint64_t carried_count; /* records that a recovery has to copy: those behind W, or all where the head is not named */
    bool is_named; /* by the successor: it has a claim, and more than what was copied into it */
    uint64_t mended_count;
    bool has_broken_record; /* begins at V */
    bool is_blank_behind;   /* zeros from V on, the second header aside */
    bool is_closed;         /* CLOSE ends it, padding aside */
    bool suits_disk;        /* else no log goes on in it; true, unless the caller says otherwise */
    bool has_appended;      /* records, or a rotation's mark */

    struct kaya_census_segment chain[KAYA_CENSUS_SEGMENTS_MAX]; /* from the head backwards */
    size_t chain_count;
    struct kaya_census_damage damages[KAYA_CENSUS_DAMAGES_MAX];
    size_t damage_count; /* 0: the log is good */
};

/* `truth`: the files without damage, whose bits mend what differs from them in one; NULL: nothing is mended. Both are borrowed. */
void kaya_census_take(struct kaya_census *census, const struct kaya_image *image, const struct kaya_image *truth);

/* The file that counts under that number; NULL: none does. */
const struct kaya_image_file *kaya_census_find(const struct kaya_image *image, uint64_t number);
/* Its number; 0: its name is none of a segment's. `.new` counts where `unfinished`. */
uint64_t kaya_census_number(const char *name, bool unfinished);

/* Judge what `who`, who only looks, said of that directory: verdict, row, place of the damage and what is lost, records, claims, epoch, segments in use.
 * `anchor_lsn`: of the anchor that it was given. */
void kaya_census_judge(const struct kaya_census *census, const char *who, enum kaya_status status,
                       const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                       struct kaya_violation *violation);
/* The same of a recovery that was given that directory: the epoch that it goes on in, what it carried, and how many segments are in use then. */
void kaya_census_judge_recovery(const struct kaya_census *census, const char *who, enum kaya_status status,
                                const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                                struct kaya_violation *violation);

#endif
