/* trim: let go of old records. A thin face of kaya_wal_writer_truncate_before; a crash anywhere leaves either mark. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>

#include "tool.h"

struct options {
    struct kaya_common common;
    const char *lsn_text;
    uint64_t lsn;
};

static void hear(void *user, const struct kaya_event *event)
{
    const struct options *options = user;

    if (options->common.verbose)
        kaya_print_event(NULL, event);
}

static void print_result(const struct options *options, uint64_t first_lsn, uint64_t last_lsn)
{
    if (options->common.json) {
        json_t *object = kaya_json_new();
        kaya_json_integer(object, "first_lsn", first_lsn);
        kaya_json_integer(object, "last_lsn", last_lsn);
        kaya_json_print(object);
    } else {
        printf("%" PRIu64 "\n", first_lsn);
    }
}

static int trim(const struct options *options, const struct kaya_place *place, struct kaya_wal_writer *writer)
{
    uint64_t low_water_lsn = 0;
    uint64_t last_lsn = kaya_wal_writer_last_lsn(writer);
    enum kaya_status status = kaya_wal_writer_truncate_before(writer, options->lsn, &low_water_lsn);

    if (status == KAYA_INVALID) {
        kaya_complain("%s: LSN %" PRIu64 " lies beyond the log, whose last record is %" PRIu64, place->path,
                      options->lsn, last_lsn);
        return KAYA_EXIT_OTHER;
    }
    if (status != KAYA_OK)
        return kaya_say_status(place, "trim", status, NULL);
    print_result(options, low_water_lsn, last_lsn);
    return KAYA_EXIT_DONE;
}

static int run(const struct options *options)
{
    struct kaya_place place = KAYA_PLACE_NONE;
    struct kaya_wal_writer *writer = NULL;
    struct kaya_wal_recovery_report report = { 0 };
    struct kaya_wal_config config = { .must_exist = true, .on_event = hear, .user = (void *)(uintptr_t)options };
    int code = KAYA_EXIT_OTHER;

    if (kaya_place_open(&place, options->common.path, false, true) != KAYA_OK)
        goto done;
    config.segment_bytes = kaya_place_segment_bytes(&place);
    enum kaya_status status = kaya_wal_writer_open(&place.environment, &config, &writer, &report);
    if (status != KAYA_OK) {
        code = kaya_say_status(&place, "open the log for writing", status, &report);
        goto done;
    }
    code = trim(options, &place, writer);
    status = kaya_wal_writer_close(writer);
    if (code == KAYA_EXIT_DONE && status != KAYA_OK)
        code = kaya_say_status(&place, "close the log", status, NULL);
    if (kaya_output_flush() == KAYA_OUTPUT_FAILED && code == KAYA_EXIT_DONE)
        code = KAYA_EXIT_OTHER;
done:
    kaya_place_close(&place);
    return code;
}

static const struct argp_option argp_options[] = {
    { "verbose", KAYA_OPTION_VERBOSE, NULL, 0, "Tell on standard error what the log does", 0 },
    { "json", KAYA_OPTION_JSON, NULL, 0, "Print {\"first_lsn\":N,\"last_lsn\":M}", 0 },
    { 0 },
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case ARGP_KEY_ARG:
        if (!options->common.path)
            options->common.path = argument;
        else if (!options->lsn_text)
            options->lsn_text = argument;
        else
            break;
        return 0;
    case ARGP_KEY_END:
        if (options->lsn_text)
            return kaya_parse_lsn(state, "", options->lsn_text, &options->lsn);
        argp_error(state, "which directory, and below which LSN?");
        return EINVAL;
    default:
        return kaya_parse_common(key, argument, state, &options->common);
    }
    argp_error(state, "a directory and an LSN, please: '%s' is too much", argument);
    return EINVAL;
}

int kaya_command_trim(int argc, char **argv)
{
    static const struct argp argp = {
        .options = argp_options,
        .parser = parse,
        .args_doc = "DIR LSN",
        .doc = "Let go of the records below LSN, for good. Only whole segment files are freed, so some records below LSN "
               "may stay. Prints the first LSN that is still there.\v"
               "Example:\n"
               "  kaya-wal trim journal 4000\n"
               "\n"
               "Exit codes:\n"
               "  0  done, also where no segment could be freed\n"
               "  2  the log is damaged: nothing was changed\n"
               "  3  anything else: usage, no log, another writer, an I/O error",
    };
    struct options options = { .common = { .path = NULL } };

    if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
        return KAYA_EXIT_OTHER;
    return run(&options);
}
