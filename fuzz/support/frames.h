/* A segment's bytes taken apart by what its header and frames say, for targets that look into their own input and for mutators. */
#ifndef FUZZ_SUPPORT_FRAMES_H
#define FUZZ_SUPPORT_FRAMES_H

#include "frame.h"

enum { FUZZ_FRAMES_MAX = 256 };

struct fuzz_segment {
    const uint8_t *bytes;
    size_t size;
    bool has_header;
    struct segment_header header; /* a good copy: of two that differ the one under which the link holds */
    bool has_link;
    struct link link;
    struct frame_seeds seeds; /* base: with a link */
};

/* `bytes` is borrowed. A header with another number than the file's is none (0: the file has no name, and any is taken). */
void fuzz_segment_read(struct fuzz_segment *segment, uint64_t number, const uint8_t *bytes, size_t size);

/* The frame at `offset`, as it stands or with one bit put right (*mended). `scratch` has room for a block. False: there is none. Only with a
 * header. */
bool fuzz_segment_frame(const struct fuzz_segment *segment, uint64_t offset, uint8_t *scratch,
                        struct frame *frame, bool *mended);

/* Offsets behind the frames that follow one another from the first on, by the lengths that they state, as long as they have one; the
 * first frame's own offset comes first. At most `max`. Returns how many. */
size_t fuzz_segment_ends(const struct fuzz_segment *segment, size_t *ends, size_t max);

/* Put the places of frames right and the checks of headers and frames; of `parts` (mutate.h) also indexes and watermarks, and, where
 * `predecessor` is given (may be NULL), the link's names of it; and the padding. */
void fuzz_segment_mend(uint8_t *bytes, size_t size, unsigned parts, const struct fuzz_segment *predecessor);

/* Say something else in one field of a frame, a link, a trim mark or a header: one more or less, nothing, all, what another frame says. The checks
 * are left as they are. */
struct fuzz_draws;
void fuzz_segment_bend(uint8_t *bytes, size_t size, struct fuzz_draws *draws);

#endif
