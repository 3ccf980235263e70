/* The conformance of the real disk and runtime as a plain program, since Criterion does not start under
 * ThreadSanitizer: there the runtime's two threads are what is looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "kaya/conformance.h"
#include "kaya/posix.h"
#include "posix_disks.h"
#include "threads.h"

static int show(const char *what, const struct kaya_conformance_result *result)
{
    printf("%s: %llu checks, %llu failed\n", what, (unsigned long long)result->check_count,
           (unsigned long long)result->failure_count);
    for (size_t index = 0; index < result->failure_count && index < KAYA_CONFORMANCE_FAILURES_MAX; index++)
        printf("  %s: %s\n", result->failures[index].test, result->failures[index].text);
    return result->failure_count == 0 && result->check_count > 0 ? 0 : 1;
}

static int look_at_disks(enum kaya_posix_sync_method method)
{
    struct kaya_conformance_disks disks = kaya_tests_posix_disks(method);
    struct kaya_conformance_result result;
    int failed;

    kaya_conformance_disk(&disks, &result);
    failed = show(kaya_posix_sync_method_name(method), &result);
    kaya_tests_posix_disks_end(&disks);
    return failed;
}

int main(void)
{
    struct kaya_conformance_result result;
    int failed = 0;

    kaya_tests_limit_descriptors();
    for (unsigned method = 0; method < KAYA_POSIX_SYNC_METHOD_COUNT; method++) {
        if (kaya_tests_posix_has((enum kaya_posix_sync_method)method))
            failed |= look_at_disks((enum kaya_posix_sync_method)method);
        else
            printf("%s: not to be had here\n", kaya_posix_sync_method_name((enum kaya_posix_sync_method)method));
    }
    kaya_conformance_runtime(kaya_posix_runtime(), kaya_tests_thread_pair, NULL, &result);
    failed |= show("runtime", &result);
    kaya_conformance_allocator(kaya_posix_allocator(), &result);
    failed |= show("allocator", &result);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
