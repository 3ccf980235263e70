/* Scenario files.
 *
 * libcyaml turns the YAML into the structures below by the schema; what the values may be is judged by
 * kaya_scenario_is_valid, the same for scenarios built in C. Fields are pointers, so that one that is left out keeps its
 * default.
 *
 * The library tells what is wrong, but not always in which line, and never what would be right. So its words are caught on
 * their way to its log, the key is taken out of them, its line is looked up in the text, and what is allowed is read off the
 * schema: one table serves reading and explaining. */
#include "kaya/scenarios/scenario_file.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "mistake.h"
#include "workload_file.h"

/* --- The schema --- */

struct weights {
    uint32_t values[KAYA_OPERATIONS];
};
_Static_assert((int)KAYA_TAMPERINGS <= (int)KAYA_OPERATIONS, "the weights of tamperings fit as well");
_Static_assert((int)KAYA_ENDINGS <= (int)KAYA_OPERATIONS, "the weights of endings fit as well");

struct odds {
    uint32_t values[KAYA_FAULTS];
};

struct file_log {
    uint32_t *segment_bytes, *block_bytes, *spares, *buffer_bytes;
    unsigned segment_bytes_count, block_bytes_count, spares_count, buffer_bytes_count;
    uint32_t *submitted_records_max, *submitted_bytes_max, *commit_delay_ns, *full_is_busy_percent;
    unsigned submitted_records_max_count, submitted_bytes_max_count, commit_delay_ns_count;
};

struct file_disk {
    struct kaya_range *capacity_segments;
    uint32_t *cannot_allocate_percent, *moves_percent;
};

struct file_latency {
    struct kaya_latency kinds[KAYA_LATENCIES];
};

struct file_crash {
    struct kaya_range *within_calls;
    struct weights *endings;
    uint32_t *in_recovery_percent, *in_recovery_depth;
};

struct file_tampering {
    uint32_t *percent, *live_copy_percent;
    struct weights *kinds;
};

struct file_open {
    uint32_t *look_percent, *recover_only_percent, *anchor_percent, *beside_percent, *trim_percent,
        *other_config_percent;
};

struct file {
    char *story, *name, *workload_file;
    uint64_t *seeds, *expect_struck_within, *sometimes;
    uint64_t *faults;
    uint32_t *profiles, *swarm, *budget, *subject;
    struct odds *odds;
    uint32_t *read_fault_repeats, *tender_percent;
    struct file_log *log;
    struct file_disk *disk;
    struct file_latency *latency;
    struct kaya_range *boots, *operations, *record_bytes, *batch_records, *keep_records, *keys, *threads;
    struct file_crash *crash;
    struct file_open *open;
    struct file_tampering *tampering;
    struct weights *workload;
};

enum { PROFILES_MAX = 31, OPTIONAL_POINTER = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER };

static const cyaml_schema_field_t range_fields[] = {
    CYAML_FIELD_UINT("from", CYAML_FLAG_DEFAULT, struct kaya_range, from),
    CYAML_FIELD_UINT("to", CYAML_FLAG_DEFAULT, struct kaya_range, to),
    CYAML_FIELD_END,
};

#define NUMBER_FIELD(key_text, structure, index)                                                             \
    {                                                                                                        \
        .key = (key_text),                                                                                   \
        .value = { .type = CYAML_UINT, .flags = CYAML_FLAG_OPTIONAL, .data_size = sizeof(uint32_t) },        \
        .data_offset = (uint32_t)(offsetof(structure, values) + sizeof(uint32_t) * (index)),                 \
    },

static const cyaml_schema_field_t tampering_kind_fields[] = {
#define FIELD(NAME, name, text) NUMBER_FIELD(#name, struct weights, KAYA_TAMPERING_##NAME)
    KAYA_TAMPERING_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t tampering_fields[] = {
    CYAML_FIELD_UINT_PTR("percent", OPTIONAL_POINTER, struct file_tampering, percent),
    CYAML_FIELD_UINT_PTR("live_copy_percent", OPTIONAL_POINTER, struct file_tampering, live_copy_percent),
    CYAML_FIELD_MAPPING_PTR("kinds", OPTIONAL_POINTER, struct file_tampering, kinds, tampering_kind_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ending_fields[] = {
#define FIELD(NAME, name, text) NUMBER_FIELD(#name, struct weights, KAYA_ENDING_##NAME)
    KAYA_ENDING_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t operation_fields[] = {
#define FIELD(NAME, name, text) NUMBER_FIELD(#name, struct weights, KAYA_OPERATION_##NAME)
    KAYA_OPERATION_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t odds_fields[] = {
#define FIELD(NAME, name, GROUP) NUMBER_FIELD(#name, struct odds, KAYA_FAULT_##NAME)
    KAYA_FAULT_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END,
};

static const cyaml_schema_value_t number_value = { CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t) };

#define NUMBERS(member)                                                                                      \
    CYAML_FIELD_SEQUENCE(#member, OPTIONAL_POINTER, struct file_log, member, &number_value, 1, KAYA_NUMBERS_MAX)

static const cyaml_schema_field_t log_fields[] = {
    NUMBERS(segment_bytes),
    NUMBERS(block_bytes),
    NUMBERS(spares),
    NUMBERS(buffer_bytes),
    NUMBERS(submitted_records_max),
    NUMBERS(submitted_bytes_max),
    NUMBERS(commit_delay_ns),
    CYAML_FIELD_UINT_PTR("full_is_busy_percent", OPTIONAL_POINTER, struct file_log, full_is_busy_percent),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t disk_fields[] = {
    CYAML_FIELD_MAPPING_PTR("capacity_segments", OPTIONAL_POINTER, struct file_disk, capacity_segments,
                            range_fields),
    CYAML_FIELD_UINT_PTR("cannot_allocate_percent", OPTIONAL_POINTER, struct file_disk, cannot_allocate_percent),
    CYAML_FIELD_UINT_PTR("moves_percent", OPTIONAL_POINTER, struct file_disk, moves_percent),
    CYAML_FIELD_END,
};

static const cyaml_strval_t latency_shape_names[] = {
#define NAME(NAME, name, text) { #name, KAYA_LATENCY_SHAPE_##NAME },
    KAYA_LATENCY_SHAPE_LIST(NAME)
#undef NAME
};

static const cyaml_schema_field_t latency_kind_fields[] = {
    CYAML_FIELD_ENUM("shape", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct kaya_latency, shape,
                     latency_shape_names, sizeof latency_shape_names / sizeof latency_shape_names[0]),
    CYAML_FIELD_UINT("from_ns", CYAML_FLAG_DEFAULT, struct kaya_latency, from_ns),
    CYAML_FIELD_UINT("to_ns", CYAML_FLAG_DEFAULT, struct kaya_latency, to_ns),
    CYAML_FIELD_UINT("stall_in", CYAML_FLAG_OPTIONAL, struct kaya_latency, stall_in),
    CYAML_FIELD_UINT("stall_ns", CYAML_FLAG_OPTIONAL, struct kaya_latency, stall_ns),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t latency_fields[] = {
#define FIELD(NAME, name, text)                                                                              \
    CYAML_FIELD_MAPPING(#name, CYAML_FLAG_OPTIONAL, struct file_latency, kinds[KAYA_LATENCY_##NAME],         \
                        latency_kind_fields),
    KAYA_LATENCY_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END,
};

static const cyaml_schema_field_t crash_fields[] = {
    CYAML_FIELD_MAPPING_PTR("within_calls", OPTIONAL_POINTER, struct file_crash, within_calls, range_fields),
    CYAML_FIELD_MAPPING_PTR("endings", OPTIONAL_POINTER, struct file_crash, endings, ending_fields),
    CYAML_FIELD_UINT_PTR("in_recovery_percent", OPTIONAL_POINTER, struct file_crash, in_recovery_percent),
    CYAML_FIELD_UINT_PTR("in_recovery_depth", OPTIONAL_POINTER, struct file_crash, in_recovery_depth),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t open_fields[] = {
    CYAML_FIELD_UINT_PTR("look_percent", OPTIONAL_POINTER, struct file_open, look_percent),
    CYAML_FIELD_UINT_PTR("recover_only_percent", OPTIONAL_POINTER, struct file_open, recover_only_percent),
    CYAML_FIELD_UINT_PTR("beside_percent", OPTIONAL_POINTER, struct file_open, beside_percent),
    CYAML_FIELD_UINT_PTR("trim_percent", OPTIONAL_POINTER, struct file_open, trim_percent),
    CYAML_FIELD_UINT_PTR("anchor_percent", OPTIONAL_POINTER, struct file_open, anchor_percent),
    CYAML_FIELD_UINT_PTR("other_config_percent", OPTIONAL_POINTER, struct file_open, other_config_percent),
    CYAML_FIELD_END,
};

/* The words of `faults`: all, the groups, the families. A group's families are known only at run time. */
enum { GROUPS_FIRST = 1, FAULT_WORDS = 1 + KAYA_FAULT_GROUPS + KAYA_FAULTS };

static void make_fault_words(cyaml_strval_t words[FAULT_WORDS])
{
    cyaml_strval_t *word = words + GROUPS_FIRST + KAYA_FAULT_GROUPS;

    words[0] = (cyaml_strval_t){ "all", 0 };
    for (int i = 0; i < KAYA_FAULT_GROUPS; i++)
        words[GROUPS_FIRST + i] = (cyaml_strval_t){ kaya_fault_group_name((enum kaya_fault_group)i), 0 };
    for (int i = 0; i < KAYA_FAULTS; i++) {
        enum kaya_fault fault = (enum kaya_fault)i;
        int64_t bit = (int64_t)1 << i;

        *word++ = (cyaml_strval_t){ kaya_fault_name(fault), bit };
        words[GROUPS_FIRST + (int)kaya_fault_group(fault)].val |= bit;
        words[0].val |= bit;
    }
}

static const cyaml_strval_t mark_names[] = {
#define NAME(NAME, name, text) { #name, (int64_t)1 << KAYA_MARK_##NAME },
    KAYA_EVENT_LIST(NAME)
#undef NAME
#define NAME(NAME, name, row) { "found_" #name, (int64_t)1 << KAYA_MARK_FOUND_##NAME },
        KAYA_VERDICT_ROW_LIST(NAME)
#undef NAME
#define NAME(NAME, name, text) { #name, (int64_t)1 << KAYA_MARK_##NAME },
            KAYA_OWN_MARK_LIST(NAME)
#undef NAME
};

static const cyaml_strval_t subject_names[] = {
#define NAME(NAME, name, text) { #name, KAYA_SUBJECT_##NAME },
    KAYA_SUBJECT_LIST(NAME)
#undef NAME
};

static const cyaml_strval_t budget_names[] = {
#define NAME(NAME, name, text) { #name, KAYA_BUDGET_##NAME },
    KAYA_BUDGET_LIST(NAME)
#undef NAME
};

static const cyaml_strval_t switch_names[] = { { "no", 0 }, { "yes", 1 } };

#define RANGE(member) CYAML_FIELD_MAPPING_PTR(#member, OPTIONAL_POINTER, struct file, member, range_fields)
#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { FIELDS_MAX = 32, WORKLOAD_NAME_MAX = 255 };

/* The names of profiles and faults are known only at run time, so the schema's outermost table is made there. */
struct schema {
    cyaml_strval_t fault_words[FAULT_WORDS];
    cyaml_strval_t profile_names[PROFILES_MAX + 1];
    uint32_t profile_count;
    cyaml_schema_field_t fields[FIELDS_MAX];
    cyaml_schema_value_t top;
};

static void make_schema(struct schema *schema)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);

    make_fault_words(schema->fault_words);
    schema->profile_count = 1;
    schema->profile_names[0] = (cyaml_strval_t){ "all", ((int64_t)1 << count) - 1 };
    for (size_t i = 0; i < count && i < PROFILES_MAX; i++)
        schema->profile_names[schema->profile_count++] = (cyaml_strval_t){ profiles[i].name, (int64_t)1 << i };
    const cyaml_schema_field_t fields[] = {
        CYAML_FIELD_STRING_PTR("story", OPTIONAL_POINTER, struct file, story, 0, KAYA_SCENARIO_STORY_MAX - 1),
        CYAML_FIELD_STRING_PTR("name", OPTIONAL_POINTER, struct file, name, 0, KAYA_SCENARIO_NAME_MAX - 1),
        CYAML_FIELD_UINT_PTR("seeds", OPTIONAL_POINTER, struct file, seeds),
        CYAML_FIELD_UINT_PTR("expect_struck_within", OPTIONAL_POINTER, struct file, expect_struck_within),
        CYAML_FIELD_FLAGS_PTR("faults", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, faults,
                              schema->fault_words, FAULT_WORDS),
        CYAML_FIELD_MAPPING_PTR("odds", OPTIONAL_POINTER, struct file, odds, odds_fields),
        CYAML_FIELD_UINT_PTR("read_fault_repeats", OPTIONAL_POINTER, struct file, read_fault_repeats),
        CYAML_FIELD_FLAGS_PTR("sometimes", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, sometimes,
                              mark_names, LENGTH_OF(mark_names)),
        CYAML_FIELD_FLAGS_PTR("profiles", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, profiles,
                              schema->profile_names, schema->profile_count),
        CYAML_FIELD_ENUM_PTR("budget", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, budget,
                             budget_names, LENGTH_OF(budget_names)),
        CYAML_FIELD_ENUM_PTR("swarm", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, swarm, switch_names,
                             LENGTH_OF(switch_names)),
        CYAML_FIELD_MAPPING_PTR("log", OPTIONAL_POINTER, struct file, log, log_fields),
        CYAML_FIELD_MAPPING_PTR("disk", OPTIONAL_POINTER, struct file, disk, disk_fields),
        CYAML_FIELD_MAPPING_PTR("latency", OPTIONAL_POINTER, struct file, latency, latency_fields),
        RANGE(boots),
        RANGE(operations),
        CYAML_FIELD_MAPPING_PTR("crash", OPTIONAL_POINTER, struct file, crash, crash_fields),
        CYAML_FIELD_MAPPING_PTR("tampering", OPTIONAL_POINTER, struct file, tampering, tampering_fields),
        CYAML_FIELD_MAPPING_PTR("open", OPTIONAL_POINTER, struct file, open, open_fields),
        CYAML_FIELD_MAPPING_PTR("workload", OPTIONAL_POINTER, struct file, workload, operation_fields),
        CYAML_FIELD_STRING_PTR("workload_file", OPTIONAL_POINTER, struct file, workload_file, 0, WORKLOAD_NAME_MAX),
        RANGE(record_bytes),
        RANGE(batch_records),
        RANGE(keep_records),
        RANGE(keys),
        RANGE(threads),
        CYAML_FIELD_UINT_PTR("tender_percent", OPTIONAL_POINTER, struct file, tender_percent),
        CYAML_FIELD_ENUM_PTR("subject", OPTIONAL_POINTER | CYAML_FLAG_STRICT, struct file, subject,
                             subject_names, LENGTH_OF(subject_names)),
        CYAML_FIELD_END,
    };
    _Static_assert(LENGTH_OF(fields) <= FIELDS_MAX, "room for every key");
    memcpy(schema->fields, fields, sizeof fields);
    schema->top = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, schema->fields) };
}

/* --- Mistakes --- */

enum { PATH_DEPTH_MAX = 3, WORD_MAX = 64, PATH_MAX_BYTES = WORD_MAX * (PATH_DEPTH_MAX + 1) };

/* What the library said, as it came. */
struct complaint {
    char message[256];
    char path[PATH_DEPTH_MAX][WORD_MAX]; /* innermost first */
    unsigned depth;
    unsigned line;
};

static void hear(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    struct complaint *complaint = context;
    char text[512];
    char word[WORD_MAX];

    (void)level;
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, "Load: ", 6) == 0) {
        if (complaint->message[0] == '\0' && strcmp(text, "Load: Backtrace:") != 0)
            snprintf(complaint->message, sizeof complaint->message, "%.250s", text + 6);
        return;
    }
    if (complaint->line == 0)
        (void)sscanf(strstr(text, "(line: ") != NULL ? strstr(text, "(line: ") : "", "(line: %u",
                     &complaint->line);
    if (sscanf(text, " in mapping field '%63[^']'", word) == 1 && complaint->depth < PATH_DEPTH_MAX)
        memcpy(complaint->path[complaint->depth++], word, sizeof word);
}

/* The first place at or behind `from` where `word` stands as a key; of the outermost keys if `outermost`. A file may have a key with two dots
 * in a row, and so an empty word: it stands nowhere. */
static const char *find_key(const char *text, const char *from, const char *word, bool outermost)
{
    size_t length = strlen(word);

    if (length == 0)
        return NULL;
    for (const char *at = strstr(from, word); at != NULL; at = strstr(at + 1, word)) {
        bool line_start = at == text || at[-1] == '\n';
        bool begins = line_start || (!outermost && strchr(" {,", at[-1]) != NULL);
        if (begins && at[length] == ':')
            return at;
    }
    return NULL;
}

static unsigned line_of(const char *text, const char *place)
{
    unsigned line = 1;

    for (const char *at = text; at < place; at++)
        line += *at == '\n';
    return line;
}

/* The line of "crash.endings". `again`: its second appearance. 0: it does not appear. */
static unsigned find_line(const char *text, const char *key, bool again)
{
    const char *at = text;
    bool outermost = true;

    while (*key != '\0') {
        char word[WORD_MAX] = { 0 };
        size_t length = strcspn(key, ".");
        memcpy(word, key, length < WORD_MAX ? length : WORD_MAX - 1);
        at = find_key(text, at, word, outermost);
        key += length + (key[length] == '.');
        if (at != NULL && again && *key == '\0')
            at = find_key(text, at + 1, word, outermost);
        if (at == NULL)
            return 0;
        outermost = false;
    }
    return line_of(text, at);
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *key)
{
    size_t length = strcspn(key, ".");

    for (; fields->key != NULL; fields++) {
        if (strlen(fields->key) != length || strncmp(fields->key, key, length) != 0)
            continue;
        if (key[length] == '\0')
            return fields;
        return fields->value.type == CYAML_MAPPING ? find_field(fields->value.mapping.fields, key + length + 1)
                                                   : NULL;
    }
    return NULL;
}

static void append_text(char *text, size_t size, const char *more)
{
    size_t length = strlen(text);

    snprintf(text + length, size - length, "%s", more);
}

static void list_keys(const cyaml_schema_field_t *fields, char *text, size_t size)
{
    append_text(text, size, "the keys ");
    for (unsigned i = 0; fields[i].key != NULL; i++) {
        append_text(text, size, i == 0 ? "" : ", ");
        append_text(text, size, fields[i].key);
    }
}

static void list_words(const cyaml_strval_t *words, uint32_t count, char *text, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        append_text(text, size, i == 0 ? "" : ", ");
        append_text(text, size, words[i].str);
    }
}

static void describe_allowed(const cyaml_schema_value_t *value, char *text, size_t size)
{
    char number[64];

    switch (value->type) {
    case CYAML_MAPPING:
        list_keys(value->mapping.fields, text, size);
        break;
    case CYAML_FLAGS:
        append_text(text, size, "a list of ");
        list_words(value->enumeration.strings, value->enumeration.count, text, size);
        break;
    case CYAML_ENUM:
        list_words(value->enumeration.strings, value->enumeration.count, text, size);
        break;
    case CYAML_SEQUENCE:
        snprintf(number, sizeof number, "a list of %u to %u whole numbers", value->sequence.min,
                 value->sequence.max);
        append_text(text, size, number);
        break;
    case CYAML_STRING:
        snprintf(number, sizeof number, "a text of at most %u bytes", value->string.max);
        append_text(text, size, number);
        break;
    default:
        append_text(text, size, "a whole number");
        break;
    }
}

/* The path of the complaint, with the word that the message itself names (a key that there should or should not be). */
static void path_of(const struct complaint *complaint, const char *last, char key[PATH_MAX_BYTES])
{
    key[0] = '\0';
    for (unsigned i = complaint->depth; i-- > 0;) {
        append_text(key, PATH_MAX_BYTES, complaint->path[i]);
        if (i > 0 || last != NULL)
            append_text(key, PATH_MAX_BYTES, ".");
    }
    append_text(key, PATH_MAX_BYTES, last == NULL ? "" : last);
}

/* The line in which the text stops to be YAML; of a quote or list that never ends, the one in which it begins. The library tells only which
 * key came last. 0: no memory to look. */
static unsigned syntax_line(const char *text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    size_t line;

    if (!yaml_parser_initialize(&parser))
        return 0;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    for (bool at_end = false; !at_end && yaml_parser_parse(&parser, &event);) {
        at_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    line = parser.problem_mark.line;
    if (parser.context != NULL && parser.problem_mark.index >= strlen(text))
        line = parser.context_mark.line;
    yaml_parser_delete(&parser);
    return (unsigned)line + 1;
}

static const char *after(const char *text, const char *start)
{
    size_t length = strlen(start);

    return strncmp(text, start, length) == 0 ? text + length : NULL;
}

static enum kaya_status explain(const struct schema *schema, const struct complaint *complaint,
                                const char *file_name, const char *text, struct kaya_scenario_mistake *mistake)
{
    const char *unexpected = after(complaint->message, "Unexpected key: ");
    const char *twice = after(complaint->message, "Mapping field already seen: ");
    const char *missing = after(complaint->message, "Missing required mapping field: ");
    struct complaint outer = *complaint;
    char key[PATH_MAX_BYTES];
    char parent[PATH_MAX_BYTES];
    char allowed[KAYA_MISTAKE_TEXT_MAX / 2] = { 0 };
    const cyaml_schema_field_t *field;
    unsigned last = line_of(text, text + strlen(text)); /* the parser may mean the line behind it */
    unsigned stated = complaint->line == 0 ? 1 : complaint->line < last ? complaint->line : last;
    unsigned line;

    if (missing != NULL || twice != NULL) { /* the innermost field of the trace is its neighbour, or itself */
        memmove(outer.path[0], outer.path[1], sizeof outer.path - sizeof outer.path[0]);
        outer.depth -= outer.depth > 0;
    }
    path_of(&outer, NULL, parent);
    path_of(&outer, unexpected != NULL ? unexpected : missing != NULL ? missing : twice, key);
    line = missing != NULL ? 0 : find_line(text, key, twice != NULL);
    if (line == 0)
        line = find_line(text, parent, false);
    if (line == 0)
        line = stated;
    field = parent[0] == '\0' ? NULL : find_field(schema->fields, parent);
    if (strncmp(complaint->message, "libyaml", 7) == 0) {
        line = syntax_line(text);
        return kaya_scenario_mistaken(mistake, file_name, line > 0 && line <= last ? line : stated, "",
                                      complaint->message, "");
    }
    if (twice == NULL && (field != NULL || unexpected != NULL))
        describe_allowed(field != NULL ? &field->value : &schema->top, allowed, sizeof allowed);
    return kaya_scenario_mistaken(mistake, file_name, line, key,
                                  unexpected != NULL ? "there is no such key"
                                  : twice != NULL    ? "the key stands here a second time"
                                  : missing != NULL  ? "the key is missing"
                                                     : complaint->message,
                                  allowed);
}

/* --- Reading --- */

static void take_numbers(struct kaya_numbers *numbers, const uint32_t *values, unsigned count)
{
    if (values == NULL)
        return;
    memcpy(numbers->values, values, count * sizeof *values);
    numbers->count = count;
}

#define TAKE(target, pointer)                                                                                \
    do {                                                                                                     \
        if ((pointer) != NULL)                                                                               \
            (target) = *(pointer);                                                                           \
    } while (0)

static void take_parts(struct kaya_scenario *scenario, const struct file *file)
{
    if (file->log != NULL) {
        take_numbers(&scenario->segment_bytes, file->log->segment_bytes, file->log->segment_bytes_count);
        take_numbers(&scenario->block_bytes, file->log->block_bytes, file->log->block_bytes_count);
        take_numbers(&scenario->spares, file->log->spares, file->log->spares_count);
        take_numbers(&scenario->buffer_bytes, file->log->buffer_bytes, file->log->buffer_bytes_count);
        take_numbers(&scenario->submitted_records_max, file->log->submitted_records_max,
                     file->log->submitted_records_max_count);
        take_numbers(&scenario->submitted_bytes_max, file->log->submitted_bytes_max,
                     file->log->submitted_bytes_max_count);
        take_numbers(&scenario->commit_delay_ns, file->log->commit_delay_ns, file->log->commit_delay_ns_count);
        TAKE(scenario->full_is_busy_percent, file->log->full_is_busy_percent);
    }
    if (file->disk != NULL) {
        TAKE(scenario->capacity_segments, file->disk->capacity_segments);
        TAKE(scenario->cannot_allocate_percent, file->disk->cannot_allocate_percent);
        TAKE(scenario->moves_percent, file->disk->moves_percent);
    }
    if (file->latency != NULL)
        memcpy(scenario->latencies, file->latency->kinds, sizeof scenario->latencies);
    if (file->crash != NULL) {
        TAKE(scenario->crash_within, file->crash->within_calls);
        TAKE(scenario->recovery_crash_percent, file->crash->in_recovery_percent);
        TAKE(scenario->recovery_crash_depth, file->crash->in_recovery_depth);
        if (file->crash->endings != NULL)
            memcpy(scenario->endings, file->crash->endings->values, sizeof scenario->endings);
    }
    if (file->tampering != NULL) {
        TAKE(scenario->tampering_percent, file->tampering->percent);
        TAKE(scenario->live_copy_percent, file->tampering->live_copy_percent);
        if (file->tampering->kinds != NULL)
            memcpy(scenario->tampering_weights, file->tampering->kinds->values,
                   sizeof scenario->tampering_weights);
    }
    if (file->open != NULL) {
        TAKE(scenario->look_percent, file->open->look_percent);
        TAKE(scenario->recover_only_percent, file->open->recover_only_percent);
        TAKE(scenario->beside_percent, file->open->beside_percent);
        TAKE(scenario->trim_percent, file->open->trim_percent);
        TAKE(scenario->anchor_percent, file->open->anchor_percent);
        TAKE(scenario->other_config_percent, file->open->other_config_percent);
    }
    if (file->workload != NULL)
        memcpy(scenario->operation_weights, file->workload->values, sizeof scenario->operation_weights);
}

static void take(struct kaya_scenario *scenario, const struct file *file)
{
    kaya_scenario_init(scenario);
    if (file->story != NULL)
        snprintf(scenario->story, sizeof scenario->story, "%s", file->story);
    if (file->name != NULL)
        snprintf(scenario->name, sizeof scenario->name, "%s", file->name);
    TAKE(scenario->seeds, file->seeds);
    TAKE(scenario->expect_struck_within, file->expect_struck_within);
    TAKE(scenario->faults, file->faults);
    TAKE(scenario->read_fault_repeats, file->read_fault_repeats);
    if (file->odds != NULL)
        memcpy(scenario->odds, file->odds->values, sizeof scenario->odds);
    TAKE(scenario->sometimes, file->sometimes);
    TAKE(scenario->profiles, file->profiles);
    TAKE(scenario->boots, file->boots);
    TAKE(scenario->operations, file->operations);
    TAKE(scenario->record_bytes, file->record_bytes);
    TAKE(scenario->batch_records, file->batch_records);
    TAKE(scenario->keep_records, file->keep_records);
    TAKE(scenario->keys, file->keys);
    TAKE(scenario->threads, file->threads);
    TAKE(scenario->tender_percent, file->tender_percent);
    if (file->subject != NULL)
        scenario->subject = (enum kaya_subject_kind)file->subject[0];
    if (file->budget != NULL)
        scenario->budget = (enum kaya_budget) * file->budget;
    scenario->swarm = file->swarm != NULL && *file->swarm != 0;
    take_parts(scenario, file);
}

/* A file starts with its story: the first line that is neither empty nor a comment. */
static bool story_is_first(const char *text, unsigned *line)
{
    const char *at = text;

    for (*line = 1; *at != '\0'; ++*line) {
        if (at[0] != '#' && at[0] != '\n' && strncmp(at, "---", 3) != 0)
            return strncmp(at, "story:", 6) == 0;
        at += strcspn(at, "\n");
        if (*at == '\0')
            return false;
        at++;
    }
    return false;
}

/* --- Files --- */

enum { FILE_BYTES_MAX = 1 << 20 };

/* The text of a file, to be freed. */
static enum kaya_status read_text(const char *path, char **text, struct kaya_scenario_mistake *mistake)
{
    FILE *file = fopen(path, "r");
    char *bytes = malloc(FILE_BYTES_MAX);
    enum kaya_status status = KAYA_NO_MEMORY;
    size_t length;

    *text = NULL;
    if (bytes == NULL)
        goto done;
    status = file != NULL ? KAYA_OK : errno == ENOENT ? KAYA_NOT_FOUND : KAYA_IO;
    length = file != NULL ? fread(bytes, 1, FILE_BYTES_MAX, file) : 0;
    if (file != NULL && ferror(file))
        status = KAYA_IO;
    if (status != KAYA_OK) {
        snprintf(mistake->text, sizeof mistake->text, "%s: %s", path, strerror(errno));
    } else if (length == FILE_BYTES_MAX) {
        status = kaya_scenario_mistaken(mistake, path, 1, "", "the file is too long", "1 MiB");
    } else if (memchr(bytes, 0, length) != NULL) {
        status = kaya_scenario_mistaken(mistake, path, 1, "", "this is no text file", "");
    } else {
        bytes[length] = '\0';
        *text = bytes;
        bytes = NULL;
    }
done:
    if (file != NULL)
        fclose(file);
    free(bytes);
    return status;
}

static enum kaya_status read_embedded(const char *name, char **text)
{
    size_t count;
    const struct kaya_scenario_text *texts = kaya_workload_texts(&count);

    *text = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i].file_name, name) == 0) {
            *text = strdup(texts[i].text);
            return *text == NULL ? KAYA_NO_MEMORY : KAYA_OK;
        }
    return KAYA_NOT_FOUND;
}

/* What is parsed, and where it came from. */
struct source {
    const char *file_name;
    const char *text;
    bool is_file; /* else it came with the program, and so do workloads that it names */
};

/* The workload file that a scenario names: beside the scenario's own. */
static enum kaya_status take_workload(const struct source *source, const char *name,
                                      struct kaya_scenario *scenario, struct kaya_scenario_mistake *mistake)
{
    const char *slash = strrchr(source->file_name, '/');
    int folder_length = slash == NULL || name[0] == '/' ? 0 : (int)(slash + 1 - source->file_name);
    struct kaya_operation *operations = NULL;
    char wrong[KAYA_MISTAKE_TEXT_MAX / 2];
    char path[KAYA_MISTAKE_TEXT_MAX / 4];
    enum kaya_status status;
    char *text;

    snprintf(path, sizeof path, "%.*s%s", folder_length, source->file_name, name);
    status = source->is_file ? read_text(path, &text, mistake) : read_embedded(name, &text);
    if (status == KAYA_NOT_FOUND || status == KAYA_IO) {
        snprintf(wrong, sizeof wrong, "%s cannot be read", path);
        return kaya_scenario_mistaken(mistake, source->file_name,
                                      find_line(source->text, "workload_file", false), "workload_file", wrong,
                                      "a file beside this one");
    }
    if (text != NULL)
        status = kaya_workload_parse(path, text, &operations, &scenario->script_length, mistake);
    scenario->script = operations;
    free(text);
    return status;
}

/* A family of `odds` that `faults` does not have would never strike, and nobody would say so. (A command may leave families out afterwards.)
 * KAYA_FAULTS: there is none. */
static int find_idle_odds(const struct kaya_scenario *scenario)
{
    int fault = 0;

    while (fault < KAYA_FAULTS && (scenario->odds[fault] == 0 || (scenario->faults >> fault & 1) != 0))
        fault++;
    return fault;
}

static enum kaya_status explain_idle_odds(const struct source *source, const struct kaya_scenario *scenario,
                                          enum kaya_fault idle, struct kaya_scenario_mistake *mistake)
{
    char key[PATH_MAX_BYTES];
    char allowed[KAYA_MISTAKE_TEXT_MAX / 2] = "those of `faults`:";

    for (int fault = 0; fault < KAYA_FAULTS; fault++) {
        if ((scenario->faults >> fault & 1) == 0 ||
            kaya_fault_group((enum kaya_fault)fault) == KAYA_FAULT_GROUP_CRASH)
            continue;
        append_text(allowed, sizeof allowed, " ");
        append_text(allowed, sizeof allowed, kaya_fault_name((enum kaya_fault)fault));
    }
    if (allowed[strlen(allowed) - 1] == ':')
        append_text(allowed, sizeof allowed, " none of them strikes by odds");
    snprintf(key, sizeof key, "odds.%s", kaya_fault_name(idle));
    return kaya_scenario_mistaken(mistake, source->file_name, find_line(source->text, key, false), key,
                                  "the family is not among `faults`, and would never strike", allowed);
}

static enum kaya_status parse_source(const struct source *source, struct kaya_scenario *scenario,
                                     struct kaya_scenario_mistake *mistake)
{
    enum kaya_status status = KAYA_OK;
    struct complaint complaint = { .depth = 0 };
    cyaml_config_t config = {
        .log_fn = hear, .log_ctx = &complaint, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR
    };
    struct schema schema;
    struct file *file = NULL;
    const char *key;
    const char *allowed;
    unsigned line;
    int idle;
    cyaml_err_t error;

    make_schema(&schema);
    if (!story_is_first(source->text, &line))
        return kaya_scenario_mistaken(mistake, source->file_name, line, "story",
                                      "a scenario starts with its story", "story: | and some lines");
    error = cyaml_load_data((const uint8_t *)source->text, strlen(source->text), &config, &schema.top,
                            (cyaml_data_t **)&file, NULL);
    if (error == CYAML_ERR_OOM)
        return KAYA_NO_MEMORY;
    if (error != CYAML_OK)
        return explain(&schema, &complaint, source->file_name, source->text, mistake);
    take(scenario, file);
    if (file->workload_file != NULL)
        status = take_workload(source, file->workload_file, scenario, mistake);
    cyaml_free(&config, &schema.top, file, 0);
    if (status != KAYA_OK)
        return status;
    if (kaya_scenario_is_valid(scenario, &key, &allowed)) {
        idle = find_idle_odds(scenario);
        if (idle == KAYA_FAULTS)
            return KAYA_OK;
        status = explain_idle_odds(source, scenario, (enum kaya_fault)idle, mistake);
        kaya_scenario_release(scenario);
        return status;
    }
    kaya_scenario_release(scenario);
    line = find_line(source->text, key, false);
    return kaya_scenario_mistaken(mistake, source->file_name, line == 0 ? 1 : line, key,
                                  line == 0 ? "it is missing" : "it is out of range", allowed);
}

enum kaya_status kaya_scenario_parse(const char *file_name, const char *text, size_t length,
                                     struct kaya_scenario *scenario, struct kaya_scenario_mistake *mistake)
{
    struct source source = { .file_name = file_name };
    enum kaya_status status;
    char *copy;

    memset(mistake, 0, sizeof *mistake);
    if (memchr(text, 0, length) != NULL)
        return kaya_scenario_mistaken(mistake, file_name, 1, "", "this is no text file", "");
    copy = malloc(length + 1);
    if (copy == NULL)
        return KAYA_NO_MEMORY;
    memcpy(copy, text, length);
    copy[length] = '\0';
    source.text = copy;
    status = parse_source(&source, scenario, mistake);
    free(copy);
    return status;
}

enum kaya_status kaya_scenario_load(const char *path, struct kaya_scenario *scenario,
                                    struct kaya_scenario_mistake *mistake)
{
    struct source source = { .file_name = path, .is_file = true };
    enum kaya_status status;
    char *text;

    memset(mistake, 0, sizeof *mistake);
    status = read_text(path, &text, mistake);
    source.text = text;
    if (text != NULL)
        status = parse_source(&source, scenario, mistake);
    free(text);
    return status;
}

void kaya_scenario_release(struct kaya_scenario *scenario)
{
    free((void *)(uintptr_t)scenario->script);
    scenario->script = NULL;
    scenario->script_length = 0;
}
