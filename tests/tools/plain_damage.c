/* Damage made by hand on logs that `kaya-wal append` wrote (P1, P5, P10): what the four commands say, and that refusing
 * changes nothing.
 *
 * Goal: the promise as a user meets it. Each case damages a copy of a log and runs verify, cat and append on it:
 *   - damaged (exit 2): cat prints nothing, append refuses, both with exit 2; the directory stays as it was, to the byte;
 *   - mended (exit 2): every record is printed, append goes on;
 *   - anything else (exit 0, 1): cat prints a prefix of what was appended, append goes on behind it.
 *
 * Method: what must come out is worked out apart from the program: the test follows the frames by core/FORMAT.md itself, finds
 * each record's bytes in them, and knows that lines were fed one by one, so that each frame claims all before it. Two logs: one closed, one whose writer was killed after its last acknowledgement. */
#define _GNU_SOURCE
#include "harness.h"

enum {
    RECORDS = 60,
    LONG_RECORD = 23, /* this one spans blocks */
    RECORD_BYTES_MAX = 1400,
    SECTOR = 512,
    BLOCK = 512,
    FRAME_HEADER = 28,
    SEGMENT_BYTES = 4096,
    SECOND_HEADER = SEGMENT_BYTES / 2,
    SMALLEST_ROOM = 40, /* less than that is not left before a block's end */
    FRAME_FULL = 1,
    FRAME_FIRST = 2,
    FRAME_LAST = 4,
    FRAME_CLOSE = 7,
    FAILURES_MAX = 25,
    IN_USE_MAX = 32,
};
#define SEGMENT_OPTION "--segment-bytes=4096"

enum { EXIT_0 = 1, EXIT_1 = 2, EXIT_2 = 4 };
enum outcome {
    OUTCOME_FINE = EXIT_0,
    OUTCOME_CUT = EXIT_1,
    OUTCOME_FINE_OR_CUT = EXIT_0 | EXIT_1,
    OUTCOME_BAD = EXIT_2
};

static char workplace[HARNESS_PATH_BYTES];
static char directory[HARNESS_PATH_BYTES + 16];
static unsigned failures;
static unsigned cases;

#define EXPECT(condition, ...)                                                                               \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                  \
            fprintf(stderr, __VA_ARGS__);                                                                    \
            fprintf(stderr, "\n  while: %s\n", harness_context);                                             \
            if (++failures >= FAILURES_MAX)                                                                  \
                exit(1);                                                                                     \
        }                                                                                                    \
    } while (0)

/* The logs ----------------------------------------------------------------------------------------------------------- */

struct place {
    size_t file;  /* index in the image */
    size_t start; /* of the record's first frame */
    size_t end;   /* of its last payload byte */
};

struct log {
    const char *name;
    bool closed;
    struct image image;
    struct place places[RECORDS + 1]; /* by LSN */
    size_t in_use[IN_USE_MAX];        /* indexes of files that hold records, ascending */
    size_t in_use_count;
    size_t ends[HARNESS_FILES_MAX]; /* of each file's frames; 0: it holds none */
    size_t close_offset;            /* in the last one; SIZE_MAX: no CLOSE */
};

static size_t make_record(unsigned lsn, char *bytes)
{
    size_t length = (size_t)snprintf(bytes, RECORD_BYTES_MAX, "record %u of the log, ", lsn);
    size_t wanted = lsn == LONG_RECORD ? 1300 : 24 + mix(lsn) % 180;

    while (length < wanted) {
        bytes[length] = (char)('a' + mix(lsn * 1000 + length) % 26);
        length++;
    }
    return length;
}

/* Feed the records one by one, each acknowledged before the next, so that each is durable when the next is written. */
static void feed_records(struct child *writer)
{
    char bytes[RECORD_BYTES_MAX + 1], answer[32];

    for (unsigned lsn = 1; lsn <= RECORDS; lsn++) {
        size_t length = make_record(lsn, bytes), done = 0;
        bytes[length] = '\n';
        CHECK(write(writer->input, bytes, length + 1) == (ssize_t)length + 1, "the writer takes no more");
        do {
            ssize_t count = read(writer->output, answer + done, sizeof(answer) - 1 - done);
            CHECK(count > 0, "the writer has gone");
            done += (size_t)count;
        } while (answer[done - 1] != '\n');
        CHECK(strtoul(answer, NULL, 10) == lsn, "append prints an LSN that is not the next");
    }
}

/* Behind `at`, where less than a small frame would fit, a frame is padded to its block's end; and frames step over the
 * second header copy. */
static size_t next_frame(size_t at)
{
    size_t block_end = (at + BLOCK - 1) / BLOCK * BLOCK;

    at = (at + 3) / 4 * 4;
    if (block_end - at < SMALLEST_ROOM)
        at = block_end;
    return at == SECOND_HEADER ? at + BLOCK : at;
}

/* Follow the frames of a file by their lengths and types (core/FORMAT.md), checks aside, and note where records stand.
 * What a record's pieces hold is compared with what was appended. */
static void walk_file(struct log *log, size_t file, unsigned *lsn)
{
    const struct file_image *image = &log->image.files[file];
    char bytes[RECORD_BYTES_MAX];
    size_t done = 0;

    for (size_t at = BLOCK; at + FRAME_HEADER <= image->length && image->bytes[at + 14] != 0;) {
        const uint8_t *frame = image->bytes + at;
        size_t length = frame[12] + 256U * frame[13], skipped = frame[14] == FRAME_FIRST ? 8 : 0;
        if (frame[14] == FRAME_CLOSE)
            log->close_offset = at;
        if (frame[14] == FRAME_FULL || frame[14] == FRAME_FIRST) {
            CHECK(++*lsn <= RECORDS, "more records than were appended");
            log->places[*lsn] = (struct place){ .file = file, .start = at };
            done = 0;
        }
        if (frame[14] >= FRAME_FULL && frame[14] <= FRAME_LAST) {
            make_record(*lsn, bytes);
            CHECK(memcmp(frame + FRAME_HEADER + skipped, bytes + done, length - skipped) == 0,
                  "record %u does not stand where its frame does", *lsn);
            done += length - skipped;
            log->places[*lsn].end = at + FRAME_HEADER + length;
            if (log->in_use_count == 0 || log->in_use[log->in_use_count - 1] != file)
                log->in_use[log->in_use_count++] = file;
        }
        log->ends[file] = at = next_frame(at + FRAME_HEADER + length);
    }
}

static void find_records(struct log *log)
{
    unsigned lsn = 0;

    log->close_offset = SIZE_MAX;
    for (size_t i = 0; i < log->image.count; i++)
        if (log->image.files[i].length == SEGMENT_BYTES)
            walk_file(log, i, &lsn);
    CHECK(lsn == RECORDS, "%u records stand in the files, %d were appended", lsn, RECORDS);
    CHECK(log->in_use_count >= 3, "the log stands in %zu segments, three are needed", log->in_use_count);
    CHECK(log->closed == (log->close_offset != SIZE_MAX), "a log ends with CLOSE exactly if it was closed");
}

static void write_log(struct log *log, const char *name, bool closed)
{
    const char *argv[] = { program("kaya-wal"), "append", directory, SEGMENT_OPTION, NULL };

    CONTEXT("writing the %s log", name);
    log->name = name;
    log->closed = closed;
    struct child writer = spawn(argv);
    feed_records(&writer);
    if (!closed)
        kill(writer.pid, SIGKILL);
    struct result result = finish(&writer, NULL, 0);
    CHECK(result.code == (closed ? 0 : 128 + SIGKILL), "exit %d, %s", result.code, result.error);
    release(&result);
    image_load(directory, &log->image);
    find_records(log);
    remove_directory(directory);
}

/* One case ----------------------------------------------------------------------------------------------------------- */

/* How many records `output` holds, as a prefix of what was appended. */
static unsigned count_records(const char *output, size_t length)
{
    char bytes[RECORD_BYTES_MAX];
    unsigned lsn = 1;

    for (size_t at = 0; at < length; lsn++) {
        if (lsn > RECORDS)
            return UINT32_MAX;
        size_t record_length = make_record(lsn, bytes);
        if (length - at <= record_length || memcmp(output + at, bytes, record_length) != 0 ||
            output[at + record_length] != '\n')
            return UINT32_MAX;
        at += record_length + 1;
    }
    return lsn - 1;
}

static void expect_unchanged(const struct image *before, const char *by)
{
    static struct image after;

    image_load(directory, &after);
    EXPECT(image_equal(before, &after), "%s changed the directory", by);
    image_release(&after);
}

static void expect_refusal(const struct image *damaged)
{
    struct result cat = run("cat", NULL, 0, directory, NULL);
    EXPECT(cat.code == 2 && cat.output_length == 0, "cat of a damaged log: exit %d, %zu bytes", cat.code,
           cat.output_length);
    release(&cat);
    struct result append = run("append", "new\n", 4, directory, SEGMENT_OPTION, NULL);
    EXPECT(append.code == 2 && append.output_length == 0, "append to a damaged log: exit %d, prints '%s', %s",
           append.code, append.output, append.error);
    EXPECT(strstr(append.error, "0x"), "the refusal names no offset: %s", append.error);
    release(&append);
    expect_unchanged(damaged, "a refusing append");
}

/* cat prints a prefix of at least `least` and at most `most` records; append goes on behind it. */
static void expect_going_on(const struct image *damaged, unsigned least, unsigned most)
{
    char next[32];

    struct result cat = run("cat", NULL, 0, directory, NULL);
    unsigned count = count_records(cat.output, cat.output_length);
    EXPECT(cat.code == 0, "cat: exit %d, %s", cat.code, cat.error);
    EXPECT(count != UINT32_MAX, "cat prints what was never appended");
    EXPECT(count >= least && count <= most, "cat prints %u records, not %u to %u", count, least, most);
    release(&cat);
    expect_unchanged(damaged, "cat");
    struct result append = run("append", "new\n", 4, directory, SEGMENT_OPTION, NULL);
    snprintf(next, sizeof(next), "%u\n", count + 1);
    EXPECT(append.code == 0 && strcmp(append.output, next) == 0,
           "append behind %u records: exit %d, prints '%s', %s", count, append.code, append.output,
           append.error);
    release(&append);
    struct result again = run("cat", NULL, 0, directory, NULL);
    EXPECT(again.code == 0 && again.output_length > 4 &&
               strcmp(again.output + again.output_length - 4, "new\n") == 0 &&
               count_records(again.output, again.output_length - 4) == count,
           "after going on cat prints something else: exit %d, %s", again.code, again.error);
    release(&again);
}

/* Run everything on `damaged`; returns verify's words, to be released. */
static struct result try(const struct image *damaged, enum outcome allowed, unsigned least, unsigned most)
{
    cases++;
    image_store(directory, damaged);
    struct result verify = run("verify", NULL, 0, directory, NULL);
    bool known = verify.code >= 0 && verify.code <= 2;
    EXPECT(known && (1U << verify.code & allowed), "verify: exit %d\n%s%s", verify.code, verify.output,
           verify.error);
    expect_unchanged(damaged, "verify");
    if (verify.code == 2 && strncmp(verify.output, "damaged: ", 9) == 0)
        expect_refusal(damaged);
    else if (known)
        expect_going_on(damaged, least, most);
    return verify;
}

/* The number behind `words` in verify's text. */
static unsigned number_behind(const char *text, const char *words)
{
    const char *at = strstr(text, words);

    return at ? (unsigned)strtoul(at + strlen(words), NULL, 10) : 0;
}

/* The first record that is not whole any more when bytes from `offset` of `file` on are wrong. */
static unsigned first_lost(const struct log *log, size_t file, size_t offset)
{
    unsigned lsn = 1;

    while (lsn <= RECORDS &&
           (log->places[lsn].file < file || (log->places[lsn].file == file && log->places[lsn].end <= offset)))
        lsn++;
    return lsn;
}

static void copy_image(struct image *to, const struct image *from)
{
    *to = *from;
    for (size_t i = 0; i < from->count; i++) {
        to->files[i].bytes = malloc(from->files[i].length + 1);
        CHECK(to->files[i].bytes, "no memory");
        memcpy(to->files[i].bytes, from->files[i].bytes, from->files[i].length);
    }
}

static bool is_header_place(size_t offset)
{
    return offset < BLOCK || (offset >= SECOND_HEADER && offset < SECOND_HEADER + BLOCK);
}

static bool is_in_use(const struct log *log, size_t file)
{
    for (size_t i = 0; i < log->in_use_count; i++)
        if (log->in_use[i] == file)
            return true;
    return false;
}

/* Where nothing behind claims what stands here: from the last frame of the log on. */
static size_t claimed_end(const struct log *log, size_t file)
{
    if (file != log->in_use[log->in_use_count - 1])
        return log->ends[file];
    return log->closed ? log->close_offset : log->places[RECORDS].start;
}

/* The cases ---------------------------------------------------------------------------------------------------------- */

static void an_undamaged_log_is_fine(const struct log *log)
{
    CONTEXT("%s log, undamaged", log->name);
    struct result verify = try(&log->image, OUTCOME_FINE, RECORDS, RECORDS);
    EXPECT(strncmp(verify.output, "clean: ", 7) == 0, "verify says\n%s", verify.output);
    release(&verify);
}

static void one_flipped_bit_is_mended_or_does_not_matter(const struct log *log, size_t step)
{
    struct image damaged;

    copy_image(&damaged, &log->image);
    for (size_t i = 0; i < damaged.count; i++) {
        struct file_image *file = &damaged.files[i];
        for (size_t offset = draw(step); offset < file->length; offset += 1 + draw(2 * step)) {
            unsigned bit = (unsigned)draw(8);
            bool dead = !is_in_use(log, i) || is_header_place(offset) || offset >= log->ends[i];
            CONTEXT("%s log, %s: bit %u of byte 0x%zx flipped", log->name, file->name, bit, offset);
            file->bytes[offset] ^= (uint8_t)(1 << bit);
            bool behind_the_end = is_in_use(log, i) && offset >= log->ends[i];
            enum outcome allowed = dead ? (behind_the_end ? OUTCOME_FINE_OR_CUT : OUTCOME_FINE)
                                   : offset < claimed_end(log, i) ? OUTCOME_BAD
                                                                  : OUTCOME_CUT;
            struct result verify = try(&damaged, allowed, RECORDS, RECORDS);
            if (allowed == OUTCOME_BAD)
                EXPECT(strncmp(verify.output, "mended: ", 8) == 0, "verify says\n%s", verify.output);
            release(&verify);
            file->bytes[offset] ^= (uint8_t)(1 << bit);
        }
    }
    image_release(&damaged);
}

/* The first byte of [start, start + SECTOR) that is not zero and no header's; SIZE_MAX: none. */
static size_t first_live_byte(const struct file_image *file, size_t start)
{
    for (size_t offset = start; offset < start + SECTOR && offset < file->length; offset++)
        if (file->bytes[offset] != 0 && !is_header_place(offset))
            return offset;
    return SIZE_MAX;
}

static void a_zeroed_sector_is_named_or_beyond_every_claim(const struct log *log)
{
    struct image damaged;

    copy_image(&damaged, &log->image);
    for (size_t i = 0; i < log->in_use_count; i++) {
        size_t index = log->in_use[i];
        struct file_image *file = &damaged.files[index];
        for (size_t start = 0; start < log->ends[index]; start += SECTOR) {
            size_t first = first_live_byte(&log->image.files[index], start);
            if (first == SIZE_MAX)
                continue;
            unsigned lost = first_lost(log, index, first);
            bool last_file = i + 1 == log->in_use_count;
            bool claimed = !last_file || start + SECTOR <= claimed_end(log, index);
            CONTEXT("%s log, %s: sector at 0x%zx zeroed, record %u is the first behind it", log->name,
                    file->name, start, lost);
            memset(file->bytes + start, 0, SECTOR);
            struct result verify =
                try(&damaged, claimed ? OUTCOME_BAD : OUTCOME_FINE_OR_CUT, lost - 1, lost - 1);
            if (claimed) {
                unsigned told = number_behind(verify.output, "damaged: records ");
                if (told == 0)
                    told = number_behind(verify.output, "damaged: record ");
                EXPECT(told == lost, "verify names record %u, not %u, as the first lost:\n%s", told, lost,
                       verify.output);
                EXPECT(strstr(verify.output, file->name), "verify does not name the file:\n%s", verify.output);
            }
            release(&verify);
            memcpy(file->bytes + start, log->image.files[index].bytes + start, SECTOR);
        }
    }
    image_release(&damaged);
}

/* Records that are whole within the first `length` bytes of `file`, and all in files before it. */
static unsigned whole_within(const struct log *log, size_t file, size_t length)
{
    return first_lost(log, file, length) - 1;
}

static void a_cut_file_ends_the_log_or_is_damaged(const struct log *log)
{
    struct image damaged;

    copy_image(&damaged, &log->image);
    for (size_t i = 0; i < log->in_use_count; i++) {
        size_t index = log->in_use[i];
        bool last_file = i + 1 == log->in_use_count;
        for (unsigned lsn = 1; lsn <= RECORDS; lsn++) {
            if (log->places[lsn].file != index)
                continue;
            for (unsigned inside = 0; inside < 2; inside++) { /* at the record's end; within it */
                size_t length = (log->places[lsn].end + 3) / 4 * 4;
                length -= inside * (1 + draw(20));
                if (length >= log->ends[index])
                    continue;
                unsigned whole = whole_within(log, index, length);
                CONTEXT("%s log, %s: cut to 0x%zx bytes, %u records are whole", log->name,
                        damaged.files[index].name, length, whole);
                damaged.files[index].length = length;
                struct result verify = try(&damaged, last_file ? OUTCOME_FINE_OR_CUT : OUTCOME_BAD,
                                           whole > 0 ? whole - 1 : 0, whole);
                release(&verify);
            }
        }
        damaged.files[index].length = log->image.files[index].length;
    }
    image_release(&damaged);
}

static void remove_file(struct image *image, size_t index)
{
    free(image->files[index].bytes);
    memmove(&image->files[index], &image->files[index + 1],
            (image->count - index - 1) * sizeof(struct file_image));
    image->count--;
}

static void a_missing_segment_is_damage_and_a_missing_spare_is_not(const struct log *log)
{
    for (size_t i = 0; i < log->image.count; i++) {
        /* The segment behind the last is there before the last takes a record, so one that is missing may be lost. */
        bool may_hold_records = is_in_use(log, i) || (i > 0 && is_in_use(log, i - 1));
        struct image damaged;
        copy_image(&damaged, &log->image);
        CONTEXT("%s log, %s deleted", log->name, damaged.files[i].name);
        remove_file(&damaged, i);
        struct result verify = try(&damaged, may_hold_records ? OUTCOME_BAD : OUTCOME_FINE, RECORDS, RECORDS);
        release(&verify);
        image_release(&damaged);
    }
}

static void swapped_segments_are_damage(const struct log *log)
{
    for (size_t i = 0; i + 1 < log->in_use_count; i++) {
        struct image damaged;
        copy_image(&damaged, &log->image);
        struct file_image *one = &damaged.files[log->in_use[i]], *other = &damaged.files[log->in_use[i + 1]];
        CONTEXT("%s log, %s and %s swapped", log->name, one->name, other->name);
        uint8_t *bytes = one->bytes;
        size_t length = one->length;
        one->bytes = other->bytes;
        one->length = other->length;
        other->bytes = bytes;
        other->length = length;
        struct result verify = try(&damaged, OUTCOME_BAD, 0, 0);
        release(&verify);
        image_release(&damaged);
    }
}

static void a_segment_of_another_log_is_damage(const struct log *log, const struct log *stranger)
{
    for (size_t i = 0; i < log->in_use_count && i < stranger->in_use_count; i++) {
        struct image damaged;
        copy_image(&damaged, &log->image);
        struct file_image *file = &damaged.files[log->in_use[i]];
        const struct file_image *strange = &stranger->image.files[stranger->in_use[i]];
        CONTEXT("%s log, %s taken from another log", log->name, file->name);
        free(file->bytes);
        file->bytes = malloc(strange->length + 1);
        CHECK(file->bytes, "no memory");
        memcpy(file->bytes, strange->bytes, strange->length);
        file->length = strange->length;
        struct result verify = try(&damaged, OUTCOME_BAD, 0, 0);
        release(&verify);
        image_release(&damaged);
    }
}

/* The log's id, as inspect tells it. */
static void find_log_id(char id[33])
{
    struct result inspect = run("inspect", NULL, 0, directory, "--json", NULL);
    const char *at = strstr(inspect.output, "\"log_id\":\"");

    CHECK(at, "inspect tells no log id: %s%s", inspect.output, inspect.error);
    snprintf(id, 33, "%s", at + strlen("\"log_id\":\""));
    release(&inspect);
}

static int verify_with_anchor(const char *id, unsigned lsn)
{
    char anchor[64];

    snprintf(anchor, sizeof(anchor), "%s:%u", id, lsn);
    struct result verify = run("verify", NULL, 0, directory, "--anchor", anchor, NULL);
    int code = verify.code;
    release(&verify);
    return code;
}

static void an_anchor_sees_what_no_claim_covers(const struct log *log)
{
    size_t last = log->in_use[log->in_use_count - 1];
    struct image damaged;
    char id[33];

    CONTEXT("%s log, anchored", log->name);
    copy_image(&damaged, &log->image);
    image_store(directory, &damaged);
    find_log_id(id);
    EXPECT(verify_with_anchor(id, RECORDS) == 0, "the whole log meets its anchor");
    EXPECT(verify_with_anchor("00112233445566778899aabbccddeeff", RECORDS) == 3,
           "another log's anchor is refused");
    damaged.files[last].length = (log->places[RECORDS - 2].end + 3) / 4 * 4;
    image_store(directory, &damaged);
    EXPECT(verify_with_anchor(id, RECORDS - 2) <= 1, "the anchor is met: it asks for no more than there is");
    EXPECT(verify_with_anchor(id, RECORDS) == 2, "two records short of the anchor is damage");
    image_release(&damaged);
}

static void foreign_files_are_left_alone(const struct log *log)
{
    struct image damaged;

    CONTEXT("%s log, with a foreign file", log->name);
    copy_image(&damaged, &log->image);
    struct file_image *file = &damaged.files[damaged.count++];
    *file = (struct file_image){ .name = "zebra\033[31m", .bytes = malloc(8), .length = 5 };
    CHECK(file->bytes, "no memory");
    memcpy(file->bytes, "hello", 5);
    struct result verify = try(&damaged, OUTCOME_FINE, RECORDS, RECORDS);
    EXPECT(strstr(verify.output, "zebra\\x1b[31m"), "verify does not name it, or not safely:\n%s", verify.output);
    release(&verify);
    image_release(&damaged);
}

int main(int argc, char **argv)
{
    static struct log closed, killed;
    size_t flip_step = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 96;

    signal(SIGPIPE, SIG_IGN);
    harness_random_state = 7;
    make_workplace(workplace, true);
    snprintf(directory, sizeof(directory), "%s/log", workplace);
    write_log(&closed, "closed", true);
    write_log(&killed, "killed", false);
    const struct log *logs[] = { &closed, &killed };
    for (size_t i = 0; i < 2; i++) {
        an_undamaged_log_is_fine(logs[i]);
        one_flipped_bit_is_mended_or_does_not_matter(logs[i], flip_step);
        a_zeroed_sector_is_named_or_beyond_every_claim(logs[i]);
        a_cut_file_ends_the_log_or_is_damaged(logs[i]);
        a_missing_segment_is_damage_and_a_missing_spare_is_not(logs[i]);
        swapped_segments_are_damage(logs[i]);
        a_segment_of_another_log_is_damage(logs[i], logs[1 - i]);
        an_anchor_sees_what_no_claim_covers(logs[i]);
        foreign_files_are_left_alone(logs[i]);
    }
    printf("%u cases, %u failures\n", cases, failures);
    image_release(&closed.image);
    image_release(&killed.image);
    remove_directory(directory);
    rmdir(workplace);
    return failures > 0;
}
