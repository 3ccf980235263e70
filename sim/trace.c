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
 *     an event:  kind u16 | status u16 | length of the text u32 | a u64 | b u64 | c u64 | XXH3-64 of the content | the text, zeros to u64
 *
 * all little-endian; where there is no content, that hash is 0; of a text longer than TEXT_BYTES_MAX its XXH3-64 stands there. Sizes of C
 * types, addresses and padding never enter it (S1). (Whole words, because a hash that reads words which were just stored in pieces waits
 * for them.) */
#include "kaya/sim/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <xxh_x86dispatch.h> /* the same values with the widest registers that the processor has */
#else
#include <xxhash.h>
#endif

enum {
    KEPT_TEXT_BYTES = 64, /* of a kept event; longer texts are cut, in the digest they are whole */
    TEXT_BYTES_MAX = 64,
    FIXED_WORDS = 5, /* of an event, before its text */
    EVENT_WORDS_MAX = FIXED_WORDS + TEXT_BYTES_MAX / 8,
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
    uint64_t folded;
    size_t word_count; /* in the page */
    uint64_t count;
    struct {
        kaya_trace_listener *listener;
        void *user;
    } ears[EARS];
    size_t keep_count;
    size_t keep_next; /* where the next kept event goes */
    uint64_t page[PAGE_WORDS];
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

static uint64_t little_endian(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static uint64_t fold(const struct kaya_trace *trace)
{
    return XXH3_64bits_withSeed(trace->page, trace->word_count * sizeof *trace->page, trace->folded);
}

/* The text behind an event's fixed words; returns how many words it takes. */
static size_t encode_text(uint64_t *words, const char *text, size_t length)
{
    size_t count = (length + 7) / 8;

    if (length > TEXT_BYTES_MAX) {
        words[0] = little_endian(XXH3_64bits(text, length));
        return 1;
    }
    words[count - 1] = 0;
    memcpy(words, text, length);
    return count;
}

static void encode(struct kaya_trace *trace, const struct kaya_trace_event *event, uint64_t content_hash,
                   size_t text_length)
{
    uint64_t *words = &trace->page[trace->word_count];

    words[0] =
        little_endian((uint64_t)event->kind | (uint64_t)event->status << 16 | (uint64_t)text_length << 32);
    words[1] = little_endian(event->a);
    words[2] = little_endian(event->b);
    words[3] = little_endian(event->c);
    words[4] = little_endian(content_hash);
    trace->word_count += FIXED_WORDS;
    if (text_length > 0)
        trace->word_count += encode_text(words + FIXED_WORDS, event->text, text_length);
    if (trace->word_count <= PAGE_WORDS - EVENT_WORDS_MAX)
        return;
    trace->folded = fold(trace);
    trace->word_count = 0;
}

/* ---- the last few ---- */

static void keep(struct kaya_trace *trace, const struct kaya_trace_event *event, uint64_t content_hash,
                 size_t text_length)
{
    struct kept *kept = &trace->kept[trace->keep_next];

    kept->index = trace->count;
    kept->kind = event->kind;
    kept->status = event->status;
    kept->a = event->a;
    kept->b = event->b;
    kept->c = event->c;
    kept->content_length = event->content_length;
    kept->content_hash = content_hash;
    if (text_length > KEPT_TEXT_BYTES - 1)
        text_length = KEPT_TEXT_BYTES - 1;
    if (text_length > 0)
        memcpy(kept->text, event->text, text_length);
    kept->text[text_length] = '\0';
    trace->keep_next = trace->keep_next + 1 == trace->keep_count ? 0 : trace->keep_next + 1;
}

static void tell(const struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    struct kaya_trace_event numbered = *event;

    numbered.index = trace->count;
    for (int i = 0; i < EARS; i++)
        if (trace->ears[i].listener != NULL)
            trace->ears[i].listener(trace->ears[i].user, &numbered);
}

void kaya_trace_add(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    uint64_t content_hash;
    size_t text_length;

    if (trace == NULL)
        return;
    content_hash = event->content ? XXH3_64bits(event->content, event->content_length) : 0;
    text_length = event->text != NULL ? strlen(event->text) : 0;
    encode(trace, event, content_hash, text_length);
    trace->count++;
    if (trace->keep_count > 0)
        keep(trace, event, content_hash, text_length);
    if (trace->ears[0].listener != NULL || trace->ears[1].listener != NULL)
        tell(trace, event);
}

uint64_t kaya_trace_digest(const struct kaya_trace *trace)
{
    return trace->word_count > 0 ? fold(trace) : trace->folded;
}

uint64_t kaya_trace_count(const struct kaya_trace *trace)
{
    return trace->count;
}

/* ---- objects ---- */

struct kaya_trace *kaya_trace_create(size_t keep_count)
{
    struct kaya_trace *trace = calloc(1, sizeof *trace + keep_count * sizeof trace->kept[0]);

    if (trace != NULL)
        trace->keep_count = keep_count;
    return trace;
}

void kaya_trace_destroy(struct kaya_trace *trace)
{
    free(trace);
}

void kaya_trace_reset(struct kaya_trace *trace)
{
    trace->folded = 0;
    trace->word_count = 0;
    trace->count = 0;
    trace->keep_next = 0;
}

void kaya_trace_listen(struct kaya_trace *trace, kaya_trace_listener *listener, void *user)
{
    if (trace == NULL)
        return;
    trace->ears[0].listener = listener;
    trace->ears[0].user = user;
}

void kaya_trace_overhear(struct kaya_trace *trace, kaya_trace_listener *listener, void *user)
{
    if (trace == NULL)
        return;
    trace->ears[1].listener = listener;
    trace->ears[1].user = user;
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
    size_t filled = trace->count < trace->keep_count ? (size_t)trace->count : trace->keep_count;
    size_t at = trace->count < trace->keep_count ? 0 : trace->keep_next;

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
