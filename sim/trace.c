/* What happened, as a digest and as the last few events.
 *
 * The digest after event n is XXH3-64 over the event's bytes, seeded with the digest before it:
 *
 *     digest(0) = 0     digest(n) = XXH3(bytes of event n, seed = digest(n - 1))
 *
 *     bytes of an event:  kind u32 | status u32 | a u64 | b u64 | c u64 | XXH3-64 of the content | XXH3-64 of the text
 *
 * all little-endian; where there is no content or no text, that hash is 0. So it hangs on every event and on their order,
 * and can be read at any moment without disturbing what follows. Sizes of C types, addresses and padding never enter it (S1).
 * (Whole words, because a hash that reads words which were just stored in pieces waits for them: this is called at every
 * I/O of a run.) */
#include "kaya/sim/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    KEPT_TEXT_BYTES = 64, /* of a kept event; longer texts are cut, in the digest they are whole */
    ENCODED_WORDS = 6,    /* of an event */
    EARS = 2,             /* who listens, and who overhears */
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
    uint64_t digest;
    uint64_t count;
    struct {
        kaya_trace_listener *listener;
        void *user;
    } ears[EARS];
    size_t keep_count;
    size_t keep_next; /* where the next kept event goes */
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

static uint64_t next_digest(uint64_t digest, const struct kaya_trace_event *event, uint64_t content_hash,
                            size_t text_length)
{
    const uint64_t words[ENCODED_WORDS] = {
        little_endian((uint32_t)event->kind | (uint64_t)(uint32_t)event->status << 32),
        little_endian(event->a),
        little_endian(event->b),
        little_endian(event->c),
        little_endian(content_hash),
        little_endian(text_length > 0 ? XXH3_64bits(event->text, text_length) : 0),
    };

    return XXH3_64bits_withSeed(words, sizeof words, digest);
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
    trace->digest = next_digest(trace->digest, event, content_hash, text_length);
    trace->count++;
    if (trace->keep_count > 0)
        keep(trace, event, content_hash, text_length);
    if (trace->ears[0].listener != NULL || trace->ears[1].listener != NULL)
        tell(trace, event);
}

uint64_t kaya_trace_digest(const struct kaya_trace *trace)
{
    return trace->digest;
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
    trace->digest = 0;
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
