/* Goal: the disk over many boots keeps its word: it reads what was written, shows after a crash only what a naive model
 * allows, forks exactly, ends boots for good, counts, and is the same for the same seed on every machine.
 * What each single fault may show is worked out in test_litmus.c. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

static struct kaya_sim_disk_options options_with(struct kaya_choices *choices)
{
    return (struct kaya_sim_disk_options){ .choices = choices, .list_sorted = true };
}

static void expect_image(struct machine *machine, const char *wanted)
{
    char image[IMAGE_BYTES];

    read_image(machine, KAYA_READ_CACHED, image);
    cr_expect(eq(str, image, (char *)wanted));
}

/* ---- against a naive model ---- */

enum { MODEL_SECTORS = 6, MODEL_BYTES = MODEL_SECTORS * SECTOR_BYTES, MODEL_VERSIONS = 64 };

/* Every version of every sector since the last sync, written down whole; the last one is the newest. */
struct model {
    uint8_t versions[MODEL_SECTORS][MODEL_VERSIONS][SECTOR_BYTES];
    unsigned counts[MODEL_SECTORS];
};

static void model_write(struct model *model, uint64_t offset, const uint8_t *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t sector = (offset + at) / SECTOR_BYTES;
        size_t from = (offset + at) % SECTOR_BYTES;
        size_t part = SECTOR_BYTES - from < length - at ? SECTOR_BYTES - from : length - at;
        unsigned count = model->counts[sector]++;

        memcpy(model->versions[sector][count], model->versions[sector][count - 1], SECTOR_BYTES);
        memcpy(model->versions[sector][count] + from, bytes + at, part);
        at += part;
    }
}

static void model_keep(struct model *model, const uint8_t *bytes)
{
    for (unsigned sector = 0; sector < MODEL_SECTORS; sector++) {
        memcpy(model->versions[sector][0], bytes + sector * SECTOR_BYTES, SECTOR_BYTES);
        model->counts[sector] = 1;
    }
}

static void model_newest(const struct model *model, uint8_t *bytes)
{
    for (unsigned sector = 0; sector < MODEL_SECTORS; sector++)
        memcpy(bytes + sector * SECTOR_BYTES, model->versions[sector][model->counts[sector] - 1], SECTOR_BYTES);
}

/* A version, or front of one and back of its neighbour in their differing bytes. */
static bool model_allows(const struct model *model, unsigned sector, const uint8_t *bytes)
{
    unsigned count = model->counts[sector];

    for (unsigned index = 0; index < count; index++)
        if (memcmp(model->versions[sector][index], bytes, SECTOR_BYTES) == 0)
            return true;
    for (unsigned index = 0; index + 1 < count; index++) {
        const uint8_t *pair[2] = { model->versions[sector][index], model->versions[sector][index + 1] };

        for (unsigned front = 0; front < 2; front++) {
            unsigned at = 0;

            while (at < SECTOR_BYTES && bytes[at] == pair[front][at])
                at++;
            while (at < SECTOR_BYTES && bytes[at] == pair[!front][at])
                at++;
            if (at == SECTOR_BYTES)
                return true;
        }
    }
    return false;
}

static void read_whole(struct machine *machine, unsigned flags, uint8_t *bytes)
{
    struct kaya_file *file;
    size_t done;

    cr_assert(eq(int, kaya_disk_open(machine->disk, "a", KAYA_OPEN_READ, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_read(machine->disk, file, 0, bytes, MODEL_BYTES, flags, &done), KAYA_OK));
    cr_assert(eq(sz, done, MODEL_BYTES));
    kaya_disk_close(machine->disk, file);
}

static void random_write(struct machine *machine, struct model *model)
{
    uint8_t bytes[MODEL_BYTES];
    uint64_t offset = kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, MODEL_BYTES, "offset");
    size_t length =
        1 + (size_t)kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, MODEL_BYTES - offset, "length");
    struct kaya_span spans[3] = { { bytes, length / 3 }, { bytes + length / 3, 0 }, { bytes + length / 3, 0 } };
    struct kaya_file *file;

    if (kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "short"))
        length = length < 100 ? length : 100;
    for (size_t at = 0; at < length; at++)
        bytes[at] = (uint8_t)kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 3, "byte");
    spans[0].length = length / 3;
    spans[1].bytes = spans[2].bytes = bytes + length / 3;
    spans[2].length = length - length / 3;
    cr_assert(eq(int, kaya_disk_open(machine->disk, "a", KAYA_OPEN_WRITE, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_write(machine->disk, file, offset, spans, 3), KAYA_OK));
    kaya_disk_close(machine->disk, file);
    model_write(model, offset, bytes, length);
}

static void expect_newest(struct machine *machine, const struct model *model, unsigned flags)
{
    uint8_t bytes[MODEL_BYTES];
    uint8_t wanted[MODEL_BYTES];

    read_whole(machine, flags, bytes);
    model_newest(model, wanted);
    cr_assert(memcmp(bytes, wanted, MODEL_BYTES) == 0);
}

static void crash_and_compare(struct machine *machine, struct model *model)
{
    uint8_t bytes[MODEL_BYTES];

    if (kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 3, "process")) {
        kaya_sim_disk_process_crash(machine->sim);
        if (kaya_chance(machine->choices, KAYA_STREAM_WORKLOAD, 1, 2, "evict"))
            kaya_sim_disk_evict(machine->sim);
        machine->disk = kaya_sim_disk_boot(machine->sim);
        expect_newest(machine, model, KAYA_READ_PAST_CACHE);
        return;
    }
    lose_power(machine);
    read_whole(machine, KAYA_READ_CACHED, bytes);
    for (unsigned sector = 0; sector < MODEL_SECTORS; sector++)
        cr_assert(model_allows(model, sector, bytes + sector * SECTOR_BYTES), "sector %u", sector);
    model_keep(model, bytes);
}

static void random_run(struct machine *machine, uint64_t seed)
{
    static struct model model;
    uint8_t zeros[MODEL_BYTES] = { 0 };
    const struct kaya_sim_disk_options options = options_with(machine->choices);

    kaya_choices_reseed(machine->choices, seed);
    machine_restart(machine, &options);
    make_directory(machine);
    make_file(machine, "a", '.', MODEL_BYTES);
    model_keep(&model, zeros);
    for (unsigned step = 0; step < 60; step++) {
        switch (kaya_choose(machine->choices, KAYA_STREAM_WORKLOAD, 8, "step")) {
        case 0:
            sync_file(machine, "a");
            model_newest(&model, zeros);
            model_keep(&model, zeros);
            break;
        case 1:
            crash_and_compare(machine, &model);
            break;
        default:
            random_write(machine, &model);
        }
        expect_newest(machine, &model, KAYA_READ_CACHED);
    }
}

Test(disk, shows_only_what_a_naive_model_allows)
{
    struct kaya_choices *choices = kaya_choices_from_seed(0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;
    struct kaya_fault_counts counts = { 0 };

    machine_start(&machine, &options);
    for (uint64_t seed = 1; seed <= 400; seed++) {
        random_run(&machine, seed);
        for (unsigned fault = 0; fault < KAYA_FAULTS; fault++)
            counts.struck[fault] += kaya_sim_disk_fault_counts(machine.sim).struck[fault];
    }
    cr_expect(counts.struck[KAYA_FAULT_LOST_SECTOR] > 100);
    cr_expect(counts.struck[KAYA_FAULT_OLD_VERSION] > 100);
    cr_expect(counts.struck[KAYA_FAULT_TORN_SECTOR] > 100);
    cr_expect(counts.struck[KAYA_FAULT_EVICTION] > 10);
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- laziness ---- */

Test(disk, asks_only_about_what_is_looked_at)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;
    uint8_t bytes[SECTOR_BYTES];
    size_t done;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 4 * SECTOR_BYTES);
    fill(&machine, "a", 0, 'B', 4 * SECTOR_BYTES);
    lose_power(&machine);
    cr_expect(eq(u64, kaya_choices_count(choices), 0), "the crash itself asks nothing");
    fill(&machine, "a", SECTOR_BYTES, 'C', SECTOR_BYTES);
    cr_expect(eq(u64, kaya_choices_count(choices), 0), "a whole overwrite asks nothing");
    cr_expect(eq(int, kaya_sim_disk_peek(machine.sim, "a", 0, bytes, sizeof bytes, &done), KAYA_OK));
    cr_expect(eq(u64, kaya_choices_count(choices), 1), "one sector, one question");
    cr_expect(eq(int, kaya_sim_disk_peek(machine.sim, "a", 100, bytes, 10, &done), KAYA_OK));
    cr_expect(eq(u64, kaya_choices_count(choices), 1), "decided is decided");
    put(&machine, "a", 2 * SECTOR_BYTES + 7, "x");
    cr_expect(eq(u64, kaya_choices_count(choices), 2), "an overwrite in part asks");
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- forks ---- */

Test(disk, a_fork_is_the_same_and_goes_its_own_way)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;
    struct machine fork;
    struct kaya_file *held;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 1024);
    make_file(&machine, "b", 'B', 512);
    fill(&machine, "a", 512, 'C', 512);
    cr_assert(eq(int, kaya_disk_lock(machine.disk), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(machine.disk, "b", KAYA_OPEN_WRITE, &held), KAYA_OK));
    erase(&machine, "b");

    fork = machine;
    cr_assert(eq(int, kaya_sim_disk_fork(machine.sim, choices, NULL, &fork.sim), KAYA_OK));
    for (unsigned round = 0; round < 3; round++) {
        cr_expect(not(kaya_sim_disk_lock_held(fork.sim)));
        kaya_sim_disk_process_crash(fork.sim);
        fork.disk = kaya_sim_disk_boot(fork.sim);
        expect_image(&fork, "a:512A512C");
        fill(&fork, "a", 0, 'D', 1024);
        create(&fork, "c");
        sync_names(&fork);
        lose_power(&fork);
        expect_image(&fork, "a:1024D c:");

        expect_image(&machine, "a:512A512C");
        cr_expect(kaya_sim_disk_lock_held(machine.sim));
        cr_expect(eq(int, kaya_sim_disk_copy(machine.sim, choices, NULL, fork.sim), KAYA_OK));
    }
    fill(&machine, "a", 0, 'E', 1024);
    sync_file(&machine, "a");
    kaya_disk_close(machine.disk, held);
    kaya_sim_disk_destroy(machine.sim); /* what the fork shares stays */
    kaya_sim_disk_power_loss(fork.sim);
    fork.disk = kaya_sim_disk_boot(fork.sim);
    expect_image(&fork, "a:512A512C");
    machine_end(&fork);
    kaya_choices_destroy(choices);
}

static void fork_every_way(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind);

struct forks {
    struct kaya_choices *odometer;
    struct kaya_sim_disk *fork;
    uint64_t calls;
    unsigned images; /* that the forks showed, as bits of the expected ones */
};

static const char *const fork_images[] = { "a:512A", "a:512B", "a:512C" };

static void fork_every_way(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    struct forks *forks = user;

    forks->calls++;
    cr_expect(eq(u64, call, forks->calls));
    cr_expect(eq(u64, kaya_sim_disk_calls(disk), call));
    if (kind != KAYA_TRACE_SYNC)
        return;
    kaya_choices_restart(forks->odometer);
    do {
        struct machine machine = { .sim = forks->fork, .choices = forks->odometer };
        char image[IMAGE_BYTES];

        cr_assert(eq(int, kaya_sim_disk_copy(disk, forks->odometer, NULL, forks->fork), KAYA_OK));
        kaya_sim_disk_power_loss(forks->fork);
        machine.disk = kaya_sim_disk_boot(forks->fork);
        read_image(&machine, KAYA_READ_CACHED, image);
        for (unsigned index = 0; index < 3; index++)
            forks->images |= (unsigned)(strcmp(image, fork_images[index]) == 0) << index;
    } while (kaya_choices_advance(forks->odometer));
}

Test(disk, a_fork_at_a_boundary_stands_right_before_the_call)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct forks forks = { .odometer = kaya_choices_odometer() };
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 512);
    kaya_sim_disk_shut_down(machine.sim);
    machine.disk = kaya_sim_disk_boot(machine.sim);
    kaya_sim_disk_allow(machine.sim, KAYA_FAULT_TORN_SECTOR, false); /* the copies know it, too */
    cr_assert(eq(int, kaya_sim_disk_create(&options, &forks.fork), KAYA_OK));
    kaya_sim_disk_on_boundary(machine.sim, fork_every_way, &forks);
    fill(&machine, "a", 0, 'B', 512);
    fill(&machine, "a", 0, 'C', 512);
    sync_file(&machine, "a");
    kaya_sim_disk_on_boundary(machine.sim, NULL, NULL);
    cr_expect(eq(u64, forks.calls, 9), "three times open, call, close");
    cr_expect(eq(u32, forks.images, 7), "the sync had not happened yet");
    lose_power(&machine);
    expect_image(&machine, "a:512C");
    machine_end(&machine);
    kaya_sim_disk_destroy(forks.fork);
    kaya_choices_destroy(forks.odometer);
    kaya_choices_destroy(choices);
}

/* ---- boots ---- */

static bool never_visit(void *user, const char *name, enum kaya_entry_kind kind)
{
    (void)user;
    (void)kind;
    cr_expect(false, "visited %s", name);
    return false;
}

static void expect_gone(struct kaya_disk *disk, struct kaya_file *file)
{
    char byte = 'x';
    const struct kaya_span span = { .bytes = &byte, .length = 1 };
    struct kaya_file *other;
    uint64_t size;
    size_t done;
    bool held;

    cr_expect(eq(int, kaya_disk_open(disk, "a", KAYA_OPEN_READ, &other), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_size(disk, file, &size), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_read(disk, file, 0, &byte, 1, 0, &done), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_write(disk, file, 0, &span, 1), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_write_durable(disk, file, 0, &span, 1), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_sync(disk, file), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_truncate(disk, file, 0), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_allocate(disk, file, 9999), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_rename(disk, "a", "b"), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_unlink(disk, "a"), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_create_directory(disk), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_list(disk, never_visit, NULL), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_lock(disk), KAYA_GONE));
    cr_expect(eq(int, kaya_disk_probe_lock(disk, &held), KAYA_GONE));
    kaya_disk_unlock(disk);
    kaya_disk_close(disk, file);
}

Test(disk, a_boot_that_is_over_does_nothing_any_more)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 512);
    for (unsigned way = 0; way < 3; way++) {
        struct kaya_disk *old = machine.disk;
        struct kaya_file *file;

        cr_assert(eq(int, kaya_disk_lock(machine.disk), KAYA_OK));
        cr_assert(eq(int, kaya_disk_open(machine.disk, "a", KAYA_OPEN_WRITE, &file), KAYA_OK));
        if (way == 0)
            kaya_sim_disk_process_crash(machine.sim);
        else if (way == 1)
            kaya_sim_disk_power_loss(machine.sim);
        else
            kaya_sim_disk_shut_down(machine.sim);
        cr_expect(eq(int, kaya_sim_disk_is_crashed(machine.sim), way < 2));
        expect_gone(old, file);
        machine.disk = kaya_sim_disk_boot(machine.sim);
        cr_expect(not(kaya_sim_disk_is_crashed(machine.sim)));
        cr_expect(not(kaya_sim_disk_lock_held(machine.sim)));
        cr_expect(eq(int, kaya_disk_lock(machine.disk), KAYA_OK), "the lock ended with its boot");
        expect_gone(old, file); /* beside the new boot, which it does not disturb */
        cr_expect(kaya_sim_disk_lock_held(machine.sim));
        kaya_disk_unlock(machine.disk);
        expect_image(&machine, "a:512A");
    }
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

Test(disk, crashes_right_before_the_call_that_was_named)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 512);
    for (uint64_t call = 1; call <= 4; call++) {
        kaya_sim_disk_shut_down(machine.sim);
        machine.disk = kaya_sim_disk_boot(machine.sim);
        fill(&machine, "a", 0, 'A', 512);
        kaya_sim_disk_shut_down(machine.sim);
        kaya_sim_disk_crash_at(machine.sim, call, KAYA_CRASH_PROCESS);
        machine.disk = kaya_sim_disk_boot(machine.sim);
        for (uint64_t made = 1; made <= 4 && !kaya_sim_disk_is_crashed(machine.sim); made++) {
            bool held;

            cr_expect(eq(int, kaya_disk_probe_lock(machine.disk, &held), made < call ? KAYA_OK : KAYA_GONE));
            cr_expect(eq(u64, kaya_sim_disk_calls(machine.sim), made));
        }
        cr_expect(kaya_sim_disk_is_crashed(machine.sim));
        machine.disk = kaya_sim_disk_boot(machine.sim);
        expect_image(&machine, "a:512A"); /* more than four calls: the order to crash is spent */
    }
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

Test(disk, stops_a_boot_that_never_ends)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;
    bool held;

    options.calls_per_boot_max = 10;
    machine_start(&machine, &options);
    for (unsigned call = 1; call <= 10; call++)
        cr_expect(eq(int, kaya_disk_probe_lock(machine.disk, &held), KAYA_OK));
    cr_expect(not(kaya_sim_disk_is_runaway(machine.sim)));
    cr_expect(eq(int, kaya_disk_probe_lock(machine.disk, &held), KAYA_GONE));
    cr_expect(kaya_sim_disk_is_runaway(machine.sim));
    machine.disk = kaya_sim_disk_boot(machine.sim);
    cr_expect(not(kaya_sim_disk_is_runaway(machine.sim)));
    cr_expect(eq(int, kaya_disk_probe_lock(machine.disk, &held), KAYA_OK));
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- lock, listings, images ---- */

struct listing {
    char names[8][16];
    size_t count;
};

static bool note_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;

    cr_assert(listing->count < 8);
    cr_expect(eq(int, kind, KAYA_ENTRY_FILE));
    snprintf(listing->names[listing->count++], sizeof listing->names[0], "%s", name);
    return true;
}

Test(disk, lists_the_lock_file_and_keeps_it)
{
    struct kaya_choices *choices = kaya_choices_from_seed(4);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct listing listing = { .count = 0 };
    struct listing names = { .count = 0 };
    struct machine machine;
    struct kaya_file *file;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 1);
    cr_expect(eq(int, kaya_disk_lock(machine.disk), KAYA_OK));
    cr_expect(eq(int, kaya_disk_lock(machine.disk), KAYA_LOCKED));
    lose_power(&machine);
    cr_expect(eq(int, kaya_disk_list(machine.disk, note_name, &listing), KAYA_OK));
    kaya_sim_disk_names(machine.sim, note_name, &names);
    cr_expect(eq(sz, listing.count, 2));
    cr_expect(eq(str, listing.names[0], "a"));
    cr_expect(eq(str, listing.names[1], KAYA_LOCK_NAME));
    cr_expect(eq(sz, names.count, 1));
    cr_expect(eq(int, kaya_disk_open(machine.disk, KAYA_LOCK_NAME, KAYA_OPEN_READ, &file), KAYA_INVALID));
    cr_expect(eq(int, kaya_disk_unlink(machine.disk, KAYA_LOCK_NAME), KAYA_INVALID));
    cr_expect(eq(int, kaya_disk_rename(machine.disk, "a", KAYA_LOCK_NAME), KAYA_INVALID));
    cr_expect(eq(u64, kaya_choices_count(choices), 0), "no fate of the lock file was asked");
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* Names of 1 to 30 letters in directories of few files and of many; beside each, those that differ from it in one letter, or by one. */
Test(disk, a_name_is_found_among_names_like_it)
{
    enum { LETTERS = 30 };
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    static const unsigned counts[] = { 1, 7, 15, 16, 17, LETTERS };

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct machine machine;

        machine_start(&machine, &options);
        make_directory(&machine);
        for (unsigned length = 1; length <= counts[i]; length++) {
            char name[LETTERS + 1] = { 0 };

            memset(name, 'n', length);
            create(&machine, name);
        }
        for (unsigned length = 1; length <= LETTERS; length++) {
            char name[LETTERS + 1] = { 0 };

            memset(name, 'n', length);
            cr_expect(eq(int, kaya_sim_disk_inode(machine.sim, name) != 0, length <= counts[i]), "%s of %u",
                      name, counts[i]);
            for (unsigned at = 0; at < length; at++) {
                name[at] = 'm';
                cr_expect(eq(u64, kaya_sim_disk_inode(machine.sim, name), 0), "%s of %u", name, counts[i]);
                name[at] = 'n';
            }
        }
        machine_end(&machine);
    }
    kaya_choices_destroy(choices);
}

/* 3 names: each of the 6 orders, and sorted if all answers are 0. */
Test(disk, lists_in_any_order)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    const struct kaya_sim_disk_options options = { .choices = odometer };
    struct machine machine;
    unsigned orders = 0;

    machine_start(&machine, &options);
    make_directory(&machine);
    create(&machine, "c");
    create(&machine, "a");
    create(&machine, "b");
    sync_names(&machine);
    do {
        struct listing listing = { .count = 0 };

        cr_assert(eq(int, kaya_disk_list(machine.disk, note_name, &listing), KAYA_OK));
        cr_assert(eq(sz, listing.count, 3));
        cr_expect(ne(str, listing.names[0], listing.names[1]));
        if (orders++ == 0) {
            cr_expect(eq(str, listing.names[0], "a"));
            cr_expect(eq(str, listing.names[1], "b"));
        }
        cr_expect(eq(int, listing.names[0][0] + listing.names[1][0] + listing.names[2][0], 'a' + 'b' + 'c'));
    } while (kaya_choices_advance(odometer));
    cr_expect(eq(u32, orders, 6));
    machine_end(&machine);
    kaya_choices_destroy(odometer);
}

Test(disk, damage_made_by_hand_is_durable)
{
    struct kaya_choices *choices = kaya_choices_from_seed(2);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct machine machine;
    uint64_t size = 0;
    uint8_t bytes[4];
    size_t done;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 512);
    fill(&machine, "a", 0, 'B', 256);
    cr_expect(eq(int, kaya_sim_disk_poke(machine.sim, "a", 300, "xyz", 3), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_poke(machine.sim, "a", 10, "z", 1), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_poke(machine.sim, "a", 511, "zz", 2), KAYA_INVALID));
    cr_expect(eq(int, kaya_sim_disk_poke(machine.sim, "b", 0, "z", 1), KAYA_NOT_FOUND));
    for (unsigned crash = 0; crash < 3; crash++) {
        lose_power(&machine);
        cr_expect(eq(int, kaya_sim_disk_peek(machine.sim, "a", 300, bytes, 4, &done), KAYA_OK));
        cr_expect(done == 4 && memcmp(bytes, "xyzA", 4) == 0);
        cr_expect(eq(int, kaya_sim_disk_peek(machine.sim, "a", 10, bytes, 1, &done), KAYA_OK));
        cr_expect(eq(u8, bytes[0], 'z'));
    }
    cr_expect(eq(int, kaya_sim_disk_peek(machine.sim, "a", 510, bytes, 4, &done), KAYA_OK));
    cr_expect(eq(sz, done, 2));
    cr_expect(eq(int, kaya_sim_disk_file_size(machine.sim, "a", &size), KAYA_OK));
    cr_expect(eq(u64, size, 512));
    cr_expect(eq(int, kaya_sim_disk_file_size(machine.sim, "b", &size), KAYA_NOT_FOUND));
    cr_expect(eq(u64, kaya_sim_disk_inode(machine.sim, "a"), 1));
    cr_expect(eq(u64, kaya_sim_disk_inode(machine.sim, "b"), 0));
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- what is counted, and what is refused ---- */

Test(disk, counts_its_io)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct kaya_sim_disk_usage usage;
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);                /* 2 calls */
    make_file(&machine, "a", 'A', 1000);     /* 2 to create, 3 each to write and sync, 1 for the name */
    make_file(&machine, "b", 'B', 24);       /* 9 more */
    expect_image(&machine, "a:1000A b:24B"); /* 1 for the list, 5 each: a read finds the end */
    usage = kaya_sim_disk_usage(machine.sim);
    cr_expect(eq(u64, usage.calls, 2 + 9 + 9 + 11));
    cr_expect(eq(u64, usage.bytes_written, 1024));
    cr_expect(eq(u64, usage.bytes_read, 1024));
    cr_expect(eq(u64, kaya_sim_disk_bytes_stored(machine.sim), 1024));
    cr_expect(eq(u64, usage.file_count, 2));
    cr_expect(eq(u64, usage.syncs, 2));
    cr_expect(eq(u64, usage.directory_syncs, 3));
    machine_restart(&machine, &options);
    usage = kaya_sim_disk_usage(machine.sim);
    cr_expect(eq(u64, usage.calls + kaya_sim_disk_bytes_stored(machine.sim) + usage.file_count, 0));
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* Once for each time that it was opened; a boot that ends leaves none. */
Test(disk, counts_the_files_that_are_open)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    const struct kaya_sim_disk_options options = options_with(choices);
    struct kaya_file *first, *second;
    struct machine machine;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 24);
    cr_expect(eq(sz, kaya_sim_disk_open_count(machine.sim), 0));
    cr_assert(eq(int, kaya_disk_open(machine.disk, "a", 0, &first), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(machine.disk, "a", KAYA_OPEN_WRITE, &second), KAYA_OK));
    cr_expect(eq(sz, kaya_sim_disk_open_count(machine.sim), 2));
    kaya_disk_close(machine.disk, first);
    cr_expect(eq(sz, kaya_sim_disk_open_count(machine.sim), 1));
    kaya_sim_disk_process_crash(machine.sim);
    cr_expect(eq(sz, kaya_sim_disk_open_count(machine.sim), 0));
    kaya_disk_close(machine.disk, second);
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

Test(disk, refuses_what_it_cannot_simulate)
{
    struct kaya_choices *choices = kaya_choices_from_bytes(NULL, 0);
    struct kaya_sim_disk_options options = options_with(choices);
    struct kaya_sim_profile profile = *kaya_sim_profile_find("posix");
    struct kaya_sim_disk *sim;
    struct machine machine;
    struct kaya_file *file;
    char byte = 'x';
    const struct kaya_span span = { .bytes = &byte, .length = 1 };

    profile.geometry.sector_bytes = 1000;
    options.profile = &profile;
    cr_expect(eq(int, kaya_sim_disk_create(&options, &sim), KAYA_INVALID));
    profile.geometry.sector_bytes = profile.geometry.writeback_bytes = 1 << 17;
    cr_expect(eq(int, kaya_sim_disk_create(&options, &sim), KAYA_INVALID));
    options.profile = NULL;
    machine_start(&machine, &options);
    make_directory(&machine);
    create(&machine, "a");
    cr_assert(eq(int, kaya_disk_open(machine.disk, "a", KAYA_OPEN_WRITE, &file), KAYA_OK));
    cr_expect(eq(int, kaya_disk_write(machine.disk, file, 1ull << 40, &span, 1), KAYA_FULL));
    cr_expect(eq(int, kaya_disk_truncate(machine.disk, file, 1ull << 40), KAYA_FULL));
    kaya_disk_close(machine.disk, file);
    expect_image(&machine, "a:");
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- determinism ---- */

static uint64_t digest_of_profile(const struct kaya_sim_profile *profile, uint64_t seed)
{
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_trace *trace = kaya_trace_create(0);
    const struct kaya_sim_disk_options options = { .profile = profile, .choices = choices, .trace = trace };
    struct machine machine;
    char image[IMAGE_BYTES];
    uint64_t digest;

    machine_start(&machine, &options);
    make_directory(&machine);
    make_file(&machine, "a", 'A', 3000);
    for (unsigned round = 0; round < 12; round++) {
        put(&machine, "a", round * 100, "some bytes in the middle of it");
        fill(&machine, "a", 2000, (char)('B' + round), 1500);
        if (round % 3 == 0)
            sync_file(&machine, "a");
        create(&machine, "t");
        fill(&machine, "t", 0, 'T', 700);
        move(&machine, "t", "b");
        resize(&machine, "a", 2500);
        if (round % 2 == 0)
            kill_process(&machine);
        kaya_sim_disk_shut_down(machine.sim);
        kaya_sim_disk_evict(machine.sim);
        kaya_sim_disk_power_loss(machine.sim);
        machine.disk = kaya_sim_disk_boot(machine.sim);
        read_image(&machine, KAYA_READ_CACHED, image);
        kaya_trace_add(trace, &(struct kaya_trace_event){ .kind = KAYA_TRACE_NOTE, .text = image });
        if (strstr(image, "t:") != NULL)
            erase(&machine, "t");
    }
    digest = kaya_trace_digest(trace);
    machine_end(&machine);
    kaya_trace_destroy(trace);
    kaya_choices_destroy(choices);
    return digest;
}

/* One number for all profiles and some seeds. It changes when anything that a run decides does: then every replay line printed
 * before is void, and that must be meant. */
Test(disk, the_same_seed_is_the_same_run_on_every_machine)
{
    static const uint64_t golden = 0x573922d2225051dd;
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);
    uint64_t digest = 0;

    for (size_t index = 0; index < count; index++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            uint64_t first = digest_of_profile(&profiles[index], seed);

            cr_expect(eq(u64, digest_of_profile(&profiles[index], seed), first), "%s", profiles[index].name);
            cr_expect(ne(u64, digest_of_profile(&profiles[index], seed + 100), first), "%s",
                      profiles[index].name);
            digest = digest * 31 + first;
        }
    }
    cr_expect(eq(u64, digest, golden), "the digest is 0x%016llx", (unsigned long long)digest);
}
