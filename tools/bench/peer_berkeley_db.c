/* Berkeley DB, its log alone: log_put with DB_FLUSH where strict; without, it stays in the log's buffer, which is buffered. A mode between
 * them it has only inside transactions. It is read back with a log cursor. */
#include <db.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/peer.h"

static const char *said(int result)
{
    return result == 0 ? NULL : db_strerror(result);
}

struct peer {
    DB_ENV *environment;
    u_int32_t flags;
};

static void peer_close(void *handle)
{
    struct peer *peer = handle;

    if (peer == NULL)
        return;
    if (peer->environment != NULL)
        (void)peer->environment->close(peer->environment, 0);
    free(peer);
}

static int start(struct peer *peer, const char *directory)
{
    int result = db_env_create(&peer->environment, 0);

    if (result == 0)
        result = peer->environment->open(peer->environment, directory,
                                         DB_CREATE | DB_INIT_LOG | DB_PRIVATE | DB_THREAD, 0600);
    return result;
}

static const char *peer_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct peer *peer;

    if (plan->mode != KAYA_ENGINE_STRICT && plan->mode != KAYA_ENGINE_BUFFERED)
        return "it has no such mode";
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return "no memory";
    peer->flags = plan->mode == KAYA_ENGINE_STRICT ? DB_FLUSH : 0;
    *handle = peer;
    return said(start(peer, plan->directory));
}

static const char *put(const struct peer *peer, const void *bytes, size_t length)
{
    DBT record = { .data = (void *)(uintptr_t)bytes, .size = (u_int32_t)length };
    DB_LSN number;

    return said(peer->environment->log_put(peer->environment, &number, &record, peer->flags));
}

static const char *peer_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    (void)thread;
    return put(handle, bytes, length);
}

static const char *peer_rest(void *handle)
{
    struct peer *peer = handle;
    int result = peer->environment->log_flush(peer->environment, NULL);

    if (result == 0)
        result = peer->environment->log_archive(peer->environment, NULL, DB_ARCH_REMOVE);
    return said(result);
}

static const char *peer_fill(const char *directory, size_t record_bytes, uint64_t bytes)
{
    static const unsigned char payload[KAYA_ENGINE_RECORD_BYTES_MAX];
    struct peer peer = { .flags = 0 };
    const char *error = said(start(&peer, directory));
    int closed = 0;

    for (uint64_t i = 0; i < bytes / record_bytes && error == NULL; i++)
        error = put(&peer, payload, record_bytes);
    if (error == NULL)
        closed = peer.environment->close(peer.environment, 0);
    return error == NULL ? said(closed) : error;
}

static int scan_with(DB_ENV *environment, uint64_t *records)
{
    DBT record = { .flags = DB_DBT_REALLOC };
    DB_LOGC *cursor;
    DB_LSN number;
    int result = environment->log_cursor(environment, &cursor, 0);

    if (result != 0)
        return result;
    for (result = cursor->get(cursor, &number, &record, DB_FIRST); result == 0;
         result = cursor->get(cursor, &number, &record, DB_NEXT))
        ++*records;
    free(record.data);
    (void)cursor->close(cursor, 0);
    return result == DB_NOTFOUND ? 0 : result;
}

static const char *peer_scan(const char *directory, uint64_t *records)
{
    struct peer peer = { .flags = 0 };
    int result = start(&peer, directory);

    *records = 0;
    if (result == 0)
        result = scan_with(peer.environment, records);
    if (peer.environment != NULL)
        (void)peer.environment->close(peer.environment, 0);
    return said(result);
}

static const struct kaya_engine engine = { .name = "Berkeley DB",
                                           .open = peer_open,
                                           .append = peer_append,
                                           .rest = peer_rest,
                                           .close = peer_close,
                                           .fill = peer_fill,
                                           .scan = peer_scan };

const struct kaya_engine *const kaya_peer = &engine;
