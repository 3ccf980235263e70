/* Facts about where a log ends -> what that means and what recovery does. Pure; the table stands in tail.c. */
#ifndef KAYA_TAIL_H
#define KAYA_TAIL_H

#include <stdbool.h>

#include "kaya/wal.h"

struct tail_facts {
    bool claim_past; /* some intact claim vouches for bytes behind the contiguous valid prefix: W > V */
    bool written; /* bytes of this life stand behind it: a torn frame, a record cut short, a frame nothing leads to */
    bool closed; /* the prefix ends with CLOSE, and the device holds it */
    bool almost; /* something behind it is one flipped bit from a frame of this life, or the segment does not suit this
                        disk: nothing may be written over it in place */
};
enum { TAIL_FACT_COUNT = 4 };

enum tail_action {
    TAIL_REFUSE,  /* change nothing */
    TAIL_GO_ON,   /* append behind the end, in the same segment */
    TAIL_SUCCEED, /* carry what no claim covers to the successor */
};

struct tail_row {
    const char *name;
    enum kaya_wal_verdict verdict;
    enum tail_action action;
    const char *reason;
};

/* The one row that these facts meet. Static memory. */
const struct tail_row *kaya_tail_judge(const struct tail_facts *facts);

/* How many rows these facts meet: 1, or the table is wrong. For its test. */
unsigned kaya_tail_matching_rows(const struct tail_facts *facts);

#endif
