#include "dissect.h"

#include <string.h>
#include <xxhash.h>

enum { LINK_BYTES = 56, ROOM_MIN = 40, HEADER_DISTANCE = 65536 };

uint32_t dissect_load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint64_t dissect_load64(const uint8_t *bytes)
{
    return dissect_load32(bytes) | (uint64_t)dissect_load32(bytes + 4) << 32;
}

void dissect_store32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

void dissect_store64(uint8_t *bytes, uint64_t value)
{
    dissect_store32(bytes, (uint32_t)value);
    dissect_store32(bytes + 4, (uint32_t)(value >> 32));
}

/* CRC32C by nibbles, from its definition. */
static uint32_t crc(uint32_t seed, const void *bytes, size_t length)
{
    static const uint32_t polynomial = 0x82f63b78;
    static uint32_t table[16];
    const uint8_t *at = bytes;
    uint32_t sum = ~seed;

    if (table[1] == 0) {
        for (uint32_t i = 0; i < 16; i++) {
            uint32_t value = i;

            for (unsigned bit = 0; bit < 4; bit++)
                value = value >> 1 ^ (value & 1 ? polynomial : 0);
            table[i] = value;
        }
    }
    for (size_t i = 0; i < length; i++) {
        sum ^= at[i];
        sum = sum >> 4 ^ table[sum & 15];
        sum = sum >> 4 ^ table[sum & 15];
    }
    return ~sum;
}

static uint32_t crc_number(uint32_t seed, uint32_t number)
{
    uint8_t bytes[4];

    dissect_store32(bytes, number);
    return crc(seed, bytes, sizeof bytes);
}

/* The header. */

static uint64_t header_bytes(const struct dissection *segment)
{
    return segment->block_bytes > segment->unit_bytes ? segment->block_bytes : segment->unit_bytes;
}

static bool is_header(const uint8_t *bytes, size_t size, uint64_t offset)
{
    if (offset + DISSECT_HEADER_BYTES > size || memcmp(bytes + offset, "kaya-wal", 8) != 0)
        return false;
    return dissect_load32(bytes + offset + 8) == crc(0, bytes + offset + 12, DISSECT_HEADER_BYTES - 12);
}

static void take_header(struct dissection *found, const uint8_t *header)
{
    uint64_t half;

    found->block_bytes = dissect_load32(header + 28);
    found->unit_bytes = dissect_load32(header + 32);
    found->segment_bytes = dissect_load64(header + 40);
    found->number = dissect_load64(header + 64);
    found->segment_seed = crc(0, header + 48, 32); /* log id, number and salt stand side by side */
    half = found->segment_bytes / 2 < HEADER_DISTANCE ? found->segment_bytes / 2 : HEADER_DISTANCE;
    found->second_copy = half / header_bytes(found) * header_bytes(found);
    if (found->second_copy < header_bytes(found))
        found->second_copy = header_bytes(found);
}

bool dissect_header(struct dissection *found, const uint8_t *bytes, size_t size)
{
    found->first_copy_good = is_header(bytes, size, 0);
    if (found->first_copy_good) {
        take_header(found, bytes);
        found->second_copy_good = is_header(bytes, size, found->second_copy);
        return true;
    }
    for (uint64_t at = 512; at <= HEADER_DISTANCE; at += 512) {
        if (!is_header(bytes, size, at))
            continue;
        take_header(found, bytes + at);
        found->second_copy_good = found->second_copy == at;
        return found->second_copy_good;
    }
    return false;
}

void dissect_seal_header(uint8_t *bytes, uint64_t offset)
{
    dissect_store32(bytes + offset + 8, crc(0, bytes + offset + 12, DISSECT_HEADER_BYTES - 12));
}

/* Frames. */

static uint64_t block_end(const struct dissection *segment, uint64_t offset)
{
    return (offset / segment->block_bytes + 1) * segment->block_bytes;
}

static uint64_t frame_end(const struct dissection *segment, uint64_t offset, uint16_t length)
{
    uint64_t end = (offset + DISSECT_FRAME_BYTES + length + 3) / 4 * 4;

    return block_end(segment, offset) - end < ROOM_MIN ? block_end(segment, offset) : end;
}

static uint64_t skip_header(const struct dissection *segment, uint64_t offset)
{
    return offset == segment->second_copy ? offset + header_bytes(segment) : offset;
}

struct checks {
    uint32_t payload, header, second;
};

static struct checks work_out(const struct dissection *segment, const uint8_t *bytes, uint64_t offset,
                              uint64_t end)
{
    const uint8_t *at = bytes + offset;
    uint32_t seed = at[14] == DISSECT_LINK ? segment->segment_seed : segment->base_seed;
    uint32_t frame_seed = crc_number(seed, (uint32_t)(offset / 4));
    uint16_t length = (uint16_t)(at[12] | at[13] << 8);

    return (struct checks){
        .payload = crc(frame_seed, at + 4, (size_t)(end - offset) - 4),
        .header = crc(crc_number(segment->segment_seed, (uint32_t)(offset / 4)), at + 8, DISSECT_FRAME_BYTES - 8),
        .second = (uint32_t)XXH3_64bits(at + DISSECT_FRAME_BYTES, length) ^
                  (uint32_t)XXH3_64bits(at + 12, DISSECT_FRAME_BYTES - 12) ^ frame_seed,
    };
}

bool dissect_frame(const struct dissection *segment, const uint8_t *bytes, size_t size, uint64_t offset,
                   struct dissected_frame *frame)
{
    const uint8_t *at = bytes + offset;
    struct checks checks;

    if (offset + DISSECT_FRAME_BYTES > size || block_end(segment, offset) - offset < DISSECT_FRAME_BYTES)
        return false;
    *frame = (struct dissected_frame){ .offset = offset,
                                       .length = (uint16_t)(at[12] | at[13] << 8),
                                       .type = at[14],
                                       .flags = at[15],
                                       .durable = (uint64_t)dissect_load32(at + 20) * 4,
                                       .sequence = dissect_load32(at + 24) };
    frame->end = frame_end(segment, offset, frame->length);
    if (frame->type == 0 || offset + DISSECT_FRAME_BYTES + frame->length > block_end(segment, offset) ||
        frame->end > size || dissect_load32(at + 16) != offset / 4)
        return false;
    checks = work_out(segment, bytes, offset, frame->end);
    return dissect_load32(at) == checks.payload && dissect_load32(at + 4) == checks.header &&
           dissect_load32(at + 8) == checks.second;
}

void dissect_seal_frame(const struct dissection *segment, uint8_t *bytes, uint64_t offset)
{
    uint8_t *at = bytes + offset;
    uint64_t end = frame_end(segment, offset, (uint16_t)(at[12] | at[13] << 8));

    dissect_store32(at + 8, work_out(segment, bytes, offset, end).second);
    dissect_store32(at + 4, work_out(segment, bytes, offset, end).header);
    dissect_store32(at, work_out(segment, bytes, offset, end).payload);
}

uint64_t dissect_put_frame(const struct dissection *segment, uint8_t *bytes,
                           const struct dissected_frame *frame, const void *payload)
{
    uint8_t *at = bytes + frame->offset;
    uint64_t end = frame_end(segment, frame->offset, frame->length);

    memset(at, 0, (size_t)(end - frame->offset));
    at[12] = (uint8_t)frame->length;
    at[13] = (uint8_t)(frame->length >> 8);
    at[14] = frame->type;
    at[15] = frame->flags;
    dissect_store32(at + 16, (uint32_t)(frame->offset / 4));
    dissect_store32(at + 20, (uint32_t)(frame->durable / 4));
    dissect_store32(at + 24, frame->sequence);
    if (frame->length > 0)
        memcpy(at + DISSECT_FRAME_BYTES, payload, frame->length);
    dissect_seal_frame(segment, bytes, frame->offset);
    return end;
}

/* The whole. */

static void take_link(struct dissection *found, const uint8_t *payload)
{
    uint8_t nonce[4];

    found->base_lsn = dissect_load64(payload);
    found->predecessor = dissect_load64(payload + 8);
    found->predecessor_end = dissect_load64(payload + 16);
    found->carried_end = dissect_load64(payload + 24);
    found->low_water_lsn = dissect_load64(payload + 32);
    found->epoch = dissect_load64(payload + 40);
    found->nonce = dissect_load32(payload + 48);
    memcpy(nonce, payload + 48, sizeof nonce);
    found->base_seed = crc(found->segment_seed, nonce, sizeof nonce);
}

void dissect(struct dissection *found, const uint8_t *bytes, size_t size)
{
    struct dissected_frame frame;
    uint64_t at;

    memset(found, 0, offsetof(struct dissection, frames));
    found->frame_count = 0;
    found->end = 0;
    if (!dissect_header(found, bytes, size))
        return;
    at = skip_header(found, header_bytes(found));
    found->end = at;
    if (!dissect_frame(found, bytes, size, at, &frame) || frame.type != DISSECT_LINK || frame.length != LINK_BYTES)
        return;
    found->linked = true;
    take_link(found, bytes + at + DISSECT_FRAME_BYTES);
    do {
        found->frames[found->frame_count++] = frame;
        found->end = frame.end;
        at = skip_header(found, frame.end);
    } while (found->frame_count < DISSECT_FRAMES_MAX && dissect_frame(found, bytes, size, at, &frame));
}
