/* Profiles: what a kind of disk and file system promises. Data, not code; each names its source. */
#ifndef KAYA_SIM_PROFILE_H
#define KAYA_SIM_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "kaya/seam/disk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the unwritten part of a file that grew may show after a power loss that kept the size. */
enum kaya_growth { KAYA_GROWTH_ZEROS, KAYA_GROWTH_STALE, KAYA_GROWTH_GARBAGE };

struct kaya_sim_profile {
    const char *name;   /* "posix", "ext4-ordered", ... */
    const char *source; /* where these promises are stated */
    struct kaya_geometry geometry;
    enum kaya_growth growth; /* the worst that growth may show (tamer answers are drawn too) */
    bool byte_tears;     /* a tear may fall between any two bytes of a sector; false: only between sectors */
    bool size_with_data; /* size never survives without the data below it (ordered mode) */
    bool names_in_order; /* directory changes survive as a prefix of their order (one journal) */
    bool sync_covers_names; /* sync of a file makes its own name durable as well (a journal's side effect), where its size changed since the
                               last one: a data sync of bytes that were overwritten in place commits nothing, as ext4 shows (tests/truth) */
    bool data_in_order;     /* sectors of one file survive in the order in which they were written */
};

/* All built-in profiles, NULL-ended order is fixed; the first is the default: POSIX at its weakest. */
const struct kaya_sim_profile *kaya_sim_profiles(size_t *count);
const struct kaya_sim_profile *kaya_sim_profile_find(const char *name); /* NULL: none of that name */

#ifdef __cplusplus
}
#endif

#endif
