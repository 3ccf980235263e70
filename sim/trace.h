/* The front of a trace: the page that events are written into (trace.c has the layout). Within sim, an event without text and content
 * that nobody keeps or listens to is written where it happens, since that is what most of a run's calls tell. */
#ifndef KAYA_SIM_TRACE_FRONT_H
#define KAYA_SIM_TRACE_FRONT_H

#include "kaya/sim/trace.h"

enum { KAYA_EVENT_WORDS = 5 }; /* of an event, before its text */

struct kaya_page {  /* a trace begins with it */
    uint64_t *next; /* where the next event goes */
    uint64_t *full; /* above it there is no room for the longest event any more */
    uint64_t count; /* of events */
    bool is_heard;  /* each event is kept, or somebody listens */
};

/* The page is full: into the digest with it. */
void kaya_page_fold(struct kaya_page *page);

static inline uint64_t kaya_little_endian(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* Write all of an event but its text; the caller moves `next`. */
static inline void kaya_page_write(struct kaya_page *page, enum kaya_trace_kind kind, enum kaya_status status,
                                   size_t text_length, const uint64_t numbers[3], uint64_t content_hash)
{
    page->next[0] = kaya_little_endian((uint64_t)kind | (uint64_t)status << 16 | (uint64_t)text_length << 32);
    page->next[1] = kaya_little_endian(numbers[0]);
    page->next[2] = kaya_little_endian(numbers[1]);
    page->next[3] = kaya_little_endian(numbers[2]);
    page->next[4] = kaya_little_endian(content_hash);
    page->count++;
}

static inline void kaya_page_move(struct kaya_page *page, size_t words)
{
    page->next += words;
    if (page->next > page->full)
        kaya_page_fold(page);
}

static inline void kaya_trace_add_plain(struct kaya_trace *trace, enum kaya_trace_kind kind,
                                        enum kaya_status status, uint64_t a, uint64_t b, uint64_t c)
{
    struct kaya_page *page = (struct kaya_page *)trace;
    const uint64_t numbers[] = { a, b, c };

    if (page->is_heard) {
        kaya_trace_add(trace,
                       &(struct kaya_trace_event){ .kind = kind, .status = status, .a = a, .b = b, .c = c });
        return;
    }
    kaya_page_write(page, kind, status, 0, numbers, 0);
    kaya_page_move(page, KAYA_EVENT_WORDS);
}

/* The hash by which content enters the digest. */
uint64_t kaya_trace_hash(const void *bytes, size_t length);

/* An event with content and without text. */
static inline void kaya_trace_add_write(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    struct kaya_page *page = (struct kaya_page *)trace;
    const uint64_t numbers[] = { event->a, event->b, event->c };

    if (page->is_heard) {
        kaya_trace_add(trace, event);
        return;
    }
    kaya_page_write(page, event->kind, event->status, 0, numbers,
                    kaya_trace_hash(event->content, event->content_length));
    kaya_page_move(page, KAYA_EVENT_WORDS);
}

#endif
