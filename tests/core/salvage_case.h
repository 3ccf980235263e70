/* What salvage owes of a damaged log, worked out from what was appended and from which bytes still stand, not from anything that core
 * says. */
#ifndef TESTS_CORE_SALVAGE_CASE_H
#define TESTS_CORE_SALVAGE_CASE_H

#include "damage_case.h"

/* What came. */
struct salvage_look {
    uint64_t record_count, incomplete_count, mended_count, gap_count;
    uint64_t owed_count;     /* records that are whole in the image, with their segment's link and header */
    uint64_t lost_first_lsn; /* of the first gap with records */
    uint64_t lost_last_lsn;  /* of the last one; 0: not known */
    uint64_t damage_segment; /* of the first gap */
    uint64_t damage_offset;  /* likewise */
    char reason[LOG_TEXT_BYTES];
    bool came[LOG_RECORDS_MAX + 1]; /* by LSN */
};

/* Salvage the damaged image as it stands: every record owed came once, in order, with its bytes, number, type and batch; nothing else
 * came; gaps say exactly what is missing; nothing was written, no memory kept. */
bool salvage_case_try(struct damage_case *damage, struct salvage_look *look, char trouble[LOG_TEXT_BYTES]);

#endif
