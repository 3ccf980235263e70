#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 8, RUNS_OF_A_SECTOR_MAX = 12, FILE_BYTES_MAX = 65536 };

#define MUST(call) KAYA_ASSERT((call) == KAYA_OK)

void machine_start(struct machine *machine, const struct kaya_sim_disk_options *options)
{
    machine->choices = options->choices;
    machine->trace = options->trace;
    machine->profile = options->profile;
    MUST(kaya_sim_disk_create(options, &machine->sim));
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

void machine_restart(struct machine *machine, const struct kaya_sim_disk_options *options)
{
    kaya_sim_disk_reset(machine->sim, options);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

void machine_end(struct machine *machine)
{
    kaya_sim_disk_destroy(machine->sim);
}

/* ---- words ---- */

void make_directory(struct machine *machine)
{
    MUST(kaya_disk_create_directory(machine->disk));
    MUST(kaya_disk_sync_directory(machine->disk, KAYA_DIRECTORY_PARENT));
}

void make_file(struct machine *machine, const char *name, char byte, size_t length)
{
    create(machine, name);
    fill(machine, name, 0, byte, length);
    sync_file(machine, name);
    sync_names(machine);
}

static struct kaya_file *opened(struct machine *machine, const char *name, unsigned flags)
{
    struct kaya_file *file;

    MUST(kaya_disk_open(machine->disk, name, flags, &file));
    return file;
}

void create(struct machine *machine, const char *name)
{
    kaya_disk_close(machine->disk, opened(machine, name, KAYA_OPEN_CREATE));
}

static void write_bytes(struct machine *machine, const char *name, uint64_t offset, const void *bytes,
                        size_t length, bool is_durable)
{
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_WRITE);
    const struct kaya_span span = { .bytes = (void *)bytes, .length = length };
    enum kaya_status status = is_durable ? kaya_disk_write_durable(machine->disk, file, offset, &span, 1)
                                         : kaya_disk_write(machine->disk, file, offset, &span, 1);

    KAYA_ASSERT(status == KAYA_OK || status == KAYA_GONE);
    kaya_disk_close(machine->disk, file);
}

void put(struct machine *machine, const char *name, uint64_t offset, const char *text)
{
    write_bytes(machine, name, offset, text, strlen(text), false);
}

static void fill_somehow(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length,
                         bool is_durable)
{
    static char bytes[FILE_BYTES_MAX];

    KAYA_ASSERT(length <= sizeof bytes);
    memset(bytes, byte == '.' ? 0 : byte, length);
    write_bytes(machine, name, offset, bytes, length, is_durable);
}

void fill(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length)
{
    fill_somehow(machine, name, offset, byte, length, false);
}

void fill_durable(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length)
{
    fill_somehow(machine, name, offset, byte, length, true);
}

void sync_file(struct machine *machine, const char *name)
{
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_WRITE);
    enum kaya_status status = kaya_disk_sync(machine->disk, file);

    KAYA_ASSERT(status == KAYA_OK || status == KAYA_GONE);
    kaya_disk_close(machine->disk, file);
}

void resize(struct machine *machine, const char *name, uint64_t bytes)
{
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_WRITE);

    MUST(kaya_disk_truncate(machine->disk, file, bytes));
    kaya_disk_close(machine->disk, file);
}

void sync_names(struct machine *machine)
{
    MUST(kaya_disk_sync_directory(machine->disk, KAYA_DIRECTORY_LOG));
}

void move(struct machine *machine, const char *from, const char *to)
{
    MUST(kaya_disk_rename(machine->disk, from, to));
}

void erase(struct machine *machine, const char *name)
{
    MUST(kaya_disk_unlink(machine->disk, name));
}

/* ---- words that may fail ---- */

static void may_fail(struct machine *machine, bool may_strike)
{
    kaya_sim_disk_allow(machine->sim, KAYA_FAULT_SYNC_FAILURE, may_strike);
}

static void must_be_tried(struct machine *machine, enum kaya_status status)
{
    KAYA_ASSERT(status == KAYA_OK || status == KAYA_IO);
    may_fail(machine, false);
}

void try_fill_durable(struct machine *machine, const char *name, uint64_t offset, char byte, size_t length)
{
    static char bytes[FILE_BYTES_MAX];
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_WRITE);
    const struct kaya_span span = { .bytes = bytes, .length = length };

    KAYA_ASSERT(length <= sizeof bytes);
    memset(bytes, byte, length);
    may_fail(machine, true);
    must_be_tried(machine, kaya_disk_write_durable(machine->disk, file, offset, &span, 1));
    kaya_disk_close(machine->disk, file);
}

void try_sync_file(struct machine *machine, const char *name)
{
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_WRITE);

    may_fail(machine, true);
    must_be_tried(machine, kaya_disk_sync(machine->disk, file));
    kaya_disk_close(machine->disk, file);
}

void try_sync_names(struct machine *machine)
{
    may_fail(machine, true);
    must_be_tried(machine, kaya_disk_sync_directory(machine->disk, KAYA_DIRECTORY_LOG));
}

static void read_bytes(struct machine *machine, const char *name, unsigned flags, char *bytes, size_t length)
{
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_READ);
    size_t done;

    MUST(kaya_disk_read(machine->disk, file, 0, bytes, length, flags, &done));
    KAYA_ASSERT(done == length);
    kaya_disk_close(machine->disk, file);
}

void note(struct machine *machine, const char *from, const char *to, size_t length)
{
    static char bytes[FILE_BYTES_MAX];

    KAYA_ASSERT(length <= sizeof bytes);
    read_bytes(machine, from, KAYA_READ_CACHED, bytes, length);
    write_bytes(machine, to, 0, bytes, length, true);
}

void read_past_cache(struct machine *machine, const char *name, size_t length)
{
    static char bytes[FILE_BYTES_MAX];

    KAYA_ASSERT(length <= sizeof bytes);
    read_bytes(machine, name, KAYA_READ_PAST_CACHE, bytes, length);
}

void lose_power(struct machine *machine)
{
    if (!kaya_sim_disk_is_crashed(machine->sim))
        kaya_sim_disk_power_loss(machine->sim);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

void kill_process(struct machine *machine)
{
    if (!kaya_sim_disk_is_crashed(machine->sim))
        kaya_sim_disk_process_crash(machine->sim);
    machine->disk = kaya_sim_disk_boot(machine->sim);
}

/* ---- images ---- */

struct names {
    char names[FILES_MAX][32];
    size_t count;
};

static bool add_name(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct names *names = user;

    KAYA_ASSERT(kind == KAYA_ENTRY_FILE);
    KAYA_ASSERT(names->count < FILES_MAX);
    if (strcmp(name, KAYA_LOCK_NAME) != 0)
        snprintf(names->names[names->count++], sizeof names->names[0], "%s", name);
    return true;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(left, right);
}

static void add_text(char image[IMAGE_BYTES], const char *text)
{
    KAYA_ASSERT(strlen(image) + strlen(text) < IMAGE_BYTES);
    strcat(image, text);
}

/* "512A": runs of equal bytes, zero as '.'. */
static void add_runs(char image[IMAGE_BYTES], const unsigned char *bytes, size_t length)
{
    for (size_t from = 0, to; from < length; from = to) {
        char run[16];

        for (to = from; to < length && bytes[to] == bytes[from];)
            to++;
        snprintf(run, sizeof run, "%zu%c", to - from, bytes[from] == 0 ? '.' : bytes[from]);
        add_text(image, run);
    }
}

static bool is_garbage(const unsigned char *bytes, size_t length)
{
    size_t runs = 0;

    for (size_t at = 1; at < length; at++)
        runs += bytes[at] != bytes[at - 1];
    return runs > RUNS_OF_A_SECTOR_MAX;
}

/* Equal neighbours run on over sectors; a sector of garbage interrupts. */
static void add_content(char image[IMAGE_BYTES], const unsigned char *bytes, size_t length)
{
    size_t from = 0;

    for (size_t at = 0; at < length; at += SECTOR_BYTES) {
        size_t sector = length - at < SECTOR_BYTES ? length - at : SECTOR_BYTES;

        if (!is_garbage(bytes + at, sector))
            continue;
        add_runs(image, bytes + from, at - from);
        add_text(image, "garbage");
        from = at + sector;
    }
    add_runs(image, bytes + from, length - from);
}

static void add_file(struct machine *machine, unsigned read_flags, const char *name, char image[IMAGE_BYTES])
{
    static unsigned char bytes[FILE_BYTES_MAX];
    struct kaya_file *file = opened(machine, name, KAYA_OPEN_READ);
    uint64_t size_bytes;
    size_t done;

    MUST(kaya_disk_size(machine->disk, file, &size_bytes));
    MUST(kaya_disk_read(machine->disk, file, 0, bytes, sizeof bytes, read_flags, &done));
    KAYA_ASSERT(done == size_bytes);
    kaya_disk_close(machine->disk, file);
    add_text(image, name);
    add_text(image, ":");
    add_content(image, bytes, done);
}

void read_image(struct machine *machine, unsigned read_flags, char image[IMAGE_BYTES])
{
    struct names names = { .count = 0 };
    enum kaya_status status = kaya_disk_list(machine->disk, add_name, &names);

    image[0] = '\0';
    if (status == KAYA_NOT_FOUND) {
        add_text(image, "none");
        return;
    }
    MUST(status);
    qsort(names.names, names.count, sizeof names.names[0], compare_names);
    for (size_t index = 0; index < names.count; index++) {
        if (index > 0)
            add_text(image, " ");
        add_file(machine, read_flags, names.names[index], image);
    }
}
