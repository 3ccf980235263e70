/* What the oracle knows: the facts of each record, and where must, may and must not begin. */
#ifndef KAYA_SCENARIOS_ORACLE_STATE_H
#define KAYA_SCENARIOS_ORACLE_STATE_H

#include "kaya/scenarios/oracle.h"
#include "kaya/scenarios/past.h"
#include "kaya/scenarios/payload.h"

enum fact_flag {
    FACT_HASH = 1,
    FACT_IN_BATCH = 2,
    FACT_ENDS_BATCH = 4,
    FACT_BATCH_OF_ONE = 8,
    FACT_STRICT = 16,
    FACT_ACKNOWLEDGED = 32,
    FACT_RETURNED = 64, /* by a recovery */
};

/* Of an unrestricted run: everything that was ever appended. */
struct memory {
    uint64_t lsn;
    struct kaya_fact fact;
};

struct kaya_oracle {
    struct kaya_fact *facts; /* of floor_lsn .. last_lsn, at lsn & (capacity - 1) */
    uint64_t capacity;
    struct kaya_oracle_shape shape;

    uint64_t low_lsn;
    uint64_t low_may_lsn;
    uint64_t floor_lsn; /* facts are kept from here on: the low-water mark in the last link that a recovery wrote */
    uint64_t low_may_before_lsn; /* the trim that is under way */
    uint64_t durable_lsn;
    uint64_t kept_lsn;
    uint64_t last_lsn;
    uint64_t pending_count; /* records of the append that is under way */

    bool exists;      /* an open returned OK once */
    bool running;     /* a writer is open */
    bool ended;       /* it answered KAYA_IO: nothing more may be acknowledged */
    bool sync_failed; /* in the operation that is under way, or was the last */
    uint64_t struck;  /* families of faults, likewise */
    bool was_struck;  /* by any fault, in this run; excuses nothing but a search */
    bool leftovers;   /* a call failed that may have been to remove a file; the next recovery does it again */
    bool spares_in_doubt; /* calls failed since the last append: recovery may have used up what a full disk leaves it */
    bool mark_room_spent; /* a trim wrote its mark, and no record since: the room that each segment keeps for one is used up */
    bool cache_in_doubt; /* a sync failed since the last recovery: what reads show may go with the cache */
    bool cache_differs; /* since the last power loss a sync failed, or did less than it said: reads may show what the device has not */
    bool close_certain; /* CLOSE is durable and nothing followed */
    bool close_possible; /* CLOSE may be what a recovery finds at the end */
    bool cut_pending;    /* a cut-back was begun: the end is last_lsn or cut_lsn, nothing between */
    bool was_cut;        /* once in this run */
    uint64_t cut_lsn;
    struct kaya_past past; /* what recoveries and cut-backs gave up, where damage may bring it back */
    bool watches_damage;   /* it may */
    bool is_past_in_doubt; /* the log may have gone back to one of its ends; what is read will tell */
    size_t read_past;      /* the end that the records read so far belong to; SIZE_MAX: the present one */
    uint64_t read_first_lsn;
    uint64_t close_lsn; /* the last record before the last CLOSE */
    struct kaya_wal_log_id log_id;
    uint64_t epoch;

    const struct kaya_outlook *outlook; /* what damage asks for at present; the caller's */
    uint64_t outlook_kept_lsn;
    bool has_parted; /* a recovery went on in spite of damage: the true bytes tell another history */
    bool has_passed_link; /* ... and a link was in doubt then: the true one may name another segment, or another end */

    bool looked; /* a reader showed looked_first .. looked_last and nothing happened since */
    uint64_t looked_first_lsn;
    uint64_t looked_last_lsn;

    bool is_unrestricted;
    struct memory *memories;
    size_t memory_count, memory_capacity;

    struct {
        bool is_open, is_pinned;
        uint64_t next_lsn, last_lsn;
    } follower;

    uint64_t cost_bytes;
    uint64_t read_next_lsn;
    uint64_t read_last_lsn;
    struct kaya_oracle_counts counts;
};

#define BREAK(violation, promise, ...) kaya_violation_set(violation, kaya_promise_name(promise), __VA_ARGS__)

#define FAMILY(NAME) ((uint64_t)1 << KAYA_FAULT_##NAME)

static inline struct kaya_fact *fact_of(const struct kaya_oracle *oracle, uint64_t lsn)
{
    return &oracle->facts[lsn & (oracle->capacity - 1)];
}

static inline void count(struct kaya_oracle *oracle, enum kaya_promise promise)
{
    oracle->counts.promises.checked[promise]++;
}

static inline bool holds(const struct kaya_fact *fact, const struct kaya_wal_record *record)
{
    if (record->length != fact->length || (uint8_t)record->type != fact->type)
        return false;
    return fact->flags & FACT_HASH ? kaya_payload_hash(record->bytes, record->length) == fact->key
                                   : kaya_payload_equals(fact->key, record->bytes, record->length);
}

/* Each status says what stood in the way, so each is an answer to some faults only. A disk without room is none of them: what must do
 * without room is not excused by it (P9). */
static inline bool is_excused(const struct kaya_oracle *oracle, enum kaya_status status)
{
    const uint64_t errors =
        FAMILY(IO_ERROR) | FAMILY(IO_ERROR_LASTING) | FAMILY(NO_ROOM) | FAMILY(UNREADABLE_SECTOR);

    if (status == KAYA_IO)
        return oracle->sync_failed || (oracle->struck & errors) != 0;
    if (status == KAYA_FULL)
        return oracle->sync_failed || (oracle->struck & errors) != 0;
    if (status == KAYA_LIMIT)
        return (oracle->struck & FAMILY(LIMIT)) != 0;
    return status == KAYA_NO_MEMORY && (oracle->struck & FAMILY(OUT_OF_MEMORY)) != 0;
}

/* An operation that makes the log longer: it may find no room. */
static inline bool is_full(const struct kaya_oracle *oracle, enum kaya_status status)
{
    return status == KAYA_FULL && (oracle->struck & FAMILY(NO_SPACE)) != 0;
}

/* May the log have gone back to an older end? */
static inline bool may_be_past(const struct kaya_oracle *oracle)
{
    return oracle->is_past_in_doubt || (oracle->outlook->is_mark_damaged && oracle->past.end_count > 0);
}

/* Record `lsn` as it was while the log had that end; SIZE_MAX: as it is. NULL: it had none. */
static inline const struct kaya_fact *fact_in(const struct kaya_oracle *oracle, size_t end, uint64_t lsn)
{
    const struct kaya_fact *fact = kaya_past_find(&oracle->past, end, lsn);

    if (end < oracle->past.end_count && lsn > oracle->past.ends[end].last_lsn)
        return NULL;
    return fact != NULL ? fact : lsn <= oracle->last_lsn ? fact_of(oracle, lsn) : NULL;
}

/* May an older mark be the low-water mark again? */
static inline bool is_low_water_in_doubt(const struct kaya_oracle *oracle)
{
    return oracle->outlook->is_mark_damaged || oracle->outlook->is_trim_lost;
}

static inline void move_low_water(struct kaya_oracle *oracle, uint64_t lsn)
{
    oracle->low_lsn = lsn;
    oracle->low_may_lsn = lsn;
}

enum { FRAME_BYTES_MAX = 40 };

/* At most so much of the log does a record take: the frame's overhead in each block that it touches. */
static inline uint64_t cost_of(const struct kaya_oracle *oracle, uint32_t length)
{
    uint64_t block = oracle->shape.block_bytes > 2 * FRAME_BYTES_MAX ? oracle->shape.block_bytes : 512;

    return length + FRAME_BYTES_MAX + (uint64_t)length / (block - FRAME_BYTES_MAX) * FRAME_BYTES_MAX +
           2 * FRAME_BYTES_MAX;
}

/* --- state.c --- */

/* Room for the facts of so many records in all. KAYA_NO_MEMORY. */
enum kaya_status kaya_oracle_make_room(struct kaya_oracle *oracle, uint64_t wanted);

/* The record in words; returns `text`. */
enum { KAYA_RECORD_NAME_BYTES = 96 };
const char *kaya_oracle_describe(const struct kaya_oracle *oracle, uint64_t lsn,
                                 char text[KAYA_RECORD_NAME_BYTES]);

#endif
