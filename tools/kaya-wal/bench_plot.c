/* Latency against threads as a picture: one line for the median, one for p99, one for p99.9, for each record size; both axes
 * logarithmic. Of the strict log with its first method; the bare loop's median is a thin line across. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kaya-wal/bench_figures.h"

enum { WIDTH = 720, HEIGHT = 440, LEFT = 80, RIGHT = 170, TOP = 40, BOTTOM = 50, LINES = 3 };

static const struct {
    double share;
    const char *name;
    const char *dashes;
} lines[LINES] = { { 0.5, "median", "none" }, { 0.99, "p99", "7 4" }, { 0.999, "p99.9", "2 4" } };
static const char *const colours[] = { "#1f6fb2", "#c4531a", "#2e8b57", "#8a4fa3",
                                       "#b08d00", "#666666", "#b03060", "#008b8b" };

static const char svg_begins[] = "<svg";

struct picture {
    FILE *file;
    const struct bench *bench;
    const struct bench_source *source; /* the log's first method */
    double low_ns, high_ns;            /* powers of ten */
    double threads_max;
};

static bool is_shown(const struct picture *picture, const struct bench_arm *arm)
{
    return arm->source == picture->source;
}

static double x_of(const struct picture *picture, double threads)
{
    double room = WIDTH - LEFT - RIGHT;

    return picture->threads_max <= 1 ? LEFT + room / 2
                                     : LEFT + room * log2(threads) / log2(picture->threads_max);
}

static double y_of(const struct picture *picture, double nanoseconds)
{
    double room = HEIGHT - TOP - BOTTOM;

    return TOP + room * (1 - log10(nanoseconds / picture->low_ns) / log10(picture->high_ns / picture->low_ns));
}

static double value_of(const struct bench_arm *arm, size_t line)
{
    uint64_t value = kaya_histogram_at(&arm->latencies[0], lines[line].share);

    return value > 0 ? (double)value : 1;
}

static void find_bounds(struct picture *picture)
{
    double low = INFINITY, high = 0;

    picture->threads_max = 1;
    for (size_t i = 0; i < picture->bench->arm_count; i++) {
        const struct bench_arm *arm = &picture->bench->arms[i];

        if (!is_shown(picture, arm))
            continue;
        low = fmin(low, fmin(value_of(arm, 0), value_of(arm->reference, 0)));
        high = fmax(high, value_of(arm, LINES - 1));
        picture->threads_max = fmax(picture->threads_max, arm->threads);
    }
    picture->low_ns = pow(10, floor(log10(low)));
    picture->high_ns = pow(10, ceil(log10(high * 1.0001)));
}

static void draw_axes(const struct picture *picture)
{
    const struct bench_options *options = picture->bench->options;
    char text[BENCH_TEXT_BYTES];
    int decades = (int)lround(log10(picture->high_ns / picture->low_ns));

    for (int decade = 0; decade <= decades; decade++) {
        double value = picture->low_ns * pow(10, decade);
        double y = y_of(picture, value);
        fprintf(picture->file, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>\n", LEFT,
                WIDTH - RIGHT, y, y);
        fprintf(picture->file, "<text x='%d' y='%.1f' text-anchor='end'>%s</text>\n", LEFT - 8, y + 4,
                kaya_bench_time_text((uint64_t)(value + 0.5), text));
    }
    for (size_t i = 0; i < options->threads_count; i++)
        fprintf(picture->file, "<text x='%.1f' y='%d' text-anchor='middle'>%u</text>\n",
                x_of(picture, options->threads[i]), HEIGHT - BOTTOM + 20, options->threads[i]);
    fprintf(picture->file, "<text x='%d' y='%d' text-anchor='middle'>threads that append</text>\n",
            LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 10);
    fprintf(picture->file,
            "<text x='%d' y='24' font-size='15'>Strict append, %s: latency against threads</text>\n", LEFT,
            picture->source->method);
}

static void draw_line(const struct picture *picture, size_t size, size_t line)
{
    const struct bench *bench = picture->bench;

    fprintf(picture->file, "<polyline fill='none' stroke='%s' stroke-width='2' stroke-dasharray='%s' points='",
            colours[size], lines[line].dashes);
    for (size_t i = 0; i < bench->arm_count; i++)
        if (is_shown(picture, &bench->arms[i]) && bench->arms[i].record_bytes == bench->options->sizes[size])
            fprintf(picture->file, "%.1f,%.1f ", x_of(picture, bench->arms[i].threads),
                    y_of(picture, value_of(&bench->arms[i], line)));
    fprintf(picture->file, "'/>\n");
}

static void draw_bare(const struct picture *picture, size_t size)
{
    const struct bench *bench = picture->bench;

    for (size_t i = 0; i < bench->arm_count; i++) {
        const struct bench_arm *arm = &bench->arms[i];

        if (!is_shown(picture, arm) || arm->record_bytes != bench->options->sizes[size] || arm->threads != 1)
            continue;
        double y = y_of(picture, value_of(arm->reference, 0));
        fprintf(picture->file, "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='%s' stroke-width='0.6'/>\n",
                LEFT, WIDTH - RIGHT, y, y, colours[size]);
    }
}

static void draw_legend(const struct picture *picture)
{
    const struct bench_options *options = picture->bench->options;
    int x = WIDTH - RIGHT + 16, y = TOP + 10;
    char text[BENCH_TEXT_BYTES];

    for (size_t size = 0; size < options->size_count; size++)
        for (size_t line = 0; line < LINES; line++, y += 18) {
            fprintf(picture->file,
                    "<line x1='%d' x2='%d' y1='%d' y2='%d' stroke='%s' stroke-width='2' stroke-dasharray='%s'/>\n",
                    x, x + 26, y - 4, y - 4, colours[size], lines[line].dashes);
            fprintf(picture->file, "<text x='%d' y='%d'>%s, %s</text>\n", x + 32, y,
                    kaya_bench_size_text(options->sizes[size], text), lines[line].name);
        }
    fprintf(picture->file, "<text x='%d' y='%d' fill='#777'>thin: bare loop, median</text>\n", x, y + 6);
}

static void draw(struct picture *picture)
{
    fprintf(picture->file,
            "%s xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' font-size='12'>\n"
            "<rect width='100%%' height='100%%' fill='white'/>\n",
            svg_begins, WIDTH, HEIGHT);
    find_bounds(picture);
    draw_axes(picture);
    for (size_t size = 0; size < picture->bench->options->size_count; size++) {
        draw_bare(picture, size);
        for (size_t line = 0; line < LINES; line++)
            draw_line(picture, size, line);
    }
    draw_legend(picture);
    fputs("</svg>\n", picture->file);
}

static const struct bench_source *first_log(const struct bench *bench)
{
    for (size_t i = 0; i < bench->source_count; i++)
        if (bench->sources[i].engine == &kaya_engine_log && bench->sources[i].mode == KAYA_ENGINE_STRICT &&
            bench->sources[i].handle != NULL)
            return &bench->sources[i];
    return NULL;
}

/* An empty file holds nothing that could be lost, and a pipe nothing at all. */
static bool holds_picture_or_nothing(const char *path)
{
    char head[sizeof svg_begins] = "";
    struct stat facts;
    size_t length;
    FILE *file;

    if (stat(path, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size == 0)
        return true;
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    length = fread(head, 1, sizeof head - 1, file);
    (void)fclose(file);
    return length == sizeof head - 1 && strcmp(head, svg_begins) == 0;
}

bool kaya_bench_plot_open(struct bench *bench)
{
    const char *path = bench->options->svg_path;

    if (path == NULL)
        return true;
    if (first_log(bench) == NULL) {
        kaya_complain("--svg: there would be nothing to draw: no method of --methods that the log has works here");
        return false;
    }
    bench->svg = fopen(path, "ae"); /* what stands there stays until there is something to draw */
    if (bench->svg == NULL) {
        kaya_complain("%s: %s", path, strerror(errno));
        return false;
    }
    if (holds_picture_or_nothing(path))
        return true;
    (void)fclose(bench->svg);
    bench->svg = NULL;
    kaya_complain("%s: byte 0: no picture begins so, expected \"%s\"; it is not written over (--svg)", path,
                  svg_begins);
    return false;
}

bool kaya_bench_plot(struct bench *bench)
{
    struct picture picture = { .bench = bench, .source = first_log(bench), .file = bench->svg };
    bool good;

    if (picture.file == NULL || picture.source == NULL)
        return true; /* none was asked for */
    bench->svg = NULL;
    good = ftruncate(fileno(picture.file), 0) == 0 || errno == EINVAL; /* a pipe has no size */
    draw(&picture);
    good = ferror(picture.file) == 0 && good;
    if (fclose(picture.file) == 0 && good)
        return true;
    kaya_complain("%s: %s", bench->options->svg_path, strerror(errno));
    return false;
}
