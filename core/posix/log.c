/* A log in a directory of real files, with everything that belongs to it: disk, writer, and the thread that tends. */
#include <stdlib.h>

#include "kaya/posix.h"
#include "kaya/wal.h"

/* So that a rotation finds one to spare. */
enum { SPARES_TENDED = 3 };

enum kaya_status kaya_posix_log_open(const char *path, const struct kaya_posix_log_options *options,
                                     const struct kaya_wal_config *config, struct kaya_posix_log *log,
                                     struct kaya_wal_recovery_report *report)
{
    static const struct kaya_posix_log_options DEFAULTS = { .sync_method = KAYA_POSIX_FDATASYNC };
    struct kaya_wal_config chosen = config != NULL ? *config : (struct kaya_wal_config){ 0 };
    struct kaya_posix_log made = KAYA_POSIX_LOG_NONE;
    enum kaya_status status;

    *log = KAYA_POSIX_LOG_NONE;
    if (options == NULL)
        options = &DEFAULTS;
    if (chosen.spare_count == 0 && !options->without_tender)
        chosen.spare_count = SPARES_TENDED;
    made.environment.runtime = kaya_posix_runtime();
    made.environment.allocator = kaya_posix_allocator();
    status = kaya_posix_disk_create_by(options->sync_method, path, !options->is_padded, &made.environment.disk);
    if (status != KAYA_OK)
        return status;
    status = kaya_wal_writer_open(&made.environment, &chosen, &made.writer, report);
    if (status == KAYA_OK && !options->without_tender)
        status = kaya_posix_tender_start(made.writer, &made.tender);
    if (status == KAYA_OK) {
        *log = made;
        made = KAYA_POSIX_LOG_NONE;
    }
    (void)!kaya_posix_log_close(&made);
    return status;
}

enum kaya_status kaya_posix_log_close(struct kaya_posix_log *log)
{
    enum kaya_status status;

    kaya_posix_tender_stop(log->tender);
    status = kaya_wal_writer_close(log->writer);
    kaya_posix_disk_destroy(log->environment.disk);
    *log = KAYA_POSIX_LOG_NONE;
    return status;
}
