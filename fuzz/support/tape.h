/* Whole runs as lists of decisions: changed as such, and written as inputs of ../run.c. */
#ifndef FUZZ_SUPPORT_TAPE_H
#define FUZZ_SUPPORT_TAPE_H

#include "draws.h"
#include "kaya/sim/shrink.h"

/* Bytes that a decision takes in an input. */
size_t fuzz_width_of(const struct kaya_decision *decision);

/* The decisions in the bytes from which they would be read, as many as there is room for and the run asked before it ended. Their size. */
size_t fuzz_put_decisions(const struct kaya_decision *decisions, size_t count, uint8_t *bytes, size_t size_max);

/* What was recorded of a run, without what says where it ended. True: its answers had ended before it did. Or the program ends: no memory. */
bool fuzz_tape_take(struct kaya_tape *tape, const struct kaya_decision *decisions, size_t count);

/* Change a run; with parts of another one, which may be the same tape. What comes of it is a list to bend: it need not fit. */
void fuzz_tape_change(struct kaya_tape *tape, struct fuzz_draws *draws);
void fuzz_tape_join(struct kaya_tape *tape, const struct kaya_tape *other, struct fuzz_draws *draws);

#endif
