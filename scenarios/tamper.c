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

#include "tamper/deeds.h"
#include "tamper/fork.h"

enum { SNAPSHOT_OF = 3 };

/* --- What each deed asks for --- */

/* The deed was done on the fork, and `outlook` is what it asks for: so it is opened, with or without an anchor. */
static enum kaya_status try_fork(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                 const struct kaya_outlook *outlook)
{
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(kaya_log_subject_oracle(tamperer->subject));
    bool anchored = kaya_tamper_draw(tamperer, 3, "anchored") == 2;
    struct kaya_opening opening = {
        .outlook = *outlook,
        .anchor = anchored ? &anchor : NULL,
        .refusal = kaya_tamper_has_segment(&tamperer->after) || anchored ? KAYA_DAMAGED : KAYA_NOT_FOUND,
        .salvages = tampering == KAYA_TAMPERING_BLOTTED || tampering == KAYA_TAMPERING_CUT ||
                    tampering == KAYA_TAMPERING_MISSING,
        .what = kaya_tampering_name(tampering)
    };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status;

    if (anchored && tampering == KAYA_TAMPERING_OTHER_LOG_SEGMENT)
        opening.refusal = KAYA_WRONG_LOG;
    status = kaya_oracle_copy(kaya_log_subject_oracle(tamperer->subject), tamperer->oracle);
    if (status != KAYA_OK)
        return status;
    status = kaya_tamper_open_fork(tamperer, &opening, &answer, &last_lsn);
    if (answer != KAYA_OK)
        kaya_tamper_mark(tamperer, KAYA_MARK_TAMPERING_REFUSED);
    else if (last_lsn < tamperer->layout.last_lsn)
        kaya_tamper_mark(tamperer, KAYA_MARK_TAMPERING_CUT);
    return status;
}

/* What stands in a spare's way makes the log pass over spares, which go when it has gone past them. */
static uint64_t passed_over(const struct kaya_tamperer *tamperer)
{
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);

    return (uint64_t)config.segment_bytes * config.spare_count;
}

static enum kaya_status tamper_file(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                    const struct kaya_deed *deed)
{
    struct kaya_outlook outlook;
    enum kaya_status status = kaya_deed_do(deed, tamperer->fork, tamperer);

    if (status == KAYA_OK)
        status = kaya_image_read(&tamperer->after, tamperer->fork);
    if (status != KAYA_OK)
        return status;
    kaya_layout_judge(&tamperer->layout, &tamperer->before, &tamperer->after, &outlook);
    kaya_tamper_note(tamperer, kaya_tampering_name(tampering), outlook.refusal, outlook.kept_lsn, 0);
    if (outlook.refusal != KAYA_REFUSAL_FORBIDDEN)
        return try_fork(tamperer, tampering, &outlook);
    if (tampering == KAYA_TAMPERING_BLOTTED)
        return KAYA_OK; /* where the log goes on over it, it is found torn, closed or not; of that the run's oracle knows nothing */
    kaya_tamper_mark(tamperer, KAYA_MARK_TAMPERING_IGNORED);
    kaya_log_subject_tolerate(tamperer->subject, passed_over(tamperer));
    status = kaya_deed_do(deed, tamperer->disk, tamperer);
    for (size_t i = 0; i < tamperer->after.file_count; i++) {
        const struct kaya_image_file *file = &tamperer->after.files[i];
        if (kaya_image_find(&tamperer->before, file->name) == NULL)
            kaya_log_subject_tolerate(tamperer->subject, file->size_bytes);
    }
    return status;
}

/* The whole directory is another log's. With an anchor that is seen. */
static enum kaya_status tamper_other_log(struct kaya_tamperer *tamperer, const struct kaya_deed *deed)
{
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(kaya_log_subject_oracle(tamperer->subject));
    struct kaya_opening opening = {
        .outlook = KAYA_OUTLOOK_OF_NO_DAMAGE, .anchor = &anchor, .refusal = KAYA_WRONG_LOG, .what = "another log"
    };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status = kaya_deed_do(deed, tamperer->fork, tamperer);

    opening.outlook.refusal = KAYA_REFUSAL_REQUIRED;
    kaya_tamper_note(tamperer, "another log", 0, 0, 0);
    if (status == KAYA_OK)
        status = kaya_tamper_open_fork(tamperer, &opening, &answer, &last_lsn);
    if (status == KAYA_OK && answer != KAYA_WRONG_LOG)
        kaya_violation_set(tamperer->violation, "P5", "the anchor names another log; opening answered %s",
                           kaya_status_name(answer));
    kaya_tamper_mark(tamperer, KAYA_MARK_WRONG_LOG);
    return status;
}

/* Nothing can know that it is older but an anchor. */
static enum kaya_status tamper_backup(struct kaya_tamperer *tamperer, const struct kaya_deed *deed)
{
    const struct kaya_oracle *now = kaya_log_subject_oracle(tamperer->subject);
    const struct kaya_oracle *then = kaya_log_subject_oracle(tamperer->backup_subject);
    struct kaya_wal_anchor anchor = kaya_oracle_anchor(now);
    struct kaya_opening opening = { .outlook = KAYA_OUTLOOK_OF_NO_DAMAGE,
                                    .anchor = &anchor,
                                    .refusal = KAYA_DAMAGED,
                                    .what = "an older backup" };
    uint64_t last_lsn;
    enum kaya_status answer;
    enum kaya_status status;

    if (kaya_tamper_draw(tamperer, 2, "backup_with_anchor") == 0) {
        kaya_tamper_mark(tamperer, KAYA_MARK_BACKUP_RESTORED);
        kaya_tamper_note(tamperer, "restored", kaya_oracle_last_lsn(then), kaya_oracle_last_lsn(now), 0);
        status = kaya_sim_disk_copy(tamperer->backup, tamperer->choices, tamperer->trace, tamperer->disk);
        if (status == KAYA_OK)
            status = tamperer->subject->operations->copy_model(tamperer->backup_subject, tamperer->subject);
        return status;
    }
    kaya_tamper_note(tamperer, "older, with anchor", kaya_oracle_last_lsn(then), anchor.lsn, 0);
    if (anchor.lsn > kaya_oracle_last_lsn(then))
        opening.outlook.refusal = KAYA_REFUSAL_REQUIRED;
    else if (anchor.lsn > kaya_oracle_durable_lsn(then))
        opening.outlook.refusal = KAYA_REFUSAL_ALLOWED;
    status = kaya_oracle_copy(then, tamperer->oracle);
    if (status == KAYA_OK)
        status = kaya_deed_do(deed, tamperer->fork, tamperer);
    if (status == KAYA_OK)
        status = kaya_tamper_open_fork(tamperer, &opening, &answer, &last_lsn);
    if (status == KAYA_OK && answer == KAYA_DAMAGED)
        kaya_tamper_mark(tamperer, KAYA_MARK_BACKUP_REFUSED);
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
    struct kaya_deed deed;
    enum kaya_status status = kaya_deed_draw(tamperer, tampering, &deed);

    if (status != KAYA_OK || deed.kind == KAYA_DEED_NONE || kaya_violation_is_set(tamperer->violation))
        return status;
    if (tampering == KAYA_TAMPERING_OLDER_BACKUP)
        return tamper_backup(tamperer, &deed);
    if (tampering == KAYA_TAMPERING_OTHER_LOG)
        return tamper_other_log(tamperer, &deed);
    return tamper_file(tamperer, tampering, &deed);
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

    kaya_tamper_take_arguments(tamperer, plan, subject, disk, choices, trace, violation);
    status = kaya_image_read(&tamperer->before, disk);
    if (status == KAYA_OK)
        status = kaya_tamper_take_fork(tamperer, disk);
    if (status == KAYA_OK)
        status = kaya_oracle_copy(kaya_log_subject_oracle(subject), tamperer->oracle);
    if (status == KAYA_OK)
        status = kaya_tamper_look(tamperer, &good);
    if (status == KAYA_OK && good && kaya_tamper_draw(tamperer, SNAPSHOT_OF, "backup") == 1)
        status = keep_backup(tamperer);
    if (status == KAYA_OK && good && !is_trim_in_doubt(tamperer))
        status = tamper_good_log(tamperer);
    return status;
}
