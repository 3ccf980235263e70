/* From facts to sentences: what is damaged, what that costs, who says so, and what to do.
 *
 * The report tells which bytes were durable and are not whole. Which frame vouches for them it does not tell; that is
 * looked up among the things inspect sees, for people who want to check with their own eyes. */
#include <inttypes.h>
#include <string.h>

#include "tool.h"

struct search {
    const struct kaya_wal_recovery_report *report;
    struct kaya_claimer *claimer;
};

/* Does this item say that the damaged segment was durable up to where the report says? */
static bool makes_the_claim(const struct kaya_wal_item *item, const struct kaya_wal_recovery_report *report)
{
    if (report->damage_end_offset == 0 || item->kind == KAYA_ITEM_HEADER || item->kind == KAYA_ITEM_DAMAGE ||
        item->kind == KAYA_ITEM_END)
        return false;
    if (item->kind == KAYA_ITEM_LINK && item->predecessor == report->damage_segment)
        return item->predecessor_end == report->damage_end_offset;
    return item->segment == report->damage_segment && item->watermark_bytes == report->damage_end_offset;
}

static bool look(void *user, const struct kaya_wal_item *item)
{
    struct search *search = user;

    if (item->segment == search->report->damage_segment)
        snprintf(search->claimer->damaged_file, sizeof(search->claimer->damaged_file), "%s", item->file_name);
    if (item->kind == KAYA_ITEM_DAMAGE && item->segment == search->report->damage_segment &&
        item->offset_bytes == search->report->damage_offset)
        search->claimer->reason = item->reason;
    if (item->kind == KAYA_ITEM_STRAY && item->payload_check_good &&
        item->lsn >= search->report->lost_first_lsn && item->lsn <= search->report->lost_last_lsn)
        search->claimer->whole_behind += item->lsn_count;
    if (!search->claimer->found && makes_the_claim(item, search->report)) {
        search->claimer->found = true;
        search->claimer->kind = item->kind;
        search->claimer->segment = item->segment;
        search->claimer->offset_bytes = item->offset_bytes;
    }
    return true;
}

void kaya_find_claimer(const struct kaya_place *place, const struct kaya_wal_recovery_report *report,
                       struct kaya_claimer *claimer)
{
    struct kaya_wal_inspection inspection;
    struct search search = { .report = report, .claimer = claimer };

    *claimer = (struct kaya_claimer){ .reason = "" };
    enum kaya_status status = kaya_wal_inspect_path(&place->environment, NULL, look, &search, &inspection);
    if (status != KAYA_OK)
        claimer->found = false; /* a live log moved on: the report stands without it */
}

/* "the frame at 0xa000 says", "the link of segment 4 says", "claims say" */
static void print_claim(FILE *stream, const struct kaya_wal_recovery_report *report,
                        const struct kaya_claimer *claimer)
{
    if (!claimer || !claimer->found)
        fprintf(stream, "claims say");
    else if (claimer->kind == KAYA_ITEM_LINK)
        fprintf(stream, "the link of segment %" PRIu64 " says", claimer->segment);
    else
        fprintf(stream, "the %s at 0x%" PRIx64 " says",
                claimer->kind == KAYA_ITEM_STRAY ? "frame" : kaya_wal_item_name(claimer->kind),
                claimer->offset_bytes);
    fprintf(stream, " durable to 0x%" PRIx64, report->damage_end_offset);
    if (report->damage_end_offset > report->damage_offset)
        fprintf(stream, ", so 0x%" PRIx64 "..0x%" PRIx64 " was durable", report->damage_offset,
                report->damage_end_offset);
    fputs(": ", stream);
}

static void print_lost(FILE *stream, const struct kaya_wal_recovery_report *report)
{
    if (report->lost_first_lsn == 0)
        fputs("no record is known to be lost\n", stream);
    else if (report->lost_first_lsn == report->lost_last_lsn)
        fprintf(stream, "record %" PRIu64 " is lost\n", report->lost_first_lsn);
    else
        fprintf(stream, "records %" PRIu64 "..%" PRIu64 " are lost\n", report->lost_first_lsn,
                report->lost_last_lsn);
}

void kaya_explain_damage(FILE *stream, const struct kaya_wal_recovery_report *report,
                         const struct kaya_claimer *claimer)
{
    char escaped[KAYA_ESCAPED_BYTES];

    fprintf(stream, "  segment %" PRIu64, report->damage_segment);
    if (claimer && claimer->damaged_file[0])
        fprintf(stream, " (%s)", kaya_escape(claimer->damaged_file, escaped, sizeof(escaped)));
    fprintf(stream, ", 0x%" PRIx64 ": %s", report->damage_offset, report->damage_reason);
    if (claimer && claimer->reason[0] && strcmp(claimer->reason, report->damage_reason) != 0)
        fprintf(stream, ": %s", claimer->reason);
    fputc('\n', stream);
    fputs("  ", stream);
    if (report->damage_end_offset > 0)
        print_claim(stream, report, claimer);
    print_lost(stream, report);
    if (claimer && claimer->whole_behind > 0)
        fprintf(stream,
                "  at least %" PRIu64
                " of them still stand whole behind the damage: `kaya-wal salvage` gets them out\n",
                claimer->whole_behind);
}

/* Files that do not open or read ------------------------------------------------------------------------------------ */

enum { READ_BYTES = 64 * 1024, PAGE_BYTES = 4096, SUSPECTS_MAX = 8 };

struct suspects {
    struct kaya_disk *disk;
    unsigned open_flags;
    uint64_t told;
    char bytes[READ_BYTES];
};

static void tell_file(struct suspects *suspects, const char *name, enum kaya_status status)
{
    char escaped[KAYA_ESCAPED_BYTES];

    fprintf(stderr, "  %s: does not open%s: %s\n", kaya_escape(name, escaped, sizeof(escaped)),
            suspects->open_flags == KAYA_OPEN_WRITE ? " for writing" : "", kaya_status_text(status));
    suspects->told++;
}

/* The first place of the file that cannot be read. */
static void tell_place(struct suspects *suspects, const char *name, struct kaya_file *file)
{
    char escaped[KAYA_ESCAPED_BYTES];
    size_t step = READ_BYTES;
    size_t done = step;
    uint64_t offset = 0;

    while (done == step) {
        if (kaya_disk_read(suspects->disk, file, offset, suspects->bytes, step, KAYA_READ_CACHED, &done) ==
            KAYA_OK) {
            offset += done;
        } else if (step > PAGE_BYTES) {
            step = done = PAGE_BYTES;
        } else {
            fprintf(stderr, "  %s, 0x%" PRIx64 ": cannot be read\n",
                    kaya_escape(name, escaped, sizeof(escaped)), offset);
            suspects->told++;
            return;
        }
    }
}

static bool is_of_the_log(const char *name)
{
    static const char *const endings[] = { KAYA_LOCK_NAME, ".wal", ".away", ".new" };

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strlen(name) >= strlen(endings[i]) &&
            strcmp(name + strlen(name) - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static bool suspect(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct suspects *suspects = user;
    struct kaya_file *file = NULL;

    if (kind != KAYA_ENTRY_FILE || !is_of_the_log(name))
        return true;
    enum kaya_status status = kaya_disk_open(suspects->disk, name, suspects->open_flags, &file);
    if (status == KAYA_OK && suspects->open_flags == KAYA_OPEN_READ)
        tell_place(suspects, name, file);
    else if (status != KAYA_OK && status != KAYA_NOT_FOUND)
        tell_file(suspects, name, status);
    kaya_disk_close(suspects->disk, file);
    return suspects->told < SUSPECTS_MAX;
}

/* The library says that some file does not open or read; which, and where, is looked for once more. Nothing is told of a disk that has come
 * to itself meanwhile. */
static void tell_suspects(struct kaya_disk *disk)
{
    static struct suspects suspects;

    suspects = (struct suspects){ .disk = disk, .open_flags = KAYA_OPEN_READ };
    if (kaya_disk_list(disk, suspect, &suspects) != KAYA_OK || suspects.told > 0)
        return;
    suspects.open_flags = KAYA_OPEN_WRITE;
    (void)!kaya_disk_list(disk, suspect, &suspects);
}

/* What to do ---------------------------------------------------------------------------------------------------------- */

struct advice {
    enum kaya_status status;
    const char *text;
};

static const struct advice advices[] = {
    { KAYA_INVALID, "check the options" },
    { KAYA_EXISTS, "a directory or a link stands where the log's first file would: move it away" },
    { KAYA_IO, "nothing that was acknowledged is given up; look at the disk (kernel log), then run this again: recovery "
               "decides what became of the rest" },
    { KAYA_FULL, "make room on the disk, or let go of old records with `kaya-wal trim`, and run this again; nothing "
                 "acknowledged is harmed" },
    { KAYA_NO_MEMORY, "run this again when there is memory" },
    { KAYA_LIMIT, "raise the limit of open files (ulimit -n)" },
    { KAYA_DENIED,
      "a log's directory is 0700 and its files 0600: are you their owner, and is the file system writable?" },
    { KAYA_LOCKED, "one writer at a time: wait for it or end it; cat, inspect and verify need no lock" },
    { KAYA_BUSY, "try again when the writer is less busy" },
    { KAYA_DAMAGED, "`kaya-wal verify` says more, `kaya-wal inspect` shows every frame, `kaya-wal salvage` gets out "
                    "what is whole" },
    { KAYA_UNSUPPORTED, "use the version that wrote it, or a newer one" },
    { KAYA_WRONG_LOG, "the anchor belongs to another log" },
    { KAYA_TRIMMED, "records below the low-water mark are gone for good" },
    { KAYA_ENDED, "run this again: recovery decides what became of the rest" },
};

static const char *advice_for(enum kaya_status status)
{
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        if (advices[i].status == status)
            return advices[i].text;
    return "this is not expected here";
}

int kaya_say_status(const struct kaya_place *place, const char *verb, enum kaya_status status,
                    const struct kaya_wal_recovery_report *report)
{
    struct kaya_claimer claimer;

    if (status == KAYA_NOT_FOUND) { /* the directory may well be there */
        kaya_complain("%s: cannot %s: there is no log here", place->path, verb);
        return KAYA_EXIT_OTHER;
    }
    kaya_complain("%s: cannot %s: %s (%s); %s", place->path, verb, kaya_status_text(status),
                  kaya_status_name(status), advice_for(status));
    if (status == KAYA_DAMAGED && report && report->verdict == KAYA_VERDICT_DAMAGED) {
        kaya_find_claimer(place, report, &claimer);
        kaya_explain_damage(stderr, report, &claimer);
    }
    if ((status == KAYA_IO || status == KAYA_DENIED) && place->environment.disk)
        tell_suspects(place->environment.disk);
    return status == KAYA_DAMAGED ? KAYA_EXIT_DAMAGED : KAYA_EXIT_OTHER;
}
