/* What a log may hold to which many threads append at a time. The oracle of the concurrent subject.
 *
 * Calls overlap, so nobody but the log knows the order of records before they are answered. The model keeps each call with what it would
 * append, from its begin to its end; which number a record has it learns from the answer, and for calls that were never answered from the next
 * recovery, where each may stand behind what was answered to its thread, whole or not at all.
 *
 * Faults: crashes of both kinds, failed syncs, I/O errors. No damage to media. */
#ifndef KAYA_SCENARIOS_CONCURRENT_MODEL_H
#define KAYA_SCENARIOS_CONCURRENT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/scenario.h"
#include "kaya/scenarios/words.h"
#include "kaya/sim/subject.h"

struct kaya_concurrent_model;
struct kaya_concurrent_model *kaya_concurrent_model_create(void);        /* NULL: no memory */
void kaya_concurrent_model_destroy(struct kaya_concurrent_model *model); /* takes NULL */
void kaya_concurrent_model_reset(struct kaya_concurrent_model *model);

/* A thread is about to append; *call_index names the call to its end. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_concurrent_append_begin(struct kaya_concurrent_model *model,
                                                              size_t thread, const struct kaya_content *contents,
                                                              size_t count, size_t *call);
/* It was answered. `struck`: families of faults so far in this boot. */
void kaya_concurrent_append_end(struct kaya_concurrent_model *model, size_t call_index,
                                enum kaya_durability_mode mode, enum kaya_status status, uint64_t first_lsn,
                                uint64_t last_lsn, struct kaya_violation *violation);

/* It was answered KAYA_BUSY: nothing was done. */
void kaya_concurrent_append_refused(struct kaya_concurrent_model *model, size_t call_index);

/* What is in flight at most while a call lasts: all that was appended, or is about to be, this call's own records included, and was not known to be
 * durable when it began. */
struct kaya_in_flight {
    uint64_t record_count;
    uint64_t counted_bytes; /* as kaya/wal.h counts them for submitted_bytes_max */
    uint64_t encoded_bytes; /* that they take in a buffer, at most */
};
struct kaya_in_flight kaya_concurrent_in_flight(const struct kaya_concurrent_model *model, uint64_t durable_lsn);
/* Somebody was told that a ticket is complete (KAYA_OK), so what its mode promises holds for all up to its last record; or that it failed. */
void kaya_concurrent_completed(struct kaya_concurrent_model *model, enum kaya_durability_mode mode,
                               enum kaya_status status, uint64_t last_lsn, struct kaya_violation *violation);

/* sync, rotate: what was answered before it began is durable after it. Returns what that is, for its end. */
uint64_t kaya_concurrent_sync_begin(struct kaya_concurrent_model *model);
void kaya_concurrent_sync_end(struct kaya_concurrent_model *model, uint64_t covered_lsn,
                              enum kaya_status status, struct kaya_violation *violation);
/* flush: likewise, for a crash of the process. */
void kaya_concurrent_flush_end(struct kaya_concurrent_model *model, uint64_t covered_lsn,
                               enum kaya_status status, struct kaya_violation *violation);
/* A reader answered: a status that is not KAYA_OK needs an excuse, and KAYA_IO says nothing of the handle. */
void kaya_concurrent_looked(struct kaya_concurrent_model *model, const char *what, enum kaya_status status,
                            struct kaya_violation *violation);
/* Any other call answered: a status that is not KAYA_OK needs an excuse. */
void kaya_concurrent_answered(struct kaya_concurrent_model *model, const char *what, enum kaya_status status,
                              struct kaya_violation *violation);

void kaya_concurrent_trim_begin(struct kaya_concurrent_model *model, uint64_t lsn);
void kaya_concurrent_trim_end(struct kaya_concurrent_model *model, enum kaya_status status,
                              uint64_t low_water_lsn, struct kaya_violation *violation);

/* Somebody asked how far the log is durable; what it said must hold. */
void kaya_concurrent_durable(struct kaya_concurrent_model *model, uint64_t lsn, struct kaya_violation *violation);
/* A reader beside the writers was given a record. */
void kaya_concurrent_seen(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                          struct kaya_violation *violation);

/* It came to its end in front of `due_lsn`, and was opened when the operating system had all up to `written_lsn`. */
void kaya_concurrent_seen_all(struct kaya_concurrent_model *model, uint64_t due_lsn, uint64_t written_lsn,
                              struct kaya_violation *violation);

/* Faults that struck excuse what fails from now on in this boot. */
void kaya_concurrent_struck(struct kaya_concurrent_model *model, uint64_t families);
/* The writer is being stopped: calls may answer KAYA_ENDED. */
void kaya_concurrent_stopping(struct kaya_concurrent_model *model);
bool kaya_concurrent_has_ended(const struct kaya_concurrent_model *model); /* stopped, or failed */

/* All threads are done, and nothing failed: every number up to `last_lsn` was answered to somebody. */
void kaya_concurrent_quiet(struct kaya_concurrent_model *model, uint64_t last_lsn,
                           struct kaya_violation *violation);
/* The log was closed, with this answer. */
void kaya_concurrent_closed(struct kaya_concurrent_model *model, enum kaya_status status,
                            struct kaya_violation *violation);
void kaya_concurrent_crash(struct kaya_concurrent_model *model, enum kaya_crash kind);

/* The log was opened (`status`); where that went well, everything is read back between recovered and read_end. */
void kaya_concurrent_opened(struct kaya_concurrent_model *model, enum kaya_status status, uint64_t first_lsn,
                            uint64_t last_lsn, struct kaya_violation *violation);
void kaya_concurrent_read(struct kaya_concurrent_model *model, const struct kaya_wal_record *record,
                          struct kaya_violation *violation);
void kaya_concurrent_read_end(struct kaya_concurrent_model *model, struct kaya_violation *violation);

bool kaya_concurrent_exists(const struct kaya_concurrent_model *model); /* the log must be there */
uint64_t kaya_concurrent_first_lsn(const struct kaya_concurrent_model *model);
uint64_t kaya_concurrent_written_lsn(const struct kaya_concurrent_model *model); /* the operating system has it */
uint64_t kaya_concurrent_durable_lsn(const struct kaya_concurrent_model *model);
struct kaya_oracle_counts kaya_concurrent_counts(const struct kaya_concurrent_model *model);
/* All that decides what is asked for from now on, whatever the order in which calls of different threads began. */
void kaya_concurrent_model_add_words(const struct kaya_concurrent_model *model, struct kaya_words *words);
KAYA_MUST_CHECK enum kaya_status kaya_concurrent_model_copy(const struct kaya_concurrent_model *from,
                                                            struct kaya_concurrent_model *to);

#endif
