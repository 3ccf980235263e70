/* A file system that holds back what was not synced, and drops it for real.
 *
 *   hold MOUNTPOINT        serves until it is unmounted
 *
 * It lives in memory and knows one directory, MOUNTPOINT/log, and its files. Everything is kept twice: as it is shown, and as it was when a sync
 * last covered it. fsync of a file covers its bytes and its size; fsync of the directory covers its names; fsync of MOUNTPOINT covers the directory
 * itself. Nothing is durable for any other reason: not by closing, not by time, not by another file's sync.
 *
 * What would pull a plug is done by making a directory in MOUNTPOINT:
 *   drop-all     everything goes back to what was synced
 *   drop-names   only names do
 *   drop-data    only bytes and sizes do
 *   forget       the disk is empty, as new
 *
 * The kernel is asked to keep nothing (direct I/O, no timeouts), so that what was dropped is not seen again. One thread. */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 64, FILE_BYTES_MAX = 64 * 1024, NAME_BYTES_MAX = 64 };

struct content {
    off_t size;
    char bytes[FILE_BYTES_MAX]; /* zeros behind the size */
};

struct file {
    bool is_used;
    struct content shown, synced;
};

/* A file's place in `files` behind each name; no name: "". */
struct names {
    bool has_directory;
    struct entry {
        char name[NAME_BYTES_MAX];
        int file;
    } entries[FILES_MAX];
};

static struct file files[FILES_MAX];
static struct names shown, synced;
static bool has_dropped; /* a moment ago: the kernel looks at what it believes to have made */

static const char LOG[] = "/log";

static bool is_log(const char *path)
{
    return strcmp(path, LOG) == 0;
}

/* The name of a file in the log's directory, or NULL. */
static const char *name_of(const char *path)
{
    size_t length = strlen(LOG);

    return strncmp(path, LOG, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

static struct entry *find(const char *path)
{
    const char *name = name_of(path);

    for (int i = 0; name != NULL && i < FILES_MAX; i++)
        if (shown.entries[i].name[0] != '\0' && strcmp(shown.entries[i].name, name) == 0)
            return &shown.entries[i];
    return NULL;
}

static struct content *content_of(const char *path)
{
    struct entry *entry = find(path);

    return entry == NULL ? NULL : &files[entry->file].shown;
}

static void forget(void)
{
    memset(files, 0, sizeof files);
    memset(&shown, 0, sizeof shown);
    memset(&synced, 0, sizeof synced);
}

static void drop_data(void)
{
    for (int i = 0; i < FILES_MAX; i++)
        files[i].shown = files[i].synced;
}

static int pull_plug(const char *what)
{
    bool all = strcmp(what, "/drop-all") == 0;

    if (strcmp(what, "/forget") == 0)
        forget();
    else if (!all && strcmp(what, "/drop-names") != 0 && strcmp(what, "/drop-data") != 0)
        return -EPERM;
    if (all || strcmp(what, "/drop-names") == 0)
        shown = synced;
    if (all || strcmp(what, "/drop-data") == 0)
        drop_data();
    has_dropped = true;
    return 0;
}

/* --- what FUSE asks ------------------------------------------------------------------------------------------------- */

static void *begin(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    config->direct_io = 1;
    config->hard_remove = 1;
    config->entry_timeout = 0;
    config->attr_timeout = 0;
    config->negative_timeout = 0;
    return NULL;
}

static int get_attributes(const char *path, struct stat *attributes, struct fuse_file_info *info)
{
    const struct content *content = content_of(path);

    (void)info;
    memset(attributes, 0, sizeof *attributes);
    if (strcmp(path, "/") == 0 || (name_of(path) == NULL && !is_log(path) && has_dropped) ||
        (is_log(path) && shown.has_directory)) {
        attributes->st_mode = S_IFDIR | 0700;
        attributes->st_nlink = 2;
        has_dropped = false;
        return 0;
    }
    if (content == NULL)
        return -ENOENT;
    attributes->st_mode = S_IFREG | 0600;
    attributes->st_nlink = 1;
    attributes->st_size = content->size;
    return 0;
}

static int make_directory(const char *path, mode_t mode)
{
    (void)mode;
    if (!is_log(path))
        return pull_plug(path);
    if (shown.has_directory)
        return -EEXIST;
    shown.has_directory = true;
    return 0;
}

static int free_file(void)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (!files[i].is_used)
            return i;
    return -ENOSPC;
}

static int create_file(const char *path, mode_t mode, struct fuse_file_info *info)
{
    const char *name = name_of(path);
    int file = free_file();

    (void)mode;
    (void)info;
    if (name == NULL || strlen(name) >= NAME_BYTES_MAX)
        return -EPERM;
    if (find(path) != NULL)
        return -EEXIST;
    if (file < 0)
        return file;
    for (int i = 0; i < FILES_MAX; i++) {
        if (shown.entries[i].name[0] != '\0')
            continue;
        strcpy(shown.entries[i].name, name);
        shown.entries[i].file = file;
        files[file].is_used = true;
        return 0;
    }
    return -ENOSPC;
}

static int open_file(const char *path, struct fuse_file_info *info)
{
    (void)info;
    return content_of(path) == NULL ? -ENOENT : 0;
}

static int read_file(const char *path, char *bytes, size_t length, off_t offset, struct fuse_file_info *info)
{
    const struct content *content = content_of(path);

    (void)info;
    if (content == NULL)
        return -ENOENT;
    if (offset >= content->size)
        return 0;
    if ((off_t)length > content->size - offset)
        length = (size_t)(content->size - offset);
    memcpy(bytes, content->bytes + offset, length);
    return (int)length;
}

static int write_file(const char *path, const char *bytes, size_t length, off_t offset,
                      struct fuse_file_info *info)
{
    struct content *content = content_of(path);

    (void)info;
    if (content == NULL)
        return -ENOENT;
    if (offset > FILE_BYTES_MAX || length > (size_t)(FILE_BYTES_MAX - offset))
        return -ENOSPC;
    memcpy(content->bytes + offset, bytes, length);
    if (offset + (off_t)length > content->size)
        content->size = offset + (off_t)length;
    return (int)length;
}

static int set_size(const char *path, off_t size, struct fuse_file_info *info)
{
    struct content *content = content_of(path);

    (void)info;
    if (content == NULL)
        return -ENOENT;
    if (size > FILE_BYTES_MAX)
        return -ENOSPC;
    if (size < content->size)
        memset(content->bytes + size, 0, (size_t)(content->size - size));
    content->size = size;
    return 0;
}

static int sync_file(const char *path, int only_data, struct fuse_file_info *info)
{
    const struct entry *entry = find(path);

    (void)only_data; /* a size that grew is data */
    (void)info;
    if (entry == NULL)
        return -ENOENT;
    files[entry->file].synced = files[entry->file].shown;
    return 0;
}

static int sync_directory(const char *path, int only_data, struct fuse_file_info *info)
{
    bool had_directory = synced.has_directory;

    (void)only_data;
    (void)info;
    if (is_log(path)) {
        synced = shown;
        synced.has_directory = had_directory;
    } else {
        synced.has_directory = shown.has_directory;
    }
    return 0;
}

static int rename_file(const char *from, const char *to, unsigned flags)
{
    struct entry *entry = find(from), *replaced = find(to);
    const char *name = name_of(to);

    if (entry == NULL)
        return -ENOENT;
    if (flags != 0 || name == NULL || strlen(name) >= NAME_BYTES_MAX)
        return -EINVAL;
    if (replaced != NULL && replaced != entry)
        replaced->name[0] = '\0';
    strcpy(entry->name, name);
    return 0;
}

static int unlink_file(const char *path)
{
    struct entry *entry = find(path);

    if (entry == NULL)
        return -ENOENT;
    entry->name[0] = '\0';
    return 0;
}

static int list(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset;
    (void)info;
    (void)flags;
    fill(buffer, ".", NULL, 0, 0);
    fill(buffer, "..", NULL, 0, 0);
    if (!is_log(path))
        return shown.has_directory ? fill(buffer, LOG + 1, NULL, 0, 0) : 0;
    for (int i = 0; i < FILES_MAX; i++)
        if (shown.entries[i].name[0] != '\0')
            fill(buffer, shown.entries[i].name, NULL, 0, 0);
    return 0;
}

int main(int count, char **arguments)
{
    static const struct fuse_operations operations = {
        .init = begin,
        .getattr = get_attributes,
        .mkdir = make_directory,
        .create = create_file,
        .open = open_file,
        .read = read_file,
        .write = write_file,
        .truncate = set_size,
        .fsync = sync_file,
        .fsyncdir = sync_directory,
        .rename = rename_file,
        .unlink = unlink_file,
        .readdir = list,
    };
    char *options[] = { arguments[0], "-f", "-s", count == 2 ? arguments[1] : NULL };

    if (count != 2) {
        fprintf(stderr, "usage: hold MOUNTPOINT\n");
        return 2;
    }
    return fuse_main(4, options, &operations, NULL);
}
