/* Without a budget: damage may take anything and bring anything back (P1 and P12 alone). */
#ifndef KAYA_SCENARIOS_ORACLE_UNRESTRICTED_H
#define KAYA_SCENARIOS_ORACLE_UNRESTRICTED_H

#include "state.h"

/* Records that are about to be appended, under the numbers that they should have. KAYA_NO_MEMORY. */
enum kaya_status kaya_oracle_remember(struct kaya_oracle *oracle, const struct kaya_content *contents,
                                      size_t count_of_records);
/* They were appended, and the log counts on from whatever it found. */
void kaya_oracle_number_as_it_says(struct kaya_oracle *oracle, uint64_t first_lsn);
/* Whatever was found is the log now. */
void kaya_oracle_adopt_unrestricted(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report);
/* The record must have been appended under its number at some time. */
void kaya_oracle_read_unrestricted(struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                                   struct kaya_violation *violation);

#endif
