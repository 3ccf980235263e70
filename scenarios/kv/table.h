/* All pairs in memory, ordered by key.
 *
 * A pair, or the deletion of one, is an `item`: the bytes that go into the log as a record, into a snapshot, and into the
 * table. So a change is encoded once, and after a restart decoded by the code that made it.
 *
 *   0   2             length of the key, 1 to KAYA_KV_KEY_BYTES_MAX
 *   2   key length    the key
 *   ..  the rest      the value; nothing where it is a deletion */
#ifndef KAYA_KV_TABLE_H
#define KAYA_KV_TABLE_H

#include "kaya/scenarios/kv.h"

struct kaya_kv_item {
    uint8_t *bytes; /* from the table's allocator */
    size_t length;
};
#define KAYA_KV_ITEM_NONE ((struct kaya_kv_item){ NULL, 0 })

enum { KAYA_KV_ITEM_HEADER_BYTES = 2 };

struct kaya_kv_table {
    struct kaya_allocator *allocator;
    struct kaya_kv_item *items; /* ascending by key */
    size_t count, capacity;
};

/* Memory for an item of so many bytes, to be filled by the caller. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_item_allocate(struct kaya_allocator *allocator, size_t length,
                                                       struct kaya_kv_item *item);
/* The item of a change. KAYA_INVALID, KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_item_make(struct kaya_allocator *allocator,
                                                   const struct kaya_kv_change *change,
                                                   struct kaya_kv_item *item);
void kaya_kv_item_release(struct kaya_allocator *allocator, struct kaya_kv_item *item); /* takes NONE */
/* Bytes from a disk: are they an item? */
bool kaya_kv_item_is_valid(const struct kaya_kv_item *item);
struct kaya_kv_key kaya_kv_item_key(const struct kaya_kv_item *item);
struct kaya_kv_value kaya_kv_item_value(const struct kaya_kv_item *item);

/* Make room for `more` items, so that so many puts cannot fail. KAYA_NO_MEMORY: nothing changed. */
KAYA_MUST_CHECK enum kaya_status kaya_kv_table_reserve(struct kaya_kv_table *table, size_t more);
/* Both take the item over. */
void kaya_kv_table_put(struct kaya_kv_table *table, struct kaya_kv_item item);
void kaya_kv_table_delete(struct kaya_kv_table *table, struct kaya_kv_item item);
const struct kaya_kv_item *kaya_kv_table_find(const struct kaya_kv_table *table,
                                              struct kaya_kv_key key); /* NULL: none */
void kaya_kv_table_release(struct kaya_kv_table *table);

#endif
