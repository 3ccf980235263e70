/* Scenario files: what is read, and what is said about mistakes.
 *
 * Goal: every value arrives, every default stands, and each mistake names its line, its key and what is allowed. Method: a
 * good file is spoilt in one line at a time. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "kaya/scenarios/scenario_file.h"

static const char good[] =
    "# a comment\n"                                                            /* 1 */
    "story: |\n"                                                               /* 2 */
    "  Something happens; name: and crash: are words in it.\n"                 /* 3 */
    "name: my-own\n"                                                           /* 4 */
    "seeds: 7\n"                                                               /* 5 */
    "expect_struck_within: 9\n"                                                /* 6 */
    "faults: [lost_sector, reorder, bit_flip, sync_failure]\n"                 /* 7 */
    "swarm: yes\n"                                                             /* 8 */
    "profiles: [posix]\n"                                                      /* 9 */
    "log: {segment_bytes: [4096, 8192], block_bytes: [512], spares: [2, 3]}\n" /* 10 */
    "boots: {from: 2, to: 3}\n"                                                /* 11 */
    "operations: {from: 4, to: 5}\n"                                           /* 12 */
    "crash:\n"                                                                 /* 13 */
    "  within_calls: {from: 6, to: 7}\n"                                       /* 14 */
    "  endings: {power_loss: 8, close: 1}\n"                                   /* 15 */
    "  in_recovery_percent: 10\n"                                              /* 16 */
    "  in_recovery_depth: 2\n"                                                 /* 17 */
    "open: {look_percent: 11, recover_only_percent: 12, anchor_percent: 13, beside_percent: 14, trim_percent: 15}\n" /* 18 */
    "workload: {append_strict: 14, trim: 15}\n" /* 19 */
    "record_bytes: {from: 16, to: 17}\n"        /* 20 */
    "batch_records: {from: 2, to: 9}\n"         /* 21 */
    "keep_records: {from: 20, to: 21}\n"        /* 22 */
    "odds: {bit_flip: 3, sync_failure: 40}\n"   /* 23 */
    "read_fault_repeats: 5\n"                   /* 24 */
    "latency: {read: {from_ns: 1, to_ns: 2}, sync: {shape: log_normal, from_ns: 3, to_ns: 4, stall_in: 5, stall_ns: 6}}\n" /* 25 */
    "tender_percent: 6\n"; /* 26 */

static enum kaya_status parse(const char *text, struct kaya_scenario *scenario,
                              struct kaya_scenario_mistake *mistake)
{
    return kaya_scenario_parse("it.yaml", text, strlen(text), scenario, mistake);
}

Test(scenario_file, every_value_arrives)
{
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;

    cr_assert(eq(int, parse(good, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
    cr_expect(eq(str, scenario.name, "my-own"));
    cr_expect(eq(str, scenario.story, "Something happens; name: and crash: are words in it.\n"));
    cr_expect(eq(u64, scenario.seeds, 7));
    cr_expect(eq(u64, scenario.expect_struck_within, 9));
    cr_expect(eq(u64, scenario.faults,
                 1u << KAYA_FAULT_LOST_SECTOR | 1u << KAYA_FAULT_REORDER | 1u << KAYA_FAULT_BIT_FLIP |
                     1u << KAYA_FAULT_SYNC_FAILURE));
    for (int fault = 0; fault < KAYA_FAULTS; fault++)
        cr_expect(eq(u32, scenario.odds[fault],
                     fault == KAYA_FAULT_BIT_FLIP       ? 3
                     : fault == KAYA_FAULT_SYNC_FAILURE ? 40
                                                        : 0));
    cr_expect(all(eq(u32, scenario.read_fault_repeats, 5), eq(u32, scenario.tender_percent, 6)));
    cr_expect(scenario.swarm);
    cr_expect(eq(u32, scenario.profiles, 1));
    cr_expect(eq(u32, scenario.segment_bytes.count, 2));
    cr_expect(eq(u32, scenario.segment_bytes.values[1], 8192));
    cr_expect(eq(u32, scenario.block_bytes.count, 1));
    cr_expect(eq(u32, scenario.block_bytes.values[0], 512));
    cr_expect(eq(u32, scenario.spares.values[1], 3));
    cr_expect(all(eq(u64, scenario.boots.from, 2), eq(u64, scenario.boots.to, 3)));
    cr_expect(all(eq(u64, scenario.operations.from, 4), eq(u64, scenario.operations.to, 5)));
    cr_expect(all(eq(u64, scenario.crash_within.from, 6), eq(u64, scenario.crash_within.to, 7)));
    cr_expect(eq(u32, scenario.endings[KAYA_ENDING_POWER_LOSS], 8));
    cr_expect(eq(u32, scenario.endings[KAYA_ENDING_CLOSE], 1));
    cr_expect(eq(u32, scenario.endings[KAYA_ENDING_EVICTION], 0));
    cr_expect(eq(u32, scenario.recovery_crash_percent, 10));
    cr_expect(eq(u32, scenario.recovery_crash_depth, 2));
    cr_expect(eq(u32, scenario.look_percent, 11));
    cr_expect(eq(u32, scenario.recover_only_percent, 12));
    cr_expect(eq(u32, scenario.anchor_percent, 13));
    cr_expect(eq(u32, scenario.beside_percent, 14));
    cr_expect(eq(u32, scenario.trim_percent, 15));
    cr_expect(eq(u32, scenario.operation_weights[KAYA_OPERATION_APPEND_STRICT], 14));
    cr_expect(eq(u32, scenario.operation_weights[KAYA_OPERATION_TRIM], 15));
    cr_expect(eq(u32, scenario.operation_weights[KAYA_OPERATION_SYNC], 0));
    cr_expect(all(eq(u64, scenario.latencies[KAYA_LATENCY_READ].from_ns, 1),
                  eq(u64, scenario.latencies[KAYA_LATENCY_READ].to_ns, 2)));
    cr_expect(eq(u32, scenario.latencies[KAYA_LATENCY_READ].shape, KAYA_LATENCY_SHAPE_UNIFORM));
    cr_expect(all(eq(u64, scenario.latencies[KAYA_LATENCY_SYNC].from_ns, 3),
                  eq(u64, scenario.latencies[KAYA_LATENCY_SYNC].to_ns, 4),
                  eq(u32, scenario.latencies[KAYA_LATENCY_SYNC].stall_in, 5),
                  eq(u64, scenario.latencies[KAYA_LATENCY_SYNC].stall_ns, 6)));
    cr_expect(eq(u32, scenario.latencies[KAYA_LATENCY_SYNC].shape, KAYA_LATENCY_SHAPE_LOG_NORMAL));
    cr_expect(kaya_latency_is_none(&scenario.latencies[KAYA_LATENCY_WRITE]));
    cr_expect(all(eq(u64, scenario.record_bytes.from, 16), eq(u64, scenario.record_bytes.to, 17)));
    cr_expect(all(eq(u64, scenario.batch_records.from, 2), eq(u64, scenario.batch_records.to, 9)));
    cr_expect(all(eq(u64, scenario.keep_records.from, 20), eq(u64, scenario.keep_records.to, 21)));
}

Test(scenario_file, what_is_left_out_keeps_its_default)
{
    struct kaya_scenario scenario;
    struct kaya_scenario defaults;
    struct kaya_scenario_mistake mistake;

    kaya_scenario_init(&defaults);
    cr_assert(
        eq(int,
           parse("story: x\nname: y\ncrash: {endings: {close: 1}}\nworkload: {sync: 1}\n", &scenario, &mistake),
           KAYA_OK),
        "%s", mistake.text);
    cr_expect(eq(u64, scenario.seeds, defaults.seeds));
    cr_expect(eq(u64, scenario.boots.to, defaults.boots.to));
    cr_expect(eq(u32, scenario.segment_bytes.values[0], defaults.segment_bytes.values[0]));
    cr_expect(eq(u32, scenario.profiles, defaults.profiles));
    cr_expect(not(scenario.swarm));
}

/* `good` with line `number` replaced, or dropped where `line` is NULL. */
static void spoil(char *text, size_t size, unsigned number, const char *line)
{
    const char *at = good;
    unsigned current = 1;

    text[0] = '\0';
    while (*at != '\0') {
        size_t length = strcspn(at, "\n") + 1;
        size_t used = strlen(text);
        if (current != number)
            snprintf(text + used, size - used, "%.*s", (int)length, at);
        else if (line != NULL)
            snprintf(text + used, size - used, "%s\n", line);
        at += length;
        current++;
    }
}

Test(scenario_file, a_group_stands_for_its_families)
{
    static const char *const lines[] = { "faults: [crash, errors, media]",
                                         "faults: [media, lost_sector, sync_failure]", "faults: [all]" };
    char text[4096];
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        spoil(text, sizeof text, 7, lines[i]);
        cr_assert(eq(int, parse(text, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
        for (int fault = 0; fault < KAYA_FAULTS; fault++) {
            enum kaya_fault_group group = kaya_fault_group((enum kaya_fault)fault);
            bool is_meant = i == 0 ? group == KAYA_FAULT_GROUP_CRASH || group == KAYA_FAULT_GROUP_ERRORS ||
                                         group == KAYA_FAULT_GROUP_MEDIA
                            : i == 1 ? group == KAYA_FAULT_GROUP_MEDIA || fault == KAYA_FAULT_LOST_SECTOR ||
                                           fault == KAYA_FAULT_SYNC_FAILURE
                                     : true;
            cr_expect(eq(int, (int)(scenario.faults >> fault & 1), is_meant), "%s: %s", lines[i],
                      kaya_fault_name((enum kaya_fault)fault));
        }
    }
}

Test(scenario_file, every_mistake_names_its_line_its_key_and_what_is_allowed)
{
    static const struct {
        unsigned number;
        const char *line; /* NULL: left out */
        unsigned at;      /* the line that is named */
        const char *key;
        const char *said; /* must be part of the text */
    } rows[] = {
        { 2, "storey: |", 2, "story", "starts with its story" },
        { 4, NULL, 1, "name", "1 to 47 of a-z" },
        { 4, "name: My Own", 4, "name", "1 to 47 of a-z" },
        { 4, "name: a-name-that-is-much-longer-than-anybody-would-ever-want-to-type", 4, "name",
          "at most 47 bytes" },
        { 5, "sedes: 7", 5, "sedes", "no such key; allowed: the keys story, name, seeds" },
        { 5, "seeds: many", 5, "seeds", "allowed: a whole number" },
        { 5, "seeds: 0", 5, "seeds", "allowed: 1 to 1000000" },
        { 5, "seeds: -1", 5, "seeds", "allowed: 1 to 1000000" },
        { 6, "expect_struck_within: 0", 6, "expect_struck_within", "allowed: 1 to 1000000" },
        { 7, "faults: [lost_sector, lost_sock]", 7, "faults",
          "allowed: a list of all, crash, errors, media, reads, broken, lost_sector" },
        { 7, "faults: lost_sector", 7, "faults", "allowed: a list of all" },
        { 8, "swarm: perhaps", 8, "swarm", "allowed: no, yes" },
        { 9, "profiles: [floppy]", 9, "profiles", "allowed: a list of all, posix" },
        { 9, "profiles: []", 9, "profiles", "one at least" },
        { 10, "log: {segment_bytes: [5000]}", 10, "log.segment_bytes", "powers of two from 4096" },
        { 10, "log: {segment_bytes: 4096}", 10, "log.segment_bytes", "a list of 1 to 8 whole numbers" },
        { 10, "log: {block_bytes: [100]}", 10, "log.block_bytes", "512 to 65536" },
        { 10, "log: {spares: [1]}", 10, "log.spares", "2 to 16" },
        { 10, "log: {segments: [4096]}", 10, "log.segments",
          "no such key; allowed: the keys segment_bytes, block_bytes" },
        { 10, "log: {spares: [2, 3, 4, 5, 6, 7, 8, 9, 10]}", 10, "log.spares", "1 to 8 whole numbers" },
        { 11, "boots: {from: 3, to: 2}", 11, "boots", "{from, to}, 1 to" },
        { 11, "boots: 3", 11, "boots", "the keys from, to" },
        { 11, "boots: {from: 3}", 11, "boots.to", "the key is missing" },
        { 12, "operations: {from: 0, to: 1000001}", 12, "operations", "0 to 1000000" },
        { 14, "  within_calls: {from: 1, until: 2}", 14, "crash.within_calls.until", "the keys from, to" },
        { 15, "  endings: {power_loss: 8, fire: 1}", 15, "crash.endings.fire",
          "the keys power_loss, process_crash" },
        { 15, "  endings: {power_loss: 0}", 15, "crash.endings", "one of them above 0" },
        { 15, "  endings: {power_loss: 1001}", 15, "crash.endings", "0 to 1000" },
        { 15, NULL, 1, "crash.endings", "it is missing" },
        { 16, "  in_recovery_percent: 101", 16, "crash.in_recovery_percent", "0 to 100" },
        { 17, "  in_recovery_depth: 17", 17, "crash.in_recovery_depth", "0 to 16" },
        { 18, "open: {look_percent: 101}", 18, "open.look_percent", "0 to 100" },
        { 18, "open: {recover_only_percent: 101}", 18, "open.recover_only_percent", "0 to 100" },
        { 18, "open: {anchor_percent: 101}", 18, "open.anchor_percent", "0 to 100" },
        { 18, "open: {beside_percent: 101}", 18, "open.beside_percent", "0 to 100" },
        { 19, "workload: {append: 14}", 19, "workload.append", "the keys append_strict, append_relaxed" },
        { 19, NULL, 1, "workload", "it is missing" },
        { 20, "record_bytes: {from: 0, to: 16777217}", 20, "record_bytes", "0 to 16777216" },
        { 21, "batch_records: {from: 1, to: 17}", 21, "batch_records", "1 to 16" },
        { 22, "keep_records: {from: 0, to: 1000001}", 22, "keep_records", "0 to 1000000" },
        { 23, "odds: {lost_sector: 3}", 23, "odds", "0 to 1000000 for faults of the groups errors, media" },
        { 23, "odds: {bit_flip: 1000001}", 23, "odds", "0 to 1000000 for faults of the groups errors, media" },
        { 23, "odds: {bit_flop: 1}", 23, "odds.bit_flop", "no such key; allowed: the keys lost_sector" },
        { 7, "faults: [lost_sector, sync_failure]", 23, "odds.bit_flip",
          "it.yaml:23: odds.bit_flip: the family is not among `faults`, and would never strike; allowed: those of `faults`: sync_failure" },
        { 7, "faults: [crash]", 23, "odds.sync_failure",
          "allowed: those of `faults`: none of them strikes by odds" },
        { 7, NULL, 22, "odds.sync_failure", "none of them strikes by odds" },
        { 23, "odds:\n  bit_flip: 3\n  stale_read: 9", 25, "odds.stale_read",
          "allowed: those of `faults`: sync_failure bit_flip" },
        { 24, "read_fault_repeats: 1000001", 24, "read_fault_repeats", "0 to 1000000" },
        { 24, "seeds: 8", 24, "seeds", "a second time" },
        { 24, "read_fault_repeats: \"5", 24, "", "libyaml" },
        { 10, "\t\tboots: 5", 10, "", "libyaml" },
        { 20, "]", 20, "", "libyaml" },
        { 5, "%%%", 5, "", "libyaml" },
        { 25, "latency: {reads: {from_ns: 1, to_ns: 2}}", 25, "latency.reads",
          "no such key; allowed: the keys read, write, sync, names" },
        { 25, "latency: {read: {from_ns: 2, to_ns: 1}}", 25, "latency.read", "from_ns <= to_ns" },
        { 25, "latency: {sync: {shape: log_normal, from_ns: 0, to_ns: 1}}", 25, "latency.sync", "from_ns above 0" },
        { 26, "tender_percent: 101", 26, "tender_percent", "0 to 100" },
        { 25, "latency: {sync: {shape: bell, from_ns: 0, to_ns: 1}}", 25, "latency.sync.shape",
          "allowed: uniform, log_normal" },
        { 25, "latency: {write: {from_ns: 0, to_ns: 1, stall_in: 5}}", 25, "latency.write", "both or none" },
        { 25, "latency: {write: {from_ns: 0}}", 25, "latency.write.to_ns", "the key is missing" },
    };
    char text[4096];
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char start[128];
        spoil(text, sizeof text, rows[i].number, rows[i].line);
        cr_expect(eq(int, parse(text, &scenario, &mistake), KAYA_INVALID), "%s", rows[i].line);
        cr_expect(eq(u32, mistake.line, rows[i].at), "%s: %s", rows[i].line, mistake.text);
        cr_expect(eq(str, mistake.key, (char *)rows[i].key), "%s: %s", rows[i].line, mistake.text);
        cr_expect(ne(ptr, strstr(mistake.text, rows[i].said), NULL), "%s: %s", rows[i].line, mistake.text);
        snprintf(start, sizeof start, "it.yaml:%u: %s", mistake.line, mistake.key);
        cr_expect(eq(int, strncmp(mistake.text, start, strlen(start)), 0), "%s", mistake.text);
    }
}

Test(scenario_file, what_is_no_text_is_refused)
{
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;

    cr_expect(eq(int, kaya_scenario_parse("it.yaml", "story: a\0b", 10, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(int, kaya_scenario_parse("it.yaml", "", 0, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(int, parse("story: [", &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(int, parse("story: x\n- y\n", &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(int, kaya_scenario_load("/nonexistent/it.yaml", &scenario, &mistake), KAYA_NOT_FOUND));
    cr_expect(ne(ptr, strstr(mistake.text, "/nonexistent/it.yaml"), NULL));
}

Test(scenario_file, the_scenarios_that_come_along_are_good_and_bear_their_files_names)
{
    size_t count;
    const struct kaya_scenario_text *texts = kaya_scenario_texts(&count);
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;
    char name[128];

    cr_assert(ge(sz, count, 10));
    for (size_t i = 0; i < count; i++) {
        cr_expect(
            eq(int, kaya_scenario_parse(texts[i].file_name, texts[i].text, texts[i].length, &scenario, &mistake),
               KAYA_OK),
            "%s", mistake.text);
        snprintf(name, sizeof name, "%s.yaml", scenario.name);
        cr_expect(eq(str, name, (char *)texts[i].file_name));
        kaya_scenario_release(&scenario);
    }
}

Test(scenario_file, what_happens_sometimes_is_an_event_a_verdict_or_a_mark)
{
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;
    char text[4096];

    snprintf(text, sizeof text, "%ssometimes: [segment_recycled, found_soiled, failed_open]\n", good);
    cr_assert(eq(int, parse(text, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
    cr_expect(eq(u64, scenario.sometimes,
                 (uint64_t)1 << KAYA_MARK_SEGMENT_RECYCLED | (uint64_t)1 << KAYA_MARK_FOUND_SOILED |
                     (uint64_t)1 << KAYA_MARK_FAILED_OPEN));
    snprintf(text, sizeof text, "%ssometimes: [segment_rotten]\n", good);
    cr_expect(eq(int, parse(text, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(str, mistake.key, "sometimes"));
    cr_expect(ne(ptr, strstr(mistake.text, "a list of config_refused, log_created"), NULL), "%s", mistake.text);
    cr_expect(ne(ptr, strstr(mistake.text, "failed_open"), NULL), "%s", mistake.text);
}

Test(scenario_file, a_log_may_be_opened_with_another_configuration)
{
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;
    static const char text[] = "story: x\nname: y\nworkload: {sync: 1}\ncrash: {endings: {close: 1}}\n"
                               "open: {other_config_percent: 70}\n";
    static const char wrong[] = "story: x\nname: y\nworkload: {sync: 1}\ncrash: {endings: {close: 1}}\n"
                                "open: {other_config_percent: 101}\n";

    cr_assert(eq(int, parse(text, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
    cr_expect(eq(u32, scenario.other_config_percent, 70));
    cr_expect(eq(int, parse(wrong, &scenario, &mistake), KAYA_INVALID));
    cr_expect(eq(str, mistake.key, "open.other_config_percent"));
}

Test(scenario_file, a_directory_may_be_tampered_with_and_copied)
{
    struct kaya_scenario scenario;
    struct kaya_scenario_mistake mistake;
    char text[512];
    static const char start[] = "story: x\nname: y\nworkload: {sync: 1}\ncrash: {endings: {close: 1}}\n";
    static const struct {
        const char *line, *key;
    } wrong[] = {
        { "tampering: {percent: 101, kinds: {cut: 1}}", "tampering.percent" },
        { "tampering: {percent: 50}", "tampering.kinds" },
        { "tampering: {percent: 50, kinds: {cut: 1001}}", "tampering.kinds" },
        { "tampering: {percent: 50, kinds: {eaten: 1}}", "tampering.kinds.eaten" },
        { "tampering: {live_copy_percent: 101}", "tampering.live_copy_percent" },
    };

    snprintf(text, sizeof text,
             "%stampering: {percent: 50, live_copy_percent: 20, kinds: {cut: 3, missing: 4}}\n", start);
    cr_assert(eq(int, parse(text, &scenario, &mistake), KAYA_OK), "%s", mistake.text);
    cr_expect(eq(u32, scenario.tampering_percent, 50));
    cr_expect(eq(u32, scenario.live_copy_percent, 20));
    cr_expect(eq(u32, scenario.tampering_weights[KAYA_TAMPERING_CUT], 3));
    cr_expect(eq(u32, scenario.tampering_weights[KAYA_TAMPERING_MISSING], 4));
    cr_expect(eq(u32, scenario.tampering_weights[KAYA_TAMPERING_SWAPPED], 0));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(text, sizeof text, "%s%s\n", start, wrong[i].line);
        cr_expect(eq(int, parse(text, &scenario, &mistake), KAYA_INVALID), "%s", wrong[i].line);
        cr_expect(eq(str, mistake.key, (char *)wrong[i].key), "%s", mistake.text);
    }
}
