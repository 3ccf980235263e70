/* Files as arrays of bytes.
 *
 * Memory is kept from one reading to the next: a run reads the whole disk at each open of the log. */
#include "kaya/scenarios/image.h"

#include <stdlib.h>
#include <string.h>

enum { FILES_FIRST = 16 };

struct listing {
    struct kaya_image *image;
    bool failed;
};

static bool note_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct listing *listing = user;
    struct kaya_image *image = listing->image;
    size_t capacity = image->file_capacity == 0 ? FILES_FIRST : 2 * image->file_capacity;
    struct kaya_image_file *files;

    if (kind != KAYA_ENTRY_FILE)
        return true;
    if (image->file_count == image->file_capacity) {
        files = realloc(image->files, capacity * sizeof *files);
        if (files == NULL) {
            listing->failed = true;
            return false;
        }
        memset(files + image->file_capacity, 0, (capacity - image->file_capacity) * sizeof *files);
        image->files = files;
        image->file_capacity = capacity;
    }
    strncpy(image->files[image->file_count].name, name, KAYA_NAME_BYTES_MAX);
    image->files[image->file_count++].name[KAYA_NAME_BYTES_MAX] = '\0';
    return true;
}

static bool make_room(struct kaya_image_file *file)
{
    size_t pieces = (size_t)(file->size_bytes / KAYA_IMAGE_PIECE_BYTES) + 1;

    if (file->size_bytes < file->capacity_bytes)
        return true;
    free(file->bytes);
    free(file->unreadable);
    file->capacity_bytes = pieces * KAYA_IMAGE_PIECE_BYTES;
    file->bytes = malloc((size_t)file->capacity_bytes);
    file->unreadable = malloc(pieces * sizeof *file->unreadable);
    if (file->bytes != NULL && file->unreadable != NULL)
        return true;
    file->capacity_bytes = 0;
    return false;
}

/* Of a file that has bytes that cannot be read. */
static void read_pieces(struct kaya_image_file *file, struct kaya_sim_disk *disk)
{
    enum kaya_status status;
    size_t done;

    for (uint64_t at = 0; at < file->size_bytes; at += KAYA_IMAGE_PIECE_BYTES) {
        uint64_t left = file->size_bytes - at;
        size_t length = left < KAYA_IMAGE_PIECE_BYTES ? (size_t)left : KAYA_IMAGE_PIECE_BYTES;
        status = kaya_sim_disk_peek(disk, file->name, at, file->bytes + at, length, &done);
        file->unreadable[at / KAYA_IMAGE_PIECE_BYTES] = status != KAYA_OK;
        if (status != KAYA_OK)
            memset(file->bytes + at, 0, length);
    }
}

static enum kaya_status read_file(struct kaya_image_file *file, struct kaya_sim_disk *disk)
{
    enum kaya_status status = kaya_sim_disk_file_size(disk, file->name, &file->size_bytes);
    size_t pieces = (size_t)(file->size_bytes / KAYA_IMAGE_PIECE_BYTES) + 1;
    size_t done;

    if (status != KAYA_OK)
        return status;
    if (!make_room(file))
        return KAYA_NO_MEMORY;
    file->inode = kaya_sim_disk_inode(disk, file->name);
    memset(file->unreadable, 0, pieces * sizeof *file->unreadable);
    if (kaya_sim_disk_peek(disk, file->name, 0, file->bytes, (size_t)file->size_bytes, &done) != KAYA_OK)
        read_pieces(file, disk);
    return KAYA_OK;
}

enum kaya_status kaya_image_read(struct kaya_image *image, struct kaya_sim_disk *disk)
{
    struct listing listing = { image, false };
    enum kaya_status status = KAYA_OK;

    image->file_count = 0;
    kaya_sim_disk_names(disk, note_name, &listing);
    if (listing.failed)
        return KAYA_NO_MEMORY;
    for (size_t i = 0; i < image->file_count && status == KAYA_OK; i++)
        status = read_file(&image->files[i], disk);
    return status;
}

void kaya_image_release(struct kaya_image *image)
{
    for (size_t i = 0; i < image->file_capacity; i++) {
        free(image->files[i].bytes);
        free(image->files[i].unreadable);
    }
    free(image->files);
    *image = (struct kaya_image){ 0 };
}

static bool file_equals(const struct kaya_image_file *one, const struct kaya_image_file *other)
{
    uint64_t pieces = (one->size_bytes + KAYA_IMAGE_PIECE_BYTES - 1) / KAYA_IMAGE_PIECE_BYTES;

    return strcmp(one->name, other->name) == 0 && one->size_bytes == other->size_bytes &&
           memcmp(one->bytes, other->bytes, (size_t)one->size_bytes) == 0 &&
           memcmp(one->unreadable, other->unreadable, (size_t)pieces * sizeof *one->unreadable) == 0;
}

bool kaya_image_equals(const struct kaya_image *one, const struct kaya_image *other)
{
    if (one->file_count != other->file_count)
        return false;
    for (size_t i = 0; i < one->file_count; i++)
        if (!file_equals(&one->files[i], &other->files[i]))
            return false;
    return true;
}

const struct kaya_image_file *kaya_image_find(const struct kaya_image *image, const char *name)
{
    for (size_t i = 0; i < image->file_count; i++)
        if (strcmp(image->files[i].name, name) == 0)
            return &image->files[i];
    return NULL;
}
