/* The front of a trace: the page that events are written into (trace.c has the layout). Within sim, an event without text and content
 * that nobody keeps or listens to is written where it happens, since that is what most of a run's calls tell. */
#ifndef KAYA_SIM_TRACE_FRONT_H
#define KAYA_SIM_TRACE_FRONT_H

#include "kaya/sim/trace.h"
#include "wide.h"

#include <string.h>

enum {
    KAYA_EVENT_WORDS = 5,        /* of an event, before its text */
    KAYA_CONTENT_BYTES_MAX = 256 /* content up to here enters the page, of more its hash does */
};

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

/* Write all of an event but its text and content; the caller moves `next`. */
static inline void kaya_page_write(struct kaya_page *page, enum kaya_trace_kind kind, enum kaya_status status,
                                   size_t text_length, const uint64_t numbers[3], uint64_t content_word)
{
    page->next[0] = kaya_little_endian((uint64_t)kind | (uint64_t)status << 16 | (uint64_t)text_length << 32);
    page->next[1] = kaya_little_endian(numbers[0]);
    page->next[2] = kaya_little_endian(numbers[1]);
    page->next[3] = kaya_little_endian(numbers[2]);
    page->next[4] = kaya_little_endian(content_word);
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

static inline bool kaya_are_zeros(const uint8_t *bytes, size_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

/* What an event says of its content. Long content is not copied; short content is, since hashing it by itself costs more. Most that is long
 * is zeros, written ahead. */
static inline uint64_t kaya_content_word(const void *content, size_t length)
{
    if (length <= KAYA_CONTENT_BYTES_MAX)
        return length;
    return kaya_are_zeros(content, length) ? ~(uint64_t)length : kaya_wide_hash(content, length, 0);
}

/* Put short content at `words`, zeros up to a whole word behind it; returns how many words it takes. */
static inline size_t kaya_content_put_short(uint64_t *words, const void *content, size_t length)
{
    size_t count = (length + 7) / 8;

    if (length == 0 || length > KAYA_CONTENT_BYTES_MAX)
        return 0;
    words[count - 1] = 0;
    memcpy(words, content, length);
    return count;
}

/* An event with content and without text. */
static inline void kaya_trace_add_write(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    struct kaya_page *page = (struct kaya_page *)trace;
    const uint64_t numbers[] = { event->a, event->b, event->c };
    size_t words = KAYA_EVENT_WORDS;

    if (page->is_heard) {
        kaya_trace_add(trace, event);
        return;
    }
    kaya_page_write(page, event->kind, event->status, 0, numbers,
                    kaya_content_word(event->content, event->content_length));
    words += kaya_content_put_short(page->next + KAYA_EVENT_WORDS, event->content, event->content_length);
    kaya_page_move(page, words);
}

#endif
