#include "sector_subject.h"

#include <stdlib.h>
#include <string.h>

const struct kaya_sim_profile sector_profile = {
    .name = "sectors",
    .source = "made up for counting",
    .geometry = { .sector_bytes = SECTOR_BYTES,
                  .atomic_bytes = SECTOR_BYTES,
                  .writeback_bytes = SECTOR_BYTES,
                  .buffer_alignment = 1,
                  .power_safe_overwrite = true },
};

struct sectors {
    struct kaya_subject subject; /* first */
    struct sector_options options;
    bool is_made;    /* model: the file is durable */
    bool is_written; /* model: the second write began */
    bool has_crashed;
    struct kaya_file *file;
    unsigned char bytes[SECTORS_MAX * SECTOR_BYTES];
};

static struct sectors *of(const struct kaya_subject *subject)
{
    return (struct sectors *)subject;
}

static enum kaya_status write_sectors(struct sectors *sectors, struct kaya_disk *disk, unsigned count, int value)
{
    struct kaya_span span = { .bytes = sectors->bytes, .length = count * SECTOR_BYTES };

    memset(sectors->bytes, value, span.length);
    if (value == NEW_BYTE && sectors->options.is_durable)
        return kaya_disk_write_durable(disk, sectors->file, 0, &span, 1);
    return kaya_disk_write(disk, sectors->file, 0, &span, 1);
}

static enum kaya_status make(struct sectors *sectors, struct kaya_disk *disk)
{
    enum kaya_status status = kaya_disk_create_directory(disk);

    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT);
    if (status == KAYA_OK)
        status = kaya_disk_open(disk, "file", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &sectors->file);
    if (status == KAYA_OK)
        status = write_sectors(sectors, disk, sectors->options.sector_count, OLD_BYTE);
    if (status == KAYA_OK)
        status = kaya_disk_sync(disk, sectors->file);
    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    sectors->is_made = status == KAYA_OK;
    return status;
}

static enum kaya_status look(struct sectors *sectors, struct kaya_disk *disk, struct kaya_violation *violation)
{
    unsigned char values[SECTORS_MAX];
    unsigned count = 0;
    enum kaya_status status = kaya_disk_open(disk, "file", KAYA_OPEN_READ, &sectors->file);

    for (; status == KAYA_OK && count < sectors->options.read_count; count++) {
        size_t done;

        status =
            kaya_disk_read(disk, sectors->file, count * SECTOR_BYTES, sectors->bytes, SECTOR_BYTES, 0, &done);
        if (done < SECTOR_BYTES)
            break;
        values[count] = sectors->bytes[0];
        for (unsigned at = 0; at < SECTOR_BYTES && sectors->is_made && !sectors->options.may_tear; at++)
            if (sectors->bytes[at] != values[count])
                kaya_violation_set(violation, "P1", "sector %u is a mixture", count);
        if (sectors->is_made && values[count] != OLD_BYTE && (values[count] != NEW_BYTE || !sectors->is_written))
            kaya_violation_set(violation, "P1", "sector %u was never written so", count);
    }
    if (sectors->is_made && count < sectors->options.read_count)
        kaya_violation_set(violation, "P2", "sector %u is gone", count);
    if (sectors->options.found)
        sectors->options.found(sectors->options.user, values, sectors->is_made ? count : 0);
    return status == KAYA_NOT_FOUND ? KAYA_OK : status;
}

static enum kaya_status sectors_recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                        struct kaya_violation *violation)
{
    struct sectors *sectors = of(subject);

    return sectors->has_crashed ? look(sectors, machine->disk, violation) : make(sectors, machine->disk);
}

static enum kaya_status sectors_step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation, bool *done)
{
    struct sectors *sectors = of(subject);

    (void)violation;
    *done = true;
    if (sectors->options.write_count == 0)
        return KAYA_OK;
    sectors->is_written = true;
    return write_sectors(sectors, machine->disk, sectors->options.write_count, NEW_BYTE);
}

static void sectors_check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                          struct kaya_violation *violation)
{
    (void)subject;
    (void)machine;
    (void)violation;
}

static enum kaya_status sectors_close(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    (void)violation;
    kaya_disk_close(machine->disk, of(subject)->file);
    return KAYA_OK;
}

static void sectors_crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    (void)kind;
    of(subject)->has_crashed = true;
}

static enum kaya_status sectors_copy_model(const struct kaya_subject *from, struct kaya_subject *to)
{
    of(to)->is_made = of(from)->is_made;
    of(to)->is_written = of(from)->is_written;
    return KAYA_OK;
}

static void sectors_destroy(struct kaya_subject *subject)
{
    free(subject);
}

static const struct kaya_subject_operations operations = {
    .name = "sectors",
    .recover = sectors_recover,
    .step = sectors_step,
    .check = sectors_check,
    .close = sectors_close,
    .crash = sectors_crash,
    .copy_model = sectors_copy_model,
    .destroy = sectors_destroy,
};

enum kaya_status sector_subject_create(void *user, struct kaya_subject **subject)
{
    struct sectors *sectors = calloc(1, sizeof *sectors);

    if (!sectors)
        return KAYA_NO_MEMORY;
    sectors->subject.operations = &operations;
    sectors->options = *(struct sector_options *)user;
    *subject = &sectors->subject;
    return KAYA_OK;
}
