/* Workload files: what a program did, one operation a line.
 *
 *   # a comment
 *   append 4096 relaxed       a record of so many bytes; strict: durable when it returns; buffered: in memory
 *   batch 100 200 300 strict  several as one
 *   echo 500                  a strict record that is a copy of the log's own file
 *   trim 20                   let go of all but the newest 20 records; without a number: of all
 *   cut_back 3                close, give up the newest 3 records, open again
 *   sync                      and every other operation that takes nothing, by its name
 *
 * tools/record-workload makes such files; they are easily written by hand as well. */
#include "workload_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mistake.h"

enum { WORDS_MAX = 2 + KAYA_BATCH_RECORDS_MAX, BYTES_MAX = 16 << 20, RECORDS_MAX = 1000000 };

struct line {
    const char *file_name;
    unsigned number;
    char *words[WORDS_MAX];
    size_t count;
    struct kaya_scenario_mistake *mistake;
};

static enum kaya_status mistaken(const struct line *line, const char *wrong, const char *allowed)
{
    return kaya_scenario_mistaken(line->mistake, line->file_name, line->number, line->words[0], wrong, allowed);
}

static bool number_of(const char *word, uint64_t most, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(word, &end, 10);
    return word[0] >= '0' && word[0] <= '9' && *end == '\0' && errno == 0 && *number <= most;
}

/* --- What each word takes --- */

static enum kaya_status take_lengths(const struct line *line, size_t from, size_t to,
                                     struct kaya_operation *operation)
{
    uint64_t length;

    for (size_t i = from; i < to; i++) {
        if (!number_of(line->words[i], BYTES_MAX, &length))
            return mistaken(line, "this is no size", "bytes, 0 to 16777216");
        operation->lengths[operation->record_count++] = (uint32_t)length;
    }
    return KAYA_OK;
}

enum { MODES = 3 };
static const char *const modes[MODES] = { "strict", "relaxed", "buffered" };

static enum kaya_status take_records(const struct line *line, size_t records_max,
                                     const enum kaya_operation_kind of_modes[MODES], const char *allowed,
                                     struct kaya_operation *operation)
{
    const char *mode = line->words[line->count - 1];

    if (line->count < 3 || line->count - 2 > records_max)
        return mistaken(line, "this is not how it is written", allowed);
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(mode, modes[i]) == 0) {
            operation->kind = of_modes[i];
            return take_lengths(line, 1, line->count - 1, operation);
        }
    }
    return mistaken(line, "the mode comes last", "strict, relaxed, buffered");
}

static enum kaya_status take_append(const struct line *line, struct kaya_operation *operation)
{
    static const enum kaya_operation_kind kinds[MODES] = { KAYA_OPERATION_APPEND_STRICT,
                                                           KAYA_OPERATION_APPEND_RELAXED,
                                                           KAYA_OPERATION_APPEND_BUFFERED };

    return take_records(line, 1, kinds, "append SIZE strict|relaxed|buffered", operation);
}

static enum kaya_status take_batch(const struct line *line, struct kaya_operation *operation)
{
    static const enum kaya_operation_kind kinds[MODES] = { KAYA_OPERATION_BATCH_STRICT,
                                                           KAYA_OPERATION_BATCH_RELAXED,
                                                           KAYA_OPERATION_BATCH_BUFFERED };

    return take_records(line, KAYA_BATCH_RECORDS_MAX, kinds,
                        "batch SIZE... strict|relaxed|buffered, 1 to 16 sizes", operation);
}

static enum kaya_status take_echo(const struct line *line, struct kaya_operation *operation)
{
    operation->kind = KAYA_OPERATION_ECHO;
    return line->count == 2 ? take_lengths(line, 1, 2, operation)
                            : mistaken(line, "this is not how it is written", "echo SIZE");
}

static enum kaya_status take_trim(const struct line *line, struct kaya_operation *operation)
{
    operation->kind = KAYA_OPERATION_TRIM;
    if (line->count == 1 ||
        (line->count == 2 && number_of(line->words[1], RECORDS_MAX, &operation->keep_records)))
        return KAYA_OK;
    return mistaken(line, "this is not how it is written", "trim, trim RECORDS (0 to 1000000)");
}

static enum kaya_status take_cut_back(const struct line *line, struct kaya_operation *operation)
{
    operation->kind = KAYA_OPERATION_CUT_BACK;
    if (line->count == 2 && number_of(line->words[1], RECORDS_MAX, &operation->keep_records))
        return KAYA_OK;
    return mistaken(line, "this is not how it is written", "cut_back RECORDS (0 to 1000000)");
}

static const struct {
    const char *word;
    enum kaya_status (*take)(const struct line *, struct kaya_operation *);
} forms[] = {
    { "append", take_append }, { "batch", take_batch },       { "echo", take_echo },
    { "trim", take_trim },     { "cut_back", take_cut_back },
};
enum { FORM_COUNT = sizeof forms / sizeof forms[0] };

/* All kinds whose names do not stand among the forms, and are no part of one. */
static bool is_bare(enum kaya_operation_kind kind)
{
    return kind >= KAYA_OPERATION_SYNC && kind != KAYA_OPERATION_TRIM && kind != KAYA_OPERATION_CUT_BACK &&
           kaya_operation_is_of(kind, KAYA_SUBJECT_LOG);
}

static enum kaya_status take_bare(const struct line *line, struct kaya_operation *operation)
{
    char allowed[KAYA_MISTAKE_TEXT_MAX / 2] = "append, batch, echo, trim, cut_back";

    for (int i = 0; i < KAYA_OPERATIONS; i++) {
        enum kaya_operation_kind kind = (enum kaya_operation_kind)i;
        size_t used = strlen(allowed);

        if (!is_bare(kind))
            continue;
        if (strcmp(line->words[0], kaya_operation_name(kind)) == 0) {
            operation->kind = kind;
            return line->count == 1 ? KAYA_OK : mistaken(line, "it takes nothing", "the word alone");
        }
        snprintf(allowed + used, sizeof allowed - used, ", %s", kaya_operation_name(kind));
    }
    return mistaken(line, "there is no such operation", allowed);
}

static enum kaya_status take_line(const struct line *line, struct kaya_operation *operation)
{
    memset(operation, 0, sizeof *operation);
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (strcmp(line->words[0], forms[i].word) == 0)
            return forms[i].take(line, operation);
    return take_bare(line, operation);
}

/* --- Lines --- */

/* The words of the line at `text`, which is taken apart. */
static enum kaya_status split(char *text, struct line *line)
{
    char *rest = text;

    text[strcspn(text, "#")] = '\0';
    line->count = 0;
    for (char *word; (word = strsep(&rest, " \t\r")) != NULL;) {
        if (*word == '\0')
            continue;
        if (line->count == WORDS_MAX)
            return mistaken(line, "the line is too long", "at most 16 sizes");
        line->words[line->count++] = word;
    }
    return KAYA_OK;
}

static size_t count_lines(const char *text)
{
    size_t count = 1;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

enum kaya_status kaya_workload_parse(const char *file_name, const char *text, struct kaya_operation **operations,
                                     size_t *count, struct kaya_scenario_mistake *mistake)
{
    struct line line = { .file_name = file_name, .mistake = mistake };
    struct kaya_operation *taken = calloc(count_lines(text), sizeof *taken);
    char *copy = strdup(text);
    char *rest = copy;
    enum kaya_status status = taken == NULL || copy == NULL ? KAYA_NO_MEMORY : KAYA_OK;

    *operations = NULL;
    *count = 0;
    while (status == KAYA_OK && rest != NULL) {
        line.number++;
        status = split(strsep(&rest, "\n"), &line);
        if (status == KAYA_OK && line.count > 0)
            status = take_line(&line, &taken[(*count)++]);
    }
    if (status == KAYA_OK && *count == 0)
        status = kaya_scenario_mistaken(mistake, file_name, 1, "", "there is no operation in this file", "");
    if (status == KAYA_OK) {
        *operations = taken;
        taken = NULL;
    }
    free(taken);
    free(copy);
    return status;
}
