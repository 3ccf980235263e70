/* The census of scenarios/census.c takes bits that have flipped from an image without damage, which the simulator has. Here there is none, only
 * bytes. So such an image is made: wherever the page would have a frame mended, the bit is put right in a copy.
 *
 *      walk the segment -> its end -> is what stands there one bit from valid in all its checks? -> mend the copy, walk on
 *
 * Which bit that would be a CRC tells, since it is linear: what is stored and what is worked out differ by what that one bit contributes.
 *
 * Where the page leaves something open (as what comes behind the last number there is), or asks for KAYA_UNSUPPORTED, nothing is judged (is_sure). */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "kaya/scenarios/layout.h"
#include "target.h"

enum {
    MAGIC_BYTES = 8,
    PLACES_APART = 512,
    PLACES_END = 65536,
    BLOCK_BYTES_MAX = 65536,
    LINK_ROOM_BYTES = 124, /* its frame, and what may pad it */
    FIRST_PREFIX_BYTES = 8,
    MEMBER_BYTES = 4,
    /* places in a frame */
    HCRC = 4,
    /* places in a header */
    PREVIOUS_SEED_AT = 36,
    LOG_ID_AT = 48,
    CHECK = 8,
};

static struct {
    struct kaya_image image, truth;
    struct kaya_image_file files[IMAGE_FILES_MAX], true_files[IMAGE_FILES_MAX];
    bool unreadable[(1 << 20) / KAYA_IMAGE_PIECE_BYTES]; /* nothing is */
} all;
static struct fuzz_page page;

/* --- Mending --- */

struct checksum {
    uint32_t of_byte[256];
};

static const struct checksum *checksum(void)
{
    static struct checksum table;

    for (uint32_t i = 0; table.of_byte[255] == 0 && i < 256; i++) {
        uint32_t value = i;

        for (unsigned bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
        table.of_byte[i] = value;
    }
    return &table;
}

static uint32_t one_byte_on(uint32_t sum)
{
    return sum >> 8 ^ checksum()->of_byte[sum & 255];
}

static uint32_t crc(uint32_t seed, const uint8_t *bytes, size_t length)
{
    uint32_t sum = ~seed;

    for (size_t i = 0; i < length; i++)
        sum = one_byte_on(sum ^ bytes[i]);
    return ~sum;
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)kaya_format_load(bytes, 4);
}

/* The only bit of `length` bytes that changes their CRC by `difference`; SIZE_MAX: none does alone. */
static size_t bit_of_difference(uint32_t difference, size_t length)
{
    uint32_t by_bit[8];

    for (unsigned bit = 0; bit < 8; bit++)
        by_bit[bit] = checksum()->of_byte[1u << bit];
    for (size_t at = length; at-- > 0;)
        for (unsigned bit = 0; bit < 8; bit++) {
            if (by_bit[bit] == difference)
                return at * 8 + bit;
            by_bit[bit] = one_byte_on(by_bit[bit]);
        }
    return SIZE_MAX;
}

/* The frame of `segment` that would stand at `offset` if the file had `bytes`: good in every check, and padded with zeros. */
static bool is_good(const struct kaya_format_segment *segment, uint8_t *bytes, uint64_t offset,
                    struct kaya_format_frame *frame)
{
    struct kaya_image_file file = *segment->file;
    struct kaya_format_segment changed = *segment;

    file.bytes = bytes;
    changed.file = &file;
    changed.truth = NULL;
    if (!kaya_format_frame(&changed, offset, frame) || !kaya_format_header_check_holds(&changed, frame) ||
        !kaya_format_second_check_holds(&changed, frame))
        return false;
    for (uint64_t at = offset + KAYA_FORMAT_FRAME_BYTES + frame->length; at < frame->end; at++)
        if (bytes[at] != 0)
            return false;
    return true;
}

static bool flip_to_good(const struct kaya_format_segment *segment, uint8_t *bytes, uint64_t offset, size_t bit)
{
    struct kaya_format_frame frame;
    uint8_t *byte = bytes + offset + bit / 8;

    *byte ^= (uint8_t)(1u << bit % 8);
    if (is_good(segment, bytes, offset, &frame) && bit / 8 < frame.end - offset)
        return true;
    *byte ^= (uint8_t)(1u << bit % 8);
    return false;
}

static uint32_t seed_at(uint32_t seed, uint64_t offset)
{
    const uint8_t place[4] = { (uint8_t)(offset / 4), (uint8_t)(offset / 4 >> 8), (uint8_t)(offset / 4 >> 16),
                               (uint8_t)(offset / 4 >> 24) };

    return crc(seed, place, sizeof place);
}

/* The bit is not in what `hcrc` covers, so the frame says truly how long it is. */
static bool mend_behind_header(const struct kaya_format_segment *segment, uint8_t *bytes,
                               const struct kaya_format_frame *frame)
{
    uint64_t offset = frame->offset;
    uint32_t seed = frame->type == KAYA_FORMAT_LINK ? segment->segment_seed : segment->base_seed;
    size_t covered = (size_t)(frame->end - offset) - HCRC;
    uint32_t difference;
    size_t bit;

    if (frame->end > segment->file->size_bytes)
        return false;
    difference = load32(bytes + offset) ^ crc(seed_at(seed, offset), bytes + offset + HCRC, covered);
    bit = bit_of_difference(difference, covered);
    if (bit != SIZE_MAX)
        return flip_to_good(segment, bytes, offset, HCRC * 8 + bit);
    for (bit = 0; bit < HCRC * 8; bit++)
        if (difference == (uint32_t)1 << bit)
            return flip_to_good(segment, bytes, offset, bit);
    return false;
}

bool fuzz_page_mend(const struct kaya_format_segment *segment, uint8_t *bytes, uint64_t offset)
{
    struct kaya_format_frame frame;

    if (offset + KAYA_FORMAT_FRAME_BYTES > segment->file->size_bytes || offset >= segment->segment_bytes)
        return false;
    if (kaya_format_stray(segment, offset, &frame))
        return mend_behind_header(segment, bytes, &frame);
    for (size_t bit = HCRC * 8; bit < (size_t)KAYA_FORMAT_FRAME_BYTES * 8; bit++)
        if (flip_to_good(segment, bytes, offset, bit))
            return true;
    return false;
}

/* --- The image without flipped bits --- */

/* Where the walk broke off. */
static uint64_t broken_place(const struct kaya_format_walk *walk, const struct kaya_format_entry *entry)
{
    return kaya_format_behind(walk->segment, walk->is_broken ? entry->last.end : walk->end);
}

/* A LINK of which a part lies behind the file's end, and of which a bit may have flipped. */
static bool has_cut_link(const struct kaya_format_segment *segment)
{
    return segment->state == KAYA_FORMAT_LINKLESS && segment->first_frame < segment->file->size_bytes &&
           segment->file->size_bytes - segment->first_frame < LINK_ROOM_BYTES;
}

static void mend_file(const struct kaya_image_file *file, const struct kaya_image_file *truth, uint64_t number)
{
    struct kaya_format_segment segment;
    struct kaya_format_walk walk = { .segment = &segment, .limit = UINT64_MAX };
    struct kaya_format_entry entry;
    struct kaya_format_frame frame;

    kaya_format_open(&segment, file, truth, number);
    page.is_sure = page.is_sure && !has_cut_link(&segment);
    if (segment.state == KAYA_FORMAT_LINKLESS && fuzz_page_mend(&segment, truth->bytes, segment.first_frame))
        kaya_format_open(&segment, file, truth, number);
    if (segment.state != KAYA_FORMAT_LINKED)
        return;
    do {
        while (kaya_format_next(&walk, &entry))
            continue;
    } while (!kaya_format_frame(&segment, broken_place(&walk, &entry), &frame) &&
             fuzz_page_mend(&segment, truth->bytes, broken_place(&walk, &entry)));
}

/* --- What the page leaves open --- */

static bool is_open_header(const struct kaya_image_file *file, uint64_t at)
{
    const uint8_t *bytes;

    if (at + MAGIC_BYTES > file->size_bytes)
        return false;
    bytes = file->bytes + at;
    if (memcmp(bytes, "kaya-wal", MAGIC_BYTES) != 0)
        return false;
    if (at + KAYA_FORMAT_HEADER_BYTES > file->size_bytes)
        return true;
    return load32(bytes + 8) == crc(0, bytes + 12, KAYA_FORMAT_HEADER_BYTES - 12) &&
           (kaya_format_load(bytes + 12, 2) != 1 || load32(bytes + 16) != 0);
}

/* Two copies that are good differ in their salt alone, and in what they were before. */
static bool may_differ(const uint8_t *one, const uint8_t *other)
{
    return memcmp(one + 12, other + 12, 36 - 12) == 0 && memcmp(one + 40, other + 40, 72 - 40) == 0;
}

static bool is_known(const struct kaya_image_file *file, uint64_t number)
{
    struct kaya_format_segment segment;

    for (uint64_t at = 0; at <= PLACES_END; at += PLACES_APART)
        if (is_open_header(file, at))
            return false;
    kaya_format_open(&segment, file, NULL, number);
    if (segment.state < KAYA_FORMAT_LINKLESS || !kaya_format_is_header(file, 0) ||
        !kaya_format_is_header(file, segment.second_header))
        return true;
    if (!may_differ(file->bytes, file->bytes + segment.second_header))
        return false;
    return segment.state == KAYA_FORMAT_LINKED ||
           memcmp(file->bytes + 72, file->bytes + segment.second_header + 72, 8) == 0;
}

/* --- Records --- */

uint64_t fuzz_record_hash(enum kaya_wal_record_type type, bool in_batch, bool ends_batch, const void *bytes,
                          size_t length)
{
    uint64_t marks = (uint64_t)type << 2 | (uint64_t)in_batch << 1 | ends_batch;

    return XXH3_64bits_withSeed(length > 0 ? bytes : "", length, marks);
}

static void note(uint64_t lsn, uint8_t type, bool in_batch, bool ends_batch, const uint8_t *bytes, size_t length)
{
    if (lsn < page.census.low_water_lsn)
        return;
    fuzz_must(page.record_count < FUZZ_PAGE_RECORDS_MAX, "records are bounded");
    page.records[page.record_count++] =
        (struct fuzz_record){ lsn, fuzz_record_hash((enum kaya_wal_record_type)type, in_batch, ends_batch,
                                                    bytes, length) };
}

/* The bytes of an entry, put together. */
static const uint8_t *bytes_of(const struct kaya_format_segment *segment,
                               const struct kaya_format_entry *entry, size_t *length)
{
    static uint8_t bytes[1 << 20];
    struct kaya_format_frame frame = entry->first;
    size_t prefix = FIRST_PREFIX_BYTES;

    if (frame.type == KAYA_FORMAT_FULL) {
        *length = frame.length;
        return frame.payload;
    }
    *length = 0;
    for (;; prefix = 0) {
        memcpy(bytes + *length, frame.payload + prefix, frame.length - prefix);
        *length += frame.length - prefix;
        if (frame.type == KAYA_FORMAT_LAST)
            return bytes;
        fuzz_must(kaya_format_frame(segment, kaya_format_behind(segment, frame.end), &frame),
                  "a record that was walked over stands there");
    }
}

static void note_entry(const struct kaya_format_segment *segment, const struct kaya_format_entry *entry)
{
    uint64_t lsn = segment->link.base_lsn + entry->first.sequence;
    size_t length;
    const uint8_t *bytes = bytes_of(segment, entry, &length);

    if (entry->first.flags != KAYA_FORMAT_BATCH) {
        note(lsn, entry->first.flags, false, false, bytes, length);
        return;
    }
    for (size_t at = 0; at < length; lsn++) {
        uint32_t word = load32(bytes + at);
        size_t end = at + MEMBER_BYTES + (word >> 3);

        note(lsn, word & 7, true, end == length, bytes + at + MEMBER_BYTES, word >> 3);
        at = end;
    }
}

static void note_records(void)
{
    for (size_t i = page.census.chain_count; i-- > 0;) {
        const struct kaya_census_segment *part = &page.census.chain[i];
        struct kaya_format_walk walk = { .segment = &part->segment, .limit = part->end };
        struct kaya_format_entry entry;

        while (kaya_format_next(&walk, &entry))
            if (entry.is_record)
                note_entry(&part->segment, &entry);
    }
}

/* A writer's first frame behind a sync says that all in front of itself is durable. A claim that no frame makes so no writer left. */
static bool has_odd_claim(void)
{
    const struct kaya_census_segment *head = &page.census.chain[0];
    struct kaya_format_walk walk = { .segment = &head->segment, .limit = head->end };
    struct kaya_format_entry entry;
    uint64_t place = 0;

    for (; kaya_format_next(&walk, &entry); place = walk.end)
        if (entry.last.watermark == page.census.furthest && entry.last.watermark >= place)
            return false;
    return page.census.furthest != head->end;
}

/* --- The whole --- */

/* A disk that may harm a byte by writing its neighbour asks for units that are written once. */
static bool suits(const struct kaya_format_segment *segment, const struct kaya_geometry *geometry)
{
    return geometry->power_safe_overwrite ||
           (segment->unit_bytes >= geometry->writeback_bytes && segment->unit_bytes >= geometry->sector_bytes);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(((const struct kaya_image_file *)one)->name, ((const struct kaya_image_file *)other)->name);
}

/* An .away beside the .wal of its number is nothing. */
static void leave_out_doubles(void)
{
    struct kaya_image *image = &all.image;
    size_t kept = 0;

    for (size_t i = 0; i < image->file_count; i++) {
        uint64_t number = kaya_census_number(all.files[i].name, false);
        char name[KAYA_LAYOUT_NAME_BYTES];
        bool is_double = false;

        kaya_layout_name(number, ".wal", name);
        for (size_t other = i + 1; number != 0 && other < image->file_count; other++)
            is_double = is_double || strcmp(all.files[other].name, name) == 0;
        if (!is_double)
            all.files[kept++] = all.files[i];
    }
    image->file_count = kept;
}

static void list_files(const struct image_disk *image)
{
    all.image = (struct kaya_image){ .files = all.files };
    for (size_t i = 0; i < IMAGE_FILES_MAX; i++) {
        struct kaya_image_file *file = &all.files[all.image.file_count];

        if (image->files[i].name[0] == '\0' || image->files[i].is_directory ||
            strcmp(image->files[i].name, "LOCK") == 0)
            continue;
        fuzz_must(image->files[i].size < sizeof all.unreadable * KAYA_IMAGE_PIECE_BYTES, "files are small");
        strcpy(file->name, image->files[i].name);
        file->size_bytes = image->files[i].size;
        file->bytes = image->files[i].bytes;
        file->unreadable = all.unreadable;
        all.image.file_count++;
    }
    qsort(all.files, all.image.file_count, sizeof *all.files, by_name);
    leave_out_doubles();
}

static void mend_files(void)
{
    all.truth = (struct kaya_image){ .files = all.true_files, .file_count = all.image.file_count };
    for (size_t i = 0; i < all.image.file_count; i++) {
        const struct kaya_image_file *file = &all.files[i];
        struct kaya_image_file *truth = &all.true_files[i];
        uint64_t number = kaya_census_number(file->name, false);
        uint8_t *bytes = realloc(truth->bytes, (size_t)file->size_bytes + 1);

        fuzz_must(bytes != NULL, "there is memory for files");
        *truth = *file;
        truth->bytes = bytes;
        if (file->size_bytes > 0)
            memcpy(bytes, file->bytes, (size_t)file->size_bytes);
        if (number == 0)
            continue;
        page.is_sure = page.is_sure && number < UINT64_MAX && is_known(file, number);
        if (page.is_sure)
            mend_file(file, truth, number);
    }
}

struct fuzz_page *fuzz_page_read(const struct image_disk *image)
{
    page.is_sure = true;
    page.record_count = 0;
    list_files(image);
    mend_files();
    if (!page.is_sure)
        return &page;
    kaya_census_take(&page.census, &all.image, &all.truth);
    page.is_sure = !page.census.is_unsure;
    page.census.suits_disk = page.census.has_head && suits(&page.census.chain[0].segment, &image->disk.geometry);
    page.has_odd_claim = false;
    if (page.is_sure && page.census.has_head && page.census.damage_count == 0) {
        page.has_odd_claim = has_odd_claim();
        note_records();
    }
    return &page;
}

/* More than one flipped bit, up to the end of the block, where no older life can have left anything. */
static bool has_writing_behind(const struct kaya_census *census)
{
    const struct kaya_format_segment *head = &census->chain[0].segment;
    uint64_t from = kaya_format_behind(head, census->end);
    uint64_t end = from - from % head->block_bytes + head->block_bytes;
    unsigned bits = 0;

    if (load32(head->log_id - LOG_ID_AT + PREVIOUS_SEED_AT) != 0)
        return false;
    for (uint64_t at = from; at < end && at < head->file->size_bytes && at < head->segment_bytes; at++)
        bits += (unsigned)__builtin_popcount(head->file->bytes[at]);
    return bits > 1;
}

static void must_hold(const struct kaya_violation *violation)
{
    if (kaya_violation_is_set(violation))
        fuzz_fail("not so: by the page, %s: %s", violation->promise, violation->what);
}

void fuzz_page_judge_look(struct fuzz_page *judge, const char *who, enum kaya_status status,
                          const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn)
{
    struct kaya_violation violation = { .promise = "" };
    uint64_t strays = judge->census.stray_count;

    if (!judge->is_sure)
        return;
    judge->census.stray_count = 0;
    kaya_census_judge(&judge->census, who, status, report, anchor_lsn, &violation);
    judge->census.stray_count = strays;
    must_hold(&violation);
}

void fuzz_page_judge(const struct fuzz_page *judge, const struct kaya_wal_recovery_report *report,
                     uint64_t anchor_lsn)
{
    struct kaya_violation violation = { .promise = "" };

    if (!judge->is_sure || judge->has_odd_claim)
        return;
    kaya_census_judge_recovery(&judge->census, "recovery", KAYA_OK, report, anchor_lsn, &violation);
    must_hold(&violation);
    if (judge->census.has_head && judge->census.damage_count == 0 && has_writing_behind(&judge->census) &&
        report->verdict != KAYA_VERDICT_TORN)
        fuzz_fail("not so: by the page, bytes stand right behind the end in a file that never was another; recovery says %s",
                  kaya_wal_verdict_name(report->verdict));
}

void fuzz_page_judge_records(const struct fuzz_page *judge, const struct fuzz_record *records, size_t count)
{
    if (!judge->is_sure || !judge->census.has_head || judge->census.damage_count > 0)
        return;
    if (judge->record_count != count)
        fuzz_fail("not so: by the page, %zu records stand there; %zu are handed out", judge->record_count, count);
    for (size_t i = 0; i < count; i++)
        if (judge->records[i].lsn != records[i].lsn || judge->records[i].hash != records[i].hash)
            fuzz_fail("not so: by the page, record %llu is another one", (unsigned long long)records[i].lsn);
}
