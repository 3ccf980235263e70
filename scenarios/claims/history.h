/* What was heard of the disk: operations, the writes that each made, the lives of files. Kept by history.c; images.c and claims.c fill in
 * what the last judgement found. */
#ifndef KAYA_SCENARIOS_CLAIMS_HISTORY_H
#define KAYA_SCENARIOS_CLAIMS_HISTORY_H

#include "kaya/scenarios/claims.h"

enum { LINK_BYTES = 84 }; /* a LINK frame: 28 bytes of header and 56 of payload */

struct operation {
    uint64_t durable_lsn, first_lsn, last_lsn;
    bool recovery;
    uint64_t returned_lsn;   /* of a recovery: the last record that it returned, or that the next one did */
    bool has_returned;       /* ... once one did */
    bool has_dropped_copies; /* a later recovery or cut-back returned less: some of what it copied is dead */
    bool is_dead;            /* a recovery ended before its records */
    size_t life;             /* the last one that it wrote frames to: where its records stand */
    bool is_settled; /* its records were claimed when a recovery began, so that one left them where they are */
    /* of the last judgement */
    bool claims;             /* something that it wrote stands */
    bool is_claimed;         /* its records are */
    bool is_followed;        /* an operation behind it claims */
    bool is_of_last_era;     /* no recovery came behind it */
    bool is_followed_in_era; /* ... and before any recovery */
};

struct written {
    size_t operation; /* its index */
    size_t life;      /* likewise */
    uint64_t offset, length, hash;
    uint64_t event; /* of the trace, by index */
    bool is_header;
    /* of the last judgement */
    bool stands;        /* in the true image, in the file's present life: it is part of the log */
    bool is_unreadable; /* now, in part; of one that does not stand: its link */
    bool is_link_hit;   /* its first bytes differ */
    uint64_t first_differing, last_differing;
    uint64_t bits; /* that differ now */
};

/* Damage began to show. */
struct shown {
    uint64_t inode, offset, length;
    uint64_t event;
    bool may_be_hidden; /* again, as of the last judgement */
};

/* A file from one header to the next. */
struct life {
    uint64_t inode;
    bool has_frames;
    bool is_over;             /* another one began in the same file */
    size_t first;             /* its first frames, standing or not: an index, SIZE_MAX: none */
    uint8_t link[LINK_BYTES]; /* as it was written, with them */
    size_t link_length;       /* less where they came in pieces */
    /* of the last judgement */
    const struct kaya_image_file *now, *truth; /* NULL: the file is gone */
    bool has_standing;                         /* some frame of it stands in the true image */
    bool link_stood;                           /* the link stands in the true image ... */
    bool link_stands;                          /* ... and now */
    uint64_t link_bits;       /* that differ now from what was written; UINT64_MAX: more than can be told */
    uint64_t last_lsn;        /* the highest of those who wrote to it, if only a mark ... */
    uint64_t last_record_lsn; /* ... and of the records that they appended to it */
    unsigned bad_headers;
    bool is_dead; /* holds trimmed records only, and is not the last one written */
    bool is_unreadable;
    bool differs; /* anywhere */
};

struct kaya_claims {
    struct operation *operations;
    size_t operation_count, operation_capacity;
    struct written *writes;
    size_t write_count, write_capacity;
    struct life *lives;
    size_t life_count, life_capacity;
    struct shown *shown;
    size_t shown_count, shown_capacity;
    bool incomplete; /* memory ran out */
};

static inline uint64_t end_of_write(const struct written *write)
{
    return write->offset + write->length;
}

static inline bool is_whole_write(const struct written *write)
{
    return write->stands && write->bits == 0 && !write->is_unreadable;
}

static inline void at_most(uint64_t *value, uint64_t most)
{
    *value = *value < most ? *value : most;
}

#endif
