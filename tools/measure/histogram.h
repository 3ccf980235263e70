/* How often which latency: a log-linear histogram. Any 64 bit value, within 1/64 of itself, in constant memory. */
#ifndef KAYA_MEASURE_HISTOGRAM_H
#define KAYA_MEASURE_HISTOGRAM_H

#include <stdint.h>

enum {
    KAYA_HISTOGRAM_PART_BITS = 6, /* each power of two is cut into so many equal parts: 2^6 */
    KAYA_HISTOGRAM_PARTS = (64 - KAYA_HISTOGRAM_PART_BITS + 1) << KAYA_HISTOGRAM_PART_BITS,
};

/* All zeros is an empty one. Plain memory; one thread at a time. */
struct kaya_histogram {
    uint64_t count;   /* of all values */
    uint64_t largest; /* exact */
    uint64_t counts[KAYA_HISTOGRAM_PARTS];
};

void kaya_histogram_note(struct kaya_histogram *histogram, uint64_t value);
void kaya_histogram_add(struct kaya_histogram *into, const struct kaya_histogram *from);

/* The least value that is at least as large as `share` (0 to 1) of all; the upper end of its part, never above the largest. 0 where
 * nothing was noted. */
uint64_t kaya_histogram_at(const struct kaya_histogram *histogram, double share);

#endif
