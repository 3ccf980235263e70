/* Litmus tests for syncs that say OK and are no truth.
 *
 * Goal: each family loses what it should when it should, and nothing else; what is lost is damage, so the truth comes back when the disk
 * heals. Method: small stories, each with all images that it may show, worked out by hand; an odometer goes through all
 * answers, and must show exactly those. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "machine.h"

enum { IMAGES_MAX = 8 };

static const struct kaya_sim_profile plain = { .name = "plain",
                                               .geometry = { .sector_bytes = SECTOR_BYTES,
                                                             .writeback_bytes = SECTOR_BYTES,
                                                             .buffer_alignment = 1,
                                                             .power_safe_overwrite = true } };

/* ---- stories; the family is off at first ---- */

static enum kaya_fault family;

static void lie(struct machine *machine, bool lies)
{
    kaya_sim_disk_allow(machine->sim, family, lies);
}

static enum kaya_status try_sync(struct machine *machine, const char *name)
{
    struct kaya_file *file;
    enum kaya_status status;

    cr_assert(kaya_disk_open(machine->disk, name, KAYA_OPEN_WRITE, &file) == KAYA_OK);
    status = kaya_disk_sync(machine->disk, file);
    kaya_disk_close(machine->disk, file);
    return status;
}

/* The file `a` is synced by a lie, through a handle that stays open. */
static struct kaya_file *sync_by_lie(struct machine *machine)
{
    struct kaya_file *file;

    cr_assert(kaya_disk_open(machine->disk, "a", KAYA_OPEN_WRITE, &file) == KAYA_OK);
    lie(machine, true);
    cr_assert(kaya_disk_sync(machine->disk, file) == KAYA_OK);
    lie(machine, false);
    return file;
}

/* `a`, A before, is B and synced by a lie. */
static void lied(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    kaya_disk_close(machine->disk, sync_by_lie(machine));
}

static void lied_power_lost(struct machine *machine)
{
    lied(machine);
    lose_power(machine);
}

/* All of a sector became zeros, says the sync. */
static void lied_of_zeros_power_lost(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, '.', 512);
    lie(machine, true);
    cr_assert(try_sync(machine, "a") == KAYA_OK);
    lie(machine, false);
    lose_power(machine);
}

static void lied_killed(struct machine *machine)
{
    lied(machine);
    kill_process(machine);
    read_past_cache(machine, "a", 512);
}

static void lied_synced_power_lost(struct machine *machine)
{
    lied(machine);
    make_file(machine, "b", 'C', 512);
    lose_power(machine);
}

static void lied_names_synced_power_lost(struct machine *machine)
{
    lied(machine);
    sync_names(machine);
    lose_power(machine);
}

static void lied_written_power_lost(struct machine *machine)
{
    lied(machine);
    put(machine, "a", 0, "CC");
    lose_power(machine);
}

static void lied_written_synced_power_lost(struct machine *machine)
{
    lied(machine);
    put(machine, "a", 0, "CC");
    cr_assert(try_sync(machine, "a") == KAYA_OK);
    lose_power(machine);
}

static void lied_twice_power_lost(struct machine *machine)
{
    lied(machine);
    put(machine, "a", 0, "CC");
    lie(machine, true);
    cr_assert(try_sync(machine, "a") == KAYA_OK);
    lie(machine, false);
    lose_power(machine);
}

static void lied_of_growth_power_lost(struct machine *machine)
{
    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 512, 'B', 100);
    lie(machine, true);
    cr_assert(try_sync(machine, "a") == KAYA_OK);
    lie(machine, false);
    lose_power(machine);
}

static void lied_power_lost_healed(struct machine *machine)
{
    char image[IMAGE_BYTES];

    lied_power_lost(machine);
    read_image(machine, KAYA_READ_CACHED, image);
    kaya_sim_disk_heal(machine->sim);
}

static void lied_and_written_elsewhere_power_lost(struct machine *machine)
{
    make_file(machine, "b", 'X', 512);
    lied(machine);
    fill(machine, "b", 0, 'Y', 512);
    lose_power(machine);
}

/* The second sync is told of it, the third is not. */
static void told_late(struct machine *machine)
{
    struct kaya_file *file;

    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    file = sync_by_lie(machine);
    cr_expect(kaya_disk_sync(machine->disk, file) == KAYA_IO);
    cr_expect(eq(u64, kaya_sim_disk_failed_syncs(machine->sim), 1));
    cr_expect(kaya_disk_sync(machine->disk, file) == KAYA_OK);
    kaya_disk_close(machine->disk, file);
}

/* Another handle is told as well or not, and then the first is not or is. What was told is told. */
static bool is_told_first, is_told_second;

static void told_once(struct machine *machine)
{
    struct kaya_file *file;
    bool is_told;

    make_file(machine, "a", 'A', 512);
    fill(machine, "a", 0, 'B', 512);
    file = sync_by_lie(machine);
    is_told = try_sync(machine, "a") == KAYA_IO;
    cr_expect(eq(int, kaya_disk_sync(machine->disk, file), is_told ? KAYA_OK : KAYA_IO));
    is_told_first = is_told_first || is_told;
    is_told_second = is_told_second || !is_told;
    kaya_disk_close(machine->disk, file);
}

/* The handle that was to be told is closed: nobody is, or whoever asks. */
static void told_never(struct machine *machine)
{
    lied(machine);
    (void)try_sync(machine, "a");
    cr_expect(try_sync(machine, "a") == KAYA_OK);
}

static void told_late_read_past_cache(struct machine *machine)
{
    told_late(machine);
    read_past_cache(machine, "a", 512);
}

static void told_late_power_lost(struct machine *machine)
{
    told_late(machine);
    lose_power(machine);
}

/* What the late sync is itself asked for is written. */
static void told_late_with_more(struct machine *machine)
{
    struct kaya_file *file;

    make_file(machine, "a", 'A', 1024);
    fill(machine, "a", 0, 'B', 512);
    file = sync_by_lie(machine);
    fill(machine, "a", 512, 'C', 512);
    cr_expect(kaya_disk_sync(machine->disk, file) == KAYA_IO);
    lose_power(machine);
}

static const struct litmus {
    const char *name;
    enum kaya_fault family;
    void (*tell)(struct machine *machine);
    const char *images[IMAGES_MAX]; /* the first if every answer is 0 */
} litmuses[] = {
    { "a power loss takes what the lie covered", KAYA_FAULT_LYING_SYNC, lied_power_lost, { "a:512B", "a:512A" } },
    { "zeros, too", KAYA_FAULT_LYING_SYNC, lied_of_zeros_power_lost, { "a:512.", "a:512A" } },
    { "a process crash does not", KAYA_FAULT_LYING_SYNC, lied_killed, { "a:512B" } },
    { "an honest sync of another file empties the device's cache",
      KAYA_FAULT_LYING_SYNC,
      lied_synced_power_lost,
      { "a:512B b:512C" } },
    { "one of names, too", KAYA_FAULT_LYING_SYNC, lied_names_synced_power_lost, { "a:512B" } },
    { "what is written on top may be there, and then all is",
      KAYA_FAULT_LYING_SYNC,
      lied_written_power_lost,
      { "a:2C510B", "a:512B", "a:512A" } },
    { "and is, with all below, if it is synced", KAYA_FAULT_LYING_SYNC, lied_written_synced_power_lost, { "a:2C510B" } },
    { "two lies are lost together", KAYA_FAULT_LYING_SYNC, lied_twice_power_lost, { "a:2C510B", "a:512A" } },
    { "growth is zeros, the size stays",
      KAYA_FAULT_LYING_SYNC,
      lied_of_growth_power_lost,
      { "a:512A100B", "a:512A100." } },
    { "the truth is not lost", KAYA_FAULT_LYING_SYNC, lied_power_lost_healed, { "a:512B" } },
    { "later bytes alone are no matter", KAYA_FAULT_REORDER_ACROSS_SYNC, lied_power_lost, { "a:512B" } },
    { "they survive, and the earlier ones do not",
      KAYA_FAULT_REORDER_ACROSS_SYNC,
      lied_and_written_elsewhere_power_lost,
      { "a:512B b:512Y", "a:512B b:512X", "a:512A b:512Y" } },
    { "a late error is told once", KAYA_FAULT_LATE_SYNC_ERROR, told_late, { "a:512B", "a:512A" } },
    { "past the cache the loss shows", KAYA_FAULT_LATE_SYNC_ERROR, told_late_read_past_cache, { "a:512A" } },
    { "and behind a power loss", KAYA_FAULT_LATE_SYNC_ERROR, told_late_power_lost, { "a:512A" } },
    { "the sync that tells it writes its own", KAYA_FAULT_LATE_SYNC_ERROR, told_late_with_more, { "a:512A512C" } },
};

enum { LITMUS_COUNT = sizeof litmuses / sizeof litmuses[0] };

static int position(const struct litmus *litmus, const char *image)
{
    for (int index = 0; index < IMAGES_MAX && litmus->images[index] != NULL; index++)
        if (strcmp(litmus->images[index], image) == 0)
            return index;
    return -1;
}

static void tell(const struct litmus *litmus, struct machine *machine, char image[IMAGE_BYTES])
{
    family = litmus->family;
    lie(machine, false);
    make_directory(machine);
    litmus->tell(machine);
    read_image(machine, KAYA_READ_CACHED, image);
}

static void play(const struct litmus *litmus)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    struct kaya_sim_disk_options options = { .profile = &plain, .choices = odometer, .list_sorted = true };
    bool seen[IMAGES_MAX] = { false };
    bool is_first = true;
    uint64_t struck = 0, losses = 0;

    options.odds[litmus->family] = 1;
    do {
        struct machine machine;
        char image[IMAGE_BYTES];
        int index;

        machine_start(&machine, &options);
        tell(litmus, &machine, image);
        index = position(litmus, image);
        cr_expect(index >= 0, "%s: showed '%s'", litmus->name, image);
        cr_expect(index == 0 || !is_first || litmus->images[1] == NULL, "%s: all 0 showed '%s'", litmus->name,
                  image);
        if (index >= 0)
            seen[index] = true;
        struck += kaya_sim_disk_fault_counts(machine.sim).struck[litmus->family];
        losses += strstr(image, "512A") != NULL;
        machine_end(&machine);
        is_first = false;
    } while (kaya_choices_advance(odometer));
    for (int index = 0; index < IMAGES_MAX && litmus->images[index] != NULL; index++)
        cr_expect(seen[index], "%s: never showed '%s'", litmus->name, litmus->images[index]);
    if (litmus->tell == lied_power_lost || litmus->tell == lied_and_written_elsewhere_power_lost)
        cr_expect(eq(u64, struck, losses), "%s: struck by effect", litmus->name);
    kaya_choices_destroy(odometer);
}

Test(lie, the_odometer_shows_exactly_what_was_worked_out)
{
    for (unsigned index = 0; index < LITMUS_COUNT; index++)
        play(&litmuses[index]);
}

Test(lie, one_handle_is_told_or_whoever_asks)
{
    const struct litmus once = { "told once", KAYA_FAULT_LATE_SYNC_ERROR, told_once, { "a:512B", "a:512A" } };
    const struct litmus never = { "told never", KAYA_FAULT_LATE_SYNC_ERROR, told_never, { "a:512B", "a:512A" } };

    play(&once);
    cr_expect(is_told_first);
    cr_expect(is_told_second);
    play(&never);
}

/* A fork carries the lies along, and heals for itself. */
Test(lie, a_fork_loses_the_same)
{
    struct kaya_choices *choices = kaya_choices_from_seed(0);
    struct kaya_sim_disk_options options = { .profile = &plain, .choices = choices, .list_sorted = true };
    struct machine machine, forked;
    bool lost[2] = { false, false };

    options.odds[KAYA_FAULT_LYING_SYNC] = 1;
    family = KAYA_FAULT_LYING_SYNC;
    machine_start(&machine, &options);
    lie(&machine, false);
    make_directory(&machine);
    lied(&machine);
    for (uint64_t seed = 0; seed < 32; seed++) {
        char image[IMAGE_BYTES];

        forked = machine;
        kaya_choices_reseed(choices, seed);
        cr_assert(kaya_sim_disk_fork(machine.sim, choices, NULL, &forked.sim) == KAYA_OK);
        if (seed % 2 == 1)
            kaya_sim_disk_heal(forked.sim);
        kaya_sim_disk_power_loss(forked.sim);
        forked.disk = kaya_sim_disk_boot(forked.sim);
        read_image(&forked, KAYA_READ_CACHED, image);
        lost[seed % 2] = lost[seed % 2] || strcmp(image, "a:512A") == 0;
        kaya_sim_disk_destroy(forked.sim);
    }
    cr_expect(lost[0]);
    cr_expect(not(lost[1]), "healed before the power failed: all syncs were true");
    machine_end(&machine);
    kaya_choices_destroy(choices);
}
