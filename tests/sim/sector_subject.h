/* A subject whose crash outcomes can be counted by hand: a file of some sectors, made durable when it is created; then each
 * of them is written once more, all in one write, and never synced. Recovery changes nothing and reads some of them. */
#ifndef SECTOR_SUBJECT_H
#define SECTOR_SUBJECT_H

#include "kaya/sim/subject.h"

enum { SECTOR_BYTES = 512, SECTORS_MAX = 24 };

struct sector_options {
    unsigned sector_count;
    unsigned write_count; /* of them, from the first, are written again; 0: none */
    bool is_durable;      /* ... by a durable write */
    unsigned read_count;  /* of them, from the first, are read by recovery */
    bool may_tear;        /* a sector may be a mixture */
    /* Told after each recovery: the value of each sector read, OLD_BYTE or NEW_BYTE; `count` is 0 while the file is not
     * whole yet. May be NULL. */
    void (*found)(void *user, const unsigned char *values, unsigned count);
    void *user;
};

enum { OLD_BYTE = 1, NEW_BYTE = 2 };

/* 512-byte sectors, torn only between them, and the weakest promises otherwise. */
extern const struct kaya_sim_profile sector_profile;

/* For kaya_explore_options: `user` is a struct sector_options. */
enum kaya_status sector_subject_create(void *user, struct kaya_subject **subject);

#endif
