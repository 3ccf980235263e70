/* The seam: one function a slot. */
#ifndef KAYA_SIM_HANDLE_H
#define KAYA_SIM_HANDLE_H

#include "state.h"

/* `file` is about to be written: a crash from here on interrupts it, until kaya_inflight_end. */
void kaya_write_under_way(struct kaya_sim_disk *disk, struct kaya_sim_inflight *inflight,
                          const struct kaya_file *file, bool is_durable, uint64_t offset,
                          const struct kaya_span *spans, size_t span_count);

extern const struct kaya_disk_operations kaya_sim_disk_operations;

#endif
