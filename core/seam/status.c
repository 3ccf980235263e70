/* Names and texts of statuses, both from KAYA_STATUS_LIST. */
#include "kaya/seam/status.h"

#include <stddef.h>

static const char *const names[] = {
#define STATUS_NAME(name, text) "KAYA_" #name,
    KAYA_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
};

static const char *const texts[] = {
#define STATUS_TEXT(name, text) text,
    KAYA_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
};

enum { STATUS_COUNT = sizeof names / sizeof *names };

const char *kaya_status_name(enum kaya_status status)
{
    return (size_t)status < STATUS_COUNT ? names[status] : "KAYA_?";
}

const char *kaya_status_text(enum kaya_status status)
{
    return (size_t)status < STATUS_COUNT ? texts[status] : "no status of this library";
}
