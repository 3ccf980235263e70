/* Goal: the arithmetic of section 2 of the format, at every size that it allows and just beyond. Method: all powers of two
 * for block and unit, each segment size near its limits, every answer against the sentence in FORMAT.md, by other means. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "shape.h"

static struct shape shape_of(uint32_t block, uint32_t unit, uint64_t segment)
{
    return (struct shape){ .block_bytes = block, .unit_bytes = unit, .segment_bytes = segment };
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_allowed(uint32_t size)
{
    static const uint32_t allowed[] = { 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536 };

    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (allowed[i] == size)
            return true;
    return false;
}

Test(shape, only_the_sizes_of_the_format_are_valid)
{
    static const uint32_t sizes[] = { 0,     1,     256,   511,     512,        513,       768,
                                      1024,  2048,  4096,  8192,    12288,      16384,     32768,
                                      65535, 65536, 65537, 0x20000, 0x80000000, UINT32_MAX };
    enum { SIZES = sizeof sizes / sizeof sizes[0] };

    for (size_t block = 0; block < SIZES; block++) {
        for (size_t unit = 0; unit < SIZES; unit++) {
            uint64_t header = larger(sizes[block], sizes[unit]);
            bool sizes_good = is_allowed(sizes[block]) && (sizes[unit] == 0 || is_allowed(sizes[unit]));
            uint64_t segments[] = { 0,          header,         7 * header, 8 * header - 512,   8 * header,
                                    9 * header, 8 * header + 1, 1 << 30,    (1 << 30) + header, UINT64_MAX };

            for (size_t i = 0; i < sizeof segments / sizeof segments[0]; i++) {
                uint64_t segment = segments[i];
                struct shape shape = shape_of(sizes[block], sizes[unit], segment);
                bool good = sizes_good && segment >= 8 * header && segment <= 1 << 30 && segment % header == 0;

                cr_expect(eq(int, kaya_shape_is_valid(&shape), good), "block %u unit %u segment %ju",
                          sizes[block], sizes[unit], (uintmax_t)segment);
            }
        }
    }
}

Test(shape, headers_and_first_frame_stand_where_the_format_says)
{
    for (uint32_t block = 512; block <= 65536; block *= 2) {
        for (uint32_t unit = 256; unit <= 65536; unit *= 2) {
            uint32_t header = unit == 256 ? block : (uint32_t)larger(block, unit);

            for (uint64_t count = 8; count * header <= 1 << 30; count += count < 300 ? 1 : count / 3) {
                struct shape shape = shape_of(block, unit == 256 ? 0 : unit, count * header);
                uint64_t second = kaya_shape_second_header(&shape);
                uint64_t wanted = count * header / 2 < 65536 ? count / 2 * header : 65536;

                cr_assert(kaya_shape_is_valid(&shape));
                cr_assert(eq(u32, kaya_shape_header_bytes(&shape), header));
                cr_assert(eq(u64, second, wanted));
                cr_assert(eq(u64, kaya_shape_first_frame(&shape), second == header ? 2 * header : header));
            }
        }
    }
}

Test(shape, the_second_header_is_stepped_over_and_nothing_else)
{
    static const struct shape shapes[] = {
        { 512, 0, 4096 },      { 512, 4096, 32768 },    { 32768, 0, 1 << 24 },
        { 65536, 0, 1 << 20 }, { 512, 65536, 1 << 20 },
    };

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint64_t header = kaya_shape_header_bytes(&shapes[i]);
        uint64_t second = kaya_shape_second_header(&shapes[i]);

        for (uint64_t offset = 0; offset < second + 4 * header; offset += 4) {
            bool in_first = offset < header;
            bool in_second = offset >= second && offset < second + header;
            uint64_t wanted = in_first && second > header ? header
                              : in_first || in_second     ? second + header
                                                          : offset;

            cr_assert(eq(u64, kaya_shape_skip_header(&shapes[i], offset), wanted));
        }
    }
}

Test(shape, the_blocks_end_is_the_next_multiple)
{
    struct shape shape = shape_of(512, 0, 4096);

    for (uint64_t offset = 0; offset < 4096; offset++) {
        uint64_t end = kaya_shape_block_end(&shape, offset);

        cr_assert(end > offset);
        cr_assert(end - offset <= 512);
        cr_assert(eq(u64, end % 512, 0));
    }
}

Test(shape, the_unit_is_what_a_disk_without_power_safe_overwrite_writes_at_once)
{
    struct kaya_geometry geometry = { .sector_bytes = 512, .writeback_bytes = 4096, .buffer_alignment = 1 };
    struct shape shape = shape_of(512, 4096, 32768);
    struct shape other = shape;

    cr_expect(eq(u32, kaya_shape_unit_for(&geometry), 4096));
    geometry.sector_bytes = 16384;
    cr_expect(eq(u32, kaya_shape_unit_for(&geometry), 16384));
    geometry.power_safe_overwrite = true;
    cr_expect(eq(u32, kaya_shape_unit_for(&geometry), 0));

    cr_expect(kaya_shape_equals(&shape, &other));
    other.unit_bytes = 0;
    cr_expect(not(kaya_shape_equals(&shape, &other)));
    other = shape_of(1024, 4096, 32768);
    cr_expect(not(kaya_shape_equals(&shape, &other)));
    other = shape_of(512, 4096, 65536);
    cr_expect(not(kaya_shape_equals(&shape, &other)));
}
