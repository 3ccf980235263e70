/* Reading: a survey tells which segments hold what and where the log ends; then one scan after the other.
 *
 * A reader of a writer of its own process asks the writer instead of looking, and pins what it needs. Any other
 * reader holds nothing that stops a writer. So a segment may be trimmed and recycled under it: then its file is gone or its frames no
 * longer validate. Both are met in one way: look at the whole log again, and go on behind the last record given, or say TRIMMED. */
#include "kaya/reader.h"

#include "pins.h"
#include "survey.h"

enum { RESTARTS_MAX = 16 };

struct kaya_wal_reader {
    struct context context;
    struct kaya_wal_reader_options options;
    struct pin pin;
    uint64_t pinned_segment; /* the one that holds the pinned record; 0: not known yet */
    bool is_pinned;

    struct survey survey;
    size_t index; /* in the survey's chain of the segment being read */
    struct segment segment;
    struct scan scan;
    bool is_scanning;

    uint64_t next_lsn;
    uint64_t last_lsn;       /* as it was at open */
    enum kaya_status ending; /* KAYA_OK while there may be more; else what every further call answers */
    struct scan_entry entry; /* the batch being handed out, or the last record */
    size_t batch_at;
    uint32_t batch_index;
    bool in_batch;
};

/* Find the log's end and the segment of next_lsn. */
static enum kaya_status survey_log(struct kaya_wal_reader *reader)
{
    struct survey_options options = { .is_live = true, .anchor = reader->options.anchor };
    enum kaya_status status;

    kaya_survey_release(&reader->survey, &reader->context);
    if (reader->options.writer != NULL)
        return kaya_writer_survey(reader->options.writer, reader->context.allocator, &reader->survey);
    status = kaya_survey(&reader->survey, &reader->context, &options);
    if (status != KAYA_OK)
        return status;
    switch (reader->survey.report.verdict) {
    case KAYA_VERDICT_EMPTY:
        return KAYA_NOT_FOUND;
    case KAYA_VERDICT_DAMAGED:
        return KAYA_DAMAGED;
    case KAYA_VERDICT_CLEAN:
    case KAYA_VERDICT_TORN:
        break;
    }
    return KAYA_OK;
}

static enum kaya_status stand(struct kaya_wal_reader *reader)
{
    const struct survey *survey = &reader->survey;

    if (reader->next_lsn < survey->report.first_lsn)
        return KAYA_TRIMMED;
    if (reader->next_lsn > survey->report.last_lsn + 1)
        return KAYA_INVALID;
    reader->index = survey->chain_count - 1;
    while (reader->index > 0 && survey->chain[reader->index].base_lsn > reader->next_lsn)
        reader->index--;
    return KAYA_OK;
}

static void leave_segment(struct kaya_wal_reader *reader)
{
    kaya_segment_close(&reader->segment, &reader->context);
    reader->is_scanning = false;
    reader->in_batch = false;
}

enum kaya_status kaya_wal_reader_open(const struct kaya_wal_environment *environment,
                                      const struct kaya_wal_reader_options *options,
                                      struct kaya_wal_reader **out, struct kaya_wal_recovery_report *report)
{
    static const struct kaya_wal_reader_options DEFAULTS = { .from_lsn = 0 };
    struct kaya_wal_reader *reader = kaya_allocate(environment->allocator, sizeof *reader);
    enum kaya_status status = KAYA_OK;

    *out = NULL;
    if (reader == NULL)
        return KAYA_NO_MEMORY;
    *reader = (struct kaya_wal_reader){ .options = options != NULL ? *options : DEFAULTS };
    reader->context = kaya_context_make(environment, reader->options.on_event, reader->options.user);
    reader->pin.lsn = reader->options.from_lsn;
    if (reader->options.writer != NULL) {
        status = kaya_writer_pin(reader->options.writer, &reader->pin);
        reader->is_pinned = status == KAYA_OK;
    }
    if (status == KAYA_OK)
        status = survey_log(reader);
    if (report != NULL)
        *report = reader->survey.report;
    if (report != NULL && report->damage_reason == NULL) /* not even looked */
        report->damage_reason = report->verdict_row = "";
    if (status == KAYA_OK) {
        reader->next_lsn = reader->pin.lsn != 0 ? reader->pin.lsn : reader->survey.report.first_lsn;
        reader->last_lsn = reader->survey.report.last_lsn;
        status = stand(reader);
    }
    if (status == KAYA_OK)
        *out = reader;
    else
        kaya_wal_reader_close(reader);
    return status;
}

void kaya_wal_reader_close(struct kaya_wal_reader *reader)
{
    struct context context;

    if (reader == NULL)
        return;
    context = reader->context;
    if (reader->is_pinned)
        kaya_writer_unpin(reader->options.writer, &reader->pin);
    leave_segment(reader);
    kaya_survey_release(&reader->survey, &context);
    kaya_release(context.allocator, reader, sizeof *reader);
}

/* Everything before the segment in use is claimed by a link. */
static bool is_durable(const struct kaya_wal_reader *reader)
{
    return reader->index + 1 < reader->survey.chain_count || reader->entry.end_bytes <= reader->survey.claim;
}

static enum kaya_status enter_segment(struct kaya_wal_reader *reader)
{
    const struct chain_segment *chosen = &reader->survey.chain[reader->index];
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, chosen->number, chosen->kind);
    status = kaya_segment_open(&reader->segment, &reader->context, name, chosen->number, KAYA_OPEN_READ, true);
    if (status == KAYA_INVALID) /* it was a file when it was listed */
        status = KAYA_NOT_FOUND;
    if (status == KAYA_OK &&
        (reader->segment.state != SEGMENT_LINKED || reader->segment.link.base_lsn != chosen->base_lsn))
        status = KAYA_NOT_FOUND;
    if (status != KAYA_OK)
        return status;
    kaya_scan_init(&reader->scan, &reader->context, &reader->segment, &reader->survey.memory, chosen->end);
    reader->is_scanning = true;
    return KAYA_OK;
}

/* The next record or batch of the log into `entry`. KAYA_END: there is none. KAYA_NOT_FOUND: the log changed underneath. */
static enum kaya_status next_entry(struct kaya_wal_reader *reader)
{
    bool found;
    enum kaya_status status = KAYA_OK;

    for (;;) {
        if (!reader->is_scanning)
            status = enter_segment(reader);
        if (status == KAYA_OK)
            status = kaya_scan_next(&reader->scan, &reader->entry, &found);
        if (status != KAYA_OK)
            return status;
        if (!found) {
            if (reader->scan.end != reader->survey.chain[reader->index].end)
                return KAYA_NOT_FOUND;
            if (reader->index + 1 == reader->survey.chain_count)
                return KAYA_END;
            reader->index++;
            leave_segment(reader);
        } else if (reader->entry.is_record &&
                   reader->segment.link.base_lsn + reader->scan.sequence > reader->next_lsn) {
            return KAYA_OK;
        }
    }
}

/* The log changed under the reader: look again and go on, or say what happened. */
static enum kaya_status find_place_again(struct kaya_wal_reader *reader)
{
    enum kaya_status status;

    leave_segment(reader);
    status = survey_log(reader);
    return status == KAYA_OK ? stand(reader) : status;
}

/* Where a segment cannot be entered it fails at its header or link. */
static bool was_durable_where_it_fails(const struct kaya_wal_reader *reader)
{
    uint64_t place = reader->is_scanning ? reader->scan.end : 0;

    return reader->index + 1 < reader->survey.chain_count || place < reader->survey.claim;
}

/* The next record is not where it was. What a writer of this process pins does not change; but what it has only handed to the system goes with a sync
 * that fails, before the writer itself is told so. Such a sync takes nothing along that was durable: what fails there is damage, whatever record
 * stands behind it. */
static enum kaya_status say_what_is_missing(const struct kaya_wal_reader *reader)
{
    struct kaya_wal_writer *writer = reader->options.writer;

    if (writer == NULL)
        return KAYA_BUSY;
    if (was_durable_where_it_fails(reader))
        return KAYA_DAMAGED;
    return reader->next_lsn > kaya_wal_writer_durable_lsn(writer) ? KAYA_IO : KAYA_DAMAGED;
}

static enum kaya_status find_entry(struct kaya_wal_reader *reader)
{
    enum kaya_status status = next_entry(reader);

    for (unsigned restart = 0; status == KAYA_NOT_FOUND; restart++) {
        if (restart == RESTARTS_MAX)
            return say_what_is_missing(reader);
        status = find_place_again(reader);
        if (status == KAYA_OK)
            status = next_entry(reader);
    }
    return status;
}

static void fill(const struct kaya_wal_reader *reader, struct kaya_wal_record *record)
{
    const struct scan_entry *entry = &reader->entry;

    *record = (struct kaya_wal_record){ .lsn = reader->segment.link.base_lsn + entry->sequence,
                                        .type = (enum kaya_wal_record_type)entry->flags,
                                        .mended = entry->mended,
                                        .durable = is_durable(reader),
                                        .bytes = entry->payload,
                                        .length = entry->length,
                                        .segment = reader->segment.number,
                                        .offset_bytes = entry->offset_bytes };
}

static void fill_member(struct kaya_wal_reader *reader, struct kaya_wal_record *record)
{
    struct batch_member member;
    bool found = kaya_batch_next(reader->entry.payload, reader->entry.length, &reader->batch_at, &member);

    KAYA_ASSERT(found);
    record->lsn += reader->batch_index++;
    record->type = member.type;
    record->bytes = member.bytes;
    record->length = member.length;
    record->in_batch = true;
    record->ends_batch = reader->batch_index == reader->entry.count;
    reader->in_batch = !record->ends_batch;
}

/* Segments are what a trim frees, so a pin that moves inside of one keeps nothing else than before. */
static void move_pin(struct kaya_wal_reader *reader, uint64_t lsn)
{
    if (!reader->is_pinned || reader->pinned_segment == reader->segment.number)
        return;
    reader->pinned_segment = reader->segment.number;
    kaya_writer_move_pin(reader->options.writer, &reader->pin, lsn);
}

enum kaya_status kaya_wal_reader_next(struct kaya_wal_reader *reader, struct kaya_wal_record *record)
{
    enum kaya_status status = KAYA_OK;

    do {
        if (reader->next_lsn > reader->last_lsn)
            return KAYA_END;
        if (!reader->in_batch) {
            status = reader->ending == KAYA_OK ? find_entry(reader) : reader->ending;
            reader->ending = status;
            if (status != KAYA_OK)
                return status;
            reader->in_batch = reader->entry.flags == FRAME_FLAG_BATCH;
            reader->batch_at = 0;
            reader->batch_index = 0;
        }
        fill(reader, record);
        if (reader->in_batch)
            fill_member(reader, record);
    } while (record->lsn < reader->next_lsn);
    if (reader->options.durable_only && !record->durable)
        return KAYA_END;
    reader->next_lsn = record->lsn + 1;
    move_pin(reader, record->lsn);
    return KAYA_OK;
}
