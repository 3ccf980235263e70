/* From a caller's options to numbers that fit each other and the disk.
 *
 * The longest record is bounded three ways: by half a segment (so that no rotation wastes more than it uses), by what a spare can
 * carry (so that recovery can always move it), and by what the caller wants. */
#include "settings.h"

#include "appender.h"

enum {
    BLOCK_BYTES_DEFAULT = 32 * 1024,
    RECORD_BYTES_DEFAULT = 4 * 1024 * 1024,
    STRIDE_BYTES_DEFAULT = 256 * 1024,
    BUFFER_BYTES_DEFAULT = 256 * 1024,
    SPARES_MIN = 2,
    SPARES_MAX = 16,
};
static const uint64_t SEGMENT_BYTES_DEFAULT = 16 * 1024 * 1024;
static const uint64_t FIRST_LSN_MAX = UINT64_C(1) << 62; /* so that no count above it overflows */

static enum kaya_status refuse(const struct context *context, const char *field)
{
    kaya_notify(context, &(struct kaya_event){
                             .kind = KAYA_EVENT_CONFIG_REFUSED, .status = KAYA_INVALID, .text = field });
    return KAYA_INVALID;
}

/* The largest block that leaves KAYA_SEGMENT_BLOCKS_MIN of them. */
static uint32_t default_block(const struct shape *shape)
{
    uint32_t block = BLOCK_BYTES_DEFAULT;

    while (block > KAYA_BLOCK_BYTES_MIN && (shape->segment_bytes < (uint64_t)block * KAYA_SEGMENT_BLOCKS_MIN ||
                                            shape->segment_bytes % block != 0))
        block /= 2;
    return block;
}

static bool record_fits(const struct shape *shape, uint64_t length)
{
    uint64_t first = kaya_shape_first_frame(shape);

    return kaya_carry_cost(length) <= kaya_carry_capacity(shape) &&
           kaya_record_end(shape, first, length) - first <= shape->segment_bytes / 2;
}

static uint32_t longest_record(const struct shape *shape)
{
    uint64_t fits = 0, fails = RECORD_BYTES_DEFAULT + 1;

    while (fails - fits > 1) {
        uint64_t middle = fits + (fails - fits) / 2;

        if (record_fits(shape, middle))
            fits = middle;
        else
            fails = middle;
    }
    return (uint32_t)fits;
}

enum kaya_status kaya_settings_make(struct settings *settings, const struct context *context,
                                    const struct kaya_wal_config *given)
{
    static const struct kaya_wal_config DEFAULTS = { .segment_bytes = 0 };
    const struct kaya_wal_config *config = given != NULL ? given : &DEFAULTS;
    struct shape *shape = &settings->shape;

    shape->unit_bytes = kaya_shape_unit_for(&context->disk->geometry);
    shape->segment_bytes = config->segment_bytes != 0 ? config->segment_bytes : SEGMENT_BYTES_DEFAULT;
    shape->block_bytes = config->block_bytes != 0 ? config->block_bytes : default_block(shape);
    if (shape->block_bytes < KAYA_BLOCK_BYTES_MIN || shape->block_bytes > KAYA_BLOCK_BYTES_MAX ||
        (shape->block_bytes & (shape->block_bytes - 1)) != 0)
        return refuse(context, "block_bytes");
    if (shape->unit_bytes != 0 && shape->block_bytes > shape->unit_bytes)
        shape->block_bytes = shape->unit_bytes;
    if (!kaya_shape_is_valid(shape))
        return refuse(context, "segment_bytes");

    settings->record_bytes_max =
        config->record_bytes_max != 0 ? config->record_bytes_max : longest_record(shape);
    if (!record_fits(shape, settings->record_bytes_max))
        return refuse(context, "record_bytes_max");
    settings->stride_bytes = config->stride_bytes != 0 ? config->stride_bytes : STRIDE_BYTES_DEFAULT;
    if (settings->stride_bytes % KAYA_BLOCK_BYTES_MIN != 0)
        return refuse(context, "stride_bytes");
    settings->spare_count = config->spare_count != 0 ? config->spare_count : SPARES_MIN;
    if (settings->spare_count < SPARES_MIN || settings->spare_count > SPARES_MAX)
        return refuse(context, "spare_count");
    settings->first_lsn = config->first_lsn != 0 ? config->first_lsn : 1;
    if (settings->first_lsn > FIRST_LSN_MAX)
        return refuse(context, "first_lsn");
    settings->buffer_bytes = config->buffer_bytes != 0 ? config->buffer_bytes : BUFFER_BYTES_DEFAULT;
    settings->submitted_records_max = config->submitted_records_max;
    settings->submitted_bytes_max = config->submitted_bytes_max;
    settings->commit_delay_ns = config->commit_delay_ns;
    settings->full_is_busy = config->full_is_busy;
    settings->anchor = config->anchor;
    settings->must_exist = config->must_exist;
    settings->cut_is_error = config->cut_is_error;
    return KAYA_OK;
}
