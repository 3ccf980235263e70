/* A healthy log to be damaged by hand, and what must follow from the damage, worked out from FORMAT.md and from the calls
 * that made the log, not from anything that core says. */
#ifndef TESTS_CORE_DAMAGE_CASE_H
#define TESTS_CORE_DAMAGE_CASE_H

#include "log_fixture.h"

/* A frame below the end of a segment in use. */
struct live_frame {
    size_t file; /* index in the image */
    uint64_t segment;
    uint64_t offset, end;
    uint64_t record_offset; /* of the first frame of its record; its own for frames that are none */
    uint64_t lsn;           /* of its record, or of the next one */
    uint8_t type;
    uint16_t operation; /* the call that wrote it */
    bool is_link;
};

struct damage_case {
    const char *name;
    struct log_fixture *log; /* its image is the one to damage */
    struct image_disk pristine;
    struct live_frame live[LOG_RECORDS_MAX]; /* in the order of the chain */
    size_t live_count;
    uint64_t head;
    bool is_exhaustive; /* small enough to try everything on it; else a part of what there is */
    bool is_brief;      /* a trial reads and opens, and leaves the rest out */
    bool is_mixed; /* damaged in several ways at once, the headers perhaps among them: a refusal has a reason, which place it names is
                      not asked */
};

/* Take the log as it stands: its writer is closed or killed. The case owns the log from here on. */
struct damage_case *damage_case_create(const char *name, struct log_fixture *log);
void damage_case_destroy(struct damage_case *damage);

/* How such a log comes about. */
struct story {
    const char *name;
    void (*play)(struct log_fixture *log);
    const struct kaya_geometry *geometry;
    uint64_t segment_bytes;
    uint32_t block_bytes;
};
struct damage_case *tell(const struct story *story); /* its image keeps its versions */

/* Put the pristine files back and forget what the log's memory held. */
void damage_case_restore(struct damage_case *damage);

/* The live frame that holds this byte; NULL: it is none's. */
const struct live_frame *damage_case_frame_at(const struct damage_case *damage, size_t file, uint64_t offset);

/* Does the frame stand as it was, a link with a header of its segment? */
bool damage_case_stands(const struct damage_case *damage, const struct live_frame *frame);

/* The first live frame that is not as it was. A segment that is gone, or has lost both copies of its header, has lost its
 * first frame. NULL: all stand. */
const struct live_frame *damage_case_first_hit(const struct damage_case *damage);

/* The last record that a call, by a frame which stands undamaged together with its segment's link, says to be durable. */
uint64_t damage_case_claimed_lsn(const struct damage_case *damage);

/* Read, verify, open, read again, close, read again; on the damaged image. False: a promise is broken, `trouble` says which
 * and how. The image is restored. `flip`: the one frame hit has this bit flipped and nothing else, so that all must come
 * back mended. */
struct damage_flip {
    const struct live_frame *frame;
    uint64_t bit; /* from the frame's start */
};
bool damage_case_try(struct damage_case *damage, const struct damage_flip *flip, char trouble[LOG_TEXT_BYTES]);

/* `trouble` as printf would have it; false, so that a check can end with it. */
bool damage_case_fail(char trouble[LOG_TEXT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
