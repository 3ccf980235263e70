/* Media damage in the sectors of a file, and its healing. */
#ifndef KAYA_SIM_DAMAGE_H
#define KAYA_SIM_DAMAGE_H

#include "inode.h"

/* Damage in a sector that is decided and clean. `shown`, which the caller gives away, is what the medium holds from now
 * on, and what stood there is its truth. `flags` of the block: KAYA_BLOCK_UNREADABLE, or none. False: it makes no difference. */
bool kaya_inode_damage(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                       struct kaya_block *shown, uint32_t flags);

/* As kaya_inode_damage, but hidden: the cache goes on showing what stood there until it drops the sector. Then the damage is unseen until
 * kaya_inode_next_unseen finds it; `family` is kept for that. */
bool kaya_inode_damage_hidden(struct kaya_store *store, struct kaya_inode *inode, uint64_t index,
                              struct kaya_block *shown, uint32_t family);

/* The cache drops the clean sectors of the range that hide something. */
void kaya_inode_unhide(struct kaya_store *store, struct kaya_inode *inode, uint64_t offset, uint64_t length);

/* The first sector from `index` to `last` whose damage shows and is unseen: it is seen now. False: none. */
bool kaya_inode_next_unseen(struct kaya_store *store, struct kaya_inode *inode, uint64_t *index,
                            uint64_t last, uint32_t *family);

/* True if a sector of the range may not be read. */
bool kaya_inode_is_unreadable(const struct kaya_store *store, const struct kaya_inode *inode, uint64_t offset,
                              uint64_t length);

/* No damage any more, in no version. */
void kaya_inode_heal(struct kaya_store *store, struct kaya_inode *inode);

#endif
