/* What stands in a directory, counted by the page (scenarios/census.c).
 *
 * Goal: each count, each row of the verdict table and each kind of damage of core/FORMAT.md, section 5; and whoever says otherwise in one field is
 * caught. Method: directories made by hand, against numbers worked out from how they were made. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/census.h"
#include "scenarios/one_field.h"
#include "scenarios/paged_log.h"

static struct paged_log made;
static struct kaya_census census;

static struct paged_segment *one, *two, *three, *four;

/* Segment 1 with three records, segment 2 with two, which is the head and is not closed; 3 and 4 are spares. */
static void make(void)
{
    paged_begin(&made);
    one = paged_add(&made, 1);
    paged_link(one, NULL, 1, 0, 1, 1);
    paged_record(one, 0);
    paged_record(one, 0);
    paged_record(one, one->at);
    two = paged_add(&made, 2);
    paged_link(two, one, 4, 0, 1, 1);
    paged_record(two, 0);
    paged_record(two, two->at);
    three = paged_add(&made, 3);
    four = paged_add(&made, 4);
}

static void take(void)
{
    kaya_census_take(&census, &made.image, NULL);
    cr_expect(not(census.is_unsure));
}

static void expect_whole(const char *what, uint64_t chain_count)
{
    take();
    cr_expect(all(census.has_segments, census.has_head, eq(sz, census.damage_count, 0),
                  eq(sz, census.chain_count, chain_count)),
              "%s: %s", what, census.damage_count > 0 ? census.damages[0].what : "");
}

Test(census, numbers_are_names)
{
    static const struct {
        const char *name;
        uint64_t number, unfinished;
    } rows[] = { { "0000000000000001.wal", 1, 1 }, { "00000000000000ff.away", 255, 255 },
                 { "0000000000000002.new", 0, 2 }, { "0000000000000002.wa", 0, 0 },
                 { "000000000000002.wal", 0, 0 },  { "00000000000000FF.wal", 0, 0 },
                 { "0000000000000000.wal", 0, 0 }, { "salvage.json", 0, 0 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_expect(all(eq(u64, kaya_census_number(rows[i].name, false), rows[i].number),
                      eq(u64, kaya_census_number(rows[i].name, true), rows[i].unfinished)),
                  "%s", rows[i].name);
    make();
    cr_expect(eq(ptr, (void *)kaya_census_find(&made.image, 2), paged_file(&made, two)));
    paged_rename(&made, three, "0000000000000003.away");
    cr_expect(eq(ptr, (void *)kaya_census_find(&made.image, 3), paged_file(&made, three)));
    paged_rename(&made, three, "0000000000000003.new");
    cr_expect(eq(ptr, (void *)kaya_census_find(&made.image, 3), NULL));
}

/* --- The head --- */

Test(census, every_count_of_a_log_of_two_segments)
{
    uint64_t vouched, end;

    make();
    vouched = two->at - 48; /* the second record's watermark is its own place */
    end = two->at;
    expect_whole("as made", 2);
    cr_expect(all(eq(u64, census.last_lsn, 5), eq(u64, census.low_water_lsn, 1), eq(u64, census.epoch, 1),
                  eq(u64, census.end, end), eq(u64, census.furthest, vouched), eq(u64, census.records_end, end)));
    cr_expect(all(eq(u64, census.stray_count, 0), eq(u64, census.mended_count, 0),
                  eq(u64, census.carried_count, 1), census.is_named, not(census.has_broken_record),
                  census.is_blank_behind, not(census.is_closed), census.has_appended));
    cr_expect(all(eq(u64, census.chain[0].segment.number, 2), eq(u64, census.chain[0].end, end),
                  eq(u64, census.chain[0].record_count, 2), eq(u64, census.chain[1].segment.number, 1),
                  eq(u64, census.chain[1].end, one->at), eq(u64, census.chain[1].record_count, 3)));
}

Test(census, rows_of_the_table_that_lose_nothing)
{
    uint64_t end, at;

    make();
    paged_close(two);
    expect_whole("closed", 2);
    cr_expect(all(census.is_closed, census.is_blank_behind, eq(u64, census.furthest, two->at - 28),
                  eq(u64, census.carried_count, 0), eq(u64, census.records_end, two->at - 28)));
    paged_put(two, KAYA_FORMAT_PAD, 0, 0, "\0\0\0", 4, 0);
    expect_whole("padding behind CLOSE", 2);
    cr_expect(census.is_closed);
    paged_put(two, KAYA_FORMAT_WATERMARK, 0, 0, NULL, 0, 0);
    expect_whole("went on behind CLOSE", 2);
    cr_expect(not(census.is_closed));

    make();
    end = two->at;
    two->at += 64;
    at = paged_put(two, KAYA_FORMAT_FULL, 1, end, "lost its neighbour", 18, 1);
    expect_whole("a frame of this life behind the end, and no claim", 2);
    cr_expect(all(eq(u64, census.end, end), eq(u64, census.stray_count, 1), eq(u64, census.stray_offset, at),
                  eq(u64, census.stray_end, two->at), not(census.is_blank_behind),
                  eq(u64, census.furthest, end)));
    two->sequence = 2 + 17; /* 16 words lie between: 16 records at most */
    dissect_store32(two->bytes + at + 24, 2 + 17);
    dissect_seal_frame(&two->shape, two->bytes, at);
    take();
    cr_expect(eq(u64, census.stray_count, 0), "an index that cannot have come about");

    make();
    two->at = 1024;
    end = paged_put(two, KAYA_FORMAT_FIRST, 1, 0, "\x00\x02\0\0\0\0\0\0and then", 16, 0);
    memmove(two->bytes + 692, two->bytes + end, 44); /* its place is another there */
    take();
    cr_expect(not(census.has_broken_record));
    make();
    end = two->at;
    paged_put(two, KAYA_FORMAT_FIRST, 1, 0, "\x00\x02\0\0\0\0\0\0and then", 16, 0);
    expect_whole("a record that breaks off", 2);
    cr_expect(all(census.has_broken_record, eq(u64, census.end, end), eq(u64, census.last_lsn, 5)));

    make();
    two->bytes[two->at + 100] = 1;
    expect_whole("a byte of nobody's behind the end", 2);
    cr_expect(all(not(census.is_blank_behind), eq(u64, census.stray_count, 0)));
}

Test(census, one_bit_is_mended_where_the_truth_is_known)
{
    static struct paged_log truth;

    make();
    memcpy(&truth, &made, sizeof truth);
    truth.image.files = truth.files;
    for (size_t i = 0; i < truth.image.file_count; i++)
        truth.files[i].bytes = truth.segments[i].bytes;
    one->bytes[620] ^= 4;
    two->bytes[620] ^= 4;
    kaya_census_take(&census, &made.image, &truth.image);
    cr_expect(all(eq(sz, census.damage_count, 0), eq(u64, census.mended_count, 2), eq(u64, census.last_lsn, 5)));
    one->bytes[621] ^= 4;
    kaya_census_take(&census, &made.image, &truth.image);
    cr_expect(eq(sz, census.damage_count, 1));
}

Test(census, what_counts_as_the_head)
{
    make(); /* a recovery took segment 3, and its copies are not claimed */
    paged_link(three, two, 6, 1000, 1, 2);
    expect_whole("a recovery that was not finished", 2);
    paged_record(three, 0);
    paged_put(three, KAYA_FORMAT_WATERMARK, 0, three->at, NULL, 0, 0);
    take();
    cr_expect(eq(u64, census.chain[0].segment.number, 2), "a claim in front of its copies' end");

    make();
    paged_link(three, two, 6, 512 + 84 + 48, 1, 2);
    paged_record(three, 0);
    paged_put(three, KAYA_FORMAT_WATERMARK, 0, three->at, NULL, 0, 0);
    expect_whole("a recovery that was", 3);
    cr_expect(all(eq(u64, census.last_lsn, 6), eq(u64, census.epoch, 2), not(census.is_named),
                  not(census.has_appended), eq(u64, census.carried_count, 1)));
    paged_record(three, 0);
    take();
    cr_expect(all(census.is_named, census.has_appended, eq(u64, census.carried_count, 1)));

    make();
    paged_begin(&made);
    kaya_census_take(&census, &made.image, NULL);
    cr_expect(all(not(census.has_segments), not(census.has_head), eq(sz, census.damage_count, 0)),
              "nothing there");

    make();
    two->bytes[0] = three->bytes[0] = 0; /* by the other copy */
    paged_rename(&made, two, "0000000000000002.away");
    expect_whole("a first header copy, and a name that recovery left", 2);
}

Test(census, a_trim_shortens_the_chain)
{
    uint64_t mark = 4;

    make();
    paged_put(two, KAYA_FORMAT_TRIM, 0, 0, &mark, sizeof mark, 0);
    paged_drop(&made, one);
    expect_whole("trimmed", 1);
    cr_expect(all(eq(u64, census.low_water_lsn, 4), eq(u64, census.last_lsn, 5)));
}

/* --- Damage --- */

static void expect_damage(const char *what, uint64_t segment, uint64_t offset, uint64_t end,
                          uint64_t lost_min, uint64_t lost_max, uint64_t lost_last)
{
    const struct kaya_census_damage *damage = &census.damages[0];

    take();
    cr_assert(eq(sz, census.damage_count, 1), "%s", what);
    cr_expect(all(eq(u64, damage->segment, segment), eq(u64, damage->offset, offset), eq(u64, damage->end, end)),
              "%s: %s", what, damage->what);
    cr_expect(all(eq(u64, damage->lost_min, lost_min), eq(u64, damage->lost_max, lost_max),
                  eq(u64, damage->lost_last, lost_last)),
              "%s: %s", what, damage->what);
}

Test(census, damage_on_the_head)
{
    uint64_t end;

    make();
    paged_put(two, KAYA_FORMAT_WATERMARK, 0, two->at, NULL, 0, 0);
    end = two->at - 28;
    two->bytes[630] ^= 0x81; /* in the first record */
    expect_damage("a claim reaches past the end", 2, 596, end, 4, 4, UINT64_MAX);
    cr_expect(all(eq(u64, census.end, 596), eq(u64, census.furthest, end)));
    paged_file(&made, two)->size_bytes = 596;
    expect_whole("its claims are cut off with it", 2);
}

Test(census, damage_above_the_head)
{
    make();
    paged_drop(&made, three);
    expect_damage("the segment behind the head is missing", 3, 0, 0, 0, 0, 0);

    make();
    memset(three->bytes, 0, 512);
    memset(three->bytes + PAGED_SECOND_HEADER, 0, 512);
    expect_whole("a spare without headers", 2);
    make();
    paged_link(three, two, 6, 0, 1, 1);
    memset(three->bytes, 0, 512);
    memset(three->bytes + PAGED_SECOND_HEADER, 0, 512);
    expect_damage("a link names the head, under bad headers", 3, 0, 0, 0, 0, 0);

    make();
    paged_rename(&made, four, "0000000000000005.wal");
    paged_rename(&made, three, "0000000000000004.wal");
    take();
    cr_expect(all(lt(sz, 0, census.damage_count), eq(u64, census.damages[0].segment, 3)));

    make();
    paged_link(three, two, 6, 0, 1, 1);
    paged_record(three, 0);
    paged_record(three, three->at);
    three->bytes[540] ^= 1;
    expect_damage("a segment in use lost its link", 3, 512, three->at - 48, 6, 6, UINT64_MAX);

    make();
    paged_link(four, two, 6, 0, 1, 1);
    paged_estrange(four);
    take();
    cr_expect(eq(u64, census.chain[0].segment.number, 4), "the highest number tells");
    cr_expect(lt(sz, 0, census.damage_count));
    make();
    paged_link(four, two, 6, 4000, 1, 1); /* a recovery's, which does not count */
    paged_estrange(four);
    expect_damage("another log's above the head", 4, 0, 0, 0, 0, 0);
    make();
    paged_estrange(three);
    take();
    cr_expect(all(eq(sz, census.damage_count, 1), eq(u64, census.damages[0].segment, 3)),
              "a stranger behind the head");
}

Test(census, damage_below_the_head)
{
    uint64_t end;

    make();
    end = one->at;
    paged_drop(&made, one);
    expect_damage("the predecessor is missing", 1, 0, end, 1, 3, 3);

    make();
    one->bytes[530] ^= 1;
    expect_damage("the predecessor's link is bad", 1, 512, end, 1, 3, 3);

    make();
    memset(one->bytes, 0, 512);
    memset(one->bytes + PAGED_SECOND_HEADER, 0, 512);
    expect_damage("the predecessor has no header", 1, 0, end, 1, 3, 3);

    make();
    one->bytes[650] ^= 0x42;
    take();
    cr_assert(eq(sz, census.damage_count, 1));
    cr_expect(all(eq(u64, census.damages[0].segment, 1), eq(u64, census.damages[0].end, end),
                  eq(u64, census.damages[0].lost_min, 2), eq(u64, census.damages[0].lost_last, 3)),
              "the predecessor breaks off");

    make();
    paged_link(two, one, 5, 0, 1, 1);
    take();
    cr_assert(eq(sz, census.damage_count, 1), "a record fewer than the link says");
    cr_expect(all(eq(u64, census.damages[0].segment, 1), eq(u64, census.damages[0].offset, end)));

    make();
    one->chain = 7; /* of which its own link knows nothing */
    paged_link(two, one, 4, 0, 1, 1);
    expect_damage("not the one that was named", 1, 0, end, 1, 3, 3);

    make();
    paged_link(two, NULL, 4, 0, 1, 1);
    expect_damage("the log begins behind its low-water mark", 2, 0, 0, 1, 1, 3);

    make();
    paged_link(two, NULL, 4, 0, 4, 1);
    expect_whole("a dead segment of this log", 1);
    paged_estrange(one);
    expect_damage("a dead segment of another log", 1, 0, 0, 0, 0, 0);
}

Test(census, no_link_that_counts)
{
    make();
    one->bytes[530] ^= 1;
    two->bytes[530] ^= 1;
    expect_damage("none", UINT64_MAX, 0, 0, 0, 0, 0);
    cr_expect(all(census.has_segments, not(census.has_head)));
}

Test(census, where_nothing_is_judged)
{
    static const struct {
        uint64_t base_lsn, low_water_lsn, epoch;
    } rows[] = { { 0, 1, 1 }, { 4, 0, 1 }, { 4, 5, 1 }, { 4, 1, 0 }, { ((uint64_t)1 << 62) + 1, 1, 1 } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make();
        paged_link(two, one, rows[i].base_lsn, 0, rows[i].low_water_lsn, rows[i].epoch);
        kaya_census_take(&census, &made.image, NULL);
        cr_expect(census.is_unsure, "row %zu", i);
    }
    make();
    one->unreadable[1] = true;
    kaya_census_take(&census, &made.image, NULL);
    cr_expect(census.is_unsure, "what cannot be read");
}

/* --- Judging --- */

static struct kaya_wal_recovery_report right_report(void)
{
    struct kaya_wal_recovery_report report = { .verdict = KAYA_VERDICT_CLEAN,
                                               .verdict_row = "open",
                                               .epoch = 1,
                                               .first_lsn = 1,
                                               .last_lsn = 5,
                                               .segment_count = 2,
                                               .segment = 2,
                                               .end_offset = two->at,
                                               .claim_segment = 2,
                                               .claim_offset = two->at - 48,
                                               .unvouched_bytes = 48,
                                               .damage_reason = "" };

    memset(report.log_id.bytes, 0xa1, sizeof report.log_id.bytes);
    return report;
}

/* `promise`: that breaks; "": none. */
static void expect_looked(const struct kaya_wal_recovery_report *report, enum kaya_status status,
                          uint64_t anchor_lsn, const char *promise, const char *what)
{
    struct kaya_violation violation = { .promise = "" };

    kaya_census_judge(&census, "who", status, report, anchor_lsn, &violation);
    cr_expect(eq(str, violation.promise, (char *)promise), "%s: %s", what, violation.what);
}

static void expect_recovered(const struct kaya_wal_recovery_report *report, const char *promise, const char *what)
{
    struct kaya_violation violation = { .promise = "" };

    kaya_census_judge_recovery(&census, "who", KAYA_OK, report, 0, &violation);
    cr_expect(eq(str, violation.promise, (char *)promise), "%s: %s", what, violation.what);
}

Test(census, who_says_otherwise_in_one_field_is_caught)
{
#define FIELD(field) ONE_FIELD(struct kaya_wal_recovery_report, field)
    static const struct {
        struct one_field field;
        uint64_t value;
        const char *promise;
    } rows[] = {
        { FIELD(first_lsn), 2, "P1" },
        { FIELD(last_lsn), 4, "P1" },
        { FIELD(segment), 1, "P1" },
        { FIELD(end_offset), 596, "P1" },
        { FIELD(log_id), 5, "P3" },
        { FIELD(claim_segment), 1, "P5" },
        { FIELD(claim_offset), 512, "P5" },
        { FIELD(unvouched_bytes), 0, "P5" },
        { FIELD(discarded_bytes), 5000, "P4" },
        { FIELD(epoch), 2, "F9" },
        { FIELD(segment_count), 3, "P10" },
        { FIELD(carried_records), 1, "P3" },
        { FIELD(closed_cleanly), 1, "P4" },
        { FIELD(verdict), KAYA_VERDICT_TORN, "P4" },
        { FIELD(verdict), KAYA_VERDICT_DAMAGED, "P4" },
#undef FIELD
    };
    struct kaya_wal_recovery_report report;

    make();
    take();
    report = right_report();
    expect_looked(&report, KAYA_OK, 0, "", "as it is");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        report = right_report();
        one_field_set(&report, &rows[i].field, rows[i].value);
        expect_looked(&report, KAYA_OK, 0, rows[i].promise, rows[i].field.name);
        expect_looked(&report, KAYA_NO_MEMORY, 0, "", "no verdict");
    }
    report = right_report();
    report.verdict_row = "";
    expect_looked(&report, KAYA_OK, 0, "P4", "of no row");
}

/* It finds no clean close: the next epoch, one segment more, and what no claim covers is carried. */
Test(census, a_recovery_is_judged_by_what_it_does)
{
    struct kaya_wal_recovery_report report;

    make();
    take();
    report = right_report();
    expect_recovered(&report, "F9", "the same epoch");
    report.epoch = 2;
    expect_recovered(&report, "P10", "no successor");
    report.segment_count = 3;
    expect_recovered(&report, "P3", "nothing carried");
    report.carried_records = 1;
    expect_recovered(&report, "", "as it is");
    two->at += 64;
    paged_put(two, KAYA_FORMAT_FULL, 1, 0, "lost its neighbour", 18, 1);
    take();
    expect_recovered(&report, "P4", "what stands behind the end is given up");
    report.verdict = KAYA_VERDICT_TORN;
    report.discarded_bytes = two->at - census.end;
    expect_recovered(&report, "", "torn");
    report.discarded_bytes += 4;
    expect_recovered(&report, "P4", "more than stands there");
}

Test(census, damage_is_to_be_named_by_its_place)
{
    struct kaya_wal_recovery_report report;

    make();
    paged_drop(&made, one);
    take();
    report = right_report();
    expect_looked(&report, KAYA_OK, 0, "P5", "not seen");
    report.verdict = KAYA_VERDICT_DAMAGED;
    report.damage_segment = 1;
    report.damage_end_offset = one->at;
    report.lost_first_lsn = 1;
    report.lost_last_lsn = 3;
    expect_looked(&report, KAYA_DAMAGED, 0, "", "as it is");
    report.lost_last_lsn = 4;
    expect_looked(&report, KAYA_DAMAGED, 0, "P5", "other records");
    report.lost_last_lsn = 3;
    report.damage_offset = 512;
    expect_looked(&report, KAYA_DAMAGED, 0, "P5", "another offset");
    report.damage_offset = 0;
    report.damage_segment = 2;
    expect_looked(&report, KAYA_DAMAGED, 0, "P5", "another segment");
}

Test(census, a_log_ends_before_its_anchor)
{
    struct kaya_wal_recovery_report report;

    make();
    take();
    report = right_report();
    expect_looked(&report, KAYA_OK, 5, "", "at its end");
    expect_looked(&report, KAYA_OK, 6, "P5", "behind its end, not seen");
    report.verdict = KAYA_VERDICT_DAMAGED;
    report.damage_segment = 2;
    report.damage_offset = two->at;
    report.lost_first_lsn = 6;
    report.lost_last_lsn = 6;
    expect_looked(&report, KAYA_DAMAGED, 6, "", "behind its end");
    report.lost_last_lsn = 7;
    expect_looked(&report, KAYA_DAMAGED, 6, "P5", "more than was lost");
}
