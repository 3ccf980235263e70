/* Telling a run.
 *
 *   boot 1: open                 OK, empty     create 1.new, write 0+96 2048+96 512+84, sync, rename to 1.wal, ... 9 more
 *     append_strict 20 bytes     OK, record 1  1.wal: write 596+48, sync
 *   power loss before call 31                  lost: 1.wal bytes 512.. (lost_sector)
 *   boot 2: open                 KAYA_DAMAGED
 *   broken: P4 ...
 *
 * It is made from the trace alone, so whatever can be traced can be told. An operation's line collects the calls that change the disk
 * while it runs; reads are left out, but for those that failed. Fates are decided when the next boot looks, and are told where the crash
 * is. The calls of one line are tokens; consecutive writes to one file share one. */
#include "kaya/scenarios/story.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    TOKEN_BYTES = 72,
    TEXT_BYTES = 64,
    NAME_BYTES = 40,
    WHAT_WIDTH = 30,
    ANSWER_WIDTH = 17,
    LINE_BYTES = 1024,
    MORE_WIDTH = 15, /* ", ... 99 more, " */
};

struct token {
    char text[TOKEN_BYTES];
};

struct line {
    char what[TEXT_BYTES];
    char answer[TEXT_BYTES];
    uint64_t times;       /* the same operation, so often in a row */
    uint64_t first, last; /* what it was answered: records; 0: none */
    struct token *tokens; /* I/O, or fates; of the first time */
    size_t token_count, token_capacity;
};

struct file_name {
    uint64_t inode;
    char name[NAME_BYTES];
};

struct kaya_story {
    struct line *lines;
    size_t line_count, line_capacity;
    size_t crash_line;     /* number + 1 of the line of the last crash; 0: none yet */
    size_t operation_line; /* likewise of the operation under way */
    uint64_t boot;
    uint64_t told_boot;  /* the last one that a line begins with */
    uint64_t last_inode; /* of the last token */
    struct file_name *names;
    size_t name_count, name_capacity;
    bool no_memory;
    char violation[KAYA_VIOLATION_TEXT_MAX + 32];
    char text[LINE_BYTES];
};

/* --- Lines and tokens --- */

static bool grow(struct kaya_story *story, void **array, size_t count, size_t *capacity, size_t item_bytes)
{
    void *made;

    if (count < *capacity)
        return true;
    made = realloc(*array, (2 * count + 8) * item_bytes);
    if (made == NULL) {
        story->no_memory = true;
        return false;
    }
    *array = made;
    *capacity = 2 * count + 8;
    return true;
}

/* Number + 1 of a new line; 0: no memory. */
static size_t add_line(struct kaya_story *story)
{
    if (!grow(story, (void **)&story->lines, story->line_count, &story->line_capacity, sizeof *story->lines))
        return 0;
    story->lines[story->line_count] = (struct line){ .times = 1 };
    story->last_inode = 0;
    return ++story->line_count;
}

static void add_token(struct kaya_story *story, size_t line_number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add_token(struct kaya_story *story, size_t line_number, const char *format, ...)
{
    struct line *line;
    va_list arguments;

    if (line_number == 0)
        return;
    line = &story->lines[line_number - 1];
    if (!grow(story, (void **)&line->tokens, line->token_count, &line->token_capacity, sizeof *line->tokens))
        return;
    va_start(arguments, format);
    vsnprintf(line->tokens[line->token_count++].text, TOKEN_BYTES, format, arguments);
    va_end(arguments);
}

static struct token *last_token(struct kaya_story *story, size_t line_number)
{
    struct line *line = line_number == 0 ? NULL : &story->lines[line_number - 1];

    return line == NULL || line->token_count == 0 ? NULL : &line->tokens[line->token_count - 1];
}

/* --- Files --- */

/* 0000000000000003.wal is 3.wal for people. */
static const char *short_name(const char *name)
{
    while (name[0] == '0' && name[1] >= '0' && name[1] <= '9')
        name++;
    return name;
}

static void set_name(struct kaya_story *story, uint64_t inode, const char *name)
{
    size_t i = 0;

    while (i < story->name_count && story->names[i].inode != inode)
        i++;
    if (i == story->name_count) {
        if (!grow(story, (void **)&story->names, i, &story->name_capacity, sizeof *story->names))
            return;
        story->name_count++;
    }
    story->names[i].inode = inode;
    snprintf(story->names[i].name, NAME_BYTES, "%s", short_name(name));
}

static const char *name_of(const struct kaya_story *story, uint64_t inode)
{
    for (size_t i = 0; i < story->name_count; i++)
        if (story->names[i].inode == inode)
            return story->names[i].name;
    return "a file";
}

/* --- Operations --- */

static void begin_line(struct kaya_story *story)
{
    size_t number = add_line(story);
    struct line *line;

    story->operation_line = number;
    if (number == 0)
        return;
    line = &story->lines[number - 1];
    if (story->told_boot != story->boot)
        snprintf(line->what, TEXT_BYTES, "boot %" PRIu64 ": ", story->boot);
    else
        snprintf(line->what, TEXT_BYTES, "  ");
    story->told_boot = story->boot;
}

static void name_line(struct kaya_story *story, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void name_line(struct kaya_story *story, const char *format, ...)
{
    struct line *line;
    size_t length;
    va_list arguments;

    if (story->operation_line == 0)
        return;
    line = &story->lines[story->operation_line - 1];
    length = strlen(line->what);
    va_start(arguments, format);
    vsnprintf(line->what + length, TEXT_BYTES - length, format, arguments);
    va_end(arguments);
}

static void hear_operation(struct kaya_story *story, const struct kaya_trace_event *event)
{
    begin_line(story);
    if (strncmp(event->text, "append", 6) == 0 || strncmp(event->text, "put", 3) == 0 ||
        strcmp(event->text, "echo") == 0)
        name_line(story, "%s %" PRIu64 " bytes", event->text, event->c);
    else if (strncmp(event->text, "batch", 5) == 0)
        name_line(story, "%s of %" PRIu64, event->text, event->b);
    else
        name_line(story, "%s", event->text);
}

/* What a status tells in a story. */
static const char *status_name(enum kaya_status status)
{
    return status == KAYA_OK ? "OK" : status == KAYA_GONE ? "(crash)" : kaya_status_name(status);
}

/* Went all well, and nothing struck? */
static bool is_plain(const struct line *line)
{
    bool plain = line->first > 0;

    for (size_t i = 0; i < line->token_count; i++)
        plain = plain && strchr(line->tokens[i].text, '!') == NULL &&
                strncmp(line->tokens[i].text, "fault", 5) != 0;
    return plain;
}

/* The last line says no more than the one before it: the same once more. */
static void fold(struct kaya_story *story)
{
    struct line *last = story->line_count < 2 ? NULL : &story->lines[story->line_count - 1];
    struct line *before = last == NULL ? NULL : last - 1;

    if (last == NULL || strcmp(last->what, before->what) != 0 || !is_plain(last) || !is_plain(before) ||
        last->token_count != before->token_count || before->last + 1 != last->first)
        return;
    before->times++;
    before->last = last->last;
    free(last->tokens);
    story->line_count--;
}

static void hear_answer(struct kaya_story *story, const struct kaya_trace_event *event)
{
    bool is_open = strcmp(event->text, "open") == 0 || strcmp(event->text, "recover") == 0;
    struct line *line;

    if (story->operation_line == 0) {
        begin_line(story);
        name_line(story, "%s", event->text);
    }
    if (story->operation_line == 0)
        return;
    line = &story->lines[story->operation_line - 1];
    snprintf(line->answer, TEXT_BYTES, "%s%s", status_name(event->status),
             is_open && event->status == KAYA_OK && event->b < event->a ? ", empty" : "");
    if (event->status == KAYA_OK && event->b >= event->a && (is_open || strcmp(event->text, "append") == 0)) {
        line->first = event->a;
        line->last = event->b;
    }
    if (!is_open)
        story->operation_line = 0;
    if (story->operation_line == 0 && line == &story->lines[story->line_count - 1])
        fold(story);
}

/* --- I/O --- */

static void hear_write(struct kaya_story *story, const struct kaya_trace_event *event)
{
    struct token *last = last_token(story, story->operation_line);
    bool durable = event->kind == KAYA_TRACE_WRITE_DURABLE;
    size_t length = last == NULL ? 0 : strlen(last->text);

    if (story->last_inode == event->a && last != NULL && !durable && event->status == KAYA_OK &&
        strstr(last->text, "write ") != NULL && strchr(last->text, '!') == NULL && length + 24 < TOKEN_BYTES)
        snprintf(last->text + length, TOKEN_BYTES - length, " %" PRIu64 "+%" PRIu64, event->b, event->c);
    else
        add_token(story, story->operation_line, "%s%s%s%s %" PRIu64 "+%" PRIu64,
                  story->last_inode == event->a ? "" : name_of(story, event->a),
                  story->last_inode == event->a ? "" : ": ", durable ? "write durably" : "write",
                  event->status == KAYA_OK ? "" : " !", event->b, event->c);
    story->last_inode = event->a;
}

static void hear_file_call(struct kaya_story *story, const struct kaya_trace_event *event, const char *what)
{
    add_token(story, story->operation_line, "%s%s%s%s%s",
              story->last_inode == event->a ? "" : name_of(story, event->a),
              story->last_inode == event->a ? "" : ": ", what, event->status == KAYA_OK ? "" : " !",
              event->status == KAYA_OK ? "" : kaya_status_name(event->status));
    story->last_inode = event->a;
}

static void hear_resize(struct kaya_story *story, const struct kaya_trace_event *event)
{
    char text[TEXT_BYTES];

    snprintf(text, sizeof text, "%s %" PRIu64, event->kind == KAYA_TRACE_TRUNCATE ? "cut to" : "allocate",
             event->b);
    hear_file_call(story, event, text);
}

/* Two events: from, to. */
static void hear_rename(struct kaya_story *story, const struct kaya_trace_event *event)
{
    struct token *last = last_token(story, story->operation_line);
    size_t length;

    if (event->b == 0) {
        add_token(story, story->operation_line, "rename %s to ", short_name(event->text));
        return;
    }
    length = last == NULL ? 0 : strlen(last->text);
    if (last != NULL)
        snprintf(last->text + length, TOKEN_BYTES - length, "%s%s", short_name(event->text),
                 event->status == KAYA_OK ? "" : " !");
    if (event->status == KAYA_OK)
        set_name(story, event->a, event->text);
    story->last_inode = 0;
}

static void hear_open(struct kaya_story *story, const struct kaya_trace_event *event)
{
    bool creates = (event->b & KAYA_OPEN_CREATE) != 0;

    if (event->status == KAYA_OK)
        set_name(story, event->a, event->text);
    if (creates || event->status != KAYA_OK)
        add_token(story, story->operation_line, "%s %s%s%s", creates ? "create" : "open",
                  short_name(event->text), event->status == KAYA_OK ? "" : " !",
                  event->status == KAYA_OK ? "" : kaya_status_name(event->status));
    if (creates)
        story->last_inode = event->a;
}

/* --- Crashes and faults --- */

static void hear_crash(struct kaya_story *story, const struct kaya_trace_event *event)
{
    size_t number = add_line(story);
    const char *what = event->kind == KAYA_TRACE_POWER_LOSS      ? "power loss"
                       : event->kind == KAYA_TRACE_PROCESS_CRASH ? "the process dies"
                                                                 : "the cache is dropped";

    if (number == 0)
        return;
    if (event->kind == KAYA_TRACE_EVICT || story->operation_line == 0)
        snprintf(story->lines[number - 1].what, TEXT_BYTES, "%s", what);
    else
        snprintf(story->lines[number - 1].what, TEXT_BYTES, "%s before call %" PRIu64, what, event->a);
    story->crash_line = number;
}

static void hear_fate(struct kaya_story *story, const struct kaya_trace_event *event)
{
    size_t line = event->status == KAYA_OK ? story->crash_line : story->operation_line;

    if (event->a == 0 && event->c == 0)
        add_token(story, line, "%s %s", kaya_fault_name((enum kaya_fault)event->b), short_name(event->text));
    else if (event->a == 0 && strcmp(event->text, "names") == 0)
        return; /* those that were lost are told one by one */
    else if (event->a == 0)
        add_token(story, line, "%s lost", event->text);
    else if (event->status != KAYA_OK)
        add_token(story, line, "its dirty bytes are %s", event->text);
    else if ((strcmp(event->text, "size") == 0 || strcmp(event->text, "moment") == 0) && event->b > 0)
        add_token(story, line, "%s: its %s an earlier one", name_of(story, event->a),
                  strcmp(event->text, "size") == 0 ? "size is" : "bytes are of");
    else if (event->c > 0 && strcmp(event->text, "size") != 0 && strcmp(event->text, "moment") != 0)
        add_token(story, line, "%s: %s at %" PRIu64, name_of(story, event->a), event->text, event->b);
}

static void hear_fault(struct kaya_story *story, const struct kaya_trace_event *event)
{
    size_t line = story->operation_line;

    if (line == 0) /* at rest, between boots */
        line = story->crash_line;
    if (line == 0) {
        line = add_line(story);
        if (line != 0)
            snprintf(story->lines[line - 1].what, TEXT_BYTES, "meanwhile");
    }
    if (event->a != 0)
        add_token(story, line, "fault: %s in %s at %" PRIu64 "+%" PRIu64, event->text,
                  name_of(story, event->a), event->b, event->c);
    else
        add_token(story, line, "fault: %s", event->text);
}

/* The first note is the plan; those in a boot are reasons, which the verdict repeats; the others are people at work. */
static void hear_note(struct kaya_story *story, const struct kaya_trace_event *event)
{
    if (event->index == 1 || story->operation_line != 0 || event->status != KAYA_OK)
        return;
    if (add_line(story) != 0)
        snprintf(story->lines[story->line_count - 1].what, TEXT_BYTES, "somebody: %s", event->text);
}

void kaya_story_hear(void *user, const struct kaya_trace_event *event)
{
    struct kaya_story *story = user;

    switch (event->kind) {
    case KAYA_TRACE_BOOT:
        story->boot = event->a;
        story->operation_line = 0;
        break;
    case KAYA_TRACE_OPERATION:
        hear_operation(story, event);
        break;
    case KAYA_TRACE_ANSWER:
        hear_answer(story, event);
        break;
    case KAYA_TRACE_OPEN:
        hear_open(story, event);
        break;
    case KAYA_TRACE_WRITE:
    case KAYA_TRACE_WRITE_DURABLE:
        hear_write(story, event);
        break;
    case KAYA_TRACE_SYNC:
        hear_file_call(story, event, "sync");
        break;
    case KAYA_TRACE_SYNC_DIRECTORY:
        add_token(story, story->operation_line, "sync %s%s", event->b == 0 ? "directory" : "parent",
                  event->status == KAYA_OK ? "" : " !");
        break;
    case KAYA_TRACE_TRUNCATE:
    case KAYA_TRACE_ALLOCATE:
        hear_resize(story, event);
        break;
    case KAYA_TRACE_RENAME:
        hear_rename(story, event);
        break;
    case KAYA_TRACE_UNLINK:
        add_token(story, story->operation_line, "remove %s", short_name(event->text));
        break;
    case KAYA_TRACE_CREATE_DIRECTORY:
        add_token(story, story->operation_line, "make directory");
        break;
    case KAYA_TRACE_READ:
        if (event->status != KAYA_OK)
            hear_file_call(story, event, "read");
        break;
    case KAYA_TRACE_POWER_LOSS:
    case KAYA_TRACE_PROCESS_CRASH:
    case KAYA_TRACE_EVICT:
        hear_crash(story, event);
        break;
    case KAYA_TRACE_FATE:
        hear_fate(story, event);
        break;
    case KAYA_TRACE_FAULT:
        hear_fault(story, event);
        break;
    case KAYA_TRACE_NOTE:
        hear_note(story, event);
        break;
    default:
        break;
    }
}

void kaya_story_end(struct kaya_story *story, const struct kaya_violation *violation)
{
    snprintf(story->violation, sizeof story->violation, "broken: %s: %s", violation->promise, violation->what);
}

/* --- Saying it --- */

size_t kaya_story_line_count(const struct kaya_story *story)
{
    return story->line_count + (story->violation[0] != '\0');
}

static bool is_crash(const struct line *line)
{
    return strncmp(line->what, "power loss", 10) == 0;
}

static size_t put(char *text, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static size_t put(char *text, size_t at, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text + at, LINE_BYTES - at, format, arguments);
    va_end(arguments);
    return length < 0 ? at : at + (size_t)length < LINE_BYTES ? at + (size_t)length : LINE_BYTES - 1;
}

/* Which tokens at the end fit in `room` columns. */
static size_t first_that_fits(const struct line *line, size_t from, size_t room)
{
    size_t first = line->token_count;
    size_t used = 0;

    while (first > from && used + strlen(line->tokens[first - 1].text) + 2 <= room)
        used += strlen(line->tokens[--first].text) + 2;
    return first;
}

/* Where all do not fit, the first one and the last ones: what stood right before the crash. */
static void put_tokens(char *text, size_t at, const struct line *line, size_t width)
{
    size_t room = width > at ? width - at : 0;
    size_t from = first_that_fits(line, 0, room + 2);
    size_t head = from == 0 ? 0 : 1;
    size_t length = line->token_count == 0 ? 0 : strlen(line->tokens[0].text) + MORE_WIDTH;

    if (from > 0)
        from = first_that_fits(line, 1, room > length ? room - length : 0);
    if (head == 1)
        at = put(text, at, "%s", line->tokens[0].text);
    if (from > head)
        at = put(text, at, ", ... %zu more", from - head);
    for (size_t i = from; i < line->token_count; i++)
        at = put(text, at, "%s%s", i == 0 ? "" : ", ", line->tokens[i].text);
}

static size_t put_head(char *text, const struct line *line)
{
    char what[TEXT_BYTES + 40];
    char answer[TEXT_BYTES + 56];
    size_t length;

    snprintf(what, sizeof what, "%s", line->what);
    if (line->times > 1)
        snprintf(what, sizeof what, "%s, %" PRIu64 " times", line->what, line->times);
    snprintf(answer, sizeof answer, "%s", line->answer);
    length = strlen(answer);
    if (line->first > 0 && line->first == line->last)
        snprintf(answer + length, sizeof answer - length, ", record %" PRIu64, line->first);
    else if (line->first > 0)
        snprintf(answer + length, sizeof answer - length, ", records %" PRIu64 "..%" PRIu64, line->first,
                 line->last);
    return put(text, 0, "%-*s %-*s ", WHAT_WIDTH, what, ANSWER_WIDTH, answer);
}

const char *kaya_story_line(struct kaya_story *story, size_t number, size_t width)
{
    const struct line *line;
    size_t at;

    if (story->no_memory || number >= kaya_story_line_count(story))
        return NULL;
    if (number == story->line_count)
        return story->violation;
    line = &story->lines[number];
    at = put_head(story->text, line);
    if (is_crash(line))
        at = put(story->text, at, "%s", line->token_count == 0 ? "nothing is lost" : "afterwards: ");
    put_tokens(story->text, at, line, width);
    for (at = strlen(story->text); at > 0 && story->text[at - 1] == ' '; at--)
        story->text[at - 1] = '\0';
    return story->text;
}

/* --- Life --- */

struct kaya_story *kaya_story_create(void)
{
    return calloc(1, sizeof(struct kaya_story));
}

void kaya_story_destroy(struct kaya_story *story)
{
    if (story == NULL)
        return;
    for (size_t i = 0; i < story->line_count; i++)
        free(story->lines[i].tokens);
    free(story->lines);
    free(story->names);
    free(story);
}
