/* errno to status: every errno of the system once, against a list made by hand from the manual pages. */
#include <criterion/criterion.h>
#include <errno.h>

#include "posix/system.h"

static enum kaya_status expected_for_names(int error)
{
    static const struct {
        int error;
        enum kaya_status status;
    } cases[] = {
        { ENOENT, KAYA_NOT_FOUND },     { EEXIST, KAYA_EXISTS },      { ELOOP, KAYA_INVALID },
        { EISDIR, KAYA_INVALID },       { ENOTDIR, KAYA_INVALID },    { ENXIO, KAYA_INVALID },
        { ENODEV, KAYA_INVALID },       { EOPNOTSUPP, KAYA_INVALID }, { EINVAL, KAYA_INVALID },
        { ENAMETOOLONG, KAYA_INVALID }, { EACCES, KAYA_DENIED },      { EPERM, KAYA_DENIED },
        { EROFS, KAYA_DENIED },         { EBUSY, KAYA_DENIED },       { ETXTBSY, KAYA_DENIED },
        { EAGAIN, KAYA_DENIED },        { ENOLCK, KAYA_DENIED },      { EMFILE, KAYA_LIMIT },
        { ENFILE, KAYA_LIMIT },         { ENOMEM, KAYA_NO_MEMORY },   { ENOBUFS, KAYA_NO_MEMORY },
        { ENOSPC, KAYA_FULL },          { EDQUOT, KAYA_FULL },        { EMLINK, KAYA_FULL },
    };

    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        if (cases[index].error == error)
            return cases[index].status;
    }
    return KAYA_IO;
}

Test(error, of_names_has_a_status_and_none_is_ok)
{
    for (int error = 0; error < 200; error++)
        cr_expect(kaya_posix_name_status(error) == expected_for_names(error), "errno %d: %s", error,
                  kaya_status_name(kaya_posix_name_status(error)));
}

Test(error, of_open_files_is_full_or_io)
{
    for (int error = 0; error < 200; error++) {
        bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;

        cr_expect(kaya_posix_file_status(error) == (full ? KAYA_FULL : KAYA_IO), "errno %d", error);
    }
}

Test(error, of_interruption_is_tried_again_within_bounds)
{
    unsigned tries = 0;
    unsigned count = 0;

    errno = EINTR;
    while (kaya_posix_try_again(&tries))
        count++;
    cr_expect(count == KAYA_INTERRUPTIONS_MAX - 1);
    tries = 0;
    errno = EIO;
    cr_expect(!kaya_posix_try_again(&tries));
}
