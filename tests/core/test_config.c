/* Goal: a log opens whatever sizes it was written with and whatever the caller would like now; what this version cannot read
 * is KAYA_UNSUPPORTED and left as it is; files that are no segments are left alone. Method: logs written with one
 * configuration and opened with each other; headers and frames patched by dissect.c, so that their checks hold. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>
#include <limits.h>

#include "dissect.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

static const struct {
    const struct kaya_geometry *geometry;
    struct kaya_wal_config config;
} SIZES[] = {
    { &LOG_DENSE, { .segment_bytes = 4096, .block_bytes = 512 } },
    { &LOG_DENSE, { .segment_bytes = 8192, .block_bytes = 1024, .record_bytes_max = 100 } },
    { &LOG_DENSE, { .segment_bytes = 65536, .block_bytes = 512, .spare_count = 5 } },
    { &LOG_DENSE, { .segment_bytes = 1 << 20, .block_bytes = 65536, .stride_bytes = 4096 } },
    { &LOG_PADDED_512, { .segment_bytes = 8192, .block_bytes = 512 } },
    { &LOG_PADDED_4096, { .segment_bytes = 65536, .block_bytes = 4096 } },
    { &LOG_PADDED_4096, { .segment_bytes = 1 << 18 } },
};
enum { SIZE_COUNT = sizeof SIZES / sizeof SIZES[0] };

static void use(struct log_fixture *log, size_t sizes)
{
    log->image.disk.geometry = *SIZES[sizes].geometry;
    log->config = SIZES[sizes].config;
    log->config.on_event = log_hear;
    log->config.user = log;
}

static void expect_all(struct log_fixture *log, const char *when)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect(look.status == KAYA_OK && look.trouble[0] == '\0', "%s: %s %s", when,
              kaya_status_name(look.status), look.trouble);
    cr_expect(look.first_lsn == log->first_lsn && look.last_lsn == log->last_lsn,
              "%s: %" PRIu64 " to %" PRIu64, when, look.first_lsn, look.last_lsn);
}

static void append_some(struct log_fixture *log, size_t sizes)
{
    uint32_t longest = SIZES[sizes].config.record_bytes_max != 0 ? SIZES[sizes].config.record_bytes_max : 1000;
    uint32_t lengths[] = { longest / 4, 0, longest / 3 };

    for (unsigned i = 0; i < 12; i++)
        MUST(log_append(log, i * longest / 12, i % 3 ? KAYA_STRICT : KAYA_RELAXED));
    MUST(log_append_batch(log, lengths, 3, KAYA_STRICT));
    MUST(log_append(log, longest, KAYA_RELAXED));
}

Test(config, a_log_written_with_other_sizes_opens_and_goes_on)
{
    for (size_t from = 0; from < SIZE_COUNT; from++) {
        for (size_t to = 0; to < SIZE_COUNT; to++) {
            for (unsigned is_closed = 0; is_closed < 2; is_closed++) {
                struct log_fixture *log = log_fixture_create(SIZES[from].geometry, NULL);
                char when[64];

                (void)snprintf(when, sizeof when, "sizes %zu to %zu, %s", from, to,
                               is_closed ? "closed" : "killed");
                for (unsigned turn = 0; turn < 4; turn++) {
                    use(log, turn % 2 ? to : from);
                    cr_assert_eq(log_open(log), KAYA_OK, "%s, turn %u", when, turn);
                    expect_all(log, when);
                    append_some(log, turn % 2 ? to : from);
                    if (turn == 2)
                        MUST(log_trim(log, log->durable_lsn - 5));
                    if (is_closed)
                        MUST(log_close(log));
                    else
                        log_kill(log);
                }
                expect_all(log, when);
                log_fixture_destroy(log);
            }
        }
    }
}

Test(config, a_wrong_option_is_refused_before_anything_is_touched)
{
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &(struct kaya_wal_config){ .block_bytes = 513 });

    cr_expect_eq(log_open(log), KAYA_INVALID);
    cr_expect_null(log->writer);
    cr_expect(eq(u64, log->image.change_count, 0));
    cr_expect(not(log->image.locked));
    cr_assert_not_null(log_event(log, KAYA_EVENT_CONFIG_REFUSED, 0));
    cr_expect(eq(str, (char *)log_event(log, KAYA_EVENT_CONFIG_REFUSED, 0)->text, "block_bytes"));
    cr_expect_eq(kaya_wal_recover(&log->environment, &log->config, NULL), KAYA_INVALID);
    cr_expect_eq(kaya_wal_cut_back(&log->environment, &log->config, 1, NULL), KAYA_INVALID);
    log_fixture_destroy(log);
}

/* Features and versions. */

enum { VERSION = 12, INCOMPATIBLE = 16, READ_COMPATIBLE = 20, COMPATIBLE = 24 };

static struct log_fixture *make_log(void)
{
    struct log_fixture *log =
        log_fixture_create(&LOG_DENSE, &(struct kaya_wal_config){ .segment_bytes = 4096, .block_bytes = 512 });

    MUST(log_open(log));
    for (unsigned i = 0; i < 12; i++)
        MUST(log_append(log, 500, KAYA_STRICT));
    return log;
}

/* Set bits in a field of both copies of a segment's header. */
static void patch(struct log_fixture *log, uint64_t number, uint64_t field, unsigned bit)
{
    struct image_file *file = image_disk_segment(&log->image, number);

    cr_assert_not_null(file);
    for (uint64_t copy = 0; copy <= 2048; copy += 2048) {
        file->bytes[copy + field + bit / 8] ^= (uint8_t)(1U << bit % 8);
        dissect_seal_header(file->bytes, copy);
    }
}

static enum kaya_status read_all(struct log_fixture *log)
{
    struct log_look look;

    log_look(log, NULL, &look);
    cr_expect(look.trouble[0] == '\0', "%s", look.trouble);
    return look.status;
}

static void expect_untouched(struct log_fixture *log, const struct image_disk *before,
                             enum kaya_status status, const char *what)
{
    cr_expect_eq(log_open(log), status, "%s", what);
    cr_expect_eq(kaya_wal_recover(&log->environment, &log->config, NULL), status, "%s", what);
    cr_expect_eq(kaya_wal_cut_back(&log->environment, &log->config, 5, NULL), status, "%s", what);
    cr_expect(image_disk_same(before, &log->image, NULL, 0), "%s: changed", what);
    cr_expect(not(log->image.locked));
}

Test(config, unknown_features_and_versions_are_unsupported_and_left_alone)
{
    static const struct {
        uint64_t field;
        unsigned bits;
        bool may_read;
        const char *name;
    } cases[] = { { VERSION, 16, false, "version" },
                  { INCOMPATIBLE, 32, false, "incompatible feature" },
                  { READ_COMPATIBLE, 32, true, "read-compatible feature" } };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned bit = 1; bit < cases[i].bits; bit += 5) {
            for (uint64_t number = 1; number <= 2; number++) {
                struct log_fixture *log = make_log();
                struct kaya_wal_inspection inspection;
                struct image_disk before;

                log_kill(log);
                patch(log, number, cases[i].field, bit);
                image_disk_init(&before, &LOG_DENSE);
                image_disk_copy(&before, &log->image);
                expect_untouched(log, &before, KAYA_UNSUPPORTED, cases[i].name);
                cr_expect_eq(read_all(log), cases[i].may_read ? KAYA_OK : KAYA_UNSUPPORTED,
                             "%s of segment %" PRIu64, cases[i].name, number);
                cr_expect_eq(kaya_wal_verify(&log->environment, NULL, &inspection),
                             cases[i].may_read ? KAYA_OK : KAYA_UNSUPPORTED, "%s", cases[i].name);
                image_disk_destroy(&before);
                log_fixture_destroy(log);
            }
        }
    }
}

Test(config, unknown_compatible_features_do_not_matter)
{
    for (unsigned bit = 0; bit < 32; bit += 7) {
        struct log_fixture *log = make_log();

        log_kill(log);
        patch(log, 1, COMPATIBLE, bit);
        patch(log, 2, COMPATIBLE, bit);
        MUST(log_open(log));
        MUST(log_append(log, 500, KAYA_STRICT));
        expect_all(log, "compatible");
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}

/* Put a frame of `type` behind the last one of the head. */
static void put_unknown(struct log_fixture *log, uint8_t type)
{
    static struct dissection segment;
    struct image_file *file = NULL;
    struct dissected_frame frame = { .length = 8, .type = type };

    for (uint64_t number = 10; number-- > 1 && file == NULL;) {
        file = image_disk_segment(&log->image, number);
        if (file == NULL)
            continue;
        dissect(&segment, file->bytes, file->size);
        if (!segment.linked)
            file = NULL;
    }
    cr_assert_not_null(file);
    frame.offset = segment.end;
    frame.sequence = (uint32_t)(log->last_lsn + 1 - segment.base_lsn);
    cr_assert_lt(frame.offset + 36, file->size);
    (void)dissect_put_frame(&segment, file->bytes, &frame, "\1\2\3\4\5\6\7\10");
}

Test(config, frames_of_unknown_types_are_skipped_where_they_say_that_they_may_be)
{
    for (unsigned type = 0x80; type <= 0xff; type += 0x1f) {
        struct log_fixture *log = make_log();

        log_kill(log);
        put_unknown(log, (uint8_t)type);
        MUST(log_open(log));
        cr_expect(eq(u64, log->last_lsn, 12));
        MUST(log_append(log, 20, KAYA_STRICT));
        expect_all(log, "skipped");
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}

Test(config, frames_of_other_unknown_types_are_unsupported)
{
    for (unsigned type = 10; type < 0x80; type += 13) {
        struct log_fixture *log = make_log();
        struct image_disk before;

        log_kill(log);
        put_unknown(log, (uint8_t)type);
        image_disk_init(&before, &LOG_DENSE);
        image_disk_copy(&before, &log->image);
        expect_untouched(log, &before, KAYA_UNSUPPORTED, "type");
        cr_expect_eq(read_all(log), KAYA_UNSUPPORTED);
        image_disk_destroy(&before);
        log_fixture_destroy(log);
    }
}

/* Other files. */

Test(config, foreign_files_are_reported_and_left_alone)
{
    static const char *const names[] = { "notes.txt",
                                         "0000000000000001.WAL",
                                         "1.wal",
                                         "0000000000000001.wal.bak",
                                         "00000000000000g1.wal",
                                         "00000000000000001.wal",
                                         ".hidden",
                                         "0000000000000001.newer",
                                         "lock",
                                         "000000000000000A.wal" };
    enum { NAMES = sizeof names / sizeof names[0] };
    struct log_fixture *log = make_log();
    struct kaya_wal_inspection inspection;
    uint64_t told = 0;

    log_kill(log);
    for (size_t i = 0; i < NAMES; i++)
        (void)image_disk_add(&log->image, names[i], names[i], strlen(names[i]));
    log_forget_events(log);
    MUST(log_open(log));
    for (size_t i = 0; i < log->event_count && i < LOG_EVENTS_MAX; i++)
        told += log->events[i].kind == KAYA_EVENT_FOREIGN_FILE;
    cr_expect_geq(told, NAMES);
    for (unsigned i = 0; i < 40; i++) {
        MUST(log_append(log, 400, KAYA_STRICT));
        MUST(log_trim(log, log->durable_lsn));
    }
    MUST(log_close(log));
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect(eq(u64, inspection.foreign_count, NAMES));
    for (size_t i = 0; i < NAMES; i++) {
        struct image_file *file = image_disk_find(&log->image, names[i]);

        cr_assert_not_null(file, "%s", names[i]);
        cr_expect(file->size == strlen(names[i]) && memcmp(file->bytes, names[i], file->size) == 0, "%s",
                  names[i]);
    }
    expect_all(log, "foreign files");
    log_fixture_destroy(log);
}

Test(config, leftovers_of_preparations_are_cleared_away)
{
    struct log_fixture *log = make_log();

    log_kill(log);
    (void)image_disk_add(&log->image, "0000000000000009.new", "half", 4);
    (void)image_disk_add(&log->image, "0000000000000003.new", NULL, 0);
    (void)image_disk_add(&log->image, "000000000000ffff.new", NULL, 0);
    MUST(log_open(log));
    expect_all(log, "leftovers");
    MUST(log_close(log));
    cr_expect_null(image_disk_find(&log->image, "0000000000000009.new"));
    cr_expect_null(image_disk_find(&log->image, "0000000000000003.new"));
    cr_expect_null(image_disk_find(&log->image, "000000000000ffff.new"));
    log_fixture_destroy(log);
}

Test(config, a_spare_that_was_renamed_away_counts_as_its_segment)
{
    for (uint64_t number = 1; number < 8; number++) {
        struct log_fixture *log = make_log();
        struct image_file *file;

        log_kill(log);
        file = image_disk_segment(&log->image, number);
        if (file != NULL) {
            (void)snprintf(file->name, sizeof file->name, "%016" PRIx64 ".away", number);
            expect_all(log, "away, before recovery");
            MUST(log_open(log));
            expect_all(log, "away");
            MUST(log_append(log, 100, KAYA_STRICT));
            MUST(log_close(log));
            cr_expect(number <= 3 || strstr(file->name, ".away") == NULL, "a spare is renamed back");
            expect_all(log, "away, afterwards");
        }
        log_fixture_destroy(log);
    }
}

/* A log may begin with another number than 1; through crashes and trims it keeps counting from there, and who opens it later has no
 * say in it. */
Test(config, a_log_counts_from_where_it_was_begun)
{
    for (size_t sizes = 0; sizes < SIZE_COUNT; sizes++) {
        struct log_fixture *log = log_fixture_create(SIZES[sizes].geometry, &SIZES[sizes].config);

        log->config.first_lsn = 1000;
        log->first_lsn = 1000;
        log->last_lsn = 999;
        for (unsigned round = 0; round < 3; round++) {
            MUST(log_open(log));
            cr_expect_eq(log->report.first_lsn, 1000);
            cr_expect_eq(log->report.last_lsn, log->last_lsn);
            expect_all(log, "opened");
            if (round == 1)
                append_some(log, sizes);
            expect_all(log, "before a crash");
            log_kill(log);
            log->config.first_lsn = round;
        }
        MUST(log_open(log));
        MUST(log_rotate(log));
        MUST(log_append(log, 10, KAYA_STRICT));
        MUST(log_trim(log, log->last_lsn));
        cr_expect_eq(log->first_lsn, log->last_lsn);
        MUST(log_close(log));
        MUST(log_open(log));
        cr_expect_eq(log->report.first_lsn, log->last_lsn);
        expect_all(log, "trimmed");
        MUST(log_close(log));
        log_fixture_destroy(log);
    }
}

/* Other sizes on a full disk. What a recovery could carry to one spare, the next one carries to another, also where that is smaller, in other
 * blocks, or no spare yet. */

static const struct {
    const struct kaya_geometry *geometry;
    struct kaya_wal_config before, after;
    uint32_t length, length_after; /* of three records that no claim covers */
} ENDS[] = {
    { &LOG_PADDED_4096,
      { .segment_bytes = 32768, .block_bytes = 4096 },
      { .segment_bytes = 32768, .block_bytes = 512 },
      2000,
      1900 },
    { &LOG_PADDED_4096,
      { .segment_bytes = 32768, .block_bytes = 4096 },
      { .segment_bytes = 65536, .block_bytes = 512 },
      2000,
      1900 },
    { &LOG_DENSE,
      { .segment_bytes = 32768, .block_bytes = 512 },
      { .segment_bytes = 4096, .block_bytes = 512 },
      2000,
      500 },
    { &LOG_DENSE,
      { .segment_bytes = 4096, .block_bytes = 512 },
      { .segment_bytes = 65536, .block_bytes = 512 },
      100,
      2400 },
};

static void configure(struct log_fixture *log, const struct kaya_wal_config *config)
{
    log->config = *config;
    log->config.on_event = log_hear;
    log->config.user = log;
}

static void append_end(struct log_fixture *log, uint32_t length, bool is_full)
{
    enum kaya_status status = KAYA_OK;

    for (unsigned i = 0; i < 3 && status == KAYA_OK; i++)
        status = log_append(log, length, i < 2 ? KAYA_RELAXED : KAYA_STRICT);
    cr_assert(status == KAYA_OK || (is_full && status == KAYA_FULL), "%s", kaya_status_name(status));
}

static void expect_recoveries(struct log_fixture *log, const char *when, uint64_t room)
{
    for (unsigned turn = 0; turn < 6; turn++) {
        enum kaya_status status;

        log_kill(log);
        status = log_open(log);
        cr_assert_eq(status, KAYA_OK, "%s, room for %" PRIu64 ", turn %u: %s", when, room, turn,
                     kaya_status_name(status));
        expect_all(log, when);
    }
}

/* Each dies one call later than the one before; in the end one comes through. */
static void expect_short_recoveries(struct log_fixture *log, const char *when, uint64_t room)
{
    enum kaya_status status = KAYA_GONE;

    for (unsigned calls = 1; status == KAYA_GONE; calls++) {
        log_kill(log);
        log->image.failure = KAYA_GONE;
        log->image.fail_at = log->image.call_count + calls;
        log->image.fail_on = true;
        status = log_open(log);
        cr_assert(status == KAYA_OK || status == KAYA_GONE, "%s, room for %" PRIu64 ", call %u: %s", when,
                  room, calls, kaya_status_name(status));
        log->image.fail_at = 0;
        log->image.fail_on = false;
    }
    expect_all(log, when);
}

/* `is_taken`: others take what the first recovery leaves or gives back. */
static void recover_again_and_again(size_t i, uint64_t room, bool is_taken)
{
    struct log_fixture *log = log_fixture_create(ENDS[i].geometry, &ENDS[i].before);

    MUST(log_open(log));
    append_end(log, ENDS[i].length, false);
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image) + room;
    configure(log, &ENDS[i].after);
    log_kill(log);
    MUST(log_open(log));
    if (is_taken) {
        log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
        expect_short_recoveries(log, "appended before", room);
    } else {
        expect_recoveries(log, "appended before", room);
    }
    append_end(log, ENDS[i].length_after, true);
    expect_recoveries(log, "appended behind", room);
    expect_short_recoveries(log, "appended behind", room);
    MUST(log_close(log));
    log_fixture_destroy(log);
}

static enum kaya_status open_until(struct log_fixture *log, unsigned calls)
{
    enum kaya_status status;

    log_kill(log);
    log->image.failure = KAYA_GONE;
    log->image.fail_at = log->image.call_count + calls;
    log->image.fail_on = true;
    status = log_open(log);
    log->image.fail_at = 0;
    log->image.fail_on = false;
    return status;
}

/* A stranger blocks the spare in front of its number, and recoveries that die leave unfinished files: one that a dead file took the name of is
 * gone when its turn comes. */
Test(config, where_a_stranger_blocks_a_spare_no_recovery_fails_for_a_file_that_is_gone)
{
    enum { CALLS = 130, STEP = 3, NUMBER_MAX = 9 };
    static struct image_disk before;
    const struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };

    for (uint64_t number = 5; number <= NUMBER_MAX; number++) {
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &config);
        char name[32];

        MUST(log_open(log));
        append_end(log, 1308, false);
        log_kill(log);
        (void)snprintf(name, sizeof name, "%016" PRIx64 ".wal", number);
        if (image_disk_segment(&log->image, number) == NULL)
            image_disk_add(&log->image, name, "", 0);
        image_disk_init(&before, &LOG_DENSE);
        image_disk_copy(&before, &log->image);
        for (unsigned first = 1; first < CALLS; first += STEP)
            for (unsigned second = 1; second < CALLS; second += STEP) {
                image_disk_copy(&log->image, &before);
                if (open_until(log, first) == KAYA_GONE && open_until(log, second) == KAYA_GONE)
                    cr_assert_eq(open_until(log, UINT_MAX), KAYA_OK, "stranger %u, calls %u and %u",
                                 (unsigned)number, first, second);
            }
        image_disk_destroy(&before);
        log_kill(log);
        log_fixture_destroy(log);
    }
}

Test(config, recoveries_on_a_full_disk_find_what_can_carry_the_end)
{
    for (size_t i = 0; i < sizeof ENDS / sizeof ENDS[0]; i++)
        for (uint64_t room = 0; room <= 2 * 65536 + 4096; room += 4096)
            for (unsigned is_taken = 0; is_taken < 2; is_taken++)
                recover_again_and_again(i, room, is_taken);
}

Test(config, a_trim_on_a_full_disk_makes_a_short_spare_of_a_segment_that_was_cut)
{
    const struct kaya_wal_config before = { .segment_bytes = 32768, .block_bytes = 4096 };
    const struct kaya_wal_config after = { .segment_bytes = 65536, .block_bytes = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_PADDED_4096, &before);

    for (unsigned turn = 0; turn < 4; turn++) { /* each leaves a segment that is cut */
        MUST(log_open(log));
        MUST(log_append(log, 10, KAYA_STRICT));
        MUST(log_append(log, 10, KAYA_STRICT));
        log_kill(log);
    }
    log->image.capacity_bytes = image_disk_bytes_stored(&log->image);
    configure(log, &after);
    MUST(log_open(log));
    for (uint64_t lsn = 3; lsn <= log->last_lsn; lsn++) {
        MUST(log_trim(log, lsn));
        MUST(log_close(log));
        MUST(log_open(log));
        expect_all(log, "trimmed");
    }
    MUST(log_close(log));
    log_fixture_destroy(log);
}
