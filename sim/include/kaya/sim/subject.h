/* A subject: any code that keeps data on a disk, as the runner and the explorer see it. No LSN and no segment in here: the
 * log is one subject, a key-value engine another, yours a third.
 *
 * A subject object holds both sides: the code under test (which runs on a boot's seams and dies in a crash) and the model
 * that judges it (which lives outside the machine and survives). */
#ifndef KAYA_SIM_SUBJECT_H
#define KAYA_SIM_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"
#include "kaya/sim/boot.h"
#include "kaya/sim/choices.h"
#include "kaya/sim/disk.h"
#include "kaya/sim/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The machine as a boot has it. */
struct kaya_sim_machine {
    struct kaya_disk *disk;
    struct kaya_runtime *runtime;
    struct kaya_allocator *allocator;
    struct kaya_choices *choices;   /* the workload's decisions */
    struct kaya_trace *trace;       /* may be NULL */
    struct kaya_sim_disk *sim_disk; /* for oracles only: the image behind the seam */
    struct kaya_sim_memory *memory; /* likewise: what the allocator gave; may be NULL */
};

enum { KAYA_VIOLATION_TEXT_MAX = 512 };

/* A broken promise. `promise` is its name ("P2"), "" while nothing is broken. */
struct kaya_violation {
    char promise[8];
    char what[KAYA_VIOLATION_TEXT_MAX]; /* what was promised and what was found */
};

/* Report the first broken promise; later ones are ignored. printf-like. */
void kaya_violation_set(struct kaya_violation *violation, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4), cold));
static inline bool kaya_violation_is_set(const struct kaya_violation *violation)
{
    return violation->promise[0] != '\0';
}

struct kaya_subject;

struct kaya_subject_operations {
    const char *name;

    /* Start the code under test on a fresh boot: create or recover. Check what came back against the model, and adopt
     * what was in doubt. A broken promise goes to `violation`. Returns KAYA_OK, KAYA_GONE (crashed underneath: the model
     * must be ready for another recover), or the code's own failure (the runner decides whether it may fail). */
    enum kaya_status (*recover)(struct kaya_subject *, const struct kaya_sim_machine *, struct kaya_violation *);

    /* Do one operation of the workload. *done becomes true when the workload of this boot is over. */
    enum kaya_status (*step)(struct kaya_subject *, const struct kaya_sim_machine *, struct kaya_violation *,
                             bool *done);

    /* Compare the running code's own view with the model (reads everything back). */
    void (*check)(struct kaya_subject *, const struct kaya_sim_machine *, struct kaya_violation *);

    /* Orderly end of the boot: close. */
    enum kaya_status (*close)(struct kaya_subject *, const struct kaya_sim_machine *, struct kaya_violation *);

    /* The machine crashed or the boot is over without close: forget every handle (memory was freed by the boot). The model
     * learns that a crash happened: `kind`. */
    void (*crash)(struct kaya_subject *, enum kaya_crash kind);

    /* Copy the model (not the code under test) of a subject between boots or in the middle of one, as at this moment. */
    enum kaya_status (*copy_model)(const struct kaya_subject *from, struct kaya_subject *to);

    /* In the middle of `recover`, at a call of the disk: copy all that is not in the boot's memory or on its stack, so that copying it back
     * to where it came from brings this moment back, for a boot that goes on from here once more. Nothing that `recover` got from elsewhere
     * may be held meanwhile. KAYA_NO_MEMORY, KAYA_BUSY: not now. NULL: cannot be done, and an explorer begins each recovery at its beginning. */
    enum kaya_status (*copy_in_recovery)(const struct kaya_subject *from, struct kaya_subject *to);

    /* 128 bits over all of the model that decides what is asked for from now on, between boots: two models with one hash judge every
     * future the same. NULL: nobody knows, and an explorer visits again what it could have left out. */
    void (*hash_model)(const struct kaya_subject *, uint64_t hash[2]);

    void (*destroy)(struct kaya_subject *);

    bool recover_checks; /* `recover` has compared all that `check` would, right behind it */
};

/* A subject embeds this as its first member. */
struct kaya_subject {
    const struct kaya_subject_operations *operations;
};

#ifdef __cplusplus
}
#endif

#endif
