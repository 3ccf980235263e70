#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "target.h"

char *fuzz_text_copy(const uint8_t *data, size_t size)
{
    size_t length = size - FUZZ_LETTER_BYTES;
    char *text = malloc(length + 1);

    fuzz_must(text != NULL, "there is memory");
    memcpy(text, data + FUZZ_LETTER_BYTES, length);
    text[length] = '\0';
    return text;
}

size_t fuzz_text_pieces(const uint8_t *data, size_t size, size_t *ends)
{
    size_t count = 0;

    for (size_t at = FUZZ_LETTER_BYTES; at <= size && count < FUZZ_PIECES_MAX; at++)
        if (at == FUZZ_LETTER_BYTES || at == size || data[at - 1] == '\n')
            ends[count++] = at;
    return count;
}
