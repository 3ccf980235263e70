/* How long calls of a simulated disk take, in virtual time: a slow disk costs no real one. */
#ifndef KAYA_SIM_LATENCY_H
#define KAYA_SIM_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/sim/choices.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Calls that take time, by kind; closing, asking for a size and the lock take none. X(NAME, name, text) */
#define KAYA_LATENCY_LIST(X)                                                                                 \
    X(READ, read, "reads")                                                                                   \
    X(WRITE, write, "writes")                                                                                \
    X(SYNC, sync, "syncs of files and directories, durable writes")                                          \
    X(NAMES, names, "names and sizes: open, list, rename, remove, truncate, allocate")

enum kaya_latency_kind {
#define KAYA_LATENCY_ENUM(NAME, name, text) KAYA_LATENCY_##NAME,
    KAYA_LATENCY_LIST(KAYA_LATENCY_ENUM)
#undef KAYA_LATENCY_ENUM
        KAYA_LATENCIES
};

/* X(NAME, name, text) */
#define KAYA_LATENCY_SHAPE_LIST(X)                                                                           \
    X(UNIFORM, uniform, "anything from the one to the other; where they are equal, always that")             \
    X(LOG_NORMAL, log_normal, "one in forty below the one, one in forty above the other, with a long tail")

enum kaya_latency_shape {
#define KAYA_LATENCY_SHAPE_ENUM(NAME, name, text) KAYA_LATENCY_SHAPE_##NAME,
    KAYA_LATENCY_SHAPE_LIST(KAYA_LATENCY_SHAPE_ENUM)
#undef KAYA_LATENCY_SHAPE_ENUM
        KAYA_LATENCY_SHAPES
};

enum { KAYA_LATENCY_STALL_IN_MAX = 1000000 };
#define KAYA_LATENCY_NS_MAX UINT64_C(3600000000000) /* an hour */

/* All zeros: no time at all, and nothing is asked. */
struct kaya_latency {
    uint32_t shape;    /* enum kaya_latency_shape */
    uint32_t stall_in; /* one call in so many stalls: it takes `stall_ns`, whatever else was drawn; 0: none */
    uint64_t from_ns, to_ns;
    uint64_t stall_ns;
};

/* Within the bounds above; a log-normal one begins above 0; a stall takes time where there is one, and none where there is none. */
bool kaya_latency_is_valid(const struct kaya_latency *latency);
bool kaya_latency_is_none(const struct kaya_latency *latency);

/* How long one call takes (stream SCHEDULE). Answer 0 is the shortest. */
uint64_t kaya_latency_draw(const struct kaya_latency *latency, struct kaya_choices *choices);

#ifdef __cplusplus
}
#endif

#endif
