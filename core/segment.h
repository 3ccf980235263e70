/* One segment file: its name, its header, its link. Opening reads; nothing here writes. */
#ifndef KAYA_SEGMENT_H
#define KAYA_SEGMENT_H

#include "context.h"
#include "frame.h"

enum { SEGMENT_NAME_BYTES = 24 };

/* The kinds of names that are the log's own. */
enum segment_name_kind {
    SEGMENT_NAME_WAL,
    SEGMENT_NAME_AWAY, /* a spare between two renames of recovery */
    SEGMENT_NAME_NEW,  /* under preparation */
};

/* Write the name of segment `number`, NUL-ended. */
void kaya_segment_name(char out[SEGMENT_NAME_BYTES], uint64_t number, enum segment_name_kind kind);
/* True if `name` is one of the log's; then *number and *kind say which. */
bool kaya_segment_name_parse(const char *name, uint64_t *number, enum segment_name_kind *kind);

/* What opening found, from nothing to a segment with a link. */
enum segment_state {
    SEGMENT_HEADERLESS,  /* both header copies are bad */
    SEGMENT_STRANGE,     /* a good header of another number */
    SEGMENT_UNSUPPORTED, /* a good header of a version or feature that is not ours */
    SEGMENT_LINKLESS,    /* a good header, no valid LINK */
    SEGMENT_LINKED,
};

struct segment {
    struct kaya_file *file; /* NULL: not open */
    uint64_t number;
    uint64_t file_bytes;
    enum segment_state state;
    bool first_copy_bad;
    bool link_mended;
    bool link_is_unreadable; /* SEGMENT_LINKLESS: no reading of its place got through, so it may stand there */
    struct segment_header header; /* valid from SEGMENT_LINKLESS on, and for STRANGE */
    struct frame_seeds seeds;     /* base: SEGMENT_LINKED only */
    struct link link;             /* SEGMENT_LINKED only */
};
#define SEGMENT_NONE ((struct segment){ .file = NULL })

/* Open the file `name` as segment `number` and read header and link. What the bytes say is a state, never a failure. Where
 * `read_again`, a header or link that fails its checks is read twice more past the cache before it counts as bad.
 * KAYA_NOT_FOUND, KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED, KAYA_INVALID: *segment is SEGMENT_NONE. */
KAYA_MUST_CHECK enum kaya_status kaya_segment_open(struct segment *segment, const struct context *context,
                                                   const char *name, uint64_t number, unsigned open_flags,
                                                   bool read_again);
/* Likewise, in as many readings as it takes. A link that cannot be read is no KAYA_IO here, but a state. */
KAYA_MUST_CHECK enum kaya_status kaya_segment_open_any(struct segment *segment, const struct context *context,
                                                       const char *name, uint64_t number, unsigned open_flags);
void kaya_segment_close(struct segment *segment, const struct context *context); /* takes SEGMENT_NONE */

/* Read the header copy at `offset`, twice more past the cache where it fails its check. `bytes` is what was read last; *is_good: it
 * holds, and *header says what it says. KAYA_IO: no reading got through. */
KAYA_MUST_CHECK enum kaya_status kaya_segment_read_copy(const struct segment *segment,
                                                        const struct context *context, uint64_t offset,
                                                        uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES],
                                                        struct segment_header *header, bool *is_good);

/* Read `length` bytes, in as many as three readings until one gets through; what lies behind the file's end is zeros. */
KAYA_MUST_CHECK enum kaya_status kaya_segment_read(const struct segment *segment, const struct context *context,
                                                   uint64_t offset, uint8_t *bytes, size_t length);

#endif
