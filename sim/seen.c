/* What a boot saw of its disk: each answer that carries information from the image goes into one running hash.
 *
 * Those are reads (place and bytes), sizes, whether a name opens, the names that a listing shows, and every error. Calls that only
 * change the disk tell nothing about what was there before that these have not told. Nothing is hashed twice: a block keeps the hash
 * of all and of the last part of its bytes that was read, and a file, in all forks that share it, those of the last reads. */
#include "seen.h"

#include <string.h>

uint64_t kaya_seen_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25;
    return hash ^ (hash >> 32);
}

void kaya_seen_note_text(struct kaya_hash *seen, const char *text)
{
    kaya_hash_add_hash(seen, kaya_text_hash(text, strlen(text)));
}

static struct kaya_hash hash_of_read(const struct kaya_store *store, const struct kaya_inode *inode,
                                     uint64_t offset, uint64_t length)
{
    struct kaya_hash hash = { offset, length };

    while (length > 0) {
        uint64_t index = offset >> store->sector_shift;
        size_t from = (size_t)(offset & (store->sector_bytes - 1));
        size_t part = store->sector_bytes - from < length ? store->sector_bytes - from : (size_t)length;
        struct kaya_block *block = index < inode->sector_count ? inode->sectors[index].newest : NULL;
        struct kaya_hash bytes = part == store->sector_bytes ? kaya_block_hash(store, block)
                                                             : kaya_block_part_hash(block, from, part);

        kaya_hash_add(&hash, bytes.low);
        kaya_hash_add(&hash, bytes.high);
        offset += part;
        length -= part;
    }
    return hash;
}

static struct kaya_hash known_hash(const struct kaya_store *store, struct kaya_inode *inode, uint64_t offset,
                                   uint64_t length)
{
    uint32_t kept = inode->read_count < KAYA_READ_HASHES_MAX ? inode->read_count : KAYA_READ_HASHES_MAX;
    struct kaya_read_hash *made = &inode->reads[inode->read_count % KAYA_READ_HASHES_MAX];

    for (uint32_t index = 0; index < kept; index++)
        if (inode->reads[index].offset == offset && inode->reads[index].length == length)
            return inode->reads[index].hash;
    *made = (struct kaya_read_hash){ offset, length, hash_of_read(store, inode, offset, length) };
    inode->read_count++;
    return made->hash;
}

void kaya_seen_note_read(struct kaya_hash *seen, const struct kaya_store *store, struct kaya_inode *inode,
                         uint64_t offset, uint64_t length)
{
    struct kaya_hash hash = known_hash(store, inode, offset, length);

    kaya_hash_add(seen, hash.low);
    kaya_hash_add(seen, hash.high);
}
