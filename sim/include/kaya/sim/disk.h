/* The simulated disk: a directory of files behind the disk seam, with everything that a power loss or a process crash can
 * do to it (DESIGN in sim/README.md).
 *
 * One object is the machine's disk over many boots. A boot is a seam handle; when the machine crashes every call of that
 * boot answers KAYA_GONE without effect, and the next boot sees what survived. */
#ifndef KAYA_SIM_DISK_H
#define KAYA_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/disk.h"
#include "kaya/sim/choices.h"
#include "kaya/sim/latency.h"
#include "kaya/sim/profile.h"
#include "kaya/sim/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the log owes depends on the group of a fault (README.md). X(NAME, name) */
#define KAYA_FAULT_GROUP_LIST(X)                                                                             \
    X(CRASH, crash)   /* strikes when the machine crashes, or the cache is dropped */                        \
    X(ERRORS, errors) /* by odds: a call answers that it failed */                                           \
    X(MEDIA, media)   /* by odds: bytes that had been durable are no longer what they were */                \
    X(READS, reads)   /* by odds: a read gives other bytes than those that stand there, or none */           \
    X(BROKEN, broken) /* by odds: an answer that was no truth */

enum kaya_fault_group {
#define KAYA_FAULT_GROUP_ENUM(NAME, name) KAYA_FAULT_GROUP_##NAME,
    KAYA_FAULT_GROUP_LIST(KAYA_FAULT_GROUP_ENUM)
#undef KAYA_FAULT_GROUP_ENUM
        KAYA_FAULT_GROUPS
};
const char *kaya_fault_group_name(enum kaya_fault_group group);

/* Families of faults, counted by effect (S2): drawn = the dice said so; struck = bytes or results differ from the
 * fault-free ones. X(NAME, name, GROUP) */
#define KAYA_FAULT_LIST(X)                                                                                   \
    X(LOST_SECTOR, lost_sector, CRASH)             /* an unsynced sector kept its durable version */         \
    X(OLD_VERSION, old_version, CRASH)             /* a sector shows a version between durable and newest */ \
    X(TORN_SECTOR, torn_sector, CRASH)             /* a mixture of two neighbouring versions */              \
    X(LOST_SIZE, lost_size, CRASH)                 /* the size went back */                                  \
    X(SIZE_WITHOUT_DATA, size_without_data, CRASH) /* the size survived, its data did not */                 \
    X(LOST_CREATE, lost_create, CRASH)                                                                       \
    X(LOST_RENAME, lost_rename, CRASH)                                                                       \
    X(LOST_UNLINK, lost_unlink, CRASH) /* a removed name is back */                                          \
    X(LOST_TRUNCATE, lost_truncate, CRASH)                                                                   \
    X(LOST_DIRECTORY, lost_directory, CRASH)       /* the log's directory itself */                          \
    X(PROCESS_CRASH, process_crash, CRASH)         /* cache kept, with something unsynced in it */           \
    X(EVICTION, eviction, CRASH)                   /* the cache was written back and dropped */              \
    X(REORDER, reorder, CRASH)                     /* a later write survived where an earlier one did not */ \
    X(SYNC_FAILURE, sync_failure, ERRORS)          /* a sync or durable write answered KAYA_IO */            \
    X(IO_ERROR, io_error, ERRORS)                  /* any call answered KAYA_IO, once */                     \
    X(IO_ERROR_LASTING, io_error_lasting, ERRORS)  /* calls answer KAYA_IO from some call on */              \
    X(NO_SPACE, no_space, ERRORS)                  /* KAYA_FULL, or a short write: the disk is full */       \
    X(NO_ROOM, no_room, ERRORS)                    /* KAYA_FULL, though it is not: a quota, copy on write */ \
    X(LIMIT, limit, ERRORS)                        /* KAYA_LIMIT: too many open files */                     \
    X(SHORT_TRANSFER, short_transfer, ERRORS)      /* a part of a read or write, or KAYA_INTERRUPTED */      \
    X(OUT_OF_MEMORY, out_of_memory, ERRORS)        /* an allocation failed */                                \
    X(BIT_FLIP, bit_flip, MEDIA)                   /* one bit at rest */                                     \
    X(ZEROED_SECTOR, zeroed_sector, MEDIA)         /* at rest: all of it zeros */                            \
    X(STALE_SECTOR, stale_sector, MEDIA)           /* at rest: what it held before */                        \
    X(UNREADABLE_SECTOR, unreadable_sector, MEDIA) /* at rest: KAYA_IO until it is written anew */           \
    X(LOST_WRITE, lost_write, MEDIA)               /* acknowledged as durable, never written */              \
    X(MISDIRECTED_WRITE, misdirected_write, MEDIA) /* acknowledged as durable, written to another place */   \
    X(NEIGHBOUR_DAMAGE, neighbour_damage, MEDIA) /* a power loss hit bytes beside those that were written */ \
    X(READ_ERROR, read_error, READS)             /* KAYA_IO, for some reads in a row */                      \
    X(FLIP_IN_TRANSIT, flip_in_transit, READS)   /* one bit of what was read */                              \
    X(STALE_READ, stale_read, READS)             /* a sector as it was before */                             \
    X(MISDIRECTED_READ, misdirected_read, READS) /* what stands in another sector */                         \
    X(LATE_SYNC_ERROR, late_sync_error, BROKEN)  /* a sync lost data and said OK; a later one fails */       \
    X(LYING_SYNC, lying_sync, BROKEN)            /* a sync said OK; a power loss took what it covered */     \
    X(REORDER_ACROSS_SYNC, reorder_across_sync, BROKEN) /* likewise, and what was written later survived */

enum kaya_fault {
#define KAYA_FAULT_ENUM(NAME, name, GROUP) KAYA_FAULT_##NAME,
    KAYA_FAULT_LIST(KAYA_FAULT_ENUM)
#undef KAYA_FAULT_ENUM
        KAYA_FAULTS
};
const char *kaya_fault_name(enum kaya_fault fault);
enum kaya_fault_group kaya_fault_group(enum kaya_fault fault);

struct kaya_fault_counts {
    uint64_t drawn[KAYA_FAULTS];
    uint64_t struck[KAYA_FAULTS];
};

struct kaya_sim_disk;

struct kaya_sim_disk_options {
    const struct kaya_sim_profile *profile; /* NULL: the default one */
    struct kaya_choices *choices;           /* borrowed; answers fates and faults */
    struct kaya_trace *trace;               /* borrowed; NULL: silent and fast */
    uint64_t calls_per_boot_max; /* a boot that makes more seam calls is stopped as by a crash and marked runaway (P8);
                                    0 means 1,000,000 */
    bool families[KAYA_FAULTS]; /* which families may strike; PROCESS_CRASH and EVICTION are the caller's calls */
    bool families_set;          /* false: all of them */
    uint32_t torn_sectors_max; /* of one power loss at most so many sectors are torn inside; 0 means any number. Bounds
                                    what an odometer has to go through */
    bool list_sorted; /* listings in order of names; false: in any order, by choice (stream SCHEDULE) */
    uint32_t odds[KAYA_FAULTS]; /* of the groups that strike by odds: one chance in so many is taken (stream FAULTS); 0: never.
                                    README.md says what is a chance for each */
    uint32_t read_fault_repeats_max; /* families of READS together strike at most so many reads of a range in a row; 0 means 2, which a
                                        log that reads three times bears; UINT32_MAX: any number */
    uint64_t capacity_bytes; /* room for all files, in blocks of 512; where it ends calls answer KAYA_FULL; 0: without end */
    uint32_t strikes_max; /* families that strike by odds do so at most so many times in the life of this disk; 0 means any number */
    uint32_t transfer_parts_max; /* a transfer that is cut short ends at one of so many places, at even distances; 0 means at any byte */
    struct kaya_latency latencies[KAYA_LATENCIES]; /* how long calls take; all zeros: no time. See kaya_sim_disk_on_delay */
    bool cannot_allocate; /* `allocate` answers KAYA_UNSUPPORTED, and sizes reserve no room */
};

/* KAYA_INVALID: the profile's geometry is none, or its sector is above 64 KiB. KAYA_NO_MEMORY: none for the disk itself; once it
 * stands, memory for its contents is taken for granted, and a process that has none left stops. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_create(const struct kaya_sim_disk_options *options,
                                                      struct kaya_sim_disk **disk);
void kaya_sim_disk_destroy(struct kaya_sim_disk *disk); /* takes NULL */

/* Empty again, as new, with other options; keeps memory (runs in a loop). */
void kaya_sim_disk_reset(struct kaya_sim_disk *disk, const struct kaya_sim_disk_options *options);

/* Disks that were forked or copied from each other share memory: one thread at a time for all of them.
 *
 * A copy that shares unchanged bytes, with its own choices and trace (borrowed, may be NULL for the trace). Costs what is
 * copied of the tables, not of the data. No boot is running on the copy: if one ran on the original, the copy has lost
 * its open handles and its lock, and its cache stands as it was: call one of the crashes on it next. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_fork(const struct kaya_sim_disk *disk,
                                                    struct kaya_choices *choices, struct kaya_trace *trace,
                                                    struct kaya_sim_disk **fork);

/* Make `copy` the same as `disk`, as fork does, reusing copy's memory. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_copy(const struct kaya_sim_disk *disk,
                                                    struct kaya_choices *choices, struct kaya_trace *trace,
                                                    struct kaya_sim_disk *copy);

/* Switch one family on or off from now on (a copy has its original's): for an explorer that takes tears only here and there. */
void kaya_sim_disk_allow(struct kaya_sim_disk *disk, enum kaya_fault family, bool may_strike);

/* The seam of a new boot. The one before must have ended by a crash or kaya_sim_disk_shut_down. Owned by `disk`. */
struct kaya_disk *kaya_sim_disk_boot(struct kaya_sim_disk *disk);

/* Orderly end of a boot: handles and lock end, the cache stays (as after a process crash, but counted as no fault). */
void kaya_sim_disk_shut_down(struct kaya_sim_disk *disk);

/* Between boots: all that stands here was copied to a disk of that profile, whose sectors are as long, and goes on there. What was not durable is
 * the caller's to make so before. */
void kaya_sim_disk_move(struct kaya_sim_disk *disk, const struct kaya_sim_profile *profile);

/* Crash now. The running boot answers KAYA_GONE from here on. */
void kaya_sim_disk_process_crash(struct kaya_sim_disk *disk); /* the cache survives, handles and locks do not */
void kaya_sim_disk_power_loss(struct kaya_sim_disk *disk); /* what was not synced: any part, decided when first read */

/* Between boots, after a process crash: some clean pages are dropped and some dirty ones written back, by choice. */
void kaya_sim_disk_evict(struct kaya_sim_disk *disk);

/* Between boots: time goes by, and the medium loses what it held. Each media family that strikes at rest has one chance, in any sector
 * of any file. */
void kaya_sim_disk_decay(struct kaya_sim_disk *disk);

/* Lift all faults at once: damaged sectors hold again what they would hold without damage, and nothing strikes by odds any more (until
 * the disk is reset). Crashes stay what they were. At any time. */
void kaya_sim_disk_heal(struct kaya_sim_disk *disk);

/* Crash by itself right before seam call number `call` of this boot takes effect (calls are counted from 1; 0: never). */
enum kaya_crash { KAYA_CRASH_POWER_LOSS, KAYA_CRASH_PROCESS };
void kaya_sim_disk_crash_at(struct kaya_sim_disk *disk, uint64_t call, enum kaya_crash crash);

bool kaya_sim_disk_is_crashed(const struct kaya_sim_disk *disk); /* since the last boot */
bool kaya_sim_disk_is_runaway(const struct kaya_sim_disk *disk); /* the last boot made too many calls */
uint64_t kaya_sim_disk_calls(const struct kaya_sim_disk *disk);  /* of the running or last boot */
bool kaya_sim_disk_lock_held(const struct kaya_sim_disk *disk);

/* I/O done since create or reset, for bounds (P8). */
struct kaya_sim_disk_usage {
    uint64_t bytes_read, bytes_written, syncs, directory_syncs, lists, calls;
    uint64_t changing_calls; /* of these: writes, sizes, names, syncs, the lock; opening and reading change nothing */
    uint64_t file_count;
};
struct kaya_sim_disk_usage kaya_sim_disk_usage(const struct kaya_sim_disk *disk);
uint64_t kaya_sim_disk_bytes_stored(const struct kaya_sim_disk *disk); /* sizes of all files now; looks at each */

/* Files that the running boot has open, each as often as it was opened. */
size_t kaya_sim_disk_open_count(const struct kaya_sim_disk *disk);

/* Called right before each seam call takes effect, with its number: where the explorer forks. NULL: nobody. */
typedef void kaya_sim_disk_boundary(void *user, struct kaya_sim_disk *disk, uint64_t call,
                                    enum kaya_trace_kind kind);
void kaya_sim_disk_on_boundary(struct kaya_sim_disk *disk, kaya_sim_disk_boundary *boundary, void *user);

/* Called where a call of a disk with latencies lets time pass: comes back when it has. kaya_sim_runtime_delay does so, with the struct
 * kaya_sim_runtime as its user. NULL: nobody counts the time. Copies of a disk take no time. */
typedef void kaya_sim_disk_delay(void *user, uint64_t nanoseconds);
void kaya_sim_disk_on_delay(struct kaya_sim_disk *disk, kaya_sim_disk_delay *delay, void *user);

/* Called right before a choice on stream CRASH is made, while the disk stands as all choices before it left it. NULL: nobody. */
typedef void kaya_sim_disk_question(void *user);
void kaya_sim_disk_on_question(struct kaya_sim_disk *disk, kaya_sim_disk_question *question, void *user);

/* Syncs and durable writes, of files and directories, that answered an error since create or reset. */
uint64_t kaya_sim_disk_failed_syncs(const struct kaya_sim_disk *disk);

/* Other programs take up the disk but for `bytes` (or nothing of it, where there is no more); what they had taken before they
 * give back first. UINT64_MAX: they take nothing. Without effect on a disk without end. */
void kaya_sim_disk_leave_room(struct kaya_sim_disk *disk, uint64_t bytes);

/* Does an allocation of the machine's memory fail now (family out_of_memory)? `disk` is the struct kaya_sim_disk; as a function for
 * kaya_sim_memory_on_allocate. */
bool kaya_sim_disk_refuses_memory(void *disk);

struct kaya_fault_counts kaya_sim_disk_fault_counts(const struct kaya_sim_disk *disk);
/* The families that struck since the last call, or create or reset: bit 1 << family. */
uint64_t kaya_sim_disk_take_struck(struct kaya_sim_disk *disk);

/* The image, for oracles and for damage made by hand. Fates that were open are decided, as far as each call looks. Names: those
 * that exist now, in order, without the lock file, which holds nothing. Bytes: those that the next reader sees or, where the cache hides
 * damage, those on the medium; KAYA_IO: a sector of the range is unreadable. True bytes: those that would be there if the medium had
 * never failed. */
void kaya_sim_disk_names(struct kaya_sim_disk *disk, kaya_list_visitor *visit, void *user);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_peek(struct kaya_sim_disk *disk, const char *name,
                                                    uint64_t offset, void *bytes, size_t length, size_t *done);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_peek_true(struct kaya_sim_disk *disk, const char *name,
                                                         uint64_t offset, void *bytes, size_t length,
                                                         size_t *done);
bool kaya_sim_disk_is_damaged(const struct kaya_sim_disk *disk); /* or was: false where no true bytes differ from those there */

/* Change bytes durably behind everyone's back (media damage); within the file's size. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_poke(struct kaya_sim_disk *disk, const char *name,
                                                    uint64_t offset, const void *bytes, size_t length);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_file_size(struct kaya_sim_disk *disk, const char *name,
                                                         uint64_t *bytes);
/* What people do to a directory, between boots: as `cp`, `mv`, `rm` and `truncate` followed by `sync`. What is touched is durable
 * afterwards, and with it every pending change of a name; one note each in the trace. KAYA_NOT_FOUND: no such file, or (put) no
 * directory. KAYA_INVALID: no such name can be, or a cut that would lengthen. To undo, keep a fork and copy it back. */
KAYA_MUST_CHECK enum kaya_status
kaya_sim_disk_put_file(struct kaya_sim_disk *disk, const char *name, const void *bytes,
                       size_t length); /* new, or in place of what is there; KAYA_FULL: too long */
/* A directory, which is no file of the log's: it stands in the way of whoever wants its name. A listing shows it as KAYA_ENTRY_OTHER, and to
 * the calls above it is no file. */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_put_directory(struct kaya_sim_disk *disk, const char *name);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_copy_file(struct kaya_sim_disk *disk, const char *from,
                                                         const char *to);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_rename_file(struct kaya_sim_disk *disk, const char *from,
                                                           const char *to);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_swap_files(struct kaya_sim_disk *disk, const char *one,
                                                          const char *other);
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_remove_file(struct kaya_sim_disk *disk,
                                                           const char *name); /* a directory, too */
KAYA_MUST_CHECK enum kaya_status kaya_sim_disk_cut_file(struct kaya_sim_disk *disk, const char *name,
                                                        uint64_t bytes);
/* The inode behind a name (as in trace events); 0: none. */
uint64_t kaya_sim_disk_inode(struct kaya_sim_disk *disk, const char *name);

#ifdef __cplusplus
}
#endif

#endif
