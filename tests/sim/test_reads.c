/* Litmus tests for reads that go wrong.
 *
 * Goal: each family changes what is read and nothing else, counts as struck exactly if bytes or results differ (S2), tells the trace where,
 * strikes past the cache as well, and no more often in a row than allowed. Method: one family at odds of one in one; bytes on the
 * medium are known, so what a read gave is compared with them, and how often in a row each byte was hit is counted here. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "fault_stage.h"

static const unsigned ways[] = { KAYA_READ_CACHED, KAYA_READ_PAST_CACHE };

/* Read all of it: struck, or not, and told and counted accordingly. */
static bool read_and_check(struct stage *stage, enum kaya_fault fault, const uint8_t good[FILE_BYTES],
                           uint8_t seen[FILE_BYTES], unsigned flags)
{
    uint64_t struck_before = struck(stage, fault);
    unsigned heard_before = stage->heard.count;
    bool is_struck = true;

    if (read_through(stage, "a", 0, seen, FILE_BYTES, flags) == KAYA_OK)
        is_struck = memcmp(good, seen, FILE_BYTES) != 0;
    cr_assert(eq(u64, struck(stage, fault) - struck_before, is_struck));
    cr_assert(eq(u32, stage->heard.count - heard_before, is_struck));
    return is_struck;
}

static void expect_medium_is_good(struct stage *stage, const uint8_t good[FILE_BYTES])
{
    cr_assert(holds(stage->machine.sim, "a", good), "the medium is as it was");
}

Test(reads, a_bit_flips_in_transit)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_FLIP_IN_TRANSIT);
    for (unsigned index = 0; index < SEEDS * 2; index++) {
        set_stage_with_file(&stage, index, good);
        cr_assert(read_and_check(&stage, KAYA_FAULT_FLIP_IN_TRANSIT, good, seen, ways[index % 2]));
        cr_assert(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
        expect_told(&stage, "flip_in_transit", "a", good, seen);
        seen[stage.heard.offset] ^= stage.heard.content[0];
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
        expect_medium_is_good(&stage, good);
    }
    close_stage(&stage);
}

Test(reads, a_part_of_what_is_asked_is_struck_across_spans)
{
    enum { FROM = 500, LENGTH = 600 };
    uint8_t good[FILE_BYTES];
    uint8_t seen[LENGTH];
    bool is_span_hit[3] = { false };
    const struct kaya_span spans[] = { { seen, 10 }, { seen + 10, 0 }, { seen + 10, 300 }, { seen + 310, 290 } };
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_FLIP_IN_TRANSIT);
    for (unsigned seed = 0; seed < SEEDS * 4; seed++) {
        struct kaya_file *file;
        size_t done;
        size_t at = 0;

        set_stage_with_file(&stage, seed, good);
        cr_assert(eq(int, kaya_disk_open(stage.machine.disk, "a", KAYA_OPEN_READ, &file), KAYA_OK));
        cr_assert(eq(int, stage.machine.disk->operations->read(stage.machine.disk, file, FROM, spans, 4, 0, &done),
                     KAYA_OK));
        kaya_disk_close(stage.machine.disk, file);
        cr_assert(eq(sz, done, LENGTH));
        cr_assert(eq(u32, differing_bits(good + FROM, seen, LENGTH), 1));
        while (good[FROM + at] == seen[at])
            at++;
        cr_assert(eq(u64, stage.heard.offset, FROM + at));
        is_span_hit[at < 10 ? 0 : at < 310 ? 1 : 2] = true;
    }
    cr_expect(is_span_hit[0] && is_span_hit[1] && is_span_hit[2]);
    close_stage(&stage);
}

Test(reads, a_sector_reads_as_it_was_before)
{
    static const uint8_t before[] = { 0, 'B', 0, 0 };
    bool is_seen[4] = { false };
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_STALE_READ);
    for (unsigned index = 0; index < SEEDS * 2; index++) {
        size_t sector;

        set_stage_with_file(&stage, index, good);
        fill(&stage.machine, "a", SECTOR_BYTES, 'X', 10);
        sync_file(&stage.machine, "a");
        memset(good + SECTOR_BYTES, 'X', 10);
        if (!read_and_check(&stage, KAYA_FAULT_STALE_READ, good, seen, ways[index % 2]))
            continue;
        expect_told(&stage, "stale_read", "a", good, seen);
        sector = stage.heard.offset / SECTOR_BYTES;
        is_seen[sector] = true;
        cr_assert(is_all(seen + sector * SECTOR_BYTES, before[sector], SECTOR_BYTES));
        memcpy(seen + sector * SECTOR_BYTES, good + sector * SECTOR_BYTES, SECTOR_BYTES);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0), "one sector");
        expect_medium_is_good(&stage, good);
    }
    cr_expect(is_seen[0] && is_seen[1] && !is_seen[2] && is_seen[3]);
    close_stage(&stage);
}

Test(reads, a_sector_reads_as_another_one)
{
    bool is_from_here = false;
    bool is_from_elsewhere = false;
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_MISDIRECTED_READ);
    for (unsigned index = 0; index < SEEDS * 4; index++) {
        size_t start;

        set_stage_with_file(&stage, index, good);
        allow_all(&stage, false);
        make_file(&stage.machine, "b", 'E', FILE_BYTES);
        allow_all(&stage, true);
        if (!read_and_check(&stage, KAYA_FAULT_MISDIRECTED_READ, good, seen, ways[index % 2]))
            continue; /* it hit the same sector, or an equal one */
        expect_told(&stage, "misdirected_read", "a", good, seen);
        start = stage.heard.offset / SECTOR_BYTES * SECTOR_BYTES;
        cr_assert(is_all(seen + start, seen[start], SECTOR_BYTES) && memchr("ABDE", seen[start], 5) != NULL);
        is_from_elsewhere = is_from_elsewhere || seen[start] == 'E';
        is_from_here = is_from_here || seen[start] != 'E';
        memcpy(seen + start, good + start, SECTOR_BYTES);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0), "one sector");
        expect_medium_is_good(&stage, good);
    }
    cr_expect(is_from_here && is_from_elsewhere);
    close_stage(&stage);
}

Test(reads, some_reads_in_a_row_are_errors)
{
    enum { MOST = 4 };
    unsigned times_seen[MOST + 2] = { 0 };
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_READ_ERROR);
    stage.options.read_fault_repeats_max = MOST;
    for (unsigned index = 0; index < SEEDS * 2; index++) {
        unsigned times = 0;

        set_stage_with_file(&stage, index, good);
        while (read_through(&stage, "a", 100, seen, 1000, ways[index % 2]) == KAYA_IO) {
            times++;
            cr_assert(all(eq(u64, struck(&stage, KAYA_FAULT_READ_ERROR), times),
                          eq(u32, stage.heard.count, times)));
            cr_assert(all(eq(u64, stage.heard.offset, 100), eq(u64, stage.heard.length, 1000)));
            kaya_sim_disk_allow(stage.machine.sim, KAYA_FAULT_READ_ERROR, false);
        }
        cr_assert(eq(int, memcmp(good + 100, seen, 1000), 0));
        times_seen[times <= MOST ? times : MOST + 1]++;
    }
    for (unsigned times = 0; times < MOST + 2; times++)
        cr_expect(eq(int, times_seen[times] > 0, times >= 1 && times <= MOST), "%u times", times);
    close_stage(&stage);
}

Test(reads, healing_ends_errors_that_are_still_to_come)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_READ_ERROR);
    stage.options.read_fault_repeats_max = 6;
    for (unsigned index = 0; index < SEEDS; index++) {
        set_stage_with_file(&stage, index, good);
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, 0), KAYA_IO));
        kaya_sim_disk_heal(stage.machine.sim);
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, 0), KAYA_OK));
    }
    close_stage(&stage);
}

Test(reads, a_boot_knows_nothing_of_the_errors_of_the_last)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_READ_ERROR);
    stage.options.read_fault_repeats_max = 6;
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        set_stage_with_file(&stage, seed, good);
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, 0), KAYA_IO));
        allow_all(&stage, false);
        kill_process(&stage.machine);
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, 0), KAYA_OK));
    }
    close_stage(&stage);
}

/* How many reads in a row of this byte were struck. */
struct rows {
    unsigned now[FILE_BYTES];
    unsigned longest;
};

static void read_somewhere(struct stage *stage, const uint8_t good[FILE_BYTES], struct rows *rows, uint64_t *state)
{
    uint8_t seen[FILE_BYTES];
    uint64_t from;
    size_t length;
    bool is_struck;

    *state = *state * 6364136223846793005u + 1442695040888963407u;
    from = (*state >> 33) % FILE_BYTES;
    length = (size_t)((*state >> 48) % (FILE_BYTES - from)) + 1;
    is_struck = read_through(stage, "a", from, seen, length, ways[*state >> 63]) != KAYA_OK ||
                memcmp(good + from, seen, length) != 0;
    for (uint64_t at = from; at < from + length; at++) {
        rows->now[at] = is_struck ? rows->now[at] + 1 : 0;
        rows->longest = rows->now[at] > rows->longest ? rows->now[at] : rows->longest;
    }
}

static unsigned longest_row(uint32_t repeats_max)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_READ_ERROR, KAYA_FAULT_FLIP_IN_TRANSIT,
                                                KAYA_FAULT_STALE_READ, KAYA_FAULT_MISDIRECTED_READ };
    uint8_t good[FILE_BYTES];
    struct rows rows = { .longest = 0 };
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_FLIP_IN_TRANSIT);
    for (unsigned family = 0; family < 4; family++)
        stage.options.odds[families[family]] = 2;
    stage.options.read_fault_repeats_max = repeats_max;
    for (uint64_t seed = 0; seed < 10; seed++) {
        uint64_t state = seed;

        memset(rows.now, 0, sizeof rows.now);
        set_stage_with_file(&stage, seed, good);
        for (unsigned index = 0; index < 200; index++)
            read_somewhere(&stage, good, &rows, &state);
        for (unsigned family = 0; family < 4; family++)
            cr_assert(lt(u64, 0, struck(&stage, families[family])));
    }
    close_stage(&stage);
    return rows.longest;
}

Test(reads, no_byte_is_hit_more_often_in_a_row_than_allowed)
{
    cr_expect(eq(u32, longest_row(0), 2), "the default");
    cr_expect(eq(u32, longest_row(1), 1));
    cr_expect(eq(u32, longest_row(3), 3));
    cr_expect(lt(u32, 6, longest_row(UINT32_MAX)));
}

/* What was struck is cut into more pieces than are kept apart. */
Test(reads, many_good_reads_of_bytes_within_what_was_struck_change_no_bound)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_FLIP_IN_TRANSIT);
    set_stage_with_file(&stage, 1, good);
    for (unsigned times = 0; times < 2; times++)
        cr_assert(read_and_check(&stage, KAYA_FAULT_FLIP_IN_TRANSIT, good, seen, 0));
    allow_all(&stage, false);
    for (uint64_t at = 1; at < FILE_BYTES; at += 2)
        cr_assert(eq(int, read_through(&stage, "a", at, seen, 1, 0), KAYA_OK));
    allow_all(&stage, true);
    for (uint64_t at = 0; at < FILE_BYTES; at += 2) {
        cr_assert(eq(int, read_through(&stage, "a", at, seen, 1, 0), KAYA_OK));
        cr_assert(eq(u32, seen[0], good[at]), "was hit twice before");
    }
    cr_expect(not(read_and_check(&stage, KAYA_FAULT_FLIP_IN_TRANSIT, good, seen, 0)),
              "pieces that were not kept apart");
    cr_expect(read_and_check(&stage, KAYA_FAULT_FLIP_IN_TRANSIT, good, seen, 0));
    close_stage(&stage);
}

Test(reads, a_healed_disk_reads_what_is_there_and_a_fork_does_not)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct kaya_sim_disk *fork;
    struct kaya_disk *disk;
    struct kaya_file *file;
    struct stage stage;
    size_t done;

    open_stage(&stage, NULL, KAYA_FAULT_FLIP_IN_TRANSIT);
    set_stage_with_file(&stage, 1, good);
    cr_assert(eq(int, kaya_sim_disk_fork(stage.machine.sim, stage.options.choices, NULL, &fork), KAYA_OK));
    kaya_sim_disk_heal(stage.machine.sim);
    cr_expect(not(read_and_check(&stage, KAYA_FAULT_FLIP_IN_TRANSIT, good, seen, 0)));
    disk = kaya_sim_disk_boot(fork);
    cr_assert(eq(int, kaya_disk_open(disk, "a", KAYA_OPEN_READ, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_read(disk, file, 0, seen, FILE_BYTES, 0, &done), KAYA_OK));
    cr_expect(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
    kaya_sim_disk_destroy(fork);
    close_stage(&stage);
}

Test(reads, every_family_of_reads_has_a_test_here)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_READ_ERROR, KAYA_FAULT_FLIP_IN_TRANSIT,
                                                KAYA_FAULT_STALE_READ, KAYA_FAULT_MISDIRECTED_READ };

    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++) {
        bool found = kaya_fault_group((enum kaya_fault)fault) != KAYA_FAULT_GROUP_READS;

        for (unsigned index = 0; index < sizeof families / sizeof families[0]; index++)
            found = found || families[index] == fault;
        cr_expect(found, "%s", kaya_fault_name((enum kaya_fault)fault));
    }
}
