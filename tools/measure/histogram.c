/* A log-linear histogram.
 *
 *     value        0 ... 63      64 ... 127     128 ... 255          2^k ... 2^(k+1) - 1
 *     part         itself        itself         every second value   2^k / 64 values each
 *
 * So the parts of one power of two are equally wide, and each is at most 1/64 of what it stands for. */
#include "measure/histogram.h"

#include <math.h>
#include <stddef.h>

enum { PARTS_A_POWER = 1 << KAYA_HISTOGRAM_PART_BITS, TOP_BIT = 63 };

static unsigned shift_of(uint64_t value)
{
    return value < PARTS_A_POWER ? 0 : (unsigned)(TOP_BIT - __builtin_clzll(value)) - KAYA_HISTOGRAM_PART_BITS;
}

static size_t part_of(uint64_t value)
{
    unsigned shift = shift_of(value);

    return ((size_t)shift << KAYA_HISTOGRAM_PART_BITS) + (size_t)(value >> shift);
}

static uint64_t upper_end(size_t part)
{
    size_t shift = part < PARTS_A_POWER ? 0 : part / PARTS_A_POWER - 1;
    uint64_t step = part - shift * PARTS_A_POWER;

    return (step << shift) + ((UINT64_C(1) << shift) - 1);
}

void kaya_histogram_note(struct kaya_histogram *histogram, uint64_t value)
{
    histogram->counts[part_of(value)]++;
    histogram->count++;
    if (value > histogram->largest)
        histogram->largest = value;
}

void kaya_histogram_add(struct kaya_histogram *into, const struct kaya_histogram *from)
{
    for (size_t part = 0; part < KAYA_HISTOGRAM_PARTS; part++)
        into->counts[part] += from->counts[part];
    into->count += from->count;
    if (from->largest > into->largest)
        into->largest = from->largest;
}

uint64_t kaya_histogram_at(const struct kaya_histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
    uint64_t seen = 0;

    if (histogram->count == 0)
        return 0;
    if (wanted == 0)
        wanted = 1;
    for (size_t part = 0; part < KAYA_HISTOGRAM_PARTS; part++) {
        seen += histogram->counts[part];
        if (seen >= wanted)
            return upper_end(part) < histogram->largest ? upper_end(part) : histogram->largest;
    }
    return histogram->largest;
}
