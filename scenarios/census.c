/* The verdict, from the page.
 *
 *   files -> from the highest down to the first whose link counts: the head, V and W
 *         -> what must stand above it -> its predecessors, as links name them -> files of another log
 *
 * Core comes to its verdict by windows, several readings and early ends, and stops at the first damage. Here all of it is in memory, all damage
 * is noted, and whichever core names must be among it. Nothing of it is asked of core: neither where the log ends nor what is in use.
 *
 * What the page leaves open is not judged: how many bytes behind the end count as written (only that none are where there are zeros, and some where a
 * frame of this life stands); a header that one flipped bit keeps from being good. */
#include "kaya/scenarios/census.h"

#include <inttypes.h>
#include <string.h>

#include "kaya/scenarios/layout.h"

enum { NUMBER_MAX_BIT = 62 };

uint64_t kaya_census_number(const char *name, bool unfinished)
{
    uint64_t number = kaya_layout_number(name, ".wal");

    if (number == 0)
        number = kaya_layout_number(name, ".away");
    if (number == 0 && unfinished)
        number = kaya_layout_number(name, ".new");
    return number;
}

const struct kaya_image_file *kaya_census_find(const struct kaya_image *image, uint64_t number)
{
    static const char *const suffixes[] = { ".wal", ".away" };
    const struct kaya_image_file *file = NULL;
    char name[KAYA_LAYOUT_NAME_BYTES];

    for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0] && file == NULL; i++) {
        kaya_layout_name(number, suffixes[i], name);
        file = kaya_image_find(image, name);
    }
    return file;
}

static void open_segment(const struct kaya_census *census, const struct kaya_image_file *file,
                         struct kaya_format_segment *segment)
{
    const struct kaya_image_file *truth =
        census->truth == NULL ? NULL : kaya_image_find(census->truth, file->name);

    kaya_format_open(segment, file, truth, kaya_census_number(file->name, true));
}

/* The last one that was noted; a place of nobody's where there were too many. */
static struct kaya_census_damage *note_damage(struct kaya_census *census, uint64_t segment, uint64_t offset,
                                              uint64_t end, const char *what)
{
    struct kaya_census_damage *damage = &census->damages[KAYA_CENSUS_DAMAGES_MAX - 1];

    if (census->damage_count < KAYA_CENSUS_DAMAGES_MAX)
        damage = &census->damages[census->damage_count++];
    else
        census->is_unsure = true;
    *damage = (struct kaya_census_damage){ .segment = segment, .offset = offset, .end = end, .what = what };
    return damage;
}

/* Records `first_min` or one up to `first_max` to `last`; none where that is nothing. */
static void note_lost(struct kaya_census_damage *damage, uint64_t first_min, uint64_t first_max, uint64_t last)
{
    if (last < first_min)
        return;
    damage->lost_min = first_min;
    damage->lost_max = first_max < last ? first_max : last;
    damage->lost_last = last;
}

/* --- Behind the end --- */

struct behind {
    uint64_t count, furthest;
    uint64_t offset, end; /* of the last */
};

/* Frames at or behind `from` of which the header checks, and whose index can have come about behind `sequence` records. */
static struct behind look_behind(const struct kaya_format_segment *segment, uint64_t from, uint32_t sequence)
{
    struct behind behind = { .count = 0 };
    struct kaya_format_frame frame;

    for (uint64_t at = from; kaya_format_next_stray(segment, from, sequence, at, &frame); at = frame.offset + 4) {
        behind.count++;
        behind.offset = frame.offset;
        behind.end = frame.end;
        behind.furthest = frame.watermark > behind.furthest ? frame.watermark : behind.furthest;
    }
    return behind;
}

static bool is_blank(const struct kaya_format_segment *segment, uint64_t from)
{
    for (uint64_t at = from; at < segment->file->size_bytes; at++) {
        if (at == segment->second_header)
            at += segment->header_bytes - 1;
        else if (segment->file->bytes[at] != 0)
            return false;
    }
    return true;
}

/* --- The head --- */

static void take_entry(struct kaya_census *census, const struct kaya_format_segment *segment,
                       const struct kaya_format_entry *entry, unsigned *marks)
{
    uint8_t type = entry->first.type;

    if (type != KAYA_FORMAT_PAD || entry->first.is_mended)
        census->is_closed = type == KAYA_FORMAT_CLOSE && !entry->first.is_mended;
    if (entry->is_record)
        census->records_end = entry->last.end;
    if (entry->first.offset < segment->link.carried_end)
        return;
    *marks += type == KAYA_FORMAT_WATERMARK;
    census->has_appended = census->has_appended || entry->is_record || *marks > (segment->link.carried_end > 0);
    if (type == KAYA_FORMAT_TRIM && kaya_format_load(entry->first.payload, 8) > census->low_water_lsn)
        census->low_water_lsn = kaya_format_load(entry->first.payload, 8);
}

/* Records of which some byte lies behind what is claimed. */
static uint64_t count_unclaimed(const struct kaya_format_segment *segment, uint64_t claimed)
{
    struct kaya_format_walk walk = { .segment = segment, .limit = UINT64_MAX };
    struct kaya_format_entry entry;
    uint64_t count = 0;

    while (kaya_format_next(&walk, &entry))
        count += entry.is_record && entry.last.end > claimed ? entry.count : 0;
    return count;
}

/* As if it were the head. */
static void take_head(struct kaya_census *census, const struct kaya_format_segment *segment)
{
    struct kaya_format_walk walk = { .segment = segment, .limit = UINT64_MAX };
    struct kaya_format_entry entry;
    struct behind behind;
    unsigned marks = 0;

    census->low_water_lsn = segment->link.low_water_lsn;
    census->records_end = 0;
    census->is_closed = census->has_appended = false;
    while (kaya_format_next(&walk, &entry))
        take_entry(census, segment, &entry, &marks);
    behind = look_behind(segment, walk.end, walk.sequence);
    census->end = walk.end;
    census->furthest = behind.furthest > walk.watermark ? behind.furthest : walk.watermark;
    census->stray_count = behind.count;
    census->stray_offset = behind.offset;
    census->stray_end = behind.end;
    census->is_named = census->furthest > 0 && (segment->link.carried_end == 0 || census->has_appended);
    census->carried_count = count_unclaimed(segment, census->is_named ? census->furthest : 0);
    census->mended_count = walk.mended_count;
    census->has_broken_record = walk.is_broken;
    census->is_blank_behind = is_blank(segment, walk.end);
    census->last_lsn = segment->link.base_lsn + walk.sequence - 1;
    census->epoch = segment->link.epoch;
    census->chain[0] =
        (struct kaya_census_segment){ .segment = *segment, .end = walk.end, .record_count = walk.sequence };
}

static bool find_head(struct kaya_census *census)
{
    struct kaya_format_segment segment;

    for (size_t i = census->image->file_count; i-- > 0;) {
        const struct kaya_image_file *file = &census->image->files[i];
        uint64_t number = kaya_census_number(file->name, false);

        if (number == 0 || file != kaya_census_find(census->image, number))
            continue;
        census->has_segments = true;
        open_segment(census, file, &segment);
        if (segment.state != KAYA_FORMAT_LINKED)
            continue;
        take_head(census, &segment);
        if (segment.link.carried_end == 0 || census->furthest >= segment.link.carried_end)
            return true;
    }
    return false;
}

static const struct kaya_format_segment *head_of(const struct kaya_census *census)
{
    return &census->chain[0].segment;
}

/* --- Above it --- */

static bool is_of_log(const struct kaya_census *census, const struct kaya_format_segment *segment)
{
    return memcmp(segment->log_id, head_of(census)->log_id, KAYA_FORMAT_ID_BYTES) == 0;
}

/* Where a link may stand, is there one that names the head, its last record and its chain? */
static bool names_head(const struct kaya_census *census, const struct kaya_image_file *file)
{
    const struct kaya_format_segment *head = head_of(census);
    struct kaya_format_link link;

    for (uint64_t at = 512; at <= 2 * 65536; at *= 2) {
        if (at + KAYA_FORMAT_FRAME_BYTES + KAYA_FORMAT_LINK_BYTES > file->size_bytes)
            break;
        kaya_format_link(file->bytes + at + KAYA_FORMAT_FRAME_BYTES, &link);
        if (link.predecessor == head->number && link.base_lsn == census->last_lsn + 1 &&
            census->records_end <= link.predecessor_end &&
            link.chain == kaya_format_chain(head, link.predecessor_end))
            return true;
    }
    return false;
}

static void check_next(struct kaya_census *census)
{
    uint64_t number = head_of(census)->number + 1;
    const struct kaya_image_file *file = kaya_census_find(census->image, number);
    struct kaya_format_segment next;

    if (file == NULL) {
        if (census->has_appended)
            note_damage(census, number, 0, 0, "the segment behind the one in use is missing");
        return;
    }
    open_segment(census, file, &next);
    if (next.state == KAYA_FORMAT_HEADERLESS) {
        if (names_head(census, file))
            note_damage(census, number, 0, 0, "both headers of a segment that was in use are bad");
    } else if (census->has_appended && (next.state == KAYA_FORMAT_STRANGE || !is_of_log(census, &next))) {
        note_damage(census, number, 0, 0, "the segment behind the one in use is another one");
    }
}

static void check_above(struct kaya_census *census)
{
    check_next(census);
    for (size_t i = 0; i < census->image->file_count; i++) {
        const struct kaya_image_file *file = &census->image->files[i];
        uint64_t number = kaya_census_number(file->name, false);
        struct kaya_format_segment segment;
        uint64_t furthest;

        if (number <= head_of(census)->number)
            continue;
        open_segment(census, file, &segment);
        furthest = segment.state == KAYA_FORMAT_LINKLESS && is_of_log(census, &segment)
                       ? look_behind(&segment, segment.first_frame, 0).furthest
                       : 0;
        if (furthest > 0)
            note_lost(note_damage(census, number, segment.first_frame, furthest,
                                  "a segment that was in use has lost its link"),
                      census->last_lsn + 1, census->last_lsn + 1, UINT64_MAX);
        if (segment.state == KAYA_FORMAT_LINKED && !is_of_log(census, &segment))
            note_damage(census, number, 0, 0, "a segment of another log was in use");
    }
}

/* --- Below it --- */

static bool is_in_chain(const struct kaya_census *census, const struct kaya_image_file *file)
{
    for (size_t i = 0; i < census->chain_count; i++)
        if (census->chain[i].segment.file == file)
            return true;
    return false;
}

/* The predecessor that the link of the last one found names: it, whole and as named. False: it is not. */
static bool take_predecessor(struct kaya_census *census)
{
    const struct kaya_format_segment *successor = &census->chain[census->chain_count - 1].segment;
    const struct kaya_format_link *link = &successor->link;
    const struct kaya_image_file *file = kaya_census_find(census->image, link->predecessor);
    struct kaya_census_segment *found = &census->chain[census->chain_count];
    struct kaya_format_walk walk = { .segment = &found->segment, .limit = link->predecessor_end };
    struct kaya_format_entry entry;
    struct kaya_census_damage *damage;

    if (link->predecessor >= successor->number || file == NULL) {
        damage = note_damage(census, link->predecessor, 0, link->predecessor_end, "a predecessor is missing");
        note_lost(damage, census->low_water_lsn, link->base_lsn - 1, link->base_lsn - 1);
        return false;
    }
    open_segment(census, file, &found->segment);
    if (found->segment.state != KAYA_FORMAT_LINKED || !is_of_log(census, &found->segment) ||
        kaya_format_chain(&found->segment, link->predecessor_end) != link->chain) {
        damage = note_damage(census, link->predecessor,
                             found->segment.state == KAYA_FORMAT_LINKLESS ? found->segment.first_frame : 0,
                             link->predecessor_end, "a predecessor is not the segment that was named");
        note_lost(damage, census->low_water_lsn, link->base_lsn - 1, link->base_lsn - 1);
        return false;
    }
    while (kaya_format_next(&walk, &entry))
        continue;
    found->end = link->predecessor_end;
    found->record_count = walk.sequence;
    census->mended_count += walk.mended_count;
    if (walk.end != link->predecessor_end) {
        uint64_t next_lsn = found->segment.link.base_lsn + walk.sequence;

        damage = note_damage(census, link->predecessor, UINT64_MAX, link->predecessor_end,
                             "a predecessor breaks off in front of its end");
        note_lost(damage, next_lsn, next_lsn, link->base_lsn - 1);
    } else if (found->segment.link.base_lsn + walk.sequence != link->base_lsn) {
        note_damage(census, link->predecessor, walk.end, walk.end,
                    "a predecessor holds another number of records");
    }
    census->chain_count++;
    return true;
}

static void walk_chain(struct kaya_census *census)
{
    const struct kaya_format_link *link = &head_of(census)->link;

    census->chain_count = 1;
    while (link->predecessor != 0 && link->base_lsn > census->low_water_lsn) {
        if (census->chain_count == KAYA_CENSUS_SEGMENTS_MAX) {
            census->is_unsure = true;
            return;
        }
        if (!take_predecessor(census))
            return;
        link = &census->chain[census->chain_count - 1].segment.link;
    }
    if (link->base_lsn > census->low_water_lsn)
        note_lost(note_damage(census, census->chain[census->chain_count - 1].segment.number, 0, 0,
                              "the log begins behind its low-water mark"),
                  census->low_water_lsn, census->low_water_lsn, link->base_lsn - 1);
}

/* Dead files are of this log. Its first header must say otherwise: where that is bad, nobody asks. */
static void check_dead(struct kaya_census *census)
{
    for (size_t i = 0; i < census->image->file_count; i++) {
        const struct kaya_image_file *file = &census->image->files[i];
        uint64_t number = kaya_census_number(file->name, false);
        struct kaya_format_segment segment;

        if (number == 0 || number >= head_of(census)->number || is_in_chain(census, file) ||
            file != kaya_census_find(census->image, number) || !kaya_format_is_header(file, 0))
            continue;
        open_segment(census, file, &segment);
        if (segment.state == KAYA_FORMAT_LINKED && !is_of_log(census, &segment))
            note_damage(census, number, 0, 0, "a dead segment is of another log");
    }
}

/* --- The whole --- */

static bool is_number(uint64_t number)
{
    return number != 0 && number <= (uint64_t)1 << NUMBER_MAX_BIT;
}

static bool can_be_read(const struct kaya_image *image)
{
    for (size_t i = 0; i < image->file_count; i++)
        for (uint64_t at = 0; at < image->files[i].size_bytes; at += KAYA_IMAGE_PIECE_BYTES)
            if (image->files[i].unreadable[at / KAYA_IMAGE_PIECE_BYTES])
                return false;
    return true;
}

void kaya_census_take(struct kaya_census *census, const struct kaya_image *image, const struct kaya_image *truth)
{
    const struct kaya_format_link *link = &head_of(census)->link;

    memset(census, 0, offsetof(struct kaya_census, chain));
    census->chain_count = census->damage_count = 0;
    census->suits_disk = true;
    census->image = image;
    census->truth = truth;
    census->is_unsure = !can_be_read(image);
    census->has_head = find_head(census);
    if (!census->has_head) {
        if (census->has_segments)
            note_damage(census, UINT64_MAX, 0, 0, "no segment has a link that counts");
        return;
    }
    if (!is_number(link->base_lsn) || !is_number(link->epoch) || census->low_water_lsn == 0 ||
        census->low_water_lsn > link->base_lsn) {
        census->is_unsure = true;
        return;
    }
    if (census->furthest > census->end)
        note_lost(note_damage(census, head_of(census)->number, kaya_format_behind(head_of(census), census->end),
                              census->furthest, "a claim reaches beyond the end"),
                  census->last_lsn + 1, census->last_lsn + 1, UINT64_MAX);
    check_above(census);
    walk_chain(census);
    check_dead(census);
}

/* --- Judging --- */

#define BREAK(violation, promise, ...)                                                                       \
    kaya_violation_set(violation, kaya_promise_name(KAYA_PROMISE_##promise), __VA_ARGS__)

/* NULL: nothing that was found here. */
static const struct kaya_census_damage *find_named(const struct kaya_census *census,
                                                   const struct kaya_wal_recovery_report *report)
{
    for (size_t i = 0; i < census->damage_count; i++) {
        const struct kaya_census_damage *damage = &census->damages[i];

        if ((damage->segment == report->damage_segment || damage->segment == UINT64_MAX) &&
            (damage->offset == report->damage_offset || damage->offset == UINT64_MAX) &&
            damage->end == report->damage_end_offset)
            return damage;
    }
    return NULL;
}

/* Where more than one place is bad, some name records of another. Up to where a claim speaks of records that nobody can count, some may be lost. */
static void judge_lost(const struct kaya_census *census, const char *who,
                       const struct kaya_wal_recovery_report *report, const struct kaya_census_damage *damage,
                       struct kaya_violation *violation)
{
    bool is_counted = damage->lost_last != UINT64_MAX;

    if (census->damage_count > 1 || (!is_counted && report->lost_first_lsn == 0))
        return;
    if (report->lost_first_lsn < damage->lost_min || report->lost_first_lsn > damage->lost_max ||
        (is_counted && report->lost_last_lsn != damage->lost_last))
        BREAK(violation, P5,
              "%s: records from %" PRIu64 " to %" PRIu64 " at the latest are lost, up to %" PRIu64
              "; %s says %" PRIu64 "..%" PRIu64,
              damage->what, damage->lost_min, damage->lost_max, damage->lost_last, who,
              report->lost_first_lsn, report->lost_last_lsn);
}

static void judge_damage(const struct kaya_census *census, const char *who,
                         const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                         struct kaya_violation *violation)
{
    const struct kaya_census_damage *damage = census->damages;
    const struct kaya_census_damage *named = find_named(census, report);

    if (report->verdict != KAYA_VERDICT_DAMAGED)
        BREAK(violation, P5,
              "by the page of the format the log is damaged in segment %" PRIu64 " at 0x%" PRIx64
              ": %s; %s says %s",
              damage->segment, damage->offset, damage->what, who, kaya_wal_verdict_name(report->verdict));
    else if (named == NULL)
        BREAK(violation, P5,
              "the log is damaged in segment %" PRIu64 " at 0x%" PRIx64 ", of what is durable up to 0x%" PRIx64
              " (%s), of %zu places; %s names segment %" PRIu64 " at 0x%" PRIx64 ", up to 0x%" PRIx64 ": %s",
              damage->segment, damage->offset, damage->end, damage->what, census->damage_count, who,
              report->damage_segment, report->damage_offset, report->damage_end_offset, report->damage_reason);
    else if (anchor_lsn == 0)
        judge_lost(census, who, report, named, violation);
}

/* The log is whole, and ends before its anchor. */
static void judge_anchor(const struct kaya_census *census, const char *who,
                         const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                         struct kaya_violation *violation)
{
    const struct kaya_format_segment *head = head_of(census);
    bool names_end = !census->has_head || (report->damage_segment == head->number &&
                                           report->damage_offset == kaya_format_behind(head, census->end));

    if (report->verdict != KAYA_VERDICT_DAMAGED || !names_end || report->damage_end_offset != 0 ||
        report->lost_first_lsn != (census->has_head ? census->last_lsn + 1 : 1) ||
        report->lost_last_lsn != anchor_lsn)
        BREAK(violation, P5,
              "the log ends with record %" PRIu64 ", its anchor names %" PRIu64
              "; %s says %s, segment %" PRIu64 " at 0x%" PRIx64 ", records %" PRIu64 "..%" PRIu64 " lost",
              census->last_lsn, anchor_lsn, who, kaya_wal_verdict_name(report->verdict),
              report->damage_segment, report->damage_offset, report->lost_first_lsn, report->lost_last_lsn);
}

static uint64_t unvouched_bytes(const struct kaya_census *census)
{
    uint64_t from = census->furthest != 0 ? census->furthest : head_of(census)->first_frame;

    return census->records_end > from ? census->records_end - from : 0;
}

static void judge_claim(const struct kaya_census *census, const char *who,
                        const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    const struct kaya_format_segment *head = head_of(census);
    uint64_t segment = census->furthest != 0 ? head->number : head->link.predecessor;
    uint64_t offset = census->furthest != 0 ? census->furthest : head->link.predecessor_end;

    if (report->claim_segment != segment || report->claim_offset != offset)
        BREAK(violation, P5,
              "the furthest claim vouches for all before 0x%" PRIx64 " of segment %" PRIu64
              "; %s says for all before 0x%" PRIx64 " of segment %" PRIu64,
              offset, segment, who, report->claim_offset, report->claim_segment);
    if (report->unvouched_bytes != unvouched_bytes(census))
        BREAK(violation, P5, "no claim covers %" PRIu64 " bytes of the last records; %s says %" PRIu64,
              unvouched_bytes(census), who, report->unvouched_bytes);
}

static void judge_end(const struct kaya_census *census, const char *who,
                      const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    const struct kaya_format_segment *head = head_of(census);

    if (report->first_lsn != census->low_water_lsn || report->last_lsn != census->last_lsn ||
        report->segment != head->number || report->end_offset != census->end)
        BREAK(violation, P1,
              "records %" PRIu64 "..%" PRIu64 " stand there, up to 0x%" PRIx64 " of segment %" PRIu64
              "; %s says %" PRIu64 "..%" PRIu64 ", up to 0x%" PRIx64 " of segment %" PRIu64,
              census->low_water_lsn, census->last_lsn, census->end, head->number, who, report->first_lsn,
              report->last_lsn, report->end_offset, report->segment);
    if (memcmp(report->log_id.bytes, head->log_id, KAYA_FORMAT_ID_BYTES) != 0)
        BREAK(violation, P3, "%s tells of another log's id than stands in its segments", who);
}

/* What stands behind the end. `verdict_row` tells CLOSE apart where something almost a frame stands behind it. */
static void judge_verdict(const struct kaya_census *census, const char *who,
                          const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    bool is_torn = report->verdict == KAYA_VERDICT_TORN;

    if (is_torn && census->is_blank_behind)
        BREAK(violation, P4, "nothing but zeros stand behind the end; %s says torn", who);
    if (!is_torn && census->has_broken_record)
        BREAK(violation, P4, "a record that is not whole begins at the end; %s says %s", who,
              kaya_wal_verdict_name(report->verdict));
    if (census->end + report->discarded_bytes > head_of(census)->segment_bytes)
        BREAK(violation, P4, "%s says that %" PRIu64 " bytes behind the end at 0x%" PRIx64 " are given up",
              who, report->discarded_bytes, census->end);
    if (report->closed_cleanly && (!census->is_closed || !census->suits_disk || census->stray_count > 0))
        BREAK(violation, P4, "no CLOSE ends the log, and %s says that it was closed", who);
    if (!report->closed_cleanly && census->is_closed && census->suits_disk && census->is_blank_behind)
        BREAK(violation, P4,
              "CLOSE ends the log, nothing stands behind it, and %s says that it was not closed", who);
}

/* Who only looks cannot tell what stands behind the end from what a writer is writing there. Recovery gives it up, to the last frame of it. */
static void judge_discarded(const struct kaya_census *census, const char *who,
                            const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    uint64_t end = census->end + report->discarded_bytes;

    if (census->stray_count > 0 &&
        (report->verdict != KAYA_VERDICT_TORN || end <= census->stray_offset || end > census->stray_end))
        BREAK(violation, P4,
              "%" PRIu64 " frames of this life stand behind the end at 0x%" PRIx64 ", the last from 0x%" PRIx64
              " to 0x%" PRIx64 "; %s says %s, and that %" PRIu64 " bytes are given up",
              census->stray_count, census->end, census->stray_offset, census->stray_end, who,
              kaya_wal_verdict_name(report->verdict), report->discarded_bytes);
}

/* A recovery that finds no clean close goes on under the next epoch, in a segment that takes its place behind the head, or the head's. */
static void judge_deeds(const struct kaya_census *census, const char *who, bool recovers,
                        const struct kaya_wal_recovery_report *report, struct kaya_violation *violation)
{
    bool succeeds = recovers && !report->closed_cleanly;
    uint64_t epoch = census->epoch + succeeds;
    uint64_t segment_count = census->chain_count + (succeeds && census->is_named);
    uint64_t carried_count = succeeds ? census->carried_count : 0;

    if (report->epoch != epoch)
        BREAK(violation, F9, "the head's link says epoch %" PRIu64 "; %s, who %s, says %" PRIu64,
              census->epoch, who, succeeds ? "found no clean close" : "changes nothing of it", report->epoch);
    if (report->segment_count != segment_count)
        BREAK(violation, P10, "%" PRIu64 " segments are in use%s; %s says %" PRIu64, segment_count,
              succeeds ? " behind the recovery" : "", who, report->segment_count);
    if (report->carried_records != carried_count)
        BREAK(violation, P3, "%" PRIu64 " records stand behind the last claim; %s carried %" PRIu64,
              carried_count, who, report->carried_records);
    if (report->verdict_row[0] == '\0')
        BREAK(violation, P4, "%s names no row of the table", who);
}

static void judge(const struct kaya_census *census, const char *who, enum kaya_status status, bool recovers,
                  const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                  struct kaya_violation *violation)
{
    if (census->is_unsure || (status != KAYA_OK && status != KAYA_DAMAGED))
        return;
    if (census->damage_count > 0) {
        judge_damage(census, who, report, anchor_lsn, violation);
        return;
    }
    if (anchor_lsn > (census->has_head ? census->last_lsn : 0)) {
        judge_anchor(census, who, report, anchor_lsn, violation);
        return;
    }
    if (report->verdict == KAYA_VERDICT_DAMAGED) {
        BREAK(violation, P4, "by the page of the format the log is whole; %s calls it damaged: %s", who,
              report->damage_reason);
        return;
    }
    if (!census->has_head)
        return;
    judge_end(census, who, report, violation);
    judge_claim(census, who, report, violation);
    judge_verdict(census, who, report, violation);
    judge_deeds(census, who, recovers, report, violation);
    if (recovers)
        judge_discarded(census, who, report, violation);
}

void kaya_census_judge(const struct kaya_census *census, const char *who, enum kaya_status status,
                       const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                       struct kaya_violation *violation)
{
    judge(census, who, status, false, report, anchor_lsn, violation);
}

void kaya_census_judge_recovery(const struct kaya_census *census, const char *who, enum kaya_status status,
                                const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn,
                                struct kaya_violation *violation)
{
    judge(census, who, status, true, report, anchor_lsn, violation);
}
