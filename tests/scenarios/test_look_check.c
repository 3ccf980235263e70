/* What verify and inspect say of a directory (scenarios/look_check.c).
 *
 * Goal: a look that is true passes; one of which an item is left out, shown twice, in another place, or wrong in one field, and one of which a sum
 * is one too high or too low, is caught, in the words of the rule that it breaks. Method: a log with all kinds of items is written, and what inspect
 * and verify say of it is kept; then that is told to the judge again, with one lie each time. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "checksum.h"
#include "kaya/scenarios/look_check.h"
#include "kaya/sim/boot.h"
#include "scenarios/one_field.h"

enum { SEGMENT_BYTES = 4096, BLOCK_BYTES = 512, ITEMS_MAX = 128, EVENTS_MAX = 16, LONG_BYTES = 1300 };

#define MUST(call) cr_assert(eq(int, (call), KAYA_OK))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct kaya_choices *choices;
static struct kaya_sim_memory *memory;
static struct kaya_sim_runtime *runtime;
static struct kaya_sim_disk *disk;
static struct kaya_look_check *check;
static struct kaya_image image, image_now; /* before anything was done to the log, and as it is */

/* What a look said, and what is told of it. */
struct told {
    struct kaya_wal_item items[ITEMS_MAX];
    size_t item_count;
    struct kaya_event events[EVENTS_MAX];
    size_t event_count;
    struct kaya_wal_inspection inspection;
    bool is_inspect, writer_is_live;
    const struct kaya_image *now, *truth; /* as the judge is given them */
};

static struct told inspected, verified;
static struct {
    char file_name[64], reason[128];
    uint8_t bytes[SEGMENT_BYTES];
} kept[ITEMS_MAX]; /* what items point to */

/* --- A log, and a look at it --- */

static struct kaya_wal_environment boot(void)
{
    return (struct kaya_wal_environment){ kaya_sim_disk_boot(disk), kaya_sim_runtime_seam(runtime),
                                          kaya_sim_memory_allocator(memory) };
}

static struct kaya_wal_writer *open_log(const struct kaya_wal_environment *environment)
{
    struct kaya_wal_config config = { .segment_bytes = SEGMENT_BYTES, .block_bytes = BLOCK_BYTES };
    struct kaya_wal_writer *writer;

    MUST(kaya_wal_writer_open(environment, &config, &writer, NULL));
    return writer;
}

static void append(struct kaya_wal_writer *writer, size_t length)
{
    static const uint8_t bytes[LONG_BYTES] = { 1, 2, 3 };

    MUST(kaya_wal_writer_append(writer, &(struct kaya_wal_payload){ KAYA_RECORD_PUT, bytes, length },
                                KAYA_STRICT, NULL));
}

static void write_first_segment(void)
{
    static const struct kaya_wal_payload members[] = { { KAYA_RECORD_PUT, "one", 3 },
                                                       { KAYA_RECORD_PUT, "two", 3 } };
    struct kaya_wal_environment environment = boot();
    struct kaya_wal_writer *writer = open_log(&environment);

    append(writer, 20);
    MUST(kaya_wal_writer_append_batch(writer, members, 2, KAYA_STRICT, NULL, NULL));
    append(writer, LONG_BYTES);
    MUST(kaya_wal_writer_rotate(writer));
    append(writer, 30);
    MUST(kaya_wal_writer_rotate(writer));
    append(writer, 40);
    MUST(kaya_wal_writer_close(writer));
    kaya_sim_disk_shut_down(disk);
}

static void trim_first_segment(void)
{
    struct kaya_wal_environment environment = boot();
    struct kaya_wal_writer *writer = open_log(&environment);

    MUST(kaya_wal_writer_truncate_before(writer, 5, NULL));
    append(writer, LONG_BYTES);
    MUST(kaya_wal_writer_close(writer));
    kaya_sim_disk_shut_down(disk);
}

/* Segment 1 is dead, 2 and 3 are in use, the last is closed; three spares, one that was not finished, a name that is no file, and one of somebody
 * else. */
static void write_log(void)
{
    choices = kaya_choices_from_seed(1);
    memory = kaya_sim_memory_create();
    runtime = kaya_sim_runtime_create(1);
    check = kaya_look_check_create();
    MUST(kaya_sim_disk_create(&(struct kaya_sim_disk_options){ .choices = choices, .list_sorted = true }, &disk));
    write_first_segment();
    MUST(kaya_sim_disk_copy_file(disk, "0000000000000001.wal", "kept"));
    trim_first_segment();
    MUST(kaya_sim_disk_rename_file(disk, "kept", "0000000000000001.wal"));
    MUST(kaya_sim_disk_put_file(disk, "0000000000000001.new", "", 0));
    MUST(kaya_sim_disk_put_file(disk, "notes", "mine", 4));
    MUST(kaya_sim_disk_put_directory(disk, "00000000000000ff.wal"));
}

static void release(void)
{
    kaya_image_release(&image);
    kaya_image_release(&image_now);
    kaya_look_check_destroy(check);
    kaya_look_check_destroy(NULL);
    kaya_sim_disk_destroy(disk);
    kaya_sim_memory_destroy(memory);
    kaya_sim_runtime_destroy(runtime);
    kaya_choices_destroy(choices);
}

static bool keep_item(void *user, const struct kaya_wal_item *item)
{
    struct told *told = user;
    struct kaya_wal_item *copy = &told->items[told->item_count];

    cr_assert(lt(sz, told->item_count, ITEMS_MAX));
    *copy = *item;
    copy->file_name = strcpy(kept[told->item_count].file_name, item->file_name);
    copy->reason = strcpy(kept[told->item_count].reason, item->reason);
    copy->bytes = kept[told->item_count].bytes;
    if (item->length > 0)
        memcpy(kept[told->item_count].bytes, item->bytes, item->length);
    told->item_count++;
    return true;
}

static void keep_event(void *user, const struct kaya_event *event)
{
    struct told *told = user;

    cr_assert(lt(sz, told->event_count, EVENTS_MAX));
    told->events[told->event_count] = *event;
    told->events[told->event_count++].text = "";
}

static void look(void)
{
    struct kaya_wal_environment environment = boot();

    memset(&inspected, 0, sizeof inspected);
    memset(&verified, 0, sizeof verified);
    MUST(kaya_image_read(&image_now, disk));
    inspected.is_inspect = true;
    MUST(kaya_wal_inspect_path(&environment, NULL, keep_item, &inspected, &inspected.inspection));
    MUST(kaya_wal_verify(&environment,
                         &(struct kaya_wal_verify_options){ .on_event = keep_event, .user = &verified },
                         &verified.inspection));
    kaya_sim_disk_shut_down(disk);
}

static void set(void)
{
    write_log();
    MUST(kaya_image_read(&image, disk));
    look();
}

TestSuite(look_check, .init = set, .fini = release);

/* --- Telling the judge --- */

static const struct kaya_violation *judged(const struct told *told)
{
    static struct kaya_violation violation;

    memset(&violation, 0, sizeof violation);
    MUST(kaya_look_check_begin(check, disk, told->now, told->truth, &violation));
    for (size_t i = 0; i < told->item_count; i++)
        if (!kaya_look_check_visit(check, &told->items[i]))
            break;
    for (size_t i = 0; i < told->event_count; i++)
        kaya_look_check_hear(check, &told->events[i]);
    kaya_look_check_end(check, &told->inspection, told->is_inspect, told->writer_is_live);
    return &violation;
}

/* A look whose readings were struck: its items come, and nobody asks for its sums. */
static void expect_nothing_before_the_end(const struct told *told, size_t number)
{
    struct kaya_violation violation = { .promise = "" };

    MUST(kaya_look_check_begin(check, disk, told->now, told->truth, &violation));
    for (size_t i = 0; i < told->item_count; i++)
        cr_expect(kaya_look_check_visit(check, &told->items[i]));
    cr_expect(eq(str, violation.promise, ""), "%zu: %s", number, violation.what);
}

static void expect_true(const struct told *told, const char *what)
{
    const struct kaya_violation *found = judged(told);

    cr_expect(eq(str, (char *)found->promise, ""), "%s: %s", what, found->what);
}

static void expect_found(const struct told *told, const char *words, const char *what, size_t number)
{
    const struct kaya_violation *found = judged(told);

    cr_expect(eq(str, (char *)found->promise, "P10"), "%s, %zu", what, number);
    cr_expect(strstr(found->what, words) != NULL, "%s, %zu: \"%s\", not \"%s\"", what, number, found->what,
              words);
}

static const char *name_of_item(size_t item)
{
    static char name[128];

    snprintf(name, sizeof name, "%s of %s", kaya_wal_item_name(inspected.items[item].kind),
             inspected.items[item].file_name);
    return name;
}

/* The first item of that kind in that file, at that place or behind it. */
static size_t find(uint64_t segment, enum kaya_wal_item_kind kind, uint64_t offset)
{
    size_t i = 0;

    while (i < inspected.item_count && (inspected.items[i].segment != segment || inspected.items[i].kind != kind ||
                                        inspected.items[i].offset_bytes < offset))
        i++;
    cr_assert(lt(sz, i, inspected.item_count), "no %s in segment %llu", kaya_wal_item_name(kind),
              (unsigned long long)segment);
    return i;
}

static void flip(const char *name, uint64_t offset, uint8_t bits)
{
    uint8_t byte;
    size_t done;

    MUST(kaya_sim_disk_peek(disk, name, offset, &byte, 1, &done));
    byte ^= bits;
    MUST(kaya_sim_disk_poke(disk, name, offset, &byte, 1));
}

/* A bit of a frame, and what it makes of the frame's payload check, which comes first: a CRC of a sum is the sum of the CRCs. */
static void flip_under_check(const char *name, uint64_t offset, uint64_t place, size_t frame_bytes)
{
    uint8_t bits[BLOCK_BYTES] = { 0 }, zeros[BLOCK_BYTES] = { 0 };
    uint32_t difference;

    bits[place - 4] = 1;
    difference = kaya_crc32c(0, bits, frame_bytes - 4) ^ kaya_crc32c(0, zeros, frame_bytes - 4);
    flip(name, offset + place, 1);
    for (unsigned i = 0; i < 4; i++)
        flip(name, offset + i, (uint8_t)(difference >> 8 * i));
}

static const char *const ONE = "0000000000000001.wal", *const TWO = "0000000000000002.wal", *const SIX = "0000000000000006.wal";
enum { LINK_AT = 512, RECORD_AT = 596, FRAME_BYTES = 28, SECOND_HEADER_AT = 2048 };

/* --- True looks --- */

/* So that no rule is without what it speaks of. */
Test(look_check, a_true_look_at_a_good_log_passes)
{
    const unsigned absent =
        1u << KAYA_ITEM_PAD | 1u << KAYA_ITEM_WATERMARK | 1u << KAYA_ITEM_UNKNOWN | 1u << KAYA_ITEM_STRAY;
    unsigned kinds = 0, roles = 0;

    for (size_t i = 0; i < inspected.item_count; i++) {
        kinds |= 1u << inspected.items[i].kind;
        roles |= 1u << inspected.items[i].role;
    }
    cr_expect(eq(uint, roles, 7));
    cr_expect(eq(uint, kinds | absent, (1u << KAYA_ITEM_KINDS) - 1));
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
    inspected.now = inspected.truth = &image;
    expect_true(&inspected, "inspect, with images");
    cr_expect(all(eq(sz, kaya_look_check_census(check)->chain_count, 2),
                  eq(ptr, (void *)kaya_look_check_census(check)->image, &image)));
    inspected.inspection.writer_is_live = inspected.writer_is_live = true;
    expect_true(&inspected, "beside a writer");
}

/* --- Items --- */

static bool is_frame(const struct kaya_wal_item *item)
{
    return item->kind >= KAYA_ITEM_LINK && item->kind <= KAYA_ITEM_UNKNOWN;
}

static struct told with_items_moved(size_t to, size_t from)
{
    struct told told = inspected;

    memmove(&told.items[to], &inspected.items[from], (inspected.item_count - from) * sizeof told.items[0]);
    told.item_count += to - from;
    return told;
}

Test(look_check, a_frame_that_is_left_out_or_shown_twice_is_caught)
{
    for (size_t i = 0; i < inspected.item_count; i++) {
        struct told left_out = with_items_moved(i, i + 1), twice = with_items_moved(i + 1, i);
        bool ends_file = is_frame(&inspected.items[i]) && inspected.items[i + 1].kind == KAYA_ITEM_END;

        if (!is_frame(&inspected.items[i]))
            continue;
        expect_found(&left_out, ends_file ? "or behind it; inspect says at" : "the next frame of",
                     name_of_item(i), i);
        expect_found(&twice, "the next frame of", name_of_item(i), i);
        left_out.inspection.frame_count--;
        expect_found(&left_out, "0000", name_of_item(i), i);
    }
}

Test(look_check, a_segment_that_breaks_off_is_caught)
{
    size_t last = find(3, KAYA_ITEM_CLOSE, RECORD_AT + 100), behind = find(4, KAYA_ITEM_HEADER, 0);
    struct told told = with_items_moved(last, behind);

    told.inspection.frame_count--;
    expect_found(&told, "holds frames of the log up to", "a last frame and the end", last);
    told = inspected; /* and where no file comes behind it */
    told.item_count = last;
    expect_found(&told, "holds frames of the log up to", "all behind it", last);
}

Test(look_check, a_file_that_is_left_out_or_invented_is_caught)
{
    size_t spare = find(4, KAYA_ITEM_HEADER, 0), head = find(3, KAYA_ITEM_HEADER, 0),
           obstacle = inspected.item_count - 1;
    struct told told = with_items_moved(spare, find(5, KAYA_ITEM_HEADER, 0));

    expect_found(&told, "files of the log", "a spare is left out", spare);
    told = inspected;
    told.items[spare].file_name = "0000000000000009.wal";
    expect_found(&told, "inspect shows 0000000000000009.wal, and there is no such file", "no such file", spare);
    told = with_items_moved(head, spare);
    memcpy(&told.items[told.item_count], &inspected.items[head], (spare - head) * sizeof told.items[0]);
    told.item_count += spare - head;
    expect_found(&told, "0000000000000003.wal is shown behind segment", "another order", head);
    told = with_items_moved(obstacle, obstacle + 1);
    expect_found(&told, "names of the log's that are no file's: 1 are there", "no file is left out", obstacle);
    told = with_items_moved(obstacle + 1, obstacle);
    expect_found(&told, ", which is no file, is shown behind segment 255, or for a second time",
                 "no file twice", obstacle);
    told = with_items_moved(obstacle + 1, obstacle);
    told.items[obstacle] = inspected.items[obstacle];
    memmove(&told.items[spare + 1], &told.items[spare], (obstacle - spare) * sizeof told.items[0]);
    told.items[spare] = inspected.items[obstacle];
    told.item_count--;
    expect_found(&told, "or behind what is no file", "no file in front of a file", spare);
}

Test(look_check, two_names_that_are_no_files_are_shown_by_name)
{
    struct told told;
    size_t obstacle;

    MUST(kaya_sim_disk_put_directory(disk, "00000000000000ff.new"));
    MUST(kaya_sim_disk_put_directory(disk, "00000000000000fe.wal"));
    look();
    expect_true(&inspected, "inspect");
    obstacle = inspected.item_count - 3;
    for (size_t i = 0; i < 9; i++) {
        told = inspected;
        told.items[obstacle + i / 3] = inspected.items[obstacle + i % 3];
        if (i / 3 != i % 3)
            expect_found(&told, "or for a second time", "one as another", i);
    }
}

Test(look_check, a_header_copy_that_is_left_out_or_shown_twice_is_caught)
{
    for (size_t i = 0; i < inspected.item_count; i++) {
        struct told left_out = with_items_moved(i, i + 1), twice = with_items_moved(i + 1, i);
        bool is_first = inspected.items[i].offset_bytes == 0;

        if (inspected.items[i].kind != KAYA_ITEM_HEADER)
            continue;
        expect_found(&left_out,
                     is_first ? " has a header at 0x0, not at 0x800" : " has two header copies; inspect shows 1",
                     name_of_item(i), i);
        expect_found(&twice,
                     is_first ? " has a header at 0x800, not at 0x0"
                              : " has two header copies; inspect shows one at",
                     name_of_item(i), i);
        if (!is_first || !is_frame(&inspected.items[i + 2]))
            continue;
        left_out = with_items_moved(i, i + 2);
        expect_found(&left_out, " has two header copies; inspect shows 0", name_of_item(i), i);
        twice = inspected;
        twice.items[i + 1] = inspected.items[i + 2];
        twice.items[i + 2] = inspected.items[i + 1];
        expect_found(&twice, " has two header copies; inspect shows one at 0x800 behind them",
                     name_of_item(i), i);
    }
}

Test(look_check, an_end_that_is_left_out_or_shown_twice_is_caught)
{
    size_t count = 0;

    for (size_t i = 0; i < inspected.item_count; i++) {
        struct told left_out = with_items_moved(i, i + 1), twice = with_items_moved(i + 1, i);

        if (inspected.items[i].kind != KAYA_ITEM_END)
            continue;
        count++;
        expect_found(&left_out, "inspect does not show where 00000000000000", name_of_item(i), i);
        expect_found(&twice, "inspect shows twice where 00000000000000", name_of_item(i), i);
        twice.items[i] = inspected.items[i - 1];
        twice.items[i - 1] = inspected.items[i];
        expect_found(&twice, "or behind it; inspect says at", name_of_item(i), i);
    }
    cr_expect(eq(sz, count, 3), "of one that is dead, and of two in use");
}

Test(look_check, a_name_that_is_no_files_is_told_as_it_is)
{
    static const char *const words = ", is no file";
    size_t obstacle = inspected.item_count - 1;
    struct told told = inspected;

    told.items[obstacle].file_name = TWO;
    told.items[obstacle].segment = 2;
    expect_found(&told, words, "a file", obstacle);
    told = inspected;
    told.items[obstacle].file_name = "0000000000000009.wal";
    told.items[obstacle].segment = 9;
    expect_found(&told, words, "a name that does not stand there", obstacle);
    told = inspected;
    told.items[obstacle].segment++;
    expect_found(&told, words, "another segment", obstacle);
    told = inspected;
    told.items[obstacle].lsn++;
    expect_found(&told, words, "a record", obstacle);
    told = inspected;
    told.items[obstacle].role = KAYA_ROLE_SPARE;
    expect_found(&told, words, "another role", obstacle);
    told = inspected;
    told.items[obstacle].reason = "";
    expect_found(&told, words, "no reason", obstacle);
}

Test(look_check, a_file_has_its_number_and_its_role)
{
    for (size_t i = 0; i < inspected.item_count && inspected.items[i].kind != KAYA_ITEM_NO_FILE; i++) {
        struct told told = inspected;

        told.items[i].role = (told.items[i].role + 1) % 3;
        expect_found(&told, "; inspect calls it ", name_of_item(i), i);
        told = inspected;
        told.items[i].segment++;
        expect_found(&told, " is called segment ", name_of_item(i), i);
    }
}

Test(look_check, nothing_more_is_looked_at_behind_what_was_found)
{
    struct kaya_violation violation = { .promise = "" };
    struct kaya_wal_item stranger = inspected.items[0];

    stranger.file_name = "0000000000000009.wal";
    MUST(kaya_look_check_begin(check, disk, NULL, NULL, &violation));
    cr_expect(kaya_look_check_visit(check, &inspected.items[0]));
    cr_expect(not(kaya_look_check_visit(check, &stranger)));
    cr_expect(not(kaya_look_check_visit(check, &inspected.items[0])));
}

/* --- Fields of items --- */

enum { HEADERS = 1, FRAMES = 2, ENDS = 4, STRAYS = 8 };

static unsigned class_of(const struct kaya_wal_item *item)
{
    return is_frame(item)                   ? FRAMES
           : item->kind == KAYA_ITEM_HEADER ? HEADERS
           : item->kind == KAYA_ITEM_END    ? ENDS
           : item->kind == KAYA_ITEM_STRAY  ? STRAYS
                                            : 0;
}

#define FIELD(field) ONE_FIELD(struct kaya_wal_item, field)

static const char OTHER_FIELDS[] = "holds other fields than inspect shows",
                  OTHER_CHECKS[] = "are others than inspect says", NO_STRAY[] = "which does not stand there";

static const struct {
    unsigned classes;
    struct one_field field;
    const char *words;
} lies[] = {
    { HEADERS, FIELD(offset_bytes), " has a header at " },
    { HEADERS, FIELD(header_check_good), "is good; inspect says the other" },
    { HEADERS | FRAMES | STRAYS, FIELD(format_version), OTHER_FIELDS },
    { HEADERS | FRAMES | STRAYS, FIELD(block_bytes), OTHER_FIELDS },
    { HEADERS | FRAMES | STRAYS, FIELD(segment_bytes), OTHER_FIELDS },
    { HEADERS | FRAMES | STRAYS, FIELD(log_id), OTHER_FIELDS },
    { HEADERS, FIELD(length), OTHER_FIELDS },
    { HEADERS, FIELD(lsn), OTHER_FIELDS },
    { HEADERS, FIELD(lsn_count), OTHER_FIELDS },
    { HEADERS, FIELD(type_code), OTHER_FIELDS },
    { HEADERS, FIELD(flags), OTHER_FIELDS },
    { HEADERS, FIELD(record_type), OTHER_FIELDS },
    { HEADERS, FIELD(watermark_bytes), OTHER_FIELDS },
    { HEADERS, FIELD(payload_check_good), OTHER_FIELDS },
    { HEADERS, FIELD(second_check_good), OTHER_FIELDS },
    { HEADERS, FIELD(mended), OTHER_FIELDS },
    { HEADERS, FIELD(mended_bit), OTHER_FIELDS },
    { HEADERS, FIELD(base_lsn), OTHER_FIELDS },
    { HEADERS, FIELD(predecessor), OTHER_FIELDS },
    { HEADERS, FIELD(predecessor_end), OTHER_FIELDS },
    { HEADERS, FIELD(carried_end), OTHER_FIELDS },
    { HEADERS, FIELD(low_water_lsn), OTHER_FIELDS },
    { HEADERS, FIELD(epoch), OTHER_FIELDS },
    { HEADERS | FRAMES | STRAYS, FIELD(size_bytes), OTHER_FIELDS },
    { FRAMES, FIELD(kind), "no frame of the kind " },
    { FRAMES, FIELD(offset_bytes), "the next frame of " },
    { FRAMES, FIELD(lsn), OTHER_FIELDS },
    { FRAMES, FIELD(type_code), OTHER_FIELDS },
    { FRAMES, FIELD(flags), OTHER_FIELDS },
    { FRAMES, FIELD(watermark_bytes), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(lsn_count), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(record_type), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(length), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(base_lsn), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(predecessor), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(predecessor_end), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(carried_end), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(low_water_lsn), OTHER_FIELDS },
    { FRAMES | STRAYS, FIELD(epoch), OTHER_FIELDS },
    { FRAMES, FIELD(payload_check_good), OTHER_CHECKS },
    { FRAMES, FIELD(header_check_good), OTHER_CHECKS },
    { FRAMES, FIELD(second_check_good), OTHER_CHECKS },
    { FRAMES, FIELD(mended), OTHER_CHECKS },
    { FRAMES, FIELD(mended_bit), OTHER_CHECKS },
    { STRAYS, FIELD(payload_check_good), OTHER_FIELDS },
    { STRAYS, FIELD(second_check_good), OTHER_FIELDS },
    { STRAYS, FIELD(mended), OTHER_FIELDS },
    { STRAYS, FIELD(header_check_good), NO_STRAY },
    { STRAYS, FIELD(offset_bytes), NO_STRAY },
    { STRAYS, FIELD(lsn), NO_STRAY },
    { STRAYS, FIELD(type_code), NO_STRAY },
    { STRAYS, FIELD(flags), NO_STRAY },
    { STRAYS, FIELD(watermark_bytes), NO_STRAY },
    { ENDS, FIELD(offset_bytes), "or behind it; inspect says at " },
    { ENDS, FIELD(lsn), "another record or claim there" },
    { ENDS, FIELD(watermark_bytes), "another record or claim there" },
    { ENDS, FIELD(size_bytes), "another record or claim there" },
    { ENDS, FIELD(length), "another record or claim there" },
    { ENDS, FIELD(lsn_count), "another record or claim there" },
    { ENDS, FIELD(type_code), "another record or claim there" },
    { ENDS, FIELD(header_check_good), "another record or claim there" },
    { ENDS, FIELD(mended), "another record or claim there" },
    { ENDS, FIELD(format_version), "another record or claim there" },
    { ENDS, FIELD(log_id), "another record or claim there" },
    { ENDS, FIELD(epoch), "another record or claim there" },
};

/* The least that it can be wrong by. */
static void falsify(struct kaya_wal_item *item, const struct one_field *field)
{
    uint64_t value = one_field_get(item, field);

    one_field_set(item, field, field->size == 1 ? value ^ 1 : value + 1);
}

static void expect_no_lie(size_t item)
{
    struct kaya_wal_item *shown = &inspected.items[item];

    for (size_t i = 0; i < COUNT(lies); i++) {
        struct told told = inspected;

        falsify(&told.items[item], &lies[i].field);
        if ((lies[i].classes & class_of(shown)) != 0)
            expect_found(&told, lies[i].words, lies[i].field.name, item);
    }
    if ((class_of(shown) & (HEADERS | FRAMES | STRAYS)) == 0 || shown->length == 0)
        return;
    kept[item].bytes[shown->length - 1] ^= 1;
    expect_found(&inspected, class_of(shown) == HEADERS ? "holds other bytes than inspect shows" : OTHER_FIELDS,
                 "bytes", item);
    kept[item].bytes[shown->length - 1] ^= 1;
}

Test(look_check, an_item_that_is_wrong_in_one_field_is_caught)
{
    inspected.now = inspected.truth = &image;
    for (size_t i = 0; i < inspected.item_count; i++)
        expect_no_lie(i);
}

/* Of the dead segment a frame does not hold, and those behind it do. */
Test(look_check, strays_stand_where_they_are_shown)
{
    size_t count = 0, first;

    flip(ONE, RECORD_AT + FRAME_BYTES, 0x81);
    look();
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
    first = find(1, KAYA_ITEM_STRAY, RECORD_AT + 4);
    for (size_t i = first; inspected.items[i].kind == KAYA_ITEM_STRAY; i++, count++) {
        struct told told = inspected;

        expect_no_lie(i);
        told.items[i].reason = "";
        expect_found(&told, NO_STRAY, "no reason", i);
        told = with_items_moved(i, i + 1);
        told.inspection.frame_count--;
        expect_found(&told,
                     i == first + 4 ? "; inspect does not show it" : "is not the next one that inspect has to show",
                     "left out", i);
        expect_nothing_before_the_end(&told, i);
        told = with_items_moved(i + 1, i);
        told.inspection.frame_count++;
        expect_found(&told, "is not the next one that inspect has to show", "twice", i);
    }
    first = find(1, KAYA_ITEM_END, 0) + 1;
    inspected.items[first] = inspected.items[first - 1];
    expect_found(&inspected, "inspect shows twice where", "the end instead of a stray", first);
    cr_expect(eq(sz, count, 5));
}

/* Its check, or its payload; all that is known of it is its header. */
Test(look_check, a_stray_that_does_not_hold_is_not_called_whole)
{
    static const struct one_field fields[] = { FIELD(payload_check_good), FIELD(second_check_good),
                                               FIELD(mended), FIELD(size_bytes) };
    static const uint64_t places[] = { 0, FRAME_BYTES };

    for (size_t i = 0; i < COUNT(places) * COUNT(fields); i++) {
        size_t broken;

        if (i % COUNT(fields) == 0) {
            flip(ONE, RECORD_AT + places[i / COUNT(fields)], 0x81);
            look();
            expect_true(&inspected, "inspect");
        }
        broken = find(1, KAYA_ITEM_STRAY, RECORD_AT);
        falsify(&inspected.items[broken], &fields[i % COUNT(fields)]);
        expect_found(&inspected, OTHER_FIELDS, fields[i % COUNT(fields)].name, broken);
        falsify(&inspected.items[broken], &fields[i % COUNT(fields)]);
    }
}

/* --- Damage, mended bits, bad headers --- */

Test(look_check, damage_is_told_where_the_frames_end)
{
    struct told told;
    size_t damage;

    flip(TWO, RECORD_AT + FRAME_BYTES, 0x81);
    look();
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
    damage = find(2, KAYA_ITEM_DAMAGE, RECORD_AT);
    told = inspected;
    told.items[damage].reason = "";
    expect_found(&told, "inspect shows damage in 0000000000000002.wal without a reason", "no reason", damage);
    told = inspected;
    told.items[damage].offset_bytes += 4;
    expect_found(&told, "the frames of 0000000000000002.wal end at 0x254", "another place", damage);
    told = inspected;
    told.items[damage].lsn++;
    expect_found(&told, "another record or claim there", "another record", damage);
    told = inspected;
    told.items[damage].kind = KAYA_ITEM_END;
    told.inspection.damage_count = 0;
    expect_found(&told, "were durable up to 0x290, and inspect calls that end", "called an end", damage);
    told.items[damage].watermark_bytes = 0;
    expect_found(&told,
                 "segment 2 is damaged, of what is durable up to 0x290; inspect says that its frames end at",
                 "called an end of what nothing vouches for", damage);
    told = inspected;
    told.items[damage].watermark_bytes = 0;
    expect_found(&told, "were durable up to 0x0, and inspect calls that damage",
                 "of what nothing vouches for", damage);
    told = inspected;
    told.items[damage].watermark_bytes += 4;
    expect_found(&told, "another record or claim there", "another claim", damage);
    told = inspected;
    told.items[damage].size_bytes = 28;
    expect_found(&told, "another record or claim there", "with a size", damage);
    told = inspected;
    told.items[find(3, KAYA_ITEM_END, 0)].kind = KAYA_ITEM_DAMAGE;
    told.inspection.damage_count++;
    expect_found(&told, "were durable up to 0x0, and inspect calls that damage", "an end called damage", damage);
    told = inspected;
    told.inspection.damage_count++;
    expect_found(&told, "damaged places: 1 are there; the look says 2", "another count", damage);
    told = verified;
    told.event_count = 0;
    expect_found(&told, "damaged places: 0 are there; the look says 1", "no event", 0);
}

Test(look_check, a_whole_log_has_no_damage)
{
    size_t end = find(2, KAYA_ITEM_END, 0);

    inspected.items[end].kind = KAYA_ITEM_DAMAGE;
    inspected.items[end].reason = "none";
    inspected.inspection.damage_count++;
    expect_found(&inspected, "the log is whole, and inspect shows damage in 0000000000000002.wal", "", end);
}

Test(look_check, a_mended_bit_is_the_one_that_flipped)
{
    size_t record;

    flip(TWO, RECORD_AT + FRAME_BYTES, 0x04);
    look();
    expect_true(&inspected, "nobody knows the truth");
    expect_true(&verified, "verify, and nobody knows the truth");
    record = find(2, KAYA_ITEM_RECORD, 0);
    cr_expect(all(inspected.items[record].mended,
                  eq(u64, inspected.items[record].mended_bit, FRAME_BYTES * 8 + 2)));
    inspected.truth = verified.truth = &image;
    inspected.now = verified.now = &image_now;
    expect_true(&inspected, "the truth is known");
    expect_true(&verified, "verify, and the truth is known");
    inspected.items[record].mended_bit++;
    expect_found(&inspected, OTHER_CHECKS, "another bit", record);
    inspected.items[record].mended_bit += UINT32_MAX;
    expect_found(&inspected, OTHER_CHECKS, "no bit of the file", record);
    inspected.items[record].mended_bit = 0;
    inspected.items[record].mended = false;
    expect_found(&inspected, OTHER_CHECKS, "none", record);
}

Test(look_check, a_frame_that_was_mended_leads_to_the_next)
{
    size_t record;

    flip(TWO, RECORD_AT + FRAME_BYTES, 0x04);
    look();
    record = find(2, KAYA_ITEM_RECORD, 0);
    inspected.items[record].size_bytes += 4;
    expect_found(&inspected, OTHER_FIELDS, "longer", record);
}

/* One bit makes a whole frame of it, and of that everything is known. */
Test(look_check, what_was_mended_is_what_its_checks_say)
{
    static const struct one_field fields[] = { FIELD(lsn),    FIELD(lsn_count),       FIELD(flags),
                                               FIELD(length), FIELD(watermark_bytes), FIELD(record_type) };
    size_t record, end;

    flip(TWO, RECORD_AT + FRAME_BYTES, 0x04);
    look();
    record = find(2, KAYA_ITEM_RECORD, 0);
    end = find(2, KAYA_ITEM_END, 0);
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct told told = inspected;

        falsify(&told.items[record], &fields[i]);
        expect_found(&told, OTHER_FIELDS, fields[i].name, record);
    }
    kept[record].bytes[0] ^= 0x04;
    expect_found(&inspected, OTHER_FIELDS, "not mended", record);
    kept[record].bytes[0] ^= 0x04;
    inspected.items[record].mended_bit++;
    expect_found(&inspected, "no frame of the kind record stands at", "another bit", record);
    inspected.items[record].mended_bit = UINT32_MAX;
    expect_found(&inspected, "no frame of the kind record stands at", "no bit of the file", record);
    inspected.items[record].mended_bit = FRAME_BYTES * 8 + 2;
    inspected.items[end].lsn++;
    expect_found(&inspected, "another record or claim there", "its end", end);
}

Test(look_check, a_link_that_was_mended_leads_to_its_frames)
{
    size_t link;

    flip(TWO, LINK_AT + FRAME_BYTES, 0x01);
    look();
    link = find(2, KAYA_ITEM_LINK, 0);
    cr_assert(inspected.items[link].mended);
    expect_true(&inspected, "inspect");
    inspected.items[link].base_lsn++;
    expect_found(&inspected, OTHER_FIELDS, "another record", link);
}

Test(look_check, a_whole_frame_is_not_called_mended)
{
    size_t record = find(2, KAYA_ITEM_RECORD, 0);

    inspected.items[record].mended = true;
    inspected.items[record].mended_bit = FRAME_BYTES * 8;
    inspected.inspection.notice_count++;
    expect_found(&inspected, OTHER_CHECKS, "mended", record);
    inspected.items[record].lsn += 5;
    inspected.items[record].lsn_count = 77;
    expect_found(&inspected, OTHER_FIELDS, "mended, and another record", record);
}

Test(look_check, a_reason_is_given_where_there_is_one)
{
    for (size_t i = 0; i < inspected.item_count; i++) {
        struct told told = inspected;
        bool is_end = told.items[i].kind == KAYA_ITEM_END;

        if (told.items[i].kind == KAYA_ITEM_DAMAGE || told.items[i].kind == KAYA_ITEM_NO_FILE)
            continue;
        told.items[i].reason = is_end ? "" : "none";
        expect_found(&told, is_end ? "inspect shows an end in " : OTHER_FIELDS, name_of_item(i), i);
    }
}

Test(look_check, a_bad_header_copy_is_told)
{
    struct told told;
    size_t copy;

    flip(TWO, SECOND_HEADER_AT + 50, 1);
    look();
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
    copy = find(2, KAYA_ITEM_HEADER, SECOND_HEADER_AT);
    told = inspected;
    told.items[copy].header_check_good = true;
    expect_found(&told, "is bad; inspect says the other", "called good", copy);
    told = inspected;
    told.inspection.notice_count = 0;
    expect_found(&told, "notices: 1 are there; the look says 0", "no notice", 0);
    told = verified;
    told.event_count = 0;
    expect_found(&told, "notices: 0 are there", "no event", 0);
    told.inspection.notice_count = 0;
    expect_found(&told, "1 header copies of segments in use are bad; verify tells of 0 notices",
                 "nothing told", 0);
}

/* The payload check holds, and with it the frame. */
Test(look_check, a_bad_check_of_a_whole_frame_is_a_notice)
{
    static const uint64_t places[] = { 4, 8 }; /* of the header's check, which covers the second one; of that one */
    size_t record;

    for (size_t i = 0; i < COUNT(places); i++) {
        flip_under_check(TWO, RECORD_AT, places[i], inspected.items[find(2, KAYA_ITEM_RECORD, 0)].size_bytes);
        look();
        expect_true(&inspected, "inspect");
        expect_true(&verified, "verify");
        record = find(2, KAYA_ITEM_RECORD, 0);
        cr_expect(all(inspected.items[record].payload_check_good, not(inspected.items[record].header_check_good),
                      eq(int, inspected.items[record].second_check_good, i == 0),
                      eq(u64, inspected.inspection.notice_count, 1)));
        inspected.items[record].header_check_good = true;
        expect_found(&inspected, OTHER_CHECKS, "called good", i);
        inspected.items[record].header_check_good = false;
        inspected.inspection.notice_count = 0;
        expect_found(&inspected, "notices: 1 are there; the look says 0", "no notice", i);
    }
}

Test(look_check, a_segment_in_use_without_headers_is_damage)
{
    flip(TWO, 0, 1);
    flip(TWO, SECOND_HEADER_AT, 1);
    look();
    cr_expect(eq(u64, inspected.inspection.damage_count, 1));
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
    inspected.inspection.damage_count = 0;
    expect_found(&inspected, "damaged places: 1 are there; the look says 0", "", 0);
}

Test(look_check, a_spare_without_headers_is_no_damage_of_the_log)
{
    flip(SIX, 0, 1);
    flip(SIX, SECOND_HEADER_AT, 1);
    look();
    expect_true(&inspected, "inspect");
    expect_true(&verified, "verify");
}

/* --- Sums --- */

#undef FIELD
#define FIELD(field) ONE_FIELD(struct kaya_wal_inspection, field)

enum { INSPECT = 1, VERIFY = 2, BOTH = 3 };

static const struct {
    unsigned lookers;
    struct one_field field, instead; /* one more of this, and, where it has a name, one less of that */
    const char *words;
} sums[] = {
    { INSPECT, FIELD(frame_count), { 0 }, "frames: " },
    { BOTH, FIELD(damage_count), { 0 }, "damaged places: " },
    { BOTH, FIELD(notice_count), { 0 }, "notices: " },
    { BOTH, FIELD(foreign_count), { 0 }, "foreign names: " },
    { BOTH, FIELD(segment_count), { 0 }, " files bear names of the log's" },
    { BOTH, FIELD(spare_count), { 0 }, " files bear names of the log's" },
    { BOTH, FIELD(leftover_count), { 0 }, " files bear names of the log's" },
    { BOTH, FIELD(segment_count), FIELD(spare_count), "segments in use: 2 are there; the look says 3" },
    { BOTH, FIELD(spare_count), FIELD(segment_count), "segments in use: 2 are there; the look says 1" },
    { BOTH, FIELD(spare_count), FIELD(leftover_count), "spares: 3 are there; the look says 4" },
    { BOTH, FIELD(leftover_count), FIELD(spare_count), "spares: 3 are there; the look says 2" },
    { BOTH, FIELD(report.segment_count), { 0 }, "segments of the log's report: 2 are there; the look says 3" },
    { BOTH, FIELD(record_count), { 0 }, "records: 3 are there; the look says 4" },
    { BOTH, FIELD(writer_is_live), { 0 }, "a writer does not have the log; the look says the other" },
};

static void add(struct kaya_wal_inspection *inspection, const struct one_field *field, uint64_t amount)
{
    one_field_set(inspection, field, one_field_get(inspection, field) + amount);
}

Test(look_check, a_sum_that_is_not_what_is_there_is_caught)
{
    for (unsigned i = 0; i < 2 * COUNT(sums); i++) {
        unsigned looker = i % 2 == 0 ? INSPECT : VERIFY;
        struct told told = looker == INSPECT ? inspected : verified;

        add(&told.inspection, &sums[i / 2].field, 1);
        if (sums[i / 2].instead.name != NULL)
            add(&told.inspection, &sums[i / 2].instead, UINT64_MAX);
        if ((sums[i / 2].lookers & looker) != 0)
            expect_found(&told, sums[i / 2].words, sums[i / 2].field.name, i);
        else
            expect_true(&told, sums[i / 2].field.name);
    }
}

Test(look_check, a_live_writer_is_told)
{
    inspected.writer_is_live = true;
    expect_found(&inspected, "a writer has the log; the look says the other", "", 0);
}

Test(look_check, verify_tells_of_what_it_counts)
{
    static const struct {
        enum kaya_event_kind kind;
        const char *words;
    } rows[] = { { KAYA_EVENT_DAMAGE, "damaged places: 1 are there; the look says 0" },
                 { KAYA_EVENT_MENDED, "notices: 1 are there; the look says 0" },
                 { KAYA_EVENT_HEADER_COPY_BAD, "notices: 1 are there; the look says 0" },
                 { KAYA_EVENT_LEFTOVER, "notices: 1 are there; the look says 0" } };
    struct told told = verified;

    told.event_count++;
    for (size_t i = 0; i < COUNT(rows); i++) {
        told.events[verified.event_count].kind = rows[i].kind;
        expect_found(&told, rows[i].words, kaya_event_name(rows[i].kind), i);
    }
    told.events[verified.event_count].kind = KAYA_EVENT_FOREIGN_FILE;
    expect_true(&told, "counted as a name");
    told.events[verified.event_count].kind = KAYA_EVENT_NAME_TAKEN;
    expect_true(&told, "counted as a name");
}

/* What is in use is not known where bytes cannot be read: only what is counted apart from it is asked. */
Test(look_check, roles_are_not_judged_where_bytes_cannot_be_read)
{
    image_now.files[1].unreadable[1] = true;
    verified.now = &image_now;
    verified.inspection.segment_count++;
    expect_true(&verified, "segments in use");
    verified.inspection.foreign_count++;
    expect_found(&verified, "foreign names: ", "names", 0);
}
