/* A healthy log, damaged: what was claimed comes back or is refused, exactly (P1, P5).
 *
 *   input:   4 bytes: geometry, sizes, how it ends, how many calls
 *            each call, 3 bytes: which one, then its length or amount
 *            each change, 6 bytes, to the end: which kind, which file, where (2), how much or what (2)
 *
 * The target made the log, so it knows what was appended and acknowledged, and which call wrote which byte: from that alone, and
 * from FORMAT.md, it works out what the surviving claims are (tests/core/damage_case.c). What verify says is held against
 * the page as well, for any damage (support/page.h). Reader, verify, recovery and salvage must all keep to it: no claimed record is silently missing, nothing comes back that was not appended under its
 * number, a refusal has a reason and changes nothing; one flipped bit is mended and told.
 *
 * The mutator takes whole calls and changes; it mends no checks: damage that passes them is not damage that happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/mutate.h"
#include "support/page.h"
#include "support/target.h"
#include "tests/core/damage_case.h"

enum {
    CALLS_MAX = 60,
    CHANGES_MAX = 8,
    HEAD_BYTES = 4,
    CALL_BYTES = 3,
    CHANGE_BYTES = 6,
    LENGTH_MAX = 1500,
    BATCH_MAX = 4
};

/* Calls. On a healthy disk each succeeds, but for records that are too long. */

static void ok(enum kaya_status status)
{
    if (status != KAYA_OK)
        fuzz_fail("a call on a healthy log: %s", kaya_status_name(status));
}

static void ok_or_too_long(enum kaya_status status)
{
    if (status != KAYA_INVALID)
        ok(status);
}

static void append_batch(struct log_fixture *log, uint32_t length, enum kaya_durability_mode mode)
{
    uint32_t lengths[BATCH_MAX] = { length / 3, 0, length / 4, length / 5 };

    ok_or_too_long(log_append_batch(log, lengths, 1 + length % BATCH_MAX, mode));
}

static void call(struct log_fixture *log, struct fuzz_bytes *bytes)
{
    uint8_t kind = fuzz_byte(bytes);
    uint32_t length = fuzz_number(bytes, LENGTH_MAX);

    switch (kind % 12) {
    case 0:
    case 1:
    case 2:
        ok_or_too_long(log_append(log, length, KAYA_STRICT));
        return;
    case 3:
    case 4:
        ok_or_too_long(log_append(log, length, KAYA_RELAXED));
        return;
    case 5:
        append_batch(log, length, KAYA_STRICT);
        return;
    case 6:
        append_batch(log, length, KAYA_RELAXED);
        return;
    case 7:
        ok(log_sync(log));
        return;
    case 8:
        ok(log_rotate(log));
        return;
    case 9:
        if (log->durable_lsn > log->first_lsn)
            ok(log_trim(log, log->first_lsn + length % (log->durable_lsn - log->first_lsn)));
        return;
    case 10:
        ok(log_close(log));
        ok(log_open(log));
        return;
    default:
        log_kill(log);
        ok(log_open(log));
        return;
    }
}

static struct log_fixture *make_log(struct fuzz_bytes *bytes)
{
    static const uint64_t segment_bytes[] = { 4096, 8192, 32768 };
    uint8_t geometry = fuzz_byte(bytes) % 3;
    uint8_t size = fuzz_byte(bytes) % 3;
    struct kaya_wal_config config = { .block_bytes = 512 };
    struct log_fixture *log;
    bool closes;
    uint32_t count;

    config.segment_bytes = geometry == 2 ? 32768 : segment_bytes[size]; /* 8 pages at least */
    closes = fuzz_byte(bytes) % 3 == 0;
    count = 1 + fuzz_byte(bytes) % CALLS_MAX;
    log = log_fixture_create(geometry == 0   ? &LOG_DENSE
                             : geometry == 1 ? &LOG_PADDED_512
                                             : &LOG_PADDED_4096,
                             &config);
    ok(log_open(log));
    while (count-- > 0)
        call(log, bytes);
    log->durable_lsn = kaya_wal_writer_durable_lsn(log->writer); /* rotations make relaxed records durable, too */
    if (closes)
        ok(log_close(log));
    return log;
}

/* Damage. */

static struct image_file *pick_file(struct image_disk *image, uint8_t number)
{
    struct image_file *files[IMAGE_FILES_MAX];
    size_t count = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (strstr(image->files[i].name, ".wal") != NULL && image->files[i].size > 0)
            files[count++] = &image->files[i];
    return count == 0 ? NULL : files[number % count];
}

static void spoil(struct image_file *file, uint8_t kind, size_t offset, uint32_t what)
{
    size_t sector = offset / IMAGE_SECTOR_BYTES * IMAGE_SECTOR_BYTES;
    size_t length = file->size - sector < IMAGE_SECTOR_BYTES ? file->size - sector : IMAGE_SECTOR_BYTES;

    switch (kind % 5) {
    case 0:
        file->bytes[offset] ^= (uint8_t)(1U << what % 8);
        return;
    case 1:
        file->bytes[offset] = (uint8_t)what;
        return;
    case 2:
        memset(file->bytes + sector, 0, length);
        return;
    case 3:
        memmove(file->bytes + sector, file->bytes + what % (file->size - length + 1), length);
        return;
    default:
        image_file_resize(file, offset);
        return;
    }
}

static void change(struct image_disk *image, struct fuzz_bytes *bytes)
{
    uint8_t kind = fuzz_byte(bytes);
    struct image_file *file = pick_file(image, fuzz_byte(bytes));
    uint32_t where = fuzz_number(bytes, UINT16_MAX + 1);
    uint32_t what = fuzz_number(bytes, UINT16_MAX + 1);

    if (file != NULL)
        spoil(file, kind, where % file->size, what);
}

/* What verify says is what the page says, where the log ends and what is claimed included. */
static void judge_by_page(struct log_fixture *log)
{
    const struct kaya_wal_verify_options options = { .anchor = NULL };
    struct kaya_wal_inspection inspection;
    struct fuzz_page *page = fuzz_page_read(&log->image);
    enum kaya_status status = kaya_wal_verify(&log->environment, &options, &inspection);

    fuzz_page_judge_look(page, "verify", status, &inspection.report, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_bytes bytes = { data, data + size };
    char trouble[LOG_TEXT_BYTES] = "";
    struct damage_case *damage = damage_case_create("mutated", make_log(&bytes));

    damage_case_restore(damage);
    for (unsigned i = 0; i < CHANGES_MAX && bytes.end - bytes.next >= CHANGE_BYTES; i++) {
        damage->is_mixed = true;
        change(&damage->log->image, &bytes);
    }
    judge_by_page(damage->log);
    if (!damage_case_try(damage, NULL, trouble))
        fuzz_fail("%s", trouble);
    damage_case_destroy(damage);
    return 0;
}

/* The calls, then the changes. */
static size_t pieces(const uint8_t *data, size_t size, size_t *ends)
{
    size_t calls = size > HEAD_BYTES ? 1U + data[HEAD_BYTES - 1] % CALLS_MAX : 0;
    size_t count = 0;

    for (size_t at = HEAD_BYTES; at <= size && count < FUZZ_PIECES_MAX;
         at += count <= calls ? CALL_BYTES : CHANGE_BYTES)
        ends[count++] = at;
    return count;
}

const struct fuzz_target fuzz_target = { .pieces = pieces };
