/* salvage: every undamaged record of a log that recovery refuses, into logs of their own.
 *
 *   DIR2/from-1        records 1 to the one before the first gap, a log like any other, same numbers
 *   DIR2/from-13       the next run, and so on
 *   DIR2/incomplete-40 members of a batch that is not whole, if there are any
 *   DIR2/salvage.json  which runs, which gaps and why; written last, so where it stands the rest is whole
 *
 * The damaged log is only read. A crash here leaves a DIR2 without salvage.json: remove it and begin again. */
#define _GNU_SOURCE
#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "finds.h"

enum { PROGRESS_STEP = 16384, BUSY_TRIES_MAX = 20, BUSY_PAUSE_US = 10000 };

struct options {
    struct kaya_common common;
    const char *to; /* NULL: only look */
};

static const struct kaya_wal_anchor *anchor_of(const struct options *options)
{
    return options->common.has_anchor ? &options->common.anchor : NULL;
}

/* --- what was found ------------------------------------------------------------------------------------------------- */

static void print_range(uint64_t first, uint64_t last)
{
    char text[64];

    if (first == last)
        snprintf(text, sizeof(text), "record %" PRIu64, first);
    else if (last == 0)
        snprintf(text, sizeof(text), "from record %" PRIu64 " on", first);
    else
        snprintf(text, sizeof(text), "records %" PRIu64 "..%" PRIu64, first, last);
    printf("  %-26s", text);
}

static void print_run(const struct options *options, const struct kaya_find *run)
{
    struct kaya_paint paint = kaya_paint_of(stdout);
    char name[KAYA_RUN_NAME_BYTES];

    kaya_find_name(run, name);
    print_range(run->first_lsn, run->last_lsn);
    printf("%s%s%s", paint.good, options->to ? name : "whole", paint.plain);
    if (run->incomplete)
        printf(", of a batch that is not whole: recovery would have returned none of it");
    if (run->mended_count > 0)
        printf(", %" PRIu64 " with a flipped bit put right", run->mended_count);
    if (run->unvouched_count > 0)
        printf(", %" PRIu64 " that no claim covers", run->unvouched_count);
    putchar('\n');
}

static void print_gap(const struct kaya_find *find)
{
    const struct kaya_wal_salvaged *gap = &find->gap;
    struct kaya_paint paint = kaya_paint_of(stdout);

    if (find->first_lsn > 0) {
        print_range(find->first_lsn, find->last_lsn);
        printf("%s%s%s: ", paint.bad, gap->claimed ? "lost" : "torn or lost", paint.plain);
    } else {
        printf("  %-26s%sdamage%s: ", "no record", paint.warn, paint.plain);
    }
    printf("segment %" PRIu64 ", 0x%" PRIx64 ": %s", gap->segment, gap->offset_bytes, gap->reason);
    if (gap->place_count > 1)
        printf(", and %" PRIu64 " more places", gap->place_count - 1);
    putchar('\n');
}

static void print_for_people(const struct options *options, const struct kaya_finds *finds)
{
    for (size_t i = 0; i < finds->count; i++) {
        if (finds->finds[i].kind == KAYA_FIND_RUN)
            print_run(options, &finds->finds[i]);
        else
            print_gap(&finds->finds[i]);
    }
    printf("%" PRIu64 " records %s", finds->record_count, options->to ? "salvaged" : "can be salvaged");
    if (finds->gap_count == 0)
        printf(", nothing is lost\n");
    else if (finds->lost_count == 0)
        printf(", %s lost\n", finds->lost_is_least ? "nobody can say how many are" : "none is");
    else
        printf(", %s%" PRIu64 " lost\n", finds->lost_is_least ? "at least " : "", finds->lost_count);
}

static json_t *describe_run(const struct options *options, const struct kaya_find *run)
{
    char name[KAYA_RUN_NAME_BYTES];
    json_t *object = kaya_json_new();

    kaya_find_name(run, name);
    kaya_json_text(object, "item", "run");
    if (options->to)
        kaya_json_text(object, "directory", name);
    kaya_json_integer(object, "first_lsn", run->first_lsn);
    kaya_json_integer(object, "last_lsn", run->last_lsn);
    kaya_json_integer(object, "records", run->record_count);
    kaya_json_integer(object, "bytes", run->byte_count);
    kaya_json_integer(object, "mended", run->mended_count);
    kaya_json_integer(object, "unvouched", run->unvouched_count);
    kaya_json_bool(object, "incomplete", run->incomplete);
    return object;
}

/* Bounds that are not known are left out. */
static json_t *describe_gap(const struct kaya_find *find)
{
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", "gap");
    if (find->first_lsn > 0)
        kaya_json_integer(object, "first_lsn", find->first_lsn);
    if (find->last_lsn > 0)
        kaya_json_integer(object, "last_lsn", find->last_lsn);
    kaya_json_bool(object, "claimed", find->gap.claimed);
    kaya_json_integer(object, "segment", find->gap.segment);
    kaya_json_integer(object, "offset", find->gap.offset_bytes);
    if (find->gap.end_offset_bytes > 0)
        kaya_json_integer(object, "end_offset", find->gap.end_offset_bytes);
    kaya_json_text(object, "reason", find->gap.reason);
    kaya_json_integer(object, "places", find->gap.place_count);
    return object;
}

static json_t *describe(const struct options *options, const struct kaya_find *find)
{
    return find->kind == KAYA_FIND_RUN ? describe_run(options, find) : describe_gap(find);
}

static json_t *describe_sums(const struct kaya_finds *finds)
{
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", "sums");
    kaya_json_integer(object, "records", finds->record_count);
    kaya_json_integer(object, "gaps", finds->gap_count);
    kaya_json_integer(object, "lost", finds->lost_count);
    kaya_json_bool(object, "lost_is_least", finds->lost_is_least);
    kaya_json_report(object, &finds->report);
    return object;
}

static void print_for_programs(const struct options *options, const struct kaya_finds *finds)
{
    for (size_t i = 0; i < finds->count; i++)
        kaya_json_print(describe(options, &finds->finds[i]));
    kaya_json_print(describe_sums(finds));
}

/* --- the directory that takes it ------------------------------------------------------------------------------------- */

static int complain_of(const char *path)
{
    kaya_complain("%s: %s", path, strerror(errno));
    return KAYA_EXIT_OTHER;
}

static bool is_empty(DIR *directory)
{
    const struct dirent *entry;

    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    return true;
}

/* A directory beside which `path` stands; the caller frees it. */
static char *parent_of(const char *path)
{
    char *parent = NULL;

    return asprintf(&parent, "%s/..", path) < 0 ? NULL : parent;
}

/* Make it, or find it empty; and not inside the log, which is only read. */
static int make_directory(const struct options *options)
{
    struct stat log, parent;
    char *above = NULL;
    int code = KAYA_EXIT_OTHER;

    bool is_new = mkdir(options->to, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return complain_of(options->to);
    DIR *directory = opendir(options->to);
    if (!directory)
        return complain_of(options->to);
    above = parent_of(options->to);
    if (!is_new && !is_empty(directory)) {
        kaya_complain("%s: is not empty; salvage writes only where nothing is. Nothing was done", options->to);
    } else if (!above || stat(above, &parent) != 0 || stat(options->common.path, &log) != 0) {
        complain_of(options->to);
    } else if (parent.st_dev == log.st_dev && parent.st_ino == log.st_ino) {
        kaya_complain("%s: stands in the log itself, which salvage only reads. Nothing was done", options->to);
    } else {
        code = KAYA_EXIT_DONE;
    }
    free(above);
    closedir(directory);
    if (code != KAYA_EXIT_DONE && is_new)
        (void)rmdir(options->to);
    return code;
}

static bool sync_path(const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    bool synced = descriptor >= 0 && fsync(descriptor) == 0;

    if (descriptor >= 0)
        (void)close(descriptor);
    return synced;
}

static bool write_whole(const char *path, json_t *object)
{
    FILE *file = fopen(path, "wxe");

    if (!file)
        return false;
    bool written = json_dumpf(object, file, JSON_INDENT(2)) == 0 && fputc('\n', file) != EOF &&
                   fflush(file) == 0 && fsync(fileno(file)) == 0;
    return fclose(file) == 0 && written;
}

/* salvage.json, under its name only once it and all the rest is durable. */
static int write_account(const struct options *options, const struct kaya_finds *finds)
{
    json_t *object = kaya_json_new();
    json_t *items = json_array();
    char *draft = NULL, *final = NULL, *above = parent_of(options->to);
    bool good = items && above;

    kaya_json_text(object, "from", options->common.path);
    for (size_t i = 0; i < finds->count && good; i++)
        good = json_array_append_new(items, describe(options, &finds->finds[i])) == 0;
    good = good && json_object_set(object, "items", items) == 0 &&
           json_object_set_new(object, "sums", describe_sums(finds)) == 0;
    good = asprintf(&draft, "%s/salvage.json.new", options->to) >= 0 && good;
    good = asprintf(&final, "%s/salvage.json", options->to) >= 0 && good;
    good = good && write_whole(draft, object) && rename(draft, final) == 0 && sync_path(options->to) &&
           sync_path(above);
    int code = good ? KAYA_EXIT_DONE : complain_of(options->to);
    json_decref(items);
    json_decref(object);
    free(draft);
    free(final);
    free(above);
    return code;
}

/* --- the command ---------------------------------------------------------------------------------------------------- */

struct progress {
    const char *doing;
    bool is_shown;
};

static void show_progress(void *user, uint64_t record_count)
{
    struct progress *progress = user;

    if (record_count == 0 || record_count % PROGRESS_STEP != 0 || !isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%s: %" PRIu64 " records", progress->doing, record_count);
    progress->is_shown = true;
}

static void end_progress(struct progress *progress)
{
    if (progress->is_shown)
        fputs("\r\033[K", stderr);
    progress->is_shown = false;
}

/* A healthy log beside a busy writer may keep changing. */
static enum kaya_status look(const struct options *options, const struct kaya_place *place,
                             struct kaya_finds *finds)
{
    struct progress progress = { .doing = "looking" };
    enum kaya_status status = KAYA_BUSY;

    for (int tries = 0; status == KAYA_BUSY && tries < BUSY_TRIES_MAX; tries++) {
        if (tries > 0)
            usleep(BUSY_PAUSE_US);
        kaya_finds_release(finds);
        status = kaya_finds_look(finds, place, anchor_of(options), show_progress, &progress);
    }
    end_progress(&progress);
    return status;
}

static int write_all(const struct options *options, const struct kaya_place *place, const struct kaya_finds *finds)
{
    struct progress progress = { .doing = "writing" };
    int code = make_directory(options);

    if (code != KAYA_EXIT_DONE)
        return code;
    enum kaya_status status =
        kaya_finds_write(finds, place, anchor_of(options), options->to, show_progress, &progress);
    end_progress(&progress);
    if (status == KAYA_DAMAGED)
        kaya_complain("%s: changed while it was read: end its writer, remove %s and run this again",
                      options->common.path, options->to);
    else if (status != KAYA_OK)
        kaya_complain("%s: is not finished: remove it and run this again when there is room", options->to);
    return status == KAYA_OK ? write_account(options, finds) : KAYA_EXIT_OTHER;
}

static int code_of(const struct kaya_finds *finds)
{
    if (finds->gap_count == 0 || (finds->lost_count == 0 && !finds->lost_is_least))
        return KAYA_EXIT_DONE;
    return finds->record_count > 0 ? KAYA_EXIT_PARTLY : KAYA_EXIT_DAMAGED;
}

static int run(const struct options *options)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_finds finds = KAYA_FINDS_NONE;
    int code = KAYA_EXIT_OTHER;

    if (kaya_place_open(&place, options->common.path, false, true) != KAYA_OK)
        goto done;
    enum kaya_status status = look(options, &place, &finds);
    if (status != KAYA_OK) {
        code = kaya_say_status(&place, "salvage", status, NULL);
        goto done;
    }
    code = options->to ? write_all(options, &place, &finds) : KAYA_EXIT_DONE;
    if (code != KAYA_EXIT_DONE)
        goto done;
    if (options->common.json)
        print_for_programs(options, &finds);
    else
        print_for_people(options, &finds);
    code = kaya_output_flush() == KAYA_OUTPUT_FAILED ? KAYA_EXIT_OTHER : code_of(&finds);
done:
    kaya_finds_release(&finds);
    kaya_place_close(&place);
    return code;
}

enum { OPTION_TO = 0x100 };

static const struct argp_option argp_options[] = {
    { "to", OPTION_TO, "DIR2", 0,
      "Write what can be had to DIR2, which must not exist or be empty; without it, only say what that is", 0 },
    { "anchor", KAYA_OPTION_ANCHOR, "ID:LSN", 0,
      "As for verify: the log's id and a record that is known to have been durable. What lies behind the end that "
      "recovery would find comes too, and what is missing up to there is a gap",
      0 },
    { "json", KAYA_OPTION_JSON, NULL, 0,
      "One object a run (item \"run\": directory, first_lsn, last_lsn, records, bytes, mended, unvouched, incomplete) "
      "and a gap (item \"gap\": first_lsn and last_lsn where they are known, claimed, segment, offset, end_offset, "
      "reason, places), in order; then the sums and the report",
      0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    if (key == OPTION_TO) {
        options->to = argument;
        if (argument[0])
            return 0;
        argp_error(state, "--to: which directory?");
        return EINVAL;
    }
    return kaya_parse_common(key, argument, state, &options->common);
}

int kaya_command_salvage(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR [--to DIR2]",
        .doc =
            "Get every undamaged record out of a log that recovery refuses, with the number it had. Each run of records "
            "without a gap becomes a log of its own, DIR2/from-LSN, which every other command reads; "
            "DIR2/salvage.json lists runs and gaps. DIR is only read: no lock is taken, nothing is changed.\n\n"
            "A record comes only if its checks hold at its own place, or hold once one flipped bit is put right. What "
            "was lost is told with place and reason, and with its numbers where records around it stand. Of a batch "
            "that is not whole, members may come: they go to DIR2/incomplete-LSN. From a log that is healthy comes what "
            "recovery would return. \"No claim covers it\": the record is true, but it may never have been acknowledged, "
            "and if a later segment is lost, it may have been given up by an earlier recovery.\v"
            "Example:\n"
            "  kaya-wal salvage journal --to rescued\n"
            "  cat rescued/salvage.json\n"
            "  for run in $(ls -d rescued/from-* | sort -t- -k2n); do\n"
            "      kaya-wal cat $run\n"
            "  done\n"
            "\n"
            "Exit codes:\n"
            "  0  nothing is lost\n"
            "  1  salvaged, but for the gaps\n"
            "  2  damaged, and no record can be had\n"
            "  3  anything else: usage, no log, DIR2 is not empty or cannot be written",
    };
    struct options options = { .common = { .path = NULL } };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
