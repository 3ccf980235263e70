/* What happens to bytes on their way from the medium. */
#ifndef KAYA_SIM_READS_H
#define KAYA_SIM_READS_H

#include "state.h"

/* The spans hold what stands in the file, of which `length` bytes were read: change them, or answer KAYA_IO. */
enum kaya_status kaya_reads_strike(struct kaya_sim_disk *disk, uint32_t file, uint64_t offset,
                                   const struct kaya_span *spans, uint64_t length);

#endif
