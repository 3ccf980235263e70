/* An exploration whose instructions are counted, state by state: what recovery does not read must not cost anything.
 *
 *     explore idle FILES     a file of three sectors is overwritten, recovered and replaced; FILES others stand beside it, which nobody reads
 *     explore log SEGMENTS   a log of so many closed segments and one that is written to, of which recovery reads all
 *     ... none               the workload alone, without a crash: the difference is what all states cost
 *
 * Of the workload only the last few crash points are tried, which are the same whatever stands in front. Printed is how many states there were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/exploration.h"

enum {
    SECTORS = 3,
    SECTOR_BYTES = 512,
    IDLE_SECTORS = 8,
    BESIDE_MAX = 500,
    IDLE_POINTS = 6,
    LOG_POINTS = 20,
    STEPS = 2,
    SCRIPT_MAX = 1024
};

/* ---- a subject that reads one file of many ---- */

struct idle {
    struct kaya_subject base;
    unsigned file_count;
    unsigned steps;
    bool is_made;
};

static void must(enum kaya_status status)
{
    if (status == KAYA_OK)
        return;
    fprintf(stderr, "explore: %s\n", kaya_status_text(status));
    exit(1);
}

static enum kaya_status write_file(struct kaya_disk *disk, const char *name, bool is_new, unsigned sectors,
                                   char byte)
{
    unsigned char bytes[IDLE_SECTORS * SECTOR_BYTES] = { 0 };
    struct kaya_span span = { .bytes = bytes, .length = (size_t)sectors * SECTOR_BYTES };
    struct kaya_file *file;
    enum kaya_status status =
        kaya_disk_open(disk, name, is_new ? KAYA_OPEN_CREATE | KAYA_OPEN_WRITE : KAYA_OPEN_WRITE, &file);

    for (unsigned sector = 0; sector < sectors; sector++)
        memset(bytes + sector * SECTOR_BYTES, byte, 8);
    if (status == KAYA_OK)
        status = kaya_disk_write(disk, file, 0, &span, 1);
    if (status == KAYA_OK && is_new)
        status = kaya_disk_sync(disk, file);
    if (status == KAYA_OK)
        kaya_disk_close(disk, file);
    return status;
}

static enum kaya_status make(const struct idle *idle, struct kaya_disk *disk)
{
    enum kaya_status status = kaya_disk_create_directory(disk);
    char name[32];

    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT);
    for (unsigned file = 0; file < idle->file_count && status == KAYA_OK; file++) {
        snprintf(name, sizeof name, "idle-%04u", file);
        status = write_file(disk, name, true, IDLE_SECTORS, (char)('a' + file % 26));
    }
    if (status == KAYA_OK)
        status = write_file(disk, "hot", true, SECTORS, '1');
    return status == KAYA_OK ? kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) : status;
}

/* Sector by sector, so that each is a question; then what was read is written to another file, which takes its place. */
static enum kaya_status read_and_replace(struct kaya_disk *disk)
{
    unsigned char bytes[SECTOR_BYTES];
    struct kaya_file *file;
    size_t done;
    enum kaya_status status = kaya_disk_open(disk, "hot", KAYA_OPEN_READ, &file);

    if (status != KAYA_OK)
        return status;
    for (unsigned sector = 0; sector < SECTORS && status == KAYA_OK; sector++)
        status = kaya_disk_read(disk, file, (uint64_t)sector * SECTOR_BYTES, bytes, sizeof bytes,
                                KAYA_READ_CACHED, &done);
    kaya_disk_close(disk, file);
    if (status == KAYA_OK)
        status = write_file(disk, "new", true, SECTORS, (char)bytes[0]);
    if (status == KAYA_OK)
        status = kaya_disk_rename(disk, "new", "hot");
    return status == KAYA_OK ? kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG) : status;
}

static enum kaya_status idle_recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                     struct kaya_violation *violation)
{
    struct idle *idle = (struct idle *)subject;
    enum kaya_status status = idle->is_made ? read_and_replace(machine->disk) : make(idle, machine->disk);

    (void)violation;
    idle->is_made = idle->is_made || status == KAYA_OK;
    return status;
}

/* Old bytes become new ones; nothing is synced. */
static enum kaya_status idle_step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                  struct kaya_violation *violation, bool *done)
{
    struct idle *idle = (struct idle *)subject;

    (void)violation;
    *done = idle->steps == STEPS;
    return *done ? KAYA_OK : write_file(machine->disk, "hot", false, SECTORS, (char)('2' + idle->steps++));
}

static void idle_check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                       struct kaya_violation *violation)
{
    (void)subject;
    (void)machine;
    (void)violation;
}

static enum kaya_status idle_close(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                   struct kaya_violation *violation)
{
    (void)subject;
    (void)machine;
    (void)violation;
    return KAYA_OK;
}

static void idle_crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    (void)subject;
    (void)kind;
}

static enum kaya_status idle_copy(const struct kaya_subject *from, struct kaya_subject *to)
{
    ((struct idle *)to)->is_made = ((const struct idle *)from)->is_made;
    ((struct idle *)to)->steps = ((const struct idle *)from)->steps;
    return KAYA_OK;
}

static void idle_hash(const struct kaya_subject *subject, uint64_t hash[2])
{
    hash[0] = ((const struct idle *)subject)->is_made;
    hash[1] = ((const struct idle *)subject)->steps;
}

static void idle_destroy(struct kaya_subject *subject)
{
    free(subject);
}

static const struct kaya_subject_operations idle_operations = {
    .name = "idle",
    .recover = idle_recover,
    .step = idle_step,
    .check = idle_check,
    .close = idle_close,
    .crash = idle_crash,
    .copy_model = idle_copy,
    .copy_in_recovery = idle_copy,
    .hash_model = idle_hash,
    .destroy = idle_destroy,
    .recover_checks = true,
};

static enum kaya_status idle_create(void *user, struct kaya_subject **subject)
{
    struct idle *idle = calloc(1, sizeof *idle);

    if (idle == NULL)
        return KAYA_NO_MEMORY;
    *idle = (struct idle){ .base = { &idle_operations }, .file_count = *(const unsigned *)user };
    *subject = &idle->base;
    return KAYA_OK;
}

/* ---- the log ---- */

static void plan_log(struct kaya_exploration *exploration, unsigned closed)
{
    static const struct kaya_operation tail[] = {
        { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 60 } },
        { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 120 } },
        { .kind = KAYA_OPERATION_APPEND_STRICT, .record_count = 1, .lengths = { 80 } },
        { .kind = KAYA_OPERATION_APPEND_RELAXED, .record_count = 1, .lengths = { 40 } },
    };
    static struct kaya_operation script[SCRIPT_MAX];
    size_t count = 0;

    for (unsigned segment = 0; segment < closed; segment++) {
        script[count++] = tail[segment % 4];
        script[count++] = (struct kaya_operation){ .kind = KAYA_OPERATION_ROTATE };
    }
    memcpy(script + count, tail, sizeof tail);
    kaya_exploration_of_log(exploration, kaya_small_log_find("small"));
    exploration->plan.script = script;
    exploration->plan.script_length = count + sizeof tail / sizeof tail[0];
}

/* ---- the last points ---- */

static uint32_t units, first_unit;

static bool claim(void *user, uint32_t unit)
{
    (void)user;
    units = unit + 1;
    return unit >= first_unit;
}

static void finished(void *user, uint32_t unit, const struct kaya_explore_report *part, bool is_whole)
{
    (void)user;
    (void)unit;
    (void)part;
    (void)is_whole;
}

static void found(void *user, uint32_t unit, const struct kaya_violation *violation, const char *path)
{
    (void)user;
    (void)unit;
    fprintf(stderr, "explore: %s: %s\n", path, violation->what);
    exit(1);
}

static bool go_on(void *user, const struct kaya_explore_report *part)
{
    (void)user;
    (void)part;
    return true;
}

/* How many states there were. */
static uint64_t explore(const struct kaya_explore_options *options, uint32_t from)
{
    const struct kaya_explore_crew crew = { .claim = claim, .finished = finished, .found = found, .go_on = go_on };
    struct kaya_explore_options claiming = *options;
    struct kaya_explore_result result;

    first_unit = from;
    claiming.crew = &crew;
    must(kaya_explore(&claiming, &result));
    return result.report.states;
}

int main(int argc, char **argv)
{
    static struct kaya_exploration exploration;
    unsigned beside = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    struct kaya_explore_options options = { .crash_depth = 1, .process_crashes = true };

    if (argc < 3 || beside > BESIDE_MAX || (strcmp(argv[1], "idle") != 0 && strcmp(argv[1], "log") != 0))
        return 2;
    plan_log(&exploration, beside);
    kaya_exploration_set(&exploration, &options);
    if (strcmp(argv[1], "idle") == 0) {
        options.create_subject = idle_create;
        options.user = &beside;
    }
    (void)explore(&options, UINT32_MAX); /* to count the units */
    printf("%llu\n", (unsigned long long)explore(
                         &options, argc > 3 ? UINT32_MAX
                                            : units - (strcmp(argv[1], "idle") == 0 ? IDLE_POINTS : LOG_POINTS)));
    return 0;
}
