/* A copy of a live log, file by file: what is asked for is in kaya_layout_judge_copy. */
#include "kaya/scenarios/tamper.h"

#include <stdlib.h>
#include <string.h>

#include "deeds.h"
#include "fork.h"

enum { COPY_AT_CALL_OF = 6 };

static bool list_for_copy(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct kaya_tamperer *tamperer = user;
    size_t capacity = tamperer->copied_capacity == 0 ? 16 : 2 * tamperer->copied_capacity;
    struct kaya_copied_name *copied;

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
    uint64_t chosen = kaya_tamper_draw(tamperer, tamperer->copied_left--, "copied_file");
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
    if (tamperer->copied_left > 0 && kaya_tamper_draw(tamperer, COPY_AT_CALL_OF, "copy") == 1)
        copy_next(tamperer);
}

void kaya_tamper_copy_begin(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                            struct kaya_subject *subject, struct kaya_sim_disk *disk,
                            struct kaya_choices *choices, struct kaya_trace *trace,
                            struct kaya_violation *violation)
{
    struct kaya_sim_disk_options options = { .profile = plan->profile, .choices = tamperer->seeded };
    struct kaya_disk *seam;

    kaya_tamper_take_arguments(tamperer, plan, subject, disk, choices, trace, violation);
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
    enum kaya_status status = kaya_tamper_take_fork(tamperer, tamperer->disk);

    if (status != KAYA_OK)
        return status;
    kaya_sim_disk_process_crash(tamperer->fork);
    status = kaya_image_read(&tamperer->before, tamperer->fork);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    kaya_oracle_crash(tamperer->oracle, KAYA_CRASH_PROCESS);
    return kaya_tamper_look(tamperer, good);
}

/* Whatever was durable when the copying began stood in the files that were copied later. */
static void raise_to_begin(const struct kaya_tamperer *tamperer, struct kaya_outlook *outlook)
{
    if (outlook->kept_lsn < tamperer->copied_durable_lsn)
        outlook->kept_lsn = tamperer->copied_durable_lsn;
}

static enum kaya_status open_copy(struct kaya_tamperer *tamperer)
{
    struct kaya_opening opening = { .refusal = KAYA_DAMAGED, .what = "a copy of the live log" };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status = kaya_image_read(&tamperer->after, tamperer->copy);

    if (status != KAYA_OK)
        return status;
    kaya_layout_judge_copy(&tamperer->layout, &tamperer->after, &opening.outlook);
    raise_to_begin(tamperer, &opening.outlook);
    kaya_tamper_note(tamperer, opening.what, opening.outlook.refusal, opening.outlook.kept_lsn,
                     tamperer->copied_durable_lsn);
    if (!kaya_tamper_has_segment(&tamperer->after))
        opening.refusal = KAYA_NOT_FOUND;
    status = kaya_tamper_take_fork(tamperer, tamperer->copy);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    kaya_oracle_crash(tamperer->oracle, KAYA_CRASH_PROCESS);
    status = kaya_tamper_open_fork(tamperer, &opening, &answer, &last_lsn);
    if (answer != KAYA_OK)
        kaya_tamper_mark(tamperer, KAYA_MARK_COPY_REFUSED);
    else
        kaya_tamper_mark(tamperer,
                         last_lsn < tamperer->layout.last_lsn ? KAYA_MARK_COPY_CUT : KAYA_MARK_COPY_WHOLE);
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
