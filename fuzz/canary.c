/* A bug on purpose: it shows that the engine, the sanitizers and the way from a seed to a finding work. A fuzzer that does not
 * find this one within seconds finds nothing, and everybody believes that there is nothing.
 *
 *   input:   bytes. Those that begin with a word of four letters, letter by letter, have one byte behind the end of a buffer read
 *
 * Only coverage leads there: plain chance needs four thousand million inputs. The seed is one empty guess. */
#include <stdlib.h>
#include <string.h>

#include "support/mutate.h"
#include "support/target.h"

static size_t common_letters(const uint8_t *data, size_t size)
{
    static const char word[] = "kaya";
    size_t count = 0;

    if (size > 0 && data[0] == (uint8_t)word[0])
        count = 1;
    if (count == 1 && size > 1 && data[1] == (uint8_t)word[1])
        count = 2;
    if (count == 2 && size > 2 && data[2] == (uint8_t)word[2])
        count = 3;
    if (count == 3 && size > 3 && data[3] == (uint8_t)word[3])
        count = 4;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { ROOM = 4 };
    volatile uint8_t *buffer = malloc(ROOM);

    fuzz_must(buffer != NULL, "there is memory");
    memset((void *)buffer, 0, ROOM);
    (void)buffer[common_letters(data, size)]; /* 4 is one too many */
    free((void *)buffer);
    return 0;
}

const struct fuzz_target fuzz_target = { .pieces = NULL };
