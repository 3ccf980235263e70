/* The successor: ends a log at a place and lets the next segment go on from there. Recovery and cut-back are this one operation. */
#ifndef KAYA_CARRY_H
#define KAYA_CARRY_H

#include "appender.h"
#include "pool.h"
#include "survey.h"

/* Where the log is to end, and what is to be moved. */
struct carry_plan {
    struct link link; /* of the successor; carried_end and nonce are set by kaya_carry */
    size_t predecessor; /* index in the survey's chain of the segment that the link names; chain_count: none that stays */
    struct scan_place copy_from; /* in the head */
    uint64_t copy_until_lsn;     /* the last record copied */
    bool copies;                 /* false: nothing is */
};

/* The plan that keeps every record up to `last_lsn`. KAYA_INVALID: last_lsn lies inside a batch. KAYA_IO, KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_carry_plan(struct carry_plan *plan, const struct context *context,
                                                 struct survey *survey, uint64_t last_lsn);

/* What it would cost (kaya_carry_cost). KAYA_BUSY as below; KAYA_IO, KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_carry_measure(const struct context *context, struct survey *survey,
                                                    const struct shape *shape, const struct carry_plan *plan,
                                                    uint64_t *cost);

/* Carry it out: take a spare (prepare one where none can carry enough), write link and copies, sync, claim them, sync, make the
 * names durable. On KAYA_OK the successor counts and `appender` stands in it. A crash or failure anywhere leaves the old end, or
 * the new one with the same records. *carried_records counts the copies, and
 * *carried_cost is what they would cost the next recovery.
 * KAYA_BUSY: the records that the survey saw are no longer all there, and nothing was written; survey again. */
KAYA_MUST_CHECK enum kaya_status kaya_carry(struct appender *appender, const struct context *context,
                                            struct survey *survey, struct pool *pool,
                                            const struct carry_plan *plan, uint32_t stride_bytes,
                                            uint64_t *carried_records, uint64_t *carried_cost);

#endif
