/* Calls that order things on the disk, each of which can be left out: what is every one of them good for? */
#ifndef KAYA_SCENARIOS_MUTE_H
#define KAYA_SCENARIOS_MUTE_H

#include "kaya/seam/disk.h"
#include "kaya/sim/trace.h"

enum { KAYA_SITE_BYTES = 96, KAYA_SITES_MAX = 160 };

/* A kind of call: in which operation, of what, and what it would make durable. The same on every build, since it is told from the calls
 * alone: "append: sync of a segment with frames", "open: sync of the directory with new names". */
struct kaya_site {
    char name[KAYA_SITE_BYTES];
    uint64_t calls; /* that were seen */
};

struct kaya_mute;
struct kaya_mute *kaya_mute_create(void);       /* NULL: no memory */
void kaya_mute_destroy(struct kaya_mute *mute); /* takes NULL */

/* From now on calls of these sites answer KAYA_OK and do nothing. NULL: none. Borrowed. */
void kaya_mute_select(struct kaya_mute *mute, const char *one, const char *other);

/* A boot begins: watch `disk`. Which operation is under way is heard from the trace; `user` is the mute. */
void kaya_mute_boot(struct kaya_mute *mute, struct kaya_disk *disk);
kaya_trace_listener kaya_mute_hear;

/* All that were seen, in the order in which each was first. */
size_t kaya_mute_site_count(const struct kaya_mute *mute);
const struct kaya_site *kaya_mute_site(const struct kaya_mute *mute, size_t index);

#endif
