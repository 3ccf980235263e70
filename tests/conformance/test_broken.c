/* The test of the test: every defect of broken_disk.h is reported, and by the check that is meant for it. A broken disk
 * without a defect passes, so that it is the defects that are seen. */
#include <criterion/criterion.h>

#include "broken_disk.h"
#include "posix_disks.h"

struct breaking {
    struct kaya_conformance_disks good;
    enum defect defect;
};

static struct kaya_disk *create(void *user)
{
    struct breaking *breaking = user;
    struct kaya_disk *good = breaking->good.create(breaking->good.user);

    return good == NULL ? NULL : kaya_tests_broken_disk(good, breaking->defect);
}

static struct kaya_disk *create_second(void *user, struct kaya_disk *first)
{
    struct breaking *breaking = user;
    struct kaya_disk *good = breaking->good.create_second(breaking->good.user, first);

    return good == NULL ? NULL : kaya_tests_broken_disk(good, breaking->defect);
}

static void destroy(void *user, struct kaya_disk *disk)
{
    struct breaking *breaking = user;

    breaking->good.destroy(breaking->good.user, kaya_tests_broken_disk_end(disk));
}

static struct kaya_conformance_result *judge(enum defect defect, const char *only)
{
    static struct kaya_conformance_result result;
    struct breaking breaking = { .good = kaya_tests_posix_disks(KAYA_POSIX_FDATASYNC), .defect = defect };
    struct kaya_conformance_disks disks = {
        .create = create, .create_second = create_second, .destroy = destroy, .user = &breaking, .only = only
    };

    kaya_conformance_disk(&disks, &result);
    kaya_tests_posix_disks_end(&breaking.good);
    return &result;
}

Test(broken_disk, without_a_defect_passes)
{
    const struct kaya_conformance_result *result;

    kaya_tests_limit_descriptors();
    result = judge(DEFECT_NONE, NULL);
    cr_expect(result->failure_count == 0, "%s: %s", result->failures[0].test, result->failures[0].text);
    cr_expect(result->check_count > 5000);
}

/* Only that test is run: dozens of defects times all of them would take a minute. */
Test(broken_disk, every_defect_is_reported_by_the_test_meant_for_it)
{
    static const char *const names[] = {
#define DEFECT_NAME(defect, test) #defect,
        DEFECT_LIST(DEFECT_NAME)
#undef DEFECT_NAME
    };
    static const char *const tests[] = {
#define DEFECT_TEST(defect, test) #test,
        DEFECT_LIST(DEFECT_TEST)
#undef DEFECT_TEST
    };

    kaya_tests_limit_descriptors();
    for (unsigned defect = 0; defect < DEFECTS; defect++) {
        const struct kaya_conformance_result *result = judge((enum defect)defect, tests[defect]);

        cr_expect(result->check_count > 0, "%s: there is no test %s", names[defect], tests[defect]);
        cr_expect(result->failure_count > 0, "%s: %s did not fail", names[defect], tests[defect]);
    }
}
