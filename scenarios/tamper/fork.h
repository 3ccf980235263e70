/* A fork of the disk to which a deed was done: looked at, opened, and judged. */
#ifndef KAYA_SCENARIOS_TAMPER_FORK_H
#define KAYA_SCENARIOS_TAMPER_FORK_H

#include "tamperer.h"

/* How the fork is opened. */
struct kaya_opening {
    struct kaya_outlook outlook;
    const struct kaya_wal_anchor *anchor;
    enum kaya_status refusal; /* that fits: KAYA_DAMAGED, or what another log or none asks for */
    const char *what;         /* was done */
    bool salvages;            /* where it is refused, all that comes of it is this log's */
};

/* Memory and runtime as new: one boot at a time. */
struct kaya_wal_environment kaya_tamper_boot(struct kaya_tamperer *tamperer, struct kaya_sim_disk *disk);
/* The same files as `from`, and no fault strikes on it. */
enum kaya_status kaya_tamper_take_fork(struct kaya_tamperer *tamperer, const struct kaya_sim_disk *from);
/* What the fork holds, as a reader sees it, and the layout of `before`. *good: there is a log, and nothing is wrong with it. */
enum kaya_status kaya_tamper_look(struct kaya_tamperer *tamperer, bool *good);
/* Open it, and judge the answer; a log that opens is used. */
enum kaya_status kaya_tamper_open_fork(struct kaya_tamperer *tamperer, const struct kaya_opening *opening,
                                       enum kaya_status *answer, uint64_t *last_lsn);

#endif
