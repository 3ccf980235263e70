/* A disk that is two arrays, and a log that is bytes behind each other.
 *
 *     cached    what reads would show         append: check, number, length, payload
 *     durable   what a power loss leaves      sync: copy what came since the last one
 *
 * A power loss decides each 512 byte sector of what was not synced: lost, torn at any byte, or kept. Recovery follows the frames up to the
 * first that fails its check, and compares each with what was appended. No files, no names, no segments, no faults of any other kind, no
 * record of what happened, nothing that could be replayed or that outlives a cycle. */
#include "naive_disk.h"

#include <isa-l/crc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORDS = 25,
    PAYLOAD_BYTES = 100,
    SECTOR_BYTES = 512,
    STRICT_ONE_IN = 4,
    FATES = 4, /* of a sector: lost, torn, and twice kept */
};

struct frame {
    uint32_t check; /* over all that follows */
    uint32_t number;
    uint32_t length;
    unsigned char payload[PAYLOAD_BYTES];
};
_Static_assert(sizeof(struct frame) == 3 * sizeof(uint32_t) + PAYLOAD_BYTES, "frames have no padding");

enum { DISK_BYTES = 8192 }; /* as long as a segment of the scenario */
_Static_assert(RECORDS * sizeof(struct frame) <= DISK_BYTES, "the log fits the disk");

union bytes {
    unsigned char bytes[DISK_BYTES];
    struct frame frames[RECORDS];
};

struct naive_disk {
    union bytes cached, durable;
    size_t written, synced; /* up to here */
    uint64_t dice;
};

static inline uint64_t draw(struct naive_disk *disk, uint64_t count)
{
    disk->dice ^= disk->dice << 13;
    disk->dice ^= disk->dice >> 7;
    disk->dice ^= disk->dice << 17;
    return disk->dice % count;
}

static uint32_t check_of(const struct frame *frame)
{
    const size_t skipped = offsetof(struct frame, number);

    return ~crc32_iscsi((unsigned char *)(uintptr_t)frame + skipped, (int)(sizeof *frame - skipped), ~0U);
}

static void make(struct frame *frame, uint32_t number)
{
    frame->number = number;
    frame->length = PAYLOAD_BYTES;
    memset(frame->payload, (int)(number & 0xff), PAYLOAD_BYTES);
    frame->check = check_of(frame);
}

static void append(struct naive_disk *disk, uint32_t number)
{
    make(&disk->cached.frames[number], number);
    disk->written += sizeof(struct frame);
}

static void sync_all(struct naive_disk *disk)
{
    memcpy(disk->durable.bytes + disk->synced, disk->cached.bytes + disk->synced, disk->written - disk->synced);
    disk->synced = disk->written;
}

static void lose_power(struct naive_disk *disk)
{
    for (size_t at = disk->synced, end; at < disk->written; at = end) {
        uint64_t fate = draw(disk, FATES);
        size_t kept;

        end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        if (end > disk->written)
            end = disk->written;
        kept = fate == 0 ? 0 : fate == 1 ? (size_t)draw(disk, end - at + 1) : end - at;
        memcpy(disk->durable.bytes + at, disk->cached.bytes + at, kept);
    }
}

static uint32_t recover(const struct naive_disk *disk)
{
    uint32_t found = 0;

    for (struct frame wanted; found < RECORDS; found++) {
        const struct frame *frame = &disk->durable.frames[found];

        if (frame->check != check_of(frame))
            break;
        make(&wanted, found);
        if (memcmp(frame, &wanted, sizeof wanted) != 0)
            abort();
    }
    return found;
}

static uint32_t cycle(struct naive_disk *disk)
{
    uint32_t acknowledged = 0;
    uint32_t found;

    memset(&disk->cached, 0, sizeof disk->cached);
    memset(&disk->durable, 0, sizeof disk->durable);
    disk->written = 0;
    disk->synced = 0;
    for (uint32_t number = 0; number < RECORDS; number++) {
        append(disk, number);
        if (draw(disk, STRICT_ONE_IN) == 0) {
            sync_all(disk);
            acknowledged = number + 1;
        }
    }
    lose_power(disk);
    found = recover(disk);
    if (found < acknowledged)
        abort();
    return found;
}

uint64_t naive_cycles(uint64_t cycles)
{
    static struct naive_disk disk;
    uint64_t found = 0;

    disk.dice = UINT64_C(0x9e3779b97f4a7c15);
    for (uint64_t i = 0; i < cycles; i++)
        found += cycle(&disk);
    return found;
}
