/* The parent of each log directory is a fresh directory under TMPDIR (or /tmp). */
#include "posix_disks.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "kaya/posix.h"
#include "scratch_directory.h"

struct place {
    char parent[SCRATCH_PATH_BYTES]; /* empty: none */
    char log[SCRATCH_PATH_BYTES + 4];
    struct kaya_disk *disk; /* the first on it */
    enum kaya_posix_sync_method method;
};

static struct kaya_disk *create(void *user)
{
    struct place *place = user;

    kaya_tests_scratch_remove(place->parent);
    if (!kaya_tests_scratch_make(place->parent))
        return NULL;
    (void)snprintf(place->log, sizeof place->log, "%s/log", place->parent);
    if (kaya_posix_disk_create_by(place->method, place->log, true, &place->disk) != KAYA_OK)
        return NULL;
    return place->disk;
}

static struct kaya_disk *create_second(void *user, struct kaya_disk *first)
{
    struct place *place = user;
    struct kaya_disk *second = NULL;

    (void)first; /* a second one is of another method: what one writes the other one reads */
    return kaya_posix_disk_create(place->log, true, &second) == KAYA_OK ? second : NULL;
}

static void destroy(void *user, struct kaya_disk *disk)
{
    struct place *place = user;
    bool first = disk == place->disk;

    kaya_posix_disk_destroy(disk);
    if (first)
        kaya_tests_scratch_remove(place->parent);
}

bool kaya_tests_posix_has(enum kaya_posix_sync_method method)
{
    char path[SCRATCH_PATH_BYTES];
    struct kaya_disk *disk = NULL;
    enum kaya_status status = KAYA_IO;

    if (kaya_tests_scratch_make(path))
        status = kaya_posix_disk_create_by(method, path, true, &disk);
    kaya_posix_disk_destroy(disk);
    kaya_tests_scratch_remove(path);
    return status != KAYA_UNSUPPORTED;
}

struct kaya_conformance_disks kaya_tests_posix_disks(enum kaya_posix_sync_method method)
{
    struct place *place = calloc(1, sizeof *place);

    if (place == NULL)
        abort();
    place->method = method;
    return (struct kaya_conformance_disks){
        .create = create,
        .create_second = create_second,
        .destroy = destroy,
        .user = place,
    };
}

void kaya_tests_posix_disks_end(struct kaya_conformance_disks *disks)
{
    kaya_tests_scratch_remove(((struct place *)disks->user)->parent);
    free(disks->user);
    disks->user = NULL;
}

void kaya_tests_limit_descriptors(void)
{
    const struct rlimit few = { .rlim_cur = 256, .rlim_max = 256 };

    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        abort();
}
