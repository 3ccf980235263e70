/* The snapshot's file.
 *
 * Goal: what was saved is loaded, however long; no flipped bit and no cut of it passes for a snapshot; and a new one replaces an old one whole,
 * also over what an attempt left behind. Method: save on a simulated disk, damage by hand, load. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kv/snapshot.h"

static const struct kaya_wal_anchor anchor = { { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } },
                                               0x123456789abc };

static void put(struct kaya_kv_table *table, unsigned number, size_t length)
{
    static uint8_t bytes[20000];
    struct kaya_kv_value value = { bytes, length };
    struct kaya_kv_change change = { { &number, sizeof number }, &value };
    struct kaya_kv_item item = KAYA_KV_ITEM_NONE;

    memset(bytes, (int)(number + length), length);
    cr_assert(eq(int, kaya_kv_item_make(table->allocator, &change, &item), KAYA_OK));
    cr_assert(eq(int, kaya_kv_table_reserve(table, 1), KAYA_OK));
    kaya_kv_table_put(table, item);
}

static enum kaya_status load(struct bench *bench, struct kaya_kv_table *table, struct kaya_wal_anchor *found)
{
    *table = (struct kaya_kv_table){ .allocator = &bench->allocator };
    return kaya_kv_snapshot_load(bench->environment.disk, table, found);
}

static void expect_same(const struct kaya_kv_table *one, const struct kaya_kv_table *other)
{
    cr_assert(eq(sz, one->count, other->count));
    for (size_t i = 0; i < one->count; i++) {
        cr_assert(eq(sz, one->items[i].length, other->items[i].length));
        cr_assert(eq(int, memcmp(one->items[i].bytes, other->items[i].bytes, one->items[i].length), 0));
    }
}

static void start(struct bench *bench, struct kaya_kv_table *table)
{
    bench_start(bench);
    cr_assert(eq(int, kaya_disk_create_directory(bench->environment.disk), KAYA_OK));
    *table = (struct kaya_kv_table){ .allocator = &bench->allocator };
}

Test(snapshot, gives_back_what_was_saved)
{
    static const size_t lengths[] = { 0, 1, 4000, 4033, 4034, 4035, 4036, 4037, 4038, 4039, 4040, 8192, 20000 };
    struct bench bench;
    struct kaya_kv_table table, found;
    struct kaya_wal_anchor loaded;

    start(&bench, &table);
    cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_NOT_FOUND));
    for (unsigned i = 0; i <= sizeof lengths / sizeof lengths[0]; i++) {
        cr_assert(eq(int, kaya_kv_snapshot_save(bench.environment.disk, &table, &anchor), KAYA_OK));
        cr_assert(eq(int, load(&bench, &found, &loaded), KAYA_OK), "%u items", i);
        cr_expect(eq(u64, loaded.lsn, anchor.lsn));
        cr_expect(eq(int, memcmp(&loaded.log_id, &anchor.log_id, sizeof loaded.log_id), 0));
        expect_same(&table, &found);
        kaya_kv_table_release(&found);
        if (i < sizeof lengths / sizeof lengths[0])
            put(&table, i, lengths[i]);
    }
    kaya_kv_table_release(&table);
    bench_end(&bench);
}

Test(snapshot, no_flipped_bit_passes)
{
    struct bench bench;
    struct kaya_kv_table table, found;
    struct kaya_wal_anchor loaded;
    uint64_t size;
    size_t done;

    start(&bench, &table);
    for (unsigned i = 0; i < 5; i++)
        put(&table, i, 10 * i);
    cr_assert(eq(int, kaya_kv_snapshot_save(bench.environment.disk, &table, &anchor), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_file_size(bench.sim, "snapshot", &size), KAYA_OK));
    for (uint64_t bit = 0; bit < 8 * size; bit++) {
        uint8_t byte;
        cr_assert(eq(int, kaya_sim_disk_peek(bench.sim, "snapshot", bit / 8, &byte, 1, &done), KAYA_OK));
        byte ^= (uint8_t)(1 << bit % 8);
        cr_assert(eq(int, kaya_sim_disk_poke(bench.sim, "snapshot", bit / 8, &byte, 1), KAYA_OK));
        cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_DAMAGED), "bit %llu", (unsigned long long)bit);
        kaya_kv_table_release(&found);
        byte ^= (uint8_t)(1 << bit % 8);
        cr_assert(eq(int, kaya_sim_disk_poke(bench.sim, "snapshot", bit / 8, &byte, 1), KAYA_OK));
    }
    cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_OK));
    kaya_kv_table_release(&found);
    kaya_kv_table_release(&table);
    bench_end(&bench);
}

Test(snapshot, no_cut_passes_and_no_byte_more)
{
    struct bench bench;
    struct kaya_kv_table table, found;
    struct kaya_wal_anchor loaded;
    struct kaya_file *file;
    uint64_t size;

    start(&bench, &table);
    put(&table, 1, 50);
    cr_assert(eq(int, kaya_kv_snapshot_save(bench.environment.disk, &table, &anchor), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_file_size(bench.sim, "snapshot", &size), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(bench.environment.disk, "snapshot", KAYA_OPEN_WRITE, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_truncate(bench.environment.disk, file, size + 1), KAYA_OK));
    cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_DAMAGED));
    kaya_kv_table_release(&found);
    while (size-- > 0) {
        cr_assert(eq(int, kaya_disk_truncate(bench.environment.disk, file, size), KAYA_OK));
        cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_DAMAGED), "%llu bytes", (unsigned long long)size);
        kaya_kv_table_release(&found);
    }
    kaya_disk_close(bench.environment.disk, file);
    kaya_kv_table_release(&table);
    bench_end(&bench);
}

/* The same header with another version and a check that holds. */
Test(snapshot, a_newer_version_is_named_as_such)
{
    static const uint8_t newer[48] = { 'k',         'a',  'y',  'a',  'k',  'v',  '0',  '2', [24] = 1,
                                       [40] = 0xd6, 0xf6, 0x8a, 0xcc, 0xac, 0x08, 0x7e, 0x56 };
    struct kaya_span span = { (void *)newer, sizeof newer };
    struct kaya_wal_anchor loaded;
    struct kaya_kv_table table;
    struct kaya_file *file;
    struct bench bench;

    start(&bench, &table);
    cr_assert(eq(int, kaya_disk_open(bench.environment.disk, "snapshot", KAYA_OPEN_CREATE, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_write(bench.environment.disk, file, 0, &span, 1), KAYA_OK));
    kaya_disk_close(bench.environment.disk, file);
    cr_expect(eq(int, kaya_kv_snapshot_read_anchor(bench.environment.disk, &loaded), KAYA_UNSUPPORTED));
    bench_end(&bench);
}

Test(snapshot, what_an_attempt_left_behind_is_thrown_away)
{
    static const char garbage[] =
        "left behind, and longer than what comes now; longer still, so that an end of it would show "
        "behind the new end if it were written over";
    struct kaya_span span = { (void *)garbage, sizeof garbage };
    struct kaya_wal_anchor loaded;
    struct kaya_kv_table table, found;
    struct kaya_file *file;
    struct bench bench;

    start(&bench, &table);
    cr_assert(eq(int, kaya_disk_open(bench.environment.disk, "snapshot.new", KAYA_OPEN_CREATE, &file), KAYA_OK));
    cr_assert(eq(int, kaya_disk_write(bench.environment.disk, file, 0, &span, 1), KAYA_OK));
    kaya_disk_close(bench.environment.disk, file);
    cr_expect(eq(int, kaya_kv_snapshot_save(bench.environment.disk, &table, &anchor), KAYA_OK));
    cr_expect(eq(int, load(&bench, &found, &loaded), KAYA_OK));
    cr_expect(eq(sz, found.count, 0));
    kaya_kv_table_release(&found);
    bench_end(&bench);
}
