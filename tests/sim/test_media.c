/* Litmus tests for damage of the medium.
 *
 * Goal: each family does what it is named for, counts as struck exactly if bytes or results differ (S2), tells the trace where, is
 * carried by forks, and is gone when the disk heals, with all that was written since. Method: a machine with one family at
 * odds of one in one, over many seeds; what must be there is worked out from the story, not asked of the disk. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "fault_stage.h"
#include "state.h"

Test(media, a_bit_flips_at_rest_where_the_trace_says)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    bool is_in_zeros = false;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        set_stage_with_file(&stage, seed, good);
        decay(&stage);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_BIT_FLIP), 1));
        cr_assert(eq(u32, stage.heard.count, 1));
        cr_assert(eq(str, stage.heard.family, "bit_flip"));
        cr_assert(eq(u64, stage.heard.inode, kaya_sim_disk_inode(stage.machine.sim, "a")));
        cr_assert(all(eq(u64, stage.heard.length, 1), eq(sz, stage.heard.content_length, 1)));
        seen[stage.heard.offset] ^= stage.heard.content[0];
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0), "the trace named another bit");
        is_in_zeros = is_in_zeros || good[stage.heard.offset] == 0;
    }
    cr_expect(is_in_zeros, "also where nothing was written");
    close_stage(&stage);
}

Test(media, damage_outlives_crashes_and_partial_writes_and_heals)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t offset;

        set_stage_with_file(&stage, seed, good);
        cr_assert(not(kaya_sim_disk_is_damaged(stage.machine.sim)));
        decay(&stage);
        cr_assert(kaya_sim_disk_is_damaged(stage.machine.sim));
        offset = (stage.heard.offset + 1) % FILE_BYTES;
        fill(&stage.machine, "a", offset, 'X', 1);
        sync_file(&stage.machine, "a");
        lose_power(&stage.machine);
        good[offset] = 'X';
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
        kaya_sim_disk_heal(stage.machine.sim);
        cr_assert(not(kaya_sim_disk_is_damaged(stage.machine.sim)));
        cr_assert(holds(stage.machine.sim, "a", good));
        decay(&stage);
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_BIT_FLIP), 1), "a healed disk is struck no more");
    }
    close_stage(&stage);
}

Test(media, healing_leaves_open_what_a_power_loss_may_take)
{
    unsigned taken_count = 0;
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t offset;

        set_stage_with_file(&stage, seed, good);
        decay(&stage);
        offset = stage.heard.offset ^ 1;
        fill(&stage.machine, "a", offset, 'X', 1);
        kaya_sim_disk_heal(stage.machine.sim);
        lose_power(&stage.machine);
        read_file(stage.machine.sim, "a", seen);
        taken_count += seen[offset] == good[offset];
        good[offset] = seen[offset] == 'X' ? 'X' : good[offset];
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
    }
    cr_expect(all(lt(u32, 0, taken_count), lt(u32, taken_count, SEEDS)));
    close_stage(&stage);
}

/* What was never durable cannot rot: it will be written. */
Test(media, growth_that_is_not_durable_is_left_alone)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_BIT_FLIP, KAYA_FAULT_UNREADABLE_SECTOR,
                                                KAYA_FAULT_LOST_WRITE };
    uint8_t good[FILE_BYTES];
    struct stage stage;

    for (unsigned family = 0; family < sizeof families / sizeof families[0]; family++) {
        open_stage(&stage, NULL, families[family]);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            set_stage_with_file(&stage, seed, good);
            resize(&stage.machine, "a", 2 * FILE_BYTES);
            fill_durable(&stage.machine, "a", FILE_BYTES + 10, 'X', 10);
            decay(&stage);
            cr_assert(stage.heard.count == 0 || stage.heard.offset < FILE_BYTES);
            if (families[family] == KAYA_FAULT_LOST_WRITE)
                cr_assert(eq(u64, counts(&stage).drawn[KAYA_FAULT_LOST_WRITE], 0));
        }
        close_stage(&stage);
    }
}

/* A byte has eight bits: now and then the one that flipped flips back. */
Test(media, a_bit_that_flips_back_is_no_damage)
{
    unsigned back_count = 0;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint8_t byte;
        uint64_t struck_count;
        size_t done;

        set_stage(&stage, seed);
        make_directory(&stage.machine);
        make_file(&stage.machine, "a", 'A', 1);
        decay(&stage);
        decay(&stage);
        struck_count = struck(&stage, KAYA_FAULT_BIT_FLIP);
        cr_assert(eq(int, kaya_sim_disk_peek(stage.machine.sim, "a", 0, &byte, 1, &done), KAYA_OK));
        cr_assert(eq(u64, struck_count, byte == 'A' ? 1 : 2));
        cr_assert(eq(u64, stage.heard.count, struck_count));
        back_count += byte == 'A';
    }
    cr_expect(lt(u32, 0, back_count));
    close_stage(&stage);
}

Test(media, overwriting_all_of_a_sector_mends_it)
{
    uint8_t good[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t start;

        set_stage_with_file(&stage, seed, good);
        decay(&stage);
        start = stage.heard.offset / SECTOR_BYTES * SECTOR_BYTES;
        fill(&stage.machine, "a", start, 'X', SECTOR_BYTES);
        memset(good + start, 'X', SECTOR_BYTES);
        cr_assert(holds(stage.machine.sim, "a", good));
        kaya_sim_disk_heal(stage.machine.sim);
        cr_assert(holds(stage.machine.sim, "a", good));
    }
    close_stage(&stage);
}

Test(media, a_fork_has_the_damage_and_heals_on_its_own)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct kaya_sim_disk *fork;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_BIT_FLIP);
    set_stage_with_file(&stage, 1, good);
    decay(&stage);
    cr_assert(eq(int, kaya_sim_disk_fork(stage.machine.sim, stage.options.choices, NULL, &fork), KAYA_OK));
    kaya_sim_disk_heal(fork);
    cr_expect(holds(fork, "a", good));
    read_file(stage.machine.sim, "a", seen);
    cr_expect(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
    kaya_sim_disk_destroy(fork);
    close_stage(&stage);
}

Test(media, a_disk_without_odds_is_asked_nothing)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    struct kaya_sim_disk_options options = { .choices = odometer, .list_sorted = true };
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', FILE_BYTES);
    fill(&machine, "a", 0, 'B', 512);
    sync_file(&machine, "a");
    fill_durable(&machine, "a", 512, 'C', 512);
    read_past_cache(&machine, "a", FILE_BYTES);
    kaya_sim_disk_power_loss(machine.sim);
    kaya_sim_disk_decay(machine.sim);
    cr_expect(eq(u64, kaya_choices_count(odometer), 0));
    machine_end(&machine);
    kaya_choices_destroy(odometer);
}

/* ---- at rest ---- */

Test(media, a_sector_becomes_zeros)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    unsigned struck_count = 0;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_ZEROED_SECTOR);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        size_t start;

        set_stage_with_file(&stage, seed, good);
        decay(&stage);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(u64, counts(&stage).drawn[KAYA_FAULT_ZEROED_SECTOR], 1));
        if (memcmp(good, seen, FILE_BYTES) == 0) { /* the one that is zeros anyway */
            cr_assert(all(eq(u64, struck(&stage, KAYA_FAULT_ZEROED_SECTOR), 0), eq(u32, stage.heard.count, 0)));
            continue;
        }
        struck_count++;
        cr_assert(all(eq(u64, struck(&stage, KAYA_FAULT_ZEROED_SECTOR), 1), eq(u32, stage.heard.count, 1)));
        expect_told(&stage, "zeroed_sector", "a", good, seen);
        start = stage.heard.offset;
        cr_assert(all(eq(sz, start % SECTOR_BYTES, 0), eq(u64, stage.heard.length, SECTOR_BYTES)));
        cr_assert(is_all(seen + start, 0, SECTOR_BYTES));
        memcpy(seen + start, good + start, SECTOR_BYTES);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0), "another sector changed, too");
    }
    cr_expect(lt(u32, SEEDS / 2, struck_count));
    cr_expect(lt(u32, struck_count, SEEDS));
    close_stage(&stage);
}

Test(media, a_sector_shows_what_it_held_before)
{
    static const uint8_t before[] = { 0, 'B', 0, 0 };
    bool is_seen[4] = { false };
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_STALE_SECTOR);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        size_t sector;

        set_stage_with_file(&stage, seed, good);
        fill(&stage.machine, "a", SECTOR_BYTES, 'X', 10);
        sync_file(&stage.machine, "a");
        memset(good + SECTOR_BYTES, 'X', 10);
        decay(&stage);
        read_file(stage.machine.sim, "a", seen);
        if (memcmp(good, seen, FILE_BYTES) == 0) {
            cr_assert(eq(u64, struck(&stage, KAYA_FAULT_STALE_SECTOR), 0));
            continue;
        }
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_STALE_SECTOR), 1));
        expect_told(&stage, "stale_sector", "a", good, seen);
        sector = stage.heard.offset / SECTOR_BYTES;
        is_seen[sector] = true;
        cr_assert(is_all(seen + sector * SECTOR_BYTES, before[sector], SECTOR_BYTES));
        memcpy(seen + sector * SECTOR_BYTES, good + sector * SECTOR_BYTES, SECTOR_BYTES);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
        kaya_sim_disk_heal(stage.machine.sim);
        cr_assert(holds(stage.machine.sim, "a", good));
    }
    cr_expect(is_seen[0] && is_seen[1] && !is_seen[2] && is_seen[3]);
    close_stage(&stage);
}

/* Where the unreadable sector is; the disk tells the trace. */
static uint64_t make_unreadable(struct stage *stage, uint64_t seed, uint8_t good[FILE_BYTES])
{
    set_stage_with_file(stage, seed, good);
    decay(stage);
    cr_assert(eq(str, stage->heard.family, "unreadable_sector"));
    cr_assert(all(eq(u64, stage->heard.offset % SECTOR_BYTES, 0), eq(u64, stage->heard.length, SECTOR_BYTES)));
    cr_assert(eq(u64, struck(stage, KAYA_FAULT_UNREADABLE_SECTOR), 0), "nobody read it yet");
    return stage->heard.offset;
}

Test(media, a_sector_cannot_be_read_until_all_of_it_is_written)
{
    static const unsigned flags[] = { KAYA_READ_CACHED, KAYA_READ_PAST_CACHE };
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_UNREADABLE_SECTOR);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t bad = make_unreadable(&stage, seed, good);
        size_t done;

        for (unsigned way = 0; way < 2; way++) {
            cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, flags[way]), KAYA_IO));
            cr_assert(eq(int, read_through(&stage, "a", bad + 511, seen, 1, flags[way]), KAYA_IO));
            for (uint64_t start = 0; start < FILE_BYTES; start += SECTOR_BYTES)
                if (start != bad)
                    cr_assert(eq(int, read_through(&stage, "a", start, seen, SECTOR_BYTES, flags[way]), KAYA_OK));
        }
        cr_assert(eq(int, write_through(&stage, "a", bad + 1, 'X', 5), KAYA_IO));
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_UNREADABLE_SECTOR), 5));
        cr_assert(eq(int, kaya_sim_disk_peek(stage.machine.sim, "a", bad, seen, 1, &done), KAYA_IO));
        cr_assert(holds_in_truth(stage.machine.sim, "a", good));
        if (seed % 2 == 0) {
            kaya_sim_disk_heal(stage.machine.sim);
        } else {
            cr_assert(eq(int, write_through(&stage, "a", bad, 'X', SECTOR_BYTES), KAYA_OK));
            memset(good + bad, 'X', SECTOR_BYTES);
        }
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, KAYA_READ_PAST_CACHE), KAYA_OK));
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
        cr_assert(eq(u32, stage.heard.count, 1));
    }
    close_stage(&stage);
}

Test(media, what_made_it_readable_may_be_lost_until_it_is_synced)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[SECTOR_BYTES];
    unsigned unreadable_count = 0;
    unsigned written_count = 0;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_UNREADABLE_SECTOR);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t bad = make_unreadable(&stage, seed, good);

        fill(&stage.machine, "a", bad, 'X', SECTOR_BYTES);
        lose_power(&stage.machine);
        if (read_through(&stage, "a", bad, seen, SECTOR_BYTES, KAYA_READ_CACHED) == KAYA_IO)
            unreadable_count++;
        else
            written_count += is_all(seen, 'X', SECTOR_BYTES);
    }
    cr_expect(all(lt(u32, 0, unreadable_count), lt(u32, 0, written_count)));
    cr_expect(eq(u32, unreadable_count + written_count, SEEDS));
    close_stage(&stage);
}

/* ---- in writing ---- */

/* Three ways to bring 'X' to the first 100 bytes of sector 1; each says OK. */
static void write_and_lose(struct stage *stage, unsigned way, uint8_t expected[FILE_BYTES])
{
    if (way == 0) {
        fill_durable(&stage->machine, "a", SECTOR_BYTES, 'X', 100);
    } else {
        fill(&stage->machine, "a", SECTOR_BYTES, 'W', 50);
        fill(&stage->machine, "a", SECTOR_BYTES, 'X', 100);
        sync_file(&stage->machine, "a");
    }
    memset(expected + SECTOR_BYTES, 'X', 100);
}

enum { WAYS = 2 };

Test(media, a_lost_write_shows_once_the_cache_has_dropped_it)
{
    enum { PAST_CACHE, POWER_LOSS, POWER_LOSS_LATER, POWER_LOSS_BEHIND_A_SYNC, EVICTION, MEANS };
    unsigned evicted_count = 0;
    unsigned kept_count = 0;
    uint8_t good[FILE_BYTES];
    uint8_t expected[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_LOST_WRITE);
    for (unsigned index = 0; index < SEEDS * WAYS * MEANS; index++) {
        unsigned means = index % MEANS;
        bool is_shown = true;

        set_stage_with_file(&stage, index, good);
        memcpy(expected, good, FILE_BYTES);
        write_and_lose(&stage, index / MEANS % WAYS, expected);
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, KAYA_READ_CACHED), KAYA_OK));
        cr_assert(eq(int, memcmp(expected, seen, FILE_BYTES), 0), "the cache has it");
        cr_assert(holds(stage.machine.sim, "a", good), "the medium does not");
        cr_assert(holds_in_truth(stage.machine.sim, "a", expected));
        cr_assert(all(eq(u32, stage.heard.count, 0), eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), 0)));
        switch (means) {
        case PAST_CACHE:
            cr_assert(eq(int, read_through(&stage, "a", SECTOR_BYTES + 200, seen, 1, KAYA_READ_PAST_CACHE),
                         KAYA_OK));
            break;
        case POWER_LOSS:
            lose_power(&stage.machine);
            break;
        case POWER_LOSS_LATER:
            kill_process(&stage.machine);
            cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, KAYA_READ_CACHED), KAYA_OK));
            cr_assert(eq(int, memcmp(expected, seen, FILE_BYTES), 0), "the cache has it still");
            lose_power(&stage.machine);
            break;
        case POWER_LOSS_BEHIND_A_SYNC:
            allow_all(&stage, false);
            fill(&stage.machine, "a", 0, 'Z', 10);
            sync_file(&stage.machine, "a");
            lose_power(&stage.machine);
            memset(good, 'Z', 10);
            memset(expected, 'Z', 10);
            break;
        default:
            kaya_sim_disk_process_crash(stage.machine.sim);
            kaya_sim_disk_evict(stage.machine.sim);
            stage.machine.disk = kaya_sim_disk_boot(stage.machine.sim);
            is_shown = stage.heard.count > 0; /* some pages stay */
            evicted_count += is_shown;
            kept_count += !is_shown;
        }
        cr_assert(eq(int, read_through(&stage, "a", 0, seen, FILE_BYTES, KAYA_READ_CACHED), KAYA_OK));
        cr_assert(eq(int, memcmp(is_shown ? good : expected, seen, FILE_BYTES), 0), "means %u", means);
        cr_assert(all(eq(u32, stage.heard.count, is_shown),
                      eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), is_shown)));
        if (is_shown)
            expect_told(&stage, "lost_write", "a", expected, seen);
        kaya_sim_disk_heal(stage.machine.sim);
        lose_power(&stage.machine); /* nothing is hidden any more, either */
        cr_assert(holds(stage.machine.sim, "a", expected));
    }
    cr_expect(all(lt(u32, 0, evicted_count), lt(u32, 0, kept_count)));
    close_stage(&stage);
}

Test(media, writing_a_lost_sector_anew_mends_it)
{
    uint8_t good[FILE_BYTES];
    uint8_t expected[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    unsigned old_count = 0;
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_LOST_WRITE);
    for (unsigned index = 0; index < SEEDS * WAYS; index++) {
        bool is_synced = index % 3 != 0;

        set_stage_with_file(&stage, index, good);
        memcpy(expected, good, FILE_BYTES);
        write_and_lose(&stage, index % WAYS, expected);
        allow_all(&stage, false);
        kaya_sim_disk_allow(stage.machine.sim, KAYA_FAULT_LOST_SECTOR, true);
        fill(&stage.machine, "a", SECTOR_BYTES, 'Y', 30);
        memset(expected + SECTOR_BYTES, 'Y', 30);
        if (is_synced)
            sync_file(&stage.machine, "a");
        lose_power(&stage.machine);
        read_file(stage.machine.sim, "a", seen);
        if (!is_synced && memcmp(good, seen, FILE_BYTES) == 0) { /* the write anew was lost as well */
            old_count++;
            cr_assert(all(eq(u32, stage.heard.count, 1), eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), 1)));
            continue;
        }
        cr_assert(eq(int, memcmp(expected, seen, FILE_BYTES), 0));
        cr_assert(all(eq(u32, stage.heard.count, 0), eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), 0)));
    }
    cr_expect(lt(u32, 0, old_count));
    close_stage(&stage);
}

Test(media, of_a_large_write_some_sectors_are_lost)
{
    unsigned counts_seen[6] = { 0 };
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_LOST_WRITE);
    for (uint64_t seed = 0; seed < SEEDS * 2; seed++) {
        unsigned lost = 0;

        set_stage(&stage, seed);
        allow_all(&stage, false);
        make_directory(&stage.machine);
        create(&stage.machine, "a");
        sync_names(&stage.machine);
        fill(&stage.machine, "a", 0, 'N', FILE_BYTES);
        allow_all(&stage, true);
        sync_file(&stage.machine, "a");
        lose_power(&stage.machine);
        read_file(stage.machine.sim, "a", seen);
        for (size_t start = 0; start < FILE_BYTES; start += SECTOR_BYTES) {
            cr_assert(is_all(seen + start, seen[start], SECTOR_BYTES) &&
                      (seen[start] == 'N' || seen[start] == 0));
            lost += seen[start] == 0; /* growth that nobody wrote */
        }
        cr_assert(all(eq(u32, stage.heard.count, lost), eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), lost)));
        counts_seen[lost]++;
    }
    cr_expect(eq(u32, counts_seen[0], 0));
    for (unsigned lost = 1; lost <= 4; lost++)
        cr_expect(lt(u32, 0, counts_seen[lost]), "%u", lost);
    close_stage(&stage);
}

Test(media, equal_bytes_cannot_be_lost)
{
    uint8_t good[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_LOST_WRITE);
    set_stage_with_file(&stage, 1, good);
    fill_durable(&stage.machine, "a", 0, 'A', 100);
    lose_power(&stage.machine);
    cr_expect(eq(u64, counts(&stage).drawn[KAYA_FAULT_LOST_WRITE], 1));
    cr_expect(all(eq(u64, struck(&stage, KAYA_FAULT_LOST_WRITE), 0), eq(u32, stage.heard.count, 0)));
    close_stage(&stage);
}

Test(media, a_misdirected_write_damages_two_places)
{
    unsigned here = 0;
    unsigned elsewhere = 0;
    unsigned nowhere = 0;
    uint8_t good[FILE_BYTES];
    uint8_t written[SECTOR_BYTES];
    uint8_t seen[2][FILE_BYTES];
    struct stage stage;

    open_stage(&stage, NULL, KAYA_FAULT_MISDIRECTED_WRITE);
    for (unsigned index = 0; index < SEEDS * 4; index++) {
        uint8_t expected[2][FILE_BYTES];
        unsigned hit = 0;

        set_stage_with_file(&stage, index, good);
        allow_all(&stage, false);
        make_file(&stage.machine, "b", 'E', FILE_BYTES);
        allow_all(&stage, true);
        memcpy(expected[0], good, FILE_BYTES);
        memset(expected[1], 'E', FILE_BYTES);
        write_and_lose(&stage, index % WAYS, expected[0]);
        memcpy(written, expected[0] + SECTOR_BYTES, SECTOR_BYTES);
        cr_assert(eq(u32, stage.heard.count, 0));
        lose_power(&stage.machine);
        read_file(stage.machine.sim, "a", seen[0]);
        read_file(stage.machine.sim, "b", seen[1]);
        cr_assert(eq(int, memcmp(good + SECTOR_BYTES, seen[0] + SECTOR_BYTES, SECTOR_BYTES), 0),
                  "kept its old bytes");
        for (unsigned sector = 0; sector < 8; sector++) {
            const uint8_t *is = seen[sector / 4] + sector % 4 * SECTOR_BYTES;
            const uint8_t *was = expected[sector / 4] + sector % 4 * SECTOR_BYTES;

            if (sector == 1 || memcmp(is, was, SECTOR_BYTES) == 0)
                continue;
            hit++;
            cr_assert(eq(int, memcmp(is, written, SECTOR_BYTES), 0));
            here += sector < 4;
            elsewhere += sector >= 4;
        }
        nowhere += hit == 0;
        cr_assert(lt(u32, hit, 2));
        cr_assert(all(eq(u32, stage.heard.count, 1 + hit),
                      eq(u64, struck(&stage, KAYA_FAULT_MISDIRECTED_WRITE), 1 + hit)));
        cr_assert(eq(str, stage.heard.family, "misdirected_write"));
        kaya_sim_disk_heal(stage.machine.sim);
        read_file(stage.machine.sim, "a", seen[0]);
        read_file(stage.machine.sim, "b", seen[1]);
        cr_assert(eq(int, memcmp(expected, seen, sizeof seen), 0));
    }
    cr_expect(all(lt(u32, 0, here), lt(u32, 0, elsewhere), lt(u32, 0, nowhere)));
    close_stage(&stage);
}

/* ---- at a power loss ---- */

static const struct kaya_sim_profile pages = { .name = "pages",
                                               .geometry = { .sector_bytes = 512,
                                                             .atomic_bytes = 512,
                                                             .writeback_bytes = 2048,
                                                             .buffer_alignment = 1,
                                                             .power_safe_overwrite = true },
                                               .growth = KAYA_GROWTH_ZEROS };

Test(media, a_power_loss_damages_what_nobody_wrote)
{
    enum { FROM = SECTOR_BYTES + 100, TO = SECTOR_BYTES + 200 };
    unsigned sectors_hit[FILE_BYTES / SECTOR_BYTES] = { 0 };
    unsigned front = 0;
    unsigned behind = 0;
    unsigned garbage = 0;
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, &pages, KAYA_FAULT_NEIGHBOUR_DAMAGE);
    for (uint64_t seed = 0; seed < SEEDS * 4; seed++) {
        set_stage_with_file(&stage, seed, good);
        fill(&stage.machine, "a", FROM, 'X', TO - FROM);
        lose_power(&stage.machine);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(is_all(seen + FROM, 'X', TO - FROM) || is_all(seen + FROM, 'B', TO - FROM),
                  "what was written is whole");
        memcpy(good + FROM, seen + FROM, TO - FROM);
        cr_assert(eq(u64, counts(&stage).drawn[KAYA_FAULT_NEIGHBOUR_DAMAGE], 1));
        if (memcmp(good, seen, FILE_BYTES) == 0) { /* zeros over zeros */
            cr_assert(
                all(eq(u64, struck(&stage, KAYA_FAULT_NEIGHBOUR_DAMAGE), 0), eq(u32, stage.heard.count, 0)));
            continue;
        }
        cr_assert(all(eq(u64, struck(&stage, KAYA_FAULT_NEIGHBOUR_DAMAGE), 1), eq(u32, stage.heard.count, 1)));
        expect_told(&stage, "neighbour_damage", "a", good, seen);
        sectors_hit[stage.heard.offset / SECTOR_BYTES]++;
        front += stage.heard.offset / SECTOR_BYTES == 1 && stage.heard.offset < FROM;
        behind += stage.heard.offset / SECTOR_BYTES == 1 && stage.heard.offset >= TO;
        garbage += !is_all(seen + stage.heard.offset, 0, stage.heard.length);
        kaya_sim_disk_heal(stage.machine.sim);
        cr_assert(holds(stage.machine.sim, "a", good));
    }
    for (unsigned sector = 0; sector < FILE_BYTES / SECTOR_BYTES; sector++)
        cr_expect(lt(u32, 0, sectors_hit[sector]), "sector %u", sector);
    cr_expect(all(lt(u32, 0, front), lt(u32, 0, behind), lt(u32, 0, garbage)));
    close_stage(&stage);
}

/* The sector that was hit may be gone with the size. */
Test(media, a_power_loss_damages_nothing_behind_the_end)
{
    unsigned short_count = 0;
    struct stage stage;

    open_stage(&stage, &pages, KAYA_FAULT_NEIGHBOUR_DAMAGE);
    for (uint64_t seed = 0; seed < SEEDS * 4; seed++) {
        uint8_t good[FILE_BYTES];
        uint64_t size_bytes;

        set_stage_with_file(&stage, seed, good);
        fill(&stage.machine, "a", 2 * SECTOR_BYTES + 300, 'X', 5);
        resize(&stage.machine, "a", 2 * SECTOR_BYTES + 10);
        lose_power(&stage.machine);
        cr_assert(eq(int, kaya_sim_disk_file_size(stage.machine.sim, "a", &size_bytes), KAYA_OK));
        short_count += size_bytes < FILE_BYTES;
        if (stage.heard.count > 0)
            cr_assert(lt(u64, stage.heard.offset + stage.heard.length, size_bytes + 1));
    }
    cr_expect(all(lt(u32, 0, short_count), lt(u32, short_count, SEEDS * 4)));
    close_stage(&stage);
}

Test(media, a_power_loss_with_nothing_under_way_damages_nothing)
{
    uint8_t good[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, &pages, KAYA_FAULT_NEIGHBOUR_DAMAGE);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        set_stage_with_file(&stage, seed, good);
        lose_power(&stage.machine);
        cr_assert(holds(stage.machine.sim, "a", good));
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_NEIGHBOUR_DAMAGE), 0));
    }
    close_stage(&stage);
}

/* ---- forks ---- */

Test(media, a_fork_has_what_is_hidden_and_what_stood_there_before)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_LOST_WRITE, KAYA_FAULT_STALE_SECTOR };
    uint8_t good[FILE_BYTES];
    uint8_t seen[2][FILE_BYTES];
    struct stage stage;

    for (unsigned family = 0; family < 2; family++) {
        open_stage(&stage, NULL, families[family]);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct kaya_choices *choices = kaya_choices_from_seed(seed);
            struct kaya_sim_disk *disks[2] = { stage.machine.sim };

            set_stage_with_file(&stage, seed, good);
            write_and_lose(&stage, seed % WAYS, good);
            cr_assert(eq(int, kaya_sim_disk_fork(stage.machine.sim, choices, NULL, &disks[1]), KAYA_OK));
            kaya_choices_reseed(stage.options.choices, seed);
            for (unsigned index = 0; index < 2; index++) {
                kaya_sim_disk_power_loss(disks[index]);
                kaya_sim_disk_decay(disks[index]);
                read_file(disks[index], "a", seen[index]);
                cr_assert(eq(u64, kaya_sim_disk_fault_counts(disks[index]).struck[families[family]],
                             memcmp(seen[index], good, FILE_BYTES) != 0));
            }
            cr_assert(eq(int, memcmp(seen[0], seen[1], FILE_BYTES), 0));
            stage.machine.disk = kaya_sim_disk_boot(stage.machine.sim);
            kaya_sim_disk_destroy(disks[1]);
            kaya_choices_destroy(choices);
        }
        close_stage(&stage);
    }
}

/* ---- truth ---- */

enum { TRUTH_OPERATIONS = 40 };

/* One operation on file "a" of both machines: the one that fails, and one that does not, which leaves out what failed. */
static void operate(struct machine *bad, struct machine *good, uint64_t state)
{
    static uint8_t bytes[FILE_BYTES];
    uint64_t offset = (state >> 33) % FILE_BYTES;
    struct kaya_span span = { .bytes = bytes, .length = (size_t)((state >> 45) % (FILE_BYTES - offset)) + 1 };
    bool is_durable = (state >> 61 & 1) != 0;
    struct machine *machines[] = { bad, good };

    memset(bytes, (state >> 40 & 1) ? 0 : (int)(state >> 50), span.length);
    for (unsigned index = 0; index < 2; index++) {
        struct machine *machine = machines[index];
        struct kaya_file *file;
        enum kaya_status status;
        size_t done;

        cr_assert(eq(int, kaya_disk_open(machine->disk, "a", KAYA_OPEN_WRITE, &file), KAYA_OK));
        if ((state >> 62 & 1) != 0)
            status =
                kaya_disk_read(machine->disk, file, offset, bytes, span.length, KAYA_READ_PAST_CACHE, &done);
        else if (is_durable)
            status = kaya_disk_write_durable(machine->disk, file, offset, &span, 1);
        else
            status = kaya_disk_write(machine->disk, file, offset, &span, 1);
        kaya_disk_close(machine->disk, file);
        if (status == KAYA_IO && machine == bad)
            return;
        cr_assert(eq(int, status, KAYA_OK));
    }
}

static void end_boots(struct machine *bad, struct machine *good, bool by_power)
{
    struct machine *machines[] = { bad, good };

    for (unsigned index = 0; index < 2; index++) {
        if (by_power) {
            sync_file(machines[index], "a");
            kaya_sim_disk_power_loss(machines[index]->sim);
        } else {
            kaya_sim_disk_process_crash(machines[index]->sim);
        }
        kaya_sim_disk_decay(machines[index]->sim);
        machines[index]->disk = kaya_sim_disk_boot(machines[index]->sim);
    }
}

Test(media, healing_brings_what_a_disk_without_faults_holds)
{
    unsigned damaged_count = 0;
    uint8_t start[FILE_BYTES];
    uint8_t seen[2][FILE_BYTES];
    struct stage bad, good;

    open_stage(&bad, NULL, KAYA_FAULT_BIT_FLIP);
    open_stage(&good, NULL, KAYA_FAULT_LOST_SECTOR);
    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++)
        if (kaya_fault_group((enum kaya_fault)fault) == KAYA_FAULT_GROUP_MEDIA)
            bad.options.odds[fault] = 2;
    for (uint64_t seed = 0; seed < SEEDS * 4; seed++) {
        uint64_t state = seed;

        set_stage(&bad, seed);
        set_stage(&good, seed);
        make_good_file(&bad, start);
        make_good_file(&good, start);
        for (unsigned index = 1; index <= TRUTH_OPERATIONS; index++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            operate(&bad.machine, &good.machine, state);
            if (index % 8 == 0)
                end_boots(&bad.machine, &good.machine, index % 16 == 0);
            read_truth(bad.machine.sim, "a", seen[0]);
            read_truth(good.machine.sim, "a", seen[1]);
            cr_assert(eq(int, memcmp(seen[0], seen[1], FILE_BYTES), 0), "seed %u, operation %u",
                      (unsigned)seed, index);
        }
        end_boots(&bad.machine, &good.machine, true);
        damaged_count += bad.heard.count;
        kaya_sim_disk_heal(bad.machine.sim);
        read_file(bad.machine.sim, "a", seen[0]);
        read_file(good.machine.sim, "a", seen[1]);
        cr_assert(eq(int, memcmp(seen[0], seen[1], FILE_BYTES), 0), "seed %u", (unsigned)seed);
    }
    cr_expect(lt(u32, SEEDS * 4, damaged_count));
    close_stage(&good);
    close_stage(&bad);
}

/* ---- memory ---- */

static size_t free_blocks(const struct kaya_sim_disk *sim)
{
    size_t count = 0;

    for (const struct kaya_block *block = sim->store.pool->free_blocks; block != NULL; block = block->next_free)
        count++;
    return count;
}

/* All faults at once, in everything that a disk does; statuses are the faults' business. */
static void do_this_and_that(struct stage *stage, uint64_t seed)
{
    static uint8_t bytes[4 * FILE_BYTES];
    uint64_t state = seed;

    for (unsigned index = 0; index < 60; index++) {
        const char *name;
        uint64_t offset;
        struct kaya_span span = { .bytes = bytes };
        struct kaya_file *file;
        size_t done;

        state = state * 6364136223846793005u + 1442695040888963407u;
        name = (state >> 60 & 1) != 0 ? "a" : "b";
        offset = (state >> 33) % FILE_BYTES;
        span.length = (size_t)((state >> 45) % FILE_BYTES) + 1;
        memset(bytes, (state >> 40 & 1) ? 0 : (int)(state >> 50), span.length);
        if (kaya_disk_open(stage->machine.disk, name, KAYA_OPEN_WRITE, &file) == KAYA_OK) {
            if (state >> 62 == 0)
                (void)!kaya_disk_write(stage->machine.disk, file, offset, &span, 1);
            else if (state >> 62 == 1)
                (void)!kaya_disk_sync(stage->machine.disk, file);
            else if (state >> 62 == 2)
                (void)!kaya_disk_truncate(stage->machine.disk, file, FILE_BYTES + offset);
            else
                (void)!kaya_disk_read(stage->machine.disk, file, offset, bytes, span.length,
                                      (state >> 61 & 1) ? KAYA_READ_PAST_CACHE : KAYA_READ_CACHED, &done);
            kaya_disk_close(stage->machine.disk, file);
        }
        if (index % 10 == 9) {
            if (index % 20 == 9)
                kaya_sim_disk_power_loss(stage->machine.sim);
            else
                kaya_sim_disk_process_crash(stage->machine.sim);
            kaya_sim_disk_evict(stage->machine.sim);
            kaya_sim_disk_decay(stage->machine.sim);
            stage->machine.disk = kaya_sim_disk_boot(stage->machine.sim);
        }
    }
}

Test(media, no_block_is_lost_whatever_strikes)
{
    enum { BLOCKS_A_SLAB = 64 }; /* pool.c */
    uint8_t good[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, &pages, KAYA_FAULT_NEIGHBOUR_DAMAGE);
    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++)
        if (kaya_fault_group((enum kaya_fault)fault) != KAYA_FAULT_GROUP_CRASH)
            stage.options.odds[fault] = 3;
    for (uint64_t seed = 0; seed < SEEDS * 4; seed++) {
        struct kaya_sim_disk *fork;

        set_stage_with_file(&stage, seed, good);
        do_this_and_that(&stage, seed);
        cr_assert(eq(int, kaya_sim_disk_fork(stage.machine.sim, stage.options.choices, NULL, &fork), KAYA_OK));
        if (seed % 2 == 0)
            kaya_sim_disk_heal(fork);
        kaya_sim_disk_destroy(fork);
        kaya_sim_disk_reset(stage.machine.sim, &stage.options);
        cr_assert(eq(sz, free_blocks(stage.machine.sim) % BLOCKS_A_SLAB, 0), "seed %u", (unsigned)seed);
        stage.machine.disk = kaya_sim_disk_boot(stage.machine.sim);
    }
    close_stage(&stage);
}

Test(media, every_family_of_the_medium_has_a_test_here)
{
    static const enum kaya_fault families[] = { KAYA_FAULT_BIT_FLIP,        KAYA_FAULT_ZEROED_SECTOR,
                                                KAYA_FAULT_STALE_SECTOR,    KAYA_FAULT_UNREADABLE_SECTOR,
                                                KAYA_FAULT_LOST_WRITE,      KAYA_FAULT_MISDIRECTED_WRITE,
                                                KAYA_FAULT_NEIGHBOUR_DAMAGE };

    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++) {
        bool found = kaya_fault_group((enum kaya_fault)fault) != KAYA_FAULT_GROUP_MEDIA;

        for (unsigned index = 0; index < sizeof families / sizeof families[0]; index++)
            found = found || families[index] == fault;
        cr_expect(found, "%s", kaya_fault_name((enum kaya_fault)fault));
    }
}
