/* Goal (S3): for a fixed workload and crash, what a seed can draw is among what the odometer enumerates, and all of that can
 * be drawn. Method: short workloads on every built-in profile; after the crash the whole image is read back and hashed; the
 * set of images under the odometer is compared with the set under seeds, which are drawn until the sets are equal. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/disk.h"

#include "disk_names.h"
#include "visited.h"

enum {
    IMAGES_MAX = 2000,         /* cases with more are left out */
    SEEDS_PER_IMAGE_MAX = 400, /* the rarest image comes up within so many times their number */
    FILE_BYTES_MAX = 4 * 4096,
};

/* ---- workloads ---- */

static void must(enum kaya_status status)
{
    cr_assert(eq(int, status, KAYA_OK));
}

static void write_bytes(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset, size_t length, int value)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    struct kaya_span span = { .bytes = bytes, .length = length };

    memset(bytes, value, length);
    must(kaya_disk_write(disk, file, offset, &span, 1));
}

/* A file of `length` bytes, all of them and its name durable. */
static struct kaya_file *make_file(struct kaya_disk *disk, const char *name, size_t length)
{
    struct kaya_file *file;

    must(kaya_disk_open(disk, name, KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &file));
    if (length > 0)
        write_bytes(disk, file, 0, length, 'o');
    must(kaya_disk_sync(disk, file));
    must(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG));
    return file;
}

static void overwrite_sectors(struct kaya_disk *disk)
{
    struct kaya_file *file = make_file(disk, "a", 2048);

    write_bytes(disk, file, 0, 1536, '1');
}

static void overwrite_twice(struct kaya_disk *disk)
{
    struct kaya_file *file = make_file(disk, "a", 1024);

    write_bytes(disk, file, 0, 1024, '1');
    write_bytes(disk, file, 512, 512, '2');
}

static void overwrite_a_few_bytes(struct kaya_disk *disk)
{
    struct kaya_file *file = make_file(disk, "a", 512);

    write_bytes(disk, file, 100, 5, '1');
}

static void grow(struct kaya_disk *disk)
{
    struct kaya_file *file = make_file(disk, "a", 512);

    write_bytes(disk, file, 512, 512, '1');
}

static void shrink(struct kaya_disk *disk)
{
    struct kaya_file *file = make_file(disk, "a", 1024);

    must(kaya_disk_truncate(disk, file, 512));
}

static void create_names(struct kaya_disk *disk)
{
    struct kaya_file *file;

    must(kaya_disk_open(disk, "a", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &file));
    must(kaya_disk_open(disk, "b", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &file));
    must(kaya_disk_open(disk, "c", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE, &file));
}

static void replace_by_rename(struct kaya_disk *disk)
{
    make_file(disk, "a", 512);
    make_file(disk, "b", 100);
    must(kaya_disk_rename(disk, "b", "a"));
}

static void unlink_two(struct kaya_disk *disk)
{
    make_file(disk, "a", 1);
    make_file(disk, "b", 2);
    must(kaya_disk_unlink(disk, "a"));
    must(kaya_disk_unlink(disk, "b"));
}

static const struct {
    const char *name;
    void (*run)(struct kaya_disk *disk);
} workloads[] = {
    { "overwrite sectors", overwrite_sectors },
    { "overwrite twice", overwrite_twice },
    { "overwrite a few bytes", overwrite_a_few_bytes },
    { "grow", grow },
    { "shrink", shrink },
    { "create names", create_names },
    { "replace by rename", replace_by_rename },
    { "unlink two", unlink_two },
};

/* ---- sets of images ---- */

struct images {
    void *memory;
    struct kaya_visited *set;
    size_t count;
};

enum { SET_BYTES = 1 << 20 };

static struct images no_images(void)
{
    struct images images = { .memory = calloc(1, SET_BYTES) };

    cr_assert(images.memory != NULL);
    images.set = kaya_visited_init(images.memory, SET_BYTES);
    return images;
}

static bool add_image(struct images *images, uint64_t image)
{
    enum kaya_visit visit = kaya_visited_add(images->set, (struct kaya_hash){ image, ~image }, 0);

    cr_assert(ne(int, visit, KAYA_VISIT_FULL));
    images->count += visit == KAYA_VISIT_NEW;
    return visit == KAYA_VISIT_NEW;
}

/* ---- crashes ---- */

struct bench {
    struct kaya_sim_disk *disk; /* where the workload ran */
    struct kaya_sim_disk *fork;
    struct kaya_choices *tame, *odometer, *seeds;
};

static uint64_t crashed_image(struct bench *bench, struct kaya_choices *choices, bool is_power_loss)
{
    must(kaya_sim_disk_copy(bench->disk, choices, NULL, bench->fork));
    if (is_power_loss) {
        kaya_sim_disk_power_loss(bench->fork);
    } else {
        kaya_sim_disk_process_crash(bench->fork);
        kaya_sim_disk_evict(bench->fork);
        kaya_sim_disk_power_loss(bench->fork);
    }
    return disk_image_hash(bench->fork);
}

/* False: more than IMAGES_MAX of them. */
static bool enumerate(struct bench *bench, bool is_power_loss, struct images *images)
{
    unsigned passes = 0;

    kaya_choices_restart(bench->odometer);
    do {
        add_image(images, crashed_image(bench, bench->odometer, is_power_loss));
        if (images->count > IMAGES_MAX || ++passes > 50 * IMAGES_MAX)
            return false;
    } while (kaya_choices_advance(bench->odometer));
    return true;
}

static void compare(struct bench *bench, bool is_power_loss, const char *what, unsigned *compared)
{
    struct images enumerated = no_images(), sampled = no_images();

    if (enumerate(bench, is_power_loss, &enumerated)) {
        size_t image_count = enumerated.count;

        for (uint64_t seed = 0; seed < image_count * SEEDS_PER_IMAGE_MAX && sampled.count < image_count; seed++) {
            uint64_t image;

            kaya_choices_reseed(bench->seeds, seed);
            image = crashed_image(bench, bench->seeds, is_power_loss);
            add_image(&sampled, image);
            cr_expect(not(add_image(&enumerated, image)), "%s: seed %u draws what was not enumerated", what,
                      (unsigned)seed);
        }
        cr_expect(eq(sz, sampled.count, image_count), "%s: not every outcome can be drawn", what);
        ++*compared;
    }
    free(enumerated.memory);
    free(sampled.memory);
}

static void run_workload(struct bench *bench, const struct kaya_sim_profile *profile,
                         void (*run)(struct kaya_disk *))
{
    struct kaya_sim_disk_options options = { .profile = profile, .choices = bench->tame };
    struct kaya_disk *disk;

    kaya_sim_disk_reset(bench->disk, &options);
    disk = kaya_sim_disk_boot(bench->disk);
    must(kaya_disk_create_directory(disk));
    must(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT));
    run(disk);
}

Test(sampling, draws_what_is_enumerated_and_all_of_it)
{
    enum { WORKLOADS = sizeof workloads / sizeof *workloads };
    size_t profile_count;
    const struct kaya_sim_profile *profiles = kaya_sim_profiles(&profile_count);
    struct bench bench = {
        .tame = kaya_choices_from_bytes(NULL, 0),
        .odometer = kaya_choices_odometer(),
        .seeds = kaya_choices_from_seed(0),
    };
    struct kaya_sim_disk_options options = { .choices = bench.tame };
    unsigned compared[WORKLOADS] = { 0 };

    must(kaya_sim_disk_create(&options, &bench.disk));
    must(kaya_sim_disk_fork(bench.disk, bench.odometer, NULL, &bench.fork));
    for (size_t profile = 0; profile < profile_count; profile++) {
        for (unsigned workload = 0; workload < WORKLOADS; workload++) {
            char what[128];

            snprintf(what, sizeof what, "%s on %s", workloads[workload].name, profiles[profile].name);
            run_workload(&bench, &profiles[profile], workloads[workload].run);
            compare(&bench, true, what, &compared[workload]);
            compare(&bench, false, what, &compared[workload]);
        }
    }
    for (unsigned workload = 0; workload < WORKLOADS; workload++)
        cr_expect(lt(u32, 0, compared[workload]), "%s is always too large", workloads[workload].name);
    kaya_sim_disk_destroy(bench.fork);
    kaya_sim_disk_destroy(bench.disk);
    kaya_choices_destroy(bench.tame);
    kaya_choices_destroy(bench.odometer);
    kaya_choices_destroy(bench.seeds);
}
