/* A log under test, and what a test knows about it apart from core: what was appended, what was acknowledged, and which
 * call wrote what. The log stands on an image disk of its own, or on any other disk. */
#ifndef TESTS_CORE_LOG_FIXTURE_H
#define TESTS_CORE_LOG_FIXTURE_H

#include "image_disk.h"
#include "kaya/inspect.h"
#include "kaya/reader.h"
#include "kaya/sim/boot.h"
#include "kaya/wal.h"

enum {
    LOG_RECORDS_MAX = 4096,
    LOG_EVENTS_MAX = 512,
    LOG_OPERATIONS_MAX = 8192,
    LOG_TEXT_BYTES = 240,
};

/* Profiles of disks: dense mode, and padding to one sector or to a page. */
extern const struct kaya_geometry LOG_DENSE;
extern const struct kaya_geometry LOG_PADDED_512;
extern const struct kaya_geometry LOG_PADDED_4096;

struct log_record {
    uint64_t key; /* what the payload is made from */
    uint32_t length;
    enum kaya_wal_record_type type;
    bool in_batch;
    bool ends_batch;
};

struct log_event {
    enum kaya_event_kind kind;
    enum kaya_status status;
    uint64_t segment, offset_bytes, lsn, detail;
    char text[64];
};

struct log_fixture {
    struct image_disk image;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_wal_environment environment;
    struct kaya_wal_config config;
    uint64_t boot_count;

    struct kaya_wal_writer *writer;
    struct kaya_wal_recovery_report report; /* of the last open */

    /* What was appended: records[lsn - 1]. */
    struct log_record records[LOG_RECORDS_MAX];
    uint64_t last_lsn;
    uint64_t first_lsn;   /* low-water mark */
    uint64_t durable_lsn; /* all up to it were acknowledged as durable */
    uint64_t next_key;

    /* For each call on the log, in order, from 1: what was durable when it began. The image's bytes name the call that wrote
     * them. */
    uint64_t durable_before[LOG_OPERATIONS_MAX];
    uint16_t operation;
    bool is_recovery[LOG_OPERATIONS_MAX];

    struct log_event events[LOG_EVENTS_MAX];
    size_t event_count; /* may exceed what was kept */
};

/* The config is copied; its listener and user are the fixture's own. `config` may be NULL. */
struct log_fixture *log_fixture_create(const struct kaya_geometry *geometry,
                                       const struct kaya_wal_config *config);
void log_fixture_destroy(struct log_fixture *log);

/* Forget memory, handles, lock and writer, as when the process dies. The disk, if not the image, is the caller's to kill. */
void log_kill(struct log_fixture *log);

/* The calls of the log, with what follows from them for the record. A status other than KAYA_OK changes no knowledge, but
 * that what append was given is kept as a record that may be there. */
enum kaya_status log_open(struct log_fixture *log);
enum kaya_status log_append(struct log_fixture *log, uint32_t length, enum kaya_durability_mode mode);
enum kaya_status log_append_batch(struct log_fixture *log, const uint32_t *lengths, size_t count,
                                  enum kaya_durability_mode mode);
enum kaya_status log_sync(struct log_fixture *log);
enum kaya_status log_rotate(struct log_fixture *log);
enum kaya_status log_trim(struct log_fixture *log, uint64_t lsn);
enum kaya_status log_close(struct log_fixture *log);

/* The listener that keeps events in the fixture (user). */
void log_hear(void *user, const struct kaya_event *event);
void log_forget_events(struct log_fixture *log);
/* The first event of a kind from index `from`; NULL: none. */
const struct log_event *log_event(const struct log_fixture *log, enum kaya_event_kind kind, size_t from);

/* The payload of a record. `bytes` has room for its length. */
void log_fill(const struct log_record *record, uint8_t *bytes);

/* What a reader handed out, against what was appended. */
struct log_look {
    enum kaya_status status; /* of open or of the call that failed; KAYA_OK: read to the end */
    struct kaya_wal_recovery_report report;
    uint64_t first_lsn, last_lsn; /* handed out; last < first: none */
    uint64_t mended_count;
    uint64_t mended_lsn;          /* the first record that was mended */
    uint64_t durable_lsn;         /* the last record said to be durable */
    char trouble[LOG_TEXT_BYTES]; /* "": each record is the one that was appended under its number, none left out */
};
void log_look(struct log_fixture *log, const struct kaya_wal_reader_options *options, struct log_look *look);

#endif
