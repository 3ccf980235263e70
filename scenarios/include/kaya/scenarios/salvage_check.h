/* P5's second half: of a log that is refused, salvage hands out every record that stands undamaged, and nothing that is none. */
#ifndef KAYA_SCENARIOS_SALVAGE_CHECK_H
#define KAYA_SCENARIOS_SALVAGE_CHECK_H

#include "kaya/scenarios/damage.h"
#include "kaya/scenarios/oracle.h"

/* Salvage the log in `environment`, which was refused as `outlook` foresaw it, the last look of `watch`, when it was opened with `anchor`
 * (may be NULL). *record_count becomes the
 * number of records that came.
 *   KAYA_OK  it was judged     KAYA_GONE  the machine crashed     KAYA_NO_MEMORY  the check itself has none
 *   others   what the salvage answered: the caller knows whether a fault asks for it */
KAYA_MUST_CHECK enum kaya_status kaya_salvage_check(struct kaya_damage_watch *watch, struct kaya_oracle *oracle,
                                                    const struct kaya_outlook *outlook,
                                                    const struct kaya_wal_environment *environment,
                                                    const struct kaya_wal_anchor *anchor,
                                                    uint64_t *record_count, struct kaya_violation *violation);

/* Only what comes: each record once, in order, with the gaps told, as it was appended. Where people changed the directory, nobody can say what is
 * owed. Statuses as above. */
KAYA_MUST_CHECK enum kaya_status kaya_salvage_check_order(struct kaya_oracle *oracle,
                                                          const struct kaya_outlook *outlook,
                                                          const struct kaya_wal_environment *environment,
                                                          const struct kaya_wal_anchor *anchor,
                                                          struct kaya_violation *violation);

#endif
