/* How a directory is written down as an input of directory.c. */
#ifndef FUZZ_DIRECTORY_H
#define FUZZ_DIRECTORY_H

#include <stdint.h>

enum entry_kind {
    ENTRY_SEGMENT, /* files: up to FOREIGN */
    ENTRY_NEW,
    ENTRY_AWAY,
    ENTRY_FOREIGN,
    ENTRY_BYTES_AT,
    ENTRY_CROSS,
    ENTRY_CUT,
    ENTRY_KINDS,
};
enum { HEAD_BYTES = 2, ENTRY_BYTES = 6 };
enum { OPEN_ANCHOR = 1, OPEN_MUST_EXIST = 2, OPEN_CUT_IS_ERROR = 4, OPEN_LSN_SHIFT = 3 };

struct entry {
    uint8_t kind, which;
    uint16_t first, second;
    uint16_t length; /* bytes that follow, as far as the input has them */
};

#endif
