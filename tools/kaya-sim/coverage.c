/* kaya-sim coverage: what a campaign has reached.
 *
 * Three faces of one cube (family x row x event): families by rows, events by rows, families by events. The last is too wide for
 * numbers, so it is drawn in signs, an event a letter. JSON has the cells themselves, as far as they were reached, and the names of all
 * that could have been. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "sim.h"

enum { NAME_WIDTH = 22, NUMBER_WIDTH = 10 };

struct tally {
    const struct kaya_sim_campaign *campaign;
    struct kaya_coverage sum;
    uint64_t runs;
    uint64_t faults;    /* families that a scenario of the campaign declares */
    uint64_t sometimes; /* marks that a scenario of the campaign declares */
    uint64_t never;     /* declared, and not hit in time, in some scenario */
};

static const char *family_name(int family)
{
    return family == KAYA_NO_FAULT ? "(none)" : kaya_fault_name((enum kaya_fault)family);
}

static uint64_t of_family_and_row(const struct kaya_coverage *sum, int family, int row)
{
    return sum->periods[family][row][KAYA_ANY_EVENT];
}

static uint64_t of_family_and_event(const struct kaya_coverage *sum, int family, int event)
{
    uint64_t count = 0;

    for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
        count += sum->periods[family][row][event];
    return count;
}

/* A period counts once for each family that struck in it, so over families there is a most, and no sum. */
static uint64_t of_event_and_row(const struct kaya_coverage *sum, int event, int row)
{
    uint64_t most = 0;

    for (int family = 0; family <= KAYA_FAULTS; family++)
        if (sum->periods[family][row][event] > most)
            most = sum->periods[family][row][event];
    return most;
}

static bool is_family_reached(const struct kaya_coverage *sum, int family)
{
    return of_family_and_event(sum, family, KAYA_ANY_EVENT) > 0;
}

static bool is_event_reached(const struct kaya_coverage *sum, int event)
{
    bool reached = false;

    for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
        reached = reached || of_event_and_row(sum, event, row) > 0;
    return reached;
}

static bool is_row_reached(const struct kaya_coverage *sum, int row)
{
    return of_event_and_row(sum, KAYA_ANY_EVENT, row) > 0;
}

/* Of families that no scenario of the campaign declares nothing is to be expected. */
static bool is_shown(const struct tally *tally, int family)
{
    return family == KAYA_NO_FAULT || (tally->faults >> family & 1) != 0 ||
           is_family_reached(&tally->sum, family);
}

/* --- For people --- */

static void print_count(uint64_t count, FILE *file)
{
    if (count == 0)
        fprintf(file, "%s%*s%s", kaya_sim_red(file), NUMBER_WIDTH, ".", kaya_sim_plain(file));
    else
        fprintf(file, "%*" PRIu64, NUMBER_WIDTH, count);
}

static void print_rows_heading(const char *what, FILE *file)
{
    fprintf(file, "%-*s", NAME_WIDTH, what);
    for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
        fprintf(file, "%*s", NUMBER_WIDTH, kaya_verdict_row_name((enum kaya_verdict_row)row));
    fputc('\n', file);
}

static void print_families_by_rows(const struct tally *tally, FILE *file)
{
    const struct kaya_coverage *sum = &tally->sum;

    print_rows_heading("fault", file);
    for (int family = 0; family <= KAYA_FAULTS; family++) {
        if (!is_shown(tally, family))
            continue;
        fprintf(file, "%-*s", NAME_WIDTH, family_name(family));
        for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
            print_count(of_family_and_row(sum, family, row), file);
        fputc('\n', file);
    }
}

static void print_events_by_rows(const struct kaya_coverage *sum, FILE *file)
{
    fputc('\n', file);
    print_rows_heading("  event", file);
    for (int event = 0; event < KAYA_EVENT_KINDS; event++) {
        fprintf(file, "%c %-*s", 'a' + event, NAME_WIDTH - 2, kaya_event_name((enum kaya_event_kind)event));
        for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
            print_count(of_event_and_row(sum, event, row), file);
        fputc('\n', file);
    }
}
_Static_assert(KAYA_EVENT_KINDS <= 26, "an event is a letter in the table");

static void print_families_by_events(const struct tally *tally, FILE *file)
{
    const struct kaya_coverage *sum = &tally->sum;

    fprintf(file, "\n%-*s", NAME_WIDTH, "fault by event");
    for (int event = 0; event < KAYA_EVENT_KINDS; event++)
        fputc('a' + event, file);
    fputc('\n', file);
    for (int family = 0; family <= KAYA_FAULTS; family++) {
        if (!is_shown(tally, family))
            continue;
        fprintf(file, "%-*s", NAME_WIDTH, family_name(family));
        for (int event = 0; event < KAYA_EVENT_KINDS; event++)
            fputc(of_family_and_event(sum, family, event) > 0 ? '#' : '.', file);
        fputc('\n', file);
    }
}

static void print_name(const char *name, bool *any, FILE *file)
{
    fprintf(file, " %s", name);
    *any = true;
}

static void print_unreached(const struct tally *tally, FILE *file)
{
    const struct kaya_coverage *sum = &tally->sum;
    bool any = false;

    fprintf(file, "\nNever reached here: faults");
    for (int family = 0; family < KAYA_FAULTS; family++)
        if (is_shown(tally, family) && !is_family_reached(sum, family))
            print_name(family_name(family), &any, file);
    fprintf(file, "%s; verdicts", any ? "" : " (none)");
    any = false;
    for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
        if (!is_row_reached(sum, row))
            print_name(kaya_verdict_row_name((enum kaya_verdict_row)row), &any, file);
    fprintf(file, "%s; events", any ? "" : " (none)");
    any = false;
    for (int event = 0; event < KAYA_EVENT_KINDS; event++)
        if (!is_event_reached(sum, event))
            print_name(kaya_event_name((enum kaya_event_kind)event), &any, file);
    fprintf(file, "%s.\n", any ? "" : " (none)");
}

static void print_text(const struct tally *tally, FILE *file)
{
    print_families_by_rows(tally, file);
    print_events_by_rows(&tally->sum, file);
    print_families_by_events(tally, file);
    print_unreached(tally, file);
    fprintf(file, "%" PRIu64 " runs; of %d marks that their scenarios declare, %d were hit in time.\n",
            tally->runs, __builtin_popcountll(tally->sometimes),
            __builtin_popcountll(tally->sometimes & ~tally->never));
}

/* --- For programs --- */

static json_t *names_json(int count, const char *name(int))
{
    json_t *array = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_string(name(i)));
    return array;
}

static const char *row_name(int row)
{
    return kaya_verdict_row_name((enum kaya_verdict_row)row);
}

static const char *event_name(int event)
{
    return event == KAYA_ANY_EVENT ? "any" : kaya_event_name((enum kaya_event_kind)event);
}

static const char *mark_name(int mark)
{
    return kaya_mark_name((enum kaya_mark)mark);
}

static json_t *cells_json(const struct kaya_coverage *sum)
{
    json_t *array = json_array();

    for (int family = 0; family <= KAYA_FAULTS; family++)
        for (int row = 0; row < KAYA_VERDICT_ROWS; row++)
            for (int event = 0; event <= KAYA_EVENT_KINDS; event++)
                if (sum->periods[family][row][event] > 0)
                    json_array_append_new(array,
                                          json_pack("{s:s, s:s, s:s, s:I}", "fault",
                                                    family == KAYA_NO_FAULT ? "none" : family_name(family),
                                                    "verdict", row_name(row), "event", event_name(event),
                                                    "periods", (json_int_t)sum->periods[family][row][event]));
    return array;
}

static json_t *marks_json(uint64_t set)
{
    json_t *array = json_array();

    for (int i = 0; i < KAYA_MARKS; i++)
        if ((set >> i & 1) != 0)
            json_array_append_new(array, json_string(mark_name(i)));
    return array;
}

static void print_json(const struct tally *tally, FILE *file)
{
    json_t *object = json_object();

    json_object_set_new(object, "runs", json_integer((json_int_t)tally->runs));
    json_object_set_new(object, "faults", names_json(KAYA_FAULTS, family_name));
    json_object_set_new(object, "verdicts", names_json(KAYA_VERDICT_ROWS, row_name));
    json_object_set_new(object, "events", names_json(KAYA_EVENT_KINDS, event_name));
    json_object_set_new(object, "sometimes", marks_json(tally->sometimes));
    json_object_set_new(object, "never", marks_json(tally->never));
    json_object_set_new(object, "reached", cells_json(&tally->sum));
    json_dumpf(object, file, JSON_COMPACT);
    fputc('\n', file);
    json_decref(object);
}

/* --- The command --- */

static void add(void *user, const struct kaya_sim_outcome *outcome)
{
    struct tally *tally = user;
    bool too_few;
    uint64_t never = kaya_runner_never(outcome->scenario, outcome->report, &too_few);

    kaya_coverage_add(&tally->sum, &outcome->report->coverage);
    tally->runs += outcome->report->runs;
    tally->faults |= outcome->scenario->faults;
    tally->sometimes |= outcome->scenario->sometimes;
    tally->never |= too_few ? 0 : never;
    if (!tally->campaign->json)
        kaya_sim_print_notes(outcome, stdout);
}

int kaya_sim_coverage(int argc, char **argv)
{
    static const char doc[] =
        "Run scenarios over many seeds and show which fault met which verdict and which event of the log. Without a name: all "
        "of them together."
        "\vA run is cut into periods, one from each recovery to the next. A period counts in a cell if the fault struck in it, "
        "the log told the event in it, and the recovery at its end met the verdict:\n\n"
        "  empty    there was no log\n"
        "  closed   the log was closed, and goes on where it ended\n"
        "  soiled   closed, but something behind the end might pass for a frame\n"
        "  open     all is whole, but the log was not closed\n"
        "  torn     unfinished writes behind the end\n"
        "  damaged  durable bytes are missing or wrong\n\n"
        "Faults that none of the scenarios declares are left out. A dot is a cell that was not reached. Some cannot be; one that could and is not asks for a scenario. What must be "
        "reached belongs into a scenario file, as `sometimes: [segment_recycled, found_torn]`: `kaya-sim run` then fails if "
        "it is not.\n\n"
        "Exit codes are those of `kaya-sim run`: 4 also where a mark of `sometimes` was not hit in time.\n\n"
        "  kaya-sim coverage\n"
        "  kaya-sim coverage failed-sync everything --seeds 10000\n"
        "  kaya-sim coverage --json | jq '.reached[] | select(.fault == \"eviction\")'";
    static struct tally tally;
    struct kaya_sim_campaign campaign;
    int code;

    if (!kaya_sim_campaign_parse(&campaign, doc, argc, argv))
        return KAYA_SIM_USAGE;
    tally = (struct tally){ .campaign = &campaign };
    code = kaya_sim_campaign_run(&campaign, add, &tally);
    if (code == KAYA_SIM_USAGE)
        return code;
    (campaign.json ? print_json : print_text)(&tally, stdout);
    return kaya_sim_flush() ? code : KAYA_SIM_USAGE;
}
