/* Sectors that cannot be read until all of them is written.
 *
 * Goal: nothing is cut because of them, and what surely is a spare stops nothing. Method: logs on the image disk in which the sector where a
 * link stands or would stand answers KAYA_IO, or a whole spare reads as zeros; what was appended is compared with what comes back. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "dissect.h"
#include "kaya/salvage.h"
#include "log_fixture.h"

static const struct kaya_wal_config TWO_SPARES = { .segment_bytes = 4096, .block_bytes = 512 };
static const struct kaya_wal_config THREE_SPARES = { .segment_bytes = 4096, .block_bytes = 512, .spare_count = 3 };

enum { LINK_AT = 512, MARK_AT = 1536 /* the sector */ };

struct range {
    const char *name;
    uint64_t offset, length;
    bool reads_zeros; /* in place of KAYA_IO */
};

static bool overlaps(const struct range *range, const struct image_file *file, uint64_t offset, size_t length)
{
    return range->length > 0 && strcmp(file->name, range->name) == 0 &&
           offset < range->offset + range->length && offset + length > range->offset;
}

static enum kaya_status fail(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                             uint8_t *bytes, size_t length, bool past_cache)
{
    const struct range *range = user;

    (void)image;
    (void)past_cache;
    if (!overlaps(range, file, offset, length))
        return KAYA_OK;
    if (!range->reads_zeros)
        return KAYA_IO;
    for (size_t at = 0; at < length; at++)
        if (offset + at >= range->offset && offset + at < range->offset + range->length)
            bytes[at] = 0;
    return KAYA_OK;
}

static void heal(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                 const uint8_t *bytes, size_t length)
{
    struct range *range = user;

    (void)image;
    (void)bytes;
    if (overlaps(range, file, offset, length) && offset <= range->offset &&
        offset + length >= range->offset + range->length)
        range->length = 0;
}

static struct log_fixture *begin(const struct kaya_wal_config *config)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, config);

    cr_assert(eq(int, log_open(log), KAYA_OK));
    for (unsigned i = 0; i < 3; i++)
        cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
    return log;
}

static void strike(struct log_fixture *log, struct range *range)
{
    log_kill(log);
    log->image.during_read = fail;
    log->image.before_write = heal;
    log->image.user = range;
}

static void expect_refused_untouched(struct log_fixture *log)
{
    static struct image_disk before;
    char difference[LOG_TEXT_BYTES];

    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    cr_expect(eq(int, log_open(log), KAYA_IO));
    cr_expect(image_disk_same(&before, &log->image, difference, sizeof difference), "%s", difference);
    log_kill(log);
    log->image.during_read = NULL;
    cr_expect(eq(int, log_open(log), KAYA_OK));
    cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
    image_disk_destroy(&before);
}

static void expect_opens_and_goes_on(struct log_fixture *log)
{
    struct log_look look;

    cr_expect(eq(int, log_open(log), KAYA_OK));
    cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
    for (unsigned i = 0; i < 8; i++) {
        cr_expect(eq(int, log_append(log, 700, KAYA_STRICT), KAYA_OK));
        cr_expect(eq(int, log_rotate(log), KAYA_OK));
    }
    log_look(log, NULL, &look);
    cr_expect(eq(int, look.status, KAYA_OK));
    cr_expect(eq(str, look.trouble, ""));
    cr_expect(eq(u64, look.last_lsn, log->last_lsn));
}

Test(unreadable, a_spare_is_written_anew_and_used)
{
    for (uint64_t number = 2; number <= 3; number++)
        for (uint64_t offset = LINK_AT; offset < 4096; offset += IMAGE_SECTOR_BYTES) {
            struct log_fixture *log = begin(&TWO_SPARES);
            struct range range = { number == 2 ? "0000000000000002.wal" : "0000000000000003.wal", offset,
                                   IMAGE_SECTOR_BYTES, false };

            if (offset == 2048) { /* its second header */
                log_fixture_destroy(log);
                continue;
            }
            strike(log, &range);
            expect_opens_and_goes_on(log);
            cr_expect(number == 3 || range.length == 0, "the sector at %u was not written", (unsigned)offset);
            log_fixture_destroy(log);
        }
}

/* All that it holds may stand in the sector that cannot be read. */
Test(unreadable, a_segment_that_a_rotation_took_is_no_spare)
{
    struct range range = { "0000000000000002.wal", LINK_AT, IMAGE_SECTOR_BYTES, false };
    struct log_fixture *log = begin(&TWO_SPARES);

    cr_assert(eq(int, log_rotate(log), KAYA_OK));
    cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
    strike(log, &range);
    expect_refused_untouched(log);
    log_fixture_destroy(log);
}

Test(unreadable, a_segment_that_a_recovery_took_is_no_spare)
{
    struct range range = { "0000000000000002.wal", LINK_AT, IMAGE_SECTOR_BYTES, false };
    struct log_fixture *log = begin(&TWO_SPARES);

    for (unsigned i = 0; i < 3; i++) /* beyond its second header, below which no segment is cut */
        cr_assert(eq(int, log_append(log, 500, KAYA_STRICT), KAYA_OK));
    cr_assert(eq(int, log_append(log, 100, KAYA_RELAXED), KAYA_OK));
    log_kill(log);
    cr_assert(eq(int, log_open(log), KAYA_OK));
    cr_assert(lt(sz, image_disk_segment(&log->image, 1)->size, 4096));
    strike(log, &range);
    expect_refused_untouched(log);
    log_fixture_destroy(log);
}

/* With three spares a rotation could have taken the first: nobody can tell. */
Test(unreadable, what_may_have_been_in_use_is_refused)
{
    struct range range = { "0000000000000002.wal", LINK_AT, IMAGE_SECTOR_BYTES, false };
    struct log_fixture *log = begin(&THREE_SPARES);

    cr_assert(eq(int, log_close(log), KAYA_OK));
    cr_assert(eq(int, log_open(log), KAYA_OK));
    strike(log, &range);
    expect_refused_untouched(log);
    log_fixture_destroy(log);
}

/* A recovery wrote its copies and went no further. Whoever reads the spare next sees zeros; so it must not be believed to be clean. */
Test(unreadable, a_spare_that_only_looks_clean_gets_a_new_salt)
{
    struct range range = { "0000000000000002.wal", LINK_AT, 4096 - LINK_AT, true };
    struct log_fixture *log = begin(&TWO_SPARES);
    struct image_file *spare = image_disk_segment(&log->image, 2);
    uint64_t salt = dissect_load64(spare->bytes + 72);
    bool has_copies = false;

    log_kill(log);
    for (uint64_t call = 1; !has_copies; call++) {
        static struct dissection found;

        log->image.fail_at = log->image.call_count + call;
        log->image.fail_on = true;
        log->image.failure = KAYA_IO;
        cr_assert(ne(int, log_open(log), KAYA_OK));
        log->image.fail_at = 0;
        log_kill(log);
        dissect(&found, spare->bytes, spare->size);
        has_copies = found.linked && found.frame_count > 1;
        salt = dissect_load64(spare->bytes + 72);
    }
    strike(log, &range);
    cr_expect(eq(int, log_open(log), KAYA_OK));
    cr_expect(ne(u64, dissect_load64(spare->bytes + 72), salt));
    log_kill(log);
    log->image.during_read = NULL;
    cr_expect(eq(int, log_open(log), KAYA_OK));
    cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
    log_fixture_destroy(log);
}

/* A recovery took segment 2: two records that no claim spoke of stand there once more, in three sectors, and the mark behind them. Was
 * segment 1 cut after that? */
static struct log_fixture *begin_carried(bool cut)
{
    static struct dissection found;
    struct log_fixture *log = begin(&TWO_SPARES);

    for (unsigned i = 0; i < 2; i++)
        cr_assert(eq(int, log_append(log, 500, KAYA_RELAXED), KAYA_OK));
    log_kill(log);
    cr_assert(eq(int, log_open(log), KAYA_OK));
    dissect(&found, image_disk_segment(&log->image, 2)->bytes, 4096);
    cr_assert(eq(u64, found.carried_end / IMAGE_SECTOR_BYTES, MARK_AT / IMAGE_SECTOR_BYTES));
    cr_assert(lt(sz, image_disk_segment(&log->image, 1)->size, 4096));
    if (!cut)
        image_file_resize(image_disk_segment(&log->image, 1), 4096);
    return log;
}

/* Its copies end early at a place that can be read: it was cut short, or the disk lost that sector. */
Test(unreadable, copies_that_end_early_prove_nothing_where_the_mark_cannot_be_read)
{
    for (int cut_short = 0; cut_short < 2; cut_short++) {
        struct range range = { "0000000000000002.wal", cut_short ? 2560 : MARK_AT, IMAGE_SECTOR_BYTES, false };
        struct log_fixture *log = begin_carried(false);
        struct image_file *file = image_disk_segment(&log->image, 2);

        memset(file->bytes + 1024, 0, IMAGE_SECTOR_BYTES);
        if (cut_short)
            memset(file->bytes + MARK_AT, 0, IMAGE_SECTOR_BYTES);
        strike(log, &range);
        cr_expect(eq(int, log_open(log), cut_short ? KAYA_OK : KAYA_IO));
        if (cut_short)
            cr_expect(eq(u64, log->report.last_lsn, log->last_lsn));
        log_fixture_destroy(log);
    }
}

/* Its link's place can be read and holds none. That segment 1 was cut says that there was one. */
Test(unreadable, a_segment_that_a_recovery_took_is_no_spare_either_where_its_link_is_gone)
{
    for (int cut = 0; cut < 2; cut++) {
        struct range range = { "0000000000000002.wal", 1024, 4096 - 1024, false };
        struct log_fixture *log = begin_carried(cut);

        memset(image_disk_segment(&log->image, 2)->bytes + LINK_AT, 0, IMAGE_SECTOR_BYTES);
        strike(log, &range);
        cr_expect(eq(int, log_open(log), cut ? KAYA_IO : KAYA_OK));
        log_fixture_destroy(log);
    }
}

/* Was the last record, which no claim covers, durable? So says an anchor behind it, unless somebody may have given it up. */
static bool is_salvaged_as_durable(struct log_fixture *log)
{
    struct kaya_wal_anchor anchor = { .lsn = log->last_lsn + 1, .log_id = log->report.log_id };
    const struct kaya_wal_salvage_options options = { .anchor = &anchor };
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged = { .kind = KAYA_SALVAGED_GAP };
    bool is_durable = false;
    uint64_t records = 0;

    cr_assert(eq(int, kaya_wal_salvage_open(&log->environment, &options, &salvage, NULL), KAYA_OK));
    while (kaya_wal_salvage_next(salvage, &salvaged) == KAYA_OK)
        if (salvaged.kind == KAYA_SALVAGED_RECORD) {
            records++;
            is_durable = salvaged.record.durable;
            cr_expect(is_durable || salvaged.record.lsn == log->last_lsn);
        }
    cr_expect(eq(u64, records, log->last_lsn));
    kaya_wal_salvage_close(salvage);
    return is_durable;
}

Test(unreadable, an_anchor_vouches_for_no_record_below_a_link_that_may_have_given_it_up)
{
    struct log_fixture *log = begin(&TWO_SPARES);
    struct range link = { "0000000000000002.wal", LINK_AT, IMAGE_SECTOR_BYTES, false };

    cr_assert(eq(int, log_append(log, 100, KAYA_RELAXED), KAYA_OK));
    log_kill(log);
    cr_expect(is_salvaged_as_durable(log));
    strike(log, &link);
    cr_expect(not(is_salvaged_as_durable(log)));
    log_fixture_destroy(log);
}
