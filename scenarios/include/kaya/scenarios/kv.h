/* A small key-value engine over the log: the example of what an embedder does, and the simulator's second subject.
 *
 * All pairs are in memory; each change goes to the log first. A snapshot of the whole is written now and then, and the log is
 * trimmed up to it. scenarios/kv/README.md tells what that takes, step by step.
 *
 * Threads: one at a time for one engine. */
#ifndef KAYA_SCENARIOS_KV_H
#define KAYA_SCENARIOS_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/wal.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KAYA_KV_KEY_BYTES_MAX = 4096, KAYA_KV_CHANGES_MAX = 64 };

struct kaya_kv;

struct kaya_kv_key {
    const void *bytes; /* any bytes */
    size_t length;     /* 1 to KAYA_KV_KEY_BYTES_MAX */
};

struct kaya_kv_value {
    const void *bytes; /* may be NULL if `length` is 0 */
    size_t length;     /* with its key at most record_bytes_max of the log, less 2 */
};

/* Put `value` under `key`, or delete what is there. */
struct kaya_kv_change {
    struct kaya_kv_key key;
    const struct kaya_kv_value *value; /* NULL: delete */
};

/* Open the engine in the environment's directory, or begin a new one: the snapshot first, then the log behind it.
 *
 * `config` is for the log and may be NULL; its anchor is ignored, the snapshot holds the one that counts. `report` may be NULL.
 * On KAYA_OK *kv is the caller's, to be closed; else it is NULL.
 *
 *   KAYA_DAMAGED      the snapshot or the log lost bytes that were durable
 *   KAYA_NOT_FOUND    there is a snapshot and no log; or the parent directory does not exist
 *   KAYA_UNSUPPORTED  a snapshot of a newer version, or a record that is none of the engine's
 *   and the statuses of kaya_wal_writer_open; after KAYA_IO, KAYA_FULL, KAYA_NO_MEMORY and KAYA_LIMIT try again */
KAYA_MUST_CHECK enum kaya_status kaya_kv_open(const struct kaya_wal_environment *environment,
                                              const struct kaya_wal_config *config, struct kaya_kv **kv,
                                              struct kaya_wal_recovery_report *report);

/* Make 1 to KAYA_KV_CHANGES_MAX changes, in order, all of them or none. STRICT returns once they are durable, and with them all
 * earlier ones; RELAXED once they outlive the process. Keys and values are copied. Deleting what is not there is no failure.
 *
 *   KAYA_INVALID, KAYA_FULL, KAYA_NO_MEMORY  nothing was changed; the engine goes on
 *   KAYA_IO     the next open decides whether the changes are there; close and open again
 *   KAYA_ENDED  an earlier call failed so */
KAYA_MUST_CHECK enum kaya_status kaya_kv_change(struct kaya_kv *kv, const struct kaya_kv_change *changes,
                                                size_t count, enum kaya_durability_mode mode);

/* The value of `key`; its bytes are valid until the next change. KAYA_NOT_FOUND. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_get(const struct kaya_kv *kv, struct kaya_kv_key key,
                                             struct kaya_kv_value *value);

/* All pairs, ordered by key as bytes. Return false to stop. The engine may not be changed meanwhile. */
typedef bool kaya_kv_visitor(void *user, struct kaya_kv_key key, struct kaya_kv_value value);
void kaya_kv_visit(const struct kaya_kv *kv, kaya_kv_visitor *visit, void *user);
size_t kaya_kv_count(const struct kaya_kv *kv);

/* Make every change so far durable. KAYA_IO, KAYA_ENDED as for kaya_kv_change. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_sync(struct kaya_kv *kv);

/* Write a snapshot and let go of the log before it. Makes every change so far durable.
 *
 *   KAYA_FULL, KAYA_NO_MEMORY, KAYA_LIMIT  no room for it: an older snapshot and the log still hold everything
 *   KAYA_IO     likewise. If it was the log that failed, the engine has ended and the next change answers KAYA_ENDED
 *   KAYA_ENDED  an earlier call failed so */
KAYA_MUST_CHECK enum kaya_status kaya_kv_snapshot(struct kaya_kv *kv);

/* How many changes the next open would have to read from the log: when to take a snapshot is the caller's business. */
uint64_t kaya_kv_changes_since_snapshot(struct kaya_kv *kv);

/* Close the log (kaya_wal_writer_close) and release the engine, whatever the status. `kv` may be NULL. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_close(struct kaya_kv *kv);

#ifdef __cplusplus
}
#endif

#endif
