/* Looking at a log without touching it: the verdict and why (verify), and every frame where it stands (inspect). Safe
 * beside a live writer (P10). */
#ifndef KAYA_INSPECT_H
#define KAYA_INSPECT_H

#include "kaya/wal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What stands at a place of a segment. X(NAME, name) */
#define KAYA_ITEM_LIST(X)                                                                                    \
    X(HEADER, header) /* a copy of the segment header */                                                     \
    X(LINK, link)                                                                                            \
    X(RECORD, record) /* a whole record in one frame */                                                      \
    X(FIRST, first)   /* fragments of a record that spans blocks */                                          \
    X(MIDDLE, middle)                                                                                        \
    X(LAST, last)                                                                                            \
    X(PAD, pad)                                                                                              \
    X(WATERMARK, watermark)                                                                                  \
    X(CLOSE, close)                                                                                          \
    X(TRIM, trim)                                                                                            \
    X(UNKNOWN, unknown) /* a valid frame of a type that may be skipped */                                    \
    X(DAMAGE, damage)   /* a frame was expected here and does not validate */                                \
    X(STRAY, stray)     /* a frame behind the end: its header validates, nothing leads to it */              \
    X(END, end)         /* the end of the contiguous valid prefix */                                         \
    X(NO_FILE, no_file) /* a directory or a link that bears a segment's name; directories only, behind all files */

enum kaya_wal_item_kind {
#define KAYA_ITEM_ENUM(NAME, name) KAYA_ITEM_##NAME,
    KAYA_ITEM_LIST(KAYA_ITEM_ENUM)
#undef KAYA_ITEM_ENUM
        KAYA_ITEM_KINDS
};

/* "header", "link", ... Static memory. */
const char *kaya_wal_item_name(enum kaya_wal_item_kind kind);

/* Is a segment part of the log? */
enum kaya_wal_segment_role {
    KAYA_ROLE_IN_USE,
    KAYA_ROLE_SPARE,    /* prepared, not yet in use */
    KAYA_ROLE_LEFTOVER, /* trimmed, passed over or never finished: dead */
};
const char *kaya_wal_segment_role_name(enum kaya_wal_segment_role role); /* "in use", "spare", "leftover" */

/* One thing found. Fields that do not apply are 0. `bytes` is valid during the call only. */
struct kaya_wal_item {
    enum kaya_wal_item_kind kind;
    const char *file_name;
    uint64_t segment;
    enum kaya_wal_segment_role role;
    uint64_t offset_bytes;
    uint64_t size_bytes; /* frame with header and padding */
    uint64_t lsn;        /* of the record, or of the next record for control frames */
    uint64_t lsn_count;  /* records in it: 1, or the members of a batch; 0 for control frames */
    uint8_t type_code;   /* the raw type byte */
    uint8_t flags;       /* the raw flags byte */
    enum kaya_wal_record_type record_type; /* RECORD and FIRST, unless it is a batch */
    uint64_t watermark_bytes;              /* durable up to this offset of the segment, says this frame */
    bool payload_check_good;               /* CRC32C over the frame */
    bool header_check_good;                /* CRC32C over its header */
    bool second_check_good;                /* XXH3 over its payload */
    bool mended; /* shown with one bit put right: mended_bit counts from the frame's start */
    uint64_t mended_bit;
    const void *bytes; /* the payload, or the header's bytes */
    size_t length;
    /* HEADER */
    uint32_t format_version;
    uint32_t block_bytes;
    uint64_t segment_bytes;
    struct kaya_wal_log_id log_id;
    /* LINK and TRIM */
    uint64_t base_lsn;
    uint64_t predecessor;
    uint64_t predecessor_end;
    uint64_t carried_end;
    uint64_t low_water_lsn;
    uint64_t epoch;
    const char *reason; /* DAMAGE, STRAY, END, NO_FILE, and HEADER where its check fails: why; "" otherwise */
};

/* What a whole look saw, in sums. */
struct kaya_wal_inspection {
    struct kaya_wal_recovery_report report; /* what recovery would find; directories only */
    uint64_t segment_count;                 /* in use */
    uint64_t spare_count;                   /* files behind the log's end, good or not */
    uint64_t leftover_count;
    uint64_t foreign_count;
    uint64_t frame_count;
    uint64_t record_count; /* of a file alone: those that stand whole in front of its end */
    uint64_t damage_count;
    uint64_t notice_count;
    bool writer_is_live; /* somebody holds the lock */
};

/* Return false to stop early. */
typedef bool kaya_wal_item_visitor(void *user, const struct kaya_wal_item *item);

/* Visit everything in the log's directory (`file_name` NULL, in order of segment numbers) or in one of its segment files.
 * A segment alone is judged alone: no chain, no verdict. KAYA_NOT_FOUND, KAYA_BUSY, KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED;
 * KAYA_INVALID: the file is no segment; KAYA_UNSUPPORTED: the log is of a newer version (its files can be looked at alone). Damage is no
 * failure of this call: it is an item. */
KAYA_MUST_CHECK enum kaya_status kaya_wal_inspect_path(const struct kaya_wal_environment *environment,
                                                       const char *file_name, kaya_wal_item_visitor *visit,
                                                       void *user, struct kaya_wal_inspection *inspection);

struct kaya_wal_verify_options {
    const struct kaya_wal_anchor *anchor; /* NULL: none */
    kaya_event_listener *on_event; /* hears every notice: header copies, checks, mended bits; NULL: silent */
    void *user;
};

/* Would recovery find every claimed record? Reads every byte of every segment in use.
 *   KAYA_OK       the report's verdict tells: empty, clean, torn or damaged
 *   KAYA_BUSY     a live log kept changing; try again
 *   KAYA_NOT_FOUND, KAYA_UNSUPPORTED, KAYA_WRONG_LOG, KAYA_IO, KAYA_NO_MEMORY, KAYA_LIMIT, KAYA_DENIED */
KAYA_MUST_CHECK enum kaya_status kaya_wal_verify(const struct kaya_wal_environment *environment,
                                                 const struct kaya_wal_verify_options *options,
                                                 struct kaya_wal_inspection *inspection);

#ifdef __cplusplus
}
#endif

#endif
