/* A log on a disk that damages it.
 *
 * Goal: the watch tells damage from what crashes leave, sees the truth behind it, and sees every change. Method: a file is written by hand
 * on a simulated disk that flips a bit at each decay; what the watch says is compared with the trace's word of it. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/damage.h"

enum { HEADER_BYTES = 96, FRAMES_AT = 512, RECORD_BYTES = 100, FILE_BYTES = 1024 };

struct stand {
    struct kaya_choices *choices;
    struct kaya_trace *trace;
    struct kaya_sim_disk *disk;
    struct kaya_damage_watch *watch;
};

static void write_at(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset, size_t length,
                     unsigned char value)
{
    unsigned char bytes[RECORD_BYTES];

    memset(bytes, value, sizeof bytes);
    if (offset == 0)
        memcpy(bytes, "kaya-wal", 8);
    cr_assert(eq(int, kaya_disk_write(disk, file, offset, &(struct kaya_span){ bytes, length }, 1), KAYA_OK));
}

/* A header, a link with record 1, and record 2, each written by an operation of its own; then the process dies. */
static struct stand set(void)
{
    struct stand stand = { .choices = kaya_choices_from_seed(3), .watch = kaya_damage_watch_create() };
    struct kaya_sim_disk_options options = { .choices = stand.choices, .odds = { [KAYA_FAULT_BIT_FLIP] = 1 } };
    struct kaya_claims *claims = kaya_damage_watch_claims(stand.watch);
    struct kaya_disk *disk;
    struct kaya_file *file = NULL;

    stand.trace = kaya_trace_create(0);
    options.trace = stand.trace;
    cr_assert(eq(int, kaya_sim_disk_create(&options, &stand.disk), KAYA_OK));
    kaya_trace_overhear(stand.trace, kaya_claims_hear, claims);
    disk = kaya_sim_disk_boot(stand.disk);
    cr_assert(eq(int, kaya_disk_create_directory(disk), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(disk, "0000000000000001.wal", KAYA_OPEN_CREATE, &file), KAYA_OK));
    kaya_claims_begin(claims, 0, 0, 0, true);
    write_at(disk, file, 0, HEADER_BYTES, 9);
    kaya_claims_begin(claims, 0, 1, 1, false);
    write_at(disk, file, FRAMES_AT, RECORD_BYTES, 1);
    kaya_claims_begin(claims, 1, 2, 2, false);
    write_at(disk, file, FRAMES_AT + RECORD_BYTES, RECORD_BYTES, 2);
    cr_assert(eq(int, kaya_disk_sync(disk, file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG), KAYA_OK));
    kaya_disk_close(disk, file);
    kaya_sim_disk_process_crash(stand.disk);
    return stand;
}

static void release(struct stand *stand)
{
    kaya_damage_watch_destroy(stand->watch);
    kaya_sim_disk_destroy(stand->disk);
    kaya_trace_destroy(stand->trace);
    kaya_choices_destroy(stand->choices);
}

static struct kaya_outlook look(struct stand *stand)
{
    struct kaya_outlook outlook;

    cr_assert(eq(int, kaya_damage_look(stand->watch, stand->disk, 1, 1, &outlook), KAYA_OK));
    return outlook;
}

Test(damage, nothing_is_seen_where_nothing_was_damaged)
{
    struct stand stand = set();
    struct kaya_outlook outlook = look(&stand);

    cr_expect(eq(int, outlook.refusal, KAYA_REFUSAL_FORBIDDEN));
    cr_expect(not(outlook.is_damaged));
    cr_expect(eq(u64, outlook.kept_lsn, UINT64_MAX));
    cr_expect(eq(u64, outlook.mended_max, 0));
    release(&stand);
}

Test(damage, bits_that_flip_are_seen_until_the_disk_heals)
{
    struct stand stand = set();
    struct kaya_outlook outlook;

    for (int i = 0; i < 60; i++)
        kaya_sim_disk_decay(stand.disk);
    outlook = look(&stand);
    cr_expect(outlook.is_damaged);
    cr_expect(eq(int, outlook.refusal, KAYA_REFUSAL_ALLOWED),
              "records, but nothing that would claim them, stand");
    cr_expect(eq(u64, outlook.kept_lsn, 0));
    kaya_sim_disk_heal(stand.disk);
    outlook = look(&stand);
    cr_expect(not(outlook.is_damaged));
    cr_expect(eq(u64, outlook.kept_lsn, UINT64_MAX));
    release(&stand);
}

static void zero(struct stand *stand, uint64_t offset)
{
    static const unsigned char zeros[64];

    cr_assert(eq(int, kaya_sim_disk_poke(stand->disk, "0000000000000001.wal", offset, zeros, sizeof zeros),
                 KAYA_OK));
}

Test(damage, every_change_of_the_disk_is_seen)
{
    struct stand stand = set();
    bool untouched;

    (void)look(&stand);
    cr_assert(eq(int, kaya_damage_is_untouched(stand.watch, stand.disk, &untouched), KAYA_OK));
    cr_expect(untouched);
    zero(&stand, 100); /* zeros over zeros behind the header */
    cr_assert(eq(int, kaya_damage_is_untouched(stand.watch, stand.disk, &untouched), KAYA_OK));
    cr_expect(untouched);
    zero(&stand, FRAMES_AT + 10);
    cr_assert(eq(int, kaya_damage_is_untouched(stand.watch, stand.disk, &untouched), KAYA_OK));
    cr_expect(not(untouched));
    (void)look(&stand);
    cr_assert(eq(int, kaya_damage_is_untouched(stand.watch, stand.disk, &untouched), KAYA_OK));
    cr_expect(untouched);
    release(&stand);
}
