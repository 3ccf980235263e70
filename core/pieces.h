/* What is left of a log that recovery refuses: the segments, or the places where they should be, that may still hold records of it, in
 * order. For salvage. */
#ifndef KAYA_PIECES_H
#define KAYA_PIECES_H

#include "survey.h"

struct piece {
    uint64_t number;
    enum segment_name_kind kind;
    const char *lost;     /* NULL: it can be read; else why nothing of it can be; static memory */
    uint64_t lost_offset; /* and where that shows */
    bool is_suspect;      /* lost, and nothing says that it was part of the log */

    enum segment_state state;
    bool link_is_unreadable; /* as struct segment has it */
    struct kaya_wal_log_id log_id;
    struct shape shape;
    struct frame_seeds seeds;
    struct link link;
    uint64_t file_bytes;
    const char *rebuilt; /* NULL, or what of it is lost and was worked out from its frames */

    /* 0 where nobody looked. */
    uint64_t furthest;     /* the furthest watermark in it */
    uint64_t prefix_end;   /* where the entries from its front on end */
    uint32_t record_count; /* up to the last whole entry */
    bool has_base_seed;    /* of a segment without a link: worked out from its frames */

    uint64_t end;           /* a later link names it: what stands behind is dead; UINT64_MAX: none does */
    uint64_t claim;         /* all before it was durable */
    uint64_t next_base_lsn; /* records from here on stand in a later piece; UINT64_MAX: in none */
};

struct pieces {
    struct piece *pieces; /* ascending by number */
    size_t count, capacity;
    uint64_t low_water_lsn; /* records below it were trimmed; 0: not known */
    bool is_top_in_doubt;   /* the last one is a recovery's successor whose claims are lost */
    bool may_be_followed; /* a file above the last one may have been in use: its header is another's or bad, or its link cannot be read or is cut off */
};
#define PIECES_NONE ((struct pieces){ .pieces = NULL })

/* *pieces needs no initialisation and is to be released after any status. `report` is what a survey found, or has the verdict
 * "damaged" and names no segment. `anchor` names the log that is looked for; NULL: the one that most segments belong to. KAYA_IO: the directory cannot be listed. KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED. */
KAYA_MUST_CHECK enum kaya_status kaya_pieces_find(struct pieces *pieces, const struct context *context,
                                                  const struct kaya_wal_anchor *anchor,
                                                  const struct kaya_wal_recovery_report *report);
void kaya_pieces_release(struct pieces *pieces, const struct context *context);

/* Open a piece that is not lost, as a segment with a link. Statuses of kaya_disk_open. */
KAYA_MUST_CHECK enum kaya_status kaya_piece_open(const struct piece *piece, const struct context *context,
                                                 struct segment *segment);

#endif
