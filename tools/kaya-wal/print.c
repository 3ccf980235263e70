/* How things look on a terminal and in a pipe. Colours and notes are for people: a pipe gets none. */
#define _GNU_SOURCE
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const struct kaya_paint colours = {
    .bad = "\033[31m", .good = "\033[32m", .warn = "\033[33m", .faint = "\033[2m", .strong = "\033[1m", .plain = "\033[0m"
};
static const struct kaya_paint no_colours = { "", "", "", "", "", "" };

struct kaya_paint kaya_paint_of(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");

    if ((no_color && no_color[0]) || !isatty(fileno(stream)))
        return no_colours;
    return colours;
}

void kaya_complain(const char *format, ...)
{
    struct kaya_paint paint = kaya_paint_of(stderr);
    va_list arguments;

    (void)kaya_output_flush(); /* what was said before stands before */
    fprintf(stderr, "%skaya-wal:%s ", paint.bad, paint.plain);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments); /* NOLINT(clang-analyzer-valist.Uninitialized): clang-tidy 14 is mistaken */
    va_end(arguments);
    fputc('\n', stderr);
}

const char *kaya_escape(const char *text, char *escaped, size_t room)
{
    static const size_t longest = sizeof("\\xNN");
    size_t used = 0;

    for (; *text && used + longest <= room; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < ' ' || byte == 0x7f)
            used += (size_t)snprintf(escaped + used, room - used, "\\x%02x", (unsigned)byte);
        else
            escaped[used++] = (char)byte;
    }
    escaped[used] = 0;
    return escaped;
}

void kaya_print_hex_dump(FILE *stream, const void *bytes, size_t length)
{
    enum { BYTES_PER_LINE = 16 };
    const unsigned char *byte = bytes;

    for (size_t start = 0; start < length; start += BYTES_PER_LINE) {
        fprintf(stream, "        %06zx ", start);
        for (size_t i = start; i < start + BYTES_PER_LINE; i++) {
            if (i < length)
                fprintf(stream, " %02x", (unsigned)byte[i]);
            else
                fputs("   ", stream);
        }
        fputs("  |", stream);
        for (size_t i = start; i < start + BYTES_PER_LINE && i < length; i++)
            fputc(byte[i] >= ' ' && byte[i] < 0x7f ? byte[i] : '.', stream);
        fputs("|\n", stream);
    }
}

void kaya_hex(const void *bytes, size_t length, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[byte[i] >> 4];
        text[2 * i + 1] = digits[byte[i] & 15];
    }
    text[2 * length] = 0;
}

void kaya_log_id_text(const struct kaya_wal_log_id *log_id, char text[KAYA_LOG_ID_TEXT_BYTES])
{
    static_assert(2 * sizeof(log_id->bytes) + 1 == KAYA_LOG_ID_TEXT_BYTES, "two digits a byte");
    kaya_hex(log_id->bytes, sizeof(log_id->bytes), text);
}

/* What `detail` of an event is, around the number. */
static void print_detail(const struct kaya_event *event)
{
    static const struct {
        const char *before, *behind;
    } words[KAYA_EVENT_KINDS] = {
        [KAYA_EVENT_LOG_OPENED] = { "epoch ", "" },    [KAYA_EVENT_SEGMENT_RECYCLED] = { "it was ", "" },
        [KAYA_EVENT_TRIMMED] = { "", " segments go" }, [KAYA_EVENT_MENDED] = { "bit ", "" },
        [KAYA_EVENT_CARRIED] = { "", " records" },
    };
    const char *before = words[event->kind].before;
    const char *behind = words[event->kind].behind;

    if (event->detail)
        fprintf(stderr, ", %s%" PRIu64 "%s", before != NULL ? before : "", event->detail,
                behind != NULL ? behind : "");
}

void kaya_print_event(void *user, const struct kaya_event *event)
{
    struct kaya_paint paint = kaya_paint_of(stderr);
    char escaped[KAYA_ESCAPED_BYTES];

    (void)user;
    (void)kaya_output_flush();
    fprintf(stderr, "%skaya-wal: %s", paint.faint, kaya_event_name(event->kind));
    if (event->segment)
        fprintf(stderr, ", segment %" PRIu64, event->segment);
    if (event->offset_bytes)
        fprintf(stderr, " at 0x%" PRIx64, event->offset_bytes);
    if (event->lsn)
        fprintf(stderr, ", LSN %" PRIu64, event->lsn);
    print_detail(event);
    if (event->status != KAYA_OK)
        fprintf(stderr, ", %s", kaya_status_name(event->status));
    if (event->text[0])
        fprintf(stderr, ": %s", kaya_escape(event->text, escaped, sizeof(escaped)));
    fprintf(stderr, "%s\n", paint.plain);
}

enum kaya_output kaya_output_check(void)
{
    static enum kaya_output state = KAYA_OUTPUT_GOOD;

    if (state == KAYA_OUTPUT_GOOD && ferror(stdout)) {
        int reason = errno;
        state = reason == EPIPE ? KAYA_OUTPUT_CLOSED : KAYA_OUTPUT_FAILED;
        if (state == KAYA_OUTPUT_FAILED)
            kaya_complain("standard output: %s", strerror(reason));
    }
    return state;
}

enum kaya_output kaya_output_flush(void)
{
    (void)fflush(stdout); /* a failure stays on the stream */
    return kaya_output_check();
}

bool kaya_parse_number(const char *text, uint64_t *number)
{
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    *number = value;
    return true;
}

bool kaya_parse_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMG";
    size_t length = strlen(text);
    char digits[32];
    unsigned shift = 0;

    if (length == 0 || length >= sizeof(digits))
        return false;
    memcpy(digits, text, length + 1);
    const char *unit = strchr(units, toupper((unsigned char)digits[length - 1]));
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        digits[length - 1] = 0;
    }
    if (!kaya_parse_number(digits, bytes) || *bytes > UINT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return true;
}

static bool parse_hex(const char *text, uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned value;
        if (strspn(text + 2 * i, "0123456789abcdefABCDEF") < 2 || sscanf(text + 2 * i, "%2x", &value) != 1)
            return false;
        bytes[i] = (uint8_t)value;
    }
    return true;
}

bool kaya_parse_anchor(const char *text, struct kaya_wal_anchor *anchor)
{
    const char *colon = strchr(text, ':');
    size_t digits = 2 * sizeof(anchor->log_id.bytes);

    return colon && (size_t)(colon - text) == digits &&
           parse_hex(text, anchor->log_id.bytes, sizeof(anchor->log_id.bytes)) &&
           kaya_parse_number(colon + 1, &anchor->lsn);
}
