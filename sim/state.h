/* The simulated disk from the inside: what its files share. */
#ifndef KAYA_SIM_STATE_H
#define KAYA_SIM_STATE_H

#include <string.h>

#include "directory.h"
#include "inode.h"
#include "kaya/sim/disk.h"
#include "trace.h"

/* A file and who holds it. Its place in the table is its number for names and handles. */
struct kaya_sim_file {
    struct kaya_inode *inode; /* NULL: the place is free */
    uint32_t open_count;
    uint32_t position; /* of its name among those shown, when it was opened last */
    bool is_named;     /* scratch */
};

struct kaya_sim_handle {
    struct kaya_file base;
    struct kaya_sim_handle *next; /* of all, or of the free ones */
    uint32_t file;
    bool is_writable;
    uint64_t number; /* no other handle of this disk ever had it */
};

/* One that was open when its boot was kept, and what it was. */
struct kaya_kept_handle {
    struct kaya_sim_handle *handle;
    struct kaya_sim_handle was;
};

/* A sector of which a sync promised more than the medium holds (lie.c). */
struct kaya_lie {
    uint64_t inode;
    uint32_t sector;
    enum kaya_fault family;
    uint64_t stamp;              /* of the version that was promised */
    struct kaya_block *promised; /* that version */
    struct kaya_block *before;   /* what the medium holds; NULL: zeros */
};

/* The seam of one boot. Two take turns, so that code that still unwinds from the last crash is told so. */
struct kaya_sim_boot {
    struct kaya_disk seam;
    struct kaya_sim_disk *disk;
    uint64_t number;
};

/* A write that a crash may interrupt: of each thread one at most. Lives as long as its call, and so do the bytes, which are the caller's. */
struct kaya_sim_inflight {
    struct kaya_sim_inflight *next;
    const struct kaya_span *spans;
    size_t span_count;
    size_t length; /* of all of them */
    uint64_t offset;
    uint32_t file;
    bool is_durable; /* write_durable */
};

/* One that a fork took along, with its bytes as one span. */
struct kaya_copied_inflight {
    struct kaya_sim_inflight inflight;
    struct kaya_span span;
};

/* Bytes of a file that were struck in so many reads in a row, and of which so many more will fail. */
struct kaya_read_range {
    uint64_t inode, from, to;
    uint32_t hits, failures;
};

enum { KAYA_READ_RANGES_MAX = 32 };
struct kaya_reads {
    bool are_struck; /* some family has odds */
    uint32_t repeats_max;
    uint32_t count;
    struct kaya_read_range ranges[KAYA_READ_RANGES_MAX];
};

struct kaya_place {
    uint32_t file;
    uint64_t sector;
};

struct kaya_outcome;

/* Where two versions of a sector differ. */
struct kaya_difference {
    struct kaya_block *newer, *older; /* retained; NULL: zeros */
    size_t visible;                   /* bytes that are compared; 0: none yet */
    size_t count;                     /* of those that differ */
    uint32_t *places;
    size_t capacity;
};
enum { KAYA_DIFFERENCES_MAX = 4 };

/* Does the device fail for good (io_error_lasting)? */
enum kaya_broken { KAYA_BROKEN_NOT, KAYA_BROKEN_FOR_CHANGES, KAYA_BROKEN_FOR_ALL };

struct kaya_sim_disk {
    struct kaya_store store;
    const struct kaya_sim_profile *profile;
    struct kaya_choices *choices;
    struct kaya_trace *trace;
    uint64_t calls_per_boot_max;
    bool families[KAYA_FAULTS];
    bool list_sorted;
    bool has_directories; /* among the names; false: nobody need look for any */
    uint32_t odds[KAYA_FAULTS];
    uint32_t torn_sectors_max;
    uint32_t transfer_parts_max;
    bool has_errors; /* some family of error.c may strike in a call */
    enum kaya_broken broken;
    bool cannot_allocate;
    bool may_lie;             /* some family of lie.c may strike */
    bool are_lies_due;        /* the power failed since the last boot */
    uint64_t capacity_bytes;  /* 0: without end */
    uint64_t bytes_of_others; /* taken up by other programs */

    struct kaya_names directory;
    struct kaya_sim_file *files;
    uint32_t file_count, file_capacity;
    uint32_t files_taken;  /* no place below this one is free */
    uint64_t inode_number; /* the last one given */

    struct kaya_sim_boot boots[2];
    uint64_t boot_number;
    bool is_running;
    bool is_crashed;
    bool is_runaway;
    bool is_locked;
    uint64_t calls; /* of this boot */
    uint64_t crash_at;
    enum kaya_crash crash_at_kind;
    unsigned open_flags; /* of the open under way */
    kaya_sim_disk_boundary *boundary;
    void *boundary_user;
    struct kaya_latency latencies[KAYA_LATENCIES];
    kaya_sim_disk_delay *delay;
    void *delay_user;
    kaya_sim_disk_question *question;
    void *question_user;
    struct kaya_hash *seen; /* borrowed: what this boot was answered (seen.c); NULL: nobody wants to know */

    struct kaya_sim_usage {
        uint64_t bytes_read, bytes_written, syncs, directory_syncs, lists, calls, changing_calls;
    } usage;
    struct kaya_fault_counts counts;
    uint64_t struck_families; /* since somebody asked last; a bit each */
    uint64_t failed_syncs;
    uint32_t strikes, strikes_max; /* of families that strike by odds, and how many may; 0: any number */

    struct kaya_reads reads;
    uint64_t crash_number;   /* power losses so far */
    uint64_t survived_stamp; /* of the last power loss: the newest unsynced version that survived ... */
    uint64_t lost_stamp;     /* ... and the oldest that did not; UINT64_MAX: none */
    bool is_reordered;       /* both were seen in the wrong order */
    uint32_t torn_sectors;   /* of the last power loss */

    struct kaya_sim_inflight *inflights; /* the newest first */
    struct kaya_sim_handle *handles, *free_handles;
    uint64_t handle_number; /* the last one given */

    /* Scratch, kept for the next call. */
    uint8_t *gathered;
    size_t gathered_capacity;
    struct kaya_copied_inflight *copied_inflights; /* of a fork: what the original had under way ... */
    size_t copied_inflight_capacity;
    uint8_t *copied_bytes; /* ... and its bytes */
    size_t copied_capacity;
    struct kaya_kept_handle *kept_handles; /* of a disk that keeps another one's boot */
    size_t kept_handle_count, kept_handle_capacity;
    struct kaya_sim_inflight *kept_inflights; /* likewise; borrowed */
    struct kaya_lie *lies;
    size_t lie_count, lie_capacity;
    struct kaya_name_outcomes name_outcomes; /* kept: the next outcome of a crash asks for the same */
    struct kaya_difference differences[KAYA_DIFFERENCES_MAX]; /* likewise */
    unsigned difference_next;
    struct kaya_outcome *outcomes;
    size_t outcome_capacity;
    uint64_t *stamps;
    size_t stamp_capacity;
    uint64_t *words;
    size_t word_capacity;
    const char **listing;
    size_t listing_capacity;
};

/* The inode of a file, to change it: a copy of its own if a fork shares it. */
struct kaya_inode *kaya_disk_part(struct kaya_sim_disk *disk, uint32_t file);

static inline struct kaya_inode *kaya_disk_own(struct kaya_sim_disk *disk, uint32_t file)
{
    struct kaya_inode *inode = disk->files[file].inode;

    if (inode->references > 1)
        inode = kaya_disk_part(disk, file);
    inode->has_hash = false; /* it will be another one */
    inode->read_count = 0;
    return inode;
}

/* Keep a disk in the middle of a boot, between two calls or at the boundary of one; and bring it back to there, as often as wanted, while
 * that boot or what goes on from there was the last it had. */
void kaya_disk_keep(const struct kaya_sim_disk *disk, struct kaya_sim_disk *kept);
void kaya_disk_bring_back(struct kaya_sim_disk *disk, const struct kaya_sim_disk *kept);

/* Room for `needed` files in the table. */
void kaya_disk_reserve_files(struct kaya_sim_disk *disk, uint32_t needed);

/* A new empty file in the table. */
uint32_t kaya_disk_add_file(struct kaya_sim_disk *disk);

/* Free the file if nothing names it, could name it or holds it. */
void kaya_disk_drop_file(struct kaya_sim_disk *disk, uint32_t file);

/* The same for all of them. */
void kaya_disk_drop_unnamed_files(struct kaya_sim_disk *disk);

/* All names are durable; files that lost theirs are freed. */
void kaya_disk_sync_names(struct kaya_sim_disk *disk);

/* Handles and lock are gone. Handles stay good memory, so that code which unwinds may close them; they are free for the boots to come. */
void kaya_disk_end_boot(struct kaya_sim_disk *disk);

/* One stretch of bytes: the span itself, or all of them copied together, so that one call is one version of a sector. Good until the next. */
const uint8_t *kaya_disk_gather(struct kaya_sim_disk *disk, const struct kaya_span *spans, size_t span_count,
                                size_t length);

/* From here on a crash interrupts this write; until here, or until a crash did. */
static inline void kaya_inflight_begin(struct kaya_sim_disk *disk, struct kaya_sim_inflight *inflight)
{
    inflight->next = disk->inflights;
    disk->inflights = inflight;
}

static inline void kaya_inflight_end(struct kaya_sim_disk *disk, const struct kaya_sim_inflight *inflight)
{
    struct kaya_sim_inflight **link = &disk->inflights;

    while (*link != NULL && *link != inflight)
        link = &(*link)->next;
    if (*link != NULL)
        *link = inflight->next;
}

/* At least `needed` items in an array that is kept for later. Traps without memory. */
void *kaya_disk_scratch(void *array, size_t *capacity, size_t needed, size_t item_bytes);

static inline void kaya_disk_trace(struct kaya_sim_disk *disk, enum kaya_trace_kind kind,
                                   enum kaya_status status, uint64_t a, uint64_t b, uint64_t c, const char *text)
{
    if (disk->trace == NULL)
        return;
    if (text == NULL)
        kaya_trace_add_plain(disk->trace, kind, status, a, b, c);
    else
        kaya_trace_say(disk->trace, kind, status, a, b, c, text, strlen(text));
}

#endif
