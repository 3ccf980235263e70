/* What a boot has besides its disk: memory that a crash frees, and a runtime with one thread or many, virtual time and random bytes that
 * a seed fixes. */
#ifndef KAYA_SIM_BOOT_H
#define KAYA_SIM_BOOT_H

#include <stdbool.h>

#include "kaya/seam/allocator.h"
#include "kaya/seam/runtime.h"
#include "kaya/sim/choices.h"
#include "kaya/sim/disk.h"
#include "kaya/sim/fiber.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Memory: an arena that keeps its pages between boots. `reset` frees all that the boot had, leaked or not. */
struct kaya_sim_memory;
struct kaya_sim_memory *kaya_sim_memory_create(void);         /* NULL: no memory */
void kaya_sim_memory_destroy(struct kaya_sim_memory *memory); /* takes NULL */
void kaya_sim_memory_reset(struct kaya_sim_memory *memory);
struct kaya_allocator *kaya_sim_memory_allocator(struct kaya_sim_memory *memory);
/* Asked at each allocation: is there no memory? Stays over resets. NULL: nobody is asked. */
void kaya_sim_memory_on_allocate(struct kaya_sim_memory *memory, bool (*refuses)(void *user), void *user);
uint64_t kaya_sim_memory_in_use(const struct kaya_sim_memory *memory); /* bytes allocated and not released */
uint64_t kaya_sim_memory_peak(const struct kaya_sim_memory *memory);   /* since the last reset */

/* Runtime: a lock that is taken twice or never is a bug and traps; a wait that nobody can end returns false at its
 * timeout and traps without one. Random bytes come from `seed`, not from the choices: they name things and decide
 * nothing, and two runs of one seed must get the same. */
struct kaya_sim_runtime;
struct kaya_sim_runtime *kaya_sim_runtime_create(uint64_t seed);
void kaya_sim_runtime_destroy(struct kaya_sim_runtime *runtime);              /* takes NULL */
void kaya_sim_runtime_reset(struct kaya_sim_runtime *runtime, uint64_t seed); /* also forgets held locks: a crash */
struct kaya_runtime *kaya_sim_runtime_seam(struct kaya_sim_runtime *runtime);

/* Run `bodies` as the machine's threads until all have returned; calls of `disk` are points where another may go on. `seam` is a simulated
 * runtime's. As kaya_fibers_run. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_runtime_run(struct kaya_runtime *seam, struct kaya_sim_disk *disk,
                                                      struct kaya_choices *choices,
                                                      const struct kaya_fiber_body *bodies, size_t count,
                                                      char deadlock[KAYA_DEADLOCK_TEXT_MAX]);

/* The thread that runs is about to do `what` (static memory): where threads wait for each other for good, that is told of it. */
void kaya_sim_runtime_doing(struct kaya_runtime *seam, const char *what);

/* How long the thread that runs has waited for the disk since they were gathered, in nanoseconds. */
uint64_t kaya_sim_runtime_disk_ns(struct kaya_runtime *seam);

/* Which of the bodies runs; KAYA_FIBERS_MAX: none, nobody gathered. */
size_t kaya_sim_runtime_current(struct kaya_runtime *seam);

/* From now on schedules of threads are enumerated (fiber.h: kaya_fibers_enumerate), by whatever drives the choices of the runs. */
void kaya_sim_runtime_enumerate(struct kaya_sim_runtime *runtime, uint32_t preemptions_max);

/* Time passes for the thread that asks, or for the machine where there is no other; `user` is the struct kaya_sim_runtime. For
 * kaya_sim_disk_on_delay. */
void kaya_sim_runtime_delay(void *user, uint64_t nanoseconds);

#ifdef __cplusplus
}
#endif

#endif
