/* SQLite, write-ahead logging: one row a record, a transaction each, a connection a thread. Strict is synchronous=FULL; relaxed is NORMAL,
 * which writes the log at each commit and syncs it when it is moved into the database. Its log is no history that could be read back. */
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peer.h"

enum { PATH_BYTES = 4096, PATIENCE_MS = 60000 };

struct connection {
    sqlite3 *database;
    sqlite3_stmt *insert;
};

struct peer {
    struct connection connections[KAYA_ENGINE_THREADS_MAX];
};

static void peer_close(void *handle)
{
    struct peer *peer = handle;

    if (peer == NULL)
        return;
    for (unsigned i = 0; i < KAYA_ENGINE_THREADS_MAX; i++) {
        sqlite3_finalize(peer->connections[i].insert);
        sqlite3_close(peer->connections[i].database);
    }
    free(peer);
}

static const char *connect_to(struct connection *connection, const char *path, bool is_strict)
{
    if (sqlite3_open(path, &connection->database) != SQLITE_OK)
        return "the database cannot be opened";
    sqlite3_busy_timeout(connection->database, PATIENCE_MS);
    if (sqlite3_exec(connection->database,
                     is_strict ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
                               : "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(connection->database,
                     "CREATE TABLE IF NOT EXISTS log(number INTEGER PRIMARY KEY, payload BLOB)", NULL, NULL,
                     NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(connection->database, "INSERT INTO log(payload) VALUES(?)", -1,
                           &connection->insert, NULL) != SQLITE_OK)
        return sqlite3_errmsg(connection->database);
    return NULL;
}

static const char *peer_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct peer *peer;
    char path[PATH_BYTES];
    const char *error = NULL;

    if (plan->mode != KAYA_ENGINE_STRICT && plan->mode != KAYA_ENGINE_RELAXED)
        return "it has no such mode";
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return "no memory";
    *handle = peer;
    snprintf(path, sizeof path, "%s/log.db", plan->directory);
    for (unsigned i = 0; i < plan->threads && error == NULL; i++)
        error = connect_to(&peer->connections[i], path, plan->mode == KAYA_ENGINE_STRICT);
    return error;
}

static const char *peer_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct connection *connection = &((struct peer *)handle)->connections[thread];

    if (sqlite3_bind_blob(connection->insert, 1, bytes, (int)length, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(connection->insert) != SQLITE_DONE || sqlite3_reset(connection->insert) != SQLITE_OK)
        return sqlite3_errmsg(connection->database);
    return NULL;
}

static const struct kaya_engine engine = {
    .name = "SQLite", .open = peer_open, .append = peer_append, .close = peer_close
};

const struct kaya_engine *const kaya_peer = &engine;
