/* The seam: one function a slot. */
#ifndef KAYA_SIM_HANDLE_H
#define KAYA_SIM_HANDLE_H

#include "state.h"

extern const struct kaya_disk_operations kaya_sim_disk_operations;

#endif
