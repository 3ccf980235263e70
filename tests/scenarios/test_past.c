/* Goal: whatever was given up, and in whatever order, each record of each older end is found as it was. Method: random appends and
 * cuts; beside the module under test every end is kept as a whole copy of the log. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "kaya/scenarios/past.h"

enum { LSN_MAX = 40, ENDS = 24, ROUNDS = 300 };

struct whole_log {
    uint64_t keys[LSN_MAX + 1]; /* by LSN */
    uint64_t last_lsn;
};

static uint64_t draw(uint64_t *state, uint64_t count)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (*state >> 33) % count;
}

static void give_up(struct kaya_past *past, const struct whole_log *log, uint64_t last_lsn)
{
    uint64_t count = log->last_lsn - last_lsn;
    struct kaya_fact *facts;

    cr_assert(eq(int, kaya_past_reserve(past, count), KAYA_OK));
    facts = kaya_past_push(past, last_lsn + 1, log->last_lsn);
    cr_assert(facts != NULL);
    for (uint64_t i = 0; i < count; i++)
        facts[i] = (struct kaya_fact){ .key = log->keys[last_lsn + 1 + i] };
}

static uint64_t key_in(const struct kaya_past *past, size_t end, const struct whole_log *present, uint64_t lsn)
{
    const struct kaya_fact *fact = kaya_past_find(past, end, lsn);

    return fact != NULL ? fact->key : present->keys[lsn];
}

Test(past, each_older_end_is_found_whole)
{
    struct kaya_past past = { .ends = NULL };

    for (uint64_t round = 1; round <= ROUNDS; round++) {
        struct whole_log present = { .last_lsn = 0 }, ends[ENDS];
        uint64_t state = round, key = 0, highest = 0;

        kaya_past_clear(&past);
        cr_expect(eq(u64, kaya_past_last_lsn(&past), 0));
        for (size_t i = 0; i < ENDS; i++) {
            uint64_t last_lsn;
            for (uint64_t wanted = 1 + draw(&state, 6); wanted > 0 && present.last_lsn < LSN_MAX; wanted--)
                present.keys[++present.last_lsn] = ++key;
            last_lsn = draw(&state, present.last_lsn);
            ends[i] = present;
            highest = present.last_lsn > highest ? present.last_lsn : highest;
            give_up(&past, &present, last_lsn);
            present.last_lsn = last_lsn;
        }
        cr_expect(eq(u64, kaya_past_last_lsn(&past), highest));
        for (size_t i = 0; i < ENDS; i++) {
            uint64_t first_lsn = kaya_past_first_lsn(&past, i);
            for (uint64_t lsn = 1; lsn <= ends[i].last_lsn; lsn++) {
                cr_expect(eq(u64, key_in(&past, i, &present, lsn), ends[i].keys[lsn]), "round %u, end %u",
                          (unsigned)round, (unsigned)i);
                if (lsn < first_lsn)
                    cr_expect(eq(u64, ends[i].keys[lsn], present.keys[lsn]));
            }
        }
    }
    kaya_past_release(&past);
}

Test(past, what_there_is_no_room_for_is_forgotten)
{
    struct kaya_past past = { .ends = NULL };

    cr_expect(kaya_past_push(&past, 1, 3) == NULL);
    cr_assert(eq(int, kaya_past_reserve(&past, 3), KAYA_OK));
    cr_expect(kaya_past_push(&past, 1, past.fact_capacity + 1) == NULL);
    cr_expect(kaya_past_push(&past, 1, 3) != NULL);
    cr_expect(eq(u64, kaya_past_last_lsn(&past), 3));
    kaya_past_release(&past);
}
