/* Goal: the digest hangs on every field of every event and on their order, is the same on every machine, and can be read
 * without disturbing what follows; the last events are kept and printed. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kaya/sim/trace.h"

static uint64_t digest_of(const struct kaya_trace_event *events, size_t count)
{
    struct kaya_trace *trace = kaya_trace_create(0);
    uint64_t digest;

    for (size_t index = 0; index < count; index++)
        kaya_trace_add(trace, &events[index]);
    digest = kaya_trace_digest(trace);
    kaya_trace_destroy(trace);
    return digest;
}

static const struct kaya_trace_event write_event = { .kind = KAYA_TRACE_WRITE,
                                                     .status = KAYA_OK,
                                                     .a = 1,
                                                     .b = 0x0102030405060708,
                                                     .c = 3,
                                                     .text = "name",
                                                     .content = "abc",
                                                     .content_length = 3 };

/* The bytes of `write_event` as the essay in trace.c lays them out, written down by hand. */
enum { EVENT_BYTES = 56 };
/* clang-format off */
static const uint8_t written_down[EVENT_BYTES] = {
    KAYA_TRACE_WRITE, 0, 0, 0, 4, 0, 0, 0, /* kind, status, length of the text */
    1, 0, 0, 0, 0, 0, 0, 0,                /* a */
    8, 7, 6, 5, 4, 3, 2, 1,                /* b */
    3, 0, 0, 0, 0, 0, 0, 0,                /* c */
    3, 0, 0, 0, 0, 0, 0, 0,                /* length of the content */
    'n', 'a', 'm', 'e', 0, 0, 0, 0,        'a', 'b', 'c', 0, 0, 0, 0, 0,
};
/* clang-format on */

/* `count` events and what the essay says of pages: one is folded once a text of 64 bytes and 256 of content
 * would not fit behind it. */
Test(trace, the_digest_is_the_hash_of_the_bytes_that_are_documented)
{
    enum { PAGE_BYTES = 4096, LONGEST_BYTES = 40 + 64 + 256, EVENTS = 200 };
    struct kaya_trace_event events[EVENTS];
    uint8_t page[PAGE_BYTES];
    uint64_t folded = 0;
    size_t used = 0;

    cr_expect(eq(u64, digest_of(events, 0), 0));
    for (size_t count = 1; count <= EVENTS; count++) {
        events[count - 1] = write_event;
        memcpy(page + used, written_down, EVENT_BYTES);
        used += EVENT_BYTES;
        cr_expect(eq(u64, digest_of(events, count), XXH3_64bits_withSeed(page, used, folded)), "%zu", count);
        if (used > PAGE_BYTES - LONGEST_BYTES) {
            folded = XXH3_64bits_withSeed(page, used, folded);
            used = 0;
        }
    }
}

/* Up to 256 bytes of content stand there, of more their hash. */
Test(trace, long_content_enters_the_digest_as_its_hash)
{
    static const uint8_t content[257] = { 1, 2, 3 };
    struct kaya_trace_event event = { .kind = KAYA_TRACE_WRITE, .content = content, .content_length = 256 };
    uint8_t page[40 + 256] = { KAYA_TRACE_WRITE };
    uint64_t hash = XXH3_64bits(content, sizeof content);

    page[33] = 1; /* 256 */
    memcpy(page + 40, content, 256);
    cr_expect(eq(u64, digest_of(&event, 1), XXH3_64bits(page, sizeof page)));

    event.content_length = sizeof content;
    for (unsigned index = 0; index < 8; index++)
        page[32 + index] = (uint8_t)(hash >> 8 * index);
    cr_expect(eq(u64, digest_of(&event, 1), XXH3_64bits(page, 40)));
}

Test(trace, every_field_changes_the_digest)
{
    struct kaya_trace_event events[10];
    uint64_t digests[10];

    for (unsigned index = 0; index < 10; index++)
        events[index] = write_event;
    events[1].kind = KAYA_TRACE_READ;
    events[2].status = KAYA_IO;
    events[3].a = 2;
    events[4].b ^= 1ull << 63;
    events[5].c = 4;
    events[6].text = "nane";
    events[7].text = NULL;
    events[8].content = "abd";
    events[9].content = NULL;
    for (unsigned index = 0; index < 10; index++) {
        digests[index] = digest_of(&events[index], 1);
        for (unsigned other = 0; other < index; other++)
            cr_expect(ne(u64, digests[index], digests[other]), "%u and %u", index, other);
    }
}

Test(trace, order_counts_and_asking_does_not)
{
    struct kaya_trace_event other = write_event;
    struct kaya_trace *trace = kaya_trace_create(3);

    other.a = 9;
    kaya_trace_add(trace, &write_event);
    (void)kaya_trace_digest(trace);
    kaya_trace_add(trace, &other);
    cr_expect(eq(u64, kaya_trace_digest(trace), digest_of((struct kaya_trace_event[]){ write_event, other }, 2)));
    cr_expect(ne(u64, kaya_trace_digest(trace), digest_of((struct kaya_trace_event[]){ other, write_event }, 2)));
    cr_expect(eq(u64, kaya_trace_count(trace), 2));
    kaya_trace_reset(trace);
    cr_expect(eq(u64, kaya_trace_count(trace), 0));
    kaya_trace_add(trace, &other);
    cr_expect(eq(u64, kaya_trace_digest(trace), digest_of(&other, 1)));
    kaya_trace_destroy(trace);
}

Test(trace, texts_of_any_length_tell_apart)
{
    char left[2000];
    char right[2000];

    for (unsigned length = 1; length < sizeof left; length += length < 80 ? 1 : 37) {
        struct kaya_trace_event events[2] = { { .text = left }, { .text = right } };

        memset(left, 'x', length);
        left[length] = '\0';
        strcpy(right, left);
        right[length - 1] = 'y';
        cr_expect(ne(u64, digest_of(&events[0], 1), digest_of(&events[1], 1)), "%u", length);
    }
}

static void count_event(void *user, const struct kaya_trace_event *event)
{
    uint64_t *heard = user;

    cr_expect(eq(u64, event->index, *heard + 1));
    cr_expect(eq(str, (char *)event->text, "name"));
    cr_expect(event->content_length == 3 && memcmp(event->content, "abc", 3) == 0);
    ++*heard;
}

Test(trace, a_listener_hears_each_event_in_order)
{
    struct kaya_trace *trace = kaya_trace_create(0);
    uint64_t heard = 0;
    uint64_t overheard = 0;

    kaya_trace_listen(trace, count_event, &heard);
    kaya_trace_overhear(trace, count_event, &overheard);
    for (unsigned index = 0; index < 5; index++)
        kaya_trace_add(trace, &write_event);
    kaya_trace_listen(trace, NULL, NULL);
    kaya_trace_add(trace, &write_event);
    kaya_trace_overhear(trace, NULL, NULL);
    kaya_trace_add(trace, &write_event);
    cr_expect(eq(u64, heard, 5));
    cr_expect(eq(u64, overheard, 6));
    kaya_trace_destroy(trace);
    kaya_trace_add(NULL, &write_event);
    kaya_trace_listen(NULL, NULL, NULL);
}

Test(trace, the_last_events_are_printed_oldest_first)
{
    struct kaya_trace *trace = kaya_trace_create(3);
    FILE *file = tmpfile();
    char line[256];

    for (unsigned index = 1; index <= 5; index++) {
        struct kaya_trace_event event = { .kind = KAYA_TRACE_SYNC, .a = index * 100, .status = KAYA_IO };
        char text[16];

        snprintf(text, sizeof text, "text%u", index);
        event.text = text; /* gone when it is printed */
        kaya_trace_add(trace, &event);
    }
    kaya_trace_print(trace, file);
    rewind(file);
    for (unsigned index = 3; index <= 5; index++) {
        unsigned number, a;
        char kind[16], text[16], status[16];

        cr_assert(fgets(line, sizeof line, file) != NULL);
        cr_assert(eq(int, sscanf(line, "%u %15s %u 0 0 %15s %15s", &number, kind, &a, text, status), 5), "%s",
                  line);
        cr_expect(eq(u32, number, index));
        cr_expect(eq(str, kind, "sync"));
        cr_expect(eq(u32, a, index * 100));
        cr_expect(eq(chr, text[4], (char)('0' + index)));
        cr_expect(eq(str, status, "KAYA_IO"));
    }
    cr_expect(fgets(line, sizeof line, file) == NULL);
    fclose(file);
    kaya_trace_destroy(trace);
}

Test(trace, every_kind_has_its_own_name)
{
    for (unsigned kind = 0; kind < KAYA_TRACE_KINDS; kind++)
        for (unsigned other = 0; other < kind; other++)
            cr_expect(ne(str, (char *)kaya_trace_kind_name(kind), (char *)kaya_trace_kind_name(other)));
    cr_expect(eq(str, (char *)kaya_trace_kind_name(KAYA_TRACE_KINDS), "?"));
}
