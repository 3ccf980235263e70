/* What happened in a run: events in order, a digest over all of them, and the last few kept for reports. Events are
 * encoded byte by byte (little-endian, fixed widths), so that the digest is the same everywhere (S1). */
#ifndef KAYA_SIM_TRACE_H
#define KAYA_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kaya/seam/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The slots of the disk seam; what happens to the machine; and three kinds from above: OPERATION, a subject began one (`text`); ANSWER, it
 * returned; SUBJECT, an event of the code under test (`text`). X(NAME, name) */
#define KAYA_TRACE_LIST(X)                                                                                   \
    X(OPEN, open)                                                                                            \
    X(CLOSE, close)                                                                                          \
    X(SIZE, size)                                                                                            \
    X(READ, read)                                                                                            \
    X(WRITE, write)                                                                                          \
    X(WRITE_DURABLE, write_durable)                                                                          \
    X(SYNC, sync)                                                                                            \
    X(SYNC_DIRECTORY, sync_directory)                                                                        \
    X(TRUNCATE, truncate)                                                                                    \
    X(ALLOCATE, allocate)                                                                                    \
    X(RENAME, rename)                                                                                        \
    X(UNLINK, unlink)                                                                                        \
    X(CREATE_DIRECTORY, create_directory)                                                                    \
    X(LIST, list)                                                                                            \
    X(LOCK, lock)                                                                                            \
    X(UNLOCK, unlock)                                                                                        \
    X(PROBE_LOCK, probe_lock)                                                                                \
    X(BOOT, boot)                                                                                            \
    X(PROCESS_CRASH, process_crash)                                                                          \
    X(POWER_LOSS, power_loss)                                                                                \
    X(EVICT, evict)                                                                                          \
    X(FATE, fate)                                                                                            \
    X(FAULT, fault)                                                                                          \
    X(OPERATION, operation)                                                                                  \
    X(ANSWER, answer)                                                                                        \
    X(SUBJECT, subject)                                                                                      \
    X(NOTE, note)

enum kaya_trace_kind {
#define KAYA_TRACE_ENUM(NAME, name) KAYA_TRACE_##NAME,
    KAYA_TRACE_LIST(KAYA_TRACE_ENUM)
#undef KAYA_TRACE_ENUM
        KAYA_TRACE_KINDS
};
const char *kaya_trace_kind_name(enum kaya_trace_kind kind);

/* Meaning of a, b, c by kind; for I/O: a = inode number (0: none), b = offset or size, c = length. `text` (may be NULL:
 * "") is a file name or note; it enters the digest. `content` (may be NULL) of `content_length` bytes enters it too,
 * long content as its XXH3-64; kept is that hash alone. */
struct kaya_trace_event {
    uint64_t index; /* counted from 1 by the trace */
    enum kaya_trace_kind kind;
    enum kaya_status status;
    uint64_t a, b, c;
    const char *text;
    const void *content;
    size_t content_length;
};

struct kaya_trace;

/* Heard in order, during kaya_trace_add; everything in the event is valid during the call only. */
typedef void kaya_trace_listener(void *user, const struct kaya_trace_event *event);

struct kaya_trace *kaya_trace_create(size_t keep_count); /* keeps the last keep_count events; NULL: no memory */
void kaya_trace_destroy(struct kaya_trace *trace);       /* takes NULL */
void kaya_trace_reset(struct kaya_trace *trace);         /* as new, keeping memory and listener */
void kaya_trace_listen(struct kaya_trace *trace, kaya_trace_listener *listener, void *user); /* either NULL: nobody */
/* A second listener, told after the first: for an oracle, so that whoever prints or compares does not take its place. */
void kaya_trace_overhear(struct kaya_trace *trace, kaya_trace_listener *listener, void *user);

void kaya_trace_add(struct kaya_trace *trace, const struct kaya_trace_event *event); /* trace may be NULL */
/* The same of an event without content, whose text has so many bytes; it may be NULL. */
void kaya_trace_say(struct kaya_trace *trace, enum kaya_trace_kind kind, enum kaya_status status, uint64_t a,
                    uint64_t b, uint64_t c, const char *text, size_t text_length);
uint64_t kaya_trace_digest(const struct kaya_trace *trace); /* over all so far; not disturbed by asking */
uint64_t kaya_trace_count(const struct kaya_trace *trace);

/* Print the kept events, one a line, readable; or one event. */
void kaya_trace_print(const struct kaya_trace *trace, FILE *file);
void kaya_trace_print_event(const struct kaya_trace_event *event, FILE *file);

#ifdef __cplusplus
}
#endif

#endif
