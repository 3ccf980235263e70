/* Goal: P5 and F4. Whatever is damaged in the files of a log, no record that a claim covers is lost without a word: it comes
 * back mended, or recovery refuses, names the place and the records, and changes nothing. Damage where nothing lives raises
 * no alarm.
 *
 * Method: small logs in memory, made by every kind of call, then every bit flipped, every length cut, every sector zeroed or
 * put back to what it once held. What must follow is worked out in damage_case.c, from the page that states the format and
 * from the calls that made the log. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "damage_case.h"
#include "dissect.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

/* Stories. */

static const uint32_t SOME_LENGTHS[] = { 40, 0, 7, 300, 64 };

/* All kinds of calls, over several segments. */
static void play_mixed(struct log_fixture *log)
{
    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 40, KAYA_RELAXED));
    MUST(log_append(log, 1200, KAYA_RELAXED)); /* over three blocks */
    MUST(log_append(log, 0, KAYA_STRICT));
    MUST(log_append_batch(log, SOME_LENGTHS, 5, KAYA_STRICT));
    MUST(log_append(log, 470, KAYA_RELAXED));
    MUST(log_sync(log));
    MUST(log_append(log, 1, KAYA_STRICT));
    MUST(log_append(log, 900, KAYA_STRICT));
    MUST(log_append(log, 60, KAYA_RELAXED));
    MUST(log_rotate(log));
    MUST(log_append_batch(log, SOME_LENGTHS, 3, KAYA_RELAXED));
    MUST(log_append(log, 200, KAYA_STRICT));
    MUST(log_append(log, 33, KAYA_STRICT));
}

static void play_closed(struct log_fixture *log)
{
    MUST(log_open(log));
    play_mixed(log);
    MUST(log_close(log));
}

static void play_killed(struct log_fixture *log)
{
    MUST(log_open(log));
    play_mixed(log);
    MUST(log_append(log, 600, KAYA_RELAXED));
    MUST(log_append(log, 50, KAYA_RELAXED));
}

/* A recovery that carries, then a trim that recycles, then more on the recycled segments. */
static void play_carried(struct log_fixture *log)
{
    play_killed(log);
    log_kill(log);
    MUST(log_open(log));
    MUST(log_append(log, 120, KAYA_STRICT));
    MUST(log_rotate(log));
    MUST(log_append(log, 80, KAYA_STRICT));
    MUST(log_append(log, 500, KAYA_RELAXED));
    MUST(log_rotate(log));
    MUST(log_trim(log, 12));
    for (unsigned i = 0; i < 12; i++)
        MUST(log_append(log, 150 + 40 * i, i % 3 == 0 ? KAYA_RELAXED : KAYA_STRICT));
    MUST(log_trim(log, log->durable_lsn - 6));
    MUST(log_append(log, 45, KAYA_STRICT));
    MUST(log_append(log, 46, KAYA_RELAXED));
}

/* Clean closes in between: CLOSE frames in the middle. */
static void play_reopened(struct log_fixture *log)
{
    for (unsigned round = 0; round < 4; round++) {
        MUST(log_open(log));
        for (unsigned i = 0; i < 5; i++)
            MUST(log_append(log, 90 + 70 * i + round, i % 2 == 0 ? KAYA_RELAXED : KAYA_STRICT));
        MUST(log_close(log));
    }
}

static const struct {
    struct story story;
    bool is_exhaustive; /* everything is tried on these, a part on the others */
} STORIES[] = {
    { { "closed, dense", play_closed, &LOG_DENSE, 4096, 512 }, false },
    { { "killed, dense", play_killed, &LOG_DENSE, 4096, 512 }, true },
    { { "carried, dense", play_carried, &LOG_DENSE, 4096, 512 }, false },
    { { "reopened, dense", play_reopened, &LOG_DENSE, 4096, 512 }, false },
    { { "closed, padded", play_closed, &LOG_PADDED_512, 8192, 512 }, false },
    { { "killed, padded", play_killed, &LOG_PADDED_512, 8192, 512 }, false },
    { { "carried, padded", play_carried, &LOG_PADDED_512, 8192, 1024 }, true },
    { { "killed, larger blocks", play_killed, &LOG_DENSE, 16384, 2048 }, false },
    { { "killed, pages", play_killed, &LOG_PADDED_4096, 65536, 4096 }, false },
};
enum { STORY_COUNT = sizeof STORIES / sizeof STORIES[0] };

static void in_each_story(void (*damage_all)(struct damage_case *damage))
{
    for (size_t i = 0; i < STORY_COUNT; i++) {
        struct damage_case *damage = tell(&STORIES[i].story);

        damage->is_exhaustive = STORIES[i].is_exhaustive;
        damage_all(damage);
        damage_case_destroy(damage);
    }
}

static size_t complaint_count;

static void complain(const struct damage_case *damage, const char *what, const char *trouble)
{
    if (complaint_count++ < 12)
        cr_expect(false, "%s, %s: %s", damage->name, what, trouble);
}

/* The pristine file with this index, if it is a segment. */
static struct image_file *segment_file(struct damage_case *damage, size_t index)
{
    struct image_file *file = &damage->pristine.files[index];

    return strstr(file->name, ".wal") != NULL ? file : NULL;
}

static struct image_file *damaged_twin(struct damage_case *damage, const struct image_file *file)
{
    return image_disk_find(&damage->log->image, file->name);
}

static void try_damage(struct damage_case *damage, const char *what)
{
    char trouble[LOG_TEXT_BYTES];

    if (!damage_case_try(damage, NULL, trouble))
        complain(damage, what, trouble);
}

/* The tests. */

static void undamaged(struct damage_case *damage)
{
    cr_expect_gt(damage->head, 1, "%s: several segments", damage->name);
    cr_expect_gt(damage->live_count, 10);
    try_damage(damage, "undamaged");
}

Test(damage, the_undamaged_logs_come_back_whole)
{
    in_each_story(undamaged);
}

static void flip_bits(struct damage_case *damage)
{
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);
        uint64_t step = damage->is_exhaustive               ? 1
                        : file != NULL && file->size > 8192 ? file->size / 512 - 1
                                                            : 5;

        for (uint64_t bit = 0; file != NULL && bit < file->size * 8; bit += step) {
            const struct live_frame *frame = damage_case_frame_at(damage, index, bit / 8);
            struct damage_flip flip = { .frame = frame };
            char trouble[LOG_TEXT_BYTES];
            char what[LOG_TEXT_BYTES];

            if (frame == NULL && bit % 8 != bit / 8 % 8)
                continue; /* one bit of each byte where nothing lives */
            if (frame != NULL)
                flip.bit = bit - frame->offset * 8;
            damage->is_brief = bit % 8 != bit / 8 % 8;
            damaged_twin(damage, file)->bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            if (damage_case_try(damage, frame != NULL ? &flip : NULL, trouble))
                continue;
            (void)snprintf(what, sizeof what, "%s bit %" PRIu64 " of byte 0x%" PRIx64 " (type %u)",
                           file->name, bit % 8, bit / 8, frame != NULL ? frame->type : 0U);
            complain(damage, what, trouble);
        }
    }
}

Test(damage, every_flipped_bit_is_mended_or_means_nothing)
{
    in_each_story(flip_bits);
}

static void cut_files(struct damage_case *damage)
{
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        for (size_t size = 0; file != NULL && size < file->size;
             size += damage->is_exhaustive ? 1 : file->size / 256 - 1) {
            char what[LOG_TEXT_BYTES];

            image_file_resize(damaged_twin(damage, file), size);
            (void)snprintf(what, sizeof what, "%s cut to 0x%zx", file->name, size);
            try_damage(damage, what);
        }
    }
}

Test(damage, every_cut_length_is_seen_where_it_counts)
{
    in_each_story(cut_files);
}

static void replace_sector(struct damage_case *damage, struct image_file *file, uint64_t offset,
                           const uint8_t *bytes, const char *with)
{
    char what[LOG_TEXT_BYTES];

    if (memcmp(file->bytes + offset, bytes, IMAGE_SECTOR_BYTES) == 0)
        return;
    memcpy(damaged_twin(damage, file)->bytes + offset, bytes, IMAGE_SECTOR_BYTES);
    (void)snprintf(what, sizeof what, "%s sector at 0x%" PRIx64 " %s", file->name, offset, with);
    try_damage(damage, what);
}

static void zero_sectors(struct damage_case *damage)
{
    static const uint8_t zeros[IMAGE_SECTOR_BYTES];
    uint8_t ones[IMAGE_SECTOR_BYTES];

    memset(ones, 0xff, sizeof ones);
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        for (uint64_t at = 0; file != NULL && at < file->size; at += IMAGE_SECTOR_BYTES) {
            replace_sector(damage, file, at, zeros, "zeroed");
            replace_sector(damage, file, at, ones, "all ones");
        }
    }
}

Test(damage, every_sector_that_is_wiped_is_seen_where_it_counts)
{
    in_each_story(zero_sectors);
}

static void stale_sectors(struct damage_case *damage)
{
    const struct image_disk *image = &damage->log->image;
    size_t count = image->version_count;

    for (size_t i = 0; i < count; i++) {
        struct image_version version = image->versions[i];
        struct image_file *file = segment_file(damage, version.file);

        if (file != NULL && version.offset + IMAGE_SECTOR_BYTES <= file->size)
            replace_sector(damage, file, version.offset, version.bytes, "stale");
    }
}

Test(damage, every_sector_that_went_back_in_time_is_seen_where_it_counts)
{
    in_each_story(stale_sectors);
}

static void misplaced_sectors(struct damage_case *damage)
{
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        if (file == NULL || !damage->is_exhaustive)
            continue;
        for (size_t other = 0; other < IMAGE_FILES_MAX; other++) {
            const struct image_file *from = segment_file(damage, other);

            for (uint64_t at = 0; from != NULL && at < file->size; at += IMAGE_SECTOR_BYTES)
                for (uint64_t source = 0; source < from->size; source += IMAGE_SECTOR_BYTES)
                    replace_sector(damage, file, at, from->bytes + source, "from elsewhere");
        }
    }
}

Test(damage, every_sector_that_came_from_elsewhere_is_seen_where_it_counts)
{
    in_each_story(misplaced_sectors);
}

static void invert_bytes(struct damage_case *damage)
{
    for (size_t index = 0; damage->is_exhaustive && index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        for (uint64_t at = 0; file != NULL && at < file->size; at++) {
            char what[LOG_TEXT_BYTES];

            if (damage_case_frame_at(damage, index, at) == NULL)
                continue;
            damage->is_brief = at % 16 != 0;
            damaged_twin(damage, file)->bytes[at] ^= 0xff;
            (void)snprintf(what, sizeof what, "%s byte 0x%" PRIx64 " inverted", file->name, at);
            try_damage(damage, what);
        }
    }
}

Test(damage, every_inverted_byte_is_seen_where_it_counts)
{
    in_each_story(invert_bytes);
}

/* Files that are gone. The segment right behind the head must be there once the head took records; those above it need not. */
static void remove_files(struct damage_case *damage)
{
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);
        struct log_look look;
        bool counts;

        if (file == NULL)
            continue;
        counts = damage->live[0].segment <= strtoull(file->name, NULL, 16) &&
                 strtoull(file->name, NULL, 16) <= damage->head + 1;
        image_disk_remove(&damage->log->image, file->name);
        log_look(damage->log, NULL, &look);
        if (look.status != (counts ? KAYA_DAMAGED : KAYA_OK))
            complain(damage, file->name, kaya_status_name(look.status));
        if (look.status == KAYA_OK && look.last_lsn != damage->log->last_lsn)
            complain(damage, file->name, "gone, and not all came back");
        if (look.status == KAYA_DAMAGED && look.report.damage_segment != strtoull(file->name, NULL, 16))
            complain(damage, file->name, "gone, and another segment is named");
        damage_case_restore(damage);
    }
}

Test(damage, every_file_that_is_gone_is_missed_where_it_counts)
{
    in_each_story(remove_files);
}

static enum kaya_status hide_first_copy(void *user, struct image_disk *image, struct image_file *file,
                                        uint64_t offset, uint8_t *bytes, size_t length, bool past_cache)
{
    (void)image;
    (void)bytes;
    (void)length;
    (void)past_cache;
    return file == user && offset == 0 ? KAYA_IO : KAYA_OK;
}

/* Two files behind the head stand under each other's name. Of the nearer one's header copies either says so alone; what cannot be read
 * of them may say something else. */
Test(damage, one_header_copy_is_enough_to_tell_another_segment)
{
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };

    for (unsigned spoilt = 0; spoilt < 3; spoilt++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
        static struct dissection segment;
        static uint8_t swapped[4096];
        struct image_file *near, *far;
        struct log_look look;

        MUST(log_open(log));
        MUST(log_append(log, 100, KAYA_STRICT));
        log_kill(log);
        near = image_disk_segment(&log->image, 2);
        far = image_disk_segment(&log->image, 3);
        cr_assert(near->size == sizeof swapped && far->size == sizeof swapped);
        memcpy(swapped, near->bytes, sizeof swapped);
        memcpy(near->bytes, far->bytes, sizeof swapped);
        memcpy(far->bytes, swapped, sizeof swapped);
        cr_assert(dissect_header(&segment, near->bytes, near->size));
        memset(near->bytes + (spoilt == 1 ? segment.second_copy : 0) + 80, 0x5a, 8);
        if (spoilt == 2)
            log->image.during_read = hide_first_copy;
        log->image.user = near;
        log_look(log, NULL, &look);
        cr_expect_eq(look.status, spoilt == 2 ? KAYA_IO : KAYA_DAMAGED, "%u: %s", spoilt,
                     kaya_status_name(look.status));
        if (spoilt < 2) {
            cr_expect_eq(look.report.damage_segment, 2);
            cr_expect_str_eq(look.report.damage_reason, "the file is another segment");
        }
        log->image.during_read = NULL;
        log_fixture_destroy(log);
    }
}

/* Bytes that were true once: a whole file goes back in time, to what it was when the log had half of its records. */
static void play_half(struct log_fixture *log)
{
    MUST(log_open(log));
    for (unsigned i = 0; i < 6; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
}

Test(damage, a_file_that_went_back_in_time_as_a_whole_is_never_a_silent_loss_of_what_others_claim)
{
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    struct image_disk early;
    struct damage_case *damage;

    play_half(log);
    image_disk_init(&early, &LOG_DENSE);
    image_disk_copy(&early, &log->image);
    for (unsigned i = 0; i < 20; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
    damage = damage_case_create("whole files", log);
    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);
        struct image_file *old = file != NULL ? image_disk_find(&early, file->name) : NULL;

        if (old == NULL)
            continue;
        memcpy(damaged_twin(damage, file)->bytes, old->bytes, old->size);
        try_damage(damage, file->name);
    }
    damage_case_destroy(damage);
    image_disk_destroy(&early);
}

/* F1: a payload that is a copy of the log, each byte at the offset it has in its own segment. Where the frame round it is
 * destroyed, nothing in it passes for a record. */
enum { COPY_SEGMENT = 32768, COPY_BLOCK = 4096, COPY_BYTES = 2400 };

static uint64_t append_copy(struct log_fixture *log)
{
    const struct image_file *first = image_disk_segment(&log->image, 1);
    uint64_t link_end = COPY_BLOCK + 28 + 56;
    struct kaya_wal_payload payload = { .type = KAYA_RECORD_PUT,
                                        .bytes = first->bytes + link_end + 28,
                                        .length = COPY_BYTES };

    MUST(kaya_wal_writer_append(log->writer, &payload, KAYA_STRICT, &log->last_lsn));
    return link_end;
}

Test(damage, a_payload_that_holds_a_copy_of_the_log_never_passes_for_records)
{
    struct kaya_wal_config config = { .segment_bytes = COPY_SEGMENT, .block_bytes = COPY_BLOCK };

    for (unsigned is_claimed = 0; is_claimed < 2; is_claimed++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
        struct image_file *second;
        uint64_t at;

        MUST(log_open(log));
        for (unsigned i = 0; i < 40; i++)
            MUST(log_append(log, 64, KAYA_STRICT));
        MUST(log_rotate(log));
        at = append_copy(log);
        if (is_claimed)
            MUST(log_append(log, 10, KAYA_STRICT));
        log_kill(log);
        second = image_disk_segment(&log->image, 2);
        cr_assert_not_null(second);
        cr_assert_eq(
            memcmp(second->bytes + at + 28, image_disk_segment(&log->image, 1)->bytes + at + 28, COPY_BYTES), 0);
        memset(second->bytes + at, 0, 28);
        if (is_claimed) {
            cr_expect_eq(log_open(log), KAYA_DAMAGED);
            cr_expect_eq(log->report.lost_first_lsn, 41);
            cr_expect_eq(log->report.lost_last_lsn, 41);
            cr_expect_eq(log->report.damage_offset, at);
        } else {
            struct log_look look;

            MUST(log_open(log));
            cr_expect_eq(log->report.verdict, KAYA_VERDICT_TORN);
            cr_expect_eq(log->report.last_lsn, 40);
            log_look(log, NULL, &look);
            cr_expect(look.trouble[0] == '\0' && look.last_lsn == 40);
        }
        log_fixture_destroy(log);
    }
}

/* One copy of a header is enough, and the other is told of. */
Test(damage, a_bad_copy_of_a_header_is_told_of)
{
    struct damage_case *damage = tell(&STORIES[0].story);

    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        for (uint64_t copy = 0; file != NULL && copy <= 2048; copy += 2048) {
            struct kaya_wal_verify_options options = { .on_event = log_hear, .user = damage->log };
            struct kaya_wal_inspection inspection;

            if (strtoull(file->name, NULL, 16) > damage->head)
                continue;
            damaged_twin(damage, file)->bytes[copy + 50] ^= 0x77;
            MUST(kaya_wal_verify(&damage->log->environment, &options, &inspection));
            cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_CLEAN);
            cr_expect_gt(inspection.notice_count, 0);
            cr_expect_not_null(log_event(damage->log, KAYA_EVENT_HEADER_COPY_BAD, 0), "%s copy at %" PRIu64,
                               file->name, copy);
            damage_case_restore(damage);
        }
    }
    damage_case_destroy(damage);
}

/* A spare that is given a new salt gets it in both copies of its header, one after the other. Where the write of one is lost, the other
 * counts: both are good, and LINK says which is the segment's. */
Test(damage, a_copy_of_a_header_with_an_older_salt_is_passed_over)
{
    struct damage_case *damage = tell(&STORIES[0].story);

    for (size_t index = 0; index < IMAGE_FILES_MAX; index++) {
        struct image_file *file = segment_file(damage, index);

        for (uint64_t copy = 0; file != NULL && copy <= 2048; copy += 2048) {
            uint8_t *bytes = damaged_twin(damage, file)->bytes;
            struct log_look look;

            bytes[copy + 75] ^= 0x77;
            dissect_seal_header(bytes, copy);
            log_look(damage->log, NULL, &look);
            cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0' && look.last_lsn == damage->log->last_lsn,
                      "%s copy at %" PRIu64 ": %s", file->name, copy, kaya_status_name(look.status));
            damage_case_restore(damage);
        }
    }
    damage_case_destroy(damage);
}

/* Segments 2 and 3 lose their links. Nothing in segment 2 says that it was durable, since it holds one record: only what stands in segment 3. */
Test(damage, two_lost_links_in_a_row_are_seen)
{
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);

    MUST(log_open(log));
    for (unsigned i = 0; i < 2; i++) {
        MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_rotate(log));
    }
    for (unsigned i = 0; i < 4; i++)
        MUST(log_append(log, 300, KAYA_STRICT));
    log_kill(log);
    memset(image_disk_segment(&log->image, 2)->bytes + 512, 0, 512);
    memset(image_disk_segment(&log->image, 3)->bytes + 512, 0, 512);
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        cr_expect_eq(log_open(log), KAYA_DAMAGED);
        cr_expect_eq(log->report.damage_segment, 3);
        cr_expect_eq(log->report.damage_offset, 512);
        cr_expect_eq(log->report.lost_first_lsn, 2);
        cr_expect_leq(log->report.lost_last_lsn, log->last_lsn);
    }
    log_fixture_destroy(log);
}

/* After so many readings the headers of a segment read as zeros. */
struct fading {
    const struct image_file *file;
    unsigned readings_left;
};

static enum kaya_status fade(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                             uint8_t *bytes, size_t length, bool past_cache)
{
    struct fading *fading = user;

    (void)image;
    (void)past_cache;
    if (file != fading->file)
        return KAYA_OK;
    if (offset % 2048 == 0 && length == 96 && fading->readings_left > 0)
        fading->readings_left--;
    for (size_t i = 0; i < length && fading->readings_left == 0; i++)
        if ((offset + i) % 2048 < 96)
            bytes[i] = 0;
    return KAYA_OK;
}

/* The segment above the head has lost its link, and its headers go while that is told. */
Test(damage, a_header_may_go_at_any_reading)
{
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };

    for (unsigned readings = 0; readings < 16; readings++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
        struct fading fading = { .readings_left = readings };
        enum kaya_status status;

        MUST(log_open(log));
        MUST(log_append(log, 100, KAYA_STRICT));
        MUST(log_rotate(log));
        for (unsigned i = 0; i < 4; i++)
            MUST(log_append(log, 300, KAYA_STRICT));
        log_kill(log);
        fading.file = image_disk_segment(&log->image, 2);
        memset(fading.file->bytes + 512, 0, 512);
        log->image.during_read = fade;
        log->image.user = &fading;
        status = log_open(log);
        cr_expect(status == KAYA_DAMAGED || status == KAYA_IO || readings < 3, "after %u readings: %s", readings,
                  kaya_status_name(status)); /* before that it has no header, as far as anybody can tell */
        log->image.during_read = NULL;
        log_fixture_destroy(log);
    }
}
