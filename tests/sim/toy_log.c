/* A log of one file: each append writes one record behind the last and syncs.
 *
 *   record   | check 8 | index 4 | length 4 | payload |      all little-endian as this machine has it: a toy
 *
 * Recovery reads the file up to the first record that does not check, writes what it read to a new file, syncs that, and
 * renames it over the old one. So nothing that it returns hangs on the cache, and nothing torn is left to append behind.
 *
 * The model: records [0, must) have to be there, those in [must, may) can be. What one recovery returned the next one has to
 * return: both become what was found. A payload tells its index and the boot that wrote it. */
#include "toy_log.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char NAME[] = "toy";
static const char COPY_NAME[] = "toy.new";

enum { HEADER_BYTES = 16, FILE_BYTES_MAX = TOY_RECORDS_MAX * (HEADER_BYTES + TOY_PAYLOAD_BYTES_MAX) + 4096 };

struct model {
    unsigned must, may;
    unsigned boots;
    unsigned writers[TOY_RECORDS_MAX]; /* the boot that appended each record */
};

struct toy_log {
    struct kaya_subject subject; /* first */
    struct toy_options options;
    struct model model;

    /* the code under test */
    struct kaya_file *file;
    uint64_t end_bytes;
    unsigned next;
    unsigned delayed; /* records acknowledged and not written (a bug) */
    unsigned char bytes[FILE_BYTES_MAX];
    unsigned char expected[TOY_PAYLOAD_BYTES_MAX];
};

static struct toy_log *of(const struct kaya_subject *subject)
{
    return (struct toy_log *)subject;
}

static void fill_payload(unsigned char *payload, size_t length, unsigned index, unsigned writer)
{
    for (size_t at = 0; at < length; at++)
        payload[at] = (unsigned char)(1 + index * 37 + writer * 101 + at * 7);
}

static size_t record_bytes(const struct toy_log *log)
{
    return HEADER_BYTES + log->options.payload_bytes;
}

static void encode(const struct toy_log *log, unsigned char *record, unsigned index)
{
    uint32_t fields[2] = { index, (uint32_t)log->options.payload_bytes };
    uint64_t check;

    memcpy(record + 8, fields, sizeof fields);
    fill_payload(record + HEADER_BYTES, log->options.payload_bytes, index, log->model.writers[index]);
    check = XXH3_64bits(record + 8, record_bytes(log) - 8);
    memcpy(record, &check, sizeof check);
}

static bool is_whole(const struct toy_log *log, const unsigned char *record, unsigned index)
{
    uint32_t fields[2];
    uint64_t check;

    memcpy(&check, record, sizeof check);
    memcpy(fields, record + 8, sizeof fields);
    return fields[0] == index && fields[1] == log->options.payload_bytes &&
           check == XXH3_64bits(record + 8, record_bytes(log) - 8);
}

/* ---- the code under test ---- */

static enum kaya_status read_all(struct toy_log *log, struct kaya_disk *disk, size_t *length, unsigned *count)
{
    uint64_t size;
    enum kaya_status status = kaya_disk_size(disk, log->file, &size);

    if (status != KAYA_OK)
        return status;
    if (size > sizeof log->bytes)
        size = sizeof log->bytes;
    *length = 0;
    if (size > 0)
        status = kaya_disk_read(disk, log->file, 0, log->bytes, size, KAYA_READ_CACHED, length);
    *count = 0;
    while (status == KAYA_OK && *count < TOY_RECORDS_MAX && (*count + 1) * record_bytes(log) <= *length &&
           is_whole(log, log->bytes + *count * record_bytes(log), *count))
        ++*count;
    return status;
}

static enum kaya_status write_at(struct toy_log *log, struct kaya_disk *disk, uint64_t offset, void *bytes,
                                 size_t length)
{
    struct kaya_span span = { .bytes = bytes, .length = length };

    return length == 0 ? KAYA_OK : kaya_disk_write(disk, log->file, offset, &span, 1);
}

static enum kaya_status create_file(struct toy_log *log, struct kaya_disk *disk)
{
    enum kaya_status status = kaya_disk_create_directory(disk);

    if (status == KAYA_EXISTS)
        status = KAYA_OK;
    if (status == KAYA_OK && log->options.bug != TOY_NO_PARENT_SYNC)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT);
    if (status == KAYA_OK)
        status = kaya_disk_open(disk, NAME, KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &log->file);
    if (status == KAYA_OK && log->options.bug != TOY_NO_DIRECTORY_SYNC)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    return status;
}

/* Replace the file by one that has the first `length` of its bytes, durably. */
static enum kaya_status rewrite(struct toy_log *log, struct kaya_disk *disk, size_t length)
{
    enum kaya_status status;

    kaya_disk_close(disk, log->file);
    log->file = NULL;
    status = kaya_disk_unlink(disk, COPY_NAME);
    if (status == KAYA_OK || status == KAYA_NOT_FOUND)
        status = kaya_disk_open(disk, COPY_NAME, KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &log->file);
    if (status == KAYA_OK)
        status = write_at(log, disk, 0, log->bytes, length);
    if (status == KAYA_OK && log->options.bug != TOY_REWRITE_UNSYNCED)
        status = kaya_disk_sync(disk, log->file);
    if (status == KAYA_OK)
        status = kaya_disk_rename(disk, COPY_NAME, NAME);
    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    return status;
}

static enum kaya_status wait_for_change(struct toy_log *log, struct kaya_disk *disk)
{
    uint64_t before, now;
    enum kaya_status status = kaya_disk_size(disk, log->file, &before);

    for (now = before; status == KAYA_OK && now == before;)
        status = kaya_disk_size(disk, log->file, &now);
    return status;
}

/* Bring the file to where appends can go on; *count records stand in it. */
static enum kaya_status open_log(struct toy_log *log, struct kaya_disk *disk, unsigned *count)
{
    enum kaya_status status = kaya_disk_open(disk, NAME, KAYA_OPEN_WRITE, &log->file);
    size_t length;

    *count = 0;
    log->end_bytes = 0;
    if (status == KAYA_NOT_FOUND)
        return create_file(log, disk);
    if (status == KAYA_OK)
        status = read_all(log, disk, &length, count);
    if (status != KAYA_OK)
        return status;
    log->end_bytes = *count * record_bytes(log);
    switch (log->options.bug) {
    case TOY_SERVE_UNSYNCED:
        return KAYA_OK;
    case TOY_APPEND_BEHIND_TORN:
        log->end_bytes = length;
        return kaya_disk_sync(disk, log->file);
    case TOY_NEVER_ENDS:
        return wait_for_change(log, disk);
    default:
        return rewrite(log, disk, log->end_bytes);
    }
}

static enum kaya_status append(struct toy_log *log, struct kaya_disk *disk, unsigned index)
{
    enum kaya_status status;

    encode(log, log->bytes, index);
    status = write_at(log, disk, log->end_bytes, log->bytes, record_bytes(log));
    log->end_bytes += record_bytes(log);
    if (status == KAYA_OK && log->options.bug != TOY_NO_SYNC)
        status = kaya_disk_sync(disk, log->file);
    return status;
}

/* ---- the subject ---- */

static void compare(struct toy_log *log, unsigned count, struct kaya_violation *violation)
{
    const struct model *model = &log->model;

    if (count < model->must)
        kaya_violation_set(violation, "P2", "%u records were promised, %u came back", model->must, count);
    if (count > model->may)
        kaya_violation_set(violation, "P1", "%u records were appended, %u came back", model->may, count);
    for (unsigned index = 0; index < count && index < model->may; index++) {
        fill_payload(log->expected, log->options.payload_bytes, index, model->writers[index]);
        if (memcmp(log->bytes + index * record_bytes(log) + HEADER_BYTES, log->expected,
                   log->options.payload_bytes) != 0)
            kaya_violation_set(violation, "P1", "record %u is not what was appended", index);
    }
}

static enum kaya_status toy_recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                    struct kaya_violation *violation)
{
    struct toy_log *log = of(subject);
    enum kaya_status status = open_log(log, machine->disk, &log->next);

    if (status != KAYA_OK)
        return status;
    compare(log, log->next, violation);
    log->model.must = log->model.may = log->next;
    log->model.boots++;
    return KAYA_OK;
}

static enum kaya_status toy_step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                 struct kaya_violation *violation, bool *done)
{
    struct toy_log *log = of(subject);
    enum kaya_status status = KAYA_OK;
    unsigned index = log->next;

    (void)violation;
    if (index < log->options.record_count) {
        log->model.writers[index] = log->model.boots;
        log->model.may = index + 1;
        log->next = index + 1;
        if (log->delayed > 0)
            status = append(log, machine->disk, index - 1);
        log->delayed = log->options.bug == TOY_ACKNOWLEDGE_EARLY;
        if (status == KAYA_OK && !log->delayed)
            status = append(log, machine->disk, index);
        if (status == KAYA_OK)
            log->model.must = index + 1;
    }
    *done = log->next >= log->options.record_count;
    return status;
}

static void toy_check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                      struct kaya_violation *violation)
{
    struct toy_log *log = of(subject);
    size_t length;
    unsigned count;

    if (log->delayed == 0 && log->options.bug != TOY_APPEND_BEHIND_TORN &&
        read_all(log, machine->disk, &length, &count) == KAYA_OK)
        compare(log, count, violation);
}

static enum kaya_status toy_close(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation)
{
    struct toy_log *log = of(subject);
    enum kaya_status status = KAYA_OK;

    (void)violation;
    if (log->delayed > 0)
        status = append(log, machine->disk, log->next - 1);
    log->delayed = 0;
    kaya_disk_close(machine->disk, log->file);
    log->file = NULL;
    return status;
}

static void toy_crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    struct toy_log *log = of(subject);

    (void)kind;
    log->file = NULL;
    log->delayed = 0;
}

static enum kaya_status toy_copy_model(const struct kaya_subject *from, struct kaya_subject *to)
{
    of(to)->model = of(from)->model;
    return KAYA_OK;
}

/* All of it: there is nothing in the boot's memory. */
static enum kaya_status toy_copy_in_recovery(const struct kaya_subject *from, struct kaya_subject *to)
{
    *of(to) = *of(from);
    return KAYA_OK;
}

static void toy_hash_model(const struct kaya_subject *subject, uint64_t hash[2])
{
    XXH128_hash_t made = XXH3_128bits(&of(subject)->model, sizeof of(subject)->model);

    hash[0] = made.low64;
    hash[1] = made.high64;
}

static void toy_destroy(struct kaya_subject *subject)
{
    free(subject);
}

static const struct kaya_subject_operations operations = {
    .name = "toy log",
    .recover = toy_recover,
    .step = toy_step,
    .check = toy_check,
    .close = toy_close,
    .crash = toy_crash,
    .copy_model = toy_copy_model,
    .copy_in_recovery = toy_copy_in_recovery,
    .hash_model = toy_hash_model,
    .destroy = toy_destroy,
};

enum kaya_status toy_log_create(void *user, struct kaya_subject **subject)
{
    struct toy_log *log = calloc(1, sizeof *log);

    if (!log)
        return KAYA_NO_MEMORY;
    log->subject.operations = &operations;
    log->options = *(struct toy_options *)user;
    *subject = &log->subject;
    return KAYA_OK;
}
