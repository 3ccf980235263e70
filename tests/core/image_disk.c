#include "image_disk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct image_disk *of(struct kaya_disk *disk)
{
    return (struct image_disk *)disk;
}

static void require(bool condition)
{
    if (!condition)
        abort();
}

static struct image_file *file_of(struct image_disk *image, struct kaya_file *file)
{
    return &image->files[((struct image_handle *)file)->index];
}

/* Files. */

static void reserve(struct image_file *file, size_t size)
{
    if (size <= file->capacity)
        return;
    file->bytes = realloc(file->bytes, size);
    file->writers = realloc(file->writers, size * sizeof *file->writers);
    require(file->bytes != NULL && file->writers != NULL);
    file->capacity = size;
}

void image_file_resize(struct image_file *file, size_t size)
{
    reserve(file, size);
    if (size > file->size) {
        memset(file->bytes + file->size, 0, size - file->size);
        memset(file->writers + file->size, 0, (size - file->size) * sizeof *file->writers);
    }
    file->size = size;
}

static bool is_free(const struct image_file *file)
{
    return file->name[0] == '\0' && file->handle_count == 0;
}

struct image_file *image_disk_find(struct image_disk *image, const char *name)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (strcmp(image->files[i].name, name) == 0)
            return &image->files[i];
    return NULL;
}

struct image_file *image_disk_segment(struct image_disk *image, uint64_t number)
{
    char name[IMAGE_NAME_BYTES];

    (void)snprintf(name, sizeof name, "%016" PRIx64 ".wal", number);
    return image_disk_find(image, name);
}

struct image_file *image_disk_add(struct image_disk *image, const char *name, const void *bytes, size_t size)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        struct image_file *file = &image->files[i];

        if (!is_free(file))
            continue;
        require(strlen(name) < IMAGE_NAME_BYTES);
        (void)snprintf(file->name, sizeof file->name, "%s", name);
        file->is_directory = false;
        file->size = 0;
        image_file_resize(file, size);
        if (size > 0)
            memcpy(file->bytes, bytes, size);
        return file;
    }
    abort();
}

void image_disk_add_directory(struct image_disk *image, const char *name)
{
    image_disk_add(image, name, NULL, 0)->is_directory = true;
}

void image_disk_remove(struct image_disk *image, const char *name)
{
    struct image_file *file = image_disk_find(image, name);

    require(file != NULL);
    file->name[0] = '\0';
}

uint64_t image_disk_bytes_stored(const struct image_disk *image)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (!is_free(&image->files[i]))
            sum += image->files[i].size;
    return sum;
}

uint64_t image_disk_file_count(const struct image_disk *image)
{
    uint64_t count = 0;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        if (image->files[i].name[0] != '\0' && strcmp(image->files[i].name, KAYA_LOCK_NAME) != 0)
            count++;
    return count;
}

/* Faults. */

/* KAYA_OK, or what the call is to answer. */
static enum kaya_status begin(struct image_disk *image, enum image_call call)
{
    if (image->before_call != NULL)
        image->before_call(image->user, image, call);
    image->call_count++;
    image->counts[call]++;
    if (image->fail_at == 0 || image->call_count < image->fail_at)
        return KAYA_OK;
    if (image->call_count > image->fail_at && !image->fail_on)
        return KAYA_OK;
    return image->failure;
}

/* The same for a call that is to change what the disk holds of a file, or to make it durable. */
static enum kaya_status begin_change(struct image_disk *image, enum image_call call, const struct image_file *file)
{
    enum kaya_status status = begin(image, call);

    if (status != KAYA_OK)
        (void)snprintf(image->failed_name, sizeof image->failed_name, "%s", file->name);
    return status;
}

static void change(struct image_disk *image)
{
    image->change_count++;
}

static bool has_room(const struct image_disk *image, const struct image_file *file, size_t size)
{
    if (image->capacity_bytes == 0 || size <= file->size)
        return true;
    return image_disk_bytes_stored(image) + (size - file->size) <= image->capacity_bytes;
}

static void keep_versions(struct image_disk *image, size_t index, uint64_t offset, size_t length)
{
    const struct image_file *file = &image->files[index];

    if (!image->keep_versions)
        return;
    for (uint64_t at = offset / IMAGE_SECTOR_BYTES * IMAGE_SECTOR_BYTES; at < offset + length;
         at += IMAGE_SECTOR_BYTES) {
        struct image_version *version;

        if (at >= file->size)
            break;
        if (image->version_count == image->version_capacity) {
            image->version_capacity = image->version_capacity * 2 + 64;
            image->versions = realloc(image->versions, image->version_capacity * sizeof *image->versions);
            require(image->versions != NULL);
        }
        version = &image->versions[image->version_count++];
        *version = (struct image_version){ .file = index, .offset = at };
        memcpy(version->bytes, file->bytes + at,
               file->size - at < IMAGE_SECTOR_BYTES ? file->size - at : IMAGE_SECTOR_BYTES);
    }
}

/* The slots. */

static enum kaya_status image_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                   struct kaya_file **file)
{
    struct image_disk *image = of(disk);
    struct image_file *found;
    struct image_handle *handle;
    enum kaya_status status = begin(image, IMAGE_OPEN);

    if (status != KAYA_OK)
        return status;
    if (!image->exists)
        return KAYA_NOT_FOUND;
    found = image_disk_find(image, name);
    if ((flags & KAYA_OPEN_CREATE) != 0) {
        if (found != NULL)
            return KAYA_EXISTS;
        change(image);
        found = image_disk_add(image, name, NULL, 0);
    }
    if (found == NULL)
        return KAYA_NOT_FOUND;
    if (found->is_directory)
        return KAYA_INVALID;
    handle = image->handles;
    while (handle->file.disk != NULL)
        require(++handle < image->handles + IMAGE_HANDLES_MAX);
    *handle = (struct image_handle){ .file = { disk },
                                     .index = (size_t)(found - image->files),
                                     .may_write = flags != KAYA_OPEN_READ };
    found->handle_count++;
    *file = &handle->file;
    return KAYA_OK;
}

static void image_close(struct kaya_disk *disk, struct kaya_file *file)
{
    file_of(of(disk), file)->handle_count--;
    ((struct image_handle *)file)->file.disk = NULL;
}

static enum kaya_status image_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    enum kaya_status status = begin(of(disk), IMAGE_SIZE);

    *bytes = file_of(of(disk), file)->size;
    return status;
}

static enum kaya_status image_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                   const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done)
{
    struct image_file *found = file_of(of(disk), file);
    enum kaya_status status = begin(of(disk), IMAGE_READ);

    *done = 0;
    if (status != KAYA_OK)
        return status;
    for (size_t i = 0; i < span_count && offset < found->size && status == KAYA_OK; i++) {
        size_t there = (size_t)(found->size - offset);
        size_t length = spans[i].length < there ? spans[i].length : there;

        if (length > 0)
            memcpy(spans[i].bytes, found->bytes + offset, length);
        if (of(disk)->during_read != NULL)
            status = of(disk)->during_read(of(disk)->user, of(disk), found, offset, spans[i].bytes, length,
                                           flags == KAYA_READ_PAST_CACHE);
        offset += length;
        *done += length;
    }
    of(disk)->bytes_read += *done;
    return status;
}

static void put(struct image_disk *image, struct image_file *file, uint64_t offset, const uint8_t *bytes,
                size_t length)
{
    memcpy(file->bytes + offset, bytes, length);
    for (size_t i = 0; i < length; i++)
        file->writers[offset + i] = image->operation;
}

static enum kaya_status image_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                    const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct image_disk *image = of(disk);
    struct image_file *found = file_of(image, file);
    enum kaya_status status = begin_change(image, IMAGE_WRITE, found);
    size_t total = 0;
    size_t wanted;

    *done = 0;
    for (size_t i = 0; i < span_count; i++)
        total += spans[i].length;
    require(((struct image_handle *)file)->may_write);
    require(image->locked); /* nobody writes without the lock */
    wanted = status == KAYA_OK ? total : image->write_before_failure;
    if (wanted > total)
        wanted = total;
    if (status == KAYA_OK && !has_room(image, found, (size_t)offset + total))
        return KAYA_FULL;
    if (wanted == 0)
        return status;
    change(image);
    keep_versions(image, ((struct image_handle *)file)->index, offset, wanted);
    if (offset + wanted > found->size)
        image_file_resize(found, (size_t)(offset + wanted));
    for (size_t i = 0; i < span_count && *done < wanted; i++) {
        size_t length = spans[i].length < wanted - *done ? spans[i].length : wanted - *done;

        if (image->before_write != NULL)
            image->before_write(image->user, image, found, offset + *done, spans[i].bytes, length);
        put(image, found, offset + *done, spans[i].bytes, length);
        *done += length;
    }
    image->bytes_written += *done;
    return status;
}

/* It makes no size durable. */
static enum kaya_status image_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                            const struct kaya_span *spans, size_t span_count, size_t *done)
{
    size_t total = 0;

    for (size_t i = 0; i < span_count; i++)
        total += spans[i].length;
    require(offset + total <= file_of(of(disk), file)->size);
    return image_write(disk, file, offset, spans, span_count, done);
}

static enum kaya_status image_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    struct image_disk *image = of(disk);
    enum kaya_status status = begin_change(image, IMAGE_SYNC, file_of(image, file));

    if (status == KAYA_OK && image->after_sync != NULL)
        image->after_sync(image->user, image, file_of(image, file));
    return status;
}

static enum kaya_status image_sync_directory(struct kaya_disk *disk, enum kaya_directory directory)
{
    (void)directory;
    return begin(of(disk), IMAGE_SYNC_DIRECTORY);
}

static enum kaya_status image_truncate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    struct image_file *found = file_of(of(disk), file);
    enum kaya_status status = begin(of(disk), IMAGE_TRUNCATE);

    if (status != KAYA_OK)
        return status;
    if (!has_room(of(disk), found, (size_t)bytes))
        return KAYA_FULL;
    require(of(disk)->locked);
    change(of(disk));
    image_file_resize(found, (size_t)bytes);
    return KAYA_OK;
}

static enum kaya_status image_allocate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    struct image_file *found = file_of(of(disk), file);
    enum kaya_status status = begin(of(disk), IMAGE_ALLOCATE);

    if (status != KAYA_OK)
        return status;
    if (!has_room(of(disk), found, (size_t)bytes))
        return KAYA_FULL;
    require(of(disk)->locked);
    if (bytes > found->size) {
        change(of(disk));
        image_file_resize(found, (size_t)bytes);
    }
    return KAYA_OK;
}

static enum kaya_status image_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    struct image_disk *image = of(disk);
    enum kaya_status status = begin(image, IMAGE_RENAME);
    struct image_file *file = image_disk_find(image, from);
    struct image_file *other = image_disk_find(image, to);

    if (status != KAYA_OK)
        return status;
    if (file == NULL)
        return KAYA_NOT_FOUND;
    if (file->is_directory || (other != NULL && other->is_directory))
        return KAYA_INVALID;
    require(image->locked);
    change(image);
    if (other != NULL)
        other->name[0] = '\0';
    (void)snprintf(file->name, sizeof file->name, "%s", to);
    return KAYA_OK;
}

static enum kaya_status image_unlink(struct kaya_disk *disk, const char *name)
{
    struct image_disk *image = of(disk);
    enum kaya_status status = begin(image, IMAGE_UNLINK);
    struct image_file *file = image_disk_find(image, name);

    if (status != KAYA_OK)
        return status;
    if (file == NULL)
        return KAYA_NOT_FOUND;
    if (file->is_directory)
        return KAYA_INVALID;
    require(image->locked);
    change(image);
    file->name[0] = '\0';
    return KAYA_OK;
}

static enum kaya_status image_create_directory(struct kaya_disk *disk)
{
    enum kaya_status status = begin(of(disk), IMAGE_CREATE_DIRECTORY);

    if (status != KAYA_OK)
        return status;
    if (of(disk)->exists)
        return KAYA_EXISTS;
    change(of(disk));
    of(disk)->exists = true;
    return KAYA_OK;
}

static enum kaya_status image_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    struct image_disk *image = of(disk);
    enum kaya_status status = begin(image, IMAGE_LIST);

    if (status != KAYA_OK)
        return status;
    if (!image->exists)
        return KAYA_NOT_FOUND;
    for (size_t i = IMAGE_FILES_MAX; i-- > 0;) /* backwards: no order is promised */
        if (image->files[i].name[0] != '\0' &&
            !visit(user, image->files[i].name, image->files[i].is_directory ? KAYA_ENTRY_OTHER : KAYA_ENTRY_FILE))
            break;
    return KAYA_OK;
}

static enum kaya_status image_lock(struct kaya_disk *disk)
{
    enum kaya_status status = begin(of(disk), IMAGE_LOCK);

    if (status != KAYA_OK)
        return status;
    if (!of(disk)->exists)
        return KAYA_NOT_FOUND;
    if (of(disk)->locked)
        return KAYA_LOCKED;
    of(disk)->locked = true;
    return KAYA_OK;
}

static void image_unlock(struct kaya_disk *disk)
{
    of(disk)->locked = false;
}

static enum kaya_status image_probe_lock(struct kaya_disk *disk, bool *held)
{
    enum kaya_status status = begin(of(disk), IMAGE_PROBE);

    *held = status == KAYA_OK && of(disk)->locked;
    return status;
}

static const struct kaya_disk_operations operations = {
    .open = image_open,
    .close = image_close,
    .size = image_size,
    .read = image_read,
    .write = image_write,
    .write_durable = image_write_durable,
    .sync = image_sync,
    .sync_directory = image_sync_directory,
    .truncate = image_truncate,
    .allocate = image_allocate,
    .rename = image_rename,
    .unlink = image_unlink,
    .create_directory = image_create_directory,
    .list = image_list,
    .lock = image_lock,
    .unlock = image_unlock,
    .probe_lock = image_probe_lock,
};

/* The whole. */

void image_disk_init(struct image_disk *image, const struct kaya_geometry *geometry)
{
    *image =
        (struct image_disk){ .disk = { .operations = &operations, .geometry = *geometry }, .failure = KAYA_IO };
}

void image_disk_destroy(struct image_disk *image)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        free(image->files[i].bytes);
        free(image->files[i].writers);
    }
    free(image->versions);
    *image = (struct image_disk){ .exists = false };
}

void image_disk_kill(struct image_disk *image)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        image->files[i].handle_count = 0;
    for (size_t i = 0; i < IMAGE_HANDLES_MAX; i++)
        image->handles[i].file.disk = NULL;
    image->locked = false;
}

void image_disk_copy(struct image_disk *copy, const struct image_disk *image)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        const struct image_file *from = &image->files[i];
        struct image_file *to = &copy->files[i];

        memcpy(to->name, from->name, sizeof to->name);
        to->handle_count = 0;
        to->is_directory = from->is_directory;
        to->size = 0;
        if (from->name[0] == '\0')
            continue;
        reserve(to, from->size);
        to->size = from->size;
        if (from->size > 0)
            memcpy(to->bytes, from->bytes, from->size);
    }
    image_disk_kill(copy);
    copy->exists = image->exists;
}

/* True if every file of `one` stands in `other`. */
static bool covers(const struct image_disk *one, const struct image_disk *other, char *difference, size_t bytes)
{
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        const struct image_file *file = &one->files[i];
        const struct image_file *twin;

        if (file->name[0] == '\0' || strcmp(file->name, KAYA_LOCK_NAME) == 0)
            continue;
        twin = image_disk_find((struct image_disk *)other, file->name);
        if (twin == NULL || twin->size != file->size) {
            (void)snprintf(difference, bytes, "%s: size %zu, or %zu", file->name, file->size,
                           twin == NULL ? (size_t)0 : twin->size);
            return false;
        }
        if (file->size == 0 || memcmp(file->bytes, twin->bytes, file->size) == 0)
            continue;
        for (size_t at = 0; at < file->size; at++) {
            if (file->bytes[at] == twin->bytes[at])
                continue;
            (void)snprintf(difference, bytes, "%s: byte 0x%zx is %02x, or %02x", file->name, at,
                           file->bytes[at], twin->bytes[at]);
            return false;
        }
    }
    return true;
}

bool image_disk_same(const struct image_disk *one, const struct image_disk *other, char *difference,
                     size_t difference_bytes)
{
    char unused[1];

    if (difference == NULL) {
        difference = unused;
        difference_bytes = sizeof unused;
    }
    difference[0] = '\0';
    return covers(one, other, difference, difference_bytes) && covers(other, one, difference, difference_bytes);
}
