#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "frames.h"
#include "kaya/inspect.h"
#include "kaya/reader.h"
#include "kaya/salvage.h"
#include "kaya/sim/boot.h"
#include "page.h"
#include "segment.h"
#include "target.h"
#include "tests/core/log_fixture.h"

enum {
    CALLS_PER_FILE = 300,
    CALLS_PER_BLOCK = 40,
    CALLS_SLACK = 3000,
    READ_PASSES = 60,
    READ_SLACK_BYTES = 4 << 20,
    MEMORY_SLACK_BYTES = 4 << 20,
    ROOM_BYTES = 8 << 20,
    ITEMS_MAX = 1 << 20,
    RECORDS_MAX = 1 << 16,
    NEW_RECORD_BYTES = 21,
    NUMBERS_LEFT_MIN = 4096,
};

struct look {
    enum kaya_status status;
    struct kaya_wal_recovery_report report;
    struct fuzz_record records[RECORDS_MAX];
    size_t count;
};

struct judged {
    struct fuzz_world world; /* first: the world is this object */
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct fuzz_segment segments[IMAGE_FILES_MAX]; /* of the files as they were given, each where it stands in the copy */
    struct image_disk given;
    struct fuzz_page *page; /* what the page says of them */
    uint64_t chance;        /* what is drawn hangs on it: a hash of the files as they were given */
    uint64_t boots;
    uint64_t stored_bytes;
    uint64_t file_count;
    struct look before, after;
};

static struct judged *all;

/* --- Worlds --- */

static void begin_image(struct image_disk *image, const struct kaya_geometry *geometry)
{
    image->disk.geometry = *geometry;
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        image->files[i].name[0] = '\0';
    image_disk_kill(image);
    image->exists = true;
    image->call_count = 0;
    image->change_count = 0;
    image->bytes_read = 0;
}

static void release(void)
{
    image_disk_destroy(&all->world.image);
    image_disk_destroy(&all->given);
    kaya_sim_memory_destroy(all->memory);
    kaya_sim_runtime_destroy(all->runtime);
    free(all);
}

static void create(void)
{
    all = calloc(1, sizeof *all);
    fuzz_must(all != NULL, "there is memory");
    all->memory = kaya_sim_memory_create();
    all->runtime = kaya_sim_runtime_create(1);
    fuzz_must(all->memory != NULL && all->runtime != NULL, "there is memory");
    image_disk_init(&all->world.image, &LOG_DENSE);
    image_disk_init(&all->given, &LOG_DENSE);
    (void)atexit(release);
}

struct fuzz_world *fuzz_world_begin(unsigned disk)
{
    static const struct {
        const struct kaya_geometry *geometry;
        uint64_t segment_bytes;
    } disks[FUZZ_DISKS] = { { &LOG_DENSE, 4096 }, { &LOG_PADDED_512, 8192 }, { &LOG_PADDED_4096, 32768 } };
    struct fuzz_world *world;

    if (all == NULL)
        create();
    world = &all->world;
    disk %= FUZZ_DISKS;
    begin_image(&world->image, disks[disk].geometry);
    all->chance = 0;
    all->boots = 0;
    world->environment = (struct kaya_wal_environment){ .disk = &world->image.disk,
                                                        .runtime = kaya_sim_runtime_seam(all->runtime),
                                                        .allocator = kaya_sim_memory_allocator(all->memory) };
    world->config = (struct kaya_wal_config){ .segment_bytes = disks[disk].segment_bytes, .block_bytes = 512 };
    return world;
}

/* --- Bounds --- */

static void check_bounds(struct judged *judged, const char *what)
{
    struct image_disk *image = &judged->world.image;
    uint64_t calls = CALLS_PER_FILE * judged->file_count +
                     CALLS_PER_BLOCK * (judged->stored_bytes / KAYA_BLOCK_BYTES_MIN) + CALLS_SLACK;

    if (image->call_count > calls)
        fuzz_fail("%s made %llu disk calls over %llu bytes in %llu files", what,
                  (unsigned long long)image->call_count, (unsigned long long)judged->stored_bytes,
                  (unsigned long long)judged->file_count);
    if (image->bytes_read > READ_PASSES * judged->stored_bytes + READ_SLACK_BYTES)
        fuzz_fail("%s read %llu bytes of %llu", what, (unsigned long long)image->bytes_read,
                  (unsigned long long)judged->stored_bytes);
    if (kaya_sim_memory_peak(judged->memory) > 4 * judged->stored_bytes + MEMORY_SLACK_BYTES)
        fuzz_fail("%s held %llu bytes of memory over a log of %llu", what,
                  (unsigned long long)kaya_sim_memory_peak(judged->memory),
                  (unsigned long long)judged->stored_bytes);
    image->call_count = 0;
    image->bytes_read = 0;
}

/* After a call that keeps no handle. */
static void check_end(struct judged *judged, const char *what)
{
    check_bounds(judged, what);
    if (kaya_sim_memory_in_use(judged->memory) != 0)
        fuzz_fail("%s keeps memory", what);
}

/* --- Evidence: a record stands in what was given --- */

/* The file of that number: its .wal, or its .away where there is none. */
static const struct fuzz_segment *segment_of(const struct judged *judged, uint64_t number)
{
    const struct fuzz_segment *away = NULL;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        enum segment_name_kind kind;
        uint64_t named;

        if (judged->given.files[i].name[0] == '\0' ||
            !kaya_segment_name_parse(judged->given.files[i].name, &named, &kind) || named != number)
            continue;
        if (kind == SEGMENT_NAME_WAL)
            return &judged->segments[i];
        if (kind == SEGMENT_NAME_AWAY)
            away = &judged->segments[i];
    }
    return away;
}

/* A record's bytes, or the part of them that its first frame has, stand together in the frame. */
static bool holds(const struct frame *frame, const void *bytes, size_t length)
{
    size_t prefix = frame->type == FRAME_FIRST ? KAYA_FIRST_PREFIX_BYTES : 0;
    size_t part = frame->type == FRAME_FIRST && length > frame->length - prefix ? frame->length - prefix : length;

    for (size_t at = prefix; at + part <= frame->length; at++)
        if (part == 0 || memcmp(frame->payload + at, bytes, part) == 0)
            return true;
    return false;
}

static void check_frame(const struct fuzz_segment *segment, const struct kaya_wal_record *record)
{
    static uint8_t scratch[KAYA_BLOCK_BYTES_MAX];
    struct frame frame;
    bool mended;

    fuzz_must(fuzz_segment_frame(segment, record->offset_bytes, scratch, &frame, &mended),
              "a record begins with a frame");
    fuzz_must(frame.type == FRAME_FULL || frame.type == FRAME_FIRST, "a record begins with a frame of a record");
    fuzz_must(!mended || record->mended, "a mended record is called mended");
    if (frame.type == FRAME_FULL || !record->in_batch)
        fuzz_must(holds(&frame, record->bytes, record->length), "a record has the bytes of its frame");
}

static void check_record(const struct judged *judged, const struct kaya_wal_record *record)
{
    const struct fuzz_segment *segment = segment_of(judged, record->segment);

    fuzz_must(segment != NULL && record->offset_bytes < segment->size, "a record stands in a file");
    fuzz_must(segment->has_header && segment->has_link, "its segment has a header and a link");
    check_frame(segment, record);
}

static bool stands_at(const struct fuzz_segment *segment, uint64_t offset, const void *bytes, size_t length)
{
    return offset + length <= segment->size && memcmp(segment->bytes + offset, bytes, length) == 0;
}

/* Salvage works out what a lost header or link said, so nothing here can check the frame; but the first bytes of a record must stand
 * behind the place that it names. */
static void check_salvaged(const struct judged *judged, const struct kaya_wal_record *record)
{
    enum { BYTES_COMPARED = 4 }; /* as many as a first fragment has at least, in the smallest room */
    const struct fuzz_segment *segment = segment_of(judged, record->segment);
    uint64_t payload = record->offset_bytes + KAYA_FRAME_HEADER_BYTES;
    size_t length = record->length < BYTES_COMPARED ? record->length : BYTES_COMPARED;

    fuzz_must(segment != NULL && record->offset_bytes < segment->size, "what is salvaged stands in a file");
    if (record->mended || record->in_batch || length == 0)
        return;
    fuzz_must(stands_at(segment, payload, record->bytes, length) ||
                  stands_at(segment, payload + KAYA_FIRST_PREFIX_BYTES, record->bytes, length),
              "what is salvaged has the bytes that stand there");
}

/* --- Looking --- */

static uint64_t hash_of(const struct kaya_wal_record *record)
{
    return fuzz_record_hash(record->type, record->in_batch, record->ends_batch, record->bytes, record->length);
}

static uint64_t anchor_lsn(const struct judged *judged)
{
    return judged->world.config.anchor == NULL ? 0 : judged->world.config.anchor->lsn;
}

static void note(struct look *look, const struct kaya_wal_record *record)
{
    fuzz_must(look->count < RECORDS_MAX, "records are bounded");
    if (look->count > 0)
        fuzz_must(record->lsn == look->records[look->count - 1].lsn + 1, "numbers are dense");
    look->records[look->count++] = (struct fuzz_record){ record->lsn, hash_of(record) };
}

static void read_all(struct judged *judged, struct look *look, bool is_given)
{
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;

    look->count = 0;
    look->status = kaya_wal_reader_open(
        &judged->world.environment,
        &(struct kaya_wal_reader_options){ .anchor = judged->world.config.anchor }, &reader, &look->report);
    if (look->status != KAYA_OK) {
        check_end(judged, "a reader that was refused");
        return;
    }
    while ((look->status = kaya_wal_reader_next(reader, &record)) == KAYA_OK) {
        if (is_given)
            check_record(judged, &record);
        note(look, &record);
    }
    fuzz_must(look->status == KAYA_END, "a log that opens is read to its end");
    kaya_wal_reader_close(reader);
    look->status = KAYA_OK;
    fuzz_must(look->count == 0 ? look->report.last_lsn + 1 == look->report.first_lsn
                               : look->records[0].lsn == look->report.first_lsn &&
                                     look->records[look->count - 1].lsn == look->report.last_lsn,
              "the report says which records are read");
    if (is_given)
        fuzz_page_judge_records(judged->page, look->records, look->count);
    check_end(judged, "a reader");
}

static void salvage_all(struct judged *judged)
{
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged;
    uint64_t left = ITEMS_MAX;
    uint64_t last_lsn = 0;

    if (kaya_wal_salvage_open(&judged->world.environment,
                              &(struct kaya_wal_salvage_options){ .anchor = judged->world.config.anchor },
                              &salvage, NULL) != KAYA_OK)
        return;
    while (kaya_wal_salvage_next(salvage, &salvaged) == KAYA_OK) {
        fuzz_must(--left > 0, "what is salvaged is bounded");
        if (salvaged.kind != KAYA_SALVAGED_RECORD)
            continue;
        if (salvaged.record.lsn <= last_lsn)
            fuzz_fail("salvage: record %llu comes behind record %llu",
                      (unsigned long long)salvaged.record.lsn, (unsigned long long)last_lsn);
        last_lsn = salvaged.record.lsn;
        check_salvaged(judged, &salvaged.record);
    }
    kaya_wal_salvage_close(salvage);
    check_end(judged, "salvage");
}

static bool see(void *user, const struct kaya_wal_item *item)
{
    fuzz_must(item->reason != NULL && item->file_name != NULL, "an item says what it is");
    return --*(uint64_t *)user > 0;
}

/* What verify could not judge, because it is of a newer version, inspect cannot either. */
static void inspect_all(struct judged *judged, enum kaya_status verified)
{
    struct kaya_wal_inspection inspection;
    uint64_t left = ITEMS_MAX;
    enum kaya_status status = kaya_wal_inspect_path(&judged->world.environment, NULL, see, &left, &inspection);

    if (status != KAYA_OK && status != KAYA_NOT_FOUND && status != verified)
        fuzz_fail("inspect does not show what there is: %s", kaya_status_name(status));
    fuzz_page_judge_look(judged->page, "inspect", status, &inspection.report, 0);
    fuzz_must(left > 0, "what is shown is bounded");
    check_end(judged, "inspect");
}

/* Everything that looks, on the directory as it was given. True: it is damaged. */
static bool look_at_given(struct judged *judged)
{
    struct kaya_wal_inspection inspection;
    uint64_t changes = judged->world.image.change_count;
    enum kaya_status status =
        kaya_wal_verify(&judged->world.environment,
                        &(struct kaya_wal_verify_options){ .anchor = judged->world.config.anchor }, &inspection);
    bool is_damaged = status == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED;

    check_end(judged, "verify");
    fuzz_page_judge_look(judged->page, "verify", status, &inspection.report, anchor_lsn(judged));
    read_all(judged, &judged->before, true);
    fuzz_must((judged->before.status == KAYA_DAMAGED) == is_damaged,
              "reader and verify agree whether it is damaged");
    if (judged->before.status == KAYA_OK)
        fuzz_must(status == KAYA_OK && inspection.report.first_lsn == judged->before.report.first_lsn &&
                      inspection.report.last_lsn == judged->before.report.last_lsn,
                  "reader and verify agree on both ends");
    inspect_all(judged, status);
    salvage_all(judged);
    fuzz_must(judged->world.image.change_count == changes, "looking changes nothing");
    return is_damaged;
}

/* --- The log is opened, and goes on --- */

static void boot(struct judged *judged)
{
    kaya_sim_memory_reset(judged->memory);
    kaya_sim_runtime_reset(judged->runtime, judged->chance + ++judged->boots * 7919);
    image_disk_kill(&judged->world.image);
}

static enum kaya_status open_log(struct judged *judged, struct kaya_wal_writer **writer,
                                 struct kaya_wal_recovery_report *report)
{
    enum kaya_status status =
        kaya_wal_writer_open(&judged->world.environment, &judged->world.config, writer, report);

    check_bounds(judged, "recovery");
    return status;
}

/* Somebody wrote a number into a header that leaves none for the segments to come: then KAYA_FULL is the truth. */
static bool has_no_numbers_left(const struct judged *judged)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (judged->given.files[i].name[0] != '\0' && judged->segments[i].has_header &&
            judged->segments[i].header.number > UINT64_MAX - NUMBERS_LEFT_MIN)
            return true;
    return false;
}

/* False: the log is full, for a reason. */
static bool append(struct judged *judged, struct kaya_wal_writer *writer, struct look *look)
{
    static const uint8_t bytes[NEW_RECORD_BYTES] = "a record more";
    struct kaya_wal_payload payload = { KAYA_RECORD_PUT, bytes, sizeof bytes };
    struct kaya_wal_record record = { .type = KAYA_RECORD_PUT, .bytes = bytes, .length = sizeof bytes };
    enum kaya_status status = kaya_wal_writer_append(writer, &payload, KAYA_STRICT, &record.lsn);

    if (status == KAYA_FULL && has_no_numbers_left(judged))
        return false;
    if (status != KAYA_OK)
        fuzz_fail("P7: the log opens and takes no record: %s", kaya_status_name(status));
    check_bounds(judged, "an append");
    note(look, &record);
    return true;
}

static void check_same(const struct look *expected, const struct look *found)
{
    if (found->status != KAYA_OK)
        fuzz_fail("P4: a log that recovery opened is not read: %s, segment %llu at 0x%llx: %s",
                  kaya_status_name(found->status), (unsigned long long)found->report.damage_segment,
                  (unsigned long long)found->report.damage_offset, found->report.damage_reason);
    if (expected->count != found->count)
        fuzz_fail("P3: %zu records were returned, and now %zu are", expected->count, found->count);
    for (size_t i = 0; i < expected->count; i++)
        if (expected->records[i].lsn != found->records[i].lsn ||
            expected->records[i].hash != found->records[i].hash)
            fuzz_fail("P3: record %llu is another than before", (unsigned long long)expected->records[i].lsn);
}

/* What a writer left is whole, and holds the same records, also by the page. */
static void check_left(struct judged *judged)
{
    judged->page = fuzz_page_read(&judged->world.image);
    if (judged->page->is_sure && judged->page->census.damage_count > 0)
        fuzz_fail("P4: by the page, what a writer left is damaged: %s", judged->page->census.damages[0].what);
    fuzz_page_judge_records(judged->page, judged->before.records, judged->before.count);
}

/* Opened before: every record is still there, and one more can be. */
static bool go_on(struct judged *judged, bool closes)
{
    struct kaya_wal_recovery_report report;
    struct kaya_wal_writer *writer;
    enum kaya_status status;

    boot(judged);
    judged->stored_bytes = image_disk_bytes_stored(&judged->world.image);
    judged->file_count = image_disk_file_count(&judged->world.image);
    read_all(judged, &judged->after, false);
    check_same(&judged->before, &judged->after);
    check_left(judged);
    status = open_log(judged, &writer, &report);
    if (status != KAYA_OK)
        fuzz_fail("P4: a log that was opened before does not open: %s", kaya_status_name(status));
    if (!append(judged, writer, &judged->before))
        return false;
    if (closes) {
        fuzz_must(kaya_wal_writer_close(writer) == KAYA_OK, "a log that took a record closes");
        check_end(judged, "a writer");
    }
    return true;
}

/* `could_read`: what the reader returned is in `before`. */
static void use(struct judged *judged, struct kaya_wal_writer *writer, bool could_read)
{
    struct image_disk *image = &judged->world.image;

    if (!could_read) { /* there was no log, and now there is */
        fuzz_must(judged->before.status == KAYA_NOT_FOUND, "what recovery opens a reader opens");
        judged->before.count = 0;
    }
    if (!append(judged, writer, &judged->before) || !go_on(judged, true) || !go_on(judged, false))
        return;
    boot(judged);
    read_all(judged, &judged->after, false);
    check_same(&judged->before, &judged->after);
    fuzz_must(image_disk_bytes_stored(image) <= image->capacity_bytes, "the disk's room is kept to");
}

static void open_given(struct judged *judged, bool is_damaged)
{
    struct kaya_wal_recovery_report report;
    struct kaya_wal_writer *writer;
    uint64_t changes = judged->world.image.change_count;
    enum kaya_status status = open_log(judged, &writer, &report);
    bool could_read = judged->before.status == KAYA_OK;

    if (status == KAYA_OK)
        fuzz_page_judge(judged->page, &report, anchor_lsn(judged));
    else
        fuzz_page_judge_look(judged->page, "recovery", status, &report, anchor_lsn(judged));
    if (is_damaged)
        fuzz_must(status == KAYA_DAMAGED, "recovery refuses what verify calls damaged");
    else if (!judged->world.config.cut_is_error)
        fuzz_must(status != KAYA_DAMAGED, "recovery refuses nothing but what verify calls damaged");
    if (status == KAYA_FULL && has_no_numbers_left(judged))
        return; /* what had to be written may have begun */
    if (status != KAYA_OK) {
        fuzz_must(status == KAYA_DAMAGED || status == KAYA_UNSUPPORTED || status == KAYA_WRONG_LOG ||
                      (status == KAYA_NOT_FOUND && judged->world.config.must_exist),
                  "a refusal has a reason that the bytes can give");
        fuzz_must(judged->world.image.change_count == changes, "a refused log is not changed");
        return;
    }
    if (could_read)
        fuzz_must(report.last_lsn == judged->before.report.last_lsn, "recovery agrees on the end");
    use(judged, writer, could_read);
}

/* For eyes: the files as they were given, in the folder that the environment names. kaya-wal takes it for a log. */
static void dump(const struct image_disk *given)
{
    const char *folder = getenv("KAYA_FUZZ_DUMP");

    for (size_t i = 0; folder != NULL && i < IMAGE_FILES_MAX; i++)
        if (given->files[i].name[0] != '\0')
            fuzz_write_seed(folder, given->files[i].name, given->files[i].bytes, given->files[i].size);
}

static void read_given(struct fuzz_segment *segment, const struct image_file *file)
{
    enum segment_name_kind kind;
    uint64_t number;

    if (!kaya_segment_name_parse(file->name, &number, &kind))
        number = 0;
    fuzz_segment_read(segment, number, file->bytes, file->size);
}

/* Of all that is given. Else an input might hold frames under a salt that the log has yet to draw, learned from an earlier run: then a spare is full of
 * good frames, and the log damaged. Out there nobody knows what will be drawn. */
static uint64_t hash_given(const struct image_disk *given)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (given->files[i].name[0] != '\0')
            hash = XXH3_64bits_withSeed(given->files[i].bytes, given->files[i].size, hash);
    return hash;
}

void fuzz_judge(struct fuzz_world *world)
{
    struct judged *judged = (struct judged *)world;
    bool is_damaged;

    judged->chance = hash_given(&world->image);
    boot(judged);
    image_disk_copy(&judged->given, &world->image);
    judged->given.disk.geometry = world->image.disk.geometry;
    judged->page = fuzz_page_read(&judged->given);
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (judged->given.files[i].name[0] != '\0')
            read_given(&judged->segments[i], &judged->given.files[i]);
    dump(&judged->given);
    judged->stored_bytes = image_disk_bytes_stored(&judged->given);
    judged->file_count = image_disk_file_count(&judged->given);
    world->image.capacity_bytes = judged->stored_bytes + ROOM_BYTES;
    is_damaged = look_at_given(judged);
    open_given(judged, is_damaged);
    boot(judged);
}
