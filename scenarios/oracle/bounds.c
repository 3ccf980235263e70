/* What is promised to be bounded: what recovery reads, calls and takes (P8), what the files hold, how soon the log goes on (P7). */
#include "kaya/scenarios/oracle.h"

#include <inttypes.h>

#include "state.h"

/* P8, the bytes that a recovery may read. It makes two passes over each byte, and up to three readings more of what fails a check or lies at the
 * end: five of each in a look. Headers and links are read apart from that, at each opening of a file, of which there are four in a look (as what may stand above
 * the head, in the chain, to be carried from, to be written), each in three readings, since one that fails a check is read again. Where a header is not
 * found, because a fault or somebody destroyed it, all of the file in which the second copy may stand is read for it, three times in each of three openings (it is
 * none of the chain then).
 *
 * A look may see what only the cache holds, or find no spare; then what the device holds is looked at, with one reading more of each byte, and once more where even
 * that changes under it, because of a fault. Each look begins with a listing, so they can be counted. */
enum {
    READS_OF_EACH_BYTE = 5,
    OPENS_OF_FILE = 4,
    READINGS = 3,
    HEADER_AND_LINK_BYTES = 96 + 124, /* a header copy, and a frame that may be a link */
    LOOKS_MAX = 2,
    LOOKS_UNDER_FAULTS_MAX = 3,
};

/* P7 and P8 are promised "bounded" and "a constant"; these are the constants. */
enum {
    PROGRESS_CALLS = 128,   /* and 2 for each block of each spare */
    MEMORY_SEGMENTS = 8,    /* recovery's memory, in segments ... */
    MEMORY_BYTES = 1 << 19, /* ... and at most this more */
    RECOVERY_CALLS = 100,
    RECOVERY_CALLS_OF_FILE = 20,
    RECOVERY_CALLS_OF_BLOCK = 4,
    HEADER_SEARCH_CALLS = 9, /* where faults strike: three openings of three readings each, at every place of ... */
    HEADER_SEARCH_BYTES = 512,
    HEADER_SEARCH_PLACES = 128, /* ... which a file has at most so many: there the other header copy may stand, of ... */
    HEADER_SEARCHES = 9, /* likewise */
    HEADER_SEARCH_PROBE_PLACES =
        8, /* are read at a time, with all between them; or one by one where that fails, of each ... */
    HEADER_BYTES = 96,
    FILE_SLACK_BYTES = 4096,
    DISK_SLACK_SEGMENTS = 4 /* segments on disk beyond the spares and what holds live records */
};

/* Calls with which recovery looks for headers that it does not find. */
static uint64_t search_calls_max(const struct kaya_recovery_cost *cost)
{
    uint64_t places = cost->bytes_stored / HEADER_SEARCH_BYTES;
    uint64_t places_max = cost->file_count * HEADER_SEARCH_PLACES;

    return HEADER_SEARCH_CALLS * (places < places_max ? places : places_max);
}

static uint64_t search_bytes_max(const struct kaya_recovery_cost *cost)
{
    uint64_t bytes_max =
        cost->file_count * (HEADER_SEARCH_PLACES + HEADER_SEARCH_PROBE_PLACES) * HEADER_SEARCH_BYTES;

    return HEADER_SEARCHES * (cost->bytes_stored < bytes_max ? cost->bytes_stored : bytes_max) +
           HEADER_BYTES * search_calls_max(cost);
}

/* May there be a file without a header? */
static bool may_search(const struct kaya_oracle *oracle, const struct kaya_recovery_cost *cost)
{
    return oracle->outlook->is_damaged || oracle->outlook->is_unreadable || oracle->was_struck ||
           cost->was_tampered_with;
}

static void judge_looks(struct kaya_oracle *oracle, const struct kaya_recovery_cost *cost,
                        struct kaya_violation *violation)
{
    uint64_t looks_max = oracle->cache_differs || oracle->struck != 0 ? LOOKS_UNDER_FAULTS_MAX : LOOKS_MAX;
    uint64_t look_max = READS_OF_EACH_BYTE * cost->bytes_stored +
                        OPENS_OF_FILE * READINGS * HEADER_AND_LINK_BYTES * cost->file_count +
                        (may_search(oracle, cost) ? search_bytes_max(cost) : 0);
    uint64_t read_max = cost->looks * look_max + (cost->looks - 1) * cost->bytes_stored;

    if (cost->looks > looks_max)
        BREAK(violation, KAYA_PROMISE_P8,
              "recovery looked at the log %" PRIu64 " times; at most %" PRIu64 " are allowed", cost->looks,
              looks_max);
    if (cost->bytes_read > read_max)
        BREAK(violation, KAYA_PROMISE_P8,
              "recovery read %" PRIu64 " bytes of %" PRIu64 " stored in %" PRIu64 " looks; at most %" PRIu64
              " are allowed",
              cost->bytes_read, cost->bytes_stored, cost->looks, read_max);
}

void kaya_oracle_recovery_cost(struct kaya_oracle *oracle, const struct kaya_recovery_cost *cost,
                               struct kaya_violation *violation)
{
    uint64_t memory_max = MEMORY_SEGMENTS * oracle->shape.segment_bytes + MEMORY_BYTES;
    uint64_t blocks = cost->bytes_stored / (oracle->shape.block_bytes == 0 ? 512 : oracle->shape.block_bytes);
    uint64_t calls_max =
        RECOVERY_CALLS + RECOVERY_CALLS_OF_FILE * (cost->file_count + oracle->shape.spare_count) +
        RECOVERY_CALLS_OF_BLOCK * blocks + (may_search(oracle, cost) ? search_calls_max(cost) : 0);

    count(oracle, KAYA_PROMISE_P8);
    judge_looks(oracle, cost, violation);
    if (cost->memory_bytes > memory_max)
        BREAK(violation, KAYA_PROMISE_P8,
              "recovery took %" PRIu64 " bytes of memory; at most %" PRIu64 " are allowed",
              cost->memory_bytes, memory_max);
    if (cost->calls > calls_max)
        BREAK(violation, KAYA_PROMISE_P8,
              "recovery made %" PRIu64 " disk calls over %" PRIu64 " files and %" PRIu64
              " blocks; at most %" PRIu64 " are allowed",
              cost->calls, cost->file_count, blocks, calls_max);
}

/* What records fill of a segment before the log goes on to the next: the header copies have a block or a unit each, LINK, TRIM and CLOSE a block at most. Where
 * a sync pads, TRIM and CLOSE have a unit each; and a segment is left for want of a claim, too: when it would hold more that nothing claims than a recovery
 * could carry to the next one, where LINK and a claim have a unit each, and there is no room for a claim. */
static uint64_t room_of_segment(const struct kaya_oracle *oracle)
{
    enum { HEADER_COPIES = 2, PADDED_FRAMES = 4 };
    const struct kaya_oracle_shape *shape = &oracle->shape;
    uint64_t header_bytes = shape->padding_bytes > shape->block_bytes ? shape->padding_bytes : shape->block_bytes;
    uint64_t frames_bytes =
        shape->padding_bytes > 0 ? PADDED_FRAMES * (uint64_t)shape->padding_bytes : shape->block_bytes;

    return shape->segment_bytes - HEADER_COPIES * header_bytes - frames_bytes;
}

static uint64_t live_bytes(const struct kaya_oracle *oracle)
{
    const struct kaya_fact *first = fact_of(oracle, oracle->low_lsn);

    if (oracle->last_lsn < oracle->low_lsn)
        return 0;
    return oracle->cost_bytes - first->cost_bytes + cost_of(oracle, first->length);
}

/* A record goes to the next segment because there is no room for it, so two neighbours hold together more than one has room for.
 *
 * A spare whose header is lost stays where it is as long as nothing has taken over behind it: it may be somebody's. And the spares in front of it cannot
 * take over, since no spare stands behind the last of them; a pool is full of them at most, and one more. */
static uint64_t disk_use_max(const struct kaya_oracle *oracle, uint64_t headless_count)
{
    uint64_t holders = 2 * live_bytes(oracle) / room_of_segment(oracle) + 1;
    uint64_t passed_over = headless_count * (1 + oracle->shape.spare_count + 1);
    uint64_t segments = holders + oracle->shape.spare_count + DISK_SLACK_SEGMENTS + passed_over;

    return segments * oracle->shape.segment_bytes + FILE_SLACK_BYTES;
}

bool kaya_oracle_disk_use_is_small(const struct kaya_oracle *oracle, uint64_t bytes_stored)
{
    return oracle->is_unrestricted || oracle->leftovers || bytes_stored <= disk_use_max(oracle, 0);
}

void kaya_oracle_disk_use(struct kaya_oracle *oracle, uint64_t bytes_stored, uint64_t headless_count,
                          struct kaya_violation *violation)
{
    uint64_t allowed = disk_use_max(oracle, headless_count);

    if (oracle->is_unrestricted || oracle->leftovers)
        return;
    count(oracle, KAYA_PROMISE_P8);
    if (bytes_stored > allowed)
        BREAK(violation, KAYA_PROMISE_P8,
              "records %" PRIu64 "..%" PRIu64 " are live, at most %" PRIu64 " bytes of log, and %" PRIu64
              " spares have no header; the files hold %" PRIu64 ", allowed are %" PRIu64,
              oracle->low_lsn, oracle->last_lsn, live_bytes(oracle), headless_count, bytes_stored, allowed);
}

void kaya_oracle_unfinished(struct kaya_oracle *oracle, uint64_t count_of_files, struct kaya_violation *violation)
{
    if (oracle->is_unrestricted || oracle->leftovers)
        return;
    count(oracle, KAYA_PROMISE_P8);
    if (count_of_files > 0)
        BREAK(violation, KAYA_PROMISE_P8,
              "recovery is through, and %" PRIu64 " files still stand of which the preparation was cut short",
              count_of_files);
}

static uint64_t progress_calls_max(const struct kaya_oracle *oracle)
{
    uint64_t blocks =
        oracle->shape.block_bytes == 0 ? 0 : oracle->shape.segment_bytes / oracle->shape.block_bytes;

    return PROGRESS_CALLS + 2 * blocks * (oracle->shape.spare_count + 1);
}

void kaya_oracle_progress(struct kaya_oracle *oracle, uint64_t calls, struct kaya_violation *violation)
{
    uint64_t calls_max = progress_calls_max(oracle);

    if (oracle->is_unrestricted)
        return;
    count(oracle, KAYA_PROMISE_P7);
    if (calls > calls_max)
        BREAK(violation, KAYA_PROMISE_P7,
              "the first strict append after a recovery took %" PRIu64 " disk calls, at most %" PRIu64
              " are allowed",
              calls, calls_max);
}

void kaya_oracle_live(struct kaya_oracle *oracle, const char *operation, enum kaya_status status,
                      uint64_t calls, uint64_t file_count, struct kaya_violation *violation)
{
    uint64_t calls_max = progress_calls_max(oracle) + RECOVERY_CALLS_OF_FILE * file_count;

    if (oracle->is_unrestricted)
        return;
    if (status == KAYA_GONE)
        return;
    count(oracle, KAYA_PROMISE_P7);
    if (status != KAYA_OK || calls > calls_max)
        BREAK(violation, KAYA_PROMISE_P7,
              "with all faults lifted %s must succeed within %" PRIu64
              " disk calls; it answered %s after %" PRIu64,
              operation, calls_max, kaya_status_name(status), calls);
}

bool kaya_oracle_shows_cache(const struct kaya_oracle *oracle)
{
    return oracle->cache_differs || oracle->cache_in_doubt;
}
