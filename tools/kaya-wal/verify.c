/* verify: would recovery find every durable record? The verdict in one line, then why.
 *
 * The library judges; here its report and notices become one of six findings, and a finding an exit code:
 *
 *   finding        exit   when
 *   empty          0      no log here yet
 *   clean          0      nothing would be cut; also where a live writer's last bytes are in flight
 *   torn           1      recovery would cut bytes that nothing vouches for, or mend a bit among them
 *   mended         2      a bit among durable bytes has flipped: every record is readable, the file is not as it was
 *   damaged        2      durable bytes are missing or wrong: recovery refuses
 *   (no verdict)   3      the log could not be judged
 *
 * Nothing is written, and a live writer is not stopped (P10). */
#define _GNU_SOURCE
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tool.h"

enum { BUSY_TRIES_MAX = 20, BUSY_PAUSE_MS = 10, NOTICES_MAX = 1000 };

/* Notices are heard before the verdict is known and told behind it; what a second pass says again is kept once. */
struct notice {
    struct kaya_event event; /* its text is owned */
};
struct notices {
    struct notice *list;
    size_t count;
    uint64_t more; /* beyond NOTICES_MAX */
    bool no_memory;
};

static bool is_news(enum kaya_event_kind kind)
{
    return kind == KAYA_EVENT_MENDED || kind == KAYA_EVENT_HEADER_COPY_BAD ||
           kind == KAYA_EVENT_FOREIGN_FILE || kind == KAYA_EVENT_NAME_TAKEN || kind == KAYA_EVENT_READ_AGAIN;
}

static bool was_heard(const struct notices *notices, const struct kaya_event *event)
{
    for (size_t i = 0; i < notices->count; i++) {
        const struct kaya_event *heard = &notices->list[i].event;
        if (heard->kind == event->kind && heard->segment == event->segment &&
            heard->offset_bytes == event->offset_bytes && strcmp(heard->text, event->text) == 0)
            return true;
    }
    return false;
}

static void hear(void *user, const struct kaya_event *event)
{
    struct notices *notices = user;

    if (!is_news(event->kind) || was_heard(notices, event))
        return;
    if (notices->count == NOTICES_MAX) {
        notices->more++;
        return;
    }
    char *text = strdup(event->text);
    if (!text) {
        notices->no_memory = true;
        return;
    }
    notices->list[notices->count].event = *event;
    notices->list[notices->count].event.text = text;
    notices->count++;
}

static bool notices_init(struct notices *notices)
{
    *notices = (struct notices){ .list = calloc(NOTICES_MAX, sizeof(struct notice)) };
    return notices->list;
}

static void notices_forget(struct notices *notices)
{
    for (size_t i = 0; i < notices->count; i++)
        free((void *)(uintptr_t)notices->list[i].event.text);
    notices->count = 0;
    notices->more = 0;
}

/* Findings ------------------------------------------------------------------------------------------------------ */

enum finding { FINDING_EMPTY, FINDING_CLEAN, FINDING_TORN, FINDING_MENDED, FINDING_DAMAGED };

static const struct {
    const char *name;
    int code;
} findings[] = {
    [FINDING_EMPTY] = { "empty", KAYA_EXIT_DONE },        [FINDING_CLEAN] = { "clean", KAYA_EXIT_DONE },
    [FINDING_TORN] = { "torn", KAYA_EXIT_PARTLY },        [FINDING_MENDED] = { "mended", KAYA_EXIT_DAMAGED },
    [FINDING_DAMAGED] = { "damaged", KAYA_EXIT_DAMAGED },
};

/* Does a claim vouch for this place? */
static bool is_claimed(const struct kaya_wal_recovery_report *report, const struct kaya_event *event)
{
    return event->segment < report->claim_segment ||
           (event->segment == report->claim_segment && event->offset_bytes < report->claim_offset);
}

static size_t count_mended(const struct notices *notices, const struct kaya_wal_recovery_report *report,
                           bool claimed)
{
    size_t count = 0;

    for (size_t i = 0; i < notices->count; i++)
        count += notices->list[i].event.kind == KAYA_EVENT_MENDED &&
                 is_claimed(report, &notices->list[i].event) == claimed;
    return count;
}

static enum finding find(const struct notices *notices, const struct kaya_wal_inspection *inspection)
{
    const struct kaya_wal_recovery_report *report = &inspection->report;

    if (report->verdict == KAYA_VERDICT_DAMAGED)
        return FINDING_DAMAGED;
    if (report->verdict == KAYA_VERDICT_EMPTY)
        return FINDING_EMPTY;
    if (count_mended(notices, report, true) > 0)
        return FINDING_MENDED;
    if (count_mended(notices, report, false) > 0)
        return FINDING_TORN;
    if (report->verdict == KAYA_VERDICT_TORN && !inspection->writer_is_live)
        return FINDING_TORN;
    return FINDING_CLEAN;
}

/* For people ---------------------------------------------------------------------------------------------------- */

static void print_records(const struct kaya_wal_recovery_report *report)
{
    if (report->last_lsn < report->first_lsn)
        printf("no records, the next is %" PRIu64, report->first_lsn);
    else if (report->last_lsn == report->first_lsn)
        printf("1 record, %" PRIu64, report->first_lsn);
    else
        printf("%" PRIu64 " records, %" PRIu64 "..%" PRIu64, report->last_lsn - report->first_lsn + 1,
               report->first_lsn, report->last_lsn);
    printf(", in %" PRIu64 " segment%s", report->segment_count, report->segment_count == 1 ? "" : "s");
}

static void print_lost_headline(const struct kaya_wal_recovery_report *report)
{
    if (report->lost_first_lsn == 0)
        printf("durable bytes are missing or wrong");
    else if (report->lost_last_lsn == report->lost_first_lsn)
        printf("record %" PRIu64 " is lost", report->lost_first_lsn);
    else
        printf("records %" PRIu64 "..%" PRIu64 " are lost", report->lost_first_lsn, report->lost_last_lsn);
    printf("; recovery would refuse and change nothing");
}

static void print_headline(enum finding finding, const struct kaya_wal_inspection *inspection)
{
    static const char *const texts[] = {
        [FINDING_EMPTY] = "no log here yet",
        [FINDING_MENDED] = "a bit among durable bytes has flipped, every record is readable: ",
        [FINDING_TORN] = "recovery would cut or mend its end, beyond every claim: ",
        [FINDING_CLEAN] = "nothing would be cut: ",
        [FINDING_DAMAGED] = "",
    };
    struct kaya_paint paint = kaya_paint_of(stdout);
    const char *colour[] = { paint.good, paint.good, paint.warn, paint.bad, paint.bad };

    printf("%s%s%s: %s", colour[finding], findings[finding].name, paint.plain, texts[finding]);
    if (finding == FINDING_DAMAGED)
        print_lost_headline(&inspection->report);
    else if (finding != FINDING_EMPTY)
        print_records(&inspection->report);
    putchar('\n');
}

static void print_end(const struct kaya_wal_inspection *inspection)
{
    const struct kaya_wal_recovery_report *report = &inspection->report;

    printf("  the log ends in segment %" PRIu64 " at 0x%" PRIx64 ", %s; epoch %" PRIu64 "\n", report->segment,
           report->end_offset,
           inspection->writer_is_live ? "a writer is live"
           : report->closed_cleanly   ? "closed cleanly"
                                      : "not closed",
           report->epoch);
    if (report->claim_segment && !report->closed_cleanly)
        printf("  claims vouch for all before 0x%" PRIx64 " of segment %" PRIu64
               "; nothing vouches for the %" PRIu64 " bytes of records behind it\n",
               report->claim_offset, report->claim_segment, report->unvouched_bytes);
    if (report->discarded_bytes > 0)
        printf("  %" PRIu64 " bytes behind the end are %s\n", report->discarded_bytes,
               inspection->writer_is_live ? "in flight"
                                          : "no whole record and no claim covers them: a torn write");
}

static void print_notice(const struct kaya_event *event, const struct kaya_wal_recovery_report *report)
{
    char escaped[KAYA_ESCAPED_BYTES];

    printf("  note: ");
    if (event->kind == KAYA_EVENT_MENDED)
        printf("segment %" PRIu64 ", frame at 0x%" PRIx64 ": bit %" PRIu64
               " has flipped and is put right at each read "
               "(record %" PRIu64 "); %s",
               event->segment, event->offset_bytes, event->detail, event->lsn,
               is_claimed(report, event) ? "a claim covers it" : "no claim covers it");
    else if (event->kind == KAYA_EVENT_FOREIGN_FILE)
        printf("'%s' is not a file of the log", kaya_escape(event->text, escaped, sizeof(escaped)));
    else if (event->kind == KAYA_EVENT_NAME_TAKEN)
        printf("'%s' is a directory or a link under a segment's name; the log goes round it",
               kaya_escape(event->text, escaped, sizeof(escaped)));
    else
        printf("segment %" PRIu64 ", 0x%" PRIx64 ": %s: %s", event->segment, event->offset_bytes,
               kaya_event_name(event->kind), kaya_escape(event->text, escaped, sizeof(escaped)));
    putchar('\n');
}

static void tell_people(const struct kaya_place *place, enum finding finding, const struct notices *notices,
                        const struct kaya_wal_inspection *inspection)
{
    const struct kaya_wal_recovery_report *report = &inspection->report;
    struct kaya_claimer claimer;

    print_headline(finding, inspection);
    if (finding == FINDING_DAMAGED) {
        kaya_find_claimer(place, report, &claimer);
        kaya_explain_damage(stdout, report, &claimer);
        if (report->lost_first_lsn > report->first_lsn)
            printf("  records %" PRIu64 "..%" PRIu64 " before it are whole\n", report->first_lsn,
                   report->lost_first_lsn - 1);
    } else if (finding != FINDING_EMPTY) {
        print_end(inspection);
    }
    for (size_t i = 0; i < notices->count; i++)
        print_notice(&notices->list[i].event, report);
    if (notices->more > 0)
        printf("  note: %" PRIu64 " more\n", notices->more);
}

/* For programs -------------------------------------------------------------------------------------------------- */

static void tell_programs(enum finding finding, const struct notices *notices,
                          const struct kaya_wal_inspection *inspection)
{
    for (size_t i = 0; i < notices->count; i++) {
        const struct kaya_event *event = &notices->list[i].event;
        json_t *object = kaya_json_new();
        kaya_json_text(object, "item", "notice");
        kaya_json_text(object, "event", kaya_event_name(event->kind));
        kaya_json_integer(object, "segment", event->segment);
        kaya_json_integer(object, "offset", event->offset_bytes);
        kaya_json_integer(object, "lsn", event->lsn);
        kaya_json_integer(object, "detail", event->detail);
        kaya_json_bool(object, "claimed", is_claimed(&inspection->report, event));
        kaya_json_text(object, "text", event->text);
        kaya_json_print(object);
    }
    json_t *object = kaya_json_new();
    kaya_json_text(object, "item", "verdict");
    kaya_json_text(object, "status", kaya_status_name(KAYA_OK));
    kaya_json_text(object, "finding", findings[finding].name);
    kaya_json_integer(object, "exit", (uint64_t)findings[finding].code);
    kaya_json_report(object, &inspection->report);
    kaya_json_bool(object, "writer_is_live", inspection->writer_is_live);
    kaya_json_print(object);
}

static void tell_programs_failed(enum kaya_status status)
{
    json_t *object = kaya_json_new();

    kaya_json_text(object, "item", "verdict");
    kaya_json_text(object, "status", kaya_status_name(status));
    kaya_json_integer(object, "exit", KAYA_EXIT_OTHER);
    kaya_json_print(object);
}

/* The whole ------------------------------------------------------------------------------------------------------ */

static enum kaya_status judge(const struct kaya_common *options, const struct kaya_place *place,
                              struct notices *notices, struct kaya_wal_inspection *inspection)
{
    const struct kaya_wal_verify_options verify_options = {
        .anchor = options->has_anchor ? &options->anchor : NULL,
        .on_event = hear,
        .user = notices,
    };
    const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };
    enum kaya_status status = KAYA_BUSY;

    for (int tries = 0; status == KAYA_BUSY && tries < BUSY_TRIES_MAX; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        notices_forget(notices);
        status = kaya_wal_verify(&place->environment, &verify_options, inspection);
    }
    return status == KAYA_OK && notices->no_memory ? KAYA_NO_MEMORY : status;
}

static int run(const struct kaya_common *options)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_wal_inspection inspection = { 0 };
    struct notices notices = { 0 };
    int code = KAYA_EXIT_OTHER;
    enum kaya_status status = KAYA_NO_MEMORY;

    if (!notices_init(&notices))
        goto done;
    status = kaya_place_open(&place, options->path, false, true);
    if (status != KAYA_OK)
        goto done;
    status = judge(options, &place, &notices, &inspection);
    if (status != KAYA_OK) {
        kaya_say_status(&place, "verify", status, NULL);
        goto done;
    }
    enum finding finding = find(&notices, &inspection);
    if (options->json)
        tell_programs(finding, &notices, &inspection);
    else
        tell_people(&place, finding, &notices, &inspection);
    code = findings[finding].code;
done:
    if (status != KAYA_OK && options->json)
        tell_programs_failed(status);
    if (kaya_output_flush() == KAYA_OUTPUT_FAILED)
        code = KAYA_EXIT_OTHER;
    notices_forget(&notices);
    free(notices.list);
    kaya_place_close(&place);
    return code;
}

static const struct argp_option argp_options[] = {
    { "anchor", KAYA_OPTION_ANCHOR, "ID:LSN", 0,
      "The log's id (32 hex digits, as inspect shows it) and a record that is known "
      "to have been durable: a log that ends before it is damaged",
      0 },
    { "json", KAYA_OPTION_JSON, NULL, 0,
      "An object for each notice (item \"notice\"), then one with the verdict (item "
      "\"verdict\": status, finding, exit, and the report)",
      0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    return kaya_parse_common(key, argument, state, state->input);
}

int kaya_command_verify(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR",
        .doc =
            "Read every byte of the log in DIR and say whether recovery would find every durable record: the verdict "
            "in one line, then why. Changes nothing, takes no lock, runs beside a live writer.\n\n"
            "Frames claim how far the log was durable when they were written. A log that ends before a claim is "
            "damaged: acknowledged bytes are missing or wrong. A bad end that no claim covers is what a crash leaves: "
            "torn, nothing acknowledged is missing.\v"
            "Example:\n"
            "  kaya-wal verify journal && echo nothing is missing\n"
            "\n"
            "Exit codes:\n"
            "  0  nothing would be cut (also beside a live writer, whose last bytes are in\n"
            "     flight)\n"
            "  1  torn: recovery would cut or mend something beyond every claim\n"
            "  2  damaged: recovery refuses; or mended: a bit among durable bytes has\n"
            "     flipped, all is readable\n"
            "  3  anything else: usage, no log, a newer format, another log than the\n"
            "     anchor's, I/O errors",
    };
    struct kaya_common options = { .path = NULL };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
