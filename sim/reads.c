/* Reads that give other bytes than those that stand there, or none. What stands there stays as it is.
 *
 * Each read of at least one byte, cached or past the cache, is a chance for each family:
 *
 *     read_error         KAYA_IO, for this read and up to FAILURES_MAX - 1 that touch the same range
 *     flip_in_transit    one bit of what was read
 *     stale_read         a sector as it was before it was last made durable
 *     misdirected_read   a sector holds what stands in another one, of this file or another
 *
 * Whoever reads again gets good bytes in the end: a range is struck in at most so many reads in a row (read_fault_repeats_max), by all
 * families together, and then a read of it is good. What was struck is kept as ranges of bytes with the number of reads in a row:
 *
 *     read [0, 100) struck        [0, 100) 1
 *     read [40, 60) struck        [0, 40) 1, [40, 60) 2, [60, 100) 1
 *     read [30, 60) good          [0, 30) 1, [60, 100) 1
 *
 * so a range counts as struck as a whole, whatever sector of it was. A boot starts without memory of that.
 *
 * The trace hears KAYA_TRACE_FAULT with the family's name, a = inode, b = offset, c = length in bytes, from the first byte that differs to the
 * last; of a read error the whole read, with status KAYA_IO; of a flip the byte, with the bit as `content`. */
#include "reads.h"

#include <string.h>

#include "fate.h"
#include "fault.h"
#include "media.h"

enum { FAILURES_MAX = 6 };

struct reading {
    struct kaya_sim_disk *disk;
    uint32_t file;
    uint64_t offset;
    const struct kaya_span *spans;
    uint64_t length;
};

static const struct kaya_inode *inode_of(const struct reading *reading)
{
    return reading->disk->files[reading->file].inode;
}

/* ---- how often in a row ---- */

static bool touches(const struct kaya_read_range *range, const struct reading *reading)
{
    return range->inode == inode_of(reading)->number && range->from < reading->offset + reading->length &&
           reading->offset < range->to;
}

/* The most that any part of the range has been through: hits and failures still to come. */
static struct kaya_read_range worst(const struct reading *reading)
{
    const struct kaya_reads *reads = &reading->disk->reads;
    struct kaya_read_range worst = { .inode = inode_of(reading)->number,
                                     .from = reading->offset,
                                     .to = reading->offset + reading->length };

    for (uint32_t index = 0; index < reads->count; index++) {
        const struct kaya_read_range *range = &reads->ranges[index];

        if (!touches(range, reading))
            continue;
        worst.hits = range->hits > worst.hits ? range->hits : worst.hits;
        worst.failures = range->failures > worst.failures ? range->failures : worst.failures;
    }
    return worst;
}

static void add_range(struct kaya_reads *reads, struct kaya_read_range range)
{
    if (range.from >= range.to)
        return;
    KAYA_ASSERT(reads->count < KAYA_READ_RANGES_MAX);
    reads->ranges[reads->count++] = range;
}

/* What was in it before counts no more. At most one range is cut in two; where there is no room for both parts it goes on counting, so
 * that nothing is ever struck too often. */
static void forget(const struct reading *reading)
{
    struct kaya_reads *reads = &reading->disk->reads;

    for (uint32_t index = reads->count; index-- > 0;) {
        struct kaya_read_range front = reads->ranges[index];
        struct kaya_read_range back = front;

        if (!touches(&front, reading))
            continue;
        if (reads->count == KAYA_READ_RANGES_MAX && front.from < reading->offset &&
            front.to > reading->offset + reading->length)
            continue;
        reads->ranges[index] = reads->ranges[--reads->count];
        front.to = reading->offset;
        back.from = reading->offset + reading->length;
        add_range(reads, front);
        add_range(reads, back);
    }
}

/* ---- what is changed ---- */

static void tell(const struct reading *reading, enum kaya_fault fault, enum kaya_status status, uint64_t from,
                 uint64_t length)
{
    kaya_fault_strike(reading->disk, fault);
    kaya_disk_trace(reading->disk, KAYA_TRACE_FAULT, status, inode_of(reading)->number,
                    reading->offset + from, length, kaya_fault_name(fault));
}

static uint8_t *byte_at(const struct reading *reading, uint64_t at)
{
    const struct kaya_span *span = reading->spans;

    while (at >= span->length)
        at -= (span++)->length;
    return (uint8_t *)span->bytes + at;
}

static bool flip(const struct reading *reading)
{
    struct kaya_sim_disk *disk = reading->disk;
    uint64_t bit = kaya_choose(disk->choices, KAYA_STREAM_FAULTS, reading->length * 8, "flipped_bit");
    const uint8_t mask = (uint8_t)(1u << bit % 8);

    *byte_at(reading, bit / 8) ^= mask;
    kaya_fault_strike(disk, KAYA_FAULT_FLIP_IN_TRANSIT);
    if (disk->trace != NULL)
        kaya_trace_add(disk->trace,
                       &(struct kaya_trace_event){ .kind = KAYA_TRACE_FAULT,
                                                   .a = inode_of(reading)->number,
                                                   .b = reading->offset + bit / 8,
                                                   .c = 1,
                                                   .text = kaya_fault_name(KAYA_FAULT_FLIP_IN_TRANSIT),
                                                   .content = &mask,
                                                   .content_length = 1 });
    return true;
}

/* The part of the sector that is read holds `block`'s bytes (NULL: zeros). False: as it did anyway. */
static bool replace(const struct reading *reading, enum kaya_fault fault, uint64_t sector,
                    const struct kaya_block *block)
{
    uint32_t sector_bytes = reading->disk->store.sector_bytes;
    uint64_t start = sector << reading->disk->store.sector_shift;
    uint64_t from = start > reading->offset ? start : reading->offset;
    uint64_t end = reading->offset + reading->length;
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;

    end = start + sector_bytes < end ? start + sector_bytes : end;
    for (uint64_t at = from; at < end; at++) {
        uint8_t *byte = byte_at(reading, at - reading->offset);
        uint8_t other = block ? block->bytes[at - start] : 0;

        if (*byte == other)
            continue;
        *byte = other;
        first = at < first ? at : first;
        last = at;
    }
    if (first == UINT64_MAX)
        return false;
    tell(reading, fault, KAYA_OK, first - reading->offset, last + 1 - first);
    return true;
}

static uint64_t first_sector(const struct reading *reading)
{
    return reading->offset >> reading->disk->store.sector_shift;
}

static uint64_t last_sector(const struct reading *reading)
{
    return (reading->offset + reading->length - 1) >> reading->disk->store.sector_shift;
}

static bool read_stale(const struct reading *reading)
{
    const struct kaya_history *history = &reading->disk->store.history;
    uint32_t candidates[KAYA_HISTORY_MAX];
    uint32_t count = 0;
    uint64_t answer;

    for (uint32_t index = 0; index < history->count; index++)
        if (history->entries[index].inode == inode_of(reading)->number &&
            history->entries[index].sector >= first_sector(reading) &&
            history->entries[index].sector <= last_sector(reading))
            candidates[count++] = index;
    if (count == 0)
        return false;
    answer = kaya_choose(reading->disk->choices, KAYA_STREAM_FAULTS, count, "stale_read_of");
    return replace(reading, KAYA_FAULT_STALE_READ, history->entries[candidates[answer]].sector,
                   history->entries[candidates[answer]].block);
}

static bool read_elsewhere(const struct reading *reading)
{
    struct kaya_sim_disk *disk = reading->disk;
    uint64_t meant = first_sector(reading);
    struct kaya_place place = { .file = reading->file };
    const struct kaya_inode *inode;

    meant +=
        kaya_choose(disk->choices, KAYA_STREAM_FAULTS, last_sector(reading) - meant + 1, "misdirected_read_of");
    if (!kaya_media_choose_anywhere(disk, &place))
        return false;
    kaya_fate_decide_bytes(disk, place.file, place.sector << disk->store.sector_shift, 1);
    inode = disk->files[place.file].inode;
    return replace(reading, KAYA_FAULT_MISDIRECTED_READ, meant,
                   place.sector < inode->sector_count ? inode->sectors[place.sector].newest : NULL);
}

/* ---- one read ---- */

/* The first of several errors, as far as the range may still be struck. */
static bool begin_errors(const struct reading *reading, struct kaya_read_range *range)
{
    uint32_t most = reading->disk->reads.repeats_max - range->hits;

    if (!kaya_fault_has_chance(reading->disk, KAYA_FAULT_READ_ERROR))
        return false;
    range->failures = 1 + (uint32_t)kaya_choose(reading->disk->choices, KAYA_STREAM_FAULTS,
                                                most < FAILURES_MAX ? most : FAILURES_MAX, "read_errors");
    return true;
}

static bool strike_bytes(const struct reading *reading)
{
    bool is_struck = false;

    if (kaya_fault_has_chance(reading->disk, KAYA_FAULT_STALE_READ))
        is_struck |= read_stale(reading);
    if (kaya_fault_has_chance(reading->disk, KAYA_FAULT_MISDIRECTED_READ))
        is_struck |= read_elsewhere(reading);
    if (kaya_fault_has_chance(reading->disk, KAYA_FAULT_FLIP_IN_TRANSIT))
        is_struck |= flip(reading);
    return is_struck;
}

enum kaya_status kaya_reads_strike(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                   const struct kaya_span *spans, uint64_t length)
{
    const struct reading reading = { disk, file, offset, spans, length };
    struct kaya_read_range range;
    enum kaya_status status = KAYA_OK;

    if (length == 0)
        return KAYA_OK;
    range = worst(&reading);
    forget(&reading);
    if (range.hits >= disk->reads.repeats_max || disk->reads.count + 2 > KAYA_READ_RANGES_MAX)
        return KAYA_OK;
    if (range.failures > 0 || begin_errors(&reading, &range)) {
        range.failures--;
        tell(&reading, KAYA_FAULT_READ_ERROR, KAYA_IO, 0, length);
        status = KAYA_IO;
    } else if (!strike_bytes(&reading)) {
        return KAYA_OK;
    }
    range.hits++;
    add_range(&disk->reads, range);
    return status;
}
