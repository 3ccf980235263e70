/* The oracle against histories made by hand.
 *
 * Goal: what it expects of each record, and that every kind of lie is caught under the right promise. Method: a short
 * history is played into a fresh oracle, then a report and records are handed to it as a log would; honest answers must
 * pass, each lie must not. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/payload.h"

enum { LENGTH = 40, RECORDS_MAX = 32, SEED = 77 };

static const struct kaya_oracle_shape shape = { .segment_bytes = 4096, .block_bytes = 512, .spare_count = 2 };

struct table {
    struct kaya_oracle *oracle;
    struct kaya_violation violation;
    struct kaya_wal_recovery_report report; /* what the next recovery will say */
    uint64_t generation;                    /* of contents */
    bool is_clean;                          /* the next recovery finds a log that was closed */
    unsigned char bytes[RECORDS_MAX][LENGTH];
    struct kaya_wal_record records[RECORDS_MAX]; /* by LSN: the honest ones */
};

static void append(struct table *table, enum kaya_durability_mode mode, enum kaya_status status, size_t count,
                   bool batch)
{
    struct kaya_content contents[8];
    uint64_t first = kaya_oracle_last_lsn(table->oracle) + 1;

    for (size_t i = 0; i < count; i++) {
        uint64_t lsn = first + i;
        uint64_t key = kaya_payload_key(SEED, 2 * lsn + 1 + 1000 * table->generation);
        contents[i] = (struct kaya_content){ .key = key, .length = LENGTH, .type = KAYA_RECORD_PUT };
        kaya_payload_fill(key, table->bytes[lsn], LENGTH);
        table->records[lsn] = (struct kaya_wal_record){ .lsn = lsn,
                                                        .type = KAYA_RECORD_PUT,
                                                        .in_batch = batch,
                                                        .ends_batch = batch && i + 1 == count,
                                                        .bytes = table->bytes[lsn],
                                                        .length = LENGTH };
    }
    cr_assert(eq(int, kaya_oracle_append_begin(table->oracle, contents, count, batch), KAYA_OK));
    kaya_oracle_append_end(table->oracle, mode, status, first, first + count - 1, &table->violation);
}

static void strict(struct table *table)
{
    append(table, KAYA_STRICT, KAYA_OK, 1, false);
}

static void relaxed(struct table *table)
{
    append(table, KAYA_RELAXED, KAYA_OK, 1, false);
}

static void recover(struct table *table, uint64_t first, uint64_t last)
{
    table->report.verdict = table->is_clean ? KAYA_VERDICT_CLEAN : KAYA_VERDICT_TORN;
    table->report.first_lsn = first;
    table->report.last_lsn = last;
    table->report.epoch++;
    kaya_oracle_recovered(table->oracle, KAYA_OK, &table->report, &table->violation);
}

static void read_all(struct table *table, uint64_t first, uint64_t last)
{
    kaya_oracle_read_begin(table->oracle, first, last);
    for (uint64_t lsn = first; lsn <= last; lsn++)
        kaya_oracle_read(table->oracle, &table->records[lsn], &table->violation);
    kaya_oracle_read_end(table->oracle, &table->violation);
}

static struct table *set(void)
{
    static struct table table;

    kaya_oracle_destroy(table.oracle);
    memset(&table, 0, sizeof table);
    table.oracle = kaya_oracle_create();
    kaya_oracle_reset(table.oracle, &shape);
    table.report.log_id.bytes[0] = 1;
    recover(&table, 1, 0);
    return &table;
}

/* s strict, r relaxed, u buffered, U a batch of three buffered, F flush, d in doubt (the machine crashed in it), S sync, T trim before 3 leaving the mark at 3, t the same in
 * doubt, B and b a strict batch of three acknowledged and in doubt, f a strict append that failed, C close, P power loss,
 * K process crash. */
static void play(struct table *table, const char *history)
{
    for (; *history != '\0'; history++) {
        switch (*history) {
        case 's':
            strict(table);
            break;
        case 'r':
            relaxed(table);
            break;
        case 'u':
            append(table, KAYA_BUFFERED, KAYA_OK, 1, false);
            break;
        case 'U':
            append(table, KAYA_BUFFERED, KAYA_OK, 3, true);
            break;
        case 'F':
            kaya_oracle_barrier_begin(table->oracle, KAYA_BARRIER_FLUSH);
            kaya_oracle_barrier_end(table->oracle, KAYA_BARRIER_FLUSH, KAYA_OK, &table->violation);
            break;
        case 'd':
            append(table, KAYA_STRICT, KAYA_GONE, 1, false);
            break;
        case 'f':
            append(table, KAYA_STRICT, KAYA_IO, 1, false);
            break;
        case 'n':
            append(table, KAYA_STRICT, KAYA_FULL, 1, false);
            break;
        case 'B':
            append(table, KAYA_STRICT, KAYA_OK, 3, true);
            break;
        case 'b':
            append(table, KAYA_STRICT, KAYA_GONE, 3, true);
            break;
        case 'S':
            kaya_oracle_barrier_begin(table->oracle, KAYA_BARRIER_SYNC);
            kaya_oracle_barrier_end(table->oracle, KAYA_BARRIER_SYNC, KAYA_OK, &table->violation);
            break;
        case 'C':
            kaya_oracle_barrier_begin(table->oracle, KAYA_BARRIER_CLOSE);
            kaya_oracle_barrier_end(table->oracle, KAYA_BARRIER_CLOSE, KAYA_OK, &table->violation);
            break;
        case 'T':
            kaya_oracle_trim_begin(table->oracle, 3);
            kaya_oracle_trim_end(table->oracle, KAYA_OK, 3, &table->violation);
            break;
        case 't':
            kaya_oracle_trim_begin(table->oracle, 3);
            break;
        case 'P':
            kaya_oracle_crash(table->oracle, KAYA_CRASH_POWER_LOSS);
            break;
        case 'K':
            kaya_oracle_crash(table->oracle, KAYA_CRASH_PROCESS);
            break;
        default:
            cr_assert(0, "no such step: %c", *history);
        }
    }
}

Test(oracle, says_of_each_record_whether_it_must_may_or_must_not_come_back)
{
    /* expected, from LSN 1 on: M must, m may, - must not */
    static const struct {
        const char *history, *expected;
    } rows[] = {
        { "", "-" },           { "s", "M-" },          { "sP", "M-" },
        { "r", "M-" },         { "rP", "m-" },         { "rK", "M-" },
        { "rKP", "m-" },       { "rrsrrP", "MMMmm-" }, { "rrsrrK", "MMMMM-" },
        { "rrSrP", "MMm-" },   { "sdP", "Mm-" },       { "sdK", "Mm-" },
        { "sfP", "Mm-" },      { "sfK", "Mm-" },       { "snP", "M-" },
        { "sbK", "Mmmm-" },    { "rBP", "MMMM-" },     { "ssssT", "--MM-" },
        { "sssstP", "mmMM-" }, { "sssstK", "mmMM-" },  { "ssssTP", "--MM-" },
        { "rrCP", "MM-" },     { "u", "m-" },          { "uK", "m-" },
        { "uP", "m-" },        { "uF", "M-" },         { "uFK", "M-" },
        { "uFP", "m-" },       { "suuK", "Mmm-" },     { "sUK", "Mmmm-" },
        { "uurK", "MMM-" },    { "uurP", "mmm-" },     { "uusP", "MMM-" },
        { "uSuP", "Mm-" },     { "urFuK", "MMm-" },    { "uCP", "M-" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table *table = set();
        play(table, rows[i].history);
        cr_expect(eq(str, table->violation.promise, ""), "%s: %s", rows[i].history, table->violation.what);
        for (uint64_t lsn = 1; rows[i].expected[lsn - 1] != '\0'; lsn++)
            cr_expect(eq(chr, "-mM"[kaya_oracle_expect(table->oracle, lsn)], rows[i].expected[lsn - 1]),
                      "after %s, record %u", rows[i].history, (unsigned)lsn);
    }
}

Test(oracle, judges_what_a_recovery_reports)
{
    static const struct {
        const char *history;
        uint64_t first, last;
        const char *promise;
    } rows[] = {
        { "ssP", 1, 2, "" },      { "ssP", 1, 1, "P2" },     { "ssP", 1, 3, "P1" },
        { "srrP", 1, 1, "" },     { "srrP", 1, 2, "" },      { "srrP", 1, 0, "P2" },
        { "srrK", 1, 3, "" },     { "srrK", 1, 2, "P2" },    { "sdP", 1, 1, "" },
        { "sdP", 1, 2, "" },      { "sfK", 1, 1, "" },       { "sfK", 1, 2, "" },
        { "ssssTP", 3, 4, "" },   { "ssssTP", 1, 4, "F10" }, { "ssssTP", 2, 4, "F10" },
        { "ssssTP", 4, 4, "P1" }, { "sssstP", 1, 4, "" },    { "sssstP", 2, 4, "" },
        { "sssstP", 3, 4, "" },   { "sssstP", 4, 4, "P1" },  { "sbP", 1, 1, "" },
        { "sbP", 1, 4, "" },      { "sbP", 1, 2, "P11" },    { "sbP", 1, 3, "P11" },
        { "BsP", 1, 3, "P2" },    { "BssssT", 3, 7, "P11" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table *table = set();
        play(table, rows[i].history);
        recover(table, rows[i].first, rows[i].last);
        cr_expect(eq(str, table->violation.promise, (char *)rows[i].promise), "%s to %u..%u: %s",
                  rows[i].history, (unsigned)rows[i].first, (unsigned)rows[i].last, table->violation.what);
    }
}

Test(oracle, what_one_recovery_returned_the_next_must_return)
{
    /* Three relaxed records, of which a first recovery returned two. */
    for (uint64_t last = 0; last <= 3; last++) {
        struct table *table = set();
        play(table, "rrrP");
        recover(table, 1, 2);
        cr_assert(eq(str, table->violation.promise, ""), "%s", table->violation.what);
        cr_expect(eq(int, kaya_oracle_expect(table->oracle, 3), KAYA_MUST_NOT));
        play(table, "P");
        recover(table, 1, last);
        cr_expect(eq(str, table->violation.promise,
                     last == 2  ? ""
                     : last < 2 ? "P3"
                                : "P1"),
                  "to %u: %s", (unsigned)last, table->violation.what);
    }
}

Test(oracle, a_lost_number_names_a_new_record_afterwards)
{
    struct table *table = set();
    unsigned char old[LENGTH];

    play(table, "srP");
    memcpy(old, table->bytes[2], LENGTH);
    recover(table, 1, 1);
    table->records[2].bytes = old;
    append(table, KAYA_STRICT, KAYA_OK, 1, false);
    kaya_payload_fill(kaya_payload_key(SEED, 999), old, LENGTH); /* stands for the record that was lost */
    play(table, "P");
    recover(table, 1, 2);
    read_all(table, 1, 2);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);
    table->records[2].bytes = old;
    read_all(table, 1, 2);
    cr_expect(eq(str, table->violation.promise, "P1"));
}

Test(oracle, catches_every_lie_about_contents)
{
    enum lie {
        NONE,
        CHANGED,
        SHORTER,
        LONGER,
        TYPE,
        SWAPPED,
        TWICE,
        LEFT_OUT,
        TOO_FEW,
        INVENTED,
        BATCH,
        BATCH_END,
        LIES
    };
    static const char *const promises[LIES] = {
        [NONE] = "",      [CHANGED] = "P1",  [SHORTER] = "P1", [LONGER] = "P1",
        [TYPE] = "P1",    [SWAPPED] = "P1",  [TWICE] = "P1",   [LEFT_OUT] = "P1",
        [TOO_FEW] = "P1", [INVENTED] = "P1", [BATCH] = "P11",  [BATCH_END] = "P11"
    };

    for (int lie = NONE; lie < LIES; lie++) {
        struct table *table = set();
        uint64_t last = 7;
        unsigned char longer[LENGTH + 1] = { 0 };

        play(table, "ssBssP"); /* 1 2 (3 4 5) 6 7 */
        recover(table, 1, last);
        cr_assert(eq(str, table->violation.promise, ""), "%s", table->violation.what);
        switch (lie) {
        case CHANGED:
            table->bytes[6][LENGTH - 1] ^= 1;
            break;
        case SHORTER:
            table->records[6].length--;
            break;
        case LONGER:
            memcpy(longer, table->bytes[6], LENGTH);
            table->records[6].bytes = longer;
            table->records[6].length++;
            break;
        case TYPE:
            table->records[6].type = KAYA_RECORD_DELETE;
            break;
        case SWAPPED:
            table->records[6].bytes = table->bytes[7];
            table->records[7].bytes = table->bytes[6];
            break;
        case TWICE:
            table->records[6] = table->records[2];
            break;
        case LEFT_OUT:
            table->records[6] = table->records[7];
            break;
        case BATCH:
            table->records[6].in_batch = true;
            break;
        case BATCH_END:
            table->records[4].ends_batch = true;
            break;
        default:
            break;
        }
        kaya_oracle_read_begin(table->oracle, 1, last);
        if (lie == INVENTED)
            table->records[8] =
                (struct kaya_wal_record){ .lsn = 8, .type = KAYA_RECORD_PUT, .bytes = longer, .length = 5 };
        for (uint64_t lsn = 1; lsn <= last - (lie == TOO_FEW) + (lie == INVENTED); lsn++)
            kaya_oracle_read(table->oracle, &table->records[lsn], &table->violation);
        kaya_oracle_read_end(table->oracle, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)promises[lie]), "lie %d: %s", lie,
                  table->violation.what);
    }
}

Test(oracle, names_the_record_whose_bytes_came_back_in_the_wrong_place)
{
    struct table *table = set();

    play(table, "sssP");
    recover(table, 1, 3);
    table->records[2].bytes = table->bytes[3];
    read_all(table, 1, 3);
    cr_expect(ne(ptr, strstr(table->violation.what, "with the bytes of record 3"), NULL), "%s",
              table->violation.what);
}

Test(oracle, knows_bytes_by_their_hash_where_no_key_makes_them)
{
    struct table *table = set();
    struct kaya_content content = { .length = 5, .type = KAYA_RECORD_OPAQUE, .is_hash = true };
    struct kaya_wal_record record = { .lsn = 1, .type = KAYA_RECORD_OPAQUE, .bytes = "hallo", .length = 5 };

    content.key = kaya_payload_hash("hallo", 5);
    cr_assert(eq(int, kaya_oracle_append_begin(table->oracle, &content, 1, false), KAYA_OK));
    kaya_oracle_append_end(table->oracle, KAYA_STRICT, KAYA_OK, 1, 1, &table->violation);
    table->records[1] = record;
    read_all(table, 1, 1);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);
    table->records[1].bytes = "hello";
    read_all(table, 1, 1);
    cr_expect(eq(str, table->violation.promise, "P1"));
}

Test(oracle, takes_no_acknowledgement_from_an_ended_handle)
{
    static const struct {
        const char *history, *promise;
    } rows[] = { { "sfs", "P6" }, { "sfr", "P6" }, { "sfS", "P6" }, { "sff", "" },
                 { "sfT", "P6" }, { "sfPs", "" },  { "sns", "" } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table *table = set();
        play(table, rows[i].history);
        cr_expect(eq(str, table->violation.promise, (char *)rows[i].promise), "%s: %s", rows[i].history,
                  table->violation.what);
    }
}

Test(oracle, catches_numbers_that_are_not_dense)
{
    struct table *table = set();
    struct kaya_content content = { .key = 1, .length = 8, .type = KAYA_RECORD_PUT };

    play(table, "s");
    cr_assert(eq(int, kaya_oracle_append_begin(table->oracle, &content, 1, false), KAYA_OK));
    kaya_oracle_append_end(table->oracle, KAYA_STRICT, KAYA_OK, 3, 3, &table->violation);
    cr_expect(eq(str, table->violation.promise, "F9"));
}

Test(oracle, wants_a_higher_epoch_unless_the_log_was_closed)
{
    for (int closed = 0; closed <= 1; closed++)
        for (int step = -1; step <= 1; step++) {
            struct table *table = set();
            bool fits = closed ? step >= 0 : step > 0;

            table->report.epoch = 9;
            recover(table, 1, 0); /* epoch 10 */
            play(table, closed ? "sC" : "sP");
            table->report.closed_cleanly = closed;
            table->report.verdict = KAYA_VERDICT_CLEAN;
            table->report.last_lsn = 1;
            table->report.epoch = (uint64_t)(10 + step);
            kaya_oracle_recovered(table->oracle, KAYA_OK, &table->report, &table->violation);
            cr_expect(eq(str, table->violation.promise, fits ? "" : "F9"), "closed %d, epoch %+d: %s", closed,
                      step, table->violation.what);
        }
}

Test(oracle, a_closed_log_is_found_closed_and_a_crashed_one_is_not)
{
    static const struct {
        const char *history;
        bool closed;
        const char *promise;
    } rows[] = { { "sC", true, "" },   { "sCP", true, "" },  { "sCP", false, "P4" }, { "sP", false, "" },
                 { "sP", true, "P1" }, { "sCrP", true, "" }, { "sCsP", true, "P1" }, { "sCrP", false, "" } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table *table = set();
        play(table, rows[i].history);
        table->report.closed_cleanly = rows[i].closed;
        table->report.verdict = KAYA_VERDICT_CLEAN;
        table->report.last_lsn = strcmp(rows[i].history, "sCsP") == 0 ? 2 : 1;
        table->report.epoch++;
        kaya_oracle_recovered(table->oracle, KAYA_OK, &table->report, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)rows[i].promise), "%s found %s: %s",
                  rows[i].history, rows[i].closed ? "closed" : "open", table->violation.what);
    }
}

Test(oracle, forbids_refusal_after_mere_crashes)
{
    static const enum kaya_status refusals[] = { KAYA_DAMAGED,   KAYA_IO,      KAYA_FULL,
                                                 KAYA_NOT_FOUND, KAYA_INVALID, KAYA_UNSUPPORTED,
                                                 KAYA_WRONG_LOG };

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct table *table = set();
        play(table, "srP");
        kaya_oracle_recovered(table->oracle, refusals[i], &table->report, &table->violation);
        cr_expect(eq(str, table->violation.promise, "P4"), "%s", kaya_status_name(refusals[i]));
    }
    struct table *table = set();
    play(table, "srP");
    kaya_oracle_recovered(table->oracle, KAYA_GONE, &table->report, &table->violation);
    cr_expect(eq(str, table->violation.promise, ""), "a crash inside recovery is no refusal");
}

/* Record 2 of the log below was damaged, in a write at 600 of segment 1. */
static struct kaya_outlook outlook_of(enum kaya_refusal refusal)
{
    struct kaya_outlook outlook = KAYA_OUTLOOK_OF_NO_DAMAGE;

    outlook.refusal = refusal;
    outlook.is_damaged = true;
    outlook.mended_max = 0;
    outlook.place_count = 1;
    outlook.places[0] = (struct kaya_damaged_place){ .file_name = "0000000000000001.wal",
                                                     .offset_bytes = 620,
                                                     .write_offset = 600,
                                                     .write_end = 668,
                                                     .first_lsn = 2,
                                                     .last_lsn = 2,
                                                     .refusal = refusal };
    return outlook;
}

static void name_damage(struct table *table, uint64_t segment, uint64_t offset, uint64_t first, uint64_t last)
{
    table->report.verdict = KAYA_VERDICT_DAMAGED;
    table->report.damage_segment = segment;
    table->report.damage_offset = offset;
    table->report.lost_first_lsn = first;
    table->report.lost_last_lsn = last;
    table->report.damage_reason = "the payload check fails";
}

Test(oracle, damage_is_refused_where_it_must_be_and_the_place_is_named)
{
    static const struct {
        enum kaya_refusal refusal;
        enum kaya_status status;
        uint64_t segment, offset, lost_first, lost_last;
        const char *promise;
    } cases[] = {
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 1, 600, 2, 3, "" },
        { KAYA_REFUSAL_ALLOWED, KAYA_DAMAGED, 1, 600, 2, 3, "" },
        { KAYA_REFUSAL_FORBIDDEN, KAYA_DAMAGED, 1, 600, 2, 3, "P4" },
        { KAYA_REFUSAL_REQUIRED, KAYA_OK, 0, 0, 0, 0, "P5" },
        { KAYA_REFUSAL_ALLOWED, KAYA_OK, 0, 0, 0, 0, "" },
        { KAYA_REFUSAL_REQUIRED, KAYA_IO, 0, 0, 0, 0, "P4" },         /* every byte can be read */
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 2, 600, 2, 3, "P5" },  /* another segment */
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 1, 668, 2, 3, "P5" },  /* behind it */
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 1, 600, 3, 3, "P5" },  /* other records */
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 1, 600, 0, 0, "P5" },  /* none */
        { KAYA_REFUSAL_REQUIRED, KAYA_DAMAGED, 1, 600, 2, 99, "P5" }, /* some that never were */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = set();
        struct kaya_outlook outlook = outlook_of(cases[i].refusal);

        play(table, "sssP");
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        table->report.verdict = KAYA_VERDICT_TORN;
        table->report.first_lsn = 1;
        table->report.last_lsn = 3;
        table->report.epoch++;
        if (cases[i].status == KAYA_DAMAGED)
            name_damage(table, cases[i].segment, cases[i].offset, cases[i].lost_first, cases[i].lost_last);
        kaya_oracle_recovered(table->oracle, cases[i].status, &table->report, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)cases[i].promise), "case %zu: %s", i,
                  table->violation.what);
    }
}

/* Both headers of segment 2, and record 2 in segment 1: the spare is named by number, whatever recovery was calling it when the crash came. */
Test(oracle, a_spare_that_is_hit_may_be_named_under_either_of_its_names)
{
    static const struct {
        const char *file_name, *promise;
    } cases[] = { { "0000000000000002.wal", "" },
                  { "0000000000000002.away", "" },
                  { "0000000000000002.new", "P5" },
                  { "0000000000000001.away", "P5" } };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = set();
        struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_REQUIRED);
        struct kaya_damaged_place *spare = &outlook.places[outlook.place_count++];

        play(table, "sssP");
        *spare = outlook.places[0];
        strcpy(spare->file_name, cases[i].file_name);
        spare->begins_segment = true;
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        name_damage(table, 2, 0, 2, 3);
        kaya_oracle_recovered(table->oracle, KAYA_DAMAGED, &table->report, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)cases[i].promise), "case %zu: %s", i,
                  table->violation.what);
    }
}

Test(oracle, damage_beyond_every_claim_may_cost_what_stands_behind_it)
{
    static const struct {
        uint64_t kept_lsn, anchor_lsn, last_lsn, mended;
        const char *promise;
    } cases[] = {
        { 1, 0, 1, 0, "" },   { 1, 0, 2, 0, "" }, { 1, 0, 3, 0, "" },   { 1, 0, 0, 0, "P5" },
        { 1, 2, 1, 0, "P5" }, { 1, 2, 2, 0, "" }, { 1, 0, 4, 0, "P1" }, { UINT64_MAX, 0, 2, 0, "P5" },
        { 1, 0, 1, 1, "P5" }, /* nothing was one bit off */
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = set();
        struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);

        play(table, "sssP");
        outlook.kept_lsn = cases[i].kept_lsn;
        kaya_oracle_outlook(table->oracle, &outlook, cases[i].anchor_lsn);
        table->report.mended_count = cases[i].mended;
        recover(table, 1, cases[i].last_lsn);
        cr_expect(eq(str, table->violation.promise, (char *)cases[i].promise), "case %zu: %s", i,
                  table->violation.what);
    }
}

Test(oracle, trimmed_records_come_back_only_where_the_mark_was_damaged)
{
    for (int marked = 0; marked <= 1; marked++) {
        struct table *table = set();
        struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);

        play(table, "ssssTP");
        outlook.is_mark_damaged = marked;
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        recover(table, 1, 4);
        if (marked)
            read_all(table, 1, 4);
        cr_expect(eq(str, table->violation.promise, marked ? "" : "F10"), "%s", table->violation.what);
    }
}

/* A log that was closed goes on in place, so its mark may still be lost; one that was recovered begins with a link that says it. */
Test(oracle, a_mark_may_be_lost_until_a_recovery_wrote_a_link)
{
    for (int closed = 0; closed <= 1; closed++) {
        struct table *table = set();
        struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);

        play(table, closed ? "ssssTC" : "ssssTP");
        table->report.closed_cleanly = closed;
        table->report.epoch -= (uint64_t)closed;
        table->is_clean = closed;
        recover(table, 3, 4);
        cr_assert(eq(str, table->violation.promise, ""), "%s", table->violation.what);
        play(table, "sP");
        outlook.is_mark_damaged = true; /* and CLOSE with it */
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        table->report.closed_cleanly = table->is_clean = false;
        recover(table, 1, 5);
        if (closed)
            read_all(table, 1, 5);
        cr_expect(eq(str, table->violation.promise, closed ? "" : "F10"), "%s", table->violation.what);
    }
}

/* Five records, cut back to two, one more appended or none, and a recovery that finds the older end again. */
static struct table *cut_back(int marked, int appended, struct kaya_outlook *outlook, struct kaya_wal_record *newer)
{
    struct table *table = set();
    struct kaya_wal_record older;

    play(table, "sssssC");
    older = table->records[3];
    kaya_oracle_outlook(table->oracle, outlook, 0); /* from now on damage is watched for */
    play(table, "s");
    kaya_oracle_cut_begin(table->oracle, 2);
    table->report.last_lsn = 2;
    kaya_oracle_cut_end(table->oracle, KAYA_OK, &table->report, &table->violation);
    table->generation++;
    play(table, appended ? "sP" : "P");
    *newer = table->records[3];
    newer->bytes = memcpy(table->bytes[RECORDS_MAX - 1], table->bytes[3], LENGTH);
    kaya_payload_fill(kaya_payload_key(SEED, 7), table->bytes[3], LENGTH);
    table->records[3] = older;
    outlook->is_mark_damaged = marked;
    recover(table, 1, 5);
    return table;
}

Test(oracle, what_was_cut_back_comes_back_only_where_a_mark_was_damaged)
{
    for (int marked = 0; marked <= 1; marked++)
        for (int appended = 0; appended <= 1; appended++) {
            struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);
            struct kaya_wal_record newer;
            struct table *table = cut_back(marked, appended, &outlook, &newer);

            if (marked)
                read_all(table, 1, 5);
            cr_expect(eq(str, table->violation.promise, marked ? "" : "P1"), "%s", table->violation.what);
            cr_expect(eq(int, kaya_oracle_has_passed_link(table->oracle), marked));
        }
}

Test(oracle, what_comes_back_of_an_older_end_is_not_mixed_with_what_came_behind)
{
    struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);
    struct kaya_wal_record newer;
    struct table *table = cut_back(true, true, &outlook, &newer);

    table->records[3] = newer;
    read_all(table, 1, 5);
    cr_expect(eq(str, table->violation.promise, "P1"), "the end is older than the record");
}

Test(oracle, once_an_older_end_was_read_it_stays)
{
    struct kaya_outlook outlook = outlook_of(KAYA_REFUSAL_ALLOWED);
    struct kaya_wal_record newer;
    struct table *table = cut_back(true, true, &outlook, &newer);

    read_all(table, 1, 5);
    kaya_oracle_outlook(table->oracle, NULL, 0);
    play(table, "P");
    recover(table, 1, 5);
    read_all(table, 1, 5);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);
    table->records[3] = newer;
    read_all(table, 1, 5);
    cr_expect(eq(str, table->violation.promise, "P1"));
}

/* Which status each family asks for, and what may answer it: a sync, an append, or both. */
#define BIT(NAME) ((uint64_t)1 << KAYA_FAULT_##NAME)
static const struct {
    uint64_t family;
    enum kaya_status status;
    bool of_append, of_others;
} excuses[] = {
    { BIT(IO_ERROR), KAYA_IO, true, true },         { BIT(IO_ERROR), KAYA_FULL, true, true },
    { BIT(IO_ERROR_LASTING), KAYA_IO, true, true }, { BIT(IO_ERROR_LASTING), KAYA_FULL, true, true },
    { BIT(NO_ROOM), KAYA_IO, true, true },          { BIT(NO_ROOM), KAYA_FULL, true, true },
    { BIT(LIMIT), KAYA_LIMIT, true, true },         { BIT(OUT_OF_MEMORY), KAYA_NO_MEMORY, true, true },
    { BIT(NO_SPACE), KAYA_FULL, true, false },
};

static bool is_excuse(uint64_t family, enum kaya_status status, bool of_append)
{
    for (size_t i = 0; i < sizeof excuses / sizeof excuses[0]; i++)
        if (excuses[i].family == family && excuses[i].status == status)
            return of_append ? excuses[i].of_append : excuses[i].of_others;
    return false;
}

Test(oracle, an_error_is_excused_by_the_fault_that_asks_for_it_and_by_no_other)
{
    static const enum kaya_status statuses[] = { KAYA_IO,     KAYA_FULL,    KAYA_LIMIT, KAYA_NO_MEMORY,
                                                 KAYA_DENIED, KAYA_DAMAGED, KAYA_ENDED, KAYA_BUSY };
    static const uint64_t families[] = { 0,
                                         BIT(IO_ERROR),
                                         BIT(IO_ERROR_LASTING),
                                         BIT(NO_ROOM),
                                         BIT(LIMIT),
                                         BIT(NO_SPACE),
                                         BIT(OUT_OF_MEMORY),
                                         BIT(SHORT_TRANSFER),
                                         BIT(LOST_SECTOR) };
    static const char *const operations[] = { "append", "rotate", "sync", "trim", "close", "read" };

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        for (size_t j = 0; j < sizeof statuses / sizeof statuses[0]; j++)
            for (size_t k = 0; k < sizeof operations / sizeof operations[0]; k++) {
                struct table *table = set();

                kaya_oracle_struck(table->oracle, families[i]);
                kaya_oracle_status(table->oracle, operations[k], statuses[j], &table->violation);
                cr_expect(eq(int, !kaya_violation_is_set(&table->violation),
                             is_excuse(families[i], statuses[j], k < 2)),
                          "%s answers %s to 0x%llx: %s", operations[k], kaya_status_name(statuses[j]),
                          (unsigned long long)families[i], table->violation.what);
            }
}

Test(oracle, an_open_is_excused_by_a_full_disk_only_where_there_is_no_log_yet)
{
    struct table *table = set();

    kaya_oracle_struck(table->oracle, BIT(NO_SPACE));
    kaya_oracle_recovered(table->oracle, KAYA_FULL, &table->report, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P4"));
    table = set();
    kaya_oracle_reset(table->oracle, &shape);
    kaya_oracle_struck(table->oracle, BIT(NO_SPACE));
    kaya_oracle_recovered(table->oracle, KAYA_FULL, &table->report, &table->violation);
    cr_expect(eq(str, table->violation.promise, ""));
    for (int appended = 0; appended < 2; appended++) { /* or where errors came before, and no append since */
        table = set();
        kaya_oracle_struck(table->oracle, BIT(LIMIT));
        kaya_oracle_struck(table->oracle, 0);
        if (appended)
            strict(table);
        kaya_oracle_crash(table->oracle, KAYA_CRASH_POWER_LOSS);
        kaya_oracle_struck(table->oracle, BIT(NO_SPACE));
        kaya_oracle_recovered(table->oracle, KAYA_FULL, &table->report, &table->violation);
        cr_expect(eq(str, table->violation.promise, appended ? "P4" : ""));
    }
}

Test(oracle, a_trim_is_excused_by_a_full_disk_only_where_one_left_its_mark_and_no_record_followed)
{
    static const struct {
        const char *history;
        bool is_recovered, is_closed, is_excused;
    } rows[] = { { "sss", false, false, false },   { "sssT", false, false, true },
                 { "sssTs", false, false, false }, { "sssTr", false, false, false },
                 { "sssTn", false, false, true },  { "sssTTS", false, false, true },
                 { "sssTC", true, true, true },    { "sssTP", true, false, false } };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table *table = set();

        play(table, rows[i].history);
        table->is_clean = table->report.closed_cleanly = rows[i].is_closed;
        if (rows[i].is_recovered)
            recover(table, 3, 3);
        cr_assert(eq(str, table->violation.promise, ""), "%s: %s", rows[i].history, table->violation.what);
        kaya_oracle_struck(table->oracle, BIT(NO_SPACE));
        kaya_oracle_status(table->oracle, "trim", KAYA_FULL, &table->violation);
        cr_expect(eq(str, table->violation.promise, rows[i].is_excused ? "" : "P7"), "%s", rows[i].history);
    }
}

Test(oracle, a_record_that_was_refused_for_want_of_something_must_not_come_back)
{
    static const enum kaya_status statuses[] = { KAYA_FULL, KAYA_LIMIT, KAYA_NO_MEMORY };

    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct table *table = set();

        strict(table);
        append(table, KAYA_STRICT, statuses[i], 2, true);
        cr_expect(eq(u64, kaya_oracle_last_lsn(table->oracle), 1));
        cr_expect(not(kaya_oracle_has_ended(table->oracle)));
        strict(table); /* its number is 2 */
        kaya_oracle_crash(table->oracle, KAYA_CRASH_POWER_LOSS);
        recover(table, 1, 3);
        cr_expect(eq(str, table->violation.promise, "P1"), "%s", kaya_status_name(statuses[i]));
    }
}

Test(oracle, background_work_that_failed_ends_the_handle)
{
    struct table *table = set();

    kaya_oracle_struck(table->oracle, BIT(IO_ERROR));
    kaya_oracle_tend_end(table->oracle, KAYA_FULL, &table->violation);
    cr_expect(not(kaya_oracle_has_ended(table->oracle)));
    kaya_oracle_tend_end(table->oracle, KAYA_IO, &table->violation);
    cr_expect(kaya_oracle_has_ended(table->oracle));
    kaya_oracle_tend_end(table->oracle, KAYA_OK, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P6"));
}

Test(oracle, files_may_stand_that_could_not_be_removed_until_a_recovery_without_errors)
{
    struct table *table = set();

    kaya_oracle_struck(table->oracle, BIT(IO_ERROR));
    kaya_oracle_struck(table->oracle, 0);
    kaya_oracle_disk_use(table->oracle, 1 << 20, 0, &table->violation);
    cr_expect(eq(str, table->violation.promise, ""));
    recover(table, 1, 0);
    kaya_oracle_disk_use(table->oracle, 1 << 20, 0, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P8"));
}

/* A recovery that may lose what damage took, and does not come to an end, may have made that final. */
Test(oracle, a_loss_that_damage_allowed_may_be_final_before_it_is_told)
{
    for (int crashed = 0; crashed < 2; crashed++) {
        struct kaya_outlook outlook = KAYA_OUTLOOK_OF_NO_DAMAGE;
        struct table *table = set();

        strict(table);
        strict(table);
        kaya_oracle_crash(table->oracle, KAYA_CRASH_POWER_LOSS);
        outlook.is_damaged = true;
        outlook.refusal = KAYA_REFUSAL_ALLOWED;
        outlook.kept_lsn = 1;
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        if (crashed)
            kaya_oracle_crash(table->oracle, KAYA_CRASH_POWER_LOSS);
        kaya_oracle_outlook(table->oracle, NULL, 0);
        cr_expect(eq(int, kaya_oracle_expect(table->oracle, 1), KAYA_MUST));
        cr_expect(eq(int, kaya_oracle_expect(table->oracle, 2), crashed ? KAYA_MAY : KAYA_MUST));
    }
}

Test(oracle, a_log_that_was_there_does_not_become_another_one)
{
    struct table *table = set();

    play(table, "rP");
    table->report.log_id.bytes[3] ^= 1;
    recover(table, 1, 0);
    cr_expect(eq(str, table->violation.promise, "P3"));

    table = set();
    play(table, "rP");
    table->report.verdict = KAYA_VERDICT_EMPTY;
    table->report.first_lsn = 1;
    table->report.epoch++;
    kaya_oracle_recovered(table->oracle, KAYA_OK, &table->report, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P3"));
}

Test(oracle, what_a_reader_shows_is_what_recovery_returns)
{
    for (uint64_t last = 1; last <= 3; last++) {
        struct table *table = set();
        play(table, "srrP");
        table->report.verdict = KAYA_VERDICT_TORN;
        table->report.first_lsn = 1;
        table->report.last_lsn = 2;
        kaya_oracle_looked(table->oracle, KAYA_OK, &table->report, &table->violation);
        cr_assert(eq(str, table->violation.promise, ""), "%s", table->violation.what);
        recover(table, 1, last);
        cr_expect(eq(str, table->violation.promise, last == 2 ? "" : "P10"), "%s", table->violation.what);
    }
    struct table *table = set(); /* another crash after the look may take what was shown */
    play(table, "srrK");
    table->report.last_lsn = 3;
    kaya_oracle_looked(table->oracle, KAYA_OK, &table->report, &table->violation);
    play(table, "P");
    recover(table, 1, 1);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);
}

Test(oracle, what_a_reader_called_durable_must_stay)
{
    struct table *table = set();

    play(table, "srrP");
    table->report.last_lsn = 3;
    kaya_oracle_looked(table->oracle, KAYA_OK, &table->report, &table->violation);
    table->records[2].durable = true;
    read_all(table, 1, 3);
    cr_expect(eq(int, kaya_oracle_expect(table->oracle, 2), KAYA_MUST));
    cr_expect(eq(int, kaya_oracle_expect(table->oracle, 3), KAYA_MAY));
    play(table, "P");
    recover(table, 1, 1);
    cr_expect(eq(str, table->violation.promise, "P2"));
}

Test(oracle, a_reader_that_is_kept_open_comes_too_late_only_where_nobody_knew_of_it)
{
    static const struct {
        const char *history; /* after it was opened before record 1, of 3 */
        uint64_t read;       /* so many records, then: */
        enum kaya_status status;
        bool is_pinned;
        const char *promise;
    } cases[] = {
        { "s", 3, KAYA_END, true, "" },         { "s", 2, KAYA_END, true, "P10" },
        { "s", 4, KAYA_END, true, "P1" },       { "T", 1, KAYA_TRIMMED, false, "" },
        { "T", 3, KAYA_END, false, "" },        { "T", 2, KAYA_TRIMMED, false, "P10" },
        { "s", 0, KAYA_TRIMMED, false, "P10" }, { "T", 1, KAYA_DAMAGED, false, "P10" },
        { "T", 0, KAYA_END, true, "P10" },      { "s", 1, KAYA_TRIMMED, true, "P10" },
        { "s", 1, KAYA_IO, true, "P10" },       { "s", 1, KAYA_GONE, true, "" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table *table = set();
        play(table, "sss");
        kaya_oracle_follow_begin(table->oracle, 1, 3, cases[i].is_pinned);
        play(table, cases[i].history);
        for (uint64_t lsn = 1; lsn <= cases[i].read; lsn++)
            kaya_oracle_followed(table->oracle, KAYA_OK, &table->records[lsn], &table->violation);
        kaya_oracle_followed(table->oracle, cases[i].status, NULL, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)cases[i].promise), "case %zu: %s", i,
                  table->violation.what);
        kaya_oracle_follow_end(table->oracle);
    }
    struct table *table = set(); /* the bytes of another record, and one out of turn */
    play(table, "sss");
    kaya_oracle_follow_begin(table->oracle, 2, 3, false);
    table->records[2].bytes = table->bytes[3];
    kaya_oracle_followed(table->oracle, KAYA_OK, &table->records[2], &table->violation);
    cr_expect(eq(str, table->violation.promise, "P1"));
    table = set();
    play(table, "sss");
    kaya_oracle_follow_begin(table->oracle, 2, 3, false);
    kaya_oracle_followed(table->oracle, KAYA_OK, &table->records[3], &table->violation);
    cr_expect(eq(str, table->violation.promise, "P1"));
}

Test(oracle, a_cut_back_leaves_the_old_end_or_the_new)
{
    for (uint64_t last = 1; last <= 5; last++) {
        struct table *table = set();
        play(table, "ssssC");
        kaya_oracle_cut_begin(table->oracle, 2);
        play(table, "P");
        recover(table, 1, last);
        cr_expect(eq(int, table->violation.promise[0] == '\0', last == 2 || last == 4), "%u", (unsigned)last);
    }
    struct table *table = set();
    play(table, "ssssC");
    kaya_oracle_cut_begin(table->oracle, 2);
    table->report.last_lsn = 2;
    kaya_oracle_cut_end(table->oracle, KAYA_OK, &table->report, &table->violation);
    cr_expect(eq(int, kaya_oracle_expect(table->oracle, 3), KAYA_MUST_NOT));
    cr_expect(eq(str, table->violation.promise, ""));
}

/* A fault may stand in the way of saying so; nothing else excuses another answer. */
Test(oracle, a_cut_back_to_no_end_is_refused)
{
    static const struct {
        enum kaya_status status;
        uint64_t struck;
        const char *promise;
    } cases[] = { { KAYA_INVALID, 0, "" },
                  { KAYA_GONE, 0, "" },
                  { KAYA_OK, 0, "P3" },
                  { KAYA_IO, 0, "P3" },
                  { KAYA_IO, (uint64_t)1 << KAYA_FAULT_IO_ERROR, "" },
                  { KAYA_OK, (uint64_t)1 << KAYA_FAULT_IO_ERROR, "P3" } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table *table = set();

        play(table, "ssssC");
        kaya_oracle_struck(table->oracle, cases[i].struck);
        kaya_oracle_cut_nowhere(table->oracle, 5, cases[i].status, &table->violation);
        cr_expect(eq(str, table->violation.promise, (char *)cases[i].promise), "case %zu", i);
    }
}

/* The answer is KAYA_INVALID where there is no such end: only damage that may have taken it excuses that. */
Test(oracle, a_cut_back_to_what_damage_took_is_no_cut_back)
{
    for (uint64_t last = 1; last <= 3; last++)
        for (int damaged = 0; damaged <= 1; damaged++) {
            struct kaya_outlook outlook = KAYA_OUTLOOK_OF_NO_DAMAGE;
            struct table *table = set();
            bool allowed = damaged && last == 2; /* 1 may not be lost, and 3 is there */

            play(table, "ssssC");
            outlook.is_damaged = damaged;
            outlook.refusal = damaged ? KAYA_REFUSAL_ALLOWED : KAYA_REFUSAL_FORBIDDEN;
            outlook.kept_lsn = damaged ? 2 : UINT64_MAX;
            kaya_oracle_outlook(table->oracle, &outlook, 0);
            kaya_oracle_cut_begin(table->oracle, 3);
            table->report.last_lsn = last;
            kaya_oracle_cut_end(table->oracle, KAYA_INVALID, &table->report, &table->violation);
            cr_expect(eq(str, table->violation.promise, allowed ? "" : "P3"), "%u", (unsigned)last);
            if (allowed)
                recover(table, 1, 2);
            cr_expect(eq(int, table->violation.promise[0] == '\0', allowed));
        }
}

Test(oracle, a_recovery_under_damage_that_did_not_end_may_have_ended_the_log_behind_a_cut)
{
    for (uint64_t kept = 3; kept <= 4; kept++) {
        struct kaya_outlook outlook = KAYA_OUTLOOK_OF_NO_DAMAGE;
        struct table *table = set();

        play(table, "ssssC");
        kaya_oracle_cut_begin(table->oracle, 2);
        play(table, "P");
        outlook.is_damaged = true;
        outlook.refusal = KAYA_REFUSAL_ALLOWED;
        outlook.kept_lsn = kept;
        kaya_oracle_outlook(table->oracle, &outlook, 0);
        play(table, "P");
        kaya_oracle_outlook(table->oracle, NULL, 0);
        recover(table, 1, 3);
        cr_expect(eq(int, table->violation.promise[0] == '\0', kept == 3), "%u", (unsigned)kept);
    }
}

static bool is_bounded(const struct kaya_recovery_cost *cost, bool sync_failed, uint64_t struck)
{
    struct table *table = set();

    kaya_oracle_sync_failed(table->oracle, sync_failed);
    kaya_oracle_struck(table->oracle, struck);
    kaya_oracle_recovery_cost(table->oracle, cost, &table->violation);
    cr_expect(table->violation.promise[0] == '\0' || strcmp(table->violation.promise, "P8") == 0);
    return table->violation.promise[0] == '\0';
}

/* Ten files of 4096 bytes, with headers and links of 220 bytes, of which each may be read twelve times. */
enum { FILES = 10, STORED = FILES * 4096, OF_HEADERS = 12 * 220 * FILES };

Test(oracle, five_readings_of_each_byte_in_a_look_and_one_more_in_a_second_one)
{
    for (uint64_t looks = 1; looks <= 3; looks++) {
        uint64_t read_max = looks * (5 * STORED + OF_HEADERS) + (looks - 1) * STORED;

        for (uint64_t over = 0; over < 2; over++) {
            struct kaya_recovery_cost cost = {
                .bytes_stored = STORED, .file_count = FILES, .looks = looks, .bytes_read = read_max + over
            };
            cr_expect(eq(int, is_bounded(&cost, true, 0), over == 0), "%u looks, %u over", (unsigned)looks,
                      (unsigned)over);
        }
    }
}

/* What a header that is not found costs: where it may stand it is read nine times. Only where faults strike. */
Test(oracle, a_search_for_a_header_has_a_reason)
{
    uint64_t struck = (uint64_t)1 << KAYA_FAULT_STALE_READ;
    uint64_t of_search = (uint64_t)9 * STORED + (uint64_t)9 * 96 * (STORED / 512);
    struct kaya_recovery_cost cost = {
        .bytes_stored = STORED, .file_count = FILES, .looks = 1, .bytes_read = 5 * STORED + OF_HEADERS + of_search
    };

    cr_expect(is_bounded(&cost, false, struck));
    cr_expect(not(is_bounded(&cost, false, 0)));
    cost.was_tampered_with = true;
    cr_expect(is_bounded(&cost, false, 0));
    cost.bytes_read++;
    cr_expect(not(is_bounded(&cost, false, 0)));
    cr_expect(not(is_bounded(&cost, false, struck)));
}

/* Two looks, where the first one shows that the cache cannot be believed or that there is no spare; a third one only where a fault changed what the second
 * one saw; never a fourth. */
Test(oracle, a_third_look_has_a_reason_and_there_is_no_fourth)
{
    for (uint64_t looks = 1; looks <= 5; looks++)
        for (unsigned reason = 0; reason < 3; reason++) {
            struct kaya_recovery_cost cost = { .bytes_stored = STORED, .file_count = FILES, .looks = looks };
            cr_expect(eq(int,
                         is_bounded(&cost, reason == 1, reason == 2 ? (uint64_t)1 << KAYA_FAULT_LOST_WRITE : 0),
                         looks <= (reason > 0 ? 3 : 2)),
                      "%u looks, reason %u", (unsigned)looks, reason);
        }
}

/* Spares without a header keep others from being taken: so many in front of each as a pool holds, and one. */
Test(oracle, each_spare_without_a_header_may_cost_a_pool_of_spares)
{
    struct table *table = set();
    uint64_t allowed = 0;

    while (kaya_oracle_disk_use_is_small(table->oracle, allowed + 1))
        allowed++;
    for (uint64_t headless = 0; headless < 4; headless++) {
        uint64_t passed_over = headless * (shape.spare_count + 2) * shape.segment_bytes;

        for (uint64_t over = 0; over < 2; over++) {
            table = set();
            kaya_oracle_disk_use(table->oracle, allowed + passed_over + over, headless, &table->violation);
            cr_expect(eq(str, table->violation.promise, over == 0 ? "" : "P8"), "%u headless",
                      (unsigned)headless);
        }
    }
}

Test(oracle, keeps_bounds)
{
    struct table *table = set();

    kaya_oracle_disk_use(table->oracle, 4 * 4096, 0, &table->violation);
    kaya_oracle_recovery_cost(table->oracle,
                              &(struct kaya_recovery_cost){ 40960, 10, 300, 1, 5 * 40960, 65536, false },
                              &table->violation);
    kaya_oracle_progress(table->oracle, 30, &table->violation);
    kaya_oracle_live(table->oracle, "sync", KAYA_OK, 30, 10, &table->violation);
    kaya_oracle_live(table->oracle, "sync", KAYA_GONE, 30, 10, &table->violation);
    kaya_oracle_second_writer(table->oracle, KAYA_LOCKED, &table->violation);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);

    kaya_oracle_disk_use(table->oracle, 40 * 4096, 0, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P8"));
    table = set();
    kaya_oracle_recovery_cost(table->oracle,
                              &(struct kaya_recovery_cost){ 40960, 10, 300, 1, 40960, 1u << 30, false },
                              &table->violation);
    cr_expect(eq(str, table->violation.promise, "P8"));
    table = set();
    kaya_oracle_progress(table->oracle, 5000, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P7"));
    table = set();
    kaya_oracle_recovery_cost(table->oracle,
                              &(struct kaya_recovery_cost){ 40960, 10, 3000, 1, 40960, 65536, false },
                              &table->violation);
    cr_expect(eq(str, table->violation.promise, "P8"));
    table = set();
    kaya_oracle_live(table->oracle, "sync", KAYA_OK, 3000, 10, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P7"));
    table = set();
    kaya_oracle_live(table->oracle, "sync", KAYA_FULL, 1, 10, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P7"));
    table = set();
    kaya_oracle_second_writer(table->oracle, KAYA_OK, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P10"));
    table = set();
    kaya_oracle_status(table->oracle, "sync", KAYA_IO, &table->violation);
    cr_expect(eq(str, table->violation.promise, "P7"));
    for (uint64_t unfinished = 0; unfinished < 2; unfinished++) {
        struct table *table_of_files = set();
        kaya_oracle_unfinished(table_of_files->oracle, unfinished, &table_of_files->violation);
        cr_expect(eq(str, table_of_files->violation.promise, unfinished == 0 ? "" : "P8"));
    }
}

Test(oracle, a_copy_judges_alike_and_apart)
{
    struct table *table = set();
    struct kaya_oracle *copy = kaya_oracle_create();
    struct kaya_violation violation = { 0 };

    play(table, "ssrr");
    cr_assert(eq(int, kaya_oracle_copy(table->oracle, copy), KAYA_OK));
    kaya_oracle_crash(copy, KAYA_CRASH_POWER_LOSS);
    cr_expect(eq(int, kaya_oracle_expect(copy, 4), KAYA_MAY));
    cr_expect(eq(int, kaya_oracle_expect(table->oracle, 4), KAYA_MUST));
    table->report.last_lsn = 1;
    table->report.epoch++;
    kaya_oracle_recovered(copy, KAYA_OK, &table->report, &violation);
    cr_expect(eq(str, violation.promise, "P2"));
    cr_expect(eq(str, table->violation.promise, ""));
    kaya_oracle_destroy(copy);
}

Test(oracle, remembers_more_records_than_it_first_had_room_for)
{
    struct table *table = set();
    struct kaya_content content = { .length = LENGTH, .type = KAYA_RECORD_PUT };
    struct kaya_wal_record record = { .type = KAYA_RECORD_PUT, .length = LENGTH };
    unsigned char bytes[LENGTH];

    for (uint64_t lsn = 1; lsn <= 3000; lsn++) {
        content.key = kaya_payload_key(SEED, lsn);
        cr_assert(eq(int, kaya_oracle_append_begin(table->oracle, &content, 1, false), KAYA_OK));
        kaya_oracle_append_end(table->oracle, KAYA_STRICT, KAYA_OK, lsn, lsn, &table->violation);
        if (lsn % 1000 == 700) { /* the ring has turned when it grows */
            kaya_oracle_trim_begin(table->oracle, lsn - 150);
            kaya_oracle_trim_end(table->oracle, KAYA_OK, lsn - 150, &table->violation);
        }
    }
    kaya_oracle_read_begin(table->oracle, 2550, 3000);
    for (record.lsn = 2550; record.lsn <= 3000; record.lsn++) {
        kaya_payload_fill(kaya_payload_key(SEED, record.lsn), bytes, LENGTH);
        record.bytes = bytes;
        kaya_oracle_read(table->oracle, &record, &table->violation);
    }
    kaya_oracle_read_end(table->oracle, &table->violation);
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);
}

/* What salvage hands out of a refused log. `in_doubt`: a link or a mark is damaged. */
static const char *judge_salvaged(const char *history, uint64_t lsn, bool incomplete, bool in_doubt,
                                  const struct kaya_wal_record *instead)
{
    struct table *table = set();
    struct kaya_wal_salvaged salvaged = { .kind = KAYA_SALVAGED_RECORD, .incomplete = incomplete };

    play(table, history);
    cr_assert(not(kaya_violation_is_set(&table->violation)), "%s", history);
    salvaged.record = instead != NULL ? *instead : table->records[lsn];
    salvaged.record.lsn = lsn;
    if (incomplete)
        salvaged.record.ends_batch = false;
    kaya_oracle_salvaged(table->oracle, &salvaged, in_doubt, &table->violation);
    return kaya_violation_is_set(&table->violation) ? table->violation.promise : "";
}

Test(oracle, what_salvage_hands_out_is_what_was_appended)
{
    struct kaya_wal_record other = { .type = KAYA_RECORD_PUT, .bytes = "other", .length = 5 };
    struct kaya_wal_record durable = other;

    durable.durable = true;
    cr_expect_str_eq(judge_salvaged("sss", 2, false, false, NULL), "");
    cr_expect_str_eq(judge_salvaged("ssr", 3, false, false, NULL), "");
    cr_expect_str_eq(judge_salvaged("ssd", 3, false, false, NULL), "", "in doubt, and true");
    cr_expect_str_eq(judge_salvaged("sss", 2, false, false, &other), "P1");
    cr_expect_str_eq(judge_salvaged("sss", 4, false, false, &other), "P1");
    cr_expect_str_eq(judge_salvaged("sssT", 3, false, false, NULL), "");
    cr_expect_str_eq(judge_salvaged("sssT", 1, false, false, NULL), "F10");
    cr_expect_str_eq(judge_salvaged("sssT", 1, false, true, NULL), "", "the mark may be what is damaged");
    cr_expect_str_eq(judge_salvaged("sss", 2, false, true, &other), "", "given up, and not said to be durable");
    cr_expect_str_eq(judge_salvaged("sss", 2, false, true, &durable), "P1");
}

Test(oracle, members_that_salvage_hands_out_are_of_a_batch)
{
    cr_expect_str_eq(judge_salvaged("sB", 3, false, false, NULL), "");
    cr_expect_str_eq(judge_salvaged("sB", 4, true, false, NULL), "");
    cr_expect_str_eq(judge_salvaged("sB", 1, true, false, NULL), "P11");
    cr_expect_str_eq(judge_salvaged("sss", 2, true, false, NULL), "P11");
}

Test(oracle, without_a_budget_only_invented_records_and_their_order_are_wrong)
{
    struct table *table = set();

    kaya_oracle_unrestrict(table->oracle);
    play(table, "sssP");
    recover(table, 1, 1); /* two were lost, and their numbers are given again */
    table->records[2].lsn = 2;
    strict(table);
    kaya_oracle_status(table->oracle, "sync", KAYA_DAMAGED, &table->violation);
    kaya_oracle_recovered(table->oracle, KAYA_DAMAGED, &table->report, &table->violation);
    recover(table, 1, 3);
    read_all(table, 1, 3); /* an older record 3 */
    cr_expect(eq(str, table->violation.promise, ""), "%s", table->violation.what);

    table->records[3].bytes = table->bytes[1];
    read_all(table, 1, 3);
    cr_expect(eq(str, table->violation.promise, "P1"), "the bytes of record 1 as record 3");

    table = set();
    kaya_oracle_unrestrict(table->oracle);
    play(table, "sss");
    kaya_oracle_read_begin(table->oracle, 1, 3);
    kaya_oracle_read(table->oracle, &table->records[2], &table->violation);
    cr_expect(eq(str, table->violation.promise, "P1"), "record 2 in the place of record 1");
}
