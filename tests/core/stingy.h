/* An allocator that refuses one allocation: the log gets its memory from another one, through this. */
#ifndef TESTS_CORE_STINGY_H
#define TESTS_CORE_STINGY_H

#include <stdint.h>

#include "kaya/seam/allocator.h"

struct stingy {
    struct kaya_allocator allocator; /* what the log is given */
    struct kaya_allocator *from;
    uint64_t fail_at; /* this one is refused, counted from 1; 0: none */
    uint64_t count;   /* so many were asked for */
};

struct stingy stingy_over(struct kaya_allocator *from);

#endif
