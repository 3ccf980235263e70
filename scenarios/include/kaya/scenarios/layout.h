/* What stands where in a log's directory, and what a change of its files asks for.
 *
 * The layout of a good image is worked out from core/FORMAT.md, the records that a reader handed out and that the oracle found right, and
 * the segment in which they ended. Then any other image of the directory can be held against it: must it be refused (a link in
 * intact bytes speaks of what is missing), may it be, or is nothing changed that counts? */
#ifndef KAYA_SCENARIOS_LAYOUT_H
#define KAYA_SCENARIOS_LAYOUT_H

#include "kaya/scenarios/claims.h"
#include "kaya/wal.h"

enum { KAYA_LAYOUT_SEGMENTS_MAX = 64, KAYA_LAYOUT_NAME_BYTES = 32 };

/* A segment in use. */
struct kaya_layout_segment {
    uint64_t number;
    const struct kaya_image_file *file; /* of the image that was read */
    uint64_t header_bytes;  /* each header copy has so many bytes; frames begin behind the first */
    uint64_t second_header; /* offset of the other copy */
    uint64_t base_lsn;
    uint64_t carried_end;
    uint64_t end; /* of its records and marks, as the next segment's link says; of the last: where the log ends */
    bool has_appended; /* it holds records that no recovery carried there */
};

struct kaya_layout {
    struct kaya_layout_segment chain[KAYA_LAYOUT_SEGMENTS_MAX]; /* ascending */
    size_t chain_count;
    uint64_t last_lsn;
    bool has_dead_links; /* some dead file holds a whole link: without the head, it may pass for one */
    struct kaya_layout_place {
        uint64_t segment, offset;
    } * places; /* of all records, from first_lsn on */
    uint64_t first_lsn;
    size_t place_count, place_capacity;
};

void kaya_layout_release(struct kaya_layout *layout); /* memory; all zeros is empty */

/* Begin with the image of a good log and what a reader of it was told. False: this is no log, or one of too many segments. The image is
 * borrowed as long as the layout is used. */
bool kaya_layout_read(struct kaya_layout *layout, const struct kaya_image *image,
                      const struct kaya_wal_recovery_report *report);
/* Then each of its records, in order. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_layout_add(struct kaya_layout *layout,
                                                 const struct kaya_wal_record *record);

/* Judge another image of the same directory. Fills in `refusal`, `is_damaged`, `is_mark_damaged` and `kept_lsn`. */
void kaya_layout_judge(const struct kaya_layout *layout, const struct kaya_image *before,
                       const struct kaya_image *after, struct kaya_outlook *outlook);

/* Judge a copy that was taken file by file while the log was written; `layout` and `before` are what the log was when the copy ended. A segment whose
 * link the copy has vouches for those before it; all that stands in the copy in front of the first byte that is missing must come back. */
void kaya_layout_judge_copy(const struct kaya_layout *layout, const struct kaya_image *copy,
                            struct kaya_outlook *outlook);

/* Has this file the name of a segment, and no whole header of it, in neither place? */
bool kaya_layout_is_headless(const struct kaya_image_file *file);

/* "0000000000000001.wal"; and back: 0 where `name` is none of the kind `suffix` (".wal"). */
void kaya_layout_name(uint64_t number, const char *suffix, char name[KAYA_LAYOUT_NAME_BYTES]);
uint64_t kaya_layout_number(const char *name, const char *suffix);

#endif
