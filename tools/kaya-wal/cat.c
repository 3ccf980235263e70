/* cat: what recovery would return, byte for byte, without changing anything (P10).
 *
 * Beside a live writer the log may move on while we look for its end; the reader then says BUSY, and we begin again a
 * bounded number of times. A reader of our output that went away (head) is no error. */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "kaya/reader.h"
#include "tool.h"

enum { BUSY_TRIES_MAX = 20, BUSY_PAUSE_MS = 10 };

struct options {
    struct kaya_common common;
    uint64_t from_lsn;
    char delimiter;
    bool durable_only;
};

static void print_record(const struct options *options, const struct kaya_wal_record *record)
{
    if (!options->common.json) {
        if (record->length > 0)
            fwrite(record->bytes, 1, record->length, stdout);
        putchar(options->delimiter);
        return;
    }
    json_t *object = kaya_json_new();
    kaya_json_integer(object, "lsn", record->lsn);
    kaya_json_text(object, "type", kaya_wal_record_type_name(record->type));
    kaya_json_bool(object, "durable", record->durable);
    kaya_json_bool(object, "mended", record->mended);
    kaya_json_bool(object, "in_batch", record->in_batch);
    kaya_json_bool(object, "ends_batch", record->ends_batch);
    kaya_json_integer(object, "segment", record->segment);
    kaya_json_integer(object, "offset", record->offset_bytes);
    kaya_json_bytes(object, "payload", record->bytes, record->length);
    kaya_json_print(object);
}

static enum kaya_status open_reader(const struct options *options, const struct kaya_place *place,
                                    struct kaya_wal_reader **reader, struct kaya_wal_recovery_report *report)
{
    const struct kaya_wal_reader_options reader_options = {
        .from_lsn = options->from_lsn,
        .durable_only = options->durable_only,
    };
    const struct timespec pause = { .tv_nsec = BUSY_PAUSE_MS * 1000000L };
    enum kaya_status status = KAYA_BUSY;

    for (int tries = 0; status == KAYA_BUSY && tries < BUSY_TRIES_MAX; tries++) {
        if (tries > 0)
            nanosleep(&pause, NULL);
        status = kaya_wal_reader_open(&place->environment, &reader_options, reader, report);
    }
    return status;
}

static int say_open_failed(const struct options *options, const struct kaya_place *place,
                           enum kaya_status status, const struct kaya_wal_recovery_report *report)
{
    if (status == KAYA_INVALID || status == KAYA_TRIMMED) {
        kaya_complain("%s: there is no record %" PRIu64 ": %s", place->path, options->from_lsn,
                      status == KAYA_TRIMMED ? "it was trimmed away" : "the log ends before it");
        return KAYA_EXIT_OTHER;
    }
    return kaya_say_status(place, "read", status, report);
}

static int print_all(const struct options *options, const struct kaya_place *place, struct kaya_wal_reader *reader)
{
    struct kaya_wal_record record;
    enum kaya_status status = KAYA_OK;
    enum kaya_output output = KAYA_OUTPUT_GOOD;

    while (output == KAYA_OUTPUT_GOOD && (status = kaya_wal_reader_next(reader, &record)) == KAYA_OK) {
        print_record(options, &record);
        output = kaya_output_check();
    }
    if (output == KAYA_OUTPUT_GOOD)
        output = kaya_output_flush();
    if (output != KAYA_OUTPUT_GOOD)
        return output == KAYA_OUTPUT_CLOSED ? KAYA_EXIT_DONE : KAYA_EXIT_OTHER;
    return status == KAYA_END ? KAYA_EXIT_DONE : kaya_say_status(place, "read on", status, NULL);
}

static int run(const struct options *options)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_wal_reader *reader = NULL;
    struct kaya_wal_recovery_report report = { 0 };
    int code = KAYA_EXIT_OTHER;

    if (kaya_place_open(&place, options->common.path, false, true) != KAYA_OK)
        goto done;
    enum kaya_status status = open_reader(options, &place, &reader, &report);
    if (status == KAYA_OK)
        code = print_all(options, &place, reader);
    else
        code = say_open_failed(options, &place, status, &report);
done:
    kaya_wal_reader_close(reader);
    kaya_place_close(&place);
    return code;
}

enum { OPTION_FROM = 0x100, OPTION_DURABLE };

static const struct argp_option argp_options[] = {
    { "from", OPTION_FROM, "LSN", 0, "Begin with this record", 0 },
    { "null", '0', NULL, 0, "A NUL byte behind each payload instead of a newline", 0 },
    { "durable", OPTION_DURABLE, NULL, 0,
      "Leave out records that no claim covers: a power loss may still take them", 0 },
    { "json", KAYA_OPTION_JSON, NULL, 0,
      "One object a record: lsn, type, durable, mended, in_batch, ends_batch, segment, "
      "offset, and payload where it is UTF-8, else payload_hex",
      0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case OPTION_FROM:
        return kaya_parse_lsn(state, "--from: ", argument, &options->from_lsn);
    case '0':
        options->delimiter = 0;
        return 0;
    case OPTION_DURABLE:
        options->durable_only = true;
        return 0;
    default:
        return kaya_parse_common(key, argument, state, &options->common);
    }
}

int kaya_command_cat(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR",
        .doc = "Print the payloads of the log in DIR, one a line: what recovery would return, and exactly those bytes. "
               "Changes nothing, takes no lock, runs beside a live writer.\v"
               "Example:\n"
               "  kaya-wal cat journal --from 4000 | less\n"
               "\n"
               "Exit codes:\n"
               "  0  all printed, or the reader of the output went away\n"
               "  2  the log is damaged: nothing was printed (kaya-wal verify says more)\n"
               "  3  anything else: usage, no log, no such record, a log that kept changing",
    };
    struct options options = { .delimiter = '\n' };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
