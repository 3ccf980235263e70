/* The standard small logs.
 *
 * `small`: 12 records of 40 to 200 bytes over three segments of 4 KiB, strict and relaxed mixed, one batch, one trim, on
 * the weakest disk that POSIX allows, with 512 B sectors that are written back alone and power-safe overwrite (dense
 * mode). `padded`: the same on a disk that drags 4 KiB along and promises nothing about bytes that do not change, so that
 * each sync pads; segments of 32 KiB. Nested crashes multiply, so they are tried on a shorter workload: one
 * acknowledged record, two in doubt, a rotation. `two-threads` and `three-threads`: every schedule of a few appends. `key-value`: the engine over a log like `small`, through two snapshots. */
#include "kaya/scenarios/small_log.h"

#include <string.h>

#include "kaya/scenarios/role.h"

enum { SEED = 20 };

#define ONE(KIND, length)                                                                                    \
    {                                                                                                        \
        .kind = KAYA_OPERATION_##KIND, .record_count = 1, .lengths = { length }                              \
    }
#define BARE(KIND)                                                                                           \
    {                                                                                                        \
        .kind = KAYA_OPERATION_##KIND                                                                        \
    }

static const struct kaya_operation long_script[] = {
    ONE(APPEND_STRICT, 100),
    ONE(APPEND_RELAXED, 40),
    ONE(APPEND_RELAXED, 200),
    ONE(APPEND_STRICT, 60),
    BARE(ROTATE),
    ONE(APPEND_RELAXED, 120),
    { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 3, .lengths = { 50, 40, 70 } },
    ONE(APPEND_RELAXED, 80),
    BARE(ROTATE),
    { .kind = KAYA_OPERATION_TRIM, .keep_records = 3 },
    ONE(APPEND_STRICT, 40),
    ONE(APPEND_RELAXED, 150),
    ONE(APPEND_RELAXED, 90),
};

static const struct kaya_operation short_script[] = {
    ONE(APPEND_STRICT, 40),
    ONE(APPEND_RELAXED, 60),
    BARE(ROTATE),
    ONE(APPEND_RELAXED, 50),
};

#define CHANGE(KIND, key, length)                                                                            \
    {                                                                                                        \
        .kind = KAYA_OPERATION_##KIND, .record_count = 1, .lengths = { length }, .keys = { key }             \
    }
#define DELETION(KIND, key)                                                                                  \
    {                                                                                                        \
        .kind = KAYA_OPERATION_##KIND, .record_count = 1, .keys = { key }, .is_deletion = { true }           \
    }

/* Long enough that the second snapshot frees a segment. */
static const struct kaya_operation key_value_script[] = {
    CHANGE(PUT_STRICT, 0, 400),
    CHANGE(PUT_RELAXED, 1, 450),
    BARE(SNAPSHOT),
    DELETION(DELETE_STRICT, 0),
    CHANGE(PUT_RELAXED, 1, 450),
    CHANGE(PUT_RELAXED, 2, 450),
    CHANGE(PUT_RELAXED, 1, 450),
    CHANGE(PUT_RELAXED, 2, 450),
    { .kind = KAYA_OPERATION_BATCH_RELAXED,
      .record_count = 2,
      .lengths = { 200, 0 },
      .keys = { 2, 1 },
      .is_deletion = { false, true } },
    CHANGE(PUT_STRICT, 1, 450),
    CHANGE(PUT_RELAXED, 2, 300),
    BARE(SNAPSHOT),
    CHANGE(PUT_RELAXED, 0, 20),
};

/* Dealt to the threads in turn: each leads or rides, one goes on behind it, and the head changes under them. */
static const struct kaya_operation pair_script[] = {
    ONE(APPEND_STRICT, 40),
    ONE(APPEND_STRICT, 60),
    ONE(APPEND_RELAXED, 50),
    BARE(ROTATE),
};

static const struct kaya_operation trio_script[] = {
    ONE(APPEND_STRICT, 40),
    ONE(APPEND_STRICT, 60),
    { .kind = KAYA_OPERATION_BATCH_STRICT, .record_count = 2, .lengths = { 30, 20 } },
};

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct kaya_sim_profile dense_profile = {
    .name = "small-dense",
    .source =
        "POSIX.1-2017, fsync and rename: nothing is promised but what they say; sectors of 512 B, overwritten power-safely",
    .geometry = { .sector_bytes = 512,
                  .atomic_bytes = 0,
                  .writeback_bytes = 512,
                  .buffer_alignment = 1,
                  .power_safe_overwrite = true },
    .growth = KAYA_GROWTH_STALE,
    .byte_tears = true,
};

static const struct kaya_sim_profile padded_profile = {
    .name = "small-padded",
    .source = "as small-dense, through a page cache of 4 KiB and without power-safe overwrite",
    .geometry = { .sector_bytes = 512,
                  .atomic_bytes = 0,
                  .writeback_bytes = 4096,
                  .buffer_alignment = 1,
                  .power_safe_overwrite = false },
    .growth = KAYA_GROWTH_STALE,
    .byte_tears = true,
};

enum {
    DENSE_SEGMENT = 4096,
    DENSE_BLOCK = 512,
    PADDED_SEGMENT = 32768,
    PADDED_BLOCK = 4096,
    RECORD_MAX = 512
};

#define PLAN(profile_of, segment, block, script_of)                                                          \
    {                                                                                                        \
        .profile = &(profile_of), .segment_bytes = (segment), .block_bytes = (block), .spare_count = 2,      \
        .record_bytes_max = RECORD_MAX, .script = (script_of), .script_length = LENGTH_OF(script_of)         \
    }

#define THREADS(count, script_of)                                                                            \
    {                                                                                                        \
        .subject = KAYA_SUBJECT_CONCURRENT, .profile = &dense_profile, .segment_bytes = DENSE_SEGMENT,       \
        .block_bytes = DENSE_BLOCK, .spare_count = 2, .record_bytes_max = RECORD_MAX,                        \
        .threads = { (count), (count) }, .script = (script_of), .script_length = LENGTH_OF(script_of)        \
    }

static const struct kaya_small_log logs[] = {
    { "small", "12 records over three segments of 4 KiB, dense mode",
      PLAN(dense_profile, DENSE_SEGMENT, DENSE_BLOCK, long_script) },
    { "padded", "the same over segments of 32 KiB, padding mode",
      PLAN(padded_profile, PADDED_SEGMENT, PADDED_BLOCK, long_script) },
    { "short", "three records and a rotation, dense mode, for nested crashes",
      PLAN(dense_profile, DENSE_SEGMENT, DENSE_BLOCK, short_script) },
    { "short-padded", "the same in padding mode",
      PLAN(padded_profile, PADDED_SEGMENT, PADDED_BLOCK, short_script) },
    { "two-threads", "two threads with two operations each, every schedule, dense mode", THREADS(2, pair_script) },
    { "three-threads", "three threads with a strict append or batch each, every schedule, dense mode",
      THREADS(3, trio_script) },
    { "key-value",
      "changes, a deletion and two snapshots of the key-value engine over it, dense mode",
      { .subject = KAYA_SUBJECT_KEY_VALUE,
        .profile = &dense_profile,
        .segment_bytes = DENSE_SEGMENT,
        .block_bytes = DENSE_BLOCK,
        .spare_count = 2,
        .record_bytes_max = RECORD_MAX,
        .key_count = 3,
        .script = key_value_script,
        .script_length = LENGTH_OF(key_value_script) } },
};

const struct kaya_small_log *kaya_small_logs(size_t *count)
{
    *count = LENGTH_OF(logs);
    return logs;
}

const struct kaya_small_log *kaya_small_log_find(const char *name)
{
    for (size_t i = 0; i < LENGTH_OF(logs); i++)
        if (strcmp(logs[i].name, name) == 0)
            return &logs[i];
    return NULL;
}

enum kaya_status kaya_small_log_subject(void *user, struct kaya_subject **subject)
{
    const struct kaya_small_log *log = user;

    return kaya_subject_create(log->plan.subject, &log->plan, SEED, subject);
}
