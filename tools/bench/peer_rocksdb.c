/* RocksDB: one put a record, under rising keys. Buffered, its log stays in its memory until that is full (manual_wal_flush). What its log holds is
 * read back as its replicas do, by the updates since the first. */
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peer.h"

static const size_t SCANNED_MEMORY_BYTES = (size_t)4 << 30; /* nothing of what is scanned goes to a table */

struct peer {
    rocksdb_t *database;
    rocksdb_options_t *options;
    rocksdb_writeoptions_t *how;
    atomic_ullong next;
};

static struct peer scanned; /* what fill left open; the end of the process closes it */

static const char *start(struct peer *peer, const char *directory, enum kaya_engine_mode mode, size_t memory_bytes)
{
    char *error = NULL;

    peer->options = rocksdb_options_create();
    peer->how = rocksdb_writeoptions_create();
    rocksdb_options_set_create_if_missing(peer->options, 1);
    rocksdb_options_set_compression(peer->options, rocksdb_no_compression);
    rocksdb_options_set_manual_wal_flush(peer->options, mode == KAYA_ENGINE_BUFFERED);
    if (memory_bytes != 0)
        rocksdb_options_set_write_buffer_size(peer->options, memory_bytes);
    rocksdb_writeoptions_set_sync(peer->how, mode == KAYA_ENGINE_STRICT);
    peer->database = rocksdb_open(peer->options, directory, &error);
    return error;
}

static void peer_close(void *handle)
{
    struct peer *peer = handle;

    if (peer == NULL)
        return;
    if (peer->database != NULL)
        rocksdb_close(peer->database);
    rocksdb_writeoptions_destroy(peer->how);
    rocksdb_options_destroy(peer->options);
    free(peer);
}

static const char *peer_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct peer *peer;

    if (plan->mode != KAYA_ENGINE_STRICT && plan->mode != KAYA_ENGINE_RELAXED && plan->mode != KAYA_ENGINE_BUFFERED)
        return "it has no such mode";
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return "no memory";
    *handle = peer;
    return start(peer, plan->directory, plan->mode, 0);
}

static const char *peer_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct peer *peer = handle;
    char key[KAYA_PEER_KEY_BYTES];
    char *error = NULL;

    (void)thread;
    kaya_peer_next_key(&peer->next, key);
    rocksdb_put(peer->database, peer->how, key, sizeof key, bytes, length, &error);
    return error;
}

static const char *peer_rest(void *handle)
{
    struct peer *peer = handle;
    char *error = NULL;

    rocksdb_flush_wal(peer->database, 1, &error);
    return error;
}

static const char *peer_fill(const char *directory, size_t record_bytes, uint64_t bytes)
{
    static const unsigned char payload[KAYA_ENGINE_RECORD_BYTES_MAX];
    const char *error = start(&scanned, directory, KAYA_ENGINE_RELAXED, SCANNED_MEMORY_BYTES);

    for (uint64_t i = 0; i < bytes / record_bytes && error == NULL; i++)
        error = peer_append(&scanned, 0, payload, record_bytes);
    return error;
}

static const char *peer_scan(const char *directory, uint64_t *records)
{
    char *error = NULL;
    rocksdb_wal_iterator_t *updates = rocksdb_get_updates_since(scanned.database, 1, NULL, &error);

    (void)directory;
    *records = 0;
    if (error != NULL)
        return error;
    for (; rocksdb_wal_iter_valid(updates); rocksdb_wal_iter_next(updates)) {
        uint64_t number;
        rocksdb_writebatch_t *batch = rocksdb_wal_iter_get_batch(updates, &number);

        *records += (uint64_t)rocksdb_writebatch_count(batch);
        rocksdb_writebatch_destroy(batch);
    }
    rocksdb_wal_iter_status(updates, &error);
    rocksdb_wal_iter_destroy(updates);
    return error;
}

static const struct kaya_engine engine = { .name = "RocksDB",
                                           .open = peer_open,
                                           .append = peer_append,
                                           .rest = peer_rest,
                                           .close = peer_close,
                                           .fill = peer_fill,
                                           .scan = peer_scan };

const struct kaya_engine *const kaya_peer = &engine;
