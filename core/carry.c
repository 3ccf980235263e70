/* Carrying the end of a log into its successor.
 *
 *      old head                                    spare -> successor
 *   | LINK a b c | d e ~~~~                        | LINK d' e' | WATERMARK
 *              ^claim   ^V                           names the old head and ^claim as its end
 *
 * Records behind the last claim may stand in a cache only, and syncing the old file proves nothing after a failed sync. So they are
 * encoded anew in the successor, with the LSNs that they had. The order of writes:
 *
 *   1. rename the spares away and back, so that the directory owes their names again
 *   2. LINK and the copies, with watermark 0; sync
 *   3. WATERMARK, which claims them: now the link counts; sync; sync the directory
 *
 * Until 3 is durable the successor is still a spare and the old tail lives; both answers are the same. What was tried and failed in a
 * model with a crash at every step: a link that counts when it is valid; one that names the newest segment although only the cache
 * holds that one's link; a second attempt under the same nonce (copies of the first come back behind the new end).
 *
 * A segment none of whose bytes is claimed, its link included, is never named: the successor names its predecessor and takes all its
 * records. A successor that holds nothing but carried records is replaced in the same way, so that crash loops do not grow the log. */
#include "carry.h"

static bool names_head(const struct survey *survey)
{
    return survey->claim > 0 && !survey->carried_only;
}

/* The furthest place between two entries that is claimed. The survey knows it where the first frame behind a sync claimed all before it. Where others
 * were encoded while the sync was under way, the claim is of a place in front of them, which only another walk finds. No record before it may be carried:
 * the writer counts what stands behind it, and no spare need hold more. */
static enum kaya_status find_claimed(const struct context *context, struct survey *survey,
                                     struct scan_place *claimed)
{
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    *claimed = survey->claimed;
    kaya_scan_init(&scan, context, &survey->head, &survey->memory, survey->report.end_offset);
    kaya_scan_show_window(&scan, &survey->head_window);
    kaya_scan_from(&scan, claimed);
    while (status == KAYA_OK && found && scan.end < survey->claim) {
        status = kaya_scan_next(&scan, &entry, &found);
        if (status == KAYA_OK && scan.end <= survey->claim)
            *claimed = (struct scan_place){ scan.end, scan.sequence };
    }
    kaya_scan_keep_window(&scan, &survey->head_window);
    return status;
}

/* Name the head, as far as it is claimed. */
static enum kaya_status plan_behind_head(struct carry_plan *plan, const struct context *context,
                                         struct survey *survey)
{
    const struct segment *head = &survey->head;
    struct scan_place claimed;
    enum kaya_status status = find_claimed(context, survey, &claimed);

    plan->predecessor = survey->chain_count - 1;
    plan->copy_from = claimed;
    plan->link.base_lsn = head->link.base_lsn + claimed.sequence;
    plan->link.predecessor = head->number;
    plan->link.predecessor_end = claimed.offset_bytes;
    plan->link.chain = kaya_link_chain(head->link.chain, head->seeds.base, claimed.offset_bytes);
    return status;
}

/* Take the place of `segment`, chain entry `index`: name what it names. */
static void plan_instead_of(struct carry_plan *plan, const struct survey *survey,
                            const struct segment *segment, size_t index)
{
    plan->predecessor = index > 0 ? index - 1 : survey->chain_count;
    plan->copy_from = (struct scan_place){ kaya_shape_first_frame(&segment->header.shape), 0 };
    plan->link.base_lsn = segment->link.base_lsn;
    plan->link.predecessor = segment->link.predecessor;
    plan->link.predecessor_end = segment->link.predecessor_end;
    plan->link.chain = segment->link.chain;
}

/* The scan came to `next_lsn`. KAYA_INVALID: `last_lsn` is inside a batch. KAYA_BUSY: the survey saw it, and it is gone. */
static enum kaya_status judge_boundary(uint64_t next_lsn, uint64_t last_lsn)
{
    if (next_lsn == last_lsn + 1)
        return KAYA_OK;
    return next_lsn > last_lsn ? KAYA_INVALID : KAYA_BUSY;
}

/* End the log in chain entry `index`, right behind record `last_lsn`, all of which is claimed. */
static enum kaya_status plan_inside(struct carry_plan *plan, const struct context *context,
                                    struct survey *survey, size_t index, uint64_t last_lsn)
{
    const struct chain_segment *chosen = &survey->chain[index];
    struct segment segment;
    struct scan_entry entry;
    struct scan scan;
    char name[SEGMENT_NAME_BYTES];
    uint64_t next_lsn = chosen->base_lsn;
    bool found = true;
    enum kaya_status status;

    kaya_segment_name(name, chosen->number, chosen->kind);
    status = kaya_segment_open(&segment, context, name, chosen->number, KAYA_OPEN_READ, true);
    if (status == KAYA_INVALID || status == KAYA_NOT_FOUND) /* the survey saw it */
        return KAYA_IO;
    if (status != KAYA_OK)
        return status;
    if (last_lsn < chosen->base_lsn) {
        plan_instead_of(plan, survey, &segment, index);
        goto done;
    }
    kaya_scan_init(&scan, context, &segment, &survey->memory, chosen->end);
    while (status == KAYA_OK && found && next_lsn <= last_lsn) {
        status = kaya_scan_next(&scan, &entry, &found);
        next_lsn = segment.link.base_lsn + scan.sequence;
    }
    if (status == KAYA_OK)
        status = judge_boundary(next_lsn, last_lsn);
    plan->predecessor = index;
    plan->link.base_lsn = next_lsn;
    plan->link.predecessor = segment.number;
    plan->link.predecessor_end = scan.end;
    plan->link.chain = kaya_link_chain(segment.link.chain, segment.seeds.base, scan.end);
done:
    kaya_segment_close(&segment, context);
    return status;
}

/* The copies end at a record boundary, too. */
static enum kaya_status check_boundary(const struct carry_plan *plan, const struct context *context,
                                       struct survey *survey)
{
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status = KAYA_OK;
    uint64_t next_lsn = survey->head.link.base_lsn;

    kaya_scan_init(&scan, context, &survey->head, &survey->memory, survey->report.end_offset);
    while (status == KAYA_OK && found && next_lsn <= plan->copy_until_lsn) {
        status = kaya_scan_next(&scan, &entry, &found);
        next_lsn = survey->head.link.base_lsn + scan.sequence;
    }
    return status == KAYA_OK ? judge_boundary(next_lsn, plan->copy_until_lsn) : status;
}

enum kaya_status kaya_carry_plan(struct carry_plan *plan, const struct context *context,
                                 struct survey *survey, uint64_t last_lsn)
{
    size_t index = survey->chain_count - 1;
    enum kaya_status status = KAYA_OK;

    *plan = (struct carry_plan){ .copies = true, .copy_until_lsn = last_lsn };
    plan->link.low_water_lsn = survey->report.first_lsn;
    plan->link.epoch = survey->report.epoch + 1;
    if (names_head(survey))
        status = plan_behind_head(plan, context, survey);
    else
        plan_instead_of(plan, survey, &survey->head, index);
    if (status != KAYA_OK || last_lsn == survey->report.last_lsn)
        return status;
    if (last_lsn + 1 >= plan->link.base_lsn)
        return last_lsn + 1 > survey->head.link.base_lsn ? check_boundary(plan, context, survey) : KAYA_OK;
    plan->copies = false;
    while (index > 0 && last_lsn < survey->chain[index].base_lsn)
        index--;
    return plan_inside(plan, context, survey, index, last_lsn);
}

/* --- doing it ------------------------------------------------------------------------------------------------------- */

/* One pass over the records to be copied: measure where they will end, or put them. */
struct copying {
    const struct context *context;
    struct survey *survey;
    const struct carry_plan *plan;
    struct appender *appender; /* NULL: measure */
    struct shape shape;
    uint64_t end;
    uint64_t cost;
    uint64_t records;
};

static enum kaya_status copy_entry(struct copying *copying, const struct scan_entry *entry)
{
    copying->end = kaya_record_end(&copying->shape, copying->end, entry->length);
    copying->cost += kaya_carry_cost(entry->length);
    copying->records += entry->count;
    if (copying->appender == NULL)
        return KAYA_OK;
    return kaya_appender_put_record(copying->appender, entry->flags, entry->payload, entry->length, entry->count);
}

/* KAYA_BUSY: less is there than the survey saw. What only a cache held, because a sync of it had failed, may be gone by now. */
static enum kaya_status copy_records(struct copying *copying)
{
    const struct segment *head = &copying->survey->head;
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    copying->end = kaya_control_end(&copying->shape, kaya_shape_first_frame(&copying->shape), KAYA_LINK_BYTES);
    copying->cost = 0;
    copying->records = 0;
    kaya_scan_init(&scan, copying->context, head, &copying->survey->memory, copying->survey->report.end_offset);
    kaya_scan_show_window(&scan, &copying->survey->head_window);
    kaya_scan_from(&scan, &copying->plan->copy_from);
    while (status == KAYA_OK && found && copying->plan->copies) {
        status = kaya_scan_next(&scan, &entry, &found);
        if (status != KAYA_OK || !found || !entry.is_record)
            continue;
        if (head->link.base_lsn + entry.sequence > copying->plan->copy_until_lsn)
            break;
        status = copy_entry(copying, &entry);
    }
    kaya_scan_keep_window(&scan, &copying->survey->head_window);
    if (status == KAYA_OK && copying->plan->link.base_lsn + copying->records <= copying->plan->copy_until_lsn)
        status = KAYA_BUSY;
    return status;
}

enum kaya_status kaya_carry_measure(const struct context *context, struct survey *survey,
                                    const struct shape *shape, const struct carry_plan *plan, uint64_t *cost)
{
    struct copying copying = { .context = context, .survey = survey, .plan = plan, .shape = *shape };
    enum kaya_status status = copy_records(&copying);

    *cost = copying.cost;
    return status;
}

/* A segment that can carry what there is to carry, its name sure but for the directory sync that follows. */
static enum kaya_status take_successor(struct pool *pool, uint64_t cost, struct segment *segment)
{
    unsigned known;
    enum kaya_status status;

    do { /* a spare that turns out to be none is forgotten */
        status = kaya_pool_pick(pool, cost) < pool->spare_count ? kaya_pool_refresh_names(pool) : KAYA_OK;
        while (status == KAYA_OK && kaya_pool_pick(pool, cost) == pool->spare_count)
            status = kaya_pool_prepare(pool, cost);
        known = pool->spare_count;
        if (status == KAYA_OK)
            status = kaya_pool_take(pool, kaya_pool_pick(pool, cost), segment);
    } while (status == KAYA_IO && pool->spare_count < known);
    if (status == KAYA_OK)
        kaya_pool_follow(pool, segment->number); /* one that is not blocked is followed */
    return status;
}

enum kaya_status kaya_carry(struct appender *appender, const struct context *context, struct survey *survey,
                            struct pool *pool, const struct carry_plan *plan, uint32_t stride_bytes,
                            uint64_t *carried_records, uint64_t *carried_cost)
{
    struct copying copying = { .context = context, .survey = survey, .plan = plan, .shape = pool->shape };
    struct segment segment = SEGMENT_NONE;
    struct link link = plan->link;
    enum kaya_status status;

    status = copy_records(&copying);
    if (status == KAYA_OK)
        status = take_successor(pool, copying.cost, &segment);
    if (status == KAYA_OK)
        status = kaya_draw32(context, &link.nonce);
    if (status != KAYA_OK)
        goto done;
    if (!kaya_shape_equals(&copying.shape, &segment.header.shape)) {
        copying.shape = segment.header.shape;
        status = copy_records(&copying);
    }
    if (status != KAYA_OK)
        goto done;
    link.carried_end = copying.end;
    status = kaya_appender_begin(appender, context, &segment, &link, stride_bytes);
    if (status == KAYA_OK)
        status = kaya_appender_write_ahead(appender, copying.end);
    copying.appender = appender;
    if (status == KAYA_OK)
        status = copy_records(&copying);
    if (status == KAYA_OK)
        status = kaya_appender_secure(appender);
    if (status == KAYA_OK)
        status = kaya_pool_sync_names(pool);
    *carried_records = copying.records;
    *carried_cost = copying.cost;
done:
    kaya_segment_close(&segment, context);
    return status;
}
