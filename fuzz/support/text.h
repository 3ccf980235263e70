/* Inputs that are a letter, which says what kind of text follows, and the text. */
#ifndef FUZZ_SUPPORT_TEXT_H
#define FUZZ_SUPPORT_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { FUZZ_LETTER_BYTES = 1 };

/* The text of an input that has its letter, with a zero behind it, in memory of just that length, so that a sanitizer sees who reads on.
 * The caller frees it. */
char *fuzz_text_copy(const uint8_t *data, size_t size);

/* The pieces of such an input (mutate.h): its lines. */
size_t fuzz_text_pieces(const uint8_t *data, size_t size, size_t *ends);

#endif
