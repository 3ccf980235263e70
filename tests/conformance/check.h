/* Private to the conformance library: writing down what failed. */
#ifndef KAYA_CONFORMANCE_CHECK_H
#define KAYA_CONFORMANCE_CHECK_H

#include "kaya/conformance.h"

/* Count a check; where it failed, keep the text. Returns `holds`. */
bool kaya_conformance_check(struct kaya_conformance_result *result, const char *test, bool holds,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
