/* The model of a map: says what a key-value engine may hold, and judges what it does.
 *
 * As three-valued as the log's oracle: a change that was acknowledged must be there, one in doubt may be, and what a recovery
 * returned is fixed. It is told what was asked and answered, and knows nothing of logs and snapshots. */
#ifndef KAYA_SCENARIOS_KEY_VALUE_MODEL_H
#define KAYA_SCENARIOS_KEY_VALUE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/scenario.h"
#include "kaya/sim/subject.h"
#include "kaya/wal.h"

/* Put (or delete) the value of a payload's key (payload.h) under the map's key number `key`. */
struct kaya_key_value_change {
    uint32_t key; /* below KAYA_KEYS_MAX */
    bool is_deletion;
    uint64_t payload_key;
    uint32_t length;
};

/* What the engine shows under each key; bytes NULL: nothing. Borrowed. */
struct kaya_key_value_view {
    struct {
        const void *bytes;
        size_t length;
    } values[KAYA_KEYS_MAX];
};

struct kaya_key_value_model;
struct kaya_key_value_model *kaya_key_value_model_create(void);        /* NULL: no memory */
void kaya_key_value_model_destroy(struct kaya_key_value_model *model); /* takes NULL */
void kaya_key_value_model_reset(struct kaya_key_value_model *model);   /* as new; keeps memory */
KAYA_MUST_CHECK enum kaya_status kaya_key_value_model_copy(const struct kaya_key_value_model *from,
                                                           struct kaya_key_value_model *to);

/* Between `begin` and `end` the changes are in doubt, all of them together; a crash may come instead of the end. Statuses are what the
 * engine said, KAYA_GONE where the machine had crashed by then. `struck`: which families of faults
 * struck in the operation (a bit set of enum kaya_fault): they say which errors it may answer, and after a failed sync what only the
 * cache held may be gone. */
KAYA_MUST_CHECK enum kaya_status kaya_key_value_change_begin(struct kaya_key_value_model *model,
                                                             const struct kaya_key_value_change *changes,
                                                             size_t count);
void kaya_key_value_change_end(struct kaya_key_value_model *model, enum kaya_durability_mode mode,
                               enum kaya_status status, uint64_t struck, struct kaya_violation *violation);

/* sync, snapshot and close make everything durable. */
enum kaya_key_value_barrier { KAYA_KEY_VALUE_SYNC, KAYA_KEY_VALUE_SNAPSHOT, KAYA_KEY_VALUE_CLOSE };
void kaya_key_value_barrier_end(struct kaya_key_value_model *model, enum kaya_key_value_barrier barrier,
                                enum kaya_status status, uint64_t struck, struct kaya_violation *violation);

void kaya_key_value_crash(struct kaya_key_value_model *model, enum kaya_crash crash);

/* An open answered. Judged; with KAYA_OK kaya_key_value_recovered follows, and fixes what was in doubt. */
void kaya_key_value_opened(struct kaya_key_value_model *model, enum kaya_status status, uint64_t struck,
                           struct kaya_violation *violation);
void kaya_key_value_recovered(struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                              struct kaya_violation *violation);
/* A running engine was asked for everything. */
void kaya_key_value_looked(struct kaya_key_value_model *model, const struct kaya_key_value_view *view,
                           struct kaya_violation *violation);
/* ... for one key. `bytes` NULL: it says that there is nothing. */
void kaya_key_value_got(struct kaya_key_value_model *model, uint32_t key, const void *bytes, size_t length,
                        struct kaya_violation *violation);
/* It showed a key that was never put. */
void kaya_key_value_stranger(struct kaya_key_value_model *model, struct kaya_violation *violation);
/* A second one tried to open the same directory (P10). */
void kaya_key_value_second(struct kaya_key_value_model *model, enum kaya_status status, uint64_t struck,
                           struct kaya_violation *violation);
/* Right after a snapshot: what all files hold, and what they may at most (P8). */
void kaya_key_value_disk_use(struct kaya_key_value_model *model, uint64_t bytes_stored, uint64_t bytes_max,
                             struct kaya_violation *violation);

bool kaya_key_value_has_ended(const struct kaya_key_value_model *model); /* all it may answer is KAYA_ENDED (P6) */
bool kaya_key_value_exists(const struct kaya_key_value_model *model);         /* it was opened once */
uint64_t kaya_key_value_live_bytes(const struct kaya_key_value_model *model); /* of all values that there should be */
struct kaya_oracle_counts kaya_key_value_counts(const struct kaya_key_value_model *model);

/* 128 bits over all that decides what is asked for from now on; between boots. */
void kaya_key_value_model_hash(const struct kaya_key_value_model *model, uint64_t hash[2]);

#endif
