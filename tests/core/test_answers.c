/* Each slot of a disk answers all that kaya/seam/disk.h lets it answer, and each call of the log answers what its header lists and nothing else.
 *
 * Goal: whoever writes a disk by the seam's words meets no surprise, nor does who writes a program by the log's. Method: a life of a log, from
 * the first open over a kill and a recovery to a cut and a salvage. It is lived once in peace; then once for each call on the disk and each
 * status that this call's slot may answer, with that answer. What each public call may say stands below as its header says it; afterwards the disk is
 * good again, and all that was acknowledged is there. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "kaya/salvage.h"
#include "log_fixture.h"

static const struct kaya_wal_config SMALL = { .segment_bytes = 4096, .block_bytes = 512 };

#define BIT(name) (1U << KAYA_##name)

enum {
    /* disk.h: "Any slot may answer KAYA_IO. One that touches a name or a directory may also answer ..." */
    ANY_SLOT = BIT(IO),
    NAMES = ANY_SLOT | BIT(INVALID) | BIT(NOT_FOUND) | BIT(DENIED) | BIT(LIMIT) | BIT(NO_MEMORY) | BIT(FULL),
    ROOM = ANY_SLOT | BIT(FULL),
};
static const unsigned SLOTS[IMAGE_CALLS] = {
    [IMAGE_OPEN] = NAMES,
    [IMAGE_SIZE] = ANY_SLOT,
    [IMAGE_READ] = ANY_SLOT | BIT(INTERRUPTED),
    [IMAGE_WRITE] = ROOM | BIT(INTERRUPTED),
    [IMAGE_SYNC] = ROOM,
    [IMAGE_SYNC_DIRECTORY] = NAMES,
    [IMAGE_TRUNCATE] = ROOM,
    [IMAGE_ALLOCATE] = ROOM | BIT(UNSUPPORTED),
    [IMAGE_RENAME] = NAMES,
    [IMAGE_UNLINK] = NAMES,
    [IMAGE_CREATE_DIRECTORY] = NAMES | BIT(EXISTS),
    [IMAGE_LIST] = NAMES,
    [IMAGE_LOCK] = NAMES | BIT(LOCKED),
    [IMAGE_PROBE] = NAMES,
};

/* The public calls; what wal.h, reader.h, inspect.h and salvage.h say that they answer over a healthy log, and what of that is met here: the rest
 * takes a second writer, a live one, or an earlier failure. */
enum call {
    OPEN,
    CUT_BACK,
    APPEND,
    MAKE_DURABLE,
    ROTATE,
    TRIM,
    TEND,
    STOP,
    READER_OPEN,
    READER_NEXT,
    LOOK,
    SALVAGE,
    CALLS
};
enum {
    WORLD = BIT(OK) | BIT(IO) | BIT(NO_MEMORY) | BIT(LIMIT),
    OPENS = WORLD | BIT(INVALID) | BIT(LOCKED) | BIT(NOT_FOUND) | BIT(DENIED) | BIT(FULL),
    SYNCS = BIT(OK) | BIT(IO),
    APPENDS = WORLD | BIT(FULL),
    READS = WORLD | BIT(NOT_FOUND) | BIT(DENIED),
};
static const struct {
    const char *name;
    unsigned met, elsewhere;
} DOCUMENTED[CALLS] = {
    [OPEN] = { "kaya_wal_writer_open", OPENS, 0 },
    [CUT_BACK] = { "kaya_wal_cut_back", OPENS, 0 },
    [APPEND] = { "kaya_wal_writer_append", APPENDS | BIT(ENDED), 0 },
    [MAKE_DURABLE] = { "kaya_wal_writer_sync", SYNCS, BIT(ENDED) },
    [ROTATE] = { "kaya_wal_writer_rotate", APPENDS, BIT(ENDED) },
    [TRIM] = { "kaya_wal_writer_truncate_before", SYNCS, APPENDS | BIT(ENDED) },
    [TEND] = { "kaya_wal_writer_tend", SYNCS, BIT(ENDED) },
    [STOP] = { "kaya_wal_writer_close", SYNCS, BIT(ENDED) },
    [READER_OPEN] = { "kaya_wal_reader_open", READS & ~BIT(IO), BIT(IO) | BIT(BUSY) },
    [READER_NEXT] = { "kaya_wal_reader_next", WORLD | BIT(DENIED) | BIT(END), BIT(BUSY) | BIT(NOT_FOUND) },
    [LOOK] = { "kaya_wal_inspect_path, kaya_wal_verify", READS, BIT(BUSY) },
    [SALVAGE] = { "kaya_wal_salvage_open, _next", READS | BIT(END), BIT(BUSY) },
};

struct life {
    struct log_fixture *log;
    enum image_call slots[LOG_OPERATIONS_MAX]; /* of each call on the disk, from 1 */
    unsigned answered[CALLS];                  /* by each public call, in all lives */
    char what[96];
};

static void note_slot(void *user, struct image_disk *image, enum image_call call)
{
    struct life *life = user;

    if (image->call_count + 1 < LOG_OPERATIONS_MAX)
        life->slots[image->call_count + 1] = call;
}

static enum kaya_status hear(struct life *life, enum call call, enum kaya_status status)
{
    life->answered[call] |= 1U << status;
    cr_expect_neq((DOCUMENTED[call].met | DOCUMENTED[call].elsewhere) >> status & 1, 0, "%s: %s answers %s",
                  life->what, DOCUMENTED[call].name, kaya_status_name(status));
    return status;
}

/* Open, again where that failed: by now the disk is good. */
static void must_open(struct life *life)
{
    if (hear(life, OPEN, log_open(life->log)) != KAYA_OK) {
        cr_expect_null(life->log->writer, "%s", life->what);
        cr_expect(not(life->log->image.locked), "%s", life->what);
        cr_assert(eq(int, log_open(life->log), KAYA_OK), "%s: %s", life->what, life->log->report.damage_reason);
    }
}

/* What the log says of a call that did nothing is true: it can be done again. A handle that has ended is replaced. */
static bool goes_on(struct life *life, enum kaya_status status)
{
    if (status != KAYA_IO && status != KAYA_ENDED)
        return status != KAYA_OK;
    cr_expect_eq(hear(life, APPEND, log_append(life->log, 1, KAYA_RELAXED)), KAYA_ENDED, "%s", life->what);
    log_kill(life->log);
    must_open(life);
    return false;
}

static void work(struct life *life)
{
    static const uint32_t LENGTHS[] = { 100, 0, 300 };
    struct log_fixture *log = life->log;

    for (unsigned round = 0; round < 9; round++) {
        enum kaya_durability_mode mode = round % 2 ? KAYA_STRICT : KAYA_RELAXED;
        bool more;

        if (goes_on(life, hear(life, APPEND, log_append(log, 150 * (round + 1), mode))))
            (void)goes_on(life, hear(life, APPEND, log_append(log, 150 * (round + 1), mode)));
        (void)goes_on(life, hear(life, APPEND, log_append_batch(log, LENGTHS, 3, mode)));
        (void)goes_on(life, hear(life, APPEND, log_append(log, 10, KAYA_RELAXED)));
        if (round % 4 == 1)
            (void)goes_on(life, hear(life, MAKE_DURABLE, log_sync(log)));
        if (round % 4 == 3)
            (void)goes_on(life, hear(life, ROTATE, log_rotate(log)));
        if (round % 3 == 2)
            (void)goes_on(life, hear(life, TRIM, log_trim(log, log->durable_lsn)));
        (void)goes_on(life, hear(life, TEND, kaya_wal_writer_tend(log->writer, &more)));
    }
}

static bool pass_on(void *user, const struct kaya_wal_item *item)
{
    (void)user;
    (void)item;
    return true;
}

static void look_on(struct life *life)
{
    const struct kaya_wal_environment *environment = &life->log->environment;
    struct kaya_wal_inspection inspection;
    struct kaya_wal_salvage *salvage;
    struct kaya_wal_salvaged salvaged;
    struct kaya_wal_reader *reader;
    struct kaya_wal_record record;
    enum kaya_status status = hear(life, READER_OPEN, kaya_wal_reader_open(environment, NULL, &reader, NULL));

    while (status == KAYA_OK)
        status = hear(life, READER_NEXT, kaya_wal_reader_next(reader, &record));
    if (reader != NULL)
        cr_expect(eq(int, kaya_wal_reader_next(reader, &record), status), "%s: a reader that has ended",
                  life->what);
    kaya_wal_reader_close(reader);
    (void)hear(life, LOOK, kaya_wal_inspect_path(environment, NULL, pass_on, NULL, &inspection));
    (void)hear(life, LOOK, kaya_wal_verify(environment, NULL, &inspection));
    cr_expect(inspection.report.verdict != KAYA_VERDICT_DAMAGED, "%s: a healthy log is called damaged",
              life->what);
    status = hear(life, SALVAGE, kaya_wal_salvage_open(environment, NULL, &salvage, NULL));
    while (status == KAYA_OK)
        status = hear(life, SALVAGE, kaya_wal_salvage_next(salvage, &salvaged));
    kaya_wal_salvage_close(salvage);
}

static void cut(struct life *life)
{
    struct log_fixture *log = life->log;
    enum kaya_status status =
        kaya_wal_cut_back(&log->environment, &log->config, log->last_lsn - 1, &log->report);

    (void)hear(life, CUT_BACK, status);
    if (status == KAYA_OK)
        log->durable_lsn = log->last_lsn = log->last_lsn - 1;
    else
        log->durable_lsn = log->last_lsn - 1; /* either end */
}

static void live(struct life *life)
{
    struct log_fixture *log = life->log;

    must_open(life);
    work(life);
    look_on(life);
    (void)hear(life, STOP, log_close(log));
    must_open(life);
    (void)hear(life, APPEND, log_append(log, 20, KAYA_RELAXED));
    log_kill(log); /* there is something to carry */
    look_on(life);
    must_open(life);
    (void)goes_on(life, hear(life, APPEND, log_append(log, 30, KAYA_STRICT)));
    (void)goes_on(life, hear(life, APPEND, log_append(log, 40, KAYA_STRICT)));
    (void)hear(life, STOP, log_close(log));
    log_kill(log);
    cut(life);
}

static void judge(struct life *life)
{
    struct log_fixture *log = life->log;
    uint64_t durable = log->durable_lsn;
    struct log_look look;

    log_kill(log);
    cr_assert(eq(int, log_open(log), KAYA_OK), "%s: %s", life->what, log->report.damage_reason);
    cr_expect(ge(u64, log->last_lsn, durable), "%s: acknowledged records are gone", life->what);
    cr_expect(eq(int, log_append(log, 60, KAYA_STRICT), KAYA_OK), "%s", life->what);
    log_look(log, NULL, &look);
    cr_expect(eq(int, look.status, KAYA_OK), "%s", life->what);
    cr_expect(eq(str, look.trouble, ""), "%s", life->what);
    cr_expect(eq(u64, look.last_lsn, log->last_lsn), "%s", life->what);
    cr_expect(eq(int, log_close(log), KAYA_OK), "%s", life->what);
    cr_expect(eq(u64, kaya_sim_memory_in_use(log->memory), 0), "%s: memory", life->what);
}

/* A life with that answer to that call; how many calls it made. */
static uint64_t live_with(struct life *life, uint64_t call, enum kaya_status answer)
{
    uint64_t count;

    (void)snprintf(life->what, sizeof life->what, "call %ju answers %s", (uintmax_t)call,
                   kaya_status_name(answer));
    life->log = log_fixture_create(&LOG_DENSE, &SMALL);
    life->log->image.before_call = note_slot;
    life->log->image.user = life;
    life->log->image.fail_at = call;
    life->log->image.failure = answer;
    live(life);
    count = life->log->image.call_count;
    judge(life);
    log_fixture_destroy(life->log);
    return count;
}

Test(answers, of_every_slot_lead_to_those_that_the_headers_list)
{
    static struct life life;
    static enum image_call slots[LOG_OPERATIONS_MAX];
    uint64_t count = live_with(&life, 0, KAYA_OK);

    cr_assert(lt(u64, count, LOG_OPERATIONS_MAX));
    memcpy(slots, life.slots, sizeof slots);
    for (uint64_t call = 1; call <= count; call++)
        for (enum kaya_status answer = KAYA_INVALID; answer < KAYA_GONE; answer++)
            if ((SLOTS[slots[call]] >> answer & 1) != 0)
                (void)live_with(&life, call, answer);
    for (unsigned call = 0; call < CALLS; call++)
        for (enum kaya_status answer = KAYA_OK; answer < KAYA_GONE; answer++)
            if ((DOCUMENTED[call].met >> answer & 1) != 0)
                cr_expect_neq(life.answered[call] >> answer & 1, 0, "%s never answers %s",
                              DOCUMENTED[call].name, kaya_status_name(answer));
}
