/* Moving to another disk.
 *
 * Whoever copies a directory reads all of it, which decides what an earlier crash left open, and syncs what he wrote. On the one disk that stands for
 * both it is the same to read everything, and to sync it under its names. */
#include "kaya/scenarios/move.h"

static enum kaya_status sync_file(struct kaya_disk *disk, const char *name)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = kaya_disk_open(disk, name, KAYA_OPEN_WRITE, &file);

    if (status == KAYA_OK)
        status = kaya_disk_sync(disk, file);
    kaya_disk_close(disk, file);
    return status;
}

static enum kaya_status sync_all(struct kaya_disk *disk, const struct kaya_image *image)
{
    enum kaya_status status = KAYA_OK;

    for (size_t i = 0; i < image->file_count && status == KAYA_OK; i++)
        status = sync_file(disk, image->files[i].name);
    if (status == KAYA_OK && image->file_count > 0) /* else there may be no directory yet */
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    return status == KAYA_OK ? kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT) : status;
}

enum kaya_status kaya_move(struct kaya_sim_disk *disk, const struct kaya_sim_profile *profile,
                           struct kaya_image *image)
{
    enum kaya_status status = kaya_image_read(image, disk);

    if (status != KAYA_OK)
        return status;
    status = sync_all(kaya_sim_disk_boot(disk), image);
    KAYA_ASSERT(status == KAYA_OK);
    kaya_sim_disk_shut_down(disk);
    kaya_sim_disk_move(disk, profile);
    return KAYA_OK;
}
