/* What media damage asks for.
 *
 * Goal: the judge that reads the disk's trace and the log that reads its own bytes agree about every place of a small log: where
 * refusal is required the log refuses, where it is forbidden it does not. Method: the standard small log is written, then
 * damaged in one place after another, judged, verified and put right again. The judge knows nothing of the format, so where
 * both are wrong in the same way it is by accident. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "kaya/inspect.h"
#include "kaya/scenarios/claims.h"
#include "kaya/scenarios/log_subject.h"
#include "kaya/scenarios/small_log.h"
#include "kaya/sim/boot.h"

enum { NAMES_MAX = 8 };

struct stand {
    struct kaya_choices *choices;
    struct kaya_trace *trace;
    struct kaya_sim_disk *disk;
    struct kaya_sim_memory *memory;
    struct kaya_sim_runtime *runtime;
    struct kaya_subject *subject;
    struct kaya_claims *claims;
    struct kaya_image now, truth;
    struct kaya_sim_machine machine;
    uint64_t last_lsn;
    struct kaya_violation violation;
    char names[NAMES_MAX][KAYA_NAME_BYTES_MAX + 1];
    size_t name_count;
};

static void boot(struct stand *stand)
{
    kaya_sim_memory_reset(stand->memory);
    kaya_sim_runtime_reset(stand->runtime, 1);
    stand->machine = (struct kaya_sim_machine){ .disk = kaya_sim_disk_boot(stand->disk),
                                                .runtime = kaya_sim_runtime_seam(stand->runtime),
                                                .allocator = kaya_sim_memory_allocator(stand->memory),
                                                .choices = stand->choices,
                                                .trace = stand->trace,
                                                .sim_disk = stand->disk };
}

static bool keep(void *user, const char *name, enum kaya_entry_kind kind)
{
    struct stand *stand = user;

    (void)kind;
    cr_assert(lt(sz, stand->name_count, NAMES_MAX));
    strcpy(stand->names[stand->name_count++], name);
    return true;
}

static struct kaya_wal_recovery_report ask_log(struct stand *stand)
{
    struct kaya_wal_environment environment = { stand->machine.disk, stand->machine.runtime,
                                                stand->machine.allocator };
    struct kaya_wal_inspection inspection;

    cr_assert(eq(int, kaya_wal_verify(&environment, NULL, &inspection), KAYA_OK));
    return inspection.report;
}

/* The whole small log, then a loss of power that loses nothing. */
static struct stand write_small_log(const char *name, bool close)
{
    const struct kaya_small_log *log = kaya_small_log_find(name);
    struct kaya_sim_disk_options options = { .profile = log->plan.profile,
                                             .families_set = true,
                                             .calls_per_boot_max = 100000000 };
    struct stand stand = { .choices = kaya_choices_from_seed(1) };
    bool done = false;

    stand.trace = kaya_trace_create(0);
    stand.memory = kaya_sim_memory_create();
    stand.runtime = kaya_sim_runtime_create(1);
    stand.claims = kaya_claims_create();
    options.choices = stand.choices;
    options.trace = stand.trace;
    cr_assert(eq(int, kaya_sim_disk_create(&options, &stand.disk), KAYA_OK));
    cr_assert(eq(int, kaya_small_log_subject((void *)log, &stand.subject), KAYA_OK));
    kaya_log_subject_tell(stand.subject, stand.claims);
    kaya_trace_listen(stand.trace, kaya_claims_hear, stand.claims);
    boot(&stand);
    cr_assert(eq(int, stand.subject->operations->recover(stand.subject, &stand.machine, &stand.violation),
                 KAYA_OK));
    while (!done)
        cr_assert(eq(int, stand.subject->operations->step(stand.subject, &stand.machine, &stand.violation, &done),
                     KAYA_OK));
    if (close)
        cr_assert(eq(int, stand.subject->operations->close(stand.subject, &stand.machine, &stand.violation),
                     KAYA_OK));
    cr_assert(eq(str, stand.violation.promise, ""), "%s", stand.violation.what);
    kaya_sim_disk_power_loss(stand.disk);
    stand.subject->operations->crash(stand.subject, KAYA_CRASH_POWER_LOSS);
    boot(&stand);
    kaya_sim_disk_names(stand.disk, keep, &stand);
    cr_assert(eq(int, kaya_image_read(&stand.truth, stand.disk), KAYA_OK));
    stand.last_lsn = ask_log(&stand).last_lsn;
    return stand;
}

static void release(struct stand *stand)
{
    stand->subject->operations->destroy(stand->subject);
    kaya_sim_disk_destroy(stand->disk);
    kaya_sim_runtime_destroy(stand->runtime);
    kaya_sim_memory_destroy(stand->memory);
    kaya_trace_destroy(stand->trace);
    kaya_image_release(&stand->now);
    kaya_image_release(&stand->truth);
    kaya_claims_destroy(stand->claims);
    kaya_choices_destroy(stand->choices);
}

struct damage {
    const char *file_name;
    uint64_t offset_bytes, length_bytes;
};

static void put(struct stand *stand, const struct damage *damage, const uint8_t *bytes)
{
    cr_assert(eq(
        int, kaya_sim_disk_poke(stand->disk, damage->file_name, damage->offset_bytes, bytes, damage->length_bytes),
        KAYA_OK));
    kaya_trace_add(stand->trace,
                   &(struct kaya_trace_event){ .kind = KAYA_TRACE_FAULT,
                                               .text = kaya_fault_name(KAYA_FAULT_BIT_FLIP),
                                               .a = kaya_sim_disk_inode(stand->disk, damage->file_name),
                                               .b = damage->offset_bytes,
                                               .c = damage->length_bytes });
}

static struct kaya_outlook judge(struct stand *stand)
{
    struct kaya_outlook outlook;

    cr_assert(eq(int, kaya_image_read(&stand->now, stand->disk), KAYA_OK));
    cr_assert(eq(int,
                 kaya_claims_judge(stand->claims, &stand->now, &stand->truth,
                                   kaya_log_subject_first_lsn(stand->subject),
                                   kaya_log_subject_first_lsn(stand->subject), &outlook),
                 KAYA_OK));
    return outlook;
}

static bool names_it(const struct kaya_outlook *outlook, const struct kaya_wal_recovery_report *report)
{
    for (size_t i = 0; i < outlook->place_count; i++) {
        const struct kaya_damaged_place *place = &outlook->places[i];
        if (strtoull(place->file_name, NULL, 16) == report->damage_segment &&
            (place->begins_segment ||
             (report->damage_offset >= place->write_offset && report->damage_offset < place->write_end)))
            return true;
    }
    return false;
}

/* Damage, ask both, put right. */
static enum kaya_refusal compare(struct stand *stand, const struct damage *damage, const uint8_t *bytes,
                                 const uint8_t *before)
{
    struct kaya_wal_recovery_report report;
    struct kaya_outlook outlook;
    bool refused;

    put(stand, damage, bytes);
    outlook = judge(stand);
    report = ask_log(stand);
    refused = report.verdict == KAYA_VERDICT_DAMAGED;
    cr_expect(not(outlook.refusal == KAYA_REFUSAL_REQUIRED && !refused), "%s at %u: refusal is required",
              damage->file_name, (unsigned)damage->offset_bytes);
    cr_expect(not(outlook.refusal == KAYA_REFUSAL_FORBIDDEN && refused), "%s at %u: refusal is forbidden",
              damage->file_name, (unsigned)damage->offset_bytes);
    if (refused && !outlook.is_mark_damaged)
        cr_expect(names_it(&outlook, &report), "%s at %u: segment %u at %u is named", damage->file_name,
                  (unsigned)damage->offset_bytes, (unsigned)report.damage_segment,
                  (unsigned)report.damage_offset);
    if (!refused) {
        cr_expect(ge(u64, report.mended_count, outlook.mended_min), "%s at %u", damage->file_name,
                  (unsigned)damage->offset_bytes);
        cr_expect(le(u64, report.mended_count, outlook.mended_max), "%s at %u", damage->file_name,
                  (unsigned)damage->offset_bytes);
        cr_expect(
            ge(u64, report.last_lsn, outlook.kept_lsn < stand->last_lsn ? outlook.kept_lsn : stand->last_lsn),
            "%s at %u: records are lost", damage->file_name, (unsigned)damage->offset_bytes);
    }
    put(stand, damage, before);
    return outlook.refusal;
}

/* What to make of the bytes. */
enum kind { GARBLED, ONE_BIT, ZEROED };

static void try_every_place(struct stand *stand, enum kind kind, uint64_t step, uint64_t length,
                            unsigned counts[3])
{
    for (size_t i = 0; i < stand->name_count; i++) {
        uint64_t size;
        cr_assert(eq(int, kaya_sim_disk_file_size(stand->disk, stand->names[i], &size), KAYA_OK));
        for (uint64_t offset = 0; offset + length <= size; offset += step) {
            struct damage damage = { stand->names[i], offset, length };
            uint8_t before[512];
            uint8_t after[512];
            size_t done;

            cr_assert(eq(int, kaya_sim_disk_peek(stand->disk, damage.file_name, offset, before, length, &done),
                         KAYA_OK));
            memset(after, 0, sizeof after);
            if (kind != ZEROED)
                after[0] = before[0] ^ (kind == GARBLED ? 0xff : 1 << offset % 8);
            counts[compare(stand, &damage, after, before)]++;
        }
    }
}

Test(claims, the_log_refuses_where_it_must_and_nowhere_where_it_must_not)
{
    for (int close = 0; close <= 1; close++) {
        struct stand stand = write_small_log("small", close);
        unsigned counts[3] = { 0, 0, 0 };

        try_every_place(&stand, GARBLED, 1, 1, counts);
        cr_expect(lt(u32, 500, counts[KAYA_REFUSAL_REQUIRED]), "required at %u places",
                  counts[KAYA_REFUSAL_REQUIRED]);
        cr_expect(lt(u32, 5000, counts[KAYA_REFUSAL_FORBIDDEN]), "forbidden at %u places",
                  counts[KAYA_REFUSAL_FORBIDDEN]);
        cr_expect(lt(u32, counts[KAYA_REFUSAL_ALLOWED], 1500), "allowed at %u places",
                  counts[KAYA_REFUSAL_ALLOWED]);
        release(&stand);
    }
}

Test(claims, a_zeroed_sector_under_a_claim_is_refused)
{
    struct stand stand = write_small_log("small", true);
    unsigned counts[3] = { 0, 0, 0 };

    try_every_place(&stand, ZEROED, 512, 512, counts);
    cr_expect(lt(u32, 0, counts[KAYA_REFUSAL_REQUIRED]));
    release(&stand);
}

Test(claims, one_flipped_bit_is_never_refused_and_called_mended_where_it_is)
{
    struct stand stand = write_small_log("small", true);
    unsigned counts[3] = { 0, 0, 0 };

    try_every_place(&stand, ONE_BIT, 1, 1, counts);
    cr_expect(eq(u32, counts[KAYA_REFUSAL_REQUIRED] + counts[KAYA_REFUSAL_ALLOWED], 0));
    release(&stand);
}

/* --- by hand: two files, 4 KiB each, of an image that the test makes up ------------------------------------------------ */

enum { FILE_BYTES = 4096, PIECES = FILE_BYTES / KAYA_IMAGE_PIECE_BYTES };

struct made_up {
    struct kaya_claims *claims;
    uint8_t now[2][FILE_BYTES], truth[2][FILE_BYTES];
    bool unreadable[PIECES];
    uint64_t events;
    struct kaya_outlook outlook;
};

static struct made_up make_up(void)
{
    return (struct made_up){ .claims = kaya_claims_create() };
}

static void write_at(struct made_up *made_up, uint64_t inode, uint64_t offset, const void *bytes, size_t length)
{
    struct kaya_trace_event event = { .index = ++made_up->events,
                                      .kind = KAYA_TRACE_WRITE,
                                      .a = inode,
                                      .b = offset,
                                      .content = bytes,
                                      .content_length = length };

    memcpy(made_up->now[inode] + offset, bytes, length);
    memcpy(made_up->truth[inode] + offset, bytes, length);
    kaya_claims_hear(made_up->claims, &event);
}

/* Frames are whatever bytes; different ones each time. */
static void write_frames(struct made_up *made_up, uint64_t inode, uint64_t offset, size_t length)
{
    uint8_t bytes[FILE_BYTES];

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(1 + (i * 7 + made_up->events) % 251);
    write_at(made_up, inode, offset, bytes, length);
}

static void write_header(struct made_up *made_up, uint64_t inode)
{
    uint8_t bytes[96] = "kaya-wal";

    write_at(made_up, inode, 0, bytes, sizeof bytes);
    write_at(made_up, inode, 2048, bytes, sizeof bytes);
}

static void spoil(struct made_up *made_up, uint64_t inode, uint64_t offset, size_t length, bool shows)
{
    struct kaya_trace_event event = {
        .index = ++made_up->events, .kind = KAYA_TRACE_FAULT, .text = "bit_flip", .a = inode, .b = offset, .c = length
    };

    for (size_t i = 0; i < length; i++)
        made_up->now[inode][offset + i] ^= 0x10;
    if (shows)
        kaya_claims_hear(made_up->claims, &event);
}

static const struct kaya_outlook *judge_made_up(struct made_up *made_up, uint64_t low_lsn)
{
    struct kaya_image_file now[2], truth[2];
    struct kaya_image images[2] = { { .files = now, .file_count = 2 }, { .files = truth, .file_count = 2 } };

    for (uint64_t i = 0; i < 2; i++) {
        now[i] = (struct kaya_image_file){ .name = "0000000000000001.wal",
                                           .inode = i,
                                           .size_bytes = FILE_BYTES,
                                           .bytes = made_up->now[i],
                                           .unreadable = made_up->unreadable };
        now[i].name[15] = (char)('1' + i);
        truth[i] = now[i];
        truth[i].bytes = made_up->truth[i];
    }
    cr_assert(
        eq(int, kaya_claims_judge(made_up->claims, &images[0], &images[1], low_lsn, low_lsn, &made_up->outlook),
           KAYA_OK));
    return &made_up->outlook;
}

/* Record 1 behind a link, and record 2, before which 1 was durable. */
static struct made_up make_up_two_records(void)
{
    struct made_up made_up = make_up();

    kaya_claims_begin(made_up.claims, 0, 1, 1, false);
    write_header(&made_up, 0);
    write_frames(&made_up, 0, 512, 1024);
    kaya_claims_begin(made_up.claims, 1, 2, 2, false);
    write_frames(&made_up, 0, 1536, 200);
    return made_up;
}

Test(claims, damage_that_the_cache_hides_is_not_asked_for_because_other_damage_shows)
{
    for (int shows = 0; shows < 2; shows++) {
        struct made_up made_up = make_up_two_records();

        spoil(&made_up, 0, 1024, 200, shows);
        spoil(&made_up, 0, 700, 1, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     shows ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED));
        cr_expect(eq(u64, made_up.outlook.mended_max, 1));
        kaya_claims_destroy(made_up.claims);
    }
}

/* Record 2 was claimed by a CLOSE, and a recovery left it in place. Then CLOSE is lost, and the next recovery copies the record; the old place is hit. */
Test(claims, what_was_settled_is_so_only_while_its_claims_stand)
{
    for (int lost = 0; lost < 2; lost++) {
        struct made_up made_up = make_up_two_records();

        kaya_claims_begin(made_up.claims, 2, 0, 0, false);
        write_frames(&made_up, 0, 1736, 28);
        judge_made_up(&made_up, 1);
        kaya_claims_begin(made_up.claims, 2, 0, 0, true);
        kaya_claims_recovered(made_up.claims, 2);
        if (lost)
            spoil(&made_up, 0, 1736, 28, true);
        judge_made_up(&made_up, 1);
        kaya_claims_begin(made_up.claims, 2, 0, 0, true);
        write_header(&made_up, 1);
        write_frames(&made_up, 1, 512, 300);
        kaya_claims_recovered(made_up.claims, 2);
        kaya_claims_begin(made_up.claims, 2, 3, 3, false);
        write_frames(&made_up, 1, 812, 100);
        spoil(&made_up, 0, 1536, 200, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     lost ? KAYA_REFUSAL_ALLOWED : KAYA_REFUSAL_REQUIRED));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, they_reach_as_far_as_the_last_one_that_stands_says)
{
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        struct made_up made_up = make_up_two_records();

        kaya_claims_begin(made_up.claims, 2, 3, 3, false);
        write_frames(&made_up, 0, 1736, 200);
        if (spoilt)
            spoil(&made_up, 0, 1800, 20, true);
        cr_expect(eq(u64, judge_made_up(&made_up, 1)->claimed_lsn, spoilt ? 1 : 2));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, bytes_that_cannot_be_read_are_asked_for_where_they_show)
{
    for (int shows = 0; shows < 2; shows++) {
        struct made_up made_up = make_up_two_records();

        made_up.unreadable[2] = true; /* from 1024 on */
        spoil(&made_up, 0, shows ? 1024 : 700, 1, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     shows ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, the_link_that_a_recovery_wrote_over_an_older_one_is_the_link)
{
    struct made_up made_up = make_up_two_records();

    kaya_claims_begin(made_up.claims, 1, 0, 0, true);
    write_frames(&made_up, 0, 512, 1024);
    spoil(&made_up, 0, 520, 20, true);
    judge_made_up(&made_up, 1);
    cr_assert(eq(sz, made_up.outlook.place_count, 1));
    cr_expect(made_up.outlook.places[0].begins_segment);
    kaya_claims_destroy(made_up.claims);
}

Test(claims, a_mark_that_an_append_leaves_in_a_segment_without_live_records_need_not_be_read)
{
    for (uint64_t low_lsn = 1; low_lsn <= 2; low_lsn++) {
        struct made_up made_up = make_up();

        kaya_claims_begin(made_up.claims, 0, 1, 1, false);
        write_header(&made_up, 0);
        write_header(&made_up, 1);
        write_frames(&made_up, 0, 512, 400);
        kaya_claims_begin(made_up.claims, 1, 2, 2,
                          false); /* rotates: a mark behind record 1, record 2 in the other file */
        write_frames(&made_up, 0, 912, 28);
        write_frames(&made_up, 1, 512, 400);
        kaya_claims_begin(made_up.claims, 2, 3, 3, false);
        write_frames(&made_up, 1, 912, 400);
        spoil(&made_up, 0, 920, 1, true);
        judge_made_up(&made_up, low_lsn);
        cr_expect(eq(u64, made_up.outlook.mended_min, low_lsn == 1));
        cr_expect(eq(u64, made_up.outlook.mended_max, 1));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, a_mark_outlives_the_record_behind_it_that_a_recovery_gave_up)
{
    for (int marked = 0; marked < 2; marked++) {
        struct made_up made_up = make_up_two_records();

        kaya_claims_begin(made_up.claims, 2, 3, 3, false);
        write_frames(&made_up, 0, 1736, 28);
        if (marked)
            write_frames(&made_up, 0, 1764, 100);
        kaya_claims_begin(made_up.claims, 2, 0, 0, true);
        write_header(&made_up, 1);
        write_frames(&made_up, 1, 512, 400);
        judge_made_up(&made_up, 1);
        kaya_claims_recovered(made_up.claims, 2);
        spoil(&made_up, 0, 1740, 20, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     marked ? KAYA_REFUSAL_ALLOWED : KAYA_REFUSAL_FORBIDDEN));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, padding_that_is_hit_may_be_what_nobody_reads)
{
    for (int padding = 0; padding < 2; padding++) {
        struct made_up made_up = make_up();
        uint8_t bytes[1024];

        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)(1 + i % 251);
        memset(bytes + 512, 0, 512);
        memcpy(bytes + 512, "\1\2\3\4\5\6\7\10\11\12\13\14\x64\0\5\0\0\1\0\0", 20); /* at 1024 = 4 * 0x100 */
        bytes[512 + 14] = padding ? 5 : 1;
        kaya_claims_begin(made_up.claims, 0, 1, 1, false);
        write_header(&made_up, 0);
        write_at(&made_up, 0, 512, bytes, sizeof bytes);
        kaya_claims_begin(made_up.claims, 1, 2, 2, false);
        write_frames(&made_up, 0, 1536, 200);
        spoil(&made_up, 0, 1024, 25, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     padding ? KAYA_REFUSAL_ALLOWED : KAYA_REFUSAL_REQUIRED));
        spoil(&made_up, 0, 1000, 1, true); /* and a byte in front of it */
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal, KAYA_REFUSAL_REQUIRED));
        kaya_claims_destroy(made_up.claims);
    }
}

Test(claims, copies_of_which_some_were_cut_back_are_asked_for_no_more)
{
    for (uint64_t last_lsn = 1; last_lsn <= 2; last_lsn++) {
        struct made_up made_up = make_up_two_records();

        kaya_claims_begin(made_up.claims, 1, 0, 0, true);
        write_header(&made_up, 1);
        write_frames(&made_up, 1, 512, 900);
        kaya_claims_recovered(made_up.claims, 2);
        kaya_claims_begin(made_up.claims, 2, 0, 0, false);
        write_frames(&made_up, 1, 1412, 28);
        judge_made_up(&made_up, 1);
        kaya_claims_recovered(made_up.claims, last_lsn);
        spoil(&made_up, 1, 900, 300, true);
        cr_expect(eq(int, judge_made_up(&made_up, 1)->refusal,
                     last_lsn == 2 ? KAYA_REFUSAL_REQUIRED : KAYA_REFUSAL_ALLOWED));
        kaya_claims_destroy(made_up.claims);
    }
}

/* A CLOSE and the padding behind it are one write. Where one bit of the one flips and a sector of the other is gone, the CLOSE may be mended; not
 * where it is gone as well, or cannot be read. */
Test(claims, a_bit_may_be_mended_beside_a_sector_that_is_lost)
{
    for (unsigned gone = 0; gone < 3; gone++) {
        struct made_up made_up = make_up_two_records();

        kaya_claims_begin(made_up.claims, 2, 0, 0, false);
        write_frames(&made_up, 0, 2048, 1024);
        spoil(&made_up, 0, 2060, gone == 1 ? 100 : 1, true);
        spoil(&made_up, 0, 2600, 300, true);
        made_up.unreadable[4] = gone == 2; /* from 2048 on */
        cr_expect(eq(u64, judge_made_up(&made_up, 1)->mended_max, gone == 0));
        kaya_claims_destroy(made_up.claims);
    }
}

/* The rotation's write, link and record, lost its second sector with the power; what is left is hit by bits that flip, or torn with as many that differ. */
Test(claims, a_link_is_mended_or_lost_whatever_became_of_the_write_that_it_came_with)
{
    for (size_t bits = 0; bits <= 2; bits++) {
        for (int torn = 0; torn < 2; torn++) {
            struct made_up made_up = make_up_two_records();

            write_header(&made_up, 1);
            kaya_claims_begin(made_up.claims, 2, 3, 3, false);
            write_frames(&made_up, 1, 512, 1024);
            memset(made_up.now[1] + 1024, 0, 512);
            memset(made_up.truth[1] + 1024, 0, 512);
            spoil(&made_up, 1, 540, bits, true);
            if (torn)
                memcpy(made_up.truth[1] + 512, made_up.now[1] + 512, 512);
            judge_made_up(&made_up, 1);
            cr_expect(eq(u64, made_up.outlook.mended_min, 0));
            cr_expect(eq(u64, made_up.outlook.mended_max,
                         bits == 2 && torn ? 0 : 1 /* of the record */ + (bits == 1)));
            cr_expect(eq(int, made_up.outlook.refusal,
                         bits == 2 && !torn ? KAYA_REFUSAL_ALLOWED : KAYA_REFUSAL_FORBIDDEN));
            cr_expect(eq(int, made_up.outlook.is_mark_damaged, bits == 2 && !torn));
            kaya_claims_destroy(made_up.claims);
        }
    }
}
