/* What people do to a log's directory between two boots, and whether the log then does what it should.
 *
 * Each deed is first done on a fork, and judged by what it changed (layout.h). What must not matter is done to the log itself as well, and
 * the run goes on with it. What must or may be refused is opened on the fork: refused it stands untouched, and again; opened, it holds all that
 * must be there, nothing else, and takes records. */
#ifndef KAYA_SCENARIOS_TAMPER_H
#define KAYA_SCENARIOS_TAMPER_H

#include "kaya/scenarios/workload.h"
#include "kaya/sim/subject.h"

struct kaya_tamperer;

struct kaya_tamperer *kaya_tamperer_create(void);           /* NULL: no memory */
void kaya_tamperer_destroy(struct kaya_tamperer *tamperer); /* takes NULL */
void kaya_tamperer_reset(struct kaya_tamperer *tamperer);   /* as new, for another run; keeps memory */

/* Between two boots: do something to the log on `disk` (whose machine is down), by the weights of `plan`. `subject` is the log's; it goes back in time
 * with the disk if a backup is put in place of it. Decides everything that a crash left open. KAYA_NO_MEMORY. */
KAYA_MUST_CHECK enum kaya_status kaya_tamper(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                                             struct kaya_subject *subject, struct kaya_sim_disk *disk,
                                             struct kaya_choices *choices, struct kaya_trace *trace,
                                             struct kaya_violation *violation);

/* A copy of the log's files is taken while its writer runs, one file at a time, at any of its disk calls. `begin` when the log is open (the
 * arguments stay good until `end` or `drop`); `end` with the writer still running: it copies what is left, and judges how the log opens from
 * the copy. `drop` where the machine crashed before. KAYA_NO_MEMORY. */
void kaya_tamper_copy_begin(struct kaya_tamperer *tamperer, const struct kaya_plan *plan,
                            struct kaya_subject *subject, struct kaya_sim_disk *disk,
                            struct kaya_choices *choices, struct kaya_trace *trace,
                            struct kaya_violation *violation);
KAYA_MUST_CHECK enum kaya_status kaya_tamper_copy_end(struct kaya_tamperer *tamperer);
void kaya_tamper_copy_drop(struct kaya_tamperer *tamperer);

#endif
