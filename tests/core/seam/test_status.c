/* Statuses have names and texts, each its own. */
#include <criterion/criterion.h>
#include <string.h>

#include "kaya/seam/status.h"

static const enum kaya_status statuses[] = {
#define STATUS_VALUE(name, text) KAYA_##name,
    KAYA_STATUS_LIST(STATUS_VALUE)
#undef STATUS_VALUE
};

enum { COUNT = sizeof statuses / sizeof *statuses };

Test(status, names_are_those_of_the_enum)
{
    cr_expect(strcmp(kaya_status_name(KAYA_OK), "KAYA_OK") == 0);
    cr_expect(strcmp(kaya_status_name(KAYA_NOT_FOUND), "KAYA_NOT_FOUND") == 0);
    cr_expect(strcmp(kaya_status_name(KAYA_GONE), "KAYA_GONE") == 0);
    cr_expect(KAYA_OK == 0);
}

Test(status, every_status_has_a_name_and_a_text_of_its_own)
{
    for (unsigned one = 0; one < COUNT; one++) {
        cr_expect(strlen(kaya_status_text(statuses[one])) > 0);
        for (unsigned other = 0; other < one; other++) {
            cr_expect(strcmp(kaya_status_name(statuses[one]), kaya_status_name(statuses[other])) != 0);
            cr_expect(strcmp(kaya_status_text(statuses[one]), kaya_status_text(statuses[other])) != 0);
        }
    }
}

Test(status, a_value_that_is_none_has_a_name_too)
{
    cr_expect(strcmp(kaya_status_name((enum kaya_status)COUNT), "KAYA_?") == 0);
    cr_expect(strcmp(kaya_status_name((enum kaya_status) - 1), "KAYA_?") == 0);
    cr_expect(strlen(kaya_status_text((enum kaya_status)COUNT)) > 0);
    cr_expect(strlen(kaya_status_text((enum kaya_status) - 1)) > 0);
}
