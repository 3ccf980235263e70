/* What a damaged write asks for: the table of claims.c, row by row. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "images.h"

enum {
    HEADER_BYTES = 96,
    HEADER_BLOCK_AT = 28,   /* bytes of a block, and ... */
    HEADER_UNIT_AT = 32,    /* of a unit: the first frame stands behind the larger of both; four bytes each */
    HEADER_SEGMENT_AT = 40, /* bytes of the segment, of which four are enough */
    FRAME_HEADER_BYTES = 28,
    FRAME_LENGTH_AT = 12, /* of the payload, two bytes */
    FRAME_TYPE_AT = 14,
    FRAME_TYPE_PAD = 5,
    FRAME_PLACE_AT = 16, /* in the segment, in fours, four bytes */
    FEW_BITS = 3, /* a write may hold several frames, of which each may have one bit flipped: so many ... */
    FEW_BITS_EACH = 512, /* ... and one more for so many bytes */
};

/* What the operation wrote there in one piece or more: a record may be a chain of them. */
static void find_extent(const struct kaya_claims *claims, const struct written *write,
                        struct kaya_damaged_place *place)
{
    const struct written *end = claims->writes + claims->write_count;
    size_t operation = write->operation;
    size_t life = write->life;

    while (write > claims->writes && write[-1].operation == write->operation)
        write--;
    for (; write < end && write->operation == operation; write++) {
        if (write->life != life || write->is_header || !write->stands)
            continue;
        place->write_offset = write->offset < place->write_offset ? write->offset : place->write_offset;
        place->write_end = end_of_write(write) > place->write_end ? end_of_write(write) : place->write_end;
    }
}

static void add_place(struct judgement *judgement, const struct written *write, enum kaya_refusal refusal)
{
    const struct operation *operation = &judgement->claims->operations[write->operation];
    const struct life *life = &judgement->claims->lives[write->life];
    struct kaya_outlook *outlook = judgement->outlook;
    struct kaya_damaged_place place = { .offset_bytes = write->first_differing,
                                        .write_offset = write->offset,
                                        .write_end = end_of_write(write),
                                        .first_lsn = operation->first_lsn,
                                        .last_lsn = operation->last_lsn,
                                        .begins_segment = write->is_link_hit || write->is_header,
                                        .is_unreadable = write->is_unreadable,
                                        .refusal = refusal };

    find_extent(judgement->claims, write, &place);
    memcpy(place.file_name, life->now->name, sizeof place.file_name);
    if (outlook->place_count < KAYA_PLACES_MAX)
        outlook->places[outlook->place_count] = place;
    outlook->place_count++;
    if (refusal > outlook->refusal)
        outlook->refusal = refusal;
}

/* Must its records come back, as far as damage and trims in doubt are concerned? */
static bool is_owed(const struct judgement *judgement, const struct operation *operation)
{
    return operation->is_claimed && operation->last_lsn >= judgement->low_may_lsn;
}

/* Where the PAD frame ends that begins there; 0: none does. */
static uint64_t end_of_padding(const uint8_t *frame, uint64_t offset)
{
    uint64_t place = frame[FRAME_PLACE_AT] | (uint64_t)frame[FRAME_PLACE_AT + 1] << 8 |
                     (uint64_t)frame[FRAME_PLACE_AT + 2] << 16 | (uint64_t)frame[FRAME_PLACE_AT + 3] << 24;
    uint64_t length = frame[FRAME_LENGTH_AT] | (uint64_t)frame[FRAME_LENGTH_AT + 1] << 8;

    return frame[FRAME_TYPE_AT] == FRAME_TYPE_PAD && place * 4 == offset ? offset + FRAME_HEADER_BYTES + length
                                                                         : 0;
}

/* Is nothing hit but one PAD frame? Nobody reads again what stands behind the last record of a segment, once the next segment's link names
 * that record's end. */
static bool is_padding(const struct judgement *judgement, const struct written *write)
{
    const uint8_t *truth = judgement->claims->lives[write->life].truth->bytes;
    uint64_t at = write->first_differing / 4 * 4;

    if (write->is_unreadable || write->bits == UINT64_MAX)
        return false;
    for (unsigned i = 0; i <= FRAME_HEADER_BYTES && at >= write->offset; i += 4, at -= 4)
        if (at + FRAME_HEADER_BYTES <= end_of_write(write) &&
            end_of_padding(truth + at, at) > write->last_differing)
            return true;
    return false;
}

/* Must a recovery come by it and see its damage? An append that rotates first leaves marks in a segment that may hold no record any more;
 * nobody reads that one. */
static bool is_read(const struct judgement *judgement, const struct written *write)
{
    return is_owed(judgement, &judgement->claims->operations[write->operation]) &&
           judgement->claims->lives[write->life].last_record_lsn >= judgement->low_may_lsn &&
           !is_padding(judgement, write) && kaya_claims_count_shown_bits(judgement->claims, write, true) > 0;
}

static uint64_t few_bits(const struct written *write)
{
    return FEW_BITS + write->length / FEW_BITS_EACH;
}

static bool is_few(const struct written *write)
{
    return !write->is_unreadable && write->bits <= few_bits(write);
}

/* Everybody who reads it sees it, and nobody can mend it. */
static bool is_beyond_mending(const struct judgement *judgement, const struct written *write)
{
    return !is_few(write) && !is_padding(judgement, write) &&
           kaya_claims_count_shown_bits(judgement->claims, write, true) > few_bits(write);
}

/* Did an operation behind it, of the same life of the file, append nothing? It may have left a mark, which goes with what stands before it. */
static bool has_mark_behind(const struct kaya_claims *claims, const struct written *write)
{
    const struct written *end = claims->writes + claims->write_count;

    for (const struct written *other = write + 1; other < end; other++)
        if (other->life == write->life && !other->is_header && claims->operations[other->operation].last_lsn == 0)
            return true;
    return false;
}

static void judge_records(struct judgement *judgement, const struct written *write)
{
    const struct operation *operation = &judgement->claims->operations[write->operation];
    struct kaya_outlook *outlook = judgement->outlook;

    if (operation->is_claimed) {
        add_place(judgement, write,
                  is_owed(judgement, operation) && is_beyond_mending(judgement, write) ? KAYA_REFUSAL_REQUIRED
                                                                                       : KAYA_REFUSAL_ALLOWED);
        return;
    }
    add_place(judgement, write, KAYA_REFUSAL_ALLOWED);
    if (write->is_unreadable)
        return;
    at_most(&outlook->kept_lsn, operation->first_lsn - 1);
    outlook->is_trim_lost = outlook->is_trim_lost || has_mark_behind(judgement->claims, write);
    if (write->is_link_hit) {
        outlook->is_mark_damaged = true;
        at_most(&outlook->kept_lsn, judgement->reach_lsn);
    }
}

/* A write that appended nothing: links, marks, and a recovery's copies. */
static void judge_marks(struct judgement *judgement, const struct written *write)
{
    const struct operation *operation = &judgement->claims->operations[write->operation];
    const struct life *life = &judgement->claims->lives[write->life];
    struct kaya_outlook *outlook = judgement->outlook;
    bool has_records =
        operation->returned_lsn >= judgement->low_lsn || operation->durable_lsn >= judgement->low_lsn;
    bool holds_copies =
        operation->recovery && write == &judgement->claims->writes[life->first] &&
        write->length > LINK_BYTES && !write->is_link_hit && !operation->has_dropped_copies &&
        has_records; /* of a log without any there is nothing to copy: padding makes the write long */

    if (life->last_lsn < judgement->low_may_lsn && judgement->low_may_lsn > judgement->low_lsn)
        holds_copies = false; /* a trim in doubt may have let go of them */
    if (operation->is_followed) {
        add_place(judgement, write,
                  holds_copies && operation->is_followed_in_era && is_beyond_mending(judgement, write)
                      ? KAYA_REFUSAL_REQUIRED
                      : KAYA_REFUSAL_ALLOWED);
        return;
    }
    add_place(judgement, write, KAYA_REFUSAL_ALLOWED);
    if (write->is_unreadable)
        return;
    outlook->is_mark_damaged = true;
    at_most(&outlook->kept_lsn, judgement->reach_lsn);
}

/* Did its operation write more behind it, into the same file? Then it may be a mark in front of the records, and outlive them. */
static bool may_be_mark(const struct kaya_claims *claims, const struct written *write)
{
    const struct written *end = claims->writes + claims->write_count;

    for (const struct written *other = write + 1; other < end && other->operation == write->operation; other++)
        if (other->life == write->life && !other->is_header && other->offset >= end_of_write(write))
            return true;
    return false;
}

/* The bits that differ in those of its sectors that lost but a few: a frame there may be mended, whatever became of the others. */
static uint64_t count_lone_bits(const struct judgement *judgement, const struct written *write)
{
    const struct life *life = &judgement->claims->lives[write->life];
    uint64_t count = 0, last = end_of_write(write), end;

    at_most(&last, life->now->size_bytes);
    for (uint64_t at = write->offset; at < last; at = end) {
        struct written part = { .offset = at };

        end = (at / KAYA_IMAGE_PIECE_BYTES + 1) * KAYA_IMAGE_PIECE_BYTES;
        at_most(&end, last);
        part.length = end - at;
        kaya_claims_count_bits(&part, life->now->bytes + at, life->truth->bytes + at);
        if (!kaya_claims_is_unreadable(life->now, at, end) && part.bits <= few_bits(&part))
            count += part.bits;
    }
    return count;
}

/* So many bits of it may be mended by who sees no more of the damage than he must. */
static uint64_t count_mendable(const struct judgement *judgement, const struct written *write)
{
    uint64_t bits = write->bits;

    if (!is_few(write)) {
        if (kaya_claims_count_shown_bits(judgement->claims, write, true) > few_bits(write))
            return count_lone_bits(judgement, write);
        bits = kaya_claims_count_shown_bits(judgement->claims, write, false);
        at_most(&bits, few_bits(write));
    }
    return bits;
}

static void judge_write(struct judgement *judgement, const struct written *write)
{
    const struct operation *operation = &judgement->claims->operations[write->operation];
    struct kaya_outlook *outlook = judgement->outlook;
    bool holds_records = operation->last_lsn != 0 && operation->life == write->life;

    /* a mark that an append left in front of its record outlives it */
    if (holds_records && operation->is_dead && may_be_mark(judgement->claims, write))
        holds_records = false;
    if (holds_records && (operation->is_dead || operation->last_lsn < judgement->low_lsn)) {
        judgement->mendable_dead += count_mendable(judgement, write);
        return;
    }
    if (write->bits == 1 && !write->is_unreadable) {
        outlook->mended_max++;
        outlook->mended_min += is_read(judgement, write) && operation->is_of_last_era;
        return;
    }
    outlook->mended_max += count_mendable(judgement, write);
    if (holds_records)
        judge_records(judgement, write);
    else
        judge_marks(judgement, write);
}

/* Of a write that a crash or a broken promise took in part. A torn frame may differ from what was written in one bit. A link is told by its own bytes: what the disk
 * holds of the rest, nothing perhaps, has no say in whether it is whole, mended or lost. */
static void judge_remains(struct judgement *judgement, const struct written *write)
{
    const struct life *life = &judgement->claims->lives[write->life];
    bool holds_link = write == &judgement->claims->writes[life->first];

    if (!life->has_standing && life->link_bits > 1)
        return; /* no frame of it can be reached */
    if (!holds_link || write->length > LINK_BYTES)
        judgement->outlook->mended_max++;
    if (holds_link && life->link_bits == 1)
        judgement->outlook->mended_max++;
    else if (write->is_link_hit)
        judge_marks(judgement, write);
}

static uint64_t count_mendable_dead(const struct judgement *judgement, const struct written *write)
{
    const struct life *life = &judgement->claims->lives[write->life];

    if (write->stands)
        return write->is_header ? 0 : count_mendable(judgement, write);
    return write == &judgement->claims->writes[life->first] && life->link_bits == 1;
}

/* Both headers of a segment in use are bad. */
static void judge_headers(struct judgement *judgement, const struct written *write)
{
    if (judgement->claims->lives[write->life].bad_headers < 2)
        return;
    add_place(judgement, write, KAYA_REFUSAL_ALLOWED);
    judgement->outlook->is_damaged = true;
    if (!judgement->claims->lives[write->life].has_standing)
        return; /* a spare: nothing can be lost, but a file with a stranger's header may have been in use */
    judgement->outlook->is_mark_damaged = true;
    at_most(&judgement->outlook->kept_lsn, judgement->reach_lsn);
}

static uint64_t header_field(const struct life *life, unsigned at)
{
    const uint8_t *bytes = life->truth->bytes + at;

    return bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;
}

static uint64_t number_of(const struct life *life)
{
    return strtoull(life->now->name, NULL, 16);
}

static bool is_there(const struct life *life)
{
    return life->now != NULL && life->truth->size_bytes >= HEADER_BYTES;
}

/* A spare, and something of it cannot be read. The log may say so, and stop: it is no spare for sure where frames were written to it; nor, if the
 * place of its link is hit, where two more stand behind it (a segment takes records only in front of two), or where the one in use was cut to its end (a recovery took
 * the next). */
static bool may_be_in_use(const struct kaya_claims *claims, const struct life *spare)
{
    const struct life *head = NULL;
    uint64_t first, behind = 0;

    if (!is_there(spare) || !spare->is_unreadable)
        return false;
    if (spare->has_frames)
        return true;
    first = header_field(spare, HEADER_BLOCK_AT) > header_field(spare, HEADER_UNIT_AT)
                ? header_field(spare, HEADER_BLOCK_AT)
                : header_field(spare, HEADER_UNIT_AT);
    if (!kaya_claims_is_unreadable(spare->now, first, first + LINK_BYTES))
        return false;
    for (const struct life *life = claims->lives; life < claims->lives + claims->life_count; life++) {
        if (!is_there(life))
            continue;
        behind += number_of(life) > number_of(spare);
        if (life->has_standing && number_of(life) < number_of(spare) &&
            (head == NULL || number_of(life) > number_of(head)))
            head = life;
    }
    return behind >= 2 || (head != NULL && head->now->size_bytes < header_field(head, HEADER_SEGMENT_AT));
}

static void judge_life(struct judgement *judgement, const struct life *life)
{
    struct kaya_outlook *outlook = judgement->outlook;

    outlook->is_unreadable = outlook->is_unreadable || life->is_unreadable;
    if (life->is_dead && !life->has_standing && may_be_in_use(judgement->claims, life) &&
        outlook->refusal < KAYA_REFUSAL_ALLOWED)
        outlook->refusal = KAYA_REFUSAL_ALLOWED;
    if (life->is_dead)
        return;
    outlook->is_damaged = outlook->is_damaged || life->differs;
    if (life->is_unreadable && outlook->refusal < KAYA_REFUSAL_ALLOWED)
        outlook->refusal = KAYA_REFUSAL_ALLOWED;
}

void kaya_claims_judge_damage(struct judgement *judgement)
{
    const struct kaya_claims *claims = judgement->claims;

    for (size_t i = 0; i < claims->life_count; i++)
        if (claims->lives[i].now != NULL)
            judge_life(judgement, &claims->lives[i]);
    for (size_t i = 0; i < claims->write_count; i++) {
        const struct written *write = &claims->writes[i];
        const struct life *life = &claims->lives[write->life];
        if (life->now == NULL)
            continue;
        if (write->stands && write->bits > kaya_claims_count_shown_bits(claims, write, true))
            judgement->outlook->is_hidden = true;
        if (life->is_dead && life->has_standing)
            judgement->mendable_dead += count_mendable_dead(judgement, write);
        else if (write->is_header && !is_whole_write(write))
            judge_headers(judgement, write);
        else if (!write->is_header && !write->stands)
            judge_remains(judgement, write);
        else if (!is_whole_write(write))
            judge_write(judgement, write);
    }
}
