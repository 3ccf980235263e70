/* Any bytes at all as the one segment in use of a log (P12): everybody who looks comes to the same verdict, nothing is invented, and a log
 * that opens goes on. What is asked in full stands in support/judge.h.
 *
 *   input:   the file's bytes. It has the name of the number that a good header tells; else it is segment 1.
 *            Behind it stands an empty spare, without which a log with records is damaged
 *
 * The disk is one for dense logs, unless a good header tells that the segment is padded. Its pieces are frames; the mutator moves them
 * about and makes their checks hold there. */
#include "segment.h"
#include "support/frames.h"
#include "support/judge.h"
#include "support/mutate.h"
#include "support/target.h"

enum { SEGMENT_BYTES_MAX = 1 << 16, PAGE_BYTES = 4096 };

static unsigned disk_of(const struct fuzz_segment *segment)
{
    if (!segment->has_header || segment->header.shape.unit_bytes == 0)
        return 0;
    return segment->header.shape.unit_bytes < PAGE_BYTES ? 1 : 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[SEGMENT_NAME_BYTES];
    struct fuzz_segment segment;
    struct fuzz_world *world;
    uint64_t number;

    if (size == 0 || size > SEGMENT_BYTES_MAX)
        return 0;
    fuzz_segment_read(&segment, 0, data, size);
    number = segment.has_header ? segment.header.number : 1;
    world = fuzz_world_begin(disk_of(&segment));
    kaya_segment_name(name, number, SEGMENT_NAME_WAL);
    (void)image_disk_add(&world->image, name, data, size);
    kaya_segment_name(name, number + 1, SEGMENT_NAME_WAL);
    (void)image_disk_add(&world->image, name, "", 0);
    fuzz_judge(world);
    return 0;
}

static size_t pieces(const uint8_t *data, size_t size, size_t *ends)
{
    struct fuzz_segment segment;

    fuzz_segment_read(&segment, 0, data, size);
    return fuzz_segment_ends(&segment, ends, FUZZ_PIECES_MAX);
}

static void mend(uint8_t *data, size_t size, unsigned parts)
{
    fuzz_segment_mend(data, size, parts, NULL);
}

static void bend(uint8_t *data, size_t size, struct fuzz_draws *draws)
{
    fuzz_segment_bend(data, size, draws);
}

const struct fuzz_target fuzz_target = { .pieces = pieces, .mend = mend, .bend = bend };
