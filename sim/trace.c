/* What happened, as a digest and as the last few events.
 *
 * Events are encoded one behind the other, and hashed a page at a time: hashing each by itself would cost more than all else that is done
 * for it. Where a page has no room left for the longest event, it is folded into the digest:
 *
 *     folded(0) = 0     folded(n) = XXH3-64(bytes of page n, seed = folded(n - 1))
 *
 * The digest is what folding the page as far as it is filled would give. So it hangs on every event and on their order, and can be read
 * at any moment without disturbing what follows.
 *
 *     an event:  kind u16 | status u16 | length of the text u32 | a u64 | b u64 | c u64 | content u64 | the text | the content
 *
 * all little-endian, text and content with zeros up to a whole word. `content` is its length; of content longer than
 * KAYA_CONTENT_BYTES_MAX nothing follows and it is its XXH3-64, or, where all is zeros, the complement of its length; of a text longer than
 * TEXT_BYTES_MAX its XXH3-64 stands there. Sizes of C types, addresses and padding never enter it (S1). (Whole words, because a hash that
 * reads words which were just stored in pieces waits for them.) */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* most that is hashed is short */
#include <xxhash.h>

#include "trace.h"
#include "wide.h"

enum {
    KEPT_TEXT_BYTES = 64, /* of a kept event; longer texts are cut, in the digest they are whole */
    TEXT_BYTES_MAX = 64,
    EVENT_WORDS_MAX = KAYA_EVENT_WORDS + (TEXT_BYTES_MAX + KAYA_CONTENT_BYTES_MAX) / 8,
    PAGE_WORDS = 512,
    EARS = 2, /* who listens, and who overhears */
};

struct kept {
    uint64_t index;
    enum kaya_trace_kind kind;
    enum kaya_status status;
    uint64_t a, b, c;
    size_t content_length;
    uint64_t content_hash;
    char text[KEPT_TEXT_BYTES];
};

struct kaya_trace {
    struct kaya_page page; /* first: trace.h finds it there */
    uint64_t folded;
    struct {
        kaya_trace_listener *listener;
        void *user;
    } ears[EARS];
    size_t keep_count;
    size_t keep_next; /* where the next kept event goes */
    uint64_t words[PAGE_WORDS];
    struct kept kept[];
};

static const char *const kind_names[KAYA_TRACE_KINDS] = {
#define KIND_NAME(NAME, name) [KAYA_TRACE_##NAME] = #name,
    KAYA_TRACE_LIST(KIND_NAME)
#undef KIND_NAME
};

const char *kaya_trace_kind_name(enum kaya_trace_kind kind)
{
    return (unsigned)kind < KAYA_TRACE_KINDS ? kind_names[kind] : "?";
}

/* ---- the digest ---- */

static uint64_t fold(const struct kaya_trace *trace)
{
    return kaya_wide_hash(trace->words, (size_t)(trace->page.next - trace->words) * sizeof *trace->words,
                          trace->folded);
}

void kaya_page_fold(struct kaya_page *page)
{
    struct kaya_trace *trace = (struct kaya_trace *)page;

    trace->folded = fold(trace);
    page->next = trace->words;
}

/* The text behind an event's fixed words; returns how many words it takes. Few are that short or long. */
static __attribute__((noinline)) size_t encode_odd_text(uint64_t *words, const char *text, size_t length)
{
    size_t count = (length + 7) / 8;

    if (length > TEXT_BYTES_MAX) {
        words[0] = kaya_little_endian(XXH3_64bits(text, length));
        return 1;
    }
    if (length > 0) {
        words[count - 1] = 0;
        memcpy(words, text, length);
    }
    return count;
}

/* In two halves that may lie over each other. */
static inline size_t encode_text(uint64_t *words, const char *text, size_t length)
{
    if (length - 4 > 32 - 4)
        return encode_odd_text(words, text, length);
    if (length > 16) { /* a segment's name, mostly */
        words[2] = words[3] = 0;
        memcpy(words, text, 16);
        memcpy((char *)words + length - 16, text + length - 16, 16);
        return (length + 7) / 8;
    }
    words[0] = 0;
    if (length < 8) {
        memcpy(words, text, 4);
        memcpy((char *)words + length - 4, text + length - 4, 4);
        return 1;
    }
    words[1] = 0;
    memcpy(words, text, 8);
    memcpy((char *)words + length - 8, text + length - 8, 8);
    return (length + 7) / 8;
}

/* Without content `length` is 0. */
static inline void encode(struct kaya_page *page, const struct kaya_trace_event *event, size_t length,
                          size_t text_length)
{
    const uint64_t numbers[] = { event->a, event->b, event->c };
    size_t words = KAYA_EVENT_WORDS;

    kaya_page_write(page, event->kind, event->status, text_length, numbers,
                    kaya_content_word(event->content, length));
    words += encode_text(page->next + words, event->text, text_length);
    words += kaya_content_put_short(page->next + words, event->content, length);
    kaya_page_move(page, words);
}

/* ---- the last few ---- */

static __attribute__((noinline, cold)) void keep(struct kaya_trace *trace,
                                                 const struct kaya_trace_event *event, size_t text_length)
{
    struct kept *kept = &trace->kept[trace->keep_next];

    kept->index = trace->page.count;
    kept->kind = event->kind;
    kept->status = event->status;
    kept->a = event->a;
    kept->b = event->b;
    kept->c = event->c;
    kept->content_length = event->content_length;
    kept->content_hash = event->content != NULL ? XXH3_64bits(event->content, event->content_length) : 0;
    if (text_length > KEPT_TEXT_BYTES - 1)
        text_length = KEPT_TEXT_BYTES - 1;
    if (text_length > 0)
        memcpy(kept->text, event->text, text_length);
    kept->text[text_length] = '\0';
    trace->keep_next = trace->keep_next + 1 == trace->keep_count ? 0 : trace->keep_next + 1;
}

static __attribute__((noinline, cold)) void tell(const struct kaya_trace *trace,
                                                 const struct kaya_trace_event *event)
{
    struct kaya_trace_event numbered = *event;

    numbered.index = trace->page.count;
    for (int i = 0; i < EARS; i++)
        if (trace->ears[i].listener != NULL)
            trace->ears[i].listener(trace->ears[i].user, &numbered);
}

static __attribute__((noinline)) void add_heard(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    size_t text_length = event->text != NULL ? strlen(event->text) : 0;

    encode(&trace->page, event, event->content != NULL ? event->content_length : 0, text_length);
    if (trace->keep_count > 0)
        keep(trace, event, text_length);
    if (trace->page.is_heard)
        tell(trace, event);
}

void kaya_trace_add(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    if (trace == NULL)
        return;
    if (trace->page.is_heard || event->content != NULL)
        add_heard(trace, event);
    else
        encode(&trace->page, event, 0, event->text != NULL ? strlen(event->text) : 0);
}

void kaya_trace_say(struct kaya_trace *trace, enum kaya_trace_kind kind, enum kaya_status status, uint64_t a,
                    uint64_t b, uint64_t c, const char *text, size_t text_length)
{
    const uint64_t numbers[] = { a, b, c };

    if (trace == NULL)
        return;
    if (trace->page.is_heard) {
        add_heard(trace, &(struct kaya_trace_event){
                             .kind = kind, .status = status, .a = a, .b = b, .c = c, .text = text });
        return;
    }
    kaya_page_write(&trace->page, kind, status, text_length, numbers, 0);
    kaya_page_move(&trace->page,
                   KAYA_EVENT_WORDS + encode_text(trace->page.next + KAYA_EVENT_WORDS, text, text_length));
}

uint64_t kaya_trace_digest(const struct kaya_trace *trace)
{
    return trace->page.next > trace->words ? fold(trace) : trace->folded;
}

uint64_t kaya_trace_count(const struct kaya_trace *trace)
{
    return trace->page.count;
}

/* ---- objects ---- */

static void note_hearers(struct kaya_trace *trace)
{
    trace->page.is_heard =
        trace->keep_count > 0 || trace->ears[0].listener != NULL || trace->ears[1].listener != NULL;
}

struct kaya_trace *kaya_trace_create(size_t keep_count)
{
    struct kaya_trace *trace = calloc(1, sizeof *trace + keep_count * sizeof trace->kept[0]);

    if (trace == NULL)
        return NULL;
    trace->keep_count = keep_count;
    trace->page.next = trace->words;
    trace->page.full = trace->words + PAGE_WORDS - EVENT_WORDS_MAX;
    note_hearers(trace);
    return trace;
}

void kaya_trace_destroy(struct kaya_trace *trace)
{
    free(trace);
}

void kaya_trace_reset(struct kaya_trace *trace)
{
    trace->folded = 0;
    trace->page.next = trace->words;
    trace->page.count = 0;
    trace->keep_next = 0;
}

void kaya_trace_listen(struct kaya_trace *trace, kaya_trace_listener *listener, void *user)
{
    if (trace == NULL)
        return;
    trace->ears[0].listener = listener;
    trace->ears[0].user = user;
    note_hearers(trace);
}

void kaya_trace_overhear(struct kaya_trace *trace, kaya_trace_listener *listener, void *user)
{
    if (trace == NULL)
        return;
    trace->ears[1].listener = listener;
    trace->ears[1].user = user;
    note_hearers(trace);
}

/* ---- for people ---- */

static void print_line(const struct kaya_trace_event *event, uint64_t content_hash, FILE *file)
{
    fprintf(file, "%8" PRIu64 "  %-16s", event->index, kaya_trace_kind_name(event->kind));
    fprintf(file, " %8" PRIu64 " %10" PRIu64 " %8" PRIu64, event->a, event->b, event->c);
    if (event->text != NULL && event->text[0] != '\0')
        fprintf(file, "  %s", event->text);
    if (event->content_length > 0)
        fprintf(file, "  %016" PRIx64, content_hash);
    if (event->status != KAYA_OK)
        fprintf(file, "  %s", kaya_status_name(event->status));
    fputc('\n', file);
}

void kaya_trace_print_event(const struct kaya_trace_event *event, FILE *file)
{
    print_line(event, event->content ? XXH3_64bits(event->content, event->content_length) : 0, file);
}

void kaya_trace_print(const struct kaya_trace *trace, FILE *file)
{
    size_t filled = trace->page.count < trace->keep_count ? (size_t)trace->page.count : trace->keep_count;
    size_t at = trace->page.count < trace->keep_count ? 0 : trace->keep_next;

    for (size_t index = 0; index < filled; index++) {
        const struct kept *kept = &trace->kept[at];
        const struct kaya_trace_event event = {
            .index = kept->index,
            .kind = kept->kind,
            .status = kept->status,
            .a = kept->a,
            .b = kept->b,
            .c = kept->c,
            .text = kept->text,
            .content_length = kept->content_length,
        };

        print_line(&event, kept->content_hash, file);
        at = at + 1 == trace->keep_count ? 0 : at + 1;
    }
}
