/* What a boot saw of its disk: each answer that carries information from the image goes into one running hash.
 *
 * Those are reads (place and bytes), sizes, whether a name opens, the names that a listing shows, and every error. Calls that only
 * change the disk tell nothing about what was there before that these have not told. Of a read of whole sectors the hashes of their
 * blocks are taken, which are computed once a block and not once a read. */
#include "seen.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t kaya_seen_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25;
    return hash ^ (hash >> 32);
}

static void note_bytes(struct kaya_hash *seen, const void *bytes, size_t length)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, length);

    kaya_seen_note(seen, hash.low64);
    kaya_seen_note(seen, hash.high64);
}

void kaya_seen_note_text(struct kaya_hash *seen, const char *text)
{
    note_bytes(seen, text, strlen(text));
}

void kaya_seen_note_read(struct kaya_hash *seen, const struct kaya_store *store,
                         const struct kaya_inode *inode, uint64_t offset, uint64_t length)
{
    kaya_seen_note(seen, offset);
    kaya_seen_note(seen, length);
    while (length > 0) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        size_t part = store->sector_bytes - from < length ? store->sector_bytes - from : (size_t)length;
        struct kaya_block *block = index < inode->sector_count ? inode->sectors[index].newest : NULL;

        if (part == store->sector_bytes) {
            struct kaya_hash hash = kaya_block_hash(store, block);

            kaya_seen_note(seen, hash.low);
            kaya_seen_note(seen, hash.high);
        } else {
            note_bytes(seen, kaya_block_bytes(block) + from, part);
        }
        offset += part;
        length -= part;
    }
}
