/* Litmus tests for damage of the medium and of reads.
 *
 * Goal: each family does what it is named for, counts as struck exactly if bytes or results differ (S2), tells the trace where, is
 * carried by forks, and is gone when the disk heals, with all that was written since. Method: a machine with one family at
 * odds of one in one, over many seeds; what must be there is worked out from the story, not asked of the disk. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "machine.h"

enum { SEEDS = 60, FILE_BYTES = 2048 };

static const struct kaya_sim_profile plain = { .name = "plain",
                                               .geometry = { .sector_bytes = 512,
                                                             .atomic_bytes = 512,
                                                             .writeback_bytes = 512,
                                                             .buffer_alignment = 1,
                                                             .power_safe_overwrite = true },
                                               .growth = KAYA_GROWTH_ZEROS };

/* What the trace said of faults. */
struct heard {
    unsigned count;
    char family[32];
    uint64_t inode, offset, length;
    uint8_t content[SECTOR_BYTES];
    size_t content_length;
};

static void hear(void *user, const struct kaya_trace_event *event)
{
    struct heard *heard = user;

    if (event->kind != KAYA_TRACE_FAULT)
        return;
    heard->count++;
    strncpy(heard->family, event->text, sizeof heard->family - 1);
    heard->inode = event->a;
    heard->offset = event->b;
    heard->length = event->c;
    heard->content_length = event->content_length;
    if (event->content_length > 0)
        memcpy(heard->content, event->content, event->content_length);
}

struct stage {
    struct machine machine;
    struct kaya_sim_disk_options options;
    struct heard heard;
};

static void open_stage(struct stage *stage, enum kaya_fault fault)
{
    stage->options = (struct kaya_sim_disk_options){ .profile = &plain, .list_sorted = true };
    stage->options.choices = kaya_choices_from_seed(0);
    stage->options.trace = kaya_trace_create(0);
    stage->options.odds[fault] = 1;
    kaya_trace_listen(stage->options.trace, hear, &stage->heard);
    machine_start(&stage->machine, &stage->options);
}

static void set_stage(struct stage *stage, uint64_t seed)
{
    kaya_choices_reseed(stage->options.choices, seed);
    machine_restart(&stage->machine, &stage->options);
    memset(&stage->heard, 0, sizeof stage->heard);
}

static void close_stage(struct stage *stage)
{
    machine_end(&stage->machine);
    kaya_trace_destroy(stage->options.trace);
    kaya_choices_destroy(stage->options.choices);
}

static uint64_t struck(const struct stage *stage, enum kaya_fault fault)
{
    return kaya_sim_disk_fault_counts(stage->machine.sim).struck[fault];
}

static void read_file(struct kaya_sim_disk *sim, const char *name, uint8_t bytes[FILE_BYTES])
{
    size_t done;

    cr_assert(eq(int, kaya_sim_disk_peek(sim, name, 0, bytes, FILE_BYTES, &done), KAYA_OK));
    cr_assert(eq(sz, done, FILE_BYTES));
}

static unsigned differing_bits(const uint8_t *left, const uint8_t *right, size_t length)
{
    unsigned count = 0;

    for (size_t index = 0; index < length; index++)
        count += (unsigned)__builtin_popcount((unsigned)(left[index] ^ right[index]));
    return count;
}

static void decay(struct stage *stage)
{
    kaya_sim_disk_shut_down(stage->machine.sim);
    kaya_sim_disk_decay(stage->machine.sim);
    stage->machine.disk = kaya_sim_disk_boot(stage->machine.sim);
}

/* A file of 'A', 'B', zeros and 'D', all durable. */
static void make_good_file(struct stage *stage, uint8_t good[FILE_BYTES])
{
    static const char sectors[] = { 'A', 'B', 0, 'D' };

    make_directory(&stage->machine);
    make_file(&stage->machine, "a", '.', FILE_BYTES);
    for (size_t sector = 0; sector < sizeof sectors; sector++) {
        if (sectors[sector] != 0)
            fill_durable(&stage->machine, "a", sector * SECTOR_BYTES, sectors[sector], SECTOR_BYTES);
        memset(good + sector * SECTOR_BYTES, sectors[sector], SECTOR_BYTES);
    }
}

Test(media, a_bit_flips_at_rest_where_the_trace_says)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    bool is_in_zeros = false;
    struct stage stage;

    open_stage(&stage, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        set_stage(&stage, seed);
        make_good_file(&stage, good);
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

    open_stage(&stage, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t offset;

        set_stage(&stage, seed);
        make_good_file(&stage, good);
        decay(&stage);
        offset = (stage.heard.offset + 1) % FILE_BYTES;
        fill(&stage.machine, "a", offset, 'X', 1);
        sync_file(&stage.machine, "a");
        lose_power(&stage.machine);
        good[offset] = 'X';
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
        kaya_sim_disk_heal(stage.machine.sim);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
        decay(&stage);
        cr_assert(eq(u64, struck(&stage, KAYA_FAULT_BIT_FLIP), 1), "a healed disk is struck no more");
    }
    close_stage(&stage);
}

Test(media, overwriting_all_of_a_sector_mends_it)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct stage stage;

    open_stage(&stage, KAYA_FAULT_BIT_FLIP);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t start;

        set_stage(&stage, seed);
        make_good_file(&stage, good);
        decay(&stage);
        start = stage.heard.offset / SECTOR_BYTES * SECTOR_BYTES;
        fill(&stage.machine, "a", start, 'X', SECTOR_BYTES);
        memset(good + start, 'X', SECTOR_BYTES);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
        kaya_sim_disk_heal(stage.machine.sim);
        read_file(stage.machine.sim, "a", seen);
        cr_assert(eq(int, memcmp(good, seen, FILE_BYTES), 0));
    }
    close_stage(&stage);
}

Test(media, a_fork_has_the_damage_and_heals_on_its_own)
{
    uint8_t good[FILE_BYTES];
    uint8_t seen[FILE_BYTES];
    struct kaya_sim_disk *fork;
    struct stage stage;

    open_stage(&stage, KAYA_FAULT_BIT_FLIP);
    set_stage(&stage, 1);
    make_good_file(&stage, good);
    decay(&stage);
    cr_assert(eq(int, kaya_sim_disk_fork(stage.machine.sim, stage.options.choices, NULL, &fork), KAYA_OK));
    kaya_sim_disk_heal(fork);
    read_file(fork, "a", seen);
    cr_expect(eq(int, memcmp(good, seen, FILE_BYTES), 0));
    read_file(stage.machine.sim, "a", seen);
    cr_expect(eq(u32, differing_bits(good, seen, FILE_BYTES), 1));
    kaya_sim_disk_destroy(fork);
    close_stage(&stage);
}
