/* Claims, from the trace.
 *
 * Kept: every operation, with what was durable when it began; every write that it made, with a hash of its bytes and the name that
 * the file bore. A write is alive if its file still bears that name, and nothing was written in front of it since: within
 * one life a segment only grows, so a later write at a lower offset means that its life began anew. Zeros are no frames.
 *
 *        operation k began: records up to D are durable          its write stands whole, behind an undamaged link
 *        ------------------------------------------------------> every record up to D is claimed
 *
 * A recovery may copy records that no claim reached, and leaves the others where they are. So for a record that was written
 * before a recovery only claims from before that recovery tell for sure that its bytes are still the live ones.
 *
 * Where the trace does not tell, the answer is "allowed": the judge is never stricter than the promise. */
#include "kaya/scenarios/claims.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY_MIN = 64, NAMES_MAX = 1024 };

struct operation {
    uint64_t durable_lsn, first_lsn, last_lsn;
    bool recovery;
};

struct written {
    size_t operation; /* its index */
    uint64_t inode, name_hash, offset, length, hash;
};

struct name {
    uint64_t inode, hash;
};

struct kaya_claims {
    struct operation *operations;
    size_t operation_count, operation_capacity;
    struct written *writes;
    size_t write_count, write_capacity;
    struct name names[NAMES_MAX]; /* the last name of each inode */
    size_t name_count;
    bool incomplete; /* memory or room ran out */
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
    free(claims);
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
    claims->operations[claims->operation_count++] =
        (struct operation){ durable_lsn, first_lsn, last_lsn, recovery };
}

static uint64_t hash_name(const char *name)
{
    return XXH3_64bits(name, strlen(name));
}

static void set_name(struct kaya_claims *claims, uint64_t inode, const char *text)
{
    size_t i = 0;

    while (i < claims->name_count && claims->names[i].inode != inode)
        i++;
    if (i == NAMES_MAX) {
        claims->incomplete = true;
        return;
    }
    claims->names[i] = (struct name){ inode, hash_name(text) };
    claims->name_count += i == claims->name_count;
}

static uint64_t name_of(const struct kaya_claims *claims, uint64_t inode)
{
    for (size_t i = 0; i < claims->name_count; i++)
        if (claims->names[i].inode == inode)
            return claims->names[i].hash;
    return 0;
}

static bool all_zeros(const uint8_t *bytes, size_t length)
{
    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static void note_write(struct kaya_claims *claims, const struct kaya_trace_event *event)
{
    void *rows = claims->writes;

    if (claims->operation_count == 0 || all_zeros(event->content, event->content_length))
        return;
    if (!make_room(&rows, &claims->write_capacity, claims->write_count, sizeof *claims->writes)) {
        claims->incomplete = true;
        return;
    }
    claims->writes = rows;
    claims->writes[claims->write_count++] = (struct written){
        .operation = claims->operation_count - 1,
        .inode = event->a,
        .name_hash = name_of(claims, event->a),
        .offset = event->b,
        .length = event->content_length,
        .hash = XXH3_64bits(event->content, event->content_length),
    };
}

void kaya_claims_hear(void *user, const struct kaya_trace_event *event)
{
    struct kaya_claims *claims = user;

    if (event->status != KAYA_OK)
        return;
    /* A rename is two events, the old name and then the new one: the last one heard is the name. */
    if ((event->kind == KAYA_TRACE_OPEN || event->kind == KAYA_TRACE_RENAME) && event->text != NULL &&
        event->a != 0)
        set_name(claims, event->a, event->text);
    if ((event->kind == KAYA_TRACE_WRITE || event->kind == KAYA_TRACE_WRITE_DURABLE) && event->content != NULL)
        note_write(claims, event);
}

/* --- Judging --- */

struct image {
    const struct kaya_claims *claims;
    struct kaya_sim_disk *disk;
    const struct kaya_damage *damage;
    uint64_t damaged_inode;
    uint64_t damaged_name;
    const char *names[NAMES_MAX]; /* of the files that are there */
    char *text;
    size_t text_bytes, name_count;
};

static bool overlaps(const struct image *image, const struct written *write)
{
    return write->inode == image->damaged_inode && write->name_hash == image->damaged_name &&
           write->offset < image->damage->offset_bytes + image->damage->length_bytes &&
           image->damage->offset_bytes < write->offset + write->length;
}

static bool keep_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct image *image = user;
    size_t bytes = strlen(name) + 1;

    if (kind != KAYA_ENTRY_FILE || image->name_count == NAMES_MAX ||
        image->text_bytes + bytes > NAMES_MAX * (size_t)KAYA_NAME_BYTES_MAX)
        return true;
    image->names[image->name_count++] = memcpy(image->text + image->text_bytes, name, bytes);
    image->text_bytes += bytes;
    return true;
}

static const char *find_name(const struct image *image, const struct written *write)
{
    for (size_t i = 0; i < image->name_count; i++)
        if (hash_name(image->names[i]) == write->name_hash &&
            kaya_sim_disk_inode(image->disk, image->names[i]) == write->inode)
            return image->names[i];
    return NULL;
}

/* Nothing was written in front of it in its file since, and the file still bears the name. */
static bool is_alive(const struct image *image, const struct written *write)
{
    const struct written *end = image->claims->writes + image->claims->write_count;

    for (const struct written *later = write + 1; later < end; later++)
        if (later->inode == write->inode && later->offset < write->offset)
            return false;
    return find_name(image, write) != NULL;
}

static bool stands_whole(const struct image *image, const struct written *write)
{
    const char *name = find_name(image, write);
    uint8_t *bytes = malloc(write->length);
    size_t done = 0;
    bool whole = bytes != NULL && name != NULL &&
                 kaya_sim_disk_peek(image->disk, name, write->offset, bytes, write->length, &done) == KAYA_OK &&
                 done == write->length && XXH3_64bits(bytes, done) == write->hash;

    free(bytes);
    return whole;
}

/* The link came with the first frames of the file's life: the first alive write under this name. */
static bool link_stands(const struct image *image, const struct written *write)
{
    const struct written *first = image->claims->writes;

    while (first->inode != write->inode || first->name_hash != write->name_hash || !is_alive(image, first))
        first++;
    return stands_whole(image, first);
}

static bool operation_claims(const struct image *image, size_t operation)
{
    const struct kaya_claims *claims = image->claims;

    for (size_t i = 0; i < claims->write_count; i++)
        if (claims->writes[i].operation == operation && is_alive(image, &claims->writes[i]) &&
            stands_whole(image, &claims->writes[i]) && link_stands(image, &claims->writes[i]))
            return true;
    return false;
}

/* Is record `lsn`, which `operation` wrote, claimed by an operation behind it and before any recovery? */
static bool is_claimed(const struct image *image, uint64_t lsn, size_t operation)
{
    const struct kaya_claims *claims = image->claims;

    for (size_t i = operation + 1; i < claims->operation_count && !claims->operations[i].recovery; i++)
        if (claims->operations[i].durable_lsn >= lsn && operation_claims(image, i))
            return true;
    return false;
}

static enum kaya_refusal judge_write(const struct image *image, uint64_t low_lsn, const struct written *write)
{
    const struct operation *operation = &image->claims->operations[write->operation];

    if (operation->last_lsn != 0 && operation->last_lsn < low_lsn)
        return KAYA_REFUSAL_FORBIDDEN;
    if (operation->last_lsn != 0 && is_claimed(image, operation->last_lsn, write->operation))
        return KAYA_REFUSAL_REQUIRED;
    return KAYA_REFUSAL_ALLOWED;
}

static enum kaya_refusal judge(const struct image *image, uint64_t low_lsn)
{
    const struct kaya_claims *claims = image->claims;
    enum kaya_refusal worst = KAYA_REFUSAL_FORBIDDEN;

    for (size_t i = 0; i < claims->write_count; i++) {
        enum kaya_refusal one;
        if (!overlaps(image, &claims->writes[i]) || !is_alive(image, &claims->writes[i]))
            continue;
        one = judge_write(image, low_lsn, &claims->writes[i]);
        worst = one > worst ? one : worst;
    }
    return worst;
}

enum kaya_refusal kaya_claims_judge(const struct kaya_claims *claims, struct kaya_sim_disk *disk,
                                    uint64_t low_lsn, const struct kaya_damage *damage)
{
    struct image *image;
    enum kaya_refusal refusal = KAYA_REFUSAL_ALLOWED;

    if (damage->flipped_bits == 1)
        return KAYA_REFUSAL_FORBIDDEN;
    image = calloc(1, sizeof *image);
    if (image == NULL || claims->incomplete)
        goto done;
    image->text = malloc(NAMES_MAX * (size_t)KAYA_NAME_BYTES_MAX);
    if (image->text == NULL)
        goto done;
    image->claims = claims;
    image->disk = disk;
    image->damage = damage;
    image->damaged_inode = kaya_sim_disk_inode(disk, damage->file_name);
    image->damaged_name = hash_name(damage->file_name);
    kaya_sim_disk_names(disk, keep_name, image);
    refusal = judge(image, low_lsn);
done:
    if (image != NULL)
        free(image->text);
    free(image);
    return refusal;
}
