/* The disks and file systems that can be simulated, as data. A row says what its source promises and not more: where a
 * source is silent the weaker reading stands, so that a log which survives here survives there.
 *
 * Two readings that hold for all rows:
 *   - `sync` is the call that the source promises durability for: fdatasync on Linux with the drive's cache flushed, and
 *     F_FULLFSYNC on Apple's systems, whose plain fsync promises nothing about power.
 *   - metadata (a size, a name) is atomic: POSIX promises it for rename, journals and copy-on-write for all of it. */
#include "kaya/sim/profile.h"

#include <string.h>

enum { SECTOR = 512, PAGE = 4096 };

/* Tears between sectors, and inside them; what is written through the cache is written alone. */
#define GEOMETRY_SECTOR                                                                                      \
    {                                                                                                        \
        .sector_bytes = SECTOR, .atomic_bytes = 0, .writeback_bytes = SECTOR, .buffer_alignment = 1,         \
        .power_safe_overwrite = true,                                                                        \
    }

/* The same, and one call that writes and is durable on return costs less than a write and a sync. */
#define GEOMETRY_DURABLE_WRITES                                                                              \
    {                                                                                                        \
        .sector_bytes = SECTOR, .atomic_bytes = 0, .writeback_bytes = SECTOR, .buffer_alignment = 1,         \
        .power_safe_overwrite = true, .prefers_write_durable = true,                                         \
    }

/* The page cache on a disk of 512 B sectors: a dirty byte takes its whole page along. */
#define GEOMETRY_PAGE(psow)                                                                                  \
    {                                                                                                        \
        .sector_bytes = SECTOR, .atomic_bytes = 0, .writeback_bytes = PAGE, .buffer_alignment = 1,           \
        .power_safe_overwrite = (psow),                                                                      \
    }

/* A device whose smallest unit is 4 KiB and never torn. */
#define GEOMETRY_ATOMIC_PAGE                                                                                 \
    {                                                                                                        \
        .sector_bytes = PAGE, .atomic_bytes = PAGE, .writeback_bytes = PAGE, .buffer_alignment = 1,          \
        .power_safe_overwrite = true,                                                                        \
    }

static const struct kaya_sim_profile profiles[] = {
    {
        .name = "posix",
        .source = "IEEE Std 1003.1-2017 fsync(), fdatasync(), rename(): nothing is promised about what was not synced, in "
                  "what order it is written, or about names; sqlite.org/psow.html for power-safe overwrite",
        .geometry = GEOMETRY_SECTOR,
        .growth = KAYA_GROWTH_GARBAGE,
        .byte_tears = true,
    },
    {
        .name = "posix-no-psow",
        .source = "as posix, and sqlite.org/psow.html: without power-safe overwrite a write that is cut short may change bytes "
                  "next to those that were written",
        .geometry = GEOMETRY_PAGE(false),
        .growth = KAYA_GROWTH_GARBAGE,
        .byte_tears = true,
    },
    {
        .name = "ext4-ordered",
        .source =
            "Linux Documentation/filesystems/ext4/journal.rst, data=ordered (the default): a new block's data is on disk "
            "before the metadata that shows it is committed; one journal, committed in order; fsync commits it",
        .geometry = GEOMETRY_PAGE(true),
        .growth = KAYA_GROWTH_ZEROS,
        .size_with_data = true,
        .names_in_order = true,
        .sync_covers_names = true,
    },
    {
        .name = "ext4-writeback",
        .source = "Linux Documentation/filesystems/ext4/journal.rst, data=writeback: data is not flushed before the metadata that "
                  "shows it, so a file may show what its blocks held before; names as in data=ordered",
        .geometry = GEOMETRY_PAGE(true),
        .growth = KAYA_GROWTH_STALE,
        .names_in_order = true,
        .sync_covers_names = true,
    },
    {
        .name = "xfs",
        .source = "XFS FAQ, \"Why do I see binary NULLS in some files after recovery\" (size is updated after the data since "
                  "Linux 2.6.22) and Linux Documentation/filesystems/xfs/xfs-delayed-logging-design.rst (one log, in order; "
                  "fsync forces it)",
        .geometry = GEOMETRY_PAGE(true),
        .growth = KAYA_GROWTH_ZEROS,
        .size_with_data = true,
        .names_in_order = true,
        .sync_covers_names = true,
    },
    {
        .name = "btrfs",
        .source = "Linux fs/btrfs/tree-log.c, opening comment: fsync logs that file and its names, everything else waits for a full "
                  "commit; btrfs(5): copy on write, so an extent shows when it is complete",
        .geometry = GEOMETRY_PAGE(true),
        .growth = KAYA_GROWTH_ZEROS,
        .size_with_data = true,
        .sync_covers_names = true,
    },
    {
        .name = "apfs",
        .source = "Apple File System Reference, checkpoints (metadata is copied on write and shows as a whole), and fcntl(2), "
                  "F_FULLFSYNC, which `sync` stands for",
        .geometry = GEOMETRY_ATOMIC_PAGE,
        .growth = KAYA_GROWTH_ZEROS,
        .names_in_order = true,
    },
    {
        .name = "zfs",
        .source = "OpenZFS zpoolconcepts(7) and zfs(4), zfs_txg_timeout: changes are grouped into transactions that show in order and "
                  "as a whole; fsync puts that file's into the intent log",
        .geometry = GEOMETRY_ATOMIC_PAGE,
        .growth = KAYA_GROWTH_ZEROS,
        .size_with_data = true,
        .names_in_order = true,
        .sync_covers_names = true,
        .data_in_order = true,
    },
    {
        .name = "nvme-4k-atomic",
        .source = "NVM Express, NVM Command Set, AWUPF of eight 512 B blocks: a write of that size and alignment is all old or all new "
                  "after a power failure; names as in posix",
        .geometry = GEOMETRY_ATOMIC_PAGE,
        .growth = KAYA_GROWTH_GARBAGE,
    },
    {
        .name = "sector-512-torn",
        .source = "sqlite.org/atomiccommit.html, 2.0 \"Hardware Assumptions\": a sector is written from one end to the other and "
                  "may be left in between; the file system as ext4-ordered",
        .geometry = GEOMETRY_SECTOR,
        .growth = KAYA_GROWTH_ZEROS,
        .byte_tears = true,
        .size_with_data = true,
        .names_in_order = true,
        .sync_covers_names = true,
    },
    {
        .name = "posix-durable-writes",
        .source = "open(2), O_DSYNC, and pwritev2(2), RWF_DSYNC: the write is complete when its own data reached the hardware; nothing is "
                  "said about what was written before. All else as posix",
        .geometry = GEOMETRY_DURABLE_WRITES,
        .growth = KAYA_GROWTH_GARBAGE,
        .byte_tears = true,
    },
};

const struct kaya_sim_profile *kaya_sim_profiles(size_t *count)
{
    *count = sizeof profiles / sizeof profiles[0];
    return profiles;
}

const struct kaya_sim_profile *kaya_sim_profile_find(const char *name)
{
    for (size_t index = 0; index < sizeof profiles / sizeof profiles[0]; index++)
        if (strcmp(profiles[index].name, name) == 0)
            return &profiles[index];
    return NULL;
}
