/* Where a log stands: a path of the user's becomes a disk and an environment.
 *
 * A directory that does not exist is no mistake here: append makes it, the others answer that there is no log. */
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
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_disk *disk = NULL;
    enum kaya_status status = KAYA_NO_MEMORY;

    place.path = path;
    if (!name_parts(&place, path, file_allowed))
        goto done;
    place.environment.runtime = kaya_posix_runtime();
    place.environment.allocator = kaya_posix_allocator();
    status = kaya_posix_disk_create(place.directory, power_safe_overwrite, &disk);
    place.environment.disk = disk;
    if (status != KAYA_OK)
        goto done;

    *out = place;
    place = KAYA_PLACE_NONE;
done:
    if (status == KAYA_INVALID)
        kaya_complain("%s: not a path that can name a log's directory: it is empty or ends in '..'", path);
    else if (status != KAYA_OK)
        kaya_say_status(&place, "reach", status, NULL);
    kaya_place_close(&place);
    return status;
}

void kaya_place_close(struct kaya_place *place)
{
    kaya_posix_disk_destroy(place->environment.disk);
    free(place->directory);
    free(place->file_name);
    *place = KAYA_PLACE_NONE;
}
