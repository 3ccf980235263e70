/* The snapshot's file.
 *
 *   0    8    magic and version: "kayakv01"
 *   8    16   the log's id
 *   24   8    the last record of the log that it holds
 *   32   8    bytes of the body
 *   40   8    check of the 40 bytes before
 *   48   ..   the body: for each pair, ascending by key, 4 bytes of length and the item (table.h)
 *   ..   8    check of the body
 *
 * Little-endian. A check is XXH3; that of the body runs over pieces of PIECE_BYTES, each seeded with the check of the piece before.
 *
 * The file is never changed under its name: a new one is written beside it, synced, and renamed over it. Each step has its
 * reason, and each left out loses data in some crash:
 *
 *   - a new file, not the one that an earlier attempt left: a sync of it may have failed, and what was written then may be
 *     gone although the next sync says OK;
 *   - sync before rename: the name may be durable before the bytes are;
 *   - directory sync after rename: until then a power loss brings the old snapshot back, and it needs the log that would
 *     be trimmed next. */
#include "snapshot.h"

#include <string.h>
#include <xxhash.h>

#include "bytes.h"

#define SNAPSHOT_NAME "snapshot"
#define UNFINISHED_NAME "snapshot.new"

static const char magic[8] = { 'k', 'a', 'y', 'a', 'k', 'v', '0', '1' };
enum { VERSION_BYTES = 2 }; /* the end of it */

enum {
    ID_OFFSET = 8,
    LSN_OFFSET = 24,
    BODY_BYTES_OFFSET = 32,
    HEADER_CHECK_OFFSET = 40,
    HEADER_BYTES = 48,
    CHECK_BYTES = 8,
    LENGTH_BYTES = 4,
    PIECE_BYTES = 4096,
};

/* The file as a stream, in either direction. */
struct stream {
    struct kaya_disk *disk;
    struct kaya_file *file;
    uint64_t offset;    /* of the piece */
    uint64_t left;      /* of the body, from the piece on; when reading */
    uint64_t check;     /* of the pieces before */
    size_t used, ready; /* bytes of the piece that were taken, that there are */
    uint8_t piece[PIECE_BYTES];
};

/* --- Writing --- */

static enum kaya_status write_at(struct stream *stream, uint64_t offset, void *bytes, size_t length)
{
    struct kaya_span span = { bytes, length };

    return kaya_disk_write(stream->disk, stream->file, offset, &span, 1);
}

static enum kaya_status flush(struct stream *stream)
{
    enum kaya_status status = write_at(stream, stream->offset, stream->piece, stream->used);

    stream->check = XXH3_64bits_withSeed(stream->piece, stream->used, stream->check);
    stream->offset += stream->used;
    stream->used = 0;
    return status;
}

static enum kaya_status give(struct stream *stream, const uint8_t *bytes, size_t length)
{
    enum kaya_status status = KAYA_OK;

    while (length > 0 && status == KAYA_OK) {
        size_t part = PIECE_BYTES - stream->used < length ? PIECE_BYTES - stream->used : length;
        memcpy(stream->piece + stream->used, bytes, part);
        stream->used += part;
        bytes += part;
        length -= part;
        if (stream->used == PIECE_BYTES)
            status = flush(stream);
    }
    return status;
}

static uint64_t body_bytes_of(const struct kaya_kv_table *table)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < table->count; i++)
        bytes += LENGTH_BYTES + table->items[i].length;
    return bytes;
}

static enum kaya_status write_header(struct stream *stream, uint64_t body_bytes,
                                     const struct kaya_wal_anchor *anchor)
{
    uint8_t header[HEADER_BYTES];

    memcpy(header, magic, sizeof magic);
    memcpy(header + ID_OFFSET, anchor->log_id.bytes, sizeof anchor->log_id.bytes);
    kaya_kv_store(header + LSN_OFFSET, 8, anchor->lsn);
    kaya_kv_store(header + BODY_BYTES_OFFSET, 8, body_bytes);
    kaya_kv_store(header + HEADER_CHECK_OFFSET, 8, XXH3_64bits(header, HEADER_CHECK_OFFSET));
    return write_at(stream, 0, header, sizeof header);
}

static enum kaya_status write_body(struct stream *stream, const struct kaya_kv_table *table)
{
    uint8_t number[CHECK_BYTES];
    enum kaya_status status = KAYA_OK;

    stream->offset = HEADER_BYTES;
    for (size_t i = 0; i < table->count && status == KAYA_OK; i++) {
        kaya_kv_store(number, LENGTH_BYTES, table->items[i].length);
        status = give(stream, number, LENGTH_BYTES);
        if (status == KAYA_OK)
            status = give(stream, table->items[i].bytes, table->items[i].length);
    }
    if (status == KAYA_OK && stream->used > 0)
        status = flush(stream);
    kaya_kv_store(number, CHECK_BYTES, stream->check);
    return status == KAYA_OK ? write_at(stream, stream->offset, number, CHECK_BYTES) : status;
}

/* Whole and durable, but for its name. */
static enum kaya_status write_unfinished(struct kaya_disk *disk, const struct kaya_kv_table *table,
                                         const struct kaya_wal_anchor *anchor)
{
    struct stream stream = { .disk = disk };
    enum kaya_status status = kaya_disk_open(disk, UNFINISHED_NAME, KAYA_OPEN_CREATE, &stream.file);

    if (status != KAYA_OK)
        return status;
    status = write_header(&stream, body_bytes_of(table), anchor);
    if (status == KAYA_OK)
        status = write_body(&stream, table);
    if (status == KAYA_OK)
        status = kaya_disk_sync(disk, stream.file);
    kaya_disk_close(disk, stream.file);
    return status;
}

static enum kaya_status remove_unfinished(struct kaya_disk *disk)
{
    enum kaya_status status = kaya_disk_unlink(disk, UNFINISHED_NAME);

    return status == KAYA_NOT_FOUND ? KAYA_OK : status;
}

enum kaya_status kaya_kv_snapshot_save(struct kaya_disk *disk, const struct kaya_kv_table *table,
                                       const struct kaya_wal_anchor *anchor)
{
    enum kaya_status status = remove_unfinished(disk);
    enum kaya_status removed;

    if (status == KAYA_OK)
        status = write_unfinished(disk, table, anchor);
    if (status == KAYA_OK)
        status = kaya_disk_rename(disk, UNFINISHED_NAME, SNAPSHOT_NAME);
    if (status == KAYA_OK)
        return kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    removed = remove_unfinished(disk); /* room for others; if it stays, the next attempt removes it */
    (void)removed;
    return status;
}

/* --- Reading --- */

static enum kaya_status read_exactly(struct stream *stream, uint64_t offset, void *bytes, size_t length)
{
    size_t done;
    enum kaya_status status =
        kaya_disk_read(stream->disk, stream->file, offset, bytes, length, KAYA_READ_CACHED, &done);

    return status == KAYA_OK && done < length ? KAYA_DAMAGED : status;
}

static enum kaya_status open_and_read_header(struct kaya_disk *disk, struct stream *stream,
                                             struct kaya_wal_anchor *anchor)
{
    uint8_t header[HEADER_BYTES];
    uint64_t size = 0;
    enum kaya_status status = kaya_disk_open(disk, SNAPSHOT_NAME, KAYA_OPEN_READ, &stream->file);

    if (status != KAYA_OK)
        return status;
    status = kaya_disk_size(disk, stream->file, &size);
    if (status == KAYA_OK)
        status = read_exactly(stream, 0, header, sizeof header);
    if (status != KAYA_OK)
        return status;
    if (XXH3_64bits(header, HEADER_CHECK_OFFSET) != kaya_kv_load(header + HEADER_CHECK_OFFSET, 8) ||
        memcmp(header, magic, sizeof magic - VERSION_BYTES) != 0)
        return KAYA_DAMAGED;
    if (memcmp(header, magic, sizeof magic) != 0)
        return KAYA_UNSUPPORTED;
    stream->left = kaya_kv_load(header + BODY_BYTES_OFFSET, 8);
    if (size < HEADER_BYTES + CHECK_BYTES || stream->left != size - HEADER_BYTES - CHECK_BYTES)
        return KAYA_DAMAGED;
    memcpy(anchor->log_id.bytes, header + ID_OFFSET, sizeof anchor->log_id.bytes);
    anchor->lsn = kaya_kv_load(header + LSN_OFFSET, 8);
    return KAYA_OK;
}

static enum kaya_status fill(struct stream *stream)
{
    enum kaya_status status;

    stream->ready = stream->left < PIECE_BYTES ? (size_t)stream->left : PIECE_BYTES;
    stream->used = 0;
    if (stream->ready == 0)
        return KAYA_DAMAGED; /* an item goes on behind the end */
    status = read_exactly(stream, stream->offset, stream->piece, stream->ready);
    stream->check = XXH3_64bits_withSeed(stream->piece, stream->ready, stream->check);
    stream->offset += stream->ready;
    stream->left -= stream->ready;
    return status;
}

static enum kaya_status take(struct stream *stream, uint8_t *bytes, size_t length)
{
    enum kaya_status status = KAYA_OK;

    while (length > 0 && status == KAYA_OK) {
        size_t part = stream->ready - stream->used < length ? stream->ready - stream->used : length;
        memcpy(bytes, stream->piece + stream->used, part);
        stream->used += part;
        bytes += part;
        length -= part;
        if (length > 0)
            status = fill(stream);
    }
    return status;
}

static uint64_t body_left(const struct stream *stream)
{
    return stream->left + (stream->ready - stream->used);
}

static enum kaya_status read_item(struct stream *stream, struct kaya_kv_table *table)
{
    struct kaya_kv_item item = KAYA_KV_ITEM_NONE;
    uint8_t number[LENGTH_BYTES];
    enum kaya_status status = take(stream, number, sizeof number);
    uint64_t length = kaya_kv_load(number, sizeof number);

    if (status == KAYA_OK && (length == 0 || length > body_left(stream)))
        status = KAYA_DAMAGED;
    if (status == KAYA_OK)
        status = kaya_kv_item_allocate(table->allocator, (size_t)length, &item);
    if (status == KAYA_OK)
        status = take(stream, item.bytes, item.length);
    if (status == KAYA_OK && !kaya_kv_item_is_valid(&item))
        status = KAYA_DAMAGED;
    if (status == KAYA_OK)
        status = kaya_kv_table_reserve(table, 1);
    if (status == KAYA_OK)
        kaya_kv_table_put(table, item);
    else
        kaya_kv_item_release(table->allocator, &item);
    return status;
}

static enum kaya_status read_body(struct stream *stream, struct kaya_kv_table *table)
{
    uint8_t check[CHECK_BYTES];
    enum kaya_status status = KAYA_OK;

    stream->offset = HEADER_BYTES;
    while (status == KAYA_OK && body_left(stream) > 0)
        status = read_item(stream, table);
    if (status == KAYA_OK)
        status = read_exactly(stream, stream->offset, check, sizeof check);
    if (status == KAYA_OK && kaya_kv_load(check, sizeof check) != stream->check)
        status = KAYA_DAMAGED;
    return status;
}

enum kaya_status kaya_kv_snapshot_read_anchor(struct kaya_disk *disk, struct kaya_wal_anchor *anchor)
{
    struct stream stream = { .disk = disk };
    enum kaya_status status = open_and_read_header(disk, &stream, anchor);

    kaya_disk_close(disk, stream.file);
    return status;
}

enum kaya_status kaya_kv_snapshot_load(struct kaya_disk *disk, struct kaya_kv_table *table,
                                       struct kaya_wal_anchor *anchor)
{
    struct stream stream = { .disk = disk };
    enum kaya_status status = open_and_read_header(disk, &stream, anchor);

    if (status == KAYA_OK)
        status = read_body(&stream, table);
    kaya_disk_close(disk, stream.file);
    return status;
}
