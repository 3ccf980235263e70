/* What salvage owes, from two images.
 *
 * The disk knows what would stand on it without damage. A reader of that true image tells where each record of the log stands; that
 * place is compared with the image as it is:
 *
 *      same bytes, or one bit differs      the record is owed (a flipped bit is mended)
 *      more differs, or is unreadable      it may come or not
 *      a trim of it is in doubt            it may come or not
 *      it stands behind others that do     it may come or not: what only the cache showed of a claim is gone by now, and without it
 *      not, and no claim reaches so far    this is what a crash leaves behind the end
 *      its segment's link is hit, or       it may come or not: a frame does not say by itself which record it holds
 *      both headers of it are
 *
 * Where records stand follows from where the next one begins, so bytes behind a record that are none of its own may excuse it; never
 * the other way round. That the true image is read right is judged elsewhere: the run goes on with it.
 *
 * What came is judged by the oracle, record by record; and what did not come must lie in a gap that says so. */
#include "kaya/scenarios/salvage_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/reader.h"
#include "kaya/salvage.h"
#include "kaya/scenarios/report_check.h"

enum { CAPACITY_MIN = 256, SEGMENT_NAME_BYTES = 24 };

struct check {
    const struct kaya_image *now, *truth;
    struct kaya_oracle *oracle;
    const struct kaya_outlook *outlook;
    struct kaya_violation *violation;
    bool marks_in_doubt;

    struct came {
        uint64_t lsn;
        bool is_incomplete;
        bool is_present; /* it is what was appended last under that number */
    } * came;            /* ascending */
    size_t count, capacity;
    uint64_t next_lsn; /* is due; 0: nothing came yet */
    bool is_behind_gap;
    bool is_over;        /* a gap said that nothing comes behind it */
    bool is_behind_hole; /* of the true records, one that no claim covers does not stand */
};

#define BREAK(check, promise, ...)                                                                           \
    kaya_violation_set((check)->violation, kaya_promise_name(KAYA_PROMISE_##promise), __VA_ARGS__)

/* --- what came ------------------------------------------------------------------------------------------------------ */

/* Where a link, a header or a mark is damaged, nobody can say any more which records were trimmed, cut or given up. */
static bool are_marks_in_doubt(const struct kaya_outlook *outlook)
{
    if (outlook->is_mark_damaged || outlook->is_trim_lost || outlook->place_count > KAYA_PLACES_MAX)
        return true;
    for (size_t i = 0; i < outlook->place_count; i++)
        if (outlook->places[i].begins_segment || outlook->places[i].first_lsn == 0)
            return true;
    return false;
}

static enum kaya_status keep(struct check *check, const struct kaya_wal_salvaged *salvaged)
{
    size_t capacity = check->capacity == 0 ? CAPACITY_MIN : 2 * check->capacity;
    struct came *grown;

    if (check->count == check->capacity) {
        grown = realloc(check->came, capacity * sizeof *grown);
        if (grown == NULL)
            return KAYA_NO_MEMORY;
        check->came = grown;
        check->capacity = capacity;
    }
    check->came[check->count++] =
        (struct came){ .lsn = salvaged->record.lsn,
                       .is_incomplete = salvaged->incomplete,
                       .is_present = kaya_oracle_holds(check->oracle, &salvaged->record) };
    return KAYA_OK;
}

/* The first record or gap stands at the low-water mark. */
static void judge_begin(struct check *check, uint64_t lsn)
{
    uint64_t low = kaya_oracle_first_lsn(check->oracle), low_may = kaya_oracle_first_lsn_at_most(check->oracle);

    if (check->next_lsn == 0 && !check->marks_in_doubt && (lsn < low || lsn > low_may))
        BREAK(check, P5, "the log begins with record %" PRIu64 "; salvage begins with %" PRIu64, low, lsn);
}

static void judge_gap(struct check *check, const struct kaya_wal_salvaged *gap)
{
    if (gap->reason[0] == '\0' || gap->place_count == 0)
        BREAK(check, P5, "salvage tells of a gap and gives no reason");
    if (!gap->claimed && !check->marks_in_doubt && gap->first_lsn != 0 &&
        gap->first_lsn <= check->outlook->claimed_lsn)
        BREAK(check, P5,
              "claims vouch for all up to record %" PRIu64
              "; salvage says that none does for the gap from %" PRIu64 " on",
              check->outlook->claimed_lsn, gap->first_lsn);
    if (gap->first_lsn == 0)
        return;
    judge_begin(check, gap->first_lsn);
    if (check->is_behind_gap || (check->next_lsn != 0 && gap->first_lsn != check->next_lsn) ||
        (gap->last_lsn != 0 && gap->last_lsn < gap->first_lsn))
        BREAK(check, P5, "record %" PRIu64 " is due, and salvage tells of a gap from %" PRIu64 " to %" PRIu64,
              check->next_lsn, gap->first_lsn, gap->last_lsn);
    check->next_lsn = gap->last_lsn + 1;
    check->is_behind_gap = true;
    check->is_over = gap->last_lsn == 0;
}

static enum kaya_status judge_record(struct check *check, const struct kaya_wal_salvaged *salvaged)
{
    uint64_t lsn = salvaged->record.lsn;

    if (!salvaged->record.durable && lsn <= check->outlook->claimed_lsn && !check->marks_in_doubt)
        BREAK(check, P5,
              "claims vouch for all up to record %" PRIu64 "; salvage says that none does for record %" PRIu64,
              check->outlook->claimed_lsn, lsn);

    if (check->is_over || (check->next_lsn != 0 && lsn != check->next_lsn))
        BREAK(check, P5, "salvage hands out record %" PRIu64 " where %" PRIu64 " is due, and told of no gap",
              lsn, check->is_over ? 0 : check->next_lsn);
    judge_begin(check, lsn);
    kaya_oracle_salvaged(check->oracle, salvaged, check->marks_in_doubt, check->violation);
    check->next_lsn = lsn + 1;
    check->is_behind_gap = false;
    return keep(check, salvaged);
}

static bool has_come(const struct check *check, uint64_t lsn)
{
    size_t low = 0, high = check->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (check->came[middle].lsn < lsn)
            low = middle + 1;
        else
            high = middle;
    }
    return low < check->count && check->came[low].lsn == lsn;
}

/* P11: who is given all of a batch is told that it is whole, and who is given a part that it is not. */
static void judge_batches(struct check *check)
{
    for (size_t i = 0; i < check->count; i++) {
        const struct came *came = &check->came[i];
        bool is_whole = true;
        uint64_t first, last;

        if (!came->is_present || !kaya_oracle_batch_of(check->oracle, came->lsn, &first, &last))
            continue;
        for (uint64_t lsn = first; lsn <= last && is_whole; lsn++)
            is_whole = has_come(check, lsn);
        if (came->is_incomplete == is_whole && !(is_whole && check->marks_in_doubt))
            BREAK(check, P11,
                  "of the batch of records %" PRIu64 "..%" PRIu64 " %s came, and record %" PRIu64 " is %s as of a "
                  "broken one",
                  first, last, is_whole ? "all" : "not all", came->lsn,
                  came->is_incomplete ? "marked" : "not marked");
    }
}

static enum kaya_status salvage_all(struct check *check, const struct kaya_wal_environment *environment,
                                    const struct kaya_wal_anchor *anchor)
{
    struct kaya_wal_salvage_options options = { .anchor = anchor };
    struct kaya_wal_salvage *salvage = NULL;
    struct kaya_wal_recovery_report report = { .verdict_row = "", .damage_reason = "" };
    struct kaya_wal_salvaged salvaged;
    enum kaya_status status = kaya_wal_salvage_open(environment, &options, &salvage, &report);

    kaya_report_check(KAYA_REPORT_BY_LOOK, status, &report, check->violation);
    while (status == KAYA_OK && !kaya_violation_is_set(check->violation)) {
        status = kaya_wal_salvage_next(salvage, &salvaged);
        if (status == KAYA_OK && salvaged.kind == KAYA_SALVAGED_GAP)
            judge_gap(check, &salvaged);
        else if (status == KAYA_OK)
            status = judge_record(check, &salvaged);
    }
    kaya_wal_salvage_close(salvage);
    if (status == KAYA_END && !kaya_violation_is_set(check->violation))
        judge_batches(check);
    return status == KAYA_END ? KAYA_OK : status;
}

/* --- what is owed --------------------------------------------------------------------------------------------------- */

/* A record or batch of the true image. */
struct stretch {
    uint64_t first_lsn, last_lsn;
    uint64_t segment, offset;
    uint64_t payload_bytes;
};

static const struct kaya_image_file *find_segment(const struct kaya_image *image, uint64_t number)
{
    static const char *const suffixes[] = { ".wal", ".away" };
    const struct kaya_image_file *file = NULL;
    char name[SEGMENT_NAME_BYTES];

    for (unsigned i = 0; i < sizeof suffixes / sizeof suffixes[0] && file == NULL; i++) {
        snprintf(name, sizeof name, "%016" PRIx64 "%s", number, suffixes[i]);
        file = kaya_image_find(image, name);
    }
    return file;
}

static bool is_segment_in_doubt(const struct check *check, uint64_t number)
{
    const struct kaya_outlook *outlook = check->outlook;
    char name[SEGMENT_NAME_BYTES];

    if (outlook->place_count > KAYA_PLACES_MAX)
        return true;
    snprintf(name, sizeof name, "%016" PRIx64 ".", number);
    for (size_t i = 0; i < outlook->place_count; i++)
        if (outlook->places[i].begins_segment && strncmp(outlook->places[i].file_name, name, strlen(name)) == 0)
            return true;
    return false;
}

/* At most one bit of [offset, end) differs, and all of it can be read. */
static bool stands(const struct kaya_image_file *now, const struct kaya_image_file *truth, uint64_t offset,
                   uint64_t end)
{
    unsigned bits = 0;

    if (now == NULL || truth == NULL || now->size_bytes < end || truth->size_bytes < end)
        return false;
    for (uint64_t at = offset; at < end && bits < 2; at++)
        for (unsigned differing = now->bytes[at] ^ truth->bytes[at]; differing != 0; differing &= differing - 1)
            bits++;
    for (uint64_t piece = offset / KAYA_IMAGE_PIECE_BYTES; piece * KAYA_IMAGE_PIECE_BYTES < end; piece++)
        if (now->unreadable[piece])
            return false;
    return bits < 2;
}

/* Where the stretch may end at the furthest: where the next one begins, or as far as its bytes can reach over block ends and a
 * header copy. */
static uint64_t end_of(const struct check *check, const struct stretch *stretch, const struct stretch *next)
{
    const struct kaya_image_file *truth = find_segment(check->truth, stretch->segment);
    uint64_t end = stretch->offset + 2 * stretch->payload_bytes + truth->size_bytes / 4;

    if (next != NULL && next->segment == stretch->segment)
        return next->offset;
    return end < truth->size_bytes ? end : truth->size_bytes;
}

static void judge_stretch(struct check *check, const struct stretch *stretch, const struct stretch *next)
{
    bool is_whole =
        stands(find_segment(check->now, stretch->segment), find_segment(check->truth, stretch->segment),
               stretch->offset, end_of(check, stretch, next));
    bool is_claimed = stretch->last_lsn <= check->outlook->claimed_lsn;

    check->is_behind_hole = check->is_behind_hole || (!is_whole && !is_claimed);
    if (stretch->last_lsn < kaya_oracle_first_lsn_at_most(check->oracle) ||
        is_segment_in_doubt(check, stretch->segment) || !is_whole || check->is_behind_hole)
        return;
    for (uint64_t lsn = stretch->first_lsn; lsn <= stretch->last_lsn; lsn++)
        if (!has_come(check, lsn)) {
            BREAK(check, P5,
                  "the log was refused; record %" PRIu64 " stands undamaged in segment %" PRIu64
                  " from 0x%" PRIx64 " on, and salvage did not hand it out",
                  lsn, stretch->segment, stretch->offset);
            return;
        }
}

static bool goes_on(const struct stretch *stretch, const struct kaya_wal_record *record)
{
    return stretch->segment == record->segment && stretch->offset == record->offset_bytes;
}

static void judge_truth(struct check *check, struct kaya_wal_reader *reader)
{
    struct stretch stretch = { .segment = 0 };
    struct kaya_wal_record record;

    while (kaya_wal_reader_next(reader, &record) == KAYA_OK && !kaya_violation_is_set(check->violation)) {
        if (!goes_on(&stretch, &record)) {
            struct stretch next = { record.lsn, record.lsn, record.segment, record.offset_bytes, 0 };

            if (stretch.segment != 0)
                judge_stretch(check, &stretch, &next);
            stretch = next;
        }
        stretch.last_lsn = record.lsn;
        stretch.payload_bytes += record.length;
    }
    if (stretch.segment != 0 && !kaya_violation_is_set(check->violation))
        judge_stretch(check, &stretch, NULL);
}

/* Read what would stand there without damage, on a disk of its own. Where that is no log, nothing is
 * owed. */
static void judge_owed(struct check *check, struct kaya_sim_disk *healed,
                       const struct kaya_wal_environment *environment)
{
    struct kaya_wal_environment true_environment = *environment;
    struct kaya_wal_reader *reader = NULL;

    kaya_sim_disk_process_crash(healed);
    true_environment.disk = kaya_sim_disk_boot(healed);
    if (kaya_wal_reader_open(&true_environment, NULL, &reader, NULL) == KAYA_OK)
        judge_truth(check, reader);
    kaya_wal_reader_close(reader);
    kaya_sim_disk_shut_down(healed);
}

enum kaya_status kaya_salvage_check(struct kaya_damage_watch *watch, struct kaya_oracle *oracle,
                                    const struct kaya_outlook *outlook,
                                    const struct kaya_wal_environment *environment,
                                    const struct kaya_wal_anchor *anchor, uint64_t *record_count,
                                    struct kaya_violation *violation)
{
    struct check check = { .now = kaya_damage_now(watch),
                           .truth = kaya_damage_truth(watch),
                           .oracle = oracle,
                           .outlook = outlook,
                           .violation = violation,
                           .marks_in_doubt = are_marks_in_doubt(outlook) };
    struct kaya_sim_disk *healed;
    enum kaya_status status = salvage_all(&check, environment, anchor);

    if (status == KAYA_OK && !kaya_violation_is_set(violation)) {
        status = kaya_damage_heal(watch, &healed);
        if (status == KAYA_OK)
            judge_owed(&check, healed, environment);
    }
    *record_count = check.count;
    free(check.came);
    return status;
}

enum kaya_status kaya_salvage_check_order(struct kaya_oracle *oracle, const struct kaya_outlook *outlook,
                                          const struct kaya_wal_environment *environment,
                                          const struct kaya_wal_anchor *anchor, struct kaya_violation *violation)
{
    struct check check = { .oracle = oracle, .outlook = outlook, .violation = violation, .marks_in_doubt = true };
    enum kaya_status status = salvage_all(&check, environment, anchor);

    free(check.came);
    return status;
}
