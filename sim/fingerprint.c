/* The state of a disk, as a hash over all that a later call could tell of: XXH3-128 over one row of words.
 *
 *     names    those shown, those durable, the changes between; which file each leads to
 *     files    sizes and their history; of each sector what is shown, the versions behind it, and what is open
 *     crashes  what is undecided stands there as undecided, with all that it may become
 *     the rest blocks that were given up (growth may show them), errors that last, the write that a crash would interrupt
 *
 * By content, not by identity: a block counts by its bytes, so two ways that lead to the same disk give the same row. Left out is
 * what decides nothing: stamps where the profile keeps no order among data (they only say whether a strike counts as a reordering),
 * numbers of inodes where nothing shows garbage (which is a function of them), counts, handles (they end with the boot, and in the middle
 * of one they follow from what it was answered). Too much in the row costs a visit, too little would cost a bug; in doubt it is in.
 *
 * It costs what changed, and three words a file: blocks keep their hash, and so do inodes until somebody asks to change them (kaya_disk_own), in all forks
 * that share them. An inode with something undecided keeps none, for that is decided without asking again. */
#include "fingerprint.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lie.h"

static const uint64_t crash_families =
#define CRASH_FAMILY(NAME, name, GROUP)                                                                      \
    (KAYA_FAULT_GROUP_##GROUP == KAYA_FAULT_GROUP_CRASH ? UINT64_C(1) << KAYA_FAULT_##NAME : 0) |
    KAYA_FAULT_LIST(CRASH_FAMILY) 0;
#undef CRASH_FAMILY

/* ---- rows ---- */

struct row {
    struct kaya_sim_disk *disk; /* whose scratch it is */
    size_t count;
};

static void reserve(struct row *row, size_t count)
{
    struct kaya_sim_disk *disk = row->disk;

    if (row->count + count > disk->word_capacity)
        disk->words =
            kaya_disk_scratch(disk->words, &disk->word_capacity, row->count + count, sizeof *disk->words);
}

static void add(struct row *row, uint64_t word)
{
    reserve(row, 1);
    row->disk->words[row->count++] = word;
}

static void add_hash(struct row *row, struct kaya_hash hash)
{
    add(row, hash.low);
    add(row, hash.high);
}

static struct kaya_hash hash_from(struct row *row, size_t first)
{
    XXH128_hash_t hash;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t index = first; index < row->count; index++)
        row->disk->words[index] = __builtin_bswap64(row->disk->words[index]);
#endif
    hash = XXH3_128bits(row->disk->words + first, (row->count - first) * sizeof *row->disk->words);
    row->count = first;
    return (struct kaya_hash){ hash.low64, hash.high64 };
}

/* ---- files ---- */

/* Does anything hang on which of two versions is the older one? */
static bool has_order(const struct kaya_sim_disk *disk, const struct kaya_inode *inode)
{
    return disk->profile->data_in_order || disk->profile->size_with_data || inode->has_cut;
}

/* Does anything show bytes that are made from numbers of inodes and crashes? */
static bool shows_garbage(const struct kaya_sim_disk *disk)
{
    return disk->profile->growth == KAYA_GROWTH_GARBAGE || !disk->profile->geometry.power_safe_overwrite;
}

/* Whether a sector is listed says something only behind the durable size: one that is not was never written there. */
static uint64_t flags_of(const struct row *row, const struct kaya_inode *inode, uint32_t index)
{
    uint32_t flags = inode->sectors[index].flags;
    bool is_growth = (uint64_t)index << row->disk->store.sector_shift >= inode->durable_size_bytes;

    return is_growth ? flags : flags & ~(uint32_t)KAYA_SECTOR_LISTED;
}

static void add_sector(struct row *row, const struct kaya_inode *inode, uint32_t index, bool with_stamps)
{
    const struct kaya_store *store = &row->disk->store;
    const struct kaya_sector *sector = &inode->sectors[index];

    add(row,
        flags_of(row, inode, index) << 2 | (uint64_t)(sector->older != NULL) << 1 | (sector->newest != NULL));
    if (sector->newest != NULL)
        add_hash(row, kaya_block_hash(store, sector->newest));
    if (with_stamps)
        add(row, sector->stamp);
    for (const struct kaya_version *older = sector->older; older != NULL; older = older->older) {
        add(row, (uint64_t)older->is_cut << 1 | (older->older != NULL));
        add_hash(row, kaya_block_hash(store, older->block));
        if (with_stamps)
            add(row, older->stamp);
    }
}

static struct kaya_hash inode_hash(struct row *row, const struct kaya_inode *inode)
{
    bool with_stamps = has_order(row->disk, inode);
    size_t first = row->count;

    add(row, inode->size_bytes);
    add(row, inode->durable_size_bytes);
    add(row, inode->owes_error_to);
    add(row, (uint64_t)inode->is_size_undecided | (uint64_t)inode->has_cut << 1 |
                 (uint64_t)inode->has_forgotten << 2 | (uint64_t)inode->size_count << 3 |
                 (uint64_t)inode->is_directory << 63);
    if (row->disk->capacity_bytes != 0) {
        add(row, inode->reserved_bytes);
        add(row, inode->island_begin);
        add(row, inode->island_end);
    }
    if (shows_garbage(row->disk))
        add(row, inode->number);
    for (uint32_t index = 0; index < inode->size_count; index++) {
        add(row, inode->sizes[index].bytes << 1 | inode->sizes[index].is_cut);
        if (with_stamps)
            add(row, inode->sizes[index].stamp);
    }
    for (uint32_t index = 0; index < inode->sector_count; index++)
        add_sector(row, inode, index, with_stamps);
    return hash_from(row, first);
}

static void know_inode(struct row *row, struct kaya_inode *inode)
{
    inode->hash = inode_hash(row, inode);
    inode->has_hash = inode->undecided_count == 0 && !inode->is_size_undecided;
}

/* ---- names ---- */

/* While names are undecided, those that are shown follow from the durable ones and the changes. */
static void add_names(struct row *row, const struct kaya_names *names)
{
    add(row, (uint64_t)names->exists | (uint64_t)names->is_durable << 1 | (uint64_t)names->is_undecided << 2 |
                 (uint64_t)names->has_lock_file << 3 | (uint64_t)names->change_count << 4);
    if (!names->is_undecided || names->change_count == 0)
        add_hash(row, kaya_entries_hash(names->now));
    if (names->change_count == 0)
        return;
    add_hash(row, kaya_entries_hash(names->durable));
    for (uint32_t index = 0; index < names->change_count; index++) {
        const struct kaya_change *change = &names->changes[index];

        add(row, (uint64_t)change->kind | (uint64_t)change->is_durable << 8 |
                     (uint64_t)change->is_forgotten << 9 | (uint64_t)change->file << 32);
        add_hash(row, kaya_name_hash(change->name));
    }
}

/* ---- the whole ---- */

/* In the order in which growth looks for one. */
static void add_stale(struct row *row, const struct kaya_sim_disk *disk)
{
    const struct kaya_stale *stale = disk->store.stale;

    if (stale == NULL || disk->profile->growth == KAYA_GROWTH_ZEROS)
        return;
    for (uint32_t back = 1; back <= stale->count; back++) {
        uint32_t index = (stale->next + KAYA_STALE_MAX - back) % KAYA_STALE_MAX;

        add(row, stale->entries[index].sector);
        add_hash(row, kaya_block_hash(&disk->store, stale->entries[index].block));
    }
    add(row, stale->count);
}

static void add_inflights(struct row *row, struct kaya_sim_disk *disk)
{
    uint64_t count = 0;

    for (const struct kaya_sim_inflight *inflight = disk->inflights; inflight != NULL; inflight = inflight->next) {
        XXH128_hash_t hash = XXH3_128bits(
            kaya_disk_gather(disk, inflight->spans, inflight->span_count, inflight->length), inflight->length);

        count++;
        add(row, (uint64_t)inflight->file << 1 | inflight->is_durable);
        add(row, inflight->offset);
        add(row, inflight->length);
        add_hash(row, (struct kaya_hash){ hash.low64, hash.high64 });
    }
    add(row, count);
}

/* Hashes of inodes first, which use the row themselves; then all in a row. */
static void add_files(struct row *row, struct kaya_sim_disk *disk)
{
    uint64_t *words;

    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && !disk->files[file].inode->has_hash)
            know_inode(row, disk->files[file].inode);
    reserve(row, 3 * (size_t)disk->file_count);
    words = disk->words + row->count;
    for (uint32_t file = 0; file < disk->file_count; file++) {
        const struct kaya_inode *inode = disk->files[file].inode;

        if (inode == NULL)
            continue;
        words[0] = file;
        words[1] = inode->hash.low;
        words[2] = inode->hash.high;
        words += 3;
    }
    row->count = (size_t)(words - disk->words);
}

struct kaya_hash kaya_disk_fingerprint(struct kaya_sim_disk *disk)
{
    struct row row = { .disk = disk };

    KAYA_ASSERT(disk->lie_count == 0); /* who lies is not explored */
    add(&row, (uint64_t)disk->broken | (uint64_t)disk->strikes << 8);
    add(&row, disk->failed_syncs);
    add(&row, disk->struck_families & ~crash_families); /* what a crash left excuses nobody */
    add(&row, disk->bytes_of_others);
    add(&row, disk->torn_sectors < disk->torn_sectors_max ? disk->torn_sectors : disk->torn_sectors_max);
    if (shows_garbage(disk))
        add(&row, disk->crash_number);
    add_inflights(&row, disk);
    add_names(&row, &disk->directory);
    add_files(&row, disk);
    add_stale(&row, disk);
    return hash_from(&row, 0);
}
