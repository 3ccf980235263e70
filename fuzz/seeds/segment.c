/* Segments of small logs, open and closed, dense and padded, as inputs of ../segment.c. */
#include <stdio.h>
#include <string.h>

#include "support/target.h"
#include "tests/core/log_fixture.h"

enum { SEGMENT_BYTES = 8192 };

static void ok(enum kaya_status status)
{
    fuzz_must(status == KAYA_OK, "a call on a healthy log succeeds");
}

static void write_log(const char *folder, const struct kaya_geometry *geometry, const char *kind, bool closes)
{
    static const uint32_t lengths[] = { 30, 0, 70 };
    struct kaya_wal_config config = { .segment_bytes = SEGMENT_BYTES, .block_bytes = 512 };
    struct log_fixture *log = log_fixture_create(geometry, &config);
    char name[64];

    ok(log_open(log));
    for (uint32_t i = 0; i < 4; i++)
        ok(log_append(log, 20 + 131 * i, i == 3 ? KAYA_RELAXED : KAYA_STRICT));
    ok(log_append_batch(log, lengths, 3, KAYA_STRICT));
    ok(log_append(log, 900, KAYA_STRICT));
    if (closes)
        ok(log_close(log));
    (void)snprintf(name, sizeof name, "%s-%s", kind, closes ? "closed" : "open");
    fuzz_write_seed(folder, name, image_disk_segment(&log->image, 1)->bytes,
                    image_disk_segment(&log->image, 1)->size);
    log_kill(log);
    log_fixture_destroy(log);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (unsigned closes = 0; closes < 2; closes++) {
        write_log(argv[1], &LOG_DENSE, "dense", closes);
        write_log(argv[1], &LOG_PADDED_512, "padded", closes);
    }
    return 0;
}
