/* Engines change bytes and know nothing else. Behind a checksum that finds little: nearly every change is a check that fails. And where
 * inputs are sequences (calls, frames, decisions), a byte too many shifts all that follows.
 *
 * So half of all mutations work on whole pieces, which the target can tell apart:
 *
 *      a b c d e          remove    a d e
 *                         repeat    a b c b c d e
 *                         move      a d b c e
 *                         fill      a 0 0 d e          0 is the tamest answer of a decision, and no frame
 *                         cross     a b | z            of another input x y z
 *
 * the others are the engine's. Engines hardly make an input longer, and stay with the kinds that they have. So where any bytes mean something
 * (decisions), one mutation in eight draws anew what stands behind a piece, or the whole input, of any kind. And where the target can say
 * what an input means (../run.c plays it), half of the mutations of one input, and a quarter of those of two, are its own: what takes many steps of one kind,
 * each of which depends on those before, no change of bytes reaches.
 *
 * Behind either the target puts its checks right: mostly all that can be told from the rest, sometimes only
 * the checks, so that a field is wrong under a check that holds (in every other input of that kind one that the target bends, and nothing else),
 * sometimes nothing. One mutation in four then flips a bit: damage
 * to what was good a moment ago, or good but for its padding.
 *
 * Where pieces stand may be dear to find out, and engines take the same inputs again and again: so it is remembered. */
#include "mutate.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Pieces `first` to `last` of an input: the bytes between two ends. */
struct range {
    size_t from, to;
};

/* Mostly one or a few, sometimes half of the input. */
static struct range draw_range(struct fuzz_draws *draws, const size_t *ends, size_t count)
{
    size_t first = (size_t)fuzz_draw(draws, count - 1);
    size_t most = fuzz_draw(draws, 8) == 0 ? count : 4;
    size_t last = first + 1 + (size_t)fuzz_draw(draws, most);

    return (struct range){ ends[first], ends[last < count ? last : count - 1] };
}

static size_t remove_range(uint8_t *data, size_t size, struct range range)
{
    memmove(data + range.from, data + range.to, size - range.to);
    return size - (range.to - range.from);
}

static size_t insert(uint8_t *data, size_t size, size_t size_max, size_t at, const uint8_t *bytes, size_t length)
{
    if (length > size_max - size)
        return size;
    memmove(data + at + length, data + at, size - at);
    memcpy(data + at, bytes, length);
    return size + length;
}

static size_t repeat(uint8_t *data, size_t size, size_t size_max, struct range range, size_t at)
{
    size_t length = range.to - range.from;
    uint8_t *copy = malloc(length + 1);

    if (copy == NULL)
        return size;
    memcpy(copy, data + range.from, length);
    size = insert(data, size, size_max, at, copy, length);
    free(copy);
    return size;
}

/* The bytes of the range change places with those between its end and `to`. */
static void move(uint8_t *data, struct range range, size_t to)
{
    size_t length = range.to - range.from;
    uint8_t *copy = malloc(length + 1);

    if (copy == NULL)
        return;
    memcpy(copy, data + range.from, length);
    memmove(data + range.from, data + range.to, to - range.to);
    memcpy(data + range.from + (to - range.to), copy, length);
    free(copy);
}

static void fill(uint8_t *data, struct range range, struct fuzz_draws *draws)
{
    uint64_t kind = fuzz_draw(draws, 4);

    for (size_t i = range.from; i < range.to; i++)
        data[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)fuzz_draw(draws, 256);
}

struct pieces {
    uint64_t hash; /* of the input */
    size_t count;
    size_t *ends; /* NULL: none is remembered here */
};

static const struct pieces *pieces_of(const uint8_t *data, size_t size)
{
    enum { INPUTS_REMEMBERED = 4096 };
    static struct pieces remembered[INPUTS_REMEMBERED];
    static size_t ends[FUZZ_PIECES_MAX];
    uint64_t hash = XXH3_64bits_withSeed(data, size, size);
    struct pieces *pieces = &remembered[hash % INPUTS_REMEMBERED];

    if (pieces->ends != NULL && pieces->hash == hash)
        return pieces;
    free(pieces->ends);
    pieces->hash = hash;
    pieces->count = fuzz_target.pieces(data, size, ends);
    pieces->ends = malloc((pieces->count + 1) * sizeof *ends);
    if (pieces->ends == NULL)
        abort();
    memcpy(pieces->ends, ends, pieces->count * sizeof *ends);
    return pieces;
}

static size_t change_pieces(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws)
{
    const struct pieces *pieces = pieces_of(data, size);
    const size_t *ends = pieces->ends;
    size_t count = pieces->count;
    struct range range;
    size_t other;

    if (count < 2)
        return LLVMFuzzerMutate(data, size, size_max);
    range = draw_range(draws, ends, count);
    other = ends[fuzz_draw(draws, count)];
    switch (fuzz_draw(draws, 5)) {
    case 0:
        return remove_range(data, size, range);
    case 1:
        return repeat(data, size, size_max, range, other);
    case 2:
        if (other > range.to)
            move(data, range, other);
        return size;
    case 3:
        return range.to; /* cut */
    default:
        fill(data, range, draws);
        return size;
    }
}

/* Mostly short: what follows from few decisions is soon seen. */
static size_t draw_on(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws)
{
    enum { SHORTEST_BYTES = 16, DOUBLINGS = 7 };
    size_t length = (size_t)SHORTEST_BYTES << fuzz_draw(draws, DOUBLINGS);

    for (; length > 0 && size < size_max; length--)
        data[size++] = (uint8_t)fuzz_draw(draws, 256);
    return size;
}

static size_t draw_anew(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws)
{
    const struct pieces *pieces;

    if (fuzz_draw(draws, 2) == 0) {
        size = fuzz_target.begin(data, size_max, fuzz_draw(draws, UINT64_MAX));
    } else {
        pieces = pieces_of(data, size);
        if (pieces->count > 0)
            size = pieces->ends[fuzz_draw(draws, pieces->count)];
    }
    return draw_on(data, size, size_max, draws);
}

enum { REMADE_ONE_IN = 2, JOINED_ONE_IN = 4 };

static bool is_remade(size_t size_max, uint64_t one_in, struct fuzz_draws *draws)
{
    return fuzz_target.remake != NULL && size_max >= FUZZ_REMADE_BYTES_MIN && fuzz_draw(draws, one_in) == 0;
}

static size_t change(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws)
{
    if (is_remade(size_max, REMADE_ONE_IN, draws))
        return fuzz_target.remake(data, size, size_max, draws);
    if (fuzz_target.begin != NULL && fuzz_draw(draws, 8) == 0)
        return draw_anew(data, size, size_max, draws);
    if (fuzz_target.pieces != NULL && fuzz_draw(draws, 2) == 0)
        return change_pieces(data, size, size_max, draws);
    return LLVMFuzzerMutate(data, size, size_max);
}

enum kind { LEAVE_BROKEN, CHECKS_ONLY, LEAVE_PADDING, MEND_THEN_FLIP, KINDS = 8 }; /* the others: mend all */

static unsigned parts_of(uint64_t kind)
{
    return kind == CHECKS_ONLY ? 0 : kind == LEAVE_PADDING ? FUZZ_MEND_FIELDS : FUZZ_MEND_ALL;
}

size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed)
{
    struct fuzz_draws draws = { seed };
    uint64_t kind;
    bool bends;

    kind = fuzz_draw(&draws, KINDS);
    bends = kind == CHECKS_ONLY && fuzz_target.bend != NULL && size > 0;
    if (!bends || fuzz_draw(&draws, 2) == 0)
        size = change(data, size, size_max, &draws);
    if (fuzz_target.mend == NULL || size == 0 || kind == LEAVE_BROKEN)
        return size;
    if (bends)
        fuzz_target.bend(data, size, &draws);
    fuzz_target.mend(data, size, parts_of(kind));
    if (kind == MEND_THEN_FLIP || kind == LEAVE_PADDING) {
        size_t at = (size_t)fuzz_draw(&draws, size);

        data[at] ^= (uint8_t)(1U << fuzz_draw(&draws, 8));
    }
    return size;
}

size_t fuzz_cross_over(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size,
                       uint8_t *out, size_t out_max, uint64_t seed)
{
    struct fuzz_draws draws = { seed };
    size_t cut = one_size;
    size_t from = other_size;
    const struct pieces *pieces;
    size_t count;

    if (is_remade(out_max, JOINED_ONE_IN, &draws))
        return fuzz_target.join(one, one_size, other, other_size, out, out_max, &draws);
    if (fuzz_target.pieces == NULL) {
        cut = (size_t)fuzz_draw(&draws, one_size + 1);
        from = (size_t)fuzz_draw(&draws, other_size + 1);
    } else {
        pieces = pieces_of(one, one_size);
        if (pieces->count > 0)
            cut = pieces->ends[fuzz_draw(&draws, pieces->count)];
        pieces = pieces_of(other, other_size);
        if (pieces->count > 0)
            from = pieces->ends[fuzz_draw(&draws, pieces->count)];
    }
    cut = cut < out_max ? cut : out_max;
    memcpy(out, one, cut);
    count = other_size - from < out_max - cut ? other_size - from : out_max - cut;
    memcpy(out + cut, other + from, count);
    if (fuzz_target.mend != NULL && cut + count > 0)
        fuzz_target.mend(out, cut + count, FUZZ_MEND_ALL);
    return cut + count;
}
