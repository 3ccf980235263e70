/* The table: a sorted array. It is not what this example is about; a real engine has a tree here. */
#include "table.h"

#include <string.h>

#include "bytes.h"

enum { CAPACITY_MIN = 16 };

enum kaya_status kaya_kv_item_allocate(struct kaya_allocator *allocator, size_t length, struct kaya_kv_item *item)
{
    item->bytes = kaya_allocate(allocator, length);
    item->length = item->bytes == NULL ? 0 : length;
    return item->bytes == NULL ? KAYA_NO_MEMORY : KAYA_OK;
}

enum kaya_status kaya_kv_item_make(struct kaya_allocator *allocator, const struct kaya_kv_change *change,
                                   struct kaya_kv_item *item)
{
    size_t key_length = change->key.length;
    size_t value_length = change->value == NULL ? 0 : change->value->length;

    if (key_length == 0 || key_length > KAYA_KV_KEY_BYTES_MAX ||
        value_length > SIZE_MAX - KAYA_KV_ITEM_HEADER_BYTES - key_length)
        return KAYA_INVALID;
    if (kaya_kv_item_allocate(allocator, KAYA_KV_ITEM_HEADER_BYTES + key_length + value_length, item) != KAYA_OK)
        return KAYA_NO_MEMORY;
    kaya_kv_store(item->bytes, KAYA_KV_ITEM_HEADER_BYTES, key_length);
    memcpy(item->bytes + KAYA_KV_ITEM_HEADER_BYTES, change->key.bytes, key_length);
    if (value_length > 0)
        memcpy(item->bytes + KAYA_KV_ITEM_HEADER_BYTES + key_length, change->value->bytes, value_length);
    return KAYA_OK;
}

void kaya_kv_item_release(struct kaya_allocator *allocator, struct kaya_kv_item *item)
{
    kaya_release(allocator, item->bytes, item->length);
    *item = KAYA_KV_ITEM_NONE;
}

bool kaya_kv_item_is_valid(const struct kaya_kv_item *item)
{
    uint64_t key_length;

    if (item->length <= KAYA_KV_ITEM_HEADER_BYTES)
        return false;
    key_length = kaya_kv_load(item->bytes, KAYA_KV_ITEM_HEADER_BYTES);
    return key_length >= 1 && key_length <= KAYA_KV_KEY_BYTES_MAX &&
           key_length <= item->length - KAYA_KV_ITEM_HEADER_BYTES;
}

struct kaya_kv_key kaya_kv_item_key(const struct kaya_kv_item *item)
{
    return (struct kaya_kv_key){ item->bytes + KAYA_KV_ITEM_HEADER_BYTES,
                                 (size_t)kaya_kv_load(item->bytes, KAYA_KV_ITEM_HEADER_BYTES) };
}

struct kaya_kv_value kaya_kv_item_value(const struct kaya_kv_item *item)
{
    size_t before = KAYA_KV_ITEM_HEADER_BYTES + kaya_kv_item_key(item).length;

    return (struct kaya_kv_value){ item->bytes + before, item->length - before };
}

/* --- The array --- */

enum kaya_status kaya_kv_table_reserve(struct kaya_kv_table *table, size_t more)
{
    size_t capacity = table->capacity == 0 ? CAPACITY_MIN : table->capacity;
    struct kaya_kv_item *items;

    while (capacity - table->count < more)
        capacity *= 2;
    if (capacity == table->capacity)
        return KAYA_OK;
    items = kaya_allocate(table->allocator, capacity * sizeof *items);
    if (items == NULL)
        return KAYA_NO_MEMORY;
    if (table->count > 0)
        memcpy(items, table->items, table->count * sizeof *items);
    kaya_release(table->allocator, table->items, table->capacity * sizeof *items);
    table->items = items;
    table->capacity = capacity;
    return KAYA_OK;
}

static int compare(struct kaya_kv_key one, struct kaya_kv_key other)
{
    size_t shared = one.length < other.length ? one.length : other.length;
    int order = memcmp(one.bytes, other.bytes, shared);

    if (order != 0)
        return order;
    return (one.length > other.length) - (one.length < other.length);
}

/* The first item that is not before `key`; *found: it is the one. */
static size_t place_of(const struct kaya_kv_table *table, struct kaya_kv_key key, bool *found)
{
    size_t from = 0;
    size_t to = table->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (compare(kaya_kv_item_key(&table->items[middle]), key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    *found = from < table->count && compare(kaya_kv_item_key(&table->items[from]), key) == 0;
    return from;
}

void kaya_kv_table_put(struct kaya_kv_table *table, struct kaya_kv_item item)
{
    bool found;
    size_t place = place_of(table, kaya_kv_item_key(&item), &found);

    if (found) {
        kaya_kv_item_release(table->allocator, &table->items[place]);
    } else {
        KAYA_ASSERT(table->count < table->capacity);
        memmove(table->items + place + 1, table->items + place, (table->count - place) * sizeof *table->items);
        table->count++;
    }
    table->items[place] = item;
}

void kaya_kv_table_delete(struct kaya_kv_table *table, struct kaya_kv_item item)
{
    bool found;
    size_t place = place_of(table, kaya_kv_item_key(&item), &found);

    kaya_kv_item_release(table->allocator, &item);
    if (!found)
        return;
    kaya_kv_item_release(table->allocator, &table->items[place]);
    table->count--;
    memmove(table->items + place, table->items + place + 1, (table->count - place) * sizeof *table->items);
}

const struct kaya_kv_item *kaya_kv_table_find(const struct kaya_kv_table *table, struct kaya_kv_key key)
{
    bool found;
    size_t place = place_of(table, key, &found);

    return found ? &table->items[place] : NULL;
}

void kaya_kv_table_release(struct kaya_kv_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        kaya_kv_item_release(table->allocator, &table->items[i]);
    kaya_release(table->allocator, table->items, table->capacity * sizeof *table->items);
    *table = (struct kaya_kv_table){ .allocator = table->allocator };
}
