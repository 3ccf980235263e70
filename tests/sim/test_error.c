/* Litmus tests for calls that answer errors, for room that ends, and for memory that runs out.
 *
 * Goal: each family strikes in the slots that it is meant for and in no other, answers what it should, leaves undone what it refuses
 * (a write: but for a part from the front), and ends when it should. Method: the seam's slots are called directly, since the checked
 * wrappers finish what was cut short; which slots may answer what stands in a table of its own here. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/sim/boot.h"
#include "machine.h"

enum { SEEDS = 64, BLOCK_BYTES = 512, FILE_BYTES = 1024 };

#define PLAIN_GEOMETRY                                                                                       \
    {                                                                                                        \
        .sector_bytes = SECTOR_BYTES, .writeback_bytes = SECTOR_BYTES, .buffer_alignment = 1,                \
        .power_safe_overwrite = true                                                                         \
    }
static const struct kaya_sim_profile plain = { .name = "plain", .geometry = PLAIN_GEOMETRY };

static struct kaya_sim_disk_options options_with(struct kaya_choices *choices, int family, uint32_t odds)
{
    struct kaya_sim_disk_options options = { .profile = &plain, .choices = choices, .list_sorted = true };

    if (family >= 0)
        options.odds[family] = odds;
    return options;
}

/* A directory with a durable file `a` of 512 A and 512 zeros, opened for writing. The faults are off meanwhile. */
static struct kaya_file *prepare(struct machine *machine, int family)
{
    struct kaya_file *file;

    if (family >= 0)
        kaya_sim_disk_allow(machine->sim, (enum kaya_fault)family, false);
    make_directory(machine);
    make_file(machine, "a", 'A', 512);
    resize(machine, "a", FILE_BYTES);
    sync_file(machine, "a");
    cr_assert(kaya_disk_open(machine->disk, "a", KAYA_OPEN_WRITE, &file) == KAYA_OK);
    if (family >= 0)
        kaya_sim_disk_allow(machine->sim, (enum kaya_fault)family, true);
    return file;
}

/* ---- one call of each slot ---- */

static char moved[FILE_BYTES];

static bool visit(void *user, const char *name, enum kaya_entry_kind kind)
{
    (void)kind;
    strcat(user, name);
    return true;
}

static enum kaya_status call(struct machine *machine, struct kaya_file *file, enum kaya_trace_kind slot)
{
    const struct kaya_disk_operations *operations = machine->disk->operations;
    struct kaya_span span = { .bytes = moved, .length = 512 };
    struct kaya_file *opened = NULL;
    char names[64] = "";
    uint64_t bytes;
    size_t done = 0;
    bool held = false;
    enum kaya_status status;

    memset(moved, 'B', sizeof moved);
    switch (slot) {
    case KAYA_TRACE_OPEN:
        status = operations->open(machine->disk, "a", KAYA_OPEN_READ, &opened);
        kaya_disk_close(machine->disk, opened);
        return status;
    case KAYA_TRACE_SIZE:
        return operations->size(machine->disk, file, &bytes);
    case KAYA_TRACE_READ:
        return operations->read(machine->disk, file, 0, &span, 1, 0, &done);
    case KAYA_TRACE_WRITE:
        return operations->write(machine->disk, file, 0, &span, 1, &done);
    case KAYA_TRACE_WRITE_DURABLE:
        return operations->write_durable(machine->disk, file, 0, &span, 1, &done);
    case KAYA_TRACE_SYNC:
        return operations->sync(machine->disk, file);
    case KAYA_TRACE_SYNC_DIRECTORY:
        return operations->sync_directory(machine->disk, KAYA_DIRECTORY_LOG);
    case KAYA_TRACE_TRUNCATE:
        return operations->truncate(machine->disk, file, 512);
    case KAYA_TRACE_ALLOCATE:
        return operations->allocate(machine->disk, file, 2048);
    case KAYA_TRACE_RENAME:
        return operations->rename(machine->disk, "a", "b");
    case KAYA_TRACE_UNLINK:
        return operations->unlink(machine->disk, "a");
    case KAYA_TRACE_CREATE_DIRECTORY:
        return operations->create_directory(machine->disk);
    case KAYA_TRACE_LIST:
        return operations->list(machine->disk, visit, names);
    case KAYA_TRACE_LOCK:
        return operations->lock(machine->disk);
    default:
        return operations->probe_lock(machine->disk, &held);
    }
}

/* What each slot may answer: I(O error), L(imit), F(ull), interrupted (E), and f(ull by a sync, which leaves what failed syncs leave);
 * lasting errors come on all of them, on those marked c(hanges) also where the disk can still be read. */
static const struct {
    enum kaya_trace_kind slot;
    const char *may;
    bool returns_quietly; /* done without error it answers KAYA_OK; else KAYA_EXISTS */
} slots[] = {
    { KAYA_TRACE_OPEN, "IL", true },
    { KAYA_TRACE_SIZE, "I", true },
    { KAYA_TRACE_READ, "IE", true },
    { KAYA_TRACE_WRITE, "IFEc", true },
    { KAYA_TRACE_WRITE_DURABLE, "FEc", true },
    { KAYA_TRACE_SYNC, "Fc", true },
    { KAYA_TRACE_SYNC_DIRECTORY, "LFc", true },
    { KAYA_TRACE_TRUNCATE, "IFc", true },
    { KAYA_TRACE_ALLOCATE, "IFc", true },
    { KAYA_TRACE_RENAME, "IFc", true },
    { KAYA_TRACE_UNLINK, "IFc", true },
    { KAYA_TRACE_CREATE_DIRECTORY, "IFc", false },
    { KAYA_TRACE_LIST, "IL", true },
    { KAYA_TRACE_LOCK, "IL", true },
    { KAYA_TRACE_PROBE_LOCK, "IL", true },
};
enum { SLOTS = sizeof slots / sizeof slots[0] };

static const struct {
    enum kaya_fault family;
    char letter;
    enum kaya_status answer;
} families[] = {
    { KAYA_FAULT_IO_ERROR, 'I', KAYA_IO },
    { KAYA_FAULT_LIMIT, 'L', KAYA_LIMIT },
    { KAYA_FAULT_NO_ROOM, 'F', KAYA_FULL },
    { KAYA_FAULT_SHORT_TRANSFER, 'E', KAYA_INTERRUPTED },
};

static enum kaya_status answer_of(enum kaya_fault family, unsigned index, uint64_t seed,
                                  struct kaya_fault_counts *counts)
{
    struct kaya_choices *choices = kaya_choices_from_seed(seed);
    struct kaya_sim_disk_options options = options_with(choices, (int)family, 1);
    struct machine machine;
    enum kaya_status status;
    struct kaya_file *file;

    machine_start(&machine, &options);
    file = prepare(&machine, (int)family);
    status = call(&machine, file, slots[index].slot);
    *counts = kaya_sim_disk_fault_counts(machine.sim);
    machine_end(&machine);
    kaya_choices_destroy(choices);
    return status;
}

Test(error, each_family_strikes_where_it_may_and_nowhere_else)
{
    for (unsigned family = 0; family < sizeof families / sizeof families[0]; family++)
        for (unsigned index = 0; index < SLOTS; index++) {
            bool may = strchr(slots[index].may, families[family].letter) != NULL;
            bool seen = false;

            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                struct kaya_fault_counts counts;
                enum kaya_status status = answer_of(families[family].family, index, seed, &counts);
                bool answered = status == families[family].answer;

                cr_expect(answered || status == (slots[index].returns_quietly ? KAYA_OK : KAYA_EXISTS),
                          "%s in %s: %s", kaya_fault_name(families[family].family),
                          kaya_trace_kind_name(slots[index].slot), kaya_status_name(status));
                if (answered)
                    cr_expect(eq(u64, counts.struck[families[family].family], 1));
                seen = seen || answered;
            }
            cr_expect(eq(int, seen, may), "%s in %s", kaya_fault_name(families[family].family),
                      kaya_trace_kind_name(slots[index].slot));
        }
}

/* What a refused call left, as the seam shows it when the faults are off again. */
static void look(struct machine *machine, enum kaya_fault family, char image[IMAGE_BYTES])
{
    kaya_sim_disk_allow(machine->sim, family, false);
    read_image(machine, KAYA_READ_CACHED, image);
}

Test(error, a_refused_call_did_nothing)
{
    for (unsigned index = 0; index < SLOTS; index++) {
        struct kaya_sim_disk_options options;
        struct machine machine;
        char image[IMAGE_BYTES];
        struct kaya_file *file;

        if (slots[index].slot == KAYA_TRACE_WRITE || strchr(slots[index].may, 'I') == NULL)
            continue;
        options = options_with(kaya_choices_from_seed(index), KAYA_FAULT_IO_ERROR, 1);
        machine_start(&machine, &options);
        file = prepare(&machine, KAYA_FAULT_IO_ERROR);
        cr_expect(call(&machine, file, slots[index].slot) == KAYA_IO);
        look(&machine, KAYA_FAULT_IO_ERROR, image);
        cr_expect(eq(str, image, "a:512A512."), "%s", kaya_trace_kind_name(slots[index].slot));
        cr_expect(not(kaya_sim_disk_lock_held(machine.sim)));
        machine_end(&machine);
        kaya_choices_destroy(machine.choices);
    }
}

/* Every length from none to all, and no other. */
Test(error, a_refused_write_was_done_in_part)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    struct kaya_sim_disk_options options = options_with(odometer, KAYA_FAULT_IO_ERROR, 2);
    bool seen[5] = { false }, done = false;

    do {
        struct kaya_span span = { .bytes = "BBBB", .length = 4 };
        struct kaya_file *file;
        struct machine machine;
        char bytes[8];
        size_t length = 0, count;
        enum kaya_status status;

        machine_start(&machine, &options);
        file = prepare(&machine, KAYA_FAULT_IO_ERROR);
        status = machine.disk->operations->write(machine.disk, file, 0, &span, 1, &count);
        kaya_sim_disk_allow(machine.sim, KAYA_FAULT_IO_ERROR, false);
        cr_assert(kaya_disk_read(machine.disk, file, 0, bytes, sizeof bytes, 0, &count) == KAYA_OK);
        while (bytes[length] == 'B')
            length++;
        cr_assert(length <= 4);
        cr_expect(eq(mem, ((struct cr_mem){ bytes + length, 8 - length }),
                     ((struct cr_mem){ "AAAAAAAA", 8 - length })));
        if (status == KAYA_OK) {
            cr_expect(eq(sz, length, 4));
            done = true;
        } else {
            seen[length] = true;
        }
        machine_end(&machine);
    } while (kaya_choices_advance(odometer));
    kaya_choices_destroy(odometer);
    cr_expect(done);
    for (unsigned length = 0; length <= 4; length++)
        cr_expect(seen[length], "%u bytes", length);
}

/* ---- for good ---- */

Test(error, a_lasting_error_stays_until_the_next_boot)
{
    bool read_only_seen = false, dead_seen = false;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct kaya_choices *choices = kaya_choices_from_seed(seed);
        struct kaya_sim_disk_options options = options_with(choices, KAYA_FAULT_IO_ERROR_LASTING, 1);
        struct machine machine;
        struct kaya_file *file;
        bool is_dead;

        machine_start(&machine, &options);
        file = prepare(&machine, KAYA_FAULT_IO_ERROR_LASTING);
        cr_expect(call(&machine, file, KAYA_TRACE_ALLOCATE) == KAYA_IO);
        kaya_sim_disk_allow(machine.sim, KAYA_FAULT_IO_ERROR_LASTING, false); /* it stays without the dice */
        is_dead = call(&machine, file, KAYA_TRACE_SIZE) == KAYA_IO;
        for (unsigned index = 0; index < SLOTS; index++) {
            bool changes = strchr(slots[index].may, 'c') != NULL;

            cr_expect(eq(int, call(&machine, file, slots[index].slot) == KAYA_IO, changes || is_dead), "%s",
                      kaya_trace_kind_name(slots[index].slot));
        }
        cr_expect(kaya_sim_disk_failed_syncs(machine.sim) >= 2);
        lose_power(&machine);
        cr_expect(kaya_disk_create_directory(machine.disk) == KAYA_EXISTS);
        read_only_seen = read_only_seen || !is_dead;
        dead_seen = dead_seen || is_dead;
        machine_end(&machine);
        kaya_choices_destroy(choices);
    }
    cr_expect(read_only_seen);
    cr_expect(dead_seen);
}

Test(error, healing_ends_a_lasting_error)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_sim_disk_options options = options_with(choices, KAYA_FAULT_IO_ERROR_LASTING, 1);
    struct machine machine;
    struct kaya_file *file;

    machine_start(&machine, &options);
    file = prepare(&machine, KAYA_FAULT_IO_ERROR_LASTING);
    cr_expect(call(&machine, file, KAYA_TRACE_RENAME) == KAYA_IO);
    kaya_sim_disk_heal(machine.sim);
    cr_expect(call(&machine, file, KAYA_TRACE_RENAME) == KAYA_OK);
    machine_end(&machine);
    kaya_choices_destroy(choices);
}

/* ---- short transfers ---- */

static size_t transfer(struct machine *machine, struct kaya_file *file, bool writes, enum kaya_status *status)
{
    struct kaya_span spans[] = { { .bytes = "BB", .length = 2 }, { .bytes = "CC", .length = 2 } };
    char room[4];
    struct kaya_span into[] = { { .bytes = room, .length = 4 } };
    size_t done = 0;

    *status = writes ? machine->disk->operations->write(machine->disk, file, 0, spans, 2, &done)
                     : machine->disk->operations->read(machine->disk, file, 0, into, 1, 0, &done);
    return *status == KAYA_OK ? done : 0;
}

/* 1 to all, or interrupted; and what is said to be done is done. */
Test(error, transfers_are_cut_at_any_byte)
{
    for (int writes = 0; writes < 2; writes++) {
        struct kaya_choices *odometer = kaya_choices_odometer();
        struct kaya_sim_disk_options options = options_with(odometer, KAYA_FAULT_SHORT_TRANSFER, 2);
        bool seen[5] = { false };

        do {
            enum kaya_status status;
            struct kaya_file *file;
            struct machine machine;
            char bytes[4];
            size_t done, count;

            machine_start(&machine, &options);
            file = prepare(&machine, KAYA_FAULT_SHORT_TRANSFER);
            done = transfer(&machine, file, writes, &status);
            cr_assert(status == KAYA_OK || status == KAYA_INTERRUPTED);
            cr_expect(eq(int, status == KAYA_OK, done > 0));
            seen[done] = true;
            kaya_sim_disk_allow(machine.sim, KAYA_FAULT_SHORT_TRANSFER, false);
            cr_assert(kaya_disk_read(machine.disk, file, 0, bytes, 4, 0, &count) == KAYA_OK);
            for (size_t index = 0; writes && index < 4; index++)
                cr_expect(bytes[index] == (index < done ? "BBCC"[index] : 'A'));
            cr_expect(eq(int, kaya_sim_disk_fault_counts(machine.sim).struck[KAYA_FAULT_SHORT_TRANSFER] > 0,
                         done < 4));
            machine_end(&machine);
        } while (kaya_choices_advance(odometer));
        kaya_choices_destroy(odometer);
        for (unsigned done = 0; done <= 4; done++)
            cr_expect(seen[done], "%u", done);
    }
}

Test(error, the_checked_wrapper_finishes_what_was_cut_short)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct kaya_choices *choices = kaya_choices_from_seed(seed);
        struct kaya_sim_disk_options options = options_with(choices, KAYA_FAULT_SHORT_TRANSFER, 2);
        struct kaya_span span = { .bytes = moved, .length = 600 };
        struct machine machine;
        struct kaya_file *file;
        char bytes[FILE_BYTES];
        size_t count;

        machine_start(&machine, &options);
        file = prepare(&machine, KAYA_FAULT_SHORT_TRANSFER);
        memset(moved, 'B', sizeof moved);
        cr_expect(kaya_disk_write(machine.disk, file, 100, &span, 1) == KAYA_OK);
        cr_expect(kaya_disk_read(machine.disk, file, 0, bytes, sizeof bytes, 0, &count) == KAYA_OK);
        cr_expect(eq(sz, count, FILE_BYTES));
        for (size_t index = 0; index < FILE_BYTES; index++)
            cr_assert(bytes[index] == (index < 100 ? 'A' : index < 700 ? 'B' : 0));
        machine_end(&machine);
        kaya_choices_destroy(choices);
    }
}

/* ---- room ---- */

/* A disk of so many blocks, with a directory. */
static struct kaya_choices *start_small(struct machine *machine, unsigned blocks, bool cannot_allocate)
{
    struct kaya_choices *choices = kaya_choices_from_seed(0);
    struct kaya_sim_disk_options options = options_with(choices, -1, 0);

    options.capacity_bytes = (uint64_t)blocks * BLOCK_BYTES;
    options.cannot_allocate = cannot_allocate;
    machine_start(machine, &options);
    make_directory(machine);
    return choices;
}

static void end_small(struct machine *machine, struct kaya_choices *choices)
{
    machine_end(machine);
    kaya_choices_destroy(choices);
}

static struct kaya_file *new_file(struct machine *machine, const char *name)
{
    struct kaya_file *file;

    cr_assert(kaya_disk_open(machine->disk, name, KAYA_OPEN_CREATE, &file) == KAYA_OK);
    return file;
}

/* How many bytes of a long write are done; 0: KAYA_FULL. */
static size_t written(struct machine *machine, struct kaya_file *file, uint64_t offset, size_t length)
{
    static char bytes[16 * BLOCK_BYTES];
    struct kaya_span span = { .bytes = bytes, .length = length };
    size_t done = 0;
    enum kaya_status status = machine->disk->operations->write(machine->disk, file, offset, &span, 1, &done);

    cr_assert(status == KAYA_OK || status == KAYA_FULL);
    return status == KAYA_OK ? done : 0;
}

static uint64_t struck_full(const struct machine *machine)
{
    return kaya_sim_disk_fault_counts(machine->sim).struck[KAYA_FAULT_NO_SPACE];
}

Test(room, a_write_goes_as_far_as_there_is_room)
{
    struct machine machine;
    struct kaya_choices *choices = start_small(&machine, 3, false);
    struct kaya_file *file = new_file(&machine, "a");

    cr_expect(eq(sz, written(&machine, file, 0, 100), 100));
    cr_expect(eq(u64, struck_full(&machine), 0));
    cr_expect(eq(sz, written(&machine, file, 100, 4 * BLOCK_BYTES), 3 * BLOCK_BYTES - 100),
              "the rest of the disk");
    cr_expect(eq(u64, struck_full(&machine), 1));
    cr_expect(eq(sz, written(&machine, file, 3 * BLOCK_BYTES, 1), 0));
    cr_expect(eq(sz, written(&machine, file, 50, 200), 200), "what it holds it may overwrite");
    cr_expect(eq(u64, struck_full(&machine), 2));
    end_small(&machine, choices);
}

Test(room, what_was_reserved_is_there)
{
    struct machine machine;
    struct kaya_choices *choices = start_small(&machine, 3, false);
    struct kaya_file *first = new_file(&machine, "a");
    struct kaya_file *second = new_file(&machine, "b");

    cr_expect(kaya_disk_allocate(machine.disk, first, 2 * BLOCK_BYTES) == KAYA_OK);
    cr_expect(kaya_disk_allocate(machine.disk, second, 2 * BLOCK_BYTES) == KAYA_FULL);
    cr_expect(eq(sz, written(&machine, second, 0, 2 * BLOCK_BYTES), BLOCK_BYTES));
    cr_expect(eq(sz, written(&machine, first, 0, 2 * BLOCK_BYTES), 2 * BLOCK_BYTES));
    cr_expect(kaya_disk_truncate(machine.disk, second, 2 * BLOCK_BYTES) == KAYA_FULL);
    end_small(&machine, choices);
}

Test(room, comes_back_with_the_last_name_and_handle_and_with_a_cut)
{
    struct machine machine;
    struct kaya_choices *choices = start_small(&machine, 3, false);
    struct kaya_file *first = new_file(&machine, "a");
    struct kaya_file *second = new_file(&machine, "b");

    cr_assert(eq(sz, written(&machine, first, 0, 3 * BLOCK_BYTES), 3 * BLOCK_BYTES));
    erase(&machine, "a");
    cr_expect(eq(sz, written(&machine, second, 0, 1), 0), "a handle still holds it");
    kaya_disk_close(machine.disk, first);
    cr_expect(eq(sz, written(&machine, second, 0, 3 * BLOCK_BYTES), 3 * BLOCK_BYTES));
    first = new_file(&machine, "a");
    cr_expect(eq(sz, written(&machine, first, 0, 1), 0));
    cr_expect(kaya_disk_truncate(machine.disk, second, BLOCK_BYTES + 1) == KAYA_OK);
    cr_expect(eq(sz, written(&machine, first, 0, 2 * BLOCK_BYTES), BLOCK_BYTES));
    end_small(&machine, choices);
}

Test(room, comes_back_when_a_power_loss_takes_the_size)
{
    bool free_seen = false, held_seen = false;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine machine;
        struct kaya_choices *choices = start_small(&machine, 2, false);
        struct kaya_file *file;
        uint64_t size;

        kaya_choices_reseed(choices, seed);
        create(&machine, "a");
        sync_names(&machine);
        fill(&machine, "a", 0, 'A', 2 * BLOCK_BYTES);
        lose_power(&machine);
        cr_assert(kaya_disk_open(machine.disk, "a", KAYA_OPEN_WRITE, &file) == KAYA_OK);
        cr_assert(kaya_disk_size(machine.disk, file, &size) == KAYA_OK);
        kaya_disk_close(machine.disk, file);
        file = new_file(&machine, "b");
        cr_expect(eq(sz, written(&machine, file, 0, 2 * BLOCK_BYTES), 2 * BLOCK_BYTES - size));
        free_seen = free_seen || size == 0;
        held_seen = held_seen || size > 0;
        end_small(&machine, choices);
    }
    cr_expect(free_seen);
    cr_expect(held_seen);
}

/* A cut that the power loss undid has its blocks, all of them, again. */
Test(room, is_held_again_where_a_power_loss_undoes_a_cut)
{
    bool undone_seen = false;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct machine machine;
        struct kaya_choices *choices = start_small(&machine, 2, false);
        struct kaya_file *file;
        uint64_t size;

        kaya_choices_reseed(choices, seed);
        make_file(&machine, "a", 'A', 2 * BLOCK_BYTES);
        resize(&machine, "a", BLOCK_BYTES);
        lose_power(&machine);
        cr_assert(kaya_disk_open(machine.disk, "a", KAYA_OPEN_WRITE, &file) == KAYA_OK);
        cr_assert(kaya_disk_size(machine.disk, file, &size) == KAYA_OK);
        cr_expect(eq(sz, written(&machine, file, 0, size), size), "it may overwrite what it holds");
        kaya_disk_close(machine.disk, file);
        file = new_file(&machine, "b");
        cr_expect(eq(sz, written(&machine, file, 0, 2 * BLOCK_BYTES), 2 * BLOCK_BYTES - size));
        undone_seen = undone_seen || size > BLOCK_BYTES;
        end_small(&machine, choices);
    }
    cr_expect(undone_seen);
}

Test(room, others_take_it_and_give_it_back)
{
    struct machine machine;
    struct kaya_choices *choices = start_small(&machine, 4, false);
    struct kaya_file *file = new_file(&machine, "a");

    cr_expect(eq(sz, written(&machine, file, 0, 1), 1));
    kaya_sim_disk_leave_room(machine.sim, BLOCK_BYTES);
    cr_expect(eq(sz, written(&machine, file, 0, 4 * BLOCK_BYTES), 2 * BLOCK_BYTES));
    kaya_sim_disk_leave_room(machine.sim, UINT64_MAX);
    cr_expect(eq(sz, written(&machine, file, 0, 4 * BLOCK_BYTES), 4 * BLOCK_BYTES));
    end_small(&machine, choices);
}

Test(room, a_disk_that_cannot_reserve_finds_out_when_it_writes)
{
    struct machine machine;
    struct kaya_choices *choices = start_small(&machine, 2, true);
    struct kaya_file *file = new_file(&machine, "a");

    cr_expect(kaya_disk_allocate(machine.disk, file, BLOCK_BYTES) == KAYA_UNSUPPORTED);
    cr_expect(kaya_disk_truncate(machine.disk, file, 8 * BLOCK_BYTES) == KAYA_OK);
    cr_expect(eq(sz, written(&machine, file, 2 * BLOCK_BYTES, BLOCK_BYTES), BLOCK_BYTES), "behind a hole");
    cr_expect(eq(sz, written(&machine, file, 0, 3 * BLOCK_BYTES), BLOCK_BYTES), "the hole holds nothing");
    cr_expect(eq(sz, written(&machine, file, BLOCK_BYTES, 1), 0));
    cr_expect(eq(sz, written(&machine, file, 2 * BLOCK_BYTES, BLOCK_BYTES), BLOCK_BYTES),
              "what it holds it may overwrite");
    cr_expect(kaya_disk_truncate(machine.disk, file, BLOCK_BYTES) == KAYA_OK);
    cr_expect(eq(sz, written(&machine, file, BLOCK_BYTES, BLOCK_BYTES), BLOCK_BYTES),
              "the block behind the hole came back");
    end_small(&machine, choices);
}

/* ---- memory ---- */

Test(error, an_allocation_fails_where_the_dice_say_so)
{
    struct kaya_choices *odometer = kaya_choices_odometer();
    struct kaya_sim_disk_options options = options_with(odometer, KAYA_FAULT_OUT_OF_MEMORY, 2);
    struct kaya_sim_memory *memory = kaya_sim_memory_create();
    struct kaya_allocator *allocator = kaya_sim_memory_allocator(memory);
    unsigned outcomes = 0, given = 0;

    do {
        struct machine machine;
        void *blocks[2];

        machine_start(&machine, &options);
        kaya_sim_memory_reset(memory);
        kaya_sim_memory_on_allocate(memory, kaya_sim_disk_refuses_memory, machine.sim);
        for (unsigned index = 0; index < 2; index++) {
            blocks[index] = kaya_allocate(allocator, 100);
            given += blocks[index] != NULL;
        }
        cr_expect(eq(u64, kaya_sim_disk_fault_counts(machine.sim).struck[KAYA_FAULT_OUT_OF_MEMORY],
                     (uint64_t)((blocks[0] == NULL) + (blocks[1] == NULL))));
        outcomes++;
        machine_end(&machine);
    } while (kaya_choices_advance(odometer));
    cr_expect(eq(u32, outcomes, 4));
    cr_expect(eq(u32, given, 4), "each of two allocations in two of four outcomes");
    kaya_sim_memory_destroy(memory);
    kaya_choices_destroy(odometer);
}
