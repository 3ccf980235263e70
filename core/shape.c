/* The shape of a segment: pure arithmetic over three numbers (FORMAT.md, section 2).
 *
 *   0          H            second       second + H                     segment_bytes
 *   | header A | LINK ... | header B   | frames ...                   |
 *
 * H is a block, or a unit where that is more, so that no write of frames ever touches a unit with a header in it. Where the
 * second copy would follow the first at once (H as large as the distance between them), frames begin behind both.
 *
 * Invariants of a valid shape: H divides the second copy's place and the segment; both copies lie in its first half; a
 * place in it, divided by 4, fits 32 bits. */
#include "shape.h"

static bool is_power_of_two_between(uint32_t value, uint32_t low, uint32_t high)
{
    return value >= low && value <= high && (value & (value - 1)) == 0;
}

bool kaya_shape_is_valid(const struct shape *shape)
{
    uint32_t header_bytes;

    if (!is_power_of_two_between(shape->block_bytes, KAYA_BLOCK_BYTES_MIN, KAYA_BLOCK_BYTES_MAX))
        return false;
    if (shape->unit_bytes != 0 &&
        !is_power_of_two_between(shape->unit_bytes, KAYA_BLOCK_BYTES_MIN, KAYA_BLOCK_BYTES_MAX))
        return false;
    header_bytes = kaya_shape_header_bytes(shape);
    return shape->segment_bytes % header_bytes == 0 &&
           shape->segment_bytes >= (uint64_t)header_bytes * KAYA_SEGMENT_BLOCKS_MIN &&
           shape->segment_bytes <= KAYA_SEGMENT_BYTES_MAX;
}

bool kaya_shape_equals(const struct shape *one, const struct shape *other)
{
    return one->block_bytes == other->block_bytes && one->unit_bytes == other->unit_bytes &&
           one->segment_bytes == other->segment_bytes;
}

uint32_t kaya_shape_unit_for(const struct kaya_geometry *geometry)
{
    if (geometry->power_safe_overwrite)
        return 0;
    return geometry->writeback_bytes > geometry->sector_bytes ? geometry->writeback_bytes
                                                              : geometry->sector_bytes;
}
