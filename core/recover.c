/* Recovery, from the lock to a log that takes records.
 *
 *   lock -> survey (nothing is changed; damage, another version or the wrong log end here) -> verdict
 *     no log      begin one: parent's entry, segment 1 with its link before its name, spares
 *     closed      go on in place; nothing is written until the first append
 *     otherwise   carry to the successor (carry.c), then cut the old file and clear away what is dead
 *
 * What is done after the carry (cut, delete, recycle, prepare) may fail or be cut short by a crash without harm: the next recovery
 * finds the same chain and does it again. */
#include "recover.h"

#include <stddef.h>
#include <string.h>

#include "carry.h"

/* At a log whose cache forgets what it showed. From the second on the device is asked, so only one that changes its mind asks for a third. */
enum { ATTEMPTS_MAX = 3 };

enum kaya_status kaya_log_reserve_chain(struct opened_log *log, const struct context *context)
{
    size_t wanted = log->chain_capacity == 0 ? 16 : 2 * log->chain_capacity;
    struct chain_segment *chain;

    if (log->chain_count < log->chain_capacity)
        return KAYA_OK;
    chain = kaya_allocate(context->allocator, wanted * sizeof *chain);
    if (chain == NULL)
        return KAYA_NO_MEMORY;
    for (size_t i = 0; i < log->chain_count; i++)
        chain[i] = log->chain[i];
    kaya_release(context->allocator, log->chain, log->chain_capacity * sizeof *chain);
    log->chain = chain;
    log->chain_capacity = wanted;
    return KAYA_OK;
}

void kaya_log_push_chain(struct opened_log *log)
{
    const struct segment *segment = &log->appender.segment;

    KAYA_ASSERT(log->chain_count < log->chain_capacity);
    log->chain[log->chain_count++] = (struct chain_segment){ .number = segment->number,
                                                             .kind = SEGMENT_NAME_WAL,
                                                             .base_lsn = segment->link.base_lsn,
                                                             .file_bytes = segment->file_bytes,
                                                             .shape = segment->header.shape };
}

size_t kaya_log_first_needed(const struct opened_log *log, uint64_t lsn)
{
    size_t index = 0;

    while (index + 1 < log->chain_count && log->chain[index + 1].base_lsn <= lsn)
        index++;
    return index;
}

/* No log is open. */
static void clear(struct opened_log *log)
{
    memset(log, 0, offsetof(struct opened_log, pool.spares));
}

static void release_memory(struct opened_log *log, const struct context *context)
{
    kaya_appender_release(&log->appender);
    kaya_release(context->allocator, log->chain, log->chain_capacity * sizeof *log->chain);
    clear(log);
}

void kaya_log_release(struct opened_log *log, const struct context *context)
{
    release_memory(log, context);
    kaya_disk_unlock(context->disk);
}

/* Spares up to the wanted number, as far as there is room. Only what makes going on impossible is a failure. */
static enum kaya_status fill_pool(struct opened_log *log)
{
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && log->pool.spare_count < log->pool.wanted)
        status = kaya_pool_prepare(&log->pool, 0);
    return status == KAYA_FULL ? KAYA_OK : status;
}

/* --- a new log ------------------------------------------------------------------------------------------------------ */

static enum kaya_status draw_log_id(const struct context *context, struct kaya_wal_log_id *log_id)
{
    enum kaya_status status = kaya_random(context->runtime, log_id->bytes, sizeof log_id->bytes);

    log_id->bytes[0] |= 1; /* all zeros is no id */
    return status;
}

static enum kaya_status begin_first_segment(struct opened_log *log, const struct context *context,
                                            const struct settings *settings, const struct kaya_wal_log_id *log_id)
{
    struct segment_header header = {
        .version = KAYA_FORMAT_VERSION, .shape = settings->shape, .log_id = *log_id, .number = 1
    };
    struct link link = { .base_lsn = settings->first_lsn, .low_water_lsn = settings->first_lsn, .epoch = 1 };
    struct segment segment = SEGMENT_NONE;
    char from[SEGMENT_NAME_BYTES], to[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(from, header.number, SEGMENT_NAME_NEW);
    kaya_segment_name(to, header.number, SEGMENT_NAME_WAL);
    status = kaya_draw64(context, &header.salt);
    if (status == KAYA_OK)
        status = kaya_draw32(context, &link.nonce);
    if (status == KAYA_OK)
        status = kaya_pool_create_file(context, &header, &segment);
    if (status == KAYA_OK)
        status = kaya_appender_begin(&log->appender, context, &segment, &link, settings->stride_bytes);
    if (status == KAYA_OK)
        status = kaya_appender_sync(&log->appender);
    if (status == KAYA_OK)
        status = kaya_disk_rename(context->disk, from, to);
    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(context->disk, KAYA_DIRECTORY_LOG);
    kaya_segment_close(&segment, context);
    return status;
}

static enum kaya_status begin_log(struct opened_log *log, const struct context *context,
                                  const struct settings *settings, const struct listing *listing,
                                  struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_log_id log_id;
    enum kaya_status status;

    status = kaya_disk_sync_directory(context->disk, KAYA_DIRECTORY_PARENT);
    if (status == KAYA_OK)
        status = draw_log_id(context, &log_id);
    if (status == KAYA_OK)
        status = kaya_log_reserve_chain(log, context);
    if (status == KAYA_OK)
        status = begin_first_segment(log, context, settings, &log_id);
    if (status != KAYA_OK)
        return status;
    kaya_log_push_chain(log);
    log->low_water_lsn = settings->first_lsn;
    kaya_pool_init(&log->pool, context, &log_id, &settings->shape, settings->spare_count);
    kaya_pool_adopt(&log->pool, listing, 1);
    report->log_id = log_id;
    report->epoch = 1;
    report->first_lsn = settings->first_lsn;
    report->last_lsn = settings->first_lsn - 1;
    report->segment_count = 1;
    report->segment = 1;
    report->end_offset = log->appender.end;
    kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_LOG_CREATED, .segment = 1 });
    return fill_pool(log);
}

/* --- an old log ----------------------------------------------------------------------------------------------------- */

static enum kaya_status keep_chain(struct opened_log *log, const struct context *context,
                                   const struct survey *survey, size_t count)
{
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < count && status == KAYA_OK; i++) {
        status = kaya_log_reserve_chain(log, context);
        if (status == KAYA_OK)
            log->chain[log->chain_count++] = survey->chain[i];
    }
    return status == KAYA_OK ? kaya_log_reserve_chain(log, context) : status;
}

/* Dead bytes behind the end that the successor's link names. The second header copy stays, and in padding mode the whole unit in which
 * the log ends: cutting inside it would have the system write it anew, durable bytes and all. */
static enum kaya_status cut_file(const struct context *context, struct chain_segment *old, uint64_t end)
{
    uint64_t kept = kaya_shape_second_header(&old->shape) + kaya_shape_header_bytes(&old->shape);
    struct kaya_file *file = NULL;
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    if (kept < end)
        kept = end;
    if (old->shape.unit_bytes != 0)
        kept = (kept + old->shape.unit_bytes - 1) / old->shape.unit_bytes * old->shape.unit_bytes;
    if (kept >= old->file_bytes)
        return KAYA_OK;
    kaya_segment_name(name, old->number, old->kind);
    status = kaya_disk_open(context->disk, name, KAYA_OPEN_WRITE, &file);
    if (status == KAYA_OK)
        status = kaya_disk_truncate(context->disk, file, kept);
    kaya_disk_close(context->disk, file);
    if (status == KAYA_OK) {
        old->file_bytes = kept;
        kaya_notify(context, &(struct kaya_event){
                                 .kind = KAYA_EVENT_CUT, .segment = old->number, .offset_bytes = kept });
    }
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static bool is_in_chain(const struct opened_log *log, const struct listed *file)
{
    return kaya_chain_find(log->chain, log->chain_count, file->number, file->kind) != NULL;
}

/* What is known of a dead file: enough to recycle it if it was in the chain. */
static struct chain_segment describe_dead(const struct survey *survey, const struct listed *file)
{
    const struct chain_segment *known =
        kaya_chain_find(survey->chain, survey->chain_count, file->number, file->kind);

    return known != NULL ? *known : (struct chain_segment){ .number = file->number, .kind = file->kind };
}

/* Unfinished preparations go first: what follows may be cut short, again and again, and would leave one more each time. */
static enum kaya_status clear_unfinished(const struct context *context, const struct survey *survey)
{
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < survey->listing.file_count && status != KAYA_GONE; i++) {
        if (survey->listing.files[i].kind != SEGMENT_NAME_NEW)
            continue;
        kaya_segment_name(name, survey->listing.files[i].number, SEGMENT_NAME_NEW);
        status = kaya_disk_unlink(context->disk, name);
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_LEFTOVER,
                                                   .segment = survey->listing.files[i].number,
                                                   .text = name });
    }
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

static enum kaya_status clear_away(struct opened_log *log, const struct context *context,
                                   const struct survey *survey, bool must_last, uint64_t carried_cost)
{
    uint64_t head = log->appender.segment.number;
    enum kaya_status status = clear_unfinished(context, survey);

    for (size_t i = 0; i < survey->listing.file_count && status == KAYA_OK; i++) {
        const struct listed *file = &survey->listing.files[i];
        struct chain_segment dead = describe_dead(survey, file);

        if (file->number >= head || file->kind == SEGMENT_NAME_NEW || is_in_chain(log, file))
            continue;
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_LEFTOVER, .segment = file->number });
        status = kaya_pool_retire(&log->pool, &dead, must_last, carried_cost);
    }
    return status;
}

/* Deleted files may have come back in a crash that nobody else noticed, so there may be something to clear away here, too. */
static enum kaya_status go_on(struct opened_log *log, const struct context *context,
                              const struct settings *settings, struct survey *survey)
{
    const struct chain_segment *head = &survey->chain[survey->chain_count - 1];
    struct segment segment;
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, head->number, head->kind);
    status = kaya_segment_open(&segment, context, name, head->number, KAYA_OPEN_WRITE, true);
    if (status == KAYA_OK && segment.state != SEGMENT_LINKED)
        status = KAYA_BUSY; /* only a cache had its link, and has forgotten it since the survey */
    if (status == KAYA_OK)
        status = keep_chain(log, context, survey, survey->chain_count);
    if (status == KAYA_OK)
        status = kaya_appender_resume(&log->appender, context, &segment, survey->claim, head->end,
                                      head->record_count, settings->stride_bytes);
    kaya_segment_close(&segment, context);
    return status == KAYA_OK ? clear_away(log, context, survey, false, 0) : status;
}

/* What keeps it from being renamed away and back: something that is no file bears one of the names. NULL: nothing does. */
static const struct listed *find_head_obstacle(const struct survey *survey)
{
    return kaya_listing_find_obstacle(&survey->listing, survey->head.number, SEGMENT_NAME_AWAY);
}

/* Make the head's name durable, also where a sync of it failed once and was forgotten: give it anew. */
static enum kaya_status settle_head_name(const struct context *context, struct survey *survey)
{
    struct chain_segment *head = &survey->chain[survey->chain_count - 1];
    char name[SEGMENT_NAME_BYTES], away[SEGMENT_NAME_BYTES];
    enum kaya_status status = KAYA_OK;

    kaya_segment_name(name, head->number, SEGMENT_NAME_WAL);
    kaya_segment_name(away, head->number, SEGMENT_NAME_AWAY);
    if (head->kind == SEGMENT_NAME_WAL)
        status = kaya_disk_rename(context->disk, name, away);
    if (status == KAYA_OK)
        status = kaya_disk_rename(context->disk, away, name);
    head->kind = SEGMENT_NAME_WAL;
    return status == KAYA_OK ? kaya_disk_sync_directory(context->disk, KAYA_DIRECTORY_LOG) : status;
}

static bool is_bare_first(const struct survey *survey)
{
    return survey->head.link.predecessor == 0 && !survey->has_appended;
}

/* A first segment without records may be one whose naming was cut short: its name stands in the cache, and a crash may take it back.
 * It must be durable before any other name is, or a spare without a log would be left. */
static enum kaya_status settle_first_name(const struct context *context, struct survey *survey)
{
    return is_bare_first(survey) ? settle_head_name(context, survey) : KAYA_OK;
}

static bool is_dead(const struct survey *survey, const struct listed *file)
{
    for (size_t i = 0; i < survey->chain_count; i++)
        if (survey->chain[i].number == file->number && survey->chain[i].kind == file->kind)
            return false;
    return file->number < survey->head.number && file->kind != SEGMENT_NAME_NEW;
}

/* ... or an unfinished file, which may be a dead one on its way to be a spare. */
static bool is_reclaimable(const struct survey *survey, const struct listed *file)
{
    return file->kind == SEGMENT_NAME_NEW || is_dead(survey, file);
}

/* What cannot be made a spare costs nothing: the next dead file may do, and in the end one is created. An unfinished file is gone where one that was
 * taken before it got its name. */
static enum kaya_status reclaim(struct pool *pool, const struct listed *file, uint64_t cost)
{
    struct chain_segment dead = { .number = file->number, .kind = file->kind };
    enum kaya_status status = kaya_pool_reclaim(pool, &dead, cost);

    return status == KAYA_FULL || status == KAYA_IO || status == KAYA_NOT_FOUND ? KAYA_OK : status;
}

/* Each recovery that is cut short behind its carry took a spare, and left the segment whose place that one took, dead. Where no spare
 * is left that can carry what there is to carry, and the disk is full, recovery must live on these. They may go once the head is sure to be
 * durable; until then the dead may be all there is. So the head must be what the device holds (KAYA_BUSY: look again so), be synced, and have its name. */
static enum kaya_status reclaim_spare(struct opened_log *log, const struct context *context,
                                      struct survey *survey, bool past_cache, const struct carry_plan *plan)
{
    const struct chain_segment *head = &survey->chain[survey->chain_count - 1];
    struct kaya_file *file = NULL;
    char name[SEGMENT_NAME_BYTES];
    size_t dead = 0;
    uint64_t cost;
    enum kaya_status status;

    while (dead < survey->listing.file_count && !is_reclaimable(survey, &survey->listing.files[dead]))
        dead++;
    if (dead == survey->listing.file_count || survey->claim == 0 || find_head_obstacle(survey) != NULL)
        return KAYA_OK;
    status = kaya_carry_measure(context, survey, &log->pool.shape, plan, &cost);
    if (status != KAYA_OK || kaya_pool_pick(&log->pool, cost) < log->pool.spare_count)
        return status;
    if (!past_cache)
        return KAYA_BUSY;
    kaya_segment_name(name, head->number, head->kind);
    status = kaya_disk_open(context->disk, name, KAYA_OPEN_WRITE, &file);
    if (status == KAYA_OK)
        status = kaya_disk_sync(context->disk, file);
    kaya_disk_close(context->disk, file);
    if (status == KAYA_OK)
        status = settle_head_name(context, survey);
    for (; status == KAYA_OK && dead < survey->listing.file_count &&
           kaya_pool_pick(&log->pool, cost) == log->pool.spare_count;
         dead++)
        if (is_reclaimable(survey, &survey->listing.files[dead]))
            status = reclaim(&log->pool, &survey->listing.files[dead], cost);
    return status;
}

static enum kaya_status succeed(struct opened_log *log, const struct context *context,
                                const struct settings *settings, struct survey *survey, bool past_cache,
                                const struct carry_plan *plan, struct kaya_wal_recovery_report *report)
{
    size_t kept = plan->predecessor < survey->chain_count ? plan->predecessor + 1 : 0;
    uint64_t cost;
    enum kaya_status status;

    status = reclaim_spare(log, context, survey, past_cache, plan);
    if (status == KAYA_OK)
        status = settle_first_name(context, survey);
    if (status == KAYA_OK)
        status = keep_chain(log, context, survey, kept);
    if (status == KAYA_OK)
        status = kaya_carry(&log->appender, context, survey, &log->pool, plan, settings->stride_bytes,
                            &report->carried_records, &cost);
    if (status != KAYA_OK)
        return status;
    report->epoch = plan->link.epoch;
    report->lsns_may_return = true;
    report->last_lsn = plan->copy_until_lsn;
    if (report->carried_records > 0)
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_CARRIED,
                                                   .segment = log->appender.segment.number,
                                                   .lsn = plan->link.base_lsn,
                                                   .detail = report->carried_records });
    if (kept > 0)
        status = cut_file(context, &log->chain[kept - 1], plan->link.predecessor_end);
    if (kept > 0)
        log->chain[kept - 1].end = plan->link.predecessor_end;
    kaya_log_push_chain(log);
    report->segment_count = log->chain_count;
    if (status == KAYA_OK)
        status = clear_away(log, context, survey, true, cost);
    return status == KAYA_OK ? fill_pool(log) : status;
}

/* What is no file and bears a name of the log's is gone round, but there is no going round the first segment's. NULL: nothing bars the way. */
static const struct listed *find_bar(const struct survey *survey)
{
    if (survey->report.verdict == KAYA_VERDICT_EMPTY)
        return kaya_listing_find_obstacle(&survey->listing, 1, SEGMENT_NAME_NEW);
    return survey->row->action == TAIL_SUCCEED && is_bare_first(survey) ? find_head_obstacle(survey) : NULL;
}

static enum kaya_status refuse_barred(const struct context *context, const struct listed *bar)
{
    char name[SEGMENT_NAME_BYTES];

    kaya_segment_name(name, bar->number, bar->kind);
    kaya_notify(context,
                &(struct kaya_event){
                    .kind = KAYA_EVENT_NAME_TAKEN, .status = KAYA_EXISTS, .segment = bar->number, .text = name });
    return KAYA_EXISTS;
}

/* May the survey's log be opened so? */
static enum kaya_status judge(const struct context *context, const struct settings *settings,
                              const struct survey *survey, const uint64_t *cut_back_lsn)
{
    const struct kaya_wal_recovery_report *report = &survey->report;

    if (report->verdict == KAYA_VERDICT_DAMAGED)
        return KAYA_DAMAGED;
    if (report->verdict == KAYA_VERDICT_EMPTY && settings->must_exist)
        return KAYA_NOT_FOUND;
    if (find_bar(survey) != NULL)
        return refuse_barred(context, find_bar(survey));
    if (report->verdict == KAYA_VERDICT_EMPTY)
        return KAYA_OK;
    if (survey->is_read_only)
        return KAYA_UNSUPPORTED;
    if (settings->cut_is_error && (report->verdict == KAYA_VERDICT_TORN || report->mended_count > 0))
        return KAYA_DAMAGED;
    if (cut_back_lsn != NULL && (*cut_back_lsn + 1 < report->first_lsn || *cut_back_lsn > report->last_lsn))
        return KAYA_INVALID;
    if (cut_back_lsn != NULL && settings->anchor != NULL && *cut_back_lsn < settings->anchor->lsn)
        return KAYA_INVALID;
    return KAYA_OK;
}

/* The names are the log's, and it holds the lock: one that is taken, gone or no file's any more is none of the caller's mistakes. */
static enum kaya_status refuse_name(enum kaya_status status)
{
    return status == KAYA_INVALID || status == KAYA_NOT_FOUND || status == KAYA_EXISTS ? KAYA_IO : status;
}

static enum kaya_status open_surveyed(struct opened_log *log, const struct context *context,
                                      const struct settings *settings, struct survey *survey, bool past_cache,
                                      const uint64_t *cut_back_lsn, struct kaya_wal_recovery_report *report)
{
    bool cuts = cut_back_lsn != NULL && *cut_back_lsn != report->last_lsn;
    struct carry_plan plan;
    enum kaya_status status;

    if (report->verdict == KAYA_VERDICT_EMPTY)
        return refuse_name(begin_log(log, context, settings, &survey->listing, report));
    kaya_pool_init(&log->pool, context, &report->log_id, &settings->shape, settings->spare_count);
    kaya_pool_adopt(&log->pool, &survey->listing, survey->head.number);
    log->low_water_lsn = report->first_lsn;
    log->has_appended = survey->has_appended && survey->row->action == TAIL_GO_ON && !cuts;
    if (report->verdict == KAYA_VERDICT_TORN)
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_TORN_TAIL,
                                                   .segment = report->segment,
                                                   .offset_bytes = report->end_offset,
                                                   .lsn = report->last_lsn,
                                                   .text = survey->row->reason });
    if (survey->row->action == TAIL_GO_ON && !cuts)
        return refuse_name(go_on(log, context, settings, survey));
    status = kaya_carry_plan(&plan, context, survey, cuts ? *cut_back_lsn : report->last_lsn);
    if (status == KAYA_OK)
        status = refuse_name(succeed(log, context, settings, survey, past_cache, &plan, report));
    return status;
}

/* The directory and the lock. With must_exist a missing directory is a missing log, and nothing is created. */
static enum kaya_status enter(const struct context *context, const struct settings *settings)
{
    enum kaya_status status = KAYA_OK;

    if (!settings->must_exist)
        status = kaya_disk_create_directory(context->disk);
    if (status == KAYA_OK || status == KAYA_EXISTS)
        status = kaya_disk_lock(context->disk);
    return status;
}

/* One attempt, from where no log is open, and back to it where it fails. KAYA_BUSY: what the survey saw was gone when it was to be carried, or it
 * must be what the device holds. */
static enum kaya_status attempt(struct opened_log *log, const struct context *context,
                                const struct settings *settings, bool past_cache,
                                const uint64_t *cut_back_lsn, struct kaya_wal_recovery_report *report)
{
    struct survey_options options = { .anchor = settings->anchor, .past_cache = past_cache };
    struct survey survey;
    enum kaya_status status;

    log->appender.buffer_bytes = settings->buffer_bytes;
    status = kaya_survey(&survey, context, &options);
    *report = survey.report;
    if (status == KAYA_OK)
        status = judge(context, settings, &survey, cut_back_lsn);
    if (status == KAYA_OK)
        status = open_surveyed(log, context, settings, &survey, past_cache, cut_back_lsn, report);
    kaya_survey_release(&survey, context);
    if (status != KAYA_OK)
        release_memory(log, context);
    return status;
}

enum kaya_status kaya_log_open(struct opened_log *log, const struct context *context,
                               const struct settings *settings, const uint64_t *cut_back_lsn,
                               struct kaya_wal_recovery_report *report)
{
    enum kaya_status status;

    clear(log);
    *report = (struct kaya_wal_recovery_report){ .verdict_row = "", .damage_reason = "" };
    status = enter(context, settings);
    if (status != KAYA_OK)
        return status;
    status = KAYA_BUSY;
    for (unsigned tried = 0; tried < ATTEMPTS_MAX && status == KAYA_BUSY; tried++)
        status = attempt(log, context, settings, tried > 0, cut_back_lsn, report);
    if (status == KAYA_OK)
        kaya_notify(context, &(struct kaya_event){ .kind = KAYA_EVENT_LOG_OPENED,
                                                   .segment = log->appender.segment.number,
                                                   .lsn = report->last_lsn,
                                                   .detail = report->epoch });
    else
        kaya_disk_unlock(context->disk);
    return status == KAYA_BUSY ? KAYA_IO : status;
}
