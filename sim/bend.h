/* Following a list of decisions that need not fit (bend.c). Private to sim/. */
#ifndef KAYA_SIM_BEND_H
#define KAYA_SIM_BEND_H

#include "kaya/sim/choices.h"

enum { KAYA_PARTS_DEEP_MAX = 9 }; /* the run itself is the outermost */

/* Where one part is read: items [next, end), a place for each stream, and one for the parts within. */
struct kaya_bend_level {
    size_t next[KAYA_STREAMS + 1];
    size_t end;
};

struct kaya_bend {
    const struct kaya_decision *decisions;
    size_t *ends; /* of each item that begins a part: where it ends */
    size_t capacity;
    size_t depth;
    struct kaya_bend_level levels[KAYA_PARTS_DEEP_MAX];
};

bool kaya_bend_start(struct kaya_bend *bend, const struct kaya_decision *decisions, size_t count); /* false: no memory */
void kaya_bend_release(struct kaya_bend *bend);
void kaya_bend_enter(struct kaya_bend *bend, const char *label);
void kaya_bend_leave(struct kaya_bend *bend);
uint64_t kaya_bend_answer(struct kaya_bend *bend, enum kaya_stream stream, const char *label, uint64_t count);

#endif
