/* What all operations on the log share: how an answer is heard, who is told of what, and the names of the files. */
#include "log.h"

#include <string.h>

#include "kaya/scenarios/layout.h"

/* What the log said, as far as anybody could hear it. */
enum kaya_status kaya_log_heard(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                enum kaya_status status)
{
    bool sync_failed;
    enum kaya_status answer = kaya_player_heard(&log->player, machine, status, &sync_failed);

    kaya_oracle_sync_failed(log->oracle, sync_failed);
    kaya_oracle_struck(log->oracle, log->player.struck);
    return answer;
}

void kaya_log_tell_claims(struct kaya_log *log, uint64_t record_count, bool recovery)
{
    uint64_t last = kaya_oracle_last_lsn(log->oracle);

    if (log->claims != NULL)
        kaya_claims_begin(log->claims, kaya_oracle_durable_lsn(log->oracle), record_count == 0 ? 0 : last + 1,
                          record_count == 0 ? 0 : last + record_count, recovery);
}

void kaya_log_tell_recovered(struct kaya_log *log, const struct kaya_wal_recovery_report *report)
{
    if (log->claims != NULL)
        kaya_claims_recovered(log->claims, report->last_lsn);
}

static enum kaya_status count_headless(const struct kaya_sim_machine *machine, uint64_t *count)
{
    struct kaya_image image = { 0 };
    enum kaya_status status = kaya_image_read(&image, machine->sim_disk);

    *count = 0;
    for (size_t i = 0; i < image.file_count && status == KAYA_OK; i++)
        *count += kaya_layout_is_headless(&image.files[i]);
    kaya_image_release(&image);
    return status;
}

enum kaya_status kaya_log_judge_disk_use(struct kaya_log *log, const struct kaya_sim_machine *machine,
                                         struct kaya_violation *violation)
{
    uint64_t stored = kaya_sim_disk_bytes_stored(machine->sim_disk);
    uint64_t own = stored > log->foreign_bytes ? stored - log->foreign_bytes : 0;
    uint64_t headless_count = 0;
    enum kaya_status status = KAYA_OK;

    if (!kaya_oracle_disk_use_is_small(log->oracle, own))
        status = count_headless(machine, &headless_count);
    if (status == KAYA_OK)
        kaya_oracle_disk_use(log->oracle, own, headless_count, violation);
    return status;
}

struct kaya_wal_config kaya_log_config_of(struct kaya_log *log)
{
    struct kaya_wal_config config = { .segment_bytes = log->sizes.segment_bytes,
                                      .block_bytes = log->sizes.block_bytes,
                                      .record_bytes_max = log->sizes.record_bytes_max,
                                      .spare_count = log->sizes.spare_count,
                                      .buffer_bytes = log->player.plan->buffer_bytes,
                                      .on_event = kaya_player_on_event,
                                      .user = &log->player };

    return config;
}

/* Keeps the names sorted: a disk lists them in no order. */
static bool visit_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kaya_file_names *names = user;
    size_t at = names->count;

    if (kind != KAYA_ENTRY_FILE || names->count == KAYA_FILES_MAX)
        return true;
    for (; at > 0 && strcmp(names->names[at - 1], name) > 0; at--)
        memcpy(names->names[at], names->names[at - 1], sizeof names->names[at]);
    strncpy(names->names[at], name, KAYA_NAME_BYTES_MAX);
    names->names[at][KAYA_NAME_BYTES_MAX] = '\0';
    names->count++;
    return true;
}

void kaya_log_file_names(const struct kaya_sim_machine *machine, struct kaya_file_names *names)
{
    names->count = 0;
    kaya_sim_disk_names(machine->sim_disk, visit_name, names);
}
