/* Goal: what a read says may be wrong. One that lies or fails once or twice in a row over some place harms nobody; a cache that shows
 * what the device never got is found out, with a bounded number of readings (P8). Method: logs in memory, on a disk whose reads are
 * watched: each sector in turn fails, is flipped, or reads as zeros, for the k-th and perhaps the next read that covers it. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "dissect.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

enum { SEGMENT_BYTES = 4096, FIRST_READS = 7, STRIKES_MAX = 2 };
static const struct kaya_wal_config SMALL = { .segment_bytes = SEGMENT_BYTES, .block_bytes = 512 };

enum lie { LIE_ERROR, LIE_FLIP, LIE_ZEROS, LIE_KINDS };

/* One sector of a file, and which of the reads that cover it go wrong. */
struct liar {
    struct log_fixture *log;
    const char *name;
    uint64_t offset;
    enum lie lie;
    unsigned first, strikes; /* the first read that goes wrong, and how many in a row */
    bool again;              /* and after each good one as many again */
    unsigned seen;
};

static enum kaya_status lie(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                            uint8_t *bytes, size_t length, bool past_cache)
{
    struct liar *liar = user;
    uint64_t from = liar->offset > offset ? liar->offset : offset;
    uint64_t to = liar->offset + IMAGE_SECTOR_BYTES;

    (void)image;
    (void)past_cache;
    if (to > offset + length)
        to = offset + length;
    if (strcmp(file->name, liar->name) != 0 || from >= to)
        return KAYA_OK;
    if (liar->seen++ < liar->first || (!liar->again && liar->seen > liar->first + liar->strikes) ||
        (liar->seen - liar->first) % (liar->strikes + 1) == 0)
        return KAYA_OK;
    if (liar->lie == LIE_ERROR)
        return KAYA_IO;
    if (liar->lie == LIE_FLIP)
        bytes[from - offset + 9 % (to - from)] ^= 0x10;
    else
        memset(bytes + (from - offset), 0, (size_t)(to - from));
    return KAYA_OK;
}

static void play_killed(struct log_fixture *log)
{
    MUST(log_open(log));
    for (unsigned i = 0; i < 12; i++)
        MUST(log_append(log, 40 + 97 * i % 500, i % 3 == 2 ? KAYA_RELAXED : KAYA_STRICT));
    log_kill(log);
}

static void play_closed(struct log_fixture *log)
{
    MUST(log_open(log));
    for (unsigned i = 0; i < 12; i++)
        MUST(log_append(log, 40 + 97 * i % 500, KAYA_STRICT));
    MUST(log_close(log));
}

/* A head with copies, and records appended to it. */
static void play_carried(struct log_fixture *log)
{
    play_killed(log);
    MUST(log_open(log));
    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_append(log, 90, KAYA_RELAXED));
    log_kill(log);
}

static const struct story {
    const char *name;
    void (*play)(struct log_fixture *log);
    const struct kaya_geometry *geometry;
} STORIES[] = {
    { "killed", play_killed, &LOG_DENSE },
    { "closed", play_closed, &LOG_DENSE },
    { "carried", play_carried, &LOG_DENSE },
    { "carried, padded", play_carried, &LOG_PADDED_512 },
};
enum { STORY_COUNT = sizeof STORIES / sizeof STORIES[0] };

static size_t complaint_count;

static void complain(const struct story *story, const struct liar *liar, const char *when, const char *what)
{
    static const char *const LIES[] = { "fails", "is flipped", "is zeros" };

    if (complaint_count++ < 12)
        cr_expect(false, "%s: %s at 0x%" PRIx64 " %s in %u reads from read %u on: %s: %s", story->name,
                  liar->name, liar->offset, LIES[liar->lie], liar->strikes, liar->first, when, what);
}

/* What the log must look like to whoever looks. */
static void expect_whole(const struct story *story, struct liar *liar, const char *when)
{
    struct log_look look;

    log_look(liar->log, NULL, &look);
    if (look.status != KAYA_OK)
        complain(story, liar, when, kaya_status_name(look.status));
    else if (look.trouble[0] != '\0')
        complain(story, liar, when, look.trouble);
    else if (look.last_lsn != liar->log->last_lsn)
        complain(story, liar, when, "another end");
}

/* Verify, read, then open for writing and go on, each with the same lie; then, without, all must be there. */
static void try_lie(const struct story *story, struct liar *liar)
{
    struct log_fixture *log = liar->log;
    struct kaya_wal_inspection inspection;
    uint64_t last_lsn = log->last_lsn;
    enum kaya_status status;

    log->image.user = liar;
    log->image.during_read = lie;
    liar->seen = 0;
    status = kaya_wal_verify(&log->environment, NULL, &inspection);
    if (status != KAYA_OK || inspection.report.last_lsn != last_lsn)
        complain(story, liar, "verify", status != KAYA_OK ? kaya_status_name(status) : "another end");
    liar->seen = 0;
    expect_whole(story, liar, "read");
    liar->seen = 0;
    status = log_open(log);
    if (status != KAYA_OK || log->report.last_lsn != last_lsn)
        complain(story, liar, "open", status != KAYA_OK ? kaya_status_name(status) : "another end");
    log->image.during_read = NULL;
    log->last_lsn = last_lsn;
    if (status == KAYA_OK)
        MUST(log_append(log, 33, KAYA_STRICT));
    log_kill(log);
    expect_whole(story, liar, "afterwards");
}

static void lie_everywhere(const struct story *story)
{
    struct log_fixture *log = log_fixture_create(story->geometry, &SMALL);
    struct image_disk pristine = { .exists = false };
    uint64_t last_lsn;

    image_disk_init(&pristine, story->geometry);
    story->play(log);
    last_lsn = log->last_lsn;
    image_disk_copy(&pristine, &log->image);
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        const struct image_file *file = &pristine.files[i];
        struct liar liar = { .log = log, .name = file->name };

        if (strstr(file->name, ".wal") == NULL)
            continue;
        for (liar.offset = 0; liar.offset < file->size; liar.offset += IMAGE_SECTOR_BYTES)
            for (liar.lie = 0; liar.lie < LIE_KINDS; liar.lie++)
                for (liar.first = 0; liar.first < FIRST_READS; liar.first++)
                    for (liar.strikes = 1; liar.strikes <= STRIKES_MAX; liar.strikes++) {
                        liar.again = liar.lie == LIE_ERROR && liar.first == 0;
                        try_lie(story, &liar);
                        image_disk_copy(&log->image, &pristine);
                        log->last_lsn = log->durable_lsn = last_lsn;
                        log->operation = 0;
                    }
    }
    image_disk_destroy(&pristine);
    log_fixture_destroy(log);
}

Test(scan, a_read_that_goes_wrong_once_or_twice_harms_nobody)
{
    for (size_t i = 0; i < STORY_COUNT; i++)
        lie_everywhere(&STORIES[i]);
    cr_expect(eq(sz, complaint_count, 0));
}

/* A device that never got what the cache shows of the first segment, and which nobody will write again: the pages are clean. */
struct forgetful {
    struct image_disk device;
};

static enum kaya_status forget(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                               uint8_t *bytes, size_t length, bool past_cache)
{
    struct forgetful *forgetful = user;
    const struct image_file *truth = image_disk_find(&forgetful->device, file->name);

    (void)image;
    if (!past_cache || strcmp(file->name, "0000000000000001.wal") != 0)
        return KAYA_OK;
    memcpy(file->bytes + offset, truth->bytes + offset, length);
    memcpy(bytes, truth->bytes + offset, length);
    return KAYA_OK;
}

/* A reader that meets such a cache shows what the log holds in the end, or in the beginning, but nothing in between. */
static void look_at_forgotten(struct log_fixture *log, unsigned count)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect_eq(look.status, KAYA_OK, "%u records: %s", count, kaya_status_name(look.status));
    cr_expect_eq(look.last_lsn, look.report.last_lsn, "%u records: read to %" PRIu64 ", promised were %" PRIu64,
                 count, look.last_lsn, look.report.last_lsn);
}

/* Relaxed records, a block each or a few in one, none of which ever reached the device: however many there are, opening finds out in a
 * bounded number of readings, goes on behind the last durable one, and all later looks say the same. */
static void open_forgotten(uint32_t length, unsigned count, unsigned whole_blocks, bool looks_first)
{
    static const struct kaya_wal_config config = { .segment_bytes = 16384, .block_bytes = 512 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
    struct forgetful forgetful = { .device = { .exists = false } };
    struct log_look look;
    uint64_t stored;

    MUST(log_open(log));
    MUST(log_append(log, 350, KAYA_STRICT));
    image_disk_init(&forgetful.device, &LOG_DENSE);
    image_disk_copy(&forgetful.device, &log->image);
    for (unsigned i = 0; i < count; i++)
        MUST(log_append(log, length, KAYA_RELAXED));
    log_kill(log);
    log->image.during_read = forget;
    log->image.user = &forgetful;
    if (looks_first)
        look_at_forgotten(log, count);
    log->image.bytes_read = 0;
    stored = image_disk_bytes_stored(&log->image);
    cr_assert_eq(log_open(log), KAYA_OK, "%u records", count);
    /* Where the last record ends with its block, nobody has reason to ask the device: all is carried from the cache. */
    cr_expect(log->report.last_lsn == 1 || (count == whole_blocks && log->report.last_lsn == 1 + count),
              "%u records of %u: the end is %" PRIu64, count, length, log->report.last_lsn);
    cr_expect_lt(log->image.bytes_read, 6 * stored, "%u records: %" PRIu64 " read of %" PRIu64, count,
                 log->image.bytes_read, stored);
    log->image.during_read = NULL;
    MUST(log_append(log, 20, KAYA_STRICT));
    log_kill(log);
    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0' && look.last_lsn == log->last_lsn, "%s %s",
              kaya_status_name(look.status), look.trouble);
    image_disk_destroy(&forgetful.device);
    log_fixture_destroy(log);
}

Test(scan, a_cache_that_shows_what_the_device_never_got_is_found_out_in_bounded_reads)
{
    for (unsigned count = 1; count <= 24; count++)
        for (unsigned looks_first = 0; looks_first < 2; looks_first++) {
            open_forgotten(440, count, 0, looks_first != 0);
            open_forgotten(120, count, 13, looks_first != 0);
        }
}

/* A frame behind the end says that all before itself was durable; it stands at each place at which a frame may stand, alone, and more has been
 * lost before it. */
Test(scan, a_claim_is_heard_wherever_it_stands)
{
    enum { ROOM_MIN = 40 }; /* FORMAT.md, section 3: what a block needs to hold a frame */
    static struct dissection segment;
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct image_disk before;
    unsigned tried = 0;

    MUST(log_open(log));
    MUST(log_append(log, 30, KAYA_STRICT));
    MUST(log_append(log, 50, KAYA_STRICT));
    log_kill(log);
    image_disk_init(&before, &LOG_DENSE);
    image_disk_copy(&before, &log->image);
    dissect(&segment, image_disk_segment(&before, 1)->bytes, SEGMENT_BYTES);
    for (uint64_t place = segment.end + 4; place < SEGMENT_BYTES; place += 4) {
        struct dissected_frame claim = {
            .offset = place, .durable = place, .type = DISSECT_WATERMARK, .sequence = 2
        };
        uint64_t second = segment.second_copy;

        if (SMALL.block_bytes - place % SMALL.block_bytes < ROOM_MIN ||
            (place >= second && place < second + SMALL.block_bytes))
            continue;
        image_disk_copy(&log->image, &before);
        (void)dissect_put_frame(&segment, image_disk_segment(&log->image, 1)->bytes, &claim, NULL);
        cr_expect_eq(log_open(log), KAYA_DAMAGED, "claim at %" PRIu64, place);
        cr_expect(eq(u64, log->report.claim_offset, place));
        log_kill(log);
        tried++;
    }
    cr_expect_gt(tried, 600);
    image_disk_destroy(&before);
    log_fixture_destroy(log);
}
