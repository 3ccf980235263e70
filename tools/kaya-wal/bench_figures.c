/* What the rounds' figures come to, and which of them count.
 *
 * There are hours in which a device, or what stands between it and a virtual machine, answers each flush at the next tick of a scheduler only, for a
 * while. That is no property of a log, nor of the bare loop that it is compared with. So a slice is set aside where a look at the device before it or
 * behind it finds ticks, or its own median is one. Where that befalls more than half of them it is how this device is, and all count. Slices without syncs
 * always do. */
#include <string.h>

#include "kaya-wal/bench_figures.h"

static const uint64_t TICK_NS_MIN = 3600000, TICK_NS_MAX = 4400000;

bool kaya_bench_is_tick(const struct kaya_histogram *latencies)
{
    uint64_t median_ns = kaya_histogram_at(latencies, 0.5);

    return median_ns > TICK_NS_MIN && median_ns < TICK_NS_MAX;
}

bool kaya_bench_is_durable(const struct bench_arm *arm)
{
    return arm->source->mode == KAYA_ENGINE_STRICT || arm->source->mode == KAYA_ENGINE_SUBMITTED;
}

static bool any_counts(const struct bench *bench, const struct bench_arm *arm)
{
    for (size_t round = 0; round < bench->round_count; round++)
        if (!arm->is_aside[round])
            return true;
    return false;
}

static void take_back(struct bench_arm *arm)
{
    memset(arm->is_aside, 0, sizeof arm->is_aside);
    kaya_histogram_add(&arm->latencies[0], &arm->latencies[1]);
    arm->records[0] += arm->records[1];
}

static size_t count_aside(const struct bench *bench)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->arm_count; i++)
        for (size_t round = 0; round < bench->round_count; round++)
            count += bench->arms[i].is_aside[round];
    return count;
}

void kaya_bench_settle(struct bench *bench)
{
    bench->durable_count = 0;
    for (size_t i = 0; i < bench->arm_count; i++)
        bench->durable_count += kaya_bench_is_durable(&bench->arms[i]) ? bench->round_count : 0;
    bench->is_ticking = 2 * count_aside(bench) > bench->durable_count;
    for (size_t i = 0; i < bench->arm_count; i++)
        if (bench->is_ticking || !any_counts(bench, &bench->arms[i]))
            take_back(&bench->arms[i]);
    bench->left_out = count_aside(bench);
}

/* --- spreads -------------------------------------------------------------------------------------------------------- */

struct kaya_spread kaya_bench_rate(const struct bench *bench, const struct bench_arm *arm)
{
    double figures[BENCH_ROUNDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < bench->round_count; i++)
        if (!arm->is_aside[i])
            figures[count++] = arm->rates[i];
    return kaya_spread_of(figures, count);
}

struct kaya_spread kaya_bench_ratio(const struct bench *bench, const struct bench_arm *arm)
{
    const struct bench_arm *reference = arm->reference;
    double figures[BENCH_ROUNDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < bench->round_count; i++)
        if (!arm->is_aside[i] && !reference->is_aside[i])
            figures[count++] = arm->rates[i] / reference->rates[i];
    return kaya_spread_of(figures, count);
}

struct kaya_spread kaya_bench_scan_rate(const struct bench_scan *scan)
{
    double figures[BENCH_ROUNDS_MAX];

    for (size_t i = 0; i < scan->pair_count; i++)
        figures[i] = (double)scan->bytes / scan->log_seconds[i];
    return kaya_spread_of(figures, scan->pair_count);
}

struct kaya_spread kaya_bench_scan_ratio(const struct bench_scan *scan)
{
    double figures[BENCH_ROUNDS_MAX];

    for (size_t i = 0; i < scan->pair_count; i++)
        figures[i] = scan->bare_seconds[i] / scan->log_seconds[i];
    return kaya_spread_of(figures, scan->pair_count);
}

const char *kaya_bench_method_text(const struct bench_source *source)
{
    if (source->mode == KAYA_ENGINE_RELAXED)
        return "pwrite a record";
    if (source->mode == KAYA_ENGINE_BUFFERED)
        return "pwrite 64 KiB";
    for (size_t i = 0; kaya_bare_method(i) != NULL; i++)
        if (strcmp(kaya_bare_method(i), source->method) == 0)
            return kaya_bare_method_text(i);
    return source->method;
}
