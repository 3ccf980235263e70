/* A target that asks nothing: what the engine itself costs (tools/bench-fuzz). */
#include "mutate.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
    return 0;
}

const struct fuzz_target fuzz_target = { .pieces = NULL };
