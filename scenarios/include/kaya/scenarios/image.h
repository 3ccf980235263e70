/* What stands in the files of a simulated disk: as the next reader sees it, and as it would be without any damage. */
#ifndef KAYA_SCENARIOS_IMAGE_H
#define KAYA_SCENARIOS_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "kaya/sim/disk.h"

enum { KAYA_IMAGE_PIECE_BYTES = 512 }; /* what is unreadable is unreadable in pieces of this size */

struct kaya_image_file {
    char name[KAYA_NAME_BYTES_MAX + 1];
    uint64_t inode;
    uint64_t size_bytes;
    uint8_t *bytes;
    bool *unreadable; /* one for each piece */
    uint64_t capacity_bytes;
};

struct kaya_image {
    struct kaya_image_file *files; /* in order of names, without the lock file */
    size_t file_count, file_capacity;
};

void kaya_image_release(struct kaya_image *image); /* memory; an image of all zeros is empty */

/* Read every byte of every file: fates that a crash left open are decided by it. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_image_read(struct kaya_image *image, struct kaya_sim_disk *disk);

/* Are both the same, names, sizes and bytes? */
bool kaya_image_equals(const struct kaya_image *one, const struct kaya_image *other);

const struct kaya_image_file *kaya_image_find(const struct kaya_image *image, const char *name); /* NULL: none */

#endif
