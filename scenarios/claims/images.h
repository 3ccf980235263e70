/* What was written, held against two images of the disk: `now` as the next reader sees it, `truth` as it would be without damage. */
#ifndef KAYA_SCENARIOS_CLAIMS_IMAGES_H
#define KAYA_SCENARIOS_CLAIMS_IMAGES_H

#include "history.h"

/* Fill in, for each write, life and shown damage, what the two images say of it. */
void kaya_claims_compare(struct kaya_claims *claims, const struct kaya_image *now,
                         const struct kaya_image *truth);
/* Can some of these bytes not be read? */
bool kaya_claims_is_unreadable(const struct kaya_image_file *file, uint64_t offset, uint64_t end);
/* Which bytes of the write differ, and how many bits; `now` and `truth` are where it begins. */
void kaya_claims_count_bits(struct written *write, const uint8_t *now, const uint8_t *truth);
/* How many of the bits that differ show, surely or perhaps; UINT64_MAX: bytes that cannot be read do. Other damage to the same write may
 * still be hidden by the cache. */
uint64_t kaya_claims_count_shown_bits(const struct kaya_claims *claims, const struct written *write, bool surely);

#endif
