/* What the log tells, judged when it tells it: the fields that a kind of event has, the files that it names as they stand on the disk, and what
 * was told against what was answered. */
#ifndef KAYA_SCENARIOS_EVENT_CHECK_H
#define KAYA_SCENARIOS_EVENT_CHECK_H

#include "kaya/sim/disk.h"
#include "kaya/sim/subject.h"
#include "kaya/wal.h"

/* All zeros: nobody asks. */
struct kaya_event_check {
    struct kaya_sim_disk *disk;        /* that the log runs on; NULL: nobody asks */
    bool has_copies;                   /* somebody may have given a file a second name of the same number */
    uint64_t head;                     /* the segment in use, by what was told; 0: not known */
    uint64_t in_use;                   /* segments that are in use, likewise */
    unsigned counts[KAYA_EVENT_KINDS]; /* told and not taken */
    struct kaya_event last[KAYA_EVENT_KINDS]; /* without their texts, which are gone */
    struct kaya_violation found;
};

/* A kaya_event_listener. */
void kaya_event_check_hear(void *user, const struct kaya_event *event);
/* An open or recovery answered: what it told must be what its report says. */
void kaya_event_check_recovered(struct kaya_event_check *check, enum kaya_status status,
                                const struct kaya_wal_recovery_report *report);
/* Was such a thing told since it was last asked? The last one, without its text; NULL: no. */
const struct kaya_event *kaya_event_check_take(struct kaya_event_check *check, enum kaya_event_kind kind);
/* What was told so far is nobody's any more: said before an open, too. */
void kaya_event_check_forget(struct kaya_event_check *check);
/* Of what was found. */
void kaya_event_check_tell(const struct kaya_event_check *check, struct kaya_violation *violation);

#endif
