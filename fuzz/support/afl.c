/* The mutator as AFL++ loads it, beside the target: as libFuzzer has it, with havoc.c in place of the engine's own mutation. AFL++
 * runs its mutations besides. One call in eight crosses the two inputs that it gives. */
#include <stdlib.h>
#include <string.h>

#include "havoc.h"
#include "mutate.h"
#include "target.h"

/* AFL++'s interface; it has no header. */
void *afl_custom_init(void *afl, unsigned seed);
size_t afl_custom_fuzz(void *mutator, uint8_t *data, size_t size, uint8_t **mutated, uint8_t *other,
                       size_t other_size, size_t size_max);
void afl_custom_deinit(void *mutator);

enum { CROSSINGS_ONE_IN = 8 };

struct mutator {
    uint8_t *bytes; /* what the last call handed out */
    size_t size_max;
};

void *afl_custom_init(void *afl, unsigned seed)
{
    struct mutator *mutator = calloc(1, sizeof *mutator);

    (void)afl;
    fuzz_must(mutator != NULL, "there is memory for a mutator");
    fuzz_havoc_seed(seed);
    return mutator;
}

static void make_room(struct mutator *mutator, size_t size_max)
{
    if (mutator->size_max >= size_max)
        return;
    free(mutator->bytes);
    mutator->bytes = malloc(size_max);
    mutator->size_max = size_max;
    fuzz_must(mutator->bytes != NULL, "there is memory for a mutation");
}

size_t afl_custom_fuzz(void *user, uint8_t *data, size_t size, uint8_t **mutated, uint8_t *other,
                       size_t other_size, size_t size_max)
{
    struct mutator *mutator = user;

    make_room(mutator, size_max);
    *mutated = mutator->bytes;
    if (other != NULL && fuzz_havoc_draw(CROSSINGS_ONE_IN) == 0)
        return fuzz_cross_over(data, size, other, other_size, mutator->bytes, size_max,
                               fuzz_havoc_draw(UINT32_MAX));
    size = size < size_max ? size : size_max;
    memcpy(mutator->bytes, data, size);
    return fuzz_mutate(mutator->bytes, size, size_max, fuzz_havoc_draw(UINT32_MAX));
}

void afl_custom_deinit(void *user)
{
    struct mutator *mutator = user;

    free(mutator->bytes);
    free(mutator);
}
