/* Deeds, drawn and done. */
#ifndef KAYA_SCENARIOS_TAMPER_DEEDS_H
#define KAYA_SCENARIOS_TAMPER_DEEDS_H

#include "tamperer.h"

/* What is done, where. */
enum kaya_deed_kind {
    KAYA_DEED_NONE,
    KAYA_DEED_PUT,
    KAYA_DEED_DIRECTORY,
    KAYA_DEED_COPY,
    KAYA_DEED_RENAME,
    KAYA_DEED_SWAP,
    KAYA_DEED_REMOVE,
    KAYA_DEED_CUT,
    KAYA_DEED_REPLACE_ALL
};

struct kaya_deed {
    enum kaya_deed_kind kind;
    char name[KAYA_NAME_BYTES_MAX + 1]; /* PUT, DIRECTORY, CUT, REMOVE; of the others the first */
    char other[KAYA_NAME_BYTES_MAX + 1];
    uint64_t length;                 /* PUT, CUT */
    const uint8_t *bytes;            /* PUT */
    const struct kaya_sim_disk *all; /* REPLACE_ALL: by this one's files */
};

/* KAYA_DEED_NONE: there is nothing to do it to. */
enum kaya_status kaya_deed_draw(struct kaya_tamperer *tamperer, enum kaya_tampering tampering,
                                struct kaya_deed *deed);
enum kaya_status kaya_deed_do(const struct kaya_deed *deed, struct kaya_sim_disk *disk,
                              struct kaya_tamperer *tamperer);
/* Of a segment's name; 0: there is none. */
uint64_t kaya_tamper_highest_number(const struct kaya_image *image);
static inline bool kaya_tamper_has_segment(const struct kaya_image *image)
{
    return kaya_tamper_highest_number(image) != 0;
}

#endif
