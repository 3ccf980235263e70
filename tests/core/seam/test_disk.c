/* The disk's wrappers over a fake that answers as it is told: one file of memory, transfers cut to a limit, statuses by
 * script. Transfers must come out whole for every cut; statuses and results outside the contract must trap, those inside
 * must go through: all slots times all statuses. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "kaya/seam/disk.h"
#include "trap.h"

enum { FILE_BYTES = 4096, STATUSES = KAYA_GONE + 1 };

struct fake {
    struct kaya_disk disk;
    struct kaya_file file;
    unsigned char bytes[FILE_BYTES];
    size_t size;
    size_t step_max;         /* a transfer does no more at once */
    enum kaya_status answer; /* of every slot, unless `interruptions` */
    unsigned interruptions;  /* so many calls are interrupted before each that is not */
    unsigned pending;
    unsigned calls;
    size_t excess;   /* added to the count of a transfer */
    bool gives_file; /* even where it failed, or not even where it did not */
    bool other_disk; /* the file says that it is another disk's */
    bool sets_size;
    bool sets_held;
    bool goes_on; /* list ignores what the visitor says */
    const char *entry;
    enum kaya_entry_kind kind;
};

static struct fake *fake_of(struct kaya_disk *disk)
{
    return (struct fake *)disk;
}

static enum kaya_status fake_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                  struct kaya_file **file)
{
    struct fake *fake = fake_of(disk);

    (void)name;
    (void)flags;
    fake->calls++;
    fake->file.disk = fake->other_disk ? NULL : disk;
    if (fake->gives_file)
        *file = &fake->file;
    return fake->answer;
}

static void fake_close(struct kaya_disk *disk, struct kaya_file *file)
{
    (void)file;
    fake_of(disk)->calls++;
}

static enum kaya_status fake_size(struct kaya_disk *disk, struct kaya_file *file, uint64_t *bytes)
{
    (void)file;
    if (fake_of(disk)->sets_size)
        *bytes = fake_of(disk)->size;
    return fake_of(disk)->answer;
}

static bool interrupts(struct fake *fake)
{
    fake->calls++;
    if (fake->pending > 0) {
        fake->pending--;
        return true;
    }
    fake->pending = fake->interruptions;
    return false;
}

static enum kaya_status fake_read(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                  const struct kaya_span *spans, size_t span_count, unsigned flags, size_t *done)
{
    struct fake *fake = fake_of(disk);
    size_t length = spans[0].length < fake->step_max ? spans[0].length : fake->step_max;

    (void)file;
    (void)flags;
    if (interrupts(fake))
        return KAYA_INTERRUPTED;
    if (fake->answer != KAYA_OK || span_count != 1)
        return fake->answer;
    if (offset >= fake->size)
        length = 0;
    else if (length > fake->size - offset)
        length = fake->size - offset;
    if (length > 0)
        memcpy(spans[0].bytes, fake->bytes + offset, length);
    *done = length + fake->excess;
    return KAYA_OK;
}

static enum kaya_status fake_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                   const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct fake *fake = fake_of(disk);
    size_t total = 0;

    (void)file;
    if (interrupts(fake))
        return KAYA_INTERRUPTED;
    if (fake->answer != KAYA_OK)
        return fake->answer;
    for (size_t index = 0; index < span_count && total < fake->step_max; index++) {
        size_t room = fake->step_max - total;
        size_t length = spans[index].length < room ? spans[index].length : room;

        memcpy(fake->bytes + offset + total, spans[index].bytes, length);
        total += length;
    }
    *done = total + fake->excess;
    return KAYA_OK;
}

static enum kaya_status fake_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    (void)file;
    return fake_of(disk)->answer;
}

static enum kaya_status fake_sync_directory(struct kaya_disk *disk, enum kaya_directory directory)
{
    (void)directory;
    return fake_of(disk)->answer;
}

static enum kaya_status fake_resize(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    (void)file;
    (void)bytes;
    return fake_of(disk)->answer;
}

static enum kaya_status fake_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    (void)from;
    (void)to;
    fake_of(disk)->calls++;
    return fake_of(disk)->answer;
}

static enum kaya_status fake_unlink(struct kaya_disk *disk, const char *name)
{
    (void)name;
    fake_of(disk)->calls++;
    return fake_of(disk)->answer;
}

static enum kaya_status fake_simple(struct kaya_disk *disk)
{
    return fake_of(disk)->answer;
}

static enum kaya_status fake_list(struct kaya_disk *disk, kaya_list_visitor *visit, void *user)
{
    struct fake *fake = fake_of(disk);
    bool more = true;

    for (unsigned round = 0; fake->entry != NULL && round < 3 && (more || fake->goes_on); round++)
        more = visit(user, fake->entry, fake->kind);
    return fake->answer;
}

static void fake_unlock(struct kaya_disk *disk)
{
    fake_of(disk)->calls++;
}

static enum kaya_status fake_probe(struct kaya_disk *disk, bool *held)
{
    if (fake_of(disk)->sets_held)
        *held = true;
    return fake_of(disk)->answer;
}

static const struct kaya_disk_operations operations = {
    .open = fake_open,
    .close = fake_close,
    .size = fake_size,
    .read = fake_read,
    .write = fake_write,
    .write_durable = fake_write,
    .sync = fake_sync,
    .sync_directory = fake_sync_directory,
    .truncate = fake_resize,
    .allocate = fake_resize,
    .rename = fake_rename,
    .unlink = fake_unlink,
    .create_directory = fake_simple,
    .list = fake_list,
    .lock = fake_simple,
    .unlock = fake_unlock,
    .probe_lock = fake_probe,
};

static struct fake fake;

static void reset(void)
{
    memset(&fake, 0, sizeof fake);
    fake.disk.operations = &operations;
    fake.disk.geometry = (struct kaya_geometry){ 512, 0, 4096, 1, true, false };
    fake.file.disk = &fake.disk;
    fake.step_max = SIZE_MAX;
    fake.sets_size = true;
    fake.gives_file = true;
}

/* ---- names and geometry ---- */

Test(names, are_one_to_255_bytes_without_slash_and_not_dots)
{
    char longest[KAYA_NAME_BYTES_MAX + 2];
    char one[2] = { 0 };

    for (unsigned byte = 1; byte <= UINT8_MAX; byte++) {
        one[0] = (char)byte;
        cr_expect(kaya_name_is_valid(one) == (byte != '/' && byte != '.'), "byte %u", byte);
    }
    cr_expect(!kaya_name_is_valid(NULL));
    cr_expect(!kaya_name_is_valid(""));
    cr_expect(!kaya_name_is_valid(".."));
    cr_expect(!kaya_name_is_valid("a/b"));
    cr_expect(!kaya_name_is_valid("/a"));
    cr_expect(!kaya_name_is_valid("a/"));
    cr_expect(!kaya_name_is_valid("../a"));
    cr_expect(kaya_name_is_valid("..."));
    cr_expect(kaya_name_is_valid(".a"));
    cr_expect(kaya_name_is_valid("..a"));
    cr_expect(kaya_name_is_valid("a."));
    memset(longest, 'n', sizeof longest);
    longest[KAYA_NAME_BYTES_MAX + 1] = '\0';
    cr_expect(!kaya_name_is_valid(longest));
    longest[KAYA_NAME_BYTES_MAX] = '\0';
    cr_expect(kaya_name_is_valid(longest));
}

Test(names, that_are_invalid_never_reach_the_disk)
{
    struct kaya_file *file = &fake.file;

    reset();
    cr_expect(kaya_disk_open(&fake.disk, "a/b", KAYA_OPEN_CREATE, &file) == KAYA_INVALID);
    cr_expect(file == NULL);
    cr_expect(kaya_disk_open(&fake.disk, NULL, KAYA_OPEN_READ, &file) == KAYA_INVALID);
    cr_expect(kaya_disk_rename(&fake.disk, "..", "a") == KAYA_INVALID);
    cr_expect(kaya_disk_rename(&fake.disk, "a", "") == KAYA_INVALID);
    cr_expect(kaya_disk_unlink(&fake.disk, "/") == KAYA_INVALID);
    cr_expect(fake.calls == 0);
}

Test(geometry, is_powers_of_two_within_bounds)
{
    static const struct {
        struct kaya_geometry geometry;
        bool valid;
    } cases[] = {
        { { 512, 0, 4096, 1, true, false }, true },
        { { 512, 512, 512, 512, false, false }, true },
        { { 4096, 4096, 4096, 4096, false, false }, true },
        { { 512, 16384, 4096, 1, true, false }, true },
        { { 0, 0, 4096, 1, true, false }, false },
        { { 256, 0, 4096, 1, true, false }, false },
        { { 520, 0, 4096, 1, true, false }, false },
        { { 512, 3, 4096, 1, true, false }, false },
        { { 512, 0, 0, 1, true, false }, false },
        { { 512, 0, 5000, 1, true, false }, false },
        { { 4096, 0, 512, 1, true, false }, false }, /* no page is smaller than a sector */
        { { 512, 0, 4096, 0, true, false }, false },
        { { 512, 0, 4096, 3, true, false }, false },
        { { 1u << 31, 0, 1u << 31, 1, true, false }, false },
        { { 512, 1u << 31, 4096, 1, true, false }, false },
        { { 512, 0, 4096, 1u << 31, true, false }, false },
    };

    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++)
        cr_expect(kaya_geometry_is_valid(&cases[index].geometry) == cases[index].valid, "case %zu", index);
}

/* ---- transfers ---- */

static unsigned char byte_at(size_t place)
{
    return (unsigned char)(place * 31 + place / 256 + 1);
}

/* Every cut, every count of interruptions that is borne, inside the file and across its end. */
Test(read, is_finished_whatever_the_steps)
{
    enum { SIZE = 300 };
    static const unsigned interruptions[] = { 0, 1, KAYA_INTERRUPTIONS_MAX - 1 };
    unsigned char bytes[2 * SIZE];

    for (size_t step = 1; step <= SIZE + 1; step++) {
        for (size_t index = 0; index < sizeof interruptions / sizeof *interruptions; index++) {
            for (size_t length = 0; length <= 2 * SIZE; length += 75) {
                size_t expected = length < SIZE - 10 ? length : SIZE - 10;
                size_t done = SIZE_MAX;

                reset();
                fake.size = SIZE;
                fake.step_max = step;
                fake.interruptions = fake.pending = interruptions[index];
                for (size_t place = 0; place < SIZE; place++)
                    fake.bytes[place] = byte_at(place);
                memset(bytes, 0, sizeof bytes);
                cr_assert(kaya_disk_read(&fake.disk, &fake.file, 10, bytes, length, 0, &done) == KAYA_OK);
                cr_assert(done == expected, "%zu instead of %zu, step %zu", done, expected, step);
                cr_assert(memcmp(bytes, fake.bytes + 10, done) == 0);
                cr_assert(bytes[done < sizeof bytes ? done : 0] == (done < sizeof bytes ? 0 : bytes[0]));
            }
        }
    }
}

Test(read, gives_up_after_a_hundred_interruptions_in_a_row)
{
    unsigned char bytes[8];
    size_t done = SIZE_MAX;

    reset();
    fake.size = sizeof bytes;
    fake.pending = KAYA_INTERRUPTIONS_MAX;
    cr_expect(kaya_disk_read(&fake.disk, &fake.file, 0, bytes, sizeof bytes, 0, &done) == KAYA_IO);
    cr_expect(done == 0);
    cr_expect(fake.calls == KAYA_INTERRUPTIONS_MAX);
}

Test(write, is_finished_whatever_the_steps_and_spans)
{
    enum { SIZE = 300 };
    static const size_t cuts[][5] = { { SIZE, 0, 0, 0, 0 },
                                      { 1, 298, 1, 0, 0 },
                                      { 0, 100, 0, 200, 0 },
                                      { 60, 60, 60, 60, 60 },
                                      { 0, 0, 0, 0, SIZE } };
    static const unsigned interruptions[] = { 0, 1, KAYA_INTERRUPTIONS_MAX - 1 };
    unsigned char source[SIZE];

    for (size_t place = 0; place < SIZE; place++)
        source[place] = byte_at(place);
    for (size_t step = 1; step <= SIZE + 1; step++) {
        for (size_t index = 0; index < sizeof interruptions / sizeof *interruptions; index++) {
            for (size_t cut = 0; cut < sizeof cuts / sizeof *cuts; cut++) {
                struct kaya_span spans[5], before[5];
                size_t place = 0;

                reset();
                fake.step_max = step;
                fake.interruptions = fake.pending = interruptions[index];
                for (size_t span = 0; span < 5; span++) {
                    spans[span] = (struct kaya_span){ .bytes = source + place, .length = cuts[cut][span] };
                    place += spans[span].length;
                }
                memcpy(before, spans, sizeof spans);
                cr_assert((step % 2 == 0 ? kaya_disk_write : kaya_disk_write_durable)(&fake.disk, &fake.file,
                                                                                      77, spans, 5) == KAYA_OK);
                cr_assert(memcmp(fake.bytes + 77, source, SIZE) == 0, "step %zu, cut %zu", step, cut);
                cr_assert(fake.bytes[76] == 0 && fake.bytes[77 + SIZE] == 0);
                cr_assert(memcmp(before, spans, sizeof spans) == 0, "the caller's spans were changed");
            }
        }
    }
}

Test(write, without_progress_is_an_error)
{
    unsigned char bytes[8] = { 0 };
    struct kaya_span span = { .bytes = bytes, .length = sizeof bytes };

    reset();
    fake.step_max = 0;
    cr_expect(kaya_disk_write(&fake.disk, &fake.file, 0, &span, 1) == KAYA_IO);
    cr_expect(fake.calls == 1);
    reset();
    fake.pending = KAYA_INTERRUPTIONS_MAX;
    cr_expect(kaya_disk_write_durable(&fake.disk, &fake.file, 0, &span, 1) == KAYA_IO);
    cr_expect(fake.calls == KAYA_INTERRUPTIONS_MAX);
}

Test(write, of_nothing_asks_nobody)
{
    struct kaya_span span = { .bytes = NULL, .length = 0 };

    reset();
    cr_expect(kaya_disk_write(&fake.disk, &fake.file, 0, &span, 1) == KAYA_OK);
    cr_expect(fake.calls == 0);
}

/* A disk that wants aligned I/O is continued on its alignment; less than a unit is the end of the file. */
Test(transfers, go_on_at_whole_units)
{
    enum { UNIT = 512 };
    static _Alignas(UNIT) unsigned char bytes[FILE_BYTES];
    struct kaya_span span = { .bytes = bytes, .length = 4 * UNIT };
    size_t done = SIZE_MAX;

    reset();
    fake.disk.geometry.buffer_alignment = UNIT;
    fake.size = 2 * UNIT + 100;
    fake.step_max = UNIT + 200;
    memset(fake.bytes, 'x', sizeof fake.bytes);
    cr_expect(kaya_disk_read(&fake.disk, &fake.file, 0, bytes, 4 * UNIT, 0, &done) == KAYA_OK);
    cr_expect(done == 2 * UNIT + 100, "%zu", done);
    cr_expect(bytes[done - 1] == 'x');
    cr_expect(bytes[done] == 0);
    cr_expect(fake.calls == 3); /* 0, 512, 1024 */

    reset();
    fake.disk.geometry.buffer_alignment = UNIT;
    fake.step_max = UNIT + 200;
    memset(bytes, 'y', sizeof bytes);
    cr_expect(kaya_disk_write(&fake.disk, &fake.file, UNIT, &span, 1) == KAYA_OK);
    cr_expect(fake.bytes[UNIT - 1] == 0);
    cr_expect(memcmp(fake.bytes + UNIT, bytes, 4 * UNIT) == 0);
    cr_expect(fake.bytes[5 * UNIT] == 0);

    fake.step_max = UNIT - 1;
    cr_expect(kaya_disk_write(&fake.disk, &fake.file, UNIT, &span, 1) == KAYA_IO);
}

/* ---- what callers owe ---- */

static void open_with_unknown_flags(void *argument)
{
    (void)argument;
    (void)!kaya_disk_open(&fake.disk, "a", 4, &(struct kaya_file *){ NULL });
}

static void open_without_result(void *argument)
{
    (void)argument;
    (void)!kaya_disk_open(&fake.disk, "a", 0, NULL);
}

static void use_no_disk(void *argument)
{
    (void)argument;
    (void)!kaya_disk_create_directory(NULL);
}

static void use_another_disks_file(void *argument)
{
    struct kaya_disk other = fake.disk;

    (void)argument;
    (void)!kaya_disk_sync(&other, &fake.file);
}

static void use_no_file(void *argument)
{
    (void)argument;
    (void)!kaya_disk_sync(&fake.disk, NULL);
}

static void read_at(void *argument)
{
    unsigned char bytes[8];
    size_t done;

    (void)!kaya_disk_read(&fake.disk, &fake.file, *(uint64_t *)argument, bytes, sizeof bytes, 0, &done);
}

static void read_with_unknown_flags(void *argument)
{
    unsigned char byte;
    size_t done;

    (void)argument;
    (void)!kaya_disk_read(&fake.disk, &fake.file, 0, &byte, 1, 2, &done);
}

static void read_to_nowhere(void *argument)
{
    size_t done;

    (void)argument;
    (void)!kaya_disk_read(&fake.disk, &fake.file, 0, NULL, 1, 0, &done);
}

static void write_many_spans(void *argument)
{
    struct kaya_span spans[KAYA_SPANS_MAX + 1] = { { NULL, 0 } };

    (void)!kaya_disk_write(&fake.disk, &fake.file, 0, spans, *(size_t *)argument);
}

static void write_endless_spans(void *argument)
{
    unsigned char byte = 0;
    struct kaya_span spans[2] = { { &byte, SIZE_MAX / 2 + 1 }, { &byte, SIZE_MAX / 2 + 1 } };

    (void)argument;
    (void)!kaya_disk_write(&fake.disk, &fake.file, 0, spans, 2);
}

struct aligned_case {
    uint64_t offset;
    size_t shift;
    size_t length;
};

static void write_aligned(void *argument)
{
    static _Alignas(512) unsigned char bytes[4096];
    const struct aligned_case *aligned = argument;
    struct kaya_span span = { .bytes = bytes + aligned->shift, .length = aligned->length };

    fake.disk.geometry.buffer_alignment = 512;
    (void)!kaya_disk_write(&fake.disk, &fake.file, aligned->offset, &span, 1);
}

static void truncate_to(void *argument)
{
    (void)!kaya_disk_truncate(&fake.disk, &fake.file, *(uint64_t *)argument);
}

static void allocate_to(void *argument)
{
    (void)!kaya_disk_allocate(&fake.disk, &fake.file, *(uint64_t *)argument);
}

static void sync_unknown_directory(void *argument)
{
    (void)argument;
    (void)!kaya_disk_sync_directory(&fake.disk, (enum kaya_directory)2);
}

static void list_for_nobody(void *argument)
{
    (void)argument;
    (void)!kaya_disk_list(&fake.disk, NULL, NULL);
}

Test(callers, are_held_to_what_they_owe)
{
    uint64_t last = INT64_MAX;
    uint64_t beyond = (uint64_t)INT64_MAX + 1;
    uint64_t last_place = INT64_MAX - 8;
    uint64_t nothing = 0;
    size_t sixteen = KAYA_SPANS_MAX, seventeen = KAYA_SPANS_MAX + 1, none = 0;

    reset();
    cr_expect(kaya_tests_traps(open_with_unknown_flags, NULL));
    cr_expect(kaya_tests_traps(open_without_result, NULL));
    cr_expect(kaya_tests_traps(use_no_disk, NULL));
    cr_expect(kaya_tests_traps(use_another_disks_file, NULL));
    cr_expect(kaya_tests_traps(use_no_file, NULL));
    cr_expect(!kaya_tests_traps(read_at, &last_place));
    cr_expect(kaya_tests_traps(read_at, &last));
    cr_expect(kaya_tests_traps(read_at, &(uint64_t){ UINT64_MAX }));
    cr_expect(kaya_tests_traps(read_with_unknown_flags, NULL));
    cr_expect(kaya_tests_traps(read_to_nowhere, NULL));
    cr_expect(!kaya_tests_traps(write_many_spans, &sixteen));
    cr_expect(kaya_tests_traps(write_many_spans, &seventeen));
    cr_expect(kaya_tests_traps(write_many_spans, &none));
    cr_expect(kaya_tests_traps(write_endless_spans, NULL));
    cr_expect(!kaya_tests_traps(write_aligned, &(struct aligned_case){ 512, 512, 512 }));
    cr_expect(kaya_tests_traps(write_aligned, &(struct aligned_case){ 511, 512, 512 }));
    cr_expect(kaya_tests_traps(write_aligned, &(struct aligned_case){ 512, 8, 512 }));
    cr_expect(kaya_tests_traps(write_aligned, &(struct aligned_case){ 512, 512, 100 }));
    cr_expect(!kaya_tests_traps(truncate_to, &last));
    cr_expect(kaya_tests_traps(truncate_to, &beyond));
    cr_expect(!kaya_tests_traps(allocate_to, &last));
    cr_expect(kaya_tests_traps(allocate_to, &beyond));
    cr_expect(kaya_tests_traps(allocate_to, &nothing));
    cr_expect(kaya_tests_traps(sync_unknown_directory, NULL));
    cr_expect(kaya_tests_traps(list_for_nobody, NULL));
}

Test(callers, may_close_null)
{
    reset();
    kaya_disk_close(&fake.disk, NULL);
    cr_expect(fake.calls == 0);
    kaya_disk_close(&fake.disk, &fake.file);
    kaya_disk_unlock(&fake.disk);
    cr_expect(fake.calls == 2);
}

/* ---- what disks owe ---- */

static bool visit_one(void *user, const char *name, enum kaya_entry_kind kind)
{
    (void)user;
    (void)name;
    (void)kind;
    return false;
}

/* Each slot once through its wrapper, by number; the status must come through as it is. */
static enum kaya_status call_slot(unsigned slot)
{
    unsigned char byte = 0;
    struct kaya_span span = { .bytes = &byte, .length = 1 };
    struct kaya_file *file;
    uint64_t size;
    size_t done;
    bool held;

    switch (slot) {
    case 0:
        return kaya_disk_open(&fake.disk, "a", KAYA_OPEN_WRITE, &file);
    case 1:
        return kaya_disk_open(&fake.disk, "a", KAYA_OPEN_CREATE, &file);
    case 2:
        return kaya_disk_size(&fake.disk, &fake.file, &size);
    case 3:
        return kaya_disk_read(&fake.disk, &fake.file, 0, &byte, 1, KAYA_READ_PAST_CACHE, &done);
    case 4:
        return kaya_disk_write(&fake.disk, &fake.file, 0, &span, 1);
    case 5:
        return kaya_disk_write_durable(&fake.disk, &fake.file, 0, &span, 1);
    case 6:
        return kaya_disk_sync(&fake.disk, &fake.file);
    case 7:
        return kaya_disk_sync_directory(&fake.disk, KAYA_DIRECTORY_PARENT);
    case 8:
        return kaya_disk_truncate(&fake.disk, &fake.file, 1);
    case 9:
        return kaya_disk_allocate(&fake.disk, &fake.file, 1);
    case 10:
        return kaya_disk_rename(&fake.disk, "a", "b");
    case 11:
        return kaya_disk_unlink(&fake.disk, "a");
    case 12:
        return kaya_disk_create_directory(&fake.disk);
    case 13:
        return kaya_disk_list(&fake.disk, visit_one, NULL);
    case 14:
        return kaya_disk_lock(&fake.disk);
    default:
        return kaya_disk_probe_lock(&fake.disk, &held);
    }
}

/* By the header: one letter a status, in the order of KAYA_STATUS_LIST: + allowed, . not. */
static const char *const allowed[] = {
    /*               OK INVALID NOT_FOUND EXISTS IO FULL NO_MEMORY LIMIT DENIED INTERRUPTED LOCKED BUSY DAMAGED
                     UNSUPPORTED WRONG_LOG TRIMMED END ENDED GONE */
    /* open */ "+++.+++++.........+",
    /* create */ "+++++++++.........+",
    /* size */ "+...+.............+",
    /* read */ "+...+....!........+",
    /* write */ "+...++...!........+",
    /* write_durable */ "+...++...!........+",
    /* sync */ "+...++............+",
    /* sync_directory */ "+++.+++++.........+",
    /* truncate */ "+...++............+",
    /* allocate */ "+...++.......+....+",
    /* rename */ "+++.+++++.........+",
    /* unlink */ "+++.+++++.........+",
    /* create_directory */ "+++++++++.........+",
    /* list */ "+++.+++++.........+",
    /* lock */ "+++.+++++.+.......+",
    /* probe_lock */ "+++.+++++.........+",
};

static void call(void *argument)
{
    (void)!call_slot(*(unsigned *)argument);
}

Test(disks, answer_within_the_contract_or_trap)
{
    cr_expect(sizeof allowed / sizeof *allowed == 16);
    for (unsigned slot = 0; slot < sizeof allowed / sizeof *allowed; slot++) {
        cr_assert(strlen(allowed[slot]) == STATUSES, "slot %u: %zu", slot, strlen(allowed[slot]));
        for (unsigned status = 0; status < STATUSES; status++) {
            reset();
            fake.size = 1;
            fake.answer = (enum kaya_status)status;
            fake.gives_file = status == KAYA_OK;
            if (allowed[slot][status] == '+')
                cr_expect(call_slot(slot) == fake.answer, "slot %u, %s", slot, kaya_status_name(fake.answer));
            else if (allowed[slot][status] == '!') /* for ever interrupted */
                cr_expect(call_slot(slot) == KAYA_IO, "slot %u", slot);
            else
                cr_expect(kaya_tests_traps(call, &slot), "slot %u, %s", slot, kaya_status_name(fake.answer));
        }
    }
}

Test(disks, set_their_results_as_the_contract_says)
{
    unsigned open = 0, size = 2, read = 3, write = 4, list = 13, probe = 15;

    reset();
    fake.gives_file = false;
    cr_expect(kaya_tests_traps(call, &open), "KAYA_OK and no file");
    reset();
    fake.answer = KAYA_IO;
    cr_expect(kaya_tests_traps(call, &open), "a file and no KAYA_OK");
    reset();
    fake.other_disk = true;
    cr_expect(kaya_tests_traps(call, &open), "a file of another disk");

    reset();
    fake.sets_size = false;
    cr_expect(kaya_tests_traps(call, &size), "a size that is not set");
    fake.answer = KAYA_IO;
    cr_expect(!kaya_tests_traps(call, &size), "which it need not be after a failure");

    reset();
    fake.size = 1;
    fake.excess = 1;
    cr_expect(kaya_tests_traps(call, &read), "more bytes read than asked for");
    cr_expect(kaya_tests_traps(call, &write), "more bytes written than asked for");

    reset();
    fake.entry = "..";
    cr_expect(kaya_tests_traps(call, &list), "the dots listed");
    fake.entry = "a";
    cr_expect(!kaya_tests_traps(call, &list));
    fake.goes_on = true;
    cr_expect(kaya_tests_traps(call, &list), "a visit after stop");
    fake.goes_on = false;
    fake.kind = (enum kaya_entry_kind)2;
    cr_expect(kaya_tests_traps(call, &list), "an unknown kind");

    reset();
    fake.sets_held = true;
    cr_expect(!kaya_tests_traps(call, &probe));
    fake.answer = KAYA_IO;
    cr_expect(kaya_tests_traps(call, &probe), "held, and failed");
}
