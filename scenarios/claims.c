/* Claims, from the trace; damage, from two images.
 *
 * Kept: every operation, with what was durable when it began; every write that it made, with a hash of its bytes. A file lives
 * from one writing of its header to the next, and within one life its frames are written from front to back, each byte once. So a
 * write of the present life is part of the log for as long as its bytes stand in the true image; what differs in the image as it
 * is, was damaged.
 *
 *        operation k began: records up to D are durable          its write stands whole, behind an undamaged link
 *        ------------------------------------------------------> every record up to D is claimed
 *
 * A recovery may copy records that no claim reached, and leaves the others where they are. So for a record that was written
 * before a recovery only claims from before that recovery tell whether its bytes are still the live ones. Where one did,
 * right before that recovery, the record is *settled*: from then on every later claim vouches for it as well, since a log is
 * read backwards, link by link. Copies stand in the writes of the recovery itself, behind its link.
 *
 * What a damaged write asks for:
 *
 *        what                       claimed                       not claimed
 *        hidden by the cache        refuse or lose nothing        allowed, may be lost
 *        one bit differs            mended: nothing is refused, nothing is lost
 *        a few bits                 refuse or lose nothing        allowed, may be lost
 *        more                       refuse                        allowed, may be lost, and all behind it, marks too
 *        unreadable                 refuse                        refuse or lose nothing: no end is cut for a read error
 *        a link, a mark             refuse or lose nothing        allowed, all that is not claimed elsewhere may be lost
 *        a PAD frame                   allowed                    allowed, may be lost, and all behind it
 *        a header copy, dead or trimmed bytes, a spare            nothing
 *        both header copies of a spare                            allowed: a segment that is lost would look so
 *        a spare, unreadable                                      allowed where nothing tells that it was never in use
 *
 * Where the trace does not tell, the answer is "allowed": the judge is never stricter than the promise. Of the format it knows
 * how a header begins and which sizes it says, that a link is a life's first frame, and how a PAD frame looks. */
#include "kaya/scenarios/claims.h"

#include <stdlib.h>
#include <string.h>

#include "claims/images.h"
#include "claims/judge.h"

const char *kaya_refusal_name(enum kaya_refusal refusal)
{
    static const char *const names[] = { "forbidden", "allowed", "required" };

    return (unsigned)refusal < sizeof names / sizeof names[0] ? names[refusal] : "?";
}

struct kaya_claims *kaya_claims_create(void)
{
    return calloc(1, sizeof(struct kaya_claims));
}

void kaya_claims_destroy(struct kaya_claims *claims)
{
    if (claims == NULL)
        return;
    free(claims->operations);
    free(claims->writes);
    free(claims->lives);
    free(claims->shown);
    free(claims);
}

void kaya_claims_reset(struct kaya_claims *claims)
{
    claims->operation_count = 0;
    claims->write_count = 0;
    claims->life_count = 0;
    claims->shown_count = 0;
    claims->incomplete = false;
}

/* --- What is claimed --- */

static bool begins_well(const struct life *life)
{
    return life->link_stands && life->bad_headers < 2;
}

/* All that one operation wrote to a file must stand: a frame may have been written in pieces. */
static bool stands_alone(const struct kaya_claims *claims, size_t index)
{
    const struct written *write = &claims->writes[index];
    size_t first = index;

    while (first > 0 && claims->writes[first - 1].operation == write->operation)
        first--;
    for (size_t i = first; i < claims->write_count && claims->writes[i].operation == write->operation; i++)
        if (claims->writes[i].life == write->life && !claims->writes[i].is_header &&
            !is_whole_write(&claims->writes[i]))
            return false;
    return true;
}

static void note_claims(struct kaya_claims *claims)
{
    for (size_t i = 0; i < claims->operation_count; i++)
        claims->operations[i].claims = false;
    for (size_t i = 0; i < claims->write_count; i++) {
        const struct written *write = &claims->writes[i];
        struct operation *operation = &claims->operations[write->operation];
        if (is_whole_write(write) && !write->is_header && !operation->is_dead && !operation->recovery &&
            !operation->claims && begins_well(&claims->lives[write->life]))
            operation->claims = stands_alone(claims, i);
    }
}

static void find_claims(struct kaya_claims *claims)
{
    uint64_t in_era = 0;
    uint64_t in_all = 0;
    bool followed_in_era = false;
    bool last_era = true;
    bool followed = false;

    note_claims(claims);
    for (size_t i = claims->operation_count; i-- > 0;) {
        struct operation *operation = &claims->operations[i];
        operation->is_followed = followed;
        operation->is_followed_in_era = followed_in_era;
        operation->is_of_last_era = last_era;
        operation->is_claimed = operation->last_lsn != 0 && !operation->is_dead &&
                                operation->last_lsn <= (operation->is_settled ? in_all : in_era);
        if (operation->claims) {
            followed = followed_in_era = true;
            in_era = in_era > operation->durable_lsn ? in_era : operation->durable_lsn;
            in_all = in_all > operation->durable_lsn ? in_all : operation->durable_lsn;
        }
        if (operation->recovery) {
            last_era = false;
            in_era = 0;
            followed_in_era = false;
        }
    }
}

/* How far surviving claims reach. */
static uint64_t reach(const struct kaya_claims *claims)
{
    uint64_t lsn = 0;

    for (size_t i = 0; i < claims->operation_count; i++)
        if (claims->operations[i].claims && claims->operations[i].durable_lsn > lsn)
            lsn = claims->operations[i].durable_lsn;
    return lsn;
}

/* Trims free whole segments: one that holds trimmed records only is dead, but for the one in use. */
static void find_dead(struct kaya_claims *claims, uint64_t low_lsn)
{
    size_t latest = SIZE_MAX;

    for (size_t i = 0; i < claims->write_count; i++)
        if (claims->writes[i].stands && !claims->writes[i].is_header)
            latest = claims->writes[i].life;
    for (size_t i = 0; i < claims->life_count; i++) {
        struct life *life = &claims->lives[i];
        life->is_dead = !life->has_standing || (life->last_lsn != 0 && life->last_lsn < low_lsn && i != latest);
    }
}

void kaya_outlook_copy(const struct kaya_outlook *from, struct kaya_outlook *to)
{
    size_t count = from->place_count < KAYA_PLACES_MAX ? from->place_count : KAYA_PLACES_MAX;

    memcpy(to, from, offsetof(struct kaya_outlook, places));
    memcpy(to->places, from->places, count * sizeof from->places[0]);
}

enum kaya_status kaya_claims_judge(struct kaya_claims *claims, const struct kaya_image *now,
                                   const struct kaya_image *truth, uint64_t low_lsn, uint64_t low_may_lsn,
                                   struct kaya_outlook *outlook)
{
    struct judgement judgement = {
        .claims = claims, .outlook = outlook, .low_lsn = low_lsn, .low_may_lsn = low_may_lsn
    };

    if (claims->incomplete)
        return KAYA_NO_MEMORY;
    *outlook = (struct kaya_outlook)KAYA_OUTLOOK_OF_NO_DAMAGE;
    outlook->mended_max = 0;
    kaya_claims_compare(claims, now, truth);
    find_claims(claims);
    find_dead(claims, low_lsn);
    judgement.reach_lsn = outlook->claimed_lsn = reach(claims);
    kaya_claims_judge_damage(&judgement);
    if (outlook->is_mark_damaged)
        outlook->mended_max += judgement.mendable_dead;
    return KAYA_OK;
}
