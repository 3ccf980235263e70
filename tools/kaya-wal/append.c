/* append: standard input into the log, one record a line; an LSN on standard output once the promise holds.
 *
 * Lines that have arrived together share one sync: all but the last are appended relaxed, the last strict, and only then
 * are their LSNs printed. So a file goes in at the speed of the disk's bandwidth, and a line typed by hand is
 * acknowledged at once. Each LSN is one write, so a reader of the pipe that sees a whole line knows a whole LSN.
 *
 * A crash anywhere here: what was printed is there after recovery; lines read and not printed may be. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

/* What record_bytes_max of 0 stands for (kaya/wal.h): how much of a line is gathered before it is called too long. */
enum { LINE_BYTES_MAX = 4 * 1024 * 1024 };
/* Lines that may wait for one sync. */
enum { GROUP_LINES_MAX = 1024 };

struct options {
    struct kaya_common common;
    bool relaxed;
    bool padded;
    enum kaya_posix_sync_method sync_method;
    char delimiter;
    uint64_t segment_bytes;
    uint64_t record_bytes_max;
};

struct session {
    const struct options *options;
    _Atomic enum kaya_status preparation; /* why the last spare could not be prepared; KAYA_OK: it could */
    struct kaya_place place;
    struct kaya_wal_writer *writer;
    struct kaya_posix_tender *tender; /* NULL: appends do the work themselves, and say so if they must */
    struct kaya_lines lines;
    uint64_t first_waiting_lsn; /* appended, not yet acknowledged */
    uint64_t waiting;
};

static void acknowledge(struct session *session)
{
    for (uint64_t i = 0; i < session->waiting; i++) {
        uint64_t lsn = session->first_waiting_lsn + i;
        if (session->options->common.json) {
            json_t *object = kaya_json_new();
            kaya_json_integer(object, "lsn", lsn);
            kaya_json_print(object);
        } else {
            printf("%" PRIu64 "\n", lsn);
        }
    }
    session->waiting = 0;
}

static enum kaya_status append_line(struct session *session, const char *bytes, size_t length,
                                    enum kaya_durability_mode mode)
{
    struct kaya_wal_payload payload = { .type = KAYA_RECORD_OPAQUE, .bytes = bytes, .length = length };
    uint64_t lsn;
    enum kaya_status status = kaya_wal_writer_append(session->writer, &payload, mode, &lsn);

    if (status != KAYA_OK)
        return status;
    if (session->waiting == 0)
        session->first_waiting_lsn = lsn;
    session->waiting++;
    return KAYA_OK;
}

/* A status after which the handle lives on: the lines before this one can still be made durable. */
static bool handle_lives(enum kaya_status status)
{
    return status == KAYA_INVALID || status == KAYA_FULL || status == KAYA_NO_MEMORY;
}

static void say_append_failed(struct session *session, enum kaya_status status, size_t length)
{
    uint64_t unsure = session->waiting;

    if (status == KAYA_INVALID) {
        kaya_complain("%s: line %" PRIu64
                      " is %zu bytes long, more than a record may be; give larger --segment-bytes or "
                      "--record-bytes-max. Nothing from this line on was appended",
                      session->options->common.path, session->lines.number, length);
        return;
    }
    kaya_complain("%s: line %" PRIu64 " was not acknowledged, nothing behind it was appended",
                  session->options->common.path, session->lines.number);
    if (unsure > 0)
        kaya_complain("%s: %" PRIu64 " lines before it were not acknowledged either: they may be there",
                      session->options->common.path, unsure);
    if (status == KAYA_FULL && session->preparation != KAYA_OK)
        status = session->preparation; /* there may be room, and no leave to use it */
    kaya_say_status(&session->place, "append", status, NULL);
}

static int fail_append(struct session *session, enum kaya_status status, size_t length)
{
    if (handle_lives(status) && session->waiting > 0 && kaya_wal_writer_sync(session->writer) == KAYA_OK)
        acknowledge(session);
    say_append_failed(session, status, length);
    return KAYA_EXIT_PARTLY;
}

static int say_line_failed(const struct session *session, enum kaya_line_result result)
{
    if (result == KAYA_LINE_TOO_LONG)
        kaya_complain("standard input: line %" PRIu64 " is longer than %zu bytes, the longest record (see "
                      "--record-bytes-max). Nothing from this line on was appended",
                      session->lines.number + 1, session->lines.length_max);
    else
        kaya_complain("standard input: cannot read line %" PRIu64 ": %s", session->lines.number + 1,
                      result == KAYA_LINE_NO_MEMORY ? "no memory" : strerror(errno));
    return KAYA_EXIT_PARTLY;
}

static int append_all(struct session *session)
{
    enum kaya_durability_mode mode = session->options->relaxed ? KAYA_RELAXED : KAYA_STRICT;

    for (;;) {
        const char *bytes;
        size_t length;

        enum kaya_line_result result = kaya_lines_next(&session->lines, &bytes, &length);
        if (result == KAYA_LINE_END)
            return KAYA_EXIT_DONE;
        if (result != KAYA_LINE)
            return say_line_failed(session, result);

        bool more_at_hand = kaya_lines_at_hand(&session->lines) && session->waiting + 1 < GROUP_LINES_MAX;
        enum kaya_status status = append_line(session, bytes, length, more_at_hand ? KAYA_RELAXED : mode);
        if (status != KAYA_OK)
            return fail_append(session, status, length);
        if (more_at_hand && mode == KAYA_STRICT)
            continue;
        acknowledge(session);
        if (kaya_output_check() != KAYA_OUTPUT_GOOD)
            return KAYA_EXIT_PARTLY; /* nobody hears that we go on */
    }
}

/* Which of our options a refused field of the configuration stands for, and what it may be (kaya/wal.h). */
static void say_refused(const char *field)
{
    if (strcmp(field, "segment_bytes") == 0)
        kaya_complain("--segment-bytes: a segment holds 8 blocks or more, and no part of one: a multiple of 512 from 4K "
                      "to 1G, with --padded of 4096 from 32K. Nothing was done");
    else if (strcmp(field, "record_bytes_max") == 0)
        kaya_complain("--record-bytes-max: the longest record fits half a segment with what stands round it, and segments "
                      "here are too small. Nothing was done");
    else
        kaya_complain("the log refuses the value of %s. Nothing was done", field);
}

static void hear(void *user, const struct kaya_event *event)
{
    struct session *session = user;
    const struct options *options = session->options;

    if (event->kind == KAYA_EVENT_PREPARATION_FAILED || event->kind == KAYA_EVENT_SEGMENT_PREPARED)
        session->preparation = event->status;
    if (event->kind == KAYA_EVENT_CONFIG_REFUSED)
        say_refused(event->text);
    else if (event->kind == KAYA_EVENT_NAME_TAKEN && event->status != KAYA_OK)
        kaya_complain("%s: '%s' is no file", options->common.path, event->text);
    else if (options->common.verbose)
        kaya_print_event(NULL, event);
}

static int run(const struct options *options)
{
    struct session session = { .options = options };
    struct kaya_wal_recovery_report report = { 0 };
    int code = KAYA_EXIT_OTHER;
    uint64_t line_bytes_max = options->record_bytes_max ? options->record_bytes_max : LINE_BYTES_MAX;
    struct kaya_wal_config config = {
        .record_bytes_max = (uint32_t)options->record_bytes_max,
        .on_event = hear,
        .user = &session,
    };

    kaya_lines_init(&session.lines, STDIN_FILENO, options->delimiter, (size_t)line_bytes_max);
    if (kaya_place_open_by(&session.place, options->common.path, false, !options->padded,
                           options->sync_method) != KAYA_OK)
        goto done;
    config.segment_bytes =
        options->segment_bytes ? options->segment_bytes : kaya_place_segment_bytes(&session.place);
    enum kaya_status status =
        kaya_wal_writer_open(&session.place.environment, &config, &session.writer, &report);
    if (status == KAYA_INVALID)
        goto done; /* hear() has told why */
    if (status != KAYA_OK) {
        code = kaya_say_status(&session.place, "open the log for writing", status, &report);
        goto done;
    }
    (void)!kaya_posix_tender_start(session.writer, &session.tender);
    code = append_all(&session);
    kaya_posix_tender_stop(session.tender);
    status = kaya_wal_writer_close(session.writer);
    if (code == KAYA_EXIT_DONE && status != KAYA_OK) {
        kaya_say_status(&session.place, "close the log", status, NULL);
        code = KAYA_EXIT_PARTLY;
    }
    if (kaya_output_flush() != KAYA_OUTPUT_GOOD && code == KAYA_EXIT_DONE)
        code = KAYA_EXIT_PARTLY;
done:
    kaya_lines_release(&session.lines);
    kaya_place_close(&session.place);
    return code;
}

enum {
    OPTION_RELAXED = 0x100,
    OPTION_SEGMENT_BYTES,
    OPTION_RECORD_BYTES_MAX,
    OPTION_PADDED,
    OPTION_SYNC_METHOD
};

static const struct argp_option argp_options[] = {
    { "relaxed", OPTION_RELAXED, NULL, 0,
      "Acknowledge what the operating system has: survives a killed process, not a "
      "power loss",
      0 },
    { "null", '0', NULL, 0, "Records end with a NUL byte instead of a newline", 0 },
    { "segment-bytes", OPTION_SEGMENT_BYTES, "SIZE", 0,
      "Size of new segment files; K, M and G are understood (default: that of the newest segment; 16M in a new log)",
      0 },
    { "record-bytes-max", OPTION_RECORD_BYTES_MAX, "SIZE", 0,
      "Longest record; fits half a segment (default 4M, less "
      "in small segments)",
      0 },
    { "padded", OPTION_PADDED, NULL, 0,
      "For disks that do not promise power-safe overwrite: pad to 4096 bytes at each "
      "sync",
      0 },
    { "sync-method", OPTION_SYNC_METHOD, "NAME", 0,
      "How records become durable (default fdatasync); the names stand below. The log is the same bytes, and may be "
      "written by another one the next time",
      0 },
    { "verbose", KAYA_OPTION_VERBOSE, NULL, 0, "Tell on standard error what the log does", 0 },
    { "json", KAYA_OPTION_JSON, NULL, 0, "Print {\"lsn\":N} instead of N", 0 },
    { 0 },
};

static error_t parse_sync_method(struct argp_state *state, const char *name, enum kaya_posix_sync_method *method)
{
    char known[256] = "";

    if (kaya_posix_sync_method_find(name, method))
        return 0;
    for (unsigned i = 0; i < KAYA_POSIX_SYNC_METHOD_COUNT; i++) {
        strcat(known, i > 0 ? ", " : "");
        strcat(known, kaya_posix_sync_method_name((enum kaya_posix_sync_method)i));
    }
    argp_error(state, "--sync-method: there is no '%s'; there are %s", name, known);
    return EINVAL;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_RELAXED:
        options->relaxed = true;
        return 0;
    case '0':
        options->delimiter = 0;
        return 0;
    case OPTION_SEGMENT_BYTES:
        return kaya_parse_size_option(state, "segment-bytes", argument, UINT64_C(1) << 30,
                                      &options->segment_bytes);
    case OPTION_RECORD_BYTES_MAX:
        return kaya_parse_size_option(state, "record-bytes-max", argument, UINT64_C(1) << 29,
                                      &options->record_bytes_max);
    case OPTION_SYNC_METHOD:
        return parse_sync_method(state, argument, &options->sync_method);
    case OPTION_PADDED:
        options->padded = true;
        return 0;
    default:
        return kaya_parse_common(key, argument, state, &options->common);
    }
}

/* "  name  what it does", a line each. */
#define SYNC_METHOD_LINE(name, word, text) "  " word ": " text "\n"
#define SYNC_METHODS KAYA_POSIX_SYNC_METHOD_LIST(SYNC_METHOD_LINE)

int kaya_command_append(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR",
        .doc =
            "Append standard input to the log in DIR, one record a line, and print each record's number (LSN) once "
            "it is durable. A log that is not there is begun; a log that was not closed is recovered first. Any "
            "bytes will do; a last line without a newline counts. Lines that arrive together share one sync.\v"
            "Sync methods:\n" SYNC_METHODS "\n"
            "Example:\n"
            "  tail -F /var/log/dpkg.log | kaya-wal append journal\n"
            "\n"
            "Exit codes:\n"
            "  0  every line was appended and the log closed cleanly\n"
            "  1  stopped before the end: disk full, I/O error, line too long;\n"
            "     what was printed is kept\n"
            "  2  the log is damaged: nothing was changed\n"
            "  3  anything else: usage, another writer, a newer format",
    };
    struct options options = { .delimiter = '\n' };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is no reason to leave the log unclosed */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    return run(&options);
}
