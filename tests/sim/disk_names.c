#include "disk_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "seen.h"

bool add_disk_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct disk_names *names = user;

    (void)kind;
    if (names->count == DISK_NAMES_MAX)
        abort();
    (void)snprintf(names->names[names->count++], sizeof names->names[0], "%s", name);
    return true;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right);
}

static uint64_t file_hash(struct kaya_sim_disk *disk, const char *name)
{
    unsigned char *bytes;
    uint64_t size, hash;
    size_t done = 0;

    if (kaya_sim_disk_file_size(disk, name, &size) != KAYA_OK)
        abort();
    bytes = calloc(1, size + 1);
    if (bytes == NULL || (size > 0 && kaya_sim_disk_peek(disk, name, 0, bytes, size, &done) != KAYA_OK))
        abort();
    hash = kaya_seen_mix(size, XXH3_64bits(bytes, done));
    free(bytes);
    return hash;
}

uint64_t disk_image_hash(struct kaya_sim_disk *disk)
{
    struct disk_names names = { 0 };
    uint64_t hash = 1;

    kaya_sim_disk_names(disk, add_disk_name, &names);
    qsort(names.names, names.count, sizeof names.names[0], compare_names);
    for (unsigned index = 0; index < names.count; index++) {
        hash = kaya_seen_mix(hash, XXH3_64bits(names.names[index], strlen(names.names[index])));
        hash = kaya_seen_mix(hash, file_hash(disk, names.names[index]));
    }
    return hash;
}
