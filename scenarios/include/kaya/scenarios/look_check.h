/* What verify and inspect say of a log that nobody changes meanwhile: every sum, and every item at its place. */
#ifndef KAYA_SCENARIOS_LOOK_CHECK_H
#define KAYA_SCENARIOS_LOOK_CHECK_H

#include "kaya/inspect.h"
#include "kaya/scenarios/census.h"
#include "kaya/sim/disk.h"

struct kaya_look_check;
struct kaya_look_check *kaya_look_check_create(void);        /* NULL: no memory */
void kaya_look_check_destroy(struct kaya_look_check *check); /* takes NULL */

/* Count what stands on the disk, as the next reader sees it. `now`, `truth`: images of it that were just read, as it is and without damage;
 * NULL and NULL: it is read here. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status
kaya_look_check_begin(struct kaya_look_check *check, struct kaya_sim_disk *disk, const struct kaya_image *now,
                      const struct kaya_image *truth, struct kaya_violation *violation);
const struct kaya_census *kaya_look_check_census(const struct kaya_look_check *check);

/* A kaya_wal_item_visitor and a kaya_event_listener, for whoever looks. */
bool kaya_look_check_visit(void *user, const struct kaya_wal_item *item);
void kaya_look_check_hear(void *user, const struct kaya_event *event);

/* The look answered KAYA_OK. `every_item`: it was inspect's. */
void kaya_look_check_end(struct kaya_look_check *check, const struct kaya_wal_inspection *inspection,
                         bool every_item, bool writer_is_live);

#endif
