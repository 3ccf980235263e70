/* What a boot saw of its disk, as one hash, and a set of such hashes. Two images with one hash cannot be told apart by the
 * code that ran: it was answered the same to all it asked. */
#ifndef KAYA_SIM_SEEN_H
#define KAYA_SIM_SEEN_H

#include "kaya/seam/disk.h"

/* Stands between the log and a boot's disk and hashes what the disk answers. It must outlive the boot. */
struct kaya_seen_disk {
    struct kaya_disk_operations operations; /* first: the disk's table while it is watched */
    const struct kaya_disk_operations *under;
    unsigned open_flags; /* of the last open, from before it takes effect */
    uint64_t hash;
};

/* Watch `disk`, whose own operations are `under`, from now on and start a new hash. */
void kaya_seen_watch(struct kaya_seen_disk *seen, struct kaya_disk *disk,
                     const struct kaya_disk_operations *under);

struct kaya_seen_set {
    uint64_t *slots;   /* 0: free */
    size_t slot_count; /* a power of two, or 0 */
    size_t count;
};

/* Add a hash; *added says whether it was new. */
KAYA_MUST_CHECK enum kaya_status kaya_seen_add(struct kaya_seen_set *set, uint64_t hash, bool *added);
void kaya_seen_clear(struct kaya_seen_set *set);

/* One step of an order-dependent hash. */
uint64_t kaya_seen_mix(uint64_t hash, uint64_t value);

#endif
