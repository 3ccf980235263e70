/* Tampering, as its own files see it: tamper.c decides what is asked for, these draw and do the deed, look at the fork and open it, copy a
 * live log. */
#ifndef KAYA_SCENARIOS_TAMPER_TAMPER_H
#define KAYA_SCENARIOS_TAMPER_TAMPER_H

#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/role.h"
#include "kaya/scenarios/tamper.h"
#include "kaya/sim/boot.h"

enum { KAYA_JUNK_BYTES_MAX = 6000 };

/* What is done, where. */
enum kaya_deed_kind {
    KAYA_DEED_NONE,
    KAYA_DEED_PUT,
    KAYA_DEED_DIRECTORY,
    KAYA_DEED_COPY,
    KAYA_DEED_RENAME,
    KAYA_DEED_SWAP,
    KAYA_DEED_REMOVE,
    KAYA_DEED_CUT,
    KAYA_DEED_REPLACE_ALL
};

struct kaya_deed {
    enum kaya_deed_kind kind;
    char name[KAYA_NAME_BYTES_MAX + 1]; /* PUT, DIRECTORY, CUT, REMOVE; of the others the first */
    char other[KAYA_NAME_BYTES_MAX + 1];
    uint64_t length;                 /* PUT, CUT */
    const uint8_t *bytes;            /* PUT */
    const struct kaya_sim_disk *all; /* REPLACE_ALL: by this one's files */
};

struct kaya_tamperer {
    struct kaya_sim_disk *fork;
    struct kaya_sim_disk *backup;
    struct kaya_sim_disk *other_log;
    struct kaya_subject *backup_subject; /* the model as it was then */
    bool has_backup, has_other_log;
    struct kaya_image before, after, again, old_files, other_files;
    struct kaya_layout layout;
    struct kaya_oracle *oracle; /* a copy that judges what comes out of the fork */
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_choices *seeded; /* for making disks: no fault strikes on them */
    uint8_t junk[KAYA_JUNK_BYTES_MAX];
    struct kaya_sim_disk *copy; /* of a live log, so far */
    struct kaya_copied_name {
        char name[KAYA_NAME_BYTES_MAX + 1];
        bool done;
    } * copied; /* as they were listed when it began */
    size_t copied_count, copied_capacity, copied_left;
    uint64_t copied_durable_lsn; /* then */
    bool copy_failed;
    uint64_t boots;

    /* of the call under way */
    const struct kaya_plan *plan;
    struct kaya_subject *subject;
    struct kaya_sim_disk *disk;
    struct kaya_choices *choices;
    struct kaya_trace *trace;
    struct kaya_violation *violation;
};

/* How the fork is opened. */
struct kaya_opening {
    struct kaya_outlook outlook;
    const struct kaya_wal_anchor *anchor;
    enum kaya_status refusal; /* that fits: KAYA_DAMAGED, or what another log or none asks for */
    const char *what;         /* was done */
};

/* --- tamper.c: shared by all --- */

void kaya_tamper_take_arguments(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                                struct kaya_subject *subject, struct kaya_sim_disk *disk,
                                struct kaya_choices *choices, struct kaya_trace *trace,
                                struct kaya_violation *violation);

static inline uint64_t kaya_tamper_draw(struct kaya_tamperer *tamperer, uint64_t count, const char *label)
{
    return kaya_choose(tamperer->choices, KAYA_STREAM_WORKLOAD, count, label);
}

static inline void kaya_tamper_note(struct kaya_tamperer *tamperer, const char *text, uint64_t a, uint64_t b,
                                    uint64_t c)
{
    struct kaya_trace_event event = { .kind = KAYA_TRACE_NOTE, .a = a, .b = b, .c = c, .text = text };

    if (tamperer->trace != NULL)
        kaya_trace_add(tamperer->trace, &event);
}

static inline void kaya_tamper_mark(struct kaya_tamperer *tamperer, enum kaya_mark mark)
{
    kaya_watch_mark(kaya_subject_watch(tamperer->subject), mark);
}

/* --- fork.c --- */

/* Memory and runtime as new: one boot at a time. */
struct kaya_wal_environment kaya_tamper_boot(struct kaya_tamperer *tamperer, struct kaya_sim_disk *disk);
/* The same files as `from`, and no fault strikes on it. */
enum kaya_status kaya_tamper_take_fork(struct kaya_tamperer *tamperer, const struct kaya_sim_disk *from);
/* What the fork holds, as a reader sees it, and the layout of `before`. *good: there is a log, and nothing is wrong with it. */
enum kaya_status kaya_tamper_look(struct kaya_tamperer *tamperer, bool *good);
/* Open it, and judge the answer; a log that opens is used. */
enum kaya_status kaya_tamper_open_fork(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                                       enum kaya_status *answer, uint64_t *last_lsn);

/* --- deeds.c --- */

/* KAYA_DEED_NONE: there is nothing to do it to. */
enum kaya_status kaya_deed_draw(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                struct kaya_deed *deed);
enum kaya_status kaya_deed_do(const struct kaya_deed *deed, struct kaya_sim_disk *disk,
                              struct kaya_tamperer *tamperer);
/* Of a segment's name; 0: there is none. */
uint64_t kaya_tamper_highest_number(const struct kaya_image *image);
static inline bool kaya_tamper_has_segment(const struct kaya_image *image)
{
    return kaya_tamper_highest_number(image) != 0;
}

#endif
