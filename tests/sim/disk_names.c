#include "disk_names.h"

#include <stdio.h>
#include <stdlib.h>

bool add_disk_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct disk_names *names = user;

    (void)kind;
    if (names->count == DISK_NAMES_MAX)
        abort();
    (void)snprintf(names->names[names->count++], sizeof names->names[0], "%s", name);
    return true;
}
