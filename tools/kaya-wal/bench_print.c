/* What bench measured, as tables and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "kaya-wal/bench_figures.h"

const char *kaya_bench_time_text(uint64_t nanoseconds, char *text)
{
    static const char *const units[] = { "ns", "us", "ms", "s" };
    double value = (double)nanoseconds;
    size_t unit = 0;

    for (; value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        value /= 1000;
    snprintf(text, BENCH_TEXT_BYTES, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

const char *kaya_bench_size_text(size_t bytes, char *text)
{
    enum { KIB = 1024 };

    if (bytes >= KIB && bytes % KIB == 0)
        snprintf(text, BENCH_TEXT_BYTES, "%zu KiB", bytes / KIB);
    else
        snprintf(text, BENCH_TEXT_BYTES, "%zu B", bytes);
    return text;
}

/* Three digits. */
const char *kaya_bench_rate_text(double rate, char *text)
{
    static const char *const units[] = { "", " k", " M", " G" };
    size_t unit = 0;

    for (; rate >= 999.5 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        rate /= 1000;
    snprintf(text, BENCH_TEXT_BYTES, "%.*f%s", rate < 9.995 ? 2 : rate < 99.95 ? 1 : 0, rate, units[unit]);
    return text;
}

/* --- tables --------------------------------------------------------------------------------------------------------- */

static bool is_log(const struct bench_arm *arm)
{
    return arm->source->engine == &kaya_engine_log;
}

static void print_latencies(const struct bench_arm *arm)
{
    static const double shares[] = { 0.5, 0.99, 0.999 };
    char text[BENCH_TEXT_BYTES];

    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
        printf("%10s", arm->latencies[0].count == 0
                           ? "-"
                           : kaya_bench_time_text(kaya_histogram_at(&arm->latencies[0], shares[i]), text));
}

static void print_ratio(struct kaya_spread ratio, struct kaya_paint paint)
{
    int digits = ratio.median < 9.995 ? 2 : 1;

    if (ratio.median == 0) {
        printf("       -");
        return;
    }
    printf("  %s%6.*f%s  %s(%.*f-%.*f)%s", paint.strong, digits, ratio.median, paint.plain, paint.faint,
           digits, ratio.low, digits, ratio.high, paint.plain);
}

static void print_arm(const struct bench *bench, const struct bench_arm *arm, struct kaya_paint paint)
{
    char size[BENCH_TEXT_BYTES], rate[BENCH_TEXT_BYTES];
    bool is_strict_log = is_log(arm) && arm->source->mode == KAYA_ENGINE_STRICT;

    printf("  %-8s", kaya_bench_size_text(arm->record_bytes, size));
    if (is_strict_log)
        printf("%-17s %7u thread%s", arm->source->method, arm->threads, arm->threads == 1 ? " " : "s");
    else
        printf("%-33s", is_log(arm) ? "1 thread" : kaya_bench_method_text(arm->source));
    printf("%9s", kaya_bench_rate_text(kaya_bench_rate(bench, arm).median, rate));
    print_latencies(arm);
    if (arm->reference != NULL)
        print_ratio(kaya_bench_ratio(bench, arm), paint);
    putchar('\n');
}

static void print_head(const char *title, const char *last, struct kaya_paint paint)
{
    printf("\n%s%s%s\n", paint.strong, title, paint.plain);
    printf("%s%52s%10s%10s%10s%s%s%s\n", paint.faint, "a second", "median", "p99", "p99.9", *last ? "  " : "",
           last, paint.plain);
}

static void print_arms(const struct bench *bench, bool of_log, enum kaya_engine_mode mode, struct kaya_paint paint)
{
    for (size_t size = 0; size < bench->options->size_count; size++)
        for (size_t i = 0; i < bench->arm_count; i++) {
            const struct bench_arm *arm = &bench->arms[i];

            if (is_log(arm) == of_log && arm->source->mode == mode &&
                arm->record_bytes == bench->options->sizes[size])
                print_arm(bench, arm, paint);
        }
}

static void print_missing(const struct bench *bench, struct kaya_paint paint)
{
    for (size_t i = 0; i < bench->source_count; i++) {
        const struct bench_source *source = &bench->sources[i];

        if (source->handle == NULL && source->error != NULL)
            printf("%s  not here: %s, %s: %s%s\n", paint.faint, source->engine->name,
                   kaya_bench_method_text(source), source->error, paint.plain);
    }
}

static void print_left_out(const struct bench *bench, struct kaya_paint paint)
{
    if (bench->is_ticking)
        printf("%s  the device answered most flushes at the next tick of 4 ms%s\n", paint.faint, paint.plain);
    else if (bench->left_out > 0)
        printf("%s  %zu of %zu slices of durable records were left out: around them each flush took one tick of 4 ms%s\n",
               paint.faint, bench->left_out, bench->durable_count, paint.plain);
}

static void print_scan(const struct bench_scan *scan, struct kaya_paint paint)
{
    struct kaya_spread rate = kaya_bench_scan_rate(scan);
    char size[BENCH_TEXT_BYTES], records[BENCH_TEXT_BYTES], bytes[BENCH_TEXT_BYTES];

    printf("  %-8s%-33s%9s  %26sB a second", kaya_bench_size_text(scan->record_bytes, size),
           "records a second", kaya_bench_rate_text(rate.median / (double)scan->record_bytes, records),
           kaya_bench_rate_text(rate.median, bytes));
    print_ratio(kaya_bench_scan_ratio(scan), paint);
    putchar('\n');
}

void kaya_bench_print(const struct bench *bench)
{
    struct kaya_paint paint = kaya_paint_of(stdout);

    printf("%s: %zu rounds in %.0f s\n", bench->options->common.path, bench->round_count, bench->seconds);
    print_head("The device: one thread, bare loops; each record durable before the next", "", paint);
    print_arms(bench, false, KAYA_ENGINE_STRICT, paint);
    print_head("The log, strict: each record durable before its call returns", "of the bare loop, 1 thread",
               paint);
    print_arms(bench, true, KAYA_ENGINE_STRICT, paint);
    print_head("The log, submitted: strict, up to 1000 in flight for one thread", "of the bare loop", paint);
    print_arms(bench, true, KAYA_ENGINE_SUBMITTED, paint);
    print_head("Not durable, bare: the operating system has each record, or 64 KiB of them", "", paint);
    print_arms(bench, false, KAYA_ENGINE_RELAXED, paint);
    print_arms(bench, false, KAYA_ENGINE_BUFFERED, paint);
    print_head("The log, relaxed", "of one pwrite a record", paint);
    print_arms(bench, true, KAYA_ENGINE_RELAXED, paint);
    print_head("The log, buffered", "of a bare buffer", paint);
    print_arms(bench, true, KAYA_ENGINE_BUFFERED, paint);
    if (bench->scan_count > 0)
        printf("\n%sRecovery reads a log back, from the page cache%s%*s%sof read()%s\n", paint.strong,
               paint.plain, 34, "", paint.faint, paint.plain);
    for (size_t i = 0; i < bench->scan_count; i++)
        print_scan(&bench->scans[i], paint);
    print_missing(bench, paint);
    print_left_out(bench, paint);
}

/* --- JSON ----------------------------------------------------------------------------------------------------------- */

static void json_spread(json_t *object, const char *key, struct kaya_spread spread)
{
    kaya_json_object(
        object, key,
        json_pack("{s:f, s:f, s:f}", "low", spread.low, "median", spread.median, "high", spread.high));
}

static void print_arm_json(const struct bench *bench, const struct bench_arm *arm)
{
    static const char *const modes[] = {
        [KAYA_ENGINE_STRICT] = "strict", [KAYA_ENGINE_RELAXED] = "relaxed", [KAYA_ENGINE_BUFFERED] = "buffered", [KAYA_ENGINE_SUBMITTED] = "submitted"
    };
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", is_log(arm) ? "log" : "device");
    kaya_json_text(object, "mode", modes[arm->source->mode]);
    if (arm->source->method != NULL)
        kaya_json_text(object, "method", arm->source->method);
    kaya_json_integer(object, "record_bytes", arm->record_bytes);
    kaya_json_integer(object, "threads", arm->threads);
    kaya_json_integer(object, "records", arm->records[0]);
    json_spread(object, "records_per_second", kaya_bench_rate(bench, arm));
    if (arm->latencies[0].count > 0) {
        kaya_json_integer(object, "median_ns", kaya_histogram_at(&arm->latencies[0], 0.5));
        kaya_json_integer(object, "p99_ns", kaya_histogram_at(&arm->latencies[0], 0.99));
        kaya_json_integer(object, "p999_ns", kaya_histogram_at(&arm->latencies[0], 0.999));
        kaya_json_integer(object, "max_ns", arm->latencies[0].largest);
    }
    if (arm->reference != NULL && kaya_bench_ratio(bench, arm).median > 0)
        json_spread(object, "of_bare_loop", kaya_bench_ratio(bench, arm));
    kaya_json_print(object);
}

void kaya_bench_print_json(const struct bench *bench)
{
    json_t *object = kaya_json_new();

    for (size_t i = 0; i < bench->arm_count; i++)
        print_arm_json(bench, &bench->arms[i]);
    for (size_t i = 0; i < bench->scan_count; i++) {
        const struct bench_scan *scan = &bench->scans[i];
        json_t *line = kaya_json_new();

        kaya_json_text(line, "item", "scan");
        kaya_json_integer(line, "record_bytes", scan->record_bytes);
        kaya_json_integer(line, "records", scan->records);
        kaya_json_integer(line, "bytes", scan->bytes);
        json_spread(line, "bytes_per_second", kaya_bench_scan_rate(scan));
        json_spread(line, "of_read", kaya_bench_scan_ratio(scan));
        kaya_json_print(line);
    }
    kaya_json_text(object, "item", "bench");
    kaya_json_integer(object, "rounds", bench->round_count);
    kaya_json_integer(object, "left_out", bench->left_out);
    kaya_json_bool(object, "ticking", bench->is_ticking);
    kaya_json_bool(object, "complete", !bench->was_stopped);
    kaya_json_print(object);
}
