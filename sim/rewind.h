/* A function that can be gone on with from a place in its middle, as often as wanted: what it has on its stack is kept there and brought
 * back. What it has elsewhere its caller keeps. */
#ifndef KAYA_SIM_REWIND_H
#define KAYA_SIM_REWIND_H

#include <stdbool.h>
#include <stddef.h>

#include "kaya/sim/boot.h"

struct kaya_rewind;

/* NULL: no memory, or a build whose instrumentation watches the stack and would not know of it. */
struct kaya_rewind *kaya_rewind_create(void);
void kaya_rewind_destroy(struct kaya_rewind *rewind); /* takes NULL */

/* Run `body` on a stack of its own until it returns. */
void kaya_rewind_run(struct kaya_rewind *rewind, void (*body)(void *user), void *user);

/* In the body, which may go on from here later. Any place kept before is forgotten. */
void kaya_rewind_mark(struct kaya_rewind *rewind);

/* Go on from the mark, until the body returns. */
void kaya_rewind_resume(struct kaya_rewind *rewind);

/* ---- what a boot has besides its stack and its disk (memory.c, runtime.c) ---- */

/* As it stands. Brought back only into what was kept, between two resets of it. All zeros keeps nothing. */
struct kaya_kept_memory {
    unsigned char *bytes; /* owned */
    size_t size_bytes, capacity_bytes;
};
KAYA_MUST_CHECK enum kaya_status kaya_sim_memory_keep(const struct kaya_sim_memory *memory,
                                                      struct kaya_kept_memory *kept); /* or KAYA_NO_MEMORY */
void kaya_sim_memory_bring_back(struct kaya_sim_memory *memory, const struct kaya_kept_memory *kept);
void kaya_kept_memory_release(struct kaya_kept_memory *kept);

struct kaya_kept_runtime {
    struct kaya_kept_memory memory;
    uint64_t random_state, now_ns;
};
/* No threads are running. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_runtime_keep(const struct kaya_sim_runtime *runtime,
                                                       struct kaya_kept_runtime *kept); /* or KAYA_NO_MEMORY */
void kaya_sim_runtime_bring_back(struct kaya_sim_runtime *runtime, const struct kaya_kept_runtime *kept);

#endif
