/* Threads of a simulated machine: fibers, of which one runs at a time. Which one goes on is decided at each point where real threads
 * could change places (a lock, a wait, a wake, a published number, a call of the disk), by the decision stream (SCHEDULE).
 *
 * How the points are decided is drawn for each gathering of fibers:
 *   none      only who has to wait gives way
 *   random    at each point anybody may go on, the same one with answer 0
 *   priority  fibers have priorities, the highest that can runs, and at a few points, drawn in advance, the running one falls to the lowest:
 *             finds a bug of few ordering constraints with a probability that can be stated (Burckhardt et al., ASPLOS 2010, "PCT")
 *
 * Or they are enumerated (kaya_fibers_enumerate): behind an odometer, every schedule that takes the word from a fiber that could have gone on
 * at most so many times comes once. Most bugs need one or two such times (Musuvathi and Qadeer, PLDI 2007, "context bound").
 *
 * Time is virtual: it passes only while all wait. */
#ifndef KAYA_SIM_FIBER_H
#define KAYA_SIM_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/status.h"
#include "kaya/sim/choices.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KAYA_FIBERS_MAX = 16, KAYA_DEADLOCK_TEXT_MAX = 480 };

/* So much later than its time may a wait notice that it is over, in nanoseconds. */
enum { KAYA_LATE_MAX_NS = 10000000 };

enum kaya_schedule { KAYA_SCHEDULE_NONE, KAYA_SCHEDULE_RANDOM, KAYA_SCHEDULE_PRIORITY, KAYA_SCHEDULES };

struct kaya_fiber_body {
    const char *name; /* static memory: the waiting graph names it */
    void (*run)(void *user);
    void *user;
};

struct kaya_fibers;
struct kaya_fibers *kaya_fibers_create(void);         /* NULL: no memory */
void kaya_fibers_destroy(struct kaya_fibers *fibers); /* takes NULL; none is running */

/* Run all bodies until every one has returned. `choices` is borrowed. At most KAYA_FIBERS_MAX.
 *   KAYA_OK
 *   KAYA_BUSY       a deadlock: all that are left wait for each other, or for a wake that nobody will give. `deadlock` says who waits for what.
 *                   What they hold is as lost as a crashed boot's
 *   KAYA_NO_MEMORY  no stack for one; nothing was run */
KAYA_MUST_CHECK enum kaya_status kaya_fibers_run(struct kaya_fibers *fibers, struct kaya_choices *choices,
                                                 const struct kaya_fiber_body *bodies, size_t count,
                                                 char deadlock[KAYA_DEADLOCK_TEXT_MAX]);

/* From now on nothing is drawn for a gathering, and nobody is preempted or woken for no reason more than so many times in each. */
void kaya_fibers_enumerate(struct kaya_fibers *fibers, uint32_t preemptions_max);

/* For what stands behind the seams. Outside of kaya_fibers_run there is one thread: points do nothing. */
bool kaya_fibers_are_running(const struct kaya_fibers *fibers);
size_t kaya_fibers_current(const struct kaya_fibers *fibers);
void kaya_fibers_point(struct kaya_fibers *fibers);
void kaya_fibers_doing(struct kaya_fibers *fibers, const char *what); /* static memory, for the waiting graph */
/* Sleep until `object` is woken, or until the time: true; false. `why` is static memory, for the waiting graph; `holder`: who has it, or
 * KAYA_FIBERS_MAX. KAYA_WAIT_FOREVER: no time. */
bool kaya_fibers_wait(struct kaya_fibers *fibers, const void *object, const char *why, size_t holder,
                      uint64_t until_ns);
void kaya_fibers_wake_one(struct kaya_fibers *fibers, const void *object); /* which one is drawn */
void kaya_fibers_wake_all(struct kaya_fibers *fibers, const void *object);

/* Does a wait that begins wake at once, for no reason? */
bool kaya_fibers_wake_idly(struct kaya_fibers *fibers);

/* The machine's time, which starts at 0. */
uint64_t kaya_fibers_now_ns(const struct kaya_fibers *fibers);
void kaya_fibers_pass_time(struct kaya_fibers *fibers, uint64_t nanoseconds); /* nobody else is there */
void kaya_fibers_reset(struct kaya_fibers *fibers); /* another boot: time is 0 again */

#ifdef __cplusplus
}
#endif

#endif
