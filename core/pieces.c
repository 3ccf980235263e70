/* From a damaged directory to the pieces of its log.
 *
 *   files -> which log -> from the highest segment downwards, by links where they stand, by number where they do not
 *
 * A survey stops at the first damage, because one is enough for a verdict. Here the walk goes on behind it:
 *
 *   - a link that counts names its predecessor: all of that up to the named end is the log's, all behind it is dead, and so is every
 *     segment between the two (recovery's rule)
 *   - where the named segment is missing or is not the one named, its place is lost. The next lower segment whose link counts is
 *     taken up: it is the log's, or a head that a recovery passed over, whose records up to its last claim are the log's as well. How
 *     far its log went nobody says any more, so what lies behind its own last claim is handed out as not durable
 *   - a recovery's link that no claim lets count any more, above all others, may have counted: where it goes on from the highest piece, or from
 *     one above that which is lost, or takes its place, and all its copies stand, or more of them than of what they were copied from, they are taken. If it never counted, they
 *     are still what stood at that end. Without copies it says nothing against claims behind the end that it names. One that was cut to its end
 *     did count, since its successor's link did. Below others, where nobody's link says what came before them, it is taken as it stands: a spare
 *     that a recovery tried and left is the first that the next one takes
 *   - both header copies lost: they said which seed the checks have. A whole LINK tells that as well, and which log, if the link above or the
 *     piece below agrees with its chain digest
 *   - the LINK lost: it said which seed the frames have, which any whole frame tells as well (reseed.c), and the base LSN. That one is the
 *     successor's less the records; or the predecessor's plus the records, up to the end that the remains of the LINK name, if the
 *     digest in them agrees. Else its records have no numbers, and are lost: what stands of the predecessor may not be all there was
 *   - records from a piece's first one on never come from a piece before it: what stands there of them was given up
 *   - below the low-water mark nothing is looked at
 *
 * Nothing is taken from a file whose checks do not lead to the log: another log, an older life, a spare (P1 holds here as well). */
#include "pieces.h"

#include <string.h>

#include "bytes.h"
#include "reseed.h"

enum { LINK_FRAME_BYTES_MAX = KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES + KAYA_FRAME_ROOM_MIN };
enum { LOGS_MAX = 16 }; /* different log ids that are told apart in one directory */

static enum kaya_status push(struct pieces *pieces, const struct context *context, const struct piece *piece)
{
    size_t wanted = pieces->capacity == 0 ? 16 : 2 * pieces->capacity;
    struct piece *grown;

    if (pieces->count == pieces->capacity) {
        grown = kaya_allocate(context->allocator, wanted * sizeof *grown);
        if (grown == NULL)
            return KAYA_NO_MEMORY;
        if (pieces->count > 0)
            memcpy(grown, pieces->pieces, pieces->count * sizeof *grown);
        kaya_release(context->allocator, pieces->pieces, pieces->capacity * sizeof *grown);
        pieces->pieces = grown;
        pieces->capacity = wanted;
    }
    pieces->pieces[pieces->count++] = *piece;
    return KAYA_OK;
}

/* In their order, the highest first: some are told of only when others were. */
static enum kaya_status push_in_place(struct pieces *pieces, const struct context *context,
                                      const struct piece *piece)
{
    enum kaya_status status = push(pieces, context, piece);

    for (size_t at = pieces->count; status == KAYA_OK && at-- > 1;) {
        struct piece *above = &pieces->pieces[at - 1];

        if (above->number >= piece->number)
            break;
        pieces->pieces[at] = *above;
        *above = *piece;
    }
    return status;
}

void kaya_pieces_release(struct pieces *pieces, const struct context *context)
{
    kaya_release(context->allocator, pieces->pieces, pieces->capacity * sizeof *pieces->pieces);
    *pieces = PIECES_NONE;
}

enum kaya_status kaya_piece_open(const struct piece *piece, const struct context *context, struct segment *segment)
{
    char name[SEGMENT_NAME_BYTES];

    *segment = SEGMENT_NONE;
    segment->number = piece->number;
    segment->file_bytes = piece->file_bytes;
    segment->state = SEGMENT_LINKED;
    segment->header.version = KAYA_FORMAT_VERSION;
    segment->header.shape = piece->shape;
    segment->header.log_id = piece->log_id;
    segment->header.number = piece->number;
    segment->seeds = piece->seeds;
    segment->link = piece->link;
    kaya_segment_name(name, piece->number, piece->kind);
    return kaya_disk_open(context->disk, name, KAYA_OPEN_READ, &segment->file);
}

/* --- the files ------------------------------------------------------------------------------------------------------ */

static struct piece describe(const struct listed *file, const struct segment *segment)
{
    struct piece piece = { .number = file->number, .kind = file->kind, .end = UINT64_MAX };

    piece.state = segment->state;
    piece.link_is_unreadable = segment->link_is_unreadable;
    piece.log_id = segment->header.log_id;
    piece.shape = segment->header.shape;
    piece.seeds = segment->seeds;
    piece.link = segment->link;
    piece.file_bytes = segment->file_bytes;
    return piece;
}

/* Every segment file as it stands. One that cannot be read at all is as good as one without a header. */
static enum kaya_status open_files(struct pieces *files, const struct context *context, struct listing *listing)
{
    enum kaya_status status = kaya_listing_read(listing, context);

    for (size_t i = 0; i < listing->file_count && status == KAYA_OK; i++) {
        const struct listed *file = &listing->files[i];
        struct segment segment = SEGMENT_NONE;
        struct piece piece;
        char name[SEGMENT_NAME_BYTES];

        if (file != kaya_listing_find(listing, file->number))
            continue;
        kaya_segment_name(name, file->number, file->kind);
        status = kaya_segment_open_any(&segment, context, name, file->number, KAYA_OPEN_READ);
        piece = describe(file, &segment);
        if (status == KAYA_IO)
            piece.lost = "the file cannot be read";
        kaya_segment_close(&segment, context);
        if (status == KAYA_OK || status == KAYA_IO)
            status = push(files, context, &piece);
        else if (status == KAYA_NOT_FOUND || status == KAYA_INVALID) /* trimmed meanwhile; no regular file */
            status = KAYA_OK;
    }
    return status;
}

static bool has_header(const struct piece *piece)
{
    return piece->state >= SEGMENT_LINKLESS;
}

static bool is_of(const struct piece *piece, const struct kaya_wal_log_id *log_id)
{
    return has_header(piece) && memcmp(&piece->log_id, log_id, sizeof *log_id) == 0;
}

/* Which log is this? The anchor's, or the one that most segments belong to; among equals the one with the highest segment. */
static bool choose_log(const struct pieces *files, const struct kaya_wal_anchor *anchor,
                       struct kaya_wal_log_id *log_id)
{
    struct kaya_wal_log_id seen[LOGS_MAX];
    size_t counts[LOGS_MAX] = { 0 };
    size_t seen_count = 0, best = 0;

    if (anchor != NULL) {
        *log_id = anchor->log_id;
        return true;
    }
    for (size_t i = files->count; i-- > 0;) {
        const struct piece *file = &files->pieces[i];
        size_t at = 0;

        if (!has_header(file))
            continue;
        while (at < seen_count && !is_of(file, &seen[at]))
            at++;
        if (at == LOGS_MAX)
            continue;
        if (at == seen_count)
            seen[seen_count++] = file->log_id;
        counts[at]++;
        best = counts[at] > counts[best] ? at : best;
    }
    if (seen_count > 0)
        *log_id = seen[best];
    return seen_count > 0;
}

/* --- downwards ------------------------------------------------------------------------------------------------------ */

struct descent {
    const struct context *context;
    struct pieces *pieces; /* found so far, from the highest down */
    struct pieces *files;
    struct scan_memory memory;
    struct kaya_wal_log_id log_id;
    struct link link;  /* of the piece above, where `has_link` */
    uint64_t base_lsn; /* the lowest of the pieces above; UINT64_MAX: there is none */
    bool has_link;
    bool has_ended;       /* the log begins with the piece above */
    struct piece *orphan; /* in use, and its link is lost, or its headers: waits for the piece below; NULL: none */
    const struct piece *carried; /* a recovery's successor that does not count, and holds copies; NULL: none */
};

static const char LINK_IS_BAD[] = "the link, the segment's first frame, is bad";

static enum kaya_status push_lost(struct descent *descent, const struct piece *piece, const char *why,
                                  bool is_suspect)
{
    struct piece lost = *piece;
    struct piece *orphan = descent->orphan;
    enum kaya_status status = KAYA_OK;

    descent->orphan = NULL;
    if (orphan != NULL && orphan != piece)
        status = push_lost(descent, orphan, LINK_IS_BAD, orphan->rebuilt != NULL);
    if (status != KAYA_OK)
        return status;

    if (lost.lost == NULL)
        lost.lost = piece->rebuilt != NULL ? piece->rebuilt : why;
    lost.lost_offset = piece->state == SEGMENT_LINKLESS ? kaya_shape_first_frame(&piece->shape) : 0;
    lost.is_suspect = is_suspect;
    descent->has_link = false;
    return push_in_place(descent->pieces, descent->context, &lost);
}

static enum kaya_status push_live(struct descent *descent, const struct piece *file, uint64_t end, uint64_t claim)
{
    struct piece live = *file;
    struct pieces *pieces = descent->pieces;

    if (!kaya_number_is_plausible(live.link.base_lsn))
        return push_lost(descent, file, "the link holds a number that no log reaches", false);
    live.end = end;
    live.claim = claim;
    live.next_base_lsn = descent->base_lsn;
    descent->link = live.link;
    descent->has_link = live.link.predecessor < live.number;
    descent->base_lsn = live.link.base_lsn;
    if (live.link.low_water_lsn > pieces->low_water_lsn)
        pieces->low_water_lsn = live.link.low_water_lsn;
    descent->has_ended = live.link.predecessor == 0 || live.link.base_lsn <= pieces->low_water_lsn;
    return push_in_place(pieces, descent->context, &live);
}

/* A walk over all that stands in a file, silent: salvage tells what is wrong when it hands the records out. */
struct walk {
    struct context context;
    struct segment segment;
    struct scan scan;
    uint64_t prefix_end; /* where it first had to skip; 0: nowhere yet */
};

/* *walk must stay where it is until end_walk. Statuses of kaya_disk_open. */
static enum kaya_status begin_walk(struct walk *walk, struct descent *descent, const struct piece *file,
                                   uint64_t limit)
{
    enum kaya_status status;

    walk->context = *descent->context;
    walk->context.on_event = NULL;
    walk->prefix_end = 0;
    status = kaya_piece_open(file, &walk->context, &walk->segment);
    if (status != KAYA_OK)
        return status;
    kaya_scan_init(&walk->scan, &walk->context, &walk->segment, &descent->memory, limit);
    walk->scan.is_tolerant = true;
    return KAYA_OK;
}

static enum kaya_status walk_on(struct walk *walk, struct scan_entry *entry, bool *found)
{
    enum kaya_status status;

    do {
        status = kaya_scan_next(&walk->scan, entry, found);
        if (status != KAYA_OK || *found)
            return status;
        if (walk->prefix_end == 0)
            walk->prefix_end = walk->scan.end;
        status = kaya_scan_skip(&walk->scan, found);
    } while (status == KAYA_OK && *found);
    return status;
}

static void end_walk(struct walk *walk)
{
    kaya_segment_close(&walk->segment, &walk->context);
}

static void note_mark(struct descent *descent, const struct scan_entry *entry)
{
    if (entry->type == FRAME_TRIM && load64(entry->payload) > descent->pieces->low_water_lsn)
        descent->pieces->low_water_lsn = load64(entry->payload);
}

/* Read a whole segment that no link speaks for: how far its own claims reach, what it holds, and the marks of trims. A mark counts wherever it
 * stands: what it lets go of, somebody wanted to let go of. */
static enum kaya_status measure(struct descent *descent, struct piece *file)
{
    struct walk walk;
    struct scan_entry entry;
    bool found = true;
    enum kaya_status status = begin_walk(&walk, descent, file, UINT64_MAX);

    if (status != KAYA_OK)
        return status;
    walk.scan.wants_base_seed = file->state == SEGMENT_LINKLESS;
    while (status == KAYA_OK && found) {
        status = walk_on(&walk, &entry, &found);
        if (status == KAYA_OK && found)
            note_mark(descent, &entry);
    }
    file->furthest = walk.scan.furthest;
    file->prefix_end = walk.prefix_end;
    file->record_count = walk.scan.sequence;
    if (walk.scan.has_base_seed) {
        file->has_base_seed = true;
        file->seeds.base = walk.scan.base_seed;
    }
    end_walk(&walk);
    return status;
}

/* Count the records before `end`. *is_exact: an entry or control frame ends right there. */
static enum kaya_status count_records(struct descent *descent, const struct piece *file, uint64_t end,
                                      uint32_t *count, bool *is_exact)
{
    struct walk walk;
    struct scan_entry entry;
    bool found = true;
    enum kaya_status status = begin_walk(&walk, descent, file, end);

    if (status != KAYA_OK)
        return status;
    while (status == KAYA_OK && found)
        status = walk_on(&walk, &entry, &found);
    *count = walk.scan.sequence;
    *is_exact = walk.scan.end == end;
    end_walk(&walk);
    return status;
}

/* The bytes where LINK stands or stood. */
static enum kaya_status read_link(struct descent *descent, const struct piece *file, const struct shape *shape,
                                  uint8_t bytes[LINK_FRAME_BYTES_MAX], size_t *length)
{
    struct segment segment;
    enum kaya_status status = kaya_piece_open(file, descent->context, &segment);

    if (status == KAYA_OK)
        status = kaya_segment_read(&segment, descent->context, kaya_shape_first_frame(shape), bytes,
                                   LINK_FRAME_BYTES_MAX);
    *length = status == KAYA_OK ? LINK_FRAME_BYTES_MAX : 0;
    if (status == KAYA_IO || status == KAYA_NOT_FOUND)
        status = KAYA_OK;
    kaya_segment_close(&segment, descent->context);
    return status;
}

/* Both headers are bad, and the shape with them: it is that of some other segment. */
static enum kaya_status rebuild_header(struct descent *descent, struct piece *file)
{
    const struct shape *tried = NULL;
    enum kaya_status status = KAYA_OK;

    for (size_t i = descent->files->count; i-- > 0 && status == KAYA_OK && file->rebuilt == NULL;) {
        const struct piece *other = &descent->files->pieces[i];
        uint8_t bytes[LINK_FRAME_BYTES_MAX];
        size_t length;

        if (!is_of(other, &descent->log_id) || (tried != NULL && kaya_shape_equals(tried, &other->shape)))
            continue;
        tried = &other->shape;
        status = read_link(descent, file, tried, bytes, &length);
        if (status == KAYA_OK && kaya_reseed_link(bytes, length, tried, &file->seeds, &file->link)) {
            file->rebuilt = "both copies of the segment header are bad";
            file->shape = *tried;
            file->log_id = descent->log_id;
            file->state = SEGMENT_LINKED;
        }
    }
    return status;
}

/* Why a file is not the segment that the link above names; NULL: it is. */
static const char *what_is_wrong(const struct descent *descent, const struct piece *file)
{
    switch (file->state) {
    case SEGMENT_HEADERLESS:
        return "both copies of the segment header are bad";
    case SEGMENT_STRANGE:
        return "the file is another segment";
    case SEGMENT_UNSUPPORTED:
        return "the segment was written by a newer version";
    case SEGMENT_LINKLESS:
    case SEGMENT_LINKED:
        break;
    }
    if (!is_of(file, &descent->log_id))
        return "the file belongs to another log";
    if (file->state == SEGMENT_LINKLESS)
        return LINK_IS_BAD;
    if (kaya_link_chain(file->link.chain, file->seeds.base, descent->link.predecessor_end) != descent->link.chain)
        return "the file is not the segment that its successor names";
    return NULL;
}

/* A piece whose link is lost, but for the base LSN: who its predecessor is, it does not say. */
static enum kaya_status push_relinked(struct descent *descent, struct piece *file, uint64_t base_lsn,
                                      uint64_t end, uint64_t claim)
{
    enum kaya_status status;

    file->link = (struct link){ .base_lsn = base_lsn };
    status = push_live(descent, file, end, claim);
    descent->has_link = false;
    descent->has_ended = base_lsn <= descent->pieces->low_water_lsn;
    return status;
}

/* The link is lost, but the successor's tells where the records end. */
static enum kaya_status take_linkless(struct descent *descent, struct piece *file)
{
    uint64_t end = descent->link.predecessor_end;
    uint32_t count = 0;
    bool is_exact = false;
    enum kaya_status status = measure(descent, file);

    if (status == KAYA_OK && file->has_base_seed)
        status = count_records(descent, file, end, &count, &is_exact);
    if (status == KAYA_NOT_FOUND)
        status = KAYA_OK;
    if (status == KAYA_OK && is_exact && count < descent->base_lsn)
        return push_relinked(descent, file, descent->base_lsn - count, end, end);
    return status == KAYA_OK ? push_lost(descent, file, LINK_IS_BAD, false) : status;
}

static enum kaya_status take_named(struct descent *descent, struct piece *file)
{
    const char *wrong;
    enum kaya_status status = KAYA_OK;

    if (file->state == SEGMENT_HEADERLESS && file->lost == NULL)
        status = rebuild_header(descent, file);
    if (status != KAYA_OK)
        return status;
    if (file->state == SEGMENT_LINKLESS && is_of(file, &descent->log_id))
        return take_linkless(descent, file);
    wrong = what_is_wrong(descent, file);
    if (wrong != NULL)
        return push_lost(descent, file, wrong, false);
    return push_live(descent, file, descent->link.predecessor_end, descent->link.predecessor_end);
}

/* The segment that the link above names, wherever it stands: `files` were passed over for want of a link that speaks of them. */
static enum kaya_status take_predecessor(struct descent *descent)
{
    struct piece missing = { .number = descent->link.predecessor, .lost = "the segment is missing" };

    descent->has_link = false;
    for (size_t i = 0; i < descent->pieces->count; i++)
        if (descent->pieces->pieces[i].number == missing.number)
            return KAYA_OK; /* it was lost, and is told of */
    for (size_t i = 0; i < descent->files->count; i++)
        if (descent->files->pieces[i].number == missing.number)
            return take_named(descent, &descent->files->pieces[i]);
    return push_lost(descent, &missing, NULL, false);
}

static bool names(const struct link *link, const struct piece *file)
{
    return link->predecessor == file->number &&
           link->chain == kaya_link_chain(file->link.chain, file->seeds.base, link->predecessor_end);
}

/* The orphan's own LINK, as far as its bytes are left, is enough where its chain digest agrees with the piece below. */
static enum kaya_status adopt_by_digest(struct descent *descent, struct piece *orphan,
                                        const struct piece *below, bool *adopted)
{
    uint8_t bytes[LINK_FRAME_BYTES_MAX];
    struct link link = orphan->link;
    size_t length = sizeof bytes;
    uint32_t count;
    bool is_exact = false;
    enum kaya_status status = KAYA_OK;

    if (orphan->state == SEGMENT_LINKLESS) {
        status = read_link(descent, orphan, &orphan->shape, bytes, &length);
        if (length == sizeof bytes)
            kaya_link_decode(bytes + KAYA_FRAME_HEADER_BYTES, &link);
    }
    *adopted = false;
    if (status != KAYA_OK || length < sizeof bytes || !names(&link, below))
        return status;
    if (orphan->state == SEGMENT_LINKED && link.carried_end > orphan->furthest)
        return KAYA_OK; /* it does not count */
    status = count_records(descent, below, link.predecessor_end, &count, &is_exact);
    if (status != KAYA_OK || !is_exact)
        return status;
    if (link.base_lsn != below->link.base_lsn + count && orphan->state == SEGMENT_LINKED)
        return KAYA_OK;
    if (below->link.base_lsn + count >= descent->base_lsn)
        return KAYA_OK;
    *adopted = true;
    if (orphan->state == SEGMENT_LINKED)
        orphan->link = link;
    else
        orphan->link = (struct link){ .base_lsn = below->link.base_lsn + count,
                                      .predecessor = link.predecessor,
                                      .predecessor_end = link.predecessor_end,
                                      .chain = link.chain };
    orphan->state = SEGMENT_LINKED;
    return KAYA_OK;
}

/* A file that is in use by its own frames, but whose place in the log is not known: it waits for the piece below. */
static enum kaya_status wait_for_below(struct descent *descent, struct piece *file)
{
    enum kaya_status status = KAYA_OK;

    if (descent->orphan != NULL)
        status = push_lost(descent, descent->orphan, LINK_IS_BAD, descent->orphan->rebuilt != NULL);
    descent->orphan = file;
    return status;
}

static bool has_all_copies(const struct piece *carried)
{
    return carried->prefix_end >= carried->link.carried_end;
}

/* One above the last record in it. */
static uint64_t reach(const struct piece *piece)
{
    return piece->link.base_lsn + piece->record_count;
}

/* Only what a successor names is cut, so such a segment counted, whatever was cut off with its claims. */
static bool was_cut(const struct piece *file)
{
    return file->file_bytes < file->shape.segment_bytes;
}

/* The highest with all its copies; else the one whose copies reach furthest. */
static void note_carried(struct descent *descent, const struct piece *file)
{
    const struct piece *known = descent->carried;

    if (known == NULL ? has_all_copies(file) || file->record_count > 0
                      : !has_all_copies(known) && (has_all_copies(file) || reach(file) > reach(known)))
        descent->carried = file;
}

static enum kaya_status push_carried(struct descent *descent)
{
    const struct piece *carried = descent->carried;
    struct pieces *pieces = descent->pieces;
    enum kaya_status status = push_live(descent, carried, UINT64_MAX, 0);

    descent->carried = NULL;
    if (status == KAYA_OK)
        pieces->is_top_in_doubt = pieces->pieces[0].number == carried->number;
    return status;
}

/* Does a link without copies name an end that the file's own claims reach behind? A recovery that finds them names no less: this is the link of
 * a cut-back that never counted, or the file has gone on since. */
static bool was_left_behind(const struct piece *carried, const struct piece *file)
{
    return carried->record_count == 0 && !was_cut(file) && file->furthest > carried->link.predecessor_end;
}

/* On to `file`, whose link counts: what the link above names may stand between, or it is what that names, or it was passed over. */
static enum kaya_status lead_down_to(struct descent *descent, struct piece *file)
{
    enum kaya_status status = KAYA_OK;

    while (status == KAYA_OK && descent->has_link && !descent->has_ended &&
           descent->link.predecessor > file->number)
        status = take_predecessor(descent);
    if (status != KAYA_OK || descent->has_ended || file->link.base_lsn >= descent->base_lsn)
        return status;
    if (!descent->has_link)
        return push_live(descent, file, UINT64_MAX, file->furthest);
    return descent->link.predecessor == file->number ? take_named(descent, file) : KAYA_OK;
}

/* `file` is the highest whose link counts, and above it stands a recovery's successor with copies. Where some of these are lost, what stands behind
 * the end that the successor names may be more; and one that holds more than what would replace it was not replaced. One that goes on from a segment
 * between the two, which is lost, is all that is left of that. */
static enum kaya_status take_with_carried(struct descent *descent, struct piece *file)
{
    const struct piece *carried = descent->carried;
    bool is_more = has_all_copies(carried) || reach(carried) > reach(file);
    bool goes_on = is_more && names(&carried->link, file) && !was_left_behind(carried, file);
    bool replaces = is_more && reach(carried) >= reach(file) &&
                    carried->link.predecessor == file->link.predecessor &&
                    carried->link.chain == file->link.chain && carried->link.base_lsn == file->link.base_lsn;
    bool is_left = is_more && carried->record_count > 0 && carried->link.predecessor > file->number;
    enum kaya_status status = KAYA_OK;

    if (goes_on || replaces || is_left)
        status = push_carried(descent);
    return status == KAYA_OK && !replaces ? lead_down_to(descent, file) : status;
}

/* `file` has a link that counts, and comes next. */
static enum kaya_status take_highest(struct descent *descent, struct piece *file)
{
    return descent->base_lsn == UINT64_MAX && descent->carried != NULL ? take_with_carried(descent, file)
                                                                       : lead_down_to(descent, file);
}

/* An orphan stands above, and `below` is the next piece with a link that counts. */
static enum kaya_status take_with_orphan(struct descent *descent, struct piece *below)
{
    struct piece *orphan = descent->orphan;
    bool adopted;
    enum kaya_status status = adopt_by_digest(descent, orphan, below, &adopted);

    descent->orphan = NULL;
    if (status == KAYA_OK)
        status = adopted ? take_highest(descent, orphan)
                         : push_lost(descent, orphan, LINK_IS_BAD, orphan->rebuilt != NULL);
    return status == KAYA_OK ? take_highest(descent, below) : status;
}

/* Does the recovery's successor above go on from this file, whose own link or headers are lost? It is in use, so it was the end. */
static bool is_below_carried(const struct descent *descent, const struct piece *file)
{
    const struct link *link = &descent->carried->link;

    if (descent->orphan != NULL || !has_all_copies(descent->carried))
        return false;
    return file->state == SEGMENT_LINKLESS ? link->predecessor == file->number
                                           : file->rebuilt != NULL && names(link, file);
}

/* No link that stands speaks of this file. */
static enum kaya_status take_unnamed(struct descent *descent, struct piece *file)
{
    bool is_top = descent->base_lsn == UINT64_MAX;
    enum kaya_status status = KAYA_OK;

    if (file->state == SEGMENT_HEADERLESS && file->lost == NULL)
        status = rebuild_header(descent, file);
    if (status != KAYA_OK)
        return status;
    if (file->state == SEGMENT_UNSUPPORTED)
        return push_lost(descent, file, what_is_wrong(descent, file), false);
    if (!is_of(file, &descent->log_id)) { /* above all others a bad header is a spare's, as far as anybody can tell */
        descent->pieces->may_be_followed |= is_top;
        return is_top || has_header(file) ? KAYA_OK
                                          : push_lost(descent, file, what_is_wrong(descent, file), true);
    }
    status = measure(descent, file);
    if (status == KAYA_NOT_FOUND)
        return KAYA_OK;
    if (status != KAYA_OK)
        return status;
    if (file->state == SEGMENT_LINKLESS && file->furthest == 0) { /* a spare makes no claims, and is as long as it says */
        descent->pieces->may_be_followed |= is_top && (file->link_is_unreadable || was_cut(file));
        return KAYA_OK;
    }
    if (is_top && descent->carried != NULL && is_below_carried(descent, file)) {
        status = push_carried(descent);
        return status == KAYA_OK ? take_named(descent, file) : status;
    }
    if (file->state == SEGMENT_LINKLESS && !file->has_base_seed)
        return push_lost(descent, file, LINK_IS_BAD, false);
    if (file->state == SEGMENT_LINKLESS || file->rebuilt != NULL)
        return wait_for_below(descent, file);
    if (file->link.carried_end > file->furthest && !was_cut(file)) {
        if (is_top && descent->orphan == NULL)
            note_carried(descent, file);
        else if (file->link.base_lsn < descent->base_lsn && file->record_count > 0)
            return descent->orphan != NULL ? take_with_orphan(descent, file)
                                           : push_live(descent, file, UINT64_MAX, 0);
        return KAYA_OK;
    }
    if (file->link.base_lsn >= descent->base_lsn)
        return KAYA_OK; /* it was passed over */
    if (descent->orphan != NULL)
        return take_with_orphan(descent, file);
    return take_highest(descent, file);
}

static enum kaya_status descend(struct descent *descent, struct pieces *files)
{
    enum kaya_status status = KAYA_OK;

    for (size_t i = files->count; i-- > 0 && status == KAYA_OK && !descent->has_ended;) {
        struct piece *file = &files->pieces[i];

        if (descent->has_link && file->number > descent->link.predecessor)
            continue;
        if (descent->has_link && file->number == descent->link.predecessor) {
            status = take_named(descent, file);
            continue;
        }
        if (descent->has_link)
            status = take_predecessor(descent);
        if (status == KAYA_OK)
            status = take_unnamed(descent, file);
    }
    if (status == KAYA_OK && descent->orphan != NULL)
        status = push_lost(descent, descent->orphan, LINK_IS_BAD, descent->orphan->rebuilt != NULL);
    if (status == KAYA_OK && descent->carried != NULL && descent->base_lsn == UINT64_MAX)
        status = push_carried(descent);
    while (status == KAYA_OK && descent->has_link && !descent->has_ended)
        status = take_predecessor(descent);
    return status;
}

/* --- together ------------------------------------------------------------------------------------------------------- */

static void reverse(struct pieces *pieces)
{
    for (size_t low = 0, high = pieces->count; low + 1 < high; low++) {
        struct piece moved = pieces->pieces[low];

        pieces->pieces[low] = pieces->pieces[--high];
        pieces->pieces[high] = moved;
    }
}

/* What the survey saw wrong behind all of them: a segment that should stand there, or the claims of one that does not count for the survey. */
static enum kaya_status push_behind(struct pieces *pieces, const struct context *context,
                                    const struct kaya_wal_recovery_report *report)
{
    struct piece piece = { .number = report->damage_segment,
                           .lost = report->damage_reason,
                           .lost_offset = report->damage_offset };

    size_t sure_count = pieces->count - pieces->is_top_in_doubt;

    if (sure_count > 0 && report->damage_segment <= pieces->pieces[sure_count - 1].number)
        return KAYA_OK;
    return push(pieces, context, &piece);
}

enum kaya_status kaya_pieces_find(struct pieces *pieces, const struct context *context,
                                  const struct kaya_wal_anchor *anchor,
                                  const struct kaya_wal_recovery_report *report)
{
    struct pieces files = PIECES_NONE;
    struct listing listing = LISTING_NONE;
    struct descent descent = {
        .context = context, .pieces = pieces, .files = &files, .memory = SCAN_MEMORY_NONE, .base_lsn = UINT64_MAX
    };
    enum kaya_status status;

    *pieces = PIECES_NONE;
    status = open_files(&files, context, &listing);
    if (status == KAYA_OK && choose_log(&files, anchor, &descent.log_id))
        status = descend(&descent, &files);
    if (status == KAYA_OK) {
        reverse(pieces);
        status = push_behind(pieces, context, report);
    }
    kaya_scan_memory_release(&descent.memory, context);
    kaya_listing_release(&listing, context);
    kaya_pieces_release(&files, context);
    return status;
}
