/* print_scenarios [FILE]: writes the scenarios that come with the program as C, for architectures that have no YAML parser.
 *
 * The numbers are printed by the list below. A member that it forgets and that some scenario sets ends the program: every byte
 * of a scenario that is not zero must have been printed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/scenario_file.h"

/* X(member): of the kind of latency with that number. */
#define LATENCY_MEMBER_LIST(X, kind)                                                                         \
    X(latencies[kind].shape)                                                                                 \
    X(latencies[kind].stall_in)                                                                              \
    X(latencies[kind].from_ns)                                                                               \
    X(latencies[kind].to_ns)                                                                                 \
    X(latencies[kind].stall_ns)

/* X(member) */
#define MEMBER_LIST(X)                                                                                       \
    X(seeds)                                                                                                 \
    X(expect_struck_within)                                                                                  \
    X(sometimes)                                                                                             \
    X(faults)                                                                                                \
    X(odds)                                                                                                  \
    X(read_fault_repeats)                                                                                    \
    X(budget)                                                                                                \
    X(swarm)                                                                                                 \
    X(profiles)                                                                                              \
    X(segment_bytes.values)                                                                                  \
    X(segment_bytes.count)                                                                                   \
    X(block_bytes.values)                                                                                    \
    X(block_bytes.count)                                                                                     \
    X(spares.values)                                                                                         \
    X(spares.count)                                                                                          \
    X(buffer_bytes.values)                                                                                   \
    X(buffer_bytes.count)                                                                                    \
    X(submitted_records_max.values)                                                                          \
    X(submitted_records_max.count)                                                                           \
    X(submitted_bytes_max.values)                                                                            \
    X(submitted_bytes_max.count)                                                                             \
    X(commit_delay_ns.values)                                                                                \
    X(commit_delay_ns.count)                                                                                 \
    X(full_is_busy_percent)                                                                                  \
    X(capacity_segments)                                                                                     \
    X(cannot_allocate_percent)                                                                               \
    X(moves_percent)                                                                                         \
    LATENCY_MEMBER_LIST(X, 0)                                                                                \
    LATENCY_MEMBER_LIST(X, 1)                                                                                \
    LATENCY_MEMBER_LIST(X, 2)                                                                                \
    LATENCY_MEMBER_LIST(X, 3)                                                                                \
    X(boots)                                                                                                 \
    X(operations)                                                                                            \
    X(crash_within)                                                                                          \
    X(endings)                                                                                               \
    X(recovery_crash_percent)                                                                                \
    X(recovery_crash_depth)                                                                                  \
    X(look_percent)                                                                                          \
    X(recover_only_percent)                                                                                  \
    X(beside_percent)                                                                                        \
    X(trim_percent)                                                                                          \
    X(live_copy_percent)                                                                                     \
    X(tampering_percent)                                                                                     \
    X(tampering_weights)                                                                                     \
    X(other_config_percent)                                                                                  \
    X(anchor_percent)                                                                                        \
    X(operation_weights)                                                                                     \
    X(record_bytes)                                                                                          \
    X(batch_records)                                                                                         \
    X(keep_records)                                                                                          \
    X(keys)                                                                                                  \
    X(threads)                                                                                               \
    X(tender_percent)                                                                                        \
    X(subject)

/* The bytes of a number, or of those in an array or range. */
#define WIDTH_OF(member)                                                                                     \
    _Generic((member), bool : 1, uint32_t : 4, const uint32_t * : 4, uint64_t : 8, const uint64_t * : 8,     \
             struct kaya_range : 8)

struct printer {
    const unsigned char *bytes; /* of the scenario */
    bool printed[sizeof(struct kaya_scenario)];
};

static uint64_t number_at(const unsigned char *bytes, size_t width)
{
    uint64_t wide;
    uint32_t narrow;

    if (width == 1)
        return *bytes;
    memcpy(&narrow, bytes, sizeof narrow);
    memcpy(&wide, bytes, width == sizeof wide ? sizeof wide : 0);
    return width == sizeof narrow ? narrow : wide;
}

static void print_numbers(struct printer *printer, const char *name, size_t offset, size_t size, size_t width)
{
    printf("      .%s = %s", name, size == width ? "" : "{ ");
    for (size_t at = offset; at < offset + size; at += width)
        printf("%" PRIu64 "u, ", number_at(printer->bytes + at, width));
    printf("%s\n", size == width ? "" : "},");
    memset(printer->printed + offset, true, size);
}

static void print_text(struct printer *printer, const char *name, size_t offset, size_t size)
{
    printf("      .%s = {", name);
    for (size_t i = 0; i < size && printer->bytes[offset + i] != 0; i++)
        printf(" 0x%x,", printer->bytes[offset + i]);
    printf(" 0 },\n");
    memset(printer->printed + offset, true, size);
}

static void print_script(const struct kaya_scenario *scenario, size_t index)
{
    printf("static const struct kaya_operation script_%zu[] = {\n", index);
    for (size_t i = 0; i < scenario->script_length; i++) {
        const struct kaya_operation *operation = &scenario->script[i];

        printf("    { .kind = %d, .record_count = %" PRIu32 "u, .keep_records = %" PRIu64 "u, .lengths = {",
               (int)operation->kind, operation->record_count, operation->keep_records);
        for (uint32_t length = 0; length < KAYA_BATCH_RECORDS_MAX; length++)
            printf(" %" PRIu32 "u,", operation->lengths[length]);
        printf(" } },\n");
    }
    printf("};\n");
}

static void print_scenario(const struct kaya_scenario *scenario, size_t index)
{
    struct printer printer = { .bytes = (const unsigned char *)scenario };

    printf("    {\n");
    print_text(&printer, "name", offsetof(struct kaya_scenario, name), sizeof scenario->name);
    print_text(&printer, "story", offsetof(struct kaya_scenario, story), sizeof scenario->story);
#define PRINT(member)                                                                                        \
    print_numbers(&printer, #member, offsetof(struct kaya_scenario, member), sizeof scenario->member,        \
                  WIDTH_OF(scenario->member));
    MEMBER_LIST(PRINT)
#undef PRINT
    if (scenario->script != NULL)
        printf("      .script = script_%zu, .script_length = %zu,\n", index, scenario->script_length);
    memset(printer.printed + offsetof(struct kaya_scenario, script), true, sizeof scenario->script);
    memset(printer.printed + offsetof(struct kaya_scenario, script_length), true, sizeof scenario->script_length);
    printf("    },\n");
    for (size_t i = 0; i < sizeof *scenario; i++)
        if (!printer.printed[i] && printer.bytes[i] != 0) {
            fprintf(stderr,
                    "%s: the member at offset %zu of struct kaya_scenario is missing in MEMBER_LIST of %s\n",
                    scenario->name, i, __FILE__);
            exit(1);
        }
}

int main(int argc, char **argv)
{
    size_t count;
    const struct kaya_scenario_text *texts = kaya_scenario_texts(&count);
    struct kaya_scenario *scenarios = calloc(count, sizeof *scenarios);
    struct kaya_scenario_mistake mistake;

    if (argc > 1 && freopen(argv[1], "w", stdout) == NULL) {
        perror(argv[1]);
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        if (scenarios == NULL || kaya_scenario_parse(texts[i].file_name, texts[i].text, texts[i].length,
                                                     &scenarios[i], &mistake) != KAYA_OK) {
            fprintf(stderr, "%s\n", scenarios == NULL ? "no memory" : mistake.text);
            return 1;
        }
    printf("/* Made by print_scenarios. */\n#include \"witness.h\"\n\n");
    for (size_t i = 0; i < count; i++)
        if (scenarios[i].script != NULL)
            print_script(&scenarios[i], i);
    printf("static const struct kaya_scenario scenarios[] = {\n");
    for (size_t i = 0; i < count; i++)
        print_scenario(&scenarios[i], i);
    printf("};\n\nconst struct kaya_scenario *const kaya_witness_scenarios = scenarios;\n");
    printf("const size_t kaya_witness_scenario_count = %zu;\n", count);
    for (size_t i = 0; i < count; i++)
        kaya_scenario_release(&scenarios[i]);
    free(scenarios);
    return 0;
}
