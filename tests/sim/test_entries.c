/* Goal: lists of names that are shared are never changed under who shares them, and are told apart by what is in them. Method: lists of up to
 * MANY names, changed in a random order beside a plain table that is changed likewise; copies made on the way must stay what they were. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "kaya/sim/choices.h"

#include "entries.h"

enum { MANY = 60, ROUNDS = 2000, COPIES = 8, NONE = KAYA_NO_FILE };

/* Of each name its file. */
struct table {
    uint32_t files[MANY];
};

/* Of any length, and with endings that others have as well. */
static const char *text_of(unsigned name)
{
    static const char *const endings[] = { "", "-of-a-file", "-and-another" };
    static char text[32];

    snprintf(text, sizeof text, "%02u%s", name, endings[name % 3]);
    return text;
}

static void expect_same(const struct kaya_entries *entries, const struct table *table)
{
    uint32_t count = 0;

    for (unsigned name = 0; name < MANY; name++) {
        uint32_t position = kaya_entries_find(entries, text_of(name));
        bool is_there = position < kaya_entries_count(entries);

        cr_assert(eq(int, is_there, table->files[name] != NONE));
        if (!is_there)
            continue;
        cr_assert(eq(u32, entries->entries[position].file, table->files[name]));
        cr_assert(eq(u32, position, count)); /* in their order */
        cr_assert(kaya_entries_refer(entries, table->files[name]));
        count++;
    }
    cr_assert(eq(u32, kaya_entries_count(entries), count));
}

static void set(struct kaya_pool *pool, struct kaya_entries **entries, struct table *table, unsigned name,
                uint32_t file)
{
    struct kaya_name *made = kaya_pool_name(pool, text_of(name));

    kaya_entries_set(pool, entries, made, file);
    kaya_pool_name_release(pool, made);
    table->files[name] = file;
}

static void rename_at(struct kaya_pool *pool, struct kaya_entries **entries, struct table *table,
                      uint32_t position, unsigned name)
{
    struct kaya_name *made = kaya_pool_name(pool, text_of(name));
    uint32_t file = (*entries)->entries[position].file;

    kaya_entries_rename_at(pool, entries, position, made);
    kaya_pool_name_release(pool, made);
    for (unsigned other = 0; other < MANY; other++)
        if (table->files[other] == file)
            table->files[other] = NONE;
    table->files[name] = file;
}

static void erase(struct kaya_pool *pool, struct kaya_entries **entries, struct table *table, uint32_t file)
{
    kaya_entries_remove_file(pool, entries, file);
    for (unsigned name = 0; name < MANY; name++)
        if (table->files[name] == file)
            table->files[name] = NONE;
}

Test(entries, copies_stay_what_they_were)
{
    struct kaya_choices *choices = kaya_choices_from_seed(1);
    struct kaya_pool *pool = kaya_pool_create(512);
    struct kaya_entries *entries = NULL, *copies[COPIES] = { NULL };
    struct table table, copied[COPIES];

    memset(&table, 0xff, sizeof table);
    memset(copied, 0xff, sizeof copied);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned name = (unsigned)kaya_choose(choices, KAYA_STREAM_WORKLOAD, MANY, "name");
        unsigned copy = (unsigned)kaya_choose(choices, KAYA_STREAM_WORKLOAD, COPIES, "copy");

        erase(pool, &entries, &table, name);
        if (kaya_chance(choices, KAYA_STREAM_WORKLOAD, 3, 4, "set"))
            set(pool, &entries, &table, (name * 7 + round) % MANY, name);
        expect_same(entries, &table);
        if (kaya_entries_count(entries) > 0)
            rename_at(pool, &entries, &table, round % kaya_entries_count(entries),
                      (unsigned)kaya_choose(choices, KAYA_STREAM_WORKLOAD, MANY, "to"));
        expect_same(entries, &table);
        if (round % 3 == 0) {
            kaya_entries_release(pool, copies[copy]);
            copies[copy] = kaya_entries_retain(entries);
            copied[copy] = table;
        }
        expect_same(copies[copy], &copied[copy]);
    }
    for (unsigned copy = 0; copy < COPIES; copy++)
        kaya_entries_release(pool, copies[copy]);
    kaya_entries_release(pool, entries);
    kaya_pool_release(pool);
    kaya_choices_destroy(choices);
}

Test(entries, are_told_apart_by_names_and_files)
{
    struct kaya_pool *pool = kaya_pool_create(512);
    struct kaya_entries *one = NULL, *other = NULL;
    struct table ignored;

    memset(&ignored, 0xff, sizeof ignored);
    cr_expect(kaya_entries_are_equal(one, other));
    for (unsigned name = 0; name < MANY; name++) {
        set(pool, &one, &ignored, name, name);
        cr_expect(not(kaya_entries_are_equal(one, other)), "%u names and one less", name + 1);
        set(pool, &other, &ignored, name, name);
        cr_expect(kaya_entries_are_equal(one, other), "%u names", name + 1);
    }
    kaya_entries_remove_file(pool, &other, 5);
    set(pool, &other, &ignored, 5, MANY);
    cr_expect(not(kaya_entries_are_equal(one, other)), "another file of that name");
    kaya_entries_remove_file(pool, &other, MANY);
    cr_expect(not(kaya_entries_are_equal(one, other)), "no such name");
    set(pool, &other, &ignored, 5, 5);
    cr_expect(kaya_entries_are_equal(one, other), "another way to the same");
    kaya_entries_release(pool, one);
    kaya_entries_release(pool, other);
    kaya_pool_release(pool);
}
