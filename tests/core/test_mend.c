/* Goal: one flipped bit anywhere in a frame is put right, and nothing else ever is. Method: every single flip and every pair
 * of flips of small frames, samples of large ones, tears between two frames, frames of another generation, and bytes that
 * end where a sanitizer sees the first one read beyond. */
#include "frames.h"

#include <criterion/new/assert.h>

#include "golden.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct shape GOLDEN_SHAPE = { .block_bytes = GOLDEN_BLOCK_BYTES, .segment_bytes = 1 << 30 };
static const struct frame_seeds GOLDEN_SEEDS = { .segment = GOLDEN_SEGMENT_SEED, .base = GOLDEN_BASE_SEED };

/* A frame's true bytes, a copy to break, and room for the mended one; each of just that size. */
struct bench {
    const struct shape *shape;
    const struct frame_seeds *seeds;
    uint64_t offset;
    uint32_t extent;
    uint8_t *original;
    uint8_t *broken;
    uint8_t *scratch;
    struct frame frame;
    uint64_t bit;
};

static struct bench bench_of(const struct shape *shape, const struct frame_seeds *seeds, const struct frame *frame)
{
    struct bench bench = { .shape = shape, .seeds = seeds, .offset = frame->offset_bytes };

    bench.extent = kaya_frame_extent(shape, frame->offset_bytes, frame->length);
    bench.original = malloc(bench.extent);
    bench.broken = malloc(bench.extent);
    bench.scratch = malloc(bench.extent);
    cr_assert(bench.original && bench.broken && bench.scratch);
    kaya_frame_encode(bench.original, shape, seeds, frame);
    memcpy(bench.broken, bench.original, bench.extent);
    return bench;
}

static void bench_release(struct bench *bench)
{
    free(bench->original);
    free(bench->broken);
    free(bench->scratch);
}

static bool mend(struct bench *bench)
{
    return kaya_frame_mend(bench->broken, bench->extent, bench->shape, bench->seeds, bench->offset,
                           bench->scratch, &bench->frame, &bench->bit);
}

static bool mends_flip(struct bench *bench, uint64_t bit)
{
    struct frame truth;
    bool good;

    flip(bench->broken, bit);
    memset(bench->scratch, 0xee, bench->extent);
    good = mend(bench) && bench->bit == bit && memcmp(bench->scratch, bench->original, bench->extent) == 0;
    kaya_frame_decode(bench->original, bench->extent, bench->shape, bench->seeds, bench->offset, &truth);
    good = good && same_fields(&bench->frame, &truth) && bench->frame.extent_bytes == bench->extent &&
           bench->frame.payload == bench->scratch + KAYA_FRAME_HEADER_BYTES;
    good = good && kaya_frame_decode(bench->broken, bench->extent, bench->shape, bench->seeds, bench->offset,
                                     &truth) != FRAME_FAULT_NONE;
    flip(bench->broken, bit);
    return good;
}

Test(mend, puts_right_every_single_flip_of_every_golden_frame)
{
    for (size_t i = 0; i < COUNT(GOLDEN_FRAMES); i++) {
        const struct golden_frame *golden = &GOLDEN_FRAMES[i];
        size_t length;
        uint8_t *payload = from_hex(golden->payload, &length);
        struct frame frame = {
            .type = golden->type,
            .flags = golden->flags,
            .length = (uint16_t)length,
            .offset_bytes = golden->offset_bytes,
            .durable_bytes = golden->durable_bytes,
            .sequence = golden->sequence,
            .payload = payload,
        };
        struct bench bench = bench_of(&GOLDEN_SHAPE, &GOLDEN_SEEDS, &frame);
        unsigned failures = 0;

        for (uint64_t bit = 0; bit < (uint64_t)bench.extent * 8; bit++)
            failures += !mends_flip(&bench, bit);
        cr_expect(eq(uint, failures, 0), "%s", golden->name);
        bench_release(&bench);
        free(payload);
    }
}

/* Each length with a different padding, to 4 bytes and to the block's end. */
Test(mend, puts_right_every_single_flip_at_every_padding)
{
    uint8_t payload[BLOCK_BYTES];

    fill(payload, sizeof payload, 1);
    for (uint16_t length = 400; length <= 484; length++) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        struct bench bench = bench_of(&SMALL, &SEEDS, &frame);
        unsigned failures = 0;

        for (uint64_t bit = 0; bit < (uint64_t)bench.extent * 8; bit++)
            failures += !mends_flip(&bench, bit);
        cr_expect(eq(uint, failures, 0), "length %u", length);
        bench_release(&bench);
    }
}

Test(mend, puts_right_flips_of_the_longest_frame)
{
    static uint8_t payload[65536];
    struct frame frame = a_frame(FRAME_FULL, UINT64_C(5) * 65536, 65508, payload);
    struct bench bench;
    uint64_t bits = 65536 * 8;

    fill(payload, sizeof payload, 2);
    bench = bench_of(&LARGE, &SEEDS, &frame);
    for (uint64_t bit = 0; bit < bits; bit += bit < 400 || bit >= bits - 80 ? 1 : 4001)
        cr_assert(mends_flip(&bench, bit < bits ? bit : bits - 1), "bit %ju", (uintmax_t)bit);
    bench_release(&bench);
}

Test(mend, puts_right_a_flip_where_more_bytes_follow)
{
    uint8_t bytes[2 * BLOCK_BYTES];
    uint8_t scratch[2 * BLOCK_BYTES];
    uint8_t payload[60];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct frame frame;
    uint64_t mended = 0;
    uint32_t extent;

    fill(bytes, sizeof bytes, 3);
    fill(payload, sizeof payload, 4);
    extent = kaya_frame_encode(bytes, &SMALL, &SEEDS, &written);
    for (uint64_t bit = 0; bit < (uint64_t)extent * 8; bit++) {
        flip(bytes, bit);
        cr_assert(kaya_frame_mend(bytes, sizeof bytes, &SMALL, &SEEDS, SOME_BLOCK, scratch, &frame, &mended));
        cr_assert(mended == bit);
        flip(bytes, bit);
    }
    for (uint64_t bit = (uint64_t)extent * 8; bit < sizeof bytes * 8; bit++) { /* flips behind it are not its own */
        flip(bytes, bit);
        cr_assert(
            not(kaya_frame_mend(bytes, sizeof bytes, &SMALL, &SEEDS, SOME_BLOCK, scratch, &frame, &mended)));
        flip(bytes, bit);
    }
}

Test(mend, refuses_what_needs_no_mending)
{
    uint8_t payload[60];
    struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct bench bench;

    fill(payload, sizeof payload, 5);
    bench = bench_of(&SMALL, &SEEDS, &frame);
    cr_expect(not(mend(&bench)));
    bench_release(&bench);
}

/* Two flips and the one that mending adds are three, and CRC32C sees any three. */
Test(mend, refuses_every_pair_of_flips_of_a_short_frame)
{
    uint8_t payload[12];
    unsigned mended = 0;

    fill(payload, sizeof payload, 6);
    for (uint16_t length = 0; length <= 12; length += 3) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        struct bench bench = bench_of(&SMALL, &SEEDS, &frame);
        uint64_t bits = (uint64_t)bench.extent * 8;

        for (uint64_t first = 0; first < bits; first++) {
            flip(bench.broken, first);
            for (uint64_t second = first + 1; second < bits; second++) {
                flip(bench.broken, second);
                mended += mend(&bench);
                flip(bench.broken, second);
            }
            flip(bench.broken, first);
        }
        bench_release(&bench);
    }
    cr_expect(eq(uint, mended, 0));
}

Test(mend, refuses_two_to_six_flips_of_a_long_frame)
{
    static uint8_t payload[65536];
    uint64_t state = 7;
    unsigned mended = 0;

    fill(payload, sizeof payload, 8);
    for (unsigned size = 0; size < 3; size++) {
        static const uint16_t lengths[] = { 200, 4000, 65500 };
        struct frame frame = a_frame(FRAME_FULL, UINT64_C(5) * 65536, lengths[size], payload);
        struct bench bench = bench_of(&LARGE, &SEEDS, &frame);

        for (unsigned round = 0; round < 8000U >> 3 * size; round++) {
            unsigned flips = 2 + round % 5;

            for (unsigned i = 0; i < flips; i++) {
                uint64_t range = i == 0 && round % 3 == 0 ? KAYA_FRAME_HEADER_BYTES : bench.extent;

                flip(bench.broken, draw(&state) % (range * 8));
            }
            if (memcmp(bench.broken, bench.original, bench.extent) != 0 && mend(&bench))
                mended += memcmp(bench.scratch, bench.original, bench.extent) != 0;
            memcpy(bench.broken, bench.original, bench.extent);
        }
        bench_release(&bench);
    }
    cr_expect(eq(uint, mended, 0));
}

static unsigned distance(const uint8_t *a, const uint8_t *b, size_t length)
{
    unsigned bits = 0;

    for (size_t i = 0; i < length; i++)
        bits += (unsigned)__builtin_popcount(a[i] ^ b[i]);
    return bits;
}

/* A torn frame: new bytes before the tear and older ones behind it, or the other way round, over zeros and over a frame of
 * an earlier life. It is mended exactly where it differs from the true one in one bit. */
Test(mend, takes_a_torn_frame_exactly_where_it_is_one_bit_off)
{
    static const struct frame_seeds earlier = { .segment = 0x1111, .base = 0x2222 };
    unsigned mended = 0;

    for (unsigned round = 0; round < 400; round++) {
        uint8_t payload[64];
        uint8_t old[128] = { 0 };
        struct frame frame;
        struct bench bench;

        fill(payload, sizeof payload, round);
        for (unsigned i = 0; i < sizeof payload; i++)
            payload[i] &= round % 4 < 2 ? 0x11 : 0xff; /* thin bytes make near misses */
        frame = a_frame(FRAME_FULL, SOME_BLOCK, (uint16_t)(20 + round % 40), payload);
        bench = bench_of(&SMALL, &SEEDS, &frame);
        if (round % 2 == 0) {
            payload[round % 20] ^= 4;
            kaya_frame_encode(old, &SMALL, &earlier, &frame);
        }
        for (uint32_t tear = 0; tear <= bench.extent; tear++) {
            for (unsigned side = 0; side < 2; side++) {
                unsigned off;

                memcpy(bench.broken, side == 0 ? bench.original : old, tear);
                memcpy(bench.broken + tear, (side == 0 ? old : bench.original) + tear, bench.extent - tear);
                off = distance(bench.broken, bench.original, bench.extent);
                cr_assert(mend(&bench) == (off == 1), "round %u tear %u side %u", round, tear, side);
                mended += off == 1;
            }
        }
        bench_release(&bench);
    }
    cr_expect(lt(uint, 100, mended));
}

/* The header holds under any nonce, and the payload is whole: only what is bound to the nonce can tell. */
Test(mend, refuses_a_frame_of_another_nonce_also_where_pcrc_is_one_bit_off)
{
    uint8_t payload[40];
    unsigned close_calls = 0;

    fill(payload, sizeof payload, 9);
    for (uint16_t length = 0; length <= sizeof payload; length++) {
        struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK, length, payload);
        struct bench bench = bench_of(&SMALL, &SEEDS, &frame);
        uint32_t pcrc = load32(bench.original);
        struct frame fields = frame;

        fields.extent_bytes = bench.extent;
        for (unsigned bit = 0; bit < 32; bit++) {
            /* The base seed under which pcrc would differ in this bit: a CRC is affine in its seed, so solve for it. */
            struct frame_seeds other = SEEDS;
            uint32_t rows[32];
            uint32_t combination[32];
            uint32_t wanted = UINT32_C(1) << bit;
            uint32_t seed = 0;

            for (unsigned i = 0; i < 32; i++) {
                other.base = SEEDS.base ^ UINT32_C(1) << i;
                rows[i] = kaya_frame_payload_check(bench.original, &other, &fields) ^ pcrc;
                combination[i] = UINT32_C(1) << i;
            }
            for (unsigned column = 0; column < 32; column++) {
                unsigned pivot = column;

                while (pivot < 32 && !(rows[pivot] >> column & 1))
                    pivot++;
                cr_assert(lt(uint, pivot, 32));
                uint32_t row = rows[pivot];
                uint32_t made_of = combination[pivot];

                rows[pivot] = rows[column];
                combination[pivot] = combination[column];
                rows[column] = row;
                combination[column] = made_of;
                for (unsigned i = 0; i < 32; i++) {
                    if (i != column && rows[i] >> column & 1) {
                        rows[i] ^= row;
                        combination[i] ^= made_of;
                    }
                }
            }
            for (unsigned column = 0; column < 32; column++)
                seed ^= wanted >> column & 1 ? combination[column] : 0;

            other.base = SEEDS.base ^ seed;
            close_calls += (kaya_frame_payload_check(bench.original, &other, &fields) ^ pcrc) == wanted;
            bench.seeds = &other;
            cr_assert(not(mend(&bench)), "length %u bit %u", length, bit);
        }
        bench_release(&bench);
    }
    cr_expect(eq(uint, close_calls, 41 * 32));
}

/* Both CRCs are remainders by one polynomial: what its multiples do to the header neither of them sees, and one flip away
 * from a multiple hcrc proposes the flip. Only the second check can refuse it. */
Test(mend, refuses_header_damage_that_no_crc_sees)
{
    enum { WATERMARK_AND_SEQUENCE = 20 };
    struct frame written = a_frame(FRAME_WATERMARK, (1 << 30) - BLOCK_BYTES, 0, NULL);
    struct bench bench = bench_of(&GOLDEN_SHAPE, &SEEDS, &written);
    uint64_t polynomial = 1 | (uint64_t)0x82f63b78 << 1; /* highest power first, as the bits go in */
    unsigned unseen = 0;

    for (uint32_t factor = 1; factor < 50000; factor++) {
        uint64_t multiple = 0;
        uint64_t damaged;

        for (unsigned bit = 0; bit < 31; bit++)
            multiple ^= factor >> bit & 1 ? polynomial << bit : 0;
        damaged = load64(bench.original + WATERMARK_AND_SEQUENCE) ^ multiple;
        if ((uint32_t)damaged > written.offset_bytes / 4) /* the field itself would give it away */
            continue;
        store64(bench.broken + WATERMARK_AND_SEQUENCE, damaged);
        unseen += kaya_frame_decode(bench.broken, bench.extent, &GOLDEN_SHAPE, &SEEDS, bench.offset,
                                    &bench.frame) == FRAME_FAULT_NONE &&
                  kaya_frame_header_check_holds(bench.broken, SEEDS.segment, bench.offset);
        for (unsigned bit = 0; bit < 64; bit++) {
            if (!(multiple >> bit & 1))
                continue;
            flip(bench.broken, WATERMARK_AND_SEQUENCE * 8 + bit);
            cr_assert(not(mend(&bench)), "factor %u bit %u", factor, bit);
            flip(bench.broken, WATERMARK_AND_SEQUENCE * 8 + bit);
        }
    }
    cr_expect(lt(uint, 100, unseen));
    bench_release(&bench);
}

/* Padding is under pcrc alone, but what it must be is known: damage of more than one bit there is not mended by chance. */
Test(mend, refuses_padding_that_would_not_be_zero)
{
    uint8_t payload[10];
    struct frame frame = a_frame(FRAME_FULL, SOME_BLOCK + 436, sizeof payload, payload);
    struct bench bench;
    struct frame fields = frame;

    fill(payload, sizeof payload, 10);
    bench = bench_of(&SMALL, &SEEDS, &frame);
    cr_assert(eq(u32, bench.extent, 76));
    fields.extent_bytes = bench.extent;
    for (unsigned bit = 39 * 8; bit < 76 * 8; bit++) {
        /* A frame that holds but for one bit, with a padding that no writer wrote. */
        memcpy(bench.broken, bench.original, bench.extent);
        bench.broken[38] = 1;
        store32(bench.broken, kaya_frame_payload_check(bench.broken, &SEEDS, &fields));
        flip(bench.broken, bit);
        cr_assert(not(mend(&bench)), "bit %u", bit);
    }
    bench_release(&bench);
}

Test(mend, refuses_what_is_cut_and_reads_nothing_beyond_the_cut)
{
    uint8_t payload[30];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    struct bench bench;
    struct frame frame;
    uint64_t bit = 0;

    fill(payload, sizeof payload, 11);
    bench = bench_of(&SMALL, &SEEDS, &written);
    for (uint64_t flipped = 0; flipped < (uint64_t)bench.extent * 8; flipped++) {
        flip(bench.broken, flipped);
        for (uint32_t available = 0; available < bench.extent; available++) {
            uint8_t *bytes = alone(bench.broken, available);
            uint8_t *scratch = malloc(available);

            cr_assert(not(kaya_frame_mend(bytes, available, &SMALL, &SEEDS, SOME_BLOCK, scratch, &frame, &bit)));
            free(bytes);
            free(scratch);
        }
        flip(bench.broken, flipped);
    }
    bench_release(&bench);
}

Test(mend, refuses_zeros_and_random_bytes)
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t scratch[BLOCK_BYTES];
    uint64_t state = 12;
    struct frame frame;
    uint64_t bit = 0;

    for (unsigned round = 0; round < 20000; round++) {
        struct frame_seeds seeds = { .segment = draw(&state), .base = draw(&state) };
        size_t available = draw(&state) % (BLOCK_BYTES + 1);
        uint64_t offset = SOME_BLOCK + BLOCK_BYTES - available / 4 * 4;
        uint8_t *bytes = alone(zeros, available);

        cr_assert(not(kaya_frame_mend(bytes, available, &SMALL, &seeds, offset, scratch, &frame, &bit)));
        fill(bytes, available, draw(&state));
        cr_assert(not(kaya_frame_mend(bytes, available, &SMALL, &seeds, offset, scratch, &frame, &bit)));
        if (available >= KAYA_FRAME_HEADER_BYTES) { /* a header that holds, over random bytes */
            bytes[13] &= 1;
            bytes[14] = FRAME_PAD;
            bytes[15] = 0;
            store32(bytes + 16, (uint32_t)(offset / 4));
            store32(bytes + 20, 0);
            store32(bytes + 4, kaya_frame_header_check(bytes, seeds.segment, offset));
            cr_assert(not(kaya_frame_mend(bytes, available, &SMALL, &seeds, offset, scratch, &frame, &bit)));
        }
        free(bytes);
    }
}

/* A flip that turns a plausible field into another one is found by hcrc alone; no field may come out implausible, however
 * well all checks hold. */
Test(mend, refuses_fields_that_no_writer_writes)
{
    uint8_t payload[20];
    struct frame written = a_frame(FRAME_FULL, SOME_BLOCK, sizeof payload, payload);
    static const struct {
        unsigned at;
        uint8_t value;
    } changes[] = { { 14, 0 }, { 14, 42 }, { 14, FRAME_LINK }, { 15, 6 }, { 16, 1 }, { 23, 0x80 } };

    fill(payload, sizeof payload, 13);
    for (size_t i = 0; i < COUNT(changes); i++) {
        struct bench bench = bench_of(&SMALL, &SEEDS, &written);

        bench.broken[changes[i].at] = changes[i].value;
        sign(bench.broken, &SMALL, &SEEDS, SOME_BLOCK);
        for (uint64_t bit = 0; bit < (uint64_t)bench.extent * 8; bit++) {
            flip(bench.broken, bit);
            cr_assert(not(mend(&bench)), "change %zu bit %ju", i, (uintmax_t)bit);
            flip(bench.broken, bit);
        }
        bench_release(&bench);
    }
}
