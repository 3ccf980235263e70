/* Records from a stream: everything up to a delimiter, any bytes, in bounded memory.
 *
 * read(2) rather than stdio, because append must know whether more lines have arrived already: those share one sync.
 * The buffer holds at most the longest line and its delimiter, so whatever is whole in it is short enough. A last line
 * without a delimiter counts; nothing behind a last delimiter is no line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

enum { FIRST_CAPACITY = 64 * 1024 };

void kaya_lines_init(struct kaya_lines *lines, int descriptor, char delimiter, size_t length_max)
{
    *lines = (struct kaya_lines){ .descriptor = descriptor, .delimiter = delimiter, .length_max = length_max };
}

void kaya_lines_release(struct kaya_lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

static const char *find_delimiter(const struct kaya_lines *lines)
{
    if (lines->start == lines->end)
        return NULL;
    return memchr(lines->buffer + lines->start, lines->delimiter, lines->end - lines->start);
}

bool kaya_lines_at_hand(const struct kaya_lines *lines)
{
    return find_delimiter(lines);
}

/* Make room behind `end`: move what is left to the front, then grow up to the longest line and its delimiter. */
static enum kaya_line_result make_room(struct kaya_lines *lines)
{
    size_t capacity_max = lines->length_max + 1;

    if (lines->start > 0) {
        memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end < lines->capacity)
        return KAYA_LINE;
    if (lines->capacity == capacity_max)
        return KAYA_LINE_TOO_LONG;
    size_t capacity = lines->capacity ? lines->capacity * 2 : FIRST_CAPACITY;
    if (capacity > capacity_max)
        capacity = capacity_max;
    char *buffer = realloc(lines->buffer, capacity);
    if (!buffer)
        return KAYA_LINE_NO_MEMORY;
    lines->buffer = buffer;
    lines->capacity = capacity;
    return KAYA_LINE;
}

static enum kaya_line_result read_more(struct kaya_lines *lines)
{
    enum kaya_line_result result = make_room(lines);
    ssize_t count;

    if (result != KAYA_LINE)
        return result;
    do
        count = read(lines->descriptor, lines->buffer + lines->end, lines->capacity - lines->end);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return KAYA_LINE_READ_FAILED;
    lines->at_end_of_input = count == 0;
    lines->end += (size_t)count;
    return KAYA_LINE;
}

/* Hand out `length` bytes and step over them and `delimiter_length` more. */
static enum kaya_line_result give(struct kaya_lines *lines, size_t given, size_t delimiter_length,
                                  const char **bytes, size_t *length)
{
    *bytes = lines->buffer + lines->start;
    *length = given;
    lines->start += given + delimiter_length;
    lines->number++;
    return KAYA_LINE;
}

enum kaya_line_result kaya_lines_next(struct kaya_lines *lines, const char **bytes, size_t *length)
{
    const char *delimiter;

    while (!(delimiter = find_delimiter(lines))) {
        size_t left = lines->end - lines->start;
        if (left > lines->length_max)
            return KAYA_LINE_TOO_LONG;
        if (lines->at_end_of_input)
            return left > 0 ? give(lines, left, 0, bytes, length) : KAYA_LINE_END;
        enum kaya_line_result result = read_more(lines);
        if (result != KAYA_LINE)
            return result;
    }
    return give(lines, (size_t)(delimiter - (lines->buffer + lines->start)), 1, bytes, length);
}
