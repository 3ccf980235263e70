/* Goal: a report names the first broken promise, whole or cut to its room. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/subject.h"

Test(subject, the_first_broken_promise_counts)
{
    struct kaya_violation violation = { 0 };

    cr_expect(not(kaya_violation_is_set(&violation)));
    kaya_violation_set(&violation, "P2", "record %d is gone", 7);
    kaya_violation_set(&violation, "P1", "something else");
    cr_expect(kaya_violation_is_set(&violation));
    cr_expect(eq(str, violation.promise, "P2"));
    cr_expect(eq(str, violation.what, "record 7 is gone"));
}

Test(subject, a_long_report_is_cut)
{
    struct kaya_violation violation = { 0 };

    kaya_violation_set(&violation, "P10", "%0*d", 2 * KAYA_VIOLATION_TEXT_MAX, 0);
    cr_expect(eq(sz, strlen(violation.what), KAYA_VIOLATION_TEXT_MAX - 1));
}
