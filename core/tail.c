/* The verdict table.
 *
 * V is the end of the contiguous valid prefix, W the furthest surviving claim. A plain crash can leave anything behind V, in any
 * subset and order, but it cannot leave W > V: a claim is written only after what it claims was synced. So W > V is damage, and
 * nothing else is. A later valid frame without a claim past V proves nothing: disks persist out of order. */
#include "tail.h"

#include "kaya/seam/status.h"

enum wanted { NO, YES, ANY };

struct row {
    struct tail_row row;
    enum wanted claim_past, written, closed, almost;
};

static const struct row ROWS[] = {
    /* A claim past this place says that it had been synced. So the disk broke a promise here, and cutting the log would turn a
     * fault that we can see into a loss that nobody sees. */
    { { "damaged", KAYA_VERDICT_DAMAGED, TAIL_REFUSE, "durable bytes are missing or wrong" }, YES, ANY, ANY, ANY },
    /* What was being written when the machine stopped. Whole frames may stand in it; they were never acknowledged, or a frame
     * before them would be whole. */
    { { "torn", KAYA_VERDICT_TORN, TAIL_SUCCEED, "unfinished writes behind the end" }, NO, YES, ANY, ANY },
    /* The last writer closed the log, and nothing was tried since. */
    { { "closed", KAYA_VERDICT_CLEAN, TAIL_GO_ON, "" }, NO, NO, YES, NO },
    /* As above, but what stands behind could pass for a frame once the bytes before it are written anew. */
    { { "closed, then soiled", KAYA_VERDICT_CLEAN, TAIL_SUCCEED, "" }, NO, NO, YES, YES },
    /* The writer died between two appends: all is whole, but the last records may stand in a cache only. */
    { { "open", KAYA_VERDICT_CLEAN, TAIL_SUCCEED, "" }, NO, NO, NO, ANY },
};
enum { ROW_COUNT = sizeof ROWS / sizeof *ROWS };

static bool meets(enum wanted wanted, bool fact)
{
    return wanted == ANY || (wanted == YES) == fact;
}

static bool row_meets(const struct row *row, const struct tail_facts *facts)
{
    return meets(row->claim_past, facts->claim_past) && meets(row->written, facts->written) &&
           meets(row->closed, facts->closed) && meets(row->almost, facts->almost);
}

unsigned kaya_tail_matching_rows(const struct tail_facts *facts)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ROW_COUNT; i++)
        count += row_meets(&ROWS[i], facts);
    return count;
}

const struct tail_row *kaya_tail_judge(const struct tail_facts *facts)
{
    unsigned i = 0;

    while (!row_meets(&ROWS[i], facts)) {
        i++;
        KAYA_ASSERT(i < ROW_COUNT);
    }
    return &ROWS[i].row;
}
