/* Storage code of one's own on the simulated disk: a counter in a file that is replaced whole, by a rename. `counter` tries it,
 * `counter careless` the same without the sync in front of the rename, which is found out.
 *
 * The engine knows the disk seam only (kaya/seam/disk.h). The subject is what a tester wants to know of it: how to start it, what to do next,
 * and what it owes after a crash. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/sim/explore.h"

/* ---- the engine ---- */

static bool is_careless;

/* Both halves say the same, or the file is none. */
struct content {
    uint64_t value, inverse;
};

static enum kaya_status counter_store(struct kaya_disk *disk, uint64_t value)
{
    struct content content = { value, ~value };
    struct kaya_span span = { &content, sizeof content };
    struct kaya_file *file = NULL;
    enum kaya_status status = kaya_disk_unlink(disk, "counter.new"); /* a crash may have left one */

    if (status == KAYA_OK || status == KAYA_NOT_FOUND)
        status = kaya_disk_open(disk, "counter.new", KAYA_OPEN_CREATE, &file);
    if (status == KAYA_OK)
        status = kaya_disk_write(disk, file, 0, &span, 1);
    if (status == KAYA_OK && !is_careless)
        status = kaya_disk_sync(disk, file);
    kaya_disk_close(disk, file); /* takes NULL */
    if (status == KAYA_OK)
        status = kaya_disk_rename(disk, "counter.new", "counter");
    if (status == KAYA_OK)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    return status;
}

static enum kaya_status counter_load(struct kaya_disk *disk, uint64_t *value)
{
    struct content content = { 0, 0 };
    struct kaya_file *file = NULL;
    size_t done = 0;
    enum kaya_status status = kaya_disk_create_directory(disk);

    *value = 0;
    if (status == KAYA_OK || status == KAYA_EXISTS)
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT);
    if (status == KAYA_OK) /* what is read below may be in the cache only: a rename, too */
        status = kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG);
    if (status == KAYA_OK)
        status = kaya_disk_open(disk, "counter", KAYA_OPEN_READ, &file);
    if (status == KAYA_NOT_FOUND)
        return KAYA_OK; /* it was never counted */
    if (status == KAYA_OK)
        status = kaya_disk_read(disk, file, 0, &content, sizeof content, KAYA_READ_CACHED, &done);
    kaya_disk_close(disk, file);
    if (status == KAYA_OK && (done != sizeof content || content.inverse != ~content.value))
        status = KAYA_DAMAGED;
    *value = content.value;
    return status;
}

/* ---- the subject: the engine, and what it promised ---- */

enum { COUNTS = 3 };

struct subject {
    struct kaya_subject subject; /* first */
    uint64_t value;              /* the engine's: gone with each crash */
    uint64_t must, may; /* the model: counted for sure, and perhaps; outside of the machine, so it stays */
};

static struct subject *of(const struct kaya_subject *subject)
{
    return (struct subject *)subject;
}

static enum kaya_status recover(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                struct kaya_violation *violation)
{
    struct subject *counter = of(subject);
    enum kaya_status status = counter_load(machine->disk, &counter->value);

    if (status != KAYA_OK)
        return status; /* KAYA_GONE: it crashed underneath. Any other breaks a promise, and the explorer says so */
    if (counter->value < counter->must || counter->value > counter->may)
        kaya_violation_set(violation, "counted", "%" PRIu64 " to %" PRIu64 " was promised, %" PRIu64 " came back",
                           counter->must, counter->may, counter->value);
    counter->must = counter->may = counter->value; /* what came back once must come back again */
    return KAYA_OK;
}

static enum kaya_status step(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                             struct kaya_violation *violation, bool *done)
{
    struct subject *counter = of(subject);
    enum kaya_status status;

    (void)violation;
    *done = counter->value == COUNTS;
    if (*done)
        return KAYA_OK;
    counter->may = counter->value + 1; /* from the first call on it may be there */
    status = counter_store(machine->disk, counter->may);
    if (status == KAYA_OK)
        counter->value = counter->must = counter->may;
    return status;
}

/* Recovery has compared everything there is. */
static void check(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                  struct kaya_violation *violation)
{
    (void)subject, (void)machine, (void)violation;
}

static enum kaya_status close_counter(struct kaya_subject *subject, const struct kaya_sim_machine *machine,
                                      struct kaya_violation *violation)
{
    (void)subject, (void)machine, (void)violation;
    return KAYA_OK;
}

static void crash(struct kaya_subject *subject, enum kaya_crash kind)
{
    (void)kind; /* all that was acknowledged was synced: no crash takes it */
    of(subject)->value = 0;
}

static enum kaya_status copy_model(const struct kaya_subject *from, struct kaya_subject *to)
{
    of(to)->must = of(from)->must;
    of(to)->may = of(from)->may;
    return KAYA_OK;
}

static void destroy(struct kaya_subject *subject)
{
    free(subject);
}

static enum kaya_status create(void *user, struct kaya_subject **subject)
{
    static const struct kaya_subject_operations operations = { .name = "counter",
                                                               .recover = recover,
                                                               .step = step,
                                                               .check = check,
                                                               .close = close_counter,
                                                               .crash = crash,
                                                               .copy_model = copy_model,
                                                               .destroy = destroy };
    struct subject *counter = calloc(1, sizeof *counter);

    (void)user;
    if (counter == NULL)
        return KAYA_NO_MEMORY;
    counter->subject.operations = &operations;
    *subject = &counter->subject;
    return KAYA_OK;
}

/* ---- every crash, and every second one behind it ---- */

int main(int argc, char **argv)
{
    struct kaya_explore_options options = { .create_subject = create, .crash_depth = 2, .process_crashes = true };
    struct kaya_explore_result result;
    struct kaya_violation violation;

    is_careless = argc > 1 && strcmp(argv[1], "careless") == 0;
    if (kaya_explore(&options, &result) != KAYA_OK)
        return 2;
    printf("%" PRIu64 " states%s, %" PRIu64 " violations\n", result.report.states,
           result.exhaustive ? ", all there are" : "", result.report.violations);
    if (result.report.violations == 0)
        return 0;
    printf("%s: %s\n%s\n", result.first.promise, result.first.what, result.first_path);
    return kaya_explore_replay(&options, result.first_path, stdout, &violation) == KAYA_OK ? 1 : 2;
}
