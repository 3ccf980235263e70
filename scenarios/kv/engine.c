/* The engine: what must happen in which order, so that nothing acknowledged is lost.
 *
 *   open      snapshot's anchor -> log (takes the lock, recovers) -> snapshot's pairs -> the log's records behind them
 *   change    memory -> log -> table: once the log has it, nothing can fail
 *   snapshot  sync the log -> new file, sync, rename, sync directory (snapshot.c) -> trim the log
 *
 * Every change is one record, so the table is at all times what the log's records say, in order, and a snapshot that holds the
 * records up to some LSN is made complete by those behind it.
 *
 * After a failure in which the log took no part (no memory, no room) everything is as before. After one in which it did, the log
 * has ended and says so to whatever comes next; what is in the table then may be read, and is older than what was asked. */
#include <string.h>

#include "kaya/reader.h"
#include "snapshot.h"

struct kaya_kv {
    struct kaya_wal_environment environment;
    struct kaya_kv_table table;
    struct kaya_wal_writer *log;
    uint64_t snapshot_lsn; /* the newest snapshot holds the records up to it */
};

/* --- Changes --- */

static void apply(struct kaya_kv *kv, enum kaya_wal_record_type type, struct kaya_kv_item item)
{
    if (type == KAYA_RECORD_DELETE)
        kaya_kv_table_delete(&kv->table, item);
    else
        kaya_kv_table_put(&kv->table, item);
}

static enum kaya_status append(struct kaya_kv *kv, const struct kaya_wal_payload *payloads, size_t count,
                               enum kaya_durability_mode mode)
{
    if (count == 1)
        return kaya_wal_writer_append(kv->log, payloads, mode, NULL);
    return kaya_wal_writer_append_batch(kv->log, payloads, count, mode, NULL, NULL);
}

enum kaya_status kaya_kv_change(struct kaya_kv *kv, const struct kaya_kv_change *changes, size_t count,
                                enum kaya_durability_mode mode)
{
    struct kaya_allocator *allocator = kv->environment.allocator;
    struct kaya_kv_item items[KAYA_KV_CHANGES_MAX];
    struct kaya_wal_payload payloads[KAYA_KV_CHANGES_MAX];
    enum kaya_status status = KAYA_OK;
    size_t made = 0;

    if (count == 0 || count > KAYA_KV_CHANGES_MAX)
        return KAYA_INVALID;
    for (; made < count && status == KAYA_OK; made += status == KAYA_OK) {
        status = kaya_kv_item_make(allocator, &changes[made], &items[made]);
        payloads[made].type = changes[made].value == NULL ? KAYA_RECORD_DELETE : KAYA_RECORD_PUT;
        payloads[made].bytes = items[made].bytes;
        payloads[made].length = items[made].length;
    }
    if (status == KAYA_OK)
        status = kaya_kv_table_reserve(&kv->table, count);
    if (status == KAYA_OK)
        status = append(kv, payloads, count, mode);
    for (size_t i = 0; i < made; i++) {
        if (status == KAYA_OK)
            apply(kv, payloads[i].type, items[i]);
        else
            kaya_kv_item_release(allocator, &items[i]);
    }
    return status;
}

/* --- Snapshots --- */

enum kaya_status kaya_kv_sync(struct kaya_kv *kv)
{
    return kaya_wal_writer_sync(kv->log);
}

enum kaya_status kaya_kv_snapshot(struct kaya_kv *kv)
{
    struct kaya_wal_anchor anchor;
    enum kaya_status status = kaya_wal_writer_sync(kv->log);

    /* Only now: the anchor is what the snapshot will demand of the log, so it may name durable records only. */
    anchor = kaya_wal_writer_anchor(kv->log);
    if (status == KAYA_OK)
        status = kaya_kv_snapshot_save(kv->environment.disk, &kv->table, &anchor);
    if (status != KAYA_OK)
        return status;
    kv->snapshot_lsn = anchor.lsn;
    return kaya_wal_writer_truncate_before(kv->log, anchor.lsn + 1, NULL);
}

uint64_t kaya_kv_changes_since_snapshot(struct kaya_kv *kv)
{
    return kaya_wal_writer_last_lsn(kv->log) - kv->snapshot_lsn;
}

/* --- Open and close --- */

static enum kaya_status replay_record(struct kaya_kv *kv, const struct kaya_wal_record *record)
{
    struct kaya_kv_item item = KAYA_KV_ITEM_NONE;
    enum kaya_status status;

    if (record->length == 0 || (record->type != KAYA_RECORD_PUT && record->type != KAYA_RECORD_DELETE))
        return KAYA_UNSUPPORTED;
    status = kaya_kv_item_allocate(kv->environment.allocator, record->length, &item);
    if (status != KAYA_OK)
        return status;
    memcpy(item.bytes, record->bytes, record->length);
    status = kaya_kv_item_is_valid(&item) ? kaya_kv_table_reserve(&kv->table, 1) : KAYA_UNSUPPORTED;
    if (status == KAYA_OK)
        apply(kv, record->type, item);
    else
        kaya_kv_item_release(kv->environment.allocator, &item);
    return status;
}

/* Every record behind the snapshot. */
static enum kaya_status replay(struct kaya_kv *kv)
{
    struct kaya_wal_reader_options options = { .from_lsn = kv->snapshot_lsn + 1, .writer = kv->log };
    struct kaya_wal_recovery_report report;
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    enum kaya_status status = kaya_wal_reader_open(&kv->environment, &options, &reader, &report);

    while (status == KAYA_OK) {
        status = kaya_wal_reader_next(reader, &record);
        if (status == KAYA_OK)
            status = replay_record(kv, &record);
    }
    kaya_wal_reader_close(reader);
    if (status == KAYA_TRIMMED ||
        status == KAYA_INVALID) /* the log begins, or ends, where the snapshot cannot be continued */
        return KAYA_DAMAGED;
    return status == KAYA_END ? KAYA_OK : status;
}

/* The anchor is read before there is a lock: another process may have put a newer snapshot there by the time that the log is open.
 * What an older one says of the log still holds. */
static enum kaya_status open_log(struct kaya_kv *kv, const struct kaya_wal_config *config,
                                 struct kaya_wal_recovery_report *report)
{
    struct kaya_wal_config own = config == NULL ? (struct kaya_wal_config){ 0 } : *config;
    struct kaya_wal_anchor anchor;
    enum kaya_status status = kaya_kv_snapshot_read_anchor(kv->environment.disk, &anchor);

    if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        return status;
    own.anchor = status == KAYA_OK ? &anchor : NULL;
    own.must_exist = own.must_exist || status == KAYA_OK;
    return kaya_wal_writer_open(&kv->environment, &own, &kv->log, report);
}

static enum kaya_status load(struct kaya_kv *kv)
{
    struct kaya_wal_anchor anchor = { .lsn = 0 };
    enum kaya_status status = kaya_kv_snapshot_load(kv->environment.disk, &kv->table, &anchor);

    if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        return status;
    kv->snapshot_lsn = anchor.lsn;
    return replay(kv);
}

static void release(struct kaya_kv *kv)
{
    kaya_kv_table_release(&kv->table);
    kaya_release(kv->environment.allocator, kv, sizeof *kv);
}

enum kaya_status kaya_kv_open(const struct kaya_wal_environment *environment,
                              const struct kaya_wal_config *config, struct kaya_kv **kv_out,
                              struct kaya_wal_recovery_report *report)
{
    struct kaya_kv *kv = kaya_allocate(environment->allocator, sizeof *kv);
    enum kaya_status status;

    *kv_out = NULL;
    if (kv == NULL)
        return KAYA_NO_MEMORY;
    *kv = (struct kaya_kv){ .environment = *environment, .table = { .allocator = environment->allocator } };
    status = open_log(kv, config, report);
    if (status == KAYA_OK)
        status = load(kv);
    if (status != KAYA_OK) {
        enum kaya_status closed = kaya_wal_writer_close(kv->log); /* takes NULL; what went wrong first counts */
        (void)closed;
        release(kv);
        return status;
    }
    *kv_out = kv;
    return KAYA_OK;
}

enum kaya_status kaya_kv_close(struct kaya_kv *kv)
{
    enum kaya_status status;

    if (kv == NULL)
        return KAYA_OK;
    status = kaya_wal_writer_close(kv->log);
    release(kv);
    return status;
}

/* --- Reading --- */

enum kaya_status kaya_kv_get(const struct kaya_kv *kv, struct kaya_kv_key key, struct kaya_kv_value *value)
{
    const struct kaya_kv_item *item = kaya_kv_table_find(&kv->table, key);

    if (item == NULL)
        return KAYA_NOT_FOUND;
    *value = kaya_kv_item_value(item);
    return KAYA_OK;
}

void kaya_kv_visit(const struct kaya_kv *kv, kaya_kv_visitor *visit, void *user)
{
    for (size_t i = 0; i < kv->table.count; i++)
        if (!visit(user, kaya_kv_item_key(&kv->table.items[i]), kaya_kv_item_value(&kv->table.items[i])))
            return;
}

size_t kaya_kv_count(const struct kaya_kv *kv)
{
    return kv->table.count;
}
