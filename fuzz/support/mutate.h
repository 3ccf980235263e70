/* One mutator for all targets, and what it asks of a target. libfuzzer.c and afl.c hang it on the engines. */
#ifndef FUZZ_SUPPORT_MUTATE_H
#define FUZZ_SUPPORT_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "draws.h"

enum { FUZZ_PIECES_MAX = 4096 };

/* What mending may put right besides checks: places, counts, names of neighbours; the zeros behind a payload. */
enum { FUZZ_MEND_FIELDS = 1, FUZZ_MEND_PADDING = 2, FUZZ_MEND_ALL = FUZZ_MEND_FIELDS | FUZZ_MEND_PADDING };

/* What a target's inputs are made of. Each target defines `fuzz_target`; what is NULL it does without. */
struct fuzz_target {
    /* Where the pieces of an input end (calls, frames, files, decisions): places in it, ascending, at most FUZZ_PIECES_MAX. What
     * stands before the first end stays where it is. Returns how many. */
    size_t (*pieces)(const uint8_t *data, size_t size, size_t *ends);
    /* Put right what a mutation broke, in place: checks; and `parts` of what they are not asked for. */
    void (*mend)(uint8_t *data, size_t size, unsigned parts);
    /* Say something else in one field of one piece, in place; checks are put right behind it. With `mend` alone. */
    void (*bend)(uint8_t *data, size_t size, struct fuzz_draws *draws);
    /* Where any bytes are good ones: begin an input of a kind that `seed` draws, in the room of `size_max`, for the mutator to go on
     * with. Its size. */
    size_t (*begin)(uint8_t *data, size_t size_max, uint64_t seed);
    /* Where the target knows what an input means, and can write down what should be tried instead: change an input in place, whose
     * room is `size_max`, or make a new one there; put one together from two. Its size. Both or none, and asked only where there
     * is room for FUZZ_REMADE_BYTES_MIN. */
    size_t (*remake)(uint8_t *data, size_t size, size_t size_max, struct fuzz_draws *draws);
    size_t (*join)(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
                   size_t out_max, struct fuzz_draws *draws);
};
enum { FUZZ_REMADE_BYTES_MIN = 128 };
extern const struct fuzz_target fuzz_target;

/* The engine's own mutation: libFuzzer's, or what havoc.c has for those without. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* Change an input in place, whose room is `size_max`; a function of the input and `seed`, but for what the engine does. Its new size. */
size_t fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed);

/* Put an input together from the pieces of two. Its size, at most `out_max`. */
size_t fuzz_cross_over(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size,
                       uint8_t *out, size_t out_max, uint64_t seed);

#endif
