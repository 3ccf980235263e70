/* Any bytes at all as the one segment in use of a log (P12): verify, reader, inspect, salvage and recovery come to the same verdict, in
 * bounded memory and reads, and nothing is invented.
 *
 *   input:   the file's bytes. It has the name of the number that a good header tells; else it is segment 1.
 *            Behind it stands an empty spare, without which a log with records is damaged
 *
 * What is asked of each input, beyond what the sanitizers ask:
 *   1. Reader, verify and recovery agree whether the log is damaged, and where it ends; a refused log is not changed.
 *   2. A record that comes back stands in the input at the place that it names, in a frame that is valid, or in one that is one bit
 *      away from that, and then it is called mended.
 *   3. Memory and bytes read grow with the file, not with what it says.
 *
 * The mutator puts the checks of headers and frames right in most inputs: see decode_frame.c. */
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "kaya/salvage.h"
#include "segment.h"
#include "support/target.h"
#include "tests/core/log_fixture.h"

enum {
    SEGMENT_BYTES_MAX = 1 << 16,
    READ_PASSES = 40,
    READ_SLACK_BYTES = 1 << 18,
    MEMORY_SLACK_BYTES = 2 << 20,
    FRAMES_MENDED_MAX = 64,
};

struct input {
    const uint8_t *bytes;
    size_t size;
    bool has_header;
    struct segment_header header;
    struct frame_seeds seeds;
};

/* The header, at its place or in its second copy's, for the sizes that the log is given. */
static bool header_of(const uint8_t *bytes, size_t size, struct segment_header *header)
{
    for (size_t at = 0; at + KAYA_SEGMENT_HEADER_BYTES <= size; at += KAYA_BLOCK_BYTES_MIN)
        if (kaya_segment_header_decode(bytes + at, header) == HEADER_FAULT_NONE)
            return true;
    return false;
}

static struct input input_of(const uint8_t *bytes, size_t size)
{
    struct input input = { .bytes = bytes, .size = size };

    input.has_header = header_of(bytes, size, &input.header);
    if (input.has_header)
        input.seeds.segment = kaya_segment_seed(&input.header.log_id, input.header.number, input.header.salt);
    return input;
}

/* The bytes from `offset` to the block's end or the file's. */
static size_t available_at(const struct input *input, uint64_t offset)
{
    uint64_t end = kaya_shape_block_end(&input->header.shape, offset);

    return (size_t)((end < input->size ? end : input->size) - offset);
}

/* The frame at `offset`, mended if need be into `scratch`. */
static bool frame_at(const struct input *input, uint64_t offset, uint8_t *scratch, struct frame *frame,
                     bool *mended)
{
    size_t available = available_at(input, offset);
    uint64_t bit;

    *mended = false;
    if (kaya_frame_decode(input->bytes + offset, available, &input->header.shape, &input->seeds, offset,
                          frame) == FRAME_FAULT_NONE)
        return true;
    *mended = true;
    return kaya_frame_mend(input->bytes + offset, available, &input->header.shape, &input->seeds, offset,
                           scratch, frame, &bit);
}

/* The seeds of all frames but LINK need its nonce. */
static void find_base_seed(struct input *input)
{
    uint8_t *scratch = malloc(input->size);
    uint64_t offset = kaya_shape_first_frame(&input->header.shape);
    struct frame frame;
    struct link link;
    bool mended;

    fuzz_must(scratch != NULL, "there is memory");
    if (offset < input->size && frame_at(input, offset, scratch, &frame, &mended) && frame.type == FRAME_LINK) {
        kaya_link_decode(frame.payload, &link);
        input->seeds.base = kaya_base_seed(input->seeds.segment, link.nonce);
    }
    free(scratch);
}

static bool holds(const struct frame *frame, const void *bytes, size_t length)
{
    size_t prefix = frame->type == FRAME_FIRST ? KAYA_FIRST_PREFIX_BYTES : 0;
    size_t part = frame->type == FRAME_FIRST && length > frame->length - prefix ? frame->length - prefix : length;

    for (size_t at = prefix; at + part <= frame->length; at++)
        if (part == 0 || memcmp(frame->payload + at, bytes, part) == 0)
            return true;
    return false;
}

static void check_record(const struct input *input, const struct kaya_wal_record *record)
{
    uint8_t *scratch = malloc(input->size + 1);
    struct frame frame;
    bool mended;

    fuzz_must(scratch != NULL, "there is memory");
    fuzz_must(input->has_header && record->segment == input->header.number && record->offset_bytes < input->size,
              "a record stands in the file");
    fuzz_must(frame_at(input, record->offset_bytes, scratch, &frame, &mended), "a record begins with a frame");
    fuzz_must(frame.type == FRAME_FULL || frame.type == FRAME_FIRST, "a record begins with a frame of a record");
    fuzz_must(!mended || record->mended, "a mended record is called mended");
    if (frame.type == FRAME_FULL || !record->in_batch)
        fuzz_must(holds(&frame, record->bytes, record->length), "a record has the bytes of its frame");
    free(scratch);
}

/* Looking. */

struct look {
    enum kaya_status status;
    uint64_t last_lsn;
};

static void check_bounds(struct log_fixture *log, size_t size)
{
    fuzz_must(log->image.bytes_read <= (uint64_t)READ_PASSES * size + READ_SLACK_BYTES, "reads are bounded");
    fuzz_must(kaya_sim_memory_peak(log->memory) <= 4 * size + MEMORY_SLACK_BYTES, "memory is bounded");
    fuzz_must(kaya_sim_memory_in_use(log->memory) == 0, "no memory is kept");
    log->image.bytes_read = 0;
}

static struct look read_all(struct log_fixture *log, const struct input *input)
{
    struct kaya_wal_recovery_report report;
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    struct look look = { .status = kaya_wal_reader_open(&log->environment, NULL, &reader, &report) };

    if (look.status != KAYA_OK)
        return look;
    look.last_lsn = report.last_lsn;
    while ((look.status = kaya_wal_reader_next(reader, &record)) == KAYA_OK)
        check_record(input, &record);
    fuzz_must(look.status == KAYA_END, "a log that opens is read to its end");
    kaya_wal_reader_close(reader);
    look.status = KAYA_OK;
    return look;
}

static void salvage_all(struct log_fixture *log, const struct input *input)
{
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged;

    if (kaya_wal_salvage_open(&log->environment, NULL, &salvage, NULL) != KAYA_OK)
        return;
    while (kaya_wal_salvage_next(salvage, &salvaged) == KAYA_OK)
        if (salvaged.kind == KAYA_SALVAGED_RECORD)
            check_record(input, &salvaged.record);
    kaya_wal_salvage_close(salvage);
}

static bool see(void *user, const struct kaya_wal_item *item)
{
    fuzz_must(item->reason != NULL && item->file_name != NULL, "an item says what it is");
    return --*(uint64_t *)user > 0;
}

static void check_verdicts(struct log_fixture *log, const struct input *input)
{
    struct kaya_wal_inspection inspection;
    uint64_t left = UINT64_C(1) << 18;
    uint64_t changes = log->image.change_count;
    enum kaya_status status = kaya_wal_verify(&log->environment, NULL, &inspection);
    bool is_damaged = status == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED;
    struct look look;

    check_bounds(log, input->size);
    look = read_all(log, input);
    check_bounds(log, input->size);
    fuzz_must((look.status == KAYA_DAMAGED) == is_damaged, "reader and verify agree whether it is damaged");
    fuzz_must(look.status != KAYA_OK || inspection.report.last_lsn == look.last_lsn, "they agree on the end");
    status = kaya_wal_inspect_path(&log->environment, NULL, see, &left, &inspection);
    fuzz_must(status == KAYA_OK || status == KAYA_NOT_FOUND, "inspect shows what there is");
    fuzz_must(left > 0, "what is shown is bounded");
    check_bounds(log, input->size);
    salvage_all(log, input);
    check_bounds(log, input->size);
    fuzz_must(log->image.change_count == changes, "looking changes nothing");

    status = kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &log->report);
    fuzz_must((status == KAYA_DAMAGED) == is_damaged, "recovery agrees whether it is damaged");
    fuzz_must(status == KAYA_OK || log->image.change_count == changes, "a refused log is not changed");
    if (status == KAYA_OK && look.status == KAYA_OK)
        fuzz_must(log->report.last_lsn == look.last_lsn, "recovery agrees on the end");
    log_kill(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaya_wal_config config = { .segment_bytes = 8192, .block_bytes = 512 };
    char name[SEGMENT_NAME_BYTES];
    struct log_fixture *log;
    struct input input;

    if (size == 0 || size > SEGMENT_BYTES_MAX)
        return 0;
    input = input_of(data, size);
    if (input.has_header)
        find_base_seed(&input);
    kaya_segment_name(name, input.has_header ? input.header.number : 1, SEGMENT_NAME_WAL);
    log = log_fixture_create(&LOG_DENSE, &config);
    log->image.exists = true;
    (void)image_disk_add(&log->image, name, data, size);
    kaya_segment_name(name, (input.has_header ? input.header.number : 1) + 1, SEGMENT_NAME_WAL);
    (void)image_disk_add(&log->image, name, "", 0);
    check_verdicts(log, &input);
    log_fixture_destroy(log);
    return 0;
}

/* Put the checks of the frames right from LINK on, as far as they follow one another. */
static void mend_checks(uint8_t *data, size_t size)
{
    struct input input = input_of(data, size);
    uint64_t offset;

    if (!input.has_header)
        return;
    offset = kaya_shape_first_frame(&input.header.shape);
    for (unsigned i = 0; i < FRAMES_MENDED_MAX && offset + KAYA_FRAME_HEADER_BYTES < size; i++) {
        uint8_t *bytes = data + offset;
        size_t available = available_at(&input, offset);
        struct frame frame;

        store32(bytes + KAYA_FRAME_OFFSET_AT, (uint32_t)(offset / 4));
        store32(bytes + 4, kaya_frame_header_check(bytes, input.seeds.segment, offset));
        if (!kaya_frame_header(bytes, available, &input.header.shape, input.seeds.segment, offset, &frame) ||
            frame.payload == NULL || frame.extent_bytes > available)
            return;
        store32(bytes + 8, kaya_frame_second_check(bytes, &input.seeds, &frame));
        store32(bytes + 4, kaya_frame_header_check(bytes, input.seeds.segment, offset));
        store32(bytes, kaya_frame_payload_check(bytes, &input.seeds, &frame));
        if (i == 0)
            find_base_seed(&input);
        offset = kaya_shape_skip_header(&input.header.shape, offset + frame.extent_bytes);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
    enum { LEAVE_BROKEN, MEND_THEN_FLIP, CHOICES = 8 };

    size = LLVMFuzzerMutate(data, size, size_max);
    if (size == 0 || seed % CHOICES == LEAVE_BROKEN)
        return size;
    mend_checks(data, size);
    if (seed % CHOICES == MEND_THEN_FLIP)
        data[seed / CHOICES % size] ^= (uint8_t)(1U << seed / 256 % 8);
    return size;
}
