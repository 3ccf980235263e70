/* Who tampers: the disks, images and models that it keeps, and what it was asked for last. */
#ifndef KAYA_SCENARIOS_TAMPER_TAMPERER_H
#define KAYA_SCENARIOS_TAMPER_TAMPERER_H

#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/look_check.h"
#include "kaya/scenarios/role.h"
#include "kaya/scenarios/tamper.h"
#include "kaya/sim/boot.h"

enum { KAYA_JUNK_BYTES_MAX = 6000 };

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
    uint8_t *blotted; /* a file with other bytes in it */
    size_t blotted_capacity;
    struct kaya_look_check *check;
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

#endif
