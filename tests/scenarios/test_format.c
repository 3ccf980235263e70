/* A segment read by the page (scenarios/format.c).
 *
 * Goal: what core/FORMAT.md calls valid is taken with every field, and nothing else is. Method: the golden vectors, which golden.py works out from the
 * page alone, as they are and with each bit flipped; and a segment made frame by frame, with one rule broken at a time. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/golden.h"
#include "scenarios/paged_log.h"

enum { SPACE_BYTES = 1 << 16 };

static size_t unhex(const char *text, uint8_t *bytes)
{
    size_t length = strlen(text) / 2;

    for (size_t i = 0; i < length; i++) {
        char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length;
}

static uint8_t space[SPACE_BYTES], other[SPACE_BYTES];
static const struct kaya_image_file space_file = { .bytes = space, .size_bytes = SPACE_BYTES };
static const struct kaya_image_file other_file = { .bytes = other, .size_bytes = SPACE_BYTES };

static struct kaya_format_segment golden_segment(const struct kaya_image_file *truth)
{
    return (struct kaya_format_segment){ .file = &space_file,
                                         .truth = truth,
                                         .number = GOLDEN_NUMBER,
                                         .state = KAYA_FORMAT_LINKED,
                                         .header_bytes = 512,
                                         .second_header = SPACE_BYTES,
                                         .first_frame = 512,
                                         .segment_bytes = SPACE_BYTES,
                                         .block_bytes = GOLDEN_BLOCK_BYTES,
                                         .segment_seed = GOLDEN_SEGMENT_SEED,
                                         .base_seed = GOLDEN_BASE_SEED };
}

static void expect_fields(const struct golden_frame *golden, const struct kaya_format_frame *frame)
{
    static uint8_t payload[SPACE_BYTES];
    size_t length = unhex(golden->payload, payload);

    cr_expect(all(eq(u64, frame->offset, golden->offset_bytes), eq(u64, frame->watermark, golden->durable_bytes),
                  eq(u32, frame->sequence, golden->sequence), eq(u8, frame->type, golden->type),
                  eq(u8, frame->flags, golden->flags), eq(u32, frame->length, (uint32_t)length)),
              "%s", golden->name);
    cr_expect(eq(u64, frame->end, golden->offset_bytes + strlen(golden->bytes) / 2), "%s", golden->name);
    cr_expect(memcmp(frame->payload, payload, length) == 0, "%s", golden->name);
}

/* Each bit: not valid, and mended where the undamaged file is known. Two bits: neither. */
static void expect_bits(const struct golden_frame *golden, size_t length)
{
    struct kaya_format_segment blind = golden_segment(NULL), knowing = golden_segment(&other_file);
    struct kaya_format_frame frame;

    memcpy(other, space, sizeof other);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        uint8_t *byte = &space[golden->offset_bytes + bit / 8];

        *byte ^= (uint8_t)(1 << bit % 8);
        cr_expect(not(kaya_format_frame(&blind, golden->offset_bytes, &frame)), "%s, bit %zu", golden->name, bit);
        cr_assert(kaya_format_frame(&knowing, golden->offset_bytes, &frame), "%s, bit %zu", golden->name, bit);
        cr_expect(frame.is_mended);
        expect_fields(golden, &frame);
        space[golden->offset_bytes + (bit / 8 + 5) % length] ^= 0x10;
        cr_expect(not(kaya_format_frame(&knowing, golden->offset_bytes, &frame)), "%s, bit %zu", golden->name,
                  bit);
        memcpy(space + golden->offset_bytes, other + golden->offset_bytes, length);
    }
}

Test(format, golden_frames_are_valid_where_they_belong_and_with_no_bit_flipped)
{
    unsigned count = 0;

    for (size_t i = 0; i < sizeof GOLDEN_FRAMES / sizeof GOLDEN_FRAMES[0]; i++) {
        const struct golden_frame *golden = &GOLDEN_FRAMES[i];
        struct kaya_format_segment segment = golden_segment(NULL);
        struct kaya_format_frame frame;
        size_t length;

        if (golden->offset_bytes + strlen(golden->bytes) / 2 > SPACE_BYTES)
            continue;
        memset(space, 0, sizeof space);
        length = unhex(golden->bytes, space + golden->offset_bytes);
        cr_assert(kaya_format_frame(&segment, golden->offset_bytes, &frame), "%s", golden->name);
        expect_fields(golden, &frame);
        cr_expect(not(frame.is_mended));
        cr_expect(kaya_format_header_check_holds(&segment, &frame));
        cr_expect(kaya_format_second_check_holds(&segment, &frame));
        cr_expect(kaya_format_stray(&segment, golden->offset_bytes, &frame));
        expect_bits(golden, length);
        segment.segment_seed ^= 1;
        segment.base_seed ^= 1;
        cr_expect(not(kaya_format_frame(&segment, golden->offset_bytes, &frame)), "%s, another life",
                  golden->name);
        cr_expect(not(kaya_format_stray(&segment, golden->offset_bytes, &frame)), "%s, another life",
                  golden->name);
        segment = golden_segment(NULL);
        memset(space, 0, sizeof space);
        unhex(golden->bytes, space + golden->offset_bytes + 4);
        cr_expect(not(kaya_format_frame(&segment, golden->offset_bytes + 4, &frame)), "%s, elsewhere",
                  golden->name);
        count++;
    }
    cr_expect(lt(u32, 7, count), "%u golden frames", count);
}

static void golden_file(struct kaya_image_file *file)
{
    memset(space, 0, sizeof space);
    unhex(GOLDEN_HEADERS[0].bytes, space);
    unhex(GOLDEN_HEADERS[0].bytes, space + 2048);
    unhex(GOLDEN_FRAMES[0].bytes, space + 512);
    *file = (struct kaya_image_file){ .bytes = space, .size_bytes = GOLDEN_HEADERS[0].segment_bytes };
}

Test(format, a_segment_opens_by_either_header_copy)
{
    static const uint64_t link[] = GOLDEN_LINK_FIELDS;
    struct kaya_format_segment segment;
    struct kaya_image_file file;

    for (int bad = 0; bad < 4; bad++) { /* bit 0: the first copy, bit 1: the second */
        golden_file(&file);
        space[8 + 40] ^= (uint8_t)(bad & 1);
        space[2048 + 40] ^= (uint8_t)(bad >> 1);
        cr_expect(eq(int, kaya_format_is_header(&file, 0), (bad & 1) == 0));
        cr_expect(eq(int, kaya_format_is_header(&file, 2048), bad >> 1 == 0));
        kaya_format_open(&segment, &file, NULL, GOLDEN_NUMBER);
        if (bad == 3) {
            cr_expect(eq(int, segment.state, KAYA_FORMAT_HEADERLESS));
            continue;
        }
        cr_assert(eq(int, segment.state, KAYA_FORMAT_LINKED));
        cr_expect(all(eq(u32, segment.block_bytes, 512), eq(u32, segment.unit_bytes, 0),
                      eq(u64, segment.segment_bytes, 4096), eq(u64, segment.header_bytes, 512),
                      eq(u64, segment.second_header, 2048), eq(u64, segment.first_frame, 512)));
        cr_expect(all(eq(u32, segment.segment_seed, GOLDEN_SEGMENT_SEED),
                      eq(u32, segment.base_seed, GOLDEN_BASE_SEED)));
        cr_expect(all(eq(u64, segment.link.base_lsn, link[0]), eq(u64, segment.link.predecessor, link[1]),
                      eq(u64, segment.link.predecessor_end, link[2]), eq(u64, segment.link.carried_end, link[3]),
                      eq(u64, segment.link.low_water_lsn, link[4]), eq(u64, segment.link.epoch, link[5]),
                      eq(u64, segment.link.nonce, link[6]), eq(u64, segment.link.chain, link[7])));
        cr_expect(memcmp(segment.log_id, space + (bad & 1 ? 2048 : 0) + 48, KAYA_FORMAT_ID_BYTES) == 0);
    }
}

Test(format, the_states_of_a_file)
{
    struct kaya_format_segment segment;
    struct kaya_image_file file;
    uint64_t link_end = 512 + KAYA_FORMAT_FRAME_BYTES + KAYA_FORMAT_LINK_BYTES;

    golden_file(&file);
    kaya_format_open(&segment, &file, NULL, GOLDEN_NUMBER + 1);
    cr_expect(eq(int, segment.state, KAYA_FORMAT_STRANGE));
    space[512 + 30] ^= 1;
    kaya_format_open(&segment, &file, NULL, GOLDEN_NUMBER);
    cr_expect(eq(int, segment.state, KAYA_FORMAT_LINKLESS));
    golden_file(&file);
    for (uint64_t size = 0; size <= 600; size++) { /* what is not there reads as zeros, of a header and of LINK */
        enum kaya_format_state state = size < 80         ? KAYA_FORMAT_HEADERLESS
                                       : size < link_end ? KAYA_FORMAT_LINKLESS
                                                         : KAYA_FORMAT_LINKED;
        uint8_t *alone = malloc(size + 1);

        memcpy(alone, space, size);
        file.bytes = alone;
        file.size_bytes = size;
        kaya_format_open(&segment, &file, NULL, GOLDEN_NUMBER);
        cr_expect(eq(int, segment.state, state), "%zu bytes", (size_t)size);
        free(alone);
    }
}

/* Where one header copy would stand on the first frame's place, that one stands behind it. */
Test(format, a_segment_of_large_units)
{
    struct kaya_format_segment segment;
    struct kaya_image_file file = { .bytes = space, .size_bytes = 512 };

    memset(space, 0, sizeof space);
    unhex(GOLDEN_HEADERS[1].bytes, space);
    kaya_format_open(&segment, &file, NULL, GOLDEN_HEADERS[1].number);
    cr_expect(eq(int, segment.state, KAYA_FORMAT_LINKLESS));
    cr_expect(all(eq(u64, segment.header_bytes, 65536), eq(u64, segment.second_header, 65536),
                  eq(u64, segment.first_frame, 131072), eq(u64, segment.segment_bytes, 0x40000000)));
    cr_expect(eq(u64, kaya_format_behind(&segment, 65536), 131072));
    cr_expect(eq(u64, kaya_format_behind(&segment, 131072), 131072));
}

Test(format, the_chain_goes_on_from_the_predecessor)
{
    struct kaya_format_segment segment = { .link = { .chain = 0x11223344 }, .base_seed = 0x55667788 };

    cr_expect(eq(u32, kaya_format_chain(&segment, 0x3f00), GOLDEN_CHAIN));
}

/* --- Entries --- */

static struct paged_log made;

/* LINK, a record, a batch of three, WATERMARK, a record in fragments over the second header, TRIM, PAD, CLOSE. */
static struct paged_segment *make_all(uint64_t places[12])
{
    static const uint8_t batch[] = { 2 * 8 + 1, 0, 0, 0, 'a', 'b', 0 * 8 + 2, 0, 0, 0, 1 * 8 + 4, 0, 0, 0, 'c' };
    static uint8_t part[484] = { [1] = 7 };
    struct paged_segment *segment;
    uint64_t total = 1800 - 8;
    uint64_t mark = 5;
    unsigned i = 1;

    paged_begin(&made);
    segment = paged_add(&made, 1);
    paged_link(segment, NULL, 1, 0, 1, 1);
    places[0] = 512;
    places[i++] = segment->at;
    paged_record(segment, 0);
    places[i++] = paged_put(segment, KAYA_FORMAT_FULL, KAYA_FORMAT_BATCH, 512, batch, sizeof batch, 3);
    places[i++] = paged_put(segment, KAYA_FORMAT_WATERMARK, 0, segment->at, NULL, 0, 0);
    places[i++] = paged_put(segment, KAYA_FORMAT_PAD, 0, 0, part + 8, (uint16_t)(1024 - segment->at - 28), 0);
    dissect_store64(part, total);
    places[i++] = paged_put(segment, KAYA_FORMAT_FIRST, 1, 0, part, 484, 0);
    places[i++] = paged_put(segment, KAYA_FORMAT_MIDDLE, 0, 0, part, 484, 0);
    places[i++] = paged_put(segment, KAYA_FORMAT_MIDDLE, 0, 0, part, 484, 0);
    places[i++] = paged_put(segment, KAYA_FORMAT_LAST, 0, 0, part, (uint16_t)(total - 476 - 2 * 484), 1);
    places[i++] = paged_put(segment, KAYA_FORMAT_TRIM, 0, 0, &mark, 8, 0);
    places[i] = segment->at;
    paged_close(segment);
    return segment;
}

static struct kaya_format_segment reopen(struct paged_segment *segment, struct kaya_format_walk *walk)
{
    struct kaya_format_segment opened;

    kaya_format_open(&opened, paged_file(&made, segment), NULL, 1);
    cr_assert(eq(int, opened.state, KAYA_FORMAT_LINKED));
    *walk = (struct kaya_format_walk){ .limit = UINT64_MAX };
    return opened;
}

Test(format, a_walk_takes_whole_records_and_counts_them)
{
    static const struct {
        unsigned place, last;
        uint32_t count, sequence_behind;
    } rows[] = { { 0, 0, 0, 0 }, { 1, 1, 1, 1 }, { 2, 2, 3, 4 }, { 3, 3, 0, 4 },
                 { 4, 4, 0, 4 }, { 5, 8, 1, 5 }, { 9, 9, 0, 5 }, { 10, 10, 0, 5 } };
    uint64_t places[12];
    struct paged_segment *segment = make_all(places);
    struct kaya_format_walk walk;
    struct kaya_format_segment opened = reopen(segment, &walk);
    struct kaya_format_entry entry;
    size_t i = 0;

    walk.segment = &opened;
    for (; kaya_format_next(&walk, &entry); i++) {
        cr_assert(lt(sz, i, sizeof rows / sizeof rows[0]));
        cr_expect(all(eq(u64, entry.first.offset, places[rows[i].place]),
                      eq(u64, entry.last.offset, places[rows[i].last]), eq(u32, entry.count, rows[i].count),
                      eq(u32, walk.sequence, rows[i].sequence_behind), eq(u64, walk.end, entry.last.end),
                      eq(int, entry.is_record, rows[i].count > 0)),
                  "entry %zu", i);
    }
    cr_expect(eq(sz, i, sizeof rows / sizeof rows[0]));
    cr_expect(all(eq(u64, walk.end, segment->at), eq(u64, walk.watermark, places[10])));
    cr_expect(all(eq(u64, walk.mended_count, 0), not(walk.is_broken)));
    walk = (struct kaya_format_walk){ .segment = &opened, .limit = places[7] };
    while (kaya_format_next(&walk, &entry))
        continue;
    cr_expect(all(eq(u64, walk.end, places[5]), walk.is_broken), "a limit inside a record");
}

/* One rule broken, with good checks; the valid prefix ends in front of it, with `ends` of the places above and so many records. */
Test(format, what_may_follow_what)
{
    static const struct {
        const char *what;
        unsigned place, field;
        uint8_t value;
        unsigned ends;
        uint32_t records;
        bool is_broken;
    } rows[] = {
        { "a type of nobody's", 1, 14, 77, 1, 0, false },
        { "type 0", 1, 14, 0, 1, 0, false },
        { "flags of a record", 1, 15, 0, 1, 0, false },
        { "flags of a record", 1, 15, 6, 1, 0, false },
        { "flags of another frame", 3, 15, 1, 3, 4, false },
        { "place", 1, 16, 3, 1, 0, false },
        { "a watermark behind its own place", 1, 21, 9, 1, 0, false },
        { "a record too many in front of it", 1, 24, 1, 1, 0, false },
        { "a record too few", 3, 24, 3, 3, 4, false },
        { "MIDDLE without FIRST", 5, 14, 3, 5, 4, false },
        { "LAST without FIRST", 5, 14, 4, 5, 4, false },
        { "LINK elsewhere", 1, 14, 8, 1, 0, false },
        { "a member of type 0", 2, 28, 16, 2, 1, true },
        { "a member of type 5", 2, 28, 21, 2, 1, true },
        { "a member that is too long", 2, 29, 1, 2, 1, true },
        { "members that do not fill it", 2, 28, 17 + 8, 2, 1, true },
        { "FIRST of more than the segment", 5, 30, 1, 5, 4, true },
        { "FIRST of what it holds itself", 5, 29, 1, 5, 4, true },
        { "MIDDLE that would complete it", 8, 14, 3, 5, 4, true },
        { "LAST too early", 6, 14, 4, 5, 4, true },
        { "a fragment of another record", 7, 24, 3, 5, 4, true },
        { "a record amid the fragments", 7, 14, 1, 5, 4, true },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t places[12];
        struct paged_segment *segment = make_all(places);
        struct kaya_format_walk walk;
        struct kaya_format_segment opened;
        struct kaya_format_entry entry;

        segment->bytes[places[rows[i].place] + rows[i].field] = rows[i].value;
        dissect_seal_frame(&segment->shape, segment->bytes, places[rows[i].place]);
        opened = reopen(segment, &walk);
        walk.segment = &opened;
        while (kaya_format_next(&walk, &entry))
            continue;
        cr_expect(all(eq(u64, kaya_format_behind(&opened, walk.end), places[rows[i].ends]),
                      eq(u32, walk.sequence, rows[i].records), eq(int, walk.is_broken, rows[i].is_broken)),
                  "%s", rows[i].what);
    }
}
