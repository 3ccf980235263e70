/* What the trace tells: operations, the writes that each made, the lives of files, and where damage began to show. */
#include "history.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY_MIN = 64 };

static const uint8_t header_magic[8] = "kaya-wal";

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
