/* A machine on which one family of faults strikes at every chance, and what the trace said of it. */
#ifndef KAYA_TESTS_FAULT_STAGE_H
#define KAYA_TESTS_FAULT_STAGE_H

#include "machine.h"

enum { SEEDS = 60, FILE_BYTES = 2048 };

/* What the trace said of faults. */
struct heard {
    unsigned count;
    char family[32];
    uint64_t inode, offset, length;
    uint8_t content[SECTOR_BYTES];
    size_t content_length;
};

struct stage {
    struct machine machine;
    struct kaya_sim_disk_options options;
    struct heard heard;
};

/* `profile` NULL: sectors of 512 bytes, nothing odd. A stage is set anew for each seed, with an empty disk. */
void open_stage(struct stage *stage, const struct kaya_sim_profile *profile, enum kaya_fault fault);
void set_stage(struct stage *stage, uint64_t seed);
void close_stage(struct stage *stage);

/* May the family strike, may all of them? */
void allow_all(struct stage *stage, bool may_strike);

struct kaya_fault_counts counts(const struct stage *stage);
uint64_t struck(const struct stage *stage, enum kaya_fault fault);

/* File "a" of FILE_BYTES: a sector of 'A', one of 'B', zeros and one of 'D', all durable, made while nothing strikes. */
void make_good_file(struct stage *stage, uint8_t good[FILE_BYTES]);
/* A stage set anew that has it. */
void set_stage_with_file(struct stage *stage, uint64_t seed, uint8_t good[FILE_BYTES]);

/* Shut down, let time go by, boot again. */
void decay(struct stage *stage);

/* All FILE_BYTES of the file as they are on the medium; as they ought to be. */
void read_file(struct kaya_sim_disk *sim, const char *name, uint8_t bytes[FILE_BYTES]);
void read_truth(struct kaya_sim_disk *sim, const char *name, uint8_t bytes[FILE_BYTES]);
/* Are these they? */
bool holds(struct kaya_sim_disk *sim, const char *name, const uint8_t bytes[FILE_BYTES]);
bool holds_in_truth(struct kaya_sim_disk *sim, const char *name, const uint8_t bytes[FILE_BYTES]);

/* One call of the seam, that may fail. */
enum kaya_status read_through(struct stage *stage, const char *name, uint64_t offset, void *bytes,
                              size_t length, unsigned flags);
enum kaya_status write_through(struct stage *stage, const char *name, uint64_t offset, uint8_t byte,
                               size_t length);

bool is_all(const uint8_t *bytes, uint8_t byte, size_t length);
unsigned differing_bits(const uint8_t *left, const uint8_t *right, size_t length);

/* The last event names the family and the bytes that differ in the file, from the first to the last. */
void expect_told(const struct stage *stage, const char *family, const char *name, const uint8_t *good,
                 const uint8_t *seen);

#endif
