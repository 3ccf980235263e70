/* The disk over many boots: its files, its forks, and how boots begin and end.
 *
 * A fork shares what it can: inodes, blocks, versions and names are counted, and whoever changes an inode first makes a copy
 * of its own (kaya_disk_own). What is copied is two small tables, of files and of names.
 *
 *     disk   files [ 1 | 2 | 3 ]
 *                    |   |   |
 *     fork   files [ 1 | 2 | 3']      3 was written on the fork
 *
 * A boot ends by a crash, or by being shut down: handles and the lock are gone, the cache stays, and files that no name can
 * lead to any more are freed. Its seam stays good memory until the boot after the next one, so that code which unwinds
 * from a crash finds KAYA_GONE and not chaos. */
#include <stdlib.h>
#include <string.h>

#include "damage.h"
#include "error.h"
#include "fate.h"
#include "fault.h"
#include "handle.h"
#include "lie.h"
#include "media.h"
#include "slow.h"

enum { CALLS_PER_BOOT_MAX_DEFAULT = 1000000, READ_FAULT_REPEATS_MAX_DEFAULT = 2 };

/* ---- making and unmaking ---- */

/* A sector of the model: what a power loss never mixes. */
static uint32_t unit_bytes(const struct kaya_geometry *geometry)
{
    return geometry->atomic_bytes > geometry->sector_bytes ? geometry->atomic_bytes : geometry->sector_bytes;
}

static void release_files(struct kaya_sim_disk *disk, uint32_t from)
{
    for (uint32_t file = from; file < disk->file_count; file++)
        kaya_inode_release(&disk->store, disk->files[file].inode);
    disk->file_count = disk->file_count < from ? disk->file_count : from;
}

/* All but files. */
static void release_rest(struct kaya_sim_disk *disk)
{
    struct kaya_sim_handle *handle;

    kaya_lies_drop(disk);
    kaya_stale_release(&disk->store, disk->store.stale);
    disk->store.stale = NULL;
    kaya_history_clear(&disk->store);
    kaya_names_clear(disk->store.pool, &disk->directory);
    while ((handle = disk->handles) != NULL) {
        disk->handles = handle->next;
        handle->next = disk->free_handles;
        disk->free_handles = handle;
    }
}

static void release_contents(struct kaya_sim_disk *disk)
{
    release_files(disk, 0);
    release_rest(disk);
}

/* A pool whose blocks have the size of this profile's sectors. */
static enum kaya_status choose_pool(struct kaya_sim_disk *disk, uint32_t sector_bytes)
{
    struct kaya_pool *pool = disk->store.pool;

    if (pool != NULL && pool->block_bytes == sector_bytes)
        return KAYA_OK;
    pool = kaya_pool_create(sector_bytes);
    if (pool == NULL)
        return KAYA_NO_MEMORY;
    kaya_fate_forget(disk);
    kaya_pool_release(disk->store.pool);
    disk->store.pool = pool;
    return KAYA_OK;
}

static void set_profile(struct kaya_sim_disk *disk, const struct kaya_sim_profile *profile)
{
    struct kaya_store *store = &disk->store;

    disk->profile = profile;
    store->sector_bytes = unit_bytes(&profile->geometry);
    store->sector_shift = 0;
    while (1u << store->sector_shift < store->sector_bytes)
        store->sector_shift++;
    store->equal_is_nothing = profile->geometry.power_safe_overwrite;
}

static void set_boots(struct kaya_sim_disk *disk)
{
    for (unsigned index = 0; index < 2; index++)
        disk->boots[index] = (struct kaya_sim_boot){ .disk = disk };
    disk->boot_number = 0;
    disk->is_running = false;
    disk->is_crashed = false;
    disk->is_runaway = false;
    disk->is_locked = false;
    disk->calls = 0;
    disk->crash_at = 0;
    disk->boundary = NULL;
    disk->delay = NULL;
    disk->question = NULL;
    disk->seen = NULL;
    disk->inflights = NULL;
}

static void set_options(struct kaya_sim_disk *disk, const struct kaya_sim_disk_options *options)
{
    disk->choices = options->choices;
    disk->trace = options->trace;
    disk->calls_per_boot_max =
        options->calls_per_boot_max ? options->calls_per_boot_max : CALLS_PER_BOOT_MAX_DEFAULT;
    disk->list_sorted = options->list_sorted;
    disk->has_directories = false;
    memcpy(disk->odds, options->odds, sizeof disk->odds);
    memcpy(disk->latencies, options->latencies, sizeof disk->latencies);
    disk->cannot_allocate = options->cannot_allocate;
    disk->capacity_bytes = options->capacity_bytes;
    disk->bytes_of_others = 0;
    disk->broken = KAYA_BROKEN_NOT;
    disk->store.history.is_kept =
        options->odds[KAYA_FAULT_STALE_SECTOR] > 0 || options->odds[KAYA_FAULT_STALE_READ] > 0;
    disk->reads =
        (struct kaya_reads){ .repeats_max = options->read_fault_repeats_max ? options->read_fault_repeats_max
                                                                            : READ_FAULT_REPEATS_MAX_DEFAULT };
    for (unsigned family = 0; family < KAYA_FAULTS; family++)
        if (kaya_fault_group((enum kaya_fault)family) == KAYA_FAULT_GROUP_READS && options->odds[family] > 0)
            disk->reads.are_struck = true;
    disk->strikes_max = options->strikes_max;
    disk->transfer_parts_max = options->transfer_parts_max;
    disk->torn_sectors_max = options->torn_sectors_max ? options->torn_sectors_max : UINT32_MAX;
    for (unsigned family = 0; family < KAYA_FAULTS; family++)
        disk->families[family] = !options->families_set || options->families[family];
    disk->has_errors = kaya_errors_are_possible(disk);
    disk->may_lie = kaya_lies_are_possible(disk);
    disk->are_lies_due = false;
}

static enum kaya_status start_over(struct kaya_sim_disk *disk, const struct kaya_sim_disk_options *options)
{
    size_t profile_count;
    const struct kaya_sim_profile *profile =
        options->profile ? options->profile : kaya_sim_profiles(&profile_count);
    enum kaya_status status;

    if (!kaya_geometry_is_valid(&profile->geometry) || unit_bytes(&profile->geometry) > KAYA_SECTOR_BYTES_MAX)
        return KAYA_INVALID;
    status = choose_pool(disk, unit_bytes(&profile->geometry));
    if (status != KAYA_OK)
        return status;
    set_profile(disk, profile);
    set_options(disk, options);
    set_boots(disk);
    disk->store.stamp = 0;
    disk->files_taken = 0;
    disk->inode_number = 0;
    disk->handle_number = 0;
    disk->crash_number = 0;
    disk->survived_stamp = 0;
    disk->lost_stamp = UINT64_MAX;
    disk->is_reordered = false;
    disk->torn_sectors = 0;
    disk->usage = (struct kaya_sim_usage){ 0 };
    disk->counts = (struct kaya_fault_counts){ 0 };
    disk->struck_families = 0;
    disk->failed_syncs = 0;
    disk->strikes = 0;
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_create(const struct kaya_sim_disk_options *options, struct kaya_sim_disk **disk)
{
    struct kaya_sim_disk *made = calloc(1, sizeof *made);
    enum kaya_status status = KAYA_NO_MEMORY;

    *disk = NULL;
    if (made == NULL)
        return status;
    status = start_over(made, options);
    if (status != KAYA_OK)
        goto done;

    *disk = made;
    made = NULL;
done:
    kaya_sim_disk_destroy(made);
    return status;
}

static void free_handles(struct kaya_sim_handle *handle)
{
    while (handle != NULL) {
        struct kaya_sim_handle *next = handle->next;

        free(handle);
        handle = next;
    }
}

void kaya_sim_disk_destroy(struct kaya_sim_disk *disk)
{
    if (disk == NULL)
        return;
    if (disk->store.pool != NULL)
        release_contents(disk);
    free_handles(disk->free_handles);
    kaya_fate_forget(disk);
    for (unsigned index = 0; index < KAYA_DIFFERENCES_MAX; index++)
        free(disk->differences[index].places);
    kaya_pool_release(disk->store.pool);
    free(disk->files);
    free(disk->gathered);
    free(disk->copied_inflights);
    free(disk->copied_bytes);
    free(disk->kept_handles);
    free(disk->lies);
    free(disk->outcomes);
    free(disk->stamps);
    free(disk->words);
    free(disk->listing);
    free(disk);
}

void kaya_sim_disk_reset(struct kaya_sim_disk *disk, const struct kaya_sim_disk_options *options)
{
    enum kaya_status status;

    release_contents(disk);
    status = start_over(disk, options);
    KAYA_ASSERT(status == KAYA_OK); /* another sector size, and no memory for a new pool */
}

/* ---- forks ---- */

static void share_pool(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    if (copy->store.pool != disk->store.pool) {
        release_files(copy, 0);
        kaya_fate_forget(copy);
        kaya_pool_release(copy->store.pool);
        copy->store.pool = disk->store.pool;
        kaya_pool_retain(copy->store.pool);
    }
}

/* Most of what the copy had before, it will have again. */
static void copy_files(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    uint32_t had = copy->file_count;

    release_files(copy, disk->file_count);
    kaya_disk_reserve_files(copy, disk->file_count);
    copy->file_count = disk->file_count;
    copy->files_taken = disk->files_taken;
    for (uint32_t file = 0; file < disk->file_count; file++) {
        struct kaya_inode *inode = disk->files[file].inode;
        struct kaya_sim_file *to = &copy->files[file];
        struct kaya_inode *before = file < had ? to->inode : NULL;

        to->open_count = 0;
        to->position = disk->files[file].position;
        if (inode == before && file < had)
            continue;
        if (inode != NULL)
            inode->references++;
        to->inode = inode;
        kaya_inode_release(&copy->store, before);
    }
}

/* At a boundary the fork takes along what was about to be written: the crash may interrupt it. */
static void copy_inflights(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    struct kaya_sim_inflight **link = &copy->inflights;
    struct kaya_copied_inflight *made;
    size_t count = 0, length = 0;
    uint8_t *bytes;

    for (const struct kaya_sim_inflight *inflight = disk->inflights; inflight != NULL; inflight = inflight->next) {
        count++;
        length += inflight->length;
    }
    made = copy->copied_inflights = kaya_disk_scratch(copy->copied_inflights, &copy->copied_inflight_capacity,
                                                      count, sizeof *copy->copied_inflights);
    bytes = copy->copied_bytes = kaya_disk_scratch(copy->copied_bytes, &copy->copied_capacity, length, 1);
    for (const struct kaya_sim_inflight *inflight = disk->inflights; inflight != NULL; inflight = inflight->next) {
        memcpy(bytes, kaya_disk_gather(copy, inflight->spans, inflight->span_count, inflight->length),
               inflight->length);
        *made = (struct kaya_copied_inflight){ *inflight, { bytes, inflight->length } };
        made->inflight.spans = &made->span;
        made->inflight.span_count = 1;
        bytes += inflight->length;
        *link = &made->inflight;
        link = &made->inflight.next;
        made++;
    }
    *link = NULL;
}

static void copy_profile(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    copy->profile = disk->profile;
    copy->store.sector_bytes = disk->store.sector_bytes;
    copy->store.sector_shift = disk->store.sector_shift;
    copy->store.equal_is_nothing = disk->store.equal_is_nothing;
}

/* There is room for many more ranges than a boot without read faults has. */
static void copy_reads(const struct kaya_reads *reads, struct kaya_reads *copy)
{
    copy->are_struck = reads->are_struck;
    copy->repeats_max = reads->repeats_max;
    copy->count = reads->count;
    memcpy(copy->ranges, reads->ranges, reads->count * sizeof reads->ranges[0]);
}

static void copy_facts(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    copy->calls_per_boot_max = disk->calls_per_boot_max;
    copy->has_directories = disk->has_directories;
    copy->list_sorted = disk->list_sorted;
    memcpy(copy->odds, disk->odds, sizeof copy->odds);
    copy_reads(&disk->reads, &copy->reads);
    copy->has_errors = disk->has_errors;
    copy->may_lie = disk->may_lie;
    copy->broken = disk->broken;
    memset(copy->latencies, 0, sizeof copy->latencies);
    copy->cannot_allocate = disk->cannot_allocate;
    copy->capacity_bytes = disk->capacity_bytes;
    copy->bytes_of_others = disk->bytes_of_others;
    copy->torn_sectors_max = disk->torn_sectors_max;
    memcpy(copy->families, disk->families, sizeof copy->families);
    copy->store.stamp = disk->store.stamp;
    copy->inode_number = disk->inode_number;
    copy->crash_number = disk->crash_number;
    copy->survived_stamp = disk->survived_stamp;
    copy->lost_stamp = disk->lost_stamp;
    copy->is_reordered = disk->is_reordered;
    copy->torn_sectors = disk->torn_sectors;
    copy->usage = disk->usage;
    copy->counts = disk->counts;
    copy->struck_families = disk->struck_families;
    copy->failed_syncs = disk->failed_syncs;
    copy->strikes = disk->strikes;
    copy->strikes_max = disk->strikes_max;
    copy->transfer_parts_max = disk->transfer_parts_max;
}

enum kaya_status kaya_sim_disk_copy(const struct kaya_sim_disk *disk, struct kaya_choices *choices,
                                    struct kaya_trace *trace, struct kaya_sim_disk *copy)
{
    KAYA_ASSERT(disk != copy);
    release_rest(copy);
    share_pool(disk, copy);
    copy_profile(disk, copy);
    set_boots(copy);
    copy->choices = choices;
    copy->trace = trace;
    copy_facts(disk, copy);
    copy_files(disk, copy);
    kaya_lies_copy(disk, copy);
    copy->store.stale = kaya_stale_retain(disk->store.stale);
    kaya_history_copy(&disk->store.history, &copy->store.history);
    kaya_names_copy(copy->store.pool, &disk->directory, &copy->directory);
    if (disk->inflights != NULL)
        copy_inflights(disk, copy);
    copy->calls = disk->calls; /* until it boots: a crash says where it struck */
    return KAYA_OK;
}

/* ---- a boot in its middle ---- */

/* What kaya_sim_disk_copy leaves to the next boot. Pointers are as they are: the boot is the same, and so are its handles. */
static void copy_boot(const struct kaya_sim_disk *disk, struct kaya_sim_disk *copy)
{
    memcpy(copy->boots, disk->boots, sizeof copy->boots);
    copy->boot_number = disk->boot_number;
    copy->is_running = disk->is_running;
    copy->is_crashed = disk->is_crashed;
    copy->is_runaway = disk->is_runaway;
    copy->is_locked = disk->is_locked;
    copy->crash_at = disk->crash_at;
    copy->crash_at_kind = disk->crash_at_kind;
    copy->open_flags = disk->open_flags;
    copy->boundary = disk->boundary;
    copy->boundary_user = disk->boundary_user;
    copy->question = disk->question;
    copy->question_user = disk->question_user;
    copy->seen = disk->seen;
    copy->handle_number = disk->handle_number;
}

/* Of those that `handles` hold. */
static void copy_open_counts(const struct kaya_sim_disk *disk, const struct kaya_sim_handle *handles,
                             struct kaya_sim_disk *copy)
{
    for (const struct kaya_sim_handle *handle = handles; handle != NULL; handle = handle->next)
        copy->files[handle->file].open_count = disk->files[handle->file].open_count;
}

void kaya_disk_keep(const struct kaya_sim_disk *disk, struct kaya_sim_disk *kept)
{
    enum kaya_status status = kaya_sim_disk_copy(disk, disk->choices, disk->trace, kept);

    KAYA_ASSERT(status == KAYA_OK);
    copy_boot(disk, kept);
    copy_open_counts(disk, disk->handles, kept);
    kept->inflights = NULL; /* they stand on the boot's stack, and may be looked at only when it is back as well */
    kept->kept_inflights = disk->inflights;
    kept->kept_handle_count = 0;
    for (struct kaya_sim_handle *handle = disk->handles; handle != NULL; handle = handle->next) {
        kept->kept_handles = kaya_disk_scratch(kept->kept_handles, &kept->kept_handle_capacity,
                                               kept->kept_handle_count + 1, sizeof *kept->kept_handles);
        kept->kept_handles[kept->kept_handle_count++] = (struct kaya_kept_handle){ handle, *handle };
    }
}

/* No handle is open; those that were open then are free now, as all that were made since. */
static void bring_back_handles(struct kaya_sim_disk *disk, const struct kaya_sim_disk *kept)
{
    struct kaya_sim_handle **last = &disk->handles;

    for (size_t index = 0; index < kept->kept_handle_count; index++) {
        struct kaya_sim_handle *handle = kept->kept_handles[index].handle;
        struct kaya_sim_handle **link = &disk->free_handles;

        while (*link != handle)
            link = &(*link)->next;
        *link = handle->next;
        *handle = kept->kept_handles[index].was;
        *last = handle;
        last = &handle->next;
    }
    *last = NULL;
}

void kaya_disk_bring_back(struct kaya_sim_disk *disk, const struct kaya_sim_disk *kept)
{
    enum kaya_status status = kaya_sim_disk_copy(kept, kept->choices, kept->trace, disk);

    KAYA_ASSERT(status == KAYA_OK);
    copy_boot(kept, disk);
    disk->inflights = kept->kept_inflights;
    bring_back_handles(disk, kept);
    copy_open_counts(kept, disk->handles, disk);
}

enum kaya_status kaya_sim_disk_fork(const struct kaya_sim_disk *disk, struct kaya_choices *choices,
                                    struct kaya_trace *trace, struct kaya_sim_disk **fork)
{
    const struct kaya_sim_disk_options options = { .profile = disk->profile, .choices = choices };
    enum kaya_status status = kaya_sim_disk_create(&options, fork);

    return status == KAYA_OK ? kaya_sim_disk_copy(disk, choices, trace, *fork) : status;
}

void kaya_sim_disk_allow(struct kaya_sim_disk *disk, enum kaya_fault family, bool may_strike)
{
    KAYA_ASSERT((unsigned)family < KAYA_FAULTS);
    disk->families[family] = may_strike;
    disk->has_errors = kaya_errors_are_possible(disk);
    disk->may_lie = kaya_lies_are_possible(disk);
}

/* ---- boots ---- */

struct kaya_disk *kaya_sim_disk_boot(struct kaya_sim_disk *disk)
{
    struct kaya_sim_boot *boot;

    KAYA_ASSERT(!disk->is_running);
    kaya_disk_drop_unnamed_files(disk); /* handles ended with the boot before: what only they held is gone */
    if (disk->are_lies_due)
        kaya_lies_come_due(disk);
    disk->boot_number++;
    boot = &disk->boots[disk->boot_number % 2];
    *boot = (struct kaya_sim_boot){
        .seam = { .operations = kaya_latencies_are_possible(disk) ? &kaya_slow_disk_operations
                                                                  : &kaya_sim_disk_operations,
                  .geometry = disk->profile->geometry },
        .disk = disk,
        .number = disk->boot_number,
    };
    disk->reads.count = 0;
    disk->is_running = true;
    disk->is_crashed = false;
    disk->is_runaway = false;
    disk->broken = KAYA_BROKEN_NOT;
    disk->calls = 0;
    disk->inflights = NULL;
    kaya_disk_trace(disk, KAYA_TRACE_BOOT, KAYA_OK, disk->boot_number, 0, 0, NULL);
    return &boot->seam;
}

void kaya_sim_disk_shut_down(struct kaya_sim_disk *disk)
{
    kaya_disk_end_boot(disk);
}

void kaya_sim_disk_move(struct kaya_sim_disk *disk, const struct kaya_sim_profile *profile)
{
    KAYA_ASSERT(!disk->is_running);
    KAYA_ASSERT(unit_bytes(&profile->geometry) == disk->store.sector_bytes);
    set_profile(disk, profile);
}

void kaya_sim_disk_crash_at(struct kaya_sim_disk *disk, uint64_t call, enum kaya_crash crash)
{
    disk->crash_at = call;
    disk->crash_at_kind = crash;
}

void kaya_sim_disk_on_boundary(struct kaya_sim_disk *disk, kaya_sim_disk_boundary *boundary, void *user)
{
    disk->boundary = boundary;
    disk->boundary_user = user;
}

void kaya_sim_disk_on_delay(struct kaya_sim_disk *disk, kaya_sim_disk_delay *delay, void *user)
{
    disk->delay = delay;
    disk->delay_user = user;
}

void kaya_sim_disk_on_question(struct kaya_sim_disk *disk, kaya_sim_disk_question *question, void *user)
{
    disk->question = question;
    disk->question_user = user;
}

/* ---- facts ---- */

bool kaya_sim_disk_is_crashed(const struct kaya_sim_disk *disk)
{
    return disk->is_crashed;
}

bool kaya_sim_disk_is_runaway(const struct kaya_sim_disk *disk)
{
    return disk->is_runaway;
}

uint64_t kaya_sim_disk_calls(const struct kaya_sim_disk *disk)
{
    return disk->calls;
}

bool kaya_sim_disk_lock_held(const struct kaya_sim_disk *disk)
{
    return disk->is_locked;
}

uint64_t kaya_sim_disk_failed_syncs(const struct kaya_sim_disk *disk)
{
    return disk->failed_syncs;
}

uint64_t kaya_sim_disk_take_struck(struct kaya_sim_disk *disk)
{
    uint64_t struck = disk->struck_families;

    disk->struck_families = 0;
    return struck;
}

struct kaya_fault_counts kaya_sim_disk_fault_counts(const struct kaya_sim_disk *disk)
{
    return disk->counts;
}

struct kaya_sim_disk_usage kaya_sim_disk_usage(const struct kaya_sim_disk *disk)
{
    return (struct kaya_sim_disk_usage){
        .bytes_read = disk->usage.bytes_read,
        .bytes_written = disk->usage.bytes_written,
        .syncs = disk->usage.syncs,
        .directory_syncs = disk->usage.directory_syncs,
        .lists = disk->usage.lists,
        .calls = disk->usage.calls,
        .changing_calls = disk->usage.changing_calls,
        .file_count = kaya_entries_count(disk->directory.now),
    };
}

uint64_t kaya_sim_disk_bytes_stored(const struct kaya_sim_disk *disk)
{
    const struct kaya_entries *entries = disk->directory.now;
    uint64_t sum = 0;

    for (uint32_t index = 0; index < kaya_entries_count(entries); index++)
        sum += disk->files[entries->entries[index].file].inode->size_bytes;
    return sum;
}

size_t kaya_sim_disk_open_count(const struct kaya_sim_disk *disk)
{
    size_t count = 0;

    for (const struct kaya_sim_handle *handle = disk->handles; handle != NULL; handle = handle->next)
        count++;
    return count;
}

/* ---- healing ---- */

void kaya_sim_disk_heal(struct kaya_sim_disk *disk)
{
    memset(disk->odds, 0, sizeof disk->odds);
    disk->has_errors = false;
    disk->reads.are_struck = false;
    disk->broken = KAYA_BROKEN_NOT;
    disk->capacity_bytes = 0;
    disk->may_lie = false;
    kaya_lies_drop(disk);
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && disk->files[file].inode->owes_error_to != 0)
            kaya_disk_own(disk, file)->owes_error_to = 0;
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && disk->files[file].inode->has_damage)
            kaya_inode_heal(&disk->store, kaya_disk_own(disk, file));
}

bool kaya_sim_disk_is_damaged(const struct kaya_sim_disk *disk)
{
    for (uint32_t file = 0; file < disk->file_count; file++)
        if (disk->files[file].inode != NULL && disk->files[file].inode->has_damage)
            return true;
    return false;
}

/* ---- the image ---- */

void kaya_sim_disk_names(struct kaya_sim_disk *disk, kaya_list_visitor *visit, void *user)
{
    kaya_fate_decide_names(disk);
    for (uint32_t index = 0; index < kaya_entries_count(disk->directory.now); index++) {
        const struct kaya_entry *entry = &disk->directory.now->entries[index];

        if (!visit(user, entry->name->text,
                   disk->files[entry->file].inode->is_directory ? KAYA_ENTRY_OTHER : KAYA_ENTRY_FILE))
            return;
    }
}

/* The file of that name, its size decided. */
static enum kaya_status find_file(struct kaya_sim_disk *disk, const char *name, uint32_t *file)
{
    kaya_fate_decide_names(disk);
    *file = kaya_names_find(&disk->directory, name);
    if (*file == KAYA_NO_FILE || disk->files[*file].inode->is_directory)
        return KAYA_NOT_FOUND;
    kaya_fate_decide_size(disk, *file);
    return KAYA_OK;
}

static enum kaya_status peek(struct kaya_sim_disk *disk, const char *name, uint64_t offset, void *bytes,
                             size_t length, size_t *done, bool is_true)
{
    uint32_t file;
    enum kaya_status status = find_file(disk, name, &file);
    uint64_t size_bytes;

    *done = 0;
    if (status != KAYA_OK)
        return status;
    size_bytes = disk->files[file].inode->size_bytes;
    if (offset >= size_bytes || length == 0)
        return KAYA_OK;
    *done = size_bytes - offset < length ? (size_t)(size_bytes - offset) : length;
    kaya_fate_decide_bytes(disk, file, offset, *done);
    kaya_media_show(disk, file, offset, *done);
    if (!is_true && disk->files[file].inode->has_damage &&
        kaya_inode_is_unreadable(&disk->store, disk->files[file].inode, offset, *done)) {
        *done = 0;
        return KAYA_IO;
    }
    kaya_media_peek(disk, file, offset, bytes, *done, is_true);
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_peek(struct kaya_sim_disk *disk, const char *name, uint64_t offset,
                                    void *bytes, size_t length, size_t *done)
{
    return peek(disk, name, offset, bytes, length, done, false);
}

enum kaya_status kaya_sim_disk_peek_true(struct kaya_sim_disk *disk, const char *name, uint64_t offset,
                                         void *bytes, size_t length, size_t *done)
{
    return peek(disk, name, offset, bytes, length, done, true);
}

enum kaya_status kaya_sim_disk_poke(struct kaya_sim_disk *disk, const char *name, uint64_t offset,
                                    const void *bytes, size_t length)
{
    uint32_t file;
    enum kaya_status status = find_file(disk, name, &file);

    if (status != KAYA_OK)
        return status;
    if (offset > disk->files[file].inode->size_bytes || length > disk->files[file].inode->size_bytes - offset)
        return KAYA_INVALID;
    if (length > 0) {
        kaya_fate_decide_bytes(disk, file, offset, length);
        kaya_inode_patch(&disk->store, kaya_disk_own(disk, file), offset, bytes, length);
    }
    return KAYA_OK;
}

enum kaya_status kaya_sim_disk_file_size(struct kaya_sim_disk *disk, const char *name, uint64_t *bytes)
{
    uint32_t file;
    enum kaya_status status = find_file(disk, name, &file);

    if (status == KAYA_OK)
        *bytes = disk->files[file].inode->size_bytes;
    return status;
}

uint64_t kaya_sim_disk_inode(struct kaya_sim_disk *disk, const char *name)
{
    uint32_t file;

    kaya_fate_decide_names(disk);
    file = kaya_names_find(&disk->directory, name);
    return file == KAYA_NO_FILE ? 0 : disk->files[file].inode->number;
}
