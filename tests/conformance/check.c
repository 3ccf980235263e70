/* The list of failed checks. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

bool kaya_conformance_check(struct kaya_conformance_result *result, const char *test, bool holds,
                            const char *format, ...)
{
    result->check_count++;
    if (holds)
        return true;
    if (result->failure_count < KAYA_CONFORMANCE_FAILURES_MAX) {
        struct kaya_conformance_failure *failure = &result->failures[result->failure_count];
        va_list arguments;

        failure->test = test;
        va_start(arguments, format);
        (void)vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
    }
    result->failure_count++;
    return false;
}
