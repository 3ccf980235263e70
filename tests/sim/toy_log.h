/* A log small enough to be right at a glance, as a subject for the explorer's tests, and the same with one bug each. */
#ifndef TOY_LOG_H
#define TOY_LOG_H

#include "kaya/sim/subject.h"

enum toy_bug {
    TOY_CORRECT,
    TOY_NO_SYNC,            /* acknowledges what only the cache has */
    TOY_NO_DIRECTORY_SYNC,  /* the new file's name is never made durable */
    TOY_NO_PARENT_SYNC,     /* nor the new directory's */
    TOY_APPEND_BEHIND_TORN, /* a torn tail stays, and records go behind it, where no scan comes */
    TOY_ACKNOWLEDGE_EARLY,  /* acknowledges a record, then writes it with the next one */
    TOY_SERVE_UNSYNCED, /* recovery returns what it reads from the cache and lets a power loss take it (B11) */
    TOY_REWRITE_UNSYNCED, /* recovery puts the copy in place before its bytes are durable */
    TOY_NEVER_ENDS,       /* recovery asks for the size until it changes */
    TOY_BUGS
};

struct toy_options {
    enum toy_bug bug;
    unsigned record_count; /* at most TOY_RECORDS_MAX */
    size_t payload_bytes;  /* at most TOY_PAYLOAD_BYTES_MAX */
};

enum { TOY_RECORDS_MAX = 16, TOY_PAYLOAD_BYTES_MAX = 2048 };

/* For kaya_explore_options: `user` is a struct toy_options. */
enum kaya_status toy_log_create(void *user, struct kaya_subject **subject);

#endif
