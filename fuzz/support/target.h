/* What the targets share: how they say no, and the engine that they hang on. */
#ifndef FUZZ_SUPPORT_TARGET_H
#define FUZZ_SUPPORT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The target itself, and what a target may have besides: called by the engine. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Bytes of the input, one after another; behind the end come zeros. */
struct fuzz_bytes {
    const uint8_t *next, *end;
};
uint8_t fuzz_byte(struct fuzz_bytes *bytes);
uint32_t fuzz_number(struct fuzz_bytes *bytes, uint32_t count); /* below `count`, of two bytes */

/* A promise is broken: say which and how, and end the program. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fuzz_must(bool condition, const char *what);

/* Seeds: write one input into `folder`, or end the program and say why not. */
void fuzz_write_seed(const char *folder, const char *name, const uint8_t *bytes, size_t length);

#endif
