#include "bench.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

static void *allocate(struct kaya_allocator *allocator, size_t size)
{
    struct bench *bench = (struct bench *)allocator;

    if (bench->allocations_left == 0)
        return NULL;
    bench->allocations_left -= bench->allocations_left != UINT64_MAX;
    bench->allocations++;
    return malloc(size);
}

static void release(struct kaya_allocator *allocator, void *memory, size_t size)
{
    struct bench *bench = (struct bench *)allocator;

    (void)size;
    bench->allocations--;
    free(memory);
}

static void boot(struct bench *bench)
{
    bench->environment.disk = kaya_sim_disk_boot(bench->sim);
}

void bench_start(struct bench *bench)
{
    struct kaya_sim_disk_options options;

    *bench = (struct bench){ .allocator = { allocate, release }, .allocations_left = UINT64_MAX };
    bench->choices = kaya_choices_odometer(); /* all answers 0: nothing is lost */
    options = (struct kaya_sim_disk_options){ .choices = bench->choices };
    cr_assert(eq(int, kaya_sim_disk_create(&options, &bench->sim), KAYA_OK));
    bench->runtime = kaya_sim_runtime_create(1);
    bench->environment.allocator = &bench->allocator;
    bench->environment.runtime = kaya_sim_runtime_seam(bench->runtime);
    boot(bench);
}

void bench_end(struct bench *bench)
{
    cr_expect(eq(u64, bench->allocations, 0), "memory was not given back");
    kaya_sim_disk_destroy(bench->sim);
    kaya_sim_runtime_destroy(bench->runtime);
    kaya_choices_destroy(bench->choices);
}

void bench_lose_power(struct bench *bench)
{
    kaya_sim_disk_power_loss(bench->sim);
    boot(bench);
}

void bench_restart(struct bench *bench)
{
    kaya_sim_disk_shut_down(bench->sim);
    boot(bench);
}

struct kaya_kv_change bench_put(const char *key, const char *value, struct kaya_kv_value *kept)
{
    *kept = (struct kaya_kv_value){ value, strlen(value) };
    return (struct kaya_kv_change){ { key, strlen(key) }, kept };
}

struct kaya_kv_change bench_delete(const char *key)
{
    return (struct kaya_kv_change){ { key, strlen(key) }, NULL };
}

struct text {
    char *at;
    size_t left;
};

static bool print(void *user, struct kaya_kv_key key, struct kaya_kv_value value)
{
    struct text *text = user;
    int length = snprintf(text->at, text->left, "%.*s=%.*s ", (int)key.length, (const char *)key.bytes,
                          (int)value.length, (const char *)value.bytes);

    text->at += length;
    text->left -= (size_t)length;
    return true;
}

void bench_list(const struct kaya_kv *kv, char *text, size_t size)
{
    struct text at = { text, size };

    text[0] = '\0';
    kaya_kv_visit(kv, print, &at);
}
