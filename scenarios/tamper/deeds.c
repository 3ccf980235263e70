/* Deeds: drawn once, as a few names and a number, and done by the disk's own calls. */
#include "deeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fork.h"
#include "kaya/scenarios/payload.h"

enum {
    OTHER_LOG_RECORDS_MAX = 60,
    OTHER_LOG_BYTES_MAX = 200,
    NUMBER_AHEAD_MAX = 6,
    BLOT_BYTES_MAX = 64,
    LIVE_BYTES = 2048
};

/* --- Another log --- */

static enum kaya_status fill_other_log(struct kaya_tamperer *tamperer,
                                       const struct kaya_wal_environment *environment)
{
    struct kaya_wal_config config = kaya_log_subject_config(tamperer->subject);
    uint64_t count = 1 + kaya_tamper_draw(tamperer, OTHER_LOG_RECORDS_MAX, "other_log_records");
    uint64_t trimmed = kaya_tamper_draw(tamperer, count, "other_log_trimmed");
    struct kaya_wal_payload payload = { KAYA_RECORD_OPAQUE, tamperer->junk, 0 };
    struct kaya_wal_writer *writer;
    enum kaya_status status = kaya_wal_writer_open(environment, &config, &writer, NULL);
    enum kaya_status closed;

    for (uint64_t i = 0; i < count && status == KAYA_OK; i++) {
        payload.length = kaya_tamper_draw(tamperer,
                                          config.record_bytes_max < OTHER_LOG_BYTES_MAX ? config.record_bytes_max
                                                                                        : OTHER_LOG_BYTES_MAX,
                                          "other_log_length");
        status = kaya_wal_writer_append(writer, &payload, KAYA_RELAXED, NULL);
        if (status == KAYA_OK && kaya_tamper_draw(tamperer, 8, "other_log_rotates") == 7)
            status = kaya_wal_writer_rotate(writer);
    }
    if (status == KAYA_OK)
        status = kaya_wal_writer_sync(writer);
    if (status == KAYA_OK)
        status = kaya_wal_writer_truncate_before(writer, trimmed + 1, NULL);
    closed = kaya_wal_writer_close(writer);
    return status == KAYA_OK ? closed : status;
}

/* Once for a run: a log with another id, of as many segments as it pleases. */
static enum kaya_status make_other_log(struct kaya_tamperer *tamperer)
{
    struct kaya_sim_disk_options options = { .profile = tamperer->plan->profile, .choices = tamperer->seeded };
    struct kaya_wal_environment environment;
    enum kaya_status status;

    if (tamperer->has_other_log)
        return KAYA_OK;
    kaya_sim_disk_reset(tamperer->other_log, &options);
    environment = kaya_tamper_boot(tamperer, tamperer->other_log);
    status = fill_other_log(tamperer, &environment);
    kaya_sim_disk_shut_down(tamperer->other_log);
    if (status != KAYA_OK) {
        kaya_violation_set(tamperer->violation, "P7", "a new log on a disk without faults answered %s",
                           kaya_status_name(status));
        return KAYA_OK;
    }
    tamperer->has_other_log = true;
    return kaya_image_read(&tamperer->other_files, tamperer->other_log);
}

/* --- Deeds --- */

enum kaya_status kaya_deed_do(const struct kaya_deed *deed, struct kaya_sim_disk *disk,
                              struct kaya_tamperer *tamperer)
{
    switch (deed->kind) {
    case KAYA_DEED_PUT:
        return kaya_sim_disk_put_file(disk, deed->name, deed->bytes, (size_t)deed->length);
    case KAYA_DEED_DIRECTORY:
        return kaya_sim_disk_put_directory(disk, deed->name);
    case KAYA_DEED_COPY:
        return kaya_sim_disk_copy_file(disk, deed->name, deed->other);
    case KAYA_DEED_RENAME:
        return kaya_sim_disk_rename_file(disk, deed->name, deed->other);
    case KAYA_DEED_SWAP:
        return kaya_sim_disk_swap_files(disk, deed->name, deed->other);
    case KAYA_DEED_REMOVE:
        return kaya_sim_disk_remove_file(disk, deed->name);
    case KAYA_DEED_CUT:
        return kaya_sim_disk_cut_file(disk, deed->name, deed->length);
    case KAYA_DEED_REPLACE_ALL:
        return kaya_tamper_take_fork(tamperer, deed->all);
    case KAYA_DEED_NONE:
        break;
    }
    return KAYA_OK;
}

/* Of the files with such a name one. NULL: there is none. */
static const struct kaya_image_file *segment_draw(struct kaya_tamperer *tamperer, const struct kaya_image *image)
{
    uint64_t count = 0;
    uint64_t chosen;

    for (size_t i = 0; i < image->file_count; i++)
        count += kaya_layout_number(image->files[i].name, ".wal") != 0;
    if (count == 0)
        return NULL;
    chosen = kaya_tamper_draw(tamperer, count, "segment");
    for (size_t i = 0;; i++)
        if (kaya_layout_number(image->files[i].name, ".wal") != 0 && chosen-- == 0)
            return &image->files[i];
}

uint64_t kaya_tamper_highest_number(const struct kaya_image *image)
{
    uint64_t highest = 0;

    for (size_t i = 0; i < image->file_count; i++) {
        uint64_t number = kaya_layout_number(image->files[i].name, ".wal");
        highest = number > highest ? number : highest;
    }
    return highest;
}

/* A number that no file has: a little above all, far above all, the last there can be, or one below. */
static uint64_t free_number_draw(struct kaya_tamperer *tamperer)
{
    uint64_t highest = kaya_tamper_highest_number(&tamperer->before);
    uint64_t ahead = kaya_tamper_draw(tamperer, NUMBER_AHEAD_MAX + 3, "free_number");
    char name[KAYA_LAYOUT_NAME_BYTES];

    if (ahead == NUMBER_AHEAD_MAX)
        return highest < UINT64_MAX / 2 ? highest + ((uint64_t)1 << 40) : highest + 1;
    if (ahead == NUMBER_AHEAD_MAX + 1 && highest != UINT64_MAX)
        return UINT64_MAX;
    if (ahead == NUMBER_AHEAD_MAX + 2)
        for (uint64_t number = 1; number < highest; number++) {
            kaya_layout_name(number, ".wal", name);
            if (kaya_image_find(&tamperer->before, name) == NULL)
                return number;
        }
    return highest > UINT64_MAX - 1 - NUMBER_AHEAD_MAX ? 1 : highest + 1 + ahead % NUMBER_AHEAD_MAX;
}

static void foreign_name_draw(struct kaya_tamperer *tamperer, char name[KAYA_NAME_BYTES_MAX + 1])
{
    static const char *const names[] = { "core.4711",
                                         ".nfs000000000001",
                                         "lost+found",
                                         "0000000000000001.wal~",
                                         "0000000000000001.wal.bak",
                                         "0000000000000001.WAL",
                                         "00000000000000001.wal",
                                         "000000000000001.wal",
                                         "000000000000000g.wal",
                                         "0000000000000000.wal",
                                         "0x00000000000001.wal",
                                         "0000000000000001",
                                         "0000000000000001.newer",
                                         "LOCK.old",
                                         "wal" };

    snprintf(name, KAYA_NAME_BYTES_MAX + 1, "%s",
             names[kaya_tamper_draw(tamperer, sizeof names / sizeof names[0], "foreign_name")]);
}

/* Nothing, zeros, bytes that look like any, or a part of one of the log's files. */
static void junk_draw(struct kaya_tamperer *tamperer, struct kaya_deed *deed)
{
    const struct kaya_image_file *file;

    deed->kind = KAYA_DEED_PUT;
    deed->bytes = tamperer->junk;
    deed->length = kaya_tamper_draw(tamperer, KAYA_JUNK_BYTES_MAX + 1, "junk_length");
    switch (kaya_tamper_draw(tamperer, 4, "junk")) {
    case 0:
        deed->length = 0;
        break;
    case 1:
        memset(tamperer->junk, 0, sizeof tamperer->junk);
        break;
    case 2:
        kaya_payload_fill(kaya_tamper_draw(tamperer, UINT32_MAX, "junk_key"), tamperer->junk,
                          sizeof tamperer->junk);
        break;
    default:
        file = segment_draw(tamperer, &tamperer->before);
        if (file != NULL && deed->length > file->size_bytes)
            deed->length = file->size_bytes;
        if (file != NULL)
            deed->bytes = file->bytes +
                          (file->size_bytes - deed->length) / 8 * kaya_tamper_draw(tamperer, 9, "junk_from");
    }
}

/* A function of its own, called alone: the order in which a call's arguments draw is the compiler's. */
static const char *suffix_draw(struct kaya_tamperer *tamperer)
{
    return kaya_tamper_draw(tamperer, 2, "suffix") == 0 ? ".new" : ".away";
}

static void target_draw(struct kaya_tamperer *tamperer, bool may_exist, char name[KAYA_NAME_BYTES_MAX + 1])
{
    const struct kaya_image_file *file;
    const char *suffix;

    switch (kaya_tamper_draw(tamperer, may_exist ? 4 : 3, "target")) {
    case 0:
        foreign_name_draw(tamperer, name);
        break;
    case 1:
        kaya_layout_name(free_number_draw(tamperer), ".wal", name);
        break;
    case 2:
        suffix = suffix_draw(tamperer);
        kaya_layout_name(free_number_draw(tamperer), suffix, name);
        break;
    default:
        file = segment_draw(tamperer, &tamperer->before);
        snprintf(name, KAYA_NAME_BYTES_MAX + 1, "%s", file->name);
    }
}

/* Right above the highest number, where the next segment will want to stand, or anywhere above; or of a segment that is there, a name that it takes
 * now and then. Of one that begins the log, number 1 or behind it, recovery
 * may not be able to do without that. */
static void taken_name_draw(struct kaya_tamperer *tamperer, const struct kaya_image_file *file,
                            struct kaya_deed *deed)
{
    static const char *const suffixes[] = { ".new", ".away", ".wal" };
    const struct kaya_layout *layout = &tamperer->layout;
    uint64_t number = kaya_tamper_highest_number(&tamperer->before);
    uint64_t which = kaya_tamper_draw(tamperer, 4, "taken_number");
    uint64_t suffix_count = 3;

    if (which == 3) {
        number = kaya_layout_number(file->name, ".wal");
        suffix_count = 2;
    } else if (which == 2 || number == UINT64_MAX) {
        number = free_number_draw(tamperer);
    } else {
        number++;
    }
    if (number == 1 || (layout->chain_count == 1 && number == layout->chain[0].number))
        suffix_count = 1;
    deed->kind = KAYA_DEED_DIRECTORY;
    kaya_layout_name(number, suffixes[kaya_tamper_draw(tamperer, suffix_count, "taken_suffix")], deed->name);
}

static void cut_draw(struct kaya_tamperer *tamperer, const struct kaya_image_file *file, struct kaya_deed *deed)
{
    const struct kaya_layout *layout = &tamperer->layout;
    const struct kaya_layout_segment *head = &layout->chain[layout->chain_count - 1];
    size_t count = 0;

    deed->kind = KAYA_DEED_CUT;
    switch (kaya_tamper_draw(tamperer, 4, "cut")) {
    case 0: /* where a record of the head begins */
        while (count < layout->place_count &&
               layout->places[layout->place_count - 1 - count].segment == head->number)
            count++;
        if (count == 0)
            break;
        snprintf(deed->name, sizeof deed->name, "%s", head->file->name);
        deed->length =
            layout->places[layout->place_count - count + kaya_tamper_draw(tamperer, count, "cut_record")].offset;
        return;
    case 1:
        deed->length = file->size_bytes / 512 * kaya_tamper_draw(tamperer, 512, "cut_sector") / 512 * 512;
        return;
    case 2:
        deed->length = 0;
        return;
    default:
        break;
    }
    deed->length = kaya_tamper_draw(tamperer, file->size_bytes + 1, "cut_at");
}

/* So many bytes from there on are turned into others, each of them in every bit: more than one frame's mending could put right. */
static void blot(struct kaya_tamperer *tamperer, const struct kaya_image_file *file, uint64_t from, uint64_t length)
{
    for (uint64_t at = from; at < file->size_bytes && at - from < length; at++)
        tamperer->blotted[at] = (uint8_t)~file->bytes[at];
}

/* Both of its headers, its link, some bytes that a record or a mark stands on, or any. */
static enum kaya_status blot_draw(struct kaya_tamperer *tamperer, const struct kaya_image_file *file,
                                  struct kaya_deed *deed)
{
    uint64_t what = kaya_tamper_draw(tamperer, 4, "blot");
    uint64_t from = kaya_tamper_draw(tamperer, file->size_bytes + 1, "blot_at");
    uint64_t length = 2 + kaya_tamper_draw(tamperer, BLOT_BYTES_MAX - 1, "blot_length");
    struct kaya_format_segment segment;

    if (file->size_bytes > tamperer->blotted_capacity) {
        free(tamperer->blotted);
        tamperer->blotted = malloc((size_t)file->size_bytes);
        tamperer->blotted_capacity = tamperer->blotted == NULL ? 0 : (size_t)file->size_bytes;
        if (tamperer->blotted == NULL)
            return KAYA_NO_MEMORY;
    }
    if (file->size_bytes == 0)
        return KAYA_OK;
    memcpy(tamperer->blotted, file->bytes, (size_t)file->size_bytes);
    kaya_format_open(&segment, file, NULL, kaya_census_number(file->name, false));
    if (segment.state < KAYA_FORMAT_LINKLESS || what == 3) {
        blot(tamperer, file, from, length);
    } else if (what == 0) {
        blot(tamperer, file, 0, KAYA_FORMAT_HEADER_BYTES);
        blot(tamperer, file, segment.second_header, KAYA_FORMAT_HEADER_BYTES);
    } else if (what == 1) {
        blot(tamperer, file, segment.first_frame, length);
    } else {
        blot(tamperer, file, segment.first_frame + from % LIVE_BYTES, length);
    }
    deed->kind = KAYA_DEED_PUT;
    deed->bytes = tamperer->blotted;
    deed->length = file->size_bytes;
    return KAYA_OK;
}

/* The file put under its own name, over what stands there. */
static void put_file(const struct kaya_image_file *file, struct kaya_deed *deed)
{
    if (file == NULL)
        return;
    deed->kind = KAYA_DEED_PUT;
    snprintf(deed->name, sizeof deed->name, "%s", file->name);
    deed->bytes = file->bytes;
    deed->length = file->size_bytes;
}

enum kaya_status kaya_deed_draw(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                struct kaya_deed *deed)
{
    const struct kaya_image_file *file = segment_draw(tamperer, &tamperer->before);
    const struct kaya_image_file *other;
    const char *suffix;
    enum kaya_status status;

    *deed = (struct kaya_deed){ .kind = KAYA_DEED_NONE };
    if (file == NULL)
        return KAYA_OK;
    snprintf(deed->name, sizeof deed->name, "%s", file->name);
    switch (tampering) {
    case KAYA_TAMPERING_FOREIGN_FILE:
        junk_draw(tamperer, deed);
        foreign_name_draw(tamperer, deed->name);
        break;
    case KAYA_TAMPERING_STRAY_SEGMENT:
        junk_draw(tamperer, deed);
        kaya_layout_name(free_number_draw(tamperer), ".wal", deed->name);
        break;
    case KAYA_TAMPERING_UNFINISHED_FILE:
        junk_draw(tamperer, deed);
        suffix = suffix_draw(tamperer);
        kaya_layout_name(kaya_tamper_draw(tamperer, 2, "own_number") == 0 ? kaya_layout_number(file->name, ".wal")
                                                                          : free_number_draw(tamperer),
                         suffix, deed->name);
        break;
    case KAYA_TAMPERING_TAKEN_NAME:
        taken_name_draw(tamperer, file, deed);
        break;
    case KAYA_TAMPERING_SWAPPED:
        deed->kind = KAYA_DEED_SWAP;
        other = segment_draw(tamperer, &tamperer->before);
        snprintf(deed->other, sizeof deed->other, "%s", other->name);
        break;
    case KAYA_TAMPERING_COPIED:
        deed->kind = KAYA_DEED_COPY;
        target_draw(tamperer, true, deed->other);
        break;
    case KAYA_TAMPERING_RENAMED:
        deed->kind = KAYA_DEED_RENAME;
        target_draw(tamperer, false, deed->other);
        break;
    case KAYA_TAMPERING_MISSING:
        deed->kind = KAYA_DEED_REMOVE;
        break;
    case KAYA_TAMPERING_CUT:
        cut_draw(tamperer, file, deed);
        break;
    case KAYA_TAMPERING_BLOTTED:
        return blot_draw(tamperer, file, deed);
    case KAYA_TAMPERING_OTHER_LOG_SEGMENT:
        status = make_other_log(tamperer);
        if (status != KAYA_OK || !tamperer->has_other_log)
            return status;
        put_file(segment_draw(tamperer, &tamperer->other_files), deed);
        break;
    case KAYA_TAMPERING_OLDER_SEGMENT:
        if (tamperer->has_backup)
            put_file(segment_draw(tamperer, &tamperer->old_files), deed);
        break;
    case KAYA_TAMPERING_OTHER_LOG:
        status = make_other_log(tamperer);
        if (status != KAYA_OK || !tamperer->has_other_log)
            return status;
        deed->kind = KAYA_DEED_REPLACE_ALL;
        deed->all = tamperer->other_log;
        break;
    case KAYA_TAMPERING_OLDER_BACKUP:
        if (tamperer->has_backup)
            deed->kind = KAYA_DEED_REPLACE_ALL;
        deed->all = tamperer->backup;
        break;
    case KAYA_TAMPERINGS:
        break;
    }
    return KAYA_OK;
}
