/* Hashes of 128 bits: what a boot was answered by its disk so far, and what any boot may still be answered (fingerprint.c). Two
 * boots of the same code that were answered the same stand at the same place, with the same in their memory. */
#ifndef KAYA_SIM_SEEN_H
#define KAYA_SIM_SEEN_H

#include "state.h"

/* One step of an order-dependent hash. */
uint64_t kaya_seen_mix(uint64_t hash, uint64_t value);

void kaya_seen_note_text(struct kaya_hash *seen, const char *text);

/* [offset, offset + length) was read from the file. */
void kaya_seen_note_read(struct kaya_hash *seen, const struct kaya_store *store, struct kaya_inode *inode,
                         uint64_t offset, uint64_t length);

#endif
