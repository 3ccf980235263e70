/* Layouts.
 *
 * Goal: what a change of a directory asks for is what core/FORMAT.md says, file by file. Method: a small log of several segments on a
 * simulated disk, one deed at a time, against an answer worked out by hand from which file it is. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "kaya/reader.h"
#include "kaya/scenarios/layout.h"
#include "kaya/sim/boot.h"

enum { RECORDS = 12, RECORD_BYTES = 100, SEGMENTS = 3 };

struct fixture {
    struct kaya_choices *choices;
    struct kaya_sim_disk *disk;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_image before, after;
    struct kaya_layout layout;
    uint64_t offsets[RECORDS + 1]; /* of each record */
    uint64_t segments[RECORDS + 1];
};

#define MUST(call) cr_assert(eq(int, (call), KAYA_OK))

static struct kaya_wal_environment boot(struct fixture *fixture)
{
    return (struct kaya_wal_environment){ kaya_sim_disk_boot(fixture->disk),
                                          kaya_sim_runtime_seam(fixture->runtime),
                                          kaya_sim_memory_allocator(fixture->memory) };
}

static void write_log(struct fixture *fixture)
{
    static const uint8_t bytes[RECORD_BYTES] = { 1, 2, 3 };
    struct kaya_wal_environment environment = boot(fixture);
    struct kaya_wal_config config = { .segment_bytes = 4096, .block_bytes = 512 };
    struct kaya_wal_payload payload = { KAYA_RECORD_PUT, bytes, sizeof bytes };
    struct kaya_wal_writer *writer;

    MUST(kaya_wal_writer_open(&environment, &config, &writer, NULL));
    for (unsigned i = 0; i < RECORDS; i++) {
        if (i > 0 && i % (RECORDS / SEGMENTS) == 0)
            MUST(kaya_wal_writer_rotate(writer));
        MUST(kaya_wal_writer_append(writer, &payload, KAYA_STRICT, NULL));
    }
    MUST(kaya_wal_writer_close(writer));
    kaya_sim_disk_shut_down(fixture->disk);
}

static void read_log(struct fixture *fixture)
{
    struct kaya_wal_environment environment = boot(fixture);
    struct kaya_wal_recovery_report report;
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;

    MUST(kaya_image_read(&fixture->before, fixture->disk));
    MUST(kaya_wal_reader_open(&environment, NULL, &reader, &report));
    cr_assert(kaya_layout_read(&fixture->layout, &fixture->before, &report));
    while (kaya_wal_reader_next(reader, &record) == KAYA_OK) {
        fixture->offsets[record.lsn] = record.offset_bytes;
        fixture->segments[record.lsn] = record.segment;
        MUST(kaya_layout_add(&fixture->layout, &record));
    }
    kaya_wal_reader_close(reader);
    kaya_sim_disk_shut_down(fixture->disk);
}

static struct fixture make(void)
{
    struct fixture fixture = { .choices = kaya_choices_from_seed(1),
                               .memory = kaya_sim_memory_create(),
                               .runtime = kaya_sim_runtime_create(1) };
    struct kaya_sim_disk_options options = { .choices = fixture.choices };

    MUST(kaya_sim_disk_create(&options, &fixture.disk));
    write_log(&fixture);
    read_log(&fixture);
    return fixture;
}

static void destroy(struct fixture *fixture)
{
    kaya_image_release(&fixture->before);
    kaya_image_release(&fixture->after);
    kaya_layout_release(&fixture->layout);
    kaya_sim_disk_destroy(fixture->disk);
    kaya_sim_memory_destroy(fixture->memory);
    kaya_sim_runtime_destroy(fixture->runtime);
    kaya_choices_destroy(fixture->choices);
}

static const char *name_of(uint64_t number)
{
    static char names[2][KAYA_LAYOUT_NAME_BYTES];
    static unsigned turn;

    turn ^= 1;
    kaya_layout_name(number, ".wal", names[turn]);
    return names[turn];
}

/* What the image asks for, as it stands; then it is as it was. */
static void expect(struct fixture *fixture, struct kaya_sim_disk *good, const char *what,
                   enum kaya_refusal refusal, uint64_t kept_lsn)
{
    struct kaya_outlook outlook;

    MUST(kaya_image_read(&fixture->after, fixture->disk));
    kaya_layout_judge(&fixture->layout, &fixture->before, &fixture->after, &outlook);
    cr_expect(eq(str, (char *)kaya_refusal_name(outlook.refusal), (char *)kaya_refusal_name(refusal)), "%s",
              what);
    if (refusal == KAYA_REFUSAL_ALLOWED)
        cr_expect(eq(u64, outlook.kept_lsn, kept_lsn), "%s", what);
    MUST(kaya_sim_disk_copy(good, fixture->choices, NULL, fixture->disk));
}

Test(layout, is_read_from_the_bytes)
{
    struct fixture fixture = make();

    cr_assert(eq(sz, fixture.layout.chain_count, SEGMENTS));
    for (unsigned i = 0; i < SEGMENTS; i++) {
        cr_expect(eq(u64, fixture.layout.chain[i].number, i + 1));
        cr_expect(eq(u64, fixture.layout.chain[i].base_lsn, 1 + i * RECORDS / SEGMENTS));
        cr_expect(eq(u64, fixture.layout.chain[i].header_bytes, 512));
        cr_expect(eq(u64, fixture.layout.chain[i].second_header, 2048));
        cr_expect(fixture.layout.chain[i].has_appended);
    }
    cr_expect(eq(sz, fixture.layout.place_count, RECORDS));
    cr_expect(eq(u64, fixture.layout.first_lsn, 1));
    cr_expect(not(fixture.layout.has_dead_links));
    cr_expect(eq(u64, kaya_layout_number("00000000000000ff.wal", ".wal"), 255));
    cr_expect(eq(u64, kaya_layout_number("00000000000000ff.away", ".wal"), 0));
    cr_expect(eq(u64, kaya_layout_number("0000000000000ff.wal", ".wal"), 0));
    destroy(&fixture);
}

/* Either copy will do; in each of them every byte counts. */
Test(layout, a_segment_is_headless_where_neither_copy_is_whole)
{
    struct fixture fixture = make();

    for (size_t i = 0; i < fixture.before.file_count; i++) {
        struct kaya_image_file *file = &fixture.before.files[i];

        cr_expect(not(kaya_layout_is_headless(file)), "%s", file->name);
        for (unsigned at = 0; at < 96; at++) {
            file->bytes[at] ^= 4;
            cr_expect(not(kaya_layout_is_headless(file)), "%s, byte %u", file->name, at);
            file->bytes[2048 + 95 - at] ^= 4;
            cr_expect(kaya_layout_is_headless(file), "%s, byte %u", file->name, at);
            file->bytes[at] ^= 4;
            cr_expect(not(kaya_layout_is_headless(file)), "%s, byte %u of the second copy", file->name, 95 - at);
            file->bytes[2048 + 95 - at] ^= 4;
        }
        snprintf(file->name, sizeof file->name, "%s", name_of(99));
        cr_expect(kaya_layout_is_headless(file), "of another number");
        snprintf(file->name, sizeof file->name, "notes");
        cr_expect(not(kaya_layout_is_headless(file)), "nobody's");
    }
    destroy(&fixture);
}

Test(layout, each_deed_asks_for_what_the_format_says)
{
    struct fixture fixture = make();
    const uint64_t head = SEGMENTS;
    const uint64_t before_head = RECORDS - RECORDS / SEGMENTS;
    struct kaya_sim_disk *good;
    static const uint8_t junk[5000] = { 'j' };

    MUST(kaya_sim_disk_fork(fixture.disk, fixture.choices, NULL, &good));
    expect(&fixture, good, "nothing", KAYA_REFUSAL_FORBIDDEN, 0);
    for (uint64_t number = 1; number <= head; number++) {
        MUST(kaya_sim_disk_remove_file(fixture.disk, name_of(number)));
        expect(&fixture, good, "removed", KAYA_REFUSAL_REQUIRED, 0);
        MUST(kaya_sim_disk_swap_files(fixture.disk, name_of(number), name_of(number % SEGMENTS + 1)));
        expect(&fixture, good, "swapped", KAYA_REFUSAL_REQUIRED, 0);
        MUST(kaya_sim_disk_swap_files(fixture.disk, name_of(number), name_of(head + 1)));
        expect(&fixture, good, "swapped with a spare", KAYA_REFUSAL_REQUIRED, 0);
        MUST(kaya_sim_disk_copy_file(fixture.disk, name_of(number), "00000000000000ff.wal"));
        expect(&fixture, good, "copied to a free number", KAYA_REFUSAL_FORBIDDEN, 0);
        MUST(kaya_sim_disk_copy_file(fixture.disk, name_of(number), "backup"));
        expect(&fixture, good, "copied to a foreign name", KAYA_REFUSAL_FORBIDDEN, 0);
        MUST(kaya_sim_disk_put_file(fixture.disk, name_of(number), junk, sizeof junk));
        expect(&fixture, good, "overwritten", number < head ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED,
               before_head);
    }
    for (uint64_t lsn = 1; lsn <= RECORDS; lsn++) { /* cut right before it */
        MUST(kaya_sim_disk_cut_file(fixture.disk, name_of(fixture.segments[lsn]), fixture.offsets[lsn]));
        expect(&fixture, good, "cut", lsn <= before_head ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED, lsn - 1);
        MUST(kaya_sim_disk_cut_file(fixture.disk, name_of(fixture.segments[lsn]), fixture.offsets[lsn] + 1));
        expect(&fixture, good, "cut inside",
               lsn <= before_head ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED, lsn - 1);
    }
    for (uint64_t number = 1; number <= head; number++) { /* behind everything, header copies included */
        MUST(kaya_sim_disk_cut_file(fixture.disk, name_of(number), fixture.layout.chain[number - 1].end));
        expect(&fixture, good, "cut behind its end", KAYA_REFUSAL_FORBIDDEN, 0);
    }
    MUST(kaya_sim_disk_remove_file(fixture.disk, name_of(head + 1)));
    expect(&fixture, good, "the spare behind the head removed", KAYA_REFUSAL_ALLOWED, RECORDS);
    MUST(kaya_sim_disk_remove_file(fixture.disk, name_of(head + 2)));
    expect(&fixture, good, "another spare removed", KAYA_REFUSAL_FORBIDDEN, 0);
    MUST(kaya_sim_disk_put_file(fixture.disk, "0000000000000001.new", junk, sizeof junk));
    expect(&fixture, good, "an unfinished file", KAYA_REFUSAL_FORBIDDEN, 0);
    MUST(kaya_sim_disk_rename_file(fixture.disk, name_of(2), "0000000000000002.away"));
    expect(&fixture, good, "renamed away", KAYA_REFUSAL_FORBIDDEN, 0);
    kaya_sim_disk_destroy(good);
    destroy(&fixture);
}
