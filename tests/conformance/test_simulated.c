/* The simulated disk passes the same conformance test as the real one, under every profile; the simulated runtime and
 * memory pass theirs. Without a crash nothing of the simulation shows. */
#include <criterion/criterion.h>

#include "kaya/conformance.h"
#include "kaya/sim/boot.h"
#include "kaya/sim/disk.h"

struct simulation {
    const struct kaya_sim_profile *profile;
    struct kaya_choices *choices;
    struct kaya_sim_disk *disk;
};

static struct kaya_disk *create(void *user)
{
    struct simulation *simulation = user;
    const struct kaya_sim_disk_options options = { .profile = simulation->profile,
                                                   .choices = simulation->choices };

    if (kaya_sim_disk_create(&options, &simulation->disk) != KAYA_OK)
        return NULL;
    return kaya_sim_disk_boot(simulation->disk);
}

static void destroy(void *user, struct kaya_disk *disk)
{
    struct simulation *simulation = user;

    (void)disk;
    kaya_sim_disk_destroy(simulation->disk);
    simulation->disk = NULL;
}

static void expect_no_failure(const char *what, const struct kaya_conformance_result *result, uint64_t checks_min)
{
    for (size_t index = 0; index < result->failure_count && index < KAYA_CONFORMANCE_FAILURES_MAX; index++)
        cr_expect(false, "%s: %s: %s", what, result->failures[index].test, result->failures[index].text);
    cr_expect(result->failure_count == 0);
    cr_expect(result->check_count >= checks_min, "only %llu checks", (unsigned long long)result->check_count);
}

Test(simulated, disk_conforms_under_every_profile)
{
    struct simulation simulation = { .choices = kaya_choices_from_seed(1) };
    struct kaya_conformance_disks disks = {
        .create = create, .destroy = destroy, .user = &simulation, .large_offset_bytes = 8 << 20, /* it keeps a table of its sectors */
    };
    static struct kaya_conformance_result result;
    const struct kaya_sim_profile *profiles;
    size_t count;

    profiles = kaya_sim_profiles(&count);
    cr_assert(count > 0);
    for (size_t index = 0; index < count; index++) {
        simulation.profile = &profiles[index];
        kaya_conformance_disk(&disks, &result);
        expect_no_failure(profiles[index].name, &result, 5000);
    }
    kaya_choices_destroy(simulation.choices);
}

Test(simulated, runtime_conforms)
{
    struct kaya_sim_runtime *runtime = kaya_sim_runtime_create(1);
    struct kaya_conformance_result result;

    cr_assert(runtime != NULL);
    kaya_conformance_runtime(kaya_sim_runtime_seam(runtime), NULL, NULL, &result);
    expect_no_failure("runtime", &result, 1000);
    kaya_sim_runtime_destroy(runtime);
}

Test(simulated, memory_conforms)
{
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_conformance_result result;

    cr_assert(memory != NULL);
    kaya_conformance_allocator(kaya_sim_memory_allocator(memory), &result);
    expect_no_failure("memory", &result, 200);
    cr_expect(kaya_sim_memory_in_use(memory) == 0);
    kaya_sim_memory_destroy(memory);
}
