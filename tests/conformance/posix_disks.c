/* The parent of each log directory is a fresh directory under TMPDIR (or /tmp). */
#define _GNU_SOURCE 1
#include "posix_disks.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kaya/posix.h"

enum { PATH_BYTES = 512 };

struct place {
    char parent[PATH_BYTES]; /* empty: none */
    char log[PATH_BYTES + 4];
    struct kaya_disk *disk; /* the first on it */
};

static int remove_entry(const char *path, const struct stat *information, int kind, struct FTW *walk)
{
    (void)information;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_place(struct place *place)
{
    if (place->parent[0] != '\0')
        (void)nftw(place->parent, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    place->parent[0] = '\0';
}

static struct kaya_disk *create(void *user)
{
    struct place *place = user;
    const char *directory = getenv("TMPDIR");

    remove_place(place);
    (void)snprintf(place->parent, sizeof place->parent, "%s/kaya-XXXXXX", directory != NULL ? directory : "/tmp");
    if (mkdtemp(place->parent) == NULL) {
        place->parent[0] = '\0';
        return NULL;
    }
    (void)snprintf(place->log, sizeof place->log, "%s/log", place->parent);
    if (kaya_posix_disk_create(place->log, true, &place->disk) != KAYA_OK)
        return NULL;
    return place->disk;
}

static struct kaya_disk *create_second(void *user, struct kaya_disk *first)
{
    struct place *place = user;
    struct kaya_disk *second = NULL;

    (void)first;
    return kaya_posix_disk_create(place->log, true, &second) == KAYA_OK ? second : NULL;
}

static void destroy(void *user, struct kaya_disk *disk)
{
    struct place *place = user;
    bool first = disk == place->disk;

    kaya_posix_disk_destroy(disk);
    if (first)
        remove_place(place);
}

struct kaya_conformance_disks kaya_tests_posix_disks(void)
{
    return (struct kaya_conformance_disks){
        .create = create,
        .create_second = create_second,
        .destroy = destroy,
        .user = calloc(1, sizeof(struct place)),
    };
}

void kaya_tests_posix_disks_end(struct kaya_conformance_disks *disks)
{
    remove_place(disks->user);
    free(disks->user);
    disks->user = NULL;
}

void kaya_tests_limit_descriptors(void)
{
    const struct rlimit few = { .rlim_cur = 256, .rlim_max = 256 };

    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        abort();
}
