/* Directories of small logs as inputs of ../directory.c: on all disks, begun, closed, killed, rotated, trimmed, recovered. */
#include "../directory.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "segment.h"
#include "support/target.h"
#include "tests/core/log_fixture.h"

enum { DISKS = 3, STATES = 6, INPUT_BYTES_MAX = 1 << 18, GAP_BYTES_MIN = 32 };

/* Those of support/judge.c. */
static const struct {
    const struct kaya_geometry *geometry;
    uint64_t segment_bytes;
} disks[DISKS] = { { &LOG_DENSE, 4096 }, { &LOG_PADDED_512, 8192 }, { &LOG_PADDED_4096, 32768 } };

struct input {
    uint8_t bytes[INPUT_BYTES_MAX];
    size_t size;
};

static void put(struct input *input, enum entry_kind kind, uint8_t which, size_t first, size_t second,
                const uint8_t *bytes)
{
    uint8_t *at = input->bytes + input->size;

    fuzz_must(input->size + ENTRY_BYTES + second <= INPUT_BYTES_MAX && first < 1 << 16 && second < 1 << 16,
              "a seed's directory is small");
    at[0] = (uint8_t)kind;
    at[1] = which;
    at[2] = (uint8_t)(first >> 8);
    at[3] = (uint8_t)first;
    at[4] = (uint8_t)(second >> 8);
    at[5] = (uint8_t)second;
    memcpy(at + ENTRY_BYTES, bytes, second);
    input->size += ENTRY_BYTES + second;
}

/* Up to the next long run of zeros. */
static size_t stretch(const struct image_file *file, size_t from)
{
    size_t zeros = 0;
    size_t at = from;

    while (at < file->size && zeros < GAP_BYTES_MIN)
        zeros = file->bytes[at++] == 0 ? zeros + 1 : 0;
    return at - zeros - from;
}

static size_t skip_zeros(const struct image_file *file, size_t from)
{
    while (from < file->size && file->bytes[from] == 0)
        from++;
    return from;
}

static void put_file(struct input *input, const struct image_file *file, uint8_t index)
{
    enum segment_name_kind kind;
    uint64_t number;
    size_t at;

    fuzz_must(kaya_segment_name_parse(file->name, &number, &kind) && kind == SEGMENT_NAME_WAL,
              "a seed's directory holds segments");
    at = stretch(file, 0);
    put(input, ENTRY_SEGMENT, (uint8_t)number, file->size, at, file->bytes);
    while ((at = skip_zeros(file, at)) < file->size) {
        size_t length = stretch(file, at);

        put(input, ENTRY_BYTES_AT, index, at, length, file->bytes + at);
        at += length;
    }
}

static void put_directory(struct input *input, const struct image_disk *image, uint8_t disk, uint8_t options)
{
    uint8_t index = 0;

    input->bytes[0] = disk;
    input->bytes[1] = options;
    input->size = HEAD_BYTES;
    for (uint64_t number = 1; number < 256; number++) {
        const struct image_file *file = image_disk_segment((struct image_disk *)image, number);

        if (file != NULL)
            put_file(input, file, index++);
    }
}

static void ok(enum kaya_status status)
{
    if (status != KAYA_OK)
        fuzz_fail("a call on a healthy log: %s", kaya_status_name(status));
}

/* One state of a log's life after another; 0 is a log without records. */
static void live(struct log_fixture *log, unsigned state)
{
    static const uint32_t lengths[] = { 30, 0, 70 };

    ok(log_open(log));
    if (state == 0)
        return;
    for (uint32_t i = 0; i < 4; i++)
        ok(log_append(log, 20 + 131 * i, i == 3 ? KAYA_RELAXED : KAYA_STRICT));
    ok(log_append_batch(log, lengths, 3, KAYA_STRICT));
    if (state >= 2)
        ok(log_rotate(log));
    if (state >= 2)
        ok(log_append(log, 700, KAYA_STRICT));
    if (state >= 3) {
        log_kill(log);
        ok(log_open(log));
        ok(log_append(log, 10, KAYA_RELAXED));
    }
    if (state >= 4)
        ok(log_trim(log, 8));
    if (state == 5)
        ok(log_close(log));
}

int main(int argc, char **argv)
{
    static struct input input;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (unsigned i = 0; i < DISKS * STATES; i++) {
        uint8_t disk = (uint8_t)(i % DISKS);
        struct kaya_wal_config config = { .segment_bytes = disks[disk].segment_bytes, .block_bytes = 512 };
        struct log_fixture *log = log_fixture_create(disks[disk].geometry, &config);
        uint8_t options = i / DISKS % 2 == 0 ? 0 : OPEN_ANCHOR | 2 << OPEN_LSN_SHIFT;
        char name[32];

        live(log, i / DISKS);
        put_directory(&input, &log->image, disk, options);
        (void)snprintf(name, sizeof name, "log-%u-%u", disk, i / DISKS);
        fuzz_write_seed(argv[1], name, input.bytes, input.size);
        log_kill(log);
        log_fixture_destroy(log);
    }
    return 0;
}
