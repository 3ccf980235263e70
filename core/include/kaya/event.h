/* Events: what the log tells whoever listens. Nothing the log does hangs on a listener.
 *
 * One list serves the enum, the names (JSON, logs) and the coverage marks of the simulator. */
#ifndef KAYA_EVENT_H
#define KAYA_EVENT_H

#include <stdint.h>

#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, name, text) */
#define KAYA_EVENT_LIST(X)                                                                                      \
    X(CONFIG_REFUSED, config_refused, "an option is out of range; `text` names the field")                      \
    X(LOG_CREATED, log_created, "a new log was begun")                                                          \
    X(LOG_OPENED, log_opened, "recovery ended and the log takes records; `detail` is the epoch")                \
    X(SEGMENT_PREPARED, segment_prepared, "a new spare is durable under its number")                            \
    X(SEGMENT_RECYCLED, segment_recycled, "a dead segment became a spare; `detail` was its number")             \
    X(SEGMENT_REMOVED, segment_removed, "a dead file was deleted")                                              \
    X(SEGMENT_ROTATED, segment_rotated, "the next segment took over")                                           \
    X(PREPARATION_FAILED, preparation_failed, "no spare could be prepared; the log goes on while one stands")   \
    X(TRIMMED, trimmed, "the low-water mark moved to `lsn`; `detail` segments go")                              \
    X(CLAIM_SECURED, claim_secured, "a watermark frame was written to bound what recovery must carry")          \
    X(TORN_TAIL, torn_tail, "the log ends before bytes that nothing vouches for")                               \
    X(MENDED, mended, "a frame was valid but for one bit; `detail` is the bit's number from the frame's start") \
    X(DAMAGE, damage, "durable bytes are missing or wrong at `offset_bytes`")                                   \
    X(CARRIED, carried, "`detail` records beyond the last claim were copied to the successor")                  \
    X(CUT, cut, "a dead tail was cut off")                                                                      \
    X(HEADER_COPY_BAD, header_copy_bad, "one of the two header copies is bad; the other serves")                \
    X(FOREIGN_FILE, foreign_file, "a name that is not the log's; it is left alone")                             \
    X(NAME_TAKEN, name_taken, "a directory or a link bears a name of the log's; the log goes round it")         \
    X(LEFTOVER, leftover, "a file of the log's that is no longer, or not yet, part of it")                      \
    X(READ_AGAIN, read_again, "bytes that failed a check passed when read again past the cache")                \
    X(HANDLE_ENDED, handle_ended, "a write or sync failed; the handle takes nothing more")                      \
    X(CLOSED, closed, "the log was closed cleanly")

enum kaya_event_kind {
#define KAYA_EVENT_ENUM(NAME, name, text) KAYA_EVENT_##NAME,
    KAYA_EVENT_LIST(KAYA_EVENT_ENUM)
#undef KAYA_EVENT_ENUM
        KAYA_EVENT_KINDS
};

/* Fields that do not apply are 0 or "". `text` is static memory or valid during the call only: copy what is kept. */
struct kaya_event {
    enum kaya_event_kind kind;
    enum kaya_status status;
    uint64_t segment;
    uint64_t offset_bytes;
    uint64_t lsn;
    uint64_t detail;
    const char *text; /* never NULL: the field, file name or reason */
};

/* The stable name of a kind ("torn_tail"); "?" for a value that is none. Static memory; any thread. */
const char *kaya_event_name(enum kaya_event_kind kind);

/* Called in the thread of the call that saw the thing, under the writer's lock: do not call the log from it. */
typedef void kaya_event_listener(void *user, const struct kaya_event *event);

#ifdef __cplusplus
}
#endif

#endif
