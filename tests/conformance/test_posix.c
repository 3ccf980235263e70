/* The real disk, runtime and allocator pass the conformance test. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "kaya/conformance.h"
#include "kaya/posix.h"
#include "posix_disks.h"
#include "threads.h"

static void expect_no_failure(const struct kaya_conformance_result *result, uint64_t checks_min)
{
    for (size_t index = 0; index < result->failure_count && index < KAYA_CONFORMANCE_FAILURES_MAX; index++)
        cr_expect(false, "%s: %s", result->failures[index].test, result->failures[index].text);
    cr_expect(result->failure_count == 0);
    cr_expect(result->check_count >= checks_min, "only %llu checks", (unsigned long long)result->check_count);
}

static void conforms(enum kaya_posix_sync_method method)
{
    struct kaya_conformance_disks disks = kaya_tests_posix_disks(method);
    struct kaya_conformance_result result;

    kaya_tests_limit_descriptors();
    kaya_conformance_disk(&disks, &result);
    expect_no_failure(&result, 5000);
    kaya_tests_posix_disks_end(&disks);
}

Test(posix, disk_conforms)
{
    conforms(KAYA_POSIX_FDATASYNC);
}

/* Where one cannot be had, it says so at once; kaya-wal's own tests name those. */
Test(posix, disks_of_other_sync_methods_conform)
{
    for (unsigned method = KAYA_POSIX_FDATASYNC + 1; method < KAYA_POSIX_SYNC_METHOD_COUNT; method++) {
        if (kaya_tests_posix_has((enum kaya_posix_sync_method)method))
            conforms((enum kaya_posix_sync_method)method);
        else
            fprintf(stderr, "not looked at, not to be had here: %s\n",
                    kaya_posix_sync_method_name((enum kaya_posix_sync_method)method));
    }
}

Test(posix, runtime_conforms)
{
    struct kaya_conformance_result result;

    kaya_conformance_runtime(kaya_posix_runtime(), kaya_tests_thread_pair, NULL, &result);
    expect_no_failure(&result, 1000);
}

Test(posix, allocator_conforms)
{
    struct kaya_conformance_result result;

    kaya_conformance_allocator(kaya_posix_allocator(), &result);
    expect_no_failure(&result, 200);
}
