/* The log on a slow disk, in virtual time.
 *
 * Goal: threads share syncs. While one sync is under way the next group fills, so a strict append is answered within what is left of that one
 * and one more, however many threads there are; and the number of syncs hangs on how often each thread waits, not on how many there are. Who is
 * about to sync waits for those whom the last sync answered, for a quarter of a sync at most.
 * Method: a disk of which only syncs take time, always the same; threads that append in a row; the clock afterwards. The segment is prepared, so
 * that nothing but appends is synced. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "kaya/sim/boot.h"
#include "kaya/wal.h"

enum { SEEDS = 40, THREADS = 8, APPENDS = 4, SYNC_MS = 10, MILLISECOND = 1000000, RECORD_BYTES = 60 };

struct bench {
    struct kaya_wal_environment environment;
    struct kaya_wal_writer *writer;
};

static void append_in_a_row(void *user)
{
    static const unsigned char bytes[RECORD_BYTES];
    const struct kaya_wal_payload payload = { KAYA_RECORD_PUT, bytes, sizeof bytes };
    struct bench *bench = user;

    for (unsigned i = 0; i < APPENDS; i++) {
        uint64_t began_ns = kaya_now_ns(bench->environment.runtime);

        cr_assert(eq(int, kaya_wal_writer_append(bench->writer, &payload, KAYA_STRICT, NULL), KAYA_OK));
        cr_expect(le(u64, kaya_now_ns(bench->environment.runtime) - began_ns, (uint64_t)2 * SYNC_MS * MILLISECOND),
                  "the sync under way, and the next one");
    }
}

/* Nanoseconds that the gathering took; *syncs: how many it made. */
static uint64_t play(uint64_t seed, size_t thread_count, uint64_t *syncs)
{
    struct kaya_sim_disk_options options = { .choices = kaya_choices_from_seed(seed), .list_sorted = true };
    struct kaya_wal_config config = { .segment_bytes = 65536, .block_bytes = 4096 };
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_sim_runtime *runtime = kaya_sim_runtime_create(1);
    struct kaya_fiber_body bodies[KAYA_FIBERS_MAX];
    char deadlock[KAYA_DEADLOCK_TEXT_MAX] = "";
    struct kaya_sim_disk *disk;
    struct bench bench;
    uint64_t took_ns;

    options.latencies[KAYA_LATENCY_SYNC] =
        (struct kaya_latency){ .from_ns = SYNC_MS * MILLISECOND, .to_ns = SYNC_MS * MILLISECOND };
    cr_assert(eq(int, kaya_sim_disk_create(&options, &disk), KAYA_OK));
    bench.environment = (struct kaya_wal_environment){ kaya_sim_disk_boot(disk), kaya_sim_runtime_seam(runtime),
                                                       kaya_sim_memory_allocator(memory) };
    cr_assert(eq(int, kaya_wal_writer_open(&bench.environment, &config, &bench.writer, NULL), KAYA_OK));
    kaya_sim_disk_on_delay(disk, kaya_sim_runtime_delay, runtime); /* time begins here */
    *syncs = kaya_sim_disk_usage(disk).syncs;
    for (size_t i = 0; i < thread_count; i++)
        bodies[i] = (struct kaya_fiber_body){ "appender", append_in_a_row, &bench };
    cr_assert(eq(int,
                 kaya_sim_runtime_run(bench.environment.runtime, disk, options.choices, bodies, thread_count,
                                      deadlock),
                 KAYA_OK),
              "%s", deadlock);
    took_ns = kaya_now_ns(bench.environment.runtime);
    *syncs = kaya_sim_disk_usage(disk).syncs - *syncs;
    cr_assert(eq(int, kaya_wal_writer_close(bench.writer), KAYA_OK));
    kaya_sim_disk_destroy(disk);
    kaya_sim_runtime_destroy(runtime);
    kaya_sim_memory_destroy(memory);
    kaya_choices_destroy(options.choices);
    return took_ns;
}

Test(slow_disk, one_thread_pays_a_sync_for_each_append)
{
    uint64_t syncs;

    cr_expect(eq(u64, play(1, 1, &syncs), (uint64_t)APPENDS * SYNC_MS * MILLISECOND));
    cr_expect(eq(u64, syncs, APPENDS));
}

Test(slow_disk, many_threads_share_their_syncs)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t syncs;
        uint64_t took_ns = play(seed, THREADS, &syncs);

        cr_expect(eq(u64, syncs, APPENDS + 1),
                  "the first leaves before the rest have come, and then all ride together");
        cr_expect(le(u64, syncs * SYNC_MS * MILLISECOND, took_ns), "one after the other");
        cr_expect(le(u64, took_ns, syncs * SYNC_MS * MILLISECOND + SYNC_MS * MILLISECOND / 4),
                  "and one wait for company at most, for a quarter of a sync");
    }
}
