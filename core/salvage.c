/* Salvage: a log that recovery refuses, record by record, over its damage.
 *
 *   survey -> healthy: a reader does it all
 *          -> damaged: pieces.c says which segments hold what; then one tolerant scan after the other
 *
 *   piece 1                      piece 2 (lost)    piece 3
 *   | 1 2 3 ####### 9 10 11 |    | ??????????? |   | 20 21 ... |
 *           ^ gap 4..8                ^ gap 12..19
 *
 * A gap opens at the first bad place behind a record and closes with the next record, whose number tells what was lost: frames carry
 * the index of their record, so nothing need be counted over damage. What is handed out has passed the same checks as in any other
 * reading, at the one place where they can hold (F1), under a link that leads to this log. So nothing can come that was not appended;
 * and since each piece ends where the next begins, nothing comes twice.
 *
 * A batch whose fragments break off gives the members that stand whole before the break, marked incomplete. */
#include "kaya/salvage.h"

#include "kaya/reader.h"
#include "pieces.h"

struct kaya_wal_salvage {
    struct context context;
    enum kaya_status ending; /* KAYA_OK while there may be more; else what every further call answers */

    struct kaya_wal_reader *reader; /* of a healthy log; NULL: the log is damaged, and all below is used */

    struct pieces pieces;
    size_t index; /* of the piece being read */
    struct segment segment;
    struct scan scan;
    struct scan_memory memory;
    bool is_scanning;
    bool must_skip; /* the scan stands before a bad place */

    struct scan_entry entry; /* the record or batch being handed out */
    bool has_entry;
    bool is_incomplete; /* not all of the batch is there, or not all of it is handed out */
    size_t batch_at;
    uint32_t batch_index;

    uint64_t next_lsn;   /* the next record is this one, or there is a gap; 0: not known */
    uint64_t anchor_lsn; /* records up to here were durable, says the anchor; 0: none, or that was told */
    uint64_t seen_lsn;   /* records up to here there were in the last piece */
    struct kaya_wal_salvaged gap;     /* open where place_count > 0 */
    struct kaya_wal_salvaged suspect; /* likewise: an explanation, should records be missing */
};

/* --- gaps ----------------------------------------------------------------------------------------------------------- */

static void note_place(struct kaya_wal_salvage *salvage, const struct kaya_wal_salvaged *place)
{
    if (salvage->gap.place_count == 0)
        salvage->gap = *place;
    salvage->gap.kind = KAYA_SALVAGED_GAP;
    salvage->gap.claimed = salvage->gap.claimed || place->claimed;
    salvage->gap.place_count++;
    if (place->claimed)
        kaya_notify(&salvage->context, &(struct kaya_event){ .kind = KAYA_EVENT_DAMAGE,
                                                             .status = KAYA_DAMAGED,
                                                             .segment = place->segment,
                                                             .offset_bytes = place->offset_bytes,
                                                             .lsn = salvage->next_lsn,
                                                             .text = place->reason });
}

static void note_lost_piece(struct kaya_wal_salvage *salvage, const struct piece *piece)
{
    struct kaya_wal_salvaged place = {
        .claimed = true, .segment = piece->number, .offset_bytes = piece->lost_offset, .reason = piece->lost
    };

    if (!piece->is_suspect)
        note_place(salvage, &place);
    else if (salvage->suspect.place_count++ == 0)
        salvage->suspect = place;
}

/* The scan could not go on from its end: what stands there, and up to where that was durable or is bad. */
static void note_bad_place(struct kaya_wal_salvage *salvage, uint64_t end)
{
    const struct scan *scan = &salvage->scan;
    struct kaya_wal_salvaged place = { .claimed = scan->fault_offset < salvage->pieces.pieces[salvage->index].claim,
                                       .segment = salvage->segment.number,
                                       .offset_bytes = scan->fault_offset,
                                       .end_offset_bytes = end,
                                       .reason = kaya_frame_fault_text(scan->fault) };

    if (scan->fault_offset >= salvage->segment.file_bytes)
        place.reason = "the file is shorter than it was";
    else if (scan->hole_offset < kaya_shape_block_end(&salvage->segment.header.shape, scan->fault_offset) &&
             scan->hole_end > scan->fault_offset)
        place.reason = "the bytes cannot be read";
    note_place(salvage, &place);
}

/* Hand out the open gap. The next record is `lsn`; 0: there is none. False: nothing was lost that counts. */
static bool close_gap(struct kaya_wal_salvage *salvage, uint64_t lsn, struct kaya_wal_salvaged *salvaged)
{
    uint64_t last = lsn > 0 ? lsn - 1 : salvage->seen_lsn >= salvage->next_lsn ? salvage->seen_lsn : 0;
    bool has_lost = lsn > salvage->next_lsn || (lsn == 0 && (last > 0 || salvage->gap.claimed));
    bool counts = has_lost || salvage->gap.claimed;

    *salvaged = salvage->gap;
    salvage->gap.place_count = 0;
    if (has_lost) {
        salvaged->first_lsn = salvage->next_lsn > 0 ? salvage->next_lsn : 1;
        salvaged->last_lsn = last;
    }
    return counts;
}

/* Records are missing, and no bad place was passed that would explain it. */
static void explain_jump(struct kaya_wal_salvage *salvage)
{
    struct kaya_wal_salvaged place = { .claimed = true,
                                       .segment = salvage->segment.number,
                                       .offset_bytes = salvage->entry.offset_bytes,
                                       .reason = "records before it are missing" };

    note_place(salvage, salvage->suspect.place_count > 0 ? &salvage->suspect : &place);
}

/* The anchor vouches for records that are not there. */
static void note_short_of_anchor(struct kaya_wal_salvage *salvage)
{
    struct kaya_wal_salvaged place = { .claimed = true, .reason = "the log ends before its anchor" };

    if (salvage->pieces.count > 0)
        place.segment = salvage->pieces.pieces[salvage->pieces.count - 1].number;
    if (salvage->seen_lsn < salvage->anchor_lsn)
        salvage->seen_lsn = salvage->anchor_lsn;
    salvage->anchor_lsn = 0;
    if (salvage->gap.place_count == 0)
        note_place(salvage, &place);
    salvage->gap.claimed = true;
}

/* --- entries -------------------------------------------------------------------------------------------------------- */

static const struct piece *piece_of(const struct kaya_wal_salvage *salvage)
{
    return &salvage->pieces.pieces[salvage->index];
}

static uint64_t entry_lsn(const struct kaya_wal_salvage *salvage)
{
    return salvage->segment.link.base_lsn + salvage->entry.sequence + salvage->batch_index;
}

static void begin_entry(struct kaya_wal_salvage *salvage, bool is_whole)
{
    const struct scan_entry *entry = &salvage->entry;
    uint64_t lsn;

    salvage->has_entry = true;
    salvage->batch_at = 0;
    salvage->batch_index = 0;
    lsn = entry_lsn(salvage);
    salvage->is_incomplete =
        entry->flags == FRAME_FLAG_BATCH &&
        (!is_whole || lsn < salvage->next_lsn || lsn + entry->count > piece_of(salvage)->next_base_lsn);
}

static void leave_piece(struct kaya_wal_salvage *salvage)
{
    kaya_segment_close(&salvage->segment, &salvage->context);
    salvage->is_scanning = false;
    salvage->must_skip = false;
    salvage->index++;
}

static enum kaya_status enter_piece(struct kaya_wal_salvage *salvage)
{
    const struct piece *piece = piece_of(salvage);
    struct kaya_wal_salvaged place = { .claimed = true,
                                       .segment = piece->number,
                                       .reason = "the file cannot be read" };
    enum kaya_status status = KAYA_OK;

    salvage->seen_lsn = 0;
    if (piece->lost == NULL)
        status = kaya_piece_open(piece, &salvage->context, &salvage->segment);
    else
        note_lost_piece(salvage, piece);
    if (status == KAYA_NOT_FOUND || status == KAYA_IO)
        note_place(salvage, &place);
    if (piece->lost != NULL || status == KAYA_NOT_FOUND || status == KAYA_IO) {
        leave_piece(salvage);
        return KAYA_OK;
    }
    kaya_scan_init(&salvage->scan, &salvage->context, &salvage->segment, &salvage->memory, piece->end);
    salvage->scan.is_tolerant = true;
    salvage->is_scanning = status == KAYA_OK;
    place.reason = piece->rebuilt;
    if (piece->rebuilt != NULL && status == KAYA_OK)
        note_place(salvage, &place);
    return status;
}

/* Nothing stands behind the scan's end any more. Should something? */
static void end_piece(struct kaya_wal_salvage *salvage)
{
    const struct piece *piece = piece_of(salvage);
    const struct scan *scan = &salvage->scan;
    bool has_seen_more = scan->seen_sequence > scan->sequence;

    if (has_seen_more)
        salvage->seen_lsn = salvage->segment.link.base_lsn + scan->seen_sequence - 1;
    if (scan->end < piece->claim || has_seen_more)
        note_bad_place(salvage, scan->end < piece->claim ? piece->claim : 0);
    leave_piece(salvage);
}

static enum kaya_status step_over_bad_place(struct kaya_wal_salvage *salvage)
{
    bool found;
    enum kaya_status status = kaya_scan_skip(&salvage->scan, &found);

    salvage->must_skip = false;
    if (status == KAYA_OK && found)
        note_bad_place(salvage, salvage->scan.end);
    else if (status == KAYA_OK)
        end_piece(salvage);
    return status;
}

static enum kaya_status scan_on(struct kaya_wal_salvage *salvage)
{
    struct scan_entry *entry = &salvage->entry;
    bool found;
    enum kaya_status status = kaya_scan_next(&salvage->scan, entry, &found);

    if (status != KAYA_OK)
        return status;
    salvage->must_skip = !found;
    if (found && entry->is_record)
        begin_entry(salvage, true);
    else if (!found && salvage->scan.is_partial && entry->flags == FRAME_FLAG_BATCH && entry->length > 0)
        begin_entry(salvage, false);
    return KAYA_OK;
}

/* The next record or batch, or what is left of one. KAYA_END: no piece has any more. */
static enum kaya_status find_entry(struct kaya_wal_salvage *salvage)
{
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && !salvage->has_entry) {
        if (salvage->index == salvage->pieces.count)
            return KAYA_END;
        if (!salvage->is_scanning)
            status = enter_piece(salvage);
        else if (salvage->must_skip)
            status = step_over_bad_place(salvage);
        else
            status = scan_on(salvage);
    }
    return status;
}

/* The anchor says that a record of this number was durable. That it was this one shows only where nothing above it is lost, nor may be: else a recovery may
 * have given it up, and the number to another. */
static bool does_anchor_vouch(const struct kaya_wal_salvage *salvage)
{
    return entry_lsn(salvage) <= salvage->anchor_lsn && salvage->index + 1 == salvage->pieces.count &&
           !salvage->pieces.is_top_in_doubt && !salvage->pieces.may_be_followed;
}

static struct kaya_wal_record describe(const struct kaya_wal_salvage *salvage)
{
    const struct scan_entry *entry = &salvage->entry;

    return (struct kaya_wal_record){ .lsn = entry_lsn(salvage),
                                     .type = (enum kaya_wal_record_type)entry->flags,
                                     .mended = entry->mended,
                                     .durable = entry->end_bytes <= piece_of(salvage)->claim ||
                                                does_anchor_vouch(salvage),
                                     .bytes = entry->payload,
                                     .length = entry->length,
                                     .segment = salvage->segment.number,
                                     .offset_bytes = entry->offset_bytes };
}

/* The next record of the entry. False: it has no more. */
static bool take_record(struct kaya_wal_salvage *salvage, struct kaya_wal_record *record)
{
    const struct scan_entry *entry = &salvage->entry;
    struct batch_member member;

    *record = describe(salvage);
    if (entry->flags != FRAME_FLAG_BATCH) {
        salvage->batch_index++;
        return salvage->batch_index == 1;
    }
    if (!kaya_batch_next(entry->payload, entry->length, &salvage->batch_at, &member))
        return false;
    salvage->batch_index++;
    record->type = member.type;
    record->bytes = member.bytes;
    record->length = member.length;
    record->in_batch = true;
    record->ends_batch = !salvage->is_incomplete && salvage->batch_index == entry->count;
    return true;
}

/* --- handing out ---------------------------------------------------------------------------------------------------- */

/* One step: *is_ready false where nothing came of it. */
static enum kaya_status step(struct kaya_wal_salvage *salvage, struct kaya_wal_salvaged *salvaged, bool *is_ready)
{
    struct kaya_wal_salvaged found = { .kind = KAYA_SALVAGED_RECORD, .reason = "" };
    enum kaya_status status = find_entry(salvage);
    size_t at;
    uint32_t index;

    *is_ready = false;
    if (status == KAYA_END && salvage->anchor_lsn > 0 && salvage->next_lsn <= salvage->anchor_lsn)
        note_short_of_anchor(salvage);
    if (status == KAYA_END && salvage->gap.place_count > 0) {
        *is_ready = close_gap(salvage, 0, salvaged);
        return KAYA_OK;
    }
    if (status != KAYA_OK)
        return status;
    at = salvage->batch_at;
    index = salvage->batch_index;
    if (!take_record(salvage, &found.record)) {
        salvage->has_entry = false;
        return KAYA_OK;
    }
    if (found.record.lsn < salvage->next_lsn || found.record.lsn >= piece_of(salvage)->next_base_lsn)
        return KAYA_OK;
    if (salvage->next_lsn > 0 && found.record.lsn > salvage->next_lsn && salvage->gap.place_count == 0)
        explain_jump(salvage);
    if (salvage->gap.place_count > 0) { /* first the gap, then this record again */
        *is_ready = close_gap(salvage, found.record.lsn, salvaged);
        salvage->next_lsn = found.record.lsn;
        salvage->batch_at = at;
        salvage->batch_index = index;
        return KAYA_OK;
    }
    found.incomplete = salvage->is_incomplete;
    salvage->next_lsn = found.record.lsn + 1;
    salvage->suspect.place_count = 0;
    *salvaged = found;
    *is_ready = true;
    return KAYA_OK;
}

static enum kaya_status next_of_damaged(struct kaya_wal_salvage *salvage, struct kaya_wal_salvaged *salvaged)
{
    bool is_ready = false;
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && !is_ready)
        status = step(salvage, salvaged, &is_ready);
    return status;
}

enum kaya_status kaya_wal_salvage_next(struct kaya_wal_salvage *salvage, struct kaya_wal_salvaged *salvaged)
{
    if (salvage->ending != KAYA_OK)
        return salvage->ending;
    *salvaged = (struct kaya_wal_salvaged){ .kind = KAYA_SALVAGED_RECORD, .reason = "" };
    if (salvage->reader != NULL)
        salvage->ending = kaya_wal_reader_next(salvage->reader, &salvaged->record);
    else
        salvage->ending = next_of_damaged(salvage, salvaged);
    return salvage->ending;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

/* Why a log that a reader refuses with this status is damaged, other than what its report says; NULL: it is no refusal. INVALID: its marks
 * and its end contradict each other. */
static const char *reason_of(enum kaya_status status)
{
    switch (status) {
    case KAYA_IO:
        return "not all of its files can be read";
    case KAYA_UNSUPPORTED:
        return "not all of its files are of a version that is known here";
    case KAYA_INVALID:
        return "the low-water mark lies behind the end";
    default:
        return NULL;
    }
}

static enum kaya_status look(struct kaya_wal_salvage *salvage, const struct kaya_wal_environment *environment,
                             const struct kaya_wal_anchor *anchor, struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_reader_options options = { .anchor = anchor,
                                               .on_event = salvage->context.on_event,
                                               .user = salvage->context.user };
    enum kaya_status status = kaya_wal_reader_open(environment, &options, &salvage->reader, report);

    if (status != KAYA_DAMAGED && reason_of(status) == NULL)
        return status;
    if (status != KAYA_DAMAGED)
        *report = (struct kaya_wal_recovery_report){ .verdict = KAYA_VERDICT_DAMAGED,
                                                     .verdict_row = "damaged",
                                                     .damage_reason = reason_of(status) };
    status = kaya_pieces_find(&salvage->pieces, &salvage->context, anchor, report);
    salvage->next_lsn = salvage->pieces.low_water_lsn;
    return status;
}

enum kaya_status kaya_wal_salvage_open(const struct kaya_wal_environment *environment,
                                       const struct kaya_wal_salvage_options *options,
                                       struct kaya_wal_salvage **out, struct kaya_wal_recovery_report *report)
{
    static const struct kaya_wal_salvage_options DEFAULTS = { .on_event = NULL };
    struct kaya_wal_salvage *salvage = kaya_allocate(environment->allocator, sizeof *salvage);
    struct kaya_wal_recovery_report found = { .verdict_row = "", .damage_reason = "" };
    enum kaya_status status;

    *out = NULL;
    if (options == NULL)
        options = &DEFAULTS;
    if (salvage == NULL)
        return KAYA_NO_MEMORY;
    *salvage = (struct kaya_wal_salvage){ .ending = KAYA_OK };
    salvage->context = kaya_context_make(environment, options->on_event, options->user);
    salvage->anchor_lsn = options->anchor != NULL ? options->anchor->lsn : 0;
    status = look(salvage, environment, options->anchor, &found);
    if (report != NULL)
        *report = found;
    if (status == KAYA_OK)
        *out = salvage;
    else
        kaya_wal_salvage_close(salvage);
    return status;
}

void kaya_wal_salvage_close(struct kaya_wal_salvage *salvage)
{
    struct context context;

    if (salvage == NULL)
        return;
    context = salvage->context;
    kaya_wal_reader_close(salvage->reader);
    kaya_segment_close(&salvage->segment, &context);
    kaya_scan_memory_release(&salvage->memory, &context);
    kaya_pieces_release(&salvage->pieces, &context);
    kaya_release(context.allocator, salvage, sizeof *salvage);
}
