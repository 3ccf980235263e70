/* A segment's file read by core/FORMAT.md alone: no line is shared with core, so that what core says of a file can be compared with the page.
 *
 * Of bytes that can all be read. Where the file as it would be without damage is given as well, one bit that differs from it in a frame is put
 * right, as core does without knowing that. */
#ifndef KAYA_SCENARIOS_FORMAT_H
#define KAYA_SCENARIOS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/scenarios/image.h"

enum {
    KAYA_FORMAT_FULL = 1,
    KAYA_FORMAT_FIRST,
    KAYA_FORMAT_MIDDLE,
    KAYA_FORMAT_LAST,
    KAYA_FORMAT_PAD,
    KAYA_FORMAT_WATERMARK,
    KAYA_FORMAT_CLOSE,
    KAYA_FORMAT_LINK,
    KAYA_FORMAT_TRIM,
    KAYA_FORMAT_TYPES_END, /* what is known; from 0x80 on others may be skipped */
    KAYA_FORMAT_BATCH = 5, /* flags of FULL and FIRST, instead of the record's type */
    KAYA_FORMAT_FRAME_BYTES = 28,
    KAYA_FORMAT_HEADER_BYTES = 96,
    KAYA_FORMAT_LINK_BYTES = 56,
    KAYA_FORMAT_ID_BYTES = 16,
};

enum kaya_format_state {
    KAYA_FORMAT_HEADERLESS, /* no good copy of the header */
    KAYA_FORMAT_STRANGE,    /* another segment's */
    KAYA_FORMAT_LINKLESS,
    KAYA_FORMAT_LINKED,
};

struct kaya_format_link {
    uint64_t base_lsn, predecessor, predecessor_end, carried_end, low_water_lsn, epoch;
    uint32_t nonce, chain;
};

struct kaya_format_segment {
    const struct kaya_image_file *file;
    const struct kaya_image_file *truth; /* NULL: nothing is put right */
    uint64_t number;                     /* by its name */
    enum kaya_format_state state;
    const uint8_t *log_id; /* all below: STRANGE and above */
    uint64_t header_bytes, second_header, first_frame, segment_bytes;
    uint32_t block_bytes, unit_bytes;
    uint32_t segment_seed, base_seed;
    struct kaya_format_link link; /* LINKED */
};

struct kaya_format_frame {
    uint64_t offset, end;
    uint64_t watermark; /* bytes */
    uint32_t sequence, length;
    uint8_t type, flags;
    bool is_mended;
    const uint8_t *payload;
};

/* A whole record or batch, or one frame of another kind. */
struct kaya_format_entry {
    struct kaya_format_frame first, last; /* the same, unless it is a record in fragments */
    bool is_record;
    uint32_t count; /* records in it */
};

/* From the front to where valid frames end. All zeros but for the first two: before the first frame. */
struct kaya_format_walk {
    const struct kaya_format_segment *segment;
    uint64_t limit;     /* nothing behind it is looked at */
    uint64_t end;       /* V so far; 0: before the first frame */
    uint32_t sequence;  /* records in front of it */
    uint64_t watermark; /* the furthest that an entry says */
    uint64_t mended_count;
    bool is_broken; /* a record begins at the end, and is not whole */
};

/* `number`: of its name. */
void kaya_format_open(struct kaya_format_segment *segment, const struct kaya_image_file *file,
                      const struct kaya_image_file *truth, uint64_t number);
/* Where a frame behind one that ends there may stand. */
uint64_t kaya_format_behind(const struct kaya_format_segment *segment, uint64_t end);
/* Is the copy of the header there good, be it another segment's? */
bool kaya_format_is_header(const struct kaya_image_file *file, uint64_t at);
/* Does a valid frame stand there? */
bool kaya_format_frame(const struct kaya_format_segment *segment, uint64_t offset,
                       struct kaya_format_frame *frame);
/* Does a header stand there of which the check holds and the fields are plausible? */
bool kaya_format_stray(const struct kaya_format_segment *segment, uint64_t offset,
                       struct kaya_format_frame *frame);
/* The first such place at or behind `from` whose record can have come about behind a prefix that ends at `end`, with so many records. */
bool kaya_format_next_stray(const struct kaya_format_segment *segment, uint64_t end, uint32_t sequence,
                            uint64_t from, struct kaya_format_frame *frame);
bool kaya_format_header_check_holds(const struct kaya_format_segment *segment,
                                    const struct kaya_format_frame *frame);
bool kaya_format_second_check_holds(const struct kaya_format_segment *segment,
                                    const struct kaya_format_frame *frame);
/* Records in a frame that holds all of them: of a batch its members, 0 where they do not fill it; 0 for other frames than FULL. */
uint32_t kaya_format_members(const struct kaya_format_frame *frame);
/* False: no whole one stands at the end. */
bool kaya_format_next(struct kaya_format_walk *walk, struct kaya_format_entry *entry);
void kaya_format_link(const uint8_t *payload, struct kaya_format_link *link);
/* The chain digest of the successor of a segment that ends there. */
uint32_t kaya_format_chain(const struct kaya_format_segment *segment, uint64_t end);

uint64_t kaya_format_load(const uint8_t *bytes, unsigned count);

#endif
