/* What a power loss leaves, decided when somebody first looks.
 *
 * At the crash itself only marks are made: this directory, this size, these sectors are undecided. Every later question is
 * asked in the order in which the next boot looks at things, so it is a function of its calls, and an odometer goes through
 * exactly those outcomes that this boot can tell apart.
 *
 *   names    a subset of the changes since the directory was synced (directory.c); in order of a journal: a prefix.
 *            The directory itself may be gone with all that was in it.
 *   size     any that the file had since the durable one. It says which life of each sector counts (inode.c).
 *   sector   any version since the durable one; where the profile tears inside sectors, also a mixture of two neighbours:
 *            the first or the last so many of the differing bytes are new. Growth shows zeros, blocks that some file gave up,
 *            or garbage, as the profile says. Where overwriting is not power-safe, every sector of a write-back unit that
 *            was dirty in part may be zeros or garbage, also those that had been durable.
 *
 * Answers are counted over what differs: versions that are equal as far as the file reaches are one outcome. 0 is always the
 * newest, so "all 0" is a crash that lost nothing.
 *
 * A sector that is overwritten as a whole before anybody read it is never decided. Its versions stay in the list, behind the
 * new one, since a second power loss may still show any of them. */
#include "fate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fault.h"

enum {
    ENUMERATED_CHANGES_MAX = 6, /* names: all subsets of so many; the older changes are asked one by one */
};

/* Whoever listens finds the disk as all answers before this one left it. */
static uint64_t ask(struct kaya_sim_disk *disk, uint64_t count, const char *label)
{
    if (count > 1 && disk->question != NULL)
        disk->question(disk->question_user);
    return kaya_choose(disk->choices, KAYA_STREAM_CRASH, count, label);
}

/* ---- names ---- */

static const enum kaya_fault change_families[] = {
    [KAYA_CHANGE_CREATE] = KAYA_FAULT_LOST_CREATE,
    [KAYA_CHANGE_RENAME] = KAYA_FAULT_LOST_RENAME,
    [KAYA_CHANGE_UNLINK] = KAYA_FAULT_LOST_UNLINK,
};

static bool may_be_lost(const struct kaya_sim_disk *disk, const struct kaya_change *change)
{
    return !change->is_durable && disk->families[change_families[change->kind]];
}

static uint64_t low_bits(uint32_t count)
{
    return count >= 64 ? UINT64_MAX : (1ull << count) - 1;
}

/* The changes that no outcome loses. In order: all before the last of them, too. */
static uint64_t forced_changes(const struct kaya_sim_disk *disk)
{
    const struct kaya_names *directory = &disk->directory;
    uint64_t forced = 0;

    for (uint32_t index = 0; index < directory->change_count; index++)
        if (!may_be_lost(disk, &directory->changes[index]))
            forced |= disk->profile->names_in_order ? low_bits(index + 1) : 1ull << index;
    return forced;
}

static_assert(1 << ENUMERATED_CHANGES_MAX <= KAYA_CHANGES_MAX + 1, "all subsets, or all prefixes, find room");

static void add_name_outcome(struct kaya_sim_disk *disk, uint64_t mask)
{
    struct kaya_name_outcomes *outcomes = &disk->name_outcomes;
    struct kaya_entries *entries = kaya_names_outcome(disk->store.pool, &disk->directory, mask);

    for (uint32_t index = 0; index < outcomes->count; index++) {
        if (kaya_entries_are_equal(outcomes->outcomes[index].entries, entries)) {
            kaya_entries_release(disk->store.pool, entries);
            return;
        }
    }
    outcomes->outcomes[outcomes->count].mask = mask;
    outcomes->outcomes[outcomes->count].entries = entries;
    outcomes->outcomes[outcomes->count].is_judged = false;
    outcomes->count++;
}

/* One journal: what survives is a prefix. */
static void list_prefixes(struct kaya_sim_disk *disk, uint64_t forced)
{
    for (uint32_t kept = disk->directory.change_count + 1; kept-- > 0;) {
        uint64_t mask = low_bits(kept);

        if ((forced & ~mask) != 0)
            break;
        add_name_outcome(disk, mask);
    }
}

/* Older changes than those enumerated are asked for. */
static bool asks_for_some(const struct kaya_sim_disk *disk)
{
    return !disk->profile->names_in_order && disk->directory.change_count > ENUMERATED_CHANGES_MAX;
}

static void list_subsets(struct kaya_sim_disk *disk, uint64_t forced)
{
    uint32_t count = disk->directory.change_count;
    uint32_t enumerated = count < ENUMERATED_CHANGES_MAX ? count : ENUMERATED_CHANGES_MAX;
    uint32_t asked = count - enumerated;
    uint64_t old = 0;

    for (uint32_t index = 0; index < asked; index++)
        if ((forced >> index & 1) != 0 || kaya_choose(disk->choices, KAYA_STREAM_CRASH, 2, "name") == 0)
            old |= 1ull << index;
    for (uint64_t subset = low_bits(enumerated) + 1; subset-- > 0;) {
        uint64_t mask = old | subset << asked;

        if ((forced & ~mask) == 0)
            add_name_outcome(disk, mask);
    }
}

static void forget_name_outcomes(struct kaya_sim_disk *disk)
{
    struct kaya_name_outcomes *outcomes = &disk->name_outcomes;

    outcomes->stamp = 0;
    while (outcomes->count > 0)
        kaya_entries_release(disk->store.pool, outcomes->outcomes[--outcomes->count].entries);
}

/* The same for each outcome of a crash, but for what is asked on the way. */
static void list_name_outcomes(struct kaya_sim_disk *disk)
{
    struct kaya_name_outcomes *outcomes = &disk->name_outcomes;
    uint64_t forced = forced_changes(disk);

    if (outcomes->stamp == disk->directory.stamp && outcomes->forced == forced)
        return;
    forget_name_outcomes(disk);
    outcomes->stamp = asks_for_some(disk) ? 0 : disk->directory.stamp;
    outcomes->forced = forced;
    if (disk->profile->names_in_order)
        list_prefixes(disk, forced);
    else
        list_subsets(disk, forced);
}

/* Which of the missing changes make a difference next to what was kept. */
static uint64_t struck_changes(struct kaya_sim_disk *disk, uint64_t answer)
{
    struct kaya_names *directory = &disk->directory;
    uint64_t mask = disk->name_outcomes.outcomes[answer].mask;
    uint64_t struck = 0;

    if (disk->name_outcomes.outcomes[answer].is_judged)
        return disk->name_outcomes.outcomes[answer].struck;
    for (uint32_t index = 0; index < directory->change_count; index++) {
        struct kaya_entries *with;

        if ((mask >> index & 1) != 0)
            continue;
        with = kaya_names_outcome(disk->store.pool, directory, mask | 1ull << index);
        if (!kaya_entries_are_equal(with, disk->name_outcomes.outcomes[answer].entries))
            struck |= 1ull << index;
        kaya_entries_release(disk->store.pool, with);
    }
    disk->name_outcomes.outcomes[answer].is_judged = true;
    disk->name_outcomes.outcomes[answer].struck = struck;
    return struck;
}

static void count_lost_names(struct kaya_sim_disk *disk, uint64_t answer)
{
    const struct kaya_names *directory = &disk->directory;
    uint64_t mask = disk->name_outcomes.outcomes[answer].mask;
    uint64_t struck = struck_changes(disk, answer);

    for (uint32_t index = 0; index < directory->change_count; index++) {
        enum kaya_fault fault = change_families[directory->changes[index].kind];

        if ((mask >> index & 1) != 0)
            continue;
        kaya_fault_draw(disk, fault);
        if ((struck >> index & 1) == 0)
            continue;
        kaya_fault_strike(disk, fault);
        kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, 0, fault, 0, directory->changes[index].name->text);
    }
}

static void decide_changes(struct kaya_sim_disk *disk)
{
    const struct kaya_name_outcomes *outcomes = &disk->name_outcomes;
    uint64_t answer;
    uint64_t mask;

    list_name_outcomes(disk);
    if (disk->directory.change_count > ENUMERATED_CHANGES_MAX) /* in the middle of it: older changes were asked for */
        answer = kaya_choose(disk->choices, KAYA_STREAM_CRASH, outcomes->count, "names");
    else
        answer = ask(disk, outcomes->count, "names");
    mask = outcomes->outcomes[answer].mask;
    if (mask != kaya_names_all(&disk->directory))
        count_lost_names(disk, answer);
    kaya_names_take_outcome(disk->store.pool, &disk->directory, outcomes->outcomes[answer].entries);
    kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, 0, answer, outcomes->count, "names");
}

static bool is_directory_lost(struct kaya_sim_disk *disk)
{
    bool is_lost = !disk->directory.is_durable && disk->families[KAYA_FAULT_LOST_DIRECTORY] &&
                   ask(disk, 2, "directory") == 1;

    if (is_lost) {
        kaya_fault_draw(disk, KAYA_FAULT_LOST_DIRECTORY);
        kaya_fault_strike(disk, KAYA_FAULT_LOST_DIRECTORY);
        kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, 0, 1, 2, "directory");
    }
    return is_lost;
}

void kaya_fate_decide_names_slowly(struct kaya_sim_disk *disk)
{
    if (is_directory_lost(disk)) {
        kaya_names_clear(disk->store.pool, &disk->directory);
    } else {
        disk->directory.is_durable = true;
        if (disk->directory.change_count > 0)
            decide_changes(disk);
    }
    disk->directory.is_undecided = false;
    kaya_disk_drop_unnamed_files(disk);
}

/* ---- sectors: what is left of their lists ---- */

/* Truncations behind `stamp` never happened, and neither did what was written behind them. True if there were any. */
static bool drop_later_lives(struct kaya_store *store, struct kaya_sector *sector, uint64_t stamp)
{
    uint64_t first_lost = (sector->flags & KAYA_SECTOR_CUT) != 0 && sector->stamp > stamp ? sector->stamp : 0;

    for (const struct kaya_version *older = sector->older; older != NULL; older = older->older)
        if (older->is_cut && older->stamp > stamp)
            first_lost = older->stamp;
    while (first_lost != 0 && sector->stamp >= first_lost)
        kaya_sector_pop(store, sector);
    return first_lost != 0;
}

/* Ordered mode: a size that survived has the data below it, as of then or newer. */
static void drop_before(struct kaya_store *store, struct kaya_sector *sector, uint64_t stamp)
{
    struct kaya_version *kept = NULL;
    struct kaya_version **link = &kept;
    const struct kaya_version *older = sector->older;

    if ((sector->flags & KAYA_SECTOR_BARE) != 0)
        return;
    if (sector->stamp > stamp) {
        for (; older != NULL && !older->is_cut; older = older->older) {
            struct kaya_block *block = kaya_block_retain(older->block);

            *link = kaya_pool_version(store->pool, block, older->stamp, false, NULL);
            link = &(*link)->older;
            if (older->stamp <= stamp)
                break;
        }
        if (older == NULL || older->is_cut) { /* nothing had been written by then: the whole list stays */
            kaya_version_release(store->pool, kept);
            return;
        }
    }
    kaya_version_release(store->pool, sector->older);
    sector->older = kept;
    sector->flags &= ~(uint32_t)KAYA_SECTOR_GROWN;
}

static void zero_behind(struct kaya_store *store, struct kaya_sector *sector, size_t visible)
{
    struct kaya_block *block;

    if (sector->newest == NULL || visible == store->sector_bytes)
        return;
    block = kaya_pool_block(store->pool);
    memcpy(block->bytes, sector->newest->bytes, visible);
    memset(block->bytes + visible, 0, store->sector_bytes - visible);
    if (sector->newest->flags != 0)
        kaya_block_carry_front(store, block, sector->newest, visible);
    kaya_block_release(store->pool, sector->newest);
    sector->newest = block;
}

/* How many bytes of the sector the file has. */
static size_t visible_bytes(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t index)
{
    uint64_t start = index << store->sector_shift;
    uint64_t visible = inode->size_bytes > start ? inode->size_bytes - start : 0;

    return visible < store->sector_bytes ? (size_t)visible : store->sector_bytes;
}

/* Behind the end: as if it had never been. */
static void make_hole(struct kaya_store *store, struct kaya_inode *inode, struct kaya_sector *sector)
{
    kaya_inode_settle_sector(store, inode, sector);
    kaya_block_release(store->pool, sector->newest);
    sector->newest = NULL;
    sector->flags = 0;
}

static void decide(struct kaya_inode *inode, struct kaya_sector *sector)
{
    if ((sector->flags & KAYA_SECTOR_UNDECIDED) != 0)
        inode->undecided_count--;
    sector->flags &= KAYA_SECTOR_LISTED;
}

/* The size is decided; `stamp` is its own. Drop from one sector's list what cannot be any more. True if an earlier life of it
 * is back, inside the file. */
static bool fit_sector(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t index, uint64_t stamp,
                       uint64_t was_durable_bytes)
{
    struct kaya_store *store = &disk->store;
    struct kaya_sector *sector = &inode->sectors[index];
    size_t visible = visible_bytes(store, inode, index);
    bool is_back = inode->has_cut && drop_later_lives(store, sector, stamp);

    if (visible == 0) {
        make_hole(store, inode, sector);
        return false;
    }
    if (disk->profile->size_with_data && stamp > 0 && index >= was_durable_bytes >> store->sector_shift)
        drop_before(store, sector, stamp);
    if (!kaya_sector_is_dirty(sector) && (sector->flags & KAYA_SECTOR_GARBLED) == 0) {
        decide(inode, sector);
        zero_behind(store, sector, visible);
    }
    return is_back;
}

/* ---- sizes ---- */

/* Sizes are counted from the newest (0) to the durable one (size_count). */
static struct kaya_size size_at(const struct kaya_inode *inode, uint64_t back)
{
    if (back == inode->size_count)
        return (struct kaya_size){ .bytes = inode->durable_size_bytes };
    return inode->sizes[inode->size_count - 1 - back];
}

/* What it means that this one survived. */
static enum kaya_fault size_family(const struct kaya_inode *inode, uint64_t back)
{
    for (uint64_t newer = 0; newer < back; newer++)
        if (size_at(inode, newer).is_cut)
            return KAYA_FAULT_LOST_TRUNCATE;
    return KAYA_FAULT_LOST_SIZE;
}

/* The size that stands so far back is the file's from now on, and durable. */
static void take_size(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t back)
{
    const struct kaya_size size = size_at(inode, back);
    enum kaya_fault family = size_family(inode, back);
    uint64_t was_durable_bytes = inode->durable_size_bytes;
    bool is_different = size.bytes != inode->size_bytes;
    uint32_t kept = 0;

    inode->size_bytes = size.bytes;
    inode->durable_size_bytes = size.bytes;
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        uint32_t sector = inode->listed[index];

        is_different |= fit_sector(disk, inode, sector, size.stamp, was_durable_bytes);
        if ((inode->sectors[sector].flags & KAYA_SECTOR_LISTED) != 0)
            inode->listed[kept++] = sector;
    }
    inode->listed_count = kept;
    inode->size_count = 0;
    inode->has_cut = false;
    inode->is_size_undecided = false;
    if (back > 0)
        kaya_fault_draw(disk, family);
    if (back > 0 && is_different)
        kaya_fault_strike(disk, family);
}

/* Which of the allowed sizes the answer means. */
static uint64_t choose_size(struct kaya_sim_disk *disk, const struct kaya_inode *inode)
{
    uint64_t allowed_count = 1;
    uint64_t answer;
    uint64_t back = 0;

    for (uint64_t older = 1; older <= inode->size_count; older++)
        allowed_count += disk->families[size_family(inode, older)];
    answer = ask(disk, allowed_count, "size");
    kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, inode->number, answer, allowed_count, "size");
    while (answer > 0) {
        back++;
        answer -= disk->families[size_family(inode, back)];
    }
    return back;
}

/* ---- data in order: one answer for the whole file ---- */

static int compare_stamps(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static void add_stamp(struct kaya_sim_disk *disk, size_t *count, uint64_t stamp)
{
    disk->stamps = kaya_disk_scratch(disk->stamps, &disk->stamp_capacity, *count + 1, sizeof *disk->stamps);
    disk->stamps[(*count)++] = stamp;
}

/* Stamps of all that is not durable, sorted. */
static size_t collect_stamps(struct kaya_sim_disk *disk, const struct kaya_inode *inode)
{
    size_t count = 0;

    for (uint32_t index = 0; index < inode->size_count; index++)
        add_stamp(disk, &count, inode->sizes[index].stamp);
    for (uint32_t index = 0; index < inode->listed_count; index++) {
        const struct kaya_sector *sector = &inode->sectors[inode->listed[index]];
        const struct kaya_version *older = sector->older;
        bool is_grown = (sector->flags & KAYA_SECTOR_GROWN) != 0;

        if ((sector->flags & KAYA_SECTOR_UNDECIDED) == 0 || (older == NULL && !is_grown))
            continue;
        if ((sector->flags & KAYA_SECTOR_CUT) == 0) /* a cut has its size's place in the order */
            add_stamp(disk, &count, sector->stamp);
        for (; older != NULL && (is_grown || older->older != NULL); older = older->older)
            if (!older->is_cut)
                add_stamp(disk, &count, older->stamp);
    }
    if (count > 0)
        qsort(disk->stamps, count, sizeof *disk->stamps, compare_stamps);
    return count;
}

/* True if other bytes are seen for it. */
static bool take_version_as_of(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t index, uint64_t stamp)
{
    struct kaya_sector *sector = &inode->sectors[index];
    struct kaya_block *newest;
    size_t visible = visible_bytes(&disk->store, inode, index);
    bool is_different;

    if ((sector->flags & KAYA_SECTOR_UNDECIDED) == 0)
        return false;
    newest = kaya_block_retain(sector->newest);
    while (sector->stamp > stamp && (sector->older != NULL || (sector->flags & KAYA_SECTOR_GROWN) != 0))
        kaya_sector_pop(&disk->store, sector);
    kaya_version_release(disk->store.pool, sector->older);
    sector->older = NULL;
    decide(inode, sector);
    is_different = !kaya_blocks_are_equal(newest, sector->newest, visible);
    kaya_block_release(disk->store.pool, newest);
    zero_behind(&disk->store, sector, visible);
    return is_different;
}

static void decide_in_order(struct kaya_sim_disk *disk, struct kaya_inode *inode)
{
    size_t count = collect_stamps(disk, inode);
    bool may_lose = disk->families[KAYA_FAULT_LOST_SECTOR] && disk->families[KAYA_FAULT_OLD_VERSION] &&
                    disk->families[KAYA_FAULT_LOST_SIZE] && disk->families[KAYA_FAULT_LOST_TRUNCATE];
    uint64_t lost = ask(disk, may_lose ? count + 1 : 1, "moment");
    uint64_t stamp = lost == 0 ? UINT64_MAX : lost == count ? 0 : disk->stamps[count - 1 - lost];
    uint64_t back = 0;
    bool is_different = false;

    kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, inode->number, lost, count + 1, "moment");
    while (back < inode->size_count && size_at(inode, back).stamp > stamp)
        back++;
    take_size(disk, inode, back);
    for (uint32_t index = 0; index < inode->listed_count; index++)
        is_different |= take_version_as_of(disk, inode, inode->listed[index], stamp);
    if (lost > back)
        kaya_fault_draw(disk, lost == count ? KAYA_FAULT_LOST_SECTOR : KAYA_FAULT_OLD_VERSION);
    if (lost > back && is_different)
        kaya_fault_strike(disk, lost == count ? KAYA_FAULT_LOST_SECTOR : KAYA_FAULT_OLD_VERSION);
}

void kaya_fate_decide_size_slowly(struct kaya_sim_disk *disk, uint32_t file)
{
    struct kaya_inode *inode = kaya_disk_own(disk, file);
    uint64_t shown_bytes = inode->size_bytes;

    if (disk->profile->data_in_order)
        decide_in_order(disk, inode);
    else
        take_size(disk, inode, choose_size(disk, inode));
    kaya_room_follow(inode, shown_bytes);
}

/* ---- one sector ---- */

enum content { CONTENT_BLOCK, CONTENT_GARBAGE, CONTENT_TEAR };

struct kaya_outcome {
    enum kaya_fault family; /* what struck if this is the answer; the first outcome is no fault */
    enum content content;
    const struct kaya_block *block; /* borrowed; of a tear the newer one */
    const struct kaya_block *older; /* of a tear */
    uint64_t survived_stamp;        /* newest unsynced version in it; 0: none */
    uint64_t lost_stamp;            /* oldest unsynced version not in it; UINT64_MAX: none */
};

struct fate {
    struct kaya_sim_disk *disk;
    const struct kaya_inode *inode;
    uint64_t index;
    size_t visible;
    size_t count; /* of disk->outcomes */
};

static bool is_known(const struct fate *fate, const struct kaya_block *block)
{
    for (size_t index = 0; index < fate->count; index++) {
        const struct kaya_outcome *outcome = &fate->disk->outcomes[index];

        if (outcome->content == CONTENT_BLOCK && kaya_blocks_are_equal(outcome->block, block, fate->visible))
            return true;
    }
    return false;
}

static void add_outcome(struct fate *fate, struct kaya_outcome outcome)
{
    struct kaya_sim_disk *disk = fate->disk;

    if (fate->count > 0 && !disk->families[outcome.family])
        return;
    if (outcome.content == CONTENT_BLOCK && is_known(fate, outcome.block))
        return;
    if (fate->count == disk->outcome_capacity)
        disk->outcomes =
            kaya_disk_scratch(disk->outcomes, &disk->outcome_capacity, fate->count + 1, sizeof *disk->outcomes);
    disk->outcomes[fate->count++] = outcome;
}

/* ---- where two versions differ ---- */

/* Most of a sector is equal in both: that is skipped in strides. */
enum { STRIDE = 32 };

static const struct kaya_difference *find_difference(const struct kaya_sim_disk *disk,
                                                     const struct kaya_block *newer,
                                                     const struct kaya_block *older, size_t visible)
{
    for (unsigned index = 0; index < KAYA_DIFFERENCES_MAX; index++) {
        const struct kaya_difference *known = &disk->differences[index];

        if (known->newer == newer && known->older == older && known->visible == visible)
            return known;
    }
    return NULL;
}

static void list_places(struct kaya_difference *difference)
{
    const uint8_t *newer = kaya_block_bytes(difference->newer);
    const uint8_t *older = kaya_block_bytes(difference->older);

    difference->places = kaya_disk_scratch(difference->places, &difference->capacity, difference->visible,
                                           sizeof *difference->places);
    difference->count = 0;
    for (size_t offset = 0; offset < difference->visible;) {
        size_t end = offset + STRIDE <= difference->visible ? offset + STRIDE : difference->visible;

        if (end - offset == STRIDE && memcmp(newer + offset, older + offset, STRIDE) == 0)
            offset = end;
        for (; offset < end; offset++) { /* no branch: nobody could guess it */
            difference->places[difference->count] = (uint32_t)offset;
            difference->count += newer[offset] != older[offset];
        }
    }
}

/* Every outcome of a crash that tears this pair asks for it. */
static const struct kaya_difference *difference_of(struct kaya_sim_disk *disk, const struct kaya_block *newer,
                                                   const struct kaya_block *older, size_t visible)
{
    const struct kaya_difference *known = find_difference(disk, newer, older, visible);
    struct kaya_difference *made = &disk->differences[disk->difference_next];

    if (known != NULL)
        return known;
    disk->difference_next = (disk->difference_next + 1) % KAYA_DIFFERENCES_MAX;
    kaya_block_release(disk->store.pool, made->newer);
    kaya_block_release(disk->store.pool, made->older);
    made->newer = kaya_block_retain((struct kaya_block *)newer);
    made->older = kaya_block_retain((struct kaya_block *)older);
    made->visible = visible;
    list_places(made);
    return made;
}

void kaya_fate_forget(struct kaya_sim_disk *disk)
{
    forget_name_outcomes(disk);
    for (unsigned index = 0; index < KAYA_DIFFERENCES_MAX; index++) {
        struct kaya_difference *known = &disk->differences[index];

        kaya_block_release(disk->store.pool, known->newer);
        kaya_block_release(disk->store.pool, known->older);
        known->newer = known->older = NULL;
        known->visible = 0;
    }
}

/* They can be split in two: there are at least two of them. */
static bool can_tear(const struct kaya_sim_disk *disk, const struct kaya_block *newer,
                     const struct kaya_block *older, size_t visible)
{
    const struct kaya_difference *known = find_difference(disk, newer, older, visible);
    const uint8_t *left = kaya_block_bytes(newer);
    const uint8_t *right = kaya_block_bytes(older);
    size_t first = 0;

    if (known != NULL)
        return known->count > 1;
    while (first + STRIDE <= visible && memcmp(left + first, right + first, STRIDE) == 0)
        first += STRIDE;
    while (first < visible && left[first] == right[first])
        first++;
    return first < visible && memcmp(left + first + 1, right + first + 1, visible - first - 1) != 0;
}

/* ---- what one sector may be ---- */

static void add_growth(struct fate *fate, uint64_t lost_stamp)
{
    struct kaya_outcome outcome = { .family = KAYA_FAULT_SIZE_WITHOUT_DATA,
                                    .content = CONTENT_BLOCK,
                                    .lost_stamp = lost_stamp };
    enum kaya_growth growth = fate->disk->profile->growth;

    add_outcome(fate, outcome); /* zeros */
    if (growth != KAYA_GROWTH_ZEROS) {
        outcome.block = kaya_stale_find(&fate->disk->store, fate->index);
        add_outcome(fate, outcome);
    }
    if (growth == KAYA_GROWTH_GARBAGE) {
        outcome.content = CONTENT_GARBAGE;
        add_outcome(fate, outcome);
    }
}

static void add_garble(struct fate *fate)
{
    struct kaya_outcome outcome = { .family = KAYA_FAULT_TORN_SECTOR,
                                    .content = CONTENT_BLOCK,
                                    .lost_stamp = UINT64_MAX };

    add_outcome(fate, outcome);
    outcome.content = CONTENT_GARBAGE;
    add_outcome(fate, outcome);
}

/* Versions first, from the newest to the durable one or to growth; `lost` is the one before. */
static void add_versions(struct fate *fate, const struct kaya_sector *sector)
{
    uint64_t lost_stamp = sector->stamp;
    const struct kaya_version *older = sector->older;

    add_outcome(fate, (struct kaya_outcome){ .content = CONTENT_BLOCK,
                                             .block = sector->newest,
                                             .survived_stamp = kaya_sector_is_dirty(sector) ? sector->stamp : 0,
                                             .lost_stamp = UINT64_MAX });
    if ((sector->flags & KAYA_SECTOR_BARE) != 0) {
        add_growth(fate, UINT64_MAX);
        return;
    }
    for (; older != NULL && !older->is_cut; older = older->older) {
        bool is_durable = older->older == NULL && (sector->flags & KAYA_SECTOR_GROWN) == 0;

        add_outcome(fate, (struct kaya_outcome){ .family = is_durable ? KAYA_FAULT_LOST_SECTOR
                                                                      : KAYA_FAULT_OLD_VERSION,
                                                 .content = CONTENT_BLOCK,
                                                 .block = older->block,
                                                 .survived_stamp = is_durable ? 0 : older->stamp,
                                                 .lost_stamp = lost_stamp });
        lost_stamp = older->stamp;
    }
    if (older != NULL || (sector->flags & KAYA_SECTOR_GROWN) != 0)
        add_growth(fate, lost_stamp);
}

static void add_tear(struct fate *fate, const struct kaya_block *newer, uint64_t stamp,
                     const struct kaya_block *older)
{
    if (!kaya_block_is_unreadable(newer) && !kaya_block_is_unreadable(older) &&
        can_tear(fate->disk, newer, older, fate->visible))
        add_outcome(fate, (struct kaya_outcome){ .family = KAYA_FAULT_TORN_SECTOR,
                                                 .content = CONTENT_TEAR,
                                                 .block = newer,
                                                 .older = older,
                                                 .survived_stamp = stamp,
                                                 .lost_stamp = stamp });
}

static void add_tears(struct fate *fate, const struct kaya_sector *sector)
{
    const struct kaya_block *newer = sector->newest;
    const struct kaya_version *older = sector->older;
    uint64_t stamp = sector->stamp;

    if (!fate->disk->families[KAYA_FAULT_TORN_SECTOR] || (sector->flags & KAYA_SECTOR_BARE) != 0)
        return;
    if (fate->disk->torn_sectors >= fate->disk->torn_sectors_max)
        return;
    for (; older != NULL && !older->is_cut; older = older->older) {
        add_tear(fate, newer, stamp, older->block);
        newer = older->block;
        stamp = older->stamp;
    }
    if (older != NULL || (sector->flags & KAYA_SECTOR_GROWN) != 0)
        add_tear(fate, newer, stamp, NULL);
}

static void join(uint8_t *bytes, const struct kaya_block *front, const struct kaya_block *back, size_t at,
                 size_t end)
{
    memcpy(bytes, kaya_block_bytes(front), at);
    memcpy(bytes + at, kaya_block_bytes(back) + at, end - at);
}

/* The first, or the last, so many of the differing bytes are new. */
static void fill_tear(struct fate *fate, const struct kaya_outcome *outcome, uint8_t *bytes, uint8_t *truth)
{
    const struct kaya_difference *difference =
        difference_of(fate->disk, outcome->block, outcome->older, fate->visible);
    const struct kaya_block *front = outcome->block;
    const struct kaya_block *back = outcome->older;
    size_t cuts = difference->count - 1;
    size_t at;
    uint64_t answer;

    answer = kaya_choose(fate->disk->choices, KAYA_STREAM_CRASH, 2 * cuts, "tear");
    if (answer < cuts) {
        at = difference->places[answer] + 1;
    } else {
        at = difference->places[2 * cuts - 1 - answer] + 1;
        front = outcome->older;
        back = outcome->block;
    }
    join(bytes, front, back, at, fate->visible);
    if (truth != NULL)
        join(truth, kaya_block_truth(front), kaya_block_truth(back), at, fate->visible);
}

void kaya_fate_fill_garbage(const struct kaya_sim_disk *disk, const struct kaya_inode *inode, uint64_t index,
                            uint8_t *bytes, size_t from, size_t to)
{
    uint64_t state = disk->crash_number * 0x9e3779b97f4a7c15 + (inode->number << 32) + index;

    for (size_t offset = 0; offset < to; offset++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        if (offset >= from)
            bytes[offset] = (uint8_t)(state >> 56);
    }
}

static bool is_damaged(const struct kaya_block *block)
{
    return block != NULL && block->flags != 0;
}

/* The block that the outcome leaves, the caller's. */
static struct kaya_block *build(struct fate *fate, const struct kaya_outcome *outcome)
{
    struct kaya_store *store = &fate->disk->store;
    struct kaya_block *truth = NULL;
    struct kaya_block *block;

    if (outcome->content == CONTENT_BLOCK && (outcome->block == NULL || fate->visible == store->sector_bytes))
        return kaya_block_retain((struct kaya_block *)outcome->block);
    block = kaya_pool_block(store->pool);
    if (outcome->content == CONTENT_TEAR && (is_damaged(outcome->block) || is_damaged(outcome->older)))
        truth = kaya_pool_block(store->pool);
    if (outcome->content == CONTENT_BLOCK)
        memcpy(block->bytes, outcome->block->bytes, fate->visible);
    else if (outcome->content == CONTENT_TEAR)
        fill_tear(fate, outcome, block->bytes, truth ? truth->bytes : NULL);
    else
        kaya_fate_fill_garbage(fate->disk, fate->inode, fate->index, block->bytes, 0, fate->visible);
    memset(block->bytes + fate->visible, 0, store->sector_bytes - fate->visible);
    if (outcome->content == CONTENT_BLOCK && outcome->block->flags != 0)
        kaya_block_carry_front(store, block, outcome->block, fate->visible);
    if (truth != NULL) {
        memset(truth->bytes + fate->visible, 0, store->sector_bytes - fate->visible);
        kaya_block_set_truth(store, block, truth, 0);
    }
    return block;
}

/* A later write survived where an earlier one did not: in this crash, over all files. */
static void note_order(struct kaya_sim_disk *disk, const struct kaya_outcome *outcome)
{
    if (outcome->survived_stamp > disk->survived_stamp)
        disk->survived_stamp = outcome->survived_stamp;
    if (outcome->lost_stamp < disk->lost_stamp)
        disk->lost_stamp = outcome->lost_stamp;
    if (!disk->is_reordered && disk->lost_stamp < disk->survived_stamp) {
        disk->is_reordered = true;
        kaya_fault_draw(disk, KAYA_FAULT_REORDER);
        kaya_fault_strike(disk, KAYA_FAULT_REORDER);
    }
}

static void decide_sector(struct kaya_sim_disk *disk, struct kaya_inode *inode, uint64_t index)
{
    struct kaya_sector *sector = &inode->sectors[index];
    struct fate fate = { disk, inode, index, visible_bytes(&disk->store, inode, index), 0 };
    const struct kaya_outcome *outcome;
    struct kaya_block *block;
    uint64_t answer;

    add_versions(&fate, sector);
    if (disk->profile->byte_tears)
        add_tears(&fate, sector);
    if ((sector->flags & KAYA_SECTOR_GARBLED) != 0)
        add_garble(&fate);
    answer = ask(disk, fate.count, "sector");
    outcome = &disk->outcomes[answer];
    if (answer > 0) {
        kaya_fault_draw(disk, outcome->family);
        kaya_fault_strike(disk, outcome->family);
    }
    disk->torn_sectors += outcome->content == CONTENT_TEAR;
    note_order(disk, outcome);
    if (fate.count > 1)
        kaya_disk_trace(disk, KAYA_TRACE_FATE, KAYA_OK, inode->number, index << disk->store.sector_shift,
                        answer, answer > 0 ? kaya_fault_name(outcome->family) : "kept");
    block = build(&fate, outcome);
    kaya_version_release(disk->store.pool, sector->older);
    kaya_block_release(disk->store.pool, sector->newest);
    sector->older = NULL;
    sector->newest = block;
    decide(inode, sector);
}

void kaya_fate_decide_bytes_slowly(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset, uint64_t length)
{
    uint64_t last = (offset + length - 1) >> disk->store.sector_shift;

    for (uint64_t index = offset >> disk->store.sector_shift; index <= last; index++) {
        const struct kaya_inode *inode = disk->files[file].inode;

        if (index >= inode->sector_count || inode->undecided_count == 0)
            return;
        if ((inode->sectors[index].flags & KAYA_SECTOR_UNDECIDED) != 0)
            decide_sector(disk, kaya_disk_own(disk, file), index);
    }
}
