/* Fibers under a chosen schedule.
 *
 * Each has a stack of its own (ucontext); a switch saves one and resumes another, so between two points nothing else runs, and a run is the
 * same wherever it is played. The caller of kaya_fibers_run waits outside until none is left that can run.
 *
 * A fiber is ready, waits for an object (a mutex, a condition, nothing at all) perhaps until some time, or has ended. Where none is ready
 * the clock moves to the earliest of these times; where there is none, those that are left are in a deadlock.
 *
 * Stacks are kept for the next run. AddressSanitizer is told of each switch. */
#include "kaya/sim/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "kaya/seam/runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#define KAYA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KAYA_ASAN 1
#endif
#endif
#ifdef KAYA_ASAN
#include <sanitizer/common_interface_defs.h>
enum { STACK_BYTES = 1024 * 1024 }; /* frames are larger under it */
#else
enum { STACK_BYTES = 256 * 1024 };
#endif

/* One wait in so many wakes for no reason, as a wait may. */
enum { IDLE_WAKE_ODDS = 32 };

/* One time-out in so many is noticed only when the next thing happens, if that is not long. */
enum { LATE_ODDS = 3 };

/* Priority schedules: points at which the running fiber falls behind all others, and the count of points that they are drawn from. */
enum { FALLS_MAX = 3, POINTS_ASSUMED = 400 };

enum { FIBER_TEXT_MAX = 80 };

enum state { READY, WAITING, ENDED };

struct fiber {
    ucontext_t context;
    unsigned char *stack;
    struct kaya_fiber_body body;
    enum state state;
    const void *object; /* waited for */
    const char *why;
    const char *doing; /* NULL: it never said */
    size_t holder;
    uint64_t until_ns;
    bool was_woken;
    bool is_late;      /* its time is over, and it has not gone on yet */
    uint32_t priority; /* the highest runs */
    void *fake_stack;  /* AddressSanitizer's */
};

struct kaya_fibers {
    struct kaya_choices *choices;
    struct fiber fibers[KAYA_FIBERS_MAX];
    size_t count;
    size_t current; /* KAYA_FIBERS_MAX: nobody runs, the caller waits or there is none */
    ucontext_t caller;
    void *caller_fake_stack;
    const void *caller_stack; /* AddressSanitizer's */
    size_t caller_stack_bytes;
    enum kaya_schedule schedule;
    bool enumerates;
    uint32_t preemptions_max, preemptions_left; /* where schedules are enumerated */
    uint64_t point_count;
    uint64_t falls[FALLS_MAX];
    uint32_t lowest_priority;
    uint64_t now_ns;
};

struct kaya_fibers *kaya_fibers_create(void)
{
    struct kaya_fibers *fibers = calloc(1, sizeof *fibers);

    if (fibers != NULL)
        fibers->current = KAYA_FIBERS_MAX;
    return fibers;
}

void kaya_fibers_destroy(struct kaya_fibers *fibers)
{
    if (fibers == NULL)
        return;
    for (size_t i = 0; i < KAYA_FIBERS_MAX; i++)
        free(fibers->fibers[i].stack);
    free(fibers);
}

void kaya_fibers_reset(struct kaya_fibers *fibers)
{
    fibers->now_ns = 0;
}

void kaya_fibers_enumerate(struct kaya_fibers *fibers, uint32_t preemptions_max)
{
    fibers->enumerates = true;
    fibers->preemptions_max = preemptions_max;
}

bool kaya_fibers_are_running(const struct kaya_fibers *fibers)
{
    return fibers->current != KAYA_FIBERS_MAX;
}

size_t kaya_fibers_current(const struct kaya_fibers *fibers)
{
    return fibers->current;
}

void kaya_fibers_doing(struct kaya_fibers *fibers, const char *what)
{
    if (kaya_fibers_are_running(fibers))
        fibers->fibers[fibers->current].doing = what;
}

uint64_t kaya_fibers_now_ns(const struct kaya_fibers *fibers)
{
    return fibers->now_ns;
}

void kaya_fibers_pass_time(struct kaya_fibers *fibers, uint64_t nanoseconds)
{
    KAYA_ASSERT(nanoseconds <= UINT64_MAX - fibers->now_ns);
    fibers->now_ns += nanoseconds;
}

/* --- switching ------------------------------------------------------------------------------------------------------ */

static void about_to_switch(void **fake_stack, const void *stack, size_t bytes)
{
#ifdef KAYA_ASAN
    __sanitizer_start_switch_fiber(fake_stack, stack, bytes);
#else
    (void)fake_stack;
    (void)stack;
    (void)bytes;
#endif
}

static void have_switched(void *fake_stack, const void **from_stack, size_t *from_bytes)
{
#ifdef KAYA_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, from_stack, from_bytes);
#else
    (void)fake_stack;
    (void)from_stack;
    (void)from_bytes;
#endif
}

/* From the running fiber to another. An ended one does not come back. */
static void switch_to(struct kaya_fibers *fibers, size_t next)
{
    struct fiber *from = &fibers->fibers[fibers->current];
    struct fiber *to = &fibers->fibers[next];

    if (from == to)
        return;
    fibers->current = next;
    about_to_switch(from->state == ENDED ? NULL : &from->fake_stack, to->stack, STACK_BYTES);
    KAYA_ASSERT(swapcontext(&from->context, &to->context) == 0);
    have_switched(from->fake_stack, NULL, NULL);
}

static void return_to_caller(struct kaya_fibers *fibers)
{
    struct fiber *from = &fibers->fibers[fibers->current];

    fibers->current = KAYA_FIBERS_MAX;
    about_to_switch(from->state == ENDED ? NULL : &from->fake_stack, fibers->caller_stack,
                    fibers->caller_stack_bytes);
    KAYA_ASSERT(swapcontext(&from->context, &fibers->caller) == 0);
    have_switched(from->fake_stack, NULL, NULL);
}

/* --- who goes on ---------------------------------------------------------------------------------------------------- */

static size_t count_ready(const struct kaya_fibers *fibers)
{
    size_t count = 0;

    for (size_t i = 0; i < fibers->count; i++)
        count += fibers->fibers[i].state == READY;
    return count;
}

/* The index-th ready fiber, counted from the running one on. */
static size_t nth_ready(const struct kaya_fibers *fibers, uint64_t index)
{
    size_t at = fibers->current;

    for (;; at = (at + 1) % fibers->count)
        if (fibers->fibers[at].state == READY && index-- == 0)
            return at;
}

static size_t highest_ready(const struct kaya_fibers *fibers)
{
    size_t best = KAYA_FIBERS_MAX;

    for (size_t i = 0; i < fibers->count; i++)
        if (fibers->fibers[i].state == READY &&
            (best == KAYA_FIBERS_MAX || fibers->fibers[i].priority > fibers->fibers[best].priority))
            best = i;
    return best;
}

/* The earliest time behind `after` for which somebody waits; KAYA_WAIT_FOREVER: nobody does. *is_wait: for a wake, not for the disk. */
static uint64_t earliest_behind(const struct kaya_fibers *fibers, uint64_t after_ns, bool *is_wait)
{
    uint64_t earliest = KAYA_WAIT_FOREVER;

    *is_wait = false;
    for (size_t i = 0; i < fibers->count; i++) {
        const struct fiber *fiber = &fibers->fibers[i];

        if (fiber->state != WAITING || fiber->until_ns < after_ns || fiber->until_ns >= earliest)
            continue;
        earliest = fiber->until_ns;
        *is_wait = fiber->object != NULL;
    }
    return earliest;
}

/* Nobody is ready: the clock moves on to whoever waits for it. Who waits for a wake may come a little late, at the next such time: else nobody
 * would ever be there when its time is over. False: nobody waits for the clock. */
static bool let_time_pass(struct kaya_fibers *fibers)
{
    bool is_wait, is_next_wait;
    uint64_t earliest = earliest_behind(fibers, 0, &is_wait);
    uint64_t next;

    if (earliest == KAYA_WAIT_FOREVER)
        return false;
    next = is_wait && !fibers->enumerates ? earliest_behind(fibers, earliest + 1, &is_next_wait)
                                          : KAYA_WAIT_FOREVER;
    if (next != KAYA_WAIT_FOREVER && next - earliest <= KAYA_LATE_MAX_NS &&
        kaya_chance(fibers->choices, KAYA_STREAM_SCHEDULE, 1, LATE_ODDS, "late"))
        earliest = next;
    if (earliest > fibers->now_ns)
        fibers->now_ns = earliest;
    for (size_t i = 0; i < fibers->count; i++)
        if (fibers->fibers[i].state == WAITING && fibers->fibers[i].until_ns <= fibers->now_ns) {
            fibers->fibers[i].state = READY;
            fibers->fibers[i].is_late = true;
        }
    return true;
}

/* The running one cannot go on, or need not. KAYA_FIBERS_MAX: nobody can. */
static size_t next_fiber(struct kaya_fibers *fibers)
{
    size_t ready = count_ready(fibers);

    while (ready == 0) {
        if (!let_time_pass(fibers))
            return KAYA_FIBERS_MAX;
        ready = count_ready(fibers);
    }
    if (fibers->schedule == KAYA_SCHEDULE_PRIORITY)
        return highest_ready(fibers);
    if (ready == 1 || (fibers->schedule == KAYA_SCHEDULE_NONE && !fibers->enumerates))
        return nth_ready(fibers, 0);
    return nth_ready(fibers, kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, ready, "fiber"));
}

static void go_on(struct kaya_fibers *fibers)
{
    size_t next = next_fiber(fibers);

    if (next == KAYA_FIBERS_MAX)
        return_to_caller(fibers);
    else
        switch_to(fibers, next);
}

/* The running one could go on: it does, or one preemption is spent. */
static void preempt(struct kaya_fibers *fibers)
{
    size_t before = fibers->current;
    size_t next = fibers->preemptions_left > 0 ? next_fiber(fibers) : before;

    fibers->preemptions_left -= next != before;
    switch_to(fibers, next);
}

bool kaya_fibers_wake_idly(struct kaya_fibers *fibers)
{
    bool wakes;

    if (!fibers->enumerates)
        return kaya_chance(fibers->choices, KAYA_STREAM_SCHEDULE, 1, IDLE_WAKE_ODDS, "spurious");
    wakes = fibers->preemptions_left > 0 &&
            kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, 2, "spurious") == 1;
    fibers->preemptions_left -= wakes;
    return wakes;
}

void kaya_fibers_point(struct kaya_fibers *fibers)
{
    if (!kaya_fibers_are_running(fibers) || (fibers->schedule == KAYA_SCHEDULE_NONE && !fibers->enumerates))
        return;
    if (fibers->enumerates) {
        preempt(fibers);
        return;
    }
    fibers->point_count++;
    for (size_t i = 0; i < FALLS_MAX; i++)
        if (fibers->falls[i] == fibers->point_count)
            fibers->fibers[fibers->current].priority = --fibers->lowest_priority;
    go_on(fibers);
}

bool kaya_fibers_wait(struct kaya_fibers *fibers, const void *object, const char *why, size_t holder,
                      uint64_t until_ns)
{
    struct fiber *self = &fibers->fibers[fibers->current];

    KAYA_ASSERT(kaya_fibers_are_running(fibers));
    self->state = WAITING;
    self->object = object;
    self->why = why;
    self->holder = holder;
    self->until_ns = until_ns;
    self->was_woken = false;
    go_on(fibers);
    self->is_late = false;
    return self->was_woken;
}

static void wake(struct fiber *fiber)
{
    fiber->state = READY;
    fiber->was_woken = true;
}

static bool waits_for(const struct fiber *fiber, const void *object)
{
    return fiber->state == WAITING && fiber->object == object;
}

void kaya_fibers_wake_all(struct kaya_fibers *fibers, const void *object)
{
    for (size_t i = 0; i < fibers->count; i++)
        if (waits_for(&fibers->fibers[i], object))
            wake(&fibers->fibers[i]);
}

/* Whom a wake may be for. Who is late takes it and goes on as one whose time is over: so may a thread ("may consume a condition signal directed
 * concurrently at the condition variable", POSIX.1-2017, pthread_cond_timedwait). */
static bool may_take_wake(const struct fiber *fiber, const void *object)
{
    return waits_for(fiber, object) || (fiber->is_late && fiber->object == object);
}

void kaya_fibers_wake_one(struct kaya_fibers *fibers, const void *object)
{
    uint64_t count = 0, index;

    for (size_t i = 0; i < fibers->count; i++)
        count += may_take_wake(&fibers->fibers[i], object);
    if (count == 0)
        return;
    index = count == 1 ? 0 : kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, count, "woken");
    for (size_t i = 0; i < fibers->count; i++)
        if (may_take_wake(&fibers->fibers[i], object) && index-- == 0) {
            if (!fibers->fibers[i].is_late)
                wake(&fibers->fibers[i]);
            return;
        }
}

/* --- a gathering ---------------------------------------------------------------------------------------------------- */

/* Pointers go through makecontext as two ints. */
static void start(unsigned high, unsigned low)
{
    struct kaya_fibers *fibers = (struct kaya_fibers *)(uintptr_t)((uint64_t)high << 32 | low);
    struct fiber *self = &fibers->fibers[fibers->current];
    const void **caller_stack = fibers->caller_stack == NULL ? &fibers->caller_stack : NULL;

    have_switched(NULL, caller_stack, caller_stack == NULL ? NULL : &fibers->caller_stack_bytes);
    self->body.run(self->body.user);
    self->state = ENDED;
    go_on(fibers);
}

static void draw_schedule(struct kaya_fibers *fibers)
{
    fibers->schedule = KAYA_SCHEDULE_NONE;
    fibers->preemptions_left = fibers->preemptions_max;
    if (fibers->enumerates)
        return;
    fibers->schedule =
        (enum kaya_schedule)kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, KAYA_SCHEDULES, "schedule");
    fibers->point_count = 0;
    fibers->lowest_priority = UINT32_MAX / 2;
    memset(fibers->falls, 0, sizeof fibers->falls);
    if (fibers->schedule != KAYA_SCHEDULE_PRIORITY)
        return;
    for (size_t i = 0; i < fibers->count; i++) /* ties go to the lower index: the draw need not be a permutation */
        fibers->fibers[i].priority =
            UINT32_MAX / 2 +
            (uint32_t)kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, fibers->count, "priority");
    for (size_t i = 0; i < FALLS_MAX; i++)
        fibers->falls[i] = kaya_choose(fibers->choices, KAYA_STREAM_SCHEDULE, POINTS_ASSUMED, "fall");
}

static void make_context(struct kaya_fibers *fibers, struct fiber *fiber)
{
    uint64_t address = (uint64_t)(uintptr_t)fibers;

    KAYA_ASSERT(getcontext(&fiber->context) == 0);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_BYTES;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, (void (*)(void))start, 2, (unsigned)(address >> 32), (unsigned)address);
}

static bool prepare(struct kaya_fibers *fibers, const struct kaya_fiber_body *bodies, size_t count)
{
    fibers->count = count;
    for (size_t i = 0; i < count; i++) {
        struct fiber *fiber = &fibers->fibers[i];

        if (fiber->stack == NULL)
            fiber->stack = malloc(STACK_BYTES);
        if (fiber->stack == NULL)
            return false;
        fiber->body = bodies[i];
        fiber->state = READY;
        fiber->doing = NULL;
        fiber->is_late = false;
        fiber->fake_stack = NULL;
        make_context(fibers, fiber);
    }
    return true;
}

/* "thread 2" or, if it said so, "thread 2 (append)". */
static void name_fiber(const struct kaya_fibers *fibers, size_t index, char text[FIBER_TEXT_MAX])
{
    const struct fiber *fiber = &fibers->fibers[index];

    if (fiber->doing == NULL)
        snprintf(text, FIBER_TEXT_MAX, "%s %zu", fiber->body.name, index);
    else
        snprintf(text, FIBER_TEXT_MAX, "%s %zu (%s)", fiber->body.name, index, fiber->doing);
}

/* "thread 0 (append) waits for a lock that thread 1 (trim) holds; thread 1 (trim) waits for a wake" */
static void describe(const struct kaya_fibers *fibers, char text[KAYA_DEADLOCK_TEXT_MAX])
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < fibers->count; i++) {
        const struct fiber *fiber = &fibers->fibers[i];
        char self[FIBER_TEXT_MAX], holder[FIBER_TEXT_MAX] = "";
        bool is_held = fiber->holder < fibers->count;

        if (fiber->state != WAITING || used >= KAYA_DEADLOCK_TEXT_MAX)
            continue;
        name_fiber(fibers, i, self);
        if (is_held)
            name_fiber(fibers, fiber->holder, holder);
        used += (size_t)snprintf(text + used, KAYA_DEADLOCK_TEXT_MAX - used, "%s%s waits for %s%s%s%s",
                                 used == 0 ? "" : "; ", self, fiber->why, is_held ? " that " : "", holder,
                                 is_held ? " holds" : "");
    }
}

enum kaya_status kaya_fibers_run(struct kaya_fibers *fibers, struct kaya_choices *choices,
                                 const struct kaya_fiber_body *bodies, size_t count,
                                 char deadlock[KAYA_DEADLOCK_TEXT_MAX])
{
    bool is_deadlock = false;

    KAYA_ASSERT(!kaya_fibers_are_running(fibers));
    KAYA_ASSERT(count > 0 && count <= KAYA_FIBERS_MAX);
    fibers->choices = choices;
    if (!prepare(fibers, bodies, count))
        return KAYA_NO_MEMORY;
    draw_schedule(fibers);
    fibers->caller_stack = NULL;
    fibers->current = 0;
    fibers->current = next_fiber(fibers);
    about_to_switch(&fibers->caller_fake_stack, fibers->fibers[fibers->current].stack, STACK_BYTES);
    KAYA_ASSERT(swapcontext(&fibers->caller, &fibers->fibers[fibers->current].context) == 0);
    have_switched(fibers->caller_fake_stack, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        is_deadlock = is_deadlock || fibers->fibers[i].state != ENDED;
    if (is_deadlock)
        describe(fibers, deadlock);
    return is_deadlock ? KAYA_BUSY : KAYA_OK;
}
