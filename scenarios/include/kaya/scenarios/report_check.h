/* What a report says must fit together, whatever stands on the disk: each field against the verdict, and against who tells it. */
#ifndef KAYA_SCENARIOS_REPORT_CHECK_H
#define KAYA_SCENARIOS_REPORT_CHECK_H

#include "kaya/sim/subject.h"
#include "kaya/wal.h"

enum kaya_report_by {
    KAYA_REPORT_BY_LOOK,     /* a reader, verify, inspect, salvage: nothing was done */
    KAYA_REPORT_BY_RECOVERY, /* open and recover */
    KAYA_REPORT_BY_CUT_BACK,
};

/* Of an answer other than KAYA_OK and KAYA_DAMAGED nothing is judged: there may be no report. */
void kaya_report_check(enum kaya_report_by by, enum kaya_status status,
                       const struct kaya_wal_recovery_report *report, struct kaya_violation *violation);

#endif
