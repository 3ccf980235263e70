/* Tampering.
 *
 *   disk --read--> image before, layout (a reader looks on a fork; what it shows is judged like any look)
 *    |
 *    +--fork--> deed --read--> image after --judge--> refusal required, allowed, forbidden; what must come back
 *    |
 *    forbidden: the same deed on the disk itself, and the run goes on: its oracle knows no damage
 *    else:      the fork is opened, and judged, and thrown away
 *
 * A deed is drawn once, as a few names and a number, and done by the disk's own calls, so that it is the same wherever it is done.
 *
 * Whole backups go another way: nothing in an older directory can tell that it is old. So without an anchor the run goes back to it,
 * model and all; with an anchor that names a later record it must be refused. */
#include "kaya/scenarios/tamper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/inspect.h"
#include "kaya/reader.h"
#include "kaya/scenarios/layout.h"
#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/payload.h"
#include "kaya/scenarios/role.h"
#include "kaya/sim/boot.h"

enum {
    JUNK_BYTES_MAX = 6000,
    SNAPSHOT_OF = 3,
    OTHER_LOG_RECORDS_MAX = 60,
    OTHER_LOG_BYTES_MAX = 200,
    NUMBER_AHEAD_MAX = 6,
    READ_AT_ONCE_BYTES = 64,
    COPY_AT_CALL_OF = 6
};

/* What is done, where. */
enum deed_kind {
    DEED_NONE,
    DEED_PUT,
    DEED_COPY,
    DEED_RENAME,
    DEED_SWAP,
    DEED_REMOVE,
    DEED_CUT,
    DEED_REPLACE_ALL
};

struct deed {
    enum deed_kind kind;
    char name[KAYA_NAME_BYTES_MAX + 1]; /* PUT, CUT, REMOVE; of the others the first */
    char other[KAYA_NAME_BYTES_MAX + 1];
    uint64_t length;                 /* PUT, CUT */
    const uint8_t *bytes;            /* PUT */
    const struct kaya_sim_disk *all; /* REPLACE_ALL: by this one's files */
};

struct kaya_tamperer {
    struct kaya_sim_disk *fork;
    struct kaya_sim_disk *backup;
    struct kaya_sim_disk *other_log;
    struct kaya_subject *backup_subject; /* the model as it was then */
    bool has_backup, has_other_log;
    struct kaya_image before, after, again, old_files, other_files;
    struct kaya_layout layout;
    struct kaya_oracle *oracle; /* a copy that judges what comes out of the fork */
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_choices *seeded; /* for making disks: no fault strikes on them */
    uint8_t junk[JUNK_BYTES_MAX];
    struct kaya_sim_disk *copy; /* of a live log, so far */
    struct copied_name {
        char name[KAYA_NAME_BYTES_MAX + 1];
        bool done;
    } * copied; /* as they were listed when it began */
    size_t copied_count, copied_capacity, copied_left;
    uint64_t copied_durable_lsn; /* then */
    bool copy_failed;
    uint64_t boots;

    /* of the call under way */
    const struct kaya_plan *plan;
    struct kaya_subject *subject;
    struct kaya_sim_disk *disk;
    struct kaya_choices *choices;
    struct kaya_trace *trace;
    struct kaya_violation *violation;
};

static uint64_t draw(struct kaya_tamperer *tamperer, uint64_t count, const char *label)
{
    return kaya_choose(tamperer->choices, KAYA_STREAM_WORKLOAD, count, label);
}

static void note(struct kaya_tamperer *tamperer, const char *text, uint64_t a, uint64_t b, uint64_t c)
{
    struct kaya_trace_event event = { .kind = KAYA_TRACE_NOTE, .a = a, .b = b, .c = c, .text = text };

    if (tamperer->trace != NULL)
        kaya_trace_add(tamperer->trace, &event);
}

static void mark(struct kaya_tamperer *tamperer, enum kaya_mark mark)
{
    kaya_watch_mark(kaya_subject_watch(tamperer->subject), mark);
}

/* --- A boot on the fork --- */

static struct kaya_wal_environment boot(struct kaya_tamperer *tamperer, struct kaya_sim_disk *disk)
{
    kaya_sim_memory_reset(tamperer->memory);
    kaya_sim_runtime_reset(tamperer->runtime, 0x74616d706572u + ++tamperer->boots);
    return (struct kaya_wal_environment){ kaya_sim_disk_boot(disk), kaya_sim_runtime_seam(tamperer->runtime),
                                          kaya_sim_memory_allocator(tamperer->memory) };
}

/* The same files, and no fault strikes on it. */
static enum kaya_status take_fork(struct kaya_tamperer *tamperer, const struct kaya_sim_disk *from)
{
    enum kaya_status status = kaya_sim_disk_copy(from, tamperer->choices, tamperer->trace, tamperer->fork);

    if (status == KAYA_OK)
        kaya_sim_disk_heal(tamperer->fork);
    return status;
}

/* Read everything; where `layout` is not NULL it learns where. */
static enum kaya_status read_records(struct kaya_tamperer *tamperer, struct kaya_wal_reader *reader,
                                     struct kaya_layout *layout)
{
    struct kaya_wal_record record;
    enum kaya_status status;

    while ((status = kaya_wal_reader_next(reader, &record)) == KAYA_OK &&
           !kaya_violation_is_set(tamperer->violation)) {
        kaya_oracle_read(tamperer->oracle, &record, tamperer->violation);
        if (layout != NULL && kaya_layout_add(layout, &record) != KAYA_OK)
            return KAYA_NO_MEMORY;
    }
    if (kaya_violation_is_set(tamperer->violation))
        return KAYA_OK;
    if (status != KAYA_END)
        kaya_violation_set(tamperer->violation, "P12", "a log that opened was read up to an answer of %s",
                           kaya_status_name(status));
    kaya_oracle_read_end(tamperer->oracle, tamperer->violation);
    return KAYA_OK;
}

/* What the fork holds, as a reader sees it. *good: there is a log, and nothing is wrong with it. */
static enum kaya_status look(struct kaya_tamperer *tamperer, bool *good)
{
    struct kaya_wal_environment environment = boot(tamperer, tamperer->fork);
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_reader *reader = NULL;
    enum kaya_status status = kaya_wal_reader_open(&environment, NULL, &reader, &report);
    enum kaya_status failure = KAYA_OK;

    *good = false;
    kaya_oracle_looked(tamperer->oracle, status, &report, tamperer->violation);
    if (status == KAYA_OK && report.verdict != KAYA_VERDICT_EMPTY && !kaya_violation_is_set(tamperer->violation) &&
        kaya_layout_read(&tamperer->layout, &tamperer->before, &report)) {
        kaya_oracle_read_begin(tamperer->oracle, report.first_lsn, report.last_lsn);
        failure = read_records(tamperer, reader, &tamperer->layout);
        *good = failure == KAYA_OK && !kaya_violation_is_set(tamperer->violation);
    }
    kaya_wal_reader_close(reader);
    kaya_sim_disk_shut_down(tamperer->fork);
    return failure;
}

/* --- Another log --- */

static enum kaya_status fill_other_log(struct kaya_tamperer *tamperer,
                                       const struct kaya_wal_environment *environment)
{
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);
    uint64_t count = 1 + draw(tamperer, OTHER_LOG_RECORDS_MAX, "other_log_records");
    uint64_t trimmed = draw(tamperer, count, "other_log_trimmed");
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, tamperer->junk, 0 };
    struct kaya_wal_writer *writer;
    enum kaya_status status = kaya_wal_writer_open(environment, &config, &writer, NULL);
    enum kaya_status closed;

    for (uint64_t i = 0; i < count && status == KAYA_OK; i++) {
        payload.length =
            draw(tamperer,
                 config.record_bytes_max < OTHER_LOG_BYTES_MAX ? config.record_bytes_max : OTHER_LOG_BYTES_MAX,
                 "other_log_length");
        status = kaya_wal_writer_append(writer, &payload, KAYA_RELAXED, NULL);
        if (status == KAYA_OK && draw(tamperer, 8, "other_log_rotates") == 7)
            status = kaya_wal_writer_rotate(writer);
    }
    if (status == KAYA_OK)
        status = kaya_wal_writer_sync(writer);
    if (status == KAYA_OK)
        status = kaya_wal_writer_truncate_before(writer, trimmed + 1, NULL);
    closed = kaya_wal_writer_close(writer);
    return status == KAYA_OK ? closed : status;
}

/* Once for a run: a log with another id, of as many segments as it pleases. */
static enum kaya_status make_other_log(struct kaya_tamperer *tamperer)
{
    struct kaya_sim_disk_options options = { .profile = tamperer->plan->profile, .choices = tamperer->seeded };
    struct kaya_wal_environment environment;
    enum kaya_status status;

    if (tamperer->has_other_log)
        return KAYA_OK;
    kaya_sim_disk_reset(tamperer->other_log, &options);
    environment = boot(tamperer, tamperer->other_log);
    status = fill_other_log(tamperer, &environment);
    kaya_sim_disk_shut_down(tamperer->other_log);
    if (status != KAYA_OK) {
        kaya_violation_set(tamperer->violation, "P7", "a new log on a disk without faults answered %s",
                           kaya_status_name(status));
        return KAYA_OK;
    }
    tamperer->has_other_log = true;
    return kaya_image_read(&tamperer->other_files, tamperer->other_log);
}

/* --- Deeds --- */

static enum kaya_status do_deed(const struct deed *deed, struct kaya_sim_disk *disk, struct kaya_tamperer *tamperer)
{
    switch (deed->kind) {
    case DEED_PUT:
        return kaya_sim_disk_put_file(disk, deed->name, deed->bytes, (size_t)deed->length);
    case DEED_COPY:
        return kaya_sim_disk_copy_file(disk, deed->name, deed->other);
    case DEED_RENAME:
        return kaya_sim_disk_rename_file(disk, deed->name, deed->other);
    case DEED_SWAP:
        return kaya_sim_disk_swap_files(disk, deed->name, deed->other);
    case DEED_REMOVE:
        return kaya_sim_disk_remove_file(disk, deed->name);
    case DEED_CUT:
        return kaya_sim_disk_cut_file(disk, deed->name, deed->length);
    case DEED_REPLACE_ALL:
        return take_fork(tamperer, deed->all);
    case DEED_NONE:
        break;
    }
    return KAYA_OK;
}

/* Of the files with such a name one. NULL: there is none. */
static const struct kaya_image_file *segment_draw(struct kaya_tamperer *tamperer, const struct kaya_image *image)
{
    uint64_t count = 0;
    uint64_t chosen;

    for (size_t i = 0; i < image->file_count; i++)
        count += kaya_layout_number(image->files[i].name, ".wal") != 0;
    if (count == 0)
        return NULL;
    chosen = draw(tamperer, count, "segment");
    for (size_t i = 0;; i++)
        if (kaya_layout_number(image->files[i].name, ".wal") != 0 && chosen-- == 0)
            return &image->files[i];
}

static uint64_t highest_number(const struct kaya_image *image)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < image->file_count; i++) {
        uint64_t number = kaya_layout_number(image->files[i].name, ".wal");
        highest = number > highest ? number : highest;
    }
    return highest;
}

/* A number that no file has: a little above all, far above all, the last there can be, or one below. */
static uint64_t free_number_draw(struct kaya_tamperer *tamperer)
{
    uint64_t highest = highest_number(&tamperer->before);
    uint64_t ahead = draw(tamperer, NUMBER_AHEAD_MAX + 3, "free_number");
    char name[KAYA_LAYOUT_NAME_BYTES];

    if (ahead == NUMBER_AHEAD_MAX)
        return highest < UINT64_MAX / 2 ? highest + ((uint64_t)1 << 40) : highest + 1;
    if (ahead == NUMBER_AHEAD_MAX + 1 && highest != UINT64_MAX)
        return UINT64_MAX;
    if (ahead == NUMBER_AHEAD_MAX + 2)
        for (uint64_t number = 1; number < highest; number++) {
            kaya_layout_name(number, ".wal", name);
            if (kaya_image_find(&tamperer->before, name) == NULL)
                return number;
        }
    return highest > UINT64_MAX - 1 - NUMBER_AHEAD_MAX ? 1 : highest + 1 + ahead % NUMBER_AHEAD_MAX;
}

static void foreign_name_draw(struct kaya_tamperer *tamperer, char name[KAYA_NAME_BYTES_MAX + 1])
{
    static const char *const names[] = { "core.4711",
                                         ".nfs000000000001",
                                         "lost+found",
                                         "0000000000000001.wal~",
                                         "0000000000000001.wal.bak",
                                         "0000000000000001.WAL",
                                         "00000000000000001.wal",
                                         "000000000000001.wal",
                                         "000000000000000g.wal",
                                         "0000000000000000.wal",
                                         "0x00000000000001.wal",
                                         "0000000000000001",
                                         "0000000000000001.newer",
                                         "LOCK.old",
                                         "wal" };

    snprintf(name, KAYA_NAME_BYTES_MAX + 1, "%s",
             names[draw(tamperer, sizeof names / sizeof names[0], "foreign_name")]);
}

/* Nothing, zeros, bytes that look like any, or a part of one of the log's files. */
static void junk_draw(struct kaya_tamperer *tamperer, struct deed *deed)
{
    const struct kaya_image_file *file;

    deed->kind = DEED_PUT;
    deed->bytes = tamperer->junk;
    deed->length = draw(tamperer, JUNK_BYTES_MAX + 1, "junk_length");
    switch (draw(tamperer, 4, "junk")) {
    case 0:
        deed->length = 0;
        break;
    case 1:
        memset(tamperer->junk, 0, sizeof tamperer->junk);
        break;
    case 2:
        kaya_payload_fill(draw(tamperer, UINT32_MAX, "junk_key"), tamperer->junk, sizeof tamperer->junk);
        break;
    default:
        file = segment_draw(tamperer, &tamperer->before);
        if (file != NULL && deed->length > file->size_bytes)
            deed->length = file->size_bytes;
        if (file != NULL)
            deed->bytes = file->bytes + (file->size_bytes - deed->length) / 8 * draw(tamperer, 9, "junk_from");
    }
}

/* A function of its own, called alone: the order in which a call's arguments draw is the compiler's. */
static const char *suffix_draw(struct kaya_tamperer *tamperer)
{
    return draw(tamperer, 2, "suffix") == 0 ? ".new" : ".away";
}

static void target_draw(struct kaya_tamperer *tamperer, bool may_exist, char name[KAYA_NAME_BYTES_MAX + 1])
{
    const struct kaya_image_file *file;
    const char *suffix;

    switch (draw(tamperer, may_exist ? 4 : 3, "target")) {
    case 0:
        foreign_name_draw(tamperer, name);
        break;
    case 1:
        kaya_layout_name(free_number_draw(tamperer), ".wal", name);
        break;
    case 2:
        suffix = suffix_draw(tamperer);
        kaya_layout_name(free_number_draw(tamperer), suffix, name);
        break;
    default:
        file = segment_draw(tamperer, &tamperer->before);
        snprintf(name, KAYA_NAME_BYTES_MAX + 1, "%s", file->name);
    }
}

static void cut_draw(struct kaya_tamperer *tamperer, const struct kaya_image_file *file, struct deed *deed)
{
    const struct kaya_layout *layout = &tamperer->layout;
    const struct kaya_layout_segment *head = &layout->chain[layout->chain_count - 1];
    size_t count = 0;

    deed->kind = DEED_CUT;
    switch (draw(tamperer, 4, "cut")) {
    case 0: /* where a record of the head begins */
        while (count < layout->place_count &&
               layout->places[layout->place_count - 1 - count].segment == head->number)
            count++;
        if (count == 0)
            break;
        snprintf(deed->name, sizeof deed->name, "%s", head->file->name);
        deed->length = layout->places[layout->place_count - count + draw(tamperer, count, "cut_record")].offset;
        return;
    case 1:
        deed->length = file->size_bytes / 512 * draw(tamperer, 512, "cut_sector") / 512 * 512;
        return;
    case 2:
        deed->length = 0;
        return;
    default:
        break;
    }
    deed->length = draw(tamperer, file->size_bytes + 1, "cut_at");
}

/* The file put under its own name, over what stands there. */
static void put_file(const struct kaya_image_file *file, struct deed *deed)
{
    if (file == NULL)
        return;
    deed->kind = DEED_PUT;
    snprintf(deed->name, sizeof deed->name, "%s", file->name);
    deed->bytes = file->bytes;
    deed->length = file->size_bytes;
}

static enum kaya_status deed_draw(struct kaya_tamperer *tamperer, enum kaya_tampering tampering, struct deed *deed)
{
    const struct kaya_image_file *file = segment_draw(tamperer, &tamperer->before);
    const struct kaya_image_file *other;
    const char *suffix;
    enum kaya_status status;

    *deed = (struct deed){ .kind = DEED_NONE };
    if (file == NULL)
        return KAYA_OK;
    snprintf(deed->name, sizeof deed->name, "%s", file->name);
    switch (tampering) {
    case KAYA_TAMPERING_FOREIGN_FILE:
        junk_draw(tamperer, deed);
        foreign_name_draw(tamperer, deed->name);
        break;
    case KAYA_TAMPERING_STRAY_SEGMENT:
        junk_draw(tamperer, deed);
        kaya_layout_name(free_number_draw(tamperer), ".wal", deed->name);
        break;
    case KAYA_TAMPERING_UNFINISHED_FILE:
        junk_draw(tamperer, deed);
        suffix = suffix_draw(tamperer);
        kaya_layout_name(draw(tamperer, 2, "own_number") == 0 ? kaya_layout_number(file->name, ".wal")
                                                              : free_number_draw(tamperer),
                         suffix, deed->name);
        break;
    case KAYA_TAMPERING_SWAPPED:
        deed->kind = DEED_SWAP;
        other = segment_draw(tamperer, &tamperer->before);
        snprintf(deed->other, sizeof deed->other, "%s", other->name);
        break;
    case KAYA_TAMPERING_COPIED:
        deed->kind = DEED_COPY;
        target_draw(tamperer, true, deed->other);
        break;
    case KAYA_TAMPERING_RENAMED:
        deed->kind = DEED_RENAME;
        target_draw(tamperer, false, deed->other);
        break;
    case KAYA_TAMPERING_MISSING:
        deed->kind = DEED_REMOVE;
        break;
    case KAYA_TAMPERING_CUT:
        cut_draw(tamperer, file, deed);
        break;
    case KAYA_TAMPERING_OTHER_LOG_SEGMENT:
        status = make_other_log(tamperer);
        if (status != KAYA_OK || !tamperer->has_other_log)
            return status;
        put_file(segment_draw(tamperer, &tamperer->other_files), deed);
        break;
    case KAYA_TAMPERING_OLDER_SEGMENT:
        if (tamperer->has_backup)
            put_file(segment_draw(tamperer, &tamperer->old_files), deed);
        break;
    case KAYA_TAMPERING_OTHER_LOG:
        status = make_other_log(tamperer);
        if (status != KAYA_OK || !tamperer->has_other_log)
            return status;
        deed->kind = DEED_REPLACE_ALL;
        deed->all = tamperer->other_log;
        break;
    case KAYA_TAMPERING_OLDER_BACKUP:
        if (tamperer->has_backup)
            deed->kind = DEED_REPLACE_ALL;
        deed->all = tamperer->backup;
        break;
    case KAYA_TAMPERINGS:
        break;
    }
    return KAYA_OK;
}

/* --- The fork is opened --- */

struct opening {
    struct kaya_outlook outlook;
    const struct kaya_wal_anchor *anchor;
    enum kaya_status refusal; /* that fits: KAYA_DAMAGED, or what another log or none asks for */
    const char *what;         /* was done */
};

static void judge_refusal(struct kaya_tamperer *tamperer, const struct opening *opening,
                          enum kaya_status status, const struct kaya_wal_recovery_report *report)
{
    if (status != KAYA_DAMAGED && status != opening->refusal)
        kaya_violation_set(tamperer->violation, "P12", "%s: the log answered %s", opening->what,
                           kaya_status_name(status));
    if (opening->outlook.refusal == KAYA_REFUSAL_FORBIDDEN)
        kaya_violation_set(tamperer->violation, "P4", "%s: nothing is missing, but the log is refused: %s, %s",
                           opening->what, kaya_status_name(status), report->damage_reason);
    if (status == KAYA_DAMAGED && (report->verdict != KAYA_VERDICT_DAMAGED || report->damage_reason[0] == '\0'))
        kaya_violation_set(tamperer->violation, "P5", "%s: the log is refused without a reason", opening->what);
}

static void judge_acceptance(struct kaya_tamperer *tamperer, const struct opening *opening,
                             const struct kaya_wal_recovery_report *report)
{
    if (opening->outlook.refusal == KAYA_REFUSAL_REQUIRED)
        kaya_violation_set(tamperer->violation, "P5",
                           "%s: intact bytes speak of what is missing, so the log must be refused; it opened, verdict %s, "
                           "with records %" PRIu64 "..%" PRIu64 " of %" PRIu64,
                           opening->what, kaya_wal_verdict_name(report->verdict), report->first_lsn,
                           report->last_lsn, tamperer->layout.last_lsn);
    kaya_oracle_outlook(tamperer->oracle, &opening->outlook, opening->anchor != NULL ? opening->anchor->lsn : 0);
    kaya_oracle_recovered(tamperer->oracle, KAYA_OK, report, tamperer->violation);
}

/* What opened is a log like any other: it reads and it takes records. */
static enum kaya_status use_log(struct kaya_tamperer *tamperer, const struct kaya_wal_environment *environment,
                                struct kaya_wal_writer *writer, const struct kaya_wal_recovery_report *report)
{
    static const uint8_t bytes[READ_AT_ONCE_BYTES];
    struct kaya_wal_reader_options options = { .writer = writer };
    struct kaya_wal_payload payload = { KAYA_RECORD_NOOP, bytes, sizeof bytes };
    struct kaya_wal_reader *reader = NULL;
    uint64_t lsn = 0;
    enum kaya_status status = kaya_wal_reader_open(environment, &options, &reader, NULL);
    enum kaya_status failure = KAYA_OK;

    if (kaya_log_subject_config(tamperer->subject).record_bytes_max < sizeof bytes)
        payload.length = 0;
    if (status == KAYA_OK) {
        kaya_oracle_read_begin(tamperer->oracle, report->first_lsn, report->last_lsn);
        failure = read_records(tamperer, reader, NULL);
    }
    kaya_wal_reader_close(reader);
    if (status == KAYA_OK && failure == KAYA_OK)
        status = kaya_wal_writer_append(writer, &payload, KAYA_STRICT, &lsn);
    if (failure == KAYA_OK && (status != KAYA_OK || lsn != report->last_lsn + 1))
        kaya_violation_set(tamperer->violation, "P7",
                           "the log opened and must take record %" PRIu64 "; it answered %s, record %" PRIu64,
                           report->last_lsn + 1, kaya_status_name(status), lsn);
    return failure;
}

/* A look without writing must come to the same answer, and a refused log is left as it was. */
static enum kaya_status judge_look(struct kaya_tamperer *tamperer, const struct opening *opening,
                                   const struct kaya_wal_environment *environment, enum kaya_status *verified)
{
    struct kaya_wal_verify_options options = { .anchor = opening->anchor };
    struct kaya_wal_inspection inspection = { 0 };

    *verified = kaya_wal_verify(environment, &options, &inspection);
    if (*verified == KAYA_OK && inspection.report.verdict == KAYA_VERDICT_DAMAGED)
        *verified = KAYA_DAMAGED;
    return kaya_image_read(&tamperer->after, tamperer->fork);
}

static enum kaya_status judge_untouched(struct kaya_tamperer *tamperer, const struct opening *opening)
{
    enum kaya_status status = kaya_image_read(&tamperer->again, tamperer->fork);

    if (status == KAYA_OK && !kaya_image_equals(&tamperer->after, &tamperer->again))
        kaya_violation_set(tamperer->violation, "P5", "%s: the log was refused, and its files have changed",
                           opening->what);
    if (kaya_sim_disk_lock_held(tamperer->fork))
        kaya_violation_set(tamperer->violation, "P10", "%s: the log was refused, and stays locked",
                           opening->what);
    return status;
}

static void hear(void *user, const struct kaya_event *event)
{
    kaya_watch_event(user, event->kind);
}

/* What is reached on the fork counts as a period of its own, in which no fault of the disk struck. */
static void count_opening(struct kaya_tamperer *tamperer, struct kaya_watch *watch, enum kaya_status answer,
                          const struct kaya_wal_recovery_report *report)
{
    struct kaya_watch *main = kaya_subject_watch(tamperer->subject);
    struct kaya_fault_counts counts = kaya_sim_disk_fault_counts(tamperer->fork);

    watch->coverage = main->coverage;
    memcpy(watch->struck, counts.struck, sizeof watch->struck);
    if (answer == KAYA_OK || answer == KAYA_DAMAGED)
        kaya_watch_verdict(watch, report, &counts);
    main->marks |= watch->marks;
}

static enum kaya_status open_fork(struct kaya_tamperer *tamperer, const struct opening *opening,
                                  enum kaya_status *answer, uint64_t *last_lsn)
{
    struct kaya_wal_environment environment = boot(tamperer, tamperer->fork);
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_watch watch = { .coverage = NULL };
    struct kaya_wal_writer *writer = NULL;
    enum kaya_status verified;
    enum kaya_status status = judge_look(tamperer, opening, &environment, &verified);

    config.anchor = opening->anchor;
    config.must_exist = true;
    config.on_event = hear;
    config.user = &watch;
    *answer = kaya_wal_writer_open(&environment, &config, &writer, &report);
    *last_lsn = report.last_lsn;
    count_opening(tamperer, &watch, *answer, &report);
    note(tamperer, "opened", *answer, report.first_lsn, report.last_lsn);
    if (*answer != verified)
        kaya_violation_set(tamperer->violation, "P10", "%s: verify says %s, and opening says %s",
                           opening->what, kaya_status_name(verified), kaya_status_name(*answer));
    if (*answer == KAYA_OK) {
        judge_acceptance(tamperer, opening, &report);
        if (status == KAYA_OK && !kaya_violation_is_set(tamperer->violation))
            status = use_log(tamperer, &environment, writer, &report);
    } else {
        judge_refusal(tamperer, opening, *answer, &report);
        if (status == KAYA_OK)
            status = judge_untouched(tamperer, opening);
    }
    if (kaya_wal_writer_close(writer) != KAYA_OK)
        kaya_violation_set(tamperer->violation, "P7", "%s: the log opened, and does not close", opening->what);
    kaya_sim_disk_shut_down(tamperer->fork);
    return status;
}

/* --- What each deed asks for --- */

static bool has_segment(const struct kaya_image *image)
{
    return highest_number(image) != 0;
}

/* The deed was done on the fork, and `outlook` is what it asks for: so it is opened, with or without an anchor. */
static enum kaya_status try_fork(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                 const struct kaya_outlook *outlook)
{
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(kaya_log_subject_oracle(tamperer->subject));
    bool anchored = draw(tamperer, 3, "anchored") == 2;
    struct opening opening = { .outlook = *outlook,
                               .anchor = anchored ? &anchor : NULL,
                               .refusal = has_segment(&tamperer->after) || anchored ? KAYA_DAMAGED : KAYA_NOT_FOUND,
                               .what = kaya_tampering_name(tampering) };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status;

    if (anchored && tampering == KAYA_TAMPERING_OTHER_LOG_SEGMENT)
        opening.refusal = KAYA_WRONG_LOG;
    status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    status = open_fork(tamperer, &opening, &answer, &last_lsn);
    if (answer != KAYA_OK)
        mark(tamperer, KAYA_MARK_TAMPERING_REFUSED);
    else if (last_lsn < tamperer->layout.last_lsn)
        mark(tamperer, KAYA_MARK_TAMPERING_CUT);
    return status;
}

/* What stands in a spare's way makes the log pass over spares, which go when it has gone past them. */
static uint64_t passed_over(const struct kaya_tamperer *tamperer)
{
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);

    return (uint64_t)config.segment_bytes * config.spare_count;
}

static enum kaya_status tamper_file(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                    const struct deed *deed)
{
    struct kaya_outlook outlook;
    enum kaya_status status = do_deed(deed, tamperer->fork, tamperer);

    if (status == KAYA_OK)
        status = kaya_image_read(&tamperer->after, tamperer->fork);
    if (status != KAYA_OK)
        return status;
    kaya_layout_judge(&tamperer->layout, &tamperer->before, &tamperer->after, &outlook);
    note(tamperer, kaya_tampering_name(tampering), outlook.refusal, outlook.kept_lsn, 0);
    if (outlook.refusal != KAYA_REFUSAL_FORBIDDEN)
        return try_fork(tamperer, tampering, &outlook);
    mark(tamperer, KAYA_MARK_TAMPERING_IGNORED);
    kaya_log_subject_tolerate(tamperer->subject, passed_over(tamperer));
    status = do_deed(deed, tamperer->disk, tamperer);
    for (size_t i = 0; i < tamperer->after.file_count; i++) {
        const struct kaya_image_file *file = &tamperer->after.files[i];
        if (kaya_image_find(&tamperer->before, file->name) == NULL)
            kaya_log_subject_tolerate(tamperer->subject, file->size_bytes);
    }
    return status;
}

/* The whole directory is another log's. With an anchor that is seen. */
static enum kaya_status tamper_other_log(struct kaya_tamperer *tamperer, const struct deed *deed)
{
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(kaya_log_subject_oracle(tamperer->subject));
    struct opening opening = {
        .outlook = KAYA_OUTLOOK_OF_NO_DAMAGE, .anchor = &anchor, .refusal = KAYA_WRONG_LOG, .what = "another log"
    };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status = do_deed(deed, tamperer->fork, tamperer);

    opening.outlook.refusal = KAYA_REFUSAL_REQUIRED;
    note(tamperer, "another log", 0, 0, 0);
    if (status == KAYA_OK)
        status = open_fork(tamperer, &opening, &answer, &last_lsn);
    if (status == KAYA_OK && answer != KAYA_WRONG_LOG)
        kaya_violation_set(tamperer->violation, "P5", "the anchor names another log; opening answered %s",
                           kaya_status_name(answer));
    mark(tamperer, KAYA_MARK_WRONG_LOG);
    return status;
}

/* Nothing can know that it is older but an anchor. */
static enum kaya_status tamper_backup(struct kaya_tamperer *tamperer, const struct deed *deed)
{
    const struct kaya_oracle *now = kaya_log_subject_oracle(tamperer->subject);
    const struct kaya_oracle *then = kaya_log_subject_oracle(tamperer->backup_subject);
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(now);
    struct opening opening = { .outlook = KAYA_OUTLOOK_OF_NO_DAMAGE,
                               .anchor = &anchor,
                               .refusal = KAYA_DAMAGED,
                               .what = "an older backup" };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status;

    if (draw(tamperer, 2, "backup_with_anchor") == 0) {
        mark(tamperer, KAYA_MARK_BACKUP_RESTORED);
        note(tamperer, "restored", kaya_oracle_last_lsn(then), kaya_oracle_last_lsn(now), 0);
        status = kaya_sim_disk_copy(tamperer->backup, tamperer->choices, tamperer->trace, tamperer->disk);
        if (status == KAYA_OK)
            status = tamperer->subject->operations->copy_model(tamperer->backup_subject, tamperer->subject);
        return status;
    }
    note(tamperer, "older, with anchor", kaya_oracle_last_lsn(then), anchor.lsn, 0);
    if (anchor.lsn > kaya_oracle_last_lsn(then))
        opening.outlook.refusal = KAYA_REFUSAL_REQUIRED;
    else if (anchor.lsn > kaya_oracle_durable_lsn(then))
        opening.outlook.refusal = KAYA_REFUSAL_ALLOWED;
    status = kaya_oracle_copy(then, tamperer->oracle);
    if (status == KAYA_OK)
        status = do_deed(deed, tamperer->fork, tamperer);
    if (status == KAYA_OK)
        status = open_fork(tamperer, &opening, &answer, &last_lsn);
    if (status == KAYA_OK && answer == KAYA_DAMAGED)
        mark(tamperer, KAYA_MARK_BACKUP_REFUSED);
    return status;
}

/* --- The whole --- */

static enum kaya_status keep_backup(struct kaya_tamperer *tamperer)
{
    enum kaya_status status =
        kaya_sim_disk_copy(tamperer->disk, tamperer->choices, tamperer->trace, tamperer->backup);

    if (status == KAYA_OK)
        status = tamperer->subject->operations->copy_model(tamperer->subject, tamperer->backup_subject);
    if (status == KAYA_OK)
        status = kaya_image_read(&tamperer->old_files, tamperer->backup);
    tamperer->has_backup = status == KAYA_OK;
    return status;
}

static enum kaya_status tamper_good_log(struct kaya_tamperer *tamperer)
{
    enum kaya_tampering tampering = (enum kaya_tampering)kaya_weight_draw(
        tamperer->plan->tampering_weights, KAYA_TAMPERINGS, tamperer->plan->tampering_weight_sum,
        tamperer->choices, KAYA_STREAM_WORKLOAD, "tampering");
    struct deed deed;
    enum kaya_status status = deed_draw(tamperer, tampering, &deed);

    if (status != KAYA_OK || deed.kind == DEED_NONE || kaya_violation_is_set(tamperer->violation))
        return status;
    if (tampering == KAYA_TAMPERING_OLDER_BACKUP)
        return tamper_backup(tamperer, &deed);
    if (tampering == KAYA_TAMPERING_OTHER_LOG)
        return tamper_other_log(tamperer, &deed);
    return tamper_file(tamperer, tampering, &deed);
}

static void take_arguments(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                           struct kaya_subject *subject, struct kaya_sim_disk *disk, struct kaya_choices *choices,
                           struct kaya_trace *trace, struct kaya_violation *violation)
{
    tamperer->plan = plan;
    tamperer->subject = subject;
    tamperer->disk = disk;
    tamperer->choices = choices;
    tamperer->trace = trace;
    tamperer->violation = violation;
}

/* Its mark may stand in the cache only. Then which segments are in use is not known: a loss of power would bring some back. */
static bool is_trim_in_doubt(const struct kaya_tamperer *tamperer)
{
    return kaya_oracle_first_lsn(tamperer->oracle) != kaya_oracle_first_lsn_at_most(tamperer->oracle);
}

enum kaya_status kaya_tamper(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                             struct kaya_subject *subject, struct kaya_sim_disk *disk,
                             struct kaya_choices *choices, struct kaya_trace *trace,
                             struct kaya_violation *violation)
{
    bool good = false;
    enum kaya_status status;

    take_arguments(tamperer, plan, subject, disk, choices, trace, violation);
    status = kaya_image_read(&tamperer->before, disk);
    if (status == KAYA_OK)
        status = take_fork(tamperer, disk);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(subject), tamperer->oracle);
    if (status == KAYA_OK)
        status = look(tamperer, &good);
    if (status == KAYA_OK && good && draw(tamperer, SNAPSHOT_OF, "backup") == 1)
        status = keep_backup(tamperer);
    if (status == KAYA_OK && good && !is_trim_in_doubt(tamperer))
        status = tamper_good_log(tamperer);
    return status;
}

/* --- A copy of a live log --- */

static bool list_for_copy(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kaya_tamperer *tamperer = user;
    size_t capacity = tamperer->copied_capacity == 0 ? 16 : 2 * tamperer->copied_capacity;
    struct copied_name *copied;

    if (kind != KAYA_ENTRY_FILE)
        return true;
    if (tamperer->copied_count == tamperer->copied_capacity) {
        copied = realloc(tamperer->copied, capacity * sizeof *copied);
        if (copied == NULL) {
            tamperer->copy_failed = true;
            return false;
        }
        tamperer->copied = copied;
        tamperer->copied_capacity = capacity;
    }
    strncpy(tamperer->copied[tamperer->copied_count].name, name, KAYA_NAME_BYTES_MAX);
    tamperer->copied[tamperer->copied_count].name[KAYA_NAME_BYTES_MAX] = '\0';
    tamperer->copied[tamperer->copied_count++].done = false;
    return true;
}

/* One file, as it is at this moment; one that is gone by now is left out, as `cp` does. */
static enum kaya_status copy_file(struct kaya_tamperer *tamperer, const char *name)
{
    uint64_t size = 0;
    size_t done = 0;
    uint8_t *bytes;
    enum kaya_status status = kaya_sim_disk_file_size(tamperer->disk, name, &size);

    if (status == KAYA_NOT_FOUND)
        return KAYA_OK;
    if (status != KAYA_OK)
        return status;
    bytes = malloc((size_t)size + 1);
    if (bytes == NULL)
        return KAYA_NO_MEMORY;
    status = kaya_sim_disk_peek(tamperer->disk, name, 0, bytes, (size_t)size, &done);
    if (status == KAYA_OK)
        status = kaya_sim_disk_put_file(tamperer->copy, name, bytes, done);
    free(bytes);
    return status;
}

/* In any order, as a directory lists them. */
static void copy_next(struct kaya_tamperer *tamperer)
{
    uint64_t chosen = draw(tamperer, tamperer->copied_left--, "copied_file");
    size_t i = 0;

    while (tamperer->copied[i].done || chosen-- > 0)
        i++;
    tamperer->copied[i].done = true;
    if (copy_file(tamperer, tamperer->copied[i].name) != KAYA_OK)
        tamperer->copy_failed = true;
}

static void at_call(void *user, struct kaya_sim_disk *disk, uint64_t call, enum kaya_trace_kind kind)
{
    struct kaya_tamperer *tamperer = user;

    (void)disk;
    (void)call;
    (void)kind;
    if (tamperer->copied_left > 0 && draw(tamperer, COPY_AT_CALL_OF, "copy") == 1)
        copy_next(tamperer);
}

void kaya_tamper_copy_begin(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                            struct kaya_subject *subject, struct kaya_sim_disk *disk,
                            struct kaya_choices *choices, struct kaya_trace *trace,
                            struct kaya_violation *violation)
{
    struct kaya_sim_disk_options options = { .profile = plan->profile, .choices = tamperer->seeded };
    struct kaya_disk *seam;

    take_arguments(tamperer, plan, subject, disk, choices, trace, violation);
    kaya_sim_disk_reset(tamperer->copy, &options);
    seam = kaya_sim_disk_boot(tamperer->copy);
    tamperer->copy_failed = kaya_disk_create_directory(seam) != KAYA_OK;
    kaya_sim_disk_shut_down(tamperer->copy);
    tamperer->copied_count = 0;
    kaya_sim_disk_names(disk, list_for_copy, tamperer);
    tamperer->copied_left = tamperer->copied_count;
    tamperer->copied_durable_lsn = kaya_oracle_durable_lsn(kaya_log_subject_oracle(subject));
    kaya_sim_disk_on_boundary(disk, at_call, tamperer);
}

void kaya_tamper_copy_drop(struct kaya_tamperer *tamperer)
{
    kaya_sim_disk_on_boundary(tamperer->disk, NULL, NULL);
}

/* What the log is at this moment: as another process would find it if this one died. */
static enum kaya_status look_at_live(struct kaya_tamperer *tamperer, bool *good)
{
    enum kaya_status status = take_fork(tamperer, tamperer->disk);

    if (status != KAYA_OK)
        return status;
    kaya_sim_disk_process_crash(tamperer->fork);
    status = kaya_image_read(&tamperer->before, tamperer->fork);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    kaya_oracle_crash(tamperer->oracle, KAYA_CRASH_PROCESS);
    return look(tamperer, good);
}

/* Whatever was durable when the copying began stood in the files that were copied later. */
static void raise_to_begin(const struct kaya_tamperer *tamperer, struct kaya_outlook *outlook)
{
    if (outlook->kept_lsn < tamperer->copied_durable_lsn)
        outlook->kept_lsn = tamperer->copied_durable_lsn;
}

static enum kaya_status open_copy(struct kaya_tamperer *tamperer)
{
    struct opening opening = { .refusal = KAYA_DAMAGED, .what = "a copy of the live log" };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status = kaya_image_read(&tamperer->after, tamperer->copy);

    if (status != KAYA_OK)
        return status;
    kaya_layout_judge_copy(&tamperer->layout, &tamperer->after, &opening.outlook);
    raise_to_begin(tamperer, &opening.outlook);
    note(tamperer, opening.what, opening.outlook.refusal, opening.outlook.kept_lsn, tamperer->copied_durable_lsn);
    if (!has_segment(&tamperer->after))
        opening.refusal = KAYA_NOT_FOUND;
    status = take_fork(tamperer, tamperer->copy);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    kaya_oracle_crash(tamperer->oracle, KAYA_CRASH_PROCESS);
    status = open_fork(tamperer, &opening, &answer, &last_lsn);
    if (answer != KAYA_OK)
        mark(tamperer, KAYA_MARK_COPY_REFUSED);
    else
        mark(tamperer, last_lsn < tamperer->layout.last_lsn ? KAYA_MARK_COPY_CUT : KAYA_MARK_COPY_WHOLE);
    return status;
}

enum kaya_status kaya_tamper_copy_end(struct kaya_tamperer *tamperer)
{
    bool good = false;
    enum kaya_status status;

    kaya_sim_disk_on_boundary(tamperer->disk, NULL, NULL);
    while (tamperer->copied_left > 0)
        copy_next(tamperer);
    if (tamperer->copy_failed)
        return KAYA_NO_MEMORY;
    status = look_at_live(tamperer, &good);
    return status == KAYA_OK && good ? open_copy(tamperer) : status;
}

/* --- Life --- */

struct kaya_tamperer *kaya_tamperer_create(void)
{
    static const struct kaya_plan no_plan;
    struct kaya_tamperer *tamperer = calloc(1, sizeof *tamperer);
    struct kaya_sim_disk_options options = { 0 };

    if (tamperer == NULL)
        return NULL;
    tamperer->seeded = kaya_choices_from_seed(0);
    tamperer->oracle = kaya_oracle_create();
    tamperer->memory = kaya_sim_memory_create();
    tamperer->runtime = kaya_sim_runtime_create(0);
    options.choices = tamperer->seeded;
    if (tamperer->seeded == NULL || tamperer->oracle == NULL || tamperer->memory == NULL ||
        tamperer->runtime == NULL || kaya_sim_disk_create(&options, &tamperer->fork) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->backup) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->other_log) != KAYA_OK ||
        kaya_sim_disk_create(&options, &tamperer->copy) != KAYA_OK ||
        kaya_subject_create(KAYA_SUBJECT_LOG, &no_plan, 0, &tamperer->backup_subject) != KAYA_OK) {
        kaya_tamperer_destroy(tamperer);
        return NULL;
    }
    return tamperer;
}

void kaya_tamperer_reset(struct kaya_tamperer *tamperer)
{
    tamperer->has_backup = false;
    tamperer->has_other_log = false;
    tamperer->boots = 0;
    kaya_choices_reseed(tamperer->seeded, 0);
}

void kaya_tamperer_destroy(struct kaya_tamperer *tamperer)
{
    if (tamperer == NULL)
        return;
    kaya_subject_destroy(tamperer->backup_subject);
    kaya_image_release(&tamperer->before);
    kaya_image_release(&tamperer->after);
    kaya_image_release(&tamperer->again);
    kaya_image_release(&tamperer->old_files);
    kaya_image_release(&tamperer->other_files);
    kaya_layout_release(&tamperer->layout);
    kaya_oracle_destroy(tamperer->oracle);
    kaya_sim_disk_destroy(tamperer->copy);
    free(tamperer->copied);
    kaya_sim_disk_destroy(tamperer->other_log);
    kaya_sim_disk_destroy(tamperer->backup);
    kaya_sim_disk_destroy(tamperer->fork);
    kaya_sim_runtime_destroy(tamperer->runtime);
    kaya_sim_memory_destroy(tamperer->memory);
    kaya_choices_destroy(tamperer->seeded);
    free(tamperer);
}
