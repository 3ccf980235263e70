/* The two images, held against what was written: what stands, what of it is damaged, and whether the damage shows.
 *
 * `now` is what the next reader sees, `truth` what it would see if no damage had been done. A write stands if its bytes are in the true
 * image, in the file's present life; what differs there now is damage. */
#include "images.h"

#include <string.h>
#include <xxhash.h>

enum { SECTOR_BYTES_MAX = 4096 }; /* of the profiles */

static const struct kaya_image_file *find_inode(const struct kaya_image *image, uint64_t inode)
{
    for (size_t i = 0; i < image->file_count; i++)
        if (image->files[i].inode == inode)
            return &image->files[i];
    return NULL;
}

bool kaya_claims_is_unreadable(const struct kaya_image_file *file, uint64_t offset, uint64_t end)
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
           kaya_claims_is_unreadable(now, 0, now->size_bytes);
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
        life->is_unreadable =
            life->now != NULL && kaya_claims_is_unreadable(life->now, 0, life->now->size_bytes);
        life->differs = life->now != NULL && differs(life->now, life->truth);
    }
}

/* Was the sector written again behind that? Then the cache may hide what the medium holds, once more. */
static bool is_written_over(const struct kaya_claims *claims, const struct shown *shown)
{
    uint64_t first = shown->offset / SECTOR_BYTES_MAX;
    uint64_t last = (shown->offset + shown->length) / SECTOR_BYTES_MAX;

    for (size_t i = claims->write_count; i-- > 0 && claims->writes[i].event > shown->event;)
        if (claims->lives[claims->writes[i].life].inode == shown->inode &&
            claims->writes[i].offset / SECTOR_BYTES_MAX <= last &&
            end_of_write(&claims->writes[i]) / SECTOR_BYTES_MAX >= first)
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

uint64_t kaya_claims_count_shown_bits(const struct kaya_claims *claims, const struct written *write, bool surely)
{
    const struct life *life = &claims->lives[write->life];
    uint64_t at = write->offset;
    uint64_t end = end_of_write(write);
    uint64_t bits = 0;

    if (!write->is_unreadable && write->bits != UINT64_MAX) {
        at = write->first_differing;
        end = write->bits == 0 ? at : write->last_differing + 1;
    }
    for (; at < end && at < life->now->size_bytes; at++) {
        bool is_bad = write->is_unreadable && kaya_claims_is_unreadable(life->now, at, at + 1);
        if ((!is_bad && life->now->bytes[at] == life->truth->bytes[at]) ||
            !is_shown_at(claims, write, at, surely))
            continue;
        if (is_bad)
            return UINT64_MAX;
        bits += (unsigned)__builtin_popcount((unsigned)(life->now->bytes[at] ^ life->truth->bytes[at]));
    }
    return bits;
}

void kaya_claims_count_bits(struct written *write, const uint8_t *now, const uint8_t *truth)
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
    if (life->truth == NULL || end_of_write(write) > life->truth->size_bytes ||
        XXH3_64bits(life->truth->bytes + write->offset, write->length) != write->hash)
        return;
    write->stands = true;
    if (!life->differs)
        return;
    if (end_of_write(write) > life->now->size_bytes) {
        write->bits = UINT64_MAX;
        return;
    }
    write->is_unreadable = kaya_claims_is_unreadable(life->now, write->offset, end_of_write(write));
    kaya_claims_count_bits(write, life->now->bytes + write->offset, life->truth->bytes + write->offset);
}

static uint64_t count_link_bits(const struct life *life, uint64_t offset, const struct kaya_image_file *file)
{
    uint64_t bits = 0;

    if (offset + life->link_length > file->size_bytes ||
        kaya_claims_is_unreadable(file, offset, offset + life->link_length))
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
            write->is_link_hit &&
            kaya_claims_is_unreadable(life->now, write->offset, write->offset + life->link_length);
}

static void note_in_life(struct kaya_claims *claims, size_t index)
{
    struct written *write = &claims->writes[index];
    struct life *life = &claims->lives[write->life];
    const struct operation *operation = &claims->operations[write->operation];

    if (write->is_header) {
        life->bad_headers += write->stands && !is_whole_write(write);
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

void kaya_claims_compare(struct kaya_claims *claims, const struct kaya_image *now, const struct kaya_image *truth)
{
    find_files(claims, now, truth);
    for (size_t i = 0; i < claims->write_count; i++) {
        compare(&claims->writes[i], &claims->lives[claims->writes[i].life]);
        note_in_life(claims, i);
    }
    find_hidden(claims);
}
