/* Disks with one defect each, to prove that the conformance test bites. A broken disk passes every call on to a good one,
 * but for the slot that its defect is in. */
#ifndef KAYA_TESTS_BROKEN_DISK_H
#define KAYA_TESTS_BROKEN_DISK_H

#include "kaya/seam/disk.h"

/* X(defect, test that must report it) */
#define DEFECT_LIST(X)                                                                                       \
    X(OPEN_MAKES_WHAT_IS_MISSING, create_makes_a_new_empty_file)                                             \
    X(OPEN_GIVES_NO_FILE, what_is_closed_is_found_again)                                                     \
    X(OPEN_NAMES_NO_DISK, create_makes_a_new_empty_file)                                                     \
    X(CREATE_TAKES_WHAT_IS_THERE, create_makes_a_new_empty_file)                                             \
    X(CREATE_EMPTIES_WHAT_IS_THERE, create_makes_a_new_empty_file)                                           \
    X(CREATE_WITHOUT_WRITING, create_makes_a_new_empty_file)                                                 \
    X(CLOSE_KEEPS_THE_HANDLE, what_is_closed_is_found_again)                                                 \
    X(CLOSE_LOSES_WHAT_WAS_NOT_SYNCED, what_is_closed_is_found_again)                                        \
    X(SIZE_IN_WHOLE_SECTORS, truncate_cuts_and_grows_with_zeros)                                             \
    X(SIZE_IN_32_BITS, far_offsets_are_not_near_ones)                                                        \
    X(SIZE_IS_NOT_SET, create_makes_a_new_empty_file)                                                        \
    X(READ_SHORT_AND_SHIFTED, what_is_written_is_read)                                                       \
    X(READ_STOPS_BEFORE_THE_END, what_is_written_is_read)                                                    \
    X(READ_GIVES_ZEROS_BEHIND_THE_END, reading_ends_where_the_file_ends)                                     \
    X(READ_FAILS_AT_THE_END, reading_ends_where_the_file_ends)                                               \
    X(READ_COUNTS_TOO_MUCH, what_is_written_is_read)                                                         \
    X(READ_FORGETS_THE_SECOND_SPAN, spans_follow_each_other)                                                 \
    X(READ_NEVER_GETS_THROUGH, what_is_closed_is_found_again)                                                \
    X(PAST_CACHE_MISSES_WHAT_IS_DIRTY, reading_past_the_cache_sees_the_same)                                 \
    X(PAST_CACHE_DROPS_WHAT_IS_DIRTY, reading_past_the_cache_sees_the_same)                                  \
    X(WRITE_COUNTS_ONE_TOO_MANY, what_is_written_is_read)                                                    \
    X(WRITE_TAKES_NOTHING, what_is_closed_is_found_again)                                                    \
    X(WRITE_FORGETS_THE_SECOND_SPAN, spans_follow_each_other)                                                \
    X(WRITE_ALWAYS_APPENDS, growth_shows_zeros_between)                                                      \
    X(WRITE_AT_32_BITS, far_offsets_are_not_near_ones)                                                       \
    X(WRITE_IN_WHOLE_SECTORS, what_is_written_is_read)                                                       \
    X(WRITE_WAITS_FOR_SYNC, two_handles_see_one_file)                                                        \
    X(DURABLE_WRITE_IS_DROPPED, a_durable_write_is_a_write)                                                  \
    X(DURABLE_WRITE_GROWS, a_durable_write_is_a_write)                                                       \
    X(SYNC_IS_NOT_KNOWN, syncing_changes_nothing_that_is_seen)                                               \
    X(SYNC_CUTS_TO_SECTORS, syncing_changes_nothing_that_is_seen)                                            \
    X(SYNC_DIRECTORY_IS_NOT_KNOWN, syncing_changes_nothing_that_is_seen)                                     \
    X(SYNC_PARENT_IS_NOT_KNOWN, a_missing_directory_is_said_and_can_be_made)                                 \
    X(TRUNCATE_NEVER_GROWS, truncate_cuts_and_grows_with_zeros)                                              \
    X(TRUNCATE_NEVER_CUTS, truncate_cuts_and_grows_with_zeros)                                               \
    X(TRUNCATE_KEEPS_OLD_BYTES, truncate_cuts_and_grows_with_zeros)                                          \
    X(ALLOCATE_KEEPS_THE_SIZE, allocate_grows_and_keeps)                                                     \
    X(ALLOCATE_CUTS, allocate_grows_and_keeps)                                                               \
    X(ALLOCATE_SHOWS_GARBAGE, allocate_grows_and_keeps)                                                      \
    X(RENAME_DOES_NOT_REPLACE, rename_replaces)                                                              \
    X(RENAME_COPIES, rename_replaces)                                                                        \
    X(RENAME_OF_NOTHING_REMOVES_THE_TARGET, rename_replaces)                                                 \
    X(RENAME_TO_ITSELF_REMOVES, rename_replaces)                                                             \
    X(UNLINK_DOES_NOTHING, an_unlinked_file_lives_on_in_its_handle)                                          \
    X(UNLINK_OF_NOTHING_IS_OK, an_unlinked_file_lives_on_in_its_handle)                                      \
    X(UNLINK_EMPTIES_THE_FILE, an_unlinked_file_lives_on_in_its_handle)                                      \
    X(DIRECTORY_TWICE_IS_OK, a_missing_directory_is_said_and_can_be_made)                                    \
    X(DIRECTORY_IS_NOT_MADE, a_missing_directory_is_said_and_can_be_made)                                    \
    X(LIST_FORGETS_ONE, a_list_has_every_name_once)                                                          \
    X(LIST_SAYS_ONE_TWICE, a_list_has_every_name_once)                                                       \
    X(LIST_DOES_NOT_STOP, a_list_has_every_name_once)                                                        \
    X(LIST_SAYS_OTHER, a_list_has_every_name_once)                                                           \
    X(LIST_HAS_THE_DOTS, create_makes_a_new_empty_file)                                                      \
    X(LIST_OF_NO_DIRECTORY_IS_EMPTY, a_missing_directory_is_said_and_can_be_made)                            \
    X(LOCK_IS_FOR_EVERYONE, the_lock_is_for_one)                                                             \
    X(LOCK_STAYS, the_lock_is_for_one)                                                                       \
    X(LOCK_ENDS_WITH_A_CLOSE, the_lock_is_for_one)                                                           \
    X(PROBE_NEVER_SEES, the_lock_is_for_one)                                                                 \
    X(PROBE_TAKES, the_lock_is_for_one)                                                                      \
    X(PROBE_LETS_GO, the_lock_is_for_one)                                                                    \
    X(PROBE_MAKES_A_FILE, the_lock_is_for_one)                                                               \
    X(GEOMETRY_IS_ODD, geometry_is_valid)

enum defect {
#define DEFECT_ENUM(defect, test) DEFECT_##defect,
    DEFECT_LIST(DEFECT_ENUM)
#undef DEFECT_ENUM
        DEFECTS,
    DEFECT_NONE = DEFECTS
};

/* A disk over `good`, which it takes over. NULL: no memory. */
struct kaya_disk *kaya_tests_broken_disk(struct kaya_disk *good, enum defect defect);

/* The good disk again; the broken one is gone. */
struct kaya_disk *kaya_tests_broken_disk_end(struct kaya_disk *broken);

#endif
