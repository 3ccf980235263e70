/* A log with appended records always has the next segment durable under its number, so a missing one is a lost one. And whatever stands above the head
 * must not have been in use: frames that say that they were durable, without a link in front of them, mean that the link was lost. */
#include "above.h"

#include <string.h>

/* Both header copies of the segment right behind the head are bad. That is nothing in a spare; but where a link stands that names the head,
 * by its chain digest and the next LSN, it was in use. The head's last record then lies in front of the end that the link names: a link of
 * somebody's older copy of the log, whose LSN the head comes to later, says nothing. */
static enum kaya_status check_headerless(struct look *look)
{
    const struct segment *head = &look->survey->head;
    uint8_t bytes[KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES];
    struct link link;
    enum kaya_status status;

    for (uint64_t at = KAYA_BLOCK_BYTES_MIN; at <= 2 * KAYA_BLOCK_BYTES_MAX; at *= 2) {
        status = kaya_segment_read(&look->above, look->context, at, bytes, sizeof bytes);
        if (status == KAYA_IO)
            continue;
        if (status != KAYA_OK)
            return status;
        kaya_link_decode(bytes + KAYA_FRAME_HEADER_BYTES, &link);
        if (link.predecessor == head->number && link.base_lsn == look->survey->report.last_lsn + 1 &&
            look->records_end <= link.predecessor_end &&
            link.chain == kaya_link_chain(head->link.chain, head->seeds.base, link.predecessor_end))
            kaya_look_pronounce(look, look->above.number, 0, 0,
                                "both copies of the segment header are bad, and it was in use");
    }
    return KAYA_OK;
}

/* A segment above the head has lost its link, and was in use. Which records it held nobody knows but for the one right behind the head; there
 * were so many at least. */
static enum kaya_status tell_lost_link(struct look *look, const struct listed *file)
{
    uint64_t first = kaya_shape_first_frame(&file->shape);
    struct segment segment;
    enum kaya_status status;

    kaya_look_pronounce(look, file->number, first, file->furthest,
                        "the link, the segment's first frame, is bad, but later frames say that it was durable");
    status = kaya_look_open(look, file, &segment, true);
    if (status == KAYA_OK && segment.state >= SEGMENT_LINKLESS) /* its header may have gone since */
        status = kaya_look_name_lost_records(look, &segment, look->survey->report.last_lsn + 1, first, 0,
                                             file->furthest, CLAIMS_WHAT_CAN_BE_READ);
    kaya_segment_close(&segment, look->context);
    return status == KAYA_NOT_FOUND ? KAYA_OK : status;
}

/* What stands above the head must not have been in use: recovery may pass over a spare, and several links may be hit. */
static enum kaya_status check_linkless(struct look *look)
{
    const struct survey *survey = look->survey;
    const struct kaya_wal_log_id *ours = &survey->head.header.log_id;

    for (size_t i = 0; i < survey->listing.file_count && !is_damaged(survey); i++) {
        const struct listed *file = &survey->listing.files[i];

        if (file->number > survey->head.number && file->furthest > 0 &&
            memcmp(&file->log_id, ours, sizeof *ours) == 0)
            return tell_lost_link(look, file);
    }
    return KAYA_OK;
}

/* Spares of this log above file `index`, one behind the other. */
static unsigned count_behind(const struct survey *survey, size_t index)
{
    unsigned count = 0;

    for (size_t i = index + 1; i < survey->listing.file_count; i++)
        count += survey->listing.files[i].is_whole &&
                 survey->listing.files[i].number == survey->listing.files[index].number + count + 1;
    return count;
}

/* Nobody can read where the link of a file above the head would stand. If it was in use, it may hold records that no claim speaks of, and an end is
 * never cut because of a failed reading. It was not, if no frame stands in it, and
 *
 *   - no recovery took it: that would have cut the segment before it to its end
 *   - no rotation took it: that would have seen two spares behind it first
 *
 * Where the head was cut some recovery's link is gone, be it that its place can be read: what else of that segment cannot be read may be frames.
 *
 * KAYA_IO: it may have been in use. */
static enum kaya_status check_unreadable(const struct look *look)
{
    const struct survey *survey = look->survey;
    const struct segment *head = &survey->head;
    bool is_cut = head->file_bytes < head->header.shape.segment_bytes;

    for (size_t i = 0; i < survey->listing.file_count && !is_damaged(survey); i++) {
        const struct listed *file = &survey->listing.files[i];

        if (file->has_holes && file->number > head->number &&
            memcmp(&file->log_id, &head->header.log_id, sizeof file->log_id) == 0 &&
            (is_cut ||
             (file->is_unreadable && (file->has_frames || count_behind(survey, i) >= SPARES_BEHIND_MIN))))
            return KAYA_IO;
    }
    return KAYA_OK;
}

static void tell_missing(struct look *look, uint64_t number)
{
    bool is_taken = kaya_listing_find_obstacle(&look->survey->listing, number, SEGMENT_NAME_WAL) != NULL;

    kaya_look_pronounce(
        look, number, 0, 0,
        is_taken ? "what bears the segment's name is no file: a log with records has one more behind the one in use"
                 : "the segment is missing: a log with records has one more behind the one in use");
}

/* The segment right behind the head: it must stand, as a spare of this log. */
static enum kaya_status check_next(struct look *look)
{
    const struct segment *head = &look->survey->head;
    const struct segment *above = &look->above;
    uint64_t wanted = head->number + 1;

    if (above->file == NULL || above->number != wanted) {
        if (look->survey->has_appended && kaya_listing_find(&look->survey->listing, wanted) == NULL)
            tell_missing(look, wanted);
        return KAYA_OK;
    }
    if (above->state == SEGMENT_HEADERLESS)
        return check_headerless(look);
    if (above->state == SEGMENT_STRANGE ||
        memcmp(&above->header.log_id, &head->header.log_id, sizeof head->header.log_id) != 0) {
        if (look->survey->has_appended)
            kaya_look_pronounce(look, wanted, 0, 0,
                                above->state == SEGMENT_STRANGE ? "the file is another segment"
                                                                : "the file belongs to another log");
        return KAYA_OK;
    }
    return KAYA_OK;
}

enum kaya_status kaya_above_check(struct look *look)
{
    enum kaya_status status = check_next(look);

    if (status == KAYA_OK)
        status = check_linkless(look);
    return status == KAYA_OK ? check_unreadable(look) : status;
}
