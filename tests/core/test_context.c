/* Goal: every public value has a stable name of its own, and values that are none have "?". Method: the names written down
 * here as users write them into scripts; lists that grow are only asked for names that differ. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "kaya/inspect.h"
#include "kaya/wal.h"

#define NO_SUCH_VALUE(type) ((enum type)250)

static bool is_a_word(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_ ")] == '\0';
}

Test(context, verdicts_record_types_and_roles_have_the_names_that_scripts_know)
{
    cr_expect_str_eq(kaya_wal_verdict_name(KAYA_VERDICT_EMPTY), "empty");
    cr_expect_str_eq(kaya_wal_verdict_name(KAYA_VERDICT_CLEAN), "clean");
    cr_expect_str_eq(kaya_wal_verdict_name(KAYA_VERDICT_TORN), "torn");
    cr_expect_str_eq(kaya_wal_verdict_name(KAYA_VERDICT_DAMAGED), "damaged");
    cr_expect_str_eq(kaya_wal_verdict_name(NO_SUCH_VALUE(kaya_wal_verdict)), "?");
    cr_expect_str_eq(kaya_wal_record_type_name(KAYA_RECORD_PUT), "put");
    cr_expect_str_eq(kaya_wal_record_type_name(KAYA_RECORD_DELETE), "delete");
    cr_expect_str_eq(kaya_wal_record_type_name(KAYA_RECORD_NOOP), "noop");
    cr_expect_str_eq(kaya_wal_record_type_name(KAYA_RECORD_OPAQUE), "opaque");
    cr_expect_str_eq(kaya_wal_record_type_name(NO_SUCH_VALUE(kaya_wal_record_type)), "?");
    cr_expect_str_eq(kaya_wal_segment_role_name(KAYA_ROLE_IN_USE), "in use");
    cr_expect_str_eq(kaya_wal_segment_role_name(KAYA_ROLE_SPARE), "spare");
    cr_expect_str_eq(kaya_wal_segment_role_name(KAYA_ROLE_LEFTOVER), "leftover");
    cr_expect_str_eq(kaya_wal_segment_role_name(NO_SUCH_VALUE(kaya_wal_segment_role)), "?");
}

Test(context, every_event_has_a_name_of_its_own)
{
    for (enum kaya_event_kind i = 0; i < KAYA_EVENT_KINDS; i++) {
        cr_expect(is_a_word(kaya_event_name(i)), "event %u: %s", i, kaya_event_name(i));
        for (enum kaya_event_kind j = 0; j < i; j++)
            cr_expect_str_neq(kaya_event_name(i), kaya_event_name(j));
    }
    cr_expect_str_eq(kaya_event_name(KAYA_EVENT_TORN_TAIL), "torn_tail");
    cr_expect_str_eq(kaya_event_name(KAYA_EVENT_KINDS), "?");
    cr_expect_str_eq(kaya_event_name(NO_SUCH_VALUE(kaya_event_kind)), "?");
}

Test(context, every_item_has_a_name_of_its_own)
{
    for (enum kaya_wal_item_kind i = 0; i < KAYA_ITEM_KINDS; i++) {
        cr_expect(is_a_word(kaya_wal_item_name(i)), "item %u: %s", i, kaya_wal_item_name(i));
        for (enum kaya_wal_item_kind j = 0; j < i; j++)
            cr_expect_str_neq(kaya_wal_item_name(i), kaya_wal_item_name(j));
    }
    cr_expect_str_eq(kaya_wal_item_name(KAYA_ITEM_HEADER), "header");
    cr_expect_str_eq(kaya_wal_item_name(KAYA_ITEM_KINDS), "?");
    cr_expect_str_eq(kaya_wal_item_name(NO_SUCH_VALUE(kaya_wal_item_kind)), "?");
}
