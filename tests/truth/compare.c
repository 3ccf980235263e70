/* Does the simulated disk contain what real ones do?
 *
 *   compare calls TRACE                             how many calls it has
 *   compare play TRACE FIRST LAST DIRECTORY         make these of its calls on real files, as core/posix does; 0: the directory itself
 *   compare write-back DIRECTORY                    have the kernel write the data of its files back, and no more: no journal, no flush
 *   compare check PROFILE TRACE CALL DIRECTORY      power was lost behind call CALL, and this is what the real directory then held: is it
 *                                                   among all that the simulator shows there? Exit 1 if not. PROFILE/FAMILY: a disk
 *                                                   that promises too much, since that family of faults never strikes it
 *
 * A trace is text, one disk call a line (FORMAT in README.md). Simulated outcomes come from the odometer, all of them, tears inside sectors left
 * out; a state is what a boot can see: names, sizes and bytes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "kaya/posix.h"
#include "kaya/sim/disk.h"

enum { CALLS_MAX = 64, NAMES_MAX = 16, FILE_BYTES_MAX = 64 * 1024, STATES_MAX = 1 << 20 };

static void die(const char *what)
{
    fprintf(stderr, "compare: %s\n", what);
    exit(2);
}

static void must(enum kaya_status status, const char *what)
{
    if (status != KAYA_OK) {
        fprintf(stderr, "compare: %s: %s\n", what, kaya_status_text(status));
        exit(2);
    }
}

/* --- traces --------------------------------------------------------------------------------------------------------- */

struct call {
    char verb[16];
    char name[32], other[32];
    uint64_t offset, length;
    unsigned value;
};

struct trace {
    struct call calls[CALLS_MAX];
    unsigned count;
};

static bool parse(const char *line, struct call *call)
{
    if (sscanf(line, "write %31s %" SCNu64 " %" SCNu64 " %u", call->name, &call->offset, &call->length,
               &call->value) == 4)
        strcpy(call->verb, "write");
    else if (sscanf(line, "truncate %31s %" SCNu64, call->name, &call->length) == 2)
        strcpy(call->verb, "truncate");
    else if (sscanf(line, "rename %31s %31s", call->name, call->other) == 2)
        strcpy(call->verb, "rename");
    else
        return sscanf(line, "%15s %31s", call->verb, call->name) >= 1;
    return true;
}

static struct trace read_trace(const char *path)
{
    struct trace trace = { .count = 0 };
    FILE *file = fopen(path, "r");
    char line[128];

    if (file == NULL)
        die("no such trace");
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (trace.count == CALLS_MAX || !parse(line, &trace.calls[trace.count]))
            die("a line of the trace is no call, or there are too many");
        trace.count++;
    }
    fclose(file);
    return trace;
}

/* Bytes that tell where they belong. */
static void fill(uint8_t *bytes, const struct call *call)
{
    for (uint64_t i = 0; i < call->length; i++)
        bytes[i] = (uint8_t)(call->value ^ (call->offset + i) / 512 * 37 ^ 0x80);
}

static void make_on_file(struct kaya_disk *disk, const struct call *call)
{
    struct kaya_file *file;
    bool is_new = strcmp(call->verb, "create") == 0;

    must(kaya_disk_open(disk, call->name, is_new ? KAYA_OPEN_CREATE : KAYA_OPEN_WRITE, &file), call->name);
    if (strcmp(call->verb, "write") == 0) {
        uint8_t *bytes = malloc(call->length);
        struct kaya_span span = { bytes, call->length };

        if (bytes == NULL)
            die("no memory");
        fill(bytes, call);
        must(kaya_disk_write(disk, file, call->offset, &span, 1), "write");
        free(bytes);
    } else if (strcmp(call->verb, "truncate") == 0) {
        must(kaya_disk_truncate(disk, file, call->length), "truncate");
    } else if (strcmp(call->verb, "sync") == 0) {
        must(kaya_disk_sync(disk, file), "sync");
    } else if (!is_new) {
        die("a call that is none");
    }
    kaya_disk_close(disk, file);
}

static void make(struct kaya_disk *disk, const struct call *call)
{
    if (strcmp(call->verb, "rename") == 0)
        must(kaya_disk_rename(disk, call->name, call->other), "rename");
    else if (strcmp(call->verb, "unlink") == 0)
        must(kaya_disk_unlink(disk, call->name), "unlink");
    else if (strcmp(call->verb, "sync_directory") == 0)
        must(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_LOG), "sync_directory");
    else
        make_on_file(disk, call);
}

static void make_directory(struct kaya_disk *disk)
{
    must(kaya_disk_create_directory(disk), "create_directory");
    must(kaya_disk_sync_directory(disk, KAYA_DIRECTORY_PARENT), "sync_directory");
}

/* --- states --------------------------------------------------------------------------------------------------------- */

struct names {
    char names[NAMES_MAX][KAYA_NAME_BYTES_MAX + 1];
    unsigned count;
};

static bool keep_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct names *names = user;

    (void)kind;
    if (names->count == NAMES_MAX)
        die("too many names");
    strcpy(names->names[names->count++], name);
    return true;
}

static int by_name(const void *one, const void *other)
{
    return strcmp(one, other);
}

/* What a boot sees, as a hash; told to `file`, which may be NULL. */
static uint64_t look_at(struct kaya_disk *disk, FILE *file)
{
    static uint8_t bytes[FILE_BYTES_MAX];
    struct names names = { .count = 0 };
    uint64_t state = 0;

    must(kaya_disk_list(disk, keep_name, &names), "list");
    qsort(names.names, names.count, sizeof names.names[0], by_name);
    for (unsigned i = 0; i < names.count; i++) {
        struct kaya_file *handle;
        uint64_t size;
        size_t done;

        must(kaya_disk_open(disk, names.names[i], KAYA_OPEN_READ, &handle), names.names[i]);
        must(kaya_disk_size(disk, handle, &size), "size");
        if (size > sizeof bytes)
            die("a file is too long");
        must(kaya_disk_read(disk, handle, 0, bytes, size, KAYA_READ_CACHED, &done), "read");
        kaya_disk_close(disk, handle);
        state = XXH3_64bits_withSeed(names.names[i], strlen(names.names[i]) + 1, state);
        state = XXH3_64bits_withSeed(bytes, done, state ^ size);
        if (file != NULL) {
            fprintf(file, "    %s: %" PRIu64 " bytes, by sector", names.names[i], size);
            for (size_t at = 0; at < done; at += 512)
                fprintf(file, " %02x", bytes[at]);
            fputc('\n', file);
        }
    }
    return state;
}

static int by_number(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

    return (a > b) - (a < b);
}

struct states {
    uint64_t *states; /* sorted, each once; the caller frees them */
    size_t count;
    uint64_t newest; /* nothing was lost */
};

static void sort_out(struct states *states)
{
    size_t kept = 0;

    qsort(states->states, states->count, sizeof *states->states, by_number);
    for (size_t i = 0; i < states->count; i++)
        if (kept == 0 || states->states[kept - 1] != states->states[i])
            states->states[kept++] = states->states[i];
    states->count = kept;
}

/* Every state that the profile allows where power is lost behind `count` calls. */
static struct states enumerate(const struct kaya_sim_profile *profile, enum kaya_fault never,
                               const struct trace *trace, unsigned count)
{
    struct states states = { .states = malloc(STATES_MAX * sizeof(uint64_t)) };
    struct kaya_choices *choices = kaya_choices_odometer();
    struct kaya_sim_disk_options options = { .profile = profile, .choices = choices, .list_sorted = true };
    struct kaya_sim_disk *past, *lost;
    struct kaya_disk *disk;

    if (states.states == NULL || choices == NULL)
        die("no memory");
    must(kaya_sim_disk_create(&options, &past), "simulated disk");
    kaya_sim_disk_allow(past, KAYA_FAULT_TORN_SECTOR, false);
    if (never != KAYA_FAULTS)
        kaya_sim_disk_allow(past, never, false);
    disk = kaya_sim_disk_boot(past);
    make_directory(disk);
    for (unsigned i = 0; i < count; i++)
        make(disk, &trace->calls[i]);
    must(kaya_sim_disk_fork(past, choices, NULL, &lost), "fork");
    states.newest = look_at(disk, NULL);
    kaya_choices_restart(choices);
    do {
        must(kaya_sim_disk_copy(past, choices, NULL, lost), "fork");
        kaya_sim_disk_power_loss(lost);
        if (states.count == STATES_MAX)
            die("more outcomes than this can keep: make the trace smaller");
        states.states[states.count++] = look_at(kaya_sim_disk_boot(lost), NULL);
    } while (kaya_choices_advance(choices));
    sort_out(&states);
    kaya_sim_disk_destroy(lost);
    kaya_sim_disk_destroy(past);
    kaya_choices_destroy(choices);
    return states;
}

/* --- commands ------------------------------------------------------------------------------------------------------- */

static int play(const char *path, const char *first, const char *last, const char *directory)
{
    struct trace trace = read_trace(path);
    unsigned long end = strtoul(last, NULL, 10);
    struct kaya_disk *disk;

    must(kaya_posix_disk_create(directory, true, &disk), directory);
    if (end > trace.count)
        die("the trace has no such call");
    for (unsigned long call = strtoul(first, NULL, 10); call <= end; call++) {
        if (call == 0)
            make_directory(disk);
        else
            make(disk, &trace.calls[call - 1]);
    }
    kaya_posix_disk_destroy(disk);
    return 0;
}

static bool write_back(void *user, const char *name, enum kaya_entry_kind kind)
{
    char path[4096];
    int file;

    (void)kind;
    snprintf(path, sizeof path, "%s/%s", (const char *)user, name);
    file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0 ||
        sync_file_range(file, 0, 0,
                        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER) != 0)
        die(path);
    close(file);
    return true;
}

static int write_back_all(char *directory)
{
    struct kaya_disk *disk;

    must(kaya_posix_disk_create(directory, true, &disk), directory);
    must(kaya_disk_list(disk, write_back, directory), "list");
    kaya_posix_disk_destroy(disk);
    return 0;
}

/* NAME, or NAME/FAMILY. */
static const struct kaya_sim_profile *find_profile(char *name, enum kaya_fault *never)
{
    char *slash = strchr(name, '/');
    const struct kaya_sim_profile *profile;

    *never = KAYA_FAULTS;
    if (slash != NULL) {
        *slash = '\0';
        for (*never = 0; *never < KAYA_FAULTS && strcmp(kaya_fault_name(*never), slash + 1) != 0;)
            (*never)++;
        if (*never == KAYA_FAULTS)
            die("no such family of faults");
    }
    profile = kaya_sim_profile_find(name);
    if (profile == NULL)
        die("no such profile");
    return profile;
}

static int check(char *profile_name, const char *path, const char *number, const char *directory)
{
    struct trace trace = read_trace(path);
    unsigned call = (unsigned)strtoul(number, NULL, 10);
    enum kaya_fault never;
    const struct kaya_sim_profile *profile = find_profile(profile_name, &never);
    struct states states;
    struct kaya_disk *disk;
    uint64_t seen;
    bool is_known;

    if (call > trace.count)
        die("the trace has no such call");
    states = enumerate(profile, never, &trace, call);
    must(kaya_posix_disk_create(directory, true, &disk), directory);
    seen = look_at(disk, NULL);
    is_known = bsearch(&seen, states.states, states.count, sizeof *states.states, by_number) != NULL;
    if (is_known)
        printf("%s %u %016" PRIx64 " of %zu\n", seen == states.newest ? "nothing-lost" : "lost", call, seen,
               states.count);
    else {
        printf("power lost behind call %u: what stands there is none of the %zu states of %s\n", call,
               states.count, profile_name);
        look_at(disk, stdout);
    }
    kaya_posix_disk_destroy(disk);
    free(states.states);
    return is_known ? 0 : 1;
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "calls") == 0)
        return printf("%u\n", read_trace(arguments[2]).count) < 0;
    if (count == 3 && strcmp(arguments[1], "write-back") == 0)
        return write_back_all(arguments[2]);
    if (count == 6 && strcmp(arguments[1], "play") == 0)
        return play(arguments[2], arguments[3], arguments[4], arguments[5]);
    if (count == 6 && strcmp(arguments[1], "check") == 0)
        return check(arguments[2], arguments[3], arguments[4], arguments[5]);
    die("usage: compare calls TRACE | play TRACE FIRST LAST DIRECTORY | write-back DIRECTORY | check PROFILE TRACE CALL DIRECTORY");
}
