/* Where a log stands: a path of the user's becomes a disk and an environment.
 *
 * A directory that does not exist is no mistake here: append makes it, the others answer that there is no log. A log that
 * is there goes on with segments of the size it has: who trims a log of small segments must not give it large spares. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kaya/posix.h"
#include "tool.h"

/* "a/b/00000001.wal" -> "a/b" and "00000001.wal" */
static bool split(struct kaya_place *place, const char *path)
{
    const char *slash = strrchr(path, '/');

    place->file_name = strdup(slash ? slash + 1 : path);
    if (!slash)
        place->directory = strdup(".");
    else
        place->directory = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return place->file_name && place->directory;
}

static bool name_parts(struct kaya_place *place, const char *path, bool file_allowed)
{
    struct stat facts;

    if (file_allowed && stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode))
        return split(place, path);
    place->directory = strdup(path);
    return place->directory;
}

enum kaya_status kaya_place_open(struct kaya_place *out, const char *path, bool file_allowed,
                                 bool power_safe_overwrite)
{
    return kaya_place_open_by(out, path, file_allowed, power_safe_overwrite, KAYA_POSIX_FDATASYNC);
}

static void say_unsupported(const char *path, enum kaya_posix_sync_method method)
{
    kaya_complain("%s: the sync method %s (%s) is not to be had here: the kernel, its settings or this file system "
                  "do not have it, or kaya-wal was built without it",
                  path, kaya_posix_sync_method_name(method), kaya_posix_sync_method_text(method));
}

/* Which of the things it is that the disk refuses (kaya/posix.h). */
static void say_no_place(const char *path)
{
    struct stat facts;

    if (path[0] == '\0')
        kaya_complain("an empty name names no log");
    else if (lstat(path, &facts) == 0 && S_ISLNK(facts.st_mode))
        kaya_complain("%s: is a symbolic link; name the directory itself", path);
    else if (lstat(path, &facts) == 0 && !S_ISDIR(facts.st_mode))
        kaya_complain(
            "%s: is no directory; a log is one, with segments in it (`kaya-wal inspect` shows a segment alone)",
            path);
    else
        kaya_complain("%s: cannot hold a log: a path that ends in '..' or in nothing but slashes", path);
}

enum kaya_status kaya_place_open_by(struct kaya_place *out, const char *path, bool file_allowed,
                                    bool power_safe_overwrite, enum kaya_posix_sync_method method)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_disk *disk = NULL;
    enum kaya_status status = KAYA_NO_MEMORY;

    place.path = path;
    if (!name_parts(&place, path, file_allowed))
        goto done;
    place.environment.runtime = kaya_posix_runtime();
    place.environment.allocator = kaya_posix_allocator();
    status = kaya_posix_disk_create_by(method, place.directory, power_safe_overwrite, &disk);
    place.environment.disk = disk;
    if (status != KAYA_OK)
        goto done;

    *out = place;
    place = KAYA_PLACE_NONE;
done:
    if (status == KAYA_INVALID)
        say_no_place(path);
    else if (status == KAYA_NOT_FOUND)
        kaya_complain("%s: there is no log here, nor the folder that it would stand in", path);
    else if (status == KAYA_UNSUPPORTED)
        say_unsupported(path, method);
    else if (status != KAYA_OK)
        kaya_say_status(&place, "reach", status, NULL);
    kaya_place_close(&place);
    return status;
}

struct newest {
    char name[KAYA_NAME_BYTES_MAX + 1]; /* "": no segment */
    uint64_t segment_bytes;             /* 0: its header does not tell */
};

/* Segment names are numbers of one width: the greatest name is the newest segment. */
static bool note_newest(void *user, const char *name, enum kaya_entry_kind kind)
{
    static const char ending[] = ".wal";
    struct newest *newest = user;
    size_t length = strlen(name);

    if (kind == KAYA_ENTRY_FILE && length > strlen(ending) &&
        strcmp(name + length - strlen(ending), ending) == 0 && strcmp(name, newest->name) > 0)
        snprintf(newest->name, sizeof(newest->name), "%s", name);
    return true;
}

static bool note_size(void *user, const struct kaya_wal_item *item)
{
    struct newest *newest = user;

    if (item->kind == KAYA_ITEM_HEADER && item->header_check_good)
        newest->segment_bytes = item->segment_bytes;
    return newest->segment_bytes == 0;
}

uint64_t kaya_place_segment_bytes(const struct kaya_place *place)
{
    struct kaya_wal_inspection inspection;
    struct newest newest = { .segment_bytes = 0 };

    if (kaya_disk_list(place->environment.disk, note_newest, &newest) != KAYA_OK || !newest.name[0])
        return 0;
    if (kaya_wal_inspect_path(&place->environment, newest.name, note_size, &newest, &inspection) != KAYA_OK)
        return 0;
    return newest.segment_bytes;
}

void kaya_place_close(struct kaya_place *place)
{
    kaya_posix_disk_destroy(place->environment.disk);
    free(place->directory);
    free(place->file_name);
    *place = KAYA_PLACE_NONE;
}
