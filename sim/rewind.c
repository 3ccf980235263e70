/* Going on from the middle of a function more than once.
 *
 * The function runs on a stack of its own. A mark keeps the registers (setjmp) and all of the stack that is in use; to resume, the bytes go
 * back to where they were, and the registers after them:
 *
 *     bottom                                                            top
 *     |            | mark's own frame | ... its callers ... | body, start |
 *                  '------------------------- kept ------------------------'
 *
 * So pointers into the stack stay good. What those frames point to elsewhere (a boot's memory, its disk, its model) must be as it was; that
 * is the caller's part (explore.c).
 *
 * Sanitizers keep notes of their own about each stack, which this would contradict: with them there is no rewinding. */
#undef _FORTIFY_SOURCE /* its longjmp takes another stack for a mistake */
#define _FORTIFY_SOURCE 0
#include "rewind.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_WATCHED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { IS_WATCHED = 1 };
#else
enum { IS_WATCHED = 0 };
#endif
#else
enum { IS_WATCHED = 0 };
#endif

enum { STACK_BYTES = 256 * 1024 };

struct kaya_rewind {
    unsigned char *stack;
    void (*body)(void *user);
    void *user;
    jmp_buf caller; /* of run or resume */
    jmp_buf mark;
    unsigned char *from; /* what was kept: from here to the top */
    unsigned char *kept;
};

struct kaya_rewind *kaya_rewind_create(void)
{
    struct kaya_rewind *made = IS_WATCHED ? NULL : calloc(1, sizeof *made);

    if (made == NULL)
        return NULL;
    made->stack = malloc(STACK_BYTES);
    made->kept = malloc(STACK_BYTES);
    if (made->stack == NULL || made->kept == NULL) {
        kaya_rewind_destroy(made);
        return NULL;
    }
    return made;
}

void kaya_rewind_destroy(struct kaya_rewind *rewind)
{
    if (rewind == NULL)
        return;
    free(rewind->stack);
    free(rewind->kept);
    free(rewind);
}

/* makecontext hands over int only. */
static void start(unsigned high, unsigned low)
{
    struct kaya_rewind *rewind = (struct kaya_rewind *)(uintptr_t)((uint64_t)high << 32 | low);

    rewind->body(rewind->user);
    longjmp(rewind->caller, 1);
}

static void enter(struct kaya_rewind *rewind)
{
    uint64_t address = (uint64_t)(uintptr_t)rewind;
    ucontext_t context;

    KAYA_ASSERT(getcontext(&context) == 0);
    context.uc_stack.ss_sp = rewind->stack;
    context.uc_stack.ss_size = STACK_BYTES;
    context.uc_link = NULL;
    makecontext(&context, (void (*)(void))start, 2, (unsigned)(address >> 32), (unsigned)address);
    (void)setcontext(&context);
    KAYA_ASSERT(false); /* it does not return */
}

void kaya_rewind_run(struct kaya_rewind *rewind, void (*body)(void *user), void *user)
{
    rewind->body = body;
    rewind->user = user;
    if (setjmp(rewind->caller) == 0)
        enter(rewind);
}

/* All frames above its own. */
__attribute__((noinline)) static void keep_stack(struct kaya_rewind *rewind)
{
    unsigned char *top = rewind->stack + STACK_BYTES;

    rewind->from = __builtin_frame_address(0);
    KAYA_ASSERT(rewind->from >= rewind->stack);
    KAYA_ASSERT(rewind->from < top);
    memcpy(rewind->kept, rewind->from, (size_t)(top - rewind->from));
}

__attribute__((noinline)) void kaya_rewind_mark(struct kaya_rewind *rewind)
{
    if (setjmp(rewind->mark) == 0)
        keep_stack(rewind);
}

void kaya_rewind_resume(struct kaya_rewind *rewind)
{
    if (setjmp(rewind->caller) == 0) {
        memcpy(rewind->from, rewind->kept, (size_t)(rewind->stack + STACK_BYTES - rewind->from));
        longjmp(rewind->mark, 1);
    }
}
