/* Conformance of disks: every slot, and every status of its contract that can be had without a fault.
 *
 * Slots are called straight, not through the checked wrappers: a wrapper traps on a broken contract, and here it should be
 * written down. (Names that the seam does not accept are the wrappers' business, so that one test goes through them.)
 * Sizes and offsets are rounded up to the disk's buffer alignment; where there is none they are odd on purpose.
 *
 * Each test gets a fresh disk with an empty directory, and may return at its first failure: handles left open are
 * closed and disks given back for it. Bytes in files come from `pattern`, a function of the place and a salt, so that a
 * byte from a wrong place or an older write does not pass for the right one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum {
    HANDLES_MAX = 16,
    ENTRIES = 300,
    ALIGNMENT_MAX = 4096,    /* the largest buffer alignment that these tests are made for */
    SCRATCH_BYTES = 1 << 20, /* more than any test needs at that alignment */
    CALLS_MAX = SCRATCH_BYTES + KAYA_INTERRUPTIONS_MAX
};

static const uint64_t LARGE_OFFSET_BYTES_DEFAULT = (uint64_t)5 << 30;

struct run {
    const struct kaya_conformance_disks *disks;
    struct kaya_conformance_result *result;
    const char *test;
    struct kaya_disk *disk;
    const struct kaya_disk_operations *slots; /* of `disk` */
    struct kaya_disk *second;                 /* on the same directory; NULL: none */
    struct kaya_file *handles[HANDLES_MAX];   /* open ones of `disk` */
    unsigned char *scratch;                   /* what is read or written now */
};

#define CHECK(run, ...) kaya_conformance_check((run)->result, (run)->test, __VA_ARGS__)

static bool is_status(struct run *run, enum kaya_status status, enum kaya_status expected, const char *what)
{
    return CHECK(run, status == expected, "%s: expected %s, got %s", what, kaya_status_name(expected),
                 kaya_status_name(status));
}

/* ---- sizes and bytes ---- */

static size_t rounded(const struct run *run, size_t bytes)
{
    size_t unit = run->disk->geometry.buffer_alignment;

    return (bytes + unit - 1) / unit * unit;
}

static unsigned char pattern(uint64_t place, unsigned salt)
{
    uint64_t mixed = (place + 1) * 0x9E3779B97F4A7C15u + salt * 0xC2B2AE3D27D4EB4Fu;

    return (unsigned char)(mixed >> 56) | 1; /* never zero, so that a hole shows */
}

static void fill(unsigned char *bytes, size_t length, uint64_t place, unsigned salt)
{
    for (size_t index = 0; index < length; index++)
        bytes[index] = pattern(place + index, salt);
}

/* ---- handles ---- */

static struct kaya_file *open_file(struct run *run, const char *name, unsigned flags)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = run->slots->open(run->disk, name, flags, &file);
    size_t index = 0;

    if (!is_status(run, status, KAYA_OK, "open"))
        return NULL;
    if (!CHECK(run, file != NULL, "open answered KAYA_OK and gave no file"))
        return NULL;
    CHECK(run, file->disk == run->disk, "the file does not name its disk");
    while (run->handles[index] != NULL)
        index++;
    run->handles[index] = file;
    return file;
}

static void close_file(struct run *run, struct kaya_file *file)
{
    for (size_t index = 0; index < HANDLES_MAX; index++) {
        if (run->handles[index] == file)
            run->handles[index] = NULL;
    }
    run->slots->close(run->disk, file);
}

/* What opening `name` with `flags` answers; a file that came of it is closed again. */
static enum kaya_status open_status(struct run *run, const char *name, unsigned flags)
{
    struct kaya_file *file = NULL;
    enum kaya_status status = run->slots->open(run->disk, name, flags, &file);

    if (status == KAYA_OK && file != NULL)
        run->slots->close(run->disk, file);
    return status;
}

/* ---- transfers, finished here so that each step's count is checked ---- */

typedef enum kaya_status write_slot(struct kaya_disk *, struct kaya_file *, uint64_t,
                                    const struct kaya_span *, size_t, size_t *);

static bool transfer_goes_on(struct run *run, enum kaya_status status, size_t done, size_t asked, unsigned calls)
{
    if (!CHECK(run, calls < CALLS_MAX, "no end after %u calls", calls))
        return false;
    if (status == KAYA_INTERRUPTED)
        return true;
    return is_status(run, status, KAYA_OK, "transfer") &&
           CHECK(run, done <= asked, "%zu bytes done of %zu that were asked for", done, asked);
}

/* Write pattern bytes to [offset, offset + length). */
static bool put_by(struct run *run, struct kaya_file *file, uint64_t offset, size_t length, unsigned salt,
                   write_slot *slot)
{
    size_t total = 0;

    fill(run->scratch, length, offset, salt);
    for (unsigned calls = 0; total < length; calls++) {
        struct kaya_span span = { .bytes = run->scratch + total, .length = length - total };
        size_t done = SIZE_MAX;
        enum kaya_status status = slot(run->disk, file, offset + total, &span, 1, &done);

        if (!transfer_goes_on(run, status, done, span.length, calls))
            return false;
        if (status == KAYA_INTERRUPTED)
            continue;
        if (!CHECK(run, done >= 1, "a write answered KAYA_OK and took nothing"))
            return false;
        total += done;
    }
    return true;
}

static bool put(struct run *run, struct kaya_file *file, uint64_t offset, size_t length, unsigned salt)
{
    return put_by(run, file, offset, length, salt, run->slots->write);
}

/* Read up to `length` bytes to scratch. *got is less only if the file ends there. */
static bool get(struct run *run, struct kaya_file *file, uint64_t offset, size_t length, unsigned flags,
                size_t *got)
{
    *got = 0;
    memset(run->scratch, 0xEE, length);
    for (unsigned calls = 0; *got < length; calls++) {
        struct kaya_span span = { .bytes = run->scratch + *got, .length = length - *got };
        size_t done = SIZE_MAX;
        enum kaya_status status = run->slots->read(run->disk, file, offset + *got, &span, 1, flags, &done);

        if (!transfer_goes_on(run, status, done, span.length, calls))
            return false;
        if (status == KAYA_INTERRUPTED)
            continue;
        *got += done;
        if (done % run->disk->geometry.buffer_alignment != 0 || done == 0)
            return true;
    }
    return true;
}

/* [offset, offset + length) of the file is there and holds pattern bytes (salt > 0) or zeros (salt 0). */
static bool holds(struct run *run, struct kaya_file *file, uint64_t offset, size_t length, unsigned salt,
                  unsigned flags)
{
    size_t got;

    if (!get(run, file, offset, length, flags, &got))
        return false;
    if (!CHECK(run, got == length, "%zu bytes at %llu of a file that has %zu there", got,
               (unsigned long long)offset, length))
        return false;
    for (size_t index = 0; index < length; index++) {
        unsigned char expected = salt == 0 ? 0 : pattern(offset + index, salt);

        if (run->scratch[index] != expected)
            return CHECK(run, false, "byte at %llu: expected 0x%02x, read 0x%02x",
                         (unsigned long long)(offset + index), expected, run->scratch[index]);
    }
    return true;
}

static bool has_bytes(struct run *run, struct kaya_file *file, uint64_t offset, size_t length, unsigned salt)
{
    return holds(run, file, offset, length, salt, KAYA_READ_CACHED);
}

static bool has_zeros(struct run *run, struct kaya_file *file, uint64_t offset, size_t length)
{
    return holds(run, file, offset, length, 0, KAYA_READ_CACHED);
}

static bool has_size(struct run *run, struct kaya_file *file, uint64_t expected)
{
    uint64_t bytes = UINT64_MAX;
    enum kaya_status status = run->slots->size(run->disk, file, &bytes);

    return is_status(run, status, KAYA_OK, "size") &&
           CHECK(run, bytes == expected, "size: expected %llu, got %llu", (unsigned long long)expected,
                 (unsigned long long)bytes);
}

static bool ends_at(struct run *run, struct kaya_file *file, uint64_t offset)
{
    size_t got;

    return get(run, file, offset, rounded(run, 100), KAYA_READ_CACHED, &got) &&
           CHECK(run, got == 0, "%zu bytes read at %llu, which is the end or behind it", got,
                 (unsigned long long)offset);
}

static bool truncated(struct run *run, struct kaya_file *file, uint64_t bytes)
{
    return is_status(run, run->slots->truncate(run->disk, file, bytes), KAYA_OK, "truncate") &&
           has_size(run, file, bytes);
}

/* ---- names in the directory ---- */

struct seen {
    unsigned counts[ENTRIES]; /* of names "file-<index>" */
    unsigned strangers;       /* names that are none of those, the lock file aside */
    unsigned not_files;
    unsigned visits;
    unsigned visits_max; /* stop there; 0: never */
};

static bool see(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct seen *seen = user;
    unsigned index;
    char trailing;

    seen->visits++;
    if (kind != KAYA_ENTRY_FILE)
        seen->not_files++;
    if (sscanf(name, "file-%u%c", &index, &trailing) == 1 && index < ENTRIES)
        seen->counts[index]++;
    else if (strcmp(name, KAYA_LOCK_NAME) != 0)
        seen->strangers++;
    return seen->visits_max == 0 || seen->visits < seen->visits_max;
}

/* The directory holds "file-<index>" for each index in [first, end), and nothing else. */
static bool lists(struct run *run, unsigned first, unsigned end)
{
    struct seen seen = { .visits_max = 0 };

    if (!is_status(run, run->slots->list(run->disk, see, &seen), KAYA_OK, "list"))
        return false;
    for (unsigned index = 0; index < ENTRIES; index++) {
        unsigned expected = index >= first && index < end ? 1 : 0;

        if (!CHECK(run, seen.counts[index] == expected, "file-%u was visited %u times instead of %u", index,
                   seen.counts[index], expected))
            return false;
    }
    return CHECK(run, seen.strangers == 0, "%u names that nobody made", seen.strangers) &&
           CHECK(run, seen.not_files == 0, "%u files are listed as something else", seen.not_files);
}

/* ---- the tests ---- */

static void geometry_is_valid(struct run *run)
{
    CHECK(run, kaya_geometry_is_valid(&run->disk->geometry), "sector %u, atomic %u, write-back %u, alignment %u",
          run->disk->geometry.sector_bytes, run->disk->geometry.atomic_bytes,
          run->disk->geometry.writeback_bytes, run->disk->geometry.buffer_alignment);
}

/* The one test that begins without the directory. */
static void a_missing_directory_is_said_and_can_be_made(struct run *run)
{
    struct seen seen = { .visits_max = 0 };
    bool held = true;
    enum kaya_status status;

    is_status(run, open_status(run, "file-0", KAYA_OPEN_READ), KAYA_NOT_FOUND, "open");
    is_status(run, open_status(run, "file-0", KAYA_OPEN_CREATE), KAYA_NOT_FOUND, "create");
    is_status(run, run->slots->list(run->disk, see, &seen), KAYA_NOT_FOUND, "list");
    is_status(run, run->slots->unlink(run->disk, "file-0"), KAYA_NOT_FOUND, "unlink");
    is_status(run, run->slots->rename(run->disk, "file-0", "file-1"), KAYA_NOT_FOUND, "rename");
    is_status(run, run->slots->lock(run->disk), KAYA_NOT_FOUND, "lock");
    status = run->slots->probe_lock(run->disk, &held);
    CHECK(run, status == KAYA_NOT_FOUND || (status == KAYA_OK && !held), "the lock of no directory: %s, %s",
          kaya_status_name(status), held ? "held" : "not held");
    is_status(run, run->slots->create_directory(run->disk), KAYA_OK, "create directory");
    is_status(run, run->slots->create_directory(run->disk), KAYA_EXISTS, "create directory again");
    is_status(run, run->slots->sync_directory(run->disk, KAYA_DIRECTORY_PARENT), KAYA_OK, "sync parent");
    is_status(run, run->slots->sync_directory(run->disk, KAYA_DIRECTORY_LOG), KAYA_OK, "sync directory");
    lists(run, 0, 0);
    is_status(run, open_status(run, "file-0", KAYA_OPEN_CREATE), KAYA_OK, "create");
    lists(run, 0, 1);
}

static void create_makes_a_new_empty_file(struct run *run)
{
    struct kaya_file *file;

    is_status(run, open_status(run, "file-0", KAYA_OPEN_READ), KAYA_NOT_FOUND, "open before");
    is_status(run, open_status(run, "file-0", KAYA_OPEN_WRITE), KAYA_NOT_FOUND, "open for writing before");
    if (!lists(run, 0, 0))
        return;
    file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    if (file == NULL || !has_size(run, file, 0) || !ends_at(run, file, 0))
        return;
    if (!put(run, file, 0, rounded(run, 100), 1)) /* KAYA_OPEN_CREATE implies writing */
        return;
    is_status(run, open_status(run, "file-0", KAYA_OPEN_CREATE), KAYA_EXISTS, "create again");
    has_size(run, file, rounded(run, 100));
    has_bytes(run, file, 0, rounded(run, 100), 1);
    is_status(run, open_status(run, "file-1", KAYA_OPEN_READ), KAYA_NOT_FOUND, "open of another name");
}

static void what_is_closed_is_found_again(struct run *run)
{
    size_t length = rounded(run, 5001);
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE | KAYA_OPEN_WRITE);

    if (file == NULL || !put(run, file, 0, length, 1))
        return;
    close_file(run, file);
    file = open_file(run, "file-0", KAYA_OPEN_READ);
    if (file == NULL || !has_size(run, file, length) || !has_bytes(run, file, 0, length, 1))
        return;
    close_file(run, file);
    for (unsigned round = 0; round < 3000; round++) { /* more handles than a process may have at once */
        if (!is_status(run, open_status(run, "file-0", round % 2 == 0 ? KAYA_OPEN_READ : KAYA_OPEN_WRITE),
                       KAYA_OK, "open once more"))
            return;
    }
}

static void names_that_reach_elsewhere_are_refused(struct run *run)
{
    static const char *const names[] = { "", ".", "..", "/", "/etc", "a/b", "../file-0", "a/", "./file-0" };
    char longest[KAYA_NAME_BYTES_MAX + 2];
    struct kaya_file *file = NULL;

    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
        is_status(run, kaya_disk_open(run->disk, names[index], KAYA_OPEN_CREATE, &file), KAYA_INVALID, "create");
        is_status(run, kaya_disk_open(run->disk, names[index], KAYA_OPEN_READ, &file), KAYA_INVALID, "open");
        is_status(run, kaya_disk_rename(run->disk, names[index], "file-0"), KAYA_INVALID, "rename from");
        is_status(run, kaya_disk_rename(run->disk, "file-0", names[index]), KAYA_INVALID, "rename to");
        is_status(run, kaya_disk_unlink(run->disk, names[index]), KAYA_INVALID, "unlink");
    }
    memset(longest, 'n', sizeof longest);
    longest[KAYA_NAME_BYTES_MAX + 1] = '\0';
    is_status(run, kaya_disk_open(run->disk, longest, KAYA_OPEN_CREATE, &file), KAYA_INVALID, "a name too long");
    lists(run, 0, 0);
    longest[KAYA_NAME_BYTES_MAX] = '\0';
    is_status(run, open_status(run, longest, KAYA_OPEN_CREATE), KAYA_OK, "the longest name");
    is_status(run, open_status(run, longest, KAYA_OPEN_READ), KAYA_OK, "the longest name again");
    is_status(run, run->slots->unlink(run->disk, longest), KAYA_OK, "unlink of the longest name");
    is_status(run, open_status(run, "...", KAYA_OPEN_CREATE), KAYA_OK, "three dots are a name");
}

static void reading_ends_where_the_file_ends(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    size_t length = rounded(run, 1000);
    size_t got;

    if (file == NULL || !put(run, file, 0, length, 1))
        return;
    if (!get(run, file, 0, 2 * length, KAYA_READ_CACHED, &got))
        return;
    CHECK(run, got == length, "%zu bytes of a file of %zu", got, length);
    if (!truncated(run, file, length - 1) || !get(run, file, 0, 2 * length, KAYA_READ_CACHED, &got))
        return;
    CHECK(run, got == length - 1, "%zu bytes of a file of %zu", got, length - 1);
    ends_at(run, file, length);
    ends_at(run, file, length + rounded(run, 1));
    ends_at(run, file, (uint64_t)length << 20);
    has_size(run, file, length - 1); /* reading behind the end does not grow it */
}

/* Over and over at odd places and lengths, with a copy of what should be there. */
static void what_is_written_is_read(struct run *run)
{
    enum { FILE_BYTES = 64 * 1024, WRITES = 200 };
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    unsigned char *model = calloc(1, FILE_BYTES);
    uint64_t size = 0;
    uint32_t state = 12345;
    size_t got;

    if (file == NULL || model == NULL)
        goto done;
    for (unsigned round = 1; round <= WRITES; round++) {
        size_t offset, length;

        state = state * 1664525 + 1013904223;
        offset = rounded(run, state >> 8) % (FILE_BYTES / 2);
        length = rounded(run, 1 + (state >> 4) % (round % 7 == 0 ? 20000 : 700));
        fill(model + offset, length, offset, round);
        if (offset + length > size)
            size = offset + length;
        if (!put(run, file, offset, length, round) || !has_size(run, file, size) ||
            !has_bytes(run, file, offset, length, round))
            goto done;
    }
    if (get(run, file, 0, (size_t)size, KAYA_READ_CACHED, &got) &&
        CHECK(run, got == size, "%zu bytes of a file of %llu", got, (unsigned long long)size))
        CHECK(run, memcmp(run->scratch, model, got) == 0, "some write changed bytes that were not its own");
done:
    free(model);
}

/* What two spans hold goes one behind the other, empty ones count for nothing, and sixteen are taken. */
static void spans_follow_each_other(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_span spans[KAYA_SPANS_MAX];
    size_t unit = rounded(run, 37);
    size_t total = 0;
    size_t done = SIZE_MAX;
    unsigned interruptions = 0;
    enum kaya_status status;

    if (file == NULL)
        return;
    for (size_t index = 0; index < KAYA_SPANS_MAX; index++) { /* lengths of 0 to 4 units; apart in memory */
        spans[index].bytes = run->scratch + index * rounded(run, 5 * unit);
        spans[index].length = index % 5 * unit;
        fill(spans[index].bytes, spans[index].length, total, 1);
        total += spans[index].length;
    }
    do
        status = run->slots->write(run->disk, file, 0, spans, KAYA_SPANS_MAX, &done);
    while (status == KAYA_INTERRUPTED && ++interruptions < KAYA_INTERRUPTIONS_MAX);
    if (!is_status(run, status, KAYA_OK, "write of spans") ||
        !CHECK(run, done >= 1 && done <= total, "%zu of %zu bytes done", done, total))
        return;
    if (!has_size(run, file, done) || !has_bytes(run, file, 0, done, 1) || !put(run, file, 0, total, 2))
        return;

    memset(run->scratch, 0, SCRATCH_BYTES);
    done = SIZE_MAX;
    do
        status = run->slots->read(run->disk, file, 0, spans, KAYA_SPANS_MAX, KAYA_READ_CACHED, &done);
    while (status == KAYA_INTERRUPTED && ++interruptions < KAYA_INTERRUPTIONS_MAX);
    if (!is_status(run, status, KAYA_OK, "read to spans") ||
        !CHECK(run, done >= 1 && done <= total, "%zu of %zu bytes done", done, total))
        return;
    for (size_t index = 0, place = 0; index < KAYA_SPANS_MAX; index++) {
        const unsigned char *bytes = spans[index].bytes;

        for (size_t inner = 0; inner < spans[index].length && place < done; inner++, place++) {
            if (bytes[inner] != pattern(place, 2)) {
                CHECK(run, false, "byte %zu of span %zu is wrong", inner, index);
                return;
            }
        }
        CHECK(run, bytes[spans[index].length] == 0, "the byte behind span %zu was written", index);
    }
}

static void growth_shows_zeros_between(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    size_t head = rounded(run, 700);
    size_t far = rounded(run, 50001);

    if (file == NULL || !put(run, file, 0, head, 1) || !put(run, file, far, head, 1))
        return;
    has_size(run, file, far + head);
    has_bytes(run, file, 0, head, 1);
    has_zeros(run, file, head, far - head);
    has_bytes(run, file, far, head, 1);
}

static void truncate_cuts_and_grows_with_zeros(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    size_t length = rounded(run, 20011);
    size_t cut = rounded(run, 5003);

    if (file == NULL || !put(run, file, 0, length, 1) || !truncated(run, file, cut))
        return;
    if (!has_bytes(run, file, 0, cut, 1) || !ends_at(run, file, cut))
        return;
    if (!truncated(run, file, length)) /* nothing old comes back, within a sector or behind */
        return;
    has_bytes(run, file, 0, cut, 1);
    has_zeros(run, file, cut, length - cut);
    if (!truncated(run, file, cut) || !put(run, file, length, cut, 2))
        return;
    has_zeros(run, file, cut, length - cut); /* nor by a write behind the end */
    has_bytes(run, file, length, cut, 2);
    if (!truncated(run, file, 0) || !ends_at(run, file, 0))
        return;
    if (truncated(run, file, 3 * length))
        has_zeros(run, file, 0, 3 * length);
    truncated(run, file, 3 * length); /* the size it has */
}

static void allocate_grows_and_keeps(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    size_t length = rounded(run, 3001);
    size_t room = rounded(run, 100003);
    enum kaya_status status;

    if (file == NULL || !put(run, file, 0, length, 1))
        return;
    status = run->slots->allocate(run->disk, file, room);
    if (!CHECK(run, status == KAYA_OK || status == KAYA_UNSUPPORTED, "allocate: %s", kaya_status_name(status)))
        return;
    if (status == KAYA_UNSUPPORTED) {
        has_size(run, file, length);
        has_bytes(run, file, 0, length, 1);
        return;
    }
    has_size(run, file, room);
    has_bytes(run, file, 0, length, 1);
    has_zeros(run, file, length, room - length);
    is_status(run, run->slots->allocate(run->disk, file, length), KAYA_OK, "allocate less than there is");
    has_size(run, file, room);
    has_bytes(run, file, 0, length, 1);
}

static void rename_replaces(struct run *run)
{
    size_t length = rounded(run, 2000);
    struct kaya_file *moved = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_file *replaced = open_file(run, "file-1", KAYA_OPEN_CREATE);
    struct kaya_file *again;

    if (moved == NULL || replaced == NULL || !put(run, moved, 0, length, 1) ||
        !put(run, replaced, 0, 2 * length, 2))
        return;
    if (!is_status(run, run->slots->rename(run->disk, "file-0", "file-1"), KAYA_OK, "rename over a file") ||
        !lists(run, 1, 2))
        return;
    is_status(run, open_status(run, "file-0", KAYA_OPEN_READ), KAYA_NOT_FOUND, "open of the old name");
    again = open_file(run, "file-1", KAYA_OPEN_READ);
    if (again == NULL || !has_size(run, again, length) || !has_bytes(run, again, 0, length, 1))
        return;
    has_bytes(run, replaced, 0, 2 * length, 2); /* what was replaced lives on in its handle */
    if (put(run, moved, 0, length, 3))          /* and the moved file's handle goes with the file */
        has_bytes(run, again, 0, length, 3);

    is_status(run, run->slots->rename(run->disk, "file-0", "file-1"), KAYA_NOT_FOUND, "rename of nothing");
    has_bytes(run, again, 0, length, 3);
    if (is_status(run, run->slots->rename(run->disk, "file-1", "file-1"), KAYA_OK, "rename to itself"))
        lists(run, 1, 2);
    if (is_status(run, run->slots->rename(run->disk, "file-1", "file-2"), KAYA_OK, "rename to a free name"))
        lists(run, 2, 3);
    is_status(run, open_status(run, "file-1", KAYA_OPEN_CREATE), KAYA_OK, "create under the old name");
}

static void an_unlinked_file_lives_on_in_its_handle(struct run *run)
{
    size_t length = rounded(run, 3000);
    struct kaya_file *old = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_file *new;

    if (old == NULL || !put(run, old, 0, length, 1))
        return;
    is_status(run, run->slots->unlink(run->disk, "file-1"), KAYA_NOT_FOUND, "unlink of nothing");
    is_status(run, run->slots->unlink(run->disk, "file-0"), KAYA_OK, "unlink");
    is_status(run, run->slots->unlink(run->disk, "file-0"), KAYA_NOT_FOUND, "unlink again");
    is_status(run, open_status(run, "file-0", KAYA_OPEN_READ), KAYA_NOT_FOUND, "open after unlink");
    lists(run, 0, 0);
    if (!has_bytes(run, old, 0, length, 1) || !put(run, old, length, length, 1))
        return;
    is_status(run, run->slots->sync(run->disk, old), KAYA_OK, "sync of an unlinked file");
    new = open_file(run, "file-0", KAYA_OPEN_CREATE);
    if (new == NULL || !has_size(run, new, 0) || !put(run, new, 0, length, 2))
        return;
    has_bytes(run, old, 0, 2 * length, 1);
    has_bytes(run, new, 0, length, 2);
}

static void a_list_has_every_name_once(struct run *run)
{
    struct seen seen = { .visits_max = 7 };
    char name[32];

    for (unsigned index = 0; index < ENTRIES; index++) {
        (void)snprintf(name, sizeof name, "file-%u", index);
        if (!is_status(run, open_status(run, name, KAYA_OPEN_CREATE), KAYA_OK, "create"))
            return;
    }
    if (!lists(run, 0, ENTRIES))
        return;
    is_status(run, run->slots->list(run->disk, see, &seen), KAYA_OK, "list that is stopped");
    CHECK(run, seen.visits == 7, "%u visits after the visitor said stop at 7", seen.visits);
    for (unsigned index = 0; index < ENTRIES / 2; index++) {
        (void)snprintf(name, sizeof name, "file-%u", index);
        if (!is_status(run, run->slots->unlink(run->disk, name), KAYA_OK, "unlink"))
            return;
    }
    lists(run, ENTRIES / 2, ENTRIES);
}

static void probe_says(struct run *run, struct kaya_disk *disk, bool expected)
{
    bool held = !expected;
    enum kaya_status status = disk->operations->probe_lock(disk, &held);

    if (is_status(run, status, KAYA_OK, "probe"))
        CHECK(run, held == expected, "probe: the lock is %s", held ? "held" : "not held");
}

static void the_lock_is_for_one(struct run *run)
{
    struct kaya_disk *other = run->second != NULL ? run->second : run->disk;
    struct seen seen = { .visits_max = 0 };
    struct kaya_file *file;

    probe_says(run, run->disk, false);
    is_status(run, run->slots->list(run->disk, see, &seen), KAYA_OK, "list");
    CHECK(run, seen.visits == 0, "a probe made %u names", seen.visits);
    for (unsigned round = 0; round < 3; round++) {
        if (!is_status(run, run->slots->lock(run->disk), KAYA_OK, "lock"))
            return;
        probe_says(run, run->disk, true);
        probe_says(run, other, true);
        is_status(run, other->operations->lock(other), KAYA_LOCKED, "second lock");
        is_status(run, run->slots->lock(run->disk), KAYA_LOCKED, "lock by who has it");
        probe_says(run, other, true); /* neither attempt nor probe lets go of it */
        file = open_file(run, "file-0", round == 0 ? KAYA_OPEN_CREATE : KAYA_OPEN_WRITE);
        if (file != NULL)
            close_file(run, file);
        is_status(run, other->operations->lock(other), KAYA_LOCKED, "second lock after a file was closed");
        run->slots->unlock(run->disk);
        probe_says(run, run->disk, false);
        probe_says(run, other, false);
        if (other == run->disk)
            continue;
        is_status(run, other->operations->lock(other), KAYA_OK, "lock by the second");
        is_status(run, run->slots->lock(run->disk), KAYA_LOCKED, "lock by the first while the second has it");
        other->operations->unlock(other);
    }
    lists(run, 0, 1);
}

static void syncing_changes_nothing_that_is_seen(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    size_t length = rounded(run, 9001);

    if (file == NULL)
        return;
    is_status(run, run->slots->sync(run->disk, file), KAYA_OK, "sync of an empty file");
    for (unsigned round = 1; round <= 3; round++) {
        if (!put(run, file, length * round, length, round))
            return;
        is_status(run, run->slots->sync(run->disk, file), KAYA_OK, "sync");
        is_status(run, run->slots->sync_directory(run->disk, KAYA_DIRECTORY_LOG), KAYA_OK, "sync directory");
        is_status(run, run->slots->sync_directory(run->disk, KAYA_DIRECTORY_PARENT), KAYA_OK, "sync parent");
        has_size(run, file, length * (round + 1));
        has_bytes(run, file, length * round, length, round);
    }
    has_zeros(run, file, 0, length);
    has_bytes(run, file, length, length, 1);
    is_status(run, run->slots->sync(run->disk, file), KAYA_OK, "sync with nothing to do");
}

static void reading_past_the_cache_sees_the_same(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_file *reader = open_file(run, "file-0", KAYA_OPEN_READ);
    size_t length = rounded(run, 30011);
    size_t middle = rounded(run, 10007);
    size_t got;

    if (file == NULL || reader == NULL || !put(run, file, 0, length, 1))
        return;
    holds(run, reader, 0, length, 1, KAYA_READ_PAST_CACHE); /* never synced */
    is_status(run, run->slots->sync(run->disk, file), KAYA_OK, "sync");
    if (!put(run, file, middle, middle, 2)) /* dirty over synced */
        return;
    holds(run, reader, middle, middle, 2, KAYA_READ_PAST_CACHE);
    holds(run, reader, 0, middle, 1, KAYA_READ_PAST_CACHE);
    holds(run, file, 2 * middle, length - 2 * middle, 1, KAYA_READ_PAST_CACHE);
    has_bytes(run, file, middle, middle, 2);
    if (get(run, reader, length, rounded(run, 100), KAYA_READ_PAST_CACHE, &got))
        CHECK(run, got == 0, "%zu bytes past the cache at the end", got);
    if (put(run, file, middle, middle, 3)) /* and again, over what was just dropped */
        holds(run, reader, middle, middle, 3, KAYA_READ_PAST_CACHE);
    has_size(run, file, length);
}

static void a_durable_write_is_a_write(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_file *reader = open_file(run, "file-0", KAYA_OPEN_READ);
    size_t length = rounded(run, 20011);
    size_t part = rounded(run, 5003);

    if (file == NULL || reader == NULL || !put(run, file, 0, length, 1))
        return;
    if (!put_by(run, file, part, part, 2, run->slots->write_durable))
        return;
    has_size(run, file, length);
    has_bytes(run, file, 0, part, 1);
    has_bytes(run, file, part, part, 2);
    has_bytes(run, file, 2 * part, length - 2 * part, 1);
    has_bytes(run, reader, part, part, 2);
    if (put_by(run, file, length - part, part, 3, run->slots->write_durable)) /* up to the very end */
        holds(run, reader, length - part, part, 3, KAYA_READ_PAST_CACHE);
    has_size(run, file, length);
}

static void two_handles_see_one_file(struct run *run)
{
    struct kaya_file *first = open_file(run, "file-0", KAYA_OPEN_CREATE);
    struct kaya_file *second = open_file(run, "file-0", KAYA_OPEN_WRITE);
    struct kaya_file *reader = open_file(run, "file-0", KAYA_OPEN_READ);
    size_t length = rounded(run, 4099);

    if (first == NULL || second == NULL || reader == NULL || !put(run, first, 0, length, 1))
        return;
    if (!has_bytes(run, second, 0, length, 1) || !has_bytes(run, reader, 0, length, 1))
        return;
    if (!put(run, second, length, length, 2) || !has_bytes(run, first, length, length, 2))
        return;
    has_size(run, reader, 2 * length);
    if (!truncated(run, first, length))
        return;
    has_size(run, second, length);
    ends_at(run, reader, length);
    close_file(run, first); /* closing one leaves the other */
    if (put(run, second, 0, length, 3))
        has_bytes(run, reader, 0, length, 3);
}

static void files_are_kept_apart(struct run *run)
{
    enum { FILES = 5, ROUNDS = 20 };
    size_t length = rounded(run, 701);
    struct kaya_file *files[FILES];
    char name[32];

    for (unsigned index = 0; index < FILES; index++) {
        (void)snprintf(name, sizeof name, "file-%u", index);
        files[index] = open_file(run, name, KAYA_OPEN_CREATE);
        if (files[index] == NULL)
            return;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned index = 0; index < FILES; index++) {
            if (!put(run, files[index], round * length, length, index + 1))
                return;
        }
    }
    for (unsigned index = 0; index < FILES; index++) {
        has_size(run, files[index], ROUNDS * length);
        has_bytes(run, files[index], 0, ROUNDS * length, index + 1);
    }
}

static void far_offsets_are_not_near_ones(struct run *run)
{
    struct kaya_file *file = open_file(run, "file-0", KAYA_OPEN_CREATE);
    uint64_t far =
        run->disks->large_offset_bytes != 0 ? run->disks->large_offset_bytes : LARGE_OFFSET_BYTES_DEFAULT;
    size_t length = rounded(run, 1001);

    far -= far % ALIGNMENT_MAX;
    if (file == NULL || !put(run, file, 0, length, 1) || !put(run, file, far, length, 2))
        return;
    has_size(run, file, far + length);
    has_bytes(run, file, 0, length, 1);
    has_zeros(run, file, far - length, length);
    has_bytes(run, file, far, length, 2);
    ends_at(run, file, far + length);
    if (truncated(run, file, far))
        has_bytes(run, file, 0, length, 1);
}

/* ---- running them ---- */

#define TEST_LIST(X)                                                                                         \
    X(geometry_is_valid)                                                                                     \
    X(create_makes_a_new_empty_file)                                                                         \
    X(what_is_closed_is_found_again)                                                                         \
    X(names_that_reach_elsewhere_are_refused)                                                                \
    X(reading_ends_where_the_file_ends)                                                                      \
    X(what_is_written_is_read)                                                                               \
    X(spans_follow_each_other)                                                                               \
    X(growth_shows_zeros_between)                                                                            \
    X(truncate_cuts_and_grows_with_zeros)                                                                    \
    X(allocate_grows_and_keeps)                                                                              \
    X(rename_replaces)                                                                                       \
    X(an_unlinked_file_lives_on_in_its_handle)                                                               \
    X(a_list_has_every_name_once)                                                                            \
    X(the_lock_is_for_one)                                                                                   \
    X(syncing_changes_nothing_that_is_seen)                                                                  \
    X(reading_past_the_cache_sees_the_same)                                                                  \
    X(a_durable_write_is_a_write)                                                                            \
    X(two_handles_see_one_file)                                                                              \
    X(files_are_kept_apart)                                                                                  \
    X(far_offsets_are_not_near_ones)

struct test {
    const char *name;
    void (*run)(struct run *run);
};

static const struct test tests[] = {
#define TEST_ROW(name) { #name, name },
    TEST_LIST(TEST_ROW)
#undef TEST_ROW
};

static const struct test test_without_directory = { "a_missing_directory_is_said_and_can_be_made",
                                                    a_missing_directory_is_said_and_can_be_made };

static bool begin(struct run *run, bool with_directory)
{
    const struct kaya_conformance_disks *disks = run->disks;

    run->disk = disks->create(disks->user);
    run->second = NULL;
    if (!CHECK(run, run->disk != NULL, "no fresh disk to test with"))
        return false;
    run->slots = run->disk->operations;
    if (!CHECK(run, run->disk->geometry.buffer_alignment <= ALIGNMENT_MAX,
               "no tests for a buffer alignment above %d", ALIGNMENT_MAX))
        return false;
    if (with_directory && !is_status(run, run->slots->create_directory(run->disk), KAYA_OK, "create directory"))
        return false;
    if (disks->create_second != NULL) {
        run->second = disks->create_second(disks->user, run->disk);
        return CHECK(run, run->second != NULL, "no second disk to test with");
    }
    return true;
}

static void end(struct run *run)
{
    for (size_t index = 0; index < HANDLES_MAX; index++) {
        if (run->handles[index] != NULL)
            close_file(run, run->handles[index]);
    }
    if (run->second != NULL)
        run->disks->destroy(run->disks->user, run->second);
    if (run->disk != NULL)
        run->disks->destroy(run->disks->user, run->disk);
}

static void run_test(struct run *run, const struct test *test, bool with_directory)
{
    const char *only = run->disks->only;

    if (only != NULL && strcmp(only, test->name) != 0)
        return;
    run->test = test->name;
    if (begin(run, with_directory))
        test->run(run);
    end(run);
}

void kaya_conformance_disk(const struct kaya_conformance_disks *disks, struct kaya_conformance_result *result)
{
    struct run run = { .disks = disks, .result = result };

    memset(result, 0, sizeof *result);
    run.scratch = aligned_alloc(ALIGNMENT_MAX, SCRATCH_BYTES);
    if (run.scratch == NULL) {
        (void)kaya_conformance_check(result, "there_is_memory", false, "none to test with");
        return;
    }
    run_test(&run, &test_without_directory, false);
    for (size_t index = 0; index < sizeof tests / sizeof *tests; index++)
        run_test(&run, &tests[index], true);
    free(run.scratch);
}
