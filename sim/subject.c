/* The report of a broken promise. The first one counts: what follows it is often only its consequence. */
#include "kaya/sim/subject.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kaya/seam/status.h"

void kaya_violation_set(struct kaya_violation *violation, const char *promise, const char *format, ...)
{
    size_t length = strlen(promise);
    va_list arguments;

    KAYA_ASSERT(length > 0);
    KAYA_ASSERT(length < sizeof violation->promise);
    if (kaya_violation_is_set(violation))
        return;
    memcpy(violation->promise, promise, length + 1);
    va_start(arguments, format);
    vsnprintf(violation->what, sizeof violation->what, format, arguments);
    va_end(arguments);
}
