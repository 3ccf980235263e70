/* Writing past the cache keeps every byte that was not to be written.
 *
 * Goal: blocks are written whole, from a window that must never be older than the file. Method: thousands of small changes of any kind, drawn from a
 * seed, through two handles of a file, by a direct disk; after each the file, read by a disk that knows nothing of windows, is what an array in memory is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/posix.h"
#include "scratch_directory.h"

enum { BLOCK_BYTES = 4096, FILE_BYTES_MAX = 600 * 1024, CHANGES = 3000, LOOK_EVERY = 50 };

static uint64_t state;

static uint64_t draw(uint64_t count)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % count;
}

struct stage {
    char path[SCRATCH_PATH_BYTES];
    struct kaya_disk *direct, *cached;
    struct kaya_file *handles[2], *reader;
    unsigned char *model, *bytes;
    uint64_t size_bytes;
};

static bool begin(struct stage *stage, enum kaya_posix_sync_method method)
{
    enum kaya_status status;

    *stage = (struct stage){ .model = calloc(1, FILE_BYTES_MAX), .bytes = malloc(FILE_BYTES_MAX) };
    cr_assert(kaya_tests_scratch_make(stage->path));
    status = kaya_posix_disk_create_by(method, stage->path, true, &stage->direct);
    if (status == KAYA_UNSUPPORTED)
        return false;
    cr_assert(status == KAYA_OK);
    cr_assert(kaya_posix_disk_create(stage->path, true, &stage->cached) == KAYA_OK);
    cr_assert(kaya_disk_open(stage->direct, "file", KAYA_OPEN_CREATE, &stage->handles[0]) == KAYA_OK);
    cr_assert(kaya_disk_open(stage->direct, "file", KAYA_OPEN_WRITE, &stage->handles[1]) == KAYA_OK);
    cr_assert(kaya_disk_open(stage->cached, "file", KAYA_OPEN_READ, &stage->reader) == KAYA_OK);
    return true;
}

static void end(struct stage *stage)
{
    kaya_posix_disk_destroy(stage->direct);
    kaya_posix_disk_destroy(stage->cached);
    kaya_tests_scratch_remove(stage->path);
    free(stage->model);
    free(stage->bytes);
}

static void look(struct stage *stage, unsigned change)
{
    uint64_t size_bytes = 0;
    size_t done = 0;

    cr_assert(kaya_disk_size(stage->cached, stage->reader, &size_bytes) == KAYA_OK);
    cr_assert(size_bytes == stage->size_bytes, "change %u: %llu bytes instead of %llu", change,
              (unsigned long long)size_bytes, (unsigned long long)stage->size_bytes);
    cr_assert(kaya_disk_read(stage->cached, stage->reader, 0, stage->bytes, FILE_BYTES_MAX, KAYA_READ_CACHED,
                             &done) == KAYA_OK);
    cr_assert(done == size_bytes);
    for (size_t i = 0; i < done; i++)
        cr_assert(stage->bytes[i] == stage->model[i], "change %u: byte %zu", change, i);
}

/* Of a few bytes, of blocks, of more than a window. */
static uint64_t draw_length(void)
{
    switch (draw(8)) {
    case 0:
        return BLOCK_BYTES * (1 + draw(4));
    case 1:
        return 1 + draw(300 * 1024);
    default:
        return 1 + draw(500);
    }
}

/* Behind the last one, mostly, as a log does. */
static void write_somewhere(struct stage *stage, struct kaya_file *file, uint64_t *next)
{
    uint64_t offset = draw(6) == 0 ? draw(stage->size_bytes + 1) : *next;
    uint64_t length = draw_length();
    unsigned char value = (unsigned char)(1 + draw(255));
    struct kaya_span spans[2];
    bool is_durable;

    if (draw(4) == 0)
        offset -= offset % BLOCK_BYTES;
    if (offset + length > FILE_BYTES_MAX)
        offset = draw(FILE_BYTES_MAX - length);
    is_durable = draw(8) == 0 && offset + length <= stage->size_bytes;
    memset(stage->bytes, value, length);
    spans[0] = (struct kaya_span){ stage->bytes, length / 3 };
    spans[1] = (struct kaya_span){ stage->bytes + length / 3, length - length / 3 };
    cr_assert((is_durable ? kaya_disk_write_durable : kaya_disk_write)(stage->direct, file, offset, spans, 2) ==
              KAYA_OK);
    memset(stage->model + offset, value, length);
    if (stage->size_bytes < offset + length)
        stage->size_bytes = offset + length;
    *next = offset + length;
}

static void resize(struct stage *stage, struct kaya_file *file, uint64_t bytes)
{
    cr_assert(kaya_disk_truncate(stage->direct, file, bytes) == KAYA_OK);
    if (bytes < stage->size_bytes)
        memset(stage->model + bytes, 0, stage->size_bytes - bytes);
    stage->size_bytes = bytes;
}

/* Cut right before the next write, and grown again: what stood there is zero now. */
static void resize_somehow(struct stage *stage, struct kaya_file *file, uint64_t *next)
{
    uint64_t size_bytes = stage->size_bytes;

    if (draw(2) == 0) {
        *next = *next > 300 && *next <= size_bytes ? *next - draw(300) : 0;
        resize(stage, file, *next);
        resize(stage, file, size_bytes);
    } else {
        resize(stage, file, draw(2) == 0 ? size_bytes - draw(size_bytes / 4 + 1) : draw(FILE_BYTES_MAX));
    }
}

static void change_at_will(enum kaya_posix_sync_method method)
{
    struct stage stage;
    uint64_t next = 0;

    state = 42 + method;
    if (begin(&stage, method)) {
        for (unsigned change = 0; change < CHANGES; change++) {
            struct kaya_file *file = stage.handles[draw(8) == 0];

            if (draw(60) == 0)
                resize_somehow(&stage, file, &next);
            else
                write_somewhere(&stage, file, &next);
            if (next > stage.size_bytes || draw(100) == 0)
                next = draw(stage.size_bytes + 1);
            if (change % LOOK_EVERY == 0)
                look(&stage, change);
        }
        look(&stage, CHANGES);
    }
    end(&stage);
}

Test(direct, keeps_every_byte_beside_what_is_written)
{
    change_at_will(KAYA_POSIX_DIRECT_FDATASYNC);
    change_at_will(KAYA_POSIX_DIRECT_DSYNC);
}

/* Handles come and go; the window goes with the last one, and a new one knows nothing. */
Test(direct, forgets_a_file_that_nobody_has_open)
{
    struct kaya_span span = { .length = 10 };
    struct stage stage;

    if (begin(&stage, KAYA_POSIX_DIRECT_FDATASYNC)) {
        cr_assert(kaya_disk_truncate(stage.direct, stage.handles[0], 3 * BLOCK_BYTES) == KAYA_OK);
        stage.size_bytes = 3 * BLOCK_BYTES;
        for (unsigned round = 0; round < 20; round++) {
            struct kaya_file *other;

            span.bytes = stage.bytes;
            memset(stage.bytes, 'a' + (int)round, 10);
            cr_assert(kaya_disk_write(stage.direct, stage.handles[round % 2], 100 * round, &span, 1) == KAYA_OK);
            memset(stage.model + 100 * round, 'a' + (int)round, 10);
            kaya_disk_close(stage.direct, stage.handles[0]);
            kaya_disk_close(stage.direct, stage.handles[1]);
            cr_assert(kaya_disk_open(stage.cached, "file", KAYA_OPEN_WRITE, &other) == KAYA_OK);
            cr_assert(kaya_disk_write(stage.cached, other, 100 * round + 50, &span, 1) == KAYA_OK);
            memset(stage.model + 100 * round + 50, stage.bytes[0], 10);
            kaya_disk_close(stage.cached, other);
            for (unsigned i = 0; i < 2; i++)
                cr_assert(kaya_disk_open(stage.direct, "file", KAYA_OPEN_WRITE, &stage.handles[i]) == KAYA_OK);
            look(&stage, round);
        }
    }
    end(&stage);
}
