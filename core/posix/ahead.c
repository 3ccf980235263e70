/* The pages of writes to come.
 *
 * A write that begins or ends within a page that has left the cache waits until the kernel has read that page: a hundred times as long as the write
 * itself takes. A log uses its files again, and one that waited its turn for a while may have left the cache. So where writes follow each other, the
 * kernel is asked in time for the pages that the next ones come to. It reads them while others are written, and nobody waits.
 *
 *       written | pages in part, asked for                    |
 *     ..........|.............................................|...........
 *              end        end + PREPARED_BYTES / 2 <= asked <= end + PREPARED_BYTES
 *
 * A long write overwrites most of its pages whole, which asks for no reading: then only the page in which the next one will end, if it is as long
 * and does not end with a page.
 *
 * What was never written is not asked for. There is nothing to read, and the kernel would make pages for it, one by one, where the zeros that are
 * written ahead of use leave larger ones (file.c).
 *
 * What no call at all would cost is a mapping of the file: a store to it is what the system keeps of a process that dies. But a device that fails, or a
 * file system that finds no room, then kills the process by SIGBUS, where a write has a status.
 *
 * Both places are hints, and whatever several threads make of them at a time is harmless. What fails here is no fault of the write: it will meet
 * the fault itself. */
#define _GNU_SOURCE 1
#define _FILE_OFFSET_BITS 64

#include <fcntl.h>
#include <unistd.h>

#include "system.h"

enum {
    PAGE_BYTES = 4096, /* no system has smaller ones */
    LONG_BYTES = 16 * 1024,
    PREPARED_BYTES = 2 * 1024 * 1024, /* at half of it the fastest writer leaves the device time to read as much again */
    ASKED_BYTES_MAX = 128 * 1024, /* Linux reads no more for one call, where nobody changed its defaults */
};

static void ask(const struct posix_file *file, uint64_t from, uint64_t to)
{
    while (from < to) {
        uint64_t length = to - from < ASKED_BYTES_MAX ? to - from : ASKED_BYTES_MAX;

        (void)posix_fadvise(file->descriptor, (off_t)from, (off_t)length, POSIX_FADV_WILLNEED);
        from += length;
    }
}

/* Where what was written once ends, from a place on; `to` where it does not end before that, or where the system does not tell. */
static uint64_t end_of_data(const struct posix_file *file, uint64_t from, uint64_t to)
{
    off_t end = lseek(file->descriptor, (off_t)from, SEEK_HOLE); /* no call here asks where a descriptor stands */

    return end >= 0 && (uint64_t)end < to ? (uint64_t)end : to;
}

static void ask_behind(struct posix_file *file, uint64_t end)
{
    uint64_t asked = atomic_load_explicit(&file->asked, memory_order_relaxed);
    uint64_t wanted = end + PREPARED_BYTES;
    bool is_elsewhere = asked < end || asked > wanted;
    uint64_t from = is_elsewhere ? end : asked;

    if (!is_elsewhere && asked >= end + PREPARED_BYTES / 2)
        return;
    atomic_store_explicit(&file->asked, wanted, memory_order_relaxed);
    ask(file, from, end_of_data(file, from, wanted));
}

void kaya_posix_prepare_pages(struct posix_file *file, uint64_t offset, const struct kaya_span *spans,
                              size_t span_count)
{
    bool follows = atomic_load_explicit(&file->last_end, memory_order_relaxed) == offset;
    uint64_t length = 0;
    uint64_t end;

    for (size_t index = 0; index < span_count; index++)
        length += spans[index].length;
    end = offset + length;
    atomic_store_explicit(&file->last_end, end, memory_order_relaxed);
    if (!follows || end > (uint64_t)INT64_MAX / 2)
        return;
    if (length < LONG_BYTES)
        ask_behind(file, end);
    else if ((end + length) % PAGE_BYTES != 0)
        ask(file, end + length, end + length + 1);
}
