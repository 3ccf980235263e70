/* Images of the simulated disk.
 *
 * Goal: an image holds what stands in the files, in order of names, and two are equal exactly if names, sizes and bytes are. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/image.h"

static void write_file(struct kaya_disk *disk, const char *name, size_t length, unsigned char value)
{
    unsigned char bytes[2000];
    struct kaya_file *file = NULL;

    memset(bytes, value, sizeof bytes);
    cr_assert(eq(int, kaya_disk_open(disk, name, KAYA_OPEN_CREATE, &file), KAYA_OK));
    if (length > 0)
        cr_assert(eq(int, kaya_disk_write(disk, file, 0, &(struct kaya_span){ bytes, length }, 1), KAYA_OK));
    kaya_disk_close(disk, file);
}

Test(image, holds_what_stands_in_the_files)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_sim_disk_options options = { .choices = choices };
    struct kaya_image one = { 0 };
    struct kaya_image other = { 0 };
    struct kaya_sim_disk *sim;
    struct kaya_disk *disk;

    cr_assert(eq(int, kaya_sim_disk_create(&options, &sim), KAYA_OK));
    disk = kaya_sim_disk_boot(sim);
    cr_assert(eq(int, kaya_disk_create_directory(disk), KAYA_OK));
    write_file(disk, "b", 1300, 7);
    write_file(disk, "a", 0, 0);
    cr_assert(eq(int, kaya_image_read(&one, sim), KAYA_OK));
    cr_assert(eq(sz, one.file_count, 2));
    cr_expect(eq(str, one.files[0].name, "a"));
    cr_expect(eq(u64, one.files[0].size_bytes, 0));
    cr_expect(eq(u64, one.files[1].size_bytes, 1300));
    cr_expect(eq(u64, one.files[1].inode, kaya_sim_disk_inode(sim, "b")));
    for (int i = 0; i < 1300; i++)
        cr_assert(eq(u8, one.files[1].bytes[i], 7));
    cr_expect(eq(ptr, (void *)kaya_image_find(&one, "b"), &one.files[1]));
    cr_expect(zero(ptr, (void *)kaya_image_find(&one, "c")));

    cr_assert(eq(int, kaya_image_read(&other, sim), KAYA_OK));
    cr_expect(kaya_image_equals(&one, &other));
    cr_assert(eq(int, kaya_sim_disk_poke(sim, "b", 1299, "x", 1), KAYA_OK));
    cr_assert(eq(int, kaya_image_read(&other, sim), KAYA_OK));
    cr_expect(not(kaya_image_equals(&one, &other)), "a byte");
    cr_assert(eq(int, kaya_image_read(&one, sim), KAYA_OK));
    cr_assert(eq(int, kaya_disk_unlink(disk, "b"), KAYA_OK));
    write_file(disk, "b", 1301, 7);
    cr_assert(eq(int, kaya_image_read(&other, sim), KAYA_OK));
    cr_expect(not(kaya_image_equals(&one, &other)), "a size");
    cr_assert(eq(int, kaya_image_read(&one, sim), KAYA_OK));
    cr_assert(eq(int, kaya_disk_rename(disk, "a", "c"), KAYA_OK));
    cr_assert(eq(int, kaya_image_read(&other, sim), KAYA_OK));
    cr_expect(not(kaya_image_equals(&one, &other)), "a name");
    cr_assert(eq(int, kaya_disk_unlink(disk, "c"), KAYA_OK));
    cr_assert(eq(int, kaya_image_read(&other, sim), KAYA_OK));
    cr_expect(not(kaya_image_equals(&one, &other)), "a file");
    kaya_image_release(&one);
    kaya_image_release(&other);
    kaya_sim_disk_destroy(sim);
    kaya_choices_destroy(choices);
}
