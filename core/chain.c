/* Backwards from the head. A segment that a link names must stand, be the one named, and be whole up to the end that the link names, with as
 * many records as lie between the two base LSNs; its link's chain digest tells it from a copy that went on elsewhere. Where one is not it, what
 * it held is lost, and bounded by its neighbours. */
#include "chain.h"

#include <string.h>

static enum kaya_status add_to_chain(struct look *look, const struct segment *segment, uint64_t end,
                                     uint32_t record_count, enum segment_name_kind kind)
{
    struct survey *survey = look->survey;
    enum kaya_status status = KAYA_OK;

    survey->is_read_only = survey->is_read_only || segment->header.read_compatible != 0;
    if (survey->chain_count == survey->chain_capacity)
        status = kaya_array_grow(look->context->allocator, (void **)&survey->chain, &survey->chain_capacity,
                                 sizeof *survey->chain);
    if (status == KAYA_OK)
        survey->chain[survey->chain_count++] = (struct chain_segment){ .number = segment->number,
                                                                       .kind = kind,
                                                                       .base_lsn = segment->link.base_lsn,
                                                                       .end = end,
                                                                       .record_count = record_count,
                                                                       .file_bytes = segment->file_bytes,
                                                                       .shape = segment->header.shape };
    return status;
}

/* Is `segment` the predecessor that `successor` names? NULL: yes; else why not. */
static const char *what_is_wrong(const struct look *look, const struct segment *segment,
                                 const struct link *successor)
{
    switch (segment->state) {
    case SEGMENT_HEADERLESS:
        return "both copies of the segment header are bad";
    case SEGMENT_STRANGE:
        return "the file is another segment";
    case SEGMENT_LINKLESS:
        return "the link, the segment's first frame, is bad";
    case SEGMENT_UNSUPPORTED:
    case SEGMENT_LINKED:
        break;
    }
    if (memcmp(&segment->header.log_id, &look->survey->head.header.log_id, sizeof segment->header.log_id) != 0)
        return "the file belongs to another log";
    if (kaya_link_chain(segment->link.chain, segment->seeds.base, successor->predecessor_end) != successor->chain)
        return "the file is not the segment that its successor names";
    return NULL;
}

/* Every byte of a predecessor, up to the end that its successor names. */
static enum kaya_status scan_predecessor(struct look *look, const struct segment *segment,
                                         const struct link *successor, struct scan *scan)
{
    struct scan_entry entry;
    bool found = true;
    enum kaya_status status = KAYA_OK;

    kaya_scan_init(scan, look->context, segment, &look->survey->memory, successor->predecessor_end);
    while (status == KAYA_OK && found)
        status = kaya_scan_next(scan, &entry, &found);
    if (status != KAYA_OK)
        return status;
    look->survey->report.mended_count += scan->mended_count;
    if (scan->end != successor->predecessor_end) {
        kaya_look_pronounce(look, segment->number, scan->fault_offset, successor->predecessor_end,
                            segment->file_bytes < successor->predecessor_end
                                ? "the file is shorter than its successor says"
                                : kaya_frame_fault_text(scan->fault));
        kaya_look_name_lost(look, segment->link.base_lsn + scan->sequence, successor->base_lsn - 1);
    } else if (segment->link.base_lsn + scan->sequence != successor->base_lsn) {
        kaya_look_pronounce(look, segment->number, scan->end, scan->end,
                            "it holds another number of records than its successor says");
    }
    return KAYA_OK;
}

/* Where a segment that is not the one named shows it first. */
static uint64_t bad_place(const struct segment *segment)
{
    return segment->file != NULL && segment->state == SEGMENT_LINKLESS
               ? kaya_shape_first_frame(&segment->header.shape)
               : 0;
}

/* Open the file, if it holds a segment of this log that has its link, and put it into the chain as far as it reads. *segment: NONE if
 * not. */
static enum kaya_status take_lower(struct look *look, const struct listed *file, struct segment *segment)
{
    struct scan_entry entry;
    struct scan scan;
    bool found = true;
    enum kaya_status status;

    status = kaya_look_open(look, file, segment, false);
    if (status == KAYA_OK && segment->state == SEGMENT_LINKED &&
        memcmp(&segment->header.log_id, &look->survey->head.header.log_id, sizeof segment->header.log_id) == 0) {
        kaya_scan_init(&scan, look->context, segment, &look->survey->memory, UINT64_MAX);
        while (status == KAYA_OK && found)
            status = kaya_scan_next(&scan, &entry, &found);
        if (status == KAYA_OK)
            return add_to_chain(look, segment, scan.end, scan.sequence, file->kind);
    }
    kaya_segment_close(segment, look->context);
    return status == KAYA_GONE || status == KAYA_NO_MEMORY || status == KAYA_LIMIT ? status : KAYA_OK;
}

/* A predecessor is unreadable from its start, so what it held is bounded by its neighbours: it went up to its successor's first record, and
 * began behind the last one of the nearest lower segment that still reads: *segment, NONE if there is none. */
static enum kaya_status find_lower(struct look *look, const struct link *successor, uint64_t successor_number,
                                   struct segment *segment)
{
    struct survey *survey = look->survey;
    uint64_t bound = successor->predecessor < successor_number ? successor->predecessor : successor_number;
    uint64_t first = look->low_water;
    enum kaya_status status = KAYA_OK;

    *segment = SEGMENT_NONE;
    for (size_t i = survey->listing.file_count; i-- > 0 && segment->file == NULL && status == KAYA_OK;) {
        const struct listed *file = &survey->listing.files[i];

        if (file->number < bound && file == kaya_listing_find(&survey->listing, file->number))
            status = take_lower(look, file, segment);
    }
    if (status == KAYA_OK && segment->file != NULL) {
        const struct chain_segment *lower = &survey->chain[survey->chain_count - 1];
        uint64_t behind = lower->base_lsn + lower->record_count;

        if (behind > first && behind < successor->base_lsn)
            first = behind;
    }
    kaya_look_name_lost(look, first, successor->base_lsn - 1);
    return status;
}

/* The next segment of the chain, damaged or not; where the one that the link names cannot be it, damage, and the nearest lower one that
 * reads. *segment: NONE where the chain ends. */
static enum kaya_status check_predecessor(struct look *look, const struct link *successor,
                                          uint64_t successor_number, struct segment *segment)
{
    const struct listed *file = kaya_listing_find(&look->survey->listing, successor->predecessor);
    const char *wrong = "the segment is missing";
    struct scan scan;
    enum kaya_status status = KAYA_NOT_FOUND;

    *segment = SEGMENT_NONE;
    if (successor->predecessor >= successor_number)
        wrong = "a link names a later segment as its predecessor";
    else if (file != NULL)
        status = kaya_look_open(look, file, segment, false);
    else if (kaya_listing_find_obstacle(&look->survey->listing, successor->predecessor, SEGMENT_NAME_WAL) != NULL)
        wrong = "what bears the segment's name is no file";
    if (status == KAYA_OK && segment->state == SEGMENT_UNSUPPORTED)
        return KAYA_UNSUPPORTED;
    if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        return status;
    if (status == KAYA_OK)
        wrong = what_is_wrong(look, segment, successor);
    if (wrong != NULL) {
        kaya_look_pronounce(look, successor->predecessor, bad_place(segment), successor->predecessor_end, wrong);
        kaya_segment_close(segment, look->context);
        return find_lower(look, successor, successor_number, segment);
    }
    status = scan_predecessor(look, segment, successor, &scan);
    if (status == KAYA_OK)
        status = kaya_look_check_copies(look, segment);
    if (status == KAYA_OK)
        status = add_to_chain(look, segment, successor->predecessor_end, scan.sequence, file->kind);
    return status;
}

static void reverse_chain(struct survey *survey)
{
    for (size_t low = 0, high = survey->chain_count; low + 1 < high; low++) {
        struct chain_segment moved = survey->chain[low];

        survey->chain[low] = survey->chain[--high];
        survey->chain[high] = moved;
    }
}

enum kaya_status kaya_chain_walk(struct look *look)
{
    struct survey *survey = look->survey;
    const struct listed *head = kaya_listing_find(&survey->listing, survey->head.number);
    struct link link = survey->head.link;
    uint64_t number = survey->head.number;
    enum kaya_status status;

    status = add_to_chain(look, &survey->head, look->end, look->sequence, head->kind);
    while (status == KAYA_OK && number != 0 && link.predecessor != 0 && link.base_lsn > look->low_water) {
        struct segment segment;

        status = check_predecessor(look, &link, number, &segment);
        number = segment.number;
        link = segment.link;
        kaya_segment_close(&segment, look->context);
    }
    if (is_damaged(survey) && (status == KAYA_IO || status == KAYA_UNSUPPORTED))
        status = KAYA_OK; /* more than one place is bad: the first one stays on record */
    if (status == KAYA_OK && !is_damaged(survey) && link.base_lsn > look->low_water) {
        kaya_look_pronounce(look, number, 0, 0, "the log begins behind its low-water mark");
        kaya_look_name_lost(look, look->low_water, link.base_lsn - 1);
    }
    reverse_chain(survey);
    return status;
}

const struct chain_segment *kaya_chain_find(const struct chain_segment *chain, size_t count, uint64_t number,
                                            enum segment_name_kind kind)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (chain[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && chain[low].number == number && chain[low].kind == kind ? &chain[low] : NULL;
}
