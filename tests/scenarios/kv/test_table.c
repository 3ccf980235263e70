/* The table against a plain array of flags.
 *
 * Goal: puts and deletes in any order leave what they should, ordered by key as bytes, with keys that begin alike. Method: a long row of
 * changes from a small generator, and after each the whole table is compared. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "bench.h"
#include "kv/table.h"

enum { KEYS = 40, ROUNDS = 4000 };

/* Key n: as many bytes 'a' as n / 2, then 'b' for odd n. So many are beginnings of others. */
static struct kaya_kv_key key_of(unsigned n, char text[KEYS])
{
    memset(text, 'a', KEYS);
    if (n % 2 == 1)
        text[n / 2] = 'b';
    return (struct kaya_kv_key){ text, n / 2 + 1 };
}

static struct kaya_kv_item make(struct bench *bench, unsigned n, const unsigned *value)
{
    struct kaya_kv_item item = KAYA_KV_ITEM_NONE;
    struct kaya_kv_value kept = { value, sizeof *value };
    char text[KEYS];
    struct kaya_kv_change change = { key_of(n, text), value == NULL ? NULL : &kept };

    cr_assert(eq(int, kaya_kv_item_make(&bench->allocator, &change, &item), KAYA_OK));
    return item;
}

static void expect_same(const struct kaya_kv_table *table, const unsigned *values)
{
    size_t count = 0;
    char text[KEYS];

    for (unsigned n = 0; n < KEYS; n++) {
        const struct kaya_kv_item *item = kaya_kv_table_find(table, key_of(n, text));
        cr_assert(eq(int, item != NULL, values[n] != 0), "key %u", n);
        if (item == NULL)
            continue;
        count++;
        cr_assert(eq(sz, kaya_kv_item_value(item).length, sizeof values[n]));
        cr_assert(eq(int, memcmp(kaya_kv_item_value(item).bytes, &values[n], sizeof values[n]), 0), "key %u", n);
    }
    cr_assert(eq(sz, table->count, count));
    for (size_t i = 1; i < table->count; i++) {
        struct kaya_kv_key one = kaya_kv_item_key(&table->items[i - 1]);
        struct kaya_kv_key other = kaya_kv_item_key(&table->items[i]);
        size_t shared = one.length < other.length ? one.length : other.length;
        int order = memcmp(one.bytes, other.bytes, shared);
        cr_assert(order < 0 || (order == 0 && one.length < other.length));
    }
}

Test(table, holds_what_was_put_last_in_order)
{
    unsigned values[KEYS] = { 0 };
    uint64_t state = 1;
    struct bench bench;
    struct kaya_kv_table table;

    bench_start(&bench);
    table = (struct kaya_kv_table){ .allocator = &bench.allocator };
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned n;
        state = state * 6364136223846793005u + 1442695040888963407u;
        n = (unsigned)(state >> 33) % KEYS;
        values[n] = state >> 62 == 0 ? 0 : round;
        cr_assert(eq(int, kaya_kv_table_reserve(&table, 1), KAYA_OK));
        if (values[n] == 0)
            kaya_kv_table_delete(&table, make(&bench, n, NULL));
        else
            kaya_kv_table_put(&table, make(&bench, n, &values[n]));
        if (round % 16 == 0)
            expect_same(&table, values);
    }
    kaya_kv_table_release(&table);
    bench_end(&bench);
}

Test(table, refuses_keys_that_no_item_can_hold_and_bytes_that_are_no_item)
{
    static char bytes[KAYA_KV_KEY_BYTES_MAX + 1];
    static const struct {
        uint8_t bytes[4];
        size_t length;
        bool valid;
    } rows[] = {
        { { 0, 0, 'a', 0 }, 3, false },   { { 1, 0, 'a', 0 }, 3, true },   { { 1, 0, 'a', 0 }, 2, false },
        { { 2, 0, 'a', 0 }, 3, false },   { { 2, 0, 'a', 'b' }, 4, true }, { { 1, 0, 'a', 'b' }, 4, true },
        { { 1, 1, 'a', 'b' }, 4, false }, { { 1, 0, 'a', 0 }, 1, false },
    };
    struct kaya_kv_change change = { { bytes, 0 }, NULL };
    struct kaya_kv_item item = KAYA_KV_ITEM_NONE;
    struct bench bench;

    bench_start(&bench);
    cr_expect(eq(int, kaya_kv_item_make(&bench.allocator, &change, &item), KAYA_INVALID));
    change.key.length = KAYA_KV_KEY_BYTES_MAX + 1;
    cr_expect(eq(int, kaya_kv_item_make(&bench.allocator, &change, &item), KAYA_INVALID));
    change.key.length = KAYA_KV_KEY_BYTES_MAX;
    cr_expect(eq(int, kaya_kv_item_make(&bench.allocator, &change, &item), KAYA_OK));
    cr_expect(kaya_kv_item_is_valid(&item));
    kaya_kv_item_release(&bench.allocator, &item);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        item = (struct kaya_kv_item){ (uint8_t *)rows[i].bytes, rows[i].length };
        cr_expect(eq(int, kaya_kv_item_is_valid(&item), rows[i].valid), "row %zu", i);
    }
    bench_end(&bench);
}
