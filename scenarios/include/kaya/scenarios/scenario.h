/* A scenario: a story, and the limits within which runs draw their workload, their sizes and their crashes.
 *
 * This structure is all that a run needs; that one can also be read from a YAML file is the business of
 * scenario_file.h, and only the program depends on the parser. */
#ifndef KAYA_SCENARIOS_SCENARIO_H
#define KAYA_SCENARIOS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/record.h"
#include "kaya/scenarios/budget.h"
#include "kaya/scenarios/coverage.h"
#include "kaya/sim/disk.h"
#include "kaya/sim/profile.h"

/* What a workload is made of. X(NAME, name, text) */
#define KAYA_OPERATION_LIST(X)                                                                               \
    X(APPEND_STRICT, append_strict, "append one record, durable when it returns")                            \
    X(APPEND_RELAXED, append_relaxed, "append one record, handed to the operating system")                   \
    X(BATCH_STRICT, batch_strict, "append several records as one, durable when it returns")                  \
    X(BATCH_RELAXED, batch_relaxed, "append several records as one, handed to the operating system")         \
    X(ECHO, echo, "append a strict record whose payload is a copy of the log's own file")                    \
    X(SYNC, sync, "make everything durable")                                                                 \
    X(ROTATE, rotate, "go on in the next segment")                                                           \
    X(TRIM, trim, "let go of old records down to `keep_records`")                                            \
    X(TEND, tend, "one piece of background work")                                                            \
    X(READ, read, "read everything back beside the writer")                                                  \
    X(VERIFY, verify, "verify the live log")                                                                 \
    X(INSPECT, inspect, "inspect the live log")                                                              \
    X(FOLLOW, follow, "open a reader and keep it open, or read on with it, or end it")                       \
    X(ASK, ask, "ask the writer how far it is durable")                                                      \
    X(SECOND_WRITER, second_writer, "try to open a second writer")                                           \
    X(REOPEN, reopen, "close cleanly and open again")                                                        \
    X(CUT_BACK, cut_back, "close cleanly, give up the newest records, open again")                           \
    X(FILL_DISK, fill_disk, "other programs take up the room that the disk has left, or all but a segment")  \
    X(FREE_DISK, free_disk, "other programs give back what they took")                                       \
    X(PUT_STRICT, put_strict, "put one value, durable when it returns")                                      \
    X(PUT_RELAXED, put_relaxed, "put one value, handed to the operating system")                             \
    X(DELETE_STRICT, delete_strict, "delete one key, durably when it returns")                               \
    X(DELETE_RELAXED, delete_relaxed, "delete one key, handed to the operating system")                      \
    X(GET, get, "get the value of one key")                                                                  \
    X(SNAPSHOT, snapshot, "write a snapshot and trim the log up to it")                                      \
    X(STOP, stop, "stop the writer under the other threads")                                                 \
    X(APPEND_BUFFERED, append_buffered, "append one record, kept in the log's memory")                       \
    X(BATCH_BUFFERED, batch_buffered, "append several records as one, kept in the log's memory")             \
    X(FLUSH, flush, "hand everything to the operating system")                                               \
    X(SUBMIT_STRICT, submit_strict, "submit one record, to be durable when its ticket is complete")          \
    X(SUBMIT_RELAXED, submit_relaxed, "submit one record, to be handed to the operating system")             \
    X(SUBMIT_BATCH, submit_batch, "submit several records as one, to be durable")                            \
    X(WAIT, wait, "wait for a ticket, for some time or without an end")                                      \
    X(POLL, poll, "ask for a ticket, or only run completions")

enum kaya_operation_kind {
#define KAYA_OPERATION_ENUM(NAME, name, text) KAYA_OPERATION_##NAME,
    KAYA_OPERATION_LIST(KAYA_OPERATION_ENUM)
#undef KAYA_OPERATION_ENUM
        KAYA_OPERATIONS
};
const char *kaya_operation_name(enum kaya_operation_kind kind);
/* Of those that append: several as one? And what is asked for? */
bool kaya_operation_is_batch(enum kaya_operation_kind kind);
enum kaya_durability_mode kaya_operation_mode(enum kaya_operation_kind kind);

/* What runs on the machine. X(NAME, name, text) */
#define KAYA_SUBJECT_LIST(X)                                                                                 \
    X(LOG, log, "the log")                                                                                   \
    X(KEY_VALUE, key_value, "the key-value engine over the log")                                             \
    X(CONCURRENT, concurrent, "the log, and many threads")

enum kaya_subject_kind {
#define KAYA_SUBJECT_ENUM(NAME, name, text) KAYA_SUBJECT_##NAME,
    KAYA_SUBJECT_LIST(KAYA_SUBJECT_ENUM)
#undef KAYA_SUBJECT_ENUM
        KAYA_SUBJECTS
};

/* Can that subject do this? */
bool kaya_operation_is_of(enum kaya_operation_kind kind, enum kaya_subject_kind subject);

/* How a boot ends. X(NAME, name, text) */
#define KAYA_ENDING_LIST(X)                                                                                     \
    X(POWER_LOSS, power_loss, "the power fails")                                                                \
    X(PROCESS_CRASH, process_crash, "the process dies, the cache survives")                                     \
    X(EVICTION, eviction, "the process dies, then the cache is partly written back and dropped")                \
    X(LATE_POWER_LOSS, late_power_loss, "the process dies, some of the cache is written back, the power fails") \
    X(CLOSE, close, "the log is closed, the machine goes on")                                                   \
    X(CLOSE_AND_POWER_LOSS, close_and_power_loss, "the log is closed, then the power fails")

enum kaya_ending {
#define KAYA_ENDING_ENUM(NAME, name, text) KAYA_ENDING_##NAME,
    KAYA_ENDING_LIST(KAYA_ENDING_ENUM)
#undef KAYA_ENDING_ENUM
        KAYA_ENDINGS
};
const char *kaya_ending_name(enum kaya_ending ending);

/* What people do to the log's directory between two boots. X(NAME, name, text) */
#define KAYA_TAMPERING_LIST(X)                                                                                 \
    X(FOREIGN_FILE, foreign_file, "a file under a name that is none of the log's")                             \
    X(STRAY_SEGMENT, stray_segment, "junk under a segment's name, of a number that is not there")              \
    X(UNFINISHED_FILE, unfinished_file, "junk under the name of an unfinished or renamed segment")             \
    X(TAKEN_NAME, taken_name, "a directory under a name of the log's that no file has")                        \
    X(SWAPPED, swapped, "two segments swapped")                                                                \
    X(COPIED, copied, "a segment copied over another, to a free number, or to some other name")                \
    X(RENAMED, renamed, "a segment renamed to a free number, or to some other name")                           \
    X(MISSING, missing, "a segment removed")                                                                   \
    X(CUT, cut, "a segment cut, at a record's end or anywhere")                                                \
    X(BLOTTED, blotted, "bytes of a segment written over: its headers, its link, or any stretch")              \
    X(OTHER_LOG_SEGMENT, other_log_segment, "a segment of another log, over one of the same number or beside") \
    X(OLDER_SEGMENT, older_segment, "a segment from an older backup of the log")                               \
    X(OLDER_BACKUP, older_backup, "the whole directory from an older backup")                                  \
    X(OTHER_LOG, other_log, "another log in the directory's place")

enum kaya_tampering {
#define KAYA_TAMPERING_ENUM(NAME, name, text) KAYA_TAMPERING_##NAME,
    KAYA_TAMPERING_LIST(KAYA_TAMPERING_ENUM)
#undef KAYA_TAMPERING_ENUM
        KAYA_TAMPERINGS
};
const char *kaya_tampering_name(enum kaya_tampering tampering);

/* A number is drawn from `from` to `to`, both included. */
struct kaya_range {
    uint64_t from, to;
};

/* One of these is drawn. */
enum { KAYA_NUMBERS_MAX = 8 };
struct kaya_numbers {
    uint32_t values[KAYA_NUMBERS_MAX];
    uint32_t count;
};

enum { KAYA_SCENARIO_NAME_MAX = 48, KAYA_SCENARIO_STORY_MAX = 2000, KAYA_BATCH_RECORDS_MAX = 16 };
enum { KAYA_KEYS_MAX = 64, KAYA_THREADS_MAX = 12 };

/* One operation of a run: drawn, or one of a script. */
struct kaya_operation {
    enum kaya_operation_kind kind;
    uint32_t record_count;
    uint32_t lengths[KAYA_BATCH_RECORDS_MAX];
    uint64_t keep_records; /* TRIM, CUT_BACK: how many to keep, to give up */
    /* of the key-value engine: */
    uint32_t keys[KAYA_BATCH_RECORDS_MAX];    /* a number below the plan's key_count for each record */
    bool is_deletion[KAYA_BATCH_RECORDS_MAX]; /* likewise; else a put */
};

struct kaya_scenario {
    char name[KAYA_SCENARIO_NAME_MAX];
    char story[KAYA_SCENARIO_STORY_MAX];
    enum kaya_subject_kind subject;

    uint64_t seeds;                /* runs, when nobody says how many */
    uint64_t expect_struck_within; /* each declared fault must have struck after so many runs */
    uint64_t faults; /* bit set of enum kaya_fault: what may strike here, and must in the long run */
    uint32_t odds[KAYA_FAULTS]; /* of those among them that strike by odds: one chance in so many; 0: never */
    uint32_t read_fault_repeats; /* a range is struck in so many reads in a row; 0 means 2: a third is good */
    uint64_t sometimes;          /* bit set of enum kaya_mark: what must have happened after so many runs */
    enum kaya_budget budget;     /* which of them may meet in one run */
    bool swarm; /* each run draws a subset of the faults and operations; one run in ten is calm */

    uint32_t profiles; /* bit set, by index in kaya_sim_profiles(): one is drawn for each run */
    struct kaya_numbers segment_bytes; /* one is drawn for each run */
    struct kaya_numbers block_bytes;   /* likewise; made smaller where a segment would hold fewer than 8 */
    struct kaya_numbers spares;        /* likewise */
    struct kaya_numbers buffer_bytes;  /* likewise; none: the writer's default */
    struct kaya_numbers submitted_records_max, submitted_bytes_max, commit_delay_ns; /* likewise */
    uint32_t full_is_busy_percent; /* writers that answer KAYA_BUSY rather than wait */

    struct kaya_range capacity_segments; /* room on the disk, in segments; 0: without end */
    uint32_t cannot_allocate_percent;    /* runs on disks that cannot reserve room */
    uint32_t moves_percent; /* before a boot all goes to another disk, of another of the profiles */
    struct kaya_latency latencies[KAYA_LATENCIES]; /* how long its calls take, in virtual time */

    struct kaya_range boots;        /* boots in a run */
    struct kaya_range operations;   /* in a boot, before the crash is armed */
    struct kaya_range crash_within; /* disk calls from there to the crash; 0: at once, between two operations */
    uint32_t endings[KAYA_ENDINGS];  /* weights */
    uint32_t recovery_crash_percent; /* a boot crashes in its recovery */
    uint32_t recovery_crash_depth;   /* at most so many times in a row */
    uint32_t look_percent;           /* a reader looks at what a crash left before recovery does */
    uint32_t recover_only_percent;   /* recover and close once before opening */
    uint32_t beside_percent;         /* read back as another process would, without the writer's help */
    uint32_t trim_percent;   /* trim what was read back, as a program does that keeps it elsewhere now */
    uint32_t anchor_percent; /* open with an anchor */
    uint32_t other_config_percent; /* open with sizes and limits drawn anew */

    uint32_t live_copy_percent;                  /* the files are copied while a boot works */
    uint32_t tampering_percent;                  /* before a boot, something is done to the directory: */
    uint32_t tampering_weights[KAYA_TAMPERINGS]; /* what */

    uint32_t operation_weights[KAYA_OPERATIONS];
    struct kaya_range record_bytes; /* cut to the longest allowed */
    struct kaya_range batch_records;
    struct kaya_range keep_records; /* what a trim leaves */
    struct kaya_range keys;         /* how many there are; one number is drawn for each run */
    struct kaya_range threads;      /* of the concurrent subject: each step gathers so many */
    uint32_t tender_percent;        /* ... and in so many of them a thread that tends */

    /* A recorded workload in place of a drawn one: done in order, from a place that is drawn, and over again behind its end. NULL:
     * operations are drawn. Not the scenario's own memory (kaya_scenario_release). */
    const struct kaya_operation *script;
    size_t script_length;
};

/* A scenario with every value set to what a file that leaves it out means, and no name. */
void kaya_scenario_init(struct kaya_scenario *scenario);

/* What is wrong with it: the key (as in a file, "log.segment_bytes") and what is allowed, both static; true if nothing. */
bool kaya_scenario_is_valid(const struct kaya_scenario *scenario, const char **key, const char **allowed);

/* An input of the fuzz target `run` is a scenario's mark, 2 bytes, big end first, and then decisions. */
enum { KAYA_SCENARIO_MARK_BYTES = 2 };
uint16_t kaya_scenario_mark(const char *name);
/* The one of `count` (at least 1) scenarios that any two bytes stand for: whose mark is the next at or above, round the circle. So an input
 * keeps its scenario when others are added. */
const struct kaya_scenario *kaya_scenario_of_mark(const struct kaya_scenario *scenarios, size_t count,
                                                  const uint8_t mark[KAYA_SCENARIO_MARK_BYTES]);

#endif
