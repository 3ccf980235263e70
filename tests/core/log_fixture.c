#include "log_fixture.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct kaya_geometry LOG_DENSE = {
    .sector_bytes = 512, .writeback_bytes = 512, .buffer_alignment = 1, .power_safe_overwrite = true
};
const struct kaya_geometry LOG_PADDED_512 = {
    .sector_bytes = 512, .writeback_bytes = 512, .buffer_alignment = 1, .power_safe_overwrite = false
};
const struct kaya_geometry LOG_PADDED_4096 = {
    .sector_bytes = 512, .writeback_bytes = 4096, .buffer_alignment = 1, .power_safe_overwrite = false
};

struct log_fixture *log_fixture_create(const struct kaya_geometry *geometry, const struct kaya_wal_config *config)
{
    struct log_fixture *log = calloc(1, sizeof *log);

    if (log == NULL)
        abort();
    image_disk_init(&log->image, geometry);
    log->memory = kaya_sim_memory_create();
    log->runtime = kaya_sim_runtime_create(1);
    if (log->memory == NULL || log->runtime == NULL)
        abort();
    log->environment = (struct kaya_wal_environment){ .disk = &log->image.disk,
                                                      .runtime = kaya_sim_runtime_seam(log->runtime),
                                                      .allocator = kaya_sim_memory_allocator(log->memory) };
    if (config != NULL)
        log->config = *config;
    log->config.on_event = log_hear;
    log->config.user = log;
    log->first_lsn = 1;
    return log;
}

void log_fixture_destroy(struct log_fixture *log)
{
    kaya_sim_memory_destroy(log->memory);
    kaya_sim_runtime_destroy(log->runtime);
    image_disk_destroy(&log->image);
    free(log);
}

void log_kill(struct log_fixture *log)
{
    log->writer = NULL;
    log->boot_count++;
    kaya_sim_memory_reset(log->memory);
    kaya_sim_runtime_reset(log->runtime, log->boot_count * 7919);
    image_disk_kill(&log->image);
}

/* Events. */

void log_hear(void *user, const struct kaya_event *event)
{
    struct log_fixture *log = user;
    size_t index = log->event_count++;

    if (index >= LOG_EVENTS_MAX)
        return;
    log->events[index] = (struct log_event){ .kind = event->kind,
                                             .status = event->status,
                                             .segment = event->segment,
                                             .offset_bytes = event->offset_bytes,
                                             .lsn = event->lsn,
                                             .detail = event->detail };
    (void)snprintf(log->events[index].text, sizeof log->events[index].text, "%s", event->text);
}

void log_forget_events(struct log_fixture *log)
{
    log->event_count = 0;
}

const struct log_event *log_event(const struct log_fixture *log, enum kaya_event_kind kind, size_t from)
{
    for (size_t i = from; i < log->event_count && i < LOG_EVENTS_MAX; i++)
        if (log->events[i].kind == kind)
            return &log->events[i];
    return NULL;
}

/* Payloads: mostly noise, and what logs have stumbled over: zeros, ones, and the beginning of a header. */
void log_fill(const struct log_record *record, uint8_t *bytes)
{
    static const uint8_t magic[8] = { 'k', 'a', 'y', 'a', '-', 'w', 'a', 'l' };
    uint64_t state = record->key * 2 + 1;

    switch (record->key % 8) {
    case 3:
        memset(bytes, 0, record->length);
        break;
    case 5:
        memset(bytes, 0xff, record->length);
        break;
    case 6:
        for (uint32_t i = 0; i < record->length; i++)
            bytes[i] = magic[i % sizeof magic];
        break;
    default:
        for (uint32_t i = 0; i < record->length; i++) {
            state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(state >> 56);
        }
    }
}

/* The calls. */

static void begin(struct log_fixture *log)
{
    if (log->operation + 1 >= LOG_OPERATIONS_MAX)
        abort();
    log->durable_before[++log->operation] = log->durable_lsn;
    log->is_recovery[log->operation] = false;
    log->image.operation = log->operation;
}

enum kaya_status log_open(struct log_fixture *log)
{
    enum kaya_status status;

    begin(log);
    log->is_recovery[log->operation] = true;
    status = kaya_wal_writer_open(&log->environment, &log->config, &log->writer, &log->report);
    if (status != KAYA_OK)
        return status;
    log->first_lsn = log->report.first_lsn;
    log->last_lsn = log->report.last_lsn;
    log->durable_lsn = log->last_lsn;
    return KAYA_OK;
}

static void add(struct log_fixture *log, uint32_t length, bool in_batch, bool ends_batch)
{
    if (log->last_lsn >= LOG_RECORDS_MAX)
        abort();
    log->records[log->last_lsn++] =
        (struct log_record){ .key = log->next_key,
                             .length = length,
                             .type = (enum kaya_wal_record_type)(log->next_key % 4 + 1),
                             .in_batch = in_batch,
                             .ends_batch = ends_batch };
    log->next_key++;
}

enum kaya_status log_append(struct log_fixture *log, uint32_t length, enum kaya_durability_mode mode)
{
    struct kaya_wal_payload payload;
    const struct log_record *record;
    uint8_t *bytes = malloc(length + 1);
    uint64_t lsn = 0;
    enum kaya_status status;

    if (bytes == NULL)
        abort();
    begin(log);
    add(log, length, false, false);
    record = &log->records[log->last_lsn - 1];
    log_fill(record, bytes);
    payload = (struct kaya_wal_payload){ .type = record->type, .bytes = bytes, .length = length };
    status = kaya_wal_writer_append(log->writer, &payload, mode, &lsn);
    free(bytes);
    if (status == KAYA_OK && lsn != log->last_lsn)
        abort();
    if (status == KAYA_OK && mode == KAYA_STRICT)
        log->durable_lsn = log->last_lsn;
    if (status == KAYA_FULL || status == KAYA_INVALID || status == KAYA_NO_MEMORY || status == KAYA_LIMIT ||
        status == KAYA_ENDED || status == KAYA_BUSY)
        log->last_lsn--; /* nothing was written */
    return status;
}

enum kaya_status log_append_batch(struct log_fixture *log, const uint32_t *lengths, size_t count,
                                  enum kaya_durability_mode mode)
{
    struct kaya_wal_payload *payloads = calloc(count + 1, sizeof *payloads);
    uint64_t before = log->last_lsn;
    uint64_t first = 0;
    uint64_t last = 0;
    enum kaya_status status;

    if (payloads == NULL)
        abort();
    begin(log);
    for (size_t i = 0; i < count; i++) {
        uint8_t *bytes = malloc(lengths[i] + 1);
        const struct log_record *record;

        if (bytes == NULL)
            abort();
        add(log, lengths[i], count > 1, count > 1 && i + 1 == count); /* one alone is a record like any other */
        record = &log->records[log->last_lsn - 1];
        log_fill(record, bytes);
        payloads[i] =
            (struct kaya_wal_payload){ .type = record->type, .bytes = bytes, .length = record->length };
    }
    status = kaya_wal_writer_append_batch(log->writer, payloads, count, mode, &first, &last);
    for (size_t i = 0; i < count; i++)
        free((void *)payloads[i].bytes);
    free(payloads);
    if (status == KAYA_OK && (first != before + 1 || last != before + count))
        abort();
    if (status == KAYA_OK && mode == KAYA_STRICT)
        log->durable_lsn = last;
    if (status == KAYA_FULL || status == KAYA_INVALID || status == KAYA_NO_MEMORY || status == KAYA_LIMIT ||
        status == KAYA_ENDED || status == KAYA_BUSY)
        log->last_lsn = before; /* nothing was written */
    return status;
}

static enum kaya_status made_durable(struct log_fixture *log, enum kaya_status status)
{
    if (status == KAYA_OK)
        log->durable_lsn = log->last_lsn;
    return status;
}

enum kaya_status log_sync(struct log_fixture *log)
{
    begin(log);
    return made_durable(log, kaya_wal_writer_sync(log->writer));
}

enum kaya_status log_rotate(struct log_fixture *log)
{
    begin(log);
    return made_durable(log, kaya_wal_writer_rotate(log->writer));
}

enum kaya_status log_trim(struct log_fixture *log, uint64_t lsn)
{
    uint64_t low = 0;
    enum kaya_status status;

    begin(log);
    status = kaya_wal_writer_truncate_before(log->writer, lsn, &low);
    if (status == KAYA_OK)
        log->first_lsn = low;
    return status;
}

enum kaya_status log_close(struct log_fixture *log)
{
    struct kaya_wal_writer *writer = log->writer;

    begin(log);
    log->writer = NULL;
    return made_durable(log, kaya_wal_writer_close(writer));
}

/* Looking. */

static void say(struct log_look *look, uint64_t lsn, const char *what)
{
    if (look->trouble[0] == '\0')
        (void)snprintf(look->trouble, sizeof look->trouble, "record %" PRIu64 ": %s", lsn, what);
}

static void compare(struct log_fixture *log, const struct kaya_wal_record *record, struct log_look *look)
{
    static uint8_t expected[1 << 23];
    const struct log_record *truth;

    if (record->lsn == 0 || record->lsn > log->last_lsn) {
        say(look, record->lsn, "was never appended");
        return;
    }
    truth = &log->records[record->lsn - 1];
    if (record->length != truth->length || record->type != truth->type) {
        say(look, record->lsn, "another length or type");
        return;
    }
    log_fill(truth, expected);
    if (truth->length > 0 && memcmp(expected, record->bytes, truth->length) != 0)
        say(look, record->lsn, "other bytes");
    if (record->in_batch != truth->in_batch || record->ends_batch != truth->ends_batch)
        say(look, record->lsn, "batch marks differ");
}

void log_look(struct log_fixture *log, const struct kaya_wal_reader_options *options, struct log_look *look)
{
    struct kaya_wal_reader_options wanted = { .on_event = log_hear, .user = log };
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_record record;
    uint64_t next;

    if (options != NULL) {
        wanted = *options;
        wanted.on_event = log_hear;
        wanted.user = log;
    }
    *look = (struct log_look){ .first_lsn = 0 };
    look->status = kaya_wal_reader_open(&log->environment, &wanted, &reader, &look->report);
    if (look->status != KAYA_OK)
        return;
    next = wanted.from_lsn != 0 ? wanted.from_lsn : look->report.first_lsn;
    look->first_lsn = next;
    while ((look->status = kaya_wal_reader_next(reader, &record)) == KAYA_OK) {
        if (record.lsn != next)
            say(look, record.lsn, "out of order");
        next = record.lsn + 1;
        compare(log, &record, look);
        if (record.mended && look->mended_count++ == 0)
            look->mended_lsn = record.lsn;
        if (record.durable)
            look->durable_lsn = record.lsn;
    }
    if (look->status == KAYA_END)
        look->status = KAYA_OK;
    look->last_lsn = next - 1;
    if (look->last_lsn > 0 && look->last_lsn >= look->first_lsn && look->last_lsn <= log->last_lsn &&
        log->records[look->last_lsn - 1].in_batch && !log->records[look->last_lsn - 1].ends_batch)
        say(look, look->last_lsn, "the batch ends too early");
    kaya_wal_reader_close(reader);
}
