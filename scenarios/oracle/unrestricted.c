/* Without a budget: damage may take anything and bring anything back. All that was ever appended is remembered, and what is read must be
 * of it (P1). */
#include "unrestricted.h"

#include <inttypes.h>
#include <stdlib.h>

enum { CAPACITY_MIN = 256 };

void kaya_oracle_unrestrict(struct kaya_oracle *oracle)
{
    oracle->is_unrestricted = true;
}

bool kaya_oracle_is_unrestricted(const struct kaya_oracle *oracle)
{
    return oracle->is_unrestricted;
}

enum kaya_status kaya_oracle_remember(struct kaya_oracle *oracle, const struct kaya_content *contents,
                                      size_t count_of_records)
{
    size_t capacity = oracle->memory_capacity == 0 ? CAPACITY_MIN : oracle->memory_capacity;
    struct memory *memories = oracle->memories;

    while (capacity < oracle->memory_count + count_of_records)
        capacity *= 2;
    if (capacity > oracle->memory_capacity) {
        memories = realloc(oracle->memories, capacity * sizeof *memories);
        if (memories == NULL)
            return KAYA_NO_MEMORY;
        oracle->memories = memories;
        oracle->memory_capacity = capacity;
    }
    for (size_t i = 0; i < count_of_records; i++)
        memories[oracle->memory_count++] =
            (struct memory){ .lsn = ++oracle->last_lsn,
                             .fact = { .key = contents[i].key,
                                       .length = contents[i].length,
                                       .type = contents[i].type,
                                       .flags = contents[i].is_hash ? FACT_HASH : 0 } };
    oracle->pending_count = count_of_records;
    oracle->counts.appended += count_of_records;
    return KAYA_OK;
}

void kaya_oracle_number_as_it_says(struct kaya_oracle *oracle, uint64_t first_lsn)
{
    for (uint64_t i = 0; i < oracle->pending_count; i++)
        oracle->memories[oracle->memory_count - oracle->pending_count + i].lsn = first_lsn + i;
    oracle->last_lsn = first_lsn + oracle->pending_count - 1;
    oracle->counts.acknowledged += oracle->pending_count;
    oracle->pending_count = 0;
}

void kaya_oracle_adopt_unrestricted(struct kaya_oracle *oracle, const struct kaya_wal_recovery_report *report)
{
    oracle->low_lsn = oracle->low_may_lsn = oracle->floor_lsn = report->first_lsn;
    oracle->last_lsn = oracle->durable_lsn = oracle->kept_lsn = report->last_lsn;
    oracle->log_id = report->log_id;
    oracle->exists = oracle->running = true;
    oracle->ended = false;
}

static bool was_appended(const struct kaya_oracle *oracle, const struct kaya_wal_record *record)
{
    for (size_t i = oracle->memory_count; i-- > 0;)
        if (oracle->memories[i].lsn == record->lsn && holds(&oracle->memories[i].fact, record))
            return true;
    return false;
}

void kaya_oracle_read_unrestricted(struct kaya_oracle *oracle, const struct kaya_wal_record *record,
                                   struct kaya_violation *violation)
{
    if (!was_appended(oracle, record))
        BREAK(violation, KAYA_PROMISE_P1,
              "record %" PRIu64 " came back with %zu bytes of type %s that were never appended under that number, at "
              "segment %" PRIu64 " offset 0x%" PRIx64,
              record->lsn, record->length, kaya_wal_record_type_name(record->type), record->segment,
              record->offset_bytes);
    oracle->read_next_lsn++;
}
