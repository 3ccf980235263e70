/* The golden vectors as inputs of ../decode_frame.c, one a file, in the folder that is named. */
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "frame.h"
#include "tests/core/golden.h"

enum { PREFIX_BYTES = 3, INPUT_BYTES_MAX = PREFIX_BYTES + GOLDEN_BLOCK_BYTES, PATH_BYTES = 4096 };

static size_t bytes_of(uint8_t *bytes, const char *hex)
{
    size_t length = strlen(hex) / 2;

    for (size_t i = 0; i < length; i++) {
        char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };

        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return length;
}

/* Shape 0 of decode_frame.c is the golden vectors' own; places count from its first frame's. */
static size_t input_of(uint8_t *input, const struct golden_frame *golden)
{
    const struct shape shape = {
        .block_bytes = GOLDEN_BLOCK_BYTES,
        .unit_bytes = 0,
        .segment_bytes = 16 * GOLDEN_BLOCK_BYTES,
    };

    input[0] = 0;
    store16(input + 1, (uint16_t)((golden->offset_bytes - kaya_shape_first_frame(&shape)) / 4));
    return PREFIX_BYTES + bytes_of(input + PREFIX_BYTES, golden->bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof GOLDEN_FRAMES / sizeof GOLDEN_FRAMES[0]; i++) {
        uint8_t input[INPUT_BYTES_MAX];
        size_t length = input_of(input, &GOLDEN_FRAMES[i]);
        char path[PATH_BYTES];
        FILE *file;

        snprintf(path, sizeof path, "%s/golden-%zu", argv[1], i);
        file = fopen(path, "wb");
        if (!file || fwrite(input, 1, length, file) != length || fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}
