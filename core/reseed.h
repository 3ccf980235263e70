/* What a lost header or link held that its frames still tell: the seeds of their checks. For salvage. Pure. */
#ifndef KAYA_RESEED_H
#define KAYA_RESEED_H

#include "frame.h"

/* The base seed of a segment whose LINK is lost, from one frame of it. `bytes` are the frame's, `frame` what kaya_frame_header says of it;
 * all of it is at hand. False: this frame is not whole. */
bool kaya_reseed_base(const uint8_t *bytes, const struct frame *frame, uint32_t segment_seed,
                      uint32_t *base_seed);

/* Both seeds and the link of a segment whose headers are lost, from what stands where its LINK would, `available` bytes. `shape` says where
 * that is. False: there is no whole LINK. Whose it is, and of which life of the file, is not said. */
bool kaya_reseed_link(const uint8_t *bytes, size_t available, const struct shape *shape,
                      struct frame_seeds *seeds, struct link *link);

#endif
