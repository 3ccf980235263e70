/* The least that a durable record costs: a write behind the last one in a file that was written through before, and whatever makes
 * it durable. No frames, no checksums, no threads. What a log is measured against.
 *
 *     method             open with              after each write
 *     fdatasync                                 fdatasync
 *     fsync                                     fsync
 *     dsync              O_DSYNC
 *     direct-fdatasync   O_DIRECT               fdatasync
 *     direct-dsync       O_DIRECT | O_DSYNC
 *
 * Past the cache only whole blocks can be written: there each record takes blocks of its own. A loop that is not to sync (relaxed) is
 * "fdatasync" without it, and one that may keep records (buffered) copies them into 64 KiB of its own first; where it goes on and on
 * (sustained), it syncs as often as a log that changes its file. At the end of the file it begins again at its start. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/engine.h"

enum {
    DIRECT_BYTES = 4096,
    STRICT_FILE_BYTES = 16 * 1024 * 1024,
    WRITE_BYTES = 16 * 1024,
    READ_BYTES = 256 * 1024,
    GATHERED_BYTES = 64 * 1024,
    PATH_BYTES = 4096
};

struct method {
    const char *name;
    const char *text;
    int flags;
    int (*sync)(int descriptor); /* NULL: the write itself is durable */
};

static const struct method methods[] = {
    { "fdatasync", "pwrite, fdatasync", 0, fdatasync },
    { "fsync", "pwrite, fsync", 0, fsync },
    { "dsync", "pwrite with O_DSYNC", O_DSYNC, NULL },
    { "direct-fdatasync", "pwrite with O_DIRECT, fdatasync", O_DIRECT, fdatasync },
    { "direct-dsync", "pwrite with O_DIRECT and O_DSYNC", O_DIRECT | O_DSYNC, NULL },
};
enum { METHOD_COUNT = sizeof methods / sizeof methods[0] };

struct bare {
    const struct method *method;
    char path[PATH_BYTES];
    unsigned char *block; /* aligned; O_DIRECT only */
    size_t file_bytes, offset;
    size_t unsynced; /* what a log would have written since the last sync */
    int descriptor;
    bool syncs, gathers, sustains;
    size_t gathered;
    unsigned char buffer[GATHERED_BYTES];
};

const char *kaya_bare_method(size_t index)
{
    return index < METHOD_COUNT ? methods[index].name : NULL;
}

const char *kaya_bare_method_text(size_t index)
{
    return index < METHOD_COUNT ? methods[index].text : NULL;
}

static const struct method *find(const char *name)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (name == NULL || strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

/* Every byte once, and all of it durable, so that no later sync has metadata to write. In small pieces: some kernels keep one large page for
 * one large write, and each small write into that costs three times as much. */
static const char *write_through(const char *path, size_t file_bytes)
{
    static const char zeros[WRITE_BYTES];
    const char *error = NULL;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (descriptor < 0)
        return strerror(errno);
    for (size_t at = 0; at < file_bytes && error == NULL; at += sizeof zeros)
        if (pwrite(descriptor, zeros, sizeof zeros, (off_t)at) != (ssize_t)sizeof zeros)
            error = strerror(errno);
    if (error == NULL && fsync(descriptor) != 0)
        error = strerror(errno);
    (void)close(descriptor);
    return error;
}

static void bare_close(void *handle)
{
    struct bare *bare = handle;

    if (bare == NULL)
        return;
    if (bare->descriptor >= 0)
        (void)close(bare->descriptor);
    free(bare->block);
    free(bare);
}

static const char *start(struct bare *bare, const struct kaya_engine_plan *plan)
{
    const char *error;

    bare->method = find(plan->method);
    if (bare->method == NULL)
        return "there is no such method";
    if (plan->mode == KAYA_ENGINE_SUBMITTED)
        return "it has no such mode";
    bare->syncs = plan->mode == KAYA_ENGINE_STRICT && bare->method->sync != NULL;
    bare->sustains = plan->mode == KAYA_ENGINE_SUSTAINED;
    bare->gathers = plan->mode == KAYA_ENGINE_BUFFERED || bare->sustains;
    bare->file_bytes = plan->mode == KAYA_ENGINE_STRICT ? STRICT_FILE_BYTES : KAYA_ENGINE_FILE_BYTES;
    snprintf(bare->path, sizeof bare->path, "%s/bare", plan->directory);
    error = write_through(bare->path, bare->file_bytes);
    if (error != NULL)
        return error;
    if ((bare->method->flags & O_DIRECT) != 0 &&
        posix_memalign((void **)&bare->block, DIRECT_BYTES, KAYA_ENGINE_RECORD_BYTES_MAX) != 0)
        return "no memory";
    bare->descriptor = open(bare->path, O_WRONLY | O_CLOEXEC | bare->method->flags);
    return bare->descriptor < 0 ? strerror(errno) : NULL;
}

static const char *bare_open(const struct kaya_engine_plan *plan, void **handle)
{
    struct bare *bare = calloc(1, sizeof *bare);
    const char *error;

    *handle = NULL;
    if (bare == NULL)
        return "no memory";
    bare->descriptor = -1;
    error = start(bare, plan);
    if (error == NULL)
        *handle = bare;
    else
        bare_close(bare);
    return error;
}

static const char *put(struct bare *bare, const void *bytes, size_t length)
{
    if (bare->offset + length > bare->file_bytes)
        bare->offset = 0;
    if (pwrite(bare->descriptor, bytes, length, (off_t)bare->offset) != (ssize_t)length)
        return strerror(errno);
    bare->offset += length;
    return NULL;
}

static const char *make_durable(struct bare *bare)
{
    bare->unsynced = 0;
    return fdatasync(bare->descriptor) != 0 ? strerror(errno) : NULL;
}

static const char *put_gathered(struct bare *bare)
{
    const char *error = put(bare, bare->buffer, bare->gathered);

    bare->gathered = 0;
    return error == NULL && bare->sustains && bare->unsynced >= KAYA_ENGINE_SYNCED_BYTES ? make_durable(bare)
                                                                                         : error;
}

/* A buffer of the program's own, written when it is full. */
static const char *gather(struct bare *bare, const void *bytes, size_t length)
{
    const char *error = NULL;

    if (bare->gathered + length > sizeof bare->buffer)
        error = put_gathered(bare);
    memcpy(bare->buffer + bare->gathered, bytes, length);
    bare->gathered += length;
    bare->unsynced += length + KAYA_ENGINE_FRAME_BYTES;
    return error;
}

static const char *bare_append(void *handle, unsigned thread, const void *bytes, size_t length)
{
    struct bare *bare = handle;
    const char *error;

    (void)thread;
    if (bare->gathers)
        return gather(bare, bytes, length);
    if (bare->block != NULL) {
        memcpy(bare->block, bytes, length);
        bytes = bare->block;
        length = (length + DIRECT_BYTES - 1) / DIRECT_BYTES * DIRECT_BYTES;
    }
    error = put(bare, bytes, length);
    return error == NULL && bare->syncs && bare->method->sync(bare->descriptor) != 0 ? strerror(errno) : error;
}

static const char *bare_finish(void *handle)
{
    struct bare *bare = handle;
    const char *error;

    if (!bare->sustains)
        return NULL;
    error = put_gathered(bare);
    return error == NULL ? make_durable(bare) : error;
}

static const char *bare_rest(void *handle)
{
    struct bare *bare = handle;

    if (bare->file_bytes == KAYA_ENGINE_FILE_BYTES) /* what no slice may come to the end of */
        bare->offset = 0;
    return make_durable(bare);
}

/* --- reading back ----------------------------------------------------------------------------------------------------- */

static const char *bare_fill(const char *directory, size_t record_bytes, uint64_t bytes)
{
    char path[PATH_BYTES];

    (void)record_bytes;
    snprintf(path, sizeof path, "%s/bare", directory);
    return write_through(path, (size_t)bytes);
}

/* read() of every byte. There are no records in it. */
static const char *bare_scan(const char *directory, uint64_t *records)
{
    static char buffer[READ_BYTES];
    char path[PATH_BYTES];
    ssize_t got = 1;
    int descriptor;

    *records = 0;
    snprintf(path, sizeof path, "%s/bare", directory);
    descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return strerror(errno);
    while (got > 0)
        got = read(descriptor, buffer, sizeof buffer);
    (void)close(descriptor);
    return got < 0 ? strerror(errno) : NULL;
}

const struct kaya_engine kaya_engine_bare = {
    .name = "bare loop",
    .open = bare_open,
    .append = bare_append,
    .finish = bare_finish,
    .rest = bare_rest,
    .close = bare_close,
    .fill = bare_fill,
    .scan = bare_scan,
};
