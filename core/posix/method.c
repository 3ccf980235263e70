/* The sync methods by name, and what each makes of a disk. All give the same promises over the same files.
 *
 *   method             a strict append is                                            asks for
 *   fdatasync          pwritev, fdatasync                                            nothing
 *   dsync              pwritev2 with RWF_DSYNC                                       nothing
 *   direct-fdatasync   pwritev of blocks past the cache, fdatasync                   O_DIRECT, O_TMPFILE (to ask for O_DIRECT)
 *   direct-dsync       pwritev2 of blocks past the cache, with RWF_DSYNC             the same
 *   io_uring           writev and fdatasync, linked, by one io_uring_enter           io_uring
 *
 * With the second, fourth and fifth the log prefers write_durable; what it writes otherwise (relaxed records, strides ahead, headers) is an ordinary
 * write and a sync. core/README.md says which to take. */
#include <string.h>

#include "system.h"

static const struct {
    const char *name, *text;
} words[] = {
#define WORDS_ROW(name, word, text) { word, text },
    KAYA_POSIX_SYNC_METHOD_LIST(WORDS_ROW)
#undef WORDS_ROW
};

static bool is_method(enum kaya_posix_sync_method method)
{
    return (unsigned)method < KAYA_POSIX_SYNC_METHOD_COUNT;
}

const char *kaya_posix_sync_method_name(enum kaya_posix_sync_method method)
{
    return is_method(method) ? words[method].name : "?";
}

const char *kaya_posix_sync_method_text(enum kaya_posix_sync_method method)
{
    return is_method(method) ? words[method].text : "?";
}

bool kaya_posix_sync_method_find(const char *name, enum kaya_posix_sync_method *method)
{
    for (unsigned index = 0; index < KAYA_POSIX_SYNC_METHOD_COUNT; index++) {
        if (strcmp(words[index].name, name) == 0) {
            *method = (enum kaya_posix_sync_method)index;
            return true;
        }
    }
    return false;
}

enum kaya_status kaya_posix_choose_method(struct posix_disk *disk, enum kaya_posix_sync_method method)
{
    disk->is_direct = method == KAYA_POSIX_DIRECT_FDATASYNC || method == KAYA_POSIX_DIRECT_DSYNC;
    disk->disk.geometry.prefers_write_durable =
        method == KAYA_POSIX_DSYNC || method == KAYA_POSIX_DIRECT_DSYNC || method == KAYA_POSIX_IO_URING;
    if (!is_method(method))
        return KAYA_INVALID;
    if (disk->is_direct)
        return kaya_posix_probe_direct(disk);
    return method == KAYA_POSIX_IO_URING ? kaya_posix_ring_create(&disk->ring) : KAYA_OK;
}
