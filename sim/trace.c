/* What happened, as a digest and as the last few events.
 *
 * The digest after event n is XXH3-64 over the event's bytes, seeded with the digest before it:
 *
 *     digest(0) = 0     digest(n) = XXH3(bytes of event n, seed = digest(n - 1))
 *
 *     bytes of an event:  kind u16 | status u16 | a u64 | b u64 | c u64 | content hash u64 | text, without its NUL
 *
 * all little-endian. So it hangs on every event and on their order, and can be read at any moment without disturbing
 * what follows. Sizes of C types, addresses and padding never enter it (S1). */
#include "kaya/sim/trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    KEPT_TEXT_BYTES = 64,        /* of a kept event; longer texts are cut, in the digest they are whole */
    FIXED_BYTES = 2 + 2 + 4 * 8, /* of an encoded event */
    ENCODED_BYTES_MAX = FIXED_BYTES + 512,
};

struct kept {
    struct kaya_trace_event event;
    uint64_t content_hash;
    char text[KEPT_TEXT_BYTES];
};

struct kaya_trace {
    uint64_t digest;
    uint64_t count;
    kaya_trace_listener *listener;
    void *user;
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

/* Written out, so that compilers make one store of it. */
static uint8_t *put16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    return bytes + 2;
}

static uint8_t *put64(uint8_t *bytes, uint64_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)(value >> 16);
    bytes[3] = (uint8_t)(value >> 24);
    bytes[4] = (uint8_t)(value >> 32);
    bytes[5] = (uint8_t)(value >> 40);
    bytes[6] = (uint8_t)(value >> 48);
    bytes[7] = (uint8_t)(value >> 56);
    return bytes + 8;
}

/* Returns the encoded length. A text that does not fit enters as its hash: as different as the texts are. */
static size_t encode(uint8_t *bytes, const struct kaya_trace_event *event, uint64_t content_hash)
{
    size_t text_length = event->text ? strlen(event->text) : 0;
    uint8_t *end = bytes;

    end = put16(end, (unsigned)event->kind);
    end = put16(end, (unsigned)event->status);
    end = put64(end, event->a);
    end = put64(end, event->b);
    end = put64(end, event->c);
    end = put64(end, content_hash);
    if (text_length > ENCODED_BYTES_MAX - FIXED_BYTES) {
        end = put64(end, XXH3_64bits(event->text, text_length));
    } else if (text_length > 0) {
        memcpy(end, event->text, text_length);
        end += text_length;
    }
    return (size_t)(end - bytes);
}

/* ---- the last few ---- */

static void keep(struct kaya_trace *trace, const struct kaya_trace_event *event, uint64_t content_hash)
{
    struct kept *kept = &trace->kept[trace->keep_next];

    kept->event = *event;
    kept->event.content = NULL;
    kept->content_hash = content_hash;
    kept->text[0] = '\0';
    if (event->text != NULL && event->text[0] != '\0')
        strncat(kept->text, event->text, KEPT_TEXT_BYTES - 1);
    kept->event.text = NULL; /* the copy serves */
    trace->keep_next = trace->keep_next + 1 == trace->keep_count ? 0 : trace->keep_next + 1;
}

void kaya_trace_add(struct kaya_trace *trace, const struct kaya_trace_event *event)
{
    struct kaya_trace_event numbered;
    uint8_t bytes[ENCODED_BYTES_MAX];
    uint64_t content_hash;
    size_t length;

    if (trace == NULL)
        return;
    content_hash = event->content ? XXH3_64bits(event->content, event->content_length) : 0;
    length = encode(bytes, event, content_hash);
    trace->digest = XXH3_64bits_withSeed(bytes, length, trace->digest);
    trace->count++;
    if (trace->keep_count == 0 && trace->listener == NULL)
        return;
    numbered = *event;
    numbered.index = trace->count;
    if (trace->keep_count > 0)
        keep(trace, &numbered, content_hash);
    if (trace->listener != NULL)
        trace->listener(trace->user, &numbered);
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
    trace->listener = listener;
    trace->user = user;
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
        struct kaya_trace_event event = kept->event;

        event.text = kept->text;
        print_line(&event, kept->content_hash, file);
        at = at + 1 == trace->keep_count ? 0 : at + 1;
    }
}
