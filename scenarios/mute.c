/* Leaving calls out.
 *
 * The disk's table of calls is copied, and those that order something are replaced: syncs, renames, cuts, removals, the reserving of room.
 * Which place in core made a call cannot be seen from here, and need not be: a call is known by the step under way, by what it is made of (the
 * ending of the file's name), and by what has changed there since the last call of its kind. That is the same on every build, and the
 * same for whoever watches the calls of a real directory.
 *
 *   sync            of a file: with headers (a write of just those bytes), with frames (any other), with a cut, with its size
 *   durable write   to a segment
 *   sync directory  with new names, with names away and back (that others are gone need not last); the parent
 *   rename, removal, cut, room
 *
 * Of several things the first counts. Spares are made, taken again and let go by the same lines whoever asks for it, so of these calls only
 * recovery is told from a writer. Recovery begins with the lock.
 *
 * A segment that is renamed away and back is one step of two calls: both are left out together. */
#include "kaya/scenarios/mute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 128, HANDLES_MAX = 64, HEADER_BYTES = 96, OPERATION_BYTES = 16 };

enum change { HEADERS = 1, FRAMES = 2, CUT = 4, SIZED = 8 };
enum name_change { NEW_NAME = 1, AWAY = 2, TAKEN = 4 };

struct watched_file {
    char name[KAYA_NAME_BYTES_MAX + 1];
    unsigned changes; /* since the last sync */
};

struct watched_handle {
    struct kaya_file *file; /* NULL: closed */
    struct watched_file *watched;
};

struct kaya_mute {
    struct kaya_disk_operations operations; /* first: of() relies on it */
    const struct kaya_disk_operations *under;
    char operation[OPERATION_BYTES]; /* under way; "": none */
    struct watched_file files[FILES_MAX];
    size_t file_count;
    struct watched_handle handles[HANDLES_MAX];
    unsigned name_changes;
    bool recovers; /* in the operation under way the lock was taken */
    const char *muted[2];
    struct kaya_site sites[KAYA_SITES_MAX];
    size_t site_count;
};

static struct kaya_mute *of(struct kaya_disk *disk)
{
    return (struct kaya_mute *)disk->operations;
}

/* --- Files --- */

static struct watched_file *find_file(struct kaya_mute *mute, const char *name)
{
    for (size_t i = 0; i < mute->file_count; i++)
        if (strcmp(mute->files[i].name, name) == 0)
            return &mute->files[i];
    return NULL;
}

static struct watched_file *file_named(struct kaya_mute *mute, const char *name)
{
    struct watched_file *file = find_file(mute, name);

    if (file == NULL)
        file = find_file(mute, "");                    /* a name that is gone */
    if (file == NULL && mute->file_count == FILES_MAX) /* more than any run has: the last is forgotten */
        mute->file_count--;
    if (file == NULL)
        file = &mute->files[mute->file_count++];
    if (strcmp(file->name, name) != 0) {
        *file = (struct watched_file){ .changes = 0 };
        strncpy(file->name, name, KAYA_NAME_BYTES_MAX);
    }
    return file;
}

static struct watched_handle *handle_of(struct kaya_mute *mute, const struct kaya_file *file)
{
    size_t i = 0;

    while (i < HANDLES_MAX - 1 && mute->handles[i].file != file)
        i++;
    return &mute->handles[i]; /* the last serves all that find no place */
}

static void forget_name(struct kaya_mute *mute, const char *name)
{
    struct watched_file *file = find_file(mute, name);

    if (file != NULL)
        memset(file->name, 0, sizeof file->name);
}

static struct watched_file *file_of(struct kaya_mute *mute, struct kaya_file *file)
{
    return handle_of(mute, file)->watched;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t length = strlen(name);

    return length > strlen(ending) && strcmp(name + length - strlen(ending), ending) == 0;
}

/* --- Sites --- */

/* The operations that are one to whoever reads core. */
static const char *operation_of(const struct kaya_mute *mute)
{
    static const struct {
        const char *begins, *is;
    } groups[] = {
        { "append", "append" }, { "batch", "append" },  { "echo", "append" },   { "put", "append" },
        { "delete", "append" }, { "snapshot", "trim" }, { "rotate", "rotate" }, { "sync", "sync" },
        { "trim", "trim" },     { "tend", "tend" },
    };

    if (mute->recovers)
        return "recovery";
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        if (strncmp(mute->operation, groups[i].begins, strlen(groups[i].begins)) == 0)
            return groups[i].is;
    return "close"; /* none is under way, or one that only looks */
}

/* The first of the words that the set holds: what matters most. */
static void describe(char *text, size_t size, const char *const *words, unsigned set)
{
    size_t length = strlen(text);
    unsigned i = 0;

    while (words[i] != NULL && (set >> i & 1) == 0)
        i++;
    if (words[i] != NULL && length < size)
        snprintf(text + length, size - length, " with %s", words[i]);
}

static bool is_selected(const struct kaya_mute *mute, const char *name)
{
    return (mute->muted[0] != NULL && strcmp(mute->muted[0], name) == 0) ||
           (mute->muted[1] != NULL && strcmp(mute->muted[1], name) == 0);
}

/* Note a call; true: it is left out. */
static bool note(struct kaya_mute *mute, const char *step, const char *what, const char *const *words,
                 unsigned set)
{
    char name[KAYA_SITE_BYTES];
    size_t i = 0;

    snprintf(name, sizeof name, "%s: %s", step, what);
    if (words != NULL)
        describe(name, sizeof name, words, set);
    while (i < mute->site_count && strcmp(mute->sites[i].name, name) != 0)
        i++;
    if (i == mute->site_count && i < KAYA_SITES_MAX) {
        mute->sites[i] = (struct kaya_site){ .calls = 0 };
        memcpy(mute->sites[i].name, name, sizeof name);
        mute->site_count++;
    }
    if (i < KAYA_SITES_MAX)
        mute->sites[i].calls++;
    return is_selected(mute, name);
}

/* A call for spares, and for files that are let go. */
static bool is_spare_call_muted(struct kaya_mute *mute, const char *what, const char *const *words, unsigned set)
{
    return note(mute, mute->recovers ? "recovery" : "spares", what, words, set);
}

/* --- Calls --- */

static enum kaya_status watched_open(struct kaya_disk *disk, const char *name, unsigned flags,
                                     struct kaya_file **file)
{
    struct kaya_mute *mute = of(disk);
    enum kaya_status status = mute->under->open(disk, name, flags, file);
    struct watched_file *watched;

    if (status != KAYA_OK)
        return status;
    watched = file_named(mute, name);
    *handle_of(mute, NULL) = (struct watched_handle){ *file, watched };
    if ((flags & KAYA_OPEN_CREATE) != 0)
        watched->changes = SIZED;
    return status;
}

static enum kaya_status watched_write(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                      const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct kaya_mute *mute = of(disk);
    bool headers = span_count == 1 && spans[0].length == HEADER_BYTES;

    file_of(mute, file)->changes |= headers ? HEADERS : FRAMES;
    return mute->under->write(disk, file, offset, spans, span_count, done);
}

/* Left out it is a write. */
static enum kaya_status watched_write_durable(struct kaya_disk *disk, struct kaya_file *file, uint64_t offset,
                                              const struct kaya_span *spans, size_t span_count, size_t *done)
{
    struct kaya_mute *mute = of(disk);

    if (note(mute, operation_of(mute), "durable write to a segment", NULL, 0))
        return watched_write(disk, file, offset, spans, span_count, done);
    return mute->under->write_durable(disk, file, offset, spans, span_count, done);
}

static enum kaya_status watched_sync(struct kaya_disk *disk, struct kaya_file *file)
{
    static const char *const words[] = { "headers", "frames", "a cut", "its size", NULL };
    struct kaya_mute *mute = of(disk);
    struct watched_file *watched = file_of(mute, file);
    unsigned changes = watched->changes;
    bool muted;

    if (ends_in(watched->name, ".wal") && (changes & HEADERS) == 0)
        muted = note(mute, operation_of(mute),
                     changes == 0 ? "sync of a segment with nothing new" : "sync of a segment", words, changes);
    else
        muted = is_spare_call_muted(
            mute, ends_in(watched->name, ".wal") ? "sync of a segment" : "sync of an unfinished segment",
            words, changes);
    watched->changes = 0;
    return muted ? KAYA_OK : mute->under->sync(disk, file);
}

static enum kaya_status watched_sync_directory(struct kaya_disk *disk, enum kaya_directory which)
{
    static const char *const words[] = { "new names", "names away and back", NULL };
    struct kaya_mute *mute = of(disk);
    bool muted;

    if (which == KAYA_DIRECTORY_PARENT) {
        muted = is_spare_call_muted(mute, "sync of the parent", NULL, 0);
    } else {
        muted = is_spare_call_muted(
            mute, mute->name_changes == 0 ? "sync of the directory with nothing new" : "sync of the directory",
            words, mute->name_changes);
        mute->name_changes = 0;
    }
    return muted ? KAYA_OK : mute->under->sync_directory(disk, which);
}

static enum kaya_status watched_truncate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    struct kaya_mute *mute = of(disk);
    struct watched_file *watched = file_of(mute, file);
    bool cut = ends_in(watched->name, ".wal");

    watched->changes |= cut ? CUT : SIZED;
    if (is_spare_call_muted(mute, cut ? "cut of a segment" : "cut of an unfinished segment", NULL, 0))
        return KAYA_OK;
    return mute->under->truncate(disk, file, bytes);
}

static enum kaya_status watched_allocate(struct kaya_disk *disk, struct kaya_file *file, uint64_t bytes)
{
    struct kaya_mute *mute = of(disk);

    file_of(mute, file)->changes |= SIZED;
    if (is_spare_call_muted(mute, "room for an unfinished segment", NULL, 0))
        return KAYA_OK;
    return mute->under->allocate(disk, file, bytes);
}

static void watched_close(struct kaya_disk *disk, struct kaya_file *file)
{
    struct kaya_mute *mute = of(disk);

    handle_of(mute, file)->file = NULL;
    mute->under->close(disk, file);
}

static enum kaya_status watched_lock(struct kaya_disk *disk)
{
    struct kaya_mute *mute = of(disk);

    mute->recovers = true;
    return mute->under->lock(disk);
}

static enum name_change change_of(const char *from, const char *to)
{
    if (ends_in(from, ".away") || ends_in(to, ".away"))
        return AWAY;
    return ends_in(to, ".new") ? TAKEN : NEW_NAME;
}

static enum kaya_status watched_rename(struct kaya_disk *disk, const char *from, const char *to)
{
    static const char *const what[] = {
        [NEW_NAME] = "rename of an unfinished segment to its name", [TAKEN] = "rename of a segment that is taken again", [AWAY] = "rename of a segment away and back"
    };
    struct kaya_mute *mute = of(disk);
    enum name_change change = change_of(from, to);
    enum kaya_status status;
    struct watched_file *watched;

    if (is_spare_call_muted(mute, what[change], NULL, 0))
        return KAYA_OK;
    if (change != TAKEN)
        mute->name_changes |= change;
    status = mute->under->rename(disk, from, to);
    if (status != KAYA_OK)
        return status;
    forget_name(mute, to); /* what it replaced */
    watched = file_named(mute, from);
    memset(watched->name, 0, sizeof watched->name);
    strncpy(watched->name, to, KAYA_NAME_BYTES_MAX);
    return KAYA_OK;
}

static enum kaya_status watched_unlink(struct kaya_disk *disk, const char *name)
{
    struct kaya_mute *mute = of(disk);

    if (is_spare_call_muted(
            mute, ends_in(name, ".new") ? "removal of an unfinished segment" : "removal of a segment", NULL, 0))
        return KAYA_OK;
    forget_name(mute, name);
    return mute->under->unlink(disk, name);
}

/* --- Life --- */

void kaya_mute_hear(void *user, const struct kaya_trace_event *event)
{
    struct kaya_mute *mute = user;

    if (event->kind != KAYA_TRACE_OPERATION && event->kind != KAYA_TRACE_ANSWER && event->kind != KAYA_TRACE_BOOT)
        return;
    snprintf(mute->operation, sizeof mute->operation, "%s",
             event->kind == KAYA_TRACE_OPERATION ? event->text : "");
    mute->recovers = false;
}

void kaya_mute_boot(struct kaya_mute *mute, struct kaya_disk *disk)
{
    if (disk->operations != &mute->operations)
        mute->under = disk->operations;
    mute->operations = *mute->under;
    mute->operations.open = watched_open;
    mute->operations.write = watched_write;
    mute->operations.write_durable = watched_write_durable;
    mute->operations.sync = watched_sync;
    mute->operations.sync_directory = watched_sync_directory;
    mute->operations.truncate = watched_truncate;
    mute->operations.allocate = watched_allocate;
    mute->operations.rename = watched_rename;
    mute->operations.unlink = watched_unlink;
    mute->operations.close = watched_close;
    mute->operations.lock = watched_lock;
    mute->file_count = 0;
    memset(mute->handles, 0, sizeof mute->handles);
    mute->name_changes = 0;
    disk->operations = &mute->operations;
}

void kaya_mute_select(struct kaya_mute *mute, const char *one, const char *other)
{
    mute->muted[0] = one;
    mute->muted[1] = other;
}

struct kaya_mute *kaya_mute_create(void)
{
    return calloc(1, sizeof(struct kaya_mute));
}

void kaya_mute_destroy(struct kaya_mute *mute)
{
    free(mute);
}

size_t kaya_mute_site_count(const struct kaya_mute *mute)
{
    return mute->site_count;
}

const struct kaya_site *kaya_mute_site(const struct kaya_mute *mute, size_t index)
{
    return &mute->sites[index];
}
