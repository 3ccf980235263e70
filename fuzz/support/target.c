#include "target.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES = 4096 };

uint8_t fuzz_byte(struct fuzz_bytes *bytes)
{
    return bytes->next < bytes->end ? *bytes->next++ : 0;
}

uint32_t fuzz_number(struct fuzz_bytes *bytes, uint32_t count)
{
    uint32_t high = fuzz_byte(bytes);

    return (high << 8 | fuzz_byte(bytes)) % count;
}

void fuzz_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    abort();
}

void fuzz_must(bool condition, const char *what)
{
    if (!condition)
        fuzz_fail("not so: %s", what);
}

void fuzz_write_seed(const char *folder, const char *name, const uint8_t *bytes, size_t length)
{
    char path[PATH_BYTES];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}
