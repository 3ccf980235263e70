#include "fault_stage.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const struct kaya_sim_profile plain = { .name = "plain",
                                               .geometry = { .sector_bytes = 512,
                                                             .atomic_bytes = 512,
                                                             .writeback_bytes = 512,
                                                             .buffer_alignment = 1,
                                                             .power_safe_overwrite = true },
                                               .growth = KAYA_GROWTH_ZEROS };

static void hear(void *user, const struct kaya_trace_event *event)
{
    struct heard *heard = user;

    if (event->kind != KAYA_TRACE_FAULT)
        return;
    heard->count++;
    strncpy(heard->family, event->text, sizeof heard->family - 1);
    heard->inode = event->a;
    heard->offset = event->b;
    heard->length = event->c;
    heard->content_length = event->content_length;
    if (event->content_length > 0)
        memcpy(heard->content, event->content, event->content_length);
}

void open_stage(struct stage *stage, const struct kaya_sim_profile *profile, enum kaya_fault fault)
{
    stage->options =
        (struct kaya_sim_disk_options){ .profile = profile ? profile : &plain, .list_sorted = true };
    stage->options.choices = kaya_choices_from_seed(0);
    stage->options.trace = kaya_trace_create(0);
    stage->options.odds[fault] = 1;
    kaya_trace_listen(stage->options.trace, hear, &stage->heard);
    machine_start(&stage->machine, &stage->options);
}

void set_stage(struct stage *stage, uint64_t seed)
{
    kaya_choices_reseed(stage->options.choices, seed);
    machine_restart(&stage->machine, &stage->options);
    memset(&stage->heard, 0, sizeof stage->heard);
}

void close_stage(struct stage *stage)
{
    machine_end(&stage->machine);
    kaya_trace_destroy(stage->options.trace);
    kaya_choices_destroy(stage->options.choices);
}

struct kaya_fault_counts counts(const struct stage *stage)
{
    return kaya_sim_disk_fault_counts(stage->machine.sim);
}

uint64_t struck(const struct stage *stage, enum kaya_fault fault)
{
    return counts(stage).struck[fault];
}

void read_file(struct kaya_sim_disk *sim, const char *name, uint8_t bytes[FILE_BYTES])
{
    size_t done;

    cr_assert(eq(int, kaya_sim_disk_peek(sim, name, 0, bytes, FILE_BYTES, &done), KAYA_OK));
    cr_assert(eq(sz, done, FILE_BYTES));
}

void read_truth(struct kaya_sim_disk *sim, const char *name, uint8_t bytes[FILE_BYTES])
{
    size_t done;

    cr_assert(eq(int, kaya_sim_disk_peek_true(sim, name, 0, bytes, FILE_BYTES, &done), KAYA_OK));
    cr_assert(eq(sz, done, FILE_BYTES));
}

bool holds(struct kaya_sim_disk *sim, const char *name, const uint8_t bytes[FILE_BYTES])
{
    uint8_t seen[FILE_BYTES];

    read_file(sim, name, seen);
    return memcmp(seen, bytes, FILE_BYTES) == 0;
}

bool holds_in_truth(struct kaya_sim_disk *sim, const char *name, const uint8_t bytes[FILE_BYTES])
{
    uint8_t seen[FILE_BYTES];

    read_truth(sim, name, seen);
    return memcmp(seen, bytes, FILE_BYTES) == 0;
}

enum kaya_status read_through(struct stage *stage, const char *name, uint64_t offset, void *bytes,
                              size_t length, unsigned flags)
{
    struct kaya_file *file;
    enum kaya_status status;
    size_t done;

    cr_assert(eq(int, kaya_disk_open(stage->machine.disk, name, KAYA_OPEN_READ, &file), KAYA_OK));
    status = kaya_disk_read(stage->machine.disk, file, offset, bytes, length, flags, &done);
    kaya_disk_close(stage->machine.disk, file);
    return status;
}

enum kaya_status write_through(struct stage *stage, const char *name, uint64_t offset, uint8_t byte, size_t length)
{
    uint8_t bytes[FILE_BYTES];
    const struct kaya_span span = { .bytes = bytes, .length = length };
    struct kaya_file *file;
    enum kaya_status status;

    memset(bytes, byte, length);
    cr_assert(eq(int, kaya_disk_open(stage->machine.disk, name, KAYA_OPEN_WRITE, &file), KAYA_OK));
    status = kaya_disk_write(stage->machine.disk, file, offset, &span, 1);
    kaya_disk_close(stage->machine.disk, file);
    return status;
}

bool is_all(const uint8_t *bytes, uint8_t byte, size_t length)
{
    for (size_t index = 0; index < length; index++)
        if (bytes[index] != byte)
            return false;
    return true;
}

void expect_told(const struct stage *stage, const char *family, const char *name, const uint8_t *good,
                 const uint8_t *seen)
{
    size_t first = 0;
    size_t last = FILE_BYTES;

    while (good[first] == seen[first])
        first++;
    while (good[last - 1] == seen[last - 1])
        last--;
    cr_expect(eq(str, (char *)stage->heard.family, (char *)family));
    cr_expect(eq(u64, stage->heard.inode, kaya_sim_disk_inode(stage->machine.sim, name)));
    cr_expect(eq(u64, stage->heard.offset, first));
    cr_expect(eq(u64, stage->heard.length, last - first));
}

unsigned differing_bits(const uint8_t *left, const uint8_t *right, size_t length)
{
    unsigned count = 0;

    for (size_t index = 0; index < length; index++)
        count += (unsigned)__builtin_popcount((unsigned)(left[index] ^ right[index]));
    return count;
}

void allow_all(struct stage *stage, bool may_strike)
{
    for (unsigned fault = 0; fault < KAYA_FAULTS; fault++)
        kaya_sim_disk_allow(stage->machine.sim, (enum kaya_fault)fault, may_strike);
}

void decay(struct stage *stage)
{
    kaya_sim_disk_shut_down(stage->machine.sim);
    kaya_sim_disk_decay(stage->machine.sim);
    stage->machine.disk = kaya_sim_disk_boot(stage->machine.sim);
}

void make_good_file(struct stage *stage, uint8_t good[FILE_BYTES])
{
    static const char sectors[] = { 'A', 'B', 0, 'D' };

    allow_all(stage, false);
    make_directory(&stage->machine);
    make_file(&stage->machine, "a", '.', FILE_BYTES);
    for (size_t sector = 0; sector < sizeof sectors; sector++) {
        if (sectors[sector] != 0)
            fill_durable(&stage->machine, "a", sector * SECTOR_BYTES, sectors[sector], SECTOR_BYTES);
        memset(good + sector * SECTOR_BYTES, sectors[sector], SECTOR_BYTES);
    }
    allow_all(stage, true);
}

void set_stage_with_file(struct stage *stage, uint64_t seed, uint8_t good[FILE_BYTES])
{
    set_stage(stage, seed);
    make_good_file(stage, good);
}
