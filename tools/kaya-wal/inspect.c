/* inspect: everything that stands in a log's directory, or in one segment of it, in the order of its bytes.
 *
 * It shows and does not judge (verify does): damage is a line where the damage is, with the reason. Two faces of one
 * list of things seen: a table for people, an object a thing for programs. */
#include <argp.h>
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "tool.h"

struct options {
    struct kaya_common common;
    bool hex;
};

struct look {
    const struct options *options;
    struct kaya_paint paint;
    uint64_t items;
    char file_name[KAYA_NAME_BYTES_MAX + 1]; /* the file of the last item */
};

enum { PREVIEW_BYTES = 40, NOTE_BYTES = 256, CELL_BYTES = 48, CHECKS_WIDTH = 9 };

/* Of a record that spans blocks. */
static bool is_piece(const struct kaya_wal_item *item)
{
    return item->kind == KAYA_ITEM_FIRST || item->kind == KAYA_ITEM_MIDDLE || item->kind == KAYA_ITEM_LAST;
}

static bool holds_records(const struct kaya_wal_item *item)
{
    return item->kind == KAYA_ITEM_RECORD || item->kind == KAYA_ITEM_FIRST;
}

/* Table --------------------------------------------------------------------------------------------------------- */

static void print_segment_heading(struct look *look, const struct kaya_wal_item *item)
{
    char escaped[KAYA_ESCAPED_BYTES];
    bool is_file = item->kind != KAYA_ITEM_NO_FILE;

    if (look->items > 0)
        putchar('\n');
    printf("%ssegment %" PRIu64 "%s  %s, %s\n", look->paint.strong, item->segment, look->paint.plain,
           kaya_escape(item->file_name, escaped, sizeof(escaped)),
           is_file ? kaya_wal_segment_role_name(item->role) : "which is no file");
    if (!is_file)
        return;
    printf("%s  %-10s %8s  %-9s %-13s %-10s %s%s\n", look->paint.faint, "offset", "size", "type", "LSN",
           "watermark", "checks", look->paint.plain);
}

static void lsn_cell(const struct kaya_wal_item *item, char cell[CELL_BYTES])
{
    if (item->lsn == 0 || (item->lsn_count == 0 && !is_piece(item)))
        snprintf(cell, CELL_BYTES, "-");
    else if (item->lsn_count <= 1)
        snprintf(cell, CELL_BYTES, "%" PRIu64, item->lsn);
    else
        snprintf(cell, CELL_BYTES, "%" PRIu64 "..%" PRIu64, item->lsn, item->lsn + item->lsn_count - 1);
}

static void watermark_cell(const struct kaya_wal_item *item, char cell[CELL_BYTES])
{
    if (item->watermark_bytes == 0)
        snprintf(cell, CELL_BYTES, "-");
    else
        snprintf(cell, CELL_BYTES, "0x%" PRIx64, item->watermark_bytes);
}

static bool checks_are_good(const struct kaya_wal_item *item)
{
    return item->payload_check_good && item->header_check_good && item->second_check_good;
}

/* The checks that do not hold. */
static void checks_cell(const struct kaya_wal_item *item, char cell[CELL_BYTES])
{
    if (item->kind == KAYA_ITEM_END)
        snprintf(cell, CELL_BYTES, "-");
    else if (item->kind == KAYA_ITEM_DAMAGE)
        snprintf(cell, CELL_BYTES, "bad"); /* the reason says which */
    else if (item->kind == KAYA_ITEM_HEADER)
        snprintf(cell, CELL_BYTES, "%s", item->header_check_good ? "ok" : "bad");
    else if (checks_are_good(item))
        snprintf(cell, CELL_BYTES, "ok");
    else
        snprintf(cell, CELL_BYTES, "bad:%s%s%s", item->payload_check_good ? "" : " payload",
                 item->header_check_good ? "" : " header", item->second_check_good ? "" : " second");
}

/* The first bytes of a payload, as far as they are plain text. */
static void preview(const struct kaya_wal_item *item, char text[PREVIEW_BYTES + 1])
{
    const unsigned char *bytes = item->bytes;
    size_t length = 0;

    while (length < PREVIEW_BYTES && length < item->length && isprint(bytes[length])) {
        text[length] = (char)bytes[length];
        length++;
    }
    text[length] = 0;
}

static void record_note(const struct kaya_wal_item *item, char note[NOTE_BYTES])
{
    char text[PREVIEW_BYTES + 1];

    preview(item, text);
    if (is_piece(item))
        snprintf(note, NOTE_BYTES, "piece of %zu bytes", item->length);
    else if (item->lsn_count > 1)
        snprintf(note, NOTE_BYTES, "batch of %" PRIu64 ", %zu bytes", item->lsn_count, item->length);
    else
        snprintf(note, NOTE_BYTES, "%s, %zu bytes: %s", kaya_wal_record_type_name(item->record_type),
                 item->length, text);
}

static void link_note(const struct kaya_wal_item *item, char note[NOTE_BYTES])
{
    char before[CELL_BYTES * 2] = "the log begins here";
    char carried[CELL_BYTES] = "";

    if (item->predecessor)
        snprintf(before, sizeof(before), "follows segment %" PRIu64 ", durable to 0x%" PRIx64,
                 item->predecessor, item->predecessor_end);
    if (item->carried_end)
        snprintf(carried, sizeof(carried), ", carried to 0x%" PRIx64, item->carried_end);
    snprintf(note, NOTE_BYTES, "base LSN %" PRIu64 ", %s%s, low water %" PRIu64 ", epoch %" PRIu64,
             item->base_lsn, before, carried, item->low_water_lsn, item->epoch);
}

static void header_note(const struct kaya_wal_item *item, char note[NOTE_BYTES])
{
    char log_id[KAYA_LOG_ID_TEXT_BYTES];

    kaya_log_id_text(&item->log_id, log_id);
    snprintf(note, NOTE_BYTES, "format %" PRIu32 ", %" PRIu64 " bytes in blocks of %" PRIu32 ", log %s",
             item->format_version, item->segment_bytes, item->block_bytes, log_id);
}

static void note_of(const struct kaya_wal_item *item, char note[NOTE_BYTES])
{
    note[0] = 0;
    if (item->reason && item->reason[0])
        snprintf(note, NOTE_BYTES, "%s", item->reason);
    else if (item->kind == KAYA_ITEM_RECORD || is_piece(item))
        record_note(item, note);
    else if (item->kind == KAYA_ITEM_LINK)
        link_note(item, note);
    else if (item->kind == KAYA_ITEM_HEADER)
        header_note(item, note);
    else if (item->kind == KAYA_ITEM_TRIM)
        snprintf(note, NOTE_BYTES, "low water %" PRIu64, item->low_water_lsn);
    else if (item->kind == KAYA_ITEM_UNKNOWN)
        snprintf(note, NOTE_BYTES, "type 0x%02x, skipped", (unsigned)item->type_code);
}

static const char *colour_of(const struct look *look, const struct kaya_wal_item *item)
{
    if (item->kind == KAYA_ITEM_DAMAGE)
        return look->paint.bad;
    if (item->kind == KAYA_ITEM_STRAY || item->mended)
        return look->paint.warn;
    return item->lsn_count > 0 ? "" : look->paint.faint;
}

static void print_row(struct look *look, const struct kaya_wal_item *item)
{
    char lsn[CELL_BYTES], watermark[CELL_BYTES], checks[CELL_BYTES], note[NOTE_BYTES];

    lsn_cell(item, lsn);
    watermark_cell(item, watermark);
    checks_cell(item, checks);
    note_of(item, note);
    printf("%s  0x%08" PRIx64 " %8" PRIu64 "  %-9s %-13s %-10s %s", colour_of(look, item), item->offset_bytes,
           item->size_bytes, kaya_wal_item_name(item->kind), lsn, watermark, checks);
    if (note[0])
        printf("%*s%s", strlen(checks) < CHECKS_WIDTH ? CHECKS_WIDTH - (int)strlen(checks) : 1, "", note);
    if (item->mended)
        printf(" (bit %" PRIu64 " put right)", item->mended_bit);
    printf("%s\n", look->paint.plain);
    if (look->options->hex && item->length > 0)
        kaya_print_hex_dump(stdout, item->bytes, item->length);
}

/* JSON ---------------------------------------------------------------------------------------------------------- */

static void add_frame(json_t *object, const struct kaya_wal_item *item)
{
    kaya_json_integer(object, "lsn", item->lsn);
    kaya_json_integer(object, "lsn_count", item->lsn_count);
    kaya_json_integer(object, "type_code", item->type_code);
    kaya_json_integer(object, "flags", item->flags);
    if (holds_records(item) && item->lsn_count == 1)
        kaya_json_text(object, "record_type", kaya_wal_record_type_name(item->record_type));
    kaya_json_integer(object, "watermark", item->watermark_bytes);
    kaya_json_bool(object, "payload_check_good", item->payload_check_good);
    kaya_json_bool(object, "header_check_good", item->header_check_good);
    kaya_json_bool(object, "second_check_good", item->second_check_good);
    kaya_json_bool(object, "mended", item->mended);
    if (item->mended)
        kaya_json_integer(object, "mended_bit", item->mended_bit);
    kaya_json_integer(object, "payload_bytes", item->length);
}

static void add_header(json_t *object, const struct kaya_wal_item *item)
{
    kaya_json_bool(object, "header_check_good", item->header_check_good);
    kaya_json_integer(object, "format_version", item->format_version);
    kaya_json_integer(object, "segment_bytes", item->segment_bytes);
    kaya_json_integer(object, "block_bytes", item->block_bytes);
    kaya_json_hex(object, "log_id", item->log_id.bytes, sizeof(item->log_id.bytes));
}

static void add_link(json_t *object, const struct kaya_wal_item *item)
{
    kaya_json_integer(object, "base_lsn", item->base_lsn);
    kaya_json_integer(object, "predecessor", item->predecessor);
    kaya_json_integer(object, "predecessor_end", item->predecessor_end);
    kaya_json_integer(object, "carried_end", item->carried_end);
    kaya_json_integer(object, "low_water_lsn", item->low_water_lsn);
    kaya_json_integer(object, "epoch", item->epoch);
}

static void print_item_json(const struct options *options, const struct kaya_wal_item *item)
{
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", kaya_wal_item_name(item->kind));
    kaya_json_text(object, "file", item->file_name);
    kaya_json_integer(object, "segment", item->segment);
    if (item->kind != KAYA_ITEM_NO_FILE) {
        kaya_json_text(object, "role", kaya_wal_segment_role_name(item->role));
        kaya_json_integer(object, "offset", item->offset_bytes);
        kaya_json_integer(object, "size", item->size_bytes);
    }
    if (item->kind == KAYA_ITEM_HEADER)
        add_header(object, item);
    else if (item->kind != KAYA_ITEM_END && item->kind != KAYA_ITEM_NO_FILE)
        add_frame(object, item);
    if (item->kind == KAYA_ITEM_LINK)
        add_link(object, item);
    if (item->kind == KAYA_ITEM_TRIM)
        kaya_json_integer(object, "low_water_lsn", item->low_water_lsn);
    if (item->reason && item->reason[0])
        kaya_json_text(object, "reason", item->reason);
    if (options->hex && item->length > 0)
        kaya_json_hex(object, "bytes_hex", item->bytes, item->length);
    kaya_json_print(object);
}

/* The whole ------------------------------------------------------------------------------------------------------ */

static bool show(void *user, const struct kaya_wal_item *item)
{
    struct look *look = user;

    if (look->options->common.json) {
        print_item_json(look->options, item);
    } else {
        if (look->items == 0 || strcmp(look->file_name, item->file_name) != 0)
            print_segment_heading(look, item);
        if (item->kind != KAYA_ITEM_NO_FILE)
            print_row(look, item);
    }
    snprintf(look->file_name, sizeof(look->file_name), "%s", item->file_name);
    look->items++;
    return kaya_output_check() == KAYA_OUTPUT_GOOD;
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_sums(const struct look *look, const struct kaya_wal_inspection *sums, bool whole_directory)
{
    if (look->items > 0)
        putchar('\n');
    if (whole_directory)
        printf("%" PRIu64 " segment%s in use, %" PRIu64 " spare, %" PRIu64 " leftover, %" PRIu64
               " foreign file%s, ",
               sums->segment_count, plural(sums->segment_count), sums->spare_count, sums->leftover_count,
               sums->foreign_count, plural(sums->foreign_count));
    printf("%" PRIu64 " frame%s, %" PRIu64 " record%s, %" PRIu64 " damaged place%s\n", sums->frame_count,
           plural(sums->frame_count), sums->record_count, plural(sums->record_count), sums->damage_count,
           plural(sums->damage_count));
    if (whole_directory)
        printf("verdict: %s%s\n", kaya_wal_verdict_name(sums->report.verdict),
               sums->writer_is_live ? "; a writer is live" : "");
}

static void print_sums_json(const struct kaya_wal_inspection *sums, bool whole_directory)
{
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", "sums");
    if (whole_directory) {
        kaya_json_integer(object, "segments_in_use", sums->segment_count);
        kaya_json_integer(object, "spares", sums->spare_count);
        kaya_json_integer(object, "leftovers", sums->leftover_count);
        kaya_json_integer(object, "foreign_files", sums->foreign_count);
    }
    kaya_json_integer(object, "frames", sums->frame_count);
    kaya_json_integer(object, "records", sums->record_count);
    kaya_json_integer(object, "damaged_places", sums->damage_count);
    kaya_json_integer(object, "notices", sums->notice_count);
    if (whole_directory) {
        kaya_json_bool(object, "writer_is_live", sums->writer_is_live);
        kaya_json_report(object, &sums->report);
    }
    kaya_json_print(object);
}

static int run(const struct options *options)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct look look = { .options = options, .paint = kaya_paint_of(stdout) };
    struct kaya_wal_inspection sums = { 0 };
    int code = KAYA_EXIT_OTHER;

    if (kaya_place_open(&place, options->common.path, true, true) != KAYA_OK)
        goto done;
    bool whole_directory = !place.file_name;
    enum kaya_status status = kaya_wal_inspect_path(&place.environment, place.file_name, show, &look, &sums);
    if (status == KAYA_INVALID) {
        kaya_complain("%s: not a segment of a log: that is a file named by 16 hex digits and .wal (.new, .away)",
                      place.path);
        goto done;
    }
    if (status != KAYA_OK) {
        code = kaya_say_status(&place, "inspect", status, NULL);
        goto done;
    }
    if (options->common.json)
        print_sums_json(&sums, whole_directory);
    else
        print_sums(&look, &sums, whole_directory);
    code = whole_directory && sums.report.verdict == KAYA_VERDICT_DAMAGED ? KAYA_EXIT_DAMAGED : KAYA_EXIT_DONE;
    if (kaya_output_flush() == KAYA_OUTPUT_FAILED)
        code = KAYA_EXIT_OTHER;
done:
    kaya_place_close(&place);
    return code;
}

enum { OPTION_HEX = 0x100 };

static const struct argp_option argp_options[] = {
    { "hex", OPTION_HEX, NULL, 0, "Show the payloads' bytes as well", 0 },
    { "json", KAYA_OPTION_JSON, NULL, 0,
      "One object a thing: item, file, segment, role, offset, size and what goes with its "
      "kind; at the end the sums (item \"sums\")",
      0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_HEX:
        options->hex = true;
        return 0;
    default:
        return kaya_parse_common(key, argument, state, &options->common);
    }
}

int kaya_command_inspect(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "PATH",
        .doc =
            "Show every header, link and frame with its offset, size, records, watermark and checks: of a log's "
            "directory in order of segments, or of one segment file judged alone. A frame's watermark says: all before "
            "this offset was durable when I was written. Changes nothing, runs beside a live writer.\v"
            "Types of things: header, link (first frame: what stands before), record, first, middle, last (pieces of "
            "a long record), pad, watermark, close, trim, damage (a frame was expected here and does not validate), "
            "stray (a frame nothing leads to), end.\n"
            "\n"
            "Example:\n"
            "  kaya-wal inspect journal/0000000000000001.wal --hex | less\n"
            "\n"
            "Exit codes:\n"
            "  0  shown\n"
            "  2  shown, and the directory's verdict is: damaged\n"
            "  3  anything else: usage, no log, not a segment, a log that kept changing",
    };
    struct options options = { .common = { .takes_segment = true } };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
