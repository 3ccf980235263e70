/* The snapshot: every pair, and up to which record of the log they stand for, in one file beside the log. */
#ifndef KAYA_KV_SNAPSHOT_H
#define KAYA_KV_SNAPSHOT_H

#include "table.h"

/* What the snapshot depends on: the log's id, and the last record that it holds.
 * KAYA_NOT_FOUND: there is none. KAYA_DAMAGED, KAYA_UNSUPPORTED, KAYA_IO, ... */
KAYA_MUST_CHECK enum kaya_status kaya_kv_snapshot_read_anchor(struct kaya_disk *disk,
                                                              struct kaya_wal_anchor *anchor);

/* Fill the empty `table`. Statuses as above; with any failure the caller still releases it. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_snapshot_load(struct kaya_disk *disk, struct kaya_kv_table *table,
                                                       struct kaya_wal_anchor *anchor);

/* Put a new one in the place of the old. On KAYA_OK it is durable under its name. With any failure one of the two stands there
 * whole, and after a power loss perhaps the other. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_snapshot_save(struct kaya_disk *disk, const struct kaya_kv_table *table,
                                                       const struct kaya_wal_anchor *anchor);

#endif
