/* A bench for the key-value engine: a simulated disk that loses nothing unless told to, and memory that runs out on order. */
#ifndef KAYA_TESTS_KV_BENCH_H
#define KAYA_TESTS_KV_BENCH_H

#include "kaya/scenarios/kv.h"
#include "kaya/sim/boot.h"
#include "kaya/sim/disk.h"

struct bench {
    struct kaya_allocator allocator; /* first: it is what the environment is given */
    struct kaya_choices *choices;
    struct kaya_sim_disk *sim;
    struct kaya_sim_runtime *runtime;
    struct kaya_wal_environment environment;
    uint64_t allocations;      /* made and not released */
    uint64_t allocations_left; /* after so many more there is no memory; UINT64_MAX: there always is */
};

void bench_start(struct bench *bench);
void bench_end(struct bench *bench); /* checks that all memory was given back */

/* The machine stops and starts: everything that was synced is there, all else is lost or not by `choices`. */
void bench_lose_power(struct bench *bench);
/* An orderly end of the boot, and the next. */
void bench_restart(struct bench *bench);

struct kaya_kv_change bench_put(const char *key, const char *value, struct kaya_kv_value *kept);
struct kaya_kv_change bench_delete(const char *key);
/* "a=1 b=22 ", ordered by key. */
void bench_list(const struct kaya_kv *kv, char *text, size_t size);

#endif
