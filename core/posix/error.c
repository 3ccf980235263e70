/* From errno to statuses, in one place: which of the world's failures a caller can tell apart.
 *
 * Names and directories can be missing, taken, forbidden, of the wrong kind, or meet a limit. An open file can only be full or
 * broken: whatever else the system says about it, no byte of it may be relied on. What is not listed is KAYA_IO, which
 * fails closed. */
#define _GNU_SOURCE 1

#include <errno.h>

#include "system.h"

enum kaya_status kaya_posix_name_status(int error)
{
    switch (error) {
    case ENOENT:
        return KAYA_NOT_FOUND;
    case EEXIST:
        return KAYA_EXISTS;
    case ELOOP:   /* a symbolic link */
    case EISDIR:  /* a directory where a file is meant */
    case ENOTDIR: /* the other way round */
    case ENXIO:   /* a socket, or a device without a driver */
    case ENODEV:
    case EOPNOTSUPP:
    case ENAMETOOLONG: /* this file system takes shorter names than others */
    case EINVAL:       /* or fewer characters */
        return KAYA_INVALID;
    case EACCES:
    case EPERM:
    case EROFS:
    case EBUSY:
    case ETXTBSY:
    case EAGAIN: /* somebody holds a lease on the file */
    case ENOLCK: /* this file system has no locks to give */
        return KAYA_DENIED;
    case EMFILE:
    case ENFILE:
        return KAYA_LIMIT;
    case ENOMEM:
    case ENOBUFS:
        return KAYA_NO_MEMORY;
    case ENOSPC:
    case EDQUOT:
    case EMLINK: /* the directory takes no more */
        return KAYA_FULL;
    default:
        return KAYA_IO;
    }
}

enum kaya_status kaya_posix_file_status(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* RLIMIT_FSIZE, or the file system's longest file */
        return KAYA_FULL;
    default:
        return KAYA_IO;
    }
}

bool kaya_posix_try_again(unsigned *tries)
{
    return errno == EINTR && ++*tries < KAYA_INTERRUPTIONS_MAX;
}
