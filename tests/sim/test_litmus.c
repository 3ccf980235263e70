/* Litmus tests of the simulated disk (S4): small stories whose outcomes were worked out by hand from what POSIX, and each
 * profile, promises. An odometer goes through everything that the disk answers; the images it shows must be exactly those of
 * the list, not one more or less. A list that is too short would be a disk that hides bugs, one that is too long a disk that
 * reports bugs which are none.
 *
 * Each story is told four times:
 *   enumerated  the images are exactly those listed, and exactly the listed families struck
 *   sampled     seeds give images of the list only, and in the end each of them (S3)
 *   spared      with every family switched off there is one image, the first of the list: nothing was lost
 *   traced      the same seed gives the same digest (S1)
 *
 * An image is written as in machine.h: "a:512B512." is a file `a` of 512 B and 512 zeros. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

enum { IMAGES_MAX = 80, STRUCK_MAX = 6, SAMPLES = 300 };

/* ---- profiles: posix at its weakest, one property at a time ---- */

#define PLAIN_GEOMETRY                                                                                       \
    {                                                                                                        \
        .sector_bytes = SECTOR_BYTES, .writeback_bytes = SECTOR_BYTES, .buffer_alignment = 1,                \
        .power_safe_overwrite = true                                                                         \
    }

static const struct kaya_sim_profile plain = { .name = "plain", .source = "test", .geometry = PLAIN_GEOMETRY };
static const struct kaya_sim_profile torn = {
    .name = "torn", .source = "test", .geometry = PLAIN_GEOMETRY, .byte_tears = true
};
static const struct kaya_sim_profile stale = {
    .name = "stale", .source = "test", .geometry = PLAIN_GEOMETRY, .growth = KAYA_GROWTH_STALE
};
static const struct kaya_sim_profile garbage = {
    .name = "garbage", .source = "test", .geometry = PLAIN_GEOMETRY, .growth = KAYA_GROWTH_GARBAGE
};
static const struct kaya_sim_profile with_data = {
    .name = "with data", .source = "test", .geometry = PLAIN_GEOMETRY, .size_with_data = true
};
static const struct kaya_sim_profile names_in_order = {
    .name = "names in order", .source = "test", .geometry = PLAIN_GEOMETRY, .names_in_order = true
};
static const struct kaya_sim_profile names_synced = {
    .name = "names synced", .source = "test", .geometry = PLAIN_GEOMETRY, .sync_covers_names = true
};
static const struct kaya_sim_profile journal = {
    .name = "journal", .source = "test", .geometry = PLAIN_GEOMETRY, .names_in_order = true, .sync_covers_names = true
};
static const struct kaya_sim_profile data_in_order = {
    .name = "data in order", .source = "test", .geometry = PLAIN_GEOMETRY, .data_in_order = true
};
static const struct kaya_sim_profile atomic_pair = { .name = "atomic pair",
                                                     .source = "test",
                                                     .geometry = { .sector_bytes = SECTOR_BYTES,
                                                                   .atomic_bytes = 2 * SECTOR_BYTES,
                                                                   .writeback_bytes = 2 * SECTOR_BYTES,
                                                                   .buffer_alignment = 1,
                                                                   .power_safe_overwrite = true } };
static const struct kaya_sim_profile unsafe_pair = { .name = "unsafe pair",
                                                     .source = "test",
                                                     .geometry = { .sector_bytes = SECTOR_BYTES,
                                                                   .writeback_bytes = 2 * SECTOR_BYTES,
                                                                   .buffer_alignment = 1,
                                                                   .power_safe_overwrite = false } };

/* ---- stories ---- */

static void synced(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void closed_only(struct machine *machine) /* fill opens and closes */
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    lose_power(machine);
}

static void equal_bytes(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'A', 512);
    lose_power(machine);
}

static void written_twice(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    fill(machine, "a", 0, 'C', 512);
    lose_power(machine);
}

static void written_there_and_back(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    fill(machine, "a", 0, 'A', 512);
    lose_power(machine);
}

static void written_synced_written(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    sync_file(machine, "a");
    fill(machine, "a", 0, 'C', 512);
    lose_power(machine);
}

static void one_write_of_two_sectors(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    fill(machine, "a", 0, 'B', 1024);
    lose_power(machine);
}

static void two_files_in_turn(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    make_file(machine, "b", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    fill(machine, "b", 0, 'B', 512);
    lose_power(machine);
}

static void sync_of_the_other_file(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    make_file(machine, "b", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    fill(machine, "b", 0, 'B', 512);
    sync_file(machine, "b");
    lose_power(machine);
}

static void frames_in_a_sector(struct machine *machine)
{
    make_file(machine, "a", '.', 512);
    put(machine, "a", 0, "AA");
    put(machine, "a", 2, "BB");
    lose_power(machine);
}

static void four_bytes(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    put(machine, "a", 100, "BBBB");
    lose_power(machine);
}

static void four_bytes_two_equal(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    put(machine, "a", 100, "BAAB");
    lose_power(machine);
}

static void four_bytes_one_differs(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    put(machine, "a", 100, "AABA");
    lose_power(machine);
}

static void three_versions_torn(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    put(machine, "a", 0, "BB");
    put(machine, "a", 0, "CC");
    lose_power(machine);
}

static void grown(struct machine *machine)
{
    create(machine, "a");
    sync_names(machine);
    fill(machine, "a", 0, 'A', 512);
    lose_power(machine);
}

static void grown_over_a_hole(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    resize(machine, "a", 1024);
    lose_power(machine);
}

static void grown_where_a_file_was(struct machine *machine)
{
    make_file(machine, "s", 'S', 512);
    erase(machine, "s");
    create(machine, "a");
    sync_names(machine);
    fill(machine, "a", 0, 'A', 512);
    lose_power(machine);
}

static void grown_in_steps(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 512, 'B', 512);
    fill(machine, "a", 1024, 'C', 512);
    lose_power(machine);
}

static void grown_and_synced(struct machine *machine)
{
    create(machine, "a");
    sync_names(machine);
    fill(machine, "a", 0, 'A', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void truncated(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 512);
    lose_power(machine);
}

static void truncated_and_synced(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void truncated_inside_a_sector(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    resize(machine, "a", 256);
    lose_power(machine);
}

static void truncated_and_grown_again(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 512);
    fill(machine, "a", 512, 'B', 512);
    lose_power(machine);
}

static void truncated_and_grown_over(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 512);
    resize(machine, "a", 1024);
    lose_power(machine);
}

static void truncated_synced_and_grown(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 512);
    sync_file(machine, "a");
    resize(machine, "a", 1024);
    lose_power(machine);
}

static void name_not_synced(struct machine *machine)
{
    create(machine, "a");
    fill(machine, "a", 0, 'A', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void two_names(struct machine *machine)
{
    create(machine, "a");
    create(machine, "b");
    lose_power(machine);
}

static void two_names_second_synced(struct machine *machine)
{
    create(machine, "a");
    create(machine, "b");
    fill(machine, "b", 0, 'B', 512);
    sync_file(machine, "b");
    lose_power(machine);
}

static void renamed_and_overwritten(struct machine *machine)
{
    make_file(machine, "t", 'A', 512);
    move(machine, "t", "a");
    fill(machine, "a", 0, 'B', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void renamed(struct machine *machine)
{
    make_file(machine, "t", 'A', 512);
    move(machine, "t", "a");
    lose_power(machine);
}

static void created_and_renamed(struct machine *machine)
{
    create(machine, "t");
    fill(machine, "t", 0, 'A', 512);
    sync_file(machine, "t");
    move(machine, "t", "a");
    lose_power(machine);
}

static void replaced(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    make_file(machine, "t", 'B', 512);
    move(machine, "t", "a");
    lose_power(machine);
}

static void renamed_away_and_back(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    move(machine, "a", "t");
    move(machine, "t", "a");
    lose_power(machine);
}

static void erased(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    erase(machine, "a");
    lose_power(machine);
}

static void erased_and_synced(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    erase(machine, "a");
    sync_names(machine);
    lose_power(machine);
}

static void erased_and_made_again(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    erase(machine, "a");
    create(machine, "a");
    fill(machine, "a", 0, 'B', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void names_outlive_a_process(struct machine *machine)
{
    create(machine, "a");
    kill_process(machine);
    lose_power(machine);
}

static void killed(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    kill_process(machine);
}

static void killed_then_power_lost(struct machine *machine)
{
    char image[IMAGE_BYTES];

    killed(machine);
    read_image(machine, KAYA_READ_PAST_CACHE, image); /* written back is not durable */
    lose_power(machine);
}

static void evicted(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    kaya_sim_disk_process_crash(machine->sim);
    kaya_sim_disk_evict(machine->sim);
    kaya_sim_disk_power_loss(machine->sim);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

static void evicted_only(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    kaya_sim_disk_process_crash(machine->sim);
    kaya_sim_disk_evict(machine->sim);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

static void shut_down_then_power_lost(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    kaya_sim_disk_shut_down(machine->sim);
    lose_power(machine);
}

/* The call after the next open crashes before it takes effect. */
static void crash_at_second_call(struct machine *machine, enum kaya_crash crash)
{
    kaya_sim_disk_crash_at(machine->sim, kaya_sim_disk_calls(machine->sim) + 2, crash);
}

static void power_lost_in_sync(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    crash_at_second_call(machine, KAYA_CRASH_POWER_LOSS);
    sync_file(machine, "a");
    lose_power(machine);
}

static void power_lost_in_durable_write(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    crash_at_second_call(machine, KAYA_CRASH_POWER_LOSS);
    fill_durable(machine, "a", 0, 'B', 1024);
    lose_power(machine);
}

static void killed_in_a_long_write(struct machine *machine)
{
    make_file(machine, "a", 'A', 12288);
    crash_at_second_call(machine, KAYA_CRASH_PROCESS);
    fill(machine, "a", 0, 'B', 12288);
    kill_process(machine);
}

static void durable_write(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill_durable(machine, "a", 0, 'B', 512);
    lose_power(machine);
}

static void durable_write_beside_another(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    fill(machine, "a", 512, 'C', 512);
    fill_durable(machine, "a", 0, 'B', 512);
    lose_power(machine);
}

static void durable_bytes_in_a_dirty_sector(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'C', 4);
    fill_durable(machine, "a", 8, 'B', 4);
    lose_power(machine);
}

static void durable_write_behind_the_durable_size(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    resize(machine, "a", 1024);
    fill_durable(machine, "a", 512, 'B', 512);
    lose_power(machine);
}

static void overwritten_undecided(struct machine *machine)
{
    closed_only(machine);
    fill(machine, "a", 0, 'C', 512); /* nobody has read whether A or B survived */
    lose_power(machine);
}

static void decided_by_reading(struct machine *machine)
{
    char first[IMAGE_BYTES];
    char second[IMAGE_BYTES];

    closed_only(machine);
    read_image(machine, KAYA_READ_CACHED, first);
    lose_power(machine);
    read_image(machine, KAYA_READ_PAST_CACHE, second);
    KAYA_ASSERT(strcmp(first, second) == 0);
}

static void sync_settles_the_survivor(struct machine *machine)
{
    closed_only(machine);
    fill(machine, "a", 0, 'C', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void unsafe_overwrite(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    fill(machine, "a", 0, 'B', 512); /* the second sector stays A, durable and untouched */
    lose_power(machine);
}

static void unsafe_overwrite_elsewhere(struct machine *machine)
{
    make_file(machine, "a", 'A', 2048);
    fill(machine, "a", 1024, 'B', 1024);
    sync_file(machine, "a");
    lose_power(machine);
}

static void without_parent(struct machine *machine)
{
    KAYA_ASSERT(kaya_disk_create_directory(machine->disk) == KAYA_OK);
    make_file(machine, "a", 'A', 512);
    lose_power(machine);
}

/* Syncs that fail. File `b` keeps what a read of `a` showed right after it. */

static void sync_failed_with(struct machine *machine, bool is_synced_again)
{
    make_file(machine, "a", 'A', 512);
    make_file(machine, "b", '.', 512);
    fill(machine, "a", 0, 'B', 512);
    try_sync_file(machine, "a");
    note(machine, "a", "b", 512);
    if (is_synced_again)
        sync_file(machine, "a");
}

static void sync_failed(struct machine *machine)
{
    sync_failed_with(machine, false);
}

static void sync_failed_then_power_lost(struct machine *machine)
{
    sync_failed_with(machine, false);
    lose_power(machine);
}

static void sync_failed_synced_then_power_lost(struct machine *machine)
{
    sync_failed_with(machine, true);
    lose_power(machine);
}

static void sync_failed_then_read_past_cache(struct machine *machine)
{
    sync_failed_with(machine, true);
    read_past_cache(machine, "a", 512);
}

static void sync_failed_then_evicted(struct machine *machine)
{
    sync_failed_with(machine, true);
    kaya_sim_disk_process_crash(machine->sim);
    kaya_sim_disk_evict(machine->sim);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

static void sync_failed_then_written(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 2);
    try_sync_file(machine, "a");
    fill(machine, "a", 2, 'C', 2);
    sync_file(machine, "a");
    lose_power(machine);
}

static void sync_failed_then_written_the_same(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    try_sync_file(machine, "a");
    fill(machine, "a", 0, 'B', 512);
    sync_file(machine, "a");
    lose_power(machine);
}

static void sync_of_growth_failed(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    make_file(machine, "b", '.', 1024);
    fill(machine, "a", 512, 'B', 512);
    try_sync_file(machine, "a");
    note(machine, "a", "b", 1024);
    sync_file(machine, "a");
    lose_power(machine);
}

static void sync_of_a_cut_failed(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    resize(machine, "a", 256);
    try_sync_file(machine, "a");
    resize(machine, "a", 1024);
}

static void sync_of_nothing_failed(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    try_sync_file(machine, "a");
    try_sync_names(machine);
}

static void durable_write_failed(struct machine *machine)
{
    make_file(machine, "a", 'A', 1024);
    make_file(machine, "b", '.', 1024);
    fill(machine, "a", 512, 'C', 512);
    try_fill_durable(machine, "a", 0, 'B', 512);
    note(machine, "a", "b", 1024);
    sync_file(machine, "a");
    lose_power(machine);
}

static void sync_of_names_failed(struct machine *machine)
{
    create(machine, "a");
    try_sync_names(machine);
    lose_power(machine);
}

static void sync_of_names_failed_and_synced(struct machine *machine)
{
    create(machine, "a");
    try_sync_names(machine);
    sync_names(machine);
    lose_power(machine);
}

static void sync_of_names_failed_and_renamed(struct machine *machine)
{
    create(machine, "a");
    try_sync_names(machine);
    move(machine, "a", "t");
    move(machine, "t", "a");
    sync_names(machine);
    lose_power(machine);
}

/* ---- the list ---- */

struct litmus {
    const char *name;
    const struct kaya_sim_profile *profile;
    void (*tell)(struct machine *);
    const char *images[IMAGES_MAX]; /* the first: nothing was lost */
    enum kaya_fault struck[STRUCK_MAX];
    unsigned struck_count;
};

#define STRUCK(...)                                                                                          \
    .struck = { __VA_ARGS__ },                                                                               \
    .struck_count = sizeof((enum kaya_fault[]){ __VA_ARGS__ }) / sizeof(enum kaya_fault)

#define STRUCK_NOTHING .struck_count = 0

#define LOST KAYA_FAULT_LOST_SECTOR
#define OLD KAYA_FAULT_OLD_VERSION
#define TORN KAYA_FAULT_TORN_SECTOR
#define SIZE KAYA_FAULT_LOST_SIZE
#define GROWTH KAYA_FAULT_SIZE_WITHOUT_DATA
#define CREATE KAYA_FAULT_LOST_CREATE
#define RENAME KAYA_FAULT_LOST_RENAME
#define UNLINK KAYA_FAULT_LOST_UNLINK
#define TRUNCATE KAYA_FAULT_LOST_TRUNCATE
#define DIRECTORY KAYA_FAULT_LOST_DIRECTORY
#define KILLED KAYA_FAULT_PROCESS_CRASH
#define EVICTED KAYA_FAULT_EVICTION
#define REORDER KAYA_FAULT_REORDER
#define FAILED KAYA_FAULT_SYNC_FAILURE

static const struct litmus litmuses[] = {
    /* What sync and close do. */
    { "sync is durable", &plain, synced, { "a:512B" }, STRUCK_NOTHING },
    { "close is no sync", &plain, closed_only, { "a:512B", "a:512A" }, STRUCK(LOST) },
    { "equal bytes cannot be lost", &torn, equal_bytes, { "a:512A" }, STRUCK_NOTHING },
    { "an orderly end is no sync", &plain, shut_down_then_power_lost, { "a:512B", "a:512A" }, STRUCK(LOST) },
    { "sync of one file is none of another",
      &plain,
      sync_of_the_other_file,
      { "a:512B b:512B", "a:512A b:512B" },
      STRUCK(LOST) },

    /* Versions and their order. */
    { "any version since the durable one", &plain, written_twice, { "a:512C", "a:512B", "a:512A" }, STRUCK(OLD, LOST) },
    { "an equal version is one outcome", &plain, written_there_and_back, { "a:512A", "a:512B" }, STRUCK(OLD) },
    { "no version before the durable one", &plain, written_synced_written, { "a:512C", "a:512B" }, STRUCK(LOST) },
    { "two sectors of one write are two",
      &plain,
      one_write_of_two_sectors,
      { "a:1024B", "a:512B512A", "a:512A512B", "a:1024A" },
      STRUCK(LOST, REORDER) },
    { "no order across files",
      &plain,
      two_files_in_turn,
      { "a:512B b:512B", "a:512A b:512B", "a:512B b:512A", "a:512A b:512A" },
      STRUCK(LOST, REORDER) },
    { "appends in a sector come in order",
      &plain,
      frames_in_a_sector,
      { "a:2A2B508.", "a:2A510.", "a:512." },
      STRUCK(OLD, LOST) },
    { "in order, there and back", &data_in_order, written_there_and_back, { "a:512A", "a:512B" }, STRUCK(OLD) },
    { "data in order",
      &data_in_order,
      one_write_of_two_sectors,
      { "a:1024B", "a:512B512A", "a:1024A" },
      STRUCK(OLD, LOST) },

    /* Tears. */
    { "a sector is whole where it does not tear", &plain, four_bytes, { "a:100A4B408A", "a:512A" }, STRUCK(LOST) },
    { "front or back of the bytes that differ",
      &torn,
      four_bytes,
      { "a:100A4B408A", "a:512A", "a:100A1B411A", "a:100A2B410A", "a:100A3B409A", "a:103A1B408A",
        "a:102A2B408A", "a:101A3B408A" },
      STRUCK(LOST, TORN) },
    { "equal bytes keep their value",
      &torn,
      four_bytes_two_equal,
      { "a:100A1B2A1B408A", "a:512A", "a:100A1B411A", "a:103A1B408A" },
      STRUCK(LOST, TORN) },
    { "one byte cannot tear", &torn, four_bytes_one_differs, { "a:102A1B409A", "a:512A" }, STRUCK(LOST) },
    { "neighbours tear, and no others",
      &torn,
      three_versions_torn,
      { "a:2C510A", "a:2B510A", "a:512A", "a:1C1B510A", "a:1B1C510A", "a:1B511A", "a:1A1B510A" },
      STRUCK(OLD, LOST, TORN) },
    { "an atomic unit is old or new", &atomic_pair, one_write_of_two_sectors, { "a:1024B", "a:1024A" }, STRUCK(LOST) },
    { "without power-safe overwrite a neighbour is hit",
      &unsafe_pair,
      unsafe_overwrite,
      { "a:512B512A", "a:1024A", "a:512.512A", "a:garbage512A", "a:512B512.", "a:512A512.", "a:1024.",
        "a:garbage512.", "a:512Bgarbage", "a:512Agarbage", "a:512.garbage", "a:garbagegarbage" },
      STRUCK(LOST, TORN) },
    { "with it, it is not", &plain, unsafe_overwrite, { "a:512B512A", "a:1024A" }, STRUCK(LOST) },
    { "another unit is not hit", &unsafe_pair, unsafe_overwrite_elsewhere, { "a:1024A1024B" }, STRUCK_NOTHING },

    /* Size and data. */
    { "size without data and data without size", &plain, grown, { "a:512A", "a:512.", "a:" }, STRUCK(GROWTH, SIZE) },
    { "size with data", &with_data, grown, { "a:512A", "a:" }, STRUCK(SIZE) },
    { "growth may be garbage", &garbage, grown, { "a:512A", "a:512.", "a:garbage", "a:" }, STRUCK(GROWTH, SIZE) },
    { "growth may be another file's",
      &stale,
      grown_where_a_file_was,
      { "a:512A", "a:512.", "a:512S", "a:" },
      STRUCK(GROWTH, SIZE) },
    { "a hole is growth, too",
      &garbage,
      grown_over_a_hole,
      { "a:512A512.", "a:512Agarbage", "a:512A" },
      STRUCK(GROWTH, SIZE) },
    { "a hole in a tame profile is zeros", &plain, grown_over_a_hole, { "a:512A512.", "a:512A" }, STRUCK(SIZE) },
    { "any size since the durable one",
      &plain,
      grown_in_steps,
      { "a:512A512B512C", "a:512A512B512.", "a:512A512.512C", "a:512A1024.", "a:512A512B", "a:512A512.", "a:512A" },
      STRUCK(GROWTH, SIZE, REORDER) },
    { "in order, growth is a prefix",
      &data_in_order,
      grown_in_steps,
      { "a:512A512B512C", "a:512A512B", "a:512A" },
      STRUCK(SIZE) },
    { "ordered, each size has its data",
      &with_data,
      grown_in_steps,
      { "a:512A512B512C", "a:512A512B", "a:512A" },
      STRUCK(SIZE) },
    { "sync covers the size", &garbage, grown_and_synced, { "a:512A" }, STRUCK_NOTHING },
    { "truncate is not durable at once", &plain, truncated, { "a:512A", "a:1024A" }, STRUCK(TRUNCATE) },
    { "sync makes truncate durable", &plain, truncated_and_synced, { "a:512A" }, STRUCK_NOTHING },
    { "a cut sector's tail is data",
      &plain,
      truncated_inside_a_sector,
      { "a:256A", "a:256A256.", "a:512A" },
      STRUCK(TRUNCATE, LOST) },
    { "a lost truncate takes along what came behind it",
      &plain,
      truncated_and_grown_again,
      { "a:512A512B", "a:512A512.", "a:512A", "a:1024A" },
      STRUCK(GROWTH, SIZE, TRUNCATE) },
    { "a hole where data was cut is growth",
      &garbage,
      truncated_and_grown_over,
      { "a:512A512.", "a:1024A", "a:512Agarbage", "a:512A" },
      STRUCK(GROWTH, SIZE, TRUNCATE) },
    { "a durable truncate leaves nothing to show",
      &plain,
      truncated_synced_and_grown,
      { "a:512A512.", "a:512A" },
      STRUCK(SIZE) },
    { "unless growth shows what was freed",
      &stale,
      truncated_synced_and_grown,
      { "a:512A512.", "a:1024A", "a:512A" },
      STRUCK(GROWTH, SIZE) },

    /* Names. */
    { "sync of a file is none of its name", &plain, name_not_synced, { "a:512A", "" }, STRUCK(CREATE) },
    { "unless a journal takes it along", &names_synced, name_not_synced, { "a:512A" }, STRUCK_NOTHING },
    { "names come in any order", &plain, two_names, { "a: b:", "b:", "a:", "" }, STRUCK(CREATE) },
    { "names come in a journal's order", &names_in_order, two_names, { "a: b:", "a:", "" }, STRUCK(CREATE) },
    { "sync takes one name along", &names_synced, two_names_second_synced, { "a: b:512B", "b:512B" }, STRUCK(CREATE) },
    { "sync takes the journal along", &journal, two_names_second_synced, { "a: b:512B" }, STRUCK_NOTHING },
    { "but not for bytes that were overwritten in place",
      &journal,
      renamed_and_overwritten,
      { "a:512B", "t:512B" },
      STRUCK(RENAME) },
    { "rename leaves the old name or the new", &plain, renamed, { "a:512A", "t:512A" }, STRUCK(RENAME) },
    { "rename does not make the create durable",
      &plain,
      created_and_renamed,
      { "a:512A", "t:512A", "" },
      STRUCK(CREATE, RENAME) },
    { "a replaced name is the old file or the new", &plain, replaced, { "a:512B", "a:512A t:512B" }, STRUCK(RENAME) },
    { "away and back may stop half-way", &plain, renamed_away_and_back, { "a:512A", "t:512A" }, STRUCK(RENAME) },
    { "unlink may be undone", &plain, erased, { "", "a:512A" }, STRUCK(UNLINK) },
    { "a synced unlink is for ever", &plain, erased_and_synced, { "" }, STRUCK_NOTHING },
    { "a name made again is the old file, the new, or none",
      &plain,
      erased_and_made_again,
      { "a:512B", "", "a:512A" },
      STRUCK(CREATE, UNLINK) },
    { "in order it is the same",
      &names_in_order,
      erased_and_made_again,
      { "a:512B", "", "a:512A" },
      STRUCK(CREATE, UNLINK) },
    { "the directory needs its own parent's sync", &plain, without_parent, { "a:512A", "none" }, STRUCK(DIRECTORY) },

    /* Crashes of the process. */
    { "the cache outlives the process", &plain, killed, { "a:512B" }, STRUCK(KILLED) },
    { "but not the power, though read past the cache",
      &plain,
      killed_then_power_lost,
      { "a:512B", "a:512A" },
      STRUCK(KILLED, LOST) },
    { "names in the cache are no better", &plain, names_outlive_a_process, { "a:", "" }, STRUCK(KILLED, CREATE) },
    { "eviction changes no read", &plain, evicted_only, { "a:512B" }, STRUCK(KILLED, EVICTED) },
    { "what was evicted may be durable", &plain, evicted, { "a:512B", "a:512A" }, STRUCK(KILLED, EVICTED, LOST) },
    { "a long write is copied page by page",
      &plain,
      killed_in_a_long_write,
      { "a:12288A", "a:4096B8192A", "a:8192B4096A" },
      STRUCK(KILLED) },

    /* Calls under way, and durable writes. */
    { "a sync under way went either way", &plain, power_lost_in_sync, { "a:512B", "a:512A" }, STRUCK(LOST) },
    { "a durable write is durable", &plain, durable_write, { "a:512B" }, STRUCK_NOTHING },
    { "a durable write under way is a write",
      &plain,
      power_lost_in_durable_write,
      { "a:1024B", "a:512B512A", "a:512A512B", "a:1024A" },
      STRUCK(LOST, REORDER) },
    { "a durable write is no sync", &plain, durable_write_beside_another, { "a:512B512C", "a:512B512A" }, STRUCK(LOST) },
    { "not even within its sector",
      &plain,
      durable_bytes_in_a_dirty_sector,
      { "a:4C4A4B500A", "a:8A4B500A" },
      STRUCK(LOST) },
    { "and none of the size", &plain, durable_write_behind_the_durable_size, { "a:512A512B", "a:512A" }, STRUCK(SIZE) },

    /* Crash upon crash. */
    { "what nobody read is still open",
      &plain,
      overwritten_undecided,
      { "a:512C", "a:512B", "a:512A" },
      STRUCK(OLD, LOST) },
    { "what was read is decided", &plain, decided_by_reading, { "a:512B", "a:512A" }, STRUCK(LOST) },
    { "a sync settles what nobody read", &plain, sync_settles_the_survivor, { "a:512C" }, STRUCK_NOTHING },

    /* Syncs that fail: what they leave is dirty, dropped, or forgotten. */
    { "a failed sync may drop what it did not write",
      &plain,
      sync_failed,
      { "a:512B b:512B", "a:512A b:512A" },
      STRUCK(FAILED) },
    { "what it kept is not durable",
      &plain,
      sync_failed_then_power_lost,
      { "a:512B b:512B", "a:512A b:512B", "a:512A b:512A" },
      STRUCK(FAILED, LOST) },
    { "a second sync proves nothing",
      &plain,
      sync_failed_synced_then_power_lost,
      { "a:512B b:512B", "a:512A b:512B", "a:512A b:512A" },
      STRUCK(FAILED, LOST) },
    { "what it forgot is gone past the cache",
      &plain,
      sync_failed_then_read_past_cache,
      { "a:512B b:512B", "a:512A b:512B", "a:512A b:512A" },
      STRUCK(FAILED) },
    { "and when it is evicted",
      &plain,
      sync_failed_then_evicted,
      { "a:512B b:512B", "a:512A b:512B", "a:512A b:512A" },
      STRUCK(FAILED, KILLED, EVICTED) },
    { "a write makes the sector dirty again",
      &plain,
      sync_failed_then_written,
      { "a:2B2C508A", "a:2A2C508A" },
      STRUCK(FAILED) },
    { "also one of the same bytes", &plain, sync_failed_then_written_the_same, { "a:512B" }, STRUCK(FAILED) },
    { "growth that was dropped is zeros",
      &plain,
      sync_of_growth_failed,
      { "a:512A512B b:512A512B", "a:512A512. b:512A512B", "a:512A512. b:512A512." },
      STRUCK(FAILED, GROWTH) },
    { "behind the end there is nothing to drop", &plain, sync_of_a_cut_failed, { "a:256A768." }, STRUCK(FAILED) },
    { "a sync of nothing fails without harm", &plain, sync_of_nothing_failed, { "a:512A" }, STRUCK_NOTHING },
    { "a durable write fails for its own bytes",
      &plain,
      durable_write_failed,
      { "a:512B512C b:512B512C", "a:512A512C b:512B512C", "a:512A512C b:512A512C" },
      STRUCK(FAILED, LOST) },
    { "a name whose sync failed is not durable", &plain, sync_of_names_failed, { "a:", "" }, STRUCK(FAILED, CREATE) },
    { "and may be forgotten", &plain, sync_of_names_failed_and_synced, { "a:", "" }, STRUCK(FAILED, CREATE) },
    { "unless it is given anew", &plain, sync_of_names_failed_and_renamed, { "a:" }, STRUCK(FAILED) },
};

enum { LITMUS_COUNT = sizeof litmuses / sizeof litmuses[0] };

/* ---- telling them ---- */

static bool needs_directory(const struct litmus *litmus)
{
    return litmus->tell != without_parent;
}

static struct kaya_sim_disk_options options_of(const struct litmus *litmus, struct kaya_choices *choices,
                                               struct kaya_trace *trace)
{
    return (struct kaya_sim_disk_options){ .profile = litmus->profile,
                                           .choices = choices,
                                           .trace = trace,
                                           .list_sorted = true,
                                           .odds = { [KAYA_FAULT_SYNC_FAILURE] = 2 } };
}

static void tell(const struct litmus *litmus, struct machine *machine, char image[IMAGE_BYTES])
{
    kaya_sim_disk_allow(machine->sim, KAYA_FAULT_SYNC_FAILURE, false); /* but where a story tries */
    if (needs_directory(litmus))
        make_directory(machine);
    litmus->tell(machine);
    read_image(machine, KAYA_READ_CACHED, image);
}

static int position(const struct litmus *litmus, const char *image)
{
    for (int index = 0; index < IMAGES_MAX && litmus->images[index] != NULL; index++)
        if (strcmp(litmus->images[index], image) == 0)
            return index;
    return -1;
}

static void expect_all_seen(const struct litmus *litmus, const bool *seen)
{
    for (int index = 0; index < IMAGES_MAX && litmus->images[index] != NULL; index++)
        cr_expect(seen[index], "%s: never showed '%s'", litmus->name, litmus->images[index]);
}

static bool expects_struck(const struct litmus *litmus, unsigned fault)
{
    for (unsigned index = 0; index < litmus->struck_count; index++)
        if (litmus->struck[index] == fault)
            return true;
    return false;
}

static void expect_struck(const struct litmus *litmus, const struct kaya_fault_counts *sum)
{
    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++) {
        cr_expect(eq(int, sum->struck[fault] > 0, expects_struck(litmus, fault)), "%s: %s struck %llu times",
                  litmus->name, kaya_fault_name(fault), (unsigned long long)sum->struck[fault]);
        cr_expect(sum->drawn[fault] >= sum->struck[fault]);
    }
}

static void add_counts(struct kaya_fault_counts *sum, const struct kaya_sim_disk *sim)
{
    struct kaya_fault_counts counts = kaya_sim_disk_fault_counts(sim);

    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++) {
        sum->drawn[fault] += counts.drawn[fault];
        sum->struck[fault] += counts.struck[fault];
    }
}

static void enumerate(const struct litmus *litmus, struct kaya_fault_counts *sum)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    struct kaya_sim_disk_options options = options_of(litmus, odometer, NULL);
    bool seen[IMAGES_MAX] = { false };
    struct machine machine;
    char image[IMAGE_BYTES];
    bool is_first = true;

    machine_start(&machine, &options);
    do {
        int index;

        if (!is_first)
            machine_restart(&machine, &options);
        tell(litmus, &machine, image);
        index = position(litmus, image);
        cr_expect(index >= 0, "%s: showed '%s'", litmus->name, image);
        if (is_first)
            cr_expect(eq(int, index, 0), "%s: all 0 showed '%s'", litmus->name, image);
        if (index >= 0)
            seen[index] = true;
        add_counts(sum, machine.sim);
        is_first = false;
    } while (kaya_choices_advance(odometer));
    machine_end(&machine);
    kaya_choices_destroy(odometer);
    expect_all_seen(litmus, seen);
}

Test(litmus, the_odometer_shows_exactly_what_was_worked_out)
{
    for (unsigned index = 0; index < LITMUS_COUNT; index++) {
        struct kaya_fault_counts sum = { 0 };

        enumerate(&litmuses[index], &sum);
        expect_struck(&litmuses[index], &sum);
    }
}

/* The other families have litmus tests of their own. */
Test(litmus, every_family_of_crashes_strikes_in_some_story)
{
    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++) {
        bool found = fault != KAYA_FAULT_SYNC_FAILURE &&
                     kaya_fault_group((enum kaya_fault)fault) != KAYA_FAULT_GROUP_CRASH;

        for (unsigned index = 0; index < LITMUS_COUNT; index++)
            found = found || expects_struck(&litmuses[index], fault);
        cr_expect(found, "%s", kaya_fault_name(fault));
    }
}

Test(litmus, seeds_show_the_same_images_and_no_others)
{
    for (unsigned index = 0; index < LITMUS_COUNT; index++) {
        const struct litmus *litmus = &litmuses[index];
        struct kaya_choices *choices = kaya_choices_from_seed(0);
        struct kaya_sim_disk_options options = options_of(litmus, choices, NULL);
        bool seen[IMAGES_MAX] = { false };
        struct machine machine;
        char image[IMAGE_BYTES];

        machine_start(&machine, &options);
        for (uint64_t seed = 1; seed <= SAMPLES; seed++) {
            int found;

            kaya_choices_reseed(choices, seed);
            machine_restart(&machine, &options);
            tell(litmus, &machine, image);
            found = position(litmus, image);
            cr_expect(found >= 0, "%s, seed %llu: showed '%s'", litmus->name, (unsigned long long)seed, image);
            if (found >= 0)
                seen[found] = true;
        }
        expect_all_seen(litmus, seen);
        machine_end(&machine);
        kaya_choices_destroy(choices);
    }
}

/* But for a write that a dying process cut short: that is the caller's crash, no fate. */
Test(litmus, with_every_family_off_nothing_is_lost)
{
    for (unsigned index = 0; index < LITMUS_COUNT; index++) {
        const struct litmus *litmus = &litmuses[index];
        struct kaya_choices *odometer = kaya_choices_odometer();
        struct kaya_sim_disk_options options = options_of(litmus, odometer, NULL);
        struct machine machine;
        char image[IMAGE_BYTES];

        options.families_set = true;
        options.odds[KAYA_FAULT_SYNC_FAILURE] = 0; /* a story that tries switches its family on */
        machine_start(&machine, &options);
        tell(litmus, &machine, image);
        cr_expect(eq(str, image, (char *)litmus->images[0]), "%s", litmus->name);
        if (litmus->tell != killed_in_a_long_write && litmus->tell != evicted && litmus->tell != evicted_only)
            cr_expect(eq(u64, kaya_choices_count(odometer), 0), "%s: asked", litmus->name);
        machine_end(&machine);
        kaya_choices_destroy(odometer);
    }
}

Test(litmus, the_same_seed_has_the_same_digest)
{
    struct kaya_trace *trace = kaya_trace_create(0);
    struct kaya_choices *choices = kaya_choices_from_seed(0);

    for (unsigned index = 0; index < LITMUS_COUNT; index++) {
        struct kaya_sim_disk_options options = options_of(&litmuses[index], choices, trace);
        uint64_t digests[2];

        for (unsigned run = 0; run < 2; run++) {
            struct machine machine;
            char image[IMAGE_BYTES];

            kaya_choices_reseed(choices, index);
            kaya_trace_reset(trace);
            machine_start(&machine, &options);
            tell(&litmuses[index], &machine, image);
            digests[run] = kaya_trace_digest(trace);
            machine_end(&machine);
        }
        cr_expect(eq(u64, digests[0], digests[1]), "%s", litmuses[index].name);
    }
    kaya_choices_destroy(choices);
    kaya_trace_destroy(trace);
}
