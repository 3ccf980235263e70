#include "scenarios/paged_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RECORD_BYTES = 20, PUT = 1 };

/* CRC32C bit by bit. */
static uint32_t crc(uint32_t seed, const uint8_t *bytes, size_t length)
{
    uint32_t sum = ~seed;

    for (size_t i = 0; i < length * 8; i++) {
        uint32_t carry = (sum ^ (uint32_t)(bytes[i / 8] >> i % 8)) & 1;
        sum = sum >> 1 ^ (carry != 0 ? 0x82f63b78 : 0);
    }
    return ~sum;
}

static void put_header(struct paged_segment *segment, uint64_t at, uint8_t id)
{
    uint8_t *bytes = segment->bytes + at;

    memset(bytes, 0, 96);
    memcpy(bytes, "kaya-wal", 8);
    bytes[12] = 1; /* version */
    dissect_store32(bytes + 28, 512);
    dissect_store64(bytes + 40, PAGED_SEGMENT_BYTES);
    memset(bytes + 48, id, 16);
    dissect_store64(bytes + 64, segment->number);
    dissect_store64(bytes + 72, 0x5a17 + segment->number);
    dissect_seal_header(segment->bytes, at);
}

static void put_headers(struct paged_segment *segment, uint8_t id)
{
    put_header(segment, 0, id);
    put_header(segment, PAGED_SECOND_HEADER, id);
    (void)dissect_header(&segment->shape, segment->bytes, sizeof segment->bytes);
}

void paged_begin(struct paged_log *log)
{
    memset(log, 0, sizeof *log);
    log->image.files = log->files;
}

struct paged_segment *paged_add(struct paged_log *log, uint64_t number)
{
    struct paged_segment *segment = &log->segments[log->image.file_count];
    struct kaya_image_file *file = &log->files[log->image.file_count++];

    segment->number = number;
    segment->at = PAGED_FIRST_FRAME;
    put_headers(segment, 0xa1);
    *file = (struct kaya_image_file){ .size_bytes = PAGED_SEGMENT_BYTES,
                                      .bytes = segment->bytes,
                                      .unreadable = segment->unreadable };
    snprintf(file->name, sizeof file->name, "%016" PRIx64 ".wal", number);
    return segment;
}

static void put_link(struct paged_segment *segment, const uint8_t payload[56])
{
    struct dissected_frame frame = { .offset = PAGED_FIRST_FRAME, .length = 56, .type = DISSECT_LINK };

    segment->at = dissect_put_frame(&segment->shape, segment->bytes, &frame, payload);
    segment->shape.base_seed = crc(segment->shape.segment_seed, payload + 48, 4);
}

void paged_link(struct paged_segment *segment, const struct paged_segment *predecessor, uint64_t base_lsn,
                uint64_t carried_end, uint64_t low_water_lsn, uint64_t epoch)
{
    uint64_t values[6] = { base_lsn, 0, 0, carried_end, low_water_lsn, epoch };
    uint8_t payload[56] = { 0 }, before[16];

    if (predecessor != NULL) {
        values[1] = predecessor->number;
        values[2] = predecessor->at;
        dissect_store32(before, predecessor->chain);
        dissect_store32(before + 4, predecessor->shape.base_seed);
        dissect_store64(before + 8, predecessor->at);
        segment->chain = crc(0, before, sizeof before);
    }
    for (unsigned i = 0; i < 6; i++)
        dissect_store64(payload + 8 * i, values[i]);
    dissect_store32(payload + 48, 0xbeef0000 + (uint32_t)segment->number);
    dissect_store32(payload + 52, segment->chain);
    put_link(segment, payload);
}

uint64_t paged_put(struct paged_segment *segment, uint8_t type, uint8_t flags, uint64_t durable,
                   const void *payload, uint16_t length, uint32_t records)
{
    struct dissected_frame frame = { .offset = segment->at == PAGED_SECOND_HEADER ? PAGED_SECOND_HEADER + 512
                                                                                  : segment->at,
                                     .durable = durable,
                                     .sequence = segment->sequence,
                                     .length = length,
                                     .type = type,
                                     .flags = flags };

    segment->at = dissect_put_frame(&segment->shape, segment->bytes, &frame, payload);
    segment->sequence += records;
    return frame.offset;
}

uint64_t paged_record(struct paged_segment *segment, uint64_t durable)
{
    uint8_t payload[RECORD_BYTES];

    memset(payload, (int)(0x40 + segment->sequence), sizeof payload);
    paged_put(segment, DISSECT_FULL, PUT, durable, payload, sizeof payload, 1);
    return segment->at;
}

void paged_close(struct paged_segment *segment)
{
    paged_put(segment, DISSECT_CLOSE, 0, segment->at, NULL, 0, 0);
}

struct kaya_image_file *paged_file(struct paged_log *log, const struct paged_segment *segment)
{
    size_t i = 0;

    while (log->files[i].bytes != segment->bytes)
        i++;
    return &log->files[i];
}

void paged_rename(struct paged_log *log, const struct paged_segment *segment, const char *name)
{
    snprintf(paged_file(log, segment)->name, KAYA_NAME_BYTES_MAX + 1, "%s", name);
}

void paged_drop(struct paged_log *log, const struct paged_segment *segment)
{
    struct kaya_image_file *file = paged_file(log, segment);

    memmove(file, file + 1, (size_t)(log->files + log->image.file_count - file - 1) * sizeof *file);
    log->image.file_count--;
}

void paged_estrange(struct paged_segment *segment)
{
    uint8_t payload[56];

    memcpy(payload, segment->bytes + PAGED_FIRST_FRAME + DISSECT_FRAME_BYTES, sizeof payload);
    put_headers(segment, 0xb2);
    if (segment->bytes[PAGED_FIRST_FRAME + 14] == DISSECT_LINK)
        put_link(segment, payload);
}
