/* Goal: every kind of subject is made, reset and let go alike, whatever stands behind its player. Method: each kind in turn; what it is and
 * what it reached is asked as the runner does. Leaks are AddressSanitizer's. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/player.h"
#include "kaya/scenarios/role.h"

Test(role, each_kind_is_another_and_begins_with_its_player)
{
    struct kaya_plan plan = { .segment_bytes = 4096, .block_bytes = 512 };
    struct kaya_subject *subjects[KAYA_SUBJECTS];

    for (int kind = 0; kind < KAYA_SUBJECTS; kind++) {
        struct kaya_player *player;

        cr_assert(eq(int, kaya_subject_create((enum kaya_subject_kind)kind, &plan, 7, &subjects[kind]), KAYA_OK));
        player = (struct kaya_player *)subjects[kind];
        cr_expect(eq(ptr, (void *)player->plan, &plan));
        cr_expect(eq(u64, player->seed, 7));
        cr_expect(eq(ptr, kaya_subject_watch(subjects[kind]), &player->watch));
        cr_expect(eq(ptr, (void *)subjects[kind]->operations,
                     (void *)&kaya_subject_role(subjects[kind])->operations));
        for (int other = 0; other < kind; other++)
            cr_expect(
                ne(str, (char *)subjects[kind]->operations->name, (char *)subjects[other]->operations->name));
    }
    for (int kind = 0; kind < KAYA_SUBJECTS; kind++)
        kaya_subject_destroy(subjects[kind]);
    kaya_subject_destroy(NULL);
}

Test(role, a_reset_begins_as_new_and_keeps_who_counts)
{
    struct kaya_plan plan = { .segment_bytes = 4096, .block_bytes = 512 };
    struct kaya_plan other_plan = { .segment_bytes = 8192, .block_bytes = 1024 };

    for (int kind = 0; kind < KAYA_SUBJECTS; kind++) {
        static struct kaya_coverage coverage;
        struct kaya_subject *subject;
        struct kaya_oracle_counts counts;
        uint64_t before[2], after[2];

        cr_assert(eq(int, kaya_subject_create((enum kaya_subject_kind)kind, &plan, 7, &subject), KAYA_OK));
        subject->operations->hash_model(subject, before);
        kaya_subject_watch(subject)->coverage = &coverage;
        kaya_subject_watch(subject)->marks = 1;
        ((struct kaya_player *)subject)->recoveries = 3;
        subject->operations->crash(subject, KAYA_CRASH_POWER_LOSS);
        cr_expect(eq(u64, kaya_subject_recoveries(subject), 3));
        kaya_subject_reset(subject, &other_plan, 8);
        cr_expect(eq(u64, kaya_subject_recoveries(subject), 0));
        cr_expect(eq(u64, kaya_subject_watch(subject)->marks, 0));
        cr_expect(eq(ptr, kaya_subject_watch(subject)->coverage, &coverage));
        counts = kaya_subject_counts(subject);
        cr_expect(all(eq(u64, counts.appended, 0), eq(u64, counts.recovered, 0)));
        subject->operations->hash_model(subject, after);
        cr_expect(not(memcmp(before, after, sizeof before) == 0), "another seed is another future");
        kaya_subject_reset(subject, &plan, 7);
        subject->operations->hash_model(subject, after);
        cr_expect(eq(int, memcmp(before, after, sizeof before), 0), "a reset is as new");
        kaya_subject_destroy(subject);
    }
}
