/* Any bytes at all as a log's whole directory (P12): names, sizes and contents, of logs that were cut, mixed, renamed, copied over one
 * another, or never were logs. Everybody who looks comes to the same verdict, nothing is invented, and a log that opens goes on (P7). What is
 * asked in full stands in support/judge.h.
 *
 *   input:   2 bytes: the disk; what the log is opened with (an anchor, must_exist, cut_is_error)
 *            entries, 6 bytes each and what belongs to them:
 *              kind, which
 *              two numbers, each of 2 bytes, big end first
 *
 *   kind     which      numbers
 *   segment  number     size of the file; so many bytes follow, its first; the rest is zeros
 *   spare's .new and .away likewise
 *   foreign  a name     likewise
 *   bytes    a file     offset; so many bytes follow, which stand there
 *   cross    two files  offset, length: the one's bytes there are put over the other's
 *   cut      a file     size
 *
 * Its pieces are the entries. The mutator makes the checks of every segment hold, in ascending order, each linked to the one before. */
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "directory.h"
#include "segment.h"
#include "support/frames.h"
#include "support/judge.h"
#include "support/mutate.h"
#include "support/target.h"

enum { FILES_MAX = 16, EXTENTS_MAX = 256, STORED_BYTES_MAX = 1 << 19 };

static const char *const foreign_names[] = {
    "LOCK",
    "lost+found",
    ".wal",
    "1.wal",
    "0000000000000001.WAL",
    "000000000000000g.wal",
    "0000000000000000.wal",
    "ffffffffffffffff.wal",
    "ffffffffffffffff.new",
    "fffffffffffffffe.wal",
    "0000000000000001.wal.bak",
    "00000000000000001.wal",
    "0000000000000002.away",
    "8000000000000000.away",
    "snapshot",
    "\xff\x01",
};

/* Where in the input bytes of a file stand, to be mended there. */
struct extent {
    uint8_t file;
    uint16_t offset, length;
    size_t at;
};

struct directory {
    struct image_disk *image;
    struct image_file *files[FILES_MAX];
    size_t file_count;
    struct extent extents[EXTENTS_MAX];
    size_t extent_count;
    size_t stored_bytes;
};

static struct entry entry_at(const uint8_t *data, size_t size, size_t at)
{
    struct entry entry = { .kind = data[at] % ENTRY_KINDS,
                           .which = data[at + 1],
                           .first = (uint16_t)(data[at + 2] << 8 | data[at + 3]),
                           .second = (uint16_t)(data[at + 4] << 8 | data[at + 5]) };
    bool has_bytes = entry.kind != ENTRY_CROSS && entry.kind != ENTRY_CUT;
    size_t left = size - at - ENTRY_BYTES;

    entry.length = !has_bytes ? 0 : entry.second < left ? entry.second : (uint16_t)left;
    return entry;
}

static void name_of(char name[IMAGE_NAME_BYTES], const struct entry *entry)
{
    static const enum segment_name_kind kinds[] = {
        [ENTRY_SEGMENT] = SEGMENT_NAME_WAL, [ENTRY_NEW] = SEGMENT_NAME_NEW, [ENTRY_AWAY] = SEGMENT_NAME_AWAY
    };

    if (entry->kind == ENTRY_FOREIGN)
        (void)snprintf(name, IMAGE_NAME_BYTES, "%s",
                       foreign_names[entry->which % (sizeof foreign_names / sizeof foreign_names[0])]);
    else
        kaya_segment_name(name, entry->which, kinds[entry->kind]);
}

static void note_extent(struct directory *directory, size_t file, uint16_t offset, uint16_t length, size_t at)
{
    if (directory->extent_count < EXTENTS_MAX && length > 0)
        directory->extents[directory->extent_count++] = (struct extent){ (uint8_t)file, offset, length, at };
}

static void add_file(struct directory *directory, const struct entry *entry, const uint8_t *data, size_t at)
{
    char name[IMAGE_NAME_BYTES];
    size_t size = entry->first > entry->length ? entry->first : entry->length;
    struct image_file *file;

    name_of(name, entry);
    if (directory->file_count == FILES_MAX || image_disk_find(directory->image, name) != NULL ||
        directory->stored_bytes + size > STORED_BYTES_MAX)
        return;
    file = image_disk_add(directory->image, name, data + at, entry->length);
    image_file_resize(file, size);
    note_extent(directory, directory->file_count, 0, entry->length, at);
    directory->files[directory->file_count++] = file;
    directory->stored_bytes += size;
}

static void put_bytes(struct directory *directory, const struct entry *entry, const uint8_t *data, size_t at)
{
    size_t index = entry->which % directory->file_count;
    struct image_file *file = directory->files[index];
    size_t length;

    if (entry->first >= file->size)
        return;
    length = entry->length < file->size - entry->first ? entry->length : file->size - entry->first;
    if (length > 0)
        memcpy(file->bytes + entry->first, data + at, length);
    note_extent(directory, index, entry->first, (uint16_t)length, at);
}

static void cross(const struct directory *directory, const struct entry *entry)
{
    const struct image_file *from = directory->files[(entry->which >> 4) % directory->file_count];
    struct image_file *to = directory->files[(entry->which & 15) % directory->file_count];
    size_t end = from->size < to->size ? from->size : to->size;

    if (entry->first >= end)
        return;
    memmove(to->bytes + entry->first, from->bytes + entry->first,
            entry->second < end - entry->first ? entry->second : end - entry->first);
}

static void cut(const struct directory *directory, const struct entry *entry)
{
    struct image_file *file = directory->files[entry->which % directory->file_count];

    if (entry->first < file->size)
        image_file_resize(file, entry->first);
}

/* Make the files that the input says. */
static void build(struct directory *directory, struct image_disk *image, const uint8_t *data, size_t size)
{
    *directory = (struct directory){ .image = image };
    for (size_t at = HEAD_BYTES; at + ENTRY_BYTES <= size;) {
        struct entry entry = entry_at(data, size, at);

        at += ENTRY_BYTES;
        if (entry.kind <= ENTRY_FOREIGN)
            add_file(directory, &entry, data, at);
        else if (directory->file_count > 0 && entry.kind == ENTRY_BYTES_AT)
            put_bytes(directory, &entry, data, at);
        else if (directory->file_count > 0 && entry.kind == ENTRY_CROSS)
            cross(directory, &entry);
        else if (directory->file_count > 0)
            cut(directory, &entry);
        at += entry.length;
    }
}

/* The id of the first segment that has one, and the LSN that the input names. */
static const struct kaya_wal_anchor *anchor_of(const struct directory *directory, uint8_t lsn)
{
    static struct kaya_wal_anchor anchor;
    struct fuzz_segment segment;

    anchor = (struct kaya_wal_anchor){ .lsn = 1U + lsn };
    for (size_t i = 0; i < directory->file_count; i++) {
        fuzz_segment_read(&segment, 0, directory->files[i]->bytes, directory->files[i]->size);
        if (segment.has_header) {
            anchor.log_id = segment.header.log_id;
            break;
        }
    }
    return &anchor;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct directory directory;
    struct fuzz_world *world;

    if (size < HEAD_BYTES)
        return 0;
    world = fuzz_world_begin(data[0]);
    build(&directory, &world->image, data, size);
    world->config.must_exist = (data[1] & OPEN_MUST_EXIST) != 0;
    world->config.cut_is_error = (data[1] & OPEN_CUT_IS_ERROR) != 0;
    if ((data[1] & OPEN_ANCHOR) != 0)
        world->config.anchor = anchor_of(&directory, data[1] >> OPEN_LSN_SHIFT);
    fuzz_judge(world);
    return 0;
}

static size_t pieces(const uint8_t *data, size_t size, size_t *ends)
{
    size_t count = 0;

    for (size_t at = HEAD_BYTES; at <= size && count < FUZZ_PIECES_MAX;) {
        ends[count++] = at;
        if (at + ENTRY_BYTES > size)
            break;
        at += ENTRY_BYTES + entry_at(data, size, at).length;
    }
    return count;
}

/* The file's bytes, where the input has them. */
static void put_back(const struct directory *directory, size_t file, uint8_t *data)
{
    for (size_t i = 0; i < directory->extent_count; i++) {
        const struct extent *extent = &directory->extents[i];

        if (extent->file == file && extent->offset + extent->length <= directory->files[file]->size)
            memcpy(data + extent->at, directory->files[file]->bytes + extent->offset, extent->length);
    }
}

/* In an image of its own. */
static void build_apart(struct directory *directory, const uint8_t *data, size_t size)
{
    static struct image_disk image;

    for (size_t i = 0; i < IMAGE_FILES_MAX; i++)
        image.files[i].name[0] = '\0';
    build(directory, &image, data, size);
}

static void mend(uint8_t *data, size_t size, unsigned parts)
{
    static struct fuzz_segment before, segment;
    struct directory directory;
    bool has_before = false;

    build_apart(&directory, data, size);
    for (size_t i = 0; i < directory.file_count; i++) {
        struct image_file *file = directory.files[i];

        fuzz_segment_mend(file->bytes, file->size, parts, has_before ? &before : NULL);
        fuzz_segment_read(&segment, 0, file->bytes, file->size);
        has_before = segment.has_link;
        before = segment;
        put_back(&directory, i, data);
    }
}

static void bend(uint8_t *data, size_t size, struct fuzz_draws *draws)
{
    struct directory directory;
    size_t file;

    build_apart(&directory, data, size);
    if (directory.file_count == 0)
        return;
    file = (size_t)fuzz_draw(draws, directory.file_count);
    fuzz_segment_bend(directory.files[file]->bytes, directory.files[file]->size, draws);
    put_back(&directory, file, data);
}

const struct fuzz_target fuzz_target = { .pieces = pieces, .mend = mend, .bend = bend };
