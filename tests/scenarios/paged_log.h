/* The directory of a log made by hand, frame by frame, from core/FORMAT.md: segments of 4 KiB, blocks of 512 bytes, one log id. Frames are encoded
 * and sealed by core/dissect.h; neither core nor scenarios/format.c takes part, so that what reads the page is held against what was written by it. */
#ifndef TESTS_SCENARIOS_PAGED_LOG_H
#define TESTS_SCENARIOS_PAGED_LOG_H

#include "core/dissect.h"
#include "kaya/scenarios/format.h"

enum {
    PAGED_SEGMENTS_MAX = 6,
    PAGED_SEGMENT_BYTES = 4096,
    PAGED_FIRST_FRAME = 512,
    PAGED_SECOND_HEADER = 2048
};

struct paged_segment {
    struct dissection shape; /* what frames are sealed by */
    uint8_t bytes[PAGED_SEGMENT_BYTES];
    bool unreadable[PAGED_SEGMENT_BYTES / KAYA_IMAGE_PIECE_BYTES];
    uint64_t number;
    uint64_t at;       /* the next frame's place */
    uint32_t sequence; /* the next record's index */
    uint32_t chain;    /* of its link */
};

struct paged_log {
    struct paged_segment segments[PAGED_SEGMENTS_MAX];
    struct kaya_image_file files[PAGED_SEGMENTS_MAX];
    struct kaya_image image; /* of them, in the order in which they were added: ascending */
};

void paged_begin(struct paged_log *log); /* empty */
/* A file of that number: both header copies. */
struct paged_segment *paged_add(struct paged_log *log, uint64_t number);
/* LINK, with its nonce (the number) and its chain worked out: the predecessor's as it stands there; NULL: the log begins with it. */
void paged_link(struct paged_segment *segment, const struct paged_segment *predecessor, uint64_t base_lsn,
                uint64_t carried_end, uint64_t low_water_lsn, uint64_t epoch);
/* A frame where the last one ended; its place. `records`: so many are in it, or complete with it. */
uint64_t paged_put(struct paged_segment *segment, uint8_t type, uint8_t flags, uint64_t durable,
                   const void *payload, uint16_t length, uint32_t records);
uint64_t paged_record(struct paged_segment *segment, uint64_t durable); /* FULL, 20 bytes; its end */
void paged_close(struct paged_segment *segment);
struct kaya_image_file *paged_file(struct paged_log *log, const struct paged_segment *segment);
void paged_rename(struct paged_log *log, const struct paged_segment *segment, const char *name);
void paged_drop(struct paged_log *log, const struct paged_segment *segment); /* the file is not there */
/* Another log's: both header copies say another id, and a LINK that stands there is sealed by them. */
void paged_estrange(struct paged_segment *segment);

#endif
