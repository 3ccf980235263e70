/* LevelDB: one put a record, under rising keys. Its own interface gives no way to read its log back but to open the database, which writes
 * it anew as a table: so it has nothing to scan. */
#include <leveldb/c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peer.h"

struct peer {
    leveldb_t *database;
    leveldb_options_t *options;
    leveldb_writeoptions_t *how;
    atomic_ullong next;
};

static void peer_close(void *handle)
{
    struct peer *peer = handle;

    if (peer == NULL)
        return;
    if (peer->database != NULL)
        leveldb_close(peer->database);
    leveldb_writeoptions_destroy(peer->how);
    leveldb_options_destroy(peer->options);
    free(peer);
}

static const char *peer_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct peer *peer;
    char *error = NULL;

    if (plan->mode != KAYA_ENGINE_STRICT && plan->mode != KAYA_ENGINE_RELAXED)
        return "it has no such mode";
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return "no memory";
    peer->options = leveldb_options_create();
    peer->how = leveldb_writeoptions_create();
    leveldb_options_set_create_if_missing(peer->options, 1);
    leveldb_options_set_compression(peer->options, leveldb_no_compression);
    leveldb_writeoptions_set_sync(peer->how, plan->mode == KAYA_ENGINE_STRICT);
    peer->database = leveldb_open(peer->options, plan->directory, &error);
    *handle = peer;
    return error;
}

static const char *peer_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct peer *peer = handle;
    char key[KAYA_PEER_KEY_BYTES];
    char *error = NULL;

    (void)thread;
    kaya_peer_next_key(&peer->next, key);
    leveldb_put(peer->database, peer->how, key, sizeof key, bytes, length, &error);
    return error;
}

static const struct kaya_engine engine = {
    .name = "LevelDB", .open = peer_open, .append = peer_append, .close = peer_close
};

const struct kaya_engine *const kaya_peer = &engine;
