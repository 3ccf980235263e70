/* A machine that crashes: a log on the simulated disk, a script of calls on it, and what must hold of the log after any crash
 * in between. What must, may and may not come back is kept here, from the calls and their answers alone. */
#ifndef TESTS_CORE_CRASH_MACHINE_H
#define TESTS_CORE_CRASH_MACHINE_H

#include "kaya/sim/choices.h"
#include "kaya/sim/disk.h"
#include "kaya/sim/profile.h"
#include "log_fixture.h"

enum step_kind {
    STEP_END,
    STEP_OPEN,   /* a new boot, if none runs; opens the log */
    STEP_STRICT, /* appends `amount` bytes */
    STEP_RELAXED,
    STEP_BATCH_STRICT, /* three records: amount, 0 and amount / 2 bytes */
    STEP_BATCH_RELAXED,
    STEP_SYNC,
    STEP_ROTATE,
    STEP_TRIM, /* keeps the last `amount` durable records */
    STEP_TEND,
    STEP_CLOSE, /* and ends the boot */
    STEP_KILL,  /* the process crashes here, the cache stays */
    STEP_LOSE_POWER,
    STEP_CUT, /* a new boot; cuts back by `amount` records, or to the next batch's end before that */
};

struct step {
    enum step_kind kind;
    uint32_t amount;
};

struct machine {
    struct log_fixture *log; /* knows what was appended; its image is not used */
    struct kaya_sim_disk *disk;
    struct kaya_choices *choices;
    const struct kaya_sim_profile *profile;
    struct kaya_sim_disk_options options;

    bool is_up;       /* a boot runs */
    bool was_created; /* an open returned OK once */
    struct kaya_wal_log_id log_id;
    uint64_t epoch;
    uint64_t process_lsn; /* acknowledged in any mode: survives the process */
    uint64_t durable_lsn; /* survives a power loss */
    bool lost_power;      /* since the log was open last */
    bool is_cutting;      /* a cut is in doubt: the log ends there or where it ended */
    uint64_t cut_lsn;
    uint64_t low_wanted; /* the highest that a trim was asked for */
    uint64_t calls_left; /* until the crash that was asked for; 0: none */
    enum kaya_crash crash;
    char trouble[LOG_TEXT_BYTES]; /* the first promise that was broken; "" none */
};

struct machine *machine_create(const struct kaya_sim_profile *profile, const struct kaya_wal_config *config);
void machine_destroy(struct machine *machine);

/* As new; fates are drawn from `seed`. */
void machine_reset(struct machine *machine, uint64_t seed);

/* Play the script; false: the machine crashed, at the call that machine_crash_at named, or for no reason (then there is
 * trouble). *call_count (may be NULL) becomes the number of seam calls, all boots together. */
bool machine_play(struct machine *machine, const struct step *script, uint64_t *call_count);
void machine_crash_at(struct machine *machine, uint64_t call, enum kaya_crash crash);

/* After a crash: up to `nested` recoveries that crash as well, at calls that are drawn, then one that does not. Checks what
 * comes back, and that it stays; goes on with the log, closes it, looks again. False: there is trouble. */
bool machine_recover(struct machine *machine, unsigned nested);

#endif
