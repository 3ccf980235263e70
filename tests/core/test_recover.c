/* Goal: P1 to P4, P7 and P8 of recovery: whatever crash comes at whatever call of the log's life, what must come back does,
 * nothing else does, it stays so through further crashes, and the log goes on.
 *
 * Method: scripts on the simulated disk. First undisturbed, to count the calls; then once for each call and kind of crash with
 * many fates, with up to two recoveries that crash as well. crash_machine.c holds what must come back. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "crash_machine.h"

static const struct step CREATION[] = { { STEP_OPEN, 0 }, { STEP_STRICT, 10 }, { STEP_CLOSE, 0 }, { STEP_END, 0 } };

static const struct step FIRST_APPENDS[] = {
    { STEP_OPEN, 0 },     { STEP_RELAXED, 40 }, { STEP_STRICT, 100 },      { STEP_BATCH_RELAXED, 60 },
    { STEP_STRICT, 700 }, { STEP_RELAXED, 30 }, { STEP_BATCH_STRICT, 80 }, { STEP_SYNC, 0 },
    { STEP_RELAXED, 5 },  { STEP_END, 0 },
};

static const struct step ROTATION[] = {
    { STEP_OPEN, 0 },      { STEP_STRICT, 900 },   { STEP_RELAXED, 900 }, { STEP_STRICT, 800 },
    { STEP_RELAXED, 700 }, { STEP_RELAXED, 600 },  { STEP_STRICT, 300 },  { STEP_ROTATE, 0 },
    { STEP_ROTATE, 0 },    { STEP_RELAXED, 300 },  { STEP_ROTATE, 0 },    { STEP_RELAXED, 1400 },
    { STEP_TEND, 0 },      { STEP_RELAXED, 1400 }, { STEP_STRICT, 0 },    { STEP_END, 0 },
};

static const struct step TRIMMING[] = {
    { STEP_OPEN, 0 },      { STEP_STRICT, 1200 }, { STEP_STRICT, 1300 }, { STEP_RELAXED, 1000 },
    { STEP_STRICT, 500 },  { STEP_TRIM, 1 },      { STEP_RELAXED, 900 }, { STEP_STRICT, 1200 },
    { STEP_TRIM, 2 },      { STEP_RELAXED, 800 }, { STEP_STRICT, 1000 }, { STEP_TEND, 0 },
    { STEP_STRICT, 1100 }, { STEP_TRIM, 0 },      { STEP_RELAXED, 100 }, { STEP_END, 0 },
};

static const struct step REOPENING[] = {
    { STEP_OPEN, 0 },  { STEP_STRICT, 200 },      { STEP_CLOSE, 0 },    { STEP_OPEN, 0 },
    { STEP_CLOSE, 0 }, { STEP_OPEN, 0 },          { STEP_RELAXED, 90 }, { STEP_CLOSE, 0 },
    { STEP_OPEN, 0 },  { STEP_BATCH_STRICT, 30 }, { STEP_RELAXED, 9 },  { STEP_END, 0 },
};

static const struct step RECOVERING[] = {
    { STEP_OPEN, 0 },
    { STEP_STRICT, 200 },
    { STEP_RELAXED, 500 },
    { STEP_RELAXED, 90 },
    { STEP_KILL, 0 },
    { STEP_OPEN, 0 },
    { STEP_RELAXED, 100 },
    { STEP_KILL, 0 },
    { STEP_OPEN, 0 },
    { STEP_STRICT, 30 },
    { STEP_LOSE_POWER, 0 },
    { STEP_OPEN, 0 },
    { STEP_BATCH_RELAXED, 300 },
    { STEP_KILL, 0 },
    { STEP_OPEN, 0 },
    { STEP_RELAXED, 50 },
    { STEP_END, 0 },
};

static const struct kaya_wal_config SMALL = { .segment_bytes = 4096, .block_bytes = 512 };
static const struct kaya_wal_config SMALL_PADDED = { .segment_bytes = 8192, .block_bytes = 512 };
static const struct kaya_wal_config PAGES = { .segment_bytes = 32768, .block_bytes = 4096 };

/* Sectors of 512 B that are written back alone, as in the standard small log. */
static struct kaya_sim_profile small_profile(bool power_safe_overwrite)
{
    struct kaya_sim_profile profile = *kaya_sim_profile_find("posix");

    profile.geometry = LOG_DENSE;
    profile.geometry.power_safe_overwrite = power_safe_overwrite;
    profile.growth = KAYA_GROWTH_GARBAGE;
    profile.byte_tears = true;
    return profile;
}

/* Crash at every call of the script, with `seed_count` fates each. */
static void crash_everywhere(struct machine *machine, const struct step *script, const char *name,
                             uint64_t seed_count)
{
    uint64_t call_count;
    unsigned complaint_count = 0;

    machine_reset(machine, 0);
    (void)machine_play(machine, script, &call_count);
    cr_assert(machine->trouble[0] == '\0', "%s, undisturbed: %s", name, machine->trouble);
    cr_assert_gt(call_count, 10);
    for (uint64_t call = 1; call <= call_count + 1; call++) {
        for (uint64_t seed = 1; seed <= seed_count; seed++) {
            enum kaya_crash crash = seed % 4 == 3 ? KAYA_CRASH_PROCESS : KAYA_CRASH_POWER_LOSS;

            machine_reset(machine, call * 1000 + seed);
            machine_crash_at(machine, call, crash);
            (void)machine_play(machine, script, NULL);
            if (machine_recover(machine, seed % 3))
                continue;
            cr_expect(false, "%s, crash %d at call %" PRIu64 " of %" PRIu64 ", seed %" PRIu64 ": %s", name,
                      crash, call, call_count, seed, machine->trouble);
            if (++complaint_count > 8)
                return;
        }
    }
}

static void on_the_small_disks(const struct step *script, const char *name, uint64_t seed_count)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kaya_sim_profile profile = small_profile(i == 0);
        struct machine *machine = machine_create(&profile, i == 0 ? &SMALL : &SMALL_PADDED);

        crash_everywhere(machine, script, name, seed_count);
        machine_destroy(machine);
    }
}

Test(recover, creation_may_crash_anywhere)
{
    on_the_small_disks(CREATION, "creation", 30);
}

Test(recover, first_appends_may_crash_anywhere)
{
    on_the_small_disks(FIRST_APPENDS, "first appends", 30);
}

Test(recover, rotation_may_crash_anywhere)
{
    on_the_small_disks(ROTATION, "rotation", 15);
}

Test(recover, trimming_and_recycling_may_crash_anywhere)
{
    on_the_small_disks(TRIMMING, "trimming", 15);
}

Test(recover, closing_and_reopening_may_crash_anywhere)
{
    on_the_small_disks(REOPENING, "reopening", 15);
}

Test(recover, recovery_may_crash_anywhere)
{
    on_the_small_disks(RECOVERING, "recovering", 20);
}

Test(recover, every_profile_of_disks_is_borne)
{
    static const struct step *scripts[] = { CREATION, FIRST_APPENDS, ROTATION, TRIMMING, REOPENING, RECOVERING };
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);

    for (size_t i = 0; i < count; i++) {
        struct machine *machine = machine_create(&profiles[i], &PAGES);

        for (size_t j = 0; j < sizeof scripts / sizeof scripts[0]; j++)
            crash_everywhere(machine, scripts[j], profiles[i].name, 2);
        machine_destroy(machine);
    }
}

/* P8. A log that crashes again and again, with little or nothing appended in between, stays as large as it was. */
static void crash_a_hundred_times(const struct kaya_sim_profile *profile,
                                  const struct kaya_wal_config *config, bool appends)
{
    static const struct step start[] = { { STEP_OPEN, 0 },    { STEP_STRICT, 300 },   { STEP_RELAXED, 300 },
                                         { STEP_STRICT, 90 }, { STEP_LOSE_POWER, 0 }, { STEP_END, 0 } };
    static const struct step little[] = {
        { STEP_OPEN, 0 }, { STEP_RELAXED, 20 }, { STEP_LOSE_POWER, 0 }, { STEP_END, 0 }
    };
    static const struct step nothing[] = { { STEP_OPEN, 0 }, { STEP_LOSE_POWER, 0 }, { STEP_END, 0 } };
    struct machine *machine = machine_create(profile, config);
    uint64_t settled = 0;

    machine_reset(machine, 7);
    (void)machine_play(machine, start, NULL);
    for (unsigned round = 0; round < 100; round++) {
        uint64_t stored;

        (void)machine_play(machine, appends ? little : nothing, NULL);
        cr_assert(machine->trouble[0] == '\0', "round %u: %s", round, machine->trouble);
        stored = kaya_sim_disk_bytes_stored(machine->disk);
        if (round == 10)
            settled = stored;
        /* Where a record was appended and survived, the file it stood in stays, cut to its end but not below its second
         * header. */
        if (round > 10)
            cr_expect_leq(stored, settled + (appends ? (round - 10) * (config->segment_bytes / 2 + 1024) : 0),
                          "round %u: %" PRIu64 " bytes, not %" PRIu64, round, stored, settled);
    }
    cr_expect(machine_recover(machine, 0), "%s", machine->trouble);
    machine_destroy(machine);
}

Test(recover, a_hundred_crashes_do_not_grow_the_log)
{
    for (unsigned i = 0; i < 4; i++) {
        struct kaya_sim_profile profile = small_profile(i % 2 == 0);

        crash_a_hundred_times(&profile, i % 2 == 0 ? &SMALL : &SMALL_PADDED, i >= 2);
    }
}
