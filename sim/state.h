/* The simulated disk from the inside: what crash.c, handle.c, fault.c and disk.c share. */
#ifndef KAYA_SIM_STATE_H
#define KAYA_SIM_STATE_H

#include "directory.h"
#include "inode.h"
#include "kaya/sim/disk.h"

/* A file and who holds it. Its place in the table is its number for names and handles. */
struct kaya_sim_file {
    struct kaya_inode *inode; /* NULL: the place is free */
    uint32_t open_count;
};

struct kaya_sim_handle {
    struct kaya_file base;
    struct kaya_sim_handle *next; /* of all, or of the free ones */
    uint32_t file;
    bool is_writable;
    uint64_t number; /* no other handle of this disk ever had it */
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

/* The write that a crash may interrupt. */
struct kaya_sim_inflight {
    bool is_active;
    bool is_durable; /* write_durable */
    uint32_t file;
    uint64_t offset;
    const uint8_t *bytes;
    size_t length;
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
    uint32_t odds[KAYA_FAULTS];
    uint32_t torn_sectors_max;
    bool has_errors; /* some family of error.c may strike in a call */
    enum kaya_broken broken;
    bool cannot_allocate;
    uint64_t capacity_bytes;  /* 0: without end */
    uint64_t bytes_of_others; /* taken up by other programs */
    bool may_lie;             /* some family of lie.c may strike */
    bool are_lies_due;        /* the power failed since the last boot */

    struct kaya_names directory;
    struct kaya_sim_file *files;
    uint32_t file_count, file_capacity;
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
    kaya_sim_disk_boundary *boundary;
    void *boundary_user;

    struct kaya_sim_usage {
        uint64_t bytes_read, bytes_written, syncs, directory_syncs, calls, changing_calls;
    } usage;
    struct kaya_fault_counts counts;
    uint64_t struck_families; /* since somebody asked last; a bit each */
    uint64_t failed_syncs;

    struct kaya_reads reads;
    uint64_t crash_number;   /* power losses so far */
    uint64_t survived_stamp; /* of the last power loss: the newest unsynced version that survived ... */
    uint64_t lost_stamp;     /* ... and the oldest that did not; UINT64_MAX: none */
    bool is_reordered;       /* both were seen in the wrong order */
    uint32_t torn_sectors;   /* of the last power loss */

    struct kaya_sim_inflight inflight;
    struct kaya_sim_handle *handles, *free_handles;
    uint64_t handle_number; /* the last one given */

    /* Scratch, kept for the next call. */
    uint8_t *gathered;
    size_t gathered_capacity;
    uint8_t *inflight_bytes;
    size_t inflight_capacity;
    struct kaya_lie *lies;
    size_t lie_count, lie_capacity;
    struct kaya_outcome *outcomes;
    size_t outcome_capacity;
    uint64_t *stamps;
    size_t stamp_capacity;
    const char **listing;
    size_t listing_capacity;
};

/* ---- disk.c ---- */

/* The inode of a file, to change it: a copy of its own if a fork shares it. */
struct kaya_inode *kaya_disk_own(struct kaya_sim_disk *disk, uint32_t file);

/* A new empty file in the table. */
uint32_t kaya_disk_add_file(struct kaya_sim_disk *disk);

/* Free the file if nothing names it, could name it or holds it. */
void kaya_disk_drop_file(struct kaya_sim_disk *disk, uint32_t file);

/* At least `needed` items in an array that is kept for later. Traps without memory. */
void *kaya_disk_scratch(void *array, size_t *capacity, size_t needed, size_t item_bytes);

static inline void kaya_disk_trace(struct kaya_sim_disk *disk, enum kaya_trace_kind kind,
                                   enum kaya_status status, uint64_t a, uint64_t b, uint64_t c, const char *text)
{
    if (disk->trace != NULL)
        kaya_trace_add(disk->trace, &(struct kaya_trace_event){
                                        .kind = kind, .status = status, .a = a, .b = b, .c = c, .text = text });
}

/* ---- handle.c ---- */

extern const struct kaya_disk_operations kaya_sim_disk_operations;

/* ---- fault.c ---- */

/* A family that strikes by odds has a chance here. True: it takes it, and that is counted as drawn. */
bool kaya_fault_has_chance(struct kaya_sim_disk *disk, enum kaya_fault fault);

/* The dice said so; and: bytes or results differ by it. */
void kaya_fault_draw(struct kaya_sim_disk *disk, enum kaya_fault fault);
void kaya_fault_strike(struct kaya_sim_disk *disk, enum kaya_fault fault);

/* ---- error.c ---- */

/* Can any call answer an error by odds? */
bool kaya_errors_are_possible(const struct kaya_sim_disk *disk);

/* What the call answers instead of being done; KAYA_OK: it is done. */
enum kaya_status kaya_error_of(struct kaya_sim_disk *disk, enum kaya_trace_kind kind);

/* Of a transfer of `length` bytes, how many are moved: at least 1, if there is one. */
size_t kaya_error_shorten(struct kaya_sim_disk *disk, size_t length);

/* Of a write that fails, how many bytes were written. */
size_t kaya_error_part_done(struct kaya_sim_disk *disk, size_t length);

/* Reserve room for [offset, end) of the file. Returns `end`, or less: up to where there is room. */
uint64_t kaya_room_reserve(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t offset, uint64_t end);

/* The file got shorter. */
void kaya_room_give_back(struct kaya_inode *inode);

/* A power loss made its size what it is; it was `shown_bytes`. */
void kaya_room_follow(struct kaya_inode *inode, uint64_t shown_bytes);

/* ---- media.c ---- */

/* What the medium holds of the sectors that a sync or a durable write will fail to bring there. */
enum { KAYA_LOST_SECTORS_MAX = 4 };
struct kaya_loss {
    enum kaya_fault family;
    uint32_t count; /* 0: nothing is lost */
    uint64_t sectors[KAYA_LOST_SECTORS_MAX];
    struct kaya_block *held[KAYA_LOST_SECTORS_MAX];
};

/* Before and after a sync or durable write of [offset, offset + length) that says OK: what it does not bring to the medium. */
void kaya_media_begin_loss(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length,
                           bool is_durable_write, struct kaya_loss *loss);
void kaya_media_end_loss(struct kaya_sim_disk *disk, uint32_t file, const struct kaya_loss *loss);

/* The power failed, and what that leaves is marked. */
void kaya_media_drop_caches(struct kaya_sim_disk *disk);
void kaya_media_damage_neighbours(struct kaya_sim_disk *disk);

/* Somebody looks at the range, or the cache dropped something of it: say what shows that was hidden before. */
void kaya_media_show_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

static inline void kaya_media_show(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    if (length > 0 && disk->files[file].inode->has_damage)
        kaya_media_show_slowly(disk, file, offset, length);
}

/* A call that reads this range fails; counted, if it does. */
bool kaya_media_is_unreadable(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

/* The bytes on the medium; or those that would be there without damage. */
void kaya_media_peek(const struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint8_t *bytes,
                     size_t length, bool is_true);

/* Another sector of the file, or one of another file. False: nowhere. */
bool kaya_media_choose_anywhere(struct kaya_sim_disk *disk, struct kaya_place *place);

/* ---- reads.c ---- */

/* The spans hold what stands in the file, of which `length` bytes were read: change them, or answer KAYA_IO. */
enum kaya_status kaya_reads_strike(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                   const struct kaya_span *spans, uint64_t length);

/* ---- lie.c ---- */

bool kaya_lies_are_possible(const struct kaya_sim_disk *disk);

/* The family by which this sync lies; KAYA_FAULTS: it is true. */
enum kaya_fault kaya_lie_draw(struct kaya_sim_disk *disk);

/* Sync the handle's file so. */
void kaya_lie_tell(struct kaya_sim_disk *disk, const struct kaya_sim_handle *handle, enum kaya_fault family);

/* A boot begins behind a power loss. */
void kaya_lies_come_due(struct kaya_sim_disk *disk);

/* An honest sync empties the device's cache: all were true after all. */
void kaya_lies_drop(struct kaya_sim_disk *disk);

void kaya_lies_copy(const struct kaya_sim_disk *disk,
                    struct kaya_sim_disk *copy); /* to a disk without any, of the same pool */

/* ---- crash.c ---- */

/* Bytes from..to of a sector as nobody wrote them: a function of where and in which crash. */
void kaya_crash_fill_garbage(const struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint64_t index,
                             uint8_t *bytes, size_t from, size_t to);

/* What survives, without touching boots and handles. */
void kaya_crash_power_loss(struct kaya_sim_disk *disk);
void kaya_crash_process(struct kaya_sim_disk *disk);
void kaya_crash_evict(struct kaya_sim_disk *disk);

/* Decide what is asked for, as far as an earlier power loss left it open: the directory and its names, a file's size, the
 * bytes of [offset, offset + length) of a file whose size is decided. */
void kaya_crash_decide_names_slowly(struct kaya_sim_disk *disk);
void kaya_crash_decide_size_slowly(struct kaya_sim_disk *disk, uint32_t file);
void kaya_crash_decide_bytes_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length);

static inline void kaya_crash_decide_names(struct kaya_sim_disk *disk)
{
    if (disk->directory.is_undecided)
        kaya_crash_decide_names_slowly(disk);
}

static inline void kaya_crash_decide_size(struct kaya_sim_disk *disk, uint32_t file)
{
    if (disk->files[file].inode->is_size_undecided)
        kaya_crash_decide_size_slowly(disk, file);
}

static inline void kaya_crash_decide_bytes(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                           uint64_t length)
{
    if (length > 0 && disk->files[file].inode->undecided_count > 0)
        kaya_crash_decide_bytes_slowly(disk, file, offset, length);
}

#endif
