/* The numbered promises that runs check, and how often each was checked. */
#ifndef KAYA_SCENARIOS_PROMISE_H
#define KAYA_SCENARIOS_PROMISE_H

#include <stdint.h>

/* X(name, text). P1 to P12 are the log's promises; F9 and F10 are the two properties of its format that a history shows. */
#define KAYA_PROMISE_LIST(X)                                                                                 \
    X(P1, "what comes back is a prefix of what was appended: same bytes, same order, nothing invented")      \
    X(P2, "strict records survive any crash, relaxed ones a process crash")                                  \
    X(P3, "what one recovery returned, every later one returns")                                             \
    X(P4, "a plain crash is never refused and needs no person")                                              \
    X(P5, "damage to claimed bytes is refused, never a silent loss")                                         \
    X(P6, "after a failed sync or write nothing more is acknowledged")                                       \
    X(P7, "after a good recovery appends and syncs succeed within a bounded number of I/Os")                 \
    X(P8, "recovery's I/O, memory, and the disk's use are bounded")                                          \
    X(P9, "a full disk harms nothing acknowledged")                                                          \
    X(P10, "one writer; readers beside it change nothing and see no damage")                                 \
    X(P11, "a batch comes back whole or not at all")                                                         \
    X(P12, "any bytes at all: bounded, and a clear verdict")                                                 \
    X(F9, "numbers are dense, and never used twice within an epoch")                                         \
    X(F10, "what was trimmed stays away")

enum kaya_promise {
#define KAYA_PROMISE_ENUM(name, text) KAYA_PROMISE_##name,
    KAYA_PROMISE_LIST(KAYA_PROMISE_ENUM)
#undef KAYA_PROMISE_ENUM
        KAYA_PROMISES
};

const char *kaya_promise_name(enum kaya_promise promise); /* "P1"; "?" for a value that is none */
const char *kaya_promise_text(enum kaya_promise promise);

/* How many times each promise was put to the test. */
struct kaya_promise_counts {
    uint64_t checked[KAYA_PROMISES];
};

#endif
