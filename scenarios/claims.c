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
#include <xxhash.h>

enum {
    CAPACITY_MIN = 64,
    LINK_BYTES = 84, /* a LINK frame: 28 bytes of header and 56 of payload */
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
    FEW_BITS_EACH = 512,     /* ... and one more for so many bytes */
    SECTOR_BYTES_MAX = 4096, /* of the profiles */
};

static const uint8_t header_magic[8] = "kaya-wal";

struct operation {
    uint64_t durable_lsn, first_lsn, last_lsn;
    bool recovery;
    uint64_t returned_lsn;   /* of a recovery: the last record that it returned, or that the next one did */
    bool has_returned;       /* ... once one did */
    bool has_dropped_copies; /* a later recovery or cut-back returned less: some of what it copied is dead */
    bool is_dead;            /* a recovery ended before its records */
    size_t life;             /* the last one that it wrote frames to: where its records stand */
    bool is_settled; /* its records were claimed when a recovery began, so that one left them where they are */
    /* of the last judgement */
    bool claims;             /* something that it wrote stands */
    bool is_claimed;         /* its records are */
    bool is_followed;        /* an operation behind it claims */
    bool is_of_last_era;     /* no recovery came behind it */
    bool is_followed_in_era; /* ... and before any recovery */
};

struct written {
    size_t operation; /* its index */
    size_t life;      /* likewise */
    uint64_t offset, length, hash;
    uint64_t event; /* of the trace, by index */
    bool is_header;
    /* of the last judgement */
    bool stands;        /* in the true image, in the file's present life: it is part of the log */
    bool is_unreadable; /* now, in part; of one that does not stand: its link */
    bool is_link_hit;   /* its first bytes differ */
    uint64_t first_differing, last_differing;
    uint64_t bits; /* that differ now */
};

/* Damage began to show. */
struct shown {
    uint64_t inode, offset, length;
    uint64_t event;
    bool may_be_hidden; /* again, as of the last judgement */
};

/* A file from one header to the next. */
struct life {
    uint64_t inode;
    bool has_frames;
    bool is_over;             /* another one began in the same file */
    size_t first;             /* its first frames, standing or not: an index, SIZE_MAX: none */
    uint8_t link[LINK_BYTES]; /* as it was written, with them */
    size_t link_length;       /* less where they came in pieces */
    /* of the last judgement */
    const struct kaya_image_file *now, *truth; /* NULL: the file is gone */
    bool has_standing;                         /* some frame of it stands in the true image */
    bool link_stood;                           /* the link stands in the true image ... */
    bool link_stands;                          /* ... and now */
    uint64_t link_bits;       /* that differ now from what was written; UINT64_MAX: more than can be told */
    uint64_t last_lsn;        /* the highest of those who wrote to it, if only a mark ... */
    uint64_t last_record_lsn; /* ... and of the records that they appended to it */
    unsigned bad_headers;
    bool is_dead; /* holds trimmed records only, and is not the last one written */
    bool is_unreadable;
    bool differs; /* anywhere */
};

struct kaya_claims {
    struct operation *operations;
    size_t operation_count, operation_capacity;
    struct written *writes;
    size_t write_count, write_capacity;
    struct life *lives;
    size_t life_count, life_capacity;
    struct shown *shown;
    size_t shown_count, shown_capacity;
    bool incomplete; /* memory ran out */
};

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

/* --- Listening --- */

static bool make_room(void **rows, size_t *capacity, size_t count, size_t row_bytes)
{
    size_t wanted = *capacity == 0 ? CAPACITY_MIN : *capacity * 2;
    void *more;

    if (count < *capacity)
        return true;
    more = realloc(*rows, wanted * row_bytes);
    if (more == NULL)
        return false;
    *rows = more;
    *capacity = wanted;
    return true;
}

void kaya_claims_begin(struct kaya_claims *claims, uint64_t durable_lsn, uint64_t first_lsn,
                       uint64_t last_lsn, bool recovery)
{
    void *rows = claims->operations;

    if (!make_room(&rows, &claims->operation_capacity, claims->operation_count, sizeof *claims->operations)) {
        claims->incomplete = true;
        return;
    }
    claims->operations = rows;
    claims->operations[claims->operation_count++] = (struct operation){
        .durable_lsn = durable_lsn, .first_lsn = first_lsn, .last_lsn = last_lsn, .recovery = recovery
    };
}

void kaya_claims_recovered(struct kaya_claims *claims, uint64_t last_lsn)
{
    for (size_t i = 0; i < claims->operation_count; i++) {
        struct operation *operation = &claims->operations[i];
        if (operation->durable_lsn > last_lsn)
            operation->durable_lsn = last_lsn;
        if (operation->last_lsn > last_lsn)
            operation->is_dead = true;
        if (operation->recovery && !operation->has_returned) {
            operation->has_returned = true;
            operation->returned_lsn = last_lsn;
        }
        if (operation->returned_lsn > last_lsn)
            operation->has_dropped_copies = true;
        operation->is_settled =
            operation->is_claimed; /* no longer where its claims were lost: it may have been copied */
    }
}

/* The life that the file is in; SIZE_MAX: none yet. */
static size_t find_life(const struct kaya_claims *claims, uint64_t inode)
{
    for (size_t i = claims->life_count; i-- > 0;)
        if (claims->lives[i].inode == inode)
            return i;
    return SIZE_MAX;
}

/* A header behind frames begins a life. */
static size_t life_for(struct kaya_claims *claims, uint64_t inode, bool is_header)
{
    size_t life = find_life(claims, inode);
    void *rows = claims->lives;

    if (life != SIZE_MAX && !(is_header && claims->lives[life].has_frames)) {
        claims->lives[life].has_frames = claims->lives[life].has_frames || !is_header;
        return life;
    }
    if (!make_room(&rows, &claims->life_capacity, claims->life_count, sizeof *claims->lives)) {
        claims->incomplete = true;
        return SIZE_MAX;
    }
    claims->lives = rows;
    if (life != SIZE_MAX)
        claims->lives[life].is_over = true;
    claims->lives[claims->life_count] =
        (struct life){ .inode = inode, .has_frames = !is_header, .first = SIZE_MAX };
    return claims->life_count++;
}

static bool all_zeros(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* The link comes with the first frames; a recovery may begin a life anew. */
static void note_link(struct kaya_claims *claims, size_t index, const uint8_t *content)
{
    const struct written *write = &claims->writes[index];
    struct life *life = &claims->lives[write->life];

    if (life->first != SIZE_MAX && write->offset > claims->writes[life->first].offset)
        return;
    life->first = index;
    life->link_length = write->length < LINK_BYTES ? (size_t)write->length : LINK_BYTES;
    memcpy(life->link, content, life->link_length);
}

static void note_write(struct kaya_claims *claims, const struct kaya_trace_event *event)
{
    bool is_header = event->content_length >= sizeof header_magic &&
                     memcmp(event->content, header_magic, sizeof header_magic) == 0;
    void *rows = claims->writes;
    size_t life;

    if (claims->operation_count == 0 || all_zeros(event->content, event->content_length))
        return;
    life = life_for(claims, event->a, is_header);
    if (life == SIZE_MAX ||
        !make_room(&rows, &claims->write_capacity, claims->write_count, sizeof *claims->writes)) {
        claims->incomplete = true;
        return;
    }
    if (!is_header)
        claims->operations[claims->operation_count - 1].life = life;
    claims->writes = rows;
    claims->writes[claims->write_count++] = (struct written){
        .operation = claims->operation_count - 1,
        .life = life,
        .offset = event->b,
        .length = event->content_length,
        .hash = XXH3_64bits(event->content, event->content_length),
        .event = event->index,
        .is_header = is_header,
    };
    if (!is_header)
        note_link(claims, claims->write_count - 1, event->content);
}

/* Does the family change what stands on the disk? */
static bool is_lasting(const char *family)
{
    for (int i = 0; i < KAYA_FAULTS; i++)
        if (strcmp(kaya_fault_name((enum kaya_fault)i), family) == 0)
            return kaya_fault_group((enum kaya_fault)i) != KAYA_FAULT_GROUP_READS;
    return false;
}

static void note_shown(struct kaya_claims *claims, const struct kaya_trace_event *event)
{
    void *rows = claims->shown;

    if (!make_room(&rows, &claims->shown_capacity, claims->shown_count, sizeof *claims->shown)) {
        claims->incomplete = true;
        return;
    }
    claims->shown = rows;
    claims->shown[claims->shown_count++] =
        (struct shown){ .inode = event->a, .offset = event->b, .length = event->c, .event = event->index };
}

void kaya_claims_hear(void *user, const struct kaya_trace_event *event)
{
    struct kaya_claims *claims = user;

    if (event->status == KAYA_OK && event->content != NULL &&
        (event->kind == KAYA_TRACE_WRITE || event->kind == KAYA_TRACE_WRITE_DURABLE))
        note_write(claims, event);
    if (event->kind == KAYA_TRACE_FAULT && is_lasting(event->text))
        note_shown(claims, event);
}

/* --- The two images --- */

static const struct kaya_image_file *find_inode(const struct kaya_image *image, uint64_t inode)
{
    for (size_t i = 0; i < image->file_count; i++)
        if (image->files[i].inode == inode)
            return &image->files[i];
    return NULL;
}

static bool is_unreadable(const struct kaya_image_file *file, uint64_t offset, uint64_t end)
{
    if (end > file->size_bytes)
        end = file->size_bytes;
    for (uint64_t piece = offset / KAYA_IMAGE_PIECE_BYTES; piece * KAYA_IMAGE_PIECE_BYTES < end; piece++)
        if (file->unreadable[piece])
            return true;
    return false;
}

static bool differs(const struct kaya_image_file *now, const struct kaya_image_file *truth)
{
    return now->size_bytes != truth->size_bytes ||
           memcmp(now->bytes, truth->bytes, (size_t)now->size_bytes) != 0 ||
           is_unreadable(now, 0, now->size_bytes);
}

static void find_files(struct kaya_claims *claims, const struct kaya_image *now, const struct kaya_image *truth)
{
    for (size_t i = 0; i < claims->life_count; i++) {
        struct life *life = &claims->lives[i];
        life->now = life->is_over ? NULL : find_inode(now, life->inode);
        life->truth = life->is_over ? NULL : find_inode(truth, life->inode);
        if (life->now == NULL || life->truth == NULL)
            life->now = life->truth = NULL;
        life->has_standing = life->link_stood = life->link_stands = false;
        life->link_bits = 0;
        life->last_lsn = life->last_record_lsn = 0;
        life->bad_headers = 0;
        life->is_dead = true;
        life->is_unreadable = life->now != NULL && is_unreadable(life->now, 0, life->now->size_bytes);
        life->differs = life->now != NULL && differs(life->now, life->truth);
    }
}

static uint64_t end_of(const struct written *write)
{
    return write->offset + write->length;
}

/* Was the sector written again behind that? Then the cache may hide what the medium holds, once more. */
static bool is_written_over(const struct kaya_claims *claims, const struct shown *shown)
{
    uint64_t first = shown->offset / SECTOR_BYTES_MAX;
    uint64_t last = (shown->offset + shown->length) / SECTOR_BYTES_MAX;

    for (size_t i = claims->write_count; i-- > 0 && claims->writes[i].event > shown->event;)
        if (claims->lives[claims->writes[i].life].inode == shown->inode &&
            claims->writes[i].offset / SECTOR_BYTES_MAX <= last &&
            end_of(&claims->writes[i]) / SECTOR_BYTES_MAX >= first)
            return true;
    return false;
}

static void find_hidden(struct kaya_claims *claims)
{
    for (size_t i = 0; i < claims->shown_count; i++)
        claims->shown[i].may_be_hidden = is_written_over(claims, &claims->shown[i]);
}

/* Has damage begun to show there, surely or perhaps? Until then the cache holds the good bytes, and who reads through it sees no damage. */
static bool is_shown_at(const struct kaya_claims *claims, const struct written *write, uint64_t offset, bool surely)
{
    uint64_t inode = claims->lives[write->life].inode;

    for (size_t i = claims->shown_count; i-- > 0 && claims->shown[i].event > write->event;) {
        const struct shown *shown = &claims->shown[i];
        if (shown->inode == inode && offset >= shown->offset && offset < shown->offset + shown->length &&
            !(surely && shown->may_be_hidden))
            return true;
    }
    return false;
}

/* How many of the bits that differ show, surely or perhaps; UINT64_MAX: bytes that cannot be read do. Other damage to the same write may still be hidden by
 * the cache. */
static uint64_t count_shown_bits(const struct kaya_claims *claims, const struct written *write, bool surely)
{
    const struct life *life = &claims->lives[write->life];
    uint64_t at = write->offset;
    uint64_t end = end_of(write);
    uint64_t bits = 0;

    if (!write->is_unreadable && write->bits != UINT64_MAX) {
        at = write->first_differing;
        end = write->bits == 0 ? at : write->last_differing + 1;
    }
    for (; at < end && at < life->now->size_bytes; at++) {
        bool is_bad = write->is_unreadable && is_unreadable(life->now, at, at + 1);
        if ((!is_bad && life->now->bytes[at] == life->truth->bytes[at]) ||
            !is_shown_at(claims, write, at, surely))
            continue;
        if (is_bad)
            return UINT64_MAX;
        bits += (unsigned)__builtin_popcount((unsigned)(life->now->bytes[at] ^ life->truth->bytes[at]));
    }
    return bits;
}

static void count_bits(struct written *write, const uint8_t *now, const uint8_t *truth)
{
    for (uint64_t i = 0; i < write->length; i++) {
        if (now[i] == truth[i])
            continue;
        if (write->bits == 0)
            write->first_differing = write->offset + i;
        write->last_differing = write->offset + i;
        write->bits += (unsigned)__builtin_popcount((unsigned)(now[i] ^ truth[i]));
    }
}

static void compare(struct written *write, const struct life *life)
{
    write->stands = false;
    write->is_unreadable = false;
    write->bits = 0;
    write->first_differing = write->offset;
    if (life->truth == NULL || end_of(write) > life->truth->size_bytes ||
        XXH3_64bits(life->truth->bytes + write->offset, write->length) != write->hash)
        return;
    write->stands = true;
    if (!life->differs)
        return;
    if (end_of(write) > life->now->size_bytes) {
        write->bits = UINT64_MAX;
        return;
    }
    write->is_unreadable = is_unreadable(life->now, write->offset, end_of(write));
    count_bits(write, life->now->bytes + write->offset, life->truth->bytes + write->offset);
}

static bool is_whole(const struct written *write)
{
    return write->stands && write->bits == 0 && !write->is_unreadable;
}

static uint64_t count_link_bits(const struct life *life, uint64_t offset, const struct kaya_image_file *file)
{
    uint64_t bits = 0;

    if (offset + life->link_length > file->size_bytes || is_unreadable(file, offset, offset + life->link_length))
        return UINT64_MAX;
    for (size_t i = 0; i < life->link_length; i++)
        bits += (unsigned)__builtin_popcount((unsigned)(file->bytes[offset + i] ^ life->link[i]));
    return bits;
}

/* The link came with the first frames, and is a frame of its own: it may stand, or be hit, where another sector of that write was lost. It
 * is then all that the disk holds of a rotation, and the segment is in use. */
static void judge_link(struct life *life, struct written *write)
{
    if (life->truth == NULL)
        return;
    life->link_stood = count_link_bits(life, write->offset, life->truth) == 0;
    life->link_bits = count_link_bits(life, write->offset, life->now);
    life->link_stands = life->link_stood && life->link_bits == 0;
    life->has_standing = life->has_standing || life->link_stood;
    write->is_link_hit = life->link_stood && !life->link_stands;
    if (!write->stands)
        write->is_unreadable =
            write->is_link_hit && is_unreadable(life->now, write->offset, write->offset + life->link_length);
}

static void note_in_life(struct kaya_claims *claims, size_t index)
{
    struct written *write = &claims->writes[index];
    struct life *life = &claims->lives[write->life];
    const struct operation *operation = &claims->operations[write->operation];

    if (write->is_header) {
        life->bad_headers += write->stands && !is_whole(write);
        return;
    }
    write->is_link_hit = false;
    if (life->first == index)
        judge_link(life, write);
    if (!write->stands)
        return;
    life->has_standing = true;
    if (operation->is_dead)
        return;
    if (operation->last_lsn > life->last_lsn)
        life->last_lsn = operation->last_lsn;
    if (operation->life == write->life && operation->last_lsn > life->last_record_lsn)
        life->last_record_lsn = operation->last_lsn;
}

/* --- Claims --- */

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
            !is_whole(&claims->writes[i]))
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
        if (is_whole(write) && !write->is_header && !operation->is_dead && !operation->recovery &&
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

/* --- Judging --- */

struct judgement {
    const struct kaya_claims *claims;
    struct kaya_outlook *outlook;
    uint64_t low_lsn, low_may_lsn;
    uint64_t reach_lsn;
    uint64_t mendable_dead; /* bits in what was trimmed or given up, which may come back where a mark is damaged */
};

static void at_most(uint64_t *value, uint64_t most)
{
    *value = *value < most ? *value : most;
}

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
        place->write_end = end_of(write) > place->write_end ? end_of(write) : place->write_end;
    }
}

static void add_place(struct judgement *judgement, const struct written *write, enum kaya_refusal refusal)
{
    const struct operation *operation = &judgement->claims->operations[write->operation];
    const struct life *life = &judgement->claims->lives[write->life];
    struct kaya_outlook *outlook = judgement->outlook;
    struct kaya_damaged_place place = { .offset_bytes = write->first_differing,
                                        .write_offset = write->offset,
                                        .write_end = end_of(write),
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
        if (at + FRAME_HEADER_BYTES <= end_of(write) && end_of_padding(truth + at, at) > write->last_differing)
            return true;
    return false;
}

/* Must a recovery come by it and see its damage? An append that rotates first leaves marks in a segment that may hold no record any more;
 * nobody reads that one. */
static bool is_read(const struct judgement *judgement, const struct written *write)
{
    return is_owed(judgement, &judgement->claims->operations[write->operation]) &&
           judgement->claims->lives[write->life].last_record_lsn >= judgement->low_may_lsn &&
           !is_padding(judgement, write) && count_shown_bits(judgement->claims, write, true) > 0;
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
           count_shown_bits(judgement->claims, write, true) > few_bits(write);
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
        if (other->life == write->life && !other->is_header && other->offset >= end_of(write))
            return true;
    return false;
}

/* The bits that differ in those of its sectors that lost but a few: a frame there may be mended, whatever became of the others. */
static uint64_t count_lone_bits(const struct judgement *judgement, const struct written *write)
{
    const struct life *life = &judgement->claims->lives[write->life];
    uint64_t count = 0, last = end_of(write), end;

    at_most(&last, life->now->size_bytes);
    for (uint64_t at = write->offset; at < last; at = end) {
        struct written part = { .offset = at };

        end = (at / KAYA_IMAGE_PIECE_BYTES + 1) * KAYA_IMAGE_PIECE_BYTES;
        at_most(&end, last);
        part.length = end - at;
        count_bits(&part, life->now->bytes + at, life->truth->bytes + at);
        if (!is_unreadable(life->now, at, end) && part.bits <= few_bits(&part))
            count += part.bits;
    }
    return count;
}

/* So many bits of it may be mended by who sees no more of the damage than he must. */
static uint64_t count_mendable(const struct judgement *judgement, const struct written *write)
{
    uint64_t bits = write->bits;

    if (!is_few(write)) {
        if (count_shown_bits(judgement->claims, write, true) > few_bits(write))
            return count_lone_bits(judgement, write);
        bits = count_shown_bits(judgement->claims, write, false);
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
    if (!is_unreadable(spare->now, first, first + LINK_BYTES))
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

static void judge(struct judgement *judgement)
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
        if (write->stands && write->bits > count_shown_bits(claims, write, true))
            judgement->outlook->is_hidden = true;
        if (life->is_dead && life->has_standing)
            judgement->mendable_dead += count_mendable_dead(judgement, write);
        else if (write->is_header && !is_whole(write))
            judge_headers(judgement, write);
        else if (!write->is_header && !write->stands)
            judge_remains(judgement, write);
        else if (!is_whole(write))
            judge_write(judgement, write);
    }
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
    find_files(claims, now, truth);
    for (size_t i = 0; i < claims->write_count; i++) {
        compare(&claims->writes[i], &claims->lives[claims->writes[i].life]);
        note_in_life(claims, i);
    }
    find_hidden(claims);
    find_claims(claims);
    find_dead(claims, low_lsn);
    judgement.reach_lsn = outlook->claimed_lsn = reach(claims);
    judge(&judgement);
    if (outlook->is_mark_damaged)
        outlook->mended_max += judgement.mendable_dead;
    return KAYA_OK;
}
