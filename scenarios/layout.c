/* Layouts.
 *
 *      1             2             3 (head)      4 (spare)     5 (spare)
 *   | LINK ....E |<-LINK ....E |<-LINK ... V | header      | header      |
 *
 * Each link says how far its predecessor goes, so a byte that differs in front of such an end, while the link that names it stands, is
 * seen and must be refused. Nothing but its own watermarks speaks of the head. So three things may happen to it:
 *
 *   - it is cut, or an older one stands there: what is left is a whole log that ends earlier, as after a crash. What stands in front of
 *     the first byte that differs must come back
 *   - it is gone, or is another file: the segment before it has no successor, although records were appended to it, or a rotation left
 *     its trace in it. Must be refused
 *   - it stands there without its link, as a spare would: the segment before it is the head
 *
 * The file right behind the head must be there, so a log without it may be refused. All other files are spares, leftovers and foreign
 * ones: whatever happens to them, the log opens, and all is there.
 *
 * Fields are read at the places that core/FORMAT.md gives, without their checks: the image was found good before. What might be
 * another head, and whatever would need more knowledge than this, is only "allowed": the judge is never stricter than the promise. */
#include "kaya/scenarios/layout.h"

#include <stdlib.h>
#include <string.h>

#include "kaya/scenarios/format.h"

enum {
    HEADER_FIELDS_BYTES = 96,
    SECOND_HEADER_MAX = 65536,
    FRAME_HEADER_BYTES = 28,
    LINK_BYTES = 56,
    LINK_TYPE = 8,
    TYPE_OFFSET = 14,
    LOG_ID_OFFSET = 48,
    LOG_ID_BYTES = 16,
    MAGIC_BYTES = 8,
    CLAIM_ROOM_BYTES = 96 /* WATERMARK, and what may be left of a block before it */
};

static uint64_t number_at(const struct kaya_image_file *file, uint64_t offset, unsigned bytes)
{
    uint64_t value = 0;

    if (offset + bytes > file->size_bytes)
        return 0;
    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | file->bytes[offset + i];
    return value;
}

/* --- Names --- */

enum { NUMBER_DIGITS = 16 };
static const char digits[] = "0123456789abcdef";

/* By hand, since names are asked for in every recovery, and a format string costs as much as the rest of the question. */
void kaya_layout_name(uint64_t number, const char *suffix, char name[KAYA_LAYOUT_NAME_BYTES])
{
    for (unsigned i = NUMBER_DIGITS; i > 0; number /= 16)
        name[--i] = digits[number % 16];
    memcpy(name + NUMBER_DIGITS, suffix, strlen(suffix) + 1);
}

uint64_t kaya_layout_number(const char *name, const char *suffix)
{
    size_t length = strlen(name);

    if (length <= NUMBER_DIGITS || strcmp(name + NUMBER_DIGITS, suffix) != 0 ||
        strspn(name, digits) != NUMBER_DIGITS)
        return 0;
    return strtoull(name, NULL, 16);
}

/* The file that counts as segment `number`. */
static const struct kaya_image_file *find(const struct kaya_image *image, uint64_t number)
{
    char name[KAYA_LAYOUT_NAME_BYTES];
    const struct kaya_image_file *file;

    kaya_layout_name(number, ".wal", name);
    file = kaya_image_find(image, name);
    if (file != NULL)
        return file;
    kaya_layout_name(number, ".away", name);
    return kaya_image_find(image, name);
}

static uint64_t number_of(const struct kaya_image_file *file)
{
    uint64_t number = kaya_layout_number(file->name, ".wal");

    return number != 0 ? number : kaya_layout_number(file->name, ".away");
}

/* --- Reading --- */

static uint64_t header_bytes_at(const struct kaya_image_file *file, uint64_t header)
{
    uint64_t block = number_at(file, header + 28, 4);
    uint64_t unit = number_at(file, header + 32, 4);

    return block > unit ? block : unit;
}

static bool read_shape(struct kaya_layout_segment *segment, uint64_t header)
{
    uint64_t half = number_at(segment->file, header + 40, 8) / 2;

    if (number_at(segment->file, header + 64, 8) != segment->number)
        return false;
    segment->header_bytes = header_bytes_at(segment->file, header);
    if (segment->header_bytes < 512 || segment->header_bytes > SECOND_HEADER_MAX)
        return false;
    segment->second_header = half < SECOND_HEADER_MAX ? half : SECOND_HEADER_MAX;
    segment->second_header -= segment->second_header % segment->header_bytes;
    if (segment->second_header < segment->header_bytes)
        segment->second_header = segment->header_bytes;
    return header == 0 || header == segment->second_header;
}

/* One copy may be bad: the other is looked for where it may stand. */
static bool find_shape(struct kaya_layout_segment *segment)
{
    if (read_shape(segment, 0))
        return true;
    for (uint64_t at = 512; at <= SECOND_HEADER_MAX; at += 512)
        if (read_shape(segment, at))
            return true;
    return false;
}

/* CRC32C, as slow as it is plain. */
static uint32_t crc32c_of(const uint8_t *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static bool is_header(const struct kaya_image_file *file, uint64_t at)
{
    return at + HEADER_FIELDS_BYTES <= file->size_bytes &&
           memcmp(file->bytes + at, "kaya-wal", MAGIC_BYTES) == 0 &&
           number_at(file, at + 8, 4) == crc32c_of(file->bytes + at + 12, HEADER_FIELDS_BYTES - 12) &&
           number_at(file, at + 64, 8) == number_of(file);
}

bool kaya_layout_is_headless(const struct kaya_image_file *file)
{
    bool is_headless = number_of(file) != 0;

    for (uint64_t at = 0; at <= SECOND_HEADER_MAX && is_headless; at += 512)
        is_headless = !is_header(file, at);
    return is_headless;
}

static uint64_t link_field(const struct kaya_layout_segment *segment, unsigned offset)
{
    return number_at(segment->file, segment->header_bytes + FRAME_HEADER_BYTES + offset, 8);
}

static bool looks_linked(const struct kaya_layout_segment *segment)
{
    return number_at(segment->file, segment->header_bytes + TYPE_OFFSET, 1) == LINK_TYPE;
}

static bool read_segment(struct kaya_layout_segment *segment, const struct kaya_image *image, uint64_t number,
                         uint64_t end)
{
    *segment = (struct kaya_layout_segment){ .number = number, .file = find(image, number), .end = end };
    if (segment->file == NULL || !find_shape(segment) || !looks_linked(segment))
        return false;
    segment->base_lsn = link_field(segment, 0);
    segment->carried_end = link_field(segment, 24);
    return true;
}

static void reverse(struct kaya_layout *layout)
{
    for (size_t low = 0, high = layout->chain_count; low + 1 < high; low++) {
        struct kaya_layout_segment moved = layout->chain[low];

        layout->chain[low] = layout->chain[--high];
        layout->chain[high] = moved;
    }
}

/* A file below the head that is not in the chain and has a link, dead or not. */
static bool find_dead_links(const struct kaya_layout *layout, const struct kaya_image *image)
{
    for (size_t i = 0; i < image->file_count; i++) {
        struct kaya_layout_segment segment = { .file = &image->files[i], .number = number_of(&image->files[i]) };
        bool in_use = false;

        for (size_t k = 0; k < layout->chain_count; k++)
            in_use = in_use || layout->chain[k].file == segment.file;
        if (!in_use && segment.number != 0 && segment.number < layout->chain[layout->chain_count - 1].number &&
            find_shape(&segment) && looks_linked(&segment))
            return true;
    }
    return false;
}

bool kaya_layout_read(struct kaya_layout *layout, const struct kaya_image *image,
                      const struct kaya_wal_recovery_report *report)
{
    uint64_t number = report->segment;
    uint64_t end = report->end_offset;
    struct kaya_layout_segment *segment;

    layout->chain_count = 0;
    layout->place_count = 0;
    layout->last_lsn = report->last_lsn;
    do {
        segment = &layout->chain[layout->chain_count];
        if (layout->chain_count == KAYA_LAYOUT_SEGMENTS_MAX || !read_segment(segment, image, number, end))
            return false;
        layout->chain_count++;
        number = link_field(segment, 8);
        end = link_field(segment, 16);
    } while (number != 0 && segment->base_lsn > report->first_lsn);
    reverse(layout);
    layout->has_dead_links = find_dead_links(layout, image);
    return true;
}

enum kaya_status kaya_layout_add(struct kaya_layout *layout, const struct kaya_wal_record *record)
{
    size_t capacity = layout->place_capacity == 0 ? 256 : 2 * layout->place_capacity;
    struct kaya_layout_place *places;

    for (size_t i = 0; i < layout->chain_count; i++)
        if (layout->chain[i].number == record->segment && record->offset_bytes >= layout->chain[i].carried_end)
            layout->chain[i].has_appended = true;
    if (layout->place_count == layout->place_capacity) {
        places = realloc(layout->places, capacity * sizeof *places);
        if (places == NULL)
            return KAYA_NO_MEMORY;
        layout->places = places;
        layout->place_capacity = capacity;
    }
    if (layout->place_count == 0)
        layout->first_lsn = record->lsn;
    layout->places[layout->place_count++] = (struct kaya_layout_place){ record->segment, record->offset_bytes };
    return KAYA_OK;
}

void kaya_layout_release(struct kaya_layout *layout)
{
    free(layout->places);
    *layout = (struct kaya_layout){ 0 };
}

/* --- Judging --- */

/* The first byte of [from, to) that differs, the second header's room left out; `to`: none. */
static uint64_t difference(const struct kaya_layout_segment *segment, const struct kaya_image_file *after,
                           uint64_t from, uint64_t to)
{
    const struct kaya_image_file *before = segment->file;

    for (uint64_t at = from; at < to; at++) {
        if (at == segment->second_header)
            at += segment->header_bytes;
        if (at >= to)
            break;
        if (at >= after->size_bytes || after->bytes[at] != before->bytes[at])
            return at;
    }
    return to;
}

static bool has_bytes(const struct kaya_image_file *one, const struct kaya_image_file *other, uint64_t offset,
                      uint64_t length)
{
    return offset + length <= one->size_bytes && offset + length <= other->size_bytes &&
           memcmp(one->bytes + offset, other->bytes + offset, (size_t)length) == 0;
}

static bool has_header(const struct kaya_layout_segment *segment, const struct kaya_image_file *after)
{
    return has_bytes(segment->file, after, 0, HEADER_FIELDS_BYTES) ||
           (!kaya_format_is_header(after, 0) &&
            has_bytes(segment->file, after, segment->second_header, HEADER_FIELDS_BYTES));
}

/* Its link stands, and counts. */
static bool is_linked(const struct kaya_layout_segment *segment, const struct kaya_image_file *after)
{
    uint64_t end = segment->header_bytes + FRAME_HEADER_BYTES + LINK_BYTES;

    if (segment->carried_end > 0)
        end = segment->carried_end + CLAIM_ROOM_BYTES < segment->end ? segment->carried_end + CLAIM_ROOM_BYTES
                                                                     : segment->end;
    return after != NULL && has_header(segment, after) &&
           difference(segment, after, segment->header_bytes, end) == end;
}

static bool is_whole(const struct kaya_layout_segment *segment, const struct kaya_image_file *after)
{
    return after != NULL && has_header(segment, after) &&
           difference(segment, after, segment->header_bytes, segment->end) == segment->end;
}

/* A file that is new or changed, and might pass for a segment in use: behind segment `number`, or of another log. */
static bool may_take_over(const struct kaya_layout *layout, const struct kaya_image *before,
                          const struct kaya_image *after, uint64_t number)
{
    for (size_t i = 0; i < after->file_count; i++) {
        struct kaya_layout_segment segment = { .file = &after->files[i], .number = number_of(&after->files[i]) };
        const struct kaya_image_file *old = kaya_image_find(before, after->files[i].name);

        if (segment.number == 0 || !find_shape(&segment) || !looks_linked(&segment))
            continue;
        if (segment.number <= number &&
            has_bytes(layout->chain[0].file, segment.file, LOG_ID_OFFSET, LOG_ID_BYTES))
            continue;
        if (old == NULL || old->size_bytes != segment.file->size_bytes ||
            !has_bytes(old, segment.file, 0, old->size_bytes))
            return true;
    }
    return false;
}

static void set(struct kaya_outlook *outlook, enum kaya_refusal refusal, uint64_t kept_lsn)
{
    *outlook = (struct kaya_outlook)KAYA_OUTLOOK_OF_NO_DAMAGE;
    outlook->refusal = refusal;
    outlook->is_damaged = refusal != KAYA_REFUSAL_FORBIDDEN;
    outlook->is_mark_damaged = outlook->is_damaged;
    outlook->kept_lsn = kept_lsn;
}

static bool is_same_place(const struct kaya_layout_place *one, const struct kaya_layout_place *other)
{
    return one->segment == other->segment && one->offset == other->offset;
}

/* The last record that ends at or in front of `offset` of that segment: where the next one begins there, or none does and all is there. */
static uint64_t last_before(const struct kaya_layout *layout, const struct kaya_layout_segment *segment,
                            uint64_t offset)
{
    uint64_t lsn = segment->base_lsn - 1;
    size_t i = 0;

    while (i < layout->place_count && layout->places[i].segment != segment->number)
        i++;
    while (i < layout->place_count && layout->places[i].segment == segment->number) {
        size_t next = i + 1;
        bool ends_segment;
        while (next < layout->place_count && is_same_place(&layout->places[next], &layout->places[i])) /* a batch */
            next++;
        ends_segment = next == layout->place_count || layout->places[next].segment != segment->number;
        if (ends_segment ? offset < segment->end : layout->places[next].offset > offset)
            break;
        lsn += next - i;
        i = next;
    }
    return lsn;
}

static void judge_head(const struct kaya_layout *layout, const struct kaya_image *before,
                       const struct kaya_image *after, struct kaya_outlook *outlook)
{
    const struct kaya_layout_segment *head = &layout->chain[layout->chain_count - 1];
    struct kaya_layout_segment behind = { .number = head->number + 1, .file = find(before, head->number + 1) };
    const struct kaya_image_file *now = find(after, head->number);
    const struct kaya_image_file *behind_now = find(after, behind.number);

    if (!is_whole(head, now)) {
        uint64_t first = difference(head, now, head->header_bytes, head->end);
        set(outlook, KAYA_REFUSAL_ALLOWED, last_before(layout, head, first));
        return;
    }
    set(outlook, KAYA_REFUSAL_FORBIDDEN, UINT64_MAX);
    if (behind.file != NULL && (behind_now == NULL || (find_shape(&behind) && !has_header(&behind, behind_now))))
        set(outlook, KAYA_REFUSAL_ALLOWED, layout->last_lsn);
}

/* Does segment `last` tell that one came after it? By its records; by the trace of a rotation, too, but recovery may cut those off that
 * no claim covers, and then begins the next segment with copies. */
static bool shows_successor(const struct kaya_layout *layout, int last)
{
    const struct kaya_layout_segment *segment = &layout->chain[last];
    const struct kaya_layout_segment *next = &layout->chain[last + 1];

    return segment->has_appended || (next->carried_end == 0 && next->number == segment->number + 1);
}

/* The head's link is lost, and segment `last` of the chain is the highest that stands; -1: none. */
static void judge_without_head(const struct kaya_layout *layout, const struct kaya_image *after, int last,
                               struct kaya_outlook *outlook)
{
    uint64_t kept = layout->chain[last + 1].base_lsn - 1;
    const struct kaya_image_file *next;
    bool is_seen = false;

    if (last < 0) { /* where nothing is left at all, nothing is seen, but that a log was wanted */
        for (size_t i = 0; i < after->file_count; i++)
            is_seen = is_seen || number_of(&after->files[i]) != 0;
    } else {
        next = find(after, layout->chain[last].number + 1);
        is_seen = shows_successor(layout, last) &&
                  (next == NULL || (next->size_bytes >= HEADER_FIELDS_BYTES &&
                                    has_bytes(next, layout->chain[last].file, 0, MAGIC_BYTES) &&
                                    number_at(next, 64, 8) != layout->chain[last].number + 1));
    }
    set(outlook, is_seen && !layout->has_dead_links ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED, kept);
}

void kaya_layout_judge(const struct kaya_layout *layout, const struct kaya_image *before,
                       const struct kaya_image *after, struct kaya_outlook *outlook)
{
    int last = (int)layout->chain_count - 1;

    while (last >= 0 && !is_linked(&layout->chain[last], find(after, layout->chain[last].number)))
        last--;
    for (int i = 0; i < last; i++)
        if (!is_whole(&layout->chain[i], find(after, layout->chain[i].number))) {
            set(outlook, KAYA_REFUSAL_REQUIRED, 0);
            return;
        }
    if (last == (int)layout->chain_count - 1)
        judge_head(layout, before, after, outlook);
    else
        judge_without_head(layout, after, last, outlook);
    if (may_take_over(layout, before, after, last < 0 ? 0 : layout->chain[last].number))
        set(outlook, KAYA_REFUSAL_ALLOWED,
            outlook->kept_lsn == UINT64_MAX ? layout->last_lsn : outlook->kept_lsn);
}

void kaya_layout_judge_copy(const struct kaya_layout *layout, const struct kaya_image *copy,
                            struct kaya_outlook *outlook)
{
    int last = (int)layout->chain_count - 1;
    const struct kaya_layout_segment *segment;

    while (last >= 0 && !is_linked(&layout->chain[last], find(copy, layout->chain[last].number)))
        last--;
    for (int i = 0; i < last; i++)
        if (!is_whole(&layout->chain[i], find(copy, layout->chain[i].number))) {
            set(outlook, KAYA_REFUSAL_REQUIRED, 0);
            return;
        }
    segment = &layout->chain[last < 0 ? 0 : last];
    set(outlook, KAYA_REFUSAL_ALLOWED,
        last < 0
            ? 0
            : last_before(layout, segment,
                          difference(segment, find(copy, segment->number), segment->header_bytes, segment->end)));
}
