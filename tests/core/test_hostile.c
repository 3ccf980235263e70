/* Goal: whatever bytes stand in the directory, every call ends with a clear verdict, in bounded reads and memory (P12, P8). Method: logs
 * in memory are made worse by a seeded generator: junk, other names and sizes, pieces put elsewhere, and above all fields with hostile
 * values under checks that hold, as dissect.c can make them. Then everything is called. The sanitizers watch. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <inttypes.h>

#include "dissect.h"
#include "kaya/salvage.h"
#include "log_fixture.h"

#define MUST(call) cr_assert_eq((call), KAYA_OK, "%s", #call)

enum {
    SEGMENT_BYTES = 4096,
    IMAGES = 4000,
    CHANGES_MAX = 5,
    LINK_AT = 28,   /* the payload of a frame */
    LINK_WORDS = 6, /* its fields of 8 bytes */
    READ_PASSES = 40,
    READ_SLACK_BYTES = 1 << 17, /* for each file: a second header is looked for in many places */
    MEMORY_SLACK_BYTES = 2 << 20,
};
static const struct kaya_wal_config SMALL = { .segment_bytes = SEGMENT_BYTES, .block_bytes = 512 };

static uint64_t state;

static uint64_t draw(uint64_t count)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state * UINT64_C(0x2545f4914f6cdd1d) >> 11) % count;
}

/* Numbers that arithmetic stumbles over. */
static uint64_t draw_hostile(uint64_t now)
{
    const uint64_t values[] = { 0,          1,
                                2,          now + 1,
                                now - 1,    511,
                                512,        4095,
                                4096,       INT32_MAX,
                                UINT32_MAX, UINT32_MAX - 3,
                                INT64_MAX,  (uint64_t)INT64_MAX + 1,
                                UINT64_MAX, UINT64_MAX - 1,
                                draw(64),   draw(UINT32_MAX) };

    return values[draw(sizeof values / sizeof values[0])];
}

/* Logs to begin with. */

static void play_killed(struct log_fixture *log)
{
    static const uint32_t lengths[] = { 30, 0, 70 };

    MUST(log_open(log));
    for (unsigned i = 0; i < 14; i++) {
        MUST(log_append(log, 20 + 131 * i % 900, i % 3 == 2 ? KAYA_RELAXED : KAYA_STRICT));
        if (i % 6 == 1)
            MUST(log_append_batch(log, lengths, 3, KAYA_STRICT));
    }
    MUST(log_trim(log, 7));
    MUST(log_append(log, 55, KAYA_STRICT));
    log_kill(log);
}

static void play_closed(struct log_fixture *log)
{
    play_killed(log);
    MUST(log_open(log));
    MUST(log_append(log, 100, KAYA_STRICT));
    MUST(log_close(log));
}

static void play_carried(struct log_fixture *log)
{
    play_killed(log);
    MUST(log_open(log));
    log_kill(log);
}

static void (*const PLAYS[])(struct log_fixture *log) = { play_killed, play_closed, play_carried };
enum { PLAY_COUNT = sizeof PLAYS / sizeof PLAYS[0] };

/* Making it worse. */

static struct image_file *draw_file(struct image_disk *image)
{
    for (unsigned tried = 0; tried < 1000; tried++) {
        struct image_file *file = &image->files[draw(IMAGE_FILES_MAX)];

        if (file->name[0] != '\0' && strcmp(file->name, KAYA_LOCK_NAME) != 0)
            return file;
    }
    return NULL;
}

static void draw_name(char name[IMAGE_NAME_BYTES])
{
    static const char *const suffixes[] = { ".wal", ".new", ".away", ".WAL", "" };
    uint64_t number = draw(3) == 0 ? draw_hostile(5) : draw(12);

    (void)snprintf(name, IMAGE_NAME_BYTES, "%016" PRIx64 "%s", number, suffixes[draw(8) < 6 ? draw(3) : draw(5)]);
}

static void put_noise(uint8_t *bytes, size_t length)
{
    unsigned kind = (unsigned)draw(4);

    for (size_t i = 0; i < length; i++)
        bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)draw(256);
}

static void add_junk(struct image_disk *image)
{
    static uint8_t bytes[3 * SEGMENT_BYTES];
    const struct image_file *twin = draw(2) == 0 ? draw_file(image) : NULL;
    size_t size = draw(4) == 0 ? draw(64) : draw(sizeof bytes);
    char name[IMAGE_NAME_BYTES];

    draw_name(name);
    if (image_disk_find(image, name) != NULL)
        return;
    put_noise(bytes, size);
    if (twin != NULL && twin->size <= sizeof bytes) {
        size = twin->size;
        memcpy(bytes, twin->bytes, size);
    }
    (void)image_disk_add(image, name, bytes, size);
}

static void spoil_range(struct image_file *file)
{
    uint64_t offset = draw(file->size);
    uint64_t length = 1 + draw(draw(2) == 0 ? 8 : 700);
    uint64_t from;

    if (length > file->size - offset)
        length = file->size - offset;
    from = draw(file->size - length + 1);
    if (draw(2) == 0)
        memmove(file->bytes + offset, file->bytes + from, length);
    else
        put_noise(file->bytes + offset, length);
}

static void rename_file(struct image_disk *image, struct image_file *file)
{
    char name[IMAGE_NAME_BYTES];

    draw_name(name);
    if (image_disk_find(image, name) != NULL)
        image_disk_remove(image, name);
    memcpy(file->name, name, sizeof name);
}

/* A field of a header copy, the check put right. */
static void spoil_header(struct image_file *file)
{
    static struct dissection segment;
    uint64_t offset = 0;
    uint64_t at = 12 + 4 * draw(21);

    if (!dissect_header(&segment, file->bytes, file->size))
        return;
    if (draw(2) == 0 && segment.second_copy + DISSECT_HEADER_BYTES <= file->size)
        offset = segment.second_copy;
    dissect_store32(file->bytes + offset + at, (uint32_t)draw_hostile(dissect_load32(file->bytes + offset + at)));
    dissect_seal_header(file->bytes, offset);
}

/* A field of a frame, the checks put right: of LINK most of all, since the log hangs on it. */
static void spoil_frame(struct image_file *file)
{
    static struct dissection segment;
    const struct dissected_frame *frame;
    uint8_t *bytes;

    dissect(&segment, file->bytes, file->size);
    if (segment.frame_count == 0)
        return;
    frame = &segment.frames[draw(2) == 0 ? 0 : draw(segment.frame_count)];
    bytes = file->bytes + frame->offset;
    if (frame->length >= 8 && draw(3) != 0) {
        uint8_t *field =
            bytes + LINK_AT + 8 * draw(frame->length / 8 < LINK_WORDS ? frame->length / 8 : LINK_WORDS);

        dissect_store64(field, draw_hostile(dissect_load64(field)));
    } else if (draw(2) == 0) {
        dissect_store32(bytes + 20, (uint32_t)draw_hostile(frame->offset / 4)); /* the watermark */
    } else {
        dissect_store32(bytes + 24, (uint32_t)draw_hostile(frame->sequence));
    }
    dissect_seal_frame(&segment, file->bytes, frame->offset);
}

/* A frame behind the end that no writer would write. */
static void add_frame(struct image_file *file)
{
    static struct dissection segment;
    static const uint8_t types[] = { DISSECT_FULL, DISSECT_FIRST,     DISSECT_MIDDLE,
                                     DISSECT_LAST, DISSECT_WATERMARK, DISSECT_CLOSE,
                                     DISSECT_LINK, DISSECT_TRIM,      DISSECT_TRIM };
    struct dissected_frame frame = { .type = types[draw(sizeof types)] };
    uint8_t payload[64] = { 0 };

    dissect(&segment, file->bytes, file->size);
    frame.offset = segment.end;
    if (segment.frame_count == 0 || segment.block_bytes == 0 || file->size < segment.end + 512 ||
        frame.offset % segment.block_bytes > segment.block_bytes - 200)
        return;
    frame.sequence = segment.frames[segment.frame_count - 1].sequence + (uint32_t)draw(3);
    frame.durable = draw(2) == 0 ? draw_hostile(frame.offset) / 4 * 4 : frame.offset;
    frame.length = frame.type == DISSECT_TRIM   ? 8
                   : frame.type == DISSECT_LINK ? 56
                   : frame.type == DISSECT_WATERMARK || frame.type == DISSECT_CLOSE
                       ? 0
                       : (uint16_t)(9 + draw(sizeof payload - 9));
    frame.flags = frame.type == DISSECT_FULL || frame.type == DISSECT_FIRST ? (uint8_t)(1 + draw(5)) : 0;
    put_noise(payload, sizeof payload);
    dissect_store64(payload, draw_hostile(segment.base_lsn));
    (void)dissect_put_frame(&segment, file->bytes, &frame, payload);
}

static void make_worse(struct image_disk *image)
{
    struct image_file *file = draw_file(image);

    if (file == NULL || draw(8) == 0) {
        add_junk(image);
        return;
    }
    switch (draw(file->size == 0 ? 3 : 7)) {
    case 0:
        image_file_resize(file, draw(4) == 0 ? 0 : draw(2 * SEGMENT_BYTES));
        return;
    case 1:
        rename_file(image, file);
        return;
    case 2:
        image_disk_remove(image, file->name);
        return;
    case 3:
        spoil_range(file);
        return;
    case 4:
        add_frame(file);
        return;
    default:
        spoil_frame(file);
        return;
    }
}

/* Calling everything. */

static unsigned image_number;

static void expect_bounds(struct log_fixture *log, uint64_t largest, const char *call)
{
    uint64_t stored = image_disk_bytes_stored(&log->image);
    uint64_t files = image_disk_file_count(&log->image);

    cr_expect_leq(log->image.bytes_read, READ_PASSES * stored + READ_SLACK_BYTES * (files + 1),
                  "image %u, %s: %" PRIu64 " bytes read of %" PRIu64, image_number, call,
                  log->image.bytes_read, stored);
    cr_expect_leq(kaya_sim_memory_peak(log->memory), 4 * largest + MEMORY_SLACK_BYTES,
                  "image %u, %s: %" PRIu64 " bytes of memory", image_number, call,
                  kaya_sim_memory_peak(log->memory));
    log->image.bytes_read = 0;
}

static void expect_verdict(enum kaya_status status, const char *call)
{
    bool is_clear = status == KAYA_OK || status == KAYA_DAMAGED || status == KAYA_UNSUPPORTED ||
                    status == KAYA_NOT_FOUND || status == KAYA_FULL || status == KAYA_BUSY;

    cr_expect(is_clear, "image %u, %s: %s", image_number, call, kaya_status_name(status));
}

static void expect_sense(const struct kaya_wal_recovery_report *report, const char *call)
{
    cr_expect_not_null(report->damage_reason);
    if (report->verdict == KAYA_VERDICT_DAMAGED) {
        cr_expect(report->damage_reason[0] != '\0', "image %u, %s: damaged, and nobody knows why",
                  image_number, call);
        return;
    }
    cr_expect(report->last_lsn + 1 >= report->first_lsn && report->last_lsn < INT64_MAX,
              "image %u, %s: records %" PRIu64 "..%" PRIu64, image_number, call, report->first_lsn,
              report->last_lsn);
}

static bool count_item(void *user, const struct kaya_wal_item *item)
{
    cr_assert_not_null(item->reason);
    return --*(uint64_t *)user > 0;
}

/* What verify says of it. */
static enum kaya_status look_at_everything(struct log_fixture *log, uint64_t largest)
{
    struct kaya_wal_inspection inspection;
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged;
    struct log_look look;
    uint64_t left = UINT64_C(1) << 20;
    uint64_t changes = log->image.change_count;
    enum kaya_status verified, status;

    verified = kaya_wal_verify(&log->environment, NULL, &inspection);
    expect_verdict(verified, "verify");
    if (verified == KAYA_OK)
        expect_sense(&inspection.report, "verify");
    if (verified == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED)
        verified = KAYA_DAMAGED;
    expect_bounds(log, largest, "verify");
    expect_verdict(kaya_wal_inspect_path(&log->environment, NULL, count_item, &left, &inspection), "inspect");
    cr_expect_gt(left, 0, "image %u: too much to show", image_number);
    expect_bounds(log, largest, "inspect");
    log_look(log, NULL, &look);
    expect_verdict(look.status, "read");
    expect_bounds(log, largest, "read");
    status = kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL);
    expect_verdict(status, "salvage");
    for (left = UINT64_C(1) << 16; status == KAYA_OK && left > 0; left--)
        status = kaya_wal_salvage_next(salvage, &salvaged);
    cr_expect_neq(status, KAYA_OK, "image %u: salvage does not end", image_number);
    kaya_wal_salvage_close(salvage);
    expect_bounds(log, largest, "salvage");
    cr_expect(eq(u64, log->image.change_count, changes));
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "image %u", image_number);
    return verified;
}

/* Open, and where that is possible, go on: what is acknowledged then must be there after a crash. */
static void open_and_go_on(struct log_fixture *log, uint64_t largest, enum kaya_status verified)
{
    struct kaya_wal_recovery_report report;
    uint64_t changes = log->image.change_count;
    uint64_t lsn = 0;
    enum kaya_status status;

    status = kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &report);
    expect_verdict(status, "open");
    cr_expect_eq(status == KAYA_DAMAGED, verified == KAYA_DAMAGED, "image %u: verify said %s, open %s, %s",
                 image_number, kaya_status_name(verified), kaya_status_name(status), report.damage_reason);
    expect_bounds(log, largest, "open");
    if (status != KAYA_OK) {
        if (status == KAYA_DAMAGED || status == KAYA_UNSUPPORTED)
            cr_expect(eq(u64, log->image.change_count, changes), "image %u: refused, and something changed",
                      image_number);
        return;
    }
    expect_sense(&report, "open");
    for (unsigned i = 0; i < 3; i++) {
        struct kaya_wal_payload payload = { .type = KAYA_RECORD_PUT, .bytes = "hostile", .length = 7 };

        status = kaya_wal_writer_append(log->writer, &payload, KAYA_STRICT, &lsn);
        cr_expect_eq(status, KAYA_OK, "image %u, append: %s", image_number, kaya_status_name(status));
    }
    log_kill(log);
    status = kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &report);
    cr_expect_eq(status, KAYA_OK, "image %u, open again: %s, %s", image_number, kaya_status_name(status),
                 report.damage_reason);
    cr_expect_eq(report.last_lsn, lsn, "image %u: the last record is %" PRIu64 ", not %" PRIu64, image_number,
                 report.last_lsn, lsn);
    log_kill(log);
    log->image.bytes_read = 0;
}

Test(hostile, any_bytes_in_the_directory_end_in_a_clear_verdict)
{
    static struct image_disk pristine[PLAY_COUNT];
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);

    for (unsigned i = 0; i < PLAY_COUNT; i++) {
        struct log_fixture *played = log_fixture_create(&LOG_DENSE, &SMALL);

        PLAYS[i](played);
        image_disk_init(&pristine[i], &LOG_DENSE);
        image_disk_copy(&pristine[i], &played->image);
        log_fixture_destroy(played);
    }
    for (image_number = 0; image_number < IMAGES; image_number++) {
        uint64_t largest = 0;

        state = UINT64_C(0x9e3779b97f4a7c15) * (image_number + 1);
        image_disk_copy(&log->image, &pristine[draw(PLAY_COUNT)]);
        log->image.exists = true;
        for (uint64_t changes = 1 + draw(CHANGES_MAX); changes > 0; changes--)
            make_worse(&log->image);
        if (draw(6) == 0 && draw_file(&log->image) != NULL) /* last: dissect.c takes shapes on trust */
            spoil_header(draw_file(&log->image));
        for (unsigned i = 0; i < IMAGE_FILES_MAX; i++)
            if (log->image.files[i].name[0] != '\0' && log->image.files[i].size > largest)
                largest = log->image.files[i].size;
        log_kill(log);
        log->image.bytes_read = 0;
        open_and_go_on(log, largest, look_at_everything(log, largest));
    }
    for (unsigned i = 0; i < PLAY_COUNT; i++)
        image_disk_destroy(&pristine[i]);
    log_fixture_destroy(log);
}

/* What no writer says is damage, though every check holds, and not a log with nonsense in it. */
Test(hostile, numbers_that_no_writer_writes_are_damage)
{
    static const struct {
        unsigned field; /* of LINK, in words; TRIM_FRAME: a TRIM behind the end */
        uint64_t value;
    } cases[] = { { 0, 0 },          { 0, UINT64_MAX }, { 0, UINT64_MAX - 5 }, { 4, 0 },  { 4, 25 },
                  { 4, UINT64_MAX }, { 5, 0 },          { 5, UINT64_MAX },     { 6, 25 }, { 6, 99 },
                  { 6, UINT64_MAX } };
    enum { TRIM_FRAME = 6 };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct dissection segment;
        struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
        struct kaya_wal_inspection inspection;
        struct image_file *head;
        uint64_t changes;

        play_killed(log);
        MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
        cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_CLEAN);
        head = image_disk_segment(&log->image, inspection.report.segment);
        dissect(&segment, head->bytes, head->size);
        cr_assert_lt(segment.base_lsn, 25);
        if (cases[i].field == TRIM_FRAME) {
            struct dissected_frame frame = { .type = DISSECT_TRIM, .offset = segment.end, .length = 8 };
            uint8_t payload[8];

            frame.sequence = (uint32_t)(inspection.report.last_lsn + 1 - segment.base_lsn);
            dissect_store64(payload, cases[i].value);
            (void)dissect_put_frame(&segment, head->bytes, &frame, payload);
        } else {
            dissect_store64(head->bytes + segment.frames[0].offset + LINK_AT + 8 * cases[i].field,
                            cases[i].value);
            dissect_seal_frame(&segment, head->bytes, segment.frames[0].offset);
        }
        MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
        cr_expect_eq(inspection.report.verdict, KAYA_VERDICT_DAMAGED, "case %zu: records %" PRIu64 "..%" PRIu64,
                     i, inspection.report.first_lsn, inspection.report.last_lsn);
        expect_sense(&inspection.report, "verify");
        changes = log->image.change_count;
        cr_expect_eq(log_open(log), KAYA_DAMAGED, "case %zu", i);
        cr_expect(eq(u64, log->image.change_count, changes));
        log_fixture_destroy(log);
    }
}

/* A frame behind the end that numbers fewer records than stand before it is none that a writer wrote: what it claims is no claim, to whoever
 * looks. */
Test(hostile, a_frame_that_counts_fewer_records_than_there_are_claims_nothing)
{
    static struct dissection segment;
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &SMALL);
    struct dissected_frame frame = { .type = DISSECT_FULL, .flags = KAYA_RECORD_PUT, .length = 4 };
    struct kaya_wal_recovery_report report;
    struct kaya_wal_inspection inspection;
    struct image_file *head;

    play_killed(log);
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    head = image_disk_segment(&log->image, inspection.report.segment);
    dissect(&segment, head->bytes, head->size);
    cr_assert_gt(inspection.report.last_lsn, segment.base_lsn);
    frame.offset = (segment.end / 512 + 1) * 512; /* the next block */
    frame.durable = frame.offset;
    (void)dissect_put_frame(&segment, head->bytes, &frame, "last");
    MUST(kaya_wal_verify(&log->environment, NULL, &inspection));
    cr_expect_neq(inspection.report.verdict, KAYA_VERDICT_DAMAGED, "%s", inspection.report.damage_reason);
    MUST(kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &report));
    cr_expect(eq(u64, report.last_lsn, inspection.report.last_lsn));
    log_fixture_destroy(log);
}
