/* POSIX disks to test with: each on a fresh temporary directory of its own, removed when the disk is given back. */
#ifndef KAYA_TESTS_POSIX_DISKS_H
#define KAYA_TESTS_POSIX_DISKS_H

#include "kaya/conformance.h"
#include "kaya/posix.h"

/* Can a disk of that sync method be had here? */
bool kaya_tests_posix_has(enum kaya_posix_sync_method method);

/* The factory. Its user pointer keeps the list of directories; each call starts a new one. */
struct kaya_conformance_disks kaya_tests_posix_disks(enum kaya_posix_sync_method method);
void kaya_tests_posix_disks_end(struct kaya_conformance_disks *disks);

/* Let this process have few descriptors, so that a handle that is never closed is noticed. */
void kaya_tests_limit_descriptors(void);

#endif
