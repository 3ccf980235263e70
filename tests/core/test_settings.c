/* Goal: every option is checked, a wrong one is named, and zero means what wal.h says. Method: each field at its limits and
 * one step beyond, alone in an otherwise good configuration. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "log_fixture.h"
#include "settings.h"

struct told {
    unsigned count;
    struct kaya_event event;
    char field[64];
};

static void hear(void *user, const struct kaya_event *event)
{
    struct told *told = user;

    told->count++;
    told->event = *event;
    (void)snprintf(told->field, sizeof told->field, "%s", event->text);
}

/* What the check says of this configuration on this disk. */
static enum kaya_status make_on(const struct kaya_geometry *geometry, const struct kaya_wal_config *config,
                                struct settings *settings, struct told *told)
{
    struct image_disk *image = calloc(1, sizeof *image);
    struct context context = { .on_event = hear, .user = told };
    enum kaya_status status;

    cr_assert_not_null(image);
    image_disk_init(image, geometry);
    context.disk = &image->disk;
    *told = (struct told){ .count = 0 };
    status = kaya_settings_make(settings, &context, config);
    free(image);
    return status;
}

static void expect_refused(const struct kaya_wal_config *config, const char *field)
{
    struct settings settings;
    struct told told;

    cr_expect(eq(int, make_on(&LOG_DENSE, config, &settings, &told), KAYA_INVALID), "%s", field);
    cr_expect(eq(uint, told.count, 1), "%s", field);
    cr_expect(eq(int, told.event.kind, KAYA_EVENT_CONFIG_REFUSED), "%s", field);
    cr_expect(eq(str, told.field, (char *)field));
}

static void expect_taken(const struct kaya_wal_config *config, const char *what)
{
    struct settings settings;
    struct told told;

    cr_expect(eq(int, make_on(&LOG_DENSE, config, &settings, &told), KAYA_OK), "%s: %s", what, told.field);
    cr_expect(eq(uint, told.count, 0), "%s", what);
}

Test(settings, zeros_mean_the_defaults)
{
    static const struct kaya_wal_config zeros;
    const struct kaya_wal_config *configs[] = { NULL, &zeros };

    for (unsigned i = 0; i < 2; i++) {
        struct settings settings;
        struct told told;

        cr_assert(eq(int, make_on(&LOG_DENSE, configs[i], &settings, &told), KAYA_OK));
        cr_expect(eq(u64, settings.shape.segment_bytes, 16 << 20));
        cr_expect(eq(u32, settings.shape.block_bytes, 32 << 10));
        cr_expect(eq(u32, settings.shape.unit_bytes, 0));
        cr_expect(eq(u32, settings.record_bytes_max, 4 << 20));
        cr_expect(eq(u32, settings.stride_bytes, 256 << 10));
        cr_expect(eq(uint, settings.spare_count, 2));
        cr_expect(not(settings.must_exist));
        cr_expect(not(settings.cut_is_error));
    }
}

Test(settings, the_unit_is_the_larger_of_sector_and_write_back)
{
    struct settings settings;
    struct told told;

    cr_assert(eq(int, make_on(&LOG_PADDED_4096, NULL, &settings, &told), KAYA_OK));
    cr_expect(eq(u32, settings.shape.unit_bytes, 4096));
    cr_assert(eq(int, make_on(&LOG_PADDED_512, NULL, &settings, &told), KAYA_OK));
    cr_expect(eq(u32, settings.shape.unit_bytes, 512));
}

Test(settings, small_segments_get_blocks_and_records_that_fit_them)
{
    for (uint64_t segment = 8 * 512; segment <= 1 << 20; segment += 512) {
        struct kaya_wal_config config = { .segment_bytes = segment };
        struct settings settings;
        struct told told;

        if (make_on(&LOG_DENSE, &config, &settings, &told) != KAYA_OK) {
            cr_expect(false, "segment of %ju bytes: %s", (uintmax_t)segment, told.field);
            continue;
        }
        cr_expect(eq(u64, settings.shape.segment_bytes, segment));
        cr_expect(kaya_shape_is_valid(&settings.shape));
        cr_expect(settings.record_bytes_max > 0 && settings.record_bytes_max <= segment / 2, "%ju",
                  (uintmax_t)segment);
    }
}

Test(settings, a_wrong_segment_size_is_named)
{
    static const uint64_t wrong[] = { 1, 512, 8 * 512 - 1, 8 * 512 + 1, 7 * 512, (1 << 30) + 512, UINT64_MAX };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused(&(struct kaya_wal_config){ .segment_bytes = wrong[i], .block_bytes = 512 },
                       "segment_bytes");
    expect_taken(&(struct kaya_wal_config){ .segment_bytes = 1 << 30 }, "1 GiB");
    expect_taken(&(struct kaya_wal_config){ .segment_bytes = 4096, .block_bytes = 512 }, "8 blocks");
}

Test(settings, a_wrong_block_size_is_named)
{
    static const uint32_t wrong[] = { 1, 256, 511, 513, 768, 65537, 131072, UINT32_MAX };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused(&(struct kaya_wal_config){ .block_bytes = wrong[i] }, "block_bytes");
    for (uint32_t block = 512; block <= 65536; block *= 2)
        expect_taken(&(struct kaya_wal_config){ .block_bytes = block }, "power of two");
}

Test(settings, a_wrong_record_limit_is_named)
{
    expect_refused(&(struct kaya_wal_config){ .segment_bytes = 8192, .block_bytes = 512, .record_bytes_max = 4096 },
                   "record_bytes_max");
    expect_refused(&(struct kaya_wal_config){ .record_bytes_max = 8 << 20 }, "record_bytes_max");
    expect_refused(&(struct kaya_wal_config){ .record_bytes_max = UINT32_MAX }, "record_bytes_max");
    expect_taken(&(struct kaya_wal_config){ .record_bytes_max = 1 }, "one byte");
    expect_taken(&(struct kaya_wal_config){ .record_bytes_max = 7 << 20 }, "under half a segment");
}

Test(settings, a_wrong_stride_is_named)
{
    static const uint32_t wrong[] = { 1, 511, 513, 4096 + 256, UINT32_MAX };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused(&(struct kaya_wal_config){ .stride_bytes = wrong[i] }, "stride_bytes");
    expect_taken(&(struct kaya_wal_config){ .stride_bytes = 512 }, "the shortest block");
    expect_taken(&(struct kaya_wal_config){ .stride_bytes = 3 * 512 }, "any number of them");
}

Test(settings, a_wrong_number_of_spares_is_named)
{
    static const uint32_t wrong[] = { 1, 17, 100, UINT32_MAX };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        expect_refused(&(struct kaya_wal_config){ .spare_count = wrong[i] }, "spare_count");
    for (uint32_t count = 2; count <= 16; count++)
        expect_taken(&(struct kaya_wal_config){ .spare_count = count }, "2 to 16");
}

Test(settings, a_wrong_first_number_is_named)
{
    expect_refused(&(struct kaya_wal_config){ .first_lsn = (UINT64_C(1) << 62) + 1 }, "first_lsn");
    expect_refused(&(struct kaya_wal_config){ .first_lsn = UINT64_MAX }, "first_lsn");
    expect_taken(&(struct kaya_wal_config){ .first_lsn = UINT64_C(1) << 62 }, "the highest");
}
