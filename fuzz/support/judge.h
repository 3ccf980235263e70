/* A directory of any bytes in front of the log, and what must hold whatever they are (P12, P8, P1, P7). */
#ifndef FUZZ_SUPPORT_JUDGE_H
#define FUZZ_SUPPORT_JUDGE_H

#include "kaya/wal.h"
#include "tests/core/image_disk.h"

enum { FUZZ_DISKS = 3 };

/* An empty directory on a disk of one of three kinds (dense; padding to a sector; to a page), kept from one input to the next: a log of
 * 512-byte blocks whose segments suit the disk. Its parts may be changed until it is judged. */
struct fuzz_world {
    struct image_disk image;
    struct kaya_wal_environment environment;
    struct kaya_wal_config config;
};
struct fuzz_world *fuzz_world_begin(unsigned disk);

/* Look at the directory with everything that looks, open the log in it, append, and open it again after a crash and after a close.
 * Whatever breaks a promise ends the program:
 *
 *   1. Verify, reader and recovery agree whether it is damaged, and where it ends. Who only looks changes nothing; a refused log is
 *      not changed.
 *   2. A record that comes back stands in the file and at the place that it names, in a frame that is valid, or in one that is one bit away
 *      from that, and then it is called mended.
 *   3. Recovery returns what the reader returned. A log that opens takes records, and has them and all others after a crash and
 *      after a close (P3, P7).
 *   4. Verdict, ends, claims and records are those that FORMAT.md has for these bytes, and what a writer leaves is whole by it (page.h).
 *   5. Calls, bytes read and memory grow with the files, not with what they say; none is kept. */
void fuzz_judge(struct fuzz_world *world);

#endif
