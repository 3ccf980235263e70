/* The engine, call by call.
 *
 * Goal: what its header promises of each call and status. Method: a few changes on a simulated disk that loses nothing, memory that runs out at
 * every place in turn, files taken away by hand. What crashes do to it is the scenarios' business (key-value.yaml). */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { TEXT = 512, SEGMENT_BYTES = 4096, FULL_TABLE = 16 };

static const struct kaya_wal_config config = { .segment_bytes = SEGMENT_BYTES, .block_bytes = 512 };

static struct kaya_kv *open(struct bench *bench)
{
    struct kaya_kv *kv;

    cr_assert(eq(int, kaya_kv_open(&bench->environment, &config, &kv, NULL), KAYA_OK));
    return kv;
}

static void put(struct kaya_kv *kv, const char *key, const char *value)
{
    struct kaya_kv_value kept;
    struct kaya_kv_change change = bench_put(key, value, &kept);

    cr_assert(eq(int, kaya_kv_change(kv, &change, 1, KAYA_RELAXED), KAYA_OK));
}

static void delete (struct kaya_kv *kv, const char *key)
{
    struct kaya_kv_change change = bench_delete(key);

    cr_assert(eq(int, kaya_kv_change(kv, &change, 1, KAYA_STRICT), KAYA_OK));
}

static void expect(const struct kaya_kv *kv, const char *wanted)
{
    char text[TEXT];

    bench_list(kv, text, sizeof text);
    cr_expect(eq(str, text, (char *)wanted));
}

Test(engine, keeps_what_it_was_given_with_and_without_a_snapshot)
{
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "b", "1");
    put(kv, "a", "22");
    put(kv, "c", "");
    delete (kv, "b");
    delete (kv, "nobody");
    expect(kv, "a=22 c= ");
    cr_expect(eq(u64, kaya_kv_changes_since_snapshot(kv), 5));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    kv = open(&bench);
    expect(kv, "a=22 c= ");
    cr_expect(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
    cr_expect(eq(u64, kaya_kv_changes_since_snapshot(kv), 0));
    put(kv, "a", "3");
    delete (kv, "c");
    put(kv, "d", "4");
    cr_expect(eq(u64, kaya_kv_changes_since_snapshot(kv), 3));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_lose_power(&bench);
    kv = open(&bench);
    expect(kv, "a=3 d=4 ");
    cr_expect(eq(u64, kaya_kv_changes_since_snapshot(kv), 3));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_end(&bench);
}

Test(engine, gets_and_counts)
{
    struct kaya_kv_value value = { NULL, 99 };
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "key", "value");
    cr_expect(eq(int, kaya_kv_get(kv, (struct kaya_kv_key){ "key", 3 }, &value), KAYA_OK));
    cr_expect(eq(sz, value.length, 5));
    cr_expect(eq(int, memcmp(value.bytes, "value", 5), 0));
    cr_expect(eq(int, kaya_kv_get(kv, (struct kaya_kv_key){ "ke", 2 }, &value), KAYA_NOT_FOUND));
    cr_expect(eq(int, kaya_kv_get(kv, (struct kaya_kv_key){ "keys", 4 }, &value), KAYA_NOT_FOUND));
    cr_expect(eq(sz, kaya_kv_count(kv), 1));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    cr_expect(eq(int, kaya_kv_close(NULL), KAYA_OK));
    bench_end(&bench);
}

Test(engine, a_batch_is_made_in_order_and_as_one)
{
    struct kaya_kv_value kept[3];
    struct kaya_kv_change changes[4];
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "old", "0");
    changes[0] = bench_put("k", "first", &kept[0]);
    changes[1] = bench_delete("old");
    changes[2] = bench_put("k", "last", &kept[1]);
    changes[3] = bench_put("m", "2", &kept[2]);
    cr_expect(eq(int, kaya_kv_change(kv, changes, 4, KAYA_STRICT), KAYA_OK));
    expect(kv, "k=last m=2 ");
    changes[2].key.length = 0; /* one that is refused: none is made */
    cr_expect(eq(int, kaya_kv_change(kv, changes, 4, KAYA_STRICT), KAYA_INVALID));
    cr_expect(eq(int, kaya_kv_change(kv, changes, 0, KAYA_STRICT), KAYA_INVALID));
    expect(kv, "k=last m=2 ");
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    kv = open(&bench);
    expect(kv, "k=last m=2 ");
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_end(&bench);
}

Test(engine, a_value_that_no_record_can_hold_is_refused_and_leaves_no_trace)
{
    static char bytes[SEGMENT_BYTES];
    struct kaya_kv_value value = { bytes, sizeof bytes };
    struct kaya_kv_change change = { { "big", 3 }, &value };
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "a", "1");
    cr_expect(eq(int, kaya_kv_change(kv, &change, 1, KAYA_STRICT), KAYA_INVALID));
    expect(kv, "a=1 ");
    put(kv, "b", "2");
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    kv = open(&bench);
    expect(kv, "a=1 b=2 ");
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_end(&bench);
}

/* In each round one allocation more succeeds, until the whole story does. The table is full, so that it must grow: a change that is refused then
 * must not be in the log. */
Test(engine, running_out_of_memory_changes_nothing)
{
    struct kaya_kv_value kept[2];
    struct kaya_kv_change changes[] = { bench_put("a", "new", &kept[0]), bench_put("b", "2", &kept[1]) };
    unsigned failures = 0;
    bool done = false;

    for (uint64_t left = 0; !done; left++) {
        char before[TEXT], after[TEXT], key[8];
        enum kaya_status status;
        struct bench bench;
        struct kaya_kv *kv;

        bench_start(&bench);
        kv = open(&bench);
        put(kv, "a", "old");
        for (unsigned i = 1; i < FULL_TABLE; i++) {
            snprintf(key, sizeof key, "k%u", i);
            put(kv, key, "");
        }
        cr_assert(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
        bench_list(kv, before, sizeof before);
        bench.allocations_left = left;
        status = kaya_kv_change(kv, changes, 2, KAYA_STRICT);
        bench.allocations_left = UINT64_MAX;
        bench_list(kv, after, sizeof after);
        cr_expect(status == KAYA_OK || status == KAYA_NO_MEMORY);
        cr_expect(eq(int, strcmp(before, after) != 0, status == KAYA_OK));
        failures += status != KAYA_OK;
        done = status == KAYA_OK;
        cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));

        bench.allocations_left = left;
        status = kaya_kv_open(&bench.environment, &config, &kv, NULL);
        bench.allocations_left = UINT64_MAX;
        cr_expect(status == KAYA_OK || (status == KAYA_NO_MEMORY && kv == NULL));
        failures += status != KAYA_OK;
        done = done && status == KAYA_OK;
        if (kv == NULL)
            kv = open(&bench);
        bench_list(kv, before, sizeof before);
        cr_expect(eq(str, before, after), "after %llu allocations", (unsigned long long)left);
        cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
        bench_end(&bench);
    }
    cr_expect(lt(uint, 5, failures));
}

Test(engine, a_snapshot_frees_the_log_before_it)
{
    uint64_t most = 0;
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    for (unsigned round = 0; round < 40; round++) {
        char value[100];
        uint64_t stored;
        for (unsigned i = 0; i < 30; i++) {
            snprintf(value, sizeof value, "%090u", round * 100 + i);
            put(kv, i % 2 == 0 ? "even" : "odd", value);
        }
        cr_assert(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
        stored = kaya_sim_disk_bytes_stored(bench.sim);
        most = stored > most ? stored : most;
    }
    cr_expect(lt(u64, most, 8 * SEGMENT_BYTES), "it grew to %llu bytes", (unsigned long long)most);
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    kv = open(&bench);
    cr_expect(eq(sz, kaya_kv_count(kv), 2));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_end(&bench);
}

Test(engine, one_at_a_time)
{
    struct kaya_kv *second;
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    cr_expect(eq(int, kaya_kv_open(&bench.environment, &config, &second, NULL), KAYA_LOCKED));
    cr_expect(second == NULL);
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    bench_end(&bench);
}

static bool take_segments(void *user, const char *name, enum kaya_entry_kind kind)
{
    char(*names)[32] = user;

    (void)kind;
    for (unsigned i = 0; strcmp(name + strlen(name) - 4, ".wal") == 0 && i < 8; i++)
        if (names[i][0] == '\0') {
            snprintf(names[i], sizeof names[i], "%s", name);
            break;
        }
    return true;
}

/* The anchor: a snapshot whose log is gone, or is another one, is not taken for the whole. */
Test(engine, a_snapshot_without_its_log_is_refused)
{
    char names[8][32] = { { 0 } };
    struct bench bench;
    struct kaya_kv *kv;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "a", "1");
    cr_assert(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
    put(kv, "b", "2");
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    kaya_sim_disk_names(bench.sim, take_segments, names);
    for (unsigned i = 0; names[i][0] != '\0'; i++)
        cr_assert(eq(int, kaya_disk_unlink(bench.environment.disk, names[i]), KAYA_OK));
    cr_expect(eq(int, kaya_kv_open(&bench.environment, &config, &kv, NULL), KAYA_DAMAGED));

    cr_assert(eq(int, kaya_disk_rename(bench.environment.disk, "snapshot", "kept"), KAYA_OK));
    kv = open(&bench); /* another log in the same place */
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    cr_assert(eq(int, kaya_disk_rename(bench.environment.disk, "kept", "snapshot"), KAYA_OK));
    cr_expect(eq(int, kaya_kv_open(&bench.environment, &config, &kv, NULL), KAYA_WRONG_LOG));
    bench_end(&bench);
}

Test(engine, a_log_of_somebody_else_is_refused)
{
    static const struct {
        struct kaya_wal_payload payload;
        enum kaya_status wanted;
    } rows[] = {
        { { KAYA_RECORD_OPAQUE, "\1\0k", 3 }, KAYA_UNSUPPORTED },
        { { KAYA_RECORD_PUT, "", 0 }, KAYA_UNSUPPORTED },
        { { KAYA_RECORD_PUT, "\2\0k", 3 }, KAYA_UNSUPPORTED },
        { { KAYA_RECORD_PUT, "\1\0kv", 4 }, KAYA_OK },
        { { KAYA_RECORD_DELETE, "\1\0k", 3 }, KAYA_OK },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kaya_wal_writer *log;
        struct bench bench;
        struct kaya_kv *kv;

        bench_start(&bench);
        cr_assert(eq(int, kaya_wal_writer_open(&bench.environment, &config, &log, NULL), KAYA_OK));
        cr_assert(eq(int, kaya_wal_writer_append(log, &rows[i].payload, KAYA_STRICT, NULL), KAYA_OK));
        cr_assert(eq(int, kaya_wal_writer_close(log), KAYA_OK));
        cr_expect(eq(int, kaya_kv_open(&bench.environment, &config, &kv, NULL), rows[i].wanted), "row %zu", i);
        if (kv != NULL)
            cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
        bench_end(&bench);
    }
}

/* A snapshot that is older than the log's beginning cannot be continued: here one was put back by hand. */
Test(engine, records_missing_between_snapshot_and_log_are_damage)
{
    unsigned char old[512];
    struct kaya_span span = { old, 0 };
    struct kaya_file *file;
    struct bench bench;
    struct kaya_kv *kv;
    uint64_t size;
    size_t done;

    bench_start(&bench);
    kv = open(&bench);
    put(kv, "a", "1");
    cr_assert(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_file_size(bench.sim, "snapshot", &size), KAYA_OK));
    cr_assert(eq(int, kaya_sim_disk_peek(bench.sim, "snapshot", 0, old, (size_t)size, &done), KAYA_OK));
    for (unsigned i = 0; i < 100; i++)
        put(kv, "b", "a value of some length, so that segments are left behind; a value of some length");
    cr_assert(eq(int, kaya_kv_snapshot(kv), KAYA_OK));
    cr_expect(eq(int, kaya_kv_close(kv), KAYA_OK));
    cr_assert(eq(int, kaya_disk_unlink(bench.environment.disk, "snapshot"), KAYA_OK));
    cr_assert(eq(int, kaya_disk_open(bench.environment.disk, "snapshot", KAYA_OPEN_CREATE, &file), KAYA_OK));
    span.length = (size_t)size;
    cr_assert(eq(int, kaya_disk_write(bench.environment.disk, file, 0, &span, 1), KAYA_OK));
    kaya_disk_close(bench.environment.disk, file);
    cr_expect(eq(int, kaya_kv_open(&bench.environment, &config, &kv, NULL), KAYA_DAMAGED));
    bench_end(&bench);
}
