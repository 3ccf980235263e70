/* Goal: F7. No byte below the durable end of a segment ever changes; in padding mode no write even touches a unit that holds
 * one. Method: a disk that looks at every write. Where a segment's frames end is asked of dissect.c at each sync. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "dissect.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

struct watch {
    uint64_t durable_end[IMAGE_FILES_MAX];
    uint64_t unit_bytes; /* 0: dense */
    uint64_t writes_seen, bytes_kept;
    char trouble[160];
};

static struct dissection segment;

static size_t index_of(const struct image_disk *image, const struct image_file *file)
{
    return (size_t)(file - image->files);
}

/* What stands below the end of the contiguous frames is durable now. */
static void note_durable(void *user, struct image_disk *image, struct image_file *file)
{
    struct watch *watch = user;

    if (strstr(file->name, ".wal") == NULL)
        return;
    dissect(&segment, file->bytes, file->size);
    if (segment.linked && segment.end > watch->durable_end[index_of(image, file)])
        watch->durable_end[index_of(image, file)] = segment.end;
}

static void check_write(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                        const uint8_t *bytes, size_t length)
{
    struct watch *watch = user;
    uint64_t *durable_end = &watch->durable_end[index_of(image, file)];
    uint64_t first_free = *durable_end;

    if (strstr(file->name, ".new") != NULL)
        *durable_end = 0; /* a new life */
    if (*durable_end == 0)
        return;
    watch->writes_seen++;
    if (watch->unit_bytes != 0)
        first_free = (first_free + watch->unit_bytes - 1) / watch->unit_bytes * watch->unit_bytes;
    if (offset >= first_free)
        return;
    if (watch->unit_bytes != 0) {
        (void)snprintf(watch->trouble, sizeof watch->trouble,
                       "%s: a write at 0x%" PRIx64 ", durable up to 0x%" PRIx64, file->name, offset,
                       *durable_end);
        return;
    }
    for (uint64_t at = offset; at < *durable_end && at < offset + length; at++) {
        watch->bytes_kept++;
        if (file->bytes[at] != bytes[at - offset])
            (void)snprintf(watch->trouble, sizeof watch->trouble, "%s: durable byte 0x%" PRIx64 " changes",
                           file->name, at);
    }
}

static void run(const struct kaya_geometry *geometry, uint64_t segment_bytes, uint32_t block_bytes,
                uint64_t unit_bytes)
{
    static const uint32_t lengths[] = { 30, 0, 250 };
    struct kaya_wal_config config = { .segment_bytes = segment_bytes, .block_bytes = block_bytes };
    struct log_fixture *log = log_fixture_create(geometry, &config);
    struct watch watch = { .unit_bytes = unit_bytes };

    log->image.before_write = check_write;
    log->image.after_sync = note_durable;
    log->image.user = &watch;
    MUST(log_open(log));
    for (uint64_t i = 0; i < 600; i++) {
        uint64_t roll = i * 2654435761 % 101;

        if (roll < 50)
            MUST(log_append(log, i * 40503 % (segment_bytes / 10), roll % 3 ? KAYA_STRICT : KAYA_RELAXED));
        else if (roll < 65)
            MUST(log_append_batch(log, lengths, 3, roll % 2 ? KAYA_STRICT : KAYA_RELAXED));
        else if (roll < 75)
            MUST(log_sync(log));
        else if (roll < 80)
            MUST(log_rotate(log));
        else if (roll < 88)
            MUST(log_trim(log, log->durable_lsn > 10 ? log->durable_lsn - 10 : 0));
        else if (roll < 95)
            log_kill(log);
        else
            MUST(log_close(log));
        if (log->writer == NULL)
            MUST(log_open(log));
        cr_assert(watch.trouble[0] == '\0', "step %" PRIu64 ": %s", i, watch.trouble);
    }
    cr_expect_gt(watch.writes_seen, 300);
    MUST(log_close(log));
    cr_expect(watch.trouble[0] == '\0', "%s", watch.trouble);
    log_fixture_destroy(log);
}

Test(padding, in_dense_mode_durable_bytes_keep_their_values)
{
    run(&LOG_DENSE, 4096, 512, 0);
    run(&LOG_DENSE, 16384, 1024, 0);
    run(&LOG_DENSE, 65536, 8192, 0);
}

Test(padding, in_padding_mode_units_with_durable_bytes_are_never_written)
{
    run(&LOG_PADDED_512, 8192, 512, 512);
    run(&LOG_PADDED_512, 32768, 0, 512);
    run(&LOG_PADDED_4096, 65536, 512, 4096);
    run(&LOG_PADDED_4096, 65536, 4096, 4096);
}

Test(padding, each_sync_ends_at_a_whole_unit)
{
    struct kaya_wal_config config = { .segment_bytes = 1 << 18, .block_bytes = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_PADDED_4096, &config);
    struct watch watch = { .unit_bytes = 4096 };

    log->image.after_sync = note_durable;
    log->image.user = &watch;
    MUST(log_open(log));
    for (unsigned i = 0; i < 30; i++) {
        struct image_file *file = image_disk_segment(&log->image, 1);

        MUST(log_append(log, i * 200, KAYA_STRICT));
        cr_expect(eq(u64, watch.durable_end[index_of(&log->image, file)] % 4096, 0), "%u", i);
    }
    cr_expect_eq(segment.unit_bytes, 4096);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

/* PAD frames hold zeros only, and stand under the payload check like any other. */
Test(padding, padding_is_zeros_in_frames)
{
    struct kaya_wal_config config = { .segment_bytes = 65536, .block_bytes = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_PADDED_4096, &config);
    const struct image_file *file;
    unsigned pad_count = 0;

    MUST(log_open(log));
    for (unsigned i = 0; i < 8; i++)
        MUST(log_append(log, 100 + i * 300, KAYA_STRICT));
    MUST(log_close(log));
    file = image_disk_segment(&log->image, 1);
    dissect(&segment, file->bytes, file->size);
    for (size_t i = 0; i < segment.frame_count; i++) {
        const struct dissected_frame *frame = &segment.frames[i];

        if (frame->type != DISSECT_PAD)
            continue;
        pad_count++;
        for (uint64_t at = frame->offset + DISSECT_FRAME_BYTES; at < frame->end; at++)
            cr_assert_eq(file->bytes[at], 0);
    }
    cr_expect_geq(pad_count, 8);
    log_fixture_destroy(log);
}

/* A log made in one mode goes on in the other: its segments do not suit the disk, so the next one does. */
Test(padding, a_log_that_moves_to_a_disk_with_less_to_promise_goes_on_in_a_new_segment)
{
    struct kaya_wal_config config = { .segment_bytes = 65536, .block_bytes = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    struct watch watch = { .unit_bytes = 4096 };
    struct log_look look;

    MUST(log_open(log));
    for (unsigned i = 0; i < 5; i++)
        MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_close(log));
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (strstr(log->image.files[i].name, ".wal") != NULL)
            note_durable(&watch, &log->image, &log->image.files[i]);
    log->image.disk.geometry = LOG_PADDED_4096;
    log->image.before_write = check_write;
    log->image.after_sync = note_durable;
    log->image.user = &watch;
    MUST(log_open(log));
    for (unsigned i = 0; i < 40; i++)
        MUST(log_append(log, 3000, i % 2 ? KAYA_STRICT : KAYA_RELAXED));
    log_kill(log);
    MUST(log_open(log));
    cr_expect(watch.trouble[0] == '\0', "%s", watch.trouble);
    log_look(log, NULL, &look);
    cr_expect(look.trouble[0] == '\0' && look.last_lsn == 45, "%s", look.trouble);
    MUST(log_close(log));
    log_fixture_destroy(log);
}
