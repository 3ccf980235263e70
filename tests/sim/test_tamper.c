/* What people do to directories.
 *
 * Goal: each deed does what its name says, at once and for good; a copy is a file of its own; refusals change nothing; a fork keeps what
 * was. Method: a small directory, one deed at a time, then the power fails with every loss allowed, for many seeds. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "machine.h"

enum { SEEDS = 16 };

static void start(struct machine *machine, uint64_t seed)
{
    struct kaya_sim_disk_options options = { .choices = kaya_choices_from_seed(seed), .list_sorted = true };

    memset(machine, 0, sizeof *machine);
    machine_start(machine, &options);
    machine->choices = options.choices;
    make_directory(machine);
    make_file(machine, "a", 'A', 700);
    make_file(machine, "b", 'B', 512);
    create(machine, "c"); /* neither its name nor its bytes are durable */
    fill(machine, "c", 0, 'C', 1024);
}

static void end(struct machine *machine)
{
    machine_end(machine);
    kaya_choices_destroy(machine->choices);
}

static void expect_now_and_after_a_power_loss(struct machine *machine, const char *wanted)
{
    char image[IMAGE_BYTES];

    machine->disk = kaya_sim_disk_boot(machine->sim);
    read_image(machine, KAYA_READ_CACHED, image);
    cr_expect(eq(str, image, (char *)wanted));
    lose_power(machine);
    read_image(machine, KAYA_READ_CACHED, image);
    cr_expect(eq(str, image, (char *)wanted));
    kaya_sim_disk_shut_down(machine->sim);
}

Test(tamper, every_deed_is_done_at_once_and_for_good)
{
    struct machine machine;
    uint8_t bytes[600];

    memset(bytes, 'X', sizeof bytes);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        start(&machine, seed);
        kaya_sim_disk_process_crash(machine.sim);
        cr_expect(eq(int, kaya_sim_disk_put_file(machine.sim, "x", bytes, 600), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_copy_file(machine.sim, "c", "d"), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "c"), KAYA_OK));
        expect_now_and_after_a_power_loss(&machine, "a:700A b:512B d:1024C x:600X");
        cr_expect(eq(int, kaya_sim_disk_swap_files(machine.sim, "a", "b"), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "d", 600), KAYA_OK));
        expect_now_and_after_a_power_loss(&machine, "a:512B b:700A d:600C x:600X");
        cr_expect(eq(int, kaya_sim_disk_rename_file(machine.sim, "x", "a"), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_put_file(machine.sim, "b", NULL, 0), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "d", 0), KAYA_OK));
        expect_now_and_after_a_power_loss(&machine, "a:600X b: d:");
        end(&machine);
    }
}

Test(tamper, a_copy_is_a_file_of_its_own)
{
    struct machine machine;
    char image[IMAGE_BYTES];

    start(&machine, 1);
    kaya_sim_disk_process_crash(machine.sim);
    cr_expect(eq(int, kaya_sim_disk_copy_file(machine.sim, "a", "copy"), KAYA_OK));
    cr_expect(ne(u64, kaya_sim_disk_inode(machine.sim, "a"), kaya_sim_disk_inode(machine.sim, "copy")));
    machine.disk = kaya_sim_disk_boot(machine.sim);
    fill(&machine, "copy", 0, 'Z', 100);
    read_image(&machine, KAYA_READ_CACHED, image);
    cr_expect(eq(str, image, "a:700A b:512B c:1024C copy:100Z600A"));
    end(&machine);
}

/* The size that a file had before it was cut must not come back with what stood there. */
Test(tamper, what_was_cut_off_reads_as_zeros_when_the_file_grows_again)
{
    struct machine machine;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        start(&machine, seed);
        kaya_sim_disk_process_crash(machine.sim);
        cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "a", 100), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "c"), KAYA_OK));
        machine.disk = kaya_sim_disk_boot(machine.sim);
        resize(&machine, "a", 500);
        sync_file(&machine, "a");
        kaya_sim_disk_shut_down(machine.sim);
        expect_now_and_after_a_power_loss(&machine, "a:100A400. b:512B");
        end(&machine);
    }
}

struct kinds {
    size_t files, others;
    char other[8];
};

static bool count_kinds(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kinds *kinds = user;

    *(kind == KAYA_ENTRY_FILE ? &kinds->files : &kinds->others) += 1;
    if (kind == KAYA_ENTRY_OTHER)
        strncpy(kinds->other, name, sizeof kinds->other - 1);
    return true;
}

/* Litmus: whoever wants the name of a directory is refused, in each call that takes one, and a fork refuses as well. */
Test(tamper, a_directory_stands_in_the_way_of_files)
{
    struct machine machine;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct kaya_file *file = NULL;
        struct kinds kinds = { .files = 0 };
        uint64_t size;

        start(&machine, seed);
        kaya_sim_disk_process_crash(machine.sim);
        cr_expect(eq(int, kaya_sim_disk_put_directory(machine.sim, "x/y"), KAYA_INVALID));
        cr_assert(eq(int, kaya_sim_disk_put_directory(machine.sim, "b"), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_file_size(machine.sim, "b", &size), KAYA_NOT_FOUND));
        cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "b", 0), KAYA_NOT_FOUND));
        if (seed % 2 == 0) { /* through a fork and back */
            struct kaya_sim_disk *fork;

            cr_assert(eq(int, kaya_sim_disk_fork(machine.sim, machine.choices, NULL, &fork), KAYA_OK));
            cr_assert(eq(int, kaya_sim_disk_copy(fork, machine.choices, NULL, machine.sim), KAYA_OK));
            kaya_sim_disk_destroy(fork);
        }
        machine.disk = kaya_sim_disk_boot(machine.sim);
        cr_expect(eq(int, kaya_disk_open(machine.disk, "b", KAYA_OPEN_READ, &file), KAYA_INVALID));
        cr_expect(eq(int, kaya_disk_open(machine.disk, "b", KAYA_OPEN_CREATE, &file), KAYA_EXISTS));
        cr_expect(eq(int, kaya_disk_rename(machine.disk, "a", "b"), KAYA_INVALID));
        cr_expect(eq(int, kaya_disk_rename(machine.disk, "b", "d"), KAYA_INVALID));
        cr_expect(eq(int, kaya_disk_unlink(machine.disk, "b"), KAYA_INVALID));
        cr_assert(eq(int, kaya_disk_list(machine.disk, count_kinds, &kinds), KAYA_OK));
        cr_expect(eq(sz, kinds.files, 2));
        cr_expect(eq(sz, kinds.others, 1));
        cr_expect(eq(str, kinds.other, "b"));
        lose_power(&machine);
        kaya_sim_disk_shut_down(machine.sim);
        cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "c"), KAYA_OK));
        cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "b"), KAYA_OK));
        expect_now_and_after_a_power_loss(&machine, "a:700A");
        end(&machine);
    }
}

Test(tamper, refusals_change_nothing)
{
    struct machine machine;
    struct kaya_sim_disk_options options = { .choices = kaya_choices_from_seed(1), .list_sorted = true };
    struct machine bare = { .sim = NULL };
    char image[IMAGE_BYTES];

    start(&machine, 1);
    kaya_sim_disk_process_crash(machine.sim);
    cr_expect(eq(int, kaya_sim_disk_copy_file(machine.sim, "no", "d"), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_sim_disk_rename_file(machine.sim, "no", "d"), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_sim_disk_swap_files(machine.sim, "a", "no"), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "no"), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "no", 0), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "a", 701), KAYA_INVALID));
    cr_expect(eq(int, kaya_sim_disk_put_file(machine.sim, "a/b", "x", 1), KAYA_INVALID));
    cr_expect(eq(int, kaya_sim_disk_put_file(machine.sim, KAYA_LOCK_NAME, "x", 1), KAYA_INVALID));
    cr_expect(eq(int, kaya_sim_disk_rename_file(machine.sim, "a", ".."), KAYA_INVALID));
    cr_expect(eq(int, kaya_sim_disk_copy_file(machine.sim, "a", "a"), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_swap_files(machine.sim, "a", "a"), KAYA_OK));
    machine.disk = kaya_sim_disk_boot(machine.sim);
    read_image(&machine, KAYA_READ_CACHED, image);
    cr_expect(eq(str, image, "a:700A b:512B c:1024C"));
    end(&machine);

    machine_start(&bare, &options);
    kaya_sim_disk_shut_down(bare.sim);
    cr_expect(eq(int, kaya_sim_disk_put_file(bare.sim, "a", "x", 1), KAYA_NOT_FOUND));
    end(&bare);
}

Test(tamper, a_fork_keeps_what_was)
{
    struct machine machine;
    struct kaya_sim_disk *before;

    start(&machine, 1);
    kaya_sim_disk_process_crash(machine.sim);
    cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "c"), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_fork(machine.sim, machine.choices, NULL, &before), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_swap_files(machine.sim, "a", "b"), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_cut_file(machine.sim, "a", 5), KAYA_OK));
    cr_expect(eq(int, kaya_sim_disk_remove_file(machine.sim, "b"), KAYA_OK));
    expect_now_and_after_a_power_loss(&machine, "a:5B");
    cr_expect(eq(int, kaya_sim_disk_copy(before, machine.choices, NULL, machine.sim), KAYA_OK));
    expect_now_and_after_a_power_loss(&machine, "a:700A b:512B");
    kaya_sim_disk_destroy(before);
    end(&machine);
}
