/* What core/FORMAT.md says of a directory of any bytes: is it damaged, where does it end, what is claimed, which records are there? Nothing of it is
 * asked of core (kaya/scenarios/census.h), so that a field that core forgets to look at is missed here. */
#ifndef FUZZ_SUPPORT_PAGE_H
#define FUZZ_SUPPORT_PAGE_H

#include "kaya/scenarios/census.h"
#include "kaya/wal.h"
#include "tests/core/image_disk.h"

enum { FUZZ_PAGE_RECORDS_MAX = 1 << 14 };

/* A record: enough to see whether it is the same. */
struct fuzz_record {
    uint64_t lsn, hash;
};

struct fuzz_page {
    struct kaya_census census;
    bool has_odd_claim; /* what it claims does not end right in front of it: what a recovery carries is open */
    bool is_sure; /* else the page leaves something open here, or it is of another version: nothing is judged */
    struct fuzz_record records[FUZZ_PAGE_RECORDS_MAX]; /* those that a reader hands out, if the log is whole */
    size_t record_count;
};

/* Read an image whose files are named and sized as they stand; its bytes are borrowed until the next call. The page is static. */
struct fuzz_page *fuzz_page_read(const struct image_disk *image);

/* Hold the report of a recovery that returned KAYA_OK against it; ends the program where the two differ. `anchor_lsn`: of the anchor that it was
 * given, or 0. */
void fuzz_page_judge(const struct fuzz_page *page, const struct kaya_wal_recovery_report *report,
                     uint64_t anchor_lsn);
/* What `who` answered, who only looked: a recovery that refused, or one for whom frames behind the end may be some that are being written. */
void fuzz_page_judge_look(struct fuzz_page *page, const char *who, enum kaya_status status,
                          const struct kaya_wal_recovery_report *report, uint64_t anchor_lsn);
/* The same for the records that were handed out of a log that opened. */
void fuzz_page_judge_records(const struct fuzz_page *page, const struct fuzz_record *records, size_t count);

/* Where the frame at `offset` of `bytes`, which are those of the segment's file, is one flipped bit from good in every check: put it right there. */
bool fuzz_page_mend(const struct kaya_format_segment *segment, uint8_t *bytes, uint64_t offset);

/* The hash of a record as it is handed out. */
uint64_t fuzz_record_hash(enum kaya_wal_record_type type, bool in_batch, bool ends_batch, const void *bytes,
                          size_t length);

#endif
