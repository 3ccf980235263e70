/* Only the link of a new segment says that a recovery or a cut-back gave something up: the old segment is cut at the end of a block, so that some of
 * it may still stand. Where that link is damaged and nothing vouches for it, the log ends as it did before. By then other records may have been
 * appended under the same numbers, and given up as well.
 *
 *      ends, by time      1 2 3 4 5 6 7 8 9          the log at that time
 *      0                  . . . . e f g . .          a b c d e f g
 *      1                  . . c d x . . . .          a b c d x
 *      present            a b y z                    a b y z
 *
 * So record n of the log of end i is in end i, or in the first end behind it that has that number, or else is the present one. */
#include "kaya/scenarios/past.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 64 };

void kaya_past_clear(struct kaya_past *past)
{
    past->end_count = 0;
    past->fact_count = 0;
}

void kaya_past_release(struct kaya_past *past)
{
    free(past->ends);
    free(past->facts);
    *past = (struct kaya_past){ .ends = NULL };
}

static enum kaya_status grow(void **rows, size_t *capacity, size_t needed, size_t row_bytes)
{
    size_t wanted = *capacity == 0 ? CAPACITY_MIN : *capacity;
    void *more;

    if (needed <= *capacity)
        return KAYA_OK;
    while (wanted < needed)
        wanted *= 2;
    more = realloc(*rows, wanted * row_bytes);
    if (more == NULL)
        return KAYA_NO_MEMORY;
    *rows = more;
    *capacity = wanted;
    return KAYA_OK;
}

enum kaya_status kaya_past_reserve(struct kaya_past *past, size_t fact_count)
{
    void *ends = past->ends;
    void *facts = past->facts;
    enum kaya_status status = grow(&ends, &past->end_capacity, past->end_count + 1, sizeof *past->ends);

    past->ends = ends;
    if (status == KAYA_OK)
        status = grow(&facts, &past->fact_capacity, past->fact_count + fact_count, sizeof *past->facts);
    past->facts = facts;
    return status;
}

struct kaya_fact *kaya_past_push(struct kaya_past *past, uint64_t first_lsn, uint64_t last_lsn)
{
    size_t count = (size_t)(last_lsn - first_lsn + 1);
    struct kaya_fact *facts;

    if (past->end_count == past->end_capacity || past->fact_capacity - past->fact_count < count)
        return NULL;
    facts = past->fact_capacity == 0 ? NULL : past->facts + past->fact_count;
    past->ends[past->end_count++] = (struct kaya_past_end){ first_lsn, last_lsn, past->fact_count };
    past->fact_count += count;
    return facts;
}

const struct kaya_fact *kaya_past_find(const struct kaya_past *past, size_t index, uint64_t lsn)
{
    for (; index < past->end_count; index++) {
        const struct kaya_past_end *end = &past->ends[index];
        if (lsn >= end->first_lsn && lsn <= end->last_lsn)
            return &past->facts[end->first_fact + (lsn - end->first_lsn)];
    }
    return NULL;
}

uint64_t kaya_past_first_lsn(const struct kaya_past *past, size_t index)
{
    uint64_t first_lsn = past->ends[index].first_lsn;

    for (; index < past->end_count; index++)
        if (past->ends[index].first_lsn < first_lsn)
            first_lsn = past->ends[index].first_lsn;
    return first_lsn;
}

uint64_t kaya_past_last_lsn(const struct kaya_past *past)
{
    uint64_t last_lsn = 0;

    for (size_t i = 0; i < past->end_count; i++)
        if (past->ends[i].last_lsn > last_lsn)
            last_lsn = past->ends[i].last_lsn;
    return last_lsn;
}
