/* What the subjects share.
 *
 * Goal: an answer that nobody could hear is none; a fault excuses the operation in which it struck and no other; the script is played in
 * order. Method: a machine of the tests' own, on which a sync is made to fail and the power is cut. */
#include "kaya/scenarios/player.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/payload.h"
#include "sim/machine.h"

static struct kaya_sim_machine seen_by(const struct machine *machine)
{
    return (struct kaya_sim_machine){
        .disk = machine->disk, .choices = machine->choices, .trace = machine->trace, .sim_disk = machine->sim
    };
}

static void start(struct machine *machine, struct kaya_choices *choices, bool syncs_fail)
{
    struct kaya_sim_disk_options options = { .choices = choices, .families_set = true };

    options.odds[KAYA_FAULT_SYNC_FAILURE] = 1;
    machine_start(machine, &options);
    make_directory(machine);
    kaya_sim_disk_allow(machine->sim, KAYA_FAULT_SYNC_FAILURE, syncs_fail);
}

Test(player, an_answer_after_the_crash_is_none)
{
    static const enum kaya_status said[] = { KAYA_OK, KAYA_IO, KAYA_FULL, KAYA_NO_MEMORY, KAYA_GONE };
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_player player = { .plan = NULL };
    struct kaya_sim_machine seen;
    struct machine machine;

    start(&machine, choices, false);
    seen = seen_by(&machine);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        cr_expect(eq(int, kaya_player_heard(&player, &seen, said[i], NULL),
                     said[i] == KAYA_GONE ? KAYA_IO : said[i]),
                  "a machine that stands is not gone");
    kaya_sim_disk_power_loss(machine.sim);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        cr_expect(eq(int, kaya_player_heard(&player, &seen, said[i], NULL), KAYA_GONE));
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

Test(player, a_fault_excuses_the_operation_in_which_it_struck)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_player player = { .plan = NULL };
    struct kaya_sim_machine seen;
    struct machine machine;
    bool sync_failed = false;

    start(&machine, choices, true);
    seen = seen_by(&machine);
    create(&machine, "a");
    put(&machine, "a", 0, "bytes");
    try_sync_file(&machine, "a");
    cr_expect(eq(int, kaya_player_heard(&player, &seen, KAYA_IO, &sync_failed), KAYA_IO));
    cr_expect(sync_failed);
    cr_expect(eq(u64, player.struck, (uint64_t)1 << KAYA_FAULT_SYNC_FAILURE));
    cr_expect(eq(int, kaya_player_heard(&player, &seen, KAYA_OK, &sync_failed), KAYA_OK));
    cr_expect(not(sync_failed), "the next operation has nothing to be excused by");
    cr_expect(eq(u64, player.struck, 0));
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

Test(player, a_copy_goes_on_where_its_original_stands)
{
    struct kaya_operation script[] = { { .kind = KAYA_OPERATION_SYNC }, { .kind = KAYA_OPERATION_ROTATE } };
    struct kaya_plan plan = { .script = script, .script_length = 2 };
    struct kaya_player player = { .plan = NULL };
    struct kaya_player copy = { .plan = NULL };
    struct kaya_operation operation;
    uint64_t payload;

    kaya_player_reset(&player, &plan, 7);
    cr_assert(kaya_player_next(&player, NULL, &operation));
    cr_expect(eq(int, operation.kind, KAYA_OPERATION_SYNC));
    payload = kaya_player_payload(&player);
    kaya_player_copy(&player, &copy);
    cr_expect(ne(u64, kaya_player_payload(&copy), payload), "each payload is made anew");
    cr_expect(eq(u64, kaya_player_payload(&player), kaya_payload_key(7, 1)));
    cr_assert(kaya_player_next(&copy, NULL, &operation));
    cr_expect(eq(int, operation.kind, KAYA_OPERATION_ROTATE));
    cr_expect(not(kaya_player_next(&copy, NULL, &operation)), "the script is at its end");
    cr_expect(kaya_player_next(&player, NULL, &operation), "and the original where it was");
}

/* The first ones of an open, until its bits are forgotten. */
Test(player, keeps_the_bits_that_an_open_says_it_mended)
{
    struct kaya_player player = { .plan = NULL };
    struct kaya_event event = { .kind = KAYA_EVENT_MENDED, .text = "" };

    for (uint64_t i = 1; i <= KAYA_MENDED_BITS_MAX + 2; i++) {
        event.segment = i;
        event.offset_bytes = 100 * i;
        event.detail = 7 * i;
        kaya_player_on_event(&player, &event);
        event.kind = KAYA_EVENT_TORN_TAIL;
        kaya_player_on_event(&player, &event);
        event.kind = KAYA_EVENT_MENDED;
    }
    cr_assert(eq(sz, player.mended_count, KAYA_MENDED_BITS_MAX));
    for (uint64_t i = 1; i <= KAYA_MENDED_BITS_MAX; i++) {
        const struct kaya_mended_bit *mended = &player.mended[i - 1];

        cr_expect(eq(u64, mended->segment, i));
        cr_expect(eq(u64, mended->offset_bytes, 100 * i));
        cr_expect(eq(u64, mended->bit, 7 * i));
    }
}
