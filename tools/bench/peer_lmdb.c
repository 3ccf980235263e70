/* LMDB: one put a record at the end of a tree, a transaction each. Strict is its default; relaxed is MDB_NOSYNC, which writes the pages of
 * each transaction and syncs none. It has no log. */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peer.h"

static const size_t MAP_BYTES = (size_t)8 << 30;
enum { RECORDS_KEPT = 100000 };

struct peer {
    MDB_env *environment;
    MDB_dbi tree;
    size_t next; /* guarded by the one writing transaction */
};

static const char *said(int result)
{
    return result == MDB_SUCCESS ? NULL : mdb_strerror(result);
}

static void peer_close(void *handle)
{
    struct peer *peer = handle;

    if (peer == NULL)
        return;
    mdb_env_close(peer->environment);
    free(peer);
}

static int open_tree(struct peer *peer)
{
    MDB_txn *transaction;
    int result = mdb_txn_begin(peer->environment, NULL, 0, &transaction);

    if (result != MDB_SUCCESS)
        return result;
    result = mdb_dbi_open(transaction, NULL, MDB_INTEGERKEY, &peer->tree);
    if (result == MDB_SUCCESS)
        return mdb_txn_commit(transaction);
    mdb_txn_abort(transaction);
    return result;
}

static const char *peer_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct peer *peer;
    int result;

    if (plan->mode != KAYA_ENGINE_STRICT && plan->mode != KAYA_ENGINE_RELAXED)
        return "it has no such mode";
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return "no memory";
    *handle = peer;
    result = mdb_env_create(&peer->environment);
    if (result == MDB_SUCCESS)
        result = mdb_env_set_mapsize(peer->environment, MAP_BYTES);
    if (result == MDB_SUCCESS)
        result = mdb_env_open(peer->environment, plan->directory,
                              plan->mode == KAYA_ENGINE_RELAXED ? MDB_NOSYNC : 0, 0600);
    return said(result == MDB_SUCCESS ? open_tree(peer) : result);
}

static const char *peer_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct peer *peer = handle;
    MDB_txn *transaction;
    int result = mdb_txn_begin(peer->environment, NULL, 0, &transaction);

    (void)thread;
    if (result != MDB_SUCCESS)
        return said(result);
    peer->next++;
    MDB_val key = { sizeof peer->next, &peer->next };
    MDB_val value = { length, (void *)(uintptr_t)bytes };
    result = mdb_put(transaction, peer->tree, &key, &value, MDB_APPEND);
    if (result == MDB_SUCCESS)
        return said(mdb_txn_commit(transaction));
    mdb_txn_abort(transaction);
    return said(result);
}

/* Lets go of what is old, all at once. */
static const char *peer_rest(void *handle)
{
    struct peer *peer = handle;
    MDB_txn *transaction;
    int result;

    if (peer->next < RECORDS_KEPT)
        return NULL;
    result = mdb_txn_begin(peer->environment, NULL, 0, &transaction);
    if (result == MDB_SUCCESS)
        result = mdb_drop(transaction, peer->tree, 0);
    if (result == MDB_SUCCESS)
        result = mdb_txn_commit(transaction);
    peer->next = 0;
    return said(result);
}

static const struct kaya_engine engine = {
    .name = "LMDB", .open = peer_open, .append = peer_append, .rest = peer_rest, .close = peer_close
};

const struct kaya_engine *const kaya_peer = &engine;
