/* Spares.
 *
 * A spare comes to be in an order in which every crash leaves either a leftover or a whole spare:
 *
 *   create `N.new` | size, room reserved | both header copies | sync | rename to `N.wal` | sync the directory
 *   recycled:  rename dead `M.wal` to `N.new` | new header copies over the old ones | sync | rename | sync the directory
 *   reclaimed: rename any dead file to `N.new` | zeros | room, headers, sync, rename, sync of the directory, as if it were created
 *
 * In between, a recycled file may stand under its old name with its new header: a dead number, and nobody looks for it. Its content
 * stays: frames of the older life fail every check under the new salt (F1).
 *
 * A name counts only once a directory sync after it returned OK in this process. Names found at open are unsure: a sync of theirs
 * may have failed in an earlier process and been forgotten by the system, so that another sync alone would do nothing. Renaming the
 * file away and back makes the directory owe the entry again. Recovery takes a file found `.away` for the `.wal` it was. */
#include "pool.h"

#include <string.h>

enum {
    STRANGERS_MAX = 1024, /* names passed over before giving up */
    UNKNOWN_MAX = 4,      /* ... of which nobody could say whether they are taken */
};

void kaya_pool_init(struct pool *pool, const struct context *context, const struct kaya_wal_log_id *log_id,
                    const struct shape *shape, unsigned wanted)
{
    pool->context = context;
    pool->log_id = *log_id;
    pool->shape = *shape;
    pool->carry_capacity = kaya_carry_capacity(shape);
    pool->wanted = wanted;
    pool->spare_count = 0; /* the room for spares is long, and nobody looks behind their count */
    pool->head_number = 0;
    pool->number_max = 0;
    pool->is_head_followed = true;
    pool->has_strangers = false;
}

/* What stands right behind a segment in use must be a spare under the next number, or a lost segment could not be told. So spares are taken as a
 * run of numbers without gaps; where somebody removed one, those in front of the gap are passed over. And where something else has the number
 * right behind a spare, that one is blocked: it may stand behind a segment, but not take over. */
static void drop_before_gap(struct pool *pool, uint64_t number)
{
    if (pool->spare_count > 0 && pool->spares[pool->spare_count - 1].number + 1 != number)
        pool->spare_count = 0;
}

static void add_spare(struct pool *pool, const struct spare *spare)
{
    drop_before_gap(pool, spare->number);
    if (pool->spare_count < POOL_SPARES_MAX)
        pool->spares[pool->spare_count++] = *spare;
}

static void block_before(struct pool *pool, uint64_t number, bool is_blocked)
{
    if (pool->spare_count > 0 && pool->spares[pool->spare_count - 1].number + 1 == number)
        pool->spares[pool->spare_count - 1].is_blocked = is_blocked;
}

/* A spare is of this log and whole, and can be renamed away and back. */
static bool is_stranger(const struct pool *pool, const struct listing *listing, const struct listed *file)
{
    return !file->is_whole || file != kaya_listing_find(listing, file->number) ||
           memcmp(&file->log_id, &pool->log_id, sizeof pool->log_id) != 0 ||
           kaya_listing_find_obstacle(listing, file->number, SEGMENT_NAME_AWAY) != NULL;
}

static void adopt(struct pool *pool, const struct listing *listing, const struct listed *file)
{
    if (is_stranger(pool, listing, file)) {
        pool->has_strangers = true;
        block_before(pool, file->number, true);
        return;
    }
    pool->number_max = file->number;
    if (file->shape.unit_bytes < pool->shape.unit_bytes) { /* it may stand behind a spare, but not take over */
        drop_before_gap(pool, file->number);
        return;
    }
    add_spare(pool, &(struct spare){ .number = file->number,
                                     .kind = file->kind,
                                     .shape = file->shape,
                                     .carry_capacity = kaya_carry_capacity(&file->shape),
                                     .is_clean = file->is_clean,
                                     .has_holes = file->has_holes });
}

static bool is_next_obstructed(const struct listing *listing, uint64_t number)
{
    return number < UINT64_MAX && kaya_listing_find_obstacle(listing, number + 1, SEGMENT_NAME_NEW) != NULL;
}

void kaya_pool_adopt(struct pool *pool, const struct listing *listing, uint64_t head_number)
{
    const struct listed *next = head_number < UINT64_MAX ? kaya_listing_find(listing, head_number + 1) : NULL;

    kaya_pool_follow(pool, head_number);
    pool->number_max = head_number;
    for (size_t i = 0; i < listing->file_count; i++)
        if (listing->files[i].kind != SEGMENT_NAME_NEW && listing->files[i].number > head_number)
            adopt(pool, listing, &listing->files[i]);
    if (listing->obstacle_count > 0 && listing->obstacles[listing->obstacle_count - 1].number > head_number)
        pool->has_strangers = true;
    if (is_next_obstructed(listing, pool->number_max))
        block_before(pool, pool->number_max + 1, true);
    if (next != NULL)
        pool->is_head_followed = pool->spare_count > 0 && pool->spares[0].number == next->number;
    else
        pool->is_head_followed = pool->number_max == head_number && !is_next_obstructed(listing, head_number);
}

void kaya_pool_follow(struct pool *pool, uint64_t head_number)
{
    pool->head_number = head_number;
    pool->is_head_followed = true;
}

/* --- preparation ---------------------------------------------------------------------------------------------------- */

static enum kaya_status write_header(const struct context *context, const struct segment *segment, uint64_t place)
{
    uint8_t bytes[KAYA_SEGMENT_HEADER_BYTES];
    struct kaya_span span = { bytes, sizeof bytes };

    kaya_segment_header_encode(bytes, &segment->header);
    return kaya_disk_write(context->disk, segment->file, place, &span, 1);
}

static enum kaya_status write_headers(const struct context *context, const struct segment *segment)
{
    enum kaya_status status = write_header(context, segment, 0);

    return status == KAYA_OK ? write_header(context, segment, kaya_shape_second_header(&segment->header.shape))
                             : status;
}

static enum kaya_status reserve_room(const struct context *context, struct segment *segment)
{
    enum kaya_status status;

    segment->file_bytes = segment->header.shape.segment_bytes;
    status = kaya_disk_allocate(context->disk, segment->file, segment->file_bytes);
    if (status == KAYA_UNSUPPORTED) /* what has no place on the disk yet may find none when it is needed, as the room kept for CLOSE */
        status = kaya_write_zeros(context, segment->file, 0, segment->file_bytes);
    return status;
}

/* No byte of it stays, so there is no older life to tell from the one that begins; nor comes one back, in a read that shows what stood there
 * before: a header of the same number would be believed. */
static enum kaya_status empty_leftover(const struct context *context, struct kaya_file *file,
                                       uint64_t segment_bytes)
{
    uint64_t bytes;
    enum kaya_status status = kaya_disk_size(context->disk, file, &bytes);

    if (status != KAYA_OK || bytes == 0)
        return status;
    if (bytes > segment_bytes) {
        status = kaya_disk_truncate(context->disk, file, segment_bytes);
        bytes = segment_bytes;
    }
    if (status == KAYA_OK)
        status = kaya_write_zeros(context, file, 0, bytes);
    return status == KAYA_OK ? kaya_disk_sync(context->disk, file) : status;
}

/* A leftover of the same name is one that an earlier attempt did not finish, or a dead file (kaya_pool_reclaim). It keeps its room: on a full
 * disk there may be no other, and what is given back others may take. But for the first segment: in its place an attempt to begin another log
 * may stand whole, and a write that is lost would leave that. */
static enum kaya_status create_or_take(const struct context *context, const char *name,
                                       const struct segment_header *header, struct kaya_file **file)
{
    enum kaya_status status = kaya_disk_open(context->disk, name, KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, file);

    if (status != KAYA_EXISTS)
        return status;
    if (header->number > 1) {
        status = kaya_disk_open(context->disk, name, KAYA_OPEN_WRITE, file);
        if (status == KAYA_OK)
            return empty_leftover(context, *file, header->shape.segment_bytes);
    }
    status = kaya_disk_unlink(context->disk, name);
    return status == KAYA_OK ? kaya_disk_open(context->disk, name, KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, file)
                             : status;
}

static void set_header(struct segment *segment, const struct segment_header *header)
{
    segment->header = *header;
    segment->seeds.segment = kaya_segment_seed(&header->log_id, header->number, header->salt);
    segment->seeds.base = segment->seeds.segment;
}

static void describe_segment(struct segment *segment, const struct segment_header *header)
{
    *segment = SEGMENT_NONE;
    segment->number = header->number;
    segment->state = SEGMENT_LINKLESS;
    set_header(segment, header);
}

enum kaya_status kaya_pool_create_file(const struct context *context, const struct segment_header *header,
                                       struct segment *out)
{
    struct segment segment;
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    *out = SEGMENT_NONE;
    describe_segment(&segment, header);
    kaya_segment_name(name, header->number, SEGMENT_NAME_NEW);
    status = create_or_take(context, name, header, &segment.file);
    if (status == KAYA_OK)
        status = reserve_room(context, &segment);
    if (status == KAYA_OK)
        status = write_headers(context, &segment);
    if (status != KAYA_OK) {
        kaya_segment_close(&segment, context);
        if (kaya_disk_unlink(context->disk, name) == KAYA_GONE)
            status = KAYA_GONE;
        return status;
    }
    *out = segment;
    return KAYA_OK;
}

/* Does anything stand under that name? A leftover of a preparation is in nobody's way. KAYA_IO: nobody can say. */
static enum kaya_status probe_name(const struct pool *pool, uint64_t number, enum segment_name_kind kind,
                                   bool *is_taken)
{
    struct kaya_file *file = NULL;
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, number, kind);
    status = kaya_disk_open(pool->context->disk, name, KAYA_OPEN_READ, &file);
    kaya_disk_close(pool->context->disk, file);
    *is_taken = status != KAYA_NOT_FOUND && (status != KAYA_OK || kind != SEGMENT_NAME_NEW);
    return status == KAYA_GONE || status == KAYA_LIMIT || status == KAYA_NO_MEMORY || status == KAYA_IO
               ? status
               : KAYA_OK;
}

/* Is any name taken that a segment of that number needs? */
static enum kaya_status probe_number(const struct pool *pool, uint64_t number, bool *is_taken)
{
    static const enum segment_name_kind KINDS[] = { SEGMENT_NAME_WAL, SEGMENT_NAME_AWAY, SEGMENT_NAME_NEW };
    enum kaya_status status = KAYA_OK;

    *is_taken = false;
    for (unsigned i = 0; i < sizeof KINDS / sizeof *KINDS && status == KAYA_OK && !*is_taken; i++)
        status = probe_name(pool, number, KINDS[i], is_taken);
    return status;
}

/* The number of the next spare: one above the last, but for those of which something else has taken a name. A name that cannot be looked at may be
 * that of a file that has gone bad, and is passed over; where several in turn answer so it is the disk, and would answer so for each number there
 * is. */
static enum kaya_status next_number(const struct pool *pool, uint64_t *number)
{
    bool is_taken = true;
    unsigned unknown = 0;
    enum kaya_status status = KAYA_OK;

    for (*number = pool->number_max; status == KAYA_OK && is_taken;) {
        if (*number == UINT64_MAX || *number - pool->number_max == STRANGERS_MAX)
            return KAYA_FULL;
        ++*number;
        is_taken = false;
        if (pool->has_strangers)
            status = probe_number(pool, *number, &is_taken);
        if (status == KAYA_IO && ++unknown < UNKNOWN_MAX)
            status = KAYA_OK;
    }
    return status;
}

static enum kaya_status draw_header(const struct pool *pool, uint64_t number, const struct shape *shape,
                                    uint32_t previous_seed, struct segment_header *header)
{
    *header = (struct segment_header){ .version = KAYA_FORMAT_VERSION,
                                       .shape = *shape,
                                       .log_id = pool->log_id,
                                       .number = number,
                                       .previous_seed = previous_seed };
    return kaya_draw64(pool->context, &header->salt);
}

/* The file `N.new` is whole and written: give it its name. From the rename on the number is spent and the spare is there, its name
 * not sure until the directory sync is through. */
static enum kaya_status name_spare(struct pool *pool, struct segment *segment)
{
    struct spare spare = { .number = segment->number,
                           .kind = SEGMENT_NAME_WAL,
                           .shape = segment->header.shape,
                           .header = segment->header,
                           .carry_capacity = kaya_carry_capacity(&segment->header.shape),
                           .is_clean = true,
                           .is_ours = true };
    char from[SEGMENT_NAME_BYTES], to[SEGMENT_NAME_BYTES];
    enum kaya_status status = KAYA_OK;

    kaya_segment_name(from, segment->number, SEGMENT_NAME_NEW);
    kaya_segment_name(to, segment->number, SEGMENT_NAME_WAL);
    if (pool->has_strangers)
        status = probe_number(pool, segment->number + 1, &spare.is_blocked);
    if (status == KAYA_OK || status == KAYA_IO)
        status = kaya_disk_sync(pool->context->disk, segment->file);
    if (status == KAYA_OK)
        status = kaya_disk_rename(pool->context->disk, from, to);
    if (status != KAYA_OK)
        return status;
    if (pool->number_max == pool->head_number && segment->number != pool->head_number + 1)
        pool->is_head_followed = false;
    pool->number_max = segment->number;
    block_before(pool, segment->number, false); /* whatever could not be said of that number while it was asked for */
    add_spare(pool, &spare);
    return kaya_pool_sync_names(pool);
}

static void tell_failure(const struct pool *pool, enum kaya_status status)
{
    kaya_notify(pool->context, &(struct kaya_event){ .kind = KAYA_EVENT_PREPARATION_FAILED,
                                                     .status = status,
                                                     .segment = pool->number_max + 1,
                                                     .text = kaya_status_text(status) });
}

/* A shape that can carry `cost_min`: the configured one, or a longer one. */
static struct shape fitting_shape(const struct pool *pool, uint64_t cost_min)
{
    struct shape shape = pool->shape;

    while (kaya_carry_capacity(&shape) < cost_min && shape.segment_bytes < KAYA_SEGMENT_BYTES_MAX)
        shape.segment_bytes *= 2;
    return shape;
}

/* What cannot get its name is not left behind: the next attempt goes by another number. */
static enum kaya_status drop_unfinished(const struct pool *pool, uint64_t number, enum kaya_status status)
{
    char name[SEGMENT_NAME_BYTES];

    kaya_segment_name(name, number, SEGMENT_NAME_NEW);
    return kaya_disk_unlink(pool->context->disk, name) == KAYA_GONE ? KAYA_GONE : status;
}

/* A file of the next free number, made from nothing or from a leftover, under its name. */
static enum kaya_status prepare_next(struct pool *pool, const struct shape *shape)
{
    uint64_t number;
    struct segment_header header;
    struct segment segment = SEGMENT_NONE;
    enum kaya_status status = next_number(pool, &number);

    if (status == KAYA_OK)
        status = draw_header(pool, number, shape, 0, &header);
    if (status == KAYA_OK)
        status = kaya_pool_create_file(pool->context, &header, &segment);
    if (status == KAYA_OK)
        status = name_spare(pool, &segment);
    if (status == KAYA_INVALID)
        status = drop_unfinished(pool, number, status);
    kaya_segment_close(&segment, pool->context);
    return status;
}

static enum kaya_status settle_names(struct pool *pool)
{
    enum kaya_status status;

    if (kaya_pool_is_settled(pool))
        return KAYA_OK;
    status = kaya_pool_refresh_names(pool);
    return status == KAYA_OK ? kaya_pool_sync_names(pool) : status;
}

/* KAYA_INVALID: since the directory was last listed somebody made something of one of the names that is no file. Then it is gone round. */
static enum kaya_status prepare(struct pool *pool, const struct shape *shape)
{
    enum kaya_status status = pool->spare_count < POOL_SPARES_MAX ? settle_names(pool) : KAYA_FULL;

    if (status == KAYA_OK)
        status = prepare_next(pool, shape);
    if (status == KAYA_INVALID && !pool->has_strangers) {
        pool->has_strangers = true;
        status = prepare_next(pool, shape);
    }
    if (status == KAYA_OK) {
        kaya_notify(pool->context,
                    &(struct kaya_event){ .kind = KAYA_EVENT_SEGMENT_PREPARED, .segment = pool->number_max });
        return KAYA_OK;
    }
    tell_failure(pool, status);
    return status == KAYA_NO_MEMORY || status == KAYA_LIMIT || status == KAYA_GONE ? status : KAYA_FULL;
}

enum kaya_status kaya_pool_prepare(struct pool *pool, uint64_t cost_min)
{
    struct shape shape = fitting_shape(pool, cost_min);

    return prepare(pool, &shape);
}

/* --- dead files ----------------------------------------------------------------------------------------------------- */

/* Open the file under its new number and give it its new header. */
static enum kaya_status rewrite(struct pool *pool, uint64_t number, const char *name,
                                const struct chain_segment *dead, struct segment *segment)
{
    struct segment_header header;
    uint32_t previous_seed;
    enum kaya_status status;

    status = kaya_segment_open(segment, pool->context, name, dead->number, KAYA_OPEN_WRITE, true);
    if (status != KAYA_OK)
        return status;
    previous_seed = segment->state >= SEGMENT_LINKLESS ? segment->seeds.segment : 0;
    if (previous_seed == 0 || segment->file_bytes < dead->shape.segment_bytes)
        return KAYA_INVALID;
    status = draw_header(pool, number, &dead->shape, previous_seed, &header);
    if (status != KAYA_OK)
        return status;
    segment->number = header.number;
    segment->header = header;
    return write_headers(pool->context, segment);
}

/* *name, the file's present name, becomes its new one on the way. */
static enum kaya_status recycle(struct pool *pool, char name[SEGMENT_NAME_BYTES], const struct chain_segment *dead)
{
    char new_name[SEGMENT_NAME_BYTES];
    uint64_t number;
    struct segment segment = SEGMENT_NONE;
    enum kaya_status status;

    status = settle_names(pool);
    if (status == KAYA_OK)
        status = next_number(pool, &number);
    if (status != KAYA_OK)
        return status;
    kaya_segment_name(new_name, number, SEGMENT_NAME_NEW);
    status = kaya_disk_rename(pool->context->disk, name, new_name);
    if (status != KAYA_OK)
        return status;
    memcpy(name, new_name, sizeof new_name);
    status = rewrite(pool, number, name, dead, &segment);
    if (status == KAYA_OK)
        status = name_spare(pool, &segment);
    if (status == KAYA_OK)
        kaya_notify(pool->context, &(struct kaya_event){ .kind = KAYA_EVENT_SEGMENT_RECYCLED,
                                                         .segment = segment.number,
                                                         .detail = dead->number });
    kaya_segment_close(&segment, pool->context);
    return status;
}

/* All of a file, in blocks of that size. False: it is too short for them. */
static bool shape_whole(const struct pool *pool, uint64_t file_bytes, uint32_t block_bytes, struct shape *shape)
{
    *shape = (struct shape){ .block_bytes = block_bytes, .unit_bytes = pool->shape.unit_bytes };
    shape->segment_bytes = file_bytes - file_bytes % kaya_shape_header_bytes(shape);
    return kaya_shape_is_valid(shape);
}

/* As new ones are made, but no longer than what is there: a full disk has no more. Where it would carry less than `cost_min` in their blocks, the
 * blocks are others: it may have held that much before. A file that is too short for any is as good as none. */
static struct shape shape_within(const struct pool *pool, uint64_t file_bytes, uint64_t cost_min)
{
    uint32_t longest = pool->shape.unit_bytes != 0 ? pool->shape.unit_bytes : KAYA_BLOCK_BYTES_MAX;
    struct shape best = fitting_shape(pool, cost_min), shape;
    uint64_t best_capacity = 0;

    if (file_bytes >= best.segment_bytes)
        return best;
    for (uint32_t block = KAYA_BLOCK_BYTES_MIN; block <= longest; block *= 2) {
        uint64_t capacity;

        if (!shape_whole(pool, file_bytes, block, &shape))
            break;
        capacity = kaya_carry_capacity(&shape);
        if (capacity >= cost_min ? best_capacity < cost_min || block <= pool->shape.block_bytes
                                 : capacity > best_capacity) {
            best = shape;
            best_capacity = capacity;
        }
    }
    return best;
}

/* The shortest that can carry `cost_min`. */
static struct shape shortest_shape(const struct pool *pool, uint64_t cost_min)
{
    struct shape shape = pool->shape;

    shape.block_bytes = shape.unit_bytes != 0 ? shape.unit_bytes : KAYA_BLOCK_BYTES_MIN;
    shape.segment_bytes = (uint64_t)shape.block_bytes * KAYA_SEGMENT_BLOCKS_MIN;
    while (kaya_carry_capacity(&shape) < cost_min && shape.segment_bytes < KAYA_SEGMENT_BYTES_MAX)
        shape.segment_bytes *= 2;
    return shape;
}

static enum kaya_status measure(const struct context *context, const char *name, uint64_t *bytes)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = kaya_disk_open(context->disk, name, KAYA_OPEN_READ, &file);

    if (status == KAYA_OK)
        status = kaya_disk_size(context->disk, file, bytes);
    kaya_disk_close(context->disk, file);
    return status;
}

/* What was cut may be too short for a new one, and with the room beside it long enough for a short one. */
enum kaya_status kaya_pool_reclaim(struct pool *pool, const struct chain_segment *dead, uint64_t cost_min)
{
    char name[SEGMENT_NAME_BYTES], new_name[SEGMENT_NAME_BYTES];
    struct shape shape, shortest = shortest_shape(pool, cost_min);
    uint64_t number, bytes;
    enum kaya_status status = next_number(pool, &number);

    if (status != KAYA_OK)
        return status;
    kaya_segment_name(name, dead->number, dead->kind);
    kaya_segment_name(new_name, number, SEGMENT_NAME_NEW);
    status = measure(pool->context, name, &bytes);
    if (status != KAYA_OK)
        return status;
    shape = shape_within(pool, bytes, cost_min);
    if (dead->kind != SEGMENT_NAME_NEW || dead->number != number)
        status = kaya_disk_rename(pool->context->disk, name, new_name);
    if (status == KAYA_OK)
        status = prepare(pool, &shape);
    if (status == KAYA_FULL && bytes < shape.segment_bytes && shortest.segment_bytes < shape.segment_bytes)
        status = prepare(pool, &shortest);
    return status;
}

/* Is there none that can carry `cost_min`, or too few for a segment to take records? */
static bool is_short(const struct pool *pool, uint64_t cost_min)
{
    return pool->spare_count < POOL_SPARES_MIN || kaya_pool_pick(pool, cost_min) == pool->spare_count;
}

/* One more than wanted is kept: where a tending thread fills the pool up after each rotation, a trim that frees a segment for each one that was
 * filled would find it full, and each file would be allocated, zero-filled and deleted. So the pool stands above what tend looks for. */
enum kaya_status kaya_pool_retire(struct pool *pool, const struct chain_segment *dead, bool must_last,
                                  uint64_t cost_min)
{
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status = KAYA_INVALID;

    kaya_segment_name(name, dead->number, dead->kind);
    if (pool->spare_count <= pool->wanted && kaya_shape_equals(&dead->shape, &pool->shape) &&
        dead->file_bytes >= dead->shape.segment_bytes)
        status = recycle(pool, name, dead);
    else if (must_last && is_short(pool, cost_min) && kaya_pool_prepare(pool, cost_min) == KAYA_FULL)
        /* the room that it gives back might be too little for any other */
        status = kaya_pool_reclaim(pool, dead, cost_min);
    if (status == KAYA_OK || status == KAYA_GONE)
        return status;
    status = kaya_disk_unlink(pool->context->disk, name);
    if (status == KAYA_OK)
        kaya_notify(
            pool->context,
            &(struct kaya_event){ .kind = KAYA_EVENT_SEGMENT_REMOVED, .segment = dead->number, .text = name });
    return status == KAYA_GONE ? KAYA_GONE : KAYA_OK;
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

enum kaya_status kaya_pool_refresh_names(struct pool *pool)
{
    char name[SEGMENT_NAME_BYTES], away[SEGMENT_NAME_BYTES];
    enum kaya_status status = KAYA_OK;

    for (unsigned i = 0; i < pool->spare_count && status == KAYA_OK; i++) {
        struct spare *spare = &pool->spares[i];

        if (spare->is_name_sure)
            continue;
        kaya_segment_name(name, spare->number, SEGMENT_NAME_WAL);
        kaya_segment_name(away, spare->number, SEGMENT_NAME_AWAY);
        if (spare->kind == SEGMENT_NAME_WAL)
            status = kaya_disk_rename(pool->context->disk, name, away);
        if (status != KAYA_OK)
            return status;
        spare->kind = SEGMENT_NAME_AWAY;
        status = kaya_disk_rename(pool->context->disk, away, name);
        if (status == KAYA_OK)
            spare->kind = SEGMENT_NAME_WAL;
    }
    return status;
}

enum kaya_status kaya_pool_sync_names(struct pool *pool)
{
    enum kaya_status status = kaya_disk_sync_directory(pool->context->disk, KAYA_DIRECTORY_LOG);

    for (unsigned i = 0; i < pool->spare_count && status == KAYA_OK; i++)
        pool->spares[i].is_name_sure = true;
    return status;
}

bool kaya_pool_is_settled(const struct pool *pool)
{
    bool is_sure = true;

    for (unsigned i = 0; i < pool->spare_count; i++)
        is_sure = is_sure && pool->spares[i].is_name_sure;
    return is_sure;
}

enum kaya_status kaya_pool_settle_names(struct pool *pool)
{
    enum kaya_status status = settle_names(pool);

    if (status != KAYA_OK)
        tell_failure(pool, status);
    return status;
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

unsigned kaya_pool_pick(const struct pool *pool, uint64_t cost_min)
{
    unsigned index = 0;

    while (index < pool->spare_count &&
           (pool->spares[index].is_blocked || pool->spares[index].carry_capacity < cost_min))
        index++;
    return index;
}

unsigned kaya_pool_count_carriers(const struct pool *pool, uint64_t cost_min)
{
    unsigned count = 0;

    for (unsigned i = 0; i < pool->spare_count; i++)
        count += !pool->spares[i].is_blocked && pool->spares[i].carry_capacity >= cost_min;
    return count;
}

/* Nobody knows what an earlier process left in it: frames of an unfinished rotation or recovery, which a reading may have missed, or a header that
 * only the cache holds since a sync of it failed. Under a new salt all that is an older life's. The header copy that was read stays until the other
 * one, which may have been bad, stands durably: so a crash leaves a spare with the old salt or the new one. A read may still show the older header,
 * and then its link must not come back beside it: so that is durably gone before another stands in its place. */
static enum kaya_status draw_new_salt(const struct context *context, struct segment *segment, bool is_clean)
{
    struct segment_header header = segment->header;
    uint64_t link = kaya_shape_first_frame(&header.shape), second = kaya_shape_second_header(&header.shape);
    enum kaya_status status;

    if (!is_clean)
        header.previous_seed = segment->seeds.segment;
    status = kaya_draw64(context, &header.salt);
    set_header(segment, &header);
    if (status == KAYA_OK)
        status = write_header(context, segment, segment->first_copy_bad ? 0 : second);
    if (status == KAYA_OK)
        status = kaya_disk_sync(context->disk, segment->file);
    if (status == KAYA_OK)
        status = write_header(context, segment, segment->first_copy_bad ? second : 0);
    if (status == KAYA_OK)
        status =
            kaya_write_zeros(context, segment->file, link, link + KAYA_FRAME_HEADER_BYTES + KAYA_LINK_BYTES);
    return status == KAYA_OK ? kaya_disk_sync(context->disk, segment->file) : status;
}

static void forget_spares(struct pool *pool, unsigned first, unsigned count)
{
    pool->spare_count -= count;
    memmove(pool->spares + first, pool->spares + first + count,
            (pool->spare_count - first) * sizeof *pool->spares);
}

/* A sector that cannot be read can be written, if all of it is. */
static enum kaya_status fill_holes(const struct context *context, const struct segment *segment)
{
    const struct shape *shape = &segment->header.shape;
    uint64_t header = kaya_shape_second_header(shape);
    enum kaya_status status;

    status = kaya_write_zeros(context, segment->file, kaya_shape_first_frame(shape), header);
    if (status == KAYA_OK)
        status = kaya_write_zeros(context, segment->file, header + kaya_shape_header_bytes(shape),
                                  shape->segment_bytes);
    return status;
}

/* What a read shows of it may be of an earlier life under the same number. A spare that this process prepared has the header that it wrote; of any
 * other one the shape must be what the survey has found. */
static bool is_as_known(const struct spare *spare, const struct segment *segment)
{
    return segment->state >= SEGMENT_LINKLESS &&
           (spare->is_ours || kaya_shape_equals(&segment->header.shape, &spare->shape));
}

static enum kaya_status open_spare(const struct context *context, const struct spare *spare,
                                   struct segment *segment)
{
    char name[SEGMENT_NAME_BYTES];
    enum kaya_status status;

    kaya_segment_name(name, spare->number, spare->kind);
    if (spare->has_holes)
        status = kaya_segment_open_any(segment, context, name, spare->number, KAYA_OPEN_WRITE);
    else
        status = kaya_segment_open(segment, context, name, spare->number, KAYA_OPEN_WRITE, false);
    if (status == KAYA_IO || (status == KAYA_OK && !is_as_known(spare, segment))) {
        kaya_segment_close(segment, context); /* it may have been the reading */
        status = kaya_segment_open(segment, context, name, spare->number, KAYA_OPEN_WRITE, true);
    }
    if (status == KAYA_OK && !is_as_known(spare, segment))
        status = KAYA_IO;
    if (status == KAYA_OK && spare->is_ours)
        set_header(segment, &spare->header);
    if (status == KAYA_OK && spare->has_holes)
        status = fill_holes(context, segment);
    if (status == KAYA_OK && !spare->is_ours)
        status = draw_new_salt(context, segment, spare->is_clean);
    return status;
}

enum kaya_status kaya_pool_take(struct pool *pool, unsigned index, struct segment *segment)
{
    enum kaya_status status;

    KAYA_ASSERT(index < pool->spare_count);
    status = open_spare(pool->context, &pool->spares[index], segment);
    if (status == KAYA_OK) {
        forget_spares(pool, 0, index + 1);
        return KAYA_OK;
    }
    kaya_segment_close(segment, pool->context);
    if (status == KAYA_GONE || status == KAYA_NO_MEMORY || status == KAYA_LIMIT || status == KAYA_FULL)
        return status;
    forget_spares(pool, index, 1);
    if (index > 0)
        pool->spares[index - 1].is_blocked = true;
    return KAYA_IO;
}

uint64_t kaya_pool_carry_capacity(const struct pool *pool)
{
    uint64_t capacity = pool->carry_capacity;

    for (unsigned i = 0; i < pool->spare_count; i++)
        if (pool->spares[i].carry_capacity < capacity)
            capacity = pool->spares[i].carry_capacity;
    return capacity;
}
