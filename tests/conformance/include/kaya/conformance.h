/* The conformance test: does an implementation of a seam keep the contract of kaya/seam/? The same checks run on the real
 * disk, on the simulated one, and on yours. Plain C, no test framework: link kaya_conformance, call, read the result.
 *
 * A check that fails is written down and the others go on. What needs a fault to be seen (a full disk, a failing sync,
 * what survives a power loss) cannot be checked from here. */
#ifndef KAYA_CONFORMANCE_H
#define KAYA_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kaya/seam/allocator.h"
#include "kaya/seam/disk.h"
#include "kaya/seam/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { KAYA_CONFORMANCE_FAILURES_MAX = 64, KAYA_CONFORMANCE_TEXT_BYTES = 240 };

struct kaya_conformance_failure {
    const char *test;                       /* a sentence, with '_' for spaces; static */
    char text[KAYA_CONFORMANCE_TEXT_BYTES]; /* what was expected and what was found */
};

struct kaya_conformance_result {
    uint64_t check_count;
    uint64_t failure_count; /* of which the first KAYA_CONFORMANCE_FAILURES_MAX are kept */
    struct kaya_conformance_failure failures[KAYA_CONFORMANCE_FAILURES_MAX];
};

/* Where disks come from. All calls get `user`. */
struct kaya_conformance_disks {
    /* A disk whose log directory does not exist yet, in a parent that does. NULL: it could not be made. */
    struct kaya_disk *(*create)(void *user);
    /* Another disk on the same directory, as another process would have it. NULL if there can be none. */
    struct kaya_disk *(*create_second)(void *user, struct kaya_disk *first);
    /* Give back a disk of either kind (a second one goes before its first). */
    void (*destroy)(void *user, struct kaya_disk *disk);
    void *user;
    uint64_t large_offset_bytes; /* how far out a byte must be storable; 0 means 5 GiB */
    const char *only; /* the one test to run, as failures name it (another name: none); NULL: all */
};

/* Run every check of the disk seam, each on a fresh disk. `result` is filled in. */
void kaya_conformance_disk(const struct kaya_conformance_disks *disks, struct kaya_conformance_result *result);

/* Run `first` and `second` at the same time and return when both have; both get `argument`. */
typedef void kaya_conformance_pair(void *user, void (*first)(void *), void (*second)(void *), void *argument);

/* Run every check of the runtime seam; those that need two threads only if `pair` is not NULL. */
void kaya_conformance_runtime(struct kaya_runtime *runtime, kaya_conformance_pair *pair, void *user,
                              struct kaya_conformance_result *result);

/* Run every check of the allocator seam; takes up to 4 MiB. */
void kaya_conformance_allocator(struct kaya_allocator *allocator, struct kaya_conformance_result *result);

#ifdef __cplusplus
}
#endif

#endif
