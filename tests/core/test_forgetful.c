/* A cache that shows what the device does not hold: a sync of it failed or lied, the page counts as clean, and whoever reads past the cache
 * gets the older bytes, as does everybody after that.
 *
 * Goal: what is decided hangs on the device alone. Method: a log in which one sector is such a page, told on the image disk. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "log_fixture.h"

static const struct kaya_wal_config PAGES = { .segment_bytes = 32768, .block_bytes = 4096 };

/* The device has zeros there. */
struct page {
    const char *name;
    uint64_t offset;
    bool is_gone; /* from the cache as well */
};

static enum kaya_status show(void *user, struct image_disk *image, struct image_file *file, uint64_t offset,
                             uint8_t *bytes, size_t length, bool past_cache)
{
    struct page *page = user;

    (void)image;
    if (strcmp(file->name, page->name) != 0 || offset >= page->offset + IMAGE_SECTOR_BYTES ||
        offset + length <= page->offset)
        return KAYA_OK;
    page->is_gone = page->is_gone || past_cache;
    for (size_t at = 0; at < length && page->is_gone; at++)
        if (offset + at >= page->offset && offset + at < page->offset + IMAGE_SECTOR_BYTES)
            bytes[at] = 0;
    return KAYA_OK;
}

/* Recovery reads CLOSE past the cache, and the block's first sector goes. The records behind it claim that it was durable. */
Test(forgetful, a_closed_log_whose_link_only_the_cache_shows_is_refused)
{
    struct page link = { .name = "0000000000000002.wal", .offset = 4096 };
    struct log_fixture *log = log_fixture_create(&LOG_DENSE, &PAGES);

    cr_assert(eq(int, log_open(log), KAYA_OK));
    cr_assert(eq(int, log_append(log, 100, KAYA_STRICT), KAYA_OK));
    cr_assert(eq(int, log_rotate(log), KAYA_OK));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(int, log_append(log, 300, KAYA_STRICT), KAYA_OK));
    cr_assert(eq(int, log_close(log), KAYA_OK));
    log_kill(log);
    log->image.during_read = show;
    log->image.user = &link;
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        cr_expect(eq(int, log_open(log), KAYA_DAMAGED), "attempt %u", attempt);
        cr_expect(eq(u64, log->report.damage_segment, 2));
        cr_expect(eq(u64, log->report.damage_offset, 4096));
        log_kill(log);
    }
    cr_expect(link.is_gone);
    log_fixture_destroy(log);
}
