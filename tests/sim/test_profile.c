/* Goal: the table of profiles is sound, and the default is the weakest of them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/profile.h"

Test(profile, each_has_a_name_of_its_own_a_source_and_a_valid_geometry)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);

    cr_assert(count > 0);
    for (size_t index = 0; index < count; index++) {
        const struct kaya_sim_profile *profile = &profiles[index];

        cr_expect(strlen(profile->name) > 0);
        cr_expect(strlen(profile->source) > 20, "%s names no source", profile->name);
        cr_expect(kaya_geometry_is_valid(&profile->geometry), "%s", profile->name);
        cr_expect(kaya_sim_profile_find(profile->name) == profile, "%s", profile->name);
    }
    cr_expect(kaya_sim_profile_find("fat") == NULL);
}

Test(profile, each_kind_of_disk_that_the_design_names_is_there)
{
    static const char *const names[] = {
        "posix", "posix-no-psow", "ext4-ordered",   "ext4-writeback",  "xfs",
        "btrfs", "apfs",          "nvme-4k-atomic", "sector-512-torn", "posix-durable-writes"
    };

    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++)
        cr_expect(kaya_sim_profile_find(names[index]) != NULL, "%s", names[index]);
}

/* Only power-safe overwrite is more than POSIX promises; dense mode stands on it, and a profile without it is there. */
Test(profile, the_default_promises_nothing_that_another_does_not)
{
    size_t count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&count);

    cr_expect(eq(str, (char *)profiles[0].name, "posix"));
    cr_expect(profiles[0].byte_tears);
    cr_expect(eq(int, profiles[0].growth, KAYA_GROWTH_GARBAGE));
    cr_expect(eq(u32, profiles[0].geometry.atomic_bytes, 0));
    cr_expect(eq(u32, profiles[0].geometry.sector_bytes, 512));
    for (size_t index = 0; index < count; index++) {
        cr_expect(profiles[0].size_with_data <= profiles[index].size_with_data);
        cr_expect(profiles[0].names_in_order <= profiles[index].names_in_order);
        cr_expect(profiles[0].sync_covers_names <= profiles[index].sync_covers_names);
        cr_expect(profiles[0].data_in_order <= profiles[index].data_in_order);
    }
}
